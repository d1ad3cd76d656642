"""The ledger: counters and blocks of all subjects, and the one decision over them.

`acquire` takes the first route on which every charge fits, on all scopes at once or not at all. It looks
at keys and addresses apart, so its cost grows with their sum and not with their product.
"""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from proxy.clock import MILLISECOND_NS, Clock
from proxy.limits.blocks import Blocks, Subject
from proxy.limits.counters import SHARED, Booking, Counters
from proxy.limits.coupling import Pair
from proxy.limits.fixed_window import Alignment, FixedWindow
from proxy.limits.plan import Plan
from proxy.limits.refused import Refused
from proxy.limits.room import free, wait
from proxy.limits.snapshot import BlockState, Snapshot
from proxy.limits.window import DUST, NEVER_NS
from proxy.model import Ask, NotUntil, Permit, Route, Scope, Shape, Usage

log = logging.getLogger("ordergate.ledger")

_DRIFT = 10_000  # clocks run apart by less than one part in so many


class Ledger(Protocol):
    """What the daemon asks of a ledger. Only durations cross: a shared one has a clock of its own."""

    def acquire(self, ask: Ask) -> Permit | NotUntil: ...

    def settle(
        self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = (), asked: bool = True
    ) -> bool:
        """Close a permit, once. `sent` False gives its costs back; `well`: key and address are in good standing.

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
        self._key_turn: dict[tuple[str, str], int] = {}
        self._address_turn: dict[tuple[str, str | None], int] = {}

    def alignment(self, exchange: str) -> Alignment:
        """The exchange's clock as fixed windows see it; the owner of the measurement writes to it."""
        return self._counters.alignment(exchange)

    def acquire(self, ask: Ask) -> Permit | NotUntil:
        now = self._clock.now_ns()
        if not ask.routes:
            return NotUntil(NEVER_NS, Scope.KEY, "no route")
        plan = self._plan(now, ask)
        blocks = None if self._blocks.quiet else self._blocks  # nobody rests, which is most of the time
        if not free(now, plan.account, self._counters, blocks):
            wait_ns, what = wait(now, plan.account, self._counters, self._blocks)
            return NotUntil(wait_ns, Scope.ACCOUNT, what)
        return self._first_free(now, ask, plan, blocks) or self._in_the_way(now, ask, plan)

    def _first_free(self, now: int, ask: Ask, plan: Plan, blocks: Blocks | None) -> Permit | None:
        """The first route with room, from where the last call of this kind left off."""
        count = len(ask.routes)
        line = (ask.account, ask.call_class)
        turn = self._key_turn.get(line, 0)
        full: set[str] = set()
        for i in range(count):
            routes = ask.routes[(turn + i) % count]
            alias = routes.key
            bookings = plan.account.bookings
            if alias is not None:
                key = plan.keys.get(alias) or plan.key(now, alias)
                if not free(now, key, self._counters, blocks):
                    continue
                bookings = bookings + key.bookings
            place = (ask.account, alias)
            start = self._address_turn.get(place, 0)
            size = len(routes.addresses)
            for j in range(size):
                address = routes.addresses[(start + j) % size]
                if address in full:
                    continue
                here = plan.addresses.get(address) or plan.address(now, address)
                if not free(now, here, self._counters, blocks):
                    full.add(address)
                    continue
                if alias is not None and blocks is not None and blocks.wait_ns(_pair(ask, alias, address), now) != 0:
                    continue
                if count > 1:  # a pinned or public call leaves the turn to the others
                    self._key_turn[line] = (turn + i + 1) % count
                if size > 1:
                    self._address_turn[place] = (start + j + 1) % size
                return self._take(now, ask, Route(ask.account, alias, address), bookings + here.bookings)
        return None

    def _in_the_way(self, now: int, ask: Ask, plan: Plan) -> NotUntil:
        """What holds a call for which no route is free, and for how long at least."""
        refused = Refused()
        addresses: dict[str, tuple[int | None, str]] = {}
        for routes in ask.routes:
            alias = routes.key
            if alias is not None:
                wait_ns, what = wait(now, plan.key(now, alias), self._counters, self._blocks)
                if wait_ns != 0:
                    refused.add(wait_ns, Scope.KEY, what)
                    continue
            for address in routes.addresses:
                known = addresses.get(address)
                if known is None:
                    known = addresses[address] = wait(now, plan.address(now, address), self._counters, self._blocks)
                    if known[0] != 0:
                        refused.add(known[0], Scope.ADDRESS, known[1])
                if known[0] == 0 and alias is not None:
                    pair = _pair(ask, alias, address)
                    refused.add(self._blocks.wait_ns(pair, now), Scope.PAIR, self._blocks.reason(pair))
        return refused.shortest()

    def settle(
        self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = (), asked: bool = True
    ) -> bool:
        taken = self._open.pop(permit.id, None)
        if taken is None:
            return False
        self.changes += 1
        now = self._clock.now_ns()
        taken_ns = permit.taken_ns
        said = {row.limit: row for row in usage}
        if said:
            self._hears = True
        eased = asked and (not sent or self.alignment(permit.ask.exchange).moved())
        for window, charge in taken:
            # Calls in flight count twice once the exchange's own count includes them, until they are settled.
            twice = asked and self._hears and charge.limit.shape is Shape.FIXED
            before = window.used(now) if twice else 0.0
            left = window.in_flight - charge.units
            window.in_flight = left if left > DUST else 0.0  # sums of fractions do not come back to zero
            if sent:
                window.book(taken_ns, now, charge.units)
                if well and self._counters.unproved:
                    self._counters.unproved.discard(window)
            elif charge.draws and isinstance(window, FixedWindow):
                window.draw(taken_ns, charge.draws, -charge.units)
            told = said.get(charge.limit.name)
            if told is not None and charge.detail != SHARED:
                if told.capacity is not None:
                    capacity = window.capacity
                    self._counters.learn(now, window, charge.limit, told.capacity)
                    eased = eased or window.capacity > capacity
                window.tell(taken_ns, now, told.used)
            if before and window.used(now) < before - DUST:
                eased = True
        if self._blocks.watching:
            for subject in _subjects(permit):
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
        lately = self._counters.lately
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
            for subject in _subjects(permit):
                self._blocks.started(subject)
        return permit


def _pair(ask: Ask, alias: str, address: str) -> Subject:
    return ("pair", ask.account, alias, address)


def _subjects(permit: Permit) -> tuple[Subject, ...]:
    """Everybody who may have been blamed before, and whom the answer speaks for."""
    route = permit.route
    address: Subject = ("address", permit.ask.exchange, route.address)
    if route.key is None:
        return (address,)
    account: Subject = ("account", route.account)
    key: Subject = ("key", route.account, route.key)
    call_class = permit.ask.call_class
    pair: Subject = ("pair", route.account, route.key, route.address)
    return (address, account, (*account, call_class), key, (*key, permit.ask.endpoint), pair)
