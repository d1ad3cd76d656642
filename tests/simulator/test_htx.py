import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.simulator import Fault, HtxLimits, ManualClock, SimAccount, SimConfig, SimKey, Simulator
from proxy.simulator.faults import Action
from proxy.simulator.htx.wire import canonical, valid
from tests.simulator.clients import ELSEWHERE, OTHER, Got, now_ms, send
from tests.simulator.htx_client import KEY, SECRET, SWAP, V5, Htx, encoded, htx_config, said, stamp

VECTOR_SECRET = "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"
AUTH = {
    "AccessKeyId": "e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx",
    "SignatureMethod": "HmacSHA256",
    "SignatureVersion": "2",
    "Timestamp": "2017-05-11T15:19:30",
}
NOT_VALID = "api-signature-not-valid"
INFO = "/linear-swap-api/v1/swap_cross_order_info"


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(htx_config())


@pytest.fixture
def bot(sim: Simulator) -> Htx:
    return Htx(sim.url("htx"))


@pytest.fixture
def swap(sim: Simulator) -> Htx:
    return Htx(sim.url("htx", "swap"))


@pytest.mark.parametrize(
    ("method", "host", "path", "params", "wanted"),
    [
        (
            "GET",
            "api.huobi.pro",
            "/v1/order/orders",
            {"order-id": "1234567890"},
            "Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM=",
        ),
        ("POST", "api.huobi.pro", "/v1/order/orders/place", {}, "5NjPB1wj1lHSZO0PkwvX5X7fuOi2DHrI8Y/jS1nbDvQ="),
        ("POST", "API-AWS.huobi.pro", "/v1/order/orders/place", {}, "gJFpBffo2JRYd+bJ9Ev6RS7bdh7ks2aMJWyztSvQiKs="),
        (
            "GET",
            "api.huobi.pro",
            "/v1/order/history",
            {"states": "filled,canceled", "symbol": "btcusdt"},
            "VgySJ2OYT1Fpv8MA5fxsjn8F9/m26GiUZAufxuVQe18=",
        ),
        (
            "GET",
            "api.huobi.pro",
            "/v1/order/history",
            {"alpha": "a+b/c=", "states": "filled,canceled", "symbol": "btcusdt", "Zeta": "x y"},
            "8tSdnNQTfbk8yO3b9NXTdmnONiXXMoNfvWuvaIq+Sbc=",
        ),
        ("GET", "api.huobi.pro", "/v1/account/accounts", {}, "mo1l8CzSb+GRNh/gw7e6jgbfixbzfyo4ZuUuSVzvcDM="),
        (
            "POST",
            "api.hbdm.vn",
            "/linear-swap-api/v1/swap_cross_order",
            {},
            "F25f+FCtMSLvFCLv24xWeevAxwtFYzc5sBMCw3Lx15s=",
        ),
        (
            "POST",
            "api.hbdm.com",
            "/linear-swap-api/v1/swap_cross_order",
            {},
            "6LkhKn9NNX4vJxzfZMB6xldfTGF0arEPYu2ehFyipbA=",
        ),
        (
            "GET",
            "api.hbdm.com",
            "/linear-swap-api/v1/swap_api_trading_status",
            {},
            "azLdhD+V7jlr75UfgMMS137idK5Y5OPtExMQwyHj1wU=",
        ),
        (
            "GET",
            "api.hbdm.com",
            "/v5/trade/order",
            {"contract_code": "BTC-USDT", "client_order_id": "123"},
            "HcQrMoR0uRvYxzpwAHjfV9Mw7OxbZ7P82kzbkQ5WHJA=",
        ),
    ],
)
def test_vectors(method: str, host: str, path: str, params: dict[str, str], wanted: str) -> None:
    text = canonical(method, host, path, {**params, **AUTH})
    assert valid(VECTOR_SECRET, text, wanted)
    assert not valid(VECTOR_SECRET, text + " ", wanted)
    assert not valid(VECTOR_SECRET, text, "A" + wanted[1:])


def test_the_published_canonical_text() -> None:
    """From the documents' own example; the secret of its signature is masked."""
    text = canonical("GET", "api.huobi.pro", "/v1/order/orders", {"order-id": "1234567890", **AUTH})
    assert text == (
        "GET\napi.huobi.pro\n/v1/order/orders\n"
        "AccessKeyId=e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx&SignatureMethod=HmacSHA256&SignatureVersion=2"
        "&Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890"
    )


async def test_ed25519(start: Any) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    text = canonical(
        "GET", "api.huobi.pro", "/v1/order/orders", {**AUTH, "SignatureMethod": "Ed25519", "order-id": "1234567890"}
    )
    wanted = "DFaGB/ssOe0ihN7x+KCeLOFB86iDrmZhK3iU0fjPyULRPLrvJ8lGyrruEMWrha/XjsujPdGzOC+hw5CCqeaFCg=="
    assert base64.b64encode(private.sign(text.encode())).decode() == wanted
    assert valid(pem, text, wanted)
    assert not valid(pem, text[:-1], wanted)
    assert not valid(pem, text, "not base64")
    sim = await start(SimConfig((SimAccount("htx", "h", (SimKey("main", KEY, pem),)),)))
    got = await Htx(sim.url("htx")).get("/v1/account/accounts")
    assert "Incorrect signature method" in got.json["err-msg"]  # the key's kind is fixed
    path, host = "/v1/account/accounts", sim.url("htx").removeprefix("http://")
    named = {"AccessKeyId": KEY, "SignatureMethod": "Ed25519", "SignatureVersion": "2", "Timestamp": stamp(now_ms())}
    query = "&".join(f"{name}={encoded(value)}" for name, value in sorted(named.items()))
    made = base64.b64encode(private.sign(f"GET\n{host}\n{path}\n{query}".encode())).decode()
    assert said(await send("GET", f"{sim.url('htx')}{path}?{query}&Signature={encoded(made)}")) == "ok"
    other = base64.b64encode(private.sign(f"GET\n{host}\n{path}x\n{query}".encode())).decode()
    assert said(await send("GET", f"{sim.url('htx')}{path}?{query}&Signature={encoded(other)}")) == NOT_VALID


