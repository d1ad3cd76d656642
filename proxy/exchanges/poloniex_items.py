"""What a complete answer of Poloniex says of each order of a call about several.

Sources: api-docs.poloniex.com create multiple orders, cancel multiple orders, cancel replace order; v3 futures trade;
answers as noted in github ccxt/ccxt poloniex.py. Orders placed together are answered for in their order.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.json_body import ROWS
from proxy.exchanges.order_rules import rows_of as asked_of
from proxy.exchanges.poloniex_errors import DONE, executed, name_of, rows_of
from proxy.exchanges.poloniex_orders import BATCHES, CANCEL_LISTS, REPLACES, cancelled_ids, old_and_new
from proxy.model import Endpoint, Executed, Item, Reply

_OWN = ("orderId", "ordId", "id")
_BOTS = ("clientOrderId", "clOrdId")


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    if endpoint.name not in BATCHES | REPLACES | CANCEL_LISTS.keys() or not 200 <= reply.status < 300:
        return ()
    try:
        told = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return ()
    if endpoint.name in REPLACES:
        return _replaced(params, told)
    rows = rows_of(told)
    if rows is None:
        return ()
    return _placed(params, rows) if endpoint.name in BATCHES else _cancelled(endpoint, params, rows)


def _replaced(params: Mapping[str, str], told: Any) -> tuple[Item, ...]:
    order = _id(told, _OWN) if isinstance(told, dict) and name_of(told) == DONE else ""
    if not order:
        return ()
    old, new = old_and_new(params)
    return Item(0, old, Executed.YES), Item(1, new, Executed.YES, order)


def _placed(params: Mapping[str, str], rows: list[Mapping[str, Any]]) -> tuple[Item, ...]:
    asked = asked_of(params.get(ROWS, ""))
    if len(asked) != len(rows):
        return ()
    return tuple(
        _item(index, _id(order, _BOTS), row, _id(row, _OWN))
        for index, (order, row) in enumerate(zip(asked, rows, strict=True))
    )


def _cancelled(endpoint: Endpoint, params: Mapping[str, str], rows: list[Mapping[str, Any]]) -> tuple[Item, ...]:
    """By id: nothing is said of their order. A row that is missing tells nothing."""
    found = []
    for index, (by, id) in enumerate(cancelled_ids(endpoint, params)):
        names = _BOTS if by in ("cid", "clOrdId") else _OWN
        row = next((row for row in rows if _id(row, names) == id), None)
        if row is None:
            found.append(Item(index, id, Executed.UNKNOWN))
        else:
            found.append(_item(index, id, row, _id(row, _OWN)))
    return tuple(found)


def _item(index: int, id: str, row: Mapping[str, Any], order: str) -> Item:
    name = name_of(row)
    if name == DONE:
        return Item(index, id, Executed.YES if order or row.get("code") else Executed.UNKNOWN, order)
    why = f"{name} {row.get('message') or row.get('msg') or ''}".strip()
    return Item(index, id, executed(name), order, why)


def _id(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(row[name]) for name in names if row.get(name)), "")
