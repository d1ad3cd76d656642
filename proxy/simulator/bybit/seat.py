"""An authenticated caller of Bybit and what it asks, and how its orders are named and found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from proxy.simulator.accounts import LiveKey
from proxy.simulator.bybit import markets
from proxy.simulator.bybit.limits import BybitLimits, Line
from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import Desk, Order
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_SPOT_BASE = 1_500_000_000_000_000_000  # ids of spot orders are numbers beyond 2^53
_UUID = "b2f1c3d4-0000-4000-8000-{:012x}"  # ids of contracts' orders
_UUID_FORM = re.compile(r"b2f1c3d4-0000-4000-8000-([0-9a-f]{12})")


@dataclass(slots=True)
class Seat:
    """`granted`: of a batch's orders, how many the rate limit lets through."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, Any]
    asked: Asked
    limits: BybitLimits
    client_id: str = ""
    granted: int = 0

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    @property
    def desk(self) -> Desk:
        return self.key.account.desk


def line(category: object) -> Line:
    """Where a category is counted; linear and inverse contracts together."""
    return "spot" if category == "spot" else "option" if category == "option" else "derivatives"


def category(params: Mapping[str, Any]) -> str:
    value = params.get("category")
    if value not in markets.CATEGORIES:
        raise Refusal(10001, "Illegal category")
    return str(value)


def market(seat: Seat) -> Market:
    return markets.find(seat.floor.board, category(seat.params), seat.params.get("symbol"))


def order_id(order: Order) -> str:
    return str(_SPOT_BASE + order.number) if order.market.kind == "spot" else _UUID.format(order.number)


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text) - _SPOT_BASE
    found = _UUID_FORM.fullmatch(text)
    return int(found[1], 16) if found else -1


def named(seat: Seat, kind: str, params: Mapping[str, Any]) -> Order | None:
    """The order that is asked for, if it is in that category. `orderId` wins over `orderLinkId`.

    Refused if neither is given.
    """
    number, client_id = params.get("orderId"), params.get("orderLinkId")
    if isinstance(number, str) and number:
        order = seat.desk.by_number(_number(number))
        if order is not None and order_id(order) != number:
            order = None
    elif isinstance(client_id, str) and client_id:
        order = seat.desk.by_client_id(client_id)
    else:
        raise Refusal(10001, "params error: OrderId or orderLinkId is required")
    seat.client_id = order.client_id if order else str(client_id or "")
    return order if order is not None and order.market.kind == kind else None


def page(seat: Seat, rows: list[Order]) -> tuple[list[Order], str]:
    """One page of orders, newest first, and the cursor to the next, percent-encoded; empty at the end."""
    size = whole(seat.params, "limit", 20, 1, 50)
    cursor = seat.params.get("cursor", "")
    start = 0
    if cursor:
        names = [_cursor(order) for order in rows]
        if cursor not in names:
            raise Refusal(10001, "Invalid cursor")
        start = names.index(cursor) + 1
    part = rows[start : start + size]
    more = bool(part) and start + size < len(rows)
    return part, quote(_cursor(part[-1]), safe="") if more else ""


def _cursor(order: Order) -> str:
    name = f"{order_id(order)}:{order.created_ms}"
    return f"{name},{name}"


def whole(params: Mapping[str, Any], name: str, usual: int, low: int, high: int) -> int:
    """An integer within bounds, as text or number."""
    value = params.get(name, usual)
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
        raise Refusal(10001, f"params error: {name} invalid")
    return int(text)
