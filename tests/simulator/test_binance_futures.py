import asyncio
import hashlib
import hmac
import json
import warnings
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import ccxt.async_support as ccxt
import pytest

from proxy.simulator import BinanceLimits, Fault, ManualClock, Simulator
from proxy.simulator.binance.futures.hall import TABLES
from proxy.simulator.binance.wire import Verifier, signed_text
from tests.simulator.clients import B_KEY, B_SECRET, ELSEWHERE, OTHER, Binance, Got, config, now_ms, send

SYMBOLS = {"usdm": "BTCUSDT", "coinm": "BTCUSD_PERP"}
ROOTS = {"usdm": "/fapi/v1/", "coinm": "/dapi/v1/"}
PRODUCTS = ("usdm", "coinm")
DAY_S = 86_400


def said(got: Got) -> tuple[int, int]:
    return got.status, got.json["code"]


@dataclass
class Bot:
    """A futures client. Names of paths without a slash in front are below the product's /v1/."""

    product: str
    wire: Binance
    clock: ManualClock | None = None

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.product]

    @property
    def at_ms(self) -> int | None:
        return self.clock.now_ms() if self.clock else None

    def path(self, name: str) -> str:
        return name if name.startswith("/") else ROOTS[self.product] + name

    async def __call__(self, method: str, name: str, **params: Any) -> Got:
        return await self.wire(method, self.path(name), self.at_ms, **params)

    async def public(self, name: str, method: str = "GET") -> Got:
        return await self.wire.raw(method, self.path(name))

    def order(self, price: str = "50000", **more: Any) -> dict[str, Any]:
        """A buy that rests below the simulated price: 0.01 coins, or one contract."""
        quantity = "0.01" if self.product == "usdm" else "1"
        usual = {"symbol": self.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity}
        return {**usual, "price": price, **more}

    async def limit(self, price: str = "50000", **more: Any) -> Got:
        return await self("POST", "order", **self.order(price, **more))

    async def market(self, side: str = "BUY", **more: Any) -> Got:
        order = {name: value for name, value in self.order().items() if name not in ("price", "timeInForce")}
        return await self("POST", "order", **{**order, "side": side, "type": "MARKET", **more})

    async def query(self, **named: Any) -> Got:
        return await self("GET", "order", symbol=self.symbol, **named)


def bot_of(sim: Simulator, product: str, clock: ManualClock | None = None, **more: Any) -> Bot:
    return Bot(product, Binance(sim.url("binance", product), **more), clock)


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start()


@pytest.fixture(params=PRODUCTS)
def bot(request: Any, sim: Simulator) -> Bot:
    return bot_of(sim, request.param)


@pytest.fixture
def usdm(sim: Simulator) -> Bot:
    return bot_of(sim, "usdm")


DOCS_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
CCXT_SECRET = "testSecretBinance000000000000000000000000000000000000000000001"
F1 = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
F2_QUERY = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
C2_QUERY = "symbol=BTCUSD_200925&side=BUY&type=LIMIT&timeInForce=GTC"
MIX_BODY = "quantity=1&price=9000&recvWindow=5000&timestamp= 1591702613943"
G4 = (
    "timestamp=1700000000000&symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.001&newClientOrderId=px-0002"
    "&recvWindow=5000"
)
G5 = "timestamp=1700000000000&symbol=BTCUSD_PERP&side=BUY&orderId=123&quantity=1&price=20000&recvWindow=5000"
G6 = (
    "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22%2C%22quantity%22"
    "%3A%220.001%22%2C%22price%22%3A%2220000%22%2C%22timeInForce%22%3A%22GTC%22%2C%22newClientOrderId%22%3A%22px-0003%22"
    "%7D%5D&recvWindow=5000&timestamp=1700000000000"
)


