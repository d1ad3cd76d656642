import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.limits import counters as counters_module
from proxy.limits.blocks import FOREVER_NS, Subject
from proxy.limits.fixed_window import Alignment
from proxy.limits.ledger import MemoryLedger
from proxy.limits.windows import SlidingWindow
from proxy.model import (
    Ask,
    CallClass,
    Charge,
    KeyRoutes,
    Limit,
    NotUntil,
    Permit,
    Route,
    Scope,
    Shape,
    Usage,
)
from tests.fakes import FakeClock

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
WEIGHT = Limit("weight", Scope.ADDRESS, Shape.FIXED, 100, MINUTE)
CALLS = Limit("calls", Scope.KEY, Shape.SLIDING, 10, 10 * SECOND)
ORDERS = Limit("orders", Scope.ACCOUNT, Shape.SLIDING, 50, 10 * SECOND)
BY_SYMBOL = Limit("engine", Scope.ACCOUNT, Shape.SLIDING, 5, MINUTE, per="symbol")
ONE_AT_A_TIME = Limit("in_flight", Scope.KEY, Shape.INFLIGHT, 1, 0)
ADDRESSES = tuple(f"192.0.2.{n}" for n in range(1, 21))


def routes(keys: Iterable[str | None], addresses: Iterable[str] = ADDRESSES) -> tuple[KeyRoutes, ...]:
    return tuple(KeyRoutes(key, tuple(addresses)) for key in keys)


def ask(
    *charges: Charge,
    keys: Iterable[str | None] = ("a", "b", "c"),
    addresses: Iterable[str] = ADDRESSES,
    account: str = "main",
    exchange: str = "binance",
    call_class: CallClass = CallClass.READ,
) -> Ask:
    return Ask(exchange, account, call_class, charges, routes(keys, addresses), f"row-{call_class}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ns=1000 * MINUTE)


@pytest.fixture
def ledger(clock: FakeClock) -> MemoryLedger:
    found = MemoryLedger(clock)
    for exchange in ("binance", "kraken"):
        align: Alignment = found.alignment(exchange)
        align.set(align.offset_ns, 0)
    return found


def take(ledger: MemoryLedger, wanted: Ask) -> Permit:
    found = ledger.acquire(wanted)
    assert isinstance(found, Permit), found
    return found


def call(ledger: MemoryLedger, wanted: Ask) -> Route:
    permit = take(ledger, wanted)
    ledger.settle(permit, sent=True, well=True)
    return permit.route


def refused(ledger: MemoryLedger, wanted: Ask) -> NotUntil:
    found = ledger.acquire(wanted)
    assert isinstance(found, NotUntil), found
    return found


def used(ledger: MemoryLedger) -> dict[tuple[str, ...], float]:
    return {(c.limit, c.owner, c.name, c.detail): c.used for c in ledger.snapshot().counters if c.used}


def test_a_permit_takes_all_scopes_at_once(ledger: MemoryLedger) -> None:
    permit = take(ledger, ask(Charge(WEIGHT, 20), Charge(CALLS, 1), Charge(ORDERS, 5), keys=["a"]))
    taken = {
        ("weight", "binance", permit.route.address, ""): 20,
        ("calls", "main", "a", ""): 1,
        ("orders", "main", "", ""): 5,
    }
    assert used(ledger) == taken
    assert permit.remaining == pytest.approx(0.8)
    ledger.settle(permit, sent=True, well=True)
    assert used(ledger) == taken


@pytest.mark.parametrize("full", [WEIGHT, CALLS, ORDERS], ids=lambda limit: limit.name)
def test_a_refusal_takes_nothing(ledger: MemoryLedger, full: Limit) -> None:
    call(ledger, ask(Charge(full, full.capacity), keys=["a"], addresses=["192.0.2.1"]))
    before = used(ledger)
    charges = [Charge(limit, 1) for limit in (WEIGHT, CALLS, ORDERS)]
    found = refused(ledger, ask(*charges, keys=["a"], addresses=["192.0.2.1"]))
    assert used(ledger) == before
    assert (found.scope, found.what) == (full.scope, full.name)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([1, 5, 30, 60]), st.booleans()), max_size=60))
