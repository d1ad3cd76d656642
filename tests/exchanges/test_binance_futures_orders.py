"""Futures orders: the names of a call, ids put in, what closes a position, the rows of a list."""

import itertools
import json
from typing import Any
from urllib.parse import quote, unquote

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.form import Orders
from proxy.model import CallClass, Executed, Incoming, Item, Reply

EXCHANGE = EXCHANGES["binance"]
F, D, P = "/fapi/v1/", "/dapi/v1/", "/papi/v1/"
NO, MAYBE, YES = Executed.NO, Executed.UNKNOWN, Executed.YES


class Write:
    def __init__(self, method: str, path: str, query: str = "", body: str = "") -> None:
        found = EXCHANGE.table.match(method, path)
        assert found is not None
        self.endpoint = found
        self.sent = EXCHANGE.strip(Incoming(method, path, query, (), body.encode()))
        numbers = itertools.count(1)
        self.request, self.params = EXCHANGE.identify(
            found, self.sent, EXCHANGE.params(self.sent), lambda: f"og-{next(numbers)}"
        )

    @property
    def orders(self) -> tuple[str, ...]:
        found = EXCHANGE.orders(self.endpoint, self.params)
        assert found == Orders(found.own)
        return found.own

    @property
    def ids(self) -> tuple[str, ...]:
        return EXCHANGE.client_ids(self.endpoint, self.params)

    @property
    def closes(self) -> bool:
        return EXCHANGE.closes(self.endpoint, self.params)

    def items(self, status: int, body: Any) -> tuple[Item, ...]:
        text = body if isinstance(body, str) else json.dumps(body)
        return EXCHANGE.items(self.endpoint, self.params, Reply(status, b"", (), text.encode(), 1))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((f"{root}order", "newClientOrderId") for root in (F, D)),
        *((f"{root}algoOrder", "clientAlgoId") for root in (F, D)),
        *((f"{P}{side}/order", "newClientOrderId") for side in ("um", "cm")),
        *((f"{P}{side}/conditional/order", "newClientStrategyId") for side in ("um", "cm")),
        (f"{P}um/algo/order", "clientAlgoId"),
    ],
)
def test_an_order_without_an_id_gets_one(path: str, name: str) -> None:
    assert Write("POST", path, "symbol=A").request.query == f"symbol=A&{name}=og-1"
    found = Write("POST", path, "", f"symbol=A&{name}=&side=B")
    assert found.request.body.decode() == f"symbol=A&side=B&{name}=og-1"
    assert found.params[name] == "og-1" and len(found.ids) == 1
    named = Write("POST", path, f"{name}=mine&symbol=A")
    assert named.request is named.sent


def test_every_placing_row_gets_ids_and_names_its_orders() -> None:
    for row in EXCHANGE.table.exact.values():
        if row.product == "spot" or row.call_class is not CallClass.PLACE:
            continue
        given = "symbol=A" if "batch" not in row.name else f"batchOrders={quote(json.dumps([{'symbol': 'A'}]))}"
        found = Write("POST", row.path, given)
        assert len(found.ids) == 1 and found.orders == found.ids, row.name


@pytest.mark.parametrize("root", [F, D])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("in_body", [False, True])
def test_rows_without_an_id_get_one_and_all_else_stays(root: str, encoded: bool, in_body: bool) -> None:
    sent = '[{"symbol":"A","price":1.10},{"newClientOrderId":"mine","symbol":"B"},{"symbol":"C","newClientOrderId":""}]'
    text = quote(sent, safe="") if encoded else sent
    given = f"a=%2F&batchOrders={text}&recvWindow=5"
    found = Write("POST", f"{root}batchOrders", *(("", given) if in_body else (given,)))
    now = found.request.body.decode() if in_body else found.request.query
    first, middle, last = now.split("&")
    assert (first, last) == ("a=%2F", "recvWindow=5")
    value = middle.removeprefix("batchOrders=")
    assert ("%" in value) is encoded
    assert unquote(value) == (
        '[{"symbol":"A","price":1.10,"newClientOrderId":"og-1"},'
        '{"newClientOrderId":"mine","symbol":"B"},{"symbol":"C","newClientOrderId":"og-2"}]'
    )
    assert found.params["batchOrders"] == unquote(value)
    product = found.endpoint.product
    assert found.ids == (f"{product} A og-1", f"{product} B mine", f"{product} C og-2")


@pytest.mark.parametrize(
    "text", ["", "[", "7", "{}", "[]", '[{"symbol":"A","newClientOrderId":"a"}]', '[{"a":1,"a":2}]']
)
def test_lists_that_need_nothing_or_cannot_be_read_stay(text: str) -> None:
    found = Write("POST", f"{F}batchOrders", f"batchOrders={quote(text, safe='')}")
    assert found.request is found.sent
    assert Write("PUT", f"{F}batchOrders", "batchOrders=[{}]").request.query == "batchOrders=[{}]"


