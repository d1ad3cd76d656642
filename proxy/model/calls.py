"""Endpoints, and a call from its arrival to the bytes that leave."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Cost:
    """How much of a limit an endpoint takes: `units`, or by a parameter (exchanges/table.py), or by age of orders."""

    limit: str
    units: float
    param: str = ""
    steps: tuple[tuple[float, float], ...] = ()  # (parameter value up to, units)
    present: float | None = None  # units when the parameter is given at all
    each: float | None = None  # units per element of a JSON list or comma list
    fixed: float = 0.0  # on top of those of the elements
    values: tuple[tuple[str, float], ...] = ()  # (parameter value, units); `units` for all others
    counted: bool = False  # the steps are over the number of elements
    absent: "Cost | None" = None  # the price by another parameter, where this one is not given, or not of `values`
    ages: tuple[tuple[int, float], ...] = ()  # (younger than, ns; units on top for each order that the call names)
    most: int = 1  # so many orders where it cannot be read which ones these are
    accepted: float | None = None  # units that are left of these once the call is accepted


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of an exchange's table. `name`, the metric label too, is "METHOD path"; it ends in "@product" where
    an earlier product has the same path on another host.
    """

    name: str
    product: str
    call_class: CallClass
    auth: Auth
    costs: tuple[Cost, ...] = ()
    symbol: str = ""  # name of the parameter that carries the symbol

    @property
    def path(self) -> str:
        return self.name.partition(" ")[2].partition("@")[0]


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
        return next((value for key, value in self.headers if key == name), "")


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
    priority: int = 0  # among the bot's calls of one rank, the lower goes first


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a signature needs besides the key: exchange-corrected wall time, and a nonce where one is used."""

    wall_ms: int
    nonce: int = 0
    host: str = ""  # as the Host header will have it, port included unless it is the scheme's own


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Exactly what goes on the wire: egress adds Host, Content-Length and Connection only."""

    method: str
    target: str  # path and query as sent
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
