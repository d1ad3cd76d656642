"""The journal's thread. It takes whatever has come together and commits it at once, in one statement, so that a burst
of orders costs few syncs and few fights for the interpreter lock. Checkpoints run on a connection of their own beside
it, old rows are deleted in between, and while the file cannot be written it is tried again about once a second.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from proxy.clock import SECOND_NS, Clock
from proxy.errors import JournalDown
from proxy.orders import schema, store
from proxy.orders.jobs import Ask, Change, Job, New, Part, parts
from proxy.orders.reserve import Reserve

log = logging.getLogger("ordergate.journal")

_KEEP_MS = 7 * 86_400_000
_FORGET = 50  # rows at a time, so that no order waits long behind it; more where more came
_IDLE_S = 1.0
_MINUTE_MS = 60_000
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

Answers = list[tuple["asyncio.Future[Any]", Any]]
"""What each that waits is told, in order; an Exception is raised there."""


class Writer:
    """One file, one thread. `hand_in` and `ring` are the event loop's; `deliver` is called in it."""

    def __init__(self, path: Path, clock: Clock, deliver: Callable[[Answers], None], most_bytes: int) -> None:
        self.fault = ""  # why the file cannot be written, "" if it can
        self._path = path
        self._clock = clock
        self._deliver = deliver
        self._most_bytes = most_bytes
        self._jobs: deque[Job] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._rung = False
        self._again: list[Change] = []  # what could not be written yet; oldest first
        self._reserve = Reserve(path.with_name(path.name + ".reserve"))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._forget_again_ms = 0
        self._try_again_ns = 0

    def open(self) -> int:
        """Open or make the file and start; the highest number that a row has had. Raises OSError, sqlite3.Error."""
        with contextlib.suppress(OSError):  # on a full disk reads can be served all the same
            self._reserve.make()
        self.connection = schema.connect(self._path)
        try:
            schema.prepare(self.connection)
            highest = store.highest(self.connection)
        except BaseException:
            self.connection.close()
            raise
        self._stop.clear()
        self._jobs.clear()
        self._threads = [
            threading.Thread(target=self._run, name="journal", daemon=True),
            threading.Thread(target=self._checkpoint, name="journal-checkpoint", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return highest

    def close(self) -> None:
        """Write down what is left, and end. Blocks."""
        if not self._threads:
            return
        self._stop.set()
        self._bell.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
        with contextlib.suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    def hand_in(self, job: Job) -> None:
        """It is done with the next ring, or within a second."""
        self._jobs.append(job)

    def ring(self) -> None:
        """Do all that was handed in, now."""
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    # What follows runs in the thread.

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._bell.get(timeout=_IDLE_S)
            self._rung = False  # before looking: what comes after the look rings again
            came = self._commit()
            if self.fault and self._clock.now_ns() >= self._try_again_ns:
                self._try_out()
            self._forget(came)
        self._commit()

    def _commit(self) -> int:
        """All that was handed in; how many new rows that were."""
        jobs: list[Job] = []
        with contextlib.suppress(IndexError):
            while True:
                jobs.append(self._jobs.popleft())
        again, self._again = self._again, []
        answers: Answers = []
        came = 0
        for part in parts([*again, *jobs]):
            came += len(part.news)
            if self._again:  # nothing may go before an older change of the same row
                self._again += part.changes.values()
                part.changes = {}
            self._write(part, answers)
            for ask in part.asks:
                self._answer(ask, answers)
        if came and self.fault and any(isinstance(answer, int) for _, answer in answers):
            self._try_out()
        if answers:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                answers[0][0].get_loop().call_soon_threadsafe(self._deliver, answers)
        return came

    def _write(self, part: Part, answers: Answers) -> None:
        """In one statement. If a name is taken, row by row; if that or anything else fails, each for itself, so that
        one does not take others along."""
        changes = part.changes.values()
        if not changes and not part.news:
            return
        try:
            try:
                store.hand(self.connection, changes, part.news)
            except sqlite3.IntegrityError:
                answers += self._row_by_row(changes, part.news)
            else:
                answers += [(new.done, new.number) for new in part.news]
        except Exception as fault:
            if isinstance(fault, sqlite3.Error) and _code(fault) in _NO_ROOM:
                self._reserve.spend()
            # Another process holds the file: the next one would wait as long in vain.
            self._each(changes, part.news, answers, fault if _busy(fault) else None)

    def _row_by_row(self, changes: Iterable[Change], news: Iterable[New]) -> Answers:
        """In one transaction."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            store.hand(connection, changes, ())
            answers: Answers = [(new.done, store.insert(connection, new)) for new in news]
            connection.execute("COMMIT")
            return answers
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _each(self, changes: Iterable[Change], news: Iterable[New], answers: Answers, known: Exception | None) -> None:
        """`known`: a fault that all of them share."""
        for change in changes:
            fault = known or self._failure(store.hand, (change,), ())
            if fault is not None and self._disk(fault):
                self._again.append(change)
        for new in news:
            try:
                if known is not None:
                    raise known
                answers.append((new.done, store.insert(self.connection, new)))
            except Exception as own:
                self._disk(own)
                text = f"the order cannot be written down before it is sent: {own}"
                answers.append((new.done, JournalDown(text)))

    def _failure(self, run: Callable[..., Any], *args: Any) -> Exception | None:
        try:
            run(self.connection, *args)
        except Exception as fault:
            return fault
        return None

    def _disk(self, fault: Exception) -> bool:
        """Note a fault. False: the job is the cause, not the disk, and nobody else may suffer for it."""
        if isinstance(fault, sqlite3.Error) and not isinstance(fault, sqlite3.IntegrityError):
            if not self.fault:
                log.error("%s: cannot be written (%s); orders are refused until it can", self._path, fault)
                self._try_again_ns = self._clock.now_ns() + SECOND_NS
            self.fault = str(fault)
            return True
        log.error("%s: an entry cannot be written: %s", self._path, type(fault).__name__)
        return False

    def _answer(self, ask: Ask, answers: Answers) -> None:
        try:
            answers.append((ask.done, ask.run(self.connection, *ask.args)))
        except Exception as fault:
            if ask.changes:
                self._disk(fault)
            answers.append((ask.done, JournalDown(f"the journal cannot be read: {fault}")))

    def _try_out(self) -> None:
        """See whether the fault is gone: there is room for the reserve again, and a write that needs room succeeds."""
        if self._again:
            return  # these are tried first, with the next ring
        self._try_again_ns = self._clock.now_ns() + SECOND_NS
        try:
            self._reserve.make()
            store.try_out(self.connection, self._clock.wall_ms())
        except (OSError, sqlite3.Error) as fault:
            self.fault = str(fault)
            if isinstance(fault, sqlite3.Error) and _code(fault) in _NO_ROOM:
                self._reserve.spend()
        else:
            log.warning("%s: written again", self._path)
            self.fault = ""

    def _forget(self, came: int) -> None:
        """Once a minute what is too old, and while there is too much of it the oldest that ended."""
        now_ms = self._clock.wall_ms()
        if now_ms < self._forget_again_ms:
            return
        most = max(_FORGET, 2 * came)
        try:
            size, free = store.pages(self.connection)
            before_ms = now_ms - _KEEP_MS if size - free <= self._most_bytes else now_ms
            gone = store.forget(self.connection, before_ms, most)
        except sqlite3.Error as fault:
            log.warning("%s: old entries cannot be deleted: %s", self._path, fault)
            gone = 0
        self._forget_again_ms = now_ms if gone == most else now_ms + _MINUTE_MS

    def _checkpoint(self) -> None:
        """In a thread of its own: move the log into the table, beside the writer."""
        connection = schema.connect(self._path)
        while not self._stop.wait(_IDLE_S):
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.close()


def _code(fault: sqlite3.Error) -> int:
    """SQLite's primary code; the connector's own errors have none."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF


def _busy(fault: Exception) -> bool:
    return isinstance(fault, sqlite3.OperationalError) and _code(fault) == sqlite3.SQLITE_BUSY
