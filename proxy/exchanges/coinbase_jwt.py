"""The tokens that Coinbase takes instead of a signature: short JWTs, made of a key's name, a method and a path.

Sources: docs.cdp.coinbase.com, Advanced Trade authentication; jwt_generator.py of github coinbase/coinbase-advanced-py;
RFC 7515 (form), RFC 7518 section 3.4 (ES256 signatures are r and s, not DER), RFC 8037 (EdDSA).
"""

import base64
import binascii
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HOST = "api.coinbase.com"
"""Whatever stands between: the token names this host."""

_NUMBER = 32  # bytes of r, of s, and of a seed
Private = EllipticCurvePrivateKey | Ed25519PrivateKey


def bearer(key: str, secret: bytes, *, method: str, path: str, nonce: str, from_s: int, seconds: int) -> str:
    """A token for one method and path (no query), valid from a Unix time for so many seconds; at most 120 are taken.

    ValueError if the secret is no key.
    """
    private = private_key(secret)
    elliptic = isinstance(private, EllipticCurvePrivateKey)
    head = {"alg": "ES256" if elliptic else "EdDSA", "typ": "JWT", "kid": key, "nonce": nonce}
    claims = {
        "sub": key,
        "iss": "cdp",
        "nbf": from_s,
        "exp": from_s + seconds,
        "uri": f"{method} {HOST}{path}",
    }
    signed = f"{_json(head)}.{_json(claims)}"
    return f"{signed}.{_text(signature(private, signed.encode()))}"


def signature(private: Private, data: bytes) -> bytes:
    """64 bytes; those of an elliptic key differ each time."""
    if isinstance(private, Ed25519PrivateKey):
        return private.sign(data)
    r, s = decode_dss_signature(private.sign(data, ECDSA(hashes.SHA256())))
    return r.to_bytes(_NUMBER, "big") + s.to_bytes(_NUMBER, "big")


@lru_cache(maxsize=64)
def private_key(secret: bytes) -> Private:
    """Of a PEM text (its line ends may be the two characters that JSON and shells make of them), or of the Base64 of a
    seed, alone or with its public half. ValueError for anything else.
    """
    text = secret.strip()
    if text.startswith(b"-----BEGIN"):
        try:
            found = serialization.load_pem_private_key(text.replace(rb"\n", b"\n"), password=None)
        except TypeError:
            raise ValueError("the PEM text is encrypted") from None
        if isinstance(found, Ed25519PrivateKey):
            return found
        if isinstance(found, EllipticCurvePrivateKey) and isinstance(found.curve, SECP256R1):
            return found
        raise ValueError("neither a P-256 nor an Ed25519 key")
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("neither PEM nor Base64") from None
    if len(raw) not in (_NUMBER, 2 * _NUMBER):
        raise ValueError("not 32 or 64 bytes")
    private = Ed25519PrivateKey.from_private_bytes(raw[:_NUMBER])
    if raw[_NUMBER:] not in (b"", private.public_key().public_bytes_raw()):
        raise ValueError("the halves do not belong together")
    return private


def public_pem(secret: bytes) -> str:
    """The half of a key that the exchange keeps."""
    shown = (
        private_key(secret)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return shown.decode()


def key_name(token: str) -> str:
    """The name of the key that a JWT says it was made with, unverified; "" if the text is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    head, claims = (_read(part) for part in parts[:2])
    name = head.get("kid") or claims.get("sub")
    return name if isinstance(name, str) else ""


def _read(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: dict[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
