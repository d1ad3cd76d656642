"""Counters, one class per shape, each never above the exchange's own count. Time is an argument.

A call counts from the moment it is taken until it is settled ("in flight"), because the exchange books
it at some moment in between. Settling books it at the latest of these moments, so that it is never
given back too early.
"""

from collections import deque
from typing import Protocol

from proxy.model import Limit, Shape

_SLICES = 256  # a sliding window forgets in slices of 1/256 of its length, rounded against us


class Window(Protocol):
    """A counter of one limit for one subject. Units may be fractions."""

    in_flight: float

    def used(self, now_ns: int) -> float:
        """Units counted now, in flight included."""
        ...

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        """0 if `units` fit and leave `kept` free; else when they will; None: only when a call in flight has ended."""
        ...

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Count units that were taken (and sent) at `taken_ns` and answered at `now_ns`."""
        ...

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        """The exchange's own count, from an answer to a call taken at `taken_ns`. Raises ours, never lowers it."""
        ...


class Alignment:
    """Where an exchange's clock stands: exchange wall time = now_ns + offset_ns, give or take error_ns."""

    __slots__ = ("error_ns", "offset_ns")

    def __init__(self, offset_ns: int = 0, error_ns: int = 0) -> None:
        self.offset_ns = offset_ns
        self.error_ns = error_ns


class FixedWindow:
    """A window aligned to the exchange's clock. Near an edge, what may fall on either side counts on both."""

    __slots__ = ("_align", "_booked", "_told", "capacity", "in_flight", "window_ns")

    def __init__(self, capacity: float, window_ns: int, align: Alignment) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._align = align
        self._booked: dict[int, float] = {}  # window number -> own units
        self._told: dict[int, float] = {}  # window number -> highest count heard

    def _numbers(self, from_ns: int, to_ns: int) -> range:
        align = self._align
        first = (from_ns + align.offset_ns - align.error_ns) // self.window_ns
        last = (to_ns + align.offset_ns + align.error_ns) // self.window_ns
        return range(first, last + 1)

    def _count(self, number: int) -> float:
        return max(self._booked.get(number, 0.0), self._told.get(number, 0.0))

    def used(self, now_ns: int) -> float:
        return self.in_flight + max(self._count(n) for n in self._numbers(now_ns, now_ns))

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        room = self.capacity - kept
        numbers = self._numbers(now_ns, now_ns)
        booked = max(self._count(n) for n in numbers)
        if self.in_flight + booked + units <= room or (units <= self.capacity and not booked and not self.in_flight):
            return 0
        if self.in_flight + units > room and self.in_flight:
            return None
        if units > self.capacity:
            return None
        align = self._align
        full = max((n for n in numbers if self.in_flight + self._count(n) + units > room), default=numbers[-1])
        return max((full + 1) * self.window_ns - align.offset_ns + align.error_ns - now_ns, 1)

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        numbers = self._numbers(taken_ns, now_ns)
        for number in numbers:
            self._booked[number] = self._booked.get(number, 0.0) + units
        self._forget(numbers[0])

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        numbers = self._numbers(taken_ns, now_ns)
        # The header does not name its window: only a call that cannot have crossed an edge speaks for one.
        if len(numbers) == 1:
            self._told[numbers[0]] = max(self._told.get(numbers[0], 0.0), used)
            self._forget(numbers[0])

    def _forget(self, before: int) -> None:
        for counts in (self._booked, self._told):
            if len(counts) > 4:
                for number in [n for n in counts if n < before - 1]:
                    del counts[number]


class SlidingWindow:
    """Units of the last `window_ns`. Also used where the exchange does not say which shape it counts."""

    __slots__ = ("_rows", "_slice_ns", "_sum", "capacity", "in_flight", "window_ns")

    def __init__(self, capacity: float, window_ns: int) -> None:
        self.capacity = capacity
        self.window_ns = window_ns
        self.in_flight = 0.0
        self._slice_ns = window_ns // _SLICES
        self._rows: deque[list[float]] = deque()  # [first booked at, last booked at, units]
        self._sum = 0.0

    def _expire(self, now_ns: int) -> None:
        rows, limit = self._rows, now_ns - self.window_ns
        while rows and rows[0][1] <= limit:
            self._sum -= rows.popleft()[2]
        if not rows:
            self._sum = 0.0

    def used(self, now_ns: int) -> float:
        self._expire(now_ns)
        return self.in_flight + self._sum

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        self._expire(now_ns)
        room = self.capacity - kept
        if self.in_flight + self._sum + units <= room or (units <= self.capacity and not self._sum + self.in_flight):
            return 0
        if units > self.capacity or (self.in_flight and self.in_flight + units > room):
            return None
        left = self._sum
        for _, last, count in self._rows:
            left -= count
            if self.in_flight + left + units <= room + 1e-9 or left <= 1e-9:
                return max(int(last) + self.window_ns - now_ns, 1)
        return None

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        rows = self._rows
        if rows and now_ns - rows[-1][0] <= self._slice_ns:
            rows[-1][1] = max(rows[-1][1], now_ns)
            rows[-1][2] += units
        else:
            rows.append([now_ns, now_ns, units])
        self._sum += units

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        self._expire(now_ns)
        missing = used - self.in_flight - self._sum
        if missing > 0:
            self.book(taken_ns, now_ns, missing)


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
        room_ns = self.window_ns - self._ns(kept)
        level_ns = max(0, self._empty_at_ns - now_ns)
        flight_ns = self._ns(self.in_flight)
        over_ns = flight_ns + level_ns + self._ns(units) - room_ns
        if over_ns <= 0 or (units <= self.capacity and not level_ns and not flight_ns):
            return 0
        if units > self.capacity or (over_ns > level_ns and flight_ns):
            return None
        return min(over_ns, level_ns)

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
        return 0 if self.in_flight + units <= self.capacity else None

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
