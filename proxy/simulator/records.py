"""What a simulation consists of (frozen) and what passes through it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SimKey:
    """One API key as the exchange knows it.

    `secret`: HMAC text, base64 at Kraken and Kraken Futures; or the *public* key as PEM (Ed25519, RSA, ECDSA) where the
    exchange has such keys. `passphrase`: OKX and KuCoin. `addresses` empty: no whitelist, any address may use the key.
    `nonce_window`: Kraken only, in ticks of the nonce.
    """

    alias: str
    key: str
    secret: str = field(repr=False)
    addresses: tuple[str, ...] = ()
    read: bool = True
    trade: bool = True
    withdraw: bool = False
    passphrase: str = field(default="", repr=False)
    nonce_window: int = 0


@dataclass(frozen=True, slots=True)
class SimAccount:
    """`tier`: Kraken only (starter, intermediate, pro). `balances`: coin (BTC, USDT, USD) to amount."""

    exchange: str
    name: str
    keys: tuple[SimKey, ...]
    balances: Mapping[str, str] = field(
        default_factory=lambda: {"BTC": "100", "ETH": "1000", "USDT": "10000000", "USD": "10000000"}
    )
    tier: str = "intermediate"


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A spot market on every exchange, and a perpetual where an exchange has futures: linear (paid in the quote coin)
    if that is USDT, else inverse (paid in the base coin). Each exchange spells its names in its own way."""

    base: str
    quote: str
    price: str
    price_decimals: int = 2
    quantity_decimals: int = 5
    min_quantity: str = "0.00001"
    min_notional: str = "5"


DEFAULT_MARKETS = (
    MarketSpec("BTC", "USDT", "60000.00"),
    MarketSpec("ETH", "USDT", "3000.00", quantity_decimals=4, min_quantity="0.0001"),
    MarketSpec("BTC", "USD", "60010.00", price_decimals=1),
    MarketSpec("ETH", "USD", "3001.00", quantity_decimals=4, min_quantity="0.0001"),
)


@dataclass(frozen=True, slots=True)
class SimConfig:
    accounts: tuple[SimAccount, ...] = ()
    markets: tuple[MarketSpec, ...] = DEFAULT_MARKETS
    limits: Mapping[str, Any] = field(default_factory=dict)  # exchange -> its own record of limits
    ledger_size: int = 50_000  # requests remembered
    orders_kept: int = 20_000  # orders remembered per account, open ones included

    def limits_of(self, exchange: str, usual: _T) -> _T:
        """What this simulation says of an exchange's limits, else what is usual there."""
        return cast(_T, self.limits.get(exchange, usual))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived: raw texts. Header names in lower case; `address` is the peer of the connection.

    `product`: the one whose host it was sent to.
    """

    exchange: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str
    now_ms: int
    monotonic: float
    product: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and what the ledger keeps of it. `outcome`: "ok" or the exchange's code."""

    status: int
    body: bytes
    outcome: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    account: str = ""
    key: str = ""  # alias
    client_id: str = ""
