"""Client order ids for Crypto.com orders that have none.

Sources: exchange-developer.crypto.com, create-order, create-order-list and the advanced order pages.
"""

from collections.abc import Callable, Mapping

import orjson

from proxy.exchanges.members import Member, edited_rows, join, members, put, raw_changed
from proxy.model import Endpoint, Incoming

_ROW = "POST /exchange/v1/private/"
_SINGLE = frozenset({_ROW + "create-order", _ROW + "advanced/create-order"})
_LISTS = frozenset(
    {_ROW + "create-order-list"} | {_ROW + f"advanced/create-{kind}" for kind in ("order-list", "oco", "oto", "otoco")}
)
_ID, _ROWS = "client_oid", "order_list"


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    """Last in `params`, or in each row of `order_list`; null and "" count as none. An amended order gets none.

    A call without `params`, which the exchange refuses, stays as it is.
    """
    if not params:
        return request, params
    if endpoint.name in _SINGLE and not params.get(_ID):
        text = fresh()
        return _with_body(request, _with_id(request.body, text)), {**params, _ID: text}
    if endpoint.name in _LISTS:
        return _listed(request, params, fresh)
    return request, params


def _with_id(body: bytes, text: str) -> bytes:
    head = body[:-1].rstrip()
    # As most bots write it: no such member, not even a null one, and `params`, the only object, comes last.
    if head[-1:] == b"}" and _ID.encode() not in body and b"\\" not in body:
        return head[:-1] + f',"{_ID}":"{text}"}}}}'.encode()
    return _edited(body, lambda inner: put(inner, _ID, text))


def _listed(
    request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    text = params.get(_ROWS, "")
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        return request, params
    if not isinstance(rows, list) or all(row.get(_ID) for row in rows if isinstance(row, dict)):
        return request, params
    made: list[str] = []

    def name(row: list[Member]) -> list[Member]:
        if _named(row):
            return row
        made.append(fresh())
        return put(row, _ID, made[-1])

    def name_rows(inner: list[Member]) -> list[Member]:
        return [
            raw_changed(m, edited_rows(m, name)) if m.name == _ROWS and isinstance(m.value, list) else m for m in inner
        ]

    body = _edited(request.body, name_rows)
    if not made:  # a text that looks like a list
        return request, params
    again = iter(made)
    as_written = Member(_ROWS, text, rows)
    written = edited_rows(as_written, lambda row: row if _named(row) else put(row, _ID, next(again)))
    return _with_body(request, body), {**params, _ROWS: written}


def _named(row: list[Member]) -> bool:
    return any(member.name == _ID and member.value not in (None, "") for member in row)


def _edited(body: bytes, edit: Callable[[list[Member]], list[Member]]) -> bytes:
    """The envelope with its `params` edited."""
    return join(
        raw_changed(m, join(edit(members(m.raw.encode()))).decode()) if m.name == "params" else m for m in members(body)
    )


def _with_body(request: Incoming, body: bytes) -> Incoming:
    return Incoming(request.method, request.path, request.query, request.headers, body)
