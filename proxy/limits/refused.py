"""The routes that were looked at in vain, and what their caller is told."""

from dataclasses import replace

from proxy.limits.window import NEVER_NS
from proxy.model import NotUntil, Scope


class Refused:
    """Of several ways, each with what holds it, the one that is free first."""

    __slots__ = ("_first", "_in_flight")

    def __init__(self) -> None:
        self._first: NotUntil | None = None
        self._in_flight: NotUntil | None = None

    def add(self, found: NotUntil) -> None:
        if found.wait_ns is None:
            self._in_flight = self._in_flight or found
        elif self._first is None or self._first.wait_ns is None or found.wait_ns < self._first.wait_ns:
            self._first = found

    def shortest(self) -> NotUntil:
        """A dead route does not hide one that is only busy."""
        if self._first is None or self._first.wait_ns is None:
            return self._in_flight or NotUntil(NEVER_NS, Scope.KEY, "no route")
        if self._in_flight is not None:
            hopeless = self._first.wait_ns >= NEVER_NS // 2
            return self._in_flight if hopeless else replace(self._first, sooner=True)
        return self._first


def later(one: NotUntil, other: NotUntil) -> NotUntil:
    """Of two things that are both in the way, the one that stays longer; the first if that is the same.

    A time is told before "when a call in flight has ended": by then that is over too, or is told anew.
    """
    if other.wait_ns == 0 or (one.wait_ns is not None and one.wait_ns > 0 and other.wait_ns is None):
        return one
    if one.wait_ns == 0 or one.wait_ns is None:
        return other
    assert other.wait_ns is not None
    return one if one.wait_ns >= other.wait_ns else other
