"""The simulated OKX: who may do what, how often, and what orders do."""

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.simulator import Fault, ManualClock, Simulator
from proxy.simulator.okx.limits import OkxLimits
from proxy.simulator.okx.wire import signature
from tests.simulator.clients import ELSEWHERE, OTHER, now_ms, send
from tests.simulator.okx_client import KEY, ORDER, SWAP, Okx, config, name, row, said, stamp

OK = (200, "0")
UUID = "0f5bd8fc-4e62-4e1c-9cd1-3b9e1f3f5a01"


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Okx:
    return Okx(sim.url("okx"))


VECTORS = [
    ("GET", "/api/v5/account/balance?ccy=BTC", b"", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    (
        "POST",
        "/api/v5/trade/order",
        b'{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"20000","sz":"0.001",'
        b'"clOrdId":"abc1"}',
        "Gz4suDvEd3JnedkFVS+EwANkRwNnZMVSYmVGiTcibrc=",
    ),
]


@pytest.mark.parametrize(("method", "target", "body", "wanted"), VECTORS)
def test_vectors(method: str, target: str, body: bytes, wanted: str) -> None:
    secret, at = "22582BD0CFF14C41EDBF1AB98506286D", "2020-12-08T09:08:57.715Z"
    assert signature(secret, at, method, target, body) == wanted
    assert signature(secret, at, method, target, body + b" ") != wanted
    assert signature(secret, at, method, target + "&", body) != wanted


# Who may do what.


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"OK-ACCESS-KEY": ""}, "50103"),
        ({"OK-ACCESS-PASSPHRASE": ""}, "50104"),
        ({"OK-ACCESS-SIGN": ""}, "50106"),
        ({"OK-ACCESS-TIMESTAMP": ""}, "50107"),
        ({"OK-ACCESS-KEY": "dummy-nobody"}, "50111"),
        ({"OK-ACCESS-PASSPHRASE": "dummy-wrong"}, "50105"),
        ({"OK-ACCESS-TIMESTAMP": "2023-11-14T22:13:20Z"}, "50112"),
        ({"OK-ACCESS-TIMESTAMP": "1700000000.000"}, "50112"),
        ({"OK-ACCESS-SIGN": "AAAA"}, "50113"),
        ({"x-simulated-trading": "1"}, "50101"),
    ],
)
async def test_headers(bot: Okx, headers: dict[str, str], wanted: str) -> None:
    got = await replace(bot, more=headers).get("account/balance")
    assert said(got) == (401, wanted)
    assert got.json["data"] == [] and got.json["msg"]


async def test_timestamp_may_be_half_a_minute_off(start: Any) -> None:
    clock = ManualClock()
    bot = Okx((await start(config(), clock)).url("okx"))
    for off, wanted in ((-30_000, OK), (30_000, OK), (-30_001, (401, "50102")), (30_001, (401, "50102"))):
        assert said(await replace(bot, at_ms=clock.now_ms() + off).get("account/balance")) == wanted


async def test_signature_covers_the_bytes_sent(bot: Okx, sim: Simulator) -> None:
    signed = "/api/v5/trade/order?instId=BTC-USDT&clOrdId=a"
    at = stamp(now_ms())
    sign = signature(bot.secret, at, "GET", signed, b"")
    same = {"OK-ACCESS-SIGN": sign, "OK-ACCESS-TIMESTAMP": at}
    assert said(await bot.raw("GET", signed, "", **same)) == (200, "51603")
    assert said(await bot.raw("GET", signed.replace("=a", "=b"), "", **same)) == (401, "50113")
    assert said(await bot.raw("GET", "/api/v5/trade/order?clOrdId=a&instId=BTC-USDT", "", **same)) == (401, "50113")
    sign = signature(bot.secret, at, "POST", "/api/v5/trade/order", json.dumps(ORDER).encode())
    same["OK-ACCESS-SIGN"] = sign
    compact = json.dumps(ORDER, separators=(",", ":"))
    assert said(await bot.raw("POST", "/api/v5/trade/order", compact, **same)) == (401, "50113")
    assert said(await bot.raw("POST", "/api/v5/trade/order", json.dumps(ORDER), **same)) == OK
    assert sim.ledger.orders_executed == 1


