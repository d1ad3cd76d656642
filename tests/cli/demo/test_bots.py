"""The demo's bots: what they send, and what they write into their books."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from proxy.cli.demo.bots import Books, Bot, Line

Answer = tuple[int, dict[str, str], Any]
OK: Answer = (200, {"x-ordergate-attempts": "2"}, {"code": 0})


@dataclass
class Daemon:
    """A listener that keeps what it gets and answers what it is told."""

    answer: Callable[[str, str], Answer] = lambda method, target: OK
    got: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                first, *rows = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = first.split()
                headers = dict(row.lower().split(": ", 1) for row in rows if row)
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((method, target, headers, body))
                status, said, content = self.answer(method, target)
                data = orjson.dumps(content) if content is not None else b""
                lines = [f"HTTP/1.1 {status} dummy", *(f"{n}: {v}" for n, v in said.items())]
                writer.write("\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode() + data)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    made = Daemon()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


async def trade(daemon: Daemon, exchange: str, calls: int) -> Books:
    """Let a bot trade until it has made so many calls, then stop it."""
    stop = asyncio.Event()
    books = Books(exchange, "desk")
    first = daemon.answer

    def counting(method: str, target: str) -> Answer:
        if len(daemon.got) >= calls:
            stop.set()
        return first(method, target)

    daemon.answer = counting
    async with asyncio.timeout(10):
        await Bot("grid", books, Line("127.0.0.1", daemon.port, "dummy-token"), seed=0).trade(stop)
    return books


async def test_a_line_keeps_its_connection_and_sends_the_token(daemon: Daemon) -> None:
    line = Line("127.0.0.1", daemon.port, "dummy-token")
    for _ in range(2):
        assert await line.call("POST", "/desk/x", b"{}", "application/json") == (
            200, {"x-ordergate-attempts": "2", "content-length": "10"}, {"code": 0},
        )  # fmt: skip
    line.close()
    assert daemon.connections == 1
    method, target, headers, body = daemon.got[0]
    assert (method, target, body) == ("POST", "/desk/x", b"{}")
    assert headers["x-ordergate-token"] == "dummy-token" and headers["content-type"] == "application/json"


async def test_an_answer_without_a_body(daemon: Daemon) -> None:
    daemon.answer = lambda method, target: (204, {}, None)
    line = Line("127.0.0.1", daemon.port, "dummy-token")
    assert (await line.call("GET", "/x"))[2] is None
    line.close()


async def test_binance_orders(daemon: Daemon) -> None:
    books = await trade(daemon, "binance", 5)
    sent = [(method, urlsplit(target)) for method, target, _, _ in daemon.got]
    method, place = sent[0]
    order = {name: values[0] for name, values in parse_qs(place.query).items()}
    assert (method, place.path) == ("POST", "/desk/api/v3/order")
    assert order["newClientOrderId"] == "grid-1" and order["symbol"] == "BTCUSDT"
    assert not {"signature", "timestamp"} & set(order)  # the daemon signs
    assert [(m, p.path.rpartition("/")[2]) for m, p in sent[1:4]] == [
        ("GET", "order"),
        ("DELETE", "order"),
        ("GET", "price"),
    ]
    assert books.orders["grid-1"] == "cancelled"
    assert (books.calls, books.attempts, books.failed) == (len(sent), 2 * len(sent), 0)


async def test_cryptocom_orders(daemon: Daemon) -> None:
    books = await trade(daemon, "cryptocom", 5)
    method, target, headers, body = daemon.got[0]
    assert (method, target) == ("POST", "/desk/exchange/v1/private/create-order")
    assert headers["content-type"] == "application/json"
    asked = orjson.loads(body)
    assert (asked["method"], asked["params"]["client_oid"]) == ("private/create-order", "grid-1")
    assert not {"sig", "api_key", "nonce"} & set(asked)
    assert [t.rpartition("/")[2].partition("?")[0] for _, t, _, _ in daemon.got[1:4]] == [
        "get-order-detail", "cancel-order", "get-tickers",
    ]  # fmt: skip
    assert books.orders["grid-1"] == "cancelled"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((200, {}, {"code": 0}), "placed"),
        ((200, {}, {}), "placed"),
        ((400, {}, {"code": -2010, "msg": "dummy"}), "refused"),
        ((200, {}, {"code": 213}), "refused"),
        ((503, {}, {"code": 0, "msg": "dummy"}), "refused"),
        ((504, {"x-ordergate-outcome": "unknown"}, {"code": -1007}), "unknown"),
        ((400, {"x-ordergate-outcome": "rejected"}, {"code": -1}), "refused"),
    ],
)
async def test_what_the_books_say_of_an_order(daemon: Daemon, answer: Answer, state: str) -> None:
    daemon.answer = lambda method, target: answer if method == "POST" else (400, {}, {"code": -1})
    books = await trade(daemon, "binance", 2)
    assert books.orders["grid-1"] == state  # a cancel that failed leaves it placed
    assert books.failed >= 1 and books.failures[0].split()[0] in ("400", str(answer[0]))


async def test_only_the_latest_failures_are_kept(daemon: Daemon) -> None:
    daemon.answer = lambda method, target: (400, {}, {"code": -1, "msg": "x" * 500})
    books = await trade(daemon, "binance", 8)
    assert books.failed >= 8
    assert len(books.failures) == 5 and all(len(text) < 120 for text in books.failures)