def test_no_scope_is_ever_overdrawn(steps: list[tuple[str, int, bool]]) -> None:
    ledger = MemoryLedger(FakeClock())
    open_permits: list[Permit] = []
    for account, units, settles in steps:
        wanted = ask(
            Charge(WEIGHT, units), Charge(CALLS, 1), Charge(ORDERS, 7), account=account, addresses=ADDRESSES[:3]
        )
        found = ledger.acquire(wanted)
        if isinstance(found, Permit):
            open_permits.append(found)
        if settles and open_permits:
            ledger.settle(open_permits.pop(), sent=units > 5, well=True)
        assert all(c.used <= c.capacity for c in ledger.snapshot().counters)


def test_load_spreads_evenly_over_keys_and_addresses(ledger: MemoryLedger) -> None:
    counts = Counter(call(ledger, ask()) for _ in range(600))
    assert len(counts) == 60
    assert set(counts.values()) == {10}
    assert set(Counter(route.key for route in counts.elements()).values()) == {200}


def test_public_and_pinned_calls_in_between_do_not_turn_the_wheel_back(ledger: MemoryLedger) -> None:
    """Market data between two orders must not put all orders on the first key."""
    keys: Counter[str | None] = Counter()
    addresses: Counter[str] = Counter()
    for _ in range(120):
        call(ledger, ask(keys=[None], call_class=CallClass.PUBLIC))
        call(ledger, ask(keys=["b"]))
        route = call(ledger, ask())
        keys[route.key] += 1
        addresses[route.address] += 1
    assert set(keys.values()) == {40}
    call(ledger, ask(keys=[None], addresses=[ADDRESSES[3]], call_class=CallClass.PUBLIC))
    after = [call(ledger, ask(keys=[None], call_class=CallClass.PUBLIC)).address for _ in range(20)]
    assert set(after) == set(ADDRESSES)


def test_two_classes_in_turn_do_not_share_the_keys_out(ledger: MemoryLedger) -> None:
    placed = Counter()
    for _ in range(40):
        placed[call(ledger, ask(keys=["a", "b"], call_class=CallClass.PLACE)).key] += 1
        call(ledger, ask(keys=["a", "b"]))
    assert placed == {"a": 20, "b": 20}


def test_a_full_address_and_a_full_key_are_passed_over(ledger: MemoryLedger) -> None:
    for _ in range(20):
        call(ledger, ask(Charge(WEIGHT, 100), keys=["a"]))
    assert refused(ledger, ask(Charge(WEIGHT, 1))).wait_ns == MINUTE
    free = ask(Charge(WEIGHT, 1), addresses=["192.0.2.1", "192.0.2.99"])
    assert {call(ledger, free).address for _ in range(10)} == {"192.0.2.99"}
    for _ in range(10):
        call(ledger, ask(Charge(CALLS, 1), keys=["a"]))
    assert {call(ledger, ask(Charge(CALLS, 1), keys=["a", "b"])).key for _ in range(8)} == {"b"}


def test_an_address_counts_for_all_accounts_of_its_exchange_and_for_no_other(ledger: MemoryLedger) -> None:
    here = ["192.0.2.1"]
    call(ledger, ask(Charge(WEIGHT, 100), addresses=here, account="main"))
    found = refused(ledger, ask(Charge(WEIGHT, 1), addresses=here, account="second"))
    assert found.scope is Scope.ADDRESS
    call(ledger, ask(Charge(WEIGHT, 1), addresses=here, account="third", exchange="kraken"))


def test_keys_and_accounts_of_the_same_name_do_not_share_counters(ledger: MemoryLedger) -> None:
    for account in ("main", "second"):
        for _ in range(10):
            call(ledger, ask(Charge(CALLS, 1), Charge(ORDERS, 5), keys=["a"], account=account))


def test_each_symbol_counts_for_itself(ledger: MemoryLedger) -> None:
    call(ledger, ask(Charge(BY_SYMBOL, 5, "XBTUSD")))
    assert refused(ledger, ask(Charge(BY_SYMBOL, 1, "XBTUSD"))).what == "engine"
    call(ledger, ask(Charge(BY_SYMBOL, 5, "ETHUSD")))


