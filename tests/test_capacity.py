"""Budgets against the exchanges' published figures, and against what the ledger lets through."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.capacity import Addition, Capacity, budget, capacities, capacity, sharers, summary, without
from proxy.clock import Alarm
from proxy.config import AccountConfig, AddressConfig, KeyConfig, LimitOverride
from proxy.exchanges import EXCHANGES
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, Credential, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from proxy.pool import Pool, pool_of

SECOND = 1_000_000_000


def pool(
    exchange: str,
    keys: int = 3,
    addresses: int = 20,
    *,
    name: str = "main",
    tier: str = "",
    own: Mapping[int, tuple[str, ...]] | None = None,
    public: Callable[[str], str] = str,
    limits: Mapping[str, LimitOverride] | None = None,
    reserve: Mapping[str, float] | None = None,
    deny: tuple[str, ...] = (),
    withdrawals: bool = False,
) -> Pool:
    common = tuple(AddressConfig(a, public(a)) for a in (f"203.0.113.{i}" for i in range(1, addresses + 1)))
    rows = tuple(
        KeyConfig(
            f"key-{i}",
            Credential(name, f"key-{i}", "dummy-key", b"dummy-secret"),
            None,
            0,
            tuple(AddressConfig(a, public(a)) for a in own[i]) if own and i in own else common,
        )
        for i in range(keys)
    )
    config = AccountConfig(name, exchange, tier, common, rows, {}, limits or {}, reserve or {}, deny, withdrawals)
    return pool_of(config, EXCHANGES[exchange])


def row(of: Pool, endpoint: str) -> Capacity:
    method, _, path = endpoint.partition(" ")
    found = of.exchange.table.match(method, path)
    assert found is not None
    return capacity(of, found)


def gains(of: Capacity) -> dict[str, float]:
    """Calls per minute on top of today's."""
    return {a.value: round(of.more[a].per_minute - of.today.per_minute, 6) for a in Addition}


# -- the exchanges' figures ------------------------------------------------------------------------------------


def test_binance_reads_count_by_address() -> None:
    """6,000 of weight per minute and address, an order query weighs 4: 20 * 6000 / 4."""
    found = row(pool("binance"), "GET /api/v3/order")
    assert found.today.at_once.calls == 30_000
    assert found.today.per_minute == 30_000
    assert found.today.per_second.calls == 500
    assert [c.limit.name for c in found.today.per_second.limited_by] == ["weight_1m"]
    assert gains(found) == {"key": 0, "address": 1500, "sub-account": 0}
    assert found.in_the_way(Addition.KEY) == "weight_1m counts by address"
    assert found.in_the_way(Addition.ADDRESS) == ""


@pytest.mark.parametrize(("keys", "addresses"), [(1, 1), (3, 20), (10, 1)])
def test_binance_orders_count_by_account(keys: int, addresses: int) -> None:
    """100 in 10 s and 200,000 a day, whatever keys and addresses."""
    found = row(pool("binance", keys, addresses), "POST /api/v3/order")
    assert found.today.at_once.calls == 100
    assert found.today.per_second.calls == 10
    assert found.today.per_day.calls == pytest.approx(200_000)
    assert found.today.day_is_short
    assert [c.limit.name for c in found.today.per_day.limited_by] == ["orders_1d"]
    assert gains(found) == {"key": 0, "address": 0, "sub-account": 600}
    assert found.in_the_way(Addition.KEY) == found.in_the_way(Addition.ADDRESS) == "orders_10s counts by account"


def test_what_costs_nothing_once_it_succeeds_is_limited_by_it_only_at_once() -> None:
    """A cancel weighs 1 until it is answered, and 0 then; 300,000 calls in 5 min and address remain."""
    found = row(pool("binance"), "DELETE /api/v3/order")
    assert found.today.at_once.calls == 120_000
    assert [c.limit.name for c in found.today.at_once.limited_by] == ["weight_1m"]
    assert found.today.per_second.calls == 20_000
    assert [c.limit.name for c in found.today.per_second.limited_by] == ["raw_5m"]


def test_binance_oco_takes_two_of_the_orders() -> None:
    assert row(pool("binance"), "POST /api/v3/orderList/oco").today.at_once.calls == 50


