"""What every write goes through around the gateway's loop: repeats, the line of its order, the journal.

A repeat of a named write (orders/names.py) is never sent: it waits for the first one's answer, or gets what the
journal has of it. For writes without a name: orders/twins.py.

The intent is written once a permit is there, just before signing: a call that the queue refuses costs no entry, and one
that still waits when the process dies was provably not sent. The permit is held for that one commit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from proxy import refusals
from proxy.answer import Answer
from proxy.clock import SECOND_NS, Clock
from proxy.dispatch import Dispatcher, Gone
from proxy.errors import JournalDown
from proxy.metrics import Metrics
from proxy.model import Call, Executed, Incoming, Outcome, Route
from proxy.order_ids import identified
from proxy.order_lines import OrderLines
from proxy.orders import records
from proxy.orders.flight import Flight
from proxy.orders.journal import Journaling, Name
from proxy.orders.names import by_client_id, digest_of, name_of
from proxy.orders.records import Entry, Intent, State, Truth
from proxy.orders.replay import found_out, record, recorded, still_open, unsent
from proxy.orders.twins import Twins
from proxy.orders.unknowns import Unknown, Unknowns
from proxy.pool import Pool
from proxy.searches import Lost, Searches, known_by

log = logging.getLogger("ordergate.orders")

_TRUTH_WITHIN_NS = 9 * SECOND_NS  # a bot waits so long for what became of its write; its client gives up after ten
_LONGEST_MS = 60_000  # no exchange takes a signed call for longer
_NAMES = 100_000  # names in memory, so that a repeat is recognised before it queues; the journal knows all of them


class _Instead(Exception):
    """The call is not sent; this is its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Write:
    """One write on its way. The gateway tells it of each step; `queued_ns` is what it waited before."""

    def __init__(self, writes: "Writes", call: Call, exchange: str, name: str, flight: Flight) -> None:
        self.queued_ns = 0
        self.number = 0  # the journal's; 0: not written down
        self.name = name
        self.at_risk = False  # an attempt left, and nobody has said that it was not executed
        self.since_ms = 0  # the exchange's time before its first attempt
        self.valid_until_ms = 0  # the latest end of validity of its attempts, in the exchange's time
        self.sought: asyncio.Task[Truth] | None = None
        self.call = call
        self._exchange = exchange
        self._writes = writes
        self._flight = flight

    async def intend(self) -> None:
        """Durable when this returns; at once for a second attempt. Otherwise raises what ends the call unsent."""
        if not self.number:
            self.since_ms = self._writes.wall_ms(self._exchange)
            self.number = await self._writes.write_down(self.call, self.name, self._flight.digest)

    def sent(self, route: Route, valid_until_ms: int) -> None:
        """The next thing that happens is its first byte on the wire."""
        self.at_risk = self._flight.left = True
        self.valid_until_ms = max(self.valid_until_ms, valid_until_ms)
        self._writes.journal.sent(self.number, route.key or "", route.address, valid_until_ms)

    def judged(self, executed: Executed) -> None:
        self.at_risk = self.at_risk and executed is not Executed.NO


Send = Callable[[Write, Callable[[], bool]], Awaitable[Answer]]


