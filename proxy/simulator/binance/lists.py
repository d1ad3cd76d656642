"""Binance spot's order lists, OCO and OTO: placing, looking up, telling (rest-api.md, order lists)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from proxy.simulator.binance.book import OrderList, triggered
from proxy.simulator.binance.ticket import Seat, Ticket, check_filters, read_client_id, read_number, read_ticket
from proxy.simulator.binance.trade import cancelled_order, placed
from proxy.simulator.binance.wire import Refusal, need
from proxy.simulator.orders import NoFunds, Order, crosses

_STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_LISTS = 20  # open ones of a symbol (filters.md, MAX_NUM_ORDER_LISTS)
_LEG = ("Type", "Side", "Price", "Quantity", "TimeInForce", "StopPrice")


def place_oco(seat: Seat) -> Any:
    """Two orders of one side and quantity, the one above the price and the one below; one of them waits for its stop
    price, or both."""
    seat.check_trading()
    shared = {"side": need(seat.params, "side"), "quantity": need(seat.params, "quantity")}
    above, below = (_leg(seat, name, shared) for name in ("above", "below"))
    kinds = {leg.params["type"] for leg in (above, below)}
    if not kinds & set(_STOPS) or any(leg.params["type"] in ("LIMIT", "MARKET") for leg in (above, below)):
        raise Refusal(400, -1158, "Order type not supported in OCO.")
    orders = _make(seat, (above, below), ("aboveClientOrderId", "belowClientOrderId"))
    last = orders[0].market.last
    high, low = (order.price if _rests(order) else Decimal(order.tags["stopPrice"]) for order in orders)
    if high is None or low is None or not low < last < high or any(_at_once(order) for order in orders):
        raise Refusal(400, -2010, "The relationship of the prices for the orders is not correct.")
    return _placed(seat, "OCO", orders)


def place_oto(seat: Seat) -> Any:
    """The pending order is placed when the working one has filled."""
    seat.check_trading()
    working, pending = (_leg(seat, name, {}) for name in ("working", "pending"))
    if working.params["type"] not in ("LIMIT", "LIMIT_MAKER"):
        raise Refusal(400, -1158, "Order type not supported in OTO.")
    orders = _make(seat, (working, pending), ("workingClientOrderId", "pendingClientOrderId"))
    orders[1].tags["pending"] = "yes"
    return _placed(seat, "OTO", orders)


def _leg(seat: Seat, name: str, shared: Mapping[str, str]) -> Seat:
    """The caller with one leg's parameters under the names that a single order has."""
    plain = {part[0].lower() + part[1:]: seat.params[name + part] for part in _LEG if name + part in seat.params}
    need({f"{name}Type": plain.get("type", "")}, f"{name}Type")
    return replace(seat, params={"symbol": seat.params["symbol"], **shared, **plain})


def _ticket(leg: Seat) -> Ticket:
    params, kind = dict(leg.params), leg.params["type"]
    stop = kind in _STOPS
    if stop:
        need(params, "stopPrice")
        params["type"] = "LIMIT" if kind.endswith("_LIMIT") else "MARKET"
    for name in ("side", "quantity"):
        need(params, name)
    ticket = read_ticket(replace(leg, params=params))
    check_filters(ticket)
    if stop and read_number(params, "stopPrice") % ticket.market.tick:
        raise Refusal(400, -1013, "Filter failure: PRICE_FILTER")
    return ticket


def _make(seat: Seat, legs: tuple[Seat, Seat], names: tuple[str, str]) -> tuple[Order, Order]:
    desk, made = seat.key.account.desk, []
    given = [read_client_id(seat, name) for name in (*names, "listClientOrderId")]
    seat.client_id = given[2]
    for leg, client_id in zip(legs, given[:2], strict=True):
        ticket = _ticket(leg)
        if client_id and (given[:2].count(client_id) > 1 or desk.open_by_client_id(client_id) is not None):
            raise Refusal(400, -2010, "Duplicate order sent.")
        number = next(seat.floor.numbers)
        kind, force = leg.params["type"], ticket.time_in_force
        order = Order(
            number,
            seat.account,
            ticket.market,
            ticket.side,
            "LIMIT" if ticket.limit else "MARKET",
            ticket.quantity,
            ticket.price,
            client_id or f"sim{number}",
            seat.now_ms,
            force,
        )
        order.tags["type"] = kind
        if kind in _STOPS:
            order.tags["stopPrice"] = f"{Decimal(leg.params['stopPrice']):.8f}"
        made.append(order)
    return made[0], made[1]


def _rests(order: Order) -> bool:
    return order.tags["type"] not in _STOPS