@pytest.mark.parametrize(
    ("method", "path", "given", "named"),
    [
        ("POST", f"{F}order", "symbol=A&newClientOrderId=a", ["usdm A a"]),
        ("POST", f"{D}order", "symbol=A&newClientOrderId=a", ["coinm A a"]),
        ("PUT", f"{F}order", "symbol=A&orderId=5&origClientOrderId=a", ["usdm A 5", "usdm A a"]),
        ("DELETE", f"{F}order", "symbol=A&orderId=5", ["usdm A 5"]),
        ("DELETE", f"{D}batchOrders", "symbol=A&orderIdList=[5,6]", ["coinm A 5", "coinm A 6"]),
        ("DELETE", f"{F}batchOrders", "symbol=A&orderidlist=%5B5%2C6%5D", ["usdm A 5", "usdm A 6"]),
        ("DELETE", f"{F}batchOrders", 'symbol=A&origClientOrderIdList=["a","b"]', ["usdm A a", "usdm A b"]),
        ("PUT", f"{F}batchOrders", 'batchOrders=[{"symbol":"A","orderId":5}]', ["usdm A 5"]),
        ("DELETE", f"{F}algoOrder", "algoId=5&clientAlgoId=a", ["usdm 5", "usdm a"]),
        ("DELETE", f"{P}um/conditional/order", "symbol=A&strategyId=5", ["portfolio A 5"]),
        ("DELETE", f"{F}allOpenOrders", "symbol=A", []),
        ("DELETE", f"{F}algoOpenOrders", "symbol=A", []),
        ("POST", f"{F}countdownCancelAll", "symbol=A&countdownTime=0", []),
    ],
)
def test_the_orders_of_a_call(method: str, path: str, given: str, named: list[str]) -> None:
    assert list(Write(method, path, given).orders) == named


def test_spot_has_names_of_its_own() -> None:
    spot, usdm = (Write("POST", path, "symbol=A&newClientOrderId=a") for path in ("/api/v3/order", f"{F}order"))
    assert set(spot.ids).isdisjoint(usdm.ids) and set(spot.orders).isdisjoint(usdm.orders)


@pytest.mark.parametrize(
    ("path", "given", "closes"),
    [
        (f"{F}order", "symbol=A&reduceOnly=true", True),
        (f"{F}order", "symbol=A&reduceOnly=TRUE", True),
        (f"{F}order", "symbol=A&reduceOnly=false", False),
        (f"{F}algoOrder", "symbol=A&closePosition=true", True),
        (f"{D}order", "symbol=A", False),
        (f"{F}batchOrders", 'batchOrders=[{"reduceOnly":"true"},{"closePosition":true}]', True),
        (f"{F}batchOrders", 'batchOrders=[{"reduceOnly":"true"},{}]', False),
        (f"{F}batchOrders", "batchOrders=[]", False),
        (f"{F}batchOrders", "reduceOnly=true&batchOrders=x", False),
        ("/api/v3/order", "symbol=A&reduceOnly=true", False),
    ],
)
def test_what_can_only_close(path: str, given: str, closes: bool) -> None:
    assert Write("POST", path, given).closes is closes


# -- the rows of a list


def order(number: int, **more: Any) -> dict[str, Any]:
    return {"orderId": number, "clientOrderId": f"c-{number}", "status": "NEW", **more}


def test_each_order_of_a_list_is_told() -> None:
    write = Write("POST", f"{F}batchOrders", 'batchOrders=[{"newClientOrderId":"a"},{},{"newClientOrderId":"c"}]')
    refused, lost = {"code": -2019, "msg": "Margin is insufficient."}, {"code": -1007, "msg": "Timeout."}
    assert write.items(200, [order(5), refused, lost]) == (
        Item(0, "a", YES, "5"),
        Item(1, "og-1", NO, "", "-2019 Margin is insufficient."),
        Item(2, "c", MAYBE, "", "-1007 Timeout."),
    )
    assert write.items(200, [order(5), {}, {"code": 7}])[1:] == (Item(1, "og-1", MAYBE), Item(2, "c", MAYBE))
    for status, body in ((400, [order(5)] * 3), (200, [order(5)]), (200, {}), (200, "["), (200, [1, 2, 3])):
        assert write.items(status, body) == ()


def test_each_cancelled_order_of_a_list_is_told() -> None:
    gone = order(5, status="CANCELED")
    for given in ("orderIdList=[5,6,7]", "orderidlist=[5,6,7]"):
        write = Write("DELETE", f"{D}batchOrders", f"symbol=A&{given}")
        assert write.items(200, [gone, {"code": -2011, "msg": "Unknown order sent."}, order(7)]) == (
            Item(0, "5", YES, "5"),
            Item(1, "6", NO, "", "-2011 Unknown order sent."),
            Item(2, "7", MAYBE, "7"),
        )
    changes = Write("PUT", f"{F}batchOrders", 'batchOrders=[{"orderId":5},{"origClientOrderId":"b"}]')
    assert changes.items(200, [order(5), order(6)]) == (Item(0, "5", YES, "5"), Item(1, "b", YES, "6"))


def test_a_call_about_one_order_has_no_rows() -> None:
    assert Write("POST", f"{F}order", "symbol=A").items(200, order(5)) == ()
