"""Looking up Kraken writes whose answer was lost.

Sources: docs.kraken.com references get-open-orders, get-closed-orders (50 rows a page, newest first), get-orders-info
(which takes no cl_ord_id) and cancel-order, guide spot-clordid. Amendments and edits: kraken_amended.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.exchanges import kraken_amended as amended
from proxy.exchanges.evidence import of_the_write, rows, swept
from proxy.exchanges.kraken_rebuilt import ADD, AMEND, BATCH, CANCEL, EDIT, ROW, as_answered
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Absence, Finding, Found, Lookup
from proxy.model import Endpoint, Incoming, Reply

# Orders were seen to come up to a minute late when the engine was in trouble.
ABSENCE = Absence(after_ms=60_000, looks=3)

_BY_TXID, _OPEN, _CLOSED, _CHANGES = (f"{ROW}{name}" for name in ("QueryOrders", "OpenOrders", "ClosedOrders",
                                                                    "OrderAmends"))  # fmt: skip
_CANCEL_ALL, _CANCEL_BATCH = f"{ROW}CancelAll", f"{ROW}CancelOrderBatch"
_STANDING = frozenset({"pending", "open"})
_OVER = frozenset({"closed", "canceled", "expired"})
_PAGE = 50
_ALL = "*"  # instead of the id of an order: the look is about many


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    """Open orders first, so that one which is filled between the questions is not missed. Those that a call names all
    at once, or by a userref, are looked for among the open ones.
    """
    name, txid, client_id = endpoint.name, params.get("txid", ""), params.get("cl_ord_id", "")
    userref = params.get("userref", "")
    if name == BATCH:
        placed = (_placed(row.get("cl_ord_id"), row.get("userref"), item, since_ms)
                  for item, row in enumerate(rows(params.get("orders", ""))))  # fmt: skip
        return tuple(lookup for found in placed for lookup in found)
    if name == ADD:
        return tuple(_placed(client_id, userref, 0, since_ms))
    if name in (_CANCEL_ALL, _CANCEL_BATCH):
        return (_ask(_OPEN, {}, _ALL, 0, since_ms),) if name == _CANCEL_ALL or _batch(params) is not None else ()
    if name == CANCEL:
        return _cancels(txid, client_id, userref, since_ms)
    if name == AMEND and amended.is_txid(txid):
        txid = txid.upper()
        return (
            _ask(_CHANGES, {"order_id": txid}, txid, 0, since_ms),
            _ask(_BY_TXID, {"txid": txid}, txid, 0, since_ms),
        )
    if name == AMEND and client_id and not txid:
        return _both({"cl_ord_id": client_id}, client_id, 0, since_ms)
    if name == EDIT and amended.is_txid(txid):
        txid, marked = txid.upper(), {"userref": userref} if userref else {}
        since = _since(since_ms)
        return (
            _ask(_OPEN, marked, txid, 0, since_ms),
            _ask(_CLOSED, marked | since, txid, 0, since_ms),
            _ask(_BY_TXID, {"txid": txid}, txid, 0, since_ms),
        )
    return ()


def _placed(client_id: Any, userref: Any, item: int, since_ms: int) -> Iterator[Lookup]:
    name, value = ("cl_ord_id", client_id) if client_id else ("userref", userref)
    if value not in (None, ""):
        yield _ask(_OPEN, {name: str(value)}, str(value), item, since_ms)
        yield _ask(_CLOSED, {name: str(value)} | _since(since_ms), str(value), item, since_ms)


def _cancels(txid: str, client_id: str, userref: str, since_ms: int) -> tuple[Lookup, ...]:
    """`txid` may hold several ids, and a userref in place of one; of ids that cannot be read, nothing is asked."""
    found: list[Lookup] = []
    for text in (piece.strip() for piece in txid.split(",") if piece.strip()):
        if amended.is_txid(text):
            found.append(_ask(_BY_TXID, {"txid": text.upper()}, text.upper(), len(found), since_ms))
        elif text.lstrip("-").isdigit():
            found.append(_ask(_OPEN, {"userref": text}, _ALL, len(found), since_ms))
        else:
            return ()
    if userref:
        found.append(_ask(_OPEN, {"userref": userref}, _ALL, len(found), since_ms))
    if client_id:
        found += _both({"cl_ord_id": client_id}, client_id, len(found), since_ms)
    return tuple(found)


def _both(given: Mapping[str, str], value: str, item: int, since_ms: int) -> tuple[Lookup, ...]:
    return _ask(_OPEN, given, value, item, since_ms), _ask(_CLOSED, given, value, item, since_ms)


def _since(since_ms: int) -> dict[str, str]:
    """What was made since then was closed since then too."""
    return {"start": str((since_ms - SKEW_MS) // 1000 - 1)}


def _ask(where: str, given: Mapping[str, str], value: str, item: int, since_ms: int) -> Lookup:
    body = "&".join(f"{name}={quote(text, safe='')}" for name, text in given.items()).encode()
    return Lookup(where, Incoming("POST", where.partition(" ")[2], "", (), body), value, item, since_ms)


def _batch(params: Mapping[str, str]) -> frozenset[tuple[str, str]] | None:
    """(kind, name) of each order in a batch of cancels; None if one of them cannot be read."""
    names: list[tuple[str, str]] = []
    for listed, bare in (("orders", ""), ("cl_ord_ids", "cl_ord_id")):
        try:
            found = orjson.loads(params.get(listed, "[]"))
        except orjson.JSONDecodeError:
            return None
        if not isinstance(found, list):
            return None
        for row in found:
            kind, value = next(iter(row.items())) if isinstance(row, dict) and len(row) == 1 else (bare, row)
            if not isinstance(value, str | int) or value == "":
                return None
            text = str(value).strip()
            if kind in ("", "txid", "userref"):
                kind = "txid" if amended.is_txid(text) else "userref" if text.lstrip("-").isdigit() else ""
                text = text.upper()
            if kind not in ("txid", "userref", "cl_ord_id"):
                return None
            names.append((kind, text))
    return frozenset(names) or None


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    try:
        told = orjson.loads(reply.body)
        errors, result = told["error"], told.get("result", {})
        if lookup.endpoint in (_BY_TXID, _CHANGES) and errors == ["EOrder:Unknown order"] and reply.status == 200:
            return NOT_SO_FAR
        if reply.status != 200 or any(text[:1] == "E" for text in errors):
            return CANNOT_TELL
        if lookup.endpoint == _CHANGES:
            return amended.change(params, result, lookup)
        found = result if lookup.endpoint == _BY_TXID else result["open" if lookup.endpoint == _OPEN else "closed"]
        made_ms = {txid: int(float(row["opentm"]) * 1000) for txid, row in found.items()}
        cut = _cut(lookup, result, len(found))
        if lookup.id == _ALL:
            return _swept(params, found, made_ms, lookup, reply, cut)
        if endpoint.name == EDIT:
            return amended.edited(params, found, made_ms, lookup, cut)
        if endpoint.name in (ADD, BATCH):
            return _new(endpoint, found, made_ms, lookup, cut)
        return _named(endpoint, params, found, made_ms, lookup, cut)
    except (ValueError, TypeError, LookupError, AttributeError):
        return CANNOT_TELL


def _cut(lookup: Lookup, result: Mapping[str, Any], length: int) -> bool:
    """Whether there may be more rows than these."""
    if lookup.endpoint == _BY_TXID:
        return False
    count = result.get("count")
    more = isinstance(count, int) and count > length
    return more or bool(result.get("cursor")) or (lookup.endpoint == _CLOSED and length >= _PAGE)


def _new(
    endpoint: Endpoint, found: Mapping[str, Any], made_ms: Mapping[str, int], lookup: Lookup, cut: bool
) -> Finding:
    """Of several new orders under one name, or of one under a userref, it cannot be told whether it is this call's."""
    new = [txid for txid in found if made_ms[txid] >= lookup.since_ms - SKEW_MS]
    if not new:
        return CANNOT_TELL if cut else NOT_SO_FAR
    [txid, *others] = new
    row = found[txid]
    if others or lookup.id != row.get("cl_ord_id"):
        return CANNOT_TELL
    return Finding(Found.DONE, as_answered(endpoint, txid, row), {"txid": txid, **row})


