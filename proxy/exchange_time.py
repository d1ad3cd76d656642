"""How far an exchange's clock is from ours, learned from the Date of its answers or from its time endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf

from proxy.clock import Clock
from proxy.limits.ledger import MemoryLedger

_DRIFT = 1e-4  # clocks of computers run apart by less than this; an old answer tells less
_GRACE_NS = 2_000_000  # our own times are whole milliseconds, and so is the best guess
_AGAIN_NS = 50_000_000  # within one second of the exchange's, this often is enough


@dataclass(frozen=True, slots=True)
class Offset:
    """Exchange time minus ours lies between low_ms and high_ms."""

    low_ms: float = -inf
    high_ms: float = inf

    @property
    def best_ms(self) -> int:
        """0 as long as nothing contradicts our own clock, which somebody keeps; else the middle."""
        return 0 if self.low_ms <= 0 <= self.high_ms else round((self.low_ms + self.high_ms) / 2)

    @property
    def error_ms(self) -> float:
        """How far off `best_ms` may be."""
        return max(self.high_ms - self.best_ms, self.best_ms - self.low_ms)

    def aged(self, age_ns: int) -> "Offset":
        """What is left of it after a while."""
        drift_ms = age_ns * _DRIFT / 1e6
        return Offset(self.low_ms - drift_ms, self.high_ms + drift_ms)


def narrowed(offset: Offset, server_ms: float, resolution_ms: float, sent_ms: float, answered_ms: float) -> Offset:
    """The offset after an answer that says `server_ms` (cut to `resolution_ms`), read between sending and answer.

    Two answers that contradict each other mean that a clock was set: then only the newer one counts.
    """
    low = server_ms - answered_ms
    high = server_ms + resolution_ms - sent_ms
    # One millisecond of grace: our own times are whole milliseconds.
    if low - 1 > offset.high_ms or high + 1 < offset.low_ms:
        return Offset(low, high)
    narrow = Offset(max(low, offset.low_ms), min(high, offset.high_ms))
    return narrow if narrow.low_ms <= narrow.high_ms else Offset(narrow.high_ms, narrow.low_ms)


def date_ms(value: bytes) -> int | None:
    """A Date header in Unix ms, or None."""
    try:
        return int(parsedate_to_datetime(value.decode("ascii")).timestamp()) * 1000
    except (ValueError, TypeError, UnicodeDecodeError):
        return None


class ExchangeClocks:
    """The offsets of all exchanges. Fixed windows in the ledger follow them."""

    def __init__(self, clock: Clock, ledger: MemoryLedger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._offsets: dict[str, tuple[Offset, int]] = {}  # and when it was learned
        self._last_ahead_ns = self._ahead_ns()
        self._last_date: dict[str, tuple[bytes, int | None]] = {}

    def wall_ms(self, exchange: str) -> int:
        """The exchange's wall time, as well as we know it."""
        known = self._offsets.get(exchange)
        return self._clock.wall_ms() + (known[0].best_ms if known is not None else 0)

    def offsets_ms(self) -> Mapping[str, float]:
        return {exchange: offset.best_ms for exchange, (offset, _) in self._offsets.items()}

    def read_date(self, exchange: str, date: bytes, elapsed_ns: int) -> None:
        """Learn from the Date of an answer that took `elapsed_ns`.

        The first answer of a second tells that it has begun, the last one that it is not over yet.
        """
        if not date:
            return
        last_date, server_ms = self._last_date.get(exchange, (b"", None))
        offset, learned_ns = self._offsets.get(exchange, (Offset(), 0))
        if date != last_date:
            server_ms = date_ms(date)
            self._last_date[exchange] = (date, server_ms)
        elif self._clock.now_ns() - learned_ns < _AGAIN_NS and not self._was_set():
            return
        if server_ms is not None:
            self._learn(exchange, offset.aged(self._clock.now_ns() - learned_ns), server_ms, 1000, elapsed_ns)

    def read_time(self, exchange: str, server_ms: int, elapsed_ns: int) -> None:
        """Start afresh from the exchange's own time endpoint."""
        self._learn(exchange, Offset(), server_ms, 1, elapsed_ns)

    def _was_set(self) -> bool:
        return abs(self._ahead_ns() - self._last_ahead_ns) > _AGAIN_NS

    def _ahead_ns(self) -> int:
        """Our wall clock over the monotonic one; it changes when somebody sets the wall clock."""
        return self._clock.wall_ms() * 1_000_000 - self._clock.now_ns()

    def _learn(self, exchange: str, offset: Offset, server_ms: float, resolution_ms: float, elapsed_ns: int) -> None:
        now_ms, now_ns = self._clock.wall_ms(), self._clock.now_ns()
        self._last_ahead_ns = self._ahead_ns()
        offset = narrowed(offset, server_ms, resolution_ms, now_ms - elapsed_ns / 1e6, now_ms)
        self._offsets[exchange] = (offset, now_ns)
        ahead_ns = (now_ms + offset.best_ms) * 1_000_000 - now_ns
        self._ledger.alignment(exchange).set(ahead_ns, int(offset.error_ms * 1e6) + _GRACE_NS)
