"""A count that falls, against the exchange's own: with give-backs, jittered flights, and other programs."""

import json
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.ledger import MemoryLedger
from proxy.limits.windows import window_for
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, Permit, Scope, Shape, Usage
from tests.fakes import FakeClock

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
WINDOW = 10 * SECOND
CAPACITY = 20.0
ORDERS = Limit("orders", Scope.ACCOUNT, Shape.FIXED, CAPACITY, WINDOW, falls=True)
GROSS = Limit("orders", Scope.ACCOUNT, Shape.FIXED, CAPACITY, WINDOW)
START = 1000 * WINDOW + SECOND


@dataclass
class Flight:
    answered_ns: int
    taken_ns: int
    units: float
    told: float
    sure: bool


@dataclass
class Exchange:
    """Counts what arrives, and gives back; events are put in as they will happen and played in order of time."""

    offset_ns: int = 0
    count: float = 0.0
    number: int = -1
    highest: float = 0.0

    def at(self, now_ns: int) -> float:
        number = (now_ns + self.offset_ns) // WINDOW
        if number != self.number:
            self.number, self.count = number, 0.0
        return self.count

    def add(self, now_ns: int, units: float) -> float:
        self.count = max(self.at(now_ns) + units, 0.0)
        self.highest = max(self.highest, self.count)
        return self.count


