"""The exact bytes, and what is refused before there are any."""

import pytest

from proxy.egress.wire import request_bytes
from proxy.model import SignedRequest, Upstream

UPSTREAM = Upstream("https", "api.exchange.test", 443)


def _request(method="GET", target="/a?b=c%2Fd", headers=(), body=b""):
    return SignedRequest(method, target, headers, body)


def test_a_read_has_host_and_the_given_headers_only():
    request = _request(headers=(("X-MBX-APIKEY", "dummy"), ("accept", "*/*")))
    assert request_bytes(request, UPSTREAM) == (
        b"GET /a?b=c%2Fd HTTP/1.1\r\nHost: api.exchange.test\r\nX-MBX-APIKEY: dummy\r\naccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"a=1", b"3"),
        ("POST", b"", b"0"),
        ("PUT", b"", b"0"),
        ("PATCH", b"", b"0"),
        ("DELETE", b"", None),
        ("DELETE", b"{}", b"2"),
        ("GET", b"", None),
        ("GET", b"{}", b"2"),
        ("HEAD", b"", None),
    ],
)
def test_content_length(method, body, length):
    raw = request_bytes(_request(method, body=body), UPSTREAM)
    line = b"" if length is None else b"Content-Length: " + length + b"\r\n"
    assert raw == b"%s /a?b=c%%2Fd HTTP/1.1\r\nHost: api.exchange.test\r\n%s\r\n%s" % (method.encode(), line, body)


@pytest.mark.parametrize(
    ("upstream", "host"),
    [
        (Upstream("https", "h.test", 443), b"h.test"),
        (Upstream("http", "h.test", 443), b"h.test:443"),
        (Upstream("http", "::1", 8080), b"[::1]:8080"),
    ],
)
def test_host_names_the_port_unless_it_is_the_schemes_own(upstream, host):
    assert b"\r\nHost: " + host + b"\r\n" in request_bytes(_request(), upstream)


def test_a_percent_sign_in_a_header_is_itself():
    request = _request(headers=(("X%s", "%s 100%"), ("X-B", "")))
    assert b"\r\nX%s: %s 100%\r\nX-B: \r\n\r\n" in request_bytes(request, UPSTREAM)


def test_the_base_path_comes_before_the_target():
    upstream = Upstream("http", "h.test", 80, "/sim/binance")
    assert request_bytes(_request(target="/api?x=1"), upstream).startswith(b"GET /sim/binance/api?x=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("target", ["/a/../b", "/%2e%2e/b", "/a//b", "/a?s=a%2Fb%3D&t=a+b"])
def test_the_target_is_not_rewritten(target):
    assert request_bytes(_request(target=target), UPSTREAM).startswith(b"GET " + target.encode() + b" HTTP/1.1\r\n")


EVIL = ["\r", "\n", "\r\nX-Evil: 1", "\0", "\x7f", "\x01", "é", "\u2028", "\ud800"]


@pytest.mark.parametrize("evil", [*EVIL, " ", "\t"])
@pytest.mark.parametrize("place", ["method", "target", "name", "base_path", "host"])
def test_nothing_can_end_a_line_early(place, evil):
    request, upstream = _request(headers=(("X-A", "b"),)), UPSTREAM
    if place == "method":
        request = _request(method="GET" + evil)
    elif place == "target":
        request = _request(target="/a" + evil + "b")
    elif place == "name":
        request = _request(headers=(("X" + evil + "A", "b"),))
    elif place == "base_path":
        upstream = Upstream("https", "h.test", 443, "/a" + evil)
    else:
        upstream = Upstream("https", "h" + evil, 443)
    with pytest.raises(ValueError) as caught:
        request_bytes(request, upstream)
    assert evil not in str(caught.value) or evil == " "


@pytest.mark.parametrize("evil", [*EVIL, "\t"])
def test_a_header_value_cannot_end_its_line(evil):
    with pytest.raises(ValueError, match="header value"):
        request_bytes(_request(headers=(("X-A", "b" + evil + "c"),)), UPSTREAM)


def test_a_header_value_may_hold_spaces():
    assert b"\r\nUser-Agent: a b; c\r\n" in request_bytes(_request(headers=(("User-Agent", "a b; c"),)), UPSTREAM)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "", "a:b"])
def test_a_second_framing_header_or_a_malformed_name_is_refused(name):
    with pytest.raises(ValueError):
        request_bytes(_request("POST", headers=((name, "1"),), body=b"x"), UPSTREAM)


@pytest.mark.parametrize("target", ["", "a", "http://other.test/", "*"])
def test_the_target_is_a_path(target):
    with pytest.raises(ValueError):
        request_bytes(_request(target=target), UPSTREAM)
