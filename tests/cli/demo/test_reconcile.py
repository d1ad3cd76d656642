"""The books against the ledger: every way in which they can disagree is found."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from proxy.cli.demo.bots import Books
from proxy.cli.demo.reconcile import Reconciliation, Row, reconcile
from proxy.simulator import Ledger


@dataclass(frozen=True)
class Executed:
    """What reconciliation looks at of an order."""

    account: str
    client_id: str


@dataclass
class World:
    """Two bots of one account, and what the exchange has seen of them."""

    ledger: Ledger = field(default_factory=lambda: Ledger(100))
    books: list[Books] = field(default_factory=lambda: [Books("binance", "desk"), Books("binance", "desk")])

    def execute(self, *order_ids: str, account: str = "desk") -> None:
        for order_id in order_ids:
            self.ledger.execute("binance", cast(Any, Executed(account, order_id)), given_id=True)

    def row(self) -> Row:
        (row,) = reconcile(self.books, self.ledger, {}).rows
        return row

    def faults(self) -> dict[str, int]:
        row = self.row()
        return {n: getattr(row, n) for n in ("failed", "doubled", "lost", "strange", "unknown") if getattr(row, n)}

    @property
    def clean(self) -> bool:
        return reconcile(self.books, self.ledger, {}).clean


@pytest.fixture
def world() -> World:
    made = World()
    made.books[0].orders = {"a-1": "placed", "a-2": "cancelled"}
    made.books[1].orders = {"b-1": "placed"}
    for books in made.books:
        books.calls, books.attempts = 5, 6
    made.execute("a-1", "a-2", "b-1")
    return made


def test_books_that_agree(world: World) -> None:
    assert world.row() == Row("desk", 10, 12, 0, 3, 3, 0, 0, 0, 0)
    assert world.clean


def test_a_doubled_order(world: World) -> None:
    world.execute("a-1")
    assert world.faults() == {"doubled": 1}
    assert not world.clean


def test_a_doubled_order_that_the_bot_thinks_refused(world: World) -> None:
    world.books[0].orders["a-3"] = "refused"
    world.execute("a-3", "a-3")
    assert world.faults() == {"doubled": 1, "strange": 2}


def test_a_lost_order(world: World) -> None:
    world.books[0].orders["a-3"] = "placed"
    world.books[1].orders["b-2"] = "cancelled"
    assert world.faults() == {"lost": 2}
    assert not world.clean


def test_a_strange_order(world: World) -> None:
    world.execute("nobodys")
    assert world.faults() == {"strange": 1}
    assert not world.clean


def test_a_refused_order_that_was_executed(world: World) -> None:
    world.books[0].orders["a-3"] = "refused"
    assert world.clean
    world.execute("a-3")
    assert world.faults() == {"strange": 1}
    assert not world.clean


@pytest.mark.parametrize("executed", [False, True])
def test_an_unknown_order_is_no_clean_end_whatever_became_of_it(world: World, executed: bool) -> None:
    world.books[0].orders["a-3"] = "unknown"
    if executed:
        world.execute("a-3")
    assert world.faults() == {"unknown": 1}
    assert not world.clean


def test_a_failed_call(world: World) -> None:
    world.books[1].failed = 1
    assert world.faults() == {"failed": 1}
    assert not world.clean


def test_an_account_that_never_traded_proves_nothing(world: World) -> None:
    world.books.append(Books("binance", "idle"))
    assert not world.clean


def test_accounts_are_kept_apart(world: World) -> None:
    other = Books("binance", "other", {"o-1": "placed"})
    world.books.append(other)
    world.execute("o-1", account="other")
    rows = reconcile(world.books, world.ledger, {}).rows
    assert [(row.account, row.placed, row.executed) for row in rows] == [("desk", 3, 3), ("other", 1, 1)]
    world.execute("o-1")  # at the wrong account
    rows = reconcile(world.books, world.ledger, {}).rows
    assert [(row.account, row.strange) for row in rows] == [("desk", 1), ("other", 0)]


def test_for_programs(world: World) -> None:
    told = reconcile(world.books, world.ledger, {"banned": 2}).as_dict()
    assert told["clean"] is True and told["turned_away"] == {"banned": 2}
    assert told["accounts"][0]["account"] == "desk"


def test_no_rows_at_all() -> None:
    assert Reconciliation((), {}).as_dict() == {"clean": True, "accounts": [], "turned_away": {}}
