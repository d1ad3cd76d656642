from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from proxy.config import AccountConfig, AddressConfig, KeyConfig, LimitOverride
from proxy.exchanges import EXCHANGES
from proxy.limits.ledger import MemoryLedger
from proxy.model import (
    Auth,
    Call,
    CallClass,
    Credential,
    Executed,
    Incoming,
    KeyRoutes,
    NotUntil,
    Permit,
    Scope,
    Shape,
    Upstream,
)
from proxy.order_ages import OrderAges
from proxy.pool import Asks, Pool, ask_for, forbidden, pool_of
from tests.fakes import FakeClock

A = AddressConfig("192.0.2.1", "192.0.2.1")
B = AddressConfig("10.0.0.7", "198.51.100.7")
C = AddressConfig("192.0.2.3", "192.0.2.3")
MINUTE = 60_000_000_000


def key(alias: str, *addresses: AddressConfig, nonce_window: int = 0) -> KeyConfig:
    credential = Credential("main", alias, f"dummy-key-{alias}", b"dummy-secret")
    return KeyConfig(alias, credential, None, nonce_window, addresses or (A, B))


def account(exchange: str = "binance", **fields: Any) -> AccountConfig:
    base = AccountConfig(
        name="main",
        exchange=exchange,
        tier="",
        addresses=(A, B),
        keys=(key("one"), key("two"), key("own", C)),
        upstream={},
        limits={},
        reserve={},
        deny=(),
        allow_withdrawals=False,
    )
    return replace(base, **fields)


def pool(exchange: str = "binance", **fields: Any) -> Pool:
    return pool_of(account(exchange, **fields), EXCHANGES[exchange])


def call(to: Pool, name: str, params: Mapping[str, str] | None = None, pinned: str | None = None) -> Call:
    method, path = name.split(" ")
    endpoint = to.exchange.table.match(method, path)
    assert endpoint is not None, name
    return Call(
        id="c-1",
        bot="grid-1",
        account=to.account,
        endpoint=endpoint,
        request=Incoming(method, path, "", (), b""),
        upstream=to.upstream[endpoint.product],
        params=params or {},
        pinned_key=pinned,
    )


def charges(to: Pool, name: str, params: Mapping[str, str] | None = None) -> dict[str, tuple[float, str]]:
    return {c.limit.name: (c.units, c.detail) for c in ask_for(to, call(to, name, params)).charges}


def kept(to: Pool, name: str, params: Mapping[str, str] | None = None) -> dict[str, float]:
    return {c.limit.name: c.kept for c in ask_for(to, call(to, name, params)).charges}


def test_every_key_has_its_own_allocation() -> None:
    assert pool().keyed == (
        KeyRoutes("one", ("192.0.2.1", "10.0.0.7")),
        KeyRoutes("two", ("192.0.2.1", "10.0.0.7")),
        KeyRoutes("own", ("192.0.2.3",)),
    )


def test_public_calls_may_leave_through_every_address_once() -> None:
    assert pool().keyless == (KeyRoutes(None, ("192.0.2.1", "10.0.0.7", "192.0.2.3")),)


def test_the_exchange_sees_the_public_address() -> None:
    assert pool().public_addresses["10.0.0.7"] == "198.51.100.7"


def test_no_secret_in_its_repr() -> None:
    assert "dummy-secret" not in repr(pool())
    assert "dummy-key" not in repr(pool())


def test_an_order_is_charged_by_the_table() -> None:
    assert charges(pool(), "POST /api/v3/order", {"symbol": "BTCUSDT"}) == {
        "raw_5m": (1, ""),
        "weight_1m": (1, ""),
        "orders_10s": (1, ""),
        "orders_1d": (1, ""),
    }


def test_a_price_by_parameter() -> None:
    to = pool()
    assert charges(to, "GET /api/v3/depth")["weight_1m"] == (5, "")
    assert charges(to, "GET /api/v3/depth", {"limit": "1000"})["weight_1m"] == (50, "")


