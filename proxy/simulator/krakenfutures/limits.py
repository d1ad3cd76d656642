"""What Kraken Futures allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KrakenfuturesLimits:
    """`points` in 10 s for /derivatives; `tokens` for /history, a full pool in 10 minutes; both by account and by
    address: the rate-limit guide speaks of clients, the error of the calling address, so every call is charged to both.

    `status`: HTTP status of a refusal for too many requests. `public`: market data costs nothing; this many calls in
    10 s by address is no published figure. `known_s`: how long orders/status knows a done order. `nonce_window`: how
    far, in its own unit, a nonce may lie below the highest one (some out-of-order arrival is tolerated, how much is
    not published).
    """

    points: int = 500
    tokens: int = 100
    public: int = 1000
    status: int = 429
    known_s: int = 5
    nonce_window: int = 0
