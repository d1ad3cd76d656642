"""Units taken of each counter: since the last saving, at most between two savings (the crash margin), and ever."""

from collections.abc import Iterable

from proxy.limits.window import Window

_MINUTE_NS = 60_000_000_000

Key = tuple[str, ...]
"""(limit, scope, owner[, name], detail)"""


class Takings:
    """`lately` is added to by whoever takes; everything else follows once a second, when the state is saved."""

    def __init__(self) -> None:
        self.lately: dict[Window, float] = {}  # since the last saving
        self._ever: dict[Key, float] = {}  # (limit, scope, owner[, name]) -> units taken before `lately`
        self._peaks: dict[Window, tuple[int, float, float]] = {}  # minute, its highest `lately`, that of the one before

    def turn(self, now_ns: int, rows: Iterable[tuple[Key, Window]]) -> None:
        """A saving begins."""
        minute = now_ns // _MINUTE_NS
        for window, units in self.lately.items():
            last, highest, before = self._peaks.get(window, (minute, 0.0, 0.0))
            if last != minute:
                highest, before = 0.0, highest if last == minute - 1 else 0.0
            self._peaks[window] = (minute, max(highest, units), before)
        self._ever = self.ever(rows)
        self.lately.clear()
        self._peaks = {window: row for window, row in self._peaks.items() if row[0] >= minute - 1}

    def peak(self, window: Window) -> float:
        """The most that was taken between two savings in the last minutes."""
        return max(self._peaks.get(window, (0, 0.0, 0.0))[1:])

    def restore(self, now_ns: int, window: Window, peak: float) -> None:
        if peak:
            self._peaks[window] = (now_ns // _MINUTE_NS, peak, 0.0)

    def ever(self, rows: Iterable[tuple[Key, Window]]) -> dict[Key, float]:
        """Units taken since the start: (limit, scope, owner[, name]) -> units."""
        found = dict(self._ever)
        if self.lately:
            for key, window in rows:
                if (units := self.lately.get(window)) is not None:
                    found[key[:-1]] = found.get(key[:-1], 0.0) + units
        return found

    def forget(self, key: Key, window: Window) -> None:
        if (units := self.lately.pop(window, None)) is not None:
            self._ever[key[:-1]] = self._ever.get(key[:-1], 0.0) + units
        self._peaks.pop(window, None)
