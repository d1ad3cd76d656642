"""Our counters against the exchange's own, which are counted here a second time and the slow way.

The exchange books a call at some instant between taking and answering, by a clock that we know only so well.
"""

import math
import random
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.window import NEVER_NS, Window
from proxy.limits.windows import DecayingCounter, InFlight, SlidingWindow, window_for
from proxy.model import Limit, Scope, Shape

SECOND = 1_000_000_000
WINDOW = 10 * SECOND
CAPACITY = 20.0
SEEDS = st.integers(0, 2**32)
SHAPES = [Shape.FIXED, Shape.SLIDING, Shape.DECAYING]


@dataclass
class Truth:
    """The exchange's bookings: (instant on our monotonic clock, units)."""

    offset_ns: int = 0
    rows: list[tuple[int, float]] = field(default_factory=list)

    def fixed(self) -> dict[int, float]:
        counts: dict[int, float] = defaultdict(float)
        for at, units in self.rows:
            counts[(at + self.offset_ns) // WINDOW] += units
        return counts

    def most(self, shape: Shape) -> float:
        """The highest count that the exchange ever had."""
        rows = sorted(self.rows)
        if shape is Shape.FIXED:
            return max(self.fixed().values(), default=0.0)
        if shape is Shape.SLIDING:
            most = total = 0.0
            first = 0
            for at, units in rows:
                total += units
                while rows[first][0] <= at - WINDOW:
                    total -= rows[first][1]
                    first += 1
                most = max(most, total)
            return most
        most = level = 0.0
        before = 0
        for at, units in rows:
            level = max(0.0, level - (at - before) * CAPACITY / WINDOW) + units
            before = at
            most = max(most, level)
        return most

    def count_at(self, shape: Shape, at: int) -> float:
        seen = sorted(row for row in self.rows if row[0] <= at)
        if shape is Shape.FIXED:
            number = (at + self.offset_ns) // WINDOW
            return sum(units for booked, units in seen if (booked + self.offset_ns) // WINDOW == number)
        if shape is Shape.SLIDING:
            return sum(units for booked, units in seen if booked > at - WINDOW)
        level, before = 0.0, 0
        for booked, units in seen:
            level = max(0.0, level - (booked - before) * CAPACITY / WINDOW) + units
            before = booked
        return max(0.0, level - (at - before) * CAPACITY / WINDOW)


def make(shape: Shape, align: Alignment | None = None, capacity: float = CAPACITY, window_ns: int = WINDOW) -> Window:
    return window_for(Limit("orders", Scope.ACCOUNT, shape, capacity, window_ns), align or Alignment())


@dataclass
class Traffic:
    """Random calls against one window, with flights that overlap and finish in any order."""

    rng: random.Random
    shape: Shape
    window: Window
    truth: Truth
    tells: bool = False
    fractions: bool = False
    now: int = 100 * WINDOW
    flying: list[tuple[int, int, float, int]] = field(default_factory=list)  # answered, taken, units, booked
    granted: int = 0
    last_told: float = 0.0

    def land(self, until: int) -> None:
        self.flying.sort()
        while self.flying and self.flying[0][0] <= until:
            answered, taken, units, booked = self.flying.pop(0)
            self.window.in_flight -= units
            self.window.book(taken, answered, units)
            if self.tells:
                self.window.tell(taken, answered, self.truth.count_at(self.shape, booked))
        self.now = until

    def step(self) -> None:
        rng = self.rng
        pause = rng.choice([0, 0, 0, rng.randrange(SECOND // 10), rng.randrange(SECOND), rng.randrange(2 * WINDOW)])
        self.land(self.now + pause)
        units = rng.choice([1.0, 1.0, 2.0, 7.0])
        if self.fractions:
            units = rng.choice([0.1, 0.3, 0.7, 1.1, 3.3])
        wait = self.window.wait_ns(self.now, units, 0.0)
        if wait and rng.random() < 0.5 and wait < NEVER_NS:
            self.land(self.now + wait)  # the tightest moment
            wait = self.window.wait_ns(self.now, units, 0.0)
        if wait == 0:
            flight = rng.choice([0, rng.randrange(SECOND // 20), rng.randrange(3 * SECOND), rng.randrange(2 * WINDOW)])
            booked = self.now + (rng.randrange(flight + 1) if flight else 0)
            booked = rng.choice([booked, self.now, self.now + flight])
            self.window.in_flight += units
            self.truth.rows.append((booked, units))
            self.flying.append((self.now + flight, self.now, units, booked))
            self.granted += 1


def offsets(rng: random.Random) -> tuple[Alignment, int]:
    """What we believe and what is true, apart by no more than we admit."""
    error = rng.choice([0, rng.randrange(SECOND), rng.randrange(WINDOW // 2), 3 * WINDOW])
    true = rng.randrange(-(10**18), 2 * 10**18)
    return Alignment(true + rng.randint(-error, error), error), true


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fractions", [False, True])
@pytest.mark.parametrize("tells", [False, True])
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_exchange_never_counts_more_than_its_limit(seed: int, shape: Shape, fractions: bool, tells: bool) -> None:
    rng = random.Random(seed)
    align, true = offsets(rng)
    truth = Truth(true)
    traffic = Traffic(rng, shape, make(shape, align), truth, tells, fractions)
    for _ in range(150):
        traffic.step()
    assert truth.most(shape) <= CAPACITY + 1e-4
    assert traffic.granted > 10  # it did let calls through


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_a_fixed_window_keeps_its_promise_while_the_clock_is_being_learned(seed: int) -> None:
    """From not knowing at all, by narrower and narrower estimates, each of which is true."""
    rng = random.Random(seed)
    true = rng.randrange(10**18)
    align = Alignment(error_ns=NEVER_NS)
    truth = Truth(true)
    traffic = Traffic(rng, Shape.FIXED, make(Shape.FIXED, align), truth)
    for _ in range(150):
        traffic.step()
        if rng.random() < 0.2:
            error_ns = rng.choice([rng.randrange(2 * WINDOW), rng.randrange(SECOND)])
            align.set(true + rng.randint(-error_ns, error_ns), error_ns)
    assert max(truth.fixed().values()) <= CAPACITY


def test_what_was_booked_before_the_clock_was_known_still_counts() -> None:
    align = Alignment(error_ns=NEVER_NS)
    window = make(Shape.FIXED, align)
    now = 777 * SECOND
    window.book(now, now, 15)
    align.set(1_790_000_000 * SECOND, SECOND // 100)
    assert window.used(now + 1) == 15


def test_a_clock_that_was_set_moves_the_counts_along() -> None:
    align = Alignment(0, SECOND // 100)
    window = make(Shape.FIXED, align)
    now = 5 * SECOND + 1000 * WINDOW
    window.book(now, now, 12)
    align.set(123_456_789 * WINDOW + SECOND, align.error_ns)
    assert window.used(now + SECOND) == 12
    assert window.used(now + 2 * WINDOW) == 0


def test_edges_that_move_are_told_once() -> None:
    align = Alignment(error_ns=NEVER_NS)
    assert not align.moved()
    align.set(SECOND, 50_000_000)
    assert align.moved() and not align.moved()
    align.set(SECOND, 49_500_000)
    assert not align.moved()
    align.set(SECOND + 700_000, 49_500_000)  # little by little
    assert align.moved()
    align.set(SECOND - 40_000_000, 49_500_000)
    assert align.moved()


def test_a_better_measurement_loses_and_doubles_nothing() -> None:
    align = Alignment(SECOND, SECOND)
    window = make(Shape.FIXED, align)
    now = 5 * SECOND
    for step in range(10):
        window.book(now, now, 1)
        align.set(SECOND + step * 1_000_000, SECOND - step * 50_000_000)
    assert window.used(now) == 10


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, kept=st.sampled_from([0.0, 0.5, 3.0, 16.0, 20.0]), fractions=st.booleans())
def test_a_promised_wait_admits(shape: Shape, seed: int, kept: float, fractions: bool) -> None:
    """With nothing in flight a wait is a promise: at that moment, and no call in between, the call fits."""
    rng = random.Random(seed)
    align, true = offsets(rng)
    window = make(shape, align)
    traffic = Traffic(rng, shape, window, Truth(true), fractions=fractions)
    for _ in range(rng.randrange(1, 80)):
        traffic.step()
    traffic.land(
        traffic.now + 3 * WINDOW if rng.random() < 0.1 else max([traffic.now, *(f[0] for f in traffic.flying)])
    )
    if abs(window.in_flight) < 1e-6:
        window.in_flight = 0.0  # as the ledger does
    units = rng.choice([0.3, 1.0, 7.0, 13.7, 20.0])
    wait = window.wait_ns(traffic.now, units, kept)
    assert wait is not None
    assert 0 <= wait <= 3 * WINDOW
    assert window.wait_ns(traffic.now + wait, units, kept) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_wait_is_not_longer_than_it_must_be(shape: Shape) -> None:
    window = make(shape, Alignment())
    start = 1000 * WINDOW + SECOND
    window.book(start, start, 20)
    wait = window.wait_ns(start, 1, 0)
    expected = {Shape.FIXED: WINDOW - SECOND, Shape.SLIDING: WINDOW, Shape.DECAYING: WINDOW // 20}[shape]
    assert wait == pytest.approx(expected, abs=10_000)
    assert wait is not None
    assert window.wait_ns(start + wait - 10_000, 1, 0) != 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("units", [1.0, 0.3, 4.0])
def test_one_who_always_asks_gets_the_whole_budget(shape: Shape, units: float) -> None:
    window = make(shape, Alignment(12_345, 0))
    start = now = 1000 * WINDOW - 12_345
    windows = 25
    taken = 0.0
    while now < start + windows * WINDOW:
        wait = window.wait_ns(now, units, 0)
        assert wait is not None
        if wait:
            now += wait
        else:
            window.in_flight += units
            window.in_flight = 0.0
            window.book(now, now, units)
            taken += units
            now += 1_000_000
    budget = (
        windows * math.floor(CAPACITY / units + 1e-9) * units if shape is not Shape.DECAYING else windows * CAPACITY
    )
    assert taken >= 0.98 * budget
    slack = CAPACITY if shape is Shape.DECAYING else 0  # it starts with a full bucket
    assert taken <= budget + slack + units


def test_steady_traffic_uses_a_sliding_window_too() -> None:
    """Slices round against us by a 256th at most, not by a whole burst."""
    window = make(Shape.SLIDING, capacity=1000)
    now, taken = 0, 0
    while now < 20 * WINDOW:
        if window.wait_ns(now, 1, 0) == 0:
            window.book(now, now, 1)
            taken += 1
        now += WINDOW // 1100
    assert taken >= 0.98 * 20 * 1000


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_kept_stays_free(shape: Shape) -> None:
    window = make(shape)
    now = 1000 * WINDOW
    taken = 0
    while window.wait_ns(now, 1, 5.0) == 0:
        window.book(now, now, 1)
        taken += 1
    assert taken == 15
    for _ in range(5):
        assert window.wait_ns(now, 1, 0.0) == 0
        window.book(now, now, 1)
    assert window.wait_ns(now, 1, 0.0) != 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_dear_call_goes_when_all_is_idle_although_it_leaves_less_than_kept(shape: Shape) -> None:
    window = make(shape)
    now = 1000 * WINDOW
    assert window.wait_ns(now, 18, 5.0) == 0
    window.book(now, now, 1)
    wait = window.wait_ns(now, 18, 5.0)
    assert wait is not None and wait > 0
    assert window.wait_ns(now + wait, 18, 5.0) == 0


@pytest.mark.parametrize("shape", [*SHAPES, Shape.INFLIGHT])
def test_dearer_than_the_limit_is_never_let_in(shape: Shape) -> None:
    """And is told so at once: nothing that ends or passes could make room."""
    window = make(shape)
    assert window.wait_ns(0, 20.1, 0) == NEVER_NS
    window.in_flight = 3
    assert window.wait_ns(0, 20.1, 0) == NEVER_NS
    window.book(0, 0, 20)
    assert window.wait_ns(10**19, 21, 0) == NEVER_NS


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_in_flight_count_and_only_their_end_makes_room(shape: Shape) -> None:
    window = make(shape)
    now = 1000 * WINDOW
    window.in_flight = 20
    assert window.used(now) == 20
    assert window.wait_ns(now, 1, 0) is None
    assert window.wait_ns(now + 100 * WINDOW, 1, 0) is None
    window.in_flight = 0  # not sent: given back
    assert window.wait_ns(now, 1, 0) == 0


def test_a_call_in_flight_over_an_edge_counts_on_both_sides() -> None:
    window = make(Shape.FIXED)
    edge = 1000 * WINDOW
    window.book(edge - 1, edge + 1, 20)
    assert window.used(edge - 1) == window.used(edge + 1) == 20
    assert window.wait_ns(edge + 1, 1, 0) == WINDOW - 1


def test_an_unsure_clock_counts_near_the_edge_on_both_sides() -> None:
    window = make(Shape.FIXED, Alignment(0, SECOND))
    edge = 1000 * WINDOW
    window.book(edge - SECOND // 2, edge - SECOND // 2, 20)
    assert window.used(edge + 2 * SECOND) == 20
    far = make(Shape.FIXED, Alignment(0, SECOND))
    far.book(edge - 2 * SECOND, edge - 2 * SECOND, 20)
    assert far.used(edge + 2 * SECOND) == 0


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, told=st.floats(0, 40))
def test_tell_raises_and_never_lowers(shape: Shape, seed: int, told: float) -> None:
    rng = random.Random(seed)
    window = make(shape, Alignment())
    traffic = Traffic(rng, shape, window, Truth())
    for _ in range(20):
        traffic.step()
    traffic.land(max([traffic.now, *(f[0] for f in traffic.flying)]))
    window.in_flight = 0.0
    now = traffic.now // WINDOW * WINDOW + WINDOW // 2 + WINDOW
    before = window.used(now)
    window.tell(now - 1, now, told)
    after = window.used(now)
    assert after >= before
    assert after >= told - 1e-3
    assert after <= max(before, told) + 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_what_others_used_stays_under_our_own_later_calls(shape: Shape) -> None:
    """Another program at the same address: its units and ours add up, also when an answer has no header."""
    window = make(shape)
    now = 1000 * WINDOW
    window.book(now, now, 2)
    window.tell(now, now, 12)  # ten by others
    window.book(now, now, 3)
    assert window.used(now) == pytest.approx(15)


def test_a_count_from_near_an_edge_speaks_for_neither_window() -> None:
    window = make(Shape.FIXED)
    edge = 1000 * WINDOW
    window.tell(edge - 5, edge + 5, 20)
    assert window.used(edge + 5) == 0


def test_a_count_from_before_rows_expired_does_not_bring_them_back() -> None:
    """The answer to a call that was in flight while a burst left the window still reports the burst."""
    window = make(Shape.SLIDING)
    start = 1000 * WINDOW
    window.book(start, start, 15)
    taken = start + WINDOW - 5
    window.in_flight = 1
    answered = start + WINDOW + 5
    window.in_flight = 0
    window.book(taken, answered, 1)
    window.tell(taken, answered, 16)
    assert window.used(answered) == 1


def test_a_count_speaks_for_both_while_the_edges_are_unknown() -> None:
    window = make(Shape.FIXED, Alignment(error_ns=NEVER_NS))
    window.book(0, 0, 2)
    window.tell(0, 0, 15)
    assert window.used(0) == 15
    window.book(0, 0, 1)
    assert window.used(0) == 16


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_numbers_at_huge_times(shape: Shape) -> None:
    """A float would be hundreds of ns off at Unix time, and a promise of 1 ns would be broken."""
    now = 2**63 + 12_345
    window = make(shape, Alignment())
    window.book(now, now, 20)
    wait = window.wait_ns(now, 1, 0)
    assert isinstance(wait, int)
    if shape is not Shape.DECAYING:
        assert window.wait_ns(now + wait - 1, 1, 0) == 1
    assert window.wait_ns(now + wait, 1, 0) == 0


def test_fractions_add_up_to_the_capacity() -> None:
    for shape in SHAPES:
        window = make(shape, capacity=0.3)
        for _ in range(3):
            assert window.wait_ns(10, 0.1, 0) == 0, shape
            window.book(10, 10, 0.1)
        assert window.wait_ns(10, 0.1, 0) != 0, shape


def test_a_long_window_does_not_remember_each_call() -> None:
    for shape in (Shape.FIXED, Shape.SLIDING):
        window = make(shape, capacity=1e9)
        assert isinstance(window, FixedWindow | SlidingWindow)
        for now in range(0, 5 * WINDOW, WINDOW // 5000):
            window.book(now, now, 1)
            window.used(now)
        if isinstance(window, SlidingWindow):
            assert len(window._rows) <= 1030 and len(window._gone) <= 1030
        else:
            assert len(window._rows) <= 2 * 260
            assert len(window._booked) <= 6


def test_in_flight_caps_what_has_no_answer() -> None:
    window = make(Shape.INFLIGHT, capacity=2, window_ns=0)
    assert isinstance(window, InFlight)
    window.in_flight = 1
    assert window.wait_ns(0, 1, 0) == 0
    window.in_flight = 2
    assert window.wait_ns(0, 1, 0) is None
    window.in_flight = 0
    window.book(0, 1, 1)
    window.tell(0, 1, 50)
    assert window.used(1) == 0


def test_a_decaying_counter_falls_evenly() -> None:
    counter = DecayingCounter(20, 40 * SECOND)
    counter.book(0, 0, 20)
    assert counter.used(10 * SECOND) == pytest.approx(15)
    assert counter.wait_ns(10 * SECOND, 6, 0) == pytest.approx(2 * SECOND, abs=10_000)
    assert counter.used(41 * SECOND) == 0


def test_the_sliding_truth_here_is_right() -> None:
    """The slow count itself, against the definition."""
    rows = [(1, 1.0), (5, 2.0), (WINDOW, 1.0), (WINDOW + 1, 4.0), (WINDOW + 5, 1.0)]
    truth = Truth(rows=rows)
    times = [at for at, _ in rows]
    by_definition = max(
        sum(units for at, units in rows if end - WINDOW < at <= end) for end in times if bisect_left(times, end) >= 0
    )
    assert truth.most(Shape.SLIDING) == by_definition
