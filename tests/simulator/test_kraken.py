from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from proxy.simulator import KrakenLimits, ManualClock, SimAccount, SimConfig, SimKey, Simulator
from tests.simulator.clients import ELSEWHERE, HERE, K_KEY, K_SECRET, OTHER, Kraken, config, errors, send

LIMIT = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start()


@pytest.fixture
def bot(sim: Simulator) -> Kraken:
    return Kraken(sim.url("kraken"))


async def test_public_methods_are_get_without_credentials(sim: Simulator) -> None:
    base = sim.url("kraken") + "/0/public/"
    assert list((await send("GET", base + "Ticker?pair=XBTUSD")).json["result"]) == ["XXBTZUSD"]
    assert errors(await send("POST", base + "Time")) == ["EGeneral:Unknown method"]
    assert errors(await send("GET", base + "time")) == ["EGeneral:Unknown method"]
    assert errors(await send("GET", base + "Ticker?pair=NOPE")) == ["EQuery:Unknown asset pair"]
    assert errors(await send("GET", base + "Time?nonce=1")) == ["EGeneral:Invalid arguments"]


async def test_nonce_must_rise(bot: Kraken) -> None:
    assert errors(await bot("Balance", 5_000)) == []
    assert errors(await bot("Balance", 5_000)) == ["EAPI:Invalid nonce"]
    assert errors(await bot("Balance", 4_999)) == ["EAPI:Invalid nonce"]
    assert errors(await bot("Balance", 5_001)) == []
    assert errors(await bot("Balance", 1 << 64)) == ["EAPI:Invalid nonce"]
    other = replace(bot, key=f"{K_KEY}-2")
    assert errors(await other("Balance", 10)) == []


async def test_nonce_window_lets_late_ones_in_once(start: Any) -> None:
    key = SimKey("main", K_KEY, K_SECRET, nonce_window=100)
    sim = await start(SimConfig((SimAccount("kraken", "k", (key,)),)))
    bot = Kraken(sim.url("kraken"))
    assert errors(await bot("Balance", 1_000)) == []
    assert errors(await bot("Balance", 901)) == []
    assert errors(await bot("Balance", 901)) == ["EAPI:Invalid nonce"]
    assert errors(await bot("Balance", 900)) == ["EAPI:Invalid nonce"]


async def test_a_bad_signature_takes_no_nonce(bot: Kraken) -> None:
    assert errors(await replace(bot, secret="ZHVtbXk=")("Balance", 7_000)) == ["EAPI:Invalid signature"]
    assert errors(await bot("Balance", 7_000)) == []
    body = b"nonce=7001"
    sign = bot.sign("/0/private/Balance", "7001", body)
    tampered = await bot.raw("/0/private/Balance", body + b"&asset=XBT", sign)
    assert errors(tampered) == ["EAPI:Invalid signature"]


async def test_body_kinds(bot: Kraken) -> None:
    assert errors(await bot.json_call("Balance")) == []
    row = {"ordertype": "limit", "price": "40000", "type": "buy", "volume": "0.01"}
    batch = await bot.json_call("AddOrderBatch", pair="XBTUSD", orders=[row, {**row, "volume": "1000000"}])
    first, second = batch.json["result"]["orders"]
    assert first["txid"] and second == {"error": "EOrder:Insufficient funds"}
    assert errors(await bot("AddOrderBatch", pair="XBTUSD", orders="[]")) == ["EGeneral:Invalid arguments"]
    body = b"nonce=900000"
    sign = bot.sign("/0/private/Balance", "900000", body)
    assert errors(await bot.raw("/0/private/Balance", body, sign, "text/plain")) == ["EAPI:Bad request"]


