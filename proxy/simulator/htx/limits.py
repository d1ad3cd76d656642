"""What HTX allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HtxLimits:
    """Capacities; the windows are the exchange's.

    Spot, signed, by UID and endpoint: `fast`, `usual`, `slow`, `history`, `cancel_all` and `pairs` in 2 s; `transfer`
    and `money` in 1 s; `default` in 1 s by key. Spot, public, by address and endpoint: `market`, `depth`, `trades` in
    5 min, `common` in 1 s (not published). Swap: `swap_trade` and `swap_read` in 3 s by UID, `swap_public` in 3 s and
    `swap_market` in 1 s by address, `lever` in 3 s.

    `status`: HTTP status of a refusal for too many requests: none is documented, 200 and 429 are both seen.
    `behind_s`, `ahead_s`: how far a Timestamp may be off. `ban_orders`, `ban_ratio`: the cancel-ratio rule.
    `ids_kept_s`: how long swap remembers a client id for its duplicate check (not published; it can be asked for 8 h).
    """

    fast: int = 100
    usual: int = 50
    slow: int = 20
    history: int = 5
    cancel_all: int = 1
    pairs: int = 2
    transfer: int = 1
    money: int = 20
    default: int = 10
    market: int = 4500
    depth: int = 4000
    trades: int = 3000
    common: int = 100
    swap_trade: int = 72
    swap_read: int = 72
    swap_public: int = 240
    swap_market: int = 800
    lever: int = 1
    status: int = 200
    behind_s: int = 300
    ahead_s: int = 60
    ban_orders: int = 3000
    ban_ratio: float = 0.99
    ids_kept_s: int = 8 * 3600
