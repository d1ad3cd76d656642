"""What a simulation consists of (frozen, from Python or a mapping) and what passes through it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar, cast, get_args

ExchangeName = Literal["binance", "kraken", "cryptocom"]
_T = TypeVar("_T")
EXCHANGES: tuple[ExchangeName, ...] = get_args(ExchangeName)


@dataclass(frozen=True, slots=True)
class SimKey:
    """One API key as the exchange knows it.

    `secret`: Binance: HMAC secret, or the *public* key as PEM (Ed25519, RSA); Kraken: base64;
    Crypto.com: text. `addresses` empty: no whitelist, any address may use the key.
    `nonce_window`: Kraken only, in ticks of the nonce.
    """

    alias: str
    key: str
    secret: str = field(repr=False)
    addresses: tuple[str, ...] = ()
    read: bool = True
    trade: bool = True
    withdraw: bool = False
    nonce_window: int = 0


@dataclass(frozen=True, slots=True)
class SimAccount:
    """`tier`: Kraken only (starter, intermediate, pro). `balances`: coin (BTC, USDT, USD) to amount."""

    exchange: ExchangeName
    name: str
    keys: tuple[SimKey, ...]
    balances: Mapping[str, str] = field(
        default_factory=lambda: {"BTC": "100", "ETH": "1000", "USDT": "10000000", "USD": "10000000"}
    )
    tier: str = "intermediate"


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A spot market on every exchange; each exchange spells its name in its own way."""

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
class BinanceLimits:
    weight_1m: int = 6000
    raw_5m: int = 300_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    sapi_ip_1m: int = 12_000
    futures_weight_1m: int = 2400
    ban_after: int = 5  # refused requests of an address inside one minute before the 418
    ban_seconds: int = 120  # doubles with every further ban, up to three days


@dataclass(frozen=True, slots=True)
class KrakenLimits:
    """Key and engine counters follow the account's tier; `rest` and `engine` override (capacity, decay per s)."""

    rest: tuple[float, float] | None = None
    engine: tuple[float, float] | None = None
    public: tuple[float, float] = (30.0, 1.0)  # not published; about one call a second is recommended
    open_orders: int | None = None
    lockout_after: int = 10  # wrong nonces, signatures or keys in a row
    lockout_seconds: int = 60  # every call while locked out starts it again


@dataclass(frozen=True, slots=True)
class CryptocomLimits:
    """Capacities; the windows are the exchange's (100 ms, or 1 s for the slow two, staking and public).

    `by_account`: private methods are counted by account, as the help centre has it, not by key as the reference says.
    """

    order: int = 15
    detail: int = 30
    slow: int = 1
    staking: int = 50
    other: int = 3
    public: int = 100
    by_account: bool = False


@dataclass(frozen=True, slots=True)
class SimConfig:
    accounts: tuple[SimAccount, ...] = ()
    markets: tuple[MarketSpec, ...] = DEFAULT_MARKETS
    binance: BinanceLimits = BinanceLimits()
    kraken: KrakenLimits = KrakenLimits()
    cryptocom: CryptocomLimits = CryptocomLimits()
    ledger_size: int = 50_000  # requests remembered
    orders_kept: int = 20_000  # orders remembered per account, open ones included

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> "SimConfig":
        """From a parsed YAML or JSON file with the same names; unknown names raise ValueError."""
        plain = dict(data)
        accounts = tuple(
            _build(SimAccount, {**a, "keys": tuple(_build(SimKey, _tuples(k)) for k in a.get("keys", ()))})
            for a in plain.pop("accounts", ())
        )
        for account in accounts:
            if account.exchange not in EXCHANGES:
                raise ValueError(f"accounts: unknown exchange {account.exchange!r}")
        parts: dict[str, Any] = {"accounts": accounts}
        if "markets" in plain:
            parts["markets"] = tuple(_build(MarketSpec, m) for m in plain.pop("markets"))
        limits = {"binance": BinanceLimits, "kraken": KrakenLimits, "cryptocom": CryptocomLimits}
        for name, record in limits.items():
            if name in plain:
                parts[name] = _build(record, _tuples(plain.pop(name)))
        return _build(cls, {**plain, **parts})


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def _build(record: type[_T], data: Mapping[str, Any]) -> _T:
    known = {f.name for f in fields(cast(Any, record))}
    if unknown := sorted(set(data) - known):
        raise ValueError(f"{record.__name__}: unknown name {', '.join(unknown)}")
    try:
        return record(**data)
    except TypeError as error:
        raise ValueError(f"{record.__name__}: {error}") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived: raw texts. Header names in lower case; `address` is the peer of the connection."""

    exchange: ExchangeName
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str
    now_ms: int
    monotonic: float


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