def test_what_costs_nothing_is_not_charged() -> None:
    """A charge of 0 units would still wait for a full limit."""
    for to in (pool(exchange) for exchange in EXCHANGES):
        for endpoint in to.exchange.table.exact.values():
            asked = ask_for(to, replace(call(to, _any(to)), endpoint=endpoint))
            assert all(charge.units > 0 for charge in asked.charges), endpoint.name


def _any(to: Pool) -> str:
    return next(e.name for e in to.exchange.table.exact.values() if "*" not in e.name)


def test_an_endpoint_that_counts_for_itself_says_which() -> None:
    status = "/sapi/v1/account/status"
    assert charges(pool(), f"GET {status}")["sapi_ip_1m"] == (1, f"GET {status}")


def test_a_symbol_that_counts_for_itself_is_named_and_cut() -> None:
    to = pool("kraken")
    assert charges(to, "POST /0/private/AddOrder", {"pair": "XBTUSD"})["engine"] == (1, "XBTUSD")
    assert charges(to, "POST /0/private/AddOrder", {"pair": "X" * 500})["engine"] == (1, "X" * 64)
    assert charges(to, "POST /0/private/AddOrder")["engine"] == (1, "")


def test_public_calls_go_without_a_key_and_others_with_one() -> None:
    to = pool()
    assert ask_for(to, call(to, "GET /api/v3/time")).routes == to.keyless
    assert ask_for(to, call(to, "GET /api/v3/account")).routes == to.keyed
    needs_a_key = next(e for e in to.exchange.table.exact.values() if e.auth is Auth.KEY)
    assert ask_for(to, call(to, needs_a_key.name)).routes == to.keyed


def test_a_pinned_key_is_the_only_one_except_for_public_calls() -> None:
    to = pool()
    assert ask_for(to, call(to, "GET /api/v3/account", pinned="own")).routes == (KeyRoutes("own", ("192.0.2.3",)),)
    assert ask_for(to, call(to, "GET /api/v3/time", pinned="own")).routes == to.keyless


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_a_pinned_key_that_is_not_there_leaves_no_route(exchange: str) -> None:
    to = pool(exchange)
    read = next(
        e.name for e in to.exchange.table.exact.values() if e.auth is Auth.SIGNED and e.call_class is CallClass.READ
    )
    asked = ask_for(to, call(to, read, pinned="gone"))
    assert asked.routes == ()
    assert isinstance(MemoryLedger(FakeClock()).acquire(asked), NotUntil)


def test_limits_can_be_overridden() -> None:
    to = pool(limits={"orders_10s": LimitOverride(7), "weight_1m": LimitOverride(50, MINUTE * 2)})
    table = EXCHANGES["binance"].table.limits
    assert to.limits["orders_10s"] == replace(table["orders_10s"], capacity=7, own=True)
    assert to.limits["weight_1m"] == replace(table["weight_1m"], capacity=50, window_ns=2 * MINUTE, own=True)
    assert to.limits["orders_1d"] == table["orders_1d"]
    assert {c.limit for c in ask_for(to, call(to, "POST /api/v3/order")).charges} <= set(to.limits.values())


def test_a_tier_changes_the_limits_and_an_override_the_tier() -> None:
    tiers = EXCHANGES["kraken"].table.tiers
    assert pool("kraken", tier="pro").limits["rest"] == tiers["pro"]["rest"]
    assert pool("kraken").limits["rest"] == tiers["intermediate"]["rest"]
    over = pool("kraken", tier="pro", limits={"rest": LimitOverride(3)})
    assert over.limits["rest"] == replace(tiers["pro"]["rest"], capacity=3, own=True)


def test_without_a_reserve_nothing_is_kept() -> None:
    to = pool()
    assert set(kept(to, "GET /api/v3/account").values()) == {0}


def test_reserves_are_kept_from_lower_ranks() -> None:
    to = pool(reserve={"place": 0.10, "cancel": 0.05, "read": 0.2})
    assert kept(to, "DELETE /api/v3/order")["weight_1m"] == 0
    assert kept(to, "POST /api/v3/order")["weight_1m"] == pytest.approx(300)
    assert kept(to, "PUT /api/v3/order/amend/keepPriority")["weight_1m"] == pytest.approx(300)
    assert kept(to, "GET /api/v3/account")["weight_1m"] == pytest.approx(900)
    assert kept(to, "GET /api/v3/depth")["weight_1m"] == pytest.approx(2100)


