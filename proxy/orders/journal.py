"""The write-ahead journal: an intent is on the disk before the first byte of its write leaves (law 3).

This is the event loop's side; the file and its thread are in writer.py. Only `intend` waits for the disk, and not for
long: an order that cannot be made durable in time is refused, and nothing has left then.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from proxy.clock import Clock
from proxy.errors import ConfigError, JournalDown
from proxy.model import Item
from proxy.orders import store
from proxy.orders.jobs import Ask, Change, Mark, New, folded
from proxy.orders.records import Answer, Entry, Intent, State
from proxy.orders.writer import Answers, Writer

_DURABLE_WITHIN_S = 0.25
_READ_WITHIN_S = 5.0
_HELD_S = 0.005  # a change waits so long for the next of its write, and for others to be written with
_MOST_BYTES = 1 << 30

Name = tuple[str, str, str]
"""account, bot, name"""


class Journaling(Protocol):
    """A journal, or what stands in for it."""

    async def intend(self, intent: Intent) -> int | Entry: ...
    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None: ...
    def mark(
        self,
        number: int,
        state: State,
        answer: Answer | None = None,
        *,
        free: bool = False,
        items: tuple[Item, ...] = (),
    ) -> None: ...
    async def open_entries(self) -> list[Entry]: ...
    async def ended_since(self, at_ms: int) -> list[Entry]: ...
    async def find(self, account: str, bot: str, name: str) -> Entry | None: ...
    async def names(self, most: int) -> list[Name]: ...
    async def entry(self, call: str) -> Entry | None: ...
    async def resolve(self, call: str, state: State) -> Entry | None: ...


class Journal:
    """One file. `open` before use; all methods but `open` and `close` belong to the event loop and never block it."""

    def __init__(
        self, path: Path, clock: Clock, *, durable_within_s: float = _DURABLE_WITHIN_S, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._path = path
        self._clock = clock
        self._durable_within_s = durable_within_s
        self._writer = Writer(path, clock, self._settle, most_bytes)
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[float, asyncio.Future[int | Entry]]] = deque()
        self._watching = False  # over those that wait
        self._ringing = False
        self._held: dict[int, Change] = {}  # by number
        self._holding = False

    @property
    def fault(self) -> str:
        """Why orders are refused now, "" if they are not."""
        return self._writer.fault

    def open(self) -> None:
        """Open or make the file and start the writer. Raises ConfigError with what to do."""
        try:
            self._number = self._writer.open()
        except (OSError, sqlite3.Error) as fault:
            raise ConfigError([f"{self._path}: the journal of orders cannot be used ({fault}); {_ADVICE}"]) from None

    def close(self) -> None:
        """Write down what is left, and end. Blocks."""
        self._hand_in_held()
        self._writer.close()

    async def intend(self, intent: Intent) -> int | Entry:
        """Make an intent durable: its number. Or the entry of the same name that is there already.

        Raises JournalDown if that fails or takes too long; the write must not be sent then.
        """
        loop = self._running()
        done: asyncio.Future[int | Entry] = loop.create_future()
        self._number += 1
        self._writer.hand_in(New(self._number, intent, done))
        if not self._ringing:
            self._ringing = True
            loop.call_soon(self._ring)  # together with what else this turn of the loop brings
        self._waiting.append((loop.time() + self._durable_within_s, done))
        if not self._watching:
            self._watch()
        return await done

    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None:
        """About to go out, by this key and address; no copy of it is taken after `valid_until_ms`."""
        self._hold(Change(number, (key, address, valid_until_ms)))

    def mark(
        self,
        number: int,
        state: State,
        answer: Answer | None = None,
        *,
        free: bool = False,
        items: tuple[Item, ...] = (),
    ) -> None:
        """What came of it, and of each of its `items`. `free`: its name is nobody's again, for good."""
        self._hold(Change(number, None, Mark(state, answer, self._clock.wall_ms(), free, items)))
        if free:  # the next intent may want the name
            self._writer.hand_in(self._held.pop(number))

    async def resolve(self, call: str, state: State) -> Entry | None:
        """Close an open entry from outside; None if no open one has that call. Raises JournalDown."""
        found: Entry | None = await self._ask(store.resolve, call, state, self._clock.wall_ms(), changes=True)
        return found

    async def find(self, account: str, bot: str, name: str) -> Entry | None:
        """Who holds a name; all that was marked before this counts. Raises JournalDown."""
        found: Entry | None = await self._ask(store.find, account, bot, name)
        return found

    async def names(self, most: int) -> list[Name]:
        """(account, bot, name) of the newest entries that hold one, oldest first. Raises JournalDown."""
        found: list[Name] = await self._ask(store.names, most)
        return found

    async def open_entries(self) -> list[Entry]:
        """All writes of which nobody knows what came of them, oldest first. Raises JournalDown."""
        found: list[Entry] = await self._ask(store.open_entries)
        return found

    async def ended_since(self, at_ms: int) -> list[Entry]:
        """All writes that came to an end then or later, oldest first. Raises JournalDown."""
        found: list[Entry] = await self._ask(store.ended_since, at_ms)
        return found

    async def entry(self, call: str) -> Entry | None:
        """Raises JournalDown."""
        found: Entry | None = await self._ask(store.entry, call)
        return found

    async def _ask(self, run: Callable[..., Any], *args: Any, changes: bool = False) -> Any:
        done: asyncio.Future[Any] = self._running().create_future()
        self._hand_in_held()  # it is to see them
        self._writer.hand_in(Ask(run, args, done, changes))
        self._writer.ring()
        try:
            async with asyncio.timeout(_READ_WITHIN_S):
                return await done
        except TimeoutError:
            raise JournalDown("the journal does not answer") from None

    def _hold(self, change: Change) -> None:
        loop = self._running()
        known = self._held.get(change.number)
        if known is None:
            self._held[change.number] = change
        elif not folded(known, change):
            self._writer.hand_in(known)
            self._held[change.number] = change
        if not self._holding:
            self._holding = True
            loop.call_later(_HELD_S, self._held_long)

    def _held_long(self) -> None:
        self._holding = False
        self._hand_in_held()
        self._writer.ring()

    def _hand_in_held(self) -> None:
        held, self._held = self._held, {}
        for change in held.values():
            self._writer.hand_in(change)

    def _ring(self) -> None:
        self._ringing = False
        self._writer.ring()

    def _running(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the former one ended with whatever was set in it
            self._loop = loop
            self._waiting.clear()
            self._watching = self._ringing = self._holding = False
        return loop

    def _watch(self) -> None:
        """Refuse those who have waited too long. One timer for all of them."""
        loop = self._running()
        waiting, now_s = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now_s):
            _, done = waiting.popleft()
            if not done.done():
                done.set_exception(JournalDown("the disk is too slow to write the order down before it is sent"))
        self._watching = bool(waiting)
        if waiting:
            loop.call_at(waiting[0][0], self._watch)

    def _settle(self, answers: Answers) -> None:
        for done, answer in answers:
            if done.done():
                if isinstance(answer, int):  # given up: nothing was sent, and the journal must not say otherwise
                    self.mark(answer, State.REJECTED, free=True)
            elif isinstance(answer, Exception):
                done.set_exception(answer)
            else:
                done.set_result(answer)


_ADVICE = "see that state_dir is on a local disk with room, and writable for the daemon"
