"""The client as the daemon uses it: addresses, TLS, reuse, and answers passed on untouched."""

import asyncio
import gzip
import socket
import ssl

import pytest

from proxy.clock import MILLISECOND_NS
from proxy.egress import Egress, EgressSettings, source
from proxy.errors import MaybeSent, NotSent
from proxy.model import Upstream
from tests.egress.fake_exchange import OK, answering, serving

ADDRESSES = [f"127.7.0.{last}" for last in range(1, 21)]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_each_of_twenty_addresses_is_what_the_exchange_sees(connect, authority, tls):
    client = connect()
    async with serving(tls=authority.server if tls else None) as exchange:
        upstream = client.upstream(exchange.port, tls=tls)
        for turn in range(2):
            for address in ADDRESSES:
                await client.send(upstream, target=f"/{turn}", address=address)
        assert [arrival.peer for arrival in exchange.arrivals] == ADDRESSES * 2
        assert len(exchange.sessions) == 20  # the second turn went over the connections of the first
        assert all(client.egress.idle_count(address, upstream) == 1 for address in ADDRESSES)


async def test_twenty_addresses_at_once(connect):
    client = connect()
    async with serving() as exchange:
        upstream = client.upstream(exchange.port)
        await asyncio.gather(*(client.send(upstream, target=f"/{a}", address=a) for a in ADDRESSES * 3))
        for arrival in exchange.arrivals:
            assert arrival.raw.startswith(b"GET /%s HTTP" % arrival.peer.encode())
        assert len(exchange.arrivals) == 60


async def test_ipv6(connect):
    client = connect()
    async with serving(host="::1") as exchange:
        reply = await client.send(client.upstream(exchange.port, host="::1"), address="::1")
        assert reply.status == 200
        assert exchange.arrivals[0].peer == "::1"
        assert b"\r\nHost: [::1]:%d\r\n" % exchange.port in exchange.arrivals[0].raw


async def test_an_address_that_is_not_here(connect):
    client = connect()
    async with serving() as exchange:
        with pytest.raises(NotSent, match="not on this host") as caught:
            await client.send(client.upstream(exchange.port), address="203.0.113.9")
        assert caught.value.address_fault
        assert exchange.sessions == []


async def test_a_socket_bound_to_another_address_never_speaks(connect, monkeypatch, authority):
    original = source.bound_socket
    monkeypatch.setattr(source, "bound_socket", lambda address, timeout: original("127.7.0.2", timeout))
    client = connect()
    for tls in (False, True):
        async with serving(tls=authority.server if tls else None) as exchange:
            with pytest.raises(NotSent, match="instead of") as caught:
                await client.send(client.upstream(exchange.port, tls=tls), "POST", address="127.7.0.1")
            assert caught.value.address_fault
            assert exchange.received == 0


async def test_no_destination_of_the_addresss_family(connect):
    client = connect()
    with pytest.raises(NotSent, match="family") as caught:
        await client.send(client.upstream(9, host="::1"))
    assert not caught.value.address_fault


async def test_the_next_destination_is_tried_when_the_first_refuses(connect):
    client = connect()
    client.resolver._look_up = lambda host: ["127.0.0.77", "127.0.0.1"]
    async with serving() as exchange:
        assert (await client.send(client.upstream(exchange.port))).status == 200


async def test_a_private_answer_needs_leave(connect):
    client = connect()
    async with serving() as exchange:
        allowed = client.upstream(exchange.port)
        refused = Upstream("http", allowed.host, allowed.port)
        await client.send(allowed)  # leaves an idle connection that the other may not use
        with pytest.raises(NotSent, match="no public address"):
            await client.send(refused)
        assert len(exchange.arrivals) == 1


async def test_connect_time_out_is_not_sent(connect):
    client = connect(EgressSettings(connect_timeout_ns=30 * MILLISECOND_NS))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(NotSent, match="within"):
            await client.send(client.upstream(port))
        for filler in fillers:
            filler.close()


async def test_a_deadline_during_the_handshake_is_not_sent(connect):
    client = connect()
    async with serving() as exchange:  # plain: never answers the hello
        with pytest.raises(NotSent, match="within"):
            await client.send(client.upstream(exchange.port, tls=True), "POST", within_s=0.05)
        assert exchange.arrivals == []


async def test_a_deadline_in_the_past_sends_nothing(connect):
    client = connect()
    async with serving() as exchange:
        upstream = client.upstream(exchange.port)
        for warm in (False, True):
            if warm:
                await client.egress.warm(upstream, "127.7.0.1")
            with pytest.raises(NotSent, match="no time"):
                await client.send(upstream, within_s=-1)
        assert exchange.received == 0
        assert client.egress.idle_count("127.7.0.1") == 1


async def test_tls_with_the_wrong_name_or_authority_sends_nothing(connect, authority):
    client = connect()
    async with serving(tls=authority.server) as exchange:
        with pytest.raises(NotSent, match=r"TLS with wrong\.test failed") as caught:
            await client.send(client.upstream(exchange.port, tls=True, host="wrong.test"), "POST")
        assert not caught.value.address_fault
        assert exchange.arrivals == [] and exchange.received == 0
    async with serving(tls=authority.stranger) as exchange:
        with pytest.raises(NotSent, match=r"TLS with exchange\.test failed"):
            await client.send(client.upstream(exchange.port, tls=True), "POST")
        assert exchange.arrivals == [] and exchange.received == 0


