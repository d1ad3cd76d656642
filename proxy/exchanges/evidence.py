"""What the looks of several exchanges have in common: numbers, times, and lists that prove something by what they lack.

A name is one order's at a time only, so an order of that name may be an earlier or a later one: when it was made and
when it ended tells them apart, as far as two clocks agree (SKEW_MS).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from proxy.exchanges.lookup import SKEW_MS, Found
from proxy.model import Reply

_LISTED_MS = 5_000  # a list of open orders may lack one that is younger than this


def number(text: Any) -> Decimal | None:
    """A plain number, however it is written; None for anything else, such as a price "+5%" of the market."""
    if not isinstance(text, str | int) or isinstance(text, bool) or str(text)[:1] in ("+", "-", ""):
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def shows(pairs: Iterable[tuple[Any, Any]]) -> bool | None:
    """Whether an order shows what was asked for, given (shown, asked) of each value; None if that is not settled.

    A change is made as a whole or not at all, so a single value that differs settles it.
    """
    settled: bool | None = True
    for shown, asked in pairs:
        is_number, wanted = number(shown), number(asked)
        if is_number is None or wanted is None:
            settled = None
        elif is_number != wanted:
            return False
    return settled


def whole_ms(value: Any) -> int | None:
    """A time in ms, as a number or as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def of_the_write(*, ended_ms: int, since_ms: int, own: bool) -> bool:
    """Whether an order that has ended can be the one that a write of `since_ms` was about; `own`: it was asked for by
    the exchange's own id. One that ended before may have had the same name earlier.
    """
    return own or ended_ms >= since_ms


def swept(made_ms: Iterable[int], since_ms: int, reply: Reply) -> Found:
    """Whether a call of `since_ms` that cancels many took effect, by the orders that are open. Younger ones are not
    its business.

    None being there counts only in an answer that the exchange dates late enough: a list lags behind.
    """
    older_ms = [made for made in made_ms if made < since_ms]
    if older_ms:
        return Found.NOT_SO_FAR if min(older_ms) < since_ms - SKEW_MS else Found.CANNOT_TELL
    told_ms = _dated_ms(reply)
    return Found.DONE if told_ms is not None and told_ms >= since_ms + _LISTED_MS else Found.CANNOT_TELL


def rows(text: str) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; {} for anything else in it, so that the places stay."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return [row if isinstance(row, dict) else {} for row in found] if isinstance(found, list) else []


def _dated_ms(reply: Reply) -> int | None:
    try:
        return int(parsedate_to_datetime(reply.header(b"date").decode("ascii")).timestamp()) * 1000
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return None
