"""Kraken Futures' order calls (send order, edit order, cancel order, batch order management)."""

from typing import Any

from proxy.simulator.krakenfutures.data import contract, required
from proxy.simulator.krakenfutures.spelling import order_id
from proxy.simulator.krakenfutures.trade import Seat, cancel, edit, send, shown
from proxy.simulator.krakenfutures.wire import Refusal, Unplaced, batch_of, iso, time_ms


def check_deadline(seat: Seat, text: str) -> None:
    """processBefore. Which error a late request gets is not published."""
    if not text:
        return
    before = time_ms(text)
    if before is None or seat.now_ms >= before:
        raise Refusal("invalidArgument: processBefore")


def _told(seat: Seat, refused: Unplaced) -> dict[str, Any]:
    return {"status": refused.status, "receivedTime": iso(seat.now_ms), "orderEvents": []}


def send_order(seat: Seat) -> dict[str, Any]:
    check_deadline(seat, seat.params.get("processBefore", ""))
    try:
        return seat.success(sendStatus=send(seat, seat.params))
    except Unplaced as refused:
        return seat.success(sendStatus=_told(seat, refused))


def cancel_order(seat: Seat) -> dict[str, Any]:
    check_deadline(seat, seat.params.get("processBefore", ""))
    try:
        return seat.success(cancelStatus=cancel(seat, seat.params))
    except Unplaced as refused:
        return seat.success(cancelStatus=_told(seat, refused))


def edit_order(seat: Seat) -> dict[str, Any]:
    check_deadline(seat, seat.params.get("processBefore", ""))
    try:
        return seat.success(editStatus=edit(seat, seat.params))
    except Unplaced as refused:
        return seat.success(editStatus=_told(seat, refused))


def cancel_all(seat: Seat) -> dict[str, Any]:
    name = seat.params.get("symbol", "")
    orders = seat.desk.open_orders(contract(seat.floor, name) if name else None)
    for order in orders:
        seat.desk.cancel(order, seat.now_ms)
    status = {
        "receivedTime": iso(seat.now_ms),
        "cancelOnly": name or "all",
        "status": "cancelled" if orders else "noOrdersToCancel",
        "cancelledOrders": [{"order_id": order_id(o), "cliOrdId": o.client_id or None} for o in orders],
        "orderEvents": [{"type": "CANCEL", "uid": order_id(o), "order": shown(o)} for o in orders],
    }
    return seat.success(cancelStatus=status)


def batch(seat: Seat) -> dict[str, Any]:
    """Places, edits and cancels in one call; each has its own outcome."""
    rows, before = batch_of(seat.asked)
    check_deadline(seat, before)
    results = []
    for row in rows:
        tag = {"order_tag": str(row["order_tag"])} if "order_tag" in row else {}
        try:
            if row.get("order") == "send":
                required(row, "order_tag")
                done = send(seat, row)
            elif row.get("order") == "cancel":
                done = cancel(seat, row)
            elif row.get("order") == "edit":
                done = edit(seat, row)
            else:
                raise Unplaced("requiredArgumentMissing")
            done["dateTimeReceived"] = done.pop("receivedTime")
            results.append({**tag, **done})
        except Unplaced as refused:
            results.append({**tag, "status": refused.status, "orderEvents": []})
        except Refusal as refusal:
            results.append({**tag, "status": refusal.error, "orderEvents": []})
    seat.client_id = ""
    return seat.success(batchStatus=results)
