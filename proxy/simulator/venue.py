"""What the simulated exchanges share: the state they stand on, and the shape they have."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from proxy.simulator.accounts import LiveKey, Registry
from proxy.simulator.ledger import Ledger
from proxy.simulator.market import Board
from proxy.simulator.records import Answer, Asked, SimConfig


@dataclass(slots=True)
class Floor:
    """The state behind all exchanges. `numbers`: order ids, rising over all of them."""

    config: SimConfig
    registry: Registry
    board: Board
    ledger: Ledger
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(10_000_001))


class Venue(Protocol):
    """One exchange. Nothing here waits or does I/O; every method answers with the exchange's own text."""

    def identify(self, asked: Asked) -> LiveKey | None:
        """The key that the request names; nothing is verified."""
        ...

    def answer(self, asked: Asked) -> Answer:
        """Judge and carry out."""
        ...

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        """Ban an address in the exchange's own way; False: it knows only a CDN block."""
        ...

    def lift(self, address: str) -> None:
        """End such a ban."""
        ...

    def throttled(self, asked: Asked) -> Answer: ...

    def error(self, asked: Asked, status: int) -> Answer: ...

    def unknown(self, asked: Asked) -> Answer:
        """The documented answer that leaves the outcome open."""
        ...

    def maintenance(self, asked: Asked) -> Answer: ...
