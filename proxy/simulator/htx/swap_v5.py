"""The newer contract paths, /v5."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import order_id
from proxy.simulator.htx.swap_data import contract
from proxy.simulator.htx.swap_trade import (
    BEST,
    Wish,
    by_name,
    by_number,
    cancel,
    client_id_of,
    linear_orders,
    open_order,
    price_of,
    side_of,
    volume_of,
)
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.orders import Order

_KINDS = ("limit", "market", "post_only")


def good(seat: Seat, data: Any) -> dict[str, Any]:
    return {"code": 200, "message": "Success", "data": data, "ts": seat.now_ms}


def _wish(seat: Seat, row: Any) -> Wish:
    if not isinstance(row, Mapping):
        raise Refusal(1030, "Parameter error.")
    market = contract(seat.floor, row.get("contract_code"))
    if row.get("margin_mode") not in ("cross", "isolated"):
        raise Refusal(1030, "Parameter error: margin_mode.")
    if row.get("position_side", "both") != "both":  # the accounts here are in one-way mode
        raise Refusal(1030, "Parameter error: position_side.")
    side, kind = side_of(row.get("side")), row.get("type")
    force = str(row.get("time_in_force", "gtc")).lower()
    if kind not in _KINDS or force not in ("gtc", "ioc", "fok"):
        raise Refusal(1034, "Incorrect field of order price type.")
    if kind == "limit":
        match = row.get("price_match")
        if match is not None and match not in BEST:
            raise Refusal(1034, "Incorrect field of order price type.")
        kind = match or (force if force != "gtc" else kind)
    tags = {"mode": row["margin_mode"], "reduce": str(row.get("reduce_only", 0)), "force": force, "type": row["type"]}
    return Wish(market, side, kind, volume_of(row), price_of(row, market, kind), client_id_of(row), tags)


def named(order: Order) -> dict[str, Any]:
    """Without a client id the order id stands in for it."""
    return {"order_id": str(order_id(order)), "client_order_id": order.client_id or str(order_id(order))}


def place(seat: Seat) -> dict[str, Any]:
    return good(seat, named(open_order(seat, _wish(seat, seat.params))))


def _refused(refusal: Refusal, row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    given = {name: str(row[name]) for name in names if isinstance(row, Mapping) and name in row}
    return {"code": refusal.code, "message": refusal.message, **given}


def place_batch(seat: Seat) -> dict[str, Any]:
    if seat.rows is None or not 1 <= len(seat.rows) <= 10:
        raise Refusal(1030, "Parameter error.")
    results: list[dict[str, Any]] = []
    for row in seat.rows:
        try:
            results.append({"code": 200, "message": "Success", **named(open_order(seat, _wish(seat, row)))})
        except Refusal as refusal:
            results.append(_refused(refusal, row, ("client_order_id",)))
    seat.client_id = ""
    return good(seat, results)


def find(seat: Seat) -> Order | None:
    """By order_id, which goes before client_order_id."""
    if seat.params.get("order_id"):
        order = by_number(seat, seat.params["order_id"])
    elif seat.params.get("client_order_id"):
        order = by_name(seat, seat.params["client_order_id"])
    else:
        raise Refusal(1030, "Parameter error: order_id or client_order_id.")
    asked = seat.params.get("contract_code")
    if order is None or (asked is not None and contract(seat.floor, asked) is not order.market):
        return None
    seat.client_id = order.client_id
    return order


def cancel_order(seat: Seat) -> dict[str, Any]:
    contract(seat.floor, seat.params.get("contract_code"))
    order = find(seat)
    cancel(seat, order)
    assert order is not None
    return good(seat, named(order))


def cancel_batch(seat: Seat) -> dict[str, Any]:
    """Ten at most, by order id or by client id; each has its own outcome."""
    market = contract(seat.floor, seat.params.get("contract_code"))
    name = "order_id" if seat.params.get("order_id") else "client_order_id"
    given = seat.params.get(name)
    if not isinstance(given, list) or not 1 <= len(given) <= 10:
        raise Refusal(1030, f"Parameter error: {name}.")
    results: list[dict[str, Any]] = []
    for text in given:
        order = by_number(seat, text) if name == "order_id" else by_name(seat, text)
        try:
            cancel(seat, order if order is not None and order.market is market else None)
            assert order is not None
            results.append({"code": 200, "message": "Success", **named(order)})
        except Refusal as refusal:
            results.append(_refused(refusal, {name: text}, (name,)))
    return good(seat, results)


def cancel_all(seat: Seat) -> dict[str, Any]:
    side = str(seat.params.get("side", "")).upper()
    orders = [o for o in linear_orders(seat, done=False) if side in ("", o.side)]
    for order in orders:
        cancel(seat, order)
    return good(seat, [{"code": 200, "message": "Success", **named(o)} for o in orders])
