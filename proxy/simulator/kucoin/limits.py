"""What KuCoin allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KucoinLimits:
    """Weight per window; the figures are those of VIP level 0.

    Private pools are counted by account (UID), `public` by address. `cdn`: requests of an address in 10 s before it is
    shown error 1015 for `cdn_block_s`. `endpoint`: requests of an account to one endpoint in 10 s before code 200002
    for 10 s, as the old documents have it; 0: not enforced, since the new ones do not know it.
    """

    spot: int = 4000
    futures: int = 2000
    management: int = 2000
    public: int = 2000
    unified: int = 200
    window_s: float = 30.0
    unified_window_s: float = 3.0
    cdn: int = 500
    cdn_block_s: float = 30.0
    endpoint: int = 0
    batch: int = 5  # orders in one spot batch
    futures_batch: int = 20
    futures_cancels: int = 10  # orders cancelled by one futures batch
