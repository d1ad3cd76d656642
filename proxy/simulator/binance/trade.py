"""Binance's order endpoints: what is placed, cancelled and shown (rest-api.md)."""

from typing import Any

from proxy.simulator.binance.ticket import Seat, Ticket, check_filters, read_client_id, read_number, read_ticket
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.orders import NoFunds, Order


def place(seat: Seat) -> Any:
    """A rejected order keeps its charge; one that fills at once as taker gives it back."""
    seat.check_trading()
    ticket = read_ticket(seat)
    seat.client_id = read_client_id(seat)
    kind = seat.params.get("newOrderRespType", "FULL")
    if kind not in ("ACK", "RESULT", "FULL"):
        raise Refusal(400, -1100, "Illegal characters found in parameter 'newOrderRespType'.")
    seat.count_order(1)
    order = _open(seat, ticket)
    seat.show_counts()
    return placed(order, kind)


def _open(seat: Seat, ticket: Ticket) -> Order:
    check_filters(ticket)
    desk, floor = seat.key.account.desk, seat.floor
    if seat.client_id and desk.open_by_client_id(seat.client_id) is not None:
        raise Refusal(400, -2010, "Duplicate order sent.")
    crossing = ticket.price is not None and (
        ticket.price >= ticket.market.ask if ticket.side == "BUY" else ticket.price <= ticket.market.bid
    )
    if ticket.post_only and crossing:
        raise Refusal(400, -2010, "Order would immediately match and take.")
    number = next(floor.numbers)
    client_id = seat.client_id or f"sim{number}"
    try:
        order = desk.place(
            number,
            ticket.market,
            ticket.side,
            "LIMIT" if ticket.limit else "MARKET",
            ticket.quantity,
            ticket.price,
            client_id,
            seat.now_ms,
            ticket.time_in_force,
        )
    except NoFunds:
        raise Refusal(400, -2010, "Account has insufficient balance for requested action.") from None
    floor.ledger.execute("binance", order, given_id=bool(seat.client_id))
    if order.status == "FILLED":
        seat.count_order(-1)
    if ticket.post_only:
        order.tags["type"] = "LIMIT_MAKER"
    return order


def test_order(seat: Seat) -> Any:
    """Checked like a real one; nothing is placed or counted."""
    seat.check_trading()
    ticket = read_ticket(seat)
    seat.client_id = read_client_id(seat)
    check_filters(ticket)
    return {}


def find(seat: Seat, id_name: str = "orderId", client_name: str = "origClientOrderId") -> Order | None:
    """The order named by number or client id. Both given must agree."""
    params, desk, found = seat.params, seat.key.account.desk, seat.market()
    if not params.get(id_name) and not params.get(client_name):
        raise Refusal(400, -1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    order: Order | None = None
    if params.get(id_name):
        if not params[id_name].isdigit():
            raise Refusal(400, -1100, f"Illegal characters found in parameter '{id_name}'.")
        order = desk.by_number(int(params[id_name]))
        if order and params.get(client_name) and order.client_id != params[client_name]:
            raise Refusal(400, -2039, "Client order ID is not correct for this order ID.")
    else:
        order = desk.by_client_id(params[client_name])
    seat.client_id = order.client_id if order else params.get(client_name, "")
    return order if order and order.market is found else None


def cancel(seat: Seat) -> Any:
    seat.check_trading()
    order = find(seat)
    if order is None or not order.open:
        raise Refusal(400, -2011, "Unknown order sent.")
    return _cancel(seat, order)


def _cancel(seat: Seat, order: Order) -> dict[str, Any]:
    seat.key.account.desk.cancel(order, seat.now_ms)
    view = shown(order)
    own = seat.params.get("newClientOrderId") or f"cancel{order.number}"
    return {
        **{name: view[name] for name in _REPORT},
        "origClientOrderId": order.client_id,
        "clientOrderId": own,
        "transactTime": seat.now_ms,
    }


def cancel_all(seat: Seat) -> Any:
    seat.check_trading()
    orders = seat.key.account.desk.open_orders(seat.market())
    if not orders:
        raise Refusal(400, -2011, "Unknown order sent.")
    return [_cancel(seat, order) for order in orders]


def cancel_replace(seat: Seat) -> Any:
    """Cancel, then place: 409 with -2021 when only one of the two worked, 400 with -2022 when neither did."""
    seat.check_trading()
    mode = seat.params["cancelReplaceMode"]
    if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        raise Refusal(400, -1100, "Illegal characters found in parameter 'cancelReplaceMode'.")
    ticket = read_ticket(seat)
    old = find(seat, "cancelOrderId", "cancelOrigClientOrderId")
    seat.client_id = read_client_id(seat)
    seat.count_order(1)
    if old is None or not old.open:
        raise Refusal(400, -2022, "Order cancel-replace failed.")
    cancelled = _cancel(seat, old)
    try:
        order = _open(seat, ticket)
    except Refusal:
        raise Refusal(409, -2021, "Order cancel-replace partially failed.") from None
    seat.show_counts()
    return {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": placed(order, seat.params.get("newOrderRespType", "RESULT")),
    }


def amend(seat: Seat) -> Any:
    """Only the quantity, and only downwards."""
    seat.check_trading()
    order = find(seat)
    if order is None or not order.open or order.price is None:
        raise Refusal(400, -2013, "Order does not exist.")
    quantity = read_number(seat.params, "newQty")
    if quantity >= order.quantity or quantity <= 0 or quantity % order.market.step:
        raise Refusal(400, -2038, "Order amend (quantity increase) is not supported.")
    seat.key.account.desk.amend(order, quantity, order.price, seat.now_ms)
    return {"transactTime": seat.now_ms, "executionId": order.number, "amendedOrder": shown(order)}


def status(order: Order) -> str:
    return "NEW" if order.open else order.status


_REPORT = (
    "symbol",
    "orderId",
    "orderListId",
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "selfTradePreventionMode",
)


def shown(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.market.binance,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": f"{order.price or 0:.8f}",
        "origQty": f"{order.quantity:.8f}",
        "executedQty": f"{order.filled:.8f}",
        "cummulativeQuoteQty": f"{order.filled_value:.8f}",
        "status": status(order),
        "timeInForce": order.time_in_force,
        "type": order.tags.get("type", order.kind),
        "side": order.side,
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.created_ms,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def placed(order: Order, kind: str) -> dict[str, Any]:
    view = shown(order)
    answer = {name: view[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId")}
    answer["transactTime"] = order.created_ms
    if kind == "ACK":
        return answer
    answer.update({name: view[name] for name in (*_REPORT, "workingTime")})
    if kind == "FULL":
        answer["fills"] = (
            [
                {
                    "price": f"{order.average:.8f}",
                    "qty": f"{order.filled:.8f}",
                    "commission": "0.00000000",
                    "commissionAsset": order.market.spec.quote,
                    "tradeId": order.number,
                }
            ]
            if order.filled
            else []
        )
    return answer
