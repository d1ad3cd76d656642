"""Looking up HTX writes whose answer was lost.

Sources: www.htx.com opend newApiPages, trading pages of spot ("the order queried by client order ID can be found for 8
hours", cancelled ones for 2), of USDT-margined contracts and conditional orders; huobiapi.github.io docs dm/v1/en and
coin_margined_swap/v1/en.

Mass cancels, and triggers of contracts of API v1, name no order: they cannot be looked up.
"""

from collections.abc import Mapping

import orjson

from proxy.exchanges.htx_errors import NO_SUCH_CONTRACT, NO_SUCH_SPOT, error_code
from proxy.exchanges.htx_orders import ALGO, FAMILIES, RULES, SPOT, V5, spread
from proxy.exchanges.lookup import Absence, Finding, Lookup, Rebuilt
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.model import CallClass, Endpoint, Incoming, Reply

# How long an order takes to show is not said; "failed to get data, try later" has the code of "no such order".
ABSENCE = Absence(after_ms=15_000, looks=3, apart_ms=3_000)

_NOT_EXECUTED = "The order was not executed (ordergate: not_executed)"
_OWN_NUMBER = 1099  # no code of HTX: an order of ours that was not executed

_BY_NAME = Look(
    "GET /v1/order/orders/getClientOrder",
    (("client-order-id", ""), ("client-order-ids", "")),
    "clientOrderId={id}",
    rows=("data",),
    none=NO_SUCH_SPOT,
)
_BY_NUMBER = Look(
    "GET /v1/order/orders/{order-id}",
    (("order-id", ""), ("order-ids", "")),
    path="/v1/order/orders/{id}",
    rows=("data",),
    none=NO_SUCH_SPOT,
)
_OPEN = Look(
    "GET /v1/order/openOrders",
    (("client-order-id", ""),),
    "account-id={account-id}&symbol={symbol}&size=500",
    rows=("data",),
    lists=True,
    page=500,
    made_only=True,
)
_PAST = Look(
    "GET /v1/order/history",
    (("client-order-id", ""),),
    "symbol={symbol}&start-time={since_ms}&size=1000",
    rows=("data",),
    lists=True,
    page=1000,
    made_only=True,
)
_CONDITIONAL = Look(
    "GET /v2/algo-orders/specific",
    (("clientOrderId", ""), ("clientOrderIds", "")),
    "clientOrderId={id}",
    rows=("data",),
    none=NO_SUCH_SPOT,
)
# When an order ended is not read: an open one has 0 there, and so has a filled one of contracts of API v1.
_SPOT_SHOWN = Shown(
    ("id", "client-order-id"),
    "id",
    "state",
    frozenset({"created", "pre-submitted", "submitted", "partial-filled", "canceling"}),
    frozenset({"canceled", "partial-canceled"}),
    "created-at",
)
_CONDITIONAL_SHOWN = Shown(
    ("clientOrderId",),
    "clientOrderId",
    "orderStatus",
    frozenset({"created"}),
    frozenset({"canceled"}),
    "orderOrigTime",
    frozenset({"rejected"}),
)

_V5_ORDER = "contract_code={contract_code}&"
_V5_LOOKS = (
    Look("GET /v5/trade/order", (("order_id", "order_id"), ("client_order_id", "client_order_id")),
         _V5_ORDER + "{as}={id}", rows=("data",), none=NO_SUCH_CONTRACT),
    Look("GET /v5/trade/order/opens", (("client_order_id", ""),), _V5_ORDER + "limit=100", rows=("data",),
         lists=True, page=100, made_only=True),
)  # fmt: skip
_V5_ALGO = Look(
    "GET /v5/algo/order",
    (("algo_id", "algo_id"), ("algo_client_order_id", "algo_client_order_id")),
    "type={type}&{as}={id}",
    rows=("data",),
    none=NO_SUCH_CONTRACT,
)
_V5_SHOWN = Shown(
    ("order_id", "client_order_id"),
    "order_id",
    "state",
    frozenset({"new", "partially_filled", "canceling"}),
    frozenset({"canceled", "partially_canceled"}),
    "created_time",
    frozenset({"rejected"}),
)
_V5_ALGO_SHOWN = Shown(
    ("algo_id", "algo_client_order_id"),
    "algo_id",
    "state",
    frozenset({"active", "new"}),
    frozenset({"canceled"}),
    "created_time",
    frozenset({"rejected", "failed"}),
)
_V1_SHOWN = Shown(  # 1 and 2: on its way, 3 and 4: in the book, 11: being cancelled; 5 and 7: cancelled
    ("order_id_str", "order_id", "client_order_id"),
    "order_id_str",
    "status",
    frozenset({"1", "2", "3", "4", "11"}),
    frozenset({"5", "7"}),
    "created_at",
)
_V1_CALLS = ("order", "batchorder", "lightning_close_position", "cancel")


def _v1_looks(family: str, contract: str) -> tuple[Look, ...]:
    within = (contract, f"{{{contract}}}")
    own = (("order_id", "order_id"), ("client_order_id", "client_order_id"))
    return (
        Look(f"{family}order_info", own, rows=("data",), none=NO_SUCH_CONTRACT, body=(within, ("{as}", "{id}"))),
        Look(f"{family}openorders", own[1:], rows=("data", "orders"), lists=True, page=50, made_only=True,
             body=(within, ("page_size", "50"))),
    )  # fmt: skip


