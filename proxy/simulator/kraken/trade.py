"""Kraken's order methods and what they cost on the engine counter (spot rate limits)."""

import re
from typing import Any

from proxy.simulator.kraken.data import market
from proxy.simulator.kraken.ticket import (
    Seat,
    Ticket,
    by_txid,
    check_deadline,
    described,
    read_names,
    read_number,
    read_ticket,
    txid,
)
from proxy.simulator.kraken.wire import Refusal
from proxy.simulator.orders import NoFunds, Order

# Penalties by the age of the order in seconds: (younger than, units).
CANCEL_PENALTY = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
AMEND_PENALTY = ((5, 3), (10, 2), (15, 1))


def penalty(order: Order, table: tuple[tuple[int, int], ...], now_ms: int) -> int:
    age = (now_ms - order.created_ms) / 1000
    return next((units for below, units in table if age < below), 0)


def _open(seat: Seat, ticket: Ticket, client_id: str, userref: str) -> Order:
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


def add_order(seat: Seat) -> Any:
    """The engine's fixed cost is charged even when the order is refused."""
    pair = market(seat.floor, seat.params.get("pair"))
    seat.client_id = seat.text("cl_ord_id")
    seat.charge_engine(pair, 1.0)
    ticket = read_ticket(pair, seat.params)
    check_deadline(seat)
    client_id, userref = read_names(seat, seat.params)
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
    tickets = [read_ticket(pair, row) for row in rows]
    check_deadline(seat)
    if seat.flag("validate"):
        return {"orders": [{"descr": {"order": described(t)}} for t in tickets]}
    results: list[dict[str, Any]] = []
    for ticket, row in zip(tickets, rows, strict=True):
        try:
            order = _open(seat, ticket, *read_names(seat, row))
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
    check_deadline(seat)
    quantity = read_number(seat.params, "order_qty") if "order_qty" in seat.params else order.quantity
    price = read_number(seat.params, "limit_price") if "limit_price" in seat.params else orders[0].price
    if quantity % order.market.step or price % order.market.tick or not quantity or not price:
        raise Refusal("EGeneral:Invalid arguments")
    try:
        seat.key.account.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal("EOrder:Insufficient funds") from None
    return {"amend_id": "T" + txid(order)[1:]}
