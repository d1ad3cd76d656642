"""The daemon's own questions, from real addresses to a simulated exchange."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.world import AccountPlan, configuration, simulation
from proxy.config import LimitOverride
from proxy.dispatch import Dispatcher
from proxy.egress import Egress, Resolver
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges import EXCHANGES
from proxy.limits.ledger import MemoryLedger
from proxy.model import Call, Incoming, KeyRoutes, Permit, Upstream
from proxy.own_calls import LimitWatch, OwnCalls
from proxy.pool import Pool, ask_for, pool_of
from proxy.simulator import BinanceLimits, Simulator
from tests.e2e.worlds import MovableClock

S = 1_000_000_000
BINANCE = AccountPlan("binance-main", "binance", 51, keys=1, addresses=2)
OTHER = AccountPlan("binance-other", "binance", 52, keys=1, addresses=1)
CRYPTOCOM = AccountPlan("cryptocom-main", "cryptocom", 53, keys=1, addresses=1)
PLANS = (BINANCE, OTHER, CRYPTOCOM)
A1, A2 = "127.10.51.1", "127.10.51.2"
INFO, TIME = "/api/v3/exchangeInfo", "/api/v3/time"


class Place:
    """A simulator, and everything that OwnCalls needs, with a clock that both follow."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.ledger = MemoryLedger(self.clock)
        self.times = ExchangeClocks(self.clock, self.ledger)
        self.dispatcher = Dispatcher(self.ledger, self.clock)
        self.resolver = Resolver(self.clock)
        self.egress = Egress(clock=self.clock, resolver=self.resolver)
        self.own = OwnCalls(
            clock=self.clock,
            ledger=self.ledger,
            times=self.times,
            dispatcher=self.dispatcher,
            egress=self.egress,
        )
        self.sim: Simulator
        self.pools: dict[str, Pool]

    async def start(self, folder: Path, limits: BinanceLimits, own: dict[str, LimitOverride]) -> None:
        self.sim = Simulator(replace(simulation(PLANS), limits={"binance": limits}), self.clock)
        await self.sim.start()
        accounts = configuration(PLANS, self.sim, (), folder).accounts
        self.pools = {
            name: pool_of(replace(account, limits=own if name == BINANCE.name else {}), EXCHANGES[account.exchange])
            for name, account in accounts.items()
        }

    async def stop(self) -> None:
        await self.egress.aclose()
        await self.resolver.aclose()
        await self.sim.stop()

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What arrived at the exchange: (path, address)."""
        return [(entry.path, entry.address) for entry in self.sim.ledger.entries]

    def upstream(self, plan: AccountPlan = BINANCE) -> Upstream:
        return next(iter(self.pools[plan.name].upstream.values()))

    def take(self, name: str, plan: AccountPlan = BINANCE, *addresses: str) -> Permit | None:
        pool = self.pools[plan.name]
        method, _, path = name.partition(" ")
        endpoint = pool.exchange.table.match(method, path)
        assert endpoint is not None
        ask = ask_for(pool, Call("", "", pool.account, endpoint, Incoming(method, path, "", (), b""), self.upstream()))
        if addresses:
            ask = replace(ask, routes=(KeyRoutes(None, addresses),))
        found = self.ledger.acquire(ask)
        return found if isinstance(found, Permit) else None

    def capacities(self, limit: str) -> dict[str, float]:
        """Of all counters of a limit, by address or account."""
        return {row.name or row.owner: row.capacity for row in self.ledger.snapshot().counters if row.limit == limit}

    def used(self, limit: str) -> dict[str, float]:
        rows = self.ledger.snapshot().counters
        return {row.name or row.owner: row.used for row in rows if row.limit == limit and row.used}

    @property
    def resting(self) -> set[tuple[str, ...]]:
        return {block.subject for block in self.ledger.snapshot().blocks}


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    made: list[Place] = []

    async def begin(limits: BinanceLimits | None = None, own: dict[str, LimitOverride] | None = None) -> Place:
        made.append(Place())
        await made[-1].start(tmp_path, limits or BinanceLimits(), own or {})
        return made[-1]

    yield begin
    for one in made:
        await one.stop()


SMALL = BinanceLimits(weight_1m=900, orders_10s=7, orders_1d=50, raw_5m=3000)


async def test_limits_that_the_exchange_tells_hold_for_all_its_addresses_and_accounts(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ordergate.limits")
    place = await make(SMALL)
    known = place.take("POST /api/v3/order")  # counters of A1 and of the account are there before
    assert known is not None
    assert await place.own.limits(place.pools[BINANCE.name])
    place.take("POST /api/v3/order", OTHER)  # and others are opened afterwards
    for _ in range(2):
        place.take("GET /api/v3/depth")
    assert place.capacities("weight_1m") == {A1: 900, A2: 900, "127.10.52.1": 900}
    assert place.capacities("raw_5m") == {A1: 3000, A2: 3000, "127.10.52.1": 3000}
    assert place.capacities("orders_10s") == {BINANCE.name: 7, OTHER.name: 7}
    assert place.capacities("orders_1d") == {BINANCE.name: 50, OTHER.name: 50}
    said = [record.getMessage() for record in caplog.records]
    assert "the exchange tells that orders_10s is 7; the table says 100" in said
    assert sum("orders_10s" in text for text in said) == 1  # once, and not for each account and hour
    assert await place.own.limits(place.pools[BINANCE.name])
    assert sum("orders_10s" in record.getMessage() for record in caplog.records) == 1


async def test_nothing_is_said_of_limits_that_are_as_in_the_table(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ordergate")
    place = await make()
    assert await place.own.limits(place.pools[BINANCE.name])
    assert caplog.records == []


async def test_the_operators_own_limit_is_lowered_and_never_raised(make: Callable[..., Any]) -> None:
    place = await make(BinanceLimits(orders_10s=60), {"orders_10s": LimitOverride(40), "orders_1d": LimitOverride(9e9)})
    for plan in (BINANCE, OTHER):
        place.take("POST /api/v3/order", plan)
    assert await place.own.limits(place.pools[BINANCE.name])
    for plan in (BINANCE, OTHER):
        place.take("POST /api/v3/order", plan)
    assert place.capacities("orders_10s") == {BINANCE.name: 40, OTHER.name: 60}
    assert place.capacities("orders_1d") == {BINANCE.name: 200_000, OTHER.name: 200_000}


async def test_a_question_is_charged_like_any_call_and_leaves_from_a_free_address(make: Callable[..., Any]) -> None:
    place = await make()
    place.ledger.block(("address", "binance", A1), 60 * S, "a reason")
    assert await place.own.limits(place.pools[BINANCE.name])
    assert place.asked == [(INFO, A2)]
    assert (place.used("weight_1m"), place.used("raw_5m")) == ({A2: 20}, {A2: 1})


async def test_without_room_nothing_is_asked(make: Callable[..., Any]) -> None:
    place = await make()
    for address in (A1, A2):
        place.ledger.block(("address", "binance", address), 60 * S, "a reason")
    assert not await place.own.limits(place.pools[BINANCE.name])
    await place.own.time(place.pools[BINANCE.name], (A1,))
    assert place.asked == []


async def test_an_address_that_is_refused_rests_for_all(make: Callable[..., Any]) -> None:
    place = await make()
    place.sim.ban_address("binance", A1, 300)
    assert not await place.own.limits(place.pools[BINANCE.name])
    assert place.resting == {("address", "binance", A1)}
    assert await place.own.limits(place.pools[BINANCE.name])
    assert place.asked == [(INFO, A1), (INFO, A2)]


async def test_an_exchange_that_cannot_be_reached_costs_nothing(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    place = await make()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    pool = replace(place.pools[BINANCE.name], upstream={"spot": Upstream("http", "127.0.0.1", port, private_ok=True)})
    assert not await place.own.limits(pool)
    assert place.used("weight_1m") == {}
    assert f"{INFO} of binance cannot be read" in caplog.text


async def test_the_exchanges_time_is_read(make: Callable[..., Any]) -> None:
    place = await make()
    place.sim.set_clock_offset("binance", 7000)
    await place.own.time(place.pools[BINANCE.name], (A1,))
    assert place.asked == [(TIME, A1)]
    assert 6900 < place.times.wall_ms("binance") - place.clock.wall_ms() < 7100
    assert place.used("weight_1m") == {A1: 1}


async def test_the_time_is_asked_where_it_is_told(make: Callable[..., Any]) -> None:
    """Of an exchange with several products: the path that tells the time is one of spot's host."""
    place = await make()
    await place.own.time(place.pools[BINANCE.name], (A1,))
    assert place.asked == [(TIME, A1)]
    assert {entry.outcome for entry in place.sim.ledger.entries} == {"ok"}


