"""Coinbase Advanced Trade: signing, judging and speaking like api.coinbase.com.

Sources: docs.cdp.coinbase.com (Advanced Trade REST, authentication), github coinbase/coinbase-advanced-py, state of
2026-08-21.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import orjson

from proxy.exchanges import json_body
from proxy.exchanges.coinbase_errors import classify
from proxy.exchanges.coinbase_jwt import bearer, key_name, private_key
from proxy.exchanges.coinbase_lookup import ABSENCE, found, lookups, rebuilt
from proxy.exchanges.coinbase_orders import ROOT, RULES, closes, items
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.table_file import load_table
from proxy.model import (
    Auth,
    CallClass,
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

TABLE = load_table(Path(__file__).with_suffix(".yaml"))

_DUMMIES = frozenset(
    {"authorization", "cb-access-key", "cb-access-sign", "cb-access-timestamp", "cb-access-passphrase"}
)
_KEPT = frozenset({"cb-version"})
_ABOUT_ORDERS = frozenset({CallClass.PLACE, CallClass.AMEND, CallClass.CANCEL})
# The exchange's Date is cut to seconds, so that its clock is known to a second at best; a token from the future is
# refused with the very 401 that an address off the list gets.
_EARLY_S = 2
_USUAL_S, _SHORT_S = 120 - _EARLY_S, 5
_GRACE_S = 60
"""By which libraries let a token outlive its end; what the exchange's own does is not documented."""


def token(request: Incoming) -> str:
    """Of the legacy key header, else the name of the key in a JWT, which is its last part if it is a path."""
    if legacy := request.header("cb-access-key"):
        return legacy
    scheme, _, given = request.header("authorization").partition(" ")
    name = key_name(given.strip()) if scheme.lower() == "bearer" else ""
    return name.rpartition("/")[2] if name.startswith("organizations/") else name


def strip(request: Incoming) -> Incoming:
    """The official library sends `{}` along with a GET, which has no body here."""
    if request.method == "GET" and request.body:
        with suppress(orjson.JSONDecodeError):
            if orjson.loads(request.body) in ({}, None):
                request = Incoming(request.method, request.path, request.query, request.headers, b"")
    return json_body.stripped(request, headers=_DUMMIES)


def params(request: Incoming) -> Mapping[str, str]:
    """Those of a GET may come several times, for a list: joined by commas."""
    if request.method != "GET":
        return json_body.params(request)
    rows: dict[str, str] = {}
    for piece in request.query.split("&"):
        name, _, value = piece.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        if piece:
            rows[name] = f"{rows[name]},{value}" if name in rows else value
    return rows


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """A token of its own for each call. It covers method and path; whoever holds it may send another body."""
    headers = [row for row in outgoing_headers(request, extra=_KEPT) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is not Auth.NONE))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        text = bearer(
            credential.key,
            credential.secret,
            method=request.method,
            path=request.path,
            nonce=secrets.token_hex(16),
            from_s=stamp.wall_ms // 1000 - _EARLY_S,
            seconds=_EARLY_S + _seconds(endpoint),
        )
        headers.append(("Authorization", f"Bearer {text}"))
    if request.body:
        headers.append(("Content-Type", "application/json"))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), request.body)


def _seconds(endpoint: Endpoint) -> int:
    """From now on. Two minutes in all are the most; a call about orders is taken for a few seconds only."""
    return _SHORT_S if endpoint.call_class in _ABOUT_ORDERS else _USUAL_S


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    return (stamp.wall_ms // 1000 + _seconds(endpoint) + _GRACE_S) * 1000


def check_credential(credential: Credential) -> str:
    if not credential.key.strip():
        return "the key's name is empty"
    try:
        private_key(credential.secret)
    except ValueError as fault:  # of our own texts, or of a library that says nothing of the secret
        return f"the secret is neither a PEM text of a P-256 key nor the Base64 of an Ed25519 key ({_plain(fault)})"
    return ""


def _plain(fault: ValueError) -> str:
    text = str(fault)
    return text if len(text) < 60 and text.isascii() else "it cannot be read"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """What the headers tell is about the call's own limits; they look alike for all."""
    charged = {cost.limit for cost in endpoint.costs}
    return tuple(row for row in TABLE.feedback.read(endpoint, reply) if row.limit in charged)


def time_ms(body: bytes) -> int | None:
    """Of `epochMillis`, which is a text."""
    try:
        return int(orjson.loads(body)["epochMillis"])
    except (ValueError, TypeError, KeyError):
        return None


# ccxt takes any `error` that it does not know for a final one, so a refusal that is worth another try has none: then
# the status decides (503: ExchangeNotAvailable, 504: RequestTimeout).
_ERRORS: Mapping[Kind, str] = {
    Kind.THROTTLED: "rate_limit_exceeded",
    Kind.BAD_TOKEN: "authentication_error",
    Kind.DENIED: "PERMISSION_DENIED",
    Kind.UNKNOWN_ENDPOINT: "INVALID_ARGUMENT",
    Kind.BAD_REQUEST: "INVALID_ARGUMENT",
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    rows: dict[str, Any] = {"message": text, "error_details": text}
    if (error := _ERRORS.get(kind(refusal))) is not None:
        rows = {"error": error, **rows}
    return NativeError(refusal.status, json.dumps(rows).encode())


EXCHANGE = Exchange(
    name="coinbase",
    table=TABLE,
    token=token,
    strip=strip,
    params=params,
    sign=sign,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    time_path=f"{ROOT}time",
    time_ms=time_ms,
    orders=RULES.orders,
    client_ids=RULES.client_ids,
    closes=closes,
    identify=RULES.identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=found,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
)