async def test_key_states(bot: Okx, sim: Simulator) -> None:
    read = "account/balance"
    away = await replace(bot, address=ELSEWHERE).get(read)
    assert said(away) == (401, "50110")
    assert ELSEWHERE in away.json["msg"]
    assert said(await replace(bot, address=OTHER).get(read)) == OK
    assert said(await replace(bot, key=f"{KEY}-2", address=ELSEWHERE).get(read)) == OK
    assert said(await replace(bot, secret="dummy-wrong").get(read)) == (401, "50113")
    assert said(await replace(bot, key=UUID).get(read)) == (200, "50119")
    sim.set_trade("okx", "o", "main", False)
    assert said(await bot.place()) == (200, "50120")
    assert said(await bot.get(read)) == OK
    sim.suspend_key("okx", "o", "main")
    assert said(await bot.get(read)) == (400, "50100")
    sim.lift_key("okx", "o", "main")
    sim.suspend_account("okx", "o")
    assert said(await replace(bot, key=f"{KEY}-2").get(read)) == (200, "50007")
    sim.suspend_account("okx", "o", 0)
    sim.delete_key("okx", "o", "main")
    assert said(await bot.get(read)) == (200, "50119")
    assert sim.ledger.orders_executed == 0


async def test_body_rules(bot: Okx, sim: Simulator) -> None:
    order = json.dumps(ORDER)
    assert said(await bot.raw("POST", "/api/v5/trade/order", "")) == (400, "50000")
    assert said(await bot.raw("POST", "/api/v5/trade/order", "{")) == (400, "50002")
    assert said(await bot.raw("POST", "/api/v5/trade/order", f"[{order}]")) == (400, "50002")
    assert said(await bot.raw("POST", "/api/v5/trade/batch-orders", order)) == (400, "50002")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert said(await bot.raw("POST", "/api/v5/trade/order", order, **form)) == (400, "50006")
    assert said(await bot.place(sz=0.01)) == (200, "51000")
    assert said(await bot.raw("PUT", "/api/v5/trade/order", order)) == (405, "50115")
    assert (await bot.get("trade/nothing")).status == 404
    assert said(await bot.raw("GET", "/api/v5/account/balance?ccy=BTC&ccy=ETH", "")) == (400, "51000")
    assert sim.ledger.orders_executed == 0


async def test_key_information(bot: Okx) -> None:
    told = row(await bot.get("account/config"))
    assert (told["perm"], told["ip"], told["label"]) == ("read_only,trade", "127.0.0.1,127.0.0.9", "main")
    rich = row(await replace(bot, key=f"{KEY}-3").get("account/config"))
    assert (rich["perm"], rich["ip"], rich["uid"]) == ("read_only,trade,withdraw", "", told["uid"])
    other = row(await replace(bot, key=f"{KEY}-4").get("account/config"))
    assert other["uid"] != told["uid"]


async def test_money_is_witnessed(bot: Okx, sim: Simulator) -> None:
    away = {"ccy": "BTC", "amt": "1", "dest": "4", "toAddr": "dummy"}
    moved = {"ccy": "BTC", "amt": "1", "from": "6", "to": "18"}
    assert said(await bot.post("asset/withdrawal", away)) == (200, "50120")
    assert said(await replace(bot, key=f"{KEY}-3").post("asset/withdrawal", away)) == OK
    assert said(await bot.post("asset/transfer", moved)) == OK  # takes the right to trade
    assert said(await replace(bot, secret="dummy-wrong").post("asset/transfer", moved)) == (401, "50113")
    assert [(w.key, w.accepted) for w in sim.ledger.withdrawals] == [
        ("main", False),
        ("rich", True),
        ("main", True),
        ("main", False),
    ]


