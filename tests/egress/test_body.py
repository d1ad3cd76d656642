"""Large answers: handed on while they come, no faster than they are taken."""

import asyncio
import gc

import pytest

from proxy.clock import MILLISECOND_NS
from proxy.egress import BodyStream, EgressSettings
from proxy.errors import MaybeSent
from tests.egress.fake_exchange import OK, Arrival, Session, serving

SETTINGS = EgressSettings(stream_after=10_000)
BIG = bytes(range(256)) * 16_000  # 4 MB
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG)


def _chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def _serve(raw: bytes, then: str = ""):
    def respond(session: Session, arrival: Arrival) -> None:
        if b"/small" in arrival.raw:
            session.write(OK)
            return
        session.write(raw)
        if then:
            getattr(session, then)()

    return respond


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_a_large_body_arrives_whole_and_the_connection_returns(connect, authority, framing, tls):
    raw = {"length": HEAD + BIG, "chunked": _chunked(BIG, 7000), "close": b"HTTP/1.1 200 OK\r\n\r\n" + BIG}[framing]
    respond = _serve(raw, "close" if framing == "close" else "")
    client = connect(SETTINGS)
    async with serving(respond, tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        reply = await client.send(upstream, stream=True)
        assert reply.status == 200 and reply.stream is not None
        assert 10_000 < len(reply.body) < len(BIG)
        pieces = [reply.body]
        async for piece in reply.stream:
            pieces.append(piece)
            await asyncio.sleep(0)
        assert b"".join(pieces) == BIG
        assert client.egress.idle_count("127.7.0.1") == (0 if framing == "close" else 1)
        await client.send(upstream, target="/small")
        assert len(exchange.sessions) == (2 if framing == "close" else 1)


async def test_a_small_answer_is_not_streamed_nor_a_large_one_unasked(connect):
    client = connect(SETTINGS)
    async with serving(_serve(HEAD + BIG)) as exchange:
        upstream = client.upstream(exchange.port)
        reply = await client.send(upstream, target="/small", stream=True)
        assert (reply.body, reply.stream) == (b"{}", None)
        reply = await client.send(upstream)
        assert (reply.body, reply.stream) == (BIG, None)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_slow_reader_holds_the_exchange_back(connect, authority, tls):
    """64 MB offered, nobody takes: almost all of it stays away."""
    size = 64_000_000
    client = connect(EgressSettings(stream_after=10_000, stall_ns=200 * MILLISECOND_NS))
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    async with serving(_serve(raw), tls=authority.server if tls else None) as exchange:
        reply = await client.send(client.upstream(exchange.port, tls=tls), stream=True)
        assert isinstance(reply.stream, BodyStream)
        await asyncio.sleep(0.3)  # longer than the stall time-out: our own slowness is no stall
        connection = next(iter(client.egress._connections.live))
        assert connection.reader.held + len(reply.body) < 2_000_000
        taken = len(reply.body)
        async for piece in reply.stream:
            taken += len(piece)
        assert taken == size


@pytest.mark.parametrize("way", ["aclose", "context", "forgotten"])
async def test_stopping_early_aborts_the_connection(connect, way):
    client = connect(SETTINGS)
    async with serving(_serve(HEAD + BIG)) as exchange:
        reply = await client.send(client.upstream(exchange.port), stream=True)
        stream = reply.stream
        assert isinstance(stream, BodyStream)
        if way == "aclose":
            await stream.aclose()
            assert [piece async for piece in stream] == []
        elif way == "context":
            async with stream:
                await anext(stream)
        del stream, reply
        gc.collect()
        await asyncio.wait_for(exchange.sessions[0].lost, 5)
        assert client.egress.idle_count("127.7.0.1") == 0


async def test_stopping_after_the_last_byte_keeps_the_connection(connect):
    client = connect(SETTINGS)
    async with serving(_serve(HEAD + BIG)) as exchange:
        reply = await client.send(client.upstream(exchange.port), stream=True)
        assert isinstance(reply.stream, BodyStream)
        left = len(BIG) - len(reply.body)
        while left:
            left -= len(await anext(reply.stream))
        await reply.stream.aclose()
        assert client.egress.idle_count("127.7.0.1") == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("raw", "then", "reason"),
    [
        (HEAD + BIG[:-1], "close", "closed the connection"),
        (_chunked(BIG, 7000)[:-5], "close", "closed the connection"),
        (_chunked(BIG, 7000)[:-5] + b"zz\r\n", "", "not HTTP"),
        (HEAD + BIG + OK, "", "after the answer"),
        (HEAD + BIG[:-1], "", "stalled"),
    ],
    ids=["short", "no last chunk", "garbage", "second answer", "stall"],
)
async def test_a_body_that_breaks_raises(connect, authority, raw, then, reason, tls):
    stall_ns = 60 * MILLISECOND_NS if reason == "stalled" else SETTINGS.stall_ns
    client = connect(EgressSettings(stream_after=10_000, stall_ns=stall_ns))
    async with serving(_serve(raw, then), tls=authority.server if tls else None) as exchange:
        reply = await client.send(client.upstream(exchange.port, tls=tls), stream=True)
        assert reply.stream is not None
        with pytest.raises(MaybeSent, match=reason):
            async for _ in reply.stream:
                pass
        assert client.egress.idle_count("127.7.0.1") == 0
        with pytest.raises(StopAsyncIteration):
            await anext(reply.stream)


async def test_the_body_limit_holds_for_a_stream(connect):
    client = connect(EgressSettings(stream_after=10_000, body_limit=1_000_000))
    async with serving(_serve(HEAD + BIG)) as exchange:
        reply = await client.send(client.upstream(exchange.port), stream=True)
        assert reply.stream is not None
        with pytest.raises(MaybeSent, match="body is larger"):
            async for _ in reply.stream:
                pass


async def test_a_cancelled_reader_aborts_the_connection(connect):
    client = connect(SETTINGS)
    async with serving(_serve(HEAD + BIG[:50_000])) as exchange:
        reply = await client.send(client.upstream(exchange.port), stream=True)
        stream = reply.stream
        assert stream is not None

        async def read() -> None:
            async for _ in stream:
                pass

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(exchange.sessions[0].lost, 5)
