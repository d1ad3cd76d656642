"""Which orders a call to Coinbase Advanced Trade names, and what became of each of them.

Sources: docs.cdp.coinbase.com create order (`client_order_id` is mandatory, and an id that was used before gets the
order of that time), edit order, cancel orders, close position.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.coinbase_errors import executed, reason
from proxy.exchanges.order_rules import OrderRules, Rule
from proxy.model import Endpoint, Executed, Item, Reply

ROOT = "/api/v3/brokerage/"
PLACE, CLOSE = f"POST {ROOT}orders", f"POST {ROOT}orders/close_position"
EDIT, CANCEL = f"POST {ROOT}orders/edit", f"POST {ROOT}orders/batch_cancel"

RULES = OrderRules(
    {
        PLACE: Rule(id="client_order_id"),
        CLOSE: Rule(id="client_order_id", always_reduces=True),
        EDIT: Rule(names=("order_id",)),
        CANCEL: Rule(names=("order_ids",)),
    }
)


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """An order says that it only reduces inside its configuration, of which it has one."""
    if endpoint.name != PLACE:
        return RULES.closes(endpoint, params)
    rows = configurations(_parsed(params.get("order_configuration", "")))
    return bool(rows) and all(row.get("reduce_only") is True for row in rows)


def configurations(given: Any) -> list[Mapping[str, Any]]:
    """The members of an `order_configuration`, which are called by the kind of order."""
    if not isinstance(given, dict):
        return []
    return [row for row in given.values() if isinstance(row, dict)]


def cancelled_ids(params: Mapping[str, str]) -> tuple[str, ...]:
    """Of a call that cancels, in its order; () if they cannot be read."""
    given = _parsed(params.get("order_ids", ""))
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        return ()
    return tuple(given)


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """Only orders that are to be cancelled come by the list. A row that is missing tells nothing of its order."""
    ids = cancelled_ids(params) if endpoint.name == CANCEL else ()
    told = _parsed(reply.body)
    said = told.get("results") if isinstance(told, dict) else None
    if not ids or reply.status != 200 or not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        return ()
    by_id = {str(row.get("order_id")): row for row in said}
    return tuple(_item(index, id, by_id.get(id)) for index, id in enumerate(ids))


def _item(index: int, id: str, said: Mapping[str, Any] | None) -> Item:
    if said is None or not isinstance(said.get("success"), bool):
        return Item(index, id, Executed.UNKNOWN, id)
    if said["success"]:
        return Item(index, id, Executed.YES, id)
    word = str(said.get("failure_reason") or "")
    # "Unknown order" is a reason like others; that no reason is known is called UNKNOWN_CANCEL_FAILURE_REASON.
    return Item(index, id, executed(reason(said)), id, word)


def _parsed(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