# How often.


async def test_public_counts_by_address(start: Any) -> None:
    sim = await start(config(limits=OkxLimits(time=3, instruments=1)), clock := ManualClock())
    base = sim.url("okx") + "/api/v5/public/"
    assert [(await send("GET", base + "time")).status for _ in range(4)] == [200, 200, 200, 429]
    assert said(await send("GET", base + "time")) == (429, "50011")
    assert said(await send("GET", base + "time", address=OTHER)) == OK
    clock.advance(2)
    assert said(await send("GET", base + "time")) == OK
    kinds = ["instruments?instType=SPOT", "instruments?instType=SWAP", "instruments?instType=SPOT"]
    assert [(await send("GET", base + kind)).status for kind in kinds] == [200, 200, 429]


async def test_reads_slide_by_user(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits=OkxLimits(balance=2)), clock)
    bot = Okx(sim.url("okx"))

    async def status(caller: Okx, path: str = "account/balance") -> int:
        return (await replace(caller, at_ms=clock.now_ms()).get(path)).status

    clock.advance(1.5)
    assert await status(bot) == 200
    clock.advance(1)
    assert await status(replace(bot, key=f"{KEY}-2", address=OTHER)) == 200
    assert [await status(bot), await status(replace(bot, key=f"{KEY}-2"))] == [429, 429]
    assert await status(replace(bot, key=f"{KEY}-4")) == 200
    assert await status(bot, "account/positions") == 200
    clock.advance(1)
    assert [await status(bot), await status(bot)] == [200, 429]


async def test_orders_count_by_user_and_instrument(start: Any) -> None:
    sim = await start(config(limits=OkxLimits(place=2, batch_place=3, cancel=1, status=200)), ManualClock())
    bot = Okx(sim.url("okx"), at_ms=sim.clock.now_ms())
    many = {**ORDER, "instId": "ETH-USDT", "px": "2000"}
    assert said(await bot.place()) == OK
    assert said(await bot.post("trade/batch-orders", [ORDER])) == OK  # one order draws on the single call
    full = await replace(bot, key=f"{KEY}-2").place()
    assert said(full) == (200, "50011")
    assert said(await bot.post("trade/batch-orders", [ORDER])) == (200, "50011")
    assert said(await bot.place(many)) == OK
    assert said(await bot.post("trade/batch-orders", [ORDER, ORDER, many])) == OK
    assert said(await bot.post("trade/batch-orders", [ORDER, ORDER])) == (200, "50011")
    assert said(await bot.post("trade/batch-orders", [many, many])) == OK
    placed = row(await bot.place(SWAP))["ordId"]
    named = {"instId": "BTC-USDT-SWAP", "ordId": placed}
    assert said(await bot.post("trade/cancel-order", named)) == OK
    assert said(await bot.post("trade/cancel-order", named)) == (200, "50011")
    assert said(await replace(bot, key=f"{KEY}-4").place()) == OK
    assert sim.ledger.orders_executed == 10


async def test_new_and_amended_orders_of_the_account(start: Any) -> None:
    sim = await start(config(limits=OkxLimits(account_orders=3)), clock := ManualClock())
    bot = Okx(sim.url("okx"), at_ms=clock.now_ms())
    other = {**SWAP, "instId": "ETH-USDT-SWAP", "px": "2000"}
    placed = row(await bot.place(SWAP))["ordId"]
    assert (
        said(await bot.post("trade/amend-order", {"instId": SWAP["instId"], "ordId": placed, "newPx": "51000"})) == OK
    )
    assert said(await bot.post("trade/batch-orders", [other, other])) == (200, "50061")
    assert said(await bot.place(other)) == OK
    assert said(await bot.place(other)) == (200, "50061")
    assert said(await bot.place()) == OK  # spot is exempt
    assert said(await bot.post("trade/cancel-order", {"instId": SWAP["instId"], "ordId": placed})) == OK
    assert sim.ledger.orders_executed == 3


