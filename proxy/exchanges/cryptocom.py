"""Crypto.com Exchange: signing, judging and speaking like api.crypto.com/exchange/v1.

Sources: exchange-developer.crypto.com (REST common API reference), the signing code of github
crypto-com/cdcx-cli, state of 2026-08-21.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.cryptocom_errors import classify
from proxy.exchanges.cryptocom_ids import identify
from proxy.exchanges.cryptocom_items import items
from proxy.exchanges.cryptocom_lookup import ABSENCE, finding, lookups
from proxy.exchanges.cryptocom_orders import client_ids, closes, orders
from proxy.exchanges.cryptocom_rebuilt import rebuilt
from proxy.exchanges.form import Exchange, Kind, encodings, kind, outgoing_headers, target
from proxy.exchanges.members import Member, Number, dump, join, members, raw_changed
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

_ROOT = "/exchange/v1/"
_DUMMIES = frozenset({"api_key", "sig", "nonce"})
_ENVELOPE = frozenset({"id", "method", "params"})
_NONCE_MS = 60_000
_ID_DIGITS = re.compile(r"\d{1,19}")  # "0 to 2^63-1"


@dataclass(frozen=True, slots=True)
class _Envelope:
    """A bot's envelope. `id` None: it gave none. `params`: names and values in order, without nulls."""

    id: Member | None
    params: Mapping[str, Any]


def token(request: Incoming) -> str:
    if not texts.is_json(request.body):
        return ""
    try:
        found = next((m.value for m in members(request.body) if m.name == "api_key"), "")
    except BadCall:
        return ""
    return found if isinstance(found, str) and not isinstance(found, Number) else ""


def strip(request: Incoming) -> Incoming:
    """The envelope without api_key, sig and nonce; BadCall if what is left could not be signed."""
    body, private = request.body, not _method(request.path).startswith("public/")
    if private:
        if request.method != "POST":
            raise BadCall("bad_method", "private calls of this exchange are POST, reads included", 405)
        if request.query:
            raise BadCall("bad_query", "the parameters of a private call belong in `params` of the body")
        if not texts.is_json(body):
            raise BadCall("bad_body", "a private call of this exchange needs a JSON object as its body")
    if body:
        if request.method == "GET":
            raise BadCall("bad_body", "the parameters of a GET belong in the query")
        body = join(m for m in members(body) if m.name not in _DUMMIES)
    stripped = Incoming(request.method, request.path, texts.plain(request.query), request.headers, body)
    if body:
        _check(stripped)
    return stripped


def _check(request: Incoming) -> None:
    envelope = _envelope(request)
    try:
        (_written(envelope.params) + _signed(envelope.params)).encode()
    except UnicodeEncodeError:
        raise BadCall("bad_body", "the JSON body holds half a character") from None


def _envelope(request: Incoming) -> _Envelope:
    found = {member.name: member for member in members(request.body)}
    if unknown := found.keys() - _ENVELOPE:
        raise BadCall("bad_body", f"the envelope holds {min(unknown)[:40]!r}, which would not be signed")
    method = found.get("method")
    if method is not None and method.value not in (None, _method(request.path)):
        raise BadCall("bad_body", "`method` of the body is not the method of the URL")
    number = found.get("id")
    if number is not None and number.value is None:
        number = None
    if number is not None and not (isinstance(number.value, str) and _ID_DIGITS.fullmatch(number.value)):
        raise BadCall("bad_body", "`id` must be a whole number of up to 19 digits, bare or as text")
    given = found["params"].value if "params" in found else None
    if given is None or given == []:  # PHP writes an empty object as a list
        given = {}
    if not isinstance(given, dict):
        raise BadCall("bad_body", "`params` must be an object")
    return _Envelope(number, given)


def _method(path: str) -> str:
    """The method is the tail of the URL."""
    return path.removeprefix(_ROOT)


def params(request: Incoming) -> Mapping[str, str]:
    """Members of `params`, and of the query; lists and objects as JSON text."""
    found = texts.collect((request.query,))
    if request.body:
        for name, value in _present(_envelope(request).params):
            if name in found:
                raise BadCall("duplicate_parameter", f"parameter {name[:40]!r} is given twice")
            found[name] = value if isinstance(value, str) else _written(value)
    return found


