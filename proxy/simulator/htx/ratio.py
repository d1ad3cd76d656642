"""The cancel-ratio ban of linear swaps: who places and cancels at once too often may not place for a while.

Source: HTX support, "API order cancellation ratio": cycles of ten minutes from the full hour; an invalid cancel has
no fill and comes at most three seconds after the order; 5 minutes, from the third ban within an hour on 30 minutes.
"""

from dataclasses import dataclass, field

CYCLE_MS = 600_000
_AT_ONCE_MS = 3_000
_BAN_MS = 300_000
_LONG_BAN_MS = 1_800_000
_HOUR_MS = 3_600_000


@dataclass(slots=True)
class _Cycle:
    index: int = 0
    placed: int = 0
    invalid: int = 0
    until_ms: int = 0
    bans_ms: list[int] = field(default_factory=list)


class CancelRatio:
    """By UID (here: the account's name). Counts orders of the types limit, post_only, fok and ioc."""

    def __init__(self, orders: int, ratio: float) -> None:
        self.orders = orders
        self.ratio = ratio
        self._cycles: dict[str, _Cycle] = {}

    def _cycle(self, uid: str, now_ms: int) -> _Cycle:
        cycle = self._cycles.setdefault(uid, _Cycle())
        if cycle.index != now_ms // CYCLE_MS:
            cycle.index, cycle.placed, cycle.invalid = now_ms // CYCLE_MS, 0, 0
        return cycle

    def placed(self, uid: str, now_ms: int) -> None:
        self._cycle(uid, now_ms).placed += 1

    def cancelled(self, uid: str, age_ms: int, now_ms: int) -> None:
        """An order without any fill was cancelled."""
        cycle = self._cycle(uid, now_ms)
        cycle.invalid += age_ms <= _AT_ONCE_MS
        if cycle.until_ms > now_ms or cycle.placed < self.orders or cycle.invalid <= self.ratio * cycle.placed:
            return
        cycle.bans_ms = [at for at in cycle.bans_ms if at > now_ms - _HOUR_MS] + [now_ms]
        cycle.until_ms = now_ms + (_LONG_BAN_MS if len(cycle.bans_ms) >= 3 else _BAN_MS)
        cycle.placed = cycle.invalid = 0

    def recovery_ms(self, uid: str, now_ms: int) -> int:
        """End of the ban, or 0."""
        until = self._cycle(uid, now_ms).until_ms
        return until if until > now_ms else 0

    def counts(self, uid: str, now_ms: int) -> tuple[int, int]:
        """Orders and invalid cancels of this cycle."""
        cycle = self._cycle(uid, now_ms)
        return cycle.placed, cycle.invalid
