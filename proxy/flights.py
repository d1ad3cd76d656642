"""Identical public reads share one answer: those in flight always, later ones where the operator lets it be kept.

A flight is a task of its own, so that whoever started it may hang up or run out of time. Nothing private comes here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace

from proxy.answer import Answer
from proxy.clock import MILLISECOND_NS, Clock
from proxy.dispatch import Gone
from proxy.errors import BadCall, MaybeSent
from proxy.model import Auth, Call, CallClass, Outcome, Refusal, Reply, Stamp
from proxy.pool import Pool
from proxy.shared_bodies import Reading, SharedBody, Tally

Fly = Callable[[Call, Callable[[], bool]], Awaitable[Answer]]
"""Carries a call to its end by itself; the second argument says whether anybody still wants the answer."""

_SMALL_TIME_NS = 250 * MILLISECOND_NS  # deadlines this near to each other are taken for one
_TELL_TIME = ("/time", "/timestamp")
_SAME_WHATEVER = ("user-agent", "accept")  # the exchanges answer in JSON, whoever asks


@dataclass(frozen=True, slots=True)
class _Landed:
    """The end of a flight. `single`: a stream, for one caller only. `body`: the rest of a large answer, for all."""

    answer: Answer | None
    fault: Exception | None = None
    body: SharedBody | None = None
    single: bool = False

    def for_leader(self) -> Answer:
        assert self.answer is not None
        reply = self.answer.reply
        if reply is None or self.body is None or not self.body.pieces:
            return self.answer
        return replace(self.answer, reply=replace(reply, stream=Reading(self.body)))

    def for_joiner(self, kind: str) -> Answer:
        """A joiner made no attempt and held no place in the queue; address and key tell where the answer came from."""
        return replace(self.for_leader(), attempts=0, queued_ns=0, remaining=None, shared=kind)


_LATE = _Landed(Answer(None, Refusal(504, "upstream_failed", "no answer from the exchange within the deadline")))
_ALONE = _Landed(None)


@dataclass(slots=True, eq=False)
class _Flight:
    key: Hashable
    deadline_ns: int  # when it leaves the queue at the latest
    keep_ns: int = 0
    waiting: dict["asyncio.Future[_Landed]", Callable[[], bool]] = field(default_factory=dict)
    task: "asyncio.Task[None] | None" = None

    def gone(self) -> bool:
        return all(gone() for gone in self.waiting.values())


@dataclass(frozen=True, slots=True)
class _Kept:
    landed: _Landed
    size: int
    sent_ns: int  # the answer's age counts from the moment of the question
    keep_ns: int


class Flights:
    """All flights and kept answers of the daemon. One event loop.

    Bodies that are gathered for several callers or kept take at most `max_bytes` together, one at most half of that;
    a larger one streams to the first caller, and the others call for themselves.
    """

    def __init__(self, clock: Clock, *, max_kept: int = 256, max_bytes: int = 64 << 20) -> None:
        self._clock = clock
        self._max_kept = max_kept
        self._max_bytes = max_bytes
        self._flights: dict[Hashable, _Flight] = {}
        self._kept: dict[Hashable, _Kept] = {}  # oldest first
        self._tally = Tally()

    @property
    def held_bytes(self) -> int:
        """Bytes of answers in memory for several callers."""
        return self._tally.held

    async def share(self, call: Call, pool: Pool, fly: Fly, gone: Callable[[], bool]) -> Answer:
        """The answer to a public call: kept, of a flight under way, or of its own flight.

        Raises what `fly` raises, and Gone once this caller has hung up. A deadline for the answer (`answer_by_ns`)
        holds for its caller alone; a place in the queue is given up when all callers have hung up.
        """
        key = identity(call, pool)
        if key is None:
            return await fly(call, gone)
        keep_ns = pool.cache.get(f"{call.request.method} {call.request.path}", 0) if pool.cache else 0
        while True:
            if keep_ns and (kept := self._fresh(key, keep_ns)) is not None:
                return kept.for_joiner("cache")
            flight = self._flights.get(key)
            # Without a deadline of its own, a caller must not wait in the queue for longer than its place would last.
            leads = flight is None or not (call.answer_by_ns or flight.deadline_ns <= call.deadline_ns + _SMALL_TIME_NS)
            if flight is None or leads:
                flight = self._flights[key] = _Flight(key, call.deadline_ns)
                flight.task = asyncio.ensure_future(self._run(flight, fly, replace(call, answer_by_ns=0)))
            flight.keep_ns = max(flight.keep_ns, keep_ns)
            landed = await self._wait(flight, call, gone)
            if gone():
                raise Gone
            if landed.fault is not None:
                if isinstance(landed.fault, Gone):
                    continue  # all others had hung up
                raise landed.fault
            answer = landed.answer
            if answer is None:
                return await fly(call, gone)
            if landed is _LATE or landed.single or leads:
                return landed.for_leader()
            unsent = answer.refusal is not None and not answer.attempts
            if unsent and call.deadline_ns > flight.deadline_ns + _SMALL_TIME_NS:
                continue  # refused for want of time that this caller has
            return landed.for_joiner("flight")

    async def _wait(self, flight: _Flight, call: Call, gone: Callable[[], bool]) -> _Landed:
        """Until the flight lands or the caller's time is up. The last one to leave takes the flight along."""
        future: asyncio.Future[_Landed] = asyncio.get_running_loop().create_future()
        flight.waiting[future] = gone
        alarm = self._clock.call_at(call.answer_by_ns, lambda: _settle(future, _LATE)) if call.answer_by_ns else None
        try:
            return await future
        finally:
            if alarm is not None:
                alarm.cancel()
            del flight.waiting[future]
            if not flight.waiting and flight.task is not None and not flight.task.done():
                self._close(flight)
                flight.task.cancel()

    async def _run(self, flight: _Flight, fly: Fly, call: Call) -> None:
        try:
            landed = await self._land(flight, await fly(call, flight.gone))
        except asyncio.CancelledError:
            self._close(flight)
            for future in flight.waiting:
                future.cancel()
            return  # a kept traceback would hold the body
        except Exception as fault:
            landed = _Landed(None, fault)
        self._close(flight)
        taken = False
        for future, gone in flight.waiting.items():
            if not landed.single:
                _settle(future, landed)
            elif taken or future.done() or gone():
                _settle(future, _ALONE)
            else:
                _settle(future, landed)
                taken = True

    async def _land(self, flight: _Flight, answer: Answer) -> _Landed:
        """Gather a streamed answer if several want it or it is to be kept; keep it if it may be."""
        reply = answer.reply
        if reply is None:
            return _Landed(answer)
        sent_ns = self._clock.now_ns() - reply.elapsed_ns
        well = reply.status == 200 and answer.outcome is Outcome.ACCEPTED
        if reply.stream is None:
            landed = _Landed(answer)
            if flight.keep_ns and well and self._room_for(len(reply.body)):
                landed = _Landed(answer, body=SharedBody(self._tally, len(reply.body)))
        elif len(flight.waiting) < 2 and not (flight.keep_ns and well):
            return _Landed(answer, single=True)
        else:
            landed = await self._gather(answer, reply)
        if landed.body is not None and flight.keep_ns and well and not landed.single:
            self._keep(flight.key, _Kept(landed, landed.body.size, sent_ns, flight.keep_ns))
        return landed

    async def _gather(self, answer: Answer, reply: Reply) -> _Landed:
        """The whole body in memory; what is too large goes on as a stream where it stopped."""
        stream = reply.stream
        assert stream is not None
        body = SharedBody(self._tally, len(reply.body))
        try:
            async for piece in stream:
                fits = body.size + len(piece) <= self._max_bytes // 2 and self._room_for(len(piece))
                body.add(piece)
                if not fits:
                    return _Landed(replace(answer, reply=replace(reply, stream=Reading(body, stream))), single=True)
        except MaybeSent as fault:
            refusal = Refusal(504, "upstream_failed", f"no whole answer from the exchange: {fault.reason}")
            return _Landed(replace(answer, reply=None, refusal=refusal, outcome=Outcome.UNKNOWN))
        return _Landed(replace(answer, reply=replace(reply, stream=None)), body=body)

    def _fresh(self, key: Hashable, keep_ns: int) -> _Landed | None:
        """The kept answer, if it is young enough for this caller's account."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        age_ns = self._clock.now_ns() - kept.sent_ns
        if age_ns >= kept.keep_ns:
            del self._kept[key]
        return kept.landed if age_ns < keep_ns else None

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        now_ns = self._clock.now_ns()
        for old in [k for k, row in self._kept.items() if now_ns - row.sent_ns >= row.keep_ns]:
            del self._kept[old]
        before = self._kept.pop(key, None)
        self._kept[key] = kept if before is None or before.sent_ns <= kept.sent_ns else before
        while len(self._kept) > self._max_kept:
            self._drop_oldest()

    def _room_for(self, size: int) -> bool:
        """Whether so many more bytes fit; kept answers make room, oldest first."""
        while self._tally.held + size > self._max_bytes and self._kept:
            self._drop_oldest()
        return self._tally.held + size <= self._max_bytes

    def _drop_oldest(self) -> None:
        del self._kept[next(iter(self._kept))]

    def _close(self, flight: _Flight) -> None:
        """Nobody joins from now on."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]


def identity(call: Call, pool: Pool) -> Hashable | None:
    """What two calls have in common that may share an answer; None: this one shares with nobody.

    Accounts share where they reach the same exchange from the same addresses: the same limits and blocks hold for both.
    """
    request, endpoint = call.request, call.endpoint
    if endpoint.call_class is not CallClass.PUBLIC or endpoint.auth is not Auth.NONE:
        return None
    if request.method != "GET" or request.body or tells_time(request.path):
        return None
    try:
        signed = pool.exchange.sign(request, endpoint, None, Stamp(0))
    except (BadCall, ValueError):
        return None  # the call itself will be told so
    headers = tuple(row for row in signed.headers if row[0].lower() not in _SAME_WHATEVER)
    return (pool.exchange.name, pool.keyless, call.upstream, signed.target, headers)


def tells_time(path: str) -> bool:
    """Such an answer is true for the moment of its own question only."""
    return path.lower().endswith(_TELL_TIME)


def _settle(future: "asyncio.Future[_Landed]", landed: _Landed) -> None:
    if not future.done():
        future.set_result(landed)
