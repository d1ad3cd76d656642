"""Writes that may have been executed, and nobody knows: for the metrics, and for whoever looks them up."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.orders.records import Entry


@dataclass(frozen=True, slots=True)
class Unknown:
    """`number`: the journal's. `at_ms`: when the bot asked for it."""

    number: int
    call: str
    account: str
    at_ms: int


class Unknowns:
    """All open outcomes of which no call is under way any more, those of former processes included."""

    def __init__(self) -> None:
        self._open: dict[int, Unknown] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, unknown: Unknown) -> None:
        self._open[unknown.number] = unknown

    def add_entries(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.add(Unknown(entry.id, entry.intent.call, entry.intent.account, entry.intent.at_ms))

    def remove(self, number: int) -> None:
        self._open.pop(number, None)

    def __contains__(self, number: object) -> bool:
        return number in self._open

    def counts(self, accounts: Iterable[str]) -> dict[str, int]:
        """Per account: these at 0 too, and accounts that the configuration no longer has."""
        found = dict.fromkeys(accounts, 0)
        for row in self._open.values():
            found[row.account] = found.get(row.account, 0) + 1
        return found

    def oldest_s(self, wall_ms: int) -> float:
        """How long the oldest of them is open; 0 if there is none."""
        return max((wall_ms - min((row.at_ms for row in self._open.values()), default=wall_ms)) / 1000, 0.0)