def sign(request: Incoming, endpoint: Endpoint, credential: Credential | None, stamp: Stamp) -> SignedRequest:
    """Key and signature travel in the envelope; id and nonce as texts, unless the bot wrote its id bare."""
    headers = [row for row in outgoing_headers(request) if row[0] != "content-type"]
    headers.append(encodings(request, judged=endpoint.auth is Auth.SIGNED))
    body = b""
    if request.body:
        method, envelope, nonce = _method(request.path), _envelope(request), str(stamp.wall_ms)
        number, raw = (envelope.id.value, envelope.id.raw) if envelope.id else (nonce, f'"{nonce}"')
        rows = [("id", raw), ("method", f'"{method}"'), ("params", _written(envelope.params))]
        if credential is not None and endpoint.auth is Auth.SIGNED:
            text = signed_text(method, number, credential.key, envelope.params, nonce)
            rows += [("api_key", json.dumps(credential.key)), ("sig", f'"{signature(text, credential.secret)}"')]
        body = dump([*rows, ("nonce", f'"{nonce}"')])
        headers.append(("Content-Type", "application/json"))
    return SignedRequest(request.method, target(request.path, request.query), tuple(headers), body)


def valid_until_ms(endpoint: Endpoint, request: Incoming, stamp: Stamp) -> int:
    """A nonce counts for 60 s before and after its time. It is not dated back to shorten that, as the documentation
    allows: then a clock that is off by a few seconds would refuse every order.
    """
    return stamp.wall_ms + _NONCE_MS


def signed_text(method: str, number: str, key: str, values: Mapping[str, Any], nonce: str) -> str:
    """By the rule of the official JavaScript and Rust code; the Java and Python samples fail on nested values."""
    return f"{method}{number}{key}{_signed(values)}{nonce}"


def signature(text: str, secret: bytes) -> str:
    return hmac.digest(secret, text.encode(), hashlib.sha256).hex()


def _signed(value: Any) -> str:
    """Objects by sorted name, lists in order, nothing between."""
    if isinstance(value, dict):
        return "".join(name + _signed(inner) for name, inner in sorted(_present(value)))
    if isinstance(value, list):
        return "".join(map(_signed, value))
    return value if isinstance(value, str) else _LITERALS[value]


def _written(value: Any) -> str:
    """Compact JSON in the bot's order; its numbers as texts, as the exchange demands, digit for digit."""
    if isinstance(value, dict):
        rows = (f"{_quoted(name)}:{_written(inner)}" for name, inner in _present(value))
        return "{" + ",".join(rows) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return _quoted(value) if isinstance(value, str) else _LITERALS[value]


_LITERALS: Mapping[Any, str] = {True: "true", False: "false", None: "null"}


def _present(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Members that are not null: the samples disagree on how a null is signed, so none is sent."""
    return ((name, inner) for name, inner in value.items() if inner is not None)


def _quoted(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def check_credential(credential: Credential) -> str:
    return "" if credential.secret.strip() else "the secret is empty"


def usage(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """Answers carry no counters (REST common API reference)."""
    return ()


_CODES: Mapping[Kind, int] = {
    Kind.THROTTLED: 42901,
    Kind.BAD_TOKEN: 40101,
    Kind.DENIED: 40104,
    Kind.UNKNOWN_ENDPOINT: 40002,
    Kind.BAD_REQUEST: 40001,
    Kind.UNAVAILABLE: 9010001,
    Kind.OUTCOME_UNKNOWN: 40801,
}


def native_error(refusal: Refusal, request: Incoming) -> NativeError:
    """Echoes the bot's id with its JSON type, by which clients find their call again."""
    number = "-1"
    if request.body:
        with suppress(BadCall):
            number = next((m.raw for m in members(request.body) if m.name == "id"), number)
    text = f"{refusal.message} (ordergate: {refusal.reason})"
    rows = [
        ("id", number),
        ("method", json.dumps(_method(request.path))),
        ("code", str(_CODES[kind(refusal)])),
        ("message", json.dumps(text)),
    ]
    return NativeError(refusal.status, dump(rows))


def redact(body: bytes) -> bytes:
    """Errors carry the request, key and signature included, as text in `original`."""
    if b'"original"' not in body:
        return body
    try:
        return join(m for m in members(body) if m.name != "original")
    except BadCall:
        return b"{}"


def echo(body: bytes, request: Incoming) -> bytes:
    """The id of the repeat: client libraries make a new one for each, and refuse an answer that has another."""
    with suppress(BadCall):
        given = next((m for m in members(request.body) if m.name == "id" and m.value is not None), None)
        if given is not None:
            return join(raw_changed(m, given.raw) if m.name == "id" else m for m in members(body))
    return body


EXCHANGE = Exchange(
    name="cryptocom",
    table=load_table(Path(__file__).with_suffix(".yaml")),
    token=token,
    strip=strip,
    params=params,
    sign=sign,
    classify=classify,
    usage=usage,
    native_error=native_error,
    check_credential=check_credential,
    one_stamp_each=True,  # code 40006, for bots that always write the same id
    redact=redact,
    echo=echo,
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
)
