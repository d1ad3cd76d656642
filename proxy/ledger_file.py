"""The ledger's memory on disk: counters, blocks, learned capacities and ages of orders are there after a restart.

The file is replaced every second in which something changed, and once more at a clean stop, which marks it `clean`.
After a crash, calls sent since the last saving are unknown: for each counter the most that was taken between two
savings in the last minutes is assumed (`Counters.restore`). No file: a first start, nothing was used. A file that
cannot be read: there was a process and nothing is known of it, so short limits begin with everything used.
"""

import asyncio
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import orjson

from proxy.clock import MILLISECOND_NS, SECOND_NS, Clock
from proxy.limits.ledger import MemoryLedger
from proxy.order_ages import OrderAges

log = logging.getLogger("ordergate")

FORMAT = 1
_EVERY_NS = SECOND_NS


class LedgerFile:
    """One ledger's file. `load`, then `run` beside the calls, then `close` when no call is under way any more.

    Nothing here raises: without its file the daemon does its work, and the log says what will be forgotten.
    """

    def __init__(self, path: Path, ledger: MemoryLedger, clock: Clock, orders: OrderAges | None = None) -> None:
        self._path = path
        self._ledger = ledger
        self._orders = orders if orders is not None else OrderAges()
        self._clock = clock
        self._writing = threading.Lock()
        self._made = self._written = 0  # a write that was overtaken must not put back an older state
        self._saved_changes: int | None = None  # None: nothing to save before `load`
        self._failing = False

    def load(self) -> None:
        """Fill a new ledger, and mark the file as one whose process runs. Reads and writes the disk."""
        try:
            whole = json.loads(self._path.read_text(encoding="utf-8"))
            if whole["format"] != FORMAT:
                raise ValueError(f"its format is {whole['format']!r}, not {FORMAT}")
            clean = whole["clean"] is True
            state = whole["state"]
            down_ns = _down_ns(int(state["now_ns"]), int(state["wall_ms"]), self._clock)
            self._orders.restore(whole.get("orders", ()), self._clock.now_ns(), down_ns, clean=clean)
            self._ledger.restore(state, down_ns, clean=clean)
        except FileNotFoundError:
            log.info("%s: no counters of an earlier run", self._path)
            self._ledger.prove()
        except OSError as fault:
            self._start_in_doubt(os.strerror(fault.errno or 0))
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
            self._start_in_doubt(f"{type(fault).__name__}: {fault}")
        else:
            ended = "a clean stop" if clean else "a stop without warning: what it may have sent last counts as used"
            log.info("%s: counters and blocks of %.1f s ago, from %s", self._path, down_ns / SECOND_NS, ended)
        self._saved_changes = self._ledger.changes
        self._write(*self._next(clean=False))

    async def run(self) -> None:
        """Save every second in which something changed, until cancelled."""
        while True:
            await self._clock.sleep_until(self._clock.now_ns() + _EVERY_NS)
            await self.save()

    async def save(self) -> None:
        """Save unless nothing changed. The state is taken at once, the disk is written beside the loop."""
        if self._saved_changes is not None and self._saved_changes != self._ledger.changes:
            self._saved_changes = self._ledger.changes
            if not await asyncio.to_thread(self._write, *self._next(clean=False)):
                self._saved_changes = -1  # again in a second

    async def close(self) -> None:
        """Save for the last time, as a clean stop. Without `load` before, the file stays as it is."""
        if self._saved_changes is not None:
            self._saved_changes = None
            await asyncio.to_thread(self._write, *self._next(clean=True))

    def _next(self, *, clean: bool) -> tuple[int, dict[str, Any]]:
        self._made += 1
        orders = self._orders.state(self._clock.now_ns())
        return self._made, {"format": FORMAT, "clean": clean, "state": self._ledger.state(), "orders": orders}

    def _write(self, number: int, whole: dict[str, Any]) -> bool:
        """Replace the file; it would survive a power cut then. False: it could not be written."""
        with self._writing:
            if number <= self._written:
                return True
            try:
                _replace(self._path, orjson.dumps(whole))
            except OSError as fault:
                if not self._failing:
                    why = os.strerror(fault.errno or 0)
                    log.error("%s: cannot be written (%s); a restart would forget what was used", self._path, why)
                self._failing = True
                return False
            self._written, self._failing = number, False
            return True

    def _start_in_doubt(self, why: str) -> None:
        log.error(
            "%s: the counters and blocks of the last run cannot be read (%s). Limits of a minute and less count as "
            "used up for one window, longer ones and blocks begin anew",
            self._path,
            why,
        )
        self._ledger.assume_used()


def _down_ns(then_ns: int, then_wall_ms: int, clock: Clock) -> int:
    """How long ago the file was written; rather too short than too long.

    Until the machine boots again its monotonic clock goes on over restarts of ours, so a wall clock that somebody set
    does not end a block early. After a boot it has begun anew: then it shows too little, or less than `then_ns`.
    """
    by_wall_ns = max(0, clock.wall_ms() - then_wall_ms - 1) * MILLISECOND_NS  # both are cut to milliseconds
    monotonic_ns = clock.now_ns() - then_ns
    return min(monotonic_ns, by_wall_ns) if monotonic_ns >= 0 else by_wall_ns


def _replace(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
