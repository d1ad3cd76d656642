"""Binance: signing, judging and speaking like api.binance.com; what differs for futures is in binance_futures*.py.

Sources: binance-spot-api-docs (rest-api.md, errors.md, enums.md, faqs), state of 2026-07-21; derivatives general-info.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from proxy.errors import BadCall
from proxy.exchanges import binance_futures_items as futures_items
from proxy.exchanges import binance_futures_lookup as futures_lookup
from proxy.exchanges import binance_futures_orders as futures_orders
from proxy.exchanges import texts
from proxy.exchanges.binance_futures import believed, either, judged
from proxy.exchanges.binance_ids import identify
from proxy.exchanges.binance_items import items
from proxy.exchanges.binance_limits import LIMITS_TOLD, limit_exceeded, limits_told
from proxy.exchanges.binance_lookup import ABSENCE, finding, lookups
from proxy.exchanges.binance_orders import client_ids, closes, orders
from proxy.exchanges.binance_rebuilt import rebuilt
from proxy.exchanges.binance_validity import bounded, valid_until_ms
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, retry_after_ns, target
from proxy.exchanges.table_file import load_table
from proxy.model import (
    Auth,
    Credential,
    Endpoint,
    Executed,
    Incoming,
    NativeError,
    Outcome,
    Refusal,
    Reply,
    Scope,
    SignedRequest,
    Stamp,
    Usage,
    Verdict,
)

_KEY_HEADER = "x-mbx-apikey"
_DUMMIES = frozenset({"timestamp", "signature"})
_FORM = "application/x-www-form-urlencoded"
_SECOND_NS = 1_000_000_000
_WAF_NS = 300 * _SECOND_NS  # usual block of the firewall, FAQ article 360004492232
_FOREVER_NS = 365 * 86_400 * _SECOND_NS


def token(request: Incoming) -> str:
    return request.header(_KEY_HEADER)


def strip(request: Incoming) -> Incoming:
    body = request.body
    if body and texts.is_json(body):
        raise BadCall("bad_body", "this exchange takes parameters in the query or in a form body, not JSON")
    if body and request.method == "GET":
        raise BadCall("bad_body", "the parameters of a GET belong in the query")
    return Incoming(
        request.method,
        request.path,
        texts.without(texts.plain(request.query), _DUMMIES),
        tuple(row for row in request.headers if row[0] != _KEY_HEADER),
        texts.without(texts.form_text(body), _DUMMIES).encode() if body else b"",
    )


def params(request: Incoming) -> Mapping[str, str]:
    return texts.collect((request.query, request.body.decode("ascii")))


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Signed text: query and body as sent, joined with nothing between; `signature` last (rest-api.md)."""
    query, body = request.query, request.body.decode("ascii")
    headers = [row for row in outgoing_headers(request, prefix="x-mbx-") if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if credential is not None:
        headers.append(("X-MBX-APIKEY", credential.key))
        if endpoint.auth is Auth.SIGNED:
            # The stamp goes where the parameters already are, so that query and body never share one.
            if body:
                body = f"{body}&timestamp={stamp.wall_ms}"
                body += f"&signature={signature(query + body, credential.secret)}"
            else:
                query = f"{query}&timestamp={stamp.wall_ms}" if query else f"timestamp={stamp.wall_ms}"
                query += f"&signature={signature(query, credential.secret)}"
    if body:
        headers.append(("Content-Type", _FORM))
    return SignedRequest(request.method, target(request.path, query), tuple(headers), body.encode())


def sign_bounded(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """A placing call is signed with a short window."""
    return sign(bounded(request, endpoint), endpoint, credential, stamp)


def signature(text: str, secret: bytes) -> str:
    """HMAC as hex; RSA and Ed25519 as percent-encoded base64. The kind is told by the secret (PEM or not)."""
    data = text.encode()
    if not secret.lstrip().startswith(b"-----BEGIN"):
        return hmac.digest(secret, data, hashlib.sha256).hex()
    private = _private_key(secret)
    if isinstance(private, RSAPrivateKey):
        raw = private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    else:
        raw = private.sign(data)
    return quote(base64.b64encode(raw).decode(), safe="")


@lru_cache(maxsize=64)
def _private_key(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    private = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("neither an RSA nor an Ed25519 key")
    return private


def check_credential(credential: Credential) -> str:
    if credential.secret.lstrip().startswith(b"-----BEGIN"):
        try:
            _private_key(credential.secret)
        except (ValueError, TypeError):
            return "the secret is PEM text but not an unencrypted RSA or Ed25519 private key"
    return ""


# code -> (outcome, blame, executed). Codes not listed: a 4xx is a business refusal, a 5xx unknown.
_NO, _MAYBE = Executed.NO, Executed.UNKNOWN
_CODES: Mapping[int, tuple[Outcome, Scope | None, Executed]] = {
    -1000: (Outcome.UNKNOWN, None, _MAYBE),
    -1001: (Outcome.UNKNOWN, None, _MAYBE),
    -1002: (Outcome.NO_PERMISSION, Scope.KEY, _NO),
    -1006: (Outcome.UNKNOWN, None, _MAYBE),
    -1007: (Outcome.UNKNOWN, None, _MAYBE),
    -1011: (Outcome.NOT_WHITELISTED, Scope.PAIR, _NO),
    -1015: (Outcome.THROTTLED, Scope.ACCOUNT, _NO),
    -1016: (Outcome.UNAVAILABLE, None, _NO),
    -1021: (Outcome.CLOCK, None, _NO),
    -1022: (Outcome.DEAD, Scope.KEY, _NO),
    -1099: (Outcome.NO_PERMISSION, Scope.KEY, _NO),
    -2008: (Outcome.DEAD, Scope.KEY, _NO),
    -2014: (Outcome.DEAD, Scope.KEY, _NO),
    # One code for a wrong key, address or right: the pair is blamed first, and the key once its
    # other addresses answer the same (errors.md; retry.py).
    -2015: (Outcome.NOT_WHITELISTED, Scope.PAIR, _NO),
    -2017: (Outcome.SUSPENDED, Scope.ACCOUNT, _NO),
}
_BANNED_UNTIL = re.compile(rb"banned until (\d{13})")


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    if (found := judged(endpoint, reply)) is not None:
        return found
    status, code = reply.status, _code(reply.body)
    name = str(code) if code is not None else f"http {status}"
    if status == 418:
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _ban_ns(reply, wall_ms), name)
    if status == 429:
        if code == -1015:
            return Verdict(Outcome.THROTTLED, _NO, Scope.ACCOUNT, retry_after_ns(reply), name)
        return Verdict(Outcome.THROTTLED, _NO, Scope.ADDRESS, retry_after_ns(reply), name)
    if status == 403 and code is None:  # the firewall, in HTML
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _WAF_NS, "firewall", suspect_request=True)
    if status == 451:  # restricted location
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _FOREVER_NS, name)
    if 300 <= status < 400:
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, name)
    if status >= 500:
        # "5xx: execution status unknown" (rest-api.md), whatever the code says; a shutdown is the exception.
        if code == -1016:
            return Verdict(Outcome.UNAVAILABLE, _NO, None, None, name)
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, name)
    if status == 200:
        if code is not None and code < 0:
            return Verdict(Outcome.REFUSED, _NO, None, None, name)
        if not reply.body or (reply.stream is None and not _whole_json(reply)):
            return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, "garbage")
        return Verdict(Outcome.ACCEPTED, Executed.YES)
    if status == 409:  # cancel-and-replace: one half done
        return Verdict(Outcome.REFUSED, Executed.YES, None, None, name)
    if code == -1003:
        return Verdict(Outcome.THROTTLED, _NO, Scope.ADDRESS, retry_after_ns(reply), name)
    if code is not None and code in _CODES:
        outcome, blame, executed = _CODES[code]
        # What a bot sent can spoil a signature too.
        return Verdict(outcome, executed, blame, retry_after_ns(reply), name, suspect_request=code == -1022)
    if 400 <= status < 500 and code is not None:
        return Verdict(Outcome.REFUSED, _NO, None, None, name)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, name)


