"""Judging an answer by the code in its body, for exchanges whose errors are a matter of a table.

The code is read first and the status second; without a code it is the front that speaks, not the exchange.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.exchanges.form import readable, retry_after_ns
from proxy.model import Auth, Endpoint, Executed, Outcome, Reply, Scope, Verdict

_SECOND_NS = 1_000_000_000
_EDGE_NS = 300 * _SECOND_NS  # a front that states no time
_FOREVER_NS = 365 * 86_400 * _SECOND_NS
_BIG = 65_536
_NO, _MAYBE = Executed.NO, Executed.UNKNOWN


@dataclass(frozen=True, slots=True)
class Code:
    """What one code means. `wait_s`: the rest if the answer does not state one. `suspect`: what a bot sent may be the
    cause as well. `reads`: what it means on a call that writes nothing, where that differs.
    """

    outcome: Outcome
    blame: Scope | None = None
    executed: Executed = Executed.NO
    wait_s: float | None = None
    suspect: bool = False
    reads: "Code | None" = None


REFUSED = Code(Outcome.REFUSED)
DOUBTFUL = Code(Outcome.UNKNOWN, executed=_MAYBE)
CLOCK = Code(Outcome.CLOCK)
BAD_KEY = Code(Outcome.DEAD, Scope.KEY)
BAD_SIGNATURE = Code(Outcome.DEAD, Scope.KEY, suspect=True)
NOT_LISTED = Code(Outcome.NOT_WHITELISTED, Scope.PAIR)
NO_RIGHT = Code(Outcome.NO_PERMISSION, Scope.KEY)
SUSPENDED = Code(Outcome.SUSPENDED, Scope.ACCOUNT)
FULL_ACCOUNT = Code(Outcome.THROTTLED, Scope.ACCOUNT)
FULL_ADDRESS = Code(Outcome.THROTTLED, Scope.ADDRESS)
DOWN = Code(Outcome.UNAVAILABLE)
"""Not processed, as the exchange says; where it does not say so of writes, use DOWN_PERHAPS."""
DOWN_PERHAPS = Code(Outcome.UNKNOWN, executed=_MAYBE, reads=DOWN)


@dataclass(frozen=True, slots=True)
class Judge:
    """`code`: an answer's code, from its parsed body; None if it has none. `fine`: codes of success; an answer with
    status 2xx and no code is one too unless `always_coded`. `codes`: by code. `unlisted`: a code that is not among
    them, with a status below 500. `front`: by status, for answers without a code. `wait_ns`: the rest that a refusal
    states in the exchange's own way. `begins`: what a large answer that is fine begins with (its first 500 bytes).
    """

    code: Callable[[Any, Reply], str | None]
    codes: Mapping[str, Code]
    fine: frozenset[str] = frozenset()
    always_coded: bool = False
    unlisted: Code = REFUSED
    front: Mapping[int, Code] = field(default_factory=dict)
    wait_ns: Callable[[Reply, int], int | None] = lambda reply, wall_ms: None
    begins: re.Pattern[bytes] | None = None

    def classify(self, endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
        fine = 200 <= reply.status < 300
        if fine and (reply.stream is not None or len(reply.body) > _BIG) and not endpoint.call_class.writes:
            return self._large(reply)
        body = readable(reply)
        if body is None:
            return Verdict(Outcome.ACCEPTED, Executed.YES) if fine else self._by_status(endpoint, reply, wall_ms)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._by_status(endpoint, reply, wall_ms)
        code = self.code(found, reply)
        if code in self.fine or (code is None and fine and not self.always_coded):
            if fine:
                return Verdict(Outcome.ACCEPTED, Executed.YES, code=code or "")
            return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, f"http {reply.status}")
        if code is None:
            return self._by_status(endpoint, reply, wall_ms)
        row = self.codes.get(code) or (DOWN_PERHAPS if reply.status >= 500 else self.unlisted)
        return self._verdict(row, code, endpoint, reply, wall_ms)

    def _verdict(self, row: Code, name: str, endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
        if row.reads is not None and not endpoint.call_class.writes:
            row = row.reads
        blame = row.blame
        if endpoint.auth is Auth.NONE and blame is not None:  # nobody else to blame
            blame = Scope.ADDRESS
        wait_ns: int | None = None
        if row.outcome in (Outcome.THROTTLED, Outcome.BANNED, Outcome.SUSPENDED, Outcome.UNAVAILABLE):
            wait_ns = self.wait_ns(reply, wall_ms) or retry_after_ns(reply)
            if wait_ns is None and row.wait_s is not None:
                wait_ns = int(row.wait_s * _SECOND_NS)
        return Verdict(row.outcome, row.executed, blame, wait_ns, name[:60], suspect_request=row.suspect)

    def _large(self, reply: Reply) -> Verdict:
        """A large read is not parsed: errors are short, so its beginning and its end tell enough."""
        packed = reply.header(b"content-encoding") not in (b"", b"identity")
        begun = reply.body.lstrip()[:1] in (b"{", b"[")
        if self.begins is not None:
            begun = self.begins.search(reply.body[:500]) is not None
        ended = reply.stream is not None or reply.body.rstrip()[-1:] in (b"}", b"]")
        if packed or (begun and ended):
            return Verdict(Outcome.ACCEPTED, Executed.YES)
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, "garbage")

    def _by_status(self, endpoint: Endpoint, reply: Reply, wall_ms: int) -> Verdict:
        """The front's answers. Nothing is believed of them but what is usual everywhere."""
        status = reply.status
        name = "garbage" if 200 <= status < 300 else f"http {status}"
        if (row := self.front.get(status)) is not None:
            return self._verdict(row, name, endpoint, reply, wall_ms)
        if status == 429:
            return Verdict(Outcome.THROTTLED, _NO, Scope.ADDRESS, retry_after_ns(reply), name)
        if status == 403:
            wait_ns = retry_after_ns(reply) or _EDGE_NS
            return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, wait_ns, name, suspect_request=True)
        if status == 451:  # restricted location
            return Verdict(Outcome.BANNED, _NO, Scope.ADDRESS, _FOREVER_NS, name)
        return Verdict(Outcome.UNKNOWN, _MAYBE, None, None, name)
