"""How old the orders are that bots cancel and change, where an exchange's price depends on it. Time is an argument.

An order's age counts from the answer to the call that made it or changed it last, so it is never older here than at
the exchange; while such a call is under way, the order is new. An order that was not seen placed costs the most, for
however long this daemon has been up: other programs place orders on the same account, and one of theirs may be a
second old. It is charged on the symbol that the call names, else on a counter of its own (symbol ""): its true symbol
cannot be known, and to charge every counter of the account would hold up what has nothing to do with it.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.exchanges.form import Exchange, Placed
from proxy.exchanges.table import penalty
from proxy.model import Cost, Endpoint, Executed, Reply

log = logging.getLogger("ordergate.order_ages")

_MOST = 20_000  # orders remembered; the ones that rested longest are forgotten first
_MOST_SAVED = 2_000
_MARGIN_NS = 50_000_000  # their clock and ours drift apart, and theirs may count whole milliseconds

_Key = tuple[str, str]
"""(account, name or tag)"""


@dataclass(slots=True, eq=False)
class _Order:
    account: str
    symbol: str
    since_ns: int
    keys: dict[_Key, bool] = field(default_factory=dict)  # to whether several orders may have it
    under_way: int = 0  # calls without an answer that make or change it

    def age_ns(self, now_ns: int) -> int:
        return 0 if self.under_way else max(now_ns - self.since_ns - _MARGIN_NS, 0)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A call under way that makes or changes orders. `new`: those that exist only if it is executed."""

    account: str
    exchange: Exchange
    endpoint: Endpoint
    params: Mapping[str, str]
    changed: tuple[_Order, ...]
    new: tuple[_Order, ...]


class OrderAges:
    """The orders of all accounts that left through this daemon. Every `leave` is followed by one `end`."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._orders: dict[_Order, None] = {}  # last changed last
        self._known: dict[_Key, dict[_Order, None]] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def prices(self, account: str, cost: Cost, names: Iterable[str], symbol: str, now_ns: int) -> Mapping[str, float]:
        """Symbol -> units of a call that names these orders. `symbol`: what the call itself says, or ""."""
        found: dict[str, float] = {}
        fixed_on = None
        named = dict.fromkeys(names)
        for name in named:
            orders = self._known.get((account, name), ())
            for order in orders:
                place = order.symbol or symbol
                fixed_on = place if fixed_on is None else fixed_on
                found[place] = found.get(place, 0.0) + penalty(cost, order.age_ns(now_ns))
            if not orders:
                found[symbol] = found.get(symbol, 0.0) + penalty(cost, 0)
        if not named:
            found[symbol] = cost.most * penalty(cost, 0)
        place = symbol if fixed_on is None else fixed_on
        found[place] = found.get(place, 0.0) + cost.units
        return found

    def leave(
        self, account: str, exchange: Exchange, endpoint: Endpoint, params: Mapping[str, str], now_ns: int
    ) -> Leaving:
        """A call is about to be sent: its orders are known by the bot's own names from now on, and new."""
        changed: list[_Order] = []
        new = []
        for row in _read(exchange, endpoint, params, None) or ():
            if row.was:
                changed.extend(self._known.get((account, row.was), ()))
            else:
                new.append(self._add(account, exchange, row, now_ns))
        for order in (*changed, *new):
            order.under_way += 1
        return Leaving(account, exchange, endpoint, params, tuple(changed), tuple(new))

    def end(self, leaving: Leaving, executed: Executed, reply: Reply | None, now_ns: int) -> None:
        """The call is over. Not known whether it was executed: its orders count as made or changed just now."""
        for order in (*leaving.changed, *leaving.new):
            order.under_way -= 1
        found: tuple[Placed, ...] | None = ()
        if executed is not Executed.NO:
            found = None
            if executed is Executed.YES and reply is not None:
                found = _read(leaving.exchange, leaving.endpoint, leaving.params, reply)
        if found is None:
            for order in (*leaving.changed, *leaving.new):
                self._renew(order, now_ns)
            return
        for order in leaving.new:
            self._forget(order)
        for row in found:
            self._settle(leaving, row, now_ns)

    def state(self, now_ns: int) -> list[Any]:
        """The newest orders as plain JSON data: account, symbol, age in ns (-1: under way), names, tags."""
        rows = []
        for order in list(self._orders)[-_MOST_SAVED:]:
            names = [name for (_, name), many in order.keys.items() if not many]
            tags = [name for (_, name), many in order.keys.items() if many]
            age_ns = -1 if order.under_way else max(now_ns - order.since_ns, 0)
            rows.append([order.account, order.symbol, age_ns, names, tags])
        return rows

    def restore(self, rows: Iterable[Any], now_ns: int, down_ns: int, *, clean: bool) -> None:
        """Take over what was saved `down_ns` ago. All or nothing: raises what bad data raises.

        Not `clean`: each order may have been changed after the saving, so all are new; their symbols are known still.
        """
        found = []
        for account, symbol, age, names, tags in rows:
            age_ns = int(age)
            since_ns = now_ns - down_ns - age_ns if clean and age_ns >= 0 else now_ns
            found.append((_Order(str(account), str(symbol), since_ns), [*map(str, names)], [*map(str, tags)]))
        for order, names, tags in found:
            self._link(order, names, tags)

    def _settle(self, leaving: Leaving, row: Placed, now_ns: int) -> None:
        order = None
        if row.was:
            known = self._known.get((leaving.account, row.was), {})
            order = next(iter(known)) if len(known) == 1 else None
        if order is None:
            # Of several orders of one tag it is not known which was changed: one more has it now, a new one.
            order = self._add(leaving.account, leaving.exchange, row, now_ns)
        for name in row.names:  # a name that is given anew is no longer the old order's
            for other in list(self._known.get((leaving.account, name), ())):
                if other is not order and not other.under_way:
                    self._unlink(other, (leaving.account, name))
        self._renew(order, now_ns)
        self._link(order, row.names, row.tags)

    def _add(self, account: str, exchange: Exchange, row: Placed, now_ns: int) -> _Order:
        order = _Order(account, exchange.symbol(row.symbol)[:64], now_ns)
        self._link(order, row.names, (*row.tags, *((row.was,) if row.was else ())))
        return order

    def _link(self, order: _Order, names: Iterable[str], tags: Iterable[str]) -> None:
        for many, texts in ((False, names), (True, tags)):
            for text in texts:
                key = (order.account, text)
                order.keys[key] = many
                self._known.setdefault(key, {})[order] = None
        self._orders[order] = None
        if len(self._orders) > self._most:
            self._forget(next((old for old in self._orders if not old.under_way), order))

    def _renew(self, order: _Order, now_ns: int) -> None:
        order.since_ns = now_ns
        if order in self._orders:
            del self._orders[order]
            self._orders[order] = None

    def _forget(self, order: _Order) -> None:
        if order in self._orders:
            del self._orders[order]
            for key in list(order.keys):
                self._unlink(order, key)

    def _unlink(self, order: _Order, key: _Key) -> None:
        del order.keys[key]
        del self._known[key][order]
        if not self._known[key]:
            del self._known[key]


def _read(
    exchange: Exchange, endpoint: Endpoint, params: Mapping[str, str], reply: Reply | None
) -> tuple[Placed, ...] | None:
    """None if it cannot be read: what a bot or an exchange writes must not end a call."""
    try:
        return exchange.placed(endpoint, params, reply)
    except (ValueError, TypeError, LookupError, AttributeError):
        if reply is not None:
            log.warning("%s: its orders cannot be read from the answer, and will cost the most", endpoint.name)
        return None
