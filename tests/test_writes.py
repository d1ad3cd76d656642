"""No write twice, none without its entry: repeats, the journal's place on the way, and what it knows at each end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.dispatch import Gone
from proxy.errors import BadCall, MaybeSent, NotSent
from proxy.exchanges import EXCHANGES
from proxy.gateway import Answer
from proxy.metrics import REPLAYED
from proxy.model import Call, Executed, Reply
from proxy.orders.names import digest_of, name_of
from proxy.orders.records import Entry, Intent, State
from proxy.orders.replay import record
from proxy.searches import Searches
from proxy.writes import Writes
from tests.fakes import settled
from tests.test_gateway import OK, PLACE, PUBLIC, READ, Desk, S, Step, answer, error

CANCEL = "DELETE /api/v3/order"
ORDER = "symbol=BTCUSDT&side=BUY&quantity=1"
NAMED = f"{ORDER}&newClientOrderId=dummy-1"
PLACED = answer(200, '{"orderId":7}', Content_Type="application/json")
REFUSED = error(400, -2010)
THROTTLED = error(429, -1003)
UNKNOWN = MaybeSent("reset")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.check_settled()
    assert made.writes._flights == {} and made.writes._twins._flights == {} and not made.writes.resolution.under_way
    assert len(made.writes._lines) == 0


class Bot:
    """One call in its own task; hangs up when told."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self.hung_up = False
        self.task = asyncio.ensure_future(desk.gateway.forward(call, lambda: self.hung_up))


def write(desk: Desk, query: str = ORDER, key: str = "", name: str = PLACE, call: str = "c-1", **fields: Any) -> Call:
    made = desk.call(name, query=query, **fields)
    headers = (("idempotency-key", key),) if key else ()
    return replace(made, id=call, request=replace(made.request, headers=headers))


async def forward(desk: Desk, call: Call, *steps: Step) -> Answer:
    desk.script.steps = list(steps)
    found = await desk.gateway.forward(call)
    assert desk.script.steps == []
    return found


def held() -> "tuple[asyncio.Future[Reply], Callable[[], Awaitable[Reply]]]":
    """A step of the script whose answer comes when the test says so."""
    future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await future

    return future, wait


def restarted(desk: Desk) -> Writes:
    """Another process over the same journal."""
    desk.writes = desk.gateway._writes = Writes(desk.clock, desk.dispatcher, desk.journal, desk.metrics)
    return desk.writes


def told(found: Answer) -> tuple[str | int, Executed | None, bool]:
    """Status of the exchange or our reason; what became of it; whether it is an earlier call's."""
    what = found.refusal.reason if found.refusal is not None else found.reply.status if found.reply else 0
    return what, found.executed, found.replayed


# What the journal knows


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([PLACED], State.EXECUTED),
        ([REFUSED], State.REJECTED),
        ([UNKNOWN], State.UNKNOWN),
        ([NotSent("refused", address_fault=False), PLACED], State.EXECUTED),
        ([error(503, -1000)], State.UNKNOWN),
    ],
    ids=["executed", "refused", "reset", "second route", "no answer to believe"],
)
async def test_each_end_of_a_write(desk: Desk, steps: list[Step], state: State) -> None:
    await forward(desk, write(desk), *steps)
    assert desk.journal.states == [state]
    row = desk.journal.rows[1]
    assert (row.intent.call, row.intent.bot, row.intent.account, row.intent.endpoint) == ("c-1", "bot", "desk", PLACE)
    assert row.intent.params["symbol"] == "BTCUSDT" and row.key == "k1" and row.address == desk.sent[-1].address
    assert len(desk.writes.resolution.unknowns) == (state is State.UNKNOWN)


async def test_the_intent_is_there_before_the_first_byte_and_names_its_route(desk: Desk) -> None:
    seen = []

    async def look() -> Reply:
        seen.append(desk.journal.rows[1])
        return PLACED

    before_ms = desk.clock.wall_ms()
    await forward(desk, write(desk, f"{ORDER}&recvWindow=1500"), look)
    (row,) = seen
    assert (row.state, row.key, row.address) == (State.SENT, "k1", desk.sent[0].address)
    assert before_ms + 1500 <= row.valid_until_ms <= before_ms + 1600


@pytest.mark.parametrize("name", [READ, PUBLIC])
async def test_a_read_never_touches_the_journal(desk: Desk, name: str) -> None:
    desk.journal.down = "no disk"
    found = await desk.forward(OK, name=name)
    assert found.reply is OK and desk.journal.asked == 0


