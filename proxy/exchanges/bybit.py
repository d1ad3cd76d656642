"""Bybit v5: signing, stripping and speaking like api.bybit.com.

Sources: bybit-exchange/docs v5/guide.mdx, v5/error.mdx, v5/market/time.mdx; signing code of github
bybit-exchange/pybit, state of 2026-07-24.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from proxy.errors import BadCall
from proxy.exchanges import json_body, texts
from proxy.exchanges.bybit_codes import Verdicts
from proxy.exchanges.bybit_orders import ABSENCE, LOOKS, RULES, found, items
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.members import Number
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

_KEY, _WINDOW = "x-bapi-api-key", "x-bapi-recv-window"
_DUMMY_HEADERS = frozenset({_KEY, "x-bapi-sign", "x-bapi-sign-type", "x-bapi-timestamp"})
# Of APIs before v5. A `timestamp` without a key next to it is a parameter of its own (v5/asset/withdraw.mdx).
_DUMMIES = frozenset({"api_key", "sign", "sign_type", "timestamp", "recv_window"})
_NONE: frozenset[str] = frozenset()
_TAGS = frozenset({"x-referer", "cdn-request-id"})
# The exchange's default, and what ccxt and pybit send. A longer one would only keep a lost order in doubt for longer.
_WINDOW_MS = 5_000
_LONGEST_READ_MS = 60_000


def token(request: Incoming) -> str:
    return request.header(_KEY) or _older_key(request)


def _older_key(request: Incoming) -> str:
    try:
        if request.query and (key := texts.collect((request.query,)).get("api_key")):
            return key
        if texts.is_json(request.body):
            value = next((m.value for m in json_body.body_members(request.body) if m.name == "api_key"), "")
            return value if isinstance(value, str) and not isinstance(value, Number) else ""
    except BadCall:
        pass
    return ""


def strip(request: Incoming) -> Incoming:
    """The receive window stays, as it is no credential; `sign` may shorten it. BadCall for what would go unsigned."""
    dummies = _DUMMIES if _older_key(request) else _NONE
    stripped = json_body.stripped(request, headers=_DUMMY_HEADERS, query=dummies, body=dummies)
    if stripped.query and stripped.method != "GET":
        raise BadCall("bad_query", "the parameters of a POST belong in the JSON body, which is what is signed")
    return stripped


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Signed text: time, key, window, and the query or the body as sent, with nothing between (guide.mdx)."""
    body = request.body
    headers = [row for row in outgoing_headers(request, extra=_TAGS) if row[0] != "content-type"]
    referer = request.header("referer")
    if referer and "/" not in referer:  # a broker's tag, not where a browser came from
        headers.append(("Referer", referer))
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if request.method == "POST":
        body = body or b"{}"
        headers.append(("Content-Type", "application/json"))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        now, window = str(stamp.wall_ms), str(window_ms(endpoint, request))
        payload = request.query.encode() if request.method == "GET" else body
        text = f"{now}{credential.key}{window}".encode() + payload
        headers += [
            ("X-BAPI-API-KEY", credential.key),
            ("X-BAPI-TIMESTAMP", now),
            ("X-BAPI-RECV-WINDOW", window),
            ("X-BAPI-SIGN", signature(text, credential.secret)),
        ]
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), body)


def window_ms(endpoint: Endpoint, request: Incoming) -> int:
    """The bot's own, unless a write would be valid for long."""
    longest = _WINDOW_MS if endpoint.call_class.writes else _LONGEST_READ_MS
    given = request.header(_WINDOW)
    return min(int(given), longest) if re.fullmatch(r"[1-9][0-9]{0,9}", given) else _WINDOW_MS


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    return stamp.wall_ms + window_ms(endpoint, request)


def signature(text: bytes, secret: bytes) -> str:
    """HMAC as hex, RSA as base64. The kind is told by the secret (PEM or not)."""
    if not _is_pem(secret):
        return hmac.digest(secret, text, hashlib.sha256).hex()
    return base64.b64encode(_private_key(secret).sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def _is_pem(secret: bytes) -> bool:
    return secret.lstrip().startswith(b"-----BEGIN")


@lru_cache(maxsize=64)
def _private_key(pem: bytes) -> RSAPrivateKey:
    private = serialization.load_pem_private_key(pem.lstrip(), password=None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("not an RSA key")
    return private


def check_credential(credential: Credential) -> str:
    if not credential.secret.strip():
        return "the secret is empty"
    if _is_pem(credential.secret):
        try:
            _private_key(credential.secret)
        except (ValueError, TypeError):
            return "the secret is PEM text but not an unencrypted RSA private key"
    return ""


_TABLE = load_table(Path(__file__).with_suffix(".yaml"))


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """The headers do not say which business line they are about: it is told of all of the endpoint's, and the ledger
    takes what is about the one that the call was charged on. Nothing of rows that stand for many endpoints.
    """
    if endpoint.name.endswith("*"):
        return ()
    own = [cost.limit for cost in endpoint.costs if _TABLE.limits[cost.limit].per == "endpoint"]
    return tuple(replace(row, limit=name) for row in _TABLE.feedback.read(endpoint, reply) for name in own)


_CODES: Mapping[Kind, int] = {
    Kind.THROTTLED: 10006,
    Kind.BAD_TOKEN: 10003,
    Kind.DENIED: 10005,
    Kind.UNKNOWN_ENDPOINT: 10017,
    Kind.BAD_REQUEST: 10001,
    Kind.OUTCOME_UNKNOWN: 170007,  # the one time-out that ccxt takes for a network error
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """Refusals come with status 200, as the exchange's own do: pybit reads no code otherwise, and does not wait.

    For "not now" ccxt knows no code, only the status, and only of an answer that is not JSON.
    """
    text, what = f"{refusal.message} (ordergate: {refusal.reason})", kind(refusal)
    if what is Kind.UNAVAILABLE:
        return NativeError(503, text.encode(), "text/plain; charset=utf-8")
    body = {"retCode": _CODES[what], "retMsg": text, "result": {}, "retExtInfo": {}, "time": 0}
    return NativeError(504 if what is Kind.OUTCOME_UNKNOWN else 200, orjson.dumps(body))


def time_ms(body: bytes) -> int | None:
    nanoseconds = re.search(rb'"timeNano"\s*:\s*"(\d{19})"', body)
    return int(nanoseconds[1]) // 1_000_000 if nanoseconds else None


_SIGNED_TEXT = re.compile(rb'origin_string\[(?:[^"\\]|\\.)*')
_KEY_NAME = re.compile(rb'("apiKey"\s*:\s*)"[^"]*"')


def redact(body: bytes) -> bytes:
    """Code 10004 comes with the text that was signed, the key in it; v5/user/query-api and sub-apikeys name keys."""
    if b"origin_string[" in body:
        body = _SIGNED_TEXT.sub(b"origin_string[...]", body)
    return _KEY_NAME.sub(rb'\1""', body) if b'"apiKey"' in body else body


EXCHANGE = Exchange(
    name="bybit",
    table=_TABLE,
    token=token,
    strip=strip,
    params=json_body.params,
    sign=sign,
    classify=Verdicts(_TABLE.feedback).classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    redact=redact,
    time_path="/v5/market/time",
    time_ms=time_ms,
    orders=RULES.orders,
    client_ids=RULES.client_ids,
    closes=RULES.closes,
    identify=RULES.identify,
    valid_until_ms=valid_until_ms,
    lookups=LOOKS.lookups,
    found=found,
    items=items,
    rebuilt=LOOKS.rebuilt,
    absence=ABSENCE,
)
