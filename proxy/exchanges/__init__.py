"""The exchanges that can be served: one line each."""

from collections.abc import Mapping

from proxy.exchanges import binance, coinbase, cryptocom, kraken, poloniex
from proxy.exchanges.form import Exchange

EXCHANGES: Mapping[str, Exchange] = {
    module.EXCHANGE.name: module.EXCHANGE for module in (binance, coinbase, cryptocom, kraken, poloniex)
}
