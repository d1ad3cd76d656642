import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import ccxt.async_support as ccxt
import pytest
from kraken.futures import Market, Trade, User

from proxy.simulator import Fault, KrakenfuturesLimits, ManualClock, SimConfig, Simulator
from proxy.simulator.faults import Action
from proxy.simulator.krakenfutures.wire import iso, signature
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send
from tests.simulator.krakenfutures_client import KEY, ORDER, SECRET, V3, Futures, futures_config, told

# The secret of the documents' example, with the padding that is missing there.
VECTOR = "rttp4AzwRfYEdQ7R7X8Z/04Y4TZPa97pqCypi3xXxAqftygftnI6H9yGV+OcUOOJeFtZkr8mVwbAndU3Kz4Q+eG="
PLACE = "orderType=lmt&symbol=PI_XBTUSD&side=buy&size=1&limitPrice=1000&cliOrdId=abc-1"
GONE = "e35d61dd-8a30-4d5f-a574-b5593ef0c050"
ENCODED = f"json=%7B%22batchOrder%22%3A%5B%7B%22order%22%3A%22cancel%22%2C%22order_id%22%3A%22{GONE}%22%7D%5D%7D"
PLAIN = f'json={{"batchOrder":[{{"order":"cancel","order_id":"{GONE}"}}]}}'


@pytest.mark.parametrize(
    ("path", "data", "nonce", "wanted"),
    [
        (
            "/api/v3/orderbook",
            "symbol=fi_xbtusd_180615",
            "1415957147987",
            "DqUyz8Wh/72af7dimSXHw91IFxrAriTgVodyg2s67PU2mVStwLDQak+uIoCtfb43XONq0xVAp+vm5dqnhFAB1Q==",
        ),
        (
            "/api/v3/orderbook",
            "symbol=fi_xbtusd_180615",
            "",
            "BGOdiF//YXbOtKUkyFFRqKAft7gai33YfScxFrXMdMHGUJ6wSaMA6y0p6UzfYzj5Flgvv+SFQe53h2KrEe37Ng==",
        ),
        (
            "/api/v3/accounts",
            "",
            "",
            "wGvAPfWn0sRjlMbj13H6uVd8R9t15iCNlTeR5DMKEY6QjqSW8RdilG8Gx/imx8DcFnnImez/+XQL6xPMNCdJqg==",
        ),
        (
            "/derivatives/api/v3/accounts",
            "",
            "1415957147987",
            "VJm1SAVngg6W0LNjujPWkLSoP6w3dUNjuyOsN9yESAhdpQR74/QvO1ppB1MgBkP736VWatyOtoTI4byoKa80ZA==",
        ),
        (
            "/api/v3/sendorder",
            PLACE,
            "",
            "BoaIggJGvgR05Rh1g8Pqos5K+tasSHg4SPR7IKJTH1iTp8G5BOxeOP9hHWrCCFJxWLqxuUH+nICQhYUuL2Cnew==",
        ),
        (
            "/api/v3/sendorder",
            PLACE,
            "1415957147987",
            "GxbALyh09bBby0TsvXZIICjdK4EtWs35eK6ow9E8Ohy9Xa+ofKK9QcBAuwt2p9L3izrmW7ldqXWDvV27StLKLg==",
        ),
        (
            "/api/v3/fills",
            "lastFillTime=2020-07-21T12%3A41%3A52.790Z",
            "",
            "z69DhLqf4NkqVx2OmtjLCuGXwRKvba4Kwu+lPSQSmx1pP3uJ4D2DO35XRSJpeanM2kjx3MoSaOsk6VoNmOSpqQ==",
        ),
        (
            "/api/history/v2/orders",
            "",
            "",
            "FqvBgBJvV2U8mpJeQuiyY+RrAx6VZmuWUfjLZBuxxggejHm2BSKf/3CJQtp+i5ybHy+IhIWS7IhsPezC5XTx4Q==",
        ),
        (
            "/api/v3/batchorder",
            ENCODED,
            "",
            "1he0RYfeysOKAL2AO3qD0sadwaY4aHitU61I21NmP2W9N3cU7evYHKIUKFVxjm1ioSfDmFsh0J5Gr9sTwuYyJw==",
        ),
        (
            "/api/v3/batchorder",
            PLAIN,
            "",
            "i17Uek/Ti108QuJRQiLGvQGeVJcJkGu9FPQtNIBFp5NTaIPDXjb537vZYRiywhH6hhkXWLS4ZgEIRBW5NbfngA==",
        ),
    ],
)
def test_vectors(path: str, data: str, nonce: str, wanted: str) -> None:
    assert signature(VECTOR, data, nonce, path) == wanted
    assert signature(VECTOR, data + " ", nonce, path) != wanted
    assert signature(VECTOR, data, nonce + "1", path) != wanted
    assert signature(VECTOR, data, nonce, path + "/") != wanted


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(futures_config())


