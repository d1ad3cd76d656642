"""The measurement itself works, here without nginx and wrk; how fast anything is, is not asked."""

import os
from collections.abc import Iterator

import pytest

from tests.bench.forward import measure


@pytest.fixture(autouse=True)
def _own_cores() -> Iterator[None]:
    mine = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, mine)


def test_every_subject_carries_orders_without_errors() -> None:
    results = measure(0.3, 1, tools=False)
    assert [row.subject for row in results] == ["ordergate", "aiohttp"]
    for row in results:
        assert row.errors == 0
        assert row.rate > 0 and row.cpu_us > 0 and row.times_naive > 0
