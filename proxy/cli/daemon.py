"""The daemon: everything wired together, started, watched and drained."""

import asyncio
import gc
import logging
import os
from collections.abc import Mapping

import aiohttp
from aiohttp import http_parser

from proxy.admin.orders import make_token, order_routes
from proxy.admin.server import Admin
from proxy.capacity import Worth, coupled, summary, without, worths
from proxy.cli.build import pools_of
from proxy.cli.order_source import JOURNAL
from proxy.cli.state_lock import StateLock
from proxy.clock import Clock, SystemClock
from proxy.config import Config
from proxy.dispatch import Dispatcher
from proxy.egress import Egress, Resolver
from proxy.egress.probe import missing
from proxy.egress.warm import Place, Warmer
from proxy.errors import ConfigError, JournalDown
from proxy.exchange_time import ExchangeClocks
from proxy.gateway import Gateway
from proxy.ingress.admission import Admission
from proxy.ingress.server import Ingress
from proxy.ledger_file import LedgerFile
from proxy.limits.coupling import Pair
from proxy.limits.ledger import MemoryLedger
from proxy.metrics import Gauges, Metrics
from proxy.nonces import Nonces
from proxy.order_ages import OrderAges
from proxy.orders.journal import Journal
from proxy.own_calls import LimitWatch, OwnCalls
from proxy.pool import Pool
from proxy.searches import Searches
from proxy.waits import Waits
from proxy.writes import Writes

log = logging.getLogger("ordergate")

_LEAST_AIOHTTP = (3, 14, 4)
_PROBE_EVERY_NS = 5_000_000_000
_DRAIN_WITHIN_S = 30.0


