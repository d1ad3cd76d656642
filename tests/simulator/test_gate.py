from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import Fault, GateLimits, ManualClock, SimAccount, SimConfig, SimKey, Simulator
from proxy.simulator.gate.wire import signed, signed_text
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send
from tests.simulator.gate_client import KEY, PERPETUAL, ROOT, Gate, config, perpetual, said, spot

ORDERS = {"spot": "/spot/orders", "perpetual": f"{PERPETUAL}/orders"}
PAIR = {"currency_pair": "BTC_USDT"}


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Gate:
    return Gate(sim.url("gate"))


# Signatures: the two of the exchange's documents, then two made with ccxt.

FUTURES_BODY = b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
OFFICIAL = [
    (
        "GET",
        "contract=BTC_USD&status=finished&limit=50",
        b"",
        "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6"
        "fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a",
    ),
    (
        "POST",
        "",
        FUTURES_BODY,
        "eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541f"
        "c4c2c14017581b4199a1418d54471c269c03a38d788d802e2c306c37636389f0",
    ),
]


@pytest.mark.parametrize(("method", "query", "body", "sign"), OFFICIAL)
def test_official_signatures(method: str, query: str, body: bytes, sign: str) -> None:
    path, stamp = "/api/v4/futures/orders", "1541993715"
    assert signed("secret", signed_text(method, path, query, body, stamp), sign)
    assert not signed("secret", signed_text(method, path, query, body, stamp), sign.upper())
    for changed in (
        signed_text("PUT", path, query, body, stamp),
        signed_text(method, path + "/", query, body, stamp),
        signed_text(method, path, query + "1", body, stamp),
        signed_text(method, path, query, body + b" ", stamp),
        signed_text(method, path, query, body, stamp + ".0"),
    ):
        assert not signed("secret", changed, sign)


CCXT = [
    (
        "POST",
        "",
        '{"currency_pair":"BTC_USDT","type":"limit","side":"buy","amount":"0.01","price":"20000","text":"t-abc123"}',
        "e640a7e03c2eee3580f482455470fb7f619e91a13ef6ba933871d5cba03b37168"
        "dffcdcd9d8a4676c6227f2d5a94336fef001b2a330b75d27e28419decc29d95",
    ),
    (
        "GET",
        "currency_pair=BTC_USDT&status=open&limit=50",
        "",
        "9223251cea7da0b9c3aaf6fcb8a1d2d89691848ecad96cc67daa6c085a10b57c"
        "89c01d866b9ab800cd6b5be49b32ea09484bdfe9e6b18d48a7245b2c97f6361e",
    ),
]


@pytest.mark.parametrize(("method", "query", "body", "sign"), CCXT)
async def test_signatures_on_the_wire(start: Any, method: str, query: str, body: str, sign: str) -> None:
    account = SimAccount("gate", "g", (SimKey("main", "key", "secret"),))
    sim = await start(SimConfig((account,)), ManualClock(1_541_993_715_000))
    bot = Gate(sim.url("gate"))

    async def status(sign: str, body: str = body, query: str = query) -> int:
        headers = {"KEY": "key", "Timestamp": "1541993715", "SIGN": sign}
        return (await bot.raw(method, "/spot/orders", query, body, headers)).status

    assert await status(sign) == (201 if body else 200)
    assert await status(sign[:-1] + ("0" if sign[-1] != "0" else "1")) == 401
    assert await status("ü") == 401
    assert await (status(sign, body.replace("b", "B", 1)) if body else status(sign, query=query + "0")) == 401
    moved = query.replace("status=open&limit=50", "limit=50&status=open")
    assert await status(sign, query=moved) == (401 if query else 201)


async def test_the_query_is_signed_decoded(bot: Gate) -> None:
    assert said(await bot("GET", "/spot/accounts", currency="BTC, ETH:1")) == (200, "")
    path, query = "/spot/accounts", "currency=BTC%2C%20ETH"
    headers = bot.headers("GET", path, query, "")
    assert (await bot.raw("GET", path, query, "", headers)).status == 200
    headers = bot.headers("GET", path, query.replace("%", "%25"), "")  # as if the escapes were signed
    assert (await bot.raw("GET", path, query, "", headers)).status == 401


async def test_headers_and_forms(bot: Gate) -> None:
    path = "/spot/accounts"
    for name in ("KEY", "Timestamp", "SIGN"):
        headers = bot.headers("GET", path, "", "")
        del headers[name]
        assert said(await bot.raw("GET", path, "", "", headers)) == (401, "MISSING_REQUIRED_HEADER")
    assert said(await bot("GET", "/spot/nothing")) == (404, "NOT_FOUND")
    assert said(await bot("PUT", path)) == (405, "METHOD_NOT_ALLOWED")
    headers = {**bot.headers("POST", "/spot/orders", "", "{}"), "Content-Type": "text/plain"}
    assert said(await bot.raw("POST", "/spot/orders", "", "{}", headers)) == (400, "INVALID_CONTENT_TYPE")
    headers = bot.headers("POST", "/spot/orders", "", "{")
    assert said(await bot.raw("POST", "/spot/orders", "", "{", headers)) == (400, "INVALID_REQUEST_BODY")
    assert said(await bot("POST", "/spot/orders")) == (400, "INVALID_REQUEST_BODY")
    assert said(await bot("GET", "/futures/btc/accounts")) == (400, "INVALID_PARAM_VALUE")


