"""What an answer of Crypto.com Exchange means: the code first, the status second.

Business refusals come with status 500 too. Sources: exchange-developer.crypto.com, response and reason codes;
error-catalog.json of github crypto-com/cdcx-cli; bodies and codes of the older API as noted in github
ccxt/ccxt cryptocom.py.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from proxy.exchanges.form import readable, retry_after_ns
from proxy.model import Auth, Endpoint, Executed, Outcome, Reply, Scope, Verdict

_NO, _MAYBE = Executed.NO, Executed.UNKNOWN
_SECOND_NS = 1_000_000_000
_EDGE_NS = 300 * _SECOND_NS  # the front states no time
_FOREVER_NS = 365 * 86_400 * _SECOND_NS
_BIG = 65_536

_SUSPENDED = (Outcome.SUSPENDED, Scope.ACCOUNT, _NO)
_THROTTLED = (Outcome.THROTTLED, Scope.KEY, _NO)
_DOUBTFUL = (Outcome.UNKNOWN, None, _MAYBE)
# The order was there and was taken out again, perhaps after a part of it was filled.
_KILLED = (Outcome.REFUSED, None, _MAYBE)
_CODES: Mapping[int, tuple[Outcome, Scope | None, Executed]] = {
    42901: _THROTTLED,
    10006: _THROTTLED,
    40101: (Outcome.DEAD, Scope.KEY, _NO),
    10002: (Outcome.DEAD, Scope.KEY, _NO),
    40103: (Outcome.NOT_WHITELISTED, Scope.PAIR, _NO),
    10003: (Outcome.NOT_WHITELISTED, Scope.PAIR, _NO),
    40102: (Outcome.CLOCK, None, _NO),
    10007: (Outcome.CLOCK, None, _NO),
    **dict.fromkeys((202, 401, 406, 407, 408, 409, 410, 411, 412), _SUSPENDED),
    **dict.fromkeys((43003, 43004, 43005, 43012), _KILLED),
    **dict.fromkeys((40801, 50001, 620), _DOUBTFUL),
    9010001: (Outcome.UNAVAILABLE, None, _NO),
}
_SYSTEM_ERROR = 10001


def _span(first: int, last: int) -> Iterable[int]:
    return range(first, last + 1)


# Refusals of the order or the request itself, whatever status they come with. 204, 205 and 40006 say that
# an order or an envelope like this one is there already; this attempt was not executed. 40104 and 10005 speak
# of the account's tier, which no other key changes.
_BUSINESS = frozenset(
    {
        *(201, 203, 204, 205, 206, *_span(207, 230), *_span(301, 321), 325, 415, 501, *_span(604, 619), 1110),
        *(10004, 10005, 10008, 10009, 20001, 20002, 20005, *_span(30003, 30025)),
        *(*_span(40001, 40007), 40104, 40107, 40401, 120009, 130008),
    }
)


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    large = reply.stream is not None or len(reply.body) > _BIG
    if large and reply.status == 200 and not endpoint.call_class.writes:
        return _big(reply)
    body = readable(reply)
    if body is None and reply.status == 200:  # packed, and too large for an error
        return Verdict(Outcome.ACCEPTED, Executed.YES)
    found = _answer(body or b"")
    code = _code(found)
    if code is None:
        return _by_status(reply)
    if code == 0:
        if reply.status == 200:
            return Verdict(Outcome.ACCEPTED, Executed.YES, code="0")
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, f"http {reply.status}")
    return _by_code(endpoint, reply, code, found)


def _by_code(endpoint: Endpoint, reply: Reply, code: int, found: Mapping[str, Any]) -> Verdict:
    name, writes = str(code), endpoint.call_class.writes
    if code == _SYSTEM_ERROR:
        # Keys of sub-accounts get it for ever on some reads, so it may be the call's own fault.
        if writes:
            return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, name)
        return Verdict(Outcome.UNAVAILABLE, _NO, None, None, name, suspect_request=True)
    outcome, blame, executed = _CODES.get(code, (Outcome.REFUSED, None, _NO))
    if code not in _CODES and code not in _BUSINESS and reply.status >= 500:
        outcome, executed = Outcome.UNKNOWN, _MAYBE
    if writes and _names_an_order(found) and outcome is not Outcome.UNKNOWN:
        # A record was made: the bot gets the answer as it is, and the order is to be looked up.
        return Verdict(Outcome.REFUSED, _MAYBE, None, None, name)
    if endpoint.auth is Auth.NONE and blame is not None:
        blame = Scope.ADDRESS
    wait_ns = retry_after_ns(reply) if outcome is Outcome.THROTTLED else None
    # What a bot sent can spoil a signature too; this code does not tell it from a bad key.
    return Verdict(outcome, executed, blame, wait_ns, name, suspect_request=outcome is Outcome.DEAD)


def _by_status(reply: Reply) -> Verdict:
    """Answers without a code are from the front, not from the API."""
    status = reply.status
    code = "garbage" if status == 200 else f"http {status}"
    if status == 429:
        return Verdict(Outcome.THROTTLED, _NO, Scope.ADDRESS, retry_after_ns(reply), code)
    if status == 403:
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _EDGE_NS, code, suspect_request=True)
    if status == 451:
        return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _FOREVER_NS, code)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, code)


def _answer(body: bytes) -> Mapping[str, Any]:
    if body.lstrip()[:1] != b"{":
        return {}
    try:
        found: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found


def _code(found: Mapping[str, Any]) -> int | None:
    """A number in older answers, a text in newer ones."""
    code = found.get("code")
    if isinstance(code, str) and re.fullmatch(r"-?\d{1,9}", code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _names_an_order(found: Mapping[str, Any]) -> bool:
    result = found.get("result")
    return isinstance(result, dict) and bool(result.get("order_id") or result.get("client_oid"))


def _big(reply: Reply) -> Verdict:
    """A large read is not parsed: errors are short, so its beginning and its end tell enough."""
    packed = reply.header(b"content-encoding") not in (b"", b"identity")
    fine = re.search(rb'"code"\s*:\s*"?0[",}\s]', reply.body[:500])
    ended = reply.stream is not None or reply.body.rstrip()[-1:] == b"}"
    if packed or (fine and ended):
        return Verdict(Outcome.ACCEPTED, Executed.YES)
    return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, "garbage")
