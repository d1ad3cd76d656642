import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import BybitLimits, Fault, ManualClock, SimAccount, SimConfig, SimKey, Simulator
from tests.simulator.bybit_client import KEY, SECRET, Bybit, code, config, order, symbol
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send

OK = (200, 0)
PRODUCTS = ("spot", "linear", "inverse")
WALLET = "/v5/account/wallet-balance"
UNIFIED = {"accountType": "UNIFIED"}


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Bybit:
    return Bybit(sim.url("bybit"))


# Signatures: made with ccxt and with pybit, re-checked with Python's hmac.

CREATE = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.001",
    "price": "20000",
    "timeInForce": "GTC",
    "orderLinkId": "px-0001",
}
COMPACT = json.dumps(CREATE, separators=(",", ":"))
VECTORS = [
    (
        "/v5/order/realtime",
        "category=linear&symbol=BTCUSDT&orderLinkId=px-0001",
        "a4267474d5a521fc1c124324a823ba5cb46ff4e7f7e3d70cd004761a80c393d8",
    ),
    ("/v5/order/create", COMPACT, "dded82023f26db6c6d06b679f1f0acfc869a51005ed13970cc50737e44c1dbb1"),
    (WALLET, "accountType=UNIFIED", "cbe04e1a08e38afb112c48c40db99604cdce2c5f5365f8a4f5d32a1292c243e4"),
    (
        "/v5/order/realtime",
        "category=linear&orderLinkId=px-0001&symbol=BTCUSDT",
        "23de7d66b2d79f82f4db0b1845d0a9996bb59b59f04084f64079590508d44b05",
    ),
    ("/v5/order/create", json.dumps(CREATE), "7e07a4c31ad29010aef0f6435d21f0ea88d69429518f6e8c6b178bbbeff43f5d"),
]


@pytest.mark.parametrize(("path", "payload", "sign"), VECTORS)
async def test_signature_vectors(start: Any, path: str, payload: str, sign: str) -> None:
    key = SimKey("main", "testKeyBybit0001", "testSecretBybit000000000000000000001")
    sim = await start(SimConfig((SimAccount("bybit", "y", (key,)),)), ManualClock(1_700_000_000_000))
    bot = Bybit(sim.url("bybit"))
    body = payload if payload.startswith("{") else None
    named = {"X-BAPI-API-KEY": key.key, "X-BAPI-TIMESTAMP": "1700000000000", "X-BAPI-RECV-WINDOW": "5000"}

    async def said(sign: str, payload: str) -> tuple[int, int]:
        target = (path, payload) if body else (f"{path}?{payload}", None)
        return code(await bot.raw("POST" if body else "GET", *target, {**named, "X-BAPI-SIGN": sign}))

    assert await said(sign, payload) == OK
    changed = payload.replace("U", "V", 1)
    assert await said(sign, changed) == (200, 10004)
    assert await said(sign[:-1] + ("0" if sign[-1] != "0" else "1"), payload) == (200, 10004)
    assert await said(sign.upper(), payload) == (200, 10004)
    assert await said("ü", payload) == (200, 10004)


