"""An authenticated caller with its parameters, and what all its calls look up."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from proxy.simulator.accounts import LiveKey
from proxy.simulator.market import Market
from proxy.simulator.orders import Order
from proxy.simulator.poloniex.limits import PoloniexLimits
from proxy.simulator.poloniex.names import NAME, number_of
from proxy.simulator.poloniex.wire import Refusal
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

WEEK_MS = 7 * 24 * 3600 * 1000
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
Right = Literal["", "read", "trade", "withdraw"]


@dataclass(slots=True)
class Switch:
    """An armed kill switch."""

    start_ms: int
    trigger_ms: int


@dataclass(slots=True)
class Visit:
    """A request to a public endpoint."""

    floor: Floor
    asked: Asked
    params: Mapping[str, str]
    names: Mapping[str, str]

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    def market(self, name: object, kind: str, refusal: tuple[int, str]) -> Market:
        found = self.floor.board.find(NAME, name) if isinstance(name, str) else None
        if found is None or found.kind != kind:
            raise Refusal(*refusal)
        return found

    def whole(self, name: str, usual: int, most: int) -> int:
        text = self.params.get(name, str(usual))
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Refusal(601, f"Invalid Parameter: {name}")
        if int(text) > most:
            raise Refusal(21344, f"Value of {name} param is greater than max value of {most}")
        return int(text)


@dataclass(slots=True)
class Seat(Visit):
    key: LiveKey
    body: Any
    limits: PoloniexLimits
    switches: dict[str, Switch]
    client_id: str = field(default="")

    def by_number(self, text: object, kind: str) -> Order | None:
        if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) < 20):
            return None
        found = self.key.account.desk.by_number(number_of(text))
        if found is None or found.market.kind != kind:
            return None
        self.client_id = found.client_id
        return found

    def by_client_id(self, name: object, kind: str) -> Order | None:
        """Open or done; of one product only."""
        if not isinstance(name, str) or not name:
            return None
        desk, self.client_id = self.key.account.desk, name
        found = desk.by_client_id(name)
        if found is not None and found.market.kind != kind:
            same = [o for o in desk.all_orders() if o.client_id == name and o.market.kind == kind]
            found = max(same, key=lambda o: o.number, default=None)
        return found

    def opened(self, kind: str, market: Market | None = None) -> list[Order]:
        return [o for o in self.key.account.desk.open_orders(market) if o.market.kind == kind]

    def done(self, kind: str, market: Market | None = None) -> list[Order]:
        """Oldest first."""
        return [o for o in self.key.account.desk.all_orders(market) if o.market.kind == kind and not o.open]

    def span(self, start: str, end: str, most_ms: int | None) -> tuple[int, int]:
        """Times asked for, in ms; the last seven days if neither is given."""
        last = self.whole(end, 0, 10**15) or self.now_ms
        first = self.whole(start, 0, 10**15) or last - WEEK_MS
        if most_ms is not None and last - first > most_ms:
            text = "Interval between startTime and endTime in trade/order history has exceeded 7 day limit"
            raise Refusal(21355, text)
        return first, last


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint: its group of the rate limits, what right it needs ("" for a public one)."""

    group: str
    right: Right
    run: Callable[[Any], Any]
    money: bool = False  # moves money: a witness is kept


def decimal(value: object, refusal: tuple[int, str]) -> Decimal:
    """Amounts and prices come as texts, and above 0."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or not Decimal(value):
        raise Refusal(*refusal)
    return Decimal(value)
