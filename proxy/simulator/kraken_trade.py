"""Kraken's order methods: validation, engine counter, client order ids (spot rate limits, cl_ord_id guide)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import DecayingCounters
from proxy.simulator.kraken_data import market
from proxy.simulator.kraken_wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Penalties by the age of the order in seconds: (younger than, units).
CANCEL_PENALTY = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
AMEND_PENALTY = ((5, 3), (10, 2), (15, 1))


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
class _Ticket:
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


def penalty(order: Order, table: tuple[tuple[int, int], ...], now_ms: int) -> int:
    age = (now_ms - order.created_ms) / 1000
    return next((units for below, units in table if age < below), 0)


def _number(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    text = value if isinstance(value, str) else str(value)
    if not _NUMBER.fullmatch(text):
        raise Refusal(f"EGeneral:Invalid arguments:{name}")
    return Decimal(text)


def _ticket(pair: Market, row: Mapping[str, Any]) -> _Ticket:
    if row.get("type") not in ("buy", "sell"):
        raise Refusal("EGeneral:Invalid arguments:type")
    kind = row.get("ordertype")
    if kind not in ("limit", "market"):
        raise Refusal("EGeneral:Invalid arguments:ordertype")
    force = row.get("timeinforce", "GTC")
    if force not in ("GTC", "IOC", "GTD", "FOK"):
        raise Refusal("EGeneral:Invalid arguments:timeinforce")
    quantity = _number(row, "volume")
    price = _number(row, "price") if kind == "limit" else None
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
    return _Ticket(pair, "BUY" if row["type"] == "buy" else "SELL", kind == "limit", quantity, price, force, post_only)


def _check_deadline(seat: Seat) -> None:
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


def _names(seat: Seat, row: Mapping[str, Any]) -> tuple[str, str]:
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


def _open(seat: Seat, ticket: _Ticket, client_id: str, userref: str) -> Order:
    desk, pair = seat.key.account.desk, ticket.market
    if len(desk.open_orders(pair)) >= seat.most_open:
        raise Refusal("EOrder:Orders limit exceeded")
    crossing = ticket.price is not None and (
        ticket.price >= pair.ask if ticket.side == "BUY" else ticket.price <= pair.bid
    )
    if ticket.post_only and crossing:
        raise Refusal("EOrder:Post only order")
    number = next(seat.floor.numbers)
    kind = "LIMIT" if ticket.limit else "MARKET"
    try:
        order = desk.place(
            number,
            pair,
            ticket.side,
            "LIMIT" if kind == "LIMIT" else "MARKET",
            ticket.quantity,
            ticket.price,
            client_id,
            seat.now_ms,
            ticket.force,
        )
    except NoFunds:
        raise Refusal("EOrder:Insufficient funds") from None
    if userref:
        order.tags["userref"] = userref
    if ticket.post_only:
        order.tags["oflags"] = "fciq,post"
    seat.floor.ledger.execute("kraken", order, given_id=bool(client_id))
    return order


def described(ticket_or_order: _Ticket | Order) -> str:
    side, pair, quantity = ticket_or_order.side, ticket_or_order.market, ticket_or_order.quantity
    price = ticket_or_order.price
    end = "market" if price is None else f"limit {price:.{pair.spec.price_decimals}f}"
    return f"{side.lower()} {quantity:.8f} {pair.kraken_alt} @ {end}"


def add_order(seat: Seat) -> Any:
    """The engine's fixed cost is charged even when the order is refused."""
    pair = market(seat.floor, seat.params.get("pair"))
    seat.client_id = seat.text("cl_ord_id")
    seat.charge_engine(pair, 1.0)
    ticket = _ticket(pair, seat.params)
    _check_deadline(seat)
    client_id, userref = _names(seat, seat.params)
    answer: dict[str, Any] = {"descr": {"order": described(ticket)}}
    if seat.flag("validate"):
        return answer
    order = _open(seat, ticket, client_id, userref)
    return {**answer, "txid": [txid(order)]}


