"""Crypto.com's signed reads, and the table of all private methods."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from proxy.simulator.cryptocom.trade import (
    Seat,
    amend_order,
    cancel_all,
    cancel_order,
    create_order,
    find,
    shown,
    wanted,
)
from proxy.simulator.cryptocom.wire import Refusal
from proxy.simulator.orders import Order


def order_detail(seat: Seat) -> Any:
    order = find(seat)
    if order is None:
        raise Refusal(200, 40401, "NOT_FOUND")
    return shown(order)


def open_orders(seat: Seat) -> Any:
    return {"data": [shown(o) for o in seat.key.account.desk.open_orders(wanted(seat))]}


def order_history(seat: Seat) -> Any:
    orders = [o for o in seat.key.account.desk.all_orders(wanted(seat)) if not o.open]
    return {"data": [shown(o) for o in reversed(orders[-100:])]}


def trades(seat: Seat) -> Any:
    orders = [o for o in seat.key.account.desk.all_orders(wanted(seat)) if o.filled]
    return {"data": [_trade(o) for o in reversed(orders[-100:])]}


def _trade(order: Order) -> dict[str, Any]:
    view = shown(order)
    copied = ("account_id", "order_id", "client_oid", "side", "instrument_name", "fee_instrument_name")
    return {
        **{name: view[name] for name in copied},
        "event_date": view["order_date"],
        "journal_type": "TRADING",
        "trade_id": str(order.number),
        "trade_match_id": str(order.number),
        "traded_quantity": f"{order.filled:f}",
        "traded_price": f"{order.average:f}",
        "fees": "0",
        "taker_side": "TAKER",
        "create_time": order.updated_ms,
        "create_time_ns": str(order.updated_ms * 1_000_000),
    }


def user_balance(seat: Seat) -> Any:
    desk = seat.key.account.desk
    usd = f"{desk.total.get('USD', Decimal(0)):f}"
    totals = ("total_available_balance", "total_margin_balance", "total_cash_balance", "total_collateral_value")
    zeros = (
        "total_initial_margin",
        "total_maintenance_margin",
        "total_position_cost",
        "total_session_unrealized_pnl",
        "total_session_realized_pnl",
        "total_effective_leverage",
        "total_haircut",
        "total_position_im",
        "used_position_limit",
        "total_borrow",
        "margin_score",
    )
    coins = [
        {
            "instrument_name": coin,
            "quantity": f"{total:f}",
            "reserved_qty": f"{desk.held.get(coin, Decimal(0)):f}",
            "market_value": f"{total:f}",
            "collateral_eligible": "true",
            "collateral_amount": f"{total:f}",
            "collateral_weight": "1",
            "haircut": "0",
            "max_withdrawal_balance": f"{desk.free(coin):f}",
            "hourly_interest_rate": "0",
        }
        for coin, total in desk.total.items()
    ]
    whole = {**dict.fromkeys(totals, usd), **dict.fromkeys(zeros, "0"), "position_limit": "3000000"}
    flags = {"is_liquidating": False, "has_risk": False, "terminatable": True}
    return {"data": [{"instrument_name": "USD", **whole, **flags, "position_balances": coins}]}


def currency_networks(seat: Seat) -> Any:
    network = {
        "network_id": "SIM",
        "withdrawal_fee": "0",
        "withdraw_enabled": True,
        "min_withdrawal_amount": "0",
        "deposit_enabled": True,
        "confirmation_required": 1,
    }
    coins = seat.floor.board.coins
    row = {"default_network": "SIM", "network_list": [network]}
    return {"update_time": seat.now_ms, "currency_map": {c: {"full_name": c, **row} for c in coins}}


def accounts(seat: Seat) -> Any:
    name = f"sim-{seat.key.account.name}"
    return {"master_account": {"uuid": name, "label": name, "tradable": True}, "sub_account_list": []}


def withdraw(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"id": seat.now_ms}


PRIVATE: dict[str, Callable[[Seat], Any]] = {
    "private/create-order": create_order,
    "private/amend-order": amend_order,
    "private/cancel-order": cancel_order,
    "private/cancel-all-orders": cancel_all,
    "private/get-order-detail": order_detail,
    "private/get-open-orders": open_orders,
    "private/get-order-history": order_history,
    "private/get-trades": trades,
    "private/user-balance": user_balance,
    "private/get-currency-networks": currency_networks,
    "private/get-accounts": accounts,
    "private/create-withdrawal": withdraw,
}
