from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import ManualClock, Simulator
from proxy.simulator.faults import Fault
from proxy.simulator.poloniex.limits import PoloniexLimits
from proxy.simulator.poloniex.wire import pairs_of, signature, signed_text
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send
from tests.simulator.poloniex_client import DONE, KEY, OK, Poloniex, config, said
from tests.simulator.poloniex_client import READ as DONE_READ

READ = "/accounts/balances"
STAMP = "1659259836247"
FORBIDDEN = (400, "FORBIDDEN")


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Poloniex:
    return Poloniex(sim.url("poloniex"))


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "wanted"),
    [
        ("GET", "/orders", "symbol=BTC_USDT&limit=5", b"", "7tIcfh8bBGNcuXgOD6vLpgpIHdox9qhbwVTaSzU2H0I="),
        ("GET", "/accounts/balances", "", b"", "X+5n+8tt4ZGiDHNIaFiMrnKh9K0BSPQLLLGe0DyQeBU="),
        (
            "POST",
            "/orders",
            "",
            b'{"symbol":"BTC_USDT","side":"buy","type":"limit","price":"20000","quantity":"0.001",'
            b'"clientOrderId":"abc-1"}',
            "ba86NAtr7DEeX8ASSb6WYjS+I03ippCKrVYTzdGqHco=",
        ),
        (
            "DELETE",
            "/orders/cancelByIds",
            "",
            b'{"orderIds":["1234567890"],"clientOrderIds":["abc-1"]}',
            "Ctg7jaRhHj53yM2EfATmiKT/awDV0Pqhn3zIZCl3vWs=",
        ),
        ("DELETE", "/orders/cid:abc-1", "", b"", "28Tf/z6BDfoX8iI9s0CyPwPPXaHgFcqmD9YPfHI2L4E="),
    ],
)
def test_signature_vectors(method: str, path: str, query: str, body: bytes, wanted: str) -> None:
    text = signed_text(method, path, pairs_of(query), body, STAMP)
    assert signature("secret", text) == wanted
    assert signature("secret", signed_text(method, path + "x", pairs_of(query), body, STAMP)) != wanted


def test_the_query_is_sorted_by_name_and_escaped_as_javascript_does() -> None:
    text = signed_text("GET", "/x", pairs_of("b=1&a-=2&a=%20+~()*!'-_.%2F"), b"", "9")
    assert text == b"GET\n/x\na=%20%20~()*!'-_.%2F&a-=2&b=1&signTimestamp=9"


async def test_every_part_is_signed(bot: Poloniex) -> None:
    body = '{"symbol":"BTC_USDT","side":"BUY","type":"LIMIT","price":"50000","quantity":"0.01"}'
    at = now_ms()
    headers = bot.headers(f"POST\n/orders\nrequestBody={body}&signTimestamp={at}", at)
    assert said(await bot.raw("POST", "/orders", body, headers)) == OK
    assert said(await bot.raw("POST", "/orders", body + " ", headers)) == FORBIDDEN
    assert said(await bot.raw("POST", "/orders/batch", body, headers)) == FORBIDDEN
    assert said(await bot.raw("POST", "/orders", body, {**headers, "signTimestamp": str(at - 1)})) == FORBIDDEN
    assert (
        said(await bot.raw("POST", "/orders", body, {**headers, "signature": "x" + headers["signature"]})) == FORBIDDEN
    )
    headers = bot.headers(f"GET\n/orders\nsignTimestamp={at}", at)
    assert said(await bot.raw("GET", "/orders", "", headers)) == OK
    assert said(await bot.raw("GET", "/orders?limit=5", "", headers)) == FORBIDDEN
    assert said(await bot.raw("GET", "/orders?note=%FF", "", headers)) == FORBIDDEN
    headers = bot.headers(f"DELETE\n/orders/cid:a\nsignTimestamp={at}", at)
    assert said(await bot.raw("DELETE", "/orders/cid%3Aa", "", headers)) == FORBIDDEN  # signed as it is sent
    assert said(await bot.raw("DELETE", "/orders/cid:a", "", headers)) == (400, 21301)


@pytest.mark.parametrize("name", ["key", "signTimestamp", "signature"])
async def test_headers_must_be_there(bot: Poloniex, name: str) -> None:
    at = now_ms()
    headers = bot.headers(f"GET\n{READ}\nsignTimestamp={at}", at)
    assert said(await bot.raw("GET", READ, "", {**headers, "signatureMethod": "HmacSHA256"})) == OK
    assert said(await bot.raw("GET", READ, "", {**headers, "signatureMethod": "md5"})) == (400, 601)
    assert said(await bot.raw("GET", READ, "", {**headers, "signatureVersion": "3"})) == (400, 601)
    assert said(await bot.raw("GET", READ, "", {**headers, "recvWindow": "soon"})) == (400, 601)
    del headers[name]
    assert said(await bot.raw("GET", READ, "", headers)) == FORBIDDEN


