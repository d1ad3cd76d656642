import pytest

from proxy.limits.refused import Refused, later
from proxy.limits.window import NEVER_NS
from proxy.model import NotUntil, Scope


def test_no_route_at_all() -> None:
    assert Refused().shortest() == NotUntil(NEVER_NS, Scope.KEY, "no route")


def test_the_shortest_wait() -> None:
    refused = Refused()
    refused.add(NotUntil(9, Scope.KEY, "calls"))
    refused.add(NotUntil(5, Scope.ADDRESS, "weight"))
    refused.add(NotUntil(7, Scope.PAIR, "not whitelisted"))
    assert refused.shortest() == NotUntil(5, Scope.ADDRESS, "weight")


def test_a_busy_route_may_be_free_sooner() -> None:
    refused = Refused()
    refused.add(NotUntil(None, Scope.KEY, "in_flight"))
    refused.add(NotUntil(5, Scope.ADDRESS, "weight"))
    assert refused.shortest() == NotUntil(5, Scope.ADDRESS, "weight", sooner=True)


def test_a_dead_route_does_not_hide_a_busy_one() -> None:
    refused = Refused()
    refused.add(NotUntil(NEVER_NS, Scope.KEY, "revoked"))
    refused.add(NotUntil(None, Scope.KEY, "in_flight"))
    assert refused.shortest() == NotUntil(None, Scope.KEY, "in_flight")


def test_only_busy_routes() -> None:
    refused = Refused()
    refused.add(NotUntil(None, Scope.KEY, "in_flight"))
    assert refused.shortest() == NotUntil(None, Scope.KEY, "in_flight")


FREE, BUSY = NotUntil(0, Scope.KEY, ""), NotUntil(None, Scope.KEY, "in_flight")
SHORT, LONG = NotUntil(5, Scope.ACCOUNT, "orders"), NotUntil(9, Scope.ADDRESS, "weight")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(SHORT, LONG, LONG), (FREE, SHORT, SHORT), (BUSY, SHORT, SHORT), (FREE, BUSY, BUSY), (FREE, FREE, FREE)],
)
def test_of_two_things_in_the_way_the_one_that_stays(one: NotUntil, other: NotUntil, expected: NotUntil) -> None:
    assert later(one, other) == later(other, one) == expected