class Daemon:
    """One running Ordergate. `start`, then `stop`."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        require_parser()
        self.config = config
        self.clock = clock or SystemClock()
        self.pools: Mapping[str, Pool] = pools_of(config)
        self.metrics = Metrics()
        self.ledger = MemoryLedger(self.clock)
        self.dispatcher = Dispatcher(self.ledger, self.clock, waits=Waits(self.clock, self.metrics))
        self._times = ExchangeClocks(self.clock, self.ledger)
        self._resolver = Resolver(self.clock)
        self._egress = Egress(clock=self.clock, resolver=self._resolver)
        self._up: dict[str, bool] = {}
        self._budgets: tuple[Worth, ...] = ()
        self._budgets_of: object = None  # what they depend on
        self._ready = False
        self._lock = StateLock(config.state_dir)
        self._tasks: list[asyncio.Task[None]] = []
        nonces, token = self._open_state()
        orders = OrderAges()
        self._ledger_file = LedgerFile(config.state_dir / "ledger.json", self.ledger, self.clock, orders)
        self.journal = Journal(config.state_dir / JOURNAL, self.clock)
        self.writes = Writes(self.clock, self.dispatcher, self.journal, self.metrics, self._times.wall_ms)
        gateway = Gateway(
            clock=self.clock,
            ledger=self.ledger,
            times=self._times,
            dispatcher=self.dispatcher,
            egress=self._egress,
            nonces=nonces,
            metrics=self.metrics,
            pools=self.pools,
            writes=self.writes,
            orders=orders,
        )
        self._searches = Searches(self.clock, self._times, self.pools, gateway.look)
        self.writes.resolution.searches = self._searches
        own = OwnCalls(
            clock=self.clock,
            ledger=self.ledger,
            times=self._times,
            dispatcher=self.dispatcher,
            egress=self._egress,
        )
        self.limit_watch = LimitWatch(own, self.clock, self.pools.values())
        self.clocks_measured = False
        self._own = own
        self.ingress = Ingress(
            clock=self.clock,
            admission=Admission(self.pools, config.bots),
            gateway=gateway,
            metrics=self.metrics,
            pools=self.pools,
        )
        self.admin = Admin(
            clock=self.clock,
            metrics=self.metrics,
            pools=self.pools,
            gauges=self.gauges,
            more=order_routes(self.writes, token),
        )
        for pool in self.pools.values():
            for row in pool.keyed:
                self.metrics.open_key(pool.account, pool.exchange.name, row.key or "", row.addresses)

    def gauges(self) -> Gauges:
        """The figures of this moment."""
        return Gauges(
            self.ledger.snapshot(),
            self.dispatcher.length,
            self._ready and not self.writes.resolution.holds.counts(),
            self._times.offsets_ms(),
            dict(self._up),
            self._budgets,
            self.writes.resolution.unknowns.counts(self.pools),
            self.writes.resolution.unknowns.oldest_s(self.clock.wall_ms()),
            not self.journal.fault,
            self.writes.resolution.holds.counts(),
        )

    async def start(self) -> tuple[list[str], str]:
        """Open the listeners; returns where bots and operators reach us. Raises ConfigError if no key can be used."""
        self._lock.take()
        try:
            return await self._start()
        except BaseException:
            self._lock.release()
            raise

    async def _start(self) -> tuple[list[str], str]:
        self._probe()
        if not any(self._up.get(a) for pool in self.pools.values() for row in pool.keyed for a in row.addresses):
            raise ConfigError(["no key has an address that this host has: run `ordergate check`"])
        self._ledger_file.load()
        self.journal.open()
        try:
            await self.writes.open(self.pools)
        except JournalDown as fault:
            raise ConfigError([f"state_dir: {fault}"]) from None
        for line in self._weigh(*self._budget_facts()):
            log.info("%s", line)
        admin = await self.admin.start(self.config.admin)
        bots = await self.ingress.start(self.config.listen)
        warmer = Warmer(self._egress, self.clock, self._warm_places)
        running = (
            self._watch_addresses(),
            self._watch_budgets(),
            warmer.run(),
            self._ledger_file.run(),
            self._measure_clocks(),
            self.limit_watch.run(),
        )
        self._tasks = [asyncio.ensure_future(one) for one in running]
        self._ready = True
        gc.collect()
        gc.freeze()  # what lives as long as the daemon need not be looked through again
        return bots, admin

    async def stop(self, within_s: float = _DRAIN_WITHIN_S) -> None:
        """Answer what is under way, then close everything."""
        self._ready = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ingress.drain(within_s)
        await self._searches.stop()
        await self._ledger_file.close()
        await self.admin.stop()
        await asyncio.to_thread(self.journal.close)  # with the ends of all calls that the drain cut off
        await self._egress.aclose()
        await self._resolver.aclose()
        self._lock.release()

    def _open_state(self) -> tuple[Nonces, str]:
        """The nonces, and the operator's token."""
        folder = self.config.state_dir
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            nonces = Nonces(folder / "nonces.json", self.clock)
            for pool in self.pools.values():
                if pool.exchange.nonces:
                    for alias in pool.credentials:
                        nonces.open(f"{pool.account}/{alias}")
            return nonces, make_token(folder)
        except OSError as fault:
            text = (
                f"state_dir: {folder} cannot be used ({os.strerror(fault.errno or 0)}); make it writable for the daemon"
            )
            raise ConfigError([text]) from None

    def _probe(self) -> None:
        """See which addresses the host has. One that is missing rests, and nothing takes its place."""
        for pool in self.pools.values():
            for address in pool.keyless[0].addresses:
                fault = missing(address)
                if fault and self._up.get(address, True):
                    log.error("out of service: %s", fault)
                    self._egress.close_address(address)
                elif not fault and self._up.get(address) is False:
                    log.warning("back in service: address %s", address)
                self._up[address] = not fault
                if fault:
                    subject = ("address", pool.exchange.name, address)
                    self.ledger.block(subject, _PROBE_EVERY_NS + 1_000_000_000, "not on this host")

    def _budget_facts(self) -> tuple[frozenset[str], frozenset[Pair]]:
        """Addresses out of service, and limits that count by account after all."""
        return frozenset(address for address, up in self._up.items() if not up), self.ledger.coupled

    def _weigh(self, absent: frozenset[str], pairs: frozenset[Pair]) -> list[str]:
        """What each account's keys and addresses are worth, with what can be used and is known now.

        Takes milliseconds per account: not on the loop while calls are under way.
        """
        pools = [coupled(without(pool, absent), pairs) for pool in self.pools.values()]
        self._budgets = tuple(row for pool in pools for row in worths(pool))
        self._budgets_of = (absent, pairs)
        return [line for pool in pools for line in summary(pool, pools)]

    async def _weigh_again(self) -> None:
        """After a change of what the budgets depend on."""
        facts = self._budget_facts()
        if self._budgets_of != facts:
            await asyncio.to_thread(self._weigh, *facts)

    def _warm_places(self) -> list[Place]:
        """Every address that may be used now, towards every product of its account."""
        resting = {block.subject for block in self.ledger.snapshot().blocks}
        return [
            (upstream, address)
            for pool in self.pools.values()
            for upstream in dict.fromkeys(pool.upstream.values())
            for address in pool.keyless[0].addresses
            if ("address", pool.exchange.name, address) not in resting
        ]

    async def _measure_clocks(self) -> None:
        await self._own.times(self.pools.values())
        self.clocks_measured = True

    async def _watch_addresses(self) -> None:
        while True:
            await self.clock.sleep_until(self.clock.now_ns() + _PROBE_EVERY_NS)
            self._probe()

    async def _watch_budgets(self) -> None:
        """Apart from the addresses: these are looked at in time, however long the weighing takes."""
        while True:
            await self.clock.sleep_until(self.clock.now_ns() + _PROBE_EVERY_NS)
            await self._weigh_again()


def require_parser() -> None:
    """Refuse to serve with an aiohttp whose known faults are open, or with its slow and laxer Python parser."""
    version = tuple(int(part) for part in aiohttp.__version__.split(".")[:3] if part.isdigit())
    if version < _LEAST_AIOHTTP:
        raise ConfigError([f"aiohttp {aiohttp.__version__} is too old: 3.14.4 or newer is needed"])
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigError(["aiohttp runs without its C parser: reinstall it from a wheel, unset AIOHTTP_NO_EXTENSIONS"])
