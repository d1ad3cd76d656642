"""Gate's spot orders. Names (`text`) need not be unique and are forgotten when the order is finished."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from proxy.simulator.gate.rows import spot_row
from proxy.simulator.gate.seat import (
    Seat,
    by_number,
    decimal,
    open_by_text,
    own_text,
    pair,
)
from proxy.simulator.gate.wire import Refusal, invalid, missing
from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side

_FORCES = ("gtc", "ioc", "poc", "fok")


@dataclass(frozen=True, slots=True)
class Ticket:
    """`spend`: of a market order that buys, what it is to spend; the quantity is made of it."""

    market: Market
    side: Side
    quantity: Decimal
    price: Decimal | None
    tif: str
    text: str
    spend: str


def _account(params: dict[str, Any]) -> None:
    if params.get("account", "spot") != "spot":
        raise Refusal(400, "MARGIN_NOT_SUPPORTED", "Margin trading is not supported")


def _amount(market: Market, quantity: Decimal, price: Decimal) -> Decimal:
    if quantity % market.step:
        raise Refusal(400, "INVALID_PRECISION", f"amount precision is {market.spec.quantity_decimals}")
    if quantity < Decimal(market.spec.min_quantity) or quantity * price < Decimal(market.spec.min_notional):
        least = f"{market.spec.min_notional} {market.spec.quote}"
        raise Refusal(400, "AMOUNT_TOO_LITTLE", f"Your order size is too small. The minimum is {least}")
    return quantity


def _price(market: Market, given: object) -> Decimal:
    price = decimal(given, "price")
    if price <= 0:
        raise invalid("invalid argument: price")
    if price % market.tick:
        raise Refusal(400, "INVALID_PRECISION", f"price precision is {market.spec.price_decimals}")
    return price


def _ticket(seat: Seat, params: dict[str, Any]) -> Ticket:
    market = pair(seat.floor.board, params.get("currency_pair"))
    text = own_text(params.get("text"))
    _account(params)
    if params.get("side") not in ("buy", "sell"):
        raise invalid("invalid argument: side")
    side: Side = "BUY" if params["side"] == "buy" else "SELL"
    kind, tif = params.get("type", "limit"), params.get("time_in_force", "gtc")
    if kind not in ("limit", "market"):
        raise invalid("invalid argument: type")
    if tif not in _FORCES or (kind == "market" and tif not in ("ioc", "fok")):
        raise invalid("invalid argument: time_in_force")
    if "amount" not in params:
        raise missing("amount")
    amount, spend = decimal(params["amount"], "amount"), ""
    price = _price(market, params.get("price")) if kind == "limit" else None
    if kind == "market" and side == "BUY":
        spend = f"{amount:f}"
        amount = (amount / market.ask).quantize(market.step, rounding="ROUND_DOWN")
    return Ticket(market, side, _amount(market, amount, price or market.last), price, str(tif), text, spend)


def place(seat: Seat, params: dict[str, Any]) -> Order:
    wanted = _ticket(seat, params)
    seat.client_id = wanted.text
    market, price = wanted.market, wanted.price
    buys = wanted.side == "BUY"
    if wanted.tif == "poc" and price is not None and (price >= market.ask if buys else price <= market.bid):
        raise Refusal(400, "POC_FILL_IMMEDIATELY", "Order would match and take immediately so its cancelled")
    try:
        order = seat.desk.place(
            next(seat.floor.numbers),
            market,
            wanted.side,
            "MARKET" if price is None else "LIMIT",
            wanted.quantity,
            price,
            wanted.text,
            seat.now_ms,
            "GTC" if wanted.tif == "poc" else wanted.tif.upper(),
        )
    except NoFunds:
        raise Refusal(400, "BALANCE_NOT_ENOUGH", "Not enough balance") from None
    order.tags["tif"] = wanted.tif
    if wanted.spend:
        order.tags["spend"] = wanted.spend
    seat.floor.ledger.execute("gate", order, given_id=bool(wanted.text))
    seat.conduct.filled(seat.now_ms, float(order.filled_value))
    return order


def create(seat: Seat) -> Any:
    return spot_row(place(seat, seat.wanted()))


def find(seat: Seat, name: str, given_pair: object) -> Order:
    """By the exchange's number, or by name while the order is open; with its pair."""
    market = pair(seat.floor.board, given_pair)
    own = name.startswith("t-")
    order = open_by_text(seat, "spot", name) if own else by_number(seat, "spot", name)
    seat.client_id = name if own else order.client_id if order else ""
    if order is None or order.market is not market:
        if own:
            raise Refusal(404, "CLIENT_ID_NOT_FOUND", "Order not found")
        raise Refusal(404, "ORDER_NOT_FOUND", "Order not found")
    return order


def detail(seat: Seat) -> Any:
    return spot_row(find(seat, seat.names["order_id"], seat.query.get("currency_pair")))


def live(order: Order) -> Order:
    if order.status == "FILLED":
        raise Refusal(400, "ORDER_CLOSED", "Order closed")
    if not order.open:
        raise Refusal(400, "ORDER_CANCELLED", "Order cancelled")
    return order


def amend(seat: Seat, name: str, params: dict[str, Any]) -> Order:
    order = live(find(seat, name, params.get("currency_pair")))
    _account(params)
    price, quantity = order.price or Decimal(0), order.quantity
    if params.get("price") is not None:
        price = _price(order.market, params["price"])
    if params.get("amount") is not None:
        quantity = _amount(order.market, decimal(params["amount"], "amount"), price)
    if (price, quantity) == (order.price, order.quantity):
        raise Refusal(400, "NO_CHANGE", "No change is made")
    try:
        seat.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal(400, "BALANCE_NOT_ENOUGH", "Not enough balance") from None
    return order


def amend_one(seat: Seat) -> Any:
    """What stands in the body goes before what stands in the query."""
    params = {**seat.query, **seat.wanted()}
    return spot_row(amend(seat, seat.names["order_id"], params))


def cancel(seat: Seat) -> Any:
    order = live(find(seat, seat.names["order_id"], seat.query.get("currency_pair")))
    seat.desk.cancel(order, seat.now_ms)
    return spot_row(order)


def cancel_all(seat: Seat) -> Any:
    """Of a pair, or of all of them if none is named."""
    query = seat.query
    market = pair(seat.floor.board, query["currency_pair"]) if "currency_pair" in query else None
    if query.get("side", "buy") not in ("buy", "sell"):
        raise invalid("invalid argument: side")
    side = query.get("side", "").upper()
    gone = [o for o in seat.desk.open_orders(market) if o.market.kind == "spot" and side in ("", o.side)]
    for order in gone:
        seat.desk.cancel(order, seat.now_ms)
    return [{**spot_row(o), "succeeded": True, "label": "", "message": ""} for o in gone]
