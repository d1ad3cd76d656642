"""Gate's orders for perpetuals: a size in contracts, above 0 to buy and below to sell."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from proxy.simulator.gate.rows import futures_row
from proxy.simulator.gate.seat import (
    Seat,
    by_number,
    contract,
    decimal,
    multiplier,
    open_by_text,
    order_id,
    own_text,
)
from proxy.simulator.gate.wire import Refusal, invalid, missing
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side

_SIZE = re.compile(r"-?[0-9]{1,10}")
_FORCES = ("gtc", "ioc", "poc", "fok")
_BY_TEXT_MS = 60_000  # how long a finished order is still found by its name
_UNFILLED_MS = 600_000  # how long an order that was cancelled without a fill is found at all
_MOST, _BATCH, _CANCELS = 1_000_000, 10, 20  # contracts of an order, orders of a batch


@dataclass(frozen=True, slots=True)
class Ticket:
    """`contracts`: above 0 to buy; 0 closes the position."""

    market: Market
    contracts: int
    price: Decimal | None
    tif: str
    text: str
    reduce_only: bool


def _size(seat: Seat, given: object) -> int:
    """A whole number; as text only if the caller has asked for decimals in sizes."""
    if isinstance(given, str) and _SIZE.fullmatch(given) and not seat.whole_sizes:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise invalid("invalid argument: size")
    if abs(given) > _MOST:
        raise Refusal(400, "SIZE_TOO_LARGE", f"size {given} exceeds {_MOST}", detail=True)
    return given


def _price(market: Market, given: object) -> Decimal:
    price = decimal(given, "price", number=True)
    if price % market.tick:
        raise invalid("invalid argument: price is not a multiple of order_price_round")
    return price


def ticket(seat: Seat, params: dict[str, Any]) -> Ticket:
    """The parameters alone; nothing of the account is looked at."""
    market = contract(seat.floor.board, params.get("contract"))
    if "size" not in params:
        raise missing("size")
    contracts = _size(seat, params["size"])
    tif = params.get("tif", "gtc")
    if tif not in _FORCES:
        raise invalid("invalid argument: tif")
    price = _price(market, params.get("price", "0"))
    if price == 0 and tif not in ("ioc", "fok"):
        raise invalid("invalid argument: price")
    flags = [params.get(name, False) for name in ("reduce_only", "close")]
    if any(not isinstance(flag, bool) for flag in flags):
        raise invalid("invalid argument: reduce_only")
    if (contracts == 0) != flags[1]:
        raise Refusal(400, "SIZE_TOO_SMALL", "size must be 0 to close and else not", detail=True)
    return Ticket(market, contracts, price or None, str(tif), own_text(params.get("text")), flags[0])


def place(seat: Seat, wanted: Ticket) -> Order:
    seat.client_id = wanted.text
    market, price = wanted.market, wanted.price
    contracts = _reduced(seat, wanted)
    side: Side = "BUY" if contracts > 0 else "SELL"
    buys = contracts > 0
    if wanted.tif == "poc" and price is not None and (price >= market.ask if buys else price <= market.bid):
        raise Refusal(400, "ORDER_POC_IMMEDIATE", f"order price {price:f} while counter price is better", detail=True)
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            market,
            side,
            "MARKET" if price is None else "LIMIT",
            abs(contracts) * multiplier(market),
            price,
            wanted.text,
            seat.now_ms,
            "GTC" if wanted.tif == "poc" else wanted.tif.upper(),
        )
    except NoFunds:
        raise Refusal(400, "INSUFFICIENT_AVAILABLE", "available balance is too small", detail=True) from None
    order.tags["tif"] = wanted.tif
    if wanted.reduce_only:
        order.tags["reduce_only"] = "1"
    if wanted.contracts == 0:
        order.tags["close"] = "1"
    seat.floor.ledger.execute("gate", order, given_id=bool(wanted.text))
    if order.filled:
        seat.conduct.fruit(seat.now_ms)
    return order


def _reduced(seat: Seat, wanted: Ticket) -> int:
    """What closes the position, or what of a reduce-only order reduces it; else the whole size."""
    spec = wanted.market.spec
    held = seat.desk.positions.get(("linear", spec.base, spec.quote), Decimal(0))
    position = int(held / multiplier(wanted.market))
    if wanted.contracts == 0:
        if position == 0:
            raise Refusal(400, "POSITION_EMPTY", "empty position", detail=True)
        return -position
    if not wanted.reduce_only:
        return wanted.contracts
    if position * wanted.contracts >= 0:
        raise Refusal(400, "INCREASE_POSITION", "order would increase the position", detail=True)
    return max(wanted.contracts, -position) if wanted.contracts < 0 else min(wanted.contracts, -position)


def create(seat: Seat) -> Any:
    return futures_row(seat, place(seat, ticket(seat, seat.wanted())))


def find(seat: Seat, name: str) -> Order:
    """By number; by name while open and for a minute afterwards. Cancelled ones without a fill go after ten minutes."""
    own = name.startswith("t-")
    order = open_by_text(seat, "linear", name) if own else by_number(seat, "linear", name)
    if own and order is None:
        order = seat.desk.by_client_id(name)
        if order is not None and (order.market.kind != "linear" or seat.now_ms - order.updated_ms > _BY_TEXT_MS):
            order = None
    if order is not None and forgotten(seat, order):
        order = None
    seat.client_id = name if own else order.client_id if order else ""
    if order is None:
        raise Refusal(404, "ORDER_NOT_FOUND", "order not found", detail=True)
    return order


def forgotten(seat: Seat, order: Order) -> bool:
    return not order.open and not order.filled and seat.now_ms - order.updated_ms > _UNFILLED_MS


def detail(seat: Seat) -> Any:
    return futures_row(seat, find(seat, seat.names["order_id"]))


def _live(order: Order) -> Order:
    if not order.open:
        raise Refusal(400, "ORDER_FINISHED", "order finished", detail=True)
    return order


def _amend(seat: Seat, name: str, params: dict[str, Any]) -> Order:
    order = _live(find(seat, name))
    sign = 1 if order.side == "BUY" else -1
    price, quantity = order.price or Decimal(0), order.quantity
    if params.get("price") is not None:
        price = _price(order.market, params["price"])
    if params.get("size") is not None:
        contracts = sign * _size(seat, params["size"])
        if contracts <= 0:
            raise invalid("invalid argument: size")
        quantity = contracts * multiplier(order.market)
    if price <= 0:
        raise invalid("invalid argument: price")
    if (price, quantity) == (order.price, order.quantity):
        raise Refusal(400, "NO_CHANGE", "no change is made", detail=True)
    try:
        seat.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal(400, "INSUFFICIENT_AVAILABLE", "available balance is too small", detail=True) from None
    return order


def amend(seat: Seat) -> Any:
    return futures_row(seat, _amend(seat, seat.names["order_id"], seat.wanted()))


def cancel(seat: Seat) -> Any:
    order = _live(find(seat, seat.names["order_id"]))
    seat.desk.cancel(order, seat.now_ms)
    return futures_row(seat, order)


def cancel_all(seat: Seat) -> Any:
    """`side`: bid or ask."""
    query = seat.query
    market = contract(seat.floor.board, query["contract"]) if "contract" in query else None
    side = {"": "", "bid": "BUY", "ask": "SELL"}.get(query.get("side", ""))
    if side is None:
        raise invalid("invalid argument: side")
    gone = [o for o in seat.desk.open_orders(market) if o.market.kind == "linear" and side in ("", o.side)]
    for order in gone:
        seat.desk.cancel(order, seat.now_ms)
    return [futures_row(seat, o) for o in gone]


def create_batch(seat: Seat) -> Any:
    """One wrong parameter and nothing is done; after that each order for itself."""
    wanted = seat.listed(_BATCH)
    if any(not isinstance(params, dict) for params in wanted):
        raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body")
    tickets = [ticket(seat, params) for params in wanted]
    return [_item(seat, partial(place, seat, one)) for one in tickets]


def amend_batch(seat: Seat) -> Any:
    wanted = seat.listed(_BATCH)
    if any(not isinstance(params, dict) for params in wanted):
        raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body")
    names = [str(params.get("order_id") or params.get("text") or "") for params in wanted]
    return [_item(seat, partial(_amend, seat, n, p)) for n, p in zip(names, wanted, strict=True)]


def _item(seat: Seat, step: Callable[[], Order]) -> dict[str, Any]:
    try:
        order = step()
    except Refusal as refusal:
        return {"succeeded": False, "label": refusal.label, "detail": refusal.message}
    return {"succeeded": True, **futures_row(seat, order)}


def cancel_batch(seat: Seat) -> Any:
    """A list of numbers or names, all of them texts."""
    return [_cancel(seat, name) for name in seat.listed(_CANCELS)]


def _cancel(seat: Seat, name: object) -> dict[str, Any]:
    row = {"id": str(name), "user_id": 10_000_001}
    try:
        if not isinstance(name, str):
            raise invalid("invalid argument: id")
        order = _live(find(seat, name))
    except Refusal as refusal:
        return {**row, "succeeded": False, "message": refusal.label}
    seat.desk.cancel(order, seat.now_ms)
    return {**row, "id": str(order_id(order)), "succeeded": True, "message": ""}
