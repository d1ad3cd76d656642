"""Simulated exchanges that speak Binance spot, Kraken spot and Crypto.com from the exchange's side.

Nothing here comes from the rest of the package: the rules are read a second time from the
exchanges' documents, so that one misreading cannot agree with itself.
"""

from proxy.simulator.clock import ManualClock, RealClock, SimClock
from proxy.simulator.faults import Fault
from proxy.simulator.ledger import Entry, Ledger, Withdrawal
from proxy.simulator.records import (
    BinanceLimits,
    CryptocomLimits,
    KrakenLimits,
    MarketSpec,
    SimAccount,
    SimConfig,
    SimKey,
)
from proxy.simulator.server import Simulator

__all__ = [
    "BinanceLimits",
    "CryptocomLimits",
    "Entry",
    "Fault",
    "KrakenLimits",
    "Ledger",
    "ManualClock",
    "MarketSpec",
    "RealClock",
    "SimAccount",
    "SimClock",
    "SimConfig",
    "SimKey",
    "Simulator",
    "Withdrawal",
]
