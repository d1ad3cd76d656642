"""What answers say of each order of a call that is about several."""

from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.model import Executed, Item, Reply
from tests.exchanges.writes import TXID, B, C, K, Write

YES, NO, UNKNOWN = Executed.YES, Executed.NO, Executed.UNKNOWN
LEGS = [
    {"symbol": "LTCBTC", "orderId": 12, "orderListId": 1, "clientOrderId": "w", "status": "NEW"},
    {"symbol": "LTCBTC", "orderId": 13, "orderListId": 1, "clientOrderId": "p", "status": "PENDING_NEW"},
]
LIST = {"orderListId": 1, "contingencyType": "OTO", "listOrderStatus": "EXECUTING", "orderReports": LEGS}


def cancelled(number: int, name: str, status: str = "CANCELED") -> dict[str, Any]:
    return {"symbol": "LTCBTC", "orderId": number, "origClientOrderId": name, "clientOrderId": "c", "status": status}


REPLACE = (f"POST {B}order/cancelReplace", "symbol=LTCBTC&cancelOrderId=9&newClientOrderId=n")
NEW_ORDER = {"symbol": "LTCBTC", "orderId": 10, "clientOrderId": "n"}
UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}


def replaced(old: str, new: str, said_old: Any, said_new: Any) -> dict[str, Any]:
    return {"cancelResult": old, "newOrderResult": new, "cancelResponse": said_old, "newOrderResponse": said_new}


def failed(code: int, *told: Any) -> dict[str, Any]:
    return {"code": code, "msg": "Order cancel-replace failed.", "data": replaced(*told)}


@pytest.mark.parametrize("name", ["orderList/oco", "orderList/oto", "orderList/otoco", "orderList/opo", "order/oco"])
def test_binance_lists(name: str) -> None:
    write = Write("binance", f"POST {B}{name}", "symbol=LTCBTC")
    assert write.items(200, LIST) == (Item(0, "w", YES, "12"), Item(1, "p", YES, "13"))
    assert write.items(400, {"code": -2010, "msg": "Account has insufficient balance"}) == ()


@pytest.mark.parametrize(
    ("status", "body", "items"),
    [
        (
            200,
            replaced("SUCCESS", "SUCCESS", cancelled(9, "o"), NEW_ORDER),
            (Item(0, "9", YES, "9"), Item(1, "n", YES, "10")),
        ),
        (
            400,
            failed(-2022, "FAILURE", "NOT_ATTEMPTED", UNKNOWN_ORDER, None),
            (Item(0, "9", NO, "", "-2011 Unknown order sent."), Item(1, "n", NO, "", "NOT_ATTEMPTED")),
        ),
        (
            409,
            failed(-2021, "SUCCESS", "FAILURE", cancelled(9, "o"), {"code": -2010, "msg": "no"}),
            (Item(0, "9", YES, "9"), Item(1, "n", NO, "", "-2010 no")),
        ),
        (
            409,
            failed(-2021, "FAILURE", "SUCCESS", UNKNOWN_ORDER, NEW_ORDER),
            (Item(0, "9", NO, "", "-2011 Unknown order sent."), Item(1, "n", YES, "10")),
        ),
        (
            409,
            failed(-2021, "SUCCESS", "FAILURE", cancelled(9, "o"), {"code": -1007, "msg": "Timeout"}),
            (Item(0, "9", YES, "9"), Item(1, "n", UNKNOWN, "", "-1007 Timeout")),
        ),
        (
            409,
            failed(-2021, "SUCCESS", "MAYBE", cancelled(9, "o"), None),
            (Item(0, "9", YES, "9"), Item(1, "n", UNKNOWN)),
        ),
        (400, {"code": -1102, "msg": "Mandatory parameter"}, ()),
        (503, failed(-2021, "SUCCESS", "SUCCESS", cancelled(9, "o"), NEW_ORDER), ()),
    ],
)
def test_binance_replacements(status: int, body: Any, items: tuple[Item, ...]) -> None:
    assert Write("binance", *REPLACE).items(status, body) == items


def test_binance_cancels() -> None:
    write = Write("binance", f"DELETE {B}openOrders", "symbol=LTCBTC")
    listed = {"orderListId": 1, "orderReports": [cancelled(12, "w"), cancelled(13, "p", "FILLED")]}
    assert write.items(200, [cancelled(9, "o"), listed]) == (
        Item(0, "o", YES, "9"),
        Item(1, "w", YES, "12"),
        Item(2, "p", UNKNOWN, "13"),
    )
    assert write.items(400, UNKNOWN_ORDER) == ()
    write = Write("binance", f"DELETE {B}orderList", "symbol=LTCBTC&orderListId=1")
    assert write.items(200, listed) == (Item(0, "w", YES, "12"), Item(1, "p", UNKNOWN, "13"))


