"""Client order ids for Kraken orders that have none.

Sources: docs.kraken.com references add-order, add-order-batch and edit-order (which takes none), guide spot-clordid.
"""

from collections.abc import Callable, Mapping

import orjson

from proxy.exchanges import texts
from proxy.exchanges.members import Member, edited_rows, join, members, put, raw_changed
from proxy.model import Endpoint, Incoming

_ADD, _BATCH = "POST /0/private/AddOrder", "POST /0/private/AddOrderBatch"
_ID, _REF = "cl_ord_id", "userref"


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    """Last in the body, or in each order of a batch. An order with a userref gets none: it takes one of the two.

    A batch that is not JSON, which the exchange does not take, stays as it is.
    """
    if endpoint.name == _ADD:
        return _single(request, params, fresh)
    if endpoint.name == _BATCH and texts.is_json(request.body):
        return _batch(request, params, fresh)
    return request, params


def _single(
    request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    given = params.get(_ID)
    if (given and given != "null") or params.get(_REF):
        return request, params
    if texts.is_json(request.body):
        if given is None:  # the members are the parameters, and `strip` leaves nothing behind the last brace
            text = fresh()
            head = request.body[:-1] + (b"," if params else b"")
            return _with_body(request, head + f'"{_ID}":"{text}"}}'.encode()), {**params, _ID: text}
        found = members(request.body)
        if not _nameless(found):  # its id is the text "null"
            return request, params
        text = fresh()
        return _with_body(request, join(put(found, _ID, text))), {**params, _ID: text}
    if given:
        return request, params
    text = fresh()
    form = texts.without(request.body.decode("ascii"), frozenset({_ID}))
    form = f"{form}&{_ID}={text}" if form else f"{_ID}={text}"
    return _with_body(request, form.encode()), {**params, _ID: text}


def _batch(
    request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    if _all_named(params.get("orders", "")):
        return request, params
    found = members(request.body)
    for at, member in enumerate(found):
        if member.name == "orders" and isinstance(member.value, list):
            raw = edited_rows(member, lambda row: put(row, _ID, fresh()) if _nameless(row) else row)
            if raw == member.raw:
                break
            found[at] = raw_changed(member, raw)
            return _with_body(request, join(found)), {**params, "orders": raw}
    return request, params


def _all_named(text: str) -> bool:
    """A quick look; False if it cannot tell."""
    try:
        return all(row.get(_ID) or row.get(_REF) for row in orjson.loads(text) if isinstance(row, dict))
    except (orjson.JSONDecodeError, TypeError):
        return False


def _nameless(row: list[Member]) -> bool:
    return not any(m.value not in (None, "") for m in row if m.name in (_ID, _REF))


def _with_body(request: Incoming, body: bytes) -> Incoming:
    return Incoming(request.method, request.path, request.query, request.headers, body)
