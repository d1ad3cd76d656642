"""Crypto.com's order methods."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.cryptocom.data import market
from proxy.simulator.cryptocom.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_STATUS = {"OPEN": "ACTIVE", "FILLED": "FILLED", "CANCELED": "CANCELED", "EXPIRED": "EXPIRED"}
_FORCE = {"GOOD_TILL_CANCEL": "GTC", "IMMEDIATE_OR_CANCEL": "IOC", "FILL_OR_KILL": "FOK"}
BAD_ARGUMENT = (400, 40004, "MISSING_OR_INVALID_ARGUMENT")


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


def find(seat: Seat) -> Order | None:
    desk = seat.key.account.desk
    number, client_id = seat.params.get("order_id"), seat.params.get("client_oid")
    if isinstance(number, str) and number:
        order = desk.by_number(int(number) - 6_530_219_460_000_000_000) if number.isdigit() else None
    elif isinstance(client_id, str) and client_id:
        order = desk.by_client_id(client_id)
    else:
        raise Refusal(*BAD_ARGUMENT)
    seat.client_id = order.client_id if order else str(client_id or "")
    return order


def _number(params: Mapping[str, Any], name: str, code: int, text: str) -> Decimal:
    value = params.get(name)
    if value is None:
        raise Refusal(*BAD_ARGUMENT)
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
        raise Refusal(*BAD_ARGUMENT)
    given = seat.params.get("client_oid", "")
    if not isinstance(given, str) or len(given) > 36:
        raise Refusal(*BAD_ARGUMENT)
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


def shown(order: Order) -> dict[str, Any]:
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
    order = find(seat)
    if order is None:
        raise Refusal(500, 212, "INVALID_ORDERID")
    if not order.open:
        raise Refusal(500, 316, "NO_ACTIVE_ORDER")
    seat.key.account.desk.cancel(order, seat.now_ms)
    return {"order_id": order_id(order), "client_oid": order.client_id}


def wanted(seat: Seat) -> Market | None:
    return market(seat.floor, seat.params["instrument_name"]) if "instrument_name" in seat.params else None


def cancel_all(seat: Seat) -> Any:
    for order in seat.key.account.desk.open_orders(wanted(seat)):
        seat.key.account.desk.cancel(order, seat.now_ms)
    return None


def amend_order(seat: Seat) -> Any:
    names = {"order_id": seat.params.get("order_id"), "client_oid": seat.params.get("orig_client_oid")}
    order = find(Seat(seat.floor, seat.key, names, seat.asked))
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
