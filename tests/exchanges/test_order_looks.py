"""Where a lost order is asked for, and what an answer proves of it."""

import gzip
import json
import time
from typing import Any

import pytest

from proxy.exchanges import json_body
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Shown
from proxy.exchanges.order_rules import OrderRules, Rule
from proxy.model import Auth, CallClass, Endpoint, Incoming, Reply

SINCE = 1_700_000_000_000
BEFORE, JUST_BEFORE, AFTER, LATER = SINCE - 60_000, SINCE - 500, SINCE + 40, SINCE + 60_000
DONE, NEVER = Found.DONE, Found.NEVER

RULES = OrderRules(
    {
        "POST /order": Rule(id="cid"),
        "POST /orders": Rule(id="cid", rows="list"),
        "POST /batch": Rule(id="cid", rows=ROWS),
        "POST /cancel": Rule(names=("oid", "cid")),
        "POST /cancels": Rule(names=("oid", "cid"), rows=ROWS),
        "POST /amend": Rule(names=("oid", "cid")),
    }
)
BY_ID = Look(
    "GET /order",
    by=(("oid", "orderId"), ("cid", "clientId")),
    query="symbol={symbol}&{as}={id}",
    rows=("data",),
    none=frozenset({"404"}),
)
OPEN = Look("GET /open", by=(("cid", ""),), query="since={since_ms}", rows=("result", "list"), lists=True, page=3)
PAST = Look("GET /past/{cid}", by=(("cid", ""),), path="/past/{id}", rows=("data",), made_only=True)
SHOWN = Shown(
    ids=("orderId", "clientId"),
    own="orderId",
    status="state",
    open=frozenset({"new"}),
    cancelled=frozenset({"gone"}),
    made="made",
    rejected=frozenset({"rejected"}),
    updated="updated",
    amended={"newPrice": "price", "newSize": "size"},
)


def code(told: Any, reply: Reply) -> str | None:
    return str(told["code"]) if isinstance(told, dict) and told.get("code") else None


def ack(endpoint: Endpoint, row: Any, order: Any) -> bytes:
    return json.dumps({"acked": order["orderId"], "asked": row.get("cid") or row.get("oid")}).encode()


def whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    return b"[" + b",".join(one or b"null" for one in acks) + b"]"


def looks(*places: Look, shown: Shown = SHOWN) -> OrderLooks:
    return OrderLooks(RULES, lambda endpoint: places, lambda endpoint: shown, code, ack, whole)


CLASSES = {"cancel": CallClass.CANCEL, "cancels": CallClass.CANCEL, "amend": CallClass.AMEND}


class Write:
    def __init__(self, name: str, body: str, *places: Look, shown: Shown = SHOWN) -> None:
        self.endpoint = Endpoint(f"POST /{name}", "api", CLASSES.get(name, CallClass.PLACE), Auth.SIGNED)
        self.request = Incoming("POST", f"/{name}", "", (), body.encode())
        self.params = json_body.params(self.request)
        self.looks = looks(*(places or (BY_ID,)), shown=shown)
        self.lookups = self.looks.lookups(self.endpoint, self.request, self.params, SINCE)

    def found(self, body: Any, status: int = 200, lookup: int = 0) -> Finding:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(status, b"", (), text, 1)
        return self.looks.found(self.endpoint, self.request, self.params, self.lookups[lookup], reply)

    def shows(self, **order: Any) -> Found:
        """What an answer proves that shows this one order."""
        return self.found({"data": order}).state

    def rebuilt(self, *findings: Finding) -> Rebuilt | None:
        return self.looks.rebuilt(self.endpoint, self.request, self.params, dict(enumerate(findings)))


PLACE = '{"cid":"a","symbol":"B"}'
CANCEL, CANCEL_OWN = '{"oid":"5","symbol":"B"}', '{"cid":"a","symbol":"B"}'


def asked(lookups: tuple[Lookup, ...]) -> list[str]:
    assert all(row.since_ms == SINCE and row.request.body == b"" for row in lookups)
    return [f"{row.item} {row.request.method} {row.request.path}?{row.request.query} {row.id}" for row in lookups]