@pytest.mark.parametrize(
    "subject",
    [("account", "main"), ("account", "main", "public"), ("key", "main", "a")],
    ids="-".join,
)
def test_a_public_call_uses_addresses_only(ledger: MemoryLedger, subject: Subject) -> None:
    ledger.block(subject, MINUTE, "suspended", probe=True)
    call(ledger, ask(Charge(WEIGHT, 1), keys=[None], call_class=CallClass.PUBLIC))


def test_a_blocked_address_stops_public_calls_too(ledger: MemoryLedger) -> None:
    ledger.block(("address", "binance", "192.0.2.1"), MINUTE, "banned: -1003")
    public = ask(keys=[None], addresses=ADDRESSES[:2], call_class=CallClass.PUBLIC)
    assert {call(ledger, public).address for _ in range(4)} == {"192.0.2.2"}
    found = refused(ledger, ask(keys=[None], addresses=ADDRESSES[:1], call_class=CallClass.PUBLIC))
    assert found == NotUntil(MINUTE, Scope.ADDRESS, "banned: -1003")


def test_a_blocked_pair_stops_only_the_pair(ledger: MemoryLedger) -> None:
    ledger.block(("pair", "main", "a", "192.0.2.1"), MINUTE, "not_whitelisted: -2015")
    wanted = ask(keys=["a", "b"], addresses=ADDRESSES[:2])
    seen = {call(ledger, wanted) for _ in range(20)}
    assert seen == {Route("main", k, a) for k in "ab" for a in ADDRESSES[:2]} - {Route("main", "a", "192.0.2.1")}
    found = refused(ledger, ask(keys=["a"], addresses=ADDRESSES[:1]))
    assert found == NotUntil(MINUTE, Scope.PAIR, "not_whitelisted: -2015")
    call(ledger, ask(keys=["a"], addresses=ADDRESSES[:1], account="second"))


def test_a_class_of_calls_can_rest_alone(ledger: MemoryLedger) -> None:
    ledger.block(("account", "main", CallClass.PLACE), MINUTE, "throttled")
    ledger.block(("key", "main", "a", "row-cancel"), MINUTE, "no permission")
    assert refused(ledger, ask(call_class=CallClass.PLACE)) == NotUntil(MINUTE, Scope.ACCOUNT, "throttled")
    assert {call(ledger, ask(call_class=CallClass.CANCEL)).key for _ in range(6)} == {"b", "c"}
    assert {call(ledger, ask()).key for _ in range(6)} == {"a", "b", "c"}


def test_later_longer_blocks_win(ledger: MemoryLedger, clock: FakeClock) -> None:
    key: Subject = ("key", "main", "a")
    ledger.block(key, MINUTE, "long")
    ledger.block(key, SECOND, "short")
    assert refused(ledger, ask(keys=["a"])).wait_ns == MINUTE
    clock.advance(SECOND)
    ledger.block(key, 2 * MINUTE, "longer")
    assert refused(ledger, ask(keys=["a"])) == NotUntil(2 * MINUTE, Scope.KEY, "longer")


def test_a_dead_key_rests_until_the_operator_acts(ledger: MemoryLedger, clock: FakeClock) -> None:
    ledger.block(("key", "main", "a"), FOREVER_NS, "dead", probe=True)
    clock.advance(400 * 86_400 * SECOND)
    wait = refused(ledger, ask(keys=["a"])).wait_ns
    assert wait is not None and wait > 1 << 61
    assert ledger.snapshot().blocks[0].rest_ns is None
    ledger.unblock(("key", "main", "a"))
    call(ledger, ask(keys=["a"]))


