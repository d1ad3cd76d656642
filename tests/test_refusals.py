"""Our refusals of admitted calls."""

import pytest

from proxy import refusals
from proxy.limits.blocks import FOREVER_NS
from proxy.model import Executed, NotUntil, Outcome, Refusal, Scope, Verdict

S = 1_000_000_000


def verdict(outcome: Outcome) -> Verdict:
    return Verdict(outcome, Executed.NO, None, None, "dummy reset")


@pytest.mark.parametrize(
    ("wait_ns", "retry_after_s"), [(1, 1), (S - 1, 1), (S, 2), (30 * S, 31), (59 * S, 60), (500 * S, 60)]
)
def test_a_wait_that_helps(wait_ns: int, retry_after_s: int) -> None:
    got = refusals.no_room(NotUntil(wait_ns, Scope.ADDRESS, "weight_1m"))
    assert (got.status, got.reason, got.retry_after_s) == (429, "rate_limited", retry_after_s)
    assert "address limit weight_1m" in got.message


def test_nobody_knows_how_long() -> None:
    got = refusals.no_room(NotUntil(None, Scope.KEY, "in_flight"))
    assert (got.status, got.reason, got.retry_after_s) == (503, "no_route", 1)
    assert "in_flight" in got.message


def test_coming_again_is_useless() -> None:
    got = refusals.no_room(NotUntil(FOREVER_NS, Scope.KEY, "blocked"))
    assert (got.status, got.reason, got.retry_after_s) == (503, "no_route", 0)


def test_no_answer() -> None:
    got = refusals.no_answer(verdict(Outcome.NEVER_CONNECTED))
    assert (got.status, got.reason, got.retry_after_s) == (503, "no_route", 1)
    assert refusals.no_answer(verdict(Outcome.UNKNOWN)) == Refusal(
        504, "upstream_failed", "no answer from the exchange: dummy reset"
    )


def test_an_unknown_outcome_names_the_call_and_warns() -> None:
    got = refusals.outcome_unknown("ab12cd-7", verdict(Outcome.UNKNOWN))
    assert (got.status, got.reason, got.retry_after_s) == (504, "outcome_unknown", 0)
    assert "ab12cd-7" in got.message and "do not repeat it" in got.message


def test_a_full_queue() -> None:
    assert refusals.queue_full().retry_after_s == 1
