"""Looking up Binance writes whose answer was lost.

Sources: binance-spot-api-docs rest-api.md: Query order, Query order list, Current open orders, All orders, Query order
amendments (data source: memory and database, which may lag behind the engine); enums.md (order status);
faqs/order_amend_keep_priority.md.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges.binance_rebuilt import AMEND, CANCEL, CANCEL_LIST, PLACE, REPLACE, SOR, as_answered
from proxy.exchanges.evidence import number, of_the_write, shows, swept, whole_ms
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.model import CallClass, Endpoint, Incoming, Reply

ABSENCE = Absence(after_ms=2_000, looks=3)

_ROOT = "/api/v3/"
_ORDER, _LIST, _OPEN_ORDERS, _ALL, _CHANGES = (
    f"GET {_ROOT}{name}" for name in ("order", "orderList", "openOrders", "allOrders", "order/amendments")
)
_CANCEL_ALL = f"DELETE {_ROOT}openOrders"
_NO_SUCH_ORDER = -2013
_OPEN = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})
_PAGE = 1_000  # a list of all orders that has so many rows is cut off


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Of cancelReplace, item 0 is the cancel and item 1 the new order. An order without an id cannot be asked for."""
    name, symbol = endpoint.name, params.get("symbol", "")

    def order(by: str, value: str, item: int = 0) -> Lookup:
        return _ask(_ORDER, {"symbol": symbol, by: value}, value, since_ms, item)

    old = _named(params, "orderId", "origClientOrderId")
    new = params.get("newClientOrderId", "")
    if name in (PLACE, SOR):
        return (order("origClientOrderId", new),) if new else ()
    if name == CANCEL:
        return (order(*old),) if old else ()
    if name == REPLACE:
        old = _named(params, "cancelOrderId", "cancelOrigClientOrderId")
        if not old or not new or old == ("origClientOrderId", new):  # two orders of one name
            return ()
        return order(*old), order("origClientOrderId", new, 1)
    if name == AMEND and old and new:
        if old[0] == "orderId":
            return order(*old), _ask(_CHANGES, {"symbol": symbol, "orderId": old[1]}, old[1], since_ms)
        return tuple(order("origClientOrderId", value) for value in dict.fromkeys((new, old[1])))
    if name == _CANCEL_ALL:
        return (_ask(_OPEN_ORDERS, {"symbol": symbol}, symbol, since_ms),) if symbol else ()
    if name == CANCEL_LIST:
        listed = params.get("orderListId", "")
        if not listed:
            return _lists("origClientOrderId", params.get("listClientOrderId", ""), since_ms)
        legs = _ask(_ALL, {"symbol": symbol, "limit": str(_PAGE)}, listed, since_ms)
        return legs, *_lists("orderListId", listed, since_ms)
    if endpoint.call_class is CallClass.PLACE:
        return _lists("origClientOrderId", params.get("listClientOrderId", ""), since_ms)
    return ()


def _named(params: Mapping[str, str], by_number: str, by_text: str) -> tuple[str, str] | None:
    """How the query calls it, and the id. With both, the number is searched first."""
    if value := params.get(by_number):
        return "orderId", value
    value = params.get(by_text)
    return ("origClientOrderId", value) if value else None


def _lists(by: str, value: str, since_ms: int) -> tuple[Lookup, ...]:
    return (_ask(_LIST, {by: value}, value, since_ms),) if value else ()


def _ask(where: str, given: Mapping[str, str], value: str, since_ms: int, item: int = 0) -> Lookup:
    query = "&".join(f"{name}={quote(text, safe='')}" for name, text in given.items())
    return Lookup(where, Incoming("GET", where.partition(" ")[2], query, (), b""), value, item, since_ms)


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    try:
        told = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return CANNOT_TELL
    if isinstance(told, dict) and reply.status == 400 and told.get("code") == _NO_SUCH_ORDER:
        return NOT_SO_FAR
    if reply.status != 200:
        return CANNOT_TELL
    if lookup.endpoint in (_OPEN_ORDERS, _ALL, _CHANGES):
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            return CANNOT_TELL
        if lookup.endpoint == _OPEN_ORDERS:
            made = [whole_ms(row.get("time")) for row in told]
            known = [at_ms for at_ms in made if at_ms is not None]
            return Finding(swept(known, lookup.since_ms, reply)) if len(known) == len(made) else CANNOT_TELL
        return _legs(told, lookup) if lookup.endpoint == _ALL else _changes(told, params, lookup)
    if not isinstance(told, dict):
        return CANNOT_TELL
    names = ("listClientOrderId", "orderListId") if lookup.endpoint == _LIST else ("clientOrderId", "orderId")
    if lookup.id not in (str(told.get(name)) for name in names) and endpoint.name != AMEND:
        return CANNOT_TELL
    if lookup.endpoint == _LIST:
        return _list(endpoint, told, lookup, reply.body)
    if endpoint.name == AMEND:
        return _amended(endpoint, params, lookup, told)
    if endpoint.name == CANCEL or (endpoint.name == REPLACE and lookup.item == 0):
        return _cancelled(params, lookup, told)
    return _placed(endpoint, params, lookup, told)


