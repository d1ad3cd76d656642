"""From a configuration to pools; what only the exchanges' tables can tell about it is checked here."""

from collections.abc import Mapping
from pathlib import Path

from proxy.config import AccountConfig, Config, find, load
from proxy.errors import ConfigError
from proxy.exchanges import EXCHANGES
from proxy.exchanges.form import Exchange
from proxy.flights import tells_time
from proxy.model import Auth, CallClass
from proxy.pool import Pool, pool_of


def load_config(path: Path | None) -> Config:
    """The configuration, checked as far as it goes without the network. Raises ConfigError."""
    place = find(path)
    products = {name: tuple(exchange.table.products) for name, exchange in EXCHANGES.items()}
    config = load(place, products, uncacheable=uncacheable)
    complaints = [
        f"{place}: {complaint}"
        for account in config.accounts.values()
        for complaint in complaints_of(account, EXCHANGES[account.exchange])
    ]
    if complaints:
        raise ConfigError(complaints)
    return config


def complaints_of(account: AccountConfig, exchange: Exchange) -> list[str]:
    """What an exchange's table has against an account."""
    found = []
    place = f"accounts.{account.name}"
    table = exchange.table
    if account.tier and account.tier not in table.tiers:
        known = ", ".join(table.tiers) or "none"
        found.append(f"{place}.tier: {exchange.name} has no tier {account.tier!r}; it knows: {known}")
    for name in account.limits:
        if name not in table.limits:
            found.append(f"{place}.limits.{name}: {exchange.name} has no such limit; it has: {', '.join(table.limits)}")
    for rule in account.deny:
        path = rule.partition(" ")[2]
        if not path.startswith("/"):
            found.append(f"{place}.deny: write METHOD /path, not {rule[:60]!r}")
        elif "*" not in rule and table.named(rule) is None:
            found.append(f"{place}.deny: {exchange.name} has no endpoint {rule[:60]!r}")
    for key in account.keys:
        complaint = exchange.check_credential(key.credential)
        if complaint:
            found.append(f"{place}.keys.{key.alias}: {complaint}")
        if key.nonce_window and not exchange.nonces:
            found.append(f"{place}.keys.{key.alias}.nonce_window: {exchange.name} uses no nonces; remove the line")
    return found


def uncacheable(exchange: str, endpoint: str) -> str:
    """Why answers of "METHOD /path" are not kept, or ""."""
    method, _, path = endpoint.partition(" ")
    row = EXCHANGES[exchange].table.match(method, path)
    if row is None:
        return f"{exchange} has no such endpoint"
    if row.call_class is not CallClass.PUBLIC or row.auth is not Auth.NONE:
        return "only public data is kept, and this endpoint needs a key"
    return "an answer that tells the time is not kept" if tells_time(path) else ""


def pools_of(config: Config) -> Mapping[str, Pool]:
    return {name: pool_of(account, EXCHANGES[account.exchange]) for name, account in config.accounts.items()}
