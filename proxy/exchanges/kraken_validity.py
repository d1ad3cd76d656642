"""How long a signed Kraken call may be executed: there is no window, but orders take a `deadline`.

Sources: docs.kraken.com references add-order, add-order-batch, amend-order and edit-order: an RFC 3339 time, 0.5 to
60 s ahead, after which the engine does not match the order; 5 s from its arrival if none is given.
"""

from datetime import UTC, datetime
from urllib.parse import quote

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.members import members
from proxy.model import Endpoint, Incoming, Stamp

_NAME = "deadline"
_TAKEN = frozenset(f"POST /0/private/{name}" for name in ("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"))
# As long as the exchange's own, but from our sending, so that the way there counts too. Our idea of its clock is good
# for half a second, and before its first answer it is the clock of this machine.
_OURS_MS = 5_000
_LONGEST_MS = 60_000  # the longest deadline; also how late an engine in trouble was seen to act on other calls


def bounded(request: Incoming, endpoint: Endpoint, stamp: Stamp) -> Incoming:
    """With a deadline behind the bot's parameters, if the call takes one and the bot gave none."""
    if endpoint.name not in _TAKEN or _given(request.body) is not None:
        return request
    body, at = request.body, _rfc3339(stamp.wall_ms + _OURS_MS)
    if texts.is_json(body):
        head = body.rstrip()[:-1]
        body = head + (b"" if head.rstrip() == b"{" else b",") + f'"{_NAME}":"{at}"}}'.encode()
    else:
        body += (b"&" if body else b"") + f"{_NAME}={quote(at, safe='')}".encode()
    return Incoming(request.method, request.path, request.query, request.headers, body)


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    """Other calls than these four have no end of their own; the longest delay that was reported is taken for it."""
    longest_ms = stamp.wall_ms + _LONGEST_MS
    if endpoint.name not in _TAKEN:
        return longest_ms
    given = _given(request.body)
    if given is None:
        return stamp.wall_ms + _OURS_MS
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        return longest_ms
    return min(int(at.timestamp() * 1000) + 1, longest_ms) if at.tzinfo is not None else longest_ms


def _given(body: bytes) -> str | None:
    """The bot's own deadline; "" if it is no text."""
    if _NAME.encode() not in body and b"%" not in body and b"\\" not in body:
        return None
    try:
        if texts.is_json(body):
            values = (m.value for m in members(body) if m.name == _NAME)
            return next((value if isinstance(value, str) else "" for value in values), None)
        return texts.collect((body.decode("ascii"),)).get(_NAME)
    except (BadCall, UnicodeDecodeError):
        return ""


def _rfc3339(wall_ms: int) -> str:
    seconds, rest_ms = divmod(wall_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ms:03d}Z"
