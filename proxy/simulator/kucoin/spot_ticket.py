"""Reading and placing a KuCoin spot order."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from proxy.simulator.kucoin.names import NAME
from proxy.simulator.kucoin.seat import Seat, client_id, decimal
from proxy.simulator.kucoin.wire import Refusal, bad
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side, crosses

_FORCES = ("GTC", "GTT", "IOC", "FOK")
_FLAGS = ("postOnly", "hidden", "iceberg")


@dataclass(frozen=True, slots=True)
class Ticket:
    market: Market
    side: Side
    quantity: Decimal
    price: Decimal | None
    force: str
    client_id: str
    post_only: bool


def _check_deadline(seat: Seat, body: dict[str, Any]) -> None:
    """clientTimestamp is that of the header; later than it plus allowMaxTimeWindow the order is refused."""
    window, stamp = body.get("allowMaxTimeWindow"), body.get("clientTimestamp")
    if window is None and stamp is None:
        return
    for value in (window, stamp):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise bad("clientTimestamp and allowMaxTimeWindow must both be given, in milliseconds")
    assert isinstance(window, int) and isinstance(stamp, int)
    if str(stamp) != seat.asked.headers.get("kc-api-timestamp"):
        raise Refusal("126041", "clientTimestamp parameter error")
    if stamp + window < seat.now_ms:
        raise Refusal("126041", "clientTimestamp parameter error: received after allowMaxTimeWindow")


def _read(seat: Seat, body: Any, *, named: bool) -> Ticket:
    if not isinstance(body, dict):
        raise bad("Required request body is missing")
    ours = client_id(body.get("clientOid"), named)
    seat.client_id = ours
    try:
        market = seat.market(body.get("symbol"), "spot")
    except Refusal:
        raise Refusal("400600", "validation.createOrder.symbolNotAvailable") from None
    if body.get("side") not in ("buy", "sell"):
        raise bad("validation.createOrder.sideIsInvalid")
    side: Side = "BUY" if body["side"] == "buy" else "SELL"
    kind = body.get("type", None if not named else "limit")
    if kind not in ("limit", "market"):
        raise bad("validation.createOrder.typeIsInvalid")
    if (force := body.get("timeInForce", "GTC")) not in _FORCES:
        raise bad("timeInForce is invalid")
    if any(not isinstance(body.get(name, False), bool) for name in _FLAGS):
        raise bad("postOnly, hidden and iceberg are true or false")
    if (force == "GTT") != (body.get("cancelAfter", -1) not in (-1, 0)):
        raise bad("cancelAfter goes with timeInForce GTT")
    _check_deadline(seat, body)
    price = decimal(body.get("price"), "price") if kind == "limit" else None
    if price is not None and (not price or price % market.tick):
        raise bad("Price increment invalid.")
    if kind == "market" and ("funds" in body) == ("size" in body):
        raise bad("One of size and funds")
    if kind == "market" and "funds" in body:
        funds = decimal(body["funds"], "funds")
        if not funds or funds % market.tick:
            raise bad("Funds increment invalid.")
        quantity = (funds / market.ask).quantize(market.step, ROUND_DOWN)
    else:
        quantity = decimal(body.get("size"), "size")
    if quantity < Decimal(market.spec.min_quantity):
        raise bad("Order size below the minimum requirement.")
    if quantity % market.step:
        raise Refusal("600100", "Order size increment invalid.")
    if quantity * (price or market.last) < Decimal(market.spec.min_notional):
        raise Refusal("600101", f"The order funds should more then {market.spec.min_notional} {market.spec.quote}.")
    post_only = bool(body.get("postOnly")) and force not in ("IOC", "FOK")
    return Ticket(market, side, quantity, price, force, ours, post_only)


def execute(seat: Seat, ticket: Ticket, number: int, tags: dict[str, str], *, given: bool) -> Order:
    limit = ticket.price is not None
    force = "GTC" if ticket.force == "GTT" else ticket.force
    desk = seat.key.account.desk
    try:
        order = desk.place(
            number,
            ticket.market,
            ticket.side,
            "LIMIT" if limit else "MARKET",
            ticket.quantity,
            ticket.price,
            ticket.client_id,
            seat.now_ms,
            force,
        )
    except NoFunds:
        raise Refusal("200004", "Balance insufficient!") from None
    order.tags.update(tags, force=ticket.force)
    seat.floor.ledger.execute(NAME, order, given_id=given)
    return order


def put(seat: Seat, body: Any, *, named: bool, dry: bool = False) -> Order | None:
    """A client id is refused only while an order of that id is open: what is known of the check says no more."""
    ticket = _read(seat, body, named=named)
    if ticket.client_id:
        twin = seat.order("spot", client_id=ticket.client_id)
        seat.client_id = ticket.client_id
        if twin is not None and twin.open:
            raise bad("clientOidDuplicated")
    number = next(seat.floor.numbers)
    if ticket.post_only:
        trial = Order(number, "", ticket.market, ticket.side, "LIMIT", ticket.quantity, ticket.price, "", seat.now_ms)
        if ticket.price is None or crosses(trial, ticket.market):
            raise bad("The post-only order would be filled at once.")
    if dry:
        return None
    tags = {name: str(body[name]) for name in ("remark", "stp", "tags") if body.get(name)}
    tags["post_only"] = "true" if ticket.post_only else ""
    return execute(seat, ticket, number, tags, given=bool(ticket.client_id))
