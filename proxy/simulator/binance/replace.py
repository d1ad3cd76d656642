"""Binance spot's changes of an open order: cancel-replace, and amendments that keep the place in the queue."""

from typing import Any

from proxy.simulator.binance.ticket import Seat, read_client_id, read_number, read_ticket
from proxy.simulator.binance.trade import answer_kind, cancelled_order, find, open_order, placed, shown
from proxy.simulator.binance.wire import Refusal, need
from proxy.simulator.orders import Order

AMENDS = 10  # of one order (filters.md, MAX_NUM_ORDER_AMENDS)


def cancel_replace(seat: Seat) -> Any:
    """Cancel, then place: 409 with -2021 when only one of the two worked, 400 with -2022 when neither did, and what
    became of each in `data`."""
    seat.check_trading()
    params = seat.params
    for name, legal in (
        ("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE")),
        ("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY")),
        ("cancelRestrictions", ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")),
    ):
        if name in params and params[name] not in legal:
            raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'.")
    ticket, kind = read_ticket(seat), answer_kind(seat)
    own = read_client_id(seat, "cancelNewClientOrderId")
    old = find(seat, "cancelOrderId", "cancelOrigClientOrderId")
    seat.client_id = read_client_id(seat)
    try:
        seat.count_order(1)
    except Refusal as refusal:
        if params.get("orderRateLimitExceededMode") == "CANCEL_ONLY":
            refusal.data = _data(*_cancelled(seat, old, own), "FAILURE", refusal.body)
        raise
    cancel_result, cancel_told = _cancelled(seat, old, own)
    if cancel_result == "FAILURE" and params["cancelReplaceMode"] == "STOP_ON_FAILURE":
        data = _data(cancel_result, cancel_told, "NOT_ATTEMPTED", None)
        raise Refusal(400, -2022, "Order cancel-replace failed.", data=data)
    try:
        order = open_order(seat, ticket)
    except Refusal as refusal:
        data = _data(cancel_result, cancel_told, "FAILURE", refusal.body)
        if cancel_result == "FAILURE":
            raise Refusal(400, -2022, "Order cancel-replace failed.", data=data) from None
        raise Refusal(409, -2021, "Order cancel-replace partially failed.", data=data) from None
    seat.show_counts()
    data = _data(cancel_result, cancel_told, "SUCCESS", placed(order, kind))
    if cancel_result == "FAILURE":
        raise Refusal(409, -2021, "Order cancel-replace partially failed.", data=data)
    return data


def _cancelled(seat: Seat, old: Order | None, own: str) -> tuple[str, dict[str, Any]]:
    if old is None or not old.open or seat.params.get("cancelRestrictions") == "ONLY_PARTIALLY_FILLED":
        known = old is not None and old.open
        text = "Order was not canceled due to cancel restrictions." if known else "Unknown order sent."
        return "FAILURE", Refusal(400, -2011, text).body
    return "SUCCESS", cancelled_order(seat, old, own)


def _data(cancel: str, cancel_told: Any, new: str, new_told: Any) -> dict[str, Any]:
    return {
        "cancelResult": cancel,
        "newOrderResult": new,
        "cancelResponse": cancel_told,
        "newOrderResponse": new_told,
    }


_KEPT_NAMES = ("symbol", "orderId", "orderListId", "price", "executedQty", "status", "timeInForce", "type", "side")


def amend(seat: Seat) -> Any:
    """Only the quantity, and only downwards. The order gets another client id unless its own is given again."""
    seat.check_trading()
    order = find(seat)
    if order is None or not order.open or order.price is None or order.parked:
        raise Refusal(400, -2013, "Order does not exist.")
    desk, before, was = seat.key.account.desk, order.client_id, order.quantity
    quantity = read_number(seat.params, "newQty")
    execution = next(seat.floor.numbers)
    new_id = read_client_id(seat) or f"sim{execution}"
    if quantity == was:
        raise Refusal(400, -2038, "The requested action would change no state; rejecting.")
    if quantity > was:
        raise Refusal(400, -2038, "Order amend (quantity increase) is not supported.")
    if quantity <= 0 or quantity % order.market.step:
        raise Refusal(400, -1013, "Filter failure: LOT_SIZE")
    if len(seat.book.amendments.get(order.number, ())) >= AMENDS:
        raise Refusal(400, -1013, "Filter failure: MAX_NUM_ORDER_AMENDS")
    if new_id != before and desk.open_by_client_id(new_id) is not None:
        raise Refusal(400, -2010, "Duplicate order sent.")
    desk.amend(order, quantity, order.price, seat.now_ms)
    desk.rename(order, new_id)
    row = {
        "symbol": order.market.binance,
        "orderId": order.number,
        "executionId": execution,
        "origClientOrderId": before,
        "newClientOrderId": new_id,
        "origQty": f"{was:.8f}",
        "newQty": f"{quantity:.8f}",
        "time": seat.now_ms,
    }
    seat.book.amended(order.number, row)
    view = shown(order)
    told = {
        **{name: view[name] for name in _KEPT_NAMES},
        "origClientOrderId": before,
        "clientOrderId": new_id,
        "qty": view["origQty"],
        "preventedQty": "0.00000000",
        "quoteOrderQty": "0.00000000",
        "cumulativeQuoteQty": view["cummulativeQuoteQty"],
        "workingTime": view["workingTime"],
        "selfTradePreventionMode": view["selfTradePreventionMode"],
    }
    return {"transactTime": seat.now_ms, "executionId": execution, "amendedOrder": told}


def amendments(seat: Seat) -> Any:
    for name in ("orderId", "fromExecutionId", "limit"):
        if name in seat.params and not need(seat.params, name).isdigit():
            raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'.")
    number, market = int(seat.params["orderId"]), seat.market()
    start, limit = int(seat.params.get("fromExecutionId", "0")), int(seat.params.get("limit", "500"))
    rows = seat.book.amendments.get(number, [])
    return [r for r in rows if r["symbol"] == market.binance and r["executionId"] >= start][: min(limit, 1000)]
