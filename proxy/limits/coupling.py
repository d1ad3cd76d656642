"""Limits that an exchange counts by account although its documents say by key: what shows it, and for how long.

Crypto.com's reference says "per method and key", its help centre "per account". Where that is so, keys add nothing,
and turning to the next key after a refusal only spreads the offence.

One refusal can be an accident (another program with the same key, a jam at the exchange), so two keys must bear
witness. A coupling ends by itself, for the exchange may have been overloaded or may change its mind: after an hour at
first, twice as long each time it is learned anew, a day at most. What that costs an account that is counted as a whole
is two refusals a day; what a wrong coupling costs is an hour.
"""

from typing import Any

from proxy.clock import SECOND_NS
from proxy.limits.window import DUST

Pair = tuple[str, str]
"""(account, limit)"""

_WITNESSES = 2
_WITNESS_NS = 600 * SECOND_NS
_FIRST_TERM_NS = 3600 * SECOND_NS
_LONGEST_TERM_NS = 24 * _FIRST_TERM_NS


def unexplained(before: float, together: float, capacity: float) -> bool:
    """Whether a count over all keys explains a refusal, and the key's own does not.

    `before`: what the key had used when the call was sent; at most half, so that neither a burst on the way nor a
    capacity that is a little lower than told can be the cause. `together`: what all keys have used, this call included.
    """
    return before <= capacity / 2 + DUST and together > capacity + DUST


class Couplings:
    """The limits of accounts that are counted by account instead of by key. Time is an argument."""

    def __init__(self) -> None:
        self.pairs: set[Pair] = set()
        self.keys: dict[str, set[str]] = {}  # account -> keys that have counters
        self._witnesses: dict[Pair, dict[str, int]] = {}  # key -> when
        self._terms: dict[Pair, tuple[int, int]] = {}  # ends at, length; also of those that have ended

    @property
    def ever(self) -> bool:
        """Something is or was coupled."""
        return bool(self._terms)

    def witness(self, now_ns: int, pair: Pair, key: str) -> bool:
        """A refusal of this key that only a count over all keys explains. True: from now on the pair is coupled."""
        found = self._witnesses.setdefault(pair, {})
        found[key] = now_ns
        if sum(now_ns - at_ns <= _WITNESS_NS for at_ns in found.values()) < _WITNESSES:
            return False
        del self._witnesses[pair]
        known = self._terms.get(pair)
        term_ns = _FIRST_TERM_NS if known is None else min(2 * known[1], _LONGEST_TERM_NS)
        self._terms[pair] = (now_ns + term_ns, term_ns)
        self.pairs.add(pair)
        return True

    def end(self, now_ns: int) -> bool:
        """Drop those whose time is over; whether there were any."""
        over = {pair for pair in self.pairs if self._terms[pair][0] <= now_ns}
        self.pairs -= over
        return bool(over)

    def state(self, now_ns: int) -> list[list[Any]]:
        """Plain JSON data: account, limit, ns that are left (below 0: ended so long ago), length."""
        return [[*pair, ends_ns - now_ns, term_ns] for pair, (ends_ns, term_ns) in self._terms.items()]

    def restore(self, rows: list[list[Any]], now_ns: int, down_ns: int) -> None:
        """Take over a state that is `down_ns` old. All or nothing: raises what bad data raises."""
        terms: dict[Pair, tuple[int, int]] = {}
        for account, limit, left_ns, term_ns in rows:
            length_ns = min(max(int(term_ns), _FIRST_TERM_NS), _LONGEST_TERM_NS)
            terms[str(account), str(limit)] = (now_ns - down_ns + min(int(left_ns), length_ns), length_ns)
        self._terms.update(terms)
        self.pairs.update(pair for pair, (ends_ns, _) in terms.items() if ends_ns > now_ns)
