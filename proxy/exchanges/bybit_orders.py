"""The orders of Bybit writes: how they are named, looked up and shown, and what batch answers say of each.

Sources: bybit-exchange/docs v5/order (create-order, amend-order, cancel-order, batch-*, open-order, order-list,
execution), v5/spread/trade, v5/enum.mdx (orderStatus).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.bybit_codes import executed, ret_code
from proxy.exchanges.lookup import CANNOT_TELL, Absence, Finding, Found, Lookup
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import CallClass, Endpoint, Incoming, Item, Reply

_ORDER, _SPREAD = "POST /v5/order/", "POST /v5/spread/order/"
_NAMES = ("orderId", "orderLinkId")  # the exchange's own goes first where both are given
_CREATE_BATCH = f"{_ORDER}create-batch"
_BATCHES = (_CREATE_BATCH, f"{_ORDER}amend-batch", f"{_ORDER}cancel-batch")

RULES = OrderRules(
    {
        f"{_ORDER}create": Rule(id="orderLinkId", reduces="reduceOnly"),
        f"{_ORDER}amend": Rule(names=_NAMES),
        f"{_ORDER}cancel": Rule(names=_NAMES),
        _CREATE_BATCH: Rule(id="orderLinkId", rows="request", reduces="reduceOnly"),
        f"{_ORDER}amend-batch": Rule(names=_NAMES, rows="request"),
        f"{_ORDER}cancel-batch": Rule(names=_NAMES, rows="request"),
        f"{_SPREAD}create": Rule(id="orderLinkId"),
        f"{_SPREAD}amend": Rule(names=_NAMES),
        f"{_SPREAD}cancel": Rule(names=_NAMES),
    }
)

# Orders appear some time after they were accepted, and nobody says how late; nor does a second time check behind the
# gateway bound their execution. So: long after the window, and three times.
ABSENCE = Absence(after_ms=10_000, looks=3, apart_ms=2_000)

_BY = tuple((name, name) for name in _NAMES)
_LIST = ("result", "list")
_ASKED = "category={category}&symbol={symbol}&{as}={id}"
# The recent 500 that ended stand in the first place as well, but not after a restart of the exchange's. Accounts of
# the old kind show only ordinary spot orders unless the filter is named. Fills without an order prove that it is there.
_PLACES = (
    Look("GET /v5/order/realtime", _BY, _ASKED, rows=_LIST),
    Look("GET /v5/order/realtime", _BY, _ASKED + "&orderFilter={orderFilter}", rows=_LIST),
    Look("GET /v5/order/history", _BY, _ASKED, rows=_LIST),
    Look("GET /v5/execution/list", _BY, _ASKED, rows=_LIST, made_only=True),
)
_SPREAD_PLACES = (
    Look("GET /v5/spread/order/realtime", _BY, "{as}={id}", rows=_LIST),
    Look("GET /v5/spread/order/history", _BY, "{as}={id}", rows=_LIST),
    Look("GET /v5/spread/execution/list", _BY, "{as}={id}", rows=_LIST, made_only=True),
)
_AMENDED = ("qty", "price", "triggerPrice")
_SHOWN = Shown(
    ids=_NAMES,
    own="orderId",
    status="orderStatus",
    open=frozenset({"Created", "New", "PartiallyFilled", "Untriggered", "Triggered", "Active"}),
    cancelled=frozenset({"Cancelled", "PartiallyFilledCanceled", "Deactivated"}),
    rejected=frozenset({"Rejected"}),
    made="createdTime",
    updated="updatedTime",
    amended={name: name for name in _AMENDED},
)
_NOT_COMPARED = frozenset({"category", "symbol", "orderFilter", *_NAMES, *_AMENDED})

_NOT_CREATED = {"code": 170149, "msg": "The order was not created (ordergate: not_executed)"}
_NOT_DONE = {"code": 110001, "msg": "The order does not exist, or it is too late (ordergate: not_executed)"}


def _places(endpoint: Endpoint) -> tuple[Look, ...]:
    return _SPREAD_PLACES if endpoint.name.startswith(_SPREAD) else _PLACES


def _failed(told: Any, reply: Reply) -> str | None:
    code = ret_code(told, reply)
    return None if code == "0" else code or "none"


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """Of a batch, the order's entry in the list."""
    names = {name: str(order.get(name) or "") for name in _NAMES}
    if endpoint.name not in _BATCHES:
        at_ms = str(order.get("createdTime" if endpoint.call_class is CallClass.PLACE else "updatedTime"))
        told = {"retCode": 0, "retMsg": "OK", "result": names, "retExtInfo": {}}
        return orjson.dumps({**told, "time": int(at_ms) if at_ms.isdigit() else 0})
    entry = {"category": str(row.get("category") or ""), "symbol": str(order.get("symbol") or ""), **names}
    if endpoint.name == _CREATE_BATCH:
        entry["createAt"] = str(order.get("createdTime") or "")
    return orjson.dumps(entry)


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    """Entries and codes stand in the order of the request."""
    creates = endpoint.name == _CREATE_BATCH
    nothing = {"category": "", "symbol": "", "orderId": "", "orderLinkId": "", **({"createAt": ""} if creates else {})}
    entries = [orjson.loads(ack) if ack is not None else nothing for ack in acks]
    failed = _NOT_CREATED if creates else _NOT_DONE
    codes = [{"code": 0, "msg": "OK"} if ack is not None else failed for ack in acks]
    told = {"retCode": 0, "retMsg": "OK", "result": {"list": entries}, "retExtInfo": {"list": codes}}
    return orjson.dumps({**told, "time": max([int(e.get("createAt") or 0) for e in entries], default=0)})


LOOKS = OrderLooks(RULES, _places, lambda endpoint: _SHOWN, _failed, _ack, _whole)


def found(endpoint: Endpoint, request: Incoming, params: Mapping[str, str], lookup: Lookup, reply: Reply) -> Finding:
    """An amendment of anything but size and prices cannot be told: a stop that is taken away is asked for as 0, and
    shown in more ways than one.
    """
    finding = LOOKS.found(endpoint, request, params, lookup, reply)
    if endpoint.call_class is CallClass.AMEND and finding.state in (Found.DONE, Found.NOT_SO_FAR):
        row: Mapping[str, Any] = params
        if endpoint.name in _BATCHES:
            row = rows_of(params.get("request", ""))[lookup.item]
        if any(value not in (None, "") for name, value in row.items() if name not in _NOT_COMPARED):
            return CANNOT_TELL
    return finding


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """A success names codes for each: accepted means received, as with single orders. () too for a refusal of the
    whole call, which the verdict on it judges.
    """
    if endpoint.name not in _BATCHES:
        return ()
    try:
        told = orjson.loads(reply.body)
        if reply.status != 200 or _failed(told, reply) is not None:
            return ()
        asked = rows_of(params.get("request", ""))
        entries, codes = told["result"]["list"], told["retExtInfo"]["list"]
        return tuple(_item(index, *three) for index, three in enumerate(zip(asked, entries, codes, strict=True)))
    except (ValueError, TypeError, LookupError, AttributeError):
        return ()


def _item(index: int, asked: Row, entry: Row, said: Row) -> Item:
    name, code = str(asked.get("orderId") or asked.get("orderLinkId") or ""), str(said["code"])
    text = "" if code == "0" else f"{code} {said.get('msg', '')}".strip()
    return Item(index, name, executed(code), str(entry.get("orderId") or ""), text)
