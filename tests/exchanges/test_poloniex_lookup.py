"""Orders of Poloniex: their ids, where a lost one is asked for, and what its answers say of each."""

import itertools
import json
from typing import Any

import pytest

from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, Finding, Found
from proxy.exchanges.poloniex import EXCHANGE
from proxy.model import Executed, Incoming, Item, Reply

SINCE_MS = 1_700_000_000_000
FROM = SINCE_MS - 2_000
ORDER = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.1"}
NAMED = {**ORDER, "clientOrderId": "dummy-1"}
FUTURE = {"symbol": "BTC_USDT_PERP", "side": "BUY", "type": "LIMIT", "px": "50000", "sz": "1", "clOrdId": "dummy-1"}
YES, NO, UNKNOWN = Executed.YES, Executed.NO, Executed.UNKNOWN


class Write:
    def __init__(self, name: str, body: Any = None) -> None:
        method, _, path = name.partition(" ")
        endpoint = EXCHANGE.table.match(method, path)
        assert endpoint is not None
        self.endpoint = endpoint
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        stripped = EXCHANGE.strip(Incoming(method, path, "", (), text.encode()))
        params = {**EXCHANGE.params(stripped), **EXCHANGE.table.path_params(endpoint, path)}
        numbers = itertools.count(1)
        self.request, self.params = EXCHANGE.identify(endpoint, stripped, params, lambda: f"ogdummy{next(numbers)}")
        self.lookups = EXCHANGE.lookups(endpoint, self.request, self.params, SINCE_MS)

    @property
    def names(self) -> tuple[str, ...]:
        return EXCHANGE.orders(self.endpoint, self.params).own

    def asks(self) -> list[tuple[int, str]]:
        for lookup in self.lookups:
            row = EXCHANGE.table.match("GET", lookup.request.path)
            assert row is not None and row.name == lookup.endpoint and lookup.since_ms == SINCE_MS
            assert EXCHANGE.strip(lookup.request) == lookup.request
        asked = [(one.item, one.request) for one in self.lookups]
        return [(item, f"{one.path}?{one.query}" if one.query else one.path) for item, one in asked]

    def found(self, body: Any, status: int = 200, at: int = 0) -> Finding:
        """What is found by the look number `at`."""
        reply = Reply(status, b"", (), (body if isinstance(body, str) else json.dumps(body)).encode(), 1)
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[at], reply)

    def items(self, body: Any, status: int = 200) -> tuple[Item, ...]:
        text = body if isinstance(body, str) else json.dumps(body)
        return EXCHANGE.items(self.endpoint, self.params, Reply(status, b"", (), text.encode(), 1))

    def rebuilt(self, *findings: Finding) -> Any:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, dict(enumerate(findings)))
        return None if made is None else (made.status, json.loads(made.body))


def place() -> Write:
    return Write("POST /orders", NAMED)


def cancel(id: str = "11") -> Write:
    return Write(f"DELETE /orders/{id}")


def replace(**body: Any) -> Write:
    return Write("PUT /orders/11", {"clientOrderId": "dummy-2", "price": "49000", **body})


def cancels(*ids: str, named: tuple[str, ...] = ()) -> Write:
    return Write("DELETE /orders/cancelByIds", {"orderIds": ids, "clientOrderIds": named})


def shown(**changed: Any) -> dict[str, Any]:
    usual = {**NAMED, "id": "11", "state": "NEW", "createTime": SINCE_MS + 30, "updateTime": SINCE_MS + 30}
    return {**usual, **changed}


def standing(**changed: Any) -> dict[str, Any]:
    """As one that was there before."""
    return shown(**{"createTime": SINCE_MS - 60_000, **changed})


# ---- ids and names


