"""Looking up orders whose answer was lost: what is asked, what answers prove, and the same through the simulator."""

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import ccxt
import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.lookup import Finding, Found, Lookup
from proxy.model import Credential, Endpoint, Incoming, Reply, Stamp
from proxy.simulator import Simulator
from tests.simulator.clients import (
    B_KEY,
    B_SECRET,
    C_KEY,
    C_SECRET,
    K_KEY,
    K_SECRET,
    Got,
    config,
    send,
)

SINCE_MS = 1_700_000_000_000
B, K, C = "/api/v3/", "/0/private/", "/exchange/v1/private/"
TXID = "OUF4EM-FRGI2-MQMWZD"


class Write:
    """A write whose answer is lost."""

    def __init__(self, exchange: str, name: str, given: str, since_ms: int = SINCE_MS) -> None:
        self.row = EXCHANGES[exchange]
        method, _, path = name.partition(" ")
        endpoint = self.row.table.match(method, path)
        assert endpoint is not None and endpoint.call_class.writes
        self.endpoint: Endpoint = endpoint
        in_query = exchange == "binance"
        raw = Incoming(method, path, given if in_query else "", (), b"" if in_query else given.encode())
        request = self.row.strip(raw)
        numbers = itertools.count(1)
        self.request, self.params = self.row.identify(
            endpoint, request, self.row.params(request), lambda: f"og-{since_ms}-{next(numbers)}"[-18:]
        )
        self.lookups = self.row.lookups(endpoint, self.request, self.params, since_ms)

    def asks(self) -> list[str]:
        found = []
        for lookup in self.lookups:
            method, _, path = lookup.endpoint.partition(" ")
            row = self.row.table.match(method, path)
            assert row is not None and row.name == lookup.endpoint and not row.call_class.writes
            assert (lookup.request.method, lookup.request.path) == (method, path)
            assert self.row.strip(lookup.request) == lookup.request
            body = lookup.request.body.decode()
            text = lookup.request.query or (json.dumps(json.loads(body)["params"]) if body.startswith("{") else body)
            found.append(f"{lookup.item} {path.rpartition('/')[2]} {text}")
        return found

    def found(self, lookup: Lookup, status: int, body: Any) -> Finding:
        text = body if isinstance(body, str) else json.dumps(body)
        return self.row.found(
            self.endpoint, self.request, self.params, lookup, Reply(status, b"x", (), text.encode(), 1)
        )


def asks(exchange: str, name: str, given: str) -> list[str]:
    return Write(exchange, name, given).asks()


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("POST order", "symbol=B%2F1&newClientOrderId=a-1", ["0 order symbol=B%2F1&origClientOrderId=a-1"]),
        ("POST order", "symbol=B", ["0 order symbol=B&origClientOrderId=og-1700000000000-1"]),
        ("POST sor/order", "symbol=B&newClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        ("POST order/cancelReplace", "symbol=B&newClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        ("PUT order/amend/keepPriority", "symbol=B&newClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        ("POST orderList/oco", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("POST order/oco", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("DELETE order", "symbol=B&orderId=5&origClientOrderId=a", ["0 order symbol=B&orderId=5"]),
        ("DELETE order", "symbol=B&origClientOrderId=a", ["0 order symbol=B&origClientOrderId=a"]),
        ("DELETE orderList", "symbol=B&orderListId=5", ["0 orderList orderListId=5"]),
        ("DELETE orderList", "symbol=B&listClientOrderId=a", ["0 orderList origClientOrderId=a"]),
        ("DELETE order", "symbol=B", []),
        ("DELETE openOrders", "symbol=B", []),
    ],
)
def test_what_binance_is_asked(name: str, given: str, asked: list[str]) -> None:
    method, _, path = name.partition(" ")
    assert asks("binance", f"{method} {B}{path}", given) == asked


