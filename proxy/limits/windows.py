"""Counters, one class per shape, each never above the exchange's own count. Time is an argument.

A call counts from the moment it is taken until it is settled ("in flight"), because the exchange books
it at some moment in between. Settling books it at the latest of these moments, so that it is never
given back too early.
"""

from collections import deque
from typing import Protocol

from proxy.model import Limit, Shape

NEVER_NS = 1 << 62  # the wait of a call that is dearer than the whole limit
DUST = 1e-6  # units; what sums of fractions may be off by
_SLICES = 256  # a window keeps its bookings in slices of 1/256 of its length, rounded against us


class Window(Protocol):
    """A counter of one limit for one subject. Units may be fractions. `capacity` may be set anew at any time."""

    capacity: float
    in_flight: float

    def used(self, now_ns: int) -> float:
        """Units counted now, in flight included."""
        ...

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        """0 if `units` fit and leave `kept` free; else when they will; None: only when a call in flight has ended.

        NEVER_NS for more than the capacity. A call that leaves less than `kept` even of an idle limit goes when the
        limit is idle.
        """
        ...

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Count units that were taken (and sent) at `taken_ns` and answered at `now_ns`."""
        ...

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        """The exchange's own count, from an answer to a call taken at `taken_ns`. Raises ours, never lowers it."""
        ...


class Alignment:
    """Where an exchange's clock stands: exchange wall time = now_ns + offset_ns, give or take error_ns.

    Its owner writes to it; windows follow. An error of half a window and more says nothing about its edges.
    """

    __slots__ = ("error_ns", "offset_ns")

    def __init__(self, offset_ns: int = 0, error_ns: int = 0) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns


