"""What a decision costs: microseconds per acquire and settle, and per call through a long queue.

    python -m tests.bench.ledger_cost [--rounds R] [--json]

    free       ten keys x twenty addresses, five limits, all routes free
    blocked    the same, but only one key and one address are left
    none       the same, and nothing is free: what a refusal costs
    queue      a call of an endpoint that is free, through the dispatcher, while 0 to 10,000 calls wait, in one lane
               (all for the same limit) or in 100 (the same limit, which counts by symbol)

Processor time, the best round. Absolute figures are those of this machine.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from proxy.clock import SECOND_NS
from proxy.dispatch import Dispatcher
from proxy.limits.blocks import FOREVER_NS
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, CallClass, Charge, KeyRoutes, Limit, NotUntil, Permit, Scope, Shape
from tests.bench import virtual
from tests.bench.virtual import VirtualClock

_MINUTE_NS = 60 * SECOND_NS
_PLENTY = 1e9
_BATCH = 1000
_KEYS = tuple(f"k{n}" for n in range(10))
_ADDRESSES = tuple(f"198.51.100.{n}" for n in range(1, 21))
_ROUTES = tuple(KeyRoutes(key, _ADDRESSES) for key in _KEYS)
_FIVE = (
    Limit("weight_1m", Scope.ADDRESS, Shape.FIXED, _PLENTY, _MINUTE_NS),
    Limit("raw_5m", Scope.ADDRESS, Shape.SLIDING, _PLENTY, 5 * _MINUTE_NS),
    Limit("counter", Scope.KEY, Shape.DECAYING, _PLENTY, _MINUTE_NS),
    Limit("orders_10s", Scope.ACCOUNT, Shape.FIXED, _PLENTY, 10 * SECOND_NS),
    Limit("orders_1d", Scope.ACCOUNT, Shape.FIXED, _PLENTY, 1440 * _MINUTE_NS),
)


def _ask(limits: tuple[Limit, ...], detail: str = "", call_class: CallClass = CallClass.PLACE) -> Ask:
    return Ask("bench", "account", call_class, tuple(Charge(limit, 1, detail) for limit in limits), _ROUTES)


def _ledger(clock: VirtualClock) -> MemoryLedger:
    ledger = MemoryLedger(clock)
    align = ledger.alignment("bench")
    align.offset_ns, align.error_ns = 0, 10_000_000
    return ledger


def _timed(once: Callable[[], object], rounds: int) -> float:
    """Microseconds per call of `once`, the best round."""
    figures = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(_BATCH):
            once()
        figures.append((time.process_time() - began) / _BATCH * 1e6)
    return min(figures)


def _routes_cost(clock: VirtualClock, rounds: int) -> dict[str, float]:
    figures = {}
    ask = _ask(_FIVE)
    for name in ("free", "blocked", "none"):
        ledger = _ledger(clock)
        if name != "free":
            for key in _KEYS[:-1]:
                ledger.block(("key", "account", key), FOREVER_NS, "bench")
            for address in _ADDRESSES[:-1]:
                ledger.block(("address", "bench", address), FOREVER_NS, "bench")
        if name == "none":
            ledger.block(("address", "bench", _ADDRESSES[-1]), FOREVER_NS, "bench")

        def once(ledger: MemoryLedger = ledger, name: str = name) -> None:
            found = ledger.acquire(ask)
            if isinstance(found, Permit):
                ledger.settle(found, sent=True, well=True)
            assert isinstance(found, NotUntil) == (name == "none")

        figures[name] = _timed(once, rounds)
    return figures


async def _queue_cost(clock: VirtualClock, rounds: int) -> dict[str, dict[int, float]]:
    """With many calls waiting: another endpoint's call comes, goes at once and is settled."""
    figures: dict[str, dict[int, float]] = {}
    for name, lanes in (("one lane", 1), ("100 lanes", 100)):
        figures[name] = {}
        for waiting in (0, 100, 1_000, 10_000):
            ledger = _ledger(clock)
            dispatcher = Dispatcher(ledger, clock, max_waiting=20_000)
            full = Limit("full", Scope.ACCOUNT, Shape.SLIDING, 1, 1440 * _MINUTE_NS, per="symbol")
            for lane in range(lanes):
                found = ledger.acquire(_ask((full,), f"S{lane}", CallClass.READ))
                assert isinstance(found, Permit)
                ledger.settle(found, sent=True, well=True)
            far_ns = clock.now_ns() + 2880 * _MINUTE_NS
            tasks = [
                asyncio.ensure_future(
                    dispatcher.take(_ask((full,), f"S{n % lanes}", CallClass.READ), deadline_ns=far_ns)
                )
                for n in range(waiting)
            ]
            await asyncio.sleep(0)
            assert dispatcher.waiting == waiting
            took = []
            free = _ask(_FIVE)
            batch = 50 if lanes > 1 else 500
            for _ in range(rounds):
                began = time.process_time()
                for _ in range(batch):
                    permit = await dispatcher.take(free, deadline_ns=far_ns)
                    assert isinstance(permit, Permit)
                    dispatcher.settle(permit, sent=True, well=True)
                took.append((time.process_time() - began) / batch * 1e6)
            figures[name][waiting] = min(took)
            # All lanes go: one cancel each would look for its place in the whole lane.
            dispatcher._lanes.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Microseconds per decision.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    async def both(clock: VirtualClock) -> tuple[dict[str, float], dict[str, dict[int, float]]]:
        return _routes_cost(clock, options.rounds), await _queue_cost(clock, options.rounds)

    routes, queue = virtual.run(both)
    if options.json:
        print(json.dumps({"acquire_settle_us": routes, "queue_us": queue}, indent=1))
        return
    table = Table(title="microseconds")
    table.add_column("")
    table.add_column("us", justify="right")
    names = {"free": "200 routes free (goal 15)", "blocked": "one route of 200 left (goal 40)", "none": "none left"}
    for name, figure in routes.items():
        table.add_row(f"acquire + settle, five limits, {names[name]}", f"{figure:.1f}")
    for name, row in queue.items():
        for waiting, figure in row.items():
            table.add_row(f"through the queue, {waiting:,} waiting in {name}", f"{figure:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
