"""KuCoin's spot orders and fills as they are told."""

from decimal import Decimal
from typing import Any

from proxy.simulator.kucoin.names import order_id, symbol
from proxy.simulator.kucoin.seat import Seat, in_range, page, scroll
from proxy.simulator.kucoin.wire import bad
from proxy.simulator.orders import Order


def shown(order: Order) -> dict[str, Any]:
    """An order of the fast paths."""
    spec, tags = order.market.spec, order.tags
    price = order.price or Decimal(0)
    left = order.quantity - order.filled if order.open else Decimal(0)
    cancelled = order.quantity - order.filled - left
    return {
        "id": order_id(order),
        "clientOid": order.client_id,
        "symbol": symbol(order.market),
        "opType": "DEAL",
        "type": order.kind.lower(),
        "side": order.side.lower(),
        "price": f"{price:f}",
        "size": f"{order.quantity:f}",
        "funds": f"{order.quantity * price:f}",
        "dealSize": f"{order.filled:f}",
        "dealFunds": f"{order.filled_value:f}",
        "remainSize": f"{left:f}",
        "remainFunds": f"{left * price:f}",
        "cancelledSize": f"{cancelled:f}",
        "cancelledFunds": f"{cancelled * price:f}",
        "fee": "0",
        "feeCurrency": spec.quote,
        "stp": tags.get("stp"),
        "timeInForce": tags.get("force", "GTC"),
        "postOnly": bool(tags.get("post_only")),
        "hidden": False,
        "iceberg": False,
        "visibleSize": "0",
        "cancelAfter": 0,
        "channel": "API",
        "remark": tags.get("remark"),
        "tags": tags.get("tags"),
        "cancelExist": order.status in ("CANCELED", "EXPIRED"),
        "tradeType": "TRADE",
        "inOrderBook": order.open,
        "active": order.open,
        "tax": "0",
        "createdAt": order.created_ms,
        "lastUpdatedAt": order.updated_ms,
    }


def shown_old(order: Order) -> dict[str, Any]:
    view = shown(order)
    for name in ("active", "inOrderBook", "lastUpdatedAt", "remainSize", "remainFunds"):
        del view[name]
    stops = {"stop": "", "stopTriggered": False, "stopPrice": "0"}
    return {**view, **stops, "isActive": order.open}


def fill(order: Order) -> dict[str, Any]:
    return {
        "id": order.number,
        "symbol": symbol(order.market),
        "tradeId": order.number,
        "orderId": order_id(order),
        "counterOrderId": f"{order.number:024x}",
        "side": order.side.lower(),
        "liquidity": "taker",
        "forceTaker": False,
        "price": f"{order.average:f}",
        "size": f"{order.filled:f}",
        "funds": f"{order.filled_value:f}",
        "fee": "0",
        "feeRate": "0",
        "feeCurrency": order.market.spec.quote,
        "stop": "",
        "tradeType": "TRADE",
        "type": order.kind.lower(),
        "createdAt": order.updated_ms,
    }


def _found(seat: Seat, order: Order | None, *, with_symbol: bool) -> Order:
    if with_symbol and order is not None and order.market is not seat.market(seat.params.get("symbol"), "spot"):
        order = None
    if order is None:
        raise bad("order_not_exist")
    return order


def by_number(seat: Seat) -> Any:
    return shown(_found(seat, seat.order("spot", number=seat.names["orderId"]), with_symbol=True))


def by_client_id(seat: Seat) -> Any:
    if "symbol" not in seat.params:
        raise bad("symbol is required")
    return shown(_found(seat, seat.order("spot", client_id=seat.names["clientOid"]), with_symbol=True))


def by_number_old(seat: Seat) -> Any:
    return shown_old(_found(seat, seat.order("spot", number=seat.names["orderId"]), with_symbol=False))


def by_client_id_old(seat: Seat) -> Any:
    return shown_old(_found(seat, seat.order("spot", client_id=seat.names["clientOid"]), with_symbol=False))


def active(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), "spot")
    return [shown(o) for o in seat.orders("spot", market, opened=True)[::-1]]


def active_page(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), "spot")
    params = {
        **seat.params,
        "currentPage": seat.params.get("pageNum", "1"),
        "pageSize": seat.params.get("pageSize", "20"),
    }
    seat.params = params
    return page(seat, seat.orders("spot", market, opened=True), shown)


def active_symbols(seat: Seat) -> Any:
    return {"symbols": list(dict.fromkeys(symbol(o.market) for o in seat.orders("spot", opened=True)))}


def done(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), "spot")
    return scroll(seat, in_range(seat.orders("spot", market, opened=False), seat), shown)


def fills(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), "spot")
    if "orderId" in seat.params:
        order = seat.order("spot", number=seat.params["orderId"])
        found = [order] if order is not None and order.market is market else []
    else:
        found = in_range(seat.orders("spot", market), seat)
    return scroll(seat, [o for o in found if o.filled], fill)


def listed_old(seat: Seat) -> Any:
    status = seat.params.get("status", "done")
    if status not in ("active", "done"):
        raise bad("status is invalid")
    market = seat.market(seat.params["symbol"], "spot") if "symbol" in seat.params else None
    if status == "active":
        return page(seat, seat.orders("spot", market, opened=True), shown_old)
    return page(seat, in_range(seat.orders("spot", market, opened=False), seat), shown_old)


def recent_old(seat: Seat) -> Any:
    day = seat.now_ms - 24 * 3600 * 1000
    return [shown_old(o) for o in seat.orders("spot") if o.created_ms >= day][:-1001:-1]


def _fills_old(seat: Seat) -> list[Order]:
    market = seat.market(seat.params["symbol"], "spot") if "symbol" in seat.params else None
    wanted = seat.params.get("orderId")
    return [o for o in seat.orders("spot", market) if o.filled and wanted in (None, order_id(o))]


def fills_old(seat: Seat) -> Any:
    return page(seat, in_range(_fills_old(seat), seat), _fill_old)


def recent_fills_old(seat: Seat) -> Any:
    day = seat.now_ms - 24 * 3600 * 1000
    return [_fill_old(o) for o in _fills_old(seat) if o.updated_ms >= day][:-1001:-1]


def _fill_old(order: Order) -> dict[str, Any]:
    view = fill(order)
    del view["id"]
    return {**view, "tradeId": f"{order.number:024x}"}
