"""What an HTX answer says of each order of a call that is about several.

Sources: www.htx.com opend newApiPages, Place a Batch of Orders and Cancel Order(s) of spot and of contracts (v1, v5),
Cancel conditional orders. Contracts of API v1 count orders from 1. An order that the answer does not name stays
unknown.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.exchanges.htx_errors import item_code, meaning
from proxy.exchanges.htx_orders import RULES, spread
from proxy.exchanges.order_rules import Rule, rows_of
from proxy.model import Endpoint, Executed, Item, Reply

Told = tuple[Executed, str, str]
"""What became of an order, the exchange's id of it, and the exchange's words on a refusal."""

_UNKNOWN: Told = (Executed.UNKNOWN, "", "")
_IDS = ("order-id", "order_id_str", "order_id", "algo_id")
_NAMES = ("client-order-id", "clientOrderId", "client_order_id", "algo_client_order_id")
_OWN = ("client-order-ids", "clientOrderIds", "client_order_id")


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """() too for a refusal of the whole call, which the verdict on it judges."""
    rule = RULES.rule(endpoint)
    if rule is None or not rule.rows or reply.status != 200:
        return ()
    asked = rows_of(spread(endpoint, params).get(rule.rows, ""))
    if len(asked) < 2:
        return ()
    try:
        data = orjson.loads(reply.body)["data"]
        told = _told(endpoint, rule, asked, data)
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()
    return tuple(Item(index, _name(rule, row), *told.get(index, _UNKNOWN)) for index, row in enumerate(asked))


def _name(rule: Rule, row: Mapping[str, Any]) -> str:
    return str(next((row[name] for name in (rule.id, *rule.names) if name and row.get(name)), ""))


def _told(endpoint: Endpoint, rule: Rule, asked: list[dict[str, Any]], data: Any) -> Mapping[int, Told]:
    places = {_name(rule, row): index for index, row in enumerate(asked)}
    if len(places) != len(asked):  # of the same name: only their order tells them apart
        places = {}
    found: dict[int, Told] = {}
    if isinstance(data, list):  # spot batches, and v5
        for at, row in enumerate(data):
            index = _place(row, places, at if len(data) == len(asked) else None)
            if index is not None:
                found[index] = _row(endpoint, row)
        return found
    if endpoint.name.endswith("batchorder"):
        for row in [*data["errors"], *data["success"]]:
            found[int(row["index"]) - 1] = _row(endpoint, row)
        return found
    for row in data.get("errors") or data.get("failed") or data.get("rejected") or ():
        index = _place(row if isinstance(row, dict) else {"order_id": row}, places, None)
        if index is not None:
            found[index] = _row(endpoint, row) if isinstance(row, dict) else (Executed.NO, "", "rejected")
    for text in _well(data.get("successes") or data.get("success") or data.get("accepted") or ()):
        if text in places:
            own = asked[places[text]].keys().isdisjoint(_OWN)
            found[places[text]] = (Executed.YES, text if own else "", "")
    return found


def _place(row: Mapping[str, Any], places: Mapping[str, int], otherwise: int | None) -> int | None:
    names = (str(row[name]) for name in (*_NAMES, *_IDS) if row.get(name))
    return next((places[name] for name in names if name in places), otherwise)


def _row(endpoint: Endpoint, row: Mapping[str, Any]) -> Told:
    code = item_code(row)
    if code is None:
        return Executed.YES, str(next((row[name] for name in _IDS if row.get(name)), "")), ""
    text = row.get("err-msg") or row.get("err_msg") or row.get("message") or ""
    return meaning(endpoint, code).executed, "", f"{code} {text}".strip()


def _well(told: Any) -> Iterator[str]:
    """A list, or a comma list as a text."""
    yield from (text for text in told.split(",") if text) if isinstance(told, str) else map(str, told)