@pytest.mark.parametrize("name", [PLACE, CANCEL], ids=["place", "cancel"])
async def test_without_a_journal_nothing_leaves(desk: Desk, name: str) -> None:
    desk.journal.down = "the disk is full"
    found = await forward(desk, write(desk, name=name))
    assert told(found) == ("journal_unavailable", Executed.NO, False)
    assert found.refusal is not None and found.refusal.status == 503 and "disk is full" in found.refusal.message
    assert desk.sent == [] and desk.dispatcher.length == 0
    desk.journal.down = ""
    assert told(await forward(desk, write(desk, name=name), PLACED))[1] is Executed.YES


async def test_a_permit_that_was_not_used_is_given_back(desk: Desk) -> None:
    desk.journal.down = "the disk is full"
    await forward(desk, write(desk))
    assert desk.used("orders_10s") == 0


async def test_a_block_that_is_set_meanwhile_holds(desk: Desk) -> None:
    intend = desk.journal.intend

    async def slow(intent: Intent) -> int | Entry:
        desk.ledger.block(("address", "binance", desk.pool.keyless[0].addresses[0]), 60 * S, "banned")
        return await intend(intent)

    desk.journal.intend = slow  # type: ignore[method-assign]  # the moment between permit and first byte
    first = desk.pool.keyless[0].addresses[0]
    found = await forward(desk, write(desk), PLACED)
    assert told(found) == (200, Executed.YES, False) and [row.address for row in desk.sent] != [first]
    assert desk.journal.states == [State.EXECUTED] and desk.used("orders_10s") == 1


async def test_what_the_queue_refuses_has_no_entry(desk: Desk) -> None:
    desk.ledger.block(("account", "desk"), 60 * S, "rest")
    found = await forward(desk, write(desk, NAMED))
    assert told(found) == ("rate_limited", Executed.NO, False) and desk.journal.rows == {}
    desk.ledger.unblock(("account", "desk"))
    assert told(await forward(desk, write(desk, NAMED), PLACED)) == (200, Executed.YES, False)


async def test_who_hung_up_meanwhile_sent_nothing(desk: Desk) -> None:
    with pytest.raises(Gone):
        await desk.gateway.forward(write(desk, NAMED), lambda: True)
    assert desk.sent == [] and desk.journal.states in ([], [State.REJECTED])
    assert told(await forward(desk, write(desk, NAMED), PLACED)) == (200, Executed.YES, False)


async def test_what_cannot_be_signed_is_not_open(desk: Desk) -> None:
    def sign(*args: Any) -> Any:
        raise ValueError("cannot be signed")

    good = desk.pool.exchange
    object.__setattr__(desk.pool, "exchange", replace(good, sign=sign))
    with pytest.raises(BadCall):
        await forward(desk, write(desk, NAMED))
    object.__setattr__(desk.pool, "exchange", good)
    assert desk.journal.states == [State.REJECTED]
    assert told(await forward(desk, write(desk, NAMED), PLACED)) == (200, Executed.YES, False)


async def test_a_call_that_is_cut_off_under_way_is_open(desk: Desk) -> None:
    _, step = held()
    desk.script.steps = [step]
    bot = Bot(desk, write(desk, NAMED))
    await settled()
    bot.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bot.task
    assert desk.journal.states == [State.UNKNOWN]
    assert told(await forward(desk, write(desk, NAMED, call="c-2"))) == ("outcome_unknown", Executed.UNKNOWN, True)


# Repeats of what has a name


@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}], ids=["key", "client order id"])
async def test_fifty_at_once_are_one(desk: Desk, given: dict[str, str]) -> None:
    release, step = held()
    desk.script.steps = [step]
    bots = [Bot(desk, write(desk, call=f"c-{n}", **given)) for n in range(50)]
    await settled()
    release.set_result(PLACED)
    answers = [await bot.task for bot in bots]
    assert len(desk.sent) == 1 and len(desk.journal.rows) == 1
    assert {found.reply for found in answers} == {PLACED}
    assert [found.replayed for found in answers] == [False] + [True] * 49
    assert desk.count(REPLAYED, "desk") == 49
    assert {found.attempts for found in answers[1:]} == {0}


