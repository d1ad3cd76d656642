"""What counts as one complete answer."""

import pytest

from proxy.egress.answer import AnswerReader
from proxy.errors import MaybeSent

CHUNKED = b"HTTP/1.1 200 Very OK\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\nx-Case: a\r\n\r\n"


def _reader(method: str = "GET", *, head_limit: int = 1000, body_limit: int = 1000) -> AnswerReader:
    reader = AnswerReader(head_limit, body_limit)
    reader.expect(method)
    return reader


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 Very OK\r\nContent-Length: 5\r\nX-Empty:\r\nx-Case: a\r\n\r\nhello",
        CHUNKED + b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nX-Trailer: t\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: z\r\n\r\n"
        b"HTTP/1.1 200 Very OK\r\nX-Empty: \r\nContent-Length: 5\r\nx-Case: a\r\n\r\nhello",
    ],
    ids=["length", "chunked", "interim"],
)
def test_split_anywhere_it_reads_the_same(raw):
    for cut in range(1, len(raw)):
        reader = _reader()
        assert not reader.feed(raw[:cut])
        assert reader.feed(raw[cut:])
        assert (reader.status, reader.reason, reader.take()) == (200, b"Very OK", b"hello")
        names = [name for name, _ in reader.headers]
        assert names[1:] == [b"X-Empty", b"x-Case"] or names == [b"X-Empty", b"Content-Length", b"x-Case"]
        assert dict(reader.headers)[b"X-Empty"] == b""
        assert reader.keep_alive
    reader = _reader()
    assert [reader.feed(raw[at : at + 1]) for at in range(len(raw))].index(True) == len(raw) - 1
    assert reader.take() == b"hello"


def test_one_reader_takes_answer_after_answer():
    reader = _reader()
    for body in (b"one", b"two"):
        reader.expect("POST")
        assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\n\r\n" + body)
        assert reader.take() == body
        assert len(reader.headers) == 2


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body(status):
    reader = _reader()
    assert reader.feed(
        b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status if status == 304 else b"HTTP/1.1 204 X\r\n\r\n"
    )
    assert reader.take() == b""
    assert reader.keep_alive


@pytest.mark.parametrize("rest", [b"", b"hello", b"junk junk junk"])
def test_the_answer_to_head_ends_with_its_head_and_ends_the_connection(rest):
    reader = _reader("HEAD")
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + rest)
    assert reader.take() == b""
    assert not reader.keep_alive


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_keep_alive_follows_the_answer(head):
    reader = _reader()
    assert reader.feed(head + b"Content-Length: 2\r\n\r\n{}")
    assert not reader.keep_alive


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"]
)
def test_a_body_that_ends_with_the_connection(head):
    reader = _reader()
    assert not reader.feed(head + b"he")
    assert not reader.feed(b"llo")
    assert reader.ended_by_close()
    assert reader.complete and not reader.keep_alive
    assert reader.take() == b"hello"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
    ],
)
def test_an_end_before_the_end_is_none(raw):
    reader = _reader()
    reader.feed(raw)
    assert not reader.ended_by_close()
    assert not reader.complete


ONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"garbage\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", "not HTTP"),
        (CHUNKED + b"zz\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "protocol"),
        (b"HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n", "status 99"),
        (ONE + ONE, "after the answer"),
        (ONE + b"x", "after the answer"),
        (ONE.replace(b"OK", b"OK\r\nConnection: close") + b"x", "after the answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1001, "head is larger"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1001 + b"\r\nContent-Length: 0\r\n\r\n", "head is larger"),
        (b"HTTP/1.1 103 Hint\r\n\r\n" * 60, "head is larger"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001, "body is larger"),
        (CHUNKED + b"3e9\r\n" + b"x" * 1001, "body is larger"),
    ],
)
def test_what_cannot_become_a_good_answer(raw, reason):
    with pytest.raises(MaybeSent, match=reason):
        _reader().feed(raw)


def test_limits_hold_for_trailers_too():
    reader = _reader()
    reader.feed(CHUNKED + b"2\r\n{}\r\n0\r\nX-T: ")
    with pytest.raises(MaybeSent, match="trailer"):
        for _ in range(20):
            reader.feed(b"x" * 100)


def test_the_limits_themselves_are_allowed():
    reader = _reader(head_limit=100, body_limit=3000)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)
