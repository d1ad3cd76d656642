"""Bybit's clients and its business lines, through a real daemon."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP

from proxy.simulator import Fault
from proxy.simulator.ledger import Entry
from tests.e2e.bots import Request, call, line_to
from tests.e2e.cases import ADDRESS, BYBIT
from tests.e2e.worlds import Mark, World, allocation

ORDER = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "50000"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((BYBIT,)).start()
    yield made
    made.stop()


@pytest.fixture
def session(world: World) -> Iterator[HTTP]:
    space: dict[str, Any] = {}
    exec(world.printed(BYBIT, "pybit"), space)
    yield space["session"]
    space["session"].client.close()


def clean(world: World, start: Mark, orders: int) -> list[Entry]:
    """What arrived: all of it accepted, and each call only from where its key may be used."""
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(BYBIT)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == orders
    assert world.do(world.sim.ledger.duplicates) == {}
    return entries


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_pybit(world: World, session: HTTP, category: str) -> None:
    start, market = world.mark(), {"category": category, "symbol": "BTCUSDT"}
    assert session.get_tickers(**market)["result"]["list"]
    assert session.get_wallet_balance(accountType="UNIFIED")["retCode"] == 0
    placed = session.place_order(**{**ORDER, "category": category})["result"]
    assert placed["orderLinkId"].startswith("og")
    [shown] = session.get_open_orders(**market, orderId=placed["orderId"])["result"]["list"]
    assert (shown["orderStatus"], shown["orderLinkId"]) == ("New", placed["orderLinkId"])
    session.amend_order(**market, orderId=placed["orderId"], price="49000")
    session.cancel_order(**market, orderLinkId=placed["orderLinkId"])
    batch = session.place_batch_order(category=category, request=[dict(ORDER), dict(ORDER)])
    names = [row["orderLinkId"] for row in batch["result"]["list"]]
    assert len(set(names)) == 2 and all(name.startswith("og") for name in names)
    rows = [{"symbol": "BTCUSDT", "orderLinkId": name} for name in names]
    gone = session.cancel_batch_order(category=category, request=rows)
    assert [row["code"] for row in gone["retExtInfo"]["list"]] == [0, 0]
    clean(world, start, 3)


def test_pybit_gets_its_own_exceptions(world: World, session: HTTP) -> None:
    start = world.mark()
    with pytest.raises(InvalidRequestError) as caught:
        session.withdraw(coin="BTC", address=ADDRESS, amount="1", timestamp=1)
    assert caught.value.status_code == 10005 and "withdrawal_refused" in caught.value.message
    with pytest.raises(InvalidRequestError) as caught:
        session.create_sub_api_key(subuid=1, readOnly=1, permissions={})
    assert caught.value.status_code == 10005
    assert world.since(start) == []


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_a_lost_answer_is_found_again(world: World, session: HTTP, category: str) -> None:
    def lose(path: str) -> Mark:
        world.do(lambda: world.sim.inject(Fault("drop", "bybit", path=path, executed=True)))
        return world.mark()

    market = {"category": category, "symbol": "BTCUSDT"}
    start = lose("/v5/order/create")
    placed = session.place_order(**{**ORDER, "category": category})
    assert placed["result"]["orderLinkId"].startswith("og") and world.orders_since(start) == 1
    assert [entry.path for entry in world.since(start)] == ["/v5/order/create", "/v5/order/realtime"]
    order = {**market, "orderId": placed["result"]["orderId"]}
    lose("/v5/order/amend")
    assert session.amend_order(**order, price="49000")["result"] == placed["result"]
    start = lose("/v5/order/cancel")
    assert session.cancel_order(**order)["result"] == placed["result"]
    assert [entry.path for entry in world.since(start)].count("/v5/order/cancel") == 1
    start = lose("/v5/order/create-batch")
    batch = session.place_batch_order(category=category, request=[dict(ORDER), dict(ORDER)])
    assert world.orders_since(start) == 2
    assert [row["code"] for row in batch["retExtInfo"]["list"]] == [0, 0]
    rows = [{"symbol": "BTCUSDT", "orderId": row["orderId"]} for row in batch["result"]["list"]]
    lose("/v5/order/cancel-batch")
    gone = session.cancel_batch_order(category=category, request=rows)
    assert [row["orderId"] for row in gone["result"]["list"]] == [row["orderId"] for row in rows]
    world.free()


def _create(category: str, number: int) -> Request:
    body = {**ORDER, "category": category, "orderLinkId": f"dummy-{category}-{number}"}
    return "POST", f"/{BYBIT.name}/v5/order/create", json.dumps(body).encode(), "application/json"


async def test_business_lines_are_counted_apart_and_never_overrun(world: World) -> None:
    start = world.mark()

    async def place(category: str, number: int) -> None:
        async with line_to(world) as line:
            said = await call(line, _create(category, number))
            assert said.well and said.body["retCode"] == 0

    calls = [place("spot", n) for n in range(20)] + [place("linear", n) for n in range(10)]
    await asyncio.gather(*calls, place("linear", 10))  # one more of its line than a second has room for
    entries = clean(world, start, 31)
    assert Counter(entry.path for entry in entries) == {"/v5/order/create": 31}
