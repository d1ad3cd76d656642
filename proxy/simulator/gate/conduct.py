"""How Gate slows down those who ask much and fill little (frequency limit rule, fill ratio)."""

from collections import deque
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(slots=True)
class _Hour:
    index: int
    requests: int = 0
    filled: float = 0.0


@dataclass(slots=True)
class Conduct:
    """One user's order requests, refused ones included. Looked at when an hour begins, over the day before."""

    hours: deque[_Hour] = field(default_factory=lambda: deque(maxlen=25))
    judged: int = -1  # the hour that was last looked at
    bad: bool = False
    fruitless: int = 0  # requests about perpetuals since the last fill, of one day
    since_ms: int = 0
    slow_until_ms: int = 0

    def spot(self, now_ms: int, ratio: float) -> bool:
        """Count a spot order request; True: the user is slowed down in this hour."""
        index = now_ms // HOUR_MS
        if index != self.judged:
            day = [h for h in self.hours if index - 24 <= h.index < index]
            asked, filled = sum(h.requests for h in day), sum(h.filled for h in day)
            self.bad = asked > 0 and filled / asked < ratio
            self.judged = index
        self._hour(index).requests += 1
        return self.bad

    def filled(self, now_ms: int, value: float) -> None:
        self._hour(now_ms // HOUR_MS).filled += value

    def futures(self, now_ms: int, allowed: int) -> bool:
        """Count a request about perpetuals; True: the user is slowed down."""
        if now_ms - self.since_ms >= DAY_MS:
            self.since_ms, self.fruitless = now_ms, 0
        self.fruitless += 1
        if self.fruitless > allowed and now_ms >= self.slow_until_ms:
            self.slow_until_ms = now_ms + HOUR_MS
        return now_ms < self.slow_until_ms

    def fruit(self, now_ms: int) -> None:
        """A perpetual's order was filled."""
        self.since_ms, self.fruitless = now_ms, 0

    def _hour(self, index: int) -> _Hour:
        if not self.hours or self.hours[-1].index != index:
            self.hours.append(_Hour(index))
        return self.hours[-1]