def pair(item: int, text: str) -> list[str]:
    return [f"{item} OpenOrders {text}", f"{item} ClosedOrders {text}"]


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("AddOrder", "pair=X&cl_ord_id=a%2Bb", pair(0, "cl_ord_id=a%2Bb")),
        ("AddOrder", "pair=X&userref=7", pair(0, "userref=7")),
        (
            "AddOrderBatch",
            '{"orders":[{"cl_ord_id":"a"},{"userref":7},{}]}',
            pair(0, "cl_ord_id=a") + pair(1, "userref=7") + pair(2, "cl_ord_id=og-1700000000000-1"),
        ),
        ("CancelOrder", f"txid={TXID}", [f"0 QueryOrders txid={TXID}"]),
        ("CancelOrder", "cl_ord_id=a", pair(0, "cl_ord_id=a")),
        ("CancelOrder", "userref=7", []),
        ("CancelOrder", "txid=7", []),
        ("CancelOrderBatch", f'{{"orders":["{TXID}",7],"cl_ord_ids":["a"]}}',
         [*pair(0, "cl_ord_id=a"), f"1 QueryOrders txid={TXID}"]),
        ("AmendOrder", f"txid={TXID}", [f"0 QueryOrders txid={TXID}"]),
        ("EditOrder", f"txid={TXID}&pair=X", [f"0 QueryOrders txid={TXID}"]),
        ("CancelAll", "", []),
    ],
)  # fmt: skip
def test_what_kraken_is_asked(name: str, given: str, asked: list[str]) -> None:
    assert asks("kraken", f"POST {K}{name}", given) == asked


def triple(item: int, oid: str) -> list[str]:
    start = '"start_time": "1699999998000000000", "limit": "100"'
    return [
        f'{item} get-order-detail {{"client_oid": "{oid}"}}',
        f'{item} get-open-orders {{"instrument_name": "B"}}',
        f'{item} get-order-history {{"instrument_name": "B", {start}}}',
    ]


@pytest.mark.parametrize(
    ("name", "given", "asked"),
    [
        ("create-order", '{"instrument_name":"B","client_oid":"a"}', triple(0, "a")),
        ("advanced/create-order", '{"instrument_name":"B","client_oid":"a"}', triple(0, "a")),
        ("create-order", '{"client_oid":"a"}', triple(0, "a")[:1]),
        (
            "create-order-list",
            '{"order_list":[{"instrument_name":"B","client_oid":"a"},{"instrument_name":"B","client_oid":"b"}]}',
            triple(0, "a") + triple(1, "b"),
        ),
        ("advanced/create-oco", '{"order_list":[{"instrument_name":"B","client_oid":"a"}]}', triple(0, "a")),
        ("cancel-order", '{"order_id":5,"client_oid":"a"}', ['0 get-order-detail {"order_id": "5"}']),
        ("cancel-order", '{"client_oid":"a"}', ['0 get-order-detail {"client_oid": "a"}']),
        ("amend-order", '{"orig_client_oid":"a","client_oid":"b"}', ['0 get-order-detail {"client_oid": "a"}']),
        ("cancel-order-list", '{"order_list":[{},{"order_id":"5"}]}', ['1 get-order-detail {"order_id": "5"}']),
        ("close-position", '{"instrument_name":"B","type":"MARKET"}', []),
        ("cancel-all-orders", "{}", []),
    ],
)
def test_what_cryptocom_is_asked(name: str, given: str, asked: list[str]) -> None:
    write = Write("cryptocom", f"POST {C}{name}", f'{{"id":1,"params":{given}}}')
    assert write.asks() == asked
    advanced = name.startswith("advanced/")
    assert all(("/advanced/" in lookup.endpoint) == advanced for lookup in write.lookups)


# ---- what answers prove


