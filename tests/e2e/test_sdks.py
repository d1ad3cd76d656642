"""The exchanges' SDKs, untouched but for the settings that `ordergate urls` prints."""

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import krakenex
import pytest

from proxy.cli.world import AccountPlan, token_of
from proxy.searches import Searches
from proxy.simulator.faults import Fault
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, Mark, World, allocation

with warnings.catch_warnings():  # they import what their own dependencies call deprecated
    warnings.simplefilter("ignore")
    import cryptocom.exchange
    from binance.async_client import AsyncClient
    from binance.client import BaseClient, Client
    from binance.exceptions import BinanceAPIException
    from cryptocom.exchange.api import ApiProvider
    from cryptocom.exchange.exceptions import ApiAuthError, ApiError


@pytest.fixture
def original_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text sets attributes of the class; they are put back after the test."""
    for name in ("API_URL", "MARGIN_API_URL"):
        monkeypatch.setattr(BaseClient, name, getattr(BaseClient, name))


@pytest.fixture
def binance_client(world: World, original_urls: None) -> Iterator[Client]:
    space: dict[str, Any] = {}
    exec(world.printed(BINANCE, "python-binance"), space)
    client = space["client"]
    yield client
    client.close_connection()
    # Without a running loop its constructor makes loops, and nothing of it ever closes them.
    for loop in {client.loop, client.ws_api._loop, client.ws_future._loop}:
        if not loop.is_running():
            loop.close()
    asyncio.set_event_loop(None)


def check_ledger(world: World, plan: AccountPlan, start: Mark, orders: int = 1) -> None:
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(plan)
    signed = [entry for entry in entries if entry.key]
    assert {entry.account for entry in signed} == {plan.name}
    assert len({entry.key for entry in signed}) > 1
    assert world.orders_since(start) == orders


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01, "price": "50000"}


def test_python_binance(world: World, binance_client: Client) -> None:
    client, start = binance_client, world.mark()
    assert client.get_symbol_ticker(symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert client.get_exchange_info()["symbols"]
    assert client.get_account()["canTrade"]
    placed = client.create_order(**ORDER)
    assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "NEW"
    assert placed["orderId"] in [order["orderId"] for order in client.get_open_orders(symbol="BTCUSDT")]
    client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
    assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"
    check_ledger(world, BINANCE, start)
    assert world.executions(BINANCE, placed["clientOrderId"]) == 1


async def test_python_binance_async(world: World, binance_client: Client) -> None:
    start = world.mark()
    client = await AsyncClient.create(token_of(BOT), "unused")
    try:
        assert (await client.get_symbol_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
        assert (await client.get_account())["canTrade"]
        placed = await client.create_order(**ORDER)
        assert (await client.get_order(symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "NEW"
        await client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        assert await client.get_open_orders(symbol="BTCUSDT") == []
    finally:
        await client.close_connection()
    check_ledger(world, BINANCE, start)
    assert world.executions(BINANCE, placed["clientOrderId"]) == 1


def test_python_binance_gets_its_own_exception(world: World, binance_client: Client) -> None:
    start = world.mark()
    with pytest.raises(BinanceAPIException) as caught:
        binance_client.withdraw(coin="BTC", address="dummy-address", amount=1)
    assert (caught.value.status_code, caught.value.code) == (403, -1002)
    assert world.since(start) == []


def test_krakenex(world: World) -> None:
    space: dict[str, Any] = {"krakenex": krakenex}
    exec(world.printed(KRAKEN, "krakenex"), space)
    api, start = space["api"], world.mark()

    def ask(method: str, **data: str) -> Any:
        answer = (api.query_public if method in ("Ticker", "Assets") else api.query_private)(method, data)
        assert answer["error"] == []
        return answer["result"]

    assert ask("Ticker", pair="XBTUSD")
    assert ask("Balance")
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000.0"}
    [txid] = ask("AddOrder", **order)["txid"]
    assert ask("QueryOrders", txid=txid)[txid]["status"] == "open"
    assert txid in ask("OpenOrders")["open"]
    assert ask("CancelOrder", txid=txid)["count"] == 1
    assert ask("QueryOrders", txid=txid)[txid]["status"] == "canceled"
    check_ledger(world, KRAKEN, start)
    api.close()


def named_only(world: World, start: Mark) -> bool:
    """Whether all orders since then had an id by which they can be looked up, and each another one."""

    def ids() -> list[str]:
        ledger = world.sim.ledger
        new = list(ledger.executed)[len(ledger.executed) - (ledger.orders_executed - start.orders) :]
        return [order.client_id for _, order in new]

    found = world.do(ids)
    return bool(found) and all(text.startswith("og") for text in found) and len(set(found)) == len(found)


def test_krakenex_orders_get_ids_unless_they_have_a_userref(world: World) -> None:
    space: dict[str, Any] = {"krakenex": krakenex}
    exec(world.printed(KRAKEN, "krakenex"), space)
    api, start = space["api"], world.mark()
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000.0"}
    placed = [api.query_private("AddOrder", dict(order)) for _ in range(2)]
    assert named_only(world, start)
    [txid] = placed[0]["result"]["txid"]
    shown = api.query_private("QueryOrders", {"txid": txid})["result"][txid]
    assert api.query_private("CancelOrder", {"cl_ord_id": shown["cl_ord_id"]})["result"] == {"count": 1}
    api.query_private("CancelOrder", {"txid": placed[1]["result"]["txid"][0]})
    with_ref = api.query_private("AddOrder", {**order, "userref": "7"})
    assert with_ref["error"] == []
    assert api.query_private("CancelOrder", {"userref": "7"})["result"] == {"count": 1}
    api.close()


@pytest.fixture
def provider(world: World) -> ApiProvider:
    space: dict[str, Any] = {"cryptocom": cryptocom}
    exec(world.printed(CRYPTOCOM, "cryptocom-exchange"), space)
    made: ApiProvider = space["provider"]
    return made


LIMIT = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "50000"}


async def test_cryptocom_exchange(world: World, provider: ApiProvider) -> None:
    start = world.mark()
    assert await provider.get("public/get-tickers", {"instrument_name": "BTC_USDT"})
    assert await provider.post("private/user-balance", {"params": {}})
    placed = await provider.post("private/create-order", {"params": {**LIMIT, "client_oid": "dummy-order-1"}})
    detail = await provider.post("private/get-order-detail", {"params": {"order_id": placed["order_id"]}})
    assert (detail["client_oid"], detail["status"]) == ("dummy-order-1", "ACTIVE")
    resting = await provider.post("private/get-open-orders", {"params": {"instrument_name": "BTC_USDT"}})
    assert [order["order_id"] for order in resting] == [placed["order_id"]]
    await provider.post("private/cancel-order", {"params": {"order_id": placed["order_id"]}})
    detail = await provider.post("private/get-order-detail", {"params": {"order_id": placed["order_id"]}})
    assert detail["status"] == "CANCELED"
    check_ledger(world, CRYPTOCOM, start)
    assert world.executions(CRYPTOCOM, "dummy-order-1") == 1


async def test_cryptocom_exchange_learns_the_id_that_its_order_got(world: World, provider: ApiProvider) -> None:
    start = world.mark()
    placed = await provider.post("private/create-order", {"params": dict(LIMIT)})
    assert named_only(world, start)
    detail = await provider.post("private/get-order-detail", {"params": {"client_oid": placed["client_oid"]}})
    assert detail["order_id"] == placed["order_id"]
    await provider.post("private/cancel-order", {"params": {"client_oid": placed["client_oid"]}})


async def test_cryptocom_exchange_gets_the_answer_that_was_lost(world: World, provider: ApiProvider) -> None:
    fault = Fault("drop", "cryptocom", path="create-order", executed=True)
    world.do(lambda: world.sim.inject(fault))
    start = world.mark()
    placed = await provider.post("private/create-order", {"params": dict(LIMIT)})
    assert placed["order_id"] and world.orders_since(start) == 1
    assert [entry.path.rpartition("/")[2] for entry in world.since(start)] == ["create-order", "get-order-detail"]


async def test_cryptocom_exchange_does_not_repeat_an_order_of_unknown_outcome(
    world: World, provider: ApiProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to its own settings it posts again after a 504, under a fresh id."""
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)
    fault = Fault("drop", "cryptocom", path="create-order", executed=True)
    world.do(lambda: world.sim.inject(fault))
    start = world.mark()
    with pytest.raises(ApiError, match="outcome_unknown"):
        await provider.post("private/create-order", {"params": dict(LIMIT)})
    assert world.orders_since(start) == 1
    assert len(world.since(start)) == 1


async def test_cryptocom_exchange_gets_its_own_exception(world: World, provider: ApiProvider) -> None:
    start = world.mark()
    with pytest.raises(ApiAuthError):
        await provider.post("private/create-withdrawal", {"params": {"currency": "BTC", "amount": "1"}})
    assert world.since(start) == []