@pytest.fixture
def bot(sim: Simulator) -> Futures:
    return Futures(sim.url("krakenfutures"))


async def test_who_may_call(bot: Futures, sim: Simulator) -> None:
    read = f"{V3}/accounts"
    got = await replace(bot, key="dummy-nobody").get(read)
    assert (got.status, told(got), "serverTime" in got.json) == (200, "authenticationError", True)
    assert told(await replace(bot, secret="ZHVtbXk=").get(read)) == "authenticationError"
    assert told(await send("GET", bot.url + read)) == "authenticationError"
    assert told(await replace(bot, address=ELSEWHERE).get(read)) == "authenticationError"
    assert told(await replace(bot, address=OTHER).get(read)) == "success"
    sim.suspend_key("krakenfutures", "f", "main")
    assert told(await bot.get(read)) == "authenticationError"
    sim.lift_key("krakenfutures", "f", "main")
    sim.set_trade("krakenfutures", "f", "main", False)
    assert told(await bot.limit()) == "insufficientPrivileges"
    assert told(await bot.get(read)) == "success"
    sim.set_trade("krakenfutures", "f", "main", True)
    sim.suspend_account("krakenfutures", "f")
    assert told(await bot.limit()) == "accountInactive"
    sim.suspend_account("krakenfutures", "f", 0)
    sim.delete_key("krakenfutures", "f", "main")
    assert told(await bot.get(read)) == "authenticationError"
    assert sim.ledger.orders_executed == 0


async def test_every_byte_is_signed_as_sent(bot: Futures) -> None:
    path = f"{V3}/fills"
    query = "lastFillTime=2020-07-21T12%3A41%3A52.790Z"
    headers = bot.headers(path, query)
    assert told(await send("GET", f"{bot.url}{path}?{query}", headers)) == "success"
    assert told(await send("GET", f"{bot.url}{path}?{query.replace('%3A', ':')}", headers)) == "authenticationError"
    assert told(await send("GET", f"{bot.url}{path}", headers)) == "authenticationError"
    assert told(await send("GET", f"{bot.url}{V3}/openorders?{query}", headers)) == "authenticationError"
    decoded = bot.headers(path, query.replace("%3A", ":"))  # the form before 2024-02-20
    assert told(await send("GET", f"{bot.url}{path}?{query}", decoded)) == "authenticationError"


async def test_parameters_may_stand_in_the_query_of_a_post(bot: Futures, sim: Simulator) -> None:
    path, query = f"{V3}/sendorder", "&".join(f"{name}={value}" for name, value in ORDER.items())
    got = await send("POST", f"{bot.url}{path}?{query}", bot.headers(path, query))
    assert (told(got), sim.ledger.orders_executed) == ("placed", 1)
    json_headers = {**bot.headers(path, "{}"), "Content-Type": "application/json"}
    got = await send("POST", bot.url + path, json_headers, "{}")
    assert (got.status, told(got)) == (400, "Bad Request")


