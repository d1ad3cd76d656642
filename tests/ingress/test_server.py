"""The listener over real sockets: connections, bodies, hanging up, draining; and nothing a bot sent is told on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.clock import SystemClock
from proxy.dispatch import Gone
from proxy.errors import BadCall, MaybeSent
from proxy.gateway import Answer
from proxy.ingress import server as server_module
from proxy.ingress.server import Ingress
from proxy.metrics import REFUSALS, Metrics
from proxy.model import Call, Executed, Refusal, Reply, Route

TOKEN = "dummy-token-grid"
CANARY = "dummy-canary-7f3a"
HEAD = f"Host: localhost\r\nX-Ordergate-Token: {TOKEN}\r\n"
GET_TIME = f"GET /bin/api/v3/time HTTP/1.1\r\n{HEAD}\r\n".encode()
NO_BODY = "Content-Length: 0\r\n\r\n"
POST_ORDER = f"POST /bin/api/v3/order HTTP/1.1\r\n{HEAD}"

Steps = Callable[[Call, Callable[[], bool]], Awaitable[Answer]]


def said(body: bytes = b'{"ok":1}', **fields: Any) -> Answer:
    headers = fields.pop("headers", ((b"Content-Type", b"application/json"),))
    stream = fields.pop("stream", None)
    return Answer(Reply(200, b"OK", headers, body, 1, stream), None, Route("bin", "k1", "127.0.0.1"), 1, **fields)


class StandIn:
    """A gateway that answers as the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.step: Steps = self.well

    async def well(self, call: Call, gone: Callable[[], bool]) -> Answer:
        return said()

    async def forward(self, call: Call, gone: Callable[[], bool] = lambda: False) -> Answer:
        self.calls.append(call)
        return await self.step(call, gone)

    def preview(self, call: Call) -> dict[str, Any]:
        return {"dry_run": True, "endpoint": call.endpoint.name}


