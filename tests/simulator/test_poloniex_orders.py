from typing import Any

import pytest

from proxy.simulator import ManualClock, Simulator
from proxy.simulator.poloniex.limits import PoloniexLimits
from tests.simulator.poloniex_client import DONE, OK, READ, Poloniex, config, said

WIDE = PoloniexLimits(private_heavy=1000, futures_other=1000)


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config(WIDE))


@pytest.fixture
def bot(sim: Simulator) -> Poloniex:
    return Poloniex(sim.url("poloniex"))


async def test_client_ids_are_taken_for_good(bot: Poloniex, sim: Simulator) -> None:
    assert said(await bot.limit(clientOrderId="one")) == OK
    assert said(await bot.limit(clientOrderId="one")) == (400, 21312)
    assert said(await bot("DELETE", "/orders/cid:one")) == (200, 200)
    assert said(await bot.limit(clientOrderId="one")) == (400, 21312)
    assert said(await bot.limit(clientOrderId="x" * 64)) == OK
    assert said(await bot.limit(clientOrderId="x" * 65)) == (400, 21315)
    assert said(await bot.perp(clOrdId="one")) == DONE  # another product
    assert said(await bot.perp(clOrdId="one")) == (200, 250)
    assert sim.ledger.orders_executed == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "BTCUSDT"}, 10040),
        ({"symbol": "BTC_USDT_PERP"}, 10040),
        ({"side": "buy"}, 21319),
        ({"type": "STOP"}, 21320),
        ({"timeInForce": "GTD"}, 21321),
        ({"accountType": "MARGIN"}, 21324),
        ({"price": "0"}, 21309),
        ({"price": 50000}, 21309),
        ({"price": "50000.001"}, 21335),
        ({"quantity": "0"}, 21328),
        ({"quantity": "0.000001"}, 21330),
        ({"quantity": "0.0100001"}, 21336),
        ({"quantity": "0.00002"}, 21322),
        ({"type": "MARKET"}, 21317),
        ({"type": "LIMIT_MAKER", "price": "70000"}, 601),
        ({"quantity": "9000"}, 21709),
    ],
)
async def test_order_refusals(bot: Poloniex, sim: Simulator, change: dict[str, Any], code: int) -> None:
    assert said(await bot.limit(**change)) == (400, code)
    assert sim.ledger.orders_executed == 0


async def test_kinds_of_orders(bot: Poloniex, sim: Simulator) -> None:
    spend = {"symbol": "BTC_USDT", "side": "BUY", "type": "MARKET", "amount": "600"}
    assert said(await bot("POST", "/orders", spend)) == OK
    assert said(await bot.limit(timeInForce="FOK")) == OK
    assert said(await bot.limit(type="LIMIT_MAKER")) == OK
    orders = sim.ledger.orders("poloniex", "a")
    assert [(o.status, f"{o.quantity}") for o in orders] == [
        ("FILLED", "0.00999"),
        ("EXPIRED", "0.01"),
        ("OPEN", "0.01"),
    ]


async def test_there_may_be_so_many_open_orders(start: Any) -> None:
    sim = await start(config(PoloniexLimits(open_orders=1)))
    bot = Poloniex(sim.url("poloniex"))
    assert said(await bot.limit()) == OK
    assert said(await bot.limit()) == (400, 21314)


async def test_look_ups(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(WIDE), clock)
    bot = Poloniex(sim.url("poloniex"), clock=clock.now_ms)
    number = (await bot.limit(clientOrderId="one")).json["id"]
    assert (await bot("GET", f"/orders/{number}")).json["clientOrderId"] == "one"
    assert (await bot("GET", "/orders/cid:one")).json["id"] == number
    assert [o["id"] for o in (await bot("GET", "/orders", symbol="BTC_USDT")).json] == [number]
    assert (await bot("GET", "/orders", symbol="ETH_USDT")).json == []
    assert said(await bot("GET", "/orders/cid:two")) == (400, 21301)
    assert said(await bot("GET", "/orders/two")) == (400, 21346)
    assert (await bot("DELETE", f"/orders/{number}")).json["state"] == "PENDING_CANCEL"
    assert said(await bot("DELETE", f"/orders/{number}")) == (400, 21359)
    assert (await bot("GET", f"/orders/{number}")).json["state"] == "CANCELED"
    assert said(await bot("GET", "/orders/cid:one")) == (400, 21301)  # finished: only by its number or the history
    begun = clock.now_ms()
    clock.advance(8 * 86_400)
    filled = (await bot.limit("70000")).json["id"]
    assert [o["id"] for o in (await bot("GET", "/orders/history")).json] == [filled]
    past = (await bot("GET", "/orders/history", startTime=begun, endTime=begun + 1)).json
    assert [(o["id"], o["clientOrderId"]) for o in past] == [(number, "one")]
    assert said(await bot("GET", "/orders/history", startTime=begun)) == (400, 21355)
    assert said(await bot("GET", "/trades", startTime=begun)) == (400, 21355)
    assert [t["orderId"] for t in (await bot("GET", "/trades", symbols="BTC_USDT")).json] == [filled]
    assert (await bot("GET", "/trades", symbols="ETH_USDT")).json == []
    assert [t["quantity"] for t in (await bot("GET", f"/orders/{filled}/trades")).json] == ["0.01"]
    assert said(await bot("GET", "/orders", limit=3000)) == (400, 21344)