async def test_a_nonce_must_rise(bot: Futures) -> None:
    read = f"{V3}/accounts"
    assert told(await replace(bot, nonce="1000").get(read)) == "success"
    assert told(await replace(bot, nonce="1000").get(read)) == "nonceDuplicate"
    assert told(await replace(bot, nonce="999").get(read)) == "nonceBelowThreshold"
    assert told(await bot.get(read)) == "success"  # without one
    assert told(await replace(bot, nonce="1", secret="ZHVtbXk=").get(read)) == "authenticationError"
    assert told(await replace(bot, key=f"{KEY}-2", nonce="5").get(read)) == "success"  # each key has its own


async def test_nonces_out_of_order(start: Any) -> None:
    limits = {"krakenfutures": KrakenfuturesLimits(nonce_window=10)}
    bot = Futures((await start(futures_config(limits=limits))).url("krakenfutures"))
    said = [told(await replace(bot, nonce=n).get(f"{V3}/accounts")) for n in ("100", "95", "95", "90")]
    assert said == ["success", "success", "nonceDuplicate", "nonceBelowThreshold"]


def limited(**limits: Any) -> SimConfig:
    return futures_config(limits={"krakenfutures": KrakenfuturesLimits(**limits)})


async def test_points(start: Any) -> None:
    clock = ManualClock()
    sim = await start(limited(points=25), clock)
    bot = Futures(sim.url("krakenfutures"))
    assert told(await bot.limit()) == "placed"  # 10
    assert told(await bot.batch({"order": "cancel", "order_id": GONE})) == "success"  # 9 + 1
    assert told(await bot.get(f"{V3}/accounts")) == "success"  # 2
    assert told(await bot.get(f"{V3}/openorders")) == "success"  # 2
    assert told(await bot.post("orders/status", cliOrdIds="a")) == "success"  # 1
    got = await bot.post("orders/status", cliOrdIds="a")
    assert (got.status, told(got)) == (429, "apiLimitExceeded")
    assert told(await replace(bot, key=f"{KEY}-2", address=OTHER).limit()) == "apiLimitExceeded"  # by account
    assert told(await replace(bot, key=f"{KEY}-3").limit()) == "apiLimitExceeded"  # by address
    assert told(await replace(bot, key=f"{KEY}-3", address=ELSEWHERE).limit()) == "placed"
    assert (await send("GET", f"{bot.url}{V3}/tickers")).status == 200
    clock.advance(10)
    got = await bot.get(f"{V3}/fills", lastFillTime=iso(clock.now_ms()))  # 25
    assert told(got) == "success"
    assert told(await bot.get(f"{V3}/fills")) == "apiLimitExceeded"
    assert sim.ledger.orders_executed == 2


async def test_history_has_a_pool_of_its_own(start: Any) -> None:
    clock = ManualClock()
    bot = Futures((await start(limited(tokens=2), clock)).url("krakenfutures"))
    read = "/api/history/v2/orders"
    assert [(await bot.get(read)).status for _ in range(3)] == [200, 200, 429]
    assert told(await bot.get(f"{V3}/accounts")) == "success"
    clock.advance(300)
    assert [(await bot.get(read)).status for _ in range(2)] == [200, 429]


