from typing import Any

import pytest

from proxy.simulator import ManualClock, Simulator
from tests.simulator.kucoin_client import OK, Kucoin, config, said

READ = "/api/v1/accounts"
ORDERS = "/api/v1/hf/orders"


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Kucoin:
    return Kucoin(sim.url("kucoin"))


@pytest.fixture
def perp(sim: Simulator) -> Kucoin:
    return Kucoin(sim.url("kucoin", "futures"))


async def test_client_ids_are_only_kept_apart_while_open(bot: Kucoin, sim: Simulator) -> None:
    assert said(await bot.limit(clientOid="one")) == OK
    again = await bot.limit(clientOid="one")
    assert (said(again), again.json["msg"]) == ((200, "400100"), "clientOidDuplicated")
    assert said(await bot("DELETE", f"{ORDERS}/client-order/one", symbol="BTC-USDT")) == OK
    assert said(await bot.limit(clientOid="one")) == OK
    assert sim.ledger.duplicates() == {("kucoin", "a", "one"): 2}
    for wrong in ("x" * 41, "a b", "a.b", 7):
        assert said(await bot.limit(clientOid=wrong)) == (200, "400100")
    assert said(await bot.limit()) == OK  # the fast paths need none
    old = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "50000", "size": "0.01"}
    assert said(await bot("POST", "/api/v1/orders", old)) == (200, "400100")
    assert said(await bot("POST", "/api/v1/orders", {**old, "clientOid": "two"})) == OK
    assert (await bot("GET", "/api/v1/order/client-order/two")).json["data"]["isActive"] is True


async def test_deadlines_of_orders(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Kucoin(sim.url("kucoin"), clock=clock.now_ms)
    now = clock.now_ms()

    async def late(window: Any, stamp: Any = now) -> tuple[int, str]:
        return said(await bot.limit(at_ms=now, clientTimestamp=stamp, allowMaxTimeWindow=window))

    assert await late(1000) == OK
    clock.advance(1.0)
    assert await late(1000) == OK  # to the millisecond
    clock.advance(0.001)
    assert await late(1000) == (200, "126041")
    assert await late(2000) == OK
    assert await late(2000, now + 1) == (200, "126041")  # must be that of the header
    assert await late(2000, None) == (200, "400100")
    assert await late("2000") == (200, "400100")
    assert sim.ledger.orders_executed == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "50000.001"}, "400100"),
        ({"price": 50000}, "400100"),
        ({"size": "0.000001"}, "400100"),
        ({"size": "0.0100001"}, "600100"),
        ({"size": "0.00001"}, "600101"),
        ({"symbol": "BTCUSDT"}, "400600"),
        ({"symbol": "XBTUSDTM"}, "400600"),
        ({"side": "BUY"}, "400100"),
        ({"type": "stop"}, "400100"),
        ({"timeInForce": "DAY"}, "400100"),
        ({"price": "70000", "postOnly": True}, "400100"),
        ({"type": "market", "funds": "10"}, "400100"),
        ({"size": "9000"}, "200004"),
    ],
)
async def test_order_refusals(bot: Kucoin, sim: Simulator, change: dict[str, Any], code: str) -> None:
    assert said(await bot.limit(**change)) == (200, code)
    assert sim.ledger.orders_executed == 0


async def test_kinds_of_orders(bot: Kucoin, sim: Simulator) -> None:
    by_funds = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "600"}
    assert said(await bot("POST", ORDERS, by_funds)) == OK
    assert said(await bot.limit(timeInForce="IOC")) == OK
    assert said(await bot.limit(postOnly=True)) == OK
    synced = (await bot("POST", f"{ORDERS}/sync", {**by_funds, "clientOid": "now"})).json["data"]
    assert (synced["status"], synced["clientOid"], synced["dealSize"]) == ("done", "now", "0.00999")
    assert said(await bot("POST", f"{ORDERS}/test", by_funds)) == OK
    assert [o.status for o in sim.ledger.orders("kucoin", "a")] == ["FILLED", "EXPIRED", "OPEN", "FILLED"]


