"""An exchange's end of the wire that does exactly what a test tells it, and counts what arrives."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True, slots=True)
class Arrival:
    raw: bytes
    peer: str
    connection: int  # counted from 1
    nth: int  # on its connection, counted from 1


class Session(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, exchange: "FakeExchange") -> None:
        self.exchange = exchange
        self.buffer = b""
        self.count = 0
        self.number = 0
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.exchange.sessions.append(self)
        self.number = len(self.exchange.sessions)

    def data_received(self, data: bytes) -> None:
        self.exchange.received += len(data)
        self.exchange.news.set()
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            size = end + 4
            for line in self.buffer[:end].split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    size += int(line[15:])
            if len(self.buffer) < size:
                return
            raw, self.buffer = self.buffer[:size], self.buffer[size:]
            self.count += 1
            arrival = Arrival(raw, self.transport.get_extra_info("peername")[0], self.number, self.count)
            self.exchange.arrivals.append(arrival)
            self.exchange.respond(self, arrival)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(error)

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class FakeExchange:
    def __init__(self, respond: Callable[[Session, Arrival], None]) -> None:
        self.respond = respond
        self.arrivals: list[Arrival] = []
        self.sessions: list[Session] = []
        self.received = 0
        self.news = asyncio.Event()
        self.port = 0

    async def until_arrivals(self, count: int) -> None:
        while len(self.arrivals) < count:
            self.news.clear()
            await self.news.wait()

    async def until_bytes(self) -> None:
        while not self.received:
            self.news.clear()
            await self.news.wait()


def answering(raw: bytes, then_close: bool = False) -> Callable[[Session, Arrival], None]:
    """Every request gets these bytes."""

    def respond(session: Session, arrival: Arrival) -> None:
        session.write(raw)
        if then_close:
            session.close()

    return respond


@contextlib.asynccontextmanager
async def serving(
    respond: Callable[[Session, Arrival], None] = lambda session, _: session.write(OK),
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[FakeExchange]:
    exchange = FakeExchange(respond)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(exchange), host, 0, ssl=tls)
    exchange.port = server.sockets[0].getsockname()[1]
    try:
        yield exchange
    finally:
        server.close()
        for session in exchange.sessions:
            if not session.lost.done():
                session.transport.abort()
            await session.lost
        await server.wait_closed()
