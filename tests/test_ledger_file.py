"""The file of the ledger, and that a restart at any moment neither overruns a window nor ends a block early."""

import asyncio
import json
import logging
import random
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proxy.ledger_file
from proxy.exchanges import EXCHANGES
from proxy.ledger_file import LedgerFile, _down_ns
from proxy.limits.blocks import FOREVER_NS, Subject
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, Executed, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape, Usage
from proxy.order_ages import OrderAges
from tests.fakes import START_WALL_MS, FakeClock, settled
from tests.limits.test_windows import CAPACITY, SECOND, WINDOW, Truth

KEY: Subject = ("key", "main", "a")
SHAPES = [Shape.FIXED, Shape.SLIDING, Shape.DECAYING]
SEEDS = st.integers(0, 2**32)


def ask(shape: Shape, units: float = 1.0) -> Ask:
    limit = Limit("orders", Scope.ACCOUNT, shape, CAPACITY, WINDOW)
    return Ask("x", "main", CallClass.PLACE, (Charge(limit, units),), (KeyRoutes("a", ("192.0.2.1",)),))


def call(ledger: MemoryLedger, units: float = 1.0, shape: Shape = Shape.SLIDING) -> None:
    permit = ledger.acquire(ask(shape, units))
    assert isinstance(permit, Permit)
    ledger.settle(permit, sent=True, well=True)


def used(ledger: MemoryLedger) -> float:
    return sum(row.used for row in ledger.snapshot().counters)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.json"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def on_disk(path: Path) -> Any:
    return json.loads(path.read_text())


def start(path: Path, clock: FakeClock) -> tuple[MemoryLedger, LedgerFile]:
    ledger = MemoryLedger(clock)
    file = LedgerFile(path, ledger, clock)
    file.load()
    return ledger, file


