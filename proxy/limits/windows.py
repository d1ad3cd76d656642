"""Counters, one class per shape, each never above the exchange's own count (fixed windows: fixed_window.py)."""

from collections import deque
from typing import Any

from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.model import Limit, Shape

_SLICES = 1024  # bookings are kept in slices of so much of a window, rounded against us: 0.05 % of the budget


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

    def state(self, now_ns: int) -> dict[str, Any]:
        self._expire(now_ns)
        return {"rows": [(now_ns - last_ns, units) for _, last_ns, units in self._rows]}

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        for last, units in state["rows"]:
            last_ns = saved_ns - int(last)
            self._rows.append((last_ns, last_ns, float(units)))
            self._sum += float(units)


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

    def scale(self, now_ns: int, capacity: float) -> None:
        """Keep the units that are booked while the capacity changes, and with it how fast they drain."""
        left_ns = max(0, self._empty_at_ns - now_ns)
        self._empty_at_ns = now_ns - int(-left_ns * self.capacity // capacity)

    def state(self, now_ns: int) -> dict[str, Any]:
        return {"empty_in_ns": max(0, self._empty_at_ns - now_ns)}

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        self._empty_at_ns = saved_ns + int(state["empty_in_ns"])


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

    def state(self, now_ns: int) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        pass


def window_for(limit: Limit, align: Alignment) -> Window:
    match limit.shape:
        case Shape.FIXED:
            return (FallingWindow if limit.falls else FixedWindow)(limit.capacity, limit.window_ns, align)
        case Shape.SLIDING:
            return SlidingWindow(limit.capacity, limit.window_ns)
        case Shape.DECAYING:
            return DecayingCounter(limit.capacity, limit.window_ns)
        case Shape.INFLIGHT:
            return InFlight(limit.capacity)
