"""What a KuCoin answer says of each order of a list."""

from typing import Any

import orjson
import pytest

from proxy.exchanges.kucoin import EXCHANGE
from proxy.model import Item, Reply

HF = ("POST", "/api/v1/hf/orders/multi", "spot")
OLD = ("POST", "/api/v1/orders/multi", "spot")
FUTURES = ("POST", "/api/v1/orders/multi", "futures")
CANCEL = ("DELETE", "/api/v1/orders/multi-cancel", "futures")
TWO = '[{"clientOid":"a"},{"clientOid":"b"}]'


def items(row: tuple[str, str, str], params: dict[str, str], data: Any, code: str = "200000") -> tuple[Item, ...]:
    endpoint = EXCHANGE.table.match(*row)
    assert endpoint is not None
    return EXCHANGE.items(endpoint, params, Reply(200, b"", (), orjson.dumps({"code": code, "data": data}), 0))


def executed(found: tuple[Item, ...]) -> list[tuple[str, str, str]]:
    assert [item.index for item in found] == list(range(len(found)))
    return [(item.id, str(item.executed), item.order) for item in found]


LOW = "The order funds should more then 0.1 USDT."  # the documentation's own words


def test_of_spot() -> None:
    data = [
        {"orderId": "6710d8336afcdb0007319c27", "clientOid": "a", "success": True},
        {"success": False, "failMsg": LOW},
    ]
    found = items(HF, {"orderList": TWO}, data)
    assert executed(found) == [("a", "yes", "6710d8336afcdb0007319c27"), ("b", "no", "")]
    assert found[1].code == LOW


@pytest.mark.parametrize(
    "words", ["", "System busy", "timeout", "clientOidDuplicated", "Third-party service call failed"]
)
def test_a_failure_that_may_come_too_late(words: str) -> None:
    data = [{"clientOid": "a", "success": True}, {"success": False, "failMsg": words}]
    assert executed(items(HF, {"orderList": TWO}, data))[1] == ("b", "unknown", "")


def test_of_the_older_endpoint() -> None:
    data = {"data": [{"id": "7", "status": "success", "clientOid": "a"}, {"status": "fail", "failMsg": LOW}]}
    assert executed(items(OLD, {"orderList": TWO}, data)) == [("a", "yes", "7"), ("b", "no", "")]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("200000", "yes"),
        ("300003", "no"),
        ("429000", "no"),
        ("300018", "unknown"),  # a duplicate
        ("500000", "unknown"),
        ("", "unknown"),
    ],
)
def test_of_futures(code: str, said: str) -> None:
    rows = [
        {"orderId": "8", "clientOid": "b", "code": "200000", "msg": "success"},
        {"orderId": None, "clientOid": "a", "code": code or None, "msg": "text"},
    ]
    # By their names, whatever their order.
    assert [row[:2] for row in executed(items(FUTURES, {"[]": TWO}, rows))] == [("a", said), ("b", "yes")]


def test_of_cancels() -> None:
    rows = [
        {"orderId": "7", "clientOid": None, "code": "200", "msg": "success"},
        {"orderId": "8", "clientOid": None, "code": "100004", "msg": "Order is in not cancelable state"},
    ]
    assert executed(items(CANCEL, {"orderIdsList": '["7","8"]'}, rows)) == [("7", "yes", "7"), ("8", "no", "8")]


def test_what_is_not_said_is_not_known() -> None:
    one = [{"orderId": "7", "clientOid": "b", "success": True}]
    assert executed(items(HF, {"orderList": TWO}, one)) == [("a", "unknown", ""), ("b", "yes", "7")]
    other = [{"clientOid": "x", "success": True}, {"clientOid": "y", "success": True}]
    assert [row[1] for row in executed(items(HF, {"orderList": TWO}, other))] == ["unknown", "unknown"]


def test_a_refusal_of_the_whole_call_and_a_call_about_one_order() -> None:
    assert items(HF, {"orderList": TWO}, None, "400100") == ()
    assert items(HF, {"orderList": TWO}, None) == ()
    assert items(HF, {"orderList": TWO}, "success") == ()
    assert items(("POST", "/api/v1/hf/orders", "spot"), {"clientOid": "a"}, {"orderId": "7"}) == ()