@pytest.mark.parametrize(
    "subject",
    [
        ("address", "binance", "192.0.2.1"),
        ("key", "main", "a"),
        ("key", "main", "a", "row-read"),
        ("account", "main"),
        ("account", "main", "read"),
        ("pair", "main", "a", "192.0.2.1"),
    ],
    ids="-".join,
)
def test_a_suspended_subject_comes_back_through_one_probe(
    ledger: MemoryLedger, clock: FakeClock, subject: Subject
) -> None:
    wanted = ask(keys=["a"], addresses=ADDRESSES[:1])
    ledger.block(subject, SECOND, "suspended", probe=True)
    assert refused(ledger, wanted).wait_ns == SECOND
    clock.advance(SECOND)
    probe = take(ledger, wanted)
    assert refused(ledger, wanted).wait_ns is None
    ledger.settle(probe, sent=True, well=True)
    assert ledger.strikes(subject) == 0
    after = [take(ledger, wanted), take(ledger, wanted)]
    assert refused(ledger, wanted).wait_ns is None
    for permit in after:
        ledger.settle(permit, sent=True, well=True)
    assert len([take(ledger, wanted) for _ in range(4)]) == 4


def test_a_busy_probe_leaves_the_other_keys_alone(ledger: MemoryLedger, clock: FakeClock) -> None:
    ledger.block(("key", "main", "a"), SECOND, "suspended", probe=True)
    clock.advance(SECOND)
    permits = [take(ledger, ask()) for _ in range(9)]
    assert Counter(permit.route.key for permit in permits)["a"] == 1


def test_a_probe_that_never_left_is_tried_again(ledger: MemoryLedger, clock: FakeClock) -> None:
    ledger.block(("key", "main", "a"), SECOND, "suspended", probe=True)
    clock.advance(SECOND)
    ledger.settle(take(ledger, ask(keys=["a"])), sent=False, well=False)
    take(ledger, ask(keys=["a"]))
    assert refused(ledger, ask(keys=["a"])).wait_ns is None


def test_a_good_answer_ends_the_strikes_of_everybody_it_speaks_for(ledger: MemoryLedger, clock: FakeClock) -> None:
    """Else the back-off of an account grows over weeks without a reason."""
    subjects: list[Subject] = [
        ("account", "main", "read"),
        ("key", "main", "a", "row-read"),
        ("address", "binance", "192.0.2.1"),
    ]
    for subject in subjects:
        ledger.block(subject, SECOND, "throttled")
        assert ledger.strikes(subject) == 1
    ledger.block(("account", "main", "place"), SECOND, "throttled")
    clock.advance(SECOND)
    call(ledger, ask(keys=["a"], addresses=ADDRESSES[:1]))
    assert [ledger.strikes(subject) for subject in subjects] == [0, 0, 0]
    assert ledger.strikes(("account", "main", "place")) == 1


def test_settling_twice_counts_once(ledger: MemoryLedger) -> None:
    permit = take(ledger, ask(Charge(ORDERS, 5)))
    ledger.settle(permit, sent=True, well=True)
    ledger.settle(permit, sent=True, well=True, usage=[Usage("orders", 40)])
    ledger.settle(permit, sent=False, well=True)
    assert used(ledger) == {("orders", "main", "", ""): 5}


def test_what_was_not_sent_is_given_back(ledger: MemoryLedger) -> None:
    full = ask(Charge(ORDERS, 50), Charge(WEIGHT, 100), Charge(CALLS, 10), keys=["a"], addresses=ADDRESSES[:1])
    for _ in range(3):
        permit = take(ledger, full)
        assert refused(ledger, full).wait_ns is None
        ledger.settle(permit, sent=False, well=False)
        assert used(ledger) == {}


def test_sums_of_fractions_come_back_to_nothing(ledger: MemoryLedger) -> None:
    """0.1 + 0.2 + 0.3 - 0.1 - 0.2 - 0.3 is not 0, and a counter that seems busy would hold a dear call for ever."""
    permits = [take(ledger, ask(Charge(ORDERS, units))) for units in (0.1, 0.2, 0.3)]
    for permit in permits:
        ledger.settle(permit, sent=False, well=True)
    assert used(ledger) == {}
    take(ledger, ask(Charge(ORDERS, 50, kept=10)))


def test_the_exchanges_own_count_is_taken_over(ledger: MemoryLedger) -> None:
    permit = take(ledger, ask(Charge(WEIGHT, 1), addresses=ADDRESSES[:1]))
    ledger.settle(permit, sent=True, well=True, usage=[Usage("weight", 90), Usage("of another table", 7)])
    assert used(ledger) == {("weight", "binance", "192.0.2.1", ""): 90}
    assert refused(ledger, ask(Charge(WEIGHT, 11), addresses=ADDRESSES[:1])).what == "weight"


