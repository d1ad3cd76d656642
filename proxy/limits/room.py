"""Whether a place has room for its charges now, and how long it has none at least."""

from proxy.limits.blocks import Blocks
from proxy.limits.counters import Counters
from proxy.limits.fixed_window import FixedWindow
from proxy.limits.plan import Place
from proxy.limits.window import Window
from proxy.model import Charge


def free(now_ns: int, place: Place, counters: Counters, blocks: Blocks | None) -> bool:
    """Nothing blocks it, and every charge fits. `blocks` None: nobody rests."""
    if blocks is not None:
        for subject in place.subjects:
            if blocks.wait_ns(subject, now_ns) != 0:
                return False
    unproved = counters.unproved
    for window, charge in place.bookings:
        if window.capacity != charge.limit.capacity:
            counters.capacities.fit(now_ns, window, charge.limit)
        if unproved and window in unproved and window.in_flight:
            return False
        wait_ns = window.wait_ns(now_ns, charge.units, charge.kept)
        if wait_ns != 0 and not (charge.shares and _undrawn(now_ns, window, charge) == 0):
            return False
    return True


def wait(now_ns: int, place: Place, counters: Counters, blocks: Blocks) -> tuple[int | None, str]:
    """The longest of all waits and what imposes it; None if nothing but calls in flight is in the way."""
    longest_ns = 0
    what = in_flight = ""
    for subject in place.subjects:
        wait_ns = blocks.wait_ns(subject, now_ns)
        if wait_ns is None:
            in_flight = blocks.reason(subject)
        elif wait_ns > longest_ns:
            longest_ns, what = wait_ns, blocks.reason(subject)
    for window, charge in place.bookings:
        wait_ns = _undrawn(now_ns, window, charge)
        if wait_ns == 0 and window.in_flight and window in counters.unproved:
            wait_ns = None
        if wait_ns is None:
            in_flight = charge.limit.name
        elif wait_ns > longest_ns:
            longest_ns, what = wait_ns, charge.limit.name
    return (None, in_flight) if in_flight and not longest_ns else (longest_ns, what)


def _undrawn(now_ns: int, window: Window, charge: Charge) -> int | None:
    """The wait of a charge that leaves to others what they have not drawn of their shares yet."""
    kept = charge.kept
    if charge.shares and isinstance(window, FixedWindow):
        kept = window.owed(now_ns, charge.shares)
    return window.wait_ns(now_ns, charge.units, kept)