# Orders.


async def test_client_ids_are_taken_only_while_an_order_is_open(bot: Okx, sim: Simulator) -> None:
    mine = name()
    placed = row(await bot.place(clOrdId=mine))
    assert (placed["clOrdId"], placed["sCode"]) == (mine, "0")
    assert said(await bot.place(clOrdId=mine)) == (200, "51016")
    assert said(await bot.place(SWAP, clOrdId=mine)) == (200, "51016")
    assert said(await bot.post("trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": mine})) == OK
    assert said(await bot.place(clOrdId=mine, px="70000")) == OK  # fills at once
    assert said(await bot.place(clOrdId=mine, px="70000")) == OK
    found = row(await bot.get("trade/order", instId="BTC-USDT", clOrdId=mine))
    assert (found["state"], found["sz"], found["accFillSz"]) == ("filled", "0.01", "0.01")
    assert sim.ledger.executions("okx", "o", mine) == 3
    for wrong in ("a-b", "x" * 33, "a_b", "ä"):
        assert said(await bot.place(clOrdId=wrong)) == (200, "51000")


async def test_order_refusals(bot: Okx, sim: Simulator) -> None:
    refusals = [
        ({"px": "50000.001"}, "51150"),
        ({"sz": "0.000001"}, "51020"),
        ({"sz": "0.0100001"}, "51121"),
        ({"side": "BUY"}, "51000"),
        ({"ordType": "stop"}, "51000"),
        ({"tdMode": "cross"}, "51000"),
        ({"instId": "BTCUSDT"}, "51001"),
        ({"px": ""}, "51204"),
        ({"sz": ""}, "50014"),
        ({"sz": "900"}, "51008"),
        ({"reduceOnly": True}, "51205"),
    ]
    for change, code in refusals:
        got = await bot.place(**change)
        assert said(got) == (200, code), change
        assert row(got)["sMsg"] and row(got)["ordId"] == "" and got.json["inTime"]
    assert said(await bot.place(SWAP, reduceOnly=True)) == (200, "51169")
    assert said(await bot.place(SWAP, posSide="long")) == (200, "51000")
    cancel = {"instId": "BTC-USDT", "ordId": "1"}
    assert said(await bot.post("trade/cancel-order", cancel)) == (200, "51400")
    assert said(await bot.post("trade/cancel-order", {"instId": "BTC-USDT"})) == (200, "51003")
    assert sim.ledger.orders_executed == 0


async def test_kinds_of_orders(bot: Okx) -> None:
    async def state(**more: Any) -> str:
        placed = row(await bot.place(**more))
        return str(row(await bot.get("trade/order", instId="BTC-USDT", ordId=placed["ordId"]))["state"])

    assert await state(ordType="ioc") == "canceled"
    assert await state(ordType="fok", px="70000") == "filled"
    assert await state(ordType="post_only") == "live"
    assert await state(ordType="post_only", px="70000") == "canceled"
    balance = {d["ccy"]: d for d in row(await bot.get("account/balance"))["details"]}
    assert balance["USDT"]["frozenBal"] == "500"  # of the one that is live
    bought = row(await bot.place(ordType="market", px="", sz="600"))["ordId"]  # of the quote coin
    found = row(await bot.get("trade/order", instId="BTC-USDT", ordId=bought))
    assert (found["accFillSz"], found["tgtCcy"], found["px"]) == ("0.00999", "quote_ccy", "")


