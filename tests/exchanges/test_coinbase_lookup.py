"""Orders of Coinbase: their ids, where a lost one is asked for, and what its answers say of each."""

import itertools
import json
from typing import Any

import pytest

from proxy.exchanges.coinbase import EXCHANGE
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, Finding, Found
from proxy.model import Executed, Incoming, Item, Reply

ROOT = "/api/v3/brokerage/"
SINCE_MS = 1_700_000_000_000
JUST_THEN = "2023-11-14T22:13:20.947030Z"
CONFIGURATION = {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "50000.00", "post_only": False}}
ORDER = {"client_order_id": "dummy-1", "product_id": "BTC-USD", "side": "BUY", "order_configuration": CONFIGURATION}


class Write:
    def __init__(self, name: str, body: Any) -> None:
        path = f"{ROOT}orders{name}"
        endpoint = EXCHANGE.table.match("POST", path)
        assert endpoint is not None
        self.endpoint = endpoint
        text = body if isinstance(body, str) else json.dumps(body)
        stripped = EXCHANGE.strip(Incoming("POST", path, "", (), text.encode()))
        numbers = itertools.count(1)
        self.request, self.params = EXCHANGE.identify(
            endpoint, stripped, EXCHANGE.params(stripped), lambda: f"ogdummy{next(numbers)}"
        )
        self.lookups = EXCHANGE.lookups(endpoint, self.request, self.params, SINCE_MS)

    def asks(self) -> list[tuple[int, str, str]]:
        for lookup in self.lookups:
            row = EXCHANGE.table.match("GET", lookup.request.path)
            assert row is not None and row.name == lookup.endpoint and lookup.since_ms == SINCE_MS
            assert EXCHANGE.strip(lookup.request) == lookup.request
        return [(one.item, one.request.path.removeprefix(ROOT), one.request.query) for one in self.lookups]

    def found(self, body: Any, status: int = 200, item: int = 0) -> Finding:
        reply = Reply(status, b"", (), (body if isinstance(body, str) else json.dumps(body)).encode(), 1)
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[item], reply)

    def items(self, body: Any, status: int = 200) -> tuple[Item, ...]:
        return EXCHANGE.items(self.endpoint, self.params, Reply(status, b"", (), json.dumps(body).encode(), 1))

    def rebuilt(self, *findings: Finding) -> Any:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, dict(enumerate(findings)))
        return None if made is None else (made.status, json.loads(made.body))


def place(**changed: Any) -> Write:
    return Write("", {**ORDER, **changed})


def cancel(*ids: str) -> Write:
    return Write("/batch_cancel", {"order_ids": ids})


def edit(**changed: Any) -> Write:
    return Write("/edit", {"order_id": "a-1", **changed})


def shown(**changed: Any) -> dict[str, Any]:
    usual = {**ORDER, "order_id": "a-1", "status": "OPEN", "created_time": JUST_THEN, "pending_cancel": False}
    return {**usual, **changed}


# ---- ids and names


def test_an_order_gets_an_id_where_the_bot_gave_none_and_keeps_every_other_byte() -> None:
    for body in ('{ "product_id":"A", "size": 1.10 }', '{"client_order_id":"", "product_id":"A"}'):
        made = Write("", body)
        sent = json.loads(made.request.body)
        assert sent["client_order_id"] == made.params["client_order_id"] == "ogdummy1"
    assert Write("", '{ "product_id":"A", "size": 1.10 }').request.body.startswith(b'{ "product_id":"A", "size": 1.10 ')
    assert json.loads(Write("/close_position", '{"product_id":"A"}').request.body)["client_order_id"] == "ogdummy1"
    kept = '{"client_order_id" : "dummy-1","product_id":"A"}'
    assert Write("", kept).request.body == kept.encode()
    assert "client_order_id" not in Write("/edit", '{"order_id":"a-1"}').params


@pytest.mark.parametrize(
    ("made", "names", "client_ids", "closes"),
    [
        (place(), ("dummy-1",), ("dummy-1",), False),
        (Write("/close_position", {"client_order_id": "b", "product_id": "A"}), ("b",), ("b",), True),
        (edit(price="1"), ("a-1",), (), False),
        (cancel("a", "b"), ("a", "b"), (), False),
        (Write("/batch_cancel", "{}"), (), (), False),
        (place(order_configuration={"stop": {"base_size": "1", "reduce_only": True}}), *[("dummy-1",)] * 2, True),
        (place(order_configuration={"stop": {"base_size": "1", "reduce_only": False}}), *[("dummy-1",)] * 2, False),
        (place(order_configuration={"stop": {"reduce_only": True}, "x": {}}), *[("dummy-1",)] * 2, False),
        (place(order_configuration=[]), *[("dummy-1",)] * 2, False),
        (place(order_configuration="x"), *[("dummy-1",)] * 2, False),
        (place(reduce_only=True), *[("dummy-1",)] * 2, False),
    ],
)
def test_names(made: Write, names: tuple[str, ...], client_ids: tuple[str, ...], closes: bool) -> None:
    assert EXCHANGE.orders(made.endpoint, made.params).own == names
    assert EXCHANGE.client_ids(made.endpoint, made.params) == client_ids
    assert EXCHANGE.closes(made.endpoint, made.params) == closes


