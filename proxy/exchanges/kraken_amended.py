"""Whether a Kraken order was amended in place (AmendOrder), or replaced by another (EditOrder).

Sources: docs.kraken.com references amend-order (less than is filled already cancels the rest), get-order-amends and
edit-order (cancels the old order and makes a new one, without a cl_ord_id), guide spot-amends.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.evidence import number, shows
from proxy.exchanges.kraken_rebuilt import edit_answer
from proxy.exchanges.lookup import CANNOT_TELL, NOT_SO_FAR, SKEW_MS, Finding, Found, Lookup

_TXID = re.compile(r"O[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{6}")
_VALUES = ("order_qty", "display_qty", "limit_price", "trigger_price")
_PRICED = frozenset({"limit", "iceberg"})  # their only price is the limit
_NANOSECONDS = 1_000_000  # in a millisecond, the unit of the history
_PLAUSIBLE_MS = 1_400_000_000_000  # less is another unit


def is_txid(text: str) -> bool:
    return _TXID.fullmatch(text.upper()) is not None


def shown(params: Mapping[str, str], row: Mapping[str, Any], order: Mapping[str, Any], otherwise: Finding) -> Finding:
    """By the order as it is now; `otherwise`: what holds if it has not got the values that were asked for."""
    descr = row.get("descr") or {}
    known: Mapping[str, Any] = {
        "order_qty": row.get("vol"),
        "limit_price": descr.get("price") if descr.get("ordertype") in _PRICED else None,
    }
    asked = [(known.get(name), params[name]) for name in _VALUES if params.get(name)]
    if params.get("post_only"):
        asked.append((None, params["post_only"]))
    same = shows(asked) if asked else None
    if same:
        return Finding(Found.DONE, b"", order)
    if same is None or row.get("amended") is True:
        return CANNOT_TELL
    filled, wanted = number(row.get("vol_exec")), number(params.get("order_qty"))
    if row.get("status") == "canceled" and wanted is not None and (filled is None or wanted <= filled):
        return CANNOT_TELL
    return otherwise


def change(params: Mapping[str, str], result: Mapping[str, Any], lookup: Lookup) -> Finding:
    """By the history of the order, which shows an amendment that was followed by another too."""
    asked = [(name, params[name]) for name in _VALUES if params.get(name)]
    for row in result["amends"]:
        at_ms = int(row["timestamp"]) // _NANOSECONDS
        if at_ms < _PLAUSIBLE_MS:
            return CANNOT_TELL
        if row["amend_type"] == "original" or at_ms < lookup.since_ms - SKEW_MS:
            continue
        same = shows([(row.get(name), text) for name, text in asked]) if asked else None
        if same is None:
            return CANNOT_TELL
        if same:
            body = orjson.dumps({"error": [], "result": {"amend_id": row["amend_id"]}})
            return Finding(Found.DONE, body, {"txid": lookup.id})
    count = result.get("count")
    return NOT_SO_FAR if not isinstance(count, int) or count <= len(result["amends"]) else CANNOT_TELL


def edited(
    params: Mapping[str, str],
    found: Mapping[str, Any],
    made_ms: Mapping[str, int],
    lookup: Lookup,
    cut: bool,
) -> Finding:
    """By a new order that refers to the old one, or by the old one, which an edit cancels. That it was cancelled alone
    proves nothing: another call may have done it.
    """
    new = [
        txid
        for txid, row in found.items()
        if row.get("refid") == lookup.id and made_ms[txid] >= lookup.since_ms - SKEW_MS
    ]
    if not new and lookup.id in found:
        return _old(found[lookup.id], lookup)
    if not new:
        return CANNOT_TELL if cut else NOT_SO_FAR
    [txid, *others] = new
    row = found[txid]
    descr = row.get("descr") or {}
    asked = [(shown, params[name]) for name, shown in (("volume", row.get("vol")), ("price", descr.get("price")))
             if params.get(name)]  # fmt: skip
    if others or not asked or not shows(asked):
        return CANNOT_TELL
    return Finding(Found.DONE, edit_answer(lookup.id, txid, row), {"txid": txid, **row})


def _old(row: Mapping[str, Any], lookup: Lookup) -> Finding:
    order = {"txid": lookup.id, **row}
    match row.get("status"):
        case "pending" | "open":
            return Finding(Found.NOT_SO_FAR, b"", order)
        case "closed" | "expired":
            return Finding(Found.NEVER, b"", order)
        case "canceled":
            before = float(row["closetm"]) * 1000 < lookup.since_ms - SKEW_MS
            return Finding(Found.NEVER, b"", order) if before else CANNOT_TELL
    return CANNOT_TELL
