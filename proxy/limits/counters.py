"""All counters of a ledger: opened for the first call that needs them, forgotten when too many, kept over a restart."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import isfinite
from typing import Any

from proxy.clock import SECOND_NS
from proxy.limits.blocks import Subject
from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.limits.windows import DecayingCounter, window_for
from proxy.model import Ask, Charge, Limit, Scope, Shape, Usage

log = logging.getLogger("ordergate.limits")

Booking = tuple[Window, Charge]
Key = tuple[str, ...]
"""(limit, scope, owner[, name], detail)"""

SHARED = "*"  # the detail of a counter that many symbols share; what the exchange says of one does not fit it
_MAX_COUNTERS = 20_000
_MINUTE_NS = 60 * SECOND_NS
_UNDER_WAY_NS = 60 * SECOND_NS  # what a dead process had sent has reached the exchange by then


class Counters:
    """Windows by key, and what the exchange said of their capacities."""

    def __init__(self) -> None:
        self.generation = 0  # rises when counters are forgotten
        self.lately: dict[Window, float] = {}  # units taken since the last `state`
        self._rows: dict[Key, tuple[Window, Charge, str]] = {}  # and the exchange
        self._learned: dict[Window, tuple[float, float]] = {}  # capacity told, and that of the table at that time
        self._peaks: dict[Window, tuple[int, float, float]] = {}  # minute, its highest `lately`, that of the one before
        self._announced: dict[tuple[str, str], float] = {}  # (exchange, limit) -> capacity told for everybody
        self._particular: set[Window] = set()  # their capacity was told of them alone
        self._restored: set[Key] = set()  # not yet asked for by a call
        self.alignments: dict[str, Alignment] = {}
        self._forget_again_ns = 0
        self._doubted_ns: int | None = None

    def __iter__(self) -> Iterator[tuple[Key, Window, Charge]]:
        return ((key, window, charge) for key, (window, charge, _) in self._rows.items())

    def alignment(self, exchange: str) -> Alignment:
        return self.alignments.setdefault(exchange, Alignment(error_ns=NEVER_NS))

    def bookings(self, now_ns: int, ask: Ask, scope: Scope, subject: Subject) -> list[Booking]:
        """The counters that an ask is charged on in this scope."""
        found = []
        for charge in ask.charges:
            if charge.limit.scope is scope:
                key = (charge.limit.name, *subject, charge.detail)
                row = self._rows.get(key)
                if row is None:
                    window = self._open(now_ns, key, charge, ask.exchange)
                else:
                    window = self._adopted(now_ns, key, charge, ask.exchange) if key in self._restored else row[0]
                if (row := self._rows.get(key)) is None or row[0] is not window:
                    charge = replace(charge, detail=SHARED)
                found.append((window, charge))
        return found

    def find(self, limit: str, subjects: Iterable[Subject]) -> Booking | None:
        """The counter that one of the subjects has for this limit, if a call was charged on it before."""
        for subject in subjects:
            row = self._rows.get((limit, *subject, ""))
            if row is not None:
                return row[0], row[1]
        return None

    def hear(self, taken_ns: int, now_ns: int, booking: Booking, told: Usage, own: float | None) -> bool:
        """What an answer says of one counter. `own`: the call's units on it, which that includes; None: perhaps not.

        True if the capacity rose.
        """
        window, charge = booking
        capacity = window.capacity
        if told.capacity is not None:
            self.learn(now_ns, window, charge.limit, told.capacity)
        used = told.used if told.left is None else max(window.capacity - told.left, 0.0)
        if used is not None:
            window.tell(taken_ns, now_ns, used)
            if charge.limit.falls and own is not None and isinstance(window, FallingWindow):
                window.lower(taken_ns, now_ns, used, own)
        return window.capacity > capacity

    def learn(self, now_ns: int, window: Window, limit: Limit, told: float) -> None:
        """The exchange names the capacity. It wins over the table's until that (or configuration) is lowered.

        Over the operator's own it wins only if it is lower.
        """
        if isfinite(told) and told > 0:
            self._particular.add(window)
            if (known := self._learned.get(window)) is None or known[0] != told:
                self._say(limit, told)
            self._learned[window] = (told, limit.capacity)
            self.fit(now_ns, window, limit)

    def learn_everywhere(self, now_ns: int, exchange: str, limit: str, told: float) -> bool:
        """The exchange announces a capacity for all its addresses or accounts; what it said of one of them stays.

        True if some counter has more room now.
        """
        if not (isfinite(told) and told > 0):
            return False
        news = self._announced.get((exchange, limit)) != told
        self._announced[exchange, limit] = told
        raised = False
        for window, charge, owner in self._rows.values():
            if charge.limit.name == limit and owner == exchange and window not in self._particular:
                before = window.capacity
                self._learned[window] = (told, charge.limit.capacity)
                self.fit(now_ns, window, charge.limit)
                raised = raised or window.capacity > before
                if news:
                    self._say(charge.limit, told)
                    news = False
        return raised

    def _say(self, limit: Limit, told: float) -> None:
        if told != limit.capacity:
            whose = "the configuration" if limit.own else "the table"
            log.info("the exchange tells that %s is %g; %s says %g", limit.name, told, whose, limit.capacity)

    def fit(self, now_ns: int, window: Window, limit: Limit) -> None:
        """Give the window the capacity that is in force for this limit; accounts at one address may differ in it."""
        capacity = limit.capacity
        learned = self._learned.get(window)
        if learned is not None:
            told, table = learned
            capacity = told if limit.capacity >= table and not limit.own else min(told, limit.capacity)
        if window.capacity != capacity:
            if isinstance(window, DecayingCounter):
                window.scale(now_ns, capacity)
            window.capacity = capacity

    def assume_used(self, now_ns: int) -> None:
        """Nothing is known of the time before: limits of a minute and less begin with everything used at `now_ns`.

        Longer ones begin empty: a day without orders would be worse than an order refused.
        """
        self._doubted_ns = now_ns

    def state(self, now_ns: int) -> list[dict[str, Any]]:
        """What is worth keeping of each counter. Counts units taken between two calls of this: the crash margin."""
        minute = now_ns // _MINUTE_NS
        for window, units in self.lately.items():
            last, highest, before = self._peaks.get(window, (minute, 0.0, 0.0))
            if last != minute:
                highest, before = 0.0, highest if last == minute - 1 else 0.0
            self._peaks[window] = (minute, max(highest, units), before)
        self.lately.clear()
        self._peaks = {window: row for window, row in self._peaks.items() if row[0] >= minute - 1}
        found = []
        for key, (window, charge, exchange) in self._rows.items():
            learned = self._learned.get(window)
            peak = max(self._peaks.get(window, (0, 0.0, 0.0))[1:])
            if learned or peak or window.used(now_ns):
                limit = charge.limit
                found.append(
                    {
                        "key": list(key),
                        "exchange": exchange,
                        "scope": limit.scope.value,
                        "shape": limit.shape.value,
                        "window_ns": limit.window_ns,
                        "capacity": limit.capacity,
                        "per": limit.per,
                        "falls": limit.falls,
                        "in_force": window.capacity,
                        "learned": list(learned) if learned else None,
                        "in_flight": window.in_flight,
                        "peak": peak,
                        "booked": window.state(now_ns),
                    }
                )
        return found

    def restore(self, rows: list[dict[str, Any]], now_ns: int, down_ns: int, *, clean: bool) -> None:
        """Take over counters kept `down_ns` ago. All or nothing: raises what bad data raises.

        Calls that were in flight count as booked now, or a minute after the saving if that is earlier. Not `clean`:
        so do the calls that were sent after the saving; how many is unknown, the most that was taken between two
        savings in the last minutes is assumed.
        """
        saved_ns = now_ns - down_ns
        late_ns = min(now_ns, saved_ns + _UNDER_WAY_NS)
        found: dict[Key, tuple[Window, Charge, str]] = {}
        learned: dict[Window, tuple[float, float]] = {}
        peaks: dict[Window, tuple[int, float, float]] = {}
        for row in rows:
            key = tuple(str(part) for part in row["key"])
            capacity, window_ns, per = float(row["capacity"]), int(row["window_ns"]), str(row["per"])
            scope, shape, falls = Scope(row["scope"]), Shape(row["shape"]), bool(row.get("falls", False))
            limit = Limit(key[0], scope, shape, capacity, window_ns, per, falls)
            exchange = str(row["exchange"])
            window = window_for(limit, self.alignment(exchange))
            if row["learned"] is not None:
                told, table = row["learned"]
                learned[window] = (float(told), float(table))
            window.capacity = float(row["in_force"])
            window.restore(row["booked"], saved_ns)
            units, peak = float(row["in_flight"]), float(row["peak"])
            if not clean:
                units += max(0.0, min(window.capacity - window.used(late_ns) - units, peak))
            if units > DUST:
                window.book(late_ns, late_ns, units)
            if peak:
                peaks[window] = (now_ns // _MINUTE_NS, peak, 0.0)
            found[key] = (window, Charge(limit, 0.0, key[-1]), exchange)
        self._rows.update(found)
        self._learned.update(learned)
        self._peaks.update(peaks)
        self._restored.update(found)
        self.generation += 1

    def _open(self, now_ns: int, key: Key, charge: Charge, exchange: str) -> Window:
        if len(self._rows) >= _MAX_COUNTERS:
            self._forget_idle(now_ns)
        if len(self._rows) >= _MAX_COUNTERS and charge.detail:
            # Symbols come from bots. All that are too many share one counter, which holds them back too early.
            key = (*key[:-1], SHARED)
            if key in self._rows:
                return self._rows[key][0]
        limit = charge.limit
        window = self._begin(now_ns, limit, exchange)
        self._rows[key] = (window, charge, exchange)
        doubted_ns = self._doubted_ns
        if doubted_ns is not None and limit.window_ns <= _MINUTE_NS and now_ns - doubted_ns < 2 * limit.window_ns:
            window.book(doubted_ns, doubted_ns, limit.capacity)
        return window

    def _begin(self, now_ns: int, limit: Limit, exchange: str) -> Window:
        window = window_for(limit, self.alignment(exchange))
        if (told := self._announced.get((exchange, limit.name))) is not None:
            self._learned[window] = (told, limit.capacity)
            self.fit(now_ns, window, limit)
        return window

    def _adopted(self, now_ns: int, key: Key, charge: Charge, exchange: str) -> Window:
        """A restored counter, when a call first asks for it: the table of today may count in another shape."""
        self._restored.discard(key)
        window, kept, _ = self._rows[key]
        limit = charge.limit
        before = kept.limit
        if (limit.shape, limit.window_ns, limit.falls) != (before.shape, before.window_ns, before.falls):
            used = window.used(now_ns)
            self._drop(key)
            window = self._begin(now_ns, limit, exchange)
            window.book(now_ns, now_ns, min(used, limit.capacity))
        self._rows[key] = (window, charge, exchange)
        return window

    def _forget_idle(self, now_ns: int) -> None:
        if now_ns >= self._forget_again_ns:
            self._forget_again_ns = now_ns + SECOND_NS
            self.generation += 1
            for key in [key for key, row in self._rows.items() if row[0].used(now_ns) == 0]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        window = self._rows.pop(key)[0]
        self._restored.discard(key)
        self._particular.discard(window)
        for known in (self.lately, self._learned, self._peaks):
            known.pop(window, None)