def test_nothing_is_kept_on_a_limit_for_a_class_that_it_does_not_count() -> None:
    """Cancels cost no orders, so keeping a share of the orders for them would throw it away."""
    to = pool(reserve={"place": 0.10, "cancel": 0.05})
    assert kept(to, "POST /api/v3/order")["orders_10s"] == 0
    assert kept(to, "GET /sapi/v1/account/status")["sapi_ip_1m"] == 0


def test_a_reserve_is_a_share_of_the_overridden_limit() -> None:
    to = pool(reserve={"cancel": 0.05}, limits={"weight_1m": LimitOverride(1000)})
    assert kept(to, "GET /api/v3/account")["weight_1m"] == pytest.approx(50)


def test_a_reserve_holds_in_the_ledger() -> None:
    clock = FakeClock()
    ledger = MemoryLedger(clock)
    ledger.alignment("binance").set(0, 0)
    to = pool(reserve={"place": 0.5}, limits={"weight_1m": LimitOverride(40)}, keys=(key("one", A),))

    def count(name: str) -> int:
        taken = 0
        while isinstance(found := ledger.acquire(ask_for(to, call(to, name))), Permit):
            ledger.settle(found, sent=True, well=True)
            taken += 1
        return taken

    assert count("GET /api/v3/order") == 5  # 20 of 40, at 4 each
    assert count("POST /api/v3/order") == 20


def test_a_class_draws_on_what_others_leave_it() -> None:
    """Ten orders within their share of 20 take nothing from the reads' 20."""
    ledger = MemoryLedger(FakeClock())
    ledger.alignment("binance").set(0, 0)
    to = pool(reserve={"place": 0.5, "cancel": 0.05}, limits={"weight_1m": LimitOverride(40)}, keys=(key("one", A),))
    charges = {c.limit.name: c for c in ask_for(to, call(to, "POST /api/v3/order")).charges}
    assert {name for name, charge in charges.items() if charge.draws == "place"} == {"weight_1m", "raw_5m"}
    (read,) = [c for c in ask_for(to, call(to, "GET /api/v3/order")).charges if c.limit.name == "weight_1m"]
    assert dict(read.shares) == {"cancel": 2, "place": 20} and read.kept == 22
    for name, count in (("POST /api/v3/order", 10), ("GET /api/v3/order", 4)):
        for _ in range(count):
            found = ledger.acquire(ask_for(to, call(to, name)))
            assert isinstance(found, Permit)
            ledger.settle(found, sent=True, well=True)
    assert isinstance(ledger.acquire(ask_for(to, call(to, "GET /api/v3/order"))), NotUntil)


def test_calls_with_rising_nonces_go_one_at_a_time_unless_the_key_has_a_window() -> None:
    to = pool("kraken", keys=(key("one"), key("two", nonce_window=5)))
    assert {alias: cap.capacity for alias, cap in to.in_flight.items()} == {"one": 1, "two": 5}

    def cap(pinned: str | None) -> float:
        asked = ask_for(to, call(to, "POST /0/private/Balance", pinned=pinned))
        (found,) = [c.limit for c in asked.charges if c.limit.shape is Shape.INFLIGHT]
        assert found.scope is Scope.KEY
        return found.capacity

    assert cap(None) == 1
    assert cap("two") == 5
    public = ask_for(to, call(to, "GET /0/public/Time"))
    assert all(c.limit.shape is not Shape.INFLIGHT for c in public.charges)
    assert pool("binance").in_flight == {}


def test_two_keys_with_nonces_work_side_by_side() -> None:
    ledger = MemoryLedger(FakeClock())
    to = pool("kraken", keys=(key("one"), key("two")))
    asked = ask_for(to, call(to, "POST /0/private/Balance"))
    permits = [ledger.acquire(asked), ledger.acquire(asked)]
    assert {p.route.key for p in permits if isinstance(p, Permit)} == {"one", "two"}
    third = ledger.acquire(asked)
    assert isinstance(third, NotUntil) and third.wait_ns is None


