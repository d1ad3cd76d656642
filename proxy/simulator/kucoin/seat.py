"""An authenticated caller with its parameters, and what all its calls look up."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from proxy.simulator.accounts import LiveKey
from proxy.simulator.kucoin.limits import KucoinLimits
from proxy.simulator.kucoin.names import NAME, number_of
from proxy.simulator.kucoin.wire import Refusal, bad
from proxy.simulator.market import Market
from proxy.simulator.orders import Order
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_RANGE_MS = 7 * 24 * 3600 * 1000
Pool = Literal["spot", "futures", "management", "public", "unified"]
Right = Literal["", "read", "trade", "withdraw"]


@dataclass(slots=True)
class Switch:
    """Dead man's switch of an account's spot orders. `symbols` empty: all."""

    timeout_s: int
    trigger_ms: int
    symbols: frozenset[str]


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

    def market(self, name: object, kind: str) -> Market:
        """Raises Refusal. `kind`: "spot" or "futures"."""
        found = self.floor.board.find(NAME, name) if isinstance(name, str) else None
        if found is None or (found.kind == "spot") != (kind == "spot"):
            raise Refusal("900001", "The symbol not exists")
        return found


@dataclass(slots=True)
class Seat(Visit):
    key: LiveKey
    body: Any
    limits: KucoinLimits
    switches: dict[str, Switch]
    client_id: str = field(default="")

    def order(self, kind: str, number: str = "", client_id: str = "") -> Order | None:
        """By one of its two names, of one product only. Of several with one client id, the open or the newest."""
        desk = self.key.account.desk
        if number:
            digits = number_of(number)
            found = desk.by_number(digits) if digits is not None else None
        else:
            self.client_id = client_id
            found = desk.by_client_id(client_id)
            if found is not None and not of_kind(found, kind):
                same = [o for o in desk.all_orders() if o.client_id == client_id and of_kind(o, kind)]
                found = max(same, key=lambda o: (o.open, o.number), default=None)
        if found is None or not of_kind(found, kind):
            return None
        self.client_id = found.client_id
        return found

    def orders(self, kind: str, market: Market | None = None, *, opened: bool | None = None) -> list[Order]:
        """Oldest first. `opened` None: both."""
        desk = self.key.account.desk
        found = desk.open_orders(market) if opened else desk.all_orders(market)
        return [o for o in found if of_kind(o, kind) and opened in (None, o.open)]


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint: whose pool, what it weighs, what right it needs ("" for a public one)."""

    pool: Pool
    weight: int
    right: Right
    run: Callable[[Any], Any]
    money: bool = False  # moves money: a witness is kept


def of_kind(order: Order, kind: str) -> bool:
    return (order.market.kind == "spot") == (kind == "spot")


def decimal(value: object, name: str) -> Decimal:
    """Amounts and prices come as texts."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise bad(f"{name} is invalid")
    return Decimal(value)


def client_id(value: object, needed: bool) -> str:
    if value in (None, "") and not needed:
        return ""
    if not isinstance(value, str) or not value:
        raise bad("validation.createOrder.clientOidIsRequired")
    if not CLIENT_ID.fullmatch(value):
        raise bad("clientOid is invalid: at most 40 of letters, digits, underscore and hyphen")
    return value


def whole(params: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = params.get(name, str(usual))
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise bad(f"{name} is invalid")
    if int(text) > most:
        raise bad(f"{name} should not greater than {most}")
    return int(text)


def in_range(orders: list[Order], seat: Seat) -> list[Order]:
    """Those of a span of at most seven days: startAt and endAt, in ms; the last seven days if neither is given."""
    params, most = seat.params, 10**15
    start = whole(params, "startAt", 0, most) if "startAt" in params else None
    end = whole(params, "endAt", 0, most) if "endAt" in params else None
    if end is None:
        end = seat.now_ms if start is None else start + _RANGE_MS
    if start is None:
        start = end - _RANGE_MS
    if end < start or end - start > _RANGE_MS:
        raise bad("The time range between startAt and endAt should not exceed 7 days")
    side, kind = params.get("side"), params.get("type")
    return [
        o
        for o in orders
        if start <= o.created_ms <= end and side in (None, "", o.side.lower()) and kind in (None, "", o.kind.lower())
    ]


def page(seat: Seat, orders: list[Order], view: Callable[[Order], Any]) -> dict[str, Any]:
    """One page, newest first."""
    number = max(1, whole(seat.params, "currentPage", 1, 10**6))
    size = max(1, whole(seat.params, "pageSize", 50, 1000))
    newest = orders[::-1]
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": len(newest),
        "totalPage": -(-len(newest) // size),
        "items": [view(o) for o in newest[(number - 1) * size : number * size]],
    }


def scroll(seat: Seat, orders: list[Order], view: Callable[[Order], Any]) -> dict[str, Any]:
    """The next lot, newest first; `lastId` is where the one after it begins."""
    size = max(1, whole(seat.params, "limit", 20, 100))
    last = whole(seat.params, "lastId", 0, 10**18)
    newest = [o for o in orders[::-1] if not last or o.number < last][:size]
    return {"lastId": newest[-1].number if newest else 0, "items": [view(o) for o in newest]}