@dataclass
class Traffic:
    """Calls as fast as the window lets them, arriving some time in their flights, many of which fill."""

    rng: random.Random
    window: FixedWindow
    exchange: Exchange
    fills: float = 0.7
    lost: float = 0.0
    now: int = START
    events: list[tuple[int, int, Flight | None, float]] = field(default_factory=list)  # arrivals and give-backs
    flying: list[Flight] = field(default_factory=list)
    granted: int = 0
    numbers: int = 0

    def plan(self, at_ns: int, flight: Flight | None, units: float) -> None:
        self.numbers += 1
        self.events.append((at_ns, self.numbers, flight, units))
        self.events.sort(key=lambda row: row[:2])

    def go_to(self, until_ns: int) -> None:
        """Everything that happens until then, in order: at the exchange first, where both are at the same moment."""
        while True:
            event = self.events[0][0] if self.events else until_ns + 1
            answer = min(self.flying, key=lambda row: row.answered_ns, default=None)
            if event <= min(until_ns, answer.answered_ns if answer is not None else until_ns):
                at_ns, _, flight, units = self.events.pop(0)
                count = self.exchange.add(at_ns, units)
                if flight is not None:
                    flight.told = count
            elif answer is not None and answer.answered_ns <= until_ns:
                self.flying.remove(answer)
                self.settle(answer)
            else:
                break
        self.now = until_ns

    def settle(self, flight: Flight) -> None:
        """As the ledger does."""
        self.window.in_flight -= flight.units
        self.window.book(flight.taken_ns, flight.answered_ns, flight.units)
        if not flight.sure:
            if isinstance(self.window, FallingWindow):
                self.window.note_unsure(flight.answered_ns, flight.units)
            return
        self.window.tell(flight.taken_ns, flight.answered_ns, flight.told)
        if isinstance(self.window, FallingWindow):
            self.window.lower(flight.taken_ns, flight.answered_ns, flight.told, flight.units)

    def step(self) -> None:
        rng = self.rng
        self.go_to(self.now + rng.choice([1, 1, rng.randrange(1, SECOND // 10), rng.randrange(1, 2 * SECOND)]))
        units = rng.choice([1.0, 1.0, 2.0])
        wait = self.window.wait_ns(self.now, units, 0.0)
        if wait and rng.random() < 0.3:
            self.go_to(self.now + wait)  # the tightest moment
            wait = self.window.wait_ns(self.now, units, 0.0)
        if wait == 0:
            self.window.in_flight += units
            self.granted += 1
            length = rng.choice([2, rng.randrange(2, SECOND // 20), rng.randrange(2, 3 * SECOND)])
            arrives = self.now + rng.choice([1, rng.randrange(1, length), length - 1])
            sure = rng.random() >= self.lost
            flight = Flight(self.now + length, self.now, units, 0.0, sure)
            if not sure:  # we gave up waiting, and it arrives later still, though within the window
                end = ((flight.answered_ns + self.exchange.offset_ns) // WINDOW + 1) * WINDOW - self.exchange.offset_ns
                arrives = rng.choice([arrives, rng.randrange(flight.answered_ns, end)])
            self.flying.append(flight)
            self.plan(arrives, flight if sure else None, units)
            if rng.random() < self.fills:
                later = rng.choice([0, rng.randrange(SECOND // 10), rng.randrange(5 * SECOND)])
                self.plan(arrives + later, None, -units)


def sides(rng: random.Random, limit: Limit = ORDERS) -> tuple[FixedWindow, Exchange]:
    """A window, and an exchange whose clock is no further from what we believe than we admit."""
    error = rng.choice([0, rng.randrange(SECOND // 10), rng.randrange(SECOND)])
    true = rng.randrange(10**18)
    window = window_for(limit, Alignment(true + rng.randint(-error, error), error))
    assert isinstance(window, FixedWindow)
    return window, Exchange(true)


@pytest.mark.parametrize("lost", [0.0, 0.1])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_the_exchange_never_counts_more_than_its_limit(seed: int, lost: float) -> None:
    rng = random.Random(seed)
    traffic = Traffic(rng, *sides(rng), fills=rng.choice([0.0, 0.5, 1.0]))
    traffic.lost = lost
    for _ in range(200):
        traffic.step()
    assert traffic.exchange.highest <= CAPACITY
    assert traffic.granted > 10


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_what_other_programs_use_is_not_forgotten(seed: int) -> None:
    """They come between our bursts. A burst of which all answers are here has told of them."""
    rng = random.Random(seed)
    window = falling()
    traffic = Traffic(rng, window, Exchange())
    checked = 0
    for _ in range(60):
        began, granted = traffic.now // WINDOW, traffic.granted
        traffic.exchange.add(traffic.now, float(rng.randrange(6)))
        for _ in range(rng.randrange(1, 6)):
            traffic.step()
        traffic.go_to(max([traffic.now, *(row.answered_ns for row in traffic.flying)]))
        if traffic.now // WINDOW == began and traffic.granted > granted:
            assert window.used(traffic.now) >= traffic.exchange.at(traffic.now) - 1e-6
            checked += 1
    assert checked > 5


def test_give_backs_are_used() -> None:
    granted = {}
    for limit in (ORDERS, GROSS):
        window = window_for(limit, Alignment())
        assert isinstance(window, FixedWindow)
        traffic = Traffic(random.Random(7), window, Exchange(), fills=0.9)
        for _ in range(3000):
            traffic.step()
        granted[limit.falls] = traffic.granted / ((traffic.now - START) / WINDOW)
        assert traffic.exchange.highest <= CAPACITY
    assert granted[False] <= CAPACITY
    assert granted[True] > 1.5 * granted[False]


def falling() -> FallingWindow:
    window = window_for(ORDERS, Alignment())
    assert isinstance(window, FallingWindow)
    return window


def test_only_what_is_flagged_falls() -> None:
    assert type(window_for(GROSS, Alignment())) is FixedWindow


def test_a_lower_count_is_taken_over() -> None:
    window = falling()
    for n in range(5):
        window.book(START + n, START + n, 1)
    window.book(START + 10, START + 11, 1)
    window.lower(START + 10, START + 11, 2, 1)  # four of the first five were filled
    assert window.used(START + 11) == 2


def test_what_may_have_come_after_the_count_stays() -> None:
    """In flight now, and answered since the telling call was taken."""
    window = falling()
    window.book(START, START, 6)
    window.book(START + 1, START + 20, 3)  # answered during the flight of the one that tells
    window.in_flight = 4
    window.book(START + 10, START + 30, 1)
    window.lower(START + 10, START + 30, 2, 1)
    assert window.used(START + 30) == 2 + 3 + 4


def test_an_older_answer_does_not_undo_what_a_newer_one_told_of_others() -> None:
    window = falling()
    window.in_flight = 1  # taken at START, counted as the first, answered last
    window.book(START + 3, START + 5, 1)
    window.tell(START + 3, START + 5, 17)  # others came in between
    window.lower(START + 3, START + 5, 17, 1)
    window.in_flight = 0
    window.book(START, START + 6, 1)
    window.tell(START, START + 6, 1)
    window.lower(START, START + 6, 1, 1)
    assert window.used(START + 6) >= 17


def test_a_call_without_an_answer_may_arrive_for_a_minute() -> None:
    day = window_for(Limit("orders", Scope.ACCOUNT, Shape.FIXED, 100, 8640 * WINDOW, falls=True), Alignment())
    assert isinstance(day, FallingWindow)
    day.book(START, START, 5)
    day.note_unsure(START, 5)
    soon, later = START + 30 * SECOND, START + 61 * SECOND
    day.book(soon, soon + 1, 1)
    day.lower(soon, soon + 1, 1, 1)
    assert day.used(soon + 1) == 6
    day.book(later, later + 1, 1)
    day.lower(later, later + 1, 1, 1)
    assert day.used(later + 1) == 1


@pytest.mark.parametrize(
    ("align", "taken", "answered"),
    [
        (Alignment(0, 2 * SECOND), START + SECOND // 2, START + 3 * SECOND),
        (Alignment(0, 2 * SECOND), START + 7 * SECOND, START + 8 * SECOND),
        (Alignment(error_ns=WINDOW), START, START + SECOND),
    ],
    ids=["taken near an edge", "answered near an edge", "edges unknown"],
)
def test_a_call_that_may_belong_to_two_windows_lowers_nothing(align: Alignment, taken: int, answered: int) -> None:
    window = window_for(ORDERS, align)
    assert isinstance(window, FallingWindow)
    window.book(taken - 20, taken - 10, 8)
    assert window.used(answered) == 8
    window.lower(taken, answered, 0, 0)
    assert window.used(answered) == 8


def test_a_clock_that_has_just_moved_lowers_nothing() -> None:
    align = Alignment()
    window = window_for(ORDERS, align)
    assert isinstance(window, FallingWindow)
    window.book(START - 20, START - 10, 8)
    assert window.used(START) == 8
    align.set(3 * SECOND, 0)
    window.lower(START, START + 1, 0, 0)
    assert window.used(START + 1) == 8


def test_the_highest_count_heard_falls_too() -> None:
    window = falling()
    window.in_flight = 5
    window.tell(START, START + 1, 5)  # calls in flight that the exchange has counted
    window.in_flight = 0  # and that end without being booked
    assert window.used(START + 2) == 5
    window.lower(START + 2, START + 3, 2, 0)
    assert window.used(START + 3) == 2


def test_an_answer_that_took_too_long_lowers_nothing() -> None:
    """What was answered during its flight is no longer known one by one."""
    day = window_for(Limit("orders", Scope.ACCOUNT, Shape.FIXED, 100, 8640 * WINDOW, falls=True), Alignment())
    assert isinstance(day, FallingWindow)
    day.book(START + 5, START + 10, 6)
    answered = START + 200 * SECOND
    day.book(START, answered, 1)
    day.lower(START, answered, 1, 1)
    assert day.used(answered) == 7


def test_what_was_given_back_does_not_come_back_with_a_restart() -> None:
    window = falling()
    window.book(START, START, 18)
    window.book(START + 5, START + 6, 1)
    window.lower(START + 5, START + 6, 3, 1)
    again = falling()
    again.restore(json.loads(json.dumps(window.state(START + 7))), START + 7)
    assert again.used(START + 8) == 3


def test_after_a_restart_nothing_falls_for_a_minute() -> None:
    """Calls of the former process may have been under way."""
    day = window_for(Limit("orders", Scope.ACCOUNT, Shape.FIXED, 100, 8640 * WINDOW, falls=True), Alignment())
    assert isinstance(day, FallingWindow)
    day.restore({"rows": [(0, 0, 9)]}, START)
    for at, left in ((START + SECOND, 9), (START + 61 * SECOND, 0)):
        assert day.used(at) == 9
        day.lower(at, at + 1, 0, 0)
        assert day.used(at + 1) == left


# -- in the ledger ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ns=START)


@pytest.fixture
def ledger(clock: FakeClock) -> MemoryLedger:
    found = MemoryLedger(clock)
    found.alignment("binance").set(0, 0)
    return found


def take(ledger: MemoryLedger, *charges: Charge) -> Permit:
    found = ledger.acquire(Ask("binance", "main", CallClass.PLACE, charges, (KeyRoutes("a", ("192.0.2.1",)),)))
    assert isinstance(found, Permit)
    return found


def used(ledger: MemoryLedger) -> float:
    return sum(row.used for row in ledger.snapshot().counters)


def orders(ledger: MemoryLedger, clock: FakeClock, count: int) -> None:
    for _ in range(count):
        permit = take(ledger, Charge(ORDERS, 1))
        clock.advance(1000)
        ledger.settle(permit, sent=True, well=True, accepted=True)
        clock.advance(1000)


def test_an_accepted_order_that_tells_less_makes_room(ledger: MemoryLedger, clock: FakeClock) -> None:
    orders(ledger, clock, 15)
    permit = take(ledger, Charge(ORDERS, 1))
    clock.advance(1000)
    assert ledger.settle(permit, sent=True, well=True, accepted=True, usage=[Usage("orders", 4)]) is True
    assert used(ledger) == 4


@pytest.mark.parametrize("accepted", [False, True])
def test_a_refused_call_lowers_nothing(ledger: MemoryLedger, clock: FakeClock, accepted: bool) -> None:
    """Whether its own units are in the count is not known."""
    orders(ledger, clock, 15)
    permit = take(ledger, Charge(ORDERS, 1))
    clock.advance(1000)
    ledger.settle(permit, sent=True, well=True, accepted=accepted, usage=[Usage("orders", 4)])
    assert used(ledger) == (4 if accepted else 16)


def test_a_question_about_the_counts_lowers_them_too(ledger: MemoryLedger, clock: FakeClock) -> None:
    """It costs nothing on the limits that it tells of, and tells the account's own capacity."""
    orders(ledger, clock, 15)
    permit = take(ledger)
    clock.advance(1000)
    told = [Usage("orders", 4, 60), Usage("unheard of", 7, 8)]
    assert ledger.settle(permit, sent=True, well=True, accepted=True, usage=told) is True
    (row,) = ledger.snapshot().counters
    assert (row.used, row.capacity) == (4, 60)


def test_what_is_told_elsewhere_may_end_a_wait_early(ledger: MemoryLedger, clock: FakeClock) -> None:
    orders(ledger, clock, 15)
    for told, eased in ((4, True), (4, False), (9, False)):
        permit = take(ledger)
        clock.advance(1000)
        usage = [Usage("orders", told)]
        assert ledger.settle(permit, sent=True, well=True, accepted=True, usage=usage) is eased


def test_a_call_with_an_unknown_outcome_is_kept_although_a_later_answer_tells_less(
    ledger: MemoryLedger, clock: FakeClock
) -> None:
    lost = take(ledger, Charge(ORDERS, 5))
    clock.advance(1000)
    ledger.settle(lost, sent=True, well=False)
    clock.advance(1000)
    permit = take(ledger, Charge(ORDERS, 1))
    clock.advance(1000)
    ledger.settle(permit, sent=True, well=True, accepted=True, usage=[Usage("orders", 1)])
    assert used(ledger) == 6


def test_it_still_falls_after_a_restart(ledger: MemoryLedger, clock: FakeClock) -> None:
    day = Limit("orders", Scope.ACCOUNT, Shape.FIXED, 100, 8640 * WINDOW, falls=True)
    permit = take(ledger, Charge(day, 40))
    ledger.settle(permit, sent=True, well=True, accepted=True)
    again = MemoryLedger(clock)
    again.restore(json.loads(json.dumps(ledger.state())), 0)
    clock.advance(2 * MINUTE)
    permit = take(again, Charge(day, 1))
    clock.advance(1000)
    again.settle(permit, sent=True, well=True, accepted=True, usage=[Usage("orders", 1)])
    assert used(again) == 1