async def test_public(sim: Simulator, bot: Futures) -> None:
    rows = (await send("GET", f"{bot.url}{V3}/instruments")).json["instruments"]
    assert [row["symbol"] for row in rows] == ["PF_XBTUSD", "PF_ETHUSD", "PI_XBTUSD", "PI_ETHUSD"]
    ticker = (await send("GET", f"{bot.url}{V3}/tickers/PI_XBTUSD")).json["ticker"]
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    book = (await send("GET", f"{bot.url}{V3}/orderbook?symbol=PI_XBTUSD")).json["orderBook"]
    assert book["bids"][0][0] == ticker["bid"]
    assert told(await send("GET", f"{bot.url}{V3}/orderbook?symbol=PI_NOPE")) == "contractNotFound"
    assert told(await send("GET", f"{bot.url}{V3}/orderbook")) == "requiredArgumentMissing"
    assert (await send("GET", f"{bot.url}{V3}/nothing")).status == 404
    assert (await send("GET", f"{bot.url}{V3}/sendorder")).status == 404
    candles = await send("GET", f"{bot.url}/api/charts/v1/trade/PI_XBTUSD/1m")
    assert len(candles.json["candles"]) == 1


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"symbol": "PI_NOPE"}, "contractNotFound"),
        ({"symbol": ""}, "requiredArgumentMissing"),
        ({"size": ""}, "requiredArgumentMissing"),
        ({"limitPrice": ""}, "requiredArgumentMissing"),
        ({"orderType": "stp"}, "invalidOrderType"),
        ({"side": "hold"}, "invalidSide"),
        ({"size": "0"}, "invalidSize"),
        ({"size": "1.5"}, "invalidSize"),
        ({"limitPrice": "50000.01"}, "invalidPrice"),
        ({"limitPrice": "-1"}, "invalidPrice"),
        ({"size": "90000000"}, "insufficientAvailableFunds"),
        ({"orderType": "post", "limitPrice": "61000"}, "postWouldExecute"),
        ({"orderType": "ioc"}, "iocWouldNotExecute"),
        ({"reduceOnly": "true"}, "wouldNotReducePosition"),
        ({"cliOrdId": "x" * 101}, "clientOrderIdTooLong"),
        ({"processBefore": "soon"}, "invalidArgument: processBefore"),
        ({"processBefore": "2023-11-08T19:56:35.441899Z"}, "invalidArgument: processBefore"),
    ],
)
async def test_refusals(bot: Futures, sim: Simulator, change: dict[str, str], wanted: str) -> None:
    got = await bot.limit(**change)
    assert (got.status, told(got)) == (200, wanted)
    assert sim.ledger.orders_executed == 0
    [entry] = sim.ledger.requests("krakenfutures", "sendorder")
    assert entry.outcome == wanted


async def test_a_deadline_is_kept(start: Any) -> None:
    clock = ManualClock()
    bot = Futures((await start(futures_config(), clock)).url("krakenfutures"))
    before = iso(clock.now_ms() + 1000)
    placed = await bot.limit(processBefore=before)
    number = placed.json["sendStatus"]["order_id"]
    clock.advance(1)
    late = "invalidArgument: processBefore"
    assert told(await bot.limit(processBefore=before)) == late
    assert told(await bot.post("editorder", orderId=number, size="50", processBefore=before)) == late
    assert told(await bot.post("cancelorder", order_id=number, processBefore=before)) == late
    assert told(await bot.batch({"order": "cancel", "order_id": number}, before=before)) == late
    assert told(await bot.post("cancelorder", order_id=number)) == "cancelled"


async def test_a_client_id_is_used_once(bot: Futures, sim: Simulator) -> None:
    assert told(await bot.limit(cliOrdId="dummy-1")) == "placed"
    assert told(await bot.limit(cliOrdId="dummy-1")) == "clientOrderIdAlreadyExist"
    assert told(await bot.post("cancelorder", cliOrdId="dummy-1")) == "cancelled"
    assert told(await bot.limit(cliOrdId="dummy-1")) == "clientOrderIdAlreadyExist"  # open or not
    assert told(await replace(bot, key=f"{KEY}-3").limit(cliOrdId="dummy-1")) == "placed"
    assert sim.ledger.duplicates() == {}


