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
import re
import selectors
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from proxy.answer import Answer
from proxy.dispatch import Dispatcher, Gone
from proxy.errors import BadCall
from proxy.exchange_time import ExchangeClocks
from proxy.gateway import Gateway
from proxy.limits.ledger import MemoryLedger
from proxy.metrics import Metrics
from proxy.model import Call, CallClass, Executed, Incoming, Reply
from proxy.orders.records import State
from proxy.pool import Pool
from proxy.searches import Searches
from proxy.writes import Writes
from tests.fakes import FakeClock
from tests.orders.trace_book import CANCELED, FILLED, MS, Attempt, Order
from tests.orders.trace_dialects import DIALECTS
from tests.orders.trace_journal import Disk, TraceJournal
from tests.orders.trace_plan import Action, Crash, Plan, plan
from tests.orders.trace_venue import CALL, Venue
from tests.test_gateway import pool as make_pool

IMPRECISE = frozenset(
    {
        "PUT /api/v3/order/amend/keepPriority",
        "POST /api/v3/order/cancelReplace",
        "DELETE /api/v3/openOrders",
        "POST /0/private/AddOrderBatch",
        "POST /0/private/AmendOrder",
        "POST /0/private/CancelAll",
        "POST /exchange/v1/private/create-order-list",
        "POST /exchange/v1/private/amend-order",
        "POST /exchange/v1/private/cancel-all-orders",
    }
)
"""Calls of which a look-up does not tell all: what breaks b, c and f there is counted apart, unless `strict`."""

_ACCOUNT = "desk"
_HEALTHY_S = 1_800
_SKEW_MS = 3_000  # two orders of one id cannot be told apart if they were made within that
_RULES_OF_TRUTH = ("b", "c", "d", "f")


class Ticking(FakeClock):
    """A clock that goes on by itself, from alarm to alarm, whenever nothing else is left to do."""

    def tick(self) -> bool:
        pending = [alarm for alarm in self._alarms if not alarm.cancelled]
        if not pending:
            return False
        self.move_to(max(min(pending).at_ns, self.now_ns()))
        return True


class _Selector(selectors.SelectSelector):
    """The loop asks for input only once no task can go on: then the clock does."""

    def __init__(self, clock: Ticking) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if (timeout is None or timeout > 0) and not self._clock.tick():
            raise RuntimeError("a task waits for what never comes")
        return []


class Rising:
    """proxy.nonces.Nonces without a file."""

    def __init__(self, clock: FakeClock) -> None:
        self._last = clock.wall_ms() * 1000
        self._clock = clock

    def take(self, key: str) -> int:
        self._last = max(self._last + 1, self._clock.wall_ms() * 1000)
        return self._last

    def low(self, key: str) -> bool:
        return False

    def lift(self, key: str) -> None:
        pass


@dataclass(eq=False)
class Process:
    """One life of the daemon."""

    gateway: Gateway
    writes: Writes
    searches: Searches
    pools: dict[str, Pool]
    journal: TraceJournal
    metrics: Metrics
    calls: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def start(self) -> None:
        self.writes.seek(await self.writes.open(), self.pools)


def wire(clock: FakeClock, exchange: str, journal: TraceJournal, egress: Any) -> Process:
    """The daemon's parts put together as proxy/cli/daemon.py does it."""
    pools = {_ACCOUNT: _pool(exchange)}
    ledger, metrics = MemoryLedger(clock), Metrics()
    times, dispatcher = ExchangeClocks(clock, ledger), Dispatcher(ledger, clock)
    writes = Writes(clock, dispatcher, journal, metrics, times.wall_ms)
    nonces: Any = Rising(clock)
    gateway = Gateway(
        clock=clock,
        ledger=ledger,
        times=times,
        dispatcher=dispatcher,
        egress=egress,
        nonces=nonces,
        metrics=metrics,
        pools=pools,
        writes=writes,
    )
    writes.searches = searches = Searches(clock, times, pools, gateway.forward)
    return Process(gateway, writes, searches, pools, journal, metrics)


