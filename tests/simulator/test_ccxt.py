"""ccxt, with its own signing, drives each simulated exchange directly through the six calls."""

from typing import Any

import ccxt.async_support as ccxt
import pytest

from proxy.simulator import KrakenLimits
from tests.simulator.clients import B_KEY, B_SECRET, C_KEY, C_SECRET, K_KEY, K_SECRET, config


def aimed(client: Any, url: str) -> Any:
    """Every base URL of the client's table moved to the simulator."""
    client.urls["api"] = {name: _moved(old, url) for name, old in client.urls["api"].items()}
    client.enableRateLimit = False
    return client


def _moved(old: Any, url: str) -> Any:
    if isinstance(old, dict):
        return {name: _moved(one, url) for name, one in old.items()}
    scheme, _, rest = old.partition("://")
    _, slash, path = rest.partition("/")
    return f"{url}{slash}{path}" if scheme.startswith("http") else old


CASES = [
    ("binance", "BTC/USDT", B_KEY, B_SECRET),
    ("kraken", "BTC/USD", K_KEY, K_SECRET),
    ("cryptocom", "BTC/USDT", C_KEY, C_SECRET),
]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
async def venue(request: Any, start: Any) -> Any:
    name, symbol, key, secret = request.param
    sim = await start(config(limits={"kraken": KrakenLimits(rest=(1000, 1))}))
    client = aimed(getattr(ccxt, name)({"apiKey": key, "secret": secret}), sim.url(name))
    yield sim, client, symbol
    await client.close()


async def test_life_of_an_order(venue: Any) -> None:
    sim, client, symbol = venue
    await client.load_markets()
    assert client.markets[symbol]["active"] is not False
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    book = await client.fetch_order_book(symbol, 5)
    assert book["bids"][0][0] == ticker["bid"]
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", 0.01, 50_000)
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    during = await client.fetch_balance()
    quote = symbol.split("/")[1]
    assert during[quote]["used"] == before[quote]["used"] + 500
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "sell", 0.02)
    filled = await client.fetch_order(taken["id"], symbol)
    assert (filled["status"], filled["filled"]) == ("closed", 0.02)
    after = await client.fetch_balance()
    assert after["BTC"]["total"] == before["BTC"]["total"] - 0.02
    assert sim.ledger.orders_executed == 2
    assert all(e.outcome == "ok" for e in sim.ledger.entries)


async def test_refusals_raise_what_the_exchange_would(venue: Any) -> None:
    sim, client, symbol = venue
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(symbol, "limit", "buy", 900, 50_000)
    client.secret = "ZHVtbXktd3Jvbmctc2VjcmV0"
    with pytest.raises(ccxt.ExchangeError, match=r"-1022|Invalid signature|40101"):
        await client.fetch_balance()
    assert sim.ledger.orders_executed == 0


async def test_binance_orders_carry_ccxt_ids(start: Any) -> None:
    sim = await start()
    async with aimed(ccxt.binance({"apiKey": B_KEY, "secret": B_SECRET}), sim.url("binance")) as client:
        first = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 50_000)
        [order] = sim.ledger.orders("binance", "b")
        assert order.client_id == first["clientOrderId"]
        again = {"newClientOrderId": order.client_id}
        with pytest.raises(ccxt.InvalidOrder, match="Duplicate"):
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 50_000, again)
        assert sim.ledger.duplicates() == {}