def test_the_shortest_wait_is_named_with_its_scope(ledger: MemoryLedger) -> None:
    wanted = ask(keys=["a", "b"], addresses=ADDRESSES[:2])
    ledger.block(("key", "main", "a"), 30 * SECOND, "suspended")
    ledger.block(("address", "binance", ADDRESSES[0]), 20 * SECOND, "banned")
    ledger.block(("pair", "main", "b", ADDRESSES[1]), 10 * SECOND, "not whitelisted")
    assert refused(ledger, wanted) == NotUntil(10 * SECOND, Scope.PAIR, "not whitelisted")
    ledger.block(("account", "main"), SECOND, "suspended")
    assert refused(ledger, wanted) == NotUntil(10 * SECOND, Scope.PAIR, "not whitelisted")  # not before that anyhow
    ledger.block(("account", "main"), 15 * SECOND, "suspended")
    assert refused(ledger, wanted) == NotUntil(15 * SECOND, Scope.ACCOUNT, "suspended")


def test_a_wait_is_for_all_scopes_of_one_route(ledger: MemoryLedger) -> None:
    """The key that is free first has an address that is free last."""
    both = (KeyRoutes("a", ADDRESSES[:1]), KeyRoutes("b", ADDRESSES[1:2]))
    wanted = Ask("binance", "main", CallClass.READ, (), both, "row")
    for subject, seconds in (
        (("key", "main", "a"), 5),
        (("key", "main", "b"), 10),
        (("address", "binance", ADDRESSES[0]), 40),
        (("address", "binance", ADDRESSES[1]), 20),
    ):
        ledger.block(subject, seconds * SECOND, subject[-1])
    assert refused(ledger, wanted) == NotUntil(20 * SECOND, Scope.ADDRESS, ADDRESSES[1])


def test_of_several_limits_the_last_to_open_counts(ledger: MemoryLedger) -> None:
    call(ledger, ask(Charge(CALLS, 10), keys=["a"]))
    long = Limit("long", Scope.KEY, Shape.SLIDING, 1, MINUTE)
    call(ledger, ask(Charge(long, 1), keys=["a"]))
    assert refused(ledger, ask(Charge(CALLS, 1), Charge(long, 1), keys=["a"])) == NotUntil(MINUTE, Scope.KEY, "long")


def test_a_share_that_its_class_has_used_is_not_kept_any_more(ledger: MemoryLedger, clock: FakeClock) -> None:
    """Of 100 units, 30 are for orders. What orders took of them does not narrow the room of reads."""
    order = ask(Charge(WEIGHT, 10, draws="place"), keys=["a"], addresses=ADDRESSES[:1])
    read = ask(Charge(WEIGHT, 1, kept=30, shares=(("place", 30),)), keys=["a"], addresses=ADDRESSES[:1])

    def reads() -> int:
        count = 0
        while isinstance(found := ledger.acquire(read), Permit):
            ledger.settle(found, sent=True, well=True)
            count += 1
        return count

    in_flight = take(ledger, order)
    never_left = take(ledger, order)
    assert reads() == 70  # all that is not for orders, though two of these are under way
    ledger.settle(never_left, sent=False, well=False)
    assert reads() == 0  # what was given back is the orders' again
    ledger.settle(in_flight, sent=True, well=True)
    assert reads() == 0
    call(ledger, order)
    call(ledger, order)
    assert refused(ledger, order).what == "weight"
    clock.advance(MINUTE)
    call(ledger, order)
    assert reads() == 70  # a new window, and only ten drawn yet


def test_a_resting_route_does_not_hide_a_busy_one(ledger: MemoryLedger) -> None:
    """Key a rests for a minute, key b is busy for some milliseconds: the wait is not a minute."""
    wanted = ask(Charge(ONE_AT_A_TIME, 1), keys=["a", "b"])
    ledger.block(("key", "main", "a"), MINUTE, "throttled")
    busy = take(ledger, wanted)
    assert refused(ledger, wanted) == NotUntil(MINUTE, Scope.KEY, "throttled", sooner=True)
    ledger.settle(busy, sent=True, well=True)
    assert call(ledger, wanted).key == "b"


