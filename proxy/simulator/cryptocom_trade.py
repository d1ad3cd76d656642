"""Crypto.com's private methods: orders, balances, and the table of all of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.cryptocom_data import market
from proxy.simulator.cryptocom_wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_STATUS = {"OPEN": "ACTIVE", "FILLED": "FILLED", "CANCELED": "CANCELED", "EXPIRED": "EXPIRED"}
_FORCE = {"GOOD_TILL_CANCEL": "GTC", "IMMEDIATE_OR_CANCEL": "IOC", "FILL_OR_KILL": "FOK"}
_ARGUMENT = (400, 40004, "MISSING_OR_INVALID_ARGUMENT")


@dataclass(slots=True)
class Seat:
    """An authenticated caller and its params."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, Any]
    asked: Asked
    client_id: str = field(default="")

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms


@dataclass(frozen=True, slots=True)
class _Ticket:
    market: Market
    side: Side
    limit: bool
    quantity: Decimal
    price: Decimal | None
    force: str
    post_only: bool


def order_id(order: Order) -> str:
    """Beyond 2^53, as the exchange's are: a client must keep it as text."""
    return str(6_530_219_460_000_000_000 + order.number)


def _find(seat: Seat) -> Order | None:
    desk = seat.key.account.desk
    number, client_id = seat.params.get("order_id"), seat.params.get("client_oid")
    if isinstance(number, str) and number:
        order = desk.by_number(int(number) - 6_530_219_460_000_000_000) if number.isdigit() else None
    elif isinstance(client_id, str) and client_id:
        order = desk.by_client_id(client_id)
    else:
        raise Refusal(*_ARGUMENT)
    seat.client_id = order.client_id if order else str(client_id or "")
    return order


def _number(params: Mapping[str, Any], name: str, code: int, text: str) -> Decimal:
    value = params.get(name)
    if value is None:
        raise Refusal(*_ARGUMENT)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Refusal(400, code, text)
    return Decimal(value)


def _ticket(seat: Seat) -> _Ticket:
    params = seat.params
    found = market(seat.floor, params.get("instrument_name"))
    if params.get("side") not in ("BUY", "SELL"):
        raise Refusal(400, 220, "INVALID_SIDE")
    side: Side = "BUY" if params["side"] == "BUY" else "SELL"
    kind = params.get("type")
    if kind not in ("LIMIT", "MARKET"):
        raise Refusal(400, 218, "INVALID_ORDTYPE")
    force = _FORCE.get(params.get("time_in_force", "GOOD_TILL_CANCEL"))
    if force is None:
        raise Refusal(400, 221, "INVALID_TIF")
    if kind == "MARKET" and side == "BUY" and "notional" in params:
        spend = _number(params, "notional", 213, "INVALID_ORDERQTY")
        quantity = (spend / found.ask).quantize(found.step, rounding="ROUND_DOWN")
    else:
        quantity = _number(params, "quantity", 213, "INVALID_ORDERQTY")
    if quantity <= 0 or quantity % found.step:
        raise Refusal(400, 213, "INVALID_ORDERQTY")
    price = _number(params, "price", 308, "INVALID_PRICE") if kind == "LIMIT" else None
    if price is not None and (price <= 0 or price % found.tick):
        raise Refusal(400, 308, "INVALID_PRICE")
    flags = params.get("exec_inst", [])
    if not isinstance(flags, list) or any(flag not in ("POST_ONLY", "SMART_POST_ONLY") for flag in flags):
        raise Refusal(500, 219, "INVALID_EXECINST")
    return _Ticket(found, side, kind == "LIMIT", quantity, price, force, bool(flags))


_CREATE = frozenset(
    {
        "instrument_name",
        "side",
        "type",
        "price",
        "quantity",
        "notional",
        "client_oid",
        "exec_inst",
        "time_in_force",
        "ref_price",
        "ref_price_type",
        "spot_margin",
        "stp_scope",
        "stp_inst",
        "stp_id",
        "fee_instrument_name",
        "broker_id",
    }
)


