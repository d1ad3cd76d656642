"""Which orders a Kraken call names, makes or changes: by txid, cl_ord_id and userref.

Names are "txid ...", "id ..." and "ref ...", so that a cl_ord_id of digits is not taken for a userref.
Sources: docs.kraken.com add-order, add-order-batch, amend-order, edit-order, cancel-order and cancel-order-batch
references, state of 2026-08-21.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.form import Placed, readable
from proxy.model import Endpoint, Reply

_TXID = re.compile(r"O[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{6}")
_REF = re.compile(r"-?[0-9]{1,10}")
_ROW = "POST /0/private/"


def named(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    """() for a batch that cannot be read, or a call that names no order."""
    if endpoint.name == _ROW + "CancelOrderBatch":
        try:
            rows = [_name(row) for row in _list(params.get("orders"))]
            return (*rows, *(f"id {row}" for row in _list(params.get("cl_ord_ids"))))
        except (ValueError, TypeError):
            return ()
    # `txid` may be a userref as well; with an edit, `userref` is one that the new order gets.
    found = [_name(params["txid"])] if params.get("txid") else []
    if params.get("cl_ord_id"):
        found.append(f"id {params['cl_ord_id']}")
    if params.get("userref") and endpoint.name == _ROW + "CancelOrder":
        found.append(_name(params["userref"]))
    return tuple(found)


def placed(endpoint: Endpoint, params: Mapping[str, str], reply: Reply | None) -> tuple[Placed, ...]:
    """Without an answer, orders that have no name of the bot's are left out. Raises ValueError, TypeError, LookupError
    on an answer of another form.
    """
    result = _result(reply) if reply is not None else None
    pair = params.get("pair", "")
    match endpoint.name.removeprefix(_ROW):
        case "AddOrder":
            if result is None:
                return _known((_placed(pair, params, ""),))
            # A checked-only order (validate) has no txid. Of several, the others are of orders yet to come.
            txids = result.get("txid") or ()
            return tuple(_placed(pair, params, txid) for txid in txids[:1])
        case "AddOrderBatch":
            rows = _list(params.get("orders"))
            if result is None:
                return _known(tuple(_placed(pair, row, "") for row in rows))
            made = zip(rows, result["orders"], strict=True)
            return tuple(_placed(pair, row, said["txid"]) for row, said in made if said.get("txid"))
        case "EditOrder" | "AmendOrder":
            was = next(iter(named(endpoint, params)), "")
            edited = endpoint.name == _ROW + "EditOrder"
            if not was or (edited and result is not None and not result.get("txid")):
                return ()
            # An edit makes a new order. What counts as the age of an amended one is not documented: its youngest.
            txid = result["txid"] if edited and result is not None else ""
            ref = params.get("userref") if edited else ""
            return (Placed(pair, _txids(txid), (_name(ref),) if ref else (), was),)
    return ()


def _placed(pair: str, row: Mapping[str, Any], txid: str) -> Placed:
    client_id, ref = row.get("cl_ord_id"), row.get("userref")
    names = (*((f"id {client_id}",) if client_id else ()), *_txids(txid))
    return Placed(pair, names, (_name(ref),) if ref not in (None, "") else ())


def _known(found: tuple[Placed, ...]) -> tuple[Placed, ...]:
    return tuple(row for row in found if row.names or row.tags)


def _txids(txid: str) -> tuple[str, ...]:
    return (f"txid {txid.upper()}",) if txid else ()


def _name(order: Any) -> str:
    """A txid or userref as text or number, or an object that holds one of the names."""
    if isinstance(order, Mapping):
        if order.get("cl_ord_id"):
            return f"id {order['cl_ord_id']}"
        order = order.get("txid", order.get("userref", ""))
    text = str(order).strip()
    if _REF.fullmatch(text):
        return f"ref {int(text)}"
    return f"txid {text.upper()}" if _TXID.fullmatch(text.upper()) else f"id {text}"


def _list(text: str | None) -> list[Any]:
    """A JSON list; ValueError if it is something else."""
    if text is None:
        return []
    found = orjson.loads(text)
    if not isinstance(found, list):
        raise ValueError("not a list")
    return found


def _result(reply: Reply) -> Mapping[str, Any]:
    body = readable(reply)
    found = orjson.loads(body or b"")["result"]
    if not isinstance(found, Mapping):
        raise TypeError("the result is not an object")
    return found
