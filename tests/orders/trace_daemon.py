"""The daemon in the random traces: its own parts over virtual time, a virtual network and a table in memory."""

import asyncio
import selectors
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from proxy.dispatch import Dispatcher
from proxy.exchange_time import ExchangeClocks
from proxy.gateway import Gateway
from proxy.limits.ledger import MemoryLedger
from proxy.metrics import Metrics
from proxy.model import Call, Incoming, Reply
from proxy.pool import Pool
from proxy.searches import Searches
from proxy.writes import Writes
from tests.fakes import FakeClock
from tests.orders.trace_book import MS
from tests.orders.trace_journal import TraceJournal
from tests.orders.trace_plan import Action
from tests.orders.trace_venue import Venue
from tests.test_gateway import pool as make_pool

ACCOUNT = "desk"


class Ticking(FakeClock):
    """A clock that goes on by itself, from alarm to alarm, whenever nothing else is left to do."""

    def tick(self) -> bool:
        pending = [alarm for alarm in self._alarms if not alarm.cancelled]
        if not pending:
            return False
        self.move_to(max(min(pending).at_ns, self.now_ns()))
        return True


class Turns(selectors.SelectSelector):
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
        await self.writes.open(self.pools)


def wire(clock: FakeClock, exchange: str, journal: TraceJournal, egress: Any) -> Process:
    """The daemon's parts put together as proxy/cli/daemon.py does it."""
    pools = {ACCOUNT: _pool(exchange)}
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
    writes.resolution.searches = searches = Searches(clock, times, pools, gateway.look)
    return Process(gateway, writes, searches, pools, journal, metrics)


@lru_cache
def _pool(exchange: str) -> Pool:
    return make_pool(exchange, 2, {})


class Wire:
    """The network of one process: a dead one sends nothing any more."""

    def __init__(self, venue: Venue, journal: TraceJournal) -> None:
        self._venue = venue
        self._journal = journal

    async def send(self, *request: Any, **options: Any) -> Reply:
        if self._journal.dead:
            await asyncio.get_running_loop().create_future()
        return await self._venue.send(*request, **options)


def call_of(action: Action, name: str, pool: Pool, now_ns: int) -> Call:
    """The call of an action, as admission makes it."""
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
    return Call(name, action.bot, ACCOUNT, endpoint, request, upstream, params, now_ns, deadline_ns, by_ns)
