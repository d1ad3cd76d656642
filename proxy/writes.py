"""What every write goes through around the gateway's loop: repeats, the line of its order, the journal.

A repeat of a named write (orders/names.py) is never sent: it waits for the first one's answer, or gets what the
journal has of it. For writes without a name: orders/twins.py.

The intent is written once a permit is there, just before signing: a call that the queue refuses costs no entry, and one
that still waits when the process dies was provably not sent. The permit is held for that one commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from proxy import refusals
from proxy.answer import Answer
from proxy.clock import Clock
from proxy.dispatch import Dispatcher, Gone
from proxy.errors import JournalDown
from proxy.exchanges.form import Exchange, items_of
from proxy.metrics import Metrics
from proxy.model import Call, CallClass, Executed, Outcome, Refusal, Route, Stamp
from proxy.open_ids import FRESH_MS
from proxy.order_ids import identified
from proxy.order_lines import OrderLines
from proxy.orders.flight import Flight
from proxy.orders.journal import Journaling, Name
from proxy.orders.known import MOST, KnownNames
from proxy.orders.names import by_client_id, digest_of, name_of
from proxy.orders.records import Entry, Intent, State, Truth
from proxy.orders.replay import found_out, record, recorded, still_open, unsent
from proxy.orders.twins import Twins
from proxy.pool import Pool
from proxy.resolution import Resolution
from proxy.searches import Lost


class _Instead(Exception):
    """The call is not sent; this is its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Write:
    """One write on its way. The gateway tells it of each step; `queued_ns` is what it waited before."""

    def __init__(self, writes: "Writes", call: Call, exchange: Exchange, name: str, flight: Flight) -> None:
        self.queued_ns = 0
        self.number = 0  # the journal's; 0: not written down
        self.intent: Intent | None = None
        self.at_risk = False  # an attempt left, and nobody has said that it was not executed
        self.valid_until_ms = 0  # the latest end of validity of its attempts, in the exchange's time
        self.truth: Truth | None = None  # as a search found it out, while the bot waited
        self.search: asyncio.Task[Truth] | None = None
        self.call = call
        self.name = name
        self.orders = exchange.orders(call.endpoint, call.params)
        self._exchange = exchange
        self._writes = writes
        self._flight = flight

    async def intend(self) -> None:
        """Durable when this returns; at once for a second attempt. Otherwise raises what ends the call unsent."""
        if self.number:
            return
        call, at_ms = self.call, self._writes.wall_ms(self._exchange.name)
        validity_ms = 0
        with suppress(ValueError):  # it cannot be signed either
            validity_ms = self._exchange.valid_until_ms(call.endpoint, call.request, Stamp(at_ms)) - at_ms
        self.intent = Intent(
            call.id,
            call.bot,
            call.account,
            call.endpoint.name,
            self.name,
            self._flight.digest,
            call.params,
            at_ms,
            validity_ms,
        )
        self.number = await self._writes.write_down(call, self._exchange, self.intent)

    def sent(self, route: Route, valid_until_ms: int) -> None:
        """The next thing that happens is its first byte on the wire."""
        self.at_risk = self._flight.left = True
        self.valid_until_ms = max(self.valid_until_ms, valid_until_ms)
        self._writes.journal.sent(self.number, route.key or "", route.address, valid_until_ms)
        searches = self._writes.resolution.searches
        if searches is not None and self.call.endpoint.call_class is not CallClass.CANCEL:
            searches.overtake(self.call.account, self.orders.own, self.call.endpoint.call_class)

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
        """`wall_ms`: an exchange's time, as well as it is known."""
        self.journal = journal
        self.wall_ms = wall_ms or (lambda exchange: clock.wall_ms())
        self._clock = clock
        self._metrics = metrics
        self._lines = OrderLines(clock, dispatcher)
        self._flights: dict[Name, Flight] = {}
        self._known = KnownNames()
        self._twins = Twins(clock)
        self.resolution = Resolution(clock, journal, metrics, self._known, self._twins)

    async def open(self, pools: Mapping[str, Pool]) -> None:
        """Take over what a former process left, before the first call. Raises JournalDown."""
        self._known.add_all(await self.journal.names(MOST))
        self.resolution.take_over(await self.journal.open_entries(), pools)
        self.resolution.recall(await self.journal.ended_since(self._clock.wall_ms() - FRESH_MS), pools)

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
                return self._replay(call, pool.exchange, still_open(first.call))
            if answer is not None:
                return self._replay(call, pool.exchange, answer)
        if not name and (missed := self._twins.missed(call, digest)) is not None:
            return self._replay(call, pool.exchange, missed)
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
        write = Write(self, call, pool.exchange, name, flight)
        turn = self._lines.join(call.account, write.orders)
        try:
            if (call.account, call.bot, name) in self._known:
                found = await self._find(call, name)
                if found is not None:
                    raise _Instead(self._replay(call, pool.exchange, recorded(found, flight.digest)))
            held = call.account in self.resolution.holds and call.endpoint.call_class is not CallClass.CANCEL
            if turn.waits or held:
                asked_ns = self._clock.now_ns()
                refusal = await self._held(call, flight) if held else None
                if refusal is None:
                    refusal = await self._lines.reached(turn, deadline_ns=call.deadline_ns, gone=flight.gone)
                write.queued_ns = self._clock.now_ns() - asked_ns
                if refusal is not None:
                    raise _Instead(replace(unsent(refusal), queued_ns=write.queued_ns))
            if call.endpoint.call_class is CallClass.PLACE and (open_ := self.resolution.open_ids.among(call, pool)):
                raise _Instead(unsent(refusals.id_in_doubt(open_)))
            answer = await send(write, flight.gone)
            if write.at_risk and write.intent is not None:  # before its line is free
                self.resolution.open_ids.add(write.intent, call.endpoint, pool)
        except _Instead as instead:
            return instead.answer
        except BaseException:
            self._end(call, pool, write, None)
            raise
        finally:
            self._lines.leave(turn)
        told: Answer | None = None
        try:
            if write.at_risk and answer.executed is Executed.UNKNOWN:  # its line is free: a cancel need not wait
                lost = Lost(call, write.intent.at_ms if write.intent else 0, write.valid_until_ms)
                write.search = self.resolution.search(lost)
                if write.search is not None:
                    write.truth = await self.resolution.truth(write.search, call)
                    answer = found_out(answer, write.truth, call.id) if write.truth is not None else answer
            told = answer
            return answer
        finally:
            self._end(call, pool, write, told)

    async def _held(self, call: Call, flight: Flight) -> Refusal | None:
        """After a crash: wait until it is known what became of the account's earlier writes."""
        passed = await self.resolution.holds.passed(call.account, call.deadline_ns)
        if flight.gone():
            raise Gone
        return None if passed else refusals.resolving(call.account)

    async def write_down(self, call: Call, exchange: Exchange, intent: Intent) -> int:
        """The number of a durable intent."""
        asked_ns = self._clock.now_ns()
        try:
            found = await self.journal.intend(intent)
        except JournalDown as fault:
            raise _Instead(unsent(refusals.journal_unavailable(str(fault)))) from None
        finally:
            self._metrics.journal(self._clock.now_ns() - asked_ns)
        if isinstance(found, Entry):
            raise _Instead(self._replay(call, exchange, recorded(found, intent.digest)))
        self.resolution.under_way.add(found)
        return found

    async def _find(self, call: Call, name: str) -> Entry | None:
        try:
            return await self.journal.find(call.account, call.bot, name)
        except JournalDown as fault:
            raise _Instead(unsent(refusals.journal_unavailable(str(fault)))) from None

    def _end(self, call: Call, pool: Pool, write: Write, answer: Answer | None) -> None:
        """Write down what came of it. Without an answer: the call was cut off, or could not be sent."""
        if not write.number or write.intent is None:
            return
        self.resolution.under_way.discard(write.number)
        self.resolution.open_ids.remove(write.intent)
        truth = write.truth
        if truth is not None:
            state, said, items, free = truth.state, truth.answer, truth.items, truth.state is State.ABSENT
        else:
            state, free = _ended(write, answer)
            reply = answer.reply if answer is not None else None
            said = record(pool.exchange, reply) if reply is not None else None
            items = items_of(pool.exchange, call.endpoint, call.params, reply)
        self.journal.mark(write.number, state, said, free=free, items=items)
        if state is State.EXECUTED:
            self.resolution.open_ids.made(write.intent, call.endpoint, pool)
        if state is State.UNKNOWN:
            self.resolution.leave_open(write.number, write.intent, pool, write.search)
        name = (call.account, call.bot, write.name)
        if free:
            self._known.drop(name)
        elif write.name:
            self._known.add(name)

    def _replay(self, call: Call, exchange: Exchange, answer: Answer) -> Answer:
        """The first one's answer, for a call that made no attempt and held no place in the queue."""
        answer = replace(answer, attempts=0, queued_ns=0, remaining=None)
        if answer.refusal is not None and answer.executed is Executed.NO:
            return answer  # nothing to repeat
        self._metrics.replayed(call.account)
        if answer.reply is not None:
            body = exchange.echo(answer.reply.body, call.request)
            answer = replace(answer, reply=replace(answer.reply, body=body))
        return replace(answer, replayed=True)


def _ended(write: Write, answer: Answer | None) -> tuple[State, bool]:
    """What came of a write that was written down; and whether its name is nobody's again."""
    executed = answer.executed if answer is not None else None
    if executed is Executed.YES:
        return State.EXECUTED, False
    if write.at_risk or executed is Executed.UNKNOWN:
        return State.UNKNOWN, False
    refused = answer is not None and answer.reply is not None and answer.outcome is Outcome.REFUSED
    return State.REJECTED, not refused or by_client_id(write.name)