@lru_cache
def _pool(exchange: str) -> Pool:
    return make_pool(exchange, 2, {})


class _Wire:
    """The network of one process: a dead one sends nothing any more."""

    def __init__(self, venue: Venue, journal: TraceJournal) -> None:
        self._venue = venue
        self._journal = journal

    async def send(self, *request: Any, **options: Any) -> Reply:
        if self._journal.dead:
            await asyncio.get_running_loop().create_future()
        return await self._venue.send(*request, **options)


@dataclass(frozen=True)
class Told:
    """What a bot got. Without an answer: `fault` says why."""

    action: Action
    call: str
    at_ns: int
    answer: Answer | None
    fault: str = ""

    @property
    def word(self) -> str:
        if self.answer is None:
            return self.fault
        refusal = self.answer.refusal
        word = f"{self.answer.executed} ({refusal.reason if refusal is not None else 'exchange'})"
        return word + (", replayed" if self.answer.replayed else "")


@dataclass
class Outcome:
    """`broken`: (rule, what). `imprecise`: what is known to be so, (why, what). `counts`: what happened, by kind."""

    plan: Plan
    broken: list[tuple[str, str]] = field(default_factory=list)
    imprecise: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)


class Trace:
    """One plan, carried out."""

    def __init__(self, given: Plan, clock: Ticking, strict: bool) -> None:
        self.clock = clock
        self.strict = strict
        self.plan = given
        self.outcome = Outcome(given)
        self.disk = Disk()
        self.told: list[Told] = []
        self.process: Process | None = None
        self.starts = 0
        self.actions: dict[str, Action] = {}  # call -> what it carried
        self.asked_ns: dict[str, int] = {}
        self._start_ns = clock.now_ns()
        self._pending = set(given.crashes)
        self._tasks: set[asyncio.Task[None]] = set()
        dialect = DIALECTS[given.exchange]()
        self.venue = Venue(given.seed, clock, dialect, self._broken, self._durable, self._event)

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
        while self.clock.now_ns() < end_ns and (self._busy() or self._open()):
            await self.clock.sleep_until(self.clock.now_ns() + 10_000 * MS)
        if self.process is not None:
            self.process.journal.commit()
        self._judge()
        if self.process is not None:
            await self._end(self.process)
        self.outcome.counts.update(self.venue.counts)
        self.outcome.log = self.venue.log
        return self.outcome

    def _busy(self) -> bool:
        return bool(self.process is None or self.process.calls)

    def _open(self) -> list[Any]:
        return [row for row in self.disk.rows() if row.state.open and not self._unsearchable(row.intent.call)]

    def _at(self, ms: int, run: Callable[..., None], *args: Any) -> None:
        self.clock.call_at(self._start_ns + ms * MS, lambda: run(*args))

    # The daemon's lives.

    async def _start(self) -> None:
        CALL.set("")
        self.starts += 1
        rng = random.Random(f"{self.plan.seed} disk {self.starts}")
        journal = TraceJournal(self.disk, self.clock, rng, self._event)
        process = wire(self.clock, self.plan.exchange, journal, _Wire(self.venue, journal))
        await process.start()
        self.process = process

    def _event(self, call: str, what: str) -> None:
        if what == "left" and call and len(self.venue.attempts[call]) == 1:
            self._judge_twins(call)
        number = int(call.partition("@")[0]) if call else -1
        due = [crash for crash in self._pending if (crash.number, crash.event) == (number, what)]
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
        call = _call(action, name, process.pools[_ACCOUNT], start_ns)
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

    def _broken(self, rule: str, what: str) -> None:
        why = "" if self.strict else self._known(rule, what.partition(":")[0])
        (self.outcome.imprecise if why else self.outcome.broken).append((why or rule, what))
        self.venue.note(f"BROKEN {rule}: {what} {why}")

    def _known(self, rule: str, call: str) -> str:
        """Why what this call came to cannot be told rightly yet; "" if it must be."""
        action = self.actions.get(call)
        if action is None or rule not in _RULES_OF_TRUTH:
            return ""
        if any(self._same_id(action, other) for other in self.actions):
            return "a second order of one id, placed under another name while the first was open"
        if rule == "d" and not action.name:
            group = [other for other, theirs in self.actions.items() if theirs.group == action.group]
            twins = sum(1 for other in group if other != call and self.venue.attempts.get(other))
            if twins > 1:
                return "of several equal orders, one was found, and the others are forgotten"
        if action.endpoint in IMPRECISE:
            return f"look-ups do not tell all of {action.endpoint}"
        if any(len({step[2] for step in order.steps}) > 1 for order in self._done([call])):
            return "an amendment gave the order another id"
        if action.call_class is CallClass.CANCEL:
            if any(attempt.fate == "maybe" for attempt in self._attempts([call])) and self.plan.exchange == "kraken":
                return "a cancel that Kraken was too busy for counts as rejected"
            if any(order.id == action.old and order.steps[-1][1] == FILLED for order in self.venue.book.orders):
                return "a cancel whose order was filled counts as executed"
        return ""

    def _same_id(self, action: Action, other: str) -> bool:
        """Another call, under another name, placed an order of the same id after this one was asked, or just before."""
        theirs = self.actions[other]
        if not action.client_id or theirs.client_id != action.client_id or theirs.group == action.group:
            return False
        asked_ns = min(self.asked_ns[call] for call, one in self.actions.items() if one.group == action.group)
        return any(order.made_ns > asked_ns - _SKEW_MS * MS for order in self._done([other]))

    def _durable(self, call: str) -> bool:
        entry = self.disk.entry(call) if call else None
        return entry is not None and entry.state.open

    def _attempts(self, calls: Iterable[str]) -> Iterator[Attempt]:
        for call in calls:
            yield from self.venue.attempts.get(call, ())

    def _done(self, calls: Iterable[str], by_ns: int = 1 << 62) -> list[Order]:
        """The orders that these calls made, changed or cancelled."""
        found = (effect for attempt in self._attempts(calls) for effect in attempt.effects)
        return [order for at_ns, _, order in found if at_ns <= by_ns]

    def _over(self, action: Action, by_ns: int) -> bool:
        """The order that it cancels is cancelled; by whom, nobody can tell."""
        last = {order.at(by_ns) for order in self.venue.book.orders if order.id == action.old}
        return any(step is not None and step[1] == CANCELED for step in last)

    def _took_effect(self, action: Action, calls: Iterable[str], by_ns: int) -> bool:
        calls = list(calls)
        if action.call_class is CallClass.PLACE:
            return bool(self._done(calls, by_ns))
        return not action.old or bool(self._done(calls, by_ns)) or self._over(action, by_ns)

    def _judge(self) -> None:
        groups: dict[tuple[str, str], list[str]] = {}
        for call, action in self.actions.items():
            groups.setdefault(action.group, []).append(call)
        for told in self.told:
            self._judge_told(told, groups[told.action.group])
        self._judge_journal()
        for (bot, name), calls in groups.items():
            executed = [call for call in calls if self._done([call])]
            if len(executed) > 1 and not name.startswith("twin"):
                self._broken("d", f"{name} of {bot} was executed by {' and '.join(executed)}")
        if self._busy():
            self._broken("f", "a call never ended")
        counts = self.outcome.counts
        counts["intents"] += len(self.disk.rows())
        counts["copies sent"] += sum(map(len, self.venue.attempts.values()))
        counts["orders at the exchange"] += len(self.venue.book.orders)

    def _judge_told(self, told: Told, group: list[str]) -> None:
        self.outcome.counts[f"told: {told.word}"] += 1
        answer, done = told.answer, self._done([told.call])
        if (answer is None and told.fault.startswith("bad call")) or (answer and answer.executed is Executed.NO):
            if done:
                self._broken("b", f"{told.call}: told {told.word}, and it was executed")
            if answer and answer.replayed and told.action.name and self._done(group, told.at_ns):
                self._broken("d", f"{told.call}: told {told.word}, and {told.action.name} was executed")
        if answer is None or answer.executed is not Executed.YES:
            return
        own = [told.call] if told.call in self.venue.attempts else group
        if not self._took_effect(told.action, own, told.at_ns):
            self._broken("b", f"{told.call}: told {told.word}, and it was not executed")
        elif told.action.call_class is CallClass.PLACE:
            doers = [call for call in own if self._done([call])]
            if told.action.text not in {self.actions[call].text for call in doers}:
                self._broken("d", f"{told.call}: told {told.word} of a call that asked for something else")
            numbers = {order.number for order in self._done(doers)}
            body = answer.reply.body if answer.reply is not None else None
            if body is not None and not any(re.search(rf"(?<!\d)0*{n}(?!\d)".encode(), body) for n in numbers):
                self._broken("d", f"{told.call}: was told of another order: {body!r}")

    def _judge_twins(self, call: str) -> None:
        """The first copy of this call leaves: no equal one without a name may be unknown since a short while."""
        action, now_ns = self.actions[call], self.clock.now_ns()
        if action.name or action.call_class is not CallClass.PLACE:
            return
        for told in self.told:
            answer = told.answer
            if (
                told.action.group == action.group
                and answer is not None
                and answer.executed is Executed.UNKNOWN
                and not answer.replayed
                and told.at_ns < self.asked_ns[call]
                and now_ns < told.at_ns + 30_000 * MS
                and (entry := self.disk.entry(told.call)) is not None
                and entry.state.open
            ):
                self._broken("d", f"{call}: sent, and its equal {told.call} was unknown")

    def _judge_journal(self) -> None:
        ends: dict[str, State] = {}
        for call, state, at_ns in self.disk.marked:
            self.outcome.counts[f"journal: {state}"] += 1
            if state.open:
                continue
            if ends.setdefault(call, state) != state:
                self._broken("c", f"{call}: {ends[call]} in the journal, then {state}")
            if state is State.EXECUTED:
                if not self._took_effect(self.actions[call], [call], at_ns):
                    self._broken("c", f"{call}: executed in the journal, and it was not")
            elif self._done([call]):
                self._broken("c", f"{call}: {state} in the journal, and it was executed")
        still_open = [row for row in self.disk.rows() if row.state.open]
        for row in still_open:
            self.outcome.counts[f"left open: {row.intent.endpoint}"] += 1
            if not self._unsearchable(row.intent.call):
                self._broken("f", f"{row.intent.call}: still {row.state} in the journal")
        if self.process is not None and len(self.process.writes.unknowns) != len(still_open):
            self._broken("f", f"{len(self.process.writes.unknowns)} unknowns, and {len(still_open)} open entries")

    def _unsearchable(self, call: str) -> bool:
        """No question settles it: what the call does, or an order of the same id that an earlier call made."""
        action = self.actions[call]
        if action.endpoint in IMPRECISE or not action.text:
            return True
        ids = set(action.client_id.split())
        return any(step[2] in ids for order in self.venue.book.orders for step in order.steps) and not self._done(
            [call]
        )


def _call(action: Action, name: str, pool: Pool, now_ns: int) -> Call:
    method, _, path = action.endpoint.partition(" ")
    exchange, endpoint = pool.exchange, pool.exchange.table.match(method, path)
    assert endpoint is not None and endpoint.call_class is action.call_class
    headers = (("idempotency-key", action.key),) if action.key else ()
    in_query = exchange.name == "binance"
    body = b"" if in_query else action.text.encode()
    request = Incoming(method, path, action.text if in_query else "", headers, body)
    by_ns = now_ns + action.within_ms * MS if action.within_ms else 0
    upstream = pool.upstream[endpoint.product]
    deadline_ns = by_ns or now_ns + 4_000 * MS
    params = exchange.params(request)
    return Call(name, action.bot, _ACCOUNT, endpoint, request, upstream, params, now_ns, deadline_ns, by_ns)


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
    with _quiet() as faults, asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(clock))) as runner:
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