@pytest.mark.parametrize(
    ("secret", "query", "body", "wanted"),
    [
        (DOCS_SECRET, F1, "", "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
        (DOCS_SECRET, "", F1, "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"),
        (DOCS_SECRET, F2_QUERY, MIX_BODY, "f9d0ae5e813ef6ccf15c2b5a434047a0181cb5a342b903b367ca6d27a66e36f2"),
        (DOCS_SECRET, C2_QUERY, MIX_BODY, "f3129e7c72c7727037891ad8a86b76a7dc514ba125a536775c8ba403b2d1b222"),
        (CCXT_SECRET, "", G4, "ddba271178ad6dbb327cf68bf21e72d2c5e5cea9567ecd2b41fb432734f159f2"),
        (CCXT_SECRET, "", G5, "d2ff0321279edcea0aea5397303b6eee6dc357e3a705011296a038d0956011ec"),
        (CCXT_SECRET, G6, "", "b749cecf0d6747b9545dd7a44361f428607429a09eb7ad78ba6ea87e1c7cad31"),
    ],
)
def test_published_signatures(secret: str, query: str, body: str, wanted: str) -> None:
    part = "&signature=" + wanted
    text = signed_text(query, body + part, encoded=False) if body else signed_text(query + part, "", encoded=False)
    assert Verifier().valid(secret, text, wanted)
    assert not Verifier().valid(secret, text.replace("=", "%3D", 1), wanted)
    assert not Verifier().valid(secret, text, wanted[:-1] + ("0" if wanted[-1] != "0" else "1"))


async def test_what_was_signed_is_what_counts(bot: Bot, sim: Simulator) -> None:
    good = bot.wire.signed(bot.order())
    path = bot.path("order")
    assert said(await bot.wire.raw("POST", f"{path}?{good.replace('50000', '50001')}")) == (400, -1022)
    assert said(await bot.wire.raw("POST", path, good.replace("BUY", "buy"))) == (400, -1022)
    assert said(await bot.wire.raw("POST", f"{path}?{good}", "quantity=2")) == (400, -1101)
    wrong = replace(bot, wire=replace(bot.wire, secret="dummy-wrong"))
    assert said(await wrong.limit()) == (400, -1022)
    assert sim.ledger.orders_executed == 0
    assert (await bot.wire.raw("POST", path, good)).status == 200


async def test_keys_that_are_refused(bot: Bot, sim: Simulator) -> None:
    def other(**more: Any) -> Bot:
        return replace(bot, wire=replace(bot.wire, **more))

    path = "account" if bot.product == "coinm" else "/fapi/v3/account"
    assert said(await other(key="")("GET", path)) == (401, -2014)
    assert said(await other(key="dummy-nobody")("GET", path)) == (401, -2015)
    outside = await other(address=ELSEWHERE)("GET", path)
    assert (said(outside), outside.json["msg"].endswith(f"request ip: {ELSEWHERE}")) == ((401, -2015), True)
    assert (await other(key=f"{B_KEY}-2", address=ELSEWHERE)("GET", path)).status == 200
    sim.set_trade("binance", "b", "main", False)
    assert (await bot("GET", path)).status == 200
    assert said(await bot.limit()) == (401, -2015)
    sim.suspend_key("binance", "b", "main")
    assert said(await bot("GET", path)) == (401, -2015)
    sim.delete_key("binance", "b", "main")
    assert said(await bot("GET", path)) == (401, -2015)
    assert sim.ledger.orders_executed == 0


async def test_an_account_that_may_not_place(bot: Bot, sim: Simulator) -> None:
    placed = (await bot.limit()).json
    sim.suspend_account("binance", "b")
    assert said(await bot.limit()) == (400, -4088)
    assert (await bot("DELETE", "order", symbol=bot.symbol, orderId=placed["orderId"])).json["status"] == "CANCELED"


async def test_time_rules(bot: Bot) -> None:
    now = now_ms()

    async def at(at_ms: int, **more: Any) -> Got:
        return await bot.wire("GET", bot.path("openOrders"), at_ms, **more)

    assert said(await at(now - 5_500)) == (400, -1021)
    assert (await at(now - 5_500, recvWindow=20_000)).status == 200
    assert said(await at(now + 5_000)) == (400, -1021)
    assert said(await at(now * 1000)) == (400, -1021)
    assert said(await at(now, recvWindow=60_001)) == (400, -1131)
    assert said(await at(now, recvWindow="6000.3")) == (400, -1100)


async def test_paths_belong_to_their_hosts(sim: Simulator) -> None:
    for product, path in (("usdm", "/dapi/v1/time"), ("coinm", "/fapi/v1/time"), ("usdm", "/api/v3/time")):
        assert (await send("GET", sim.url("binance", product) + path)).status == 404
    assert (await send("PATCH", sim.url("binance", "usdm") + "/fapi/v1/order")).status == 405
    rows = [
        ("usdm", "/futures/data/takerlongshortRatio", 200),
        ("coinm", "/futures/data/takerlongshortRatio", 404),
        ("coinm", "/futures/data/takerBuySellVol", 200),
    ]
    for product, path, status in rows:
        assert (await send("GET", sim.url("binance", product) + path)).status == status


@pytest.mark.parametrize("product", ["usdm", "coinm", "portfolio"])
async def test_every_read_answers(sim: Simulator, product: str) -> None:
    bots = {one: bot_of(sim, one) for one in PRODUCTS}
    numbers = {one: (await bot.limit()).json["orderId"] for one, bot in bots.items()}
    algo = {"algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "1", "quantity": "1"}
    algos = {one: (await bot("POST", "algoOrder", **algo, symbol=bot.symbol)).json for one, bot in bots.items()}
    wire = Binance(sim.url("binance", product))
    for (method, path), row in TABLES[product].items():
        of = "coinm" if product == "coinm" or "/cm/" in path else "usdm"
        values = {"symbol": SYMBOLS[of], "pair": "BTCUSD" if of == "coinm" else "BTCUSDT", "interval": "1m"}
        values |= {"orderId": numbers[of]} if path.lower().endswith(("order", "orderamendment")) else {}
        values |= {"algoId": algos[of]["algoId"]} if path.endswith("/algoOrder") else {}
        asked = {name: value for name, value in values.items() if name in row.params}
        if method != "GET":
            continue
        if row.security in ("NONE", "KEY"):
            got = await wire.raw(method, f"{path}?{urlencode(asked)}" if asked else path)
        else:
            got = await wire(method, path, **asked)
        assert got.status == 200, (path, got.text)


async def test_test_orders(sim: Simulator) -> None:
    usdm, coinm = (bot_of(sim, product) for product in PRODUCTS)
    tried = await usdm("POST", "order/test", **usdm.order())
    assert (tried.json, "x-mbx-order-count-1m" in tried.headers) == ({}, False)
    assert said(await usdm("POST", "order/test", **usdm.order("0"))) == (400, -4001)
    assert (await coinm("POST", "order/test", **coinm.order())).status == 404
    assert sim.ledger.orders_executed == 0


async def test_public_and_keyed_paths_take_no_signature(bot: Bot) -> None:
    assert said(await bot.public(f"time?timestamp={now_ms()}")) == (400, -1101)
    path = bot.path("listenKey")
    keys = [await bot.wire.raw("POST", path), await replace(bot.wire, key=f"{B_KEY}-2").raw("POST", path)]
    assert keys[0].json["listenKey"] == keys[1].json["listenKey"]
    assert said(await bot.wire("POST", path)) == (400, -1101)
    assert said(await replace(bot.wire, key="").raw("POST", path)) == (401, -2014)
    assert (await bot.public(f"historicalTrades?symbol={bot.symbol}")).status == 200


async def test_life_of_an_order(bot: Bot, sim: Simulator) -> None:
    got = await bot.limit(newClientOrderId="dummy.a:/b")
    placed = got.json
    assert (placed["status"], placed["clientOrderId"], placed["cumQty"]) == ("NEW", "dummy.a:/b", "0")
    assert not {"avgPrice", "cumQuote", "cumBase", "time"} & set(placed)
    value = "cumQuote" if bot.product == "usdm" else "cumBase"
    for named in ({"orderId": placed["orderId"]}, {"origClientOrderId": "dummy.a:/b"}):
        seen = (await bot.query(**named)).json
        assert {"avgPrice", value, "time"} <= set(seen)
        assert (await bot("GET", "openOrder", symbol=bot.symbol, **named)).json == seen
    assert (await bot("GET", "openOrders", symbol=bot.symbol)).json == [seen]
    gone = await bot("DELETE", "order", symbol=bot.symbol, origClientOrderId="dummy.a:/b")
    assert gone.json["status"] == "CANCELED"
    assert said(await bot("DELETE", "order", symbol=bot.symbol, orderId=placed["orderId"])) == (400, -2011)
    assert said(await bot("GET", "openOrder", symbol=bot.symbol, orderId=placed["orderId"])) == (400, -2013)
    assert said(await bot.query(orderId=1)) == (400, -2013)
    assert said(await bot.query()) == (400, -1102)
    taken = (await bot.market(newOrderRespType="RESULT")).json
    assert (taken["status"], taken["executedQty"]) == ("FILLED", taken["origQty"])
    acknowledged = (await bot.market()).json
    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0")
    assert (await bot.query(orderId=acknowledged["orderId"])).json["status"] == "FILLED"
    assert [row["status"] for row in (await bot("GET", "allOrders", symbol=bot.symbol)).json] == [
        "CANCELED",
        "FILLED",
        "FILLED",
    ]
    fills = (await bot("GET", "userTrades", symbol=bot.symbol)).json
    assert [fill["orderId"] for fill in fills] == [taken["orderId"], acknowledged["orderId"]]
    assert sim.ledger.orders_executed == 3


async def test_moved_prices_fill_and_positions_follow(bot: Bot, sim: Simulator) -> None:
    quote_coin = "USDT" if bot.product == "usdm" else "USD"
    resting = (await bot.limit("50000")).json
    sim.set_price("BTC", quote_coin, "49000")
    assert (await bot.query(orderId=resting["orderId"])).json["status"] == "FILLED"
    paths = ["positionRisk"] if bot.product == "coinm" else ["/fapi/v2/positionRisk", "/fapi/v3/positionRisk"]
    for path in paths:
        [held] = [row for row in (await bot("GET", path)).json if row["symbol"] == bot.symbol]
        assert held["positionAmt"] == ("0.01" if bot.product == "usdm" else "1")
        assert float(held["entryPrice"]) == 50_000
        assert float(held["unRealizedProfit"]) < 0
    if bot.product == "usdm":
        assert len((await bot("GET", paths[0])).json) == 2  # v2 tells every symbol
        assert len((await bot("GET", paths[1])).json) == 1
        assert len((await bot("GET", "/fapi/v3/account")).json["positions"]) == 1
        assert len((await bot("GET", "/fapi/v2/account")).json["positions"]) == 2


async def test_entry_prices(bot: Bot, sim: Simulator) -> None:
    coin, path = ("USDT", "/fapi/v2/positionRisk") if bot.product == "usdm" else ("USD", "positionRisk")

    async def held(side: str, price: str, quantity: int) -> tuple[float, float]:
        sim.set_price("BTC", coin, price)
        await bot.market(side, quantity=quantity)
        [row] = [row for row in (await bot("GET", path)).json if row["symbol"] == bot.symbol]
        return float(row["positionAmt"]), float(row["entryPrice"])

    assert await held("BUY", "50000", 1) == (1, pytest.approx(50_000, abs=1))
    assert await held("BUY", "60000", 1) == (2, pytest.approx(55_000, abs=1))
    assert await held("SELL", "70000", 1) == (1, pytest.approx(55_000, abs=1))
    assert await held("SELL", "40000", 3) == (-2, pytest.approx(40_000, abs=1))
    assert await held("BUY", "45000", 2) == (0, 0)


async def test_wallets_are_apart_from_spot_and_from_each_other(sim: Simulator) -> None:
    usdm, coinm = (bot_of(sim, product) for product in PRODUCTS)
    spot = Binance(sim.url("binance"))
    named = {"newClientOrderId": "dummy-same"}
    assert [(await one.limit(**named)).status for one in (usdm, coinm)] == [200, 200]
    assert (await spot.limit(**named)).status == 200
    held = {row["asset"]: row for row in (await usdm("GET", "/fapi/v3/balance")).json}
    assert float(held["USDT"]["balance"]) - float(held["USDT"]["availableBalance"]) == 50
    held = {row["asset"]: row for row in (await coinm("GET", "balance")).json}
    assert float(held["BTC"]["balance"]) - float(held["BTC"]["availableBalance"]) == pytest.approx(100 / 50_000 / 10)
    assert len((await usdm("GET", "openOrders")).json) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"price": "50000.001"}, -4014),
        ({"price": "0"}, -4001),
        ({"price": "5e4"}, -1100),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0000001"}, -1111),
        ({"quantity": "2000000"}, -4005),
        ({"quantity": "600000"}, -2019),
        ({"side": "buy"}, -1117),
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"type": "TRAILING_STOP_MARKET"}, -4120),
        ({"type": "LIMIT_MAKER"}, -1116),
        ({"closePosition": "true"}, -4136),
        ({"timeInForce": "X"}, -1115),
        ({"timeInForce": "GTX", "price": "70000"}, -5022),
        ({"timeInForce": "FOK"}, -5021),
        ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ({"reduceOnly": "true"}, -2022),
        ({"reduceOnly": "1"}, -1130),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "x"}, -1130),
        ({"newClientOrderId": "a b"}, -4015),
        ({"newClientOrderId": "a" * 37}, -4015),
        ({"newOrderRespType": "FULL"}, -1130),
        ({"quoteOrderQty": "1"}, -1104),
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": ""}, -1105),
    ],
)
async def test_orders_that_are_refused(bot: Bot, sim: Simulator, changed: dict[str, str], code: int) -> None:
    assert said(await bot.limit(**changed)) == (400, code)
    assert sim.ledger.orders_executed == 0