async def test_parameters_in_the_wrong_place(bot: Kraken) -> None:
    body = b"nonce=900000"
    path = "/0/private/OpenOrders?trades=true"
    assert errors(await bot.raw(path, body, bot.sign(path, "900000", body))) == ["EGeneral:Invalid arguments"]
    assert errors(await bot("Balance", timestamp=1)) == ["EGeneral:Invalid arguments"]
    assert errors(await bot("QueryOrders", cl_ord_id="x")) == ["EGeneral:Invalid arguments"]
    assert errors(await bot("balance")) == ["EGeneral:Unknown method"]
    assert errors(await bot("Balance", otp="123456")) == ["EAPI:Invalid key"]
    got = await send("GET", bot.url + "/0/private/Balance", {"API-Key": K_KEY})
    assert errors(got) == ["EAPI:Bad request"]


async def test_key_states(bot: Kraken, sim: Simulator) -> None:
    assert errors(await replace(bot, key="dummy-nobody")("Balance")) == ["EAPI:Invalid key"]
    assert errors(await replace(bot, address=ELSEWHERE)("Balance")) == ["EAPI:Invalid key"]
    assert errors(await replace(bot, address=OTHER)("Balance")) == []
    bot.nonce = 2_000
    info = (await bot("GetApiKeyInfo")).json["result"]
    assert (info["nonce"], info["ipAllowlist"]) == (str(bot.nonce), [HERE, OTHER])
    sim.set_trade("kraken", "k", "main", False)
    assert errors(await bot("AddOrder", **LIMIT)) == ["EGeneral:Permission denied"]
    sim.suspend_key("kraken", "k", "main", 60)
    assert errors(await bot("Balance")) == ["EGeneral:Temporary lockout"]
    sim.lift_key("kraken", "k", "main")
    sim.delete_key("kraken", "k", "main")
    assert errors(await bot("Balance")) == ["EAPI:Invalid key"]


async def test_wrong_nonces_in_a_row_lock_the_key_out(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"kraken": KrakenLimits(lockout_after=3, lockout_seconds=60)}), clock)
    bot = Kraken(sim.url("kraken"))
    await bot("Balance", 100)
    for _ in range(3):
        assert errors(await bot("Balance", 50)) == ["EAPI:Invalid nonce"]
    assert errors(await bot("Balance", 101)) == ["EGeneral:Temporary lockout"]
    clock.advance(50)
    assert errors(await bot("Balance", 102)) == ["EGeneral:Temporary lockout"]  # and starts it again
    clock.advance(50)
    assert errors(await bot("Balance", 103)) == ["EGeneral:Temporary lockout"]
    clock.advance(61)
    assert errors(await bot("Balance", 104)) == []


async def test_rest_counter_is_the_keys_and_decays(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Kraken(sim.url("kraken"))
    for _ in range(20):
        assert errors(await bot("Balance")) == []
    assert errors(await bot("Balance")) == ["EAPI:Rate limit exceeded"]
    assert errors(await replace(bot, address=OTHER)("Balance", 2_000)) == ["EAPI:Rate limit exceeded"]
    bot.nonce = 3_000
    assert errors(await replace(bot, key=f"{K_KEY}-2")("Balance")) == []
    assert errors(await bot("AddOrder", **LIMIT)) == []  # not on this counter
    clock.advance(2)
    assert errors(await bot("Balance")) == []
    clock.advance(2)
    assert errors(await bot("TradesHistory")) == ["EAPI:Rate limit exceeded"]  # costs 2, 1 has drained
    assert errors(await bot("Balance")) == []


async def test_public_counter_is_the_addresss(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"kraken": KrakenLimits(public=(2, 1))}), clock)
    target = sim.url("kraken") + "/0/public/Time"
    for _ in range(2):
        assert errors(await send("GET", target)) == []
    assert errors(await send("GET", target)) == ["EAPI:Rate limit exceeded"]
    assert errors(await send("GET", target, address=OTHER)) == []