@pytest.mark.parametrize("restart", [False, True], ids=["same process", "after a restart"])
@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}], ids=["key", "client order id"])
async def test_later_the_recorded_answer_is_given(desk: Desk, given: dict[str, str], restart: bool) -> None:
    first = await forward(desk, write(desk, **given), PLACED)
    if restart:
        await restarted(desk).open({"desk": desk.pool})
    again = await forward(desk, write(desk, call="c-2", **given))
    assert told(again) == (200, Executed.YES, True)
    assert again.reply is not None and again.reply.body == PLACED.body
    assert again.reply.header(b"content-type") == b"application/json"
    assert again.route == first.route and again.attempts == 0
    assert len(desk.sent) == 1


async def test_a_replay_needs_no_room(desk: Desk) -> None:
    await forward(desk, write(desk, key="k-1"), PLACED)
    desk.ledger.block(("account", "desk"), 60 * S, "rest")
    assert told(await forward(desk, write(desk, key="k-1"))) == (200, Executed.YES, True)
    assert (await forward(desk, write(desk, key="k-2"))).refusal is not None


async def test_a_name_that_is_in_no_memory_is_in_the_journal(desk: Desk) -> None:
    await forward(desk, write(desk, key="k-1"), PLACED)
    restarted(desk)  # without open: as if a hundred thousand others had come since
    assert told(await forward(desk, write(desk, key="k-1"))) == (200, Executed.YES, True)
    assert len(desk.sent) == 1 and desk.used("orders_10s") == 1


@pytest.mark.parametrize("when", ["in flight", "later", "after a restart"])
@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}], ids=["key", "client order id"])
async def test_another_order_of_the_same_name_is_refused(desk: Desk, given: dict[str, str], when: str) -> None:
    release, step = held()
    desk.script.steps = [step]
    first = Bot(desk, write(desk, **given))
    await settled()
    if when != "in flight":
        release.set_result(PLACED)
        await first.task
    if when == "after a restart":
        await restarted(desk).open({"desk": desk.pool})
    other = {**given, "query": given.get("query", ORDER).replace("quantity=1", "quantity=2")}
    found = await desk.gateway.forward(write(desk, call="c-2", **other))
    assert told(found) == ("idempotency_conflict", Executed.NO, False)
    assert found.refusal is not None and found.refusal.status == 409 and "c-1" in found.refusal.message
    if not release.done():
        release.set_result(PLACED)
    assert told(await first.task) == (200, Executed.YES, False) and len(desk.sent) == 1


@pytest.mark.parametrize("restart", [False, True], ids=["same process", "after a restart"])
@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}, {}], ids=["key", "client order id", "no name"])
async def test_an_unknown_outcome_is_never_sent_again(desk: Desk, given: dict[str, str], restart: bool) -> None:
    assert told(await forward(desk, write(desk, **given), UNKNOWN)) == ("outcome_unknown", Executed.UNKNOWN, False)
    if restart:
        await restarted(desk).open({"desk": desk.pool})
    again = await forward(desk, write(desk, call="c-2", **given))
    assert told(again) == ("outcome_unknown", Executed.UNKNOWN, True)
    assert again.refusal is not None and again.refusal.status == 504 and "c-1" in again.refusal.message
    assert len(desk.sent) == 1 and len(desk.writes.resolution.unknowns) == 1


