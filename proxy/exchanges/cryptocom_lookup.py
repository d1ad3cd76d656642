"""Looking up Crypto.com writes whose answer was lost.

Sources: exchange-developer.crypto.com get-order-detail (client_oid since 2022-11-30), get-open-orders (all of them, no
pages), get-order-history, amend-order (cancels and creates behind the scene), and their advanced forms for trigger
orders, which the plain ones do not know. Times and codes are numbers in older answers and texts in newer ones.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.cryptocom_rebuilt import ROW, as_answered, method_of
from proxy.exchanges.evidence import number, of_the_write, rows, shows, swept, whole_ms
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.model import CallClass, Endpoint, Incoming, Reply

# Orders are taken in first and processed later; how soon they can be seen is not told.
ABSENCE = Absence(after_ms=5_000, looks=3)

_DETAIL, _OPEN_LIST, _PAST_LIST = "get-order-detail", "get-open-orders", "get-order-history"
_NO_SUCH_ORDER = frozenset({"40401", "212"})
_OPEN = frozenset({"NEW", "PENDING", "ACTIVE"})
_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})
_UNTRIGGERED = frozenset({"LIMIT", "MARKET"})
_PAGE = 100  # a list of past orders that has so many rows may go on


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Of a new order: itself, then the lists of open and of past orders, which are asked for only to prove absence."""
    if endpoint.call_class not in (CallClass.PLACE, CallClass.CANCEL, CallClass.AMEND):
        return ()
    method = method_of(endpoint)
    root = "private/advanced/" if method.startswith("private/advanced/") else "private/"
    if method.endswith("/cancel-all-orders"):
        return _all(root, params, since_ms)
    if endpoint.call_class is CallClass.AMEND:
        return _amends(root, params, since_ms)
    placing = endpoint.call_class is CallClass.PLACE
    listed = rows(params["order_list"]) if "order_list" in params else [params]
    found: list[Lookup] = []
    for item, row in enumerate(listed):
        given = _id(row, ("client_oid",) if placing else ("order_id", "client_oid"))
        if given is None:
            continue
        name, value = given
        found.append(_ask(root + _DETAIL, {name: value}, value, item, since_ms))
        if placing and row.get("instrument_name"):
            market = {"instrument_name": str(row["instrument_name"])}
            start = {"start_time": f"{(since_ms - SKEW_MS) * 1_000_000}", "limit": str(_PAGE)}
            found.append(_ask(root + _OPEN_LIST, market, value, item, since_ms))
            found.append(_ask(root + _PAST_LIST, market | start, value, item, since_ms))
    return tuple(found)


