"""A small world on loopback: simulated exchanges, and the configuration of a daemon that trades there.

All keys and secrets are dummies that only the simulation knows.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from proxy.config import AccountConfig, AddressConfig, BotConfig, Config, KeyConfig
from proxy.exchanges import EXCHANGES
from proxy.exchanges.table import upstream_of
from proxy.model import Credential
from proxy.simulator import SimAccount, SimConfig, SimKey, Simulator

_GRANTED = frozenset({"public", "read", "cancel", "place"})


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account of the world. `network`: third number of its addresses, 127.10.network.1 and up."""

    name: str
    exchange: Literal["binance", "kraken", "cryptocom", "htx"]
    network: int
    keys: int = 3
    addresses: int = 20
    tier: str = ""


DEMO = (AccountPlan("binance-demo", "binance", 1), AccountPlan("cryptocom-demo", "cryptocom", 2))


def addresses_of(plan: AccountPlan) -> tuple[str, ...]:
    return tuple(f"127.10.{plan.network}.{n}" for n in range(1, plan.addresses + 1))


def key_of(plan: AccountPlan, number: int) -> tuple[str, str, str]:
    """(alias, key, secret) of one dummy key."""
    alias = f"key-{number}"
    secret = f"dummy-secret-{plan.name}-{number}"
    if plan.exchange == "kraken":  # its secrets are base64
        secret = base64.b64encode(secret.encode()).decode()
    return alias, f"dummy-key-{plan.name}-{number}", secret


def token_of(bot: str) -> str:
    return f"dummy-token-{bot}"


def simulation(plans: tuple[AccountPlan, ...]) -> SimConfig:
    """The exchanges' side."""
    accounts = []
    for plan in plans:
        keys = []
        for number in range(1, plan.keys + 1):
            alias, key, secret = key_of(plan, number)
            keys.append(SimKey(alias=alias, key=key, secret=secret, addresses=addresses_of(plan)))
        accounts.append(
            SimAccount(exchange=plan.exchange, name=plan.name, keys=tuple(keys), tier=plan.tier or "intermediate")
        )
    return SimConfig(accounts=tuple(accounts))


def configuration(plans: tuple[AccountPlan, ...], sim: Simulator, bots: tuple[str, ...], state_dir: Path) -> Config:
    """The daemon's side: free ports, every bot on every account."""
    names = frozenset(plan.name for plan in plans)
    accounts = {}
    for plan in plans:
        addresses = tuple(AddressConfig(a, a) for a in addresses_of(plan))
        keys = []
        for number in range(1, plan.keys + 1):
            alias, key, secret = key_of(plan, number)
            credential = Credential(plan.name, alias, key, secret.encode())
            keys.append(KeyConfig(alias, credential, None, 0, addresses))
        doors = {name: sim.url(plan.exchange, name) for name in EXCHANGES[plan.exchange].table.products}
        upstream = {name: upstream_of(url, private_ok=True) for name, url in doors.items()}
        accounts[plan.name] = AccountConfig(
            plan.name, plan.exchange, plan.tier, addresses, tuple(keys), upstream, {}, {}, (), False
        )
    return Config(
        listen=("127.0.0.1:0",),
        admin="127.0.0.1:0",
        state_dir=state_dir,
        bots={
            bot: BotConfig(bot, hashlib.sha256(token_of(bot).encode()).digest(), names, _GRANTED, 1.0) for bot in bots
        },
        accounts=accounts,
    )
