"""Answers made up for writes whose own was lost, against those that the simulated exchanges really gave."""

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import ccxt
import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.lookup import Finding, Found
from proxy.model import Credential, Endpoint, Incoming, Stamp
from proxy.simulator import Simulator
from tests.exchanges.writes import NEVER, NOT_THERE, B, C, K, Write, done, told
from tests.simulator.clients import B_KEY, B_SECRET, C_KEY, C_SECRET, K_KEY, K_SECRET, Got, config, send

UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}


def replace(mode: str = "STOP_ON_FAILURE") -> Write:
    given = f"symbol=B&cancelReplaceMode={mode}&cancelOrderId=1&newClientOrderId=n"
    return Write("binance", f"POST {B}order/cancelReplace", given)


def test_binance_replacements() -> None:
    both = {0: done({"orderId": 1}), 1: done({"orderId": 2})}
    whole = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": {"orderId": 1},
             "newOrderResponse": {"orderId": 2}}  # fmt: skip
    assert told(replace().rebuilt(both)) == (200, whole)
    for absent in (NOT_THERE, NEVER):
        for mode in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            status, body = told(replace(mode).rebuilt({**both, 1: absent}))
            assert (status, body["code"], body["data"]["newOrderResponse"]["code"]) == (409, -2021, -2010)
            assert body["data"] | {"newOrderResponse": 0} == whole | {
                "newOrderResult": "FAILURE",
                "newOrderResponse": 0,
            }
    status, body = told(replace("ALLOW_FAILURE").rebuilt({**both, 0: NEVER}))
    assert (status, body["code"]) == (409, -2021)
    assert body["data"] == whole | {"cancelResult": "FAILURE", "cancelResponse": UNKNOWN_ORDER}
    status, body = told(replace("ALLOW_FAILURE").rebuilt({**both, 0: NOT_THERE}))
    assert (status, body["data"]["cancelResult"]) == (409, "FAILURE")
    assert body["data"]["cancelResponse"] != UNKNOWN_ORDER  # it may stand
    status, body = told(replace().rebuilt({0: NEVER, 1: NOT_THERE}))
    assert (status, body["code"]) == (400, -2022)
    assert body["data"] == {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
                            "cancelResponse": UNKNOWN_ORDER, "newOrderResponse": None}  # fmt: skip
    status, body = told(replace("ALLOW_FAILURE").rebuilt({0: NEVER, 1: NOT_THERE}))
    assert (status, body["data"]["newOrderResult"], body["data"]["newOrderResponse"]["code"]) == (400, "FAILURE", -2010)


@pytest.mark.parametrize(
    "findings",
    [
        {0: NEVER, 1: done({"orderId": 2})},  # the new one is not tried without the cancel
        {0: NOT_THERE, 1: done({"orderId": 2})},
        {0: NOT_THERE, 1: NOT_THERE},
        {0: done(), 1: done({"orderId": 2})},
        {0: done({"orderId": 1}), 1: done()},
        {0: done({"orderId": 1})},
        {},
    ],
)
def test_binance_replacements_that_cannot_be_told(findings: dict[int, Finding]) -> None:
    assert replace().rebuilt(findings) is None


SINGLES = [
    ("binance", f"DELETE {B}order", "symbol=B&orderId=1", (400, UNKNOWN_ORDER)),
    ("kraken", f"POST {K}CancelOrder", "cl_ord_id=a", (200, {"error": ["EOrder:Unknown order"]})),
    ("cryptocom", f"POST {C}cancel-order", '{"id":"7","params":{"client_oid":"a"}}',
     (500, {"id": "7", "method": "private/cancel-order", "code": 316, "message": "NO_ACTIVE_ORDER"})),
    ("binance", f"POST {B}order", "symbol=B", None),
    ("binance", f"PUT {B}order/amend/keepPriority", "symbol=B&orderId=1", None),
    ("kraken", f"POST {K}AddOrder", "pair=X", None),
    ("kraken", f"POST {K}AmendOrder", "cl_ord_id=a", None),
    ("cryptocom", f"POST {C}create-order", '{"params":{"client_oid":"a"}}', None),
    ("cryptocom", f"POST {C}amend-order", '{"params":{"order_id":"a"}}', None),
    ("cryptocom", f"POST {C}cancel-all-orders", '{"params":{}}', None),
]  # fmt: skip


