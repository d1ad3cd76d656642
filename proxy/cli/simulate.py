"""`ordergate simulate`: the simulated exchanges alone."""

import asyncio
import signal
from pathlib import Path

import yaml
from rich.console import Console
from rich.markup import escape

from proxy.cli.world import DEMO, AccountPlan, key_of, simulation
from proxy.exchanges import EXCHANGES
from proxy.simulator import SimConfig, Simulator, config_from
from proxy.simulator.venues import doors_of

_DEMO = {plan.exchange for plan in DEMO}
_PLANS = (
    *DEMO,
    *(AccountPlan(f"{name}-demo", name, number) for number, name in enumerate(EXCHANGES, 3) if name not in _DEMO),
)


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
    # Of some, the exchange knows the public half only.
    secrets = {key: secret for plan in _PLANS for n in range(1, plan.keys + 1) for _, key, secret in [key_of(plan, n)]}
    for account in config.accounts:
        doors = doors_of(account.exchange)
        places = ", ".join(f"{door} at {sim.url(account.exchange, door)}" for door in doors)
        console.print(f"[bold]{escape(account.name)}[/]  {account.exchange}: {places}")
        for key in account.keys:
            listed = f"{key.addresses[0]} to {key.addresses[-1]}" if key.addresses else "any address"
            secret = secrets.get(key.key, key.secret)
            phrase = f"  passphrase {key.passphrase}" if key.passphrase else ""
            console.print(f"  {key.alias}  key {key.key}  secret {secret}{phrase}  from {listed}", markup=False)
    console.print(f"control (faults, ledger) at {sim.url('control')}; Ctrl-C ends")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await sim.stop()
