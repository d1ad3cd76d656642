"""ccxt and Gate's own library, with their own signing, against the simulated exchange."""

import asyncio
import warnings
from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.simulator.gate_client import KEY, SECRET, config
from tests.simulator.test_ccxt import aimed

# symbol, amount to buy and to sell, how much USDT a resting order at 50000 holds
CASES = [("BTC/USDT", 0.01, 0.02, 500.0), ("BTC/USDT:USDT", 100, 200, 50.0)]


@pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
async def venue(request: Any, start: Any) -> Any:
    sim = await start(config({"BTC": "1", "USDT": "1000"}))
    client = aimed(ccxt.gate({"apiKey": KEY, "secret": SECRET}), sim.url("gate"))
    client.options["defaultType"] = "swap" if ":" in request.param[0] else "spot"
    yield sim, client, request.param
    await client.close()


async def test_life_of_an_order(venue: Any) -> None:
    sim, client, (symbol, amount, sold, held) = venue
    await client.load_markets()
    assert await client.fetch_time() > 0
    ticker = await client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert (await client.fetch_order_book(symbol, 5))["bids"][0][0] == ticker["bid"]
    assert len(await client.fetch_ohlcv(symbol, "1m")) == 10
    assert len(await client.fetch_trades(symbol)) == 1
    before = await client.fetch_balance()
    placed = await client.create_order(symbol, "limit", "buy", amount, 50_000, {"clientOrderId": "mine"})
    resting = await client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, amount)
    assert (resting["clientOrderId"], resting["symbol"]) == ("t-mine", symbol)
    assert (await client.fetch_balance())["USDT"]["free"] == pytest.approx(before["USDT"]["free"] - held)
    assert [o["id"] for o in await client.fetch_open_orders(symbol)] == [placed["id"]]
    changed = await client.edit_order(placed["id"], symbol, "limit", "buy", amount, 51_000)
    assert changed["price"] == 51_000
    await client.cancel_order(placed["id"], symbol)
    assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []
    taken = await client.create_order(symbol, "market", "sell", sold)
    filled = await client.fetch_order(taken["id"], symbol)
    assert (filled["status"], filled["filled"]) == ("closed", sold)
    [fill] = await client.fetch_my_trades(symbol)
    assert (fill["order"], fill["amount"]) == (taken["id"], sold)
    closed = [o["id"] for o in await client.fetch_closed_orders(symbol)]
    assert closed == [placed["id"], taken["id"]]  # to the exchange a cancelled order is a finished one
    if ":" in symbol:
        [position] = await client.fetch_positions([symbol])
        assert (position["side"], position["contracts"], position["contractSize"]) == ("short", sold, 0.0001)
    else:
        assert (await client.fetch_balance())["BTC"]["total"] == before["BTC"]["total"] - sold
    assert sim.ledger.orders_executed == 2
    assert {e.outcome for e in sim.ledger.entries} == {"ok"}


async def test_several_at_once(venue: Any) -> None:
    sim, client, (symbol, amount, _, _) = venue
    await client.load_markets()
    wanted = {"symbol": symbol, "type": "limit", "side": "buy", "amount": amount, "price": 50_000}
    made = await client.create_orders([wanted, {**wanted, "amount": amount * 9000}])
    by_status = {o["status"]: o["id"] for o in made}
    assert by_status.keys() == {"open", "rejected"}
    await client.cancel_orders([by_status["open"]], symbol)
    await client.create_orders([wanted, wanted])
    await client.cancel_all_orders(symbol)
    assert await client.fetch_open_orders(symbol) == []
    assert sim.ledger.orders_executed == 3


async def test_refusals_raise_what_the_exchange_would(venue: Any) -> None:
    sim, client, (symbol, amount, _, _) = venue
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(symbol, "limit", "buy", amount * 9_000, 50_000)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("1", symbol)
    client.secret = "dummy-wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()
    assert sim.ledger.orders_executed == 0


async def test_gate_api(start: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gate_api
    sim = await start(config())

    def steps() -> list[Any]:
        api = gate_api.ApiClient(gate_api.Configuration(host=sim.url("gate") + "/api/v4", key=KEY, secret=SECRET))
        spot, futures = gate_api.SpotApi(api), gate_api.FuturesApi(api)
        pair = "BTC_USDT"
        try:
            wanted = gate_api.Order(currency_pair=pair, side="buy", amount="0.01", price="50000", text="t-mine")
            order = spot.create_order(wanted)
            contract = gate_api.FuturesOrder(contract=pair, size="100", price="50000", text="t-mine")
            other = futures.create_futures_order("usdt", contract)
            return [
                spot.list_tickers(currency_pair=pair)[0].currency_pair,
                spot.list_spot_accounts(currency="BTC")[0].available,
                spot.get_order(order.id, pair).status,
                spot.list_orders(pair, "open")[0].text,
                spot.cancel_order("t-mine", pair).status,
                futures.list_futures_orders("usdt", "open")[0].size,
                futures.get_futures_order("usdt", "t-mine").id == other.id,
                futures.cancel_futures_order("usdt", str(other.id)).finish_as,
                gate_api.AccountApi(api).get_account_detail().ip_whitelist,
            ]
        finally:
            api.rest_client.pool_manager.clear()
            api.close()

    wanted = ["BTC_USDT", "100", "open", "t-mine", "cancelled", "100", True, "cancelled", ["127.0.0.1", "127.0.0.9"]]
    assert await asyncio.to_thread(steps) == wanted
    assert sim.ledger.counts == {("gate", "ok"): 11}
