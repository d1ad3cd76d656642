"""Which orders a Kraken Futures write names, ids put in, and what an answer says of each order of a batch."""

import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from proxy.exchanges.krakenfutures import EXCHANGE
from proxy.model import Endpoint, Executed, Incoming, Item, Reply

V3 = "/derivatives/api/v3/"
YES, NO, MAYBE = Executed.YES, Executed.NO, Executed.UNKNOWN


def asked(name: str, body: str = "", query: str = "") -> tuple[Endpoint, Incoming, Mapping[str, str]]:
    endpoint = EXCHANGE.table.match("POST", V3 + name)
    assert endpoint is not None
    request = EXCHANGE.strip(Incoming("POST", V3 + name, query, (), body.encode()))
    return endpoint, request, EXCHANGE.params(request)


def batch(*rows: Any, spell: Any = quote) -> str:
    return "json=" + spell(json.dumps({"batchOrder": list(rows)}))


SEND = {"order": "send", "order_tag": "1", "symbol": "PI_XBTUSD", "side": "buy", "size": 1.10}
MIXED = batch(
    {**SEND, "cliOrdId": "a"},
    {"order": "edit", "order_id": "x-1", "size": 2},
    {"order": "cancel", "order_id": "x-2"},
    {"order": "cancel", "cliOrdId": "b"},
    {"order": "something", "order_id": "x-3"},
)


@pytest.mark.parametrize(
    ("name", "body", "own", "ids"),
    [
        ("sendorder", "cliOrdId=a&size=1", ("a",), ("a",)),
        ("sendorder", "size=1", (), ()),
        ("editorder", "orderId=x-1&cliOrdId=a", ("x-1", "a"), ()),
        ("cancelorder", "order_id=x-1", ("x-1",), ()),
        ("cancelorder", "cliOrdId=a", ("a",), ()),
        ("cancelallorders", "symbol=PI_XBTUSD", (), ()),
        ("batchorder", MIXED, ("a", "x-1", "x-2", "b"), ("a",)),
        ("batchorder", batch(), (), ()),
    ],
)
def test_names(name: str, body: str, own: tuple[str, ...], ids: tuple[str, ...]) -> None:
    endpoint, _, params = asked(name, body)
    assert EXCHANGE.orders(endpoint, params).own == own
    assert EXCHANGE.client_ids(endpoint, params) == ids


REDUCING = {**SEND, "reduceOnly": True}


@pytest.mark.parametrize(
    ("name", "body", "closes"),
    [
        ("sendorder", "reduceOnly=true", True),
        ("sendorder", "reduceOnly=True", True),
        ("sendorder", "reduceOnly=false", False),
        ("sendorder", "size=1", False),
        ("batchorder", batch(REDUCING, {"order": "cancel", "order_id": "x"}), True),
        ("batchorder", batch(REDUCING, {**SEND, "reduceOnly": "true"}), True),
        ("batchorder", batch(REDUCING, SEND), False),
        ("batchorder", batch(REDUCING, {"order": "edit", "order_id": "x", "size": 9}), False),
        ("batchorder", batch({"order": "cancel", "order_id": "x"}), False),
        ("batchorder", batch(), False),
    ],
)
def test_reduce_only(name: str, body: str, closes: bool) -> None:
    endpoint, _, params = asked(name, body)
    assert EXCHANGE.closes(endpoint, params) is closes


def identify(name: str, body: str, query: str = "") -> tuple[Incoming, Mapping[str, str], Incoming]:
    endpoint, request, params = asked(name, body, query)
    numbers = itertools.count(1)
    return *EXCHANGE.identify(endpoint, request, params, lambda: f"og-{next(numbers)}"), request


@pytest.mark.parametrize(
    ("body", "query", "sent"),
    [
        ("size=1.10&x=%41", "", "size=1.10&x=%41&cliOrdId=og-1"),
        ("", "size=1.10", "?size=1.10&cliOrdId=og-1"),
        ("", "", "cliOrdId=og-1"),
        ("cliOrdId=&size=1", "", "size=1&cliOrdId=og-1"),
    ],
)
def test_an_order_gets_an_id(body: str, query: str, sent: str) -> None:
    request, params, _ = identify("sendorder", body, query)
    assert ("?" + request.query if request.query else "") + request.body.decode() == sent
    assert params["cliOrdId"] == "og-1" and EXCHANGE.params(request) == params


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("sendorder", "cliOrdId=mine&size=1"),
        ("editorder", "orderId=x&size=1"),
        ("cancelorder", "order_id=x"),
        ("cancelallorders", ""),
        ("batchorder", MIXED),
        ("batchorder", batch({"order": "cancel", "order_id": "x"})),
    ],
)
def test_nothing_to_put_in(name: str, body: str) -> None:
    request, _, given = identify(name, body)
    assert request is given