async def test_rsa_keys(start: Any) -> None:
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    sim = await start(SimConfig((SimAccount("bybit", "y", (SimKey("main", KEY, pem),)),)))
    bot, stamp = Bybit(sim.url("bybit")), str(now_ms())
    raw = private.sign(f"{stamp}{KEY}5000accountType=UNIFIED".encode(), padding.PKCS1v15(), SHA256())
    named = {"X-BAPI-API-KEY": KEY, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000"}
    for sign, wanted in ((b64encode(raw).decode(), 0), (b64encode(raw[::-1]).decode(), 10004), ("no base64", 10004)):
        got = await bot.raw("GET", f"{WALLET}?accountType=UNIFIED", None, {**named, "X-BAPI-SIGN": sign})
        assert code(got) == (200, wanted)


async def test_headers_that_are_missing(bot: Bybit) -> None:
    for name in ("X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-SIGN"):
        headers = bot.headers("accountType=UNIFIED")
        del headers[name]
        assert (await bot.raw("GET", f"{WALLET}?accountType=UNIFIED", None, headers)).status == 401
    assert code(await replace(bot, window="").get(WALLET, **UNIFIED)) == OK


async def test_time_window(start: Any) -> None:
    clock = ManualClock(1_700_000_000_000)
    bot = Bybit((await start(config(), clock)).url("bybit"))

    async def said(offset_ms: int, window: str = "5000") -> tuple[int, int]:
        return code(await replace(bot, at_ms=clock.now_ms() + offset_ms, window=window).get(WALLET, **UNIFIED))

    assert await said(-5000) == OK
    assert await said(-5001) == (200, 10002)
    assert await said(999) == OK
    assert await said(1000) == (200, 10002)
    assert await said(-5001, "6000") == OK
    assert await said(-1500, "1000") == (200, 10002)
    assert await said(-5001, "") == (200, 10002)
    assert await said(0, "x") == (200, 10002)


async def test_key_states(bot: Bybit, sim: Simulator) -> None:
    async def said(caller: Bybit) -> tuple[int, int]:
        return code(await caller.get(WALLET, **UNIFIED))

    assert await said(replace(bot, address=ELSEWHERE)) == (200, 10010)
    assert await said(replace(bot, address=OTHER)) == OK
    assert await said(replace(bot, secret="dummy-wrong")) == (200, 10004)
    assert await said(replace(bot, key="dummy-nobody")) == (401, 10003)
    sim.set_trade("bybit", "y", "main", False)
    assert code(await bot.limit()) == (200, 10005)
    sim.suspend_key("bybit", "y", "main")
    assert await said(bot) == (200, 33004)
    sim.lift_key("bybit", "y", "main")
    sim.delete_key("bybit", "y", "main")
    assert await said(bot) == (401, 10003)
    sim.lift_key("bybit", "y", "main")
    sim.suspend_account("bybit", "y")
    assert await said(replace(bot, key=f"{KEY}-2")) == (200, 10008)
    sim.suspend_account("bybit", "y", 0)
    assert await said(bot) == OK
    assert sim.ledger.orders_executed == 0


async def test_forms_of_requests(bot: Bybit) -> None:
    path = "/v5/order/create"
    body = json.dumps(order("spot"))
    assert code(await bot.raw("POST", path, body, {**bot.headers(body), "Content-Type": "text/plain"})) == (200, 10001)
    assert code(await bot.raw("POST", f"{path}?a=1", body, bot.headers(body))) == (200, 10001)
    assert code(await bot.raw("POST", path, "[]", bot.headers("[]"))) == (200, 10001)
    assert code(await bot.raw("DELETE", path, None, bot.headers(""))) == (400, 10001)
    assert code(await bot.raw("GET", path, None, bot.headers(""))) == (404, 10017)
    assert code(await bot.get("/v5/order/nothing")) == (404, 10017)
    shut = await bot.raw("GET", f"{WALLET}?accountType=UNIFIED", "{}", bot.headers("accountType=UNIFIED"))
    assert (shut.status, "frequent" in shut.text) == (403, False)
    assert code(await bot.get(WALLET, accountType="SPOT")) == (200, 10001)


async def test_public_endpoints(sim: Simulator) -> None:
    base = sim.url("bybit") + "/v5/market/"
    assert (await send("GET", base + "time")).json["result"]["timeSecond"]
    for kind in (*PRODUCTS, "option"):
        rows = (await send("GET", f"{base}instruments-info?category={kind}")).json["result"]["list"]
        assert len(rows) == {"spot": 4, "linear": 2, "inverse": 2, "option": 0}[kind]
    assert (await send("GET", f"{base}instruments-info?category=linear&status=PreLaunch")).json["result"]["list"] == []
    assert code(await send("GET", f"{base}tickers?category=coins")) == (200, 10001)
    assert code(await send("GET", f"{base}tickers?category=spot&symbol=NOPE")) == (200, 170121)
    assert code(await send("GET", f"{base}kline?category=spot&symbol=BTCUSDT&interval=7")) == (200, 10001)
    assert code(await send("GET", f"{base}orderbook?category=spot&symbol=BTCUSDT&limit=0")) == (200, 10001)


# Limits


async def test_the_limit_of_an_address_bans_for_ten_minutes(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"bybit": BybitLimits(ip_5s=3)}), clock)
    target = sim.url("bybit") + "/v5/market/time"
    assert [(await send("GET", target)).status for _ in range(3)] == [200] * 3
    shut = await send("GET", target)
    assert (shut.status, shut.text) == (403, "access too frequent")
    assert (await send("GET", target, address=OTHER)).status == 200
    clock.advance(599)
    assert (await send("GET", target)).status == 403
    clock.advance(2)
    assert (await send("GET", target)).status == 200
    sim.ban_address("bybit", OTHER, 60)
    assert (await send("GET", target, address=OTHER)).status == 403
    sim.lift_address("bybit", OTHER)
    assert (await send("GET", target, address=OTHER)).status == 200


