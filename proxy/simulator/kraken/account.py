"""Kraken's signed reads, and the table of all private methods with cost and right."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from proxy.simulator.kraken.ticket import Seat, by_txid, described, txid
from proxy.simulator.kraken.trade import add_batch, add_order, amend_order, cancel_all, cancel_batch, cancel_order
from proxy.simulator.kraken.wire import Refusal
from proxy.simulator.market import kraken_coin
from proxy.simulator.orders import Order


@dataclass(frozen=True, slots=True)
class PrivateRow:
    """`cost`: on the key's REST counter. `money`: would move money out."""

    run: Callable[[Seat], Any]
    params: frozenset[str]
    cost: float = 1.0
    right: Literal["none", "read", "trade", "withdraw"] = "read"
    json_only: bool = False
    money: bool = False


def balance(seat: Seat) -> Any:
    return {kraken_coin(c): f"{total:.10f}" for c, total in seat.key.account.desk.total.items()}


def balance_extended(seat: Seat) -> Any:
    desk = seat.key.account.desk
    return {
        kraken_coin(coin): {
            "balance": f"{total:.10f}",
            "hold_trade": f"{desk.held.get(coin, Decimal(0)):.10f}",
        }
        for coin, total in desk.total.items()
    }


def trade_balance(seat: Seat) -> Any:
    usd = f"{seat.key.account.desk.total.get('USD', Decimal(0)):.4f}"
    return {"eb": usd, "tb": usd, **dict.fromkeys(("m", "n", "c", "v"), "0.0000"), "e": usd, "mf": usd}


def _order(seat: Seat, order: Order) -> dict[str, Any]:
    decimals = order.market.spec.price_decimals
    status = {"OPEN": "open", "FILLED": "closed", "CANCELED": "canceled", "EXPIRED": "expired"}[order.status]
    view: dict[str, Any] = {
        "refid": None,
        "userref": int(order.tags["userref"]) if "userref" in order.tags else None,
        "cl_ord_id": order.client_id or None,
        "status": status,
        "opentm": order.created_ms / 1000,
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": order.market.kraken_alt,
            "type": order.side.lower(),
            "ordertype": order.kind.lower(),
            "price": f"{order.price or 0:.{decimals}f}",
            "price2": "0",
            "leverage": "none",
            "order": described(order),
            "close": "",
        },
        "vol": f"{order.quantity:.8f}",
        "vol_exec": f"{order.filled:.8f}",
        "cost": f"{order.filled_value:.5f}",
        "fee": "0.00000",
        "price": f"{order.average:.5f}",
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": order.tags.get("oflags", "fciq"),
    }
    if not order.open:
        view["closetm"] = order.updated_ms / 1000
        view["reason"] = "User requested" if order.status == "CANCELED" else None
    if seat.flag("trades"):
        view["trades"] = ["T" + txid(order)[1:]] if order.filled else []
    return view


def _filtered(seat: Seat, orders: list[Order]) -> list[Order]:
    """By cl_ord_id or userref, where given."""
    client_id, userref = seat.text("cl_ord_id"), seat.text("userref")
    seat.client_id = client_id
    return [
        o
        for o in orders
        if (not client_id or o.client_id == client_id) and (not userref or o.tags.get("userref") == userref)
    ]


def open_orders(seat: Seat) -> Any:
    orders = _filtered(seat, seat.key.account.desk.open_orders())
    return {"open": {txid(o): _order(seat, o) for o in orders}}


def closed_orders(seat: Seat) -> Any:
    """Newest first, 50 a page."""
    orders = [o for o in _filtered(seat, seat.key.account.desk.all_orders()) if not o.open]
    offset = seat.text("ofs") or "0"
    start, end = seat.text("start"), seat.text("end")
    if not offset.isdigit() or not all(t.replace(".", "", 1).isdigit() for t in (start, end) if t):
        raise Refusal("EGeneral:Invalid arguments")
    kept = [
        o
        for o in reversed(orders)
        if (not start or o.updated_ms >= float(start) * 1000) and (not end or o.updated_ms <= float(end) * 1000)
    ]
    page = kept[int(offset) : int(offset) + 50]
    return {"closed": {txid(o): _order(seat, o) for o in page}, "count": len(kept)}


