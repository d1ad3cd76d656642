"""What a crash left is resolved before orders are taken, and a search knows when it cannot tell any more."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import MaybeSent
from proxy.metrics import RESOLVED
from proxy.model import Executed, Reply
from proxy.orders.records import Entry, Intent, State
from proxy.searches import Searches
from proxy.writes import Writes
from tests.fakes import settled
from tests.test_gateway import Desk, S, answer, error

PLACE, CANCEL, LOOK = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"
AMEND = "PUT /api/v3/order/amend/keepPriority"
LEFT = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "newClientOrderId": "dummy-1"}
OTHER = "symbol=BTCUSDT&side=BUY&quantity=2&newClientOrderId=dummy-2"
NOT_THERE = error(400, -2013)
PLACED = answer(200, '{"orderId":7}')


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.writes.resolution.searches = Searches(made.clock, made.times, {"desk": made.pool}, made.gateway.look)
    return made


def left(desk: Desk, state: State, number: int = 1, endpoint: str = PLACE, **fields: Any) -> None:
    """A write that a former process left so, and what it asked for."""
    at_ms = desk.clock.wall_ms() - 1_000
    intent = Intent(f"c-{number}", "bot", "desk", endpoint, "", b"d", {**LEFT, **fields}, at_ms, validity_ms=3_000)
    valid_until_ms = at_ms + 3_000 if state is not State.INTENT else 0
    desk.journal.rows[number] = Entry(number, intent, state, "k1", "127.0.0.2", valid_until_ms)


async def opened(desk: Desk, *steps: Reply | Exception) -> None:
    desk.script.steps = list(steps)
    await desk.writes.open({"desk": desk.pool})


def order(desk: Desk, **fields: Any) -> Reply:
    now_ms = desk.clock.wall_ms()
    row = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "dummy-1", "origQty": "1", "executedQty": "0"}
    return answer(
        200, json.dumps({**row, "status": "NEW", "type": "LIMIT", "time": now_ms, "updateTime": now_ms, **fields})
    )


def begin(desk: Desk, name: str = PLACE, query: str = OTHER, **fields: Any) -> Any:
    return asyncio.ensure_future(desk.gateway.forward(desk.call(name, query=query, **fields)))


def sent(desk: Desk, name: str) -> int:
    return sum(f"{row.request.method} {row.request.target.partition('?')[0]}" == name for row in desk.sent)


@pytest.mark.parametrize("state", [State.INTENT, State.SENT])
async def test_orders_wait_until_it_is_known_what_a_crash_left(desk: Desk, state: State) -> None:
    left(desk, state)
    await opened(desk, order(desk), PLACED)
    asked = begin(desk)
    await settled()
    assert sent(desk, PLACE) == 0 and desk.writes.resolution.holds.counts() == {"desk": 1}
    await desk.wait(S)
    said = await asked
    assert said.reply is not None and said.executed is Executed.YES and said.queued_ns >= S // 4
    assert desk.journal.rows[1].state is State.EXECUTED and desk.writes.resolution.holds.counts() == {}
    assert desk.count(RESOLVED, "desk", "executed") == 1


async def test_an_order_that_cannot_wait_so_long_is_refused_unsent(desk: Desk) -> None:
    left(desk, State.SENT)
    await opened(desk, *[NOT_THERE] * 20)
    asked = begin(desk, within_s=2.0)
    await desk.wait(3 * S)
    said = await asked
    assert said.refusal is not None and (said.refusal.status, said.refusal.reason) == (503, "resolving")
    assert said.executed is Executed.NO and said.queued_ns == 2 * S and said.refusal.retry_after_s
    assert sent(desk, PLACE) == 0
    await desk.wait(6 * S)
    assert desk.journal.rows[1].state is State.ABSENT
    desk.script.steps = [PLACED]
    assert (await begin(desk)).executed is Executed.YES


async def test_cancels_and_reads_do_not_wait(desk: Desk) -> None:
    left(desk, State.SENT)
    await opened(desk, answer(200, '{"status":"CANCELED"}'), answer(200, "{}"))
    cancel = begin(desk, CANCEL, "symbol=BTCUSDT&origClientOrderId=dummy-9")
    read = begin(desk, LOOK, "symbol=BTCUSDT&origClientOrderId=dummy-9")
    assert (await cancel).executed is Executed.YES and (await read).reply is not None


async def test_what_a_bot_was_told_is_unknown_holds_nobody_up(desk: Desk) -> None:
    left(desk, State.UNKNOWN)
    await opened(desk, PLACED, order(desk))
    assert (await begin(desk)).executed is Executed.YES
    await desk.wait(S)
    assert desk.journal.rows[1].state is State.EXECUTED


async def test_what_cannot_be_looked_up_holds_nobody_up_and_is_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    left(desk, State.SENT, newClientOrderId="")
    left(desk, State.SENT, 2, "POST /api/v3/gone")
    await opened(desk, PLACED)
    assert (await begin(desk)).executed is Executed.YES
    assert caplog.text.count("it cannot be looked up") == 2 and len(desk.writes.resolution.unknowns) == 2


async def test_a_write_that_may_just_have_been_signed_is_not_proven_absent_sooner_than_it_could_arrive(
    desk: Desk,
) -> None:
    """All that is known of an intent is that its copy was signed before the process died."""
    left(desk, State.INTENT)
    start_ns = desk.clock.now_ns()
    await opened(desk, *[NOT_THERE] * 40)
    while desk.journal.rows[1].state is State.INTENT:
        await desk.wait(S // 4)
    assert desk.journal.rows[1].state is State.ABSENT
    looks = [row for row in desk.sent if row.request.target.startswith("/api/v3/order?")]
    assert desk.clock.now_ns() - start_ns >= (3 + 2 + 2) * S and len(looks) >= 3


async def test_the_operator_can_end_the_wait(desk: Desk) -> None:
    left(desk, State.SENT)
    await opened(desk, *[error(500, -1000)] * 200)
    asked = begin(desk)
    await desk.wait(S)
    assert not asked.done()
    desk.script.steps = [PLACED] * 3
    assert await desk.writes.resolution.settle("c-1", State.ABSENT) is not None
    assert (await asked).executed is Executed.YES


async def test_after_the_longest_wait_orders_go_but_for_one_of_the_same_id(desk: Desk) -> None:
    left(desk, State.SENT, 7)
    await opened(desk, *[error(500, -1000)] * 400)
    await desk.wait(180 * S)
    assert desk.writes.resolution.holds.counts() == {}
    desk.script.steps = [PLACED]
    assert (await begin(desk)).executed is Executed.YES
    again = await begin(desk, query="symbol=BTCUSDT&side=BUY&quantity=3&newClientOrderId=dummy-1")
    assert again.refusal is not None and again.refusal.reason == "order_busy" and sent(desk, PLACE) == 1


async def test_an_amendment_that_a_later_one_overtook_is_neither_done_nor_undone(desk: Desk) -> None:
    asked = begin(desk, AMEND, "symbol=BTCUSDT&orderId=7&newQty=3")
    desk.script.steps = [MaybeSent("dummy reset"), order(desk), answer(200, "{}"), *[order(desk, origQty="4")] * 30]
    await desk.wait(S // 4)
    later = await begin(desk, AMEND, "symbol=BTCUSDT&orderId=7&newQty=4")
    assert later.executed is Executed.YES
    await desk.wait(9 * S)
    said = await asked
    assert said.executed is Executed.UNKNOWN and said.refusal is not None and said.refusal.reason == "outcome_unknown"
    assert desk.journal.rows[1].state is State.OVERTAKEN and len(desk.writes.resolution.unknowns) == 0
    assert desk.count(RESOLVED, "desk", "overtaken") == 1


async def test_an_id_whose_order_was_found_just_now_is_not_used_for_another(desk: Desk, tmp_path: Path) -> None:
    """Were the second one's answer lost, the first one would be taken for it; the next process knows that too."""
    left(desk, State.UNKNOWN, 7)
    await opened(desk, order(desk))
    await desk.wait(S)
    query = "symbol=BTCUSDT&side=BUY&quantity=3&newClientOrderId=dummy-1"
    for _ in range(2):
        assert desk.journal.rows[7].state is State.EXECUTED
        again = await begin(desk, query=query)
        assert again.refusal is not None and again.refusal.reason == "order_busy" and sent(desk, PLACE) == 0
        desk.journal.rows[7] = replace(desk.journal.rows[7], ended_ms=desk.clock.wall_ms())
        desk.writes = desk.gateway._writes = Writes(desk.clock, desk.dispatcher, desk.journal, desk.metrics)
        await desk.writes.open({"desk": desk.pool})
    await desk.wait(4 * S)
    desk.script.steps = [PLACED]
    assert (await begin(desk, query=query)).executed is Executed.YES
