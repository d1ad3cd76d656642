"""Bybit: vectors, equality with ccxt and pybit, what is stripped, the table, our own refusals."""

import base64
import json
import random
from typing import Any

import ccxt
import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pybit._http_manager import _V5HTTPManager, generate_signature

from proxy.errors import BadCall
from proxy.exchanges.bybit import EXCHANGE, signature
from proxy.exchanges.table import limits_of, units
from proxy.model import (
    Auth,
    CallClass,
    Credential,
    Endpoint,
    Incoming,
    Refusal,
    Reply,
    SignedRequest,
    Stamp,
    Usage,
)

WALL_MS = 1_700_000_000_000
KEY, SECRET = "testKeyBybit0001", b"testSecretBybit000000000000000000001"


def row(method: str, path: str) -> Endpoint:
    found = EXCHANGE.table.match(method, f"/v5/{path}")
    assert found is not None, path
    return found


def get(path: str, query: str = "", *headers: tuple[str, str]) -> Incoming:
    return Incoming("GET", f"/v5/{path}", query, headers, b"")


def post(path: str, body: str | bytes = b"", *headers: tuple[str, str], query: str = "") -> Incoming:
    return Incoming("POST", f"/v5/{path}", query, headers, body.encode() if isinstance(body, str) else body)


def credential(secret: bytes = SECRET) -> Credential:
    return Credential("bybit-main", "main", KEY, secret)


def send(request: Incoming, *, wall_ms: int = WALL_MS, by: Credential | None = None) -> SignedRequest:
    endpoint = EXCHANGE.table.match(request.method, request.path)
    assert endpoint is not None
    return EXCHANGE.sign(EXCHANGE.strip(request), endpoint, by or credential(), Stamp(wall_ms))


def headers_of(sent: SignedRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in sent.headers}


# ---- signing

COMPACT = (
    '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"20000",'
    '"timeInForce":"GTC","orderLinkId":"px-0001"}'
)
SPACED = (
    '{"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", '
    '"price": "20000", "timeInForce": "GTC", "orderLinkId": "px-0001"}'
)
# No vector with its secret is published. Made by ccxt and by pybit, in turn, with a dummy key.
VECTORS = [
    (
        get("order/realtime", "category=linear&symbol=BTCUSDT&orderLinkId=px-0001"),
        "a4267474d5a521fc1c124324a823ba5cb46ff4e7f7e3d70cd004761a80c393d8",
    ),
    (post("order/create", COMPACT), "dded82023f26db6c6d06b679f1f0acfc869a51005ed13970cc50737e44c1dbb1"),
    (
        get("account/wallet-balance", "accountType=UNIFIED"),
        "cbe04e1a08e38afb112c48c40db99604cdce2c5f5365f8a4f5d32a1292c243e4",
    ),
    (
        get("order/realtime", "category=linear&orderLinkId=px-0001&symbol=BTCUSDT"),
        "23de7d66b2d79f82f4db0b1845d0a9996bb59b59f04084f64079590508d44b05",
    ),
    (post("order/create", SPACED), "7e07a4c31ad29010aef0f6435d21f0ea88d69429518f6e8c6b178bbbeff43f5d"),
]


@pytest.mark.parametrize(("request_", "wanted"), VECTORS)
def test_vectors(request_: Incoming, wanted: str) -> None:
    sent = send(request_)
    assert sent.body == request_.body
    assert sent.target == request_.path + (f"?{request_.query}" if request_.query else "")
    assert headers_of(sent)["x-bapi-sign"] == wanted
    assert headers_of(sent)["x-bapi-api-key"] == KEY
    assert headers_of(sent)["x-bapi-timestamp"] == str(WALL_MS)
    assert headers_of(sent)["x-bapi-recv-window"] == "5000"
    assert wanted not in repr(sent)


# Neither ccxt nor pybit encodes the query that it signs; the library below encodes it on its way out.
_PLAIN = ["BTCUSDT", "1.10", "1e-8", "132766%3A2%2C132766%3A2", "x,y", "", "/"]
_TEXTS = [*_PLAIN, "a b", "äß", '"q"', "\\"]