async def test_a_minute_off_and_not_more(start: Any) -> None:
    clock = ManualClock()
    bot = Gate((await start(config(), clock)).url("gate"))
    for offset_ms, wanted in ((-60_000, 200), (60_000, 200), (-60_001, 403), (60_001, 403)):
        got = await replace(bot, at_ms=clock.now_ms() + offset_ms)("GET", "/spot/accounts")
        assert got.status == wanted
    assert said(got) == (403, "REQUEST_EXPIRED")
    headers = {**bot.headers("GET", "/spot/accounts", "", ""), "Timestamp": "nan"}
    assert said(await bot.raw("GET", "/spot/accounts", "", "", headers)) == (403, "REQUEST_EXPIRED")


async def test_deadlines(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Gate(sim.url("gate"), at_ms=clock.now_ms())
    late, timely = replace(bot, deadline_ms=clock.now_ms() - 1), replace(bot, deadline_ms=clock.now_ms())
    for one in ("spot", "perpetual"):
        assert said(await getattr(late, one)()) == (403, "REQUEST_EXPIRED")
        number = (await getattr(timely, one)()).json["id"]
        query = PAIR if one == "spot" else {}
        for method in ("PATCH" if one == "spot" else "PUT", "DELETE"):
            path = f"{ORDERS[one]}/{number}"
            assert said(await late(method, path, {"price": "49000"}, **query)) == (403, "REQUEST_EXPIRED")
        assert (await late("GET", f"{ORDERS[one]}/{number}", **query)).json["status"] == "open"
    headers = {**bot.headers("POST", "/spot/orders", "", "{}"), "x-gate-exptime": "soon"}
    assert said(await bot.raw("POST", "/spot/orders", "", "{}", headers)) == (400, "INVALID_PARAM_VALUE")
    assert sim.ledger.orders_executed == 2


async def test_key_states(bot: Gate, sim: Simulator) -> None:
    async def state(caller: Gate) -> tuple[int, str]:
        return said(await caller("GET", f"{PERPETUAL}/accounts"))

    assert await state(replace(bot, address=ELSEWHERE)) == (403, "IP_FORBIDDEN")
    assert await state(replace(bot, address=OTHER)) == (200, "")
    assert await state(replace(bot, secret="dummy-wrong")) == (401, "INVALID_SIGNATURE")
    assert await state(replace(bot, key="dummy-nobody")) == (401, "INVALID_KEY")
    sim.set_trade("gate", "g", "main", False)
    assert said(await bot.spot()) == said(await bot.perpetual()) == (403, "READ_ONLY")
    sim.suspend_key("gate", "g", "main")
    assert await state(bot) == (401, "INVALID_CREDENTIALS")
    sim.lift_key("gate", "g", "main")
    sim.delete_key("gate", "g", "main")
    assert await state(bot) == (401, "INVALID_KEY")
    sim.lift_key("gate", "g", "main")
    sim.suspend_account("gate", "g")
    assert await state(replace(bot, key=f"{KEY}-2")) == (403, "ACCOUNT_LOCKED")
    sim.suspend_account("gate", "g", 0)
    assert await state(bot) == (200, "")
    assert sim.ledger.orders_executed == 0


async def test_a_key_that_may_not_read(start: Any) -> None:
    account = SimAccount("gate", "g", (SimKey("main", KEY, "dummy-gate-secret", read=False),))
    bot = Gate((await start(SimConfig((account,)))).url("gate"))
    assert said(await bot("GET", "/spot/accounts")) == (403, "FORBIDDEN")
    assert (await bot.spot()).status == 201


# Limits

LIMITS: list[tuple[str, str, Any, dict[str, str], int, float]] = [
    ("GET", "/spot/accounts", None, {}, 200, 10.0),
    ("POST", "/spot/orders", spot(side="x"), {}, 10, 1.0),
    ("PATCH", "/spot/orders/1", {"price": "1"}, PAIR, 10, 1.0),
    ("DELETE", "/spot/orders/1", None, PAIR, 200, 1.0),
    ("GET", f"{PERPETUAL}/positions", None, {}, 200, 10.0),
    ("POST", f"{PERPETUAL}/orders", {}, {}, 100, 1.0),
    ("DELETE", f"{PERPETUAL}/orders/1", None, {}, 200, 1.0),
    ("GET", "/account/detail", None, {}, 150, 10.0),
    ("GET", "/wallet/withdrawals", None, {}, 200, 10.0),
    ("POST", "/wallet/transfers", {}, {}, 80, 10.0),
    ("POST", "/withdrawals", {}, {}, 1, 3.0),
    ("POST", "/withdrawals/push", {}, {}, 1, 10.0),
]


@pytest.mark.parametrize(("method", "path", "body", "query", "capacity", "window_s"), LIMITS)
async def test_limits_of_a_user(
    start: Any, method: str, path: str, body: Any, query: dict[str, str], capacity: int, window_s: float
) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Gate(sim.url("gate"), at_ms=clock.now_ms())
    free = replace(bot, key=f"{KEY}-2", address=OTHER)

    async def call(caller: Gate) -> Any:
        return await replace(caller, at_ms=clock.now_ms())(method, path, body, **query)

    for number in range(capacity):  # all keys and addresses of the user together
        got = await call(bot if number % 2 else free)
        assert got.status != 429
        assert got.headers["x-gate-ratelimit-limit"] == str(capacity)
        assert got.headers["x-gate-ratelimit-requests-remain"] == str(capacity - number - 1)
        if number < capacity - 1:
            assert got.headers["x-gate-ratelimit-reset-timestamp"] == str(clock.now_ms() // 1000)
    got = await call(bot)
    assert said(got) == (429, "TOO_MANY_REQUESTS")
    assert "retry-after" not in got.headers
    if capacity > 1:
        assert got.headers["x-gate-ratelimit-reset-timestamp"] == str(clock.now_ms() // 1000 + round(window_s))
    assert (await call(replace(bot, key=f"{KEY}-3"))).status != 429  # another user
    clock.advance(window_s + 0.1)
    assert (await call(bot)).status != 429


async def test_other_calls_are_counted_by_endpoint(start: Any) -> None:
    limits = GateLimits(spot=(1, 10.0), futures=(1, 10.0))
    clock = ManualClock()
    bot = Gate((await start(config(limits={"gate": limits}), clock)).url("gate"), at_ms=clock.now_ms())
    for path in ("/spot/accounts", "/spot/open_orders", f"{PERPETUAL}/accounts", f"{PERPETUAL}/positions"):
        assert [(await bot("GET", path)).status for _ in range(2)] == [200, 429]
    one = f"{PERPETUAL}/positions"
    assert [(await bot("GET", f"{one}/{name}")).status for name in ("BTC_USDT", "ETH_USDT")] == [200, 429]


async def test_spot_orders_are_counted_by_market_and_order(start: Any) -> None:
    clock = ManualClock()
    bot = Gate((await start(config(), clock)).url("gate"), at_ms=clock.now_ms())
    batch = [spot(text=f"t-{n}") for n in range(8)]
    assert (await bot("POST", "/spot/batch_orders", batch)).status == 200
    assert [(await bot.spot()).status for _ in range(3)] == [201, 201, 429]
    assert (await bot.spot(currency_pair="ETH_USDT", price="2900")).status == 201
    assert (await bot("PATCH", "/spot/orders/1", {"price": "1", **PAIR})).status == 429  # pair in the body
    assert (await bot("PATCH", "/spot/orders/1", {"price": "1"}, currency_pair="ETH_USDT")).status == 404
    assert (await bot("POST", "/spot/batch_orders", batch)).status == 429


async def test_perpetuals_are_counted_by_order(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"gate": GateLimits(futures_place=(3, 1.0))}), clock)
    bot = Gate(sim.url("gate"), at_ms=clock.now_ms())
    assert (await bot("POST", f"{PERPETUAL}/batch_orders", [perpetual()] * 2)).status == 200
    assert (await bot("PUT", f"{PERPETUAL}/orders/1", {"price": "1"})).status == 404
    assert (await bot.perpetual()).status == 429
    assert (await bot("DELETE", f"{PERPETUAL}/orders")).status == 200


async def test_public_calls_count_by_address_and_endpoint(start: Any) -> None:
    sim = await start(config(limits={"gate": GateLimits(public=(2, 10.0))}), ManualClock())
    base = sim.url("gate") + ROOT
    for target in ("/spot/time", "/spot/currency_pairs/BTC_USDT"):
        assert [(await send("GET", base + target)).status for _ in range(3)] == [200, 200, 429]
    assert said(await send("GET", base + "/spot/currency_pairs/ETH_USDT")) == (429, "TOO_MANY_REQUESTS")
    assert (await send("GET", base + "/spot/time", address=OTHER)).status == 200


async def test_who_fills_too_little_is_slowed_down(start: Any) -> None:
    clock = ManualClock(1_700_000_000_000 // 3_600_000 * 3_600_000)
    sim = await start(config(limits={"gate": GateLimits(spot_ratio=0.1, slow=(2, 10.0))}), clock)
    bot = Gate(sim.url("gate"), at_ms=clock.now_ms())
    assert [(await bot.spot()).status for _ in range(3)] == [201] * 3
    clock.advance(3600)
    bot.at_ms = clock.now_ms()
    assert [(await bot.spot()).status for _ in range(3)] == [201, 201, 429]
    assert (await bot.spot(currency_pair="ETH_USDT", price="2900")).status == 429  # no longer by market
    clock.advance(11)
    bot.at_ms = clock.now_ms()
    assert (await bot.spot("70000")).status == 201  # filled
    clock.advance(3600)
    bot.at_ms = clock.now_ms()
    assert [(await bot.spot()).status for _ in range(3)] == [201] * 3


async def test_requests_without_a_fill_slow_perpetuals_down(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"gate": GateLimits(unfilled_day=3, slow=(1, 10.0))}), clock)
    bot = Gate(sim.url("gate"), at_ms=clock.now_ms())
    assert (await bot.perpetual("70000")).status == 201  # a fill: counting begins anew
    assert [(await bot.perpetual()).status for _ in range(5)] == [201] * 4 + [429]
    assert (await bot("DELETE", f"{PERPETUAL}/orders")).status == 200  # cancelling stays as fast as it was
    clock.advance(86_401)
    bot.at_ms = clock.now_ms()
    assert [(await bot.perpetual()).status for _ in range(3)] == [201] * 3


