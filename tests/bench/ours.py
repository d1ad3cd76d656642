"""Ordergate as a subject: python -m tests.bench.ours UPSTREAM_PORT [memory]. Prints its port.

Everything is on: tokens, ledger, signatures, metrics, the journal (with `memory` not on the disk). Limits are raised so
far that they count but never wait.
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
from tests.bench.order import ACCOUNT, ADDRESSES, KEYS, TOKEN
from tests.fakes import MemoryJournal


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
        if journal == "memory":
            daemon.writes.journal = MemoryJournal()
        bots, _ = await daemon.start()
        print(bots[0].rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), (*sys.argv[2:], "disk")[0]))
