"""Gate's batches of spot orders: each order is carried out for itself."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from proxy.simulator.gate.rows import spot_row
from proxy.simulator.gate.seat import Seat, order_id
from proxy.simulator.gate.spot import amend, find, live, place
from proxy.simulator.gate.wire import Refusal, invalid, missing
from proxy.simulator.orders import Order

_PAIRS, _OF_A_PAIR, _CANCELS, _AMENDS = 4, 10, 20, 5
_BY_TEXT_MS = 1_800_000  # a batch may cancel by name for half an hour after the order was made


def _objects(seat: Seat, most: int) -> list[dict[str, Any]]:
    wanted = seat.listed(most)
    found = [params for params in wanted if isinstance(params, dict)]
    if len(found) != len(wanted):
        raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body")
    return found


def _item(text: object, step: Callable[[], Order]) -> dict[str, Any]:
    try:
        order = step()
    except Refusal as refusal:
        return {"text": text, "succeeded": False, "label": refusal.label, "message": refusal.message}
    return {"order_id": str(order_id(order)), **spot_row(order), "succeeded": True, "label": "", "message": ""}


def create_batch(seat: Seat) -> Any:
    """Up to ten orders of a pair and four pairs; each must have a name."""
    wanted = _objects(seat, _PAIRS * _OF_A_PAIR)
    pairs = Counter(str(params.get("currency_pair")) for params in wanted)
    if len(pairs) > _PAIRS or max(pairs.values()) > _OF_A_PAIR:
        raise invalid(f"at most {_PAIRS} currency pairs with {_OF_A_PAIR} orders each")
    if any(not params.get("text") for params in wanted):
        raise missing("text")
    return [_item(params["text"], partial(place, seat, params)) for params in wanted]


def amend_batch(seat: Seat) -> Any:
    wanted = _objects(seat, _AMENDS)
    return [_item(None, partial(amend, seat, str(params.get("order_id", "")), params)) for params in wanted]


def cancel_batch(seat: Seat) -> Any:
    return [_cancel(seat, params) for params in _objects(seat, _CANCELS)]


def _cancel(seat: Seat, params: dict[str, Any]) -> dict[str, Any]:
    name = str(params.get("id", ""))
    row = {"currency_pair": params.get("currency_pair"), "id": name, "text": name, "account": "spot"}
    try:
        order = live(find(seat, name, params.get("currency_pair")))
        if name.startswith("t-") and seat.now_ms - order.created_ms > _BY_TEXT_MS:
            raise Refusal(404, "CLIENT_ID_NOT_FOUND", "Order not found")
    except Refusal as refusal:
        return {**row, "succeeded": False, "label": refusal.label, "message": refusal.message}
    seat.desk.cancel(order, seat.now_ms)
    named = {"id": str(order_id(order)), "text": order.client_id or "apiv4"}
    return {**row, **named, "succeeded": True, "label": "", "message": ""}
