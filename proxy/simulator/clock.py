"""The simulator's own time: injected, so that tests can move it."""

import time
from typing import Protocol


class SimClock(Protocol):
    """`now_ms`: Unix time in milliseconds, what the exchanges compare timestamps with.

    `monotonic`: seconds, what sliding and decaying counters run on. Both move together.
    """

    def now_ms(self) -> int: ...

    def monotonic(self) -> float: ...


class RealClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """Stands still until told: for tests. Starts at the beginning of a UTC minute."""

    def __init__(self, now_ms: int = 1_700_000_040_000) -> None:
        self._ms = float(now_ms)
        self._monotonic = 1_000.0

    def now_ms(self) -> int:
        return int(self._ms)

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._ms += seconds * 1000
        self._monotonic += seconds
