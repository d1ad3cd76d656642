"""Bybit's orders: their names, where lost ones are looked for, and what batch answers say of each."""

import itertools
import json
from typing import Any

import pytest

from proxy.exchanges.bybit import EXCHANGE
from proxy.exchanges.lookup import SKEW_MS, Finding, Found
from proxy.model import CallClass, Endpoint, Executed, Incoming, Item, Reply
from proxy.order_ids import OrderIds

SINCE_MS = 1_700_000_000_000


def reply(told: Any, status: int = 200) -> Reply:
    return Reply(status, b"", (), (told if isinstance(told, str) else json.dumps(told)).encode(), 1)


def listed(*orders: dict[str, Any]) -> Reply:
    """As of GET /v5/order/realtime, /v5/order/history and /v5/execution/list."""
    result = {"list": list(orders), "nextPageCursor": "x%3D1", "category": "linear"}
    return reply({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": SINCE_MS})


def coded(code: int) -> Reply:
    return reply({"retCode": code, "retMsg": "text", "result": {}})


class Write:
    """A write, with ids put in."""

    def __init__(self, path: str, given: dict[str, Any]) -> None:
        found = EXCHANGE.table.match("POST", f"/v5/{path}")
        assert found is not None
        self.endpoint: Endpoint = found
        self.sent = Incoming("POST", f"/v5/{path}", "", (), json.dumps(given).encode())
        numbers = itertools.count(1)
        params = EXCHANGE.params(EXCHANGE.strip(self.sent))
        self.request, self.params = EXCHANGE.identify(found, self.sent, params, lambda: f"og-{next(numbers)}")
        self.lookups = EXCHANGE.lookups(found, self.request, self.params, SINCE_MS)

    def asks(self) -> list[str]:
        for lookup in self.lookups:
            row = EXCHANGE.table.match("GET", lookup.request.path)
            assert row is not None and row.name == lookup.endpoint and row.call_class is CallClass.READ
            assert EXCHANGE.strip(lookup.request) == lookup.request
        return [f"{k.item} {k.request.path.removeprefix('/v5/')}?{k.request.query} {k.id}" for k in self.lookups]

    def found(self, answer: Reply, lookup: int = 0) -> Finding:
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[lookup], answer)

    def rebuilt(self, *findings: Finding) -> Any:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, dict(enumerate(findings)))
        assert made is None or made.status == 200
        return json.loads(made.body) if made is not None else None


NEW = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "50000"}
NAMED = {**NEW, "orderLinkId": "dummy-1"}


def shown(**changes: Any) -> dict[str, Any]:
    """As of open-order.mdx."""
    order = {
        "orderId": "fd4300ae-7847",
        "orderLinkId": "dummy-1",
        "symbol": "BTCUSDT",
        "price": "50000.00",
        "qty": "0.010",
        "orderStatus": "New",
        "triggerPrice": "0.00",
        "takeProfit": "",
        "createdTime": str(SINCE_MS + 300),
        "updatedTime": str(SINCE_MS + 301),
    }
    return {**order, **{name: str(value) for name, value in changes.items()}}


# ---- names


def test_orders_without_an_id_get_one() -> None:
    write = Write("order/create", NEW)
    assert json.loads(write.request.body) == {**NEW, "orderLinkId": "og-1"} and write.params["orderLinkId"] == "og-1"
    assert write.request.body.startswith(write.sent.body[:-1])
    named = Write("order/create", NAMED)
    assert named.request is named.sent
    batch = Write("order/create-batch", {"category": "spot", "request": [NEW, NAMED, {**NEW, "orderLinkId": ""}]})
    ids = [row["orderLinkId"] for row in json.loads(batch.request.body)["request"]]
    assert ids == ["og-1", "dummy-1", "og-2"]
    assert EXCHANGE.client_ids(batch.endpoint, batch.params) == tuple(ids)
    assert EXCHANGE.orders(batch.endpoint, batch.params).own == tuple(ids)
    assert json.loads(Write("spread/order/create", {"symbol": "A_B"}).request.body)["orderLinkId"] == "og-1"


def test_our_ids_have_the_form_that_is_asked_for() -> None:
    """At most 36 letters, digits, dashes and underscores."""
    text = OrderIds().take()
    assert len(text) <= 36 and text.isalnum() and text.isascii()


