"""The scenarios S1-S9: limits, routes, who wants what, and what happens on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.model import CallClass, Scope, Shape
from tests.bench.counting import ExchangeSide, Kind, Rule

READ = Kind("read", CallClass.READ)
HISTORY = Kind("history", CallClass.READ)
PLACE = Kind("place", CallClass.PLACE)
CANCEL = Kind("cancel", CallClass.CANCEL)

Prices = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a bot wants. `prices`: one is drawn for each call.

    `workers` calls at a time, one after the other without a pause; or `burst` calls at once every `every_s`; or
    `per_s` calls a second at random moments.
    """

    bot: str
    kind: Kind
    prices: tuple[Prices, ...]
    workers: int = 0
    burst: int = 0
    every_s: float = 0.0
    first_s: float = 0.0
    per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens `at_s` after the start."""

    at_s: float
    what: Callable[[ExchangeSide], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`phase_s`: where in a minute of the exchange the run begins. `goal`: the share of the legal budget to reach."""

    name: str
    title: str
    rules: tuple[Rule, ...]
    demands: tuple[Demand, ...]
    seconds: float
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"k1": ("a1",)})
    phase_s: float = 22.2
    goal: float = 0.98
    events: tuple[Event, ...] = ()
    restarts_s: tuple[float, ...] = ()
    state: str = "gone"  # after a restart: "kept", "damaged" (there was one) or "gone"
    foreign_per_s: float = 0.0
    fair: bool = False
    strangers: int = 1  # processes that an opponent would run: bots that know nothing of each other
    cancels_p99_ms: float | None = None


def _one(
    name: str, shape: Shape, capacity: int, window_s: float, scope: Scope = Scope.ADDRESS, told: bool = True
) -> Rule:
    return Rule(name, scope, shape, capacity, window_s, told=told and shape is Shape.FIXED)


def _greedy(rule: str, workers: int = 64, bot: str = "bot", kind: Kind = READ) -> Demand:
    return Demand(bot, kind, ({rule: 1},), workers)


def _s1() -> list[Scenario]:
    fixed = _one("weight", Shape.FIXED, 1200, 60)
    sliding = _one("calls", Shape.SLIDING, 600, 5)
    decaying = _one("counter", Shape.DECAYING, 20, 40, Scope.KEY)
    return [
        Scenario("S1-fixed", "one limit, fixed 1,200/60 s", (fixed,), (_greedy("weight"),), 225, goal=0.995),
        Scenario("S1-sliding", "one limit, sliding 600/5 s", (sliding,), (_greedy("calls"),), 65, goal=0.995),
        Scenario("S1-decay", "one limit, decaying 20, 0.5/s", (decaying,), (_greedy("counter", 16),), 601, goal=0.995),
    ]


def _s2() -> list[Scenario]:
    kept = {"read": 120}
    weight = Rule("weight", Scope.ADDRESS, Shape.FIXED, 1200, 60, told=True, kept=kept)
    orders = Rule("orders_10s", Scope.ACCOUNT, Shape.FIXED, 20, 10, told=True)
    day = Rule("orders_1d", Scope.ACCOUNT, Shape.FIXED, 100_000, 86_400, told=True, binding=False)
    history = Rule("history", Scope.ACCOUNT, Shape.SLIDING, 20, 10)
    demands = (
        Demand("bot", READ, tuple({"weight": units} for units in (1, 1, 2, 4, 5, 10, 20)), 40),
        Demand("bot", PLACE, ({"weight": 1, "orders_10s": 1, "orders_1d": 1},), 16),
        Demand("bot", HISTORY, ({"history": 1},), 8),
    )
    few = Rule("orders_1d", Scope.ACCOUNT, Shape.FIXED, 250, 86_400, told=True)
    slow = Rule("orders_10s", Scope.ACCOUNT, Shape.FIXED, 20, 10, told=True, binding=False)
    return [
        Scenario(
            "S2", "address weight + account orders + endpoint", (weight, orders, day, history), demands, 225, goal=0.995
        ),
        Scenario(
            "S2-day",
            "the day's orders run out",
            (slow, few),
            (Demand("bot", PLACE, ({"orders_10s": 1, "orders_1d": 1},), 16),),
            200,
            goal=0.995,
        ),
    ]


