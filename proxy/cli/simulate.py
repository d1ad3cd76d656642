"""`ordergate simulate`: the simulated exchanges alone."""

import asyncio
import signal
from pathlib import Path

import yaml
from rich.console import Console
from rich.markup import escape

from proxy.cli.world import DEMO, AccountPlan, simulation
from proxy.simulator import SimConfig, Simulator, config_from

_PLANS = (*DEMO, AccountPlan("kraken-demo", "kraken", 3))


def simulated(file: Path | None) -> SimConfig:
    """The world of a YAML file, or the demo's. Raises ValueError, yaml.YAMLError, OSError."""
    if file is None:
        return simulation(_PLANS)
    found = yaml.safe_load(file.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it must hold a mapping, with `accounts` and limits")
    try:
        return config_from(found)
    except (TypeError, AttributeError) as fault:
        raise ValueError(f"not the form of a simulation: {fault}") from None


async def run_simulation(config: SimConfig, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises OSError when a port is taken."""
    sim = Simulator(config)
    await sim.start(host, port)
    console = Console(highlight=False, soft_wrap=True)
    for account in config.accounts:
        console.print(f"[bold]{escape(account.name)}[/]  {account.exchange} at {sim.url(account.exchange)}")
        for key in account.keys:
            listed = f"{key.addresses[0]} to {key.addresses[-1]}" if key.addresses else "any address"
            console.print(f"  {key.alias}  key {key.key}  secret {key.secret}  from {listed}", markup=False)
    console.print(f"control (faults, ledger) at {sim.url('control')}; Ctrl-C ends")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await sim.stop()
