"""Reading a Kraken request: body kinds, signature, nonce (spot REST authentication)."""

import base64
import binascii
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl

import orjson

from proxy.simulator.accounts import LiveKey

NONCES_KEPT = 50_000  # of a key with a window; far below the highest they are refused anyway
_U64 = 1 << 64


class Refusal(Exception):
    """The exchange says no, with HTTP 200 and this text in the `error` list."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def parameters(content_type: str, body: bytes) -> tuple[dict[str, Any], bool]:
    """Parameters of a private call and whether they came as JSON. Values of a form are texts."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refusal("EAPI:Bad request") from None
        if not isinstance(data, dict):
            raise Refusal("EAPI:Bad request")
        return data, True
    if kind != "application/x-www-form-urlencoded":
        raise Refusal("EAPI:Bad request")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body))
    except (UnicodeDecodeError, ValueError):
        raise Refusal("EAPI:Bad request") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal("EGeneral:Invalid arguments")
    return found, False


def nonce_text(params: dict[str, Any]) -> str:
    """The nonce as decimal text. A JSON number or text; unsigned 64 bit."""
    value = params.get("nonce")
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or int(text) >= _U64:
        raise Refusal("EAPI:Invalid nonce")
    return text


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """base64(HMAC-SHA512(base64decode(secret), path + SHA256(nonce + body)))."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(
        hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512).digest()
    ).decode()


def signed(secret: str, path: str, nonce: str, body: bytes, given: str) -> bool:
    try:
        wanted = signature(secret, path, nonce, body)
    except binascii.Error:
        return False
    return hmac.compare_digest(wanted.encode(), given.encode())


def take_nonce(key: LiveKey, nonce: int) -> bool:
    """True if the nonce is accepted: above the highest so far, or inside the key's window and new.

    That a nonce inside the window is taken once only is not documented; the strict reading is kept
    here, because a replayed request must never pass.
    """
    window = key.spec.nonce_window
    if nonce <= key.nonce - window if window else nonce <= key.nonce:
        return False
    if nonce in key.nonces:
        return False
    key.nonce = max(key.nonce, nonce)
    if window:
        key.nonces.add(nonce)
        if len(key.nonces) > NONCES_KEPT:
            low = key.nonce - window
            key.nonces = set(sorted(n for n in key.nonces if n > low)[-NONCES_KEPT // 2 :])
    return True
