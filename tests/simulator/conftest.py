from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from proxy.simulator import SimClock, SimConfig, Simulator
from tests.simulator.clients import config


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Start simulators that are stopped after the test: `sim = await start(config, clock)`."""
    running: list[Simulator] = []

    async def begin(wanted: SimConfig | None = None, clock: SimClock | None = None) -> Simulator:
        sim = Simulator(wanted or config(), clock)
        await sim.start()
        running.append(sim)
        return sim

    yield begin
    for sim in running:
        await sim.stop()