async def test_an_address_window_rolls(start: Any) -> None:
    clock = ManualClock()
    target = (await start(config(limits={"bybit": BybitLimits(ip_5s=2)}), clock)).url("bybit") + "/v5/market/time"
    for _ in range(4):
        assert (await send("GET", target)).status == 200
        clock.advance(2.6)


LIMITS = [
    ("/v5/order/create", "POST", "linear", 10),
    ("/v5/order/create", "POST", "spot", 20),
    ("/v5/order/create", "POST", "option", 10),
    ("/v5/order/amend", "POST", "spot", 10),
    ("/v5/order/cancel", "POST", "spot", 20),
    ("/v5/order/cancel", "POST", "inverse", 10),
    ("/v5/order/cancel-all", "POST", "option", 1),
    ("/v5/order/realtime", "GET", "linear", 50),
    (WALLET, "GET", "", 50),
    ("/v5/account/fee-rate", "GET", "spot", 5),
    ("/v5/user/query-api", "GET", "", 10),
    ("/v5/position/list", "GET", "linear", 50),
    ("/v5/asset/withdraw/create", "POST", "", 5),
]


@pytest.mark.parametrize(("path", "method", "kind", "capacity"), LIMITS)
async def test_limits_of_a_user(start: Any, path: str, method: str, kind: str, capacity: int) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Bybit(sim.url("bybit"), at_ms=clock.now_ms())
    free = replace(bot, key=f"{KEY}-2", address=OTHER)

    async def call(caller: Bybit, kind: str = kind) -> Any:
        caller.at_ms = clock.now_ms()
        return await (caller.get if method == "GET" else caller.post)(path, category=kind)

    for number in range(capacity):  # all keys and addresses of the user together
        got = await call(bot if number % 2 else free)
        assert got.json["retCode"] != 10006
        assert got.headers["x-bapi-limit"] == str(capacity)
        assert got.headers["x-bapi-limit-status"] == str(capacity - number - 1)
        assert got.headers["x-bapi-limit-reset-timestamp"] == str(clock.now_ms())
    clock.advance(0.4)
    got = await call(bot)
    assert (got.status, got.json["retCode"], got.headers["x-bapi-limit-status"]) == (200, 10006, "0")
    if capacity > 1:  # that this refused request counts itself does not matter before the others have gone
        assert got.headers["x-bapi-limit-reset-timestamp"] == str(clock.now_ms() + 600)
    assert (await call(replace(bot, key=f"{KEY}-3"))).json["retCode"] != 10006  # another user
    clock.advance(1.1)
    assert (await call(bot)).json["retCode"] != 10006


async def test_lines_of_business_are_apart(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"bybit": BybitLimits(cancel=(1, 1, 1), order_read=1)}), clock)
    bot = Bybit(sim.url("bybit"), at_ms=clock.now_ms())
    gone = {"symbol": "BTCUSDT", "orderId": "1"}
    assert code(await bot.post("/v5/order/cancel", category="linear", **gone)) == (200, 110001)
    assert code(await bot.post("/v5/order/cancel", category="inverse", **gone)) == (200, 10006)  # one with linear
    assert code(await bot.post("/v5/order/cancel", category="spot", **gone)) == (200, 170213)
    assert code(await bot.get("/v5/order/realtime", category="spot")) == OK
    assert code(await bot.get("/v5/order/realtime", category="inverse")) == (200, 10006)  # reads: all together
    assert code(await bot.get("/v5/order/history", category="inverse")) == OK


