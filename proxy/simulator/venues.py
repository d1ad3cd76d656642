"""The exchanges that are simulated: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.venue import BinanceVenue
from proxy.simulator.bybit.limits import BybitLimits
from proxy.simulator.bybit.venue import BybitVenue
from proxy.simulator.coinbase.limits import CoinbaseLimits
from proxy.simulator.coinbase.venue import CoinbaseVenue
from proxy.simulator.cryptocom.limits import CryptocomLimits
from proxy.simulator.cryptocom.venue import CryptocomVenue
from proxy.simulator.gate.limits import GateLimits
from proxy.simulator.gate.venue import GateVenue
from proxy.simulator.htx.limits import HtxLimits
from proxy.simulator.htx.venue import HtxVenue
from proxy.simulator.kraken.limits import KrakenLimits
from proxy.simulator.kraken.venue import KrakenVenue
from proxy.simulator.krakenfutures.limits import KrakenfuturesLimits
from proxy.simulator.krakenfutures.venue import KrakenfuturesVenue
from proxy.simulator.kucoin.limits import KucoinLimits
from proxy.simulator.kucoin.venue import KucoinVenue
from proxy.simulator.okx.limits import OkxLimits
from proxy.simulator.okx.venue import OkxVenue
from proxy.simulator.poloniex.limits import PoloniexLimits
from proxy.simulator.poloniex.venue import PoloniexVenue
from proxy.simulator.venue import Floor, Venue


@dataclass(frozen=True, slots=True)
class Kind:
    """`limits`: its record of limits. `doors`: its products that have a host of their own, the usual one first."""

    venue: Callable[[Floor], Venue]
    limits: type
    doors: tuple[str, ...]


VENUES: Mapping[str, Kind] = {
    "binance": Kind(BinanceVenue, BinanceLimits, ("spot",)),
    "kraken": Kind(KrakenVenue, KrakenLimits, ("spot",)),
    "cryptocom": Kind(CryptocomVenue, CryptocomLimits, ("api",)),
    "okx": Kind(OkxVenue, OkxLimits, ("api",)),
    "coinbase": Kind(CoinbaseVenue, CoinbaseLimits, ("api",)),
    "htx": Kind(HtxVenue, HtxLimits, ("spot", "swap")),
    "krakenfutures": Kind(KrakenfuturesVenue, KrakenfuturesLimits, ("api",)),
    "kucoin": Kind(KucoinVenue, KucoinLimits, ("spot", "futures")),
    "poloniex": Kind(PoloniexVenue, PoloniexLimits, ("spot",)),
    "bybit": Kind(BybitVenue, BybitLimits, ("api",)),
    "gate": Kind(GateVenue, GateLimits, ("api",)),
}
EXCHANGES = tuple(VENUES)


def doors_of(exchange: str) -> tuple[str, ...]:
    return VENUES[exchange].doors
