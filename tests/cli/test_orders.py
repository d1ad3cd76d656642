"""`ordergate orders`, at a running daemon and at the file of one that ended."""

import asyncio
import http.client
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from proxy.clock import SystemClock
from proxy.model import Executed, Item
from proxy.orders.journal import Journal
from proxy.orders.records import Answer, Intent, State

Ordergate = Callable[..., Result]
ORDER = "/desk/api/v3/order?symbol=BTCUSDT&side=BUY&quantity=1&newClientOrderId=dummy-[red]1"
TOKEN = {"X-Ordergate-Token": "dummy-token-grid"}


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of an exchange that reads orders and never answers."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


@pytest.fixture
def written(folder: Any) -> Path:
    """A configuration whose daemon ended with an open order behind it, and one that was answered."""
    file: Path = folder.write(admin=f"127.0.0.1:{free_port()}")
    state = folder.path / "state"
    state.mkdir()
    journal = Journal(state / "orders.db", SystemClock())
    journal.open()

    async def fill() -> None:
        params = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1"}
        intent = Intent(
            "c-1", "grid", "desk", "POST /api/v3/order", "id:BTCUSDT [red]x", b"1", params, 1_790_000_000_123
        )
        number = await journal.intend(intent)
        assert isinstance(number, int)
        journal.sent(number, "main", "127.0.0.1", 1_790_000_005_123)
        number = await journal.intend(Intent("c-2", "grid", "desk", "POST /api/v3/order", "", b"2", {}, 1))
        assert isinstance(number, int)
        items = (Item(0, "dummy-a", Executed.YES, "7"), Item(1, "[red]b", Executed.NO, code="-2010"))
        journal.mark(number, State.EXECUTED, Answer(200, "application/json", b'{"orderId":7}'), items=items)

    asyncio.run(fill())
    journal.close()
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def test_open_orders_for_people(ordergate: Ordergate, written: Path) -> None:
    result = ordergate("orders", "unknown", "-c", written)
    assert result.exit_code == 0
    for text in (
        "c-1",
        "2026-09-21 14:13:20.123",
        "desk",
        "grid",
        "POST /api/v3/order BTCUSDT BUY 1",
        "[red]x",
        "sent",
    ):
        assert text in result.stdout, text
    assert "c-2" not in result.stdout and "orders resolve CALL" in result.stdout


def test_open_orders_for_programs(ordergate: Ordergate, written: Path) -> None:
    (row,) = json.loads(ordergate("orders", "unknown", "--json", "-c", written).stdout)
    assert (row["call"], row["state"], row["params"]["symbol"]) == ("c-1", "sent", "BTCUSDT")


def test_one_order(ordergate: Ordergate, written: Path) -> None:
    text = ordergate("orders", "show", "c-1", "-c", written).stdout
    for part in ("main 127.0.0.1", "2026-09-21 14:13:25.123 UTC", "open", "none recorded", "quantity"):
        assert part in text, part
    assert '200 {"orderId":7}' in ordergate("orders", "show", "c-2", "-c", written).stdout
    assert json.loads(ordergate("orders", "show", "c-2", "--json", "-c", written).stdout)["answer"]["status"] == 200
    missing = ordergate("orders", "show", "c-3", "-c", written)
    assert (missing.exit_code, missing.stderr) == (1, "ordergate: no write has this call id\n")


def test_each_order_of_a_write_of_several(ordergate: Ordergate, written: Path) -> None:
    text = ordergate("orders", "show", "c-2", "-c", written).stdout
    rows = [line.split() for line in text.splitlines()]
    assert ["0", "dummy-a", "yes", "7"] in rows and ["1", "[red]b", "no", "-2010"] in rows
    assert "exchange's id" in text
    assert "exchange's id" not in ordergate("orders", "show", "c-1", "-c", written).stdout
    row = json.loads(ordergate("orders", "show", "c-2", "--json", "-c", written).stdout)
    assert row["items"][1] == {"index": 1, "id": "[red]b", "executed": "no", "order": "", "code": "-2010"}
    assert json.loads(ordergate("orders", "show", "c-1", "--json", "-c", written).stdout)["items"] == []


def test_the_operator_closes_one(ordergate: Ordergate, written: Path) -> None:
    assert "absent" in ordergate("orders", "resolve", "c-1", "absent", "-c", written).stdout
    assert "no write has an unknown outcome" in ordergate("orders", "unknown", "-c", written).stdout
    again = ordergate("orders", "resolve", "c-1", "executed", "-c", written)
    assert (again.exit_code, again.stderr) == (1, "ordergate: no open outcome has this call id\n")
    assert ordergate("orders", "resolve", "c-1", "sent", "-c", written).exit_code == 2


def test_without_a_journal(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("orders", "unknown", "-c", folder.write(admin=f"127.0.0.1:{free_port()}"))
    assert result.exit_code == 1 and "there is no journal at" in result.stderr
    assert not (folder.path / "state").exists()


def test_a_stranger_on_the_admin_port(ordergate: Ordergate, written: Path, folder: Any, exchange: Any) -> None:
    file = folder.write(admin=f"127.0.0.1:{exchange.port}")
    result = ordergate("orders", "unknown", "-c", file)
    assert result.exit_code == 1 and "is not an Ordergate of this version" in result.stderr


@pytest.mark.parametrize("listener", ["tcp", "unix"])
def test_at_a_running_daemon_and_after_its_restart(
    ordergate: Ordergate, folder: Any, start: Any, silent: int, listener: str
) -> None:
    admin = f"127.0.0.1:{free_port()}" if listener == "tcp" else f"unix:{folder.path}/admin.sock"
    file = folder.write(admin=admin, upstream=silent)
    process = start("run", "-c", str(file))
    connection = http.client.HTTPConnection(*process.ready(), timeout=15)
    connection.request("POST", ORDER, headers={**TOKEN, "X-Ordergate-Deadline-Ms": "500"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    call = answer.headers["X-Ordergate-Call"]
    assert (answer.status, answer.headers["X-Ordergate-Outcome"]) == (504, "unknown")
    (row,) = json.loads(ordergate("orders", "unknown", "--json", "-c", file).stdout)
    assert (row["call"], row["state"]) == (call, "unknown")
    process.signal(signal.SIGKILL)
    assert process.end()[0] == -signal.SIGKILL
    (row,) = json.loads(ordergate("orders", "unknown", "--json", "-c", file).stdout)  # now from the file
    assert (row["call"], row["state"]) == (call, "unknown")
    (folder.path / "notify.sock").unlink()
    with suppress(FileNotFoundError):
        (folder.path / "admin.sock").unlink()
    process = start("run", "-c", str(file))
    process.ready()
    assert "executed" in ordergate("orders", "resolve", call, "executed", "-c", file).stdout
    assert json.loads(ordergate("orders", "unknown", "--json", "-c", file).stdout) == []
    process.signal()
    _, _, err = process.end()
    assert f"call {call}: outcome unknown since an earlier run" in err