async def test_refused_requests_count(start: Any) -> None:
    clock = ManualClock()
    bot = Bybit((await start(config(limits={"bybit": BybitLimits(fee_rate=1)}), clock)).url("bybit"))
    answers = []
    for _ in range(3):
        bot.at_ms = clock.now_ms()
        answers.append(code(await bot.get("/v5/account/fee-rate", category="spot")))
        clock.advance(0.7)
    assert answers == [OK, (200, 10006), (200, 10006)]


# Orders


@pytest.mark.parametrize("kind", PRODUCTS)
async def test_life_of_an_order(bot: Bybit, sim: Simulator, kind: str) -> None:
    placed = (await bot.limit(kind, orderLinkId="mine-1")).json["result"]
    assert placed["orderLinkId"] == "mine-1"
    [row] = await bot.look(kind)
    assert (row["orderId"], row["orderStatus"], row["price"]) == (placed["orderId"], "New", "50000")
    assert ("tpslMode" in row) == (kind != "spot")
    wrong = "linear" if kind == "spot" else "spot"
    assert await bot.look(wrong, orderLinkId="mine-1") == await bot.look(wrong, orderId=placed["orderId"]) == []
    names = {"category": kind, "symbol": symbol(kind), "orderLinkId": "mine-1"}
    assert code(await bot.post("/v5/order/amend", **names, price="51000")) == OK
    assert code(await bot.post("/v5/order/amend", **names, price="51000")) == (200, 10001)
    [row] = await bot.look(kind, orderLinkId="mine-1")
    assert row["price"] == "51000"
    assert await bot.look(kind, "/v5/order/history") == []
    assert code(await bot.post("/v5/order/cancel", **names)) == OK
    assert code(await bot.post("/v5/order/cancel", **names)) == (200, 170142 if kind == "spot" else 110010)
    assert await bot.look(kind) == []
    for path in ("/v5/order/realtime", "/v5/order/history"):
        [row] = await bot.look(kind, path, orderId=placed["orderId"])
        assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByUser")
    filled = (await bot.limit(kind, "70000", orderLinkId="mine-2")).json["result"]
    [fill] = await bot.look(kind, "/v5/execution/list", orderLinkId="mine-2")
    assert (fill["orderId"], float(fill["execPrice"])) == (
        filled["orderId"],
        60010.1 if kind == "inverse" else 60000.01,
    )
    assert (await bot.look(kind, "/v5/order/history"))[0]["orderStatus"] == "Filled"
    assert await bot.look(wrong, orderLinkId="mine-2") == []
    assert sim.ledger.executions("bybit", "y", "mine-1") == 1


async def test_names_are_unique_for_ever(bot: Bybit, sim: Simulator) -> None:
    assert code(await bot.limit("spot", "70000", orderLinkId="a_-Z9")) == OK
    assert code(await bot.limit("spot", orderLinkId="a_-Z9")) == (200, 170141)
    assert code(await bot.limit("linear", orderLinkId="b")) == OK
    assert code(await bot.limit("linear", orderLinkId="b")) == (200, 110072)
    assert code(await bot.limit("spot", orderLinkId="x" * 37)) == (200, 10001)
    assert code(await bot.limit("spot", orderLinkId="a.b")) == (200, 10001)
    assert sim.ledger.duplicates() == {}
    assert sim.ledger.orders_executed == 2


