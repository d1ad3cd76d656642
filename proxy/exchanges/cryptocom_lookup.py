"""Looking up Crypto.com orders whose answer was lost.

Sources: exchange-developer.crypto.com get-order-detail (client_oid since 2022-11-30), get-open-orders,
get-order-history, and their advanced forms for trigger orders, which the plain ones do not know.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.errors import BadCall
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.exchanges.members import members
from proxy.model import CallClass, Endpoint, Incoming, Reply

# Orders are taken in first and processed later; how soon they can be seen is not told.
ABSENCE = Absence(after_ms=5_000, looks=3)

_ROW = "/exchange/v1/"
_DETAIL, _OPEN_LIST, _PAST_LIST = "get-order-detail", "get-open-orders", "get-order-history"
_NO_SUCH_ORDER = frozenset({"40401", "212"})
_OPEN = frozenset({"NEW", "PENDING", "ACTIVE"})
_PAGE = 100  # a list of past orders that has so many rows may go on


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Per order: itself, then the lists of open and of past orders, which are asked for only to prove absence."""
    if endpoint.call_class not in (CallClass.PLACE, CallClass.CANCEL, CallClass.AMEND):
        return ()
    placing = endpoint.call_class is CallClass.PLACE
    method = endpoint.name.rpartition("/private/")[2]
    root = "private/advanced/" if method.startswith("advanced/") else "private/"
    rows: list[Mapping[str, Any]] = list(_rows(params["order_list"])) if "order_list" in params else [params]
    names = ("client_oid",) if placing else ("order_id", "orig_client_oid", "client_oid")
    found = []
    for item, row in enumerate(rows):
        given = next(((name, str(row[name])) for name in names if row.get(name)), None)
        if given is None:
            continue
        name, value = "order_id" if given[0] == "order_id" else "client_oid", given[1]
        since = since_ms if placing else 0
        found.append(_ask(root + _DETAIL, {name: value}, value, item, since))
        if placing and row.get("instrument_name"):
            market = {"instrument_name": str(row["instrument_name"])}
            start = {"start_time": f"{(since - SKEW_MS) * 1_000_000}", "limit": str(_PAGE)}
            found.append(_ask(root + _OPEN_LIST, market, value, item, since))
            found.append(_ask(root + _PAST_LIST, market | start, value, item, since))
    return tuple(found)


def _ask(method: str, params: Mapping[str, str], value: str, item: int, since_ms: int) -> Lookup:
    body = orjson.dumps({"method": method, "params": params})
    return Lookup(f"POST {_ROW}{method}", Incoming("POST", _ROW + method, "", (), body), value, item, since_ms)


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    try:
        told = orjson.loads(reply.body)
        code, result = str(told["code"]), told.get("result")
    except (ValueError, TypeError, LookupError, AttributeError):
        return CANNOT_TELL
    detail = lookup.endpoint.endswith(_DETAIL)
    if detail and code in _NO_SUCH_ORDER:
        return NOT_SO_FAR
    if reply.status != 200 or code != "0" or not isinstance(result, dict):
        return CANNOT_TELL
    rows = [result] if detail else result.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return CANNOT_TELL
    own = [row for row in rows if lookup.id in (row.get("client_oid"), row.get("order_id"))]
    new = [row for row in own if not lookup.since_ms or _made_ms(row) >= lookup.since_ms - SKEW_MS]
    if len(new) == 1:
        [row] = new
        if endpoint.call_class is CallClass.CANCEL and row.get("status") in _OPEN:
            return NOT_SO_FAR
        return Finding(Found.DONE, _as_answered(endpoint, request, lookup, row), row)
    goes_on = lookup.endpoint.endswith(_PAST_LIST) and len(rows) >= _PAGE
    return CANNOT_TELL if detail or new or goes_on else NOT_SO_FAR


def _made_ms(row: Mapping[str, Any]) -> int:
    made_ms = row.get("create_time")
    return made_ms if isinstance(made_ms, int) else 0


def _as_answered(endpoint: Endpoint, request: Incoming, lookup: Lookup, row: Mapping[str, Any]) -> bytes:
    """An accepted amend or cancel answers in the same form, but says nothing of whether it was carried out."""
    if endpoint.call_class is not CallClass.PLACE:
        return b""
    told = {"client_oid": row.get("client_oid"), "order_id": row.get("order_id")}
    method = endpoint.name.partition(_ROW)[2]
    if method.endswith("create-order"):
        try:
            number = next((m.raw for m in members(request.body) if m.name == "id" and m.value is not None), "-1")
        except BadCall:
            number = "-1"
        head = f'{{"id":{number},"method":{json.dumps(method)},"code":0,"result":'
        return head.encode() + orjson.dumps(told) + b"}"
    return orjson.dumps({"index": lookup.item, "code": 0, **told})


def _rows(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    yield from (row if isinstance(row, dict) else {} for row in (rows if isinstance(rows, list) else ()))