@pytest.mark.parametrize(
    "path", ["order/amend", "order/cancel", "spread/order/cancel", "order/cancel-all", "order/pre-check"]
)
def test_nothing_is_put_into_calls_that_make_no_order(path: str) -> None:
    write = Write(path, {"category": "spot", "symbol": "BTCUSDT"})
    assert write.request is write.sent
    assert EXCHANGE.client_ids(write.endpoint, write.params) == ()


def test_the_orders_that_a_call_names() -> None:
    one = Write("order/cancel", {"category": "spot", "orderId": "1", "orderLinkId": "a"})
    assert EXCHANGE.orders(one.endpoint, one.params).own == ("1", "a")
    many = Write("order/cancel-batch", {"category": "spot", "request": [{"orderId": "1"}, {"orderLinkId": "a"}]})
    assert EXCHANGE.orders(many.endpoint, many.params).own == ("1", "a")
    every = Write("order/cancel-all", {"category": "spot"})
    assert EXCHANGE.orders(every.endpoint, every.params).own == ()


def test_orders_that_only_close() -> None:
    def closes(path: str, given: dict[str, Any]) -> bool:
        write = Write(path, given)
        return EXCHANGE.closes(write.endpoint, write.params)

    assert closes("order/create", {**NEW, "reduceOnly": True})
    assert not closes("order/create", {**NEW, "reduceOnly": False})
    assert not closes("order/create", NEW)
    assert closes("order/create-batch", {"category": "linear", "request": [{**NEW, "reduceOnly": True}]})
    assert not closes("order/create-batch", {"category": "linear", "request": [{**NEW, "reduceOnly": True}, NEW]})


# ---- where a lost order is asked for

BY_LINK = "category=linear&symbol=BTCUSDT&orderLinkId=dummy-1"
BY_ID = "category=linear&symbol=BTCUSDT&orderId=77"


def test_a_new_order_is_asked_for_in_three_places() -> None:
    assert Write("order/create", NAMED).asks() == [
        f"0 order/realtime?{BY_LINK} dummy-1",
        f"0 order/history?{BY_LINK} dummy-1",
        f"0 execution/list?{BY_LINK} dummy-1",
    ]
    spot = Write("order/create", {**NAMED, "category": "spot", "orderFilter": "tpslOrder"})
    assert spot.asks()[1] == (
        "0 order/realtime?category=spot&symbol=BTCUSDT&orderLinkId=dummy-1&orderFilter=tpslOrder dummy-1"
    )


def test_the_exchanges_id_goes_first() -> None:
    for path in ("order/cancel", "order/amend"):
        both = Write(path, {**NAMED, "orderId": "77"})
        assert both.asks() == [f"0 order/realtime?{BY_ID} 77", f"0 order/history?{BY_ID} 77"]


def test_batches_are_asked_for_order_by_order() -> None:
    rows = [{"symbol": "BTCUSDT", "orderLinkId": "dummy-1"}, {"symbol": "BTCUSDT", "orderId": "77"}]
    assert Write("order/cancel-batch", {"category": "linear", "request": rows}).asks() == [
        f"0 order/realtime?{BY_LINK} dummy-1",
        f"0 order/history?{BY_LINK} dummy-1",
        f"1 order/realtime?{BY_ID} 77",
        f"1 order/history?{BY_ID} 77",
    ]


def test_spread_orders_are_asked_for_where_they_stand() -> None:
    assert Write("spread/order/create", {"symbol": "A_B", "orderLinkId": "a b"}).asks() == [
        "0 spread/order/realtime?orderLinkId=a%20b a b",
        "0 spread/order/history?orderLinkId=a%20b a b",
        "0 spread/execution/list?orderLinkId=a%20b a b",
    ]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("order/create", {"orderLinkId": "a"}),  # no category: the exchange will refuse it
        ("order/cancel-all", {"category": "spot"}),
        ("position/set-leverage", {"category": "linear", "symbol": "BTCUSDT"}),
        ("order/pre-check", NAMED),
    ],
)
def test_what_cannot_be_asked_for(path: str, given: dict[str, Any]) -> None:
    assert Write(path, given).lookups == ()


# ---- what answers say


