"""Looking up futures and portfolio margin writes whose answer was lost, and the answers made up of what is found.

Sources: developers.binance.com derivatives: Query Order, Current All Open Orders, Get Order Modify History, Query Algo
Order, Current All Algo Open Orders (USD-M; COIN-M has the same since its integration of 2026-06-30); error-code -2013,
-2011. How long a new order may take to show is not documented. Shapes of
orderAmendment and algoOrder answers are not confirmed for COIN-M.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges.binance_futures_orders import BATCH, NUMBERS, ROOTS, RULES, SIDES, TEXTS
from proxy.exchanges.evidence import shows, swept, whole_ms
from proxy.exchanges.form import readable
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Shown
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import CallClass, Endpoint, Incoming, Reply

ABSENCE = Absence(after_ms=10_000, looks=3)

_NONE = frozenset({"-2013"})
_CANCELS = "cancels"  # one object per order of a call that cancels a list of ids
_HISTORY = "orderAmendment"
_SWEPT_TEXT = {"code": 200, "msg": "The operation of cancel all open order is done."}
_UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}
_NOT_DONE: Mapping[CallClass, Mapping[str, Any]] = {
    CallClass.PLACE: {"code": -2010, "msg": "The order was not placed (ordergate: not_executed)"},
    CallClass.AMEND: {"code": -2010, "msg": "The order was not changed (ordergate: not_executed)"},
    CallClass.CANCEL: _UNKNOWN_ORDER,
}

# The call that cancels all of a symbol -> (what lists the open ones, the field of the time when each was made).
_SWEEPS: Mapping[str, tuple[str, str]] = {
    **{f"DELETE {root}allOpenOrders": (f"GET {root}openOrders", "time") for root in ROOTS},
    **{f"DELETE {root}algoOpenOrders": (f"GET {root}openAlgoOrders", "createTime") for root in ROOTS},
    **{f"DELETE /papi/v1/{side}/allOpenOrders": (f"GET /papi/v1/{side}/openOrders", "time") for side in SIDES},
}
_PLAIN = {f"{root}{name}": f"GET {root}order" for root in ROOTS for name in ("order", BATCH)}
_PLAIN |= {f"/papi/v1/{side}/order": f"GET /papi/v1/{side}/order" for side in SIDES}
_ALGO = {f"{root}algoOrder": f"GET {root}algoOrder" for root in ROOTS}
_ALGO |= {"/papi/v1/um/algo/order": "GET /papi/v1/um/algo/algoOrder"}


def _places(endpoint: Endpoint) -> tuple[Look, ...]:
    new = endpoint.call_class is CallClass.PLACE
    if (where := _PLAIN.get(endpoint.path)) is not None:
        old = (("orderId", "orderId"), ("origClientOrderId", "origClientOrderId"))
        by = (("newClientOrderId", "origClientOrderId"),) if new else old
        return (Look(where, by, query="symbol={symbol}&{as}={id}", none=_NONE),)
    if (where := _ALGO.get(endpoint.path)) is not None:
        named = ("clientAlgoId", "clientAlgoId")
        return (Look(where, (named,) if new else (("algoId", "algoId"), named), query="{as}={id}", none=_NONE),)
    return ()


_ORDER = Shown(
    ids=("orderId", "clientOrderId"),
    own="orderId",
    status="status",
    open=frozenset({"NEW", "PARTIALLY_FILLED"}),
    cancelled=frozenset({"CANCELED"}),
    rejected=frozenset({"REJECTED"}),
    made="time",
    updated="updateTime",
    amended={"price": "price", "quantity": "origQty"},
)
# One that was refused when its condition came true had been accepted before.
_CONDITIONAL = Shown(
    ids=("algoId", "clientAlgoId"),
    own="algoId",
    status="algoStatus",
    open=frozenset({"NEW", "TRIGGERING"}),
    cancelled=frozenset({"CANCELED"}),
    made="createTime",
    updated="updateTime",
)
_NOT_ACKNOWLEDGED = frozenset({"time", "avgPrice", "cumQuote", "cumBase"})  # shown by a query only


def _ack(endpoint: Endpoint, row: Mapping[str, Any], order: Mapping[str, Any]) -> bytes:
    if endpoint.path in _ALGO:
        if endpoint.call_class is CallClass.CANCEL:
            named = {name: order.get(name) for name in ("algoId", "clientAlgoId")}
            return orjson.dumps({**named, "code": "200", "msg": "success"})
        return orjson.dumps(order)
    report = {name: value for name, value in order.items() if name not in _NOT_ACKNOWLEDGED}
    return orjson.dumps({**report, "cumQty": order.get("executedQty")})


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    return orjson.dumps([orjson.loads(ack) if ack else _NOT_DONE[endpoint.call_class] for ack in acks])


def _code(told: Any, reply: Reply) -> str | None:
    code = told.get("code") if isinstance(told, dict) else None
    return str(code) if isinstance(code, int) and code < 0 else None


LOOKS = OrderLooks(
    OrderRules({**RULES.rules, **{f"DELETE {root}{BATCH}": Rule(rows=_CANCELS, within="symbol") for root in ROOTS}}),
    _places,
    lambda endpoint: _CONDITIONAL if endpoint.path in _ALGO else _ORDER,
    _code,
    _ack,
    _whole,
)


def _spread(endpoint: Endpoint, params: Mapping[str, str]) -> Mapping[str, str]:
    """A list of ids to cancel as one object per order."""
    if endpoint.call_class is not CallClass.CANCEL or not endpoint.path.endswith(BATCH):
        return params
    for names, one in ((NUMBERS, "orderId"), (TEXTS, "origClientOrderId")):
        for name in names:
            if name in params:
                ids = _list(params[name])
                return {**params, _CANCELS: orjson.dumps([{one: str(value)} for value in ids]).decode()}
    return params


def _list(text: str) -> list[Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return found if isinstance(found, list) else []


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    if (sweep := _SWEEPS.get(endpoint.name)) is not None:
        symbol = params.get("symbol", "")
        return (_ask(sweep[0], {"symbol": symbol}, symbol, 0, since_ms),) if symbol else ()
    found = LOOKS.lookups(endpoint, request, _spread(endpoint, params), since_ms)
    if endpoint.call_class is CallClass.AMEND and endpoint.product != "portfolio":
        root = next(root for root in ROOTS if endpoint.path.startswith(root))
        history = (_history(root, look, row, since_ms) for look, row in _with_rows(endpoint, params, found))
        return (*found, *history)
    return found


def _with_rows(
    endpoint: Endpoint, params: Mapping[str, str], found: tuple[Lookup, ...]
) -> Iterator[tuple[Lookup, Mapping[str, Any]]]:
    for look in found:
        yield look, _row(endpoint, params, look.item)


def _row(endpoint: Endpoint, params: Mapping[str, str], item: int) -> Mapping[str, Any]:
    return rows_of(params.get(BATCH, ""))[item] if endpoint.path.endswith(BATCH) else params


def _history(root: str, look: Lookup, row: Mapping[str, Any], since_ms: int) -> Lookup:
    """An order shows its last change only, so one that was changed again is looked for in its history."""
    by = "orderId" if row.get("orderId") else "origClientOrderId"
    given = {"symbol": str(row.get("symbol", "")), by: look.id}
    return _ask(f"GET {root}{_HISTORY}", given, look.id, look.item, since_ms)


def _ask(where: str, given: Mapping[str, str], value: str, item: int, since_ms: int) -> Lookup:
    query = "&".join(f"{name}={quote(text, safe='')}" for name, text in given.items())
    return Lookup(where, Incoming("GET", where.partition(" ")[2], query, (), b""), value, item, since_ms)


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    sweep = _SWEEPS.get(endpoint.name)
    if sweep is None and not lookup.endpoint.endswith(_HISTORY):
        return LOOKS.found(endpoint, request, _spread(endpoint, params), lookup, reply)
    try:
        told = orjson.loads(readable(reply) or b"")
    except orjson.JSONDecodeError:
        return CANNOT_TELL
    if sweep is None and _code(told, reply) in _NONE:
        return NOT_SO_FAR
    if reply.status != 200 or not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        return CANNOT_TELL
    if sweep is None:
        return _changed(told, _row(endpoint, params, lookup.item), lookup)
    made = [whole_ms(row.get(sweep[1])) for row in told]
    known = [at_ms for at_ms in made if at_ms is not None]
    if len(known) != len(made):
        return CANNOT_TELL
    state = swept(known, lookup.since_ms, reply)
    return Finding(state, orjson.dumps(_SWEPT_TEXT) if state is Found.DONE else b"")


def _changed(told: list[Mapping[str, Any]], asked: Mapping[str, Any], lookup: Lookup) -> Finding:
    """Whether the history of an order has this very change, made since."""
    for change in told:
        at_ms, made = whole_ms(change.get("time")), change.get("amendment")
        if at_ms is None or not isinstance(made, dict):
            return CANNOT_TELL
        pairs = [
            (made[shown].get("after") if isinstance(made.get(shown), dict) else None, asked[name])
            for name, shown in (("price", "price"), ("quantity", "origQty"))
            if asked.get(name) not in (None, "")
        ]
        if at_ms >= lookup.since_ms - SKEW_MS and pairs and (same := shows(pairs)) is not False:
            return Finding(Found.DONE) if same else CANNOT_TELL
    return NOT_SO_FAR


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    single = endpoint.call_class is CallClass.CANCEL and not endpoint.path.endswith(BATCH)
    if single and len(findings) == 1 and next(iter(findings.values())).state is Found.NEVER:
        return Rebuilt(400, orjson.dumps(_UNKNOWN_ORDER))
    return LOOKS.rebuilt(endpoint, request, _spread(endpoint, params), findings)
