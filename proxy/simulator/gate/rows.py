"""How Gate shows orders, fills and positions."""

from decimal import Decimal
from typing import Any

from proxy.simulator.gate.seat import Seat, multiplier, name, order_id
from proxy.simulator.market import Market
from proxy.simulator.orders import Order, margin

_SPOT_STATUS = {"OPEN": "open", "FILLED": "closed", "CANCELED": "cancelled", "EXPIRED": "cancelled"}


def finish_as(order: Order) -> str:
    if order.status == "EXPIRED":
        return order.time_in_force.lower()
    return {"OPEN": "open", "FILLED": "filled", "CANCELED": "cancelled"}[order.status]


def seconds(ms: int) -> float:
    return ms / 1000


def spot_row(order: Order) -> dict[str, Any]:
    """Of a market order that buys, amount and rest are in the quote coin."""
    spend = order.tags.get("spend")
    left = Decimal(spend) - order.filled_value if spend else order.quantity - order.filled
    base, quote = order.market.spec.base, order.market.spec.quote
    return {
        "id": str(order_id(order)),
        "text": order.client_id or "apiv4",
        "amend_text": order.tags.get("amend_text", "-"),
        "create_time": str(order.created_ms // 1000),
        "update_time": str(order.updated_ms // 1000),
        "create_time_ms": order.created_ms,
        "update_time_ms": order.updated_ms,
        "status": _SPOT_STATUS[order.status],
        "currency_pair": name(order.market),
        "type": order.kind.lower(),
        "account": "spot",
        "side": order.side.lower(),
        "amount": spend or f"{order.quantity:f}",
        "price": f"{order.price or 0:f}",
        "time_in_force": order.tags["tif"],
        "iceberg": "0",
        "left": f"{left:f}",
        "filled_amount": f"{order.filled:f}",
        "fill_price": f"{order.filled_value:f}",
        "filled_total": f"{order.filled_value:f}",
        **({"avg_deal_price": f"{order.average:f}"} if order.filled else {}),
        **dict.fromkeys(("fee", "point_fee", "gt_fee", "gt_maker_fee", "gt_taker_fee", "rebated_fee"), "0"),
        "fee_currency": base if order.side == "BUY" else quote,
        "gt_discount": False,
        "rebated_fee_currency": quote if order.side == "BUY" else base,
        "finish_as": finish_as(order),
    }


def spot_fill(order: Order) -> dict[str, Any]:
    """Orders fill at once and whole, so each has one fill."""
    return {
        "id": str(order.number),
        "create_time": str(order.updated_ms // 1000),
        "create_time_ms": f"{order.updated_ms}.000000",
        "currency_pair": name(order.market),
        "side": order.side.lower(),
        "role": "maker" if order.updated_ms > order.created_ms else "taker",
        "amount": f"{order.filled:f}",
        "price": f"{order.average:f}",
        "order_id": str(order_id(order)),
        "fee": "0",
        "fee_currency": order.market.spec.base if order.side == "BUY" else order.market.spec.quote,
        "point_fee": "0",
        "gt_fee": "0",
        "amend_text": "-",
        "sequence_id": str(order.number),
        "text": order.client_id or "apiv4",
    }


def size(seat: Seat, market: Market, quantity: Decimal) -> int | str:
    """Contracts, as a number or, if the caller wants decimals, as text."""
    count = int(quantity / multiplier(market))
    return count if seat.whole_sizes else str(count)


def futures_row(seat: Seat, order: Order) -> dict[str, Any]:
    sign = 1 if order.side == "BUY" else -1
    row: dict[str, Any] = {
        "id": order_id(order),
        "user": 10_000_001,
        "create_time": seconds(order.created_ms),
        "update_time": seconds(order.updated_ms),
        "status": "open" if order.open else "finished",
        "contract": name(order.market),
        "size": size(seat, order.market, sign * order.quantity),
        "iceberg": 0 if seat.whole_sizes else "0",
        "price": f"{order.price or 0:f}",
        "is_close": "close" in order.tags,
        "is_reduce_only": "reduce_only" in order.tags,
        "is_liq": False,
        "tif": order.tags["tif"],
        "left": size(seat, order.market, sign * (order.quantity - order.filled)),
        "fill_price": f"{order.average:f}",
        "text": order.client_id or "api",
        "tkfr": "0",
        "mkfr": "0",
        "refu": 0,
        "refr": "0",
        "stp_id": 0,
        "stp_act": "-",
        "amend_text": order.tags.get("amend_text", "-"),
    }
    return row if order.open else {**row, "finish_time": seconds(order.updated_ms), "finish_as": finish_as(order)}


def futures_fill(seat: Seat, order: Order) -> dict[str, Any]:
    sign = 1 if order.side == "BUY" else -1
    return {
        "id": order.number,
        "create_time": seconds(order.updated_ms),
        "contract": name(order.market),
        "order_id": str(order_id(order)),
        "size": size(seat, order.market, sign * order.filled),
        "close_size": 0 if seat.whole_sizes else "0",
        "price": f"{order.average:f}",
        "role": "maker" if order.updated_ms > order.created_ms else "taker",
        "text": order.client_id or "api",
        "fee": "0",
        "point_fee": "0",
    }


def position_row(seat: Seat, market: Market) -> dict[str, Any]:
    """The entry price is not kept: the last price stands for it."""
    held = seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0))
    zeros = ("unrealised_pnl", "realised_pnl", "history_pnl", "last_close_pnl", "realised_point", "history_point")
    price = f"{market.last:f}" if held else "0"
    return {
        "user": 10_000_001,
        "contract": name(market),
        "size": size(seat, market, held),
        "leverage": "10",
        "risk_limit": "1000000",
        "leverage_max": "100",
        "maintenance_rate": "0.005",
        "value": f"{abs(held) * market.last:f}",
        "margin": f"{margin(market, abs(held), market.last)[1]:f}",
        "initial_margin": f"{margin(market, abs(held), market.last)[1]:f}",
        "maintenance_margin": "0",
        "entry_price": price,
        "liq_price": "0",
        "mark_price": f"{market.last:f}",
        **dict.fromkeys(zeros, "0"),
        "adl_ranking": 6,
        "pending_orders": len(seat.desk.open_orders(market)),
        "close_order": None,
        "mode": "single",
        "cross_leverage_limit": "0",
        "update_time": seat.now_ms // 1000,
        "update_id": 1,
        "open_time": seat.now_ms // 1000 if held else 0,
    }