async def test_small_orders(usdm: Bot) -> None:
    assert said(await usdm.limit(quantity="0.00009")) == (400, -4164)
    assert (await usdm.limit(quantity="0.0001")).status == 200
    assert said(await usdm.limit("40000", quantity="0.0001")) == (400, -4164)


async def test_ids_are_unique_among_open_orders(bot: Bot, sim: Simulator) -> None:
    placed = (await bot.limit(newClientOrderId="dummy-a")).json
    again = await bot.limit(newClientOrderId="dummy-a")
    assert (said(again), again.json["msg"]) == ((400, -4116), "ClientOrderId is duplicated.")
    assert sim.ledger.duplicates() == {}
    await bot("DELETE", "order", symbol=bot.symbol, orderId=placed["orderId"])
    assert (await bot.limit(newClientOrderId="dummy-a")).status == 200
    for _ in range(2):
        assert (await bot.market(newClientOrderId="dummy-m")).status == 200
    assert sim.ledger.executions("binance", "b", "dummy-m") == 2


async def test_reduce_only(bot: Bot) -> None:
    await bot.market()
    assert said(await bot.market("BUY", reduceOnly="true")) == (400, -2022)
    twice = "0.02" if bot.product == "usdm" else "2"
    assert said(await bot.market("SELL", reduceOnly="true", quantity=twice)) == (400, -2022)
    closed = await bot.market("SELL", reduceOnly="true", newOrderRespType="RESULT")
    assert (closed.json["status"], closed.json["reduceOnly"]) == ("FILLED", True)
    assert said(await bot.market("SELL", reduceOnly="true")) == (400, -2022)


