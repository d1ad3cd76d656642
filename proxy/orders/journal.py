"""The write-ahead journal: an intent is on the disk before the first byte of its write leaves (law 3).

One thread writes. It takes whatever has come together and commits it at once, so that a burst of orders costs few
syncs. Checkpoints run on a connection of their own beside it. Only `intend` waits for the disk, and not for long: an
order that cannot be made durable in time is refused, and nothing has left then.
"""

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from proxy.clock import Clock
from proxy.errors import ConfigError, JournalDown
from proxy.model import Item
from proxy.orders import store
from proxy.orders.records import Answer, Entry, Intent, State

log = logging.getLogger("ordergate.journal")

_DURABLE_WITHIN_S = 0.25
_READ_WITHIN_S = 5.0
_BATCH = 256
_KEEP_MS = 7 * 86_400_000
_MOST_BYTES = 1 << 30
_RESERVE_BYTES = 4 << 20  # given back to the file system when it is full, so that answers can still be written down
_FORGET = 50  # rows at a time, so that no order waits long behind it
_IDLE_S = 1.0
_MINUTE_MS = 60_000


@dataclass(slots=True)
class _Job:
    """One piece of work for the writer. Without `done` it must not get lost: it is tried again."""

    run: Callable[..., Any]
    args: tuple[Any, ...]
    done: "asyncio.Future[Any] | None" = None


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
    async def find(self, account: str, bot: str, name: str) -> Entry | None: ...
    async def names(self, most: int) -> list[Name]: ...
    async def entry(self, call: str) -> Entry | None: ...
    async def resolve(self, call: str, state: State) -> Entry | None: ...


