"""How long a signed Kraken Futures call may be executed: there is no window, but order calls take `processBefore`.

Sources: docs.kraken.com futures-api references send-order, edit-order, cancel-order and send-batch-order: an ISO 8601
time; a call that is not processed before it is rejected.
"""

from datetime import UTC, datetime

from proxy.exchanges import texts
from proxy.exchanges.krakenfutures_errors import BATCH
from proxy.exchanges.krakenfutures_orders import CANCEL, EDIT, SEND, collected
from proxy.model import Endpoint, Incoming, Stamp

_NAME = "processBefore"
_TAKEN = frozenset({SEND.name, EDIT.name, CANCEL.name, BATCH})
_OURS_MS = 5_000
_LONGEST_MS = 60_000  # other calls have no end of their own


def bounded(request: Incoming, endpoint: Endpoint, stamp: Stamp) -> Incoming:
    """With our deadline behind the bot's parameters, unless the call takes none or the bot gave a shorter one.

    Its colons stay as they are, for then it reads the same to a server that hashes the form decoded.
    """
    if endpoint.name not in _TAKEN:
        return request
    given = collected(request).get(_NAME, "")
    ends_ms = _moment_ms(given)
    if given and (ends_ms is None or ends_ms <= stamp.wall_ms + _OURS_MS):
        return request
    query, body = request.query, request.body.decode("ascii")
    if given:
        query, body = (texts.without(form, frozenset({_NAME})) for form in (query, body))
    piece = f"{_NAME}={_iso(stamp.wall_ms + _OURS_MS)}"
    if body or not query:
        body = f"{body}&{piece}" if body else piece
    else:
        query = f"{query}&{piece}"
    return Incoming(request.method, request.path, query, request.headers, body.encode())


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    if endpoint.name not in _TAKEN:
        return stamp.wall_ms + _LONGEST_MS
    given = collected(request).get(_NAME, "")
    if not given:
        return stamp.wall_ms + _OURS_MS
    ends_ms = _moment_ms(given)
    if ends_ms is None:  # in a spelling that only the exchange may know
        return stamp.wall_ms + _LONGEST_MS
    return min(ends_ms, stamp.wall_ms + _OURS_MS)


def _moment_ms(text: str) -> int | None:
    """The end of that millisecond; None if it is no time with a zone."""
    try:
        at = datetime.fromisoformat(text)
        return int(at.timestamp() * 1000) + 1 if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _iso(wall_ms: int) -> str:
    seconds, rest_ms = divmod(wall_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ms:03d}Z"