@pytest.mark.parametrize(
    ("name", "body", "places", "wanted"),
    [
        ("order", PLACE, (BY_ID,), ["0 GET /order?symbol=B&clientId=a a"]),
        ("order", '{"cid":"a/+ b","symbol":"B&C"}', (BY_ID,), ["0 GET /order?symbol=B%26C&clientId=a%2F%2B%20b a/+ b"]),
        ("order", '{"cid":17,"symbol":"B"}', (BY_ID,), ["0 GET /order?symbol=B&clientId=17 17"]),
        ("order", '{"cid":"a"}', (BY_ID,), []),  # the symbol is missing
        ("order", '{"cid":"a","symbol":""}', (BY_ID,), []),
        ("order", '{"symbol":"B"}', (BY_ID,), []),
        ("order", PLACE, (OPEN, PAST), ["0 GET /open?since=1699999998000 a", "0 GET /past/a? a"]),
        ("cancel", '{"oid":"5","cid":"a","symbol":"B"}', (BY_ID,), ["0 GET /order?symbol=B&orderId=5 5"]),
        ("cancel", CANCEL_OWN, (BY_ID, PAST), ["0 GET /order?symbol=B&clientId=a a"]),
        ("cancel", '{"oid":["5","6"],"symbol":"B"}', (BY_ID,), []),  # a list is no name
        (
            "batch",
            '[{"cid":"a","symbol":"B"},{"symbol":"B"},{"cid":"c","symbol":"D"}]',
            (BY_ID,),
            ["0 GET /order?symbol=B&clientId=a a", "2 GET /order?symbol=D&clientId=c c"],
        ),
        (
            "orders",
            '{"symbol":"B","list":[{"cid":"a"},{"cid":"b"}]}',
            (BY_ID,),
            ["0 GET /order?symbol=B&clientId=a a", "1 GET /order?symbol=B&clientId=b b"],
        ),
        ("other", PLACE, (BY_ID,), []),
    ],
)
def test_what_is_asked(name: str, body: str, places: tuple[Look, ...], wanted: list[str]) -> None:
    assert asked(Write(name, body, *places).lookups) == wanted


def test_reads_are_not_looked_up() -> None:
    row = Endpoint("POST /order", "api", CallClass.READ, Auth.SIGNED)
    assert looks(BY_ID).lookups(row, Incoming("POST", "/order", "", (), b""), {"cid": "a", "symbol": "B"}, SINCE) == ()


ORDER = {"orderId": "5", "clientId": "a", "state": "new", "made": AFTER, "updated": AFTER}


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, DONE),
        ({"state": "filled"}, DONE),
        ({"state": "gone"}, DONE),
        ({"state": None}, DONE),  # it is there
        ({"state": "rejected"}, NEVER),
        ({"made": str(AFTER)}, DONE),
        ({"made": JUST_BEFORE}, DONE),  # two clocks
        ({"made": "2023-11-14T22:13:20.040Z"}, DONE),
        ({"made": "2023-11-14T22:13:20.040123456Z"}, DONE),
        ({"made": "2023-11-14T23:13:20+01:00"}, DONE),
        ({"made": "2023-11-14T22:13:20"}, DONE),
        ({"made": BEFORE}, Found.CANNOT_TELL),  # another of the same name; is there a new one too?
        ({"made": "2023-11-14T22:13:20-09:00"}, DONE),
        ({"made": "2023-11-14T22:13:20+09:00"}, Found.CANNOT_TELL),
        ({"made": None}, Found.CANNOT_TELL),
        ({"made": "nan"}, Found.CANNOT_TELL),
        ({"clientId": "b"}, Found.CANNOT_TELL),  # not what was asked for
    ],
)
def test_a_new_order(change: dict[str, Any], state: Found) -> None:
    assert Write("order", PLACE).shows(**(ORDER | change)) is state


def test_a_place_that_shows_the_newest_of_a_name_tells_that_there_is_no_newer() -> None:
    newest = Look(BY_ID.endpoint, BY_ID.by, BY_ID.query, rows=("data",), newest=True)
    write = Write("order", PLACE, newest)
    assert write.shows(**ORDER) is DONE
    assert write.shows(**(ORDER | {"made": BEFORE})) is Found.NOT_SO_FAR
    assert write.shows(**(ORDER | {"made": None})) is Found.CANNOT_TELL
    assert write.shows(**(ORDER | {"clientId": "b"})) is Found.CANNOT_TELL


