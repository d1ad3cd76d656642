"""What `simulate` simulates. That it serves: tests/cli/test_main.py."""

from pathlib import Path

import pytest

from proxy.cli.simulate import run_simulation, simulated
from proxy.exchanges import EXCHANGES
from proxy.simulator import SimConfig

FILE = """\
accounts:
  - {exchange: binance, name: desk, keys: [{alias: main, key: dummy-key, secret: "[/dummy]"}]}
binance: {orders_10s: 7}
"""


def test_without_a_file_all_exchanges() -> None:
    config = simulated(None)
    assert {account.exchange for account in config.accounts} == set(EXCHANGES)
    places = [address for account in config.accounts for address in account.keys[0].addresses]
    assert len(places) == len(set(places))


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text(FILE)
    config = simulated(file)
    assert (config.accounts[0].name, config.accounts[0].keys[0].key) == ("desk", "dummy-key")
    assert config.limits["binance"].orders_10s == 7


@pytest.mark.parametrize("text", ["", "[]", "5", "accounts: 5", "accounts: [5]", "binance: 5", "nothing: 1"])
def test_a_file_that_is_no_simulation(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        simulated(file)


async def test_a_taken_port() -> None:
    with pytest.raises(OSError, match=r"."):
        await run_simulation(SimConfig(), "203.0.113.9", 0)
