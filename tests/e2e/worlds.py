"""A world to test in: simulated exchanges and a real daemon on a loop and a thread of their own, so that clients
that block can be used as well; and a clock that both follow and that a test can move."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from proxy.cli.daemon import Daemon
from proxy.cli.urls import TOKEN, settings
from proxy.cli.world import AccountPlan, addresses_of, configuration, simulation, token_of
from proxy.clock import SystemClock
from proxy.config import Config, LimitOverride
from proxy.exchanges import EXCHANGES
from proxy.model import Upstream
from proxy.simulator import BinanceLimits, KrakenLimits, SimConfig, Simulator
from proxy.simulator.ledger import Entry
from tests.e2e.wires import Recorder

_T = TypeVar("_T")

BINANCE = AccountPlan("binance-main", "binance", 1)
KRAKEN = AccountPlan("kraken-main", "kraken", 2, tier="pro")
CRYPTOCOM = AccountPlan("cryptocom-main", "cryptocom", 3)
COINBASE = AccountPlan("coinbase-main", "coinbase", 4)
OKX = AccountPlan("okx-main", "okx", 5)
PLANS = (BINANCE, KRAKEN, CRYPTOCOM)
BOT = "grid-1"
OTHER_BOT = "grid-2"


class MovableClock:
    """The machine's clocks, moved ahead by what the test says. Serves the daemon and the simulator."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self._ahead_ns = 0
        self._alarms: set[_Alarm] = set()

    def now_ns(self) -> int:
        return self._real.now_ns() + self._ahead_ns

    def wall_ms(self) -> int:
        return self._real.wall_ms() + self._ahead_ns // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alarm = self.call_at(at_ns, lambda: None if reached.done() else reached.set_result(None))
        try:
            await reached
        finally:
            alarm.cancel()

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> "_Alarm":
        alarm = _Alarm(at_ns, callback, self._alarms)
        alarm.arm(self._real, self._ahead_ns)
        return alarm

    def jump(self, seconds: float) -> None:
        """On the world's loop only. What was to happen in between happens now."""
        self._ahead_ns += int(seconds * 1e9)
        for alarm in list(self._alarms):
            alarm.arm(self._real, self._ahead_ns)

    def now_ms(self) -> int:
        """As the simulator calls it."""
        return self.wall_ms()

    def monotonic(self) -> float:
        return self.now_ns() / 1e9


