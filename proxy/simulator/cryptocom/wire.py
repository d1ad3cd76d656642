"""Reading a Crypto.com request: envelope, signed text, nonce (REST common reference)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

NONCE_SLACK_MS = 60_000
_DEPTH = 32  # deeper params than any method has are refused before they are walked


class Refusal(Exception):
    """The exchange says no. `result`: what still comes with it."""

    def __init__(self, status: int, code: int, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.result = result


@dataclass(frozen=True, slots=True)
class Envelope:
    id: int | str
    method: str
    params: dict[str, Any]
    api_key: str
    sig: str
    nonce: int
    id_text: str
    nonce_text: str


def flat(value: Any, depth: int = 0) -> str:
    """The signed form of params: keys in ascending order, everything run together."""
    if depth > _DEPTH:
        raise Refusal(400, 40001, "BAD_REQUEST")
    if isinstance(value, dict):
        return "".join(key + flat(value[key], depth + 1) for key in sorted(value))
    if isinstance(value, list):
        return "".join(flat(item, depth + 1) for item in value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def holds_number(value: Any) -> bool:
    """A JSON number anywhere inside: numbers must be sent as texts."""
    if isinstance(value, dict):
        return any(holds_number(item) for item in value.values())
    if isinstance(value, list):
        return any(holds_number(item) for item in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed_text(envelope: Envelope) -> str:
    return envelope.method + envelope.id_text + envelope.api_key + flat(envelope.params) + envelope.nonce_text


def read(body: bytes) -> dict[str, Any]:
    """The JSON object of a private call."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, 40003, "INVALID_REQUEST") from None
    if not isinstance(data, dict):
        raise Refusal(400, 40003, "INVALID_REQUEST")
    return data


def envelope(data: dict[str, Any], tail: str) -> Envelope:
    """All fields there and of the right kind, and the method that of the URL."""
    method, params, api_key, sig = (data.get(name) for name in ("method", "params", "api_key", "sig"))
    if method != tail:
        raise Refusal(400, 40003, "INVALID_REQUEST")
    if not isinstance(api_key, str) or not api_key or not isinstance(sig, str) or not sig:
        raise Refusal(401, 40101, "UNAUTHORIZED")
    if not isinstance(params, dict):
        raise Refusal(400, 40004, "MISSING_OR_INVALID_ARGUMENT")
    number = _whole(data.get("id"))
    nonce = _whole(data.get("nonce"))
    if number is None:
        raise Refusal(400, 40004, "MISSING_OR_INVALID_ARGUMENT")
    if nonce is None:
        raise Refusal(400, 40102, "INVALID_NONCE")
    return Envelope(data["id"], tail, params, api_key, sig, nonce, str(data["id"]), str(data["nonce"]))


def _whole(value: Any) -> int | None:
    """An integer 0..2^63-1, as number or text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        return None
    return value