def test_a_dead_route_does_not_hide_a_busy_one(ledger: MemoryLedger) -> None:
    wanted = ask(Charge(ONE_AT_A_TIME, 1), keys=["a", "b"])
    ledger.block(("key", "main", "a"), FOREVER_NS, "dead")
    take(ledger, wanted)
    assert refused(ledger, wanted) == NotUntil(None, Scope.KEY, "in_flight")


def test_a_busy_key_that_rests_as_well_names_the_rest(ledger: MemoryLedger) -> None:
    """Both must pass, so the end of the call in flight alone would change nothing."""
    wanted = ask(Charge(ONE_AT_A_TIME, 1), keys=["a"])
    take(ledger, wanted)
    ledger.block(("key", "main", "a"), MINUTE, "throttled")
    assert refused(ledger, wanted) == NotUntil(MINUTE, Scope.KEY, "throttled")


def test_a_call_without_any_route_is_hopeless_at_once(ledger: MemoryLedger) -> None:
    wait = refused(ledger, ask(keys=[])).wait_ns
    assert wait is not None and wait > 1 << 61


def test_dearer_than_the_limit_is_hopeless_at_once(ledger: MemoryLedger) -> None:
    found = refused(ledger, ask(Charge(ORDERS, 51)))
    assert (found.what, found.wait_ns is not None and found.wait_ns > 1 << 61) == ("orders", True)


def test_a_cap_on_calls_in_flight_says_nothing_about_the_room_left(ledger: MemoryLedger) -> None:
    permit = take(ledger, ask(Charge(ONE_AT_A_TIME, 1), Charge(ORDERS, 5), keys=["a"]))
    assert permit.remaining == pytest.approx(0.9)


def test_accounts_that_share_an_address_may_know_different_limits(ledger: MemoryLedger) -> None:
    """One counter, as the exchange has it; each account's calls are held to the figure that is set for it."""
    careful = Limit("weight", Scope.ADDRESS, Shape.FIXED, 30, MINUTE)
    here = ADDRESSES[:1]
    call(ledger, ask(Charge(WEIGHT, 25), addresses=here))
    call(ledger, ask(Charge(careful, 5), addresses=here, account="second"))
    assert refused(ledger, ask(Charge(careful, 1), addresses=here, account="second")).what == "weight"
    call(ledger, ask(Charge(WEIGHT, 70), addresses=here))
    assert refused(ledger, ask(Charge(WEIGHT, 1), addresses=here)).what == "weight"