@pytest.mark.parametrize(("exchange", "name", "given", "never"), SINGLES)
def test_calls_about_one_order(exchange: str, name: str, given: str, never: Any) -> None:
    write = Write(exchange, name, given)
    assert told(write.rebuilt({0: done({"a": 1})})) == (200, {"a": 1})
    assert write.rebuilt({0: done()}) is None
    assert write.rebuilt({0: NOT_THERE}) is None and write.rebuilt({}) is None
    assert (write.rebuilt({0: NEVER}) is None) if never is None else told(write.rebuilt({0: NEVER})) == never
    assert write.rebuilt({0: done({"a": 1}), 1: done({"a": 1})}) is None


def test_kraken_batches() -> None:
    write = Write("kraken", f"POST {K}AddOrderBatch", '{"orders":[{"cl_ord_id":"a"},{"cl_ord_id":"b"}]}')
    rows = [{"txid": "x"}, {"txid": "y"}]
    assert told(write.rebuilt({1: done(rows[1]), 0: done(rows[0])})) == (200, {"error": [], "result": {"orders": rows}})
    status, body = told(write.rebuilt({0: NOT_THERE, 1: done(rows[1])}))
    assert status == 200 and body["result"]["orders"][1] == rows[1]
    assert [item.executed.value for item in write.items(status, body)] == ["no", "yes"]
    for findings in ({0: NOT_THERE, 1: NOT_THERE}, {0: done(rows[0])}, {0: done(), 1: done(rows[1])}):
        assert write.rebuilt(findings) is None


def test_kraken_cancels_of_several() -> None:
    write = Write("kraken", f"POST {K}CancelOrder", "txid=OUF4EM-FRGI2-MQMWZD,OUF4EM-FRGI2-MQMWZE")
    assert told(write.rebuilt({0: NEVER, 1: NEVER})) == (200, {"error": ["EOrder:Unknown order"]})
    for findings in ({0: done({}), 1: NEVER}, {0: done({}), 1: done({})}, {0: NOT_THERE, 1: NEVER}):
        assert write.rebuilt(findings) is None


def test_cryptocom_lists() -> None:
    listed = '{"id":7,"params":{"order_list":[{"client_oid":"a"},{"client_oid":"b"}]}}'
    write = Write("cryptocom", f"POST {C}create-order-list", listed)
    row = {"index": 1, "code": 0, "client_oid": "b", "order_id": "5"}
    status, body = told(write.rebuilt({0: NOT_THERE, 1: done(row)}))
    assert (status, body["id"], body["method"], body["code"]) == (200, 7, "private/create-order-list", 0)
    assert body["result"][1] == row and (body["result"][0]["index"], body["result"][0]["code"]) == (0, 9010001)
    assert [item.executed.value for item in write.items(status, body)] == ["no", "yes"]
    for findings in ({0: NOT_THERE, 1: NEVER}, {0: NEVER, 1: NEVER}, {1: done(row)}):
        assert write.rebuilt(findings) is None
    cancel = Write("cryptocom", f"POST {C}cancel-order-list", listed)
    status, body = told(cancel.rebuilt({0: done({"index": 0, "code": 0}), 1: NEVER}))
    assert (status, body["result"]) == (
        200,
        [{"index": 0, "code": 0}, {"index": 1, "code": 316, "message": "NO_ACTIVE_ORDER"}],
    )
    status, body = told(cancel.rebuilt({0: NOT_THERE, 1: done({"index": 1, "code": 0})}))
    assert [item.executed.value for item in cancel.items(status, body)] == ["no", "yes"]
    assert [row["code"] for row in told(cancel.rebuilt({0: NEVER, 1: NEVER}))[1]["result"]] == [316, 316]
    assert cancel.rebuilt({0: NOT_THERE, 1: NEVER}) is None


