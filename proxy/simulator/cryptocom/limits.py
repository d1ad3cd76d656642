"""What Crypto.com allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CryptocomLimits:
    """Capacities; the windows are the exchange's (100 ms, or 1 s for the slow two, staking and public).

    `by_account`: private methods are counted by account, as the help centre has it, not by key as the reference says.
    """

    order: int = 15
    detail: int = 30
    slow: int = 1
    staking: int = 50
    other: int = 3
    public: int = 100
    by_account: bool = False