# Orders


async def test_life_of_a_spot_order(bot: Gate, sim: Simulator) -> None:
    placed = (await bot.spot(text="t-one")).json
    assert (placed["status"], placed["text"], placed["left"], placed["account"]) == ("open", "t-one", "0.01", "spot")
    path = f"/spot/orders/{placed['id']}"
    for name in (placed["id"], "t-one"):
        assert (await bot("GET", f"/spot/orders/{name}", **PAIR)).json["id"] == placed["id"]
    assert said(await bot("GET", path)) == (400, "MISSING_REQUIRED_PARAM")
    assert said(await bot("GET", path, currency_pair="ETH_USDT")) == (404, "ORDER_NOT_FOUND")
    assert said(await bot("GET", f"{PERPETUAL}/orders/{placed['id']}")) == (404, "ORDER_NOT_FOUND")
    changed = await bot("PATCH", path, {"price": "51000", "amount": "0.02"}, **PAIR)
    assert (changed.json["price"], changed.json["amount"]) == ("51000", "0.02")
    assert said(await bot("PATCH", path, {"price": "51000", **PAIR})) == (400, "NO_CHANGE")
    [[pair]] = [(await bot("GET", "/spot/open_orders")).json]
    assert (pair["currency_pair"], pair["total"], pair["orders"][0]["id"]) == ("BTC_USDT", 1, placed["id"])
    assert (await bot("GET", "/spot/orders", status="open", **PAIR)).json == pair["orders"]
    gone = (await bot("DELETE", "/spot/orders/t-one", **PAIR)).json
    assert (gone["status"], gone["finish_as"]) == ("cancelled", "cancelled")
    assert said(await bot("DELETE", path, **PAIR)) == (400, "ORDER_CANCELLED")
    assert said(await bot("DELETE", "/spot/orders/t-one", **PAIR)) == (404, "CLIENT_ID_NOT_FOUND")
    assert said(await bot("GET", "/spot/orders/t-one", **PAIR)) == (404, "CLIENT_ID_NOT_FOUND")
    assert (await bot("GET", path, **PAIR)).json["status"] == "cancelled"
    filled = (await bot.spot("70000", text="t-two")).json
    assert (filled["status"], filled["avg_deal_price"], filled["left"]) == ("closed", "60000.01", "0.00")
    assert said(await bot("DELETE", f"/spot/orders/{filled['id']}", **PAIR)) == (400, "ORDER_CLOSED")
    assert said(await bot("GET", "/spot/orders/t-two", **PAIR)) == (404, "CLIENT_ID_NOT_FOUND")
    finished = (await bot("GET", "/spot/orders", status="finished")).json
    assert [row["text"] for row in finished] == ["t-two", "t-one"]
    [fill] = (await bot("GET", "/spot/my_trades", **PAIR)).json
    assert (fill["order_id"], fill["text"], fill["amount"]) == (filled["id"], "t-two", "0.01")
    assert (await bot("GET", "/spot/my_trades", order_id=filled["id"], **PAIR)).json == [fill]
    assert sim.ledger.executions("gate", "g", "t-one") == 1