async def test_amend(bot: Okx, sim: Simulator) -> None:
    mine = name()
    await bot.place(clOrdId=mine)
    named = {"instId": "BTC-USDT", "clOrdId": mine}
    done = await bot.post("trade/amend-order", {**named, "newSz": "0.02", "newPx": "51000", "reqId": "r1"})
    assert said(done) == OK
    assert row(done)["reqId"] == "r1"
    [found] = (await bot.get("trade/orders-pending")).json["data"]
    assert (found["px"], found["sz"]) == ("51000", "0.02")
    assert said(await bot.post("trade/amend-order", named)) == (200, "51500")
    assert said(await bot.post("trade/amend-order", {**named, "newSz": "900"})) == (200, "51502")
    assert said(await bot.post("trade/amend-order", {**named, "newSz": "900", "cxlOnFail": True})) == (200, "51502")
    assert (await bot.get("trade/orders-pending")).json["data"] == []
    assert said(await bot.post("trade/amend-order", {**named, "newSz": "0.01"})) == (200, "51503")


async def test_batches_succeed_in_part(bot: Okx, sim: Simulator) -> None:
    first, second = name(), name()
    orders = [{**ORDER, "clOrdId": first}, {**ORDER, "clOrdId": first}, {**ORDER, "clOrdId": second}]
    placed = await bot.post("trade/batch-orders", orders)
    assert (placed.json["code"], [r["sCode"] for r in placed.json["data"]]) == ("2", ["0", "51016", "0"])
    assert placed.json["msg"] == "Bulk operation partially succeeded."
    names = [{"instId": "BTC-USDT", "clOrdId": each} for each in (first, "nobody", second)]
    changed = await bot.post("trade/amend-batch-orders", [{**n, "newPx": "51000"} for n in names])
    assert (changed.json["code"], [r["sCode"] for r in changed.json["data"]]) == ("2", ["0", "51503", "0"])
    gone = await bot.post("trade/cancel-batch-orders", names)
    assert (gone.json["code"], [r["sCode"] for r in gone.json["data"]]) == ("2", ["0", "51400", "0"])
    again = await bot.post("trade/cancel-batch-orders", names)
    assert (again.json["code"], again.json["msg"]) == ("1", "Operation failed.")
    assert said(await bot.post("trade/batch-orders", [ORDER] * 21)) == (200, "51111")
    assert said(await bot.post("trade/cancel-batch-orders", names * 7)) == (400, "51406")
    assert sim.ledger.orders_executed == 2


