"""The exchange of the budget benchmark: flight times, the simulator's own counters, refusals, and what was booked.

It counts a call at the moment it ARRIVES, on the exchange's clock, which is 50 ms ahead of ours.
"""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.clock import MILLISECOND_NS, SECOND_NS
from proxy.model import CallClass, Scope, Shape
from proxy.simulator.counters import DecayingCounters, FixedWindows, SlidingWindows
from tests.bench.virtual import VirtualClock

AHEAD_MS = 50
_LEAST_MS, _MOST_MS, _LATE_MS, _LATE_SHARE = 5.0, 60.0, 300.0, 0.005
_OFFENCES, _OFFENCE_WITHIN_S, _BAN_S = 5, 60.0, 120.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit as the exchange counts it.

    `told`: its count and its capacity stand in the header of every answer that it counted (`silent`: the count only).
    `binding`: demand exceeds it, so its legal budget is asked for. `kept`: for a kind of call, the units that the
    operator keeps free for kinds of higher rank.
    """

    name: str
    scope: Scope
    shape: Shape
    capacity: int
    window_s: float
    told: bool = False
    binding: bool = True
    kept: Mapping[str, int] = field(default_factory=dict)
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of call."""

    name: str
    call_class: CallClass


@dataclass(slots=True)
class Work:
    """One call that a bot wants done. `prices`: rule name -> units."""

    bot: str
    kind: Kind
    prices: Mapping[str, int]
    asked_ns: int


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `outcome`: ok, throttled, banned, suspended, not_whitelisted."""

    outcome: str
    rule: str = ""
    scope: Scope | None = None
    wait_ns: int | None = None
    used: Mapping[str, int] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    date_s: int = 0
    elapsed_ns: int = 0


@dataclass(frozen=True, slots=True)
class Booked:
    """An accepted call on one counter, at exchange time."""

    at_ms: float
    units: int
    bot: str
    kind: str


@dataclass(slots=True)
class Tally:
    """What a run did, as the exchange saw it."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0  # for rate
    refused_knowing: int = 0  # of these: sent after the news of a change had reached us
    bans: int = 0
    knocks: int = 0  # calls to a banned, suspended or not whitelisted subject that had been told so, before its time
    other: int = 0  # refused for a block that nobody had told yet
    foreign_refused: int = 0
    booked: dict[tuple[str, str], list[Booked]] = field(default_factory=lambda: defaultdict(list))
    spread_ms: float = 0.0  # flight time above the least one, both ways, summed


