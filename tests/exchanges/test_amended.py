"""Looking up amendments whose answer was lost."""

import json
from typing import Any

import pytest

from proxy.exchanges.lookup import Found
from tests.exchanges.test_lookup import (
    AFTER,
    BEFORE,
    BINANCE_ORDER,
    CANNOT_TELL,
    CRYPTOCOM_ORDER,
    DONE,
    JUST_BEFORE,
    LATER,
    LONG_BEFORE,
    NEVER,
    NO_SUCH_ORDER,
    NOT_SO_FAR,
    kraken_order,
    kraken_told,
)
from tests.exchanges.writes import TXID, B, C, K, Write

AMEND = f"PUT {B}order/amend/keepPriority"


@pytest.mark.parametrize(
    ("changes", "by_number", "by_new", "by_old"),
    [
        ({"clientOrderId": "n", "origQty": "5.00000000"}, DONE, DONE, DONE),
        ({"clientOrderId": "n", "origQty": "5.00000000", "status": "FILLED"}, DONE, DONE, DONE),
        # Another order of the new name, long before.
        ({"clientOrderId": "n", "origQty": "5", "updateTime": LONG_BEFORE}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "n", "origQty": "7"}, NOT_SO_FAR, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "o", "origQty": "7"}, NOT_SO_FAR, NOT_SO_FAR, NOT_SO_FAR),
        ({"clientOrderId": "o", "origQty": "7", "updateTime": LONG_BEFORE}, NOT_SO_FAR, NOT_SO_FAR, NOT_SO_FAR),
        ({"clientOrderId": "o", "origQty": "7", "status": "FILLED"}, NEVER, NEVER, NEVER),
        ({"clientOrderId": "o", "origQty": "7", "status": "CANCELED"}, NEVER, NEVER, NEVER),
        (
            {"clientOrderId": "o", "origQty": "7", "status": "CANCELED", "updateTime": JUST_BEFORE},
            NEVER, NOT_SO_FAR, NOT_SO_FAR,
        ),
        (
            {"clientOrderId": "o", "origQty": "7", "status": "FILLED", "updateTime": LONG_BEFORE},
            NEVER, NOT_SO_FAR, NOT_SO_FAR,
        ),
        # Less than is filled: the amendment lets the order expire.
        (
            {"clientOrderId": "o", "origQty": "7", "status": "EXPIRED", "executedQty": "5"},
            CANNOT_TELL, CANNOT_TELL, CANNOT_TELL,
        ),
        ({"clientOrderId": "o", "origQty": "7", "time": LATER}, NOT_SO_FAR, CANNOT_TELL, CANNOT_TELL),
        # Amended again since, perhaps after ours.
        ({"clientOrderId": "x", "origQty": "4"}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "x", "origQty": "5"}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "o", "origQty": "5"}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "o", "origQty": "many"}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
        ({"clientOrderId": "o", "origQty": "7", "status": "STRANGE"}, CANNOT_TELL, CANNOT_TELL, CANNOT_TELL),
    ],
)  # fmt: skip
def test_binance(changes: dict[str, Any], by_number: Found, by_new: Found, by_old: Found) -> None:
    row = {**BINANCE_ORDER, "time": BEFORE, "updateTime": AFTER, **changes}
    numbered = Write("binance", AMEND, "symbol=LTCBTC&orderId=1&newQty=5.0&newClientOrderId=n")
    named = Write("binance", AMEND, "symbol=LTCBTC&origClientOrderId=o&newQty=5.0&newClientOrderId=n")
    for write, number, state in ((numbered, 0, by_number), (named, 0, by_new), (named, 1, by_old)):
        finding = write.found(number, 200, row)
        assert finding.state is state
        assert bool(finding.body) == (state is DONE)
        assert write.found(number, 400, NO_SUCH_ORDER).state is NOT_SO_FAR
    assert numbered.found(0, 200, {**row, "orderId": 2}).state is CANNOT_TELL


def test_binance_orders_that_keep_their_name() -> None:
    write = Write("binance", AMEND, "symbol=LTCBTC&origClientOrderId=a&newQty=5.0&newClientOrderId=a")
    row = {**BINANCE_ORDER, "time": BEFORE, "updateTime": AFTER}
    assert write.found(0, 200, {**row, "origQty": "5.00000"}).state is DONE
    assert write.found(0, 200, {**row, "origQty": "5.5"}).state is NOT_SO_FAR


