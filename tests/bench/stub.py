"""The exchange of the measurement: answers every order the same, as fast as Python can.

    python -m tests.bench.stub    prints its port; `GET /seen` tells what the last calls looked like

It keeps a few calls as they came, and judges signatures only when asked, so that judging costs the runs nothing.
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from email.utils import formatdate
from typing import ClassVar, cast

import httptools
import uvloop

from tests.bench.order import ANSWER, ANSWER_HEADERS, KEYS

_KEPT = 240


def head(length: int) -> bytes:
    rows = ["HTTP/1.1 200 OK", "Server: stub", f"Date: {formatdate(usegmt=True)}"]
    rows += [f"{name}: {value}" for name, value in ANSWER_HEADERS]
    return "\r\n".join([*rows, f"Content-Length: {length}", "", ""]).encode()


class Stub(asyncio.Protocol):
    """One accepted connection."""

    seen: ClassVar[deque[tuple[str, str, bytes]]] = deque(maxlen=_KEPT)  # (peer, key, body)
    order = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class derives from nothing
        self.peer = str(transport.get_extra_info("peername")[0])
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.key, self.body = b"", "", b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 12 and name.lower() == b"x-mbx-apikey":
            self.key = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.url == b"/seen":
            found = json.dumps(seen()).encode()
            self.transport.write(head(len(found)) + found)
        else:
            self.seen.append((self.peer, self.key, self.body))
            self.transport.write(Stub.order)
        self.url, self.key, self.body = b"", "", b""


def seen() -> dict[str, object]:
    """Where the last calls came from, and whether they were signed as the exchange wants it."""
    secrets = {key: secret for _, key, secret in KEYS}
    calls = list(Stub.seen)
    signed = 0
    for _, key, body in calls:
        text, _, given = body.rpartition(b"&signature=")
        right = hmac.new(secrets.get(key, "").encode(), text, hashlib.sha256).hexdigest().encode()
        signed += key in secrets and b"&timestamp=" in text and hmac.compare_digest(given, right)
    return {
        "calls": len(calls),
        "signed": signed,
        "keys": len({key for _, key, _ in calls}),
        "addresses": len({peer for peer, _, _ in calls}),
    }


def renew(loop: asyncio.AbstractEventLoop) -> None:
    """Once a second: a Date that stood still would tell of a clock that stands still."""
    Stub.order = head(len(ANSWER)) + ANSWER
    loop.call_later(1, renew, loop)


async def main() -> None:
    loop = asyncio.get_running_loop()
    renew(loop)
    server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(main())
