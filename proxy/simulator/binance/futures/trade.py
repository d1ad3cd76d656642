"""The futures' orders: placed, amended, cancelled, told (developers.binance.com, derivatives, trade)."""

from typing import Any

from proxy.simulator.binance.futures.contracts import contract_of
from proxy.simulator.binance.futures.order import Seat, Ticket, read_price, read_quantity, read_ticket
from proxy.simulator.binance.wire import Refusal, need
from proxy.simulator.orders import NoFunds, Order

AMENDS = 10_000  # of one order


def place(seat: Seat) -> Any:
    seat.check_placing()
    ticket = read_ticket(seat)
    seat.client_id = ticket.client_id
    return acknowledged(open_order(seat, ticket), ticket.result)


def test_order(seat: Seat) -> Any:
    """Checked like a real one; nothing is placed or counted."""
    seat.check_placing()
    seat.client_id = read_ticket(seat).client_id
    return {}


def open_order(seat: Seat, ticket: Ticket) -> Order:
    desk, floor, market = seat.wallet.desk, seat.floor, ticket.contract.market
    if ticket.client_id and desk.open_by_client_id(ticket.client_id) is not None:
        raise Refusal(400, -4116, "ClientOrderId is duplicated.")
    if "reduceOnly" in ticket.tags:
        _check_reduce(seat, ticket)
    crossing = ticket.price is not None and (
        ticket.price >= market.ask if ticket.side == "BUY" else ticket.price <= market.bid
    )
    if ticket.time_in_force == "GTX" and crossing:
        text = "Due to the order could not be executed as maker, the Post Only order will be rejected."
        raise Refusal(400, -5022, text)
    if ticket.time_in_force == "FOK" and not crossing:
        raise Refusal(400, -5021, "Due to the order could not be filled immediately, the FOK order has been rejected.")
    number = next(floor.numbers)
    try:
        order = desk.place(
            number,
            market,
            ticket.side,
            "LIMIT" if ticket.limit else "MARKET",
            ticket.quantity,
            ticket.price,
            ticket.client_id or f"sim{number}",
            seat.now_ms,
            ticket.time_in_force,
        )
    except NoFunds:
        raise Refusal(400, -2019, "Margin is insufficient.") from None
    order.tags.update(ticket.tags)
    floor.ledger.execute("binance", order, given_id=bool(ticket.client_id))
    return order


def _check_reduce(seat: Seat, ticket: Ticket) -> None:
    """There must be a position on the other side, at least as large."""
    held, _ = seat.wallet.position(ticket.contract.market, ticket.tags["positionSide"])
    other_side = held < 0 if ticket.side == "BUY" else held > 0
    if not other_side or abs(held) < ticket.quantity:
        raise Refusal(400, -2022, "ReduceOnly Order is rejected.")


def find(seat: Seat) -> Order | None:
    """The order named by number or client id, if the exchange still knows it."""
    params, desk, contract = seat.params, seat.wallet.desk, seat.contract()
    if not params.get("orderId") and not params.get("origClientOrderId"):
        text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise Refusal(400, -1102, text)
    if params.get("orderId"):
        if not params["orderId"].isdigit():
            raise Refusal(400, -1100, "Illegal characters found in parameter 'orderId'.")
        order = desk.by_number(int(params["orderId"]))
    else:
        order = desk.by_client_id(params["origClientOrderId"])
    seat.client_id = order.client_id if order else params.get("origClientOrderId", "")
    known = order is not None and order.market is contract.market and seat.wallet.visible(order, seat.now_ms)
    return order if known else None


