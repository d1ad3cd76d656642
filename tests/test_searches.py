"""Writes whose answer was lost, looked up through the gateway's own reads, on a clock that the tests move."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import MaybeSent
from proxy.metrics import RESOLVED
from proxy.model import Executed, Reply
from proxy.orders.records import State
from proxy.searches import Searches
from tests.fakes import settled
from tests.test_gateway import Desk, S, Step, answer, error

PLACE, CANCEL, LOOK = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"
QUERY = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=5&newClientOrderId=dummy-1"
OF_IT = "symbol=BTCUSDT&origClientOrderId=dummy-1"
LOST = MaybeSent("dummy reset")
NOT_THERE = error(400, -2013)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.writes.resolution.searches = Searches(made.clock, made.times, {"desk": made.pool}, made.gateway.look)
    return made


def order(desk: Desk, status: str = "NEW", made_ms: int = 0) -> Reply:
    """What the exchange says of the order when asked; one that is over ended just now."""
    now_ms = desk.clock.wall_ms()
    when = made_ms or now_ms
    row = {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "orderListId": -1,
        "clientOrderId": "dummy-1",
        "price": "5",
        "origQty": "1",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": when,
        "updateTime": when if status == "NEW" else now_ms,
        "workingTime": when,
        "selfTradePreventionMode": "NONE",
    }
    return answer(200, json.dumps(row))


def write(desk: Desk, *steps: Step, name: str = PLACE, query: str = QUERY, **fields: Any) -> Any:
    desk.script.steps = list(steps)
    return asyncio.ensure_future(desk.gateway.forward(desk.call(name, query=query, **fields)))


def paths(desk: Desk) -> list[str]:
    return [f"{sent.request.method} {sent.request.target.partition('?')[0]}" for sent in desk.sent]


async def test_an_order_that_is_there_is_told_in_the_exchanges_own_words(desk: Desk) -> None:
    asked = write(desk, LOST, order(desk))
    await desk.wait(S)
    said = await asked
    assert said.reply is not None and said.reply.status == 200 and said.refusal is None
    body = json.loads(said.reply.body)
    assert (body["orderId"], body["clientOrderId"], body["status"]) == (7, "dummy-1", "NEW")
    assert said.executed is Executed.YES
    assert paths(desk) == [PLACE, LOOK]  # one copy, ever
    assert desk.journal.states == [State.EXECUTED] and len(desk.writes.resolution.unknowns) == 0
    assert desk.count(RESOLVED, "desk", "executed") == 1


async def test_an_order_that_is_proven_not_to_be_there_is_told_so(desk: Desk) -> None:
    asked = write(desk, LOST, *[NOT_THERE] * 20)
    await desk.wait(6 * S)
    assert not asked.done()  # a validity of 3 s, 2 s in which the exchange may lag, then three looks a second apart
    await desk.wait(2 * S)
    said = await asked
    assert said.refusal is not None and (said.refusal.status, said.refusal.reason) == (503, "not_executed")
    assert said.executed is Executed.NO
    looks = [sent for sent in desk.sent if sent.request.method == "GET"]
    assert paths(desk).count(PLACE) == 1 and len(looks) >= 3
    assert desk.journal.states == [State.ABSENT] and not desk.journal.held
    again = await desk.gateway.forward(desk.call(PLACE, query=QUERY)) if not desk.script.steps else None
    assert again is None or again.attempts == 1


async def test_a_product_may_take_longer_to_prove_it(desk: Desk) -> None:
    """On futures, 10 s in which the exchange may lag instead of 2."""
    write(desk, LOST, *[NOT_THERE] * 40, name="POST /fapi/v1/order")
    await desk.wait(14 * S)
    assert desk.count(RESOLVED, "desk", "absent") == 0
    await desk.wait(3 * S)
    assert desk.count(RESOLVED, "desk", "absent") == 1


async def test_an_order_that_shows_late_is_found(desk: Desk) -> None:
    asked = write(desk, LOST, NOT_THERE, NOT_THERE, NOT_THERE, order(desk))
    await desk.wait(9 * S)
    assert (await asked).executed is Executed.YES


async def test_an_older_order_of_the_same_name_is_not_it(desk: Desk) -> None:
    old = order(desk, made_ms=desk.clock.wall_ms() - 3_600_000)
    asked = write(desk, LOST, *[old] * 20)
    await desk.wait(9 * S)
    assert (await asked).executed is not Executed.YES


async def test_without_the_truth_in_time_the_bot_is_told_so_and_the_search_goes_on(desk: Desk) -> None:
    start_ns = desk.clock.now_ns()
    steps: list[Step] = [LOST, *[error(500, -1000)] * 200]
    asked = write(desk, *steps)
    await desk.wait(9 * S)
    said = await asked
    assert said.refusal is not None and said.refusal.reason == "outcome_unknown"
    assert desk.clock.now_ns() - start_ns <= 10 * S
    assert desk.journal.states == [State.UNKNOWN] and len(desk.writes.resolution.unknowns) == 1
    desk.script.steps = [order(desk, "FILLED")] * 3
    await desk.wait(60 * S)
    assert desk.journal.states == [State.EXECUTED] and len(desk.writes.resolution.unknowns) == 0
    (row,) = desk.journal.rows.values()
    assert row.answer is not None and json.loads(row.answer.body)["status"] == "FILLED"
    repeat = await desk.gateway.forward(desk.call(PLACE, query=QUERY))
    assert repeat.replayed and repeat.reply is not None and json.loads(repeat.reply.body)["status"] == "FILLED"
    assert paths(desk).count(PLACE) == 1


async def test_a_cancel_need_not_wait_for_what_became_of_its_order(desk: Desk) -> None:
    asked = write(desk, LOST, *[NOT_THERE] * 40)
    await desk.wait(S)
    desk.script.steps.insert(0, answer(200, '{"status":"CANCELED"}'))
    cancelled = await desk.gateway.forward(desk.call(CANCEL, query=OF_IT))
    assert cancelled.executed is Executed.YES and not asked.done()
    await desk.wait(9 * S)
    assert (await asked).executed is Executed.NO


async def test_a_call_that_is_cut_off_while_it_is_looked_for_is_looked_for_all_the_same(desk: Desk) -> None:
    asked = write(desk, LOST, NOT_THERE, *[order(desk)] * 3)
    await desk.wait(S // 3)
    asked.cancel()
    await settled()
    assert desk.journal.states == [State.UNKNOWN] and len(desk.writes.resolution.unknowns) == 1
    await desk.wait(5 * S)
    assert desk.journal.states == [State.EXECUTED] and len(desk.writes.resolution.unknowns) == 0


async def test_a_bots_own_deadline_is_kept(desk: Desk) -> None:
    now = desk.clock.now_ns()
    asked = write(desk, LOST, *[NOT_THERE] * 20, within_s=1, answer_by_ns=now + S)
    await desk.wait(S + S // 10)
    said = await asked
    assert said.refusal is not None and said.refusal.reason == "outcome_unknown"
    await desk.wait(20 * S)
    assert desk.journal.states == [State.ABSENT] and not desk.journal.held
    assert desk.count(RESOLVED, "desk", "absent") == 1
    desk.script.steps = [order(desk)]
    assert (await desk.gateway.forward(desk.call(PLACE, query=QUERY))).attempts == 1  # its name is free again


@pytest.mark.parametrize(
    ("status", "executed", "state"),
    [("CANCELED", Executed.YES, State.EXECUTED), ("NEW", Executed.NO, State.ABSENT)],
)
async def test_a_cancel_is_told_by_the_state_of_its_order(
    desk: Desk, status: str, executed: Executed, state: State
) -> None:
    """Its order stands after the cancel can no longer arrive: it was not cancelled."""
    found = order(desk, status, made_ms=desk.clock.wall_ms() - 3_600_000)
    asked = write(desk, LOST, *[found] * 20, name=CANCEL, query=OF_IT)
    await desk.wait(9 * S)
    said = await asked
    if executed is Executed.NO and said.executed is Executed.UNKNOWN:  # a cancel is valid for longer than a bot waits
        await desk.wait(10 * S)
    else:
        assert said.executed is executed
    assert desk.journal.states == [state]


async def test_what_a_former_process_left_open_is_looked_for(tmp_path: Path, desk: Desk) -> None:
    asked = write(desk, LOST, *[error(500, -1000)] * 200)
    await desk.wait(9 * S)
    await asked
    await desk.writes.resolution.searches.stop() if desk.writes.resolution.searches is not None else None
    later = Desk(tmp_path / "later") if (tmp_path / "later").mkdir() is None else desk
    later.journal.rows, later.journal.held = desk.journal.rows, desk.journal.held
    later.clock.move_to(desk.clock.now_ns())
    later.writes.resolution.searches = Searches(later.clock, later.times, {"desk": later.pool}, later.gateway.look)
    later.script.steps = [order(desk)]
    await later.writes.open({"desk": later.pool})
    assert len(later.writes.resolution.unknowns) == 1
    await later.wait(S)
    assert later.journal.states == [State.EXECUTED] and len(later.writes.resolution.unknowns) == 0
    assert paths(later) == [LOOK]


async def test_what_cannot_be_looked_for_stays_unknown(tmp_path: Path) -> None:
    desk = Desk(tmp_path, absence=None)
    desk.writes.resolution.searches = Searches(desk.clock, desk.times, {"desk": desk.pool}, desk.gateway.look)
    said = await desk.forward(LOST, name=PLACE, query=QUERY)
    assert said.refusal is not None and said.refusal.reason == "outcome_unknown"
    assert desk.journal.states == [State.UNKNOWN]


async def test_at_the_end_searches_stop_and_leave_what_they_sought_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = write(desk, LOST, *[error(500, -1000)] * 200)
    await desk.wait(9 * S)
    await asked
    assert desk.writes.resolution.searches is not None
    await desk.writes.resolution.searches.stop()
    await settled()
    sent = len(desk.sent)
    await desk.wait(60 * S)
    assert len(desk.sent) == sent and desk.journal.states == [State.UNKNOWN]


async def test_a_search_that_breaks_is_told_and_what_it_sought_stays_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("proxy.searches.looked", None)
    asked = write(desk, LOST, order(desk))
    await desk.wait(9 * S)
    said = await asked
    assert said.refusal is not None and said.refusal.reason == "outcome_unknown"
    assert "a search for a lost write broke off" in caplog.text
    assert desk.journal.states == [State.UNKNOWN] and len(desk.writes.resolution.unknowns) == 1


async def test_a_look_that_breaks_us_tells_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    searches = desk.writes.resolution.searches
    assert searches is not None
    read: Callable[..., Any] = searches._read
    broken = [True]

    async def once(call: Any) -> Any:
        if broken:
            broken.clear()
            raise RuntimeError("dummy fault")
        return await read(call)

    searches._read = once
    asked = write(desk, LOST, order(desk))
    await desk.wait(2 * S)
    assert (await asked).executed is Executed.YES
    assert "a look at the exchange failed" in caplog.text