def _placed(endpoint: Endpoint, params: Mapping[str, str], lookup: Lookup, told: Mapping[str, Any]) -> Finding:
    made_ms = whole_ms(told.get("time"))
    if made_ms is None or made_ms < lookup.since_ms - SKEW_MS:
        return CANNOT_TELL  # an earlier order of this id; whether there is a newer one, it does not say
    if endpoint.name == REPLACE and str(told.get("orderId")) == params.get("cancelOrderId"):
        return CANNOT_TELL  # the old order, which had the same name
    if told.get("status") == "REJECTED" and number(told.get("executedQty")) == 0:
        return Finding(Found.NEVER, b"", told)
    return Finding(Found.DONE, as_answered(PLACE, params, told), told)


def _cancelled(params: Mapping[str, str], lookup: Lookup, told: Mapping[str, Any]) -> Finding:
    """Asked for by the bot's own id, it is taken to be the newest order of that id."""
    state = _ending(lookup, told)
    body = as_answered(CANCEL, params, told) if state is Found.DONE else b""
    return Finding(state, body, told)


def _ending(lookup: Lookup, told: Mapping[str, Any]) -> Found:
    own = "orderId=" in lookup.request.query
    made_ms, ended_ms = whole_ms(told.get("time")), whole_ms(told.get("updateTime"))
    if made_ms is None or ended_ms is None or (not own and made_ms > lookup.since_ms + SKEW_MS):
        return Found.CANNOT_TELL  # a later order of this name
    status = told.get("status")
    if status in _OPEN:
        return Found.NOT_SO_FAR
    if status not in _ENDED:
        return Found.CANNOT_TELL
    if status == "CANCELED" and ended_ms >= lookup.since_ms - SKEW_MS:
        return Found.DONE
    this_one = of_the_write(ended_ms=ended_ms, since_ms=lookup.since_ms, own=own)
    return Found.NEVER if this_one else Found.NOT_SO_FAR


def _amended(endpoint: Endpoint, params: Mapping[str, str], lookup: Lookup, told: Mapping[str, Any]) -> Finding:
    """An amended order has the new quantity under the new id. Quantities only fall, so one that is still above the
    new quantity was not amended; one at or below it under another id may have been amended again since.
    """
    shown, asked = number(told.get("origQty")), number(params.get("newQty"))
    name, new, old = told.get("clientOrderId"), params.get("newClientOrderId"), params.get("origClientOrderId")
    own = "orderId=" in lookup.request.query
    if shown is None or asked is None or (str(told.get("orderId")) != lookup.id if own else name not in (new, old)):
        return CANNOT_TELL
    made_ms, changed_ms = whole_ms(told.get("time")), whole_ms(told.get("updateTime"))
    if made_ms is None or changed_ms is None or (not own and made_ms > lookup.since_ms + SKEW_MS):
        return Finding(Found.CANNOT_TELL, b"", told)
    if name == new and shown == asked and changed_ms >= lookup.since_ms - SKEW_MS:
        return Finding(Found.DONE, as_answered(AMEND, params, told), told)
    filled = number(told.get("executedQty"))
    if shown <= asked or (not own and name != old) or filled is None:
        return CANNOT_TELL
    if told.get("status") == "EXPIRED" and filled >= asked:
        return CANNOT_TELL  # as an amendment to less than is filled already makes it
    state = _ending(lookup, told)
    if state is Found.DONE:  # cancelled as it was
        this_one = of_the_write(ended_ms=changed_ms, since_ms=lookup.since_ms, own=own)
        state = Found.NEVER if this_one else Found.NOT_SO_FAR
    return Finding(state, b"", told)


def _changes(told: list[Mapping[str, Any]], params: Mapping[str, str], lookup: Lookup) -> Finding:
    """The history of an order's amendments, which shows one that was followed by another too."""
    for row in told:
        at_ms = whole_ms(row.get("time"))
        same = shows([(row.get("newQty"), params.get("newQty"))])
        if row.get("newClientOrderId") == params.get("newClientOrderId") and same:
            return Finding(Found.DONE) if at_ms is not None and at_ms >= lookup.since_ms - SKEW_MS else CANNOT_TELL
    return NOT_SO_FAR


def _list(endpoint: Endpoint, told: Mapping[str, Any], lookup: Lookup, body: bytes) -> Finding:
    """A list that is done was filled or cancelled: it does not say which."""
    made_ms, status = whole_ms(told.get("transactionTime")), told.get("listOrderStatus")
    if endpoint.name == CANCEL_LIST:
        this_one = made_ms is not None and made_ms <= lookup.since_ms + SKEW_MS
        return Finding(Found.NOT_SO_FAR, b"", told) if status == "EXECUTING" and this_one else CANNOT_TELL
    if made_ms is None or made_ms < lookup.since_ms - SKEW_MS:
        return CANNOT_TELL
    return Finding(Found.NEVER, b"", told) if status == "REJECT" else Finding(Found.DONE, body, told)


def _legs(told: list[Mapping[str, Any]], lookup: Lookup) -> Finding:
    """The orders of a list, among all of the symbol."""
    legs = [row for row in told if str(row.get("orderListId")) == lookup.id]
    states = {row.get("status") for row in legs}
    if states & _OPEN:
        return NOT_SO_FAR
    if len(told) >= _PAGE or not states <= _ENDED:
        return CANNOT_TELL
    cancelled_ms = [whole_ms(row.get("updateTime")) or 0 for row in legs if row.get("status") == "CANCELED"]
    if cancelled_ms and max(cancelled_ms) >= lookup.since_ms - SKEW_MS:
        return Finding(Found.DONE)
    return Finding(Found.NEVER) if legs else NOT_SO_FAR
