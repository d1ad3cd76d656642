"""HTX's linear swap orders, whichever of the two sets of paths they come by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import SWAP_BASE, decimal_of, number_of, size
from proxy.simulator.htx.spot_trade import FORGOTTEN_MS, NAMED_MS, crossing
from proxy.simulator.htx.swap_data import contract
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side

SETTLEMENT_MS = 28_800_000  # 00:00, 08:00 and 16:00 GMT+8
_HIGHEST_ID = 9_223_372_036_854_775_807
_WHOLE = re.compile(r"[0-9]{1,19}")
_RATED = ("limit", "post_only", "ioc", "fok")  # the types that the cancel ratio counts
_FORCE = {"ioc": "IOC", "fok": "FOK"}
BEST = ("opponent", "optimal_5", "optimal_10", "optimal_20")


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as asked for. `kind`: limit, post_only, ioc, fok, market or one of BEST. `volume`: contracts."""

    market: Market
    side: Side
    kind: str
    volume: int
    price: Decimal | None
    client_id: str
    tags: Mapping[str, str]


def client_id_of(row: Mapping[str, Any]) -> str:
    """A whole number 1 .. 2^63-1, sent as number or text; "" if absent."""
    value = row.get("client_order_id")
    if value is None or value == "":
        return ""
    text = "" if isinstance(value, bool) else str(value)
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= _HIGHEST_ID:
        raise Refusal(1067, "The client_order_id field is invalid. Please re-enter.")
    return str(int(text))


def side_of(value: Any) -> Side:
    if value not in ("buy", "sell"):
        raise Refusal(1035, "Incorrect field of direction.")
    return "BUY" if value == "buy" else "SELL"


def volume_of(row: Mapping[str, Any]) -> int:
    value = decimal_of(row.get("volume"))
    if value is None or value < 1 or value % 1:
        raise Refusal(1040, "The order amount can't be empty and can't be less than 1.")
    return int(value)


def price_of(row: Mapping[str, Any], market: Market, kind: str) -> Decimal | None:
    """Only limit, post_only, ioc and fok have a price of their own."""
    if kind not in _RATED:
        return None
    price = decimal_of(row.get("price"))
    if not price:
        raise Refusal(1042, "Order price must be above nothing.")
    if price % market.tick:
        raise Refusal(1038, "The order price has too many decimals.")
    return price


def _check_ban(seat: Seat, kind: str) -> None:
    until = seat.memory.ratio.recovery_ms(seat.account.name, seat.now_ms)
    if until and kind in _RATED:
        told = datetime.fromtimestamp(until / 1000 + 8 * 3600, UTC).strftime("%Y-%m-%d %H:%M:%S")
        raise Refusal(
            1084, f"Your contract API is disabled, please contact customer service or wait until {told} GMT+8."
        )


def _check_id(seat: Seat, client_id: str) -> None:
    """Once used it is taken, whatever became of its order, until it is forgotten."""
    known = seat.memory.named(seat.account, "swap", client_id) if client_id else None
    if known is not None and seat.now_ms - known.created_ms <= seat.memory.limits.ids_kept_s * 1000:
        raise Refusal(1050, "Customer's order number is repeated. Please try again later.")


def open_order(seat: Seat, wish: Wish) -> Order:
    """Take it in. Raises Refusal; nothing has happened then."""
    seat.client_id = wish.client_id
    _check_ban(seat, wish.kind)
    _check_id(seat, wish.client_id)
    market, side, price = wish.market, wish.side, wish.price
    rejected = wish.kind == "post_only" and crossing(market, side, price)
    if rejected:
        price = market.bid if side == "BUY" else market.ask
    elif wish.kind in BEST:
        price = market.ask if side == "BUY" else market.bid
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            market,
            side,
            "LIMIT" if price is not None else "MARKET",
            wish.volume * size(market),
            price,
            wish.client_id,
            seat.now_ms,
            _FORCE.get(wish.kind, "GTC"),
        )
    except NoFunds:
        raise Refusal(1047, "Insufficient margin available.") from None
    if rejected:  # received, and cancelled by the engine
        seat.desk.cancel(order, seat.now_ms)
        order.price = wish.price
    order.tags.update(wish.tags, kind=wish.kind)
    if wish.client_id:
        seat.memory.name("swap", wish.client_id, order)
    if wish.kind in _RATED:
        seat.memory.ratio.placed(seat.account.name, seat.now_ms)
    seat.floor.ledger.execute("htx", order, given_id=bool(wish.client_id))
    return order


def cancel(seat: Seat, order: Order | None) -> None:
    """Raises Refusal when there is nothing to cancel."""
    if order is None:
        raise Refusal(1061, "The order does not exist.")
    if order.status == "FILLED":
        raise Refusal(1063, "The order has been executed.")
    if not order.open:
        raise Refusal(1071, "The order has been cancelled.")
    seat.desk.cancel(order, seat.now_ms)
    if order.tags.get("kind") in _RATED and not order.filled:
        seat.memory.ratio.cancelled(seat.account.name, seat.now_ms - order.created_ms, seat.now_ms)


def by_number(seat: Seat, text: Any) -> Order | None:
    number = number_of(text, SWAP_BASE)
    order = seat.desk.by_number(number) if number is not None else None
    return order if order is not None and order.market.kind == "linear" else None


def by_name(seat: Seat, text: Any) -> Order | None:
    """Asked for by client id, for 8 h from its creation."""
    order = seat.memory.named(seat.account, "swap", str(text))
    return None if order is None or seat.now_ms - order.created_ms > NAMED_MS else order


def visible(order: Order, now_ms: int) -> bool:
    """In the look-ups by id: a cancelled order for two hours, and any done one until the next settlement."""
    if order.open:
        return True
    late = order.status in ("CANCELED", "EXPIRED") and now_ms - order.updated_ms > FORGOTTEN_MS
    return not late and order.updated_ms // SETTLEMENT_MS == now_ms // SETTLEMENT_MS


def contracts(order: Order, quantity: Decimal) -> str:
    return f"{(quantity / size(order.market)).normalize():f}"


def linear_orders(seat: Seat, mode: str = "", *, done: bool | None = None) -> list[Order]:
    """Remembered ones of a contract (if one is named) and margin mode, newest first."""
    market = contract(seat.floor, seat.params["contract_code"]) if seat.params.get("contract_code") else None
    found = seat.desk.all_orders(market) if done is not False else seat.desk.open_orders(market)
    return [
        o
        for o in reversed(found)
        if o.market.kind == "linear" and mode in ("", o.tags.get("mode")) and done in (None, not o.open)
    ]


def positions(seat: Seat) -> list[tuple[Market, Decimal]]:
    """Contract and quantity in the base coin, below 0: short."""
    found = []
    for market in seat.floor.board.contracts:
        quantity = seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0))
        if market.kind == "linear" and quantity:
            found.append((market, quantity))
    return found