async def test_a_clean_stop_and_a_start(path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ledger, file = start(path, clock)
    assert "no counters of an earlier run" in caplog.text
    call(ledger, 7)
    ledger.block(KEY, 5 * SECOND, "suspended")
    await file.close()
    clock.advance(2 * SECOND)
    again, _ = start(path, clock)
    assert used(again) == 7
    (block,) = again.snapshot().blocks
    assert (block.subject, block.reason) == (KEY, "suspended")
    assert block.rest_ns == pytest.approx(3 * SECOND, abs=2_000_000)
    assert "counters and blocks of 2.0 s ago, from a clean stop" in caplog.text


async def test_the_first_call_of_the_first_run_goes_alone(path: Path, clock: FakeClock) -> None:
    """Nobody knows what was used before, and the exchange tells with its first answer."""
    told = replace(ask(Shape.FIXED).charges[0].limit, told=True)
    wanted = replace(ask(Shape.FIXED), charges=(Charge(told, 1.0),))
    ledger, file = start(path, clock)
    ledger.alignment("x").set(0, 0)
    first = ledger.acquire(wanted)
    assert isinstance(first, Permit)
    assert ledger.acquire(wanted) == NotUntil(None, Scope.ACCOUNT, "orders")
    ledger.settle(first, sent=True, well=True, usage=[Usage("orders", CAPACITY - 2)])
    assert isinstance(ledger.acquire(wanted), Permit) and isinstance(ledger.acquire(wanted), Permit)
    assert isinstance(ledger.acquire(wanted), NotUntil)
    await file.close()
    again, _ = start(path, clock)
    clock.advance(WINDOW + SECOND)
    assert isinstance(again.acquire(wanted), Permit) and isinstance(again.acquire(wanted), Permit)


async def test_a_crash_counts_what_may_have_been_sent_last(path: Path, clock: FakeClock) -> None:
    ledger, file = start(path, clock)
    call(ledger, 4)
    await file.save()
    call(ledger, 3)  # nobody saves these
    again, _ = start(path, clock)
    assert used(again) == 8
    assert on_disk(path)["clean"] is False


async def test_a_crash_right_after_a_start_is_seen_as_one(path: Path, clock: FakeClock) -> None:
    ledger, file = start(path, clock)
    call(ledger, 4)
    await file.close()
    start(path, clock)
    assert used(start(path, clock)[0]) == 8


async def test_it_saves_once_a_second_and_only_what_changed(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, file = start(path, clock)
    writers: list[int] = []
    replace = proxy.ledger_file._replace

    def noted(where: Path, data: bytes) -> None:
        replace(where, data)
        writers.append(threading.get_ident())

    monkeypatch.setattr(proxy.ledger_file, "_replace", noted)
    running = asyncio.ensure_future(file.run())

    async def second(writes: int) -> None:
        await settled()
        clock.advance(SECOND)
        async with asyncio.timeout(5):
            while len(writers) < writes or not clock.pending():
                await asyncio.sleep(0)

    for step in range(1, 4):
        call(ledger)
        await second(step)
    for _ in range(3):
        await second(3)
    ledger.block(KEY, SECOND, "throttled")
    await second(4)
    ledger.unblock(KEY)
    await second(5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(writers) == 5
    assert threading.get_ident() not in writers
    assert on_disk(path)["state"]["counters"][0]["peak"] == 1


def test_without_a_load_nothing_is_written(path: Path, clock: FakeClock) -> None:
    file = LedgerFile(path, MemoryLedger(clock), clock)
    asyncio.run(file.save())
    asyncio.run(file.close())
    assert not path.exists()


async def test_an_older_state_never_replaces_a_newer_one(path: Path, clock: FakeClock) -> None:
    ledger, file = start(path, clock)
    older = file._next(clean=False)
    call(ledger)
    await file.close()
    file._write(*older)
    assert on_disk(path)["clean"] is True


def _sound(path: Path, clock: FakeClock) -> dict[str, Any]:
    ledger = MemoryLedger(clock)
    file = LedgerFile(path, ledger, clock)
    call(ledger, 5)
    ledger.block(KEY, SECOND, "suspended", probe=True)
    return file._next(clean=True)[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00",
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 2, "clean": true}',
        '{"format": 1, "clean": true, "state": {"now_ns": 1e999, "wall_ms": 0}}',
        '{"format": 1, "clean": true, "state": {"now_ns": 0, "wall_ms": 0, "clocks": 5}}',
    ],
    ids=lambda text: text[:30],
)
def test_a_file_that_cannot_be_read_is_told_and_doubted(
    path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    path.write_text(text)
    ledger, file = start(path, clock)
    assert f"{path}: the counters and blocks of the last run cannot be read" in caplog.text
    assert not isinstance(ledger.acquire(ask(Shape.SLIDING)), Permit)
    clock.advance(WINDOW)
    call(ledger, 5)
    asyncio.run(file.close())
    assert used(start(path, clock)[0]) == 5


def test_nonsense_anywhere_in_the_file_never_stops_the_start(path: Path, clock: FakeClock) -> None:
    sound = json.dumps(_sound(path, clock))
    places = [n for n, char in enumerate(sound) if char.isalnum()]
    for place in places[:: max(1, len(places) // 150)]:
        for put in ("null", '"x"', "-"):
            path.write_text(sound[:place] + put + sound[place + 1 :])
            start(path, clock)


def test_a_folder_in_its_place(path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir()
    ledger, file = start(path, clock)
    assert "cannot be read (Is a directory)" in caplog.text
    for _ in range(2):
        ledger.block(KEY, SECOND, "throttled")
        asyncio.run(file.save())
    assert caplog.text.count("cannot be written (Is a directory)") == 1
    path.rmdir()
    asyncio.run(file.save())  # nothing new happened, but what is not on disk is tried again
    assert path.exists()


def test_how_long_it_was_down() -> None:
    def down_s(monotonic: int, wall: int) -> float:
        return _down_ns(100 * SECOND, START_WALL_MS, FakeClock(monotonic * SECOND, START_WALL_MS + wall * 1000)) / 1e9

    assert down_s(103, 4) == 3  # the wall clock was set forward
    assert down_s(103, 3) == pytest.approx(3, abs=0.002)
    assert down_s(104, 3) == pytest.approx(3, abs=0.002)
    assert down_s(5, 60) == pytest.approx(60, abs=0.002)  # the machine booted
    assert down_s(5, -60) == 0


class World:
    """Boots, restarts and clocks that are set; `true_ns` is the exchange's own time."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.ahead_ns = rng.randrange(-5 * SECOND, 5 * SECOND)
        self.clock = FakeClock(10**15 + rng.randrange(10**12), START_WALL_MS)
        self._true_ns = START_WALL_MS * 1_000_000 + self.ahead_ns - self.clock.now_ns()

    @property
    def true_ns(self) -> int:
        return self.clock.now_ns() + self._true_ns

    def down(self, ns: int) -> None:
        """The process is away: meanwhile the wall clock may be set, or the machine boots."""
        self.clock.advance(ns)
        fate = self.rng.choice(["nothing", "set", "boot"])
        if fate == "set":
            self.clock.wall_step_ms(self.rng.randrange(-20_000, 20_000))
        if fate == "boot":
            true_ns = self.true_ns
            self.clock = FakeClock(self.rng.randrange(10**10), self.clock.wall_ms())
            self._true_ns = true_ns - self.clock.now_ns()

    def restarted(self, ledger: MemoryLedger, down_ns: int) -> MemoryLedger:
        then = self.clock.now_ns(), self.clock.wall_ms()
        state = json.loads(json.dumps(ledger.state()))
        self.down(down_ns)
        again = MemoryLedger(self.clock)
        again.restore(state, _down_ns(*then, self.clock), clean=self.rng.random() < 0.5)
        return again


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_a_restart_at_any_moment_overruns_no_window(seed: int, shape: Shape) -> None:
    """Saved at the very moment of the end. Calls in flight then arrive while the process is down, or do not."""
    rng = random.Random(seed)
    world = World(rng)
    truth = Truth()
    ledger = MemoryLedger(world.clock)
    error_ns = rng.choice([0, rng.randrange(SECOND), WINDOW])
    ledger.alignment("x").set(world.true_ns - world.clock.now_ns() + rng.randint(-error_ns, error_ns), error_ns)
    flying: list[tuple[int, Permit]] = []
    granted = 0
    for _ in range(120):
        pause_ns = rng.choice([0, 0, rng.randrange(SECOND // 5), rng.randrange(WINDOW)])
        for answered, permit in sorted(flying, key=lambda row: row[0]):
            if answered <= world.clock.now_ns() + pause_ns:
                pause_ns -= max(0, answered - world.clock.now_ns())
                world.clock.move_to(max(answered, world.clock.now_ns()))
                ledger.settle(permit, sent=True, well=True)
        flying = [row for row in flying if row[0] > world.clock.now_ns()]
        world.clock.advance(pause_ns)
        if rng.random() < 0.08:
            down_ns = rng.choice([0, rng.randrange(SECOND), rng.randrange(3 * WINDOW)])
            back_ns = world.true_ns + down_ns
            ledger = world.restarted(ledger, down_ns)
            truth.rows = [(min(at, back_ns), units) for at, units in truth.rows]
            flying = []
        units = rng.choice([1.0, 2.0, 7.0])
        found = ledger.acquire(ask(shape, units))
        if isinstance(found, Permit):
            flight_ns = rng.choice([0, rng.randrange(SECOND // 20), rng.randrange(3 * SECOND)])
            truth.rows.append((world.true_ns + rng.choice([0, rng.randrange(flight_ns + 1), flight_ns]), units))
            flying.append((world.clock.now_ns() + flight_ns, found))
            granted += 1
    assert truth.most(shape) <= CAPACITY + 1e-4
    assert granted > 3


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS)
def test_a_restart_ends_no_block_early(seed: int) -> None:
    rng = random.Random(seed)
    world = World(rng)
    ledger = MemoryLedger(world.clock)
    ends: dict[Subject, int] = {}
    for number in range(rng.randrange(1, 6)):
        subject: Subject = ("key", "main", str(number))
        rest_ns = rng.randrange(1, 30 * SECOND)
        ledger.block(subject, rest_ns, "suspended", probe=rng.random() < 0.5)
        ends[subject] = world.true_ns + rest_ns
        world.clock.advance(rng.randrange(SECOND))
    before = {subject: ledger.strikes(subject) for subject in ends}
    for _ in range(rng.randrange(1, 3)):
        ledger = world.restarted(ledger, rng.choice([0, rng.randrange(SECOND), rng.randrange(20 * SECOND)]))
    left = {block.subject: block.rest_ns or 0 for block in ledger.snapshot().blocks}
    for subject, end_ns in ends.items():
        assert left.get(subject, 0) >= min(max(end_ns - world.true_ns, 0), 30 * SECOND)
    assert before == {subject: ledger.strikes(subject) for subject in ends}


def test_a_probe_is_still_owed_after_a_restart(clock: FakeClock) -> None:
    ledger = MemoryLedger(clock)
    ledger.block(KEY, SECOND, "suspended", probe=True)
    again = MemoryLedger(clock)
    again.restore(json.loads(json.dumps(ledger.state())), 0)
    clock.advance(SECOND)
    assert isinstance(again.acquire(ask(Shape.SLIDING)), Permit)
    assert not isinstance(again.acquire(ask(Shape.SLIDING)), Permit)


def test_strikes_and_refusals_are_kept_and_end_with_a_good_answer(clock: FakeClock) -> None:
    ledger = MemoryLedger(clock)
    for _ in range(2):
        ledger.block(KEY, SECOND, "suspended")
        clock.advance(SECOND)
    ledger.block(KEY, SECOND, "suspended")
    ledger.block(KEY, SECOND, "suspended")
    again = MemoryLedger(clock)
    again.restore(json.loads(json.dumps(ledger.state())), 0)
    assert (again.strikes(KEY), again.refusals(KEY)) == (3, 4)
    clock.advance(SECOND)
    call(again)
    assert (again.strikes(KEY), again.refusals(KEY)) == (0, 0)


def test_a_rest_until_the_operator_acts_ends_with_a_restart_and_one_probe(clock: FakeClock) -> None:
    """Its secret may have been replaced: they are read at a start only."""
    ledger = MemoryLedger(clock)
    ledger.block(KEY, FOREVER_NS, "dead")
    again = MemoryLedger(clock)
    again.restore(json.loads(json.dumps(ledger.state())), 0)
    assert isinstance(again.acquire(ask(Shape.SLIDING)), Permit)
    assert not isinstance(again.acquire(ask(Shape.SLIDING)), Permit)
    assert again.strikes(KEY) == 1


async def test_ages_of_orders_are_there_again(path: Path, clock: FakeClock) -> None:
    table = EXCHANGES["kraken"].table
    add, cancel = (table.match("POST", f"/0/private/{name}") for name in ("AddOrder", "CancelOrder"))
    assert add is not None and cancel is not None

    def price(orders: OrderAges) -> dict[str, float]:
        return dict(orders.prices("main", cancel.costs[0], ("id dummy-1",), "", clock.now_ns()))

    orders = OrderAges()
    file = LedgerFile(path, MemoryLedger(clock), clock, orders)
    file.load()
    leaving = orders.leave("main", EXCHANGES["kraken"], add, {"pair": "XBTUSD", "cl_ord_id": "dummy-1"}, clock.now_ns())
    orders.end(leaving, Executed.UNKNOWN, None, clock.now_ns())
    await file.close()
    clock.advance(400 * SECOND)
    known = OrderAges()
    LedgerFile(path, MemoryLedger(clock), clock, known).load()
    assert price(known) == {"XBTUSD": 0}
    after_a_crash = OrderAges()  # the process before was not stopped
    LedgerFile(path, MemoryLedger(clock), clock, after_a_crash).load()
    assert price(after_a_crash) == {"XBTUSD": 8}  # it may have been changed after the last saving


def test_a_file_without_orders_is_of_an_earlier_version(path: Path, clock: FakeClock) -> None:
    ledger, file = start(path, clock)
    call(ledger, 7)
    asyncio.run(file.close())
    whole = on_disk(path)
    del whole["orders"]
    path.write_text(json.dumps(whole))
    assert used(start(path, clock)[0]) == 7
