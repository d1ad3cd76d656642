"""ccxt, with its own signing, drives the simulated Poloniex, spot and futures."""

from collections.abc import AsyncIterator
from typing import Any

import ccxt.async_support as ccxt
import pytest

from proxy.simulator import Simulator
from proxy.simulator.poloniex.limits import PoloniexLimits
from tests.simulator.poloniex_client import KEY, SECRET, config


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config(PoloniexLimits(private_heavy=1000, public_heavy=1000, futures_other=1000)))


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Any]:
    client = ccxt.poloniex({"apiKey": f"{KEY}-main", "secret": SECRET})
    client.enableRateLimit = False
    client.urls["api"] = dict.fromkeys(client.urls["api"], sim.url("poloniex"))
    yield client
    await client.close()


async def seen(client: Any, symbol: str) -> float:
    """What anybody may read. The best bid."""
    await client.load_markets()
    assert client.markets[symbol]["active"] is True
    assert await client.fetch_time() > 0
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    book = await client.fetch_order_book(symbol, 20)
    assert (book["bids"][0][0], len(book["asks"])) == (ticker["bid"], 20)
    assert len(await client.fetch_ohlcv(symbol, "1m", limit=5)) == 5
    assert len(await client.fetch_trades(symbol)) == 1
    return float(ticker["bid"])


async def test_ccxt_life_of_a_spot_order(sim: Simulator, client: Any) -> None:
    symbol = "BTC/USDT"
    bid = await seen(client, symbol)
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", 0.01, 50_000, {"clientOrderId": "one"})
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    assert (await client.fetch_order("cid:one", symbol))["clientOrderId"] == "one"
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    assert (await client.fetch_balance())["USDT"]["used"] == before["USDT"]["used"] + 500
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "sell", 0.02)
    done = await client.fetch_order(taken["id"], symbol)
    assert (done["status"], done["filled"], done["average"]) == ("closed", 0.02, bid)
    [trade] = await client.fetch_my_trades(symbol)
    assert (trade["order"], trade["amount"]) == (taken["id"], 0.02)
    batch = {"symbol": symbol, "type": "limit", "side": "buy", "price": 50_000}
    orders = await client.create_orders([{**batch, "amount": 0.01}, {**batch, "amount": 9000}])
    assert [o["status"] for o in orders] == [None, "rejected"]
    assert len(await client.cancel_all_orders(symbol)) == 1
    assert sim.ledger.orders_executed == 3
    assert {e.outcome for e in sim.ledger.entries} == {"ok"}


async def test_ccxt_life_of_a_futures_order(sim: Simulator, client: Any) -> None:
    symbol = "BTC/USDT:USDT"
    bid = await seen(client, symbol)
    kind = {"type": "swap"}
    before = await client.fetch_balance(kind)
    placed = await client.create_order(symbol, "limit", "buy", 10, 50_000, {"clientOrderId": "one"})
    [resting] = await client.fetch_open_orders(symbol)
    assert (resting["id"], resting["clientOrderId"], resting["amount"]) == (placed["id"], "one", 10)
    assert (await client.fetch_balance(kind))["USDT"]["used"] > before["USDT"]["used"]
    await client.cancel_order(placed["id"], symbol)
    [gone] = await client.fetch_closed_orders(symbol)
    assert (gone["id"], gone["status"]) == (placed["id"], "canceled")
    taken = await client.create_order(symbol, "market", "sell", 20)
    [trade] = await client.fetch_my_trades(symbol)
    assert (trade["order"], trade["amount"], trade["price"]) == (taken["id"], 20, bid)
    [position] = await client.fetch_positions([symbol])
    assert (position["side"], position["contracts"]) == ("short", 20)
    assert sim.ledger.orders_executed == 2
    assert {e.outcome for e in sim.ledger.entries} == {"ok"}


async def test_ccxt_knows_the_refusals(sim: Simulator, client: Any) -> None:
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT", "limit", "buy", 900, 50_000)
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT:USDT", "limit", "buy", 1_000_000, 500_000)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("1", "BTC/USDT")
    client.secret = "dummy-wrong"
    with pytest.raises(ccxt.ExchangeError, match="FORBIDDEN"):
        await client.fetch_balance()
    assert sim.ledger.orders_executed == 0
