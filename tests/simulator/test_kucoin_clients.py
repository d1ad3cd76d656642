"""ccxt, with its own signing, drives the simulated KuCoin, spot and futures."""

from collections.abc import AsyncIterator
from typing import Any

import ccxt.async_support as ccxt
import pytest

from proxy.simulator import Simulator
from tests.simulator.kucoin_client import KEY, PASSPHRASE, SECRET, config


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Any]:
    client = ccxt.kucoin({"apiKey": f"{KEY}-main", "secret": SECRET, "password": PASSPHRASE})
    client.enableRateLimit = False
    client.urls["api"] = {
        name: sim.url("kucoin", "futures" if name.startswith("futures") else "spot") for name in client.urls["api"]
    }
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("symbol", "amount", "filled"), [("BTC/USDT", 0.01, 0.02), ("BTC/USDT:USDT", 10, 20), ("BTC/USD:BTC", 500, 700)]
)
async def test_ccxt_life_of_an_order(sim: Simulator, client: Any, symbol: str, amount: float, filled: float) -> None:
    await client.load_markets()
    market = client.markets[symbol]
    assert market["active"] is True
    kind = {"type": market["type"]}
    await client.fetch_time(kind)
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert (await client.fetch_order_book(symbol, 20))["bids"][0][0] == ticker["bid"]
    assert len((await client.fetch_order_book(symbol))["asks"]) == 100
    assert len(await client.fetch_ohlcv(symbol, "1m", limit=5)) >= 5
    assert len(await client.fetch_trades(symbol)) == 1
    coin = market["settle"] or "USDT"
    funds = {**kind, "code": coin} if market["contract"] else kind
    before = (await client.fetch_balance(funds))[coin]
    placed = await client.create_order(symbol, "limit", "buy", amount, 50_000, {"clientOrderId": "one"})
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, amount)
    assert (await client.fetch_order(None, symbol, {"clientOrderId": "one"}))["id"] == placed["id"]
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    assert (await client.fetch_balance(funds))[coin]["free"] < before["free"]
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "sell", filled)
    done = await client.fetch_order(taken["id"], symbol)
    assert (done["status"], done["filled"]) == ("closed", filled)
    assert done["average"] == pytest.approx(ticker["bid"])
    assert [o["id"] for o in await client.fetch_closed_orders(symbol)] == [taken["id"], placed["id"]][::-1]
    [trade] = await client.fetch_my_trades(symbol)
    assert (trade["order"], trade["amount"]) == (taken["id"], filled)
    if market["contract"]:
        [position] = await client.fetch_positions([symbol])
        assert (position["side"], position["contracts"]) == ("short", filled)
    assert sim.ledger.orders_executed == 2
    assert {e.outcome for e in sim.ledger.entries} == {"ok"}


async def test_ccxt_knows_the_refusals(sim: Simulator, client: Any) -> None:
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT", "limit", "buy", 900, 50_000)
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT:USDT", "limit", "buy", 1_000_000, 500_000)
    for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order("67dummy", symbol)
    client.secret = "dummy-wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    assert sim.ledger.orders_executed == 0
