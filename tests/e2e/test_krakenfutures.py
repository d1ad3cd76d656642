"""Kraken Futures through a real daemon: batches, refusals, and lost changes and lists that are found again."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import ccxt
import pytest

from proxy.simulator.faults import Fault
from tests.e2e.bots import Said, call, line_to, one
from tests.e2e.cases import FUTURES as PLAN
from tests.e2e.worlds import OTHER_BOT, World

V3 = f"/{PLAN.name}/derivatives/api/v3/"
SYMBOL = "BTC/USD:BTC"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((PLAN,)).start()
    yield made
    made.stop()


@pytest.fixture
def client(world: World) -> Iterator[Any]:
    """As `ordergate urls` prints it."""
    space: dict[str, Any] = {"ccxt": ccxt}
    exec(world.printed(PLAN, "ccxt"), space)
    yield space["exchange"]
    space["exchange"].session.close()


def test_a_batch(world: World, client: Any) -> None:
    client.load_markets()
    start = world.mark()
    rows = [
        {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 10, "price": price} for price in (40_000, 41_000)
    ]
    placed = client.create_orders(rows)
    assert [order["status"] for order in placed] == ["open", "open"]
    cancelled = client.cancel_orders([order["id"] for order in placed], SYMBOL)
    assert [order["status"] for order in cancelled] == ["canceled", "canceled"]
    assert world.orders_since(start) == 2
    assert {entry.outcome for entry in world.since(start)} == {"ok"}


def test_refusals_keep_their_class(world: World, client: Any) -> None:
    client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SYMBOL, "limit", "buy", 10**13, 50_000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(SYMBOL, "limit", "buy", 100, 90_000, {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("dummy-order", SYMBOL)
    assert world.blocks() == {}


# ---- lost answers

ORDER = "symbol=PI_XBTUSD&side=buy&orderType=lmt&size=100&limitPrice=50000"


async def write(world: World, name: str, body: str) -> Said:
    return await one(world, ("POST", V3 + name, body.encode(), FORM))


async def lose(world: World, name: str, body: str, *, executed: bool = True) -> Said:
    world.do(lambda: world.sim.inject(Fault("drop", "krakenfutures", path=f"/v3/{name}", executed=executed)))
    said = await write(world, name, body)
    world.free()
    return said


async def test_a_lost_edit_and_a_lost_cancel_are_found(world: World) -> None:
    placed = (await write(world, "sendorder", f"{ORDER}&cliOrdId=lost-2")).body["sendStatus"]["order_id"]
    edited = await lose(world, "editorder", f"orderId={placed}&size=120&limitPrice=49000")
    assert edited.headers["x-ordergate-outcome"] == "executed"
    assert edited.body["editStatus"]["orderEvents"][0]["new"]["quantity"] == 120
    cancelled = await lose(world, "cancelorder", f"order_id={placed}")
    assert cancelled.headers["x-ordergate-outcome"] == "executed"
    assert cancelled.body["cancelStatus"]["status"] == "cancelled"


async def test_a_lost_batch_is_found_one_by_one(world: World) -> None:
    placed = (await write(world, "sendorder", f"{ORDER}&cliOrdId=lost-3")).body["sendStatus"]["order_id"]
    common = {"order": "send", "symbol": "PI_XBTUSD", "side": "buy", "orderType": "lmt", "size": 10}
    rows = [
        {**common, "order_tag": "1", "limitPrice": 50000, "cliOrdId": "lost-4"},
        {"order": "cancel", "order_id": placed},
    ]
    said = await lose(world, "batchorder", "json=" + quote(json.dumps({"batchOrder": rows})))
    assert said.headers["x-ordergate-outcome"] == "executed"
    assert [row["status"] for row in said.body["batchStatus"]] == ["placed", "cancelled"]
    assert said.body["batchStatus"][0]["order_tag"] == "1"
    assert world.executions(PLAN, "lost-4") == 1


async def test_another_bots_id_is_never_a_second_order(world: World) -> None:
    """The exchange refuses it, and says why; the order of that name is looked for, as it may be this one."""
    first = await write(world, "sendorder", f"{ORDER}&cliOrdId=twice")
    world.jump(5)
    start = world.mark()
    async with line_to(world, OTHER_BOT) as line:
        again = await call(line, ("POST", V3 + "sendorder", f"{ORDER}&cliOrdId=twice&size=1".encode(), FORM))
        assert again.status == 400 and world.since(start) == []
        asked = asyncio.ensure_future(call(line, ("POST", V3 + "sendorder", f"{ORDER}&cliOrdId=twice".encode(), FORM)))
        while not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
            await asyncio.sleep(0.01)
        world.jump(10)
        again = await asked
    assert first.body["sendStatus"]["status"] == "placed"
    assert again.body["sendStatus"]["status"] == "clientOrderIdAlreadyExist"
    assert again.headers["x-ordergate-outcome"] == "unknown"
    assert world.executions(PLAN, "twice") == 1
