"""Reading a Kraken Futures request: signature, nonce, parameters, error shape (REST guide, api errors)."""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.records import Answer, Asked

NONCES_KEPT = 50_000
_NONCE = re.compile(r"[0-9]{1,20}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
_FORM = "application/x-www-form-urlencoded"


class Refusal(Exception):
    """The exchange says no: `result` is "error" and this is the `error`."""

    def __init__(self, error: str, status: int = 200) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


class Unplaced(Exception):
    """A definite no of the engine inside a `result` of "success": sendStatus, editStatus, cancelStatus."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def time_ms(text: str) -> int | None:
    """A UTC time such as 2023-11-08T19:56:35.441899Z, or None."""
    if not _TIME.fullmatch(text):
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        seconds = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return int(seconds) * 1000 + int((fraction + "000")[:3])


def said_no(asked: Asked, refusal: Refusal) -> Answer:
    body = {"result": "error", "error": refusal.error, "serverTime": iso(asked.now_ms)}
    return Answer(refusal.status, orjson.dumps(body), refusal.error)


def signature(secret: str, post_data: str, nonce: str, path: str) -> str:
    """base64(HMAC-SHA512(base64decode(secret), SHA256(postData + Nonce + endpointPath))). `path`: of the URL; only a
    leading /derivatives is taken off."""
    text = post_data + nonce + path.removeprefix("/derivatives")
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return base64.b64encode(hmac.new(base64.b64decode(secret), digest, hashlib.sha512).digest()).decode()


def signed(secret: str, asked: Asked) -> bool:
    """Over the bytes as sent, still encoded: the query, and the body after it."""
    post_data = asked.query + asked.body.decode("utf-8", "surrogateescape")
    try:
        wanted = signature(secret, post_data, asked.headers.get("nonce", ""), asked.path)
    except binascii.Error:
        return False
    return hmac.compare_digest(wanted.encode(), asked.headers.get("authent", "").encode())


def take_nonce(key: LiveKey, text: str, window: int) -> None:
    """Raises Refusal. A nonce is optional; one that comes must be new and not too far below the highest."""
    if not _NONCE.fullmatch(text):
        raise Refusal("invalidArgument: Nonce")
    nonce = int(text)
    if nonce in key.nonces or nonce == key.nonce:
        raise Refusal("nonceDuplicate")
    if nonce <= key.nonce - window:
        raise Refusal("nonceBelowThreshold")
    key.nonce = max(key.nonce, nonce)
    if window:
        key.nonces.add(nonce)
        if len(key.nonces) > NONCES_KEPT:
            key.nonces = set(sorted(key.nonces)[-NONCES_KEPT // 2 :])


def parameters(asked: Asked) -> dict[str, str]:
    """Of the query and of the form; a name that comes more than once is a list, joined by commas."""
    if asked.body and asked.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refusal("Bad Request", 400)
    try:
        body = asked.body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("Bad Request", 400) from None
    both = "&".join(text for text in (asked.query, body) if text)
    return {name: ",".join(values) for name, values in parse_qs(both, keep_blank_values=True).items()}


def batch_of(asked: Asked) -> tuple[list[dict[str, Any]], str]:
    """The instructions and the processBefore of a batchorder. Its form has one field, json."""
    form = dict(parse_qsl(asked.query + asked.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        data = orjson.loads(form.get("json", ""))
    except orjson.JSONDecodeError:
        raise Refusal("Json Parse Error") from None
    rows = data.get("batchOrder") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Refusal("requiredArgumentMissing")
    return rows, str(form.get("processBefore", data.get("processBefore", "")))
