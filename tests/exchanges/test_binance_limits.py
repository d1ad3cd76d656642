"""Limits in the bodies of exchangeInfo and rateLimit/order (rest-api.md)."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.exchanges import EXCHANGES
from proxy.model import Endpoint, Reply, Usage

EXCHANGE = EXCHANGES["binance"]
INFO = EXCHANGE.table.exact["GET", "/api/v3/exchangeInfo"]
COUNTS = EXCHANGE.table.exact["GET", "/api/v3/rateLimit/order"]
LISTED = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 7000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160_000},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
    {"rateLimitType": "ORDERS", "interval": "HOUR", "intervalNum": 3, "limit": 9},
]
TOLD = (
    Usage("weight_1m", capacity=7000, everywhere=True),
    Usage("orders_10s", capacity=50, everywhere=True),
    Usage("orders_1d", capacity=160_000, everywhere=True),
    Usage("raw_5m", capacity=61_000, everywhere=True),
)


def info(listed: Any = LISTED, symbols: int = 1) -> bytes:
    rows = [{"symbol": f"DUMMY{n}", "filters": [{"filterType": "LOT_SIZE"}] * 8} for n in range(symbols)]
    document = {"timezone": "UTC", "serverTime": 1_790_000_000_000, "rateLimits": listed, "exchangeFilters": []}
    return json.dumps({**document, "symbols": rows}).encode()


def usage(body: bytes, endpoint: Endpoint = INFO, encoding: bytes = b"", status: int = 200, **more: Any) -> Any:
    headers = ((b"Content-Encoding", encoding),) if encoding else ()
    return EXCHANGE.usage(endpoint, Reply(status, b"x", headers, body, 1, **more))


async def rest() -> AsyncIterator[bytes]:
    yield b""


def test_exchange_info_tells_what_holds_for_everybody() -> None:
    assert usage(info()) == TOLD
    assert usage(info().replace(b" ", b"")) == TOLD


def test_the_beginning_is_enough() -> None:
    """A full answer has tens of MB, of which the gateway holds the beginning; packed or not."""
    large = info(symbols=20_000)
    assert usage(large) == TOLD
    assert usage(large[:256_000], stream=rest()) == TOLD
    assert usage(b" " * 9000 + large) == ()  # and more than that is not looked through
    packed = gzip.compress(large)
    assert usage(packed, encoding=b"gzip") == TOLD
    assert usage(packed[:20_000], encoding=b"gzip", stream=rest()) == TOLD


def test_a_packed_answer_is_not_unpacked_as_a_whole() -> None:
    bomb = gzip.compress(b" " * 50_000_000 + info())
    assert usage(bomb, encoding=b"gzip") == ()


def test_the_accounts_own_counts() -> None:
    listed = [{**LISTED[1], "count": 17}, {**LISTED[2], "count": 0}]
    assert usage(json.dumps(listed).encode(), COUNTS) == (Usage("orders_10s", 17, 50), Usage("orders_1d", 0, 160_000))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"7",
        b'{"rateLimits":[}',
        b'{"rateLimits":7}',
        b'{"rateLimits":[{"rateLimitType":[],"limit":5}]}',
        b'{"rateLimits":[{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":"many"}]}',
        b'{"rateLimits":[{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":0}]}',
        b'{"rateLimits":["x",null]}',
    ],
)
@pytest.mark.parametrize("endpoint", [INFO, COUNTS], ids=["info", "counts"])
@pytest.mark.parametrize("encoding", [b"", b"gzip"], ids=["plain", "packed"])
def test_what_cannot_be_read_is_left_out(body: bytes, endpoint: Endpoint, encoding: bytes) -> None:
    assert usage(body, endpoint, encoding) == ()
    assert usage(gzip.compress(body) if encoding else body, endpoint, encoding) == ()


def test_only_answers_that_are_fine_and_endpoints_that_tell_are_read() -> None:
    assert usage(info(), status=400) == ()
    other = EXCHANGE.table.exact["GET", "/api/v3/depth"]
    assert usage(info(), other) == ()


def test_the_daemons_own_question_is_a_small_one() -> None:
    path, _, query = EXCHANGE.limits_path.partition("?")
    assert (path, query) == ("/api/v3/exchangeInfo", "symbol=BTCUSDT")
    assert EXCHANGE.table.match("GET", path) is INFO


ORDER = EXCHANGE.table.exact["POST", "/api/v3/order"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Too many new orders; current limit is 50 orders per 10 SECOND.", Usage("orders_10s", capacity=50)),
        ("Too many new orders; current limit is 160000 orders per 1 DAY.", Usage("orders_1d", capacity=160_000)),
        (
            "Too much request weight used; current limit is 1200 request weight per 1 MINUTE. Please use WebSocket"
            " Streams for live updates to avoid polling the API.",
            Usage("weight_1m", capacity=1200),
        ),
        ("Too many requests; current limit is 61000 requests per 5 MINUTE.", Usage("raw_5m", capacity=61_000)),
        ("Too many requests; current limit is 61000 requests per 7 MINUTE.", None),
        ("Too many requests; current limit is 0 requests per 5 MINUTE.", None),
        ("Way too many requests; IP banned until 1790000000000.", None),
    ],
)
def test_a_refusal_names_the_limit_that_it_is_about(text: str, told: Usage | None) -> None:
    body = json.dumps({"code": -1003, "msg": text}).encode()
    assert usage(body, ORDER, status=429) == ((told,) if told is not None else ())
    assert usage(body, ORDER, status=400) == ()


def test_a_refusal_tells_count_and_capacity_of_one_limit_together() -> None:
    headers = ((b"X-MBX-USED-WEIGHT-1M", b"1201"), (b"X-MBX-ORDER-COUNT-10S", b"3"))
    text = b'{"code":-1003,"msg":"Too much request weight used; current limit is 1200 request weight per 1 MINUTE."}'
    told = EXCHANGE.usage(ORDER, Reply(429, b"x", headers, text, 1))
    assert set(told) == {Usage("weight_1m", 1201, 1200), Usage("orders_10s", 3)}
