"""Questions after a write whose answer was lost: is its order there? Records only; each exchange asks its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from proxy.model import Incoming

SKEW_MS = 2_000  # an order that is older than its call by more than this belongs to an earlier call


class Found(StrEnum):
    """What a look says of a write, by the order it is about."""

    DONE = "done"  # it took effect: the new order came into being, the old one was cancelled or shows the change
    NOT_SO_FAR = "not_so_far"  # no such order, or one that stands as it was
    NEVER = "never"  # nor can it any more: its order was filled, or ended in another way
    CANNOT_TELL = "cannot_tell"  # no answer, a refusal, another shape than expected, more than one that it may be


@dataclass(frozen=True, slots=True)
class Lookup:
    """One unsigned question. `endpoint`: "METHOD path". `id`: what the order must be called by the bot or the exchange.

    `item`: which order of the write, in their order there. One of them is absent once all its lookups of a round say
    NOT_SO_FAR, asked one after another. `since_ms`: when the write was signed (the exchange's time): new orders made
    before it are others of the same name, and orders that ended before it were not cancelled by it.
    """

    endpoint: str
    request: Incoming
    id: str
    item: int = 0
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What an answer tells. `body`: what the exchange says of the write (or of its item in a list) in its own success
    shape, as far as the order tells it; b"" if it cannot be made up. `order`: as the exchange shows it; with
    CANNOT_TELL, it is one that does not settle it, such as a newer one of the same name.
    """

    state: Found
    body: bytes = b""
    order: Mapping[str, Any] = field(default_factory=dict)


NOT_SO_FAR = Finding(Found.NOT_SO_FAR)
CANNOT_TELL = Finding(Found.CANNOT_TELL)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """An answer in the exchange's own shape, for a write whose own was lost."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Absence:
    """What proves that a write was not executed: so many negative looks, `apart_ms` from each other, the first one
    `after_ms` past the end of its validity at the earliest."""

    after_ms: int
    looks: int = 2
    apart_ms: int = 1_000