class ExchangeSide:
    """The exchange, and the network to it."""

    def __init__(self, clock: VirtualClock, rules: tuple[Rule, ...], rng: random.Random) -> None:
        self._clock = clock
        self.rules = rules
        self.tally = Tally()
        self._rng = rng
        self.capacity = {rule.name: rule.capacity for rule in rules}
        self.changes: dict[str, list[tuple[float, int]]] = defaultdict(list)  # rule -> (exchange ms, capacity)
        self._news_ms: dict[str, float | None] = {}  # rule -> when its change was first heard of; None: not yet
        self._fixed = {r.name: FixedWindows(r.capacity, int(r.window_s * 1e3)) for r in rules if r.shape is Shape.FIXED}
        self._sliding = {r.name: SlidingWindows() for r in rules if r.shape is Shape.SLIDING}
        self._decaying = {r.name: DecayingCounters() for r in rules if r.shape is Shape.DECAYING}
        self._banned_ms: dict[str, float] = {}
        self.away: dict[
            str, tuple[float, float]
        ] = {}  # address -> from, to (exchange ms): not to be used through no fault
        self._suspended_ms: dict[str, float] = {}
        self.not_whitelisted: set[tuple[str, str]] = set()
        self._told_ms: dict[tuple[str, ...], tuple[float, float]] = {}  # blocked subject -> first told at, until
        self._warned: dict[str, tuple[float, float]] = {}  # address -> (told at, rest until), ms
        self._offences: dict[str, deque[float]] = defaultdict(deque)

    def now_ms(self) -> float:
        """The exchange's wall time."""
        return self._clock.wall_s() * 1e3 + AHEAD_MS

    def suspend(self, key: str, seconds: float) -> None:
        self._suspended_ms[key] = self.now_ms() + seconds * 1e3

    def ban(self, address: str, until_ms: float) -> None:
        """A ban that is nobody's fault here."""
        self._banned_ms[address] = until_ms
        self.away[address] = (self.now_ms(), until_ms)

    def change(self, rule: str, capacity: int) -> None:
        """A limit is changed at once; used-up windows stay used up."""
        self.capacity[rule] = capacity
        if rule in self._fixed:
            self._fixed[rule].capacity = capacity
        self.changes[rule].append((self.now_ms(), capacity))
        self._news_ms[rule] = None

    def foreign(self, rule: Rule, subject: str, units: int) -> None:
        """Somebody else on the same counter."""
        if self._fixed[rule.name].add(subject, units, int(self.now_ms())):
            self.tally.booked[rule.name, subject].append(Booked(self.now_ms(), units, "foreign", "foreign"))
        else:
            self.tally.foreign_refused += 1

    async def send(self, work: Work, key: str, address: str) -> Told:
        """There and back. The call arrives even if the caller has given up meanwhile."""
        out_ms, back_ms = (self._rng.uniform(_LEAST_MS, _MOST_MS) for _ in range(2))
        if self._rng.random() < _LATE_SHARE:
            if self._rng.random() < 0.5:
                out_ms += _LATE_MS
            else:
                back_ms += _LATE_MS
        self.tally.spread_ms += out_ms + back_ms - 2 * _LEAST_MS
        sent_ns, sent_ms = self._clock.now_ns(), self.now_ms()
        done: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

        def arrive() -> None:
            told = self._arrive(work, key, address, sent_ms)
            self._clock.call_at(self._clock.now_ns() + int(back_ms * MILLISECOND_NS), lambda: answer(told))

        def answer(told: Told) -> None:
            self._heard(told, key, address)
            if not done.done():
                done.set_result(told)

        self.tally.sent += 1
        self._clock.call_at(sent_ns + int(out_ms * MILLISECOND_NS), arrive)
        told = await done
        return Told(
            told.outcome,
            told.rule,
            told.scope,
            told.wait_ns,
            told.used,
            told.capacity,
            told.date_s,
            self._clock.now_ns() - sent_ns,
        )

    def _arrive(self, work: Work, key: str, address: str, sent_ms: float) -> Told:
        now_ms, tally = self.now_ms(), self.tally
        date_s = int(now_ms // 1000)
        blocked: tuple[tuple[str, ...], float, str, Scope] | None = None
        if self._banned_ms.get(address, 0) > now_ms:
            blocked = ("address", address), self._banned_ms[address], "banned", Scope.ADDRESS
        elif (key, address) in self.not_whitelisted:
            blocked = ("pair", key, address), float("inf"), "not_whitelisted", Scope.PAIR
        elif self._suspended_ms.get(key, 0) > now_ms:
            blocked = ("key", key), self._suspended_ms[key], "suspended", Scope.KEY
        if blocked is not None:
            subject, until_ms, outcome, scope = blocked
            told_ms, told_until_ms = self._told_ms.get(subject, (0.0, 0.0))
            if told_ms <= sent_ms < told_until_ms:
                tally.knocks += 1
            else:
                tally.other += 1
            wait_ns = int((until_ms - now_ms) * MILLISECOND_NS) if outcome != "not_whitelisted" else None
            return Told(outcome, scope=scope, wait_ns=wait_ns, date_s=date_s)
        charged = [
            (rule, self.subject(rule, key, address), units)
            for rule in self.rules
            if (units := work.prices.get(rule.name, 0))
        ]
        over = self._count(charged, now_ms)
        used = {r.name: self._fixed[r.name].used(s, int(now_ms)) for r, s, _ in charged if r.told}
        capacity = {r.name: self.capacity[r.name] for r, _, _ in charged if r.told and not r.silent}
        if over is None:
            tally.accepted += 1
            for rule, subject, units in charged:
                tally.booked[rule.name, subject].append(Booked(now_ms, units, work.bot, work.kind.name))
            return Told("ok", used=used, capacity=capacity, date_s=date_s)
        tally.refused += 1
        news_ms = self._news_ms.get(over.name, 0.0)
        if news_ms is not None and sent_ms >= news_ms:
            tally.refused_knowing += 1
        self._offend(address, sent_ms, now_ms)
        wait_ns = None
        if over.shape is Shape.FIXED:  # Retry-After in whole seconds
            wait_ns = -(-self._fixed[over.name].reset_ms(int(now_ms)) // 1000) * SECOND_NS
        return Told("throttled", over.name, over.scope, wait_ns, used, capacity, date_s)

    def _count(self, charged: list[tuple[Rule, str, int]], now_ms: float) -> Rule | None:
        """Count on every rule; the first that is over, or None."""
        over = None
        for rule, subject, units in charged:
            capacity = self.capacity[rule.name]
            fits = True
            if rule.shape is Shape.FIXED:
                fits = self._fixed[rule.name].add(subject, units, int(now_ms))
            elif rule.shape is Shape.SLIDING:
                taken = [
                    self._sliding[rule.name].take(subject, capacity, rule.window_s, now_ms / 1e3) for _ in range(units)
                ]
                fits = all(taken)
            else:
                decay = capacity / rule.window_s
                fits = self._decaying[rule.name].take(subject, units, capacity, decay, now_ms / 1e3)
            if not fits:
                over = over or rule
        return over

    def subject(self, rule: Rule, key: str, address: str) -> str:
        return {Scope.ADDRESS: address, Scope.KEY: key}.get(rule.scope, "account")

    def _heard(self, told: Told, key: str, address: str) -> None:
        """An answer reaches us: from now on we could know."""
        now_ms = self.now_ms()
        if told.outcome == "banned":
            self._told("address", address, until_ms=self._banned_ms[address])
        elif told.outcome == "suspended":
            self._told("key", key, until_ms=self._suspended_ms[key])
        elif told.outcome == "not_whitelisted":
            self._told("pair", key, address, until_ms=float("inf"))
        elif told.outcome == "throttled":
            first_ms, until_ms = self._warned.get(address, (0.0, 0.0))
            rest_ms = now_ms + (told.wait_ns or SECOND_NS) / MILLISECOND_NS
            self._warned[address] = (first_ms if until_ms > now_ms else now_ms, max(rest_ms, until_ms))
        for name, capacity in told.capacity.items():
            if self._news_ms.get(name, 0.0) is None and capacity == self.capacity[name]:
                self._news_ms[name] = now_ms
        if told.outcome == "throttled" and self._news_ms.get(told.rule, 0.0) is None:
            self._news_ms[told.rule] = now_ms

    def _told(self, *subject: str, until_ms: float) -> None:
        if self._told_ms.get(subject, (0.0, 0.0))[1] < until_ms:
            self._told_ms[subject] = (self.now_ms(), until_ms)

    def _offend(self, address: str, sent_ms: float, now_ms: float) -> None:
        """Binance bans who "fails to back off after receiving 429s": five refused calls sent while told to rest."""
        told_ms, until_ms = self._warned.get(address, (0.0, 0.0))
        if not told_ms <= sent_ms < until_ms:
            return
        offences = self._offences[address]
        offences.append(now_ms)
        while offences[0] < now_ms - _OFFENCE_WITHIN_S * 1e3:
            offences.popleft()
        if len(offences) >= _OFFENCES:
            offences.clear()
            self.tally.bans += 1
            self._banned_ms[address] = now_ms + _BAN_S * 1e3