def _some(rng: random.Random, texts: list[str]) -> dict[str, Any]:
    names = ["category", "symbol", "side", "qty", "cursor", "orderLinkId", "limit", "x"]
    return {
        name: rng.choice([rng.choice(texts), str(rng.randint(0, 10**12))])
        for name in rng.sample(names, rng.randint(0, 8))
    }


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260724)
    bot = ccxt.bybit({"apiKey": KEY, "secret": SECRET.decode()})
    calls = [(verb.upper(), path) for verb in ("get", "post") for path in bot.api["private"][verb] if path[:3] == "v5/"]
    calls = [(verb, path) for verb, path in calls if EXCHANGE.table.match(verb, f"/{path}")]
    assert len(calls) > 150
    for number in range(600):
        verb, path = calls[number % len(calls)]
        endpoint, now = EXCHANGE.table.match(verb, f"/{path}"), WALL_MS + number
        assert endpoint is not None
        bot.nonce = lambda now=now: now
        given = _some(rng, _TEXTS if verb == "POST" else _PLAIN)
        if path.endswith("-batch"):
            given["request"] = [_some(rng, _TEXTS), _some(rng, _TEXTS)]
        made = bot.sign(path, ["private"], verb, given)
        where, _, query = made["url"].removeprefix("https://api.bybit.com").partition("?")
        theirs = {name.lower(): value for name, value in made["headers"].items()}
        request = Incoming(verb, where, query, tuple(theirs.items()), (made["body"] or "").encode())
        if endpoint.auth is not Auth.SIGNED:
            continue
        sent = send(request, wall_ms=now)
        ours = headers_of(sent)
        named = [name for name in theirs if name.startswith("x-bapi-")]
        assert {name: ours[name] for name in named} == {name: theirs[name] for name in named}
        assert sent.target == (f"{where}?{query}" if query else where)
        assert sent.body == (made["body"] or "").encode()
        if verb == "POST":
            assert (ours["content-type"], ours["referer"]) == ("application/json", "CCXT")


def test_signatures_equal_those_of_pybit() -> None:
    rng = random.Random(7)
    for number in range(200):
        verb, path = ("GET", "order/realtime") if number % 2 else ("POST", "order/create")
        given = {
            name: rng.choice(_PLAIN) for name in rng.sample(["category", "symbol", "price", "a"], rng.randint(0, 4))
        }
        payload = _V5HTTPManager.prepare_payload(verb, dict(given))
        wanted = generate_signature(False, SECRET.decode(), f"{WALL_MS}{KEY}5000{payload}")
        sent = send(get(path, payload) if verb == "GET" else post(path, payload))
        assert headers_of(sent)["x-bapi-sign"] == wanted


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans(), max_size=4))
def test_what_is_signed_is_what_is_sent(params: dict[str, Any]) -> None:
    params.pop("api_key", None)
    body = json.dumps(params, ensure_ascii=False)
    sent = send(post("order/create", body.encode()))
    assert sent.body == body.encode()
    assert headers_of(sent)["x-bapi-sign"] == signature(f"{WALL_MS}{KEY}5000".encode() + sent.body, SECRET)


def test_a_post_without_parameters_is_an_empty_object() -> None:
    sent = send(post("order/cancel-all"))
    assert sent.body == b"{}"
    assert headers_of(sent)["x-bapi-sign"] == signature(f"{WALL_MS}{KEY}5000{{}}".encode(), SECRET)
    assert headers_of(sent)["content-type"] == "application/json"


def test_a_get_has_no_body_and_may_have_no_query() -> None:
    sent = send(get("account/info", "", ("content-type", "application/json")))
    assert (sent.target, sent.body) == ("/v5/account/info", b"")
    assert "content-type" not in headers_of(sent)
    assert headers_of(sent)["x-bapi-sign"] == signature(f"{WALL_MS}{KEY}5000".encode(), SECRET)


