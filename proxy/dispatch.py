"""Who goes next: calls wait here for a permit, by rank, bots of a rank by fair shares, a bot's own by its priorities.

Ranks are cancel, close (an order that only reduces), place and amend, read, public. Waiters of one rank with the same
keys and limits stand in one lane, each bot's first come first served; a lane that must wait never holds up another. A
lane is looked at again only when what holds it may have changed.
"""

import asyncio
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heapreplace

from proxy.clock import SECOND_NS, Alarm, Clock
from proxy.fairness import Contest, parts_of
from proxy.lanes import ContestName, Lane, LaneName, LimitName, Waiter, contest_names, lane_name, rank_of
from proxy.limits.blocks import Subject
from proxy.limits.ledger import Ledger
from proxy.model import Ask, NotUntil, Permit, Scope, Usage


class QueueFull(Exception):
    """The queue is at its length."""


class Gone(Exception):
    """The bot hung up while its call was waiting; nothing was sent."""


def _never() -> bool:
    return False


class Dispatcher:
    """Hands out the ledger's permits in order. All calls on one event loop; nothing polls."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        max_waiting: int = 10_000,
        waits: Callable[[Ask, NotUntil], None] = lambda ask, found: None,
    ) -> None:
        """`waits` is told what is in the way of a call that cannot go at once, once per call."""
        self._ledger = ledger
        self._clock = clock
        self._max_waiting = max_waiting
        self._waits = waits
        self._lanes: dict[LaneName, Lane] = {}
        self._contests: dict[ContestName, Contest] = {}
        self._until: dict[Lane, int] = {}  # lanes that time will free, and when
        self._claims: dict[Lane, LimitName] = {}
        self._unclaimed: list[Lane] = []  # to be looked at again, for a claim on a limit of theirs has ended
        self._loose: set[Lane] = set()  # lanes that the end of a call in flight may free
        self._alarm: Alarm | None = None
        self._alarm_ns = 0
        self._numbers = 0
        self._sweep_again_ns = 0
        self.waiting = 0
        self.elsewhere = 0  # calls that wait for something else first (order_lines.py); they count in the length

    @property
    def length(self) -> int:
        return self.waiting + self.elsewhere

    async def take(
        self,
        ask: Ask,
        *,
        deadline_ns: int,
        gone: Callable[[], bool] = _never,
        bot: str = "",
        share: float = 1.0,
        priority: int = 0,
    ) -> Permit | NotUntil:
        """A permit, or NotUntil at once when the wait would outlast the deadline.

        `share`: the bot's weight. `priority`: among its own calls of one rank (Lane). Raises QueueFull, and Gone once
        the bot has hung up.
        """
        name = lane_name(ask) if self.waiting else None
        if name is None or self._uncontested(name, ask):
            found = self._ledger.acquire(ask)
            if isinstance(found, Permit):
                return found
            if self._too_late(found, deadline_ns):
                self._waits(ask, found)
                return found
        name = name or lane_name(ask)
        lane = self._lanes.get(name)
        held = lane.behind(bot, priority, self._clock.now_ns()) if lane is not None else None
        if held is not None and self._too_late(held, deadline_ns):
            self._waits(ask, held)
            return held
        if self.crowded():
            raise QueueFull
        self._numbers += 1
        granted: asyncio.Future[Permit | NotUntil] = asyncio.get_running_loop().create_future()
        waiter = Waiter(self._numbers, bot, share, ask, deadline_ns, gone, granted, priority)
        lane = self._lanes.get(name) or self._open(name, ask)
        lane.add(waiter)
        self.waiting += 1
        self._serve((lane,) if lane.head() is waiter else ())
        if not granted.done():
            waiter.alarm = self._clock.call_at(deadline_ns, lambda: self._expire(lane, waiter))
            if lane.held is not None:
                self._waits(ask, lane.held)
        try:
            return await granted
        except asyncio.CancelledError:
            self._abandon(lane, waiter)
            raise
        finally:
            if waiter.alarm is not None:
                waiter.alarm.cancel()

    def crowded(self) -> bool:
        """No room for one more, though those whose bots hung up have left."""
        if self.length >= self._max_waiting:
            self._sweep()
        return self.length >= self._max_waiting

    def settle(
        self,
        permit: Permit,
        *,
        sent: bool,
        well: bool,
        accepted: bool = False,
        usage: Iterable[Usage] = (),
        refused: Scope | None = None,
    ) -> None:
        """Close a permit, and let the next one go."""
        eased = self._ledger.settle(
            permit, sent=sent, well=well, accepted=accepted, usage=usage, asked=self.waiting > 0, refused=refused
        )
        if self.waiting:
            lanes = [lane for lane in self._until if lane.gains_from(permit.ask)] if eased else []
            self._serve([*self._loose, *lanes])

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        self._ledger.block(subject, duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self._ledger.unblock(subject)
        if self.waiting:
            self._serve(self._lanes.values())

    def _too_late(self, found: NotUntil, deadline_ns: int) -> bool:
        now = self._clock.now_ns()
        if found.wait_ns is None or found.sooner:
            return now >= deadline_ns
        return now + found.wait_ns > deadline_ns

    def _uncontested(self, name: LaneName, ask: Ask) -> bool:
        """None of those who wait is due, or in the same class competes for any of the call's limits."""
        if name in self._lanes or (self._until and self._alarm_ns <= self._clock.now_ns()):
            return False
        rows = contest_names(ask, rank_of(ask))
        return not any(row in self._contests or row[1:] in self._claims.values() for row in rows)

    def _open(self, name: LaneName, ask: Ask) -> Lane:
        rank = rank_of(ask)
        rows = contest_names(ask, rank)
        contests = tuple(self._contests.setdefault(row, Contest()) for row in rows)
        return self._lanes.setdefault(name, Lane(name, rank, contests, tuple(row[1:] for row in rows), ask))

    def _expire(self, lane: Lane, waiter: Waiter) -> None:
        """The deadline of a waiter: its very last chance, then it is told what held it up."""
        self._serve((lane,))
        if not waiter.granted.done():
            held = lane.at_least(self._clock.now_ns())
            waiter.granted.set_result(held or NotUntil(None, Scope.ACCOUNT, "the queue"))
            self._leave(lane, waiter)

    def _abandon(self, lane: Lane, waiter: Waiter) -> None:
        """A cancelled caller leaves the queue; a permit that it was just handed goes back unused."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            found = waiter.granted.result() if waiter.granted.exception() is None else None
            if isinstance(found, Permit):
                self.settle(found, sent=False, well=False)
            return
        if waiter in lane.queues.get(waiter.bot, ()):
            self._leave(lane, waiter)

    def _leave(self, lane: Lane, waiter: Waiter) -> None:
        self._remove(lane, waiter)
        if waiter is lane.seen:
            self._serve((lane,))

    def _remove(self, lane: Lane, waiter: Waiter) -> None:
        lane.remove(waiter)
        self.waiting -= 1
        if waiter is lane.seen:
            self._unclaim(lane)
        if not lane.queues:
            del self._lanes[lane.name]
            for name in contest_names(lane.ask, lane.rank):
                if name in self._contests and self._contests[name].empty:
                    del self._contests[name]
            self._let_loose(lane)

    def _let_loose(self, lane: Lane) -> None:
        self._until.pop(lane, None)
        self._loose.discard(lane)

    def _sweep(self) -> None:
        """Make room in a full queue: bots that hung up leave from where they stand. At most once a second."""
        now = self._clock.now_ns()
        if now < self._sweep_again_ns:
            return
        self._sweep_again_ns = now + SECOND_NS
        for lane in list(self._lanes.values()):
            for waiter in [waiter for queue in lane.queues.values() for waiter in queue]:
                if waiter.granted.done() or waiter.gone():
                    self._remove(lane, waiter)
                    if not waiter.granted.done():
                        waiter.granted.set_exception(Gone())
        self._serve(self._lanes.values())

    def _serve(self, lanes: Iterable[Lane]) -> None:
        """Grant what fits now in these lanes and in those that are due; set the alarm for the next that will be."""
        look = {lane for lane in lanes if lane.queues}
        if self._until and min(self._until.values()) <= (now := self._clock.now_ns()):
            look.update([lane for lane, at_ns in self._until.items() if at_ns <= now])
        for lane in look:
            lane.rebase()
        heads = [lane.place() for lane in look]
        heapify(heads)
        while heads:
            lane = heads[0][-1]
            place = lane.place()
            if place[:-1] != heads[0][:-1]:
                heapreplace(heads, place)  # its bot was served from another lane meanwhile
                continue
            if self._serve_head(lane, lane.head()) and lane.queues:
                heapreplace(heads, lane.place())
            else:
                heappop(heads)
        if self._unclaimed:
            lanes, self._unclaimed = self._unclaimed, []
            self._serve(lanes)
            return
        self._set_alarm(min(self._until.values(), default=None))

    def _serve_head(self, lane: Lane, waiter: Waiter) -> bool:
        """Whether the first of a lane has its answer and has left; else `held` says what is in its way."""
        if not waiter.granted.done():
            if waiter.gone():
                waiter.granted.set_exception(Gone())
            else:
                claimed = self._claimed(lane)
                found = claimed or self._ledger.acquire(waiter.ask)
                if isinstance(found, NotUntil) and not self._too_late(found, waiter.deadline_ns):
                    self._hold(lane, waiter, found, behind=claimed is not None)
                    return False
                if isinstance(found, Permit):
                    for contest, part in zip(lane.contests, parts_of(waiter.ask), strict=True):
                        contest.charge(waiter.bot, part, waiter.share)
                waiter.granted.set_result(found)
        self._remove(lane, waiter)
        return True

    def _hold(self, lane: Lane, waiter: Waiter, found: NotUntil, *, behind: bool) -> None:
        self._let_loose(lane)
        lane.hold(waiter, found, self._clock.now_ns(), behind=behind)
        if lane.claim != self._claims.get(lane):
            self._unclaim(lane)
            if lane.claim is not None:
                self._claims[lane] = lane.claim
        if found.wait_ns is not None:
            self._until[lane] = lane.held_ns + found.wait_ns
        if found.wait_ns is None or found.sooner:
            self._loose.add(lane)

    def _claimed(self, lane: Lane) -> NotUntil | None:
        """What a lane waits for that has claimed one of its limits, and has done so before it did itself."""
        for other, limit in self._claims.items():
            if other is lane:
                break
            if other.rank <= lane.rank and limit in lane.limits:
                return other.at_least(self._clock.now_ns())
        return None

    def _unclaim(self, lane: Lane) -> None:
        limit = self._claims.pop(lane, None)
        if limit is not None:
            self._unclaimed += [other for other in self._lanes.values() if limit in other.limits]

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
        self._serve(())
