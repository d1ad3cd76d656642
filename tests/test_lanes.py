import asyncio

import pytest

from proxy.fairness import Contest
from proxy.lanes import Lane, Waiter, contest_names, lane_name
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Scope, Shape

ORDERS = Limit("orders", Scope.ACCOUNT, Shape.SLIDING, 10, 1_000)
WEIGHT = Limit("weight", Scope.ADDRESS, Shape.FIXED, 100, 1_000)
ROUTES = (KeyRoutes("a", ("192.0.2.1",)),)


def ask(*limits: Limit, units: float = 1, account: str = "main", exchange: str = "binance") -> Ask:
    return Ask(exchange, account, CallClass.READ, tuple(Charge(limit, units) for limit in limits), ROUTES)


def lane(wanted: Ask) -> Lane:
    rows = contest_names(wanted, 3)
    return Lane(lane_name(wanted), 3, tuple(Contest() for _ in rows), tuple(row[1:] for row in rows), wanted)


@pytest.fixture
def numbers() -> list[int]:
    return []


async def join(row: Lane, numbers: list[int], bot: str, priority: int = 0) -> Waiter:
    numbers.append(len(numbers))
    future = asyncio.get_running_loop().create_future()
    waiter = Waiter(len(numbers), bot, 1.0, row.ask, 0, lambda: False, future, priority)
    row.add(waiter)
    return waiter


def test_calls_of_one_lane_differ_in_their_units_at_most() -> None:
    assert lane_name(ask(ORDERS)) == lane_name(ask(ORDERS, units=3))
    assert len({lane_name(row) for row in (ask(), ask(ORDERS), ask(ORDERS, WEIGHT), ask(ORDERS, account="b"))}) == 4


def test_accounts_compete_for_what_counts_by_address() -> None:
    mine, others = (set(contest_names(ask(ORDERS, WEIGHT, account=account), 3)) for account in ("main", "second"))
    assert [name[3] for name in mine & others] == ["weight"]
    assert not set(contest_names(ask(WEIGHT), 3)) & set(contest_names(ask(WEIGHT, exchange="kraken"), 3))
    assert not set(contest_names(ask(WEIGHT), 3)) & set(contest_names(ask(WEIGHT), 2))


async def test_the_head_is_of_the_bot_that_had_least_on_its_tightest_limit(numbers: list[int]) -> None:
    row = lane(ask(ORDERS, WEIGHT))
    first, second = [await join(row, numbers, bot) for bot in ("a", "b")]
    assert row.head() is first
    row.contests[0].charge("a", 0.1, 1)
    row.contests[1].charge("b", 0.05, 1)
    row.rebase()
    assert row.head() is second
    row.contests[1].charge("b", 0.1, 1)
    assert row.head() is first


async def test_a_bots_calls_in_their_order(numbers: list[int]) -> None:
    row = lane(ask(ORDERS))
    first, second, third = [await join(row, numbers, "a") for _ in range(3)]
    row.remove(second)
    assert row.head() is first
    row.remove(first)
    assert row.head() is third
    row.remove(third)
    assert not row.queues and row.contests[0].empty


async def test_a_bots_calls_by_priority_and_leads_before_priorities(numbers: list[int]) -> None:
    row = lane(ask(ORDERS))
    meek = await join(row, numbers, "b", 1)
    low, urgent, first = [await join(row, numbers, "a", priority) for priority in (1, -1, 0)]
    assert list(row.queues["a"]) == [urgent, first, low]
    assert row.head() is urgent  # neither has had more
    row.contests[0].charge("a", 0.1, 1)
    row.rebase()
    assert row.head() is meek


async def test_who_stands_behind_the_head_waits_at_least_as_long(numbers: list[int]) -> None:
    row = lane(ask(ORDERS))
    await join(row, numbers, "a")
    row.held, row.held_ns = NotUntil(500, Scope.ACCOUNT, "orders"), 1_000
    assert row.behind("a", 0, 1_200) == row.behind("b", 0, 1_200) == NotUntil(300, Scope.ACCOUNT, "orders")
    assert row.at_least(2_000) == NotUntil(0, Scope.ACCOUNT, "orders")
    row.contests[0].join("b")  # it waits in another lane, and has had less
    row.contests[0].charge("a", 0.5, 1)
    assert row.behind("b", 0, 1_200) is None
    assert row.behind("a", 0, 1_200) is not None


def test_whose_room_may_be_this_lanes() -> None:
    assert lane(ask(ORDERS)).gains_from(ask(ORDERS))
    assert not lane(ask(ORDERS)).gains_from(ask(WEIGHT))
    assert lane(ask(WEIGHT)).gains_from(ask(ORDERS))  # the exchange's clock may be known better
    assert not lane(ask(WEIGHT)).gains_from(ask(WEIGHT, exchange="kraken"))