def _all(root: str, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Of advanced orders, no choice among them can be told from their list."""
    if root != "private/" and (params.get("type") or params.get("position_type")):
        return ()
    market = {name: params[name] for name in ("instrument_name",) if params.get(name)}
    return (_ask(root + _OPEN_LIST, market, "", 0, since_ms),)


def _amends(root: str, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """The new order by the id that the call gives it, if any, then the old one."""
    plain = root == "private/"
    old = _id(params, ("order_id", "orig_client_oid") if plain else ("order_id", "client_oid"))
    if old is None:
        return ()
    asked = dict.fromkeys(
        ([("client_oid", params["client_oid"])] if plain and params.get("client_oid") else []) + [old]
    )
    return tuple(_ask(root + _DETAIL, {name: value}, value, 0, since_ms) for name, value in asked)


def _id(row: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, str] | None:
    """How the question calls it, and the id."""
    found = next(((name, str(row[name])) for name in names if row.get(name)), None)
    return found and ("order_id" if found[0] == "order_id" else "client_oid", found[1])


def _ask(method: str, params: Mapping[str, str], value: str, item: int, since_ms: int) -> Lookup:
    body = orjson.dumps({"method": method, "params": params})
    return Lookup(ROW + method, Incoming("POST", "/exchange/v1/" + method, "", (), body), value, item, since_ms)


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
    found = [result] if detail else result.get("data")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        return CANNOT_TELL
    if method_of(endpoint).endswith("/cancel-all-orders"):
        return _swept(endpoint, request, params, lookup, found, reply)
    own = [row for row in found if lookup.id in (row.get("client_oid"), str(row.get("order_id")))]
    if endpoint.call_class is not CallClass.PLACE:
        if len(own) != 1:
            return CANNOT_TELL
        judge = _cancelled if endpoint.call_class is CallClass.CANCEL else _amended
        state = judge(params, lookup, own[0])
        body = as_answered(endpoint, request, lookup.item, own[0]) if state is Found.DONE else b""
        return Finding(state, body, own[0])
    new = [row for row in own if (whole_ms(row.get("create_time")) or 0) >= lookup.since_ms - SKEW_MS]
    if len(new) == 1:
        [row] = new
        if row.get("status") == "REJECTED" and number(row.get("cumulative_quantity")) == 0:
            return Finding(Found.NEVER, b"", row)
        return Finding(Found.DONE, as_answered(endpoint, request, lookup.item, row), row)
    goes_on = lookup.endpoint.endswith(_PAST_LIST) and len(found) >= _PAGE
    return CANNOT_TELL if detail or new or goes_on else NOT_SO_FAR


def _swept(
    endpoint: Endpoint,
    request: Incoming,
    params: Mapping[str, str],
    lookup: Lookup,
    found: list[Mapping[str, Any]],
    reply: Reply,
) -> Finding:
    limits_only = params.get("type") == "LIMIT"
    concerned = [row for row in found if not limits_only or row.get("order_type") in _UNTRIGGERED]
    made = [whole_ms(row.get("create_time")) for row in concerned]
    known = [at_ms for at_ms in made if at_ms is not None]
    if len(known) != len(made):
        return CANNOT_TELL
    state = swept(known, lookup.since_ms, reply)
    return Finding(state, as_answered(endpoint, request, 0, {}) if state is Found.DONE else b"")


def _cancelled(params: Mapping[str, str], lookup: Lookup, row: Mapping[str, Any]) -> Found:
    made_ms, ended_ms, status = _made(lookup, row), whole_ms(row.get("update_time")), row.get("status")
    if made_ms is None or ended_ms is None:
        return Found.CANNOT_TELL
    if status in _OPEN:
        return Found.NOT_SO_FAR
    if status not in _ENDED:
        return Found.CANNOT_TELL
    if status == "CANCELED" and ended_ms >= lookup.since_ms - SKEW_MS:
        return Found.DONE
    this_one = of_the_write(ended_ms=ended_ms, since_ms=lookup.since_ms, own=_by_number(lookup))
    return Found.NEVER if this_one else Found.NOT_SO_FAR


def _amended(params: Mapping[str, str], lookup: Lookup, row: Mapping[str, Any]) -> Found:
    """An amendment may make another order and cancel the old one, so one that was cancelled since proves nothing; nor
    does one that was changed since, but in another way.
    """
    changed_ms, status = whole_ms(row.get("update_time")), row.get("status")
    if changed_ms is None or status not in _OPEN | _ENDED:
        return Found.CANNOT_TELL
    pairs = (("new_price", "limit_price"), ("new_quantity", "quantity"), ("new_ref_price", "ref_price"))
    asked = [(row.get(shown), params[name]) for name, shown in pairs if params.get(name)]
    same, since = shows(asked) if asked else None, changed_ms >= lookup.since_ms - SKEW_MS
    old_names = {params.get("order_id"), params.get("orig_client_oid")} - {None, ""} or {params.get("client_oid")}
    if not old_names & {str(row.get("order_id")), row.get("client_oid")}:  # one of the new name
        return Found.DONE if same and since else Found.CANNOT_TELL
    if same:
        return Found.DONE if status != "REJECTED" else Found.CANNOT_TELL
    made_ms = _made(lookup, row)
    if same is None or made_ms is None or (since and status in _OPEN and changed_ms != made_ms):
        return Found.CANNOT_TELL
    if status in _OPEN:
        return Found.NOT_SO_FAR
    if status == "CANCELED" and since:
        return Found.CANNOT_TELL
    this_one = of_the_write(ended_ms=changed_ms, since_ms=lookup.since_ms, own=_by_number(lookup))
    return Found.NEVER if this_one else Found.NOT_SO_FAR


def _made(lookup: Lookup, row: Mapping[str, Any]) -> int | None:
    """When it was made; None if that is not told, or it is a later order of this name."""
    made_ms = whole_ms(row.get("create_time"))
    later = made_ms is not None and made_ms > lookup.since_ms + SKEW_MS and not _by_number(lookup)
    return None if later else made_ms


def _by_number(lookup: Lookup) -> bool:
    return b'"order_id":' in lookup.request.body