def test_binance_amendments_that_were_followed_by_another() -> None:
    write = Write("binance", AMEND, "symbol=LTCBTC&orderId=1&newQty=5.0&newClientOrderId=n")
    ours = {"symbol": "LTCBTC", "orderId": 1, "executionId": 22, "origClientOrderId": "o", "newClientOrderId": "n",
            "origQty": "7.00000000", "newQty": "5.00000000", "time": AFTER}  # fmt: skip
    next_ = {**ours, "origClientOrderId": "n", "newClientOrderId": "x", "newQty": "4"}
    assert write.found(1, 200, [ours, next_]).state is DONE
    assert write.found(1, 200, [next_]).state is NOT_SO_FAR
    assert write.found(1, 200, [{**next_, "newQty": "5"}]).state is NOT_SO_FAR
    assert write.found(1, 200, [{**ours, "newQty": "6"}]).state is NOT_SO_FAR
    assert write.found(1, 200, []).state is NOT_SO_FAR
    assert write.found(1, 200, [{**ours, "time": LONG_BEFORE}]).state is CANNOT_TELL
    assert write.found(1, 200, {"code": 1}).state is CANNOT_TELL
    assert write.found(1, 404, "<html>").state is CANNOT_TELL


def test_binance_answers() -> None:
    write = Write("binance", AMEND, "symbol=LTCBTC&origClientOrderId=o&newQty=5.0&newClientOrderId=n")
    row = {**BINANCE_ORDER, "time": BEFORE, "updateTime": AFTER, "clientOrderId": "n", "origQty": "5.00000000"}
    told = json.loads(write.found(0, 200, row).body)
    # As in the documentation, but for the executionId.
    assert told.keys() == {"transactTime", "amendedOrder"} and told["transactTime"] == AFTER
    assert told["amendedOrder"] == {
        "symbol": "LTCBTC", "orderId": 1, "orderListId": -1, "origClientOrderId": "o", "clientOrderId": "n",
        "price": "0.1", "qty": "5.00000000", "executedQty": "0.0", "preventedQty": "0.00000000",
        "quoteOrderQty": "0.000000", "cumulativeQuoteQty": "0.0", "status": "NEW", "timeInForce": "GTC",
        "type": "LIMIT", "side": "BUY", "workingTime": AFTER, "selfTradePreventionMode": "NONE",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "changes", "state"),
    [
        ("order_qty=1", {}, DONE),
        ("order_qty=1.0&limit_price=1.00", {}, DONE),
        ("order_qty=1", {"status": "closed", "closetm": AFTER / 1000}, DONE),
        ("order_qty=2", {}, NOT_SO_FAR),
        ("order_qty=1&limit_price=2", {}, NOT_SO_FAR),
        ("order_qty=2", {"amended": True}, CANNOT_TELL),  # perhaps once more after ours
        ("limit_price=%2B5", {}, CANNOT_TELL),
        ("limit_price=-5%25", {}, CANNOT_TELL),
        ("order_qty=1&trigger_price=5", {}, CANNOT_TELL),
        ("order_qty=1&display_qty=5", {}, CANNOT_TELL),
        ("order_qty=1&post_only=true", {}, CANNOT_TELL),
        ("order_qty=2&display_qty=5", {}, NOT_SO_FAR),
        ("", {}, CANNOT_TELL),
        ("limit_price=1", {"descr": {"ordertype": "stop-loss-limit", "price": "1"}}, CANNOT_TELL),
        ("limit_price=2", {"descr": {"ordertype": "stop-loss-limit", "price": "1"}}, CANNOT_TELL),
        ("order_qty=2", {"status": "closed", "closetm": AFTER / 1000}, NEVER),
        ("order_qty=2", {"status": "canceled", "closetm": AFTER / 1000, "vol_exec": "1.5"}, NEVER),
        # Less than is filled: the amendment cancels the rest.
        ("order_qty=2", {"status": "canceled", "closetm": AFTER / 1000, "vol_exec": "2"}, CANNOT_TELL),
        ("order_qty=2", {"status": "strange"}, CANNOT_TELL),
    ],
)
def test_kraken(asked: str, changes: dict[str, Any], state: Found) -> None:
    row = kraken_order(opentm=BEFORE / 1000, **changes)
    write = Write("kraken", f"POST {K}AmendOrder", f"txid={TXID}&{asked}".rstrip("&"))
    finding = write.found(1, 200, {"error": [], "result": {TXID: row}})
    assert (finding.state, finding.body) == (state, b"")
    assert write.found(1, 200, {"error": ["EOrder:Unknown order"]}).state is NOT_SO_FAR
    named = Write("kraken", f"POST {K}AmendOrder", f"cl_ord_id=a&{asked}".rstrip("&"))
    number, where = (1, "closed") if "closetm" in changes else (0, "open")
    assert named.found(number, 200, kraken_told(where, row)).state is state