class _Alarm:
    def __init__(self, at_ns: int, callback: Callable[[], None], known: "set[_Alarm]") -> None:
        self._at_ns = at_ns
        self._callback = callback
        self._known = known
        self._handle: Any = None

    def arm(self, real: SystemClock, ahead_ns: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._known.add(self)
        self._handle = real.call_at(self._at_ns - ahead_ns, self._ring)

    def _ring(self) -> None:
        self._known.discard(self)
        self._callback()

    def cancel(self) -> None:
        self._known.discard(self)
        if self._handle is not None:
            self._handle.cancel()


@dataclass(frozen=True)
class Mark:
    """A moment in the exchanges' ledger."""

    entries: int
    orders: int


class World:
    """Simulator and daemon. Everything that touches them goes through `run` or `do`, hence through their own loop."""

    def __init__(
        self,
        plans: tuple[AccountPlan, ...] = PLANS,
        *,
        sim: Callable[[SimConfig], SimConfig] = lambda config: config,
        daemon: Callable[[Config], Config] = lambda config: config,
        recorder: Recorder | None = None,
    ) -> None:
        """`recorder`: takes the place of all exchanges."""
        self.plans = plans
        self.recorder = recorder
        self.clock = MovableClock()
        self._sim_config = sim(simulation(plans))
        self._configure = daemon
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="world", daemon=True)
        self.sim: Simulator
        self.daemon: Daemon
        self.config: Config
        self.listen = ""
        self.admin = ""

    def start(self) -> "World":
        self._thread.start()
        self.run(self._start())
        return self

    def stop(self) -> None:
        with suppress(AttributeError):
            self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, _T], within_s: float = 30) -> _T:
        """Run on the world's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(within_s)

    def do(self, call: Callable[[], _T]) -> _T:
        """Call on the world's loop, so that nothing else moves meanwhile."""

        async def called() -> _T:
            return call()

        return self.run(called())

    async def _start(self) -> None:
        self.sim = Simulator(self._sim_config, self.clock)
        await self.sim.start()
        self._folder = tempfile.TemporaryDirectory(prefix="ordergate-test-")
        config = configuration(self.plans, self.sim, (BOT, OTHER_BOT), Path(self._folder.name))
        if self.recorder is not None:
            await self.recorder.start()
            config = _aimed(config, Upstream("http", "127.0.0.1", self.recorder.port, private_ok=True))
        self.config = self._configure(config)
        await self._start_daemon()
        if self.recorder is not None:
            self.recorder.caught.clear()

    async def _start_daemon(self) -> None:
        self.daemon = Daemon(self.config, self.clock)
        # What a slow disk does is tested in tests/orders; here it may be as slow as it likes.
        self.daemon.journal._durable_within_s = 30.0
        places, self.admin = await self.daemon.start()
        self.listen = places[0]
        while not self.daemon.limit_watch.again_ns.keys() >= {
            p.exchange for p in self.plans if p.exchange == "binance"
        }:
            await asyncio.sleep(0.001)  # its own question is no test's business

    def restart(self) -> None:
        """Another daemon over the same state; the exchanges go on."""

        async def again() -> None:
            await self._stop_daemon()
            await self._start_daemon()

        self.run(again())

    async def _stop_daemon(self) -> None:
        # uvloop leaves a socket open whose connection is cancelled in the very turn in which it is made.
        connections = self.daemon._egress._connections
        while connections._open_of.total() != len(connections.live):
            await asyncio.sleep(0.001)
        await self.daemon.stop(0.0)

    async def _stop(self) -> None:
        await self._stop_daemon()
        await self.sim.stop()
        if self.recorder is not None:
            await self.recorder.stop()
        for _ in range(5):  # sockets close in the turns of the loop that follow
            await asyncio.sleep(0)
        self._folder.cleanup()

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)

    def printed(self, plan: AccountPlan, client: str) -> str:
        """What `ordergate urls` prints for a client, with the bot's token in its place."""
        rows = {row.client: row.text for row in settings(plan.name, EXCHANGES[plan.exchange], self.listen)}
        return rows[client].replace(TOKEN, token_of(BOT))

    def jump(self, seconds: float) -> None:
        """Move the time of daemon and exchanges ahead; call it while nothing is in flight."""
        self.do(lambda: self.clock.jump(seconds))

    # The exchanges' witness.

    def mark(self) -> Mark:
        return self.do(lambda: Mark(self.sim.ledger.counts.total(), self.sim.ledger.orders_executed))

    def since(self, mark: Mark) -> list[Entry]:
        """What arrived at the exchanges since then, in order."""

        def new() -> list[Entry]:
            entries = list(self.sim.ledger.entries)
            return entries[len(entries) - (self.sim.ledger.counts.total() - mark.entries) :]

        return self.do(new)

    def orders_since(self, mark: Mark, plan: AccountPlan | None = None) -> int:
        """Orders executed since then, of all accounts or of one."""

        def count() -> int:
            executed = list(self.sim.ledger.executed)
            new = executed[len(executed) - (self.sim.ledger.orders_executed - mark.orders) :]
            return sum(plan is None or order.account == plan.name for _, order in new)

        return self.do(count)

    def executions(self, plan: AccountPlan, order_id: str) -> int:
        return self.do(lambda: self.sim.ledger.executions(plan.exchange, plan.name, order_id))

    def blocks(self) -> dict[tuple[str, ...], int | None]:
        """Subject -> rest in ns (None: until the operator acts)."""
        return self.do(lambda: {b.subject: b.rest_ns for b in self.daemon.ledger.snapshot().blocks})

    def free(self) -> None:
        """Faults over, and nobody rests any more."""

        def clear() -> None:
            self.sim.faults.clear()
            for block in self.daemon.ledger.snapshot().blocks:
                self.daemon.dispatcher.unblock(block.subject)

        self.do(clear)


def _aimed(config: Config, upstream: Upstream) -> Config:
    accounts = {
        name: replace(account, upstream=dict.fromkeys(account.upstream, upstream))
        for name, account in config.accounts.items()
    }
    return replace(config, accounts=accounts)


_WIDE = (5_000.0, 100.0)  # capacity and decay per second
_NS = int(_WIDE[0] / _WIDE[1] * 1e9)
_LIMITS = {
    BINANCE.name: {"orders_10s": LimitOverride(_WIDE[0])},
    KRAKEN.name: {"rest": LimitOverride(_WIDE[0], _NS), "engine": LimitOverride(_WIDE[0], _NS)},
}


def wide_sim(config: SimConfig) -> SimConfig:
    """The narrow counters of keys and accounts widened on both sides, for tests of anything but limits."""
    binance = BinanceLimits(orders_10s=int(_WIDE[0]))
    return replace(
        config, limits={"binance": binance, "kraken": KrakenLimits(rest=_WIDE, engine=_WIDE, open_orders=5_000)}
    )


def wide_daemon(config: Config) -> Config:
    wide = {name: replace(config.accounts[name], limits=limits) for name, limits in _LIMITS.items()}
    return replace(config, accounts={**config.accounts, **wide})


def allocation(plan: AccountPlan) -> set[str]:
    return set(addresses_of(plan))
