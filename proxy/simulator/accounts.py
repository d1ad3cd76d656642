"""Accounts and keys while they live: suspended, deleted, taken off a whitelist."""

import math
from dataclasses import dataclass, field

from proxy.simulator.orders import Desk
from proxy.simulator.records import SimAccount, SimConfig, SimKey


@dataclass(slots=True)
class LiveAccount:
    """`suspended_until_ms`: inf until lifted."""

    spec: SimAccount
    desk: Desk
    keys: list["LiveKey"] = field(default_factory=list)
    suspended_until_ms: float = 0.0

    @property
    def name(self) -> str:
        return self.spec.name

    def suspended(self, now_ms: int) -> bool:
        return now_ms < self.suspended_until_ms


@dataclass(slots=True)
class LiveKey:
    spec: SimKey
    account: LiveAccount
    whitelist: set[str]
    restricted: bool  # has a whitelist at all; an emptied one admits nobody
    trade: bool
    deleted: bool = False
    suspended_until_ms: float = 0.0
    nonce: int = 0  # Kraken: highest accepted
    nonces: set[int] = field(default_factory=set)  # accepted ones inside the window
    used_ms: int = 0

    @property
    def alias(self) -> str:
        return self.spec.alias

    def suspended(self, now_ms: int) -> bool:
        return now_ms < self.suspended_until_ms

    def admits(self, address: str) -> bool:
        return not self.restricted or address in self.whitelist


class Registry:
    """All accounts; a key's name finds its key, per exchange."""

    def __init__(self, config: SimConfig) -> None:
        self.accounts: dict[tuple[str, str], LiveAccount] = {}
        self._by_name: dict[tuple[str, str], LiveKey] = {}
        for spec in config.accounts:
            account = LiveAccount(spec, Desk(spec.name, spec.balances, config.orders_kept))
            if (spec.exchange, spec.name) in self.accounts:
                raise ValueError(f"account {spec.exchange}/{spec.name} twice")
            self.accounts[spec.exchange, spec.name] = account
            for key_spec in spec.keys:
                key = LiveKey(key_spec, account, set(key_spec.addresses), bool(key_spec.addresses), key_spec.trade)
                if (spec.exchange, key_spec.key) in self._by_name:
                    raise ValueError(f"key of {spec.exchange}/{spec.name}/{key_spec.alias} twice")
                self._by_name[spec.exchange, key_spec.key] = key
                account.keys.append(key)

    def find(self, exchange: str, name: str) -> LiveKey | None:
        return self._by_name.get((exchange, name))

    def key(self, exchange: str, account: str, alias: str) -> LiveKey:
        """Raises KeyError."""
        for key in self.account(exchange, account).keys:
            if key.alias == alias:
                return key
        raise KeyError(f"{exchange}/{account}/{alias}")

    def account(self, exchange: str, account: str) -> LiveAccount:
        """Raises KeyError."""
        return self.accounts[exchange, account]


def until_ms(now_ms: int, seconds: float | None) -> float:
    """The end of a suspension; None: until lifted."""
    return math.inf if seconds is None else now_ms + seconds * 1000
