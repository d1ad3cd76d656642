"""Poloniex's spot orders: place, replace, cancel, and the kill switch."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from proxy.simulator.accounts import LiveAccount
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side, crosses
from proxy.simulator.poloniex.names import NAME, order_id, symbol
from proxy.simulator.poloniex.seat import Seat, Switch, decimal
from proxy.simulator.poloniex.wire import Refusal

NOT_FOUND = (21301, "Order not found")
FINISHED = (21359, "Order was already canceled or filled.")
_TYPES = ("MARKET", "LIMIT", "LIMIT_MAKER")


@dataclass(frozen=True, slots=True)
class _Ticket:
    market: Market
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal | None
    force: str
    client_id: str


def _quantity(body: dict[str, Any], market: Market, side: str, kind: str) -> Decimal:
    """Market buys say what to spend, all others what to trade."""
    spec = market.spec
    if kind == "MARKET" and side == "BUY":
        amount = decimal(body.get("amount"), (21317, "Amount must be greater than 0"))
        if amount < Decimal(spec.min_notional):
            raise Refusal(21322, "Amount is less than minAmount trade limit")
        if amount % market.tick:
            raise Refusal(21337, "Invalid amountScale for this symbol")
        return (amount / market.ask).quantize(market.step, ROUND_DOWN)
    quantity = decimal(body.get("quantity"), (21328, "Order quantity must be greater than 0"))
    if quantity < Decimal(spec.min_quantity):
        raise Refusal(21330, "Quantity is less than minQuantity trade limit")
    if quantity % market.step:
        raise Refusal(21336, "Invalid quantityScale for this symbol")
    return quantity


def _ticket(seat: Seat, body: Any) -> _Ticket:
    if not isinstance(body, dict):
        raise Refusal(602, "Missing Required Parameters")
    ours = body.get("clientOrderId") or ""
    if not isinstance(ours, str) or len(ours) > 64:
        raise Refusal(21315, "Client orderId exceeded max length of 17 digits")
    seat.client_id = ours
    market = seat.market(body.get("symbol"), "spot", (10040, "Invalid symbol"))
    if body.get("side") not in ("BUY", "SELL"):
        raise Refusal(21319, "Invalid order side")
    side: Side = "BUY" if body["side"] == "BUY" else "SELL"
    if (kind := body.get("type", "MARKET")) not in _TYPES:
        raise Refusal(21320, "Invalid order type")
    if (force := body.get("timeInForce", "GTC")) not in ("GTC", "IOC", "FOK"):
        raise Refusal(21321, "Invalid timeInForce value")
    if body.get("accountType", "SPOT") != "SPOT":
        raise Refusal(21324, "Invalid account type")
    quantity = _quantity(body, market, side, kind)
    price = None
    if kind != "MARKET":
        price = decimal(body.get("price"), (21309, "Order price must be greater than 0"))
        if price % market.tick:
            raise Refusal(21335, "Invalid priceScale for this symbol")
        if quantity * price < Decimal(market.spec.min_notional):
            raise Refusal(21322, "Amount is less than minAmount trade limit")
    return _Ticket(market, side, kind, quantity, price, force, ours)


def put(seat: Seat, body: Any) -> Order:
    """A client id once used is not free again while its order is remembered (how long is not documented)."""
    ticket = _ticket(seat, body)
    desk = seat.key.account.desk
    if seat.by_client_id(ticket.client_id, "spot") is not None:
        raise Refusal(21312, "Client orderId already exists")
    if len(desk.open_orders()) >= seat.limits.open_orders:
        raise Refusal(21314, f"Max limit of open orders ({seat.limits.open_orders}) exceeded")
    number = next(seat.floor.numbers)
    if ticket.kind == "LIMIT_MAKER" and crosses(
        Order(number, "", ticket.market, ticket.side, "LIMIT", ticket.quantity, ticket.price, "", seat.now_ms),
        ticket.market,
    ):
        # No code is published for it.
        raise Refusal(601, "Invalid Parameter: the order would trade at once")
    try:
        order = desk.place(
            number,
            ticket.market,
            ticket.side,
            "MARKET" if ticket.price is None else "LIMIT",
            ticket.quantity,
            ticket.price,
            ticket.client_id,
            seat.now_ms,
            ticket.force,
        )
    except NoFunds:
        raise Refusal(21709, "Low available balance") from None
    order.tags["type"] = ticket.kind
    seat.floor.ledger.execute(NAME, order, given_id=bool(ticket.client_id))
    return order


def _short(order: Order) -> dict[str, Any]:
    return {"id": order_id(order), "clientOrderId": order.client_id}


def place(seat: Seat) -> Any:
    return _short(put(seat, seat.body))


def batch(seat: Seat) -> Any:
    if not isinstance(seat.body, list) or not 1 <= len(seat.body) <= seat.limits.batch:
        raise Refusal(601, f"Invalid Parameter: 1 to {seat.limits.batch} orders")
    rows: list[dict[str, Any]] = []
    for item in seat.body:
        try:
            rows.append(_short(put(seat, item)))
        except Refusal as refusal:
            named = item.get("clientOrderId") if isinstance(item, dict) else None
            rows.append({"code": refusal.code, "message": refusal.message, "clientOrderId": named or ""})
    seat.client_id = ""
    return rows


def named(seat: Seat, text: str) -> Order | None:
    """By the name in a path: an order id, or "cid:" and a client id."""
    if text.startswith("cid:"):
        return seat.by_client_id(text.removeprefix("cid:"), "spot")
    if not (text.isascii() and text.isdigit()):
        raise Refusal(21346, "Order Id must be of type Long")
    return seat.by_number(text, "spot")


def _cancel(seat: Seat, order: Order | None) -> Order:
    if order is None:
        raise Refusal(*NOT_FOUND)
    if not order.open:
        raise Refusal(*FINISHED)
    seat.key.account.desk.cancel(order, seat.now_ms)
    return order


def _gone(order: Order) -> dict[str, Any]:
    names = {"orderId": order_id(order), "clientOrderId": order.client_id}
    return {**names, "state": "PENDING_CANCEL", "code": 200, "message": ""}


def cancel(seat: Seat) -> Any:
    return _gone(_cancel(seat, named(seat, seat.names["id"])))


def cancel_by_ids(seat: Seat) -> Any:
    body = seat.body if isinstance(seat.body, dict) else {}
    numbers, names = body.get("orderIds", []), body.get("clientOrderIds", [])
    if not isinstance(numbers, list) or not isinstance(names, list) or not numbers + names:
        raise Refusal(602, "Missing Required Parameters")
    rows: list[dict[str, Any]] = []
    found = [(n, "", seat.by_number(n, "spot")) for n in numbers]
    found += [("", n, seat.by_client_id(n, "spot")) for n in names]
    for number, name, order in found:
        try:
            rows.append(_gone(_cancel(seat, order)))
        except Refusal as refusal:
            told = {"orderId": number, "clientOrderId": name, "state": ""}
            rows.append({**told, "code": refusal.code, "message": refusal.message})
    seat.client_id = ""
    return rows


def cancel_all(seat: Seat) -> Any:
    """With nothing in the body: everything."""
    body = seat.body if isinstance(seat.body, dict) else {}
    wanted = body.get("symbols") or []
    if not isinstance(wanted, list):
        raise Refusal(601, "Invalid Parameter: symbols")
    for name in wanted:
        seat.market(name, "spot", (10040, "Invalid symbol"))
    found = [o for o in seat.opened("spot") if not wanted or symbol(o.market) in wanted]
    return [_gone(_cancel(seat, order)) for order in found]


def replace(seat: Seat) -> Any:
    """Cancels, then places anew, in two steps. With proceedOnFailure the second is taken even if the first fails."""
    body = seat.body if isinstance(seat.body, dict) else {}
    order = named(seat, seat.names["id"])
    if order is None:
        raise Refusal(*NOT_FOUND)
    proceed = body.get("proceedOnFailure", False)
    if not isinstance(proceed, bool):
        raise Refusal(601, "Invalid Parameter: proceedOnFailure")
    if order.open:
        _cancel(seat, order)
    elif not proceed:
        raise Refusal(*FINISHED)
    fresh = {
        "symbol": symbol(order.market),
        "side": order.side,
        "type": order.tags["type"],
        "timeInForce": order.time_in_force,
        "quantity": f"{order.quantity:f}",
        "price": None if order.price is None else f"{order.price:f}",
    }
    allowed = ("type", "timeInForce", "price", "quantity", "amount", "clientOrderId")
    return _short(put(seat, {**fresh, **{name: body[name] for name in allowed if name in body}}))


def set_switch(seat: Seat) -> Any:
    """All orders of the account are canceled unless it is set again in time; -1 disarms."""
    text = seat.body.get("timeout") if isinstance(seat.body, dict) else None
    if text == "-1":
        seat.switches.pop(seat.key.account.name, None)
        return {"startTime": str(seat.now_ms), "cancellationTime": "0"}
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or not 10 <= int(text[:6]) <= 600:
        raise Refusal(25001, "Invalid parameter")
    switch = Switch(seat.now_ms, seat.now_ms + int(text) * 1000)
    seat.switches[seat.key.account.name] = switch
    return get_switch(seat)


def get_switch(seat: Seat) -> Any:
    switch = seat.switches.get(seat.key.account.name)
    if switch is None:
        raise Refusal(25020, "No active kill switch")
    return {"startTime": str(switch.start_ms), "cancellationTime": str(switch.trigger_ms)}


def trip(account: LiveAccount, switches: dict[str, Switch], now_ms: int) -> None:
    """Cancel what is due; called before anything of the account is answered."""
    switch = switches.get(account.name)
    if switch is None or now_ms < switch.trigger_ms:
        return
    del switches[account.name]
    for order in account.desk.open_orders():
        if order.market.kind == "spot":
            account.desk.cancel(order, switch.trigger_ms)