class Line:
    """One connection of a bot, raw."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes | str) -> None:
        self.writer.write(data if isinstance(data, bytes) else data.encode("latin-1"))

    async def read(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        async with asyncio.timeout(5):
            rows = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(row.lower().split(": ", 1) for row in rows[1:] if row)
            body = b"" if head_only else await self._body(headers)
        return int(rows[0].split()[1]), headers, body

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await self.reader.readuntil(b"\r\n")), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
            return body
        return await self.reader.readexactly(int(headers["content-length"])) if "content-length" in headers else b""

    async def ask(self, data: bytes | str) -> tuple[int, dict[str, str], bytes]:
        self.send(data)
        return await self.read()

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def is_open(self) -> bool:
        """Another call is answered on this connection."""
        status, _, _ = await self.ask(GET_TIME)
        return status == 200


class Desk:
    """An ingress that listens, and lines to it."""

    def __init__(self, house: Any) -> None:
        self.gateway = StandIn()
        self.metrics = Metrics()
        self.clock = SystemClock()
        self.ingress = Ingress(
            clock=self.clock,
            admission=house.admission(),
            gateway=self.gateway,
            metrics=self.metrics,
            pools=house.pools,
        )
        self.places: list[str] = []
        self._lines: list[Line] = []

    async def line(self) -> Line:
        host, _, port = self.places[0].rpartition(":")
        self._lines.append(Line(*await asyncio.open_connection(host.strip("[]"), int(port))))
        return self._lines[-1]

    async def ask(self, data: bytes | str) -> tuple[int, dict[str, str], bytes]:
        return await (await self.line()).ask(data)

    async def stop(self) -> None:
        for line in self._lines:
            line.writer.close()
        if not self.ingress.draining:
            await self.ingress.drain(0.0)


@pytest.fixture
async def desk(house: Any) -> AsyncIterator[Desk]:
    made = Desk(house)
    made.places = await made.ingress.start(("127.0.0.1:0",))
    yield made
    await made.stop()


# Connections


async def test_the_whole_answer(desk: Desk) -> None:
    line = await desk.line()
    line.send(GET_TIME)
    head, body = (await line.reader.readuntil(b"}")).split(b"\r\n\r\n")
    first, *rows = head.split(b"\r\n")
    assert (first, body) == (b"HTTP/1.1 200 OK", b'{"ok":1}')
    assert sorted(rows) == [
        b"Content-Length: 8",
        b"Content-Type: application/json",
        b"X-Ordergate-Address: 127.0.0.1",
        b"X-Ordergate-Attempts: 1",
        b"X-Ordergate-Call: " + desk.gateway.calls[0].id.encode(),
        b"X-Ordergate-Key: k1",
        b"X-Ordergate-Origin: exchange",
        b"X-Ordergate-Queued-Ms: 0",
    ]


async def test_a_connection_is_kept(desk: Desk) -> None:
    line = await desk.line()
    for _ in range(3):
        status, headers, body = await line.ask(GET_TIME)
        assert (status, body) == (200, b'{"ok":1}')
        assert "connection" not in headers
    assert len(desk.gateway.calls) == 3


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_connection_that_the_bot_wants_closed(desk: Desk, version: str) -> None:
    line = await desk.line()
    extra = "Connection: close\r\n" if version == "1.1" else ""
    status, headers, _ = await line.ask(f"GET /bin/api/v3/time HTTP/{version}\r\n{HEAD}{extra}\r\n")
    assert (status, headers["connection"]) == (200, "close")
    assert await line.rest() == b""


async def test_calls_in_one_piece_are_answered_in_their_order(desk: Desk) -> None:
    line = await desk.line()
    line.send(b"".join(f"GET /bin/api/v3/ticker/price?symbol=S{n} HTTP/1.1\r\n{HEAD}\r\n".encode() for n in range(5)))

    async def slow_first(call: Call, gone: Callable[[], bool]) -> Answer:
        if call.params["symbol"] == "S0":
            await asyncio.sleep(0.02)
        return said(call.params["symbol"].encode())

    desk.gateway.step = slow_first
    assert [(await line.read())[2] for _ in range(5)] == [b"S0", b"S1", b"S2", b"S3", b"S4"]


async def test_head_is_refused_without_a_body(desk: Desk) -> None:
    line = await desk.line()
    line.send(f"HEAD /bin/api/v3/time HTTP/1.1\r\n{HEAD}\r\n")
    status, headers, _ = await line.read(head_only=True)
    assert (status, headers["x-ordergate-reason"]) == (405, "wrong_method")
    assert int(headers["content-length"]) > 0
    assert await line.is_open()  # a body would stand where the next answer begins


async def test_an_operator_may_listen_on_a_unix_socket(house: Any, tmp_path: Path) -> None:
    desk = Desk(house)
    place = f"unix:{tmp_path}/bots.sock"
    assert (await desk.ingress.start((place, "[::1]:0")))[0] == place
    reader, writer = await asyncio.open_unix_connection(place.removeprefix("unix:"))
    status, _, _ = await Line(reader, writer).ask(GET_TIME)
    assert status == 200
    writer.close()
    await desk.stop()


# What reaches the gateway, and what it says


async def test_a_call_arrives_as_it_was_sent(desk: Desk) -> None:
    body = "symbol=BTCUSDT&side=BUY"
    await desk.ask(f"{POST_ORDER}User-Agent: dummy/1\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    call = desk.gateway.calls[0]
    assert (call.request.method, call.request.path, call.request.body) == ("POST", "/api/v3/order", body.encode())
    assert call.request.header("user-agent") == "dummy/1"


async def test_a_body_in_chunks(desk: Desk) -> None:
    line = await desk.line()
    line.send(f"{POST_ORDER}Transfer-Encoding: chunked\r\n\r\n")
    for piece in ("5\r\nsymbo\r\n", "9\r\nl=BTCUSDT\r\n", "0\r\n\r\n"):
        await asyncio.sleep(0)
        line.send(piece)
    assert (await line.read())[0] == 200
    assert desk.gateway.calls[0].request.body == b"symbol=BTCUSDT"
    assert await line.is_open()


async def test_our_refusal_in_the_exchanges_words(desk: Desk) -> None:
    async def refuse(call: Call, gone: Callable[[], bool]) -> Answer:
        return Answer(None, Refusal(504, "outcome_unknown", "dummy"), None, 1, executed=Executed.UNKNOWN)

    desk.gateway.step = refuse
    line = await desk.line()
    status, headers, body = await line.ask(POST_ORDER + NO_BODY)
    assert status == 504
    assert headers["x-ordergate-reason"] == "outcome_unknown" and headers["x-ordergate-outcome"] == "unknown"
    assert orjson.loads(body)["code"] == -1007
    assert desk.metrics.counts[REFUSALS, "outcome_unknown"] == 1
    desk.gateway.step = desk.gateway.well
    assert await line.is_open()


async def test_a_call_that_cannot_be_signed(desk: Desk) -> None:
    async def refuse(call: Call, gone: Callable[[], bool]) -> Answer:
        raise BadCall("bad_body", "dummy words")

    desk.gateway.step = refuse
    status, headers, body = await desk.ask(GET_TIME)
    assert (status, headers["x-ordergate-reason"], headers["x-ordergate-origin"]) == (400, "bad_body", "ordergate")
    assert "dummy words" in orjson.loads(body)["msg"]


@pytest.mark.parametrize(("request_text", "outcome"), [(GET_TIME.decode(), None), (POST_ORDER + NO_BODY, "unknown")])
async def test_an_error_of_ours_is_told_and_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture, request_text: str, outcome: str | None
) -> None:
    async def fail(call: Call, gone: Callable[[], bool]) -> Answer:
        raise RuntimeError("dummy fault")

    desk.gateway.step = fail
    status, headers, body = await desk.ask(request_text)
    assert (status, headers["x-ordergate-origin"], headers["x-ordergate-reason"]) == (500, "ordergate", "internal")
    assert headers.get("x-ordergate-outcome") == outcome  # an order may have been sent
    assert b"dummy fault" not in body and TOKEN.encode() not in body
    assert "dummy fault" in caplog.text and TOKEN not in caplog.text


async def test_a_dry_run(desk: Desk) -> None:
    line = await desk.line()
    status, headers, body = await line.ask(f"GET /bin/api/v3/time HTTP/1.1\r\n{HEAD}X-Ordergate-Dry-Run: 1\r\n\r\n")
    assert (status, headers["x-ordergate-origin"]) == (200, "ordergate")
    assert orjson.loads(body) == {"dry_run": True, "endpoint": "GET /api/v3/time"}
    assert desk.gateway.calls == []
    assert await line.is_open()


async def test_a_bot_that_hangs_up_is_seen(desk: Desk) -> None:
    seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def watch(call: Call, gone: Callable[[], bool]) -> Answer:
        assert not gone()
        line.writer.transport.abort()
        while not gone():
            await asyncio.sleep(0.001)
        seen.set_result(True)
        raise Gone

    desk.gateway.step = watch
    line = await desk.line()
    line.send(GET_TIME)
    async with asyncio.timeout(5):
        assert await seen
    assert (await desk.ask(GET_TIME.replace(b"/bin/", b"/nobody/")))[0] == 404  # the others are served


# Streams


async def pieces(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


async def test_a_large_answer_in_chunks(desk: Desk) -> None:
    async def stream(call: Call, gone: Callable[[], bool]) -> Answer:
        return said(b"first,", stream=pieces(b"second,", b"", b"third"))

    desk.gateway.step = stream
    line = await desk.line()
    _, headers, body = await line.ask(GET_TIME)
    assert (headers["transfer-encoding"], body) == ("chunked", b"first,second,third")
    assert "content-length" not in headers
    desk.gateway.step = desk.gateway.well
    assert await line.is_open()


async def test_a_large_answer_for_an_old_client(desk: Desk) -> None:
    async def stream(call: Call, gone: Callable[[], bool]) -> Answer:
        return said(b"first,", stream=pieces(b"second"))

    desk.gateway.step = stream
    line = await desk.line()
    line.send(f"GET /bin/api/v3/time HTTP/1.0\r\n{HEAD}Connection: keep-alive\r\n\r\n")
    head, _, body = (await line.rest()).partition(b"\r\n\r\n")
    assert body == b"first,second"  # ends where the connection ends
    assert b"chunked" not in head and b"Connection: close" in head


async def test_a_large_answer_that_breaks_off_is_not_taken_for_a_whole_one(desk: Desk) -> None:
    async def stream(call: Call, gone: Callable[[], bool]) -> Answer:
        return said(b"first,", stream=pieces(b"second", MaybeSent("dummy reset")))

    desk.gateway.step = stream
    line = await desk.line()
    line.send(GET_TIME)
    assert (await line.rest()).endswith(b"6\r\nsecond\r\n")  # no closing chunk


# Bodies that are not taken


async def test_a_body_that_announces_too_much(desk: Desk) -> None:
    line = await desk.line()
    status, headers, body = await line.ask(f"{POST_ORDER}Content-Length: {(1 << 20) + 1}\r\n\r\n")
    assert (status, headers["x-ordergate-reason"], headers["connection"]) == (413, "body_too_large", "close")
    assert "code" in orjson.loads(body)
    assert desk.gateway.calls == []


async def test_a_body_of_just_the_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MAX_BODY", 100)
    assert (await desk.ask(f"{POST_ORDER}Content-Length: 100\r\n\r\n" + "a" * 100))[0] == 200
    assert (await desk.ask(f"{POST_ORDER}Content-Length: 101\r\n\r\n" + "a" * 101))[0] == 413


async def test_a_body_in_chunks_that_grows_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MAX_BODY", 100)
    line = await desk.line()
    line.send(f"{POST_ORDER}Transfer-Encoding: chunked\r\n\r\n")
    line.send("40\r\n" + "a" * 64 + "\r\n" + "40\r\n" + "a" * 64 + "\r\n")
    status, headers, _ = await line.read()
    assert (status, headers["x-ordergate-reason"], headers["connection"]) == (413, "body_too_large", "close")
    assert desk.gateway.calls == []


@pytest.mark.parametrize("rows", ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
async def test_a_body_that_does_not_arrive(desk: Desk, monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    monkeypatch.setattr(server_module, "_BODY_WITHIN_S", 0.05)
    status, headers, _ = await desk.ask(POST_ORDER + rows)
    assert (status, headers["x-ordergate-reason"], headers["connection"]) == (408, "slow_body", "close")
    assert desk.gateway.calls == []


async def test_a_packed_body(desk: Desk) -> None:
    status, headers, _ = await desk.ask(f"{POST_ORDER}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
    assert (status, headers["x-ordergate-reason"]) == (415, "bad_body")


async def test_a_body_with_a_broken_chunk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_BODY_WITHIN_S", 0.1)
    line = await desk.line()
    line.send(f"{POST_ORDER}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    await asyncio.sleep(0.01)
    status, headers, _ = await line.ask("ZZ\r\n")
    assert status in (400, 408)  # aiohttp may leave the body waiting for its end
    assert (headers["x-ordergate-origin"], headers["connection"]) == ("ordergate", "close")
    assert desk.gateway.calls == []


async def test_an_empty_body_in_chunks(desk: Desk) -> None:
    line = await desk.line()
    assert (await line.ask(f"{POST_ORDER}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))[0] == 200
    assert desk.gateway.calls[0].request.body == b""
    assert await line.is_open()


async def test_a_bot_that_asks_before_it_sends_its_body(desk: Desk) -> None:
    line = await desk.line()
    line.send(f"{POST_ORDER}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    async with asyncio.timeout(5):
        assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await line.ask("a=b"))[0] == 200
    assert desk.gateway.calls[0].request.body == b"a=b"


async def test_a_bot_that_hangs_up_in_its_body(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    line = await desk.line()
    line.send(f"{POST_ORDER}Content-Length: 10\r\n\r\nabc")
    await asyncio.sleep(0.01)
    line.writer.transport.abort()
    assert (await desk.ask(GET_TIME))[0] == 200
    assert len(desk.gateway.calls) == 1  # half an order is none
    assert caplog.text == ""  # and no fault of ours


async def test_a_bot_that_hangs_up_before_a_large_answer(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def stream(call: Call, gone: Callable[[], bool]) -> Answer:
        line.writer.transport.abort()
        while not gone():
            await asyncio.sleep(0.001)
        return said(b"first,", stream=pieces(b"second"))

    desk.gateway.step = stream
    line = await desk.line()
    line.send(GET_TIME)
    assert await line.reader.read() == b""
    desk.gateway.step = desk.gateway.well
    assert (await desk.ask(GET_TIME))[0] == 200
    assert caplog.text == ""


# Nothing of what a bot sent is told on

MALFORMED = {
    "NUL in the target": f"GET /~{CANARY}/bin/\0x HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in a value": f"GET /bin/x HTTP/1.1\r\nHost: a\r\nX-Ordergate-Token: {CANARY}\0\r\n\r\n",
    "NUL in a name": f"GET /bin/x HTTP/1.1\r\nHost: a\r\nX-Ordergate-Token\0: {CANARY}\r\n\r\n",
    "space in a name": f"GET /bin/x HTTP/1.1\r\nHost: a\r\nX Token: {CANARY}\r\n\r\n",
    "line break in a value": f"GET /bin/x HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY: {CANARY}\nx\r\n\r\n",
    "no method": f"{CANARY}\0\r\n\r\n",
    "odd version": f"GET /~{CANARY}/bin/x HTTP/9.9\r\nHost: a\r\n\r\n",
    "odd length": f"POST /bin/x HTTP/1.1\r\nHost: a\r\nContent-Length: {CANARY}\r\n\r\n",
    "two framings": f"POST /bin/x HTTP/1.1\r\nHost: a\r\nAPI-Key: {CANARY}\r\nContent-Length: 1\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": f"POST /bin/x HTTP/1.1\r\nHost: a\r\nAPI-Key: {CANARY}\r\nContent-Length: 1\r\n"
    "Content-Length: 2\r\n\r\na",
    "odd chunk": f"POST /bin/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    "long target": f"GET /~{CANARY}/{'a' * 70_000} HTTP/1.1\r\nHost: a\r\n\r\n",
    "long value": f"GET /bin/x HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY: {CANARY}{'a' * 70_000}\r\n\r\n",
    "no host": f"GET /~{CANARY}/bin/x HTTP/1.1\r\n\r\n",
    "TLS": f"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03{CANARY}",
}
UNWANTED = {
    "wrong token": f"GET /bin/api/v3/account HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY: {CANARY}\r\n\r\n",
    "token in the path": f"GET /~{CANARY}/bin/api/v3/account HTTP/1.1\r\nHost: a\r\n\r\n",
    "token before nobody": f"GET /~{CANARY}/nobody/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "token before dots": f"GET /~{CANARY}/bin/../x HTTP/1.1\r\nHost: a\r\n\r\n",
    "signature": f"GET /bin/api/v3/account?signature={CANARY}#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "web page": f"GET /~{CANARY}/bin/x HTTP/1.1\r\nHost: a\r\nOrigin: https://{CANARY}\r\n\r\n",
    "too large": f"POST /~{CANARY}/bin/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
}


@pytest.mark.parametrize("name", [*MALFORMED, *UNWANTED])
async def test_no_refusal_and_no_log_repeats_what_a_bot_sent(
    desk: Desk, name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    line = await desk.line()
    line.send({**MALFORMED, **UNWANTED}[name])
    status, headers, body = await line.read()
    assert 400 <= status < 500
    assert headers["x-ordergate-origin"] == "ordergate" and headers["x-ordergate-reason"]
    assert orjson.loads(body)["msg"]
    if name in MALFORMED:
        assert headers["connection"] == "close"
        body += await line.rest()
    assert CANARY not in f"{headers}{body!r}{caplog.text}{capfd.readouterr()}"
    assert desk.gateway.calls == []


# Draining


async def test_draining_answers_what_is_under_way_and_what_still_arrives(desk: Desk) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(call: Call, gone: Callable[[], bool]) -> Answer:
        begun.set()
        await go.wait()
        return said()

    desk.gateway.step = slow
    idle, busy = await desk.line(), await desk.line()
    busy.send(GET_TIME)
    await begun.wait()
    draining = asyncio.ensure_future(desk.ingress.drain(5.0))
    await asyncio.sleep(0.01)
    with pytest.raises(ConnectionError):
        await desk.line()
    idle.send(GET_TIME)
    await asyncio.sleep(0.01)
    assert not draining.done()
    go.set()
    for line, told in ((busy, None), (idle, "close")):  # the first head was settled before
        status, headers, body = await line.read()
        assert (status, body) == (200, b'{"ok":1}')
        assert told is None or headers["connection"] == told
    async with asyncio.timeout(5):
        await draining
    assert await idle.rest() == b""
    assert await busy.rest() == b""
    assert len(desk.gateway.calls) == 2


async def test_draining_ends_once_it_is_quiet(desk: Desk) -> None:
    line = await desk.line()
    await line.is_open()
    async with asyncio.timeout(5):
        await desk.ingress.drain(60.0)
    assert await line.rest() == b""


async def test_draining_gives_up_in_time(desk: Desk) -> None:
    async def never(call: Call, gone: Callable[[], bool]) -> Answer:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    desk.gateway.step = never
    line = await desk.line()
    line.send(GET_TIME)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await desk.ingress.drain(0.05)
    assert desk.ingress.running == 0
    assert await line.rest() == b""
