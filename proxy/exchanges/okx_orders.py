"""The orders of OKX's writes: how they are named, where a lost one is looked up, what an answer says of each.

Source: okx.com/docs-v5, Order book trading (Place order, Order details, Algo order details). A client id is up to 32
letters and digits, and unique among live orders only; Order details shows the newest order of an id.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.json_body import ROWS
from proxy.exchanges.lookup import Absence
from proxy.exchanges.okx_errors import PARTLY, code_of, meaning
from proxy.exchanges.order_looks import Look, OrderLooks, Row, Shown
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import CallClass, Endpoint, Executed, Item, Reply

_T = "/api/v5/trade/"
_IDS, _ALGO_IDS = ("ordId", "clOrdId"), ("algoId", "algoClOrdId")
_CLOSE = f"POST {_T}close-position"

RULES = OrderRules(
    {
        f"POST {_T}order": Rule(id="clOrdId", reduces="reduceOnly"),
        f"POST {_T}batch-orders": Rule(id="clOrdId", rows=ROWS, reduces="reduceOnly"),
        f"POST {_T}amend-order": Rule(names=_IDS),
        f"POST {_T}amend-batch-orders": Rule(names=_IDS, rows=ROWS),
        f"POST {_T}cancel-order": Rule(names=_IDS),
        f"POST {_T}cancel-batch-orders": Rule(names=_IDS, rows=ROWS),
        f"POST {_T}order-algo": Rule(id="algoClOrdId", reduces="reduceOnly"),
        f"POST {_T}amend-algos": Rule(names=_ALGO_IDS),
        f"POST {_T}cancel-algos": Rule(names=_ALGO_IDS, rows=ROWS),
        f"POST {_T}cancel-advance-algos": Rule(names=_ALGO_IDS, rows=ROWS),
        _CLOSE: Rule(id="clOrdId", always_reduces=True),
    }
)

# How soon an order shows is not documented, so there is plenty of time.
ABSENCE = Absence(after_ms=10_000, looks=3, apart_ms=1_000)

_NONE = frozenset({"51603"})
_ORDER = Look(
    f"GET {_T}order",
    by=(("ordId", "ordId"), ("clOrdId", "clOrdId")),
    query="instId={instId}&{as}={id}",
    rows=("data",),
    none=_NONE,
    newest=True,
)
_ALGO = Look(
    f"GET {_T}order-algo",
    by=(("algoId", "algoId"), ("algoClOrdId", "algoClOrdId")),
    query="{as}={id}",
    rows=("data",),
    none=_NONE,
)
_ORDER_SHOWN = Shown(
    ids=("ordId", "clOrdId"),
    own="ordId",
    status="state",
    open=frozenset({"live", "partially_filled"}),
    cancelled=frozenset({"canceled", "mmp_canceled"}),
    made="cTime",
    updated="uTime",
    amended={"newSz": "sz", "newPx": "px", "newPxUsd": "pxUsd", "newPxVol": "pxVol"},
)
_ALGO_SHOWN = Shown(
    ids=("algoId", "algoClOrdId"),
    own="algoId",
    status="state",
    open=frozenset({"live", "pause", "partially_effective"}),
    cancelled=frozenset({"canceled"}),
    made="cTime",
    updated="uTime",
    amended={
        "newSz": "sz",
        "newTpTriggerPx": "tpTriggerPx",
        "newTpOrdPx": "tpOrdPx",
        "newSlTriggerPx": "slTriggerPx",
        "newSlOrdPx": "slOrdPx",
    },
)


def _is_algo(endpoint: Endpoint) -> bool:
    return "algo" in endpoint.path


def _ack(endpoint: Endpoint, row: Row, order: Row) -> bytes:
    """The row of one order; alone in its envelope, where the call is about one."""
    if _is_algo(endpoint):
        told = {"algoClOrdId": _text(order, "algoClOrdId"), "algoId": _text(order, "algoId")}
    else:
        told = {"clOrdId": _text(order, "clOrdId"), "ordId": _text(order, "ordId")}
    if endpoint.name == _CLOSE:
        told = {"clOrdId": told["clOrdId"], "instId": _text(order, "instId"), "posSide": _text(order, "posSide")}
    else:
        told |= {"sCode": "0", "sMsg": ""}
    if endpoint.call_class is CallClass.AMEND:
        told["reqId"] = _text(row, "reqId")
    told["tag"] = _text(order, "tag")
    if endpoint.name != _CLOSE:
        told["ts"] = _text(order, "cTime" if endpoint.call_class is CallClass.PLACE else "uTime")
    rule = RULES.rule(endpoint)
    return orjson.dumps(told) if rule is not None and rule.rows else _enveloped([told], "0")


def _whole(endpoint: Endpoint, acks: list[bytes | None]) -> bytes:
    """An order that was not executed has no words of the exchange's own: those on an order that came too late say so
    of new ones and changes, and those on a service that is away of cancels.
    """
    ids = _ALGO_IDS if _is_algo(endpoint) else _IDS
    late = endpoint.call_class is not CallClass.CANCEL
    missed = {
        **dict.fromkeys(sorted(ids), ""),
        "sCode": "50037" if late else "50001",
        "sMsg": "Order expired" if late else "Not canceled",
        "tag": "",
    }
    rows = [missed if ack is None else orjson.loads(ack) for ack in acks]
    return _enveloped(rows, PARTLY if None in acks else "0")


def _enveloped(rows: list[dict[str, str]], code: str) -> bytes:
    return orjson.dumps({"code": code, "data": rows, "msg": ""})


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _refusal(told: Any, reply: Reply) -> str | None:
    code = code_of(told, reply)
    return None if code == "0" else code or f"http {reply.status}"


LOOKS = OrderLooks(
    RULES,
    places=lambda endpoint: (_ALGO,) if _is_algo(endpoint) else (_ORDER,),
    shown=lambda endpoint: _ALGO_SHOWN if _is_algo(endpoint) else _ORDER_SHOWN,
    code=_refusal,
    ack=_ack,
    whole=_whole,
)


def items(endpoint: Endpoint, params: Mapping[str, str], reply: Reply) -> tuple[Item, ...]:
    """Of a list; () for a refusal of the whole call, which the verdict on it judges. Rows stand in the order of the
    call; those that name another order than that say nothing."""
    rule = RULES.rule(endpoint)
    if rule is None or not rule.rows or reply.status != 200:
        return ()
    try:
        said = orjson.loads(reply.body)["data"]
    except (ValueError, TypeError, LookupError):
        return ()
    asked = rows_of(params.get(rule.rows, ""))
    if not isinstance(said, list) or not any(isinstance(row, dict) and "sCode" in row for row in said):
        return ()
    aligned = len(said) == len(asked)
    ids = (rule.id, *rule.names)
    return tuple(_item(index, row, ids, said[index] if aligned else None) for index, row in enumerate(asked))


def _item(index: int, row: Row, ids: tuple[str, ...], said: Any) -> Item:
    named = [(name, str(row[name])) for name in ids if row.get(name)]
    own = named[0][1] if named else ""
    if not isinstance(said, dict) or not isinstance(said.get("sCode"), str | int):
        return Item(index, own, Executed.UNKNOWN)
    if any(said.get(name) not in (None, "", value) for name, value in named):
        return Item(index, own, Executed.UNKNOWN)
    code, order = str(said["sCode"]), str(said.get("ordId") or said.get("algoId") or "")
    if code == "0":
        return Item(index, own, Executed.YES, order)
    return Item(index, own, meaning(code).executed, order, f"{code} {said.get('sMsg', '')}".strip())
