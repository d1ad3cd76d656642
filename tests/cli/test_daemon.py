"""The daemon inside a test: what it opens, watches and closes. As a process: tests/cli/test_main.py."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.cli import daemon as daemon_module
from proxy.cli.build import load_config
from proxy.cli.daemon import Daemon, require_parser
from proxy.errors import ConfigError
from tests.fakes import FakeClock, settled

A1, A2 = "127.0.0.1", "127.0.0.2"
ADDRESS2 = ("address", "binance", A2)
S = 1_000_000_000


@pytest.fixture
async def make(folder: Any) -> AsyncIterator[Callable[..., Daemon]]:
    """Daemons of a configuration; stopped at the end."""
    made: list[Daemon] = []

    def build(clock: Any = None, **fields: Any) -> Daemon:
        made.append(Daemon(load_config(folder.write(**fields)), clock))
        return made[-1]

    yield build
    for one in made:
        stopping = asyncio.ensure_future(one.stop(0.0))
        while not stopping.done():
            await settled()
            if isinstance(one.clock, FakeClock):
                one.clock.advance(S)
            await asyncio.sleep(0.001)
        await stopping


async def get(place: str, path: str) -> int:
    host, _, port = place.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


async def test_start_and_stop(make: Callable[..., Daemon]) -> None:
    daemon = make()
    assert not daemon.gauges().ready
    bots, admin = await daemon.start()
    assert daemon.gauges().ready
    assert daemon.gauges().addresses_up == {A1: True}
    assert await get(admin, "/readyz") == 200
    assert await get(bots[0], "/desk/api/v3/account") == 401
    await daemon.stop(1.0)
    assert not daemon.gauges().ready
    for place in (*bots, admin):
        with pytest.raises(ConnectionError):
            await get(place, "/")


async def test_the_series_of_every_key_and_address_begin_at_zero(make: Callable[..., Daemon]) -> None:
    counts = make(addresses=f"{A1}, {A2}").metrics.counts
    assert counts["ordergate_key_outcomes", "desk", "main", "accepted"] == 0
    assert counts["ordergate_address_outcomes", "binance", A2, "banned"] == 0


async def test_two_do_not_run_over_one_folder(make: Callable[..., Daemon]) -> None:
    first, second = make(), make()
    await first.start()
    with pytest.raises(ConfigError, match="another ordergate runs"):
        await second.start()
    await first.stop(0.0)
    await second.start()


async def test_without_any_address_it_does_not_start(make: Callable[..., Daemon]) -> None:
    daemon = make(addresses="203.0.113.9")
    with pytest.raises(ConfigError, match="no key has an address that this host has"):
        await daemon.start()
    assert not daemon.gauges().ready


async def test_an_address_that_comes_and_goes(
    make: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    away = {A2}
    monkeypatch.setattr(daemon_module, "missing", lambda address: f"no {address}" if address in away else "")
    clock = FakeClock()
    daemon = make(clock, addresses=f"{A1}, {A2}")
    await daemon.start()

    def resting() -> bool:
        return ADDRESS2 in {block.subject for block in daemon.ledger.snapshot().blocks}

    async def wait(seconds: int) -> None:
        for _ in range(seconds):
            clock.advance(S)
            await settled()

    assert daemon.gauges().addresses_up == {A1: True, A2: False} and resting()
    assert caplog.text.count(f"out of service: no {A2}") == 1
    for _ in range(3):
        await wait(5)
        assert resting()  # never a moment between two looks in which it is used
    assert caplog.text.count("out of service") == 1  # told once
    away.clear()
    await wait(7)
    assert daemon.gauges().addresses_up == {A1: True, A2: True} and not resting()
    assert f"back in service: address {A2}" in caplog.text
    away.add(A2)
    await wait(5)
    assert resting() and caplog.text.count("out of service") == 2


async def test_blocks_are_there_again_after_a_restart_and_before_a_bot_gets_in(make: Callable[..., Daemon]) -> None:
    before = make()
    await before.start()
    before.ledger.block(("key", "desk", "main"), 60 * S, "suspended: -2015")
    await before.stop(1.0)
    after = make()
    opened: list[int] = []
    start = after.ingress.start

    async def noted(listen: Any) -> list[str]:
        opened.append(len(after.ledger.snapshot().blocks))
        return await start(listen)

    after.ingress.start = noted  # type: ignore[method-assign]  # looks at the moment of opening
    await after.start()
    assert opened == [1]


async def test_it_saves_while_it_runs(make: Callable[..., Daemon]) -> None:
    clock = FakeClock()
    daemon = make(clock)
    await daemon.start()
    daemon.ledger.block(("key", "desk", "main"), 60 * S, "suspended: -2015")
    file = daemon.config.state_dir / "ledger.json"
    async with asyncio.timeout(5):
        while "suspended: -2015" not in (await asyncio.to_thread(file.read_text)):
            clock.advance(S)
            await settled()


async def test_the_folder_of_state_is_made_for_us_alone(make: Callable[..., Daemon]) -> None:
    folder = make().config.state_dir
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_folder_of_state_that_cannot_be_used(make: Callable[..., Daemon], folder: Any) -> None:
    (folder.path / "state").write_text("not a folder")
    with pytest.raises(ConfigError, match=r"state_dir: .*/state cannot be used \(File exists\)"):
        make()


def test_an_old_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_parser()
    monkeypatch.setattr(daemon_module.aiohttp, "__version__", "3.14.3")
    with pytest.raises(ConfigError, match=r"aiohttp 3.14.3 is too old"):
        require_parser()
    monkeypatch.setattr(daemon_module.aiohttp, "__version__", "3.15.0")
    require_parser()


def test_the_slow_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = daemon_module.http_parser
    monkeypatch.setattr(parser, "HttpRequestParser", parser.HttpRequestParserPy)
    with pytest.raises(ConfigError, match="without its C parser"):
        require_parser()


def test_the_example_configuration_names_no_real_place() -> None:
    """What a user copies cannot reach an exchange by mistake."""
    text = (Path(__file__).parents[2] / "config" / "ordergate.example.yaml").read_text()
    assert "dummy" in text and "203.0.113." in text


async def test_no_warm_connection_from_an_address_that_rests(make: Callable[..., Daemon]) -> None:
    """A banned address must not even knock."""
    daemon = make()
    assert A1 in {address for _, address in daemon._warm_places()}
    daemon.ledger.block(("address", "binance", A1), 60 * S, "banned")
    assert A1 not in {address for _, address in daemon._warm_places()}
