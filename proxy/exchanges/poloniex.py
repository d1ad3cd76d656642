"""Poloniex, spot and futures v3: signing, judging and speaking like api.poloniex.com.

Sources: api-docs.poloniex.com (spot API, v3 futures API: authentication), github poloniex/polo-sdk-python, state of
2026-08-21.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote_plus

import orjson

from proxy.errors import BadCall
from proxy.exchanges import json_body
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.poloniex_errors import classify
from proxy.exchanges.poloniex_items import items
from proxy.exchanges.poloniex_lookup import ABSENCE, found, lookups, rebuilt
from proxy.exchanges.poloniex_orders import FUTURES, RULES, orders
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

TABLE = load_table(Path(__file__).with_suffix(".yaml"))

_STAMP = "signTimestamp"
_DUMMIES = frozenset({"key", "signature", "signtimestamp", "signaturemethod", "signatureversion"})
_WINDOW = "recvwindow"
_WINDOW_MS = 5_000
_BEHIND_MS = 200
"""A stamp more than a second ahead of the exchange is refused, so it is a little behind."""
_UNSAID_MS = 60_000
"""How long a call without a window counts: "a minute" (v3 futures API, authentication)."""
_KEPT = "-_.~()*!'"
"""What the official library leaves as it is, like JavaScript's encodeURIComponent."""


def token(request: Incoming) -> str:
    return request.header("key")


def strip(request: Incoming) -> Incoming:
    """Without dummies. A parameter that the signature would not cover is refused, and so is a replacement that may end
    with two orders in the book (api-docs.poloniex.com cancel replace order, proceedOnFailure).
    """
    stripped = json_body.stripped(request, headers=_DUMMIES, query=frozenset({_STAMP}))
    in_query = request.method == "DELETE" and request.path.startswith(FUTURES) and not stripped.body
    if stripped.query and request.method != "GET" and not in_query:
        raise BadCall("bad_query", "the parameters of a write belong in a JSON body")
    if request.method == "PUT" and stripped.body:
        proceed = json_body.params(stripped).get("proceedOnFailure", "false")
        if proceed.strip().lower() not in ("", "false"):
            raise BadCall("bad_parameter", "proceedOnFailure may end with two orders: leave it out, or false")
    return stripped


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is not Auth.NONE))
    if request.body or request.method != "GET":
        headers.append(("Content-Type", "application/json"))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        at = str(_signed_at_ms(stamp))
        headers += [("key", credential.key), (_STAMP, at), ("signature", signature(request, at, credential.secret))]
        if endpoint.call_class.writes:
            headers.append(("recvWindow", str(_window_ms(request))))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), request.body)


def signature(request: Incoming, at: str, secret: bytes) -> str:
    text = f"{request.method}\n{request.path}\n".encode() + _covered(request, at)
    return base64.b64encode(hmac.digest(secret, text, "sha256")).decode()


def _covered(request: Incoming, at: str) -> bytes:
    """The body as it is, else the parameters of the query, sorted by name. The official library takes the latter for a
    DELETE too.
    """
    if request.body:
        return b"requestBody=" + request.body + f"&{_STAMP}={at}".encode()
    rows = [(_STAMP, at)]
    for piece in request.query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            rows.append((unquote_plus(name), unquote_plus(value)))
    rows.sort(key=lambda row: row[0])
    return "&".join(f"{name}={quote(value, safe=_KEPT)}" for name, value in rows).encode()


def _signed_at_ms(stamp: Stamp) -> int:
    return stamp.wall_ms - _BEHIND_MS


def _window_ms(request: Incoming) -> int:
    """The bot's where it is shorter, counted from its own time."""
    given = request.header(_WINDOW).strip()
    if given.isascii() and given.isdigit() and len(given) < 8 and int(given):
        return min(int(given) + _BEHIND_MS, _WINDOW_MS)
    return _WINDOW_MS


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    return _signed_at_ms(stamp) + (_window_ms(request) if endpoint.call_class.writes else _UNSAID_MS)


def check_credential(credential: Credential) -> str:
    if not credential.key.strip():
        return "the key is empty"
    return "" if credential.secret.strip() else "the secret is empty"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """No header with a count is documented."""
    return ()


def time_ms(body: bytes) -> int | None:
    try:
        return int(orjson.loads(body)["serverTime"])
    except (ValueError, TypeError, KeyError):
        return None


# By the codes that ccxt knows; other clients look at the status.
_CODES: Mapping[Kind, int] = {
    Kind.THROTTLED: 429,
    Kind.BAD_TOKEN: 21600,
    Kind.DENIED: 403,
    Kind.UNKNOWN_ENDPOINT: 404,
    Kind.BAD_REQUEST: 400,
    Kind.UNAVAILABLE: 503,
    Kind.OUTCOME_UNKNOWN: 603,
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """Futures call the text `msg`."""
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    name = "msg" if request.path.startswith(FUTURES) else "message"
    return NativeError(refusal.status, json.dumps({"code": _CODES[kind(refusal)], name: text}).encode())


EXCHANGE = Exchange(
    name="poloniex",
    table=TABLE,
    token=token,
    strip=strip,
    params=json_body.params,
    sign=sign,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    time_path="/timestamp",
    time_ms=time_ms,
    orders=orders,
    client_ids=RULES.client_ids,
    closes=RULES.closes,
    identify=RULES.identify,
    valid_until_ms=valid_until_ms,
    lookups=lookups,
    found=found,
    items=items,
    rebuilt=rebuilt,
    absence=ABSENCE,
)
