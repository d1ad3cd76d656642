"""From an Answer to the bytes that a bot gets. Pure."""

from functools import lru_cache
from http import HTTPStatus

import orjson

from proxy.answer import Answer
from proxy.exchanges.form import Exchange
from proxy.model import Call, Executed, Incoming, NativeError, Refusal, Reply

# Hop by hop, or made anew by us; a cookie of the exchange's edge would tie bots together.
_DROPPED = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"content-length", b"set-cookie", b"alt-svc",
    }
)  # fmt: skip
_OUTCOMES = {Executed.YES: "executed", Executed.NO: "rejected", Executed.UNKNOWN: "unknown"}
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


def reply_head(reply: Reply, ours: list[tuple[str, str]], *, length: int | None, close: bool) -> bytes:
    """Status line and headers of an exchange's answer. `length` None: the body follows in chunks."""
    rows = [b"HTTP/1.1 %d %s" % (reply.status, reply.reason)]
    for name, value in reply.headers:
        start = _line_start(name)
        if start:
            rows.append(start + value)
    return _finish(rows, ours, length, close)


@lru_cache(maxsize=1024)
def _line_start(name: bytes) -> bytes:
    """The beginning of a header's line, or b"" if it is dropped. Cached: an exchange's names are few."""
    return b"" if name.lower() in _DROPPED else name + b": "


def refusal_head(error: NativeError, ours: list[tuple[str, str]], *, close: bool) -> bytes:
    rows = [b"HTTP/1.1 %d %s" % (error.status, _REASONS.get(error.status, b"Refused"))]
    rows.append(b"Content-Type: " + error.content_type.encode())
    return _finish(rows, ours, len(error.body), close)


def _finish(rows: list[bytes], ours: list[tuple[str, str]], length: int | None, close: bool) -> bytes:
    rows.append(b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length)
    if close:
        rows.append(b"Connection: close")
    text = "".join([f"{name}: {value}\r\n" for name, value in ours])
    return b"%s\r\n%s\r\n" % (b"\r\n".join(rows), text.encode("latin-1"))


def our_headers(call: Call, answer: Answer) -> list[tuple[str, str]]:
    """The X-Ordergate-* headers of an admitted call."""
    rows = [
        ("X-Ordergate-Call", call.id),
        ("X-Ordergate-Origin", "ordergate" if answer.refusal is not None else "exchange"),
        ("X-Ordergate-Attempts", str(answer.attempts)),
        ("X-Ordergate-Queued-Ms", str(answer.queued_ns // 1_000_000)),
    ]
    if answer.route is not None:
        if answer.route.key is not None:
            rows.append(("X-Ordergate-Key", answer.route.key))
        rows.append(("X-Ordergate-Address", answer.route.address))
    if answer.remaining is not None:
        rows.append(("X-Ordergate-Remaining", f"{answer.remaining:.3f}"))
    if answer.shared:
        rows.append(("X-Ordergate-Shared", "1"))
    if answer.replayed:
        rows.append(("X-Ordergate-Replayed", "1"))
    if answer.executed is not None:
        rows.append(("X-Ordergate-Outcome", _OUTCOMES[answer.executed]))
    if answer.refusal is not None:
        rows += refusal_headers(answer.refusal)
    return rows


def refusal_headers(refusal: Refusal) -> list[tuple[str, str]]:
    rows = [("X-Ordergate-Reason", refusal.reason)]
    if refusal.retry_after_s:
        rows.append(("Retry-After", str(refusal.retry_after_s)))
    return rows


def native(refusal: Refusal, exchange: Exchange | None, request: Incoming) -> NativeError:
    """The refusal in the exchange's shape; a plain one while the exchange is not known."""
    if exchange is not None:
        return exchange.native_error(refusal, request)
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    return NativeError(refusal.status, orjson.dumps({"code": -refusal.status, "msg": text, "error": [text]}))
