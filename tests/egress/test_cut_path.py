"""Nothing is delivered after we gave up: the path is cut, an order is written, we give up, and the path is back.

The kernel repeats what was not acknowledged for as long as it has the socket. So the proof has two parts: it has none
any more before the path is back, and what is sent then, over a new connection, arrives alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from proxy.clock import MILLISECOND_NS
from proxy.egress import EgressSettings
from proxy.errors import MaybeSent, NotSent
from proxy.model import Upstream
from tests.egress.conftest import Authority, Client
from tests.egress.fake_exchange import FakeExchange, serving
from tests.egress.network import FAR, NEAR, Network, NoNetwork

TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    try:
        made = Network()
    except NoNetwork as why:
        pytest.skip(str(why))
    yield made
    made.close()


class Path:
    """From a client to an exchange, over a network that can be cut."""

    def __init__(self, network: Network, client: Client, exchange: FakeExchange, upstream: Upstream) -> None:
        self.network = network
        self.client = client
        self.exchange = exchange
        self.upstream = upstream

    async def send(self, target: str, method: str = "GET", body: bytes = b"", within_s: float = 5.0) -> None:
        await self.client.send(self.upstream, method, target, body=body, address=NEAR, within_s=within_s)

    async def order(self, within_s: float) -> None:
        await self.send("/order", "POST", b"a=1", within_s)

    async def proven(self, before: int) -> None:
        """Nothing of the order is left on this side, and nothing of it arrives."""
        for _ in range(200):
            if not self.network.held(self.exchange.port):
                break
            await asyncio.sleep(0.005)
        assert self.network.held(self.exchange.port) == 0, "the kernel still has the order"
        assert self.exchange.received == before
        self.network.mend()
        await self.send("/later")
        assert [arrival.raw.split()[1] for arrival in self.exchange.arrivals] == [b"/time", b"/later"]
        assert [(one.connection, one.nth) for one in self.exchange.arrivals] == [(1, 1), (2, 1)]
        assert all(session.buffer == b"" for session in self.exchange.sessions)


@asynccontextmanager
async def path_of(
    network: Network, connect: Callable[..., Client], authority: Authority, tls: bool, settings: EgressSettings
) -> AsyncIterator[Path]:
    """With one open connection that has carried a call."""
    client = connect(settings)
    client.resolver._look_up = lambda host: [FAR]
    with network.within(network.far):
        server = serving(tls=authority.server if tls else None, host=FAR)
        exchange = await server.__aenter__()
    try:
        with network.within(network.near):
            path = Path(network, client, exchange, client.upstream(exchange.port, tls=tls))
            await path.send("/time")
            yield path
    finally:
        network.mend()
        await server.__aexit__(None, None, None)


@TLS
@pytest.mark.parametrize("end", ["deadline", "bot gone", "daemon stopped"])
async def test_an_order_written_into_a_cut_path_never_arrives(connect, authority, network, end, tls):
    """Linger and abort: without the first the kernel goes on for minutes, without the second TLS does."""
    async with path_of(network, connect, authority, tls, EgressSettings()) as path:
        before = path.exchange.received
        network.cut()
        call = asyncio.ensure_future(path.order(within_s=0.3 if end == "deadline" else 30))
        if end == "deadline":
            with pytest.raises(MaybeSent, match="in time"):
                await call
        else:
            await asyncio.sleep(0.01)  # it is with the kernel
            assert network.held(path.exchange.port) == 1
            if end == "bot gone":
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            else:
                await path.client.egress.aclose()
                with pytest.raises(MaybeSent, match="closed"):
                    await call
                path.client = connect()  # the next process
                path.client.resolver._look_up = lambda host: [FAR]
        await path.proven(before)


@TLS
async def test_the_kernel_itself_gives_an_order_up(connect, authority, network, tls):
    """TCP_USER_TIMEOUT: also while the deadline is far, and with nobody there to close the connection."""
    async with path_of(network, connect, authority, tls, EgressSettings(tcp_user_timeout_ms=200)) as path:
        before = path.exchange.received
        network.cut()
        with pytest.raises(MaybeSent, match="broke"):
            await asyncio.wait_for(path.order(within_s=30), 5)
        await path.proven(before)


@TLS
async def test_an_order_without_a_connection_in_a_cut_path_was_not_sent(connect, authority, network, tls):
    settings = EgressSettings(connect_timeout_ns=100 * MILLISECOND_NS)
    async with path_of(network, connect, authority, tls, settings) as path:
        before = path.exchange.received
        path.client.egress.close_address(NEAR)
        network.cut()
        with pytest.raises(NotSent, match="within"):
            await path.order(within_s=30)
        await path.proven(before)
