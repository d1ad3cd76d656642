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

_BLOCK = 1_000
_REFILL = 500


class Nonces:
    """The nonces of all keys; one file in the state directory."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._marks: dict[str, int] = {}  # key -> every nonce up to this is reserved on disk
        self._last: dict[str, int] = {}
        self._refilling = False
        if path.exists():
            self._marks = {key: int(mark) for key, mark in json.loads(path.read_text(encoding="utf-8")).items()}

    def open(self, key: str) -> None:
        """Start a key above everything that was ever reserved for it and above today's clock. Writes to disk."""
        self._last[key] = max(self._marks.get(key, 0), self._clock.wall_ms() * 1_000)
        self._reserve(key)

    def take(self, key: str) -> int:
        """The next nonce. `refill` keeps the reserve from running out; only without it this writes to disk."""
        nonce = self._last[key] + 1
        if nonce > self._marks[key]:
            self._reserve(key)
        self._last[key] = nonce
        return nonce

    def low(self, key: str) -> bool:
        return not self._refilling and self._marks[key] - self._last[key] < _REFILL

    async def refill(self, key: str) -> None:
        """Reserve the next block without holding up the loop."""
        self._refilling = True
        try:
            marks = self._marks | {key: self._marks[key] + _BLOCK}
            await asyncio.to_thread(_write, self._path, marks)
            self._marks = {name: max(mark, self._marks[name]) for name, mark in marks.items()}
        finally:
            self._refilling = False

    def lift(self, key: str) -> None:
        """Jump to a finer unit: another program used this key with nanoseconds. Writes to disk."""
        self._last[key] = max(self._last[key] + _BLOCK, self._clock.wall_ms() * 1_000_000)
        self._reserve(key)

    def _reserve(self, key: str) -> None:
        marks = self._marks | {key: max(self._marks.get(key, 0), self._last[key]) + _BLOCK}
        _write(self._path, marks)
        self._marks = marks


def _write(path: Path, marks: dict[str, int]) -> None:
    """Replace the file; returns once it would survive a power cut."""
    part = path.with_suffix(f".{threading.get_ident()}.part")
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
