"""Binance spot's cancels. A list ends as a whole: whoever cancels one of its orders cancels all."""

from typing import Any

from proxy.simulator.binance.lists import told_cancelled
from proxy.simulator.binance.ticket import Seat
from proxy.simulator.binance.trade import cancelled_order, find
from proxy.simulator.binance.wire import Refusal


def cancel(seat: Seat) -> Any:
    seat.check_trading()
    order = find(seat)
    if order is None or not order.open:
        raise Refusal(400, -2011, "Unknown order sent.")
    restriction = seat.params.get("cancelRestrictions", "ONLY_NEW")
    if restriction not in ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise Refusal(400, -1145, "Invalid cancelRestrictions")
    if restriction == "ONLY_PARTIALLY_FILLED":  # orders fill at once here, or not at all
        raise Refusal(400, -2011, "Order was not canceled due to cancel restrictions.")
    own = seat.params.get("newClientOrderId")
    if "list" in order.tags:
        return told_cancelled(seat, seat.book.lists[int(order.tags["list"])], own)
    return cancelled_order(seat, order, own)


def cancel_all(seat: Seat) -> Any:
    seat.check_trading()
    orders = seat.key.account.desk.open_orders(seat.market())
    if not orders:
        raise Refusal(400, -2011, "Unknown order sent.")
    numbers = dict.fromkeys(int(order.tags["list"]) for order in orders if "list" in order.tags)
    single = [cancelled_order(seat, order) for order in orders if "list" not in order.tags]
    return single + [told_cancelled(seat, seat.book.lists[number]) for number in numbers]


def cancel_list(seat: Seat) -> Any:
    seat.check_trading()
    found, params = seat.market(), seat.params
    if not params.get("orderListId") and not params.get("listClientOrderId"):
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    for made in seat.book.open_lists():
        named = params.get("orderListId") in (None, str(made.number))
        if named and params.get("listClientOrderId") in (None, made.client_id) and made.market is found:
            return told_cancelled(seat, made, params.get("newClientOrderId"))
    raise Refusal(400, -2011, "Unknown order list sent.")
