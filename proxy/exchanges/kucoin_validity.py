"""How long a signed KuCoin call may be executed.

Sources: kucoin.com/docs-new authentication (a time stamp that is 5 s off is refused), add order: `allowMaxTimeWindow`
with `clientTimestamp`, which must equal the time stamp: an order that the gateway receives later fails.
"""

from dataclasses import replace
from typing import Any

from proxy.errors import BadCall
from proxy.exchanges.json_body import body_members
from proxy.exchanges.members import Member, Number, edited_rows, join, raw_changed
from proxy.model import Endpoint, Incoming, Stamp

_WINDOW, _STAMP, _LIST = "allowMaxTimeWindow", "clientTimestamp", "orderList"
_ONE = frozenset({"POST /api/v1/hf/orders", "POST /api/v1/hf/orders/sync"})
_SEVERAL = frozenset({"POST /api/v1/hf/orders/multi", "POST /api/v1/hf/orders/multi/sync"})
# An order is to be in or out soon, so that a lost answer can be looked up while the bot still waits. Shorter would
# refuse orders: our idea of the clock may be off by 0.5 s, and an order may be under way for 2 s.
_OURS_MS = 3_000
_STALE_MS = 5_000


def timed(request: Incoming, endpoint: Endpoint, stamp: Stamp) -> Incoming:
    """A spot order, or each one of a list, with its end: ours if the bot gave none, never above 5 s."""
    if endpoint.name in _ONE and request.body:
        return replace(request, body=join(_timed(body_members(request.body), stamp)))
    if endpoint.name in _SEVERAL and request.body:
        found = body_members(request.body)
        return replace(request, body=join(_listed(member, stamp) for member in found))
    return request


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    return stamp.wall_ms + _valid_ms(endpoint, request)


def _valid_ms(endpoint: Endpoint, request: Incoming) -> int:
    """A list is as good as its longest order."""
    try:
        found = {member.name: member.value for member in body_members(request.body)} if request.body else {}
    except BadCall:
        return _STALE_MS
    if endpoint.name in _ONE:
        return _order_ms(found)
    if endpoint.name in _SEVERAL:
        rows = found.get(_LIST)
        rows = rows if isinstance(rows, list) else []
        return max((_order_ms(row) if isinstance(row, dict) else _STALE_MS for row in rows), default=_STALE_MS)
    return _STALE_MS


def _order_ms(order: dict[str, Any]) -> int:
    if order.get(_WINDOW) is None:
        return _OURS_MS
    given = _ms(order[_WINDOW])
    return _STALE_MS if given is None else min(given, _STALE_MS)


def _listed(member: Member, stamp: Stamp) -> Member:
    if member.name != _LIST or not isinstance(member.value, list):
        return member
    return raw_changed(member, edited_rows(member, lambda row: _timed(row, stamp)))


def _timed(order: list[Member], stamp: Stamp) -> list[Member]:
    """What is not a number stays, for the exchange to refuse it."""
    kept = [member for member in order if member.name != _STAMP]
    given = next((member for member in kept if member.name == _WINDOW), None)
    if given is None or given.value is None:
        kept = [*(member for member in kept if member is not given), _number(_WINDOW, _OURS_MS)]
    elif (_ms(given.value) or 0) > _STALE_MS:
        kept = [raw_changed(member, str(_STALE_MS)) if member is given else member for member in kept]
    return [*kept, _number(_STAMP, stamp.wall_ms)]


def _number(name: str, value: int) -> Member:
    return Member(name, str(value), Number(value), f'"{name}":{value}')


def _ms(value: Any) -> int | None:
    """Whole or cut to whole; None if it is no number of ms."""
    try:
        found = float(value) if isinstance(value, str) else None
        return int(found) if found is not None and found >= 0 else None
    except (ValueError, OverflowError):
        return None
