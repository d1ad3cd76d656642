"""What a Kraken answer says of each order of a batch.

Sources: docs.kraken.com references add-order-batch and cancel-order-batch, guide spot-errors.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.evidence import rows
from proxy.exchanges.kraken_errors import classify
from proxy.exchanges.kraken_rebuilt import BATCH, ROW
from proxy.model import Endpoint, Executed, Item, Reply


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges, and for orders that are only checked."""
    try:
        if reply.status != 200:
            return ()
        result = orjson.loads(reply.body)["result"]
        if endpoint.name == BATCH:
            asked, told = rows(params["orders"]), result["orders"]
            if any("txid" not in row and "error" not in row for row in told):
                return ()
            pairs = zip(asked, told, strict=True)
            return tuple(_placed(endpoint, index, ask, said) for index, (ask, said) in enumerate(pairs))
        if endpoint.name == f"{ROW}CancelOrderBatch":
            return _cancelled(params, result)
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()
    return ()


def _placed(endpoint: Endpoint, index: int, asked: Mapping[str, Any], said: Mapping[str, Any]) -> Item:
    name = str(asked.get("cl_ord_id") or asked.get("userref") or "")
    if "txid" in said:
        txid = said["txid"]
        return Item(index, name, Executed.YES, txid if isinstance(txid, str) else str(txid[0]))
    text = str(said["error"])
    as_whole = Reply(200, b"", (), orjson.dumps({"error": [text]}), 0)
    return Item(index, name, classify(endpoint, as_whole, 0).executed, "", text)


def _cancelled(params: Mapping[str, str], result: Mapping[str, Any]) -> tuple[Item, ...]:
    """Only how many were cancelled is told: all or none of them is clear. A userref may stand for several orders."""
    named = [*orjson.loads(params.get("orders", "[]")), *orjson.loads(params.get("cl_ord_ids", "[]"))]
    names = [str(next(iter(row.values()))) if isinstance(row, dict) else str(row) for row in named]
    count, by_id = result["count"], not any(name.lstrip("-").isdigit() for name in names)
    executed = Executed.UNKNOWN
    if count == len(set(names)) == len(names) and by_id:
        executed = Executed.YES
    elif count == 0 and not result.get("pending"):
        executed = Executed.NO
    return tuple(
        Item(index, name, executed, "", "count 0" if executed is Executed.NO else "")
        for index, name in enumerate(names)
    )
