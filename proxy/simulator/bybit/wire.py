"""Reading a Bybit request: headers, signed text, time window (v5 docs, integration guidance)."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from proxy.simulator.records import Answer, Asked

AHEAD_MS = 1000  # how far a timestamp may be in the future
WINDOW_MS = 5000  # without the header


class Refusal(Exception):
    """The exchange says no, in its JSON. `status` is 200 for nearly everything."""

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


class Shut(Exception):
    """An answer from the front of the exchange, not in its JSON."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def reply(
    payload: Any, now_ms: int, *, code: int = 0, message: str = "OK", extra: Any = None, status: int = 200
) -> Answer:
    """The envelope of all answers."""
    data = {
        "retCode": code,
        "retMsg": message.encode("utf-8", "replace").decode(),
        "result": {} if payload is None else payload,
        "retExtInfo": {} if extra is None else extra,
        "time": now_ms,
    }
    return Answer(status, orjson.dumps(data), "ok" if code == 0 else str(code))


def payload_of(asked: Asked) -> str:
    """The part of the signed text that the request brings: the raw query or the raw body."""
    try:
        return asked.body.decode() if asked.method == "POST" else asked.query
    except UnicodeDecodeError:
        raise Refusal(10001, "Request parameter error.") from None


def signed(secret: str, text: str, given: str) -> bool:
    """HMAC-SHA256 in lower-case hex; with a public key as the secret RSA-SHA256 (PKCS#1 v1.5) in base64."""
    raw_text = text.encode("utf-8", "surrogateescape")
    if "PUBLIC KEY" not in secret:
        wanted = hmac.new(secret.encode(), raw_text, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))
    key = load_pem_public_key(secret.encode())
    try:
        raw = base64.b64decode(given, validate=True)
        if isinstance(key, RSAPublicKey):
            key.verify(raw, raw_text, PKCS1v15(), SHA256())
            return True
    except (ValueError, InvalidSignature):
        pass
    return False


def check_time(stamp: str, window: str, now_ms: int) -> None:
    """server - window <= timestamp < server + 1000 ms."""
    texts = (stamp, window) if window else (stamp,)
    ok = all(t.isascii() and t.isdigit() and len(t) <= 18 for t in texts)
    window_ms = int(window) if window and ok else WINDOW_MS
    if not ok or not now_ms - window_ms <= int(stamp) < now_ms + AHEAD_MS:
        text = "invalid request, please check your server timestamp or recv_window param."
        detail = f"req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window or WINDOW_MS}]"
        raise Refusal(10002, f"{text} {detail}")


def query_params(query: str) -> dict[str, Any]:
    """Decoded once: a cursor is already percent-encoded when it is handed out."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Refusal(10001, "Request parameter error.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal(10001, "Request parameter error.")
    return found


def body_params(asked: Asked) -> dict[str, Any]:
    """A JSON object; "{}" where there is nothing to say."""
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        data = orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        data = None
    if kind != "application/json" or asked.query or not isinstance(data, dict):
        raise Refusal(10001, "Request parameter error.")
    return data
