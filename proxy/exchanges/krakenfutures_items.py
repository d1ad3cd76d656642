"""What a Kraken Futures answer says of each instruction of a batch.

Source: docs.kraken.com futures-api reference send-batch-order: `batchStatus` has a row for each, in their order.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.krakenfutures_errors import BATCH, executed_by
from proxy.exchanges.krakenfutures_orders import parts
from proxy.model import Endpoint, Executed, Item, Reply


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges, and for rows of another order."""
    if endpoint.name != BATCH or reply.status != 200:
        return ()
    try:
        told = orjson.loads(reply.body)["batchStatus"]
        pairs = zip((row for _, row in parts(endpoint, params)), told, strict=True)
        return tuple(_item(index, asked, said) for index, (asked, said) in enumerate(pairs))
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()


def _item(index: int, asked: Mapping[str, Any], said: Mapping[str, Any]) -> Item:
    for name in ("order_tag", "cliOrdId", "order_id"):
        if asked.get(name) and said.get(name) and str(asked[name]) != str(said[name]):
            raise ValueError("another order")
    status, order = str(said["status"]), str(said.get("order_id") or said.get("orderId") or "")
    executed = executed_by(status, str(asked.get("order")))
    name = str(asked.get("cliOrdId") or asked.get("order_id") or "")
    return Item(index, name, executed, order, "" if executed is Executed.YES else status)
