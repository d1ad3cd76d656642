"""The ways in which an exchange, or what stands before it, can break an answer. It has the whole request in each."""

import asyncio
from collections.abc import Callable

from tests.egress.fake_exchange import OK, Session

PART = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"
HTML = b"<html>bad gateway</html>"


def _write(data: bytes) -> Callable[[Session], None]:
    return lambda session: session.write(data)


def _then_reset(data: bytes) -> Callable[[Session], None]:
    def answer(session: Session) -> None:
        session.write(data)
        # The bytes must be out before the reset, which would drop them.
        asyncio.get_running_loop().call_later(0.003, session.reset)

    return answer


def _then_close(data: bytes) -> Callable[[Session], None]:
    def answer(session: Session) -> None:
        session.write(data)
        session.close()

    return answer


SILENT: dict[str, Callable[[Session], None]] = {
    "stall": lambda session: None,
    "slow body": _write(PART),
}
BROKEN = SILENT | {
    "reset before the head": lambda session: session.reset(),
    "reset inside the head": _then_reset(b"HTTP/1.1 200 OK\r\nContent-"),
    "close without answer": lambda session: session.close(),
    "close inside the head": _then_close(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset in the body": _then_reset(PART),
    "close in the body": _then_close(PART),
    "close before the last chunk": _then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "garbage": _write(b"I am not HTTP at all\r\n\r\n"),
    "oversized header": _write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + OK[15:]),
    "second answer at once": _write(OK + OK),
}
# Complete, so they are passed up as they came; that a write is not known to have failed then is the exchange's rule.
COMPLETE: dict[str, tuple[int, bytes, Callable[[Session], None]]] = {
    "502 with HTML": (
        502,
        HTML,
        _write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%s" % (len(HTML), HTML)),
    ),
    "redirect": (
        307,
        b"",
        _write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /order\r\nContent-Length: 0\r\n\r\n"),
    ),
    "redirect by 302": (302, b"", _write(b"HTTP/1.1 302 Found\r\nLocation: /order\r\nContent-Length: 0\r\n\r\n")),
}
