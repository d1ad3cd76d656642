"""Random traces of the order state machine: never two sends of one intent, nothing told that is not so.

The daemon's own parts carry the calls of bots that repeat themselves, hang up and set deadlines, over an exchange that
loses, delays and garbles, on a clock that nobody waits for; and the daemon dies now and then. Afterwards the book of
the exchange is held against what the bots were told and what the journal says:

a  one copy of an intent is executed at most, and none is sent unless those before it provably were not
b  what a bot was told is so: not executed means never, executed means that it is there
c  and so with every end in the journal
d  one name, one execution, one answer
e  nothing leaves before its intent is durable
f  once the exchange is well, nothing stays open but what cannot be looked for
"""

import argparse
import asyncio
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from proxy.dispatch import Gone
from proxy.errors import BadCall
from tests.orders.trace_book import MS
from tests.orders.trace_daemon import ACCOUNT, Process, Ticking, Turns, Wire, call_of, wire
from tests.orders.trace_dialects import DIALECTS
from tests.orders.trace_journal import TraceJournal
from tests.orders.trace_plan import Action, Crash, Plan, plan
from tests.orders.trace_rules import Facts, Outcome, Told
from tests.orders.trace_venue import CALL

_HEALTHY_S = 1_800


class Trace(Facts):
    """One plan, carried out."""

    def __init__(self, given: Plan, clock: Ticking, strict: bool) -> None:
        super().__init__(given, clock, strict)
        self.process: Process | None = None
        self.starts = 0
        self._start_ns = clock.now_ns()
        self._pending = set(given.crashes)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Outcome:
        await self._start()
        for action in self.plan.actions:
            self._at(action.at_ms, self._spawn, action)
        for crash in self.plan.crashes:
            if not crash.event:
                self._at(crash.at_ms, self._crash, crash)
        await self.clock.sleep_until(self._start_ns + self.plan.ends_ms * MS)
        self.venue.healthy = True
        self._pending.clear()
        end_ns = self.clock.now_ns() + _HEALTHY_S * 1000 * MS
        while self.clock.now_ns() < end_ns and (self._busy() or self.left_open()):
            await self.clock.sleep_until(self.clock.now_ns() + 10_000 * MS)
        process = self.process
        if process is not None:
            process.journal.commit()
        self.judge(len(process.writes.resolution.unknowns) if process is not None else 0, self._busy())
        if process is not None:
            await self._end(process)
        self.outcome.counts.update(self.venue.counts)
        self.outcome.log = self.venue.log
        return self.outcome

    def _busy(self) -> bool:
        return bool(self.process is None or self.process.calls)

    def _at(self, ms: int, run: Callable[..., None], *args: Any) -> None:
        self.clock.call_at(self._start_ns + ms * MS, lambda: run(*args))

    # The daemon's lives.

    async def _start(self) -> None:
        CALL.set("")
        self.starts += 1
        rng = random.Random(f"{self.plan.seed} disk {self.starts}")
        journal = TraceJournal(self.disk, self.clock, rng, self._event)
        process = wire(self.clock, self.plan.exchange, journal, Wire(self.venue, journal))
        await process.start()
        self.process = process

    def _event(self, call: str, what: str) -> None:
        super()._event(call, what)
        number = int(call.partition("@")[0]) if call else -1
        copies = len(self.venue.attempts.get(call, ()))
        steps = (crash for crash in self._pending if (crash.number, crash.event) == (number, what))
        due = [crash for crash in steps if copies >= crash.attempt]
        for crash in due[:1]:
            self._crash(crash)

    def _crash(self, crash: Crash) -> None:
        process = self.process
        self._pending.discard(crash)
        if process is None:
            return
        self.venue.note("the daemon " + ("stops" if crash.stop else "is killed"))
        self.outcome.counts[f"{'stop' if crash.stop else 'kill'}: {crash.event or 'any time'}"] += 1
        self.process = None
        process.journal.dead = not crash.stop
        self._keep(self._down(process, crash))

    async def _down(self, process: Process, crash: Crash) -> None:
        CALL.set("")
        if crash.stop:
            await self.clock.sleep_until(self.clock.now_ns() + crash.down_ms * MS)  # it drains
        await self._end(process)
        process.journal.commit()
        process.journal.dead = True
        await self.clock.sleep_until(self.clock.now_ns() + crash.down_ms * MS)
        await self._start()
        self.venue.note("the daemon is up")

    async def _end(self, process: Process) -> None:
        for task in process.calls:
            task.cancel()
        await asyncio.gather(*process.calls, return_exceptions=True)
        await process.searches.stop()
        for name, count in process.metrics.counts.items():
            if name[0] == "ordergate_orders_resolved":
                self.outcome.counts[f"resolved: {name[2]}"] += int(count)

    def _keep(self, task: Any) -> None:
        running = asyncio.get_running_loop().create_task(task)
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)

    # The bots.

    def _spawn(self, action: Action) -> None:
        process = self.process
        if process is None:  # nobody listens: the bot tries again
            self.clock.call_at(self.clock.now_ns() + 100 * MS, lambda: self._spawn(action))
            return
        call = f"{action.number}@{self.starts}"
        self.actions[call], self.asked_ns[call] = action, self.clock.now_ns()
        task = asyncio.get_running_loop().create_task(self._ask(process, action, call))
        process.calls.add(task)
        task.add_done_callback(process.calls.discard)

    async def _ask(self, process: Process, action: Action, name: str) -> None:
        CALL.set(name)
        start_ns = self.clock.now_ns()
        call = call_of(action, name, process.pools[ACCOUNT], start_ns)
        hangs_up_ns = start_ns + action.hangs_up_ms * MS if action.hangs_up_ms else 1 << 62
        self.venue.note(f"{name} {action.bot} asks: {action.endpoint} {action.text} {action.name}")
        answer, fault = None, "cut off"
        try:
            answer = await process.gateway.forward(call, lambda: self.clock.now_ns() >= hangs_up_ns)
        except Gone:
            fault = "hung up"
        except BadCall as refused:
            fault = f"bad call: {refused.reason}"
        except Exception as broken:
            self._broken("b", f"{name}: ended in {broken!r}")
        finally:
            if not process.journal.dead:
                told = Told(action, name, self.clock.now_ns(), answer, fault)
                self.told.append(told)
                self.venue.note(f"{name} was told: {told.word}")

    # What must hold.


