"""What forwarding costs: Ordergate beside a naive forwarder and nginx, on one core, in one run.

    python -m tests.bench.forward [--seconds S] [--rounds R] [--json]

Each subject carries the same order to the same stub, from 20 source addresses. Ordergate and the naive one also sign,
with 3 keys in turn, which is checked before the run. Ratios hold; absolute figures are those of this machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import nginx
from tests.bench.load import Load, closed_loop, wrk, wrk_found
from tests.bench.order import ADDRESSES, KEYS
from tests.bench.subjects import OTHER_CORE, SUBJECT_CORE, Process, running

CONNECTIONS = 64
_CHECKED_CALLS = 240


@dataclass(frozen=True, slots=True)
class Cell:
    """One subject in one round. Latency: one connection, one call after the other, less the same without a proxy."""

    rate: float
    cpu_us: float
    added_p50_us: float
    added_p99_us: float
    errors: int


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds."""

    subject: str
    rate: float
    cpu_us: float
    added_p50_us: float
    added_p99_us: float
    errors: int
    times_naive: float


def measure(seconds: float, rounds: int, *, tools: bool = True) -> list[Result]:
    """Run all subjects in turn, `rounds` times. `tools`: use nginx and wrk where they are installed."""
    nginx_there = tools and nginx.found() is not None
    names = ["ordergate", "aiohttp", *(["nginx"] if nginx_there else [])]
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory() as temp, contextlib.ExitStack() as stack:
        folder = Path(temp)
        for name in names[:2]:
            _check(name, folder)
        stub = stack.enter_context(running("nginx-stub" if nginx_there else "stub", 0, folder))
        subjects = [stack.enter_context(running(name, stub.port, folder)) for name in names]
        crowd = _crowd(seconds, folder if tools and wrk_found() else None)
        for subject in subjects:
            _run(subject, CONNECTIONS, min(seconds, 0.5))
        cells: dict[str, list[Cell]] = {name: [] for name in names}
        for number in range(rounds):
            first = number % len(subjects)
            for subject in subjects[first:] + subjects[:first]:
                cells[subject.name].append(_cell(subject, stub, crowd, seconds))
    naive = statistics.median(cell.rate for cell in cells["aiohttp"])
    return [_result(name, rows, naive) for name, rows in cells.items()]


def _cell(subject: Process, stub: Process, crowd: Callable[[Process], Load], seconds: float) -> Cell:
    direct = _run(stub, 1, seconds / 2)
    alone = _run(subject, 1, seconds / 2)
    before_ns = subject.cpu_ns()
    many = crowd(subject)
    cpu_us = (subject.cpu_ns() - before_ns) / 1000 / max(many.calls, 1)
    return Cell(
        many.rate,
        cpu_us,
        alone.quantile_us(0.5) - direct.quantile_us(0.5),
        alone.quantile_us(0.99) - direct.quantile_us(0.99),
        direct.errors + alone.errors + many.errors,
    )


def _result(name: str, cells: list[Cell], naive: float) -> Result:
    rate = statistics.median(cell.rate for cell in cells)
    return Result(
        name,
        rate,
        statistics.median(cell.cpu_us for cell in cells),
        statistics.median(cell.added_p50_us for cell in cells),
        statistics.median(cell.added_p99_us for cell in cells),
        sum(cell.errors for cell in cells),
        rate / naive if naive else 0.0,
    )


def _run(process: Process, connections: int, seconds: float) -> Load:
    return uvloop.run(closed_loop(process.port, process.data, connections=connections, seconds=seconds))


def _crowd(seconds: float, folder: Path | None) -> Callable[[Process], Load]:
    """The load at full rate: wrk if a folder for its script is given."""
    if folder is None:
        return lambda process: _run(process, CONNECTIONS, seconds)
    return lambda process: wrk(process.port, process.data, connections=CONNECTIONS, seconds=seconds, folder=folder)


def _check(name: str, folder: Path) -> None:
    """A subject that does not sign, or not from all addresses, would be measured at another job."""
    with running("stub", 0, folder) as stub, running(name, stub.port, folder) as subject:
        asyncio.run(closed_loop(subject.port, subject.data, connections=1, seconds=30, most=_CHECKED_CALLS))
        with socket.create_connection(("127.0.0.1", stub.port), 5) as sock:
            sock.sendall(b"GET /seen HTTP/1.1\r\nHost: stub\r\n\r\n")
            seen = json.loads(sock.recv(65_536).partition(b"\r\n\r\n")[2])
    wanted = {"calls": _CHECKED_CALLS, "signed": _CHECKED_CALLS, "keys": len(KEYS), "addresses": len(ADDRESSES)}
    if seen != wanted:
        raise RuntimeError(f"{name} does another job: {seen} instead of {wanted}")


def show(results: list[Result], seconds: float, rounds: int) -> None:
    table = Table(title=f"One order through each, {rounds} rounds of {seconds:g} s, medians")
    for title in ("subject", "orders/s", "x aiohttp", "CPU us/order", "added p50 ms", "added p99 ms", "errors"):
        table.add_column(title, justify="left" if title == "subject" else "right")
    for row in results:
        table.add_row(
            row.subject,
            f"{row.rate:,.0f}",
            f"{row.times_naive:.2f}",
            f"{row.cpu_us:.1f}",
            f"{row.added_p50_us / 1000:.3f}",
            f"{row.added_p99_us / 1000:.3f}",
            str(row.errors),
        )
    console = Console()
    console.print(table)
    alone = SUBJECT_CORE != OTHER_CORE
    where = f"subject on core {SUBJECT_CORE}, stub and load on core {OTHER_CORE}" if alone else "all on one core"
    console.print(f"{CONNECTIONS} connections at full rate, one for the added latency; {where}; nginx does not sign.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forward", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one cell")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    given = parser.parse_args()
    if not (0.1 <= given.seconds <= 60 and 1 <= given.rounds <= 50):
        parser.error("--seconds takes 0.1 to 60, --rounds 1 to 50")
    results = measure(given.seconds, given.rounds)
    if given.json:
        print(json.dumps([asdict(row) for row in results], indent=2))
    else:
        show(results, given.seconds, given.rounds)


if __name__ == "__main__":
    main()