def _whole_json(reply: Reply) -> bool:
    if reply.header(b"content-encoding"):  # only public answers are compressed; they are passed on unread
        return True
    return reply.body[:1] in b"{[" and reply.body.rstrip()[-1:] in (b"}", b"]")


def _code(body: bytes) -> int | None:
    """The error code, cheaply: an answer without the text `"code"` near its start has none."""
    if b'"code"' not in body[:200]:
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, int) else None


def _ban_ns(reply: Reply, wall_ms: int) -> int:
    """The rest of a ban: Retry-After, else the end stated in the text, else the shortest ban of two minutes."""
    stated = retry_after_ns(reply)
    if stated is not None:
        return stated
    until = _BANNED_UNTIL.search(reply.body)
    return max(int(until[1]) - wall_ms, 1000) * 1_000_000 if until else 120 * _SECOND_NS


# Codes that make ccxt and the SDKs raise the right class. ccxt knows -1008 only under the exchange's own host
# name, so "not now" is told by the status alone, as the exchange does with code 0 and status 451.
_NATIVE: Mapping[Kind, int] = {
    Kind.THROTTLED: -1003,
    Kind.BAD_TOKEN: -2014,
    Kind.DENIED: -1002,
    Kind.UNKNOWN_ENDPOINT: -1020,
    Kind.BAD_REQUEST: -1100,
    Kind.UNAVAILABLE: 0,
    Kind.OUTCOME_UNKNOWN: -1007,
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    code = _NATIVE[kind(refusal)]
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    return NativeError(refusal.status, orjson.dumps({"code": code, "msg": text}))


def time_ms(body: bytes) -> int | None:
    found = re.search(rb'"serverTime":(\d{13})', body)
    return int(found[1]) if found else None


_TABLE = load_table(Path(__file__).with_suffix(".yaml"))


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """Counts from the headers, and limits from the two endpoints that tell them."""
    told = believed(endpoint, _TABLE.feedback.read(endpoint, reply))
    if endpoint.name in LIMITS_TOLD and reply.status == 200:
        told += limits_told(endpoint, reply)
    elif reply.status == 429 and (exceeded := limit_exceeded(endpoint, reply)) is not None:
        named = next((row for row in told if row.limit == exceeded.limit), exceeded)
        told = (*(row for row in told if row is not named), replace(named, capacity=exceeded.capacity))
    return told


EXCHANGE = Exchange(
    name="binance",
    table=_TABLE,
    token=token,
    strip=strip,
    params=params,
    sign=sign_bounded,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    time_path="/api/v3/time",
    time_ms=time_ms,
    orders=either(orders, futures_orders.orders),
    client_ids=either(client_ids, futures_orders.client_ids),
    closes=either(closes, futures_orders.closes),
    identify=either(identify, futures_orders.identify),
    valid_until_ms=valid_until_ms,
    lookups=either(lookups, futures_lookup.lookups),
    found=either(finding, futures_lookup.finding),
    items=either(items, futures_items.items),
    rebuilt=either(rebuilt, futures_lookup.rebuilt),
    absence=ABSENCE,
    absence_in=dict.fromkeys(("usdm", "coinm", "portfolio"), futures_lookup.ABSENCE),
    limits_path="/api/v3/exchangeInfo?symbol=BTCUSDT",
)
