"""Reading an order that is to be placed or changed, with the refusals of its category."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import Side
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_LINK_ID = re.compile(r"[0-9A-Za-z_-]{1,36}")
MOST = Decimal(100_000_000)
_FORCES = ("GTC", "IOC", "FOK", "PostOnly")
_CONDITIONAL = ("triggerPrice", "takeProfit", "stopLoss", "trailingStop")


@dataclass(frozen=True, slots=True)
class Ticket:
    """`quantity` in the unit of the market's orders, also where a market order was given in the quote coin."""

    market: Market
    side: Side
    quantity: Decimal
    price: Decimal | None  # None: a market order
    force: str
    link_id: str
    reduce_only: bool
    tags: Mapping[str, str]


def refuse(kind: str, spot: tuple[int, str], contract: tuple[int, str]) -> Refusal:
    """The two families of codes."""
    return Refusal(*(spot if kind == "spot" else contract))


def decimal(params: Mapping[str, Any], name: str) -> Decimal:
    """A number, which must be sent as text."""
    value = params.get(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Refusal(10001, f"params error: {name} invalid")
    return Decimal(value)


def checked_price(market: Market, price: Decimal) -> Decimal:
    if price <= 0:
        raise refuse(
            market.kind, (170133, "Order price lower than the minimum."), (110003, "Order price is out of range.")
        )
    if price % market.tick:
        raise refuse(
            market.kind, (170134, "Order price has too many decimals."), (10001, "params error: Price invalid")
        )
    return price


def checked_quantity(market: Market, quantity: Decimal, price: Decimal | None) -> Decimal:
    rules = markets.rules(market)
    wrong = (10001, "Qty invalid")
    if quantity % rules.step:
        raise refuse(market.kind, (170137, "Order quantity has too many decimals."), wrong)
    if quantity < rules.minimum:
        raise refuse(market.kind, (170136, "Order quantity lower than the minimum."), wrong)
    if quantity > MOST:
        raise refuse(market.kind, (170135, "Order quantity too large."), wrong)
    if quantity * (price or market.last) < rules.min_value:
        few = (170140, "Order value exceeded lower limit."), (110094, "Order does not meet minimum order value")
        raise refuse(market.kind, *few)
    return quantity


def link_id(params: Mapping[str, Any], name: str = "orderLinkId") -> str:
    value = params.get(name) or ""
    if value and (not isinstance(value, str) or not _LINK_ID.fullmatch(value)):
        raise Refusal(10001, "params error: OrderLinkedID invalid")
    return str(value)


def ticket(floor: Floor, category: str, params: Mapping[str, Any]) -> Ticket:
    market = markets.find(floor.board, category, params.get("symbol"))
    given = link_id(params)
    if params.get("side") not in ("Buy", "Sell"):
        raise refuse(market.kind, (170117, "Invalid side."), (10001, "Side invalid"))
    side: Side = "BUY" if params["side"] == "Buy" else "SELL"
    if params.get("orderType") not in ("Limit", "Market"):
        raise refuse(market.kind, (170116, "Invalid orderType."), (10001, "OrderType invalid"))
    limit = params["orderType"] == "Limit"
    force = params.get("timeInForce") or "GTC"
    if force not in _FORCES:
        raise refuse(market.kind, (170115, "Invalid timeInForce."), (10001, "TimeInForce invalid"))
    if any(params.get(name) for name in _CONDITIONAL):
        raise Refusal(10001, "params error: conditional orders are not simulated")
    position = params.get("positionIdx", 0)
    if market.kind != "spot" and (position != 0 or isinstance(position, bool | str)):
        raise Refusal(10001, "position idx not match position mode")
    reduce_only = params.get("reduceOnly", False)
    if not isinstance(reduce_only, bool):
        raise Refusal(10001, "params error: reduceOnly invalid")
    quantity = decimal(params, "qty")
    tags = {"post_only": "1"} if limit and force == "PostOnly" else {}
    if not limit and market.kind == "spot":
        # In the quote coin unless said otherwise, when buying; in the base coin when selling.
        unit = params.get("marketUnit") or ("quoteCoin" if side == "BUY" else "baseCoin")
        if unit not in ("baseCoin", "quoteCoin"):
            raise Refusal(10001, "params error: marketUnit invalid")
        tags["unit"] = str(unit)
        if unit == "quoteCoin":
            tags["spend"] = f"{quantity:f}"
            best = market.ask if side == "BUY" else market.bid
            quantity = (quantity / best).quantize(market.step, rounding="ROUND_DOWN")
    price = checked_price(market, decimal(params, "price")) if limit else None
    quantity = checked_quantity(market, quantity, price)
    if not limit:
        force = "IOC"
    if reduce_only and market.kind != "spot":
        tags["reduce_only"] = "1"
    return Ticket(market, side, quantity, price, str(force), given, reduce_only and market.kind != "spot", tags)
