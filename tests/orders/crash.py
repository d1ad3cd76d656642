"""SIGKILL under load: afterwards the journal knows every order that the exchange executed, and none was executed twice.

    python -m tests.orders.crash --kills 150

A real daemon process is killed at random moments while bots place market orders at a simulated exchange, and started
again. As a client library would, a bot repeats an order until it has some answer, under the same client order id or
Idempotency-Key. The orders fill at once, so the exchange itself takes the same id again: only the daemon guards them.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from proxy.cli.world import AccountPlan, addresses_of, key_of, simulation
from proxy.simulator import BinanceLimits, SimConfig, Simulator

ROOT = Path(__file__).parents[2]
PLAN = AccountPlan("crash", "binance", 9, addresses=4)
TOKEN = "dummy-token-crash"
_WIDE = 1_000_000
_READY_WITHIN_S = 60.0
_START_WITHIN_S = 30


@dataclass
class Outcome:
    """What is held against each other at the end. `told`: how often a bot heard which outcome."""

    kills: int = 0
    executed: int = 0
    doubled: list[str] = field(default_factory=list)
    unknown_to_journal: list[str] = field(default_factory=list)
    lied: list[str] = field(default_factory=list)  # told executed or rejected, and the exchange says otherwise
    open_entries: int = 0
    told: Counter[str] = field(default_factory=Counter)

    @property
    def well(self) -> bool:
        wrong = self.doubled or self.unknown_to_journal or self.lied or self.open_entries
        return not wrong and self.executed > 0


class Crashes:
    """The exchange, the daemon's process and the bots."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.outcome = Outcome()
        limits = BinanceLimits(weight_1m=_WIDE, raw_5m=_WIDE, orders_10s=_WIDE, orders_1d=_WIDE)
        made = simulation((PLAN,))
        self.sim = Simulator(SimConfig(accounts=made.accounts, limits={"binance": limits}, ledger_size=_WIDE))
        self.port, self.admin = _free_port(), _free_port()
        self.process: asyncio.subprocess.Process | None = None
        self.answers: dict[str, str] = {}
        self.ended = False

    async def run(self, kills: int, bots: int) -> Outcome:
        await self.sim.start()
        file = self._configuration()
        try:
            await self._start(file)
            trading = [asyncio.create_task(self._trade(number)) for number in range(bots)]
            for number in range(kills):
                if self.random.random() < 0.8:  # else it is killed while it still looks for what the last kill left
                    await self._ready()
                await asyncio.sleep(self.random.uniform(0.05, 0.4))
                await self._kill()
                await self._start(file)
                self.outcome.kills += 1
                if sys.stderr.isatty():
                    print(f"\r{number + 1} of {kills} kills", end="", file=sys.stderr, flush=True)
            await self._ready()
            await asyncio.sleep(0.2)
            self.ended = True
            await asyncio.gather(*trading)
            await self._all_known()
        finally:
            await self._kill()
            await self.sim.stop()
        return self._judged()

    def _configuration(self) -> Path:
        keys = "".join(
            f"      {alias}: {{key: {{value: {key}}}, secret: {{value: {secret}}}}}\n"
            for alias, key, secret in (key_of(PLAN, n) for n in range(1, PLAN.keys + 1))
        )
        names = ("weight_1m", "raw_5m", "orders_10s", "orders_1d")
        file = self.folder / "ordergate.yaml"
        file.write_text(
            f'listen: ["127.0.0.1:{self.port}"]\nadmin: "127.0.0.1:{self.admin}"\nstate_dir: state\n'
            f"bots:\n  crash:\n    token: {{value: {TOKEN}}}\n    accounts: [{PLAN.name}]\n"
            "    allow: [public, read, cancel, place]\n"
            f"accounts:\n  {PLAN.name}:\n    exchange: binance\n    addresses: [{', '.join(addresses_of(PLAN))}]\n"
            f'    keys:\n{keys}    upstream: {{spot: "{self.sim.url("binance")}"}}\n'
            f"    limits: {{{', '.join(f'{name}: {_WIDE}' for name in names)}}}\n"
        )
        return file

    async def _start(self, file: Path) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", "run", "-c", str(file), "--log-level", "error"),
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=None if os.environ.get("CRASH_LOG") else asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_START_WITHIN_S):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                if self.process.returncode is not None:
                    raise RuntimeError("the daemon does not start")
                await asyncio.sleep(0.005)

    async def _ready(self) -> None:
        """All that the last kill left is resolved, and orders are taken."""
        async with asyncio.timeout(_READY_WITHIN_S):
            while await self._admin("/readyz") != 200:
                await asyncio.sleep(0.02)

    async def _all_known(self) -> None:
        """Nothing is open any more, of whatever run."""
        async with asyncio.timeout(_READY_WITHIN_S):
            while self._open_entries():
                await asyncio.sleep(0.1)

    async def _admin(self, path: str) -> int:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.admin)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                return int((await reader.readline()).split()[1])
            finally:
                writer.close()
        except (OSError, IndexError):
            return 0

    def _open_entries(self) -> int:
        connection = sqlite3.connect(self.folder / "state" / "orders.db")
        try:
            (found,) = connection.execute("SELECT count(*) FROM writes WHERE ended_ms = 0").fetchone()
        finally:
            connection.close()
        return int(found)

    async def _kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _trade(self, bot: int) -> None:
        number = 0
        while not self.ended:
            number += 1
            order = f"b{bot}-{number}"
            key = f"k-{order}" if number % 2 else ""
            told = ""
            while not told:
                try:
                    told = await self._post(order, key)
                except (OSError, EOFError, ValueError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.005)
            self.outcome.told[told] += 1
            self.answers[order] = told

    async def _post(self, order: str, key: str) -> str:
        """The outcome that the daemon tells, or "" for a refusal before it was sent."""
        form = f"symbol=BTCUSDT&side={'BUY' if len(order) % 2 else 'SELL'}&type=MARKET&quantity=0.001&recvWindow=500"
        head = (
            f"POST /{PLAN.name}/api/v3/order?{form}&newClientOrderId={order} HTTP/1.1\r\nHost: localhost\r\n"
            f"X-Ordergate-Token: {TOKEN}\r\nContent-Length: 0\r\nConnection: close\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"{head}{f'Idempotency-Key: {key}' + chr(13) + chr(10) if key else ''}\r\n".encode())
            rows = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            headers = dict(row.split(": ", 1) for row in rows[1:] if row)
        finally:
            writer.close()
        outcome = headers.get("x-ordergate-outcome", "")
        return outcome if headers.get("x-ordergate-origin") == "exchange" or outcome == "unknown" else ""

    def _judged(self) -> Outcome:
        found = self.outcome
        executed = Counter(order.client_id for order in self.sim.ledger.orders("binance", PLAN.name))
        connection = sqlite3.connect(self.folder / "state" / "orders.db")
        rows: list[tuple[str]] = connection.execute("SELECT params FROM writes").fetchall()
        connection.close()
        known = {json.loads(params)["newClientOrderId"] for (params,) in rows}
        found.executed = sum(executed.values())
        found.doubled = sorted(order for order, times in executed.items() if times > 1)
        found.unknown_to_journal = sorted(set(executed) - known)
        found.lied = sorted(
            order
            for order, told in self.answers.items()
            if (told == "executed" and not executed[order]) or (told == "rejected" and executed[order])
        )
        found.open_entries = self._open_entries()
        return found


def _free_port() -> int:
    """Below those that the kernel gives out: bots that call while nobody listens would else connect to themselves now
    and then, and the daemon find its port taken.
    """
    while True:
        port = random.randint(20_000, 31_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def crash(kills: int, *, bots: int = 16, seed: int = 1) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="ordergate-crash-") as folder:
        return await Crashes(Path(folder), seed).run(kills, bots)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.orders.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--bots", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = asyncio.run(crash(given.kills, bots=given.bots, seed=given.seed))
    print(
        f"{found.kills} kills, {found.executed} orders executed, {len(found.doubled)} twice, "
        f"{len(found.unknown_to_journal)} unknown to the journal, {len(found.lied)} told wrong, "
        f"{found.open_entries} entries open; bots were told {dict(found.told)}"
    )
    sys.exit(0 if found.well else 1)


if __name__ == "__main__":
    main()
