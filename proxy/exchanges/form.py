"""The form every exchange fills in: one record of pure functions, and what they share."""

import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

from proxy.exchanges.lookup import CANNOT_TELL, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.table import Table
from proxy.model import (
    Credential,
    Endpoint,
    Incoming,
    Item,
    NativeError,
    Refusal,
    Reply,
    SignedRequest,
    Stamp,
    Usage,
    Verdict,
)

log = logging.getLogger("ordergate.exchanges")

FORWARDED_HEADERS = frozenset({"accept", "content-type", "user-agent"})


class Orders(NamedTuple):
    """The orders that a write names, by ids of the bot or of the exchange. Kinds of ids need not be told apart.

    `tags`: names that many orders may carry, where this call only adds one more of them.
    """

    own: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that a call makes, or changes: then it is known as `was`, and young again under all its names.

    `names`: each of them is one order's at a time. `tags`: several orders may have the same. `symbol`: as the bot
    wrote it.
    """

    symbol: str
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    was: str = ""


def alone(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    """The answer to a write about one order: what was found of it is all there is to say."""
    if len(findings) != 1:
        return None
    [finding] = findings.values()
    return Rebuilt(200, finding.body) if finding.state is Found.DONE and finding.body else None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. All functions are pure; `strip` and `params` raise BadCall on input they cannot read."""

    name: str
    table: Table
    token: Callable[[Incoming], str]
    """The text in the exchange's own key field, or ""."""
    strip: Callable[[Incoming], Incoming]
    """The request without dummy credentials, signature, nonce and time stamp; all else stays as it was sent."""
    params: Callable[[Incoming], Mapping[str, str]]
    """Decoded parameters of a stripped request, for costs and order ids only."""
    sign: Callable[[Incoming, Endpoint, Credential | None, Stamp], SignedRequest]
    """The bytes to send, for a stripped request. Without a credential: unsigned."""
    classify: Callable[[Endpoint, Reply, int], Verdict]
    """The judgement on an answer; the third argument is the exchange's wall time in ms, for stated ends of bans."""
    usage: Callable[[Endpoint, Reply], tuple[Usage, ...]]
    """What an answer to a call of this endpoint says of limits, in its headers or in its body."""
    native_error: Callable[[Refusal, Incoming], NativeError]
    check_credential: Callable[[Credential], str]
    """A complaint about a key that cannot sign, or ""; never the secret."""
    nonces: bool = False
    """Signatures carry a nonce that must rise per key."""
    signs_host: bool = False
    """The host is part of what is signed; the stamp has it then."""
    one_stamp_each: bool = False
    """Two calls of a key signed in the same millisecond would be taken for one call sent twice."""
    time_path: str = ""
    """A public GET that tells the exchange's time, or "" where the Date header must do."""
    time_ms: Callable[[bytes], int | None] = lambda body: None
    """The time in ms from that answer's body."""
    limits_path: str = ""
    """A small public GET, query included, whose answer `usage` reads the exchange's limits from, or ""."""
    redact: Callable[[bytes], bytes] = bytes
    """An answer's body as the bot may see it: without our key and signature, where the exchange echoes them."""
    echo: Callable[[bytes, Incoming], bytes] = lambda body, request: body
    """An earlier answer as the answer to a repeat of its call, where clients know theirs by what it echoes."""
    orders: Callable[[Endpoint, Mapping[str, str]], Orders] = lambda endpoint, params: Orders()
    """The orders of a write, from its parameters. A call that cancels all of an account or symbol names none."""
    client_ids: Callable[[Endpoint, Mapping[str, str]], tuple[str, ...]] = lambda endpoint, params: ()
    """The ids that the bot gives to the orders that a place call makes; () for one that only asks for a check."""
    closes: Callable[[Endpoint, Mapping[str, str]], bool] = lambda endpoint, params: False
    """Whether a place call can only reduce or close a position."""
    symbol: Callable[[str], str] = str
    """The one name of a symbol, however a bot spells it: what the exchange counts together must come out the same."""
    markets: Callable[[Endpoint, Mapping[str, str]], Mapping[str, int]] = lambda endpoint, params: {}
    """How many orders of each symbol a call about several has; {} where one parameter tells the symbol."""
    named: Callable[[Endpoint, Mapping[str, str]], tuple[str, ...]] = lambda endpoint, params: ()
    """The orders that a call priced by age names, as in Placed; () where that cannot be read."""
    placed: Callable[[Endpoint, Mapping[str, str], Reply | None], tuple[Placed, ...]] = lambda *call: ()
    """The orders that an accepted call made or changed; without an answer, as far as its parameters tell."""
    identify: Callable[
        [Endpoint, Incoming, Mapping[str, str], Callable[[], str]], tuple[Incoming, Mapping[str, str]]
    ] = lambda endpoint, request, params, fresh: (request, params)
    """The stripped request, and its parameters, with a client order id (one of `fresh` each) on every order that it
    places without one; the very same request if there is nothing to do. All other bytes stay as they are."""
    valid_until_ms: Callable[[Endpoint, Incoming, Stamp], int] = lambda endpoint, request, stamp: stamp.wall_ms + 60_000
    """The exchange's wall time in ms after which it takes no copy of what `sign` makes of these any more."""
    lookups: Callable[[Endpoint, Incoming, Mapping[str, str], int], tuple[Lookup, ...]] = lambda *write: ()
    """How to ask for the orders of a write, in the order to ask. The last argument: the exchange's wall time in ms when
    it was signed first."""
    found: Callable[[Endpoint, Incoming, Mapping[str, str], Lookup, Reply], Finding] = lambda *write: CANNOT_TELL
    """What an answer to such a question says of the write."""
    items: Callable[[Endpoint, Mapping[str, str], Reply], tuple[Item, ...]] = lambda *answered: ()
    """What a complete answer says of each order of a call that is about several; () for a call about one."""
    rebuilt: Callable[[Endpoint, Incoming, Mapping[str, str], Mapping[int, Finding]], Rebuilt | None] = alone
    """The answer to a write, made up of what was found of each of its orders (by `Lookup.item`: DONE, or NEVER or
    NOT_SO_FAR where it is proven that it did not take effect); None if it cannot be made up."""
    absence: Absence | None = None
    """What proves that an order of this exchange is not there; None: nothing does."""
    absence_in: Mapping[str, Absence] = field(default_factory=dict)
    """The same by product, where it differs."""


