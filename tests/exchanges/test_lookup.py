"""Looking up writes whose answer was lost: what is asked, and what answers prove of new orders and of cancels."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.lookup import Found
from tests.exchanges.writes import SINCE_MS, TXID, B, C, K, Write

DONE, NOT_SO_FAR, NEVER, CANNOT_TELL = Found.DONE, Found.NOT_SO_FAR, Found.NEVER, Found.CANNOT_TELL
BEFORE, LONG_BEFORE, AFTER, JUST_BEFORE = SINCE_MS - 3_000, SINCE_MS - 60_000, SINCE_MS + 40, SINCE_MS - 500
LATER = SINCE_MS + 3_000


def asks(exchange: str, name: str, given: str) -> list[str]:
    return Write(exchange, name, given).asks()


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("POST order", "symbol=B%2F1&newClientOrderId=a-1", ["0 order symbol=B%2F1&origClientOrderId=a-1"]),
        ("POST order", "symbol=B", ["0 order symbol=B&origClientOrderId=og-1700000000000-1"]),
        ("POST sor/order", "symbol=B&newClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        (
            "POST order/cancelReplace",
            "symbol=B&cancelOrderId=5&cancelOrigClientOrderId=b&newClientOrderId=a",
            ["0 order symbol=B&orderId=5", "1 order symbol=B&origClientOrderId=a"],
        ),
        (
            "POST order/cancelReplace",
            "symbol=B&cancelOrigClientOrderId=b&newClientOrderId=a",
            ["0 order symbol=B&origClientOrderId=b", "1 order symbol=B&origClientOrderId=a"],
        ),
        ("POST order/cancelReplace", "symbol=B&cancelOrigClientOrderId=a&newClientOrderId=a", []),
        ("POST order/cancelReplace", "symbol=B&newClientOrderId=a", []),
        (
            "PUT order/amend/keepPriority",
            "symbol=B&orderId=5&newClientOrderId=a",
            ["0 order symbol=B&orderId=5", "0 amendments symbol=B&orderId=5"],
        ),
        (
            "PUT order/amend/keepPriority",
            "symbol=B&origClientOrderId=b&newClientOrderId=a",
            ["0 order symbol=B&origClientOrderId=a", "0 order symbol=B&origClientOrderId=b"],
        ),
        (
            "PUT order/amend/keepPriority",
            "symbol=B&origClientOrderId=a&newClientOrderId=a",
            ["0 order symbol=B&origClientOrderId=a"],
        ),
        ("PUT order/amend/keepPriority", "symbol=B&newClientOrderId=a", []),
        ("POST orderList/oco", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("POST order/oco", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("DELETE order", "symbol=B&orderId=5&origClientOrderId=a", ["0 order symbol=B&orderId=5"]),
        ("DELETE order", "symbol=B&origClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        (
            "DELETE orderList",
            "symbol=B&orderListId=5",
            ["0 allOrders symbol=B&limit=1000", "0 orderList orderListId=5"],
        ),
        ("DELETE orderList", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("DELETE order", "symbol=B", []),
        ("DELETE openOrders", "symbol=B", ["0 openOrders symbol=B"]),
        ("DELETE openOrders", "", []),
    ],
)
def test_what_binance_is_asked(name: str, given: str, asked: list[str]) -> None:
    method, _, path = name.partition(" ")
    assert asks("binance", f"{method} {B}{path}", given) == asked


def pair(item: int, text: str, start: str = "") -> list[str]:
    return [f"{item} OpenOrders {text}".rstrip(), f"{item} ClosedOrders {text}{start}"]


START = "&start=1699999997"


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("AddOrder", "pair=X&cl_ord_id=a%2Bb", pair(0, "cl_ord_id=a%2Bb", START)),
        ("AddOrder", "pair=X&userref=7", pair(0, "userref=7", START)),
        (
            "AddOrderBatch",
            '{"orders":[{"cl_ord_id":"a"},{"userref":7},{}]}',
            pair(0, "cl_ord_id=a", START)
            + pair(1, "userref=7", START)
            + pair(2, "cl_ord_id=og-1700000000000-1", START),
        ),
        ("CancelOrder", f"txid={TXID}", [f"0 QueryOrders txid={TXID}"]),
        ("CancelOrder", f"txid={TXID.lower()},7", [f"0 QueryOrders txid={TXID}", "1 OpenOrders userref=7"]),
        ("CancelOrder", "cl_ord_id=a", pair(0, "cl_ord_id=a")),
        ("CancelOrder", "userref=7", ["0 OpenOrders userref=7"]),
        ("CancelOrder", "txid=-7", ["0 OpenOrders userref=-7"]),
        ("CancelOrder", "txid=what", []),
        ("CancelOrderBatch", f'{{"orders":["{TXID}",7,{{"txid":"8"}}],"cl_ord_ids":["a"]}}', ["0 OpenOrders"]),
        ("CancelOrderBatch", '{"orders":["what"]}', []),
        ("CancelOrderBatch", '{"orders":[{"txid":"7","cl_ord_id":"a"}]}', []),
        ("CancelOrderBatch", "{}", []),
        ("AmendOrder", f"txid={TXID}", [f"0 OrderAmends order_id={TXID}", f"0 QueryOrders txid={TXID}"]),
        ("AmendOrder", "cl_ord_id=a", pair(0, "cl_ord_id=a")),
        ("AmendOrder", "txid=what", []),
        ("AmendOrder", "txid=what&cl_ord_id=a", []),
        (
            "EditOrder",
            f"txid={TXID}&pair=X",
            ["0 OpenOrders", "0 ClosedOrders start=1699999997", f"0 QueryOrders txid={TXID}"],
        ),
        (
            "EditOrder",
            f"txid={TXID}&pair=X&userref=7",
            [*pair(0, "userref=7", START), f"0 QueryOrders txid={TXID}"],
        ),
        ("EditOrder", "txid=7&pair=X", []),
        ("CancelAll", "", ["0 OpenOrders"]),
        ("CancelAllOrdersAfter", "timeout=60", []),
    ],
)
def test_what_kraken_is_asked(name: str, given: str, asked: list[str]) -> None:
    assert asks("kraken", f"POST {K}{name}", given) == asked


def triple(item: int, oid: str) -> list[str]:
    start = '"start_time": "1699999998000000000", "limit": "100"'
    return [
        f'{item} get-order-detail {{"client_oid": "{oid}"}}',
        f'{item} get-open-orders {{"instrument_name": "B"}}',
        f'{item} get-order-history {{"instrument_name": "B", {start}}}',
    ]


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("create-order", '{"instrument_name":"B","client_oid":"a"}', triple(0, "a")),
        ("advanced/create-order", '{"instrument_name":"B","client_oid":"a"}', triple(0, "a")),
        ("create-order", '{"client_oid":"a"}', triple(0, "a")[:1]),
        (
            "create-order-list",
            '{"order_list":[{"instrument_name":"B","client_oid":"a"},{"instrument_name":"B","client_oid":"b"}]}',
            triple(0, "a") + triple(1, "b"),
        ),
        ("advanced/create-oco", '{"order_list":[{"instrument_name":"B","client_oid":"a"}]}', triple(0, "a")),
        ("cancel-order", '{"order_id":5,"client_oid":"a"}', ['0 get-order-detail {"order_id": "5"}']),
        ("cancel-order", '{"client_oid":"a"}', ['0 get-order-detail {"client_oid": "a"}']),
        (
            "amend-order",
            '{"orig_client_oid":"a","client_oid":"b"}',
            ['0 get-order-detail {"client_oid": "b"}', '0 get-order-detail {"client_oid": "a"}'],
        ),
        ("amend-order", '{"order_id":"5"}', ['0 get-order-detail {"order_id": "5"}']),
        ("amend-order", '{"client_oid":"b"}', []),
        ("advanced/amend-order", '{"client_oid":"b"}', ['0 get-order-detail {"client_oid": "b"}']),
        ("cancel-order-list", '{"order_list":[{},{"order_id":"5"}]}', ['1 get-order-detail {"order_id": "5"}']),
        ("close-position", '{"instrument_name":"B","type":"MARKET"}', []),
        ("cancel-all-orders", "{}", ["0 get-open-orders {}"]),
        ("cancel-all-orders", '{"instrument_name":"B"}', ['0 get-open-orders {"instrument_name": "B"}']),
        ("advanced/cancel-all-orders", '{"instrument_name":"B"}', ['0 get-open-orders {"instrument_name": "B"}']),
        ("advanced/cancel-all-orders", '{"instrument_name":"B","type":"TRIGGER"}', []),
    ],
)
def test_what_cryptocom_is_asked(name: str, given: str, asked: list[str]) -> None:
    write = Write("cryptocom", f"POST {C}{name}", f'{{"id":1,"params":{given}}}')
    assert write.asks() == asked
    advanced = name.startswith("advanced/")
    assert all(("/advanced/" in lookup.endpoint) == advanced for lookup in write.lookups)


# ---- Binance

BINANCE_ORDER = {
    "symbol": "LTCBTC", "orderId": 1, "orderListId": -1, "clientOrderId": "a", "price": "0.1", "origQty": "1.0",
    "executedQty": "0.0", "cummulativeQuoteQty": "0.0", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT",
    "side": "BUY", "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": SINCE_MS + 40,
    "updateTime": SINCE_MS + 40, "isWorking": True, "workingTime": SINCE_MS + 40, "origQuoteOrderQty": "0.000000",
    "selfTradePreventionMode": "NONE",
}  # fmt: skip
NO_SUCH_ORDER = {"code": -2013, "msg": "Order does not exist."}


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, BINANCE_ORDER, DONE),
        (200, {**BINANCE_ORDER, "status": "EXPIRED"}, DONE),
        (200, {**BINANCE_ORDER, "status": "REJECTED"}, NEVER),
        (200, {**BINANCE_ORDER, "time": SINCE_MS - 1_900}, DONE),
        (200, {**BINANCE_ORDER, "time": SINCE_MS - 60_000}, CANNOT_TELL),  # an earlier order of that id
        (200, {**BINANCE_ORDER, "clientOrderId": "b"}, CANNOT_TELL),
        (400, NO_SUCH_ORDER, NOT_SO_FAR),
        (400, {"code": -2026, "msg": "Order was canceled or expired with no executed qty over 90 days ago and has been"
               " archived."}, CANNOT_TELL),
        (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, CANNOT_TELL),
        (429, {"code": -1003, "msg": "Too much request weight used"}, CANNOT_TELL),
        (503, NO_SUCH_ORDER, CANNOT_TELL),
        (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, CANNOT_TELL),
        (200, {}, CANNOT_TELL),
        (200, [BINANCE_ORDER], CANNOT_TELL),
        (200, "", CANNOT_TELL),
        (403, "<html>", CANNOT_TELL),
    ],
)  # fmt: skip
def test_binance_new_orders(status: int, body: Any, state: Found) -> None:
    write = Write("binance", f"POST {B}order", "symbol=LTCBTC&newClientOrderId=a")
    assert write.found(0, status, body).state is state


@pytest.mark.parametrize(
    ("kind", "executed", "names"),
    [
        ("ACK", "0.0", {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}),
        ("", "0.0", {*BINANCE_ORDER, "transactTime", "fills"}),
        ("FULL", "0.5", {*BINANCE_ORDER, "transactTime"}),
        ("RESULT", "0.0", {*BINANCE_ORDER, "transactTime"}),
    ],
)
def test_binance_success_is_told_in_the_kind_that_was_asked_for(kind: str, executed: str, names: set[str]) -> None:
    asked = f"&newOrderRespType={kind}" if kind else ""
    write = Write("binance", f"POST {B}order", f"symbol=LTCBTC&newClientOrderId=a{asked}")
    told = json.loads(write.found(0, 200, {**BINANCE_ORDER, "executedQty": executed}).body)
    assert set(told) == names - {"time", "updateTime", "isWorking", "stopPrice", "icebergQty"}
    assert told["transactTime"] == BINANCE_ORDER["time"] and told.get("fills", []) == []


@pytest.mark.parametrize(
    ("status", "made_ms", "ended_ms", "by_number", "by_name"),
    [
        ("NEW", BEFORE, BEFORE, NOT_SO_FAR, NOT_SO_FAR),
        ("PARTIALLY_FILLED", BEFORE, AFTER, NOT_SO_FAR, NOT_SO_FAR),
        ("CANCELED", BEFORE, AFTER, DONE, DONE),
        ("FILLED", BEFORE, AFTER, NEVER, NEVER),
        ("EXPIRED", BEFORE, AFTER, NEVER, NEVER),
        ("EXPIRED_IN_MATCH", BEFORE, AFTER, NEVER, NEVER),
        ("REJECTED", BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        # Ended before: another order may have had the same name since, so this one settles nothing by itself.
        ("FILLED", LONG_BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        ("FILLED", LONG_BEFORE, JUST_BEFORE, NEVER, NOT_SO_FAR),
        ("CANCELED", LONG_BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        # Placed again under the same name after the cancel.
        ("NEW", LATER, LATER, NOT_SO_FAR, CANNOT_TELL),
        ("CANCELED", LATER, LATER, DONE, CANNOT_TELL),
        ("SOMETHING", BEFORE, AFTER, CANNOT_TELL, CANNOT_TELL),
        ("NEW", "soon", BEFORE, CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_binance_cancels(status: str, made_ms: Any, ended_ms: int, by_number: Found, by_name: Found) -> None:
    row = {**BINANCE_ORDER, "status": status, "time": made_ms, "updateTime": ended_ms, "executedQty": "0.2"}
    for given, state in (("orderId=1", by_number), ("origClientOrderId=a", by_name)):
        cancel = Write("binance", f"DELETE {B}order", f"symbol=LTCBTC&{given}&newClientOrderId=c")
        finding = cancel.found(0, 200, row)
        assert finding.state is state
        assert bool(finding.body) == (state is DONE)
        named = f"symbol=LTCBTC&cancel{given[0].upper()}{given[1:]}&newClientOrderId=n"
        replace = Write("binance", f"POST {B}order/cancelReplace", named)
        assert replace.found(0, 200, row).state is state
    assert cancel.found(0, 400, NO_SUCH_ORDER).state is NOT_SO_FAR


def test_binance_replacements_are_not_the_orders_they_replace() -> None:
    given = "symbol=LTCBTC&cancelOrderId=1&newClientOrderId=a"
    write = Write("binance", f"POST {B}order/cancelReplace", given)
    assert write.found(1, 200, {**BINANCE_ORDER, "orderId": 2}).state is DONE
    old = {**BINANCE_ORDER, "time": SINCE_MS - 500, "status": "CANCELED"}  # of the same name
    assert write.found(1, 200, old).state is CANNOT_TELL


def open_orders(*made_ms: Any) -> list[dict[str, Any]]:
    return [{**BINANCE_ORDER, "time": at_ms} for at_ms in made_ms]


SWEEPS = [
    ((), 10_000, DONE),
    ((AFTER,), 10_000, DONE),
    ((BEFORE,), 10_000, NOT_SO_FAR),
    ((BEFORE, AFTER), 100, NOT_SO_FAR),
    ((JUST_BEFORE,), 10_000, CANNOT_TELL),  # two clocks may differ by so much
    ((), 3_000, CANNOT_TELL),  # such a list lags
    ((), None, CANNOT_TELL),
]


@pytest.mark.parametrize(("made_ms", "after_ms", "state"), SWEEPS)
def test_cancels_of_all_orders(made_ms: tuple[int, ...], after_ms: int | None, state: Found) -> None:
    binance = Write("binance", f"DELETE {B}openOrders", "symbol=LTCBTC")
    assert binance.found(0, 200, open_orders(*made_ms), after_ms).state is state
    rows = {TXID[:-1] + str(number): kraken_order(opentm=at_ms / 1000) for number, at_ms in enumerate(made_ms)}
    for name, given in (("CancelAll", ""), ("CancelOrder", "userref=7"), ("CancelOrder", "txid=7")):
        kraken = Write("kraken", f"POST {K}{name}", given)
        assert kraken.found(0, 200, {"error": [], "result": {"open": rows}}, after_ms).state is state
    for kind in (int, str):
        listed = [{**CRYPTOCOM_ORDER, "create_time": kind(at_ms)} for at_ms in made_ms]
        for name in ("cancel-all-orders", "advanced/cancel-all-orders"):
            cryptocom = Write("cryptocom", f"POST {C}{name}", '{"id":1,"params":{}}')
            found = cryptocom.found(0, 200, cryptocom_told(*listed), after_ms)
            assert found.state is state
            assert found.body == (f'{{"id":1,"method":"private/{name}","code":0}}'.encode() if state is DONE else b"")


def test_lists_that_cannot_be_read_prove_nothing() -> None:
    binance = Write("binance", f"DELETE {B}openOrders", "symbol=LTCBTC")
    for body in ({}, [1], open_orders("soon"), "<html>"):
        assert binance.found(0, 200, body).state is CANNOT_TELL
    assert binance.found(0, 429, []).state is CANNOT_TELL
    kraken = Write("kraken", f"POST {K}CancelAll", "")
    for more in ({"count": 60}, {"cursor": "next"}):
        assert kraken.found(0, 200, {"error": [], "result": {"open": {}, **more}}).state is CANNOT_TELL
    old = {TXID: kraken_order(opentm=1)}
    assert kraken.found(0, 200, {"error": [], "result": {"open": old, "count": 60}}).state is NOT_SO_FAR
    cryptocom = Write("cryptocom", f"POST {C}cancel-all-orders", '{"params":{}}')
    for body in (cryptocom_told({}), cryptocom_told(code=1), {"code": 0}, {"code": 0, "result": {"data": 1}}):
        assert cryptocom.found(0, 200, body).state is CANNOT_TELL


def test_a_cancel_of_limit_orders_leaves_the_others_alone() -> None:
    cancel = Write("cryptocom", f"POST {C}cancel-all-orders", '{"params":{"type":"LIMIT"}}')
    row = {**CRYPTOCOM_ORDER, "create_time": BEFORE}
    assert cancel.found(0, 200, cryptocom_told({**row, "order_type": "STOP_LOSS"})).state is DONE
    assert cancel.found(0, 200, cryptocom_told({**row, "order_type": "LIMIT"})).state is NOT_SO_FAR


ORDER_LIST = {
    "orderListId": 27, "contingencyType": "OCO", "listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING",
    "listClientOrderId": "l", "transactionTime": SINCE_MS, "symbol": "LTCBTC", "orders": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "placed", "cancelled"),
    [
        ({}, DONE, NOT_SO_FAR),
        ({"listOrderStatus": "ALL_DONE"}, DONE, CANNOT_TELL),  # filled or cancelled, it does not say
        ({"listOrderStatus": "REJECT"}, NEVER, CANNOT_TELL),
        ({"transactionTime": LONG_BEFORE}, CANNOT_TELL, NOT_SO_FAR),
        ({"transactionTime": LATER}, DONE, CANNOT_TELL),
        ({"listClientOrderId": "other"}, CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_binance_order_lists(changes: dict[str, Any], placed: Found, cancelled: Found) -> None:
    body = ORDER_LIST | changes
    write = Write("binance", f"POST {B}orderList/oco", "symbol=LTCBTC&listClientOrderId=l")
    finding = write.found(0, 200, body)
    assert finding.state is placed
    assert not finding.body or json.loads(finding.body) == body
    cancel = Write("binance", f"DELETE {B}orderList", "symbol=LTCBTC&listClientOrderId=l")
    assert cancel.found(0, 200, body).state is cancelled


@pytest.mark.parametrize(
    ("legs", "state"),
    [
        (["NEW", "NEW"], NOT_SO_FAR),
        (["FILLED", "NEW"], NOT_SO_FAR),
        (["CANCELED", "CANCELED"], DONE),
        (["FILLED", "CANCELED"], DONE),
        (["FILLED", "EXPIRED"], NEVER),
        (["FILLED", "SOMETHING"], CANNOT_TELL),
        ([], NOT_SO_FAR),
    ],
)
def test_binance_cancels_of_an_order_list(legs: list[str], state: Found) -> None:
    cancel = Write("binance", f"DELETE {B}orderList", "symbol=LTCBTC&orderListId=27")
    other = {**BINANCE_ORDER, "status": "CANCELED", "orderListId": 26}
    rows = [{**BINANCE_ORDER, "orderListId": 27, "status": status} for status in legs]
    assert cancel.found(0, 200, [other, *rows]).state is state
    cut = cancel.found(0, 200, [other] * (1000 - len(rows)) + rows).state
    assert cut is (state if "NEW" in legs else CANNOT_TELL)
    if legs == ["CANCELED", "CANCELED"]:
        old = [{**row, "updateTime": BEFORE} for row in rows]
        assert cancel.found(0, 200, old).state is NEVER


# ---- Kraken


def kraken_order(**changes: Any) -> dict[str, Any]:
    descr = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "1", "order": "buy 1 XBTUSD @ limit 1",
             "close": ""}  # fmt: skip
    row = {
        "refid": None,
        "userref": 7,
        "cl_ord_id": "a",
        "status": "open",
        "opentm": SINCE_MS / 1000,
        "descr": descr,
        "vol": "1.00000000",
        "vol_exec": "0.00000000",
    }
    return row | changes


def kraken_told(where: str, *orders: dict[str, Any], errors: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    rows = {TXID[:-2] + f"{n:02}": row for n, row in enumerate(orders)}
    return {"error": [*errors], "result": {where: rows, **more}}


@pytest.mark.parametrize(
    ("number", "body", "state"),
    [
        (0, kraken_told("open", kraken_order()), DONE),
        (0, kraken_told("open", kraken_order(), errors=("WGeneral:Danger",)), DONE),
        (0, kraken_told("open"), NOT_SO_FAR),
        (1, kraken_told("closed"), NOT_SO_FAR),
        (1, kraken_told("closed", count=51), CANNOT_TELL),  # there is more than one page
        (1, kraken_told("closed", *[kraken_order(opentm=1)] * 50), CANNOT_TELL),
        (1, kraken_told("closed", kraken_order(status="canceled")), DONE),
        (1, kraken_told("closed", kraken_order(opentm=1)), NOT_SO_FAR),  # an earlier order of that id
        (1, kraken_told("closed", kraken_order(), kraken_order(opentm=1)), DONE),
        (1, kraken_told("closed", kraken_order(), kraken_order()), CANNOT_TELL),
        (0, kraken_told("open", kraken_order(cl_ord_id="b")), CANNOT_TELL),
        (0, {"error": ["EAPI:Rate limit exceeded"]}, CANNOT_TELL),
        (0, {"error": ["EOrder:Unknown order"]}, CANNOT_TELL),
        (0, {"error": []}, CANNOT_TELL),
        (0, {"error": [], "result": {"open": []}}, CANNOT_TELL),
        (0, {"error": [], "result": {"open": {TXID: {}}}}, CANNOT_TELL),
        (0, "<html>", CANNOT_TELL),
        (0, "[]", CANNOT_TELL),
    ],
)
def test_kraken_new_orders(number: int, body: Any, state: Found) -> None:
    write = Write("kraken", f"POST {K}AddOrder", "pair=X&cl_ord_id=a")
    assert write.found(number, 200, body).state is state
    if isinstance(body, dict):
        assert write.found(number, 502, body).state is CANNOT_TELL


def test_kraken_userrefs_prove_absence_only() -> None:
    write = Write("kraken", f"POST {K}AddOrder", "pair=X&userref=7")
    row = kraken_order(cl_ord_id=None)
    assert write.found(0, 200, kraken_told("open", row)).state is CANNOT_TELL
    assert write.found(0, 200, kraken_told("open", row | {"opentm": 1})).state is NOT_SO_FAR


def test_kraken_items() -> None:
    batch = Write("kraken", f"POST {K}AddOrderBatch", '{"orders":[{"cl_ord_id":"z"},{"cl_ord_id":"a"}]}')
    found = batch.found(2, 200, kraken_told("open", kraken_order()))
    assert json.loads(found.body) == {"descr": {"order": "buy 1 XBTUSD @ limit 1"}, "txid": TXID[:-2] + "00"}


@pytest.mark.parametrize(
    ("status", "made_ms", "ended_ms", "by_txid", "by_name"),
    [
        ("open", BEFORE, None, NOT_SO_FAR, NOT_SO_FAR),
        ("pending", BEFORE, None, NOT_SO_FAR, NOT_SO_FAR),
        ("canceled", BEFORE, AFTER, DONE, DONE),
        ("canceled", BEFORE, None, DONE, CANNOT_TELL),
        ("closed", BEFORE, AFTER, NEVER, NEVER),
        ("expired", BEFORE, AFTER, NEVER, NEVER),
        ("closed", LONG_BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        ("closed", LONG_BEFORE, JUST_BEFORE, NEVER, NOT_SO_FAR),
        ("canceled", LONG_BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        ("open", LATER, None, NOT_SO_FAR, CANNOT_TELL),
        ("strange", BEFORE, AFTER, CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_kraken_cancels(status: str, made_ms: int, ended_ms: int | None, by_txid: Found, by_name: Found) -> None:
    closed = {} if ended_ms is None else {"closetm": ended_ms / 1000}
    row = kraken_order(status=status, opentm=made_ms / 1000, **closed)
    cancel = Write("kraken", f"POST {K}CancelOrder", f"txid={TXID}")
    found = cancel.found(0, 200, {"error": [], "result": {TXID: row}})
    assert found.state is by_txid
    assert found.body == (b'{"error":[],"result":{"count":1}}' if by_txid is DONE else b"")
    assert cancel.found(0, 200, {"error": ["EOrder:Unknown order"]}).state is NOT_SO_FAR
    assert cancel.found(0, 502, {"error": ["EOrder:Unknown order"]}).state is CANNOT_TELL
    cancel = Write("kraken", f"POST {K}CancelOrder", "cl_ord_id=a")
    number, where = (0, "open") if status in ("open", "pending") else (1, "closed")
    assert cancel.found(number, 200, kraken_told(where, row)).state is by_name


def test_kraken_cancels_of_one_name_after_another() -> None:
    cancel = Write("kraken", f"POST {K}CancelOrder", "cl_ord_id=a")
    ours = kraken_order(status="canceled", opentm=BEFORE / 1000, closetm=AFTER / 1000)
    old = kraken_order(status="closed", opentm=1, closetm=2)
    assert cancel.found(1, 200, kraken_told("closed", ours, old)).state is DONE
    assert cancel.found(1, 200, kraken_told("closed", ours, ours)).state is CANNOT_TELL
    assert cancel.found(1, 200, kraken_told("closed", *[old] * 50)).state is CANNOT_TELL
    assert cancel.found(1, 200, kraken_told("closed", kraken_order(cl_ord_id="b"))).state is CANNOT_TELL


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"cl_ord_id": "a", "userref": 1}, NOT_SO_FAR),
        ({"cl_ord_id": "z", "userref": 7}, NOT_SO_FAR),
        ({"cl_ord_id": "z", "userref": 1}, DONE),
        ({"cl_ord_id": "7", "userref": 1}, DONE),  # a client's id is no userref
    ],
)
def test_kraken_batches_of_cancels(row: dict[str, Any], state: Found) -> None:
    cancel = Write("kraken", f"POST {K}CancelOrderBatch", f'{{"orders":["{TXID}",7],"cl_ord_ids":["a"]}}')
    body = kraken_told("open", kraken_order(opentm=1, **row))
    assert cancel.found(0, 200, body).state is state
    body["result"]["open"][TXID] = kraken_order(opentm=1, cl_ord_id=None, userref=None)
    assert cancel.found(0, 200, body).state is NOT_SO_FAR


# ---- Crypto.com

CRYPTOCOM_ORDER = {
    "client_oid": "a", "order_id": "19848525", "status": "ACTIVE", "order_type": "LIMIT", "quantity": "0.0100",
    "limit_price": "50000.0", "cumulative_quantity": "0.0000", "create_time": SINCE_MS + 30,
    "update_time": SINCE_MS + 30,
}  # fmt: skip


def cryptocom_told(*rows: Mapping[str, Any], code: Any = 0) -> dict[str, Any]:
    return {"id": 1, "method": "x", "code": code, "result": {"data": list(rows)}}


@pytest.mark.parametrize(
    ("number", "status", "body", "state"),
    [
        (0, 200, {"code": 0, "result": CRYPTOCOM_ORDER}, DONE),
        (0, 200, {"code": "0", "result": {**CRYPTOCOM_ORDER, "create_time": str(SINCE_MS + 30)}}, DONE),
        (0, 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "status": "REJECTED"}}, NEVER),
        (0, 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "create_time": 1}}, CANNOT_TELL),
        (0, 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "client_oid": "b"}}, CANNOT_TELL),
        (0, 200, {"code": 40401, "message": "NOT_FOUND"}, NOT_SO_FAR),
        (0, 400, {"code": "212", "message": "INVALID_ORDERID"}, NOT_SO_FAR),
        (1, 200, {"code": 40401, "message": "NOT_FOUND"}, CANNOT_TELL),
        (0, 429, {"code": 42901, "message": "TOO_MANY_REQUESTS"}, CANNOT_TELL),
        (0, 500, {"code": 50001, "message": "ERR_INTERNAL"}, CANNOT_TELL),
        (1, 200, cryptocom_told(), NOT_SO_FAR),
        (1, 200, cryptocom_told({**CRYPTOCOM_ORDER, "client_oid": "b"}), NOT_SO_FAR),
        (1, 200, cryptocom_told(CRYPTOCOM_ORDER), DONE),
        (2, 200, cryptocom_told({**CRYPTOCOM_ORDER, "status": "FILLED"}), DONE),
        (2, 200, cryptocom_told({**CRYPTOCOM_ORDER, "create_time": 1}), NOT_SO_FAR),
        (2, 200, cryptocom_told(*[{"client_oid": "b"}] * 100), CANNOT_TELL),  # there may be more
        (1, 200, cryptocom_told(*[{"client_oid": "b"}] * 100), NOT_SO_FAR),
        (1, 200, cryptocom_told(CRYPTOCOM_ORDER, CRYPTOCOM_ORDER), CANNOT_TELL),
        (1, 200, {"code": 0, "result": {}}, CANNOT_TELL),
        (1, 200, {"code": 0, "result": []}, CANNOT_TELL),
        (1, 200, cryptocom_told({}, code=1), CANNOT_TELL),
        (0, 200, "{}", CANNOT_TELL),
        (0, 502, "<html>", CANNOT_TELL),
    ],
)
def test_cryptocom_new_orders(number: int, status: int, body: Any, state: Found) -> None:
    given = '{"id":"17","params":{"instrument_name":"B","client_oid":"a"}}'
    write = Write("cryptocom", f"POST {C}create-order", given)
    finding = write.found(number, status, body)
    assert finding.state is state
    if state is DONE:
        result = {"client_oid": "a", "order_id": "19848525"}
        told = {"id": "17", "method": "private/create-order", "code": 0, "result": result}
        assert json.loads(finding.body) == told


def test_cryptocom_items() -> None:
    rows = '{"id":1,"params":{"order_list":[{"client_oid":"z"},{"client_oid":"a"}]}}'
    listed = Write("cryptocom", f"POST {C}create-order-list", rows)
    found = listed.found(1, 200, {"code": 0, "result": CRYPTOCOM_ORDER})
    assert json.loads(found.body) == {"index": 1, "code": 0, "client_oid": "a", "order_id": "19848525"}


@pytest.mark.parametrize(
    ("status", "made_ms", "ended_ms", "by_number", "by_name"),
    [
        ("ACTIVE", BEFORE, BEFORE, NOT_SO_FAR, NOT_SO_FAR),
        ("PENDING", BEFORE, AFTER, NOT_SO_FAR, NOT_SO_FAR),
        ("CANCELED", BEFORE, AFTER, DONE, DONE),
        ("FILLED", BEFORE, AFTER, NEVER, NEVER),
        ("REJECTED", BEFORE, AFTER, NEVER, NEVER),
        ("EXPIRED", BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        ("CANCELED", LONG_BEFORE, BEFORE, NEVER, NOT_SO_FAR),
        ("ACTIVE", LATER, LATER, NOT_SO_FAR, CANNOT_TELL),
        ("STRANGE", BEFORE, AFTER, CANNOT_TELL, CANNOT_TELL),
        ("ACTIVE", BEFORE, "soon", CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_cryptocom_cancels(status: str, made_ms: int, ended_ms: Any, by_number: Found, by_name: Found) -> None:
    row = {**CRYPTOCOM_ORDER, "status": status, "create_time": str(made_ms), "update_time": ended_ms}
    for given, state in (('"order_id":"19848525"', by_number), ('"client_oid":"a"', by_name)):
        cancel = Write("cryptocom", f"POST {C}cancel-order", f'{{"id":1,"params":{{{given}}}}}')
        finding = cancel.found(0, 200, {"code": 0, "result": row})
        assert finding.state is state
        result = {"client_oid": "a", "order_id": "19848525"}
        told = {"id": 1, "method": "private/cancel-order", "code": 0, "result": result}
        assert (json.loads(finding.body) == told) if state is DONE else not finding.body
        listed = Write("cryptocom", f"POST {C}cancel-order-list", f'{{"id":1,"params":{{"order_list":[{{{given}}}]}}}}')
        found = listed.found(0, 200, {"code": 0, "result": row})
        assert found.state is state and found.body == (b'{"index":0,"code":0}' if state is DONE else b"")
    assert cancel.found(0, 200, {"code": 40401}).state is NOT_SO_FAR


def test_absence_is_never_concluded_from_one_look() -> None:
    for exchange in EXCHANGES.values():
        assert exchange.absence is not None
        assert exchange.absence.looks >= 3 and exchange.absence.after_ms >= 2_000
    kraken = EXCHANGES["kraken"].absence
    assert kraken is not None and kraken.after_ms == 60_000
