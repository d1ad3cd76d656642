"""An authenticated caller of Gate and what it asks; Gate's names and rules of markets and orders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.gate.conduct import Conduct
from proxy.simulator.gate.wire import Refusal, invalid, missing
from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Desk, Order
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_TEXT = re.compile(r"t-[0-9A-Za-z_.-]{1,28}")
_IDS_FROM = 95_000_000_000
DAY_S = 86_400


@dataclass(slots=True)
class Seat:
    """`names`: what the path holds. `body`: the JSON. `whole_sizes`: contracts as numbers, else as texts."""

    floor: Floor
    key: LiveKey
    asked: Asked
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    conduct: Conduct = field(default_factory=Conduct)
    client_id: str = ""

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    @property
    def desk(self) -> Desk:
        return self.key.account.desk

    @property
    def whole_sizes(self) -> bool:
        return self.asked.headers.get("x-gate-size-decimal") != "1"

    def wanted(self) -> dict[str, Any]:
        """The JSON object that must be there."""
        if not isinstance(self.body, dict):
            raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body")
        return self.body

    def listed(self, most: int) -> list[Any]:
        """The JSON list that must be there, not empty and not too long."""
        if not isinstance(self.body, list) or not self.body:
            raise Refusal(400, "INVALID_REQUEST_BODY", "Invalid request body")
        if len(self.body) > most:
            raise invalid(f"at most {most} orders in a request")
        return self.body


def spell(board: Board) -> None:
    """Pairs, and the contracts that are paid in USDT."""
    for market in (*board.markets, *board.contracts):
        if market.kind != "inverse":
            board.spell("gate", market, f"{market.kind} {name(market)}")


def name(market: Market) -> str:
    return f"{market.spec.base}_{market.spec.quote}"


def pair(board: Board, given: object) -> Market:
    if given is None or given == "":
        raise missing("currency_pair")
    found = board.find("gate", f"spot {given}") if isinstance(given, str) else None
    if found is None:
        raise Refusal(400, "INVALID_CURRENCY_PAIR", f"Invalid currency pair {given}")
    return found


def contract(board: Board, given: object) -> Market:
    if given is None or given == "":
        raise missing("contract")
    found = board.find("gate", f"linear {given}") if isinstance(given, str) else None
    if found is None:
        raise Refusal(400, "CONTRACT_NOT_FOUND", f"contract {given} not found")
    return found


def multiplier(market: Market) -> Decimal:
    """How much of the base coin one contract is."""
    return Decimal(market.spec.min_quantity) * 10


def order_id(order: Order) -> int:
    return _IDS_FROM + order.number


def by_number(seat: Seat, kind: str, text: str) -> Order | None:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    order = seat.desk.by_number(int(text) - _IDS_FROM)
    return order if order is not None and order.market.kind == kind else None


def open_by_text(seat: Seat, kind: str, text: str) -> Order | None:
    """The newest open order of that name; names need not be unique."""
    found = [o for o in seat.desk.open_orders() if o.client_id == text and o.market.kind == kind]
    return found[-1] if found else None


def decimal(value: object, what: str, *, number: bool = False) -> Decimal:
    """A number sent as text, or as a JSON number where that is allowed."""
    text = str(value) if number and isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise invalid(f"invalid argument: {what}")
    return Decimal(text)


def own_text(given: object) -> str:
    """`t-` and at most 28 of a few kinds of characters; empty if there is none."""
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not _TEXT.fullmatch(given):
        raise Refusal(400, "INVALID_CLIENT_ORDER_ID", "Invalid client order id: prefix t- and at most 28 characters")
    return given


def whole(query: Mapping[str, str], what: str, usual: int, low: int, high: int) -> int:
    text = query.get(what, str(usual))
    if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
        raise invalid(f"invalid argument: {what}")
    return int(text)


def span_s(query: Mapping[str, str], now_ms: int, usual_days: int, most_days: int) -> tuple[int, int]:
    """`from` and `to` in seconds; one alone stands for the usual time from or to it."""
    usual, far = usual_days * DAY_S, 10**11
    start = whole(query, "from", 0, 0, far) if query.get("from") else None
    end = whole(query, "to", 0, 0, far) if query.get("to") else None
    if end is None:
        end = now_ms // 1000 + 1 if start is None else start + usual
    if start is None:
        start = end - usual
    if not 0 <= end - start <= most_days * DAY_S:
        raise invalid(f"time range exceeds {most_days} days")
    return start, end


def paged(rows: list[Order], query: Mapping[str, str], most: int) -> list[Order]:
    """By `page` and `limit`."""
    size = whole(query, "limit", 100, 1, most)
    start = (whole(query, "page", 1, 1, 10**6) - 1) * size
    return rows[start : start + size]
