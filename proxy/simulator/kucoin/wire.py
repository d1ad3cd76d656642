"""Reading a KuCoin request: headers, signed text, passphrase, body; and saying no ("Authentication", "Error codes")."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import unquote_plus

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.records import Answer, Asked

TIMESTAMP_SLACK_MS = 5_000
_SIGNED = ("kc-api-key", "kc-api-sign", "kc-api-timestamp", "kc-api-passphrase")


class Refusal(Exception):
    """The exchange says no. Most refusals of orders are HTTP 200 with a code of their own."""

    def __init__(self, code: str, message: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}


def bad(message: str) -> Refusal:
    return Refusal("400100", message)


def say(refusal: Refusal) -> Answer:
    body = orjson.dumps({"code": refusal.code, "msg": refusal.message})
    return Answer(refusal.status, body, refusal.code, refusal.headers)


def signature(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def signed_text(timestamp: str, method: str, path: str, query: str, body: bytes) -> bytes:
    """The query is signed as the text it stands for, not as it is escaped in the URL."""
    endpoint = f"{path}?{unquote_plus(query, errors='surrogateescape')}" if query else path
    return f"{timestamp}{method}{endpoint}".encode(errors="surrogateescape") + body


def authenticate(asked: Asked, key: LiveKey | None) -> LiveKey:
    """The key, if the request is its owner's and comes from where it may. Raises Refusal."""
    headers = asked.headers
    if not all(headers.get(name) for name in _SIGNED):
        message = (
            "Please check the header of your request for KC-API-KEY, KC-API-SIGN, KC-API-TIMESTAMP, KC-API-PASSPHRASE"
        )
        raise Refusal("400001", message, 401)
    timestamp = headers["kc-api-timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise Refusal("400002", "Invalid KC-API-TIMESTAMP", 401)
    if abs(asked.now_ms - int(timestamp)) > TIMESTAMP_SLACK_MS:
        raise Refusal("400002", "KC-API-TIMESTAMP Invalid -- Time differs from server time by more than 5 seconds", 401)
    if key is None or key.deleted or key.suspended(asked.now_ms):
        raise Refusal("400003", "KC-API-KEY not exists", 401)
    # Keys of version 1, whose passphrase goes out in plain text, can no longer be made: there are none here.
    wanted = signature(key.spec.secret, key.spec.passphrase.encode())
    if headers.get("kc-api-key-version") not in ("2", "3") or headers["kc-api-passphrase"] != wanted:
        raise Refusal("400004", "Invalid KC-API-PASSPHRASE", 401)
    text = signed_text(timestamp, asked.method, asked.path, asked.query, asked.body)
    if not hmac.compare_digest(
        headers["kc-api-sign"].encode(errors="surrogateescape"), signature(key.spec.secret, text).encode()
    ):
        raise Refusal("400005", "Invalid KC-API-SIGN", 401)
    if not key.admits(asked.address):
        raise Refusal("400006", f"Invalid request ip, the current clientIp is:{asked.address}", 403)
    if key.account.suspended(asked.now_ms):
        raise Refusal("411100", "User are frozen")
    return key


def body_of(asked: Asked) -> Any:
    """The JSON of a POST, or of the one DELETE that has a body; {} where there is none."""
    if not asked.body:
        return {}
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal("415000", "Unsupported Media Type", 415)
    try:
        return orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise Refusal("400100", "Required request body is malformed", 400) from None