@pytest.mark.parametrize(
    ("changes", "text", "number"),
    [
        ({"key": "dummy-nobody"}, "Incorrect Access key", 403),
        ({"secret": "dummy-wrong"}, "Verification failure", 403),
        ({"changes": {"SignatureVersion": "1"}}, "Incorrect signature version", 12002),
        ({"changes": {"SignatureMethod": "HmacSHA512"}}, "Incorrect signature method", 12003),
        ({"changes": {"Timestamp": "2026-01-01T00:00:00Z"}}, "Invalid submission time", 12001),
        ({"changes": {"Timestamp": "2026-13-01T00:00:00"}}, "Invalid submission time", 12001),
        ({"address": ELSEWHERE}, f"Incorrect IP address [IP地址错误]:{ELSEWHERE}", 12005),
    ],
)
async def test_the_gateway_says_no(bot: Htx, swap: Htx, changes: dict[str, Any], text: str, number: int) -> None:
    got = await replace(bot, **changes).get("/v1/account/accounts")
    assert (got.status, said(got), got.json["data"]) == (200, NOT_VALID, None)
    assert got.json["err-msg"].startswith(f"Signature not valid: {text}")
    got = await replace(swap, **changes).post("/linear-swap-api/v1/swap_cross_account_info")
    assert (got.status, said(got)) == (200, number)
    assert got.json["err_msg"].startswith(text)
    assert got.json["ts"]
    got = await replace(swap, **changes).get("/v5/account/balance")
    assert (got.json["code"], got.json["data"]) == (number, None)


async def test_host_and_every_byte_are_signed(bot: Htx, swap: Htx) -> None:
    target = bot.sign("GET", "/v1/order/history", {"symbol": "btcusdt"})
    assert said(await bot.raw("GET", target)) == "ok"
    assert said(await bot.raw("GET", target)) == "ok"  # there is no nonce: the same URL may come again
    assert said(await bot.raw("GET", target.replace("btcusdt", "ethusdt"))) == NOT_VALID
    assert said(await bot.raw("GET", target + "&size=10")) == NOT_VALID
    assert said(await bot.raw("GET", target + "&symbol=btcusdt")) == NOT_VALID
    assert said(await bot.raw("GET", target.replace("/v1/order/history", "/v1/order/matchresults"))) == NOT_VALID
    assert said(await bot.raw("POST", bot.sign("GET", "/v1/order/orders/place", {}), "{}")) == NOT_VALID
    assert said(await replace(bot, url=swap.url).raw("GET", bot.sign("GET", "/v5/account/balance", {}))) == 403
    headers = {"Host": bot.url.removeprefix("http://").upper()}
    assert said(await send("GET", bot.url + target, headers)) == "ok"  # signed in lower case
    assert said(await send("GET", bot.url + target, {"Host": "api.huobi.pro"})) == NOT_VALID


async def test_the_signature_must_be_encoded(bot: Htx) -> None:
    """A plus sign stands for a space."""
    for second in range(200):
        target = replace(bot, at_ms=now_ms() - second * 1000).sign("GET", "/v1/account/accounts", {})
        if "%2B" in target:
            break
    assert said(await bot.raw("GET", target)) == "ok"
    assert said(await bot.raw("GET", target.replace("%2B", "+"))) == NOT_VALID


async def test_any_order_of_the_query_will_do(bot: Htx) -> None:
    path, _, query = bot.sign("GET", "/v1/order/openOrders", {"symbol": "btcusdt"}).partition("?")
    assert said(await bot.raw("GET", path + "?" + "&".join(reversed(query.split("&"))))) == "ok"


async def test_unsigned(bot: Htx, swap: Htx) -> None:
    assert said(await bot.raw("GET", "/v1/account/accounts")) == "login-required"
    assert said(await bot.raw("GET", "/v2/user/uid")) == 1002
    assert said(await swap.raw("GET", "/v5/account/balance")) == 403
    target = bot.sign("GET", "/v1/account/accounts", {}).replace("&Timestamp", "&timestamp")
    assert "Submission time is required" in (await bot.raw("GET", target)).json["err-msg"]
    got = await replace(bot, secret="dummy-wrong").get("/v2/user/uid")
    assert got.json == {"code": 1003, "message": "invalid signature"}


async def test_time_window(start: Any) -> None:
    clock = ManualClock()
    sim = await start(htx_config(), clock)
    bot, now = Htx(sim.url("htx")), clock.now_ms()
    for off, wanted in ((-300, "ok"), (-301, NOT_VALID), (60, "ok"), (61, NOT_VALID)):
        got = await replace(bot, at_ms=now + off * 1000).get("/v1/account/accounts")
        assert said(got) == wanted, off


