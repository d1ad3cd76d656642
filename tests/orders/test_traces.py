"""The short form of tests/orders/traces.py."""

from collections import Counter

import pytest

from tests.orders.trace_dialects import DIALECTS
from tests.orders.trace_plan import plan
from tests.orders.traces import trace, traces

COUNT = 120


@pytest.mark.parametrize("exchange", DIALECTS)
def test_no_intent_is_executed_twice_and_nothing_is_told_that_is_not_so(exchange: str) -> None:
    counts: Counter[str] = Counter()
    for outcome in traces(COUNT, 7, exchange):
        assert outcome.broken == [], f"python -m tests.orders.traces --only {outcome.plan.seed}"
        counts += outcome.counts
    # The traces went where it is dangerous.
    assert counts["orders at the exchange"] > COUNT and counts["copies sent"] > counts["orders at the exchange"]
    for fate in (
        "late",
        "stall",
        "maybe",
        "lost before",
        "lost after",
        "unreachable",
        "throttled",
        "banned",
        "suspended",
    ):
        assert counts[f"fate: {fate}"] > 10, fate
    for told in ("yes (exchange)", "yes (exchange), replayed", "no (exchange)", "unknown (outcome_unknown)"):
        assert counts[f"told: {told}"] > COUNT // 4, told
    assert counts["resolved: executed"] > COUNT // 2 and counts["resolved: absent"] > COUNT // 2
    assert sum(count for name, count in counts.items() if name.startswith("kill")) > COUNT // 2


def test_a_trace_can_be_had_again() -> None:
    first, second = (trace(plan("7/binance/1", "binance")) for _ in range(2))
    assert first.counts == second.counts and len(first.log) == len(second.log)
