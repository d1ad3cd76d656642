"""The ledger: counters and blocks of all subjects, and the one decision over them.

`acquire` takes the first route on which every charge fits, on all scopes at once or not at all. It looks
at keys and addresses apart, so its cost grows with their sum and not with their product.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from proxy.clock import MILLISECOND_NS, Clock
from proxy.limits.blocks import Blocks, Subject, owners, subjects
from proxy.limits.counters import SHARED, Booking, Counters
from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment
from proxy.limits.refused import Refused
from proxy.limits.snapshot import BlockState, CounterState, Snapshot
from proxy.limits.window import DUST, NEVER_NS
from proxy.model import Ask, NotUntil, Permit, Route, Scope, Shape, Usage

_DRIFT = 10_000  # clocks run apart by less than one part in so many


class Ledger(Protocol):
    """What the daemon asks of a ledger. Only durations cross: a shared one has a clock of its own."""

    def acquire(self, ask: Ask) -> Permit | NotUntil: ...

    def settle(
        self,
        permit: Permit,
        *,
        sent: bool,
        well: bool,
        accepted: bool = False,
        usage: Iterable[Usage] = (),
        asked: bool = True,
    ) -> bool:
        """Close a permit, once. `sent` False gives its costs back; `well`: key and address are in good standing.

        `accepted`: the exchange did what was asked; such calls may cost less (`Charge.accepted`).

        True, if it was `asked` (because somebody waits): a time that an `acquire` named may come sooner now, for calls
        on one of the same limits, or (an exchange's clock became known better) on a fixed window of the same exchange.
        The end of a call in flight, which NotUntil speaks of as None and `sooner`, is not meant.
        """
        ...

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None: ...

    def unblock(self, subject: Subject) -> None: ...

    def strikes(self, subject: Subject) -> int: ...

    def refusals(self, subject: Subject) -> int: ...


class _Plan:
    """What an ask's routes are charged on: looked up once and kept with the ask."""

    __slots__ = ("account", "addresses", "generation", "keys")

    def __init__(self, account: list[Booking], generation: int) -> None:
        self.account = account
        self.keys: dict[str, list[Booking]] = {}
        self.addresses: dict[str, list[Booking]] = {}
        self.generation = generation


class MemoryLedger:
    """The ledger of one daemon."""

    def __init__(self, clock: Clock) -> None:
        self.changes = 0  # rises with everything that `state` tells of
        self._clock = clock
        self._counters = Counters()
        self._blocks = Blocks()
        self._hears = False  # some exchange has told its own count
        self._next_id = 0
        self._open: dict[int, list[Booking]] = {}
        self._key_turn: dict[tuple[str, str], int] = {}
        self._address_turn: dict[tuple[str, str | None], int] = {}

    def alignment(self, exchange: str) -> Alignment:
        """The exchange's clock as fixed windows see it; the owner of the measurement writes to it."""
        return self._counters.alignment(exchange)

    def acquire(self, ask: Ask) -> Permit | NotUntil:
        now = self._clock.now_ns()
        count = len(ask.routes)
        if not count:
            return NotUntil(NEVER_NS, Scope.KEY, "no route")
        plan = self._plan(ask)
        quiet = self._blocks.quiet  # nobody rests, which is most of the time
        resting: tuple[Subject, ...] = ()
        if not quiet and ask.routes[0].key is not None:  # a public call is nobody's: a resting account lets it pass
            resting = (("account", ask.account), ("account", ask.account, ask.call_class))
        wait, what = self._wait(now, plan.account, resting)
        if wait != 0:
            return NotUntil(wait, Scope.ACCOUNT, what)
        refused = Refused()
        address_waits: dict[str, tuple[int | None, str]] = {}
        line = (ask.account, ask.call_class)
        turn = self._key_turn.get(line, 0)
        for i in range(count):
            routes = ask.routes[(turn + i) % count]
            alias = routes.key
            bookings = plan.account
            if alias is not None:
                wait, what, key_bookings = self._key_wait(now, ask, plan, alias, quiet)
                if wait != 0:
                    refused.add(wait, Scope.KEY, what)
                    continue
                bookings = bookings + key_bookings
            place = (ask.account, alias)
            start = self._address_turn.get(place, 0)
            size = len(routes.addresses)
            for j in range(size):
                address = routes.addresses[(start + j) % size]
                known = address_waits.get(address)
                if known is None:
                    known = address_waits[address] = self._address_wait(now, ask, plan, address, quiet)
                wait, what = known
                scope = Scope.ADDRESS
                if wait == 0 and alias is not None and not quiet:
                    wait, what = self._wait(now, [], (("pair", ask.account, alias, address),))
                    scope = Scope.PAIR
                if wait == 0:
                    if count > 1:  # a pinned or public call leaves the turn to the others
                        self._key_turn[line] = (turn + i + 1) % count
                    if size > 1:
                        self._address_turn[place] = (start + j + 1) % size
                    route = Route(ask.account, alias, address)
                    return self._take(now, ask, route, bookings + plan.addresses[address])
                refused.add(wait, scope, what)
        return refused.shortest()

    def settle(
        self,
        permit: Permit,
        *,
        sent: bool,
        well: bool,
        accepted: bool = False,
        usage: Iterable[Usage] = (),
        asked: bool = True,
    ) -> bool:
        taken = self._open.pop(permit.id, None)
        if taken is None:
            return False
        self.changes += 1
        now = self._clock.now_ns()
        taken_ns = permit.taken_ns
        said: dict[str, Usage] = {}
        raised = False
        for row in usage:
            if not row.everywhere:
                said[row.limit] = row
            elif row.capacity is not None:
                raised = self._counters.learn_everywhere(now, permit.ask.exchange, row.limit, row.capacity) or raised
        if said:
            self._hears = True
        eased = asked and (not sent or raised or self.alignment(permit.ask.exchange).moved())
        for window, charge in taken:
            # Calls in flight count twice once the exchange's own count includes them, until they are settled.
            twice = asked and self._hears and charge.limit.shape is Shape.FIXED
            before = window.used(now) if twice else 0.0
            left = window.in_flight - charge.units
            window.in_flight = left if left > DUST else 0.0  # sums of fractions do not come back to zero
            units = charge.units if sent else 0.0
            if accepted and charge.accepted is not None:
                units = charge.accepted
                eased = eased or (asked and units < charge.units)
            if units:
                window.book(taken_ns, now, units)
                if charge.limit.falls and not well and isinstance(window, FallingWindow):
                    window.note_unsure(now, units)
            told = said.pop(charge.limit.name, None) if said else None
            if told is not None and charge.detail != SHARED:
                raised = self._counters.hear(taken_ns, now, (window, charge), told, units if accepted else None)
                eased = eased or (asked and raised)
            if before and window.used(now) < before - DUST:
                eased = True
        for row in said.values():  # of limits that the call did not cost anything on
            booking = self._counters.find(row.limit, owners(permit))
            if booking is not None:
                before = booking[0].used(now)
                raised = self._counters.hear(taken_ns, now, booking, row, 0.0 if accepted else None)
                eased = eased or (asked and (raised or booking[0].used(now) < before - DUST))
        if self._blocks.watching:
            for subject in subjects(permit):
                self._blocks.ended(subject, permit.taken_ns, well=well)
        return eased

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        self.changes += 1
        now = self._clock.now_ns()
        self._blocks.block(subject, now, now + duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self.changes += 1
        self._blocks.unblock(subject)

    def strikes(self, subject: Subject) -> int:
        return self._blocks.strikes(subject)

    def refusals(self, subject: Subject) -> int:
        return self._blocks.refusals(subject)

    def snapshot(self) -> Snapshot:
        now = self._clock.now_ns()
        counters = []
        for key, window, charge in self._counters:
            limit = charge.limit
            _, _, owner, *name, detail = key  # (limit, scope, owner[, name], detail)
            used = window.used(now)
            counters.append(CounterState(limit.name, limit.scope, owner, "".join(name), detail, used, window.capacity))
        blocks = tuple(BlockState(subject, rest, reason) for subject, rest, reason in self._blocks.standing(now))
        return Snapshot(tuple(counters), blocks)

    def state(self) -> dict[str, Any]:
        """What a new process must know of this one, as plain JSON data: ages, durations and wall-clock times only."""
        now, wall_ms = self._clock.now_ns(), self._clock.wall_ms()
        clocks = {
            exchange: [align.offset_ns + now - wall_ms * MILLISECOND_NS, align.error_ns]
            for exchange, align in self._counters.alignments.items()
            if align.error_ns < NEVER_NS
        }
        return {
            "now_ns": now,  # tells a wall clock that was set from time that passed, until the machine boots
            "wall_ms": wall_ms,
            "clocks": clocks,  # exchange wall time minus ours, and how far off that may be
            "counters": self._counters.state(now),
            "blocks": self._blocks.state(now, wall_ms),
        }

    def restore(self, state: dict[str, Any], down_ns: int, *, clean: bool = True) -> None:
        """Take over a state that is `down_ns` old at least: too short keeps counts too long, too long loses some.

        Not `clean`: the former process went on after the saving, see `Counters.restore`. A wall clock that moved
        apart from the monotonic one was set: the exchange's is then known less well by as much. Of the two ends of a
        block the later one holds. Raises what bad data raises (ValueError, TypeError, LookupError, ...).
        """
        now, wall_ms = self._clock.now_ns(), self._clock.wall_ms()
        elapsed_ns = now - int(state["now_ns"])
        set_by_ns = abs((wall_ms - int(state["wall_ms"])) * MILLISECOND_NS - elapsed_ns) if elapsed_ns >= 0 else 0
        for exchange, (ahead_ns, error_ns) in state["clocks"].items():
            error_ns = int(error_ns) + set_by_ns + down_ns // _DRIFT + 2 * MILLISECOND_NS
            self.alignment(exchange).set(int(ahead_ns) + wall_ms * MILLISECOND_NS - now, error_ns)
        self._counters.restore(state["counters"], now, down_ns, clean=clean)
        self._blocks.restore(state["blocks"], now, wall_ms, down_ns)
        self.changes += 1

    def assume_used(self) -> None:
        """There was a process before, and nothing is known of it: see `Counters.assume_used`."""
        self._counters.assume_used(self._clock.now_ns())

    def _plan(self, ask: Ask) -> _Plan:
        plan = ask.plan[0] if ask.plan else None
        if not isinstance(plan, _Plan) or plan.generation != self._counters.generation:
            plan = _Plan(self._bookings(ask, Scope.ACCOUNT, ("account", ask.account)), self._counters.generation)
            ask.plan[:] = [plan]
        return plan

    def _key_wait(
        self, now: int, ask: Ask, plan: _Plan, alias: str, quiet: bool
    ) -> tuple[int | None, str, list[Booking]]:
        subject: Subject = ("key", ask.account, alias)
        bookings = plan.keys.get(alias)
        if bookings is None:
            bookings = plan.keys[alias] = self._bookings(ask, Scope.KEY, subject)
        return (*self._wait(now, bookings, () if quiet else (subject, (*subject, ask.endpoint))), bookings)

    def _address_wait(self, now: int, ask: Ask, plan: _Plan, address: str, quiet: bool) -> tuple[int | None, str]:
        subject: Subject = ("address", ask.exchange, address)
        bookings = plan.addresses.get(address)
        if bookings is None:
            bookings = plan.addresses[address] = self._bookings(ask, Scope.ADDRESS, subject)
        return self._wait(now, bookings, () if quiet else (subject,))

    def _bookings(self, ask: Ask, scope: Scope, subject: Subject) -> list[Booking]:
        return self._counters.bookings(self._clock.now_ns(), ask, scope, subject)

    def _wait(self, now: int, bookings: list[Booking], subjects: tuple[Subject, ...]) -> tuple[int | None, str]:
        """The longest of all waits and what imposes it; None if nothing but calls in flight is in the way."""
        longest = 0
        what = in_flight = ""
        for subject in subjects:
            wait = self._blocks.wait_ns(subject, now)
            if wait is None:
                in_flight = self._blocks.reason(subject)
            elif wait > longest:
                longest, what = wait, self._blocks.reason(subject)
        for window, charge in bookings:
            if window.capacity != charge.limit.capacity:
                self._counters.fit(now, window, charge.limit)
            wait = window.wait_ns(now, charge.units, charge.kept)
            if wait is None:
                in_flight = charge.limit.name
            elif wait > longest:
                longest, what = wait, charge.limit.name
        return (None, in_flight) if in_flight and not longest else (longest, what)

    def _take(self, now: int, ask: Ask, route: Route, bookings: list[Booking]) -> Permit:
        self._next_id += 1
        self.changes += 1
        remaining = 1.0
        lately = self._counters.lately
        for window, charge in bookings:
            window.in_flight += charge.units
            lately[window] = lately.get(window, 0.0) + charge.units
            if charge.limit.shape is not Shape.INFLIGHT:
                remaining = min(remaining, 1 - window.used(now) / window.capacity)
        permit = Permit(self._next_id, route, ask, now, max(remaining, 0.0))
        self._open[permit.id] = bookings
        if self._blocks.watching:
            for subject in subjects(permit):
                self._blocks.started(subject)
        return permit