async def test_methods_paths_and_bodies(bot: Htx, swap: Htx) -> None:
    got = await bot.raw("GET", bot.sign("GET", "/v1/account/accounts", {}), "{}")
    assert got.status == 403
    got = await bot.get("/v1/order/orders/getclientorder")
    assert said(got) == "validation-format-error"  # read as an order id: paths are case-sensitive
    assert (await bot.get("/v1/order/openorders")).status == 404
    assert (await bot.get("/v5/account/balance")).status == 404
    assert (await bot.get("/v1/order/orders/place")).status == 200  # again an order id
    got = await bot.post("/v1/account/accounts")
    assert (got.status, said(got)) == (405, "method-not-allowed")
    target = bot.sign("POST", "/v1/order/orders/place", {})
    assert said(await bot.raw("POST", target, "a=1", "application/x-www-form-urlencoded")) == "bad-request"
    assert said(await bot.raw("POST", target, "{")) == "bad-request"
    target = swap.sign("POST", INFO, {})
    assert said(await swap.raw("POST", target, "{")) == 1030


async def test_key_states(bot: Htx, swap: Htx, sim: Simulator) -> None:
    read = "/v1/account/accounts"
    assert said(await replace(bot, address=OTHER).get(read)) == "ok"
    sim.set_trade("htx", "h", "main", False)
    assert "API key has no permission" in (await bot.limit()).json["err-msg"]
    got = await swap.swap()
    assert (said(got), "no permission" in got.json["err_msg"]) == (403, True)
    assert said(await bot.get(read)) == "ok"
    sim.suspend_key("htx", "h", "main", 3600)
    assert "API key has expired" in (await bot.get(read)).json["err-msg"]
    assert said(await swap.v5()) == 12004
    [row] = (await replace(bot, key=f"{KEY}-2").get("/v2/user/api-key", accessKey=KEY)).json["data"]
    assert row["status"] == "expired"
    sim.lift_key("htx", "h", "main")
    sim.delete_key("htx", "h", "main")
    assert "Incorrect Access key" in (await bot.get(read)).json["err-msg"]
    assert sim.ledger.orders_executed == 0


async def test_a_locked_account(bot: Htx, swap: Htx, sim: Simulator) -> None:
    sim.suspend_account("htx", "h")
    [row] = (await bot.get("/v1/account/accounts")).json["data"]
    assert row["state"] == "lock"
    assert said(await bot.limit()) == "operation-forbidden-for-lock-account-state"
    assert said(await swap.v5()) == 12009
    sim.suspend_account("htx", "h", 0)
    assert said(await bot.limit()) == "ok"


async def test_key_information(bot: Htx) -> None:
    assert (await bot.get("/v2/user/uid")).json == {"code": 200, "data": 400_000_001}
    first, second = (await bot.get("/v2/user/api-key", uid=400_000_001)).json["data"]
    assert (first["accessKey"], first["permission"], first["validDays"]) == (KEY, "readOnly,trade", -1)
    assert first["ipAddresses"] == "127.0.0.1,127.0.0.9"
    assert (second["ipAddresses"], second["validDays"]) == ("", 90)
    assert said(await bot.get("/v2/user/api-key", uid=400_000_002)) == 2002


def limited(**limits: Any) -> SimConfig:
    return htx_config(limits={"htx": HtxLimits(**limits)})


async def test_spot_counts_by_uid_and_endpoint(start: Any) -> None:
    clock = ManualClock()
    sim = await start(limited(fast=2, usual=1), clock)
    bot = Htx(sim.url("htx"), at_ms=clock.now_ms())
    got = await bot.get("/v1/account/accounts")
    assert got.headers["x-hb-ratelimit-requests-remain"] == "1"
    assert got.headers["x-hb-ratelimit-requests-expire"] == str(clock.now_ms() + 2000)
    assert said(await replace(bot, key=f"{KEY}-2").get("/v1/account/accounts")) == "ok"
    got = await bot.get("/v1/account/accounts")
    assert (got.status, said(got)) == (200, "rate-too-many-requests")
    assert got.headers["x-hb-ratelimit-requests-remain"] == "0"
    assert said(await replace(bot, key=f"{KEY}-3").get("/v1/account/accounts")) == "ok"
    assert said(await bot.limit()) == "ok"
    assert said(await bot.get("/v1/order/orders/1")) == "base-record-invalid"
    assert said(await bot.get("/v1/order/orders/2")) == "rate-too-many-requests"  # one count for all order ids
    clock.advance(2)
    assert said(await bot.get("/v1/account/accounts")) == "ok"


async def test_the_default_is_by_key(start: Any) -> None:
    clock = ManualClock()
    sim = await start(limited(default=1, status=429), clock)
    bot = Htx(sim.url("htx"), at_ms=clock.now_ms())
    assert said(await bot.get("/v2/user/uid")) == 200
    got = await bot.get("/v2/user/uid")
    assert (got.status, got.json["code"]) == (429, 510)
    assert said(await replace(bot, key=f"{KEY}-2").get("/v2/user/uid")) == 200
    clock.advance(1)
    assert said(await bot.get("/v2/user/uid")) == 200


async def test_public_counts_by_address(start: Any) -> None:
    clock = ManualClock()
    sim = await start(limited(market=1, swap_market=1), clock)
    url = sim.url("htx") + "/market/detail/merged?symbol=btcusdt"
    assert said(await send("GET", url)) == "ok"
    got = await send("GET", url)
    assert (said(got), got.json["err-msg"]) == ("invalid-parameter", "request limit")
    assert said(await send("GET", url, address=OTHER)) == "ok"
    clock.advance(59)  # the clock stands 240 s after the window's beginning
    assert said(await send("GET", url)) == "invalid-parameter"
    clock.advance(1)
    assert said(await send("GET", url)) == "ok"
    url = sim.url("htx", "swap") + "/linear-swap-ex/market/trade?contract_code=btc-usdt"
    got = await send("GET", url)
    assert (said(got), got.headers["ratelimit-remaining"]) == ("ok", "0")
    assert said(await send("GET", url)) == 1032
    clock.advance(1)
    assert said(await send("GET", url)) == "ok"