BINANCE_ORDER = {
    "symbol": "LTCBTC", "orderId": 1, "orderListId": -1, "clientOrderId": "a", "price": "0.1", "origQty": "1.0",
    "executedQty": "0.0", "cummulativeQuoteQty": "0.0", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT",
    "side": "BUY", "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": SINCE_MS + 40,
    "updateTime": SINCE_MS + 40, "isWorking": True, "workingTime": SINCE_MS + 40, "origQuoteOrderQty": "0.000000",
    "selfTradePreventionMode": "NONE",
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, BINANCE_ORDER, Found.DONE),
        (200, {**BINANCE_ORDER, "status": "EXPIRED"}, Found.DONE),
        (200, {**BINANCE_ORDER, "time": SINCE_MS - 1_900}, Found.DONE),
        (200, {**BINANCE_ORDER, "time": SINCE_MS - 60_000}, Found.CANNOT_TELL),  # an earlier order of that id
        (200, {**BINANCE_ORDER, "clientOrderId": "b"}, Found.CANNOT_TELL),
        (400, {"code": -2013, "msg": "Order does not exist."}, Found.NOT_SO_FAR),
        (400, {"code": -2026, "msg": "Order was canceled or expired with no executed qty over 90 days ago and has been"
               " archived."}, Found.CANNOT_TELL),
        (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, Found.CANNOT_TELL),
        (429, {"code": -1003, "msg": "Too much request weight used"}, Found.CANNOT_TELL),
        (503, {"code": -2013, "msg": "Order does not exist."}, Found.CANNOT_TELL),
        (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, Found.CANNOT_TELL),
        (200, {}, Found.CANNOT_TELL),
        (200, [BINANCE_ORDER], Found.CANNOT_TELL),
        (200, "", Found.CANNOT_TELL),
        (403, "<html>", Found.CANNOT_TELL),
    ],
)  # fmt: skip
def test_binance_answers(status: int, body: Any, state: Found) -> None:
    write = Write("binance", f"POST {B}order", "symbol=LTCBTC&newClientOrderId=a")
    finding = write.found(write.lookups[0], status, body)
    assert finding.state == state
    assert finding.over == (state is Found.DONE and body["status"] != "NEW")


@pytest.mark.parametrize(
    ("kind", "executed", "names"),
    [
        ("ACK", "0.0", {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}),
        ("", "0.0", {*BINANCE_ORDER, "transactTime", "fills"}),
        ("FULL", "0.5", {*BINANCE_ORDER, "transactTime"}),
        ("RESULT", "0.0", {*BINANCE_ORDER, "transactTime"}),
    ],
)
def test_binance_success_is_told_in_the_kind_that_was_asked_for(kind: str, executed: str, names: set[str]) -> None:
    asked = f"&newOrderRespType={kind}" if kind else ""
    write = Write("binance", f"POST {B}order", f"symbol=LTCBTC&newClientOrderId=a{asked}")
    told = json.loads(write.found(write.lookups[0], 200, {**BINANCE_ORDER, "executedQty": executed}).body)
    assert set(told) == names - {"time", "updateTime", "isWorking", "stopPrice", "icebergQty"}
    assert told["transactTime"] == BINANCE_ORDER["time"] and told.get("fills", []) == []


def test_binance_cancels_and_lists() -> None:
    cancel = Write("binance", f"DELETE {B}order", "symbol=LTCBTC&origClientOrderId=a&newClientOrderId=c")
    still = cancel.found(cancel.lookups[0], 200, {**BINANCE_ORDER, "time": 1})
    assert (still.state, still.over, still.body, still.order["status"]) == (Found.DONE, False, b"", "NEW")
    done = cancel.found(cancel.lookups[0], 200, {**BINANCE_ORDER, "status": "CANCELED"})
    told = json.loads(done.body)
    assert done.over and (told["origClientOrderId"], told["clientOrderId"], told["status"]) == ("a", "c", "CANCELED")
    filled = cancel.found(cancel.lookups[0], 200, {**BINANCE_ORDER, "status": "FILLED"})
    assert (filled.over, filled.body) == (True, b"")
    listed = Write("binance", f"POST {B}orderList/oco", "symbol=LTCBTC&listClientOrderId=l")
    told = {
        "orderListId": 27,
        "contingencyType": "OCO",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "l",
        "transactionTime": SINCE_MS,
        "orders": [],
    }
    found = listed.found(listed.lookups[0], 200, told)
    assert (found.state, found.over, json.loads(found.body)) == (Found.DONE, False, told)
    assert listed.found(listed.lookups[0], 200, {**told, "listOrderStatus": "ALL_DONE"}).over
    assert listed.found(listed.lookups[0], 200, {**told, "transactionTime": 1}).state == Found.CANNOT_TELL


def kraken_order(**changes: Any) -> dict[str, Any]:
    descr = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "1", "order": "buy 1 XBTUSD @ limit 1",
             "close": ""}  # fmt: skip
    row = {
        "refid": None,
        "userref": None,
        "cl_ord_id": "a",
        "status": "open",
        "opentm": SINCE_MS / 1000,
        "descr": descr,
    }
    return row | changes