async def test_amending(bot: Bot) -> None:
    placed = (await bot.limit(newClientOrderId="dummy-a")).json
    more = "0.02" if bot.product == "usdm" else "2"
    named = {"symbol": bot.symbol, "side": "BUY", "origClientOrderId": "dummy-a"}

    async def amend(**changed: Any) -> Got:
        return await bot("PUT", "order", **{**named, **changed})

    done = (await amend(quantity=more, price="51000")).json
    assert (done["orderId"], done["origQty"], done["price"]) == (placed["orderId"], more, "51000")
    assert done["clientOrderId"] == "dummy-a"
    assert said(await amend(quantity=more, price="51000")) == (400, -5027)
    assert said(await amend()) == (400, -1102)
    assert said(await amend(quantity=more, price="51000.001")) == (400, -4014)
    assert said(await amend(quantity="600000", price="51000")) == (400, -2019)
    assert said(await amend(quantity=more, price="52000", origClientOrderId="dummy-none")) == (400, -2013)
    assert said(await amend(quantity=more, price="52000", side="SELL")) == (400, -2013)
    alone = await amend(price="52000")
    assert alone.status == (400 if bot.product == "usdm" else 200)
    rows = (await bot("GET", "orderAmendment", symbol=bot.symbol, orderId=placed["orderId"])).json
    assert rows[-1]["amendment"]["price"] == {"before": "50000", "after": "51000"}
    crossed = (await amend(quantity=more, price="70000")).json
    assert crossed["status"] == "FILLED"
    assert said(await amend(quantity=more, price="52000")) == (400, -2013)


async def test_an_amendment_that_would_take_ends_a_post_only_order(bot: Bot) -> None:
    placed = (await bot.limit(timeInForce="GTX")).json
    changed = bot.order("70000", orderId=placed["orderId"])
    wanted = {name: changed[name] for name in ("symbol", "side", "quantity", "price", "orderId")}
    assert (await bot("PUT", "order", **wanted)).json["status"] == "CANCELED"


def as_json(rows: Any) -> str:
    return json.dumps(rows, separators=(",", ":"))


async def test_batches_succeed_in_part(bot: Bot, sim: Simulator) -> None:
    rows = [
        bot.order(newClientOrderId="dummy-1"),
        bot.order(newClientOrderId="dummy-1"),
        bot.order("50000.001"),
        {**bot.order(newClientOrderId="dummy-2"), "quantity": 1},
        {"symbol": bot.symbol},
    ]
    got = await bot("POST", "batchOrders", batchOrders=as_json(rows))
    assert got.status == 200
    assert [row.get("code") for row in got.json] == [None, -4116, -4014, None, -1102]
    assert [row["clientOrderId"] for row in got.json if "orderId" in row] == ["dummy-1", "dummy-2"]
    assert sim.ledger.orders_executed == 2
    changed = [
        {"symbol": bot.symbol, "side": "BUY", "origClientOrderId": name, "quantity": "2", "price": "40000"}
        for name in ("dummy-1", "dummy-none")
    ]
    amended = (await bot("PUT", "batchOrders", batchOrders=as_json(changed))).json
    assert (amended[0]["price"], amended[1]["code"]) == ("40000", -2013)
    named = {"symbol": bot.symbol, "origClientOrderIdList": as_json(["dummy-1", "dummy-none"])}
    gone = (await bot("DELETE", "batchOrders", **named)).json
    assert (gone[0]["status"], gone[1]) == ("CANCELED", {"code": -2011, "msg": "Unknown order sent."})
    number = got.json[3]["orderId"]
    gone = (await bot("DELETE", "batchOrders", symbol=bot.symbol, orderIdList=as_json([number, 1]))).json
    assert (gone[0]["status"], gone[1]["code"]) == ("CANCELED", -2011)


async def test_batches_that_are_refused(bot: Bot, sim: Simulator) -> None:
    for text, code in (("[]", -4082), (as_json([bot.order()] * 6), -4082), ("{}", -1130), ("[1]", -1130), ("[", -1130)):
        assert said(await bot("POST", "batchOrders", batchOrders=text)) == (400, code)
    for named, code in (
        ({}, -1128),
        ({"orderIdList": "[1]", "origClientOrderIdList": '["a"]'}, -1128),
        ({"orderIdList": as_json(list(range(11)))}, -4032),
        ({"orderIdList": '["1"]'}, -1130),
        ({"orderIdList": "x"}, -1130),
    ):
        assert said(await bot("DELETE", "batchOrders", symbol=bot.symbol, **named)) == (400, code)
    assert sim.ledger.orders_executed == 0


