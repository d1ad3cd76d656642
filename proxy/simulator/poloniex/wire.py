"""Reading a Poloniex request: headers, signed text, times, body; and saying no ("Authentication", "Error Codes")."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.records import Answer, Asked

AHEAD_MS = 1_000
_UNESCAPED = "~()*!'"  # besides letters, digits, "-", "_" and ".": JavaScript's encodeURIComponent
_WRONG_PAIR = "Invalid API key/secret pair."


class Refusal(Exception):
    """The exchange says no. `code` is a number, but a text where a key is refused.

    `status` 0: as usual, which is HTTP 400 on spot and 200 on futures (there the code is what counts).
    """

    def __init__(self, code: int | str, message: str, status: int = 0) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


def say(refusal: Refusal, futures: bool) -> Answer:
    """Futures call the text `msg`."""
    body = orjson.dumps({"code": refusal.code, "msg" if futures else "message": refusal.message})
    return Answer(refusal.status or (200 if futures else 400), body, str(refusal.code))


def pairs_of(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def signed_text(method: str, path: str, pairs: Sequence[tuple[str, str]], body: bytes, stamp: str) -> bytes:
    """Three lines. With a body the query is not covered; without one it is, sorted by name, in every method."""
    if body:
        part = b"requestBody=" + body + b"&signTimestamp=" + stamp.encode()
    else:
        named = sorted([*pairs, ("signTimestamp", stamp)], key=lambda pair: pair[0])
        part = "&".join(
            f"{name}={quote(value, safe=_UNESCAPED, errors='surrogateescape')}" for name, value in named
        ).encode(errors="surrogateescape")
    return f"{method}\n{path}\n".encode(errors="surrogateescape") + part


def signature(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def authenticate(asked: Asked, key: LiveKey | None, window_ms: int) -> LiveKey:
    """The key, if the request is its owner's, in time, and comes from where it may. Raises Refusal."""
    headers = asked.headers
    stamp, given = headers.get("signtimestamp", ""), headers.get("signature", "")
    if key is None or not stamp or not given or key.deleted or key.suspended(asked.now_ms):
        raise Refusal("FORBIDDEN", _WRONG_PAIR, 400)
    if headers.get("signaturemethod", "hmacsha256").lower() != "hmacsha256":
        raise Refusal(601, "Invalid Parameter: signatureMethod", 400)
    if headers.get("signatureversion", "1") not in ("1", "2"):
        raise Refusal(601, "Invalid Parameter: signatureVersion", 400)
    at_ms, window = _whole(stamp), _whole(headers.get("recvwindow", str(window_ms)))
    if at_ms is None or window is None:
        raise Refusal(601, "Invalid Parameter: signTimestamp or recvWindow", 400)
    if at_ms > asked.now_ms + AHEAD_MS:
        raise Refusal(400, "signTimestamp is ahead of the server time", 400)
    if asked.now_ms - at_ms > window:
        raise Refusal(408, "The request is outside of recvWindow", 408)
    text = signed_text(asked.method, asked.path, pairs_of(asked.query), asked.body, stamp)
    if not hmac.compare_digest(signature(key.spec.secret, text).encode(), given.encode(errors="surrogateescape")):
        raise Refusal("FORBIDDEN", _WRONG_PAIR, 400)
    if not key.admits(asked.address):
        raise Refusal(403, f"IP address {asked.address} is not allowed for this API key", 403)
    if key.account.suspended(asked.now_ms):
        frozen = (1003, "USER_IS_FROZEN") if asked.path.startswith("/v3/") else (21601, "Account locked")
        raise Refusal(*frozen)
    return key


def body_of(asked: Asked) -> Any:
    """The JSON, {} where there is none."""
    if not asked.body:
        return {}
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if asked.method != "DELETE" and kind != "application/json":
        raise Refusal(415, "System Error: Content-Type", 415)
    try:
        return orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise Refusal(601, "Invalid Parameter: body", 400) from None
