"""KuCoin's counters: resource pools, and the two older blocks."""

import math
from collections import OrderedDict
from dataclasses import dataclass

SUBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What the gw-ratelimit headers say. `reset_ms`: milliseconds left, not a time of day."""

    capacity: int
    remaining: int
    reset_ms: int

    def headers(self) -> dict[str, str]:
        return {
            "gw-ratelimit-limit": str(self.capacity),
            "gw-ratelimit-remaining": str(self.remaining),
            "gw-ratelimit-reset": str(self.reset_ms),
        }


@dataclass(slots=True)
class _Window:
    began: float
    used: int


class Pools:
    """Windows that begin with a subject's first request and are full again all at once ("Rate limit").

    Whether a refused request counts is not documented; here it does not, since the pool cannot fall below nothing.
    """

    def __init__(self) -> None:
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def read(self, subject: str, capacity: int, window_s: float, now: float) -> Reading:
        window = self._windows.get(subject)
        if window is None or now >= window.began + window_s:
            return Reading(capacity, capacity, math.ceil(window_s * 1000))
        left = math.ceil((window.began + window_s - now) * 1000)
        return Reading(capacity, max(0, capacity - window.used), left)

    def take(self, subject: str, weight: int, capacity: int, window_s: float, now: float) -> tuple[bool, Reading]:
        """Whether the request passes, and the pool after it."""
        before = self.read(subject, capacity, window_s, now)
        if weight > before.remaining:
            return False, before
        window = self._windows.get(subject)
        if window is None or now >= window.began + window_s:
            window = self._windows[subject] = _Window(now, 0)
        self._windows.move_to_end(subject)
        if len(self._windows) > SUBJECTS:
            self._windows.popitem(last=False)
        window.used += weight
        return True, self.read(subject, capacity, window_s, now)


class Blocks:
    """So many requests in a window, then a block for some time: the CDN's per address, the old one per endpoint."""

    def __init__(self) -> None:
        self._pools = Pools()
        self._until: OrderedDict[str, float] = OrderedDict()

    def blocked(self, subject: str, now: float) -> bool:
        return now < self._until.get(subject, -math.inf)

    def block(self, subject: str, until: float) -> None:
        self._until[subject] = until
        if len(self._until) > SUBJECTS:
            self._until.popitem(last=False)

    def lift(self, subject: str) -> None:
        self._until.pop(subject, None)

    def pass_by(self, subject: str, capacity: int, window_s: float, block_s: float, now: float) -> bool:
        """Count; False while blocked."""
        if self.blocked(subject, now):
            return False
        if self._pools.take(subject, 1, capacity, window_s, now)[0]:
            return True
        self.block(subject, now + block_s)
        return False
