"""Sockets leave from the planned address or fail, and say which."""

import errno
import socket
from types import SimpleNamespace

import pytest

from proxy.egress import source
from proxy.egress.source import bound_socket, check_source, connect_from
from proxy.errors import NotSent


def test_options_of_the_socket():
    with bound_socket("127.7.0.3", 4321) as sock:
        assert sock.getsockname() == ("127.7.0.3", 0)  # no port is taken before the connect
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4321
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == b"\1\0\0\0\0\0\0\0"


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_an_address_that_is_not_on_the_host(address):
    with pytest.raises(NotSent, match=r"address .* is not on this host") as caught:
        bound_socket(address, 1000)
    assert caught.value.address_fault


@pytest.mark.parametrize("address", ["exchange.test", "", "300.1.1.1"])
def test_what_is_no_address(address):
    with pytest.raises(NotSent) as caught:
        bound_socket(address, 1000)
    assert caught.value.address_fault


async def test_ports_used_up_is_not_the_addresss_fault(monkeypatch):
    """EADDRNOTAVAIL again, but from connect."""

    async def sock_connect(sock, where):
        raise OSError(errno.EADDRNOTAVAIL, "dummy")

    loop = SimpleNamespace(sock_connect=sock_connect)
    monkeypatch.setattr(source, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    with pytest.raises(NotSent, match="no free port") as caught:
        await connect_from("127.7.0.1", ("127.0.0.1", 9), 1000)
    assert not caught.value.address_fault


async def test_a_refused_connection_is_not_the_addresss_fault():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSent, match="Connection refused") as caught:
        await connect_from("127.7.0.1", ("127.0.0.1", port), 1000)
    assert not caught.value.address_fault


def test_another_address_than_planned_is_a_fault():
    with socket.socket() as sock:
        sock.bind(("127.7.0.2", 0))
        check_source(sock, "127.7.0.2")
        with pytest.raises(NotSent, match="instead of") as caught:
            check_source(sock, "127.7.0.1")
        assert caught.value.address_fault


def test_spellings_of_one_ipv6_address_are_one():
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        check_source(sock, "0:0:0:0:0:0:0:1")
