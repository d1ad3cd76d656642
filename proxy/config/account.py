"""The form of an account: addresses, keys, limits, and where its products are reached."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from proxy.config import fields
from proxy.config.form import (
    NOT_AVAILABLE,
    Day,
    Duration,
    Form,
    Ip,
    Name,
    Secret,
    Url,
    either,
    facts,
    no_repeats,
)

MAX_KEYS = 10
MAX_ADDRESSES = 20
MAX_RESERVE = 0.9


def _known_exchange(name: str, info: ValidationInfo) -> str:
    known = facts(info).exchanges
    if name not in known:
        raise ValueError(f"unknown exchange; known: {', '.join(sorted(known))}")
    return name


class BoundAddress(Form):
    """An address of this machine that the exchange sees as another one (NAT)."""

    bind: Ip
    """What the socket is bound to."""
    public: Ip
    """What the exchange sees, and what its whitelist must hold."""


class ProxiedAddress(Form):
    """An address behind a forward proxy (not available in this version)."""

    proxy: str
    public: Ip

    @field_validator("proxy")
    @classmethod
    def _no_proxy(cls, value: str) -> str:
        raise ValueError(NOT_AVAILABLE)


def _address_form(value: Any) -> str:
    if isinstance(value, dict):
        return "<proxied>" if "proxy" in value else "<bound>"
    return "<plain>"


Address = Annotated[
    Annotated[Ip, Tag("<plain>")]
    | Annotated[BoundAddress, Tag("<bound>")]
    | Annotated[ProxiedAddress, Tag("<proxied>")],
    Discriminator(_address_form),
]


def _distinct_addresses(items: list[str | BoundAddress | ProxiedAddress]) -> Any:
    no_repeats("address", [bound(item) for item in items])
    no_repeats("public address", [public(item) for item in items])
    return items


def bound(item: str | BoundAddress | ProxiedAddress) -> str:
    return item.bind if isinstance(item, BoundAddress) else public(item)


def public(item: str | BoundAddress | ProxiedAddress) -> str:
    return item if isinstance(item, str) else item.public


Addresses = Annotated[list[Address], Field(min_length=1, max_length=MAX_ADDRESSES), AfterValidator(_distinct_addresses)]


class KeyForm(Form):
    """One API key of the account."""

    key: Secret
    secret: Secret
    passphrase: Secret | None = None
    """Where the exchange has one (OKX, KuCoin)."""
    expires: Day | None = None
    """The day on which the exchange lets the key lapse."""
    nonce_window: int = Field(default=0, ge=0)
    """As set for the key at the exchange, in ticks of its nonce (Kraken)."""
    addresses: Addresses | None = None
    """The key's own allocation, in place of the account's list."""


class LimitForm(Form):
    """A limit of the exchange's table with another capacity or window."""

    capacity: float = Field(gt=0)
    window: Duration | None = None
    """100ms, 10s, 1m, 1h, 1d."""


def _within_reserve(shares: dict[str, float]) -> dict[str, float]:
    if sum(shares.values()) > MAX_RESERVE:
        raise ValueError(f"the shares together must not be more than {MAX_RESERVE}")
    return shares


def _cacheable(name: str, info: ValidationInfo) -> str:
    if not fields.endpoint(name).startswith("GET ") or "*" in name or "?" in name:
        raise ValueError("write GET /path, one endpoint without * and without parameters")
    exchange = info.data.get("exchange")
    complaint = facts(info).uncacheable(exchange, name) if exchange is not None else ""
    if complaint:
        raise ValueError(complaint)
    return name


def _cache_time(text: str) -> str:
    fields.cache_ns(text)
    return text


class AccountForm(Form):
    """One trading account (main or sub-account) at one exchange."""

    exchange: Annotated[str, AfterValidator(_known_exchange)]
    tier: str = ""
    """The account's level, where the exchange's limits depend on it."""
    addresses: Addresses
    """The egress addresses that all keys share: up to 20."""
    keys: dict[Name, KeyForm] = Field(min_length=1, max_length=MAX_KEYS)
    """The pool: a primary key and up to nine more."""
    upstream: Annotated[
        Annotated[dict[str, Url], Tag("<map>")] | Annotated[Url, Tag("<other>")], Discriminator(either(map=dict))
    ] = Field(default_factory=dict)
    """Another base URL per product; a plain URL where the exchange has one product."""
    limits: dict[
        Name,
        Annotated[
            Annotated[LimitForm, Tag("<map>")] | Annotated[float, Field(gt=0), Tag("<other>")],
            Discriminator(either(map=dict)),
        ],
    ] = Field(default_factory=dict)
    """Limits of the exchange's table, raised or lowered."""
    reserve: Annotated[
        dict[Literal["cancel", "place", "read"], Annotated[float, Field(ge=0, le=MAX_RESERVE)]],
        AfterValidator(_within_reserve),
    ] = Field(default_factory=dict)
    """Shares of each limit that are kept for these classes."""
    deny: list[Annotated[str, AfterValidator(fields.endpoint)]] = Field(default_factory=list)
    """Endpoints that no bot may call: "METHOD /path"."""
    allow_withdrawals: bool = False
    cache: dict[
        Annotated[str, AfterValidator(_cacheable), Field(json_schema_extra={"pattern": r"^GET /[^*?\s]*$"})],
        Annotated[str, AfterValidator(_cache_time)],
    ] = Field(default_factory=dict)
    """Public reads whose answers are kept for a while (1h at most): "GET /path": 5s."""

    @field_validator("upstream")
    @classmethod
    def _known_products(cls, value: dict[str, str] | str, info: ValidationInfo) -> dict[str, str] | str:
        exchange = info.data.get("exchange")
        if exchange is None:
            return value  # the exchange itself is complained about
        products = facts(info).exchanges[exchange]
        if isinstance(value, str):
            if len(products) != 1:
                raise ValueError(f"{exchange} has several products: write one URL for each of {', '.join(products)}")
            return {products[0]: value}
        if not set(value) <= set(products):
            raise ValueError(f"a product that {exchange} does not have; it has {', '.join(products)}")
        return value
