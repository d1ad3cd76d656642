"""What of the counters outlives a process, and capacities that the exchange names."""

import json
from typing import Any

import pytest

from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape, Usage
from tests.fakes import FakeClock

SECOND = 1_000_000_000
WINDOW = 10 * SECOND
SHAPES = [Shape.FIXED, Shape.SLIDING, Shape.DECAYING]


def limit(shape: Shape, capacity: float = 20, window_ns: int = WINDOW, per: str = "") -> Limit:
    return Limit("orders", Scope.ADDRESS, shape, capacity, window_ns, per)


def wanted(of: Limit, units: float = 1.0, account: str = "main", detail: str = "") -> Ask:
    routes = (KeyRoutes("a", ("192.0.2.1",)),)
    return Ask("binance", account, CallClass.PLACE, (Charge(of, units, detail),), routes)


def take(ledger: MemoryLedger, of: Limit, units: float = 1.0) -> Permit:
    found = ledger.acquire(wanted(of, units))
    assert isinstance(found, Permit), found
    return found


def call(ledger: MemoryLedger, of: Limit, units: float = 1.0, capacity: float | None = None) -> None:
    usage = [] if capacity is None else [Usage("orders", units, capacity)]
    ledger.settle(take(ledger, of, units), sent=True, well=True, usage=usage)


def wait_ns(ledger: MemoryLedger, of: Limit, units: float = 1.0, account: str = "main") -> int | None:
    found = ledger.acquire(wanted(of, units, account))
    if isinstance(found, NotUntil):
        return found.wait_ns
    ledger.settle(found, sent=False, well=True)
    return 0


def fresh(clock: FakeClock, state: dict[str, Any], down_ns: int = 0, *, clean: bool = True) -> MemoryLedger:
    ledger = MemoryLedger(clock)
    ledger.restore(json.loads(json.dumps(state)), down_ns, clean=clean)
    return ledger


