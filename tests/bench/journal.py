"""What the journal costs an order: the same daemon with its journal on the disk, and with one in memory.

    python -m tests.bench.journal [--seconds 3] [--rates 50 200 500]

One process per kind, orders at even intervals from a client of its own, so that a late answer holds up nobody. Prints
only. Reads never touch the journal: tests/test_writes.py.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import order

_ROOT = Path(__file__).parents[2]
_KINDS = ("memory", "disk")
_LINES = 64  # keep-alive connections of the client


class _Line(asyncio.Protocol):
    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(data)


@contextmanager
def _running(*command: str) -> Iterator[int]:
    """A process that prints its port."""
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def _paced(port: int, data: bytes, rate: float, seconds: float) -> list[float]:
    """The times of all orders in ms, sorted, each from the moment that it was due."""
    loop = asyncio.get_running_loop()
    free: list[_Line] = [(await loop.create_connection(_Line, "127.0.0.1", port))[1] for _ in range(_LINES)]
    times: list[float] = []

    async def one(due_s: float) -> None:
        line = free.pop() if free else (await loop.create_connection(_Line, "127.0.0.1", port))[1]
        line.answered = loop.create_future()
        line.transport.write(data)  # type: ignore[attr-defined]  # a transport of uvloop's own
        answer = await line.answered
        times.append((time.perf_counter() - due_s) * 1000)
        assert answer.startswith(b"HTTP/1.1 200"), answer[-200:]
        free.append(line)

    begun_s = time.perf_counter() + 0.05
    tasks = []
    for number in range(int(rate * seconds)):
        due_s = begun_s + number / rate
        await asyncio.sleep(max(due_s - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(time.perf_counter())))
    await asyncio.gather(*tasks)
    return sorted(times)


def measure(rates: list[float], seconds: float, rounds: int) -> dict[tuple[float, str], tuple[float, float]]:
    """(rate, kind) -> p50 and p99 in ms: the medians of all rounds."""
    found: dict[tuple[float, str], list[tuple[float, float]]] = {}
    with _running("tests.bench.stub", "0") as stub:
        for _ in range(rounds):
            for kind in _KINDS:
                with _running("tests.bench.ours", str(stub), kind) as port:
                    data = order.request(port, f"/{order.ACCOUNT}")
                    uvloop.run(_paced(port, data, 200, 1))
                    for rate in rates:
                        times = uvloop.run(_paced(port, data, rate, seconds))
                        cell = (times[len(times) // 2], times[len(times) * 99 // 100])
                        found.setdefault((rate, kind), []).append(cell)
    return {
        key: (statistics.median(p50 for p50, _ in cells), statistics.median(p99 for _, p99 in cells))
        for key, cells in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journal", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[50, 200, 500])
    given = parser.parse_args()
    found = measure(given.rates, given.seconds, given.rounds)
    table = Table(title=f"One order with the journal in memory and on the disk, ms, medians of {given.rounds} rounds")
    for title in ("orders/s", "p50 memory", "p50 disk", "added p50", "p99 memory", "p99 disk", "added p99"):
        table.add_column(title, justify="right")
    for rate in given.rates:
        memory, disk = found[rate, "memory"], found[rate, "disk"]
        cells = [(memory[n], disk[n], disk[n] - memory[n]) for n in (0, 1)]
        table.add_row(f"{rate:g}", *(f"{value:.3f}" for cell in cells for value in cell))
    Console().print(table)


if __name__ == "__main__":
    main()
