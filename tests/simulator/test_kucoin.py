from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import ManualClock, Simulator
from proxy.simulator.faults import Fault
from proxy.simulator.kucoin.limits import KucoinLimits
from proxy.simulator.kucoin.wire import signature, signed_text
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send
from tests.simulator.kucoin_client import KEY, OK, SECRET, Kucoin, config, digest, said

READ = "/api/v1/accounts"
ORDERS = "/api/v1/hf/orders"
DOCS_SECRET = "f03a5284-5c39-4aaa-9b20-dea10bdcf8e3"
DOCS_STAMP = "1547015186532"


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Kucoin:
    return Kucoin(sim.url("kucoin"))


@pytest.fixture
def perp(sim: Simulator) -> Kucoin:
    return Kucoin(sim.url("kucoin", "futures"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            signed_text(DOCS_STAMP, "POST", "/api/v1/deposit-addresses", "", b'{"currency":"BTC"}'),
            "7QP/oM0ykidMdrfNEUmng8eZjg/ZvPafjIqmxiVfYu4=",
        ),
        (
            signed_text(DOCS_STAMP, "GET", "/api/v1/hf/orders/client-order/abc-1", "symbol=BTC-USDT", b""),
            "JGn2BjFMZzNZgweAOdccN7sCT5ReO+83MD8oDR73LVE=",
        ),
        (b"Ab12345678)(*&^%$#@", "F2p2bNS1bBehHvC/Z4YkB7l1Wd0Pq2iV/oLHM/DyE+I="),
    ],
)
def test_published_signatures(text: bytes, wanted: str) -> None:
    assert signature(DOCS_SECRET, text) == wanted
    assert signature(DOCS_SECRET, text + b" ") != wanted
    assert signature("test_api_secret", b"test_plain") == "jie/gxS38wLFFaBwl/cAzFbAzlI8MIny96jSXrB+iP4="


async def test_every_part_is_signed(bot: Kucoin) -> None:
    path, body = f"{ORDERS}/test", '{"symbol":"BTC-USDT","side":"buy","type":"market","size":"1"}'
    headers = bot.headers("POST", path, body)
    assert said(await bot.raw("POST", path, body, headers)) == OK
    wrong = (401, "400005")
    assert said(await bot.raw("POST", path, body.replace("1", "2"), headers)) == wrong
    assert said(await bot.raw("POST", f"{path}?a=1", body, headers)) == wrong
    assert said(await bot.raw("POST", f"{ORDERS}/sync", body, headers)) == wrong
    assert said(await bot.raw("POST", path, body, {**headers, "KC-API-SIGN": headers["KC-API-SIGN"][:-1]})) == wrong
    stamp = str(int(headers["KC-API-TIMESTAMP"]) + 1)
    assert said(await bot.raw("POST", path, body, {**headers, "KC-API-TIMESTAMP": stamp})) == wrong


async def test_the_query_is_signed_unescaped(bot: Kucoin) -> None:
    assert said(await bot("GET", READ, currency="BTC", note="a b:c")) == OK
    target = f"{READ}?note=a%20b%3Ac"
    assert said(await bot.raw("GET", target, "", bot.headers("GET", target, ""))) == (401, "400005")
    assert said(await bot.raw("GET", f"{READ}?note=%FF", "", bot.headers("GET", READ, ""))) == (401, "400005")


@pytest.mark.parametrize("name", ["KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE"])
async def test_headers_must_be_there(bot: Kucoin, name: str) -> None:
    headers = bot.headers("GET", READ, "")
    del headers[name]
    assert said(await bot.raw("GET", READ, "", headers)) == (401, "400001")


async def test_passphrase_goes_with_a_key_of_version_two_or_three(bot: Kucoin) -> None:
    assert said(await replace(bot, version="2")("GET", READ)) == OK
    assert said(await replace(bot, passphrase="dummy-wrong")("GET", READ)) == (401, "400004")
    headers = bot.headers("GET", READ, "")
    assert said(await bot.raw("GET", READ, "", {**headers, "KC-API-PASSPHRASE": bot.passphrase})) == (401, "400004")
    del headers["KC-API-KEY-VERSION"]
    assert said(await bot.raw("GET", READ, "", headers)) == (401, "400004")


async def test_the_clock_may_be_five_seconds_off(start: Any) -> None:
    clock = ManualClock()
    bot = Kucoin((await start(config(), clock)).url("kucoin"), clock=clock.now_ms)
    now = clock.now_ms()
    answers = [said(await bot("GET", READ, at_ms=now + off)) for off in (-5000, 5000, -5001, 5001)]
    assert answers == [OK, OK, (401, "400002"), (401, "400002")]
    assert said(await bot.raw("GET", READ, "", {**bot.headers("GET", READ, ""), "KC-API-TIMESTAMP": "soon"})) == (
        401,
        "400002",
    )


