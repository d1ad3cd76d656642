"""What is counted and said of calls that cannot go at once."""

import asyncio
import logging
from typing import Any

import pytest

from proxy.dispatch import Dispatcher
from proxy.limits.ledger import MemoryLedger
from proxy.limits.plan import Place
from proxy.limits.room import free
from proxy.limits.window import NEVER_NS
from proxy.metrics import WAITS, Metrics
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from proxy.waits import Waits
from tests.fakes import FakeClock, settled

SECOND = 1_000_000_000
ORDERS = Limit("orders_10s", Scope.ACCOUNT, Shape.SLIDING, 2, 10 * SECOND)
ENGINE = Limit("engine", Scope.ACCOUNT, Shape.DECAYING, 2, 10 * SECOND, per="symbol")
COUNTER = Limit("counter", Scope.KEY, Shape.SLIDING, 1, 10 * SECOND)
WEIGHT = Limit("weight", Scope.ADDRESS, Shape.SLIDING, 1, 10 * SECOND)


class Desk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.metrics = Metrics()
        self.ledger = MemoryLedger(self.clock)
        self.waits = Waits(self.clock, self.metrics)
        self.dispatcher = Dispatcher(self.ledger, self.clock, waits=self.waits)

    def counted(self) -> dict[tuple[str, ...], int]:
        return {key[1:]: n for key, n in self.metrics.counts.items() if key[0] == WAITS}

    async def take(self, wanted: Ask, within_s: float) -> Permit | NotUntil:
        return await self.dispatcher.take(wanted, deadline_ns=self.clock.now_ns() + int(within_s * SECOND))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "ordergate")
    return caplog


def ask(limit: Limit, *, keys: int = 3, addresses: int = 2) -> Ask:
    rows = tuple(KeyRoutes(f"k{n}", tuple(f"192.0.2.{i}" for i in range(addresses))) for n in range(keys))
    return Ask("binance", "main", CallClass.PLACE, (Charge(limit, 1),), rows)


@pytest.mark.parametrize(
    ("limit", "room"), [(ORDERS, 2), (COUNTER, 3), (WEIGHT, 2)], ids=lambda v: v.scope if isinstance(v, Limit) else ""
)
async def test_calls_are_counted_by_what_is_in_the_way(desk: Desk, limit: Limit, room: int) -> None:
    wanted = ask(limit)
    for _ in range(room):
        permit = await desk.take(wanted, 1)
        assert isinstance(permit, Permit)
        desk.dispatcher.settle(permit, sent=True, well=True)
    assert desk.counted() == {}
    assert isinstance(await desk.take(wanted, 1), NotUntil)  # refused at once
    name = ("main", limit.name, limit.scope.value)
    assert desk.counted() == {name: 1}


async def test_each_call_that_waits_is_counted_once(desk: Desk) -> None:
    wanted = ask(ORDERS)
    for _ in range(2):
        permit = await desk.take(wanted, 1)
        assert isinstance(permit, Permit)
        desk.dispatcher.settle(permit, sent=True, well=True)
    tasks = [asyncio.ensure_future(desk.take(wanted, 60)) for _ in range(5)]
    await settled()
    late = await desk.take(wanted, 1)  # refused because of those before it
    assert isinstance(late, NotUntil)
    for _ in range(3):
        desk.clock.advance(10 * SECOND)
        await settled()
        for task in tasks:
            if task.done() and isinstance(permit := task.result(), Permit):
                desk.dispatcher.settle(permit, sent=True, well=True)
    assert all(isinstance(task.result(), Permit) for task in tasks)
    assert desk.counted() == {("main", "orders_10s", "account"): 6}


async def test_a_rest_is_a_block_whatever_its_reason(desk: Desk) -> None:
    desk.ledger.block(("account", "main"), 5 * SECOND, "throttled: code 42901 of a moment")
    assert isinstance(await desk.take(ask(ORDERS), 1), NotUntil)
    assert desk.counted() == {("main", "block", "account"): 1}


def test_it_says_once_in_ten_minutes_that_routes_add_nothing(desk: Desk, said: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        desk.waits(ask(ORDERS), NotUntil(4 * SECOND, Scope.ACCOUNT, "orders_10s"))
    desk.waits(ask(ENGINE), NotUntil(None, Scope.ACCOUNT, "engine"))
    assert [record.getMessage() for record in said.records] == [
        "main: orders_10s counts by account: 3 keys and 2 addresses add nothing; calls wait up to 4.0 s",
        "main: engine counts by account and symbol: 3 keys and 2 addresses add nothing; calls wait up to 10.0 s",
    ]
    desk.clock.advance(599 * SECOND)
    desk.waits(ask(ORDERS), NotUntil(SECOND, Scope.ACCOUNT, "orders_10s"))
    assert len(said.records) == 2
    desk.clock.advance(SECOND)
    desk.waits(ask(ORDERS), NotUntil(NEVER_NS, Scope.ACCOUNT, "orders_10s"))
    assert said.records[-1].getMessage().endswith("calls wait up to 10.0 s")


def test_it_says_account_of_a_coupled_limit(desk: Desk, said: pytest.LogCaptureFixture) -> None:
    desk.waits(ask(COUNTER), NotUntil(SECOND, Scope.ACCOUNT, "counter"))
    assert said.records[0].getMessage().startswith("main: counter counts by account: 3 keys")


def test_it_says_nothing_where_nobody_would_hope(desk: Desk, said: pytest.LogCaptureFixture) -> None:
    desk.waits(ask(ORDERS, keys=1, addresses=1), NotUntil(SECOND, Scope.ACCOUNT, "orders_10s"))
    desk.waits(ask(COUNTER), NotUntil(SECOND, Scope.KEY, "counter"))
    desk.waits(ask(WEIGHT), NotUntil(SECOND, Scope.ADDRESS, "weight"))
    desk.waits(ask(ORDERS), NotUntil(SECOND, Scope.ACCOUNT, "throttled: 5"))
    assert said.records == []


def test_an_account_limit_stops_a_call_before_keys_and_addresses_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many routes: one window is asked."""
    ledger = MemoryLedger(FakeClock())
    limits = (ORDERS, COUNTER, WEIGHT)
    rows = ask(ORDERS, keys=10, addresses=20).routes
    wanted = Ask("binance", "main", CallClass.PLACE, tuple(Charge(limit, 1) for limit in limits), rows)
    for _ in range(2):
        assert isinstance(ledger.acquire(wanted), Permit)
    looked: list[Place] = []

    def counting(now_ns: int, place: Place, *rest: Any) -> bool:
        looked.append(place)
        return free(now_ns, place, *rest)

    monkeypatch.setattr("proxy.limits.ledger.free", counting)
    found = ledger.acquire(wanted)
    assert isinstance(found, NotUntil)
    assert (found.scope, found.what) == (Scope.ACCOUNT, "orders_10s")
    assert [[charge.limit for _, charge in place.bookings] for place in looked] == [[ORDERS]]