def test_cryptocom_contingent_orders() -> None:
    listed = '{"id":7,"params":{"order_list":[{"client_oid":"a"},{"client_oid":"b"}]}}'
    write = Write("cryptocom", f"POST {C}advanced/create-oco", listed)
    whole = {"id": 7, "method": "private/advanced/create-oco", "code": 0, "result": {"list_id": "64"}}
    assert told(write.rebuilt({0: done(list_id="64"), 1: done(list_id="64")})) == (200, whole)
    for other in (done(list_id="65"), done(), NOT_THERE, NEVER):
        assert write.rebuilt({0: done(list_id="64"), 1: other}) is None


# ---- through the simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    made = Simulator(config())
    await made.start()
    yield made
    await made.stop()


SECRETS = {
    "binance": Credential("b", "main", B_KEY, B_SECRET.encode()),
    "kraken": Credential("k", "main", K_KEY, K_SECRET.encode()),
    "cryptocom": Credential("c", "main", C_KEY, C_SECRET.encode()),
}
ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.02&price="
PLACINGS = {
    "binance": (f"POST {B}order", ORDER + "{price}"),
    "kraken": (f"POST {K}AddOrder", "pair=XBTUSD&type=buy&ordertype=limit&volume=0.02&price={price}"),
    "cryptocom": (
        f"POST {C}create-order",
        '{{"id":17,"params":{{"instrument_name":"BTC_USDT","side":"BUY","type":"LIMIT","price":"{price}",'
        '"quantity":"0.02"}}}}',
    ),
}
CANCELS = {
    "binance": (f"DELETE {B}order", "symbol=BTCUSDT&origClientOrderId={id}&newClientOrderId=dummy-c"),
    "kraken": (f"POST {K}CancelOrder", "cl_ord_id={id}"),
    "cryptocom": (f"POST {C}cancel-order", '{{"id":1,"params":{{"client_oid":"{id}"}}}}'),
}
AMENDS = {
    "binance": (
        f"PUT {B}order/amend/keepPriority",
        "symbol=BTCUSDT&origClientOrderId={id}&newClientOrderId={id}&newQty=0.01",
    ),
    "kraken": (f"POST {K}AmendOrder", "cl_ord_id={id}&order_qty=0.01&limit_price=50001.0"),
    "cryptocom": (
        f"POST {C}amend-order",
        '{{"id":1,"params":{{"orig_client_oid":"{id}","new_price":"50001.0","new_quantity":"0.01"}}}}',
    ),
}
SWEEPS = {
    "binance": (f"DELETE {B}openOrders", "symbol=BTCUSDT"),
    "kraken": (f"POST {K}CancelAll", ""),
    "cryptocom": (f"POST {C}cancel-all-orders", '{"id":1,"params":{"instrument_name":"BTC_USDT"}}'),
}
_NONCES = itertools.count(1_000)
each_exchange = pytest.mark.parametrize("exchange", PLACINGS)


async def call(sim: Simulator, exchange: str, endpoint: Endpoint, request: Incoming) -> Got:
    row = EXCHANGES[exchange]
    stamp = Stamp(int(time.time() * 1000), next(_NONCES))
    signed = row.sign(request, endpoint, SECRETS[exchange], stamp)
    return await send(signed.method, sim.url(exchange) + signed.target, dict(signed.headers), signed.body)


async def send_(sim: Simulator, write: Write) -> Got:
    return await call(sim, write.row.name, write.endpoint, write.request)


async def look(sim: Simulator, write: Write) -> dict[int, list[Finding]]:
    """The findings of one round, by item."""
    found: dict[int, list[Finding]] = {}
    for lookup in write.lookups:
        endpoint = write.row.table.match(*lookup.endpoint.split(" "))
        assert endpoint is not None
        got = await call(sim, write.row.name, endpoint, lookup.request)
        after_ms = int(time.time() * 1000) - write.since_ms
        found.setdefault(lookup.item, []).append(write.found(lookup, got.status, got.text, after_ms))
    return found


def concluded(round_: Mapping[int, list[Finding]]) -> dict[int, Finding]:
    """What a round says of each item; NOT_SO_FAR of all its looks is taken for proven."""
    result = {}
    for item, findings in round_.items():
        settled = [finding for finding in findings if finding.state in (Found.DONE, Found.NEVER)]
        assert settled or {finding.state for finding in findings} == {Found.NOT_SO_FAR}
        result[item] = settled[0] if settled else findings[-1]
    return result