def _at_once(order: Order) -> bool:
    return crosses(order, order.market) if _rests(order) else triggered(order)


def _placed(seat: Seat, kind: str, orders: tuple[Order, Order]) -> Any:
    """Count two orders, take the resting one in, and let the other wait."""
    desk, market = seat.key.account.desk, orders[0].market
    answer_kind = seat.params.get("newOrderRespType", "RESULT")
    if answer_kind not in ("ACK", "RESULT", "FULL"):
        raise Refusal(400, -1100, "Illegal characters found in parameter 'newOrderRespType'.")
    open_lists = seat.book.open_lists()
    if any(one.client_id == seat.client_id for one in open_lists):
        raise Refusal(400, -2010, "Duplicate order sent.")
    if sum(one.market is market for one in open_lists) >= _LISTS:
        raise Refusal(400, -1013, "Filter failure: MAX_NUM_ORDER_LISTS")
    if orders[0].tags["type"] == "LIMIT_MAKER" and _at_once(orders[0]):
        raise Refusal(400, -2010, "Order would immediately match and take.")
    seat.count_order(2)
    number = next(seat.floor.numbers)
    made = OrderList(number, kind, seat.client_id or f"sim{number}", market, orders, seat.now_ms)
    waiting = [orders[1]] if kind == "OTO" else [order for order in orders if not _rests(order)]
    resting = [order for order in orders if order not in waiting]
    try:
        for order in resting:
            desk.take(order, seat.now_ms)
    except NoFunds:
        raise Refusal(400, -2010, "Account has insufficient balance for requested action.") from None
    if not resting and desk.free(_paid(orders[0])) < _need(orders[0]):
        raise Refusal(400, -2010, "Account has insufficient balance for requested action.")
    seat.book.add(made)
    for order in waiting:
        desk.park(order)
    names = ("aboveClientOrderId", "belowClientOrderId") if kind == "OCO" else _OTO_IDS
    for order, name in zip(orders, names, strict=True):
        seat.floor.ledger.execute("binance", order, given_id=name in seat.params)
    seat.count_order(-sum(order.status == "FILLED" for order in orders))
    seat.book.settle(desk, seat.now_ms)
    seat.show_counts()
    reports = [_report(order, answer_kind) for order in orders]
    return {**told(made), "orderReports": reports}


_OTO_IDS = ("workingClientOrderId", "pendingClientOrderId")


def _paid(order: Order) -> str:
    return order.market.spec.base if order.side == "SELL" else order.market.spec.quote


def _need(order: Order) -> Decimal:
    price = order.price or Decimal(order.tags.get("stopPrice", "0"))
    return order.quantity if order.side == "SELL" else order.quantity * price


def _report(order: Order, kind: str) -> dict[str, Any]:
    report = placed(order, kind)
    if "stopPrice" in order.tags and kind != "ACK":
        report["stopPrice"] = order.tags["stopPrice"]
    return report


def told(made: OrderList) -> dict[str, Any]:
    return {
        "orderListId": made.number,
        "contingencyType": made.kind,
        "listStatusType": "ALL_DONE" if made.done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if made.done else "EXECUTING",
        "listClientOrderId": made.client_id,
        "transactionTime": made.at_ms,
        "symbol": made.market.binance,
        "orders": [
            {"symbol": made.market.binance, "orderId": order.number, "clientOrderId": order.client_id}
            for order in made.orders
        ],
    }


def told_cancelled(seat: Seat, made: OrderList, own: str | None = None) -> dict[str, Any]:
    """Cancel what is open of a list, and what is said of it."""
    reports = [cancelled_order(seat, order, own) for order in made.orders if order.open]
    made.done = True
    return {**told(made), "transactionTime": seat.now_ms, "orderReports": reports}


def query_list(seat: Seat) -> Any:
    params = seat.params
    if not params.get("orderListId") and not params.get("origClientOrderId"):
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    for made in reversed(seat.book.lists.values()):
        named = params.get("orderListId") in (None, str(made.number))
        if named and params.get("origClientOrderId") in (None, made.client_id):
            seat.client_id = made.client_id
            return told(made)
    raise Refusal(400, -2013, "Order list does not exist.")


def open_lists(seat: Seat) -> Any:
    return [told(made) for made in seat.book.open_lists()]


def all_lists(seat: Seat) -> Any:
    start, limit = seat.params.get("fromId", "0"), seat.params.get("limit", "500")
    if not start.isdigit() or not limit.isdigit():
        raise Refusal(400, -1100, "Illegal characters found in a parameter.")
    rows = [told(made) for made in seat.book.lists.values() if made.number >= int(start)]
    return rows[: min(int(limit), 1000)] if int(start) else rows[-min(int(limit), 1000) :]
