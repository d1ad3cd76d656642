"""Limits that turn out to count by account: what shows it, what does not, and that nothing is lost in between."""

import json
import logging
import random
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.limits.coupling import Couplings, unexplained
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Route, Scope, Shape, Usage
from tests.fakes import FakeClock

MS = 1_000_000
SECOND = 1000 * MS
HOUR = 3600 * SECOND
ORDERS = Limit("orders", Scope.KEY, Shape.SLIDING, 15, 100 * MS, per="endpoint")
HISTORY = Limit("history", Scope.KEY, Shape.SLIDING, 1, SECOND)
PAIR = ("main", "orders")


def ask(
    limit: Limit = ORDERS,
    *,
    keys: tuple[str, ...] = ("a", "b", "c"),
    detail: str = "place",
    units: float = 1,
    account: str = "main",
    more: tuple[Charge, ...] = (),
) -> Ask:
    routes = tuple(KeyRoutes(key, ("192.0.2.1", "192.0.2.2")) for key in keys)
    return Ask("x", account, CallClass.PLACE, (Charge(limit, units, detail), *more), routes, "POST /place")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(clock: FakeClock) -> MemoryLedger:
    return MemoryLedger(clock)


def take(ledger: MemoryLedger, wanted: Ask) -> Permit:
    found = ledger.acquire(wanted)
    assert isinstance(found, Permit), found
    return found


def use(ledger: MemoryLedger, times: int, wanted: Ask) -> None:
    for permit in [take(ledger, wanted) for _ in range(times)]:
        ledger.settle(permit, sent=True, well=True)


def refuse(ledger: MemoryLedger, key: str, wanted: Ask | None = None) -> Scope:
    """One more call of a key, which the exchange refuses."""
    wanted = wanted or ask(keys=(key,))
    permit = take(ledger, wanted)
    assert permit.route.key == key
    scope = ledger.blame(permit)
    ledger.settle(permit, sent=True, well=False)
    return scope


def used(ledger: MemoryLedger) -> dict[tuple[str, str, str], float]:
    return {(row.scope.value, row.name, row.detail): row.used for row in ledger.snapshot().counters}


def couple(ledger: MemoryLedger) -> None:
    use(ledger, 15, ask())
    refuse(ledger, "a")
    refuse(ledger, "b")
    assert ledger.coupled == {PAIR}


# -- what shows it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "together", "capacity", "shown"),
    [
        (5, 16, 15, True),
        (7, 16, 15, True),
        (8, 16, 15, False),  # the key may have been at an undocumented, lower limit
        (5, 15, 15, False),  # all keys together were within what one may
        (0, 2, 1, True),  # one call a second, and it was the other key's
        (0, 1, 1, False),
        (1, 4, 3, True),  # two keys of which each had two of three
    ],
)
def test_what_a_refusal_shows(before: float, together: float, capacity: float, shown: bool) -> None:
    assert unexplained(before, together, capacity) is shown


