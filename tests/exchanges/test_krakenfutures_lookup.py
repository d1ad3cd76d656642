"""Kraken Futures writes whose answer was lost: where they are looked for, and what answers say of them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import ccxt
import pytest

from proxy.exchanges.krakenfutures import EXCHANGE
from proxy.exchanges.lookup import Finding, Found, Rebuilt
from proxy.model import Executed, Incoming, Reply

SINCE_MS = 1_700_000_000_000
V3 = "/derivatives/api/v3/"
PERIOD = f"since={SINCE_MS - 2000}&before={SINCE_MS + 60_000}&sort=asc"
NOT_SO_FAR, DONE, NEVER, CANNOT_TELL = Found.NOT_SO_FAR, Found.DONE, Found.NEVER, Found.CANNOT_TELL


def at(after_ms: int) -> str:
    ms = SINCE_MS + after_ms
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class Lost:
    """A write whose answer is lost."""

    def __init__(self, name: str, body: str) -> None:
        endpoint = EXCHANGE.table.match("POST", V3 + name)
        assert endpoint is not None
        self.endpoint = endpoint
        self.request = EXCHANGE.strip(Incoming("POST", V3 + name, "", (), body.encode()))
        self.params = EXCHANGE.params(self.request)
        self.lookups = EXCHANGE.lookups(endpoint, self.request, self.params, SINCE_MS)

    def asks(self) -> list[str]:
        found = []
        for lookup in self.lookups:
            row = EXCHANGE.table.named(lookup.endpoint)
            assert row is not None and not row.call_class.writes
            assert f"{lookup.request.method} {lookup.request.path}" == lookup.endpoint
            assert EXCHANGE.strip(lookup.request) == lookup.request
            query, body = lookup.request.query, lookup.request.body.decode()
            found.append(
                f"{lookup.item} {lookup.endpoint.rpartition('/')[2]}{'?' * bool(query)}{query} {body}".rstrip()
            )
        return found

    def found(self, place: int, body: Any, status: int = 200, after_ms: int = 10_000) -> Finding:
        date = formatdate((SINCE_MS + after_ms) // 1000, usegmt=True).encode()
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        reply = Reply(status, b"", ((b"Date", date),), text, 1)
        return EXCHANGE.found(self.endpoint, self.request, self.params, self.lookups[place], reply)

    def rebuilt(self, findings: Mapping[int, Finding]) -> Any:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, findings)
        return json.loads(made.body) if isinstance(made, Rebuilt) else None


PLACE = "symbol=PI_XBTUSD&side=buy&orderType=lmt&size=100&limitPrice=50000&cliOrdId=a"
STATUS, OPEN, HISTORY, TRIGGERS = 0, 1, 2, 3


def by_status(state: str = "ENTERED_BOOK", made: int = 100, updated: int = 100, **more: Any) -> dict[str, Any]:
    order = {
        "type": "ORDER",
        "orderId": "x-1",
        "cliOrdId": "a",
        "symbol": "PI_XBTUSD",
        "side": "buy",
        "quantity": 100,
        "filled": 0,
        "limitPrice": 50000.0,
        "reduceOnly": False,
        "timestamp": at(made),
        "lastUpdateTimestamp": at(updated),
    }
    entry = {"order": {**order, **more}, "status": state, "updateReason": None, "error": None}
    return {"result": "success", "orders": [entry]}


def by_list(made: int = 100, updated: int = 100, **more: Any) -> dict[str, Any]:
    row = {
        "order_id": "x-1",
        "cliOrdId": "a",
        "symbol": "PI_XBTUSD",
        "side": "buy",
        "orderType": "lmt",
        "limitPrice": 50000.0,
        "unfilledSize": 100,
        "filledSize": 0,
        "reduceOnly": False,
        "receivedTime": at(made),
        "lastUpdateTime": at(updated),
        "status": "untouched",
    }
    return {"result": "success", "openOrders": [{**row, **more}], "serverTime": at(10_000)}


def event(
    name: str, after_ms: int = 100, made: int = 100, reason: str = "new_user_order", **more: Any
) -> dict[str, Any]:
    order = {
        "uid": "x-1",
        "accountUid": "dummy-account",
        "tradeable": "PI_XBTUSD",
        "direction": "Buy",
        "quantity": "100",
        "filled": "0",
        "timestamp": SINCE_MS + made,
        "limitPrice": "50000.0",
        "orderType": "Limit",
        "clientId": "a",
        "reduceOnly": False,
        "lastUpdateTimestamp": SINCE_MS + after_ms,
    }
    inside = "newOrder" if name.endswith("Updated") else "order"
    return {"timestamp": SINCE_MS + after_ms, "event": {name: {inside: {**order, **more}, "reason": reason}}}


def history(*events: Any, token: str | None = None) -> dict[str, Any]:
    found = {"accountUid": "dummy-account", "len": len(events), "elements": list(events)}
    return {**found, "continuationToken": token} if token else found


NO_ORDER: list[dict[str, Any]] = [
    {"result": "success", "orders": []},
    {"result": "success", "openOrders": []},
    history(),
]


# ---- placing


def test_where_a_new_order_is_looked_for() -> None:
    assert Lost("sendorder", PLACE).asks() == ["0 status cliOrdIds=a", "0 openorders", f"0 orders?{PERIOD}"]
    assert Lost("sendorder", "size=1").asks() == []
    assert Lost("sendorder", "cliOrdId=a%26b").asks()[0] == "0 status cliOrdIds=a%26b"
    assert Lost("cancelallordersafter", "timeout=60").asks() == []


@pytest.mark.parametrize(
    ("place", "body", "state"),
    [
        *((place, body, NOT_SO_FAR) for place, body in enumerate(NO_ORDER)),
        *(
            (STATUS, by_status(status), DONE)
            for status in ("ENTERED_BOOK", "FULLY_EXECUTED", "CANCELLED", "TRIGGER_PLACED")
        ),
        (STATUS, by_status("REJECTED"), NEVER),
        (STATUS, by_status(made=-60_000), NOT_SO_FAR),  # an earlier order had the same name
        (STATUS, by_status(cliOrdId="b"), NOT_SO_FAR),
        (STATUS, {"result": "success", "orders": [{"order": None, "status": "NOT_FOUND"}]}, NOT_SO_FAR),
        (OPEN, by_list(), DONE),
        (OPEN, by_list(cliOrdId=None), NOT_SO_FAR),
        (HISTORY, history(event("OrderPlaced")), DONE),
        (
            HISTORY,
            history(event("OrderPlaced"), event("OrderUpdated", 200, reason="full_fill", quantity="0", filled="100")),
            DONE,
        ),
        (HISTORY, history(event("OrderPlaced"), event("OrderCancelled", 300)), DONE),
        (HISTORY, history(event("OrderRejected")), NEVER),
        (HISTORY, history(event("OrderPlaced", clientId="")), NOT_SO_FAR),
        (HISTORY, history(event("OrderPlaced", clientId="b"), token="more"), CANNOT_TELL),
        (HISTORY, history(event("OrderPlaced"), token="more"), DONE),
        (HISTORY, history(event("OrderEditRejected")), NOT_SO_FAR),
        *((place, {"result": "error", "error": "apiLimitExceeded"}, CANNOT_TELL) for place in range(3)),
        *((place, body, CANNOT_TELL) for place in range(3) for body in ({}, [], "<html>", "null", {"orders": [1]})),
    ],
)
def test_looking_for_a_new_order(place: int, body: Any, state: Found) -> None:
    assert Lost("sendorder", PLACE).found(place, body).state is state


def test_an_answer_with_another_status_says_nothing() -> None:
    assert Lost("sendorder", PLACE).found(STATUS, NO_ORDER[0], 500).state is CANNOT_TELL


@pytest.mark.parametrize("seen", [(STATUS, by_status()), (OPEN, by_list()), (HISTORY, history(event("OrderPlaced")))])
def test_the_answer_to_a_place(seen: tuple[int, Any]) -> None:
    lost = Lost("sendorder", PLACE)
    told = lost.rebuilt({0: lost.found(*seen)})
    status = told["sendStatus"]
    assert told["result"] == "success"
    assert (status["status"], status["order_id"], status["cliOrdId"]) == ("placed", "x-1", "a")
    order = ccxt.krakenfutures().parse_order(status)
    assert (order["id"], order["clientOrderId"], order["side"], order["type"]) == ("x-1", "a", "buy", "limit")
    assert (order["status"], order["amount"], order["filled"]) == ("open", 100, 0)
    assert order["timestamp"] == SINCE_MS + 100
    verdict = EXCHANGE.classify(lost.endpoint, Reply(200, b"", (), json.dumps(told).encode(), 0), SINCE_MS)
    assert verdict.executed is Executed.YES


# ---- cancelling


def test_where_a_cancelled_order_is_looked_for() -> None:
    assert Lost("cancelorder", "order_id=x-1").asks() == [
        "0 status orderIds=x-1",
        "0 openorders",
        f"0 orders?{PERIOD}",
        f"0 triggers?{PERIOD}",
    ]
    assert Lost("cancelorder", "cliOrdId=a").asks()[0] == "0 status cliOrdIds=a"


@pytest.mark.parametrize("body", ["order_id=x-1", "cliOrdId=a"])
@pytest.mark.parametrize(
    ("place", "answer", "state"),
    [
        *((place, body, NOT_SO_FAR) for place, body in enumerate(NO_ORDER)),
        (STATUS, by_status(made=-60_000, updated=-60_000), NOT_SO_FAR),
        (STATUS, by_status("CANCELLED", made=-60_000), DONE),
        (STATUS, by_status("FULLY_EXECUTED", made=-60_000), NEVER),
        (OPEN, by_list(made=-60_000), NOT_SO_FAR),
        (HISTORY, history(event("OrderCancelled", made=-60_000)), DONE),
        (HISTORY, history(event("OrderPlaced", -500, made=-500)), NOT_SO_FAR),
        (HISTORY, history(event("OrderPlaced", -500, made=-500), event("OrderCancelled", made=-500)), DONE),
        (HISTORY, history(event("OrderUpdated", made=-60_000, reason="full_fill")), NEVER),
        (HISTORY, history(event("OrderUpdated", made=-60_000, reason="partial_fill")), NOT_SO_FAR),
        (TRIGGERS, history(event("OrderTriggerCancelled", made=-60_000)), DONE),
        (TRIGGERS, history(event("OrderTriggerPlaced", -500, made=-500)), NOT_SO_FAR),
    ],
)
def test_looking_for_a_cancelled_order(body: str, place: int, answer: Any, state: Found) -> None:
    assert Lost("cancelorder", body).found(place, answer).state is state


def test_a_cancel_of_an_order_that_ended_before_was_not_executed() -> None:
    ended = by_status("CANCELLED", made=-60_000, updated=-50_000)
    assert Lost("cancelorder", "order_id=x-1").found(STATUS, ended).state is NEVER
    assert Lost("cancelorder", "cliOrdId=a").found(STATUS, ended).state is NOT_SO_FAR  # another one may have its name


def test_the_answer_to_a_cancel() -> None:
    lost = Lost("cancelorder", "order_id=x-1")
    status = lost.rebuilt({0: lost.found(STATUS, by_status("CANCELLED", made=-60_000))})["cancelStatus"]
    assert (status["status"], status["order_id"]) == ("cancelled", "x-1")
    assert ccxt.krakenfutures().parse_order(status)["status"] == "canceled"
    late = lost.rebuilt({0: lost.found(STATUS, by_status("FULLY_EXECUTED", made=-60_000))})["cancelStatus"]
    assert (late["status"], late["order_id"]) == ("filled", "x-1")
    gone = lost.rebuilt({0: lost.found(STATUS, by_status("CANCELLED", made=-60_000, updated=-50_000))})["cancelStatus"]
    assert gone["status"] == "notFound"
    assert lost.rebuilt({0: Finding(NOT_SO_FAR)}) is None


# ---- editing

EDIT = "orderId=x-1&size=120&limitPrice=49000"
NEW = {"limitPrice": 49000.0, "unfilledSize": 120}


def test_where_an_edited_order_is_looked_for() -> None:
    assert Lost("editorder", EDIT).asks() == ["0 openorders", f"0 orders?{PERIOD}", f"0 triggers?{PERIOD}"]


@pytest.mark.parametrize(
    ("place", "answer", "state"),
    [
        (0, NO_ORDER[1], NOT_SO_FAR),
        (0, by_list(made=-60_000, updated=-60_000), NOT_SO_FAR),
        (0, by_list(made=-60_000), NOT_SO_FAR),  # touched since, and not by this
        (0, by_list(made=-60_000, **NEW), DONE),
        (0, by_list(made=-60_000, limitPrice=49000, unfilledSize=100, filledSize=20), DONE),
        # What a size means once a part is filled, nobody says.
        (0, by_list(made=-60_000, limitPrice=49000, unfilledSize=120, filledSize=20), CANNOT_TELL),
        (0, by_list(made=-60_000, updated=-60_000, unfilledSize=120, filledSize=20), NOT_SO_FAR),
        (
            1,
            history(event("OrderUpdated", made=-60_000, reason="edited_by_user", limitPrice="49000", quantity="120")),
            DONE,
        ),
        (1, history(event("OrderCancelled", made=-60_000)), NEVER),
    ],
)
def test_looking_for_an_edited_order(place: int, answer: Any, state: Found) -> None:
    assert Lost("editorder", EDIT).found(place, answer).state is state


def test_the_answer_to_an_edit() -> None:
    lost = Lost("editorder", EDIT)
    status = lost.rebuilt({0: lost.found(0, by_list(made=-60_000, **NEW))})["editStatus"]
    assert (status["status"], status["orderId"]) == ("edited", "x-1")
    order = ccxt.krakenfutures().parse_order(status)
    assert (order["id"], order["status"], order["amount"]) == ("x-1", "open", 120)


# ---- several at once

BATCH = (
    'json={"batchOrder":'
    + json.dumps(
        [
            {
                "order": "send",
                "order_tag": "7",
                "symbol": "PI_XBTUSD",
                "orderType": "lmt",
                "size": 100,
                "cliOrdId": "a",
            },
            {"order": "edit", "order_id": "x-1", "limitPrice": 49000, "size": 120},
            {"order": "cancel", "order_id": "x-1"},
        ],
        separators=(",", ":"),
    )
    + "}"
)


def test_a_batch_is_looked_for_one_by_one() -> None:
    lost = Lost("batchorder", BATCH)
    assert [row.rpartition(" ")[0] if "status" in row else row for row in lost.asks()] == [
        *("0 status", "0 openorders", f"0 orders?{PERIOD}"),
        *("1 openorders", f"1 orders?{PERIOD}", f"1 triggers?{PERIOD}"),
        *("2 status", "2 openorders", f"2 orders?{PERIOD}", f"2 triggers?{PERIOD}"),
    ]
    assert lost.found(0, by_status()).state is DONE
    assert lost.found(3, by_list(made=-60_000, **NEW)).state is DONE
    assert lost.found(6, by_status("CANCELLED", made=-60_000)).state is DONE
    assert lost.found(6, by_status(made=-60_000, updated=-60_000)).state is NOT_SO_FAR


def test_a_batch_with_an_order_that_cannot_be_asked_for_is_not() -> None:
    for row in ('{"order":"send"}', '{"order":"odd","order_id":"x"}', "7"):
        body = f'json={{"batchOrder":[{{"order":"cancel","order_id":"x-1"}},{row}]}}'
        assert Lost("batchorder", body).lookups == ()


def test_the_answer_to_a_batch() -> None:
    lost = Lost("batchorder", BATCH)
    placed, edited = lost.found(0, by_status()), lost.found(3, by_list(made=-60_000, **NEW))
    cancelled = lost.found(6, by_status("CANCELLED", made=-60_000))
    told = lost.rebuilt({0: placed, 1: edited, 2: cancelled})
    assert [row["status"] for row in told["batchStatus"]] == ["placed", "edited", "cancelled"]
    assert told["batchStatus"][0]["order_tag"] == "7"
    some = lost.rebuilt({0: Finding(NOT_SO_FAR), 1: edited, 2: Finding(NEVER, b"", {"status": "FULLY_EXECUTED"})})
    assert [row["status"] for row in some["batchStatus"]] == ["notExecuted", "edited", "filled"]
    statuses = [order["status"] for order in ccxt.krakenfutures().parse_orders(some["batchStatus"])]
    assert sorted(statuses) == ["open", "rejected", "rejected"]
    reply = Reply(200, b"", (), json.dumps(some).encode(), 0)
    items = EXCHANGE.items(lost.endpoint, lost.params, reply)
    assert [item.executed for item in items] == [Executed.NO, Executed.YES, Executed.NO]
    assert lost.rebuilt({0: placed, 1: edited}) is None
    nothing = Finding(NOT_SO_FAR)
    assert lost.rebuilt({0: nothing, 1: nothing, 2: nothing}) is None


# ---- the kill switch


@pytest.mark.parametrize(
    ("body", "answer", "after_ms", "state"),
    [
        ("", NO_ORDER[1], 10_000, DONE),
        ("", NO_ORDER[1], 1_000, CANNOT_TELL),
        ("", by_list(made=-60_000), 10_000, NOT_SO_FAR),
        ("", by_list(made=100), 10_000, DONE),
        ("symbol=pi_xbtusd", by_list(made=-60_000), 10_000, NOT_SO_FAR),
        ("symbol=PI_ETHUSD", by_list(made=-60_000), 10_000, DONE),
        ("", {"result": "error", "error": "unavailable"}, 10_000, CANNOT_TELL),
        ("", "<html>", 10_000, CANNOT_TELL),
    ],
)
def test_a_call_that_cancels_all(body: str, answer: Any, after_ms: int, state: Found) -> None:
    lost = Lost("cancelallorders", body)
    assert lost.asks() == ["0 openorders"]
    found = lost.found(0, answer, after_ms=after_ms)
    assert found.state is state
    assert lost.rebuilt({0: found}) is None