def counted(ledger: MemoryLedger) -> tuple[float, float]:
    (row,) = ledger.snapshot().counters
    return row.used, row.capacity


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(clock: FakeClock) -> MemoryLedger:
    found = MemoryLedger(clock)
    found.alignment("binance").set(clock.wall_ms() * 1_000_000 - clock.now_ns(), 0)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_used_is_used_still(ledger: MemoryLedger, clock: FakeClock, shape: Shape) -> None:
    call(ledger, limit(shape), 12)
    state = ledger.state()
    used = counted(fresh(clock, state))[0]
    assert used == pytest.approx(12)
    clock.advance(2 * SECOND)
    again = fresh(clock, state, 2 * SECOND)
    assert counted(again)[0] == counted(ledger)[0] == (pytest.approx(8) if shape is Shape.DECAYING else 12)
    clock.advance(2 * WINDOW)
    assert counted(again)[0] == counted(fresh(clock, state, 2 * SECOND + 2 * WINDOW))[0] == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_the_wait_is_the_same_before_and_after(ledger: MemoryLedger, clock: FakeClock, shape: Shape) -> None:
    call(ledger, limit(shape), 12)
    clock.advance(SECOND)
    call(ledger, limit(shape), 8)
    clock.advance(SECOND // 2)
    before = wait_ns(ledger, limit(shape), 11)
    after = wait_ns(fresh(clock, ledger.state()), limit(shape), 11)
    assert before and after
    assert 0 <= after - before <= 5_000_000  # a fixed window's edge is known less well by a millisecond or two


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_in_flight_count_as_booked_when_the_new_process_starts(
    ledger: MemoryLedger, clock: FakeClock, shape: Shape
) -> None:
    take(ledger, limit(shape), 9)
    state = ledger.state()
    clock.advance(WINDOW)
    again = fresh(clock, state, WINDOW)
    assert counted(again)[0] == pytest.approx(9)
    call(again, limit(shape), 11)  # in flight means: not any more
    assert wait_ns(again, limit(shape)) is not None
    clock.advance(65 * SECOND)
    assert counted(fresh(clock, state, 65 * SECOND + WINDOW))[0] == 0  # a minute later they have arrived long since


def test_calls_without_an_answer_end_with_their_process(ledger: MemoryLedger, clock: FakeClock) -> None:
    one = Limit("orders", Scope.ADDRESS, Shape.INFLIGHT, 1, 0)
    take(ledger, one)
    assert wait_ns(ledger, one) is None
    assert wait_ns(fresh(clock, ledger.state()), one) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_after_a_crash_what_was_taken_between_two_savings_counts_once_more(
    ledger: MemoryLedger, clock: FakeClock, shape: Shape
) -> None:
    slow = limit(shape, 1000, 86_400 * SECOND)
    for units in (3, 7, 2):
        call(ledger, slow, units)
        clock.advance(SECOND)
        state = ledger.state()
    assert counted(fresh(clock, state, clean=True))[0] == pytest.approx(12, abs=0.1)
    assert counted(fresh(clock, state, clean=False))[0] == pytest.approx(12 + 7, abs=0.1)


def test_the_margin_of_a_crash_ends_at_the_capacity_and_is_forgotten_after_minutes(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    slow = limit(Shape.SLIDING, 20, 600 * SECOND)
    call(ledger, slow, 15)
    assert counted(fresh(clock, ledger.state(), clean=False))[0] == 20
    for _ in range(3):
        clock.advance(60 * SECOND)
        call(ledger, slow)
        state = ledger.state()
    assert counted(fresh(clock, state, clean=False))[0] == 18 + 1


def test_told_counts_are_kept(ledger: MemoryLedger, clock: FakeClock) -> None:
    for shape in SHAPES:
        ledger.settle(take(ledger, limit(shape)), sent=True, well=True, usage=[Usage("orders", 15)])
        assert counted(fresh(clock, ledger.state()))[0] >= 14.9
        clock.advance(3 * WINDOW)
        ledger = MemoryLedger(clock)


def test_what_is_told_is_kept_although_our_own_calls_were_given_back(ledger: MemoryLedger, clock: FakeClock) -> None:
    other = take(ledger, limit(Shape.FIXED), 5)
    ledger.settle(take(ledger, limit(Shape.FIXED)), sent=True, well=True, usage=[Usage("orders", 6)])
    ledger.settle(other, sent=False, well=True)
    assert counted(ledger)[0] == counted(fresh(clock, ledger.state()))[0] == 6


def test_idle_counters_are_not_kept(ledger: MemoryLedger, clock: FakeClock) -> None:
    call(ledger, limit(Shape.SLIDING))
    assert len(ledger.state()["counters"]) == 1
    clock.advance(200 * SECOND)
    assert ledger.state()["counters"] == []


def test_a_table_that_counts_in_another_shape_today_takes_over_what_is_used(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    call(ledger, limit(Shape.SLIDING), 15)
    again = fresh(clock, ledger.state())
    longer = limit(Shape.SLIDING, 20, 60 * SECOND)
    assert wait_ns(again, longer, 6) == 60 * SECOND
    assert wait_ns(again, longer, 5) == 0


def test_without_any_knowledge_short_limits_begin_used_up_and_long_ones_do_not(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    ledger.assume_used()
    clock.advance(SECOND)
    assert wait_ns(ledger, limit(Shape.SLIDING)) == WINDOW - SECOND
    clock.advance(WINDOW - SECOND)
    assert wait_ns(ledger, limit(Shape.SLIDING), 20) == 0
    day = Limit("day", Scope.ADDRESS, Shape.SLIDING, 20, 86_400 * SECOND)
    assert wait_ns(ledger, day, 20) == 0


@pytest.mark.parametrize("told", [5.0, 50.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_capacity_that_the_exchange_names_holds_from_then_on(
    ledger: MemoryLedger, clock: FakeClock, shape: Shape, told: float
) -> None:
    call(ledger, limit(shape), 1, capacity=told)
    assert counted(ledger) == pytest.approx((1, told))
    assert wait_ns(ledger, limit(shape), told - 1) == 0
    assert wait_ns(ledger, limit(shape), told - 0.9) != 0
    for found in (ledger, fresh(clock, ledger.state())):
        assert wait_ns(found, limit(shape), told - 1) == 0
        assert wait_ns(found, limit(shape), told - 0.9) != 0
        assert counted(found) == pytest.approx((1, told))
    clock.advance(1000 * SECOND)
    assert counted(fresh(clock, ledger.state(), 0))[1] == told  # an idle one too


def test_a_table_or_configuration_that_says_less_wins_again(ledger: MemoryLedger) -> None:
    call(ledger, limit(Shape.SLIDING), 1, capacity=50)
    assert wait_ns(ledger, limit(Shape.SLIDING, 10), 9.5, account="careful") != 0
    assert wait_ns(ledger, limit(Shape.SLIDING, 10), 9, account="careful") == 0
    assert wait_ns(ledger, limit(Shape.SLIDING), 49) == 0


@pytest.mark.parametrize("nonsense", [0.0, -1.0, float("nan"), float("inf")])
def test_capacities_that_cannot_be_are_left_out(ledger: MemoryLedger, nonsense: float) -> None:
    call(ledger, limit(Shape.DECAYING), 1, capacity=nonsense)
    assert counted(ledger)[1] == 20


def test_units_in_a_decaying_counter_stay_when_its_capacity_changes(ledger: MemoryLedger, clock: FakeClock) -> None:
    call(ledger, limit(Shape.DECAYING), 16)
    call(ledger, limit(Shape.DECAYING), 1, capacity=40)
    assert counted(ledger) == pytest.approx((17, 40))
    clock.advance(SECOND)
    assert counted(ledger)[0] == pytest.approx(13)  # and drain at the new pace


def announce(ledger: MemoryLedger, capacity: float, exchange: str = "binance") -> None:
    """With the answer to a call that costs nothing."""
    found = ledger.acquire(Ask(exchange, "", CallClass.PUBLIC, (), (KeyRoutes(None, ("192.0.2.9",)),)))
    assert isinstance(found, Permit)
    ledger.settle(found, sent=True, well=True, usage=[Usage("orders", capacity=capacity, everywhere=True)])


def test_what_is_announced_holds_for_counters_before_and_after(ledger: MemoryLedger, clock: FakeClock) -> None:
    call(ledger, limit(Shape.SLIDING), 1)
    announce(ledger, 7)
    announce(ledger, 99, "kraken")
    assert counted(ledger) == (1, 7)
    clock.advance(3 * WINDOW)
    other = MemoryLedger(clock)
    announce(other, 7)
    call(other, limit(Shape.SLIDING), 1)
    assert counted(other) == (1, 7)
    assert wait_ns(other, limit(Shape.SLIDING), 7) not in (None, 0)
    assert wait_ns(other, limit(Shape.SLIDING), 6) == 0


@pytest.mark.parametrize("nonsense", [0, -1, float("nan"), float("inf")])
def test_nonsense_is_not_taken_for_an_announcement(ledger: MemoryLedger, nonsense: float) -> None:
    call(ledger, limit(Shape.SLIDING), 1)
    announce(ledger, nonsense)
    assert counted(ledger) == (1, 20)


def test_what_was_told_of_one_stays_when_something_else_is_announced(ledger: MemoryLedger) -> None:
    """An account may have more, or less, than the general rule says."""
    call(ledger, limit(Shape.SLIDING), 1, capacity=300)
    announce(ledger, 7)
    assert counted(ledger) == (1, 300)


@pytest.mark.parametrize(("own", "told", "holds"), [(40, 60, 40), (40, 30, 30), (400, 60, 60)])
@pytest.mark.parametrize("announced", [False, True])
def test_the_operators_own_limit_is_only_lowered(
    ledger: MemoryLedger, own: float, told: float, holds: float, announced: bool
) -> None:
    mine = Limit("orders", Scope.ADDRESS, Shape.SLIDING, own, WINDOW, own=True)
    call(ledger, mine, 1, capacity=None if announced else told)
    if announced:
        announce(ledger, told)
    assert counted(ledger) == (1, holds)


def test_what_was_announced_before_a_restart_gives_way_to_what_is_announced_now(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    call(ledger, limit(Shape.SLIDING), 1)
    announce(ledger, 7)
    again = fresh(clock, ledger.state())
    assert counted(again) == (1, 7)
    announce(again, 12)
    assert counted(again) == (1, 12)
