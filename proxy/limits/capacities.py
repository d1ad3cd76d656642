"""What the exchange says of its limits' capacities, against what the table and the operator say."""

import logging
from collections.abc import Mapping
from math import isfinite

from proxy.limits.window import Window
from proxy.limits.windows import DecayingCounter
from proxy.model import Limit

log = logging.getLogger("ordergate.limits")

_UNTAUGHT_NS = 3_600_000_000_000  # a lower capacity that only refusals showed is tried again after an hour
_LEAST = 4  # a count below 1/4 of the capacity at a refusal speaks of another limit


class Capacities:
    """Capacities told of one counter or of all, and those that refusals showed."""

    def __init__(self) -> None:
        self.learned: dict[Window, tuple[float, float]] = {}  # capacity told, and that of the table at that time
        self.taught: dict[Window, tuple[float, int]] = {}  # capacity that refusals showed, and until when it holds
        self._announced: dict[tuple[str, str], float] = {}  # (exchange, limit) -> capacity told for everybody
        self._particular: set[Window] = set()  # their capacity was told of them alone

    def learn(self, now_ns: int, window: Window, limit: Limit, told: float) -> None:
        """The exchange names the capacity. It wins over the table's until that (or configuration) is lowered.

        Over the operator's own it wins only if it is lower.
        """
        if isfinite(told) and told > 0:
            self._particular.add(window)
            if (known := self.learned.get(window)) is None or known[0] != told:
                say(limit, told)
            self.learned[window] = (told, limit.capacity)
            self.taught.pop(window, None)
            self.fit(now_ns, window, limit)

    def announce(self, exchange: str, limit: str, told: float) -> bool:
        """The exchange names the capacity of all its addresses or accounts. True if that is news."""
        news = self._announced.get((exchange, limit)) != told
        self._announced[exchange, limit] = told
        return news

    def begin(self, now_ns: int, window: Window, limit: Limit, exchange: str) -> None:
        """A counter takes over what was announced, unless something was said of it alone."""
        told = self._announced.get((exchange, limit.name))
        if told is not None and window not in self._particular:
            self.learned[window] = (told, limit.capacity)
            self.fit(now_ns, window, limit)

    def refused(self, now_ns: int, counted: Mapping[Window, tuple[Limit, float]]) -> None:
        """The exchange refused a call for its rate, and told what it had counted before it on these limits.

        If that is less than we may use on the fullest of them, it has lowered the limit without a word, and what it
        counted is all there is.
        """
        window, (limit, units) = max(counted.items(), key=lambda row: row[1][1] / row[0].capacity)
        if not window.capacity / _LEAST <= units < window.capacity:
            return
        if window not in self.taught:
            text = "%s: refused at %g of %g: counts as lowered for an hour"
            log.warning(text, limit.name, units, window.capacity)
        self.taught[window] = (units, now_ns + _UNTAUGHT_NS)
        self.fit(now_ns, window, limit)

    def fit(self, now_ns: int, window: Window, limit: Limit) -> None:
        """Give the window the capacity that is in force for this limit; accounts at one address may differ in it."""
        capacity = limit.capacity
        learned = self.learned.get(window)
        if learned is not None:
            told, table = learned
            capacity = told if limit.capacity >= table and not limit.own else min(told, limit.capacity)
        if self.taught and (taught := self.taught.get(window)) is not None:
            if now_ns >= taught[1]:
                del self.taught[window]
            else:
                capacity = min(capacity, taught[0])
        if window.capacity != capacity:
            if isinstance(window, DecayingCounter):
                window.scale(now_ns, capacity)
            window.capacity = capacity

    def restore(self, window: Window, learned: tuple[float, float] | None, taught: tuple[float, int] | None) -> None:
        if learned is not None:
            self.learned[window] = learned
        if taught is not None:
            self.taught[window] = taught

    def forget(self, window: Window) -> None:
        self._particular.discard(window)
        self.learned.pop(window, None)
        self.taught.pop(window, None)


def say(limit: Limit, told: float) -> None:
    """For the log, where it is not what was believed."""
    if told != limit.capacity:
        whose = "the configuration" if limit.own else "the table"
        log.info("the exchange tells that %s is %g; %s says %g", limit.name, told, whose, limit.capacity)
