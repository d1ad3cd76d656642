"""Gate: signing, judging and speaking like api.gateio.ws/api/v4.

Sources: gate.com/docs/developers/apiv4 (signed request, frequency limit rule, errors), github gateio/gateapi-python
(`gen_sign`, docs), state of 2026-08-21.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import orjson

from proxy.errors import BadCall
from proxy.exchanges import codes, gate_orders, json_body, texts
from proxy.exchanges.codes import Code, Judge
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
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
    SignedRequest,
    Stamp,
    Usage,
)

_KEY_HEADERS = frozenset({"key", "sign", "timestamp"})
_EXPIRY = "x-gate-exptime"
_PASSED_ON = frozenset({"x-gate-size-decimal", "x-gate-channel-id"})
_VALID_MS = 5_000
_TOLERANCE_MS = 60_000  # for the time of a signature
_EPOCH_MS = re.compile(r"[1-9]\d{12}")
_SERVER_TIME = re.compile(rb'"server_time"\s*:\s*(\d{13})')

_SPOT, _FUTURES = "/api/v4/spot/", "/api/v4/futures/{settle}/"
_EXPIRING = frozenset(
    [f"POST {_SPOT}{name}" for name in ("orders", "batch_orders", "cancel_batch_orders", "amend_batch_orders")]
    + [f"DELETE {_SPOT}orders", f"DELETE {_SPOT}orders/{{order_id}}", f"PATCH {_SPOT}orders/{{order_id}}"]
    + [f"POST {_FUTURES}{name}" for name in ("orders", "batch_orders", "bbo_orders")]
    + [f"POST {_FUTURES}{name}" for name in ("batch_cancel_orders", "batch_amend_orders")]
    + [f"DELETE {_FUTURES}orders", f"DELETE {_FUTURES}orders/{{order_id}}", f"PUT {_FUTURES}orders/{{order_id}}"]
)
"""Calls that take the header of a deadline (gateapi-python, parameter `x_gate_exptime`)."""


def token(request: Incoming) -> str:
    return request.header("key")


def strip(request: Incoming) -> Incoming:
    """Raises BadCall also for a query that no text can be signed for, and a deadline that is none."""
    stripped = json_body.stripped(request, headers=_KEY_HEADERS)
    _decoded(stripped.query)
    given = stripped.header(_EXPIRY)
    if given and not _EPOCH_MS.fullmatch(given):
        raise BadCall("bad_deadline", f"{_EXPIRY} takes a Unix time in ms")
    return stripped


def _decoded(query: str) -> str:
    """As it is signed: gateapi-python signs what `unquote_plus` makes of it."""
    try:
        return unquote_plus(query, errors="strict")
    except UnicodeDecodeError:
        raise BadCall("bad_query", "the query holds bytes that are no UTF-8") from None


def params(request: Incoming) -> Mapping[str, str]:
    """Of query and body; what stands in both must be the same, as ccxt sends every parameter of a PATCH twice."""
    found = texts.collect((request.query,))
    for name, value in json_body.params(Incoming("POST", request.path, "", (), request.body)).items():
        if found.setdefault(name, value) != value:
            raise BadCall("duplicate_parameter", f"parameter {name[:40]!r} is not the same in query and body")
    return found


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Signed are the method, the path, the decoded query, the hash of the body and the time in seconds."""
    headers = [row for row in outgoing_headers(request, extra=_PASSED_ON) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        now_s = str(stamp.wall_ms // 1000)
        made = signature(request.method, request.path, _decoded(request.query), request.body, now_s, credential.secret)
        headers += [("KEY", credential.key), ("Timestamp", now_s), ("SIGN", made)]
        if endpoint.name in _EXPIRING:
            headers.append((_EXPIRY, str(_expires_ms(request, stamp))))
    if request.body or request.method != "GET":
        headers.append(("Content-Type", "application/json"))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), request.body)


def signature(method: str, path: str, query: str, body: bytes, now_s: str, secret: bytes) -> str:
    """`query`: decoded. Lower-case hex."""
    text = "\n".join((method, path, query, hashlib.sha512(body).hexdigest(), now_s))
    return hmac.digest(secret, text.encode(), hashlib.sha512).hex()


