"""Binance's order endpoints: what is placed, cancelled and shown (rest-api.md)."""

from typing import Any

from proxy.simulator.binance.ticket import Seat, Ticket, check_filters, read_client_id, read_ticket
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.orders import NoFunds, Order


def place(seat: Seat) -> Any:
    """A rejected order keeps its charge; one that fills at once as taker gives it back."""
    seat.check_trading()
    ticket = read_ticket(seat)
    seat.client_id = read_client_id(seat)
    kind = answer_kind(seat)
    seat.count_order(1)
    order = open_order(seat, ticket)
    seat.show_counts()
    return placed(order, kind)


def answer_kind(seat: Seat) -> str:
    """How much of a new order is told; all of LIMIT and MARKET orders by default, little of the others."""
    usual = "FULL" if seat.params.get("type") in ("LIMIT", "MARKET") else "ACK"
    kind = seat.params.get("newOrderRespType", usual)
    if kind not in ("ACK", "RESULT", "FULL"):
        raise Refusal(400, -1100, "Illegal characters found in parameter 'newOrderRespType'.")
    return kind


def open_order(seat: Seat, ticket: Ticket) -> Order:
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


def cancelled_order(seat: Seat, order: Order, own: str | None = None) -> dict[str, Any]:
    """Cancel, and what is said of it. `own`: the cancellation's id."""
    seat.key.account.desk.cancel(order, seat.now_ms)
    view = shown(order)
    own = own or f"cancel{order.number}"
    return {
        **{name: view[name] for name in _REPORT},
        "origClientOrderId": order.client_id,
        "clientOrderId": own,
        "transactTime": seat.now_ms,
    }


def status(order: Order) -> str:
    return order.status if not order.open else "PENDING_NEW" if "pending" in order.tags else "NEW"


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
        "orderListId": int(order.tags.get("list", "-1")),
        "clientOrderId": order.client_id,
        "price": f"{order.price or 0:.8f}",
        "origQty": f"{order.quantity:.8f}",
        "executedQty": f"{order.filled:.8f}",
        "cummulativeQuoteQty": f"{order.filled_value:.8f}",
        "status": status(order),
        "timeInForce": order.time_in_force,
        "type": order.tags.get("type", order.kind),
        "side": order.side,
        "stopPrice": order.tags.get("stopPrice", "0.00000000"),
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": not order.parked,
        "workingTime": -1 if order.parked else order.created_ms,
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