class _Faults(logging.Handler):
    """Errors of the daemon's own that it only logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextmanager
def _quiet() -> Iterator[_Faults]:
    """The daemon's log goes nowhere; its faults are kept."""
    log, faults = logging.getLogger("ordergate"), _Faults()
    before = log.propagate, log.level
    log.propagate = False
    log.setLevel(logging.ERROR)
    log.addHandler(faults)
    try:
        yield faults
    finally:
        log.removeHandler(faults)
        log.propagate = before[0]
        log.setLevel(before[1])


def trace(given: Plan, strict: bool = False) -> Outcome:
    """Carry out one plan. `strict`: nothing is excused for being known."""
    clock = Ticking()
    with _quiet() as faults, asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Turns(clock))) as runner:
        found = Trace(given, clock, strict)
        outcome = runner.run(found.run())
    found.disk.table.close()
    outcome.broken += [("log", fault) for fault in faults.found + found.disk.faults]
    return outcome


def traces(count: int, seed: int, exchange: str, strict: bool = False) -> Iterator[Outcome]:
    for number in range(count):
        yield trace(plan(f"{seed}/{exchange}/{number}", exchange), strict)


def least(found: Outcome, strict: bool = False) -> Outcome:
    """As few actions and crashes as still break the same rule."""
    rules = {rule for rule, _ in found.broken}
    while True:
        given = found.plan
        smaller = [replace(given, crashes=_less(given.crashes, n)) for n in range(len(given.crashes))]
        smaller += [replace(given, actions=_less(given.actions, n)) for n in range(len(given.actions))]
        plain = [replace(a, hangs_up_ms=0, within_ms=0) for a in given.actions if a.hangs_up_ms or a.within_ms]
        for action in plain:
            kept = tuple(action if a.number == action.number else a for a in given.actions)
            smaller.append(replace(given, actions=kept))
        for one in smaller:
            again = trace(one, strict)
            if rules & {rule for rule, _ in again.broken}:
                found = again
                break
        else:
            return found


def _less(rows: tuple[Any, ...], at: int) -> tuple[Any, ...]:
    return rows[:at] + rows[at + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.orders.traces", description=__doc__)
    parser.add_argument("--traces", type=int, default=10_000, help="per exchange")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exchange", choices=[*DIALECTS, "all"], default="all")
    parser.add_argument("--only", help="one trace by its name, with all that happened")
    parser.add_argument("--show", type=int, default=3, help="so many broken ones, cut down")
    parser.add_argument("--strict", action="store_true", help="excuse nothing for being known")
    given = parser.parse_args()
    if given.only:
        one = trace(plan(given.only, given.only.split("/")[1]), given.strict)
        print("\n".join([*one.log, *map(str, one.broken + one.imprecise)]))
        sys.exit(1 if one.broken else 0)
    bad = 0
    for exchange in DIALECTS if given.exchange == "all" else [given.exchange]:
        counts: Counter[str] = Counter()
        shown = broken = 0
        for number, outcome in enumerate(traces(given.traces, given.seed, exchange, given.strict), 1):
            counts += outcome.counts
            counts.update(f"known: {why}" for why, _ in outcome.imprecise)
            broken += bool(outcome.broken)
            if outcome.broken and shown < given.show:
                shown += 1
                small = least(outcome, given.strict)
                print(f"\n{outcome.plan.seed} is broken: {outcome.broken[0]}; cut down:")
                print("\n".join([*small.log, *map(str, small.broken), repr(small.plan.crashes)]))
            if number % 500 == 0:
                print(f"{exchange}: {number} traces, {broken} broken", file=sys.stderr)
        print(f"\n{exchange}: {given.traces} traces, {broken} broken")
        print("\n".join(f"{count:10}  {name}" for name, count in sorted(counts.items())))
        bad += broken
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
