"""A TCP socket that leaves from one planned address, or not at all."""

import asyncio
import errno
import ipaddress
import os
import socket
import struct
from typing import Any

from proxy.egress.resolver import SocketAddress
from proxy.errors import NotSent

_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the socket module of Python 3.11 does not name it
_LINGER_NONE = struct.pack("ii", 1, 0)
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def source_address(address: str) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Family and bindable form of a literal. Raises NotSent(address_fault) for anything else."""
    try:
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        raise NotSent(f"address {address} is not an IP address", address_fault=True) from None
    family, _, _, _, where = found[0]
    return family, where


def bound_socket(address: str, user_timeout_ms: int) -> socket.socket:
    """A non-blocking socket bound to the address, port left open until the connect.

    The late port (IP_BIND_ADDRESS_NO_PORT, valid for IPv6 sockets too) lets a port be used once per
    destination instead of once per host. Linger 0 and the user time-out keep the kernel from
    delivering a request after the client has given up on it. Raises NotSent.
    """
    family, where = source_address(address)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, socket.IPPROTO_TCP)
    except OSError as error:
        raise NotSent(f"no socket: {_text(error)}", address_fault=error.errno in _NOT_HERE) from None
    try:
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        sock.bind(where)
    except OSError as error:
        sock.close()
        if error.errno in _NOT_HERE:
            raise NotSent(f"address {address} is not on this host", address_fault=True) from None
        raise NotSent(f"address {address} cannot be bound: {_text(error)}") from None
    return sock


async def connect_from(address: str, target: SocketAddress, user_timeout_ms: int) -> socket.socket:
    """A connected socket whose own address is the planned one, checked. Raises NotSent; has no time-out of its own."""
    sock = bound_socket(address, user_timeout_ms)
    try:
        await asyncio.get_running_loop().sock_connect(sock, target)
        check_source(sock, address)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:  # from connect it speaks of ports; from bind, of the address
            raise NotSent(f"address {address} has no free port towards {target[0]}") from None
        raise NotSent(f"no connection from {address} to {target[0]}: {_text(error)}") from None
    except BaseException:
        sock.close()
        raise
    return sock


def check_source(sock: socket.socket, address: str) -> None:
    """Raises NotSent(address_fault) if the socket would leave from any address but the planned one."""
    actual = sock.getsockname()[0]
    if ipaddress.ip_address(actual) != ipaddress.ip_address(address):
        raise NotSent(f"the socket left from {actual} instead of {address}", address_fault=True)


def _text(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
