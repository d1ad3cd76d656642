"""Entries of the journal as plain data, for programs and pages. Params are of the stripped request: no secrets."""

from collections.abc import Iterable
from typing import Any

from proxy.orders.records import Entry


def row(entry: Entry) -> dict[str, Any]:
    """Times in Unix ms; 0: not yet. `answer`: what the bot was told, null if nothing was recorded.

    `items`: of a write of several orders, what came of each; `executed` is "yes", "no" or "unknown".
    """
    intent, said = entry.intent, entry.answer
    return {
        "call": intent.call,
        "state": entry.state.value,
        "account": intent.account,
        "bot": intent.bot,
        "endpoint": intent.endpoint,
        "name": intent.name,
        "params": dict(intent.params),
        "key": entry.key,
        "address": entry.address,
        "asked_ms": intent.at_ms,
        "valid_until_ms": entry.valid_until_ms,
        "ended_ms": entry.ended_ms,
        "answer": None if said is None else {"status": said.status, "body": said.body.decode("utf-8", "replace")},
        "items": [
            {
                "index": item.index,
                "id": item.id,
                "executed": item.executed.value,
                "order": item.order,
                "code": item.code,
            }
            for item in entry.items
        ],
    }


def rows(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [row(entry) for entry in entries]
