"""A Binance order as asked for: syntax, filters, client order id, and the caller who asks (filters.md, errors.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from proxy.simulator.accounts import LiveKey
from proxy.simulator.binance.book import Book
from proxy.simulator.binance.data import market
from proxy.simulator.binance.wire import Refusal, need
from proxy.simulator.counters import FixedWindows
from proxy.simulator.market import Market
from proxy.simulator.orders import Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")


@dataclass(slots=True)
class Seat:
    """An authenticated caller and its request; `headers` and `client_id` are filled on the way."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, str]
    asked: Asked
    orders_10s: FixedWindows
    orders_1d: FixedWindows
    book: Book
    headers: dict[str, str] = field(default_factory=dict)
    client_id: str = ""

    @property
    def account(self) -> str:
        return self.key.account.name

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    def market(self) -> Market:
        return market(self.floor, self.params["symbol"])

    def count_order(self, units: int) -> None:
        """Charge the account's order windows; with the day's limit reached the short window stands still."""
        if units > 0:
            for window, interval in ((self.orders_1d, "1 DAY"), (self.orders_10s, "10 SECOND")):
                if window.used(self.account, self.now_ms) + units > window.capacity:
                    wait = {"Retry-After": str(-(-window.reset_ms(self.now_ms) // 1000))}
                    limit = window.capacity
                    text = f"Too many new orders; current limit is {limit} orders per {interval}."
                    raise Refusal(429, -1015, text, wait)
        self.orders_10s.add(self.account, units, self.now_ms)
        self.orders_1d.add(self.account, units, self.now_ms)

    def show_counts(self) -> None:
        self.headers["X-MBX-ORDER-COUNT-10S"] = str(self.orders_10s.used(self.account, self.now_ms))
        self.headers["X-MBX-ORDER-COUNT-1D"] = str(self.orders_1d.used(self.account, self.now_ms))

    def check_trading(self) -> None:
        if self.key.account.suspended(self.now_ms):
            raise Refusal(400, -2010, "This action is disabled on this account.")


@dataclass(frozen=True, slots=True)
class Ticket:
    market: Market
    side: Side
    limit: bool
    quantity: Decimal
    price: Decimal | None
    time_in_force: str
    post_only: bool


def read_number(params: Mapping[str, str], name: str) -> Decimal:
    text = need(params, name)
    if not _NUMBER.fullmatch(text):
        legal = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
        raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return Decimal(text)


def _forbid(params: Mapping[str, str], *names: str) -> None:
    for name in names:
        if name in params:
            raise Refusal(400, -1106, f"Parameter '{name}' sent when not required.")


def read_ticket(seat: Seat) -> Ticket:
    """The order as asked for; syntax only."""
    params = seat.params
    found = seat.market()
    if params["side"] not in ("BUY", "SELL"):
        raise Refusal(400, -1117, "Invalid side.")
    side: Side = "BUY" if params["side"] == "BUY" else "SELL"
    kind = params["type"]
    if kind == "MARKET":
        _forbid(params, "price", "timeInForce")
        if "quoteOrderQty" in params:
            _forbid(params, "quantity")
            spend = read_number(params, "quoteOrderQty")
            quantity = (spend / found.last).quantize(found.step, rounding="ROUND_DOWN")
        else:
            quantity = read_number(params, "quantity")
        return Ticket(found, side, False, quantity, None, "GTC", False)
    if kind not in ("LIMIT", "LIMIT_MAKER"):
        raise Refusal(400, -1116, "Invalid orderType.")
    _forbid(params, "quoteOrderQty")
    if kind == "LIMIT_MAKER":
        _forbid(params, "timeInForce")
        force = "GTC"
    else:
        force = need(params, "timeInForce")
        if force not in ("GTC", "IOC", "FOK"):
            raise Refusal(400, -1115, "Invalid timeInForce.")
    return Ticket(
        found, side, True, read_number(params, "quantity"), read_number(params, "price"), force, kind == "LIMIT_MAKER"
    )


def read_client_id(seat: Seat, name: str = "newClientOrderId") -> str:
    text = seat.params.get(name, "")
    if name in seat.params and not _CLIENT_ID.fullmatch(text):
        legal = "^[a-zA-Z0-9-_]{1,36}$"
        raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return text


def check_filters(ticket: Ticket) -> None:
    spec = ticket.market.spec
    if ticket.quantity < Decimal(spec.min_quantity) or ticket.quantity % ticket.market.step:
        raise Refusal(400, -1013, "Filter failure: LOT_SIZE")
    if ticket.price is not None and (ticket.price <= 0 or ticket.price % ticket.market.tick):
        raise Refusal(400, -1013, "Filter failure: PRICE_FILTER")
    if ticket.quantity * (ticket.price or ticket.market.last) < Decimal(spec.min_notional):
        raise Refusal(400, -1013, "Filter failure: NOTIONAL")
