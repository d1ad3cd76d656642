"""What an answer of Poloniex means: a code in its body, or one in each row of a list.

Sources: api-docs.poloniex.com spot error codes, v3 futures error codes, authentication; the body of a refused key in
github ccxt/ccxt issue 15098.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from proxy.exchanges.codes import (
    BAD_SIGNATURE,
    CLOCK,
    DOUBTFUL,
    DOWN,
    DOWN_PERHAPS,
    FULL_ACCOUNT,
    NO_RIGHT,
    NOT_LISTED,
    REFUSED,
    SUSPENDED,
    Code,
    Judge,
)
from proxy.exchanges.poloniex_orders import REPLACES
from proxy.model import Endpoint, Executed, Outcome, Reply, Scope, Verdict

DONE = "200"
NOT_FOUND = frozenset({"21301", "25013", "25014", "25015", "11008"})
_OVER = frozenset({"21304", "21305", "21359", "11004"})
_UNLISTED = "unlisted"

# Of keys, addresses outside of a key's list and signatures it is not documented how they are told apart. The pair is
# blamed first, and the key once its other addresses answer the same; where another key's do too, it was the request
# (retry.py).
_UNAUTHORIZED = Code(Outcome.NOT_WHITELISTED, Scope.PAIR, suspect=True)
# Something of that name is there already: perhaps this call's own doing.
_TWICE = Code(Outcome.REFUSED, executed=Executed.UNKNOWN)


def _rows(row: Code, *codes: int | str | range) -> dict[str, Code]:
    return {str(one): row for given in codes for one in (given if isinstance(given, range) else (given,))}


CODES: Mapping[str, Code] = {
    # spot
    **_rows(REFUSED, range(21309, 21338), range(21344, 21351), 21355, 21356, 21360),
    **_rows(REFUSED, 601, 602, range(24101, 24107), 10020, 10040, 10041, 10060, 21102, 21110, 21352, 21711),
    **_rows(REFUSED, range(21341, 21344), 21700, 21705, 21708, 21709, 21721),
    **_rows(REFUSED, *NOT_FOUND, *_OVER),
    **_rows(REFUSED, range(25000, 25003), 25007, 25008, 25010, 25011, range(25018, 25021)),
    **_rows(REFUSED, range(250000, 250013)),
    **_rows(_TWICE, 21312, 25004, 25006),
    **_rows(BAD_SIGNATURE, 21100, 21600, 21604, 21605, 21704),
    **_rows(SUSPENDED, 21601, 21351),
    **_rows(Code(Outcome.NO_PERMISSION, Scope.KEY, suspect=True), 21353, 21354),
    **_rows(DOWN, 21340),
    **_rows(DOWN_PERHAPS, 24201, 500, 603, 415, 21707),
    **_rows(DOUBTFUL, 21302, 21307, 25003, 25005, 25009, 25012, 25016, 25017),
    # futures v3
    **_rows(_TWICE, 250),
    **_rows(REFUSED, 400, 404, range(10000, 10008), range(10009, 10020), 11003, 21001),
    **_rows(BAD_SIGNATURE, 1000),
    **_rows(SUSPENDED, 1003, 10008),
    **_rows(DOWN, 1002),
    **_rows(DOWN_PERHAPS, 503, 1001),
    **_rows(Code(Outcome.NO_PERMISSION, Scope.KEY, suspect=True), 12004),
    # both, and our own words
    "429": FULL_ACCOUNT,
    "FORBIDDEN": _UNAUTHORIZED,
    "401": _UNAUTHORIZED,
    "403": replace(NO_RIGHT, suspect=True),
    "408": DOUBTFUL,
    "address not listed": NOT_LISTED,
    "clock": CLOCK,
    _UNLISTED: Code(Outcome.UNKNOWN, executed=Executed.UNKNOWN, reads=REFUSED),
}

_ADDRESS = re.compile(r"\bip\b|\bwhite ?-?list", re.IGNORECASE)
_CLOCK = re.compile(r"timestamp", re.IGNORECASE)
_WINDOW = re.compile(r"recv ?window", re.IGNORECASE)


def code(found: Any, reply: Reply) -> str | None:
    """Of an answer's parsed body; a list that holds one order that is well is a success."""
    rows = rows_of(found)
    if rows is not None and 200 <= reply.status < 300:
        return _of_rows(rows)
    if not isinstance(found, dict):
        return None
    name, text = _name(found), str(found.get("message") or found.get("msg") or "")
    status = reply.status
    if "408" in (str(status), name):
        return "clock" if _WINDOW.search(text) else "408"
    if status in (401, 403) and _ADDRESS.search(text):
        return "address not listed"
    if status == 429:
        return "429"
    if name not in CODES or name == "400":
        if status == 400 and _CLOCK.search(text):
            return "clock"
        if status in (401, 403):
            return str(status)
        if name and name != DONE and 200 <= status < 300:
            return _UNLISTED
    return name or None


def rows_of(found: Any) -> list[Mapping[str, Any]] | None:
    """The orders of an answer about several, each with its own code; None if it is another one."""
    if isinstance(found, dict) and _name(found) == DONE:
        found = found.get("data")
        if not isinstance(found, list) or not any(isinstance(row, dict) and "code" in row for row in found):
            return None
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        return None
    return found


def name_of(row: Mapping[str, Any]) -> str:
    """The code of one row; DONE where an order says nothing of one."""
    return _name(row) or DONE


def executed(name: str) -> Executed:
    """Whether an order with this code of its own was executed."""
    if name == DONE:
        return Executed.YES
    return CODES.get(name, CODES[_UNLISTED]).executed


def _of_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    names = [name_of(row) for row in rows]
    if DONE in names:
        return DONE
    name = next((one for one in names if executed(one) is not Executed.NO), names[0])
    return name if name in CODES else _UNLISTED


def _name(found: Mapping[str, Any]) -> str:
    given = found.get("code")
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""


_JUDGE = Judge(
    code,
    CODES,
    fine=frozenset({DONE}),
    front={401: _UNAUTHORIZED, 408: DOUBTFUL, 429: FULL_ACCOUNT},
)


def classify(endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
    """A replacement is a cancel and then a new order: a refusal may come after the first of them, unless it says that
    there was nothing to cancel."""
    verdict = _JUDGE.classify(endpoint, reply, wall_ms)
    refused = verdict.outcome is Outcome.REFUSED and verdict.executed is Executed.NO
    if endpoint.name in REPLACES and refused and verdict.code not in NOT_FOUND | _OVER:
        return replace(verdict, executed=Executed.UNKNOWN)
    return verdict
