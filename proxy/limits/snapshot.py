"""Counters and blocks of one moment, for people and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.limits.blocks import Subject
from proxy.limits.coupling import Pair
from proxy.model import Scope


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
    window_ns: int = 0  # 0: no window, calls in flight are counted


@dataclass(frozen=True, slots=True)
class BlockState:
    subject: Subject
    rest_ns: int | None  # None: until the operator acts
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    counters: tuple[CounterState, ...]
    blocks: tuple[BlockState, ...]
    coupled: frozenset[Pair] = frozenset()  # counted by account, though the table says by key
    units: Mapping[tuple[str, ...], float] = field(default_factory=dict)  # (limit, scope, owner[, name]) -> taken ever
