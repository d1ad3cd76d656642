"""Which orders a KuCoin write names, and the ids that are put in."""

import itertools
import json
from typing import Any

import pytest

from proxy.exchanges.kucoin import EXCHANGE
from proxy.model import CallClass, Endpoint, Incoming


def call(
    name: str, body: str = "", query: str = "", product: str = "spot"
) -> tuple[Endpoint, Incoming, dict[str, str]]:
    method, _, path = name.partition(" ")
    endpoint = EXCHANGE.table.match(method, path, product)
    assert endpoint is not None
    request = EXCHANGE.strip(Incoming(method, path, query, (), body.encode()))
    return endpoint, request, {**EXCHANGE.params(request), **EXCHANGE.table.path_params(endpoint, path)}


def identified(name: str, body: str, product: str = "spot") -> tuple[str, dict[str, str]]:
    numbers = itertools.count(1)
    endpoint, request, params = call(name, body, product=product)
    made, found = EXCHANGE.identify(endpoint, request, params, lambda: f"og{next(numbers)}")
    assert (made is request) == (made.body == request.body)
    return made.body.decode(), dict(found)


SINGLE = [
    *(("spot", f"POST /api/v1/hf/orders{end}") for end in ("", "/sync")),
    ("spot", "POST /api/v1/orders"),
    ("spot", "POST /api/v1/stop-order"),
    ("spot", "POST /api/v1/margin/order"),
    ("spot", "POST /api/v3/hf/margin/order"),
    ("spot", "POST /api/v3/oco/order"),
    ("futures", "POST /api/v1/orders"),
    ("futures", "POST /api/v1/st-orders"),
    ("futures", "POST /api/v1/copy-trade/futures/orders"),
]


@pytest.mark.parametrize(("product", "name"), SINGLE)
def test_an_order_gets_an_id_if_it_has_none(product: str, name: str) -> None:
    body, params = identified(name, '{"size": 1.10}', product)
    assert (body, params["clientOid"]) == ('{"size": 1.10,"clientOid":"og1"}', "og1")
    assert identified(name, '{"clientOid":"mine"}', product)[0] == '{"clientOid":"mine"}'
    endpoint, _, given = call(name, '{"clientOid":"mine"}', product=product)
    assert EXCHANGE.orders(endpoint, given).own == EXCHANGE.client_ids(endpoint, given) == ("mine",)


@pytest.mark.parametrize(
    ("product", "name", "around"),
    [
        ("spot", "POST /api/v1/hf/orders/multi", '{"orderList":%s}'),
        ("spot", "POST /api/v1/hf/orders/multi/sync", '{"orderList":%s}'),
        ("spot", "POST /api/v1/orders/multi", '{"symbol":"BTC-USDT","orderList":%s}'),
        ("futures", "POST /api/v1/orders/multi", "%s"),
    ],
)
def test_so_does_each_order_of_a_list(product: str, name: str, around: str) -> None:
    body, params = identified(name, around % '[{"size":1.0}, {"clientOid":"mine"}]', product)
    assert body == around % '[{"size":1.0,"clientOid":"og1"}, {"clientOid":"mine"}]'
    endpoint = call(name, around % "[]", product=product)[0]
    assert EXCHANGE.client_ids(endpoint, params) == ("og1", "mine")


def test_every_endpoint_that_places_one_order_puts_an_id_in() -> None:
    placing = {row.name for row in EXCHANGE.table.endpoints() if row.call_class is CallClass.PLACE}
    for row in EXCHANGE.table.endpoints():
        if row.name in placing:
            params: dict[str, str] = {"orderList": '[{"clientOid":"mine"}]', "[]": '[{"clientOid":"mine"}]'}
            assert EXCHANGE.client_ids(row, {**params, "clientOid": "mine"}) == ("mine",), row.name


@pytest.mark.parametrize(
    ("product", "name", "body", "query", "orders"),
    [
        ("spot", "DELETE /api/v1/hf/orders/7", "", "symbol=BTC-USDT", ("7",)),
        ("spot", "DELETE /api/v1/hf/orders/sync/7", "", "", ("7",)),
        ("spot", "DELETE /api/v1/hf/orders/client-order/mine", "", "", ("mine",)),
        ("spot", "DELETE /api/v1/hf/orders/cancelAll", "", "", ()),
        ("spot", "DELETE /api/v1/hf/orders", "", "symbol=BTC-USDT", ()),
        ("spot", "DELETE /api/v1/orders/7", "", "", ("7",)),
        ("spot", "DELETE /api/v1/order/client-order/mine", "", "", ("mine",)),
        ("spot", "DELETE /api/v1/stop-order/cancelOrderByClientOid", "", "clientOid=mine", ("mine",)),
        ("spot", "DELETE /api/v3/hf/margin/orders/client-order/mine", "", "", ("mine",)),
        ("spot", "POST /api/v1/hf/orders/alter", '{"orderId":"7","newPrice":"1"}', "", ("7",)),
        ("futures", "DELETE /api/v1/orders/7", "", "", ("7",)),
        ("futures", "DELETE /api/v1/orders/client-order/mine", "", "symbol=XBTUSDTM", ("mine",)),
        ("futures", "DELETE /api/v1/orders", "", "", ()),
        ("futures", "DELETE /api/v1/orders/multi-cancel", '{"orderIdsList":["7","8"]}', "", ("7", "8")),
        (
            *("futures", "DELETE /api/v1/orders/multi-cancel"),
            '{"clientOidsList":[{"symbol":"XBTUSDTM","clientOid":"mine"}]}',
            *("", ("mine",)),
        ),
    ],
)
def test_names(product: str, name: str, body: str, query: str, orders: tuple[str, ...]) -> None:
    endpoint, _, params = call(name, body, query, product)
    assert EXCHANGE.orders(endpoint, params).own == orders
    assert EXCHANGE.client_ids(endpoint, params) == ()


@pytest.mark.parametrize(
    ("given", "closes"),
    [
        ({"reduceOnly": True}, True),
        ({"reduceOnly": "true"}, True),
        ({"closeOrder": True}, True),
        ({"reduceOnly": False}, False),
        ({}, False),
    ],
)
def test_reduce_only(given: dict[str, Any], closes: bool) -> None:
    endpoint, _, params = call("POST /api/v1/orders", json.dumps(given), product="futures")
    assert EXCHANGE.closes(endpoint, params) is closes
    several, _, params = call("POST /api/v1/orders/multi", json.dumps([given, given]), product="futures")
    assert EXCHANGE.closes(several, params) is closes
    spot, _, params = call("POST /api/v1/orders", json.dumps(given))
    assert EXCHANGE.closes(spot, params) is False