@pytest.mark.parametrize("path", ["/orders", "/smartorders", "/v3/trade/order"])
def test_an_order_gets_an_id_where_the_bot_gave_none_and_keeps_every_other_byte(path: str) -> None:
    name = "clOrdId" if path.startswith("/v3/") else "clientOrderId"
    made = Write(f"POST {path}", '{ "symbol":"A_B", "quantity": 1.10 }')
    assert made.request.body.startswith(b'{ "symbol":"A_B", "quantity": 1.10 ')
    assert json.loads(made.request.body)[name] == made.params[name] == "ogdummy1"
    assert json.loads(Write(f"POST {path}", f'{{"{name}":"","symbol":"A"}}').request.body)[name] == "ogdummy1"
    kept = f'{{"{name}" : "dummy-1","symbol":"A_B"}}'
    assert Write(f"POST {path}", kept).request.body == kept.encode()


def test_every_order_of_a_batch_and_the_new_one_of_a_replacement_get_an_id() -> None:
    made = Write("POST /orders/batch", '[{"symbol":"A", "n":1.0}, {"clientOrderId":"dummy-1","symbol":"B"}, {}]')
    rows = json.loads(made.request.body)
    assert [row["clientOrderId"] for row in rows] == ["ogdummy1", "dummy-1", "ogdummy2"]
    assert b'[{"symbol":"A", "n":1.0,' in made.request.body
    assert json.loads(Write("POST /v3/trade/orders", "[{}]").request.body) == [{"clOrdId": "ogdummy1"}]
    assert json.loads(Write("PUT /orders/11", '{"price":"1"}').request.body)["clientOrderId"] == "ogdummy1"
    assert json.loads(Write("PUT /smartorders/cid:a").request.body) == {"clientOrderId": "ogdummy1"}
    assert Write("POST /v3/trade/position", '{"symbol":"A"}').request.body == b'{"symbol":"A"}'
    assert cancel().request.body == b""


@pytest.mark.parametrize(
    ("made", "names", "client_ids", "closes"),
    [
        (place(), ("dummy-1",), ("dummy-1",), False),
        (Write("POST /orders/batch", [NAMED, ORDER]), ("dummy-1", "ogdummy1"), ("dummy-1", "ogdummy1"), False),
        (replace(), ("dummy-2", "11"), ("dummy-2",), False),
        (Write("PUT /orders/cid:dummy-1", {"clientOrderId": "b"}), ("b", "dummy-1"), ("b",), False),
        (cancel(), ("11",), (), False),
        (cancel("cid:dummy-1"), ("dummy-1",), (), False),
        (Write("DELETE /smartorders/cid:dummy-1"), ("dummy-1",), (), False),
        (cancels("1", "2", named=("a",)), ("1", "2", "a"), (), False),
        (Write("DELETE /orders", {"symbols": ["A"]}), (), (), False),
        (Write("POST /orders/killSwitch", {"timeout": "10"}), (), (), False),
        (Write("POST /v3/trade/order", FUTURE), ("dummy-1",), ("dummy-1",), False),
        (Write("POST /v3/trade/order", {**FUTURE, "reduceOnly": True}), ("dummy-1",), ("dummy-1",), True),
        (Write("POST /v3/trade/order", {**FUTURE, "reduceOnly": "true"}), ("dummy-1",), ("dummy-1",), True),
        (Write("POST /v3/trade/orders", [{**FUTURE, "reduceOnly": True}, FUTURE]), *[("dummy-1",)] * 1,
         ("dummy-1", "dummy-1"), False),
        (Write("POST /v3/trade/position", {"symbol": "A", "clOrdId": "x"}), ("x",), (), True),
        (Write("POST /v3/trade/positionAll"), (), (), True),
        (Write("DELETE /v3/trade/order", {"symbol": "A", "ordId": "1"}), ("1",), (), False),
        (Write("DELETE /v3/trade/batchOrders", {"symbol": "A", "clOrdIds": ["x", "y"]}), ("x", "y"), (), False),
    ],
)  # fmt: skip
def test_names(made: Write, names: tuple[str, ...], client_ids: tuple[str, ...], closes: bool) -> None:
    assert made.names == names
    assert EXCHANGE.client_ids(made.endpoint, made.params) == client_ids
    assert EXCHANGE.closes(made.endpoint, made.params) == closes


# ---- where to ask