async def test_a_crash_between_intent_and_answer_leaves_an_open_entry(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for number, state in enumerate((State.INTENT, State.SENT), 1):
        call = write(desk, key=f"k-{number}", call=f"c-{number}")
        desk.journal.rows[number] = desk.journal.rows.get(number) or replace(await _entry(desk, call), state=state)
    await restarted(desk).open({"desk": desk.pool})
    assert [entry.intent.call for entry in await desk.writes.resolution.open_entries()] == ["c-1", "c-2"]
    assert caplog.text.count("outcome unknown since an earlier run") == 2 and "key:k-1" in caplog.text
    assert desk.writes.resolution.unknowns.counts(["desk", "other"]) == {"desk": 2, "other": 0}
    desk.clock.advance(5 * S)
    assert desk.writes.resolution.unknowns.oldest_s(desk.clock.wall_ms()) == 5
    for number in (1, 2):
        found = await forward(desk, write(desk, key=f"k-{number}", call="c-9"))
        assert told(found) == ("outcome_unknown", Executed.UNKNOWN, True)


async def _entry(desk: Desk, call: Call) -> Any:
    name = name_of(call, desk.pool.exchange)
    intent = Intent(call.id, "bot", "desk", PLACE, name, digest_of(call), call.params, desk.clock.wall_ms())
    number = len(desk.journal.rows) + 1
    desk.journal.held["desk", "bot", name] = number
    return Entry(number, intent, State.INTENT)


async def test_a_refused_order_frees_its_id_and_keeps_its_key(desk: Desk) -> None:
    for given, again in (({"query": NAMED}, (200, Executed.YES, False)), ({"key": "k"}, (400, Executed.NO, True))):
        assert told(await forward(desk, write(desk, **given), REFUSED)) == (400, Executed.NO, False)
        sent = len(desk.sent)
        found = await forward(desk, write(desk, **given), *([PLACED] if again[0] == 200 else []))
        assert told(found) == again and len(desk.sent) - sent == (again[0] == 200)


@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}], ids=["key", "client order id"])
@pytest.mark.parametrize(
    "steps", [[THROTTLED, THROTTLED], [NotSent("no route", address_fault=False)] * 4], ids=["throttled", "not sent"]
)
async def test_what_was_never_executed_is_tried_again(desk: Desk, given: dict[str, str], steps: list[Step]) -> None:
    desk.script.steps = list(steps)
    first = await desk.gateway.forward(write(desk, within_s=0.01, **given))
    assert first.executed is Executed.NO and first.attempts
    assert set(desk.journal.states) == {State.REJECTED} and desk.journal.held == {}
    for block in desk.ledger.snapshot().blocks:
        desk.dispatcher.unblock(block.subject)
    assert told(await forward(desk, write(desk, **given), PLACED)) == (200, Executed.YES, False)


async def test_cancels_and_amendments_of_one_order_are_no_repeats_of_each_other(desk: Desk) -> None:
    for _ in range(2):
        assert told(await forward(desk, write(desk, "symbol=B&origClientOrderId=x", name=CANCEL), PLACED))[0] == 200
    await forward(desk, write(desk, "symbol=B&origClientOrderId=x", name=CANCEL), UNKNOWN)
    assert told(await forward(desk, write(desk, "symbol=B&origClientOrderId=x", name=CANCEL), PLACED))[0] == 200
    assert len(desk.sent) == 4
    cancel = write(desk, "symbol=B&origClientOrderId=x", "k-1", CANCEL)
    assert told(await forward(desk, cancel, PLACED)) == (200, Executed.YES, False)
    assert told(await forward(desk, cancel)) == (200, Executed.YES, True)


async def test_names_are_a_bots_own(desk: Desk) -> None:
    await forward(desk, write(desk, key="k-1"), PLACED)
    other = replace(write(desk, f"{ORDER}&price=1", key="k-1"), bot="other")
    assert told(await forward(desk, other, PLACED)) == (200, Executed.YES, False)


async def test_a_bad_key_is_told_so(desk: Desk) -> None:
    with pytest.raises(BadCall, match="visible ASCII"):
        await forward(desk, write(desk, key="a b"))
    assert desk.journal.asked == 0


async def test_a_repeat_keeps_the_first_one_alive_whose_bot_hung_up(desk: Desk) -> None:
    desk.ledger.block(("account", "desk"), S, "rest")
    first = Bot(desk, write(desk, NAMED))
    await settled()
    second = Bot(desk, write(desk, NAMED, call="c-2"))
    await settled()
    first.hung_up = True
    desk.script.steps = [PLACED]
    await desk.wait(2 * S)
    assert told(await second.task) == (200, Executed.YES, True)
    await first.task
    assert len(desk.sent) == 1


async def test_a_repeat_goes_itself_when_the_first_is_cut_off_unsent(desk: Desk) -> None:
    desk.ledger.block(("account", "desk"), S, "rest")
    first = Bot(desk, write(desk, NAMED))
    await settled()
    second = Bot(desk, write(desk, NAMED, call="c-2"))
    await settled()
    first.task.cancel()
    desk.script.steps = [PLACED]
    await desk.wait(2 * S)
    assert told(await second.task) == (200, Executed.YES, False)
    assert len(desk.sent) == 1


async def test_a_repeat_waits_no_longer_than_its_own_deadline(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step]
    first = Bot(desk, write(desk, NAMED))
    await settled()
    second = Bot(desk, write(desk, NAMED, call="c-2", answer_by_ns=desk.clock.now_ns() + S))
    await settled()
    await desk.wait(S)
    assert told(await second.task) == ("outcome_unknown", Executed.UNKNOWN, True)
    release.set_result(PLACED)
    await first.task