async def test_life_of_a_perpetuals_order(bot: Gate) -> None:
    path = f"{PERPETUAL}/orders"
    placed = (await bot.perpetual(text="t-one")).json
    assert (placed["status"], placed["size"], placed["left"], placed["price"]) == ("open", 100, 100, "50000")
    assert (await bot("GET", f"{path}/t-one")).json["id"] == placed["id"]
    changed = (await bot("PUT", f"{path}/{placed['id']}", {"price": "51000", "size": 200})).json
    assert (changed["price"], changed["size"]) == ("51000", 200)
    assert said(await bot("PUT", f"{path}/t-one", {"size": 200})) == (400, "NO_CHANGE")
    assert said(await bot("PUT", f"{path}/t-one", {"size": -200})) == (400, "INVALID_PARAM_VALUE")
    gone = (await bot("DELETE", f"{path}/t-one")).json
    assert (gone["status"], gone["finish_as"], gone["left"]) == ("finished", "cancelled", 200)
    assert said(await bot("DELETE", f"{path}/{placed['id']}")) == (400, "ORDER_FINISHED")
    sold = (await bot.perpetual("50000", size=-50, text="t-two")).json
    assert (sold["finish_as"], sold["size"], sold["left"], sold["fill_price"]) == ("filled", -50, 0, "59999.99")
    assert (await bot("GET", path, status="open")).json == []
    assert [r["text"] for r in (await bot("GET", path, status="finished")).json] == ["t-two", "t-one"]
    assert [r["text"] for r in (await bot("GET", path, status="finished", last_id=sold["id"])).json] == ["t-one"]
    assert said(await bot("GET", path)) == (400, "MISSING_REQUIRED_PARAM")
    [fill] = (await bot("GET", f"{PERPETUAL}/my_trades", order=sold["id"])).json
    assert (fill["order_id"], fill["size"], fill["text"]) == (str(sold["id"]), -50, "t-two")
    [position] = (await bot("GET", f"{PERPETUAL}/positions")).json
    assert (position["contract"], position["size"]) == ("BTC_USDT", -50)
    assert (await bot("GET", f"{PERPETUAL}/positions/ETH_USDT")).json["size"] == 0