async def test_the_clocks_of_all_exchanges_are_measured_once_each(make: Callable[..., Any]) -> None:
    place = await make()
    place.sim.set_clock_offset("binance", 7000)
    await place.own.times([*place.pools.values(), *place.pools.values()])
    assert [path for path, _ in place.asked] == [TIME]
    assert 6900 < place.times.wall_ms("binance") - place.clock.wall_ms() < 7100


async def test_an_exchange_without_such_endpoints_is_not_asked(make: Callable[..., Any]) -> None:
    place = await make()
    pool = place.pools[CRYPTOCOM.name]
    await place.own.time(pool, ("127.10.53.1",))
    assert not await place.own.limits(pool)
    assert place.asked == []
    await LimitWatch(place.own, place.clock, (pool,)).run()  # ends at once
    assert place.asked == []


# -- now and again ---------------------------------------------------------------------------------------------


def watch(place: Place, *plans: AccountPlan) -> LimitWatch:
    return LimitWatch(place.own, place.clock, [place.pools[plan.name] for plan in plans or PLANS])


def pause_s(of: LimitWatch, place: Place) -> int:
    return round((of.again_ns["binance"] - place.clock.now_ns()) / S)


async def test_each_exchange_is_asked_once_and_again_after_an_hour(make: Callable[..., Any]) -> None:
    place = await make()
    found = watch(place)
    await found.look()
    assert [path for path, _ in place.asked] == [INFO]
    assert pause_s(found, place) == 3600
    place.clock.jump(3590)
    await found.look()
    assert len(place.asked) == 1
    place.clock.jump(11)
    await found.look()
    assert len(place.asked) == 2


