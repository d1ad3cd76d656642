"""Which orders a KuCoin write names.

Sources: kucoin.com/docs-new order pages; kucoin-universal-sdk. `clientOid` is at most 40 of A-Z a-z 0-9 _ - and several
orders of spot may have had the same (kucoin-api-docs issue 468).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.exchanges.form import Orders
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import Endpoint, Incoming

_OWN = "clientOid"
NAMES = ("orderId", _OWN)
_NEW = Rule(id=_OWN)
_OLD = Rule(names=NAMES)
_CLOSING = Rule(id=_OWN, reduces="reduceOnly")
CANCELLED = "orders of multi-cancel"
"""The parameter under which the two lists of `multi-cancel` stand as one list."""

MULTI_CANCEL = "DELETE /api/v1/orders/multi-cancel"
RULES = OrderRules(
    {
        "POST /api/v1/hf/orders": _NEW,
        "POST /api/v1/hf/orders/sync": _NEW,
        "POST /api/v1/hf/orders/multi": Rule(id=_OWN, rows="orderList"),
        "POST /api/v1/hf/orders/multi/sync": Rule(id=_OWN, rows="orderList"),
        "POST /api/v1/hf/orders/alter": _OLD,
        "DELETE /api/v1/hf/orders/{orderId}": _OLD,
        "DELETE /api/v1/hf/orders/client-order/{clientOid}": _OLD,
        "DELETE /api/v1/hf/orders/sync/{orderId}": _OLD,
        "DELETE /api/v1/hf/orders/sync/client-order/{clientOid}": _OLD,
        "DELETE /api/v1/hf/orders/cancel/{orderId}": _OLD,
        "POST /api/v1/orders": _NEW,
        "POST /api/v1/orders/multi": Rule(id=_OWN, rows="orderList"),
        "DELETE /api/v1/orders/{orderId}": _OLD,
        "DELETE /api/v1/order/client-order/{clientOid}": _OLD,
        "POST /api/v1/stop-order": _NEW,
        "DELETE /api/v1/stop-order/{orderId}": _OLD,
        "DELETE /api/v1/stop-order/cancelOrderByClientOid": _OLD,
        "POST /api/v1/margin/order": _NEW,
        "POST /api/v3/hf/margin/order": _NEW,
        "POST /api/v3/hf/margin/stop-order": _NEW,
        "POST /api/v3/hf/margin/oco-order": _NEW,
        "DELETE /api/v3/hf/margin/orders/{orderId}": _OLD,
        "DELETE /api/v3/hf/margin/orders/client-order/{clientOid}": _OLD,
        "DELETE /api/v3/hf/margin/stop-order/cancel-by-id": _OLD,
        "DELETE /api/v3/hf/margin/stop-order/cancel-by-clientOid": _OLD,
        "DELETE /api/v3/hf/margin/oco-order/cancel-by-id": _OLD,
        "DELETE /api/v3/hf/margin/oco-order/cancel-by-clientOid": _OLD,
        "POST /api/v3/oco/order": _NEW,
        "DELETE /api/v3/oco/order/{orderId}": _OLD,
        "DELETE /api/v3/oco/client-order/{clientOid}": _OLD,
        "POST /api/v1/orders@futures": _CLOSING,
        "POST /api/v1/st-orders": _CLOSING,
        "POST /api/v1/orders/multi@futures": replace(_CLOSING, rows=ROWS),
        "DELETE /api/v1/orders/{orderId}@futures": _OLD,
        "DELETE /api/v1/orders/client-order/{clientOid}": _OLD,
        MULTI_CANCEL: Rule(names=NAMES, rows=CANCELLED),
        "POST /api/v1/copy-trade/futures/orders": _CLOSING,
        "POST /api/v1/copy-trade/futures/st-orders": _CLOSING,
        "DELETE /api/v1/copy-trade/futures/orders": _OLD,
        "DELETE /api/v1/copy-trade/futures/orders/client-order": _OLD,
    }
)
_WHOLE = replace(
    RULES,
    rules={name: replace(rule, reduces="closeOrder") for name, rule in RULES.rules.items() if rule.reduces},
)


def seen(endpoint: Endpoint, params: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters, with the orders of a `multi-cancel` as one list: those by the exchange's id first."""
    if endpoint.name != MULTI_CANCEL:
        return params
    rows: list[dict[str, Any]] = [{"orderId": text} for text in _texts(params.get("orderIdsList", ""))]
    rows += rows_of(params.get("clientOidsList", ""))
    return {**params, CANCELLED: orjson.dumps(rows).decode()}


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    return RULES.orders(endpoint, seen(endpoint, params))


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """`reduceOnly` or `closeOrder`; a list, if all of its orders are the same of these."""
    return RULES.closes(endpoint, params) or _WHOLE.closes(endpoint, params)


client_ids: Callable[[Endpoint, Mapping[str, str]], tuple[str, ...]] = RULES.client_ids
identify: Callable[[Endpoint, Incoming, Mapping[str, str], Callable[[], str]], tuple[Incoming, Mapping[str, str]]] = (
    RULES.identify
)


def _texts(text: str) -> Iterable[str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    return [str(one) for one in found if isinstance(one, str | int)] if isinstance(found, list) else ()