async def test_life_of_an_order(bot: Futures) -> None:
    status = (await bot.limit(cliOrdId="dummy-1")).json["sendStatus"]
    assert (status["status"], status["cliOrdId"], status["orderEvents"][0]["type"]) == ("placed", "dummy-1", "PLACE")
    [order] = (await bot.get(f"{V3}/openorders")).json["openOrders"]
    assert (order["order_id"], order["cliOrdId"], order["unfilledSize"]) == (status["order_id"], "dummy-1", 100)
    edited = (await bot.post("editorder", cliOrdId="dummy-1", size="50", limitPrice="49000")).json["editStatus"]
    assert (edited["status"], edited["orderEvents"][0]["new"]["limitPrice"]) == ("edited", 49_000)
    [known] = (await bot.post("orders/status", cliOrdIds="dummy-1")).json["orders"]
    assert (known["status"], known["order"]["quantity"]) == ("ENTERED_BOOK", "50")
    assert told(await bot.post("cancelorder", order_id=status["order_id"])) == "cancelled"
    assert told(await bot.post("cancelorder", order_id=status["order_id"])) == "notFound"
    assert told(await bot.post("cancelorder", cliOrdId="dummy-none")) == "notFound"
    assert told(await bot.post("editorder", orderId=status["order_id"], size="1")) == "orderForEditNotFound"
    assert told(await bot.post("cancelorder")) == "requiredArgumentMissing"
    done = await bot.limit(cliOrdId="dummy-2", limitPrice="61000")
    assert done.json["sendStatus"]["orderEvents"][0]["type"] == "EXECUTION"
    assert told(await bot.post("cancelorder", cliOrdId="dummy-2")) == "filled"


async def test_order_status_knows_done_orders_for_five_seconds(start: Any) -> None:
    clock = ManualClock()
    bot = Futures((await start(futures_config(), clock)).url("krakenfutures"))
    await bot.limit(cliOrdId="dummy-1", limitPrice="61000")
    await bot.limit(cliOrdId="dummy-2")
    asked = {"cliOrdIds": "dummy-1,dummy-2,dummy-3"}

    async def states() -> list[str]:
        return [row["status"] for row in (await bot.post("orders/status", **asked)).json["orders"]]

    assert await states() == ["FULLY_EXECUTED", "ENTERED_BOOK"]
    clock.advance(5)
    assert await states() == ["FULLY_EXECUTED", "ENTERED_BOOK"]
    clock.advance(1)
    assert await states() == ["ENTERED_BOOK"]
    [fill] = (await bot.get(f"{V3}/fills")).json["fills"]
    assert (fill["cliOrdId"], fill["size"]) == ("dummy-1", 100)
    history = (await bot.get("/api/history/v2/orders", sort="asc")).json["elements"]
    placed = [element["event"]["OrderPlaced"]["order"] for element in history]
    assert [(order["clientId"], order["filled"]) for order in placed] == [("dummy-1", "100"), ("dummy-2", "0")]
    late = (await bot.get("/api/history/v3/executions", since=clock.now_ms())).json["elements"]
    assert late == []
    [execution] = (await bot.get("/api/history/v3/executions", tradeable="PI_XBTUSD")).json["elements"]
    assert execution["event"]["execution"]["execution"]["takerOrder"]["clientId"] == "dummy-1"
    await bot.post("cancelorder", cliOrdId="dummy-2")
    [newest] = (await bot.get("/api/history/v2/orders", count=1)).json["elements"]
    assert newest["event"]["OrderCancelled"]["order"]["clientId"] == "dummy-2"


@pytest.mark.parametrize("encoded", [True, False])
async def test_batches_succeed_in_part(bot: Futures, sim: Simulator, encoded: bool) -> None:
    row = {"order": "send", **ORDER}
    got = await bot.batch(
        {**row, "order_tag": "1", "cliOrdId": "dummy-1"},
        {**row, "order_tag": "2", "cliOrdId": "dummy-1"},
        {**row, "order_tag": "3", "size": 0},
        {**row},
        {"order": "cancel", "order_id": GONE},
        {"order": "edit", "cliOrdId": "dummy-1", "size": 50},
        {"order": "cancel", "cliOrdId": "dummy-1"},
        encoded=encoded,
    )
    assert [item["status"] for item in got.json["batchStatus"]] == [
        "placed",
        "clientOrderIdAlreadyExist",
        "invalidSize",
        "requiredArgumentMissing",
        "notFound",
        "edited",
        "cancelled",
    ]
    assert sim.ledger.orders_executed == 1
    assert told(await bot.batch()) == "requiredArgumentMissing"
    path = f"{V3}/batchorder"
    got = await send("POST", bot.url + path, bot.headers(path, "json={"), "json={")
    assert told(got) == "Json Parse Error"