async def test_names_of_finished_perpetual_orders_are_forgotten(start: Any) -> None:
    clock = ManualClock()
    bot = Gate((await start(config(), clock)).url("gate"))
    path = f"{PERPETUAL}/orders"

    async def status(name: object) -> int:
        bot.at_ms = clock.now_ms()
        return (await bot("GET", f"{path}/{name}")).status

    bot.at_ms = clock.now_ms()
    filled = (await bot.perpetual("70000", text="t-filled")).json["id"]
    gone = (await bot.perpetual(text="t-gone")).json["id"]
    await bot("DELETE", f"{path}/{gone}")
    clock.advance(60)
    assert [await status(n) for n in ("t-filled", "t-gone", filled, gone)] == [200] * 4
    clock.advance(0.01)
    assert [await status(n) for n in ("t-filled", "t-gone", filled, gone)] == [404, 404, 200, 200]
    clock.advance(600)
    assert [await status(n) for n in (filled, gone)] == [200, 404]
    assert [r["id"] for r in (await bot("GET", path, status="finished")).json] == [filled]


async def test_names_need_not_be_unique(bot: Gate, sim: Simulator) -> None:
    for one in ("spot", "perpetual"):
        first, second = [(await getattr(bot, one)(text="t-same")).json["id"] for _ in range(2)]
        assert (await bot("GET", f"{ORDERS[one]}/t-same", **PAIR)).json["id"] == second != first
    assert sim.ledger.duplicates() == {("gate", "g", "t-same"): 4}
    for wrong in ("same", "t-" + "x" * 29, "t-ö", "t-"):
        assert said(await bot.spot(text=wrong)) == (400, "INVALID_CLIENT_ORDER_ID")


SPOT_REFUSED = [
    ({"currency_pair": "BTCUSDT"}, "INVALID_CURRENCY_PAIR"),
    ({"currency_pair": None}, "MISSING_REQUIRED_PARAM"),
    ({"account": "margin"}, "MARGIN_NOT_SUPPORTED"),
    ({"side": "BUY"}, "INVALID_PARAM_VALUE"),
    ({"type": "stop"}, "INVALID_PARAM_VALUE"),
    ({"type": "market"}, "INVALID_PARAM_VALUE"),
    ({"time_in_force": "GTC"}, "INVALID_PARAM_VALUE"),
    ({"amount": 1}, "INVALID_PARAM_VALUE"),
    ({"amount": "-1"}, "INVALID_PARAM_VALUE"),
    ({"amount": "0.0000001"}, "INVALID_PRECISION"),
    ({"amount": "0.00001"}, "AMOUNT_TOO_LITTLE"),
    ({"price": "50000.001"}, "INVALID_PRECISION"),
    ({"price": "0"}, "INVALID_PARAM_VALUE"),
    ({"price": None}, "INVALID_PARAM_VALUE"),
    ({"price": "70000", "time_in_force": "poc"}, "POC_FILL_IMMEDIATELY"),
    ({"amount": "9000"}, "BALANCE_NOT_ENOUGH"),
]