async def test_cancelling_all(bot: Bot) -> None:
    for _ in range(2):
        await bot.limit()
        assert (await bot("DELETE", "allOpenOrders", symbol=bot.symbol)).json["code"] == 200
        assert (await bot("GET", "openOrders")).json == []
    assert (await bot("DELETE", "allOpenOrders", symbol=bot.symbol)).json["code"] == 200
    assert said(await bot("DELETE", "allOpenOrders")) == (400, -1102)


@pytest.mark.parametrize("product", PRODUCTS)
async def test_the_dead_mans_timer(start: Any, product: str) -> None:
    clock = ManualClock()
    bot = bot_of(await start(clock=clock), product, clock)
    number = (await bot.limit()).json["orderId"]
    timer = {"symbol": bot.symbol, "countdownTime": "30000"}
    assert (await bot("POST", "countdownCancelAll", **timer)).json == timer
    clock.advance(20)
    assert (await bot("POST", "countdownCancelAll", **timer)).status == 200
    clock.advance(29)
    assert (await bot.query(orderId=number)).json["status"] == "NEW"
    clock.advance(2)
    assert (await bot.query(orderId=number)).json["status"] == "CANCELED"
    number = (await bot.limit()).json["orderId"]
    for wait in ("5000", "0"):
        await bot("POST", "countdownCancelAll", symbol=bot.symbol, countdownTime=wait)
    clock.advance(10)
    assert (await bot.query(orderId=number)).json["status"] == "NEW"


async def test_orders_with_a_date(start: Any) -> None:
    clock = ManualClock()
    bot = bot_of(await start(clock=clock), "usdm", clock)
    date = clock.now_ms() + 700_000
    number = (await bot.limit(timeInForce="GTD", goodTillDate=date)).json["orderId"]
    clock.advance(701)
    assert (await bot.query(orderId=number)).json["status"] == "EXPIRED"


@pytest.mark.parametrize("product", PRODUCTS)
async def test_old_orders_are_forgotten(start: Any, product: str) -> None:
    clock = ManualClock()
    bot = bot_of(await start(clock=clock), product, clock)
    cancelled = (await bot.limit()).json["orderId"]
    await bot("DELETE", "order", symbol=bot.symbol, orderId=cancelled)
    filled = (await bot.market()).json["orderId"]
    resting = (await bot.limit()).json["orderId"]
    clock.advance(2 * DAY_S)
    assert len((await bot("GET", "allOrders", symbol=bot.symbol)).json) == 3
    clock.advance(2 * DAY_S)
    assert said(await bot.query(orderId=cancelled)) == (400, -2013)
    assert (await bot.query(orderId=filled)).json["status"] == "FILLED"
    clock.advance(87 * DAY_S)
    assert said(await bot.query(orderId=filled)) == (400, -2013)
    assert (await bot.query(orderId=resting)).json["status"] == "NEW"
    assert (await bot("GET", "allOrders", symbol=bot.symbol)).json == []  # of the last seven days


@pytest.mark.parametrize("product", PRODUCTS)
async def test_history_by_time(start: Any, product: str) -> None:
    clock = ManualClock()
    bot = bot_of(await start(clock=clock), product, clock)
    made = []
    for _ in range(3):
        made.append(((await bot.market()).json["orderId"], clock.now_ms()))
        clock.advance(60)

    async def numbers(name: str, **asked: Any) -> list[int]:
        return [row["orderId"] for row in (await bot("GET", name, symbol=bot.symbol, **asked)).json]

    ids = [number for number, _ in made]
    for name in ("allOrders", "userTrades"):
        assert await numbers(name) == ids
        assert await numbers(name, limit=2) == ids[1:]
        assert await numbers(name, startTime=made[0][1], limit=2) == ids[:2]
        assert await numbers(name, startTime=made[1][1], endTime=made[1][1]) == ids[1:2]
        week = {"startTime": made[0][1], "endTime": made[0][1] + 7 * DAY_S * 1000 + 1}
        assert said(await bot("GET", name, symbol=bot.symbol, **week)) == (400, -4165)
        assert said(await bot("GET", name)) == (400, -1102)
    assert await numbers("allOrders", orderId=ids[1]) == ids[1:]
    assert await numbers("userTrades", orderId=ids[1]) == ids[1:2]
    by_pair = await bot("GET", "allOrders", pair="BTCUSD" if product == "coinm" else "BTCUSDT")
    assert by_pair.status == (200 if product == "coinm" else 400)


async def test_settings(bot: Bot, sim: Simulator) -> None:
    named = {"symbol": bot.symbol}
    assert (await bot("POST", "leverage", **named, leverage=21)).json["leverage"] == 21
    for wrong in ("0", "126", "x"):
        assert said(await bot("POST", "leverage", **named, leverage=wrong)) == (400, -4028)
    assert said(await bot("POST", "marginType", **named, marginType="CROSSED")) == (400, -4046)
    assert (await bot("POST", "marginType", **named, marginType="ISOLATED")).json == {"code": 200, "msg": "success"}
    assert said(await bot("POST", "positionMargin", **named, amount=1, type=1)) == (400, -4054)
    await bot.limit()
    assert said(await bot("POST", "marginType", **named, marginType="CROSSED")) == (400, -4047)
    assert said(await bot("POST", "positionSide/dual", dualSidePosition="true")) == (400, -4067)
    await bot("DELETE", "allOpenOrders", **named)
    await bot.market()
    assert said(await bot("POST", "marginType", **named, marginType="CROSSED")) == (400, -4048)
    assert said(await bot("POST", "positionSide/dual", dualSidePosition="true")) == (400, -4068)
    assert (await bot("POST", "positionMargin", **named, amount=1, type=1)).json["code"] == 200


