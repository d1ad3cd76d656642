"""HTX's counters: fixed windows, by UID and endpoint on spot, by UID and pool on swaps, by address for public calls."""

from dataclasses import dataclass
from typing import Literal

from proxy.simulator.counters import FixedWindows
from proxy.simulator.htx.limits import HtxLimits

Group = Literal[
    "fast",
    "usual",
    "slow",
    "history",
    "cancel_all",
    "pairs",
    "transfer",
    "money",
    "default",
    "market",
    "depth",
    "trades",
    "common",
    "swap_trade",
    "swap_read",
    "swap_public",
    "swap_market",
    "lever",
]
_WINDOW_MS: dict[str, int] = {
    **dict.fromkeys(("fast", "usual", "slow", "history", "cancel_all", "pairs", "money"), 2_000),
    **dict.fromkeys(("transfer", "default", "common", "swap_market"), 1_000),
    **dict.fromkeys(("market", "depth", "trades"), 300_000),
    **dict.fromkeys(("swap_trade", "swap_read", "swap_public", "lever"), 3_000),
}


@dataclass(frozen=True, slots=True)
class Count:
    """After a request was counted. `left` may not fall below 0; `over`: it was one too many."""

    capacity: int
    window_ms: int
    left: int
    reset_ms: int
    over: bool

    def spot_headers(self, now_ms: int) -> dict[str, str]:
        """The second one is the end of the window as Unix time in ms; the documents leave the unit open."""
        return {
            "X-HB-RateLimit-Requests-Remain": str(self.left),
            "X-HB-RateLimit-Requests-Expire": str(now_ms + self.reset_ms),
        }

    def swap_headers(self) -> dict[str, str]:
        return {
            "ratelimit-limit": str(self.capacity),
            "ratelimit-interval": str(self.window_ms),
            "ratelimit-remaining": str(self.left),
            "ratelimit-reset": str(self.reset_ms),
        }


class Counts:
    def __init__(self, limits: HtxLimits) -> None:
        self._windows = {name: FixedWindows(getattr(limits, name), window_ms) for name, window_ms in _WINDOW_MS.items()}

    def add(self, group: Group, subject: str, now_ms: int) -> Count:
        """Refused requests count too."""
        windows = self._windows[group]
        fits = windows.add(subject, 1, now_ms)
        left = max(0, windows.capacity - windows.used(subject, now_ms))
        return Count(windows.capacity, windows.window_ms, left, windows.reset_ms(now_ms), not fits)