def test_kraken_reads_count_by_key() -> None:
    """Intermediate: 20 at once, 0.5 per second, for each key; without a nonce window one at a time."""
    found = row(pool("kraken"), "POST /0/private/Balance")
    assert found.today.at_once.calls == 60
    assert found.today.per_second.calls == pytest.approx(1.5)
    assert found.today.in_flight is not None and found.today.in_flight.calls == 3
    assert gains(found) == {"key": 30, "address": 0, "sub-account": 90}
    assert found.in_the_way(Addition.ADDRESS) == "rest counts by key"
    assert not found.today.day_is_short


def test_kraken_tiers() -> None:
    found = row(pool("kraken", tier="pro"), "POST /0/private/Balance").today
    assert (found.at_once.calls, found.per_second.calls) == (60, pytest.approx(3))
    found = row(pool("kraken", tier="pro"), "POST /0/private/AddOrder").today
    assert (found.at_once.calls, found.per_second.calls) == (180, pytest.approx(3.75))


def test_kraken_orders_count_by_account_and_pair() -> None:
    found = row(pool("kraken"), "POST /0/private/AddOrder")
    assert found.today.at_once.calls == 125
    assert found.today.per_second.calls == pytest.approx(2.34, abs=0.001)
    assert not found.adds(Addition.KEY)  # one more in flight, but not one more order
    then = found.more[Addition.KEY].in_flight
    assert then is not None and then.calls == 4
    assert found.in_the_way(Addition.KEY) == "engine counts by account and symbol"


def test_kraken_cancels_are_worth_what_young_orders_cost() -> None:
    """Without an order there is no age, and the dearest one is promised."""
    intermediate = 125
    for name, units in (("CancelOrder", 8), ("AmendOrder", 4), ("EditOrder", 7)):
        found = row(pool("kraken"), f"POST /0/private/{name}").today
        assert found.at_once.calls == intermediate // units
        assert found.per_second.calls == pytest.approx(2.34 / units, abs=0.001)


def test_cryptocom_orders_count_by_key() -> None:
    found = row(pool("cryptocom"), "POST /exchange/v1/private/create-order")
    assert found.today.at_once.calls == 45
    assert found.today.per_second.calls == 450
    assert gains(found) == {"key": 9000, "address": 0, "sub-account": 27_000}
    assert found.in_the_way(Addition.ADDRESS) == "orders_100ms counts by key and endpoint"
    assert row(pool("cryptocom"), "POST /exchange/v1/private/get-trades").today.per_second.calls == 3


@pytest.mark.parametrize(
    ("exchange", "endpoint", "calls"),
    [
        ("binance", "GET /api/v3/depth", 24_000),
        ("kraken", "GET /0/public/Ticker", 20),
        ("cryptocom", "GET /exchange/v1/public/get-book", 2000),
    ],
)
def test_public_calls_count_by_address(exchange: str, endpoint: str, calls: int) -> None:
    found = row(pool(exchange), endpoint)
    assert found.today.at_once.calls == calls
    assert gains(found)["key"] == gains(found)["sub-account"] == 0 < gains(found)["address"]


# -- keys, addresses, settings ---------------------------------------------------------------------------------


def test_a_list_of_its_own_adds_its_addresses_once() -> None:
    mine = ("203.0.113.1", "203.0.113.101", "203.0.113.102")
    found = row(pool("binance", 2, 3, own={1: mine}), "GET /api/v3/order")
    assert found.today.at_once.calls == 5 * 1500


def test_only_lists_of_keys_count_for_signed_calls() -> None:
    """The account's list is no use to a key with another one; a further key may use all of them."""
    of = pool("binance", 1, 3, own={0: ("203.0.113.101",)})
    assert row(of, "GET /api/v3/order").today.at_once.calls == 1500
    assert row(of, "GET /api/v3/order").more[Addition.KEY].at_once.calls == 4 * 1500
    assert row(of, "GET /api/v3/depth").today.at_once.calls == 4 * 1200


def test_addresses_behind_one_public_one_are_one() -> None:
    of = pool("binance", 1, 4, public=lambda a: "198.51.100.1" if a.endswith((".1", ".2")) else a)
    assert row(of, "GET /api/v3/order").today.at_once.calls == 3 * 1500
    assert summary(of)[0].startswith("main (spot): 1 key, 3 addresses: ")


