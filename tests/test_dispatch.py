import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.dispatch import Dispatcher, Gone, QueueFull
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape, Usage
from tests.fakes import FakeClock, settled

SECOND = 1_000_000_000
ORDERS = Limit("orders", Scope.ACCOUNT, Shape.SLIDING, 10, 10 * SECOND)
WEIGHT = Limit("weight", Scope.ACCOUNT, Shape.FIXED, 10, 10 * SECOND)
QUOTES = Limit("quotes", Scope.ACCOUNT, Shape.SLIDING, 10, 10 * SECOND, per="symbol")
SMALL = Limit("small", Scope.ACCOUNT, Shape.SLIDING, 1, 4 * SECOND)
BUSY = Limit("in_flight", Scope.KEY, Shape.INFLIGHT, 1, 0)
START = 1_000 * SECOND
FAR = START + 3600 * SECOND


def ask(
    *charges: Charge, call_class: CallClass = CallClass.READ, keys: tuple[str, ...] = ("a",), account: str = "main"
) -> Ask:
    return Ask("binance", account, call_class, charges, tuple(KeyRoutes(key, ("192.0.2.1",)) for key in keys))


class CountingLedger(MemoryLedger):
    """How often a decision was asked for."""

    asked = 0

    def acquire(self, wanted: Ask) -> Permit | NotUntil:
        self.asked += 1
        return super().acquire(wanted)


class Queue:
    """A dispatcher, and what became of the calls that were put to it."""

    def __init__(self, max_waiting: int = 10_000) -> None:
        self.clock = FakeClock(now_ns=START)
        self.ledger = CountingLedger(self.clock)
        self.dispatcher = Dispatcher(self.ledger, self.clock, max_waiting=max_waiting)
        self.served: list[str] = []
        self.permits: dict[str, Permit] = {}
        self.refused: dict[str, NotUntil] = {}
        self.raised: dict[str, Exception] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def _take(self, name: str, found: Coroutine[Any, Any, Permit | NotUntil]) -> None:
        try:
            got = await found
        except (Gone, QueueFull) as fault:
            self.raised[name] = fault
            return
        if isinstance(got, Permit):
            self.served.append(name)
            self.permits[name] = got
        else:
            self.refused[name] = got

    async def put(
        self,
        name: str,
        wanted: Ask,
        *,
        deadline_ns: int = FAR,
        gone: Callable[[], bool] = lambda: False,
        bot: str = "",
        share: float = 1.0,
        priority: int = 0,
    ) -> None:
        found = self.dispatcher.take(
            wanted, deadline_ns=deadline_ns, gone=gone, bot=bot, share=share, priority=priority
        )
        self.tasks[name] = asyncio.ensure_future(self._take(name, found))
        await settled()

    async def settle(self, name: str, *, sent: bool = True) -> None:
        self.dispatcher.settle(self.permits.pop(name), sent=sent, well=True)
        await settled()

    async def many(self, count: int, wanted: Ask, bot: str, share: float = 1.0) -> None:
        """Calls named after the bot and numbered, after those that it has put before."""
        for _ in range(count):
            await self.put(f"{bot}{len(self.tasks)}", wanted, bot=bot, share=share)

    async def windows(self, count: int, length_ns: int = 10 * SECOND) -> Counter[str]:
        """Who was served in so many windows; every call is answered at once."""
        self.served.clear()
        for _ in range(count):
            await self.advance(length_ns)
            for name in list(self.permits):
                await self.settle(name)
        return Counter(name[0] for name in self.served)

    async def advance(self, by_ns: int) -> None:
        self.clock.advance(by_ns)
        await settled()

    async def fill(self, limit: Limit, detail: str = "") -> None:
        await self.put("filler", ask(Charge(limit, limit.capacity, detail)))
        await self.settle("filler")
        self.served.clear()

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


@pytest.fixture
async def queue() -> Any:
    found = Queue()
    yield found
    await found.close()
    assert found.dispatcher.waiting == 0


async def test_with_room_a_permit_comes_at_once(queue: Queue) -> None:
    await queue.put("one", ask(Charge(ORDERS, 1)))
    assert queue.served == ["one"]
    assert queue.dispatcher.waiting == 0
    assert queue.clock.pending() == []


async def test_by_rank_then_by_arrival(queue: Queue) -> None:
    await queue.fill(ORDERS)
    arrivals = [
        ("public", CallClass.PUBLIC),
        ("read", CallClass.READ),
        ("amend", CallClass.AMEND),
        ("place", CallClass.PLACE),
        ("cancel", CallClass.CANCEL),
        ("read again", CallClass.READ),
        ("cancel again", CallClass.CANCEL),
        ("amend again", CallClass.AMEND),
    ]
    for name, call_class in arrivals:
        await queue.put(name, ask(Charge(ORDERS, 1), call_class=call_class))
    assert queue.served == []
    await queue.advance(10 * SECOND)
    assert queue.served == [
        "cancel",
        "cancel again",
        "amend",
        "place",
        "amend again",
        "read",
        "read again",
        "public",
    ]


