"""Write-ahead logs cut or scrambled anywhere, as a power cut leaves them: what is read is a beginning of what was
committed, and nothing else.

    python -m tests.orders.torn --logs 600

A real journal is filled, and the file with its log is copied. The log of each copy is cut at a random byte, followed by
nothing, by noise, or by the rest with a few bytes changed. Then the journal is opened as the daemon would.
"""

import argparse
import asyncio
import random
import shutil
import sqlite3
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from proxy.clock import SystemClock
from proxy.orders import schema, store
from proxy.orders.journal import Journal
from proxy.orders.records import Answer, Intent, State

_WRITES = 120
_ANSWER = Answer(200, "application/json", b'{"orderId":1}')


@dataclass
class Outcome:
    """`lengths`: how many commits were left, of each log."""

    logs: int = 0
    commits: int = 0
    damaged: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not self.damaged and self.logs > 0


async def _fill(journal: Journal) -> None:
    """One write after the other, each at its end before the next begins: two commits each."""
    for number in range(1, _WRITES + 1):
        intent = Intent(f"c-{number}", "grid", "main", "POST /order", f"id:{number}", b"digest", {"n": str(number)}, 1)
        made = await journal.intend(intent)
        assert made == number
        journal.sent(number, "key-1", "192.0.2.1", 5)
        journal.mark(number, State.EXECUTED, _ANSWER)
        await journal.names(1)


def _commits(path: Path) -> int | None:
    """How many commits are in the file, if they are the first so many of the history; None if they are not.

    0: not even the tables.
    """
    connection = schema.connect(path)
    try:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return None
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            return 0
        schema.prepare(connection)
        entries = [store.entry(connection, f"c-{number}") for number in range(1, store.highest(connection) + 1)]
        for number, entry in enumerate(entries, 1):
            if entry is None or entry.id != number or entry.intent.params != {"n": str(number)}:
                return None
            whole = (entry.state, entry.answer, entry.key) == (State.EXECUTED, _ANSWER, "key-1")
            begun = (entry.state, entry.answer, entry.key) == (State.INTENT, None, "") and number == len(entries)
            if not (whole or begun):
                return None
        open_ones = len(store.open_entries(connection))
        return 1 + 2 * len(entries) - open_ones if len(store.names(connection, 10_000)) == len(entries) else None
    finally:
        connection.close()


def _torn(whole: bytes, rng: random.Random) -> bytes:
    cut = rng.randrange(len(whole))
    kind = rng.randrange(3)
    if kind == 0:
        return whole[:cut]
    if kind == 1:
        return whole[:cut] + rng.randbytes(len(whole) - cut)
    rest = bytearray(whole[cut:])
    for _ in range(rng.randint(1, 8)):
        rest[rng.randrange(len(rest))] ^= rng.randint(1, 255)
    return whole[:cut] + rest


def torn(folder: Path, logs: int, seed: int = 1) -> Outcome:
    rng = random.Random(seed)
    images = folder / "image"
    images.mkdir()
    names = ("orders.db", "orders.db-wal")
    journal = Journal(folder / names[0], SystemClock(), durable_within_s=30)
    journal.open()
    try:
        asyncio.run(_fill(journal))
        for name in names:
            shutil.copy(folder / name, images / name)
    finally:
        journal.close()
    whole = (images / names[1]).read_bytes()
    found = Outcome(commits=1 + 2 * _WRITES)
    for number in range(logs):
        copy = folder / "torn"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(images, copy)
        (copy / names[1]).write_bytes(_torn(whole, rng))
        try:
            left = _commits(copy / names[0])
        except sqlite3.Error as fault:
            found.damaged.append(f"log {number}: {fault}")
        else:
            if left is None:
                found.damaged.append(f"log {number}: not a beginning of what was committed")
            else:
                found.lengths.append(left)
        found.logs += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.orders.torn", description=__doc__)
    parser.add_argument("--logs", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordergate-torn-") as folder:
        found = torn(Path(folder), given.logs, given.seed)
    print(
        f"{found.logs} logs torn, {len(found.damaged)} damaged; {len(set(found.lengths))} different beginnings, "
        f"{min(found.lengths, default=0)} to {max(found.lengths, default=0)} of {found.commits} commits"
    )
    for line in found.damaged:
        print(line)
    sys.exit(0 if found.well else 1)


if __name__ == "__main__":
    main()
