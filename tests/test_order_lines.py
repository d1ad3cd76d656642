"""Who waits for whom, in which order they go, and that nobody is stuck or kept."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dispatch import Dispatcher, Gone
from proxy.exchanges.form import Orders
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, Refusal, Scope, Shape
from proxy.order_lines import OrderLines, Turn
from tests.fakes import FakeClock, settled

SECOND = 1_000_000_000
START = 1_000 * SECOND
FAR = START + 3600 * SECOND
SMALL = Limit("small", Scope.ACCOUNT, Shape.SLIDING, 1, 4 * SECOND)


class Desk:
    """Calls by name, and in which order their turn came."""

    def __init__(self, most: int = 100) -> None:
        self.clock = FakeClock(now_ns=START)
        self.dispatcher = Dispatcher(MemoryLedger(self.clock), self.clock, max_waiting=most)
        self.lines = OrderLines(self.clock, self.dispatcher)
        self.went: list[str] = []
        self.ended: dict[str, Refusal | Exception] = {}
        self.turns: dict[str, Turn] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(
        self,
        name: str,
        *own: str,
        tags: tuple[str, ...] = (),
        account: str = "main",
        deadline_ns: int = FAR,
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        turn = self.turns[name] = self.lines.join(account, Orders(own, tags))

        async def wait() -> None:
            try:
                refusal = await self.lines.reached(turn, deadline_ns=deadline_ns, gone=gone)
            except Gone as fault:
                self.ended[name] = fault
                self.lines.leave(turn)
            except asyncio.CancelledError:
                self.lines.leave(turn)
                raise
            else:
                if refusal is None:
                    self.went.append(name)
                else:
                    self.ended[name] = refusal
                    self.lines.leave(turn)

        self.tasks[name] = asyncio.ensure_future(wait())
        await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self.lines.leave(self.turns[name])
            await settled()

    def took(self) -> list[str]:
        """Whose turn came since the last look."""
        took, self.went = self.went, []
        return took


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """At its end all leave, and nothing is kept."""
    made = Desk()
    yield made
    for task in made.tasks.values():
        task.cancel()
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    for turn in made.turns.values():
        made.lines.leave(turn)
    assert not len(made.lines) and made.dispatcher.length == 0


async def test_one_after_another_as_they_came(desk: Desk) -> None:
    for name in ("place", "amend", "cancel"):
        await desk.come(name, "A")
    assert desk.took() == ["place"] and desk.dispatcher.length == 2
    await desk.end("place")
    assert desk.took() == ["amend"]
    await desk.end("amend")
    assert desk.took() == ["cancel"] and desk.dispatcher.length == 0


async def test_other_orders_and_other_accounts_are_free(desk: Desk) -> None:
    await desk.come("a", "A")
    await desk.come("b", "B")
    await desk.come("other", "A", account="second")
    await desk.come("none")
    await desk.come("none too")
    assert desk.took() == ["a", "b", "other", "none", "none too"]


async def test_a_call_that_names_several_waits_for_all(desk: Desk) -> None:
    await desk.come("a", "A")
    await desk.come("b", "B")
    await desk.come("both", "B", "A", "B")
    await desk.come("a2", "A")
    desk.took()
    await desk.end("b")
    assert desk.took() == []
    await desk.end("a")
    assert desk.took() == ["both"]
    await desk.end("both")
    assert desk.took() == ["a2"]


async def test_the_same_orders_named_the_other_way_round_do_not_lock(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.come("ab", "A", "B")
    await desk.come("ba", "B", "A")
    await desk.come("b", "B")
    await desk.end("first")
    assert desk.took() == ["first", "ab"]
    await desk.end("ab", "ba")
    assert desk.took() == ["ba", "b"]


async def test_placings_with_the_same_tag_go_side_by_side_and_the_cancel_after_all_of_them(desk: Desk) -> None:
    await desk.come("p1", tags=("7",))
    await desk.come("p2", tags=("7",))
    await desk.come("cancel", "7")
    await desk.come("p3", tags=("7",))
    await desk.come("p4", tags=("7",))
    assert desk.took() == ["p1", "p2"]
    await desk.end("p2")
    assert desk.took() == []
    await desk.end("p1")
    assert desk.took() == ["cancel"]
    await desk.end("cancel")
    assert desk.took() == ["p3", "p4"]


async def test_a_name_given_as_tag_and_as_order_is_an_order(desk: Desk) -> None:
    await desk.come("both", "7", tags=("7",))
    await desk.come("tag", tags=("7",))
    assert desk.took() == ["both"]


@pytest.mark.parametrize("leaver", ["own", "tag"])
async def test_who_gives_up_in_the_middle_lets_nobody_past_the_first(desk: Desk, leaver: str) -> None:
    await desk.come("first", tags=("7",))
    await desk.come("middle", *(("7",) if leaver == "own" else ()), tags=("7",))
    await desk.come("alone", "7")
    await desk.come("beside", tags=("7",))
    desk.took()
    desk.tasks["middle"].cancel()
    await settled()
    await desk.end("middle")
    assert desk.took() == []
    desk.tasks["alone"].cancel()
    await settled()
    assert desk.took() == ["beside"]  # only the first is before it, and they share


async def test_at_its_deadline_a_call_is_told_what_it_waited_for_and_leaves(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.come("late", "B", "A", deadline_ns=START + SECOND)
    await desk.come("b", "B")
    desk.clock.advance(SECOND - 1)
    await settled()
    assert not desk.ended
    desk.clock.advance(1)
    await settled()
    refusal = desk.ended["late"]
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason, refusal.retry_after_s) == (503, "order_busy", 1)
    assert "order A" in refusal.message
    assert desk.took() == ["first", "b"]


async def test_no_time_at_all(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.come("late", "A", deadline_ns=START)
    assert isinstance(desk.ended["late"], Refusal) and desk.clock.pending() == []


async def test_a_bot_that_hung_up_does_not_go(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.come("gone", "A", gone=lambda: True)
    await desk.come("next", "A")
    desk.took()
    await desk.end("first")
    assert isinstance(desk.ended["gone"], Gone) and desk.took() == ["next"]


async def test_who_is_called_up_and_cancelled_in_one_turn_of_the_loop_passes_it_on(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.come("cancelled", "A")
    await desk.come("next", "A")
    desk.took()
    desk.lines.leave(desk.turns["first"])
    desk.tasks["cancelled"].cancel()
    await settled()
    assert desk.took() == ["next"]


async def test_leaving_twice_takes_nobody_elses_place(desk: Desk) -> None:
    await desk.come("first", "A")
    await desk.end("first")
    await desk.come("second", "A")
    await desk.come("third", "A")
    await desk.end("first")
    assert desk.took() == ["first", "second"]


async def test_who_waits_here_counts_in_the_length_of_the_queue_and_hung_up_ones_make_room() -> None:
    desk = Desk(most=2)
    hung_up: list[str] = []
    await desk.come("first", "A")
    for name in ("w1", "w2"):
        await desk.come(name, "A", gone=lambda: bool(hung_up))
    await desk.come("full", "A")
    refusal = desk.ended["full"]
    assert isinstance(refusal, Refusal) and refusal.reason == "queue_full"
    ask = Ask("x", "main", CallClass.READ, (Charge(SMALL, 1),), (KeyRoutes("k", ("192.0.2.1",)),))
    assert desk.dispatcher.crowded()
    await desk.dispatcher.take(ask, deadline_ns=FAR)  # who need not wait finds no full queue
    hung_up.append("both")
    desk.clock.advance(SECOND)
    await desk.come("room", "A")
    assert desk.dispatcher.length == 1 and set(desk.ended) == {"full", "w1", "w2"}
    await desk.end("first")
    assert desk.took() == ["first", "room"]


async def test_endless_lists_of_names_are_cut(desk: Desk) -> None:
    await desk.come("many", *map(str, range(10_000)), tags=tuple(map(str, range(20_000, 30_000))))
    assert len(desk.lines) <= 400


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_comes_and_leaves_the_order_holds_and_all_get_their_turn(seed: int) -> None:
    """Against the rule itself: a call goes once every earlier one that it conflicts with has left, not before."""
    rng = random.Random(seed)

    async def run() -> None:
        desk = Desk()
        came: list[tuple[str, set[str], set[str]]] = []
        left: set[str] = set()
        for n in range(60):
            if rng.random() < 0.6:
                own = {str(rng.randrange(5)) for _ in range(rng.choice([0, 1, 1, 2, 3]))}
                tags = {str(rng.randrange(5)) for _ in range(rng.choice([0, 0, 1, 2]))}
                came.append((f"{n}", own, tags - own))
                await desk.come(f"{n}", *own, tags=tuple(tags))
            else:
                running = [name for name, _, _ in came if name not in left]
                if running:
                    name = rng.choice(running)
                    if name not in desk.went:
                        desk.tasks[name].cancel()
                        await settled()
                    await desk.end(name)
                    left.add(name)
            check(came, left, desk.went)
        while len(left) < len(came):
            name = next(name for name, _, _ in came if name not in left and name in desk.went)
            await desk.end(name)
            left.add(name)
            check(came, left, desk.went)
        assert not len(desk.lines)

    def check(came: list[tuple[str, set[str], set[str]]], left: set[str], went: list[str]) -> None:
        for at, (name, own, tags) in enumerate(came):
            if name in left:
                continue
            held = any(
                other not in left and (own & (their_own | their_tags) or tags & their_own)
                for other, their_own, their_tags in came[:at]
            )
            assert (name in went) is not held

    asyncio.run(run())