@pytest.mark.parametrize(("bot", "share"), [("", 1.0), ("only", 0.25), ("only", 8.0)])
async def test_one_bot_alone_is_served_as_if_there_were_no_shares(queue: Queue, bot: str, share: float) -> None:
    """By rank and by arrival, whatever the calls cost and in whichever lanes they stand."""
    await queue.fill(ORDERS)
    wanted = [
        ("r0", ask(Charge(ORDERS, 4))),
        ("r1", ask()),
        ("p0", ask(Charge(ORDERS, 1), call_class=CallClass.PLACE)),
        ("r2", ask(Charge(ORDERS, 1), Charge(QUOTES, 1, "XBTUSD"))),
        ("r3", ask(Charge(ORDERS, 1))),
        ("c0", ask(Charge(ORDERS, 2), call_class=CallClass.CANCEL)),
        ("r4", ask()),
    ]
    queue.dispatcher.block(("account", "main"), 10 * SECOND, "throttled")
    for name, row in wanted:
        await queue.put(name, row, bot=bot, share=share)
    assert queue.served == []
    await queue.advance(10 * SECOND)
    assert queue.served == ["c0", "p0", "r0", "r1", "r2", "r3", "r4"]


async def test_of_equal_rank_the_first_to_come_whatever_its_account(queue: Queue) -> None:
    """Accounts share addresses; the alphabet must not decide who gets them."""
    shared = Limit("weight", Scope.ADDRESS, Shape.SLIDING, 2, 10 * SECOND)
    for _ in range(2):
        await queue.put("filler", ask(Charge(shared, 1)))
        await queue.settle("filler")
    queue.served.clear()
    for name in ("z1", "a1", "z2", "a2"):
        await queue.put(name, ask(Charge(shared, 1), account=name[0]))
    await queue.advance(10 * SECOND)
    assert queue.served == ["z1", "a1"]
    for name in ("z1", "a1"):
        await queue.settle(name)
    await queue.advance(10 * SECOND)
    assert queue.served == ["z1", "a1", "z2", "a2"]


async def test_first_come_first_served_in_a_lane(queue: Queue) -> None:
    await queue.fill(SMALL)
    for n in range(5):
        await queue.put(f"{n}", ask(Charge(SMALL, 1)))
    for n in range(5):
        await queue.advance(4 * SECOND)
        assert queue.served == [f"{k}" for k in range(n + 1)]
        await queue.settle(f"{n}")


@pytest.mark.parametrize(
    "other",
    [
        ask(Charge(ORDERS, 1)),
        ask(Charge(QUOTES, 1, "ETHUSD")),
        ask(),
        ask(Charge(QUOTES, 1, "XBTUSD"), account="second"),
    ],
    ids=["other limit", "other symbol", "no limit", "other account"],
)
async def test_a_lane_that_waits_holds_up_no_other(queue: Queue, other: Ask) -> None:
    await queue.fill(QUOTES, "XBTUSD")
    await queue.put("blocked", ask(Charge(QUOTES, 1, "XBTUSD")))
    await queue.put("other", other)
    assert queue.served == ["other"]


async def test_a_call_pinned_to_a_resting_key_holds_up_no_other(queue: Queue) -> None:
    queue.ledger.block(("key", "main", "a"), 5 * SECOND, "throttled")
    await queue.put("pinned", ask(keys=("a",)))
    await queue.put("free", ask(keys=("a", "b")))
    assert queue.served == ["free"]


async def test_a_class_that_rests_holds_up_no_other(queue: Queue) -> None:
    queue.ledger.block(("account", "main", CallClass.PLACE), 5 * SECOND, "throttled")
    await queue.put("place", ask(call_class=CallClass.PLACE))
    await queue.put("amend", ask(call_class=CallClass.AMEND))
    assert queue.served == ["amend"]


