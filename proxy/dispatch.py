"""Who goes next: calls wait here for a permit, cancels before orders before reads, first come first served.

Waiters of one class with the same keys and limits stand in one lane; a lane that must wait never holds up another.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heapreplace

from proxy.clock import SECOND_NS, Alarm, Clock
from proxy.limits.blocks import Subject
from proxy.limits.ledger import Ledger
from proxy.model import Ask, CallClass, NotUntil, Permit, Scope, Usage

_RANKS = {CallClass.CANCEL: 0, CallClass.PLACE: 2, CallClass.AMEND: 2, CallClass.READ: 3, CallClass.PUBLIC: 4}


class QueueFull(Exception):
    """The queue is at its length."""


class Gone(Exception):
    """The bot hung up while its call was waiting; nothing was sent."""


@dataclass(slots=True, eq=False)
class _Waiter:
    number: int  # the order of arrival
    ask: Ask
    deadline_ns: int
    gone: Callable[[], bool]
    granted: "asyncio.Future[Permit | NotUntil]"
    alarm: Alarm | None = None


@dataclass(slots=True)
class _Lane:
    """Waiters that the same limits and blocks hold up. `held`: what was in the head's way, looked at `held_ns`."""

    rank: int
    queue: deque[_Waiter] = field(default_factory=deque)
    held: NotUntil | None = None
    held_ns: int = 0

    def at_least(self, now_ns: int) -> NotUntil | None:
        """What holds the head holds all behind it, for what is left of that wait."""
        held = self.held
        if held is None or held.wait_ns is None:
            return held
        return replace(held, wait_ns=max(held.wait_ns - (now_ns - self.held_ns), 0))


_LaneName = tuple[CallClass, str, tuple[str | None, ...], tuple[tuple[str, str], ...]]


def _lane_name(ask: Ask) -> _LaneName:
    keys = tuple(routes.key for routes in ask.routes)
    return (ask.call_class, ask.account, keys, tuple((charge.limit.name, charge.detail) for charge in ask.charges))


class Dispatcher:
    """Hands out the ledger's permits in order. All calls on one event loop; nothing polls."""

    def __init__(self, ledger: Ledger, clock: Clock, *, max_waiting: int = 10_000) -> None:
        self._ledger = ledger
        self._clock = clock
        self._max_waiting = max_waiting
        self._lanes: dict[_LaneName, _Lane] = {}
        self._alarm: Alarm | None = None
        self._alarm_ns = 0
        self._numbers = 0
        self._sweep_again_ns = 0
        self.waiting = 0

    async def take(self, ask: Ask, *, deadline_ns: int, gone: Callable[[], bool] = lambda: False) -> Permit | NotUntil:
        """A permit, or NotUntil at once when the wait would outlast the deadline.

        Raises QueueFull, and Gone once the bot has hung up.
        """
        if not self.waiting:
            found = self._ledger.acquire(ask)
            if isinstance(found, Permit) or self._too_late(found, deadline_ns):
                return found
        name = _lane_name(ask)
        lane = self._lanes.get(name)
        held = lane.at_least(self._clock.now_ns()) if lane is not None else None
        if held is not None and self._too_late(held, deadline_ns):
            return held
        if self.waiting >= self._max_waiting:
            self._sweep()
            if self.waiting >= self._max_waiting:
                raise QueueFull
        self._numbers += 1
        waiter = _Waiter(self._numbers, ask, deadline_ns, gone, asyncio.get_running_loop().create_future())
        lane = self._lanes.setdefault(name, _Lane(_RANKS.get(ask.call_class, 3)))
        lane.queue.append(waiter)
        self.waiting += 1
        self._serve()
        if not waiter.granted.done():
            waiter.alarm = self._clock.call_at(deadline_ns, lambda: self._expire(name, waiter))
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._abandon(name, waiter)
            raise
        finally:
            if waiter.alarm is not None:
                waiter.alarm.cancel()

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
        now = self._clock.now_ns()
        if found.wait_ns is None or found.sooner:
            return now >= deadline_ns
        return now + found.wait_ns > deadline_ns

    def _expire(self, name: _LaneName, waiter: _Waiter) -> None:
        """The deadline of a waiter: its very last chance, then it is told what held it up."""
        self._serve()
        lane = self._lanes.get(name)
        if lane is not None and not waiter.granted.done():
            held = lane.at_least(self._clock.now_ns())
            waiter.granted.set_result(held or NotUntil(None, Scope.ACCOUNT, "the queue"))
            self._leave(name, lane, waiter)

    def _abandon(self, name: _LaneName, waiter: _Waiter) -> None:
        """A cancelled caller leaves the queue; a permit that it was just handed goes back unused."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            found = waiter.granted.result() if waiter.granted.exception() is None else None
            if isinstance(found, Permit):
                self.settle(found, sent=False, well=False)
            return
        lane = self._lanes.get(name)
        if lane is not None and waiter in lane.queue:
            self._leave(name, lane, waiter)

    def _leave(self, name: _LaneName, lane: _Lane, waiter: _Waiter) -> None:
        was_head = lane.queue[0] is waiter
        lane.queue.remove(waiter)
        self.waiting -= 1
        if not lane.queue:
            del self._lanes[name]
        elif was_head:
            self._serve()

    def _sweep(self) -> None:
        """Make room in a full queue: bots that hung up leave from where they stand. At most once a second."""
        now = self._clock.now_ns()
        if now < self._sweep_again_ns:
            return
        self._sweep_again_ns = now + SECOND_NS
        for name, lane in list(self._lanes.items()):
            for waiter in [waiter for waiter in lane.queue if waiter.granted.done() or waiter.gone()]:
                lane.queue.remove(waiter)
                self.waiting -= 1
                if not waiter.granted.done():
                    waiter.granted.set_exception(Gone())
            if not lane.queue:
                del self._lanes[name]

    def _serve(self) -> None:
        """Grant what fits now, by rank and arrival, and set the alarm for the next moment that may change something."""
        wake_ns: int | None = None
        heads = [(lane.rank, lane.queue[0].number, name) for name, lane in self._lanes.items()]
        heapify(heads)
        while heads:
            _, _, name = heads[0]
            lane = self._lanes[name]
            if self._serve_head(lane):
                lane.queue.popleft()
                self.waiting -= 1
                if lane.queue:
                    heapreplace(heads, (lane.rank, lane.queue[0].number, name))
                    continue
                del self._lanes[name]
            elif lane.held is not None and lane.held.wait_ns is not None:
                at_ns = lane.held_ns + lane.held.wait_ns
                wake_ns = at_ns if wake_ns is None else min(wake_ns, at_ns)
            heappop(heads)
        self._set_alarm(wake_ns)

    def _serve_head(self, lane: _Lane) -> bool:
        """Whether the first of a lane has its answer; else `held` says what is in its way."""
        waiter = lane.queue[0]
        if waiter.granted.done():
            return True
        if waiter.gone():
            waiter.granted.set_exception(Gone())
            return True
        found = self._ledger.acquire(waiter.ask)
        if isinstance(found, Permit) or self._too_late(found, waiter.deadline_ns):
            waiter.granted.set_result(found)
            return True
        lane.held, lane.held_ns = found, self._clock.now_ns()
        return False

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
