import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dispatch import Dispatcher, Gone, QueueFull
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from tests.fakes import FakeClock, settled

SECOND = 1_000_000_000
ORDERS = Limit("orders", Scope.ACCOUNT, Shape.SLIDING, 10, 10 * SECOND)
QUOTES = Limit("quotes", Scope.ACCOUNT, Shape.SLIDING, 10, 10 * SECOND, per="symbol")
SMALL = Limit("small", Scope.ACCOUNT, Shape.SLIDING, 1, 4 * SECOND)
BUSY = Limit("in_flight", Scope.KEY, Shape.INFLIGHT, 1, 0)
START = 1_000 * SECOND
FAR = START + 3600 * SECOND


def ask(
    *charges: Charge, call_class: CallClass = CallClass.READ, keys: tuple[str, ...] = ("a",), account: str = "main"
) -> Ask:
    return Ask("binance", account, call_class, charges, tuple(KeyRoutes(key, ("192.0.2.1",)) for key in keys))


class Queue:
    """A dispatcher, and what became of the calls that were put to it."""

    def __init__(self, max_waiting: int = 10_000) -> None:
        self.clock = FakeClock(now_ns=START)
        self.ledger = MemoryLedger(self.clock)
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
        self, name: str, wanted: Ask, *, deadline_ns: int = FAR, gone: Callable[[], bool] = lambda: False
    ) -> None:
        found = self.dispatcher.take(wanted, deadline_ns=deadline_ns, gone=gone)
        self.tasks[name] = asyncio.ensure_future(self._take(name, found))
        await settled()

    async def settle(self, name: str, *, sent: bool = True) -> None:
        self.dispatcher.settle(self.permits.pop(name), sent=sent, well=True)
        await settled()

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
