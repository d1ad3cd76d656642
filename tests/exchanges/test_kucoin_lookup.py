"""Where lost KuCoin writes are asked for, and what the answers prove."""

import itertools
from typing import Any

import orjson
import pytest

from proxy.exchanges.kucoin import EXCHANGE
from proxy.exchanges.lookup import Finding, Found
from proxy.model import Endpoint, Incoming, Reply

SINCE_MS = 1_700_000_000_000
NOT_THERE = {"code": "400100", "msg": "order_not_exist"}
DONE, NEVER, NOT_SO_FAR, CANNOT_TELL = Found.DONE, Found.NEVER, Found.NOT_SO_FAR, Found.CANNOT_TELL


class Lost:
    """A write without an answer."""

    def __init__(self, name: str, body: Any = None, query: str = "", product: str = "spot") -> None:
        method, _, path = name.partition(" ")
        endpoint = EXCHANGE.table.match(method, path, product)
        assert endpoint is not None and endpoint.call_class.writes
        self.endpoint: Endpoint = endpoint
        request = EXCHANGE.strip(Incoming(method, path, query, (), orjson.dumps(body) if body is not None else b""))
        numbers = itertools.count(1)
        params = {**EXCHANGE.params(request), **EXCHANGE.table.path_params(endpoint, path)}
        self.request, self.params = EXCHANGE.identify(endpoint, request, params, lambda: f"og{next(numbers)}")
        self.lookups = EXCHANGE.lookups(endpoint, self.request, self.params, SINCE_MS)

    def asks(self) -> list[str]:
        found = []
        for look in self.lookups:
            row = EXCHANGE.table.named(look.endpoint)
            assert row is not None and row.product == self.endpoint.product and not row.call_class.writes
            request = look.request
            assert EXCHANGE.table.match(request.method, request.path, row.product) is row
            assert EXCHANGE.strip(request) == request
            found.append(f"{look.item} {request.path}" + (f"?{request.query}" if request.query else ""))
        return found

    def finding(self, told: Any, status: int = 200, number: int = 0) -> Finding:
        reply = Reply(status, b"", (), orjson.dumps(told), 0)
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[number], reply)

    def state(self, told: Any, status: int = 200, number: int = 0) -> Found:
        return self.finding(told, status, number).state