async def test_finished_orders_may_stay_reachable(start: Any) -> None:
    bot = Poloniex((await start(config(PoloniexLimits(finds_done=True)))).url("poloniex"))
    await bot.limit("70000", clientOrderId="one")
    assert (await bot("GET", "/orders/cid:one")).json["state"] == "FILLED"


async def test_batches_succeed_in_part(bot: Poloniex, sim: Simulator) -> None:
    good = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01"}
    batch = [{**good, "clientOrderId": "a"}, {**good, "clientOrderId": "a"}, {**good, "quantity": "9000"}, good]
    rows = (await bot("POST", "/orders/batch", batch)).json
    assert [r.get("code") for r in rows] == [None, 21312, 21709, None]
    assert said(await bot("POST", "/orders/batch", [good] * 21)) == (400, 601)
    assert said(await bot("POST", "/orders/batch", [])) == (400, 601)
    wanted = {"orderIds": [rows[3]["id"], "1"], "clientOrderIds": ["a", "b"]}
    gone = (await bot("DELETE", "/orders/cancelByIds", wanted)).json
    assert [r["code"] for r in gone] == [200, 21301, 200, 21301]
    assert said(await bot("DELETE", "/orders/cancelByIds", {"orderIds": []})) == (400, 602)
    await bot.limit()
    assert (await bot("DELETE", "/orders", {"symbols": ["ETH_USDT"]})).json == []
    assert len((await bot("DELETE", "/orders")).json) == 1  # an empty body means everything
    assert sim.registry.account("poloniex", "a").desk.open_orders() == []


async def test_replace_is_two_steps(bot: Poloniex, sim: Simulator) -> None:
    number = (await bot.limit(clientOrderId="one")).json["id"]
    fresh = (await bot("PUT", f"/orders/{number}", {"price": "51000", "clientOrderId": "two"})).json
    assert (fresh["id"] != number, fresh["clientOrderId"]) == (True, "two")
    assert (await bot("GET", "/orders/cid:two")).json["price"] == "51000"
    assert said(await bot("PUT", f"/orders/{number}", {"price": "52000"})) == (400, 21359)
    assert said(await bot("PUT", "/orders/cid:none", {"price": "52000"})) == (400, 21301)
    forced = {"price": "52000", "proceedOnFailure": True}
    assert said(await bot("PUT", f"/orders/{number}", forced)) == OK  # now two are alive
    assert len(sim.registry.account("poloniex", "a").desk.open_orders()) == 2
    assert said(await bot("PUT", "/orders/cid:two", {"quantity": "9000"})) == (400, 21709)
    assert len(sim.registry.account("poloniex", "a").desk.open_orders()) == 1  # canceled, and nothing placed


async def test_kill_switch(start: Any) -> None:
    clock = ManualClock()
    bot = Poloniex((await start(config(), clock)).url("poloniex"), clock=clock.now_ms)
    await bot.limit()
    assert said(await bot("GET", "/orders/killSwitchStatus")) == (400, 25020)
    assert said(await bot("POST", "/orders/killSwitch", {"timeout": "9"})) == (400, 25001)
    told = (await bot("POST", "/orders/killSwitch", {"timeout": "10"})).json
    assert int(told["cancellationTime"]) == clock.now_ms() + 10_000
    clock.advance(9)
    assert len((await bot("GET", "/orders")).json) == 1
    clock.advance(1)
    assert (await bot("GET", "/orders")).json == []
    assert said(await bot("GET", "/orders/killSwitchStatus")) == (400, 25020)
    await bot("POST", "/orders/killSwitch", {"timeout": "10"})
    await bot("POST", "/orders/killSwitch", {"timeout": "-1"})
    assert said(await bot("GET", "/orders/killSwitchStatus")) == (400, 25020)


async def test_futures_orders(bot: Poloniex) -> None:
    names = (await bot.perp(clOrdId="one")).json["data"]
    [order] = (await bot("GET", "/v3/trade/order/opens", clOrdId="one")).json["data"]
    assert (order["ordId"], order["sz"], order["state"]) == (names["ordId"], "10", "NEW")
    wanted = {"symbol": "BTC_USDT_PERP", "ordId": names["ordId"]}
    assert said(await bot("DELETE", "/v3/trade/order", {**wanted, "symbol": "ETH_USDT_PERP"})) == (200, 11008)
    assert said(await bot("DELETE", "/v3/trade/order", **wanted)) == READ  # in the query, and signed with it
    assert said(await bot("DELETE", "/v3/trade/order", wanted)) == (200, 11004)
    [gone] = (await bot("GET", "/v3/trade/order/history", ordId=names["ordId"])).json["data"]
    assert (gone["state"], gone["clOrdId"]) == ("CANCELED", "one")
    unnamed = (await bot.perp()).json["data"]
    assert unnamed["clOrdId"] == f"polo{unnamed['ordId']}"
    by_name = {"symbol": "BTC_USDT_PERP", "clOrdId": unnamed["clOrdId"]}
    assert said(await bot("DELETE", "/v3/trade/order", by_name)) == READ


