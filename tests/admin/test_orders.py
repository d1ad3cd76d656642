"""Writes of unknown outcome over the admin listener: what it shows, and who may close them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.admin.orders import make_token, order_routes
from proxy.admin.server import Admin
from proxy.errors import MaybeSent
from proxy.metrics import Gauges
from proxy.model import Executed, Item
from proxy.orders.records import State
from tests.test_gateway import PLACE, Desk

ORDER = "symbol=BTCUSDT&side=BUY&newClientOrderId=dummy-1"


class Office:
    def __init__(self, desk: Desk, token: str) -> None:
        self.desk = desk
        self.token = token
        self.base = ""
        self.client: aiohttp.ClientSession

    async def ask(self, method: str, path: str, json: Any = None, **headers: str) -> tuple[int, Any]:
        async with self.client.request(method, self.base + path, json=json, headers=headers) as answer:
            return answer.status, await answer.json()

    async def resolve(self, call: str, state: Any, token: str) -> tuple[int, Any]:
        return await self.ask("POST", f"/api/orders/{call}/resolve", {"state": state}, Authorization=f"Bearer {token}")


@pytest.fixture
async def office(tmp_path: Path, make_gauges: Any) -> AsyncIterator[Office]:
    desk = Desk(tmp_path)
    found = Office(desk, make_token(tmp_path))
    gauges: Gauges = make_gauges()
    admin = Admin(
        clock=desk.clock,
        metrics=desk.metrics,
        pools={"desk": desk.pool},
        gauges=lambda: gauges,
        more=order_routes(desk.writes, found.token),
    )
    found.base = f"http://{await admin.start('127.0.0.1:0')}"
    await desk.forward(MaybeSent("reset"), name=PLACE, query=ORDER)
    async with aiohttp.ClientSession() as found.client:
        yield found
    await admin.stop()


async def test_an_unknown_outcome_is_shown_with_all_that_is_known(office: Office) -> None:
    status, found = await office.ask("GET", "/api/orders/unknown")
    (row,) = found["orders"]
    assert status == 200 and row["answer"] is None and row["ended_ms"] == 0
    assert {key: row[key] for key in ("call", "state", "account", "bot", "endpoint", "name", "key", "address")} == {
        "call": "c-1",
        "state": "unknown",
        "account": "desk",
        "bot": "bot",
        "endpoint": PLACE,
        "name": "id:BTCUSDT dummy-1",
        "key": "k1",
        "address": office.desk.sent[0].address,
    }
    assert row["params"]["symbol"] == "BTCUSDT" and row["valid_until_ms"] > row["asked_ms"]
    assert await office.ask("GET", "/api/orders/c-1") == (200, row)


async def test_what_came_of_each_order_of_it_is_shown(office: Office) -> None:
    items = (Item(0, "a", Executed.YES, "17"), Item(1, "b", Executed.NO, code="-2010"))
    office.desk.journal.mark(1, State.UNKNOWN, items=items)
    _, row = await office.ask("GET", "/api/orders/c-1")
    assert row["items"] == [
        {"index": 0, "id": "a", "executed": "yes", "order": "17", "code": ""},
        {"index": 1, "id": "b", "executed": "no", "order": "", "code": "-2010"},
    ]
    _, closed = await office.resolve("c-1", "executed", office.token)
    assert (closed["state"], closed["items"]) == ("executed", row["items"])


async def test_a_call_that_nobody_made(office: Office) -> None:
    assert (await office.ask("GET", "/api/orders/c-9"))[0] == 404
    assert (await office.resolve("c-9", "absent", office.token))[0] == 409


@pytest.mark.parametrize("state", ["executed", "rejected", "absent"])
async def test_the_operator_says_what_came_of_it(office: Office, state: str) -> None:
    status, row = await office.resolve("c-1", state, office.token)
    assert (status, row["state"]) == (200, state)
    assert await office.ask("GET", "/api/orders/unknown") == (200, {"orders": []})
    assert (await office.resolve("c-1", state, office.token))[0] == 409


@pytest.mark.parametrize("token", ["", "dummy-wrong", "\xe9"])
async def test_only_with_the_token(office: Office, token: str) -> None:
    assert (await office.resolve("c-1", "absent", token))[0] == 403
    assert len((await office.ask("GET", "/api/orders/unknown"))[1]["orders"]) == 1


@pytest.mark.parametrize("body", [{"state": "unknown"}, {"state": "sent"}, {"state": 5}, {}, [], "absent", None])
async def test_only_to_an_end_that_there_is(office: Office, body: Any) -> None:
    headers = {"Authorization": f"Bearer {office.token}"}
    assert (await office.ask("POST", "/api/orders/c-1/resolve", body, **headers))[0] == 400


async def test_while_the_journal_is_down_it_says_so(office: Office) -> None:
    office.desk.journal.down = "no disk"
    assert await office.ask("GET", "/api/orders/unknown") == (503, {"error": "no disk"})
    assert (await office.resolve("c-1", "absent", office.token))[0] == 503
    async with office.client.get(office.base + "/api/status") as answer:
        assert answer.status == 200


def test_the_token_is_new_each_time_and_ours_alone(tmp_path: Path) -> None:
    first, second = make_token(tmp_path), make_token(tmp_path)
    file = tmp_path / "admin.token"
    assert first != second and file.read_text().strip() == second and len(second) >= 32
    assert file.stat().st_mode & 0o777 == 0o600 and [path.name for path in tmp_path.iterdir()] == ["admin.token"]
