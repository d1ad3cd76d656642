"""What an answer of Kraken spot means: by the texts of its `error` list, and by the status of its front.

Sources: docs.kraken.com guide spot-errors, support.kraken.com article 360001491786, krakenfx/kraken-cli
src/errors.rs; texts that only clients have reported stand in github ccxt/ccxt kraken.py.
"""

import re
from typing import Any

import orjson

from proxy.exchanges.form import readable, retry_after_ns
from proxy.model import Auth, CallClass, Endpoint, Executed, Outcome, Reply, Scope, Verdict

_NO, _MAYBE = Executed.NO, Executed.UNKNOWN
_SECOND_NS = 1_000_000_000
_LOCKOUT_NS = 15 * 60 * _SECOND_NS  # older support text; the newer one says "a few minutes"
_EDGE_NS = 300 * _SECOND_NS  # the front states no time
_FOREVER_NS = 365 * 86_400 * _SECOND_NS
_HARMLESS_TO_REPEAT = frozenset({CallClass.PUBLIC, CallClass.READ})
_BIG = 65_536

# Beginning of the text, blanks after colons removed -> (outcome, blame). The first that fits holds.
# A text that no row knows is a business refusal. UNAVAILABLE turns into UNKNOWN for orders.
_ROWS: tuple[tuple[str, Outcome, Scope | None], ...] = (
    ("EAPI:Rate limit exceeded", Outcome.THROTTLED, Scope.KEY),
    ("EGeneral:Too many requests", Outcome.THROTTLED, Scope.ADDRESS),
    ("EService:Throttled", Outcome.THROTTLED, Scope.ACCOUNT),
    ("EOrder:Rate limit exceeded", Outcome.THROTTLED, Scope.ACCOUNT),
    ("EOrder:Domain rate limit exceeded", Outcome.THROTTLED, Scope.ACCOUNT),
    ("EAuth:Rate limit exceeded", Outcome.THROTTLED, Scope.KEY),
    ("EAuth:Too many requests", Outcome.THROTTLED, Scope.KEY),
    ("EGeneral:Temporary lockout", Outcome.SUSPENDED, Scope.KEY),
    ("EAPI:Invalid nonce", Outcome.NONCE, None),
    # Also what a call from an address outside the key's list is likely to get, and a key of another
    # product: the pair is blamed first, and the key once its other addresses answer the same.
    ("EAPI:Invalid key", Outcome.NOT_WHITELISTED, Scope.PAIR),
    ("EAPI:Invalid signature", Outcome.DEAD, Scope.KEY),
    ("EGeneral:Permission denied", Outcome.NO_PERMISSION, Scope.KEY),
    ("EAuth:Account temporary disabled", Outcome.SUSPENDED, Scope.ACCOUNT),
    ("EAuth:Account unconfirmed", Outcome.SUSPENDED, Scope.ACCOUNT),
    ("ETrade:Locked", Outcome.SUSPENDED, Scope.ACCOUNT),
    ("ETrade:User Locked", Outcome.SUSPENDED, Scope.ACCOUNT),
    ("EOrder:Cancel pending", Outcome.UNKNOWN, None),
    ("EService:Unavailable", Outcome.UNAVAILABLE, None),
    ("EService:Busy", Outcome.UNAVAILABLE, None),
    ("EService:Deadline elapsed", Outcome.UNAVAILABLE, None),
    ("EGeneral:Internal error", Outcome.UNKNOWN, None),
    ("EDatabase:Internal error", Outcome.UNKNOWN, None),
)
# Part of the position may have been closed before this came.
_PERHAPS_CLOSED = re.compile(r"EOrder:Reduce only:.*Position is closed", re.IGNORECASE)
_UNTIL = re.compile(r"EService:Throttled:(\d{10,13})")


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    status = reply.status
    if 400 <= status < 500 or status == 200:
        verdict = _by_body(endpoint, reply, wall_ms)
        if verdict is not None:
            return verdict
    return _by_status(endpoint, reply)