def test_a_new_order_is_asked_for_by_the_bots_id_and_then_in_the_history() -> None:
    past = f"startTime={FROM}&limit=100"
    assert place().asks() == [(0, "/orders/cid:dummy-1"), (0, f"/orders/history?symbol=BTC_USDT&{past}")]
    smart = Write("POST /smartorders", NAMED).asks()
    assert smart == [(0, "/smartorders/cid:dummy-1"), (0, f"/smartorders/history?symbol=BTC_USDT&{past}")]
    batch = Write("POST /orders/batch", [NAMED, {**NAMED, "clientOrderId": "b", "symbol": "A_B"}]).asks()
    assert batch[2:] == [(1, "/orders/cid:b"), (1, f"/orders/history?symbol=A_B&{past}")]


def test_a_known_order_is_asked_for_as_the_bot_named_it() -> None:
    past = f"startTime={FROM}&limit=100"
    assert cancel().asks() == [(0, "/orders/11"), (0, f"/orders/history?{past}")]
    assert cancel("cid:dummy-1").asks() == [(0, "/orders/cid:dummy-1"), (0, f"/orders/history?{past}")]
    assert Write("DELETE /smartorders/11").asks() == [(0, "/smartorders/11"), (0, f"/smartorders/history?{past}")]
    assert [ask for _, ask in cancels("11", named=("a",)).asks()][::2] == ["/orders/11", "/orders/cid:a"]
    assert [item for item, _ in cancels("11", named=("a",)).asks()] == [0, 0, 1, 1]
    assert cancels().asks() == Write("DELETE /orders/cancelByIds", '{"orderIds":"11"}').asks() == []


def test_both_orders_of_a_replacement_are_asked_for() -> None:
    asks = replace().asks()
    assert [ask for _, ask in asks][::2] == ["/orders/11", "/orders/cid:dummy-2"]
    assert [item for item, _ in asks] == [0, 0, 1, 1]
    by_name = Write("PUT /smartorders/cid:dummy-1", {"clientOrderId": "b"}).asks()
    assert [ask for _, ask in by_name][::2] == ["/smartorders/cid:dummy-1", "/smartorders/cid:b"]
    assert Write("PUT /orders/cid:dummy-1", {"clientOrderId": "dummy-1"}).asks() == []  # two orders of one name


def test_futures_are_asked_for_in_their_lists() -> None:
    both = ["/v3/trade/order/opens", "/v3/trade/order/history"]
    query = "symbol=BTC_USDT_PERP&clOrdId=dummy-1&limit=100"
    assert Write("POST /v3/trade/order", FUTURE).asks() == [(0, f"{path}?{query}") for path in both]
    one = Write("DELETE /v3/trade/order", {"symbol": "A", "ordId": "1", "clOrdId": "x"}).asks()
    assert one == [(0, f"{path}?symbol=A&ordId=1&limit=100") for path in both]
    some = Write("DELETE /v3/trade/batchOrders", {"symbol": "A", "ordIds": ["1"], "clOrdIds": ["x"]}).asks()
    assert some == one  # those of the bot do not count then
    some = Write("DELETE /v3/trade/batchOrders", {"symbol": "A", "clOrdIds": ["x", "y"]}).asks()
    assert [item for item, _ in some] == [0, 0, 1, 1] and "clOrdId=y" in some[3][1]


def test_writes_without_a_name_are_not_looked_for() -> None:
    for made in (
        Write("DELETE /orders", {"symbols": ["A"]}),
        Write("POST /orders/killSwitch", {"timeout": "10"}),
        Write("POST /v3/trade/position", {"symbol": "A"}),
        Write("POST /v3/trade/positionAll"),
        Write("DELETE /v3/trade/allOrders", {"symbol": "A"}),
    ):
        assert made.asks() == []


def test_absence_is_proven_late_enough() -> None:
    assert EXCHANGE.absence is not None
    assert EXCHANGE.absence.after_ms >= 10_000 and EXCHANGE.absence.looks >= 2


# ---- what is found

NOT_FOUND = {"code": 21301, "message": "Order not found"}


