"""A fixed window whose count falls: the exchange gives units back (Binance: the first fill of an order), and tells."""

from collections import deque
from typing import Any

from proxy.clock import SECOND_NS
from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.window import DUST

_LATE_NS = 60 * SECOND_NS  # the longest validity window: a call without a clear answer may still arrive for so long
_KEPT_NS = 120 * SECOND_NS  # no call is in flight for longer


class FallingWindow(FixedWindow):
    """What an answer tells was the exchange's count at some moment of that call's flight.

    Since then it can have grown only by what may have arrived after that moment: calls in flight now, and calls
    answered after that one was taken. Where our own count is higher than that, units were given back.
    """

    __slots__ = ("_before", "_late", "_quiet_until_ns", "_settled", "_total")

    def __init__(self, capacity: float, window_ns: int, align: Alignment) -> None:
        super().__init__(capacity, window_ns, align)
        self._settled: deque[tuple[int, float]] = deque()  # answered at, `_total` then
        self._total = self._before = 0.0  # units of all calls; of those that `_settled` no longer holds
        self._late: deque[tuple[int, float]] = deque()  # has arrived by then if ever, units
        self._quiet_until_ns = 0

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Also what `tell` finds of others: an older answer must not make us forget it."""
        self._total += units
        self._settled.append((now_ns, self._total))
        while self._settled[0][0] < now_ns - _KEPT_NS:
            self._before = self._settled.popleft()[1]
        super().book(taken_ns, now_ns, units)

    def note_unsure(self, now_ns: int, units: float) -> None:
        """A call was booked without a clear answer: the exchange may count it later still."""
        while self._late and self._late[0][0] < now_ns - _KEPT_NS:
            self._late.popleft()
        self._late.append((now_ns + _LATE_NS, units))

    def lower(self, taken_ns: int, now_ns: int, used: float, own: float) -> None:
        """Take over a count that is lower than ours, from an answer to a call taken at `taken_ns`.

        `own`: units of that very call, booked before; `used` includes them. Ignored unless the call
        surely belongs to one window.
        """
        surely = self._from_ns <= taken_ns and now_ns < self._until_ns and self._version == self._align.version
        if not surely or taken_ns < max(now_ns - _KEPT_NS, self._quiet_until_ns):
            return
        most = used + self._arrived_after(taken_ns) - own
        booked = self._own
        self._own, self._heard = min(booked, most), min(self._heard, most)
        if booked - self._own > DUST:
            self._give_back(booked - self._own)

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        """Calls of the former process may have been on their way."""
        self._quiet_until_ns = saved_ns + _LATE_NS
        super().restore(state, saved_ns)

    def _arrived_after(self, taken_ns: int) -> float:
        """Units of calls with an answer that the exchange may have counted after `taken_ns`."""
        before = self._before
        for at_ns, total in reversed(self._settled):
            if at_ns < taken_ns:
                before = total
                break
        # A late one that was also answered after `taken_ns` counts twice, which errs on our side.
        return self._total - before + sum(units for until_ns, units in self._late if until_ns >= taken_ns)

    def _give_back(self, units: float) -> None:
        """From the rows too, oldest first: what outlives the process, or is counted anew, is not the gross count."""
        for row in self._rows:
            if row[1] >= self._from_ns and row[2] < self._until_ns:
                taken = min(units, row[3])
                row[3] -= taken
                units -= taken
                if units <= DUST:
                    return
