"""What the journal costs: the same daemon with its journal, and without one, side by side, for orders and for reads.

    python -m tests.bench.journal [--seconds 3] [--rates 50 200 500] [--rounds 3]

One process per kind, both alive at once and measured in turns. Calls at even intervals from a client of its own, so
that a late answer holds up nobody. Prints only. `refused`: orders for which the disk was too slow, or that failed
otherwise. A read never touches the journal (tests/test_writes.py): what its rows show is how far two equal things
differ on this machine.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import order

_ROOT = Path(__file__).parents[2]
_KINDS = ("off", "on")
_CALLS = {"order": order.request, "read": order.read}
_LINES = 64  # keep-alive connections of the client


class _Line(asyncio.Protocol):
    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(data)


@dataclass(frozen=True, slots=True)
class _Server:
    pid: int
    port: int

    def cpu_us(self) -> float:
        """Processor time of all its threads so far."""
        rows = (row.read_text() for row in Path(f"/proc/{self.pid}/task").glob("*/schedstat"))
        return sum(int(row.split()[0]) for row in rows) / 1000


@dataclass(frozen=True, slots=True)
class Cell:
    p50_ms: float
    p99_ms: float
    cpu_us: float
    refused: int


@contextmanager
def _running(*command: str) -> Iterator[_Server]:
    """A process that prints its port."""
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield _Server(process.pid, int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def _paced(port: int, data: bytes, rate: float, seconds: float) -> tuple[list[float], int]:
    """The times of all calls in ms, sorted, each from the moment that it was due; and how many were refused."""
    loop = asyncio.get_running_loop()
    free: list[_Line] = [(await loop.create_connection(_Line, "127.0.0.1", port))[1] for _ in range(_LINES)]
    times: list[float] = []
    refused = 0

    async def one(due_s: float) -> None:
        nonlocal refused
        line = free.pop() if free else (await loop.create_connection(_Line, "127.0.0.1", port))[1]
        line.answered = loop.create_future()
        line.transport.write(data)  # type: ignore[attr-defined]  # a transport of uvloop's own
        answer = await line.answered
        times.append((time.perf_counter() - due_s) * 1000)
        refused += not answer.startswith(b"HTTP/1.1 200")
        free.append(line)

    begun_s = time.perf_counter() + 0.05
    tasks = []
    for number in range(int(rate * seconds)):
        due_s = begun_s + number / rate
        await asyncio.sleep(max(due_s - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(time.perf_counter())))
    await asyncio.gather(*tasks)
    return sorted(times), refused


def measure(rates: list[float], seconds: float, rounds: int) -> dict[tuple[str, float, str], Cell]:
    """(call, rate, kind) -> the medians of all rounds."""
    found: dict[tuple[str, float, str], list[Cell]] = {}
    with ExitStack() as stack:
        stub = stack.enter_context(_running("tests.bench.stub", "0"))
        servers = {k: stack.enter_context(_running("tests.bench.ours", str(stub.port), k)) for k in _KINDS}
        for server in servers.values():
            uvloop.run(_paced(server.port, order.request(server.port, f"/{order.ACCOUNT}"), 200, 1))
        for number in range(rounds):
            for call, request in _CALLS.items():
                for rate in rates:
                    for kind in _KINDS if number % 2 else reversed(_KINDS):
                        cell = _cell(servers[kind], request(servers[kind].port, f"/{order.ACCOUNT}"), rate, seconds)
                        found.setdefault((call, rate, kind), []).append(cell)
    return {key: _median(cells) for key, cells in found.items()}


def _cell(server: _Server, data: bytes, rate: float, seconds: float) -> Cell:
    before_us = server.cpu_us()
    times, refused = uvloop.run(_paced(server.port, data, rate, seconds))
    spent_us = (server.cpu_us() - before_us) / len(times)
    return Cell(times[len(times) // 2], times[len(times) * 99 // 100], spent_us, refused)


def _median(cells: list[Cell]) -> Cell:
    return Cell(
        statistics.median(cell.p50_ms for cell in cells),
        statistics.median(cell.p99_ms for cell in cells),
        statistics.median(cell.cpu_us for cell in cells),
        sum(cell.refused for cell in cells),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journal", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[50, 200, 500])
    given = parser.parse_args()
    found = measure(given.rates, given.seconds, given.rounds)
    table = Table(title=f"One call without and with the journal, medians of {given.rounds} rounds; times in ms")
    for title in ("call", "per s"):
        table.add_column(title, justify="right")
    for title in ("p50", "p99", "CPU us"):
        for kind in (*_KINDS, "added"):
            table.add_column(f"{title} {kind}", justify="right")
    table.add_column("refused", justify="right")
    for call in _CALLS:
        for rate in given.rates:
            off, on = (found[call, rate, kind] for kind in _KINDS)
            cells = ((off.p50_ms, on.p50_ms, 2), (off.p99_ms, on.p99_ms, 2), (off.cpu_us, on.cpu_us, 0))
            texts = (f"{value:.{digits}f}" for a, b, digits in cells for value in (a, b, b - a))
            table.add_row(call, f"{rate:g}", *texts, str(off.refused + on.refused))
    Console().print(table)


if __name__ == "__main__":
    main()