async def test_swap_has_a_pool_for_trade_and_one_for_reads(start: Any) -> None:
    clock = ManualClock()
    sim = await start(limited(swap_trade=1, swap_read=2), clock)
    bot = Htx(sim.url("htx", "swap"), at_ms=clock.now_ms())
    got = await bot.swap()
    assert said(got) == "ok"
    names = ("ratelimit-limit", "ratelimit-interval", "ratelimit-remaining", "ratelimit-reset")
    assert [got.headers[name] for name in names] == ["1", "3000", "0", "3000"]
    got = await replace(bot, key=f"{KEY}-2").v5()  # the same pool, by UID
    assert (said(got), got.json["data"]) == (1032, None)
    assert said(await replace(bot, key=f"{KEY}-3").v5()) == 200
    assert said(await bot.post("/linear-swap-api/v1/swap_cross_openorders", {"contract_code": "BTC-USDT"})) == "ok"
    assert said(await bot.get("/v5/trade/order/opens")) == 200
    assert said(await bot.get("/v5/trade/order/opens")) == 1032
    clock.advance(3)
    assert said(await bot.get("/v5/trade/order/opens")) == 200


async def test_public_spot(sim: Simulator) -> None:
    base = sim.url("htx")
    symbols = (await send("GET", base + "/v1/common/symbols")).json["data"]
    assert [row["symbol"] for row in symbols][:2] == ["btcusdt", "ethusdt"]
    tick = (await send("GET", base + "/market/detail/merged?symbol=btcusdt")).json["tick"]
    assert tick["bid"][0] < tick["close"] < tick["ask"][0]
    book = (await send("GET", base + "/market/depth?symbol=btcusdt&type=step0&depth=5")).json["tick"]
    assert len(book["bids"]) == 5
    got = await send("GET", base + "/market/depth?symbol=nope&type=step0")
    assert (said(got), got.json["err-msg"]) == ("invalid-parameter", "invalid symbol")
    got = await send("GET", base + "/market/depth?symbol=btcusdt&type=step0&depth=150")
    assert got.json["err-msg"] == "invalid depth"
    assert said(await send("GET", base + "/market/history/kline?symbol=btcusdt&period=2min")) == "invalid-parameter"


async def test_public_swap(sim: Simulator) -> None:
    base = sim.url("htx", "swap")
    rows = (await send("GET", base + "/linear-swap-api/v1/swap_contract_info")).json["data"]
    assert [(row["contract_code"], row["contract_size"]) for row in rows] == [("BTC-USDT", 0.001), ("ETH-USDT", 0.01)]
    assert (await send("GET", base + "/api/v1/timestamp")).json["ts"] > 0
    assert (await send("GET", base + "/heartbeat/")).json["data"]["linear_swap_heartbeat"] == 1
    assert said(await send("GET", base + "/linear-swap-ex/market/depth?contract_code=BTC-USD&type=step0")) == 1014


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"symbol": "nope"}, "base-symbol-error"),
        ({"symbol": "BTCUSDT"}, "base-symbol-error"),
        ({"account_id": "50000002"}, "account-account-id-inexistent"),
        ({"account_id": "x"}, "validation-format-error"),
        ({"type": "buy-stop-limit"}, "order-type-invalid"),
        ({"type": "hold-limit"}, "order-type-invalid"),
        ({"source": "margin-api"}, "order-source-invalid"),
        ({"amount": "x"}, "invalid-amount"),
        ({"amount": "-1"}, "invalid-amount"),
        ({"amount": "0"}, "order-limitorder-amount-min-error"),
        ({"amount": "0.010001"}, "order-orderamount-precision-error"),
        ({"amount": "0.00001"}, "order-value-min-error"),
        ({"price": "0"}, "order-invalid-price"),
        ({"price": "50000.001"}, "order-orderprice-precision-error"),
        ({"amount": "900"}, "account-frozen-balance-insufficient-error"),
        ({"client_order_id": "a b"}, "validation-format-error"),
        ({"client_order_id": "x" * 65}, "validation-format-error"),
    ],
)
async def test_spot_refusals(bot: Htx, sim: Simulator, change: dict[str, Any], wanted: str) -> None:
    assert said(await bot.limit(**change)) == wanted
    assert sim.ledger.orders_executed == 0


async def test_business_parameters_belong_in_the_body(bot: Htx, sim: Simulator) -> None:
    row = {"account-id": "50000001", "symbol": "btcusdt", "type": "buy-limit", "amount": "0.01", "price": "50000"}
    got = await bot.raw("POST", bot.sign("POST", "/v1/order/orders/place", row), "{}")
    assert said(got) == "validation-constraints-required"
    assert sim.ledger.orders_executed == 0


async def test_a_client_id_twice_makes_two_orders_on_spot(bot: Htx, sim: Simulator) -> None:
    first = (await bot.limit(client_order_id="dummy-1")).json["data"]
    second = (await bot.limit(price="49000", client_order_id="dummy-1")).json["data"]
    assert first != second
    assert sim.ledger.duplicates() == {("htx", "h", "dummy-1"): 2}
    got = await bot.get("/v1/order/orders/getClientOrder", clientOrderId="dummy-1")
    assert str(got.json["data"]["id"]) == second  # the newest
    assert (await bot.post("/v1/order/orders/submitCancelClientOrder", {"client-order-id": "dummy-1"})).json[
        "data"
    ] == 10
    got = await bot.get("/v1/order/orders/getClientOrder", clientOrderId="dummy-1")
    assert (str(got.json["data"]["id"]), got.json["data"]["state"]) == (second, "canceled")
    assert (await bot.get(f"/v1/order/orders/{first}")).json["data"]["state"] == "submitted"


