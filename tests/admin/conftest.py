"""Two accounts with keys that must never be seen, and a clock that stands still."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import pytest

from proxy.config import AccountConfig
from proxy.config.records import AddressConfig, KeyConfig
from proxy.exchanges import EXCHANGES
from proxy.limits.snapshot import Snapshot
from proxy.metrics import Gauges
from proxy.model import Credential
from proxy.pool import Pool, pool_of

CANARIES = ("dummy-key-canary", "dummy-secret-canary", "dummy-passphrase-canary")

KEYS: Mapping[str, Iterable[str]] = MappingProxyType({"main": ("127.0.0.2", "127.0.0.3"), "extra": ("127.0.0.2",)})
NONE: Mapping[str, str] = MappingProxyType({})
ALL_UP: Mapping[str, bool] = MappingProxyType({})
QUIET = Snapshot((), ())

PoolMaker = Callable[..., Pool]
GaugesMaker = Callable[..., Gauges]


class StandingClock:
    """Time moves when a test says so."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.ns // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        raise AssertionError("nothing sleeps here")

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> object:
        raise AssertionError("nothing waits here")


@pytest.fixture
def canaries() -> tuple[str, ...]:
    """The key, secret and passphrase of every credential here."""
    return CANARIES


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def make_pool() -> PoolMaker:
    return _pool


@pytest.fixture
def make_gauges() -> GaugesMaker:
    return _gauges


def _pool(
    name: str = "desk",
    exchange: str = "binance",
    keys: Mapping[str, Iterable[str]] = KEYS,
    public: Mapping[str, str] = NONE,
) -> Pool:
    """`keys`: alias -> its addresses; `public`: what the exchange sees instead of an address."""

    def addresses(binds: Iterable[str]) -> tuple[AddressConfig, ...]:
        return tuple(AddressConfig(bind, public.get(bind, bind)) for bind in binds)

    return pool_of(
        AccountConfig(
            name=name,
            exchange=exchange,
            tier="",
            addresses=(),
            keys=tuple(
                KeyConfig(alias, _credential(name, alias), None, 0, addresses(binds)) for alias, binds in keys.items()
            ),
            upstream={},
            limits={},
            reserve={},
            deny=(),
            allow_withdrawals=False,
        ),
        EXCHANGES[exchange],
    )


def _credential(account: str, alias: str) -> Credential:
    key, secret, passphrase = CANARIES
    return Credential(account, alias, key, secret.encode(), passphrase)


def _gauges(
    snapshot: Snapshot = QUIET, *, waiting: int = 0, ready: bool = True, up: Mapping[str, bool] = ALL_UP
) -> Gauges:
    return Gauges(snapshot, waiting, ready, {"binance": -12.5}, up)
