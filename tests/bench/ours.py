"""Ordergate as a subject: python -m tests.bench.ours UPSTREAM_PORT [on|off]. Prints its port.

Everything is on: tokens, ledger, signatures, metrics, and unless `off` is given the journal. Limits are raised so far
that they count but never wait.
"""

import asyncio
import hashlib
import sys
import tempfile
from pathlib import Path

import uvloop

from proxy.cli.daemon import Daemon
from proxy.config import AccountConfig, AddressConfig, BotConfig, Config, KeyConfig
from proxy.config.records import LimitOverride
from proxy.exchanges import EXCHANGES
from proxy.model import Credential, Upstream
from proxy.orders.journal import Name
from proxy.orders.records import Entry, Intent, State
from tests.bench.order import ACCOUNT, ADDRESSES, KEYS, TOKEN


class NoJournal:
    """Says yes to everything, and keeps nothing."""

    def __init__(self) -> None:
        self._number = 0

    async def intend(self, intent: Intent) -> int | Entry:
        self._number += 1
        return self._number

    def sent(self, number: int, key: str, address: str, valid_until_ms: int) -> None: ...

    def mark(self, number: int, state: State, *said: object, **more: object) -> None: ...

    async def open_entries(self) -> list[Entry]:
        return []

    async def ended_since(self, at_ms: int) -> list[Entry]:
        return []

    async def names(self, most: int) -> list[Name]:
        return []

    async def find(self, account: str, bot: str, name: str) -> Entry | None:
        return None

    async def entry(self, call: str) -> Entry | None:
        return None

    async def resolve(self, call: str, state: State) -> Entry | None:
        return None


def configuration(upstream_port: int, state_dir: Path) -> Config:
    addresses = tuple(AddressConfig(address, address) for address in ADDRESSES)
    account = AccountConfig(
        name=ACCOUNT,
        exchange="binance",
        tier="",
        addresses=addresses,
        keys=tuple(
            KeyConfig(alias, Credential(ACCOUNT, alias, key, secret.encode()), None, 0, addresses)
            for alias, key, secret in KEYS
        ),
        upstream={"spot": Upstream("http", "127.0.0.1", upstream_port, "", True)},
        limits={name: LimitOverride(1e12) for name in EXCHANGES["binance"].table.limits},
        reserve={"place": 0.10, "cancel": 0.05},
        deny=(),
        allow_withdrawals=False,
    )
    token = hashlib.sha256(TOKEN.encode()).digest()
    bot = BotConfig("bench", token, frozenset({ACCOUNT}), frozenset({"public", "read", "cancel", "place"}), 1.0)
    return Config(("127.0.0.1:0",), "127.0.0.1:0", state_dir, {"bench": bot}, {ACCOUNT: account})


async def main(upstream_port: int, journal: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(configuration(upstream_port, Path(folder)))
        if journal == "off":
            daemon.writes.journal = NoJournal()
        bots, _ = await daemon.start()
        print(bots[0].rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), (*sys.argv[2:], "on")[0]))
