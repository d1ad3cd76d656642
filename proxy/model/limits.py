"""What is counted, what a call costs, and what the ledger is asked and says."""

from dataclasses import dataclass, field
from enum import StrEnum

from proxy.model.calls import CallClass


class Scope(StrEnum):
    """What a limit counts by. PAIR occurs only in blame and blocks."""

    ADDRESS = "address"
    KEY = "key"
    ACCOUNT = "account"
    PAIR = "pair"


class Shape(StrEnum):
    """How the exchange's counter falls again (limits/windows.py)."""

    FIXED = "fixed"  # aligned to the exchange's clock
    SLIDING = "sliding"
    DECAYING = "decaying"  # drains at capacity / window; a token bucket is the same counter, mirrored
    INFLIGHT = "inflight"  # calls that have no answer yet


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    scope: Scope
    shape: Shape
    capacity: float
    window_ns: int  # 0 for INFLIGHT
    per: str = ""  # "" one counter per subject | "endpoint" | "symbol"
    told: bool = False  # answers tell the exchange's own count
    falls: bool = False  # the exchange gives units back, and tells its count (limits/falling_window.py)
    own: bool = False  # the operator set the capacity: what the exchange tells of it may only lower it


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call costs on one limit."""

    limit: Limit
    units: float
    detail: str = ""  # the endpoint or symbol of a `per` limit
    kept: float = 0.0  # units that must stay free for classes of higher rank
    shares: tuple[tuple[str, float], ...] = ()  # the same by class
    draws: str = ""  # the share that this call uses itself, "" for none
    accepted: float | None = None  # what is left of the units once the exchange has accepted the call; None: all


@dataclass(frozen=True, slots=True)
class Usage:
    """What the exchange reported of a limit with an answer: its count, its capacity, or both."""

    limit: str
    used: float | None = None
    capacity: float | None = None
    left: float | None = None  # the count, told as what is left of the capacity
    everywhere: bool = False  # the capacity is announced for all addresses or accounts, not for one of them


@dataclass(frozen=True, slots=True)
class Route:
    """What is chosen: an address, and a key unless the call is public."""

    account: str
    key: str | None
    address: str


@dataclass(frozen=True, slots=True)
class KeyRoutes:
    """A key (None: no key needed) and the addresses it may leave through."""

    key: str | None
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What the ledger is asked for: the first route with room for all charges. `plan`: the ledger's own note on it."""

    exchange: str
    account: str
    call_class: CallClass
    charges: tuple[Charge, ...]
    routes: tuple[KeyRoutes, ...]
    endpoint: str = ""
    closes: bool = False  # a place call that can only reduce a position
    plan: list[object] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Permit:
    """A route whose costs are taken. `id` is the ledger's; it must be settled exactly once."""

    id: int
    route: Route
    ask: Ask
    taken_ns: int
    remaining: float  # least room left, 0..1, over the limits of the call


@dataclass(frozen=True, slots=True)
class NotUntil:
    """No route now. `wait_ns` None: a call in flight must end first."""

    wait_ns: int | None
    scope: Scope
    what: str  # the limit or block in the way
    sooner: bool = False  # on another route, a call in flight may end before that
