"""Poloniex through a real daemon: orders whose answer is lost, lists, replacements, and its pace."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.metrics import RESOLVED
from proxy.simulator import Fault
from tests.e2e.bots import Request, Said, call, line_to, one
from tests.e2e.cases import POLONIEX
from tests.e2e.worlds import World

ROOT = f"/{POLONIEX.name}"
READ: Request = ("GET", f"{ROOT}/accounts/balances", b"", "")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((POLONIEX,)).start()
    yield made
    made.stop()


def order(order_id: str = "", **changed: Any) -> dict[str, Any]:
    named = {"clientOrderId": order_id} if order_id else {}
    usual = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.001"}
    return {**usual, **named, **changed}


def call_of(method: str, path: str, body: Any = None) -> Request:
    return method, ROOT + path, b"" if body is None else orjson.dumps(body), "application/json"


def place(order_id: str = "") -> Request:
    return call_of("POST", "/orders", order(order_id))


def ask(world: World, request: Request) -> Said:
    return world.run(one(world, request))


def test_an_order_without_an_id_gets_one(world: World) -> None:
    assert ask(world, place()).body["clientOrderId"].startswith("og")
    said = ask(world, call_of("POST", "/orders/batch", [order(), order("dummy-named")]))
    assert [row["clientOrderId"][:2] for row in said.body] == ["og", "du"], said


def test_the_bots_own_id_in_a_path(world: World) -> None:
    assert ask(world, place("dummy-path")).well
    assert ask(world, call_of("GET", "/orders/cid:dummy-path")).body["state"] == "NEW"
    said = ask(world, call_of("DELETE", "/orders/cid:dummy-path"))
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said


def outcomes(world: World) -> dict[str, int]:
    """What became of lost writes, as far as it is known."""
    counts = world.do(lambda: dict(world.daemon.metrics.counts))
    return {row[2]: count for row, count in counts.items() if row[0] == RESOLVED}


async def open_ones_settled(world: World, asked: "asyncio.Future[Said]", start: Any) -> int:
    """Of a call whose bot waits in vain: the time that passes until it is known, in steps of two seconds."""
    while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
        await asyncio.sleep(0.01)
    world.jump(10)  # longer than a bot waits
    said = await asked
    assert (said.status, said.headers["x-ordergate-outcome"]) == (504, "unknown"), said
    steps = 0
    while world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
        steps += 1
        assert steps < 40
        world.jump(2)
        await asyncio.sleep(0.02)
    return steps


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("action", ["drop", "truncate", "html", "error"])
async def test_an_order_whose_answer_is_lost(new_world: Any, action: Any, executed: bool) -> None:
    world = new_world((POLONIEX,))
    assert (await one(world, READ)).status == 200
    world.do(lambda: world.sim.inject(Fault(action, "poloniex", path="/orders", executed=executed)))
    start = world.mark()
    asked = asyncio.ensure_future(one(world, place("dummy-once")))
    if executed:
        said = await asked
        assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
        assert said.body["clientOrderId"] == "dummy-once"
    else:
        assert await open_ones_settled(world, asked, start) >= 4  # 10 s have passed, and 17 s are the least
    assert outcomes(world) == {"executed" if executed else "absent": 1}
    assert len([entry for entry in world.since(start) if entry.method == "POST"]) == 1
    assert world.executions(POLONIEX, "dummy-once") == executed
    assert world.blocks() == {}


@pytest.mark.parametrize("action", ["drop", "error"])
async def test_cancels_replacements_and_batches_whose_answers_are_lost(new_world: Any, action: Any) -> None:
    world = new_world((POLONIEX,))

    async def lose(method: str, path: str, body: Any = None) -> Said:
        world.do(lambda: world.sim.inject(Fault(action, "poloniex", method=method, path=path, executed=True)))
        said = await one(world, call_of(method, path, body))
        assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
        return said

    batch = [order(f"dummy-{n}") for n in range(4)]
    placed = (await lose("POST", "/orders/batch", batch)).body
    assert [row["clientOrderId"] for row in placed] == [row["clientOrderId"] for row in batch]
    ids = [row["id"] for row in placed]
    replaced = await lose("PUT", f"/orders/{ids[0]}", {"clientOrderId": "dummy-new", "price": "49000"})
    assert replaced.body["clientOrderId"] == "dummy-new"
    assert (await lose("DELETE", f"/orders/{ids[1]}")).body["orderId"] == ids[1]
    asked = {"orderIds": [ids[2]], "clientOrderIds": ["dummy-3"]}
    assert [row["orderId"] for row in (await lose("DELETE", "/orders/cancelByIds", asked)).body] == ids[2:]
    still = (await one(world, call_of("GET", "/orders"))).body
    assert [row["clientOrderId"] for row in still] == ["dummy-new"]
    assert outcomes(world) == {"executed": 4}
    assert world.do(world.sim.ledger.duplicates) == {}


async def test_a_cancel_of_an_order_that_is_not_there(world: World) -> None:
    said = await one(world, call_of("DELETE", "/orders/123456789"))
    assert (said.headers["x-ordergate-outcome"], said.body["code"]) == ("rejected", 21301), said


@pytest.mark.parametrize("action", ["unlist", "delete_key", "cdn_ban"])
async def test_trouble_of_a_route_is_not_the_bots(new_world: Any, action: Any) -> None:
    world = new_world((POLONIEX,))
    assert (await one(world, READ)).status == 200
    world.do(lambda: world.sim.inject(Fault(action, "poloniex", path="/orders", seconds=60)))
    said = await one(world, place("dummy-routed"))
    assert said.well, said
    assert int(said.headers["x-ordergate-attempts"]) > 1
    assert world.executions(POLONIEX, "dummy-routed") == 1
    assert len(world.blocks()) >= 1


async def test_futures_orders_and_cancels_whose_answers_are_lost(new_world: Any) -> None:
    world = new_world((POLONIEX,))
    future = {"symbol": "BTC_USDT_PERP", "side": "BUY", "type": "LIMIT", "px": "50000", "sz": "1", "mgnMode": "CROSS"}
    batch = [{**future, "posSide": "BOTH", "clOrdId": f"dummy-f{n}"} for n in range(2)]

    async def lose(method: str, path: str, body: Any) -> Any:
        world.do(lambda: world.sim.inject(Fault("drop", "poloniex", method=method, path=path, executed=True)))
        said = await one(world, call_of(method, path, body))
        assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
        return said.body["data"]

    placed = await lose("POST", "/v3/trade/order", {**future, "clOrdId": "dummy-f"})
    assert placed["clOrdId"] == "dummy-f"
    assert [row["clOrdId"] for row in await lose("POST", "/v3/trade/orders", batch)] == ["dummy-f0", "dummy-f1"]
    gone = await lose("DELETE", "/v3/trade/order", {"symbol": "BTC_USDT_PERP", "ordId": placed["ordId"]})
    assert gone["ordId"] == placed["ordId"]
    named = {"symbol": "BTC_USDT_PERP", "clOrdIds": ["dummy-f0", "dummy-f1"]}
    assert [row["code"] for row in await lose("DELETE", "/v3/trade/batchOrders", named)] == [200, 200]
    assert outcomes(world) == {"executed": 4}
    assert world.do(world.sim.ledger.duplicates) == {}


def test_calls_are_paced_as_the_exchange_counts(world: World) -> None:
    """So many at once that both kinds of private limits, and those of one address, would be passed several times."""
    start = world.mark()

    async def bot(prefix: str) -> set[int]:
        async with line_to(world) as line:
            asked = [call_of("GET", "/orders") if n % 3 == 0 else place(f"{prefix}{n}") for n in range(18)]
            return {(await call(line, request)).status for request in asked}

    async def all_bots() -> list[set[int]]:
        return await asyncio.gather(*(bot(f"dummy-{n}-") for n in range(8)))

    assert world.run(all_bots(), 30) == [{200}] * 8
    assert {entry.outcome for entry in world.since(start)} == {"ok"}
