"""Every fault, seen from outside, and whether the order behind it was executed."""

from typing import Any

import aiohttp
import pytest

from proxy.simulator import Fault, Simulator
from tests.simulator.clients import HERE, Binance, Cryptocom, Kraken, errors


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start()


@pytest.fixture
def bot(sim: Simulator) -> Binance:
    return Binance(sim.url("binance"))


async def test_native_throttle_for_the_next_matching_requests(sim: Simulator, bot: Binance) -> None:
    sim.inject(Fault("throttle", exchange="binance", path="/order", times=2, skip=1))
    assert [(await bot.limit()).status for _ in range(4)] == [200, 429, 429, 200]
    assert sim.ledger.counts["binance", "fault:throttle"] == 2
    sim.inject(Fault("throttle"))
    assert errors(await Kraken(sim.url("kraken"))("Balance")) == ["EAPI:Rate limit exceeded"]
    sim.inject(Fault("throttle"))
    assert (await Cryptocom(sim.url("cryptocom"))("private/user-balance")).json["code"] == 42901


async def test_matching_by_method_key_address_and_account(sim: Simulator, bot: Binance) -> None:
    for miss in ({"method": "DELETE"}, {"key": "free"}, {"address": "127.0.0.2"}, {"account": "x"}):
        sim.inject(Fault("error", **miss))
    assert (await bot.limit()).status == 200
    sim.faults.clear()
    sim.inject(Fault("error", method="POST", key="main", address=HERE, account="b", status=503))
    assert (await bot.limit()).status == 503


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("action", ["error", "unknown", "html", "garbage"])
async def test_answers_that_hide_the_outcome(sim: Simulator, bot: Binance, action: Any, executed: bool) -> None:
    sim.inject(Fault(action, executed=executed, path="/order"))
    got = await bot.limit(newClientOrderId="hidden")
    assert "orderId" not in got.text or action == "garbage"
    assert sim.ledger.executions("binance", "b", "hidden") == int(executed)
    [seen] = sim.ledger.requests("binance", "/order", outcome=f"fault:{action}")
    assert seen.client_id == ("hidden" if executed else "")


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("action", ["drop", "truncate"])
async def test_connections_that_end_early(sim: Simulator, bot: Binance, action: Any, executed: bool) -> None:
    sim.inject(Fault(action, executed=executed))
    with pytest.raises(aiohttp.ClientError):
        await bot.limit(newClientOrderId="lost")
    assert sim.ledger.executions("binance", "b", "lost") == int(executed)
    assert (await bot("GET", "/api/v3/account")).status == 200


async def test_keys_suspended_deleted_and_unlisted_by_a_fault(sim: Simulator, bot: Binance) -> None:
    sim.inject(Fault("suspend_key", seconds=60))
    assert [(await bot("GET", "/api/v3/account")).status for _ in range(2)] == [401, 401]
    sim.lift_key("binance", "b", "main")
    sim.inject(Fault("unlist"))
    assert [(await bot("GET", "/api/v3/account")).status for _ in range(2)] == [401, 401]
    sim.enlist("binance", "b", "main", HERE)
    sim.inject(Fault("delete_key"))
    assert (await bot("GET", "/api/v3/account")).json["code"] == -2008


async def test_bans_the_exchanges_own_way(sim: Simulator, bot: Binance) -> None:
    sim.inject(Fault("ban_address", exchange="binance", seconds=60))
    assert [(await bot("GET", "/api/v3/account")).status for _ in range(2)] == [418, 418]
    kraken = Kraken(sim.url("kraken"))
    sim.inject(Fault("ban_address", exchange="kraken", seconds=60))
    for _ in range(2):
        got = await kraken("Balance")
        assert (got.status, got.headers["content-type"]) == (403, "text/html")
    sim.lift_address("binance", HERE)
    sim.lift_address("kraken", HERE)
    assert (await bot("GET", "/api/v3/account")).status == 200
    assert errors(await kraken("Balance")) == []
    sim.inject(Fault("cdn_ban", exchange="binance"))
    assert [(await bot("GET", "/api/v3/account")).status for _ in range(2)] == [403, 403]


async def test_clock_delay_and_maintenance(sim: Simulator, bot: Binance) -> None:
    sim.inject(Fault("clock", offset_ms=30_000))
    assert (await bot("GET", "/api/v3/account")).json["code"] == -1021
    sim.set_clock_offset("binance", -30_000)
    assert (await bot("GET", "/api/v3/account")).json["code"] == -1021
    assert (await bot.raw("GET", "/api/v3/time")).json["serverTime"] < sim.clock.now_ms() - 29_000
    sim.set_clock_offset("binance", 0)
    sim.inject(Fault("delay", seconds=0.01))
    assert (await bot("GET", "/api/v3/account")).status == 200
    sim.inject(Fault("maintenance", times=0))
    assert [(await bot.limit()).status for _ in range(2)] == [503, 503]
    kraken = await Kraken(sim.url("kraken")).limit()
    assert errors(kraken) == ["EService:Market in cancel_only mode"]


def test_fault_from_mapping() -> None:
    assert Fault.from_mapping({"action": "drop", "executed": True}) == Fault("drop", executed=True)
    for wrong in ({"action": "explode"}, {"action": "drop", "often": 1}, {}):
        with pytest.raises(ValueError, match="unknown"):
            Fault.from_mapping(wrong)
