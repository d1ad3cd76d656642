"""Questions after a write whose answer was lost: is its order there? Records only; each exchange asks its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from proxy.model import Incoming

SKEW_MS = 2_000  # an order that is older than its call by more than this belongs to an earlier call


class Found(StrEnum):
    FOUND = "found"
    NOT_FOUND = "not_found"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One unsigned question. `endpoint`: "METHOD path". `id`: what the order must be called by the bot or the exchange.

    `item`: which order of the write, in their order there. One of them is absent once all its lookups of a round say
    NOT_FOUND, asked one after another. `since_ms`: orders made before (exchange's clock) are others of the same name.
    """

    endpoint: str
    request: Incoming
    id: str
    item: int = 0
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What an answer tells. FOUND: the order came into being, whatever became of it; of a cancelled or amended one,
    that it is known, and `order` and `over` tell in which state.

    `body`: the success answer of the write (or of its item in a list), as far as the order tells it; b"" if it cannot
    be made up. `over`: nothing more will be filled.
    """

    state: Found
    body: bytes = b""
    order: Mapping[str, Any] = field(default_factory=dict)
    over: bool = False


NOT_FOUND = Finding(Found.NOT_FOUND)
CANNOT_TELL = Finding(Found.CANNOT_TELL)


@dataclass(frozen=True, slots=True)
class Absence:
    """What proves that an order is not there: so many rounds in a row that do not find it, the first of them
    `after_ms` after the end of the write's validity.
    """

    after_ms: int
    looks: int