async def test_hedge_mode_is_of_both_products(sim: Simulator) -> None:
    usdm, coinm = (bot_of(sim, product) for product in PRODUCTS)
    assert (await usdm("GET", "positionSide/dual")).json == {"dualSidePosition": False}
    assert said(await usdm("POST", "positionSide/dual", dualSidePosition="false")) == (400, -4059)
    assert (await usdm("POST", "positionSide/dual", dualSidePosition="true")).json["code"] == 200
    assert (await coinm("GET", "positionSide/dual")).json == {"dualSidePosition": True}
    for bot in (usdm, coinm):
        assert said(await bot.market()) == (400, -4061)
        assert said(await bot.market(positionSide="LONG", reduceOnly="false")) == (400, -1106)
        assert said(await bot.market("SELL", positionSide="LONG")) == (400, -2022)
        assert (await bot.market(positionSide="LONG")).status == 200
        assert (await bot.market("SELL", positionSide="SHORT")).status == 200
    rows = [row for row in (await usdm("GET", "/fapi/v3/positionRisk")).json if float(row["positionAmt"])]
    assert {row["positionSide"]: row["positionAmt"] for row in rows} == {"LONG": "0.01", "SHORT": "-0.01"}


async def test_conditional_orders(bot: Bot, sim: Simulator) -> None:
    coin = "USDT" if bot.product == "usdm" else "USD"
    usual = {"algoType": "CONDITIONAL", "symbol": bot.symbol, "side": "SELL", "type": "STOP_MARKET"}

    async def place(**more: Any) -> Got:
        return await bot("POST", "algoOrder", **{**usual, "triggerPrice": "55000", **more})

    await bot.market()
    made = (await place(closePosition="true", clientAlgoId="dummy-c")).json
    assert (made["algoStatus"], made["orderType"], made["closePosition"]) == ("NEW", "STOP_MARKET", True)
    assert said(await place(closePosition="true", clientAlgoId="dummy-c")) == (400, -4116)
    assert said(await place(closePosition="true", quantity="1")) == (400, -4137)
    assert said(await place(closePosition="true", type="STOP", price="54000")) == (400, -4136)
    assert said(await place(quantity="1", triggerPrice="65000")) == (400, -2021)
    assert said(await place(quantity="1", type="LIMIT")) == (400, -1116)
    assert [row["algoId"] for row in (await bot("GET", "openAlgoOrders")).json] == [made["algoId"]]
    assert (await bot("GET", "openOrders")).json == []
    other = (await place(quantity="1", triggerPrice="54000")).json
    assert (await bot("DELETE", "algoOrder", algoId=other["algoId"])).json["code"] == "200"
    assert said(await bot("DELETE", "algoOrder", algoId=other["algoId"])) == (400, -2011)
    sim.set_price("BTC", coin, "54500")
    assert (await bot("GET", "algoOrder", clientAlgoId="dummy-c")).json["algoStatus"] == "FINISHED"
    assert said(await bot.market("SELL", reduceOnly="true")) == (400, -2022)  # closed
    assert sim.ledger.orders_executed == 2
    assert said(await bot("GET", "algoOrder", algoId=1)) == (400, -2013)


