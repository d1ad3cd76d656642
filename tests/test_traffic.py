"""For random traffic, jitter and limits: no true window of any scope is overrun, nobody starves, promises are kept.

More examples than in the default run: ORDERGATE_EXAMPLES=2000 python -m pytest tests/test_traffic.py
"""

import asyncio
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from tests.fakes import settled
from tests.traffic import EXCHANGE, SECOND, START, Traffic, Truth, random_limits

FAR = START + 10**9 * SECOND
EXAMPLES = int(os.environ.get("ORDERGATE_EXAMPLES", "40"))
repeatable = settings(max_examples=EXAMPLES, deadline=None, derandomize="ORDERGATE_EXAMPLES" not in os.environ)
SEEDS = st.integers(0, 2**32)


@repeatable
@given(seed=SEEDS)
def test_no_true_window_of_any_scope_is_overrun_and_nobody_waits_past_its_deadline(seed: int) -> None:
    rng = random.Random(seed)

    async def run() -> None:
        traffic = Traffic(rng, random_limits(rng))
        for _ in range(60):
            for _ in range(rng.choice([0, 1, 1, 2, 8])):
                wait = rng.choice([0, rng.randrange(1, 5 * SECOND), 10**18])
                traffic.put(traffic.clock.now_ns() + wait)
            if rng.random() < 0.2:
                traffic.learn()
            await settled()
            if rng.random() < 0.05 and traffic.waiting:
                traffic.tasks[rng.choice(list(traffic.waiting))].cancel()
            pause = rng.choice([0, rng.randrange(SECOND // 10), rng.randrange(SECOND), rng.randrange(4 * SECOND)])
            await traffic.run_until(traffic.clock.now_ns() + pause)
        assert traffic.truth.overrun == []
        for _ in range(400):  # arrivals have ended: all who have time are served
            if not traffic.waiting:
                break
            await traffic.run_until(traffic.clock.now_ns() + 20 * SECOND)
        assert traffic.waiting == {} and traffic.dispatcher.length == 0
        await traffic.run_until(traffic.clock.now_ns() + 5 * SECOND)
        assert traffic.truth.overrun == []
        assert traffic.granted > 10 and traffic.truth.counted > 10
        await traffic.close()

    asyncio.run(run())


@repeatable
@given(seed=SEEDS)
def test_under_permanent_arrivals_of_rivals_with_larger_shares_nobody_starves(seed: int) -> None:
    """Rivals that weigh ten times as much, want the same, and are never fewer than twelve in the queue."""
    rng = random.Random(seed)

    async def run() -> None:
        limits = random_limits(rng)
        traffic = Traffic(rng, limits)
        symbol = {limit.name: "XBT" if limit.per else "" for limit in limits}

        def wanted(most: int) -> Ask:
            rows = [
                Charge(
                    limit, 1 if limit.shape is Shape.INFLIGHT else rng.randint(1, min(most, int(limit.capacity))),
                    symbol[limit.name],
                )
                for limit in limits
            ]  # fmt: skip
            return Ask(EXCHANGE, "main", CallClass.PLACE, tuple(rows), traffic.routes)

        def crowd() -> None:
            for _ in range(12 - len(traffic.waiting)):
                traffic.put(FAR, wanted(2), bot=rng.choice(["r1", "r2"]), share=10.0)

        crowd()
        await traffic.run_until(traffic.clock.now_ns() + 5 * SECOND)
        victim = traffic.put(FAR, wanted(20), bot="victim")
        for _ in range(600):
            crowd()
            await traffic.run_until(traffic.clock.now_ns() + SECOND)
            if victim not in traffic.waiting:
                break
        assert victim not in traffic.waiting
        assert traffic.truth.overrun == []
        await traffic.close()

    asyncio.run(run())


async def _idle(rng: random.Random, limits: list[Limit]) -> Traffic:
    """After some traffic, when all answers have come and nobody waits."""
    traffic = Traffic(rng, limits)
    if rng.random() < 0.7:
        traffic.learn()
    for _ in range(rng.randrange(40)):
        traffic.put(traffic.clock.now_ns())
        await traffic.run_until(traffic.clock.now_ns() + rng.choice([0, rng.randrange(SECOND)]))
    await traffic.run_until(traffic.clock.now_ns() + 3 * SECOND)
    return traffic


_SCOPES = (Scope.ADDRESS, Scope.KEY, Scope.ACCOUNT)


@pytest.mark.parametrize("scopes", [*((scope,) for scope in _SCOPES), _SCOPES], ids=lambda found: "+".join(found))
@repeatable
@given(seed=SEEDS)
def test_a_lone_call_goes_at_the_very_time_that_was_promised(seed: int, scopes: tuple[Scope, ...]) -> None:
    """Nothing is in flight, and nobody else comes."""
    rng = random.Random(seed)

    async def run() -> None:
        traffic = await _idle(rng, random_limits(rng, scopes=scopes))
        wanted = traffic.ask()
        found = traffic.ledger.acquire(wanted)
        if isinstance(found, Permit):
            traffic.ledger.settle(found, sent=False, well=True)
            return
        assert found.wait_ns is not None and 0 < found.wait_ns <= 20 * SECOND
        now = traffic.clock.now_ns()
        late = traffic.put(now + found.wait_ns - 1, wanted)
        just = traffic.put(FAR, wanted)
        await traffic.run_until(now)
        assert late not in traffic.waiting and traffic.promised[-1] == found
        await traffic.run_until(now + found.wait_ns - 1)
        assert just in traffic.waiting
        granted = traffic.granted
        await traffic.run_until(now + found.wait_ns)
        assert traffic.granted == granted + 1
        await traffic.close()

    asyncio.run(run())


@repeatable
@given(seed=SEEDS)
def test_over_several_scopes_each_wait_is_a_lower_bound_and_few_of_them_lead_to_a_permit(seed: int) -> None:
    """The ledger tells the wait of the first scope that is full; behind it another one may be."""
    rng = random.Random(seed)

    async def run() -> None:
        traffic = await _idle(rng, random_limits(rng))
        wanted = traffic.ask()
        waits = []
        while isinstance(found := traffic.ledger.acquire(wanted), NotUntil):
            assert found.wait_ns is not None and 0 < found.wait_ns <= 20 * SECOND
            waits.append(found.wait_ns)
            traffic.clock.advance(found.wait_ns)
        assert len(waits) <= 1 + 3 + 3  # the account, three keys, three addresses

    asyncio.run(run())


def test_the_truth_counts_by_itself() -> None:
    """Else the first test would say nothing."""
    for shape in Shape:
        limit = Limit("l", Scope.KEY, shape, 2, 0 if shape is Shape.INFLIGHT else SECOND)
        ask = Ask(EXCHANGE, "main", CallClass.READ, (Charge(limit, 1),), (KeyRoutes("k", ("192.0.2.1",)),))
        traffic = Traffic(random.Random(1), [limit])
        permit = traffic.ledger.acquire(ask)
        assert isinstance(permit, Permit)
        truth = Truth([limit], 0)
        for _ in range(2):
            truth.arrive(permit, 5 * SECOND)
        assert truth.overrun == []
        truth.arrive(permit, 5 * SECOND)
        assert truth.overrun == [f"{shape} l main/k "]
