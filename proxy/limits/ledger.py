"""The ledger: counters and blocks of all subjects, and the one decision over them.

`acquire` takes the first route on which every charge fits, on all scopes at once or not at all. It looks
at keys and addresses apart, so its cost grows with their sum and not with their product.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from proxy.clock import Clock
from proxy.limits.blocks import Blocks, Subject
from proxy.limits.windows import Alignment, Window, window_for
from proxy.model import Ask, Charge, NotUntil, Permit, Route, Scope, Usage

Booking = tuple[Window, Charge]

_MAX_COUNTERS = 20_000
_WAIT_UNKNOWN = 1 << 62


class Ledger(Protocol):
    """What the daemon asks of a ledger. Only durations cross: a shared one has a clock of its own."""

    def acquire(self, ask: Ask) -> Permit | NotUntil: ...

    def settle(self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = ()) -> None:
        """Close a permit, once. `sent` False gives its costs back; `well`: key and address are in good standing."""
        ...

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None: ...

    def unblock(self, subject: Subject) -> None: ...

    def strikes(self, subject: Subject) -> int: ...


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


class MemoryLedger:
    """The ledger of one daemon."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, ...], Window] = {}
        self._limits: dict[tuple[str, ...], Charge] = {}
        self._blocks = Blocks()
        self._alignments: dict[str, Alignment] = {}
        self._next_id = 0
        self._open: dict[int, list[tuple[Window, float]]] = {}
        self._key_turn: dict[str, int] = {}
        self._address_turn: dict[tuple[str, str | None], int] = {}

    def alignment(self, exchange: str) -> Alignment:
        """The exchange's clock as fixed windows see it; the owner of the measurement writes to it."""
        return self._alignments.setdefault(exchange, Alignment())

    def acquire(self, ask: Ask) -> Permit | NotUntil:
        now = self._clock.now_ns()
        subject: Subject = ("account", ask.account)
        account = self._windows_of(ask, Scope.ACCOUNT, subject)
        wait, what = self._wait(now, account, (subject, (*subject, ask.call_class)))
        if wait != 0:
            return NotUntil(wait, Scope.ACCOUNT, what)
        best = NotUntil(None, Scope.KEY, "no route")
        best_ns = _WAIT_UNKNOWN + 1
        address_waits: dict[str, tuple[int | None, str, list[Booking]]] = {}
        turn = self._key_turn.get(ask.account, 0)
        count = len(ask.routes)
        for i in range(count):
            routes = ask.routes[(turn + i) % count]
            alias = routes.key
            key_windows: list[Booking] = []
            if alias is not None:
                subject = ("key", ask.account, alias)
                key_windows = self._windows_of(ask, Scope.KEY, subject)
                wait, what = self._wait(now, key_windows, (subject, (*subject, ask.call_class)))
                if wait != 0:
                    rank = _WAIT_UNKNOWN if wait is None else wait
                    if rank < best_ns:
                        best, best_ns = NotUntil(wait, Scope.KEY, what), rank
                    continue
            place = (ask.account, alias)
            start = self._address_turn.get(place, 0)
            size = len(routes.addresses)
            for j in range(size):
                address = routes.addresses[(start + j) % size]
                known = address_waits.get(address)
                if known is None:
                    subject = ("address", ask.exchange, address)
                    windows = self._windows_of(ask, Scope.ADDRESS, subject)
                    wait, what = self._wait(now, windows, (subject,))
                    known = address_waits[address] = (wait, what, windows)
                wait, what, windows = known
                scope = Scope.ADDRESS
                if wait == 0 and alias is not None:
                    wait = self._blocks.wait_ns(("pair", ask.account, alias, address), now)
                    what, scope = "not whitelisted", Scope.PAIR
                if wait == 0:
                    self._key_turn[ask.account] = (turn + i + 1) % count
                    self._address_turn[place] = (start + j + 1) % size
                    return self._take(now, ask, Route(ask.account, alias, address), account + key_windows + windows)
                rank = _WAIT_UNKNOWN if wait is None else wait
                if rank < best_ns:
                    best, best_ns = NotUntil(wait, scope, what), rank
        return best

    def settle(self, permit: Permit, *, sent: bool, well: bool, usage: Iterable[Usage] = ()) -> None:
        taken = self._open.pop(permit.id, None)
        if taken is None:
            return
        now = self._clock.now_ns()
        for window, units in taken:
            window.in_flight -= units
            if sent:
                window.book(permit.taken_ns, now, units)
        for subject in _subjects(permit):
            self._blocks.ended(subject, well=well)
        for said in usage:
            window_key = self._usage_key(permit, said.limit)
            found = self._windows.get(window_key) if window_key else None
            if found is not None:
                found.tell(permit.taken_ns, now, said.used)

    def block(self, subject: Subject, duration_ns: int, reason: str, *, probe: bool = False) -> None:
        self._blocks.block(subject, self._clock.now_ns() + duration_ns, reason, probe=probe)

    def unblock(self, subject: Subject) -> None:
        self._blocks.unblock(subject)

    def strikes(self, subject: Subject) -> int:
        return self._blocks.strikes(subject)

    def snapshot(self) -> Snapshot:
        now = self._clock.now_ns()
        counters = []
        for key, window in self._windows.items():
            limit = self._limits[key].limit
            _, _, owner, *name, detail = key  # (limit, scope, owner[, name], detail)
            used = window.used(now)
            counters.append(CounterState(limit.name, limit.scope, owner, "".join(name), detail, used, limit.capacity))
        blocks = tuple(BlockState(subject, rest, reason) for subject, rest, reason in self._blocks.standing(now))
        return Snapshot(tuple(counters), blocks)

    def _windows_of(self, ask: Ask, scope: Scope, subject: Subject) -> list[Booking]:
        found = []
        for charge in ask.charges:
            limit = charge.limit
            if limit.scope is scope:
                key = (limit.name, *subject, charge.detail)
                window = self._windows.get(key)
                if window is None:
                    window = self._open_window(key, charge, ask.exchange)
                found.append((window, charge))
        return found

    def _open_window(self, key: tuple[str, ...], charge: Charge, exchange: str) -> Window:
        if len(self._windows) >= _MAX_COUNTERS:  # symbols come from bots: forget the counters that stand at zero
            now = self._clock.now_ns()
            for old in [k for k, w in self._windows.items() if w.used(now) == 0]:
                del self._windows[old], self._limits[old]
        window = self._windows[key] = window_for(charge.limit, self.alignment(exchange))
        self._limits[key] = charge
        return window

    def _wait(self, now: int, bookings: list[Booking], subjects: tuple[Subject, ...]) -> tuple[int | None, str]:
        """The longest of all waits and what imposes it; None outlasts everything."""
        longest = 0
        what = ""
        for subject in subjects:
            wait = self._blocks.wait_ns(subject, now)
            if wait is None:
                return None, "blocked"
            if wait > longest:
                longest, what = wait, "blocked"
        for window, charge in bookings:
            wait = window.wait_ns(now, charge.units, charge.kept)
            if wait is None:
                return None, charge.limit.name
            if wait > longest:
                longest, what = wait, charge.limit.name
        return longest, what

    def _take(self, now: int, ask: Ask, route: Route, bookings: list[Booking]) -> Permit:
        self._next_id += 1
        remaining = 1.0
        taken = []
        for window, charge in bookings:
            window.in_flight += charge.units
            remaining = min(remaining, 1 - window.used(now) / charge.limit.capacity)
            taken.append((window, charge.units))
        permit = Permit(self._next_id, route, ask, now, max(remaining, 0.0))
        self._open[permit.id] = taken
        for subject in _subjects(permit):
            self._blocks.started(subject)
        return permit

    @staticmethod
    def _usage_key(permit: Permit, limit: str) -> tuple[str, ...] | None:
        for charge in permit.ask.charges:
            if charge.limit.name == limit:
                return (limit, *_subject(charge.limit.scope, permit), charge.detail)
        return None


def _subject(scope: Scope, permit: Permit) -> Subject:
    route = permit.route
    if scope is Scope.ADDRESS:
        return ("address", permit.ask.exchange, route.address)
    if scope is Scope.KEY:
        return ("key", route.account, route.key or "")
    return ("account", route.account)


def _subjects(permit: Permit) -> tuple[Subject, ...]:
    route = permit.route
    address = ("address", permit.ask.exchange, route.address)
    if route.key is None:
        return (address,)
    return (address, ("key", route.account, route.key), ("pair", route.account, route.key, route.address))
