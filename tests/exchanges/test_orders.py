"""Which orders a write names, and which orders only reduce a position: per exchange, from a bot's own request."""

import json
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.form import Orders
from proxy.model import Auth, CallClass, Endpoint, Incoming


def asked(exchange: str, name: str, given: Any) -> tuple[Endpoint, Incoming]:
    """`given`: a form as text, or the JSON body."""
    method, path = name.split(" ")
    endpoint = EXCHANGES[exchange].table.match(method, path)
    assert endpoint is not None and endpoint.call_class.writes
    in_query = exchange == "binance" and method != "POST"
    body = b"" if in_query else (given if isinstance(given, str) else json.dumps(given)).encode()
    return endpoint, Incoming(method, path, given if in_query else "", (), body)


def orders(exchange: str, name: str, given: Any) -> Orders:
    endpoint, request = asked(exchange, name, given)
    row = EXCHANGES[exchange]
    return row.orders(endpoint, row.params(row.strip(request)))


def closes(exchange: str, name: str, given: Any) -> bool:
    endpoint, request = asked(exchange, name, given)
    row = EXCHANGES[exchange]
    return row.closes(endpoint, row.params(row.strip(request)))


@pytest.mark.parametrize(
    ("name", "given", "named"),
    [
        ("POST /api/v3/order", "symbol=BTCUSDT&newClientOrderId=a%2Db&side=BUY", {"BTCUSDT a-b"}),
        ("POST /api/v3/order", "symbol=BTCUSDT&side=BUY&newClientOrderId=", set()),
        ("DELETE /api/v3/order", "symbol=BTCUSDT&origClientOrderId=a-b", {"BTCUSDT a-b"}),
        ("DELETE /api/v3/order", "symbol=ETHUSDT&orderId=12&newClientOrderId=c", {"ETHUSDT 12", "ETHUSDT c"}),
        ("PUT /api/v3/order/amend/keepPriority", "symbol=B&orderId=1&newClientOrderId=n&newQty=2", {"B 1", "B n"}),
        (
            "POST /api/v3/order/cancelReplace",
            "symbol=B&cancelOrigClientOrderId=o&cancelNewClientOrderId=x&newClientOrderId=n&cancelOrderId=9",
            {"B o", "B x", "B n", "B 9"},
        ),
        (
            "POST /api/v3/orderList/otoco",
            "symbol=B&listClientOrderId=l&workingClientOrderId=w&pendingAboveClientOrderId=u&pendingBelowClientOrderId=d",
            {"B l", "B w", "B u", "B d"},
        ),
        ("POST /api/v3/orderList/oco", "symbol=B&aboveClientOrderId=u&belowClientOrderId=d", {"B u", "B d"}),
        ("DELETE /api/v3/orderList", "symbol=B&orderListId=3", {"B 3"}),
        ("DELETE /api/v3/openOrders", "symbol=B", set()),
    ],
)
def test_binance(name: str, given: str, named: set[str]) -> None:
    found = orders("binance", name, given)
    assert set(found.own) == named and found.tags == ()


@pytest.mark.parametrize(
    ("name", "given", "own", "tags"),
    [
        ("AddOrder", "pair=XBTUSD&cl_ord_id=c-1", {"c-1"}, set()),
        ("AddOrder", "pair=XBTUSD&userref=7", set(), {"7"}),
        ("AddOrder", {"pair": "XBTUSD", "userref": 7}, set(), {"7"}),
        ("EditOrder", "txid=OA-1&userref=7", {"OA-1"}, {"7"}),
        ("AmendOrder", "cl_ord_id=c-1&limit_price=1", {"c-1"}, set()),
        ("CancelOrder", "txid=OA-1%2COB-2", {"OA-1", "OB-2"}, set()),
        ("CancelOrder", "txid=7", {"7"}, set()),
        ("CancelOrder", {"txid": 7}, {"7"}, set()),
        ("CancelOrder", "userref=7", {"7"}, set()),
        ("CancelOrder", "txid=", set(), set()),
        ("CancelOrderBatch", {"orders": ["OA-1", 7], "cl_ord_ids": ["c-1", "c-2"]}, {"OA-1", "7", "c-1", "c-2"}, set()),
        ("AddOrderBatch", {"pair": "XBTUSD", "orders": [{"cl_ord_id": "c-1"}, {"userref": 7}]}, {"c-1"}, {"7"}),
        ("AddOrderBatch", "pair=XBTUSD&orders=%5B%7Bbroken", set(), set()),
        ("CancelAll", "", set(), set()),
        ("CancelAllOrdersAfter", "timeout=60", set(), set()),
    ],
)
def test_kraken(name: str, given: Any, own: set[str], tags: set[str]) -> None:
    found = orders("kraken", f"POST /0/private/{name}", given)
    assert (set(found.own), set(found.tags)) == (own, tags)