async def test_a_repeat_whose_bot_hung_up_gets_nothing(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step]
    first = Bot(desk, write(desk, NAMED))
    await settled()
    second = Bot(desk, write(desk, NAMED, call="c-2"))
    await settled()
    second.hung_up = True
    release.set_result(PLACED)
    with pytest.raises(Gone):
        await second.task
    await first.task


# Repeats of what has no name


async def test_equal_orders_at_the_same_time_are_two_orders(desk: Desk) -> None:
    (one, step), (two, step2) = held(), held()
    desk.script.steps = [step, step2]
    bots = [Bot(desk, write(desk, call=f"c-{n}")) for n in (1, 2)]
    await settled()
    one.set_result(PLACED)
    two.set_result(PLACED)
    assert [told(await bot.task)[2] for bot in bots] == [False, False]
    assert told(await forward(desk, write(desk, call="c-3"), PLACED)) == (200, Executed.YES, False)
    assert len(desk.sent) == 3


async def test_a_client_that_hangs_up_and_posts_again_gets_the_first_ones_answer(desk: Desk) -> None:
    """cryptocom-exchange: five seconds of patience, then the same order again, up to six times."""
    release, step = held()
    desk.script.steps = [step]
    bots = []
    for number in range(6):
        bots.append(Bot(desk, write(desk, call=f"c-{number}")))
        await settled()
        bots[-1].hung_up = number < 5
    release.set_result(PLACED)
    assert told(await bots[-1].task) == (200, Executed.YES, True)
    await asyncio.gather(*(bot.task for bot in bots), return_exceptions=True)
    assert len(desk.sent) == 1
    assert told(await forward(desk, write(desk, call="c-9"), PLACED)) == (200, Executed.YES, False)


async def test_an_answer_that_came_too_late_is_given_to_the_repeat_once(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step]
    first = Bot(desk, write(desk))
    await settled()
    first.hung_up = True
    release.set_result(PLACED)
    await first.task
    assert told(await forward(desk, write(desk, call="c-2"))) == (200, Executed.YES, True)
    assert told(await forward(desk, write(desk, call="c-3"), PLACED)) == (200, Executed.YES, False)


async def test_an_equal_order_is_not_sent_as_long_as_the_first_is_unknown(desk: Desk) -> None:
    await forward(desk, write(desk), UNKNOWN)
    await desk.wait(3600 * S)
    assert told(await forward(desk, write(desk, call="c-2")))[0] == "outcome_unknown"
    await desk.writes.resolution.settle("c-1", State.ABSENT)
    assert told(await forward(desk, write(desk, call="c-3"), PLACED)) == (200, Executed.YES, False)
    assert desk.writes._twins._unknown == {}


async def test_of_two_equal_unknown_orders_each_is_settled_for_itself(desk: Desk) -> None:
    first, second = held(), held()
    desk.script.steps = [first[1], second[1]]
    bots = [Bot(desk, write(desk, call="c-1")), Bot(desk, write(desk, call="c-2"))]
    await settled()
    for future, _ in (first, second):
        future.set_exception(UNKNOWN)
    assert [told(await bot.task)[0] for bot in bots] == ["outcome_unknown"] * 2
    await desk.writes.resolution.settle("c-1", State.EXECUTED)
    assert told(await forward(desk, write(desk, call="c-3")))[0] == "outcome_unknown" and len(desk.sent) == 2
    await desk.writes.resolution.settle("c-2", State.ABSENT)
    assert told(await forward(desk, write(desk, call="c-4"), PLACED)) == (200, Executed.YES, False)


async def test_after_half_a_minute_an_equal_order_is_not_taken_for_a_repeat(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step]
    first = Bot(desk, write(desk))
    await settled()
    first.hung_up = True
    release.set_result(PLACED)
    await first.task
    await desk.wait(31 * S)
    assert told(await forward(desk, write(desk, call="c-2"), PLACED)) == (200, Executed.YES, False)
    assert desk.writes._twins._missed == {}


async def test_a_cancel_whose_outcome_is_unknown_may_be_sent_again(desk: Desk) -> None:
    query = "symbol=BTCUSDT&origClientOrderId=dummy-1"
    await forward(desk, write(desk, query, name="DELETE /api/v3/order"), UNKNOWN)
    again = await forward(desk, write(desk, query, name="DELETE /api/v3/order", call="c-2"), PLACED)
    assert told(again) == (200, Executed.YES, False)


