"""How Bybit shows orders, fills and positions."""

from decimal import Decimal
from typing import Any

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.seat import order_id
from proxy.simulator.market import Market
from proxy.simulator.orders import Order, margin

_STATUS = {"OPEN": "New", "FILLED": "Filled", "CANCELED": "Cancelled", "EXPIRED": "Cancelled"}


def side(order: Order) -> str:
    return "Buy" if order.side == "BUY" else "Sell"


def value(order: Order, quantity: Decimal) -> Decimal:
    """In the coin that pays: the quote coin, of an inverse contract the base coin."""
    price = order.price or order.market.last
    return quantity / price if order.market.kind == "inverse" else quantity * price


def filled_value(order: Order) -> Decimal:
    return order.filled / order.average if order.market.kind == "inverse" and order.filled else order.filled_value


def text(number: Decimal) -> str:
    """At most eight decimals."""
    return f"{number.quantize(Decimal('1e-8')).normalize():f}"


def reject_reason(order: Order) -> str:
    if order.tags.get("rejected"):
        return "EC_PostOnlyWillTakeLiquidity"
    if order.status == "EXPIRED":
        return "EC_NoImmediateQtyToFill"
    return "EC_PerCancelRequest" if order.status == "CANCELED" else "EC_NoError"


def order_row(order: Order) -> dict[str, Any]:
    """`tpslMode`: spot has no such field."""
    contract = order.market.kind != "spot"
    left = order.quantity - order.filled if order.open else Decimal(0)
    row: dict[str, Any] = {
        "orderId": order_id(order),
        "orderLinkId": order.client_id,
        "blockTradeId": "",
        "symbol": markets.symbol(order.market),
        "price": f"{order.price or 0:f}",
        "qty": order.tags.get("spend") or f"{order.quantity:f}",
        "side": side(order),
        "isLeverage": "" if contract else "0",
        "positionIdx": 0,
        "orderStatus": _STATUS[order.status],
        "cancelType": "CancelByUser" if order.status == "CANCELED" and not order.tags.get("rejected") else "UNKNOWN",
        "rejectReason": reject_reason(order),
        "avgPrice": f"{order.average:f}" if order.filled else "",
        "leavesQty": f"{left:f}",
        "leavesValue": text(value(order, left)),
        "cumExecQty": f"{order.filled:f}",
        "cumExecValue": text(filled_value(order)),
        "cumExecFee": "0",
        "timeInForce": order.tags.get("force", order.time_in_force),
        "orderType": order.kind.capitalize(),
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": order.tags.get("unit", ""),
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": "",
        "reduceOnly": "reduce_only" in order.tags,
        "closeOnTrigger": False,
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "placeType": "",
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }
    return {**row, "tpslMode": "", "createType": "CreateByUser"} if contract else row


def fill_row(order: Order) -> dict[str, Any]:
    """Orders fill at once and whole, so each has one fill."""
    row: dict[str, Any] = {
        "symbol": markets.symbol(order.market),
        "orderId": order_id(order),
        "orderLinkId": order.client_id,
        "side": side(order),
        "orderPrice": f"{order.price or 0:f}",
        "orderQty": f"{order.quantity:f}",
        "leavesQty": "0",
        "orderType": order.kind.capitalize(),
        "stopOrderType": "",
        "execFee": "0",
        "execId": str(2_210_000_000_000_000_000 + order.number),
        "execPrice": f"{order.average:f}",
        "execQty": f"{order.filled:f}",
        "execType": "Trade",
        "execValue": text(filled_value(order)),
        "execTime": str(order.updated_ms),
        "isMaker": order.updated_ms > order.created_ms,
        "feeRate": "0",
        "tradeIv": "",
        "markIv": "",
        "markPrice": f"{order.market.last:f}",
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "",
        "seq": order.number,
        "feeCoin": order.market.spec.base if order.market.kind == "inverse" else order.market.spec.quote,
    }
    return {**row, "createType": "CreateByUser"} if order.market.kind != "spot" else row


def position_row(market: Market, size: Decimal, leverage: str, now_ms: int) -> dict[str, Any]:
    """An empty position has no side. The entry price is not kept: the last price stands for it."""
    amount = abs(size)
    worth = amount / market.last if market.kind == "inverse" else amount * market.last
    _, held = margin(market, amount, market.last)
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": markets.symbol(market),
        "side": "Buy" if size > 0 else "Sell" if size < 0 else "",
        "size": f"{amount:f}",
        "avgPrice": f"{market.last:f}" if size else "0",
        "positionValue": text(worth) if size else "",
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 0,
        "leverage": leverage,
        "positionBalance": "0",
        "markPrice": f"{market.last:f}",
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": "0",
        "positionIM": text(held),
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": "0",
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "seq": 1,
        "isReduceOnly": False,
        "createdTime": str(now_ms),
        "updatedTime": str(now_ms),
    }