def _by_body(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict | None:
    """None if the body says nothing, or says "fine" under a status that does not."""
    fine = reply.status == 200
    if fine and (reply.stream is not None or len(reply.body) > _BIG) and not endpoint.call_class.writes:
        return _big(reply)
    body = readable(reply)
    if body is None:
        return Verdict(Outcome.ACCEPTED, Executed.YES) if fine else None
    found = _answer(body)
    if found is None:
        return None
    faults = [re.sub(r":\s+", ":", text) for text in found["error"] if not text.startswith("W")]
    if not faults:
        return Verdict(Outcome.ACCEPTED, Executed.YES) if fine and "result" in found else None
    verdicts = [_judge(endpoint, text, wall_ms) for text in faults]
    # Of several texts the most doubtful one counts, then the one that blames somebody.
    verdict = max(verdicts, key=lambda v: (v.executed is _MAYBE, v.outcome is not Outcome.REFUSED))
    if found.get("result") and endpoint.call_class.writes:
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, verdict.code)
    return verdict


def _answer(body: bytes) -> dict[str, Any] | None:
    """The object of a complete answer with a list of texts as `error`, else None."""
    if body.lstrip()[:1] != b"{":
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    errors = found.get("error")
    return found if isinstance(errors, list) and all(isinstance(e, str) for e in errors) else None


def _big(reply: Reply) -> Verdict:
    """A large read is not parsed: errors are short, so its beginning and its end tell enough."""
    packed = reply.header(b"content-encoding") not in (b"", b"identity")
    begun = re.match(rb'\s*\{\s*"error"\s*:\s*\[\s*\]\s*,', reply.body)
    ended = reply.stream is not None or reply.body.rstrip()[-1:] == b"}"
    if packed or (begun and ended):
        return Verdict(Outcome.ACCEPTED, Executed.YES)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, "garbage")


def _judge(endpoint: Endpoint, text: str, wall_ms: int) -> Verdict:
    code = ":".join(text.split(":")[:2])[:60]
    if _PERHAPS_CLOSED.match(text):
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, code)
    row = next((row for row in _ROWS if text.startswith(row[0])), None)
    if row is None:
        return Verdict(Outcome.REFUSED, _NO, None, None, code)
    _, outcome, blame = row
    if endpoint.auth is Auth.NONE and blame is not None:  # nobody else to blame
        blame, outcome = Scope.ADDRESS, Outcome.BANNED if outcome is Outcome.SUSPENDED else outcome
    if outcome is Outcome.UNAVAILABLE:
        return _down(endpoint, code, None)
    if outcome is Outcome.UNKNOWN:
        return Verdict(outcome, _MAYBE, None, None, code)
    until = _UNTIL.match(text)
    wait_ns = _LOCKOUT_NS if text.startswith("EGeneral:Temporary lockout") else None
    if until is not None:
        stated_ms = int(until[1]) * (1000 if len(until[1]) == 10 else 1)
        wait_ns = max(stated_ms - wall_ms, 0) * 1_000_000
    # What a bot sent can spoil a signature too.
    return Verdict(outcome, _NO, blame, wait_ns, code, suspect_request=outcome is Outcome.DEAD)


def _down(endpoint: Endpoint, code: str, wait_ns: int | None) -> Verdict:
    """Kraken asks to look before a call is sent again after these: it may have been taken."""
    if endpoint.call_class in _HARMLESS_TO_REPEAT:
        return Verdict(Outcome.UNAVAILABLE, _NO, None, wait_ns, code)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, wait_ns, code)


def _by_status(endpoint: Endpoint, reply: Reply) -> Verdict:
    """The front's answers: anything but 200 is not from the API itself, and its HTML is not read."""
    status, wait_ns = reply.status, retry_after_ns(reply)
    code = "garbage" if status == 200 else f"http {status}"
    html = reply.body.lstrip()[:1] == b"<" or b"error code: 10" in reply.body[:200]
    if status == 403 or (status == 429 and html):
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, wait_ns or _EDGE_NS, code, suspect_request=status == 403)
    if status == 429:
        if endpoint.call_class in _HARMLESS_TO_REPEAT:
            return Verdict(Outcome.THROTTLED, _NO, Scope.ADDRESS, wait_ns, code)
        # Not documented: the order probably never got in, so the address rests and the order is looked up.
        return Verdict(Outcome.THROTTLED, _MAYBE, Scope.ADDRESS, wait_ns, code)
    if status == 451:
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _FOREVER_NS, code)
    if status in (503, 521):
        return _down(endpoint, code, wait_ns)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, code)
