"""What comes back, and the judgement on it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from proxy.model.limits import Scope


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete head and, unless `stream` is set, a complete body.

    Header names and values as received. `stream`: the rest of a large public answer; `body` is then its beginning.
    """

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    elapsed_ns: int
    stream: AsyncIterator[bytes] | None = None

    def header(self, name: bytes) -> bytes:
        """First value of a header (name in lower case), or b""."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return b""


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"  # business reasons
    THROTTLED = "throttled"
    BANNED = "banned"
    NOT_WHITELISTED = "not_whitelisted"
    SUSPENDED = "suspended"
    DEAD = "dead"  # revoked, wrong secret, expired
    NO_PERMISSION = "no_permission"
    CLOCK = "clock"
    NONCE = "nonce"
    UNAVAILABLE = "unavailable"  # documented as not processed
    UNKNOWN = "unknown"
    NEVER_CONNECTED = "never_connected"


class Executed(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one order of a call that makes, changes or cancels several, or cancels one and makes another.

    `index`: its place in the call. `id`: the client order id or the exchange's id by which the call names it.
    `order`: the exchange's id of it, once known. `code`: the exchange's own words on one that it refused.
    """

    index: int
    id: str
    executed: Executed
    order: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on an answer."""

    outcome: Outcome
    executed: Executed
    blame: Scope | None = None
    wait_ns: int | None = None  # how long the exchange told the blamed subject to rest, None if it did not
    code: str = ""
    suspect_request: bool = False  # a second route answering the same makes the request the cause, not the route


@dataclass(frozen=True, slots=True)
class Refusal:
    """Our own refusal, before it takes the exchange's shape. `retry_after_s` 0: none."""

    status: int
    reason: str  # X-Ordergate-Reason, e.g. "unknown_endpoint"
    message: str
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class NativeError:
    """A refusal in the exchange's own shape."""

    status: int
    body: bytes
    content_type: str = "application/json"
