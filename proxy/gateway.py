"""forward(call): the one loop that every call takes.

    dispatch.take -> sign -> egress.send -> classify -> decide -> blocks -> settle, then answer or once more

No exchange and no HTTP library is named here. A permit is settled on every path, and a block stands before the
next try.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from proxy import refusals
from proxy.answer import Answer
from proxy.clock import Clock
from proxy.dispatch import Dispatcher, Gone, QueueFull
from proxy.egress import Egress
from proxy.errors import BadCall, MaybeSent, NotSent
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges.form import Exchange, usage_of
from proxy.flights import Flights
from proxy.limits.ledger import MemoryLedger
from proxy.metrics import Metrics
from proxy.model import (
    Ask,
    Auth,
    Call,
    CallClass,
    Executed,
    NotUntil,
    Outcome,
    Permit,
    Reply,
    Route,
    Scope,
    SignedRequest,
    Verdict,
)
from proxy.nonces import Nonces
from proxy.order_ages import Leaving, OrderAges
from proxy.order_ids import identified
from proxy.own_calls import OwnCalls
from proxy.pool import Asks, Pool
from proxy.preview import preview
from proxy.progress import Progress
from proxy.retry import Attempt, Decision, Next, decide, exonerated, unsent
from proxy.stamps import Stamps
from proxy.writes import Write, Writes

log = logging.getLogger("ordergate.gateway")

# The clients give up after 10 s. A write whose answer takes long is looked up before that.
WRITE_ANSWER_WITHIN_NS, ANSWER_WITHIN_NS = 6_000_000_000, 9_000_000_000
_WELL = (Outcome.ACCEPTED, Outcome.REFUSED)


class Gateway:
    """Forwards calls of all accounts. Everything that it uses is handed to it."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: MemoryLedger,
        times: ExchangeClocks,
        dispatcher: Dispatcher,
        egress: Egress,
        nonces: Nonces,
        metrics: Metrics,
        pools: Mapping[str, Pool],
        writes: Writes,
        orders: OrderAges | None = None,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._dispatch = dispatcher
        self._egress = egress
        self._stamps = Stamps(times, nonces)
        self._own = OwnCalls(clock=clock, ledger=ledger, times=times, dispatcher=dispatcher, egress=egress)
        self._metrics = metrics
        self._pools = pools
        self._times = times
        self._orders = orders if orders is not None else OrderAges()
        self._asks = Asks(self._orders)
        self._flights = Flights(clock)
        self._writes = writes

    async def forward(self, call: Call, gone: Callable[[], bool] = lambda: False) -> Answer:
        """Carry a call to its end. Raises BadCall if it cannot be sent, Gone if the bot hung up first."""
        progress = Progress()
        pool = self._pools[call.account]
        if call.endpoint.call_class is CallClass.PUBLIC:
            answer = await self._read_public(call, pool, progress, gone)
        elif call.endpoint.call_class.writes:
            answer = await self._write(call, pool, progress, gone)
        else:
            answer = await self._forward(call, pool, progress, gone)
        own_ns = self._clock.now_ns() - call.received_ns - progress.queued_ns - progress.upstream_ns
        end = answer.refusal.reason if answer.refusal is not None else "exchange"
        self._metrics.call(call.bot, call.account, call.endpoint.call_class, end, progress.queued_ns, own_ns)
        return answer

    async def look(self, call: Call) -> Answer:
        """A read of the daemon's own, after a write of a bot whose answer was lost. It counts as nobody's call."""
        return await self._forward(call, self._pools[call.account], Progress(), lambda: False)

    async def _read_public(self, call: Call, pool: Pool, progress: Progress, gone: Callable[[], bool]) -> Answer:
        asked_ns = self._clock.now_ns()
        answer = await self._flights.share(
            call, pool, lambda flown, unwanted: self._forward(flown, pool, progress, unwanted), gone
        )
        if not progress.attempts:  # somebody else's, or its time ran out: the wait is no work of ours
            progress.upstream_ns = self._clock.now_ns() - asked_ns - progress.queued_ns
        if answer.shared:
            self._metrics.shared_read(pool.exchange.name, answer.shared)
        return answer

    async def _write(self, call: Call, pool: Pool, progress: Progress, gone: Callable[[], bool]) -> Answer:
        """Unless it repeats another one: in its order's turn, and written down before it leaves."""

        async def send(write: Write, unwanted: Callable[[], bool]) -> Answer:
            progress.write = write
            progress.queued_ns += write.queued_ns
            return await self._forward(write.call, pool, progress, unwanted)

        asked_ns = self._clock.now_ns()
        answer = await self._writes.carry(call, pool, send, gone)
        if progress.write is None:  # the wait was for its turn, or for the first one's answer
            progress.queued_ns = answer.queued_ns
            progress.upstream_ns = self._clock.now_ns() - asked_ns - answer.queued_ns
        return answer

    def preview(self, call: Call) -> dict[str, Any]:
        """What forwarding the call would do now, without doing it."""
        call = identified(call, self._pools[call.account].exchange)
        return preview(call, self._asks.of(self._pools[call.account], call, self._clock.now_ns()), self._ledger)

    async def _forward(self, call: Call, pool: Pool, progress: Progress, gone: Callable[[], bool]) -> Answer:
        while True:
            asked_ns = self._clock.now_ns()
            ask = self._asks.of(pool, call, asked_ns)
            try:
                found = self._same_key(ask, progress) or await self._dispatch.take(
                    ask,
                    deadline_ns=call.deadline_ns,
                    gone=gone,
                    bot=call.bot,
                    share=call.share,
                    priority=call.priority,
                )
            except QueueFull:
                executed = Executed.NO if call.endpoint.call_class.writes else None
                return progress.answer(None, refusals.queue_full(), executed)
            progress.queued_ns += self._clock.now_ns() - asked_ns
            if isinstance(found, NotUntil):
                return self._no_route(call, found, progress)
            if progress.write is not None:
                try:
                    await progress.write.intend()
                except BaseException:
                    self._dispatch.settle(found, sent=False, well=False)
                    raise
                if self._ledger.rests(found):  # blamed while this one was written down
                    self._dispatch.settle(found, sent=False, well=False)
                    continue
            if gone():
                self._dispatch.settle(found, sent=False, well=False)
                raise Gone
            if call.endpoint.name in pool.aged and self._asks.dearer(pool, call, ask, self._clock.now_ns()):
                self._dispatch.settle(found, sent=False, well=False)
                continue
            progress.permit = found
            decision = await self._attempt(call, pool, found, progress)
            verdict = progress.attempts[-1].verdict
            if decision.next is Next.UNKNOWN:
                return self._unknown(call, progress, verdict)
            if decision.next is Next.RETURN:
                return self._returned(call, progress, verdict)
            if decision.next is Next.RESYNC:
                await self._resync(call, pool, found, verdict)
            else:
                self._metrics.rotation(call.account, verdict.outcome)

    def _same_key(self, ask: Ask, progress: Progress) -> Permit | None:
        """After an address was refused: another address of the same key, if one is free (law 5)."""
        last = progress.attempts[-1] if progress.attempts else None
        if last is None or last.verdict.blame not in (Scope.ADDRESS, Scope.PAIR) or len(ask.routes) < 2:
            return None
        routes = tuple(row for row in ask.routes if row.key == last.route.key)
        found = self._ledger.acquire(replace(ask, routes=routes, plan=[]))
        return found if isinstance(found, Permit) else None

    async def _attempt(self, call: Call, pool: Pool, permit: Permit, progress: Progress) -> Decision:
        """Sign, send, judge, decide; then the blocks stand and the permit is settled."""
        exchange, route = pool.exchange, permit.route
        started_ns = self._clock.now_ns()
        within_ns = WRITE_ANSWER_WITHIN_NS if call.endpoint.call_class.writes else ANSWER_WITHIN_NS
        sent, well, accepted = True, False, False
        reply: Reply | None = None
        leaving: Leaving | None = None
        executed = Executed.UNKNOWN
        refused: Scope | None = None
        try:
            try:
                request, valid_until_ms = self._sign(call, pool, route)
                if call.endpoint.name in pool.aged:
                    leaving = self._orders.leave(call.account, exchange, call.endpoint, call.params, started_ns)
                if progress.write is not None:
                    progress.write.sent(route, valid_until_ms)
                answer_by_ns = call.answer_by_ns or started_ns + within_ns
                reply = await self._egress.send(
                    request,
                    call.upstream,
                    route.address,
                    answer_by_ns=answer_by_ns,
                    stream=call.endpoint.auth is Auth.NONE,
                )
            except NotSent as fault:
                sent = False
                verdict = unsent(fault, answer_by_ns - started_ns, answer_by_ns - self._clock.now_ns())
                if fault.address_fault:
                    self._metrics.egress_fault(exchange.name)
            except MaybeSent as fault:
                verdict = Verdict(Outcome.UNKNOWN, Executed.UNKNOWN, None, None, fault.reason)
            except (BadCall, ValueError) as fault:
                sent, executed = False, Executed.NO
                raise fault if isinstance(fault, BadCall) else BadCall("bad_request", str(fault)) from None
            else:
                if not reply.header(b"age"):  # an answer out of a cache has an old Date
                    self._times.read_date(exchange.name, reply.header(b"date"), reply.elapsed_ns)
                verdict = self._judge(call, exchange, reply)
                if verdict.outcome is Outcome.THROTTLED and verdict.blame is Scope.KEY and route.key is not None:
                    verdict = replace(verdict, blame=self._ledger.blame(permit))
            executed = verdict.executed
            elapsed_ns = self._clock.now_ns() - started_ns
            progress.upstream_ns += elapsed_ns
            progress.reply = reply
            self._metrics.attempt(exchange.name, route, call.endpoint.call_class, verdict.outcome, elapsed_ns)
            decision = decide(
                verdict,
                call_class=call.endpoint.call_class,
                endpoint=call.endpoint.name,
                exchange=exchange.name,
                route=route,
                earlier=tuple(progress.attempts),
                strikes=self._ledger.strikes,
                refusals=self._ledger.refusals,
            )
            progress.attempts.append(Attempt(route, verdict, decision.blocks))
            self._apply(call, decision)
            well = verdict.outcome in _WELL
            accepted = verdict.outcome is Outcome.ACCEPTED
            refused = verdict.blame if verdict.outcome is Outcome.THROTTLED else None
            return decision
        finally:
            if progress.write is not None:
                progress.write.judged(executed)
            if leaving is not None:
                self._orders.end(leaving, executed, reply, self._clock.now_ns())
            usage = usage_of(exchange, call.endpoint, reply)
            self._dispatch.settle(permit, sent=sent, well=well, accepted=accepted, usage=usage, refused=refused)

    def _judge(self, call: Call, exchange: Exchange, reply: Reply) -> Verdict:
        """The exchange's verdict. An answer that breaks the judge is unknown: the request has left (law 2)."""
        try:
            return exchange.classify(call.endpoint, reply, self._times.wall_ms(exchange.name))
        except Exception:
            log.exception("call %s: the answer cannot be judged", call.id)
            return Verdict(Outcome.UNKNOWN, Executed.UNKNOWN, None, None, "unreadable answer")

    def _apply(self, call: Call, decision: Decision) -> None:
        for block in decision.blocks:
            self._dispatch.block(block.subject, block.duration_ns, block.reason, probe=block.probe)
            if block.duration_ns:
                seconds = block.duration_ns / 1e9
                log.warning("call %s: %s rests %.0f s: %s", call.id, "/".join(block.subject), seconds, block.reason)
        for subject in decision.lift:
            self._dispatch.unblock(subject)

    def _sign(self, call: Call, pool: Pool, route: Route) -> tuple[SignedRequest, int]:
        """The bytes to send, and until when (the exchange's wall time, ms) it takes a copy of them."""
        exchange = pool.exchange
        credential = pool.credentials[route.key] if route.key is not None else None
        stamp = self._stamps.take(pool.exchange, f"{call.account}/{route.key}" if credential is not None else None)
        if pool.exchange.signs_host:
            stamp = replace(stamp, host=call.upstream.authority)
        request = exchange.sign(call.request, call.endpoint, credential, stamp)
        return request, exchange.valid_until_ms(call.endpoint, call.request, stamp)

    async def _resync(self, call: Call, pool: Pool, permit: Permit, verdict: Verdict) -> None:
        """Mend what made the exchange refuse a signature: our nonce, or our idea of its clock."""
        route = permit.route
        if verdict.outcome is Outcome.NONCE:
            await self._stamps.lift(f"{call.account}/{route.key}")
        else:
            await self._own.time(pool, call.upstream, (route.address,), call.endpoint.product)

    def _returned(self, call: Call, progress: Progress, verdict: Verdict) -> Answer:
        executed = verdict.executed if call.endpoint.call_class.writes else None
        if progress.reply is None:
            return progress.answer(None, refusals.no_answer(verdict), executed)
        return progress.answer(progress.reply, None, executed)

    def _unknown(self, call: Call, progress: Progress, verdict: Verdict) -> Answer:
        log.error("call %s: outcome unknown: %s", call.id, verdict.code)
        return progress.answer(None, refusals.outcome_unknown(call.id, verdict), Executed.UNKNOWN)

    def _no_route(self, call: Call, found: NotUntil, progress: Progress) -> Answer:
        """Nothing is free in time. What the exchange itself said last is the better answer, unless it was a limit."""
        executed = Executed.NO if call.endpoint.call_class.writes else None
        for subject in exonerated(tuple(progress.attempts), self._ledger.refusals, witnesses=2):
            self._dispatch.unblock(subject)  # every key answered the same: the request is the cause
        last = progress.attempts[-1].verdict if progress.attempts else None
        throttled = last is None or last.outcome in (Outcome.THROTTLED, Outcome.BANNED)
        if progress.reply is not None and not throttled:
            return progress.answer(progress.reply, None, executed)
        unreachable = last is not None and last.outcome is Outcome.NEVER_CONNECTED
        refusal = refusals.no_answer(last) if last is not None and unreachable else refusals.no_room(found)
        return progress.answer(None, refusal, executed)
