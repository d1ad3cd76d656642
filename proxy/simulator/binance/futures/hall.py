"""Who asks the futures: the seat of a caller, and the answers of hosts other than spot's."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.binance.futures import algo, contracts, portfolio
from proxy.simulator.binance.futures.data import PUBLIC
from proxy.simulator.binance.futures.order import Seat
from proxy.simulator.binance.futures.rows import COINM, USDM
from proxy.simulator.binance.futures.runs import KEYED
from proxy.simulator.binance.futures.wallet import Wallet, wallets
from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.rows import Row
from proxy.simulator.counters import FixedWindows
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

TABLES: Mapping[str, Mapping[tuple[str, str], Row]] = {
    "usdm": USDM,
    "coinm": COINM,
    "portfolio": portfolio.PORTFOLIO,
}


class Futures:
    """The wallets of all accounts, and their order counts: USD-M and COIN-M together, portfolio margin apart."""

    def __init__(self, floor: Floor, limits: BinanceLimits) -> None:
        self.floor = floor
        contracts.spell(floor)
        self.orders_10s = FixedWindows(limits.futures_orders_10s, 10_000)
        self.orders_1m = FixedWindows(limits.futures_orders_1m, 60_000)
        self.portfolio_1m = FixedWindows(limits.portfolio_orders_1m, 60_000)
        self._wallets: dict[str, dict[str, Wallet]] = {}

    def _of(self, key: LiveKey) -> dict[str, Wallet]:
        found = self._wallets.get(key.account.name)
        if found is None:
            found = self._wallets[key.account.name] = wallets(key.account, self.floor.config.orders_kept)
        return found

    def public(self, row: Row, asked: Asked, params: Mapping[str, str]) -> Any:
        return PUBLIC[row.run](self.floor, asked.product, params, asked.now_ms)

    def seat(self, key: LiveKey, params: Mapping[str, str], asked: Asked) -> Seat:
        whole = asked.product == "portfolio"
        product = portfolio.product_of(asked.path) if whole else asked.product
        minute, short = (self.portfolio_1m, None) if whole else (self.orders_1m, self.orders_10s)
        return Seat(self.floor, key, params, asked, product, self._of(key)[product], minute, short)

    def run(self, row: Row, seat: Seat) -> Any:
        """Orders are counted first, whatever becomes of them."""
        for wallet in self._of(seat.key).values():
            wallet.settle(seat.now_ms)
        algo.trigger_algos(seat)
        counted = any(row.orders)
        if counted:
            seat.count_orders(*row.orders)
        if row.run == "portfolio_balance":
            told = portfolio.balances(self._of(seat.key), seat.now_ms)
            return [r for r in told if seat.params.get("asset", r["asset"]) == r["asset"]]
        answer = KEYED[row.run](seat)
        if counted:
            seat.show_counts()
        return answer
