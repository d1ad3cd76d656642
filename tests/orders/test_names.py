"""Which writes are one and the same, from what the bot sent."""

import json
from typing import Any

import pytest

from proxy.errors import BadCall
from proxy.exchanges import EXCHANGES
from proxy.model import Call, Incoming, Upstream
from proxy.orders.names import by_client_id, digest_of, name_of

ORDER = "POST /api/v3/order"


def call(exchange: str, name: str, given: Any, **headers: str) -> Call:
    method, path = name.split(" ")
    row = EXCHANGES[exchange]
    endpoint = row.table.match(method, path)
    assert endpoint is not None and endpoint.call_class.writes
    in_query = exchange == "binance" and method != "POST"
    body = b"" if in_query else (given if isinstance(given, str) else json.dumps(given)).encode()
    rows = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    request = row.strip(Incoming(method, path, given if in_query else "", rows, body))
    return Call("c-1", "grid", "main", endpoint, request, Upstream("https", "x", 443), row.params(request))


def name(exchange: str, endpoint: str, given: Any, **headers: str) -> str:
    return name_of(call(exchange, endpoint, given, **headers), EXCHANGES[exchange])


def crypto(method: str, params: Any) -> Call:
    return call(
        "cryptocom", f"POST /exchange/v1/private/{method}", {"id": 1, "method": f"private/{method}", "params": params}
    )


@pytest.mark.parametrize(
    ("exchange", "endpoint", "given", "named"),
    [
        ("binance", ORDER, "symbol=BTCUSDT&newClientOrderId=a-1", "id:BTCUSDT a-1"),
        ("binance", ORDER, "symbol=BTCUSDT", ""),
        ("binance", ORDER, "symbol=BTCUSDT&newClientOrderId=", ""),
        ("binance", "DELETE /api/v3/order", "symbol=BTCUSDT&origClientOrderId=a-1&newClientOrderId=x", ""),
        ("binance", "PUT /api/v3/order/amend/keepPriority", "symbol=B&orderId=1&newClientOrderId=n", ""),
        (
            "binance",
            "POST /api/v3/order/cancelReplace",
            "symbol=B&cancelOrigClientOrderId=o&cancelNewClientOrderId=x&newClientOrderId=n",
            "id:B n",
        ),
        ("binance", "POST /api/v3/orderList/oco", "symbol=B&belowClientOrderId=d&aboveClientOrderId=u", "id:B d\nB u"),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD&cl_ord_id=c-1&userref=7", "id:c-1"),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD&userref=7", ""),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD&cl_ord_id=c-1&validate=true", ""),
        ("kraken", "POST /0/private/AddOrder", {"pair": "XBTUSD", "cl_ord_id": "c-\ud800"}, "id:c-\\ud800"),
        (
            "kraken",
            "POST /0/private/AddOrderBatch",
            {"pair": "XBTUSD", "orders": [{"cl_ord_id": "c-2"}, {"cl_ord_id": "c-1"}, {"userref": 1}]},
            "id:c-1\nc-2",
        ),
        ("kraken", "POST /0/private/CancelOrder", "cl_ord_id=c-1", ""),
        ("kraken", "POST /0/private/AmendOrder", "cl_ord_id=c-1&limit_price=1", ""),
    ],
)
def test_orders_that_the_bot_names_itself(exchange: str, endpoint: str, given: Any, named: str) -> None:
    assert name(exchange, endpoint, given) == named
    assert by_client_id(named) is bool(named)


def test_orders_of_cryptocom() -> None:
    exchange = EXCHANGES["cryptocom"]
    assert name_of(crypto("create-order", {"client_oid": "c-1"}), exchange) == "id:c-1"
    rows = [{"client_oid": "c-2"}, {"client_oid": "c-1"}, {}]
    assert name_of(crypto("create-order-list", {"order_list": rows}), exchange) == "id:c-1\nc-2"
    assert name_of(crypto("amend-order", {"orig_client_oid": "c-1", "client_oid": "c-2"}), exchange) == ""


@pytest.mark.parametrize("endpoint", [ORDER, "DELETE /api/v3/order"])
def test_a_key_names_any_write_and_goes_first(endpoint: str) -> None:
    found = name("binance", endpoint, "symbol=B&newClientOrderId=a", idempotency_key="k!~")
    assert found == "key:k!~" and not by_client_id(found)


@pytest.mark.parametrize("key", ["", "a b", "a" * 129, "k\u00e9y", "a\x7f"])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(BadCall, match="1 to 128 visible ASCII"):
        name("binance", ORDER, "symbol=B", idempotency_key=key)


def test_of_a_key_given_twice_the_first_counts() -> None:
    request = call("binance", ORDER, "symbol=B")
    headers = (("idempotency-key", "one"), ("idempotency-key", "two"))
    twice = Call("c", "b", "a", request.endpoint, Incoming("POST", "/", "", headers, b""), request.upstream)
    assert name_of(twice, EXCHANGES["binance"]) == "key:one"


def test_the_same_order_in_another_dress() -> None:
    one = call("binance", ORDER, "symbol=B&side=BUY&price=1.10&timestamp=1&signature=dummy")
    other = call("binance", ORDER, "price=1.10&symbol=B&side=BUY&timestamp=2")
    assert digest_of(one) == digest_of(other)
    rows = [{"price": "1", "side": "BUY"}]
    turned = [{"side": "BUY", "price": "1"}]
    assert digest_of(crypto("create-order-list", {"order_list": rows})) == digest_of(
        crypto("create-order-list", {"order_list": turned})
    )


@pytest.mark.parametrize(
    "other",
    [
        "symbol=B&side=BUY&price=1.1",
        "symbol=B&side=BUY",
        "symbol=B&side=BUY&price=1.10&more=1",
        "symbol=B&side=BUYp&rice=1.10",
    ],
)
def test_another_order(other: str) -> None:
    one = call("binance", ORDER, "symbol=B&side=BUY&price=1.10")
    assert digest_of(one) != digest_of(call("binance", ORDER, other))


def test_the_same_parameters_at_another_endpoint_are_another_call() -> None:
    given = "symbol=B&orderId=1"
    assert digest_of(call("binance", "DELETE /api/v3/order", given)) != digest_of(
        call("binance", "DELETE /api/v3/openOrders", given)
    )


def test_order_within_a_list_counts() -> None:
    one, other = ([{"side": a}, {"side": b}] for a, b in (("BUY", "SELL"), ("SELL", "BUY")))
    assert digest_of(crypto("create-order-list", {"order_list": one})) != digest_of(
        crypto("create-order-list", {"order_list": other})
    )


def test_deep_nesting_is_no_way_to_break_it() -> None:
    deep = "[" * 100_000
    assert digest_of(call("kraken", "POST /0/private/AddOrderBatch", f"pair=B&orders={deep}"))