async def test_an_id_whose_order_may_be_there_is_not_used_for_another(desk: Desk) -> None:
    """By another name or by another bot: the first one could not be found out any more."""
    await forward(desk, write(desk, NAMED, key="k-1"), UNKNOWN)
    for other in (write(desk, NAMED, key="k-2", call="c-2"), replace(write(desk, NAMED, call="c-3"), bot="other")):
        assert told(await forward(desk, other))[0] == "order_busy"
    await desk.writes.resolution.settle("c-1", State.ABSENT)
    assert told(await forward(desk, write(desk, NAMED, key="k-2", call="c-4"), PLACED))[0] == 200
    assert len(desk.writes.resolution.open_ids) == 0
    again = write(desk, NAMED, key="k-3", call="c-5")
    assert told(await forward(desk, again))[0] == "order_busy"  # which of the two it was, a look could not tell
    await desk.wait(4 * S)
    assert told(await forward(desk, again, PLACED))[0] == 200


async def test_such_an_id_is_held_while_the_first_order_is_looked_for(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step, *[error(500, -1000)] * 90]
    desk.writes.resolution.searches = Searches(desk.clock, desk.times, {"desk": desk.pool}, desk.gateway.look)
    first = Bot(desk, write(desk, NAMED, key="k-1"))
    await settled()
    second = Bot(desk, write(desk, NAMED, key="k-2", call="c-2"))
    release.set_exception(UNKNOWN)
    await desk.wait(S)
    assert told(await second.task)[0] == "order_busy" and not first.task.done()
    await desk.writes.resolution.searches.stop()
    await first.task
    assert len(desk.writes.resolution.open_ids) == 1


async def test_an_order_whose_answer_is_long_in_coming_is_looked_for_before_clients_give_up(desk: Desk) -> None:
    await forward(desk, write(desk), PLACED)
    assert desk.sent[0].answer_by_ns - desk.clock.now_ns() <= 6 * S


async def test_another_order_after_an_unknown_one_goes(desk: Desk) -> None:
    await forward(desk, write(desk), UNKNOWN)
    assert told(await forward(desk, write(desk, f"{ORDER}&price=1"), PLACED)) == (200, Executed.YES, False)
    other = replace(write(desk), bot="other")
    assert told(await forward(desk, other, PLACED)) == (200, Executed.YES, False)


# Settled from outside


@pytest.mark.parametrize("given", [{"key": "k-1"}, {"query": NAMED}, {}], ids=["key", "client order id", "no name"])
@pytest.mark.parametrize("state", [State.EXECUTED, State.REJECTED, State.ABSENT])
async def test_what_is_settled_from_outside_is_no_longer_unknown(
    desk: Desk, given: dict[str, str], state: State
) -> None:
    await forward(desk, write(desk, **given), UNKNOWN)
    assert await desk.writes.resolution.settle("c-7", state) is None
    found = await desk.writes.resolution.settle("c-1", state)
    assert found is not None and found.state is state
    assert len(desk.writes.resolution.unknowns) == 0 and await desk.writes.resolution.open_entries() == []
    assert await desk.writes.resolution.settle("c-1", state) is None
    if state is State.EXECUTED and given:
        assert told(await forward(desk, write(desk, call="c-2", **given))) == ("already_executed", Executed.YES, True)
    else:
        assert told(await forward(desk, write(desk, call="c-2", **given), PLACED)) == (200, Executed.YES, False)


async def test_what_is_under_way_is_not_open_and_cannot_be_settled(desk: Desk) -> None:
    release, step = held()
    desk.script.steps = [step]
    bot = Bot(desk, write(desk))
    await settled()
    assert (
        await desk.writes.resolution.open_entries() == []
        and await desk.writes.resolution.settle("c-1", State.ABSENT) is None
    )
    release.set_result(PLACED)
    await bot.task


async def test_the_wait_for_the_journal_is_measured(desk: Desk) -> None:
    await forward(desk, write(desk), PLACED)
    await desk.forward(OK, name=READ)
    assert sum(desk.metrics._journal.counts) == 1


async def test_names_in_memory_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.orders.known.MOST", 3)
    for number in range(5):
        await forward(desk, write(desk, key=f"k-{number}"), PLACED)
    assert [name for _, _, name in desk.writes._known._names] == ["key:k-2", "key:k-3", "key:k-4"]


def test_a_recorded_answer_holds_no_key() -> None:
    echo = answer(400, '{"code":40101,"original":"{\\"api_key\\":\\"dummy-key-canary\\"}"}')
    assert b"canary" not in record(EXCHANGES["cryptocom"], echo).body
