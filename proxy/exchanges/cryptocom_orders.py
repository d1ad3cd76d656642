"""Which orders a Crypto.com write names, and whether it only reduces a position.

Sources: exchange-developer.crypto.com trading and advanced order pages; REDUCE_ONLY as the client libraries write it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.exchanges.form import Orders
from proxy.model import Endpoint

_IDS = ("client_oid", "orig_client_oid", "order_id", "list_id")


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    """Ids hold within the account; `order_list` has one row per order.

    cancel-all-orders names none: a kill switch does not wait behind the orders that are still being placed.
    """
    own = [params[name] for name in _IDS if name in params]
    for row in _rows(params):
        own += [str(row[name]) for name in _IDS if name in row]
    return Orders(tuple(filter(None, own))) if own else Orders()


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    return tuple([str(row["client_oid"]) for row in (params, *_rows(params)) if row.get("client_oid")])


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """A list, if all of its orders do."""
    if endpoint.name.endswith("/close-position"):
        return True
    rows = list(_rows(params))
    if rows:
        return all(_reduces(row.get("exec_inst")) for row in rows)
    return _reduces(params.get("exec_inst"))


def _reduces(instructions: Any) -> bool:
    return "REDUCE_ONLY" in (instructions or ())


def _rows(params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    text = params.get("order_list", "")
    if text[:1] == "[":
        try:
            yield from (row for row in orjson.loads(text) if isinstance(row, dict))
        except orjson.JSONDecodeError:
            return