def add_batch(seat: Seat) -> Any:
    """2 to 15 orders of one pair; syntax refuses all, the book refuses one by one."""
    pair = market(seat.floor, seat.params.get("pair"))
    rows = seat.params.get("orders")
    if not isinstance(rows, list) or not 2 <= len(rows) <= 15 or not all(isinstance(r, dict) for r in rows):
        raise Refusal("EGeneral:Invalid arguments:orders")
    seat.charge_engine(pair, len(rows) / 2)
    tickets = [_ticket(pair, row) for row in rows]
    _check_deadline(seat)
    if seat.flag("validate"):
        return {"orders": [{"descr": {"order": described(t)}} for t in tickets]}
    results: list[dict[str, Any]] = []
    for ticket, row in zip(tickets, rows, strict=True):
        try:
            order = _open(seat, ticket, *_names(seat, row))
            results.append({"descr": {"order": described(ticket)}, "txid": txid(order)})
        except Refusal as refusal:
            results.append({"error": refusal.text})
    return {"orders": results}


def _named(seat: Seat) -> list[Order]:
    """Open orders that txid, cl_ord_id or userref name."""
    desk = seat.key.account.desk
    name, client_id, userref = seat.text("txid"), seat.text("cl_ord_id"), seat.text("userref")
    if sum(map(bool, (name, client_id, userref))) != 1:
        raise Refusal("EGeneral:Invalid arguments")
    if client_id:
        seat.client_id = client_id
        order = desk.open_by_client_id(client_id)
        return [order] if order else []
    if userref or re.fullmatch(r"-?[0-9]+", name):
        return [o for o in desk.open_orders() if o.tags.get("userref") == (userref or name)]
    order = by_txid(seat, name)
    seat.client_id = order.client_id if order else ""
    return [order] if order and order.open else []


def _cancel(seat: Seat, order: Order) -> None:
    seat.charge_engine(order.market, penalty(order, CANCEL_PENALTY, seat.now_ms))
    seat.key.account.desk.cancel(order, seat.now_ms)


def cancel_order(seat: Seat) -> Any:
    orders = _named(seat)
    if not orders:
        raise Refusal("EOrder:Unknown order")
    for order in orders:
        _cancel(seat, order)
    return {"count": len(orders)}


def cancel_batch(seat: Seat) -> Any:
    names = [*(seat.params.get("orders") or []), *(seat.params.get("cl_ord_ids") or [])]
    if not 1 <= len(names) <= 50:
        raise Refusal("EGeneral:Invalid arguments:orders")
    desk, count = seat.key.account.desk, 0
    for name in names:
        text = name.get("txid") or name.get("cl_ord_id", "") if isinstance(name, dict) else str(name)
        order = desk.open_by_client_id(text) or (by_txid(seat, text) if text.startswith("O") else None)
        if order is not None and order.open:
            _cancel(seat, order)
            count += 1
    return {"count": count}


def cancel_all(seat: Seat) -> Any:
    """Costs the key's REST counter, not the engine's."""
    desk = seat.key.account.desk
    orders = desk.open_orders()
    for order in orders:
        desk.cancel(order, seat.now_ms)
    return {"count": len(orders)}


def amend_order(seat: Seat) -> Any:
    orders = _named(seat)
    if not orders or orders[0].price is None:
        raise Refusal("EOrder:Unknown order")
    order = orders[0]
    seat.charge_engine(order.market, 1 + penalty(order, AMEND_PENALTY, seat.now_ms))
    _check_deadline(seat)
    quantity = _number(seat.params, "order_qty") if "order_qty" in seat.params else order.quantity
    price = _number(seat.params, "limit_price") if "limit_price" in seat.params else orders[0].price
    if quantity % order.market.step or price % order.market.tick or not quantity or not price:
        raise Refusal("EGeneral:Invalid arguments")
    try:
        seat.key.account.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal("EOrder:Insufficient funds") from None
    return {"amend_id": "T" + txid(order)[1:]}
