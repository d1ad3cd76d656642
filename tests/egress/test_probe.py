"""Which addresses this host has."""

import os

import pytest

from proxy.egress.probe import missing


@pytest.mark.parametrize("address", ["127.0.0.1", "127.10.3.200"])
def test_an_address_of_this_host(address: str) -> None:
    assert missing(address) == ""


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_an_address_that_this_host_lacks_is_named(address: str) -> None:
    assert missing(address) == f"address {address} is not on this host"


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:80", "dummy.example"])
def test_what_is_no_address(address: str) -> None:
    fault = missing(address)
    assert fault and address in fault


def test_looking_leaves_no_socket_behind() -> None:
    missing("127.0.0.1")
    before = os.listdir("/proc/self/fd")
    for address in ("127.0.0.1", "203.0.113.9", "localhost"):
        missing(address)
    assert len(os.listdir("/proc/self/fd")) == len(before)
