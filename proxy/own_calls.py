"""The daemon's own questions to an exchange: what time it is, and what its limits are.

They take a permit like everybody's calls.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from proxy.clock import SECOND_NS, Clock
from proxy.dispatch import Dispatcher
from proxy.egress import Egress
from proxy.errors import MaybeSent, NotSent
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges.form import usage_of
from proxy.limits.ledger import Ledger
from proxy.model import (
    Call,
    Endpoint,
    Incoming,
    KeyRoutes,
    NotUntil,
    Outcome,
    Permit,
    Reply,
    Stamp,
    Upstream,
    Usage,
    Verdict,
)
from proxy.pool import Pool, ask_for
from proxy.retry import decide

log = logging.getLogger("ordergate.own_calls")

_ANSWER_WITHIN_NS = 3_000_000_000
_HOUR_NS = 3600 * SECOND_NS
_FIRST_PAUSE_NS = 60 * SECOND_NS


class OwnCalls:
    """Public questions, asked from an address of the account. A question that finds no room is not asked."""

    def __init__(
        self, *, clock: Clock, ledger: Ledger, times: ExchangeClocks, dispatcher: Dispatcher, egress: Egress
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._times = times
        self._dispatch = dispatcher
        self._egress = egress

    async def time(self, pool: Pool, addresses: Iterable[str]) -> None:
        """Measure the exchange's clock anew, where it has an endpoint for that (else the Date of answers must do)."""
        exchange = pool.exchange
        endpoint = exchange.table.match("GET", exchange.time_path)
        if endpoint is None or endpoint.product not in pool.upstream:
            return
        reply, _ = await self._ask(pool, pool.upstream[endpoint.product], exchange.time_path, tuple(addresses))
        server_ms = exchange.time_ms(reply.body) if reply is not None else None
        if reply is not None and server_ms is not None:
            self._times.read_time(exchange.name, server_ms, reply.elapsed_ns)
        elif reply is not None:
            self._times.read_date(exchange.name, reply.header(b"date"), reply.elapsed_ns)

    async def times(self, pools: Iterable[Pool]) -> None:
        """Measure the clocks of all exchanges of these, once each: the first order is signed by them."""
        first: dict[str, Pool] = {}
        for pool in pools:
            first.setdefault(pool.exchange.name, pool)
        for name, pool in first.items():
            try:
                await self.time(pool, pool.keyless[0].addresses)
            except Exception:
                log.exception("asking %s for its time failed", name)

    async def limits(self, pool: Pool) -> bool:
        """Have the exchange tell its limits, where it has an endpoint for that; the ledger takes them over.

        False if they are not known now.
        """
        path = pool.exchange.limits_path
        endpoint = pool.exchange.table.match("GET", path.partition("?")[0])
        if endpoint is None or endpoint.product not in pool.upstream:
            return False
        addresses = pool.keyless[0].addresses
        _, told = await self._ask(pool, pool.upstream[endpoint.product], path, addresses)
        return any(row.everywhere for row in told)

    async def _ask(
        self, pool: Pool, upstream: Upstream, path: str, addresses: tuple[str, ...]
    ) -> tuple[Reply | None, tuple[Usage, ...]]:
        """The answer to a public GET, or None; and what it says of limits."""
        exchange = pool.exchange
        path, _, query = path.partition("?")
        endpoint = exchange.table.match("GET", path)
        if endpoint is None:
            return None, ()
        question = Call("", "", pool.account, endpoint, Incoming("GET", path, query, (), b""), upstream)
        found = self._ledger.acquire(replace(ask_for(pool, question), routes=(KeyRoutes(None, addresses),)))
        if isinstance(found, NotUntil):
            return None, ()
        by_ns = self._clock.now_ns() + _ANSWER_WITHIN_NS
        reply: Reply | None = None
        usage: tuple[Usage, ...] = ()
        sent, well, accepted = True, False, False
        try:
            request = exchange.sign(question.request, endpoint, None, Stamp(0))
            reply = await self._egress.send(request, upstream, found.route.address, answer_by_ns=by_ns)
            verdict = exchange.classify(endpoint, reply, self._times.wall_ms(exchange.name))
            accepted = verdict.outcome is Outcome.ACCEPTED
            well = accepted or verdict.outcome is Outcome.REFUSED
            if not well:
                self._rest(verdict, found, endpoint)
            usage = usage_of(exchange, endpoint, reply)
            return reply if well else None, usage
        except (NotSent, MaybeSent) as fault:
            sent = isinstance(fault, MaybeSent)
            log.warning("%s of %s cannot be read: %s", path, exchange.name, fault)
            return None, ()
        finally:
            self._dispatch.settle(found, sent=sent, well=well, accepted=accepted, usage=usage)

    def _rest(self, verdict: Verdict, permit: Permit, endpoint: Endpoint) -> None:
        """A refusal that speaks of the address is one for everybody's calls."""
        decision = decide(
            verdict,
            call_class=endpoint.call_class,
            endpoint=endpoint.name,
            exchange=permit.ask.exchange,
            route=permit.route,
            earlier=(),
            strikes=self._ledger.strikes,
            refusals=self._ledger.refusals,
        )
        for block in decision.blocks:
            self._dispatch.block(block.subject, block.duration_ns, block.reason, probe=block.probe)
        log.warning("our own %s was refused by %s: %s", endpoint.name, permit.ask.exchange, verdict.code)


class LimitWatch:
    """Asks each exchange for its limits at the start and once an hour; after a failure sooner, but ever less often."""

    def __init__(self, own: OwnCalls, clock: Clock, pools: Iterable[Pool]) -> None:
        self._own = own
        self._clock = clock
        self._pools: dict[str, list[Pool]] = {}
        for pool in pools:
            if pool.exchange.limits_path:
                self._pools.setdefault(pool.exchange.name, []).append(pool)
        self.again_ns: dict[str, int] = {}  # exchange -> when it is asked next
        self._pause_ns = dict.fromkeys(self._pools, _FIRST_PAUSE_NS)

    async def run(self) -> None:
        """Until cancelled."""
        while self._pools:
            await self.look()
            await self._clock.sleep_until(min(self.again_ns.values()))

    async def look(self) -> None:
        """Ask all whose turn it is: through the first of an exchange's accounts that gets an answer."""
        for exchange, pools in self._pools.items():
            if self.again_ns.get(exchange, 0) > self._clock.now_ns():
                continue
            told = False
            for pool in pools:
                told = told or await self._asked(pool)
            pause_ns = self._pause_ns[exchange]
            if told:
                pause_ns, self._pause_ns[exchange] = _HOUR_NS, _FIRST_PAUSE_NS
            else:
                self._pause_ns[exchange] = min(2 * pause_ns, _HOUR_NS)
                log.info("the limits of %s are not known now; asked again in %d s", exchange, pause_ns // SECOND_NS)
            self.again_ns[exchange] = self._clock.now_ns() + pause_ns

    async def _asked(self, pool: Pool) -> bool:
        try:
            return await self._own.limits(pool)
        except Exception:
            log.exception("asking %s for its limits failed", pool.exchange.name)
            return False
