"""What a command reads from a daemon's state, and that no state brings it down."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from proxy.capacity import worths
from proxy.learned import Learned, informed, read
from proxy.ledger_file import LedgerFile
from proxy.limits.ledger import MemoryLedger
from proxy.model import CallClass, Permit, Scope, Usage
from proxy.pool import Pool
from tests.fakes import FakeClock
from tests.limits.test_coupling import HOUR, PAIR, ask, couple
from tests.test_capacity import pool

SECOND = 1_000_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def kept(folder: Path, ledger: MemoryLedger, clock: FakeClock) -> None:
    file = LedgerFile(folder / "ledger.json", MemoryLedger(clock), clock)
    file.load()
    file._ledger = ledger
    await file.close()


async def test_what_a_daemon_kept(tmp_path: Path, clock: FakeClock) -> None:
    ledger = MemoryLedger(clock)
    couple(ledger)
    permit = ledger.acquire(ask(account="other"))
    assert isinstance(permit, Permit)
    ledger.settle(permit, sent=True, well=True, usage=(Usage("orders", 1, 20),))
    await kept(tmp_path, ledger, clock)
    found = read(tmp_path, clock.wall_ms())
    assert found == Learned(frozenset({PAIR}), {("orders", "other", "a"): (20, 15)})
    later = read(tmp_path, clock.wall_ms() + HOUR // 1_000_000)
    assert later is not None
    assert later.coupled == frozenset()


def test_no_file_or_none_that_can_be_read(tmp_path: Path) -> None:
    assert read(tmp_path, 0) is None
    assert read(tmp_path / "nowhere", 0) is None
    file = tmp_path / "ledger.json"
    for text in ("", "7", "[]", "{}", '{"format": 99, "state": {}}', '{"format": 1, "state": []}', "[" * 100_000):
        file.write_text(text)
        assert read(tmp_path, 0) is None
    file.write_bytes(b"\xff\xfe")
    assert read(tmp_path, 0) is None
    file.unlink()
    file.mkdir()
    assert read(tmp_path, 0) is None


def test_nonsense_anywhere_is_no_trace_of_an_error(tmp_path: Path, clock: FakeClock) -> None:
    ledger = MemoryLedger(clock)
    couple(ledger)
    whole = {"format": 1, "clean": True, "state": ledger.state()}
    dice = random.Random(7)
    for _ in range(300):
        spoilt = json.loads(json.dumps(whole))
        _spoil(spoilt, dice)
        (tmp_path / "ledger.json").write_text(json.dumps(spoilt))
        read(tmp_path, clock.wall_ms())


def _spoil(at: Any, dice: random.Random) -> None:
    while True:
        key = dice.choice(list(at) if isinstance(at, dict) else range(len(at)))
        if not isinstance(at[key], (dict, list)) or not at[key] or dice.random() < 0.3:
            at[key] = dice.choice([None, "x", -1, [], {}, [[1]], {"a": 1}])
            return
        at = at[key]


def test_nothing_learned_changes_nothing() -> None:
    of = pool("cryptocom")
    assert informed(of, None).pool is of
    found = informed(of, Learned())
    assert (found.coupled, found.capacities, found.pool.limits) == ((), {}, of.limits)


def _places(of: Pool) -> tuple[float, float | None]:
    return next((row.calls_per_second, row.routes) for row in worths(of) if row.call_class is CallClass.PLACE)


def test_a_coupling_makes_keys_worth_nothing() -> None:
    of = pool("cryptocom")
    assert _places(of) == (450, 3)
    found = informed(of, Learned(frozenset({("main", "orders_100ms"), ("other", "detail_100ms"), ("main", "gone")})))
    assert found.coupled == ("orders_100ms",)
    assert found.pool.limits["detail_100ms"].scope is Scope.KEY
    assert _places(found.pool) == (150, 1)


def test_capacities_count_for_those_whom_they_concern() -> None:
    of = pool("binance", 1, 2)
    told = {
        ("orders_10s", "main", ""): (50.0, 100.0),
        ("orders_1d", "other", ""): (7.0, 200_000.0),
        ("weight_1m", "binance", "203.0.113.1"): (1200.0, 6000.0),
        ("weight_1m", "binance", "203.0.113.9"): (10.0, 6000.0),  # not ours
        ("raw_5m", "binance", "203.0.113.2"): (50_000.0, 61_000.0),  # told when the table said less than today's
        ("raw_requests_gone", "binance", "203.0.113.2"): (9.0, 1.0),
    }
    found = informed(of, Learned(frozenset(), told))
    assert found.capacities == {"orders_10s": 50, "weight_1m": 1200, "raw_5m": 50_000}
    assert _places(found.pool) == (5, 1)
    assert found.coupled == ()


def test_a_limit_lowered_since_holds() -> None:
    of = pool("binance", 1, 1)
    table = of.limits["orders_10s"].capacity
    found = informed(of, Learned(frozenset(), {("orders_10s", "main", ""): (10 * table, 2 * table)}))
    assert found.capacities == {}