def _expires_ms(request: Incoming, stamp: Stamp) -> int:
    """The bot's own deadline, but a short one."""
    latest = stamp.wall_ms + _VALID_MS
    given = request.header(_EXPIRY)
    return min(int(given), latest) if given else latest


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    if endpoint.name in _EXPIRING:
        return max(_expires_ms(request, stamp), stamp.wall_ms)
    return stamp.wall_ms + _TOLERANCE_MS


def check_credential(credential: Credential) -> str:
    return "" if credential.secret.strip() else "the secret is empty"


_DOUBLE = Code(Outcome.REFUSED, executed=Executed.UNKNOWN)
"""There is such an order already; perhaps this very call made it."""

_CODES: Mapping[str, Code] = {
    **dict.fromkeys(("TOO_MANY_REQUESTS", "TOO_FAST"), codes.FULL_ACCOUNT),
    **dict.fromkeys(("INVALID_KEY", "INVALID_CREDENTIALS"), codes.BAD_KEY),
    **dict.fromkeys(("INVALID_SIGNATURE", "AUTHENTICATION_FAILED", "MISSING_REQUIRED_HEADER"), codes.BAD_SIGNATURE),
    # Of a deadline that has passed too: a fresh signature has a new one.
    "REQUEST_EXPIRED": codes.CLOCK,
    "IP_FORBIDDEN": codes.NOT_LISTED,
    **dict.fromkeys(("READ_ONLY", "FORBIDDEN"), codes.NO_RIGHT),
    **dict.fromkeys(("ACCOUNT_LOCKED", "SUB_ACCOUNT_LOCKED"), codes.SUSPENDED),
    # Of the account or of this very order: no other key may, and other orders may pass.
    **dict.fromkeys(("TRADE_RESTRICTED", "RISK_ERROR"), codes.REFUSED),
    "TOO_BUSY": codes.DOWN_PERHAPS,
    **dict.fromkeys(("INTERNAL", "SERVER_ERROR", "INTERNAL_SERVER_ERROR", "SERVER_TIMEOUT"), codes.DOWN_PERHAPS),
    **dict.fromkeys(("REPEATED_CREATION", "DUPLICATE_REQUEST", "ORDER_EXISTS"), _DOUBLE),
    "http 202": codes.DOWN_PERHAPS,
}


def label(found: Any, reply: Reply) -> str | None:
    """An answer's `label`; and 202, which says "received" and no more. Rows of a list have labels of their own."""
    if reply.status == 202:
        return "http 202"
    told = found.get("label") if isinstance(found, dict) else None
    return told if isinstance(told, str) and told else None


_TABLE = load_table(Path(__file__).with_suffix(".yaml"))
JUDGE = Judge(label, _CODES, wait_ns=_TABLE.feedback.reset_ns)
_ORDERS = gate_orders.Book(JUDGE)


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    return _TABLE.feedback.read(endpoint, reply)


_LABELS: Mapping[Kind, str] = {
    Kind.THROTTLED: "TOO_MANY_REQUESTS",
    Kind.BAD_TOKEN: "INVALID_KEY",
    Kind.DENIED: "FORBIDDEN",
    Kind.UNKNOWN_ENDPOINT: "NOT_FOUND",
    Kind.BAD_REQUEST: "INVALID_PARAM_VALUE",
    Kind.UNAVAILABLE: "TOO_BUSY",
    Kind.OUTCOME_UNKNOWN: "INTERNAL",  # SERVER_TIMEOUT is none that ccxt knows: it would pass for a definite refusal
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    return NativeError(refusal.status, orjson.dumps({"label": _LABELS[kind(refusal)], "message": text}))


def time_ms(body: bytes) -> int | None:
    found = _SERVER_TIME.search(body)
    return int(found[1]) if found else None


EXCHANGE = Exchange(
    name="gate",
    table=_TABLE,
    token=token,
    strip=strip,
    params=params,
    sign=sign,
    classify=JUDGE.classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    time_path="/api/v4/spot/time",
    time_ms=time_ms,
    symbol=str.upper,
    markets=gate_orders.markets,
    orders=gate_orders.RULES.orders,
    client_ids=gate_orders.RULES.client_ids,
    closes=gate_orders.closes,
    identify=gate_orders.RULES.identify,
    valid_until_ms=valid_until_ms,
    lookups=_ORDERS.lookups,
    found=_ORDERS.found,
    items=_ORDERS.items,
    rebuilt=_ORDERS.rebuilt,
    absence=gate_orders.ABSENCE,
)
