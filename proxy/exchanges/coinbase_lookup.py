"""Where a lost order of Coinbase Advanced Trade is asked for, and what is made of the answer.

Sending a lost order once more would bring the first one back, as docs.cdp.coinbase.com says; it is looked for instead,
since how long the exchange remembers an id is not documented. Nothing is found by a client order id, so new orders are
listed by time. Sources: docs.cdp.coinbase.com list orders, get order, edit order, cancel orders.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges import coinbase_errors
from proxy.exchanges.coinbase_orders import CANCEL, EDIT, ROOT, RULES, cancelled_ids, configurations
from proxy.exchanges.form import readable
from proxy.exchanges.lookup import CANNOT_TELL, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.model import CallClass, Endpoint, Incoming, Reply

_LIST, _ONE = f"GET {ROOT}orders/historical/batch", f"GET {ROOT}orders/historical/{{order_id}}"
_PAGE = 1000

# How soon a list shows an order is not documented.
ABSENCE = Absence(after_ms=15_000, looks=3, apart_ms=2_000)

_MADE = (
    Look(
        _LIST,
        (("client_order_id", ""),),
        query=f"product_ids={{product_id}}&start_date={{since_iso}}&limit={_PAGE}",
        rows=("orders",),
        lists=True,
        page=_PAGE,
    ),
)
_KNOWN = (
    Look(
        _ONE,
        (("order_id", ""),),
        path=f"{ROOT}orders/historical/{{id}}",
        rows=("order",),
        none=frozenset({coinbase_errors.NOT_FOUND}),
    ),
)
_SHOWN = Shown(
    ids=("client_order_id", "order_id"),
    own="order_id",
    status="status",
    open=frozenset({"PENDING", "QUEUED", "OPEN"}),
    cancelled=frozenset({"CANCELLED"}),
    rejected=frozenset({"FAILED"}),
    made="created_time",
    amended={"price": "price", "size": "size", "stop_price": "stop_price"},
)
# Between two states: neither done nor refused. UNKNOWN_ORDER_STATUS says as much.
_UNDER_WAY = frozenset({"CANCEL_QUEUED", "EDIT_QUEUED", "UNKNOWN_ORDER_STATUS"})
_NOT_SHOWN = "attached_order_configuration"


def _code(told: Any, reply: Reply) -> str | None:
    return None if reply.status == 200 else coinbase_errors.code(told, reply)


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    id = order.get("order_id")
    if endpoint.name == CANCEL:
        return _cancelled(str(id), None)
    if endpoint.name == EDIT:
        return orjson.dumps({"success": True, "errors": []})
    names = {name: order.get(name) for name in ("order_id", "product_id", "side", "client_order_id")}
    return orjson.dumps(
        {
            "success": True,
            "failure_reason": coinbase_errors.VAGUE,
            "order_id": id,
            "success_response": names,
            "order_configuration": order.get("order_configuration"),
        }
    )


def _cancelled(id: str, why: str | None) -> bytes:
    row = {"success": why is None, "failure_reason": why or "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": id}
    return orjson.dumps({"results": [row]})


_LOOKS = OrderLooks(
    RULES,
    places=lambda endpoint: _MADE if endpoint.call_class is CallClass.PLACE else _KNOWN,
    shown=lambda endpoint: _SHOWN,
    code=_code,
    ack=_ack,
)


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """One for each order; none for an edit of what an order does not show."""
    if endpoint.name == EDIT and params.get(_NOT_SHOWN):
        return ()
    if endpoint.name != CANCEL:
        return _LOOKS.lookups(endpoint, request, params, since_ms)
    return tuple(
        replace(lookup, item=item)
        for item, id in enumerate(cancelled_ids(params))
        for lookup in _LOOKS.lookups(endpoint, request, {"order_id": id}, since_ms)
    )


def found(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    try:
        told = orjson.loads(readable(reply) or b"")
    except orjson.JSONDecodeError:
        return CANNOT_TELL
    if reply.status == 200:
        reply = replace(reply, headers=(), body=orjson.dumps(_flat(told)))
    if endpoint.name == CANCEL:
        params = {"order_id": lookup.id}
    finding = _LOOKS.found(endpoint, request, params, replace(lookup, item=0), reply)
    if finding.state is Found.NOT_SO_FAR and isinstance(told, dict) and told.get("has_next"):
        return CANNOT_TELL  # it may be on another page
    if endpoint.call_class is not CallClass.PLACE and reply.status == 200 and not _settled(told, lookup.id):
        return CANNOT_TELL
    return finding


def _settled(told: Any, id: str) -> bool:
    """Whether an answer shows the order that was asked for, and in a state that says something."""
    order = told.get("order") if isinstance(told, dict) else None
    if not isinstance(order, dict) or order.get("order_id") != id:
        return False
    status = order.get("status")
    return not (status in _UNDER_WAY or (status in _SHOWN.open and order.get("pending_cancel")))


def _flat(told: Any) -> Any:
    """With what an amendment changes on the order itself, where it stands in its configuration and its history."""
    if not isinstance(told, dict) or not isinstance(told.get("order"), dict):
        return told
    order = told["order"]
    shown: dict[str, Any] = {}
    for row in configurations(order.get("order_configuration")):
        size = row.get("base_size") or row.get("quote_size")
        shown |= {"price": row.get("limit_price"), "size": size, "stop_price": row.get("stop_price")}
    for edit in _edits(order):
        shown |= {name: edit[name] for name in ("price", "size", "stop_price") if edit.get(name)}
    return {**told, "order": {**order, **shown}}


def _edits(order: Row) -> Iterator[Row]:
    """In their order in time."""
    history = order.get("edit_history")
    rows = [row for row in history if isinstance(row, dict)] if isinstance(history, list) else []
    yield from sorted(rows, key=lambda row: str(row.get("replace_accept_timestamp")))


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    """The answer to a cancel, whatever became of its orders; to anything else as far as it was executed."""
    if endpoint.name != CANCEL:
        return _LOOKS.rebuilt(endpoint, request, params, findings)
    ids = cancelled_ids(params)
    if findings.keys() != set(range(len(ids))) or not any(row.state is Found.DONE for row in findings.values()):
        return None
    rows = []
    for item, id in enumerate(ids):
        why = _WHY.get(findings[item].state)
        rows += orjson.loads(findings[item].body or _cancelled(id, why))["results"]
    return Rebuilt(200, orjson.dumps({"results": rows}))


# What the exchange says of an order that is over or unknown, and of one that it leaves in the book.
_WHY = {Found.NEVER: "UNKNOWN_CANCEL_ORDER", Found.NOT_SO_FAR: "COMMANDER_REJECTED_CANCEL_ORDER"}
