import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from proxy.clock import MILLISECOND_NS, Clock, SystemClock
from tests.fakes import FakeClock, settled


def test_the_monotonic_clock_is_the_systems() -> None:
    clock = SystemClock()
    before = time.monotonic_ns()
    seen = clock.now_ns()
    assert before <= seen <= time.monotonic_ns()


def test_the_wall_is_unix_time_in_ms() -> None:
    before = time.time_ns() // MILLISECOND_NS
    seen = SystemClock().wall_ms()
    assert before <= seen <= time.time_ns() // MILLISECOND_NS


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("ahead_ns", [1, 400_000, 999_999, 1_000_001, 3_700_000])
def test_never_too_early(new_loop: Callable[[], asyncio.AbstractEventLoop], ahead_ns: int) -> None:
    """A timer that rings before its moment would find the limit still full and be set again and again."""

    async def both() -> tuple[int, int]:
        clock = SystemClock()
        at_ns = clock.now_ns() + ahead_ns
        rung: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        clock.call_at(at_ns, lambda: rung.set_result(clock.now_ns()))
        called = await rung - at_ns
        at_ns = clock.now_ns() + ahead_ns
        await clock.sleep_until(at_ns)
        return called, clock.now_ns() - at_ns

    with asyncio.Runner(loop_factory=new_loop) as runner:
        called, slept = runner.run(both())
    assert called >= 0
    assert slept >= 0


async def test_a_moment_that_is_over_comes_at_once() -> None:
    clock = SystemClock()
    rung = asyncio.Event()
    clock.call_at(clock.now_ns() - 5, rung.set)
    await asyncio.wait_for(rung.wait(), 5)
    await asyncio.wait_for(clock.sleep_until(0), 5)


async def test_a_cancelled_alarm_is_silent() -> None:
    clock = SystemClock()
    rung: list[str] = []
    clock.call_at(clock.now_ns(), lambda: rung.append("cancelled")).cancel()
    last = asyncio.Event()
    clock.call_at(clock.now_ns() + 1, last.set)
    await last.wait()
    assert rung == []


async def test_the_fake_rings_in_order_and_at_the_moment() -> None:
    clock: Clock
    clock = fake = FakeClock(now_ns=0)
    rung: list[tuple[str, int]] = []
    clock.call_at(30, lambda: rung.append(("late", clock.now_ns())))
    clock.call_at(10, lambda: rung.append(("early", clock.now_ns())))
    clock.call_at(20, lambda: rung.append(("never", 0))).cancel()
    sleeper = asyncio.ensure_future(clock.sleep_until(25))
    await settled()
    fake.advance(24)
    await settled()
    assert rung == [("early", 10)]
    assert not sleeper.done()
    fake.advance(6)
    await sleeper
    assert rung == [("early", 10), ("late", 30)]