@pytest.mark.parametrize(("change", "label"), SPOT_REFUSED)
async def test_spot_refusals(bot: Gate, sim: Simulator, change: dict[str, Any], label: str) -> None:
    got = await bot("POST", "/spot/orders", {**spot(), **change})
    assert said(got) == (400, label)
    assert got.json["message"]
    assert sim.ledger.orders_executed == 0


FUTURES_REFUSED = [
    ({"contract": "BTC_USD"}, "CONTRACT_NOT_FOUND"),
    ({"contract": ""}, "MISSING_REQUIRED_PARAM"),
    ({"size": "100"}, "INVALID_PARAM_VALUE"),
    ({"size": 1.5}, "INVALID_PARAM_VALUE"),
    ({"size": 0}, "SIZE_TOO_SMALL"),
    ({"size": 10_000_000}, "SIZE_TOO_LARGE"),
    ({"size": 0, "close": True, "price": "0", "tif": "ioc"}, "POSITION_EMPTY"),
    ({"reduce_only": True}, "INCREASE_POSITION"),
    ({"reduce_only": "true"}, "INVALID_PARAM_VALUE"),
    ({"tif": "GTC"}, "INVALID_PARAM_VALUE"),
    ({"price": "0"}, "INVALID_PARAM_VALUE"),
    ({"price": "50000.001"}, "INVALID_PARAM_VALUE"),
    ({"price": "70000", "tif": "poc"}, "ORDER_POC_IMMEDIATE"),
    ({"text": "one"}, "INVALID_CLIENT_ORDER_ID"),
]


@pytest.mark.parametrize(("change", "label"), FUTURES_REFUSED)
async def test_futures_refusals(bot: Gate, sim: Simulator, change: dict[str, Any], label: str) -> None:
    assert said(await bot.perpetual(**change)) == (400, label)
    assert sim.ledger.orders_executed == 0


async def test_money_of_perpetuals(start: Any) -> None:
    keys = (SimKey("main", KEY, "dummy-gate-secret"),)
    sim = await start(SimConfig((SimAccount("gate", "g", keys, {"USDT": "100"}),)))
    bot = Gate(sim.url("gate"))
    got = await bot.perpetual(size=250)
    assert (said(got), "detail" in got.json) == ((400, "INSUFFICIENT_AVAILABLE"), True)
    assert (await bot.perpetual(size=100, price=50_000)).status == 201  # a number will do
    account = (await bot("GET", f"{PERPETUAL}/accounts")).json
    assert [float(account[n]) for n in ("total", "available", "order_margin")] == [100, 50, 50]


async def test_spot_market_orders_buy_for_an_amount_of_money(bot: Gate, sim: Simulator) -> None:
    market = {"type": "market", "time_in_force": "ioc"}
    bought = (await bot.spot(**market, amount="600")).json
    assert (bought["amount"], bought["filled_amount"], bought["left"]) == ("600", "0.00999", "0.5999001")
    assert (await bot.spot(**market, side="sell", amount="0.5")).json["filled_amount"] == "0.5"


async def test_what_becomes_of_orders_that_cannot_rest(bot: Gate) -> None:
    for tif, price, ends in (("ioc", "50000", "ioc"), ("fok", "50000", "fok"), ("ioc", "70000", "filled")):
        assert (await bot.spot(price, time_in_force=tif)).json["finish_as"] == ends
        assert (await bot.perpetual(price, tif=tif)).json["finish_as"] == ends
    assert (await bot.spot(time_in_force="poc")).json["status"] == "open"
    assert (await bot.perpetual(tif="poc")).json["status"] == "open"


async def test_closing_and_reducing(bot: Gate) -> None:
    await bot.perpetual("70000")
    market = {"price": "0", "tif": "ioc"}
    cut = (await bot.perpetual(size=-30, reduce_only=True, **market)).json
    assert (cut["size"], cut["is_reduce_only"]) == (-30, True)
    assert (await bot.perpetual(size=-500, reduce_only=True, **market)).json["size"] == -70
    await bot.perpetual("70000")
    closed = (await bot.perpetual(size=0, close=True, **market)).json
    assert (closed["size"], closed["is_close"]) == (-100, True)
    assert (await bot("GET", f"{PERPETUAL}/positions")).json == []


async def test_sizes_are_texts_if_decimals_are_asked_for(bot: Gate) -> None:
    path, body = f"{PERPETUAL}/orders", '{"contract": "BTC_USDT", "size": "-100", "price": "70000"}'
    headers = {**bot.headers("POST", path, "", body), "X-Gate-Size-Decimal": "1"}
    got = (await bot.raw("POST", path, "", body, headers)).json
    assert (got["size"], got["left"]) == ("-100", "-100")


