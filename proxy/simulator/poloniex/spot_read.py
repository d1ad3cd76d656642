"""Poloniex's spot orders, fills and accounts as they are told."""

import zlib
from decimal import Decimal
from typing import Any

from proxy.simulator.orders import Order
from proxy.simulator.poloniex.names import order_id, symbol
from proxy.simulator.poloniex.seat import WEEK_MS, Seat
from proxy.simulator.poloniex.spot_trade import NOT_FOUND, named
from proxy.simulator.poloniex.wire import Refusal

STATES = {"OPEN": "NEW", "FILLED": "FILLED", "CANCELED": "CANCELED", "EXPIRED": "CANCELED"}
BAD_SYMBOL = (10040, "Invalid symbol")


def shown(order: Order) -> dict[str, Any]:
    return {
        "id": order_id(order),
        "clientOrderId": order.client_id,
        "symbol": symbol(order.market),
        "state": STATES[order.status],
        "accountType": "SPOT",
        "side": order.side,
        "type": order.tags.get("type", order.kind),
        "timeInForce": order.time_in_force,
        "quantity": f"{order.quantity:f}",
        "price": f"{order.price or Decimal(0):f}",
        "avgPrice": f"{order.average:f}",
        "amount": "0.00",
        "filledQuantity": f"{order.filled:f}",
        "filledAmount": f"{order.filled_value:f}",
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "orderSource": "API",
        "loan": False,
        "cancelReason": 0,
    }


def _trade(order: Order) -> dict[str, Any]:
    return {
        "id": str(order.number),
        "symbol": symbol(order.market),
        "accountType": "SPOT",
        "orderId": order_id(order),
        "side": order.side,
        "type": order.tags.get("type", order.kind),
        "matchRole": "TAKER",
        "createTime": order.updated_ms,
        "price": f"{order.average:f}",
        "quantity": f"{order.filled:f}",
        "amount": f"{order.filled_value:f}",
        "feeCurrency": order.market.spec.quote,
        "feeAmount": "0",
        "pageId": str(order.number),
        "clientOrderId": order.client_id,
    }


def order(seat: Seat) -> Any:
    """A finished one only by its order id, unless the limits say otherwise."""
    name = seat.names["id"]
    found = named(seat, name)
    if found is None or (name.startswith("cid:") and not found.open and not seat.limits.finds_done):
        raise Refusal(*NOT_FOUND)
    return shown(found)


def opened(seat: Seat) -> Any:
    market = seat.market(seat.params["symbol"], "spot", BAD_SYMBOL) if "symbol" in seat.params else None
    side, most = seat.params.get("side"), seat.whole("limit", 500, 2000)
    found = [o for o in seat.opened("spot", market) if side in (None, o.side)]
    return [shown(o) for o in found[::-1][:most]]


def history(seat: Seat) -> Any:
    market = seat.market(seat.params["symbol"], "spot", BAD_SYMBOL) if "symbol" in seat.params else None
    first, last = seat.span("startTime", "endTime", WEEK_MS)
    side, most = seat.params.get("side"), seat.whole("limit", 100, 1000)
    found = [o for o in seat.done("spot", market) if first <= o.created_ms <= last and side in (None, o.side)]
    return [shown(o) for o in found[::-1][:most]]


def trades(seat: Seat) -> Any:
    wanted = [name for name in seat.params.get("symbols", "").split(",") if name]
    for name in wanted:
        seat.market(name, "spot", BAD_SYMBOL)
    first, last = seat.span("startTime", "endTime", WEEK_MS)
    found = [o for o in seat.done("spot") if o.filled and first <= o.updated_ms <= last]
    return [_trade(o) for o in found[::-1] if not wanted or symbol(o.market) in wanted][
        : seat.whole("limit", 100, 1000)
    ]


def trades_of(seat: Seat) -> Any:
    found = named(seat, seat.names["id"])
    if found is None:
        raise Refusal(*NOT_FOUND)
    return [_trade(found)] if found.filled else []


def _account_id(seat: Seat) -> str:
    return str(70_000_000_000_000_000 + zlib.crc32(seat.key.account.name.encode()))


def accounts(seat: Seat) -> Any:
    return [{"accountId": _account_id(seat), "accountType": "SPOT", "accountState": "NORMAL"}]


def balances(seat: Seat) -> Any:
    desk = seat.key.account.desk
    if seat.params.get("accountType", "SPOT") != "SPOT":
        return []
    if seat.names.get("id", _account_id(seat)) != _account_id(seat):
        raise Refusal(21600, "Account Not Found")
    rows = [
        {
            "currencyId": str(200 + number),
            "currency": coin,
            "available": f"{desk.free(coin):f}",
            "hold": f"{desk.held.get(coin, Decimal(0)):f}",
        }
        for number, coin in enumerate(desk.total)
    ]
    return [{"accountId": _account_id(seat), "accountType": "SPOT", "balances": rows}]


def fees(seat: Seat) -> Any:
    return {"trxDiscount": False, "makerRate": "0.0009", "takerRate": "0.0009", "volume30D": "0"}


def nothing(seat: Seat) -> Any:
    return []


def withdraw(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"withdrawalRequestsId": next(seat.floor.numbers)}


def transfer(seat: Seat) -> Any:
    return {"transferId": str(next(seat.floor.numbers))}