@pytest.mark.parametrize(
    ("status", "body", "finding"),
    [
        (200, {"code": 404}, NOT_SO_FAR),
        (404, {"code": 404}, NOT_SO_FAR),
        (200, {"data": None}, NOT_SO_FAR),
        (200, {"data": []}, NOT_SO_FAR),
        (200, {"data": [ORDER, ORDER]}, CANNOT_TELL),
        (200, {"data": [5]}, CANNOT_TELL),
        (200, {"data": "x"}, CANNOT_TELL),
        (200, {}, CANNOT_TELL),
        (200, [], CANNOT_TELL),
        (200, {"code": 9, "data": []}, CANNOT_TELL),
        (500, {"data": []}, CANNOT_TELL),
        (502, b"<html>", CANNOT_TELL),
        (200, b"", CANNOT_TELL),
        (200, b'{"data":[', CANNOT_TELL),
    ],
)
def test_answers_without_the_order(status: int, body: Any, finding: Finding) -> None:
    assert Write("order", PLACE).found(body, status) == finding


def test_packed_answers_are_read() -> None:
    write = Write("order", PLACE)
    reply = Reply(200, b"", ((b"Content-Encoding", b"gzip"),), gzip.compress(b'{"data":[]}'), 1)
    found = write.looks.found(write.endpoint, write.request, write.params, write.lookups[0], reply)
    assert found == NOT_SO_FAR


def test_a_place_that_is_not_asked_tells_nothing() -> None:
    write = Write("order", PLACE, OPEN)
    stray = Lookup("GET /elsewhere", write.request, "a", 0, SINCE)
    reply = Reply(200, b"", (), b'{"result":{"list":[]}}', 1)
    assert write.looks.found(write.endpoint, write.request, write.params, stray, reply) == CANNOT_TELL


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([], Found.NOT_SO_FAR),
        ([{"clientId": "x"}], Found.NOT_SO_FAR),
        ([{"clientId": "x"}] * 3, Found.CANNOT_TELL),  # the list may go on
        ([{"clientId": "x"}, ORDER], DONE),
        ([ORDER, {"clientId": "x"}, {"clientId": "y"}], DONE),
        ([ORDER | {"made": BEFORE}], Found.NOT_SO_FAR),
        ([ORDER | {"made": BEFORE}, ORDER], DONE),
        ([ORDER | {"made": ""}], Found.CANNOT_TELL),  # it may be the one
        ([ORDER | {"made": "nan"}], Found.CANNOT_TELL),
        ([ORDER | {"made": "-inf"}], Found.CANNOT_TELL),
        ([ORDER, ORDER | {"orderId": "6"}], Found.CANNOT_TELL),
    ],
)
def test_a_list(rows: list[dict[str, Any]], state: Found) -> None:
    assert Write("order", PLACE, OPEN).found({"result": {"list": rows}}).state is state


OLD = {"orderId": "5", "clientId": "a", "made": BEFORE}


@pytest.mark.parametrize(
    ("change", "by_own", "by_name"),
    [
        ({"state": "gone", "updated": AFTER}, DONE, DONE),
        ({"state": "gone", "updated": JUST_BEFORE}, DONE, DONE),
        ({"state": "filled", "updated": AFTER}, NEVER, NEVER),
        ({"state": "new", "updated": AFTER}, Found.NOT_SO_FAR, Found.NOT_SO_FAR),
        ({"state": "new", "updated": None}, Found.NOT_SO_FAR, Found.NOT_SO_FAR),
        # Over before the cancel: another order may have had the bot's name, but not the exchange's.
        ({"state": "gone", "updated": BEFORE}, NEVER, Found.NOT_SO_FAR),
        ({"state": "filled", "updated": BEFORE}, NEVER, Found.NOT_SO_FAR),
        ({"state": "gone", "updated": None}, Found.CANNOT_TELL, Found.CANNOT_TELL),
        ({"state": None, "updated": AFTER}, Found.CANNOT_TELL, Found.CANNOT_TELL),
        ({"updated": AFTER}, Found.CANNOT_TELL, Found.CANNOT_TELL),
        ({"state": "gone", "made": LATER, "updated": LATER}, Found.CANNOT_TELL, Found.CANNOT_TELL),
    ],
)
def test_a_cancel(change: dict[str, Any], by_own: Found, by_name: Found) -> None:
    assert Write("cancel", CANCEL).shows(**(OLD | change)) is by_own
    assert Write("cancel", CANCEL_OWN).shows(**(OLD | change)) is by_name


def test_a_cancel_where_the_time_of_change_is_not_shown() -> None:
    shown = Shown(("orderId",), "orderId", "state", SHOWN.open, SHOWN.cancelled, "made")
    write = Write("cancel", CANCEL, shown=shown)
    assert write.shows(**(OLD | {"state": "gone"})) is DONE
    assert write.shows(**(OLD | {"state": "filled"})) is NEVER


