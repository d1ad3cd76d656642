"""Every way an exchange can break an answer, on every kind of connection: one arrival, never two."""

import asyncio
import socket

import pytest

from proxy.errors import MaybeSent
from tests.egress.broken_answers import BROKEN, COMPLETE, SILENT
from tests.egress.fake_exchange import OK, Arrival, Session, serving

METHODS = ["POST", "GET", "PUT", "DELETE"]
LATE = "second answer later"  # on the connection of the first one
FAULTS = [*BROKEN, *COMPLETE, LATE]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("reused", [False, True], ids=["fresh", "reused"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_an_unknown_outcome_and_one_arrival(connect, authority, fault, method, reused, tls):
    """Never NotSent, which would let another route carry it; and an answer only if it came whole."""

    def respond(session: Session, arrival: Arrival) -> None:
        if b"/order " not in arrival.raw or fault == LATE:
            session.write(OK)
        elif fault in BROKEN:
            BROKEN[fault](session)
        else:
            COMPLETE[fault][2](session)

    client = connect()
    async with serving(respond, tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        if reused:
            assert (await client.send(upstream, target="/time")).body == b"{}"
        elif fault in SILENT:
            await client.egress.warm(upstream, "127.7.0.1")  # the handshake is not to eat the short time
        within_s = 0.05 if fault in SILENT else 5.0
        body = b"a=1" if method in ("POST", "PUT") else b""
        if fault in BROKEN:
            with pytest.raises(MaybeSent) as caught:
                await client.send(upstream, method, "/order", body=body, within_s=within_s)
            assert caught.value.reason
            assert client.egress.idle_count("127.7.0.1") == 0
        else:
            status, text = COMPLETE[fault][:2] if fault in COMPLETE else (200, b"{}")
            reply = await client.send(upstream, method, "/order", body=body)
            assert (reply.status, reply.body, reply.stream) == (status, text, None)
        if fault == LATE:
            exchange.sessions[0].write(OK)
            await asyncio.sleep(0.003)  # it is here before the next call
        # The next call is answered rightly, whatever was left behind, and nothing has been sent once more.
        assert (await client.send(upstream, target="/time")).body == b"{}"
        wanted = [b"/time", b"/order", b"/time"] if reused else [b"/order", b"/time"]
        assert [arrival.raw.split()[1] for arrival in exchange.arrivals] == wanted
        order = exchange.arrivals[-2]
        assert (order.connection, order.nth) == (1, 2 if reused else 1)
        assert order.raw.startswith(method.encode()) and order.raw.endswith(b"\r\n\r\n" + body)
        assert exchange.arrivals[-1].connection == (1 if fault in COMPLETE else 2)
        assert len(exchange.sessions) == exchange.arrivals[-1].connection
        assert exchange.received == sum(len(arrival.raw) for arrival in exchange.arrivals)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("method", [*METHODS, "PATCH"])
async def test_a_reused_connection_that_dies_unread_is_not_replaced_behind_the_callers_back(
    connect, authority, method, tls
):
    client = connect()
    async with serving(tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        await client.send(upstream, target="/time")
        exchange.sessions[0].transport.pause_reading()
        call = asyncio.ensure_future(client.send(upstream, method, body=b"a=1"))
        await asyncio.sleep(0.005)  # let the request reach the other kernel, unread
        exchange.sessions[0].reset()
        with pytest.raises(MaybeSent):
            await call
        assert len(exchange.arrivals) == 1
        assert len(exchange.sessions) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("end", ["close", "reset", "surplus"])
@pytest.mark.parametrize("method", [*METHODS, "PATCH"])
async def test_a_connection_dead_before_the_write_is_replaced(connect, authority, method, end, tls):
    client = connect()
    async with serving(tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        await client.send(upstream, target="/time")
        first = exchange.sessions[0]
        if end == "surplus":
            first.write(OK)
        else:
            getattr(first, end)()
            await first.lost
        await asyncio.sleep(0.005)
        reply = await client.send(upstream, method, "/order", body=b"a=1")
        assert reply.status == 200
        assert [(one.connection, one.nth) for one in exchange.arrivals] == [(1, 1), (2, 1)]


@pytest.mark.parametrize("what", [b"", OK], ids=["end", "bytes"])
async def test_what_only_the_kernel_knows_is_noticed_before_the_write(connect, what):
    """No turn of the loop between the far side's act and the call: only a look into the socket can tell."""
    client = connect()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        upstream = client.upstream(listening.getsockname()[1])
        loop = asyncio.get_running_loop()
        warming = asyncio.ensure_future(client.egress.warm(upstream, "127.7.0.1"))
        peer, _ = await loop.sock_accept(listening)
        await warming
        assert client.egress.idle_count("127.7.0.1") == 1

        async def serve_second() -> bytes:
            second, _ = await loop.sock_accept(listening)
            with second:
                raw = await loop.sock_recv(second, 4096)
                await loop.sock_sendall(second, OK)
                return raw

        serving_second = asyncio.ensure_future(serve_second())
        with peer:
            if what:
                peer.send(what)
            else:
                peer.shutdown(socket.SHUT_WR)
            assert (await client.send(upstream)).status == 200
            assert (await serving_second).startswith(b"GET ")
            try:
                on_the_first = await asyncio.wait_for(loop.sock_recv(peer, 4096), 5)
            except ConnectionResetError:
                on_the_first = b""
            assert on_the_first == b""


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_cancelled_caller_takes_the_connection_along(connect, authority, tls):
    client = connect()
    async with serving(lambda session, arrival: None, tls=authority.server if tls else None) as exchange:
        call = asyncio.ensure_future(client.send(client.upstream(exchange.port, tls=tls), "POST"))
        await exchange.until_arrivals(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(exchange.sessions[0].lost, 5)
        assert client.egress.idle_count("127.7.0.1") == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_nothing_is_delivered_after_the_time_out(connect, authority, tls):
    """The far side stops reading; what our kernel still holds when we give up must not arrive later."""
    client = connect()
    async with serving(tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        await client.send(upstream, target="/time")
        exchange.sessions[0].transport.pause_reading()
        body = b"x" * 16_000_000
        with pytest.raises(MaybeSent, match="in time"):
            await client.send(upstream, "POST", "/order", body=body, within_s=0.05)
        exchange.sessions[0].transport.resume_reading()
        await asyncio.wait_for(exchange.sessions[0].lost, 5)
        assert exchange.received < len(body)
        assert len(exchange.arrivals) == 1


async def test_a_shorter_deadline_after_a_longer_one_is_kept(connect):
    client = connect()

    def respond(session: Session, arrival: Arrival) -> None:
        if arrival.nth == 1:
            session.write(OK)

    async with serving(respond) as exchange:
        upstream = client.upstream(exchange.port)
        await client.send(upstream, within_s=60)
        with pytest.raises(MaybeSent, match="in time"):
            await asyncio.wait_for(client.send(upstream, within_s=0.03), 5)


async def test_a_longer_deadline_after_a_shorter_one_is_kept(connect):
    client = connect()
    held: list[Session] = []

    def respond(session: Session, arrival: Arrival) -> None:
        if arrival.nth == 1:
            session.write(OK)
        else:
            asyncio.get_running_loop().call_later(0.25, session.write, OK)
            held.append(session)

    async with serving(respond) as exchange:
        upstream = client.upstream(exchange.port)
        await client.send(upstream, within_s=0.2)
        assert (await client.send(upstream, within_s=10)).status == 200
        assert held