def kraken_told(where: str, *orders: dict[str, Any], errors: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"error": [*errors], "result": {where: {TXID[:-1] + str(n): row for n, row in enumerate(orders)}}}


@pytest.mark.parametrize(
    ("number", "body", "state"),
    [
        (0, kraken_told("open", kraken_order()), Found.DONE),
        (0, kraken_told("open", kraken_order(), errors=("WGeneral:Danger",)), Found.DONE),
        (0, kraken_told("open"), Found.NOT_SO_FAR),
        (1, kraken_told("closed"), Found.NOT_SO_FAR),
        (1, kraken_told("closed", kraken_order(status="canceled")), Found.DONE),
        (1, kraken_told("closed", kraken_order(opentm=1)), Found.NOT_SO_FAR),  # an earlier order of that id
        (1, kraken_told("closed", kraken_order(), kraken_order(opentm=1)), Found.DONE),
        (1, kraken_told("closed", kraken_order(), kraken_order()), Found.CANNOT_TELL),
        (0, kraken_told("open", kraken_order(cl_ord_id="b")), Found.CANNOT_TELL),
        (0, {"error": ["EAPI:Rate limit exceeded"]}, Found.CANNOT_TELL),
        (0, {"error": ["EOrder:Unknown order"]}, Found.CANNOT_TELL),
        (0, {"error": []}, Found.CANNOT_TELL),
        (0, {"error": [], "result": {"open": []}}, Found.CANNOT_TELL),
        (0, {"error": [], "result": {"open": {TXID: {}}}}, Found.CANNOT_TELL),
        (0, "<html>", Found.CANNOT_TELL),
        (0, "[]", Found.CANNOT_TELL),
    ],
)
def test_kraken_answers(number: int, body: Any, state: Found) -> None:
    write = Write("kraken", f"POST {K}AddOrder", "pair=X&cl_ord_id=a")
    finding = write.found(write.lookups[number], 200, body)
    assert (finding.state, finding.over) == (state, state is Found.DONE and number == 1 and "canceled" in str(body))
    if isinstance(body, dict):
        assert write.found(write.lookups[number], 502, body).state == Found.CANNOT_TELL


def test_kraken_userrefs_prove_absence_only() -> None:
    write = Write("kraken", f"POST {K}AddOrder", "pair=X&userref=7")
    row = kraken_order(cl_ord_id=None, userref=7)
    assert write.found(write.lookups[0], 200, kraken_told("open", row)).state == Found.CANNOT_TELL
    assert write.found(write.lookups[0], 200, kraken_told("open", row | {"opentm": 1})).state == Found.NOT_SO_FAR


def test_kraken_items_and_cancels() -> None:
    batch = Write("kraken", f"POST {K}AddOrderBatch", '{"orders":[{"cl_ord_id":"z"},{"cl_ord_id":"a"}]}')
    found = batch.found(batch.lookups[2], 200, kraken_told("open", kraken_order()))
    assert json.loads(found.body) == {"descr": {"order": "buy 1 XBTUSD @ limit 1"}, "txid": TXID[:-1] + "0"}
    cancel = Write("kraken", f"POST {K}CancelOrder", f"txid={TXID}")
    still = cancel.found(cancel.lookups[0], 200, {"error": [], "result": {TXID: kraken_order(opentm=1)}})
    assert (still.state, still.over, still.body) == (Found.DONE, False, b"")
    done = cancel.found(cancel.lookups[0], 200, {"error": [], "result": {TXID: kraken_order(status="canceled")}})
    assert (done.over, json.loads(done.body)) == (True, {"error": [], "result": {"count": 1}})
    none = cancel.found(cancel.lookups[0], 200, {"error": ["EOrder:Unknown order"]})
    assert none.state == Found.NOT_SO_FAR


CRYPTOCOM_ORDER = {"client_oid": "a", "order_id": "19848525", "status": "ACTIVE", "create_time": SINCE_MS + 30}


def cryptocom_told(*rows: Mapping[str, Any], code: Any = 0) -> dict[str, Any]:
    return {"id": 1, "method": "x", "code": code, "result": {"data": list(rows)}}