def test_kraken_orders_of_an_earlier_or_later_call() -> None:
    named = Write("kraken", f"POST {K}AmendOrder", "cl_ord_id=a&order_qty=2")
    assert named.found(0, 200, kraken_told("open", kraken_order(opentm=LATER / 1000))).state is CANNOT_TELL
    old = kraken_order(opentm=1, status="closed", closetm=LONG_BEFORE / 1000)
    assert named.found(1, 200, kraken_told("closed", old)).state is NOT_SO_FAR


def change(**changes: Any) -> dict[str, Any]:
    row = {"amend_id": "TESMDB-QTKYK-YMDMQV", "amend_type": "user", "order_qty": "0.01200000",
           "display_qty": "0.00000000", "remaining_qty": "0.01200000", "limit_price": "61032.8",
           "timestamp": AFTER * 1_000_000}  # fmt: skip
    return row | changes


@pytest.mark.parametrize(
    ("asked", "rows", "state"),
    [
        ("order_qty=0.012", [change()], DONE),
        ("order_qty=0.012&limit_price=61032.80", [change(), change(order_qty="3")], DONE),
        ("order_qty=0.012&display_qty=0", [change()], DONE),
        ("order_qty=0.013", [change()], NOT_SO_FAR),
        ("order_qty=0.012", [change(amend_type="original")], NOT_SO_FAR),
        ("order_qty=0.012", [change(timestamp=BEFORE * 1_000_000)], NOT_SO_FAR),
        ("order_qty=0.012", [change(timestamp=AFTER)], CANNOT_TELL),  # in another unit than documented
        ("order_qty=0.012&trigger_price=1", [change()], CANNOT_TELL),
        ("limit_price=%2B5", [change()], CANNOT_TELL),
        ("post_only=true", [change()], CANNOT_TELL),
        ("order_qty=0.012", [], NOT_SO_FAR),
        ("order_qty=0.012", [{}], CANNOT_TELL),
    ],
)
def test_kraken_history(asked: str, rows: list[dict[str, Any]], state: Found) -> None:
    write = Write("kraken", f"POST {K}AmendOrder", f"txid={TXID}&{asked}")
    finding = write.found(0, 200, {"error": [], "result": {"count": len(rows), "amends": rows}})
    assert finding.state is state
    told = b'{"error":[],"result":{"amend_id":"TESMDB-QTKYK-YMDMQV"}}'
    assert finding.body == (told if state is DONE else b"")
    if state is NOT_SO_FAR:
        cut = {"error": [], "result": {"count": len(rows) + 1, "amends": rows}}
        assert write.found(0, 200, cut).state is CANNOT_TELL
    assert write.found(0, 200, {"error": ["EGeneral:Unknown method"]}).state is CANNOT_TELL


NEW = TXID[:-2] + "00"


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, DONE),
        ({"vol": "2"}, CANNOT_TELL),
        ({"refid": None}, NOT_SO_FAR),
        ({"refid": "OTHER1-FRGI2-MQMWZD"}, NOT_SO_FAR),
        ({"opentm": BEFORE / 1000}, NOT_SO_FAR),
    ],
)
def test_kraken_edits_by_the_new_order(row: dict[str, Any], state: Found) -> None:
    edit = Write("kraken", f"POST {K}EditOrder", f"txid={TXID}&pair=XBTUSD&volume=1.0&price=1.0")
    new = kraken_order(cl_ord_id=None, **{"refid": TXID, **row})
    for number, where in ((0, "open"), (1, "closed")):
        finding = edit.found(number, 200, kraken_told(where, new))
        assert finding.state is state
        if state is DONE:
            descr = {"order": "buy 1 XBTUSD @ limit 1"}
            assert json.loads(finding.body)["result"] == {
                "status": "ok", "txid": NEW, "originaltxid": TXID, "volume": "1.00000000", "price": "1",
                "orders_cancelled": 1, "descr": descr,
            }  # fmt: skip
    assert edit.found(0, 200, kraken_told("open", new, new)).state is (
        NOT_SO_FAR if state is NOT_SO_FAR else CANNOT_TELL
    )
    assert edit.found(1, 200, kraken_told("closed", count=60)).state is CANNOT_TELL


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"status": "open"}, NOT_SO_FAR),
        ({"status": "closed", "closetm": AFTER / 1000}, NEVER),
        ({"status": "expired", "closetm": AFTER / 1000}, NEVER),
        ({"status": "canceled", "closetm": BEFORE / 1000}, NEVER),
        ({"status": "canceled", "closetm": AFTER / 1000}, CANNOT_TELL),  # by the edit, or by something else
        ({"status": "canceled"}, CANNOT_TELL),
        ({"status": "strange"}, CANNOT_TELL),
    ],
)
def test_kraken_edits_by_the_old_order(row: dict[str, Any], state: Found) -> None:
    edit = Write("kraken", f"POST {K}EditOrder", f"txid={TXID}&pair=XBTUSD&volume=2")
    body = {"error": [], "result": {TXID: kraken_order(opentm=BEFORE / 1000, **row)}}
    assert edit.found(2, 200, body).state is state
    assert edit.found(2, 200, {"error": ["EOrder:Unknown order"]}).state is NOT_SO_FAR


