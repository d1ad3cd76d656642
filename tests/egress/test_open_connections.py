"""Which connections are kept, for how long, and how many an address may have."""

import asyncio
import contextlib

import pytest

from proxy.clock import MILLISECOND_NS, SECOND_NS
from proxy.egress import EgressSettings
from proxy.errors import MaybeSent, NotSent
from tests.egress.fake_exchange import OK, Arrival, Session, answering, serving


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_a_connection_the_exchange_ends_is_not_kept(connect, head):
    client = connect()
    async with serving(answering(head + b"Content-Length: 2\r\n\r\n{}")) as exchange:
        upstream = client.upstream(exchange.port)
        for _ in range(2):
            assert (await client.send(upstream)).body == b"{}"
            assert client.egress.idle_count("127.7.0.1") == 0
        assert len(exchange.sessions) == 2


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        # seconds after the first call -> connections made so far
        (EgressSettings(idle_ns=15 * SECOND_NS), {0: 1, 14: 1, 28: 1, 44: 2}),
        (EgressSettings(max_age_ns=15 * SECOND_NS), {0: 1, 14: 1, 16: 2, 30: 2}),
    ],
    ids=["idle", "age"],
)
async def test_old_connections_are_not_reused(connect, settings, calls):
    client = connect(settings)
    start_ns = client.clock.now_ns()
    async with serving() as exchange:
        upstream = client.upstream(exchange.port)
        for later_s, connections in calls.items():
            client.clock.now_ns = lambda at_ns=start_ns + later_s * SECOND_NS: at_ns
            await client.send(upstream)
            assert len(exchange.sessions) == connections


async def test_warm_and_close_address(connect):
    client = connect()
    async with serving() as exchange:
        upstream = client.upstream(exchange.port)
        for address in ("127.7.0.1", "127.7.0.1", "127.7.0.2"):
            await client.egress.warm(upstream, address)
        assert [client.egress.idle_count(address) for address in ("127.7.0.1", "127.7.0.2", "127.7.0.3")] == [2, 1, 0]
        client.egress.close_address("127.7.0.1")
        assert [client.egress.idle_count(address) for address in ("127.7.0.1", "127.7.0.2", "127.7.0.3")] == [0, 1, 0]
        await client.send(upstream, address="127.7.0.2")
        assert len(exchange.sessions) == 3
        assert client.egress.idle_count("127.7.0.2", client.upstream(1)) == 0


async def test_a_call_in_flight_outlives_its_address_but_its_connection_does_not(connect):
    client = connect()
    async with serving(lambda session, arrival: None) as exchange:
        call = asyncio.ensure_future(client.send(client.upstream(exchange.port)))
        await exchange.until_arrivals(1)
        client.egress.close_address("127.7.0.1")
        exchange.sessions[0].write(OK)
        assert (await call).status == 200
        assert client.egress.idle_count("127.7.0.1") == 0


async def test_the_cap_counts_an_address_and_idle_ones_give_way(connect):
    client = connect(EgressSettings(connections_per_address=2))
    async with serving(lambda session, arrival: None) as silent, serving() as quick:
        await client.send(client.upstream(quick.port))
        calls = [asyncio.ensure_future(client.send(client.upstream(silent.port))) for _ in range(2)]
        await silent.until_arrivals(2)
        assert client.egress.idle_count("127.7.0.1") == 0
        with pytest.raises(NotSent, match="has 2 connections in use"):
            await client.send(client.upstream(quick.port))
        await client.send(client.upstream(quick.port), address="127.7.0.2")
        for session in silent.sessions:
            session.write(OK)
        await asyncio.gather(*calls)
        await client.send(client.upstream(quick.port))  # there is room again


async def test_failed_openings_do_not_use_up_the_cap(connect, authority):
    client = connect(EgressSettings(connections_per_address=1))
    async with serving(tls=authority.stranger) as stranger, serving() as good:
        for _ in range(3):
            with pytest.raises(NotSent, match="TLS"):
                await client.send(client.upstream(stranger.port, tls=True))
        assert (await client.send(client.upstream(good.port))).status == 200


async def test_the_sweep_closes_what_is_idle_too_long(connect):
    client = connect(EgressSettings(idle_ns=5 * MILLISECOND_NS, sweep_ns=5 * MILLISECOND_NS))
    async with serving() as exchange:
        await client.egress.warm(client.upstream(exchange.port), "127.7.0.1")
        await asyncio.wait_for(exchange.sessions[0].lost, 5)
        assert client.egress.idle_count("127.7.0.1") == 0


@pytest.mark.parametrize("end", ["the answer says so", "the call fails", "the exchange closes"])
async def test_an_ended_connection_makes_room_at_once(connect, end):
    def respond(session: Session, arrival: Arrival) -> None:
        if end == "the answer says so":
            session.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        elif end == "the call fails":
            session.write(b"garbage\r\n\r\n")
        else:
            session.write(OK)
            session.close()

    client = connect(EgressSettings(connections_per_address=1))
    async with serving(respond) as exchange:
        upstream = client.upstream(exchange.port)
        for count in range(1, 4):
            with pytest.raises(MaybeSent) if end == "the call fails" else contextlib.nullcontext():
                await client.send(upstream)
            assert len(exchange.arrivals) == count
            if end == "the exchange closes":
                await exchange.sessions[-1].lost


async def test_closing_the_client_while_it_connects(connect, authority):
    client = connect()
    async with serving(tls=authority.server) as exchange:
        call = asyncio.ensure_future(client.send(client.upstream(exchange.port, tls=True)))
        await asyncio.sleep(0)
        await client.egress.aclose()
        with pytest.raises(NotSent):
            await call
        assert exchange.received == 0