def amend(seat: Seat) -> Any:
    """Quantity and price of an open limit order; COIN-M lets one of the two be left out."""
    seat.check_placing()
    params, contract = seat.params, seat.contract()
    if params["side"] not in ("BUY", "SELL"):
        raise Refusal(400, -1117, "Invalid side.")
    wanted = ("quantity", "price")
    if contract.product == "usdm" or not any(name in params for name in wanted):
        for name in wanted:
            need(params, name)
    order = find(seat)
    if order is None or not order.open or order.side != params["side"]:
        raise Refusal(400, -2013, "Order does not exist.")
    if order.price is None:
        raise Refusal(400, -5025, "Only limit order is supported.")
    quantity = read_quantity(contract, params) if "quantity" in params else order.quantity
    price = read_price(contract, params) if "price" in params else order.price
    if (quantity, price) == (order.quantity, order.price):
        raise Refusal(400, -5027, "No need to modify the order.")
    rows = seat.wallet.amendments.setdefault(order.number, [])
    if len(rows) >= AMENDS:
        raise Refusal(400, -5026, "Exceed maximum modify order limit.")
    market, before = order.market, (order.price, order.quantity)
    if order.time_in_force == "GTX" and (price >= market.ask if order.side == "BUY" else price <= market.bid):
        seat.wallet.desk.cancel(order, seat.now_ms)
        return acknowledged(order, True)
    try:
        seat.wallet.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Refusal(400, -2019, "Margin is insufficient.") from None
    rows.append(
        {
            "amendmentId": next(seat.floor.numbers),
            "symbol": contract.symbol,
            "pair": contract.pair,
            "orderId": order.number,
            "clientOrderId": order.client_id,
            "time": seat.now_ms,
            "amendment": {
                "price": {"before": f"{before[0]:f}", "after": f"{price:f}"},
                "origQty": {"before": contract.told(before[1]), "after": contract.told(quantity)},
                "count": len(rows) + 1,
            },
        }
    )
    return acknowledged(order, True)


def amendments(seat: Seat) -> Any:
    order = find(seat)
    return seat.wallet.amendments.get(order.number, [])[::-1] if order else []


def cancel(seat: Seat) -> Any:
    order = find(seat)
    if order is None or not order.open:
        raise Refusal(400, -2011, "Unknown order sent.")
    seat.wallet.desk.cancel(order, seat.now_ms)
    return acknowledged(order, True)


def cancel_all(seat: Seat) -> Any:
    for order in seat.wallet.desk.open_orders(seat.contract().market):
        seat.wallet.desk.cancel(order, seat.now_ms)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def countdown(seat: Seat) -> Any:
    """All open orders of a symbol are cancelled when the time is over; 0 ends the countdown."""
    contract, text = seat.contract(), seat.params["countdownTime"]
    if not text.isdigit():
        raise Refusal(400, -1100, "Illegal characters found in parameter 'countdownTime'.")
    seat.wallet.timers.pop(contract.symbol, None)
    if int(text):
        seat.wallet.timers[contract.symbol] = seat.now_ms + int(text)
    return {"symbol": contract.symbol, "countdownTime": text}


def shown(order: Order) -> dict[str, Any]:
    """As a look-up tells it."""
    contract, tags = contract_of(order.market), order.tags
    kind = order.kind
    value = contract.worth(order.filled, order.average)
    told: dict[str, Any] = {
        "orderId": order.number,
        "symbol": contract.symbol,
        "status": "NEW" if order.open else order.status,
        "clientOrderId": order.client_id,
        "price": f"{order.price or 0:f}",
        "avgPrice": f"{order.average:.5f}",
        "origQty": contract.told(order.quantity),
        "executedQty": contract.told(order.filled),
        "cumQuote" if contract.product == "usdm" else "cumBase": f"{value:.8f}",
        "timeInForce": order.time_in_force,
        "type": kind,
        "reduceOnly": "reduceOnly" in tags,
        "closePosition": "closePosition" in tags,
        "side": order.side,
        "positionSide": tags.get("positionSide", "BOTH"),
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": int(tags.get("goodTillDate", "0")),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }
    if contract.product == "coinm":
        told["pair"] = contract.pair
    return told


def acknowledged(order: Order, result: bool) -> dict[str, Any]:
    """As a write tells it, without average price and value (since 2026-07-15). Not `result`: only that it was taken."""
    view = shown(order)
    told = {name: value for name, value in view.items() if name not in ("time", "avgPrice", "cumQuote", "cumBase")}
    told["cumQty"] = told["executedQty"]
    if not result:
        told |= {"status": "NEW", "executedQty": "0", "cumQty": "0"}
    return told
