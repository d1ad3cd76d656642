"""Calls that name the same order run one after another, in the order of their arrival; no I/O.

A cancel must not overtake the placing of its own order, whether that waits or is under way, and whatever rank it has.
So a write joins the line of every order that it names before it enters the queue, and leaves them once its answer is
judged, or once it gives up. All lines of a call are joined in one step, hence the same call is first in all that two
calls share, and no two can wait for each other.

A name that many orders may carry (a tag) is shared by those that only add to it, and theirs alone for those that act
on all of them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from proxy import refusals
from proxy.clock import SECOND_NS, Clock
from proxy.dispatch import Dispatcher, Gone
from proxy.exchanges.form import Orders
from proxy.model import Refusal

_MOST_NAMES = 200  # no exchange takes longer lists; the names come from bots

LineName = tuple[str, str]  # account, order


@dataclass(slots=True, eq=False)
class Turn:
    """One call's place in its lines. `names`: line -> whether it shares it with others that only add."""

    names: dict[LineName, bool]
    waits: bool = False
    gone: Callable[[], bool] | None = None
    ready: "asyncio.Future[bool] | None" = None


FREE = Turn({})  # of a call that names no order

_Line = dict[Turn, bool]  # first come, first in it


class OrderLines:
    """The lines of all orders that calls under way or waiting name; an empty one is forgotten. One event loop."""

    def __init__(self, clock: Clock, dispatcher: Dispatcher) -> None:
        self._clock = clock
        self._dispatcher = dispatcher
        self._lines: dict[LineName, _Line] = {}
        self._waiting: set[Turn] = set()
        self._sweep_again_ns = 0

    def __len__(self) -> int:
        return len(self._lines)

    def join(self, account: str, orders: Orders) -> Turn:
        """A place at the end of every line. It must be left, whether or not its turn has come."""
        if not orders.own and not orders.tags:
            return FREE
        turn = Turn({(account, order): False for order in orders.own[:_MOST_NAMES]})
        for tag in orders.tags[:_MOST_NAMES]:
            turn.names.setdefault((account, tag), True)
        for name, shares in turn.names.items():
            line = self._lines.get(name)
            if line is None:
                self._lines[name] = {turn: shares}
                continue
            line[turn] = shares
            turn.waits = turn.waits or not _at_front(line, turn)
        return turn

    async def reached(self, turn: Turn, *, deadline_ns: int, gone: Callable[[], bool]) -> Refusal | None:
        """Wait until all that came before it have left; a refusal, if that is not so by the deadline.

        Raises Gone once the bot has hung up. Who waits here counts in the length of the queue.
        """
        if not turn.waits:
            return None
        if self._clock.now_ns() >= deadline_ns:
            return self._busy(turn)
        if self._dispatcher.crowded():
            self._sweep()
            if self._dispatcher.crowded():
                return refusals.queue_full()
        ready = turn.ready = asyncio.get_running_loop().create_future()
        turn.gone = gone
        alarm = self._clock.call_at(deadline_ns, lambda: _set(ready, False))
        self._count(turn, waits=True)
        try:
            came = await ready
        finally:
            self._count(turn, waits=False)
            alarm.cancel()
        if gone():
            raise Gone
        return None if came else self._busy(turn)

    def leave(self, turn: Turn) -> None:
        """Out of all lines; whose turn it is now goes on. A second time does nothing."""
        for name, shares in turn.names.items():
            line = self._lines.get(name)
            if line is None or turn not in line:
                continue
            del line[turn]
            if not line:
                del self._lines[name]
                continue
            for other, other_shares in line.items():
                if other.waits:
                    self._call_up(other)
                if shares or not other_shares:  # those that share go on together, past one that does not
                    break

    def _call_up(self, turn: Turn) -> None:
        if all(_at_front(self._lines[name], turn) for name in turn.names):
            turn.waits = False
            _set(turn.ready, True)

    def _busy(self, turn: Turn) -> Refusal | None:
        held = (name[1] for name in turn.names if not _at_front(self._lines[name], turn))
        return next((refusals.order_busy(order) for order in held), None)

    def _sweep(self) -> None:
        """Bots that hung up make room in a full queue. At most once a second."""
        now = self._clock.now_ns()
        if now >= self._sweep_again_ns:
            self._sweep_again_ns = now + SECOND_NS
            for turn in [turn for turn in self._waiting if turn.gone is not None and turn.gone()]:
                self._count(turn, waits=False)
                _set(turn.ready, False)

    def _count(self, turn: Turn, *, waits: bool) -> None:
        (self._waiting.add if waits else self._waiting.discard)(turn)
        self._dispatcher.elsewhere = len(self._waiting)


def _at_front(line: _Line, turn: Turn) -> bool:
    """Nobody before it in the line, or only such as share it, as it does."""
    for other, shares in line.items():
        if other is turn:
            return True
        if not (shares and line[turn]):
            return False
    return False


def _set(future: "asyncio.Future[bool] | None", came: bool) -> None:
    if future is not None and not future.done():
        future.set_result(came)
