"""OKX's order calls: each takes a list of orders and says of each what became of it (v5 trade)."""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.simulator.okx.instruments import contract, inst_id, known
from proxy.simulator.okx.ticket import (
    Seat,
    Ticket,
    check_size,
    client_id_of,
    find,
    number_of,
    order_id,
    position,
    price_of,
    read_ticket,
)
from proxy.simulator.okx.wire import Refusal, bad, flag_of, text_of
from proxy.simulator.orders import NoFunds, Order

Row = Mapping[str, Any]
_CODES = {"fok": "FOK", "ioc": "IOC", "optimal_limit_ioc": "IOC"}


def place(seat: Seat, row: Row) -> dict[str, Any]:
    ticket = read_ticket(seat, row)
    if ticket.client_id and seat.desk.open_by_client_id(ticket.client_id) is not None:
        raise Refusal(200, "51016", "Client order ID already exists.")
    order = _open(seat, ticket)
    seat.floor.ledger.execute("okx", order, given_id=bool(ticket.client_id))
    return {"clOrdId": order.client_id, "ordId": order_id(order), "tag": ticket.tags["tag"], "ts": str(seat.now_ms)}


def _open(seat: Seat, ticket: Ticket) -> Order:
    market, price = ticket.market, ticket.price
    taking = price is not None and (price >= market.ask if ticket.side == "BUY" else price <= market.bid)
    spoiled = ticket.kind == "post_only" and taking
    if spoiled:  # taken in and canceled at once: it must not meet the price that it would trade at
        price = market.bid if ticket.side == "BUY" else market.ask
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            market,
            ticket.side,
            "MARKET" if price is None else "LIMIT",
            ticket.quantity,
            price,
            ticket.client_id,
            seat.now_ms,
            _CODES.get(ticket.kind, "GTC"),
        )
    except NoFunds as lack:
        what = "balance" if market.kind == "spot" else "margin"
        raise Refusal(200, "51008", f"Order failed. Insufficient {lack} {what} in account.") from None
    order.tags.update(ticket.tags)
    if spoiled:
        seat.desk.cancel(order, seat.now_ms)
        order.price = ticket.price
        order.tags["cancelSource"] = "31"
    return order


def cancel(seat: Seat, row: Row) -> dict[str, Any]:
    order = find(seat, row)
    if order is None or not order.open:
        raise Refusal(
            200, "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
        )
    seat.desk.cancel(order, seat.now_ms)
    order.tags["cancelSource"] = "1"
    return {"clOrdId": order.client_id, "ordId": order_id(order), "ts": str(seat.now_ms)}


def amend(seat: Seat, row: Row) -> dict[str, Any]:
    order = find(seat, row)
    request = client_id_of(row, "reqId")
    if order is None or not order.open or order.price is None:
        raise Refusal(200, "51503", "Your order has already been filled or canceled.")
    try:
        _amend(seat, order, row)
    except Refusal:
        if flag_of(row, "cxlOnFail"):
            seat.desk.cancel(order, seat.now_ms)
        raise
    return {"clOrdId": order.client_id, "ordId": order_id(order), "reqId": request, "ts": str(seat.now_ms)}


def _amend(seat: Seat, order: Order, row: Row) -> None:
    market, price = order.market, order.price
    assert price is not None
    if not ("newSz" in row or "newPx" in row):
        raise Refusal(200, "51500", "You must enter a price, quantity, or TP/SL")
    quantity = order.quantity
    if "newSz" in row:
        size = number_of(row, "newSz")
        check_size(market, size)
        quantity = size * contract(market)
    if "newPx" in row:
        price = price_of(market, row, "newPx")
    taking = price >= market.ask if order.side == "BUY" else price <= market.bid
    if taking and order.tags.get("ordType") == "post_only":
        raise Refusal(
            200, "51511", "Modification failed as the order price did not meet the requirement for Post Only."
        )
    try:
        seat.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal(200, "51502", "Unable to edit order: insufficient balance or margin.") from None
    if "newSz" in row:
        order.tags["sz"] = text_of(row, "newSz")


def each(seat: Seat, run: Callable[[Seat, Row], dict[str, Any]]) -> list[dict[str, Any]]:
    """Every order by itself; what one is refused for stands in its own place."""
    results = []
    for row in seat.rows:
        try:
            results.append({**run(seat, row), "sCode": "0", "sMsg": ""})
        except Refusal as refusal:
            names = {name: str(row.get(name, "")) for name in ("clOrdId", "ordId", "tag")}
            results.append({**names, "ts": str(seat.now_ms), "sCode": refusal.code, "sMsg": refusal.message})
    return results


def close_position(seat: Seat) -> list[Any]:
    """The whole position, by a market order."""
    market = known(seat.floor.board, seat.params.get("instId"))
    if text_of(seat.params, "mgnMode") not in ("cross", "isolated"):
        raise bad("mgnMode")
    held = position(seat, market)
    if not held:
        raise Refusal(200, "51023", "Position doesn't exist.")
    client_id, tag = client_id_of(seat.params), text_of(seat.params, "tag")
    row = {
        "instId": inst_id(market),
        "tdMode": text_of(seat.params, "mgnMode"),
        "side": "sell" if held > 0 else "buy",
        "ordType": "market",
        "sz": f"{abs(held) / contract(market):f}",
        "clOrdId": client_id,
        "tag": tag,
        "reduceOnly": True,
    }
    seat.client_id = client_id
    place(seat, row)
    return [{"instId": inst_id(market), "posSide": "net", "clOrdId": client_id, "tag": tag}]


def cancel_all_after(seat: Seat) -> list[Any]:
    """Cancel everything when the time is up, unless called again; 0 ends it."""
    text = text_of(seat.params, "timeOut")
    if not text.isascii() or not text.isdigit() or not (int(text) == 0 or 10 <= int(text) <= 120):
        raise bad("timeOut")
    name, due = seat.key.account.name, 0
    if int(text):
        due = seat.timers[name] = seat.now_ms + int(text) * 1000
    else:
        seat.timers.pop(name, None)
    return [{"triggerTime": str(due), "tag": text_of(seat.params, "tag"), "ts": str(seat.now_ms)}]