async def test_cancel_all(bot: Futures) -> None:
    await bot.limit()
    await bot.limit(symbol="PF_XBTUSD", size="0.01")
    got = await bot.post("cancelallorders", symbol="PF_XBTUSD")
    assert len(got.json["cancelStatus"]["cancelledOrders"]) == 1
    assert told(await bot.post("cancelallorders")) == "cancelled"
    assert told(await bot.post("cancelallorders")) == "noOrdersToCancel"


async def test_positions_and_reduce_only(bot: Futures) -> None:
    assert told(await bot.limit(orderType="mkt", side="sell", size="300")) == "placed"
    [position] = (await bot.get(f"{V3}/openpositions")).json["openPositions"]
    assert (position["symbol"], position["side"], position["size"]) == ("PI_XBTUSD", "short", 300)
    assert told(await bot.limit(reduceOnly="true")) == "placed"
    assert told(await bot.limit(reduceOnly="true", side="sell", limitPrice="70000")) == "wouldNotReducePosition"


async def test_money_needs_its_right_and_is_witnessed(bot: Futures, sim: Simulator) -> None:
    for name in ("withdrawal", "transfer", "transfer/subaccount"):
        assert told(await bot.post(name, currency="xbt", amount="1")) == "insufficientPrivileges"
    assert [w.accepted for w in sim.ledger.withdrawals] == [False] * 3


async def test_key_information(bot: Futures, sim: Simulator) -> None:
    path = "/api/auth/v1/api-keys/v3/check"
    got = (await bot.get(path)).json
    assert (got["accountUid"], got["allowedCIDRBlock"]) == ("sim-f", "127.0.0.1,127.0.0.9")
    assert got["permissions"] == {"general": "full", "withdrawal": "none"}
    sim.set_trade("krakenfutures", "f", "free", False)
    got = (await replace(bot, key=f"{KEY}-2").get(path)).json
    assert (got["permissions"]["general"], got["allowedCIDRBlock"]) == ("read-only", None)


