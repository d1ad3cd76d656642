"""Binance spot: vectors of all three key types, equality with ccxt, judgement, native errors."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import ccxt
import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.binance import EXCHANGE, signature
from proxy.exchanges.table import units
from proxy.model import (
    Auth,
    CallClass,
    Credential,
    Endpoint,
    Executed,
    Incoming,
    Outcome,
    Refusal,
    Reply,
    Scope,
    SignedRequest,
    Stamp,
    Usage,
)

WALL_MS = 1_700_000_000_000
FORM = "application/x-www-form-urlencoded"


def endpoint(method: str, path: str) -> Endpoint:
    found = EXCHANGE.table.match(method, path)
    assert found is not None, path
    return found


def call(method: str, path: str, query: str = "", body: str = "", *headers: tuple[str, str]) -> Incoming:
    return Incoming(method, path, query, headers, body.encode())


def credential(secret: bytes = b"dummy-secret") -> Credential:
    return Credential("binance-main", "main", "dummy-key", secret)


def send(request: Incoming, secret: bytes = b"dummy-secret", wall_ms: int = WALL_MS) -> SignedRequest:
    row = endpoint(request.method, request.path)
    return EXCHANGE.sign(EXCHANGE.strip(request), row, credential(secret), Stamp(wall_ms))


def header(request: SignedRequest, name: str) -> str:
    values = [value for key, value in request.headers if key.lower() == name.lower()]
    assert len(values) == 1, name
    return values[0]


def pem(private: Any) -> bytes:
    return bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


# The published example keys of the spot and of the futures documentation, and one made for ccxt.
SPOT = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES = b"2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
MADE = b"testSecretBinance000000000000000000000000000000000000000000001"
ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
MIXED_USDM = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=9000&recvWindow=5000&timestamp="
VECTORS = {
    "S1": (SPOT, ORDER, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    "S2": (
        SPOT,
        ORDER.replace("LTCBTC", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"),
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    "S3": (
        SPOT,
        ORDER.replace("GTC&quantity", "GTCquantity"),
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    "F1": (
        FUTURES,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
    # The page has a blank there.
    "F2": (
        FUTURES,
        MIXED_USDM + " 1591702613943",
        "f9d0ae5e813ef6ccf15c2b5a434047a0181cb5a342b903b367ca6d27a66e36f2",
    ),
    "F2 without the blank": (
        FUTURES,
        MIXED_USDM + "1591702613943",
        "30baaf0fab549bbeda7f5ef201898b34122da25fd23c646cac2c529aebe670a4",
    ),
    "COIN-M": (
        FUTURES,
        MIXED_USDM.replace("BTCUSDT", "BTCUSD_200925") + " 1591702613943",
        "f3129e7c72c7727037891ad8a86b76a7dc514ba125a536775c8ba403b2d1b222",
    ),
    "G1": (
        MADE,
        "timestamp=1700000000000&recvWindow=5000",
        "e9c6e5aba306192ee897292b998b2a21c66212161e107a6bc3747a1e462fe3fa",
    ),
    "G2": (
        MADE,
        "timestamp=1700000000000&symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=20000"
        "&newClientOrderId=px-0001&recvWindow=5000",
        "cd0d73bd6e014ada1ae88ffe12f395908ae8d55a7787375815e18ded743a1bef",
    ),
    "G3": (
        MADE,
        "timestamp=1700000000000&symbol=BTCUSDT&origClientOrderId=px-0001&recvWindow=5000",
        "a8f5483cac2d0ebd2a0f4922b339c3ed8811eef8f7973522fe07822325dc786e",
    ),
    "G4": (
        MADE,
        "timestamp=1700000000000&symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.001&newClientOrderId=px-0002"
        "&recvWindow=5000",
        "ddba271178ad6dbb327cf68bf21e72d2c5e5cea9567ecd2b41fb432734f159f2",
    ),
    "G5": (
        MADE,
        "timestamp=1700000000000&symbol=BTCUSD_PERP&side=BUY&orderId=123&quantity=1&price=20000&recvWindow=5000",
        "d2ff0321279edcea0aea5397303b6eee6dc357e3a705011296a038d0956011ec",
    ),
    "G6": (
        MADE,
        "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22%2C%22"
        "quantity%22%3A%220.001%22%2C%22price%22%3A%2220000%22%2C%22timeInForce%22%3A%22GTC%22%2C%22newClientOrderId"
        "%22%3A%22px-0003%22%7D%5D&recvWindow=5000&timestamp=1700000000000",
        "b749cecf0d6747b9545dd7a44361f428607429a09eb7ad78ba6ea87e1c7cad31",
    ),
}


@pytest.mark.parametrize(("secret", "text", "sign"), VECTORS.values(), ids=VECTORS)
def test_vectors(secret: bytes, text: str, sign: str) -> None:
    assert signature(text, secret) == sign


@pytest.mark.parametrize("name", ["S1", "S2"])
def test_vectors_whose_time_stamp_is_last_through_sign(name: str) -> None:
    secret, text, sign = VECTORS[name]
    bare = text.partition("&timestamp")[0]
    dummy = f"timestamp=1&{bare}&signature=dummy"
    sent = send(call("POST", "/api/v3/order", dummy), secret, 1499827319559)
    assert (sent.target, sent.body) == (f"/api/v3/order?{text}&signature={sign}", b"")
    sent = send(call("POST", "/api/v3/order", "", dummy), secret, 1499827319559)
    assert (sent.target, sent.body.decode()) == ("/api/v3/order", f"{text}&signature={sign}")
    assert header(sent, "Content-Type") == FORM and header(sent, "X-MBX-APIKEY") == "dummy-key"


def test_query_and_body_are_signed_with_nothing_between() -> None:
    """S3: the mixed example of the documentation."""
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
    sent = send(call("POST", "/api/v3/order", query, "quantity=1&price=0.1&recvWindow=5000"), SPOT, 1499827319559)
    assert sent.target == f"/api/v3/order?{query}"
    assert sent.body.decode().endswith(f"&timestamp=1499827319559&signature={VECTORS['S3'][2]}")


ED25519_TEXT = (
    "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
)
ED25519_SIGN = "m5loLRxgkb9HyW0wkZ4KNrpck881bx5D0OrKNnPklvk4tlGjEJkhiP9DoyC0sc1lXA%2FTWugjVPrMb%2FbfNdmdBw%3D%3D"


def test_ed25519_vector() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert base64.b64encode(public) == b"MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert signature(ED25519_TEXT, pem(private)) == ED25519_SIGN
    assert quote(ccxt.binance().eddsa(ED25519_TEXT.encode(), pem(private).decode(), "ed25519"), safe="") == ED25519_SIGN


def test_rsa_is_verified_by_its_public_key_and_equals_ccxt() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sent = send(call("GET", "/api/v3/account", "omitZeroBalances=true"), pem(private))
    text, _, sign = sent.target.partition("?")[2].partition("&signature=")
    assert quote(unquote(sign), safe="") == sign
    private.public_key().verify(base64.b64decode(unquote(sign)), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert unquote(sign) == ccxt.binance().rsa(text, pem(private).decode(), "sha256")


def test_secrets_that_cannot_sign_are_complained_about() -> None:
    private = pem(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert EXCHANGE.check_credential(credential()) == ""
    assert EXCHANGE.check_credential(credential(private)) == ""
    other_kind = pem(ec.generate_private_key(ec.SECP256R1()))
    for broken in (private[:60], other_kind, b"-----BEGIN PUBLIC KEY-----"):
        complaint = EXCHANGE.check_credential(credential(broken))
        assert complaint and broken.decode() not in complaint


# ---- equality with ccxt


CCXT_CALLS = [
    *(("private", "GET", path) for path in ("account", "order", "openOrders", "allOrders", "myTrades", "myFilters")),
    *(("private", "POST", path) for path in ("order", "order/cancelReplace", "orderList/oco", "order/test")),
    *(("private", "DELETE", path) for path in ("order", "openOrders", "orderList")),
    ("private", "PUT", "order/amend/keepPriority"),
    *(("sapi", "GET", path) for path in ("account/status", "capital/config/getall", "margin/allPairs")),
]


def _ccxt_params(rng: random.Random) -> dict[str, Any]:
    names = ["symbol", "side", "quantity", "price", "origClientOrderId", "orderId", "limit", "symbols", "note"]
    values: list[Any] = [
        "BTCUSDT",
        "0.00100",
        "1e-8",
        "",
        "a b",
        "äß１",
        "a&b=c",
        "%2F",
        17,
        1.5,
        True,
        '["A","B"]',
        "~.-_",
    ]
    return {name: rng.choice(values) for name in rng.sample(names, rng.randint(0, len(names)))}


def _ccxt_signed() -> Iterator[tuple[ccxt.binance, str, dict[str, Any]]]:
    rng = random.Random(20260821)
    bot = ccxt.binance({"apiKey": "dummy-key", "secret": "dummy-secret"})
    for number in range(360):
        kind, method, path = CCXT_CALLS[number % len(CCXT_CALLS)]
        bot.nonce = lambda now=WALL_MS + number: now
        bot.options["recvWindow"] = rng.choice([None, 5000])
        yield bot, method, {"wall_ms": WALL_MS + number, **bot.sign(path, [kind], method, _ccxt_params(rng))}


def test_signatures_equal_those_of_ccxt() -> None:
    equal = 0
    for bot, method, made in _ccxt_signed():
        where, _, query = made["url"].removeprefix("https://api.binance.com").partition("?")
        headers = tuple((name.lower(), value) for name, value in made["headers"].items())
        request = Incoming(method, where, query, headers, (made["body"] or "").encode())
        sent = send(request, wall_ms=made["wall_ms"])
        path, _, sent_query = sent.target.partition("?")
        assert path == where and sent.method == method
        text, _, sign = (sent.body.decode() or sent_query).rpartition("&signature=")
        # ccxt's own HMAC over the text that is really sent.
        assert sign == bot.hmac(text.encode(), b"dummy-secret", "sha256")
        # The same parameters, except that ours has the time stamp behind the others, and a window for orders.
        theirs = (made["body"] or query).rpartition("&signature=")[0].split("&")
        placing = endpoint(method, where).call_class in (CallClass.PLACE, CallClass.AMEND)
        ours = ["recvWindow=3000"] if placing and "recvWindow=5000" not in theirs else []
        assert text.split("&") == [*theirs[1:], *ours, theirs[0]]
        assert header(sent, "X-MBX-APIKEY") == "dummy-key"
        assert len(theirs) == 1 or bool(sent.body) == bool(made["body"])
        if len(theirs) == 1 and not ours:  # no other parameters: equal to the last byte, and always in the query
            assert f"{text}&signature={sign}" == (made["body"] or query)
            equal += 1
    assert equal > 5


# ---- strip, params, sign


_PIECES = st.text("abc0%,=+.[]~", max_size=6).map(lambda t: f"x{t}")
_DUMMIES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["timestamp=1", "signature=ab%3D", "%74imestamp=2", "signature"])),
    max_size=3,
)


@given(st.lists(_PIECES, max_size=5), st.lists(_PIECES, max_size=5), _DUMMIES, _DUMMIES)
def test_strip_keeps_order_place_and_encoding(
    query: list[str], body: list[str], first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    mixed: list[list[str]] = []
    for pieces, dummies in ((query, first), (body, second)):
        mixed.append(list(pieces))
        for at, dummy in dummies:
            mixed[-1].insert(at, dummy)
    request = call("POST", "/api/v3/order", "&".join(mixed[0]), "&".join(mixed[1]), ("x-mbx-apikey", "k"), ("x", "y"))
    stripped = EXCHANGE.strip(request)
    assert (stripped.query, stripped.body.decode()) == ("&".join(query), "&".join(body))
    assert stripped.headers == (("x", "y"),)


@pytest.mark.parametrize(
    "bad",
    [
        call("POST", "/api/v3/order", "", '{"symbol":"BTCUSDT"}'),
        call("POST", "/api/v3/order", "", "symbol=BTC USDT"),
        call("POST", "/api/v3/order", "", "symbol=１"),
        call("POST", "/api/v3/order", "symbol=１"),
        call("POST", "/api/v3/order", "a= b"),
        call("GET", "/api/v3/account", "", "a=1"),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(bad)


def test_a_name_in_query_and_body_is_refused() -> None:
    with pytest.raises(BadCall):
        EXCHANGE.params(EXCHANGE.strip(call("POST", "/api/v3/order", "price=1", "price=2")))
    stripped = EXCHANGE.strip(call("POST", "/api/v3/order", "timestamp=1", "timestamp=2&symbol=BTC%2FUSDT"))
    assert EXCHANGE.params(stripped) == {"symbol": "BTC/USDT"}


def test_a_call_without_a_signature_keeps_its_parameters() -> None:
    request = call("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=5", "", ("x-mbx-apikey", "dummy-token"))
    row = endpoint("GET", "/api/v3/depth")
    sent = EXCHANGE.sign(EXCHANGE.strip(request), row, None, Stamp(WALL_MS))
    assert sent.target == "/api/v3/depth?symbol=BTCUSDT&limit=5"
    assert "x-mbx-apikey" not in {name.lower() for name, _ in sent.headers}


def test_a_key_only_call_has_the_key_and_no_signature() -> None:
    row = endpoint("GET", "/api/v3/historicalBlockTrades")
    assert row.auth is Auth.KEY
    sent = send(call("GET", "/api/v3/historicalBlockTrades", "symbol=BTCUSDT"))
    assert (sent.target, header(sent, "X-MBX-APIKEY")) == ("/api/v3/historicalBlockTrades?symbol=BTCUSDT", "dummy-key")


def test_headers_of_a_signed_call() -> None:
    request = call(
        *("POST", "/api/v3/order", "symbol=A", ""),
        *(("x-mbx-time-unit", "MICROSECOND"), ("content-type", "application/json"), ("cookie", "x")),
        ("accept-encoding", "gzip"),
    )
    names = dict(send(request).headers)
    assert names == {"x-mbx-time-unit": "MICROSECOND", "Accept-Encoding": "identity", "X-MBX-APIKEY": "dummy-key"}


def test_token_is_the_key_header() -> None:
    assert EXCHANGE.token(call("GET", "/api/v3/account", "", "", ("x-mbx-apikey", "dummy-token"))) == "dummy-token"
    assert EXCHANGE.token(call("GET", "/api/v3/account")) == ""


# ---- table


@pytest.mark.parametrize(
    "path",
    [
        *("asset/transfer", "sub-account/universalTransfer", "sub-account/subAccountApi/ipRestriction"),
        *("managed-subaccount/deposit", "account/enableFastWithdrawSwitch", "futures/transfer", "margin/transfer"),
        *("margin/loan", "margin/repay", "margin/borrow-repay", "margin/isolated/transfer", "asset/dust"),
        *("capital/deposit/credit-apply", "convert/acceptQuote", "giftcard/createCode", "simple-earn/flexible/redeem"),
        *("loan/borrow", "algo/futures/newOrderVp", "broker/subAccount", "localentity/withdraw/apply", "pay/x"),
    ],
)
def test_sapi_writes_have_no_row(path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        for version in ("v1", "v2", "v3"):
            assert EXCHANGE.table.match(method, f"/sapi/{version}/{path}") is None


def test_withdrawals_are_withdrawals() -> None:
    assert endpoint("POST", "/sapi/v1/capital/withdraw/apply").call_class is CallClass.WITHDRAW
    assert EXCHANGE.table.match("GET", "/sapi/v1/capital/withdraw/apply") is None


@pytest.mark.parametrize(
    ("method", "path", "params", "prices"),
    [
        ("POST", "/api/v3/order", {}, {"raw_5m": 1, "weight_1m": 1, "orders_10s": 1, "orders_1d": 1}),
        ("POST", "/api/v3/orderList/oco", {}, {"raw_5m": 1, "weight_1m": 1, "orders_10s": 2, "orders_1d": 2}),
        ("DELETE", "/api/v3/order", {}, {"raw_5m": 1, "weight_1m": 1}),
        ("PUT", "/api/v3/order/amend/keepPriority", {}, {"raw_5m": 1, "weight_1m": 4}),
        ("GET", "/api/v3/openOrders", {"symbol": "A"}, {"raw_5m": 1, "weight_1m": 6}),
        ("GET", "/api/v3/openOrders", {}, {"raw_5m": 1, "weight_1m": 80}),
        ("GET", "/api/v3/depth", {"limit": "5000"}, {"raw_5m": 1, "weight_1m": 250}),
        ("GET", "/api/v3/depth", {}, {"raw_5m": 1, "weight_1m": 5}),
        ("GET", "/api/v3/myTrades", {"symbol": "A", "orderId": "7"}, {"raw_5m": 1, "weight_1m": 5}),
        ("GET", "/api/v3/myTrades", {"symbol": "A"}, {"raw_5m": 1, "weight_1m": 20}),
        ("GET", "/api/v3/ticker/24hr", {"symbol": "A"}, {"raw_5m": 1, "weight_1m": 2}),
        ("GET", "/api/v3/ticker/24hr", {"symbols": json.dumps(["A"] * 20)}, {"raw_5m": 1, "weight_1m": 2}),
        ("GET", "/api/v3/ticker/24hr", {"symbols": json.dumps(["A"] * 21)}, {"raw_5m": 1, "weight_1m": 40}),
        ("GET", "/api/v3/ticker/24hr", {"symbols": json.dumps(["A"] * 101)}, {"raw_5m": 1, "weight_1m": 80}),
        ("GET", "/api/v3/ticker/24hr", {"symbols": "[broken"}, {"raw_5m": 1, "weight_1m": 80}),
        ("GET", "/api/v3/ticker/24hr", {"symbols": "[]"}, {"raw_5m": 1, "weight_1m": 80}),
        ("GET", "/api/v3/ticker/24hr", {}, {"raw_5m": 1, "weight_1m": 80}),
        ("GET", "/api/v3/ticker", {"symbol": "A"}, {"raw_5m": 1, "weight_1m": 4}),
        ("GET", "/api/v3/ticker", {"symbols": '["A","B"]'}, {"raw_5m": 1, "weight_1m": 8}),
        ("GET", "/api/v3/ticker", {"symbols": json.dumps(["A"] * 70)}, {"raw_5m": 1, "weight_1m": 200}),
        ("GET", "/api/v3/somethingNew", {}, {"raw_5m": 1, "weight_1m": 250}),
        ("GET", "/sapi/v1/capital/config/getall", {}, {"sapi_ip_1m": 10}),
    ],
)
def test_prices(method: str, path: str, params: dict[str, str], prices: dict[str, float]) -> None:
    assert {cost.limit: units(cost, params) for cost in endpoint(method, path).costs} == prices


# ---- judgement


def answer(body: bytes | str, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else body, 1)


def coded(status: int, code: int, text: str = "Text.", *headers: tuple[bytes, bytes]) -> Reply:
    return answer(json.dumps({"code": code, "msg": text}), status, *headers)


PLACE, READ = endpoint("POST", "/api/v3/order"), endpoint("GET", "/api/v3/account")
KEY, ADDRESS, ACCOUNT, PAIR = Scope.KEY, Scope.ADDRESS, Scope.ACCOUNT, Scope.PAIR
NO, MAYBE, YES = Executed.NO, Executed.UNKNOWN, Executed.YES
REFUSED = (Outcome.REFUSED, None, NO)
UNKNOWN = (Outcome.UNKNOWN, None, MAYBE)
HTML = "<html><body>403 Forbidden</body></html>"

ROWS: list[tuple[Reply, tuple[Outcome, Scope | None, Executed]]] = [
    (
        coded(429, -1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
        (Outcome.THROTTLED, ADDRESS, NO),
    ),
    (coded(429, -1003, "Too many requests queued."), (Outcome.THROTTLED, ADDRESS, NO)),
    (answer("", 429), (Outcome.THROTTLED, ADDRESS, NO)),
    (
        coded(429, -1015, "Too many new orders; current limit is 100 orders per 10 SECOND."),
        (Outcome.THROTTLED, ACCOUNT, NO),
    ),
    (coded(400, -1015, "Too many new orders."), (Outcome.THROTTLED, ACCOUNT, NO)),
    (
        coded(418, -1003, "Way too much request weight used; IP banned until 1700000123000."),
        (Outcome.BANNED, ADDRESS, NO),
    ),
    (answer("", 418), (Outcome.BANNED, ADDRESS, NO)),
    (answer(HTML, 403), (Outcome.BANNED, ADDRESS, NO)),
    (answer("", 403), (Outcome.BANNED, ADDRESS, NO)),
    (coded(451, 0, "Service unavailable from a restricted location."), (Outcome.BANNED, ADDRESS, NO)),
    (coded(401, -2014, "API-key format invalid."), (Outcome.DEAD, KEY, NO)),
    (coded(401, -2015, "Invalid API-key, IP, or permissions for action."), (Outcome.NOT_WHITELISTED, PAIR, NO)),
    (coded(400, -2015, "Invalid API-key, IP, or permissions for action."), (Outcome.NOT_WHITELISTED, PAIR, NO)),
    (coded(401, -2008, "Invalid Api-Key ID."), (Outcome.DEAD, KEY, NO)),
    (coded(400, -2017, "API Keys are locked on this account."), (Outcome.SUSPENDED, ACCOUNT, NO)),
    (coded(401, -1002, "You are not authorized to execute this request."), (Outcome.NO_PERMISSION, KEY, NO)),
    (coded(401, -1099, "Not found, authenticated, or authorized"), (Outcome.NO_PERMISSION, KEY, NO)),
    (coded(403, -1011, "This IP cannot access this route."), (Outcome.NOT_WHITELISTED, PAIR, NO)),
    (coded(400, -1021, "Timestamp for this request is outside of the recvWindow."), (Outcome.CLOCK, None, NO)),
    (coded(400, -1022, "Signature for this request is not valid."), (Outcome.DEAD, KEY, NO)),
    (coded(400, -1003, "Too many requests."), (Outcome.THROTTLED, ADDRESS, NO)),
    *((coded(400, code), REFUSED) for code in (-1131, -1100, -1102, -1121, -1013, -1014, -1020, -2018, -2019, -2039)),
    (coded(400, -2010, "Account has insufficient balance for requested action."), REFUSED),
    (coded(400, -2010, "Duplicate order sent."), REFUSED),
    (coded(400, -2010, "This action is disabled on this account."), REFUSED),
    (coded(400, -2010, "Rest API trading is not enabled."), REFUSED),
    (coded(400, -2011, "Unknown order sent."), REFUSED),
    (coded(400, -2013, "Order does not exist."), REFUSED),
    (coded(400, -2026, "Order was archived."), REFUSED),
    (coded(400, -2022, "Order cancel-replace failed."), REFUSED),
    (coded(409, -2021, "Order cancel-replace partially failed."), (Outcome.REFUSED, None, YES)),
    *((coded(status, code), UNKNOWN) for code in (-1000, -1001, -1006, -1007) for status in (400, 500, 503)),
    (coded(503, -1008, "Server is currently overloaded with other requests."), UNKNOWN),
    (coded(503, -1016, "This service is no longer available."), (Outcome.UNAVAILABLE, None, NO)),
    (coded(400, -1016, "This service is no longer available."), (Outcome.UNAVAILABLE, None, NO)),
    *((answer(body, status), UNKNOWN) for status in (500, 502, 503, 504, 520) for body in ("", HTML, "{}")),
    (coded(500, -2010, "Account has insufficient balance for requested action."), UNKNOWN),
    *((answer(HTML, status), UNKNOWN) for status in (200, 301, 302, 307, 400, 404, 408)),
    (answer("", 200), UNKNOWN),
    (answer('{"orderId":28,"clientOrd', 200), UNKNOWN),
    (coded(200, -2011, "Unknown order sent."), REFUSED),
    (answer('{"orderId":28}', 200), (Outcome.ACCEPTED, None, YES)),
    (answer("[]\n", 200), (Outcome.ACCEPTED, None, YES)),
    (answer('{"code":200,"msg":"success"}', 200), (Outcome.ACCEPTED, None, YES)),
    (answer(b"\x1f\x8b packed", 200, (b"Content-Encoding", b"gzip")), (Outcome.ACCEPTED, None, YES)),
]


@pytest.mark.parametrize(("reply", "expected"), ROWS, ids=lambda v: str(v)[:60])
def test_judgements(reply: Reply, expected: tuple[Outcome, Scope | None, Executed]) -> None:
    verdict = EXCHANGE.classify(PLACE, reply, WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.executed) == expected


def test_stated_waits() -> None:
    for status, code in ((429, -1003), (429, -1015), (418, -1003)):
        verdict = EXCHANGE.classify(READ, coded(status, code, "Text.", (b"Retry-After", b"17")), WALL_MS)
        assert verdict.wait_ns == 17 * 10**9
    assert EXCHANGE.classify(READ, coded(429, -1003), WALL_MS).wait_ns is None
    banned = coded(418, -1003, "Way too many requests; IP banned until 1700000123000. Please use the websocket.")
    assert EXCHANGE.classify(READ, banned, WALL_MS).wait_ns == 123 * 10**9
    assert EXCHANGE.classify(READ, banned, WALL_MS + 10**9).wait_ns == 10**9
    assert EXCHANGE.classify(READ, answer("", 418), WALL_MS).wait_ns == 120 * 10**9


def test_answers_that_may_be_the_fault_of_the_call() -> None:
    assert EXCHANGE.classify(PLACE, answer(HTML, 403), WALL_MS).suspect_request
    assert EXCHANGE.classify(PLACE, coded(400, -1022), WALL_MS).suspect_request
    assert not EXCHANGE.classify(PLACE, coded(401, -2015), WALL_MS).suspect_request
    assert not EXCHANGE.classify(PLACE, coded(401, -2014), WALL_MS).suspect_request


def test_usage_is_read_from_the_headers() -> None:
    reply = answer(
        "{}",
        200,
        (b"X-MBX-USED-WEIGHT", b"99"),
        (b"X-MBX-USED-WEIGHT-1M", b"120"),
        (b"x-mbx-order-count-10s", b"3"),
        (b"X-Mbx-Order-Count-1d", b"77"),
        (b"X-SAPI-USED-IP-WEIGHT-1M", b"5"),
    )
    assert EXCHANGE.usage(PLACE, reply) == (
        Usage("weight_1m", 120),
        Usage("orders_10s", 3),
        Usage("orders_1d", 77),
        Usage("sapi_ip_1m", 5),
    )
    assert EXCHANGE.usage(PLACE, answer("{}", 200, (b"X-MBX-USED-WEIGHT-1M", b"-1"))) == ()
    assert EXCHANGE.usage(PLACE, answer("{}", 200, (b"X-Sapi-Used-Uid-Weight-1M", b"9"))) == (Usage("sapi_uid_1m", 9),)


def test_the_exchange_tells_its_time() -> None:
    assert EXCHANGE.time_ms(b'{"serverTime":1499827319559}') == 1499827319559
    assert EXCHANGE.time_ms(b"<html>") is None


# ---- our own refusals


NATIVE = [
    (Refusal(429, "rate_limited", "text"), ccxt.DDoSProtection),
    (Refusal(429, "queue_full", "text"), ccxt.DDoSProtection),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.AuthenticationError),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.AuthenticationError),
    (Refusal(403, "denied", "text"), ccxt.AuthenticationError),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.RequestTimeout),
    (Refusal(504, "upstream_failed", "text"), ccxt.RequestTimeout),
    (Refusal(503, "no_route", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "unavailable", "text"), ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize("base", ["http://127.0.0.1:8787/binance-main", "https://api.binance.com"])
def test_native_errors_raise_the_right_class(
    refusal: Refusal, expected: type[Exception], authenticated: bool, base: str
) -> None:
    native = EXCHANGE.native_error(refusal, call("POST", "/api/v3/order"))
    body, url = native.body.decode(), f"{base}/api/v3/order"
    found = orjson.loads(body)
    assert native.status == refusal.status and found.keys() == {"code", "msg"}
    assert "text" in found["msg"] and refusal.reason in found["msg"]
    bot = ccxt.binance({"options": {"hasAlreadyAuthenticatedSuccessfully": authenticated}})
    with pytest.raises(ccxt.BaseError) as caught:  # in the order of ccxt's fetch()
        bot.handle_errors(native.status, "", url, "POST", {}, body, found, {}, "")
        bot.handle_http_status_code(native.status, "", url, "POST", body)
    assert type(caught.value) is expected
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)
