"""One subject in one scenario: bots that ask, events on the way, and what came of it."""

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from proxy.clock import SECOND_NS
from proxy.model import Scope
from tests.bench import virtual
from tests.bench.counting import ExchangeSide, Rule, Tally, Work
from tests.bench.legal import blind_ceiling, share
from tests.bench.opponents import OPPONENTS, RoundRobin, ccxt_time
from tests.bench.ordergate_paced import Ordergate
from tests.bench.scenarios import Demand, Scenario
from tests.bench.virtual import VirtualClock

SUBJECTS = (Ordergate.name, *OPPONENTS)
_REBORN_S = 0.5  # from the death of a process to its first call


@dataclass(frozen=True, slots=True)
class Wait:
    p50_ms: float
    p99_ms: float
    calls: int


@dataclass(frozen=True, slots=True)
class Result:
    """One subject in one scenario. `ceiling`: legal.blind_ceiling of the limit with the least share."""

    scenario: str
    subject: str
    share: float
    shares: dict[str, float]
    ceiling: float
    sent: int
    accepted: int
    refused: int
    refused_knowing: int
    bans: int
    knocks: int
    stranger_refused: int
    unfair: float | None
    waits: dict[str, Wait]
    cpu_s: float
    misses: tuple[str, ...]


class _Run:
    """One subject in one scenario, on a loop of its own."""

    def __init__(self, scenario: Scenario, subject: str, seed: int) -> None:
        self._scenario = scenario
        self._name = subject
        self._seed = f"{scenario.name}/{seed}"
        self._waits: dict[str, list[float]] = defaultdict(list)
        self._asking: dict[int, Work] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None]

    async def main(self, clock: VirtualClock) -> Result:
        scenario = self._scenario
        self._clock = clock
        await clock.sleep_until(clock.now_ns() + int(scenario.phase_s * SECOND_NS))
        self._rng = random.Random(f"{self._seed}/traffic")
        self._side = side = ExchangeSide(clock, scenario.rules, random.Random(f"{self._seed}/flights"))
        self._subject: Ordergate | RoundRobin
        if self._name == Ordergate.name:
            self._subject = Ordergate(clock, side, scenario.routes)
        else:
            self._subject = RoundRobin(self._name, clock, side, scenario.routes, scenario.strangers)
        start_ns, from_ms = clock.now_ns(), side.now_ms()
        end_ns = start_ns + int(scenario.seconds * SECOND_NS)
        for event in scenario.events:
            clock.call_at(start_ns + int(event.at_s * SECOND_NS), lambda what=event.what: what(side))
        self._failed = asyncio.get_running_loop().create_future()
        stranger = asyncio.ensure_future(self._stranger()) if scenario.foreign_per_s else None
        began = time.process_time()
        with ccxt_time(clock):
            self._start_bots()
            for at_s in scenario.restarts_s:
                await self._until(start_ns + int(at_s * SECOND_NS))
                await self._restart()
            await self._until(end_ns)
            cpu_s = time.process_time() - began
            for work in self._asking.values():
                self._waits[work.kind.name].append((end_ns - work.asked_ns) / 1e6)
            result = self._result(from_ms, side.now_ms(), cpu_s)
            await self._kill(everything=True)
        if stranger is not None:
            stranger.cancel()
        return result

    async def _until(self, at_ns: int) -> None:
        reached = asyncio.ensure_future(self._clock.sleep_until(at_ns))
        await asyncio.wait((reached, self._failed), return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        if self._failed.done():
            self._failed.result()

    async def _restart(self) -> None:
        await self._kill()
        self._subject.restart(self._scenario.state)
        await self._clock.sleep_until(self._clock.now_ns() + int(_REBORN_S * SECOND_NS))
        self._start_bots()

    async def _kill(self, *, everything: bool = False) -> None:
        """Calls on their way arrive all the same, but nobody hears of them."""
        tasks = set(self._tasks) if not everything else asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._asking.clear()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(fault)  # a subject that breaks must not pass for a slow one

    def _start_bots(self) -> None:
        for demand in self._scenario.demands:
            if demand.workers:
                for _ in range(demand.workers):
                    self._spawn(self._ask(demand, None))
            else:
                self._spawn(self._arrivals(demand))

    async def _arrivals(self, demand: Demand) -> None:
        at_ns = self._clock.now_ns() + int(demand.first_s * SECOND_NS)
        while True:
            await self._clock.sleep_until(at_ns)
            for _ in range(demand.burst or 1):
                self._spawn(self._ask(demand, 1))
            pause_s = demand.every_s if demand.burst else self._rng.expovariate(demand.per_s)
            at_ns += int(pause_s * SECOND_NS)

    async def _ask(self, demand: Demand, calls: int | None) -> None:
        while calls is None or calls > 0:
            work = Work(demand.bot, demand.kind, self._rng.choice(demand.prices), self._clock.now_ns())
            self._asking[id(work)] = work
            waited_ns = await self._subject.carry(work)
            del self._asking[id(work)]
            if waited_ns is not None:
                self._waits[demand.kind.name].append(waited_ns / 1e6)
            calls = None if calls is None else calls - 1

    async def _stranger(self) -> None:
        rule, rng = self._scenario.rules[0], random.Random(f"{self._seed}/stranger")
        while True:
            pause_s = rng.expovariate(self._scenario.foreign_per_s)
            await self._clock.sleep_until(self._clock.now_ns() + int(pause_s * SECOND_NS))
            self._side.foreign(rule, "a1", 1)

    def _result(self, from_ms: float, to_ms: float, cpu_s: float) -> Result:
        scenario, tally = self._scenario, self._side.tally
        shares: dict[str, float] = {}
        ceilings: dict[str, float] = {}
        for rule in scenario.rules:
            if rule.binding:
                shares[rule.name] = share(self._side, rule, list(self._subjects(rule)), from_ms, to_ms)
                ceilings[rule.name] = blind_ceiling(rule, tally.spread_ms / max(tally.sent, 1))
        unfair = None
        if scenario.fair:
            unfair = _unfair({demand.bot for demand in scenario.demands}, scenario.rules[0], tally, from_ms)
        waits = {kind: _wait(times) for kind, times in sorted(self._waits.items())}
        tightest = min(shares, key=lambda name: shares[name])
        least, ceiling = shares[tightest], ceilings[tightest]
        misses = list(
            _misses(
                scenario, least, ceiling, tally.refused, tally.refused_knowing, tally.bans, tally.knocks, unfair, waits
            )
        )
        return Result(
            scenario.name,
            self._name,
            least,
            shares,
            ceiling,
            tally.sent,
            tally.accepted,
            tally.refused,
            tally.refused_knowing,
            tally.bans,
            tally.knocks,
            tally.foreign_refused,
            unfair,
            waits,
            cpu_s,
            tuple(misses),
        )

    def _subjects(self, rule: Rule) -> Iterator[str]:
        routes = self._scenario.routes
        if rule.scope is Scope.KEY:
            yield from routes
        elif rule.scope is Scope.ADDRESS:
            yield from {address for addresses in routes.values() for address in addresses}
        else:
            yield "account"


def _unfair(bots: set[str], rule: Rule, tally: Tally, from_ms: float) -> float:
    """The largest deviation from an equal share from the first whole window on; before, some have not come yet."""
    window_ms = rule.window_s * 1e3
    first_ms = -(-from_ms // window_ms) * window_ms
    units = dict.fromkeys(bots, 0)
    for (name, _), rows in tally.booked.items():
        for row in rows:
            if name == rule.name and row.at_ms >= first_ms:
                units[row.bot] += row.units
    equal = sum(units.values()) / len(bots)
    return max(abs(count - equal) for count in units.values()) / equal if equal else 1.0


def _wait(times: list[float]) -> Wait:
    if len(times) < 2:
        return Wait(times[0] if times else 0.0, times[0] if times else 0.0, len(times))
    return Wait(statistics.median(times), statistics.quantiles(times, n=100, method="inclusive")[98], len(times))


def _misses(
    scenario: Scenario,
    least: float,
    ceiling: float,
    refused: int,
    knowing: int,
    bans: int,
    knocks: int,
    unfair: float | None,
    waits: dict[str, Wait],
) -> Iterator[str]:
    """Which goals were not reached."""
    if scenario.name.startswith("S6"):
        refused = knowing  # what was on its way when the limit fell could not be known
    if refused:
        yield "refused"
    if bans:
        yield "banned"
    if knocks:
        yield "knocked"
    if least < scenario.goal:
        yield f"share < {scenario.goal:.1%}" + (f" (blind: {ceiling:.1%})" if ceiling < scenario.goal else "")
    if unfair is not None and unfair > 0.05:
        yield "unfair > 5 %"
    if scenario.cancels_p99_ms is not None and waits["cancel"].p99_ms >= scenario.cancels_p99_ms:
        yield f"cancels' p99 >= {scenario.cancels_p99_ms:.0f} ms"


def measure(scenario: Scenario, subject: str, seed: int = 1) -> Result:
    """Run one subject through one scenario."""
    return virtual.run(_Run(scenario, subject, seed).main)