async def test_what_faults_say(bot: Futures, sim: Simulator) -> None:
    actions: tuple[Action, ...] = ("throttle", "error", "unknown", "maintenance")
    said = []
    for action in actions:
        sim.inject(Fault(action, exchange="krakenfutures", status=503))
        got = await bot.limit()
        said.append((got.status, told(got)))
    assert said == [
        (429, "apiLimitExceeded"),
        (503, "Server Error"),
        (200, "unknownError"),
        (200, "marketUnavailable"),
    ]
    sim.inject(Fault("unknown", account="f", key="main", executed=True))
    await bot.limit(cliOrdId="dummy-1")
    assert sim.ledger.executions("krakenfutures", "f", "dummy-1") == 1


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Any]:
    """ccxt, with its own signing, aimed at the simulator."""
    made = ccxt.krakenfutures({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    url = sim.url("krakenfutures")
    made.urls["api"] = {n: old.replace("https://futures.kraken.com", url) for n, old in made.urls["api"].items()}
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("name", "amount", "wallet", "coin", "held"),
    [("BTC/USD:BTC", 1000, "fi_xbtusd", "BTC", 0.002), ("BTC/USD:USD", 0.01, "flex", "USDT", 50)],
)
async def test_ccxt(client: Any, sim: Simulator, name: str, amount: float, wallet: str, coin: str, held: float) -> None:
    await client.load_markets()
    assert client.markets[name]["active"]
    ticker = await client.fetch_ticker(name)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert name in await client.fetch_tickers()
    assert (await client.fetch_order_book(name))["bids"][0][0] == ticker["bid"]
    assert len(await client.fetch_ohlcv(name, "1m", limit=1)) == 1
    assert (await client.fetch_trades(name))[0]["price"] == ticker["last"]
    before = await client.fetch_balance({"type": wallet})
    placed = await client.create_order(name, "limit", "buy", amount, 50_000)
    assert placed["status"] == "open"
    resting = await client.fetch_order(placed["id"], name)
    assert (resting["status"], resting["amount"]) == ("open", amount)
    during = await client.fetch_balance({"type": wallet})
    assert before[coin]["free"] - during[coin]["free"] == pytest.approx(held)
    [found] = await client.fetch_open_orders(name)
    assert (found["id"], found["info"]["limitPrice"], found["amount"]) == (placed["id"], 50_000, amount)
    edited = await client.edit_order(placed["id"], name, "limit", "buy", amount, 49_000)
    assert edited["id"] == placed["id"]
    assert (await client.cancel_order(placed["id"], name))["status"] == "canceled"
    assert (await client.fetch_order(placed["id"], name))["status"] == "canceled"
    assert await client.fetch_open_orders(name) == []
    taken = await client.create_order(name, "market", "sell", amount)
    assert taken["info"]["orderEvents"][0]["amount"] == amount  # its own count of fills leaves inverse contracts out
    filled = await client.fetch_order(taken["id"], name)
    assert (filled["status"], filled["filled"]) == ("closed", amount)
    assert [trade["info"]["size"] for trade in await client.fetch_my_trades(name)] == [amount]
    assert [order["id"] for order in await client.fetch_closed_orders(name)] == [taken["id"]]
    [position] = await client.fetch_positions([name])
    assert (position["side"], position["contracts"]) == ("short", amount)
    assert sim.ledger.orders_executed == 2
    assert all(e.outcome == "ok" for e in sim.ledger.entries)


async def test_ccxt_raises_what_the_exchange_would(client: Any, sim: Simulator) -> None:
    await client.load_markets()
    name = "BTC/USD:BTC"
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(name, "limit", "buy", 90_000_000, 50_000)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order(GONE, name)
    await client.create_order(name, "limit", "buy", 100, 50_000, {"clientOrderId": "dummy-1"})
    with pytest.raises(ccxt.DuplicateOrderId):
        await client.create_order(name, "limit", "buy", 100, 50_000, {"clientOrderId": "dummy-1"})
    row = {"symbol": name, "type": "limit", "side": "buy", "amount": 100, "price": 49_000}
    ids = [order["id"] for order in await client.create_orders([row, row])]
    assert [order["status"] for order in await client.cancel_orders(ids)] == ["canceled", "canceled"]
    client.secret = "ZHVtbXktd3Jvbmc="
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()


async def test_python_kraken_sdk(sim: Simulator) -> None:
    def steps() -> list[Any]:
        made = {"key": KEY, "secret": SECRET, "url": sim.url("krakenfutures")}
        trade, user, market = Trade(**made), User(**made), Market(**made)
        try:
            sent = trade.create_order(orderType="lmt", size=100, symbol="PI_XBTUSD", side="buy", limitPrice=50_000)
            number = sent["sendStatus"]["order_id"]
            return [
                market.get_instruments()["result"],
                user.get_wallets()["result"],
                user.get_open_orders()["openOrders"][0]["order_id"] == number,
                trade.get_orders_status(orderIds=[number])["orders"][0]["status"],
                trade.cancel_order(order_id=number)["cancelStatus"]["status"],
            ]
        finally:
            for one in (trade, user, market):
                one._FuturesClient__session.close()

    assert await asyncio.to_thread(steps) == ["success", "success", True, "ENTERED_BOOK", "cancelled"]


async def test_time_is_told_in_every_answer(bot: Futures) -> None:
    got = await bot.get(f"{V3}/accounts")
    assert got.json["serverTime"][:13] in (iso(now_ms())[:13], iso(now_ms() - 3_600_000)[:13])