async def test_canceled_futures_orders_are_soon_forgotten(start: Any) -> None:
    clock = ManualClock()
    bot = Poloniex((await start(config(WIDE), clock)).url("poloniex"), clock=clock.now_ms)
    await bot.perp()
    await bot("DELETE", "/v3/trade/allOrders", {"symbol": "BTC_USDT_PERP"})
    await bot.perp("70000")
    assert len((await bot("GET", "/v3/trade/order/history")).json["data"]) == 2
    clock.advance(4 * 3600 + 1)
    [kept] = (await bot("GET", "/v3/trade/order/history")).json["data"]
    assert kept["state"] == "FILLED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "BTC_USDT"}, 10001),
        ({"symbol": "BTC_USD_PERP"}, 10001),
        ({"side": "buy"}, 400),
        ({"type": "STOP"}, 400),
        ({"sz": "0.5"}, 400),
        ({"sz": 10}, 400),
        ({"px": "50000.001"}, 400),
        ({"posSide": "LONG"}, 400),
        ({"timeInForce": "GTX"}, 400),
        ({"clOrdId": "x" * 65}, 400),
        ({"reduceOnly": True}, 10018),
        ({"type": "LIMIT_MAKER", "px": "70000"}, 400),
        ({"sz": "1000000", "px": "500000"}, 21721),
    ],
)
async def test_futures_refusals(bot: Poloniex, sim: Simulator, change: dict[str, Any], code: int) -> None:
    assert said(await bot.perp(**change)) == (200, code)
    assert sim.ledger.orders_executed == 0


async def test_positions_in_contracts(bot: Poloniex) -> None:
    assert said(await bot.perp("70000")) == DONE
    [held] = (await bot("GET", "/v3/trade/position/opens")).json["data"]
    assert (held["symbol"], held["qty"], held["posSide"]) == ("BTC_USDT_PERP", "10", "LONG")
    assert said(await bot.perp("10", side="SELL", sz="99", reduceOnly=True)) == DONE  # cut to what is held
    assert (await bot("GET", "/v3/trade/position/opens")).json["data"] == []
    assert said(await bot("POST", "/v3/trade/position", {"symbol": "BTC_USDT_PERP"})) == (200, 21001)
    await bot.perp(type="MARKET", side="SELL")
    await bot.perp(type="MARKET", symbol="ETH_USDT_PERP")
    assert said(await bot("POST", "/v3/trade/position", {"symbol": "BTC_USDT_PERP", "clOrdId": "out"})) == DONE
    assert len((await bot("POST", "/v3/trade/positionAll")).json["data"]) == 1
    fills = (await bot("GET", "/v3/trade/order/trades", symbol="BTC_USDT_PERP")).json["data"]
    assert [(f["side"], f["qty"]) for f in fills] == [("BUY", "10"), ("SELL", "10"), ("SELL", "10"), ("BUY", "10")]


async def test_futures_batches(bot: Poloniex, sim: Simulator) -> None:
    good = {"symbol": "BTC_USDT_PERP", "side": "BUY", "type": "LIMIT", "px": "50000", "sz": "1"}
    full = {**good, "mgnMode": "CROSS", "posSide": "BOTH"}
    batch = [{**full, "clOrdId": "a"}, {**full, "clOrdId": "a"}, good, full]
    rows = (await bot("POST", "/v3/trade/orders", batch)).json["data"]
    assert [r["code"] for r in rows] == [200, 250, 400, 200]
    assert said(await bot("POST", "/v3/trade/orders", [full] * 11)) == (200, 10016)
    both = {"symbol": "BTC_USDT_PERP", "ordIds": [rows[3]["ordId"], "1"], "clOrdIds": ["a"]}
    gone = (await bot("DELETE", "/v3/trade/batchOrders", both)).json["data"]
    assert [r["code"] for r in gone] == ["200", "11008"]  # client ids are ignored beside order ids
    many = {"symbol": "BTC_USDT_PERP", "ordIds": ["1"] * 11}
    assert said(await bot("DELETE", "/v3/trade/batchOrders", many)) == (200, 10017)
    assert len((await bot("DELETE", "/v3/trade/allOrders", symbol="BTC_USDT_PERP")).json["data"]) == 1
    assert sim.registry.account("poloniex", "a").desk.open_orders() == []
