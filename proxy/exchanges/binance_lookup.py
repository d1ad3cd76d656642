"""Looking up Binance orders whose answer was lost.

Sources: binance-spot-api-docs rest-api.md: Query order, Query order list (data source: memory and database, which may
lag behind the engine), response types of New order; errors.md.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.model import CallClass, Endpoint, Incoming, Reply

ABSENCE = Absence(after_ms=2_000, looks=3)

_ORDER, _LIST = "/api/v3/order", "/api/v3/orderList"
_NO_SUCH_ORDER = -2013
_OPEN = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_NOT_IN_REPORTS = frozenset({"time", "updateTime", "isWorking"})  # of a queried order
_ZERO = "0.00000000"
_ACK = ("symbol", "orderId", "orderListId", "clientOrderId")


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """One per write; of cancelReplace, the new order. A cancel of all orders names none, and an order without an id
    cannot be asked for.
    """
    path = endpoint.name.partition(" ")[2]
    if path == "/api/v3/openOrders" or endpoint.call_class not in (CallClass.PLACE, CallClass.AMEND, CallClass.CANCEL):
        return ()
    listed = path.startswith(_LIST) or path == "/api/v3/order/oco"
    cancel = endpoint.call_class is CallClass.CANCEL
    wanted: tuple[tuple[str, str], ...]
    if not cancel:
        wanted = (("origClientOrderId", "listClientOrderId" if listed else "newClientOrderId"),)
    elif listed:
        wanted = (("orderListId", "orderListId"), ("origClientOrderId", "listClientOrderId"))
    else:
        wanted = (("orderId", "orderId"), ("origClientOrderId", "origClientOrderId"))
    for name, given in wanted:
        if value := params.get(given):
            symbol = "" if listed else f"symbol={quote(params.get('symbol', ''), safe='')}&"
            where = _LIST if listed else _ORDER
            asked = Incoming("GET", where, f"{symbol}{name}={quote(value, safe='')}", (), b"")
            # Amended orders keep their time.
            since = since_ms if endpoint.call_class is CallClass.PLACE else 0
            return (Lookup(f"GET {where}", asked, value, since_ms=since),)
    return ()


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    told = _object(reply.body)
    if reply.status == 400 and told.get("code") == _NO_SUCH_ORDER:
        return NOT_SO_FAR
    listed = lookup.endpoint == f"GET {_LIST}"
    names = ("listClientOrderId", "orderListId") if listed else ("clientOrderId", "orderId")
    if reply.status != 200 or lookup.id not in (str(told.get(name)) for name in names):
        return CANNOT_TELL
    made_ms = told.get("transactionTime" if listed else "time")
    if lookup.since_ms and not (isinstance(made_ms, int) and made_ms >= lookup.since_ms - SKEW_MS):
        return CANNOT_TELL  # an earlier order of this id; whether there is a newer one, it does not say
    if listed:
        return Finding(Found.DONE, reply.body if endpoint.call_class is CallClass.PLACE else b"", told)
    if endpoint.call_class is CallClass.CANCEL and told.get("status") in _OPEN:
        return Finding(Found.NOT_SO_FAR, b"", told)
    return Finding(Found.DONE, _as_answered(endpoint, params, told), told)


def _as_answered(endpoint: Endpoint, params: Mapping[str, str], order: Mapping[str, Any]) -> bytes:
    report = {name: value for name, value in order.items() if name not in _NOT_IN_REPORTS}
    for name in ("stopPrice", "icebergQty"):  # only in answers to orders that have them
        if report.get(name) == _ZERO:
            del report[name]
    if endpoint.name in (f"POST {_ORDER}", "POST /api/v3/sor/order"):
        report["transactTime"] = order.get("time")
        kind = params.get("newOrderRespType") or ("FULL" if order.get("type") in ("LIMIT", "MARKET") else "ACK")
        if kind == "ACK":
            report = {name: report.get(name) for name in (*_ACK, "transactTime")}
        elif kind == "FULL" and float(order.get("executedQty") or 0) == 0:
            report["fills"] = []  # the fills themselves are told elsewhere
        return orjson.dumps(report)
    if endpoint.name == f"DELETE {_ORDER}" and order.get("status") == "CANCELED":
        report.pop("workingTime", None)
        report |= {
            "origClientOrderId": order.get("clientOrderId"),
            "clientOrderId": params.get("newClientOrderId") or order.get("clientOrderId"),
            "transactTime": order.get("updateTime"),
        }
        return orjson.dumps(report)
    return b""


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
