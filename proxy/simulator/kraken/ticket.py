"""A Kraken order as asked for: syntax, names, deadline, and the caller who asks (cl_ord_id guide, spot errors)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import DecayingCounters
from proxy.simulator.kraken.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class Seat:
    """An authenticated caller and its request. `engine`: capacity and decay of the account's tier."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, Any]
    asked: Asked
    counters: DecayingCounters
    engine: tuple[float, float]
    most_open: int
    client_id: str = field(default="")

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    def text(self, name: str) -> str:
        """The parameter as text, "" if absent; JSON numbers are taken by their digits."""
        value = self.params.get(name, "")
        return value if isinstance(value, str) else str(value)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def charge_engine(self, pair: Market, cost: float) -> None:
        capacity, decay = self.engine
        subject = f"{self.key.account.name} {pair.kraken}"
        if not self.counters.take(subject, cost, capacity, decay, self.asked.monotonic):
            raise Refusal("EOrder:Rate limit exceeded")


@dataclass(frozen=True, slots=True)
class Ticket:
    market: Market
    side: Side
    limit: bool
    quantity: Decimal
    price: Decimal | None
    force: str
    post_only: bool


def txid(order: Order) -> str:
    number, digits = order.number, ""
    for _ in range(16):
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return f"O{digits[:5]}-{digits[5:10]}-{digits[10:]}"


def by_txid(seat: Seat, name: str) -> Order | None:
    if not re.fullmatch(r"O[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{6}", name):
        raise Refusal("EOrder:Invalid order")
    return seat.key.account.desk.by_number(int(name[1:].replace("-", ""), 36))


def read_number(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    text = value if isinstance(value, str) else str(value)
    if not _NUMBER.fullmatch(text):
        raise Refusal(f"EGeneral:Invalid arguments:{name}")
    return Decimal(text)


def read_ticket(pair: Market, row: Mapping[str, Any]) -> Ticket:
    if row.get("type") not in ("buy", "sell"):
        raise Refusal("EGeneral:Invalid arguments:type")
    kind = row.get("ordertype")
    if kind not in ("limit", "market"):
        raise Refusal("EGeneral:Invalid arguments:ordertype")
    force = row.get("timeinforce", "GTC")
    if force not in ("GTC", "IOC", "GTD", "FOK"):
        raise Refusal("EGeneral:Invalid arguments:timeinforce")
    quantity = read_number(row, "volume")
    price = read_number(row, "price") if kind == "limit" else None
    spec, step = pair.spec, pair.step
    if quantity < Decimal(spec.min_quantity):
        raise Refusal("EOrder:Order minimum not met")
    if quantity % step:
        raise Refusal("EGeneral:Invalid arguments:volume")
    if price is not None and price <= 0:
        raise Refusal("EOrder:Invalid price")
    if price is not None and price % pair.tick:
        raise Refusal("EOrder:Tick size check failed")
    if quantity * (price or pair.last) < Decimal(spec.min_notional):
        raise Refusal("EOrder:Cost minimum not met")
    post_only = "post" in str(row.get("oflags", "")).split(",")
    return Ticket(pair, "BUY" if row["type"] == "buy" else "SELL", kind == "limit", quantity, price, force, post_only)


def check_deadline(seat: Seat) -> None:
    text = seat.text("deadline")
    if not text:
        return
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("EGeneral:Invalid arguments:deadline") from None
    if at.tzinfo is None:
        raise Refusal("EGeneral:Invalid arguments:deadline")
    left = at.timestamp() * 1000 - seat.now_ms
    if left < 0:
        raise Refusal("EService:Deadline elapsed")
    if not 500 <= left <= 60_000:
        raise Refusal("EGeneral:Invalid arguments:deadline")


def read_names(seat: Seat, row: Mapping[str, Any]) -> tuple[str, str]:
    """(cl_ord_id, userref) of an order; only one of them, and the first free among open orders."""
    client_id, userref = str(row.get("cl_ord_id", "")), str(row.get("userref", ""))
    if client_id and userref:
        raise Refusal("EGeneral:Invalid arguments:cl_ord_id")
    if "cl_ord_id" in row and not _CLIENT_ID.fullmatch(client_id):
        raise Refusal("EGeneral:Invalid arguments:cl_ord_id")
    if userref and (not re.fullmatch(r"-?[0-9]{1,10}", userref) or not -(2**31) <= int(userref) < 2**31):
        raise Refusal("EGeneral:Invalid arguments:userref")
    # The text for a second open order of the same id is published nowhere.
    if client_id and seat.key.account.desk.open_by_client_id(client_id) is not None:
        raise Refusal("EGeneral:Invalid arguments:cl_ord_id")
    return client_id, userref


def described(ticket_or_order: Ticket | Order) -> str:
    side, pair, quantity = ticket_or_order.side, ticket_or_order.market, ticket_or_order.quantity
    price = ticket_or_order.price
    end = "market" if price is None else f"limit {price:.{pair.spec.price_decimals}f}"
    return f"{side.lower()} {quantity:.8f} {pair.kraken_alt} @ {end}"
