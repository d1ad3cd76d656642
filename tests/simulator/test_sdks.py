"""The exchanges' usual Python libraries against the simulator, directly."""

import asyncio
import warnings
from typing import Any

import krakenex
from cryptocom.exchange import Account, Market
from cryptocom.exchange.api import ApiProvider

from tests.simulator.clients import B_KEY, B_SECRET, C_KEY, C_SECRET, K_KEY, K_SECRET


async def test_python_binance(start: Any, monkeypatch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports deprecated names of websockets
        from binance.client import Client
    sim = await start()
    monkeypatch.setattr(Client, "API_URL", sim.url("binance") + "/api")

    def steps() -> list[Any]:
        loop = asyncio.new_event_loop()  # it would open one itself and never close it
        asyncio.set_event_loop(loop)
        client = Client(B_KEY, B_SECRET)
        try:
            order = client.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="50000")
            named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
            return [
                client.get_ticker(symbol="BTCUSDT")["symbol"],
                client.get_account()["canTrade"],
                client.get_order(**named)["status"],
                len(client.get_open_orders()),
                client.cancel_order(**named)["status"],
            ]
        finally:
            client.session.close()
            loop.close()

    assert await asyncio.to_thread(steps) == ["BTCUSDT", True, "NEW", 1, "CANCELED"]
    assert sim.ledger.counts == {("binance", "ok"): 7}


async def test_krakenex(start: Any) -> None:
    sim = await start()

    def steps() -> list[Any]:
        api = krakenex.API(K_KEY, K_SECRET)
        api.uri = sim.url("kraken")
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
        try:
            name = api.query_private("AddOrder", dict(order))["result"]["txid"][0]
            return [
                list(api.query_public("Ticker", {"pair": "XBTUSD"})["result"]),
                "ZUSD" in api.query_private("Balance")["result"],
                api.query_private("QueryOrders", {"txid": name})["result"][name]["status"],
                list(api.query_private("OpenOrders")["result"]["open"]) == [name],
                api.query_private("CancelOrder", {"txid": name})["result"],
            ]
        finally:
            api.close()

    assert await asyncio.to_thread(steps) == [["XXBTZUSD"], True, "open", True, {"count": 1}]


async def test_cryptocom_exchange(start: Any) -> None:
    sim = await start()
    api = ApiProvider(api_key=C_KEY, api_secret=C_SECRET, root_url=sim.url("cryptocom") + "/exchange/v1/", retries=0)
    market = Market(api)
    account = Account(api=api, market=market)
    await account.sync_pairs()
    pair = account.pairs["BTC_USDT"]
    assert (await market.get_ticker(pair)).trade_price == 60_000
    assert (await market.get_orderbook(pair)).best_bid.price == 59_999.99
    # Its get_balance() leaves `params` out, which the exchange's documents forbid; the plain call has them.
    balance = await api.post("private/user-balance", {"params": {}})
    assert balance[0]["instrument_name"] == "USD"
    keys = await account.buy_limit(pair, 0.01, 50_000)
    order = await account.get_order(client_order_id=keys.client_id)
    assert (order.id, order.quantity) == (keys.id, 0.01)
    assert len(await account.get_open_orders(pair)) == 1
    await account.cancel_order(pair, client_order_id=keys.client_id)
    assert await account.get_open_orders(pair) == []
