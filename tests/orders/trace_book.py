"""The order book behind the random traces: a small strict exchange of its own, which shares no code with the daemon.

It knows everything that ever happened, at which moment, and by which copy of which call.
"""

import random
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import FakeClock

MS = 1_000_000
OPEN, FILLED, CANCELED = "open", "filled", "canceled"


@dataclass(frozen=True)
class Asked:
    """One signed request, as the exchange reads it. `ids`: of new orders. `old`: of the one to cancel or to change.

    `from_ms`, `until_ms`: when it may be executed, in the exchange's time. `detail`: the dialect's own.
    """

    kind: str  # place, list, cancel, amend, replace, cancel all; look
    where: str
    ids: tuple[str, ...] = ()
    old: str = ""
    from_ms: int = 0
    until_ms: int = 0
    detail: Any = None


@dataclass(eq=False)
class Order:
    """`steps`: (since ns, state, client id)."""

    number: int
    made_ns: int
    listed: bool = False
    steps: list[tuple[int, str, str]] = field(default_factory=list)

    def at(self, ns: int) -> tuple[int, str, str] | None:
        """Its last step at that moment; None before it was made."""
        found = bisect_right([step[0] for step in self.steps], ns)
        return self.steps[found - 1] if found else None

    @property
    def open(self) -> bool:
        return self.steps[-1][1] == OPEN

    @property
    def id(self) -> str:
        return self.steps[-1][2]


@dataclass(eq=False)
class Attempt:
    """One copy of a call that left. `effects`: (ns, what, order). `over`: it can have none any more.

    `proven`: the exchange said so, or it never left, and the sender was told.
    """

    call: str
    asked: Asked
    sent_ns: int
    fate: str
    effects: list[tuple[int, str, Order]] = field(default_factory=list)
    over: bool = False
    proven: bool = False
    told: bool = False  # a complete answer was given


@dataclass(frozen=True)
class Result:
    """What the engine says. `orders`: made or changed. `word`: ok, half, duplicate, no such order, stale, poor."""

    word: str
    orders: tuple[Order, ...] = ()


class Book:
    """All orders of the account. `offset_ms`: its clock minus ours."""

    def __init__(self, clock: FakeClock, offset_ms: int) -> None:
        self.clock = clock
        self.offset_ms = offset_ms
        self.orders: list[Order] = []

    def wall_ms(self, ns: int | None = None) -> int:
        now_ns = self.clock.now_ns()
        return self.clock.wall_ms() + self.offset_ms + ((ns if ns is not None else now_ns) - now_ns) // MS

    def changed_ms(self, order: Order, view_ns: int) -> int:
        """When the last step was, that can be seen then."""
        step = order.at(view_ns)
        return self.wall_ms(step[0] if step is not None else order.made_ns)

    def open_by(self, name: str, listed: bool = False) -> Order | None:
        """Client ids are unique among open orders only: one that was filled gives its id back."""
        return next((o for o in self.orders if o.open and o.listed == listed and name in (o.id, str(o.number))), None)

    def execute(self, attempt: Attempt, rng: random.Random) -> Result:
        """A copy reaches the engine now."""
        asked, now_ns = attempt.asked, self.clock.now_ns()
        attempt.over = True
        if not asked.from_ms <= self.wall_ms() <= asked.until_ms:
            return Result("stale")
        if attempt.fate == "refused":
            return Result("poor")
        listed = asked.kind == "list"
        if asked.kind == "cancel all":
            for order in [order for order in self.orders if order.open and not order.listed]:
                self._end(attempt, order)
            return Result("ok")
        if asked.old:
            old = self.open_by(asked.old)
            if old is None:
                return Result("no such order")
            if asked.kind == "amend":
                old.steps.append((now_ns, OPEN, asked.ids[0] if asked.ids else old.id))
                attempt.effects.append((now_ns, "amended", old))
                return Result("ok", (old,))
            self._end(attempt, old)
            if asked.kind == "cancel":
                return Result("ok", (old,))
        if any(self.open_by(name, listed) for name in asked.ids):
            return Result("half" if asked.old else "duplicate")
        return Result("ok", tuple(self._make(attempt, name, listed, rng) for name in asked.ids))

    def _make(self, attempt: Attempt, name: str, listed: bool, rng: random.Random) -> Order:
        now_ns = self.clock.now_ns()
        order = Order(1000 + len(self.orders), now_ns, listed, [(now_ns, OPEN, name)])
        self.orders.append(order)
        attempt.effects.append((now_ns, "made", order))
        chance = rng.random()
        if not listed and chance < 0.4:
            order.steps[0] = (now_ns, FILLED, name)
        elif chance < 0.6:
            self.clock.call_at(now_ns + rng.randrange(20_000) * MS, lambda: self._fill(order))
        return order

    def _fill(self, order: Order) -> None:
        if order.open:
            order.steps.append((self.clock.now_ns(), FILLED, order.id))

    def _end(self, attempt: Attempt, order: Order) -> None:
        order.steps.append((self.clock.now_ns(), CANCELED, order.id))
        attempt.effects.append((self.clock.now_ns(), "cancelled", order))

    def seen(self, view_ns: int, names: Iterable[str] = (), listed: bool = False) -> list[tuple[Order, str, str]]:
        """(order, state, client id) as a server shows them that knows everything up to `view_ns`; newest first."""
        wanted = frozenset(names)
        found = []
        for order in reversed(self.orders):
            step = order.at(view_ns)
            if step is not None and order.listed == listed and (not wanted or wanted & {step[2], str(order.number)}):
                found.append((order, step[1], step[2]))
        return found
