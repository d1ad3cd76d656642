"""The exchanges that are simulated: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.venue import BinanceVenue
from proxy.simulator.cryptocom.limits import CryptocomLimits
from proxy.simulator.cryptocom.venue import CryptocomVenue
from proxy.simulator.kraken.limits import KrakenLimits
from proxy.simulator.kraken.venue import KrakenVenue
from proxy.simulator.venue import Floor, Venue


@dataclass(frozen=True, slots=True)
class Kind:
    """`limits`: its record of limits. `doors`: its products that have a host of their own, the usual one first."""

    venue: Callable[[Floor], Venue]
    limits: type
    doors: tuple[str, ...]


VENUES: Mapping[str, Kind] = {
    "binance": Kind(BinanceVenue, BinanceLimits, ("spot", "usdm", "coinm", "portfolio")),
    "kraken": Kind(KrakenVenue, KrakenLimits, ("spot",)),
    "cryptocom": Kind(CryptocomVenue, CryptocomLimits, ("api",)),
}
EXCHANGES = tuple(VENUES)
