"""The only reader of clocks. Everything else is handed a Clock or a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

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


async def done_by(clock: Clock, awaited: "asyncio.Future[Any]", by_ns: int) -> bool:
    """Wait for something that goes on without us, until `by_ns` at most; whether it is done."""
    late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    alarm = clock.call_at(by_ns, lambda: None if late.done() else late.set_result(None))
    try:
        await asyncio.wait((awaited, late), return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
        late.cancel()
    return awaited.done()


class SystemClock:
    """The machine's clocks."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        return time.time_ns() // MILLISECOND_NS

    async def sleep_until(self, at_ns: int) -> None:
        reached = asyncio.get_running_loop().create_future()
        alarm = _SystemAlarm(at_ns, lambda: None if reached.done() else reached.set_result(None))
        try:
            await reached
        finally:
            alarm.cancel()

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> Alarm:
        return _SystemAlarm(at_ns, callback)


class _SystemAlarm:
    """Rings when its moment has come. A timer of uvloop may be early by the age of the loop's idea of the time."""

    __slots__ = ("_at_ns", "_callback", "_handle", "_loop")

    def __init__(self, at_ns: int, callback: Callable[[], None]) -> None:
        self._at_ns = at_ns
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle = self._set()

    def _set(self) -> asyncio.TimerHandle:
        return self._loop.call_later(_seconds(max(self._at_ns - time.monotonic_ns(), 0)), self._ring)

    def _ring(self) -> None:
        if time.monotonic_ns() < self._at_ns:
            self._handle = self._set()
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


def _seconds(left_ns: int) -> float:
    """Whole milliseconds, rounded up: uvloop's timers know no finer ones."""
    return -(-left_ns // MILLISECOND_NS) / 1000
