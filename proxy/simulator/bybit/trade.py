"""Bybit's order endpoints. Code 0 means received; what became of an order is told by the reads."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.seat import Seat, category, named, order_id
from proxy.simulator.bybit.ticket import Ticket, checked_price, checked_quantity, decimal, refuse, ticket
from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.orders import NoFunds, Order

BATCH = {"linear": 20, "inverse": 20, "option": 20, "spot": 10}
_CANCEL_ALL_AT_ONCE = 500  # of contracts


def _names(order: Order) -> dict[str, Any]:
    return {"orderId": order_id(order), "orderLinkId": order.client_id}


def create(seat: Seat) -> Any:
    return _names(_place(seat, category(seat.params), seat.params))


def _place(seat: Seat, kind: str, params: Mapping[str, Any]) -> Order:
    if kind == "option" and not params.get("orderLinkId"):
        raise Refusal(10001, "params error: OrderLinkedID is required")
    wanted = ticket(seat.floor, kind, params)
    seat.client_id = wanted.link_id
    if wanted.link_id and seat.desk.by_client_id(wanted.link_id) is not None:
        raise refuse(kind, (170141, "Duplicate clientOrderId."), (110072, "OrderLinkedID is duplicate"))
    if wanted.reduce_only:
        wanted = replace(wanted, quantity=_reduced(seat, wanted))
    resting = seat.desk.open_orders(wanted.market if kind != "spot" else None)
    if sum(o.market.kind == kind for o in resting) >= seat.limits.open_orders:
        raise refuse(
            kind,
            (170810, "Cannot exceed maximum of 500 open orders."),
            (110020, "Cannot have more than 500 active orders"),
        )
    try:
        order = _into_desk(seat, wanted)
    except NoFunds:
        raise refuse(kind, (170131, "Insufficient balance."), (110007, "ab not enough for new order")) from None
    order.tags.update({**wanted.tags, "force": wanted.force})
    seat.floor.ledger.execute("bybit", order, given_id=bool(wanted.link_id))
    return order


def _into_desk(seat: Seat, wanted: Ticket) -> Order:
    """A post-only order that would trade is taken in and cancelled afterwards, with a reject reason (create-order)."""
    market, price, buys = wanted.market, wanted.price, wanted.side == "BUY"
    shy = "post_only" in wanted.tags and price is not None and (price >= market.ask if buys else price <= market.bid)
    rest_at = (market.bid if buys else market.ask) if shy else price
    order = seat.desk.place(
        next(seat.floor.numbers),
        market,
        wanted.side,
        "MARKET" if price is None else "LIMIT",
        wanted.quantity,
        rest_at,
        wanted.link_id,
        seat.now_ms,
        "GTC" if wanted.force == "PostOnly" else wanted.force,
    )
    if shy:
        seat.desk.cancel(order, seat.now_ms)
        order.price = price
        order.tags["rejected"] = "1"
    return order


def _reduced(seat: Seat, wanted: Ticket) -> Decimal:
    """A reduce-only order is cut to the position that it is to reduce."""
    market = wanted.market
    size = seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0))
    left = -size if wanted.side == "BUY" else size
    if left <= 0:
        raise Refusal(110017, "current position is zero, cannot fix reduce-only order qty")
    return min(wanted.quantity, left)


def _live(seat: Seat, kind: str, params: Mapping[str, Any]) -> Order:
    """An open order that is to be changed or cancelled."""
    market = markets.find(seat.floor.board, kind, params.get("symbol"))
    order = named(seat, kind, params)
    if order is None or order.market is not market:
        raise refuse(kind, (170213, "Order does not exist."), (110001, "order not exists or too late to cancel"))
    if order.status == "FILLED":
        raise refuse(kind, (170139, "Order has been filled."), (110008, "Order has been finished or canceled"))
    if not order.open:
        raise refuse(kind, (170142, "Order has been canceled."), (110010, "Order already cancelled"))
    return order


def amend(seat: Seat) -> Any:
    return _names(_amend(seat, category(seat.params), seat.params))


def _amend(seat: Seat, kind: str, params: Mapping[str, Any]) -> Order:
    order = _live(seat, kind, params)
    quantity, price = order.quantity, order.price
    if params.get("price"):
        price = checked_price(order.market, decimal(params, "price"))
    if params.get("qty"):
        quantity = checked_quantity(order.market, decimal(params, "qty"), price)
    if (quantity, price) == (order.quantity, order.price) or price is None:
        raise Refusal(10001, "order not modified")
    try:
        seat.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise refuse(kind, (170131, "Insufficient balance."), (110007, "ab not enough for new order")) from None
    return order


def cancel(seat: Seat) -> Any:
    return _names(_cancel(seat, category(seat.params), seat.params))


def _cancel(seat: Seat, kind: str, params: Mapping[str, Any]) -> Order:
    order = _live(seat, kind, params)
    seat.desk.cancel(order, seat.now_ms)
    return order


def cancel_all(seat: Seat) -> Any:
    """Contracts need a symbol or a coin. Two of them may stand together; the symbol goes first."""
    kind, params = category(seat.params), seat.params
    if kind in ("linear", "inverse") and not any(params.get(n) for n in ("symbol", "baseCoin", "settleCoin")):
        raise Refusal(10001, "params error: Missing some parameters that must be filled in, symbol or settleCoin")
    gone = [o for o in seat.desk.open_orders() if o.market.kind == kind and chosen(seat, kind, o)]
    gone = gone if kind == "spot" else gone[:_CANCEL_ALL_AT_ONCE]
    for order in gone:
        seat.desk.cancel(order, seat.now_ms)
    return {"list": [_names(o) for o in gone], "success": "1"}


def chosen(seat: Seat, kind: str, order: Order) -> bool:
    """Among those of the symbol, the base coin or the coin that pays."""
    params, spec = seat.params, order.market.spec
    if params.get("symbol"):
        return order.market is markets.find(seat.floor.board, kind, params["symbol"])
    if params.get("baseCoin"):
        return bool(spec.base == params["baseCoin"])
    if params.get("settleCoin"):
        return bool((spec.base if kind == "inverse" else spec.quote) == params["settleCoin"])
    return True


Step = Callable[[Seat, str, Mapping[str, Any]], Order]


def items(seat: Seat) -> list[Any]:
    """The orders of a batch. Refused if there are none or too many."""
    wanted = seat.params.get("request")
    if not isinstance(wanted, list) or not wanted:
        raise Refusal(10001, "params error: request is required")
    if len(wanted) > BATCH[category(seat.params)]:
        raise Refusal(10001, "The number of orders in the batch exceeds the limit")
    return wanted


def _batch(seat: Seat, step: Step, dated: bool) -> tuple[Any, Any]:
    """Each order for itself; what the rate limit leaves no room for fails at the end of the list."""
    kind, rows, codes = category(seat.params), [], []
    for number, params in enumerate(items(seat)):
        known = params if isinstance(params, dict) else {}
        row = {
            "category": kind,
            "symbol": known.get("symbol", ""),
            "orderId": "",
            "orderLinkId": str(known.get("orderLinkId") or ""),
            **({"createAt": ""} if dated else {}),
        }
        try:
            if number >= seat.granted:
                raise Refusal(10006, "Too many visits. Exceeded the API Rate Limit.")
            order = step(seat, kind, known)
            row.update(_names(order))
            if dated:
                row["createAt"] = str(order.created_ms)
            codes.append({"code": 0, "msg": "OK"})
        except Refusal as refusal:
            codes.append({"code": refusal.code, "msg": refusal.message})
        rows.append(row)
    return {"list": rows}, {"list": codes}


def create_batch(seat: Seat) -> tuple[Any, Any]:
    return _batch(seat, _place, True)


def amend_batch(seat: Seat) -> tuple[Any, Any]:
    return _batch(seat, _amend, False)


def cancel_batch(seat: Seat) -> tuple[Any, Any]:
    return _batch(seat, _cancel, False)
