"""`ordergate orders`: writes of unknown outcome, one write in full, and the end of one that the operator looked up."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.cli.order_source import NoOrders, order_source
from proxy.config import Config
from proxy.orders.records import State

_MS = 1000


def show_unknown(config: Config, *, as_json: bool) -> None:
    """All open outcomes, oldest first."""
    try:
        found = order_source(config).unknown()
    except NoOrders as fault:
        _complain(fault)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    console = Console()
    if not found:
        console.print("no write has an unknown outcome")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("call", "asked (UTC)", "account", "bot", "what", "name", "state"):
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(
            *(Text(cell) for cell in (row["call"], _time(row["asked_ms"]), row["account"], row["bot"])),
            *(Text(cell) for cell in (_what(row), _name(row), row["state"])),
        )
    console.print(table)
    console.print("Look each up at the exchange, then: ordergate orders resolve CALL executed|rejected|absent")


def show_one(config: Config, call: str, *, as_json: bool) -> None:
    try:
        found = order_source(config).show(call)
    except NoOrders as fault:
        _complain(fault)
    _print(found, as_json=as_json)


def resolve_one(config: Config, call: str, state: str, *, as_json: bool) -> None:
    try:
        found = order_source(config).resolve(call, State(state))
    except NoOrders as fault:
        _complain(fault)
    _print(found, as_json=as_json)


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, indent=1))
        return
    answer = row["answer"]
    lines = {
        "call": row["call"],
        "state": row["state"],
        "account": row["account"],
        "bot": row["bot"],
        "endpoint": row["endpoint"],
        "name": _name(row),
        "asked": f"{_time(row['asked_ms'])} UTC",
        "left by": f"{row['key']} {row['address']}".strip() or "did not leave, or the daemon died just then",
        "valid until": f"{_time(row['valid_until_ms'])} UTC" if row["valid_until_ms"] else "",
        "ended": f"{_time(row['ended_ms'])} UTC" if row["ended_ms"] else "open",
        **{f"  {name}": value for name, value in row["params"].items()},
        "answer": f"{answer['status']} {answer['body']}" if answer else "none recorded",
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, text in lines.items():
        if text:
            table.add_row(Text(title), Text(text))
    console = Console()
    console.print(table)
    if row["items"]:
        console.print(_items(row["items"]))


def _items(rows: list[dict[str, Any]]) -> Table:
    """What came of each order of a write of several."""
    table = Table(box=None, pad_edge=False)
    for column in ("item", "id", "executed", "exchange's id", "exchange's word"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(row[name])) for name in ("index", "id", "executed", "order", "code")))
    return table


def _what(row: dict[str, Any]) -> str:
    """The endpoint, and the parameters that say most."""
    params = row["params"]
    words = (params.get(name) for name in ("symbol", "pair", "instrument_name", "side", "type", "quantity", "volume"))
    return " ".join((row["endpoint"], *(word for word in words if word)))


def _name(row: dict[str, Any]) -> str:
    return str(row["name"]).replace("\n", " ")


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / _MS, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def _complain(fault: NoOrders) -> NoReturn:
    click.echo(f"ordergate: {fault}", err=True)
    sys.exit(1)
