"""Reading Coinbase's bearer tokens: JWTs signed with ES256 or EdDSA (CDP API key authentication)."""

import base64
import binascii
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from proxy.simulator.accounts import LiveKey
from proxy.simulator.records import Asked

HOST = "api.coinbase.com"
LONGEST_S = 120
_ISSUERS = ("cdp", "coinbase-cloud")  # the second: older clients
_AUDIENCES = (["retail_rest_api_proxy"], ["cdp_service"])


def bearer(asked: Asked) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes] | None:
    """Header, claims, signed text and signature of the request's token; None if it has none that can be read."""
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        return None
    try:
        header, claims, sign = (_part(part) for part in parts)
        named, claimed = orjson.loads(header), orjson.loads(claims)
    except ValueError:
        return None
    if not isinstance(named, dict) or not isinstance(claimed, dict):
        return None
    return named, claimed, f"{parts[0]}.{parts[1]}".encode(), sign


def _part(text: str) -> bytes:
    """base64url without padding. Raises ValueError."""
    if "=" in text or not text.isascii():
        raise ValueError
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError from None


def key_name(asked: Asked) -> str:
    read = bearer(asked)
    name = read[0].get("kid") if read else None
    return name if isinstance(name, str) else ""


def valid(asked: Asked, key: LiveKey) -> bool:
    """The token is this key's, for this method and path, and now. Body and query are not covered."""
    read = bearer(asked)
    if read is None:
        return False
    header, claims, text, sign = read
    begins, ends, now = claims.get("nbf"), claims.get("exp"), asked.now_ms / 1000
    if not isinstance(begins, int) or not isinstance(ends, int) or not begins <= now < ends:
        return False
    uri = f"{asked.method} {HOST}{asked.path}"
    nonce = header.get("nonce")
    return (
        ends - begins <= LONGEST_S
        and header.get("typ", "JWT") == "JWT"
        and isinstance(nonce, str)
        and bool(nonce)
        and header.get("kid") == claims.get("sub") == key.spec.key
        and claims.get("iss") in _ISSUERS
        and ("aud" not in claims or claims["aud"] in _AUDIENCES)
        and (claims.get("uri") == uri or claims.get("uris") == [uri])
        and signed(key.spec.secret, header.get("alg"), text, sign)
    )


def signed(pem: str, algorithm: object, text: bytes, sign: bytes) -> bool:
    """The kind of the key decides the algorithm. An ES256 signature is r and s of 32 bytes each, not DER."""
    key = _public(pem)
    try:
        if isinstance(key, Ed25519PublicKey) and algorithm == "EdDSA":
            key.verify(sign, text)
            return True
        if isinstance(key, EllipticCurvePublicKey) and algorithm == "ES256" and len(sign) == 64:
            r, s = int.from_bytes(sign[:32], "big"), int.from_bytes(sign[32:], "big")
            key.verify(encode_dss_signature(r, s), text, ECDSA(SHA256()))
            return True
    except InvalidSignature:
        pass
    return False


@lru_cache(maxsize=1000)
def _public(pem: str) -> Ed25519PublicKey | EllipticCurvePublicKey | None:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, Ed25519PublicKey):
        return key
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None