async def test_cancel_all(bot: Gate) -> None:
    await bot.spot()
    await bot.spot("70000", side="sell")
    await bot.spot("2900", currency_pair="ETH_USDT")
    await bot.perpetual()
    await bot.perpetual("70000", size=-1)
    assert len((await bot("DELETE", "/spot/orders", side="sell", **PAIR)).json) == 1
    rows = (await bot("DELETE", "/spot/orders")).json  # every pair
    assert [(row["currency_pair"], row["succeeded"]) for row in rows] == [("BTC_USDT", True), ("ETH_USDT", True)]
    assert len((await bot("DELETE", f"{PERPETUAL}/orders", contract="BTC_USDT", side="ask")).json) == 1
    assert said(await bot("DELETE", f"{PERPETUAL}/orders", side="sell")) == (400, "INVALID_PARAM_VALUE")
    assert len((await bot("DELETE", f"{PERPETUAL}/orders")).json) == 1


async def test_spot_batches(bot: Gate, sim: Simulator) -> None:
    path = "/spot/batch_orders"
    got = await bot("POST", path, [spot(text="t-1"), spot(text="t-2", amount="9000"), spot(text="t-3", side="x")])
    assert [(r["text"], r["succeeded"], r["label"]) for r in got.json] == [
        ("t-1", True, ""),
        ("t-2", False, "BALANCE_NOT_ENOUGH"),
        ("t-3", False, "INVALID_PARAM_VALUE"),
    ]
    assert said(await bot("POST", path, [spot()])) == (400, "MISSING_REQUIRED_PARAM")
    assert said(await bot("POST", path, [7])) == (400, "INVALID_REQUEST_BODY")
    changed = await bot("POST", "/spot/amend_batch_orders", [{**PAIR, "order_id": "t-1", "price": "49000"}])
    assert changed.json[0]["price"] == "49000"
    number = got.json[0]["id"]
    wanted = [{**PAIR, "id": number}, {**PAIR, "id": number}, {**PAIR, "id": "t-9"}]
    gone = (await bot("POST", "/spot/cancel_batch_orders", wanted)).json
    assert [(r["succeeded"], r["label"]) for r in gone] == [
        (True, ""),
        (False, "ORDER_CANCELLED"),
        (False, "CLIENT_ID_NOT_FOUND"),
    ]
    assert said(await bot("POST", "/spot/cancel_batch_orders", wanted * 7)) == (400, "INVALID_PARAM_VALUE")
    assert sim.ledger.orders_executed == 1


async def test_batches_cancel_by_name_for_half_an_hour(start: Any) -> None:
    clock = ManualClock()
    bot = Gate((await start(config(), clock)).url("gate"), at_ms=clock.now_ms())
    await bot.spot(text="t-1")
    clock.advance(1801)
    bot.at_ms = clock.now_ms()
    [row] = (await bot("POST", "/spot/cancel_batch_orders", [{**PAIR, "id": "t-1"}])).json
    assert row["label"] == "CLIENT_ID_NOT_FOUND"
    assert (await bot("DELETE", "/spot/orders/t-1", **PAIR)).status == 200


async def test_futures_batches(bot: Gate, sim: Simulator) -> None:
    path = f"{PERPETUAL}/batch_orders"
    assert said(await bot("POST", path, [perpetual(), perpetual(size=0)])) == (400, "SIZE_TOO_SMALL")
    assert said(await bot("POST", path, [perpetual()] * 11)) == (400, "INVALID_PARAM_VALUE")
    assert sim.ledger.orders_executed == 0
    got = (await bot("POST", path, [perpetual(text="t-1"), perpetual(reduce_only=True)])).json
    assert [(r["succeeded"], r.get("label")) for r in got] == [(True, None), (False, "INCREASE_POSITION")]
    changed = await bot("POST", f"{PERPETUAL}/batch_amend_orders", [{"order_id": got[0]["id"], "price": "49000"}])
    assert (changed.json[0]["succeeded"], changed.json[0]["price"]) == (True, "49000")
    gone = (await bot("POST", f"{PERPETUAL}/batch_cancel_orders", [str(got[0]["id"]), "1", 7])).json
    assert [(r["succeeded"], r["message"]) for r in gone] == [
        (True, ""),
        (False, "ORDER_NOT_FOUND"),
        (False, "INVALID_PARAM_VALUE"),
    ]


# Looking orders up


