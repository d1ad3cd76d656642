"""Random traffic through ledger and dispatcher, counted a second time at the exchange.

A call reaches the exchange at some moment between its permit and its answer, and counts there by the simulator's own
counters, in whole nanoseconds of the exchange's clock. Nothing is shared with the ledger but the limits' figures.
"""

import asyncio
import random
from dataclasses import dataclass, field

from proxy.dispatch import Dispatcher, Gone
from proxy.limits.ledger import MemoryLedger
from proxy.limits.window import NEVER_NS
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from proxy.simulator.counters import DecayingCounters, FixedWindows, SlidingWindows
from tests.fakes import FakeClock, settled

SECOND = 1_000_000_000
START = 10_000 * SECOND
EXCHANGE = "binance"
_CLASSES = [CallClass.CANCEL, CallClass.PLACE, CallClass.AMEND, CallClass.READ]
_SLACK = 1e-4  # units; sums of fractions, see limits/window.py


class Truth:
    """The exchange. `overrun`: what was ever counted beyond a limit."""

    def __init__(self, limits: list[Limit], offset_ns: int) -> None:
        self.overrun: list[str] = []
        self.counted = 0
        self._offset_ns = offset_ns
        self._fixed = {
            limit.name: FixedWindows(int(limit.capacity), limit.window_ns)
            for limit in limits
            if limit.shape is Shape.FIXED
        }
        self._sliding = SlidingWindows()
        self._decaying = DecayingCounters()
        self._inside: dict[str, float] = {}

    def arrive(self, permit: Permit, now_ns: int) -> None:
        for charge, subject in _subjects(permit):
            limit, units = charge.limit, int(charge.units)
            match limit.shape:
                case Shape.FIXED:
                    fits = self._fixed[limit.name].add(subject, units, now_ns + self._offset_ns)
                case Shape.SLIDING:
                    took = [
                        self._sliding.take(subject, int(limit.capacity), limit.window_ns, now_ns) for _ in range(units)
                    ]
                    fits = all(took)
                case Shape.DECAYING:
                    drain = limit.capacity / limit.window_ns
                    fits = self._decaying.take(subject, units, limit.capacity + _SLACK, drain, now_ns)
                case Shape.INFLIGHT:
                    self._inside[subject] = self._inside.get(subject, 0) + units
                    fits = self._inside[subject] <= limit.capacity
            if not fits:
                self.overrun.append(f"{limit.shape} {subject}")
        self.counted += 1

    def end(self, permit: Permit) -> None:
        for charge, subject in _subjects(permit):
            if charge.limit.shape is Shape.INFLIGHT:
                self._inside[subject] -= charge.units


def _subjects(permit: Permit) -> list[tuple[Charge, str]]:
    route = permit.route
    owner = {Scope.ACCOUNT: route.account, Scope.KEY: f"{route.account}/{route.key}", Scope.ADDRESS: route.address}
    return [(c, f"{c.limit.name} {owner[c.limit.scope]} {c.detail}") for c in permit.ask.charges]


