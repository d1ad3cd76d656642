"""HTX spot orders: place, cancel, in batches and alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import SPOT_BASE, decimal_of, number_of, order_id
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side

HOUR_MS = 3_600_000
FORGOTTEN_MS = 2 * HOUR_MS  # a done order by client id, a cancelled one by any
NAMED_MS = 8 * HOUR_MS  # an open one by client id
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KINDS = {"limit": "GTC", "limit-maker": "GTC", "ioc": "IOC", "limit-fok": "FOK", "market": "GTC"}
STATE = {"OPEN": 3, "FILLED": 6, "CANCELED": 7, "EXPIRED": 7}


@dataclass(frozen=True, slots=True)
class _Ticket:
    market: Market
    side: Side
    kind: str
    quantity: Decimal
    price: Decimal | None
    amount: str  # as asked for: of a buy-market order in the quote coin
    client_id: str


def gone() -> Refusal:
    return Refusal("base-record-invalid", "record invalid")


def format_error(name: str) -> Refusal:
    return Refusal("validation-format-error", f"Format Error: {name}.")


def pair(seat: Seat, name: Any) -> Market:
    found = seat.floor.board.find("htx", name) if isinstance(name, str) else None
    if found is None or found.kind != "spot":
        raise Refusal("base-symbol-error", "The symbol is invalid")
    return found


def account_id(seat: Seat, params: Mapping[str, Any]) -> None:
    """The id must be that of this UID's spot account."""
    given = str(params.get("account-id", ""))
    if not given.isdigit():
        raise format_error("account-id")
    if int(given) != seat.memory.spot_account(seat.account):
        raise Refusal("account-account-id-inexistent", "account-id inexistent")


def _ticket(seat: Seat, row: Mapping[str, Any]) -> _Ticket:
    for name in ("account-id", "symbol", "type", "amount"):
        if name not in row:
            raise Refusal("validation-constraints-required", f"Field is missing: {name}.")
    account_id(seat, row)
    market = pair(seat, row["symbol"])
    side_text, _, kind = str(row["type"]).partition("-")
    if side_text not in ("buy", "sell") or kind not in _KINDS:
        raise Refusal("order-type-invalid", "Invalid order type")
    side: Side = "BUY" if side_text == "buy" else "SELL"
    if row.get("source", "spot-api") != "spot-api":
        raise Refusal("order-source-invalid", "Invalid order source")
    client_id = row.get("client-order-id", "")
    if not isinstance(client_id, str) or (client_id and not _CLIENT_ID.fullmatch(client_id)):
        raise format_error("client-order-id")
    amount, price = decimal_of(row["amount"]), None
    if amount is None:
        raise Refusal("invalid-amount", "Paramemter `amount` is invalid.")
    if kind != "market":
        price = decimal_of(row.get("price"))
        if not price:
            raise Refusal("order-invalid-price", "invalid price")
        if price % market.tick:
            scale = market.spec.price_decimals
            raise Refusal("order-orderprice-precision-error", f"order price precision error, scale: `{scale}`")
    return _Ticket(market, side, kind, _quantity(market, side, kind, amount, price), price, f"{amount:f}", client_id)


def _quantity(market: Market, side: Side, kind: str, amount: Decimal, price: Decimal | None) -> Decimal:
    """In the base coin. Raises Refusal when it is too little or too fine."""
    by_value = kind == "market" and side == "BUY"
    quantity = (amount / market.ask).quantize(market.step, rounding="ROUND_DOWN") if by_value else amount
    if quantity % market.step:
        scale = market.spec.quantity_decimals
        raise Refusal("order-orderamount-precision-error", f"order amount precision error, scale: `{scale}`")
    least = market.spec.min_quantity
    if quantity < Decimal(least):
        name = "marketorder" if kind == "market" else "limitorder"
        raise Refusal(f"order-{name}-amount-min-error", f"{name[:-5]} order amount error, min: `{least}`")
    value = amount if by_value else quantity * (price or market.last)
    if value < Decimal(market.spec.min_notional):
        least = market.spec.min_notional
        raise Refusal("order-value-min-error", f"Order total cannot be lower than: {least} {market.spec.quote}")
    return quantity


def crossing(market: Market, side: Side, price: Decimal | None) -> bool:
    return price is not None and (price >= market.ask if side == "BUY" else price <= market.bid)


def _open(seat: Seat, row: Mapping[str, Any]) -> Order:
    """Take one order in. The same client id twice makes two orders (announcement of 2021-05-26)."""
    if not isinstance(row, Mapping):
        raise Refusal("bad-request", "bad request")
    ticket = _ticket(seat, row)
    if seat.account.suspended(seat.now_ms):
        raise Refusal("operation-forbidden-for-lock-account-state", "This operation is forbidden: account is locked")
    market, side = ticket.market, ticket.side
    rejected = ticket.kind == "limit-maker" and crossing(market, side, ticket.price)
    resting = market.bid if side == "BUY" else market.ask
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            market,
            side,
            "MARKET" if ticket.kind == "market" else "LIMIT",
            ticket.quantity,
            resting if rejected else ticket.price,
            ticket.client_id,
            seat.now_ms,
            _KINDS[ticket.kind],
        )
    except NoFunds as short:
        left = seat.desk.free(str(short))
        text = f"trade account balance is not enough, left: `{left:f}`"
        raise Refusal("account-frozen-balance-insufficient-error", text) from None
    if rejected:  # a maker order that would take is received and cancelled by the engine
        seat.desk.cancel(order, seat.now_ms)
        order.price = ticket.price
    order.tags.update(type=f"{side.lower()}-{ticket.kind}", amount=ticket.amount)
    if ticket.client_id:
        seat.memory.name("spot", ticket.client_id, order)
    seat.floor.ledger.execute("htx", order, given_id=bool(ticket.client_id))
    return order