@pytest.mark.parametrize(
    ("body", "status", "state"),
    [
        *((shown(state=state), 200, Found.DONE) for state in ("NEW", "PENDING_NEW", "FILLED", "CANCELED", "FAILED")),
        (shown(state="REJECTED"), 200, Found.NEVER),
        (NOT_FOUND, 400, Found.NOT_SO_FAR),
        (NOT_FOUND, 200, Found.NOT_SO_FAR),
        (standing(), 200, Found.NOT_SO_FAR),  # its id is in use, so a newer one was refused
        (standing(state="FILLED"), 200, Found.CANNOT_TELL),  # its id may be free again
        (shown(clientOrderId="dummy-2"), 200, Found.CANNOT_TELL),
        ({}, 200, Found.CANNOT_TELL),
        ("null", 200, Found.CANNOT_TELL),
        ({"code": 21600}, 400, Found.CANNOT_TELL),
        ({"code": 429}, 429, Found.CANNOT_TELL),
        ({"code": 500}, 500, Found.CANNOT_TELL),
        ("<html>", 200, Found.CANNOT_TELL),
        ("", 404, Found.CANNOT_TELL),
        (shown(), 500, Found.CANNOT_TELL),
    ],
)
def test_a_new_order(body: Any, status: int, state: Found) -> None:
    assert place().found(body, status).state is state
    if isinstance(body, dict) and body and "code" not in body:  # smart orders come as a list
        assert Write("POST /smartorders", NAMED).found([body], status).state is state


def test_no_smart_order_is_an_empty_list() -> None:
    assert Write("POST /smartorders", NAMED).found([]) == NOT_SO_FAR


@pytest.mark.parametrize(
    ("body", "status", "state"),
    [
        ([], 200, Found.NOT_SO_FAR),
        ([shown(clientOrderId="x", id="12")], 200, Found.NOT_SO_FAR),
        ([shown(clientOrderId="x", id="12"), shown(state="FILLED")], 200, Found.DONE),
        ([standing(state="FILLED")], 200, Found.NOT_SO_FAR),
        ([shown(), shown(id="12")], 200, Found.CANNOT_TELL),
        ([shown(clientOrderId="x", id="12")] * 100, 200, Found.CANNOT_TELL),
        ({"code": 21355}, 400, Found.CANNOT_TELL),
        ([], 500, Found.CANNOT_TELL),
    ],
)
def test_a_new_order_in_the_history(body: Any, status: int, state: Found) -> None:
    assert place().found(body, status, at=1).state is state


def test_the_answer_to_an_order_that_came_into_being() -> None:
    made = place()
    finding = made.found(shown())
    assert made.rebuilt(finding) == (200, {"id": "11", "clientOrderId": "dummy-1"})
    assert made.rebuilt(made.found(NOT_FOUND, 400)) is None


@pytest.mark.parametrize(
    ("order", "state"),
    [
        *(({"state": state}, Found.DONE) for state in ("CANCELED", "PARTIALLY_CANCELED", "PENDING_CANCEL")),
        *(({"state": state}, Found.NOT_SO_FAR) for state in ("NEW", "PARTIALLY_FILLED")),
        *(({"state": state}, Found.NEVER) for state in ("FILLED", "EXPIRED", "FAILED")),
        ({"state": "CANCELED", "updateTime": SINCE_MS - 50_000}, Found.NEVER),  # it ended before
    ],
)
def test_an_order_to_cancel(order: Any, state: Found) -> None:
    assert cancel().found(standing(**order)).state is state
    assert cancel().found([standing(**order)], at=1).state is state
    assert cancels("1", "11").found(standing(**order), at=2).state is state
    assert replace().found(standing(**order)).state is state
    assert Write("DELETE /smartorders/11").found([standing(**order)]).state is state
    if state is not Found.NEVER or "updateTime" not in order:
        assert cancel("cid:dummy-1").found(standing(**order)).state is state


def test_an_order_to_cancel_that_is_not_there_or_is_another() -> None:
    assert cancel().found(NOT_FOUND, 400) == NOT_SO_FAR
    assert cancel().found(standing(id="12")) == cancel().found({}) == cancel().found([1]) == CANNOT_TELL
    # Under a name of the bot's: one that ended before, and one that is newer.
    ended = standing(state="CANCELED", updateTime=SINCE_MS - 50_000)
    assert cancel("cid:dummy-1").found(ended).state is Found.NOT_SO_FAR
    newer = cancel("cid:dummy-1").found(shown(createTime=SINCE_MS + 9_000))
    assert newer.state is Found.CANNOT_TELL and newer.order


