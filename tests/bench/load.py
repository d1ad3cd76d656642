"""Load: a closed loop over some connections, each with one call under way; or wrk, where it is installed."""

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What a run gave. `times_us`: one per call, sorted; empty from wrk."""

    calls: int
    errors: int
    seconds: float
    times_us: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    def quantile_us(self, share: float) -> float:
        return self.times_us[min(int(len(self.times_us) * share), len(self.times_us) - 1)] if self.times_us else 0.0


class _Bot(asyncio.Protocol):
    """One connection that sends the same call over and over."""

    def __init__(self, data: bytes, until_s: float, most: int, ended: Callable[["_Bot"], None]) -> None:
        self._data = data
        self._until_s = until_s
        self._most = most
        self._ended = ended
        self._came = b""
        self._sent_s = 0.0
        self.errors = 0
        self.times_us: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class derives from nothing
        self._send()

    def data_received(self, data: bytes) -> None:
        came = self._came = self._came + data if self._came else data
        end = came.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(came, 0, end + 2)
        if length is not None and len(came) < end + 4 + int(length[1]):
            return
        now_s = time.perf_counter()
        self.times_us.append((now_s - self._sent_s) * 1e6)
        self.errors += length is None or came[9:12] != b"200"
        self._came = b""
        if now_s < self._until_s and len(self.times_us) < self._most:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors += exc is not None or bool(self._came) or not self.times_us
        self._ended(self)

    def _send(self) -> None:
        self._sent_s = time.perf_counter()
        self._transport.write(self._data)


async def closed_loop(port: int, data: bytes, *, connections: int, seconds: float, most: int = 1_000_000) -> Load:
    """Bounded by time, and by `most` calls per connection. A connection that breaks is an error and is not replaced."""
    loop = asyncio.get_running_loop()
    bots: list[_Bot] = []
    all_ended = asyncio.Event()

    def ended(bot: _Bot) -> None:
        bots.append(bot)
        if len(bots) == connections:
            all_ended.set()

    started_s = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Bot(data, started_s + seconds, most, ended), "127.0.0.1", port)
    await asyncio.wait_for(all_ended.wait(), seconds + 30)
    times = sorted(t for bot in bots for t in bot.times_us)
    return Load(len(times), sum(bot.errors for bot in bots), time.perf_counter() - started_s, times)


def wrk_found() -> bool:
    return shutil.which("wrk") is not None


def wrk(port: int, data: bytes, *, connections: int, seconds: float, folder: Path) -> Load:
    """The same closed loop by wrk, which costs the second core less. It takes whole seconds only."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    method, path, _ = lines[0].split(" ")
    rows = "".join(
        f'wrk.headers["{name}"] = "{value}"\n'
        for name, _, value in (line.partition(": ") for line in lines[1:])
        if name not in ("Host", "Content-Length")
    )
    script = folder / "order.lua"
    script.write_text(f'wrk.method = "{method}"\nwrk.body = "{body.decode()}"\n{rows}', encoding="utf-8")
    whole = max(round(seconds), 1)
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "-s", str(script), f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=whole + 30,
    ).stdout
    done = re.search(r"(\d+) requests in ([0-9.]+)(m?)s", ran)
    if done is None:
        raise RuntimeError(f"wrk said: {ran}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", ran)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", ran)
    errors = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Load(int(done[1]), errors, float(done[2]) / (1000 if done[3] else 1))
