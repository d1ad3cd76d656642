"""KuCoin's futures orders: sizes are lots of a contract."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from proxy.simulator.kucoin.names import NAME, lot, number_text, order_id, settled_in, symbol
from proxy.simulator.kucoin.seat import Seat, client_id, decimal
from proxy.simulator.kucoin.wire import Refusal, bad
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side, crosses

_SIZES = ("size", "qty", "valueQty")


@dataclass(frozen=True, slots=True)
class _Ticket:
    market: Market
    side: Side
    lots: int
    price: Decimal | None
    force: str
    client_id: str
    reduce_only: bool
    close: bool


def lots(market: Market, quantity: Decimal) -> int:
    return int(quantity / lot(market))


def position(seat: Seat, market: Market) -> int:
    """In lots; below 0: short."""
    names = (market.kind, market.spec.base, market.spec.quote)
    return lots(market, seat.key.account.desk.positions.get(names, Decimal(0)))


def _size(body: dict[str, Any], market: Market) -> int:
    if sum(name in body for name in _SIZES) != 1:
        raise bad("Choose one of size, qty, valueQty")
    if "size" in body:
        size = body["size"]
        if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 12:
            size = int(size)
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= 1_000_000:
            raise bad("Quantity parameter error: a positive whole number of lots")
        return size
    if market.kind == "inverse":
        raise bad("The quantity of this contract is size (lot)")
    if "qty" in body:
        quantity = decimal(body["qty"], "qty")
        if not quantity or quantity % lot(market):
            raise bad("qty must be a multiple of the multiplier")
        return lots(market, quantity)
    found = int((decimal(body["valueQty"], "valueQty") / market.ask / lot(market)).to_integral_value(ROUND_DOWN))
    if not found:
        raise bad("valueQty is below one lot")
    return found


def _ticket(seat: Seat, body: Any) -> _Ticket:
    if not isinstance(body, dict):
        raise bad("Required request body is missing")
    seat.client_id = ours = client_id(body.get("clientOid"), True)
    market = seat.market(body.get("symbol"), "futures")
    held, close = position(seat, market), body.get("closeOrder") is True
    if any(not isinstance(body.get(n, False), bool) for n in ("reduceOnly", "postOnly", "closeOrder", "forceHold")):
        raise bad("Flags are true or false")
    if close:
        if not held:
            raise Refusal("300009", "No open positions to close.")
        side: Side = "SELL" if held > 0 else "BUY"
        size = abs(held)
    else:
        if body.get("side") not in ("buy", "sell"):
            raise bad("side is invalid")
        side = "BUY" if body["side"] == "buy" else "SELL"
        size = _size(body, market)
    if body.get("marginMode", "ISOLATED") not in ("ISOLATED", "CROSS"):
        raise bad("marginMode is invalid")
    reduce_only = body.get("reduceOnly") is True
    if reduce_only:
        if held == 0 or (held > 0) == (side == "BUY"):
            raise Refusal("300009", "No open positions to close.")
        size = min(size, abs(held))
    elif not close and str(body.get("leverage", "")) not in {str(n) for n in range(1, 126)}:
        raise bad("Leverage parameter invalid.")
    kind = body.get("type", "limit")
    if kind not in ("limit", "market"):
        raise bad("type is invalid")
    force = body.get("timeInForce", "GTC") if kind == "limit" else "GTC"
    if force not in ("GTC", "IOC"):
        raise bad("timeInForce is invalid")
    price = decimal(body.get("price"), "price") if kind == "limit" else None
    if price is not None and (not price or price % market.tick):
        raise bad("The parameter price is invalid: not a multiple of the tick size.")
    ticket = _Ticket(market, side, size, price, force, ours, reduce_only, close)
    if body.get("postOnly") and force != "IOC" and price is not None:
        trial = Order(0, "", market, side, "LIMIT", lot(market), price, "", seat.now_ms)
        if crosses(trial, market):
            raise bad("The post-only order would be filled at once.")
    return ticket


def _place(seat: Seat, body: Any, *, dry: bool = False) -> Order | None:
    """A client id once used is not free again while its order is remembered (how long is not documented)."""
    ticket = _ticket(seat, body)
    if seat.order("futures", client_id=ticket.client_id) is not None:
        raise Refusal("300018", "clientOid parameter repeated")
    seat.client_id = ticket.client_id
    if dry:
        return None
    try:
        order = seat.key.account.desk.place(
            next(seat.floor.numbers),
            ticket.market,
            ticket.side,
            "MARKET" if ticket.price is None else "LIMIT",
            ticket.lots * lot(ticket.market),
            ticket.price,
            ticket.client_id,
            seat.now_ms,
            ticket.force,
        )
    except NoFunds:
        coin = settled_in(ticket.market)
        raise Refusal("300003", f"Balance insufficient. Deposit or transfer {coin} first.") from None
    order.tags.update(force=ticket.force, leverage=str(body.get("leverage", 1)))
    order.tags["post_only"] = "true" if body.get("postOnly") else ""
    order.tags["reduce_only"] = "true" if ticket.reduce_only else ""
    order.tags["close"] = "true" if ticket.close else ""
    order.tags["margin_mode"] = body.get("marginMode", "ISOLATED")
    order.tags["remark"] = str(body.get("remark") or "")
    seat.floor.ledger.execute(NAME, order, given_id=True)
    return order


def place(seat: Seat) -> Any:
    order = _place(seat, seat.body)
    assert order is not None
    return {"orderId": order_id(order), "clientOid": order.client_id}


def test(seat: Seat) -> Any:
    _place(seat, seat.body, dry=True)
    return {"orderId": number_text(next(seat.floor.numbers)), "clientOid": seat.client_id}


def multi(seat: Seat) -> Any:
    if not isinstance(seat.body, list) or not 1 <= len(seat.body) <= seat.limits.futures_batch:
        raise bad(f"1 to {seat.limits.futures_batch} orders")
    rows = []
    for item in seat.body:
        named = item if isinstance(item, dict) else {}
        row = {"orderId": None, "clientOid": named.get("clientOid"), "symbol": named.get("symbol")}
        try:
            order = _place(seat, item)
            assert order is not None
            rows.append({**row, "orderId": order_id(order), "code": "200000", "msg": "success"})
        except Refusal as refusal:
            rows.append({**row, "code": refusal.code, "msg": refusal.message})
    seat.client_id = ""
    return rows


def _cancel(seat: Seat, order: Order | None) -> Order:
    if order is None:
        raise Refusal("100001", "error.getOrder.orderNotExist")
    if not order.open:
        raise Refusal("100004", "The order cannot be canceled.")
    seat.key.account.desk.cancel(order, seat.now_ms)
    return order


def cancel(seat: Seat) -> Any:
    return {"cancelledOrderIds": [order_id(_cancel(seat, seat.order("futures", number=seat.names["orderId"])))]}


def _named(seat: Seat, name: object, ours: object) -> Order | None:
    market = seat.market(name, "futures")
    order = seat.order("futures", client_id=ours) if isinstance(ours, str) and ours else None
    return order if order is not None and order.market is market else None


def cancel_named(seat: Seat) -> Any:
    order = _named(seat, seat.params.get("symbol"), seat.names["clientOid"])
    return {"clientOid": _cancel(seat, order).client_id}


def multi_cancel(seat: Seat) -> Any:
    """The one DELETE with a body: order ids, or client ids with their symbols."""
    body = seat.body if isinstance(seat.body, dict) else {}
    numbers, named = body.get("orderIdsList"), body.get("clientOidsList")
    chosen = numbers if isinstance(numbers, list) and numbers else named
    if not isinstance(chosen, list) or not 1 <= len(chosen) <= seat.limits.futures_cancels:
        raise bad(f"orderIdsList or clientOidsList: 1 to {seat.limits.futures_cancels} orders")
    rows = []
    for one in chosen:
        by_client = isinstance(one, dict)
        told = {"orderId": None if by_client else one, "clientOid": one.get("clientOid") if by_client else None}
        try:
            if by_client:
                order = _named(seat, one.get("symbol"), one.get("clientOid"))
            else:
                order = seat.order("futures", number=one) if isinstance(one, str) and one else None
            _cancel(seat, order)
            rows.append({**told, "code": "200", "msg": "success"})
        except Refusal as refusal:
            rows.append({**told, "code": refusal.code, "msg": refusal.message})
    seat.client_id = ""
    return rows


def cancel_all(seat: Seat) -> Any:
    market = seat.market(seat.params["symbol"], "futures") if seat.params.get("symbol") else None
    found = seat.orders("futures", market, opened=True)
    for order in found:
        seat.key.account.desk.cancel(order, seat.now_ms)
    return {"cancelledOrderIds": [order_id(order) for order in found]}


def statistics(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), "futures")
    told: dict[str, Any] = {"settleCurrency": settled_in(market), "symbol": symbol(market)}
    for name, side in (("Buy", "BUY"), ("Sell", "SELL")):
        found = [o for o in seat.orders("futures", market, opened=True) if o.side == side]
        told[f"openOrder{name}Size"] = sum(lots(market, o.quantity) for o in found)
        told[f"openOrder{name}Cost"] = f"{sum((o.held()[1] for o in found), Decimal(0)):f}"
    return told