REFUSED = [
    ("spot", {"symbol": "NOPE"}, 170121),
    ("linear", {"symbol": "BTCUSD"}, 10001),
    ("option", {"symbol": "BTC-30DEC22-18000-C", "orderLinkId": "o"}, 10001),
    ("option", {"symbol": "BTC-30DEC22-18000-C"}, 10001),
    ("coins", {}, 10001),
    ("spot", {"side": "buy"}, 170117),
    ("spot", {"orderType": "Stop"}, 170116),
    ("spot", {"timeInForce": "GTD"}, 170115),
    ("spot", {"qty": "0.0000001"}, 170137),
    ("spot", {"qty": "0"}, 170136),
    ("spot", {"qty": 1}, 10001),
    ("spot", {"price": "50000.001"}, 170134),
    ("spot", {"price": "0"}, 170133),
    ("spot", {"price": "10"}, 170140),
    ("spot", {"qty": "9000"}, 170131),
    ("spot", {"qty": "9" * 20}, 170135),
    ("linear", {"qty": "9000"}, 110007),
    ("linear", {"price": "0"}, 110003),
    ("linear", {"price": "10"}, 110094),
    ("linear", {"positionIdx": 1}, 10001),
    ("linear", {"reduceOnly": True}, 110017),
    ("linear", {"reduceOnly": "true"}, 10001),
    ("inverse", {"qty": "1.5"}, 10001),
    ("linear", {"triggerPrice": "1"}, 10001),
]


@pytest.mark.parametrize(("kind", "change", "wanted"), REFUSED)
async def test_order_refusals(bot: Bybit, sim: Simulator, kind: str, change: dict[str, Any], wanted: int) -> None:
    got = await bot.limit(kind, **change)
    assert code(got) == (200, wanted)
    assert sim.ledger.orders_executed == 0


async def test_what_becomes_of_orders_that_cannot_rest(bot: Bybit) -> None:
    for force, price, status, reason in (
        ("PostOnly", "70000", "Cancelled", "EC_PostOnlyWillTakeLiquidity"),
        ("PostOnly", "50000", "New", "EC_NoError"),
        ("IOC", "50000", "Cancelled", "EC_NoImmediateQtyToFill"),
        ("FOK", "70000", "Filled", "EC_NoError"),
    ):
        got = await bot.limit("linear", price, timeInForce=force)
        assert code(got) == OK
        [row] = await bot.look("linear", orderId=got.json["result"]["orderId"])
        assert (row["orderStatus"], row["rejectReason"], row["timeInForce"]) == (status, reason, force)
        assert row["price"] == price


async def test_market_orders_of_spot_are_in_the_quote_coin_when_buying(bot: Bybit, sim: Simulator) -> None:
    market = {"orderType": "Market", "price": ""}
    assert code(await bot.limit("spot", **market, qty="600")) == OK
    assert code(await bot.limit("spot", **market, qty="0.02", marketUnit="baseCoin")) == OK
    assert code(await bot.limit("spot", **market, qty="0.03", side="Sell")) == OK
    assert [f"{o.quantity:f}" for o in sim.ledger.orders("bybit", "y")] == ["0.00999", "0.02", "0.03"]
    assert (await bot.look("spot", openOnly="1"))[2]["qty"] == "600"


async def test_positions_and_reduce_only(bot: Bybit) -> None:
    for kind, size in (("linear", "0.01"), ("inverse", "100")):
        assert (await bot.look(kind, "/v5/position/list"))[0]["side"] == ""
        assert code(await bot.limit(kind, "70000")) == OK
        [row] = await bot.look(kind, "/v5/position/list")
        assert (row["side"], row["size"]) == ("Buy", size)
        assert code(await bot.limit(kind, "70000", reduceOnly=True)) == (200, 110017)
        more = {"qty": "200"} if kind == "inverse" else {"qty": "5"}
        assert code(await bot.limit(kind, "50000", side="Sell", reduceOnly=True, **more)) == OK  # cut to the position
        assert (await bot.look(kind, "/v5/position/list"))[0]["size"] in ("0", "0.00")
    assert code(await bot.get("/v5/position/list", category="linear")) == (200, 10001)


async def test_cancel_all(bot: Bybit) -> None:
    path = "/v5/order/cancel-all"
    for kind in PRODUCTS:
        for _ in range(2):
            await bot.limit(kind)
    assert code(await bot.post(path, category="linear")) == (200, 10001)
    assert (await bot.post(path, category="linear", settleCoin="USDC")).json["result"]["list"] == []
    assert len((await bot.post(path, category="linear", settleCoin="USDT")).json["result"]["list"]) == 2
    assert len((await bot.post(path, category="inverse", symbol="BTCUSD")).json["result"]["list"]) == 2
    assert len((await bot.post(path, category="spot")).json["result"]["list"]) == 2


