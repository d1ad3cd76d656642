"""The futures' looks at orders and fills."""

from typing import Any

from proxy.simulator.binance.futures.contracts import contract_of
from proxy.simulator.binance.futures.order import Seat
from proxy.simulator.binance.futures.trade import find, shown
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.orders import Order

_WEEK_MS = 7 * 86_400_000


def query(seat: Seat) -> Any:
    order = find(seat)
    if order is None:
        raise Refusal(400, -2013, "Order does not exist.")
    return shown(order)


def query_open(seat: Seat) -> Any:
    order = find(seat)
    if order is None or not order.open:
        raise Refusal(400, -2013, "Order does not exist.")
    return shown(order)


def open_orders(seat: Seat) -> Any:
    wanted = {one.symbol for one in seat.wanted()}
    orders = sorted(seat.wallet.desk.open_orders(), key=lambda order: order.number)
    return [shown(order) for order in orders if contract_of(order.market).symbol in wanted]


def _numbers(seat: Seat) -> dict[str, int]:
    found = {}
    for name in ("orderId", "fromId", "startTime", "endTime", "limit"):
        text = seat.params.get(name, "0")
        if not text.isdigit():
            raise Refusal(400, -1100, f"Illegal characters found in parameter '{name}'.")
        found[name] = int(text)
    return found


def _orders(seat: Seat) -> list[Order]:
    """Of one symbol, or on COIN-M of a pair: at most seven days, the latest ones unless a beginning is given."""
    if "symbol" not in seat.params and not (seat.product == "coinm" and "pair" in seat.params):
        raise Refusal(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    asked = _numbers(seat)
    start, end = asked["startTime"], asked["endTime"] or seat.now_ms
    if asked["startTime"] and asked["endTime"] and not 0 <= end - start <= _WEEK_MS:
        raise Refusal(400, -4165, "Maximum time interval is 7 days.")
    start = start or (0 if asked["orderId"] or asked["fromId"] else end - _WEEK_MS)
    wanted = {one.symbol for one in seat.wanted()}
    return [
        order
        for order in seat.wallet.desk.all_orders()
        if contract_of(order.market).symbol in wanted
        and start <= order.created_ms <= end
        and seat.wallet.visible(order, seat.now_ms)
    ]


def _page(seat: Seat, orders: list[Order], most: int, usual: int, first: int) -> list[Order]:
    asked = _numbers(seat)
    count = min(asked["limit"] or usual, most)
    kept = [order for order in orders if order.number >= first]
    return kept[:count] if first or asked["startTime"] else kept[-count:]


def all_orders(seat: Seat) -> Any:
    usual, most = (500, 1000) if seat.product == "usdm" else (50, 100)
    return [shown(order) for order in _page(seat, _orders(seat), most, usual, _numbers(seat)["orderId"])]


def user_trades(seat: Seat) -> Any:
    asked = _numbers(seat)
    filled = [order for order in _orders(seat) if order.filled and asked["orderId"] in (0, order.number)]
    usual = 500 if seat.product == "usdm" else 50
    return [_trade(order) for order in _page(seat, filled, 1000, usual, asked["fromId"])]


def _trade(order: Order) -> dict[str, Any]:
    contract = contract_of(order.market)
    value = f"{contract.worth(order.filled, order.average):.8f}"
    told = {
        "symbol": contract.symbol,
        "id": order.number,
        "orderId": order.number,
        "side": order.side,
        "price": f"{order.average:f}",
        "qty": contract.told(order.filled),
        "realizedPnl": "0",
        "quoteQty" if contract.product == "usdm" else "baseQty": value,
        "commission": "0",
        "commissionAsset": contract.margin_coin,
        "time": order.updated_ms,
        "positionSide": order.tags.get("positionSide", "BOTH"),
        "buyer": order.side == "BUY",
        "maker": False,
    }
    return told if contract.product == "usdm" else {**told, "pair": contract.pair, "marginAsset": contract.margin_coin}
