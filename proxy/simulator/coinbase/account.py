"""Coinbase's signed reads: orders, fills, accounts, rights; and the calls that move money."""

from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from proxy.simulator.coinbase.ticket import Seat, by_id, order_id
from proxy.simulator.coinbase.trade import shown_configuration
from proxy.simulator.coinbase.wire import (
    Query,
    Refusal,
    body_of,
    invalid,
    iso,
    number_of,
    plain,
    product_id,
    read_iso,
)
from proxy.simulator.orders import Order

_STATUS = {"OPEN": "OPEN", "FILLED": "FILLED", "CANCELED": "CANCELLED", "EXPIRED": "EXPIRED"}
_STATUSES = ("PENDING", "OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED", "QUEUED", "CANCEL_QUEUED")
_FORCES = {
    "gtc": "GOOD_UNTIL_CANCELLED",
    "gtd": "GOOD_UNTIL_DATE_TIME",
    "ioc": "IMMEDIATE_OR_CANCEL",
    "fok": "FILL_OR_KILL",
}
_FIAT = ("USD", "EUR", "GBP")


def portfolio(seat: Seat) -> str:
    return str(uuid5(NAMESPACE_OID, f"portfolio {seat.key.account.name}"))


def shown(order: Order) -> dict[str, Any]:
    kind = order.tags["kind"]
    status = "CANCELLED" if order.status == "EXPIRED" and not kind.endswith("gtd") else _STATUS[order.status]
    part = 100 * order.filled / order.quantity
    return {
        "order_id": order_id(order),
        "product_id": product_id(order.market),
        "user_id": str(uuid5(NAMESPACE_OID, f"user {order.account}")),
        "order_configuration": shown_configuration(order),
        "side": order.side,
        "client_order_id": order.client_id,
        "status": status,
        "time_in_force": _FORCES[kind[-3:]],
        "created_time": iso(order.created_ms),
        "last_fill_time": iso(order.updated_ms) if order.filled else None,
        "completion_percentage": plain(part),
        "filled_size": plain(order.filled),
        "average_filled_price": plain(order.average),
        "fee": "",
        "number_of_fills": "1" if order.filled else "0",
        "filled_value": plain(order.filled_value),
        "pending_cancel": False,
        "size_in_quote": "quote_size" in order.tags,
        "total_fees": "0",
        "size_inclusive_of_fees": False,
        "total_value_after_fees": plain(order.filled_value),
        "trigger_status": "INVALID_ORDER_TYPE",
        "order_type": order.kind,
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": order.status == "FILLED",
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": "User requested cancel" if order.status == "CANCELED" else "",
        "outstanding_hold_amount": plain(order.held()[1]) if order.open else "0",
    }


def one_order(seat: Seat, name: str) -> Any:
    order = by_id(seat.desk, name)
    if order is None:
        raise Refusal(404, "unknown", "order with this orderID was not found")
    seat.client_id = order.client_id
    return {"order": shown(order)}


def _page(query: Query, rows: list[Any]) -> tuple[list[Any], str]:
    """`limit` of the rows from `cursor` on, and the next cursor if there are more."""
    start, limit = query.number("cursor", 0, 1 << 53), query.number("limit", 1000, 1000)
    page = rows[start : start + (limit or 1000)]
    return page, str(start + len(page)) if start + len(page) < len(rows) else ""


def _between(query: Query, first: str, last: str, at_ms: int) -> bool:
    begin, end = query.text(first), query.text(last)
    return (not begin or at_ms >= read_iso(begin)) and (not end or at_ms < read_iso(end))


def orders(seat: Seat) -> Any:
    """Newest first. There is no filter by client_order_id."""
    query = seat.query
    wanted, states = query.texts("product_ids", "product_id"), query.texts("order_status")
    ids, side = query.texts("order_ids"), query.text("order_side")
    if any(state not in _STATUSES for state in states):
        raise invalid("invalid order_status")
    if "OPEN" in states and len(states) > 1:
        raise invalid("OPEN orders cannot be asked for with other order_status")
    chosen = [
        shown(o)
        for o in reversed(seat.desk.all_orders())
        if _between(query, "start_date", "end_date", o.created_ms)
        and (not wanted or product_id(o.market) in wanted)
        and (not ids or order_id(o) in ids)
        and (not side or o.side == side)
    ]
    kept = [view for view in chosen if not states or view["status"] in states]
    page, cursor = _page(query, kept)
    return {"orders": page, "sequence": "0", "has_next": bool(cursor), "cursor": cursor}