def test_addresses_out_of_service_add_nothing() -> None:
    of = without(pool("binance", 3, 3), {"203.0.113.1", "203.0.113.2"})
    assert row(of, "GET /api/v3/order").today.at_once.calls == 1500
    none = without(of, {"203.0.113.3"})
    assert row(none, "GET /api/v3/order").today.at_once.calls == 0
    assert row(none, "GET /api/v3/order").more[Addition.ADDRESS].at_once.calls == 1500
    assert "reads" in summary(none)[0] and "cannot be made" in summary(none)[0]


def test_limits_and_reserves_of_the_configuration() -> None:
    of = pool("binance", 1, 1, limits={"orders_10s": LimitOverride(200), "weight_1m": LimitOverride(1200, 30 * SECOND)})
    assert row(of, "POST /api/v3/order").today.at_once.calls == 200
    assert row(of, "GET /api/v3/order").today.per_minute == 600
    kept = pool("binance", 1, 1, reserve={"place": 0.1, "cancel": 0.05})
    assert row(kept, "GET /api/v3/order").today.at_once.calls == 1275  # 85 % of 6000, by 4
    assert row(kept, "DELETE /api/v3/order").today.at_once.calls == 6000


def test_a_row_per_class_with_a_typical_endpoint() -> None:
    every = [r.endpoint for r in capacities(pool("binance"))]
    assert {row.call_class: row.name for row in every if row.product == "spot"} == {
        CallClass.PUBLIC: "GET /api/v3/klines",
        CallClass.READ: "GET /api/v3/order",
        CallClass.PLACE: "POST /api/v3/order",
        CallClass.AMEND: "PUT /api/v3/order/amend/keepPriority",
        CallClass.CANCEL: "DELETE /api/v3/order",
    }
    orders = {row.product: row.name for row in every if row.call_class is CallClass.PLACE}
    assert (orders["usdm"], orders["coinm"]) == ("POST /fapi/v1/order", "POST /dapi/v1/order")
    kraken = {r.endpoint.call_class: r.endpoint.name for r in capacities(pool("kraken"))}
    assert kraken[CallClass.CANCEL] == "POST /0/private/CancelOrder"  # not the one that cancels everything
    crypto = {r.endpoint.call_class: r.endpoint.name for r in capacities(pool("cryptocom"))}
    assert crypto[CallClass.READ] == "POST /exchange/v1/private/get-order-detail"


def test_what_is_forbidden_has_no_budget() -> None:
    assert CallClass.WITHDRAW not in {r.endpoint.call_class for r in capacities(pool("binance"))}
    assert CallClass.WITHDRAW in {r.endpoint.call_class for r in capacities(pool("binance", withdrawals=True))}
    denied = {r.endpoint.name for r in capacities(pool("kraken", deny=("POST /0/private/CancelOrder",)))}
    assert "POST /0/private/CancelOrder" not in denied
    assert "POST /0/private/CancelOrderBatch" in denied


def test_shared_addresses() -> None:
    main, small = pool("binance"), pool("binance", 1, 5, name="small")
    others = [
        main,
        small,
        pool("kraken", name="elsewhere"),
        pool("binance", 1, 0, name="bare", own={0: ("192.0.2.1",)}),
    ]
    assert sharers(main, others) == {"small": 5}
    assert sharers(small, others) == {"main": 5}
    assert summary(main, others)[0].endswith("; 5 addresses shared with small")


# -- words -----------------------------------------------------------------------------------------------------


def test_the_summary_says_what_keys_and_addresses_are_worth() -> None:
    assert summary(pool("binance", name="binance-main"))[:2] == [
        "binance-main (spot): 3 keys, 20 addresses: public calls, reads and amendments x20 by address (weight_1m); "
        "cancels x20 by address (raw_5m); orders x1: keys and addresses add nothing (orders_10s counts by account)",
        "binance-main (usdm): 3 keys, 20 addresses: public calls, reads and cancels x20 by address "
        "(futures_weight_1m); "
        "orders and amendments x1: keys and addresses add nothing (futures_orders_1m counts by account)",
    ]
    assert summary(pool("kraken")) == [
        "main: 3 keys, 20 addresses: public calls x20 by address (public_1s); reads x3 by key (rest); "
        "cancels, orders and amendments x1: keys and addresses add nothing (engine counts by account and symbol)"
    ]
    assert "cancels and orders x3 by key (orders_100ms)" in summary(pool("cryptocom"))[0]