@pytest.mark.parametrize(
    ("asked_for", "change", "state"),
    [
        ('"newPrice":"1.10"', {"state": "new", "price": "1.1", "updated": AFTER}, DONE),
        ('"newPrice":1.1', {"state": "new", "price": "1.10", "updated": AFTER}, DONE),
        ('"newPrice":"1.1","newSize":"2"', {"state": "new", "price": "1.1", "size": "1", "updated": AFTER}, None),
        ('"newPrice":"1.1","newSize":""', {"state": "new", "price": "1.1", "size": "1", "updated": AFTER}, DONE),
        ('"newPrice":"1.1"', {"state": "new", "price": "1", "updated": AFTER}, None),
        ('"newPrice":"1.1"', {"state": "new", "price": "1.1", "updated": BEFORE}, None),  # it was so before
        ('"newPrice":"1.1"', {"state": "new", "price": "1.1", "updated": None}, DONE),
        ('"newPrice":"1.1"', {"state": "new", "price": "1", "updated": None}, None),
        ('"newPrice":"1.1"', {"state": "filled", "price": "1.1", "updated": AFTER}, DONE),
        ('"newPrice":"1.1"', {"state": "filled", "price": "1", "updated": AFTER}, NEVER),
        ('"newPrice":"1.1"', {"state": "new", "updated": AFTER}, Found.CANNOT_TELL),  # it does not show it
        ('"newPrice":"best"', {"state": "new", "price": "best", "updated": AFTER}, DONE),
        ('"other":"1"', {"state": "new", "price": "1", "updated": AFTER}, Found.CANNOT_TELL),
    ],
)
def test_an_amendment(asked_for: str, change: dict[str, Any], state: Found | None) -> None:
    write = Write("amend", f'{{"oid":"5","symbol":"B",{asked_for}}}')
    assert write.shows(**(OLD | change)) is (state or Found.NOT_SO_FAR)


def test_what_is_found_carries_the_answer_and_the_order() -> None:
    found = Write("order", PLACE).found({"data": ORDER})
    assert json.loads(found.body) == {"acked": "5", "asked": "a"}
    assert found.order == ORDER
    batch = Write("batch", '[{"cid":"a","symbol":"B"},{"cid":"b","symbol":"B"}]')
    second = batch.found({"data": ORDER | {"clientId": "b"}}, lookup=1)
    assert json.loads(second.body)["asked"] == "b"


def test_units_of_time() -> None:
    shown = Shown(("clientId",), "orderId", "state", SHOWN.open, SHOWN.cancelled, "made", unit_ms=1e-6)
    write = Write("order", PLACE, shown=shown)
    assert write.shows(**(ORDER | {"made": AFTER * 1_000_000})) is DONE
    assert write.shows(**(ORDER | {"made": BEFORE * 1_000_000})) is Found.CANNOT_TELL


def test_a_time_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert Write("order", PLACE).shows(**(ORDER | {"made": "2023-11-14T22:13:20"})) is DONE
    finally:
        monkeypatch.undo()
        time.tzset()


def done(text: str) -> Finding:
    return Finding(DONE, text.encode())


def test_answers_made_up_of_what_was_found() -> None:
    alone = Write("order", PLACE)
    assert alone.rebuilt(done("{}")) == Rebuilt(200, b"{}")
    assert alone.rebuilt(NOT_SO_FAR) is None
    batch = Write("batch", '[{"cid":"a","symbol":"B"},{"cid":"b","symbol":"B"}]')
    assert batch.rebuilt(done("1"), done("2")) == Rebuilt(200, b"[1,2]")
    assert batch.rebuilt(NOT_SO_FAR, done("2")) == Rebuilt(200, b"[null,2]")
    assert batch.rebuilt(Finding(NEVER), done("2")) == Rebuilt(200, b"[null,2]")
    assert batch.rebuilt(NOT_SO_FAR, NOT_SO_FAR) is None  # there is a refusal for that
    assert batch.rebuilt(done(""), done("2")) is None
    assert batch.rebuilt(done("1")) is None  # the other one has no name


def test_without_words_of_the_exchanges_own_nothing_is_made_up() -> None:
    silent = OrderLooks(RULES, lambda endpoint: (BY_ID,), lambda endpoint: SHOWN, code)
    write = Write("batch", '[{"cid":"a","symbol":"B"}]')
    write.looks = silent
    assert write.found({"data": ORDER}) == Finding(DONE, b"", ORDER)
    assert write.rebuilt(done("1")) is None
