"""Simulated exchanges, each from the exchange's side: a folder per exchange and a line in venues.py.

Nothing here comes from the rest of the package: the rules are read a second time from the
exchanges' documents, so that one misreading cannot agree with itself.
"""

from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.bybit.limits import BybitLimits
from proxy.simulator.clock import ManualClock, RealClock, SimClock
from proxy.simulator.config_file import config_from
from proxy.simulator.cryptocom.limits import CryptocomLimits
from proxy.simulator.faults import Fault
from proxy.simulator.gate.limits import GateLimits
from proxy.simulator.htx.limits import HtxLimits
from proxy.simulator.kraken.limits import KrakenLimits
from proxy.simulator.krakenfutures.limits import KrakenfuturesLimits
from proxy.simulator.ledger import Entry, Ledger, Withdrawal
from proxy.simulator.records import (
    MarketSpec,
    SimAccount,
    SimConfig,
    SimKey,
)
from proxy.simulator.server import Simulator

__all__ = [
    "BinanceLimits",
    "BybitLimits",
    "CryptocomLimits",
    "Entry",
    "Fault",
    "GateLimits",
    "HtxLimits",
    "KrakenLimits",
    "KrakenfuturesLimits",
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
    "config_from",
]
