"""When to look for a write whose answer was lost, and what the looks prove. Pure; all times are wall times in ms.

Seen once is there. Not seen proves nothing while a copy of the request may still be taken, or the exchange may not show
it yet: only looks that began after that count, and there must be several, because answers come from servers that lag.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from proxy.exchanges.lookup import Absence, Found

_FIRST_MS = 250
_MOST_MS = 30_000


class Proof(StrEnum):
    THERE = "there"
    ABSENT = "absent"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Search:
    """The search for one write. `looks`: how many there were; `negatives`: those that count towards its absence."""

    since_ms: int
    valid_until_ms: int
    absence: Absence
    looks: int = 0
    negatives: int = 0
    last_ms: int = 0  # when the last look began
    counted_ms: int = 0  # when the last one that counted as negative began

    @property
    def proves_from_ms(self) -> int:
        """From here on a negative look counts."""
        return max(self.valid_until_ms, self.since_ms) + self.absence.after_ms

    @property
    def next_ms(self) -> int:
        """When to look next: soon, then ever more rarely, but in time for every look that counts."""
        if not self.looks:
            return self.since_ms + _FIRST_MS
        if self.negatives and self.last_ms == self.counted_ms:
            return self.counted_ms + max(self.absence.apart_ms, 1)
        pause_ms = min(_FIRST_MS << min(self.looks, 20), _MOST_MS)
        if self.last_ms >= self.proves_from_ms:  # it could have counted, but told nothing
            return self.last_ms + pause_ms
        return min(self.last_ms + pause_ms, self.proves_from_ms)


def looked(search: Search, found: Found, began_ms: int) -> tuple[Search, Proof]:
    """The search after a look that began at `began_ms`."""
    search = replace(search, looks=search.looks + 1, last_ms=began_ms)
    if found is Found.DONE:
        return search, Proof.THERE
    if found is Found.NEVER:
        return search, Proof.ABSENT
    if found is Found.CANNOT_TELL or began_ms < search.proves_from_ms:
        return search, Proof.OPEN
    if search.negatives and began_ms < search.counted_ms + search.absence.apart_ms:
        return search, Proof.OPEN
    search = replace(search, negatives=search.negatives + 1, counted_ms=began_ms)
    return search, Proof.ABSENT if search.negatives >= search.absence.looks else Proof.OPEN
