"""What an answer of Coinbase Advanced Trade means.

Order calls tell of a failure with status 200: in `success`, or in a row of `results` for each order that was to be
cancelled. Everything else is told in `error` or, in the older shape, in `errors`. Sources: docs.cdp.coinbase.com
(Advanced Trade orders, Coinbase App error messages), bodies as noted in github ccxt/ccxt coinbase.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from proxy.exchanges.codes import (
    BAD_SIGNATURE,
    CLOCK,
    DOUBTFUL,
    DOWN_PERHAPS,
    FULL_ACCOUNT,
    NO_RIGHT,
    NOT_LISTED,
    REFUSED,
    Code,
    Judge,
)
from proxy.model import CallClass, Endpoint, Executed, Outcome, Reply, Scope, Verdict

DONE = "ok"
NOT_FOUND = "not_found"
VAGUE = "UNKNOWN_FAILURE_REASON"

_NO_REASON = Code(Outcome.UNKNOWN, executed=Executed.UNKNOWN, reads=REFUSED)
# Something of that name is there already: perhaps this call's own doing.
_TWICE = Code(Outcome.REFUSED, executed=Executed.UNKNOWN)
# A wrong key, and an address outside of its list, whose answer is not documented. The pair is blamed first, and the key
# once its other addresses answer the same (retry.py).
_UNAUTHORIZED = Code(Outcome.NOT_WHITELISTED, Scope.PAIR)

_CODES: Mapping[str, Code] = {
    "rate_limit_exceeded": FULL_ACCOUNT,
    "resource_exhausted": FULL_ACCOUNT,
    "unauthorized": _UNAUTHORIZED,
    "authentication_error": BAD_SIGNATURE,
    "invalid_token": BAD_SIGNATURE,
    "revoked_token": BAD_SIGNATURE,
    "request timestamp expired": CLOCK,
    "address not listed": NOT_LISTED,
    "PERMISSION_DENIED": NO_RIGHT,
    "invalid_scope": NO_RIGHT,
    "forbidden": replace(NO_RIGHT, suspect=True),
    "DUPLICATE_CLIENT_ORDER_ID": _TWICE,
    "DUPLICATE_CANCEL_REQUEST": _TWICE,
    "ALREADY_EXISTS": _TWICE,
    NOT_FOUND: REFUSED,
    VAGUE: _NO_REASON,
    "internal_server_error": DOWN_PERHAPS,
    "request_timeout": DOWN_PERHAPS,
}
_OF_401 = frozenset({"authentication_error", "invalid_token", "revoked_token"})
_OF_403 = frozenset({"PERMISSION_DENIED", "invalid_scope"})
_REASONS = (
    "new_order_failure_reason",
    "error",
    "preview_failure_reason",
    "edit_failure_reason",
    "failure_reason",
    "id",
)
_SAYS_NOTHING = re.compile(r"unknown|UNKNOWN_(\w+_)?FAILURE_REASON")
_ADDRESS = re.compile(r"\bip\b|\ballow ?-?list|\bwhite ?-?list", re.IGNORECASE)
_EPOCH_S, _EPOCH_MS = 10**9, 10**12  # a moment is a larger number than any rest
_LONGEST_MS = 3_600_000  # no window is longer
_BEHIND_MS = 2_000


def code(found: Any, reply: Reply) -> str | None:
    """The code of an answer's parsed body: DONE, the exchange's own word, or ours for what it says in other ways."""
    if not isinstance(found, dict):
        return None
    status = reply.status
    if 200 <= status < 300:
        return _of_success(found)
    if not 400 <= status < 500:
        return "internal_server_error"
    if status == 429:
        return "rate_limit_exceeded"
    name, text = reason(found), " ".join(_texts(found))
    if "request timestamp expired" in text:
        return "request timestamp expired"
    if "orderID was not found" in text or status == 404:
        return NOT_FOUND
    if status in (401, 403) and _ADDRESS.search(text):
        return "address not listed"
    if "Missing required scopes" in text:
        return "PERMISSION_DENIED"
    if status == 401:
        return name if name in _OF_401 else "unauthorized"
    if status == 403:
        return name if name in _OF_403 else "forbidden"
    if status in (408, 499):
        return "request_timeout"
    return name if name != VAGUE or _given(found) else None


def _of_success(found: Mapping[str, Any]) -> str | None:
    success, results = found.get("success"), found.get("results")
    if success is True:
        return DONE
    if success is False:
        return reason(found)
    if isinstance(results, list) and results and all(isinstance(row, dict) for row in results):
        if any(row.get("success") is True for row in results):
            return DONE
        reasons = [reason(row) for row in results]
        return next((name for name in reasons if executed(name) is not Executed.NO), reasons[0])
    return reason(found) if found.get("error") or found.get("errors") else None


def reason(row: Mapping[str, Any]) -> str:
    """The most telling word for a failure, of an answer or of a row of it; VAGUE if there is none."""
    for part in _parts(row):
        for name in _REASONS:
            told = part.get(name)
            if isinstance(told, str) and told and not _SAYS_NOTHING.fullmatch(told):
                return told
    return VAGUE


def executed(name: str) -> Executed:
    """Whether an order that was refused in this word was executed all the same."""
    return _CODES.get(name, REFUSED).executed


def _given(found: Mapping[str, Any]) -> bool:
    return any(part.get(name) for part in _parts(found) for name in _REASONS)


def _parts(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    inner, errors = row.get("error_response"), row.get("errors")
    if isinstance(inner, dict):
        yield inner
    for one in errors if isinstance(errors, list) else [errors]:
        if isinstance(one, dict):
            yield one
    yield row


def _texts(found: Mapping[str, Any]) -> Iterator[str]:
    for part in _parts(found):
        yield from (str(part[name]) for name in ("message", "error_details", "error_description") if part.get(name))


def wait_ns(reply: Reply, wall_ms: int) -> int | None:
    """Of x-ratelimit-reset, whose unit is not documented: a Unix time in s or ms, else seconds that are left."""
    value = reply.header(b"x-ratelimit-reset").strip()
    if not value.isdigit() or len(value) > 15:
        return None
    number = int(value)
    if number >= _EPOCH_MS:
        left_ms = number - wall_ms
    elif number >= _EPOCH_S:
        left_ms = number * 1000 - wall_ms
    else:
        left_ms = number * 1000
    return min(max(left_ms, 0), _LONGEST_MS) * 1_000_000 or None


_READS = Judge(
    code,
    _CODES,
    fine=frozenset({DONE}),
    front={401: _UNAUTHORIZED, 408: DOUBTFUL, 429: FULL_ACCOUNT},
    wait_ns=wait_ns,
)
_ORDERS = replace(_READS, always_coded=True)
_ABOUT_ORDERS = frozenset({CallClass.PLACE, CallClass.AMEND, CallClass.CANCEL})


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    judge = _ORDERS if endpoint.call_class in _ABOUT_ORDERS else _READS
    verdict = judge.classify(endpoint, reply, wall_ms)
    if reply.status == 401 and verdict.outcome is not Outcome.CLOCK and _clock_is_off(reply, wall_ms):
        return Verdict(Outcome.CLOCK, Executed.NO, code=verdict.code)
    return verdict


def _clock_is_off(reply: Reply, wall_ms: int) -> bool:
    """Whether a token may have been refused for its times: "Unauthorized" does not tell. A token that begins in the
    exchange's future is none, and neither is one that has run out.
    """
    try:
        told_s = int(parsedate_to_datetime(reply.header(b"date").decode("ascii")).timestamp())
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return False
    begun_s = (wall_ms - reply.elapsed_ns // 1_000_000) // 1000
    return begun_s > told_s or told_s * 1000 - wall_ms > _BEHIND_MS
