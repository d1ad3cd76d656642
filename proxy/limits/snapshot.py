"""Counters and blocks of one moment, for people and metrics."""

from dataclasses import dataclass

from proxy.limits.blocks import Subject
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


@dataclass(frozen=True, slots=True)
class BlockState:
    subject: Subject
    rest_ns: int | None  # None: until the operator acts
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    counters: tuple[CounterState, ...]
    blocks: tuple[BlockState, ...]