def test_the_operators_upstream_replaces_the_tables() -> None:
    here = Upstream("http", "127.0.0.1", 9000, private_ok=True)
    assert pool(upstream={"spot": here}).upstream["spot"] == here
    assert pool().upstream["spot"].host == "api.binance.com"


def endpoint_of(to: Pool, call_class: CallClass) -> Any:
    return next(e for e in to.exchange.table.exact.values() if e.call_class is call_class)


def test_money_stays() -> None:
    closed, opened = pool("kraken"), pool("kraken", allow_withdrawals=True)
    withdraw, admin = endpoint_of(closed, CallClass.WITHDRAW), endpoint_of(closed, CallClass.ADMIN)
    refusal = forbidden(closed, withdraw)
    assert refusal is not None and (refusal.status, refusal.reason) == (403, "withdrawal_refused")
    assert forbidden(opened, withdraw) is None
    for to in (closed, opened):
        refusal = forbidden(to, admin)
        assert refusal is not None and refusal.reason == "not_allowed"


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_no_withdrawal_and_no_setting_passes_by_default(exchange: str) -> None:
    to = pool(exchange)
    table = to.exchange.table
    for endpoint in [*table.exact.values(), *(e for _, _, e in table.patterns)]:
        money = endpoint.call_class in (CallClass.WITHDRAW, CallClass.ADMIN)
        assert (forbidden(to, endpoint) is not None) == money


def test_an_endpoint_can_be_denied_by_name_or_pattern() -> None:
    to = pool(deny=("POST /api/v3/order", "DELETE /api/*"))

    def is_denied(name: str) -> bool:
        refusal = forbidden(to, call(to, name).endpoint, name.split(" ")[1])
        assert refusal is None or refusal.reason == "denied"
        return refusal is not None

    assert is_denied("POST /api/v3/order")
    assert is_denied("DELETE /api/v3/openOrders")
    assert not is_denied("GET /api/v3/order")
    assert not is_denied("POST /api/v3/order/test")


def test_a_denied_path_without_a_row_of_its_own_is_denied() -> None:
    """The table knows it only as `GET /api/v3/*`."""
    rule = "GET /api/v3/somethingNew"
    to = pool(deny=(rule,))
    row = call(to, rule).endpoint
    assert row.name.endswith("*")
    assert forbidden(to, row, "/api/v3/somethingNew") is not None
    assert forbidden(to, row, "/api/v3/somethingElse") is None
    assert forbidden(to, row) is not None  # who does not say which path gets none of them
    assert forbidden(pool(deny=("POST /api/v3/somethingNew",)), row) is None


def test_a_batch_dearer_than_the_limit_costs_all_of_it() -> None:
    """Else it would never go at all, and the exchange has the last word."""
    kraken = pool("kraken")
    orders = "[" + ",".join(f'"X{n}"' for n in range(40)) + "]"
    units, _ = charges(kraken, "POST /0/private/CancelOrderBatch", {"orders": orders})["engine"]
    assert units == kraken.limits["engine"].capacity


def test_an_ask_is_made_once_where_nothing_changes_it() -> None:
    to, asks = pool(), Asks()
    order = call(to, "POST /api/v3/order")
    assert asks.of(to, order) is asks.of(to, call(to, "POST /api/v3/order"))
    assert asks.of(to, order) == ask_for(to, order)
    assert asks.of(pool(), order) is not asks.of(to, order)  # another configuration of the account


def test_an_order_that_only_reduces_is_not_taken_for_another_one() -> None:
    to, asks = pool("cryptocom"), Asks()
    name = "POST /exchange/v1/private/create-order"
    for inst in ('["REDUCE_ONLY"]', '["POST_ONLY"]', '["REDUCE_ONLY"]'):
        found = asks.of(to, call(to, name, {"exec_inst": inst}))
        assert found.closes is ("REDUCE" in inst)
    first, again = (asks.of(to, call(to, name, {"exec_inst": "REDUCE_ONLY"})) for _ in range(2))
    assert first is again
    cancel = ask_for(to, call(to, "POST /exchange/v1/private/cancel-order", {"exec_inst": "REDUCE_ONLY"}))
    assert not cancel.closes


