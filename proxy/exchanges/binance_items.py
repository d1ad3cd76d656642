"""What a Binance answer says of each order of a call that is about several.

Sources: binance-spot-api-docs rest-api.md: New order list (orderReports), Cancel order list, Cancel all open orders on
a symbol, Cancel an existing order and send a new order; errors.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from proxy.exchanges.binance_rebuilt import CANCEL_LIST, REPLACE
from proxy.model import Endpoint, Executed, Item, Reply

_ROOT = "/api/v3/"
_CANCEL_ALL = f"DELETE {_ROOT}openOrders"
_LISTS = (f"POST {_ROOT}orderList/", f"POST {_ROOT}order/oco")
_DOUBTFUL = frozenset({-1000, -1001, -1006, -1007})  # "execution status unknown"


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges."""
    try:
        told = orjson.loads(reply.body)
        if endpoint.name == REPLACE and reply.status in (200, 400, 409):
            return _replaced(params, told if reply.status == 200 else told["data"])
        if reply.status != 200:
            return ()
        if endpoint.name.startswith(_LISTS):
            return _each(told["orderReports"], "clientOrderId", "")
        if endpoint.name == CANCEL_LIST:
            return _each(told["orderReports"], "origClientOrderId", "CANCELED")
        if endpoint.name == _CANCEL_ALL:
            return _each(_flat(told), "origClientOrderId", "CANCELED")
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()
    return ()


def _flat(told: list[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """A list of orders stands as one row."""
    for row in told:
        yield from row.get("orderReports", (row,))


def _each(reports: Iterable[Mapping[str, Any]], name: str, status: str) -> tuple[Item, ...]:
    """`status`: the one that an order must have now, or ""."""
    return tuple(
        Item(
            index,
            str(report[name]),
            Executed.YES if not status or report["status"] == status else Executed.UNKNOWN,
            str(report["orderId"]),
        )
        for index, report in enumerate(reports)
    )


def _replaced(params: Mapping[str, str], told: Mapping[str, Any]) -> tuple[Item, ...]:
    old = params.get("cancelOrderId") or params.get("cancelOrigClientOrderId", "")
    return (
        _side(0, old, told["cancelResult"], told["cancelResponse"]),
        _side(1, params.get("newClientOrderId", ""), told["newOrderResult"], told["newOrderResponse"]),
    )


def _side(index: int, name: str, result: str, told: Mapping[str, Any] | None) -> Item:
    if result == "NOT_ATTEMPTED":
        return Item(index, name, Executed.NO, "", result)
    if result == "SUCCESS" and told is not None:
        return Item(index, name, Executed.YES, str(told["orderId"]))
    if result != "FAILURE" or told is None:
        return Item(index, name, Executed.UNKNOWN)
    executed = Executed.UNKNOWN if told["code"] in _DOUBTFUL else Executed.NO
    return Item(index, name, executed, "", f"{told['code']} {told.get('msg', '')}".strip())