ASKED = '"new_price":"82000","new_quantity":"0.0002"'
OURS = {"limit_price": "82000.00", "quantity": "0.00020"}


@pytest.mark.parametrize(
    ("row", "by_number", "by_name"),
    [
        (OURS, DONE, DONE),
        ({**OURS, "status": "FILLED"}, DONE, DONE),
        ({**OURS, "status": "REJECTED"}, CANNOT_TELL, CANNOT_TELL),
        ({**OURS, "limit_price": None}, CANNOT_TELL, CANNOT_TELL),
        ({"update_time": LONG_BEFORE}, NOT_SO_FAR, NOT_SO_FAR),
        ({"create_time": JUST_BEFORE, "update_time": JUST_BEFORE}, NOT_SO_FAR, NOT_SO_FAR),
        ({"limit_price": "82000", "update_time": LONG_BEFORE}, NOT_SO_FAR, NOT_SO_FAR),
        ({}, CANNOT_TELL, CANNOT_TELL),  # changed since, and not as we asked: perhaps once more
        ({"status": "CANCELED"}, CANNOT_TELL, CANNOT_TELL),  # in favour of another one, perhaps
        ({"status": "FILLED"}, NEVER, NEVER),
        ({"status": "FILLED", "update_time": LONG_BEFORE}, NEVER, NOT_SO_FAR),
        ({"status": "CANCELED", "update_time": LONG_BEFORE}, NEVER, NOT_SO_FAR),
        ({"create_time": LATER, "update_time": LATER}, NOT_SO_FAR, CANNOT_TELL),
        ({"status": "STRANGE"}, CANNOT_TELL, CANNOT_TELL),
        ({"update_time": "soon"}, CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_cryptocom(row: dict[str, Any], by_number: Found, by_name: Found) -> None:
    order = {**CRYPTOCOM_ORDER, "create_time": str(BEFORE), "update_time": str(AFTER), **row}
    for name, given, state in (
        ("amend-order", '"order_id":"19848525"', by_number),
        ("amend-order", '"orig_client_oid":"a"', by_name),
        ("advanced/amend-order", '"client_oid":"a"', by_name),
    ):
        write = Write("cryptocom", f"POST {C}{name}", f'{{"id":53,"params":{{{given},{ASKED}}}}}')
        finding = write.found(0, 200, {"code": "0", "result": order})
        assert finding.state is state
        result = {"client_oid": "a", "order_id": "19848525"}
        told = {"id": 53, "method": f"private/{name}", "code": 0, "result": result}
        assert (json.loads(finding.body) == told) if state is DONE else not finding.body
        assert write.found(0, 200, {"code": 40401}).state is NOT_SO_FAR


def test_cryptocom_trigger_prices() -> None:
    given = '{"params":{"order_id":"19848525","new_ref_price":"46000.0","new_quantity":"0.01"}}'
    write = Write("cryptocom", f"POST {C}advanced/amend-order", given)
    order = {**CRYPTOCOM_ORDER, "create_time": BEFORE, "update_time": LONG_BEFORE}
    assert write.found(0, 200, {"code": 0, "result": order}).state is CANNOT_TELL
    assert write.found(0, 200, {"code": 0, "result": {**order, "ref_price": "46000"}}).state is DONE
    assert write.found(0, 200, {"code": 0, "result": {**order, "ref_price": "45000"}}).state is NOT_SO_FAR


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({**OURS, "client_oid": "n", "order_id": "7"}, DONE),
        ({**OURS, "client_oid": "n", "order_id": "7", "update_time": LONG_BEFORE}, CANNOT_TELL),
        ({"client_oid": "n", "order_id": "7", "status": "FILLED"}, CANNOT_TELL),  # another order of that name
        ({"client_oid": "n", "order_id": "7", "update_time": LONG_BEFORE}, CANNOT_TELL),
        ({"client_oid": "n", "order_id": "5", "update_time": LONG_BEFORE}, NOT_SO_FAR),  # the old one, of that name
    ],
)
def test_cryptocom_orders_that_get_a_new_name(row: dict[str, Any], state: Found) -> None:
    given = f'{{"params":{{"order_id":"5","client_oid":"n",{ASKED}}}}}'
    write = Write("cryptocom", f"POST {C}amend-order", given)
    assert [lookup.id for lookup in write.lookups] == ["n", "5"]
    order = {**CRYPTOCOM_ORDER, "create_time": BEFORE, "update_time": AFTER, **row}
    assert write.found(0, 200, {"code": 0, "result": order}).state is state