async def test_weights(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = bot_of(sim, "usdm", clock)

    async def cost(name: str, method: str = "GET", **params: Any) -> int:
        clock.advance(60)
        got = await bot(method, name, **params) if method != "PUBLIC" else await bot.public(name)
        return int(got.headers["x-mbx-used-weight-1m"])

    assert await cost("exchangeInfo", "PUBLIC") == 1
    assert [await cost(f"depth?symbol=BTCUSDT&limit={n}", "PUBLIC") for n in (50, 100, 500, 1000)] == [2, 5, 10, 20]
    assert await cost("depth?symbol=BTCUSDT", "PUBLIC") == 10
    rows = [await cost(f"klines?symbol=BTCUSDT&interval=1m&limit={n}", "PUBLIC") for n in (99, 499, 1000, 1001)]
    assert rows == [1, 2, 5, 10]
    assert [await cost(f"ticker/24hr{q}", "PUBLIC") for q in ("?symbol=BTCUSDT", "")] == [1, 40]
    assert [await cost(f"ticker/bookTicker{q}", "PUBLIC") for q in ("?symbol=BTCUSDT", "")] == [2, 5]
    assert [await cost(f"premiumIndex{q}", "PUBLIC") for q in ("?symbol=BTCUSDT", "")] == [1, 10]
    assert await cost("fundingRate", "PUBLIC") == 0
    assert await cost("order", "POST", **bot.order()) == 0
    assert await cost("order", "GET", symbol="BTCUSDT", orderId=1) == 1
    assert await cost("openOrders") == 40
    assert await cost("openOrders", symbol="BTCUSDT") == 1
    assert await cost("countdownCancelAll", "POST", symbol="BTCUSDT", countdownTime=0) == 10
    assert await cost("batchOrders", "POST", batchOrders=as_json([bot.order()])) == 5
    assert await cost("/fapi/v3/account") == 5
    assert await cost("positionSide/dual") == 30


async def test_weight_is_the_addresss_over_both_hosts_but_not_spots(start: Any) -> None:
    clock = ManualClock()
    clock.advance(15)
    sim = await start(config(limits={"binance": BinanceLimits(futures_weight_1m=2, ban_after=1)}), clock)
    usdm, coinm = (bot_of(sim, product, clock) for product in PRODUCTS)
    assert (await usdm.public("time")).headers["x-mbx-used-weight-1m"] == "1"
    assert (await coinm.public("time")).headers["x-mbx-used-weight-1m"] == "2"
    refused = await coinm.public("time")
    assert (said(refused), "retry-after" in refused.headers) == ((429, -1003), False)
    assert "current limit is 2 requests per minute" in refused.json["msg"]
    spot = Binance(sim.url("binance"))
    assert (await spot.raw("GET", "/api/v3/ping")).headers["x-mbx-used-weight-1m"] == "1"
    assert (await replace(usdm, wire=replace(usdm.wire, address=OTHER)).public("time")).status == 200
    banned = await usdm.public("time")
    assert (said(banned), "retry-after" in banned.headers) == ((418, -1003), False)
    assert f"IP banned until {clock.now_ms() + 120_000}" in banned.json["msg"]
    assert (await coinm.public("time")).status == 418
    clock.advance(121)
    assert (await usdm.public("time")).status == 200


@pytest.mark.parametrize(
    ("limits", "paths"),
    [
        ({"futures_data_5m": 2}, ["/futures/data/basis"] * 3),
        ({"funding_5m": 2}, ["fundingRate", "fundingInfo", "fundingRate"]),
    ],
)
async def test_requests_without_weight_have_limits_of_their_own(start: Any, limits: Any, paths: list[str]) -> None:
    clock = ManualClock()
    bot = bot_of(await start(config(limits={"binance": BinanceLimits(**limits)}), clock), "usdm", clock)
    assert [(await bot.public(path)).status for path in paths] == [200, 200, 429]
    assert (await bot.public("time")).status == 200
    clock.advance(300)
    assert (await bot.public(paths[0])).status == 200


async def test_order_counts_are_the_accounts_over_both_products(start: Any) -> None:
    clock = ManualClock()
    limits = BinanceLimits(futures_orders_10s=7, futures_orders_1m=9)
    sim = await start(config(limits={"binance": limits}), clock)
    usdm, coinm = (bot_of(sim, product, clock) for product in PRODUCTS)
    second = replace(usdm, wire=replace(usdm.wire, key=f"{B_KEY}-2", address=OTHER))

    def counts(got: Got) -> tuple[str, str]:
        return got.headers["x-mbx-order-count-10s"], got.headers["x-mbx-order-count-1m"]

    first = await usdm.limit()
    assert counts(first) == ("1", "1")
    changed = {"symbol": "BTCUSDT", "side": "BUY", "orderId": first.json["orderId"], "quantity": "0.02"}
    assert counts(await second("PUT", "order", **changed, price="50000")) == ("2", "2")
    assert counts(await coinm.limit()) == ("2", "3")  # counts by the minute alone
    assert counts(await usdm("POST", "batchOrders", batchOrders=as_json([usdm.order()]))) == ("7", "4")
    assert counts(await coinm.limit()) == ("7", "5")
    refused = await second.limit()
    assert (said(refused), "retry-after" in refused.headers) == ((429, -1015), False)
    assert "7 orders per 10 SECOND" in refused.json["msg"]
    assert "x-mbx-order-count-10s" not in (await usdm("DELETE", "allOpenOrders", symbol="BTCUSDT")).headers
    clock.advance(10)
    assert counts(await usdm.limit()) == ("1", "7")  # the refused one counts
    assert said(await usdm.limit(price="0")) == (400, -4001)
    assert counts(await coinm.limit()) == ("2", "9")
    assert "9 orders per 1 MINUTE" in (await coinm.limit()).json["msg"]
    clock.advance(60)
    assert (await coinm.limit()).status == 200


async def test_limits_are_told(bot: Bot) -> None:
    rows = (await bot.public("exchangeInfo")).json["rateLimits"]
    told = {(row["rateLimitType"], row["interval"], row["intervalNum"]): row["limit"] for row in rows}
    assert told == {("REQUEST_WEIGHT", "MINUTE", 1): 2400, ("ORDERS", "SECOND", 10): 300, ("ORDERS", "MINUTE", 1): 1200}


@pytest.mark.parametrize(
    ("action", "status", "code", "text"),
    [
        ("throttle", 429, -1003, "Too many requests; current limit is 2400 requests"),
        ("unknown", 503, -1000, "Unknown error"),
        ("error", 503, -1001, "Internal error"),
        ("maintenance", 503, -1016, "no longer available"),
    ],
)
async def test_faults_in_the_exchanges_shape(
    bot: Bot, sim: Simulator, action: Any, status: int, code: int, text: str
) -> None:
    sim.inject(Fault(action, "binance", path="order", executed=action == "unknown", status=status))
    got = await bot.limit(newClientOrderId="dummy-f")
    assert (said(got), text in got.json["msg"]) == ((status, code), True)
    seen = await bot.query(origClientOrderId="dummy-f")
    assert seen.status == (200 if action == "unknown" else 400)


async def test_moves_of_money_are_witnessed(sim: Simulator) -> None:
    spot, portfolio = Binance(sim.url("binance")), Binance(sim.url("binance", "portfolio"))
    assert said(await spot("POST", "/sapi/v1/futures/transfer", asset="USDT", amount="1", type="1")) == (401, -2015)
    assert said(await portfolio("POST", "/papi/v1/bnb-transfer", amount="1", transferSide="TO_UM")) == (401, -2015)
    assert [(seen.path, seen.accepted) for seen in sim.ledger.withdrawals] == [
        ("/sapi/v1/futures/transfer", False),
        ("/papi/v1/bnb-transfer", False),
    ]


async def test_portfolio_margin_reaches_both_wallets(sim: Simulator) -> None:
    bot = Binance(sim.url("binance", "portfolio"))
    usdm = bot_of(sim, "usdm")
    for short, product in (("um", "usdm"), ("cm", "coinm")):
        order = bot_of(sim, product).order(newClientOrderId=f"dummy-{short}")
        placed = await bot("POST", f"/papi/v1/{short}/order", **order)
        assert (placed.status, placed.headers["x-mbx-order-count-1m"]) == (200, "1" if short == "um" else "2")
        named = {"symbol": SYMBOLS[product], "origClientOrderId": f"dummy-{short}"}
        assert (await bot("GET", f"/papi/v1/{short}/order", **named)).json["status"] == "NEW"
        assert (await bot("DELETE", f"/papi/v1/{short}/order", **named)).json["status"] == "CANCELED"
    counted = await usdm.limit()
    assert counted.headers["x-mbx-order-count-1m"] == "1"
    coins = {row["asset"]: row for row in (await bot("GET", "/papi/v1/balance")).json}
    assert float(coins["USDT"]["umWalletBalance"]) == 10_000_000
    assert (await bot.raw("GET", "/fapi/v1/ping")).status == 404


def aimed(client: Any, sim: Simulator) -> Any:
    """Every base URL of the client's table moved to the door that its host belongs to."""
    doors = {"fapi.binance.com": "usdm", "dapi.binance.com": "coinm", "papi.binance.com": "portfolio"}
    for name, old in client.urls["api"].items():
        if isinstance(old, str) and old.startswith("https"):
            parts = urlsplit(old)
            client.urls["api"][name] = sim.url("binance", doors.get(parts.netloc, "spot")) + parts.path
    client.enableRateLimit = False
    return client


CCXT = [("binanceusdm", "BTC/USDT:USDT", 0.01, "USDT"), ("binancecoinm", "BTC/USD:BTC", 1, "BTC")]


@pytest.fixture(params=CCXT, ids=[case[0] for case in CCXT])
async def driven(request: Any, sim: Simulator) -> Any:
    name, symbol, amount, coin = request.param
    client = aimed(getattr(ccxt, name)({"apiKey": B_KEY, "secret": B_SECRET}), sim)
    yield client, symbol, amount, coin
    await client.close()


async def test_ccxt(driven: Any, sim: Simulator) -> None:
    client, symbol, amount, coin = driven
    await client.load_markets()
    assert client.markets[symbol]["active"] is True
    assert client.markets[symbol]["contractSize"] == (1 if coin == "USDT" else 100)
    assert abs(await client.fetch_time() - now_ms()) < 60_000
    ticker = await client.fetch_ticker(symbol)
    assert ticker["last"] in (60_000, 60_010)
    book = await client.fetch_order_book(symbol, 5)
    assert book["bids"][0][0] < ticker["last"] < book["asks"][0][0]
    assert len(await client.fetch_trades(symbol)) == len(await client.fetch_ohlcv(symbol)) == 1
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", amount, 50_000)
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, amount)
    during = await client.fetch_balance()
    assert during[coin]["used"] > before[coin]["used"] == 0
    assert [order["id"] for order in await client.fetch_open_orders(symbol)] == [placed["id"]]
    edited = await client.edit_order(placed["id"], symbol, "limit", "buy", amount * 2, 51_000)
    assert (edited["id"], edited["price"]) == (placed["id"], 51_000)
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    taken = await client.create_order(symbol, "market", "sell", amount)
    filled = await client.fetch_order(taken["id"], symbol)
    assert (filled["status"], filled["filled"]) == ("closed", amount)
    [trade] = await client.fetch_my_trades(symbol)
    assert trade["order"] == taken["id"]
    [held] = [row for row in await client.fetch_positions([symbol]) if row["contracts"]]
    assert (held["side"], held["contracts"]) == ("short", amount)
    assert len(await client.fetch_orders(symbol)) == 2
    assert all(entry.outcome == "ok" for entry in sim.ledger.entries)


