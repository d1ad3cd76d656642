"""Gate's clients, untouched but for printed settings, through the daemon to the simulated exchange."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import ccxt.async_support
import gate_api
import pytest
from gate_api.exceptions import GateApiException

from proxy.metrics import RESOLVED
from proxy.simulator import Fault
from tests.e2e.bots import Said, one, told
from tests.e2e.cases import GATE
from tests.e2e.clients import client_of
from tests.e2e.worlds import World, allocation

ROOT = f"/{GATE.name}/api/v4"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((GATE,)).start()
    yield made
    made.stop()


def check(world: World, start: Any, orders: int) -> None:
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(GATE)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == orders
    assert world.do(world.sim.ledger.duplicates) == {}
    executed = world.do(lambda: list(world.sim.ledger.executed))[-orders:]
    assert all(order.client_id.startswith("t-og") for _, order in executed)


def test_perpetuals(world: World) -> None:
    start, client, symbol = world.mark(), client_of(world, GATE, ccxt), "BTC/USDT:USDT"
    client.load_markets()
    placed = client.create_order(symbol, "limit", "buy", 1, 50_000)
    assert client.fetch_order(placed["id"], symbol)["status"] == "open"
    assert [order["id"] for order in client.fetch_open_orders(symbol)] == [placed["id"]]
    client.edit_order(placed["id"], symbol, "limit", "buy", 2, 49_000)
    client.cancel_order(placed["id"], symbol)
    assert client.fetch_order(placed["id"], symbol)["status"] == "canceled"
    assert client.fetch_positions([symbol]) is not None
    check(world, start, 1)
    client.session.close()


def test_batches(world: World) -> None:
    start, client = world.mark(), client_of(world, GATE, ccxt)
    client.load_markets()
    for symbol, amount in (("BTC/USDT", 0.01), ("BTC/USDT:USDT", 1)):
        rows = [
            {"symbol": symbol, "type": "limit", "side": "buy", "amount": amount, "price": 50_000 - n} for n in (1, 2)
        ]
        placed = client.create_orders(rows)
        assert len(placed) == 2 and all(order["id"] for order in placed)
        gone = client.cancel_orders([order["id"] for order in placed], symbol)
        assert len(gone) == 2
        assert client.fetch_open_orders(symbol) == []
    assert world.orders_since(start) == 4
    assert {entry.outcome for entry in world.since(start)} == {"ok"}
    client.session.close()


def test_the_official_library(world: World) -> None:
    space: dict[str, Any] = {"gate_api": gate_api}
    exec(world.printed(GATE, "gate-api"), space)
    start, spot = world.mark(), gate_api.SpotApi(space["client"])
    order = gate_api.Order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="50000")
    placed = spot.create_order(order)
    assert spot.get_order(placed.id, "BTC_USDT").status == "open"
    assert [row.id for rows in spot.list_all_open_orders() for row in rows.orders] == [placed.id]
    assert spot.cancel_order(placed.id, "BTC_USDT").status == "cancelled"
    futures = gate_api.FuturesApi(space["client"])
    made = futures.create_futures_order("usdt", gate_api.FuturesOrder(contract="BTC_USDT", size="1", price="50000"))
    assert futures.cancel_futures_order("usdt", str(made.id)).finish_as == "cancelled"
    check(world, start, 2)
    with pytest.raises(GateApiException) as caught:
        gate_api.WithdrawalApi(space["client"]).withdraw(gate_api.LedgerRecord(currency="BTC", amount="1", chain="BTC"))
    assert (caught.value.status, caught.value.label) == (403, "FORBIDDEN")
    space["client"].rest_client.pool_manager.clear()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("error", status=500), "unavailable"),
        (Fault("html", status=502), "unknown"),
        (Fault("cdn_ban", seconds=60), "banned"),
    ],
    ids=lambda value: value.action if isinstance(value, Fault) else "",
)
def test_a_read_goes_out_again(new_world: Callable[..., World], fault: Fault, code: str) -> None:
    world = new_world((GATE,))
    assert call(world, "GET", "spot/accounts").status == 200
    start = world.mark()
    world.do(lambda: world.sim.faults.inject(fault))
    said = call(world, "GET", "spot/accounts")
    assert (said.status, said.headers["x-ordergate-attempts"]) == (200, "2"), said
    first, second = [entry for entry in world.since(start) if entry.path.endswith("/accounts")]
    assert (first.key, first.address) != (second.key, second.address)
    assert bool(world.blocks()) is (code == "banned")


def test_a_bot_that_places_too_fast_waits_and_no_request_is_refused(new_world: Callable[..., World]) -> None:
    """Ten orders a second on each market, those of mixed lists on their own."""
    world = new_world((GATE,))
    start = world.mark()
    mixed = [ORDER] * 6 + [{**ORDER, "currency_pair": "ETH_USDT", "price": "2000"}] * 4
    calls: list[tuple[str, Any]] = [("spot/batch_orders", mixed)] + [("spot/orders", ORDER)] * 5

    async def at_once() -> list[Said]:
        asked = [("POST", f"{ROOT}/{path}", json.dumps(body).encode(), "") for path, body in calls]
        return await asyncio.gather(*(one(world, request) for request in asked))

    answers = world.run(at_once())
    assert [said.status // 100 for said in answers] == [2] * 6, answers
    assert {entry.outcome for entry in world.since(start)} == {"ok"}
    assert world.orders_since(start) == 15


ORDER = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": "50000"}
FILLED = {**ORDER, "price": "70000"}
PERPETUAL = {"contract": "BTC_USDT", "size": 1, "price": "50000", "tif": "gtc"}
AT_MARKET = {**PERPETUAL, "price": "0", "tif": "ioc"}


def call(world: World, method: str, path: str, body: Any = None) -> Said:
    sent = b"" if body is None else json.dumps(body).encode()
    return told(world, (method, f"{ROOT}/{path}", sent, "application/json"))


def lose(world: World, method: str, path: str, *, executed: bool) -> None:
    """The next answer to such a call."""
    fault = Fault("drop", exchange="gate", method=method, path=f"/api/v4/{path}", executed=executed)
    world.do(lambda: world.sim.faults.inject(fault))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("spot/orders", ORDER),
        ("spot/orders", FILLED),
        ("spot/batch_orders", [ORDER, FILLED, {**ORDER, "currency_pair": "ETH_USDT", "price": "2000"}]),
        ("futures/usdt/orders", PERPETUAL),
        ("futures/usdt/orders", AT_MARKET),
        ("futures/usdt/batch_orders", [PERPETUAL, AT_MARKET]),
    ],
)
def test_a_lost_answer_is_made_up_from_what_the_exchange_shows(world: World, path: str, body: Any) -> None:
    start = world.mark()
    lose(world, "POST", path, executed=True)
    said = call(world, "POST", path, body)
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
    rows = said.body if isinstance(body, list) else [said.body]
    assert len(rows) == (len(body) if isinstance(body, list) else 1) == world.orders_since(start)
    assert all(row["text"].startswith("t-og") and row["id"] and row["status"] for row in rows)
    assert all(row["succeeded"] for row in rows) if isinstance(body, list) else "succeeded" not in said.body


@pytest.mark.parametrize(("place", "body"), [("spot/orders", ORDER), ("futures/usdt/orders", PERPETUAL)])
@pytest.mark.parametrize("by", ["id", "text"])
def test_a_lost_cancel_and_a_lost_change(world: World, place: str, body: Any, by: str) -> None:
    spot, text = place.startswith("spot"), f"t-lost-{place[:2]}-{by}"
    placed = call(world, "POST", place, {**body, "text": text}).body
    path = f"{place}/{placed['id'] if by == 'id' else text}{'?currency_pair=BTC_USDT' if spot else ''}"
    method = "PATCH" if spot else "PUT"
    lose(world, method, place, executed=True)
    said = call(world, method, path, {"price": "49000"})
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
    assert float(said.body["price"]) == 49_000
    lose(world, "DELETE", place, executed=True)
    said = call(world, "DELETE", path)
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
    assert said.body["finish_as"] == "cancelled" and said.body["id"] == placed["id"]


@pytest.mark.parametrize("place", ["spot", "futures/usdt"])
def test_lost_cancels_of_a_list(world: World, place: str) -> None:
    body = ORDER if place == "spot" else PERPETUAL
    placed = [str(call(world, "POST", f"{place}/orders", body).body["id"]) for _ in range(2)]
    path = f"{place}/{'cancel_batch_orders' if place == 'spot' else 'batch_cancel_orders'}"
    rows = [{"currency_pair": "BTC_USDT", "id": one} for one in placed] if place == "spot" else placed
    lose(world, "POST", path, executed=True)
    said = call(world, "POST", path, rows)
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
    assert [(row["id"], row["succeeded"]) for row in said.body] == [(one, True) for one in placed]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "spot/orders/t-nobody?currency_pair=BTC_USDT", None),
        ("DELETE", "futures/usdt/orders/12345", None),
    ],
)
async def test_a_write_that_never_arrived_is_proven_absent(world: World, method: str, path: str, body: Any) -> None:
    start = world.mark()
    lose(world, method, path.partition("?")[0], executed=False)
    sent = b"" if body is None else json.dumps(body).encode()
    asked = asyncio.ensure_future(one(world, (method, f"{ROOT}/{path}", sent, "application/json")))
    while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
        await asyncio.sleep(0.01)
    world.jump(10)  # longer than a bot waits
    said = await asked
    assert (said.status, said.headers["x-ordergate-outcome"], said.body["label"]) == (504, "unknown", "INTERNAL")
    before = world.do(lambda: world.daemon.metrics.counts.get((RESOLVED, GATE.name, "absent"), 0))
    for _ in range(60):
        world.jump(5)
        await asyncio.sleep(0.02)
        if not world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
            break
    assert world.do(lambda: world.daemon.metrics.counts.get((RESOLVED, GATE.name, "absent"), 0)) == before + 1
    assert world.orders_since(start) == 0
