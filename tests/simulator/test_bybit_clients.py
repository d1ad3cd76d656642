"""ccxt and Bybit's own library, with their own signing, against the simulated exchange."""

import asyncio
import warnings
from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.simulator.bybit_client import KEY, SECRET, config
from tests.simulator.test_ccxt import aimed

# symbol, amount to buy and to sell, how much of which coin a resting order at 50000 holds
CASES = [
    ("BTC/USDT", 0.01, 0.02, "USDT", 500.0),
    ("BTC/USDT:USDT", 0.01, 0.02, "USDT", 50.0),
    ("BTC/USD:BTC", 100, 200, "BTC", 0.0002),
]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
async def venue(request: Any, start: Any) -> Any:
    sim = await start(config())
    client = aimed(ccxt.bybit({"apiKey": KEY, "secret": SECRET}), sim.url("bybit"))
    yield sim, client, request.param
    await client.close()


async def test_life_of_an_order(venue: Any) -> None:
    sim, client, (symbol, amount, sold, coin, held) = venue
    known = {"acknowledged": True}
    await client.load_markets()
    assert await client.fetch_time() > 0
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert (await client.fetch_order_book(symbol, 5))["bids"][0][0] == ticker["bid"]
    assert len(await client.fetch_ohlcv(symbol, "1m")) == 10
    assert len(await client.fetch_trades(symbol)) == 1
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", amount, 50_000, {"clientOrderId": "mine"})
    resting = await client.fetch_order(placed["id"], symbol, known)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, amount)
    assert (resting["clientOrderId"], resting["symbol"]) == ("mine", symbol)
    assert (await client.fetch_balance())[coin]["used"] == pytest.approx(before[coin]["used"] + held)
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    await client.edit_order(placed["id"], symbol, "limit", "buy", amount, 51_000)
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol, known))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "sell", sold)
    filled = await client.fetch_order(taken["id"], symbol, known)
    assert (filled["status"], filled["filled"]) == ("closed", sold)
    [fill] = await client.fetch_my_trades(symbol)
    assert (fill["order"], fill["amount"]) == (taken["id"], sold)
    assert [o["id"] for o in await client.fetch_closed_orders(symbol)] == [taken["id"]]
    if ":" in symbol:
        [position] = await client.fetch_positions([symbol])
        assert (position["side"], position["contracts"]) == ("short", sold)
    else:
        assert (await client.fetch_balance())["BTC"]["total"] == before["BTC"]["total"] - sold
    assert sim.ledger.orders_executed == 2
    assert {e.outcome for e in sim.ledger.entries} == {"ok"}


async def test_several_at_once(venue: Any) -> None:
    sim, client, (symbol, amount, _, _, _) = venue
    await client.load_markets()
    await client.is_unified_enabled()  # it wants to know before it takes inverse contracts
    wanted = {"symbol": symbol, "type": "limit", "side": "buy", "amount": amount, "price": 50_000}
    made = await client.create_orders([{**wanted, "params": {"clientOrderId": "one"}}] * 2)
    assert [o["status"] for o in made] == [None, "rejected"]
    await client.cancel_all_orders(symbol)
    assert await client.fetch_open_orders(symbol) == []
    assert sim.ledger.duplicates() == {}


async def test_refusals_raise_what_the_exchange_would(venue: Any) -> None:
    sim, client, (symbol, _, _, _, _) = venue
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(symbol, "limit", "buy", 90_000_000 if symbol == "BTC/USD:BTC" else 9_000, 50_000)
    client.secret = "dummy-wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    client.apiKey = "dummy-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_open_orders(symbol)
    assert sim.ledger.orders_executed == 0


async def test_pybit(start: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pybit.unified_trading import HTTP as http
    sim = await start(config())

    def steps() -> list[Any]:
        client = http(api_key=KEY, api_secret=SECRET)
        client.endpoint = sim.url("bybit")
        try:
            bought = {"category": "linear", "symbol": "BTCUSDT"}
            name = {"orderLinkId": "mine"}
            order = client.place_order(
                **bought, **name, side="Buy", orderType="Limit", qty="0.01", price="50000", timeInForce="GTC"
            )
            return [
                client.get_tickers(**bought)["result"]["list"][0]["symbol"],
                client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["accountType"],
                client.get_open_orders(**bought, **name)["result"]["list"][0]["orderStatus"],
                client.cancel_order(**bought, orderId=order["result"]["orderId"])["result"]["orderLinkId"],
                client.get_order_history(**bought)["result"]["list"][0]["orderStatus"],
                client.get_api_key_information()["result"]["readOnly"],
            ]
        finally:
            client.client.close()

    assert await asyncio.to_thread(steps) == ["BTCUSDT", "UNIFIED", "New", "mine", "Cancelled", 0]
    assert sim.ledger.counts == {("bybit", "ok"): 7}