async def test_states_of_keys_and_accounts(bot: Kucoin, sim: Simulator) -> None:
    assert said(await replace(bot, address=OTHER)("GET", READ)) == OK
    refused = await replace(bot, address=ELSEWHERE)("GET", READ)
    assert said(refused) == (403, "400006")
    assert ELSEWHERE in refused.json["msg"]
    assert said(await replace(bot, key="dummy-nobody")("GET", READ)) == (401, "400003")
    assert said(await replace(bot, key=f"{KEY}-blind")("GET", READ)) == (403, "400007")
    sim.set_trade("kucoin", "a", "main", False)
    assert said(await bot.limit()) == (403, "400007")
    assert said(await bot("GET", READ)) == OK
    sim.suspend_key("kucoin", "a", "main")
    assert said(await bot("GET", READ)) == (401, "400003")
    sim.lift_key("kucoin", "a", "main")
    sim.suspend_account("kucoin", "a")
    assert said(await replace(bot, key=f"{KEY}-free")("GET", READ)) == (200, "411100")
    sim.suspend_account("kucoin", "a", 0)
    sim.delete_key("kucoin", "a", "main")
    assert said(await bot("GET", READ)) == (401, "400003")
    assert sim.ledger.orders_executed == 0


async def test_bodies_and_paths(bot: Kucoin, sim: Simulator) -> None:
    path, body = ORDERS, '{"symbol":"BTC-USDT"}'
    headers = bot.headers("POST", path, body)
    assert said(await bot.raw("POST", path, body, {**headers, "Content-Type": "text/plain"})) == (415, "415000")
    assert said(await bot.raw("POST", path, "{", bot.headers("POST", path, "{"))) == (400, "400100")
    assert said(await bot("GET", "/api/v1/nothing")) == (404, "404000")
    assert said(await bot("PUT", READ)) == (404, "404000")
    assert said(await bot("GET", "/api/v1/contracts/active")) == (404, "404000")
    assert (await send("GET", sim.url("kucoin") + "/api/v1/my-ip", address=OTHER)).json["data"] == OTHER


async def test_pools_are_the_accounts_and_start_with_the_first_request(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(KucoinLimits(spot=6)), clock)
    bot = Kucoin(sim.url("kucoin"), clock=clock.now_ms)
    clock.advance(7.3)  # not aligned to anything
    path, wanted = f"{ORDERS}/active", {"symbol": "BTC-USDT"}
    first = await bot("GET", path, **wanted)
    told = {name: first.headers[f"gw-ratelimit-{name}"] for name in ("limit", "remaining", "reset")}
    assert told == {"limit": "6", "remaining": "4", "reset": "30000"}
    clock.advance(10)
    second = await replace(bot, key=f"{KEY}-free", address=OTHER)("GET", path, **wanted)
    assert (second.headers["gw-ratelimit-remaining"], second.headers["gw-ratelimit-reset"]) == ("2", "20000")
    assert said(await bot.limit()) == OK
    refused = await bot("GET", path, **wanted)  # weighs two, one is left
    assert said(refused) == (429, "429000")
    assert (refused.headers["gw-ratelimit-remaining"], refused.headers["gw-ratelimit-reset"]) == ("1", "20000")
    assert said(await bot.limit()) == OK  # what was refused took nothing
    assert said(await bot.limit()) == (429, "429000")
    assert said(await replace(bot, key=f"{KEY}-other").limit()) == OK
    assert said(await bot("GET", READ)) == OK  # of the Management pool
    clock.advance(20)
    assert (await bot("GET", path, **wanted)).headers["gw-ratelimit-remaining"] == "4"


@pytest.mark.parametrize(
    ("limits", "product", "path", "fits"),
    [
        (KucoinLimits(management=40), "spot", "/api/v1/user/api-key", 2),
        (KucoinLimits(unified=3), "spot", "/api/ua/v1/account/mode", 3),
        (KucoinLimits(futures=10), "futures", "/api/v1/account-overview", 2),
        (KucoinLimits(endpoint=3), "spot", READ, 3),
    ],
)
async def test_each_private_limit(start: Any, limits: KucoinLimits, product: str, path: str, fits: int) -> None:
    clock = ManualClock()
    sim = await start(config(limits), clock)
    bot = Kucoin(sim.url("kucoin", product), clock=clock.now_ms)
    answers = [said(await bot("GET", path)) for _ in range(fits + 1)]
    code = "200002" if limits.endpoint else "429000"
    assert answers == [OK] * fits + [(429, code)]
    assert said(await replace(bot, key=f"{KEY}-free", address=OTHER)("GET", path)) == (429, code)
    assert said(await replace(bot, key=f"{KEY}-other")("GET", path)) == OK
    clock.advance(3 if limits.unified == 3 else 30)
    assert said(await bot("GET", path)) == OK


