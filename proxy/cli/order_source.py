"""Where the commands find writes: at the running daemon, else in its journal."""

import http.client
import json
import socket
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from proxy.admin.orders import TOKEN_FILE
from proxy.clock import SystemClock
from proxy.config import Config
from proxy.orders import schema, store
from proxy.orders.listing import row, rows
from proxy.orders.records import State

JOURNAL = "orders.db"
_WITHIN_S = 5.0


class NoOrders(Exception):
    """Writes cannot be read or changed; the text says why."""


class DaemonOrders:
    """Through the admin listener. Raises OSError if there is no daemon."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._stranger = f"what answers on {config.admin} is not an Ordergate of this version"

    def unknown(self) -> list[dict[str, Any]]:
        found = self._ask("GET", "/api/orders/unknown").get("orders")
        if not isinstance(found, list):
            raise NoOrders(self._stranger)
        return found

    def show(self, call: str) -> dict[str, Any]:
        return self._ask("GET", f"/api/orders/{quote(call, safe='')}")

    def resolve(self, call: str, state: State) -> dict[str, Any]:
        return self._ask("POST", f"/api/orders/{quote(call, safe='')}/resolve", json.dumps({"state": state.value}))

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        line = _line(self._config.admin)
        try:
            line.request(method, path, body, {"Host": "localhost", **(self._token() if body else {})})
            answer = line.getresponse()
            found = json.loads(answer.read())
        except (http.client.HTTPException, ValueError):
            raise NoOrders(self._stranger) from None
        finally:
            line.close()
        if not isinstance(found, dict):
            raise NoOrders(self._stranger)
        if answer.status != 200:
            raise NoOrders(found.get("error", f"the daemon answers {answer.status}"))
        return found

    def _token(self) -> dict[str, str]:
        path = self._config.state_dir / TOKEN_FILE
        try:
            return {"Authorization": f"Bearer {path.read_text().strip()}"}
        except OSError as fault:
            raise NoOrders(f"{path} cannot be read ({fault.strerror}); run this as the daemon's user") from None


class FileOrders:
    """In the journal itself, while no daemon runs."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoOrders(f"there is no journal at {path}")
        try:
            self._connection = schema.connect(path)
            schema.prepare(self._connection)
        except (OSError, sqlite3.Error) as fault:
            raise NoOrders(f"{path} cannot be read: {fault}") from None

    def unknown(self) -> list[dict[str, Any]]:
        return rows(store.open_entries(self._connection))

    def show(self, call: str) -> dict[str, Any]:
        found = store.entry(self._connection, call)
        if found is None:
            raise NoOrders("no write has this call id")
        return row(found)

    def resolve(self, call: str, state: State) -> dict[str, Any]:
        found = store.resolve(self._connection, call, state, SystemClock().wall_ms())
        if found is None:
            raise NoOrders("no open outcome has this call id")
        return row(found)


def order_source(config: Config) -> DaemonOrders | FileOrders:
    """The daemon if it answers, else its file. Raises NoOrders."""
    daemon = DaemonOrders(config)
    try:
        daemon.unknown()
    except OSError:
        return FileOrders(config.state_dir / JOURNAL)
    return daemon


class _UnixLine(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_WITHIN_S)
        self.sock.connect(self._path)


def _line(listen: str) -> http.client.HTTPConnection:
    if listen.startswith("unix:"):
        return _UnixLine(listen.removeprefix("unix:"))
    host, _, port = listen.rpartition(":")
    return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=_WITHIN_S)
