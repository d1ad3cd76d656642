"""An account at Binance and one at Kraken, and bots with different rights."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from proxy.config import AccountConfig, AddressConfig, BotConfig, KeyConfig
from proxy.exchanges import EXCHANGES
from proxy.ingress.admission import Admission
from proxy.model import Credential, Upstream
from proxy.pool import Pool, pool_of

TOKENS: Mapping[str, str] = MappingProxyType({
    "grid": "dummy-token-grid",
    "reader": "dummy-token-reader",
    "canceller": "dummy-token-canceller",
    "kraken-only": "dummy-token-kraken-only",
})  # fmt: skip
_GRANTS = {
    "grid": ("public", "read", "cancel", "place"),
    "reader": ("public", "read"),
    "canceller": ("cancel",),
    "kraken-only": ("public", "read", "cancel", "place"),
}
_ACCOUNTS = {"kraken-only": ("krk",)}


@dataclass(frozen=True)
class House:
    """What stands behind the door."""

    pools: Mapping[str, Pool]
    bots: Mapping[str, BotConfig]

    def admission(self) -> Admission:
        return Admission(self.pools, self.bots)

    @staticmethod
    def token(bot: str) -> str:
        return TOKENS[bot]


def _pool(name: str, exchange: str, **fields: Any) -> Pool:
    addresses = (AddressConfig("127.0.0.1", "127.0.0.1"),)
    secret = b"ZHVtbXktc2VjcmV0"
    keys = tuple(
        KeyConfig(alias, Credential(name, alias, f"dummy-key-{name}-{alias}", secret), None, 0, addresses)
        for alias in ("k1", "k2")
    )
    rows: dict[str, Any] = {
        "tier": "", "upstream": {}, "limits": {}, "reserve": {}, "deny": (), "allow_withdrawals": False, **fields,
    }  # fmt: skip
    return pool_of(
        AccountConfig(name=name, exchange=exchange, addresses=addresses, keys=keys, **rows), EXCHANGES[exchange]
    )


@pytest.fixture
def house() -> House:
    pools = {
        "bin": _pool("bin", "binance", deny=("POST /api/v3/order/oco",)),
        "rich": _pool("rich", "binance", allow_withdrawals=True),
        "sim": _pool(
            "sim", "binance", upstream={"spot": Upstream("http", "127.0.0.1", 8900, "", private_ok=True)}, local=True
        ),
        "krk": _pool("krk", "kraken"),
    }
    bots = {
        name: BotConfig(
            name,
            hashlib.sha256(TOKENS[name].encode()).digest(),
            frozenset(_ACCOUNTS.get(name, tuple(pools))),
            frozenset(grants),
            2.5,
        )
        for name, grants in _GRANTS.items()
    }
    return House(pools, bots)
