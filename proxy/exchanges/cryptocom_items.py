"""What a Crypto.com answer says of each order of a list.

Sources: exchange-developer.crypto.com create-order-list, cancel-order-list (a row of `index` and `code` for each order;
older answers keep them in `result_list`), and the advanced order pages.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.cryptocom_errors import classify
from proxy.exchanges.cryptocom_rebuilt import method_of
from proxy.exchanges.evidence import rows, whole_ms
from proxy.model import Endpoint, Executed, Item, Reply

_LISTS = ("/create-order-list", "/cancel-order-list")
_CONTINGENT = ("/create-oco", "/create-oto", "/create-otoco")


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """Accepted means received: whether an order is refused later, an answer cannot say. () too for a refusal of the
    whole call, which the verdict on it judges.
    """
    try:
        told = orjson.loads(reply.body)
        names = [str(row.get("client_oid") or row.get("order_id") or "") for row in rows(params.get("order_list", ""))]
        result = told["result"]
        if method_of(endpoint).endswith(_CONTINGENT):
            if reply.status != 200 or str(told["code"]) != "0" or not result["list_id"]:
                return ()
            return tuple(Item(index, name, Executed.YES) for index, name in enumerate(names))
        if not method_of(endpoint).endswith(_LISTS):
            return ()
        said = result["result_list"] if isinstance(result, dict) else result
        by_index = {_index(row, place): row for place, row in enumerate(said)}
        if len(by_index) != len(said) or not by_index or not by_index.keys() <= set(range(len(names))):
            return ()
        return tuple(_item(endpoint, index, name, by_index.get(index)) for index, name in enumerate(names))
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()


def _index(row: Mapping[str, Any], place: int) -> int:
    if "index" not in row:
        return place
    index = whole_ms(row["index"])
    if index is None:
        raise ValueError("no index")
    return index


def _item(endpoint: Endpoint, index: int, name: str, said: Mapping[str, Any] | None) -> Item:
    if said is None:
        return Item(index, name, Executed.UNKNOWN)
    code, order = str(said["code"]), str(said.get("order_id") or "")
    if code == "0":
        return Item(index, name, Executed.YES, order)
    as_whole = {"code": said["code"], "message": "", "result": {"order_id": order}}
    executed = classify(endpoint, Reply(200, b"", (), orjson.dumps(as_whole), 0), 0).executed
    return Item(index, name, executed, order, f"{code} {said.get('message', '')}".strip())