class FixedWindow:
    """A window aligned to the exchange's clock. Near an edge, what may fall on either side counts on both."""

    __slots__ = (
        "_align",
        "_booked",
        "_error_ns",
        "_offset_ns",
        "_rows",
        "_slice_ns",
        "_told",
        "capacity",
        "in_flight",
        "window_ns",
    )

    def __init__(self, capacity: float, window_ns: int, align: Alignment) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._align = align
        self._offset_ns, self._error_ns = align.offset_ns, align.error_ns
        self._slice_ns = window_ns // _SLICES
        self._rows: deque[tuple[int, int, int, float]] = deque()  # first settled, first taken, last settled, units
        self._booked: dict[int, float] = {}  # window number -> units of the rows
        self._told: dict[int, float] = {}  # window number -> highest count heard

    def _numbers(self, from_ns: int, to_ns: int) -> range:
        error_ns = min(self._error_ns, self.window_ns // 2)
        first = (from_ns + self._offset_ns - error_ns) // self.window_ns
        last = (to_ns + self._offset_ns + error_ns) // self.window_ns
        return range(first, last + 1)

    def _follow(self) -> None:
        """Take over the alignment. Where it contradicts the former one, all is counted anew, under new numbers."""
        offset_ns, error_ns = self._align.offset_ns, self._align.error_ns
        if offset_ns == self._offset_ns and error_ns == self._error_ns:
            return
        known = max(error_ns, self._error_ns) <= self.window_ns // 2
        agrees = known and abs(offset_ns - self._offset_ns) <= error_ns + self._error_ns
        self._offset_ns, self._error_ns = offset_ns, error_ns
        if not agrees:
            self._booked.clear()
            self._told.clear()
            for _, taken_ns, settled_ns, units in self._rows:
                for number in self._numbers(taken_ns, settled_ns):
                    self._booked[number] = self._booked.get(number, 0.0) + units

    def _count(self, number: int) -> float:
        return max(self._booked.get(number, 0.0), self._told.get(number, 0.0))

    def used(self, now_ns: int) -> float:
        self._follow()
        return self.in_flight + max(self._count(n) for n in self._numbers(now_ns, now_ns))

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        if units > self.capacity + DUST:
            return NEVER_NS
        self._follow()
        room = self.capacity - kept - units - self.in_flight + DUST
        full = None
        for number in self._numbers(now_ns, now_ns):
            count = self._count(number)
            if count > room and (count or self.in_flight):
                full = number
        if full is None:
            return 0
        if room < 0 and self.in_flight:
            return None
        error_ns = min(self._error_ns, self.window_ns // 2)
        return max((full + 1) * self.window_ns - self._offset_ns + error_ns - now_ns, 1)

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        self._follow()
        numbers = self._numbers(taken_ns, now_ns)
        for number in numbers:
            self._booked[number] = self._booked.get(number, 0.0) + units
        self._note(taken_ns, now_ns, units)
        for counts in (self._booked, self._told):
            if len(counts) > 4:
                for number in [n for n in counts if n < numbers[0] - 1]:
                    del counts[number]

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        self._follow()
        numbers = self._numbers(taken_ns, now_ns)
        # The header does not name its window: only a call that cannot have crossed an edge speaks for one. While
        # the edges are unknown it speaks for both.
        if len(numbers) == 1 or 2 * self._error_ns >= self.window_ns:
            # What is surely not ours stays under what we book later.
            others = used - self.in_flight - max(self._booked.get(n, 0.0) for n in numbers)
            if others > DUST:
                self.book(taken_ns, now_ns, others)
            for number in numbers:
                self._told[number] = max(self._told.get(number, 0.0), used)

    def _note(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Keep the raw booking as long as some alignment could put it into the window of this moment."""
        rows = self._rows
        while rows and rows[0][2] <= now_ns - 2 * self.window_ns:
            rows.popleft()
        if rows and now_ns - rows[-1][0] <= self._slice_ns:
            first_ns, first_taken_ns, _, sum_ = rows.pop()
            rows.append((first_ns, min(first_taken_ns, taken_ns), now_ns, sum_ + units))
        else:
            rows.append((now_ns, taken_ns, now_ns, units))


class SlidingWindow:
    """Units of the last `window_ns`. Also used where the exchange does not say which shape it counts."""

    __slots__ = ("_gone", "_rows", "_slice_ns", "_sum", "capacity", "in_flight", "window_ns")

    def __init__(self, capacity: float, window_ns: int) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._slice_ns = window_ns // _SLICES
        self._rows: deque[tuple[int, int, float]] = deque()  # first booked at, last booked at, units
        self._gone: deque[tuple[int, int, float]] = deque()  # rows of the window before, for `tell`
        self._sum = 0.0

    def _expire(self, now_ns: int) -> None:
        rows, gone, limit = self._rows, self._gone, now_ns - self.window_ns
        while rows and rows[0][1] <= limit:
            self._sum -= rows[0][2]
            gone.append(rows.popleft())
        while gone and gone[0][1] <= limit - self.window_ns:
            gone.popleft()
        if not rows:
            self._sum = 0.0

    def used(self, now_ns: int) -> float:
        self._expire(now_ns)
        return self.in_flight + self._sum

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        if units > self.capacity + DUST:
            return NEVER_NS
        self._expire(now_ns)
        room = self.capacity - kept - units - self.in_flight + DUST
        if self._sum <= room or not (self._rows or self.in_flight):
            return 0
        if room < 0 and self.in_flight:
            return None
        left = self._sum
        for _, last_ns, count in self._rows:
            left -= count
            if left <= room:
                return last_ns + self.window_ns - now_ns
        return self._rows[-1][1] + self.window_ns - now_ns

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        rows = self._rows
        if rows and now_ns - rows[-1][0] <= self._slice_ns:
            first_ns, last_ns, sum_ = rows.pop()
            rows.append((first_ns, max(last_ns, now_ns), sum_ + units))
        else:
            rows.append((now_ns, now_ns, units))
        self._sum += units

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        self._expire(now_ns)
        others = used - self.in_flight - self._sum
        for _, last_ns, count in reversed(self._gone):  # the exchange may have counted these still
            if last_ns <= taken_ns - self.window_ns:
                break
            others -= count
        if others > DUST:
            self.book(taken_ns, now_ns, others)


class DecayingCounter:
    """A counter that falls by capacity / window all the time (Kraken), or a token bucket seen from above.

    Kept as the moment at which it will be empty: integers, so that a promised wait is exact.
    """

    __slots__ = ("_empty_at_ns", "capacity", "in_flight", "window_ns")

    def __init__(self, capacity: float, window_ns: int) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._empty_at_ns = 0

    def _ns(self, units: float) -> int:
        return -int(-units * self.window_ns // self.capacity)

    def used(self, now_ns: int) -> float:
        return self.in_flight + max(0, self._empty_at_ns - now_ns) * self.capacity / self.window_ns

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        if units > self.capacity + DUST:
            return NEVER_NS
        room_ns = self.window_ns - self._ns(kept + units + self.in_flight - DUST)
        level_ns = max(0, self._empty_at_ns - now_ns)
        if level_ns <= room_ns or not (level_ns or self.in_flight):
            return 0
        if room_ns < 0 and self.in_flight:
            return None
        return min(level_ns - room_ns, level_ns)

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        self._empty_at_ns = max(self._empty_at_ns, now_ns) + self._ns(units)

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        self._empty_at_ns = max(self._empty_at_ns, now_ns + self._ns(max(used - self.in_flight, 0)))


class InFlight:
    """A cap on calls without an answer (Kraken's rising nonces). Nothing is left once a call has ended."""

    __slots__ = ("capacity", "in_flight")

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.in_flight = 0.0

    def used(self, now_ns: int) -> float:
        return self.in_flight

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        if units > self.capacity + DUST:
            return NEVER_NS
        return 0 if self.in_flight + units <= self.capacity + DUST else None

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        pass

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        pass


def window_for(limit: Limit, align: Alignment) -> Window:
    match limit.shape:
        case Shape.FIXED:
            return FixedWindow(limit.capacity, limit.window_ns, align)
        case Shape.SLIDING:
            return SlidingWindow(limit.capacity, limit.window_ns)
        case Shape.DECAYING:
            return DecayingCounter(limit.capacity, limit.window_ns)
        case Shape.INFLIGHT:
            return InFlight(limit.capacity)
