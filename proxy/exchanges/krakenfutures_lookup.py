"""Looking up Kraken Futures orders whose answer was lost, and what the lost answer would have said.

`orders/status` knows open orders, and those that ended in the last five seconds; what ended earlier is in the history,
which lags behind by nobody says how much.

Sources: docs.kraken.com futures-api references get-order-status, get-open-orders, get-order-events, send-order,
edit-order, cancel-order, cancel-all-orders, send-batch-order.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges.evidence import swept
from proxy.exchanges.form import readable
from proxy.exchanges.krakenfutures_errors import API, BATCH, NOT_EXECUTED, STATUS_OF, error_of
from proxy.exchanges.krakenfutures_orders import CANCEL, EDIT, RULES, SEND, parts
from proxy.exchanges.krakenfutures_shown import (
    FILLED,
    OPEN,
    SHOWN,
    by_event,
    by_list,
    by_status,
    moment_ms,
    part_filled,
)
from proxy.exchanges.lookup import CANNOT_TELL, SKEW_MS, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row
from proxy.model import CallClass, Endpoint, Incoming, Reply

# That a history is complete after ten seconds is a guess, as nobody states it.
ABSENCE = Absence(after_ms=10_000, looks=3, apart_ms=2_000)

_ALL = f"POST {API}cancelallorders"
_LATEST_MS = 60_000  # a call that was signed at some moment has done by then what it does
_BY = (("cliOrdId", "cliOrdIds"),)
_BY_EITHER = (("order_id", "orderIds"), ("orderId", "orderIds"), *_BY)
_PERIOD = "since={since_ms}&before={before_ms}&sort=asc"
_OPEN_ORDERS = f"GET {API}openorders"


def _looks(by: tuple[tuple[str, str], ...]) -> tuple[Look, ...]:
    return (
        # Both of an id: an earlier order that is shown under it is another one.
        Look(f"POST {API}orders/status", by, "{as}={id}", lists=True, read=by_status),
        Look(_OPEN_ORDERS, by, lists=True, read=by_list),
        Look("GET /api/history/v2/orders", by, _PERIOD, lists=True, more="continuationToken", read=by_event),
    )


_TRIGGERS = Look(
    "GET /api/history/v2/triggers", _BY_EITHER, _PERIOD, lists=True, more="continuationToken", read=by_event
)
_PLACES: Mapping[str, tuple[Look, ...]] = {
    SEND.name: _looks(_BY),
    CANCEL.name: (*_looks(_BY_EITHER), _TRIGGERS),
    # Prices in orders/status have been seen to be off (ccxt issue 27996), which would look like an edit not made.
    EDIT.name: (*_looks(_BY_EITHER)[1:], _TRIGGERS),
}


def _code(told: Any, reply: Reply) -> str | None:
    return (error_of(told) or None) if isinstance(told, dict) else "garbage"


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """As the exchange answers that call, with the one event that every such answer has."""
    shown = {name: value for name, value in order.items() if name not in ("status", "size", "priceTriggerOptions")}
    number, at = order.get("orderId"), order.get("timestamp")
    event: dict[str, Any]
    if endpoint.name == SEND.name:
        shown["type"] = row.get("orderType") or shown.get("type")
        event = {"type": "PLACE", "order": shown, "reducedQuantity": None}
        status = {"order_id": number, "status": "placed", "receivedTime": at}
    elif endpoint.name == EDIT.name:
        event = {"type": "EDIT", "new": shown, "reducedQuantity": None}
        status = {"orderId": number, "status": "edited", "receivedTime": order.get("lastUpdateTimestamp")}
    else:
        event = {"type": "CANCEL", "uid": number, "order": shown}
        status = {"order_id": number, "status": "cancelled", "receivedTime": order.get("lastUpdateTimestamp")}
    return _answer(endpoint, {**status, "cliOrdId": order.get("cliOrdId"), "orderEvents": [event]})


def _answer(endpoint: Endpoint, status: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"result": "success", STATUS_OF[endpoint.name]: status})


_LOOKS = OrderLooks(RULES, lambda endpoint: _PLACES.get(endpoint.name, ()), lambda endpoint: SHOWN, _code, _ack)


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """None for a batch with an instruction that cannot be looked up, as the truth would be told of the others only."""
    if endpoint.name == _ALL:
        return (Lookup(_OPEN_ORDERS, Incoming("GET", f"{API}openorders", "", (), b""), "", 0, since_ms),)
    found: list[Lookup] = []
    before = {"before_ms": str(since_ms + _LATEST_MS)}
    for item, (part, row) in enumerate(parts(endpoint, params)):
        asked = _LOOKS.lookups(part, request, {**_texts(row), **before}, since_ms)
        if not asked:
            return ()
        found += [replace(lookup, item=item, request=_in_body(lookup.request)) for lookup in asked]
    return tuple(found)


def _texts(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in row.items() if value is not None}


def _in_body(request: Incoming) -> Incoming:
    """A POST has its parameters in a form."""
    if request.method == "GET":
        return request
    return Incoming(request.method, request.path, "", request.headers, request.query.encode())


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    if endpoint.name == _ALL:
        return _swept(params, lookup, reply)
    part, row = parts(endpoint, params)[lookup.item]
    found = _LOOKS.found(part, request, _texts(row), replace(lookup, item=0), reply)
    return _edited(found, row, lookup, reply) if part.name == EDIT.name else found


def _edited(found: Finding, row: Row, lookup: Lookup, reply: Reply) -> Finding:
    """Whether a new size counts what was filled before, nobody says: then a size that differs proves nothing."""
    if found.state not in (Found.NOT_SO_FAR, Found.NEVER) or not row.get("size"):
        return found
    told = orjson.loads(readable(reply) or b"")
    read = by_list if lookup.endpoint == _OPEN_ORDERS else by_event
    doubtful = (
        part_filled(one) and one["status"] in OPEN and moment_ms(one, SHOWN.updated) >= lookup.since_ms - SKEW_MS
        for one in read(told) or ()
        if lookup.id in (one["orderId"], one["cliOrdId"])
    )
    return CANNOT_TELL if any(doubtful) else found


def _swept(params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    """Which orders it cancelled cannot be said any more, so there is no answer to make up."""
    try:
        listed = by_list(orjson.loads(readable(reply) or b""))
    except orjson.JSONDecodeError:
        return CANNOT_TELL
    if listed is None or reply.status != 200:
        return CANNOT_TELL
    symbol = params.get("symbol", "").upper()
    meant = [row for row in listed if not symbol or str(row.get("symbol")).upper() == symbol]
    return Finding(swept([moment_ms(row, SHOWN.made) for row in meant], lookup.since_ms, reply))


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    if endpoint.name != BATCH:
        return _single(endpoint, params, findings)
    written = parts(endpoint, params)
    if findings.keys() != set(range(len(written))):
        return None
    if not any(_says(part, findings[item]) for item, (part, _) in enumerate(written)):
        return None
    told = [_row(part, row, findings[item]) for item, (part, row) in enumerate(written)]
    return Rebuilt(200, orjson.dumps({"result": "success", "batchStatus": told}))


def _says(part: Endpoint, found: Finding) -> bool:
    """Whether the exchange would have spoken of it: done, or a cancel that came too late."""
    return found.state is Found.DONE or (found.state is Found.NEVER and part.call_class is CallClass.CANCEL)


def _single(endpoint: Endpoint, params: Mapping[str, str], findings: Mapping[int, Finding]) -> Rebuilt | None:
    if len(findings) != 1:
        return None
    [found] = findings.values()
    if found.state is Found.DONE and found.body:
        return Rebuilt(200, found.body)
    if found.state is Found.NEVER and endpoint.name == CANCEL.name:
        return Rebuilt(200, _answer(endpoint, _too_late(params, found)))
    return None


def _too_late(row: Row, found: Finding) -> dict[str, Any]:
    status = "filled" if found.order.get("status") == FILLED else "notFound"
    return {"status": status, **_ids(row), "orderEvents": []}


def _row(part: Endpoint, row: Row, found: Finding) -> dict[str, Any]:
    tag = {"order_tag": row["order_tag"]} if "order_tag" in row else {}
    if found.state is Found.DONE:
        return {**tag, **orjson.loads(found.body)[STATUS_OF[part.name]]}
    if _says(part, found):
        return _too_late(row, found)
    return {**tag, "status": NOT_EXECUTED, **_ids(row), "orderEvents": []}


def _ids(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("order_id", "cliOrdId") if row.get(name)}
