"""What stood in the way of a call on every route, and the one wait to name for all of them."""

from dataclasses import replace

from proxy.limits.window import NEVER_NS
from proxy.model import NotUntil, Scope


class Refused:
    """The routes that were looked at in vain."""

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