TEXT = '{ "x":1e-8,"batchOrder" : [{"order":"cancel","order_id":"x"}, {"order":"send","size":1.10}]}'
WRITTEN = (
    '{ "x":1e-8,"batchOrder" : [{"order":"cancel","order_id":"x"},{"order":"send","size":1.10,"cliOrdId":"og-1"}]}'
)
BARE = (
    '{"batchOrder":[{"order":"send","size":1.10}]}',
    '{"batchOrder":[{"order":"send","size":1.10,"cliOrdId":"og-1"}]}',
)


@pytest.mark.parametrize(
    ("text", "written", "spell"),
    [(TEXT, WRITTEN, quote_plus), (TEXT, WRITTEN, lambda text: quote(text, safe="")), (*BARE, str)],
)
def test_a_batch_keeps_its_spelling(text: str, written: str, spell: Any) -> None:
    """What is put in aside, every sign stays."""
    request, params, _ = identify("batchorder", f"a=1&json={spell(text)}&processBefore=x")
    found = parse_qs(request.body.decode())["json"][0]
    assert found.replace(", {", ",{") == written
    assert request.body.decode() == f"a=1&json={spell(found)}&processBefore=x"
    assert EXCHANGE.params(request) == params
    assert EXCHANGE.client_ids(asked("batchorder", batch())[0], params) == ("og-1",)


def test_a_batch_in_the_query_is_named_there() -> None:
    request, _, _ = identify("batchorder", "", batch(SEND))
    assert request.body == b"" and "og-1" in request.query


def test_every_order_of_a_batch_has_an_id_of_its_own() -> None:
    _, params, _ = identify("batchorder", batch(SEND, {**SEND, "cliOrdId": "mine"}, {**SEND, "cliOrdId": ""}))
    assert EXCHANGE.client_ids(asked("batchorder", batch())[0], params) == ("og-1", "mine", "og-2")


def test_a_spelling_that_a_form_cannot_hold_is_escaped() -> None:
    """Bare JSON whose texts would be read as other signs once they stand in a form."""
    text = '{"batchOrder":[{"order":"send","note":"%2B"}]}'
    request, params, _ = identify("batchorder", f"json={text}")
    assert json.loads(params["json"])["batchOrder"][0]["note"] == "+"
    assert EXCHANGE.params(request) == params


# ---- what is said of each


def items(body: str, *told: Any, status: int = 200) -> tuple[Item, ...]:
    endpoint, _, params = asked("batchorder", body)
    answer = json.dumps({"result": "success", "batchStatus": list(told)}).encode()
    return EXCHANGE.items(endpoint, params, Reply(status, b"", (), answer, 1))


def test_each_order_of_a_batch() -> None:
    body = batch(
        {**SEND, "cliOrdId": "a"},
        {**SEND, "order_tag": "2", "cliOrdId": "b"},
        {**SEND, "order_tag": "3", "cliOrdId": "c"},
        {"order": "edit", "order_id": "x-1", "size": 2},
        {"order": "cancel", "order_id": "x-2"},
        {"order": "cancel", "cliOrdId": "d"},
        {"order": "cancel", "cliOrdId": "e"},
    )
    found = items(
        body,
        {"order_tag": "1", "status": "placed", "order_id": "y-1"},
        {"order_tag": "2", "status": "insufficientAvailableFunds"},
        {"order_tag": "3", "status": "clientOrderIdAlreadyExist"},
        {"status": "edited", "order_id": "x-1"},
        {"status": "cancelled", "order_id": "x-2"},
        {"status": "notFound", "cliOrdId": "d"},
        {"status": "filled", "cliOrdId": "e"},
    )
    assert found == (
        Item(0, "a", YES, "y-1"),
        Item(1, "b", NO, "", "insufficientAvailableFunds"),
        Item(2, "c", MAYBE, "", "clientOrderIdAlreadyExist"),
        Item(3, "x-1", YES, "x-1"),
        Item(4, "x-2", YES, "x-2"),
        Item(5, "d", NO, "", "notFound"),
        Item(6, "e", NO, "", "filled"),
    )


def test_answers_that_say_nothing_of_each() -> None:
    one = batch(SEND)
    assert items(one, status=500) == ()
    assert items(one) == ()
    assert items(one, {"status": "placed"}, {"status": "placed"}) == ()
    assert items(one, {"order_tag": "9", "status": "placed"}) == ()
    assert items(one, {"order_tag": "1"}) == ()
    endpoint, _, params = asked("sendorder", "cliOrdId=a")
    single = Reply(200, b"", (), b'{"result":"success","sendStatus":{"status":"placed"}}', 1)
    assert EXCHANGE.items(endpoint, params, single) == ()
