"""The order state of one account: balances, open and done orders, and the simplest matching there is.

Market orders fill at once; limit orders rest unless they cross the simulated price. Nothing
else trades, so a resting order fills only when the price is moved through it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from proxy.simulator.market import Market

Side = Literal["BUY", "SELL"]
Status = Literal["OPEN", "FILLED", "CANCELED", "EXPIRED"]


class NoFunds(Exception):
    """The account cannot pay for the order."""


@dataclass(slots=True)
class Order:
    number: int  # unique in the simulator, rising
    account: str
    market: Market
    side: Side
    kind: Literal["LIMIT", "MARKET"]
    quantity: Decimal
    price: Decimal | None
    client_id: str
    created_ms: int
    time_in_force: str = "GTC"
    status: Status = "OPEN"
    filled: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    updated_ms: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    parked: bool = False  # waits for something else than a price: holds nothing and is not matched

    @property
    def open(self) -> bool:
        return self.status == "OPEN"

    @property
    def average(self) -> Decimal:
        return self.filled_value / self.filled if self.filled else Decimal(0)

    def held(self) -> tuple[str, Decimal]:
        """Coin and amount that the rest of the order holds."""
        left = self.quantity - self.filled
        spec = self.market.spec
        if self.parked:
            return spec.quote, Decimal(0)
        if self.market.kind != "spot":
            return margin(self.market, left, self.price or self.market.last)
        return (spec.base, left) if self.side == "SELL" else (spec.quote, left * (self.price or Decimal(0)))


class Desk:
    """One account's trading state. `kept`: how many orders are remembered; the oldest done ones go first."""

    def __init__(self, account: str, balances: Mapping[str, str], kept: int) -> None:
        self.account = account
        self.total = {coin: Decimal(str(amount)) for coin, amount in balances.items()}
        self.held: dict[str, Decimal] = {}
        self.positions: dict[tuple[str, str, str], Decimal] = {}  # (kind, base, quote) of a perpetual; below 0: short
        self._open: dict[int, Order] = {}
        self._done: OrderedDict[int, Order] = OrderedDict()
        self._open_ids: dict[str, Order] = {}
        self._last_ids: OrderedDict[str, int] = OrderedDict()  # newest order of a client id, open or done
        self._kept = kept

    def free(self, coin: str) -> Decimal:
        return self.total.get(coin, Decimal(0)) - self.held.get(coin, Decimal(0))

    def place(
        self,
        number: int,
        market: Market,
        side: Side,
        kind: Literal["LIMIT", "MARKET"],
        quantity: Decimal,
        price: Decimal | None,
        client_id: str,
        now_ms: int,
        time_in_force: str = "GTC",
    ) -> Order:
        """Take the order in and match it. Raises NoFunds; nothing has changed then."""
        order = Order(number, self.account, market, side, kind, quantity, price, client_id, now_ms, time_in_force)
        self.take(order, now_ms)
        return order

    def take(self, order: Order, now_ms: int) -> None:
        """The same for an order made elsewhere."""
        market, spec = order.market, order.market.spec
        worst = order.price if order.price is not None else market.ask
        coin, need = (spec.quote, order.quantity * worst) if order.side == "BUY" else (spec.base, order.quantity)
        if market.kind != "spot":
            coin, need = margin(market, order.quantity, worst)
        if self.free(coin) < need:
            raise NoFunds(coin)
        order.updated_ms = now_ms
        if crosses(order, market):
            self._fill(order, market.ask if order.side == "BUY" else market.bid, now_ms)
            self._finish(order)
        elif order.kind == "MARKET" or order.time_in_force in ("IOC", "FOK"):
            order.status = "EXPIRED"
            self._finish(order)
        else:
            self._open[order.number] = order
            self._hold(order, 1)
        self._name(order)

    def _name(self, order: Order) -> None:
        """Remember the order by its client id."""
        if not order.client_id:
            return
        if order.open:
            self._open_ids[order.client_id] = order
        self._last_ids[order.client_id] = order.number
        self._last_ids.move_to_end(order.client_id)
        if len(self._last_ids) > self._kept:
            self._last_ids.popitem(last=False)

    def cancel(self, order: Order, now_ms: int) -> None:
        self._remove(order)
        order.status = "CANCELED"
        order.updated_ms = now_ms
        self._finish(order)

    def match(self, now_ms: int) -> list[Order]:
        """Fill what the price has come to; the orders filled."""
        hit = [order for order in self._open.values() if not order.parked and crosses(order, order.market)]
        for order in hit:
            self._remove(order)
            self._fill(order, order.price or order.market.last, now_ms)
            self._finish(order)
        return hit

    def park(self, order: Order) -> None:
        """Take in an order that waits: open, but it holds nothing and no price fills it before `wake`."""
        order.parked, order.updated_ms = True, order.created_ms
        self._open[order.number] = order
        self._name(order)

    def wake(self, order: Order, now_ms: int) -> None:
        """The order waits no longer and is matched; it expires where the funds are missing now."""
        order.parked, order.updated_ms = False, now_ms
        coin, need = order.held()
        if self.free(coin) < need:
            order.parked = True
            self.expire(order, now_ms)
            return
        self._hold(order, 1)
        self.match(now_ms)

    def expire(self, order: Order, now_ms: int) -> None:
        """End an open order that was not cancelled by its owner."""
        self._remove(order)
        order.status, order.updated_ms = "EXPIRED", now_ms
        self._finish(order)

    def rename(self, order: Order, client_id: str) -> None:
        """An open order gets another client id; the old one names it no longer."""
        for names in (self._open_ids, self._last_ids):
            names.pop(order.client_id, None)
        order.client_id = client_id
        self._name(order)

    def amend(self, order: Order, quantity: Decimal, price: Decimal, now_ms: int) -> None:
        """Change an open order in place. Raises NoFunds."""
        before = order.quantity, order.price
        self._hold(order, -1)
        order.quantity, order.price = quantity, price
        coin, need = order.held()
        if self.free(coin) < need:
            order.quantity, order.price = before
            self._hold(order, 1)
            raise NoFunds(coin)
        self._hold(order, 1)
        order.updated_ms = now_ms
        self.match(now_ms)

    def by_number(self, number: int) -> Order | None:
        return self._open.get(number) or self._done.get(number)

    def open_by_client_id(self, client_id: str) -> Order | None:
        return self._open_ids.get(client_id)

    def by_client_id(self, client_id: str) -> Order | None:
        """The open order of that id, else the newest done one."""
        number = self._last_ids.get(client_id)
        return self._open_ids.get(client_id) or (None if number is None else self.by_number(number))

    def open_orders(self, market: Market | None = None) -> list[Order]:
        return [o for o in self._open.values() if market is None or o.market is market]

    def all_orders(self, market: Market | None = None) -> list[Order]:
        """Remembered orders, oldest first."""
        return sorted((o for o in self._each() if market is None or o.market is market), key=lambda o: o.number)

    def _each(self) -> Iterator[Order]:
        yield from self._done.values()
        yield from self._open.values()

    def _hold(self, order: Order, sign: int) -> None:
        coin, amount = order.held()
        self.held[coin] = self.held.get(coin, Decimal(0)) + sign * amount

    def _remove(self, order: Order) -> None:
        self._open.pop(order.number, None)
        if self._open_ids.get(order.client_id) is order:
            del self._open_ids[order.client_id]
        self._hold(order, -1)

    def _fill(self, order: Order, price: Decimal, now_ms: int) -> None:
        value = order.quantity * price
        sign = 1 if order.side == "BUY" else -1
        spec = order.market.spec
        order.filled, order.filled_value = order.quantity, value
        order.status, order.updated_ms = "FILLED", now_ms
        if order.market.kind != "spot":
            names = (order.market.kind, spec.base, spec.quote)
            self.positions[names] = self.positions.get(names, Decimal(0)) + sign * order.quantity
            return
        self.total[spec.base] = self.total.get(spec.base, Decimal(0)) + sign * order.quantity
        self.total[spec.quote] = self.total.get(spec.quote, Decimal(0)) - sign * value

    def _finish(self, order: Order) -> None:
        self._done[order.number] = order
        if len(self._done) + len(self._open) > self._kept and self._done:
            self._done.popitem(last=False)


def margin(market: Market, quantity: Decimal, price: Decimal) -> tuple[str, Decimal]:
    """Coin and amount that a perpetual's order holds, at a leverage of ten. `quantity`: in the base coin (linear) or in
    the quote coin (inverse)."""
    spec = market.spec
    return (spec.quote, quantity * price / 10) if market.kind == "linear" else (spec.base, quantity / price / 10)


def crosses(order: Order, market: Market) -> bool:
    """The order would trade at the market's price now."""
    if order.price is None:
        return True
    return order.price >= market.ask if order.side == "BUY" else order.price <= market.bid
