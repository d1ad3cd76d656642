"""Kraken Futures: signing, judging and speaking like futures.kraken.com.

Sources: docs.kraken.com guide futures-rest and the futures-api trading references, github krakenfx/api-go
pkg/derivatives/rest.go; what is accepted besides, github ccxt/ccxt krakenfutures.py. State of 2026-08-21.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import orjson

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.krakenfutures_errors import BATCH, classify
from proxy.exchanges.krakenfutures_items import items
from proxy.exchanges.krakenfutures_lookup import ABSENCE, finding, lookups, rebuilt
from proxy.exchanges.krakenfutures_orders import (
    JSON,
    ROWS,
    batch_list,
    client_ids,
    closes,
    collected,
    identify,
    orders,
)
from proxy.exchanges.krakenfutures_validity import bounded, valid_until_ms
from proxy.exchanges.table_file import load_table
from proxy.model import (
    Auth,
    Credential,
    Endpoint,
    Incoming,
    NativeError,
    Refusal,
    Reply,
    SignedRequest,
    Stamp,
    Usage,
)

_KEY_HEADER = "apikey"
_DUMMY_HEADERS = frozenset({_KEY_HEADER, "authent", "nonce"})
_FORM = "application/x-www-form-urlencoded"
_BATCH_PATH = BATCH.partition(" ")[2]


def token(request: Incoming) -> str:
    return request.header(_KEY_HEADER)


def strip(request: Incoming) -> Incoming:
    """Parameters are a form, in the body of a POST or in the query; which of the two, of a call with both, is signed
    first is not documented."""
    if texts.is_json(request.body):
        raise BadCall("bad_body", "this exchange takes forms; a batch goes into the field `json` of one")
    if request.body and request.method != "POST":
        raise BadCall("bad_body", f"the parameters of a {request.method} belong in the query")
    if request.body and request.query:
        raise BadCall("bad_query", "parameters stand in the body or in the query, not in both")
    headers = tuple(row for row in request.headers if row[0] not in _DUMMY_HEADERS)
    body = texts.form_text(request.body).encode()
    return Incoming(request.method, request.path, texts.plain(request.query), headers, body)


def params(request: Incoming) -> Mapping[str, str]:
    """Of a batch, its list too. Raises BadCall if that cannot be read, as nobody would know what it places."""
    found = collected(request)
    if request.path == _BATCH_PATH:
        if JSON not in found:
            raise BadCall("bad_body", "a batch needs the field `json`")
        found[ROWS] = batch_list(found[JSON])
    return found


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """The form is signed as it is sent. A nonce is optional, and the exchange does not say how far calls may overtake
    each other with one, so `nonces` is off and none is sent."""
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        request = bounded(request, endpoint, stamp)
        nonce, data = str(stamp.nonce or ""), request.query + request.body.decode("ascii")
        headers.append(("APIKey", credential.key))
        headers.append(("Authent", signature(request.path, data, nonce, credential.secret)))
        if nonce:
            headers.append(("Nonce", nonce))
    if request.body:
        headers.append(("Content-Type", _FORM))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), request.body)


def signature(path: str, data: str, nonce: str, secret: bytes) -> str:
    """HMAC-SHA512 over the SHA-256 of parameters, nonce and path; base64 of it (futures-rest). Paths of the trading
    interface are signed without their first part, those of the history as they are."""
    digest = hashlib.sha256((data + nonce + path.removeprefix("/derivatives")).encode()).digest()
    return base64.b64encode(hmac.digest(_bytes_of(secret), digest, hashlib.sha512)).decode()


def _bytes_of(secret: bytes) -> bytes:
    """Its secrets are base64; the one of the documentation lacks the sign at the end."""
    text = secret.strip()
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def check_credential(credential: Credential) -> str:
    try:
        usable = bool(_bytes_of(credential.secret))
    except (binascii.Error, ValueError):
        usable = False
    return "" if usable else "the secret is not base64 text, as this exchange hands it out"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """Answers carry no counters (futures-rate-limits)."""
    return ()


# Clients choose their exception by this text alone. None of them knows the one for a missing right.
_TEXTS: Mapping[Kind, str] = {
    Kind.THROTTLED: "apiLimitExceeded",
    Kind.BAD_TOKEN: "authenticationError",
    Kind.DENIED: "authenticationError",
    Kind.UNKNOWN_ENDPOINT: "notFound",
    Kind.BAD_REQUEST: "Bad Request",
    Kind.UNAVAILABLE: "Unavailable",
    Kind.OUTCOME_UNKNOWN: "Unavailable",
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """The exchange's own text, and ours in a member that it does not have."""
    ours = f"{refusal.message} (ordergate: {refusal.reason})"
    told = {"result": "error", "error": _TEXTS[kind(refusal)], "message": ours}
    return NativeError(refusal.status, orjson.dumps(told))


EXCHANGE = Exchange(
    name="krakenfutures",
    table=load_table(Path(__file__).with_suffix(".yaml")),
    token=token,
    strip=strip,
    params=params,
    sign=sign,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    orders=orders,
    client_ids=client_ids,
    closes=closes,
    symbol=str.upper,
    identify=identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=finding,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
)
