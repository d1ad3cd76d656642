"""The exact bytes that a bot gets."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.exchanges import EXCHANGES
from proxy.gateway import Answer
from proxy.ingress.answers import native, our_headers, refusal_head, refusal_headers, reply_head
from proxy.model import (
    Auth,
    Call,
    CallClass,
    Endpoint,
    Executed,
    Incoming,
    NativeError,
    Refusal,
    Reply,
    Route,
    Upstream,
)

REQUEST = Incoming("GET", "/api/v3/time", "", (), b"")
CALL = Call(
    "ab12cd-7", "grid", "bin", Endpoint("GET /api/v3/time", "spot", CallClass.PUBLIC, Auth.NONE), REQUEST,
    Upstream("https", "api.binance.com", 443),
)  # fmt: skip


def reply(*headers: tuple[bytes, bytes], status: int = 200, reason: bytes = b"OK", body: bytes = b"{}") -> Reply:
    return Reply(status, reason, headers, body, 1)


def parts(head: bytes) -> tuple[bytes, list[bytes]]:
    """The status line, and the other lines in an order of no meaning."""
    assert head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
    first, *rows = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return first, sorted(rows)


def test_the_exchanges_answer_keeps_its_status_headers_and_spelling() -> None:
    rows = ((b"X-MBX-USED-WEIGHT-1M", b"7"), (b"date", b"x"), (b"X-a", b"2"), (b"X-a", b"1"))
    theirs = b"HTTP/1.1 418 I'm a teapot\r\nX-MBX-USED-WEIGHT-1M: 7\r\ndate: x\r\nX-a: 2\r\nX-a: 1\r\n"
    told = reply(*rows, status=418, reason=b"I'm a teapot")
    got = reply_head(told, [("X-Ordergate-Call", "ab12cd-7")], length=2, close=False)
    assert got.startswith(theirs)
    assert parts(b"HTTP/1.1 200 OK\r\n" + got.removeprefix(theirs))[1] == [
        b"Content-Length: 2",
        b"X-Ordergate-Call: ab12cd-7",
    ]


@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding",
     "Upgrade", "Content-Length", "Set-Cookie", "Alt-Svc"],
)  # fmt: skip
def test_headers_of_the_hop_and_cookies_are_dropped(name: str) -> None:
    for spelled in (name, name.lower(), name.upper()):
        got = reply_head(reply((spelled.encode(), b"dummy")), [], length=2, close=False)
        assert got == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def test_content_encoding_stays() -> None:
    assert b"Content-Encoding: gzip\r\n" in reply_head(reply((b"Content-Encoding", b"gzip")), [], length=2, close=False)


def test_an_answer_in_chunks() -> None:
    got = reply_head(reply(), [], length=None, close=False)
    assert got == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_the_last_answer_of_a_connection() -> None:
    assert (
        reply_head(reply(), [], length=0, close=True)
        == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


def test_an_empty_reason() -> None:
    assert reply_head(reply(reason=b""), [], length=0, close=False).startswith(b"HTTP/1.1 200 \r\n")


def test_a_refusal() -> None:
    error = NativeError(429, b'{"code":-1003}', "application/json")
    got = refusal_head(error, [("X-Ordergate-Origin", "ordergate"), ("Retry-After", "3")], close=True)
    assert parts(got) == (
        b"HTTP/1.1 429 Too Many Requests",
        [
            b"Connection: close",
            b"Content-Length: 14",
            b"Content-Type: application/json",
            b"Retry-After: 3",
            b"X-Ordergate-Origin: ordergate",
        ],
    )


def test_a_status_without_a_name() -> None:
    assert refusal_head(NativeError(599, b""), [], close=False).startswith(b"HTTP/1.1 599 Refused\r\n")


def test_our_headers_on_an_answer_of_the_exchange() -> None:
    answer = Answer(reply(), None, Route("bin", "k1", "127.0.0.2"), 2, 1_999_999, 0.98765, Executed.YES)
    assert our_headers(CALL, answer) == [
        ("X-Ordergate-Call", "ab12cd-7"),
        ("X-Ordergate-Origin", "exchange"),
        ("X-Ordergate-Attempts", "2"),
        ("X-Ordergate-Queued-Ms", "1"),
        ("X-Ordergate-Key", "k1"),
        ("X-Ordergate-Address", "127.0.0.2"),
        ("X-Ordergate-Remaining", "0.988"),
        ("X-Ordergate-Outcome", "executed"),
    ]


def test_our_headers_on_a_public_answer() -> None:
    names = [name for name, _ in our_headers(CALL, Answer(reply(), None, Route("bin", None, "127.0.0.2"), 1, 0, 1.0))]
    assert "X-Ordergate-Key" not in names and "X-Ordergate-Outcome" not in names
    assert "X-Ordergate-Address" in names


def test_our_headers_on_a_refusal() -> None:
    answer = Answer(None, Refusal(429, "rate_limited", "dummy", 5))
    assert our_headers(CALL, answer) == [
        ("X-Ordergate-Call", "ab12cd-7"),
        ("X-Ordergate-Origin", "ordergate"),
        ("X-Ordergate-Attempts", "0"),
        ("X-Ordergate-Queued-Ms", "0"),
        ("X-Ordergate-Reason", "rate_limited"),
        ("Retry-After", "5"),
    ]


@pytest.mark.parametrize(
    ("executed", "said"), [(Executed.YES, "executed"), (Executed.NO, "rejected"), (Executed.UNKNOWN, "unknown")]
)
def test_outcomes_of_writes(executed: Executed, said: str) -> None:
    assert dict(our_headers(CALL, Answer(reply(), None, executed=executed)))["X-Ordergate-Outcome"] == said


def test_no_retry_after_where_coming_again_is_useless() -> None:
    assert refusal_headers(Refusal(503, "no_route", "dummy", 0)) == [("X-Ordergate-Reason", "no_route")]


def test_a_refusal_in_the_exchanges_shape_or_in_a_plain_one() -> None:
    refusal = Refusal(401, "bad_token", "no token")
    body: Any = orjson.loads(native(refusal, EXCHANGES["binance"], REQUEST).body)
    assert body == {"code": -2014, "msg": "no token (ordergate: bad_token)"}
    plain = native(refusal, None, replace(REQUEST, path=""))
    assert (plain.status, plain.content_type) == (401, "application/json")
    assert orjson.loads(plain.body) == {
        "code": -401,
        "msg": "no token (ordergate: bad_token)",
        "error": ["no token (ordergate: bad_token)"],
    }
