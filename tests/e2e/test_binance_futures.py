"""Binance futures through a real daemon: changes, batches, python-binance, and orders whose answer is lost."""

import asyncio
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import ccxt.async_support
import orjson
import pytest

from proxy.metrics import RESOLVED
from proxy.simulator import Fault
from tests.e2e.bots import Request, Said, one
from tests.e2e.clients import client_of
from tests.e2e.worlds import BINANCE, World, allocation

with warnings.catch_warnings():  # it imports what its own dependencies call deprecated
    warnings.simplefilter("ignore")
    from binance.client import BaseClient, Client


@dataclass(frozen=True)
class Door:
    """A product, and how its clients call it."""

    product: str
    root: str
    symbol: str
    client: str
    unified: str
    amount: float


USDM = Door("usdm", "/fapi/v1/", "BTCUSDT", "ccxt (USD-M)", "BTC/USDT:USDT", 0.01)
COINM = Door("coinm", "/dapi/v1/", "BTCUSD_PERP", "ccxt (COIN-M)", "BTC/USD:BTC", 1)
DOORS = (USDM, COINM)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((BINANCE,)).start()
    yield made
    made.stop()


@pytest.fixture(params=DOORS, ids=lambda door: door.product)
def door(request: Any) -> Any:
    return request.param


def check(world: World, start: Any, orders: int = 1) -> None:
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}, [(e.path, e.outcome) for e in entries if e.outcome != "ok"]
    assert {entry.address for entry in entries} <= allocation(BINANCE)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == orders
    assert world.do(world.sim.ledger.duplicates) == {}


async def test_ccxt_async_with_positions_changes_and_batches(world: World, door: Door) -> None:
    start, symbol = world.mark(), door.unified
    async with client_of(world, BINANCE, ccxt.async_support, door.client) as client:
        await client.load_markets()
        placed = await client.create_order(symbol, "limit", "buy", door.amount, 50_000)
        await client.edit_order(placed["id"], symbol, "limit", "buy", door.amount * 2, 49_000)
        changed = await client.fetch_order(placed["id"], symbol)
        assert (changed["price"], changed["amount"]) == (49_000, door.amount * 2)
        await client.cancel_order(placed["id"], symbol)
        order = {"symbol": symbol, "type": "limit", "side": "buy", "amount": door.amount, "price": 48_000}
        both = await client.create_orders([order, {**order, "price": 47_000}])
        for row in both:
            await client.cancel_order(row["id"], symbol)
        await client.create_order(symbol, "market", "buy", door.amount)
        assert [p["contracts"] for p in await client.fetch_positions([symbol])] == [door.amount]
        await client.create_order(symbol, "market", "sell", door.amount, params={"reduceOnly": True})
        stop = await client.create_order(symbol, "market", "sell", door.amount, params={"stopLossPrice": 30_000})
        assert [row["id"] for row in await client.fetch_open_orders(symbol, params={"trigger": True})] == [stop["id"]]
        await client.cancel_all_orders(symbol, {"trigger": True})
        await client.cancel_all_orders(symbol)
    check(world, start, world.orders_since(start))
    names = [order.client_id for _, order in world.do(lambda: list(world.sim.ledger.executed))]
    assert all(names)


