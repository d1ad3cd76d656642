"""What the journal knows of a write: why it was let out, how far it came, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from proxy.model import Item


class State(StrEnum):
    """`intent` and `sent` in the journal of a process that is gone mean `unknown`."""

    INTENT = "intent"  # durable, not a byte has left
    SENT = "sent"  # given to the wire, once at least
    UNKNOWN = "unknown"  # sent, and no answer that can be believed
    EXECUTED = "executed"
    REJECTED = "rejected"  # the exchange said no, or it never left
    ABSENT = "absent"  # looked for after its validity had passed, and proven not to be there
    OVERTAKEN = "overtaken"  # an amendment or cancel of which nothing can be known, for a later write on its order left

    @property
    def open(self) -> bool:
        """Nobody can say yet what came of it."""
        return self in (State.INTENT, State.SENT, State.UNKNOWN)


SETTLED = (State.EXECUTED, State.REJECTED, State.ABSENT)
"""What an unknown outcome may turn out to be."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write before its first byte leaves.

    `at_ms`: the exchange's wall time, as well as it is known. `validity_ms`: how long after it is signed the exchange
    takes a copy of it. `name`: what makes a repeat of it recognisable (an idempotency key or a client order id), ""
    for nothing.
    `digest`: of all its parameters; a repeat with another digest is another order. `params`: stripped, so without
    secrets; what a look-up needs.
    """

    call: str
    bot: str
    account: str
    endpoint: str
    name: str
    digest: bytes
    params: Mapping[str, str]
    at_ms: int
    validity_ms: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot was told, for whoever asks again."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal. `valid_until_ms`: after this the exchange takes no copy that is still under way.

    `items`: of a write of several orders, what came of each, as far as it is known.
    """

    id: int
    intent: Intent
    state: State
    key: str = ""
    address: str = ""
    valid_until_ms: int = 0
    answer: Answer | None = None
    ended_ms: int = 0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """What a search found out. `answer`: in the exchange's own shape, None if it cannot be made up any more."""

    state: State
    answer: Answer | None = None
    items: tuple[Item, ...] = ()
