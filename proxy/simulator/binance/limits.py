"""What Binance allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BinanceLimits:
    weight_1m: int = 6000
    raw_5m: int = 300_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    sapi_ip_1m: int = 12_000
    futures_weight_1m: int = 2400
    ban_after: int = 5  # refused requests of an address inside one minute before the 418
    ban_seconds: int = 120  # doubles with every further ban, up to three days