def usage_of(exchange: Exchange, endpoint: Endpoint, reply: Reply | None) -> tuple[Usage, ...]:
    """The counters that an answer reports; none if they cannot be read, for a permit is settled all the same."""
    try:
        return exchange.usage(endpoint, reply) if reply is not None else ()
    except Exception:
        log.exception("the usage that %s reports cannot be read", exchange.name)
        return ()


def items_of(
    exchange: Exchange, endpoint: Endpoint, params: Mapping[str, str], reply: Reply | None
) -> tuple[Item, ...]:
    """What an answer says of each order of a call; none if it cannot be read, for it is passed on all the same."""
    try:
        return exchange.items(endpoint, params, reply) if reply is not None else ()
    except Exception:
        log.exception("what %s answered to %s cannot be read", exchange.name, endpoint.name)
        return ()


class Kind(StrEnum):
    """What a refusal of ours means to a bot; each exchange has one native text or code for each."""

    THROTTLED = "throttled"  # back off and come again
    BAD_TOKEN = "bad_token"
    DENIED = "denied"  # not for this bot
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    BAD_REQUEST = "bad_request"
    UNAVAILABLE = "unavailable"  # not sent; come again later
    OUTCOME_UNKNOWN = "outcome_unknown"  # sent, and perhaps executed


_REASONS: Mapping[str, Kind] = {
    "rate_limited": Kind.THROTTLED,
    "queue_full": Kind.THROTTLED,
    "bad_token": Kind.BAD_TOKEN,
    "not_allowed": Kind.DENIED,
    "withdrawal_refused": Kind.DENIED,
    "denied": Kind.DENIED,
    "unknown_endpoint": Kind.UNKNOWN_ENDPOINT,
    "outcome_unknown": Kind.OUTCOME_UNKNOWN,
    "no_route": Kind.UNAVAILABLE,
    "unavailable": Kind.UNAVAILABLE,
}
_STATUSES: Mapping[int, Kind] = {
    401: Kind.BAD_TOKEN,
    403: Kind.DENIED,
    429: Kind.THROTTLED,
    500: Kind.OUTCOME_UNKNOWN,
    502: Kind.OUTCOME_UNKNOWN,
    503: Kind.UNAVAILABLE,
    504: Kind.OUTCOME_UNKNOWN,
}


def kind(refusal: Refusal) -> Kind:
    """By the reason, else by the status, else the bot's own fault."""
    return _REASONS.get(refusal.reason) or _STATUSES.get(refusal.status, Kind.BAD_REQUEST)


_UNPACKED_MAX = 65_536
_SECOND_NS = 1_000_000_000
_LONGEST_REST_S = 365 * 86_400


def readable(reply: Reply) -> bytes | None:
    """The body in plain bytes; None if it is packed and too large to be an error, or cannot be unpacked.

    Only public answers may come packed (`encodings`), and an exchange's errors are short.
    """
    encoding = reply.header(b"content-encoding").strip().lower()
    if encoding in (b"", b"identity"):
        return reply.body
    if encoding not in (b"gzip", b"x-gzip") or reply.stream is not None or len(reply.body) > _UNPACKED_MAX:
        return None
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(reply.body, _UNPACKED_MAX)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def retry_after_ns(reply: Reply) -> int | None:
    """How long an answer asks to be left alone, told in seconds or as a moment (RFC 9110 section 10.2.3); else None.

    A moment is one of the exchange's own clock, so it is held against the Date of the same answer; both are cut to
    seconds, so a second is added. No rest at all is not taken for an answer.
    """
    value = reply.header(b"retry-after").strip()
    if value.isdigit():
        return min(int(value), _LONGEST_REST_S) * _SECOND_NS or None
    until_s, now_s = _unix_s(value), _unix_s(reply.header(b"date"))
    if until_s is None or now_s is None:
        return None
    return min(max(until_s - now_s, 0) + 1, _LONGEST_REST_S) * _SECOND_NS


def _unix_s(date: bytes) -> int | None:
    try:
        return int(parsedate_to_datetime(date.decode("ascii")).timestamp()) if date else None
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return None


def outgoing_headers(
    request: Incoming, *, extra: frozenset[str] = frozenset(), prefix: str = ""
) -> list[tuple[str, str]]:
    """The bot's headers that may leave: an allow list, so that nothing of ours or of a browser goes along."""
    return [
        (name, value)
        for name, value in request.headers
        if name in FORWARDED_HEADERS or name in extra or (prefix and name.startswith(prefix))
    ]


def encodings(request: Incoming, *, judged: bool) -> tuple[str, str]:
    """Accept-Encoding to send: plain for answers we must read, the bot's gzip for public ones."""
    gzip = not judged and "gzip" in request.header("accept-encoding").lower()
    return ("Accept-Encoding", "gzip" if gzip else "identity")


def target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
