from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import BinanceLimits, ManualClock, Simulator
from tests.simulator.clients import B_KEY, ELSEWHERE, HERE, OTHER, Binance, Got, config, now_ms, send


def said(got: Got) -> tuple[int, int]:
    return got.status, got.json["code"]


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start()


@pytest.fixture
def bot(sim: Simulator) -> Binance:
    return Binance(sim.url("binance"))


async def test_parameters_may_stand_in_query_or_form_body(bot: Binance) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert (await bot("POST", "/api/v3/order", **order)).json["status"] == "FILLED"
    assert (await bot.raw("POST", "/api/v3/order", bot.signed(order))).json["status"] == "FILLED"
    name = (await bot.limit()).json["clientOrderId"]
    body = bot.signed({"symbol": "BTCUSDT", "origClientOrderId": name})
    assert (await bot.raw("DELETE", "/api/v3/order", body)).json["status"] == "CANCELED"


async def test_a_json_body_is_not_read(bot: Binance) -> None:
    body = '{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.01"}'
    assert said(await bot.raw("POST", "/api/v3/order", body, "application/json")) == (400, -1102)
    form = bot.signed({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"})
    assert said(await bot.raw("POST", "/api/v3/order", form, "application/json")) == (400, -1102)


async def test_a_body_on_get_is_not_read(bot: Binance) -> None:
    assert said(await bot.raw("GET", "/api/v3/account", bot.signed({}))) == (400, -1102)


async def test_tampered_signature(bot: Binance, sim: Simulator) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    good = bot.signed(order)
    assert said(await bot.raw("POST", f"/api/v3/order?{good.replace('0.01', '0.02')}")) == (400, -1022)
    assert said(await replace(bot, secret="dummy-wrong")("GET", "/api/v3/account")) == (400, -1022)
    assert sim.ledger.orders_executed == 0


async def test_time_rules(bot: Binance) -> None:
    now = now_ms()
    assert said(await bot("GET", "/api/v3/account", now - 5_500)) == (400, -1021)
    assert (await bot("GET", "/api/v3/account", now - 5_500, recvWindow=20_000)).status == 200
    assert said(await bot("GET", "/api/v3/account", now + 5_000)) == (400, -1021)
    assert (await bot("GET", "/api/v3/account", now * 1000)).status == 200
    assert said(await bot("GET", "/api/v3/account", recvWindow=60_001)) == (400, -1131)


async def test_public_paths_take_neither_signature_nor_timestamp(bot: Binance) -> None:
    assert said(await bot.raw("GET", f"/api/v3/time?timestamp={now_ms()}")) == (400, -1101)
    assert said(await bot.raw("GET", "/api/v3/ticker/price?symbol=BTCUSDT&signature=00")) == (400, -1101)


async def test_unknown_duplicate_and_missing_parameters(bot: Binance) -> None:
    assert said(await bot("GET", "/api/v3/openOrders", symbol="BTCUSDT", pair="x")) == (400, -1104)
    assert said(await bot.raw("GET", "/api/v3/ticker/price?symbol=BTCUSDT&symbol=BTCUSDT")) == (400, -1101)
    assert said(await bot("GET", "/api/v3/order", symbol="BTCUSDT")) == (400, -1102)
    assert said(await bot("GET", "/api/v3/myTrades")) == (400, -1102)
    assert said(await bot("GET", "/api/v3/openOrders", symbol="NOPE")) == (400, -1121)
    unsigned = await bot.raw("GET", f"/api/v3/account?timestamp={now_ms()}")
    assert said(unsigned) == (400, -1102)


async def test_unknown_path_is_not_json(bot: Binance) -> None:
    assert (await bot.raw("GET", "/api/v3/nothing")).headers["content-type"] == "text/html"
    assert (await bot.raw("PATCH", "/api/v3/order")).status == 405


async def test_key_states(bot: Binance, sim: Simulator) -> None:
    account = "/api/v3/account"
    assert said(await replace(bot, key="")("GET", account)) == (401, -2014)
    assert said(await replace(bot, key="dummy-nobody")("GET", account)) == (401, -2008)
    assert said(await replace(bot, address=ELSEWHERE)("GET", account)) == (401, -2015)
    assert (await replace(bot, address=OTHER)("GET", account)).status == 200
    assert (await replace(bot, key=f"{B_KEY}-2", address=ELSEWHERE)("GET", account)).status == 200
    sim.suspend_key("binance", "b", "main")
    assert said(await bot("GET", account)) == (401, -2015)
    sim.lift_key("binance", "b", "main")
    sim.set_trade("binance", "b", "main", False)
    assert (await bot("GET", account)).status == 200
    assert said(await bot.limit()) == (401, -2015)
    sim.delete_key("binance", "b", "main")
    assert said(await bot("GET", account)) == (401, -2008)


async def test_suspension_ends_by_the_clock(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Binance(sim.url("binance"))
    sim.suspend_key("binance", "b", "main", 60)
    assert said(await bot("GET", "/api/v3/account", clock.now_ms())) == (401, -2015)
    clock.advance(60)
    assert (await bot("GET", "/api/v3/account", clock.now_ms())).status == 200


async def test_unlisted_address(bot: Binance, sim: Simulator) -> None:
    sim.unlist("binance", "b", "main", HERE)
    assert said(await bot("GET", "/api/v3/account")) == (401, -2015)
    assert (await replace(bot, address=OTHER)("GET", "/api/v3/account")).status == 200
    sim.enlist("binance", "b", "main", HERE)
    assert (await bot("GET", "/api/v3/account")).status == 200


async def test_duplicate_client_id_only_while_open(bot: Binance, sim: Simulator) -> None:
    assert (await bot.limit(newClientOrderId="dup")).status == 200
    again = await bot.limit(newClientOrderId="dup")
    assert (said(again), again.json["msg"]) == ((400, -2010), "Duplicate order sent.")
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for _ in range(2):
        assert (await bot("POST", "/api/v3/order", **market, newClientOrderId="gone")).status == 200
    assert sim.ledger.duplicates() == {("binance", "b", "gone"): 2}
    assert sim.ledger.executions("binance", "b", "dup") == 1


async def test_order_refusals(bot: Binance, sim: Simulator) -> None:
    assert said(await bot.limit(price="50000.001")) == (400, -1013)
    assert said(await bot.limit(price="5e4")) == (400, -1100)
    assert said(await bot.limit(newClientOrderId="a b")) == (400, -1100)
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
    assert said(await bot("POST", "/api/v3/order", **order, type="LIMIT", price="50000")) == (400, -1102)
    assert said(await bot("POST", "/api/v3/order", **order, type="MARKET", price="50000")) == (400, -1106)
    assert said(await bot("POST", "/api/v3/order", **{**order, "quantity": "9000"}, type="MARKET")) == (400, -2010)
    assert said(await bot("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)) == (400, -2011)
    assert said(await bot("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1)) == (400, -2013)
    sim.suspend_account("binance", "b")
    assert said(await bot.limit()) == (400, -2010)
    assert sim.ledger.orders_executed == 0


async def test_crossing_resting_and_moved_prices(bot: Binance, sim: Simulator) -> None:
    assert (await bot.limit("70000")).json["status"] == "FILLED"
    resting = (await bot.limit("50000")).json
    assert resting["status"] == "NEW"
    sim.set_price("BTC", "USDT", "49000")
    seen = await bot("GET", "/api/v3/order", symbol="BTCUSDT", orderId=resting["orderId"])
    assert seen.json["status"] == "FILLED"


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
AMEND = "/api/v3/order/amend/keepPriority"
REPLACE = "/api/v3/order/cancelReplace"


async def test_amendments(bot: Binance) -> None:
    number = (await bot.limit(newClientOrderId="dummy-a")).json["orderId"]
    named = {"symbol": "BTCUSDT", "orderId": number}
    less = (await bot("PUT", AMEND, **named, newQty="0.005", newClientOrderId="dummy-b")).json
    told = less["amendedOrder"]
    assert set(less) == {"transactTime", "executionId", "amendedOrder"}
    assert (told["qty"], told["cumulativeQuoteQty"], told["status"]) == ("0.00500000", "0.00000000", "NEW")
    assert (told["origClientOrderId"], told["clientOrderId"]) == ("dummy-a", "dummy-b")
    assert not {"origQty", "cummulativeQuoteQty", "time"} & set(told)
    seen = await bot("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="dummy-b")
    assert (seen.json["orderId"], seen.json["origQty"]) == (number, "0.00500000")
    assert said(await bot("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="dummy-a")) == (400, -2013)
    again = (await bot("PUT", AMEND, **named, newQty="0.004")).json["amendedOrder"]
    assert again["clientOrderId"] not in ("dummy-a", "dummy-b")
    kept = (await bot("PUT", AMEND, **named, newQty="0.003", newClientOrderId=again["clientOrderId"])).json
    assert kept["amendedOrder"]["clientOrderId"] == again["clientOrderId"]
    rows = (await bot("GET", "/api/v3/order/amendments", **named)).json
    assert [(row["origQty"], row["newQty"]) for row in rows] == [
        ("0.01000000", "0.00500000"),
        ("0.00500000", "0.00400000"),
        ("0.00400000", "0.00300000"),
    ]
    assert rows[0]["executionId"] == less["executionId"]
    assert (rows[0]["origClientOrderId"], rows[0]["newClientOrderId"]) == ("dummy-a", "dummy-b")
    later = await bot("GET", "/api/v3/order/amendments", **named, fromExecutionId=rows[1]["executionId"], limit=1)
    assert later.json == rows[1:2]


async def test_amendments_that_are_refused(bot: Binance) -> None:
    number = (await bot.limit(newClientOrderId="dummy-a")).json["orderId"]
    await bot.limit(newClientOrderId="dummy-other")
    named = {"symbol": "BTCUSDT", "orderId": number}
    for quantity in ("0.01", "0.02"):
        assert said(await bot("PUT", AMEND, **named, newQty=quantity)) == (400, -2038)
    taken = await bot("PUT", AMEND, **named, newQty="0.005", newClientOrderId="dummy-other")
    assert said(taken) == (400, -2010)
    assert said(await bot("PUT", AMEND, symbol="BTCUSDT", orderId=1, newQty="0.005")) == (400, -2013)
    for step in range(10):
        assert (await bot("PUT", AMEND, **named, newQty=f"0.009{9 - step}")).status == 200
    assert "MAX_NUM_ORDER_AMENDS" in (await bot("PUT", AMEND, **named, newQty="0.001")).json["msg"]


async def test_cancel_replace(bot: Binance) -> None:
    old = (await bot.limit(newClientOrderId="dummy-old")).json
    swap = {**ORDER, "price": "40000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": old["orderId"]}
    names = {"newClientOrderId": "dummy-new", "cancelNewClientOrderId": "dummy-cancel"}
    done = (await bot("POST", REPLACE, **swap, **names)).json
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    cancelled, made = done["cancelResponse"], done["newOrderResponse"]
    assert (cancelled["clientOrderId"], cancelled["origClientOrderId"]) == ("dummy-cancel", "dummy-old")
    assert (made["clientOrderId"], made["price"], made["fills"]) == ("dummy-new", "40000.00000000", [])
    assert said(await bot("POST", REPLACE, **{**swap, "cancelReplaceMode": "X"})) == (400, -1100)


@pytest.mark.parametrize(
    ("mode", "known", "quantity", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", False, "0.01", 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", False, "0.01", 409, -2021, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", False, "900", 400, -2022, ("FAILURE", "FAILURE")),
        ("STOP_ON_FAILURE", True, "900", 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", True, "900", 409, -2021, ("SUCCESS", "FAILURE")),
    ],
)
async def test_cancel_replace_that_fails(
    bot: Binance, mode: str, known: bool, quantity: str, status: int, code: int, results: tuple[str, str]
) -> None:
    old = (await bot.limit()).json["orderId"] if known else 1
    swap = {**ORDER, "quantity": quantity, "price": "40000", "cancelReplaceMode": mode, "cancelOrderId": old}
    got = await bot("POST", REPLACE, **swap)
    data = got.json["data"]
    assert (said(got), (data["cancelResult"], data["newOrderResult"])) == ((status, code), results)
    assert (data["cancelResponse"].get("code") == -2011) is not known
    if results[1] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None
    elif results[1] == "FAILURE":
        assert data["newOrderResponse"]["code"] == -2010
    else:
        assert data["newOrderResponse"]["status"] == "NEW"
    counts = await bot("GET", "/api/v3/rateLimit/order")
    assert counts.json[1]["count"] == 1 + known


async def test_cancel_replace_over_the_order_limit(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"binance": BinanceLimits(orders_10s=1)}), clock)
    bot = Binance(sim.url("binance"))
    old = (await bot("POST", "/api/v3/order", clock.now_ms(), **ORDER, price="50000")).json["orderId"]
    swap = {**ORDER, "price": "40000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": old}
    kept = await bot("POST", REPLACE, clock.now_ms(), **swap)
    assert (said(kept), "data" in kept.json) == ((429, -1015), False)
    gone = await bot("POST", REPLACE, clock.now_ms(), **swap, orderRateLimitExceededMode="CANCEL_ONLY")
    assert (said(gone), gone.json["data"]["cancelResult"]) == ((429, -1015), "SUCCESS")
    assert (await bot("GET", "/api/v3/openOrders", clock.now_ms())).json == []


async def test_what_is_told_of_a_new_order_by_default(bot: Binance) -> None:
    assert (await bot.limit()).json["fills"] == []
    maker = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": "50000"}
    assert "status" not in (await bot("POST", "/api/v3/order", **maker)).json


async def test_cancel_all(bot: Binance) -> None:
    await bot.limit()
    assert len((await bot("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json) == 1
    assert said(await bot("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")) == (400, -2011)


OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "70000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "50000",
    "belowPrice": "49000",
    "belowTimeInForce": "GTC",
}
OTO = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "50000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingType": "LIMIT",
    "pendingSide": "SELL",
    "pendingPrice": "90000",
    "pendingQuantity": "0.01",
    "pendingTimeInForce": "GTC",
}


async def statuses(bot: Binance, made: Any) -> list[str]:
    named = [{"symbol": "BTCUSDT", "orderId": order["orderId"]} for order in made["orders"]]
    return [(await bot("GET", "/api/v3/order", **name)).json["status"] for name in named]


async def test_a_list_is_placed_found_and_cancelled(bot: Binance, sim: Simulator) -> None:
    names = {"listClientOrderId": "dummy-l", "aboveClientOrderId": "dummy-a", "belowClientOrderId": "dummy-b"}
    got = await bot("POST", "/api/v3/orderList/oco", **OCO, **names)
    made = got.json
    assert (got.headers["x-mbx-order-count-1d"], got.headers["x-mbx-used-weight-1m"]) == ("2", "0")
    assert (made["contingencyType"], made["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert [(report["type"], report["status"]) for report in made["orderReports"]] == [
        ("LIMIT_MAKER", "NEW"),
        ("STOP_LOSS_LIMIT", "NEW"),
    ]
    assert [order["clientOrderId"] for order in made["orders"]] == ["dummy-a", "dummy-b"]
    assert {order.client_id for order in sim.ledger.orders("binance", "b")} == {"dummy-a", "dummy-b"}
    listed = {name: value for name, value in made.items() if name != "orderReports"}
    assert (await bot("GET", "/api/v3/orderList", origClientOrderId="dummy-l")).json == listed
    assert (await bot("GET", "/api/v3/openOrderList")).json == [listed]
    assert {row["orderListId"] for row in (await bot("GET", "/api/v3/openOrders")).json} == {made["orderListId"]}
    assert said(await bot("POST", "/api/v3/orderList/oco", **OCO, **names)) == (400, -2010)
    gone = (await bot("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=made["orderListId"])).json
    assert (gone["listOrderStatus"], len(gone["orderReports"])) == ("ALL_DONE", 2)
    assert await statuses(bot, made) == ["CANCELED", "CANCELED"]
    again = await bot("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=made["orderListId"])
    assert said(again) == (400, -2011)
    assert said(await bot("GET", "/api/v3/orderList", origClientOrderId="dummy-none")) == (400, -2013)
    assert (await bot("GET", "/api/v3/orderList", orderListId=made["orderListId"])).json[
        "listOrderStatus"
    ] == "ALL_DONE"


async def test_one_order_of_a_list_ends_the_other(bot: Binance, sim: Simulator) -> None:
    first = (await bot("POST", "/api/v3/orderList/oco", **OCO)).json
    sim.set_price("BTC", "USDT", "71000")
    assert await statuses(bot, first) == ["FILLED", "EXPIRED"]
    sim.set_price("BTC", "USDT", "60000")
    second = (await bot("POST", "/api/v3/orderList/oco", **OCO)).json
    sim.set_price("BTC", "USDT", "49500")
    assert await statuses(bot, second) == ["EXPIRED", "FILLED"]
    sim.set_price("BTC", "USDT", "60000")
    resting = (await bot("POST", "/api/v3/orderList/oco", **{**OCO, "belowPrice": "50500"})).json
    sim.set_price("BTC", "USDT", "49900")
    assert await statuses(bot, resting) == ["EXPIRED", "NEW"]
    assert len((await bot("GET", "/api/v3/openOrderList")).json) == 1
    sim.set_price("BTC", "USDT", "60000")
    third = (await bot("POST", "/api/v3/orderList/oco", **OCO)).json
    cancelled = await bot("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=third["orders"][0]["orderId"])
    assert (cancelled.json["orderListId"], len(cancelled.json["orderReports"])) == (third["orderListId"], 2)
    assert await statuses(bot, third) == ["CANCELED", "CANCELED"]
    assert (await bot("GET", "/api/v3/openOrderList")).json == []


async def test_a_pending_order_is_placed_when_the_working_one_fills(bot: Binance, sim: Simulator) -> None:
    made = (await bot("POST", "/api/v3/orderList/oto", **OTO)).json
    assert await statuses(bot, made) == ["NEW", "PENDING_NEW"]
    sim.set_price("BTC", "USDT", "49000")
    assert await statuses(bot, made) == ["FILLED", "NEW"]
    sim.set_price("BTC", "USDT", "91000")
    assert await statuses(bot, made) == ["FILLED", "FILLED"]
    sim.set_price("BTC", "USDT", "49000")
    other = (await bot("POST", "/api/v3/orderList/oto", **OTO, newOrderRespType="ACK")).json
    assert await statuses(bot, other) == ["FILLED", "NEW"]  # the price was below already


async def test_lists_that_are_refused(bot: Binance, sim: Simulator) -> None:
    async def oco(**other: str) -> tuple[int, int]:
        return said(await bot("POST", "/api/v3/orderList/oco", **{**OCO, **other}))

    assert await oco(abovePrice="55000") == (400, -2010)
    assert await oco(belowStopPrice="65000") == (400, -2010)
    assert await oco(belowType="TAKE_PROFIT_LIMIT", belowStopPrice="75000") == (400, -2010)
    assert await oco(belowType="LIMIT_MAKER") == (400, -1158)
    assert await oco(belowStopPrice="50000.001") == (400, -1013)
    assert await oco(quantity="9000") == (400, -2010)
    assert await oco(stopPrice="1") == (400, -1104)
    assert await oco(aboveClientOrderId="same", belowClientOrderId="same") == (400, -2010)
    bare = {name: value for name, value in OCO.items() if name != "belowStopPrice"}
    assert said(await bot("POST", "/api/v3/orderList/oco", **bare)) == (400, -1102)
    assert said(await bot("POST", "/api/v3/orderList/oto", **{**OTO, "workingType": "MARKET"})) == (400, -1158)
    assert sim.ledger.orders_executed == 0


async def test_weights_by_parameter_and_by_address(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Binance(sim.url("binance"))

    async def cost(target: str) -> int:
        clock.advance(60)
        return int((await bot.raw("GET", target)).headers["x-mbx-used-weight-1m"])

    assert await cost("/api/v3/ping") == 1
    assert await cost("/api/v3/exchangeInfo") == 20
    assert await cost("/api/v3/ticker/24hr") == 80
    assert await cost("/api/v3/ticker/24hr?symbol=BTCUSDT") == 2
    assert await cost("/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D") == 2
    assert await cost("/api/v3/ticker/price") == 4
    assert [await cost(f"/api/v3/depth?symbol=BTCUSDT&limit={n}") for n in (100, 101, 501, 5000)] == [5, 25, 50, 250]
    clock.advance(60)
    for path, total in (("openOrders", 80), ("account", 100), ("rateLimit/order", 140)):
        used = (await bot("GET", f"/api/v3/{path}", clock.now_ms())).headers["x-mbx-used-weight-1m"]
        assert int(used) == total
    other = await replace(bot, address=OTHER)("GET", "/api/v3/account", clock.now_ms())
    assert other.headers["x-mbx-used-weight-1m"] == "20"


async def test_orders_cost_no_weight_when_they_succeed(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Binance(sim.url("binance"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    good = await bot("POST", "/api/v3/order", clock.now_ms(), **order, price="50000")
    assert good.headers["x-mbx-used-weight-1m"] == "0"
    bad = await bot("POST", "/api/v3/order", clock.now_ms(), **order, price="0.001")
    assert bad.headers["x-mbx-used-weight-1m"] == "1"


async def test_over_the_weight_then_banned(start: Any) -> None:
    clock = ManualClock()
    clock.advance(15)
    sim = await start(config(limits={"binance": BinanceLimits(weight_1m=40, ban_after=2)}), clock)
    bot = Binance(sim.url("binance"))
    for _ in range(2):
        assert (await bot.raw("GET", "/api/v3/exchangeInfo")).status == 200
    for _ in range(2):
        refused = await bot.raw("GET", "/api/v3/exchangeInfo")
        assert (*said(refused), refused.headers["retry-after"]) == (429, -1003, "45")
    banned = await bot.raw("GET", "/api/v3/ping")
    assert (*said(banned), banned.headers["retry-after"]) == (418, -1003, "120")
    assert f"IP banned until {clock.now_ms() + 120_000}" in banned.json["msg"]
    assert (await replace(bot, address=OTHER).raw("GET", "/api/v3/ping")).status == 200
    clock.advance(119)
    assert (await bot.raw("GET", "/api/v3/ping")).status == 418
    clock.advance(2)
    assert (await bot.raw("GET", "/api/v3/ping")).status == 200


async def test_each_further_ban_is_twice_as_long(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"binance": BinanceLimits(weight_1m=1, ban_after=0)}), clock)
    bot = Binance(sim.url("binance"))
    waits = []
    for _ in range(3):
        while (got := await bot.raw("GET", "/api/v3/ping")).status == 200:
            pass
        waits.append(int(got.headers["retry-after"]))
        clock.advance(waits[-1] + 60)
    assert waits == [120, 240, 480]


async def test_raw_requests_are_counted_too(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"binance": BinanceLimits(raw_5m=2)}), clock)
    bot = Binance(sim.url("binance"))
    got = [await bot.raw("GET", "/api/v3/ping") for _ in range(3)]
    assert [one.status for one in got] == [200, 200, 429]
    assert "5 MINUTE" in got[2].json["msg"]


async def test_wallet_calls_have_their_own_counters_and_never_ban(start: Any) -> None:
    sim = await start(config(limits={"binance": BinanceLimits(sapi_ip_1m=10, ban_after=0)}), ManualClock())
    bot = Binance(sim.url("binance"))
    path = "/sapi/v1/capital/config/getall"
    got = [await bot("GET", path, sim.clock.now_ms()) for _ in range(3)]
    assert [one.status for one in got] == [200, 429, 429]
    assert got[0].headers["x-sapi-used-ip-weight-1m"] == "10"
    assert (await bot("GET", "/sapi/v1/account/apiRestrictions", sim.clock.now_ms())).json["ipRestrict"] is True


async def test_windows_are_aligned_to_the_minute(start: Any) -> None:
    clock = ManualClock()
    clock.advance(59)
    sim = await start(config(limits={"binance": BinanceLimits(weight_1m=20)}), clock)
    bot = Binance(sim.url("binance"))
    assert (await bot.raw("GET", "/api/v3/exchangeInfo")).status == 200
    clock.advance(1)
    assert (await bot.raw("GET", "/api/v3/exchangeInfo")).status == 200


async def test_order_limit_is_the_accounts(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits={"binance": BinanceLimits(orders_10s=2)}), clock)
    first = Binance(sim.url("binance"))
    second = replace(first, key=f"{B_KEY}-2", address=OTHER)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

    async def place(bot: Binance, price: str = "50000") -> Got:
        return await bot("POST", "/api/v3/order", clock.now_ms(), **order, price=price)

    one = await place(first)
    assert (one.headers["x-mbx-order-count-10s"], one.headers["x-mbx-order-count-1d"]) == ("1", "1")
    taker = await place(second, "70000")  # counted, and given back as it fills
    assert taker.headers["x-mbx-order-count-10s"] == "1"
    assert (await place(second)).status == 200
    refused = await place(first)
    assert (*said(refused), refused.headers["retry-after"]) == (429, -1015, "10")
    clock.advance(10)
    assert (await place(first)).headers["x-mbx-order-count-1d"] == "3"


async def test_rejected_orders_count(start: Any) -> None:
    clock = ManualClock()
    sim = await start(clock=clock)
    bot = Binance(sim.url("binance"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "9000"}
    assert said(await bot("POST", "/api/v3/order", clock.now_ms(), **order)) == (400, -2010)
    counts = await bot("GET", "/api/v3/rateLimit/order", clock.now_ms())
    assert [row["count"] for row in counts.json] == [1, 1]


async def test_withdrawals_are_witnessed(bot: Binance, sim: Simulator) -> None:
    path = "/sapi/v1/capital/withdraw/apply"
    assert said(await bot("POST", path, coin="BTC", address="dummy", amount="1")) == (401, -2015)
    [seen] = sim.ledger.withdrawals
    assert (seen.account, seen.key, seen.address, seen.accepted) == ("b", "main", HERE, False)


async def test_futures_catalogue_is_empty_and_counted_apart(sim: Simulator) -> None:
    got = await send("GET", sim.url("binance") + "/fapi/v1/exchangeInfo")
    assert (got.json["symbols"], got.headers["x-mbx-used-weight-1m"]) == ([], "1")
