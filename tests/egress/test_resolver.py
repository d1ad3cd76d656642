"""Cached, refreshed behind the caller's back, and closed to addresses that no exchange has."""

import asyncio
import ipaddress
import socket
import threading

import pytest

from proxy.clock import SECOND_NS
from proxy.egress.resolver import Resolver, is_public
from proxy.errors import NotSent

PUBLIC = "93.184.216.34"
OTHER = "93.184.216.35"


class Names:
    """A clock that stands still, and a look-up that the test drives."""

    def __init__(self) -> None:
        self.ns = 1_000 * SECOND_NS
        self.asked: list[str] = []
        self.answer: list[str] | Exception = [PUBLIC]
        self.gate = threading.Event()
        self.gate.set()

    def now_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return self.ns // 1_000_000

    async def sleep_until(self, at_ns: int) -> None:
        raise AssertionError("the resolver does not sleep")

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        assert self.gate.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def resolver(names):
    resolver = Resolver(names, look_up=names)
    yield resolver
    names.gate.set()
    await resolver.aclose()


async def _refreshed(resolver: Resolver) -> None:
    while resolver._running:
        await asyncio.wait(list(resolver._running.values()))


async def _first(resolver: Resolver, host: str = "h.test", private_ok: bool = False) -> str:
    return (await resolver.resolve(host, 443, private_ok))[0][1][0]


async def test_literals_are_not_looked_up(resolver, names):
    assert await resolver.resolve(PUBLIC, 443, False) == [(socket.AF_INET, (PUBLIC, 443))]
    assert await resolver.resolve("::1", 80, True) == [(socket.AF_INET6, ("::1", 80, 0, 0))]
    assert names.asked == []


async def test_an_answer_is_cached_and_its_order_kept(resolver, names):
    names.answer = [OTHER, PUBLIC, "2606:2800:220:1::1"]
    for port in (443, 8443):
        found = await resolver.resolve("h.test", port, False)
        assert [where[0] for _, where in found] == names.answer
        assert {where[1] for _, where in found} == {port}
    assert names.asked == ["h.test"]


async def test_a_refresh_runs_behind_and_nobody_waits_for_it(resolver, names):
    assert await _first(resolver) == PUBLIC
    names.ns += 31 * SECOND_NS
    names.answer = [OTHER]
    names.gate.clear()  # the name server hangs
    for _ in range(5):
        assert await _first(resolver) == PUBLIC
    names.gate.set()
    await _refreshed(resolver)
    assert await _first(resolver) == OTHER
    assert len(names.asked) == 2


@pytest.mark.parametrize("answer", [OSError("name server gone"), [], ["127.0.0.1"], ["not an address"]])
async def test_the_last_good_answer_outlives_failures_for_hours(resolver, names, answer):
    assert await _first(resolver) == PUBLIC
    names.answer = answer
    for hours in range(1, 12):
        names.ns += 3600 * SECOND_NS
        assert await _first(resolver) == PUBLIC, hours
        await _refreshed(resolver)
    asked = len(names.asked)
    assert await _first(resolver) == PUBLIC
    assert len(names.asked) == asked  # not again at once
    names.ns += 3600 * SECOND_NS
    with pytest.raises(NotSent, match=r"h\.test was not resolved"):
        await _first(resolver)


async def test_callers_share_a_look_up_and_one_may_leave(resolver, names):
    names.gate.clear()
    calls = [asyncio.ensure_future(_first(resolver)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.wait([calls[0]])
    names.gate.set()
    assert await asyncio.gather(*calls[1:]) == [PUBLIC, PUBLIC]
    assert names.asked == ["h.test"]


async def test_a_failed_first_look_up_says_why(resolver, names):
    names.answer = OSError("dummy reason")
    with pytest.raises(NotSent, match="dummy reason"):
        await _first(resolver)


async def test_closing_frees_those_who_wait(names):
    resolver = Resolver(names, look_up=names)
    names.gate.clear()
    call = asyncio.ensure_future(_first(resolver))
    await asyncio.sleep(0)
    await resolver.aclose()
    names.gate.set()
    with pytest.raises(NotSent):
        await call


REFUSED = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "240.0.0.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::127.0.0.1",
]


@pytest.mark.parametrize("address", REFUSED)
async def test_addresses_that_no_exchange_has_are_refused_unless_allowed(resolver, names, address):
    names.answer = [address]
    for host in (address, "h.test"):
        with pytest.raises(NotSent):
            await _first(resolver, host)
        assert ipaddress.ip_address(await _first(resolver, host, private_ok=True)) == ipaddress.ip_address(address)
        with pytest.raises(NotSent):  # what was allowed for one upstream is not allowed for the next
            await _first(resolver, host)


async def test_the_public_part_of_a_mixed_answer_is_used(resolver, names):
    names.answer = ["127.0.0.1", PUBLIC]
    assert [where[0] for _, where in await resolver.resolve("h.test", 443, False)] == [PUBLIC]


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::93.184.216.34"])
def test_public_addresses(address):
    assert is_public(ipaddress.ip_address(address))
