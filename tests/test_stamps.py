"""Stamps: the exchange's time, a nonce where one is used, and no millisecond twice where that counts."""

import asyncio
from dataclasses import replace
from pathlib import Path

from proxy.clock import MILLISECOND_NS
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges import EXCHANGES
from proxy.limits.ledger import MemoryLedger
from proxy.model import Stamp
from proxy.nonces import Nonces
from proxy.stamps import Stamps
from tests.fakes import FakeClock

BINANCE, KRAKEN, CRYPTOCOM = (EXCHANGES[name] for name in ("binance", "kraken", "cryptocom"))


def make(folder: Path) -> tuple[FakeClock, ExchangeClocks, Nonces, Stamps]:
    clock = FakeClock()
    times = ExchangeClocks(clock, MemoryLedger(clock))
    nonces = Nonces(folder / "nonces.json", clock)
    return clock, times, nonces, Stamps(times, nonces)


def test_the_time_is_the_exchanges(tmp_path: Path) -> None:
    clock, times, _, stamps = make(tmp_path)
    times.read_time("binance", clock.wall_ms() + 7_000, 0)
    assert stamps.take(BINANCE, "desk/a") == stamps.take(BINANCE, None)
    assert abs(stamps.take(BINANCE, "desk/a").wall_ms - clock.wall_ms() - 7_000) <= 1


def test_a_millisecond_is_used_once_per_key_where_the_exchange_refuses_twins(tmp_path: Path) -> None:
    clock, _, _, stamps = make(tmp_path)
    now = clock.wall_ms()
    assert CRYPTOCOM.one_stamp_each
    assert [stamps.take(CRYPTOCOM, "desk/a").wall_ms for _ in range(3)] == [now, now + 1, now + 2]
    assert stamps.take(CRYPTOCOM, "desk/b").wall_ms == now
    assert [stamps.take(BINANCE, "desk/a").wall_ms for _ in range(2)] == [now, now]
    clock.advance(10 * MILLISECOND_NS)
    assert stamps.take(CRYPTOCOM, "desk/a").wall_ms == now + 10
    clock.wall_step_ms(-60_000)  # the clock was set: the old stamps say nothing any more
    assert stamps.take(CRYPTOCOM, "desk/a").wall_ms == now + 10 - 60_000


async def test_nonces_rise_and_are_refilled_before_they_run_out(tmp_path: Path) -> None:
    _, _, nonces, stamps = make(tmp_path)
    nonces.open("desk/a")
    taken = [stamps.take(KRAKEN, "desk/a").nonce for _ in range(600)]
    assert taken == sorted(set(taken))
    while stamps._refills:
        await asyncio.sleep(0.001)
    assert not nonces.low("desk/a")
    assert stamps.take(replace(KRAKEN, nonces=False), "desk/a") == Stamp(stamps.take(KRAKEN, None).wall_ms)
    await stamps.lift("desk/a")
    assert stamps.take(KRAKEN, "desk/a").nonce > taken[-1] * 900