async def test_times(start: Any) -> None:
    clock = ManualClock()
    bot = Poloniex((await start(config(), clock)).url("poloniex"), clock=clock.now_ms)
    now = clock.now_ms()

    async def off(offset: int, window: int | None) -> tuple[int, Any]:
        return said(await replace(bot, window=window)("GET", READ, at_ms=now + offset))

    assert await off(1000, None) == OK
    assert await off(1001, None) == (400, 400)
    assert await off(-60_000, None) == OK
    assert await off(-60_001, None) == (408, 408)
    assert await off(-2000, 2000) == OK
    assert await off(-2001, 2000) == (408, 408)
    assert await off(-70_000, 80_000) == OK
    futures = await bot("GET", "/v3/account/balance", at_ms=now + 1001)
    assert said(futures) == (400, 400)
    assert "ahead" in futures.json["msg"]


async def test_orders_have_a_deadline(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Poloniex(sim.url("poloniex"), window=2000, clock=clock.now_ms)
    now = clock.now_ms()
    clock.advance(2.0)
    assert said(await bot.limit(at_ms=now)) == OK
    clock.advance(0.001)
    assert said(await bot.limit(at_ms=now)) == (408, 408)
    assert sim.ledger.orders_executed == 1


async def test_states_of_keys_and_accounts(bot: Poloniex, sim: Simulator) -> None:
    assert said(await replace(bot, address=OTHER)("GET", READ)) == OK
    refused = await replace(bot, address=ELSEWHERE)("GET", READ)
    assert said(refused) == (403, 403)
    assert "IP" in refused.json["message"]
    assert said(await replace(bot, key="dummy-nobody")("GET", READ)) == FORBIDDEN
    assert said(await replace(bot, secret="dummy-wrong")("GET", READ)) == FORBIDDEN
    assert said(await replace(bot, key=f"{KEY}-blind")("GET", READ)) == (403, 403)
    sim.set_trade("poloniex", "a", "main", False)
    assert said(await bot.limit()) == (403, 403)
    assert said(await bot.perp()) == (403, 403)
    assert said(await bot("GET", READ)) == OK
    sim.suspend_key("poloniex", "a", "main")
    assert said(await bot("GET", READ)) == FORBIDDEN
    sim.lift_key("poloniex", "a", "main")
    sim.suspend_account("poloniex", "a")
    free = replace(bot, key=f"{KEY}-free")
    assert said(await free("GET", READ)) == (400, 21601)
    assert said(await free("GET", "/v3/account/balance")) == (200, 1003)
    sim.suspend_account("poloniex", "a", 0)
    sim.delete_key("poloniex", "a", "main")
    assert said(await bot("GET", READ)) == FORBIDDEN
    assert sim.ledger.orders_executed == 0


async def test_bodies_and_paths(bot: Poloniex) -> None:
    at = now_ms()
    for body, kind, code in (("{", "application/json", 601), ("{}", "text/plain", 415)):
        headers = bot.headers(f"POST\n/orders\nrequestBody={body}&signTimestamp={at}", at)
        assert said(await bot.raw("POST", "/orders", body, {**headers, "Content-Type": kind}))[1] == code
    assert said(await bot("GET", "/nothing")) == (404, 404)
    assert said(await bot("PUT", READ)) == (404, 404)
    assert said(await bot("POST", "/orders")) == (400, 10040)


@pytest.mark.parametrize(
    ("group", "method", "path", "other"),
    [
        ("private", "GET", READ, "/orders/cid:a"),
        ("private_heavy", "GET", "/orders", "/trades"),
        ("futures_order", "GET", "/v3/account/balance", "/v3/account/balance"),
        ("futures_other", "GET", "/v3/trade/order/opens", "/v3/trade/position/opens"),
        ("futures_cancel", "DELETE", "/v3/trade/order", "/v3/trade/order"),
        ("futures_batch", "POST", "/v3/trade/orders", "/v3/trade/orders"),
        ("futures_close_all", "POST", "/v3/trade/positionAll", "/v3/trade/positionAll"),
    ],
)
async def test_private_groups_are_shared(start: Any, group: str, method: str, path: str, other: str) -> None:
    """By account, by address, and by all endpoints of the group; the second slides."""
    clock = ManualClock()
    sim = await start(config(PoloniexLimits(**{group: 2})), clock)
    bot = Poloniex(sim.url("poloniex"), clock=clock.now_ms)

    async def passes(caller: Poloniex, target: str) -> bool:
        return (await caller(method, target)).status != 429

    assert await passes(bot, path)
    clock.advance(0.6)
    assert await passes(bot, path)
    assert not await passes(bot, other)
    assert not await passes(replace(bot, key=f"{KEY}-free", address=OTHER), path)  # the account
    assert not await passes(replace(bot, key=f"{KEY}-other"), path)  # the address
    assert await passes(replace(bot, key=f"{KEY}-other", address=OTHER), path)
    clock.advance(0.4)
    assert await passes(bot, other)
    assert not await passes(bot, path)


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("public", "/timestamp"),
        ("public_heavy", "/markets/BTC_USDT/ticker24h"),
        ("futures_public", "/v3/market/tickers"),
        ("futures_candles", "/v3/market/candles?symbol=BTC_USDT_PERP&interval=HOUR_1"),
    ],
)
async def test_public_groups_are_the_addresses(start: Any, group: str, path: str) -> None:
    clock = ManualClock()
    sim = await start(config(PoloniexLimits(**{group: 2})), clock)
    target = sim.url("poloniex") + path
    assert [(await send("GET", target)).status for _ in range(3)] == [200, 200, 429]
    assert (await send("GET", target, address=OTHER)).status == 200
    clock.advance(1)
    assert (await send("GET", target)).status == 200


