"""Weighted fair shares among bots that wait for the same things: arithmetic over virtual time, without a clock.

A bot's level is what it was granted, in shares of a limit, divided by its weight; the lowest goes first. A bot that
comes back starts no lower than those who waited, so nobody saves up; nor does anybody owe more than one whole limit,
so that what a bot took where it disturbed nobody cannot shut it out for long.
"""

from proxy.model import Ask

_LEAST_SHARE = 1e-3


def part_of(ask: Ask) -> float:
    """What a granted call takes: the largest share of a limit's capacity among its charges; 1 without any."""
    return min(max((charge.units / charge.limit.capacity for charge in ask.charges), default=1.0), 1.0)


class Contest:
    """The levels of the bots that compete. Forgets everything once nobody waits."""

    __slots__ = ("_levels", "_waiting")

    def __init__(self) -> None:
        self._levels: dict[str, float] = {}
        self._waiting: dict[str, int] = {}  # bot -> how many of its calls wait

    def level(self, bot: str) -> float:
        """Where a bot stands, or would if it came now."""
        level = self._levels.get(bot, 0.0)
        return level if bot in self._waiting else max(level, self._lowest())

    def lead(self, bot: str) -> float:
        """The level as far as it matters to others: 0 for a bot that waits alone."""
        return self._levels[bot] if len(self._waiting) > 1 else 0.0

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