@pytest.mark.parametrize(
    ("name", "given", "named"),
    [
        ("create-order", {"instrument_name": "BTC_USDT", "client_oid": "c-1"}, {"c-1"}),
        ("cancel-order", {"order_id": 53287421324999999}, {"53287421324999999"}),
        ("cancel-order", {"order_id": "5", "client_oid": ""}, {"5"}),
        ("amend-order", {"orig_client_oid": "c-1", "client_oid": "c-2"}, {"c-1", "c-2"}),
        ("create-order-list", {"order_list": [{"client_oid": "c-1"}, {"client_oid": "c-2"}, {}]}, {"c-1", "c-2"}),
        ("cancel-order-list", {"order_list": [{"order_id": 5}, {"client_oid": "c-2"}]}, {"5", "c-2"}),
        ("advanced/cancel-oco", {"list_id": "44"}, {"44"}),
        ("cancel-all-orders", {"instrument_name": "BTC_USDT"}, set()),
    ],
)
def test_cryptocom(name: str, given: Any, named: set[str]) -> None:
    found = orders("cryptocom", f"POST /exchange/v1/private/{name}", {"id": 1, "params": given})
    assert set(found.own) == named and found.tags == ()


@pytest.mark.parametrize(
    ("exchange", "name", "given", "expected"),
    [
        ("binance", "POST /api/v3/order", "symbol=BTCUSDT&type=STOP_LOSS&reduceOnly=true", False),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD&reduce_only=true", True),
        ("kraken", "POST /0/private/AddOrder", {"pair": "XBTUSD", "reduce_only": True}, True),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD&reduce_only=false", False),
        ("kraken", "POST /0/private/AddOrder", "pair=XBTUSD", False),
        ("kraken", "POST /0/private/AddOrderBatch", {"orders": [{"reduce_only": True}, {"reduce_only": True}]}, True),
        ("kraken", "POST /0/private/AddOrderBatch", {"orders": [{"reduce_only": True}, {}]}, False),
        ("cryptocom", "create-order", {"exec_inst": ["POST_ONLY", "REDUCE_ONLY"]}, True),
        ("cryptocom", "create-order", {"exec_inst": ["POST_ONLY"]}, False),
        ("cryptocom", "create-order", {}, False),
        ("cryptocom", "create-order-list", {"order_list": [{"exec_inst": ["REDUCE_ONLY"]}, {}]}, False),
        ("cryptocom", "create-order-list", {"order_list": [{"exec_inst": ["REDUCE_ONLY"]}]}, True),
        ("cryptocom", "close-position", {"instrument_name": "BTCUSD-PERP", "type": "MARKET"}, True),
    ],
)
def test_what_only_reduces(exchange: str, name: str, given: Any, expected: bool) -> None:
    if exchange == "cryptocom":
        name, given = f"POST /exchange/v1/private/{name}", {"id": 1, "params": given}
    assert closes(exchange, name, given) is expected


@pytest.mark.parametrize("name", ["reduceOnly", "closePosition"])
def test_binance_futures_have_orders_that_only_reduce(name: str) -> None:
    endpoint = Endpoint("POST /fapi/v1/order", "usdm", CallClass.PLACE, Auth.SIGNED)
    assert EXCHANGES["binance"].closes(endpoint, {name: "true"})
    assert not EXCHANGES["binance"].closes(endpoint, {name: "false"})
