import logging

import pytest

from proxy.limits.capacities import Capacities
from proxy.limits.fixed_window import Alignment
from proxy.limits.ledger import MemoryLedger
from proxy.limits.window import Window
from proxy.limits.windows import window_for
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape, Usage
from tests.fakes import FakeClock

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
WEIGHT = Limit("weight", Scope.ADDRESS, Shape.FIXED, 1200, MINUTE)
RAW = Limit("raw", Scope.ADDRESS, Shape.FIXED, 9000, 5 * MINUTE)
ORDERS = Limit("orders", Scope.ACCOUNT, Shape.FIXED, 100, MINUTE)


@pytest.fixture
def capacities() -> Capacities:
    return Capacities()


def window(limit: Limit = WEIGHT) -> Window:
    return window_for(limit, Alignment())


def test_a_refusal_below_the_limit_lowers_it_for_an_hour(
    capacities: Capacities, caplog: pytest.LogCaptureFixture
) -> None:
    weight = window()
    capacities.refused(0, weight_at(weight, 600))
    assert weight.capacity == 600
    capacities.refused(1, weight_at(weight, 599))  # an answer that overtook another
    assert weight.capacity == 599
    assert [r.getMessage() for r in caplog.records] == ["weight: refused at 600 of 1200: counts as lowered for an hour"]
    capacities.fit(HOUR, weight, WEIGHT)
    assert weight.capacity == 599
    capacities.fit(HOUR + 1, weight, WEIGHT)
    assert weight.capacity == 1200 and not capacities.taught


def weight_at(weight: Window, counted: float) -> dict[Window, tuple[Limit, float]]:
    return {weight: (WEIGHT, counted)}


@pytest.mark.parametrize("counted", [1200, 1300, 299, 0])
def test_a_refusal_that_the_limit_explains_or_cannot_explain_teaches_nothing(
    capacities: Capacities, counted: float
) -> None:
    """At the limit somebody miscounted by a few; far below it, another limit that is not told of was meant."""
    weight = window()
    capacities.refused(0, weight_at(weight, counted))
    assert weight.capacity == 1200 and not capacities.taught


def test_of_several_limits_the_fullest_is_meant(capacities: Capacities) -> None:
    weight, raw = window(), window(RAW)
    capacities.refused(0, {weight: (WEIGHT, 600), raw: (RAW, 4000)})
    assert (weight.capacity, raw.capacity) == (600, 9000)
    capacities.refused(0, {weight: (WEIGHT, 600), raw: (RAW, 9001)})
    assert (weight.capacity, raw.capacity) == (600, 9000)


def test_a_capacity_that_is_told_ends_the_guess(capacities: Capacities) -> None:
    weight = window()
    capacities.refused(0, weight_at(weight, 600))
    capacities.learn(1, weight, WEIGHT, 800)
    assert weight.capacity == 800


def test_what_is_announced_holds_for_who_begins_later_but_not_for_whom_more_is_known(
    capacities: Capacities, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert capacities.announce("binance", "weight", 2400) and not capacities.announce("binance", "weight", 2400)
    later, known, other = window(), window(), window()
    capacities.learn(0, known, WEIGHT, 600)
    for one in (later, known):
        capacities.begin(0, one, WEIGHT, "binance")
    capacities.begin(0, other, WEIGHT, "kraken")
    assert (later.capacity, known.capacity, other.capacity) == (2400, 600, 1200)
    assert "the exchange tells that weight is 600; the table says 1200" in caplog.text


def test_what_is_forgotten_is_as_the_table_says(capacities: Capacities) -> None:
    weight = window()
    capacities.learn(0, weight, WEIGHT, 600)
    capacities.forget(weight)
    capacities.fit(0, weight, WEIGHT)
    assert weight.capacity == 1200


def burst(ledger: MemoryLedger, limit: Limit, true: int, count: int = 0) -> int:
    """Calls without end until the ledger stops them, at an exchange that takes `true` a window; how many it refused."""
    wanted = Ask("x", "main", CallClass.READ, (Charge(limit, 1),), (KeyRoutes("k", ("192.0.2.1",)),))
    permits: list[Permit] = []
    while isinstance(found := ledger.acquire(wanted), Permit):
        permits.append(found)
        if len(permits) == 20:
            count, refused = answer(ledger, permits, limit, true, count)
            if refused:
                return refused
    assert isinstance(found, NotUntil)
    return answer(ledger, permits, limit, true, count)[1]


def answer(ledger: MemoryLedger, permits: list[Permit], limit: Limit, true: int, count: int) -> tuple[int, int]:
    refused = 0
    for permit in permits:
        count += 1
        over = count > true
        refused += over
        blame = limit.scope if over else None
        ledger.settle(permit, sent=True, well=not over, usage=[Usage(limit.name, count)], refused=blame)
    permits.clear()
    return count, refused


@pytest.mark.parametrize("limit", [WEIGHT, ORDERS])
def test_a_limit_that_was_halved_without_a_word_is_overrun_once(limit: Limit) -> None:
    clock = FakeClock(now_ns=1000 * MINUTE)
    ledger = MemoryLedger(clock)
    ledger.alignment("x").set(0, 0)
    assert burst(ledger, limit, int(limit.capacity)) == 0
    half = int(limit.capacity) // 2
    clock.advance(MINUTE)
    assert 0 < burst(ledger, limit, half) <= 20
    for _ in range(3):
        clock.advance(MINUTE)
        assert burst(ledger, limit, half) == 0
    state = ledger.state()
    again = MemoryLedger(clock)
    again.restore(state, 0)
    clock.advance(MINUTE + SECOND)
    assert burst(again, limit, half) == 0
    clock.advance(HOUR)
    assert burst(again, limit, half) > 0  # perhaps it was raised again: found out at the price of one burst


def test_a_refusal_that_names_its_limit_says_nothing_of_the_others() -> None:
    """Too many orders in ten seconds: that the day's count stands at a third does not make this its end."""
    clock = FakeClock(now_ns=1000 * MINUTE)
    ledger = MemoryLedger(clock)
    ledger.alignment("x").set(0, 0)
    day = Limit("day", Scope.ACCOUNT, Shape.FIXED, 900, 1440 * MINUTE)
    charges = (Charge(ORDERS, 1), Charge(day, 1))
    permit = ledger.acquire(Ask("x", "main", CallClass.PLACE, charges, (KeyRoutes("k", ("192.0.2.1",)),)))
    assert isinstance(permit, Permit)
    usage = [Usage("orders", capacity=50), Usage("day", 301)]
    ledger.settle(permit, sent=True, well=False, usage=usage, refused=Scope.ACCOUNT)
    assert {row.limit: row.capacity for row in ledger.snapshot().counters} == {"orders": 50, "day": 900}


def test_a_refusal_without_a_count_or_of_another_scope_teaches_nothing() -> None:
    clock = FakeClock(now_ns=1000 * MINUTE)
    ledger = MemoryLedger(clock)
    ledger.alignment("x").set(0, 0)
    wanted = Ask("x", "main", CallClass.READ, (Charge(WEIGHT, 1),), (KeyRoutes("k", ("192.0.2.1",)),))
    for usage, blame in (([], Scope.ADDRESS), ([Usage("weight", 700)], Scope.ACCOUNT), ([Usage("weight", 700)], None)):
        permit = ledger.acquire(wanted)
        assert isinstance(permit, Permit)
        ledger.settle(permit, sent=True, well=False, usage=usage, refused=blame)
    (counter,) = ledger.snapshot().counters
    assert counter.capacity == 1200
