"""How far an exchange's clock is from ours, from the Date of its answers and its own refusals. Pure."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

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
