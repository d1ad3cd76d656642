"""What an answer to a futures call about several orders says of each.

Sources: developers.binance.com derivatives: Place Multiple Orders, Modify Multiple Orders, Cancel Multiple Orders (a
list in the order of the call, with an error where an order should stand); error-code.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.binance_futures_orders import BATCH, NUMBERS, TEXTS
from proxy.exchanges.order_rules import rows_of
from proxy.model import CallClass, Endpoint, Executed, Item, Reply

_DOUBTFUL = frozenset({-1000, -1001, -1006, -1007})  # execution status unknown


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges, and where places are not certain."""
    if not endpoint.path.endswith(BATCH) or reply.status != 200:
        return ()
    try:
        told = orjson.loads(reply.body)
        names = _names(endpoint, params)
    except (ValueError, TypeError):
        return ()
    if not isinstance(told, list) or len(told) != len(names) or not all(isinstance(row, dict) for row in told):
        return ()
    return tuple(_item(endpoint, index, name, row) for index, (name, row) in enumerate(zip(names, told, strict=True)))


def _names(endpoint: Endpoint, params: Mapping[str, str]) -> list[str]:
    """By what the call names each order."""
    if endpoint.call_class is CallClass.CANCEL:
        text = next((params[name] for name in (*NUMBERS, *TEXTS) if name in params), "[]")
        return [str(value) for value in orjson.loads(text)]
    given = ("newClientOrderId",) if endpoint.call_class is CallClass.PLACE else ("orderId", "origClientOrderId")
    return [next((str(row[name]) for name in given if row.get(name)), "") for row in rows_of(params.get(BATCH, ""))]


def _item(endpoint: Endpoint, index: int, name: str, told: Mapping[str, Any]) -> Item:
    code = told.get("code")
    if isinstance(code, int) and code < 0:
        executed = Executed.UNKNOWN if code in _DOUBTFUL else Executed.NO
        return Item(index, name, executed, "", f"{code} {told.get('msg', '')}".strip())
    if "orderId" not in told:
        return Item(index, name, Executed.UNKNOWN)
    ended = endpoint.call_class is not CallClass.CANCEL or told.get("status") == "CANCELED"
    name = name or str(told.get("clientOrderId", ""))
    return Item(index, name, Executed.YES if ended else Executed.UNKNOWN, str(told["orderId"]))
