"""What Kraken allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KrakenLimits:
    """Key and engine counters follow the account's tier; `rest` and `engine` override (capacity, decay per s)."""

    rest: tuple[float, float] | None = None
    engine: tuple[float, float] | None = None
    public: tuple[float, float] = (30.0, 1.0)  # not published; about one call a second is recommended
    open_orders: int | None = None
    lockout_after: int = 10  # wrong nonces, signatures or keys in a row
    lockout_seconds: int = 60  # every call while locked out starts it again
