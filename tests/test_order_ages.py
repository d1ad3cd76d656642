"""Ages of orders: never older than at the exchange, and prices that are never below the exchange's own."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchanges import EXCHANGES
from proxy.limits.ledger import MemoryLedger
from proxy.model import Call, Executed, Permit, Reply
from proxy.order_ages import Leaving, OrderAges
from proxy.pool import ask_for
from proxy.simulator.counters import DecayingCounters
from proxy.simulator.kraken.trade import AMEND_PENALTY, CANCEL_PENALTY, penalty
from tests.fakes import FakeClock
from tests.test_pool import call as call_of
from tests.test_pool import pool

S = 1_000_000_000
KRAKEN = EXCHANGES["kraken"]
POOL = pool("kraken", tier="starter")
A, B, C = "OUF4EM-FRGI2-MQMWZD", "OHCFNU-4L7QE-6OPNQO", "OCCCCC-CCCCC-CCCCCC"
NOW = 1000 * S


def kraken(name: str, **params: str) -> Call:
    return call_of(POOL, f"POST /0/private/{name}", params)


def reply(result: Any) -> Reply:
    return Reply(200, b"OK", (), json.dumps({"error": [], "result": result}).encode(), 1)


def leave(orders: OrderAges, call: Call, now_ns: int = NOW) -> Leaving:
    return orders.leave("main", KRAKEN, call.endpoint, call.params, now_ns)


def done(orders: OrderAges, call: Call, result: Any, now_ns: int = NOW) -> None:
    orders.end(leave(orders, call, now_ns), Executed.YES, reply(result), now_ns)


def placed(orders: OrderAges, txid: str, now_ns: int = NOW, **params: str) -> None:
    done(orders, kraken("AddOrder", **{"pair": "XBTUSD", **params}), {"txid": [txid]}, now_ns)


def price(orders: OrderAges, call: Call, now_ns: int) -> dict[str, float]:
    return {c.detail: c.units for c in ask_for(POOL, call, orders, now_ns).charges if c.limit.name == "engine"}


@pytest.fixture
def orders() -> OrderAges:
    return OrderAges()


CANCEL = [(0, 8), (5, 8), (5.1, 6), (10.1, 5), (15.1, 4), (45.1, 2), (90.1, 1), (300, 1), (300.1, 0), (1e6, 0)]


@pytest.mark.parametrize(("age_s", "units"), CANCEL)
def test_a_cancel_costs_by_the_age_of_the_order(orders: OrderAges, age_s: float, units: float) -> None:
    placed(orders, A, cl_ord_id="dummy-1")
    now = NOW + int(age_s * S)
    expected = {"XBTUSD": units} if units else {}
    assert price(orders, kraken("CancelOrder", txid=A), now) == expected
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), now) == expected


def test_amends_and_edits_have_a_fixed_part(orders: OrderAges) -> None:
    placed(orders, A)
    for age_s, amend, edit in ((0, 4, 7), (6, 3, 6), (11, 2, 5), (16, 1, 3), (46, 1, 2), (91, 1, 1)):
        now = NOW + age_s * S
        assert price(orders, kraken("AmendOrder", txid=A), now) == {"XBTUSD": amend}
        assert price(orders, kraken("EditOrder", txid=A, pair="XXBTZUSD"), now) == {"XBTUSD": edit}


def test_an_order_of_unknown_age_costs_the_most(orders: OrderAges) -> None:
    """Other programs place orders on the same account: how long this daemon is up proves nothing."""
    assert price(orders, kraken("CancelOrder", txid=A), 10**6 * S) == {"": 8}
    assert price(orders, kraken("AmendOrder", txid=A), NOW) == {"": 4}
    assert price(orders, kraken("EditOrder", txid=A, pair="XBT/USD"), NOW) == {"XBTUSD": 7}
    placed(orders, B)
    assert price(orders, kraken("CancelOrder", txid=A), NOW + 400 * S) == {"": 8}


def test_the_pair_of_an_order_is_where_it_was_placed(orders: OrderAges) -> None:
    placed(orders, A)
    assert price(orders, kraken("AmendOrder", txid=A, pair="ETHUSD"), NOW) == {"XBTUSD": 4}


def test_accounts_do_not_know_each_others_orders(orders: OrderAges) -> None:
    add = kraken("AddOrder", pair="XBTUSD", cl_ord_id="dummy-1")
    leaving = orders.leave("other", KRAKEN, add.endpoint, add.params, NOW)
    orders.end(leaving, Executed.YES, reply({"txid": [A]}), NOW)
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + 400 * S) == {"": 8}


def test_a_userref_stands_for_all_its_orders(orders: OrderAges) -> None:
    placed(orders, A, userref="5")
    placed(orders, B, NOW + 20 * S, userref="5")
    placed(orders, C, NOW + 20 * S, userref="5", pair="ETH/USD")
    assert price(orders, kraken("CancelOrder", userref="5"), NOW + 21 * S) == {"XBTUSD": 4 + 8, "ETHUSD": 8}
    assert price(orders, kraken("CancelOrder", userref="6"), NOW + 21 * S) == {"": 8}


def test_a_batch_is_charged_on_every_pair(orders: OrderAges) -> None:
    placed(orders, A)
    placed(orders, B, NOW + 20 * S, cl_ord_id="dummy-2", pair="ETHUSD")
    batch = kraken("CancelOrderBatch", orders=json.dumps([A, A, C]), cl_ord_ids='["dummy-2"]')
    assert price(orders, batch, NOW + 21 * S) == {"XBTUSD": 4, "ETHUSD": 8, "": 8}  # named twice is cancelled once
    assert price(orders, kraken("CancelOrderBatch", orders="[unreadable"), NOW) == {"": POOL.limits["engine"].capacity}


def test_all_charges_of_a_batch_are_taken_at_once_or_none(orders: OrderAges) -> None:
    clock = FakeClock()
    ledger = MemoryLedger(clock)
    now = clock.now_ns()
    placed(orders, A, now)
    placed(orders, B, now, pair="ETHUSD")
    for _ in range(55):  # 55 of 60 on one pair
        permit = ledger.acquire(ask_for(POOL, kraken("AddOrder", pair="ETHUSD"), orders, now))
        assert isinstance(permit, Permit)
        ledger.settle(permit, sent=True, well=True)
    batch = ask_for(POOL, kraken("CancelOrderBatch", orders=json.dumps([A, B])), orders, now)
    assert not isinstance(ledger.acquire(batch), Permit)
    used = {c.detail: c.used for c in ledger.snapshot().counters if c.limit == "engine"}
    assert used == {"ETHUSD": 55, "XBTUSD": 0}


def test_an_order_is_known_from_the_moment_it_leaves(orders: OrderAges) -> None:
    """A bot may cancel by its own id before the answer is there; the age begins with the answer."""
    leaving = leave(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="dummy-1"))
    cancel = kraken("CancelOrder", cl_ord_id="dummy-1")
    assert price(orders, cancel, NOW + 60 * S) == {"XBTUSD": 8}
    orders.end(leaving, Executed.YES, reply({"txid": [A]}), NOW + 60 * S)
    assert price(orders, cancel, NOW + 64 * S) == {"XBTUSD": 8}
    assert price(orders, cancel, NOW + 66 * S) == {"XBTUSD": 6}
    assert len(orders) == 1


def test_a_refused_order_is_not_remembered(orders: OrderAges) -> None:
    placed(orders, A, userref="5")
    leaving = leave(orders, kraken("AddOrder", pair="XBTUSD", userref="5"), NOW + 20 * S)
    assert price(orders, kraken("CancelOrder", userref="5"), NOW + 20 * S) == {"XBTUSD": 4 + 8}
    orders.end(leaving, Executed.NO, None, NOW + 20 * S)
    assert price(orders, kraken("CancelOrder", userref="5"), NOW + 20 * S) == {"XBTUSD": 4}
    done(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="checked", validate="true"), {"descr": {}})
    assert len(orders) == 1


def test_an_order_of_unknown_outcome_may_be_there(orders: OrderAges) -> None:
    leaving = leave(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="dummy-1"))
    orders.end(leaving, Executed.UNKNOWN, None, NOW + 10 * S)
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + 16 * S) == {"XBTUSD": 6}


@pytest.mark.parametrize("name", ["AmendOrder", "EditOrder"])
@pytest.mark.parametrize("executed", list(Executed))
def test_a_change_makes_an_order_young_again(orders: OrderAges, name: str, executed: Executed) -> None:
    """What an amend does to the age is not documented; an edit makes a new order."""
    placed(orders, A, cl_ord_id="dummy-1")
    change, cancel = kraken(name, txid=A, pair="XBTUSD"), kraken("CancelOrder", cl_ord_id="dummy-1")
    leaving = leave(orders, change, NOW + 400 * S)
    assert price(orders, cancel, NOW + 400 * S) == {"XBTUSD": 8}  # it may be there already
    orders.end(leaving, executed, reply({"amend_id": "T", "txid": B}), NOW + 401 * S)
    again = {} if executed is Executed.NO else {"XBTUSD": 6}
    assert price(orders, cancel, NOW + 407 * S) == again
    if name == "EditOrder" and executed is Executed.YES:
        assert price(orders, kraken("CancelOrder", txid=B), NOW + 407 * S) == {"XBTUSD": 6}


def test_two_changes_under_way(orders: OrderAges) -> None:
    placed(orders, A)
    amend, cancel = kraken("AmendOrder", txid=A), kraken("CancelOrder", txid=A)
    first, second = leave(orders, amend, NOW + 400 * S), leave(orders, amend, NOW + 400 * S)
    orders.end(first, Executed.NO, None, NOW + 400 * S)
    assert price(orders, cancel, NOW + 400 * S) == {"XBTUSD": 8}
    orders.end(second, Executed.NO, None, NOW + 400 * S)
    assert price(orders, cancel, NOW + 400 * S) == {}


def test_an_unknown_order_that_was_changed_has_an_age_from_then_on(orders: OrderAges) -> None:
    done(orders, kraken("EditOrder", txid=A, pair="XBTUSD"), {"txid": B})
    done(orders, kraken("AmendOrder", txid=C), {"amend_id": "T"})
    assert price(orders, kraken("CancelOrder", txid=B), NOW + 91 * S) == {"XBTUSD": 1}
    assert price(orders, kraken("CancelOrder", txid=C), NOW + 91 * S) == {"": 1}  # on which pair is not known


def test_an_edit_by_a_userref_of_several_orders_adds_one(orders: OrderAges) -> None:
    placed(orders, A, userref="5")
    placed(orders, B, userref="5")
    done(orders, kraken("EditOrder", txid="5", pair="XBTUSD"), {"txid": C}, NOW + 400 * S)
    assert price(orders, kraken("CancelOrder", userref="5"), NOW + 401 * S) == {"XBTUSD": 8}
    assert price(orders, kraken("CancelOrder", txid=C), NOW + 401 * S) == {"XBTUSD": 8}
    assert price(orders, kraken("CancelOrder", txid=A), NOW + 401 * S) == {}


def test_a_client_id_is_the_latest_orders(orders: OrderAges) -> None:
    """It is free again once its order is closed."""
    placed(orders, A, cl_ord_id="dummy-1", pair="ETHUSD")
    placed(orders, B, NOW + 20 * S, cl_ord_id="dummy-1")
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + 21 * S) == {"XBTUSD": 8}
    assert price(orders, kraken("CancelOrder", txid=A), NOW + 21 * S) == {"ETHUSD": 4}


def test_an_answer_that_cannot_be_read_makes_nothing_cheaper(orders: OrderAges) -> None:
    placed(orders, A, cl_ord_id="dummy-1")
    amend = leave(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="dummy-1"), NOW + 400 * S)
    orders.end(amend, Executed.YES, Reply(200, b"OK", (), b"[]", 1), NOW + 400 * S)
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + 401 * S) == {"XBTUSD": 8}


def test_what_rested_longest_is_forgotten_first() -> None:
    orders = OrderAges(most=2)
    under_way = leave(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="under-way"))
    placed(orders, A, cl_ord_id="dummy-1")
    placed(orders, B)
    assert len(orders) == 2
    assert price(orders, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW) == {"": 8}
    assert price(orders, kraken("CancelOrder", txid=B), NOW) == {"XBTUSD": 8}
    orders.end(under_way, Executed.YES, reply({"txid": [C]}), NOW)
    done(orders, kraken("AmendOrder", txid=B), {"amend_id": "T"}, NOW + S)
    placed(orders, A)
    assert price(orders, kraken("CancelOrder", txid=B), NOW + S) == {"XBTUSD": 8}
    assert price(orders, kraken("CancelOrder", txid=C), NOW + S) == {"": 8}
    assert {key[1] for key in orders._known} == {f"txid {A}", f"txid {B}"}


def saved(orders: OrderAges, now_ns: int, down_ns: int, *, clean: bool = True) -> OrderAges:
    found = OrderAges()
    found.restore(json.loads(json.dumps(orders.state(now_ns))), NOW, down_ns, clean=clean)
    return found


def test_ages_go_on_over_a_restart(orders: OrderAges) -> None:
    placed(orders, A, cl_ord_id="dummy-1")
    placed(orders, B, userref="5", pair="ETHUSD")
    placed(orders, C, NOW + 7 * S, userref="5")
    again = saved(orders, NOW + 8 * S, 3 * S)
    assert price(again, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + S) == {"XBTUSD": 5}
    assert price(again, kraken("CancelOrder", userref="5"), NOW + S) == {"ETHUSD": 5, "XBTUSD": 8}
    placed(again, B, NOW, cl_ord_id="dummy-1", pair="ETHUSD")
    assert price(again, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW + S) == {"ETHUSD": 8}


def test_after_a_crash_every_order_may_just_have_been_changed(orders: OrderAges) -> None:
    placed(orders, A)
    again = saved(orders, NOW + 400 * S, S, clean=False)
    assert price(again, kraken("CancelOrder", txid=A), NOW) == {"XBTUSD": 8}
    assert price(again, kraken("CancelOrder", txid=A), NOW + 6 * S) == {"XBTUSD": 6}


def test_what_was_under_way_is_new_after_a_restart(orders: OrderAges) -> None:
    leave(orders, kraken("AddOrder", pair="XBTUSD", cl_ord_id="dummy-1"))
    again = saved(orders, NOW + 400 * S, 400 * S)
    assert price(again, kraken("CancelOrder", cl_ord_id="dummy-1"), NOW) == {"XBTUSD": 8}


def test_only_the_newest_are_saved(orders: OrderAges) -> None:
    for n in range(2_500):
        placed(orders, A, cl_ord_id=f"dummy-{n}")
    assert len(orders.state(NOW)) == 2_000
    again = saved(orders, NOW, 0)
    assert price(again, kraken("CancelOrder", cl_ord_id="dummy-2499"), NOW + 400 * S) == {}
    assert price(again, kraken("CancelOrder", cl_ord_id="dummy-0"), NOW + 400 * S) == {"": 8}


def test_bad_data_restores_nothing(orders: OrderAges) -> None:
    with pytest.raises(ValueError):
        orders.restore([["main", "XBTUSD", 1, [f"txid {A}"], []], ["main"]], NOW, 0, clean=True)
    assert len(orders) == 0


def test_a_limit_that_does_not_count_by_symbol_has_one_charge(orders: OrderAges) -> None:
    placed(orders, A)
    placed(orders, B, pair="ETHUSD")
    engine = replace(POOL.limits["engine"], per="")
    whole = replace(POOL, limits={**POOL.limits, "engine": engine})
    asked = ask_for(whole, kraken("CancelOrderBatch", orders=json.dumps([A, B])), orders, NOW)
    assert [(c.units, c.detail) for c in asked.charges if c.limit is engine] == [(16, "")]


# ---- against the exchange's own counter

EDIT_PENALTY = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))  # spot rate limits; the simulator has no edits
PAIRS = {"XBTUSD": ["XBTUSD", "XXBTZUSD", "BTC/USD"], "ETHUSD": ["ETHUSD", "XETHZUSD", "eth/usd"]}
STARTER = (60.0, 1.0)  # capacity, decay per second


@dataclass(eq=False)
class Real:
    """An order at the exchange. `told`: the txid that the bot knows, older than `txid` while an edit is under way."""

    txid: str
    pair: str
    client_id: str
    ref: str
    created_ms: int = 0
    open: bool = False
    told: str = ""


@dataclass(eq=False)
class UnderWay:
    name: str
    call: Call
    permit: Permit
    leaving: Leaving
    reals: list[Real]
    answer: dict[str, Any] | None = None


@dataclass
class Market:
    """Bots, daemon and exchange. Calls of different orders overtake each other; a change waits for what was priced
    before it, as calls of one order are served in order."""

    dice: random.Random
    resets: bool  # whether an amend makes an order young at the exchange
    clock: FakeClock = field(default_factory=FakeClock)
    orders: OrderAges = field(default_factory=OrderAges)
    truth: DecayingCounters = field(default_factory=DecayingCounters)
    reals: list[Real] = field(default_factory=list)
    under_way: list[UnderWay] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    sent: int = 0

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)

    @property
    def now_s(self) -> float:
        return self.clock.now_ns() / S

    def step(self) -> None:
        self.clock.advance(self.dice.choice((0, 1_300_000, 90_000_000, 800_000_000, 4_900_000_000, 41 * S)))
        if self.under_way and self.dice.random() < 0.6:
            one = self.dice.choice(self.under_way)
            if one.answer is None:
                one.answer = self.execute(one)
            else:
                self.finish(one)
        else:
            self.begin()
        self.compare()

    def begin(self) -> None:
        name = self.dice.choice(("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrder"))
        name = "CancelOrderBatch" if self.dice.random() < 0.15 else name
        params, reals = self.adding(name) if name.startswith("Add") else self.naming(name)
        if not reals:
            return
        call = kraken(name, **params)
        now = self.clock.now_ns()
        permit = self.ledger.acquire(ask_for(POOL, call, self.orders, now))
        if isinstance(permit, Permit):
            self.sent += 1
            self.under_way.append(UnderWay(name, call, permit, leave(self.orders, call, now), reals))

    def adding(self, name: str) -> tuple[dict[str, str], list[Real]]:
        pair = self.dice.choice(sorted(PAIRS))
        rows: list[dict[str, str]] = []
        reals = []
        busy = {real.ref for one in self.under_way if not one.name.startswith("Add") for real in one.reals}
        for _ in range(1 if name == "AddOrder" else self.dice.randint(2, 4)):
            number = next(self.numbers)
            ref = self.dice.choice(("", "", "7", "8"))
            ref = "" if ref in busy else ref
            client_id = "" if ref or self.dice.random() < 0.3 else f"dummy-{number:05d}"
            rows.append({key: text for key, text in (("userref", ref), ("cl_ord_id", client_id)) if text})
            reals.append(Real(f"O{number:05d}-AAAAA-AAAAAA", pair, client_id, ref))
        spelling = {"pair": self.dice.choice(PAIRS[pair])}
        return {**spelling, **rows[0]} if len(rows) == 1 else {**spelling, "orders": json.dumps(rows)}, reals

    def naming(self, name: str) -> tuple[dict[str, str], list[Real]]:
        """Orders that the bot knows by txid (answered) or by its own id."""
        changes = name in ("AmendOrder", "EditOrder")
        busy = {id(real) for one in self.under_way for real in one.reals if changes}
        known = [real for real in self.reals if real.open and id(real) not in busy]
        if changes and any(one.name == "CancelOrder" and "userref" in one.call.params for one in self.under_way):
            return {}, []
        if not known:
            return {}, []
        if name == "CancelOrderBatch":
            some = self.dice.sample(known, min(len(known), 3))
            by_id = [real.client_id for real in some if real.client_id]
            rest = [real.told for real in some if not real.client_id]
            return {"orders": json.dumps(rest), "cl_ord_ids": json.dumps(by_id)}, some
        real = self.dice.choice(known)
        if name == "CancelOrder" and real.ref and self.dice.random() < 0.5:
            return {"userref": real.ref}, [other for other in self.reals if other.open and other.ref == real.ref]
        if real.client_id and name != "EditOrder":
            return {"cl_ord_id": real.client_id}, [real]
        return {"txid": real.told, "pair": self.dice.choice(PAIRS[real.pair])}, [real]

    def execute(self, one: UnderWay) -> dict[str, Any]:
        now_ms = self.clock.now_ns() // 1_000_000
        reals = one.reals
        if one.name.startswith("Add"):
            self.charge(reals[0].pair, 1 if one.name == "AddOrder" else len(reals) / 2)
            for real in reals:
                real.created_ms, real.open = now_ms, True
            rows = [{"txid": real.txid} for real in reals]
            return {"txid": [rows[0]["txid"]]} if one.name == "AddOrder" else {"orders": rows}
        if "userref" in one.call.params:
            reals = [real for real in self.reals if real.ref == one.call.params["userref"]]
        fixed, table = {"AmendOrder": (1, AMEND_PENALTY), "EditOrder": (1, EDIT_PENALTY)}.get(
            one.name, (0, CANCEL_PENALTY)
        )
        answer: dict[str, Any] = {}
        text = " ".join(one.call.params.values())
        for real in reals:
            by_id = bool(real.client_id) and real.client_id in text
            if not real.open or not (by_id or real.txid in text or "userref" in one.call.params):
                continue
            order: Any = SimpleNamespace(created_ms=real.created_ms)
            self.charge(real.pair, fixed + penalty(order, table, now_ms))
            if one.name.startswith("Cancel"):
                real.open = False
            elif one.name == "EditOrder":
                real.txid, real.created_ms = f"O{next(self.numbers):05d}-AAAAA-AAAAAA", now_ms
                answer["txid"] = real.txid
            elif self.resets:
                real.created_ms = now_ms
        return answer

    def charge(self, pair: str, units: float) -> None:
        assert self.truth.take(pair, units, *STARTER, self.now_s), "EOrder:Rate limit exceeded"

    def finish(self, one: UnderWay) -> None:
        self.under_way.remove(one)
        now = self.clock.now_ns()
        self.orders.end(one.leaving, Executed.YES, reply(one.answer), now)
        self.ledger.settle(one.permit, sent=True, well=True)
        if one.name.startswith("Add"):
            self.reals.extend(one.reals)
        for real in one.reals:
            if one.name.startswith("Add") or one.name == "EditOrder":
                real.told = real.txid

    def compare(self) -> None:
        ours = {c.detail: c.used for c in self.ledger.snapshot().counters if c.limit == "engine"}
        for pair in PAIRS:
            assert ours.get(pair, 0.0) >= self.truth.level(pair, STARTER[1], self.now_s) - 1e-6


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=60, deadline=None)
def test_our_counter_is_never_below_the_exchanges(seed: int, resets: bool) -> None:
    market = Market(random.Random(seed), resets)
    for _ in range(250):
        market.step()
    assert market.sent > 20