async def test_open_orders_are_limited(start: Any) -> None:
    bot = Bybit((await start(config(limits={"bybit": BybitLimits(open_orders=1)}))).url("bybit"))
    assert [code(await bot.limit(k))[1] for k in ("spot", "spot", "linear", "linear")] == [0, 170810, 0, 110020]


async def test_batches_succeed_in_part(bot: Bybit, sim: Simulator) -> None:
    mine = [order("linear", orderLinkId="a"), order("linear", orderLinkId="a"), order("linear", "1.001"), 7]
    got = await bot.post("/v5/order/create-batch", category="linear", request=mine)
    assert code(got) == OK
    assert [row["code"] for row in got.json["retExtInfo"]["list"]] == [0, 110072, 10001, 10001]
    rows = got.json["result"]["list"]
    assert [bool(row["orderId"]) for row in rows] == [True, False, False, False]
    assert [row["orderLinkId"] for row in rows] == ["a", "a", "", ""]
    named = {"symbol": "BTCUSDT", "orderLinkId": "a"}
    changed = await bot.post("/v5/order/amend-batch", category="linear", request=[{**named, "price": "49000"}])
    assert changed.json["retExtInfo"]["list"] == [{"code": 0, "msg": "OK"}]
    gone = await bot.post("/v5/order/cancel-batch", category="linear", request=[named, {**named, "orderLinkId": "b"}])
    assert [row["code"] for row in gone.json["retExtInfo"]["list"]] == [0, 110001]
    assert code(await bot.post("/v5/order/create-batch", category="spot", request=[order("spot")] * 11)) == (200, 10001)
    assert code(await bot.post("/v5/order/create-batch", category="linear", request=[])) == (200, 10001)
    assert sim.ledger.orders_executed == 1


async def test_batches_take_a_unit_per_order(start: Any) -> None:
    clock = ManualClock()
    bot = Bybit((await start(config(), clock)).url("bybit"), at_ms=clock.now_ms())

    async def codes(count: int, path: str = "/v5/order/create-batch") -> tuple[int, list[int]]:
        got = await bot.post(path, category="linear", request=[order("linear")] * count)
        return got.json["retCode"], [row["code"] for row in got.json["retExtInfo"].get("list", [])]

    assert await codes(5) == (0, [0] * 5)
    assert await codes(8) == (0, [0] * 5 + [10006] * 3)
    assert await codes(1) == (10006, [])
    assert code(await bot.limit("linear")) == OK  # the single endpoint has its own
    assert (await bot.post("/v5/order/create-batch", category="option", request=[{}] * 20)).json["retCode"] == 0
    assert (await bot.post("/v5/order/create-batch", category="option", request=[{}] * 20)).json["retCode"] == 0


# Looking orders up


async def test_pages_and_times(start: Any) -> None:
    clock = ManualClock()
    bot = Bybit((await start(config(), clock)).url("bybit"))
    ids = []
    for _ in range(3):
        bot.at_ms = clock.now_ms()
        ids.append((await bot.limit("spot", "70000")).json["result"]["orderId"])
        clock.advance(3600)
    bot.at_ms = clock.now_ms()
    path, ask = "/v5/order/history", "category=spot&limit=2"
    first = (await bot.raw("GET", f"{path}?{ask}", None, bot.headers(ask))).json["result"]
    assert [row["orderId"] for row in first["list"]] == ids[:0:-1]
    assert "%3A" in first["nextPageCursor"]
    ask = f"{ask}&cursor={first['nextPageCursor']}"  # as it was handed out
    second = (await bot.raw("GET", f"{path}?{ask}", None, bot.headers(ask))).json["result"]
    assert ([row["orderId"] for row in second["list"]], second["nextPageCursor"]) == (ids[:1], "")
    assert code(await bot.get(path, category="spot", cursor=first["nextPageCursor"])) == (200, 10001)
    begin = clock.now_ms() - 2 * 3_600_000
    assert [row["orderId"] for row in await bot.look("spot", path, startTime=begin)] == ids[:0:-1]
    assert [row["orderId"] for row in await bot.look("spot", path, endTime=begin - 1)] == ids[:1]
    assert await bot.look("spot", path, startTime=begin + 1, endTime=begin + 2) == []
    long = {"startTime": begin, "endTime": begin + 8 * 86_400_000}
    assert code(await bot.get(path, category="spot", **long)) == (200, 10001)
    assert code(await bot.get(path, category="spot", limit=51)) == (200, 10001)
    clock.advance(8 * 86_400)
    bot.at_ms = clock.now_ms()
    assert await bot.look("spot", path) == []


