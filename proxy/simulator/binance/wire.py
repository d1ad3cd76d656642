"""Reading a Binance request: parameters, signature, time (rest-api.md, request security)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# What a percent-encoded text may contain; anything else was not encoded before signing.
_ENCODED = re.compile(r"[A-Za-z0-9\-._~%&=+*!'(),;:@/?$]*")


class Refusal(Exception):
    """The exchange says no: HTTP status, code and text of the error body, and what some say beside that."""

    def __init__(
        self, status: int, code: int, text: str, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> None:
        super().__init__(f"{code} {text}")
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers or {}
        self.data = data

    @property
    def body(self) -> dict[str, Any]:
        told = {"code": self.code, "msg": self.text}
        return told if self.data is None else {**told, "data": self.data}


def parameters(query: str, body: str) -> dict[str, str]:
    """All parameters of query and form body, decoded. Duplicates in or across them are refused."""
    found: dict[str, str] = {}
    for part in (*query.split("&"), *body.split("&")):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in found:
            raise Refusal(400, -1101, "Duplicate values for a parameter detected.")
        found[name] = unquote_plus(value)
    return found


def form_body(method: str, content_type: str, body: bytes) -> str:
    """The body, if it is one that the exchange reads. JSON is none, whatever it contains."""
    if method == "GET" or not body:
        return ""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return ""
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(400, -1022, "Signature for this request is not valid.") from None


def signed_text(query: str, body: str, *, encoded: bool = True) -> str:
    """Query and body as sent, nothing between, without the signature, which must be last in its place. Where it need
    not be `encoded`, only ASCII is asked for."""
    if not (query + body).isascii():
        raise Refusal(400, -1022, "Signature for this request is not valid.")
    if encoded and not (_ENCODED.fullmatch(query) and _ENCODED.fullmatch(body)):
        raise Refusal(400, -1022, "Signature for this request is not valid.")
    return "".join(_unsigned(part) for part in (query, body))


def _unsigned(text: str) -> str:
    if text.startswith("signature=") and "&" not in text:
        return ""
    head, mark, tail = text.rpartition("&signature=")
    return head if mark and "&" not in tail else text


class Verifier:
    """Checks signatures; parsed public keys are kept."""

    def __init__(self) -> None:
        self._parsed: dict[str, Any] = {}

    def valid(self, secret: str, text: str, signature: str) -> bool:
        data = text.encode("ascii", "replace")
        if "PUBLIC KEY" not in secret:
            wanted = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
            return hmac.compare_digest(wanted.encode(), signature.lower().encode())
        public = self._parsed.get(secret)
        if public is None:
            public = self._parsed[secret] = load_pem_public_key(secret.encode())
        try:
            raw = base64.b64decode(signature, validate=True)
            if isinstance(public, ed25519.Ed25519PublicKey):
                public.verify(raw, data)
            elif isinstance(public, rsa.RSAPublicKey):
                public.verify(raw, data, padding.PKCS1v15(), SHA256())
            else:
                return False
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def check_time(params: Mapping[str, str], now_ms: int, *, spot: bool = True) -> None:
    """timestamp < now + 1 s, and not older than recvWindow (ms; spot takes microseconds and parts of a ms too)."""
    text = params.get("timestamp", "")
    if not text:
        raise Refusal(400, -1102, _missing("timestamp"))
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise Refusal(400, -1100, "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'.")
    window_text = params.get("recvWindow", "5000")
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?" if spot else r"[0-9]{1,6}", window_text):
        raise Refusal(
            400,
            -1100,
            "Illegal characters found in parameter 'recvWindow'; legal range is '^[0-9]+(\\.[0-9]{1,3})?$'.",
        )
    window = float(window_text)
    if window > 60_000:
        raise Refusal(400, -1131, "recvWindow must be less than 60000")
    stamp = int(text)
    at_ms = stamp / 1000 if spot and stamp >= 10**15 else float(stamp)
    if at_ms >= now_ms + 1000:
        raise Refusal(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - at_ms > window:
        raise Refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def _missing(name: str) -> str:
    return f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def need(params: Mapping[str, str], name: str) -> str:
    """The parameter, or -1102 if it was not sent, or -1105 if it was empty."""
    if name not in params:
        raise Refusal(400, -1102, _missing(name))
    if not params[name]:
        raise Refusal(400, -1105, f"Parameter '{name}' was empty.")
    return params[name]