# -- the ledger ------------------------------------------------------------------------------------------------


class FakeClock:
    """Only the time that the test sets."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.ns // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        raise AssertionError("nothing sleeps here")

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Alarm:
        raise AssertionError("nothing is called back here")


def admitted(ask: Ask, for_ns: int = 0) -> int:
    """Calls that a greedy bot gets from a fresh ledger up to this time, each answered at once."""
    clock = FakeClock()
    ledger = MemoryLedger(clock)
    ledger.alignment(ask.exchange).error_ns = 0
    count = 0
    while True:
        found = ledger.acquire(ask)
        if isinstance(found, Permit):
            count += 1
            ledger.settle(found, sent=True, well=True)
        elif found.wait_ns is None or clock.ns + found.wait_ns > for_ns:
            return count
        else:
            clock.ns += found.wait_ns


LISTS = st.lists(st.sets(st.sampled_from("abcd"), min_size=1).map(sorted).map(tuple), min_size=1, max_size=4)
LIMITS = st.builds(
    Limit,
    st.just("limit"),
    st.sampled_from([Scope.ADDRESS, Scope.KEY, Scope.ACCOUNT]),
    st.sampled_from([Shape.FIXED, Shape.SLIDING, Shape.DECAYING]),
    st.integers(1, 30).map(float),
    st.just(10 * SECOND),
)
CHARGES = st.builds(Charge, LIMITS, st.integers(1, 8).map(float), st.just(""), st.sampled_from([0.0, 0.0, 2.0, 7.5]))


def asked(charges: list[Charge], lists: list[tuple[str, ...]]) -> Ask:
    named = tuple(replace(c, limit=replace(c.limit, name=f"limit-{i}")) for i, c in enumerate(charges))
    routes = tuple(KeyRoutes(f"key-{i}", addresses) for i, addresses in enumerate(lists))
    return Ask("anywhere", "main", CallClass.READ, named, routes)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(CHARGES, min_size=1, max_size=3), LISTS, st.booleans())
def test_a_burst_is_what_the_ledger_admits(charges: list[Charge], lists: list[tuple[str, ...]], one_list: bool) -> None:
    ask = asked(charges, [lists[0]] * len(lists) if one_list else lists)
    said, got = budget(ask).at_once.calls, admitted(ask)
    if one_list or not {Scope.KEY, Scope.ADDRESS} <= {c.limit.scope for c in charges}:
        assert got == said
    else:
        assert said / 2 <= got <= said  # first fit may strand a key whose addresses others have used


@settings(derandomize=True, deadline=None, max_examples=60)
@given(CHARGES, LISTS)
def test_a_rate_is_what_the_ledger_bears(one: Charge, lists: list[tuple[str, ...]]) -> None:
    """Up to the end of the sixth window: six bursts, or one and what has drained since."""
    ask = asked([one], lists)
    said = budget(ask)
    span_ns = 60 * SECOND - 1
    got = admitted(ask, span_ns)
    if one.limit.shape is Shape.DECAYING:
        subjects = {Scope.ADDRESS: 4, Scope.KEY: len(lists), Scope.ACCOUNT: 1}[one.limit.scope]
        assert said.per_minute <= got <= said.per_minute + said.at_once.calls + subjects
    else:
        assert got == pytest.approx(said.per_minute)


def test_in_flight_is_what_the_ledger_leaves_open() -> None:
    cap = Charge(Limit("in_flight", Scope.KEY, Shape.INFLIGHT, 2, 0), 1)
    ask = asked([cap], [("a",), ("a", "b")])
    ledger = MemoryLedger(FakeClock())
    taken = 0
    while not isinstance(ledger.acquire(ask), NotUntil):
        taken += 1
    said = budget(ask)
    assert said.in_flight is not None and said.in_flight.calls == taken == 4
    assert said.at_once.calls == math.inf
