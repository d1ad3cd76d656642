"""The ledger: counters and blocks of all subjects, and the one decision over them.

`acquire` takes the first route on which every charge fits, on all scopes at once or not at all. It looks
at keys and addresses apart, so its cost grows with their sum and not with their product.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from proxy.clock import SECOND_NS, Clock
from proxy.limits.blocks import Blocks, Subject
from proxy.limits.fixed_window import Alignment
from proxy.limits.refused import Refused
from proxy.limits.window import DUST, NEVER_NS, Window
from proxy.limits.windows import window_for
from proxy.model import Ask, Charge, NotUntil, Permit, Route, Scope, Shape, Usage

Booking = tuple[Window, Charge]

_MAX_COUNTERS = 20_000
_SHARED = "*"  # the detail of a counter that many symbols share; what the exchange says of one does not fit it


class Ledger(Protocol):
    """What the daemon asks of a ledger. Only durations cross: a shared one has a clock of its own."""

    def acquire(self, ask: Ask) -> Permit | NotUntil: ...

    def settle(self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = ()) -> bool:
        """Close a permit, once. `sent` False gives its costs back; `well`: key and address are in good standing.

        True: a time that an `acquire` named may come sooner now, for calls on one of the same limits, or (an exchange's
        clock became known better) on a fixed window of the same exchange. The end of a call in flight, which NotUntil
        speaks of as None and `sooner`, is not meant.
        """
        ...

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None: ...

    def unblock(self, subject: Subject) -> None: ...

    def strikes(self, subject: Subject) -> int: ...

    def refusals(self, subject: Subject) -> int: ...


@dataclass(frozen=True, slots=True)
class CounterState:
    """A counter for people and metrics."""

    limit: str
    scope: Scope
    owner: str  # the account, or the exchange of an address
    name: str  # the key or address; "" for an account
    detail: str  # the endpoint or symbol of a `per` limit
    used: float
    capacity: float


@dataclass(frozen=True, slots=True)
class BlockState:
    subject: Subject
    rest_ns: int | None  # None: until the operator acts
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    counters: tuple[CounterState, ...]
    blocks: tuple[BlockState, ...]


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
        self._clock = clock
        self._windows: dict[tuple[str, ...], Window] = {}
        self._limits: dict[tuple[str, ...], Charge] = {}
        self._blocks = Blocks()
        self._alignments: dict[str, Alignment] = {}
        self._hears = False  # some exchange has told its own count
        self._next_id = 0
        self._open: dict[int, list[Booking]] = {}
        self._generation = 0  # rises when counters are forgotten
        self._key_turn: dict[tuple[str, str], int] = {}
        self._address_turn: dict[tuple[str, str | None], int] = {}
        self._forget_again_ns = 0

    def alignment(self, exchange: str) -> Alignment:
        """The exchange's clock as fixed windows see it; the owner of the measurement writes to it."""
        return self._alignments.setdefault(exchange, Alignment(error_ns=NEVER_NS))

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

    def settle(self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = ()) -> bool:
        taken = self._open.pop(permit.id, None)
        if taken is None:
            return False
        now = self._clock.now_ns()
        taken_ns = permit.taken_ns
        said = {row.limit: row.used for row in usage}
        if said:
            self._hears = True
        eased = not sent or self.alignment(permit.ask.exchange).moved()
        for window, charge in taken:
            # Calls in flight count twice once the exchange's own count includes them, until they are settled.
            twice = self._hears and charge.limit.shape is Shape.FIXED
            before = window.used(now) if twice else 0.0
            left = window.in_flight - charge.units
            window.in_flight = left if left > DUST else 0.0  # sums of fractions do not come back to zero
            if sent:
                window.book(taken_ns, now, charge.units)
            used = said.get(charge.limit.name)
            if used is not None and charge.detail != _SHARED:
                window.tell(taken_ns, now, used)
            if before and window.used(now) < before - DUST:
                eased = True
        if self._blocks.watching:
            for subject in _subjects(permit):
                self._blocks.ended(subject, permit.taken_ns, well=well)
        return eased

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        now = self._clock.now_ns()
        self._blocks.block(subject, now, now + duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self._blocks.unblock(subject)

    def strikes(self, subject: Subject) -> int:
        return self._blocks.strikes(subject)

    def refusals(self, subject: Subject) -> int:
        return self._blocks.refusals(subject)

    def snapshot(self) -> Snapshot:
        now = self._clock.now_ns()
        counters = []
        for key, window in self._windows.items():
            limit = self._limits[key].limit
            _, _, owner, *name, detail = key  # (limit, scope, owner[, name], detail)
            used = window.used(now)
            counters.append(CounterState(limit.name, limit.scope, owner, "".join(name), detail, used, window.capacity))
        blocks = tuple(BlockState(subject, rest, reason) for subject, rest, reason in self._blocks.standing(now))
        return Snapshot(tuple(counters), blocks)

    def _plan(self, ask: Ask) -> _Plan:
        plan = ask.plan[0] if ask.plan else None
        if not isinstance(plan, _Plan) or plan.generation != self._generation:
            plan = _Plan(self._bookings(ask, Scope.ACCOUNT, ("account", ask.account)), self._generation)
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
        found = []
        for charge in ask.charges:
            if charge.limit.scope is scope:
                key = (charge.limit.name, *subject, charge.detail)
                window = self._windows.get(key) or self._open_window(key, charge, ask.exchange)
                if self._windows.get(key) is not window:
                    charge = replace(charge, detail=_SHARED)
                found.append((window, charge))
        return found

    def _open_window(self, key: tuple[str, ...], charge: Charge, exchange: str) -> Window:
        if len(self._windows) >= _MAX_COUNTERS:
            self._forget_idle()
        if len(self._windows) >= _MAX_COUNTERS and charge.detail:
            # Symbols come from bots. All that are too many share one counter, which holds them back too early.
            key = (*key[:-1], _SHARED)
            if key in self._windows:
                return self._windows[key]
        window = self._windows[key] = window_for(charge.limit, self.alignment(exchange))
        self._limits[key] = charge
        return window

    def _forget_idle(self) -> None:
        now = self._clock.now_ns()
        if now >= self._forget_again_ns:
            self._forget_again_ns = now + SECOND_NS
            self._generation += 1
            for key in [key for key, window in self._windows.items() if window.used(now) == 0]:
                del self._windows[key], self._limits[key]

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
                window.capacity = charge.limit.capacity  # accounts that share an address may know different limits
            wait = window.wait_ns(now, charge.units, charge.kept)
            if wait is None:
                in_flight = charge.limit.name
            elif wait > longest:
                longest, what = wait, charge.limit.name
        return (None, in_flight) if in_flight and not longest else (longest, what)

    def _take(self, now: int, ask: Ask, route: Route, bookings: list[Booking]) -> Permit:
        self._next_id += 1
        remaining = 1.0
        for window, charge in bookings:
            window.in_flight += charge.units
            if charge.limit.shape is not Shape.INFLIGHT:
                remaining = min(remaining, 1 - window.used(now) / charge.limit.capacity)
        permit = Permit(self._next_id, route, ask, now, max(remaining, 0.0))
        self._open[permit.id] = bookings
        if self._blocks.watching:
            for subject in _subjects(permit):
                self._blocks.started(subject)
        return permit


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
