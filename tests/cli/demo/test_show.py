"""The course of the demo. As a process, with its end: tests/cli/test_main.py."""

import asyncio
import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from rich.console import Console

from proxy.cli.demo import show
from proxy.cli.demo.bots import Books
from proxy.cli.demo.reconcile import Reconciliation, Row
from proxy.cli.world import DEMO, addresses_of, simulation
from proxy.limits.snapshot import BlockState, Snapshot
from proxy.simulator import Simulator

CLEAN = Reconciliation((Row("desk", 10, 12, 0, 3, 3, 0, 0, 0, 0),), {})
BAD = Reconciliation((Row("desk", 10, 12, 0, 3, 4, 1, 0, 0, 0),), {})


def bots(*failures: str) -> list[Any]:
    books = Books("binance", "desk", {"a": "placed"}, calls=9, failed=len(failures), failures=list(failures))
    return [SimpleNamespace(name="grid-1", books=books)]


def daemon(counts: dict[tuple[str, ...], int] | None = None) -> Any:
    blocks = (BlockState(("address", "binance", "127.10.1.7"), 5, "banned"),)
    return cast(
        Any,
        SimpleNamespace(
            ledger=SimpleNamespace(snapshot=lambda: Snapshot((), blocks)),
            metrics=SimpleNamespace(counts=counts or {}),
            admin=SimpleNamespace(state=lambda: orjson.dumps({"accounts": [], "queue": 3})),
        ),
    )


def reported(result: Reconciliation, *failures: str) -> str:
    file = io.StringIO()
    show._report(Console(file=file, width=200), result, bots(*failures), False)
    return file.getvalue()


def test_the_report_of_a_clean_end() -> None:
    text = reported(CLEAN)
    assert "no order was lost or doubled" in text


def test_the_report_of_an_end_that_is_not() -> None:
    text = reported(BAD, "503 dummy")
    assert "the books do not agree" in text and "grid-1: 503 dummy" in text


def test_the_report_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show._report(Console(stderr=True), CLEAN, bots(), True)
    assert orjson.loads(capsys.readouterr().out) == CLEAN.as_dict()


def test_a_line_for_a_log() -> None:
    assert show._line(daemon(), bots("x")) == "calls      9  orders     1  failed 1  resting: binance/127.10.1.7"


def test_the_screen() -> None:
    file = io.StringIO()
    Console(file=file, width=200).print(
        show._screen(daemon(), bots(), show.Story(["dummy event"]), 60.0, 12_000_000_000)
    )
    text = file.getvalue()
    assert "** dummy event" in text and "queue 3   12 s left" in text and "grid-1" in text


def test_who_was_turned_away() -> None:
    counts = {
        ("ordergate_key_outcomes", "desk", "k1", "accepted"): 5,
        ("ordergate_key_outcomes", "desk", "k1", "refused"): 1,
        ("ordergate_key_outcomes", "desk", "k1", "banned"): 2,
        ("ordergate_key_outcomes", "desk", "k2", "banned"): 1,
        ("ordergate_key_outcomes", "desk", "k2", "suspended"): 0,
        ("ordergate_address_outcomes", "binance", "127.10.1.1", "banned"): 9,
    }
    assert show._blocked_attempts(daemon(counts)) == {"banned": 3}


async def test_the_trouble_is_made_at_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    pause: Callable[[float], Any] = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await pause(0)

    sim = Simulator(simulation(DEMO))
    done: list[tuple[Any, ...]] = []
    for name in ("suspend_key", "ban_address", "unlist"):
        monkeypatch.setattr(sim, name, lambda *args, name=name: done.append((name, *args)))
    monkeypatch.setattr(show.asyncio, "sleep", sleep)
    story = show.Story()
    await show._trouble(sim, story, 12.0)
    assert sum(waits) == 8 and sum(waits) + 2 < 12  # time is left for everybody to come back
    assert done == [
        ("suspend_key", "binance", "binance-demo", "key-2", 5.0),
        ("ban_address", "binance", addresses_of(DEMO[0])[6], 4.0),
        ("unlist", "cryptocom", "cryptocom-demo", "key-1", addresses_of(DEMO[1])[3]),
    ]
    assert len(story.lines) == 4
