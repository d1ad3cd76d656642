"""Virtual time: an event loop that never waits, and the daemon's Clock on it.

Where a real loop would sleep, this one moves its time to the next timer. A minute costs what its callbacks cost.
"""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from proxy.clock import MILLISECOND_NS, SECOND_NS, Alarm

_T = TypeVar("_T")
_START_NS = 1_000 * SECOND_NS
WALL_START_MS = 1_700_006_400_000 + 6 * 3_600_000  # 06:00 UTC, far from the turn of a day


class _NoWait(selectors.BaseSelector):
    """Asked to wait, it moves the time. Only the loop's own wake-up socket is registered here."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now_ns = _START_NS

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: every task waits for another")
        # A turn of the loop takes a moment here too: a timer that comes too early by a rounding error may set itself
        # anew for the very same time.
        self.now_ns += max(1, math.ceil(timeout * 1e9))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time. No sockets, no threads."""

    def __init__(self) -> None:
        self._no_wait = _NoWait()
        super().__init__(self._no_wait)

    def time(self) -> float:
        return self._no_wait.now_ns / 1e9

    def now_ns(self) -> int:
        return self._no_wait.now_ns


class VirtualClock:
    """proxy.clock.Clock on the running VirtualLoop; monotonic and wall time move together."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        return self._loop.now_ns()

    def wall_ms(self) -> int:
        return WALL_START_MS + (self._loop.now_ns() - _START_NS) // MILLISECOND_NS

    def wall_s(self) -> float:
        """Unix time with fractions, for opponents that read time.time()."""
        return WALL_START_MS / 1e3 + (self._loop.now_ns() - _START_NS) / 1e9

    async def sleep_until(self, at_ns: int) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        alarm = self.call_at(at_ns, lambda: done.done() or done.set_result(None))
        try:
            await done
        finally:
            alarm.cancel()

    def call_at(self, at_ns: int, callback: Callable[[], object]) -> Alarm:
        # One nanosecond later: the loop takes timers that are due within its resolution of one nanosecond.
        return self._loop.call_at((at_ns + 1) / 1e9, callback)


def run(main: Callable[[VirtualClock], Coroutine[Any, Any, _T]]) -> _T:
    """Run `main` to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(VirtualClock(loop)))