def test_kraken_batches() -> None:
    write = Write("kraken", f"POST {K}AddOrderBatch", '{"orders":[{"cl_ord_id":"a"},{"userref":7},{"cl_ord_id":"c"}]}')
    told = [{"txid": TXID, "descr": {"order": "x"}}, {"error": "EOrder:Insufficient funds"},
            {"error": "EService:Unavailable"}]  # fmt: skip
    assert write.items(200, {"error": [], "result": {"orders": told}}) == (
        Item(0, "a", YES, TXID),
        Item(1, "7", NO, "", "EOrder:Insufficient funds"),
        Item(2, "c", UNKNOWN, "", "EService:Unavailable"),
    )
    assert write.items(200, {"error": [], "result": {"orders": told[:2]}}) == ()
    assert write.items(200, {"error": ["EGeneral:Invalid arguments"]}) == ()
    checked = [{"descr": {"order": "x"}}] * 3  # `validate`
    assert write.items(200, {"error": [], "result": {"orders": checked}}) == ()


@pytest.mark.parametrize(
    ("given", "result", "items"),
    [
        (f'{{"orders":["{TXID}"],"cl_ord_ids":["a"]}}', {"count": 2}, (Item(0, TXID, YES), Item(1, "a", YES))),
        (
            f'{{"orders":["{TXID}"],"cl_ord_ids":["a"]}}',
            {"count": 0},
            (Item(0, TXID, NO, "", "count 0"), Item(1, "a", NO, "", "count 0")),
        ),
        (f'{{"orders":["{TXID}"]}}', {"count": 0, "pending": True}, (Item(0, TXID, UNKNOWN),)),
        (f'{{"orders":["{TXID}","x"]}}', {"count": 1}, (Item(0, TXID, UNKNOWN), Item(1, "x", UNKNOWN))),
        ('{"orders":[7]}', {"count": 1}, (Item(0, "7", UNKNOWN),)),  # one of its orders, or all
        ('{"orders":["x","x"]}', {"count": 2}, (Item(0, "x", UNKNOWN), Item(1, "x", UNKNOWN))),
        ('{"orders":["x"]}', {}, ()),
    ],
)
def test_kraken_batches_of_cancels(given: str, result: Any, items: tuple[Item, ...]) -> None:
    write = Write("kraken", f"POST {K}CancelOrderBatch", given)
    assert write.items(200, {"error": [], "result": result}) == items


ROWS = '{"id":1,"params":{"order_list":[{"client_oid":"a"},{"client_oid":"b"},{"client_oid":"c"}]}}'


@pytest.mark.parametrize("wrapped", [False, True])
def test_cryptocom_lists(wrapped: bool) -> None:
    write = Write("cryptocom", f"POST {C}create-order-list", ROWS)
    told: Any = [
        {"index": "1", "code": "306", "message": "INSUFFICIENT", "client_oid": "b"},
        {"index": "0", "code": "0", "client_oid": "a", "order_id": "57"},
        {"index": "2", "code": 306, "message": "INSUFFICIENT", "client_oid": "c", "order_id": "58"},
    ]
    assert write.items(200, {"code": "0", "result": {"result_list": told} if wrapped else told}) == (
        Item(0, "a", YES, "57"),
        Item(1, "b", NO, "", "306 INSUFFICIENT"),
        Item(2, "c", UNKNOWN, "58", "306 INSUFFICIENT"),  # a record was made
    )
    assert write.items(200, {"code": 0, "result": told[:1]})[::2] == (Item(0, "a", UNKNOWN), Item(2, "c", UNKNOWN))
    for bad in ([], [told[0], told[0]], [{**told[0], "index": 3}], [{**told[0], "index": "x"}], [1], "x", None):
        assert write.items(200, {"code": 0, "result": bad}) == ()
    assert write.items(400, {"code": 40001, "message": "BAD_REQUEST"}) == ()


def test_cryptocom_cancels_and_contingent_orders() -> None:
    given = '{"id":1,"params":{"order_list":[{"order_id":"5"},{"client_oid":"b"}]}}'
    for name in ("cancel-order-list", "advanced/cancel-order-list"):
        write = Write("cryptocom", f"POST {C}{name}", given)
        told = [{"index": 0, "code": 0}, {"index": 1, "code": 316, "message": "NO_ACTIVE_ORDER"}]
        assert write.items(200, {"code": 0, "result": told}) == (
            Item(0, "5", YES),
            Item(1, "b", NO, "", "316 NO_ACTIVE_ORDER"),
        )
    write = Write("cryptocom", f"POST {C}advanced/create-oco", ROWS)
    assert write.items(200, {"code": "0", "result": {"list_id": "64"}}) == tuple(
        Item(index, name, YES) for index, name in enumerate("abc")
    )
    assert write.items(500, {"code": "0", "result": {"list_id": "64"}}) == ()
    assert write.items(200, {"code": "1", "result": {"list_id": "64"}}) == ()


STRANGE = ["", "{}", "[]", "<html>", "null", '{"error":[],"result":{}}', '{"code":0}', '"x"', '{"result":[1]}',
           '{"data":[]}', '[{"orderReports":1}]', '{"result":{"orders":[1]}}', '{"orderReports":[{}]}']  # fmt: skip


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("body", STRANGE)
def test_no_answer_is_an_error(exchange: str, body: str) -> None:
    row = EXCHANGES[exchange]
    for endpoint in row.table.exact.values():
        for status in (200, 400, 409, 500):
            for params in ({}, {"orders": "[", "order_list": "{}"}, {"orders": '[{"cl_ord_id":"a"}]'}):
                assert row.items(endpoint, params, Reply(status, b"x", (), body.encode(), 1)) == ()
