"""Which orders a Kraken write names, and whether it only reduces a position.

Sources: docs.kraken.com references add-order, add-order-batch, amend-order, edit-order, cancel-order,
cancel-order-batch; support.kraken.com article 360000938763 (userref).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.exchanges.form import Orders
from proxy.model import CallClass, Endpoint


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    """`txid` may hold several ids, and a userref in place of one.

    A userref need not be unique, and bots write the same one on all orders of a strategy. So placings that carry it
    do not wait for each other, but a cancel by it waits for all of them, and they for the cancel. CancelAll and
    CancelAllOrdersAfter name none: a kill switch does not wait behind the orders that are still being placed.
    """
    own: list[str] = []
    tags: list[str] = []
    if "cl_ord_id" in params:
        own.append(params["cl_ord_id"])
    for name in ("txid", "cl_ord_ids"):
        if name in params:
            own += _texts(params[name])
    if "userref" in params:
        (own if endpoint.call_class is CallClass.CANCEL else tags).append(params["userref"])
    for row in _list(params.get("orders", "")):
        if isinstance(row, dict):
            own += [str(row[name]) for name in ("txid", "cl_ord_id") if name in row]
            tags += [str(row["userref"])] if "userref" in row else []
        else:
            own.append(str(row))
    return Orders(tuple(filter(None, own)), tuple(filter(None, tags)))


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    """A userref is no id: many orders may carry the same. With `validate` nothing is placed."""
    if _true(params.get("validate")):
        return ()
    rows = [params, *(row for row in _list(params.get("orders", "")) if isinstance(row, dict))]
    return tuple([str(row["cl_ord_id"]) for row in rows if row.get("cl_ord_id")])


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """A batch, if all of its orders do."""
    batch = _list(params.get("orders", ""))
    if batch:
        return all(isinstance(row, dict) and _true(row.get("reduce_only")) for row in batch)
    return _true(params.get("reduce_only"))


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _texts(value: str) -> Iterator[str]:
    """The items of a JSON list, or of a comma list."""
    items = _list(value) or value.split(",")
    return (str(item).strip() for item in items)


def _list(value: str) -> list[Any]:
    if value[:1] != "[":
        return []
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return []
    return found if isinstance(found, list) else []
