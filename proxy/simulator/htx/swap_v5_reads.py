"""Signed reads on the newer contract paths, /v5."""

from decimal import Decimal
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import code, order_id, size, whole
from proxy.simulator.htx.swap_data import contract
from proxy.simulator.htx.swap_trade import BEST, contracts, linear_orders, positions, visible
from proxy.simulator.htx.swap_v5 import find, good, named
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import Order

_STATES = {"OPEN": "new", "FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "canceled"}


def shown(order: Order) -> dict[str, Any]:
    empty = ("tp_trigger_price", "tp_order_price", "tp_trigger_price_type", "sl_trigger_price", "sl_order_price")
    return {
        **dict.fromkeys((*empty, "sl_trigger_price_type", "fee_currency"), ""),
        **named(order),
        "id": str(order_id(order)),
        "contract_code": code(order.market),
        "contract_type": "swap",
        "side": order.side.lower(),
        "position_side": "both",
        "type": order.tags.get("type", order.tags.get("kind", "limit")),
        "price": f"{order.price:f}" if order.price is not None else "",
        "price_match": order.tags["kind"] if order.tags.get("kind") in BEST else None,
        "volume": contracts(order, order.quantity),
        "state": _STATES[order.status],
        "margin_mode": order.tags.get("mode", "cross"),
        "lever_rate": 10,
        "order_source": "api",
        "reduce_only": order.tags.get("reduce") in ("1", "True"),
        "time_in_force": order.tags.get("force", "gtc"),
        "tp_type": "0",
        "sl_type": "0",
        "trade_avg_price": f"{order.average:f}",
        "trade_volume": contracts(order, order.filled),
        "trade_turnover": f"{order.filled_value:f}",
        "fee": "0",
        "profit": None,
        "real_profit": None,
        "price_protect": False,
        "created_time": str(order.created_ms),
        "updated_time": str(order.updated_ms),
        "cancel_reason": None,
        "self_match_prevent": "cancel_taker",
    }


def order_info(seat: Seat) -> dict[str, Any]:
    order = find(seat)
    if order is None or not visible(order, seat.now_ms):
        raise Refusal(1017, "Order doesnt exist.")
    return good(seat, shown(order))


def _page(seat: Seat, rows: list[dict[str, Any]]) -> dict[str, Any]:
    limit = whole(seat.params, "limit", 10)
    if limit is None or not 1 <= limit <= 100:
        raise Refusal(1030, "Parameter error: limit.")
    return good(seat, rows[:limit])


def open_orders(seat: Seat) -> dict[str, Any]:
    mode = str(seat.params.get("margin_mode", ""))
    return _page(seat, [shown(o) for o in linear_orders(seat, mode, done=False)])


def _ranged(seat: Seat, orders: list[Order]) -> list[Order]:
    end = whole(seat.params, "end_time", seat.now_ms)
    start = whole(seat.params, "start_time", 0)
    if start is None or end is None or start > end:
        raise Refusal(1030, "Parameter error: start_time.")
    return [o for o in orders if start <= o.created_ms <= end]


def history(seat: Seat) -> dict[str, Any]:
    contract(seat.floor, seat.params.get("contract_code"))
    mode = str(seat.params.get("margin_mode", ""))
    return _page(seat, [shown(o) for o in _ranged(seat, linear_orders(seat, mode, done=True))])


def details(seat: Seat) -> dict[str, Any]:
    """Fills."""
    rows = [
        {
            "id": str(order.number),
            "contract_code": code(order.market),
            "contract_type": "swap",
            "order_id": str(order_id(order)),
            "trade_id": str(order.number),
            "side": order.side.lower(),
            "position_side": "both",
            "order_type": "1",
            "margin_mode": order.tags.get("mode", "cross"),
            "type": order.tags.get("type", "limit"),
            "role": "TAKER",
            "trade_price": f"{order.average:f}",
            "trade_volume": contracts(order, order.filled),
            "trade_turnover": f"{order.filled_value:f}",
            "created_time": str(order.updated_ms),
            "updated_time": str(order.updated_ms),
            "order_source": "api",
            "fee_currency": "USDT",
            "trade_fee": "0",
            "deduction_price": "",
            "profit": "0",
        }
        for order in _ranged(seat, linear_orders(seat))
        if order.filled
    ]
    return _page(seat, rows)


def position(market: Market, quantity: Decimal, now_ms: int) -> dict[str, Any]:
    volume, worth = f"{(abs(quantity) / size(market)).normalize():f}", abs(quantity) * market.last
    return {
        "contract_code": code(market),
        "position_side": "both",
        "direction": "buy" if quantity > 0 else "sell",
        "margin_mode": "cross",
        "open_avg_price": f"{market.last:f}",
        "volume": volume,
        "available": volume,
        "lever_rate": 10,
        "adl_risk_percent": 1,
        "liquidation_price": "",
        "initial_margin": f"{worth / 10:f}",
        "maintenance_margin": f"{worth / 100:f}",
        "profit_unreal": "0",
        "profit_rate": "0",
        "margin_rate": "0.01",
        "mark_price": f"{market.last:f}",
        "last_price": f"{market.last:f}",
        "margin_currency": "USDT",
        "contract_type": "swap",
        "created_time": str(now_ms),
        "updated_time": str(now_ms),
    }


def open_positions(seat: Seat) -> dict[str, Any]:
    asked = seat.params.get("contract_code")
    wanted = contract(seat.floor, asked) if asked else None
    rows = [position(m, q, seat.now_ms) for m, q in positions(seat) if wanted in (None, m)]
    return good(seat, rows)


def balance(seat: Seat) -> dict[str, Any]:
    total, free = seat.desk.total.get("USDT", Decimal(0)), seat.desk.free("USDT")
    names = ("profit_unreal", "initial_margin", "maintenance_margin", "maintenance_margin_rate", "voucher_value")
    zeros = dict.fromkeys(names, "0")
    amounts = {"equity": f"{total:f}", "available_margin": f"{free:f}"}
    times = {"created_time": seat.now_ms, "updated_time": seat.now_ms}
    free_text = {"available": f"{free:f}", "withdraw_available": f"{free:f}"}
    row = {"currency": "USDT", **zeros, **amounts, **free_text, "voucher": "0", **times}
    return good(seat, {"state": "normal", "details": [row], **zeros, **amounts, **times})
