"""The `ordergate` command."""

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click
import uvloop
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proxy import __version__
from proxy.cli.build import load_config, pools_of
from proxy.cli.capacity import document, show
from proxy.cli.check import Finding, findings
from proxy.cli.daemon import Daemon
from proxy.cli.demo import run_demo
from proxy.cli.notify import notify, watchdog_interval_s
from proxy.cli.orders import resolve_one, show_one, show_unknown
from proxy.cli.simulate import run_simulation, simulated
from proxy.cli.urls import settings
from proxy.clock import SystemClock
from proxy.config import Config
from proxy.errors import ConfigError
from proxy.learned import informed
from proxy.learned import read as read_learned
from proxy.orders.records import SETTLED

_config = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration; default /etc/ordergate/ordergate.yaml, then ./config/ordergate.yaml.",
)
_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ordergate")
def main() -> None:
    """Signs, paces and routes the orders of your trading bots."""


@main.command()
@_config
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
def run(config: Path | None, log_level: str) -> None:
    """Run the daemon. SIGTERM or Ctrl-C: answer what is under way, then end."""
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "  # the journal has its own
    logging.basicConfig(level=log_level.upper(), format=f"{stamp}%(levelname)s %(message)s", stream=sys.stderr)
    loaded = _load(config)
    try:
        uvloop.run(_serve(loaded))
    except ConfigError as fault:
        _complain(fault)
    except OSError as fault:
        _cannot_listen(fault)


async def _serve(config: Config) -> None:
    log = logging.getLogger("ordergate")
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP: reloading is not available; restart instead")
    daemon = Daemon(config)
    bots, admin = await daemon.start()
    log.info("ordergate %s: bots on %s, status on http://%s/", __version__, ", ".join(bots), admin)
    notify(f"READY=1\nSTATUS=bots on {', '.join(bots)}")
    interval_s = watchdog_interval_s()
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), interval_s)
        except TimeoutError:
            notify("WATCHDOG=1")
    log.info("ending: answering what is under way")
    notify("STOPPING=1")
    stopping = asyncio.ensure_future(daemon.stop())
    while not stopping.done():  # draining may outlast the watchdog's patience
        await asyncio.wait([stopping], timeout=interval_s)
        notify("WATCHDOG=1")
    await stopping


@main.command()
@_config
@_json
def check(config: Path | None, as_json: bool) -> None:
    """Check configuration, secrets, tables and addresses. Nothing is sent."""
    found = findings(_load(config))
    if as_json:
        click.echo(json.dumps([{"what": f.what, "ok": f.ok, "text": f.text} for f in found], indent=1))
    else:
        _print_findings(found)
    sys.exit(0 if all(f.ok for f in found) else 1)


def _print_findings(found: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "result"):
        table.add_column(column, overflow="fold")
    for finding in found:
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", escape(finding.what), escape(finding.text))
    console = Console()
    console.print(table)
    bad = sum(not f.ok for f in found)
    console.print(
        f"[red]{bad} of {len(found)} checks failed[/]" if bad else f"[green]all {len(found)} checks passed[/]"
    )


@main.command()
@click.argument("account")
@_config
@_json
def urls(account: str, config: Path | None, as_json: bool) -> None:
    """Ready settings for ccxt, SDKs and curl."""
    loaded = _load(config)
    pool = pools_of(loaded).get(account)
    if pool is None:
        click.echo(f"ordergate: no account is called {account!r}; there are: {', '.join(loaded.accounts)}", err=True)
        sys.exit(2)
    listen = next((place for place in loaded.listen if not place.startswith("unix:")), "127.0.0.1:8787")
    rows = settings(account, pool.exchange, listen)
    if as_json:
        click.echo(json.dumps({row.client: row.text for row in rows}, indent=1))
        return
    console = Console()
    for row in rows:
        console.print(f"[bold]{row.client}[/]")
        console.print(row.text, markup=False, highlight=False, soft_wrap=True)
        console.print()


@main.command()
@click.argument("account", required=False)
@_config
@_json
def capacity(account: str | None, config: Path | None, as_json: bool) -> None:
    """What keys and addresses are worth, and what one more would add."""
    loaded = _load(config)
    learned = read_learned(loaded.state_dir, SystemClock().wall_ms())
    rows = {name: informed(pool, learned) for name, pool in pools_of(loaded).items()}
    pools = {name: row.pool for name, row in rows.items()}
    if account is not None and account not in pools:
        click.echo(f"ordergate: no account is called {account!r}; there are: {', '.join(pools)}", err=True)
        sys.exit(2)
    chosen = list(rows.values()) if account is None else [rows[account]]
    if as_json:
        click.echo(json.dumps(document(chosen, pools.values()), indent=1))
    else:
        show(Console(), chosen, pools.values())


@main.group()
def orders() -> None:
    """Writes that may have been executed, and nobody knows. Asks the running daemon, else reads its journal."""


@orders.command()
@_config
@_json
def unknown(config: Path | None, as_json: bool) -> None:
    """All open outcomes, oldest first."""
    show_unknown(_load(config), as_json=as_json)


@orders.command("show")
@click.argument("call")
@_config
@_json
def show_order(call: str, config: Path | None, as_json: bool) -> None:
    """One write: what was asked, how it left, what came of it."""
    show_one(_load(config), call, as_json=as_json)


@orders.command()
@click.argument("call")
@click.argument("state", type=click.Choice([state.value for state in SETTLED]))
@_config
@_json
def resolve(call: str, state: str, config: Path | None, as_json: bool) -> None:
    """Say what came of a write that you looked up at the exchange."""
    resolve_one(_load(config), call, state, as_json=as_json)


@main.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after this time.")
@click.option("--plain", is_flag=True, help="Lines instead of a live view.")
@_json
def demo(seconds: float | None, plain: bool, as_json: bool) -> None:
    """Simulated exchanges, a daemon and bots, all on this machine."""
    logging.disable(logging.CRITICAL)
    sys.exit(uvloop.run(run_demo(seconds, plain=plain, as_json=as_json)))


@main.command()
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="Accounts and limits (YAML).")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8900, show_default=True, help="First port, of the controls; then one for each product.")
def simulate(file: Path | None, host: str, port: int) -> None:
    """The simulated exchanges alone, to try a bot or a configuration."""
    try:
        config = simulated(file)
    except (ValueError, OSError, yaml.YAMLError) as fault:
        click.echo(f"ordergate: {file}: {fault}", err=True)
        sys.exit(2)
    try:
        uvloop.run(run_simulation(config, host, port))
    except OSError as fault:
        _cannot_listen(fault)


@main.command()
def version() -> None:
    """The version."""
    click.echo(__version__)


def _load(path: Path | None) -> Config:
    try:
        return load_config(path)
    except ConfigError as fault:
        _complain(fault)


def _complain(fault: ConfigError) -> NoReturn:
    """All complaints, one a line, and exit status 2."""
    for complaint in fault.complaints:
        click.echo(f"ordergate: {complaint}", err=True)
    sys.exit(2)


def _cannot_listen(fault: OSError) -> NoReturn:
    click.echo(f"ordergate: cannot listen: {fault.strerror or fault}", err=True)
    sys.exit(1)