async def test_another_uid_sees_nothing(bot: Htx) -> None:
    number = (await bot.limit(client_order_id="dummy-1")).json["data"]
    other = replace(bot, key=f"{KEY}-3")
    assert said(await other.get(f"/v1/order/orders/{number}")) == "base-record-invalid"
    assert said(await other.get("/v1/order/orders/getClientOrder", clientOrderId="dummy-1")) == "base-record-invalid"
    assert said(await other.post(f"/v1/order/orders/{number}/submitcancel")) == "base-record-invalid"
    assert said(await other.limit()) == "account-account-id-inexistent"


async def test_spot_kinds(bot: Htx, sim: Simulator) -> None:
    async def state(kind: str, **more: Any) -> tuple[str, str]:
        number = (await bot.limit(type=kind, **more)).json["data"]
        data = (await bot.get(f"/v1/order/orders/{number}")).json["data"]
        return data["state"], data["field-amount"]

    assert await state("buy-ioc") == ("canceled", "0")
    assert await state("buy-limit-fok", price="61000") == ("filled", "0.01")
    assert await state("buy-limit-maker", price="61000") == ("canceled", "0")
    assert await state("buy-limit-maker") == ("submitted", "0")
    assert await state("sell-market") == ("filled", "0.01")
    value, filled = await state("buy-market", amount="600.02")  # in the quote coin
    assert (value, filled) == ("filled", "0.01000")
    assert len(sim.ledger.orders("htx", "h")) == 6


async def test_spot_cancels(bot: Htx) -> None:
    number = (await bot.limit()).json["data"]
    got = await bot.post(f"/v1/order/orders/{number}/submitcancel")
    assert got.json == {"status": "ok", "data": number}
    got = await bot.post(f"/v1/order/orders/{number}/submitcancel")
    assert (said(got), got.json["order-state"]) == ("order-orderstate-error", 7)
    cancel = "/v1/order/orders/submitCancelClientOrder"
    assert (await bot.post(cancel, {"client-order-id": "dummy-none"})).json["data"] == 0
    await bot.limit(price="61000", client_order_id="dummy-full")
    assert (await bot.post(cancel, {"client-order-id": "dummy-full"})).json["data"] == 6


async def test_spot_batches_succeed_in_part(bot: Htx, sim: Simulator) -> None:
    row = {"account-id": "50000001", "symbol": "btcusdt", "type": "buy-limit", "amount": "0.01", "price": "50000"}
    rows = [
        {**row, "client-order-id": "dummy-1"},
        {**row, "amount": "900", "client-order-id": "dummy-2"},
        {**row, "price": "49000"},
    ]
    got = await bot.post("/v1/order/batch-orders", rows)
    first, second, third = got.json["data"]
    assert (said(got), first["client-order-id"], "err-code" in first) == ("ok", "dummy-1", False)
    assert second["err-code"] == "account-frozen-balance-insufficient-error"
    assert "client-order-id" not in third
    assert sim.ledger.orders_executed == 2
    assert said(await bot.post("/v1/order/batch-orders", [row] * 11)) == "validation-constraints-required"
    ids = [str(first["order-id"]), "1", str(third["order-id"])]
    data = (await bot.post("/v1/order/orders/batchcancel", {"order-ids": ids})).json["data"]
    assert data["success"] == [ids[0], ids[2]]
    assert [(row["order-id"], row["err-code"]) for row in data["failed"]] == [("1", "base-not-found")]
    data = (await bot.post("/v1/order/orders/batchcancel", {"client-order-ids": ["dummy-1"]})).json["data"]
    assert [(row["client-order-id"], row["order-state"]) for row in data["failed"]] == [("dummy-1", 7)]


async def test_cancel_all_is_a_write_behind_get(bot: Htx) -> None:
    await bot.limit()
    await bot.limit(symbol="ethusdt", price="2000")
    got = await bot.post("/v1/order/orders/batchCancelOpenOrders", {"account-id": "50000001", "symbol": "btcusdt"})
    assert got.json["data"] == {"success-count": 1, "failed-count": 0, "next-id": -1}
    assert (await bot.get("/v1/order/cancelAllOrders")).json["data"]["success-count"] == 1
    assert (await bot.get("/v1/order/openOrders")).json["data"] == []


async def test_spot_lookups_forget(start: Any) -> None:
    clock = ManualClock()
    sim = await start(htx_config(), clock)

    async def ask(path: str, **params: Any) -> Got:
        return await Htx(sim.url("htx"), at_ms=clock.now_ms()).get(path, **params)

    bot = Htx(sim.url("htx"), at_ms=clock.now_ms())
    await bot.limit(client_order_id="dummy-open")
    done = (await bot.limit(client_order_id="dummy-gone")).json["data"]
    await bot.post(f"/v1/order/orders/{done}/submitcancel")
    named = "/v1/order/orders/getClientOrder"
    clock.advance(7200)
    assert (await ask(named, clientOrderId="dummy-gone")).json["data"]["state"] == "canceled"
    assert len((await ask("/v1/order/history")).json["data"]) == 1
    clock.advance(1)
    assert said(await ask(named, clientOrderId="dummy-gone")) == "base-record-invalid"
    assert said(await ask(f"/v1/order/orders/{done}")) == "base-record-invalid"
    assert (await ask(named, clientOrderId="dummy-open")).json["data"]["state"] == "submitted"
    clock.advance(6 * 3600)
    assert said(await ask(named, clientOrderId="dummy-open")) == "base-record-invalid"
    [row] = (await ask("/v1/order/openOrders", symbol="btcusdt")).json["data"]
    assert row["client-order-id"] == "dummy-open"


