"""The exchanges that can be served: one line each."""

from collections.abc import Mapping

from proxy.exchanges import (
    binance,
    bybit,
    coinbase,
    cryptocom,
    gate,
    htx,
    kraken,
    krakenfutures,
    kucoin,
    okx,
    poloniex,
)
from proxy.exchanges.form import Exchange

EXCHANGES: Mapping[str, Exchange] = {
    module.EXCHANGE.name: module.EXCHANGE
    for module in (
        binance,
        bybit,
        coinbase,
        cryptocom,
        gate,
        htx,
        kraken,
        krakenfutures,
        kucoin,
        okx,
        poloniex,
    )
}
