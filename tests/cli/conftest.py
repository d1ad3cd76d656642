"""Configurations to run, and the daemon as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli.main import main

ROOT = Path(__file__).parents[2]
TOKEN = "dummy-token-grid"
SECRETS = (TOKEN, "dummy-key-canary", "dummy-secret-canary")
HERE, MISSING = "127.0.0.1", "203.0.113.9"

CONFIG = """\
listen: ["{listen}"]
admin: "{admin}"
state_dir: state
bots:
  grid:
    token: {{value: dummy-token-grid}}
    accounts: [desk]
    allow: [public, read, place]
accounts:
  desk:
    exchange: binance
    addresses: [{addresses}]
    keys:
      main: {{key: {{value: dummy-key-canary}}, secret: {{value: dummy-secret-canary}}}}
    upstream: {{spot: "{upstream}", usdm: "{upstream}", coinm: "{upstream}", portfolio: "{upstream}"}}
{more}"""


class Folder:
    """A folder with a configuration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "ordergate.yaml"

    def write(
        self,
        *,
        listen: str = "127.0.0.1:0",
        admin: str = "127.0.0.1:0",
        addresses: str = HERE,
        upstream: int = 9,
        more: str = "",
    ) -> Path:
        self.file.write_text(
            CONFIG.format(
                listen=listen, admin=admin, addresses=addresses, upstream=f"http://127.0.0.1:{upstream}", more=more
            )
        )
        return self.file


class Process:
    """`python -m proxy ...` with a notify socket, as a service manager would start it."""

    def __init__(self, folder: Path, *args: str) -> None:
        place = folder / "notify.sock"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(place))
        self._notify.settimeout(15)
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "proxy", *args],
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": str(place), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def told(self) -> dict[str, str]:
        """The next message to the service manager."""
        text = self._notify.recv(4096).decode()
        return dict(row.split("=", 1) for row in text.splitlines())

    def ready(self) -> tuple[str, int]:
        """Wait for READY; where bots reach it."""
        message = self.told()
        assert message["READY"] == "1"
        host, _, port = message["STATUS"].removeprefix("bots on ").rpartition(":")
        return host, int(port)

    def line(self) -> str:
        """The next line of standard output."""
        assert self.popen.stdout is not None
        timer = threading.Timer(15, self.popen.kill)
        timer.start()
        text = self.popen.stdout.readline()
        timer.cancel()
        timer.join()
        assert text, "it ended"
        return text

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Exit status, standard output and error."""
        out, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, out, err

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()
        self._notify.close()


class Exchange:
    """An exchange of one thread that answers every request with an empty object, when it may."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.sources: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection, peer[0]), daemon=True).start()

    def _answer(self, connection: socket.socket, source: str) -> None:
        with suppress(ConnectionError), connection, connection.makefile("rb") as file:  # at the end they are reset
            while first := file.readline():
                while file.readline() != b"\r\n":
                    pass
                if b" /api/v3/exchangeInfo" not in first:  # the daemon's own question, at whatever moment
                    self.sources.append(source)
                    self.arrived.release()
                    self.may_answer.wait(15)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def close(self) -> None:
        self.may_answer.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts processes; kills what is left of them."""
    made: list[Process] = []

    def begin(*args: str) -> Process:
        made.append(Process(tmp_path, *args))
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = Exchange()
    yield made
    made.close()


@pytest.fixture
def ordergate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command in this process. No secret of the configurations here may be printed."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: Any) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)
        assert not any(secret in result.output for secret in SECRETS)
        return result

    return run
