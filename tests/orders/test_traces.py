"""The short form of tests/orders/traces.py."""

from collections import Counter

import pytest

from tests.orders.trace_book import Book
from tests.orders.trace_plan import plan
from tests.orders.traces import trace, traces

_DANGERS = ("late", "stall", "maybe", "lost before", "lost after", "unreachable", "throttled", "banned", "suspended")


@pytest.mark.parametrize(("exchange", "count"), [("binance", 140), ("kraken", 60), ("cryptocom", 60)])
def test_no_intent_is_executed_twice_and_nothing_is_told_that_is_not_so(exchange: str, count: int) -> None:
    counts: Counter[str] = Counter()
    for outcome in traces(count, 7, exchange):
        assert outcome.broken == [], f"python -m tests.orders.traces --only {outcome.plan.seed}"
        counts += outcome.counts
    # The traces went where it is dangerous.
    assert counts["orders at the exchange"] > count and counts["copies sent"] > counts["orders at the exchange"]
    assert min(counts[f"fate: {fate}"] for fate in _DANGERS) > count // 10
    for told in ("yes (exchange)", "yes (exchange), replayed", "no (exchange)", "unknown (outcome_unknown)"):
        assert counts[f"told: {told}"] > count // 4, told
    assert counts["resolved: executed"] > count // 2 and counts["resolved: absent"] > count // 2
    assert sum(number for name, number in counts.items() if name.startswith("kill")) > count // 3


def test_an_order_that_is_called_absent_and_exists_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where an exchange shows no orders at all."""
    monkeypatch.setattr(Book, "seen", lambda *asked: [])
    broken = {rule for outcome in traces(20, 7, "binance") for rule, _ in outcome.broken}
    assert {"b", "c"} <= broken


def test_a_trace_can_be_had_again() -> None:
    first, second = (trace(plan("7/binance/1", "binance")) for _ in range(2))
    assert first.counts == second.counts and len(first.log) == len(second.log)