def _swept(
    params: Mapping[str, str], found: Mapping[str, Any], made_ms: Mapping[str, int], lookup: Lookup, reply: Reply,
    cut: bool,
) -> Finding:  # fmt: skip
    names = _batch(params)
    concerned = [
        made_ms[txid]
        for txid, row in found.items()
        if names is None
        or names & {("txid", txid), ("cl_ord_id", row.get("cl_ord_id")), ("userref", str(row.get("userref")))}
    ]
    state = swept(concerned, lookup.since_ms, reply)
    return CANNOT_TELL if cut and state is Found.DONE else Finding(state)


def _named(
    endpoint: Endpoint, params: Mapping[str, str], found: Mapping[str, Any], made_ms: Mapping[str, int],
    lookup: Lookup, cut: bool,
) -> Finding:  # fmt: skip
    """An order that is to be cancelled or amended. Only one of a cl_ord_id is open at a time; of those that have ended,
    the one that did so since the call."""
    own = lookup.endpoint == _BY_TXID
    if any(lookup.id not in (txid, row.get("cl_ord_id")) for txid, row in found.items()):
        return CANNOT_TELL
    standing = [txid for txid, row in found.items() if row.get("status") in _STANDING]
    if any(row.get("status") not in _STANDING | _OVER for row in found.values()):
        return CANNOT_TELL
    ended_ms = {txid: _ended_ms(row) for txid, row in found.items() if txid not in standing}
    if not own:
        if any(made_ms[txid] > lookup.since_ms + SKEW_MS for txid in standing) or None in ended_ms.values():
            return Finding(Found.CANNOT_TELL, b"", {"txids": list(found)})  # a later order of this name
        late = lookup.since_ms - SKEW_MS
        ended_ms = {txid: at_ms for txid, at_ms in ended_ms.items() if at_ms is not None and at_ms >= late}
    left = [*standing, *ended_ms]
    if not left:
        return CANNOT_TELL if cut else NOT_SO_FAR
    if len(left) > 1:
        return CANNOT_TELL
    [txid] = left
    row, order = found[txid], {"txid": txid, **found[txid]}
    at_ms = ended_ms.get(txid)
    this_one = at_ms is None or of_the_write(ended_ms=at_ms, since_ms=lookup.since_ms, own=own)
    never = Finding(Found.NEVER if this_one else Found.NOT_SO_FAR, b"", order)
    if endpoint.name == AMEND:
        return amended.shown(params, row, order, never if txid in ended_ms else Finding(Found.NOT_SO_FAR, b"", order))
    if txid in standing:
        return Finding(Found.NOT_SO_FAR, b"", order)
    if row["status"] == "canceled" and (at_ms is None or at_ms >= lookup.since_ms - SKEW_MS):
        return Finding(Found.DONE, as_answered(endpoint, txid, row), order)
    return never


def _ended_ms(row: Mapping[str, Any]) -> int | None:
    at_s = row.get("closetm")
    return int(float(at_s) * 1000) if at_s is not None else None
