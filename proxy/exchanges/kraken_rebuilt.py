"""The answer to a Kraken write, made up of what its orders show.

Sources: docs.kraken.com references add-order, add-order-batch, edit-order and cancel-order, guide spot-errors.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.evidence import rows
from proxy.exchanges.lookup import Finding, Found, Rebuilt
from proxy.model import Endpoint, Incoming

ROW = "POST /0/private/"
ADD, BATCH, AMEND, EDIT, CANCEL = (
    f"{ROW}{name}" for name in ("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder")
)
_NOT_PLACED = {"error": "EOrder:Order not placed (ordergate: not_executed)"}
_UNKNOWN_ORDER = b'{"error":["EOrder:Unknown order"]}'


def _descr(row: Mapping[str, Any]) -> Mapping[str, Any]:
    told = row.get("descr") or {}
    return {"order": told.get("order")} | ({"close": told["close"]} if told.get("close") else {})


def as_answered(endpoint: Endpoint, txid: str, row: Mapping[str, Any]) -> bytes:
    """Of a batch, what it says of this order."""
    if endpoint.name == ADD:
        return orjson.dumps({"error": [], "result": {"descr": _descr(row), "txid": [txid]}})
    if endpoint.name == BATCH:
        return orjson.dumps({"descr": _descr(row), "txid": txid})
    if endpoint.name == CANCEL:
        return b'{"error":[],"result":{"count":1}}'
    return b""


def edit_answer(old: str, new: str, row: Mapping[str, Any]) -> bytes:
    told = {"status": "ok", "txid": new, "originaltxid": old, "volume": row.get("vol")}
    told |= {"price": (row.get("descr") or {}).get("price"), "orders_cancelled": 1, "descr": _descr(row)}
    return orjson.dumps({"error": [], "result": told})


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    states = {finding.state for finding in findings.values()}
    if endpoint.name == BATCH:
        count = len(rows(params.get("orders", "")))
        if Found.DONE not in states or findings.keys() != set(range(count)):
            return None
        told = [findings[item] for item in range(count)]
        if any(finding.state is Found.DONE and not finding.body for finding in told):
            return None
        orders = [orjson.loads(finding.body) if finding.state is Found.DONE else _NOT_PLACED for finding in told]
        return Rebuilt(200, orjson.dumps({"error": [], "result": {"orders": orders}}))
    if endpoint.name == CANCEL and states == {Found.NEVER}:
        return Rebuilt(200, _UNKNOWN_ORDER)
    if len(findings) != 1 or states != {Found.DONE}:
        return None
    [finding] = findings.values()
    return Rebuilt(200, finding.body) if finding.body else None