def test_an_order_that_only_reduces_keeps_what_a_place_keeps() -> None:
    to = pool("cryptocom", reserve={"cancel": 0.2})
    kept = [
        [charge.kept for charge in ask_for(to, call(to, "POST /exchange/v1/private/create-order", params)).charges]
        for params in ({}, {"exec_inst": '["REDUCE_ONLY"]'})
    ]
    assert kept[0] == kept[1]


def test_a_pin_a_parameter_or_a_symbol_makes_an_ask_of_its_own() -> None:
    to, asks = pool(), Asks()
    asks.of(to, call(to, "POST /api/v3/order"))
    pinned = asks.of(to, call(to, "POST /api/v3/order", pinned="two"))
    assert [row.key for row in pinned.routes] == ["two"]
    assert len(asks.of(to, call(to, "POST /api/v3/order")).routes) == 3
    for limit in ("100", "5000", "100"):
        deep = call(to, "GET /api/v3/depth", {"limit": limit})
        assert asks.of(to, deep) == ask_for(to, deep)
    kraken = pool("kraken")
    for pair in ("XBTUSD", "ETHUSD"):
        added = asks.of(kraken, call(kraken, "POST /0/private/AddOrder", {"pair": pair}))
        assert [c.detail for c in added.charges if c.limit.name == "engine"] == [pair]


def test_spellings_of_a_symbol_count_together() -> None:
    to = pool("kraken")
    details = {
        charges(to, "POST /0/private/AddOrder", {"pair": pair})["engine"][1]
        for pair in ("XBTUSD", "XXBTZUSD", "XBT/USD", "btcusd")
    }
    assert details == {"XBTUSD"}


def test_orders_that_cost_by_age_make_an_ask_of_their_own() -> None:
    to, orders = pool("kraken"), OrderAges()
    asks, cancel = Asks(orders), call(to, "POST /0/private/CancelOrder", {"cl_ord_id": "dummy-1"})
    add = call(to, "POST /0/private/AddOrder", {"pair": "XBT/USD", "cl_ord_id": "dummy-1"})

    def price(now_ns: int) -> list[tuple[float, str]]:
        return [(c.units, c.detail) for c in asks.of(to, cancel, now_ns).charges if c.limit.name == "engine"]

    assert price(0) == [(8, "")]
    leaving = orders.leave(to.account, to.exchange, add.endpoint, add.params, 0)
    orders.end(leaving, Executed.UNKNOWN, None, 0)
    assert price(0) == [(8, "XBTUSD")]
    assert price(20 * MINUTE // 60) == [(4, "XBTUSD")]
    assert price(6 * MINUTE) == []


def test_an_ask_is_dearer_once_an_order_of_it_was_changed() -> None:
    to, orders = pool("kraken"), OrderAges()
    asks, cancel = Asks(orders), call(to, "POST /0/private/CancelOrder", {"cl_ord_id": "dummy-1"})
    add = call(to, "POST /0/private/AddOrder", {"pair": "XBT/USD", "cl_ord_id": "dummy-1"})
    orders.end(orders.leave(to.account, to.exchange, add.endpoint, add.params, 0), Executed.UNKNOWN, None, 0)
    asked = asks.of(to, cancel, 6 * MINUTE)
    assert not asks.dearer(to, cancel, asked, 7 * MINUTE)
    amend = call(to, "POST /0/private/AmendOrder", {"cl_ord_id": "dummy-1"})
    orders.leave(to.account, to.exchange, amend.endpoint, amend.params, 7 * MINUTE)
    assert asks.dearer(to, cancel, asked, 7 * MINUTE)
    assert not asks.dearer(to, add, asks.of(to, add), 7 * MINUTE)


def test_what_counts_beside_orders_with_ages_is_known() -> None:
    methods = {name.rpartition("/")[2] for name in pool("kraken").aged}
    assert methods == {"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch"}
    assert pool("binance").aged == pool("cryptocom").aged == frozenset()
