"""Accounts whose orders wait after a crash."""

import asyncio

import pytest

from proxy.holds import Holds
from tests.fakes import FakeClock, settled

S = 1_000_000_000


async def test_an_account_that_was_not_cut_off_is_free() -> None:
    holds = Holds(FakeClock())
    holds.begin("a", 1)
    assert await holds.passed("b", 0)
    assert holds.counts() == {"a": 1}


async def test_orders_wait_until_the_last_of_its_writes_is_known() -> None:
    clock = FakeClock()
    holds = Holds(clock)
    holds.begin("a", 1)
    holds.begin("a", 2)
    waiting = asyncio.ensure_future(holds.passed("a", clock.now_ns() + 4 * S))
    holds.end("a", 1)
    holds.end("b", 2)
    await settled()
    assert not waiting.done()
    holds.end("a", 2)
    assert await waiting and holds.counts() == {} and clock.pending() == []
    holds.end("a", 2)


async def test_and_no_longer_than_they_can() -> None:
    clock = FakeClock()
    holds = Holds(clock)
    holds.begin("a", 1)
    waiting = asyncio.ensure_future(holds.passed("a", clock.now_ns() + 4 * S))
    await settled()
    clock.advance(4 * S)
    assert not await waiting and holds.counts() == {"a": 1}


async def test_what_never_becomes_known_does_not_hold_the_account_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    holds = Holds(clock)
    holds.begin("a", 1)
    waiting = asyncio.ensure_future(holds.passed("a", clock.now_ns() + 400 * S))
    await settled()
    clock.advance(179 * S)
    await settled()
    assert not waiting.done()
    clock.advance(S)
    assert await waiting and holds.counts() == {}
    assert "1 writes of the earlier run are unknown after 180 s" in caplog.text
    holds.end("a", 1)  # known after all
