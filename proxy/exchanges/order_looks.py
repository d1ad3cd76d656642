"""Looking up orders whose answer was lost, where that is a matter of where to ask and which fields to read.

An exchange tells the places to ask (`Look`), how it shows an order (`Shown`), and its own shape of a success (`ack`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges.form import alone, readable
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.members import dump
from proxy.exchanges.order_rules import OrderRules, rows_of
from proxy.model import CallClass, Endpoint, Incoming, Reply

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """One place where an order may be. `endpoint`: "METHOD path" of the table.

    `by`: (the write's parameter, how the place asks for it); the first one that the write has is used, and it stands in
    `path` or `query` as {id}, and the place's name for it as {as}. Other names in braces are parameters of the write,
    or of its row, or {since_ms}, {since_s} and {since_iso}, from when on new orders are the write's own; a look of
    which one is missing is not made. `path` "": that of the endpoint. `body`: the members of a JSON body, names and
    texts filled like `query`. `rows`: the way to the order, or to a list of orders, in the answer; `read` makes rows
    as `Shown` has them of an answer that shows its orders in another way. `none`: codes that say "no such order".
    `lists`: it lists all that is open, or the past, not one order by its id. `page`: a list of so many may go on, and
    proves nothing then; `more`: a member of the answer that is there if it goes on. `made_only`: asked for new orders
    only, as a cancelled one is found by its id. `newest`: of several orders of one name, made one after another, it
    shows the last, so an older one says that there is no new one.
    """

    endpoint: str
    by: tuple[tuple[str, str], ...]
    query: str = ""
    path: str = ""
    rows: tuple[str, ...] = ()
    none: frozenset[str] = frozenset()
    lists: bool = False
    page: int = 0
    more: str = ""
    made_only: bool = False
    newest: bool = False
    body: tuple[tuple[str, str], ...] = ()
    read: Callable[[Any], "list[Row] | None"] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """How an order is shown. `ids`: fields of its ids; `own`: the one that is the exchange's, so that it never comes
    again. `status`: the field of its state; `open`, `cancelled`, `rejected` (never in the book): which states are that,
    all others are over in another way. `made`, `updated`: fields of the times when it was made and changed last, in
    units of `unit_ms`. `amended`: the amendment's parameter -> the field that shows it. `told`: the state, where no
    field alone tells it.
    """

    ids: tuple[str, ...]
    own: str
    status: str
    open: frozenset[str]
    cancelled: frozenset[str]
    made: str
    rejected: frozenset[str] = frozenset()
    updated: str = ""
    unit_ms: float = 1.0
    amended: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[Row], str] | None = None


@dataclass(frozen=True, slots=True)
class OrderLooks:
    """`places`: for the product and, where it matters, the endpoint of a write. `code`: an answer's, None for fine.

    `ack(endpoint, row, order)`: the success answer of one order, made of the write's own row and the order shown, or
    b"". `whole(endpoint, acks)`: that of a call about several, of theirs; None stands for one that was not executed.
    """

    rules: OrderRules
    places: Callable[[Endpoint], tuple[Look, ...]]
    shown: Callable[[Endpoint], Shown]
    code: Callable[[Any, Reply], str | None]
    ack: Callable[[Endpoint, Row, Row], bytes] = lambda endpoint, row, order: b""
    whole: Callable[[Endpoint, list[bytes | None]], bytes] = lambda endpoint, acks: b""

    def lookups(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int
    ) -> tuple[Lookup, ...]:
        rule = self.rules.rule(endpoint)
        if rule is None or endpoint.call_class not in (CallClass.PLACE, CallClass.CANCEL, CallClass.AMEND):
            return ()
        new = endpoint.call_class is CallClass.PLACE
        found: list[Lookup] = []
        for item, row in enumerate(self._rows(endpoint, params)):
            for look in self.places(endpoint):
                if new or not look.made_only:
                    found += _ask(look, {**params, **row}, item, since_ms)
        return tuple(found)

    def found(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply
    ) -> Finding:
        look = next((one for one in self.places(endpoint) if one.endpoint == lookup.endpoint), None)
        try:
            told = orjson.loads(readable(reply) or b"")
        except orjson.JSONDecodeError:
            return CANNOT_TELL
        if look is None:
            return CANNOT_TELL
        code = self.code(told, reply)
        if code is not None and code in look.none:
            return NOT_SO_FAR
        if code is not None or reply.status != 200:
            return CANNOT_TELL
        rows = _at(told, look.rows) if look.read is None else look.read(told)
        if rows is None:
            return CANNOT_TELL
        shown = self.shown(endpoint)
        own = [row for row in rows if lookup.id in (str(row.get(name)) for name in shown.ids)]
        new = own
        if endpoint.call_class is CallClass.PLACE:  # an earlier order may have had the same name
            new = [row for row in own if _time_ms(shown, row, shown.made) >= lookup.since_ms - SKEW_MS]
        if len(new) == 1:
            return self._finding(endpoint, params, lookup, shown, new[0])
        if new or (look.page and len(rows) >= look.page) or (look.more and told.get(look.more)):
            return CANNOT_TELL
        if look.lists or (look.newest and own):  # those of the name are told apart by when they were made
            return NOT_SO_FAR if all(_time_ms(shown, row, shown.made) for row in own) else CANNOT_TELL
        return NOT_SO_FAR if not rows else CANNOT_TELL

    def _finding(
        self, endpoint: Endpoint, params: Mapping[str, str], lookup: Lookup, shown: Shown, order: Row
    ) -> Finding:
        row = {**params, **list(self._rows(endpoint, params))[lookup.item]}
        status = shown.told(order) if shown.told is not None else str(order.get(shown.status, ""))
        done = Finding(Found.DONE, self.ack(endpoint, row, order), order)
        over = Finding(Found.NEVER, b"", order)
        stands = Finding(Found.NOT_SO_FAR, b"", order)
        if endpoint.call_class is CallClass.PLACE:
            return over if status in shown.rejected else done
        if _time_ms(shown, order, shown.made) > lookup.since_ms + SKEW_MS:
            return Finding(Found.CANNOT_TELL, b"", order)  # a newer order under a name of the bot's
        if status in shown.open and endpoint.call_class is CallClass.CANCEL:
            return stands
        updated_ms = _time_ms(shown, order, shown.updated) if shown.updated else float("inf")
        if status in ("", "None") or (not updated_ms and status not in shown.open):
            return CANNOT_TELL
        if 0 < updated_ms < lookup.since_ms - SKEW_MS:
            # It ended before. Under a name of the bot's there may be another order by now.
            return over if str(order.get(shown.own)) == lookup.id and status not in shown.open else stands
        if endpoint.call_class is CallClass.CANCEL:
            return done if status in shown.cancelled else over
        asked = {name: value for name, value in row.items() if name in shown.amended and value not in (None, "")}
        if not asked or any(shown.amended[name] not in order for name in asked):
            return CANNOT_TELL
        if all(_same(value, order.get(shown.amended[name])) for name, value in asked.items()):
            return done
        return stands if status in shown.open else over

    def rebuilt(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
    ) -> Rebuilt | None:
        rule = self.rules.rule(endpoint)
        if rule is None or not rule.rows:
            return alone(endpoint, request, params, findings)
        if any(row.state is Found.DONE and not row.body for row in findings.values()):
            return None
        if not any(row.state is Found.DONE for row in findings.values()):
            return None
        if len(findings) != len(list(self._rows(endpoint, params))):  # one of them has no name
            return None
        body = self.whole(endpoint, [findings[item].body or None for item in sorted(findings)])
        return Rebuilt(200, body) if body else None

    def _rows(self, endpoint: Endpoint, params: Mapping[str, str]) -> Iterator[Row]:
        rule = self.rules.rule(endpoint)
        if rule is None:
            return
        if rule.rows:
            yield from rows_of(params.get(rule.rows, ""))
        else:
            yield params


def _ask(look: Look, row: Row, item: int, since_ms: int) -> Iterator[Lookup]:
    given = next(((str(row[name]), asked) for name, asked in look.by if row.get(name)), None)
    if given is None:
        return
    value, asked = given
    if value[:1] == "[":  # a list of names is not one: nothing would be found under it
        return
    plain = {name: str(text) for name, text in row.items() if isinstance(text, str | int) and text != ""}
    from_ms = max(since_ms - SKEW_MS, 0)
    plain |= {"id": value, "as": asked, "since_ms": str(from_ms), "since_s": str(from_ms // 1000)}
    names = {name: quote(text, safe="") for name, text in plain.items()}
    plain["since_iso"] = names["since_iso"] = _iso(from_ms)
    method, _, place = look.endpoint.partition(" ")
    path = look.path or place.partition("@")[0]
    try:
        parts = [(name.format(**plain), json.dumps(text.format(**plain))) for name, text in look.body]
        body = dump(parts) if parts else b""
        request = Incoming(method, path.format(**names), look.query.format(**names), (), body)
    except KeyError:
        return
    yield Lookup(look.endpoint, request, value, item, since_ms)


def _at(told: Any, way: tuple[str, ...]) -> list[Row] | None:
    """The orders at the end of the way; None if there is no such place. A null there is an order that is not."""
    for name in way:
        if not isinstance(told, dict) or name not in told:
            return None
        told = told[name]
    if told is None:
        return []
    rows = told if isinstance(told, list) else [told]
    return rows if all(isinstance(row, dict) for row in rows) else None


def _iso(at_ms: int) -> str:
    """ISO 8601 in UTC, with ms."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def _time_ms(shown: Shown, row: Row, name: str) -> float:
    """As a number in the exchange's unit, or as a text of ISO 8601 (UTC where it names no zone); 0 if it is neither."""
    value = row.get(name)
    try:
        number = float(value or 0) * shown.unit_ms
        return number if 0 < number < float("inf") else 0.0
    except (TypeError, ValueError):
        pass
    try:
        told = datetime.fromisoformat(str(value))
    except ValueError:
        return 0.0
    return (told if told.tzinfo is not None else told.replace(tzinfo=UTC)).timestamp() * 1000


def _same(asked: Any, shows: Any) -> bool:
    """Equal as numbers, or as texts where they are none."""
    try:
        return Decimal(str(asked)) == Decimal(str(shows))
    except InvalidOperation:
        return str(asked) == str(shows)