async def test_engine_counter_is_accounts_and_pairs_with_age(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"kraken": KrakenLimits(engine=(10, 0))}), clock)
    bot = Kraken(sim.url("kraken"))
    second = replace(bot, key=f"{K_KEY}-2", address=OTHER)
    young = (await bot("AddOrder", **LIMIT)).json["result"]["txid"][0]
    assert errors(await bot("AddOrder", **{**LIMIT, "price": "0"})) == ["EOrder:Invalid price"]  # charged too
    assert errors(await bot("CancelOrder", txid=young)) == []  # 1 + 1 + 8 = 10
    limited = ["EOrder:Rate limit exceeded"]
    assert errors(await second("AddOrder", **LIMIT)) == limited
    ether = {**LIMIT, "pair": "ETHUSD", "price": "2000"}
    old = (await second("AddOrder", **ether)).json["result"]["txid"][0]
    clock.advance(301)
    assert errors(await bot("CancelOrder", txid=old)) == []  # free at that age
    for _ in range(9):
        assert errors(await bot("AddOrder", **ether)) == []
    assert errors(await bot("AddOrder", **ether)) == limited


async def test_client_order_ids(bot: Kraken, sim: Simulator) -> None:
    ours = uuid4().hex
    assert errors(await bot.limit(cl_ord_id=ours)) == []
    assert errors(await bot.limit(cl_ord_id=ours)) == ["EGeneral:Invalid arguments:cl_ord_id"]
    for bad in ("x" * 19, "a b", "é"):
        assert errors(await bot.limit(cl_ord_id=bad)) == ["EGeneral:Invalid arguments:cl_ord_id"]
    both = await bot.limit(cl_ord_id="fresh", userref="7")
    assert errors(both) == ["EGeneral:Invalid arguments:cl_ord_id"]
    found = (await bot("OpenOrders", cl_ord_id=ours)).json["result"]["open"]
    assert [o["cl_ord_id"] for o in found.values()] == [ours]
    assert (await bot("CancelOrder", cl_ord_id=ours)).json["result"] == {"count": 1}
    assert errors(await bot("CancelOrder", cl_ord_id=ours)) == ["EOrder:Unknown order"]
    assert (await bot("ClosedOrders", cl_ord_id=ours)).json["result"]["count"] == 1
    assert errors(await bot.limit(cl_ord_id=ours, ordertype="market")) == []  # free again
    assert sim.ledger.duplicates() == {("kraken", "k", ours): 2}


async def test_userref_protects_nothing(bot: Kraken, sim: Simulator) -> None:
    for _ in range(2):
        assert errors(await bot.limit(userref="42")) == []
    assert len((await bot("OpenOrders", userref="42")).json["result"]["open"]) == 2
    assert (await bot("CancelOrder", txid="42")).json["result"] == {"count": 2}
    assert sim.ledger.orders_executed == 2


async def test_validate_and_deadline(bot: Kraken, sim: Simulator) -> None:
    assert "txid" not in (await bot.limit(validate="true")).json["result"]
    now = datetime.now(UTC)
    stamps = {-5: ["EService:Deadline elapsed"], 90: ["EGeneral:Invalid arguments:deadline"], 5: []}
    for seconds, wanted in stamps.items():
        got = await bot.limit(deadline=(now + timedelta(seconds=seconds)).isoformat())
        assert errors(got) == wanted
    assert sim.ledger.orders_executed == 1


async def test_amend_query_and_cancel_all(bot: Kraken) -> None:
    name = (await bot.limit()).json["result"]["txid"][0]
    assert "amend_id" in (await bot("AmendOrder", txid=name, limit_price="51000")).json["result"]
    order = (await bot("QueryOrders", txid=name, trades="true")).json["result"][name]
    assert (order["status"], order["descr"]["price"], order["trades"]) == ("open", "51000.0", [])
    assert errors(await bot("QueryOrders", txid="OAAAAA-AAAAA-AAAAAA")) == ["EOrder:Unknown order"]
    assert (await bot("CancelAll")).json["result"] == {"count": 1}


async def test_withdrawals_are_witnessed(bot: Kraken, sim: Simulator) -> None:
    assert errors(await bot("Withdraw", asset="XBT", key="dummy", amount="1")) == ["EGeneral:Permission denied"]
    assert [(w.account, w.accepted) for w in sim.ledger.withdrawals] == [("k", False)]
