"""Kraken Futures through a real daemon: ccxt lives through the life of an order, and lost answers are found again."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import ccxt
import pytest

from proxy.cli.world import AccountPlan
from proxy.metrics import RESOLVED
from proxy.simulator.faults import Fault
from tests.e2e.bots import Said, call, line_to, one
from tests.e2e.worlds import OTHER_BOT, World, allocation

PLAN = AccountPlan("futures-main", "krakenfutures", 4)
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


def test_the_life_of_an_order(world: World, client: Any) -> None:
    start = world.mark()
    client.load_markets()
    ticker = client.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert client.fetch_balance()["BTC"]["total"] == 100
    placed = client.create_order(SYMBOL, "limit", "buy", 100, 50_000)
    resting = client.fetch_order(placed["id"], SYMBOL)
    assert (resting["status"], resting["amount"], resting["info"]["order"]["limitPrice"]) == ("open", 100, 50_000)
    assert [order["id"] for order in client.fetch_open_orders(SYMBOL)] == [placed["id"]]
    assert client.edit_order(placed["id"], SYMBOL, "limit", "buy", 120, 49_000)["amount"] == 120
    assert client.cancel_order(placed["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_order(placed["id"], SYMBOL)["status"] == "canceled"
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(PLAN)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == 1
    _, order = world.do(lambda: list(world.sim.ledger.executed))[-1]
    assert order.client_id.startswith("og")


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


def test_money_stays(world: World, client: Any) -> None:
    client.load_markets()
    start = world.mark()
    with pytest.raises(ccxt.AuthenticationError, match="withdrawal_refused"):
        client.transfer_out("BTC", 0.1, {"sourceWallet": "dummy-wallet"})
    with pytest.raises(ccxt.AuthenticationError, match="withdrawal_refused"):
        client.transfer("BTC", 0.1, "main", "future")
    assert world.since(start) == []


def test_a_wrong_token(world: World, client: Any) -> None:
    client.load_markets()
    start = world.mark()
    client.apiKey = "dummy-token-of-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    assert world.since(start) == []


# ---- lost answers

ORDER = "symbol=PI_XBTUSD&side=buy&orderType=lmt&size=100&limitPrice=50000"


async def write(world: World, name: str, body: str) -> Said:
    return await one(world, ("POST", V3 + name, body.encode(), FORM))


async def lose(world: World, name: str, body: str, *, executed: bool = True) -> Said:
    world.do(lambda: world.sim.inject(Fault("drop", "krakenfutures", path=f"/v3/{name}", executed=executed)))
    said = await write(world, name, body)
    world.free()
    return said


async def test_a_lost_order_is_found(world: World) -> None:
    start = world.mark()
    said = await lose(world, "sendorder", f"{ORDER}&cliOrdId=lost-1")
    assert said.status == 200 and said.headers["x-ordergate-outcome"] == "executed"
    assert (said.body["sendStatus"]["status"], said.body["sendStatus"]["cliOrdId"]) == ("placed", "lost-1")
    assert world.executions(PLAN, "lost-1") == 1 and world.orders_since(start) == 1


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


async def test_an_order_that_never_arrived_is_not_sent_again(new_world: Callable[..., World]) -> None:
    """Its absence is proven only after its deadline and the time that the history may lag behind."""
    world = new_world((PLAN,))
    start = world.mark()
    asked = asyncio.ensure_future(lose(world, "sendorder", f"{ORDER}&cliOrdId=lost-5", executed=False))
    while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
        await asyncio.sleep(0.01)
    world.jump(10)  # longer than a bot waits
    said = await asked
    assert (said.status, said.headers["x-ordergate-outcome"]) == (504, "unknown")
    assert said.body["error"] == "Unavailable"
    for _ in range(60):
        world.jump(5)
        await asyncio.sleep(0.02)
        if not world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
            break
    (entry,) = world.do(lambda: [row for row in world.daemon.metrics.counts.items() if row[0][0] == RESOLVED])
    assert entry == ((RESOLVED, PLAN.name, "absent"), 1)
    sent = [entry.path for entry in world.since(start) if entry.path.endswith("/sendorder")]
    assert len(sent) == 1 and world.executions(PLAN, "lost-5") == 0


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


# ---- addresses


async def test_an_address_that_is_not_listed_is_left_for_another(world: World) -> None:
    world.do(lambda: world.sim.inject(Fault("unlist", "krakenfutures", path="/v3/accounts")))
    start = world.mark()
    said = await one(world, ("GET", V3 + "accounts", b"", ""))
    assert said.well
    first, second = (entry for entry in world.since(start) if entry.path.endswith("/accounts"))
    assert first.outcome != "ok" and second.outcome == "ok"
    assert ("pair", PLAN.name, first.key, first.address) in world.blocks()
    world.free()
