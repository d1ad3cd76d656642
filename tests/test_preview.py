"""A dry run names the route, the costs and the wait, and takes nothing."""

import asyncio
from pathlib import Path

from proxy.cli.build import pools_of
from proxy.cli.world import AccountPlan, configuration, simulation, token_of
from proxy.config import Config
from proxy.ingress.admission import Admission, Arrival
from proxy.limits.ledger import MemoryLedger
from proxy.pool import ask_for
from proxy.preview import preview
from proxy.simulator import Simulator
from tests.fakes import FakeClock

PLAN = AccountPlan("desk", "binance", 30, keys=2, addresses=3)


def test_a_dry_run_says_what_would_be_sent_and_keeps_nothing(tmp_path: Path) -> None:
    sim = Simulator(simulation((PLAN,)))

    async def configure() -> Config:
        await sim.start()
        config = configuration((PLAN,), sim, ("bot",), tmp_path)
        await sim.stop()
        return config

    config = asyncio.run(configure())
    pools = pools_of(config)
    ledger = MemoryLedger(FakeClock())
    admission = Admission(pools, config.bots)
    headers = (("x-mbx-apikey", token_of("bot")), ("x-ordergate-dry-run", "1"))
    target = "/desk/api/v3/order?symbol=BTCUSDT&side=BUY&signature=dummy"
    call = admission.admit(Arrival("POST", target, headers, b"", 0))
    assert call.dry_run
    asked = ask_for(pools["desk"], call)
    plan = preview(call, asked, ledger)
    assert plan["route"] == {"key": "key-1", "address": "127.10.30.1"}
    assert plan["query"] == "symbol=BTCUSDT&side=BUY"
    assert plan["endpoint"] == "POST /api/v3/order"
    assert plan["costs"] == {"raw_5m": 1, "weight_1m": 1, "orders_10s": 1, "orders_1d": 1}
    assert (plan["wait_ms"], plan["held_by"]) == (0, None)
    assert all(counter.used == 0 for counter in ledger.snapshot().counters)
    ledger.block(("account", "desk"), 5_000_000_000, "suspended")
    held = preview(call, asked, ledger)
    assert (held["route"], held["wait_ms"], held["held_by"]) == (None, 5000, "suspended")
