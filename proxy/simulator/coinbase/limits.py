"""What Coinbase allows, unless a simulation says otherwise (Advanced Trade rate limits, Coinbase App policy)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoinbaseLimits:
    """Requests per second, or per hour where a name says so. Private ones are counted by user and by key, public ones
    by address: current pages no longer say which of the older numbers hold, so all of them do here.

    `reset_epoch`: the unit of x-ratelimit-reset is published nowhere: Unix time, else seconds left.
    """

    user: int = 30
    key: int = 30
    key_1h: int = 10_000
    public: int = 10
    reset_epoch: bool = False
