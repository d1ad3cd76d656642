"""Request targets: what is taken, and that nobody could read it another way."""

import posixpath
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.ingress.target import Target, parse_target

TAKEN = {
    "/main/api/v3/order": Target("main", "/api/v3/order", ""),
    "/main/api/v3/order?symbol=BTCUSDT&a=%2F": Target("main", "/api/v3/order", "symbol=BTCUSDT&a=%2F"),
    "/main/api/v3/order?": Target("main", "/api/v3/order", ""),
    "/main/api/v3/order?a=?b": Target("main", "/api/v3/order", "a=?b"),
    "/main/api/v3/order/": Target("main", "/api/v3/order/", ""),
    "/main/api.binance.com/api/v3/time": Target("main", "/api/v3/time", "", "api.binance.com"),
    "/main/API.Binance.com/api/v3/time": Target("main", "/api/v3/time", "", "api.binance.com"),
    "/main/api.binance.com:443/api/v3/time": Target("main", "/api/v3/time", "", "api.binance.com"),
    "/~dummy-token/main/0/private/Balance": Target("main", "/0/private/Balance", "", None, "dummy-token"),
    "/~dummy-token/main/api.kraken.com/0/x?y": Target("main", "/0/x", "y", "api.kraken.com", "dummy-token"),
    "/~/main/x": Target("main", "/x", "", None, ""),
    "/a-1_B/x": Target("a-1_B", "/x", ""),
    "/main/x.y/z": Target("main", "/z", "", "x.y"),
    "/main/x/a.b/..c/d..": Target("main", "/x/a.b/..c/d..", ""),
}

REFUSED = {
    "": (400, "bad_target"),
    "*": (400, "bad_target"),
    "api.binance.com:443": (400, "bad_target"),
    "http://api.binance.com/api/v3/time": (400, "bad_target"),
    "/": (404, "bad_target"),
    "//main/x": (404, "bad_target"),
    "/../main/x": (404, "bad_target"),
    "/ma.in/x": (404, "bad_target"),
    "/m%61in/x": (404, "bad_target"),
    "/-main/x": (404, "bad_target"),
    "/" + "a" * 65 + "/x": (404, "bad_target"),
    "/~token": (404, "bad_target"),
    "/~token/~token/x": (404, "bad_target"),
    "/main": (400, "bad_path"),
    "/main/": (400, "bad_path"),
    "/main//x": (400, "bad_path"),
    "/main/x//y": (400, "bad_path"),
    "/main/x//": (400, "bad_path"),
    "/main/./x": (400, "bad_path"),
    "/main/../x": (400, "bad_path"),
    "/main/x/..": (400, "bad_path"),
    "/main/x/../": (400, "bad_path"),
    "/main/%2e%2e/x": (400, "bad_path"),
    "/main/x%2Fy": (400, "bad_path"),
    "/main/x%00": (400, "bad_path"),
    "/main/x\\y": (400, "bad_path"),
    "/main/x\x00y": (400, "bad_path"),
    "/main/x y": (400, "bad_path"),
    "/main/x\ny": (400, "bad_path"),
    "/main/x#y": (400, "bad_path"),
    "/main/é": (400, "bad_path"),
    "/main/api.binance.com": (400, "bad_path"),
    "/main/api.binance.com:443": (400, "bad_path"),
    "/main/https://api.binance.com/api/v3/time": (400, "bad_path"),
    "/main/x?a=#b": (400, "bad_target"),
    "/main/x?a=\x7f": (400, "bad_target"),
    "/main/x?a= b": (400, "bad_target"),
    "/main/x?a=\r\nb": (400, "bad_target"),
    "/main/x?é": (400, "bad_target"),
    "/main/" + "x" * 65_536: (414, "bad_target"),
}


@pytest.mark.parametrize("raw", TAKEN)
def test_taken(raw: str) -> None:
    assert parse_target(raw) == TAKEN[raw]


@pytest.mark.parametrize("raw", REFUSED, ids=lambda raw: repr(raw[:40]))
def test_refused(raw: str) -> None:
    with pytest.raises(BadCall) as caught:
        parse_target(raw)
    assert (caught.value.status, caught.value.reason) == REFUSED[raw]


@pytest.mark.parametrize(
    "raw", ["/~dummy-canary", "/~dummy-canary/main/%00", "/~dummy-canary/./x", "/~dummy-canary/m/x? "]
)
def test_a_refusal_does_not_quote_the_token(raw: str) -> None:
    with pytest.raises(BadCall) as caught:
        parse_target(raw)
    assert "canary" not in caught.value.message


PIECES = st.sampled_from(
    [".", "..", "%2e", "%2E%2e", "%2f", "\\", "/", "//", "", ";", "a;b=c", "@", ":", "a.b", "~", "~t", "!$&'()*+,=-",
     "api", "v3", "order", "?", "#", "%", " ", "\t", "\x00", "é", "．．", "api.binance.com", "[::1]", "a:1"]
)  # fmt: skip
TARGETS = st.lists(PIECES, max_size=6).map("/".join) | st.text(max_size=30) | st.lists(PIECES, max_size=8).map("".join)


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(TARGETS)
@example("api/v3/order?symbol=BTCUSDT")
@example("api.binance.com/api/v3/order")
def test_what_is_taken_means_the_same_to_everybody(rest: str) -> None:
    raw = f"/main/{rest}"
    try:
        target = parse_target(raw)
    except BadCall:
        return
    assert target.account == "main" and raw.endswith(target.path + raw[raw.index("?") :] if "?" in raw else target.path)
    parts = urlsplit(f"https://exchange.test{target.path}?{target.query}")
    assert (parts.netloc, parts.path, parts.query, parts.fragment) == (
        "exchange.test", target.path, target.query, "",
    )  # fmt: skip
    assert unquote(target.path) == target.path
    assert posixpath.normpath(target.path) == (target.path.rstrip("/") or "/")
    assert target.path.isascii() and target.path.isprintable()
    assert not any(sign in target.path for sign in ("%", "\\", "//", " ", "?", "#"))
    assert not {".", ".."} & set(target.path.split("/"))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=40))
def test_any_text_is_a_target_or_a_refusal(raw: str) -> None:
    try:
        assert parse_target(raw).path.startswith("/")
    except BadCall as fault:
        assert fault.status in (400, 404)
