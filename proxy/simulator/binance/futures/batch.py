"""The futures' batches: every item has an answer of its own, an order or an error."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from proxy.simulator.binance.futures import trade
from proxy.simulator.binance.futures.order import Seat
from proxy.simulator.binance.wire import Refusal, need

_PLACED, _CANCELLED = 5, 10  # items at most


def _invalid(name: str) -> Refusal:
    return Refusal(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def _items(seat: Seat) -> list[Mapping[str, str]]:
    try:
        listed = json.loads(seat.params["batchOrders"], parse_float=str, parse_int=str)
    except ValueError:
        raise _invalid("batchOrders") from None
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _invalid("batchOrders")
    if not 1 <= len(listed) <= _PLACED:
        raise Refusal(400, -4082, "Invalid number of batch place orders.")
    return [{name: _text(value) for name, value in item.items()} for item in listed]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _each(seat: Seat, items: list[Mapping[str, str]], run: Callable[[Seat], Any]) -> Any:
    answers, ids = [], []
    for item in items:
        one = seat.about(item)
        try:
            for name in ("symbol", "side"):
                need(item, name)
            answers.append(run(one))
        except Refusal as refusal:
            answers.append(refusal.body)
        ids.append(one.client_id)
    seat.client_id = ",".join(ids)
    return answers


def place_batch(seat: Seat) -> Any:
    return _each(seat, _items(seat), trade.place)


def amend_batch(seat: Seat) -> Any:
    return _each(seat, _items(seat), trade.amend)


def cancel_batch(seat: Seat) -> Any:
    """By numbers or by client ids, as JSON lists."""
    params = seat.params
    seat.contract()
    numbers = params.get("orderIdList") or params.get("orderidlist")
    names = params.get("origClientOrderIdList") or params.get("origclientorderidlist")
    if bool(numbers) is bool(names):
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    try:
        listed = json.loads(numbers or names or "")
    except ValueError:
        raise _invalid("orderIdList" if numbers else "origClientOrderIdList") from None
    kind = int if numbers else str
    if not isinstance(listed, list) or not all(type(item) is kind for item in listed):
        raise _invalid("orderIdList" if numbers else "origClientOrderIdList")
    if len(listed) > _CANCELLED:
        raise Refusal(400, -4032, "Exceed maximum cancel order size.")
    name = "orderId" if numbers else "origClientOrderId"
    shared = {"symbol": params["symbol"], "side": ""}
    items: list[Mapping[str, str]] = [{**shared, name: str(item)} for item in listed]
    answers = []
    for item in items:
        try:
            answers.append(trade.cancel(seat.about(item)))
        except Refusal as refusal:
            answers.append(refusal.body)
    return answers