async def test_lists_by_time(start: Any) -> None:
    clock = ManualClock()
    bot = Gate((await start(config(), clock)).url("gate"))
    begin = clock.now_ms() // 1000
    for _ in range(3):
        bot.at_ms = clock.now_ms()
        await bot.spot("70000")
        await bot.perpetual("70000")
        clock.advance(3600)
    bot.at_ms = clock.now_ms()

    async def times(path: str, **query: Any) -> list[int]:
        rows = (await bot("GET", path, **query)).json
        return [round((float(row["create_time"]) - begin) / 3600) for row in rows]

    for path, more in (
        ("/spot/orders", {"status": "finished"}),
        ("/spot/my_trades", {}),
        (f"{PERPETUAL}/orders_timerange", {}),
        (f"{PERPETUAL}/my_trades_timerange", {}),
    ):
        assert await times(path, **more) == [2, 1, 0]
        assert await times(path, limit=2, **more) == [2, 1]
        assert await times(path, to=begin + 3600, **more) == [1, 0]
        assert await times(path, **{"from": begin + 1}, **more) == [2, 1]
        assert (await bot("GET", path, limit=0, **more)).status == 400
    assert await times("/spot/my_trades", limit=2, page=2) == [0]
    assert await times(f"{PERPETUAL}/orders_timerange", offset=2) == [0]
    far = {"from": begin, "to": begin + 31 * 86_400}
    assert said(await bot("GET", "/spot/orders", status="finished", **far)) == (400, "INVALID_PARAM_VALUE")
    wrong = {"status": "open", "side": "buy", **PAIR}
    assert said(await bot("GET", "/spot/orders", **wrong)) == (400, "INVALID_PARAM_VALUE")
    assert said(await bot("GET", "/spot/orders", status="open")) == (400, "MISSING_REQUIRED_PARAM")
    assert said(await bot("GET", "/spot/orders", status="open", limit=101, **PAIR)) == (400, "INVALID_PARAM_VALUE")
    clock.advance(8 * 86_400)
    bot.at_ms = clock.now_ms()
    assert await times("/spot/orders", status="finished") == []


# Keys, money, faults


async def test_key_information(bot: Gate) -> None:
    bound = (await bot("GET", "/account/detail")).json
    assert (bound["ip_whitelist"], bound["key"]) == (["127.0.0.1", "127.0.0.9"], {"mode": 1})
    free = (await replace(bot, key=f"{KEY}-2")("GET", "/account/detail")).json
    assert (free["ip_whitelist"], free["user_id"]) == ([], bound["user_id"])
    assert (await bot("GET", "/account/rate_limit")).json[0]["tier"] == "1"


async def test_money_that_would_move_is_witnessed(bot: Gate, sim: Simulator) -> None:
    asked = {"currency": "BTC", "amount": "1", "address": "dummy", "chain": "SIM"}
    free = replace(bot, key=f"{KEY}-2")
    assert said(await bot("POST", "/wallet/transfers", asked)) == (403, "FORBIDDEN")
    assert (await free("POST", "/withdrawals", asked)).status == 200
    assert said(await replace(free, secret="dummy")("POST", "/wallet/transfers", asked)) == (401, "INVALID_SIGNATURE")
    assert [w.accepted for w in sim.ledger.withdrawals] == [False, True, False]


async def test_parameters_of_a_post_may_stand_in_the_query(bot: Gate) -> None:
    path = f"{PERPETUAL}/positions/BTC_USDT/leverage"
    assert (await bot("POST", path, leverage="10")).json["contract"] == "BTC_USDT"
    assert said(await bot("POST", path, {"leverage": "10"})) == (400, "INVALID_PARAM_VALUE")


async def test_public_refusals(sim: Simulator) -> None:
    base = sim.url("gate") + ROOT
    assert abs((await send("GET", base + "/spot/time")).json["server_time"] - now_ms()) < 60_000
    assert said(await send("GET", base + "/spot/tickers?currency_pair=NOPE")) == (400, "INVALID_CURRENCY_PAIR")
    assert said(await send("GET", base + "/futures/usdt/tickers?contract=NOPE")) == (400, "CONTRACT_NOT_FOUND")
    assert said(await send("GET", base + "/futures/eth/contracts")) == (400, "INVALID_PARAM_VALUE")
    assert said(await send("GET", base + "/spot/candlesticks?currency_pair=BTC_USDT&interval=2m")) == (
        400,
        "INVALID_PARAM_VALUE",
    )
    assert (await send("GET", sim.url("gate") + "/spot/time")).status == 404


async def test_faults_have_the_exchanges_shape(bot: Gate, sim: Simulator) -> None:
    for fault, wanted in (
        (Fault("throttle", "gate"), (429, "TOO_MANY_REQUESTS")),
        (Fault("unknown", "gate", executed=True), (504, "SERVER_TIMEOUT")),
        (Fault("error", "gate", status=500), (500, "SERVER_ERROR")),
        (Fault("maintenance", "gate"), (503, "TOO_BUSY")),
    ):
        sim.inject(fault)
        assert said(await bot.spot()) == wanted
    assert sim.ledger.orders_executed == 1
    sim.ban_address("gate", OTHER, 60)
    assert (await replace(bot, address=OTHER).spot()).status == 403
