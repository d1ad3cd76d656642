import random

import pytest

from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.strangers import Strangers

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def heard(*rows: tuple[int, int, float], flight_ms: int = 100, capacity: float = 1200) -> Strangers:
    """Strangers after answers: window number, seconds into it, units of others."""
    strangers = Strangers(MINUTE)
    for number, age_s, units in rows:
        strangers.heard(number, age_s * SECOND, flight_ms * 1_000_000, units, capacity)
    return strangers


def test_before_the_first_answer_nothing_is_left_free() -> None:
    assert heard().margin == 0


def test_the_first_window_leaves_a_little_to_whom_we_have_not_seen() -> None:
    assert heard((7, 3, 0)).margin == 4
    assert heard((7, 3, 0), capacity=100).margin == 0
    second = heard((7, 3, 0), (8, 3, 0))
    assert second.margin == 0 and not second.known


def test_what_was_there_before_us_is_no_rate() -> None:
    """A process that was started anew finds what the one before took."""
    assert heard((7, 3, 600)).margin == 4


def test_the_margin_is_what_may_come_during_two_flights() -> None:
    """4 units a second for 0.2 s are 0.8 on average, and 0.8 + 3 * 0.9 at most nearly always."""
    strangers = heard((7, 3, 0), (8, 30, 120))
    assert strangers.margin == 4 and strangers.known
    assert heard((7, 3, 0), (8, 30, 120), flight_ms=1000).margin > 10


def test_a_few_early_units_are_no_rate_yet() -> None:
    assert heard((7, 3, 0), (8, 0, 1)).margin < 4


def test_what_was_seen_in_the_last_window_counts_in_this_one_and_no_longer() -> None:
    assert heard((7, 3, 0), (8, 30, 120), (9, 1, 0)).margin == 4
    assert heard((7, 3, 0), (8, 30, 120), (9, 1, 0), (10, 1, 0)).margin == 0
    assert heard((7, 3, 0), (8, 30, 120), (11, 1, 0)).margin == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_window_shared_with_a_stranger_is_not_overrun(seed: int) -> None:
    """We take all we can get, one after the other; the stranger comes at random, and only answers tell of it."""
    rng = random.Random(seed)
    window = FixedWindow(300, MINUTE, Alignment())
    now, count, number = 1000 * MINUTE, 0, 1000
    overrun = [0, 0]  # of the first window, which begins with the stranger, and of the later ones
    next_ns = now
    ours = 0

    def arrive(at_ns: int) -> None:
        nonlocal count, number, next_ns
        while next_ns <= at_ns:
            if next_ns // MINUTE != number:
                number, count = next_ns // MINUTE, 0
            count += count < 300  # it stops at the limit as well
            next_ns += int(rng.expovariate(2) * SECOND)
        if at_ns // MINUTE != number:
            number, count = at_ns // MINUTE, 0

    while now < 1005 * MINUTE:
        wait = window.wait_ns(now, 1, 0)
        assert wait is not None
        if wait:
            now += wait
            continue
        window.in_flight += 1
        arrived, answered = now + rng.randrange(SECOND // 20), now + SECOND // 20 + rng.randrange(SECOND // 20)
        arrive(arrived)
        count += 1
        overrun[number > 1000] += count > 300
        ours += 1
        told = count
        window.in_flight -= 1
        window.book(now, answered, 1)
        window.tell(now, answered, told)
        now = answered
    assert overrun[1] == 0
    assert overrun[0] <= 1
    assert ours > 5 * (300 - 2 * 25 - 15)  # a window lasts us some 25 s, in which it takes about 50
