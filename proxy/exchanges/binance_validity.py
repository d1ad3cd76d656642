"""How long a signed Binance call may be executed: until its time stamp plus `recvWindow`.

Source: rest-api.md, Timing security. It is checked on arrival, and again before an order reaches the matching engine.
"""

from math import ceil
from urllib.parse import unquote_plus

from proxy.model import CallClass, Endpoint, Incoming, Stamp

_NAME = "recvWindow"
_DEFAULT_MS = 5_000  # the exchange's, without the parameter
_LONGEST_MS = 60_000  # more is refused
# An order is to be in or out soon, so that a lost answer can be looked up while the bot still waits: clients wait 10 s.
# Shorter would refuse orders: our idea of the clock may be off by 0.5 s, and an order may be under way for 2 s.
_PLACING_MS = 3_000
_PLACING_LONGEST_MS = 5_000  # "5000 or less" is recommended; ccxt asks for 10000 by default


def bounded(request: Incoming, endpoint: Endpoint) -> Incoming:
    """A placing or amending call with a short window: ours if it has none, never above 5 s. Cancels are not touched:
    a late one is better than none.
    """
    if endpoint.call_class not in (CallClass.PLACE, CallClass.AMEND):
        return request
    query, body = request.query, request.body.decode("ascii")
    given = _window(query, body)
    if given is None:
        added = f"{_NAME}={_PLACING_MS}"
        if body:
            body = f"{body}&{added}"
        else:
            query = f"{query}&{added}" if query else added
    elif (_ms(given) or 0) > _PLACING_LONGEST_MS:
        query, body = _cut(query), _cut(body)
    else:
        return request
    return Incoming(request.method, request.path, query, request.headers, body.encode())


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    sent = bounded(request, endpoint)
    given = _window(sent.query, sent.body.decode("ascii"))
    if given is None:
        return stamp.wall_ms + _DEFAULT_MS
    window_ms = _ms(given)
    return stamp.wall_ms + (_LONGEST_MS if window_ms is None else min(ceil(window_ms), _LONGEST_MS))


def _window(*found_in: str) -> str | None:
    """The bot's own, which may be ""; None without one."""
    for text in found_in:
        if _NAME in text or "%" in text:
            for piece in text.split("&"):
                name, _, value = piece.partition("=")
                if unquote_plus(name) == _NAME:
                    return unquote_plus(value)
    return None


def _cut(text: str) -> str:
    pieces = text.split("&")
    named = (unquote_plus(piece.partition("=")[0]) == _NAME for piece in pieces)
    return "&".join(
        f"{_NAME}={_PLACING_LONGEST_MS}" if is_it else piece for piece, is_it in zip(pieces, named, strict=True)
    )


def _ms(text: str) -> float | None:
    """Up to three decimals are taken. None: the exchange will refuse it."""
    try:
        window_ms = float(text)
    except ValueError:
        return None
    return window_ms if 0 <= window_ms < float("inf") else None