def _s3() -> list[Scenario]:
    routes = {f"k{k}": tuple(f"a{a}" for a in range(1, 21)) for k in range(1, 11)}
    by_key = Rule("by_key", Scope.KEY, Shape.DECAYING, 20, 40)
    by_address = Rule("by_address", Scope.ADDRESS, Shape.FIXED, 100, 10, told=True)
    by_account = Rule("by_account", Scope.ACCOUNT, Shape.SLIDING, 200, 10)
    key_200 = Rule("by_key", Scope.KEY, Shape.FIXED, 200, 10, told=True)
    return [
        Scenario("S3-key", "10 keys x 20 addresses, per key", (by_key,), (_greedy("by_key"),), 201, routes, goal=0.995),
        Scenario(
            "S3-addr",
            "10 keys x 20 addresses, per address",
            (by_address,),
            (_greedy("by_address", 200),),
            45,
            routes,
            goal=0.995,
        ),
        Scenario(
            "S3-acct",
            "10 keys x 20 addresses, per account",
            (by_account,),
            (_greedy("by_account"),),
            125,
            routes,
            goal=0.995,
        ),
        Scenario(
            "S3-both",
            "10 keys x 20 addresses, per key and per address",
            (key_200, by_address),
            (Demand("bot", READ, ({"by_key": 1, "by_address": 1},), 200),),
            45,
            routes,
            goal=0.995,
        ),
    ]


def _s4() -> list[Scenario]:
    orders = Rule("orders", Scope.ACCOUNT, Shape.FIXED, 300, 10, told=True)
    prices: tuple[Prices, ...] = ({"orders": 1},)
    # Each has more calls waiting than its part of a window, which is 75.
    steady = tuple(Demand(f"bot-{n}", PLACE, prices, workers) for n, workers in ((1, 400), (2, 200), (3, 100), (4, 90)))
    bursty = (
        Demand("bot-1", PLACE, prices, burst=700, every_s=20, first_s=1),
        Demand("bot-2", PLACE, prices, burst=360, every_s=10, first_s=3),
        Demand("bot-3", PLACE, prices, 200),
        Demand("bot-4", PLACE, prices, 90),
    )
    return [
        Scenario("S4-steady", "four greedy bots, steady", (orders,), steady, 125, fair=True, strangers=4),
        Scenario("S4-bursty", "four greedy bots, bursty", (orders,), bursty, 125, fair=True, strangers=4),
    ]


def _later() -> list[Scenario]:
    weight = _one("weight", Shape.FIXED, 1200, 60)
    silent = Rule("weight", Scope.ADDRESS, Shape.FIXED, 1200, 60, told=True, silent=True)
    reads = (_greedy("weight"),)
    five = tuple(f"a{n}" for n in range(1, 6))
    three = {key: five for key in ("k1", "k2", "k3")}
    by_address = _one("weight", Shape.FIXED, 300, 60)

    def forbid(side: ExchangeSide) -> None:
        side.not_whitelisted.add(("k1", "a5"))

    def ban(side: ExchangeSide) -> None:
        window_ms = 60_000
        side.ban("a3", (side.now_ms() // window_ms + 2) * window_ms + 5_000)

    # After 37.8 s a window of a minute opens; the run begins 22.2 s after one.
    blocked = (
        Event(0, forbid),
        Event(38.2, lambda side: side.suspend("k2", 70)),
        Event(110, ban),
    )
    restarts = (37.8 + 40, 37.8 + 120 + 0.6)  # once with the window used up for everybody, once in the middle of a rush
    kept = Rule("weight", Scope.ADDRESS, Shape.FIXED, 1200, 60, told=True, kept={"read": 72})
    urgent = (
        Demand("bot", READ, ({"weight": 1},), 1000),
        Demand("bot", CANCEL, ({"weight": 1},), per_s=1.0),
    )
    halve = (Event(37.8 + 65, lambda side: side.change("weight", 600)),)
    return [
        Scenario("S5", "a stranger takes 20 %, only headers tell", (weight,), reads, 285, foreign_per_s=4.0),
        Scenario("S6", "the limit is halved, headers tell", (weight,), reads, 345, events=halve),
        Scenario("S6-silent", "the limit is halved, nothing tells", (silent,), reads, 345, events=halve),
        Scenario(
            "S7", "key suspended, address banned, pair forbidden", (by_address,), reads, 345, three, events=blocked
        ),
        *(
            Scenario(f"S8-{state}", f"restart, state {state}", (weight,), reads, 285, restarts_s=restarts, state=state)
            for state in ("kept", "damaged", "gone")
        ),
        Scenario("S9", "cancels behind 1,000 queued reads", (kept,), urgent, 225, cancels_p99_ms=50),
    ]


SCENARIOS: tuple[Scenario, ...] = (*_s1(), *_s2(), *_s3(), *_s4(), *_later())


def chosen(names: str) -> list[Scenario]:
    """By name ("S1-fixed") or group ("S1"); empty: all. Raises ValueError for a name that matches none."""
    if not names:
        return list(SCENARIOS)
    found = []
    for name in names.split(","):
        matching = [row for row in SCENARIOS if row.name == name or row.name.split("-")[0] == name]
        if not matching:
            raise ValueError(f"no scenario {name}; there are {', '.join(row.name for row in SCENARIOS)}")
        found += matching
    return found
