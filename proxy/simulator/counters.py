"""The three shapes of counters that the exchanges keep, each per subject and in bounded memory."""

from collections import OrderedDict, deque
from dataclasses import dataclass

SUBJECTS = 10_000  # beyond this the longest unused subject is forgotten


@dataclass(slots=True)
class _Window:
    index: int
    used: int


class FixedWindows:
    """Windows aligned to the exchange's clock. Refused requests count too."""

    def __init__(self, capacity: int, window_ms: int) -> None:
        self.capacity = capacity
        self.window_ms = window_ms
        self._subjects: OrderedDict[str, _Window] = OrderedDict()

    def _window(self, subject: str, now_ms: int) -> _Window:
        index = now_ms // self.window_ms
        window = self._subjects.get(subject)
        if window is None:
            window = self._subjects[subject] = _Window(index, 0)
            if len(self._subjects) > SUBJECTS:
                self._subjects.popitem(last=False)
        else:
            self._subjects.move_to_end(subject)
            if window.index != index:
                window.index, window.used = index, 0
        return window

    def add(self, subject: str, units: int, now_ms: int) -> bool:
        """Count; True while the capacity is not exceeded."""
        window = self._window(subject, now_ms)
        window.used = max(0, window.used + units)
        return window.used <= self.capacity

    def used(self, subject: str, now_ms: int) -> int:
        return self._window(subject, now_ms).used

    def reset_ms(self, now_ms: int) -> int:
        """Milliseconds until the window ends."""
        return self.window_ms - now_ms % self.window_ms


class SlidingWindows:
    """At most `capacity` accepted requests in any `window_s`. Refused ones do not count."""

    def __init__(self) -> None:
        self._subjects: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, subject: str, capacity: int, window_s: float, now: float) -> bool:
        times = self._subjects.get(subject)
        if times is None:
            times = self._subjects[subject] = deque()
            if len(self._subjects) > SUBJECTS:
                self._subjects.popitem(last=False)
        else:
            self._subjects.move_to_end(subject)
        while times and times[0] <= now - window_s:
            times.popleft()
        if len(times) >= capacity:
            return False
        times.append(now)
        return True


@dataclass(slots=True)
class _Level:
    value: float
    at: float


class DecayingCounters:
    """A level that rises by cost and drains linearly; refused when it would pass the capacity."""

    def __init__(self) -> None:
        self._subjects: OrderedDict[str, _Level] = OrderedDict()

    def level(self, subject: str, decay: float, now: float) -> float:
        """The level now; drains by `decay` per second."""
        level = self._subjects.get(subject)
        if level is None:
            return 0.0
        level.value = max(0.0, level.value - (now - level.at) * decay)
        level.at = now
        return level.value

    def take(self, subject: str, cost: float, capacity: float, decay: float, now: float) -> bool:
        value = self.level(subject, decay, now)
        if value + cost > capacity + 1e-9:
            return False
        if subject not in self._subjects and len(self._subjects) >= SUBJECTS:
            self._subjects.popitem(last=False)
        self._subjects[subject] = _Level(value + cost, now)
        self._subjects.move_to_end(subject)
        return True
