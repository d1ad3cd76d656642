"""All counters of a ledger: opened for the first call that needs them, forgotten when too many, kept over a restart."""

from dataclasses import replace
from math import isfinite
from typing import Any

from proxy.clock import SECOND_NS
from proxy.limits.blocks import Subject
from proxy.limits.coupling import Couplings, Pair, unexplained
from proxy.limits.fixed_window import Alignment
from proxy.limits.snapshot import CounterState
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.limits.windows import DecayingCounter, window_for
from proxy.model import Ask, Charge, Limit, Permit, Scope, Shape

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
        self._restored: set[Key] = set()  # not yet asked for by a call
        self.alignments: dict[str, Alignment] = {}
        self._forget_again_ns = 0
        self._doubted_ns: int | None = None
        self._unknown_ns: int | None = None
        self.unproved: set[Window] = set()  # one call at a time, until an answer has told what is used
        self.couplings = Couplings()
        self.taken: dict[Key, float] = {}  # (limit, scope, owner[, name]) -> units taken before `lately`

    def alignment(self, exchange: str) -> Alignment:
        return self.alignments.setdefault(exchange, Alignment(error_ns=NEVER_NS))

    def bookings(self, now_ns: int, ask: Ask, scope: Scope, subject: Subject) -> list[Booking]:
        """The counters that an ask is charged on in this scope."""
        found = []
        coupled = self.couplings.pairs
        for charge in ask.charges:
            if (Scope.ACCOUNT if (ask.account, charge.limit.name) in coupled else charge.limit.scope) is scope:
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

    def refused(self, now_ns: int, permit: Permit, bookings: list[Booking]) -> list[Pair]:
        """A call was refused for what its key has used. The limits that are thereby found to count by account."""
        account, alias = permit.route.account, permit.route.key
        found = []
        for window, charge in bookings:
            limit, pair = charge.limit, (account, charge.limit.name)
            counts = limit.scope is Scope.KEY and limit.shape is not Shape.INFLIGHT
            if alias is None or not counts or pair in self.couplings.pairs:
                continue
            rows = [
                self._rows.get((limit.name, "key", account, key, charge.detail))
                for key in self.couplings.keys.get(account, ())
            ]
            together = sum(row[0].used(now_ns) for row in rows if row is not None)
            # What was left on the fullest limit of the call when it was taken: the key had used no more of this one.
            before = (1 - permit.remaining) * window.capacity - charge.units
            shown = unexplained(before, together, window.capacity)
            if shown and self.couplings.witness(now_ns, pair, alias):
                found.append(pair)
        return found

    def couple(self, now_ns: int, pair: Pair) -> dict[Window, Window]:
        """Let the account's counters take the place of its keys': which one takes whose.

        What the keys have used counts as used now; calls in flight go on in the new counter, as bookings of theirs do.
        """
        account, name = pair
        moved: dict[Window, Window] = {}
        keys = [key for key in self._rows if key[:3] == (name, "key", account)]
        for key in sorted(keys, key=lambda key: self._rows[key][0].capacity):  # the lowest capacity is the account's
            window, charge, exchange = self._rows[key]
            place = (name, "account", account, key[-1])
            row = self._rows.get(place)
            if row is None:
                shared = window_for(charge.limit, self.alignment(exchange))
                shared.capacity = window.capacity
                if window in self._learned:
                    self._learned[shared] = self._learned[window]
                self._rows[place] = (shared, charge, exchange)
            else:
                shared = row[0]
            room = shared.capacity - (shared.used(now_ns) - shared.in_flight)
            booked = min(window.used(now_ns) - window.in_flight, room)
            if booked > DUST:
                shared.book(now_ns, now_ns, booked)
            shared.in_flight += window.in_flight
            moved[window] = shared
            self._drop(key)
        self.generation += 1
        return moved

    def learn(self, now_ns: int, window: Window, limit: Limit, told: float) -> None:
        """The exchange names the capacity. It wins over the table's until that (or configuration) is lowered."""
        if isfinite(told) and told > 0:
            self._learned[window] = (told, limit.capacity)
            self.fit(now_ns, window, limit)

    def fit(self, now_ns: int, window: Window, limit: Limit) -> None:
        """Give the window the capacity that is in force for this limit; accounts at one address may differ in it."""
        capacity = limit.capacity
        learned = self._learned.get(window)
        if learned is not None:
            told, table = learned
            capacity = told if limit.capacity >= table else min(told, limit.capacity)
        if window.capacity != capacity:
            if isinstance(window, DecayingCounter):
                window.scale(now_ns, capacity)
            window.capacity = capacity

    def assume_used(self, now_ns: int) -> None:
        """Nothing is known of the time before: limits of a minute and less begin with everything used at `now_ns`.

        Longer ones begin empty: a day without orders would be worse than an order refused.
        """
        self._doubted_ns = now_ns

    def prove(self, now_ns: int) -> None:
        """Nothing is known of the time before, and perhaps nothing was: on limits that answers tell of, the first
        call goes alone."""
        self._unknown_ns = now_ns

    def state(self, now_ns: int) -> list[dict[str, Any]]:
        """What is worth keeping of each counter. Counts units taken between two calls of this: the crash margin."""
        minute = now_ns // _MINUTE_NS
        for window, units in self.lately.items():
            last, highest, before = self._peaks.get(window, (minute, 0.0, 0.0))
            if last != minute:
                highest, before = 0.0, highest if last == minute - 1 else 0.0
            self._peaks[window] = (minute, max(highest, units), before)
        self.taken = self.units()
        self.lately.clear()
        self._peaks = {window: row for window, row in self._peaks.items() if row[0] >= minute - 1}
        self._end_couplings(now_ns)
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
                        "in_force": window.capacity,
                        "learned": list(learned) if learned else None,
                        "in_flight": window.in_flight,
                        "peak": peak,
                        "booked": window.state(now_ns),
                    }
                )
        return found

    def states(self, now_ns: int) -> tuple[CounterState, ...]:
        """All counters, for people and metrics."""
        found = []
        for key, (window, charge, _) in self._rows.items():
            limit, used = charge.limit, window.used(now_ns)
            name, scope, owner, *alias, detail = key  # (limit, scope, owner[, name], detail)
            row = (name, Scope(scope), owner, "".join(alias), detail, used, window.capacity, limit.window_ns)
            found.append(CounterState(*row))
        return tuple(found)

    def units(self) -> dict[Key, float]:
        """Units taken since the start: (limit, scope, owner[, name]) -> units."""
        found = dict(self.taken)
        if self.lately:
            for key, (window, _, _) in self._rows.items():
                if (units := self.lately.get(window)) is not None:
                    found[key[:-1]] = found.get(key[:-1], 0.0) + units
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
            limit = Limit(key[0], Scope(row["scope"]), Shape(row["shape"]), capacity, window_ns, per)
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
        for key in found:
            self._note_key(key)
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
        window = window_for(limit, self.alignment(exchange))
        self._rows[key] = (window, charge, exchange)
        self._note_key(key)
        if key[1] == Scope.KEY and (former := self._rows.get((key[0], "account", key[2], key[-1]))) is not None:
            # Was coupled until lately: who of the keys used how much of it is not known.
            used = min(former[0].used(now_ns), limit.capacity)
            if used > DUST:
                window.book(now_ns, now_ns, used)
        doubted_ns = self._doubted_ns
        if doubted_ns is not None and limit.window_ns <= _MINUTE_NS and now_ns - doubted_ns < 2 * limit.window_ns:
            window.book(doubted_ns, doubted_ns, limit.capacity)
        if limit.told and self._unknown_ns is not None and now_ns - self._unknown_ns < limit.window_ns:
            self.unproved.add(window)
        return window

    def _note_key(self, key: Key) -> None:
        if key[1] == Scope.KEY:
            self.couplings.keys.setdefault(key[2], set()).add(key[3])

    def _end_couplings(self, now_ns: int) -> None:
        """Drop couplings that are over, and the counters of former ones once they are idle."""
        if not self.couplings.ever:
            return
        if self.couplings.end(now_ns):
            self.generation += 1
        former = [
            key
            for key, (window, charge, _) in self._rows.items()
            if key[1] == Scope.ACCOUNT and charge.limit.scope is Scope.KEY and not window.used(now_ns)
        ]
        for key in former:
            if (key[2], key[0]) not in self.couplings.pairs:
                self._drop(key)

    def _adopted(self, now_ns: int, key: Key, charge: Charge, exchange: str) -> Window:
        """A restored counter, when a call first asks for it: the table of today may count in another shape."""
        self._restored.discard(key)
        window, kept, _ = self._rows[key]
        limit = charge.limit
        if (limit.shape, limit.window_ns) != (kept.limit.shape, kept.limit.window_ns):
            used = window.used(now_ns)
            self._drop(key)
            window = window_for(limit, self.alignment(exchange))
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
        self.unproved.discard(window)
        self._restored.discard(key)
        if window in self.lately:
            self.taken[key[:-1]] = self.taken.get(key[:-1], 0.0) + self.lately[window]
        for known in (self.lately, self._learned, self._peaks):
            known.pop(window, None)
