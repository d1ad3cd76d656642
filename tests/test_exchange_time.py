import random
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from proxy.exchange_time import ExchangeClocks, Offset, date_ms, narrowed
from proxy.limits.ledger import MemoryLedger
from tests.fakes import START_WALL_MS, FakeClock

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


def header(ms: int) -> bytes:
    return format_datetime(datetime.fromtimestamp(ms // 1000, UTC), usegmt=True).encode()


class World:
    """An exchange whose clock is apart from ours, and answers that take their time both ways."""

    def __init__(self, apart_ms: int, seed: int = 1) -> None:
        self.apart_ms = apart_ms
        self.clock = FakeClock()
        self.ledger = MemoryLedger(self.clock)
        self.times = ExchangeClocks(self.clock, self.ledger)
        self.random = random.Random(seed)

    def answer(self, there_ms: float = 20, back_ms: float = 20) -> None:
        started_ns = self.clock.now_ns()
        self.clock.advance(int(there_ms * MILLISECOND))
        date = header(self.clock.wall_ms() + self.apart_ms)
        self.clock.advance(int(back_ms * MILLISECOND))
        self.times.read_date("binance", date, self.clock.now_ns() - started_ns)

    def jittered(self, count: int, pause_ms: tuple[float, float]) -> None:
        for _ in range(count):
            self.clock.advance(int(self.random.uniform(*pause_ms) * MILLISECOND))
            self.answer(self.random.uniform(5, 45), self.random.uniform(5, 45))

    def off_ms(self) -> float:
        """How wrong we are about the exchange's time."""
        return abs(self.times.wall_ms("binance") - (self.clock.wall_ms() + self.apart_ms))

    def error_ms(self) -> float:
        return self.ledger.alignment("binance").error_ns / MILLISECOND

    def edge_off_ms(self) -> float:
        true_ns = (self.clock.wall_ms() + self.apart_ms) * MILLISECOND - self.clock.now_ns()
        return abs(self.ledger.alignment("binance").offset_ns - true_ns) / MILLISECOND


def test_one_answer_tells_the_second() -> None:
    assert narrowed(Offset(), 10_000, 1000, 9_800, 9_900) == Offset(100, 1200)
    assert Offset(100, 1200).best_ms == 650
    assert Offset(100, 1200).error_ms == 550
    assert Offset(-300, 700).best_ms == 0  # nothing speaks against our own clock
    assert Offset(-300, 700).error_ms == 700


def test_more_answers_narrow_it() -> None:
    first = Offset(100, 1200)
    assert narrowed(first, 11_000, 1000, 10_700, 10_800) == Offset(200, 1200)
    assert narrowed(first, 11_000, 1000, 11_500, 11_600) == Offset(100, 500)
    assert narrowed(first, 11_000, 1000, 10_000, 11_900) == first


def test_answers_that_contradict_leave_only_the_newer() -> None:
    assert narrowed(Offset(100, 200), 20_000, 1000, 10_000, 10_010) == Offset(9_990, 11_000)
    assert narrowed(Offset(100, 200), 10_000, 1000, 20_000, 20_010) == Offset(-10_010, -9_000)


def test_a_millisecond_is_no_contradiction() -> None:
    found = narrowed(Offset(100, 200), 10_000, 1, 9_799, 9_799.5)
    assert found.low_ms <= found.high_ms
    assert found.low_ms >= 199 and found.high_ms <= 202


@pytest.mark.parametrize("value", [b"", b"yesterday", b"\xff\xfe", b"Wed, 99 Foo 2026 00:00:00 GMT"])
def test_a_date_that_is_none_is_left_out(value: bytes) -> None:
    assert date_ms(value) is None
    world = World(0)
    world.times.read_date("binance", value, MILLISECOND)
    assert world.times.offsets_ms() == {}


def test_a_date_is_read_as_unix_time() -> None:
    assert date_ms(b"Tue, 21 Jul 2026 10:00:05 GMT") == 1_784_628_005_000


@pytest.mark.parametrize("apart_ms", [0, 437, -812, 30_123, -3_600_000])
@pytest.mark.parametrize("pause_ms", [(1, 30), (200, 900), (1_000, 3_000)], ids=["busy", "some", "few"])
def test_jittered_answers_narrow_it_to_some_milliseconds(apart_ms: int, pause_ms: tuple[float, float]) -> None:
    """Busy traffic too: there the first answer of a second comes at its beginning each time, and only the last
    ones say anything about its end."""
    world = World(apart_ms)
    world.jittered(300, pause_ms)
    assert world.error_ms() < 50
    assert world.off_ms() <= world.error_ms()


@pytest.mark.parametrize("seed", range(20))
def test_the_admitted_error_is_an_honest_one(seed: int) -> None:
    world = World(random.Random(seed).randint(-5_000, 5_000), seed)
    for _ in range(60):
        world.jittered(1, (1, 1_500))
        assert world.edge_off_ms() <= world.error_ms()


def test_a_first_answer_is_believed_however_far_apart_the_clocks_are() -> None:
    world = World(-1_500)
    world.answer()
    assert world.off_ms() <= 600
    assert world.edge_off_ms() <= world.error_ms()


def test_clocks_that_drift_are_followed_without_a_jump() -> None:
    """20 ppm apart, for a day: 1.7 s."""
    world = World(0)
    world.jittered(300, (100, 900))
    apart = 0.0
    worst = 0.0
    for _ in range(24 * 60):
        world.clock.advance(59 * SECOND)
        apart += 60_000 * 20e-6
        world.apart_ms = round(apart)
        world.jittered(4, (100, 400))
        worst = max(worst, world.edge_off_ms() - world.error_ms())
    assert worst <= 1  # the drift is rounded to ms here
    assert world.error_ms() < 500


def test_the_exchanges_clock_is_set() -> None:
    world = World(0)
    world.jittered(200, (10, 500))
    world.apart_ms = 7_000
    world.answer()
    assert world.off_ms() <= 600
    world.jittered(200, (10, 500))
    assert world.error_ms() < 50
    assert world.off_ms() <= world.error_ms()


def test_our_wall_clock_is_set_and_the_windows_stay_where_they_are() -> None:
    world = World(300)
    world.jittered(200, (10, 500))
    world.clock.wall_step_ms(-20_000)
    world.apart_ms += 20_000  # the exchange's clock did not move
    assert world.edge_off_ms() <= world.error_ms()  # windows follow the monotonic clock
    world.answer()
    assert world.off_ms() <= 600
    assert world.edge_off_ms() <= world.error_ms()


def test_the_exchanges_time_endpoint_starts_afresh() -> None:
    world = World(0)
    world.jittered(50, (10, 500))
    server_ms = world.clock.wall_ms() + 12_345
    world.clock.advance(30 * MILLISECOND)
    world.times.read_time("binance", server_ms, 40 * MILLISECOND)
    assert abs(world.times.wall_ms("binance") - world.clock.wall_ms() - 12_345) <= 40
    assert world.error_ms() <= 25
    assert world.times.offsets_ms()["binance"] == pytest.approx(12_345, abs=40)


def test_exchanges_are_apart_and_the_unknown_has_our_time() -> None:
    world = World(5_000)
    world.answer()
    assert world.times.wall_ms("kraken") == world.clock.wall_ms()
    assert list(world.times.offsets_ms()) == ["binance"]


def test_before_anything_is_known_windows_are_told_so() -> None:
    world = World(0)
    assert world.ledger.alignment("binance").error_ns > 10**18
    world.answer()
    assert world.error_ms() < 1100
    assert START_WALL_MS > 0
