from typing import Any

import pytest

from proxy.simulator import Simulator
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


async def test_futures_orders(perp: Kucoin, bot: Kucoin, sim: Simulator) -> None:
    number = (await perp.lots("one")).json["data"]["orderId"]
    assert said(await perp.lots("one")) == (200, "300018")
    assert said(await bot.limit(clientOid="one")) == OK  # another product
    found = (await perp("GET", "/api/v1/orders/byClientOid", clientOid="one")).json["data"]
    assert (found["id"], found["size"], found["value"], found["status"]) == (number, 10, "500.000000000000", "open")
    overview = (await perp("GET", "/api/v1/account-overview", currency="USDT")).json["data"]
    assert overview["orderMargin"] == 550  # a tenth of what the lots are worth, and all of the spot order
    listed = (await perp("GET", "/api/v1/orders", status="active", symbol="XBTUSDTM")).json["data"]["items"]
    assert [o["id"] for o in listed] == [number]
    assert (await perp("GET", "/api/v1/openOrderStatistics", symbol="XBTUSDTM")).json["data"]["openOrderBuySize"] == 10
    assert (await perp("DELETE", f"/api/v1/orders/{number}")).json["data"] == {"cancelledOrderIds": [number]}
    assert said(await perp("DELETE", f"/api/v1/orders/{number}")) == (200, "100004")
    assert said(await perp("GET", "/api/v1/orders/67dummy")) == (200, "100001")
    assert said(await perp.lots("one")) == (200, "300018")  # never free again
    assert said(await perp("DELETE", "/api/v1/orders/client-order/none", symbol="XBTUSDTM")) == (200, "100001")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clientOid": None}, "400100"),
        ({"clientOid": "x" * 41}, "400100"),
        ({"size": 0}, "400100"),
        ({"size": 1.5}, "400100"),
        ({"qty": "0.01"}, "400100"),
        ({"price": "50000.001"}, "400100"),
        ({"leverage": 0}, "400100"),
        ({"symbol": "BTC-USDT"}, "900001"),
        ({"reduceOnly": True}, "300009"),
        ({"closeOrder": True}, "300009"),
        ({"price": "70000", "postOnly": True}, "400100"),
        ({"timeInForce": "FOK"}, "400100"),
        ({"size": 1_000_000, "price": "50000000"}, "300003"),
    ],
)
async def test_futures_refusals(perp: Kucoin, sim: Simulator, change: dict[str, Any], code: str) -> None:
    given = {"client_id": "one", **change}
    assert said(await perp.lots(**given)) == (200, code)
    assert sim.ledger.orders_executed == 0


async def test_positions_in_lots(perp: Kucoin) -> None:
    assert said(await perp.lots("long", "70000")) == OK
    inverse = {"symbol": "XBTUSDM", "side": "sell", "type": "market", "size": 500, "leverage": 3, "clientOid": "short"}
    inverse_id = (await perp("POST", "/api/v1/orders", inverse)).json["data"]["orderId"]
    held = {p["symbol"]: (p["currentQty"], p["settleCurrency"]) for p in (await _positions(perp))}
    assert held == {"XBTUSDTM": (10, "USDT"), "XBTUSDM": (-500, "XBT")}
    done = (await perp("GET", f"/api/v1/orders/{inverse_id}")).json["data"]
    assert (done["filledSize"], done["status"], float(done["filledValue"])) == (500, "done", 0.00833195856)
    assert said(await perp.lots("more", "70000", reduceOnly=True)) == (200, "300009")  # would add to it
    assert said(await perp.lots("less", "10", side="sell", size=99, reduceOnly=True)) == OK  # cut to what is held
    close = {"symbol": "XBTUSDM", "type": "market", "closeOrder": True, "clientOid": "close"}
    assert said(await perp("POST", "/api/v1/orders", close)) == OK
    assert await _positions(perp) == []
    fills = (await perp("GET", "/api/v1/fills")).json["data"]["items"]
    assert [f["size"] for f in fills] == [500, 10, 500, 10]


async def _positions(perp: Kucoin) -> Any:
    return (await perp("GET", "/api/v1/positions")).json["data"]


async def test_futures_batches(perp: Kucoin, sim: Simulator) -> None:
    good = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "price": "50000", "size": 1, "leverage": 1}
    batch = [{**good, "clientOid": "a"}, {**good, "clientOid": "a"}, good, {**good, "clientOid": "b"}]
    rows = (await perp("POST", "/api/v1/orders/multi", batch)).json["data"]
    assert [r["code"] for r in rows] == ["200000", "300018", "400100", "200000"]
    numbers = {"orderIdsList": [rows[0]["orderId"], "none"]}
    gone = (await perp("DELETE", "/api/v1/orders/multi-cancel", numbers)).json["data"]
    assert [r["code"] for r in gone] == ["200", "100001"]
    named = {"clientOidsList": [{"symbol": "XBTUSDTM", "clientOid": n} for n in ("a", "b")]}
    gone = (await perp("DELETE", "/api/v1/orders/multi-cancel", named)).json["data"]
    assert [r["code"] for r in gone] == ["100004", "200"]
    await perp.lots("c")
    all_of_them = (await perp("DELETE", "/api/v3/orders", symbol="XBTUSDTM")).json["data"]["cancelledOrderIds"]
    assert len(all_of_them) == 1
    got = await perp("DELETE", "/api/v1/orders")
    assert (got.json["data"], got.headers["gw-ratelimit-limit"]) == ({"cancelledOrderIds": []}, "2000")
    assert int(got.headers["gw-ratelimit-remaining"]) < 1200  # it weighs 800
