"""The configuration as the rest of the daemon sees it: checked, complete, frozen, and safe to print."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from proxy.model import Credential, Upstream


@dataclass(frozen=True, slots=True)
class AddressConfig:
    """One egress address: what the socket is bound to, and what the exchange sees (the same without NAT)."""

    bind: str
    public: str


@dataclass(frozen=True, slots=True)
class LimitOverride:
    """A limit of the exchange's table, raised or lowered. `window_ns` None: the table's window."""

    capacity: float
    window_ns: int | None = None


@dataclass(frozen=True, slots=True)
class KeyConfig:
    """One key of an account's pool. `addresses`: its allocation, its own or the account's."""

    alias: str
    credential: Credential
    expires: date | None
    nonce_window: int
    addresses: tuple[AddressConfig, ...]


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One trading account. `upstream`: only the products that the operator sends elsewhere. `local`: these are all on
    this machine; the exchange's other products are not served then, so that a trial never reaches the real exchange.
    """

    name: str
    exchange: str
    tier: str
    addresses: tuple[AddressConfig, ...]
    keys: tuple[KeyConfig, ...]
    upstream: Mapping[str, Upstream]
    limits: Mapping[str, LimitOverride]
    reserve: Mapping[str, float]  # class -> share of each limit kept for it
    deny: tuple[str, ...]  # "METHOD /path"
    allow_withdrawals: bool
    cache: Mapping[str, int] = field(default_factory=dict)  # "GET /path" -> how long an answer is kept, ns
    local: bool = False


@dataclass(frozen=True, slots=True)
class BotConfig:
    """A bot and what it may do. The token itself is not kept, only its SHA-256."""

    name: str
    token_hash: bytes = field(repr=False)
    accounts: frozenset[str]
    allow: frozenset[str]  # "public", "read", "cancel", "place" (amend counts as place)
    share: float
    deadline: Mapping[str, int] = field(default_factory=dict)  # class as in `allow` -> longest wait in the queue, ns


@dataclass(frozen=True, slots=True)
class Config:
    """`listen` and `admin`: "host:port" ("[host]:port" for IPv6) or "unix:/path"."""

    listen: tuple[str, ...]
    admin: str
    state_dir: Path
    bots: Mapping[str, BotConfig]
    accounts: Mapping[str, AccountConfig]
