"""HTX: ccxt trades spot and contracts through a real daemon; lost answers are found again; the host is signed."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from proxy.cli.world import AccountPlan
from proxy.simulator.faults import Fault
from tests.e2e.bots import Said, one
from tests.e2e.worlds import World, allocation

HTX = AccountPlan("htx-main", "htx", 4)
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
HOST = "api.hbdm.com"
ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # the example of BIP 173


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((HTX,)).start()
    yield made
    made.stop()


def client_of(world: World, module: Any) -> Any:
    """The very text, run as a user would who has pasted it below `import ccxt`."""
    space: dict[str, Any] = {"ccxt": module}
    exec(world.printed(HTX, "ccxt"), space)
    return space["exchange"]


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
def test_the_life_of_an_order(world: World, symbol: str) -> None:
    start = world.mark()
    client = client_of(world, ccxt)
    client.load_markets()
    ticker = client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    kind = "spot" if symbol == SPOT else "swap"
    assert client.fetch_balance({"type": kind})["USDT"]["total"] > 0
    placed = client.create_order(symbol, "limit", "buy", 1, 50_000)
    resting = client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"]) == ("open", 50_000)
    assert placed["id"] in [order["id"] for order in client.fetch_open_orders(symbol)]
    client.cancel_order(placed["id"], symbol)
    assert client.fetch_order(placed["id"], symbol)["status"] == "canceled"
    client.session.close()
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(HTX)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == 1
    _, order = world.do(lambda: list(world.sim.ledger.executed))[-1]
    assert order.client_id.startswith("AA03022abc") if symbol == SPOT else 0 < int(order.client_id) < 2**63


async def test_the_life_of_an_order_async(world: World) -> None:
    async with client_of(world, ccxt.async_support) as client:
        await client.load_markets()
        placed = await client.create_order(SPOT, "limit", "buy", 0.01, 50_000)
        assert (await client.fetch_order(placed["id"], SPOT))["status"] == "open"
        await client.cancel_order(placed["id"], SPOT)
        assert (await client.fetch_order(placed["id"], SPOT))["status"] == "canceled"


def test_what_must_not_leave_raises(world: World) -> None:
    client = client_of(world, ccxt)
    client.load_markets()
    start = world.mark()
    with pytest.raises(ccxt.PermissionDenied, match="withdrawal_refused"):
        client.withdraw("BTC", 0.1, ADDRESS)
    client.apiKey = "dummy-token-of-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    client.session.close()
    assert world.since(start) == []


def call(world: World, method: str, path: str, body: Any = None, host: str = "", lost: str = "") -> Said:
    if lost:
        fault = Fault("drop", "htx", method="POST", path=lost, executed=True)
        world.do(lambda: world.sim.inject(fault))
    sent = b"" if body is None else json.dumps(body).encode()
    target = f"/{HTX.name}{'/' + host if host else ''}{path}"
    return world.run(one(world, (method, target, sent, "application/json")))


def spot_order(world: World, name: str = "") -> dict[str, Any]:
    account = call(world, "GET", "/v1/account/accounts").body["data"][0]["id"]
    order = {"account-id": str(account), "symbol": "btcusdt", "type": "buy-limit", "amount": "0.01", "price": "50000"}
    return {**order, "source": "spot-api", **({"client-order-id": name} if name else {})}


V5 = {
    "contract_code": "BTC-USDT", "margin_mode": "cross", "side": "buy", "position_side": "both", "type": "limit",
    "price": "50000", "volume": "1",
}  # fmt: skip
V1 = {
    "contract_code": "BTC-USDT", "direction": "buy", "offset": "open", "lever_rate": 5, "order_price_type": "limit",
    "price": 50000, "volume": 1,
}  # fmt: skip


def found_again(world: World, said: Said, start: Any, orders: int) -> Any:
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed")
    assert world.orders_since(start) == orders
    return said.body["data"]


def test_lost_answers_of_spot_are_found_again(world: World) -> None:
    order = spot_order(world)
    start = world.mark()
    number = found_again(world, call(world, "POST", "/v1/order/orders/place", order, lost="place"), start, 1)
    path = f"/v1/order/orders/{number}/submitcancel"
    assert found_again(world, call(world, "POST", path, {}, lost="submitcancel"), start, 1) == number
    rows = found_again(world, call(world, "POST", "/v1/order/batch-orders", [order] * 2, lost="batch-orders"), start, 3)
    names = [row["client-order-id"] for row in rows]
    assert len(set(names)) == 2 and all(name.startswith("og") for name in names)
    body = {"client-order-ids": names}
    told = found_again(world, call(world, "POST", "/v1/order/orders/batchcancel", body, lost="batchcancel"), start, 3)
    assert told == {"success": names, "failed": []}


def test_lost_answers_of_contracts_are_found_again(world: World) -> None:
    start = world.mark()
    told = found_again(world, call(world, "POST", "/v5/trade/order", V5, HOST, "v5/trade/order"), start, 1)
    gone = {"contract_code": "BTC-USDT", "order_id": told["order_id"]}
    found_again(world, call(world, "POST", "/v5/trade/cancel_order", gone, HOST, "cancel_order"), start, 1)
    rows = found_again(world, call(world, "POST", "/v5/trade/batch_orders", [V5] * 2, HOST, "batch_orders"), start, 3)
    assert [row["code"] for row in rows] == [200, 200]
    for number, margin in enumerate(("swap", "swap_cross")):
        root, before = f"/linear-swap-api/v1/{margin}_", 3 + 3 * number
        told = found_again(world, call(world, "POST", f"{root}order", V1, HOST, "_order"), start, before + 1)
        gone = {"contract_code": "BTC-USDT", "order_id": told["order_id_str"]}
        told = found_again(world, call(world, "POST", f"{root}cancel", gone, HOST, "_cancel"), start, before + 1)
        assert told["successes"] == gone["order_id"]
        batch = {"orders_data": [V1, V1]}
        told = found_again(
            world, call(world, "POST", f"{root}batchorder", batch, HOST, "batchorder"), start, before + 3
        )
        assert [row["index"] for row in told["success"]] == [1, 2]


def test_an_order_that_never_arrived_may_be_placed_again(new_world: Callable[..., World]) -> None:
    world = new_world((HTX,))
    order = spot_order(world, "dummy-order")
    start = world.mark()
    world.do(lambda: world.sim.inject(Fault("drop", "htx", path="orders/place")))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, world, "POST", "/v1/order/orders/place", order)
        while not waiting.done():
            if world.since(start):  # it has left, so time may pass
                world.jump(1)
        said = waiting.result()
    assert (said.status, said.headers["x-ordergate-reason"]) == (504, "outcome_unknown")
    for _ in range(400):
        if not world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
            break
        world.jump(1)
    assert world.orders_since(start) == 0
    assert call(world, "POST", "/v1/order/orders/place", order).well and world.orders_since(start) == 1


@pytest.mark.parametrize("fault", ["throttle", "unlist", "cdn_ban", "clock", "maintenance", "garbage", "html"])
def test_reads_survive_trouble(new_world: Callable[..., World], fault: Any) -> None:
    world = new_world((HTX,))
    for path, host in (("/v1/account/accounts", ""), ("/v5/account/balance", HOST)):
        world.do(lambda path=path: world.sim.inject(Fault(fault, "htx", path=path, offset_ms=-900_000, seconds=1)))
        said = call(world, "GET", path, host=host)
        assert said.status == 200 and said.headers["x-ordergate-attempts"] == "2", (path, said)
