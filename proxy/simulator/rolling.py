"""Rolling windows that say how much is left, and count a refused request like any other.

For exchanges that do not document whether refused requests count: under this reading hammering never helps.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

from proxy.simulator.counters import SUBJECTS


@dataclass(frozen=True, slots=True)
class Count:
    """`granted`: units of this request within the capacity. `wait_s`: until there is room again, 0: there is."""

    granted: int
    left: int
    wait_s: float


class RollingWindows:
    def __init__(self) -> None:
        self._subjects: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, subject: str, units: int, capacity: int, window_s: float, now: float) -> Count:
        times = self._subjects.get(subject)
        if times is None:
            # Of what was refused only so much is kept that it shuts out one window.
            times = self._subjects[subject] = deque(maxlen=max(2 * capacity, 2))
            if len(self._subjects) > SUBJECTS:
                self._subjects.popitem(last=False)
        else:
            self._subjects.move_to_end(subject)
        while times and times[0] <= now - window_s:
            times.popleft()
        granted = max(0, min(units, capacity - len(times)))
        times.extend([now] * units)
        over = len(times) - capacity
        wait_s = times[over] + window_s - now if 0 <= over < len(times) else 0.0
        return Count(granted, max(0, -over), wait_s)

    def forget(self, subject: str) -> None:
        self._subjects.pop(subject, None)
