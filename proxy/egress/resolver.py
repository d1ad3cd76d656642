"""Host names to destinations: cached, checked, and never waited for while something is cached."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from proxy.clock import SECOND_NS, Clock
from proxy.errors import NotSent

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
Destination = tuple[socket.AddressFamily, SocketAddress]
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


def socket_look_up(host: str) -> list[str]:
    """The system's answer. Blocks; raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def is_public(ip: IPAddress) -> bool:
    """False for loopback, private, link-local, shared (100.64/10), multicast and reserved ranges, and
    for IPv6 forms that carry such an IPv4 address."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local:
            return False
        inner = ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _TRANSLATED else None)
        if inner is not None:
            return is_public(inner)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@dataclass(slots=True)
class _Cached:
    addresses: tuple[IPAddress, ...]
    fetched_ns: int
    refresh_ns: int  # from when on a refresh is due


class Resolver:
    """Look-ups run in two threads of their own: a stalled name server must not fill the loop's threads.

    An answer is fresh for `ttl_ns`; then it is still given out while a look-up runs behind it, and after failed
    look-ups (tried again every `retry_ns`) until it is `stale_ns` old. An answer without one permitted
    address is a failed look-up.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        look_up: Callable[[str], Iterable[str]] = socket_look_up,
        ttl_ns: int = 30 * SECOND_NS,
        retry_ns: int = 5 * SECOND_NS,
        stale_ns: int = 12 * 3600 * SECOND_NS,
    ) -> None:
        self._clock = clock
        self._look_up = look_up
        self._ttl_ns = ttl_ns
        self._retry_ns = retry_ns
        self._stale_ns = stale_ns
        self._cached: dict[tuple[str, bool], _Cached] = {}
        self._running: dict[tuple[str, bool], asyncio.Task[str]] = {}
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="resolver")

    async def resolve(self, host: str, port: int, private_ok: bool) -> list[Destination]:
        """Destinations in the order of preference, at least one. Raises NotSent.

        Waits only when nothing usable is cached; the caller bounds that wait.
        """
        literal = _literal(host)
        if literal is not None:
            if not private_ok and not is_public(literal):
                raise NotSent(f"{host} is not a public address")
            return [_destination(literal, port)]
        name = (host, private_ok)
        now_ns = self._clock.now_ns()
        cached = self._cached.get(name)
        if cached is not None and now_ns - cached.fetched_ns < self._stale_ns:
            if now_ns >= cached.refresh_ns:
                self._refresh(name)
        else:
            self._cached.pop(name, None)
            look_up = self._refresh(name)
            await asyncio.wait([look_up])  # unlike awaiting the task, this leaves it alone if the caller is cancelled
            cached = self._cached.get(name)
            if cached is None:
                reason = "the resolver was closed" if look_up.cancelled() else look_up.result()
                raise NotSent(f"{host} was not resolved: {reason}")
        return [_destination(ip, port) for ip in cached.addresses]

    async def aclose(self) -> None:
        """Drop running look-ups. A thread that is inside one ends with it."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refresh(self, name: tuple[str, bool]) -> asyncio.Task[str]:
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = asyncio.get_running_loop().create_task(self._fetch(name))
        return task

    async def _fetch(self, name: tuple[str, bool]) -> str:
        """Look up and cache; returns what went wrong, or ""."""
        host, private_ok = name
        try:
            loop = asyncio.get_running_loop()
            texts = await loop.run_in_executor(self._threads, lambda: list(self._look_up(host)))
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
            reason = "" if found else "no address"
        except (OSError, ValueError, RuntimeError) as error:
            found, reason = [], str(error) or type(error).__name__
        finally:
            del self._running[name]
        permitted = tuple(ip for ip in found if private_ok or is_public(ip))
        now_ns = self._clock.now_ns()
        if permitted:
            self._cached[name] = _Cached(permitted, now_ns, now_ns + self._ttl_ns)
        elif (stale := self._cached.get(name)) is not None:
            stale.refresh_ns = now_ns + self._retry_ns
        return reason or "it has no public address"


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _destination(ip: IPAddress, port: int) -> Destination:
    if isinstance(ip, ipaddress.IPv4Address):
        return socket.AF_INET, (str(ip), port)
    return socket.AF_INET6, (str(ip), port, 0, 0)
