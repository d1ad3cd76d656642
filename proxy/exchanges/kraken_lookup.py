"""Looking up Kraken orders whose answer was lost.

Sources: docs.kraken.com references get-open-orders, get-closed-orders and get-orders-info (which takes no cl_ord_id),
guide spot-clordid.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges.kraken_orders import orders as named
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.model import CallClass, Endpoint, Incoming, Reply

# Orders were seen to come up to a minute late when the engine was in trouble.
ABSENCE = Absence(after_ms=60_000, looks=3)

_ROW = "/0/private/"
_ADD, _BATCH = f"POST {_ROW}AddOrder", f"POST {_ROW}AddOrderBatch"
_BY_TXID, _OPEN, _CLOSED = (f"POST {_ROW}{name}" for name in ("QueryOrders", "OpenOrders", "ClosedOrders"))
_OVER = frozenset({"closed", "canceled", "expired"})


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Open orders first, so that one which is filled between the questions is not missed.

    Of a cancel or change by userref none: it may mean any number of orders.
    """
    if endpoint.name == _BATCH:
        rows = list(_rows(params.get("orders", "")))
        return tuple(
            lookup
            for item, row in enumerate(rows)
            for lookup in _placed(row.get("cl_ord_id"), row.get("userref"), item, since_ms)
        )
    if endpoint.name == _ADD:
        return tuple(_placed(params.get("cl_ord_id"), params.get("userref"), 0, since_ms))
    if endpoint.call_class not in (CallClass.CANCEL, CallClass.AMEND):
        return ()
    found: list[Lookup] = []
    for item, text in enumerate(named(endpoint, params).own):
        if text.lstrip("-").isdigit():
            continue
        if _is_txid(text):
            found.append(_ask(_BY_TXID, "txid", text, item, 0))
        else:
            found += [_ask(_OPEN, "cl_ord_id", text, item, 0), _ask(_CLOSED, "cl_ord_id", text, item, 0)]
    return tuple(found)


def _placed(client_id: Any, userref: Any, item: int, since_ms: int) -> Iterator[Lookup]:
    name, value = ("cl_ord_id", client_id) if client_id else ("userref", userref)
    if value not in (None, ""):
        yield _ask(_OPEN, name, str(value), item, since_ms)
        yield _ask(_CLOSED, name, str(value), item, since_ms)


def _ask(where: str, name: str, value: str, item: int, since_ms: int) -> Lookup:
    body = f"{name}={quote(value, safe='')}".encode()
    return Lookup(where, Incoming("POST", where.partition(" ")[2], "", (), body), value, item, since_ms)


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    """Of several new orders under one name, or of one under a userref, it cannot be told whether it is this call's."""
    try:
        told = orjson.loads(reply.body)
        errors, result = told["error"], told.get("result", {})
        if lookup.endpoint == _BY_TXID and errors == ["EOrder:Unknown order"]:
            return NOT_SO_FAR
        if reply.status != 200 or any(text[:1] == "E" for text in errors):
            return CANNOT_TELL
        rows = result if lookup.endpoint == _BY_TXID else result["open" if lookup.endpoint == _OPEN else "closed"]
        since_s = (lookup.since_ms - SKEW_MS) / 1000
        new = {txid: row for txid, row in rows.items() if float(row["opentm"]) >= since_s}
    except (ValueError, TypeError, LookupError, AttributeError):
        return CANNOT_TELL
    if not new:
        return NOT_SO_FAR
    [(txid, row), *others] = new.items()
    if others or lookup.id not in (txid, row.get("cl_ord_id")):
        return CANNOT_TELL
    if endpoint.call_class is CallClass.CANCEL and row.get("status") not in _OVER:
        return NOT_SO_FAR
    return Finding(Found.DONE, _as_answered(endpoint, txid, row), {"txid": txid, **row})


def _as_answered(endpoint: Endpoint, txid: str, row: Mapping[str, Any]) -> bytes:
    told = row.get("descr") or {}
    descr = {"order": told.get("order")} | ({"close": told["close"]} if told.get("close") else {})
    if endpoint.name == _ADD:
        return orjson.dumps({"error": [], "result": {"descr": descr, "txid": [txid]}})
    if endpoint.name == _BATCH:
        return orjson.dumps({"descr": descr, "txid": txid})
    if endpoint.name == f"POST {_ROW}CancelOrder" and row.get("status") == "canceled":
        return b'{"error":[],"result":{"count":1}}'
    return b""


def _is_txid(text: str) -> bool:
    return len(text) == 19 and text[:1] == "O" and text[6:7] == text[12:13] == "-"


def _rows(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    yield from (row if isinstance(row, dict) else {} for row in (rows if isinstance(rows, list) else ()))
