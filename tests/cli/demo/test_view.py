"""The demo's tables, as a terminal shows them."""

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from proxy.cli.demo.bots import Books
from proxy.cli.demo.reconcile import Reconciliation, Row
from proxy.cli.demo.view import account_table, bot_table, reconciliation_table

RED, YELLOW, GREEN = "\x1b[7;31m", "\x1b[33m", "\x1b[32m"


def shown(table: RenderableType, *, colour: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=200, force_terminal=colour, color_system="standard" if colour else None).print(table)
    return file.getvalue()


def account(**key: Any) -> dict[str, Any]:
    rows = [{"address": f"127.10.1.{n}", "rest": None, "up": True} for n in (1, 2, 3)]
    plain = {"key": "key-1", "rest": None, "outcomes": {"accepted": 7, "refused": 1, "banned": 2}, "addresses": {}}
    return {"account": "desk", "exchange": "binance", "keys": [{**plain, **key}], "addresses": rows}


def test_an_account() -> None:
    text = shown(account_table(account()))
    assert "desk (binance)" in text and "2 banned" in text
    assert text.splitlines()[2].split()[:3] == ["key-1", "ready", "8"]
    assert "  1  2  3" in text


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ({"rest_s": 12.4, "reason": "suspended: dummy"}, "rests 12 s (suspended: dummy)"),
        ({"rest_s": None, "reason": "dead: dummy"}, "rests until the operator acts (dead: dummy)"),
    ],
)
def test_a_key_that_rests(rest: dict[str, Any], text: str) -> None:
    assert text in shown(account_table(account(rest=rest)))


def test_the_strip_of_addresses() -> None:
    state = account(addresses={"127.10.1.3": {"refused": 1}})
    state["addresses"][0]["rest"] = {"rest_s": 5, "reason": "banned"}
    text = shown(account_table(state), colour=True)
    assert f"{RED}  1" in text and f"{GREEN}  2" in text and f"{YELLOW}  3" in text
    state["addresses"][0]["rest"] = None
    state["addresses"][1]["up"] = False
    text = shown(account_table(state), colour=True)
    assert f"{GREEN}  1" in text and f"{RED}  2" in text


def test_bots() -> None:
    books = Books("binance", "desk", {"a": "placed", "b": "refused"}, calls=9, failed=1)
    assert shown(bot_table([("grid-1", books)])).splitlines()[1].split() == ["grid-1", "desk", "9", "2", "1"]


def test_reconciliation() -> None:
    rows = (Row("desk", 10, 12, 0, 3, 3, 0, 0, 0, 0), Row("dusk", 11, 11, 0, 4, 4, 0, 0, 0, 0))
    text = shown(reconciliation_table(Reconciliation(rows, {"banned": 2, "suspended": 1})))
    assert text.splitlines()[0].split() == ["reconciliation", "desk", "dusk"]
    assert ["calls", "of", "the", "bots", "10", "11"] in [line.split() for line in text.splitlines()]
    assert "2 banned, 1 suspended" in text


@pytest.mark.parametrize("fault", ["failed", "doubled", "lost", "strange", "unknown"])
def test_what_must_not_be_is_red(fault: str) -> None:
    figures = dict.fromkeys(
        ("calls", "attempts", "failed", "placed", "executed", "doubled", "lost", "strange", "unknown"), 0
    )
    clean = Reconciliation((Row("desk", **figures),), {})
    bad = Reconciliation((Row("desk", **{**figures, fault: 1}),), {})
    assert "\x1b[31m" not in shown(reconciliation_table(clean), colour=True)
    assert "\x1b[31m" in shown(reconciliation_table(bad), colour=True)


def test_nobody_was_turned_away() -> None:
    assert "none" in shown(reconciliation_table(Reconciliation((), {}))).splitlines()[-1]
