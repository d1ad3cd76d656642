"""What all exchanges share: headers that may leave, packed answers, the meaning of our refusals."""

import gzip

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.form import Kind, encodings, kind, outgoing_headers, readable, retry_after_ns, target
from proxy.model import Incoming, Refusal, Reply


def incoming(*headers: tuple[str, str]) -> Incoming:
    return Incoming("GET", "/x", "", headers, b"")


def reply(body: bytes, encoding: bytes = b"") -> Reply:
    headers = ((b"Content-Encoding", encoding),) if encoding else ()
    return Reply(200, b"OK", headers, body, 1)


def test_only_harmless_headers_leave() -> None:
    request = incoming(
        ("host", "127.0.0.1"),
        ("cookie", "a=b"),
        ("authorization", "Bearer dummy-token"),
        ("x-ordergate-token", "dummy-token"),
        ("x-forwarded-for", "10.0.0.1"),
        ("origin", "http://x"),
        ("user-agent", "bot/1"),
        ("accept", "*/*"),
        ("x-mbx-time-unit", "MICROSECOND"),
        ("cb-version", "1"),
    )
    assert outgoing_headers(request) == [("user-agent", "bot/1"), ("accept", "*/*")]
    assert ("x-mbx-time-unit", "MICROSECOND") in outgoing_headers(request, prefix="x-mbx-")
    assert ("cb-version", "1") in outgoing_headers(request, extra=frozenset({"cb-version"}))


def test_judged_answers_are_asked_for_unpacked() -> None:
    request = incoming(("accept-encoding", "gzip, deflate, br"))
    assert encodings(request, judged=True) == ("Accept-Encoding", "identity")
    assert encodings(request, judged=False) == ("Accept-Encoding", "gzip")
    assert encodings(incoming(), judged=False) == ("Accept-Encoding", "identity")


def test_target() -> None:
    assert target("/a", "") == "/a"
    assert target("/a", "b=1") == "/a?b=1"


def test_small_packed_answers_are_read() -> None:
    text = b'{"error":["EAPI:Rate limit exceeded"]}'
    assert readable(reply(text)) == text
    assert readable(reply(text, b"identity")) == text
    assert readable(reply(gzip.compress(text), b"gzip")) == text
    assert readable(reply(gzip.compress(text), b"GZIP")) == text


def test_packed_answers_that_cannot_be_read_are_none() -> None:
    packed = gzip.compress(b"x" * 1000)
    assert readable(reply(packed[:-9], b"gzip")) is None
    assert readable(reply(b"not gzip", b"gzip")) is None
    assert readable(reply(b"x", b"br")) is None
    assert readable(reply(gzip.compress(b"x" * 10_000_000), b"gzip")) is None  # unpacks to more than an error has


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (429, "rate_limited", Kind.THROTTLED),
        (429, "queue_full", Kind.THROTTLED),
        (401, "bad_token", Kind.BAD_TOKEN),
        (403, "withdrawal_refused", Kind.DENIED),
        (404, "unknown_endpoint", Kind.UNKNOWN_ENDPOINT),
        (504, "outcome_unknown", Kind.OUTCOME_UNKNOWN),
        (503, "no_route", Kind.UNAVAILABLE),
        # Reasons that this table does not know are told by their status.
        (429, "new_reason", Kind.THROTTLED),
        (503, "new_reason", Kind.UNAVAILABLE),
        (504, "upstream_failed", Kind.OUTCOME_UNKNOWN),
        (403, "new_reason", Kind.DENIED),
        (400, "bad_body", Kind.BAD_REQUEST),
        (405, "bad_method", Kind.BAD_REQUEST),
    ],
)
def test_kind_of_a_refusal(status: int, reason: str, expected: Kind) -> None:
    assert kind(Refusal(status, reason, "text")) is expected


def test_every_exchange_stands_under_its_own_name() -> None:
    assert {"binance", "kraken", "cryptocom"} <= EXCHANGES.keys()
    for name, exchange in EXCHANGES.items():
        assert exchange.name == exchange.table.exchange == name
        assert not exchange.time_path or exchange.table.match("GET", exchange.time_path) is not None
        limits_path = exchange.limits_path.partition("?")[0]
        assert not limits_path or exchange.table.match("GET", limits_path) is not None


def test_answers_are_passed_on_unchanged_unless_an_exchange_says_otherwise() -> None:
    assert EXCHANGES["binance"].redact(b'{"original":1}') == b'{"original":1}'


def limited(value: str, date: str = "Fri, 20 Nov 2026 16:00:00 GMT") -> Reply:
    headers = ((b"Date", date.encode()), (b"Retry-After", value.encode()))
    return Reply(429, b"x", headers if date else headers[1:], b"", 1)


@pytest.mark.parametrize(
    ("value", "rest_s"),
    [
        ("17", 17),
        (" 17 ", 17),
        ("0", None),  # no rest: our own growing back-off must do
        ("Fri, 20 Nov 2026 16:01:30 GMT", 91),  # both are cut to seconds
        ("Fri, 20 Nov 2026 15:00:00 GMT", 1),
        ("Fri, 20 Nov 2026 17:00:00 +0100", 1),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 40, 365 * 86_400),
        ("Fri, 20 Nov 9999 16:01:30 GMT", 365 * 86_400),
    ],
)
def test_how_long_an_exchange_asks_to_be_left_alone(value: str, rest_s: int | None) -> None:
    assert retry_after_ns(limited(value)) == (None if rest_s is None else rest_s * 10**9)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_moment_says_nothing_without_the_exchanges_own_time(date: str) -> None:
    assert retry_after_ns(limited("Fri, 20 Nov 2026 16:01:30 GMT", date)) is None
    assert retry_after_ns(limited("5", date)) == 5 * 10**9


@pytest.mark.parametrize("name", ["binance", "kraken", "cryptocom"])
def test_every_exchange_hears_both_forms(name: str) -> None:
    exchange = EXCHANGES[name]
    endpoint = exchange.table.match("GET", exchange.time_path) or next(iter(exchange.table.exact.values()))
    for value, rest_s in (("9", 9), ("Fri, 20 Nov 2026 16:00:08 GMT", 9)):
        assert exchange.classify(endpoint, limited(value), 1_790_000_000_000).wait_ns == rest_s * 10**9
