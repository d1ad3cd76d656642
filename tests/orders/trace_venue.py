"""The egress of the random traces: every request has a fate, and every copy that left is kept account of."""

import random
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from email.utils import formatdate

from proxy.errors import MaybeSent, NotSent
from proxy.model import Reply, SignedRequest, Upstream
from tests.fakes import FakeClock
from tests.orders.trace_book import MS, Asked, Attempt, Book, Result
from tests.orders.trace_dialects import Dialect, Said

CALL: ContextVar[str] = ContextVar("call", default="")
"""The bot's call in whose behalf the running task acts, however many tasks lie between."""

_WRITES = (
    *("fine",) * 12,
    "unreachable",
    "no address",
    "refused",
    "lost before",
    "lost after",
    "late",
    "late",
    "stall",
    "maybe",
    "maybe",
    "throttled",
    "banned",
    "suspended",
    "clock",
    "down",
)
_READS = (*("fine",) * 16, "unreachable", "lost before", "stall", "maybe", "throttled", "suspended")


class Venue:
    """One exchange for one trace. It outlives the daemon's processes.

    `broken`: told (rule, what) of each rule that the daemon broke. `durable`: whether a call's intent is on the disk.
    `event`: told (call, what) of each step.
    """

    def __init__(
        self,
        seed: str,
        clock: FakeClock,
        dialect: Dialect,
        broken: Callable[[str, str], None],
        durable: Callable[[str], bool],
        event: Callable[[str, str], None],
    ) -> None:
        rng = random.Random(f"{seed} venue")
        self.book = Book(clock, rng.randint(-400, 400))
        self.attempts: dict[str, list[Attempt]] = {}
        self.counts: Counter[str] = Counter()
        self.healthy = False
        self.log: list[str] = []
        self._seed = seed
        self._clock = clock
        self._dialect = dialect
        self._broken = broken
        self._durable = durable
        self._event = event
        self._looks = random.Random(f"{seed} looks")
        self._view_ns = 0

    async def send(
        self, request: SignedRequest, upstream: Upstream, address: str, *, answer_by_ns: int, stream: bool = False
    ) -> Reply:
        asked = self._dialect.read(request)
        start_ns = self._clock.now_ns()
        if asked.kind in ("look", "time"):
            return await self._look(asked, answer_by_ns)
        call = CALL.get()
        earlier = self.attempts.setdefault(call, [])
        rng = random.Random(f"{self._seed} {call.partition('@')[0]} {len(earlier)}")
        fate = "fine" if self.healthy else rng.choice(_WRITES)
        fate = "fine" if fate not in self._dialect.nots and fate in ("clock", "down") else fate
        attempt = Attempt(call, asked, start_ns, fate)
        if not call:
            self._broken("a", f"{asked.where} was sent by no bot's call")
        if not self._durable(call):
            self._broken("e", f"{call}: {asked.where} left, and its intent was not durable")
        for other in earlier:
            if not (other.over and other.proven) or other.effects:
                self._broken("a", f"{call}: sent again, though the copy before ({other.fate}) may be executed")
        earlier.append(attempt)
        self.counts[f"fate: {fate}"] += 1
        self.note(f"{call} attempt {len(earlier)}: {asked.where} {asked.ids or asked.old} {fate}")
        self._event(call, "left")  # the process may be dead from here on; what it sent arrives all the same
        found = await self._deliver(attempt, rng, answer_by_ns)
        self._event(call, "answered")
        return found

    async def _deliver(self, attempt: Attempt, rng: random.Random, answer_by_ns: int) -> Reply:
        clock, start_ns, fate = self._clock, self._clock.now_ns(), attempt.fate
        there_ns = start_ns + rng.choice([1, 5, rng.randrange(1, 80), rng.randrange(1, 1500)]) * MS
        back_ns = rng.choice([1, 5, rng.randrange(1, 80), rng.randrange(1, 1500)]) * MS
        if fate in ("unreachable", "no address"):
            attempt.over = attempt.proven = True
            await clock.sleep_until(min(there_ns, answer_by_ns))
            raise NotSent("dummy", address_fault=fate == "no address")
        if fate in self._dialect.nots:
            attempt.over = True
            said = rng.choice(self._dialect.nots[fate])
            found = await self._answered(said, there_ns + back_ns, answer_by_ns, start_ns, rng)
            attempt.proven = True
            return found
        if fate in ("fine", "refused"):
            results: list[Result] = []
            clock.call_at(there_ns, lambda: results.append(self._act(attempt, rng)))
            await clock.sleep_until(min(there_ns, answer_by_ns))
            if not results:
                raise MaybeSent("dummy time-out")
            said = self._dialect.reply(attempt.asked, results[0], self.book)
            found = await self._answered(said, there_ns + back_ns, answer_by_ns, start_ns, rng)
            attempt.proven, attempt.told = not attempt.effects, True
            return found
        # Whether, and when: now, or as late as it is valid, or a little later than that.
        valid_ns = max(min(attempt.asked.until_ms - self.book.wall_ms(), 61_000), 0) * MS
        at_ns = start_ns + rng.choice([there_ns - start_ns, valid_ns - MS, rng.randrange(int(valid_ns * 1.05) + MS)])
        if fate == "lost before" or (fate in ("maybe", "stall") and rng.random() < 0.4):
            attempt.over = True
        else:
            clock.call_at(max(at_ns, start_ns), lambda: self._act(attempt, rng))
        end_ns = there_ns + back_ns
        if fate == "lost after":
            end_ns = max(at_ns, start_ns) + back_ns
        elif fate == "maybe":
            return await self._answered(rng.choice(self._dialect.maybe), end_ns, answer_by_ns, start_ns, rng)
        await clock.sleep_until(answer_by_ns if fate == "stall" else min(end_ns, answer_by_ns))
        raise MaybeSent("dummy " + fate)

    def _act(self, attempt: Attempt, rng: random.Random) -> Result:
        result = self.book.execute(attempt, rng)
        done = [f"{what} {order.number}" for _, what, order in attempt.effects]
        self.note(f"{attempt.call} at the engine: {result.word} {' '.join(done)}")
        made = [a for a in self.attempts[attempt.call] if a.effects]
        if len(made) > 1:
            self._broken("a", f"{attempt.call}: executed {len(made)} times")
        self._event(attempt.call, "engine")
        return result

    async def _look(self, asked: Asked, answer_by_ns: int) -> Reply:
        rng, clock, start_ns = self._looks, self._clock, self._clock.now_ns()
        fate = "fine" if self.healthy else rng.choice(_READS)
        self.counts[f"look: {fate}"] += 1
        there_ns, back_ns = start_ns + rng.randrange(1, 60) * MS, rng.randrange(1, 60) * MS
        if fate == "unreachable":
            raise NotSent("dummy")
        if fate in ("lost before", "stall"):
            await clock.sleep_until(answer_by_ns if fate == "stall" else min(there_ns, answer_by_ns))
            raise MaybeSent("dummy " + fate)
        await clock.sleep_until(min(there_ns, answer_by_ns))
        if fate != "fine":
            said = rng.choice(self._dialect.nots.get(fate, self._dialect.maybe))
        elif asked.kind == "time":
            said = 200, f'{{"serverTime":{self.book.wall_ms()}}}'
        else:
            worst = self._dialect.lag_ms
            lag_ns = rng.choice([0, 0, rng.randrange(200), rng.randrange(worst), worst]) * MS
            view_ns = clock.now_ns() - lag_ns
            if self._dialect.one_view:
                view_ns = self._view_ns = max(self._view_ns, view_ns)
            said = self._dialect.look(asked, self.book, view_ns)
            self.note(f"look {asked.where} {asked.old} {(clock.now_ns() - view_ns) // MS} ms old: {said[1][:110]}")
        return await self._answered(said, there_ns + back_ns, answer_by_ns, start_ns, rng)

    async def _answered(self, said: Said, at_ns: int, answer_by_ns: int, start_ns: int, rng: random.Random) -> Reply:
        """The answer arrives, unless it is too late for it."""
        made_ms = self.book.wall_ms()
        await self._clock.sleep_until(min(at_ns, answer_by_ns))
        if at_ns > answer_by_ns:
            raise MaybeSent("dummy time-out")
        status, body = said
        headers = [(b"Date", formatdate(made_ms // 1000, usegmt=True).encode())]
        if status in (429, 418):
            headers.append((b"Retry-After", str(rng.randint(1, 5)).encode()))
        kind = b"text/html" if body[:1] == "<" else b"application/json"
        headers.append((b"Content-Type", kind))
        return Reply(status, b"dummy", tuple(headers), body.encode(), self._clock.now_ns() - start_ns)

    def note(self, text: str) -> None:
        self.log.append(f"{self._clock.now_ns() / 1e9 - 1000:9.3f}  {text}")
