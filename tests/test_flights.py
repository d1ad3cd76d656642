"""Who shares whose answer, for how long, and what happens to those who leave. Time is the test's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from proxy.answer import Answer
from proxy.config import AccountConfig, AddressConfig, KeyConfig
from proxy.dispatch import Gone
from proxy.errors import BadCall, MaybeSent
from proxy.exchanges import EXCHANGES
from proxy.flights import Flights, identity, tells_time
from proxy.model import Call, Credential, Incoming, Outcome, Refusal, Reply, Route
from proxy.pool import Pool, pool_of

SECOND = 1_000_000_000
BINANCE = EXCHANGES["binance"]
TICKER = "/api/v3/ticker/price"
ROUTE = Route("desk", None, "127.0.0.2")


@dataclass(eq=False)
class Ring:
    at_ns: int
    callback: Callable[[], None]
    known: list["Ring"]

    def cancel(self) -> None:
        if self in self.known:
            self.known.remove(self)


class Clock:
    """Stands still until moved; alarms ring when it is."""

    def __init__(self) -> None:
        self.ns = 1_000 * SECOND
        self.alarms: list[Ring] = []

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.ns // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        raise AssertionError("nothing sleeps here")

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Ring:
        self.alarms.append(Ring(at_ns, callback, self.alarms))
        return self.alarms[-1]

    def advance(self, by_ns: int) -> None:
        self.ns += by_ns
        for ring in [ring for ring in self.alarms if ring.at_ns <= self.ns]:
            ring.cancel()
            ring.callback()


@dataclass
class Trip:
    """One call on its way to the exchange."""

    call: Call
    unwanted: Callable[[], bool]
    end: "asyncio.Future[Answer]"
    cancelled: bool = False


@dataclass
class Desk:
    """Flights, and callers whose trips the test brings to their ends."""

    clock: Clock = field(default_factory=Clock)
    flights: Flights = field(init=False)
    trips: list[Trip] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.flights = Flights(self.clock, **self.limits)

    async def fly(self, call: Call, unwanted: Callable[[], bool]) -> Answer:
        trip = Trip(call, unwanted, asyncio.get_running_loop().create_future())
        self.trips.append(trip)
        try:
            return await trip.end
        except asyncio.CancelledError:
            trip.cancelled = True
            raise

    def ask(
        self, made: Call, pool: Pool | None = None, gone: Callable[[], bool] = lambda: False
    ) -> "asyncio.Task[Answer]":
        return asyncio.ensure_future(self.flights.share(made, pool or desk_pool(), self.fly, gone))

    def call(self, path: str = TICKER, query: str = "symbol=BTCUSDT", *, left_ns: int = 4 * SECOND, by_ns: int = 0,
             method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> Call:  # fmt: skip
        now = self.clock.ns
        return call(path, query, now + (by_ns or left_ns), now + by_ns if by_ns else 0, method, headers, body)

    async def kept(
        self, pool: Pool, path: str = TICKER, query: str = "symbol=BTCUSDT", reply: Reply | None = None
    ) -> Answer:
        """One call from take-off to landing."""
        before = len(self.trips)
        task = self.ask(self.call(path, query), pool)
        await settled()
        if len(self.trips) > before:
            self.trips[-1].end.set_result(good(reply))
        return await task


def call(path: str, query: str, deadline_ns: int, by_ns: int, method: str, headers: Any, body: bytes) -> Call:
    endpoint = BINANCE.table.match(method, path)
    assert endpoint is not None
    request = Incoming(method, path, query, headers, body)
    upstream = BINANCE.table.products["spot"].upstream
    return Call("c-1", "grid", "desk", endpoint, request, upstream, deadline_ns=deadline_ns, answer_by_ns=by_ns)


def desk_pool(name: str = "desk", address: str = "127.0.0.2", cache_s: int = 0, path: str = TICKER) -> Pool:
    places = (AddressConfig(address, address),)
    key = KeyConfig("main", Credential(name, "main", "dummy-key", b"dummy-secret"), None, 0, places)
    cache = {f"GET {path}": cache_s * SECOND} if cache_s else {}
    return pool_of(AccountConfig(name, "binance", "", places, (key,), {}, {}, {}, (), False, cache), BINANCE)


def reply_of(
    body: bytes = b"{}", status: int = 200, stream: AsyncIterator[bytes] | None = None, took_ns: int = 0
) -> Reply:
    return Reply(status, b"OK", ((b"Content-Type", b"application/json"),), body, took_ns, stream)


def good(reply: Reply | None = None, outcome: Outcome = Outcome.ACCEPTED) -> Answer:
    return Answer(reply or reply_of(), None, ROUTE, 1, 7, 0.5, None, outcome)


def refused(reason: str, attempts: int = 0) -> Answer:
    return Answer(None, Refusal(429, reason, "no"), attempts=attempts)


class Stream:
    """A body that comes piece by piece; `broken`: and then breaks off."""

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self.left = list(pieces)
        self.broken = broken

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        if self.left:
            return self.left.pop(0)
        if self.broken:
            raise MaybeSent("the body broke off")
        raise StopAsyncIteration


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def body_of(answer: Answer) -> bytes:
    assert answer.reply is not None
    pieces = [answer.reply.body]
    if answer.reply.stream is not None:
        pieces += [piece async for piece in answer.reply.stream]
    return b"".join(pieces)


# Who shares


async def test_all_share_one_flight_and_the_next_one_is_another() -> None:
    desk = Desk()
    first, *others = [desk.ask(desk.call()) for _ in range(50)]
    await settled()
    assert len(desk.trips) == 1
    desk.trips[0].end.set_result(good())
    led = await first
    assert led == good() and led.shared == ""
    for other in others:
        joined = await other
        assert joined.reply is led.reply and joined.route == ROUTE
        assert (joined.shared, joined.attempts, joined.queued_ns, joined.remaining) == ("flight", 0, 0, None)
    again = desk.ask(desk.call())
    await settled()
    assert len(desk.trips) == 2
    desk.trips[1].end.set_result(good())
    assert (await again).shared == ""


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"query": "symbol=ETHUSDT"}, False),
        ({"query": "symbol=BTCUSDT&"}, False),
        ({"path": "/api/v3/ticker/bookTicker"}, False),
        ({"headers": (("accept-encoding", "gzip, br"),)}, False),
        ({"headers": (("accept-encoding", "br"),)}, True),
        ({"headers": (("x-mbx-time-unit", "MICROSECOND"),)}, False),
        ({"headers": (("user-agent", "another"), ("accept", "*/*"), ("x-request-id", "7"))}, True),
    ],
)
def test_identical_is_what_the_exchange_would_see_alike(other: dict[str, Any], same: bool) -> None:
    desk = Desk()
    pool = desk_pool()
    assert (identity(desk.call(**other), pool) == identity(desk.call(), pool)) is same


def test_accounts_share_where_they_leave_from_the_same_addresses() -> None:
    found = Desk().call()
    assert identity(found, desk_pool("other")) == identity(found, desk_pool())
    assert identity(found, desk_pool(address="127.0.0.3")) != identity(found, desk_pool())
    elsewhere = replace(found, upstream=replace(found.upstream, host="dummy.example"))
    assert identity(elsewhere, desk_pool()) != identity(found, desk_pool())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v3/account"),
        ("GET", "/api/v3/order"),
        ("POST", "/api/v3/order"),
        ("DELETE", "/api/v3/order"),
        ("GET", "/api/v3/historicalBlockTrades"),  # public, but it carries the key
        ("GET", "/api/v3/time"),
    ],
)
async def test_what_shares_with_nobody(method: str, path: str) -> None:
    desk = Desk()
    pool = desk_pool(cache_s=5, path=path)
    tasks = [desk.ask(desk.call(path, "", method=method), pool) for _ in range(3)]
    await settled()
    assert len(desk.trips) == 3
    for trip in desk.trips:
        trip.end.set_result(good())
    assert [(await task).shared for task in tasks] == ["", "", ""]
    assert desk.flights.held_bytes == 0


def test_a_body_shares_with_nobody() -> None:
    assert identity(Desk().call(body=b"symbol=BTCUSDT"), desk_pool()) is None


@pytest.mark.parametrize(("path", "told"), [("/api/v3/time", True), ("/0/public/Time", True), (TICKER, False)])
def test_tells_time(path: str, told: bool) -> None:
    assert tells_time(path) is told


# Failures


async def test_failures_are_shared() -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()) for _ in range(3)]
    await settled()
    desk.trips[0].end.set_result(refused("upstream_failed", attempts=3))
    for task in tasks:
        answer = await task
        assert answer.refusal is not None and answer.refusal.reason == "upstream_failed"
    assert len(desk.trips) == 1


@pytest.mark.parametrize("fault", [BadCall("bad_request", "no"), RuntimeError("ours")])
async def test_faults_are_shared(fault: Exception) -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()) for _ in range(3)]
    await settled()
    desk.trips[0].end.set_exception(fault)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found == [fault] * 3


async def test_a_refusal_for_want_of_time_is_not_for_those_who_have_more() -> None:
    desk = Desk()
    leader = desk.ask(desk.call(left_ns=SECOND))
    like_it = desk.ask(desk.call(left_ns=SECOND + SECOND // 10))
    patient = [desk.ask(desk.call(left_ns=4 * SECOND)) for _ in range(5)]
    await settled()
    desk.trips[0].end.set_result(refused("rate_limited"))
    assert (await leader).refusal == (await like_it).refusal == refused("rate_limited").refusal
    await settled()
    assert len(desk.trips) == 2 and desk.trips[1].call.deadline_ns == desk.clock.ns + 4 * SECOND
    desk.trips[1].end.set_result(good())
    assert [(await task).shared for task in patient] == ["", *["flight"] * 4]


async def test_a_place_in_the_queue_lasts_no_longer_than_the_callers_own_would() -> None:
    desk = Desk()
    patient = desk.ask(desk.call(left_ns=60 * SECOND))
    await settled()
    usual = [desk.ask(desk.call(left_ns=4 * SECOND)) for _ in range(2)]
    await settled()
    assert [trip.call.deadline_ns - desk.clock.ns for trip in desk.trips] == [60 * SECOND, 4 * SECOND]
    desk.trips[0].end.set_result(good())
    await patient
    late = desk.ask(desk.call(left_ns=4 * SECOND))  # the first flight's end did not close the second
    await settled()
    assert len(desk.trips) == 2
    desk.trips[1].end.set_result(good())
    assert [(await task).shared for task in (*usual, late)] == ["", "flight", "flight"]


# Those who leave


async def test_a_deadline_holds_for_its_caller_alone() -> None:
    desk = Desk()
    leader = desk.ask(desk.call(by_ns=SECOND))
    joiner = desk.ask(desk.call())
    hurried = desk.ask(desk.call(by_ns=2 * SECOND))
    await settled()
    assert desk.trips[0].call.answer_by_ns == 0
    desk.clock.advance(SECOND)
    await settled()
    assert leader.done() and not hurried.done() and not joiner.done()
    desk.clock.advance(SECOND)
    for task in (leader, hurried):
        answer = await task
        assert answer.refusal is not None and (answer.refusal.status, answer.refusal.reason) == (504, "upstream_failed")
        assert answer.shared == ""
    desk.trips[0].end.set_result(good())
    assert (await joiner).reply is not None
    assert len(desk.trips) == 1 and desk.clock.alarms == []


@pytest.mark.parametrize("leaver", [0, 1])
async def test_a_cancelled_caller_leaves_the_others_their_answer(leaver: int) -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()) for _ in range(3)]
    await settled()
    tasks[leaver].cancel()
    await settled()
    late = desk.ask(desk.call())
    await settled()
    desk.trips[0].end.set_result(good())
    stayed = [task for task in (*tasks, late) if task is not tasks[leaver]]
    assert [(await task).reply is None for task in stayed] == [False] * 3
    assert len(desk.trips) == 1


async def test_the_last_to_leave_takes_the_flight_along() -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()), desk.ask(desk.call(by_ns=SECOND))]
    await settled()
    tasks[0].cancel()
    await settled()
    assert not desk.trips[0].cancelled
    desk.clock.advance(SECOND)
    nxt = desk.ask(desk.call())  # comes when the last one has left and the flight does not know it yet
    await settled()
    assert tasks[1].done()
    assert desk.trips[0].cancelled and len(desk.trips) == 2
    desk.trips[1].end.set_result(good())
    assert (await nxt).reply is not None


async def test_a_place_in_the_queue_is_given_up_when_all_have_hung_up() -> None:
    desk = Desk()
    hung = {"first": False, "second": False}
    first = desk.ask(desk.call(), gone=lambda: hung["first"])
    second = desk.ask(desk.call(), gone=lambda: hung["second"])
    await settled()
    hung["first"] = True
    assert not desk.trips[0].unwanted()
    hung["second"] = True
    assert desk.trips[0].unwanted()
    desk.trips[0].end.set_exception(Gone())
    for task in (first, second):
        with pytest.raises(Gone):
            await task


async def test_who_joins_while_the_others_are_found_gone_flies_again() -> None:
    desk = Desk()
    first = desk.ask(desk.call(), gone=lambda: True)
    await settled()
    late = desk.ask(desk.call())  # its turn comes before the flight's end
    desk.trips[0].end.set_exception(Gone())
    await settled()
    with pytest.raises(Gone):
        await first
    assert len(desk.trips) == 2
    desk.trips[1].end.set_result(good())
    assert (await late).reply is not None


# Large answers


async def test_a_stream_with_one_taker_is_handed_on_as_it_comes() -> None:
    desk = Desk()
    stream = Stream(b"two", b"three")
    task = desk.ask(desk.call())
    await settled()
    desk.trips[0].end.set_result(good(reply_of(b"one", stream=stream)))
    answer = await task
    assert answer.reply is not None and answer.reply.stream is stream
    assert stream.left == [b"two", b"three"] and desk.flights.held_bytes == 0


async def test_a_stream_with_several_takers_is_gathered_and_everybody_gets_all_of_it() -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()) for _ in range(4)]
    await settled()
    desk.trips[0].end.set_result(good(reply_of(b"one", stream=Stream(b"two", b"three"))))
    answers = await asyncio.gather(*tasks)
    assert [await body_of(answer) for answer in answers] == [b"onetwothree"] * 4
    assert len(desk.trips) == 1 and desk.flights.held_bytes == 11
    answers.clear()
    tasks.clear()
    await settled()
    del desk.trips[:]
    assert desk.flights.held_bytes == 0


async def test_a_stream_beyond_the_bound_goes_to_one_and_the_others_ask_for_themselves() -> None:
    desk = Desk(limits={"max_bytes": 20})
    tasks = [desk.ask(desk.call(), gone=lambda: True), *(desk.ask(desk.call()) for _ in range(3))]
    await settled()
    desk.trips[0].end.set_result(good(reply_of(b"1234", stream=Stream(b"5678", b"9abc", b"def"))))
    await settled()
    assert len(desk.trips) == 3  # two for themselves; nobody waits for another one's stream
    with pytest.raises(Gone):
        await tasks[0]
    taken = await tasks[1]
    assert await body_of(taken) == b"123456789abcdef" and (taken.shared, taken.attempts) == ("", 1)
    for trip in desk.trips[1:]:
        trip.end.set_result(good(reply_of(b"own")))
    assert [await body_of(await task) for task in tasks[2:]] == [b"own", b"own"]


async def test_a_stream_that_breaks_off_fails_for_all() -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()) for _ in range(2)]
    await settled()
    desk.trips[0].end.set_result(good(reply_of(b"one", stream=Stream(b"two", broken=True))))
    for task in tasks:
        answer = await task
        assert answer.reply is None and answer.refusal is not None
        assert (answer.refusal.status, answer.refusal.reason) == (504, "upstream_failed")
    assert desk.flights.held_bytes == 0


async def test_giving_up_in_the_middle_of_a_stream_frees_it() -> None:
    desk = Desk()
    endless = Stream(*[b"piece"] * 1000)
    tasks = [desk.ask(desk.call()) for _ in range(2)]
    await settled()
    desk.trips[0].end.set_result(good(reply_of(b"one", stream=endless)))
    await settled()
    assert desk.flights.held_bytes > 0
    while tasks:
        tasks.pop().cancel()
    await settled()
    assert desk.flights.held_bytes == 0 and endless.left


# Kept answers


async def test_a_kept_answer_lasts_until_its_time_is_up() -> None:
    desk = Desk()
    pool = desk_pool(cache_s=5)
    assert (await desk.kept(pool, reply=reply_of(b"first"))).shared == ""
    desk.clock.advance(5 * SECOND - 1)
    answer = await desk.kept(pool)
    assert (answer.shared, answer.attempts, await body_of(answer)) == ("cache", 0, b"first")
    desk.clock.advance(1)
    assert (await desk.kept(pool)).shared == ""
    assert len(desk.trips) == 2


async def test_age_counts_from_the_question() -> None:
    desk = Desk()
    await desk.kept(desk_pool(cache_s=5), reply=reply_of(took_ns=2 * SECOND))
    desk.clock.advance(3 * SECOND)
    assert (await desk.kept(desk_pool(cache_s=5))).shared == ""


async def test_nothing_is_kept_or_taken_from_the_kept_without_the_operators_word() -> None:
    desk = Desk()
    await desk.kept(desk_pool())
    assert (await desk.kept(desk_pool(cache_s=5))).shared == ""  # the first was not kept
    assert (await desk.kept(desk_pool("plain"))).shared == ""
    assert (await desk.kept(desk_pool(cache_s=5))).shared == "cache"
    assert (await desk.kept(desk_pool(cache_s=5), query="symbol=ETHUSDT")).shared == ""
    assert (await desk.kept(desk_pool(cache_s=5), path="/api/v3/depth")).shared == ""
    assert (await desk.kept(desk_pool(cache_s=5), path="/api/v3/depth")).shared == ""


async def test_each_account_has_its_own_idea_of_too_old() -> None:
    desk = Desk()
    await desk.kept(desk_pool(cache_s=60))
    desk.clock.advance(10 * SECOND)
    assert (await desk.kept(desk_pool("strict", cache_s=5), reply=reply_of(b"new"))).shared == ""
    assert await body_of(await desk.kept(desk_pool(cache_s=60))) == b"new"


@pytest.mark.parametrize(
    "answer",
    [
        good(reply_of(status=400), Outcome.REFUSED),
        good(reply_of(), Outcome.REFUSED),  # Kraken says no with a 200
        good(reply_of(status=202)),
        good(reply_of(), Outcome.UNKNOWN),
        refused("upstream_failed", 3),
        refused("rate_limited"),
    ],
)
async def test_errors_are_not_kept(answer: Answer) -> None:
    desk = Desk()
    pool = desk_pool(cache_s=5)
    for trips in (1, 2):
        task = desk.ask(desk.call(), pool)
        await settled()
        assert len(desk.trips) == trips
        desk.trips[-1].end.set_result(answer)
        assert (await task).shared == ""
    assert desk.flights.held_bytes == 0


async def test_a_joiners_account_may_keep_what_the_leaders_would_not() -> None:
    desk = Desk()
    tasks = [desk.ask(desk.call()), desk.ask(desk.call(), desk_pool("keeper", cache_s=5))]
    await settled()
    desk.trips[0].end.set_result(good())
    assert [(await task).shared for task in tasks] == ["", "flight"]
    assert (await desk.kept(desk_pool("keeper", cache_s=5))).shared == "cache"


async def test_a_large_answer_is_kept_whole() -> None:
    desk = Desk()
    pool = desk_pool(cache_s=5)
    answer = await desk.kept(pool, reply=reply_of(b"one", stream=Stream(b"two")))
    assert await body_of(answer) == b"onetwo"
    for _ in range(2):
        assert await body_of(await desk.kept(pool)) == b"onetwo"
    assert len(desk.trips) == 1 and desk.flights.held_bytes == 6


async def test_kept_answers_are_bounded_in_number_and_bytes() -> None:
    desk = Desk(limits={"max_kept": 3, "max_bytes": 100})
    pool = desk_pool(cache_s=5)
    for number in range(5):
        await desk.kept(pool, query=f"symbol=D{number}", reply=reply_of(b"x" * 10))
    assert desk.flights.held_bytes == 30
    assert (await desk.kept(pool, query="symbol=D2")).shared == "cache"
    assert (await desk.kept(pool, query="symbol=D1", reply=reply_of(b"x" * 85))).shared == ""
    assert desk.flights.held_bytes == 95  # the oldest two made room
    assert (await desk.kept(pool, query="symbol=D4")).shared == "cache"
    assert (await desk.kept(pool, query="symbol=D9", reply=reply_of(b"x" * 101))).shared == ""
    assert (await desk.kept(pool, query="symbol=D9")).shared == ""
    desk.clock.advance(5 * SECOND)
    await desk.kept(pool, reply=reply_of(b"last"))
    assert desk.flights.held_bytes == 4  # what has expired went first


async def test_an_older_answer_does_not_take_the_place_of_a_newer_one() -> None:
    desk = Desk()
    pool = desk_pool(cache_s=5)
    slow = desk.ask(desk.call(left_ns=60 * SECOND), pool)
    await settled()
    quick = desk.ask(desk.call(), pool)
    await settled()
    desk.clock.advance(2 * SECOND)
    desk.trips[1].end.set_result(good(reply_of(b"newer")))
    await quick
    desk.trips[0].end.set_result(good(reply_of(b"older", took_ns=SECOND)))
    await slow
    assert await body_of(await desk.kept(pool)) == b"newer"
