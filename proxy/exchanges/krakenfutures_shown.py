"""Kraken Futures orders as its answers show them, brought to one form: that of an order in `orders/status`.

Sources: docs.kraken.com futures-api references get-order-status, get-open-orders, get-order-events, get-trigger-events;
answers noted in github ccxt/ccxt krakenfutures.py. State of 2026-08-21.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proxy.exchanges.evidence import number, whole_ms
from proxy.exchanges.order_looks import Shown

Row = Mapping[str, Any]

FILLED = "FULLY_EXECUTED"
_CANCELLED = "CANCELLED"
_REJECTED = "REJECTED"
_PLACED = "PLACED"  # an event after which the order may be open
OPEN = frozenset({"ENTERED_BOOK", "TRIGGER_PLACED", "PARTIALLY_FILLED", "UNTOUCHED", _PLACED})

SHOWN = Shown(
    ids=("orderId", "cliOrdId"),
    own="orderId",
    status="status",
    open=OPEN,
    cancelled=frozenset({_CANCELLED}),
    made="timestamp",
    rejected=frozenset({_REJECTED}),
    updated="lastUpdateTimestamp",
    amended={"size": "size", "limitPrice": "limitPrice", "stopPrice": "stopPrice"},
)

# Event of the history -> the order's state after it. Events of edits that were refused say nothing of it.
_EVENTS = {
    "OrderPlaced": _PLACED,
    "OrderUpdated": _PLACED,
    "OrderCancelled": _CANCELLED,
    "OrderRejected": _REJECTED,
    "OrderTriggerPlaced": _PLACED,
    "OrderTriggerUpdated": _PLACED,
    "OrderTriggerCancelled": _CANCELLED,
    "OrderTriggerActivated": _PLACED,
}


def by_status(told: Any) -> list[Row] | None:
    """Of `orders/status`. One that the exchange does not know is left out, or there without its order."""
    listed = _list(told, "orders")
    if listed is None:
        return None
    found: list[Row] = []
    for entry in listed:
        order = entry.get("order")
        if isinstance(order, dict):
            trigger = order.get("priceTriggerOptions")
            price = trigger.get("triggerPrice") if isinstance(trigger, dict) else order.get("stopPrice")
            found.append({**order, "size": _sum(order), "stopPrice": price, "status": entry.get("status")})
    return found


def by_list(told: Any) -> list[Row] | None:
    """Of `openorders`."""
    listed = _list(told, "openOrders")
    if listed is None:
        return None
    return [
        {
            "orderId": row.get("order_id"),
            "cliOrdId": row.get("cliOrdId"),
            "type": row.get("orderType"),
            "symbol": row.get("symbol"),
            "side": row.get("side"),
            "quantity": row.get("unfilledSize"),
            "filled": row.get("filledSize"),
            "size": _sum({"quantity": row.get("unfilledSize"), "filled": row.get("filledSize")}),
            "limitPrice": row.get("limitPrice"),
            "stopPrice": row.get("stopPrice"),
            "reduceOnly": row.get("reduceOnly"),
            "timestamp": row.get("receivedTime"),
            "lastUpdateTimestamp": row.get("lastUpdateTime"),
            "status": "ENTERED_BOOK",
        }
        for row in listed
    ]


def by_event(told: Any) -> list[Row] | None:
    """Of the order and trigger history, oldest first: each order as its last event leaves it."""
    listed = _list(told, "elements")
    if listed is None:
        return None
    found: dict[str, Row] = {}
    for element in listed:
        event = element.get("event")
        for name, told_of in event.items() if isinstance(event, dict) else ():
            if name not in _EVENTS or not isinstance(told_of, dict):
                continue
            order = told_of.get("newOrder") or told_of.get("order") or told_of.get("orderTrigger")
            if isinstance(order, dict):
                row = _of_history(order, name, str(told_of.get("reason")), element.get("timestamp"))
                found[str(row["orderId"])] = row
    return list(found.values())


def _of_history(order: Row, event: str, reason: str, at_ms: Any) -> Row:
    status = FILLED if reason == "full_fill" else _EVENTS[event]
    return {
        "orderId": order.get("uid"),
        "cliOrdId": order.get("clientId") or None,
        "type": str(order.get("orderType", "")).lower(),
        "symbol": order.get("tradeable"),
        "side": str(order.get("direction", "")).lower(),
        "quantity": order.get("quantity"),
        "filled": order.get("filled"),
        "size": _sum(order),
        "limitPrice": order.get("limitPrice"),
        "stopPrice": order.get("triggerPrice") or order.get("stopPrice"),
        "reduceOnly": order.get("reduceOnly"),
        "timestamp": _iso(order.get("timestamp")),
        "lastUpdateTimestamp": _iso(at_ms or order.get("lastUpdateTimestamp")),
        "status": status,
    }


def _list(told: Any, name: str) -> list[Row] | None:
    listed = told.get(name) if isinstance(told, dict) else None
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        return None
    return listed


def _sum(order: Row) -> str | None:
    """The size that an order has altogether: what an answer calls its quantity is what is left of it."""
    left, filled = (_number(order.get(name)) for name in ("quantity", "filled"))
    return str(left + filled) if left is not None and filled is not None else None


def part_filled(order: Row) -> bool:
    return bool(_number(order.get("filled")))


def moment_ms(order: Row, name: str) -> int:
    """A time of an order; 0 if it shows none."""
    try:
        return int(datetime.fromisoformat(str(order.get(name))).timestamp() * 1000)
    except ValueError:
        return 0


def _number(value: Any) -> Decimal | None:
    return number(repr(value) if isinstance(value, float) else value)


def _iso(value: Any) -> Any:
    """A time in ms as the other answers write it."""
    at_ms = whole_ms(value)
    if at_ms is None:
        return value
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