_PLACES: Mapping[str, tuple[tuple[Look, ...], Shown]] = {
    f"{SPOT}orders/place": ((_BY_NAME, _OPEN, _PAST), _SPOT_SHOWN),
    f"{SPOT}batch-orders": ((_BY_NAME, _OPEN, _PAST), _SPOT_SHOWN),
    f"{SPOT}orders/{{order-id}}/submitcancel": ((_BY_NUMBER,), _SPOT_SHOWN),
    f"{SPOT}orders/submitCancelClientOrder": ((_BY_NAME,), _SPOT_SHOWN),
    f"{SPOT}orders/batchcancel": ((_BY_NUMBER, _BY_NAME), _SPOT_SHOWN),
    ALGO: ((_CONDITIONAL,), _CONDITIONAL_SHOWN),
    f"{ALGO}/cancellation": ((_CONDITIONAL,), _CONDITIONAL_SHOWN),
    **{
        f"{V5}trade/{name}": (_V5_LOOKS, _V5_SHOWN)
        for name in ("order", "batch_orders", "position", "cancel_order", "cancel_batch_orders")
    },
    f"{V5}algo/order": ((_V5_ALGO,), _V5_ALGO_SHOWN),
    **{
        f"{family}{call}": (_v1_looks(family, contract), _V1_SHOWN)
        for family, contract in FAMILIES.items()
        for call in _V1_CALLS
    },
    "POST /api/v1/lightning_close_position": (_v1_looks("POST /api/v1/contract_", "symbol"), _V1_SHOWN),
}


def _places(endpoint: Endpoint) -> tuple[Look, ...]:
    return _PLACES[endpoint.name][0] if endpoint.name in _PLACES else ()


def _shown(endpoint: Endpoint) -> Shown:
    return _PLACES[endpoint.name][1]


def _numbers(order: Row) -> dict[str, object]:
    """The ids of an order of contracts of API v1, as numbers and as text."""
    text = str(order.get("order_id_str") or order.get("order_id"))
    own = order.get("client_order_id")
    return {"order_id": int(text) if text.isdigit() else text, "order_id_str": text} | (
        {"client_order_id": own} if own else {}
    )


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """Of one of several orders: its row, or the bare id where the answer lists ids."""
    name, cancels = endpoint.name, endpoint.call_class is CallClass.CANCEL
    if name == f"{SPOT}batch-orders":
        return orjson.dumps({"order-id": order.get("id"), "client-order-id": order.get("client-order-id")})
    if name.startswith(ALGO):
        return (
            orjson.dumps(str(order["clientOrderId"])) if cancels else _code({"clientOrderId": order["clientOrderId"]})
        )
    if name.startswith(SPOT):
        if name.endswith("/batchcancel"):
            return orjson.dumps(next(str(text) for text in (row.get("order-ids"), row.get("client-order-ids")) if text))
        by_name = name.endswith("/submitCancelClientOrder")
        return _ok(7 if by_name else str(order.get("id")))
    if name.startswith(V5):
        names = ("algo_id", "algo_client_order_id") if "/algo/" in name else ("order_id", "client_order_id")
        told = {one: order.get(one) for one in names}
        several = name.endswith("batch_orders")
        return orjson.dumps({"code": 200, "message": "Success", **told}) if several else _code(told)
    if cancels:
        return orjson.dumps(str(row.get("order_id") or row.get("client_order_id")))
    return orjson.dumps(_numbers(order)) if name.endswith("batchorder") else _ok(_numbers(order))


def _ok(data: object) -> bytes:
    return orjson.dumps({"status": "ok", "data": data})


def _code(data: object) -> bytes:
    return orjson.dumps({"code": 200, "message": "Success", "data": data})


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    """None stands for an order that was not executed, or not cancelled."""
    name = endpoint.name
    told = [orjson.loads(ack) if ack is not None else None for ack in acks]
    if name.startswith(V5):
        lost = {"code": _OWN_NUMBER, "message": _NOT_EXECUTED}
        return _code([lost if row is None else row for row in told])
    if name == f"{SPOT}batch-orders":
        failure = {"err-code": "not-executed", "err-msg": _NOT_EXECUTED}
        return _ok([failure if row is None else row for row in told])
    well, failed = [row for row in told if row is not None], sum(row is None for row in told)
    if name.startswith(ALGO):
        return _code({"accepted": well, "rejected": []}) if not failed else b""
    if name.startswith(SPOT):
        return _ok({"success": well, "failed": [{"err-code": "not-executed", "err-msg": _NOT_EXECUTED}] * failed})
    error = {"err_code": _OWN_NUMBER, "err_msg": _NOT_EXECUTED}
    if endpoint.call_class is CallClass.CANCEL:
        return _ok({"errors": [error] * failed, "successes": ",".join(well)})
    numbered = list(enumerate(told, 1))
    return _ok(
        {
            "errors": [{"index": index, **error} for index, row in numbered if row is None],
            "success": [{**row, "index": index} for index, row in numbered if row is not None],
        }
    )


_LOOKS = OrderLooks(RULES, _places, _shown, error_code, _ack, _whole)


def lookups(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], since_ms: int) -> tuple[Lookup, ...]:
    return _LOOKS.lookups(endpoint, request, spread(endpoint, params), since_ms)


def finding(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    return _LOOKS.found(endpoint, request, spread(endpoint, params), lookup, reply)


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    return _LOOKS.rebuilt(endpoint, request, spread(endpoint, params), findings)
