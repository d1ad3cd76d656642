"""Which orders a write names, for exchanges where that is a matter of parameter names.

An exchange gives one `Rule` for each endpoint that writes orders; what is done with them is the same everywhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from proxy.exchanges import texts
from proxy.exchanges.form import Orders
from proxy.exchanges.json_body import ROWS, body_members
from proxy.exchanges.members import Member, edited_rows, join, put, raw_changed
from proxy.model import Endpoint, Incoming


@dataclass(frozen=True, slots=True)
class Rule:
    """`id`: the parameter of the client order id of an order that the call makes, "" if it makes none.

    `names`: parameters by which it names orders that are there, by the bot's or the exchange's id; one that is a list
    names each of its elements. `rows`: the parameter that holds one object per order (ROWS: the body itself is the
    list), "" for a call about one order. `within`: the parameter inside which ids are unique, such as the symbol.
    `reduces`: a parameter that is true on an order that can only reduce a position. `always_reduces`: so is every one.
    """

    id: str = ""
    names: tuple[str, ...] = ()
    rows: str = ""
    within: str = ""
    reduces: str = ""
    always_reduces: bool = False
    shape: Callable[[str], str] | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class OrderRules:
    """`rules`: by the endpoint's name; a value in its path is a parameter by the name that stands in the braces.
    `place`: where the exchange takes the parameters of a write. `shape`: our ids in the exchange's form.
    """

    rules: Mapping[str, Rule]
    place: Literal["json", "form", "query"] = "json"
    shape: Callable[[str], str] = str

    def rule(self, endpoint: Endpoint) -> Rule | None:
        return self.rules.get(endpoint.name)

    def orders(self, endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
        rule = self.rule(endpoint)
        if rule is None:
            return Orders()
        found: list[str] = []
        for row in _rows(rule, params):
            found += [_in(rule, row, params, value) for name in (rule.id, *rule.names) for value in _values(row, name)]
        return Orders(tuple(dict.fromkeys(found)))

    def client_ids(self, endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
        rule = self.rule(endpoint)
        if rule is None or not rule.id:
            return ()
        return tuple(_in(rule, row, params, v) for row in _rows(rule, params) for v in _values(row, rule.id))

    def closes(self, endpoint: Endpoint, params: Mapping[str, str]) -> bool:
        """A list, if all of its orders do."""
        rule = self.rule(endpoint)
        if rule is None or not (rule.reduces or rule.always_reduces):
            return False
        rows = list(_rows(rule, params))
        return rule.always_reduces or (bool(rows) and all(_true(row.get(rule.reduces)) for row in rows))

    def identify(
        self, endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
    ) -> tuple[Incoming, Mapping[str, str]]:
        rule = self.rule(endpoint)
        if rule is None or not rule.id:
            return request, params
        if rule.rows:
            return self._identify_rows(rule, request, params, fresh)
        if params.get(rule.id) or ROWS in params:  # a list where one order belongs is the exchange's to refuse
            return request, params
        text = (rule.shape or self.shape)(fresh())
        return self._with(rule, text, request), {**params, rule.id: text}

    def _with(self, rule: Rule, text: str, request: Incoming) -> Incoming:
        name, query, body = rule.id, request.query, request.body
        if self.place == "json":
            body = join(put(body_members(body) if body else [], name, text, bare=rule.bare))
        elif self.place == "form" and (body or not query):
            kept = texts.without(body.decode("ascii"), frozenset({name}))
            body = (f"{kept}&{name}={text}" if kept else f"{name}={text}").encode()
        else:
            kept = texts.without(query, frozenset({name}))
            query = f"{kept}&{name}={text}" if kept else f"{name}={text}"
        return Incoming(request.method, request.path, query, request.headers, body)

    def _identify_rows(
        self, rule: Rule, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
    ) -> tuple[Incoming, Mapping[str, str]]:
        """In every row without an id; a list that cannot be read stays as it is, and the exchange refuses it."""
        if all(row.get(rule.id) for row in _rows(rule, params)) or self.place != "json":
            return request, params

        def name(row: list[Member]) -> list[Member]:
            if any(member.name == rule.id and member.value not in (None, "") for member in row):
                return row
            return put(row, rule.id, (rule.shape or self.shape)(fresh()), bare=rule.bare)

        found = body_members(request.body)
        listed = next((m for m in found if m.name == rule.rows and isinstance(m.value, list)), None)
        if listed is None:
            return request, params
        written = edited_rows(listed, name)
        if written == listed.raw:
            return request, params
        if rule.rows == ROWS:
            body = written.encode()
        else:
            body = join(raw_changed(m, written) if m is listed else m for m in found)
        return (
            Incoming(request.method, request.path, request.query, request.headers, body),
            {**params, rule.rows: written},
        )


def rows_of(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON list; none if it is not one. A bare name or number stands as the one member ROWS."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [_object(row) for row in found] if isinstance(found, list) else []


def _object(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    return {ROWS: row} if isinstance(row, str | int) and not isinstance(row, bool) else {}


def _rows(rule: Rule, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    if rule.rows:
        yield from rows_of(params.get(rule.rows, ""))
    else:
        yield params


def _values(row: Mapping[str, Any], name: str) -> list[str]:
    value = row.get(name) if name else None
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
    listed = value if isinstance(value, list) else [value]
    return [str(one) for one in listed if isinstance(one, str | int) and not isinstance(one, bool) and one != ""]


def _in(rule: Rule, row: Mapping[str, Any], params: Mapping[str, str], value: str) -> str:
    if not rule.within:
        return value
    return f"{row.get(rule.within) or params.get(rule.within, '')} {value}"


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1")
