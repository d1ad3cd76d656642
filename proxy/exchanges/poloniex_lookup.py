"""Where a lost order of Poloniex is asked for, and what is made of the answer.

Whether an order that is over stays reachable by the bot's id is not documented, so the history is asked too: orders
that were updated since then. Sources: api-docs.poloniex.com order details, orders history, cancel replace order, smart
orders; github poloniex/polo-sdk-python orders.py (states); v3 futures trade.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges import poloniex_errors
from proxy.exchanges.form import readable
from proxy.exchanges.lookup import NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.exchanges.poloniex_orders import (
    BATCHES,
    CANCEL_LISTS,
    REPLACES,
    RULES,
    cancelled_ids,
    old_and_new,
    plain,
)
from proxy.model import CallClass, Endpoint, Incoming, Reply

# How soon an order shows is not documented.
ABSENCE = Absence(after_ms=12_000, looks=3, apart_ms=2_000)

# "More than the greatest value of 100" is an error (21344), though the history's own page takes up to 1000.
_PAGE = 100
_PAST = f"startTime={{since_ms}}&limit={_PAGE}"


def _one(told: Any) -> list[Row] | None:
    """The order of an answer about one: smart orders come as a list."""
    rows = told if isinstance(told, list) else [told]
    return rows if all(isinstance(row, dict) for row in rows) else None


def _spot(root: str) -> tuple[tuple[Look, ...], tuple[Look, ...], tuple[Look, ...]]:
    """Places for a new order, for a new one whose symbol is not told, and for one that is known."""
    one, past = f"GET {root}/{{id}}", f"GET {root}/history"
    none = poloniex_errors.NOT_FOUND
    bots = (("clientOrderId", ""),)
    made = Look(one, bots, path=f"{root}/cid:{{id}}", none=none, read=_one)
    listed = Look(past, bots, query=f"symbol={{symbol}}&{_PAST}", lists=True, page=_PAGE)
    known = Look(one, (("id", ""),), path=f"{root}/{{id}}", none=none, read=_one)
    return (
        (made, listed),
        (made, replace(listed, query=_PAST)),
        (known, replace(made, by=(("cid", ""),)), replace(listed, by=(("id", ""), ("cid", "")), query=_PAST)),
    )


_ORDERS, _SMART = _spot("/orders"), _spot("/smartorders")
_FUTURES_IDS = (("ordId", "ordId"), ("clOrdId", "clOrdId"))
_FUTURES = tuple(
    Look(
        f"GET /v3/trade/order/{name}",
        _FUTURES_IDS,
        query=f"symbol={{symbol}}&{{as}}={{id}}&limit={_PAGE}",
        rows=("data",),
        lists=True,
        page=_PAGE,
    )
    for name in ("opens", "history")
)

_OPEN = frozenset({"PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PLACED"})
_CANCELLED = frozenset({"PENDING_CANCEL", "PARTIALLY_CANCELED", "CANCELED"})  # the answer to a cancel is the first one
_REJECTED = frozenset({"REJECTED"})
_SHOWN = Shown(
    ids=("id", "clientOrderId"),
    own="id",
    status="state",
    open=_OPEN,
    cancelled=_CANCELLED,
    rejected=_REJECTED,
    made="createTime",
    updated="updateTime",
)
_SHOWN_FUTURES = replace(_SHOWN, ids=("ordId", "clOrdId"), own="ordId", made="cTime", updated="uTime")


def _places(endpoint: Endpoint) -> tuple[Look, ...]:
    if endpoint.product == "futures":
        return _FUTURES
    new, unnamed, known = _SMART if "/smartorders" in endpoint.name else _ORDERS
    if endpoint.call_class is CallClass.CANCEL:
        return known
    return unnamed if endpoint.name in REPLACES else new


def _code(told: Any, reply: Reply) -> str | None:
    if isinstance(told, list) and reply.status == 200:
        return None
    name = poloniex_errors.code(told, reply)
    return None if name == poloniex_errors.DONE else name


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    if endpoint.product == "futures":
        return _futures(endpoint, {name: str(order.get(name) or "") for name in ("ordId", "clOrdId")})
    id, named = str(order.get("id") or ""), str(order.get("clientOrderId") or "")
    if endpoint.call_class is CallClass.CANCEL:
        told = {"orderId": id, "clientOrderId": named, "state": "PENDING_CANCEL", "code": 200, "message": ""}
        return orjson.dumps(told)
    return orjson.dumps({"id": id, "clientOrderId": named})


def _futures(endpoint: Endpoint, ids: Mapping[str, str]) -> bytes:
    if endpoint.name in BATCHES | CANCEL_LISTS.keys():
        return orjson.dumps({"code": 200, "msg": "Success", **ids})
    return orjson.dumps({"code": 200, "msg": "Success", "data": ids})


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    return _listed(endpoint, [orjson.loads(ack) if ack else _not_executed(endpoint, {}) for ack in acks])


def _listed(endpoint: Endpoint, rows: list[Any]) -> bytes:
    return orjson.dumps(rows if endpoint.product == "spot" else {"code": 200, "msg": "Success", "data": rows})


def _not_executed(endpoint: Endpoint, ids: Mapping[str, str], *, over: bool = False) -> Mapping[str, Any]:
    """In the exchange's codes: of an order that is over, or of one to which nothing was done."""
    if endpoint.product == "futures":
        code, why = (11004, "ORDER_NOT_CANCELABLE") if over else (1002, "The order was not executed")
        return {"code": code, "msg": f"{why} (ordergate: not_executed)", "ordId": "", "clOrdId": "", **ids}
    code, why = (21359, "Order was already canceled or filled.") if over else (21340, "The order was not executed")
    told = {"code": code, "message": f"{why} (ordergate: not_executed)", "clientOrderId": ""}
    return {**told, **({"orderId": "", **ids} if endpoint.call_class is CallClass.CANCEL else {})}