def fine(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


def hf(**changed: Any) -> dict[str, Any]:
    """As hf/orders shows an order."""
    return {
        **{"id": "6717422bd51c29000775ea03", "clientOid": "mine", "symbol": "BTC-USDT", "opType": "DEAL"},
        **{"price": "70000", "size": "0.00001", "dealSize": "0", "remainSize": "0.00001", "cancelledSize": "0"},
        **{"cancelExist": False, "active": True, "inOrderBook": True},
        **{"createdAt": SINCE_MS + 20, "lastUpdatedAt": SINCE_MS + 20},
        **changed,
    }


def futures(**changed: Any) -> dict[str, Any]:
    return {
        **{"id": "236655147005071361", "clientOid": "mine", "symbol": "XBTUSDTM", "price": "0.1", "size": 1},
        **{"isActive": True, "cancelExist": False, "status": "open"},
        **{"createdAt": SINCE_MS + 20, "updatedAt": SINCE_MS + 20},
        **changed,
    }


HF, OLD = "/api/v1/hf/orders", "/api/v1/orders"
NEW = {"symbol": "BTC-USDT", "clientOid": "mine"}


@pytest.mark.parametrize(
    ("lost", "asks"),
    [
        (Lost(f"POST {HF}", NEW), [f"0 {HF}/client-order/mine?symbol=BTC-USDT"]),
        (Lost(f"POST {HF}", {"symbol": "BTC-USDT"}), [f"0 {HF}/client-order/og1?symbol=BTC-USDT"]),
        (Lost(f"POST {HF}/sync", NEW), [f"0 {HF}/client-order/mine?symbol=BTC-USDT"]),
        (
            Lost(f"POST {HF}/multi", {"orderList": [NEW, {"symbol": "ETH-USDT"}]}),
            [f"0 {HF}/client-order/mine?symbol=BTC-USDT", f"1 {HF}/client-order/og1?symbol=ETH-USDT"],
        ),
        (Lost(f"POST {HF}/alter", NEW), [f"0 {HF}/client-order/mine?symbol=BTC-USDT"]),
        (Lost(f"POST {HF}/alter", {"symbol": "BTC-USDT", "orderId": "7"}), []),  # it will be another order
        (Lost(f"DELETE {HF}/7", query="symbol=BTC-USDT"), [f"0 {HF}/7?symbol=BTC-USDT"]),
        (Lost(f"DELETE {HF}/7"), []),  # without its symbol it cannot be asked for
        (
            Lost(f"DELETE {HF}/sync/client-order/mine", query="symbol=BTC-USDT"),
            [f"0 {HF}/client-order/mine?symbol=BTC-USDT"],
        ),
        (Lost(f"DELETE {HF}/cancel/7", query="symbol=BTC-USDT&cancelSize=1"), []),
        (Lost(f"DELETE {HF}/cancelAll"), []),
        (Lost(f"POST {OLD}", NEW), ["0 /api/v1/order/client-order/mine"]),
        (
            Lost(f"POST {OLD}/multi", {"symbol": "BTC-USDT", "orderList": [{}, {}]}),
            ["0 /api/v1/order/client-order/og1", "1 /api/v1/order/client-order/og2"],
        ),
        (Lost(f"DELETE {OLD}/7"), [f"0 {OLD}/7"]),
        (
            Lost("POST /api/v1/stop-order", NEW),
            ["0 /api/v1/stop-order/queryOrderByClientOid?clientOid=mine&symbol=BTC-USDT"],
        ),
        (Lost("POST /api/v3/oco/order", NEW), ["0 /api/v3/oco/client-order/mine"]),
        (
            Lost("POST /api/v3/hf/margin/order", NEW),
            ["0 /api/v3/hf/margin/orders/client-order/mine?symbol=BTC-USDT"],
        ),
        (Lost(f"POST {OLD}", NEW, product="futures"), [f"0 {OLD}/byClientOid?clientOid=mine"]),
        (
            Lost(f"POST {OLD}/multi", [NEW, {}], product="futures"),
            [f"0 {OLD}/byClientOid?clientOid=mine", f"1 {OLD}/byClientOid?clientOid=og1"],
        ),
        (Lost(f"DELETE {OLD}/7", product="futures"), [f"0 {OLD}/7"]),
        (
            Lost(f"DELETE {OLD}/client-order/mine", query="symbol=XBTUSDTM", product="futures"),
            [f"0 {OLD}/byClientOid?clientOid=mine"],
        ),
        (
            Lost(f"DELETE {OLD}/multi-cancel", {"orderIdsList": ["7", "8"]}, product="futures"),
            [f"0 {OLD}/7", f"1 {OLD}/8"],
        ),
        (
            Lost(
                f"DELETE {OLD}/multi-cancel",
                {"clientOidsList": [{"symbol": "X", "clientOid": "a"}], "orderIdsList": ["7"]},
                product="futures",
            ),
            [f"0 {OLD}/7", f"1 {OLD}/byClientOid?clientOid=a"],
        ),
    ],
    ids=lambda value: value.endpoint.name if isinstance(value, Lost) else "",
)
def test_where_is_asked(lost: Lost, asks: list[str]) -> None:
    assert lost.asks() == asks


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (fine(hf()), DONE),
        (fine(hf(active=False, cancelExist=True)), DONE),
        (fine(hf(active=False)), DONE),
        (fine(hf(createdAt=SINCE_MS - 60_000)), CANNOT_TELL),  # an older order of the same name
        (fine(hf(clientOid="other")), CANNOT_TELL),
        (fine(None), NOT_SO_FAR),
        (NOT_THERE, NOT_SO_FAR),
        ({"code": "400100", "msg": "order not exist."}, NOT_SO_FAR),
        ({"code": "400100", "msg": "symbol is wrong"}, CANNOT_TELL),
        ({"code": "500000", "msg": ""}, CANNOT_TELL),
        ({"data": hf()}, CANNOT_TELL),
        ([], CANNOT_TELL),
    ],
)
def test_a_new_order(told: Any, state: Found) -> None:
    assert Lost(f"POST {HF}", NEW).state(told) is state


