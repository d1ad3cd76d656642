"""KuCoin: vectors, equality with ccxt, stripping, native errors."""

import json
import random
from typing import Any

import ccxt
import orjson
import pytest

from proxy.errors import BadCall
from proxy.exchanges.kucoin import EXCHANGE, signature
from proxy.model import Auth, CallClass, Credential, Endpoint, Incoming, Refusal, SignedRequest, Stamp

WALL_MS = 1547015186532
SECRET = b"f03a5284-5c39-4aaa-9b20-dea10bdcf8e3"  # of the documentation's example
PASSPHRASE = "Ab12345678)(*&^%$#@"  # likewise
ANY = Endpoint("POST /api/v1/any", "spot", CallClass.READ, Auth.SIGNED)


def credential(passphrase: str = PASSPHRASE) -> Credential:
    return Credential("kucoin-main", "main", "dummy-key", SECRET, passphrase)


def asked(method: str, path: str, query: str = "", body: bytes = b"", *headers: tuple[str, str]) -> Incoming:
    return Incoming(method, path, query, headers, body)


def send(request: Incoming, row: Endpoint = ANY, by: Credential | None = None) -> SignedRequest:
    return EXCHANGE.sign(EXCHANGE.strip(request), row, by or credential(), Stamp(WALL_MS))


def header(sent: SignedRequest, name: str) -> str:
    [found] = [value for key, value in sent.headers if key == name]
    return found


# ---- signing


VECTORS = [
    # Of kucoin-api-docs.
    ("POST", "/api/v1/deposit-addresses", "", b'{"currency":"BTC"}', "7QP/oM0ykidMdrfNEUmng8eZjg/ZvPafjIqmxiVfYu4="),
    # Made by ccxt's own sign().
    (
        *("GET", "/api/v1/hf/orders/client-order/abc-1", "symbol=BTC-USDT", b""),
        "JGn2BjFMZzNZgweAOdccN7sCT5ReO+83MD8oDR73LVE=",
    ),
]


@pytest.mark.parametrize(("method", "path", "query", "body", "signed"), VECTORS)
def test_vectors(method: str, path: str, query: str, body: bytes, signed: str) -> None:
    sent = send(asked(method, path, query, body))
    assert header(sent, "KC-API-SIGN") == signed
    assert (sent.method, sent.body) == (method, body)
    assert sent.target == (f"{path}?{query}" if query else path)


def test_the_passphrase_is_signed_for_a_key_of_version_2_or_3() -> None:
    # The unit test of kucoin-universal-sdk, and the documentation's example by ccxt.
    assert signature(b"test_plain", b"test_api_secret") == "jie/gxS38wLFFaBwl/cAzFbAzlI8MIny96jSXrB+iP4="
    sent = send(asked("GET", "/api/v1/accounts"))
    assert header(sent, "KC-API-PASSPHRASE") == "F2p2bNS1bBehHvC/Z4YkB7l1Wd0Pq2iV/oLHM/DyE+I="
    assert (header(sent, "KC-API-KEY"), header(sent, "KC-API-KEY-VERSION")) == ("dummy-key", "2")
    assert header(sent, "KC-API-TIMESTAMP") == str(WALL_MS)


CALLS = [
    ("private", "GET", "accounts"),
    ("private", "GET", "hf/orders/{orderId}"),
    ("private", "DELETE", "hf/orders/client-order/{clientOid}"),
    ("private", "DELETE", "hf/orders/cancelAll"),
    ("private", "POST", "orders"),
    ("private", "POST", "hf/orders/alter"),
    ("private", "POST", "hf/margin/order"),
    ("private", "POST", "bullet-private"),
    ("futuresPrivate", "GET", "orders/byClientOid"),
    ("futuresPrivate", "POST", "orders"),
    ("futuresPrivate", "POST", "orders/multi"),
    ("futuresPrivate", "DELETE", "orders/{orderId}"),
    ("futuresPrivate", "DELETE", "orders/multi-cancel"),
    ("earn", "GET", "earn/hold-assets"),
    ("utaPrivate", "GET", "account/mode"),
]


def _client() -> Any:
    client = ccxt.kucoin({"apiKey": "dummy-key", "secret": SECRET.decode(), "password": PASSPHRASE})
    client.nonce = lambda: WALL_MS
    return client


@pytest.mark.parametrize(("api", "method", "path"), CALLS)
def test_equal_to_ccxt(api: str, method: str, path: str) -> None:
    draw, client = random.Random(path), _client()
    for _ in range(25):
        texts = ["BTC-USDT", "0.00100", "a:b,c", "x/y", "50%", "\u00fc", "{1}", "()*!'~"]
        given: dict[str, Any] = {f"n{n}": draw.choice(texts) for n in range(draw.randrange(4))}
        if "{" in path:
            given[path.partition("{")[2][:-1]] = draw.choice(["670fd33bf9406e0007ab3945", "my_id-1"])
        if method == "POST" and draw.random() < 0.5:
            given |= {"postOnly": True, "nested": [{"size": 0.1}]}
        made = client.sign(path, [api], method, given)
        # ccxt writes the query plainly, and leaves it to its transport to encode it.
        target = made["url"].removeprefix("https://api.kucoin.com").removeprefix("https://api-futures.kucoin.com")
        way, _, query = target.partition("?")
        coded = client.urlencode({k: v for k, v in given.items() if "{" + k + "}" not in path}) if query else ""
        body = (made["body"] or "").encode()
        sent = send(asked(method, way, coded, body, *((k.lower(), v) for k, v in made["headers"].items())))
        for name in ("KC-API-SIGN", "KC-API-PASSPHRASE", "KC-API-KEY-VERSION"):
            assert header(sent, name) == made["headers"][name], target
        assert sent.body == body
        assert sent.target == (f"{way}?{coded}" if coded else way)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("a=1&a=2", "a=1&a=2"),
        ("q=BTC%2DUSDT%2C%20x", "q=BTC-USDT, x"),
        ("q=a+b", "q=a b"),  # as the SDK writes a blank
        ("q=%C3%BC", "q=\u00fc"),
        ("", ""),
    ],
)
def test_the_query_is_signed_as_plain_text_and_sent_as_it_was(query: str, text: str) -> None:
    sent = send(asked("GET", "/api/v1/fills", query))
    plain = f"{WALL_MS}GET/api/v1/fills" + (f"?{text}" if text else "")
    assert header(sent, "KC-API-SIGN") == signature(plain.encode(), SECRET)
    assert sent.target == ("/api/v1/fills" + (f"?{query}" if query else ""))