async def test_cancelled_orders_are_told_for_a_day(start: Any) -> None:
    clock = ManualClock()
    bot = Bybit((await start(config(), clock)).url("bybit"), at_ms=clock.now_ms())
    name = (await bot.limit()).json["result"]["orderId"]
    await bot.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderId=name)
    assert len(await bot.look("spot", "/v5/order/history", orderId=name)) == 1
    clock.advance(86_401)
    bot.at_ms = clock.now_ms()
    assert await bot.look("spot", "/v5/order/history", orderId=name) == []


async def test_nobody_is_an_empty_list(bot: Bybit) -> None:
    for path in ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list"):
        assert await bot.look("linear", path, orderLinkId="nobody") == []
        assert await bot.look("linear", path, orderId="nobody") == []
    assert code(await bot.get("/v5/order/realtime", category="linear")) == (200, 10001)


async def test_the_exchanges_number_goes_before_the_name(bot: Bybit) -> None:
    first = (await bot.limit(orderLinkId="one")).json["result"]["orderId"]
    await bot.limit(orderLinkId="two")
    [row] = await bot.look("spot", orderId=first, orderLinkId="two")
    assert row["orderLinkId"] == "one"


# Keys, money, faults


async def test_key_information(bot: Bybit) -> None:
    bound = (await bot.get("/v5/user/query-api")).json["result"]
    assert (bound["ips"], bound["readOnly"], bound["deadlineDay"] < 0) == (["127.0.0.1", "127.0.0.9"], 0, True)
    assert (bound["permissions"]["Wallet"], bound["uta"]) == ([], 1)
    free = (await replace(bot, key=f"{KEY}-2").get("/v5/user/query-api")).json["result"]
    assert (free["ips"], free["deadlineDay"], free["userID"]) == (["*"], 90, bound["userID"])
    assert "Withdraw" in free["permissions"]["Wallet"]
    rates = (await bot.get("/v5/apilimit/query", uids="1")).json["result"]["list"]
    assert {row["bizType"]: row["rate"] for row in rates} == {"DERIVATIVES": 10, "OPTIONS": 10, "SPOT": 20}


async def test_money_that_would_move_is_witnessed(bot: Bybit, sim: Simulator) -> None:
    asked = {"coin": "BTC", "amount": "1", "address": "dummy"}
    free = replace(bot, key=f"{KEY}-2")
    assert code(await bot.post("/v5/asset/withdraw/create", **asked)) == (200, 10005)
    assert code(await free.post("/v5/asset/withdraw/create", **asked)) == OK
    assert code(await replace(free, secret="dummy").post("/v5/asset/withdraw/create", **asked)) == (200, 10004)
    assert code(await bot.post("/v5/asset/transfer/inter-transfer", **asked)) == (200, 10005)
    assert [w.accepted for w in sim.ledger.withdrawals] == [False, True, False, False]


async def test_faults_have_the_exchanges_shape(bot: Bybit, sim: Simulator) -> None:
    for fault, wanted in (
        (Fault("throttle", "bybit"), (200, 10006)),
        (Fault("unknown", "bybit", executed=True), (200, 10000)),
        (Fault("error", "bybit", status=502), (502, 10016)),
        (Fault("maintenance", "bybit"), (503, 10016)),
    ):
        sim.inject(fault)
        assert code(await bot.limit()) == wanted
    assert sim.ledger.orders_executed == 1
    assert SECRET not in (await bot.limit(qty=5)).text