def test_rsa_keys_sign_as_base64() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unlocked = serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    assert EXCHANGE.check_credential(credential(pem)) == ""
    sent = send(post("order/create", COMPACT), by=credential(pem))
    made, text = headers_of(sent)["x-bapi-sign"], f"{WALL_MS}{KEY}5000{COMPACT}"
    private.public_key().verify(base64.b64decode(made), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert made == generate_signature(True, pem.decode(), text)
    other = Ed25519PrivateKey.generate()
    pem = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    assert "RSA" in EXCHANGE.check_credential(credential(pem))
    assert EXCHANGE.check_credential(credential(b"-----BEGIN PRIVATE KEY-----\ndummy")) != ""
    assert EXCHANGE.check_credential(credential(b" ")) != ""


def test_public_calls_go_without_a_key() -> None:
    for path in ("market/tickers", "market/something-new", "system/status", "spread/tickers"):
        assert row("GET", path).call_class is CallClass.PUBLIC
        sent = send(get(path, "category=spot", ("x-bapi-api-key", "dummy-token")))
        assert not [name for name in headers_of(sent) if name.startswith("x-bapi")]
    unsigned = EXCHANGE.sign(get("order/realtime"), row("GET", "order/realtime"), None, Stamp(WALL_MS))
    assert "x-bapi-sign" not in headers_of(unsigned)


def test_only_a_brokers_tag_leaves_as_referer() -> None:
    assert headers_of(send(post("order/create", "{}", ("referer", "CCXT"))))["referer"] == "CCXT"
    assert "referer" not in headers_of(send(post("order/create", "{}", ("referer", "http://127.0.0.1/page"))))
    assert headers_of(send(get("account/info", "", ("cdn-request-id", "7"))))["cdn-request-id"] == "7"


# ---- the window


@pytest.mark.parametrize(
    ("given", "write", "read"),
    [
        (None, 5000, 5000),
        ("2500", 2500, 2500),
        ("5000", 5000, 5000),
        ("20000", 5000, 20000),
        ("99999999", 5000, 60000),
        ("", 5000, 5000),
        ("0", 5000, 5000),
        ("-1", 5000, 5000),
        ("1e3", 5000, 5000),
        ("٣", 5000, 5000),
    ],
)
def test_writes_are_valid_for_a_short_time_only(given: str | None, write: int, read: int) -> None:
    extra = () if given is None else (("x-bapi-recv-window", given),)
    for request, wanted in ((post("order/create", COMPACT, *extra), write), (get("order/history", "", *extra), read)):
        endpoint = row(request.method, request.path.removeprefix("/v5/"))
        sent = headers_of(send(request))
        assert sent["x-bapi-recv-window"] == str(wanted)
        payload = request.query.encode() if request.method == "GET" else request.body
        assert sent["x-bapi-sign"] == signature(f"{WALL_MS}{KEY}{wanted}".encode() + payload, SECRET)
        stripped = EXCHANGE.strip(request)
        assert EXCHANGE.valid_until_ms(endpoint, stripped, Stamp(WALL_MS)) == WALL_MS + wanted


# ---- strip, token


def test_dummies_in_headers_go() -> None:
    names = ("x-bapi-api-key", "x-bapi-sign", "x-bapi-sign-type", "x-bapi-timestamp")
    stripped = EXCHANGE.strip(get("order/realtime", "a=1", *((n, "dummy") for n in names), ("user-agent", "u")))
    assert stripped == get("order/realtime", "a=1", ("user-agent", "u"))


_OLD = "api_key=dummy-token&timestamp=1&recv_window=5000&sign=dummy"


def test_dummies_of_the_older_apis_go_from_query_and_body() -> None:
    assert EXCHANGE.strip(get("order/realtime", f"a=1%2C2&{_OLD}&b=%7e")).query == "a=1%2C2&b=%7e"
    assert EXCHANGE.strip(get("order/realtime", "a=1&api%5Fkey=dummy&si%67n=dummy")).query == "a=1"
    body = '{"qty" : 1.10,"api_key":"dummy-token","timestamp":1, "sign":"dummy","b":[1 ,2]}'
    assert EXCHANGE.strip(post("order/create", body)).body == b'{"qty" : 1.10,"b":[1 ,2]}'
    assert EXCHANGE.strip(post("order/create", COMPACT, query=_OLD)).query == ""


def test_a_timestamp_that_is_a_parameter_stays() -> None:
    """The call of v5/asset/withdraw.mdx has one."""
    body = '{"coin":"BTC","timestamp":1700000000000}'
    assert EXCHANGE.strip(post("asset/withdraw/create", body)).body == body.encode()


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (get("order/realtime", "", ("x-bapi-api-key", "dummy-token")), "dummy-token"),
        (get("order/realtime", _OLD), "dummy-token"),
        (post("order/create", '{"api_key":"dummy-token"}'), "dummy-token"),
        (post("order/create", '{"api_key":7}'), ""),
        (post("order/create", "{broken"), ""),
        (post("order/create", "api_key=dummy-token"), ""),
        (get("order/realtime", "api_key=a&api_key=b"), ""),
        (get("order/realtime"), ""),
    ],
    ids=str,
)
def test_token(request_: Incoming, wanted: str) -> None:
    assert EXCHANGE.token(request_) == wanted


