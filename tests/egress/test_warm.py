"""One open connection per place, opened ahead, renewed when gone, and left alone after a failure."""

import asyncio

from proxy.clock import SystemClock
from proxy.egress import Egress, Resolver
from proxy.egress.warm import Warmer
from proxy.model import Upstream


async def test_places_are_warm_before_the_first_call_and_again_after_a_loss() -> None:
    peers: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writers.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    upstream = Upstream("http", "127.0.0.1", server.sockets[0].getsockname()[1], private_ok=True)
    clock = SystemClock()
    resolver = Resolver(clock)
    egress = Egress(clock=clock, resolver=resolver)
    addresses = [f"127.21.0.{n}" for n in range(1, 7)]
    warmer = Warmer(egress, clock, lambda: [(upstream, address) for address in addresses])
    try:
        await warmer.look()
        assert [egress.idle_count(address, upstream) for address in addresses] == [1] * 6
        await warmer.look()  # nothing is missing, so nothing is opened
        egress.close_address(addresses[0])
        assert egress.idle_count(addresses[0], upstream) == 0
        await warmer.look()
        assert egress.idle_count(addresses[0], upstream) == 1
        while len(peers) < 7:
            await asyncio.sleep(0)
        assert sorted(peers) == sorted([*addresses, addresses[0]])
    finally:
        await egress.aclose()
        await resolver.aclose()
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


async def test_a_place_that_fails_rests() -> None:
    looks: list[str] = []

    class Refusing(Egress):
        async def warm(self, upstream: Upstream, address: str) -> None:
            looks.append(address)
            await super().warm(upstream, address)

    clock = SystemClock()
    resolver = Resolver(clock)
    egress = Refusing(clock=clock, resolver=resolver)
    upstream = Upstream("http", "127.0.0.1", 9, private_ok=True)
    warmer = Warmer(egress, clock, lambda: [(upstream, "203.0.113.9")])
    try:
        await warmer.look()
        await warmer.look()
        assert looks == ["203.0.113.9"]
    finally:
        await egress.aclose()
        await resolver.aclose()