def test_a_new_order_that_is_there() -> None:
    write = Write("order/create", NAMED)
    for status in ("New", "PartiallyFilled", "Filled", "Cancelled", "Untriggered", "Deactivated"):
        finding = write.found(listed(shown(orderStatus=status)))
        assert finding.state is Found.DONE
    assert write.rebuilt(finding) == {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"orderId": "fd4300ae-7847", "orderLinkId": "dummy-1"},
        "retExtInfo": {},
        "time": SINCE_MS + 300,
    }
    verdict = EXCHANGE.classify(write.endpoint, reply(write.rebuilt(finding)), SINCE_MS)
    assert verdict.executed is Executed.YES


def test_a_new_order_that_is_not() -> None:
    write = Write("order/create", NAMED)
    assert write.found(listed()).state is Found.NOT_SO_FAR
    assert write.found(listed(shown(orderStatus="Rejected"))).state is Found.NEVER
    assert write.found(listed(shown(orderLinkId="dummy-2"))).state is Found.CANNOT_TELL  # another order was shown


def test_an_older_order_of_the_same_name_proves_nothing() -> None:
    write = Write("order/create", NAMED)
    older = shown(createdTime=SINCE_MS - SKEW_MS - 1)
    assert write.found(listed(older)).state is Found.CANNOT_TELL
    assert write.found(listed(shown(), older)).state is Found.DONE
    assert write.found(listed(shown(), shown(orderId="2"))).state is Found.CANNOT_TELL


def test_fills_without_an_order_forbid_to_call_it_absent() -> None:
    write = Write("order/create", NAMED)
    fill = {"orderId": "1", "orderLinkId": "dummy-1", "execId": "2", "execTime": str(SINCE_MS + 9)}
    assert write.found(listed(fill), 2).state is Found.CANNOT_TELL
    assert write.found(listed(), 2).state is Found.NOT_SO_FAR


@pytest.mark.parametrize(
    "answer",
    [
        *(coded(10006), coded(10016), coded(10001), reply("<html>", 502), reply("{"), reply("[]")),
        *(reply({"retCode": 0}), reply({"result": {"list": []}}), reply({"retCode": 0, "result": {"list": [1]}})),
    ],
)
def test_answers_that_tell_nothing(answer: Reply) -> None:
    for path in ("order/create", "order/cancel"):
        assert Write(path, NAMED).found(answer).state is Found.CANNOT_TELL


def test_cancels() -> None:
    write = Write("order/cancel", {"category": "linear", "symbol": "BTCUSDT", "orderId": "fd4300ae-7847"})
    made = SINCE_MS - 60_000

    def state(status: str, updated: int = SINCE_MS + 5) -> Found:
        return write.found(listed(shown(orderStatus=status, createdTime=made, updatedTime=updated))).state

    for status in ("Cancelled", "PartiallyFilledCanceled", "Deactivated"):
        assert state(status) is Found.DONE
    assert state("New", made) is state("PartiallyFilled") is state("Untriggered") is Found.NOT_SO_FAR
    assert state("Filled") is Found.NEVER
    assert state("Cancelled", made) is Found.NEVER  # it ended before
    done = write.found(listed(shown(orderStatus="Cancelled", createdTime=made)))
    assert write.rebuilt(done)["result"] == {"orderId": "fd4300ae-7847", "orderLinkId": "dummy-1"}


def test_amendments() -> None:
    given = {"category": "linear", "symbol": "BTCUSDT", "orderId": "fd4300ae-7847"}
    old = {"createdTime": SINCE_MS - 60_000}

    def state(changed: dict[str, Any], **now: Any) -> Found:
        return Write("order/amend", {**given, **changed}).found(listed(shown(**old, **now))).state

    assert state({"price": "49000"}, price="49000.00") is Found.DONE
    assert state({"price": "49000", "qty": 0.01}, price="49000.00") is Found.DONE
    assert state({"price": "49000"}) is Found.NOT_SO_FAR
    assert state({"price": "49000"}, orderStatus="Filled") is Found.NEVER
    assert state({"triggerPrice": "1"}, triggerPrice="1.00", orderStatus="Untriggered") is Found.DONE
    # "0" takes a stop away, and how that shows is not written anywhere.
    for changed in ({"takeProfit": "0"}, {"price": "50000", "stopLoss": "0"}, {"orderIv": "0.1"}, {}):
        assert state(changed) is Found.CANNOT_TELL
    assert Write("order/amend", {**given, "takeProfit": "0"}).found(listed()).state is Found.CANNOT_TELL
    rows = [{"symbol": "A", "orderId": "1", "price": "2"}, {"symbol": "A", "orderId": "2", "stopLoss": "0"}]
    batch = Write("order/amend-batch", {"category": "linear", "request": rows})
    assert batch.found(listed(shown(**old, orderId="1", price="2"))).state is Found.DONE
    assert batch.found(listed(shown(**old, orderId="2")), 2).state is Found.CANNOT_TELL


