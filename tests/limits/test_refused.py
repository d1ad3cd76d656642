from proxy.limits.refused import Refused
from proxy.limits.window import NEVER_NS
from proxy.model import NotUntil, Scope


def test_no_route_at_all() -> None:
    assert Refused().shortest() == NotUntil(NEVER_NS, Scope.KEY, "no route")


def test_the_shortest_wait() -> None:
    refused = Refused()
    refused.add(9, Scope.KEY, "calls")
    refused.add(5, Scope.ADDRESS, "weight")
    refused.add(7, Scope.PAIR, "not whitelisted")
    assert refused.shortest() == NotUntil(5, Scope.ADDRESS, "weight")


def test_a_busy_route_may_be_free_sooner() -> None:
    refused = Refused()
    refused.add(None, Scope.KEY, "in_flight")
    refused.add(5, Scope.ADDRESS, "weight")
    assert refused.shortest() == NotUntil(5, Scope.ADDRESS, "weight", sooner=True)


def test_a_dead_route_does_not_hide_a_busy_one() -> None:
    refused = Refused()
    refused.add(NEVER_NS, Scope.KEY, "revoked")
    refused.add(None, Scope.KEY, "in_flight")
    assert refused.shortest() == NotUntil(None, Scope.KEY, "in_flight")


def test_only_busy_routes() -> None:
    refused = Refused()
    refused.add(None, Scope.KEY, "in_flight")
    assert refused.shortest() == NotUntil(None, Scope.KEY, "in_flight")