def place(seat: Seat) -> dict[str, Any]:
    """The answer means received."""
    seat.client_id = str(seat.params.get("client-order-id", ""))
    return {"status": "ok", "data": str(order_id(_open(seat, seat.params)))}


def place_batch(seat: Seat) -> dict[str, Any]:
    rows = seat.rows
    if rows is None or not 1 <= len(rows) <= 10:
        raise Refusal("validation-constraints-required", "Field is missing: orders, 1 to 10.")
    results: list[dict[str, Any]] = []
    for row in rows:
        named = (
            {"client-order-id": row["client-order-id"]} if isinstance(row, dict) and "client-order-id" in row else {}
        )
        try:
            results.append({"order-id": order_id(_open(seat, row)), **named})
        except Refusal as refusal:
            results.append({**named, "err-code": refusal.code, "err-msg": refusal.message})
    return {"status": "ok", "data": results}


def by_number(seat: Seat, text: Any) -> Order | None:
    number = number_of(text, SPOT_BASE)
    order = seat.desk.by_number(number) if number is not None else None
    return order if order is not None and order.market.kind == "spot" else None


def _refuse_done(order: Order) -> Refusal:
    state = STATE[order.status]
    return Refusal("order-orderstate-error", "Incorrect order state", **{"order-state": state})


def cancel(seat: Seat) -> dict[str, Any]:
    order = by_number(seat, seat.tail)
    if order is None:
        raise gone()
    seat.client_id = order.client_id
    if not order.open:
        raise _refuse_done(order)
    seat.desk.cancel(order, seat.now_ms)
    return {"status": "ok", "data": seat.tail}


def cancel_named(seat: Seat) -> dict[str, Any]:
    """`data` is a state: 0 not found, -1 closed long ago, 6 filled, 7 cancelled, 10 being cancelled now."""
    name = seat.params.get("client-order-id")
    if not isinstance(name, str) or not name:
        raise Refusal("validation-constraints-required", "Field is missing: client-order-id.")
    seat.client_id = name
    order = seat.memory.named(seat.account, "spot", name)
    if order is None or seat.now_ms - order.created_ms > NAMED_MS:
        return {"status": "ok", "data": 0}
    if order.open:
        seat.desk.cancel(order, seat.now_ms)
        return {"status": "ok", "data": 10}
    late = seat.now_ms - order.updated_ms > FORGOTTEN_MS
    return {"status": "ok", "data": -1 if late else STATE[order.status]}


def cancel_batch(seat: Seat) -> dict[str, Any]:
    """Up to 50, by order id or by client id; each has its own outcome."""
    ids, names = seat.params.get("order-ids"), seat.params.get("client-order-ids")
    given = ids if ids is not None else names
    if not isinstance(given, list) or not 1 <= len(given) <= 50:
        raise Refusal("validation-constraints-required", "Field is missing: order-ids.")
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    for text in map(str, given):
        order = by_number(seat, text) if ids is not None else seat.memory.named(seat.account, "spot", text)
        if order is not None and order.open:
            seat.desk.cancel(order, seat.now_ms)
            done.append(text)
            continue
        row = {"order-id": text if ids is not None else "", "client-order-id": "" if ids is not None else text}
        if order is None:
            failed.append({**row, "order-state": -1, "err-code": "base-not-found", "err-msg": "record not found"})
        else:
            refusal = _refuse_done(order)
            failed.append({**row, **refusal.rest, "err-code": refusal.code, "err-msg": refusal.message})
    return {"status": "ok", "data": {"success": done, "failed": failed}}


def cancel_open(seat: Seat) -> dict[str, Any]:
    """All of the symbols named (all if none is), of one side if named, 100 at most."""
    if "account-id" in seat.params:
        account_id(seat, seat.params)
    names = [name for name in str(seat.params.get("symbol", "")).split(",") if name]
    pairs = [pair(seat, name) for name in names]
    side = str(seat.params.get("side", "")).upper()
    open_orders = [o for o in seat.desk.open_orders() if o.market.kind == "spot"]
    chosen = [o for o in open_orders if (not pairs or o.market in pairs) and side in ("", o.side)]
    for order in chosen[:100]:
        seat.desk.cancel(order, seat.now_ms)
    more = order_id(chosen[100]) if len(chosen) > 100 else -1
    data = {"success-count": len(chosen[:100]), "failed-count": 0, "next-id": more}
    return {"status": "ok", "data": data}