def test_the_answer_to_a_cancel() -> None:
    finding = cancel().found(standing(state="CANCELED"))
    row = {"orderId": "11", "clientOrderId": "dummy-1", "state": "PENDING_CANCEL", "code": 200, "message": ""}
    assert cancel().rebuilt(finding) == (200, row)


def test_a_replacement() -> None:
    made = replace()
    gone, new = standing(state="CANCELED"), shown(id="12", clientOrderId="dummy-2")
    old_found, new_found = made.found(gone), made.found(new, at=2)
    assert (old_found.state, new_found.state) == (Found.DONE, Found.DONE)
    answer = (200, {"id": "12", "clientOrderId": "dummy-2"})
    assert made.rebuilt(old_found, new_found) == answer
    assert made.rebuilt(NOT_SO_FAR, new_found) == answer
    assert made.rebuilt(old_found, NOT_SO_FAR) is None  # half done: the exchange has no words for that
    assert made.rebuilt(NOT_SO_FAR, NOT_SO_FAR) is None
    assert made.found(NOT_FOUND, 400, at=2) == NOT_SO_FAR
    assert made.items(answer[1]) == (Item(0, "11", YES), Item(1, "dummy-2", YES, "12"))
    assert made.items({"code": 21709}, 400) == made.items({"code": 21709}) == made.items([]) == made.items("<") == ()


def future(**changed: Any) -> dict[str, Any]:
    at = str(SINCE_MS + 30)
    return {**FUTURE, "ordId": "11", "state": "NEW", "cTime": at, "uTime": at, **changed}


def listed(*orders: Any, code: int | str = 200) -> dict[str, Any]:
    return {"code": code, "msg": "Success", "data": list(orders)}


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (listed(future()), Found.DONE),
        (listed(future(), code="200"), Found.DONE),
        (listed(), Found.NOT_SO_FAR),
        (listed(future(clOrdId="x", ordId="12")), Found.NOT_SO_FAR),
        (listed(future(cTime=str(SINCE_MS - 60_000))), Found.NOT_SO_FAR),
        (listed(*[future(clOrdId="x", ordId="12")] * 100), Found.CANNOT_TELL),
        ({"code": 200, "msg": "Success"}, Found.CANNOT_TELL),
        ({"code": 1000, "msg": "x"}, Found.CANNOT_TELL),
        ([], Found.CANNOT_TELL),
    ],
)
def test_a_new_futures_order(body: Any, state: Found) -> None:
    made = Write("POST /v3/trade/order", FUTURE)
    for at in (0, 1):
        assert made.found(body, at=at).state is state
    if state is Found.DONE:
        data = {"ordId": "11", "clOrdId": "dummy-1"}
        assert made.rebuilt(made.found(body)) == (200, {"code": 200, "msg": "Success", "data": data})


def test_a_futures_order_to_cancel() -> None:
    made = Write("DELETE /v3/trade/order", {"symbol": "A", "ordId": "11"})
    before = {"cTime": str(SINCE_MS - 60_000)}
    assert made.found(listed(future(**before))).state is Found.NOT_SO_FAR
    assert made.found(listed(future(state="CANCELED", **before)), at=1).state is Found.DONE
    assert made.found(listed(future(state="FILLED", **before)), at=1).state is Found.NEVER


# ---- answers about several


