"""Coinbase's order calls (Advanced Trade orders)."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.coinbase.ticket import (
    CONFIGURATIONS,
    Rejected,
    Seat,
    Ticket,
    by_id,
    check,
    order_id,
    price_of,
    read_ticket,
    rejection,
    size_of,
)
from proxy.simulator.coinbase.wire import body_of, invalid, number_of, product_id, read_iso, text_of
from proxy.simulator.orders import NoFunds, Order, crosses

MOST_CANCELS = 100


def place(seat: Seat) -> Any:
    """A client_order_id that has been used makes no new order: the old one is what is answered."""
    data = body_of(seat.asked)
    seat.client_id = name = text_of(data, "client_order_id")
    if not name:
        raise invalid("client_order_id is required")
    order = seat.desk.by_client_id(name)
    if order is None:
        try:
            order = _open(seat, read_ticket(seat, data), name)
        except Rejected as rejected:
            seat.outcome = rejected.error
            return failed(rejected, data.get("order_configuration"))
    return {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": order_id(order),
        "success_response": {
            "order_id": order_id(order),
            "product_id": product_id(order.market),
            "side": order.side,
            "client_order_id": name,
            "attached_order_id": "",
        },
        "order_configuration": shown_configuration(order),
    }


def failed(rejected: Rejected, config: Any) -> dict[str, Any]:
    told = {
        "error": rejected.error,
        "message": rejected.message,
        "error_details": "",
        "preview_failure_reason": rejected.preview,
        "new_order_failure_reason": rejected.error,
    }
    head = {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "order_id": ""}
    return {**head, "error_response": told, "order_configuration": config}


def _open(seat: Seat, ticket: Ticket, name: str) -> Order:
    check(seat, ticket)
    force, limit = CONFIGURATIONS[ticket.kind]
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            ticket.market,
            ticket.side,
            "LIMIT" if limit else "MARKET",
            ticket.quantity,
            ticket.price,
            name,
            seat.now_ms,
            force,
        )
    except NoFunds:
        raise rejection("INSUFFICIENT_FUND", "Insufficient balance in source account") from None
    order.tags.update({"kind": ticket.kind, **ticket.sizes})
    seat.floor.ledger.execute("coinbase", order, given_id=True)
    return order


def shown_configuration(order: Order) -> dict[str, Any]:
    named = ("base_size", "quote_size", "limit_price", "end_time")
    row: dict[str, Any] = {name: order.tags[name] for name in named if name in order.tags}
    if order.tags["kind"].startswith("limit_limit_gt"):
        row["post_only"] = order.tags.get("post_only") == "true"
    return {order.tags["kind"]: row}


def preview(seat: Seat) -> Any:
    data = body_of(seat.asked)
    try:
        ticket = read_ticket(seat, data)
        check(seat, ticket)
    except Rejected as rejected:
        return {"errs": [rejected.preview], "order_total": "0", "warning": []}
    price = ticket.price or ticket.market.ask
    best = {"best_bid": f"{ticket.market.bid:f}", "best_ask": f"{ticket.market.ask:f}"}
    sizes = {"base_size": f"{ticket.quantity:f}", "quote_size": f"{ticket.quantity * price:f}"}
    return {"order_total": sizes["quote_size"], "commission_total": "0", "errs": [], "warning": [], **sizes, **best}


def batch_cancel(seat: Seat) -> Any:
    names = body_of(seat.asked).get("order_ids")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise invalid("order_ids is required")
    if len(names) > MOST_CANCELS:
        raise invalid(f"order_ids may hold {MOST_CANCELS} at most")
    results, seen = [], set[str]()
    for name in names:
        order = by_id(seat.desk, name)
        reason = "UNKNOWN_CANCEL_FAILURE_REASON"
        if name in seen:
            reason = "DUPLICATE_CANCEL_REQUEST"
        elif order is None or not order.open:
            reason = "UNKNOWN_CANCEL_ORDER"
        else:
            seat.desk.cancel(order, seat.now_ms)
        done = reason == "UNKNOWN_CANCEL_FAILURE_REASON"
        results.append({"success": done, "failure_reason": reason, "order_id": name})
        seen.add(name)
    return {"results": results}


def edit(seat: Seat) -> Any:
    """Price and size of a resting order that is good till canceled."""
    reason = _edit(seat, body_of(seat.asked), really=True)
    if not reason:
        return {"success": True, "errors": []}
    seat.outcome = reason
    return {"success": False, "errors": [{"edit_failure_reason": reason}]}


def edit_preview(seat: Seat) -> Any:
    reason = _edit(seat, body_of(seat.asked), really=False)
    return {"errors": [{"edit_failure_reason": reason}] if reason else [], "slippage": "0", "order_total": "0"}


def _edit(seat: Seat, data: Mapping[str, Any], really: bool) -> str:
    order = by_id(seat.desk, text_of(data, "order_id"))
    if order is None:
        return "ORDER_NOT_FOUND"
    seat.client_id = order.client_id
    if seat.key.account.suspended(seat.now_ms):
        return "EDIT_REQUEST_REJECTED"
    if not order.open or order.price is None:
        return "INVALID_ORIGINAL_ORDER"
    if order.tags["kind"] != "limit_limit_gtc":
        return "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
    try:
        price = price_of(order.market, number_of(data, "price") or order.price)
    except Rejected:
        return "INVALID_EDITED_PRICE"
    try:
        size = size_of(order.market, number_of(data, "size") or order.quantity)
    except Rejected:
        return "INVALID_EDITED_SIZE"
    changed = Order(0, "", order.market, order.side, "LIMIT", size, price, "", 0)
    if order.tags.get("post_only") == "true" and crosses(changed, order.market):
        return "INVALID_EDITED_PRICE"
    if really:
        try:
            seat.desk.amend(order, size, price, seat.now_ms)
        except NoFunds:
            return "EDIT_REQUEST_REJECTED"
        order.tags.update({"limit_price": f"{price:f}", "base_size": f"{size:f}"})
    return ""


def expire(seat: Seat) -> None:
    """End the orders of the account whose time is over."""
    for order in seat.desk.open_orders():
        if "end_time" in order.tags and read_iso(order.tags["end_time"]) <= seat.now_ms:
            seat.desk.cancel(order, seat.now_ms)
            order.status = "EXPIRED"