async def test_a_throttle_fault_tells_when_the_pool_is_full_again(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Kucoin(sim.url("kucoin"), clock=clock.now_ms)
    await bot.limit()
    clock.advance(12)
    sim.inject(Fault("throttle", "kucoin"))
    got = await replace(bot, key=f"{KEY}-free")("GET", f"{ORDERS}/active", symbol="BTC-USDT")
    assert (said(got), got.headers["gw-ratelimit-reset"]) == ((429, "429000"), "18000")


async def test_the_public_pool_is_the_addresses(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(KucoinLimits(public=6)), clock)
    target = sim.url("kucoin") + "/api/v1/timestamp"
    assert [(await send("GET", target)).status for _ in range(3)] == [200, 200, 429]
    futures = sim.url("kucoin", "futures") + "/api/v1/timestamp"
    assert (await send("GET", futures)).status == 429  # one pool for both hosts
    assert (await send("GET", sim.url("kucoin") + "/api/v1/my-ip")).status == 200  # weighs nothing
    assert (await send("GET", target, address=OTHER)).status == 200
    clock.advance(30)
    assert (await send("GET", target)).status == 200


async def test_the_cdn_blocks_addresses(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(KucoinLimits(cdn=3)), clock)
    bot = Kucoin(sim.url("kucoin"), clock=clock.now_ms)
    assert [(await bot("GET", READ)).status for _ in range(4)] == [200, 200, 200, 429]
    blocked = await bot("GET", READ)
    assert "1015" in blocked.text
    assert "gw-ratelimit-limit" not in blocked.headers
    assert said(await replace(bot, address=OTHER)("GET", READ)) == OK
    clock.advance(30)
    assert said(await bot("GET", READ)) == OK


async def test_answers_of_faults(bot: Kucoin, sim: Simulator) -> None:
    sim.inject(Fault("throttle", "kucoin"))
    got = await bot.limit()
    assert said(got) == (429, "429000")
    assert (got.headers["gw-ratelimit-limit"], got.headers["gw-ratelimit-remaining"]) == ("4000", "0")
    sim.inject(Fault("error", "kucoin", status=429))  # overloaded: nothing about the pool
    got = await bot.limit()
    assert said(got) == (429, "429000")
    assert not [name for name in got.headers if name.startswith("gw-")]
    sim.inject(Fault("error", "kucoin", status=500))
    assert said(await bot.limit()) == (500, "500000")
    sim.inject(Fault("maintenance", "kucoin"))
    assert (await bot.limit()).status == 503
    assert sim.ledger.orders_executed == 0
    sim.inject(Fault("unknown", "kucoin", executed=True))
    assert said(await bot.limit(clientOid="lost-1")) == (200, "408000")
    assert sim.ledger.executions("kucoin", "a", "lost-1") == 1
    found = await bot("GET", f"{ORDERS}/client-order/lost-1", symbol="BTC-USDT")
    assert found.json["data"]["active"] is True


async def test_key_information(bot: Kucoin) -> None:
    told = (await bot("GET", "/api/v1/user/api-key")).json["data"]
    assert (told["permission"], told["ipWhitelist"]) == ("General,Spot,Futures", "127.0.0.1,127.0.0.9")
    pay = (await replace(bot, key=f"{KEY}-pay")("GET", "/api/v1/user/api-key")).json["data"]
    assert (pay["apiKey"], "Transfer" in pay["permission"], pay["uid"]) == (f"{KEY}-pay", True, told["uid"])


async def test_withdrawals_are_witnessed(bot: Kucoin, perp: Kucoin, sim: Simulator) -> None:
    body = {"currency": "BTC", "amount": "1", "toAddress": "dummy", "withdrawType": "ADDRESS"}
    assert said(await bot("POST", "/api/v3/withdrawals", body)) == (403, "400007")
    assert said(await replace(bot, key=f"{KEY}-pay")("POST", "/api/v3/withdrawals", body)) == OK
    assert said(await perp("POST", "/api/v3/transfer-out", {"currency": "USDT", "amount": 1})) == (403, "400007")
    seen = [(w.account, w.key, w.accepted) for w in sim.ledger.withdrawals]
    assert seen == [("a", "main", False), ("a", "pay", True), ("a", "main", False)]


async def test_public_calls_need_no_key(sim: Simulator) -> None:
    spot, futures = sim.url("kucoin"), sim.url("kucoin", "futures")
    headers = {"KC-API-KEY": "dummy-nobody", "KC-API-SIGN": digest("x", SECRET)}
    told = await send("GET", f"{spot}/api/v1/timestamp", headers)
    assert abs(told.json["data"] - now_ms()) < 60_000
    for target in (
        f"{spot}/api/v1/prices",
        f"{spot}/api/v2/symbols/BTC-USDT",
        f"{spot}/api/v3/currencies/BTC",
        f"{spot}/api/v1/market/orderbook/level1?symbol=BTC-USDT",
        f"{spot}/api/v1/status",
        f"{futures}/api/v1/contracts/XBTUSDM",
        f"{futures}/api/v1/mark-price/XBTUSDTM/current",
        f"{futures}/api/v1/funding-rate/XBTUSDTM/current",
        f"{futures}/api/v1/allTickers",
    ):
        assert said(await send("GET", target)) == OK
    assert said(await send("GET", f"{futures}/api/v1/ticker?symbol=BTC-USDT")) == (200, "900001")
    assert said(await send("GET", f"{spot}/api/v3/market/orderbook/level2?symbol=BTC-USDT")) == (401, "400001")
