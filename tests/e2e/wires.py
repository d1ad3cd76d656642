"""Raw sockets: a client that sends exactly what it is told, and an exchange that keeps exactly what it gets."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True)
class Got:
    """An answer as it came. `headers`: names in lower case; a name that came twice has both values joined."""

    status: int
    headers: dict[str, str]
    body: bytes
    names: tuple[str, ...] = ()

    @property
    def json(self) -> object:
        return orjson.loads(self.body)

    def text(self) -> str:
        return self.body.decode()


class Wire:
    """One connection to the daemon. Nothing is normalised, repeated or followed."""

    def __init__(self, place: tuple[str, int], timeout_s: float = 10) -> None:
        self.socket = socket.create_connection(place, timeout_s)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        rows = {"Host": "localhost", **(headers or {})}
        if body or method in ("POST", "PUT"):
            rows.setdefault("Content-Length", str(len(body)))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in rows.items()) + "\r\n"
        self.socket.sendall(head.encode("latin-1") + body)

    def head(self) -> int:
        """The status of an answer without headers and body (100 Continue)."""
        status = int(self._file.readline().split()[1])
        assert self._file.readline() == b"\r\n"
        return status

    def read(self, method: str = "GET") -> Got:
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        names = []
        while (row := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = row.decode("latin-1").partition(":")
            name, value = name.lower(), value.strip()
            names.append(name)
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Got(status, headers, b"" if method == "HEAD" else self._body(headers), tuple(names))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._file.read(int(headers["content-length"]))
        pieces = []
        while size := int(self._file.readline(), 16):
            pieces.append(self._file.read(size))
            assert self._file.readline() == b"\r\n"
        assert self._file.readline() == b"\r\n"
        return b"".join(pieces)

    def call(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Got:
        self.send(method, target, headers, body)
        return self.read(method)


@dataclass
class Caught:
    """A request as it reached the exchange."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes
    address: str

    @property
    def target(self) -> str:
        return self.line.split()[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Recorder:
    """An exchange that keeps every request and gives the answer that the test has laid out."""

    answer: Callable[[Caught], bytes] = lambda caught: plain(b"{}")
    caught: list[Caught] = field(default_factory=list)
    port: int = 0
    hang_up: bool = False  # after the answer
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rows = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
                headers = [(n, v.strip()) for n, _, v in (row.partition(":") for row in rows)]
                length = int(next((v for n, v in headers if n.lower() == "content-length"), "0"))
                caught = Caught(line, headers, await reader.readexactly(length), writer.get_extra_info("peername")[0])
                self.caught.append(caught)
                writer.write(self.answer(caught))
                await writer.drain()
                if self.hang_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def plain(body: bytes, *rows: str, status: str = "200 OK") -> bytes:
    """An answer of an exchange."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *rows]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
