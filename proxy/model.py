"""The records that all floors speak: frozen, without I/O and without a clock."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CallClass(StrEnum):
    """What a call does, as the exchange's table says; never guessed from the HTTP verb."""

    PUBLIC = "public"
    READ = "read"
    CANCEL = "cancel"
    PLACE = "place"
    AMEND = "amend"
    WITHDRAW = "withdraw"  # money leaves or moves between accounts
    ADMIN = "admin"  # keys, account settings, debt

    @property
    def writes(self) -> bool:
        """A second copy of such a call could change something."""
        return self not in (CallClass.PUBLIC, CallClass.READ)


class Auth(StrEnum):
    NONE = "none"
    KEY = "key"  # the key's name only, no signature
    SIGNED = "signed"


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
    falls: bool = False  # the exchange gives units back, and tells its count (limits/falling_window.py)
    own: bool = False  # the operator set the capacity: what the exchange tells of it may only lower it


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call costs on one limit."""

    limit: Limit
    units: float
    detail: str = ""  # the endpoint or symbol of a `per` limit
    kept: float = 0.0  # units that must stay free for classes of higher rank
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
class Cost:
    """How much of a limit an endpoint takes: `units`, or by a parameter (exchanges/table.py)."""

    limit: str
    units: float
    param: str = ""
    steps: tuple[tuple[float, float], ...] = ()  # (parameter value up to, units)
    present: float | None = None  # units when the parameter is given at all
    each: float | None = None  # units per element of a JSON list or comma list
    accepted: float | None = None  # units that are left of these once the call is accepted


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of an exchange's table. `name` is "METHOD path", and the metric label."""

    name: str
    product: str
    call_class: CallClass
    auth: Auth
    costs: tuple[Cost, ...] = ()
    symbol: str = ""  # name of the parameter that carries the symbol


@dataclass(frozen=True, slots=True)
class Credential:
    """One API key of an account. Its repr shows the alias only."""

    account: str
    alias: str
    key: str = field(repr=False)
    secret: bytes = field(repr=False)
    passphrase: str = field(default="", repr=False)

    def __repr__(self) -> str:
        return f"Credential({self.account}/{self.alias})"


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


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a product is reached. `private_ok`: the operator set it, so loopback is allowed."""

    scheme: str
    host: str
    port: int
    base_path: str = ""
    private_ok: bool = False

    @property
    def authority(self) -> str:
        default = 443 if self.scheme == "https" else 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == default else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A bot's request after the account is known: raw texts, nothing decoded or re-encoded.

    `headers`: names in lower case, in order. `path` begins with "/", `query` has no "?".
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of the header (name in lower case), or ""."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call of a bot: stripped of dummy credentials, matched to an endpoint."""

    id: str
    bot: str
    account: str
    endpoint: Endpoint
    request: Incoming
    upstream: Upstream
    params: Mapping[str, str] = field(default_factory=dict)  # decoded, for costs and order ids only
    received_ns: int = 0
    deadline_ns: int = 0  # latest moment to leave the queue
    answer_by_ns: int = 0  # latest moment of an answer; 0: the gateway's own limit
    pinned_key: str | None = None
    dry_run: bool = False
    share: float = 1.0  # the bot's weight in the queue


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a signature needs besides the key: exchange-corrected wall time, and a nonce where one is used."""

    wall_ms: int
    nonce: int = 0


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Exactly what goes on the wire: egress adds Host, Content-Length and Connection only."""

    method: str
    target: str  # path and query as sent
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


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
