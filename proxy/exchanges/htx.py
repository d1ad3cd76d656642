"""HTX (formerly Huobi), spot and contracts: signing, judging and speaking like api.huobi.pro and api.hbdm.com.

Sources: www.htx.com opend newApiPages (authentication, spot, usdtm), huobiapi.github.io docs, the signing code of
github HuobiRDCenter/huobi_Python, state of 2026-08-21.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.exchanges import json_body
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.htx_errors import Verdicts
from proxy.exchanges.htx_items import items
from proxy.exchanges.htx_lookup import ABSENCE, finding, lookups, rebuilt
from proxy.exchanges.htx_orders import client_ids, closes, identify, orders
from proxy.exchanges.table_file import load_table
from proxy.model import (
    Auth,
    Credential,
    Endpoint,
    Incoming,
    NativeError,
    Refusal,
    SignedRequest,
    Stamp,
)

_DUMMIES = frozenset({"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature"})
_VALID_MS = 300_000
_PEM = b"-----BEGIN"
_DER = re.compile(rb"MC4CAQAwBQYDK2VwBCIEI[A-Za-z0-9+/]{43}")  # an Ed25519 key in PKCS#8, base64 on one line
_UNRESERVED = "-_.~"


def token(request: Incoming) -> str:
    """The access key stands in the query of POSTs too."""
    if "AccessKeyId" not in request.query:
        return ""
    return next((value for name, value in parse_qsl(request.query) if name == "AccessKeyId"), "")


def strip(request: Incoming) -> Incoming:
    """The parameters are JSON in the body of a POST and a query for a GET; a GET with a body is answered with 403."""
    return json_body.stripped(request, headers=frozenset(), query=_DUMMIES, body=_DUMMIES)


def canonical(query: str) -> list[tuple[str, str]]:
    """The parameters as HTX signs them: encoded by RFC 3986 with capital hex, whatever the bot's encoding was.

    Some clients leave colons and slashes bare, and send their parameters in any order.
    """
    pairs = (piece.partition("=") for piece in query.split("&") if piece)
    return [(_encoded(name), _encoded(value)) for name, _, value in pairs]


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe=_UNRESERVED)


def signed_text(method: str, host: str, path: str, query: str) -> str:
    return f"{method}\n{host.lower()}\n{path}\n{query}"


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """All of the query is signed and sent in one order: by name, capitals first. The body of a POST is not signed."""
    headers = outgoing_headers(request)
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if request.body:
        headers = [row for row in headers if row[0] != "content-type"]
        headers.append(("Content-Type", "application/json"))
    query = request.query
    if credential is not None and endpoint.auth is Auth.SIGNED:
        method = "HmacSHA256" if _private_key(credential.secret) is None else "Ed25519"
        at = datetime.fromtimestamp(stamp.wall_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        rows = [
            ("AccessKeyId", _encoded_plain(credential.key)),
            ("SignatureMethod", method),
            ("SignatureVersion", "2"),
            ("Timestamp", _encoded_plain(at)),
            *canonical(query),
        ]
        query = "&".join(f"{name}={value}" for name, value in sorted(rows, key=lambda row: row[0]))
        text = signed_text(request.method, stamp.host, request.path, query)
        query += f"&Signature={_encoded_plain(signature(text, credential.secret))}"
    return SignedRequest(request.method, target(request.path, query), tuple(headers), request.body)


def _encoded_plain(text: str) -> str:
    return quote(text, safe=_UNRESERVED)


def signature(text: str, secret: bytes) -> str:
    """Base64 of HMAC-SHA256 with the secret as it is, or of Ed25519 where the secret is a private key."""
    private = _private_key(secret)
    raw = hmac.digest(secret, text.encode(), hashlib.sha256) if private is None else private.sign(text.encode())
    return base64.b64encode(raw).decode()


@lru_cache(maxsize=64)
def _private_key(secret: bytes) -> Ed25519PrivateKey | None:
    """An Ed25519 key as PEM, or as bare base64 of PKCS#8; None for the secret of an HMAC key. Raises ValueError."""
    text = secret.strip()
    if text.startswith(_PEM):
        private = serialization.load_pem_private_key(text, password=None)
    elif _DER.fullmatch(text):
        private = serialization.load_der_private_key(base64.b64decode(text), password=None)
    else:
        return None
    if not isinstance(private, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    return private


def check_credential(credential: Credential) -> str:
    if not credential.secret.strip():
        return "the secret is empty"
    try:
        _private_key(credential.secret)
    except (ValueError, TypeError):
        return "the secret is PEM text but not an unencrypted Ed25519 private key"
    return ""


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    """A time stamp counts for five minutes, and nothing shortens that. It is not dated back to have less: one page
    wants clocks that are less than a minute apart, and then every order would be refused.
    """
    return stamp.wall_ms // 1000 * 1000 + _VALID_MS


# A text of spot and a number of contracts for each kind. ccxt reads the text first, wherever both stand, and knows no
# number for most of these; "has no permission" it finds in the message.
_NATIVE: Mapping[Kind, tuple[str, int]] = {
    Kind.THROTTLED: ("rate-too-many-requests", 1032),
    Kind.BAD_TOKEN: ("api-signature-not-valid", 403),
    Kind.DENIED: ("api-signature-not-valid", 403),
    Kind.UNKNOWN_ENDPOINT: ("bad-request", 404),
    Kind.BAD_REQUEST: ("bad-request", 1030),
    Kind.UNAVAILABLE: ("system-maintenance", 1431),
    Kind.OUTCOME_UNKNOWN: ("timeout", 1004),
}
_DENIED = "Signature not valid: API key has no permission: "


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """Spot v1 has texts as codes, contracts v1 have numbers, v2 and v5 have `code` and `message`."""
    what = kind(refusal)
    text, number = _NATIVE[what]
    said = f"{_DENIED if what is Kind.DENIED else ''}{refusal.message} (ordergate: {refusal.reason})"
    told: dict[str, object] = {"status": "error", "err-code": text, "err-msg": said}
    if request.path.startswith(("/v2/", "/v5/")):
        told |= {"code": number, "message": said}
    elif not request.path.startswith(("/v1/", "/market/")):
        told |= {"err_code": number, "err_msg": said}
    return NativeError(refusal.status, orjson.dumps({**told, "data": None}))


def time_ms(body: bytes) -> int | None:
    """Of `{"status":"ok","data":1629715504949}`; contracts have it as `ts`."""
    found = re.search(rb'"(?:data|ts)":\s*(\d{13})\b', body)
    return int(found[1]) if found else None


_TABLE = load_table(Path(__file__).with_suffix(".yaml"))

EXCHANGE = Exchange(
    name="htx",
    table=_TABLE,
    token=token,
    strip=strip,
    params=json_body.params,
    sign=sign,
    classify=Verdicts(_TABLE.feedback).classify,
    usage=_TABLE.feedback.read,
    native_error=native_error,
    check_credential=check_credential,
    signs_host=True,
    time_path="/v1/common/timestamp",
    time_ms=time_ms,
    orders=orders,
    client_ids=client_ids,
    closes=closes,
    symbol=str.lower,
    identify=identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=finding,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
)
