"""ccxt and OKX's own Python library drive the simulated OKX directly, with their own signing."""

import asyncio
import warnings
from typing import Any

import ccxt.async_support as ccxt
import pytest

from proxy.simulator import Simulator
from tests.simulator.okx_client import KEY, PASS, SECRET, config


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
async def client(sim: Simulator) -> Any:
    made = ccxt.okx({"apiKey": KEY, "secret": SECRET, "password": PASS, "enableRateLimit": False})
    made.urls["api"] = {"rest": sim.url("okx")}
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("symbol", "amount", "price", "held"),
    [
        ("BTC/USDT", 0.01, 50_000, ("USDT", 500)),
        ("BTC/USDT:USDT", 2, 50_000, ("USDT", 100)),  # two contracts of 0.01 at a leverage of ten
        ("BTC/USD:BTC", 5, 50_000, ("BTC", 0.001)),  # five contracts of 100 USD
    ],
)
async def test_ccxt(sim: Simulator, client: Any, symbol: str, amount: float, price: float, held: Any) -> None:
    await client.load_markets()
    assert client.markets[symbol]["active"]
    assert abs(await client.fetch_time() - sim.now_ms("okx")) < 60_000
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    book = await client.fetch_order_book(symbol, 5)
    assert book["bids"][0][0] == ticker["bid"] and len(book["asks"]) == 5
    candles = await client.fetch_ohlcv(symbol, "1m", None, 3)
    assert [candle[4] for candle in candles] == [ticker["last"]] * 3
    assert (await client.fetch_trades(symbol))[0]["price"] == ticker["last"]
    coin, need = held
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", amount, price)
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", price, amount)
    during = await client.fetch_balance()
    assert during[coin]["used"] == before[coin]["used"] + need
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    await client.edit_order(placed["id"], symbol, "limit", "buy", amount, price + 100)
    assert (await client.fetch_order(placed["id"], symbol))["price"] == price + 100
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "buy", amount)
    filled = await client.fetch_order(taken["id"], symbol)
    assert (filled["status"], filled["filled"], filled["average"]) == ("closed", amount, ticker["ask"])
    assert [t["order"] for t in await client.fetch_my_trades(symbol)] == [taken["id"]]
    positions = await client.fetch_positions()
    if ":" in symbol:
        [position] = positions
        assert (position["symbol"], position["side"], position["contracts"]) == (symbol, "long", amount)
        await client.create_order(symbol, "market", "sell", amount, None, {"reduceOnly": True})
        assert await client.fetch_positions() == []
    else:
        assert positions == []
        assert (await client.fetch_balance())["BTC"]["total"] == before["BTC"]["total"] + amount
    assert sim.ledger.orders_executed == (3 if ":" in symbol else 2)
    assert sim.ledger.duplicates() == {}
    assert all(e.outcome == "ok" for e in sim.ledger.entries)


async def test_ccxt_raises_what_the_exchange_would(sim: Simulator, client: Any) -> None:
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT", "limit", "buy", 900, 50_000)
    first = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 50_000)
    [order] = sim.ledger.orders("okx", "o")
    with pytest.raises(ccxt.InvalidOrder, match="51016"):
        await client.create_order("BTC/USDT", "limit", "buy", 0.01, 50_000, {"clOrdId": order.client_id})
    await client.cancel_order(first["id"], "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("1", "BTC/USDT")
    client.secret = "dummy-wrong"
    with pytest.raises(ccxt.AuthenticationError, match="50113"):
        await client.fetch_balance()
    assert sim.ledger.orders_executed == 1


async def test_python_okx(sim: Simulator) -> None:
    from okx.Account import AccountAPI
    from okx.MarketData import MarketAPI
    from okx.Trade import TradeAPI

    def steps() -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated ways of reading the clock and of sending a body
            keys = {"api_key": KEY, "api_secret_key": SECRET, "passphrase": PASS, "domain": sim.url("okx")}
            with TradeAPI(**keys, flag="0") as trade, AccountAPI(**keys, flag="0") as account:
                placed = trade.place_order("BTC-USDT", "cash", "buy", "limit", "0.01", px="50000", clOrdId="sdk1")
                number = placed["data"][0]["ordId"]
                found = [
                    account.get_account_balance("BTC")["data"][0]["details"][0]["eq"],
                    trade.get_order("BTC-USDT", clOrdId="sdk1")["data"][0]["ordId"] == number,
                    len(trade.get_order_list()["data"]),
                    trade.amend_order("BTC-USDT", ordId=number, newPx="51000")["data"][0]["sCode"],
                    trade.cancel_order("BTC-USDT", ordId=number)["data"][0]["sCode"],
                    trade.get_orders_history("SPOT")["data"][0]["state"],
                ]
            with AccountAPI(**keys) as account, MarketAPI(flag="0", domain=sim.url("okx")) as market:
                # The library asks for the demo account unless told otherwise.
                return [*found, account.get_account_config()["code"], market.get_ticker("BTC-USDT")["code"]]

    assert await asyncio.to_thread(steps) == ["100", True, 1, "0", "0", "canceled", "50101", "0"]
    assert sim.ledger.executions("okx", "o", "sdk1") == 1