async def test_spot_history_ranges(bot: Htx) -> None:
    await bot.limit(price="61000", client_order_id="dummy-1")
    hour = 3_600_000
    got = await bot.get("/v1/order/orders", symbol="btcusdt", states="filled")
    assert [row["client-order-id"] for row in got.json["data"]] == ["dummy-1"]
    assert said(await bot.get("/v1/order/orders", symbol="btcusdt")) == "validation-constraints-required"
    early = {"start-time": now_ms() - 40 * hour, "end-time": now_ms() - hour}
    assert (await bot.get("/v1/order/history", **early)).json["data"] == []
    long = {"start-time": now_ms() - 50 * hour, "end-time": now_ms()}
    assert said(await bot.get("/v1/order/history", **long)) == "base-date-limit-error"
    [fill] = (await bot.get("/v1/order/matchresults", symbol="btcusdt")).json["data"]
    assert fill["filled-amount"] == "0.01"
    [again] = (await bot.get(f"/v1/order/orders/{fill['order-id']}/matchresults")).json["data"]
    assert again == fill


async def test_money_needs_its_right_and_is_witnessed(bot: Htx, swap: Htx, sim: Simulator) -> None:
    got = await bot.post("/v1/dw/withdraw/api/create", {"currency": "btc", "amount": "1", "address": "dummy"})
    assert "API key has no permission" in got.json["err-msg"]
    assert said(await bot.post("/v2/account/transfer", {"from": "spot", "to": "linear-swap"})) == 200
    assert said(await swap.post("/linear-swap-api/v1/swap_transfer_inner", {})) == "ok"
    assert [w.accepted for w in sim.ledger.withdrawals] == [False, True, True]  # trade includes inner transfers


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"contract_code": "NOPE-USDT"}, 1014),
        ({"contract_code": None}, 1014),
        ({"direction": "hold"}, 1035),
        ({"order_price_type": "stop"}, 1034),
        ({"offset": "flat"}, 1036),
        ({"lever_rate": None}, 1094),
        ({"volume": 0}, 1040),
        ({"volume": 1.5}, 1040),
        ({"price": "50000.001"}, 1038),
        ({"price": None}, 1042),
        ({"volume": 10_000_000_000}, 1047),
        ({"client_order_id": "abc"}, 1067),
        ({"client_order_id": 0}, 1067),
        ({"client_order_id": 2**63}, 1067),
    ],
)
async def test_swap_refusals(swap: Htx, sim: Simulator, change: dict[str, Any], wanted: int) -> None:
    assert said(await swap.swap(**change)) == wanted
    names = {"direction": "side", "order_price_type": "type"}
    if not {"offset", "lever_rate"} & set(change):
        assert said(await swap.v5(**{names.get(k, k): v for k, v in change.items()})) == wanted
    assert sim.ledger.orders_executed == 0


async def test_a_client_id_twice_is_refused_on_swaps(start: Any) -> None:
    clock = ManualClock()
    sim = await start(htx_config(limits={"htx": HtxLimits(ids_kept_s=3600)}), clock)
    bot = Htx(sim.url("htx", "swap"), at_ms=clock.now_ms())
    got = await bot.swap(price="61000", client_order_id=7)
    assert got.json["data"]["client_order_id"] == 7
    assert said(await bot.swap(client_order_id=7)) == 1050  # filled or not
    assert said(await bot.v5(client_order_id="7")) == 1050
    assert said(await replace(bot, key=f"{KEY}-3").v5(client_order_id="7")) == 200
    assert said(await Htx(sim.url("htx"), at_ms=clock.now_ms()).limit(client_order_id="7")) == "ok"  # spot is apart
    clock.advance(3601)
    assert said(await replace(bot, at_ms=clock.now_ms()).swap(client_order_id=7)) == "ok"


async def test_v1_life_of_an_order(swap: Htx) -> None:
    placed = (await swap.swap(client_order_id=2**63 - 1)).json["data"]
    assert placed["order_id_str"] == str(placed["order_id"])
    assert placed["order_id"] > 2**53
    asked = {"contract_code": "btc-usdt", "client_order_id": str(2**63 - 1)}
    [row] = (await swap.post(INFO, asked)).json["data"]
    assert (row["status"], row["volume"], row["order_price_type"]) == (3, 10, "limit")
    isolated = INFO.replace("swap_cross_", "swap_")
    assert said(await swap.post(isolated, asked)) == 1017
    opened = await swap.post("/linear-swap-api/v1/swap_cross_openorders", {"contract_code": "BTC-USDT"})
    assert [o["order_id_str"] for o in opened.json["data"]["orders"]] == [placed["order_id_str"]]
    cancel = "/linear-swap-api/v1/swap_cross_cancel"
    ids = f"{placed['order_id_str']},1"
    data = (await swap.post(cancel, {"contract_code": "BTC-USDT", "order_id": ids})).json["data"]
    assert (data["successes"], [e["err_code"] for e in data["errors"]]) == (placed["order_id_str"], [1061])
    data = (await swap.post(cancel, {**asked})).json["data"]
    assert (data["successes"], data["errors"][0]["err_code"]) == ("", 1071)
    assert said(await swap.post(f"{cancel}all", {"contract_code": "BTC-USDT"})) == 1051
    history = await swap.post("/linear-swap-api/v3/swap_cross_hisorders", {"contract": "BTC-USDT", "trade_type": 0})
    assert [row["status"] for row in history.json["data"]] == [7]