async def test_it_goes_on_by_itself(make: Callable[..., Any]) -> None:
    place = await make()
    running = asyncio.ensure_future(watch(place).run())
    for count in (1, 2, 3):
        while len(place.asked) < count or place.used("raw_5m") == {}:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert len(place.asked) == count
        place.clock.jump(3601)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_another_account_asks_where_the_first_has_no_answer(make: Callable[..., Any]) -> None:
    place = await make()
    for address in (A1, A2):
        place.ledger.block(("address", "binance", address), 60 * S, "a reason")
    await watch(place).look()
    assert place.asked == [(INFO, "127.10.52.1")]


async def test_after_failures_it_asks_ever_less_often(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ordergate.own_calls")
    place = await make()
    found = watch(place, BINANCE)
    subject = ("address", "binance", A1), ("address", "binance", A2)
    for one in subject:
        place.ledger.block(one, 10**6 * S, "a reason")
    pauses = []
    for _ in range(8):
        await found.look()
        pauses.append(pause_s(found, place))
        place.clock.jump(pauses[-1] + 1)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert "the limits of binance are not known now; asked again in 60 s" in caplog.text
    for one in subject:
        place.dispatcher.unblock(one)
    await found.look()
    assert pause_s(found, place) == 3600
    place.clock.jump(3601)
    for one in subject:
        place.ledger.block(one, 10**6 * S, "a reason")
    await found.look()
    assert pause_s(found, place) == 60


async def test_an_answer_that_breaks_us_is_a_failure_like_others(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> Any:
        raise ValueError("dummy")

    place = await make()
    pool = place.pools[BINANCE.name]
    place.pools[BINANCE.name] = replace(pool, exchange=replace(pool.exchange, classify=broken))
    found = watch(place, BINANCE)
    await found.look()
    assert pause_s(found, place) == 60
    assert "asking binance for its limits failed" in caplog.text
    assert sum(place.used("weight_1m").values()) == 20  # it was sent, and its permit is settled
    place.clock.jump(200)
    assert place.used("weight_1m") == {}
