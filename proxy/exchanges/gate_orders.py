"""Which orders a Gate call names, where a lost one is asked for, and what is told of each order of a list.

Sources: gate.com/docs/developers/apiv4 (spot and futures pages), github gateio/gateapi-python (SpotApi.md,
FuturesApi.md, models), state of 2026-08-21.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges.codes import Judge
from proxy.exchanges.form import alone, readable
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.lookup import CANNOT_TELL, Absence, Finding, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import CallClass, Endpoint, Executed, Incoming, Item, Reply

ABSENCE = Absence(after_ms=10_000, looks=3)  # how soon every server shows an order is not said

_SPOT, _FUTURES = "/api/v4/spot/", "/api/v4/futures/{settle}/"
_DELIVERY, _OPTIONS = "/api/v4/delivery/{settle}/", "/api/v4/options/"
_NAMED = Rule(names=("order_id",))
_NEW_PERPETUAL = Rule(id="text", within="settle", reduces="reduce_only")
_NAMED_PERPETUAL = Rule(names=("order_id",), within="settle")

RULES = OrderRules(
    {
        **{f"POST {_SPOT}{name}": Rule(id="text") for name in ("orders", "cross_liquidate_orders", "pov_orders")},
        f"POST {_SPOT}batch_orders": Rule(id="text", rows=ROWS),
        f"PATCH {_SPOT}orders/{{order_id}}": _NAMED,
        f"POST {_SPOT}amend_batch_orders": Rule(names=("order_id",), rows=ROWS),
        **{f"DELETE {_SPOT}{name}/{{order_id}}": _NAMED for name in ("orders", "price_orders", "pov_orders")},
        f"POST {_SPOT}cancel_batch_orders": Rule(names=("id",), rows=ROWS),
        **{f"POST {_FUTURES}{name}": _NEW_PERPETUAL for name in ("orders", "bbo_orders")},
        f"POST {_FUTURES}batch_orders": replace(_NEW_PERPETUAL, rows=ROWS),
        **{f"PUT {_FUTURES}{name}/{{order_id}}": _NAMED_PERPETUAL for name in ("orders", "price_orders")},
        f"PUT {_FUTURES}price_orders/amend/{{order_id}}": _NAMED_PERPETUAL,
        f"POST {_FUTURES}batch_amend_orders": Rule(names=("order_id", "text"), rows=ROWS, within="settle"),
        **{f"DELETE {_FUTURES}{name}/{{order_id}}": _NAMED_PERPETUAL for name in ("orders", "price_orders")},
        f"POST {_FUTURES}batch_cancel_orders": Rule(names=(ROWS,), rows=ROWS, within="settle"),
        f"POST {_DELIVERY}orders": replace(_NEW_PERPETUAL, within="settle"),
        **{f"DELETE {_DELIVERY}{name}/{{order_id}}": _NAMED_PERPETUAL for name in ("orders", "price_orders")},
        f"POST {_OPTIONS}orders": Rule(id="text", reduces="reduce_only"),
        f"PUT {_OPTIONS}orders/{{order_id}}": _NAMED,
        f"DELETE {_OPTIONS}orders/{{order_id}}": _NAMED,
    },
    shape=lambda text: f"t-{text}",  # "prefixed with `t-`, no longer than 28 bytes without it"
)
_DEFAULT_ACCOUNTS = frozenset({"", "spot", "margin", "unified"})


def markets(endpoint: Endpoint, params: Mapping[str, str]) -> Mapping[str, int]:
    """How many orders of each market a list has."""
    rule, found = RULES.rule(endpoint), dict[str, int]()
    for row in rows_of(params.get(ROWS, "")) if rule is not None and rule.rows and endpoint.symbol else ():
        market = str(row.get(endpoint.symbol, "")).upper()
        found[market] = found.get(market, 0) + 1
    return found


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """`close` with size 0 and `auto_size` close a position too. A list, if all of its orders do."""
    rule = RULES.rule(endpoint)
    if rule is None or not rule.reduces:
        return False
    rows: list[Any] = rows_of(params.get(ROWS, "")) if rule.rows else [params]
    return bool(rows) and all(_closes(row) for row in rows)


def _closes(row: Row) -> bool:
    return any(str(row.get(name)).lower() == "true" for name in ("reduce_only", "close")) or bool(row.get("auto_size"))


# By its text an order of the spot is found while it is open, and by its own id always.
_NONE = frozenset({"ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND"})
_PAGE = 100
_TRADES = 1000
_SPOT_SHOWN = Shown(
    ids=("id", "text"),
    own="id",
    status="status",
    open=frozenset({"open"}),
    cancelled=frozenset({"cancelled"}),
    made="create_time_ms",
    updated="update_time_ms",
    amended={"amount": "amount", "price": "price", "amend_text": "amend_text"},
)
# `state` and `changed` are put in by `_told`.
_FUTURES_SHOWN = Shown(
    ids=("id", "text"),
    own="id",
    status="state",
    open=frozenset({"open"}),
    cancelled=frozenset({"cancelled"}),
    made="create_time",
    updated="changed",
    unit_ms=1000.0,
    amended={"size": "size", "price": "price", "amend_text": "amend_text"},
)
_ADDED = ("state", "changed")


def _looks(endpoint: Endpoint) -> tuple[Look, ...]:
    """A new order that was filled or cancelled at once is in no place but the lists of the past; and so is one that a
    call named by its text."""
    rule, new = RULES.rule(endpoint), endpoint.call_class is CallClass.PLACE
    if rule is None or "price_orders" in endpoint.name or "pov_orders" in endpoint.name:
        return ()
    by = tuple((name, name) for name in ((rule.id,) if new else rule.names))
    if f" {_SPOT}" in endpoint.name:
        pair = "currency_pair={currency_pair}"
        past = f"{pair}&status=finished&from={{since_s}}&limit={_PAGE}"
        return (
            Look(f"GET {_SPOT}orders/{{order_id}}", by, pair, f"{_SPOT}orders/{{id}}", none=_NONE),
            Look(f"GET {_SPOT}orders", by, past, lists=True, page=_PAGE),
            Look(
                f"GET {_SPOT}my_trades",
                by,
                f"{pair}&from={{since_s}}&limit={_TRADES}",
                lists=True,
                page=_TRADES,
                made_only=True,
            ),
        )
    if f" {_FUTURES}" in endpoint.name:
        found = Look(f"GET {_FUTURES}orders/{{order_id}}", by, path=f"{_FUTURES}orders/{{id}}", none=_NONE)
        if new:
            query = f"contract={{contract}}&from={{since_s}}&limit={_PAGE}"
            return found, Look(f"GET {_FUTURES}orders_timerange", by, query, lists=True, page=_PAGE)
        return found, Look(f"GET {_FUTURES}orders", by, f"status=finished&limit={_PAGE}", lists=True, page=_PAGE)
    return ()


def _shown(endpoint: Endpoint) -> Shown:
    return _SPOT_SHOWN if f" {_SPOT}" in endpoint.name else _FUTURES_SHOWN


def _told(endpoint: Endpoint, reply: Reply) -> Reply:
    """Answers about perpetuals with the state and the time of an order's last change in one field each."""
    if f" {_FUTURES}" not in endpoint.name:
        return reply
    try:
        found = orjson.loads(readable(reply) or b"")
    except orjson.JSONDecodeError:
        return reply
    for row in found if isinstance(found, list) else [found]:
        if isinstance(row, dict) and "status" in row:
            over = row["status"] != "open"
            row["state"] = (row.get("finish_as") or row["status"]) if over else "open"
            row["changed"] = (row.get("finish_time") if over else 0) or row.get("update_time") or 0
    return replace(reply, body=orjson.dumps(found), headers=())


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """A write about one order is answered with the order."""
    if "status" not in order:  # a trade
        return b""
    shown = {name: value for name, value in order.items() if name not in _ADDED}
    rule = RULES.rule(endpoint)
    if rule is None or not rule.rows:
        return orjson.dumps(shown)
    said: dict[str, Any] = {"succeeded": True, "label": "", "message": ""}
    if endpoint.call_class is not CallClass.CANCEL:
        return orjson.dumps({**shown, **said})
    if f" {_FUTURES}" in endpoint.name:
        return orjson.dumps({"id": str(order["id"]), "user_id": order.get("user"), "succeeded": True, "message": ""})
    names = {name: order.get(name) for name in ("currency_pair", "id", "text", "account")}
    return orjson.dumps({**names, **said})


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    return b"[" + b",".join(ack or b"{}" for ack in acks) + b"]"