@pytest.mark.parametrize(
    ("number", "status", "body", "state"),
    [
        (0, 200, {"code": 0, "result": CRYPTOCOM_ORDER}, Found.DONE),
        (0, 200, {"code": "0", "result": CRYPTOCOM_ORDER}, Found.DONE),
        (0, 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "create_time": 1}}, Found.CANNOT_TELL),
        (0, 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "client_oid": "b"}}, Found.CANNOT_TELL),
        (0, 200, {"code": 40401, "message": "NOT_FOUND"}, Found.NOT_SO_FAR),
        (0, 400, {"code": "212", "message": "INVALID_ORDERID"}, Found.NOT_SO_FAR),
        (1, 200, {"code": 40401, "message": "NOT_FOUND"}, Found.CANNOT_TELL),
        (0, 429, {"code": 42901, "message": "TOO_MANY_REQUESTS"}, Found.CANNOT_TELL),
        (0, 500, {"code": 50001, "message": "ERR_INTERNAL"}, Found.CANNOT_TELL),
        (1, 200, cryptocom_told(), Found.NOT_SO_FAR),
        (1, 200, cryptocom_told({**CRYPTOCOM_ORDER, "client_oid": "b"}), Found.NOT_SO_FAR),
        (1, 200, cryptocom_told(CRYPTOCOM_ORDER), Found.DONE),
        (2, 200, cryptocom_told({**CRYPTOCOM_ORDER, "status": "FILLED"}), Found.DONE),
        (2, 200, cryptocom_told({**CRYPTOCOM_ORDER, "create_time": 1}), Found.NOT_SO_FAR),
        (2, 200, cryptocom_told(*[{"client_oid": "b"}] * 100), Found.CANNOT_TELL),  # there may be more
        (1, 200, cryptocom_told(*[{"client_oid": "b"}] * 100), Found.NOT_SO_FAR),
        (1, 200, cryptocom_told(CRYPTOCOM_ORDER, CRYPTOCOM_ORDER), Found.CANNOT_TELL),
        (1, 200, {"code": 0, "result": {}}, Found.CANNOT_TELL),
        (1, 200, {"code": 0, "result": []}, Found.CANNOT_TELL),
        (1, 200, cryptocom_told({}, code=1), Found.CANNOT_TELL),
        (0, 200, "{}", Found.CANNOT_TELL),
        (0, 502, "<html>", Found.CANNOT_TELL),
    ],
)
def test_cryptocom_answers(number: int, status: int, body: Any, state: Found) -> None:
    given = '{"id":"17","params":{"instrument_name":"B","client_oid":"a"}}'
    write = Write("cryptocom", f"POST {C}create-order", given)
    finding = write.found(write.lookups[number], status, body)
    assert (finding.state, finding.over) == (state, state is Found.DONE and "FILLED" in str(body))
    if state is Found.DONE:
        result = {"client_oid": "a", "order_id": "19848525"}
        told = {"id": "17", "method": "private/create-order", "code": 0, "result": result}
        assert json.loads(finding.body) == told


def test_cryptocom_items_and_cancels() -> None:
    rows = '{"id":1,"params":{"order_list":[{"client_oid":"z"},{"client_oid":"a"}]}}'
    listed = Write("cryptocom", f"POST {C}create-order-list", rows)
    found = listed.found(listed.lookups[1], 200, {"code": 0, "result": CRYPTOCOM_ORDER})
    assert json.loads(found.body) == {"index": 1, "code": 0, "client_oid": "a", "order_id": "19848525"}
    cancel = Write("cryptocom", f"POST {C}cancel-order", '{"params":{"order_id":"19848525"}}')
    found = cancel.found(cancel.lookups[0], 200, {"code": 0, "result": {**CRYPTOCOM_ORDER, "create_time": 1}})
    assert (found.state, found.over, found.body) == (Found.DONE, False, b"")


def test_absence_is_never_concluded_from_one_look() -> None:
    for exchange in EXCHANGES.values():
        assert exchange.absence is not None
        assert exchange.absence.looks >= 3 and exchange.absence.after_ms >= 2_000
    kraken = EXCHANGES["kraken"].absence
    assert kraken is not None and kraken.after_ms == 60_000


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
PLACINGS = [
    ("binance", f"POST {B}order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}"),
    ("kraken", f"POST {K}AddOrder", "pair=XBTUSD&type=buy&ordertype=limit&volume=0.01&price={price}"),
    (
        "cryptocom",
        f"POST {C}create-order",
        '{{"id":17,"params":{{"instrument_name":"BTC_USDT","side":"BUY","type":"LIMIT","price":"{price}",'
        '"quantity":"0.01"}}}}',
    ),
]
_NONCES = itertools.count(1_000)


