import hmac
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from proxy.simulator import CryptocomLimits, ManualClock, Simulator
from tests.simulator.clients import C_KEY, ELSEWHERE, OTHER, Cryptocom, Got, config, now_ms, send

OK = (200, 0)


def said(got: Got) -> tuple[int, int]:
    return got.status, got.json["code"]


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start()


@pytest.fixture
def bot(sim: Simulator) -> Cryptocom:
    return Cryptocom(sim.url("cryptocom"))


async def test_public_is_get_with_a_query(sim: Simulator) -> None:
    base = sim.url("cryptocom") + "/exchange/v1/public/"
    assert said(await send("GET", base + "get-tickers?instrument_name=BTC_USDT")) == OK
    assert said(await send("POST", base + "get-tickers", body="{}")) == (400, 40003)
    assert said(await send("GET", base + "get-nothing")) == (400, 40002)
    assert said(await send("GET", base + "get-tickers?api_key=x")) == (400, 40004)
    assert said(await send("GET", base + "get-book?instrument_name=NOPE")) == (400, 209)


@pytest.mark.parametrize("number", [1, "1", 2**63 - 1])
async def test_id_comes_back_as_it_was(bot: Cryptocom, number: Any) -> None:
    envelope = bot.envelope("private/user-balance", {})
    envelope["id"] = number
    text = f"private/user-balance{number}{bot.key}{envelope['nonce']}"
    envelope["sig"] = hmac.new(bot.secret.encode(), text.encode(), "sha256").hexdigest()
    assert (await bot.raw("private/user-balance", envelope)).json["id"] == number


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"method": "private/get-open-orders"}, (400, 40003)),
        ({"params": []}, (400, 40004)),
        ({"params": None}, (400, 40004)),
        ({"id": -1}, (400, 40004)),
        ({"id": 2**63}, (400, 40004)),
        ({"id": 1.5}, (400, 40004)),
        ({"nonce": "x"}, (400, 40102)),
        ({"sig": "00"}, (401, 40101)),
        ({"sig": None}, (401, 40101)),
        ({"api_key": "dummy-nobody"}, (401, 40101)),
        ({"params": {"instrument_name": "BTC_USDT"}}, (401, 40101)),
    ],
)
async def test_envelope_rules(bot: Cryptocom, change: dict[str, Any], wanted: tuple[int, int]) -> None:
    method = "private/user-balance"
    got = await bot.raw(method, {**bot.envelope(method, {}), **change})
    assert said(got) == wanted
    assert "original" in got.json


async def test_absent_params_and_wrong_kinds(bot: Cryptocom) -> None:
    method = "private/user-balance"
    envelope = bot.envelope(method, {})
    del envelope["params"]
    assert said(await bot.raw(method, envelope)) == (400, 40004)
    assert said(await bot.raw(method, bot.envelope(method, {}), "text/plain")) == (400, 40003)
    assert said(await bot.raw(f"{method}?a=1", bot.envelope(method, {}))) == (400, 40003)
    assert said(await bot.raw(method, [])) == (400, 40003)
    assert said(await bot("private/nothing")) == (400, 40002)
    assert said(await send("GET", f"{bot.url}/exchange/v1/{method}")) == (400, 40003)


async def test_nonce_may_be_a_minute_off_and_not_more(bot: Cryptocom) -> None:
    now = now_ms()
    assert said(await bot("private/user-balance", now - 55_000)) == OK
    assert said(await bot("private/user-balance", now + 55_000)) == OK
    assert said(await bot("private/user-balance", now - 61_000)) == (400, 40102)
    assert said(await bot("private/user-balance", now + 65_000)) == (400, 40102)


async def test_the_same_envelope_twice(bot: Cryptocom) -> None:
    envelope = bot.envelope("private/user-balance", {})
    assert said(await bot.raw("private/user-balance", envelope)) == OK
    assert said(await bot.raw("private/user-balance", envelope)) == (400, 40006)


async def test_numbers_in_params_must_be_texts(bot: Cryptocom, sim: Simulator) -> None:
    method = "private/create-order"
    order = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": 1}
    assert said(await bot.raw(method, bot.envelope(method, order))) == (400, 40004)
    method = "private/get-order-history"
    assert said(await bot.raw(method, bot.envelope(method, {"limit": 10}))) == (400, 40004)
    assert sim.ledger.orders_executed == 0


async def test_key_states(bot: Cryptocom, sim: Simulator) -> None:
    read = "private/user-balance"
    assert said(await replace(bot, address=ELSEWHERE)(read)) == (401, 40103)
    assert said(await replace(bot, address=OTHER)(read)) == OK
    assert said(await replace(bot, secret="dummy-wrong")(read)) == (401, 40101)
    sim.set_trade("cryptocom", "c", "main", False)
    assert said(await bot.limit()) == (401, 40101)
    sim.suspend_key("cryptocom", "c", "main")
    assert said(await bot(read)) == (401, 40101)
    sim.lift_key("cryptocom", "c", "main")
    sim.suspend_account("cryptocom", "c")
    assert said(await replace(bot, key=f"{C_KEY}-2")(read)) == (400, 202)
    sim.suspend_account("cryptocom", "c", 0)
    assert said(await bot(read)) == OK


