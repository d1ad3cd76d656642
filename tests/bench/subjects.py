"""The processes of a run: the exchange and the forwarders, each pinned to its core."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import nginx, order

_ROOT = Path(__file__).parents[2]
_START_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Process:
    """A running server. `data`: the order as it is sent there."""

    name: str
    pid: int
    port: int
    data: bytes

    def cpu_ns(self) -> int:
        """Processor time of all its threads so far."""
        return sum(int(row.read_text().split()[0]) for row in Path(f"/proc/{self.pid}/task").glob("*/schedstat"))


def _cores() -> tuple[int, int]:
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


SUBJECT_CORE, OTHER_CORE = _cores()  # the second for stub and load; the same twice on a machine with one


@contextlib.contextmanager
def running(name: str, upstream_port: int, folder: Path) -> Iterator[Process]:
    """Start "ordergate", "aiohttp", "nginx" or one of the exchanges "stub" and "nginx-stub"; ends with the block."""
    core = OTHER_CORE if name.endswith("stub") else SUBJECT_CORE
    port = 0
    if name.startswith("nginx"):
        port = nginx.free_port()
        http = nginx.stub(port) if name == "nginx-stub" else nginx.forwarder(port, upstream_port)
        command = nginx.command(folder, name, http)
    else:
        module = {"ordergate": "ours", "aiohttp": "naive", "stub": "stub"}[name]
        command = [sys.executable, "-m", f"tests.bench.{module}", str(upstream_port)]
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        assert process.stdout is not None
        port = port or int(process.stdout.readline() or 0)
        _wait_for(port, name)
        prefix = f"/{order.ACCOUNT}" if name == "ordergate" else ""
        yield Process(name, process.pid, port, order.request(port, prefix))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_for(port: int, name: str) -> None:
    until_s = time.monotonic() + _START_WITHIN_S
    while port:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > until_s:
            break
        time.sleep(0.01)
    raise RuntimeError(f"{name} did not start")
