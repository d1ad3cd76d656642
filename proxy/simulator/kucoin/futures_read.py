"""KuCoin's futures orders, fills and positions as they are told."""

from decimal import Decimal
from typing import Any

from proxy.simulator.kucoin.futures_trade import lots, position
from proxy.simulator.kucoin.names import lot, order_id, settled_in, symbol
from proxy.simulator.kucoin.seat import Seat, in_range, page
from proxy.simulator.kucoin.wire import Refusal, bad
from proxy.simulator.market import Market
from proxy.simulator.orders import Order, margin


def value(market: Market, quantity: Decimal, price: Decimal) -> Decimal:
    """What a quantity is worth, in the coin that it is paid in."""
    if not price:
        return Decimal(0)
    return quantity / price if market.kind == "inverse" else quantity * price


def shown(order: Order) -> dict[str, Any]:
    market, tags = order.market, order.tags
    price = order.price or order.average or market.last
    dealt = f"{value(market, order.filled, order.average):.12f}"
    return {
        "id": order_id(order),
        "symbol": symbol(market),
        "type": order.kind.lower(),
        "side": order.side.lower(),
        "price": None if order.price is None else f"{order.price:f}",
        "size": lots(market, order.quantity),
        "value": f"{value(market, order.quantity, price):.12f}",
        "dealValue": dealt,
        "dealSize": lots(market, order.filled),
        "stp": "",
        "stop": "",
        "stopPriceType": "",
        "stopTriggered": False,
        "stopPrice": None,
        "timeInForce": tags.get("force", "GTC"),
        "postOnly": bool(tags.get("post_only")),
        "hidden": False,
        "iceberg": False,
        "leverage": tags.get("leverage", "1"),
        "forceHold": False,
        "closeOrder": bool(tags.get("close")),
        "visibleSize": 0,
        "clientOid": order.client_id,
        "remark": tags.get("remark") or None,
        "tags": None,
        "isActive": order.open,
        "cancelExist": order.status in ("CANCELED", "EXPIRED"),
        "createdAt": order.created_ms,
        "updatedAt": order.updated_ms,
        "endAt": None if order.open else order.updated_ms,
        "orderTime": order.created_ms * 1_000_000,
        "settleCurrency": settled_in(market),
        "marginMode": tags.get("margin_mode", "ISOLATED"),
        "avgDealPrice": f"{order.average:f}",
        "filledSize": lots(market, order.filled),
        "filledValue": dealt,
        "status": "open" if order.open else "done",
        "reduceOnly": bool(tags.get("reduce_only")),
    }


def _fill(order: Order) -> dict[str, Any]:
    market = order.market
    return {
        "symbol": symbol(market),
        "tradeId": f"{order.number:024x}",
        "orderId": order_id(order),
        "side": order.side.lower(),
        "liquidity": "taker",
        "forceTaker": False,
        "price": f"{order.average:f}",
        "size": lots(market, order.filled),
        "value": f"{value(market, order.filled, order.average):.12f}",
        "feeRate": "0",
        "fixFee": "0",
        "feeCurrency": settled_in(market),
        "stop": "",
        "fee": "0",
        "orderType": order.kind.lower(),
        "tradeType": "trade",
        "createdAt": order.updated_ms,
        "settleCurrency": settled_in(market),
        "marginMode": order.tags.get("margin_mode", "ISOLATED"),
        "tradeTime": order.updated_ms * 1_000_000,
    }


def _told(order: Order | None) -> Any:
    if order is None:
        raise Refusal("100001", "error.getOrder.orderNotExist")
    return shown(order)


def by_number(seat: Seat) -> Any:
    return _told(seat.order("futures", number=seat.names["orderId"]))


def by_client_id(seat: Seat) -> Any:
    if not seat.params.get("clientOid"):
        raise bad("clientOid is required")
    return _told(seat.order("futures", client_id=seat.params["clientOid"]))


def _market(seat: Seat) -> Market | None:
    return seat.market(seat.params["symbol"], "futures") if seat.params.get("symbol") else None


def listed(seat: Seat) -> Any:
    status = seat.params.get("status", "done")
    if status not in ("active", "done"):
        raise bad("status is invalid")
    if status == "active":
        return page(seat, seat.orders("futures", _market(seat), opened=True), shown)
    return page(seat, in_range(seat.orders("futures", _market(seat), opened=False), seat), shown)


def recent_done(seat: Seat) -> Any:
    day = seat.now_ms - 24 * 3600 * 1000
    found = seat.orders("futures", _market(seat), opened=False)
    return [shown(o) for o in found if o.updated_ms >= day][:-1001:-1]


def _filled(seat: Seat) -> list[Order]:
    wanted = seat.params.get("orderId")
    return [o for o in seat.orders("futures", _market(seat)) if o.filled and wanted in (None, "", order_id(o))]


def fills(seat: Seat) -> Any:
    return page(seat, in_range(_filled(seat), seat), _fill)


def recent_fills(seat: Seat) -> Any:
    day = seat.now_ms - 24 * 3600 * 1000
    return [_fill(o) for o in _filled(seat) if o.updated_ms >= day][:-1001:-1]


def _position(seat: Seat, market: Market) -> dict[str, Any]:
    """Entered at the present price: the desk does not keep what was paid."""
    held = position(seat, market)
    worth = value(market, abs(held) * lot(market), market.last) * (1 if held > 0 else -1)
    init = margin(market, abs(held) * lot(market), market.last)[1]
    zeros = ("currentComm", "realisedCost", "posCross", "posComm", "posLoss", "realisedPnl", "unrealisedPnl")
    return {
        "id": f"{symbol(market)}-0",
        "symbol": symbol(market),
        "autoDeposit": False,
        "crossMode": False,
        "marginMode": "ISOLATED",
        "positionSide": "BOTH",
        "maintMarginReq": 0.005,
        "riskLimit": 1_000_000,
        "realLeverage": 10,
        "leverage": 10,
        "delevPercentage": 0,
        "openingTimestamp": seat.now_ms,
        "currentTimestamp": seat.now_ms,
        "currentQty": held,
        "currentCost": float(worth),
        "unrealisedCost": float(worth),
        **dict.fromkeys(zeros, 0),
        "isOpen": held != 0,
        "markPrice": float(market.last),
        "markValue": float(worth),
        "posCost": float(worth),
        "posInit": float(init),
        "posMargin": float(init),
        "posMaint": float(init / 20),
        "maintMargin": float(init),
        "unrealisedPnlPcnt": 0,
        "unrealisedRoePcnt": 0,
        "avgEntryPrice": float(market.last) if held else 0,
        "liquidationPrice": 0,
        "bankruptPrice": 0,
        "settleCurrency": settled_in(market),
        "isInverse": market.kind == "inverse",
        "maintainMargin": 0.005,
    }


def position_of(seat: Seat) -> Any:
    return _position(seat, seat.market(seat.params.get("symbol"), "futures"))


def positions(seat: Seat) -> Any:
    coin = seat.params.get("currency")
    found = [m for m in seat.floor.board.contracts if coin is None or settled_in(m) == coin]
    return [_position(seat, m) for m in found if position(seat, m)]


def leverage(seat: Seat) -> Any:
    return {"symbol": symbol(seat.market(seat.params.get("symbol"), "futures")), "leverage": "10"}


def margin_mode(seat: Seat) -> Any:
    return {"symbol": symbol(seat.market(seat.params.get("symbol"), "futures")), "marginMode": "ISOLATED"}


def position_mode(seat: Seat) -> Any:
    return {"positionMode": 0}
