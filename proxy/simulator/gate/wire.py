"""Reading a Gate request: headers, signed text, time (APIv4 signed request)."""

import hashlib
import hmac
import math
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson

from proxy.simulator.records import Answer, Asked

SLACK_S = 60.0


class Refusal(Exception):
    """The exchange says no: {"label": .., "message": ..}, `detail` in the place of `message` where contracts do it."""

    def __init__(self, status: int, label: str, message: str, *, detail: bool = False) -> None:
        super().__init__(f"{label} {message}")
        self.status = status
        self.label = label
        self.message = message
        self.detail = detail

    def body(self) -> dict[str, str]:
        text = self.message.encode("utf-8", "replace").decode()
        return {"label": self.label, "detail" if self.detail else "message": text}


def refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, orjson.dumps(refusal.body()), refusal.label)


def invalid(message: str) -> Refusal:
    return Refusal(400, "INVALID_PARAM_VALUE", message)


def missing(name: str) -> Refusal:
    return Refusal(400, "MISSING_REQUIRED_PARAM", f"Missing required parameter: {name}")


def signed_text(method: str, path: str, query: str, body: bytes, stamp: str) -> bytes:
    """Five lines; the query in the order it was sent, but decoded."""
    plain = unquote_plus(query, errors="surrogateescape")
    lines = (method, path, plain, hashlib.sha512(body).hexdigest(), stamp)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def signature(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()


def signed(secret: str, text: bytes, given: str) -> bool:
    """Lower-case hex."""
    return hmac.compare_digest(signature(secret, text).encode(), given.encode("utf-8", "surrogateescape"))


def check_time(stamp: str, now_ms: int) -> None:
    """Seconds, with a fraction or without; a minute off at most."""
    try:
        seconds = float(stamp)
    except ValueError:
        seconds = math.nan
    if not abs(now_ms / 1000 - seconds) <= SLACK_S:
        text = f"gap between request Timestamp and server time exceeds {SLACK_S:.0f} seconds"
        raise Refusal(403, "REQUEST_EXPIRED", text)


def check_deadline(asked: Asked) -> None:
    """`x-gate-exptime`, in ms: a request that comes later is refused."""
    text = asked.headers.get("x-gate-exptime")
    if text is None:
        return
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise invalid("invalid header: x-gate-exptime")
    if asked.now_ms > int(text):
        raise Refusal(403, "REQUEST_EXPIRED", "the request is received after x-gate-exptime")


def query_params(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise invalid("invalid query") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid("a parameter is given twice")
    return found


def json_body(asked: Asked) -> Any:
    """The JSON of a request that has a body; None if there is none."""
    if not asked.body:
        return None
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "INVALID_CONTENT_TYPE", "Content-Type must be application/json")
    try:
        return orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body") from None