# ---- where to ask


def test_a_new_order_is_looked_for_among_those_of_its_time() -> None:
    query = "product_ids=BTC-USD&start_date=2023-11-14T22:13:18.000Z&limit=1000"
    assert place().asks() == [(0, "orders/historical/batch", query)]
    closing = Write("/close_position", {"client_order_id": "b", "product_id": "X Y&z"})
    assert closing.asks()[0][2].startswith("product_ids=X%20Y%26z&start_date=")
    assert Write("", '{"client_order_id":"x"}').asks() == []  # the exchange refuses it


def test_a_known_order_is_asked_for_by_its_id() -> None:
    assert edit(price="1").asks() == [(0, "orders/historical/a-1", "")]
    assert cancel("a", "b").asks() == [(0, "orders/historical/a", ""), (1, "orders/historical/b", "")]
    assert edit(attached_order_configuration={"x": {}}).asks() == []
    assert (
        Write("/batch_cancel", '{"order_ids":"a"}').asks() == Write("/batch_cancel", '{"order_ids":[1]}').asks() == []
    )


def test_absence_is_proven_late_enough() -> None:
    assert EXCHANGE.absence is not None
    assert EXCHANGE.absence.after_ms >= 10_000 and EXCHANGE.absence.looks >= 2


# ---- what is found


def listed(*orders: Any, **more: Any) -> dict[str, Any]:
    return {"orders": list(orders), "has_next": False, "cursor": "", **more}


def test_a_new_order_that_came_into_being() -> None:
    other = shown(client_order_id="dummy-2", order_id="a-2")
    finding = place().found(listed(other, shown()))
    assert finding.state is Found.DONE
    assert json.loads(finding.body) == {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": "a-1",
        "success_response": {
            "order_id": "a-1",
            "product_id": "BTC-USD",
            "side": "BUY",
            "client_order_id": "dummy-1",
        },
        "order_configuration": CONFIGURATION,
    }
    assert place().rebuilt(finding) == (200, json.loads(finding.body))
    for status in ("PENDING", "FILLED", "CANCELLED", "EXPIRED", "CANCEL_QUEUED"):
        assert place().found(listed(shown(status=status))).state is Found.DONE


@pytest.mark.parametrize(
    ("body", "status", "state"),
    [
        (listed(), 200, Found.NOT_SO_FAR),
        (listed(shown(client_order_id="dummy-2", order_id="a-2")), 200, Found.NOT_SO_FAR),
        (listed(shown(created_time="2023-11-14T22:13:00.000Z")), 200, Found.NOT_SO_FAR),  # an earlier one of that name
        (listed(has_next=True), 200, Found.CANNOT_TELL),
        (listed(shown(), has_next=True), 200, Found.DONE),
        (listed(shown(), shown(order_id="a-2")), 200, Found.CANNOT_TELL),
        (listed(shown(status="FAILED")), 200, Found.NEVER),
        ({"orders": None}, 200, Found.NOT_SO_FAR),
        ({}, 200, Found.CANNOT_TELL),
        ({"error": "internal_server_error"}, 500, Found.CANNOT_TELL),
        ({"error": "NOT_FOUND"}, 404, Found.CANNOT_TELL),
        ("Unauthorized", 401, Found.CANNOT_TELL),
        ("<html>", 200, Found.CANNOT_TELL),
        (listed(*[shown(client_order_id="x")] * 1000), 200, Found.CANNOT_TELL),
    ],
)
def test_a_new_order(body: Any, status: int, state: Found) -> None:
    assert place().found(body, status).state is state


EARLIER = "2023-11-14T20:00:00Z"
LOST = {"error": "unknown", "message": "order with this orderID was not found"}


@pytest.mark.parametrize(
    ("order", "state"),
    [
        ({"status": "CANCELLED"}, Found.DONE),
        ({"status": "CANCELLED", "pending_cancel": True}, Found.DONE),
        ({"status": "OPEN"}, Found.NOT_SO_FAR),
        ({"status": "OPEN", "pending_cancel": True}, Found.CANNOT_TELL),
        ({"status": "CANCEL_QUEUED"}, Found.CANNOT_TELL),
        ({"status": "UNKNOWN_ORDER_STATUS"}, Found.CANNOT_TELL),
        ({"status": "FILLED"}, Found.NEVER),
        ({"status": "EXPIRED"}, Found.NEVER),
        ({"status": "OPEN", "order_id": "other"}, Found.CANNOT_TELL),
    ],
)
def test_an_order_to_cancel(order: Any, state: Found) -> None:
    body = {"order": shown(**{"created_time": EARLIER, **order})}
    assert cancel("a-1").found(body).state is state
    assert cancel("a-0", "a-1").found(body, item=1).state is state


