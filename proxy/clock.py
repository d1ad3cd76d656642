"""The only reader of clocks. Everything else is handed a Clock or a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000


class Alarm(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic time for waiting, wall time for signatures; both move together in tests."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        ...

    def wall_ms(self) -> int:
        """Unix time in milliseconds, uncorrected."""
        ...

    async def sleep_until(self, at_ns: int) -> None:
        """Return once `now_ns()` has reached `at_ns`."""
        ...

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Alarm:
        """Call back once `now_ns()` has reached `at_ns`."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        return time.time_ns() // MILLISECOND_NS

    async def sleep_until(self, at_ns: int) -> None:
        await asyncio.sleep(_delay_s(at_ns))

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Alarm:
        return asyncio.get_running_loop().call_later(_delay_s(at_ns), callback)


def _delay_s(at_ns: int) -> float:
    """Whole milliseconds, rounded up: uvloop's timers know no finer ones and would round down to too early."""
    left_ns = max(at_ns - time.monotonic_ns(), 0)
    return -(-left_ns // MILLISECOND_NS) / 1000
