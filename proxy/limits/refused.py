"""The routes that were looked at in vain, and what their caller is told."""

from dataclasses import replace

from proxy.limits.window import NEVER_NS
from proxy.model import NotUntil, Scope


class Refused:
    """Collects waits; None: not before a call in flight has ended."""

    __slots__ = ("_first", "_in_flight")

    def __init__(self) -> None:
        self._first: NotUntil | None = None
        self._in_flight: NotUntil | None = None

    def add(self, wait_ns: int | None, scope: Scope, what: str) -> None:
        if wait_ns is None:
            self._in_flight = self._in_flight or NotUntil(None, scope, what)
        elif self._first is None or self._first.wait_ns is None or wait_ns < self._first.wait_ns:
            self._first = NotUntil(wait_ns, scope, what)

    def shortest(self) -> NotUntil:
        """A dead route does not hide one that is only busy."""
        if self._first is None or self._first.wait_ns is None:
            return self._in_flight or NotUntil(NEVER_NS, Scope.KEY, "no route")
        if self._in_flight is not None:
            hopeless = self._first.wait_ns >= NEVER_NS // 2
            return self._in_flight if hopeless else replace(self._first, sooner=True)
        return self._first
