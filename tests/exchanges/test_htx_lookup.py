"""HTX: where lost writes are looked for, what answers prove, and the answers that are made up of them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.htx_lookup import ABSENCE
from proxy.exchanges.lookup import Finding, Found, Lookup
from proxy.model import Endpoint, Incoming, Reply

ROW = EXCHANGES["htx"]
SINCE_MS = 1_700_000_000_000
AFTER, BEFORE = SINCE_MS + 40, SINCE_MS - 60_000
DONE, NOT_SO_FAR, NEVER, CANNOT_TELL = Found.DONE, Found.NOT_SO_FAR, Found.NEVER, Found.CANNOT_TELL
SPOT, V5 = "POST /v1/order/", "POST /v5/trade/"
V1, CROSS = "POST /linear-swap-api/v1/swap_", "POST /linear-swap-api/v1/swap_cross_"


class Write:
    def __init__(self, name: str, body: Any) -> None:
        method, _, path = name.partition(" ")
        found = ROW.table.match(method, path)
        assert found is not None
        self.endpoint: Endpoint = found
        self.request = ROW.strip(Incoming(method, path, "", (), json.dumps(body).encode()))
        self.params: Mapping[str, str] = {**ROW.params(self.request), **ROW.table.path_params(found, path)}
        self.lookups = ROW.lookups(found, self.request, self.params, SINCE_MS)

    def asks(self) -> list[str]:
        for lookup in self.lookups:
            row = ROW.table.named(lookup.endpoint)
            assert row is not None and row.name == lookup.endpoint and not row.call_class.writes
            assert row is ROW.table.match(lookup.request.method, lookup.request.path)
            assert ROW.strip(lookup.request) == lookup.request
        return [f"{one.item} {self._said(one)}" for one in self.lookups]

    @staticmethod
    def _said(one: Lookup) -> str:
        return f"{one.request.path} {one.request.query or one.request.body.decode()}".rstrip()

    def found(self, number: int, told: Any, status: int = 200) -> Finding:
        body = told if isinstance(told, str) else json.dumps(told)
        reply = Reply(status, b"x", (), body.encode(), 1)
        return ROW.found(self.endpoint, self.request, self.params, self.lookups[number], reply)

    def rebuilt(self, findings: Mapping[int, Finding]) -> Any:
        made = ROW.rebuilt(self.endpoint, self.request, self.params, findings)
        return None if made is None else (made.status, json.loads(made.body))


PLACE = {"account-id": "7", "symbol": "btcusdt", "client-order-id": "a"}
START = SINCE_MS - 2_000


INFO = "/linear-swap-api/v1/swap_order_info"


def spot_asks(item: int, name: str) -> list[str]:
    return [
        f"{item} /v1/order/orders/getClientOrder clientOrderId={name}",
        f"{item} /v1/order/openOrders account-id=7&symbol=btcusdt&size=500",
        f"{item} /v1/order/history symbol=btcusdt&start-time={START}&size=1000",
    ]


@pytest.mark.parametrize(
    ("name", "body", "asked"),
    [
        (f"{SPOT}orders/place", PLACE, spot_asks(0, "a")),
        (
            f"{SPOT}batch-orders",
            [PLACE, {**PLACE, "client-order-id": "b c"}],
            spot_asks(0, "a") + spot_asks(1, "b%20c"),
        ),
        (f"{SPOT}orders/59378/submitcancel", {}, ["0 /v1/order/orders/59378"]),
        (
            f"{SPOT}orders/submitCancelClientOrder",
            {"client-order-id": "a"},
            ["0 /v1/order/orders/getClientOrder clientOrderId=a"],
        ),
        (f"{SPOT}orders/batchcancel", {"order-ids": ["1", "2"]}, ["0 /v1/order/orders/1", "1 /v1/order/orders/2"]),
        (
            f"{SPOT}orders/batchcancel",
            {"client-order-ids": ["a"]},
            ["0 /v1/order/orders/getClientOrder clientOrderId=a"],
        ),
        (f"{SPOT}orders/batchCancelOpenOrders", {}, []),
        ("POST /v2/algo-orders", {"clientOrderId": "a"}, ["0 /v2/algo-orders/specific clientOrderId=a"]),
        (
            f"{V5}order",
            {"contract_code": "BTC-USDT", "client_order_id": "5"},
            [
                "0 /v5/trade/order contract_code=BTC-USDT&client_order_id=5",
                "0 /v5/trade/order/opens contract_code=BTC-USDT&limit=100",
            ],
        ),
        (
            f"{V5}cancel_order",
            {"contract_code": "BTC-USDT", "order_id": "1"},
            ["0 /v5/trade/order contract_code=BTC-USDT&order_id=1"],
        ),
        (
            f"{V5}cancel_batch_orders",
            {"contract_code": "BTC-USDT", "client_order_id": ["5", "6"]},
            [f"{n} /v5/trade/order contract_code=BTC-USDT&client_order_id={n + 5}" for n in range(2)],
        ),
        (
            "POST /v5/algo/order",
            {"type": "tp", "algo_client_order_id": "5"},
            ["0 /v5/algo/order type=tp&algo_client_order_id=5"],
        ),
        (
            f"{CROSS}order",
            {"contract_code": "BTC-USDT", "client_order_id": 5},
            [
                '0 /linear-swap-api/v1/swap_cross_order_info {"contract_code":"BTC-USDT","client_order_id":"5"}',
                '0 /linear-swap-api/v1/swap_cross_openorders {"contract_code":"BTC-USDT","page_size":"50"}',
            ],
        ),
        (
            f"{V1}cancel",
            {"contract_code": "BTC-USDT", "order_id": "1,2"},
            [f'{n} {INFO} {{"contract_code":"BTC-USDT","order_id":"{n + 1}"}}' for n in (0, 1)],
        ),
        (
            "POST /api/v1/contract_cancel",
            {"symbol": "BTC", "order_id": "1"},
            ['0 /api/v1/contract_order_info {"symbol":"BTC","order_id":"1"}'],
        ),
        (f"{CROSS}cancelall", {"contract_code": "BTC-USDT"}, []),
        (f"{CROSS}trigger_order", {"contract_code": "BTC-USDT"}, []),
    ],
)  # fmt: skip
def test_what_is_asked(name: str, body: Any, asked: list[str]) -> None:
    assert Write(name, body).asks() == asked


SPOT_ORDER = {
    "id": 357632718898331, "symbol": "btcusdt", "account-id": 7, "client-order-id": "a", "amount": "5.0",
    "price": "1.0", "created-at": AFTER, "type": "buy-limit", "field-amount": "0.0", "finished-at": 0,
    "state": "submitted", "canceled-at": 0,
}  # fmt: skip
NO_SUCH = {"status": "error", "err-code": "base-record-invalid", "err-msg": "record invalid", "data": None}


def ok(data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": data}


@pytest.mark.parametrize(
    ("number", "status", "told", "state"),
    [
        (0, 200, ok(SPOT_ORDER), DONE),
        (0, 200, ok({**SPOT_ORDER, "state": "filled", "finished-at": AFTER}), DONE),
        (0, 200, ok({**SPOT_ORDER, "state": "canceled"}), DONE),
        (0, 200, ok({**SPOT_ORDER, "created-at": BEFORE}), CANNOT_TELL),  # an older order of that name
        (0, 200, NO_SUCH, NOT_SO_FAR),
        (0, 200, {**NO_SUCH, "err-code": "base-system-error"}, CANNOT_TELL),
        (0, 200, {**NO_SUCH, "err-code": "rate-too-many-requests"}, CANNOT_TELL),
        (0, 502, "<html>", CANNOT_TELL),
        (0, 503, ok(SPOT_ORDER), CANNOT_TELL),
        (1, 200, ok([SPOT_ORDER]), DONE),
        (1, 200, ok([]), NOT_SO_FAR),
        (1, 200, ok([{**SPOT_ORDER, "client-order-id": "b"}]), NOT_SO_FAR),
        (1, 200, ok([{**SPOT_ORDER, "client-order-id": "b"}] * 500), CANNOT_TELL),  # there may be more
        (1, 200, {"status": "ok"}, CANNOT_TELL),
        (2, 200, ok([SPOT_ORDER, {**SPOT_ORDER, "created-at": BEFORE}]), DONE),
        (2, 200, ok([{**SPOT_ORDER, "created-at": BEFORE}]), NOT_SO_FAR),
        (2, 200, ok([SPOT_ORDER, SPOT_ORDER]), CANNOT_TELL),
    ],
)
def test_new_orders_of_spot(number: int, status: int, told: Any, state: Found) -> None:
    finding = Write(f"{SPOT}orders/place", PLACE).found(number, told, status)
    assert finding.state is state
    assert finding.body == (b'{"status":"ok","data":"357632718898331"}' if state is DONE else b"")


@pytest.mark.parametrize(
    ("state", "made_ms", "wanted"),
    [
        ("submitted", BEFORE, NOT_SO_FAR),
        ("partial-filled", BEFORE, NOT_SO_FAR),
        ("canceling", BEFORE, NOT_SO_FAR),
        ("canceled", BEFORE, DONE),
        ("partial-canceled", BEFORE, DONE),
        ("filled", BEFORE, NEVER),
        ("canceled", SINCE_MS + 60_000, CANNOT_TELL),  # a newer one under the same name
    ],
)
def test_cancels_of_spot(state: str, made_ms: int, wanted: Found) -> None:
    order = {**SPOT_ORDER, "state": state, "created-at": made_ms}
    for name, body, said in (
        ("orders/357632718898331/submitcancel", {}, "357632718898331"),
        ("orders/submitCancelClientOrder", {"client-order-id": "a"}, 7),
    ):
        write = Write(f"{SPOT}{name}", body)
        finding = write.found(0, ok(order))
        assert finding.state is wanted
        if wanted is DONE:
            assert write.rebuilt({0: finding}) == (200, ok(said))
        assert write.found(0, NO_SUCH).state is NOT_SO_FAR


def test_batches_of_spot() -> None:
    write = Write(f"{SPOT}batch-orders", [PLACE, {**PLACE, "client-order-id": "b"}])
    first, second = write.found(0, ok(SPOT_ORDER)), write.found(3, ok({**SPOT_ORDER, "id": 8, "client-order-id": "b"}))
    rows = [{"order-id": 357632718898331, "client-order-id": "a"}, {"order-id": 8, "client-order-id": "b"}]
    assert write.rebuilt({0: first, 1: second}) == (200, ok(rows))
    status, told = write.rebuilt({0: first, 1: Finding(NOT_SO_FAR)})
    assert (status, told["data"][0], told["data"][1]["err-code"]) == (200, rows[0], "not-executed")
    assert write.rebuilt({0: Finding(NOT_SO_FAR), 1: Finding(NOT_SO_FAR)}) is None
    assert write.rebuilt({0: first}) is None
    cancel = Write(f"{SPOT}orders/batchcancel", {"client-order-ids": ["a", "b"]})
    gone = cancel.found(0, ok({**SPOT_ORDER, "state": "canceled", "created-at": BEFORE}))
    status, told = cancel.rebuilt({0: gone, 1: Finding(NEVER)})
    assert told["data"]["success"] == ["a"] and len(told["data"]["failed"]) == 1


ALGO = {"clientOrderId": "a", "orderStatus": "created", "orderOrigTime": AFTER, "symbol": "btcusdt"}


def test_conditional_orders() -> None:
    write = Write("POST /v2/algo-orders", {"clientOrderId": "a"})
    finding = write.found(0, {"code": 200, "data": ALGO})
    assert (finding.state, json.loads(finding.body)["data"]) == (DONE, {"clientOrderId": "a"})
    assert write.found(0, {"code": 200, "data": {**ALGO, "orderStatus": "rejected"}}).state is NEVER
    assert write.found(0, {"code": 1007, "message": "not found"}).state is NOT_SO_FAR
    assert write.found(0, {"code": 1006, "message": "too many"}).state is CANNOT_TELL
    cancel = Write("POST /v2/algo-orders/cancellation", {"clientOrderIds": ["a"]})
    gone = cancel.found(0, {"code": 200, "data": {**ALGO, "orderStatus": "canceled", "orderOrigTime": BEFORE}})
    assert cancel.rebuilt({0: gone})[1]["data"] == {"accepted": ["a"], "rejected": []}


V5_ORDER = {
    "id": "1512509978516443136", "order_id": "1512509978516443136", "client_order_id": "5", "state": "new",
    "contract_code": "BTC-USDT", "created_time": str(AFTER), "updated_time": str(AFTER), "volume": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "told", "state"),
    [
        (0, {"code": 200, "data": V5_ORDER}, DONE),
        (0, {"code": "200", "data": [V5_ORDER]}, DONE),
        (0, {"code": 200, "data": {**V5_ORDER, "state": "rejected"}}, NEVER),
        (0, {"code": 1017, "message": "x"}, NOT_SO_FAR),
        (0, {"code": 200, "data": None}, NOT_SO_FAR),
        (0, {"code": 1032, "message": "x"}, CANNOT_TELL),
        (1, {"code": 200, "data": [V5_ORDER]}, DONE),
        (1, {"code": 200, "data": []}, NOT_SO_FAR),
        (1, {"code": 200, "data": [{**V5_ORDER, "client_order_id": "6"}] * 100}, CANNOT_TELL),
    ],
)
def test_new_orders_of_v5(number: int, told: Any, state: Found) -> None:
    write = Write(f"{V5}order", {"contract_code": "BTC-USDT", "client_order_id": "5"})
    finding = write.found(number, told)
    assert finding.state is state
    if state is DONE:
        data = {"order_id": "1512509978516443136", "client_order_id": "5"}
        assert write.rebuilt({0: finding}) == (200, {"code": 200, "message": "Success", "data": data})


def test_batches_of_v5() -> None:
    rows = [{"contract_code": "BTC-USDT", "client_order_id": str(n)} for n in (5, 6)]
    write = Write(f"{V5}batch_orders", rows)
    _, told = write.rebuilt({0: write.found(0, {"code": 200, "data": V5_ORDER}), 1: Finding(NOT_SO_FAR)})
    assert [row["code"] for row in told["data"]] == [200, 1099]
    cancel = Write(f"{V5}cancel_order", {"contract_code": "BTC-USDT", "client_order_id": "5"})
    gone = {**V5_ORDER, "state": "canceled", "created_time": str(BEFORE)}
    assert cancel.found(0, {"code": 200, "data": gone}).state is DONE
    assert cancel.found(0, {"code": 200, "data": {**gone, "state": "filled"}}).state is NEVER
    assert cancel.found(0, {"code": 200, "data": {**gone, "state": "new"}}).state is NOT_SO_FAR


V1_ORDER = {
    "contract_code": "BTC-USDT", "order_id": 1500000000010000001, "order_id_str": "1500000000010000001",
    "client_order_id": 5, "status": 3, "created_at": AFTER, "canceled_at": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "told", "state"),
    [
        (0, ok([V1_ORDER]), DONE),
        (0, ok([{**V1_ORDER, "status": 6}]), DONE),
        (0, {"status": "error", "err_code": 1017, "err_msg": "x"}, NOT_SO_FAR),
        (0, ok([]), NOT_SO_FAR),
        (0, {"status": "error", "err_code": 1032, "err_msg": "x"}, CANNOT_TELL),
        (1, ok({"orders": [V1_ORDER], "total_page": 1}), DONE),
        (1, ok({"orders": [{**V1_ORDER, "client_order_id": None}]}), NOT_SO_FAR),
    ],
)
def test_new_orders_of_v1(number: int, told: Any, state: Found) -> None:
    write = Write(f"{CROSS}order", {"contract_code": "BTC-USDT", "client_order_id": 5})
    finding = write.found(number, told)
    assert finding.state is state
    if state is DONE:
        ids = {"order_id": 1500000000010000001, "order_id_str": "1500000000010000001", "client_order_id": 5}
        assert write.rebuilt({0: finding}) == (200, ok(ids))


def test_batches_of_v1() -> None:
    rows = [{"contract_code": "BTC-USDT", "client_order_id": n} for n in (4, 5)]
    write = Write(f"{V1}batchorder", {"orders_data": rows})
    _, told = write.rebuilt({0: Finding(NOT_SO_FAR), 1: write.found(2, ok([V1_ORDER]))})
    assert [row["index"] for row in told["data"]["errors"]] == [1]
    assert [(row["index"], row["client_order_id"]) for row in told["data"]["success"]] == [(2, 5)]
    cancel = Write(f"{V1}cancel", {"contract_code": "BTC-USDT", "order_id": "1500000000010000001,2"})
    gone = {**V1_ORDER, "created_at": BEFORE}
    for status_of, state in ((7, DONE), (5, DONE), (6, NEVER), (3, NOT_SO_FAR), (11, NOT_SO_FAR)):
        assert cancel.found(0, ok([{**gone, "status": status_of}])).state is state
    findings = {0: cancel.found(0, ok([{**gone, "status": 7}])), 1: Finding(NEVER)}
    told = cancel.rebuilt(findings)[1]["data"]
    assert told["successes"] == "1500000000010000001" and len(told["errors"]) == 1


def test_absence_takes_its_time() -> None:
    assert ABSENCE.after_ms >= 10_000 and ABSENCE.looks >= 3 and ROW.absence is ABSENCE