def test_two_keys_bear_witness(ledger: MemoryLedger, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    use(ledger, 15, ask())
    assert refuse(ledger, "a") is Scope.KEY
    assert ledger.coupled == frozenset()
    assert caplog.text == ""
    assert refuse(ledger, "b") is Scope.ACCOUNT
    assert ledger.coupled == {PAIR}
    clock.advance(SECOND)
    assert refuse(ledger, "c") is Scope.ACCOUNT
    said = [record.getMessage() for record in caplog.records]
    assert said == ["main: orders is counted by account, not by key: more keys add nothing to it"]


def test_one_key_is_no_witness_however_often(ledger: MemoryLedger, clock: FakeClock) -> None:
    """Another program with the same key: its own counter is fuller than we know, and the others' are not."""
    for _ in range(20):
        use(ledger, 15, ask())
        assert refuse(ledger, "a") is Scope.KEY
        clock.advance(SECOND)
    assert ledger.coupled == frozenset()


def test_witnesses_are_forgotten(ledger: MemoryLedger, clock: FakeClock) -> None:
    use(ledger, 15, ask())
    refuse(ledger, "a")
    clock.advance(601 * SECOND)
    use(ledger, 15, ask())
    refuse(ledger, "b")
    assert ledger.coupled == frozenset()


def test_without_other_traffic_nothing_is_learned(ledger: MemoryLedger, clock: FakeClock) -> None:
    for key in ("a", "b", "c") * 3:
        refuse(ledger, key)
        clock.advance(SECOND)
    assert ledger.coupled == frozenset()


def test_a_key_that_was_busy_itself_shows_nothing(ledger: MemoryLedger) -> None:
    for key in ("a", "b"):
        use(ledger, 12, ask(keys=(key,)))
    assert [refuse(ledger, key) for key in ("a", "b")] == [Scope.KEY, Scope.KEY]
    assert ledger.coupled == frozenset()


def test_what_was_used_counts_as_it_was_when_the_call_was_sent(ledger: MemoryLedger) -> None:
    """A burst is answered when all of it has left: the early ones were sent with room."""
    burst = [take(ledger, ask()) for _ in range(45)]
    assert [ledger.blame(permit) for permit in burst[15:17]] == [Scope.KEY, Scope.ACCOUNT]


def test_late_ones_of_a_burst_show_nothing(ledger: MemoryLedger) -> None:
    burst = [take(ledger, ask()) for _ in range(45)]
    assert {ledger.blame(permit) for permit in burst[24:]} == {Scope.KEY}


def test_one_call_a_second(ledger: MemoryLedger) -> None:
    wanted = ask(HISTORY, detail="")
    use(ledger, 1, wanted)
    assert refuse(ledger, "b", wanted) is Scope.KEY
    assert refuse(ledger, "c", wanted) is Scope.ACCOUNT
    assert ledger.coupled == {("main", "history")}


def test_calls_in_flight_are_no_limit_of_this_kind(ledger: MemoryLedger) -> None:
    cap = Limit("in_flight", Scope.KEY, Shape.INFLIGHT, 1, 0)
    burst = [take(ledger, ask(cap, detail="")) for _ in range(3)]
    assert {ledger.blame(permit) for permit in burst} == {Scope.KEY}


def test_other_accounts_and_limits_stay_as_they_are(ledger: MemoryLedger) -> None:
    other, reads = ask(account="other"), ask(HISTORY, detail="")
    use(ledger, 3, other)
    use(ledger, 2, reads)
    couple(ledger)
    assert take(ledger, reads).route.key is not None
    use(ledger, 42, other)
    assert {row.scope for row in ledger.snapshot().counters if row.owner == "other"} == {Scope.KEY}


# -- what follows ----------------------------------------------------------------------------------------------


def test_all_keys_share_one_counter_then(ledger: MemoryLedger, clock: FakeClock) -> None:
    couple(ledger)
    assert used(ledger) == {("account", "", "place"): 16}  # 15 of all keys were booked at most, one was in flight
    found = ledger.acquire(ask())
    assert isinstance(found, NotUntil)
    assert (found.scope, found.what, found.wait_ns) == (Scope.ACCOUNT, "orders", 100 * MS)
    clock.advance(100 * MS)
    routes = {take(ledger, ask()).route for _ in range(15)}
    assert {route.key for route in routes} == {"a", "b", "c"}  # keys still take turns
    found = ledger.acquire(ask(keys=("c",)))
    assert isinstance(found, NotUntil)
    assert found.scope is Scope.ACCOUNT


def test_details_are_counted_apart_as_before(ledger: MemoryLedger) -> None:
    use(ledger, 6, ask(detail="cancel"))
    couple(ledger)
    assert used(ledger) == {("account", "", "place"): 16, ("account", "", "cancel"): 6}
    use(ledger, 9, ask(detail="cancel"))
    assert isinstance(ledger.acquire(ask(detail="cancel")), NotUntil)


def test_an_ask_that_was_planned_before_follows(ledger: MemoryLedger, clock: FakeClock) -> None:
    wanted = ask()
    use(ledger, 15, wanted)
    refuse(ledger, "a")
    refuse(ledger, "b")
    found = ledger.acquire(wanted)
    assert isinstance(found, NotUntil)
    assert found.scope is Scope.ACCOUNT


def test_calls_in_flight_go_on_in_the_shared_counter(ledger: MemoryLedger, clock: FakeClock) -> None:
    flying = [take(ledger, ask()) for _ in range(18)]
    for permit in flying[16:]:
        ledger.blame(permit)
    assert used(ledger) == {("account", "", "place"): 18}
    clock.advance(500 * MS)
    assert isinstance(ledger.acquire(ask()), NotUntil)
    for permit in flying[:5]:
        ledger.settle(permit, sent=False, well=False)  # never left
    assert used(ledger) == {("account", "", "place"): 13}
    for permit in flying[5:]:
        ledger.settle(permit, sent=True, well=True)
    clock.advance(99 * MS)
    assert used(ledger) == {("account", "", "place"): 13}
    clock.advance(MS)
    assert used(ledger) == {("account", "", "place"): 0}


def test_a_capacity_that_was_told_holds_for_the_account(ledger: MemoryLedger, clock: FakeClock) -> None:
    told = (Usage("orders", 1, capacity=12),)
    for _ in range(15):
        ledger.settle(take(ledger, ask()), sent=True, well=True, usage=told)
    assert [refuse(ledger, key) for key in ("a", "b")] == [Scope.KEY, Scope.ACCOUNT]
    clock.advance(SECOND)
    use(ledger, 12, ask())
    assert isinstance(ledger.acquire(ask()), NotUntil)


def test_units_taken_are_not_lost(ledger: MemoryLedger, clock: FakeClock) -> None:
    couple(ledger)
    assert sum(ledger.snapshot().units.values()) == 17
    ledger.state()
    clock.advance(SECOND)
    use(ledger, 4, ask())
    units = ledger.snapshot().units
    assert units["orders", "account", "main"] == 4
    assert sum(units.values()) == 21
    ledger.state()  # a saving begins `lately` anew
    clock.advance(SECOND)
    use(ledger, 1, ask())
    assert ledger.snapshot().units["orders", "account", "main"] == 5


# -- how long --------------------------------------------------------------------------------------------------


def test_it_ends_and_is_learned_anew_for_longer(ledger: MemoryLedger, clock: FakeClock) -> None:
    lasted = []
    for _ in range(7):
        couple(ledger)
        began = clock.now_ns()
        while ledger.coupled:
            clock.advance(600 * SECOND)
            use(ledger, 1, ask())
            ledger.state()
        lasted.append((clock.now_ns() - began) / HOUR)
        clock.advance(SECOND)
        ledger.state()
        assert {row.scope for row in ledger.snapshot().counters} <= {Scope.KEY}
    assert lasted == [1, 2, 4, 8, 16, 24, 24]


def test_at_the_end_each_key_may_have_used_it_all(ledger: MemoryLedger, clock: FakeClock) -> None:
    couple(ledger)
    clock.advance(HOUR)
    use(ledger, 9, ask())
    ledger.state()
    assert ledger.coupled == frozenset()
    for key in ("a", "b", "c"):
        use(ledger, 6, ask(keys=(key,)))
        assert isinstance(ledger.acquire(ask(keys=(key,))), NotUntil)


def restarted(ledger: MemoryLedger, clock: FakeClock, down_ns: int = 0) -> MemoryLedger:
    state = json.loads(json.dumps(ledger.state()))
    clock.advance(down_ns)
    again = MemoryLedger(clock)
    again.restore(state, down_ns)
    return again


def test_it_outlives_a_restart(ledger: MemoryLedger, clock: FakeClock) -> None:
    couple(ledger)
    again = restarted(ledger, clock, 10 * MS)
    assert again.coupled == {PAIR}
    found = again.acquire(ask())
    assert isinstance(found, NotUntil)
    assert (found.scope, found.wait_ns) == (Scope.ACCOUNT, 90 * MS)
    clock.advance(HOUR)
    again.state()
    assert again.coupled == frozenset()


def test_it_may_end_while_nobody_runs(ledger: MemoryLedger, clock: FakeClock) -> None:
    couple(ledger)
    again = restarted(ledger, clock, 2 * HOUR)
    assert again.coupled == frozenset()
    couple(again)
    clock.advance(2 * HOUR - SECOND)  # the second term is twice the first, restart or not
    again.state()
    assert again.coupled == {PAIR}


def test_keys_that_were_busy_before_a_restart_are_known_after_it(ledger: MemoryLedger, clock: FakeClock) -> None:
    use(ledger, 15, ask())
    again = restarted(ledger, clock)
    assert [refuse(again, key) for key in ("a", "b")] == [Scope.KEY, Scope.ACCOUNT]


def test_a_state_of_an_older_version(ledger: MemoryLedger, clock: FakeClock) -> None:
    state = ledger.state()
    del state["coupled"]
    again = MemoryLedger(clock)
    again.restore(state, 0)
    assert again.coupled == frozenset()


def test_a_bad_state_is_refused_whole() -> None:
    found = Couplings()
    for rows in ([["main", "orders", 5]], [["main", "orders", HOUR, HOUR], ["main", "x", None, 1]], 7):
        with pytest.raises((TypeError, ValueError)):
            found.restore(rows, 0, 0)  # type: ignore[arg-type]  # as a file may have it
        assert found.pairs == set()
    found.restore([["main", "orders", 1 << 70, 1 << 70]], 0, 0)
    assert found.end(25 * HOUR)


# -- against an exchange ---------------------------------------------------------------------------------------


@dataclass
class Truth:
    """An exchange that counts what arrives, by key or by account. Refused calls do not count."""

    by_account: bool
    capacity: int = 15
    strangers: tuple[str, ...] = ()  # keys that another program uses as much as it can
    _times: dict[str, list[int]] = field(default_factory=dict)

    def admits(self, route: Route, now_ns: int) -> bool:
        subject = "" if self.by_account else str(route.key)
        times = [at for at in self._times.get(subject, []) if at > now_ns - ORDERS.window_ns]
        self._times[subject] = times
        if len(times) + (self.capacity if route.key in self.strangers else 0) >= self.capacity:
            return False
        times.append(now_ns)
        return True


@dataclass
class Run:
    coupled_ns: int | None = None
    refused_ns: list[int] = field(default_factory=list)  # when the refused calls were taken
    together: int = 0  # the most that was under way or just counted at once


def full_load(seed: int, truth: Truth, keys: int, delay_ms: int, calls: int = 300) -> Run:
    """As many calls as the ledger lets out, each with its own way there and back. Who is refused rests for a second."""
    dice, clock, run = random.Random(seed), FakeClock(), Run()
    ledger = MemoryLedger(clock)
    wanted = ask(keys=tuple(f"k{n}" for n in range(keys)))
    events: list[tuple[int, int, Permit, bool | None]] = []
    number = 0
    while number < calls:
        now = clock.now_ns()
        while events and events[0][0] <= now:
            at_ns, _, permit, admitted = heappop(events)
            if admitted is None:
                back_ns = at_ns + dice.randint(0, delay_ms * MS)
                heappush(events, (back_ns, permit.id + calls, permit, truth.admits(permit.route, at_ns)))
                continue
            if not admitted:
                run.refused_ns.append(permit.taken_ns)
                whole = ledger.blame(permit) is Scope.ACCOUNT
                if whole and run.coupled_ns is None:
                    run.coupled_ns = now
                rests = ("account", "main") if whole else ("key", "main", str(permit.route.key))
                ledger.block(rests, SECOND, "throttled")
            ledger.settle(permit, sent=True, well=admitted)
        for _ in range(dice.choice((0, 1, 3, 50))):
            found = ledger.acquire(wanted)
            if isinstance(found, NotUntil):
                run.together = max(run.together, int(sum(row.used for row in ledger.snapshot().counters)))
                break
            number += 1
            heappush(events, (now + dice.randint(0, delay_ms * MS), found.id, found, None))
        clock.advance(dice.randint(1, 8) * MS if not events else max(events[0][0] - now, MS))
    return run


SEEDS = st.integers(0, 2**32)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, keys=st.integers(2, 6), delay_ms=st.sampled_from([1, 20, 150, 400]))
def test_an_exchange_that_counts_by_key_is_never_misread(seed: int, keys: int, delay_ms: int) -> None:
    run = full_load(seed, Truth(by_account=False), keys, delay_ms)
    assert run.refused_ns == []
    assert run.coupled_ns is None
    assert run.together > 15  # a count over all keys would have been exceeded


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, keys=st.integers(2, 6), capacity=st.integers(9, 14))
def test_a_capacity_lower_than_told_is_not_misread(seed: int, keys: int, capacity: int) -> None:
    """As long as calls arrive in order: one that was overtaken by a burst of its own key looks as if it had room."""
    run = full_load(seed, Truth(by_account=False, capacity=capacity), keys, 0)
    assert run.refused_ns
    assert run.coupled_ns is None


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, keys=st.integers(2, 6), delay_ms=st.sampled_from([1, 20, 150]))
def test_another_program_with_one_of_the_keys_is_not_misread(seed: int, keys: int, delay_ms: int) -> None:
    run = full_load(seed, Truth(by_account=False, strangers=("k0",)), keys, delay_ms)
    assert run.refused_ns
    assert run.coupled_ns is None


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, keys=st.integers(2, 6), delay_ms=st.sampled_from([1, 20, 60, 150]))
def test_an_exchange_that_counts_by_account_is_found_out_and_kept_to(seed: int, keys: int, delay_ms: int) -> None:
    run = full_load(seed, Truth(by_account=True), keys, delay_ms)
    assert run.coupled_ns is not None
    assert [at for at in run.refused_ns if at >= run.coupled_ns] == []
