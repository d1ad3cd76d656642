"""The older contract paths, /linear-swap-api: isolated margin under swap_..., cross margin under swap_cross_..."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import order_id, whole
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

_KINDS = ("limit", "post_only", "ioc", "fok", "market", *BEST)


def ok(seat: Seat, data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": data, "ts": seat.now_ms}


def mode(seat: Seat) -> str:
    return "cross" if "/swap_cross_" in seat.asked.path else "isolated"


def code_of(row: Mapping[str, Any]) -> Any:
    """Cross margin may name the pair instead."""
    return row.get("contract_code") or row.get("pair")


def _wish(seat: Seat, row: Any) -> Wish:
    if not isinstance(row, Mapping):
        raise Refusal(1030, "Parameter error.")
    market = contract(seat.floor, code_of(row))
    side, kind = side_of(row.get("direction")), row.get("order_price_type")
    if kind not in _KINDS:
        raise Refusal(1034, "Incorrect field of order price type.")
    if row.get("offset", "both") not in ("open", "close", "both"):
        raise Refusal(1036, "Incorrect field of open long form.")
    if not whole(row, "lever_rate", 0):
        raise Refusal(1094, "The leverage cannot be empty, please switch the leverage or contact customer service")
    tags = {"mode": mode(seat), "reduce": str(row.get("reduce_only", 0)), "offset": str(row.get("offset", "both"))}
    tags["type"] = kind if kind in ("market", "post_only") else "limit"
    return Wish(market, side, kind, volume_of(row), price_of(row, market, kind), client_id_of(row), tags)


def _named(order: Order) -> dict[str, Any]:
    named: dict[str, Any] = {"order_id": order_id(order), "order_id_str": str(order_id(order))}
    return {**named, "client_order_id": int(order.client_id)} if order.client_id else named


def place(seat: Seat) -> dict[str, Any]:
    return ok(seat, _named(open_order(seat, _wish(seat, seat.params))))


def place_batch(seat: Seat) -> dict[str, Any]:
    """Ten at most; `index` counts from 1."""
    rows = seat.params.get("orders_data")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 10:
        raise Refusal(1030, "Parameter error.")
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for index, row in enumerate(rows, 1):
        try:
            done.append({**_named(open_order(seat, _wish(seat, row))), "index": index})
        except Refusal as refusal:
            failed.append({"index": index, "err_code": refusal.code, "err_msg": refusal.message})
    seat.client_id = ""
    return ok(seat, {"errors": failed, "success": done})


def asked_for(seat: Seat, most: int) -> list[tuple[str, Order | None]]:
    """Ids and their orders; order ids go before client ids."""
    name = "order_id" if seat.params.get("order_id") else "client_order_id"
    texts = [text for text in str(seat.params.get(name) or "").split(",") if text]
    if not 1 <= len(texts) <= most:
        raise Refusal(1030, "Parameter error: order_id.")
    market = contract(seat.floor, code_of(seat.params))
    find = by_number if name == "order_id" else by_name
    found: list[tuple[str, Order | None]] = []
    for text in texts:
        order = find(seat, text)
        fits = order is not None and order.market is market and order.tags.get("mode") == mode(seat)
        found.append((text, order if fits else None))
    if len(found) == 1 and (only := found[0][1]) is not None:
        seat.client_id = only.client_id
    return found


def _outcomes(seat: Seat, orders: list[tuple[str, Order | None]]) -> dict[str, Any]:
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    for text, order in orders:
        try:
            cancel(seat, order)
            done.append(text)
        except Refusal as refusal:
            failed.append({"order_id": text, "err_code": refusal.code, "err_msg": refusal.message})
    return ok(seat, {"errors": failed, "successes": ",".join(done)})


def cancel_orders(seat: Seat) -> dict[str, Any]:
    """Ten at most. A cancel that finds nothing is an "ok" with errors inside."""
    return _outcomes(seat, asked_for(seat, 10))


def cancel_all(seat: Seat) -> dict[str, Any]:
    contract(seat.floor, code_of(seat.params))
    orders = linear_orders(seat, mode(seat), done=False)
    if not orders:
        raise Refusal(1051, "No orders to cancel.")
    return _outcomes(seat, [(str(order_id(o)), o) for o in orders])