def test_items_of_a_batch_stand_in_its_order() -> None:
    made = Write("POST /orders/batch", [NAMED, {**NAMED, "clientOrderId": "b"}, {**NAMED, "clientOrderId": "c"}])
    low = {"code": 21709, "message": "Low balance", "clientOrderId": ""}
    twice = {"code": 21312, "message": "exists", "clientOrderId": "c"}
    assert made.items([{"id": "1", "clientOrderId": "dummy-1"}, low, twice]) == (
        Item(0, "dummy-1", YES, "1"),
        Item(1, "b", NO, "", "21709 Low balance"),
        Item(2, "c", UNKNOWN, "", "21312 exists"),
    )
    assert [row.executed for row in made.items([{"code": 24201}, {"code": 99999}, {}])] == [UNKNOWN] * 3
    assert made.items([low]) == made.items([low] * 3, 500) == made.items({"code": 200}) == made.items("<html>") == ()
    futures = Write("POST /v3/trade/orders", [FUTURE, {**FUTURE, "clOrdId": "b"}])
    told = listed({"code": 200, "msg": "", "ordId": "1", "clOrdId": "dummy-1"}, {"code": 10014, "msg": "limit"})
    assert futures.items(told) == (Item(0, "dummy-1", YES, "1"), Item(1, "b", NO, "", "10014 limit"))
    assert place().items({"id": "1", "clientOrderId": "dummy-1"}) == ()


def row_of(id: str, named: str = "", code: int = 200) -> dict[str, Any]:
    return {"orderId": id, "clientOrderId": named, "state": "PENDING_CANCEL", "code": code, "message": ""}


def test_items_of_a_list_to_cancel_go_by_id() -> None:
    made = cancels("1", "2", "3", named=("a",))
    told = [row_of("9", "a"), row_of("2", code=21301), row_of("1", "x")]
    assert made.items(told) == (
        Item(0, "1", YES, "1"),
        Item(1, "2", NO, "2", "21301"),
        Item(2, "3", UNKNOWN),
        Item(3, "a", YES, "9"),
    )
    futures = Write("DELETE /v3/trade/batchOrders", {"symbol": "A", "ordIds": ["1", "2"]})
    gone = {"code": "11008", "msg": "ORDER_NOT_EXISTS", "ordId": "2", "clOrdId": ""}
    told_of = listed({"code": "200", "msg": "Success", "ordId": "1", "clOrdId": ""}, gone)
    assert futures.items(told_of) == (Item(0, "1", YES, "1"), Item(1, "2", NO, "2", "11008 ORDER_NOT_EXISTS"))
    assert cancel().items(row_of("11")) == ()


def test_the_answer_to_a_batch_is_made_up_of_its_orders() -> None:
    made = Write("POST /orders/batch", [NAMED, {**NAMED, "clientOrderId": "b"}])
    there = made.found(shown())
    status, rows = made.rebuilt(there, NOT_SO_FAR)
    assert (status, rows[0]) == (200, {"id": "11", "clientOrderId": "dummy-1"})
    assert [item.executed for item in made.items(rows)] == [YES, NO]
    assert made.rebuilt(NOT_SO_FAR, NOT_SO_FAR) is made.rebuilt(there) is None
    futures = Write("POST /v3/trade/orders", [FUTURE, {**FUTURE, "clOrdId": "b"}])
    status, told = futures.rebuilt(futures.found(listed(future())), NOT_SO_FAR)
    assert [item.executed for item in futures.items(told)] == [YES, NO]


def test_the_answer_to_a_list_to_cancel_is_made_up_of_its_orders() -> None:
    made = cancels("1", "2", named=("a",))
    done = made.found(standing(id="1", state="CANCELED"))
    over = made.found(standing(id="2", state="FILLED"), at=2)
    status, rows = made.rebuilt(done, over, NOT_SO_FAR)
    assert status == 200 and [row["code"] for row in rows] == [200, 21359, 21340]
    assert [(item.id, item.executed) for item in made.items(rows)] == [("1", YES), ("2", NO), ("a", NO)]
    assert made.rebuilt(over, over, over) is None
    assert made.rebuilt(done) is None
    futures = Write("DELETE /v3/trade/batchOrders", {"symbol": "A", "ordIds": ["1", "2"]})
    gone = futures.found(listed(future(ordId="1", state="CANCELED", cTime=str(SINCE_MS - 9_000))), at=1)
    status, told = futures.rebuilt(gone, NOT_SO_FAR)
    assert [(item.id, item.executed) for item in futures.items(told)] == [("1", YES), ("2", NO)]
