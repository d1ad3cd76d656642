"""An account's futures wallets: one per product, apart from spot's, with its settings, timers and positions."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveAccount
from proxy.simulator.binance.futures.contracts import contract_of
from proxy.simulator.market import Market
from proxy.simulator.orders import Desk, Order

_DAY_MS = 86_400_000


@dataclass(slots=True)
class Modes:
    """`dual`: hedge mode, of USD-M and COIN-M together, whose `desks` these are."""

    desks: tuple[Desk, Desk]
    dual: bool = False


@dataclass(slots=True)
class Algo:
    """A conditional order that waits. `params`: what its order will be asked for with."""

    number: int
    client_id: str
    market: Market
    params: dict[str, str]
    trigger: Decimal
    created_ms: int
    status: str = "NEW"  # NEW, CANCELED, FINISHED (its order was placed) or REJECTED
    updated_ms: int = 0

    def reached(self) -> bool:
        falling = (self.params["side"] == "SELL") == self.params["type"].startswith("STOP")
        return self.market.last <= self.trigger if falling else self.market.last >= self.trigger


@dataclass(slots=True)
class Wallet:
    """By symbol: `leverage`, `isolated`, `timers` (when all its orders are cancelled, ms)."""

    desk: Desk
    modes: Modes
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    timers: dict[str, float] = field(default_factory=dict)
    algos: dict[int, Algo] = field(default_factory=dict)
    amendments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # by order number, oldest first

    def settle(self, now_ms: int) -> None:
        """Let timers, dates and prices do their work since the last look."""
        self.desk.match(now_ms)
        for symbol, at_ms in list(self.timers.items()):
            if now_ms >= at_ms:
                del self.timers[symbol]
                for order in self.desk.open_orders():
                    if contract_of(order.market).symbol == symbol:
                        self.desk.cancel(order, int(at_ms))
        for order in self.desk.open_orders():
            if int(order.tags.get("goodTillDate", "0")) and now_ms >= int(order.tags["goodTillDate"]):
                self.desk.expire(order, int(order.tags["goodTillDate"]))

    def position(self, market: Market, side: str) -> tuple[Decimal, Decimal]:
        """Quantity, below 0 if short, and entry price. `side`: BOTH, LONG or SHORT."""
        orders = self.desk.all_orders(market)
        return held(order for order in orders if order.tags.get("positionSide", "BOTH") == side)

    def visible(self, order: Order, now_ms: int) -> bool:
        """Orders that ended unfilled are forgotten after three days, all after 90."""
        if order.open:
            return True
        return now_ms - order.updated_ms < (90 if order.filled else 3) * _DAY_MS


def held(orders: Iterable[Order]) -> tuple[Decimal, Decimal]:
    """What a sequence of fills leaves, and at which average price it was entered."""
    quantity, entry = Decimal(0), Decimal(0)
    for order in sorted(orders, key=lambda order: order.updated_ms):
        change = order.filled if order.side == "BUY" else -order.filled
        if not change:
            continue
        after = quantity + change
        if not after:
            entry = Decimal(0)
        elif quantity * after <= 0:
            entry = order.average
        elif abs(after) > abs(quantity):
            entry = (entry * abs(quantity) + order.average * abs(change)) / abs(after)
        quantity = after
    return quantity, entry


def wallets(account: LiveAccount, kept: int) -> dict[str, Wallet]:
    """Each begins with what the account has."""
    linear, inverse = (Desk(account.name, account.spec.balances, kept) for _ in range(2))
    modes = Modes((linear, inverse))
    return {"usdm": Wallet(linear, modes), "coinm": Wallet(inverse, modes)}
