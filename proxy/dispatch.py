"""Who goes next: calls wait here for a permit, cancels before orders before reads, first come first served.

Waiters with the same endpoint class and limits stand in one lane; a lane that must wait never holds up another.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.clock import Alarm, Clock
from proxy.limits.blocks import Subject
from proxy.limits.ledger import Ledger
from proxy.model import Ask, CallClass, NotUntil, Permit, Usage

_RANKS = {CallClass.CANCEL: 0, CallClass.PLACE: 2, CallClass.AMEND: 2, CallClass.READ: 3, CallClass.PUBLIC: 4}


class QueueFull(Exception):
    """The queue is at its length."""


class Gone(Exception):
    """The bot hung up while its call was waiting; nothing was sent."""


@dataclass(slots=True, eq=False)
class _Waiter:
    ask: Ask
    deadline_ns: int
    gone: Callable[[], bool]
    granted: "asyncio.Future[Permit | NotUntil]"


Lane = tuple[int, str, tuple[str, ...]]


class Dispatcher:
    """Hands out the ledger's permits in order. All calls on one event loop; nothing polls."""

    def __init__(self, ledger: Ledger, clock: Clock, *, max_waiting: int = 10_000) -> None:
        self._ledger = ledger
        self._clock = clock
        self._max_waiting = max_waiting
        self._lanes: dict[Lane, deque[_Waiter]] = {}
        self._alarm: Alarm | None = None
        self._alarm_ns = 0
        self.waiting = 0

    async def take(self, ask: Ask, *, deadline_ns: int, gone: Callable[[], bool] = lambda: False) -> Permit | NotUntil:
        """A permit, or NotUntil at once when the wait would outlast the deadline.

        Raises QueueFull, and Gone once the bot has hung up.
        """
        lane = (_RANKS.get(ask.call_class, 3), ask.account, tuple(charge.limit.name for charge in ask.charges))
        if not self.waiting:
            found = self._ledger.acquire(ask)
            if isinstance(found, Permit) or self._too_late(found, deadline_ns):
                return found
        if self.waiting >= self._max_waiting:
            raise QueueFull
        waiter = _Waiter(ask, deadline_ns, gone, asyncio.get_running_loop().create_future())
        self._lanes.setdefault(lane, deque()).append(waiter)
        self.waiting += 1
        self._serve()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._abandon(lane, waiter)
            raise

    def settle(self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = ()) -> None:
        """Close a permit, and let the next one go."""
        self._ledger.settle(permit, sent=sent, well=well, usage=usage)
        if self.waiting:
            self._serve()

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        self._ledger.block(subject, duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self._ledger.unblock(subject)
        if self.waiting:
            self._serve()

    def _too_late(self, found: NotUntil, deadline_ns: int) -> bool:
        return found.wait_ns is not None and self._clock.now_ns() + found.wait_ns > deadline_ns

    def _abandon(self, lane: Lane, waiter: _Waiter) -> None:
        """A cancelled caller leaves the queue; a permit that it was just handed goes back unused."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            found = waiter.granted.result() if waiter.granted.exception() is None else None
            if isinstance(found, Permit):
                self.settle(found, sent=False, well=False)
            return
        queue = self._lanes.get(lane)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            self.waiting -= 1

    def _serve(self) -> None:
        """Grant what fits now, and set the alarm for the next moment at which something may change."""
        wake_ns: int | None = None
        for lane in sorted(self._lanes):
            queue = self._lanes[lane]
            while queue:
                wait_ns = self._serve_head(queue[0])
                if wait_ns is None:
                    queue.popleft()
                    self.waiting -= 1
                    continue
                wake_ns = wait_ns if wake_ns is None else min(wake_ns, wait_ns)
                break
            if not queue:
                del self._lanes[lane]
        self._set_alarm(wake_ns)

    def _serve_head(self, waiter: _Waiter) -> int | None:
        """None when the waiter has its answer, else the moment (monotonic ns) to look again."""
        if waiter.granted.done():
            return None
        if waiter.gone():
            waiter.granted.set_exception(Gone())
            return None
        found = self._ledger.acquire(waiter.ask)
        now = self._clock.now_ns()
        if isinstance(found, Permit) or self._too_late(found, waiter.deadline_ns) or now >= waiter.deadline_ns:
            waiter.granted.set_result(found)
            return None
        return min(waiter.deadline_ns, now + (found.wait_ns if found.wait_ns is not None else waiter.deadline_ns))

    def _set_alarm(self, wake_ns: int | None) -> None:
        if self._alarm is not None:
            if wake_ns == self._alarm_ns:
                return
            self._alarm.cancel()
            self._alarm = None
        if wake_ns is not None:
            self._alarm_ns = wake_ns
            self._alarm = self._clock.call_at(wake_ns, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._serve()