def test_the_answer_of_a_new_order_is_made_up() -> None:
    def body(lost: Lost, order: dict[str, Any]) -> Any:
        finding = lost.finding(fine(order))
        made = EXCHANGE.rebuilt(lost.endpoint, lost.request, lost.params, {0: finding})
        assert made is not None and made.status == 200
        return orjson.loads(made.body)

    ids = {"orderId": "6717422bd51c29000775ea03", "clientOid": "mine"}
    assert body(Lost(f"POST {HF}", NEW), hf()) == fine(ids)
    sizes = {"originSize": "0.00001", "dealSize": "0", "remainSize": "0.00001", "canceledSize": "0", "status": "open"}
    times = {"orderTime": SINCE_MS + 20, "matchTime": SINCE_MS + 20}
    assert body(Lost(f"POST {HF}/sync", NEW), hf()) == fine({**ids, **times, **sizes})
    assert body(Lost(f"POST {OLD}", NEW), hf()) == fine({"orderId": ids["orderId"]})
    assert body(Lost(f"POST {OLD}", NEW, product="futures"), futures()) == fine(
        {"orderId": "236655147005071361", "clientOid": "mine"}
    )


CANCELS = [
    (Lost(f"DELETE {HF}/6717422bd51c29000775ea03", query="symbol=BTC-USDT"), hf, "lastUpdatedAt"),
    (Lost(f"DELETE {OLD}/236655147005071361", product="futures"), futures, "updatedAt"),
]


@pytest.mark.parametrize(("lost", "order", "updated"), CANCELS, ids=["spot", "futures"])
def test_a_cancel(lost: Lost, order: Any, updated: str) -> None:
    before = {"createdAt": SINCE_MS - 60_000}
    off = {"active": False, "isActive": False, "status": "done"}
    assert lost.state(fine(order(**before))) is NOT_SO_FAR
    assert lost.state(fine(order(**before, **off, cancelExist=True))) is DONE
    assert lost.state(fine(order(**before, **off))) is NEVER  # filled
    assert lost.state(fine(order(**before, **off, **{updated: SINCE_MS - 60_000}))) is NEVER  # ended earlier
    # A cancelled order is shown as one.
    assert lost.state(NOT_THERE) is NOT_SO_FAR
    assert lost.state({"code": "100001", "msg": "error.getOrder.orderNotExist"}) is NOT_SO_FAR


@pytest.mark.parametrize(
    ("lost", "order", "data"),
    [
        (CANCELS[0][0], hf, {"orderId": "6717422bd51c29000775ea03"}),
        (
            Lost(f"DELETE {HF}/sync/client-order/mine", query="symbol=BTC-USDT"),
            hf,
            {
                **{"clientOid": "mine", "originSize": "0.00001", "dealSize": "0", "remainSize": "0.00001"},
                **{"canceledSize": "0", "status": "done"},
            },
        ),
        (Lost(f"DELETE {OLD}/6717422bd51c29000775ea03"), hf, {"cancelledOrderIds": ["6717422bd51c29000775ea03"]}),
        (
            Lost("DELETE /api/v1/order/client-order/mine"),
            hf,
            {"cancelledOrderId": "6717422bd51c29000775ea03", "clientOid": "mine", "cancelledOcoOrderIds": None},
        ),
        (CANCELS[1][0], futures, {"cancelledOrderIds": ["236655147005071361"]}),
        (
            Lost(f"DELETE {OLD}/client-order/mine", query="symbol=XBTUSDTM", product="futures"),
            futures,
            {"clientOid": "mine"},
        ),
    ],
    ids=lambda value: value.endpoint.name if isinstance(value, Lost) else "",
)
def test_the_answer_of_a_cancel(lost: Lost, order: Any, data: Any) -> None:
    off = {"active": False, "isActive": False, "status": "done", "cancelExist": True}
    finding = lost.finding(fine(order(createdAt=SINCE_MS - 60_000, **off)))
    assert orjson.loads(finding.body) == fine(data)


def test_an_altered_order() -> None:
    lost = Lost(f"POST {HF}/alter", {**NEW, "newPrice": "70001.0", "newSize": "0.00001"})
    changed = lost.finding(fine(hf(id="8", price="70001")))
    assert (changed.state, orjson.loads(changed.body)) == (DONE, fine({"newOrderId": "8", "clientOid": "mine"}))
    assert lost.state(fine(hf(createdAt=SINCE_MS - 60_000))) is NOT_SO_FAR
    # The old order has ended; whether a new one came is not said.
    ended = lost.finding(fine(hf(createdAt=SINCE_MS - 60_000, active=False, cancelExist=True)))
    assert ended.state is CANNOT_TELL and ended.order
    assert lost.state(NOT_THERE) is CANNOT_TELL


