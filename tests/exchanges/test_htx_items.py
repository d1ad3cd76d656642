"""HTX: what the answer to a call about several orders says of each of them."""

import json
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.model import Executed, Incoming, Item, Reply

ROW = EXCHANGES["htx"]
YES, NO, MAYBE = Executed.YES, Executed.NO, Executed.UNKNOWN
SPOT, V5 = "POST /v1/order/", "POST /v5/trade/"
V1 = "POST /linear-swap-api/v1/swap_"
NAMED = [{"client-order-id": "a"}, {"client-order-id": "b"}, {"client-order-id": "c"}]
NUMBERS = [{"client_order_id": n} for n in (4, 5, 6)]


def items(name: str, body: Any, told: Any, status: int = 200) -> tuple[Item, ...]:
    method, _, path = name.partition(" ")
    endpoint = ROW.table.match(method, path)
    assert endpoint is not None
    request = ROW.strip(Incoming(method, path, "", (), json.dumps(body).encode()))
    text = told if isinstance(told, str) else json.dumps(told)
    return ROW.items(endpoint, ROW.params(request), Reply(status, b"x", (), text.encode(), 1))


@pytest.mark.parametrize(
    ("name", "body", "data", "wanted"),
    [
        (
            f"{SPOT}batch-orders",
            NAMED,
            [
                {"client-order-id": "b", "err-code": "order-value-min-error", "err-msg": "too small"},
                {"order-id": 61713400772, "client-order-id": "a"},
                {"client-order-id": "c", "err-code": "base-system-error"},
            ],
            [
                Item(0, "a", YES, "61713400772"),
                Item(1, "b", NO, "", "order-value-min-error too small"),
                Item(2, "c", MAYBE, "", "base-system-error"),
            ],
        ),
        (  # the same name twice: their order tells them apart
            f"{SPOT}batch-orders",
            [NAMED[0], NAMED[0]],
            [{"order-id": 1, "client-order-id": "a"}, {"client-order-id": "a", "err-code": "order-disabled"}],
            [Item(0, "a", YES, "1"), Item(1, "a", NO, "", "order-disabled")],
        ),
        (
            f"{SPOT}batch-orders",
            NAMED[:2],
            [{"order-id": 1, "client-order-id": "a"}],
            [Item(0, "a", YES, "1"), Item(1, "b", MAYBE)],
        ),
        (
            f"{SPOT}orders/batchcancel",
            {"order-ids": ["1", "2", "3"]},
            {"success": ["1"], "failed": [{"order-id": "2", "err-code": "order-orderstate-error", "err-msg": "x"}]},
            [Item(0, "1", YES, "1"), Item(1, "2", NO, "", "order-orderstate-error x"), Item(2, "3", MAYBE)],
        ),
        (
            f"{SPOT}orders/batchcancel",
            {"client-order-ids": ["a", "b"]},
            {"success": ["a"], "failed": [{"order-id": "", "client-order-id": "b", "err-code": "base-not-found"}]},
            [Item(0, "a", YES), Item(1, "b", NO, "", "base-not-found")],
        ),
        (
            "POST /v2/algo-orders/cancellation",
            {"clientOrderIds": ["a", "b"]},
            {"accepted": ["a"], "rejected": ["b"]},
            [Item(0, "a", YES), Item(1, "b", NO, "", "rejected")],
        ),
        (
            f"{V1}batchorder",
            {"orders_data": NUMBERS},
            {
                "errors": [{"index": 2, "err_code": 1047, "err_msg": "Insufficient margin available."}],
                "success": [{"order_id": 17, "index": 1, "order_id_str": "17", "client_order_id": 4}],
            },
            [
                Item(0, "4", YES, "17"),
                Item(1, "5", NO, "", "1047 Insufficient margin available."),
                Item(2, "6", MAYBE),
            ],
        ),
        (
            "POST /linear-swap-api/v1/swap_cross_cancel",
            {"order_id": "17,18,19"},
            {"errors": [{"order_id": "18", "err_code": 1061, "err_msg": "x"}], "successes": "17,19"},
            [Item(0, "17", YES, "17"), Item(1, "18", NO, "", "1061 x"), Item(2, "19", YES, "19")],
        ),
        (
            f"{V5}batch_orders",
            [{"client_order_id": "4"}, {"client_order_id": "5"}, {"client_order_id": "6"}],
            [
                {"code": 200, "message": "Success", "order_id": "17", "client_order_id": "4"},
                {"code": 1040, "message": "amount", "client_order_id": "5"},
                {"code": 1004, "message": "busy"},
            ],
            [
                Item(0, "4", YES, "17"),
                Item(1, "5", NO, "", "1040 amount"),
                Item(2, "6", MAYBE, "", "1004 busy"),
            ],
        ),
        (
            f"{V5}cancel_batch_orders",
            {"order_id": ["17", "18"]},
            [
                {"code": 1061, "message": "x", "order_id": "18"},
                {"code": "200", "message": "x", "order_id": "17", "client_order_id": "17"},
            ],
            [Item(0, "17", YES, "17"), Item(1, "18", NO, "", "1061 x")],
        ),
    ],
)
def test_items(name: str, body: Any, data: Any, wanted: list[Item]) -> None:
    told = {"code": 200, "data": data} if "/v5/" in name or "/v2/" in name else {"status": "ok", "data": data}
    assert list(items(name, body, told)) == wanted
    assert items(name, body, told, 502) == ()


@pytest.mark.parametrize(
    "told", ["", "{}", "[]", '{"status":"error","err-code":"x"}', '{"data":5}', '{"data":[5,6,7]}']
)
def test_answers_that_cannot_be_read_say_nothing(told: str) -> None:
    assert items(f"{SPOT}batch-orders", NAMED, told) == ()
    assert items(f"{V1}batchorder", {"orders_data": NUMBERS}, told) == ()


def test_calls_about_one_order_have_none() -> None:
    assert items(f"{SPOT}orders/place", {"client-order-id": "a"}, {"status": "ok", "data": "1"}) == ()
    assert items(f"{V1}cancel", {"order_id": "17"}, {"status": "ok", "data": {"errors": [], "successes": "17"}}) == ()
