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
        # Rounded up by a microsecond: waking a little early would make a waiter spin.
        while (left := at_ns - time.monotonic_ns()) > 0:
            await asyncio.sleep(left / SECOND_NS + 1e-6)

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Alarm:
        left = max(at_ns - time.monotonic_ns(), 0)
        return asyncio.get_running_loop().call_later(left / SECOND_NS + 1e-6, callback)