def now_ms() -> int:
    return int(time.time() * 1000)


def placing(exchange: str, price: str) -> Write:
    name, given = PLACINGS[exchange]
    return Write(exchange, name, given.format(price=price), now_ms())


def about(exchange: str, table: Mapping[str, tuple[str, str]], placed: Write, since_ms: int = 0) -> Write:
    name, given = table[exchange]
    return Write(exchange, name, given.format(id=placed.lookups[0].id), since_ms or now_ms())


@each_exchange
async def test_a_placed_order_is_found_as_it_was_answered(sim: Simulator, exchange: str) -> None:
    write = placing(exchange, "50000")
    states = {finding.state for findings in (await look(sim, write)).values() for finding in findings}
    assert states == {Found.NOT_SO_FAR}
    answered = await send_(sim, write)
    assert answered.status == 200
    findings = [row for row in (await look(sim, write))[0] if row.state is Found.DONE]
    assert findings
    for finding in findings:
        assert json.loads(finding.body) == answered.json
        assert parsed(exchange, finding.body) == parsed(exchange, answered.text)
        assert told(write.rebuilt({0: finding})) == (200, answered.json)


def parsed(exchange: str, body: bytes | str) -> Any:
    """As ccxt hands it to a bot."""
    client = getattr(ccxt, exchange)()
    said = json.loads(body)
    order = said if exchange == "binance" else said["result"]
    return client.parse_order(order)


@each_exchange
async def test_an_order_that_filled_at_once_is_found(sim: Simulator, exchange: str) -> None:
    write = placing(exchange, "900000")
    answered = await send_(sim, write)
    assert answered.status == 200
    _, said = told(write.rebuilt(concluded(await look(sim, write))))
    left_out = answered.json.keys() - said.keys()
    assert left_out == ({"fills"} if exchange == "binance" else set())
    assert said == {name: value for name, value in answered.json.items() if name not in left_out}


@each_exchange
async def test_a_cancel(sim: Simulator, exchange: str) -> None:
    placed = placing(exchange, "50000")
    assert (await send_(sim, placed)).status == 200
    cancel = about(exchange, CANCELS, placed)
    assert concluded(await look(sim, cancel))[0].state is Found.NOT_SO_FAR
    answered = await send_(sim, cancel)
    assert answered.status == 200
    assert told(cancel.rebuilt(concluded(await look(sim, cancel)))) == (200, answered.json)


@each_exchange
async def test_a_cancel_that_came_too_late(sim: Simulator, exchange: str) -> None:
    placed = placing(exchange, "900000")
    assert (await send_(sim, placed)).status == 200
    cancel = about(exchange, CANCELS, placed, placed.since_ms)  # it fills while the cancel is under way
    answered = await send_(sim, cancel)
    status, said = told(cancel.rebuilt(concluded(await look(sim, cancel))))
    assert (status, said) == (answered.status, {k: v for k, v in answered.json.items() if k != "original"})


@each_exchange
async def test_an_amendment(sim: Simulator, exchange: str) -> None:
    placed = placing(exchange, "50000")
    assert (await send_(sim, placed)).status == 200
    amend = about(exchange, AMENDS, placed)
    assert concluded(await look(sim, amend))[0].state is Found.NOT_SO_FAR
    answered = await send_(sim, amend)
    assert answered.status == 200
    finding = concluded(await look(sim, amend))[0]
    assert finding.state is Found.DONE
    if exchange == "cryptocom":
        assert told(amend.rebuilt({0: finding})) == (200, answered.json)
    if exchange == "binance":
        said, was = json.loads(finding.body)["amendedOrder"], answered.json["amendedOrder"]
        assert said["qty"] == was["qty"] and {k: v for k, v in said.items() if k in was} == {
            k: v for k, v in was.items() if k in said
        }


@each_exchange
async def test_an_amendment_of_an_order_that_filled(sim: Simulator, exchange: str) -> None:
    placed = placing(exchange, "900000")
    assert (await send_(sim, placed)).status == 200
    amend = about(exchange, AMENDS, placed, placed.since_ms)
    assert concluded(await look(sim, amend))[0].state is Found.NEVER


