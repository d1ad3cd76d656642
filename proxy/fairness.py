"""Weighted fair shares among bots that wait for the same limit: arithmetic over virtual time, without a clock.

A bot's level is what it was granted, in shares of the limit, divided by its weight; the lowest goes first. A bot that
comes back starts no lower than those who waited, so nobody saves up; nor does anybody owe more than one whole limit.
Each limit has a contest of its own: what a bot took where it disturbed nobody must not count against it here.
"""

from proxy.model import Ask

_LEAST_SHARE = 1e-3


def parts_of(ask: Ask) -> tuple[float, ...]:
    """What a granted call takes, as shares of its limits' capacities; a whole one if it is charged nothing."""
    return tuple(min(charge.units / charge.limit.capacity, 1.0) for charge in ask.charges) or (1.0,)


class Contest:
    """The levels of the bots that compete for one limit. Forgets everything once nobody waits."""

    __slots__ = ("_base", "_levels", "_waiting")

    def __init__(self) -> None:
        self._base = 0.0
        self._levels: dict[str, float] = {}
        self._waiting: dict[str, int] = {}  # bot -> how many of its calls wait

    def level(self, bot: str) -> float:
        """Where a bot stands, or would if it came now."""
        level = self._levels.get(bot, 0.0)
        return level if bot in self._waiting else max(level, self._lowest())

    @property
    def empty(self) -> bool:
        return not self._waiting

    def rebase(self) -> None:
        """Leads count from where the lowest stands now. Until the next `rebase` no lead falls while several wait."""
        self._base = self._lowest()

    def lead(self, bot: str) -> float:
        """How much more a bot had than the lowest; 0 for one that waits alone. Comparable between contests."""
        return self.level(bot) - self._base if len(self._waiting) > 1 else 0.0

    def join(self, bot: str) -> None:
        """One more call of a bot waits."""
        if bot not in self._waiting:
            self._levels[bot] = self.level(bot)
        self._waiting[bot] = self._waiting.get(bot, 0) + 1

    def leave(self, bot: str) -> None:
        """One call less; undoes a `join`."""
        self._waiting[bot] -= 1
        if not self._waiting[bot]:
            del self._waiting[bot]
            if not self._waiting:
                self._levels.clear()

    def charge(self, bot: str, part: float, share: float) -> None:
        """A waiting bot of weight `share` was granted `part` of a limit."""
        share = max(share, _LEAST_SHARE)
        level = self._levels[bot]
        self._levels[bot] = max(level, min(level + part / share, self._lowest() + 1 / share))

    def _lowest(self) -> float:
        return min((self._levels[bot] for bot in self._waiting), default=0.0)
