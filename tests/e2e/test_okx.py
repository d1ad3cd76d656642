"""OKX behind a real daemon: ccxt and the exchange's own library, and writes whose answer is lost."""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from proxy.simulator.faults import Fault
from tests.e2e.bots import Request, Said, call, line_to
from tests.e2e.clients import client_of
from tests.e2e.worlds import OKX, World, allocation

with warnings.catch_warnings():  # what its own dependencies call deprecated
    warnings.simplefilter("ignore")
    import ccxt
    import okx.Account
    import okx.MarketData
    import okx.Trade

ROOT = f"/{OKX.name}/api/v5/"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((OKX,)).start()
    yield made
    made.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # how it hands its body to its own HTTP library
def test_python_okx(world: World) -> None:
    space: dict[str, Any] = {"okx": okx}
    exec(world.printed(OKX, "python-okx"), space)
    trade, start = space["trade"], world.mark()
    settings = (trade.API_KEY, "unused", "unused")
    account = okx.Account.AccountAPI(*settings, domain=trade.domain)
    market = okx.MarketData.MarketAPI(*settings, domain=trade.domain)
    for _ in range(2):
        assert market.get_ticker("BTC-USDT")["data"][0]["instId"] == "BTC-USDT"
        assert account.get_account_balance("USDT")["code"] == "0"
    placed = trade.place_order("BTC-USDT", "cash", "buy", "limit", "0.01", px="50000")
    assert placed["code"] == "0"
    [row] = placed["data"]
    assert row["clOrdId"].startswith("og")
    assert trade.get_order("BTC-USDT", ordId=row["ordId"])["data"][0]["state"] == "live"
    amended = trade.amend_order("BTC-USDT", ordId=row["ordId"], newPx="50001")
    assert amended["code"] == "0"
    assert [order["ordId"] for order in trade.get_order_list()["data"]] == [row["ordId"]]
    assert trade.cancel_order("BTC-USDT", clOrdId=row["clOrdId"])["code"] == "0"
    listed = trade.place_multiple_orders(
        [
            {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "50000"},
            {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "49000"},
        ]
    )["data"]
    assert [order["sCode"] for order in listed] == ["0", "0"]
    cancelled = trade.cancel_multiple_orders([{"instId": "BTC-USDT", "ordId": order["ordId"]} for order in listed])
    assert cancelled["code"] == "0"
    assert trade.get_order_list()["data"] == []
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(OKX)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == 3
    for client in (trade, account, market):
        client.close()


def test_ccxt_makes_lists_and_changes(world: World) -> None:
    client, start = client_of(world, OKX, ccxt), world.mark()
    client.load_markets()
    orders = [
        {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 0.01, "price": 50_000 + n} for n in range(3)
    ]
    made = client.create_orders(orders)
    changed = client.edit_order(made[0]["id"], "BTC/USDT", "limit", "buy", 0.02, 50_000)
    assert client.fetch_order(changed["id"], "BTC/USDT")["amount"] == 0.02
    assert len(client.fetch_open_orders("BTC/USDT")) == 3
    client.cancel_orders([order["id"] for order in made], "BTC/USDT")
    assert client.fetch_open_orders("BTC/USDT") == []
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(made[0]["id"], "BTC/USDT")
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order("BTC/USDT", "limit", "buy", 100_000, 50_000)
    assert world.orders_since(start) == 3
    client.session.close()


def place(order_id: str) -> Request:
    order = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "50000"}
    return post("order", order | ({"clOrdId": order_id} if order_id else {}))


def post(path: str, body: Any) -> Request:
    return "POST", f"{ROOT}trade/{path}", orjson.dumps(body), "application/json"


def lose(world: World, path: str, *, executed: bool, action: Any = "drop") -> None:
    fault = Fault(action, "okx", path=path, method="POST", executed=executed)
    world.do(lambda: world.sim.inject(fault))


async def told(world: World, request: Request) -> Said:
    async with line_to(world) as line:
        return await call(line, request)


async def test_a_list_whose_answer_is_lost_is_found(world: World) -> None:
    start = world.mark()
    lose(world, "trade/batch-orders", executed=True)
    orders = [orjson.loads(place(name)[2]) for name in ("list1", "list2")]
    said = await told(world, post("batch-orders", orders))
    assert [(row["clOrdId"], row["sCode"]) for row in said.body["data"]] == [("list1", "0"), ("list2", "0")]
    assert world.orders_since(start) == 2


async def test_an_amendment_and_a_cancel_whose_answers_are_lost_are_found(world: World) -> None:
    assert (await told(world, place("standing"))).body["code"] == "0"
    named = {"instId": "BTC-USDT", "clOrdId": "standing"}
    for path, more in (("amend-order", {"newPx": "50001"}), ("cancel-order", {})):
        lose(world, f"trade/{path}", executed=True)
        said = await told(world, post(path, named | more))
        assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed")
        assert said.body["data"][0]["clOrdId"] == "standing"


async def test_an_order_that_is_there_already_is_not_placed_again(world: World) -> None:
    start = world.mark()
    assert (await told(world, place("twice"))).body["code"] == "0"
    again = await told(world, place("twice"))
    assert again.headers["x-ordergate-outcome"] == "executed"
    assert world.executions(OKX, "twice") == 1 == world.orders_since(start)


async def test_a_burst_on_two_instruments_uses_both_budgets_and_is_not_refused(new_world: Callable[..., World]) -> None:
    world = new_world((OKX,))
    start = world.mark()

    async def trade(instrument: str, price: str, count: int) -> list[Said]:
        order = {"instId": instrument, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": price}
        async with line_to(world) as line:
            alone = [await call(line, post("order", order)) for _ in range(count // 2)]
            # ccxt places each order as a list of one, which counts as a single call.
            return alone + [await call(line, post("batch-orders", [order])) for _ in range(count // 2)]

    halves = [trade("BTC-USDT", "50000", 30), trade("BTC-USDT", "49000", 30), trade("ETH-USDT", "2000", 60)]
    answers = [said for half in await asyncio.gather(*halves) for said in half]
    assert {said.body["code"] for said in answers} == {"0"}
    assert {int(said.headers["x-ordergate-attempts"]) for said in answers} == {1}
    assert {entry.outcome for entry in world.since(start)} == {"ok"}
    assert world.orders_since(start) == 120


async def test_what_of_a_list_is_refused_is_told_apart(world: World) -> None:
    start = world.mark()
    good, bad = (orjson.loads(place(name)[2]) for name in ("good1", "bad1"))
    said = await told(world, post("batch-orders", [good, bad | {"sz": "1000000"}]))
    assert said.headers["x-ordergate-origin"] == "exchange"
    assert (said.body["code"], [row["sCode"] == "0" for row in said.body["data"]]) == ("2", [True, False])
    assert world.orders_since(start) == 1