@each_exchange
async def test_a_cancel_of_all(sim: Simulator, exchange: str) -> None:
    for _ in range(2):
        assert (await send_(sim, placing(exchange, "50000"))).status == 200
    name, given = SWEEPS[exchange]
    late, early = (Write(exchange, name, given, now_ms() + shift_ms) for shift_ms in (5_000, -10_000))
    assert concluded(await look(sim, late))[0].state is Found.NOT_SO_FAR
    assert concluded(await look(sim, early))[0].state is Found.DONE  # they came after it
    answered = await send_(sim, late)
    assert answered.status == 200
    found = concluded(await look(sim, early))
    assert found[0].state is Found.DONE
    assert exchange != "cryptocom" or told(early.rebuilt(found)) == (200, answered.json)
    assert {finding.state for finding in (await look(sim, late))[0]} == {Found.CANNOT_TELL}  # too soon to say
    assert len(late.items(200, answered.text)) == (2 if exchange == "binance" else 0)


async def test_a_batch_with_a_row_that_fails(sim: Simulator) -> None:
    row = '{{"ordertype":"limit","type":"buy","volume":"{}","price":"50000"}}'
    given = f'{{"pair":"XBTUSD","orders":[{row.format("0.01")},{row.format("900")}]}}'
    batch = Write("kraken", f"POST {K}AddOrderBatch", given, now_ms())
    answered = await send_(sim, batch)
    good, bad = answered.json["result"]["orders"]
    assert [item.executed.value for item in batch.items(200, answered.text)] == ["yes", "no"]
    status, said = told(batch.rebuilt(concluded(await look(sim, batch))))
    assert (status, said["error"], said["result"]["orders"][0]) == (200, [], good)
    assert said["result"]["orders"][1].keys() == bad.keys() == {"error"}
    assert [item.executed.value for item in batch.items(200, json.dumps(said))] == ["yes", "no"]
    cancel = Write("kraken", f"POST {K}CancelOrderBatch", f'{{"orders":["{good["txid"]}"]}}', now_ms() + 5_000)
    assert concluded(await look(sim, cancel))[0].state is Found.NOT_SO_FAR
    answered = await send_(sim, cancel)
    assert [item.executed.value for item in cancel.items(200, answered.text)] == ["yes"]
    cancel = Write("kraken", f"POST {K}CancelOrderBatch", f'{{"orders":["{good["txid"]}"]}}', now_ms() - 10_000)
    assert concluded(await look(sim, cancel))[0].state is Found.DONE


@pytest.mark.parametrize(
    ("old_price", "quantity", "status", "code"),
    [("50000", "0.01", 200, None), ("50000", "900", 409, -2021), ("900000", "0.01", 400, -2022)],
)
async def test_a_replacement(sim: Simulator, old_price: str, quantity: str, status: int, code: int | None) -> None:
    old = placing("binance", old_price)
    assert (await send_(sim, old)).status == 200
    given = (
        f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=50000&newOrderRespType=RESULT"
        f"&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId={old.lookups[0].id}"
        "&newClientOrderId=dummy-n&cancelNewClientOrderId=dummy-c"
    )
    write = Write("binance", f"POST {B}order/cancelReplace", given, old.since_ms)
    answered = await send_(sim, write)
    assert (answered.status, answered.json.get("code")) == (status, code)
    made, said = told(write.rebuilt(concluded(await look(sim, write))))
    assert (made, said.get("code"), said.get("msg")) == (status, code, answered.json.get("msg"))
    if status == 200:
        # The simulator gives the cancellation the new order's name.
        assert said["cancelResponse"].pop("clientOrderId") == "dummy-c"
        assert answered.json["cancelResponse"].keys() == said["cancelResponse"].keys() | {"clientOrderId"}
        assert said | {"cancelResponse": answered.json["cancelResponse"]} == answered.json
        assert said["cancelResponse"].items() <= answered.json["cancelResponse"].items()
    states = [item.executed.value for item in write.items(made, json.dumps(said))]
    assert states == {200: ["yes", "yes"], 409: ["yes", "no"], 400: ["no", "no"]}[status]