async def test_v1_batch_succeeds_in_part(swap: Htx, sim: Simulator) -> None:
    rows = [{**SWAP, "price": 50_000}, {**SWAP, "price": 50_000, "volume": 0}, {**SWAP, "price": 49_000}]
    got = await swap.post("/linear-swap-api/v1/swap_cross_batchorder", {"orders_data": rows})
    data = got.json["data"]
    assert (said(got), [e["index"] for e in data["success"]], sim.ledger.orders_executed) == ("ok", [1, 3], 2)
    assert [(e["index"], e["err_code"]) for e in data["errors"]] == [(2, 1040)]
    got = await swap.post("/linear-swap-api/v1/swap_cross_batchorder", {"orders_data": rows * 4})
    assert said(got) == 1030


async def test_v5_life_of_an_order(swap: Htx) -> None:
    placed = (await swap.v5(client_order_id="42")).json["data"]
    assert placed["client_order_id"] == "42"
    asked = {"contract_code": "BTC-USDT", "client_order_id": "42"}
    data = (await swap.get("/v5/trade/order", **asked)).json["data"]
    assert (data["state"], data["volume"], data["order_id"]) == ("new", "10", placed["order_id"])
    assert said(await swap.get("/v5/trade/order", contract_code="BTC-USDT", client_order_id="43")) == 1017
    assert [o["client_order_id"] for o in (await swap.get("/v5/trade/order/opens")).json["data"]] == ["42"]
    assert (await swap.post("/v5/trade/cancel_order", asked)).json["data"] == placed
    assert said(await swap.post("/v5/trade/cancel_order", asked)) == 1071
    assert said(await swap.post("/v5/trade/cancel_order", {**asked, "client_order_id": "43"})) == 1061
    [row] = (await swap.get("/v5/trade/order/history", contract_code="BTC-USDT")).json["data"]
    assert row["state"] == "canceled"


async def test_v5_batches_succeed_in_part(swap: Htx, sim: Simulator) -> None:
    row = {**V5, "price": "50000"}
    rows = [{**row, "client_order_id": "1"}, {**row, "client_order_id": "1"}, {**row, "price": "49000"}]
    data = (await swap.post("/v5/trade/batch_orders", rows)).json["data"]
    assert [item["code"] for item in data] == [200, 1050, 200]
    assert sim.ledger.duplicates() == {}
    ids = {"contract_code": "BTC-USDT", "order_id": [data[0]["order_id"], "1"]}
    data = (await swap.post("/v5/trade/cancel_batch_orders", ids)).json["data"]
    assert [item["code"] for item in data] == [200, 1061]
    data = (await swap.post("/v5/trade/cancel_all_orders", {"contract_code": "BTC-USDT"})).json["data"]
    assert [item["code"] for item in data] == [200]


async def test_swap_kinds_margin_and_positions(swap: Htx) -> None:
    async def state(**more: Any) -> str:
        number = (await swap.v5(**more)).json["data"]["order_id"]
        return str((await swap.get("/v5/trade/order", contract_code="BTC-USDT", order_id=number)).json["data"]["state"])

    assert await state(time_in_force="IOC") == "canceled"
    assert await state(time_in_force="fok", price="61000") == "filled"
    assert await state(type="post_only", price="61000") == "canceled"
    assert await state(type="market", price=None, side="sell", volume="30", reduce_only=0) == "filled"
    assert await state(price_match="opponent", volume="5", price=None) == "filled"
    [position] = (await swap.get("/v5/trade/position/opens")).json["data"]
    assert (position["direction"], position["volume"]) == ("sell", "15")
    before = (await swap.get("/v5/account/balance")).json["data"]["details"][0]
    await swap.v5()
    after = (await swap.get("/v5/account/balance")).json["data"]["details"][0]
    assert float(before["available_margin"]) - float(after["available_margin"]) == 50  # 0.01 * 50000 / 10
    [row] = (await swap.post("/linear-swap-api/v1/swap_cross_position_info")).json["data"]
    assert (row["direction"], row["volume"]) == ("sell", 15)


async def test_swap_lookups_forget_at_settlement(start: Any) -> None:
    clock = ManualClock()
    sim = await start(htx_config(), clock)
    bot = Htx(sim.url("htx", "swap"), at_ms=clock.now_ms())
    await bot.swap(price="61000", client_order_id=1)
    asked = {"contract_code": "BTC-USDT", "client_order_id": "1"}
    assert said(await bot.post(INFO, asked)) == "ok"
    eight_hours = 28_800_000
    clock.advance((eight_hours - clock.now_ms() % eight_hours) / 1000)
    late = replace(bot, at_ms=clock.now_ms())
    assert said(await late.post(INFO, asked)) == 1017
    history = await late.post("/linear-swap-api/v3/swap_cross_hisorders", {"contract": "BTC-USDT"})
    assert [row["client_order_id"] for row in history.json["data"]] == [1]


