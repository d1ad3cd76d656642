"""What Binance allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BinanceLimits:
    weight_1m: int = 6000
    raw_5m: int = 300_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    sapi_ip_1m: int = 12_000
    futures_weight_1m: int = 2400  # /fapi and /dapi together
    futures_orders_10s: int = 300  # an account's, over USD-M and COIN-M
    futures_orders_1m: int = 1200
    futures_data_5m: int = 1000  # requests to /futures/data
    funding_5m: int = 500  # requests to fundingRate and fundingInfo together
    portfolio_weight_1m: int = 6000
    portfolio_orders_1m: int = 1200
    ban_after: int = 5  # refused requests of an address inside one minute before the 418
    ban_seconds: int = 120  # doubles with every further ban, up to three days
