"""A small world on loopback: simulated exchanges, and the configuration of a daemon that trades there.

All keys and secrets are dummies that only the simulation knows.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from proxy.config import AccountConfig, AddressConfig, BotConfig, Config, KeyConfig
from proxy.exchanges import EXCHANGES
from proxy.exchanges.coinbase_jwt import public_pem
from proxy.exchanges.table import upstream_of
from proxy.model import Credential
from proxy.simulator import SimAccount, SimConfig, SimKey, Simulator
from proxy.simulator.venues import doors_of

_BASE64_SECRETS = ("kraken", "krakenfutures")
_WITH_PASSPHRASE = ("okx", "kucoin")
_GRANTED = frozenset({"public", "read", "cancel", "place"})


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account of the world. `network`: third number of its addresses, 127.10.network.1 and up."""

    name: str
    exchange: str
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
    if plan.exchange in _BASE64_SECRETS:
        secret = base64.b64encode(secret.encode()).decode()
    if plan.exchange == "coinbase":  # the seed of an Ed25519 key
        secret = base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
    return alias, f"dummy-key-{plan.name}-{number}", secret


def known_of(plan: AccountPlan, secret: str) -> str:
    """What the exchange keeps of a secret."""
    return public_pem(secret.encode()) if plan.exchange == "coinbase" else secret


def passphrase_of(plan: AccountPlan, alias: str) -> str:
    """Of one dummy key, "" where the exchange has none."""
    return f"dummy-passphrase-{alias}" if plan.exchange in _WITH_PASSPHRASE else ""


def token_of(bot: str) -> str:
    return f"dummy-token-{bot}"


def simulation(plans: tuple[AccountPlan, ...]) -> SimConfig:
    """The exchanges' side."""
    accounts = []
    for plan in plans:
        keys = []
        for number in range(1, plan.keys + 1):
            alias, key, secret = key_of(plan, number)
            known, phrase = known_of(plan, secret), passphrase_of(plan, alias)
            keys.append(SimKey(alias, key, known, addresses_of(plan), passphrase=phrase))
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
            credential = Credential(plan.name, alias, key, secret.encode(), passphrase_of(plan, alias))
            keys.append(KeyConfig(alias, credential, None, 0, addresses))
        upstream = {
            product: upstream_of(
                sim.url(plan.exchange, product if product in doors_of(plan.exchange) else ""), private_ok=True
            )
            for product in EXCHANGES[plan.exchange].table.products
        }
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