async def test_look_ups(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Kucoin(sim.url("kucoin"), clock=clock.now_ms)
    pair = {"symbol": "BTC-USDT"}
    number = (await bot.limit(clientOid="one")).json["data"]["orderId"]
    assert (await bot("GET", f"{ORDERS}/{number}", **pair)).json["data"]["clientOid"] == "one"
    assert [o["id"] for o in (await bot("GET", f"{ORDERS}/active", **pair)).json["data"]] == [number]
    assert said(await bot("GET", f"{ORDERS}/active")) == (200, "900001")  # a symbol is needed
    assert said(await bot("GET", f"{ORDERS}/client-order/one")) == (200, "400100")
    assert said(await bot("GET", f"{ORDERS}/client-order/one", symbol="ETH-USDT")) == (200, "400100")
    assert (await bot("GET", f"{ORDERS}/client-order/two", **pair)).json["msg"] == "order_not_exist"
    assert (await bot("GET", f"{ORDERS}/active/symbols")).json["data"] == {"symbols": ["BTC-USDT"]}
    assert (await bot("GET", f"{ORDERS}/active/page", **pair)).json["data"]["totalNum"] == 1
    assert (await bot("DELETE", f"{ORDERS}/{number}", **pair)).json["data"] == {"orderId": number}
    gone = await bot("DELETE", f"{ORDERS}/{number}", **pair)
    assert gone.json["msg"] == "order_not_exist_or_not_allow_to_cancel"
    found = (await bot("GET", f"{ORDERS}/client-order/one", **pair)).json["data"]
    assert (found["active"], found["cancelExist"]) == (False, True)
    begun = clock.now_ms()
    clock.advance(8 * 86_400)
    filled = (await bot.limit("70000")).json["data"]["orderId"]
    done = (await bot("GET", f"{ORDERS}/done", **pair)).json["data"]["items"]
    assert [o["id"] for o in done] == [filled]  # seven days unless told otherwise
    done = (await bot("GET", f"{ORDERS}/done", startAt=begun, endAt=begun + 1, **pair)).json["data"]["items"]
    assert [o["id"] for o in done] == [number]
    assert said(await bot("GET", f"{ORDERS}/done", startAt=begun, endAt=clock.now_ms(), **pair)) == (200, "400100")
    fills = (await bot("GET", "/api/v1/hf/fills", **pair)).json["data"]
    assert [(f["orderId"], f["size"]) for f in fills["items"]] == [(filled, "0.01")]
    again = await bot("GET", "/api/v1/hf/fills", lastId=fills["lastId"], **pair)
    assert again.json["data"]["items"] == []
    assert (await bot("GET", "/api/v1/fills", orderId=filled)).json["data"]["totalNum"] == 1
    assert [o["id"] for o in (await bot("GET", "/api/v1/limit/orders")).json["data"]] == [filled]


async def test_batches_succeed_in_part(bot: Kucoin, sim: Simulator) -> None:
    good = {"clientOid": "a", "symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "50000", "size": "0.01"}
    batch = [good, {**good, "clientOid": "b", "size": "9000"}, {**good, "clientOid": "a"}, {**good, "clientOid": "c"}]
    rows = (await bot("POST", f"{ORDERS}/multi", {"orderList": batch})).json["data"]
    assert [r["success"] for r in rows] == [True, False, False, True]
    assert [r.get("failMsg") for r in rows] == [None, "Balance insufficient!", "clientOidDuplicated", None]
    named = [{**good, "clientOid": f"s{n}"} for n in range(6)]
    assert said(await bot("POST", f"{ORDERS}/multi/sync", {"orderList": named})) == (200, "400100")
    rows = (await bot("POST", f"{ORDERS}/multi/sync", {"orderList": named[:2]})).json["data"]
    assert [r["status"] for r in rows] == ["open", "open"]
    old = {"symbol": "BTC-USDT", "orderList": [{**named[2], "symbol": None}, {**named[3], "price": "0"}]}
    rows = (await bot("POST", "/api/v1/orders/multi", old)).json["data"]["data"]
    assert [r["status"] for r in rows] == ["success", "fail"]
    assert (await bot("DELETE", ORDERS, symbol="ETH-USDT")).json["data"] == "success"
    assert len(sim.registry.account("kucoin", "a").desk.open_orders()) == 5
    assert (await bot("DELETE", f"{ORDERS}/cancelAll")).json["data"]["succeedSymbols"] == ["BTC-USDT"]
    assert sim.registry.account("kucoin", "a").desk.open_orders() == []


async def test_alter_places_anew(bot: Kucoin, sim: Simulator) -> None:
    number = (await bot.limit(clientOid="one")).json["data"]["orderId"]
    change = {"symbol": "BTC-USDT", "clientOid": "one", "newPrice": "51000"}
    fresh = (await bot("POST", f"{ORDERS}/alter", change)).json["data"]
    assert (fresh["newOrderId"] != number, fresh["clientOid"]) == (True, "one")
    found = (await bot("GET", f"{ORDERS}/client-order/one", symbol="BTC-USDT")).json["data"]
    assert (found["id"], found["price"], found["size"]) == (fresh["newOrderId"], "51000", "0.01")
    assert said(await bot("POST", f"{ORDERS}/alter", {"symbol": "BTC-USDT", "orderId": number})) == (200, "400100")
    poor = {**change, "newSize": "9000"}
    assert said(await bot("POST", f"{ORDERS}/alter", poor)) == (200, "200004")
    assert sim.registry.account("kucoin", "a").desk.open_orders() == []
    assert sim.ledger.duplicates() == {}


async def test_dead_mans_switch(start: Any) -> None:
    clock = ManualClock()
    bot = Kucoin((await start(config(), clock)).url("kucoin"), clock=clock.now_ms)
    path = f"{ORDERS}/dead-cancel-all"
    await bot.limit()
    assert said(await bot("POST", path, {"timeout": 4})) == (200, "400100")
    assert said(await bot("POST", path, {"timeout": 10, "symbols": "BTC-USDT"})) == OK
    clock.advance(9)
    assert (await bot("GET", f"{path}/query")).json["data"]["timeout"] == 10
    assert len((await bot("GET", f"{ORDERS}/active", symbol="BTC-USDT")).json["data"]) == 1
    clock.advance(1)
    assert (await bot("GET", f"{ORDERS}/active", symbol="BTC-USDT")).json["data"] == []
    assert (await bot("GET", f"{path}/query")).json["data"] is None