async def test_too_many_cancels_ban_placing(start: Any) -> None:
    clock = ManualClock()
    sim = await start(htx_config(limits={"htx": HtxLimits(ban_orders=3)}), clock)
    bot = Htx(sim.url("htx", "swap"), at_ms=clock.now_ms())
    for _ in range(3):
        number = (await bot.swap()).json["data"]["order_id_str"]
        await bot.post("/linear-swap-api/v1/swap_cross_cancel", {"contract_code": "BTC-USDT", "order_id": number})
    got = await replace(bot, key=f"{KEY}-2").swap()  # no other key of the UID helps
    assert (said(got), got.headers["recovery-time"]) == (1084, str(clock.now_ms() + 300_000))
    assert said(await bot.v5()) == 1084
    assert said(await bot.v5(type="market", price=None)) == 200  # other types pass
    status = (await bot.get("/linear-swap-api/v1/swap_api_trading_status")).json["data"][0]
    assert (status["is_disable"], status["recovery_time"]) == (1, clock.now_ms() + 300_000)
    assert said(await replace(bot, key=f"{KEY}-3").swap()) == "ok"
    clock.advance(300)
    assert said(await replace(bot, at_ms=clock.now_ms()).swap()) == "ok"


async def test_what_faults_say(sim: Simulator, bot: Htx, swap: Htx) -> None:
    answers = []
    actions: tuple[Action, ...] = ("throttle", "error", "unknown", "maintenance")
    for action in actions:
        for path in ("/v1/order", "/v5/trade"):
            sim.inject(Fault(action, path=path, status=500))
        spot, contract = await bot.limit(), await swap.v5()
        answers.append((said(spot), said(contract), spot.status))
    assert answers == [
        ("rate-too-many-requests", 1032, 200),
        ("base-system-error", 1000, 500),
        ("timeout", 1004, 200),
        ("system-maintenance", 1431, 200),
    ]
    sim.inject(Fault("unknown", path="place", executed=True, account="h", key="main"))
    assert said(await bot.limit(client_order_id="dummy-1")) == "timeout"
    assert sim.ledger.executions("htx", "h", "dummy-1") == 1


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Any]:
    """ccxt, with its own signing, aimed at both doors. Its table of hosts decides which host it signs."""
    made = ccxt.htx({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    hosts = {"spot": sim.url("htx"), "contract": sim.url("htx", "swap")}
    made.urls["hostnames"] = {name: url.removeprefix("http://") for name, url in hosts.items()}
    made.urls["api"] = {name: "http://{hostname}" for name in made.urls["api"]}
    made.hostname = made.urls["hostnames"]["spot"]
    yield made
    await made.close()


@pytest.mark.parametrize(("name", "amount", "base"), [("BTC/USDT", 0.01, 0.01), ("BTC/USDT:USDT", 10, 0.01)])
async def test_ccxt(client: Any, sim: Simulator, name: str, amount: float, base: float) -> None:
    swap = ":" in name
    client.options["defaultType"] = "swap" if swap else "spot"
    await client.load_markets()
    assert client.markets[name]["active"]
    assert abs(await client.fetch_time() - now_ms()) < 60_000
    ticker = await client.fetch_ticker(name)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert (await client.fetch_order_book(name, 5))["bids"][0][0] == ticker["bid"]
    assert len(await client.fetch_ohlcv(name, "1m", limit=1)) == 1
    assert (await client.fetch_trades(name, limit=1))[0]["price"] == ticker["last"]
    before = await client.fetch_balance()
    placed = await client.create_order(name, "limit", "buy", amount, 50_000)
    resting = await client.fetch_order(placed["id"], name)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, amount)
    during = await client.fetch_balance()
    assert before["USDT"]["free"] - during["USDT"]["free"] == (50 if swap else 500)
    assert [o["id"] for o in await client.fetch_open_orders(name)] == [placed["id"]]
    await client.cancel_order(placed["id"], name)
    assert (await client.fetch_order(placed["id"], name))["status"] == "canceled"
    assert await client.fetch_open_orders(name) == []
    taken = await client.create_order(name, "market", "sell", amount)
    filled = await client.fetch_order(taken["id"], name)
    assert (filled["status"], filled["filled"]) == ("closed", amount)
    assert [t["amount"] for t in await client.fetch_my_trades(name)] == [amount]
    assert len(await client.fetch_closed_orders(name)) == (2 if swap else 1)  # cancelled ones too, on swaps
    if swap:
        [position] = await client.fetch_positions([name])
        assert (position["side"], position["contracts"]) == ("short", amount)
    else:
        assert (await client.fetch_balance())["BTC"]["total"] == before["BTC"]["total"] - 0.01
    assert sum(order.quantity for order in sim.ledger.orders("htx", "h")) == 2 * Decimal(str(base))
    assert all(e.outcome == "ok" for e in sim.ledger.entries)


async def test_ccxt_raises_what_the_exchange_would(client: Any, sim: Simulator) -> None:
    await client.load_markets()
    for name, amount in (("BTC/USDT", 900), ("BTC/USDT:USDT", 10_000_000)):
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order(name, "limit", "buy", amount, 50_000)
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order("1", name)
    client.secret = "dummy-wrong"
    for kind in ("spot", "swap"):
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance({"type": kind})
    assert sim.ledger.orders_executed == 0


async def test_ccxt_batches(client: Any) -> None:
    await client.load_markets()
    row = {"type": "limit", "side": "buy", "price": 50_000}
    for name, amount in (("BTC/USDT:USDT", 10), ("BTC/USDT", 0.01)):
        placed = await client.create_orders([{"symbol": name, "amount": amount, **row}] * 2)
        ids = [order["id"] for order in placed]
        assert [order["id"] for order in await client.cancel_orders(ids, name)] == ids
