"""Kraken spot: signing, judging and speaking like api.kraken.com.

Sources: docs.kraken.com guides spot-rest-auth and spot-errors, support.kraken.com articles 360001491786 and
360001148023, the client code of github krakenfx/api-go and krakenfx/kraken-cli, state of 2026-08-21.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import orjson

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.kraken_errors import classify
from proxy.exchanges.kraken_ids import identify
from proxy.exchanges.kraken_items import items
from proxy.exchanges.kraken_lookup import ABSENCE, finding, lookups
from proxy.exchanges.kraken_orders import client_ids, closes, orders
from proxy.exchanges.kraken_pairs import one_name
from proxy.exchanges.kraken_placed import named, placed
from proxy.exchanges.kraken_rebuilt import rebuilt
from proxy.exchanges.kraken_validity import bounded, valid_until_ms
from proxy.exchanges.members import join, members
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

_PRIVATE = "/0/private/"
_DEPOSIT_ADDRESSES = "/0/private/DepositAddresses"
_KEY_HEADER = "api-key"
_DUMMY_HEADERS = frozenset({_KEY_HEADER, "api-sign"})
_DUMMIES = frozenset({"nonce", "otp"})
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


def token(request: Incoming) -> str:
    return request.header(_KEY_HEADER)


def strip(request: Incoming) -> Incoming:
    """Private calls are POST with everything in the body, reads included (spot-rest-auth)."""
    body = request.body
    if request.path.startswith(_PRIVATE):
        if request.method != "POST":
            raise BadCall("bad_method", "private calls of this exchange are POST, reads included", 405)
        if request.query:
            raise BadCall("bad_query", "the parameters of a private call belong in the body")
        if texts.is_json(body):
            body = join(member for member in members(body) if member.name not in _DUMMIES)
        else:
            body = texts.without(texts.form_text(body), _DUMMIES).encode()
    elif body:
        raise BadCall("bad_body", "the parameters of a public call belong in the query")
    headers = tuple(row for row in request.headers if row[0] not in _DUMMY_HEADERS)
    stripped = Incoming(request.method, request.path, texts.plain(request.query), headers, body)
    if request.path == _DEPOSIT_ADDRESSES and "new" in params(stripped):
        raise BadCall("not_allowed", "new deposit addresses are not made through this daemon", 403)
    return stripped


def params(request: Incoming) -> Mapping[str, str]:
    """Lists and objects of a JSON body as JSON text."""
    if not texts.is_json(request.body):
        return texts.collect((request.query, request.body.decode("ascii")))
    return {m.name: m.value if isinstance(m.value, str) else m.raw for m in members(request.body)}


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """The nonce goes first, in the bot's body type; a key with a static second factor has it as passphrase."""
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if not request.header("user-agent"):
        headers.append(("User-Agent", "ordergate"))  # spot-rest-auth asks for one
    where, body = target(request.path, request.query), request.body
    as_json = texts.is_json(body)
    if credential is not None and endpoint.auth is Auth.SIGNED:
        body = _stamped(body, as_json, stamp.nonce, credential.passphrase)
        headers.append(("API-Key", credential.key))
        headers.append(("API-Sign", signature(where, stamp.nonce, body, credential.secret)))
    if body:
        headers.append(("Content-Type", _JSON if as_json else _FORM))
    return SignedRequest(request.method, where, tuple(headers), body)


def sign_bounded(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """A call that places or changes an order is signed with a deadline."""
    return sign(bounded(request, endpoint, stamp), endpoint, credential, stamp)


def _stamped(body: bytes, as_json: bool, nonce: int, otp: str) -> bytes:
    if as_json:
        head = f'{{"nonce":"{nonce}"'.encode() + (b',"otp":' + orjson.dumps(otp) if otp else b"")
        rest = body.strip()[1:]
        return head + (b"," if rest.strip() != b"}" else b"") + rest
    head = f"nonce={nonce}".encode() + (f"&otp={quote(otp, safe='')}".encode() if otp else b"")
    return head + b"&" + body if body else head


def signature(where: str, nonce: int, body: bytes, secret: bytes) -> str:
    """HMAC-SHA512 over path and query, then SHA-256 of nonce and body; base64 of it (spot-rest-auth)."""
    digest = hashlib.sha256(str(nonce).encode() + body).digest()
    return base64.b64encode(hmac.digest(base64.b64decode(secret), where.encode() + digest, hashlib.sha512)).decode()


def check_credential(credential: Credential) -> str:
    try:
        usable = bool(base64.b64decode(credential.secret, validate=True))
    except (binascii.Error, ValueError):
        usable = False
    return "" if usable else "the secret is not base64 text, as this exchange hands it out"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """REST answers carry no counters (spot-rest-ratelimits)."""
    return ()


# The first text decides which exception a client raises, so it stands exactly as the exchange writes it.
_TEXTS: Mapping[Kind, str] = {
    Kind.THROTTLED: "EAPI:Rate limit exceeded",
    Kind.BAD_TOKEN: "EAPI:Invalid key",
    Kind.DENIED: "EGeneral:Permission denied",
    Kind.UNKNOWN_ENDPOINT: "EGeneral:Invalid arguments",
    Kind.BAD_REQUEST: "EGeneral:Invalid arguments",
    Kind.UNAVAILABLE: "EService:Unavailable",
    Kind.OUTCOME_UNKNOWN: "EGeneral:Internal error",
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """The exchange's own text, and ours behind it as a warning."""
    ours = f"WOrdergate:{refusal.reason}:{refusal.message}"
    return NativeError(refusal.status, orjson.dumps({"error": [_TEXTS[kind(refusal)], ours]}))


EXCHANGE = Exchange(
    name="kraken",
    table=load_table(Path(__file__).with_suffix(".yaml")),
    token=token,
    strip=strip,
    params=params,
    sign=sign_bounded,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    nonces=True,
    time_path="/0/public/Time",  # in whole seconds, so that the Date of its answer tells as much
    orders=orders,
    client_ids=client_ids,
    closes=closes,
    identify=identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=finding,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
    symbol=one_name,
    named=named,
    placed=placed,
)