async def test_a_deadline_that_cannot_be_met_is_refused_at_once(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("hurried", ask(Charge(ORDERS, 1)), deadline_ns=START + 9 * SECOND)
    assert queue.refused["hurried"] == NotUntil(10 * SECOND, Scope.ACCOUNT, "orders")
    assert queue.dispatcher.waiting == 0


async def test_also_behind_others(queue: Queue) -> None:
    """Whoever stands behind a head that must wait 10 s cannot go in 5 s, however little it asks for."""
    await queue.fill(ORDERS)
    await queue.put("patient", ask(Charge(ORDERS, 1)))
    await queue.advance(2 * SECOND)
    await queue.put("hurried", ask(Charge(ORDERS, 1)), deadline_ns=START + 7 * SECOND)
    assert queue.refused["hurried"] == NotUntil(8 * SECOND, Scope.ACCOUNT, "orders")
    await queue.put("just in time", ask(Charge(ORDERS, 1)), deadline_ns=START + 10 * SECOND)
    await queue.advance(8 * SECOND)
    assert queue.served == ["patient", "just in time"]


async def test_a_deadline_rings_for_one_that_is_not_the_head(queue: Queue) -> None:
    """Only the end of a call in flight could help, so nobody could tell that it would be too late."""
    await queue.put("busy", ask(Charge(BUSY, 1)))
    await queue.put("patient", ask(Charge(BUSY, 1)))
    await queue.put("hurried", ask(Charge(BUSY, 1)), deadline_ns=START + 3 * SECOND)
    await queue.advance(3 * SECOND - 1)
    assert queue.refused == {}
    await queue.advance(1)
    assert queue.refused == {"hurried": NotUntil(None, Scope.KEY, "in_flight")}
    assert queue.dispatcher.waiting == 1
    await queue.settle("busy")
    assert queue.served == ["busy", "patient"]


async def test_at_the_very_deadline_a_call_may_still_go(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("last moment", ask(Charge(ORDERS, 1)), deadline_ns=START + 10 * SECOND)
    await queue.advance(10 * SECOND)
    assert queue.served == ["last moment"]


async def test_a_deadline_that_is_over_is_not_waited_for(queue: Queue) -> None:
    await queue.put("busy", ask(Charge(BUSY, 1)))
    await queue.put("late", ask(Charge(BUSY, 1)), deadline_ns=START)
    assert queue.refused == {"late": NotUntil(None, Scope.KEY, "in_flight")}


async def test_the_wake_up_is_exact(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("one", ask(Charge(ORDERS, 1)))
    assert queue.clock.pending()[0] == START + 10 * SECOND
    await queue.advance(10 * SECOND - 1)
    assert queue.served == []
    await queue.advance(1)
    assert queue.served == ["one"]
    assert queue.clock.pending() == []  # no alarm is left behind


async def test_the_earliest_lane_sets_the_alarm(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.fill(SMALL)
    await queue.put("later", ask(Charge(ORDERS, 1)))
    await queue.put("sooner", ask(Charge(SMALL, 1)))
    await queue.advance(4 * SECOND)
    assert queue.served == ["sooner"]
    await queue.advance(6 * SECOND)
    assert queue.served == ["sooner", "later"]


async def test_the_end_of_a_call_in_flight_wakes_the_next(queue: Queue) -> None:
    for name in ("one", "two", "three"):
        await queue.put(name, ask(Charge(BUSY, 1)))
    assert queue.served == ["one"]
    await queue.settle("one")
    assert queue.served == ["one", "two"]
    await queue.settle("two", sent=False)
    assert queue.served == ["one", "two", "three"]


async def test_a_busy_key_is_waited_for_though_another_rests_for_long(queue: Queue) -> None:
    queue.ledger.block(("key", "main", "a"), 600 * SECOND, "throttled")
    wanted = ask(Charge(BUSY, 1), keys=("a", "b"))
    await queue.put("one", wanted)
    await queue.put("two", wanted, deadline_ns=START + 2 * SECOND)
    assert queue.refused == {}
    await queue.advance(SECOND)
    await queue.settle("one")
    assert queue.served == ["one", "two"]


async def test_a_resting_key_is_back_on_time_though_another_is_busy(queue: Queue) -> None:
    queue.ledger.block(("key", "main", "a"), 3 * SECOND, "throttled")
    wanted = ask(Charge(BUSY, 1), keys=("a", "b"))
    await queue.put("one", wanted)
    await queue.put("two", wanted)
    await queue.advance(3 * SECOND)
    assert queue.served == ["one", "two"]


async def test_a_lifted_block_wakes(queue: Queue) -> None:
    queue.dispatcher.block(("key", "main", "a"), 600 * SECOND, "no permission")
    await queue.put("one", ask())
    assert queue.served == []
    queue.dispatcher.unblock(("key", "main", "a"))
    await settled()
    assert queue.served == ["one"]


async def test_a_hang_up_frees_the_place(queue: Queue) -> None:
    await queue.fill(ORDERS)
    gone = False
    await queue.put("dear, and gone", ask(Charge(ORDERS, 10)), gone=lambda: gone)
    await queue.put("next", ask(Charge(ORDERS, 1)))
    gone = True
    await queue.advance(10 * SECOND)
    assert isinstance(queue.raised["dear, and gone"], Gone)
    assert queue.served == ["next"]


async def test_a_hang_up_takes_nothing(queue: Queue) -> None:
    await queue.put("busy", ask(Charge(BUSY, 1)))
    gone = False
    await queue.put("gone", ask(Charge(BUSY, 1)), gone=lambda: gone)
    gone = True
    await queue.settle("busy")
    await queue.put("next", ask(Charge(BUSY, 1)))
    assert queue.served == ["busy", "next"]


async def test_a_cancelled_caller_leaves_the_queue(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("cancelled", ask(Charge(ORDERS, 10)))
    await queue.put("next", ask(Charge(ORDERS, 1)))
    queue.tasks["cancelled"].cancel()
    await settled()
    assert queue.dispatcher.waiting == 1
    await queue.advance(10 * SECOND)
    assert queue.served == ["next"]


async def test_whoever_stood_behind_a_cancelled_head_need_not_wait_for_it(queue: Queue) -> None:
    await queue.put("some", ask(Charge(ORDERS, 5)))
    await queue.put("dear", ask(Charge(ORDERS, 6)))
    await queue.put("cheap", ask(Charge(ORDERS, 1)))
    assert queue.served == ["some"]
    queue.tasks["dear"].cancel()
    await settled()
    assert queue.served == ["some", "cheap"]


async def test_a_permit_that_meets_a_cancellation_goes_back(queue: Queue) -> None:
    """The permit is handed out, and before the caller runs again it is cancelled."""
    await queue.put("busy", ask(Charge(BUSY, 1)))
    await queue.put("unlucky", ask(Charge(BUSY, 1)))
    queue.dispatcher.settle(queue.permits.pop("busy"), sent=True, well=True)  # hands it over; nobody has run yet
    queue.tasks["unlucky"].cancel()
    await settled()
    assert queue.served == ["busy"]
    await queue.put("next", ask(Charge(BUSY, 1)))
    assert queue.served == ["busy", "next"]


async def test_the_queue_has_a_length() -> None:
    queue = Queue(max_waiting=3)
    await queue.fill(ORDERS)
    for n in range(5):
        await queue.put(f"{n}", ask(Charge(ORDERS, 1)))
    assert queue.dispatcher.waiting == 3
    assert {name for name, fault in queue.raised.items() if isinstance(fault, QueueFull)} == {"3", "4"}
    await queue.advance(10 * SECOND)
    assert queue.served == ["0", "1", "2"]
    await queue.close()


async def test_a_full_queue_first_lets_go_of_bots_that_hung_up() -> None:
    queue = Queue(max_waiting=3)
    await queue.fill(ORDERS)
    await queue.put("0", ask(Charge(ORDERS, 1)))
    gone = False
    await queue.put("1", ask(Charge(ORDERS, 1)), gone=lambda: gone)
    await queue.put("2", ask(Charge(ORDERS, 1)))
    gone = True
    await queue.put("3", ask(Charge(ORDERS, 1)))
    assert isinstance(queue.raised["1"], Gone)
    await queue.advance(10 * SECOND)
    assert queue.served == ["0", "2", "3"]
    await queue.close()


async def test_small_calls_do_not_starve_an_early_dear_one(queue: Queue) -> None:
    """A stream of cheap calls could take every unit that becomes free, for ever."""
    for n in range(10):
        await queue.put(f"before {n}", ask(Charge(ORDERS, 1)))
        await queue.settle(f"before {n}")
        await queue.advance(SECOND)
    queue.served.clear()
    await queue.put("one more", ask(Charge(ORDERS, 1)))
    await queue.settle("one more")
    queue.served.clear()
    await queue.put("dear", ask(Charge(ORDERS, 8)))
    for n in range(12):
        await queue.put(f"cheap {n}", ask(Charge(ORDERS, 1)))
        await queue.advance(SECOND)
    assert queue.served[0] == "dear"


async def test_a_dear_call_gets_its_turn_in_time(queue: Queue) -> None:
    await queue.put("half", ask(Charge(ORDERS, 5)))
    await queue.settle("half")
    queue.served.clear()
    await queue.put("dear", ask(Charge(ORDERS, 6)))
    await queue.put("cheap", ask(Charge(ORDERS, 1)))
    assert queue.served == []
    await queue.advance(10 * SECOND)
    assert queue.served == ["dear", "cheap"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([CallClass.CANCEL, CallClass.PLACE, CallClass.READ]),
            st.integers(1, 4),
            st.integers(0, 30),
            st.booleans(),
        ),
        max_size=40,
    )
)
@example(
    [(CallClass.CANCEL, units, 0, False) for units in (1, 1, 1, 2, 3)]
    + [
        (CallClass.READ, 3, 9, False),
        (CallClass.CANCEL, 3, 0, False),
        (CallClass.READ, 1, 9, True),
        (CallClass.READ, 1, 0, False),
    ]
)
def test_everybody_is_answered_by_its_deadline_and_nothing_is_overdrawn(
    calls: list[tuple[CallClass, int, int, bool]],
) -> None:
    async def run() -> None:
        queue = Queue()
        for n, (call_class, units, patience, cancels) in enumerate(calls):
            deadline = queue.clock.now_ns() + patience * SECOND
            await queue.put(f"{n}", ask(Charge(ORDERS, units), call_class=call_class), deadline_ns=deadline)
            if cancels and n >= 2:
                queue.tasks[f"{n - 2}"].cancel()
                await settled()  # or the next comes in the midst: after the grant, but before whom it woke
            for name in list(queue.permits):
                await queue.settle(name)
            if n % 3 == 0:
                await queue.advance(SECOND // 2)
            assert all(counter.used <= counter.capacity for counter in queue.ledger.snapshot().counters)
        for _ in range(80):
            await queue.advance(SECOND // 2)
            for name in list(queue.permits):
                await queue.settle(name)
        assert all(task.done() for task in queue.tasks.values())
        assert queue.dispatcher.waiting == 0
        assert queue.clock.pending() == []
        order = [int(name) for name in queue.served]
        for call_class in CallClass:
            same = [n for n in order if calls[n][0] is call_class]
            assert same == sorted(same)

    asyncio.run(run())


# Shares


async def test_bots_share_alike_however_many_calls_they_have_waiting(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for bot, count in (("a", 90), ("b", 40), ("c", 25), ("d", 25)):
        await queue.many(count, ask(Charge(ORDERS, 1)), bot)
    assert await queue.windows(8) == {"a": 20, "b": 20, "c": 20, "d": 20}


async def test_shares_are_weights(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for bot, share in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        await queue.many(40, ask(Charge(ORDERS, 1)), bot, share)
    assert await queue.windows(6) == {"a": 10, "b": 20, "c": 30}


async def test_shares_are_of_units_not_of_calls(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.many(30, ask(Charge(ORDERS, 4)), "a")
    await queue.many(60, ask(Charge(ORDERS, 1)), "b")
    served = await queue.windows(8)
    assert abs(4 * served["a"] - served["b"]) <= 4


async def test_shares_hold_across_lanes(queue: Queue) -> None:
    """The same limit, but one bot's calls are charged on another one too."""
    await queue.fill(ORDERS)
    await queue.many(40, ask(Charge(ORDERS, 1)), "a")
    await queue.many(40, ask(Charge(ORDERS, 1), Charge(QUOTES, 0.1, "XBTUSD")), "b")
    assert await queue.windows(4) == {"a": 20, "b": 20}


async def test_a_bots_own_calls_stay_in_order(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for n in range(12):
        await queue.put(f"a{n}", ask(Charge(ORDERS, 1 + n % 3)), bot="a")
        await queue.put(f"b{n}", ask(Charge(ORDERS, 1)), bot="b")
    await queue.windows(6)
    for bot in "ab":
        assert [name for name in queue.served if name[0] == bot] == [f"{bot}{n}" for n in range(12)]


async def test_a_bot_that_was_away_has_saved_up_nothing(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.many(90, ask(Charge(ORDERS, 1)), "a")
    await queue.many(5, ask(Charge(ORDERS, 1)), "b")
    assert await queue.windows(3) == {"a": 25, "b": 5}
    await queue.many(30, ask(Charge(ORDERS, 1)), "b")
    await queue.many(30, ask(Charge(ORDERS, 1)), "c")
    served = await queue.windows(3)
    assert max(served.values()) - min(served.values()) <= 1


async def test_a_bot_that_comes_often_keeps_its_standing(queue: Queue) -> None:
    """Leaving the queue for a moment must not wipe out what was taken."""
    await queue.fill(ORDERS)
    await queue.many(60, ask(Charge(ORDERS, 1)), "b")
    served: Counter[str] = Counter()
    for _ in range(6):
        await queue.many(5, ask(Charge(ORDERS, 1)), "a")
        served += await queue.windows(1)
    assert served == {"a": 30, "b": 30}


async def test_what_a_bot_takes_of_another_limit_does_not_count_here(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.many(90, ask(Charge(ORDERS, 1)), "a")
    await queue.many(90, ask(Charge(QUOTES, 1, "XBTUSD")), "b")
    await queue.windows(3)
    await queue.many(30, ask(Charge(ORDERS, 1)), "b")
    served = await queue.windows(4)
    assert served == {"a": 20, "b": 60}  # half of the orders, and all quotes


async def test_a_dear_call_of_one_bot_is_not_starved_by_cheap_ones_of_another(queue: Queue) -> None:
    for n in range(10):
        await queue.put(f"before {n}", ask(Charge(ORDERS, 1)), bot="c")
        await queue.settle(f"before {n}")
        await queue.advance(SECOND)
    await queue.many(1, ask(Charge(ORDERS, 1)), "c")
    await queue.settle("c10")
    queue.served.clear()
    await queue.put("dear", ask(Charge(ORDERS, 8)), bot="d")
    for _ in range(30):
        await queue.many(1, ask(Charge(ORDERS, 1)), "c")
        await queue.windows(1, SECOND)
        if "dear" in queue.permits or "dear" in queue.served:
            break
    assert queue.tasks["dear"].done()


OTHER = Limit("other", Scope.ACCOUNT, Shape.SLIDING, 1000, SECOND)


async def steady(queue: Queue) -> None:
    """One unit in each of the last ten seconds."""
    for n in range(10):
        await queue.put(f"before {n}", ask(Charge(ORDERS, 1)), bot="c")
        await queue.settle(f"before {n}")
        await queue.advance(SECOND)


async def crowd(queue: Queue, seconds: int, until: str = "") -> int:
    """One unit of ten becomes free every second, and a cheap call of another lane is always there for it."""
    for second in range(seconds):
        await queue.many(2, ask(Charge(ORDERS, 1)), "c")
        await queue.windows(1, SECOND)
        if until and queue.tasks[until].done():
            return second
    return seconds


async def test_a_dear_call_is_not_starved_by_cheap_ones_of_another_lane(queue: Queue) -> None:
    await steady(queue)
    await crowd(queue, 3)
    await queue.put("dear", ask(Charge(ORDERS, 4), Charge(OTHER, 1)), bot="d")
    # Told to wait for four units, it is passed over once; then the next four are its own.
    assert await crowd(queue, 30, "dear") <= 9
    assert "dear" in queue.served or "dear" in queue.permits


async def test_what_a_dear_call_has_claimed_is_not_kept_from_those_before_it(queue: Queue) -> None:
    await steady(queue)
    await crowd(queue, 3)
    await queue.put("dear", ask(Charge(ORDERS, 4), Charge(OTHER, 1)), bot="d")
    assert await crowd(queue, 6, "dear") == 6
    (claim,) = queue.dispatcher._claims.values()
    assert claim[2] == "orders"
    await queue.put("free", ask(Charge(OTHER, 1)), bot="c")
    await queue.put("urgent", ask(Charge(ORDERS, 1), call_class=CallClass.CANCEL), bot="c")
    await queue.put("late", ask(Charge(ORDERS, 1), call_class=CallClass.PUBLIC), bot="c")
    await queue.windows(1, SECOND)
    assert not queue.tasks["late"].done() and queue.tasks["free"].done() and queue.tasks["urgent"].done()
    assert queue.dispatcher._claims


@pytest.mark.parametrize("how", ["hang up", "cancelled"])
async def test_a_claim_ends_with_its_call(queue: Queue, how: str) -> None:
    await steady(queue)
    await crowd(queue, 3)
    gone: list[bool] = []
    wanted = ask(Charge(ORDERS, 4), Charge(OTHER, 1))
    await queue.put("dear", wanted, bot="d", gone=lambda: bool(gone))
    await crowd(queue, 6)
    assert queue.dispatcher._claims
    before = queue.dispatcher.waiting
    if how == "cancelled":
        queue.tasks["dear"].cancel()
        await settled()
    else:
        gone.append(True)
        await queue.windows(3, SECOND)  # found out when its time comes
    assert not queue.dispatcher._claims and queue.tasks["dear"].done()
    assert queue.dispatcher.waiting <= before - 2  # the room that was kept for it is taken at once


async def test_a_newcomer_that_has_taken_less_goes_before_a_head_that_is_too_dear(queue: Queue) -> None:
    await queue.put("a0", ask(Charge(ORDERS, 5)), bot="a")
    await queue.put("a1", ask(Charge(SMALL, 1)), bot="a")
    await queue.put("waits", ask(Charge(ORDERS, 1), Charge(SMALL, 1)), bot="b")
    await queue.put("a2", ask(Charge(ORDERS, 4)), bot="a")
    await queue.put("a3", ask(Charge(ORDERS, 6)), bot="a")
    assert queue.served == ["a0", "a1", "a2"]
    await queue.put("b0", ask(Charge(ORDERS, 1)), bot="b", deadline_ns=START + SECOND)
    assert queue.served == ["a0", "a1", "a2", "b0"]


async def test_nothing_is_kept_of_those_who_left(queue: Queue) -> None:
    """Symbols come from bots."""
    for n in range(3):
        await queue.fill(QUOTES, f"S{n}")
        await queue.put(f"{n}", ask(Charge(QUOTES, 1, f"S{n}")), bot="a")
    await queue.advance(10 * SECOND)
    assert not queue.dispatcher._contests and not queue.dispatcher._lanes and not queue.dispatcher._until


async def test_cancels_come_first_whatever_their_bot_has_taken(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.many(10, ask(Charge(ORDERS, 1), call_class=CallClass.PLACE), "b")
    await queue.many(9, ask(Charge(ORDERS, 1), call_class=CallClass.CANCEL), "a")
    served = await queue.windows(1)
    assert served == {"a": 9, "b": 1} and queue.served[-1][0] == "b"


async def test_ranks(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for name in ("public", "read", "amend", "place", "close", "cancel"):
        wanted = ask(Charge(ORDERS, 1), call_class=CallClass.PLACE if name == "close" else CallClass(name))
        await queue.put(name, replace(wanted, closes=name == "close"))
    await queue.advance(10 * SECOND)
    assert queue.served == ["cancel", "close", "amend", "place", "read", "public"]


async def test_a_close_goes_before_places_that_came_first_and_does_not_count_against_them(queue: Queue) -> None:
    await queue.fill(ORDERS)
    place = ask(Charge(ORDERS, 1), call_class=CallClass.PLACE)
    await queue.many(12, place, "a")
    await queue.many(1, replace(place, closes=True), "b")
    await queue.many(1, place, "b")
    served = await queue.windows(1)
    assert served == {"a": 8, "b": 2} and queue.served[0][0] == "b"


# A bot's own priorities


async def test_a_bots_own_calls_go_by_their_priority_then_by_arrival(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for n, priority in enumerate([1, 0, -1, 0, 1, -1]):
        await queue.put(f"{n}", ask(Charge(ORDERS, 1)), bot="a", priority=priority)
    await queue.advance(10 * SECOND)
    assert queue.served == ["2", "5", "1", "3", "0", "4"]


async def test_priorities_hold_between_lanes_too(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("low", ask(Charge(ORDERS, 6)), bot="a", priority=1)
    await queue.put("high", ask(Charge(ORDERS, 6), Charge(QUOTES, 1, "XBT")), bot="a", priority=-1)
    await queue.advance(10 * SECOND)
    assert queue.served == ["high"]


async def test_a_priority_moves_no_call_past_another_rank(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("read", ask(Charge(ORDERS, 5)), bot="a", priority=-1)
    await queue.put("place", ask(Charge(ORDERS, 5), call_class=CallClass.PLACE), bot="b", priority=1)
    await queue.put("cancel", ask(Charge(ORDERS, 5), call_class=CallClass.CANCEL), bot="b", priority=1)
    await queue.advance(10 * SECOND)
    assert queue.served == ["cancel", "place"]


async def test_a_priority_takes_nothing_from_the_shares_of_others(queue: Queue) -> None:
    await queue.fill(ORDERS)
    for n in range(30):
        await queue.put(f"loud{n}", ask(Charge(ORDERS, 1)), bot="a", priority=-1)
        await queue.put(f"meek{n}", ask(Charge(ORDERS, 1)), bot="b", priority=1)
    assert await queue.windows(4) == {"l": 20, "m": 20}


async def test_an_urgent_call_is_not_told_the_wait_of_those_behind_it(queue: Queue) -> None:
    """The first of its bot is too dear to go now; the urgent one fits."""
    await queue.put("half", ask(Charge(ORDERS, 5)), bot="a")
    await queue.settle("half")
    await queue.put("dear", ask(Charge(ORDERS, 9)), bot="a")
    await queue.put("urgent", ask(Charge(ORDERS, 1)), bot="a", priority=-1, deadline_ns=START + SECOND)
    await queue.put("behind", ask(Charge(ORDERS, 1)), bot="a", deadline_ns=START + SECOND)
    assert queue.served == ["half", "urgent"] and "behind" in queue.refused


async def test_calls_that_wait_elsewhere_count_in_the_length() -> None:
    queue = Queue(max_waiting=2)
    await queue.fill(ORDERS)
    await queue.put("one", ask(Charge(ORDERS, 1)))
    queue.dispatcher.elsewhere = 1
    await queue.put("two", ask(Charge(ORDERS, 1)))
    assert isinstance(queue.raised["two"], QueueFull) and queue.dispatcher.length == 2
    await queue.close()


# What is looked at again, and when


async def test_an_answer_does_not_wake_lanes_that_only_time_can_free(queue: Queue) -> None:
    for n in range(20):
        await queue.fill(QUOTES, f"S{n}")
        await queue.put(f"waits {n}", ask(Charge(QUOTES, 1, f"S{n}")))
    queue.ledger.asked = 0
    await queue.put("free", ask(Charge(ORDERS, 1)))
    await queue.settle("free")
    assert queue.ledger.asked == 1
    await queue.advance(10 * SECOND)
    assert len(queue.served) == 21


async def test_a_call_behind_others_costs_no_decision(queue: Queue) -> None:
    await queue.fill(ORDERS)
    await queue.put("head", ask(Charge(ORDERS, 1)))
    queue.ledger.asked = 0
    for n in range(5):
        await queue.put(f"{n}", ask(Charge(ORDERS, 1)))
    assert queue.ledger.asked == 0


async def test_what_was_not_sent_is_room_at_once(queue: Queue) -> None:
    await queue.put("half", ask(Charge(ORDERS, 5)))
    await queue.settle("half")
    await queue.put("unsent", ask(Charge(ORDERS, 4)))
    await queue.put("next", ask(Charge(ORDERS, 5)))
    assert queue.served == ["half", "unsent"]
    assert queue.clock.pending()[0] == START + 10 * SECOND  # it is known when `half` falls out
    await queue.settle("unsent", sent=False)
    assert queue.served == ["half", "unsent", "next"]


async def test_calls_that_were_counted_twice_are_room_once_they_are_answered(queue: Queue) -> None:
    """The exchange's count of 6 is of our calls in flight; until their answers come, both are counted."""
    queue.ledger.alignment("binance").set(0, 0)
    for n in range(6):
        await queue.put(f"{n}", ask(Charge(WEIGHT, 1)))
    queue.dispatcher.settle(queue.permits.pop("0"), sent=True, well=True, usage=[Usage("weight", 6)])
    await queue.put("next", ask(Charge(WEIGHT, 1)))
    await settled()
    assert "next" not in queue.served
    assert queue.clock.pending()[0] == START + 10 * SECOND
    await queue.settle("1")
    await queue.settle("2")
    assert "next" in queue.served


async def test_an_edge_that_becomes_known_better_wakes_at_the_next_answer(queue: Queue) -> None:
    align = queue.ledger.alignment("binance")
    align.set(0, 4 * SECOND)
    await queue.advance(5 * SECOND)
    await queue.fill(WEIGHT)
    await queue.put("next", ask(Charge(WEIGHT, 1)))
    await queue.put("free", ask(Charge(SMALL, 1)))
    await queue.advance(6 * SECOND)
    assert queue.served == ["free"]
    align.set(0, SECOND // 10)
    await queue.settle("free")
    assert queue.served == ["free", "next"]


async def test_a_lane_that_is_due_goes_before_a_newcomer_though_its_alarm_has_not_rung(queue: Queue) -> None:
    await queue.fill(SMALL)
    await queue.put("waits", ask(Charge(SMALL, 1)))
    queue.clock._now_ns += 4 * SECOND  # a busy event loop rings late
    await queue.put("newcomer", ask(Charge(SMALL, 1), call_class=CallClass.READ, account="main"))
    assert queue.served == ["waits"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from([(WEIGHT,), (WEIGHT, ORDERS), (ORDERS, BUSY), (QUOTES,), (WEIGHT, QUOTES)]),
            st.integers(1, 4),
            st.sampled_from(["answer", "answer", "unsent", "told", "clock", "nothing"]),
            st.integers(0, 3),
        ),
        max_size=40,
    )
)
def test_nobody_who_could_go_is_left_waiting(steps: list[tuple[str, tuple[Limit, ...], int, str, int]]) -> None:
    """Whatever ends, is told or becomes known: after it, every head that waits has something in its way."""

    async def run() -> None:
        queue = Queue()
        align = queue.ledger.alignment("binance")
        align.set(0, 3 * SECOND)
        noticed = True  # a better clock is heeded with the next answer
        for n, (bot, limits, units, event, seconds) in enumerate(steps):
            charges = [Charge(limit, 1 if limit is BUSY else units, "XBT" * (limit is QUOTES)) for limit in limits]
            await queue.put(f"{n}", ask(*charges), bot=bot, share=1.0 + n % 2)
            name = next(iter(queue.permits), None)
            if event == "clock":
                align.set(0, max(align.error_ns - SECOND, 0))
                noticed = False
            if name is not None and event != "nothing":
                usage = [Usage("weight", len(queue.permits) + units)] if event == "told" else []
                sent = event != "unsent"
                queue.dispatcher.settle(queue.permits.pop(name), sent=sent, well=True, usage=usage)
                noticed = True
                await settled()
            await queue.advance(seconds * SECOND)
            if noticed:
                for lane in queue.dispatcher._lanes.values():
                    assert lane.seen is not None
                    if queue.dispatcher._claimed(lane) is None:
                        assert isinstance(queue.ledger.acquire(lane.seen.ask), NotUntil)
        for _ in range(40):
            for name in list(queue.permits):
                await queue.settle(name)
            await queue.advance(10 * SECOND)
        assert len(queue.served) == len(steps)
        await queue.close()

    asyncio.run(run())


async def test_the_price_of_success_is_room_at_once(queue: Queue) -> None:
    await queue.put("held", ask(Charge(ORDERS, 5)))
    await queue.settle("held")
    await queue.put("free", ask(Charge(ORDERS, 4, accepted=0)))
    await queue.put("next", ask(Charge(ORDERS, 5)))
    assert queue.served == ["held", "free"]
    queue.dispatcher.settle(queue.permits.pop("free"), sent=True, well=True, accepted=True)
    await settled()
    assert queue.served == ["held", "free", "next"]