def query_orders(seat: Seat) -> Any:
    """By txid, at most 50, with userref as a further filter. cl_ord_id is no parameter of this method."""
    names = [name for name in seat.text("txid").split(",") if name]
    if not 1 <= len(names) <= 50:
        raise Refusal("EGeneral:Invalid arguments:txid")
    found = [order for name in names if (order := by_txid(seat, name)) is not None]
    if not found:
        raise Refusal("EOrder:Unknown order")
    if len(found) == 1:
        seat.client_id = found[0].client_id
    userref = seat.text("userref")
    return {txid(o): _order(seat, o) for o in found if not userref or o.tags.get("userref") == userref}


def trades_history(seat: Seat) -> Any:
    trades = {
        "T" + txid(o)[1:]: {
            "ordertxid": txid(o),
            "pair": o.market.kraken,
            "time": o.updated_ms / 1000,
            "type": o.side.lower(),
            "ordertype": o.kind.lower(),
            "price": f"{o.average:.5f}",
            "cost": f"{o.filled_value:.5f}",
            "fee": "0.00000",
            "vol": f"{o.filled:.8f}",
            "margin": "0.00000",
            "misc": "",
        }
        for o in seat.key.account.desk.all_orders()
        if o.filled
    }
    return {"trades": dict(list(trades.items())[-50:]), "count": len(trades)}


def key_info(seat: Seat) -> Any:
    key = seat.key
    rights = {"query-funds": key.spec.read, "modify-trades": key.trade, "withdraw-funds": key.spec.withdraw}
    return {
        "name": key.alias,
        "nonce": str(key.nonce),
        "nonceWindow": str(key.spec.nonce_window),
        "permissions": [name for name, given in rights.items() if given],
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "ipAllowlist": sorted(key.whitelist),
        "lastUsed": str(key.used_ms // 1000),
        "iban": f"SIM {key.account.name}",
    }


def withdraw(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"refid": f"SIM{seat.now_ms}"}


_ORDER = (
    "ordertype type volume pair price oflags timeinforce deadline validate userref cl_ord_id reduce_only "
    "stptype starttm expiretm asset_class leverage"
)
_FUNDS = "asset key address amount max_fee from to aclass"


def _row(run: Callable[[Seat], Any], params: str = "", **rest: Any) -> PrivateRow:
    return PrivateRow(run, frozenset(params.split()), **rest)


PRIVATE: dict[str, PrivateRow] = {
    "Balance": _row(balance, "rebase_multiplier"),
    "BalanceEx": _row(balance_extended, "rebase_multiplier"),
    "TradeBalance": _row(trade_balance, "asset aclass rebase_multiplier"),
    "OpenOrders": _row(open_orders, "trades userref cl_ord_id rebase_multiplier start"),
    "ClosedOrders": _row(
        closed_orders,
        "trades userref cl_ord_id start end ofs closetime consolidate_taker without_count rebase_multiplier",
    ),
    "QueryOrders": _row(query_orders, "txid userref trades consolidate_taker rebase_multiplier"),
    "TradesHistory": _row(
        trades_history, "type trades start end ofs consolidate_taker ledgers rebase_multiplier", cost=2.0
    ),
    "GetApiKeyInfo": _row(key_info, right="none"),
    "AddOrder": _row(add_order, _ORDER, cost=0.0, right="trade"),
    "AddOrderBatch": _row(
        add_batch, "pair orders deadline validate asset_class", cost=0.0, right="trade", json_only=True
    ),
    "AmendOrder": _row(
        amend_order,
        "txid cl_ord_id order_qty limit_price display_qty post_only pair deadline trigger_price",
        cost=0.0,
        right="trade",
    ),
    "CancelOrder": _row(cancel_order, "txid cl_ord_id userref", cost=0.0, right="trade"),
    "CancelOrderBatch": _row(cancel_batch, "orders cl_ord_ids", cost=0.0, right="trade", json_only=True),
    "CancelAll": _row(cancel_all, right="trade"),
    "Withdraw": _row(withdraw, _FUNDS, right="withdraw", money=True),
    "WalletTransfer": _row(withdraw, _FUNDS, right="withdraw", money=True),
    "AccountTransfer": _row(withdraw, _FUNDS, right="withdraw", money=True),
}
