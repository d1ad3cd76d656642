"""All counters of a ledger: opened for the first call that needs them, forgotten when too many, kept over a restart."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import isfinite
from typing import Any

from proxy.clock import SECOND_NS
from proxy.limits.blocks import Subject
from proxy.limits.capacities import Capacities, say
from proxy.limits.coupling import Couplings, Pair, unexplained
from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment
from proxy.limits.saved import Saved, row_of, saved_of
from proxy.limits.snapshot import CounterState
from proxy.limits.takings import Key, Takings
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.limits.windows import window_for
from proxy.model import Ask, Charge, Limit, Permit, Scope, Shape, Usage

Booking = tuple[Window, Charge]

SHARED = "*"  # the detail of a counter that many symbols share; what the exchange says of one does not fit it
_MAX_COUNTERS = 20_000
_MINUTE_NS = 60 * SECOND_NS
_UNDER_WAY_NS = 60 * SECOND_NS  # what a dead process had sent has reached the exchange by then


class Counters:
    """Windows by key, and what the exchange said of their capacities."""

    def __init__(self) -> None:
        self.generation = 0  # rises when counters are forgotten
        self._rows: dict[Key, tuple[Window, Charge, str]] = {}  # and the exchange
        self._restored: set[Key] = set()  # not yet asked for by a call
        self.alignments: dict[str, Alignment] = {}
        self._forget_again_ns = 0
        self._doubted_ns: int | None = None
        self._unknown_ns: int | None = None
        self.unproved: set[Window] = set()  # one call at a time, until an answer has told what is used
        self.couplings = Couplings()
        self.capacities = Capacities()
        self.takings = Takings()

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
                if window in self.capacities.learned:
                    self.capacities.learned[shared] = self.capacities.learned[window]
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
            self.capacities.learn(now_ns, window, charge.limit, told.capacity)
        used = told.used if told.left is None else max(window.capacity - told.left, 0.0)
        if used is not None:
            window.tell(taken_ns, now_ns, used)
            if charge.limit.falls and own is not None and isinstance(window, FallingWindow):
                window.lower(taken_ns, now_ns, used, own)
        return window.capacity > capacity

    def learn_everywhere(self, now_ns: int, exchange: str, limit: str, told: float) -> bool:
        """The exchange announces a capacity for all its addresses or accounts; what it said of one of them stays.

        True if some counter has more room now.
        """
        if not (isfinite(told) and told > 0):
            return False
        news, raised = self.capacities.announce(exchange, limit, told), False
        for window, charge, owner in self._rows.values():
            if charge.limit.name == limit and owner == exchange:
                before = window.capacity
                if news:
                    say(charge.limit, told)
                    news = False
                self.capacities.begin(now_ns, window, charge.limit, exchange)
                raised = raised or window.capacity > before
        return raised

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
        self.takings.turn(now_ns, self._windows())
        self._end_couplings(now_ns)
        found = []
        for key, (window, charge, exchange) in self._rows.items():
            learned, taught = self.capacities.learned.get(window), self.capacities.taught.get(window)
            peak = self.takings.peak(window)
            if learned or taught or peak or window.used(now_ns):
                saved = Saved(key, window, charge, exchange, learned, taught, peak, window.in_flight)
                found.append(row_of(saved, now_ns))
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
        return self.takings.ever(self._windows())

    def _windows(self) -> Iterator[tuple[Key, Window]]:
        return ((key, row[0]) for key, row in self._rows.items())

    def restore(self, rows: list[dict[str, Any]], now_ns: int, down_ns: int, *, clean: bool) -> None:
        """Take over counters kept `down_ns` ago. All or nothing: raises what bad data raises.

        Calls that were in flight count as booked now, or a minute after the saving if that is earlier. Not `clean`:
        so do the calls that were sent after the saving; how many is unknown, the most that was taken between two
        savings in the last minutes is assumed.
        """
        saved_ns = now_ns - down_ns
        late_ns = min(now_ns, saved_ns + _UNDER_WAY_NS)
        found = []
        for row in rows:
            exchange = str(row["exchange"])
            saved = saved_of(row, exchange, self.alignment(exchange), saved_ns)
            window, units = saved.window, saved.in_flight
            if not clean:
                units += max(0.0, min(window.capacity - window.used(late_ns) - units, saved.peak))
            if units > DUST:
                window.book(late_ns, late_ns, units)
            found.append(saved)
        for saved in found:
            self._note_key(saved.key)
            self._rows[saved.key] = (saved.window, saved.charge, saved.exchange)
            self._restored.add(saved.key)
            self.capacities.restore(saved.window, saved.learned, saved.taught)
            self.takings.restore(now_ns, saved.window, saved.peak)
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

    def _begin(self, now_ns: int, limit: Limit, exchange: str) -> Window:
        window = window_for(limit, self.alignment(exchange))
        self.capacities.begin(now_ns, window, limit, exchange)
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
        self.unproved.discard(window)
        self._restored.discard(key)
        self.takings.forget(key, window)
        self.capacities.forget(window)
