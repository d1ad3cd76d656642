"""An exchange that says "per key" and may count per account: the daemon finds out, and only if it is so."""

import asyncio
import itertools
import json
import logging
from collections import Counter
from collections.abc import Callable

import pytest

from proxy.metrics import WAITS
from proxy.simulator import Simulator
from tests.e2e.bots import Said, call, line_to, place_of
from tests.e2e.worlds import CRYPTOCOM, World

PAIR = (CRYPTOCOM.name, "orders_100ms")
NUMBERS = itertools.count()


async def orders(world: World, count: int, bots: int = 24) -> list[Said]:
    """`count` orders of `bots` bots, as fast as they get through."""
    left = iter(range(count))

    async def trade() -> list[Said]:
        async with line_to(world) as line:
            names = (f"dummy-{next(NUMBERS)}" for _ in left)
            return [await call(line, place_of(CRYPTOCOM, name), name) for name in names]

    return [said for some in await asyncio.gather(*(trade() for _ in range(bots))) for said in some]


def coupled(world: World) -> frozenset[tuple[str, str]]:
    return world.do(lambda: world.daemon.ledger.coupled)


def by_account(sim: Simulator) -> None:
    sim.count_by_account(True)


async def test_an_account_wide_count_is_found_out_and_then_kept_to(
    new_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = new_world()
    world.do(lambda: by_account(world.sim))
    with caplog.at_level(logging.WARNING):
        learning = world.mark()
        for _ in range(10):
            await orders(world, 60)
            world.jump(400)  # whoever rests has rested
            if coupled(world):
                break
    assert coupled(world) == {PAIR}
    assert (
        caplog.text.count("cryptocom-main: orders_100ms is counted by account, not by key: more keys add nothing") == 1
    )
    assert {entry.status for entry in world.since(learning)} == {200, 429}

    start = world.mark()
    answers = await orders(world, 150)
    assert [said for said in answers if not said.well] == []
    entries = world.since(start)
    assert Counter(entry.status for entry in entries) == {200: 150}
    assert {entry.key for entry in entries} == {"key-1", "key-2", "key-3"}
    counters = world.do(lambda: world.daemon.ledger.snapshot().counters)
    assert {row.scope.value for row in counters if row.limit == PAIR[1]} == {"account"}
    assert world.do(lambda: world.daemon.metrics.counts)[WAITS, *PAIR, "account"] > 0
    status = json.loads(world.do(world.daemon.admin.state))
    (account,) = (row for row in status["accounts"] if row["account"] == CRYPTOCOM.name)
    assert {row["limit"]: row["coupled"] for row in account["limits"]}[PAIR[1]] is True


async def test_keys_that_are_counted_apart_are_never_coupled(new_world: Callable[..., World]) -> None:
    world = new_world()
    start = world.mark()
    answers = await orders(world, 400)
    assert [said for said in answers if not said.well] == []
    entries = world.since(start)
    assert {entry.status for entry in entries} == {200}
    assert coupled(world) == frozenset()
    # It was a test: together the keys were over what one has.
    times = sorted(entry.at_ms for entry in entries)
    most = max(sum(at <= other < at + 100 for other in times) for at in times)
    assert most > 15
