"""What Binance spot keeps of an account beside its orders: order lists and amendments (rest-api.md, order lists)."""

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.orders import Desk, Order

KEPT = 10_000  # lists and amended orders remembered per account


@dataclass(slots=True)
class OrderList:
    """`orders`: of an OCO the one above and the one below, of an OTO the working and the pending one."""

    number: int
    kind: str  # OCO or OTO
    client_id: str
    market: Market
    orders: tuple[Order, Order]
    at_ms: int
    done: bool = False


@dataclass(slots=True)
class Book:
    """`amendments`: by order number, as GET order/amendments tells them."""

    lists: OrderedDict[int, OrderList] = field(default_factory=OrderedDict)
    amendments: OrderedDict[int, list[dict[str, Any]]] = field(default_factory=OrderedDict)

    def add(self, made: OrderList) -> None:
        self.lists[made.number] = made
        for order in made.orders:
            order.tags["list"] = str(made.number)
        if len(self.lists) > KEPT:
            self.lists.popitem(last=False)

    def open_lists(self) -> list[OrderList]:
        return [one for one in self.lists.values() if not one.done]

    def amended(self, number: int, row: dict[str, Any]) -> None:
        self.amendments.setdefault(number, []).append(row)
        if len(self.amendments) > KEPT:
            self.amendments.popitem(last=False)

    def settle(self, desk: Desk, now_ms: int) -> None:
        """Let lists follow what became of their orders and of the price since the last look."""
        for made in self.open_lists():
            first, second = made.orders
            if made.kind == "OCO":
                _settle_oco(first, second, desk, now_ms)
            elif second.parked:
                _settle_oto(first, second, desk, now_ms)
            made.done = not first.open and not second.open


def _settle_oco(first: Order, second: Order, desk: Desk, now_ms: int) -> None:
    for one, other in ((first, second), (second, first)):
        if one.open and one.parked and triggered(one):
            if other.open:
                desk.expire(other, now_ms)
            desk.wake(one, now_ms)
    for one, other in ((first, second), (second, first)):
        woken = one.status == "EXPIRED" and not other.parked  # which ended the first
        if not one.open and other.open and not woken:
            if one.status == "CANCELED":
                desk.cancel(other, now_ms)
            else:
                desk.expire(other, now_ms)


def _settle_oto(working: Order, pending: Order, desk: Desk, now_ms: int) -> None:
    """The pending order is placed when the working one has filled, and ends with it otherwise."""
    if working.open and not pending.open:
        desk.cancel(working, now_ms)
    elif working.status == "FILLED" and pending.open:
        pending.tags.pop("pending", None)
        desk.wake(pending, now_ms)
    elif not working.open and pending.open:
        desk.cancel(pending, now_ms)


def triggered(order: Order) -> bool:
    """The price has come to the order's stop price: from above or from below, as its type and side say."""
    stop, last = Decimal(order.tags["stopPrice"]), order.market.last
    falling = (order.side == "SELL") == order.tags["type"].startswith("STOP_LOSS")
    return last <= stop if falling else last >= stop