async def call(sim: Simulator, exchange: str, endpoint: Endpoint, request: Incoming) -> Got:
    row = EXCHANGES[exchange]
    stamp = Stamp(int(time.time() * 1000), next(_NONCES))
    signed = row.sign(request, endpoint, SECRETS[exchange], stamp)
    return await send(signed.method, sim.url(exchange) + signed.target, dict(signed.headers), signed.body)


async def look(sim: Simulator, exchange: str, write: Write) -> list[Finding]:
    found = []
    for lookup in write.lookups:
        endpoint = write.row.table.match(*lookup.endpoint.split(" "))
        assert endpoint is not None
        got = await call(sim, exchange, endpoint, lookup.request)
        found.append(write.found(lookup, got.status, got.text))
    return found


@pytest.mark.parametrize(("exchange", "name", "given"), PLACINGS, ids=[row[0] for row in PLACINGS])
async def test_a_placed_order_is_found_as_it_was_answered(sim: Simulator, exchange: str, name: str, given: str) -> None:
    write = Write(exchange, name, given.format(price="50000"), int(time.time() * 1000))
    assert {finding.state for finding in await look(sim, exchange, write)} == {Found.NOT_SO_FAR}
    answered = await call(sim, exchange, write.endpoint, write.request)
    assert answered.status == 200
    findings = [row for row in await look(sim, exchange, write) if row.state is Found.DONE]
    assert findings and not any(row.over for row in findings)
    for finding in findings:
        assert json.loads(finding.body) == answered.json
        assert parsed(exchange, finding.body) == parsed(exchange, answered.text)


def parsed(exchange: str, body: bytes | str) -> Any:
    """As ccxt hands it to a bot."""
    client = getattr(ccxt, exchange)()
    told = json.loads(body)
    order = told if exchange == "binance" else told["result"]
    return client.parse_order(order)


@pytest.mark.parametrize(("exchange", "name", "given"), PLACINGS, ids=[row[0] for row in PLACINGS])
async def test_an_order_that_filled_at_once_is_found(sim: Simulator, exchange: str, name: str, given: str) -> None:
    write = Write(exchange, name, given.format(price="900000"), int(time.time() * 1000))
    answered = await call(sim, exchange, write.endpoint, write.request)
    assert answered.status == 200
    found = [row for row in await look(sim, exchange, write) if row.state is Found.DONE]
    assert found and all(row.over for row in found)
    told = json.loads(found[0].body)
    left_out = answered.json.keys() - told.keys()
    assert left_out == ({"fills"} if exchange == "binance" else set())
    assert told == {name: value for name, value in answered.json.items() if name not in left_out}


CANCELS = {
    "binance": (f"DELETE {B}order", "symbol=BTCUSDT&origClientOrderId={id}&newClientOrderId=dummy-c"),
    "kraken": (f"POST {K}CancelOrder", "cl_ord_id={id}"),
    "cryptocom": (f"POST {C}cancel-order", '{{"id":1,"params":{{"client_oid":"{id}"}}}}'),
}


@pytest.mark.parametrize(("exchange", "name", "given"), PLACINGS, ids=[row[0] for row in PLACINGS])
async def test_a_cancel_is_over_once_its_order_is(sim: Simulator, exchange: str, name: str, given: str) -> None:
    write = Write(exchange, name, given.format(price="50000"), int(time.time() * 1000))
    assert (await call(sim, exchange, write.endpoint, write.request)).status == 200
    cancel_name, cancel_given = CANCELS[exchange]
    cancel = Write(exchange, cancel_name, cancel_given.format(id=write.lookups[0].id))
    before = [row for row in await look(sim, exchange, cancel) if row.state is Found.DONE]
    assert before and not any(row.over for row in before)
    answered = await call(sim, exchange, cancel.endpoint, cancel.request)
    assert answered.status == 200
    after = [row for row in await look(sim, exchange, cancel) if row.state is Found.DONE]
    assert after and all(row.over for row in after)
    if exchange != "cryptocom":
        assert json.loads(after[0].body) == answered.json
