"""The answer to a Crypto.com write, made up of what its orders show.

Sources: exchange-developer.crypto.com create-order, create-order-list, cancel-order, cancel-order-list, amend-order,
cancel-all-orders, and the advanced order pages; response and reason codes. An accepted call says no more than that it
was received, and names its order.
"""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.errors import BadCall
from proxy.exchanges.evidence import rows
from proxy.exchanges.lookup import Finding, Found, Rebuilt
from proxy.exchanges.members import members
from proxy.model import Endpoint, Incoming

ROW = "POST /exchange/v1/"
_LISTS = ("/create-order-list", "/cancel-order-list")
_CONTINGENT = ("/create-oco", "/create-oto", "/create-otoco")
_NOT_ACTIVE = {"code": 316, "message": "NO_ACTIVE_ORDER"}
_NOT_EXECUTED = {"code": 9010001, "message": "The order was not executed (ordergate: not_executed)"}


def method_of(endpoint: Endpoint) -> str:
    return endpoint.name.removeprefix(ROW)


def as_answered(endpoint: Endpoint, request: Incoming, item: int, row: Mapping[str, Any]) -> bytes:
    """Of a list of orders, its row; b"" for those that answer with a list id."""
    method = method_of(endpoint)
    told = {"client_oid": row.get("client_oid"), "order_id": row.get("order_id")}
    if method.endswith(_CONTINGENT):
        return b""
    if method.endswith(_LISTS):
        return orjson.dumps({"index": item, "code": 0, **(told if "create" in method else {})})
    if method.endswith("/cancel-all-orders"):
        return _envelope(endpoint, request, {"code": 0})
    return _envelope(endpoint, request, {"code": 0, "result": told})


def rebuilt(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], findings: Mapping[int, Finding]
) -> Rebuilt | None:
    method, states = method_of(endpoint), {finding.state for finding in findings.values()}
    if method.endswith((*_LISTS, *_CONTINGENT)):
        count = len(rows(params.get("order_list", "")))
        if not count or findings.keys() != set(range(count)):
            return None
        told = [findings[item] for item in range(count)]
        if method.endswith(_CONTINGENT):
            return _contingent(endpoint, request, told)
        if Found.DONE not in states and (states != {Found.NEVER} or "create" in method):
            return None
        result = [_row(item, finding, "create" in method) for item, finding in enumerate(told)]
        return Rebuilt(200, _envelope(endpoint, request, {"code": 0, "result": result}))
    if len(findings) != 1:
        return None
    [finding] = findings.values()
    if method.endswith("/cancel-order") and finding.state is Found.NEVER:
        return Rebuilt(500, _envelope(endpoint, request, _NOT_ACTIVE))
    return Rebuilt(200, finding.body) if finding.state is Found.DONE and finding.body else None


def _row(item: int, finding: Finding, creates: bool) -> Any:
    if finding.state is Found.DONE:
        return orjson.loads(finding.body)
    return {"index": item, **(_NOT_EXECUTED if creates or finding.state is not Found.NEVER else _NOT_ACTIVE)}


def _contingent(endpoint: Endpoint, request: Incoming, told: list[Finding]) -> Rebuilt | None:
    """All legs are there, and say which list they are of."""
    lists = {finding.order.get("list_id") for finding in told if finding.state is Found.DONE}
    if len(lists) != 1 or None in lists or any(finding.state is not Found.DONE for finding in told):
        return None
    return Rebuilt(200, _envelope(endpoint, request, {"code": 0, "result": {"list_id": lists.pop()}}))


def _envelope(endpoint: Endpoint, request: Incoming, told: Mapping[str, Any]) -> bytes:
    """With the bot's id as it wrote it, by which clients find their call again."""
    try:
        number = next((m.raw for m in members(request.body) if m.name == "id" and m.value is not None), "-1")
    except BadCall:
        number = "-1"
    head = f'{{"id":{number},"method":{json.dumps(method_of(endpoint))},'
    return head.encode() + orjson.dumps(told)[1:]
