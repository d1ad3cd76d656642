"""What a user can build today: one limiter per key, address or account, behind round robin.

    ccxt-leaky, ccxt-rolling   the two algorithms of ccxt's throttler
    aiolimiter                 a leaky bucket that starts with a full burst
    pyrate                     pyrate-limiter: a sliding log with its default buffer of 50 ms; its token bucket where
                               the exchange's counter decays

The wrapper is kind to them: a call takes the next key and address in turn, waits for the limiter of each limit it
is charged on, and after a refusal the limiter concerned rests as long as the exchange said (one second if it did not);
addresses that are banned and keys that are suspended rest as long as told, pairs that are not whitelisted for ever.
All calls of one process share its limiters. They do not read usage headers: none of these libraries does.
"""

import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from unittest import mock

from ccxt.async_support.base import throttler

from proxy.clock import SECOND_NS
from proxy.model import Scope, Shape
from tests.bench.counting import ExchangeSide, Rule, Work
from tests.bench.virtual import VirtualClock

Acquire = Callable[[int], Awaitable[object]]
Make = Callable[[VirtualClock, Rule, float], Acquire]  # clock, rule, share of its capacity


@contextlib.contextmanager
def ccxt_time(clock: VirtualClock) -> Iterator[None]:
    """ccxt's throttler reads time.time by name."""
    with mock.patch.object(throttler, "time", clock.wall_s):
        yield


def ccxt_leaky(clock: VirtualClock, rule: Rule, share: float) -> Acquire:
    throttle = throttler.Throttler({"refillRate": rule.capacity * share / (rule.window_s * 1e3)})
    return lambda units: throttle(units)


def ccxt_rolling(clock: VirtualClock, rule: Rule, share: float) -> Acquire:
    window_ms = rule.window_s * 1e3
    throttle = throttler.Throttler(
        {"algorithm": "rollingWindow", "windowSize": window_ms, "rateLimit": window_ms / (rule.capacity * share)}
    )
    return lambda units: throttle(units)


def aio(clock: VirtualClock, rule: Rule, share: float) -> Acquire:
    import aiolimiter

    limiter = aiolimiter.AsyncLimiter(rule.capacity * share, rule.window_s)
    return lambda units: limiter.acquire(units)


class _Milliseconds:
    """What pyrate-limiter asks of a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now_ns() // 1_000_000


def pyrate(clock: VirtualClock, rule: Rule, share: float) -> Acquire:
    import pyrate_limiter

    rates = [pyrate_limiter.Rate(max(int(rule.capacity * share), 1), int(rule.window_s * 1e3))]
    bucket: pyrate_limiter.AbstractBucket
    if rule.shape is Shape.DECAYING:
        bucket = pyrate_limiter.StateBucket(rates, algorithm=pyrate_limiter.TokenBucket())
    else:
        bucket = pyrate_limiter.InMemoryBucket(rates)
    bucket._clock = _Milliseconds(clock)
    # Its background thread would read virtual time from outside; what has left the window goes as calls come.
    limiter = pyrate_limiter.Limiter(pyrate_limiter.SingleBucketFactory(bucket, schedule_leak=False))

    async def acquire(units: int) -> None:
        bucket.leak(clock.now_ns() // 1_000_000)
        await limiter.try_acquire_async("bench", units)

    return acquire


OPPONENTS: Mapping[str, Make] = {
    "ccxt-leaky": ccxt_leaky,
    "ccxt-rolling": ccxt_rolling,
    "aiolimiter": aio,
    "pyrate": pyrate,
}


class RoundRobin:
    """A subject of the benchmark: limiters of one library behind round robin."""

    def __init__(
        self,
        name: str,
        clock: VirtualClock,
        side: ExchangeSide,
        routes: Mapping[str, tuple[str, ...]],
        bots: int = 1,
    ) -> None:
        """`bots` that know nothing of each other: each gets its part of every limit."""
        self.name = name
        self._clock = clock
        self._side = side
        self._routes = routes
        self._bots = bots
        self._start()

    def _start(self) -> None:
        self._limiters: dict[tuple[str, str, str], Acquire] = {}
        self._rest_ns: dict[tuple[str, ...], int] = {}
        self._key_turn = 0
        self._address_turn: dict[str, int] = defaultdict(int)

    def restart(self, found: str) -> None:
        """None of them keeps anything over a restart."""
        self._start()

    async def carry(self, work: Work) -> int | None:
        while True:
            route = self._next_route()
            if route is None:
                await self._clock.sleep_until(
                    min(until for until in self._rest_ns.values() if until > self._clock.now_ns())
                )
                continue
            key, address = route
            for rule in sorted(self._side.rules, key=lambda rule: _ORDER[rule.scope]):
                if units := work.prices.get(rule.name, 0):
                    subject = self._side.subject(rule, key, address)
                    mine = (rule.name, subject, work.bot if self._bots > 1 else "")
                    if mine not in self._limiters:
                        self._limiters[mine] = OPPONENTS[self.name](self._clock, rule, 1 / self._bots)
                    await self._limiters[mine](units)
                    while (until := self._rest_ns.get(mine, 0)) > self._clock.now_ns():
                        await self._clock.sleep_until(until)
            if self._resting(key, address):
                continue
            sent_ns = self._clock.now_ns()
            told = await self._side.send(work, key, address)
            if told.outcome == "ok":
                return sent_ns - work.asked_ns
            rest_ns = self._clock.now_ns() + (told.wait_ns or SECOND_NS)
            if told.outcome == "throttled":
                rule = next(rule for rule in self._side.rules if rule.name == told.rule)
                subject = self._side.subject(rule, key, address)
                self._rest_ns[rule.name, subject, work.bot if self._bots > 1 else ""] = rest_ns
            elif told.outcome == "banned":
                self._rest_ns["address", address] = rest_ns
            elif told.outcome == "suspended":
                self._rest_ns["key", key] = rest_ns
            else:
                self._rest_ns["pair", key, address] = 1 << 62

    def _resting(self, key: str, address: str) -> bool:
        now = self._clock.now_ns()
        subjects = (("address", address), ("key", key), ("pair", key, address))
        return any(self._rest_ns.get(subject, 0) > now for subject in subjects)

    def _next_route(self) -> tuple[str, str] | None:
        """The next key in turn, and its next address that does not rest; None: all do."""
        keys = tuple(self._routes)
        for _ in keys:
            key = keys[self._key_turn % len(keys)]
            self._key_turn += 1
            addresses = self._routes[key]
            for _ in addresses:
                address = addresses[self._address_turn[key] % len(addresses)]
                self._address_turn[key] += 1
                if not self._resting(key, address):
                    return key, address
        return None


_ORDER = {Scope.ACCOUNT: 0, Scope.KEY: 1, Scope.ADDRESS: 2, Scope.PAIR: 3}