async def test_orders_expire(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    now = clock.now_ms()
    bot = Okx(sim.url("okx"), at_ms=now, more={"expTime": str(now)})
    assert said(await bot.place()) == OK
    assert said(await replace(bot, more={"expTime": str(now - 1)}).place()) == (200, "50036")
    assert said(await replace(bot, more={"expTime": "soon"}).place()) == (400, "51000")
    late = replace(bot, more={"expTime": str(now + 500)})
    clock.advance(1)
    assert said(await late.place()) == (200, "50037")
    assert said(await late.post("trade/batch-orders", [ORDER])) == (200, "50037")
    assert said(await late.post("trade/amend-order", {**ORDER, "ordId": "1", "newPx": "1"})) == (200, "50037")
    assert said(await late.post("trade/cancel-order", {"instId": "BTC-USDT", "ordId": "1"})) == (200, "51400")
    assert sim.ledger.orders_executed == 1


async def test_looking_for_orders(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)

    def bot() -> Okx:
        return Okx(sim.url("okx"), at_ms=clock.now_ms())

    async def ids(path: str, **params: Any) -> list[str]:
        return [found["clOrdId"] for found in (await bot().get(path, **params)).json["data"]]

    for client_id, order in (("rest", {}), ("fill", {"px": "70000"}), ("gone", {})):
        await bot().place(clOrdId=client_id, **order)
        clock.advance(1)
    await bot().place(SWAP, clOrdId="swap", px="70000")
    await bot().post("trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "gone"})
    assert await ids("trade/orders-pending") == ["rest"]
    assert await ids("trade/orders-pending", instType="SWAP") == []
    assert await ids("trade/orders-history", instType="SPOT") == ["gone", "fill"]
    assert await ids("trade/orders-history", instType="SPOT", state="filled") == ["fill"]
    assert await ids("trade/orders-history", instType="SPOT", begin=clock.now_ms() - 1000) == ["gone"]
    assert await ids("trade/orders-history-archive", instType="SPOT") == ["fill"]
    assert await ids("trade/orders-history", instType="SWAP") == ["swap"]
    assert said(await bot().get("trade/orders-history")) == (400, "50014")
    [fill] = (await bot().get("trade/fills", instId="BTC-USDT")).json["data"]
    assert (fill["clOrdId"], fill["fillSz"], fill["fillPx"]) == ("fill", "0.01", "60000.01")
    last = (await bot().get("trade/order", instId="BTC-USDT", clOrdId="gone")).json["data"][0]["ordId"]
    assert await ids("trade/orders-history", instType="SPOT", after=last) == ["fill"]
    assert await ids("trade/orders-history", instType="SPOT", limit=1) == ["gone"]
    assert said(await bot().get("trade/order", instId="ETH-USDT", clOrdId="gone")) == (200, "51603")
    assert said(await bot().get("trade/order", instId="BTC-USDT", clOrdId="never")) == (200, "51603")
    clock.advance(2 * 3600 + 1)
    assert said(await bot().get("trade/order", instId="BTC-USDT", clOrdId="gone")) == (200, "51603")
    assert await ids("trade/orders-history", instType="SPOT") == ["fill"]


async def test_swaps_count_contracts(bot: Okx, sim: Simulator) -> None:
    assert said(await bot.place(SWAP, px="70000", sz="2.5")) == OK
    assert sim.ledger.orders("okx", "o")[-1].quantity * 1000 == 25  # 0.025 BTC
    held = row(await bot.get("account/positions"))
    assert (held["instId"], held["pos"], held["posSide"]) == ("BTC-USDT-SWAP", "2.5", "net")
    assert said(await bot.place(SWAP, reduceOnly=True)) == (200, "51170")
    assert said(await bot.place(SWAP, side="sell", ordType="market", px="", sz="9", reduceOnly="true")) == OK
    assert (await bot.get("account/positions")).json["data"] == []
    inverse = {**SWAP, "instId": "BTC-USD-SWAP"}
    assert said(await bot.place(inverse, sz="1.5")) == (200, "51121")
    assert said(await bot.place(inverse, side="sell", ordType="market", px="", sz="3")) == OK
    assert row(await bot.get("account/positions", instType="SWAP"))["pos"] == "-3"
    closed = await bot.post("trade/close-position", {"instId": "BTC-USD-SWAP", "mgnMode": "cross"})
    assert said(closed) == OK
    again = await bot.post("trade/close-position", {"instId": "BTC-USD-SWAP", "mgnMode": "cross"})
    assert said(again) == (200, "51023")


async def test_cancel_all_after(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Okx(sim.url("okx"), at_ms=clock.now_ms())
    await bot.place()
    assert said(await bot.post("trade/cancel-all-after", {"timeOut": "5"})) == (400, "51000")
    clock.advance(1)
    assert said(await bot.post("trade/cancel-all-after", {"timeOut": "10"})) == OK
    clock.advance(9.9)
    assert len((await bot.get("trade/orders-pending")).json["data"]) == 1
    clock.advance(0.1)
    assert (await bot.get("trade/orders-pending")).json["data"] == []


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("throttle", (429, "50011")),
        ("error", (502, "50026")),
        ("unknown", (400, "50004")),
        ("maintenance", (503, "50001")),
    ],
)
async def test_faults_speak_as_the_exchange_does(bot: Okx, sim: Simulator, action: Any, wanted: Any) -> None:
    sim.inject(Fault(action, "okx", executed=True))
    assert said(await bot.place(clOrdId="a")) == wanted
    assert sim.ledger.executions("okx", "o", "a") == 1
