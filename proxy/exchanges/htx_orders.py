"""By which parameters HTX calls name their orders.

Sources: www.htx.com opend newApiPages, trading pages of spot and of USDT-margined contracts (v1, v5);
huobiapi.github.io docs dm/v1/en and coin_margined_swap/v1/en.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from proxy.exchanges.form import Orders
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import Endpoint, Incoming

SPOT = "POST /v1/order/"
ALGO = "POST /v2/algo-orders"
V5 = "POST /v5/"
# The calls of contracts of API v1: their beginning, and the parameter that names the contract.
FAMILIES: Mapping[str, str] = {
    "POST /linear-swap-api/v1/swap_cross_": "contract_code",
    "POST /linear-swap-api/v1/swap_": "contract_code",
    "POST /swap-api/v1/swap_": "contract_code",
    "POST /api/v1/contract_": "symbol",
}
_LIGHTNING = "POST /api/v1/lightning_close_position"  # of coin-margined futures, without their prefix
_MOST = 2**63 - 1


def number(text: str) -> str:
    """An id as contracts take them: a whole number from 1 to 2^63-1. Ids of one start differ in their last seven
    characters, 56 bits, so none of them come out alike."""
    return str(int.from_bytes(text.encode()) % _MOST + 1)


def _contracts() -> Iterator[tuple[str, Rule]]:
    one = Rule("client_order_id", reduces="reduce_only", shape=number, bare=True)
    close = Rule("client_order_id", always_reduces=True, shape=number, bare=True)
    for family in FAMILIES:
        yield f"{family}order", one
        yield (
            f"{family}batchorder",
            Rule("client_order_id", rows="orders_data", reduces="reduce_only", shape=number, bare=True),
        )
        yield f"{family}lightning_close_position", close
        yield f"{family}cancel", Rule(names=("order_id", "client_order_id"), rows=ROWS)
        for kind in ("trigger", "tpsl", "track"):
            yield f"{family}{kind}_order", Rule(reduces="reduce_only", always_reduces=kind == "tpsl")
            yield f"{family}{kind}_cancel", Rule(names=("order_id",), rows=ROWS)
    yield _LIGHTNING, close


_RULES: Mapping[str, Rule] = {
    f"{SPOT}orders/place": Rule("client-order-id"),
    f"{SPOT}batch-orders": Rule("client-order-id", rows=ROWS),
    f"{SPOT}orders/{{order-id}}/submitcancel": Rule(names=("order-id",)),
    f"{SPOT}orders/submitCancelClientOrder": Rule(names=("client-order-id",)),
    f"{SPOT}orders/batchcancel": Rule(names=("order-ids", "client-order-ids"), rows=ROWS),
    ALGO: Rule("clientOrderId"),
    f"{ALGO}/cancellation": Rule(names=("clientOrderIds",), rows=ROWS),
    **dict(_contracts()),
    f"{V5}trade/order": Rule("client_order_id", reduces="reduce_only", shape=number),
    f"{V5}trade/batch_orders": Rule("client_order_id", rows=ROWS, reduces="reduce_only", shape=number),
    f"{V5}trade/position": Rule("client_order_id", always_reduces=True, shape=number),
    f"{V5}trade/position_all": Rule(always_reduces=True),
    f"{V5}trade/cancel_order": Rule(names=("order_id", "client_order_id")),
    f"{V5}trade/cancel_batch_orders": Rule(names=("order_id", "client_order_id"), rows=ROWS),
    f"{V5}algo/order": Rule("algo_client_order_id", reduces="reduce_only", shape=number),
    f"{V5}algo/cancel_orders": Rule(names=("algo_id", "algo_client_order_id"), rows=ROWS),
}
RULES = OrderRules(_RULES)


def spread(endpoint: Endpoint, params: Mapping[str, str]) -> Mapping[str, str]:
    """A cancel of several orders, by lists or comma lists of ids, as if it had a row for each of them.

    Where ids of both kinds are given, HTX takes its own.
    """
    rule = RULES.rule(endpoint)
    if rule is None or rule.id or rule.rows != ROWS or ROWS in params:
        return params
    name = next((one for one in rule.names if params.get(one)), "")
    rows = [{name: text} for text in _ids(params.get(name, ""))]
    return {**params, ROWS: orjson.dumps(rows).decode()}


def _ids(text: str) -> list[str]:
    if text[:1] == "[":
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return []
        return [str(one) for one in found if isinstance(one, str | int) and one != ""]
    return [one.strip() for one in text.split(",") if one.strip()]


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    return RULES.orders(endpoint, spread(endpoint, params))


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    return RULES.client_ids(endpoint, params)


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """Contracts of API v1 say with `offset` as well that an order closes."""
    if RULES.closes(endpoint, params):
        return True
    rule = RULES.rule(endpoint)
    if rule is None or not rule.reduces or endpoint.path.startswith("/v5/"):
        return False
    rows: list[Mapping[str, Any]] = list(rows_of(params.get(rule.rows, ""))) if rule.rows else [params]
    return bool(rows) and all(row.get("offset") == "close" for row in rows)


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    return RULES.identify(endpoint, request, params, fresh)