async def test_usual_limits_are_the_documents() -> None:
    usual = PoloniexLimits()
    assert (usual.public, usual.public_heavy, usual.private, usual.private_heavy) == (200, 10, 50, 10)


async def test_answers_of_faults(bot: Poloniex, sim: Simulator) -> None:
    for fault, spot, futures in (
        (Fault("throttle", "poloniex", times=2), (429, 429), (429, 429)),
        (Fault("error", "poloniex", times=2), (502, 500), (502, 500)),
        (Fault("maintenance", "poloniex", times=2), (400, 21340), (200, 1002)),
    ):
        sim.inject(fault)
        assert said(await bot.limit()) == spot
        assert said(await bot.perp()) == futures
    assert sim.ledger.orders_executed == 0
    sim.inject(Fault("unknown", "poloniex", times=2, executed=True))
    assert said(await bot.limit(clientOrderId="lost-1")) == (500, 603)
    assert said(await bot.perp(clOrdId="lost-2")) == (500, 500)
    assert sim.ledger.executions("poloniex", "a", "lost-1") == sim.ledger.executions("poloniex", "a", "lost-2") == 1
    assert (await bot("GET", "/orders/cid:lost-1")).json["state"] == "NEW"


async def test_withdrawals_are_witnessed(bot: Poloniex, sim: Simulator) -> None:
    body = {"coin": "BTC", "network": "SIM", "amount": "1", "address": "dummy"}
    assert said(await bot("POST", "/v2/wallets/withdraw", body)) == (403, 403)
    assert said(await replace(bot, key=f"{KEY}-pay")("POST", "/v2/wallets/withdraw", body)) == OK
    assert said(await bot("POST", "/accounts/transfer", {"currency": "BTC", "amount": "1"})) == (403, 403)
    seen = [(w.account, w.key, w.accepted) for w in sim.ledger.withdrawals]
    assert seen == [("a", "main", False), ("a", "pay", True), ("a", "main", False)]


async def test_public_calls_need_no_key(sim: Simulator) -> None:
    base = sim.url("poloniex")
    for target in (
        "/timestamp",
        "/markets/BTC_USDT",
        "/markets/price",
        "/markets/BTC_USDT/price",
        "/markets/markPrice",
        "/markets/BTC_USDT/markPrice",
        "/markets/ticker24h",
        "/markets/BTC_USDT/trades",
        "/v2/currencies/BTC",
    ):
        assert (await send("GET", base + target, {"key": "dummy-nobody"})).status == 200
    for target in ("instruments", "markPrice", "fundingRate", "orderBook"):
        got = await send("GET", f"{base}/v3/market/{target}?symbol=BTC_USDT_PERP")
        assert said(got) == DONE_READ
        assert got.json["data"]
    assert said(await send("GET", f"{base}/markets/BTCUSDT/orderBook")) == (400, 24101)
    assert said(await send("GET", f"{base}/markets/BTC_USDT/orderBook?limit=7")) == (400, 24106)
    assert said(await send("GET", f"{base}/markets/BTC_USDT/candles?interval=1m")) == (400, 24102)
    assert said(await send("GET", f"{base}/v3/market/orderBook?symbol=BTC_USD_PERP")) == (200, 10001)


async def test_accounts(bot: Poloniex) -> None:
    [account] = (await bot("GET", "/accounts")).json
    [told] = (await bot("GET", f"/accounts/{account['accountId']}/balances")).json
    assert told == (await bot("GET", READ, accountType="SPOT")).json[0]
    assert (await bot("GET", READ, accountType="FUTURES")).json == []
    assert said(await bot("GET", "/accounts/1/balances")) == (400, 21600)
    assert said(await bot("GET", "/feeinfo")) == OK
    assert said(await bot.perp()) == DONE
    balance = (await bot("GET", "/v3/account/balance")).json["data"]
    assert float(balance["im"]) == 50  # a tenth of what the contracts are worth
