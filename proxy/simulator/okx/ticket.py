"""An OKX order as asked for, and the caller who asks (v5 place order)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.market import Market
from proxy.simulator.okx.instruments import contract, known, least, lot
from proxy.simulator.okx.limits import OkxLimits
from proxy.simulator.okx.wire import Refusal, SlidingUnits, bad, flag_of, missing, text_of
from proxy.simulator.orders import Desk, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_TAG = re.compile(r"[A-Za-z0-9]{1,16}")
_LIMIT_KINDS = ("limit", "post_only", "fok", "ioc")
_FIRST_ID = 2_510_789_768_709_120_000


@dataclass(slots=True)
class Seat:
    """An authenticated caller. `rows`: the orders of a trading call; `params`: those of any other.

    `timers`: account to the moment (ms) when all its orders are canceled.
    """

    floor: Floor
    key: LiveKey
    asked: Asked
    params: Mapping[str, Any]
    rows: list[dict[str, Any]]
    windows: SlidingUnits
    limits: OkxLimits
    timers: dict[str, int]
    client_id: str = field(default="")

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    @property
    def desk(self) -> Desk:
        return self.key.account.desk


@dataclass(frozen=True, slots=True)
class Ticket:
    """`quantity`: in the coin that the simulator counts in; `size`: as asked for."""

    market: Market
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal | None
    client_id: str
    tags: Mapping[str, str]


def order_id(order: Order) -> str:
    """Beyond 2^53, as the exchange's are: a client must keep it as text."""
    return str(_FIRST_ID + order.number)


def number_of(row: Mapping[str, Any], name: str) -> Decimal:
    text = text_of(row, name)
    if not text:
        raise missing(name)
    if not _NUMBER.fullmatch(text) or not Decimal(text):
        raise bad(name)
    return Decimal(text)


def client_id_of(row: Mapping[str, Any], name: str = "clOrdId") -> str:
    text = text_of(row, name)
    if text and not _CLIENT_ID.fullmatch(text):
        raise bad(name)
    return text


def check_size(market: Market, size: Decimal) -> None:
    if size < least(market):
        raise Refusal(200, "51020", "Your order should meet or exceed the minimum order amount.")
    if size % lot(market):
        raise Refusal(200, "51121", "Order quantity must be a multiple of the lot size.")


def price_of(market: Market, row: Mapping[str, Any], name: str) -> Decimal:
    price = number_of(row, name)
    if price % market.tick:
        raise Refusal(200, "51150", "The precision of the number of trades or the price exceeds the limit.")
    return price


def read_ticket(seat: Seat, row: Mapping[str, Any]) -> Ticket:
    market = known(seat.floor.board, row.get("instId"))
    mode, way, kind = (text_of(row, name) for name in ("tdMode", "side", "ordType"))
    for name, value in (("tdMode", mode), ("side", way), ("ordType", kind)):
        if not value:
            raise missing(name)
    spot = market.kind == "spot"
    if mode not in (("cash",) if spot else ("cross", "isolated")):
        raise bad("tdMode")
    if way not in ("buy", "sell"):
        raise bad("side")
    if kind not in ("market", *_LIMIT_KINDS) and (spot or kind != "optimal_limit_ioc"):
        raise bad("ordType")
    if text_of(row, "posSide") not in ("", "net"):
        raise bad("posSide")
    tag = text_of(row, "tag")
    if tag and not _TAG.fullmatch(tag):
        raise bad("tag")
    side: Side = "BUY" if way == "buy" else "SELL"
    size = number_of(row, "sz")
    if kind in _LIMIT_KINDS:
        if not text_of(row, "px"):
            raise Refusal(200, "51204", "The price for the limit order cannot be empty.")
        price: Decimal | None = price_of(market, row, "px")
    else:
        price = None
    target = text_of(row, "tgtCcy")
    if target not in ("", "base_ccy", "quote_ccy"):
        raise bad("tgtCcy")
    if not spot or price is not None:
        target = ""  # of spot market orders only
    elif not target:
        target = "quote_ccy" if side == "BUY" else "base_ccy"
    if target == "quote_ccy":
        paid = market.ask if side == "BUY" else market.bid
        quantity = (size / paid).quantize(market.step, rounding="ROUND_DOWN")
        if quantity < least(market):
            raise Refusal(200, "51020", "Your order should meet or exceed the minimum order amount.")
    else:
        check_size(market, size)
        quantity = size * contract(market)
    tags = {"ordType": kind, "tdMode": mode, "sz": text_of(row, "sz"), "tgtCcy": target, "tag": tag}
    if flag_of(row, "reduceOnly"):
        quantity = _reduced(seat, market, side, quantity)
        tags["reduceOnly"] = "true"
    return Ticket(market, side, kind, quantity, price, client_id_of(row), tags)


def position(seat: Seat, market: Market) -> Decimal:
    return seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0))


def _reduced(seat: Seat, market: Market, side: Side, quantity: Decimal) -> Decimal:
    if market.kind == "spot":
        raise Refusal(200, "51205", "Reduce Only is not available.")
    held = position(seat, market)
    if held == 0:
        text = "Order failed because you don't have any positions in this direction for this contract to "
        raise Refusal(200, "51169", text + "reduce or close.")
    if (held > 0) == (side == "BUY"):
        text = "Failed to place order. A reduce-only order can't be the same trading direction as your "
        raise Refusal(200, "51170", text + "existing positions.")
    return min(quantity, abs(held))


def find(seat: Seat, row: Mapping[str, Any]) -> Order | None:
    """The order that ordId names, else the newest one of that clOrdId; of the named instrument only."""
    market = known(seat.floor.board, row.get("instId"))
    number, client_id = text_of(row, "ordId"), text_of(row, "clOrdId")
    if number:
        found = seat.desk.by_number(int(number) - _FIRST_ID) if number.isascii() and number.isdigit() else None
    elif client_id:
        found = seat.desk.by_client_id(client_id)
    else:
        raise Refusal(200, "51003", "Either client order ID or order ID is required.")
    return found if found is not None and found.market is market else None
