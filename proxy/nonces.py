"""Rising nonces per key, never repeated: a high-water mark is on disk before any nonce below it is used.

A nonce starts at the clock (microseconds) and rises by one per call, so that an exchange's nonce window, which
counts in nonce steps, is the number of calls that may overtake each other. The mark is reserved in blocks: a crash
skips numbers and repeats none.
"""

import asyncio
import json
import os
import threading
from pathlib import Path

from proxy.clock import Clock
from proxy.errors import ConfigError

_BLOCK = 1_000
_REFILL = 500


class Nonces:
    """The nonces of all keys; one file in the state directory.

    `refill` and `lift` may run in a thread beside `take`: the small lock guards the numbers and is never held over
    a write, the other one puts the writes in order, so that an older file never replaces a newer one.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises ConfigError if the file is there but cannot be read."""
        self._path = path
        self._clock = clock
        self._numbers = threading.Lock()
        self._writing = threading.Lock()
        self._marks = _read(path)  # key -> every nonce up to this is reserved on disk
        self._last: dict[str, int] = {}
        self._refilling: set[str] = set()

    def open(self, key: str) -> None:
        """Start a key above everything that was ever reserved for it and above today's clock. Writes to disk."""
        self._start_at(key, max(self._marks.get(key, 0), self._clock.wall_ms() * 1_000))

    def take(self, key: str) -> int:
        """The next nonce. `refill` keeps the reserve from running out; only without it this writes to disk."""
        while True:
            with self._numbers:
                nonce = self._last[key] + 1
                if nonce <= self._marks[key]:
                    self._last[key] = nonce
                    return nonce
            self._reserve(key, nonce + _BLOCK)

    def low(self, key: str) -> bool:
        return key not in self._refilling and self._marks[key] - self._last[key] < _REFILL

    async def refill(self, key: str) -> None:
        """Reserve the next block without holding up the loop, unless that is under way or done already."""
        if self.low(key):
            self._refilling.add(key)
            try:
                await asyncio.to_thread(self._reserve, key, self._marks[key] + _BLOCK)
            finally:
                self._refilling.discard(key)

    def lift(self, key: str) -> None:
        """Jump to a finer unit: another program used this key with nanoseconds. Writes to disk."""
        self._start_at(key, max(self._last[key] + _BLOCK, self._clock.wall_ms() * 1_000_000))

    def _start_at(self, key: str, nonce: int) -> None:
        self._reserve(key, nonce + _BLOCK)
        with self._numbers:
            self._last[key] = max(self._last.get(key, 0), nonce)

    def _reserve(self, key: str, mark: int) -> None:
        """Raise the mark of a key, on disk and then here. Returns once it would survive a power cut."""
        with self._writing:
            if mark > self._marks.get(key, 0):
                marks = self._marks | {key: mark}
                _write(self._path, marks)
                with self._numbers:
                    self._marks = marks


def _read(path: Path) -> dict[str, int]:
    try:
        marks = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as fault:
        raise _unreadable(path, str(fault)) from None
    if not isinstance(marks, dict) or not all(type(mark) is int and mark >= 0 for mark in marks.values()):
        raise _unreadable(path, "not an object of whole numbers")
    return marks


def _unreadable(path: Path, why: str) -> ConfigError:
    text = (
        f"{path}: the nonces in use cannot be read ({why}). Restore the file, or move it away: then nonces start at "
        "the clock again, and are raised if the exchange has seen higher ones"
    )
    return ConfigError([text])


def _write(path: Path, marks: dict[str, int]) -> None:
    """Replace the file; returns once it would survive a power cut."""
    part = path.with_suffix(".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(json.dumps(marks, indent=1))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