def test_a_stop_order_that_is_not_there_may_have_been_triggered() -> None:
    lost = Lost("POST /api/v1/stop-order", NEW)
    row = {"id": "vs8hoo8os561f5np0032vngj", "clientOid": "mine", "status": "NEW", "createdAt": SINCE_MS + 5}
    assert lost.finding(fine([row])).body == b'{"code":"200000","data":{"orderId":"vs8hoo8os561f5np0032vngj"}}'
    assert lost.state(fine([])) is CANNOT_TELL
    assert lost.state(NOT_THERE) is CANNOT_TELL


def test_an_oco_order() -> None:
    row = {"orderId": "674c3b6e688dea0007c7bab2", "clientOid": "mine", "orderTime": SINCE_MS + 5, "status": "NEW"}
    placed = Lost("POST /api/v3/oco/order", NEW).finding(fine(row))
    assert (placed.state, orjson.loads(placed.body)) == (DONE, fine({"orderId": row["orderId"]}))
    cancel = Lost("DELETE /api/v3/oco/client-order/mine")
    row["orderTime"] = SINCE_MS - 60_000
    assert cancel.state(fine(row)) is NOT_SO_FAR
    assert cancel.finding(fine({**row, "status": "CANCELLED"})) == Finding(DONE, b"", {**row, "status": "CANCELLED"})
    assert cancel.state(fine({**row, "status": "TRIGGERED"})) is NEVER


@pytest.mark.parametrize(
    ("lost", "order", "rows"),
    [
        (
            Lost(f"POST {HF}/multi", {"orderList": [NEW, {"symbol": "ETH-USDT"}]}),
            hf,
            [
                {"orderId": "6717422bd51c29000775ea03", "clientOid": "mine", "success": True},
                {"success": False, "failMsg": "it was not executed"},
            ],
        ),
        (
            Lost(f"POST {OLD}/multi", [NEW, {}], product="futures"),
            futures,
            [
                {
                    **{"orderId": "236655147005071361", "clientOid": "mine", "symbol": "XBTUSDTM"},
                    **{"code": "200000", "msg": "success"},
                },
                {"orderId": None, "clientOid": None, "code": "400100", "msg": "it was not executed"},
            ],
        ),
    ],
    ids=["spot", "futures"],
)
def test_a_list_of_new_orders(lost: Lost, order: Any, rows: list[Any]) -> None:
    findings = {0: lost.finding(fine(order())), 1: lost.finding(NOT_THERE, number=1)}
    assert [found.state for found in findings.values()] == [DONE, NOT_SO_FAR]
    made = EXCHANGE.rebuilt(lost.endpoint, lost.request, lost.params, findings)
    assert made is not None and orjson.loads(made.body) == fine(rows)
    reply = Reply(made.status, b"", (), made.body, 0)
    assert [str(item.executed) for item in EXCHANGE.items(lost.endpoint, lost.params, reply)] == ["yes", "no"]


def test_a_list_of_the_older_endpoint() -> None:
    lost = Lost(f"POST {OLD}/multi", {"symbol": "BTC-USDT", "orderList": [{"clientOid": "mine", "size": "1"}, {}]})
    findings = {0: lost.finding(fine(hf())), 1: lost.finding(NOT_THERE, number=1)}
    made = EXCHANGE.rebuilt(lost.endpoint, lost.request, lost.params, findings)
    assert made is not None
    first, second = orjson.loads(made.body)["data"]["data"]
    assert (first["id"], first["status"], first["clientOid"], first["size"]) == (hf()["id"], "success", "mine", "1")
    assert second["status"] == "fail"


def test_a_list_of_cancels() -> None:
    lost = Lost(f"DELETE {OLD}/multi-cancel", {"orderIdsList": ["7", "8"]}, product="futures")
    off = {"isActive": False, "cancelExist": True, "status": "done", "createdAt": SINCE_MS - 9_000}
    findings = {n: lost.finding(fine(futures(id=name, **off)), number=n) for n, name in enumerate("78")}
    made = EXCHANGE.rebuilt(lost.endpoint, lost.request, lost.params, findings)
    assert made is not None
    row = {"clientOid": "mine", "code": "200", "msg": "success"}
    assert orjson.loads(made.body) == fine([{"orderId": "7", **row}, {"orderId": "8", **row}])


def test_absence_is_not_believed_soon() -> None:
    assert EXCHANGE.absence is not None and EXCHANGE.absence.after_ms >= 10_000