def test_public_calls_are_not_signed() -> None:
    row = EXCHANGE.table.match("GET", "/api/v1/symbols")
    assert row is not None and row.auth is Auth.NONE
    request = asked("GET", "/api/v1/symbols", "", b"", ("accept-encoding", "gzip"), ("kc-api-key", "dummy-token"))
    sent = EXCHANGE.sign(EXCHANGE.strip(request), row, None, Stamp(WALL_MS))
    assert sent.headers == (("Accept-Encoding", "gzip"),)


def test_a_body_is_sent_as_json_and_answers_come_plain() -> None:
    sent = send(asked("POST", "/api/v1/orders", "", b'{"a":1.10}', ("content-type", "text/plain"), ("x-own", "1")))
    assert header(sent, "Content-Type") == "application/json"
    assert header(sent, "Accept-Encoding") == "identity"
    assert not {"x-own", "content-type"} & {name for name, _ in sent.headers}
    assert sent.body == b'{"a":1.10}'
    assert "Content-Type" not in dict(send(asked("POST", "/api/v1/bullet-private")).headers)


# ---- what bots send


def test_every_kc_header_goes_and_the_token_is_in_the_key_field() -> None:
    names = ("key", "sign", "timestamp", "passphrase", "key-version", "partner", "partner-sign", "partner-verify")
    dummies = [(f"kc-api-{name}", "dummy") for name in names] + [("kc-broker-name", "dummy")]
    request = asked("POST", "/api/v1/orders", "", b"{}", ("user-agent", "bot"), *dummies)
    assert EXCHANGE.token(request) == "dummy"
    assert EXCHANGE.strip(request).headers == (("user-agent", "bot"),)
    assert EXCHANGE.token(asked("GET", "/api/v1/accounts")) == ""


@pytest.mark.parametrize(
    "request_",
    [
        asked("GET", "/api/v1/accounts", "", b"{}"),
        asked("POST", "/api/v1/orders", "", b"a=1"),
        asked("POST", "/api/v1/orders", "", b'{"a":1,"a":2}'),
        asked("POST", "/api/v1/orders", "", b"[1"),
        asked("GET", "/api/v1/accounts", "q=%ff"),
        asked("GET", "/api/v1/accounts", "q=a b"),
    ],
)
def test_what_could_not_be_signed_is_refused(request_: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(request_)


def test_parameters() -> None:
    both = asked("DELETE", "/x", "symbol=BTC%2DUSDT", b'{"orderIdsList":["1","2"],"n":1.10,"none":null}')
    assert EXCHANGE.params(both) == {"symbol": "BTC-USDT", "orderIdsList": '["1","2"]', "n": "1.10"}
    assert EXCHANGE.params(asked("POST", "/x", "", b'[{"a":1}]')) == {"[]": '[{"a":1}]'}


def test_keys_that_cannot_sign() -> None:
    assert EXCHANGE.check_credential(credential()) == ""
    assert "passphrase" in EXCHANGE.check_credential(credential(""))
    assert "secret" in EXCHANGE.check_credential(Credential("a", "b", "dummy-key", b" ", "dummy"))


def test_the_time() -> None:
    assert EXCHANGE.time_ms(b'{"code":"200000","data":1546837113087}') == 1546837113087
    assert EXCHANGE.time_ms(b'{"code":"200000","data":null}') is None
    row = EXCHANGE.table.match("GET", EXCHANGE.time_path)
    assert row is not None and row.auth is Auth.NONE


# ---- our own refusals


NATIVE = [
    (Refusal(429, "rate_limited", "text"), ccxt.RateLimitExceeded),
    (Refusal(429, "queue_full", "text"), ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.PermissionDenied),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.PermissionDenied),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.NotSupported),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "no_route", "text"), ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception]) -> None:
    native = EXCHANGE.native_error(refusal, asked("POST", "/api/v1/hf/orders"))
    found = orjson.loads(native.body)
    assert native.status == refusal.status
    assert "text" in found["msg"] and refusal.reason in found["msg"]
    with pytest.raises(ccxt.BaseError) as caught:
        _client().handle_errors(
            native.status, "", "http://127.0.0.1/x", "POST", {}, native.body.decode(), found, {}, ""
        )
    assert type(caught.value) is expected
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)


def test_secrets_do_not_show() -> None:
    sent = send(asked("POST", "/api/v1/orders", "", json.dumps({"a": 1}).encode()))
    for text in (SECRET.decode(), header(sent, "KC-API-SIGN"), header(sent, "KC-API-PASSPHRASE"), PASSPHRASE):
        assert text not in repr(sent) + repr(credential())
