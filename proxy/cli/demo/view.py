"""How the demo looks in a terminal. Pure: state in, renderables out."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from proxy.cli.demo.bots import Books
from proxy.cli.demo.reconcile import Reconciliation


def account_table(account: Mapping[str, Any]) -> Table:
    """Keys of an account with what they have done, and a strip of its addresses."""
    title = f"{account['account']} ({account['exchange']})"
    state = Column("state", no_wrap=True)
    table = Table("key", state, "accepted", "turned away", title=title, title_justify="left", box=None, pad_edge=False)
    for key in account["keys"]:
        outcomes = key["outcomes"]
        accepted = outcomes.get("accepted", 0) + outcomes.get("refused", 0)
        others = ", ".join(f"{n} {name}" for name, n in outcomes.items() if name not in ("accepted", "refused"))
        table.add_row(key["key"], _state(key["rest"]), str(accepted), others)
    strip = Text()
    for row in account["addresses"]:
        number = row["address"].rpartition(".")[2]
        refused = any(key["addresses"].get(row["address"], {}).get("refused") for key in account["keys"])
        style = "red reverse" if row["rest"] or not row["up"] else "yellow" if refused else "green"
        strip.append(f"{number:>3}", style=style)
    table.add_row("addresses", strip)
    return table


def _state(rest: Mapping[str, Any] | None) -> Text:
    if rest is None:
        return Text("ready", style="green")
    seconds = "until the operator acts" if rest["rest_s"] is None else f"{rest['rest_s']:.0f} s"
    return Text(f"rests {seconds} ({rest['reason']})", style="red")


def bot_table(bots: Sequence[tuple[str, Books]]) -> Table:
    table = Table("bot", "account", "calls", "orders", "failed", box=None, pad_edge=False)
    for name, books in bots:
        table.add_row(name, books.account, str(books.calls), str(len(books.orders)), str(books.failed))
    return table


def reconciliation_table(result: Reconciliation) -> Table:
    """The end of the demo: the bots' books beside the exchanges' ledgers, an account per column."""
    table = Table("reconciliation", *[r.account for r in result.rows], box=None, pad_edge=False, header_style="bold")
    for name, text in _FIGURES:
        values = [getattr(row, name) for row in result.rows]
        bad = name in _ZERO and any(values)
        table.add_row(text, *(str(value) for value in values), style="red" if bad else "")
    turned = ", ".join(f"{count} {outcome}" for outcome, count in result.turned_away.items()) or "none"
    table.caption = f"turned away, and carried by another route: {turned}"
    table.caption_justify = "left"
    return table


_FIGURES = (
    ("calls", "calls of the bots"),
    ("attempts", "attempts at the exchange"),
    ("failed", "calls that failed"),
    ("placed", "orders in the bots' books"),
    ("executed", "orders at the exchange"),
    ("doubled", "doubled: executed twice"),
    ("lost", "lost: not at the exchange"),
    ("strange", "strange: no bot knows it"),
    ("unknown", "unknown: no bot was told"),
)
_ZERO = ("failed", "doubled", "lost", "strange", "unknown")