@dataclass
class Traffic:
    """Bots of two accounts that share addresses. `waiting`: name -> (deadline, when it came)."""

    rng: random.Random
    limits: list[Limit]
    clock: FakeClock = field(default_factory=lambda: FakeClock(now_ns=START))
    refused: int = 0
    granted: int = 0
    promised: list[NotUntil] = field(default_factory=list)
    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)
        self.dispatcher = Dispatcher(self.ledger, self.clock)
        self.offset_ns = self.rng.randrange(10**18)
        self.truth = Truth(self.limits, self.offset_ns)
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._align = self.ledger.alignment(EXCHANGE)
        self._align.set(0, NEVER_NS)
        keys = [f"k{n}" for n in range(self.rng.randint(1, 3))]
        places = [f"192.0.2.{n}" for n in range(self.rng.randint(1, 3))]
        self.routes = tuple(
            KeyRoutes(key, tuple(self.rng.sample(places, self.rng.randint(1, len(places))))) for key in keys
        )

    def ask(self) -> Ask:
        rng = self.rng
        charges = []
        for limit in rng.sample(self.limits, rng.randint(1, len(self.limits))):
            units = 1 if limit.shape is Shape.INFLIGHT else rng.choice([1, 1, 1, 2, int(limit.capacity)])
            kept = rng.choice([0.0, 0.0, limit.capacity * 0.2])
            detail = rng.choice(["XBT", "ETH"]) if limit.per else ""
            charges.append(Charge(limit, min(units, limit.capacity), detail, kept))
        charges.sort(key=lambda charge: charge.limit.name)
        call_class = rng.choice(_CLASSES)
        closes = call_class is CallClass.PLACE and rng.random() < 0.2
        account = rng.choice(["main", "second"])
        return Ask(EXCHANGE, account, call_class, tuple(charges), self.routes, closes=closes)

    def put(self, deadline_ns: int, wanted: Ask | None = None, bot: str = "", share: float = 1.0) -> int:
        """One more call; the number by which it is known."""
        number, rng = len(self.tasks), self.rng
        bot = bot or rng.choice("abc")
        hung_up = wanted is None and rng.random() < 0.02
        self.waiting[number] = (deadline_ns, self.clock.now_ns())

        async def carry() -> None:
            try:
                found = await self.dispatcher.take(
                    wanted or self.ask(),
                    deadline_ns=deadline_ns,
                    gone=lambda: hung_up,
                    bot=bot,
                    share=share,
                    priority=rng.choice([-1, 0, 0, 1]) if wanted is None else 0,
                )
            except Gone:
                return
            finally:
                del self.waiting[number]
            if isinstance(found, Permit):
                self.granted += 1
                self._fly(found)
            else:
                self.refused += 1
                self.promised.append(found)

        self.tasks[number] = asyncio.ensure_future(carry())
        return number

    def _fly(self, permit: Permit) -> None:
        """It reaches the exchange at a random moment of its flight, or is not sent at all."""
        rng, now = self.rng, self.clock.now_ns()
        flight = rng.choice([0, rng.randrange(SECOND // 20), rng.randrange(3 * SECOND)])
        sent = rng.random() < 0.95
        answered = now + flight
        if sent:
            booked = now + rng.choice([0, flight, rng.randrange(flight + 1)])
            left = rng.choice([booked, answered])
            self.clock.call_at(booked, lambda: self.truth.arrive(permit, booked))
            self.clock.call_at(left, lambda: self.truth.end(permit))
        self.clock.call_at(answered, lambda: self.dispatcher.settle(permit, sent=sent, well=True))

    def learn(self) -> None:
        """The exchange's clock becomes known, now better, now worse; what is known is true."""
        error = self.rng.choice([0, self.rng.randrange(SECOND // 10), self.rng.randrange(2 * SECOND), NEVER_NS])
        slip = self.rng.randint(-min(error, 10**18), min(error, 10**18))
        self._align.set(self.offset_ns + slip, error)

    async def run_until(self, end_ns: int) -> None:
        """Every alarm at its own moment, and tasks in between, so that nobody acts late."""
        await settled()
        while (pending := self.clock.pending()) and pending[0] <= end_ns:
            self.clock.move_to(max(pending[0], self.clock.now_ns()))
            await settled()
            assert all(deadline > self.clock.now_ns() for deadline, _ in self.waiting.values()), "past its deadline"
        self.clock.move_to(end_ns)
        await settled()

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def random_limits(
    rng: random.Random, *, scopes: tuple[Scope, ...] = (Scope.ADDRESS, Scope.KEY, Scope.ACCOUNT)
) -> list[Limit]:
    """Two to five limits; every run has a fixed window or two."""
    found = []
    for number in range(rng.randint(2, 5)):
        shape = rng.choice([Shape.FIXED, Shape.FIXED, Shape.SLIDING, Shape.DECAYING, Shape.INFLIGHT])
        window_ns = 0 if shape is Shape.INFLIGHT else rng.choice([SECOND, 3 * SECOND, 10 * SECOND])
        capacity = float(rng.choice([1, 3, 8, 20]))
        per = "symbol" if shape is not Shape.INFLIGHT and rng.random() < 0.2 else ""
        found.append(Limit(f"l{number}", rng.choice(scopes), shape, capacity, window_ns, per))
    return found
