"""The ledger: counters and blocks of all subjects, and the one decision over them.

`acquire` takes the first route on which every charge fits, on all scopes at once or not at all. It looks
at keys and addresses apart, so its cost grows with their sum and not with their product.
"""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from proxy.clock import MILLISECOND_NS, Clock
from proxy.limits.blocks import Blocks, Subject, owners, subjects
from proxy.limits.counters import SHARED, Booking, Counters
from proxy.limits.coupling import Pair
from proxy.limits.falling_window import FallingWindow
from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.plan import Plan
from proxy.limits.room import free
from proxy.limits.routes import Routes
from proxy.limits.snapshot import BlockState, Snapshot
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.model import Ask, Limit, NotUntil, Permit, Route, Scope, Shape, Usage

log = logging.getLogger("ordergate.ledger")

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
        refused: Scope | None = None,
    ) -> bool:
        """Close a permit, once. `sent` False gives its costs back; `well`: key and address are in good standing.

        `accepted`: the exchange did what was asked; such calls may cost less (`Charge.accepted`). `refused`: for its
        rate, by a limit of this scope.

        True, if it was `asked` (because somebody waits): a time that an `acquire` named may come sooner now, for calls
        on one of the same limits, or (an exchange's clock became known better) on a fixed window of the same exchange.
        The end of a call in flight, which NotUntil speaks of as None and `sooner`, is not meant.
        """
        ...

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None: ...

    def unblock(self, subject: Subject) -> None: ...

    def strikes(self, subject: Subject) -> int: ...

    def refusals(self, subject: Subject) -> int: ...


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
        self._routes = Routes(self._counters, self._blocks)

    def alignment(self, exchange: str) -> Alignment:
        """The exchange's clock as fixed windows see it; the owner of the measurement writes to it."""
        return self._counters.alignment(exchange)

    def acquire(self, ask: Ask) -> Permit | NotUntil:
        now = self._clock.now_ns()
        if not ask.routes:
            return NotUntil(NEVER_NS, Scope.KEY, "no route")
        plan = self._plan(now, ask)
        found = None
        if free(now, plan.account, self._counters, None if self._blocks.quiet else self._blocks):
            found = self._routes.first_free(now, ask, plan)
        return self._take(now, ask, *found) if found is not None else self._routes.in_the_way(now, ask, plan)

    def settle(
        self,
        permit: Permit,
        *,
        sent: bool,
        well: bool,
        accepted: bool = False,
        usage: Iterable[Usage] = (),
        asked: bool = True,
        refused: Scope | None = None,
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
        if any(row.capacity is not None for row in said.values()):
            refused = None  # the answer names the limit it is about, so it says nothing of the others
        counted: dict[Window, tuple[Limit, float]] = {}
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
            if units < charge.units and charge.draws and isinstance(window, FixedWindow):
                window.draw(taken_ns, charge.draws, units - charge.units)
            if well and self._counters.unproved:
                self._counters.unproved.discard(window)
            told = said.pop(charge.limit.name, None) if said else None
            if told is not None and charge.detail != SHARED:
                raised = self._counters.hear(taken_ns, now, (window, charge), told, units if accepted else None)
                eased = eased or (asked and raised)
                if refused is charge.limit.scope and told.used is not None:
                    counted[window] = (charge.limit, told.used - charge.units)
            if before and window.used(now) < before - DUST:
                eased = True
        if counted:
            self._counters.capacities.refused(now, counted)
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

    def blame(self, permit: Permit) -> Scope:
        """Who is to rest after a refusal that the exchange lays on the permit's key; asked before `settle`.

        KEY, or ACCOUNT where a limit of the call counts by account after all: such a refusal may show just that.
        """
        now = self._clock.now_ns()
        taken = self._open.get(permit.id, [])
        for pair in self._counters.refused(now, permit, taken):
            self.changes += 1
            moved = self._counters.couple(now, pair)
            for bookings in self._open.values():
                bookings[:] = [(moved.get(window, window), charge) for window, charge in bookings]
            log.warning("%s: %s is counted by account, not by key: more keys add nothing to it", *pair)
        one = any((permit.route.account, charge.limit.name) in self.coupled for _, charge in taken)
        return Scope.ACCOUNT if one else Scope.KEY

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        self.changes += 1
        now = self._clock.now_ns()
        self._blocks.block(subject, now, now + duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self.changes += 1
        self._blocks.unblock(subject)

    def rests(self, permit: Permit) -> bool:
        """Whether somebody that the permit needs was sent to rest since it was given."""
        now = self._clock.now_ns()
        return not self._blocks.quiet and any(self._blocks.rests(subject, now) for subject in subjects(permit))

    def strikes(self, subject: Subject) -> int:
        return self._blocks.strikes(subject)

    def refusals(self, subject: Subject) -> int:
        return self._blocks.refusals(subject)

    def snapshot(self) -> Snapshot:
        now, counters = self._clock.now_ns(), self._counters
        blocks = tuple(BlockState(subject, rest, reason) for subject, rest, reason in self._blocks.standing(now))
        return Snapshot(counters.states(now), blocks, self.coupled, counters.units())

    @property
    def coupled(self) -> frozenset[Pair]:
        """(account, limit): found to be counted by account, though the table says by key."""
        return frozenset(self._counters.couplings.pairs)

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
            "coupled": self._counters.couplings.state(now),
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
        self._counters.couplings.restore(state.get("coupled", []), now, down_ns)
        self._counters.restore(state["counters"], now, down_ns, clean=clean)
        self._blocks.restore(state["blocks"], now, wall_ms, down_ns)
        self.changes += 1

    def assume_used(self) -> None:
        """There was a process before, and nothing is known of it: see `Counters.assume_used`."""
        self._counters.assume_used(self._clock.now_ns())

    def prove(self) -> None:
        """The first process, as far as anybody knows: see `Counters.prove`."""
        self._counters.prove(self._clock.now_ns())

    def _plan(self, now: int, ask: Ask) -> Plan:
        plan = ask.plan[0] if ask.plan else None
        if not isinstance(plan, Plan) or plan.generation != self._counters.generation:
            plan = Plan(now, ask, self._counters)
            ask.plan[:] = [plan]
        return plan

    def _take(self, now: int, ask: Ask, route: Route, bookings: list[Booking]) -> Permit:
        self._next_id += 1
        self.changes += 1
        remaining = 1.0
        lately = self._counters.takings.lately
        for window, charge in bookings:
            window.in_flight += charge.units
            lately[window] = lately.get(window, 0.0) + charge.units
            if charge.draws and isinstance(window, FixedWindow):
                window.draw(now, charge.draws, charge.units)
            if charge.limit.shape is not Shape.INFLIGHT:
                remaining = min(remaining, 1 - window.used(now) / window.capacity)
        permit = Permit(self._next_id, route, ask, now, max(remaining, 0.0))
        self._open[permit.id] = bookings
        if self._blocks.watching:
            for subject in subjects(permit):
                self._blocks.started(subject)
        return permit
