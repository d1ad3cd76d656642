"""The daemon's own questions to an exchange: what time it is. They take a permit like everybody's calls."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from proxy.clock import Clock
from proxy.dispatch import Dispatcher
from proxy.egress import Egress
from proxy.errors import MaybeSent, NotSent
from proxy.exchange_time import ExchangeClocks
from proxy.limits.ledger import Ledger
from proxy.model import Call, Incoming, KeyRoutes, NotUntil, Reply, Stamp, Upstream
from proxy.pool import Pool, ask_for

log = logging.getLogger("ordergate.own_calls")

_ANSWER_WITHIN_NS = 3_000_000_000


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

    async def time(self, pool: Pool, upstream: Upstream, addresses: Iterable[str]) -> None:
        """Measure the exchange's clock anew, where it has an endpoint for that (else the Date of answers must do)."""
        exchange = pool.exchange
        reply = await self._ask(pool, upstream, exchange.time_path, tuple(addresses))
        server_ms = exchange.time_ms(reply.body) if reply is not None else None
        if reply is not None and server_ms is not None:
            self._times.read_time(exchange.name, server_ms, reply.elapsed_ns)

    async def _ask(self, pool: Pool, upstream: Upstream, path: str, addresses: tuple[str, ...]) -> Reply | None:
        """The answer to a public GET, or None."""
        exchange = pool.exchange
        endpoint = exchange.table.match("GET", path)
        if endpoint is None:
            return None
        question = Call("", "", pool.account, endpoint, Incoming("GET", path, "", (), b""), upstream)
        found = self._ledger.acquire(replace(ask_for(pool, question), routes=(KeyRoutes(None, addresses),)))
        if isinstance(found, NotUntil):
            return None
        by_ns = self._clock.now_ns() + _ANSWER_WITHIN_NS
        reply: Reply | None = None
        try:
            request = exchange.sign(question.request, endpoint, None, Stamp(0))
            reply = await self._egress.send(request, upstream, found.route.address, answer_by_ns=by_ns)
            return reply
        except (NotSent, MaybeSent) as fault:
            log.warning("%s of %s cannot be read: %s", path, exchange.name, fault)
            return None
        finally:
            usage = exchange.usage(reply) if reply is not None else ()
            self._dispatch.settle(found, sent=True, well=reply is not None, usage=usage)
