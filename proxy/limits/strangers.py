"""Others on a counter that we share, whom only the counts in answers show. Arithmetic; time is an argument.

Between the count that an answer told and the arrival of our next call they may come again: so many units stay free.
"""

from math import ceil, sqrt

_EARLY = 32  # the first 1/32 of a window says little about a rate
_FORGET = 0.9  # of the longest flight, per answer
_UNSEEN = 256  # in the first window that we hear of, one part in so many is left to whom we have not seen yet


class Strangers:
    """What others took of a fixed window, and the room to leave them for the time of a flight."""

    __slots__ = ("_first", "_flight_ns", "_number", "_rate", "_rate_before", "_units", "_window_ns", "known", "margin")

    def __init__(self, window_ns: int) -> None:
        self.known = True  # some were seen in this window or the last, or we have not heard of a second window yet
        self.margin = 0.0
        self._window_ns = window_ns
        self._first: int | None = None
        self._number = 0
        self._units = 0.0
        self._rate = self._rate_before = 0.0  # units per ns
        self._flight_ns = 0.0

    def heard(self, number: int, age_ns: int, flight_ns: int, units: float, capacity: float) -> None:
        """An answer after `flight_ns` told of `units` more that are surely theirs, `age_ns` into window `number`."""
        if self._first is None:  # what was there before us was perhaps our former process
            self._first, units = number, 0.0
        if number != self._number:
            self._rate_before = self._rate if number == self._number + 1 else 0.0
            self._number, self._units, self._rate = number, 0.0, 0.0
        self._units += units
        self._flight_ns = max(self._flight_ns * _FORGET, flight_ns)
        self._rate = self._units / max(age_ns, self._window_ns // _EARLY)
        rate = max(self._rate, self._rate_before)
        # Counts are random about their mean: with this margin one window in some hundreds is overrun.
        mean = rate * 2 * self._flight_ns
        self.margin = float(ceil(mean + 3 * sqrt(mean)))
        self.known = rate > 0
        if number == self._first:
            self.known = True
            self.margin = max(self.margin, capacity // _UNSEEN)
