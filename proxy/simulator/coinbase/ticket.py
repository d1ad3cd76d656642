"""A Coinbase order as asked for, the caller who asks, and why an order is refused (Advanced Trade orders)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from proxy.simulator.accounts import LiveKey
from proxy.simulator.coinbase.wire import Query, invalid, number_of, read_iso, text_of
from proxy.simulator.market import Market
from proxy.simulator.orders import Desk, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_IDS = UUID("52cfe5e2-0b29-4c19-a245-000000000000").int
# Of an order's configuration: time in force, and whether it names a price.
CONFIGURATIONS = {
    "market_market_ioc": ("IOC", False),
    "limit_limit_gtc": ("GTC", True),
    "limit_limit_gtd": ("GTD", True),
    "limit_limit_fok": ("FOK", True),
    "sor_limit_ioc": ("IOC", True),
}


class Rejected(Exception):
    """An order is refused, inside an answer of status 200."""

    def __init__(self, error: str, preview: str, message: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.preview = preview
        self.message = message


@dataclass(slots=True)
class Seat:
    """An authenticated caller."""

    floor: Floor
    key: LiveKey
    asked: Asked
    client_id: str = field(default="")
    outcome: str = field(default="ok")

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    @property
    def desk(self) -> Desk:
        return self.key.account.desk

    @property
    def query(self) -> Query:
        return Query(self.asked.query)


@dataclass(frozen=True, slots=True)
class Ticket:
    market: Market
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal | None
    post_only: bool
    sizes: Mapping[str, str]


def order_id(order: Order) -> str:
    return str(UUID(int=_IDS + order.number))


def by_id(desk: Desk, name: str) -> Order | None:
    try:
        number = UUID(name).int - _IDS
    except ValueError:
        return None
    return desk.by_number(number)


def rejection(reason: str, message: str = "") -> Rejected:
    return Rejected(reason, f"PREVIEW_{reason}", message)


def _small(what: str) -> Rejected:
    return Rejected("UNKNOWN_FAILURE_REASON", f"PREVIEW_INVALID_{what}_SIZE_TOO_SMALL")


def size_of(market: Market, value: Decimal | None) -> Decimal:
    if value is None:
        raise Rejected("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")
    if value % market.step:
        raise rejection("INVALID_SIZE_PRECISION")
    if value < Decimal(market.spec.min_quantity):
        raise _small("BASE")
    return value


def price_of(market: Market, value: Decimal | None) -> Decimal:
    if not value:
        raise rejection("INVALID_LIMIT_PRICE")
    if value % market.tick:
        raise rejection("INVALID_PRICE_PRECISION", "Too many decimals in order price")
    return value


def read_ticket(seat: Seat, data: Mapping[str, Any]) -> Ticket:
    market = seat.floor.board.find("coinbase", text_of(data, "product_id"))
    if market is None:
        raise rejection("INVALID_PRODUCT_ID")
    side = text_of(data, "side")
    if side not in ("BUY", "SELL"):
        raise rejection("INVALID_SIDE")
    config = data.get("order_configuration")
    if not isinstance(config, dict) or len(config) != 1:
        raise invalid("order_configuration must hold one configuration")
    [(kind, row)] = config.items()
    if not isinstance(row, dict):
        raise invalid("order_configuration must hold one configuration")
    if kind not in CONFIGURATIONS:
        raise Rejected("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")
    base, quote, price = (number_of(row, name) for name in ("base_size", "quote_size", "limit_price"))
    if CONFIGURATIONS[kind][1]:
        price = price_of(market, price)
    elif price is not None:
        raise Rejected("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")
    if quote is None:
        quantity = size_of(market, base)
    elif base is not None:
        raise invalid("only one of base_size and quote_size may be given")
    else:
        quantity = (quote / (price or market.ask)).quantize(market.step, rounding="ROUND_DOWN")
        if quantity < Decimal(market.spec.min_quantity):
            raise _small("QUOTE")
    if kind == "limit_limit_gtd" and read_iso(text_of(row, "end_time")) <= seat.now_ms:
        raise rejection("INVALID_END_TIME")
    post_only = row.get("post_only", False)
    if not isinstance(post_only, bool):
        raise invalid("invalid value for bool field post_only")
    sizes = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items()}
    return Ticket(market, "BUY" if side == "BUY" else "SELL", kind, quantity, price, post_only, sizes)


def check(seat: Seat, ticket: Ticket) -> None:
    """What only the book can say."""
    if seat.key.account.suspended(seat.now_ms):
        raise Rejected("ORDER_ENTRY_DISABLED", "UNKNOWN_PREVIEW_FAILURE_REASON")
    market, price = ticket.market, ticket.price
    taking = price is not None and (price >= market.ask if ticket.side == "BUY" else price <= market.bid)
    if ticket.post_only and taking:
        raise rejection("INVALID_LIMIT_PRICE_POST_ONLY")
