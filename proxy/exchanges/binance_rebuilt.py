"""The answer to a Binance write, made up of what its orders show.

Sources: binance-spot-api-docs rest-api.md: response types of New order, Cancel order, Cancel an existing order and send
a new order, Order amend keep priority; errors.md, -2010 and -2011.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.lookup import Finding, Found, Rebuilt
from proxy.model import Endpoint, Incoming

_ROOT = "/api/v3/"
PLACE, SOR, REPLACE = (f"POST {_ROOT}{name}" for name in ("order", "sor/order", "order/cancelReplace"))
AMEND = f"PUT {_ROOT}order/amend/keepPriority"
CANCEL, CANCEL_LIST = f"DELETE {_ROOT}order", f"DELETE {_ROOT}orderList"

_NOT_IN_REPORTS = frozenset({"time", "updateTime", "isWorking"})  # of a queried order
_ZERO = "0.00000000"
_ACK = ("symbol", "orderId", "orderListId", "clientOrderId")
_AMENDED = {  # name in the answer to an amendment -> name in a queried order
    "symbol": "symbol",
    "orderId": "orderId",
    "orderListId": "orderListId",
    "clientOrderId": "clientOrderId",
    "price": "price",
    "qty": "origQty",
    "executedQty": "executedQty",
    "preventedQty": "preventedQuantity",
    "quoteOrderQty": "origQuoteOrderQty",
    "cumulativeQuoteQty": "cummulativeQuoteQty",
    "status": "status",
    "timeInForce": "timeInForce",
    "type": "type",
    "side": "side",
    "workingTime": "workingTime",
    "selfTradePreventionMode": "selfTradePreventionMode",
}
_UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}
_NOT_CANCELLED = {"code": -2011, "msg": "The order was not cancelled (ordergate: not_executed)"}
_NOT_PLACED = {"code": -2010, "msg": "The order was not placed (ordergate: not_executed)"}


def as_answered(name: str, params: Mapping[str, str], order: Mapping[str, Any]) -> bytes:
    """What a call like `name` says of an order, as far as the order tells it."""
    if name == AMEND:
        report = {said: order[shown] for said, shown in _AMENDED.items() if shown in order}
        report |= {"preventedQty": order.get("preventedQuantity", _ZERO)}
        if old := params.get("origClientOrderId"):
            report["origClientOrderId"] = old
        return orjson.dumps({"transactTime": order.get("updateTime"), "amendedOrder": report})
    report = {key: value for key, value in order.items() if key not in _NOT_IN_REPORTS}
    for key in ("stopPrice", "icebergQty"):  # only in answers to orders that have them
        if report.get(key) == _ZERO:
            del report[key]
    if name == CANCEL:
        report.pop("workingTime", None)
        own = params.get("cancelNewClientOrderId" if "cancelReplaceMode" in params else "newClientOrderId")
        report |= {
            "origClientOrderId": order.get("clientOrderId"),
            "clientOrderId": own or order.get("clientOrderId"),
            "transactTime": order.get("updateTime"),
        }
        return orjson.dumps(report)
    report["transactTime"] = order.get("time")
    kind = params.get("newOrderRespType") or ("FULL" if order.get("type") in ("LIMIT", "MARKET") else "ACK")
    if kind == "ACK":
        report = {key: report.get(key) for key in (*_ACK, "transactTime")}
    elif kind == "FULL" and float(order.get("executedQty") or 0) == 0:
        report["fills"] = []  # the fills themselves are told elsewhere
    return orjson.dumps(report)


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    if endpoint.name == REPLACE:
        return _replaced(params, findings)
    if len(findings) != 1:
        return None
    [finding] = findings.values()
    if endpoint.name == CANCEL and finding.state is Found.NEVER:
        return Rebuilt(400, orjson.dumps(_UNKNOWN_ORDER))
    return Rebuilt(200, finding.body) if finding.state is Found.DONE and finding.body else None


def _replaced(params: Mapping[str, str], findings: Mapping[int, Finding]) -> Rebuilt | None:
    """None too where nothing was done and the order could still be cancelled: then the exchange's reason is open."""
    if findings.keys() != {0, 1}:
        return None
    old, new = findings[0], findings[1]
    cancelled, placed = old.state is Found.DONE, new.state is Found.DONE
    if (cancelled and not old.body) or (placed and not new.body):
        return None
    regardless = params.get("cancelReplaceMode") == "ALLOW_FAILURE"
    if placed and not cancelled and not regardless:  # the one is not tried without the other
        return None
    if not cancelled and not placed and old.state is not Found.NEVER:
        return None
    failed = _UNKNOWN_ORDER if old.state is Found.NEVER else _NOT_CANCELLED
    tried = placed or cancelled or regardless
    data = {
        "cancelResult": "SUCCESS" if cancelled else "FAILURE",
        "newOrderResult": "SUCCESS" if placed else "FAILURE" if tried else "NOT_ATTEMPTED",
        "cancelResponse": orjson.loads(old.body) if cancelled else failed,
        "newOrderResponse": orjson.loads(new.body) if placed else _NOT_PLACED if tried else None,
    }
    if cancelled and placed:
        return Rebuilt(200, orjson.dumps(data))
    if cancelled or placed:
        told = {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": data}
        return Rebuilt(409, orjson.dumps(told))
    return Rebuilt(400, orjson.dumps({"code": -2022, "msg": "Order cancel-replace failed.", "data": data}))
