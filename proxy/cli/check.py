"""What `check` looks at beyond the configuration's own rules. Nothing is sent."""

from dataclasses import dataclass

from proxy.config import Config, KeyConfig
from proxy.egress.probe import missing
from proxy.exchanges import EXCHANGES
from proxy.exchanges.key_rules import EntryMode, Whitelist


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    ok: bool
    text: str


def _whitelist(what: str, key: KeyConfig, rules: Whitelist) -> Finding:
    """How the exchange's page takes the key's addresses."""
    addresses = list(dict.fromkeys(a.public for a in key.addresses))
    form = "one at a time" if rules.entry is EntryMode.SINGLE else f"one text, {rules.separator!r} between them"
    text = f"{len(addresses)} addresses to list, {form}, at: {rules.page}"
    if rules.cap is not None and len(addresses) > rules.cap:
        return Finding(
            what, False, f"{len(addresses)} addresses, and the exchange lists {rules.cap} at most per {rules.per}"
        )
    return Finding(what, True, text)


def findings(config: Config) -> list[Finding]:
    """Every account, key and address of a configuration that has loaded."""
    found = []
    for account in config.accounts.values():
        table = EXCHANGES[account.exchange].table
        keys = ", ".join(key.alias for key in account.keys)
        text = f"{account.exchange}, {len(account.keys)} keys ({keys}), {len(table.endpoints())} endpoints"
        found.append(Finding(f"account {account.name}", True, text))
        if table.keys is not None:
            found += [_whitelist(f"key {account.name}/{key.alias}", key, table.keys.whitelist) for key in account.keys]
        everywhere = {a.bind for a in account.addresses} | {a.bind for key in account.keys for a in key.addresses}
        for address in sorted(everywhere):
            fault = missing(address)
            found.append(Finding(f"address {address}", not fault, fault or f"can be bound, for {account.name}"))
    for bot in config.bots.values():
        text = f"may {', '.join(sorted(bot.allow))} on {', '.join(sorted(bot.accounts))}"
        found.append(Finding(f"bot {bot.name}", bool(bot.accounts), text))
    folder = config.state_dir
    if folder.is_dir():
        found.append(Finding("state_dir", True, str(folder)))
    else:
        parent = next((p for p in folder.parents if p.exists()), folder)
        found.append(Finding("state_dir", True, f"{folder} will be made below {parent}"))
    return found
