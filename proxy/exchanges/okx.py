"""OKX: signing, judging and speaking like www.okx.com/api/v5.

Sources: okx.com/docs-v5 (REST authentication, Order book trading, Error code) and github okxapi/python-okx, state of
2026-09.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from proxy.exchanges import json_body
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.okx_errors import classify
from proxy.exchanges.okx_orders import ABSENCE, LOOKS, RULES, items
from proxy.exchanges.order_rules import rows_of
from proxy.exchanges.table_file import load_table
from proxy.model import Auth, Credential, Endpoint, Incoming, NativeError, Refusal, Reply, SignedRequest, Stamp, Usage

_ROOT = "/api/v5/"
_KEY_HEADER = "ok-access-key"
# Which trading is simulated is a matter of the key, and a common library asks for it by default.
_DUMMIES = frozenset(
    {_KEY_HEADER, "ok-access-sign", "ok-access-timestamp", "ok-access-passphrase", "x-simulated-trading"}
)
_EXPIRY = "exptime"
_DATED = frozenset(
    f"POST {_ROOT}trade/{name}" for name in ("order", "batch-orders", "amend-order", "amend-batch-orders")
)
# An order is to be in or out soon, so that a lost answer can be looked up while the bot still waits.
_PLACING_MS, _PLACING_LONGEST_MS = 3_000, 5_000
_WINDOW_MS = 30_000  # of the time stamp of any signed call
_OPTION_PARTS = 5


def token(request: Incoming) -> str:
    return request.header(_KEY_HEADER)


def strip(request: Incoming) -> Incoming:
    return json_body.stripped(request, headers=_DUMMIES)


def params(request: Incoming) -> Mapping[str, str]:
    """A list of orders counts for the instrument of its first one."""
    found = json_body.params(request)
    if ROWS in found and "instId" not in found:
        named = next((row["instId"] for row in rows_of(found[ROWS]) if isinstance(row.get("instId"), str)), "")
        return {**found, "instId": named} if named else found
    return found


def symbol(name: str) -> str:
    """The instrument; of an option its family, as they count together: BTC-USD-261225-60000-C."""
    parts = name.upper().split("-")
    return "-".join((*parts[:2], "OPTION")) if len(parts) == _OPTION_PARTS else "-".join(parts)


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Signed text: time stamp, method, path with query, and the body, all as sent."""
    where, body = target(request.path, request.query), request.body
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    if body:
        headers.append(("Content-Type", "application/json"))
    expiry = _expiry(request, stamp) if endpoint.name in _DATED else request.header(_EXPIRY)
    if expiry:
        headers.append(("expTime", expiry))
    if credential is not None and endpoint.auth is Auth.SIGNED:
        at = _iso(stamp.wall_ms)
        text = f"{at}{request.method}{where}".encode() + body
        headers += [
            ("OK-ACCESS-KEY", credential.key),
            ("OK-ACCESS-SIGN", signature(text, credential.secret)),
            ("OK-ACCESS-TIMESTAMP", at),
            ("OK-ACCESS-PASSPHRASE", credential.passphrase),
        ]
    return SignedRequest(request.method, where, tuple(headers), body)


def signature(text: bytes, secret: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()


def _iso(wall_ms: int) -> str:
    second, ms = divmod(wall_ms, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def _expiry(request: Incoming, stamp: Stamp) -> str:
    """Ours if the bot gave none, else the bot's, but never later than 5 s. What cannot be read is left to the
    exchange, which refuses it."""
    given = request.header(_EXPIRY)
    if not given:
        return str(stamp.wall_ms + _PLACING_MS)
    until_ms = _ms(given)
    return given if until_ms is None else str(min(until_ms, stamp.wall_ms + _PLACING_LONGEST_MS))


def _ms(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    """An order runs out with its expTime, all else with the time stamp."""
    until_ms = _ms(_expiry(request, stamp)) if endpoint.name in _DATED else None
    return stamp.wall_ms + _WINDOW_MS if until_ms is None else max(until_ms, stamp.wall_ms)


def check_credential(credential: Credential) -> str:
    if not credential.secret.strip():
        return "the secret is empty"
    return "" if credential.passphrase else "a key of this exchange has a passphrase"


_CAPACITY = f"GET {_ROOT}trade/account-rate-limit"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """Answers carry no counters; one endpoint tells how many orders the account may send in two seconds."""
    if endpoint.name != _CAPACITY or reply.status != 200:
        return ()
    try:
        told = orjson.loads(reply.body)["data"][0]["accRateLimit"]
        return (Usage("orders_2s", capacity=int(told)),) if int(told) > 0 else ()
    except (ValueError, TypeError, LookupError):
        return ()


# Codes that make ccxt raise the right class: it knows no code of a key without a right, but that of an account.
_NATIVE: Mapping[Kind, str] = {
    Kind.THROTTLED: "50011",
    Kind.BAD_TOKEN: "50111",
    Kind.DENIED: "50027",
    Kind.UNKNOWN_ENDPOINT: "51000",
    Kind.BAD_REQUEST: "51000",
    Kind.UNAVAILABLE: "50013",
    Kind.OUTCOME_UNKNOWN: "50004",
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    return NativeError(refusal.status, orjson.dumps({"code": _NATIVE[kind(refusal)], "data": [], "msg": text}))


def time_ms(body: bytes) -> int | None:
    try:
        return int(orjson.loads(body)["data"][0]["ts"])
    except (ValueError, TypeError, LookupError):
        return None


EXCHANGE = Exchange(
    name="okx",
    table=load_table(Path(__file__).with_suffix(".yaml")),
    token=token,
    strip=strip,
    params=params,
    sign=sign,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    time_path=f"{_ROOT}public/time",
    time_ms=time_ms,
    orders=RULES.orders,
    client_ids=RULES.client_ids,
    closes=RULES.closes,
    symbol=symbol,
    identify=RULES.identify,
    valid_until_ms=valid_until_ms,
    lookups=LOOKS.lookups,
    found=LOOKS.found,
    items=items,
    rebuilt=LOOKS.rebuilt,
    absence=ABSENCE,
)
