"""Where a lost KuCoin order is asked for, and what an order that is found says of the write.

Sources: kucoin.com/docs-new get order pages; kucoin-universal-sdk for the shapes of answers. A cancelled order is
shown with `cancelExist`; how long is not documented, but looks are made soon.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges.kucoin_codes import FINE, NO_SUCH_ORDER, failed
from proxy.exchanges.kucoin_orders import MULTI_CANCEL, RULES, seen
from proxy.exchanges.lookup import CANNOT_TELL, Absence, Finding, Found, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.model import CallClass, Endpoint, Incoming, Reply

# How long it may take until an order shows is not documented either.
ABSENCE = Absence(after_ms=10_000, looks=3)
_NONE = frozenset({NO_SUCH_ORDER, "126043", "100001"})
_ALTER = "POST /api/v1/hf/orders/alter"


def _by_id(endpoint: str, path: str, query: str = "") -> Look:
    return Look(endpoint, (("orderId", ""),), query=query, path=path, rows=("data",), none=_NONE)


def _by_name(endpoint: str, path: str, query: str = "") -> Look:
    return Look(endpoint, (("clientOid", ""),), query=query, path=path, rows=("data",), none=_NONE)


_SYMBOL = "symbol={symbol}"
_HF = "/api/v1/hf/orders"
_MARGIN = "/api/v3/hf/margin/orders"
_HF_ID = _by_id(f"GET {_HF}/{{orderId}}", f"{_HF}/{{id}}", _SYMBOL)
_HF_NAME = _by_name(f"GET {_HF}/client-order/{{clientOid}}", f"{_HF}/client-order/{{id}}", _SYMBOL)
_OLD_ID = _by_id("GET /api/v1/orders/{orderId}", "/api/v1/orders/{id}")
_OLD_NAME = _by_name("GET /api/v1/order/client-order/{clientOid}", "/api/v1/order/client-order/{id}")
_MARGIN_ID = _by_id(f"GET {_MARGIN}/{{orderId}}", f"{_MARGIN}/{{id}}", _SYMBOL)
_MARGIN_NAME = _by_name(f"GET {_MARGIN}/client-order/{{clientOid}}", f"{_MARGIN}/client-order/{{id}}", _SYMBOL)
_STOP_NAME = _by_name("GET /api/v1/stop-order/queryOrderByClientOid", "", f"clientOid={{id}}&{_SYMBOL}")
_OCO_ID = _by_id("GET /api/v3/oco/order/{orderId}", "/api/v3/oco/order/{id}")
_OCO_NAME = _by_name("GET /api/v3/oco/client-order/{clientOid}", "/api/v3/oco/client-order/{id}")
_FUTURES_ID = _by_id("GET /api/v1/orders/{orderId}@futures", "/api/v1/orders/{id}")
_FUTURES_NAME = _by_name("GET /api/v1/orders/byClientOid", "", "clientOid={id}")

_PLACES: Mapping[str, tuple[Look, ...]] = {
    "POST /api/v1/hf/orders": (_HF_NAME,),
    "POST /api/v1/hf/orders/sync": (_HF_NAME,),
    "POST /api/v1/hf/orders/multi": (_HF_NAME,),
    "POST /api/v1/hf/orders/multi/sync": (_HF_NAME,),
    # Altering cancels the order and makes another one: the old id tells nothing of the new order.
    _ALTER: (_HF_NAME,),
    "DELETE /api/v1/hf/orders/{orderId}": (_HF_ID,),
    "DELETE /api/v1/hf/orders/client-order/{clientOid}": (_HF_NAME,),
    "DELETE /api/v1/hf/orders/sync/{orderId}": (_HF_ID,),
    "DELETE /api/v1/hf/orders/sync/client-order/{clientOid}": (_HF_NAME,),
    "POST /api/v1/orders": (_OLD_NAME,),
    "POST /api/v1/orders/multi": (_OLD_NAME,),
    "DELETE /api/v1/orders/{orderId}": (_OLD_ID,),
    "DELETE /api/v1/order/client-order/{clientOid}": (_OLD_NAME,),
    "POST /api/v1/stop-order": (_STOP_NAME,),
    "POST /api/v3/hf/margin/order": (_MARGIN_NAME,),
    "DELETE /api/v3/hf/margin/orders/{orderId}": (_MARGIN_ID,),
    "DELETE /api/v3/hf/margin/orders/client-order/{clientOid}": (_MARGIN_NAME,),
    "POST /api/v3/oco/order": (_OCO_NAME,),
    "DELETE /api/v3/oco/order/{orderId}": (_OCO_ID,),
    "DELETE /api/v3/oco/client-order/{clientOid}": (_OCO_NAME,),
    "POST /api/v1/orders@futures": (_FUTURES_NAME,),
    "POST /api/v1/st-orders": (_FUTURES_NAME,),
    "POST /api/v1/orders/multi@futures": (_FUTURES_NAME,),
    "DELETE /api/v1/orders/{orderId}@futures": (_FUTURES_ID,),
    "DELETE /api/v1/orders/client-order/{clientOid}": (_FUTURES_NAME,),
    MULTI_CANCEL: (_FUTURES_ID, _FUTURES_NAME),
}


def state(order: Row) -> str:
    """open, cancelled or done; the state itself of kinds of orders that tell one in a word of their own."""
    active = order.get("active", order.get("isActive"))
    if active is None:
        return str(order.get("status")).lower()
    if active:
        return "open"
    return "cancelled" if order.get("cancelExist") else "done"


_SHOWN = Shown(
    ids=("id", "clientOid"),
    own="id",
    status="",
    told=state,
    open=frozenset({"open", "new"}),
    cancelled=frozenset({"cancelled"}),
    made="createdAt",
    amended={"newPrice": "price", "newSize": "size"},
)
_LATER = replace(_SHOWN, updated="lastUpdatedAt")
_FUTURES = replace(_SHOWN, updated="updatedAt")
_OCO = replace(_SHOWN, ids=("orderId", "clientOid"), own="orderId", made="orderTime")


def _shown(endpoint: Endpoint) -> Shown:
    if endpoint.product == "futures":
        return _FUTURES
    if "/oco/" in endpoint.path:
        return _OCO
    return _LATER if "/hf/" in endpoint.path and endpoint.name != _ALTER else _SHOWN


def _pick(order: Row, **fields: str) -> dict[str, Any]:
    return {name: order.get(shown) for name, shown in fields.items()}


def _matched(order: Row) -> dict[str, Any]:
    """What the answers of the `sync` calls tell of an order."""
    sizes = _pick(order, originSize="size", dealSize="dealSize", remainSize="remainSize", canceledSize="cancelledSize")
    return {**sizes, "status": "open" if state(order) == "open" else "done"}


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """The row of an order in a list, the whole answer else."""
    data = _told(endpoint, row, order)
    rule = RULES.rule(endpoint)
    if not data or rule is None:
        return b""
    return orjson.dumps(data if rule.rows else {"code": FINE, "data": data})


def _told(endpoint: Endpoint, row: Row, order: Row) -> dict[str, Any]:
    path, both = endpoint.path, _pick(order, orderId="id", clientOid="clientOid")
    if endpoint.name == _ALTER:
        return _pick(order, newOrderId="id", clientOid="clientOid")
    if endpoint.name == MULTI_CANCEL:
        return {**both, "code": "200", "msg": "success"}
    if endpoint.call_class is CallClass.CANCEL:
        return _cancelled(endpoint, order)
    if path == "/api/v3/oco/order":
        return _pick(order, orderId="orderId")
    if endpoint.product == "futures":
        listed = {"symbol": order.get("symbol"), "code": FINE, "msg": "success"} if path.endswith("/multi") else {}
        return {**both, **listed}
    if path == "/api/v1/orders/multi":
        return {**row, **_pick(order, id="id", clientOid="clientOid"), "status": "success", "failMsg": None}
    if "/sync" in path:
        both |= _pick(order, orderTime="createdAt", matchTime="lastUpdatedAt") | _matched(order)
    if "/multi" in path:
        return {**both, "success": True}
    return both if "/hf/" in path else _pick(order, orderId="id")


def _cancelled(endpoint: Endpoint, order: Row) -> dict[str, Any]:
    path, by_name = endpoint.path, "/client-order/" in endpoint.path
    if "/oco/" in path:
        return {}  # the ids of its two orders are not shown
    if "/hf/" in path:
        named = _pick(order, clientOid="clientOid") if by_name else _pick(order, orderId="id")
        return {**named, **(_matched(order) if "/sync/" in path else {})}
    if not by_name:
        return {"cancelledOrderIds": [order.get("id")]}
    if endpoint.product == "futures":
        return _pick(order, clientOid="clientOid")
    return _pick(order, cancelledOrderId="id", clientOid="clientOid") | {"cancelledOcoOrderIds": None}


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    text = "it was not executed"
    missing: dict[str, Any] = {"success": False, "failMsg": text}
    if endpoint.product == "futures":
        missing = {"orderId": None, "clientOid": None, "code": "400100", "msg": text}
    elif endpoint.path == "/api/v1/orders/multi":
        missing = {"id": None, "status": "fail", "failMsg": text}
    rows: Any = [missing if ack is None else orjson.loads(ack) for ack in acks]
    if endpoint.product == "spot" and endpoint.path == "/api/v1/orders/multi":
        rows = {"data": rows}
    return orjson.dumps({"code": FINE, "data": rows})


LOOKS = OrderLooks(RULES, lambda endpoint: _PLACES.get(endpoint.name, ()), _shown, failed, _ack, _whole)


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    return LOOKS.lookups(endpoint, request, seen(endpoint, params), since_ms)


def found(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    """That it is not there proves nothing of a stop order, which leaves its list when it is triggered or cancelled.

    An altered order is another one, so neither does an old one that has ended.
    """
    finding = LOOKS.found(endpoint, request, seen(endpoint, params), lookup, reply)
    altered = endpoint.name == _ALTER
    if finding.state is Found.NOT_SO_FAR and not finding.order:
        return CANNOT_TELL if altered or endpoint.path == "/api/v1/stop-order" else finding
    return replace(finding, state=Found.CANNOT_TELL) if finding.state is Found.NEVER and altered else finding


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    return LOOKS.rebuilt(endpoint, request, seen(endpoint, params), findings)
