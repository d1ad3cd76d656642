"""What the event loop hands to the journal's thread, and how it is drawn together into few statements. Pure."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from proxy.model import Item
from proxy.orders.records import Answer, Entry, Intent, State


@dataclass(slots=True, eq=False)
class New:
    """A row to be. Who waits gets its number, or the entry that has its name."""

    number: int
    intent: Intent
    done: "asyncio.Future[int | Entry]"


@dataclass(frozen=True, slots=True)
class Mark:
    """A new state. `at_ms` counts as its end unless the state is an open one. `free`: its name may be used again."""

    state: State
    answer: Answer | None
    at_ms: int
    free: bool
    items: tuple[Item, ...]


@dataclass(slots=True, eq=False)
class Change:
    """What became of a row: `left` (key, address, valid until), then `mark`. Nobody waits, and it must not get lost."""

    number: int
    left: tuple[str, str, int] | None = None
    mark: Mark | None = None


@dataclass(slots=True, eq=False)
class Ask:
    """A question, `run(connection, *args)`. `changes`: it writes, and what comes later may not go before it."""

    run: Callable[..., Any]
    args: tuple[Any, ...]
    done: "asyncio.Future[Any]"
    changes: bool = False


Job = New | Change | Ask


@dataclass(slots=True, eq=False)
class Part:
    """Work in the order in which it is done: `changes` first, because one may free a name for one of `news`."""

    changes: dict[int, Change] = field(default_factory=dict)
    news: list[New] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)


def parts(jobs: Iterable[Job]) -> list[Part]:
    """The work that is in these jobs, in order; what nobody waits for any more is left out.

    Almost always one part. A question may see more than was handed in before it, never less.
    """
    found = [Part()]
    for job in jobs:
        part = found[-1]
        if isinstance(job, Change):
            known = part.changes.get(job.number)
            if known is None:
                part.changes[job.number] = job
            elif not folded(known, job):
                found.append(Part({job.number: job}))
        elif not job.done.done():
            if isinstance(job, New):
                part.news.append(job)
            else:
                part.asks.append(job)
                if job.changes:
                    found.append(Part())
    return found


def folded(first: Change, later: Change) -> bool:
    """Make one change of two, or say that this cannot be: a write that was judged open and then left once more."""
    if later.left is not None:
        if first.mark is None:
            before_ms = first.left[2] if first.left is not None else 0
            key, address, valid_until_ms = later.left
            first.left = (key, address, max(before_ms, valid_until_ms))
        elif first.mark.state.open:
            return False
    if later.mark is not None:
        mark = later.mark
        free = mark.free or (first.mark is not None and first.mark.free)
        first.mark = Mark(mark.state, mark.answer, mark.at_ms, free, mark.items)
    return True
