"""One counter as plain JSON data, and back."""

from dataclasses import dataclass
from typing import Any

from proxy.limits.fixed_window import Alignment
from proxy.limits.takings import Key
from proxy.limits.window import Window
from proxy.limits.windows import window_for
from proxy.model import Charge, Limit, Scope, Shape


@dataclass(frozen=True, slots=True)
class Saved:
    """A counter with what is known of its capacity (limits/capacities.py). `peak`: see limits/takings.py."""

    key: Key
    window: Window
    charge: Charge
    exchange: str
    learned: tuple[float, float] | None
    taught: tuple[float, int] | None
    peak: float
    in_flight: float


def row_of(saved: Saved, now_ns: int) -> dict[str, Any]:
    limit, taught = saved.charge.limit, saved.taught
    return {
        "key": list(saved.key),
        "exchange": saved.exchange,
        "scope": limit.scope.value,
        "shape": limit.shape.value,
        "window_ns": limit.window_ns,
        "capacity": limit.capacity,
        "per": limit.per,
        "falls": limit.falls,
        "in_force": saved.window.capacity,
        "learned": list(saved.learned) if saved.learned else None,
        "taught": [taught[0], taught[1] - now_ns] if taught else None,
        "in_flight": saved.in_flight,
        "peak": saved.peak,
        "booked": saved.window.state(now_ns),
    }


def saved_of(row: dict[str, Any], exchange: str, align: Alignment, saved_ns: int) -> Saved:
    """A new window with what was booked at `saved_ns`; calls in flight are left to the caller. Raises what bad data
    raises."""
    key = tuple(str(part) for part in row["key"])
    capacity, window_ns, per = float(row["capacity"]), int(row["window_ns"]), str(row["per"])
    scope, shape, falls = Scope(row["scope"]), Shape(row["shape"]), bool(row.get("falls", False))
    limit = Limit(key[0], scope, shape, capacity, window_ns, per, falls=falls)
    window = window_for(limit, align)
    learned = taught = None
    if row["learned"] is not None:
        told, table = row["learned"]
        learned = (float(told), float(table))
    if row.get("taught") is not None:
        most, rest_ns = row["taught"]
        taught = (float(most), saved_ns + int(rest_ns))
    window.capacity = float(row["in_force"])
    window.restore(row["booked"], saved_ns)
    units, peak = float(row["in_flight"]), float(row["peak"])
    return Saved(key, window, Charge(limit, 0.0, key[-1]), exchange, learned, taught, peak, units)
