"""Signed reads, and what else is no order, on the older contract paths."""

from decimal import Decimal
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import code, order_id, size, whole
from proxy.simulator.htx.spot_trade import STATE
from proxy.simulator.htx.swap_data import contract
from proxy.simulator.htx.swap_trade import contracts, linear_orders, positions, visible
from proxy.simulator.htx.swap_v1 import asked_for, code_of, mode, ok
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.orders import Order


def shown(order: Order) -> dict[str, Any]:
    """Numbers are JSON numbers, the order id beyond 2^53."""
    mode = order.tags.get("mode", "cross")
    return {
        "symbol": order.market.spec.base,
        "contract_code": code(order.market),
        "pair": code(order.market),
        "contract_type": "swap",
        "business_type": "swap",
        "volume": int(contracts(order, order.quantity)),
        "price": float(order.price or 0),
        "order_price_type": order.tags.get("kind", "limit"),
        "order_type": 1,
        "direction": order.side.lower(),
        "offset": order.tags.get("offset", "both"),
        "lever_rate": 10,
        "order_id": order_id(order),
        "order_id_str": str(order_id(order)),
        "client_order_id": int(order.client_id) if order.client_id else None,
        "created_at": order.created_ms,
        "create_date": order.created_ms,
        "update_time": order.updated_ms,
        "canceled_at": order.updated_ms if order.status in ("CANCELED", "EXPIRED") else 0,
        "trade_volume": int(contracts(order, order.filled)),
        "trade_turnover": float(order.filled_value),
        "trade_avg_price": float(order.average) if order.filled else None,
        "fee": 0,
        "fee_asset": "USDT",
        "margin_asset": "USDT",
        "margin_mode": mode,
        "margin_account": "USDT" if mode == "cross" else code(order.market),
        "margin_frozen": float(order.held()[1]) if order.open else 0,
        "profit": 0,
        "real_profit": 0,
        "status": STATE[order.status],
        "order_source": "api",
        "liquidation_type": "0",
        "is_tpsl": 0,
        "reduce_only": int(order.tags.get("reduce") in ("1", "True")),
    }


def order_info(seat: Seat) -> dict[str, Any]:
    found = [o for _, o in asked_for(seat, 50) if o is not None and visible(o, seat.now_ms)]
    if not found:
        raise Refusal(1017, "Order doesnt exist.")
    return ok(seat, [shown(o) for o in found])