def create_order(seat: Seat) -> Any:
    """Code 0 means received. A client id once used by the account is never free again here."""
    if not _CREATE.issuperset(seat.params):
        raise Refusal(*_ARGUMENT)
    given = seat.params.get("client_oid", "")
    if not isinstance(given, str) or len(given) > 36:
        raise Refusal(*_ARGUMENT)
    seat.client_id = given
    ticket = _ticket(seat)
    account, floor = seat.key.account, seat.floor
    if given and account.desk.by_client_id(given) is not None:
        raise Refusal(400, 204, "DUPLICATE_CLORDID")
    if ticket.quantity * (ticket.price or ticket.market.last) < Decimal(ticket.market.spec.min_notional):
        raise Refusal(500, 415, "BELOW_MIN_ORDER_SIZE")
    number = next(floor.numbers)
    post_only = ticket.post_only and ticket.price is not None
    if post_only and ticket.price is not None:
        pair = ticket.market
        if ticket.price >= pair.ask if ticket.side == "BUY" else ticket.price <= pair.bid:
            raise Refusal(500, 43005, "POST_ONLY_REJ")
    try:
        order = account.desk.place(
            number,
            ticket.market,
            ticket.side,
            "LIMIT" if ticket.limit else "MARKET",
            ticket.quantity,
            ticket.price,
            given or str(number),
            seat.now_ms,
            ticket.force,
        )
    except NoFunds:
        record = {"order_id": str(6_530_219_460_000_000_000 + number), "client_oid": given or str(number)}
        raise Refusal(500, 306, "INSUFFICIENT_AVAILABLE_BALANCE", record) from None
    if post_only:
        order.tags["exec_inst"] = "POST_ONLY"
    floor.ledger.execute("cryptocom", order, given_id=bool(given))
    return {"order_id": order_id(order), "client_oid": order.client_id}


def _shown(order: Order) -> dict[str, Any]:
    day = datetime.fromtimestamp(order.created_ms / 1000, UTC).strftime("%Y-%m-%d")
    value = order.quantity * (order.price or order.market.last)
    account_id = f"sim-{order.account}"
    return {
        "account_id": account_id,
        "order_id": order_id(order),
        "client_oid": order.client_id,
        "order_type": order.kind,
        "time_in_force": {v: k for k, v in _FORCE.items()}[order.time_in_force],
        "side": order.side,
        "exec_inst": [order.tags["exec_inst"]] if "exec_inst" in order.tags else [],
        "quantity": f"{order.quantity:f}",
        "limit_price": f"{order.price or 0:f}",
        "order_value": f"{value:f}",
        "maker_fee_rate": "0",
        "taker_fee_rate": "0",
        "avg_price": f"{order.average:f}",
        "ref_price": "0",
        "cumulative_quantity": f"{order.filled:f}",
        "cumulative_value": f"{order.filled_value:f}",
        "cumulative_fee": "0",
        "status": _STATUS[order.status],
        "update_user_id": account_id,
        "order_date": day,
        "instrument_name": order.market.cryptocom,
        "fee_instrument_name": order.market.spec.quote,
        "create_time": order.created_ms,
        "create_time_ns": str(order.created_ms * 1_000_000),
        "update_time": order.updated_ms,
    }


def cancel_order(seat: Seat) -> Any:
    order = _find(seat)
    if order is None:
        raise Refusal(500, 212, "INVALID_ORDERID")
    if not order.open:
        raise Refusal(500, 316, "NO_ACTIVE_ORDER")
    seat.key.account.desk.cancel(order, seat.now_ms)
    return {"order_id": order_id(order), "client_oid": order.client_id}


def _wanted(seat: Seat) -> Market | None:
    return market(seat.floor, seat.params["instrument_name"]) if "instrument_name" in seat.params else None


def cancel_all(seat: Seat) -> Any:
    for order in seat.key.account.desk.open_orders(_wanted(seat)):
        seat.key.account.desk.cancel(order, seat.now_ms)
    return None


def amend_order(seat: Seat) -> Any:
    names = {"order_id": seat.params.get("order_id"), "client_oid": seat.params.get("orig_client_oid")}
    order = _find(Seat(seat.floor, seat.key, names, seat.asked))
    if order is None:
        raise Refusal(500, 212, "INVALID_ORDERID")
    if not order.open:
        raise Refusal(500, 316, "NO_ACTIVE_ORDER")
    price = _number(seat.params, "new_price", 308, "INVALID_PRICE")
    quantity = _number(seat.params, "new_quantity", 213, "INVALID_ORDERQTY")
    if not price or price % order.market.tick:
        raise Refusal(400, 308, "INVALID_PRICE")
    if not quantity or quantity % order.market.step:
        raise Refusal(400, 213, "INVALID_ORDERQTY")
    try:
        seat.key.account.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal(500, 306, "INSUFFICIENT_AVAILABLE_BALANCE") from None
    seat.client_id = order.client_id
    return {"order_id": order_id(order), "client_oid": order.client_id}


def order_detail(seat: Seat) -> Any:
    order = _find(seat)
    if order is None:
        raise Refusal(200, 40401, "NOT_FOUND")
    return _shown(order)


def open_orders(seat: Seat) -> Any:
    return {"data": [_shown(o) for o in seat.key.account.desk.open_orders(_wanted(seat))]}


def order_history(seat: Seat) -> Any:
    orders = [o for o in seat.key.account.desk.all_orders(_wanted(seat)) if not o.open]
    return {"data": [_shown(o) for o in reversed(orders[-100:])]}


def trades(seat: Seat) -> Any:
    orders = [o for o in seat.key.account.desk.all_orders(_wanted(seat)) if o.filled]
    return {"data": [_trade(o) for o in reversed(orders[-100:])]}


def _trade(order: Order) -> dict[str, Any]:
    view = _shown(order)
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
