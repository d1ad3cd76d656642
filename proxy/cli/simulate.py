"""`ordergate simulate`: the simulated exchanges alone."""

import asyncio
import signal
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from proxy.cli.world import DEMO, AccountPlan, simulation
from proxy.simulator import SimConfig, Simulator

_PLANS = (*DEMO, AccountPlan("kraken-demo", "kraken", 3))


def simulated(file: Path | None) -> SimConfig:
    """The world of a YAML file, or the demo's. Raises ValueError, yaml.YAMLError, OSError."""
    return SimConfig.from_mapping(yaml.safe_load(file.read_text("utf-8"))) if file else simulation(_PLANS)


async def run_simulation(config: SimConfig, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    sim = Simulator(config)
    await sim.start(host, port)
    console = Console()
    table = Table("exchange", "base URL", "account", "key", "secret", "whitelist", box=None, pad_edge=False)
    for account in config.accounts:
        for key in account.keys:
            listed = f"{key.addresses[0]} to {key.addresses[-1]}" if key.addresses else "any address"
            table.add_row(account.exchange, sim.url(account.exchange), account.name, key.key, key.secret, listed)
    console.print(table)
    console.print(f"control: {sim.url('control')} (faults, ledger)   end with Ctrl-C")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await sim.stop()
