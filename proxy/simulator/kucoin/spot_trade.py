"""KuCoin's spot orders: place, alter, cancel; the fast paths (hf) and the old ones."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from proxy.simulator.kucoin.names import number_text, order_id, symbol
from proxy.simulator.kucoin.seat import Seat, decimal
from proxy.simulator.kucoin.spot_ticket import Ticket, execute, put
from proxy.simulator.kucoin.wire import Refusal, bad
from proxy.simulator.market import Market
from proxy.simulator.orders import Order

GONE = "order_not_exist_or_not_allow_to_cancel"


def result(order: Order) -> dict[str, Any]:
    """What the sync paths tell of the matching."""
    left = Decimal(0) if not order.open else order.quantity - order.filled
    return {
        "orderId": order_id(order),
        "clientOid": order.client_id or None,
        "orderTime": order.created_ms,
        "originSize": f"{order.quantity:f}",
        "dealSize": f"{order.filled:f}",
        "remainSize": f"{left:f}",
        "canceledSize": f"{order.quantity - order.filled - left:f}",
        "status": "open" if order.open else "done",
        "matchTime": order.updated_ms,
    }


def _short(order: Order) -> dict[str, Any]:
    return {"orderId": order_id(order), "clientOid": order.client_id or None}


def place(seat: Seat) -> Any:
    order = put(seat, seat.body, named=False)
    assert order is not None
    return _short(order)


def place_sync(seat: Seat) -> Any:
    order = put(seat, seat.body, named=False)
    assert order is not None
    return result(order)


def place_old(seat: Seat) -> Any:
    order = put(seat, seat.body, named=True)
    assert order is not None
    return {"orderId": order_id(order)}


def test(seat: Seat) -> Any:
    put(seat, seat.body, named=False, dry=True)
    return {"orderId": number_text(next(seat.floor.numbers)), "clientOid": seat.client_id or None}


def test_old(seat: Seat) -> Any:
    put(seat, seat.body, named=True, dry=True)
    return {"orderId": number_text(next(seat.floor.numbers))}


def _batch(seat: Seat, *, named: bool) -> list[tuple[Any, Order | Refusal]]:
    """Every item of orderList with what became of it."""
    items = seat.body.get("orderList") if isinstance(seat.body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= seat.limits.batch:
        raise bad(f"orderList: 1 to {seat.limits.batch} orders")
    done: list[tuple[Any, Order | Refusal]] = []
    for item in items:
        try:
            if named and isinstance(item, dict):
                if item.get("type", "limit") != "limit":
                    raise bad("Only limit orders are supported")
                item = {**item, "symbol": seat.body.get("symbol")}
            order = put(seat, item, named=named)
            assert order is not None
            done.append((item, order))
        except Refusal as refusal:
            done.append((item, refusal))
    seat.client_id = ""
    return done


def _named(item: Any) -> str | None:
    return item.get("clientOid") if isinstance(item, dict) else None


def _multi(seat: Seat, view: Callable[[Order], dict[str, Any]]) -> Any:
    return [
        {"clientOid": _named(item), "success": False, "failMsg": one.message}
        if isinstance(one, Refusal)
        else {**view(one), "success": True}
        for item, one in _batch(seat, named=False)
    ]


def multi(seat: Seat) -> Any:
    return _multi(seat, _short)


def multi_sync(seat: Seat) -> Any:
    return _multi(seat, result)


def multi_old(seat: Seat) -> Any:
    rows = []
    for item, one in _batch(seat, named=True):
        if isinstance(one, Refusal):
            told = {"id": None, "status": "fail", "failMsg": one.message}
        else:
            told = {"id": order_id(one), "status": "success", "failMsg": None}
        rows.append({**(item if isinstance(item, dict) else {}), "clientOid": _named(item), **told, "channel": "API"})
    return {"data": rows}


def alter(seat: Seat) -> Any:
    """Cancels and places anew under a new order id; when the new one cannot be placed, the old one is gone."""
    body = seat.body if isinstance(seat.body, dict) else {}
    market = seat.market(body.get("symbol"), "spot")
    number, named = body.get("orderId"), body.get("clientOid")
    if not (isinstance(number, str) and number) and not (isinstance(named, str) and named):
        raise bad("One of orderId and clientOid")
    order = seat.order("spot", str(number or ""), str(named or ""))
    if order is None or not order.open or order.market is not market:
        raise bad(GONE)
    if "newPrice" not in body and "newSize" not in body:
        raise bad("One of newPrice and newSize")
    price = decimal(body["newPrice"], "newPrice") if "newPrice" in body else order.price or Decimal(0)
    size = decimal(body["newSize"], "newSize") if "newSize" in body else order.quantity
    if not price or price % market.tick:
        raise bad("Price increment invalid.")
    if not size or size % market.step:
        raise Refusal("600100", "Order size increment invalid.")
    seat.key.account.desk.cancel(order, seat.now_ms)
    force = order.tags["force"]
    ticket = Ticket(market, order.side, size, price, force, order.client_id, False)
    fresh = execute(seat, ticket, next(seat.floor.numbers), dict(order.tags), given=False)
    return {"newOrderId": order_id(fresh), "clientOid": fresh.client_id or None}


def cancel_found(seat: Seat, order: Order | None, *, with_symbol: bool) -> Order:
    if with_symbol:
        wanted = seat.market(seat.params.get("symbol"), "spot")
        if order is not None and order.market is not wanted:
            order = None
    if order is None or not order.open:
        raise bad(GONE)
    seat.key.account.desk.cancel(order, seat.now_ms)
    return order


def _by_number(seat: Seat) -> Order | None:
    return seat.order("spot", number=seat.names["orderId"])


def _by_client_id(seat: Seat) -> Order | None:
    return seat.order("spot", client_id=seat.names["clientOid"])


def cancel(seat: Seat) -> Any:
    return {"orderId": order_id(cancel_found(seat, _by_number(seat), with_symbol=True))}


def cancel_sync(seat: Seat) -> Any:
    return result(cancel_found(seat, _by_number(seat), with_symbol=True))


def cancel_named(seat: Seat) -> Any:
    return {"clientOid": cancel_found(seat, _by_client_id(seat), with_symbol=True).client_id}


def cancel_named_sync(seat: Seat) -> Any:
    return result(cancel_found(seat, _by_client_id(seat), with_symbol=True))


def cancel_old(seat: Seat) -> Any:
    return {"cancelledOrderIds": [order_id(cancel_found(seat, _by_number(seat), with_symbol=False))]}


def cancel_named_old(seat: Seat) -> Any:
    order = cancel_found(seat, _by_client_id(seat), with_symbol=False)
    return {"cancelledOrderId": order_id(order), "clientOid": order.client_id, "cancelledOcoOrderIds": None}


def _cancel_open(seat: Seat, market: Market | None) -> list[Order]:
    found = seat.orders("spot", market, opened=True)
    for order in found:
        seat.key.account.desk.cancel(order, seat.now_ms)
    return found


def cancel_symbol(seat: Seat) -> Any:
    _cancel_open(seat, seat.market(seat.params.get("symbol"), "spot"))
    return "success"


def cancel_all(seat: Seat) -> Any:
    names = dict.fromkeys(symbol(o.market) for o in _cancel_open(seat, None))
    return {"succeedSymbols": list(names), "failedSymbols": []}


def cancel_all_old(seat: Seat) -> Any:
    market = seat.market(seat.params["symbol"], "spot") if "symbol" in seat.params else None
    return {"cancelledOrderIds": [order_id(o) for o in _cancel_open(seat, market)]}
