"""Sends signed requests, each once, each from its planned address."""

import asyncio
import os
import socket
import ssl

from proxy.clock import MILLISECOND_NS, SECOND_NS, Clock
from proxy.egress.body import BodyStream
from proxy.egress.connection import Connection, Phase, Place
from proxy.egress.open_connections import OpenConnections
from proxy.egress.resolver import Resolver
from proxy.egress.settings import DEFAULTS, EgressSettings
from proxy.egress.source import connect_from, source_address
from proxy.egress.wire import request_bytes
from proxy.errors import NotSent
from proxy.model import Reply, SignedRequest, Upstream


class Egress:
    """The daemon's HTTP/1.1 client. One per event loop; the resolver stays the caller's to close.

    `tls` must verify (ValueError otherwise); it is made to offer HTTP/1.1 only. Default: the system's authorities.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        resolver: Resolver,
        tls: ssl.SSLContext | None = None,
        settings: EgressSettings = DEFAULTS,
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self._tls = tls or ssl.create_default_context()
        if self._tls.verify_mode is not ssl.CERT_REQUIRED or not self._tls.check_hostname:
            raise ValueError("the TLS context does not verify")
        self._tls.set_alpn_protocols(["http/1.1"])
        self._settings = settings
        self._connections = OpenConnections(settings.connections_per_address)
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._all_lost: asyncio.Event | None = None
        self._closed = False

    async def send(
        self, request: SignedRequest, upstream: Upstream, address: str, *, answer_by_ns: int, stream: bool = False
    ) -> Reply:
        """One request, one answer; never written twice, whatever the method.

        Raises NotSent: nothing left. MaybeSent: something may have left and no complete answer came by
        `answer_by_ns`. ValueError: the request cannot be written safely; nothing left.
        `stream`: an answer with more than `stream_after` bytes of body comes back with its beginning, and
        `answer_by_ns` holds for that beginning. `elapsed_ns` runs from the write.
        """
        data = request_bytes(request, upstream)
        start_ns = self._clock.now_ns()
        place = (address, upstream.scheme, upstream.host, upstream.port, upstream.private_ok)
        connection = self._connections.take(place, start_ns)
        if connection is None:
            connection = await self._open(place, answer_by_ns - start_ns)
            start_ns = self._clock.now_ns()
        if start_ns >= answer_by_ns or self._closed:
            self._release(connection)
            raise NotSent("no time was left to send")
        connection.begin(data, request.method, answer_by_ns, self._settings.stream_after if stream else None)
        await connection.settled()
        reader = connection.reader
        body = reader.take()
        elapsed_ns = self._clock.now_ns() - start_ns
        rest = None if reader.complete else BodyStream(connection, self._release)
        reply = Reply(reader.status, reader.reason, tuple(reader.headers), body, elapsed_ns, rest)
        if rest is None:
            self._release(connection)
        return reply

    async def warm(self, upstream: Upstream, address: str) -> None:
        """Open one more idle connection. Raises NotSent."""
        place = (address, upstream.scheme, upstream.host, upstream.port, upstream.private_ok)
        self._release(await self._open(place, self._settings.connect_timeout_ns))

    def close_address(self, address: str) -> None:
        """The address went away: close its idle connections, and those in use after their call."""
        self._connections.drop_address(address)

    def idle_count(self, address: str, upstream: Upstream | None = None) -> int:
        """Idle connections of the address, to one upstream or to all."""
        if upstream is None:
            return self._connections.idle_count(address)
        place = (address, upstream.scheme, upstream.host, upstream.port, upstream.private_ok)
        return self._connections.idle_at(place)

    async def aclose(self) -> None:
        """Abort everything; calls in flight end with MaybeSent. Returns when the sockets are closed."""
        self._closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        self._all_lost = asyncio.Event()
        for connection in list(self._connections.live):
            connection.abort("the client was closed")
        if self._connections.live:
            await self._all_lost.wait()

    async def _open(self, place: Place, budget_ns: int) -> Connection:
        """A fresh connection within the budget and the connect time-out. Raises NotSent."""
        address = place[0]
        budget_ns = min(budget_ns, self._settings.connect_timeout_ns)
        if place[1] not in ("http", "https"):
            raise NotSent(f"unknown scheme {place[1]}")
        if budget_ns <= 0 or self._closed:
            raise NotSent("no time was left to connect")
        if not self._connections.open_one(address):
            raise NotSent(f"address {address} has {self._settings.connections_per_address} connections in use")
        connection: Connection | None = None
        try:
            async with asyncio.timeout(budget_ns / SECOND_NS):
                sock = await self._connect(place, budget_ns)
                connection = Connection(place, sock, self._clock, self._settings, self._connections.gone, self._lost)
                await self._attach(connection, sock, place)
                if self._closed or connection.phase is not Phase.IDLE:
                    raise NotSent(f"the connection to {place[2]} closed at once")
        except BaseException as error:
            if connection is not None and connection.made:
                connection.abort()  # which uncounts it
            else:
                self._connections.not_opened(address)
            if isinstance(error, TimeoutError):
                raise NotSent(f"no connection to {place[2]} within {budget_ns // MILLISECOND_NS} ms") from None
            raise
        self._connections.live.add(connection)
        self._sweep_later()
        return connection

    async def _connect(self, place: Place, budget_ns: int) -> socket.socket:
        """Try the destinations of the source's family in turn, each with its share of the time that is left."""
        address, _, host, port, private_ok = place
        family, _ = source_address(address)
        until_ns = self._clock.now_ns() + budget_ns
        found = await self._resolver.resolve(host, port, private_ok)
        targets = [where for target_family, where in found if target_family == family]
        if not targets:
            raise NotSent(f"{host} has no address of the family of {address}")
        failure = NotSent(f"no connection to {host}")
        for left, target in zip(range(len(targets), 0, -1), targets, strict=True):
            share_ns = (until_ns - self._clock.now_ns()) // left
            try:
                async with asyncio.timeout(share_ns / SECOND_NS):
                    return await connect_from(address, target, self._settings.tcp_user_timeout_ms)
            except TimeoutError:
                failure = NotSent(f"no connection to {host} ({target[0]}) within {share_ns // MILLISECOND_NS} ms")
            except NotSent as error:
                if error.address_fault:
                    raise
                failure = error
        raise failure

    async def _attach(self, connection: Connection, sock: socket.socket, place: Place) -> None:
        """Put the loop's transport, and TLS where the scheme says so, on the socket; from here on it owns it."""
        _, scheme, host, _, _ = place
        loop = asyncio.get_running_loop()
        try:
            if scheme == "https":
                await loop.create_connection(lambda: connection, sock=sock, ssl=self._tls, server_hostname=host)
            else:
                await loop.create_connection(lambda: connection, sock=sock)
        except ssl.SSLCertVerificationError as error:
            raise NotSent(f"TLS with {host} failed: {error.verify_message}") from None
        except OSError as error:
            what = getattr(error, "reason", None) or (os.strerror(error.errno) if error.errno else str(error))
            raise NotSent(f"TLS with {host} failed: {what or type(error).__name__}") from None

    def _release(self, connection: Connection) -> None:
        """Keep the connection if it can carry another request, else abort it."""
        if connection.renew(self._clock.now_ns()) and not self._closed:
            self._connections.put(connection)
        else:
            connection.abort()

    def _lost(self, connection: Connection) -> None:
        self._connections.live.discard(connection)
        if self._all_lost is not None and not self._connections.live:
            self._all_lost.set()

    def _sweep_later(self) -> None:
        if self._sweep_timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(self._settings.sweep_ns / SECOND_NS, self._sweep)

    def _sweep(self) -> None:
        self._sweep_timer = None
        self._connections.drop_unusable(self._clock.now_ns())
        if self._connections.live:
            self._sweep_later()
