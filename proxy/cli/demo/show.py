"""The course of the demo: what happens when, the live view, and the reconciliation at the end."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.console import Console, Group
from rich.live import Live

from proxy.cli.daemon import Daemon
from proxy.cli.demo.bots import Books, Bot, Line
from proxy.cli.demo.reconcile import Reconciliation, reconcile
from proxy.cli.demo.view import account_table, bot_table, reconciliation_table
from proxy.cli.world import DEMO, addresses_of, configuration, simulation, token_of
from proxy.clock import SystemClock
from proxy.model import Outcome
from proxy.simulator import Simulator

_BOTS = ("grid-1", "grid-2", "maker-1", "maker-2")
_QUIET_SECONDS = 30.0  # without a terminal and without --seconds
_ROOM_BYTES = 256 << 20


@dataclass(slots=True)
class Story:
    """What the demo did to the exchanges, for the people who watch."""

    lines: list[str] = field(default_factory=list)


def _in_memory() -> str | None:
    """A folder in memory, where there is one with room: a demonstration needs no disk, and is not held up by one."""
    folder = "/dev/shm"
    roomy = os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free > _ROOM_BYTES
    return folder if roomy else None


async def run_demo(seconds: float | None, *, plain: bool, as_json: bool) -> int:
    """Run the demo; 0 when the bots' books and the exchanges' ledgers agree and no call failed, else 1."""
    console = Console(stderr=as_json)
    live = not plain and not as_json and console.is_terminal
    if seconds is None and not live:
        seconds = _QUIET_SECONDS
    sim = Simulator(simulation(DEMO))
    await sim.start()
    with tempfile.TemporaryDirectory(prefix="ordergate-demo-", dir=_in_memory()) as folder:
        daemon = Daemon(configuration(DEMO, sim, _BOTS, Path(folder)))
        places, admin = await daemon.start()
        host, _, port = places[0].rpartition(":")
        stop = asyncio.Event()
        bots = _bots(host, int(port))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        story = Story()
        console.print(f"status page: http://{admin}/   metrics: http://{admin}/metrics   bots: http://{places[0]}/")
        tasks = [asyncio.ensure_future(bot.trade(stop)) for bot in bots]
        tasks.append(asyncio.ensure_future(_trouble(sim, story, seconds or 60.0)))
        try:
            await _watch(console, daemon, bots, story, stop, seconds, live)
        finally:
            stop.set()
            tasks[-1].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            result = reconcile([bot.books for bot in bots], sim.ledger, _blocked_attempts(daemon))
            await daemon.stop(2.0)
            await sim.stop()
    _report(console, result, bots, as_json)
    return 0 if result.clean else 1


def _bots(host: str, port: int) -> list[Bot]:
    found = []
    for number, name in enumerate(_BOTS):
        plan = DEMO[number % len(DEMO)]
        found.append(Bot(name, Books(plan.exchange, plan.name), Line(host, port, token_of(name)), seed=number))
    return found


async def _trouble(sim: Simulator, story: Story, seconds: float) -> None:
    """A key suspended, an address banned and another taken off a whitelist, then all of it mended."""
    unit = seconds / 12
    binance, cryptocom = DEMO
    banned, dropped = addresses_of(binance)[6], addresses_of(cryptocom)[3]
    await asyncio.sleep(2 * unit)
    sim.suspend_key("binance", binance.name, "key-2", 5 * unit)
    story.lines.append(f"exchange suspends key-2 of {binance.name} for {5 * unit:.0f} s")
    await asyncio.sleep(unit)
    sim.ban_address("binance", banned, 4 * unit)
    story.lines.append(f"exchange bans address {banned} for {4 * unit:.0f} s")
    await asyncio.sleep(unit)
    sim.unlist("cryptocom", cryptocom.name, "key-1", dropped)
    story.lines.append(f"{dropped} is taken off the whitelist of key-1 of {cryptocom.name}")
    await asyncio.sleep(4 * unit)
    story.lines.append("the suspension and the ban are over at the exchange; each subject comes back by one probe")


async def _watch(
    console: Console,
    daemon: Daemon,
    bots: list[Bot],
    story: Story,
    stop: asyncio.Event,
    seconds: float | None,
    live: bool,
) -> None:
    clock = SystemClock()
    end_ns = clock.now_ns() + int((seconds or 86_400) * 1e9)
    told = 0
    with Live(console=console, screen=False, auto_refresh=False) if live else contextlib.nullcontext() as screen:
        while clock.now_ns() < end_ns and not stop.is_set():
            left_s = (end_ns - clock.now_ns()) / 1e9
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(0.5 if live else 1.0, left_s))
            if screen is not None:
                screen.update(_screen(daemon, bots, story, seconds, end_ns - clock.now_ns()), refresh=True)
            else:
                for line in story.lines[told:]:
                    console.print(f"  ** {line}", highlight=False)
                told = len(story.lines)
                console.print(_line(daemon, bots), highlight=False)


def _screen(daemon: Daemon, bots: list[Bot], story: Story, seconds: float | None, left_ns: int) -> Group:
    state = orjson.loads(daemon.admin.state())
    parts = [account_table(account) for account in state["accounts"]]
    parts.append(bot_table([(bot.name, bot.books) for bot in bots]))
    left = f"   {max(left_ns, 0) / 1e9:.0f} s left" if seconds else "   Ctrl-C ends"
    return Group(
        *parts,
        *[f"** {line}" for line in story.lines[-4:]],
        f"addresses: green ready, red banned, yellow not listed for a key   queue {state['queue']}{left}",
    )


def _line(daemon: Daemon, bots: list[Bot]) -> str:
    orders = sum(len(bot.books.orders) for bot in bots)
    calls = sum(bot.books.calls for bot in bots)
    failed = sum(bot.books.failed for bot in bots)
    resting = ["/".join(block.subject[1:]) for block in daemon.ledger.snapshot().blocks]
    return f"calls {calls:6}  orders {orders:5}  failed {failed}  resting: {', '.join(resting) or 'nobody'}"


def _blocked_attempts(daemon: Daemon) -> dict[str, int]:
    """Attempts that ended in a refusal of their route, by outcome."""
    found: dict[str, int] = {}
    for key, count in daemon.metrics.counts.items():
        if key[0] == "ordergate_key_outcomes" and count and key[3] not in (Outcome.ACCEPTED, Outcome.REFUSED):
            found[key[3]] = found.get(key[3], 0) + count
    return found


def _report(console: Console, result: Reconciliation, bots: list[Bot], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(orjson.dumps(result.as_dict(), option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    console.print(reconciliation_table(result))
    for bot in bots:
        for failure in bot.books.failures:
            console.print(f"[red]{bot.name}: {failure}[/]", highlight=False)
    verdict = "no order was lost or doubled" if result.clean else "the books do not agree"
    console.print(f"[{'green' if result.clean else 'red'}]{verdict}[/]")