def fills(seat: Seat) -> Any:
    query = seat.query
    wanted, ids = query.texts("product_ids", "product_id"), query.texts("order_ids", "order_id")
    kept = [
        _fill(o)
        for o in reversed(seat.desk.all_orders())
        if o.filled
        and _between(query, "start_sequence_timestamp", "end_sequence_timestamp", o.updated_ms)
        and (not wanted or product_id(o.market) in wanted)
        and (not ids or order_id(o) in ids)
    ]
    page, cursor = _page(query, kept)
    return {"fills": page, "cursor": cursor}


def _fill(order: Order) -> dict[str, Any]:
    view = shown(order)
    copied = ("order_id", "product_id", "user_id", "side")
    return {
        **{name: view[name] for name in copied},
        "entry_id": f"entry-{order.number}",
        "trade_id": f"trade-{order.number}",
        "trade_time": iso(order.updated_ms),
        "trade_type": "FILL",
        "price": plain(order.average),
        "size": plain(order.filled),
        "commission": "0",
        "sequence_timestamp": iso(order.updated_ms),
        "liquidity_indicator": "TAKER" if order.updated_ms == order.created_ms else "MAKER",
        "size_in_quote": False,
    }


def _account(seat: Seat, coin: str) -> dict[str, Any]:
    return {
        "uuid": str(uuid5(NAMESPACE_OID, f"{seat.key.account.name} {coin}")),
        "name": f"{coin} Wallet",
        "currency": coin,
        "available_balance": {"value": plain(seat.desk.free(coin)), "currency": coin},
        "default": True,
        "active": True,
        "created_at": iso(1_672_812_366_456),
        "updated_at": iso(1_672_812_366_456),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if coin in _FIAT else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": plain(seat.desk.held.get(coin, Decimal(0))), "currency": coin},
        "retail_portfolio_id": portfolio(seat),
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def accounts(seat: Seat) -> Any:
    page, cursor = _page(seat.query, [_account(seat, coin) for coin in seat.desk.total])
    return {"accounts": page, "has_next": bool(cursor), "cursor": cursor, "size": len(page)}


def one_account(seat: Seat, name: str) -> Any:
    for coin in seat.desk.total:
        if (found := _account(seat, coin))["uuid"] == name:
            return {"account": found}
    raise Refusal(404, "not_found", "account not found")


def app_accounts(seat: Seat) -> Any:
    """GET /v2/accounts: the whole amount, holds included."""
    rows = [
        {
            "id": _account(seat, coin)["uuid"],
            "name": f"{coin} Wallet",
            "primary": False,
            "type": "fiat" if coin in _FIAT else "wallet",
            "currency": {"code": coin, "name": coin},
            "balance": {"amount": plain(total), "currency": coin},
            "resource": "account",
        }
        for coin, total in seat.desk.total.items()
    ]
    names = ("ending_before", "starting_after", "previous_ending_before", "next_starting_after", "next_uri")
    return {"pagination": {**dict.fromkeys(names), "limit": 250, "order": "desc"}, "data": rows}


def key_permissions(seat: Seat) -> Any:
    """What the key may do; addresses are not told."""
    key = seat.key
    rights = {"can_view": key.spec.read, "can_trade": key.trade, "can_transfer": key.spec.withdraw}
    return {**rights, "portfolio_uuid": portfolio(seat), "portfolio_type": "DEFAULT"}


def portfolios(seat: Seat) -> Any:
    return {"portfolios": [{"name": "Default", "uuid": portfolio(seat), "type": "DEFAULT", "deleted": False}]}


def transaction_summary(seat: Seat) -> Any:
    tier = {"pricing_tier": "", "usd_from": "0", "usd_to": "", "taker_fee_rate": "0", "maker_fee_rate": "0"}
    amounts = dict.fromkeys(("total_volume", "total_fees", "advanced_trade_only_volume", "coinbase_pro_volume"), 0)
    return {**amounts, "fee_tier": tier, "margin_rate": None, "goods_and_services_tax": None, "total_balance": "0"}


def move_funds(seat: Seat) -> Any:
    """The venue keeps the witness; no money is kept here that could go."""
    data = body_of(seat.asked)
    ends = ("source_portfolio_uuid", "target_portfolio_uuid")
    if not all(isinstance(data.get(name), str) for name in ends) or not isinstance(data.get("funds"), dict):
        raise invalid("invalid funds")
    return {name: data[name] for name in ends}


def send_money(seat: Seat) -> Any:
    """POST /v2/accounts/{id}/transactions, or withdrawals."""
    data = body_of(seat.asked)
    if not number_of(data, "amount"):
        raise invalid("invalid amount")
    amount = {"amount": data["amount"], "currency": data.get("currency")}
    return {"data": {"id": str(seat.now_ms), "type": "send", "status": "pending", "amount": amount}}