class Journal:
    """One file. `open` before use; all methods but `open` and `close` belong to the event loop and never block it."""

    def __init__(
        self, path: Path, clock: Clock, *, durable_within_s: float = _DURABLE_WITHIN_S, most_bytes: int = _MOST_BYTES
    ) -> None:
        self.fault = ""  # why orders are refused now, "" if they are not
        self._path = path
        self._clock = clock
        self._durable_within_s = durable_within_s
        self._most_bytes = most_bytes
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._again: list[_Job] = []  # what could not be written yet; the writer's own
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._forget_again_ms = 0

    def open(self) -> None:
        """Open or make the file and start the writer. Raises ConfigError with what to do."""
        try:
            self._make_reserve_quietly()  # on a full disk reads can be served all the same
            self._connection = store.connect(self._path)
            store.prepare(self._connection)
        except (OSError, sqlite3.Error) as fault:
            raise ConfigError([f"{self._path}: the journal of orders cannot be used ({fault}); {_ADVICE}"]) from None
        self._threads = [
            threading.Thread(target=self._write, name="journal", daemon=True),
            threading.Thread(target=self._checkpoint, name="journal-checkpoint", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Write down what is left, and end. Blocks."""
        if not self._threads:
            return
        self._stop.set()
        self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    async def intend(self, intent: Intent) -> int | Entry:
        """Make an intent durable: its number. Or the entry of the same name that is there already.

        Raises JournalDown if that fails or takes too long; the write must not be sent then.
        """
        done: asyncio.Future[int | Entry] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(store.insert, (intent,), done))
        try:
            async with asyncio.timeout(self._durable_within_s):
                return await asyncio.shield(done)
        except TimeoutError:
            done.add_done_callback(self._came_late)
            raise JournalDown("the disk is too slow to write the order down before it is sent") from None
        except asyncio.CancelledError:
            done.add_done_callback(self._came_late)
            raise
        except Exception as fault:
            raise JournalDown(f"the order cannot be written down before it is sent: {fault}") from None

    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None:
        """About to go out, by this key and address; no copy of it is taken after `valid_until_ms`."""
        self._jobs.put(_Job(store.sent, (number, key, address, valid_until_ms)))

    def mark(
        self,
        number: int,
        state: State,
        answer: Answer | None = None,
        *,
        free: bool = False,
        items: tuple[Item, ...] = (),
    ) -> None:
        """What came of it. `free`: its name is nobody's again."""
        self._jobs.put(_Job(store.mark, (number, state, answer, self._clock.wall_ms(), free)))

    async def resolve(self, call: str, state: State) -> Entry | None:
        """Close an open entry from outside; None if no open one has that call. Raises JournalDown."""
        found: Entry | None = await self._ask(store.resolve, call, state, self._clock.wall_ms())
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

    async def entry(self, call: str) -> Entry | None:
        """Raises JournalDown."""
        found: Entry | None = await self._ask(store.entry, call)
        return found

    async def _ask(self, run: Callable[..., Any], *args: Any) -> Any:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(run, args, done))
        try:
            async with asyncio.timeout(_READ_WITHIN_S):
                return await done
        except TimeoutError:
            raise JournalDown("the journal does not answer") from None
        except Exception as fault:
            raise JournalDown(f"the journal cannot be read: {fault}") from None

    def _came_late(self, done: "asyncio.Future[int | Entry]") -> None:
        """Its caller had given up: nothing was sent, and the journal must not say otherwise."""
        if not done.cancelled() and done.exception() is None and isinstance(number := done.result(), int):
            self.mark(number, State.REJECTED, free=True)

    # What follows runs in the writer's thread.

    def _write(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                break
            if batch or self._again:
                self._commit([*self._again, *batch])
            self._forget()
        self._commit(self._again)

    def _next_batch(self) -> list[_Job] | None:
        """What waits now, after waiting a while for the first; None at the end."""
        batch: list[_Job] = []
        with contextlib.suppress(queue.Empty):
            job = self._jobs.get(timeout=_IDLE_S)
            while job is not None:
                if job.done is None or not job.done.cancelled():
                    batch.append(job)
                if len(batch) >= _BATCH:
                    return batch
                job = self._jobs.get_nowait()
            self._commit([*self._again, *batch])
            return None
        return batch

    def _commit(self, batch: list[_Job]) -> None:
        """All of it in one transaction; if that fails, each for itself, so that one does not take others along."""
        self._again = []
        answers: list[tuple[_Job, Any]] = []
        try:
            answers = self._transaction(batch)
        except Exception as fault:
            self._spend_reserve()
            busy = _busy(fault)  # another process holds the file: the next one would wait as long in vain
            for job in batch:
                try:
                    if busy:
                        raise fault
                    answers += self._transaction([job])
                except sqlite3.Error as own:
                    self._failed(job, own, answers)
                except Exception as own:  # the job is the cause, not the disk: nobody else may suffer for it
                    log.error("%s: an entry cannot be written: %s", self._path, type(own).__name__)
                    answers += [(job, own)] if job.done is not None else []
        else:
            if self.fault and any(job.run is store.insert for job in batch):
                log.warning("%s: written again", self._path)
                self.fault = ""
                self._make_reserve_quietly()
        self._deliver(answers)

    def _transaction(self, batch: list[_Job]) -> list[tuple[_Job, Any]]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [(job, job.run(connection, *job.args)) for job in batch]
            connection.execute("COMMIT")
            return answers
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _failed(self, job: _Job, fault: sqlite3.Error, answers: list[tuple[_Job, Any]]) -> None:
        if not self.fault:
            log.error("%s: cannot be written (%s); orders are refused until it can", self._path, fault)
        self.fault = str(fault)
        if job.done is None:
            self._again.append(job)
        else:
            answers.append((job, fault))

    def _deliver(self, answers: list[tuple[_Job, Any]]) -> None:
        waited = [(job.done, answer) for job, answer in answers if job.done is not None]
        if waited:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                waited[0][0].get_loop().call_soon_threadsafe(_settle, waited)

    def _forget(self) -> None:
        """Once a minute what is too old, and while there is too much of it the oldest that ended."""
        now_ms = self._clock.wall_ms()
        if now_ms < self._forget_again_ms:
            return
        try:
            size, free = store.pages(self._connection)
            before_ms = now_ms - _KEEP_MS if size - free <= self._most_bytes else now_ms
            gone = self._transaction([_Job(store.forget, (before_ms, _FORGET))])[0][1]
        except sqlite3.Error as fault:
            log.warning("%s: old entries cannot be deleted: %s", self._path, fault)
            gone = 0
        self._forget_again_ms = now_ms if gone == _FORGET else now_ms + _MINUTE_MS

    def _checkpoint(self) -> None:
        """In a thread of its own: move the log into the table, beside the writer."""
        connection = store.connect(self._path)
        while not self._stop.wait(_IDLE_S):
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.close()

    @property
    def _reserve(self) -> Path:
        return self._path.with_name(self._path.name + ".reserve")

    def _make_reserve(self) -> None:
        if not self._reserve.exists():
            with open(self._reserve, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)

    def _make_reserve_quietly(self) -> None:
        with contextlib.suppress(OSError):
            self._make_reserve()

    def _spend_reserve(self) -> None:
        with contextlib.suppress(OSError):
            self._reserve.unlink()


_ADVICE = "see that state_dir is on a local disk with room, and writable for the daemon"


def _busy(fault: Exception) -> bool:
    return isinstance(fault, sqlite3.OperationalError) and fault.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _settle(waited: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for done, answer in waited:
        if done.done():
            continue
        if isinstance(answer, Exception):
            done.set_exception(answer)
        else:
            done.set_result(answer)