_LOOKS = OrderLooks(RULES, places=_places, shown=lambda e: _SHOWN_FUTURES if e.product == "futures" else _SHOWN,
                    code=_code, ack=_ack, whole=_whole)  # fmt: skip


def _cancel(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, call_class=CallClass.CANCEL)


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Of a replacement, item 0 is the old order and item 1 the new one; of a list to cancel, one for each order."""
    params = plain(params)
    if endpoint.name in REPLACES:
        old, new = old_and_new(params)
        if not old or not new or old == new:  # two orders of one name
            return ()
        placed = _LOOKS.lookups(endpoint, request, params, since_ms)
        return *_LOOKS.lookups(_cancel(endpoint), request, params, since_ms), *(replace(p, item=1) for p in placed)
    if endpoint.name not in CANCEL_LISTS:
        return _LOOKS.lookups(endpoint, request, params, since_ms)
    return tuple(
        replace(lookup, item=item)
        for item, (by, id) in enumerate(cancelled_ids(endpoint, params))
        for lookup in _LOOKS.lookups(endpoint, request, {**_only_symbol(params), by: id}, since_ms)
    )


def _only_symbol(params: Mapping[str, str]) -> Mapping[str, str]:
    return {"symbol": params["symbol"]} if params.get("symbol") else {}


def found(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    params = plain(params)
    if endpoint.name in REPLACES and lookup.item == 0:
        endpoint = _cancel(endpoint)
    row = lookup if endpoint.name in BATCHES else replace(lookup, item=0)
    finding = _LOOKS.found(endpoint, request, params, row, reply)
    if finding.state is Found.CANNOT_TELL and endpoint.call_class is CallClass.PLACE and _stands(reply, lookup):
        return NOT_SO_FAR
    return finding


def _stands(reply: Reply, lookup: Lookup) -> bool:
    """Whether an older order of the bot's id is in the book: an id in use is refused, so there is no newer one."""
    if reply.status != 200 or not lookup.endpoint.endswith("{id}"):
        return False
    try:
        told = orjson.loads(readable(reply) or b"")
    except orjson.JSONDecodeError:
        return False
    rows = _one(told) or [{}]
    if len(rows) != 1 or rows[0].get("clientOrderId") != lookup.id or rows[0].get(_SHOWN.status) not in _OPEN:
        return False
    made_ms = rows[0].get(_SHOWN.made)
    return isinstance(made_ms, int) and 0 < made_ms < lookup.since_ms - SKEW_MS


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    """Of a replacement whose new order is there, the answer to that; of a list to cancel, whatever became of each."""
    if endpoint.name in REPLACES:
        new = findings.get(1)
        return Rebuilt(200, new.body) if new is not None and new.state is Found.DONE else None
    if endpoint.name not in CANCEL_LISTS:
        return _LOOKS.rebuilt(endpoint, request, params, findings)
    ids = cancelled_ids(endpoint, params)
    if findings.keys() != set(range(len(ids))) or not any(row.state is Found.DONE for row in findings.values()):
        return None
    names = {"id": "orderId", "cid": "clientOrderId"}
    rows = []
    for item, (by, id) in enumerate(ids):
        finding = findings[item]
        given = {names.get(by, by): id}
        over = finding.state is Found.NEVER
        rows.append(orjson.loads(finding.body) if finding.body else _not_executed(endpoint, given, over=over))
    return Rebuilt(200, _listed(endpoint, rows))