def _page(seat: Seat, orders: list[Order]) -> dict[str, Any]:
    size_asked, index = whole(seat.params, "page_size", 20), whole(seat.params, "page_index", 1)
    if size_asked is None or not 1 <= size_asked <= 50 or not index:
        raise Refusal(1030, "Parameter error: page_size.")
    page = orders[(index - 1) * size_asked : index * size_asked]
    pages = -(-len(orders) // size_asked)
    totals = {"total_page": pages, "current_page": index, "total_size": len(orders)}
    return ok(seat, {"orders": [shown(o) for o in page], **totals})


def open_orders(seat: Seat) -> dict[str, Any]:
    return _page(seat, linear_orders(seat, mode(seat), done=False))


def history(seat: Seat) -> dict[str, Any]:
    """By contract and time, the newest 50; the third version of this path has its own envelope."""
    contract(seat.floor, seat.params.get("contract") or code_of(seat.params))
    end, start = whole(seat.params, "end_time", seat.now_ms), whole(seat.params, "start_time", 0)
    if start is None or end is None or start > end:
        raise Refusal(1030, "Parameter error: start_time.")
    name = seat.params.get("contract") or code_of(seat.params)
    orders = [o for o in linear_orders(seat, mode(seat), done=True) if start <= o.created_ms <= end]
    rows = [{"query_id": o.number, **shown(o)} for o in orders if code(o.market) == str(name).upper()]
    return {"code": 200, "msg": "", "data": rows[:50], "ts": seat.now_ms}


def fills(seat: Seat) -> dict[str, Any]:
    name = seat.params.get("contract") or code_of(seat.params)
    market = contract(seat.floor, name)
    rows = [
        {
            "query_id": o.number,
            "id": f"{o.number}-{order_id(o)}-1",
            "match_id": o.number,
            **{k: v for k, v in shown(o).items() if k in ("symbol", "contract_code", "pair", "direction", "offset")},
            "order_id": order_id(o),
            "order_id_str": str(order_id(o)),
            "trade_volume": int(contracts(o, o.filled)),
            "trade_price": float(o.average),
            "trade_turnover": float(o.filled_value),
            "trade_fee": 0,
            "fee_asset": "USDT",
            "create_date": o.updated_ms,
            "role": "Taker",
            "margin_mode": mode(seat),
        }
        for o in linear_orders(seat, mode(seat))
        if o.filled and o.market is market
    ]
    return {"code": 200, "msg": "", "data": rows[:50], "ts": seat.now_ms}


def account_info(seat: Seat) -> dict[str, Any]:
    total, held = seat.desk.total.get("USDT", Decimal(0)), seat.desk.held.get("USDT", Decimal(0))
    row = {
        "margin_mode": mode(seat),
        "margin_account": "USDT",
        "margin_asset": "USDT",
        "margin_balance": float(total),
        "margin_static": float(total),
        "margin_position": 0,
        "margin_frozen": float(held),
        "margin_available": float(total - held),
        "withdraw_available": float(total - held),
        "profit_real": 0,
        "profit_unreal": 0,
        "risk_rate": None,
    }
    if mode(seat) == "cross":
        return ok(seat, [row])
    named = [code(m) for m in seat.floor.board.contracts if m.kind == "linear"]
    return ok(seat, [{**row, "symbol": n.split("-")[0], "contract_code": n, "margin_account": n} for n in named])


def position_info(seat: Seat) -> dict[str, Any]:
    rows = [
        {
            "symbol": m.spec.base,
            "contract_code": code(m),
            "volume": float(abs(q) / size(m)),
            "available": float(abs(q) / size(m)),
            "frozen": 0,
            "cost_open": float(m.last),
            "cost_hold": float(m.last),
            "profit_unreal": 0,
            "profit_rate": 0,
            "lever_rate": 10,
            "position_margin": float(abs(q) * m.last / 10),
            "direction": "buy" if q > 0 else "sell",
            "last_price": float(m.last),
            "margin_asset": "USDT",
            "margin_mode": mode(seat),
        }
        for m, q in positions(seat)
    ]
    return ok(seat, rows)


def trading_status(seat: Seat) -> dict[str, Any]:
    """The state of the cancel-ratio ban."""
    ratio, name = seat.memory.ratio, seat.account.name
    placed, invalid = ratio.counts(name, seat.now_ms)
    until = ratio.recovery_ms(name, seat.now_ms)
    measured = {
        "orders_threshold": ratio.orders,
        "orders": placed,
        "invalid_cancel_orders": invalid,
        "cancel_ratio_threshold": ratio.ratio,
        "cancel_ratio": invalid / placed if placed else 0,
        "is_trigger": int(bool(until)),
        "is_active": 1,
    }
    row = {
        "is_disable": int(bool(until)),
        "order_price_types": "limit,post_only,FOK,IOC",
        "disable_reason": "COR" if until else "",
        "disable_interval": max(0, until - seat.now_ms),
        "recovery_time": until,
        "COR": measured,
    }
    return ok(seat, [row])


def lever(seat: Seat) -> dict[str, Any]:
    market = contract(seat.floor, code_of(seat.params))
    rate = whole(seat.params, "lever_rate", 0)
    if not rate:
        raise Refusal(1037, "The leverage is abnormal.")
    return ok(seat, {"contract_code": code(market), "lever_rate": rate, "margin_mode": mode(seat)})


def moved(seat: Seat) -> dict[str, Any]:
    """Recorded where the right is checked; no money is kept here that could go."""
    return ok(seat, {"order_id": str(seat.now_ms)})