def test_an_order_to_cancel_that_is_not_there() -> None:
    assert cancel("a-1").found(LOST, 400) == cancel("a-1").found({"error": "NOT_FOUND"}, 404) == NOT_SO_FAR
    assert cancel("a-1").found({"error": "INVALID_ARGUMENT"}, 400) == CANNOT_TELL
    assert cancel("a-1").found([]) == cancel("a-1").found({"order": None}) == CANNOT_TELL


@pytest.mark.parametrize(
    ("asked", "order", "state"),
    [
        ({"price": "51000", "size": "0.10"}, {}, Found.NOT_SO_FAR),
        ({"price": "50000", "size": "0.10"}, {}, Found.DONE),
        ({"price": "51000"}, {"edit_history": [{"price": "51000", "size": "0.1"}]}, Found.DONE),
        (
            {"price": "51000"},
            {
                "edit_history": [
                    {"price": "52000", "replace_accept_timestamp": "2023-11-14T22:13:22Z"},
                    {"price": "51000", "replace_accept_timestamp": "2023-11-14T22:13:21Z"},
                ]
            },
            Found.NOT_SO_FAR,
        ),
        ({"price": "51000"}, {"status": "FILLED"}, Found.NEVER),
        ({"price": "50000"}, {"status": "FILLED"}, Found.DONE),
        ({"price": "50000"}, {"status": "EDIT_QUEUED"}, Found.CANNOT_TELL),
        ({"price": "50000", "stop_price": "49000"}, {}, Found.NOT_SO_FAR),
        ({}, {}, Found.CANNOT_TELL),
        ({"price": "1"}, {"order_configuration": None, "edit_history": "x"}, Found.CANNOT_TELL),
    ],
)
def test_an_order_to_edit(asked: Any, order: Any, state: Found) -> None:
    finding = edit(**asked).found({"order": shown(**{"created_time": EARLIER, **order})})
    assert finding.state is state
    if state is Found.DONE:
        assert edit(**asked).rebuilt(finding) == (200, {"success": True, "errors": []})


# ---- answers about several


def row(id: str, why: str = "") -> dict[str, Any]:
    return {"success": not why, "failure_reason": why or "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": id}


def test_items_of_a_cancel() -> None:
    body = {
        "results": [
            row("b", "UNKNOWN_CANCEL_ORDER"),
            row("a"),
            row("c", "UNKNOWN_CANCEL_FAILURE_REASON"),
            row("d", "DUPLICATE_CANCEL_REQUEST"),
            {"order_id": "f"},
        ]
    }
    assert cancel("a", "b", "c", "d", "e", "f").items(body) == (
        Item(0, "a", Executed.YES, "a"),
        Item(1, "b", Executed.NO, "b", "UNKNOWN_CANCEL_ORDER"),
        Item(2, "c", Executed.UNKNOWN, "c", "UNKNOWN_CANCEL_FAILURE_REASON"),
        Item(3, "d", Executed.UNKNOWN, "d", "DUPLICATE_CANCEL_REQUEST"),
        Item(4, "e", Executed.UNKNOWN, "e"),
        Item(5, "f", Executed.UNKNOWN, "f"),
    )
    assert cancel("a").items(body, 500) == cancel("a").items({}) == cancel("a").items([]) == ()
    assert place().items({"success": True}) == ()


def test_the_answer_to_a_cancel_is_made_up_of_its_orders() -> None:
    made = cancel("a", "b", "c")
    done = made.found({"order": shown(order_id="a", status="CANCELLED", created_time=EARLIER)})
    over = made.found({"order": shown(order_id="b", status="FILLED", created_time=EARLIER)}, item=1)
    rebuilt = made.rebuilt(done, over, NOT_SO_FAR)
    rows = [row("a"), row("b", "UNKNOWN_CANCEL_ORDER"), row("c", "COMMANDER_REJECTED_CANCEL_ORDER")]
    assert rebuilt == (200, {"results": rows})
    assert [item.executed for item in made.items(rebuilt[1])] == [Executed.YES, Executed.NO, Executed.NO]
    assert made.rebuilt(over, over, over) is None
    assert made.rebuilt(done) is None
    assert cancel("a").rebuilt(done) == (200, {"results": [row("a")]})
