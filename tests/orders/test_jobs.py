"""How changes of one write become one, and in what order work is done."""

import asyncio
from typing import Any

import pytest

from proxy.orders.jobs import Ask, Change, Mark, New, folded, parts
from proxy.orders.records import Answer, Intent, State

INTENT = Intent("c-1", "grid", "main", "POST /order", "", b"digest", {}, 1)
LEFT = ("key-1", "192.0.2.1", 9)
SAID = Answer(200, "", b"{}")


def marked(state: State, *, free: bool = False, said: Answer | None = None) -> Mark:
    return Mark(state, said, 5, free, ())


@pytest.mark.parametrize(
    ("first", "later", "left", "mark"),
    [
        (Change(1, LEFT), Change(1, ("key-2", "192.0.2.2", 8)), ("key-2", "192.0.2.2", 9), None),
        (Change(1, LEFT), Change(1, None, marked(State.EXECUTED)), LEFT, marked(State.EXECUTED)),
        (Change(1, None, marked(State.REJECTED)), Change(1, LEFT), None, marked(State.REJECTED)),
        (
            Change(1, LEFT, marked(State.UNKNOWN, said=SAID)),
            Change(1, None, marked(State.ABSENT)),
            LEFT,
            marked(State.ABSENT),
        ),
        (
            Change(1, None, marked(State.REJECTED, free=True)),
            Change(1, None, marked(State.EXECUTED)),
            None,
            marked(State.EXECUTED, free=True),
        ),
    ],
    ids=["left twice", "left and ended", "ended, then left", "judged twice", "a name stays free"],
)
def test_two_become_one(first: Change, later: Change, left: Any, mark: Any) -> None:
    assert folded(first, later)
    assert (first.left, first.mark) == (left, mark)


def test_one_that_leaves_again_after_it_was_judged_open_stays_two() -> None:
    first, later = Change(1, LEFT, marked(State.UNKNOWN)), Change(1, ("key-2", "192.0.2.2", 8))
    assert not folded(first, later)
    found = parts([first, later, Change(1, None, marked(State.EXECUTED))])
    assert [part.changes[1].mark for part in found] == [marked(State.UNKNOWN), marked(State.EXECUTED)]
    assert found[1].changes[1].left == ("key-2", "192.0.2.2", 8)


async def test_work_is_one_part_unless_a_question_changes_something() -> None:
    loop = asyncio.get_running_loop()
    new, gone = New(3, INTENT, loop.create_future()), New(4, INTENT, loop.create_future())
    gone.done.cancel()
    reads = [Ask(print, (), loop.create_future()) for _ in range(2)]
    writes = Ask(print, (), loop.create_future(), True)
    one = Change(1, LEFT)
    found = parts([one, new, reads[0], Change(1, None, marked(State.EXECUTED)), gone, reads[1]])
    assert len(found) == 1 and (found[0].news, found[0].asks) == ([new], reads)
    assert list(found[0].changes.values()) == [one] and one.mark == marked(State.EXECUTED)
    found = parts([writes, Change(1, LEFT), reads[0]])
    assert [(len(part.changes), part.asks) for part in found] == [(0, [writes]), (1, [reads[0]])]
