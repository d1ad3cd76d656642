"""What a decision costs: an acquire with its settle, and a call that goes through a long queue.

    pytest tests/bench/test_ledger_cost.py --benchmark-enable

Goals on a quiet machine: 15 us with 200 routes free, 40 us with most of them blocked, and as much with 10,000 waiting
as with none. Nothing is asserted on time; without the option every case runs once, as a test.
"""

import asyncio
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from proxy.clock import SECOND_NS
from proxy.dispatch import Dispatcher
from proxy.limits.blocks import FOREVER_NS
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape, Usage
from tests.bench import virtual
from tests.bench.virtual import VirtualClock

_MINUTE_NS = 60 * SECOND_NS
_PLENTY = 1e9
_KEYS = tuple(f"k{n}" for n in range(10))
_ADDRESSES = tuple(f"198.51.100.{n}" for n in range(1, 21))
_ROUTES = tuple(KeyRoutes(key, _ADDRESSES) for key in _KEYS)
_FIVE = (
    Limit("weight_1m", Scope.ADDRESS, Shape.FIXED, _PLENTY, _MINUTE_NS),
    Limit("raw_5m", Scope.ADDRESS, Shape.SLIDING, _PLENTY, 5 * _MINUTE_NS),
    Limit("counter", Scope.KEY, Shape.DECAYING, _PLENTY, _MINUTE_NS),
    Limit("orders_10s", Scope.ACCOUNT, Shape.FIXED, _PLENTY, 10 * SECOND_NS),
    Limit("orders_1d", Scope.ACCOUNT, Shape.FIXED, _PLENTY, 1440 * _MINUTE_NS),
)


def _ask(
    limits: tuple[Limit, ...],
    detail: str = "",
    call_class: CallClass = CallClass.PLACE,
    routes: tuple[KeyRoutes, ...] = _ROUTES,
    units: float = 1,
) -> Ask:
    return Ask("bench", "account", call_class, tuple(Charge(limit, units, detail) for limit in limits), routes)


def _ledger(clock: VirtualClock) -> MemoryLedger:
    ledger = MemoryLedger(clock)
    ledger.alignment("bench").set(3 * SECOND_NS, 10_000_000)  # no edge of a window is near
    return ledger


def _with_all_free(ledger: MemoryLedger) -> None:
    pass


def _with_most_blocked(ledger: MemoryLedger) -> None:
    """One route of 200 is left."""
    for key in _KEYS[:-1]:
        ledger.block(("key", "account", key), FOREVER_NS, "bench")
    for address in _ADDRESSES[:-1]:
        ledger.block(("address", "bench", address), FOREVER_NS, "bench")


def _with_most_full(ledger: MemoryLedger) -> None:
    """One route of 200 is left; the limits of the others are used up."""
    for limit, rows in (
        (_FIVE[2], [KeyRoutes(key, _ADDRESSES[:1]) for key in _KEYS[:-1]]),
        (_FIVE[0], [KeyRoutes("k0", (address,)) for address in _ADDRESSES[:-1]]),
    ):
        for row in rows:
            found = ledger.acquire(_ask((limit,), routes=(row,), units=_PLENTY))
            assert isinstance(found, Permit)
            ledger.settle(found, sent=True, well=True)


def _with_all_blocked(ledger: MemoryLedger) -> None:
    _with_most_blocked(ledger)
    ledger.block(("address", "bench", _ADDRESSES[-1]), FOREVER_NS, "bench")


@pytest.mark.parametrize("world", [_with_all_free, _with_most_blocked, _with_most_full, _with_all_blocked])
def test_a_permit(benchmark: BenchmarkFixture, world: Callable[[MemoryLedger], None]) -> None:
    """Five limits, 10 keys x 20 addresses, and an answer that tells the counts."""
    told = (Usage("weight_1m", 1), Usage("orders_10s", 1), Usage("orders_1d", 1))

    async def main(clock: VirtualClock) -> None:
        ledger, ask = _ledger(clock), _ask(_FIVE)
        for _ in range(2):  # what only the first window costs is not what a permit costs
            found = ledger.acquire(ask)
            assert isinstance(found, Permit)
            ledger.settle(found, sent=True, well=True, usage=told)
            await clock.sleep_until(clock.now_ns() + 2880 * _MINUTE_NS)
        world(ledger)

        def once() -> Permit | NotUntil:
            found = ledger.acquire(ask)
            if isinstance(found, Permit):
                ledger.settle(found, sent=True, well=True, usage=told, asked=False)
            return found

        found = benchmark(once)
        assert isinstance(found, NotUntil) == (world is _with_all_blocked)
        if world in (_with_most_blocked, _with_most_full):
            assert isinstance(found, Permit) and (found.route.key, found.route.address) == (_KEYS[-1], _ADDRESSES[-1])

    virtual.run(main)


@pytest.mark.parametrize("lanes", [1, 100])
@pytest.mark.parametrize("waiting", [0, 100, 1_000, 10_000])
def test_a_call_past_a_queue(benchmark: BenchmarkFixture, waiting: int, lanes: int) -> None:
    """A call that is free to go, while others wait: in one lane for one limit, or in lanes by symbol."""

    async def main(clock: VirtualClock) -> None:
        ledger = _ledger(clock)
        dispatcher = Dispatcher(ledger, clock, max_waiting=20_000)
        full = Limit("full", Scope.ACCOUNT, Shape.SLIDING, 1, 1440 * _MINUTE_NS, per="symbol")
        for lane in range(lanes):
            found = ledger.acquire(_ask((full,), f"S{lane}", CallClass.READ))
            assert isinstance(found, Permit)
            ledger.settle(found, sent=True, well=True)
        far_ns = clock.now_ns() + 2880 * _MINUTE_NS
        asks = [_ask((full,), f"S{lane}", CallClass.READ) for lane in range(lanes)]
        tasks = [asyncio.ensure_future(dispatcher.take(asks[n % lanes], deadline_ns=far_ns)) for n in range(waiting)]
        await asyncio.sleep(0)
        free = _ask(_FIVE)

        def once() -> Permit | NotUntil:
            try:
                dispatcher.take(free, deadline_ns=far_ns).send(None)
            except StopIteration as done:
                found: Permit = done.value
                dispatcher.settle(found, sent=True, well=True)
                return found
            raise AssertionError("a free call had to wait")

        assert isinstance(benchmark(once), Permit)
        assert dispatcher.waiting == waiting
        dispatcher._lanes.clear()  # all lanes go: one cancel each would look for its place in the whole lane
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual.run(main)
