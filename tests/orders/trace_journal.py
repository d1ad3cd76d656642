"""The journal of the random traces: the real table in memory, and a disk that takes virtual time. No thread."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from typing import Any

from proxy.errors import JournalDown
from proxy.model import Item
from proxy.orders import schema, store
from proxy.orders.jobs import Ask, Change, Job, Mark, New
from proxy.orders.records import Answer, Entry, Intent, State
from tests.fakes import FakeClock
from tests.orders.trace_book import MS


class Disk:
    """What survives a process: the table. `marked`: every end that was ever written down: (call, state, ns).
    `faults`: jobs that the table refused.
    """

    def __init__(self) -> None:
        self.table = sqlite3.connect(":memory:", isolation_level=None)
        schema.prepare(self.table)
        self.marked: list[tuple[str, State, int]] = []
        self.faults: list[str] = []

    def entry(self, call: str) -> Entry | None:
        return store.entry(self.table, call)

    def rows(self) -> list[Entry]:
        calls = self.table.execute("SELECT call FROM writes ORDER BY id").fetchall()
        return [entry for (call,) in calls if (entry := self.entry(call)) is not None]


class TraceJournal:
    """proxy.orders.journal.Journaling of one process: jobs are committed together, in order, a little later.

    `event`: told (call, what) of each step. What is not committed when `dead` is set, is lost.
    """

    def __init__(self, disk: Disk, clock: FakeClock, rng: random.Random, event: Callable[[str, str], None]) -> None:
        self.dead = False
        self._disk = disk
        self._clock = clock
        self._rng = rng
        self._event = event
        self._jobs: list[Job] = []
        self._number = store.highest(disk.table)
        self._calls: dict[int, str] = {}

    def _put(self, job: Job) -> None:
        if self.dead:
            return
        self._jobs.append(job)
        if len(self._jobs) == 1:
            slow_ms = self._rng.choice([1, 1, 2, 5, 20, self._rng.randrange(400)])
            self._clock.call_at(self._clock.now_ns() + slow_ms * MS, self.commit)

    def commit(self) -> None:
        if self.dead:
            return
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            try:
                found = self._carry_out(job)
            except sqlite3.Error as fault:  # the real one would try for ever
                self._disk.faults.append(f"{job}: {fault}")
                continue
            if not isinstance(job, Change) and not job.done.done():
                job.done.set_result(found)
        for job in jobs:
            if isinstance(job, New):
                self._event(job.intent.call, "committed")

    def _carry_out(self, job: Job) -> Any:
        if isinstance(job, Ask):
            return job.run(self._disk.table, *job.args)
        if isinstance(job, New):
            found = store.insert(self._disk.table, job)
            if isinstance(found, int):
                self._calls[found] = job.intent.call
            return found
        store.hand(self._disk.table, [job], [])
        if job.mark is not None:
            self._disk.marked.append((self._call(job.number), job.mark.state, self._clock.now_ns()))
        return None

    def _call(self, number: int) -> str:
        if number not in self._calls:
            row = self._disk.table.execute("SELECT call FROM writes WHERE id = ?", (number,)).fetchone()
            self._calls[number] = row[0] if row is not None else ""
        return self._calls[number]

    async def _ask(self, run: Callable[..., Any], *args: Any) -> Any:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(Ask(run, args, done))
        return await done

    async def intend(self, intent: Intent) -> int | Entry:
        done: asyncio.Future[int | Entry] = asyncio.get_running_loop().create_future()
        self._event(intent.call, "intend")
        self._number += 1
        self._put(New(self._number, intent, done))
        late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        by_ns = self._clock.now_ns() + 250 * MS
        alarm = self._clock.call_at(by_ns, lambda: None if late.done() else late.set_result(None))
        try:
            await asyncio.wait((done, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
            if not done.done():
                done.add_done_callback(self._came_late)
        if done.done():
            return done.result()
        raise JournalDown("dummy: too slow")

    def _came_late(self, done: "asyncio.Future[int | Entry]") -> None:
        if not done.cancelled() and isinstance(number := done.result(), int):
            self.mark(number, State.REJECTED, free=True)

    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None:
        self._put(Change(number, (key, address, valid_until_ms)))
        self._event(self._call(number), "sent")

    def mark(
        self,
        number: int,
        state: State,
        answer: Answer | None = None,
        *,
        free: bool = False,
        items: tuple[Item, ...] = (),
    ) -> None:
        self._put(Change(number, None, Mark(state, answer, self._clock.wall_ms(), free, items)))
        self._event(self._call(number), "mark")

    async def open_entries(self) -> list[Entry]:
        found: list[Entry] = await self._ask(store.open_entries)
        return found

    async def ended_since(self, at_ms: int) -> list[Entry]:
        found: list[Entry] = await self._ask(store.ended_since, at_ms)
        return found

    async def find(self, account: str, bot: str, name: str) -> Entry | None:
        found: Entry | None = await self._ask(store.find, account, bot, name)
        return found

    async def names(self, most: int) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = await self._ask(store.names, most)
        return found

    async def entry(self, call: str) -> Entry | None:
        found: Entry | None = await self._ask(store.entry, call)
        return found

    async def resolve(self, call: str, state: State) -> Entry | None:
        found: Entry | None = await self._ask(store.resolve, call, state, self._clock.wall_ms())
        return found
