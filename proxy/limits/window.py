"""What every counter promises, whatever its shape. Time is an argument.

A call counts from the moment it is taken until it is settled ("in flight"), because the exchange books
it at some moment in between. Settling books it at the latest of these moments, so that it is never
given back too early.
"""

from typing import Any, Protocol

NEVER_NS = 1 << 62  # the wait of a call that is dearer than the whole limit
DUST = 1e-6  # units; what sums of fractions may be off by


class Window(Protocol):
    """A counter of one limit for one subject. Units may be fractions. `capacity` may be set anew at any time."""

    capacity: float
    in_flight: float

    def used(self, now_ns: int) -> float:
        """Units counted now, in flight included."""
        ...

    def wait_ns(self, now_ns: int, units: float, kept: float) -> int | None:
        """0 if `units` fit and leave `kept` free; else when they will; None: only when a call in flight has ended.

        NEVER_NS for more than the capacity. A call that leaves less than `kept` even of an idle limit goes when the
        limit is idle.
        """
        ...

    def book(self, taken_ns: int, now_ns: int, units: float) -> None:
        """Count units that were taken (and sent) at `taken_ns` and answered at `now_ns`."""
        ...

    def tell(self, taken_ns: int, now_ns: int, used: float) -> None:
        """The exchange's own count, from an answer to a call taken at `taken_ns`. Raises ours, never lowers it."""
        ...

    def state(self, now_ns: int) -> dict[str, Any]:
        """What is booked, as plain JSON data in ages (ns before `now_ns`). Calls in flight are left to the caller."""
        ...

    def restore(self, state: dict[str, Any], saved_ns: int) -> None:
        """Book what `state` told at `saved_ns`, into a window where nothing is booked yet."""
        ...