def test_absence_needs_time_and_more_than_one_look() -> None:
    assert EXCHANGE.absence is not None
    assert EXCHANGE.absence.after_ms >= 10_000 and EXCHANGE.absence.looks >= 3


# ---- batches

PAIR = {"category": "linear", "request": [NAMED, {**NAMED, "orderLinkId": "dummy-2"}]}


def test_a_batch_is_rebuilt_from_its_orders() -> None:
    write = Write("order/create-batch", PAIR)
    one = write.found(listed(shown()))
    none = Finding(Found.NOT_SO_FAR)
    told = write.rebuilt(one, none)
    assert told["result"]["list"] == [
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "orderId": "fd4300ae-7847",
            "orderLinkId": "dummy-1",
            "createAt": str(SINCE_MS + 300),
        },
        {"category": "", "symbol": "", "orderId": "", "orderLinkId": "", "createAt": ""},
    ]
    assert [row["code"] for row in told["retExtInfo"]["list"]] == [0, 170149]
    assert EXCHANGE.items(write.endpoint, write.params, reply(told)) == (
        Item(0, "dummy-1", Executed.YES, "fd4300ae-7847"),
        Item(1, "dummy-2", Executed.NO, "", "170149 The order was not created (ordergate: not_executed)"),
    )
    assert write.rebuilt(none, none) is None and write.rebuilt(one) is None
    cancels = Write("order/cancel-batch", PAIR)
    ended = cancels.found(listed(shown(orderStatus="Cancelled", createdTime=SINCE_MS)))
    told = cancels.rebuilt(ended, Finding(Found.NEVER))
    assert [row["code"] for row in told["retExtInfo"]["list"]] == [0, 110001]
    assert "createAt" not in told["result"]["list"][0]


def batch_answer(*codes: int | str, orders: int | None = None) -> Reply:
    """As of batch-cancel.mdx: an order that failed has a name and no id."""
    count = len(codes) if orders is None else orders
    entries = [{"orderId": "" if n < len(codes) and codes[n] else f"9{n}", "orderLinkId": "x"} for n in range(count)]
    said = [{"code": code, "msg": "OK" if not code else "text"} for code in codes]
    return reply({"retCode": 0, "retMsg": "OK", "result": {"list": entries}, "retExtInfo": {"list": said}})


@pytest.mark.parametrize(
    ("code", "executed"),
    [
        (0, Executed.YES),
        (10006, Executed.NO),
        (110007, Executed.NO),
        (170213, Executed.NO),
        (170141, Executed.NO),
        (170007, Executed.UNKNOWN),
        (10016, Executed.UNKNOWN),
        (10000, Executed.UNKNOWN),
        (110079, Executed.UNKNOWN),
    ],
)
def test_items(code: int, executed: Executed) -> None:
    for path in ("order/create-batch", "order/amend-batch", "order/cancel-batch"):
        write = Write(path, PAIR)
        first, second = EXCHANGE.items(write.endpoint, write.params, batch_answer(0, code))
        assert first == Item(0, "dummy-1", Executed.YES, "90")
        assert (second.id, second.executed, second.code) == ("dummy-2", executed, f"{code} text" if code else "")


@pytest.mark.parametrize(
    "answer",
    [
        *(batch_answer(0), batch_answer(0, 0, orders=1), batch_answer(0, 0, 0), coded(10006), reply("<html>")),
        *(reply("[]"), reply({"retCode": 0})),
        reply({"retCode": 0, "result": {"list": [1, 2]}, "retExtInfo": {"list": [{}, {}]}}),
    ],
)
def test_answers_that_say_nothing_of_the_items(answer: Reply) -> None:
    write = Write("order/create-batch", PAIR)
    assert EXCHANGE.items(write.endpoint, write.params, answer) == ()


def test_an_answer_about_one_order_has_no_items() -> None:
    write = Write("order/create", NAMED)
    assert EXCHANGE.items(write.endpoint, write.params, batch_answer(0)) == ()