async def test_tls_by_ip_address_and_http1_only(connect, authority):
    client = connect()
    async with serving(tls=authority.server) as exchange:
        assert (await client.send(client.upstream(exchange.port, tls=True, host="127.0.0.1"))).status == 200
        chosen = exchange.sessions[0].transport.get_extra_info("ssl_object").selected_alpn_protocol()
        assert chosen == "http/1.1"


async def test_verification_cannot_be_left_out(connect):
    client = connect()
    careless = ssl.create_default_context()
    careless.check_hostname = False
    with pytest.raises(ValueError, match="does not verify"):
        Egress(clock=client.clock, resolver=client.resolver, tls=careless)


async def test_an_unknown_scheme_is_not_sent_in_the_clear(connect):
    client = connect()
    async with serving() as exchange:
        upstream = Upstream("HTTPS", "127.0.0.1", exchange.port, private_ok=True)
        with pytest.raises(NotSent, match="scheme"):
            await client.send(upstream)
        assert exchange.sessions == []


async def test_the_exact_bytes(connect):
    client = connect()
    async with serving() as exchange:
        upstream = client.upstream(exchange.port, base_path="/sim")
        headers = (("X-MBX-APIKEY", "dummy-key"), ("user-agent", "a b"), ("X-Empty", ""))
        await client.send(upstream, "POST", "/order?x=%2F../a&s=a%2Fb%3D", headers=headers, body=b"a=1&b=\0\r\n\xff")
        assert exchange.arrivals[0].raw == (
            b"POST /sim/order?x=%%2F../a&s=a%%2Fb%%3D HTTP/1.1\r\nHost: exchange.test:%d\r\nX-MBX-APIKEY: dummy-key\r\n"
            b"user-agent: a b\r\nX-Empty: \r\nContent-Length: 10\r\n\r\na=1&b=\0\r\n\xff" % exchange.port
        )


async def test_unsafe_text_is_refused_before_a_connection_is_made(connect):
    client = connect()
    async with serving() as exchange:
        with pytest.raises(ValueError):
            await client.send(client.upstream(exchange.port), target="/a\r\nX-Evil: 1")
        assert exchange.sessions == []


async def test_a_redirect_is_ananswering(connect):
    raw = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    client = connect()
    async with serving(answering(raw)) as exchange:
        reply = await client.send(client.upstream(exchange.port), "POST", body=b"x")
        assert (reply.status, reply.reason) == (307, b"Temporary Redirect")
        assert reply.header(b"location") == b"http://127.0.0.1:1/"
        assert len(exchange.arrivals) == 1


async def test_gzip_headers_and_cookies_pass_untouched(connect):
    packed = gzip.compress(b"{}" * 100)
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nset-cookie: a=b\r\nX-MBX-Used: 1\r\nContent-Length: %d\r\n\r\n"
    )
    client = connect()
    async with serving(answering(head % len(packed) + packed)) as exchange:
        for _ in range(2):
            reply = await client.send(client.upstream(exchange.port))
            assert reply.body == packed
            assert [name for name, _ in reply.headers] == [
                b"Content-Encoding",
                b"set-cookie",
                b"X-MBX-Used",
                b"Content-Length",
            ]
        assert b"ookie" not in exchange.arrivals[1].raw
        assert reply.elapsed_ns > 0 and reply.stream is None


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_body_that_ends_with_the_connection(connect, authority, tls):
    client = connect()
    raw = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000
    async with serving(answering(raw, then_close=True), tls=authority.server if tls else None) as exchange:
        reply = await client.send(client.upstream(exchange.port, tls=tls))
        assert reply.body == b"x" * 100_000
        assert client.egress.idle_count("127.7.0.1") == 0


async def test_interim_answers_and_head(connect):
    client = connect()
    async with serving(answering(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK[:-2])) as exchange:
        reply = await client.send(client.upstream(exchange.port), "HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers == ((b"Content-Length", b"2"),)


async def test_body_limit(connect):
    client = connect(EgressSettings(body_limit=1000))
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001
    async with serving(answering(raw)) as exchange:
        with pytest.raises(MaybeSent, match="body is larger than 1000 bytes"):
            await client.send(client.upstream(exchange.port), "POST")


async def test_closing_the_client_ends_calls_in_flight(connect):
    client = connect()
    async with serving(lambda session, arrival: None) as exchange:
        upstream = client.upstream(exchange.port)
        call = asyncio.ensure_future(client.send(upstream))
        await exchange.until_arrivals(1)
        await client.egress.aclose()
        with pytest.raises(MaybeSent, match="closed"):
            await call
        with pytest.raises(NotSent):
            await client.send(upstream)


async def test_cancelled_while_connecting(connect):
    client = connect(EgressSettings(connections_per_address=1))
    async with serving() as plain:
        call = asyncio.ensure_future(client.send(client.upstream(plain.port, tls=True)))
        await plain.until_bytes()  # the hello is here, no answer will come
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(plain.sessions[0].lost, 5)
        assert (await client.send(client.upstream(plain.port))).status == 200