async def test_ccxt_batches_and_conditional_orders(driven: Any, sim: Simulator) -> None:
    client, symbol, amount, _ = driven
    await client.load_markets()
    one = {"symbol": symbol, "type": "limit", "side": "buy", "amount": amount, "price": 50_000}
    first, second = await client.create_orders([one, one])
    gone = await client.cancel_orders([first["id"], second["id"]], symbol)
    assert [order["status"] for order in gone] == ["canceled", "canceled"]
    stop = await client.create_order(symbol, "market", "sell", amount, None, {"stopLossPrice": 40_000})
    assert stop["id"]
    await client.set_leverage(5, symbol)
    await client.cancel_all_orders(symbol)
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order("1", symbol)
    with pytest.raises(ccxt.ExchangeError, match="-2019"):  # it knows the code by the host it comes from
        await client.create_order(symbol, "limit", "buy", 600_000, 50_000)
    assert sim.ledger.orders_executed == 2


async def test_python_binance(sim: Simulator, monkeypatch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports deprecated names of websockets
        from binance.client import Client
    monkeypatch.setattr(Client, "API_URL", sim.url("binance") + "/api")
    monkeypatch.setattr(Client, "FUTURES_URL", sim.url("binance", "usdm") + "/fapi")
    monkeypatch.setattr(Client, "FUTURES_COIN_URL", sim.url("binance", "coinm") + "/dapi")

    def steps() -> list[Any]:
        loop = asyncio.new_event_loop()  # it would open one itself and never close it
        asyncio.set_event_loop(loop)
        client = Client(B_KEY, B_SECRET)
        order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
        linear, inverse = {"symbol": "BTCUSDT"}, {"symbol": "BTCUSD_PERP"}
        try:
            first = client.futures_create_order(**linear, **order, quantity="0.01")
            second = client.futures_coin_create_order(**inverse, **order, quantity="1")
            batch = client.futures_place_batch_order(batchOrders=[{**linear, **order, "quantity": "0.01"}])
            return [
                client.futures_symbol_ticker(**linear)["symbol"],
                client.futures_get_order(**linear, orderId=first["orderId"])["status"],
                client.futures_coin_get_order(**inverse, orderId=second["orderId"])["status"],
                len(client.futures_get_open_orders()),
                "orderId" in batch[0],
                client.futures_cancel_order(**linear, orderId=first["orderId"])["status"],
                client.futures_coin_cancel_order(**inverse, orderId=second["orderId"])["status"],
                bool(client.futures_account_balance()) and bool(client.futures_coin_account_balance()),
            ]
        finally:
            client.session.close()
            loop.close()

    assert await asyncio.to_thread(steps) == ["BTCUSDT", "NEW", "NEW", 2, True, "CANCELED", "CANCELED", True]
    assert sim.ledger.orders_executed == 3


async def test_batches_may_be_sent_as_plain_json(usdm: Bot) -> None:
    """ccxt does not encode them; whatever is signed and sent counts."""
    text = f"timestamp={now_ms()}&batchOrders={as_json([usdm.order()])}"
    sign = hmac.new(B_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    got = await usdm.wire.raw("POST", usdm.path("batchOrders"), f"{text}&signature={sign}")
    assert got.json[0]["status"] == "NEW"
    raw = text.replace("BTCUSDT", "１２")
    sign = hmac.new(B_SECRET.encode(), raw.encode(), hashlib.sha256).hexdigest()
    assert said(await usdm.wire.raw("POST", usdm.path("batchOrders"), f"{raw}&signature={sign}")) == (400, -1022)