class Writes:
    """All writes of the daemon. One event loop; nothing here blocks it."""

    def __init__(
        self,
        clock: Clock,
        dispatcher: Dispatcher,
        journal: Journaling,
        metrics: Metrics,
        wall_ms: Callable[[str], int] | None = None,
    ) -> None:
        """`wall_ms`: an exchange's time, as well as it is known. `searches` are set by who makes them."""
        self.journal = journal
        self.searches: Searches | None = None
        self.wall_ms = wall_ms or (lambda exchange: clock.wall_ms())
        self.unknowns = Unknowns()
        self.under_way: set[int] = set()
        self._clock = clock
        self._metrics = metrics
        self._lines = OrderLines(clock, dispatcher)
        self._flights: dict[Name, Flight] = {}
        self._known: dict[Name, None] = {}  # oldest first
        self._twins = Twins(clock)

    async def open(self) -> list[Entry]:
        """Take over what a former process left, before the first call; the open ones among it. Raises JournalDown."""
        for name in await self.journal.names(_NAMES):
            self._known[name] = None
        entries = await self.journal.open_entries()
        self.unknowns.add_entries(entries)
        for entry in entries:
            intent = entry.intent
            if not intent.name:
                self._twins.unknown(intent)
            log.warning(
                "call %s: outcome unknown since an earlier run: %s of %s, %s %s",
                intent.call,
                intent.endpoint,
                intent.account,
                entry.state,
                intent.name.replace("\n", " ") or "without a name",
            )
        return entries

    async def carry(self, call: Call, pool: Pool, send: Send, gone: Callable[[], bool]) -> Answer:
        """The call's answer, by `send` or without it. Raises BadCall, and Gone once the bot has hung up."""
        name, digest = name_of(call, pool.exchange), digest_of(call)
        key = (call.account, call.bot, name)
        while True:
            first = self._flights.get(key) if name else self._twins.abandoned(call, digest)
            if first is None:
                break
            if first.digest != digest:
                return unsent(refusals.idempotency_conflict(first.call))
            landed, answer = await first.join(gone, self._clock, call.answer_by_ns)
            if gone():
                raise Gone
            if not landed:
                return self._replay(call, still_open(first.call))
            if answer is not None:
                return self._replay(call, answer)
        if not name and (missed := self._twins.missed(call, digest)) is not None:
            return self._replay(call, missed)
        flight = Flight(call.id, digest, [gone])
        call = identified(call, pool.exchange)  # not before: a repeat is known by what the bot wrote
        if name:
            self._flights[key] = flight
        else:
            self._twins.enter(call, flight)
        answer = None
        try:
            answer = await self._lead(call, pool, name, flight, send)
            return answer
        finally:
            if name:
                del self._flights[key]
            else:
                self._twins.leave(call, flight, answer)
            flight.land(answer)

    async def _lead(self, call: Call, pool: Pool, name: str, flight: Flight, send: Send) -> Answer:
        """Send the first of its name, in its turn."""
        write = Write(self, call, pool.exchange.name, name, flight)
        turn = self._lines.join(call.account, pool.exchange.orders(call.endpoint, call.params))
        try:
            if (call.account, call.bot, name) in self._known:
                found = await self._find(call, name)
                if found is not None:
                    raise _Instead(self._replay(call, recorded(found, flight.digest)))
            if turn.waits:
                asked_ns = self._clock.now_ns()
                refusal = await self._lines.reached(turn, deadline_ns=call.deadline_ns, gone=flight.gone)
                write.queued_ns = self._clock.now_ns() - asked_ns
                if refusal is not None:
                    raise _Instead(replace(unsent(refusal), queued_ns=write.queued_ns))
            answer = await send(write, flight.gone)
        except _Instead as instead:
            return instead.answer
        except BaseException:
            self._end(call, pool, write, None)
            raise
        finally:
            self._lines.leave(turn)
        told: Answer | None = None
        try:
            if (
                write.at_risk and answer.executed is Executed.UNKNOWN
            ):  # its line is free: a cancel need not wait for this
                answer = await self._truth(call, pool, write, answer)
            told = answer
            return answer
        finally:
            self._end(call, pool, write, told)
            if write.sought is not None and (told is None or told.executed is Executed.UNKNOWN):
                intent = Intent(call.id, call.bot, call.account, call.endpoint.name, name, flight.digest, {}, 0)
                write.sought.add_done_callback(partial(self._found, write.number, intent))

    def seek(self, entries: Iterable[Entry], pools: Mapping[str, Pool]) -> None:
        """Look for the writes that a former process left open."""
        for entry in entries:
            intent, pool = entry.intent, pools.get(entry.intent.account)
            method, _, path = intent.endpoint.partition(" ")
            endpoint = pool.exchange.table.match(method, path) if pool is not None else None
            if pool is None or endpoint is None or self.searches is None:
                continue
            request, upstream = Incoming(method, path, "", (), b""), pool.upstream[endpoint.product]
            call = Call(intent.call, intent.bot, intent.account, endpoint, request, upstream, intent.params)
            task = self.searches.start(Lost(call, intent.at_ms, entry.valid_until_ms or intent.at_ms + _LONGEST_MS))
            if task is not None:
                task.add_done_callback(partial(self._found, entry.id, intent))

    def _found(self, number: int, intent: Intent, task: "asyncio.Task[Truth]") -> None:
        """A search that went on in the background knows, or was stopped."""
        if task.cancelled() or task.exception() is not None or number not in self.unknowns:
            return
        truth = task.result()
        said = records.Answer(200, "application/json", truth.body) if truth.body else None
        self.journal.mark(number, State.EXECUTED if truth.executed else State.ABSENT, said, free=not truth.executed)
        if not truth.executed:
            self._known.pop((intent.account, intent.bot, intent.name), None)
        self.unknowns.remove(number)
        self._twins.settled(intent)
        self._metrics.resolved(intent.account, truth.result)
        log.warning("call %s: looked up: %s", intent.call, truth.result)

    async def _truth(self, call: Call, pool: Pool, write: Write, answer: Answer) -> Answer:
        """What became of a write whose answer was lost, if that is known in time; else the search goes on."""
        if self.searches is None:
            return answer
        write.sought = self.searches.start(Lost(call, write.since_ms, write.valid_until_ms))
        if write.sought is None:
            return answer
        by_ns = call.answer_by_ns or call.received_ns + _TRUTH_WITHIN_NS
        truth = await known_by(write.sought, self._clock, by_ns)
        if truth is None:
            return answer
        self._metrics.resolved(call.account, truth.result)
        write.at_risk = write.at_risk and truth.executed
        return found_out(answer, truth, call.id)

    async def write_down(self, call: Call, name: str, digest: bytes) -> int:
        """The number of the call's durable intent."""
        intent = Intent(
            call.id, call.bot, call.account, call.endpoint.name, name, digest, call.params, self._clock.wall_ms()
        )
        asked_ns = self._clock.now_ns()
        try:
            found = await self.journal.intend(intent)
        except JournalDown as fault:
            raise _Instead(unsent(refusals.journal_unavailable(str(fault)))) from None
        finally:
            self._metrics.journal(self._clock.now_ns() - asked_ns)
        if isinstance(found, Entry):
            raise _Instead(self._replay(call, recorded(found, digest)))
        self.under_way.add(found)
        return found

    async def settle(self, call: str, state: State) -> Entry | None:
        """Close an unknown outcome from outside; None if no such one is open. Raises JournalDown."""
        entry = await self.journal.entry(call)
        if entry is None or entry.id in self.under_way:
            return None
        found = await self.journal.resolve(call, state)
        if found is None:
            return None
        self.unknowns.remove(found.id)
        self._twins.settled(found.intent)
        return found

    async def open_entries(self) -> list[Entry]:
        """The open ones of which no call is under way, oldest first. Raises JournalDown."""
        return [entry for entry in await self.journal.open_entries() if entry.id not in self.under_way]

    async def _find(self, call: Call, name: str) -> Entry | None:
        try:
            return await self.journal.find(call.account, call.bot, name)
        except JournalDown as fault:
            raise _Instead(unsent(refusals.journal_unavailable(str(fault)))) from None

    def _end(self, call: Call, pool: Pool, write: Write, answer: Answer | None) -> None:
        """Write down what came of it. Without an answer: the call was cut off, or could not be sent."""
        if not write.number:
            return
        self.under_way.discard(write.number)
        executed = answer.executed if answer is not None else None
        if write.at_risk and executed is not Executed.YES:
            executed = Executed.UNKNOWN
        reply = answer.reply if answer is not None else None
        said = record(pool.exchange, reply) if reply is not None else None
        name = (call.account, call.bot, write.name)
        if executed is Executed.YES:
            self.journal.mark(write.number, State.EXECUTED, said)
        elif executed is Executed.UNKNOWN:
            self.journal.mark(write.number, State.UNKNOWN, said)
            self.unknowns.add(Unknown(write.number, call.id, call.account, self._clock.wall_ms()))
        else:
            refused = reply is not None and answer is not None and answer.outcome is Outcome.REFUSED
            free = not refused or by_client_id(write.name)
            absent = answer is not None and answer.refusal is not None and answer.refusal.reason == "not_executed"
            self.journal.mark(write.number, State.ABSENT if absent else State.REJECTED, said, free=free)
            if free:
                self._known.pop(name, None)
                return
        if write.name:
            self._known[name] = None
            if len(self._known) > _NAMES:
                del self._known[next(iter(self._known))]

    def _replay(self, call: Call, answer: Answer) -> Answer:
        """The first one's answer, for a call that made no attempt and held no place in the queue."""
        answer = replace(answer, attempts=0, queued_ns=0, remaining=None)
        if answer.refusal is not None and answer.executed is Executed.NO:
            return answer  # nothing to repeat
        self._metrics.replayed(call.account)
        return replace(answer, replayed=True)
