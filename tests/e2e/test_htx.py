"""HTX: through a real daemon, lost answers are found again; the host is signed."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from proxy.simulator.faults import Fault
from tests.e2e.bots import Said, told
from tests.e2e.cases import HTX
from tests.e2e.worlds import World

HOST = "api.hbdm.com"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((HTX,)).start()
    yield made
    made.stop()


def call(world: World, method: str, path: str, body: Any = None, host: str = "", lost: str = "") -> Said:
    if lost:
        fault = Fault("drop", "htx", method="POST", path=lost, executed=True)
        world.do(lambda: world.sim.inject(fault))
    sent = b"" if body is None else json.dumps(body).encode()
    target = f"/{HTX.name}{'/' + host if host else ''}{path}"
    return told(world, (method, target, sent, "application/json"))


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


@pytest.mark.parametrize("fault", ["cdn_ban", "maintenance", "html"])
def test_reads_survive_trouble(new_world: Callable[..., World], fault: Any) -> None:
    world = new_world((HTX,))
    for path, host in (("/v1/account/accounts", ""), ("/v5/account/balance", HOST)):
        world.do(lambda path=path: world.sim.inject(Fault(fault, "htx", path=path, seconds=1)))
        said = call(world, "GET", path, host=host)
        assert said.status == 200 and said.headers["x-ordergate-attempts"] == "2", (path, said)