class Book:
    """What is asked and read of orders, with the judgement on the labels that answers carry."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._looks = OrderLooks(RULES, _looks, _shown, judge.code, _ack, _whole)

    def lookups(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int
    ) -> tuple[Lookup, ...]:
        """None for orders of an account that the places do not show unasked. An order named by its own id needs no
        list."""
        rows: list[Any] = [params, *rows_of(params.get(ROWS, ""))]
        if any(str(row.get("account") or "") not in _DEFAULT_ACCOUNTS for row in rows):
            return ()
        found = self._looks.lookups(endpoint, request, params, since_ms)
        return tuple(one for one in found if not one.id.isdigit() or "{order_id}" in one.endpoint)

    def found(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply
    ) -> Finding:
        reply = _told(endpoint, reply)
        if "{order_id}" in lookup.endpoint and reply.status == 200 and not _names(reply, lookup.id):
            return CANNOT_TELL  # an answer, but not about this order
        finding = self._looks.found(endpoint, request, params, lookup, reply)
        order = {name: value for name, value in finding.order.items() if name not in _ADDED}
        return replace(finding, order=order)

    def items(self, endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
        """A list is answered with a list, in its order."""
        rule = RULES.rule(endpoint)
        if rule is None or not rule.rows or not 200 <= reply.status < 300 or reply.status == 202:
            return ()
        rows = rows_of(params.get(ROWS, ""))
        try:
            told = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return ()
        if not isinstance(told, list) or len(told) != len(rows) or not all(isinstance(row, dict) for row in told):
            return ()
        fields = (rule.id, *rule.names)
        names = [next((str(row[name]) for name in fields if row.get(name)), "") for row in rows]
        if any(name and not _may_be(name, said) for name, said in zip(names, told, strict=True)):
            return ()
        return tuple(
            self._item(endpoint, n, name, said) for n, (name, said) in enumerate(zip(names, told, strict=True))
        )

    def _item(self, endpoint: Endpoint, index: int, name: str, said: Row) -> Item:
        order = str(said.get("id") or said.get("order_id") or "")
        if said.get("succeeded") is True:
            return Item(index, name, Executed.YES, order)
        code = str(said.get("label") or said.get("message") or "")
        if said.get("succeeded") is not False or not code:
            return Item(index, name, Executed.UNKNOWN, order, code)
        as_whole = Reply(400, b"", (), orjson.dumps({"label": code}), 0)
        more = str(said.get("detail") or (said.get("message") if said.get("label") else "") or "")
        executed = self._judge.classify(endpoint, as_whole, 0).executed
        return Item(index, name, executed, order, f"{code} {more}".strip())

    def rebuilt(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
    ) -> Rebuilt | None:
        """In a list, an order that was not executed stands with the name that the call gave it."""
        rule = RULES.rule(endpoint)
        if rule is None or not rule.rows:
            return alone(endpoint, request, params, findings)
        made = self._looks.rebuilt(endpoint, request, params, findings)
        if made is None:
            return None
        told = orjson.loads(made.body)
        names = {"text", "currency_pair", "contract", "id", "order_id"}
        for n, row in enumerate(rows_of(params.get(ROWS, ""))):
            if not told[n]:
                kept = {name: value for name, value in row.items() if name in names}
                if ROWS in row:
                    kept["id"] = row[ROWS]
                told[n] = {**kept, "succeeded": False, "label": "TOO_BUSY", "message": "not executed"}
        return Rebuilt(200, orjson.dumps(told))


def _names(reply: Reply, order: str) -> bool:
    try:
        found = orjson.loads(readable(reply) or b"")
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and order in (str(found.get("id")), str(found.get("text")))


def _may_be(name: str, said: Row) -> bool:
    """An answer's row may leave names out, but it must not have others."""
    shown = {str(said[field]) for field in ("text", "id", "order_id", "amend_text") if said.get(field)}
    return not shown or name in shown or not said.get("succeeded")
