"""KuCoin: signing, judging and speaking like api.kucoin.com and api-futures.kucoin.com.

Sources: kucoin.com/docs-new (authentication, rate limit, error codes), kucoin-universal-sdk, kucoin-api-docs
(2023), state of 2026-08-21.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_plus

import orjson

from proxy.errors import BadCall
from proxy.exchanges import json_body
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.kucoin_codes import JUDGE, TABLE
from proxy.exchanges.kucoin_items import items
from proxy.exchanges.kucoin_lookup import ABSENCE, found, lookups, rebuilt
from proxy.exchanges.kucoin_orders import client_ids, closes, identify, orders
from proxy.exchanges.kucoin_validity import timed, valid_until_ms
from proxy.model import Auth, Credential, Endpoint, Incoming, NativeError, Refusal, SignedRequest, Stamp

_DUMMIES = "kc-"  # credentials, signature and time, and a partner's signature over a dummy key
_VERSION = "2"  # of the key; 2 and 3 sign alike, and a key of version 3 is taken under both (ccxt sends 2, the SDK 3)


def token(request: Incoming) -> str:
    return request.header("kc-api-key")


def strip(request: Incoming) -> Incoming:
    """Without every KC- header; BadCall if what is left could not be signed."""
    headers = frozenset(name for name, _ in request.headers if name.startswith(_DUMMIES))
    stripped = json_body.stripped(request, headers=headers)
    _plain_text(stripped.query)
    if stripped.body:
        json_body.body_members(stripped.body)
    return stripped


def _plain_text(query: str) -> str:
    """The query as it is signed: "raw, not URL-encoded" (authentication)."""
    try:
        return unquote_plus(query, errors="strict")
    except UnicodeDecodeError:
        raise BadCall("bad_query", "the query is not UTF-8") from None


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Orders leave with their end (kucoin_validity.py); nothing else of the bot's text is re-written."""
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        request = timed(request, endpoint, stamp)
        text = target(f"{stamp.wall_ms}{request.method}{request.path}", _plain_text(request.query))
        headers += [
            ("KC-API-KEY", credential.key),
            ("KC-API-SIGN", signature(text.encode() + request.body, credential.secret)),
            ("KC-API-TIMESTAMP", str(stamp.wall_ms)),
            ("KC-API-PASSPHRASE", _passphrase(credential.passphrase, credential.secret)),
            ("KC-API-KEY-VERSION", _VERSION),
        ]
    if request.body:
        headers.append(("Content-Type", "application/json"))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), request.body)


def signature(text: bytes, secret: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()


@lru_cache(maxsize=256)
def _passphrase(passphrase: str, secret: bytes) -> str:
    return signature(passphrase.encode(), secret)


def check_credential(credential: Credential) -> str:
    if not credential.secret.strip():
        return "the secret is empty"
    return "" if credential.passphrase else "the passphrase is missing"


# Codes with which ccxt raises the right class: 400007 would be a wrong key to it, and 408000 a bad request.
_NATIVE: Mapping[Kind, str] = {
    Kind.THROTTLED: "429000",
    Kind.BAD_TOKEN: "400003",
    Kind.DENIED: "130201",
    Kind.UNKNOWN_ENDPOINT: "404000",
    Kind.BAD_REQUEST: "400100",
    Kind.UNAVAILABLE: "503",
    Kind.OUTCOME_UNKNOWN: "500000",
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    return NativeError(refusal.status, orjson.dumps({"code": _NATIVE[kind(refusal)], "msg": text}))


def time_ms(body: bytes) -> int | None:
    told = re.search(rb'"data"\s*:\s*(\d{13})\b', body)
    return int(told[1]) if told else None


EXCHANGE = Exchange(
    name="kucoin",
    table=TABLE,
    token=token,
    strip=strip,
    params=json_body.params,
    sign=sign,
    classify=JUDGE.classify,
    usage=TABLE.feedback.read,
    native_error=native_error,
    check_credential=check_credential,
    time_path="/api/v1/timestamp",
    time_ms=time_ms,
    orders=orders,
    client_ids=client_ids,
    closes=closes,
    identify=identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=found,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
)