@pytest.mark.parametrize(
    "bad",
    [
        Incoming("GET", "/v5/order/realtime", "", (), b"{}"),  # answered with 403, which looks like a ban
        post("order/create", "{}", query="symbol=BTCUSDT"),
        post("order/create", "a=1"),
        post("order/create", "[]x"),
        post("order/create", '{"a":1'),
        post("order/create", '{"a":1,"a":2}'),
        post("order/create", b'{"a":"\xff"}'),
        get("order/realtime", "a= b"),
        get("order/realtime", "a=ä"),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.params(EXCHANGE.strip(bad))


# ---- table

CLASSES = {
    CallClass.PLACE: ["order/create", "order/create-batch", "spread/order/create", "position/trading-stop"],
    CallClass.AMEND: ["order/amend", "order/amend-batch", "spread/order/amend", "position/set-leverage"],
    CallClass.CANCEL: [
        *("order/cancel", "order/cancel-batch", "order/cancel-all", "order/disconnected-cancel-all"),
        *("spread/order/cancel", "spread/order/cancel-all"),
    ],
    CallClass.WITHDRAW: [
        *("asset/withdraw/create", "asset/withdraw/cancel", "asset/transfer/inter-transfer"),
        *("asset/transfer/universal-transfer", "asset/transfer/save-transfer-sub-member"),
        *("asset/deposit/deposit-to-account", "asset/exchange/convert-execute", "position/move-positions"),
    ],
    CallClass.ADMIN: [
        *("user/update-api", "user/delete-api", "user/create-sub-api", "user/del-submember", "apilimit/set"),
        *("account/borrow", "account/repay", "account/upgrade-to-uta", "account/set-margin-mode"),
    ],
    CallClass.READ: ["order/pre-check"],
}


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    for name in CLASSES[call_class]:
        assert row("POST", name).call_class is call_class, name
        found = EXCHANGE.table.match("GET", f"/v5/{name}")
        assert found is None or not found.call_class.writes or name == "user/del-submember"


def test_posts_without_a_row_never_leave() -> None:
    """Of what ccxt knows: every POST that is neither trading nor refused by its class."""
    bot = ccxt.bybit()
    unknown = {path for path in bot.api["private"]["post"] if EXCHANGE.table.match("POST", f"/{path}") is None}
    for path in (
        "crypto-loan/borrow",
        "earn/place-order",
        "fiat/trade-execute",
        "lending/purchase",
        "spot-margin-trade/set-leverage",
    ):
        assert f"v5/{path}" in unknown
    assert {path for path in bot.api["private"]["post"] if path[:3] != "v5/"} <= unknown
    for path in ("p2p/item/create", "broker/award/distribute-award", "order/new", "grid/create"):
        assert EXCHANGE.table.match("POST", f"/v5/{path}") is None
    for verb in ("PUT", "DELETE", "PATCH", "HEAD", "get"):
        assert EXCHANGE.table.match(verb, "/v5/order/create") is None


def test_every_read_of_ccxt_has_a_row() -> None:
    bot = ccxt.bybit()
    for kind in ("public", "private"):
        for path in bot.api[kind]["get"]:
            if path.startswith("v5/") and path not in ("v5/earn/product", "v5/user/del-submember"):
                found = EXCHANGE.table.match("GET", f"/{path}")
                assert found is not None and not found.call_class.writes, path
    assert row("GET", "user/del-submember").call_class is CallClass.ADMIN


def _price(path: str, **params: Any) -> dict[str, float]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    costs = {cost.limit: units(cost, texts) for cost in row("POST", path).costs}
    return {name: price for name, price in costs.items() if price and name != "ip_5s"}


TWO = [{"symbol": "A", "price": "1,5"}, {"symbol": "B"}]
PRICES: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("order/create", {"category": "spot"}, {"spot_1s": 1}),
    ("order/create", {"category": "linear"}, {"derivatives_1s": 1}),
    ("order/create", {"category": "inverse"}, {"derivatives_1s": 1}),
    ("order/create", {"category": "option"}, {"option_1s": 1}),
    ("order/create", {}, {"spot_1s": 1, "derivatives_1s": 1, "option_1s": 1}),
    ("order/create", {"category": "SPOT"}, {"spot_1s": 1, "derivatives_1s": 1, "option_1s": 1}),
    ("order/cancel", {"category": "spot"}, {"spot_1s": 1}),
    ("order/pre-check", {"category": "linear"}, {"derivatives_1s": 1}),
    ("order/amend", {"category": "spot"}, {"spot_amend_1s": 1}),
    ("order/amend", {"category": "option"}, {"option_1s": 1}),
    ("order/cancel-all", {"category": "option"}, {"option_all_1s": 1}),
    ("order/cancel-all", {"category": "linear"}, {"derivatives_1s": 1}),
    ("order/disconnected-cancel-all", {"timeWindow": 40}, {"uid_5_1s": 1}),
    ("order/create-batch", {"category": "spot", "request": TWO}, {"spot_1s": 2}),
    ("order/create-batch", {"category": "linear", "request": TWO}, {"derivatives_1s": 2}),
    ("order/amend-batch", {"category": "inverse", "request": TWO * 10}, {"derivatives_1s": 20}),
    ("order/cancel-batch", {"category": "option", "request": TWO}, {"option_1s": 1}),
    ("order/create-batch", {"request": TWO}, {"spot_1s": 2, "derivatives_1s": 2, "option_1s": 1}),
    ("order/create-batch", {"category": "spot", "request": "{}"}, {"spot_1s": 10}),
]


@pytest.mark.parametrize(("path", "params", "wanted"), PRICES, ids=str)
def test_prices(path: str, params: dict[str, Any], wanted: dict[str, float]) -> None:
    assert _price(path, **params) == wanted
    assert next(cost for cost in row("POST", path).costs if cost.limit == "ip_5s").units == 1


def test_limits() -> None:
    limits = EXCHANGE.table.limits
    assert (limits["ip_5s"].scope, limits["ip_5s"].capacity, limits["ip_5s"].window_ns) == ("address", 600, 5 * 10**9)
    assert {limit.scope for name, limit in limits.items() if name != "ip_5s"} == {"account"}
    assert {limit.per for name, limit in limits.items() if name != "ip_5s"} == {"endpoint"}
    usual = {name: limits[name].capacity for name in ("spot_1s", "spot_amend_1s", "derivatives_1s", "option_1s")}
    assert usual == {"spot_1s": 20, "spot_amend_1s": 10, "derivatives_1s": 10, "option_1s": 10}
    vip = limits_of(EXCHANGE.table, "vip2")
    assert (vip["spot_1s"].capacity, vip["derivatives_1s"].capacity, vip["spot_amend_1s"].capacity) == (30, 40, 10)
    for endpoint in EXCHANGE.table.endpoints():
        assert any(cost.limit == "ip_5s" and cost.units == 1 for cost in endpoint.costs), endpoint.name


def reply(body: bytes = b"", status: int = 200, **headers: str) -> Reply:
    rows = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Reply(status, b"", rows, body, 1)


def test_counts_are_told_of_every_line_that_the_call_may_be_of() -> None:
    told = reply(X_Bapi_Limit="20", X_Bapi_Limit_Status="17", X_Bapi_Limit_Reset_Timestamp="1700000000000")
    rows = EXCHANGE.usage(row("POST", "order/create"), told)
    assert rows == tuple(Usage(name, capacity=20, left=17) for name in ("derivatives_1s", "option_1s", "spot_1s"))
    assert EXCHANGE.usage(row("GET", "order/realtime"), told) == (Usage("uid_50_1s", capacity=20, left=17),)
    assert EXCHANGE.usage(row("GET", "market/tickers"), told) == ()
    assert EXCHANGE.usage(row("GET", "rfq/rfq-list"), told) == ()  # a row for many endpoints
    assert EXCHANGE.usage(row("POST", "order/create"), reply()) == ()
    assert EXCHANGE.table.limits["derivatives_1s"].told and not EXCHANGE.table.limits["ip_5s"].told


def test_our_key_does_not_reach_the_bot() -> None:
    """The text that was signed is echoed with 10004 (ccxt/ccxt#26343, sieblyio/bybit-api#537)."""
    text = f'error sign! origin_string[{WALL_MS}{KEY}5000{{"category":"linear","request":[1]}}]'
    told = json.dumps({"retCode": 10004, "retMsg": text, "result": {}, "time": 1}).encode()
    assert json.loads(EXCHANGE.redact(told)) == {
        "retCode": 10004,
        "retMsg": "error sign! origin_string[...]",
        "result": {},
        "time": 1,
    }
    named = f'{{"retCode":0,"result":{{"id":"1","apiKey" : "{KEY}","readOnly":0}}}}'.encode()
    assert EXCHANGE.redact(named) == b'{"retCode":0,"result":{"id":"1","apiKey" : "","readOnly":0}}'
    assert EXCHANGE.redact(b'{"retCode":0}') == b'{"retCode":0}'


def test_time() -> None:
    body = b'{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"}}'
    assert EXCHANGE.time_ms(body) == 1_688_639_403_423
    assert EXCHANGE.time_ms(b"{}") is None
    assert row("GET", EXCHANGE.time_path.removeprefix("/v5/")).call_class is CallClass.PUBLIC


# ---- our own refusals

NATIVE = [
    (Refusal(429, "rate_limited", "text"), 200, 10006, ccxt.RateLimitExceeded),
    (Refusal(429, "queue_full", "text"), 200, 10006, ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), 200, 10003, ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), 200, 10005, ccxt.PermissionDenied),
    (Refusal(403, "withdrawal_refused", "text"), 200, 10005, ccxt.PermissionDenied),
    (Refusal(404, "unknown_endpoint", "text"), 200, 10017, ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), 200, 10001, ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), 504, 170007, ccxt.RequestTimeout),
    (Refusal(503, "no_route", "text"), 503, None, ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "status", "code", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(
    refusal: Refusal, status: int, code: int | None, expected: type[Exception]
) -> None:
    native = EXCHANGE.native_error(refusal, post("order/create", COMPACT))
    text = native.body.decode()
    found = orjson.loads(text) if code is not None else None
    assert native.status == status and refusal.reason in text and "text" in text
    assert (native.content_type == "application/json") is (found is not None)
    bot = ccxt.bybit()
    with pytest.raises(ccxt.BaseError) as caught:
        bot.handle_errors(status, "", "http://127.0.0.1/v5/order", "POST", {}, text, found, {}, "")
        bot.handle_http_status_code(status, "", "http://127.0.0.1/v5/order", "POST", text)
    assert type(caught.value) is expected
    if found is not None:
        assert found["retCode"] == code
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)
