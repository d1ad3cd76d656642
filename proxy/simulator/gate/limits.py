"""What Gate allows, unless a simulation says otherwise (frequency limit rule)."""

from dataclasses import dataclass

Rate = tuple[int, float]  # requests, seconds


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a group of endpoints may be asked. `spot`, `futures`, `wallet`, `other` and `public` count per endpoint.

    `spot_place`: also per market. `spot_ratio`: filled USDT per order request of the last day below which spot orders
    are slowed down for an hour (0: never; the exchange tells no number). `unfilled_day`: requests about perpetuals in
    a day without a fill after which they are slowed down for an hour. `slow`: what is left to who is slowed down.
    """

    public: Rate = (200, 10.0)
    spot_place: Rate = (10, 1.0)
    spot_cancel: Rate = (200, 1.0)
    spot: Rate = (200, 10.0)
    futures_place: Rate = (100, 1.0)
    futures_cancel: Rate = (200, 1.0)
    futures: Rate = (200, 10.0)
    withdraw: Rate = (1, 3.0)
    push: Rate = (1, 10.0)
    transfer: Rate = (80, 10.0)
    wallet: Rate = (200, 10.0)
    other: Rate = (150, 10.0)
    spot_ratio: float = 0.0
    unfilled_day: int = 86_400
    slow: Rate = (10, 10.0)
