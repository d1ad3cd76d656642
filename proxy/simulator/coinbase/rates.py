"""Coinbase's counters, and what the answer's headers say of them."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass

from proxy.simulator.counters import SUBJECTS


@dataclass(frozen=True, slots=True)
class Rate:
    """One counter that a request draws on."""

    subject: str
    capacity: int
    window_s: float


class Rates:
    """At most `capacity` requests in any window, on all counters of a request or none. Refused ones do not count."""

    def __init__(self) -> None:
        self._subjects: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, rates: list[Rate], now: float) -> tuple[bool, dict[str, str], float]:
        """Whether there was room; limit and remaining of the tightest counter; seconds until it has more room."""
        kept = [(rate, self._times(rate, now)) for rate in rates]
        room = all(len(times) < rate.capacity for rate, times in kept)
        if room:
            for _, times in kept:
                times.append(now)
        rate, times = min(kept, key=lambda one: one[0].capacity - len(one[1]))
        left = max(0, rate.capacity - len(times))
        wait = times[0] + rate.window_s - now if times else 0.0
        return room, {"x-ratelimit-limit": str(rate.capacity), "x-ratelimit-remaining": str(left)}, math.ceil(wait)

    def _times(self, rate: Rate, now: float) -> deque[float]:
        times = self._subjects.setdefault(rate.subject, deque())
        self._subjects.move_to_end(rate.subject)
        if len(self._subjects) > SUBJECTS:
            self._subjects.popitem(last=False)
        while times and times[0] <= now - rate.window_s:
            times.popleft()
        return times
