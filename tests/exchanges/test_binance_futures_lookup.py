"""Looking up futures writes whose answer was lost: what is asked, what answers prove, what is told the bot."""

import json
from email.utils import formatdate
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.lookup import Finding, Found
from proxy.model import Reply, Stamp
from tests.exchanges.test_binance_futures_orders import Write

EXCHANGE = EXCHANGES["binance"]
SINCE_MS = 1_700_000_000_000
F, D, P = "/fapi/v1/", "/dapi/v1/", "/papi/v1/"
DONE, NOT_SO_FAR, NEVER, CANNOT_TELL = Found.DONE, Found.NOT_SO_FAR, Found.NEVER, Found.CANNOT_TELL
GONE = {"code": -2013, "msg": "Order does not exist."}
AFTER, BEFORE = SINCE_MS + 40, SINCE_MS - 60_000


class Lost(Write):
    """A write whose answer is lost."""

    def __init__(self, method: str, path: str, query: str = "") -> None:
        super().__init__(method, path, query)
        self.lookups = EXCHANGE.lookups(self.endpoint, self.request, self.params, SINCE_MS)

    def asks(self) -> list[str]:
        found = []
        for lookup in self.lookups:
            method, _, path = lookup.endpoint.partition(" ")
            row = EXCHANGE.table.match(method, path)
            assert row is not None and row.name == lookup.endpoint and not row.call_class.writes
            assert (lookup.request.method, lookup.request.path) == (method, path)
            found.append(f"{lookup.item} {path.rpartition('/')[2]} {lookup.request.query}")
        return found

    def found(self, body: Any, status: int = 200, which: int = 0, date_ms: int = SINCE_MS + 10_000) -> Finding:
        text = body if isinstance(body, str) else json.dumps(body)
        date = ((b"Date", formatdate(date_ms // 1000, usegmt=True).encode()),)
        reply = Reply(status, b"", date, text.encode(), 1)
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[which], reply)

    def told(self, findings: dict[int, Finding]) -> tuple[int, Any] | None:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, findings)
        return None if made is None else (made.status, json.loads(made.body))


def order(**more: Any) -> dict[str, Any]:
    shown = {"orderId": 5, "clientOrderId": "a", "symbol": "A", "status": "NEW", "price": "10", "origQty": "1"}
    return {**shown, "executedQty": "0", "avgPrice": "0", "cumQuote": "0", "time": AFTER, "updateTime": AFTER, **more}


@pytest.mark.parametrize(
    ("method", "path", "given", "asked"),
    [
        ("POST", f"{F}order", "symbol=A%2F&newClientOrderId=a%3A", ["0 order symbol=A%2F&origClientOrderId=a%3A"]),
        ("POST", f"{D}order", "symbol=A", ["0 order symbol=A&origClientOrderId=og-1"]),
        ("POST", f"{P}cm/order", "symbol=A", ["0 order symbol=A&origClientOrderId=og-1"]),
        (
            "POST",
            f"{F}batchOrders",
            'batchOrders=[{"symbol":"A","newClientOrderId":"a"},{"symbol":"B"}]',
            ["0 order symbol=A&origClientOrderId=a", "1 order symbol=B&origClientOrderId=og-1"],
        ),
        ("DELETE", f"{F}order", "symbol=A&orderId=5&origClientOrderId=a", ["0 order symbol=A&orderId=5"]),
        ("DELETE", f"{D}order", "symbol=A&origClientOrderId=a", ["0 order symbol=A&origClientOrderId=a"]),
        ("DELETE", f"{F}order", "symbol=A", []),
        ("DELETE", f"{P}um/order", "symbol=A&orderId=5", ["0 order symbol=A&orderId=5"]),
        (
            "DELETE",
            f"{F}batchOrders",
            "symbol=A&orderIdList=[5,6]",
            ["0 order symbol=A&orderId=5", "1 order symbol=A&orderId=6"],
        ),
        (
            "DELETE",
            f"{D}batchOrders",
            "symbol=A&origclientorderidlist=%5B%22a%22%5D",
            ["0 order symbol=A&origClientOrderId=a"],
        ),
        ("DELETE", f"{D}batchOrders", "symbol=A&orderIdList=5", []),
        (
            "PUT",
            f"{F}order",
            "symbol=A&orderId=5&price=9",
            ["0 order symbol=A&orderId=5", "0 orderAmendment symbol=A&orderId=5"],
        ),
        (
            "PUT",
            f"{D}batchOrders",
            'batchOrders=[{"symbol":"A","origClientOrderId":"a"}]',
            ["0 order symbol=A&origClientOrderId=a", "0 orderAmendment symbol=A&origClientOrderId=a"],
        ),
        ("PUT", f"{P}um/order", "symbol=A&orderId=5&price=9", ["0 order symbol=A&orderId=5"]),
        ("POST", f"{F}algoOrder", "symbol=A&clientAlgoId=a", ["0 algoOrder clientAlgoId=a"]),
        ("DELETE", f"{D}algoOrder", "algoId=5", ["0 algoOrder algoId=5"]),
        ("POST", f"{P}um/algo/order", "symbol=A", ["0 algoOrder clientAlgoId=og-1"]),
        ("DELETE", f"{F}allOpenOrders", "symbol=A", ["0 openOrders symbol=A"]),
        ("DELETE", f"{F}allOpenOrders", "", []),
        ("DELETE", f"{D}algoOpenOrders", "symbol=A", ["0 openAlgoOrders symbol=A"]),
        ("DELETE", f"{P}cm/allOpenOrders", "symbol=A", ["0 openOrders symbol=A"]),
        ("POST", f"{P}um/conditional/order", "symbol=A", []),
        ("POST", f"{F}countdownCancelAll", "symbol=A", []),
    ],
)
def test_what_is_asked(method: str, path: str, given: str, asked: list[str]) -> None:
    assert Lost(method, path, given).asks() == asked


@pytest.mark.parametrize("path", [f"{F}order", f"{D}order", f"{P}um/order"])
def test_a_new_order(path: str) -> None:
    write = Lost("POST", path, "symbol=A&newClientOrderId=a")
    found = write.found(order(status="PARTIALLY_FILLED", executedQty="0.4"))
    assert found.state is DONE
    told = write.told({0: found})
    assert told is not None and told[0] == 200
    assert (told[1]["status"], told[1]["cumQty"], told[1]["clientOrderId"]) == ("PARTIALLY_FILLED", "0.4", "a")
    assert not {"time", "avgPrice", "cumQuote"} & told[1].keys()  # which acknowledgements do not have
    assert write.found(order(time=BEFORE)).state is CANNOT_TELL  # an earlier one of this name
    assert write.found(order(status="REJECTED")).state is NEVER
    assert write.found(order(clientOrderId="b")).state is CANNOT_TELL
    assert write.found(GONE, 400).state is NOT_SO_FAR
    for body, status in ((order(), 500), ("<html>", 200), ({"code": -1000, "msg": "x"}, 400), ([], 503), ("{", 200)):
        assert write.found(body, status).state is CANNOT_TELL


def test_a_cancel() -> None:
    write = Lost("DELETE", f"{F}order", "symbol=A&orderId=5")
    cancelled = order(status="CANCELED", time=BEFORE)
    done = write.found(cancelled)
    assert done.state is DONE
    told = write.told({0: done})
    assert told is not None and (told[0], told[1]["status"]) == (200, "CANCELED")
    assert write.found(order(time=BEFORE, updateTime=BEFORE)).state is NOT_SO_FAR
    never = write.found(order(status="FILLED", time=BEFORE))
    assert never.state is NEVER
    assert write.told({0: never}) == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert write.found(order(status="CANCELED", time=BEFORE, updateTime=BEFORE)).state is NEVER  # before this call
    by_name = Lost("DELETE", f"{F}order", "symbol=A&origClientOrderId=a")
    assert by_name.found(order(status="CANCELED", time=BEFORE, updateTime=BEFORE)).state is NOT_SO_FAR
    assert by_name.found(order(time=SINCE_MS + 60_000)).state is CANNOT_TELL  # a later one of this name


def change(price: str, quantity: str, at_ms: int = AFTER) -> dict[str, Any]:
    made = {"price": {"before": "10", "after": price}, "origQty": {"before": "1", "after": quantity}, "count": 1}
    return {"amendmentId": 1, "orderId": 5, "time": at_ms, "amendment": made}


def test_a_change() -> None:
    write = Lost("PUT", f"{F}order", "symbol=A&orderId=5&side=BUY&price=9.0&quantity=2")
    done = write.found(order(price="9", origQty="2.00", time=BEFORE))
    assert done.state is DONE
    told = write.told({0: done})
    assert told is not None and (told[0], told[1]["price"]) == (200, "9")
    assert write.found(order(time=BEFORE)).state is NOT_SO_FAR
    assert write.found(order(price="9", origQty="2", time=BEFORE, updateTime=BEFORE)).state is NOT_SO_FAR
    assert write.found(order(status="FILLED", time=BEFORE)).state is NEVER
    assert write.found(GONE, 400).state is NOT_SO_FAR


def test_a_change_that_was_followed_by_another_stands_in_the_history() -> None:
    write = Lost("PUT", f"{F}order", "symbol=A&orderId=5&side=BUY&price=9.0&quantity=2")
    assert write.found([change("8", "1"), change("9.00", "2")], which=1).state is DONE
    assert write.found([change("9", "2", BEFORE), change("9", "1")], which=1).state is NOT_SO_FAR
    assert write.found([], which=1).state is NOT_SO_FAR
    assert write.found(GONE, 400, which=1).state is NOT_SO_FAR
    for body in ({}, [7], [{"time": AFTER}], [{"time": AFTER, "amendment": {}}], "<html>"):
        assert write.found(body, which=1).state is CANNOT_TELL
    assert write.found([], 500, which=1).state is CANNOT_TELL


def test_a_list_of_new_orders() -> None:
    given = 'batchOrders=[{"symbol":"A","newClientOrderId":"a"},{"symbol":"A","newClientOrderId":"b"}]'
    write = Lost("POST", f"{F}batchOrders", given)
    first = write.found(order())
    none = write.found(GONE, 400, which=1)
    assert (first.state, none.state) == (DONE, NOT_SO_FAR)
    told = write.told({0: first, 1: none})
    assert told is not None and told[0] == 200
    assert (told[1][0]["orderId"], told[1][1]["code"]) == (5, -2010)
    assert write.told({0: none, 1: none}) is None


def test_lists_of_changes_and_of_cancels() -> None:
    changes = Lost("PUT", f"{F}batchOrders", 'batchOrders=[{"symbol":"A","orderId":5,"price":"9"}]')
    assert changes.found(order(price="9", time=BEFORE)).state is DONE
    assert changes.found([change("9", "1")], which=1).state is DONE
    write = Lost("DELETE", f"{F}batchOrders", "symbol=A&orderIdList=[5,6]")
    first = write.found(order(status="CANCELED", time=BEFORE))
    second = write.found(order(orderId=6, status="FILLED", time=BEFORE), which=1)
    assert (first.state, second.state) == (DONE, NEVER)
    told = write.told({0: first, 1: second})
    assert told is not None and (told[1][0]["status"], told[1][1]["code"]) == ("CANCELED", -2011)


def conditional(**more: Any) -> dict[str, Any]:
    shown = {"algoId": 5, "clientAlgoId": "a", "algoStatus": "NEW", "symbol": "A"}
    return {**shown, "createTime": AFTER, "updateTime": AFTER, **more}


def test_a_conditional_order() -> None:
    write = Lost("POST", f"{F}algoOrder", "symbol=A&clientAlgoId=a")
    for status in ("NEW", "TRIGGERED", "REJECTED"):  # one that failed when it was triggered had been accepted
        assert write.found(conditional(algoStatus=status)).state is DONE
    told = write.told({0: write.found(conditional())})
    assert told is not None and told[1]["algoId"] == 5
    assert write.found(conditional(createTime=BEFORE)).state is CANNOT_TELL
    assert write.found(GONE, 400).state is NOT_SO_FAR
    cancel = Lost("DELETE", f"{F}algoOrder", "algoId=5")
    done = cancel.found(conditional(algoStatus="CANCELED", createTime=BEFORE))
    told = cancel.told({0: done})
    assert told == (200, {"algoId": 5, "clientAlgoId": "a", "code": "200", "msg": "success"})
    assert cancel.found(conditional(algoStatus="TRIGGERED", createTime=BEFORE)).state is NEVER
    assert cancel.found(conditional(algoStatus="TRIGGERING", createTime=BEFORE)).state is NOT_SO_FAR


@pytest.mark.parametrize(("name", "made"), [("allOpenOrders", "time"), ("algoOpenOrders", "createTime")])
def test_a_cancel_of_all(name: str, made: str) -> None:
    write = Lost("DELETE", f"{F}{name}", "symbol=A")
    done = write.found([{made: AFTER}])  # a younger one
    assert done.state is DONE
    told = write.told({0: done})
    assert told == (200, {"code": 200, "msg": "The operation of cancel all open order is done."})
    assert write.found([], date_ms=SINCE_MS + 1_000).state is CANNOT_TELL  # a list may lag
    assert write.found([{made: BEFORE}]).state is NOT_SO_FAR
    for body, status in (([{}], 200), ({}, 200), ([], 500), ([7], 200), (GONE, 400), ("<html>", 200)):
        assert write.found(body, status).state is CANNOT_TELL


def test_absence_takes_longer_to_prove_than_on_spot() -> None:
    assert EXCHANGE.absence is not None
    for product in EXCHANGE.table.products.keys() - {"spot"}:
        assert EXCHANGE.absence_in[product].after_ms >= 10_000 > EXCHANGE.absence.after_ms


@pytest.mark.parametrize(
    ("path", "given", "until_ms"),
    [
        (f"{F}order", "symbol=A", 3_000),
        (f"{D}batchOrders", "batchOrders=[]&recvWindow=60000", 5_000),
        (f"{F}algoOrder", "recvWindow=4000", 4_000),
        (f"{P}um/order", "recvWindow=1", 1),
    ],
)
def test_orders_are_signed_with_a_short_window(path: str, given: str, until_ms: int) -> None:
    write = Write("POST", path, given)
    assert EXCHANGE.valid_until_ms(write.endpoint, write.request, Stamp(SINCE_MS)) == SINCE_MS + until_ms