@pytest.mark.parametrize(
    ("method", "capacity", "window_s"),
    [
        ("private/user-balance", 3, 0.1),
        ("private/get-order-detail", 30, 0.1),
        ("private/cancel-all-orders", 15, 0.1),
        ("private/get-order-history", 1, 1.0),
    ],
)
async def test_windows_slide_per_key_and_method(start: Any, method: str, capacity: int, window_s: float) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Cryptocom(sim.url("cryptocom"))

    async def status(caller: Cryptocom) -> int:
        return (await caller(method, clock.now_ms())).status

    clock.advance(window_s * 0.75)
    assert [await status(bot) for _ in range(capacity)].count(429) == 0
    clock.advance(window_s * 0.75)
    assert await status(bot) == 429
    assert await status(replace(bot, key=f"{C_KEY}-2")) != 429
    assert await status(replace(bot, address=OTHER, number=10_000)) == 429
    clock.advance(window_s * 0.25 + 0.001)
    assert await status(bot) != 429


@pytest.mark.parametrize("by", ["config", "control"])
async def test_private_methods_may_count_by_account(start: Any, by: str) -> None:
    limits = CryptocomLimits(by_account=by == "config")
    sim = await start(replace(config(), limits={"cryptocom": limits}), ManualClock())
    bot = Cryptocom(sim.url("cryptocom"))
    other = replace(bot, key=f"{C_KEY}-2")
    if by == "control":
        url = sim.url("control") + "/do/count_by_account"
        assert (await send("POST", url, body='{"by_account": true}')).status == 200
    now = sim.clock.now_ms()
    method = "private/user-balance"
    statuses = [(await caller(method, now + n)).status for n, caller in enumerate((bot, other, bot, other, bot))]
    assert statuses == [200, 200, 200, 429, 429]
    assert (await other("private/get-open-orders", now)).status == 200  # by method as before
    sim.count_by_account(False)
    assert (await other(method, now + 10)).status == 200


async def test_public_counts_by_address(start: Any) -> None:
    sim = await start(clock=ManualClock())
    target = sim.url("cryptocom") + "/exchange/v1/public/get-risk-parameters"
    assert {(await send("GET", target)).status for _ in range(100)} == {200}
    assert said(await send("GET", target)) == (429, 42901)
    assert said(await send("GET", target, address=OTHER)) == OK


async def test_client_ids_are_taken_for_ever(bot: Cryptocom, sim: Simulator) -> None:
    ours = str(uuid4())
    assert said(await bot.limit("70000", client_oid=ours)) == OK  # fills at once
    assert said(await bot.limit(client_oid=ours)) == (400, 204)
    assert said(await bot.limit(client_oid="x" * 37)) == (400, 40004)
    detail = await bot("private/get-order-detail", client_oid=ours)
    assert detail.json["result"]["status"] == "FILLED"
    assert said(await bot("private/get-order-detail", client_oid="nobody")) == (200, 40401)
    assert sim.ledger.executions("cryptocom", "c", ours) == 1


async def test_order_refusals(bot: Cryptocom, sim: Simulator) -> None:
    assert said(await bot.limit("50000.001")) == (400, 308)
    assert said(await bot.limit(quantity="0.0000001")) == (400, 213)
    assert said(await bot.limit(side="buy")) == (400, 220)
    assert said(await bot.limit(type="STOP")) == (400, 218)
    assert said(await bot.limit(time_in_force="GTC")) == (400, 221)
    assert said(await bot.limit(instrument_name="BTCUSDT")) == (400, 209)
    assert said(await bot.limit(quantity="0.00001", price="1")) == (500, 415)
    assert said(await bot.limit("70000", exec_inst=["POST_ONLY"])) == (500, 43005)
    poor = await bot.limit(quantity="9000")
    assert said(poor) == (500, 306)
    assert poor.json["result"]["order_id"]
    assert said(await bot("private/cancel-order", order_id="1")) == (500, 212)
    done = (await bot.limit("70000")).json["result"]["order_id"]
    assert said(await bot("private/cancel-order", order_id=done)) == (500, 316)
    assert sim.ledger.orders_executed == 1


async def test_amend_open_orders_and_history(bot: Cryptocom) -> None:
    number = (await bot.limit()).json["result"]["order_id"]
    assert said(await bot("private/amend-order", order_id=number, new_price="51000", new_quantity="0.02")) == OK
    [order] = (await bot("private/get-open-orders")).json["result"]["data"]
    assert (order["limit_price"], order["quantity"]) == ("51000", "0.02")
    assert said(await bot("private/cancel-all-orders", instrument_name="BTC_USDT")) == OK
    [gone] = (await bot("private/get-order-history")).json["result"]["data"]
    assert (gone["order_id"], gone["status"]) == (number, "CANCELED")


async def test_withdrawals_are_witnessed(bot: Cryptocom, sim: Simulator) -> None:
    got = await bot("private/create-withdrawal", currency="BTC", amount="1", address="dummy")
    assert said(got) == (401, 40101)
    assert [(w.account, w.accepted) for w in sim.ledger.withdrawals] == [("c", False)]