@pytest.fixture
def python_binance(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name in ("FUTURES_URL", "FUTURES_DATA_URL", "FUTURES_COIN_URL", "FUTURES_COIN_DATA_URL"):
        monkeypatch.setattr(BaseClient, name, getattr(BaseClient, name))  # put back after the test
    space: dict[str, Any] = {}
    exec(world.printed(BINANCE, "python-binance (futures)"), space)
    client = space["client"]
    yield client
    client.close_connection()
    for loop in {client.loop, client.ws_api._loop, client.ws_future._loop}:
        if not loop.is_running():
            loop.close()
    asyncio.set_event_loop(None)


@pytest.mark.parametrize(
    ("name", "symbol", "quantity"), [("futures", "BTCUSDT", 0.01), ("futures_coin", "BTCUSD_PERP", 1)]
)
def test_python_binance(world: World, python_binance: Client, name: str, symbol: str, quantity: float) -> None:
    start = world.mark()

    def call(what: str, **params: Any) -> Any:
        return getattr(python_binance, f"{name}_{what}")(**params)

    assert call("symbol_ticker", symbol=symbol)
    assert call("account_balance")
    limit = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
    placed = call("create_order", **limit, quantity=quantity)
    assert call("get_order", symbol=symbol, orderId=placed["orderId"])["status"] == "NEW"
    assert [row["orderId"] for row in call("get_open_orders", symbol=symbol)] == [placed["orderId"]]
    assert call("cancel_order", symbol=symbol, orderId=placed["orderId"])["status"] == "CANCELED"
    check(world, start)


# -- orders whose answer is lost


def ask(door: Door, method: str, name: str, **given: Any) -> Request:
    query = "&".join(
        f"{k}={quote(v if isinstance(v, str) else orjson.dumps(v).decode(), safe='')}" for k, v in given.items()
    )
    return method, f"/{BINANCE.name}{door.root}{name}?{query}", b"", ""


def order_of(door: Door, order_id: str = "", **changed: Any) -> dict[str, str]:
    order = {"symbol": door.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": str(door.amount)}
    named = {"newClientOrderId": order_id} if order_id else {}
    return {**order, "price": "50000", **named, **changed}


def outcomes(world: World) -> dict[str, int]:
    """What became of lost writes, as far as it is known."""
    counts = world.do(lambda: dict(world.daemon.metrics.counts))
    return {row[2]: count for row, count in counts.items() if row[0] == RESOLVED}


async def lost(world: World, request: Request, path: str, action: Any) -> Said:
    """A call that is executed, and whose answer does not arrive."""
    world.do(lambda: world.sim.inject(Fault(action, "binance", path=path, executed=True)))
    said = await one(world, request)
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
    return said


async def read(world: World, door: Door, name: str, **given: Any) -> Any:
    return (await one(world, ask(door, "GET", name, **given))).body


LOST = ["drop", "truncate", "html", "error"]


@pytest.mark.parametrize("action", LOST)
async def test_an_order_without_an_id_whose_answer_is_lost(new_world: Any, door: Door, action: Any) -> None:
    world = new_world((BINANCE,))
    start = world.mark()
    said = await lost(world, ask(door, "POST", "order", **order_of(door)), f"{door.root}order", action)
    assert (said.body["status"], said.body["price"], said.body["symbol"]) == ("NEW", "50000", door.symbol)
    assert said.body["clientOrderId"].startswith("og")
    assert world.executions(BINANCE, said.body["clientOrderId"]) == 1
    assert len([entry for entry in world.since(start) if entry.method == "POST"]) == 1
    assert outcomes(world) == {"executed": 1}


@pytest.mark.parametrize("action", ["drop", "error"])
async def test_an_order_that_never_arrived_is_proven_absent(new_world: Any, door: Door, action: Any) -> None:
    world = new_world((BINANCE,))
    start = world.mark()
    world.do(lambda: world.sim.inject(Fault(action, "binance", path=f"{door.root}order", executed=False)))
    asked = asyncio.ensure_future(one(world, ask(door, "POST", "order", **order_of(door, "dummy-once"))))
    while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
        await asyncio.sleep(0.01)
    world.jump(12)  # longer than a bot waits
    said = await asked
    assert (said.status, said.headers["x-ordergate-outcome"]) == (504, "unknown"), said
    steps = 0
    while world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
        assert (steps := steps + 1) < 40
        world.jump(1)
        await asyncio.sleep(0.02)
    assert outcomes(world) == {"absent": 1}
    assert world.executions(BINANCE, "dummy-once") == 0


async def test_changes_and_cancels_whose_answers_are_lost(new_world: Any, door: Door) -> None:
    world = new_world((BINANCE,))
    placed = (await one(world, ask(door, "POST", "order", **order_of(door)))).body
    old = {"symbol": door.symbol, "orderId": placed["orderId"]}
    change = ask(door, "PUT", "order", **old, side="BUY", quantity=str(door.amount * 2), price="49000")
    said = await lost(world, change, f"{door.root}order", "drop")
    assert (said.body["price"], float(said.body["origQty"])) == ("49000", door.amount * 2)
    said = await lost(world, ask(door, "DELETE", "order", **old), f"{door.root}order", "drop")
    assert said.body["status"] == "CANCELED"
    again = await one(world, ask(door, "DELETE", "order", **old))
    assert (again.status, again.body["code"], again.headers["x-ordergate-outcome"]) == (400, -2011, "rejected")
    assert outcomes(world) == {"executed": 2}


async def test_lists_whose_answers_are_lost(new_world: Any, door: Door) -> None:
    world = new_world((BINANCE,))
    bad = order_of(door, quantity="0")
    said = await one(world, ask(door, "POST", "batchOrders", batchOrders=[order_of(door), bad]))
    assert said.body[0]["clientOrderId"].startswith("og") and said.body[1]["code"] < 0, said
    batch = ask(door, "POST", "batchOrders", batchOrders=[order_of(door), order_of(door, "dummy-third")])
    said = await lost(world, batch, f"{door.root}batchOrders", "drop")
    assert [row["status"] for row in said.body] == ["NEW", "NEW"]
    assert said.body[0]["clientOrderId"].startswith("og") and said.body[1]["clientOrderId"] == "dummy-third"
    ids = [row["orderId"] for row in said.body]
    changes = [
        {"symbol": door.symbol, "orderId": i, "side": "BUY", "quantity": str(door.amount * 2), "price": "49000"}
        for i in ids
    ]
    said = await lost(world, ask(door, "PUT", "batchOrders", batchOrders=changes), f"{door.root}batchOrders", "drop")
    assert [row["price"] for row in said.body] == ["49000", "49000"]
    cancel = ask(door, "DELETE", "batchOrders", symbol=door.symbol, orderIdList=ids)
    said = await lost(world, cancel, f"{door.root}batchOrders", "drop")
    assert [(row["orderId"], row["status"]) for row in said.body] == [(i, "CANCELED") for i in ids]
    assert outcomes(world) == {"executed": 3}


async def test_a_conditional_order_whose_answers_are_lost(new_world: Any, door: Door) -> None:
    world = new_world((BINANCE,))
    order = {"algoType": "CONDITIONAL", "symbol": door.symbol, "side": "SELL", "type": "STOP_MARKET"}
    place = ask(door, "POST", "algoOrder", **order, quantity=str(door.amount), triggerPrice="30000")
    said = await lost(world, place, f"{door.root}algoOrder", "drop")
    assert said.body["algoStatus"] == "NEW" and said.body["clientAlgoId"].startswith("og")
    cancel = ask(door, "DELETE", "algoOrder", clientAlgoId=said.body["clientAlgoId"])
    said = await lost(world, cancel, f"{door.root}algoOrder", "drop")
    assert said.body["code"] == "200"
    assert outcomes(world) == {"executed": 2}


async def test_a_cancel_of_all_whose_answer_is_lost(new_world: Any, door: Door) -> None:
    world = new_world((BINANCE,))
    for _ in range(2):
        await one(world, ask(door, "POST", "order", **order_of(door)))
    world.jump(10)
    world.do(lambda: world.sim.inject(Fault("drop", "binance", path=f"{door.root}allOpenOrders", executed=True)))
    asked = asyncio.ensure_future(one(world, ask(door, "DELETE", "allOpenOrders", symbol=door.symbol)))
    while not asked.done():
        await asyncio.sleep(0.02)
        world.jump(0.2)
    said = await asked
    assert (said.status, said.body["code"], said.headers["x-ordergate-outcome"]) == (200, 200, "executed"), said
    assert await read(world, door, "openOrders", symbol=door.symbol) == []


async def test_one_weight_for_both_hosts(new_world: Any) -> None:
    world = new_world((BINANCE,))
    for one_door in DOORS:
        await read(world, one_door, "openOrders")  # of all symbols: 40 each
        await one(world, ask(one_door, "POST", "order", **order_of(one_door)))
    used = {row.limit: row.used for row in world.do(lambda: world.daemon.ledger.snapshot().counters) if row.used}
    assert used["futures_orders_10s"] == used["futures_orders_1m"] == 2
    by_address = [
        r for r in world.do(lambda: world.daemon.ledger.snapshot().counters) if r.limit == "futures_weight_1m"
    ]
    assert sum(row.used for row in by_address) == 80
    assert "orders_10s" not in used


async def test_money_and_settings_do_not_leave(world: World, door: Door) -> None:
    start = world.mark()
    for name in ("leverage", "marginType", "positionMargin", "positionSide/dual", "convert/acceptQuote", "transfer"):
        said = await one(world, ask(door, "POST", name, symbol=door.symbol, leverage="5"))
        assert said.status in (403, 404, 405) and said.headers["x-ordergate-origin"] == "ordergate", said
    assert world.since(start) == []
