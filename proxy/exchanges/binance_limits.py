"""Limits that Binance tells in a body: `rateLimits` of exchangeInfo, the order counts of the account, refusals.

Source: binance-spot-api-docs rest-api.md, enums.md, errors.md (texts of -1003 and -1015).
"""

import re
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.binance_futures import LIMIT_NAMES, LIMITS_PATHS, OWN_LIMITS_PATHS
from proxy.model import Endpoint, Reply, Usage

_PUBLIC = frozenset({"GET /api/v3/exchangeInfo", *(f"GET {path}" for path in LIMITS_PATHS)})
_OWN = frozenset({"GET /api/v3/rateLimit/order", *(f"GET {path}" for path in OWN_LIMITS_PATHS)})
LIMITS_TOLD = _PUBLIC | _OWN

_SPOT: Mapping[tuple[Any, Any, Any], str] = {
    ("REQUEST_WEIGHT", "MINUTE", 1): "weight_1m",
    ("RAW_REQUESTS", "MINUTE", 5): "raw_5m",
    ("ORDERS", "SECOND", 10): "orders_10s",
    ("ORDERS", "DAY", 1): "orders_1d",
}
_NAMES: Mapping[str, Mapping[tuple[Any, Any, Any], str]] = {"spot": _SPOT, **LIMIT_NAMES}
_WORDS: Mapping[bytes, str] = {b"request weight": "REQUEST_WEIGHT", b"requests": "RAW_REQUESTS", b"orders": "ORDERS"}
_EXCEEDED = re.compile(
    rb"current limit is (\d{1,12}) (request weight|requests|orders) per (\d{1,3}) (SECOND|MINUTE|DAY)"
)
_START = 8192  # the list stands before the symbols, of which there are tens of MB
_LIST = re.compile(rb'"rateLimits"\s*:\s*(\[[^\[\]]*\])')


def limits_told(endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
    """Capacities that hold for everybody, or counts and capacities of the account. What cannot be read is left out."""
    text = _start_of(reply)
    if endpoint.name in _OWN:
        listed: bytes = text
    else:
        found = _LIST.search(text)
        listed = found[1] if found is not None else b""
    try:
        rows = orjson.loads(listed)
    except orjson.JSONDecodeError:
        return ()
    if not isinstance(rows, list):
        return ()
    told = (_told(endpoint.product, row, everywhere=endpoint.name in _PUBLIC) for row in rows if isinstance(row, dict))
    return tuple(row for row in told if row is not None)


def limit_exceeded(endpoint: Endpoint, reply: Reply) -> Usage | None:
    """The limit and its capacity that a refusal names: "Too many new orders; current limit is 50 orders per 10 SECOND."

    It holds for who is refused.
    """
    found = _EXCEEDED.search(reply.body[:512])
    if found is None:
        return None
    name = _NAMES[endpoint.product].get((_WORDS[found[2]], found[4].decode(), int(found[3])))
    return Usage(name, capacity=int(found[1])) if name is not None and int(found[1]) else None


def _told(product: str, row: dict[str, Any], *, everywhere: bool) -> Usage | None:
    try:
        name = _NAMES[product].get((row.get("rateLimitType"), row.get("interval"), row.get("intervalNum")))
    except TypeError:  # a list or an object where a text should stand
        return None
    limit, count = row.get("limit"), row.get("count")
    if name is None or not isinstance(limit, int) or limit <= 0:
        return None
    if everywhere:
        return Usage(name, capacity=limit, everywhere=True)
    return Usage(name, count if isinstance(count, int) and count >= 0 else None, limit)


def _start_of(reply: Reply) -> bytes:
    if not reply.header(b"content-encoding"):
        return reply.body[:_START]
    try:
        return zlib.decompressobj(wbits=31).decompress(reply.body[:_START], _START)
    except zlib.error:
        return b""
