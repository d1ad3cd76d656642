"""Which orders a Kraken Futures write names; and a batch as what it is: several writes in the `json` field of one.

Sources: docs.kraken.com futures-api references send-order, edit-order, cancel-order, send-batch-order.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.evidence import rows
from proxy.exchanges.form import Orders
from proxy.exchanges.krakenfutures_errors import API, BATCH
from proxy.exchanges.members import Member, edited_rows, join, members, put, raw_changed
from proxy.exchanges.order_rules import OrderRules, Rule
from proxy.model import Auth, CallClass, Endpoint, Incoming

JSON, ROWS = "json", "batchOrder"
"""The form field of a batch, and the list in it, which stands among the parameters under its own name too."""

_ID = "cliOrdId"
SEND = Endpoint(f"POST {API}sendorder", "api", CallClass.PLACE, Auth.SIGNED)
EDIT = Endpoint(f"POST {API}editorder", "api", CallClass.AMEND, Auth.SIGNED)
CANCEL = Endpoint(f"POST {API}cancelorder", "api", CallClass.CANCEL, Auth.SIGNED)
_INSTRUCTIONS = {"send": SEND, "edit": EDIT, "cancel": CANCEL}

RULES = OrderRules(
    {
        SEND.name: Rule(id=_ID, reduces="reduceOnly"),
        EDIT.name: Rule(names=("orderId", "order_id", _ID)),
        CANCEL.name: Rule(names=("order_id", "orderId", _ID)),
    },
    place="form",
)

Row = Mapping[str, Any]


def batch_list(text: str) -> str:
    """The list of a batch as JSON text, "[]" if there is none. Raises BadCall."""
    listed = _listed(members(text.encode()))
    return listed.raw if listed is not None else "[]"


def parts(endpoint: Endpoint, params: Mapping[str, str]) -> list[tuple[Endpoint, Row]]:
    """The writes that a call is made of, each as if it had come alone. An instruction that nobody knows is left as it
    is, and its place with it."""
    if endpoint.name != BATCH:
        return [(endpoint, params)]
    return [(_INSTRUCTIONS.get(str(row.get("order")), endpoint), row) for row in rows(params.get(ROWS, "[]"))]


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    """cancelallorders names none: a kill switch does not wait behind the orders that are still being placed."""
    own = [name for part, row in parts(endpoint, params) for name in RULES.orders(part, _named(row)).own]
    return Orders(tuple(dict.fromkeys(own)))


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for part, row in parts(endpoint, params) for name in RULES.client_ids(part, _named(row)))


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """A batch, if all that it places do, and it changes nothing else."""
    found = [(part, row) for part, row in parts(endpoint, params) if part.name != CANCEL.name]
    return bool(found) and all(RULES.closes(part, _named(row)) for part, row in found)


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    """On every order that is placed without an id: last in the form, or in its instruction of a batch."""
    if endpoint.name != BATCH:
        return RULES.identify(endpoint, request, params, fresh)
    if all(part is not SEND or row.get(_ID) for part, row in parts(endpoint, params)):
        return request, params
    found = members(params[JSON].encode())
    listed = _listed(found)
    if listed is None:
        return request, params

    def name(row: list[Member]) -> list[Member]:
        given = {member.name: member.value for member in row}
        return row if given.get("order") != "send" or given.get(_ID) else put(row, _ID, fresh())

    written = edited_rows(listed, name)
    text = join(raw_changed(m, written) if m is listed else m for m in found).decode()
    changed = Incoming(
        request.method,
        request.path,
        _replaced(request.query, text),
        request.headers,
        _replaced(request.body.decode("ascii"), text).encode(),
    )
    return changed, {**params, JSON: text, ROWS: written}


def _listed(found: list[Member]) -> Member | None:
    return next((m for m in found if m.name == ROWS and isinstance(m.value, list)), None)


def _replaced(form: str, text: str) -> str:
    """The form with another text in its `json` field, in the spelling that the field had."""
    return "&".join(_piece(piece, text) for piece in form.split("&")) if form else form


def _piece(piece: str, text: str) -> str:
    name, _, value = piece.partition("=")
    if unquote_plus(name) != JSON:
        return piece
    plain = unquote_plus(value)
    return f"{name}={next(spell(text) for spell in _SPELLINGS if spell(plain) == value or spell is _escaped)}"


def _as_it_is(text: str) -> str:
    """As some clients send it. What a form cannot hold, or would read as another sign, is escaped all the same."""
    kept = all(sign not in text for sign in "%+&#") and text.isascii() and text.isprintable() and " " not in text
    return text if kept else _escaped(text)


def _escaped(text: str) -> str:
    return quote(text, safe="")


_SPELLINGS: tuple[Callable[[str], str], ...] = (_as_it_is, quote_plus, _escaped)


def _named(row: Row) -> Mapping[str, str]:
    """A row with its values as texts, as they stand in a form."""
    return {name: str(value) for name, value in row.items() if value is not None}


def collected(request: Incoming) -> dict[str, str]:
    """Parameters of query and form. Only lists of ids may be given name by name: they are joined. Raises BadCall."""
    found: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for form in (request.query, request.body.decode("ascii")):
        for name, value in _pairs(form):
            if name in ("orderIds", "cliOrdIds"):
                lists.setdefault(name, []).append(value)
            elif name in found:
                raise BadCall("duplicate_parameter", f"parameter {name[:40]!r} is given twice")
            else:
                found[name] = value
    return {**found, **{name: ",".join(values) for name, values in lists.items()}}


def _pairs(form: str) -> Iterator[tuple[str, str]]:
    for piece in form.split("&"):
        if piece:
            [(name, value)] = texts.collect((piece,)).items()
            yield name, value