def test_the_number_of_counters_is_bounded(
    ledger: MemoryLedger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symbols come from bots."""
    monkeypatch.setattr(counters_module, "_MAX_COUNTERS", 50)
    for n in range(500):
        ledger.acquire(ask(Charge(BY_SYMBOL, 1, f"SYM{n}")))
    assert len(ledger.snapshot().counters) <= 51
    assert refused(ledger, ask(Charge(BY_SYMBOL, 1, "YET ANOTHER"))).what == "engine"


def test_counters_that_stand_at_zero_make_room(
    ledger: MemoryLedger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_module, "_MAX_COUNTERS", 50)
    for n in range(50):
        call(ledger, ask(Charge(BY_SYMBOL, 5, f"OLD{n}")))
    clock.advance(2 * MINUTE)
    for n in range(50):
        call(ledger, ask(Charge(BY_SYMBOL, 5, f"NEW{n}")))
    assert len(ledger.snapshot().counters) <= 51


def test_the_snapshot_names_each_counter(ledger: MemoryLedger) -> None:
    call(ledger, ask(Charge(WEIGHT, 1), Charge(CALLS, 2), Charge(BY_SYMBOL, 3, "XBTUSD"), keys=["a"]))
    shown = {
        (c.limit, c.scope, c.owner, c.name, c.detail, c.used, c.capacity) for c in ledger.snapshot().counters if c.used
    }
    assert shown == {
        ("weight", Scope.ADDRESS, "binance", "192.0.2.1", "", 1, 100),
        ("calls", Scope.KEY, "main", "a", "", 2, 10),
        ("engine", Scope.ACCOUNT, "main", "", "XBTUSD", 3, 5),
    }


def test_usage_of_a_call_in_the_shared_counter_of_too_many_symbols_is_left_out(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_module, "_MAX_COUNTERS", 1)
    call(ledger, ask(Charge(BY_SYMBOL, 1, "A")))
    permit = take(ledger, ask(Charge(BY_SYMBOL, 1, "B")))
    ledger.settle(permit, sent=True, well=True, usage=[Usage("engine", 5)])
    assert used(ledger)[("engine", "main", "", "*")] == 1


def test_an_unproved_limit_takes_one_call_until_a_good_answer(ledger: MemoryLedger, clock: FakeClock) -> None:
    told = replace(WEIGHT, told=True)
    wanted = ask(Charge(told, 1), keys=["a"], addresses=ADDRESSES[:1])
    ledger.prove()
    for well in (False, True):
        permit = take(ledger, wanted)
        assert refused(ledger, wanted) == NotUntil(None, Scope.ADDRESS, "weight")
        ledger.settle(permit, sent=True, well=well)
    permits = [take(ledger, wanted) for _ in range(5)]
    assert len(permits) == 5
    silent = ask(Charge(CALLS, 1), keys=["a"])
    assert take(ledger, silent) and take(ledger, silent)  # no answer would tell
    clock.advance(MINUTE)
    late = ask(Charge(told, 1), keys=["a"], addresses=ADDRESSES[1:2])
    assert take(ledger, late) and take(ledger, late)  # a counter opened later: what others did is long over


def test_a_route_that_rests_is_not_measured(ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """With most routes blocked, a permit costs what the free ones cost."""
    asked: list[int] = []
    measured = SlidingWindow.wait_ns

    def counted(window: SlidingWindow, *args: Any) -> int | None:
        asked.append(id(window))
        return measured(window, *args)

    monkeypatch.setattr(SlidingWindow, "wait_ns", counted)
    for key in ("a", "b"):
        ledger.block(("key", "main", key), FOREVER_NS, "test")
    for _ in range(3):
        assert call(ledger, ask(Charge(CALLS, 1))).key == "c"
    assert len(asked) == 3 and len(set(asked)) == 1


def test_print_what_a_permit_costs(ledger: MemoryLedger) -> None:
    """For people: microseconds by the number of candidates, free and with everything full."""
    for keys, addresses in ((1, 1), (3, 20), (10, 20)):
        names = [f"k{n}" for n in range(keys)]
        wanted = ask(Charge(WEIGHT, 1e-3), Charge(ORDERS, 1e-3), keys=names, addresses=ADDRESSES[:addresses])
        begin = time.perf_counter_ns()
        for _ in range(200):
            call(ledger, wanted)
        free_us = (time.perf_counter_ns() - begin) / 200e3
        for address in ADDRESSES[:addresses]:
            ledger.block(("address", "binance", address), MINUTE, "banned")
        begin = time.perf_counter_ns()
        for _ in range(200):
            refused(ledger, wanted)
        full_us = (time.perf_counter_ns() - begin) / 200e3
        for address in ADDRESSES[:addresses]:
            ledger.unblock(("address", "binance", address))
        print(f"{keys} keys x {addresses} addresses: free {free_us:.1f} us, full {full_us:.1f} us")


def test_settling_says_when_a_wait_may_be_over_sooner(ledger: MemoryLedger, clock: FakeClock) -> None:
    ledger.alignment("binance").set(0, 0)
    ledger.alignment("binance").moved()
    wanted = ask(Charge(WEIGHT, 1), Charge(ORDERS, 1), keys="a", addresses=ADDRESSES[:1])
    permits = [found for _ in range(5) if isinstance(found := ledger.acquire(wanted), Permit)]
    assert not ledger.settle(permits[0], sent=True, well=True)
    assert ledger.settle(permits[1], sent=False, well=False)
    ledger.settle(permits[2], sent=True, well=True, usage=[Usage("weight", 4)])
    assert ledger.settle(permits[3], sent=True, well=True)  # the exchange had counted it already
    assert not ledger.settle(permits[3], sent=True, well=True)  # closed
    ledger.alignment("binance").set(0, SECOND)
    assert ledger.settle(permits[4], sent=True, well=True)


def test_a_limit_that_the_exchange_raises_may_end_a_wait_early(ledger: MemoryLedger) -> None:
    """Else whoever waits for the old limit sleeps on (the queue looks again only when `settle` says so)."""
    ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True)  # also tells of the fixture's clock
    raised = [Usage("orders", 1, capacity=10 * ORDERS.capacity)]
    lowered = [Usage("orders", 1, capacity=5 * ORDERS.capacity)]
    assert ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True, usage=raised) is True
    assert ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True, usage=lowered) is False


FREE = Charge(WEIGHT, 5, accepted=0)


def test_a_call_that_is_accepted_keeps_only_the_price_of_success(ledger: MemoryLedger) -> None:
    """While it is in flight all of it is held, and a refused one keeps it all."""
    one = ADDRESSES[:1]
    key = ("weight", "binance", one[0], "")
    permit = take(ledger, ask(FREE, addresses=one))
    assert used(ledger) == {key: 5}
    ledger.settle(permit, sent=True, well=True, accepted=True)
    assert used(ledger) == {}
    ledger.settle(take(ledger, ask(FREE, addresses=one)), sent=True, well=True)
    assert used(ledger) == {key: 5}
    ledger.settle(take(ledger, ask(FREE, addresses=one)), sent=False, well=False)
    assert used(ledger) == {key: 5}
    ledger.settle(take(ledger, ask(Charge(WEIGHT, 5, accepted=2), addresses=one)), sent=True, well=True, accepted=True)
    assert used(ledger) == {key: 7}


def test_a_call_over_an_edge_that_is_accepted_is_in_neither_window(ledger: MemoryLedger, clock: FakeClock) -> None:
    clock.advance(MINUTE - SECOND)
    for accepted in (True, False):
        permit = take(ledger, ask(FREE, addresses=ADDRESSES[:1]))
        clock.advance(2 * SECOND)
        ledger.settle(permit, sent=True, well=True, accepted=accepted)
        assert used(ledger) == ({} if accepted else {("weight", "binance", ADDRESSES[0], ""): 5})
        clock.advance(MINUTE - 2 * SECOND)


def test_the_price_of_success_may_end_a_wait_early(ledger: MemoryLedger) -> None:
    ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True)  # also tells of the fixture's clock
    sliding = Charge(ORDERS, 5, accepted=0)
    for charge in (FREE, sliding):
        assert ledger.settle(take(ledger, ask(charge)), sent=True, well=True, accepted=True, asked=False) is False
        assert ledger.settle(take(ledger, ask(charge)), sent=True, well=True, accepted=True) is True
        assert ledger.settle(take(ledger, ask(charge)), sent=True, well=True) is False
    same = Charge(ORDERS, 5, accepted=5)
    assert ledger.settle(take(ledger, ask(same)), sent=True, well=True, accepted=True) is False


def test_a_count_told_as_what_is_left(ledger: MemoryLedger) -> None:
    one = ADDRESSES[:1]
    for told, count in ((Usage("weight", left=30), 70), (Usage("weight", capacity=200, left=40), 160)):
        ledger.settle(take(ledger, ask(Charge(WEIGHT, 1), addresses=one)), sent=True, well=True, usage=[told])
        assert used(ledger) == {("weight", "binance", one[0], ""): count}


def test_a_capacity_may_be_told_without_a_count(ledger: MemoryLedger) -> None:
    told = [Usage("orders", capacity=3)]
    ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True, usage=told)
    (row,) = ledger.snapshot().counters
    assert (row.used, row.capacity) == (1, 3)


def test_what_is_announced_for_everybody_may_end_a_wait_early(ledger: MemoryLedger) -> None:
    ledger.settle(take(ledger, ask(Charge(ORDERS, 1))), sent=True, well=True)
    for capacity, eased in ((80, True), (80, False), (30, False)):
        told = [Usage("orders", capacity=capacity, everywhere=True)]
        assert ledger.settle(take(ledger, ask()), sent=True, well=True, usage=told) is eased
