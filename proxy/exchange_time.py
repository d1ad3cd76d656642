"""How far an exchange's clock is from ours, learned from the Date of its answers or from its time endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from proxy.clock import Clock
from proxy.limits.ledger import MemoryLedger

_START_MS = 1000


@dataclass(frozen=True, slots=True)
class Offset:
    """Exchange time minus ours lies between low_ms and high_ms."""

    low_ms: float = -_START_MS
    high_ms: float = _START_MS

    @property
    def middle_ms(self) -> int:
        return round((self.low_ms + self.high_ms) / 2)

    @property
    def error_ms(self) -> float:
        return (self.high_ms - self.low_ms) / 2


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
        self._offsets: dict[str, Offset] = {}
        self._last_date: dict[str, bytes] = {}

    def wall_ms(self, exchange: str) -> int:
        """The exchange's wall time, as well as we know it."""
        offset = self._offsets.get(exchange)
        return self._clock.wall_ms() + (offset.middle_ms if offset is not None else 0)

    def offsets_ms(self) -> Mapping[str, float]:
        return {exchange: offset.middle_ms for exchange, offset in self._offsets.items()}

    def read_date(self, exchange: str, date: bytes, elapsed_ns: int) -> None:
        """Learn from the Date of an answer that took `elapsed_ns`; only a second that is new tells anything."""
        if date and date != self._last_date.get(exchange):
            self._last_date[exchange] = date
            server_ms = date_ms(date)
            if server_ms is not None:
                self._learn(exchange, self._offsets.get(exchange, Offset()), server_ms, 1000, elapsed_ns)

    def read_time(self, exchange: str, server_ms: int, elapsed_ns: int) -> None:
        """Start afresh from the exchange's own time endpoint."""
        unknown = Offset(float("-inf"), float("inf"))
        self._learn(exchange, unknown, server_ms, 1, elapsed_ns)

    def _learn(self, exchange: str, offset: Offset, server_ms: float, resolution_ms: float, elapsed_ns: int) -> None:
        now_ms = self._clock.wall_ms()
        offset = narrowed(offset, server_ms, resolution_ms, now_ms - elapsed_ns / 1e6, now_ms)
        self._offsets[exchange] = offset
        align = self._ledger.alignment(exchange)
        align.offset_ns = (now_ms + offset.middle_ms) * 1_000_000 - self._clock.now_ns()
        align.error_ns = int(offset.error_ms * 1e6) + 1_000_000
