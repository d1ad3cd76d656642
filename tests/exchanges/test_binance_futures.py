"""Binance futures: vectors and ccxt through `sign`, prices, judgement, limits and native errors."""

import json
import random
from typing import Any

import ccxt
import orjson
import pytest

from proxy.exchanges import EXCHANGES
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
from tests.exchanges.test_binance import FUTURES, MADE, NATIVE, VECTORS

EXCHANGE = EXCHANGES["binance"]
TABLE = EXCHANGE.table
WALL_MS = 1_700_000_000_000
F, D, P = "/fapi/v1/", "/dapi/v1/", "/papi/v1/"


def endpoint(method: str, path: str, product: str = "") -> Endpoint:
    found = TABLE.match(method, path, product)
    assert found is not None, path
    return found


def send(request: Incoming, secret: bytes, wall_ms: int = WALL_MS) -> SignedRequest:
    row = endpoint(request.method, request.path)
    credential = Credential("main", "main", "dummy-key", secret)
    return EXCHANGE.sign(EXCHANGE.strip(request), row, credential, Stamp(wall_ms))


@pytest.mark.parametrize("path", [f"{F}order", f"{D}order"])
@pytest.mark.parametrize("in_body", [False, True])
def test_the_published_vector(path: str, in_body: bool) -> None:
    """F1: its time stamp is last."""
    _, text, sign = VECTORS["F1"]
    bare = text.partition("&timestamp")[0]
    query, body = ("", bare) if in_body else (bare, "")
    sent = send(Incoming("POST", path, query, (), body.encode()), FUTURES, 1591702613943)
    assert (sent.body.decode() or sent.target.partition("?")[2]) == f"{text}&signature={sign}"


def test_the_vector_of_a_list() -> None:
    """G6: compact and percent-encoded JSON in a form."""
    _, text, sign = VECTORS["G6"]
    body = text.partition("&timestamp")[0].encode()
    assert send(Incoming("POST", f"{F}batchOrders", "", (), body), MADE).body.decode() == f"{text}&signature={sign}"


CCXT = [
    *((f"{api}Private", method, path) for api in ("fapi", "dapi") for method in ("GET", "POST", "PUT", "DELETE")
      for path in ("order", "batchOrders") if (method, path) != ("GET", "batchOrders")),
    *((f"{api}Private", method, "algoOrder") for api in ("fapi", "dapi") for method in ("GET", "POST", "DELETE")),
    ("papi", "POST", "um/order"), ("papi", "PUT", "cm/order"), ("papi", "GET", "um/openOrders"),
]  # fmt: skip


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260826)
    bot = ccxt.binanceusdm({"apiKey": "dummy-key", "secret": "dummy-secret"})
    for number in range(240):
        kind, method, path = CCXT[number % len(CCXT)]
        bot.nonce = lambda now=WALL_MS + number: now
        bot.options["recvWindow"] = 5000
        given: dict[str, Any] = {
            "symbol": rng.choice(["BTCUSDT", "BTCUSD_PERP"]),
            "price": rng.choice(["1e-8", "0.10"]),
        }
        given["clientAlgoId"] = given["newClientOrderId"] = given["newClientStrategyId"] = "a:b/c"
        if path == "batchOrders":
            given["batchOrders"] = '[{"symbol":"BTCUSDT","newClientOrderId":"a"}]'
        made = bot.sign(path, [kind], method, given)
        where, _, query = made["url"].partition(".binance.com")[2].partition("?")
        request = Incoming(method, where, query, (), (made["body"] or "").encode())
        sent = send(request, b"dummy-secret", WALL_MS + number)
        text, _, sign = (sent.body.decode() or sent.target.partition("?")[2]).rpartition("&signature=")
        assert sign == bot.hmac(text.encode(), b"dummy-secret", "sha256")
        theirs = (made["body"] or query).rpartition("&signature=")[0].split("&")
        assert sorted(text.split("&")) == sorted(theirs)


# -- table


@pytest.mark.parametrize(
    ("method", "path", "params", "prices"),
    [
        ("POST", f"{F}order", {}, {"orders_10s": 1, "orders_1m": 1}),
        ("POST", f"{D}order", {}, {"orders_10s": 1, "orders_1m": 1}),
        ("POST", f"{F}algoOrder", {}, {"orders_10s": 1, "orders_1m": 1}),
        ("PUT", f"{F}order", {}, {"orders_10s": 1, "orders_1m": 1}),
        ("PUT", f"{D}order", {}, {"weight_1m": 1, "orders_10s": 1, "orders_1m": 1}),
        ("POST", f"{F}batchOrders", {"batchOrders": "[{}]"}, {"weight_1m": 5, "orders_10s": 5, "orders_1m": 1}),
        ("PUT", f"{F}batchOrders", {}, {"weight_1m": 5, "orders_10s": 5, "orders_1m": 1}),
        ("DELETE", f"{F}batchOrders", {}, {"weight_1m": 1}),
        ("POST", f"{F}countdownCancelAll", {}, {"weight_1m": 10}),
        ("GET", f"{F}openOrders", {"symbol": "A"}, {"weight_1m": 1}),
        ("GET", f"{D}openOrders", {}, {"weight_1m": 40}),
        ("GET", f"{F}depth", {"limit": "50"}, {"weight_1m": 2}),
        ("GET", f"{F}depth", {}, {"weight_1m": 10}),
        ("GET", f"{F}klines", {"limit": "1500"}, {"weight_1m": 10}),
        ("GET", f"{F}fundingRate", {}, {"weight_1m": 1, "funding_5m": 1}),
        ("GET", "/fapi/v3/positionRisk", {}, {"weight_1m": 5}),
        ("GET", "/futures/data/basis", {}, {"data_5m": 1}),
        ("GET", f"{F}somethingNew", {}, {"weight_1m": 200}),
    ],
)
def test_prices(method: str, path: str, params: dict[str, str], prices: dict[str, float]) -> None:
    found = {cost.limit: units(cost, params) for cost in endpoint(method, path).costs}
    assert found == {f"futures_{name}": price for name, price in prices.items()}


def test_statistics_are_told_apart_by_the_host() -> None:
    for host, product in (("fapi.binance.com", "usdm"), ("dapi.binance.com", "coinm"), (None, "usdm")):
        found = TABLE.products_of(host, "/futures/data/basis")[0]
        assert found.name == product
        assert endpoint("GET", "/futures/data/basis", product).product == product
        keyed = endpoint("GET", "/futures/data/topLongShortAccountRatio", product)
        assert (keyed.product, keyed.auth) == (product, Auth.KEY)


@pytest.mark.parametrize("root", [F, D, P, "/fapi/v2/", "/papi/v2/"])
@pytest.mark.parametrize(
    "path",
    [
        *("transfer", "withdraw", "convert/acceptQuote", "convert/getQuote", "bnb-transfer", "asset-collection"),
        *("marginLoan", "repayLoan", "margin/repay-debt", "margin/order", "margin/order/oco", "auto-collection"),
        *("repay-futures-switch", "repay-futures-negative-balance", "apiReferral/customization", "somethingNew"),
    ],
)
def test_money_and_debt_have_no_row(root: str, path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        row = TABLE.match(method, root + path)
        assert row is None or row.call_class is CallClass.CANCEL, (method, path)
    assert TABLE.match("POST", root + path) is None


def test_settings_are_not_trading() -> None:
    for name in ("leverage", "marginType", "positionMargin", "positionSide/dual"):
        for root in (F, D):
            assert endpoint("POST", root + name).call_class is CallClass.ADMIN
    assert endpoint("POST", f"{F}countdownCancelAll").call_class is CallClass.CANCEL
    assert endpoint("POST", f"{F}order/test").call_class is CallClass.READ
    assert (endpoint("POST", f"{F}listenKey").call_class, endpoint("PUT", f"{D}listenKey").auth) == (
        CallClass.READ,
        Auth.KEY,
    )
    assert TABLE.match("DELETE", f"{F}listenKey") is None


# -- judgement


def answer(body: bytes | str, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else body, 1)


def coded(status: int, code: int, text: str = "Text.") -> Reply:
    return answer(json.dumps({"code": code, "msg": text}), status)


NO, MAYBE, YES = Executed.NO, Executed.UNKNOWN, Executed.YES
UNKNOWN = (Outcome.UNKNOWN, None, MAYBE)
DOWN = (Outcome.UNAVAILABLE, None, NO)
REFUSED = (Outcome.REFUSED, None, NO)
CLOCK = (Outcome.CLOCK, None, NO)
OPEN_TEXT = "Unknown error, please check your request or try again later."
DOWN_TEXT = "Internal error; unable to process your request. Please try again."
BUSY_TEXT = "Request throttled by system-level protection."
ROWS: list[tuple[Reply, tuple[Outcome, Scope | None, Executed]]] = [
    (coded(408, -1007, "Timeout waiting for response from backend server."), UNKNOWN),
    (coded(408, -2010), UNKNOWN),
    (answer("", 408), UNKNOWN),
    (coded(503, -1000, OPEN_TEXT), UNKNOWN),
    (coded(503, -1007), UNKNOWN),
    (coded(503, 0, OPEN_TEXT), UNKNOWN),
    (coded(503, -1001, DOWN_TEXT), DOWN),
    (coded(503, -1001, "Something else."), UNKNOWN),
    (coded(500, -1001, DOWN_TEXT), UNKNOWN),
    (coded(400, -1001, DOWN_TEXT), UNKNOWN),
    (coded(503, 0, "Service Unavailable."), DOWN),
    (answer('{"msg":"Service Unavailable"}', 503), DOWN),
    (coded(502, 0, "Service Unavailable."), UNKNOWN),
    (answer("<html><h1>503 Service Unavailable</h1></html>", 503), UNKNOWN),
    (answer("Service Unavailable.", 503), UNKNOWN),
    (coded(503, -1008, BUSY_TEXT), DOWN),
    (coded(500, -1008, BUSY_TEXT), UNKNOWN),
    (coded(500, 0, "Request occur unknown error."), UNKNOWN),
    (coded(503, -1016), DOWN),
    (coded(400, -5028, "Timestamp for this request is outside of the ME recvWindow."), CLOCK),
    (coded(400, -4188), CLOCK),
    (coded(400, -1021), CLOCK),
    (coded(503, -5028), UNKNOWN),
    (coded(429, -1015, "Too many new orders."), (Outcome.THROTTLED, Scope.ACCOUNT, NO)),
    (coded(429, -1003, "Too many requests."), (Outcome.THROTTLED, Scope.ADDRESS, NO)),
    (coded(418, -1003, "Way too many requests; IP banned until 1700000123000."), (Outcome.BANNED, Scope.ADDRESS, NO)),
    (answer("<html></html>", 403), (Outcome.BANNED, Scope.ADDRESS, NO)),
    (coded(401, -2015), (Outcome.NOT_WHITELISTED, Scope.PAIR, NO)),
    (coded(400, -2017), (Outcome.SUSPENDED, Scope.ACCOUNT, NO)),
    (coded(403, -1011), (Outcome.NOT_WHITELISTED, Scope.PAIR, NO)),
    *((coded(400, code), REFUSED) for code in (-4116, -4120, -2018, -2019, -2022, -2027, -4088, -4192, -4400, -5027)),
    (answer('{"code":200,"msg":"success"}'), (Outcome.ACCEPTED, None, YES)),
    (answer('{"algoId":7,"code":"200","msg":"success"}'), (Outcome.ACCEPTED, None, YES)),
    (answer('[{"code":-2011,"msg":"Unknown order sent."}]'), (Outcome.ACCEPTED, None, YES)),
]


@pytest.mark.parametrize(("reply", "expected"), ROWS, ids=lambda v: str(v)[:60])
@pytest.mark.parametrize("path", [f"{F}order", f"{D}order"])
def test_judgements(reply: Reply, expected: tuple[Outcome, Scope | None, Executed], path: str) -> None:
    verdict = EXCHANGE.classify(endpoint("POST", path), reply, WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.executed) == expected


@pytest.mark.parametrize("path", [f"{P}um/order", "/api/v3/order"])
def test_elsewhere_every_5xx_leaves_it_open(path: str) -> None:
    for reply in (coded(503, -1001, DOWN_TEXT), coded(503, 0, "Service Unavailable."), coded(503, -1008, BUSY_TEXT)):
        verdict = EXCHANGE.classify(endpoint("POST", path), reply, WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, MAYBE)


# -- limits


COUNTS = ((b"X-MBX-USED-WEIGHT-1M", b"7"), (b"X-MBX-ORDER-COUNT-10S", b"2"), (b"X-MBX-ORDER-COUNT-1M", b"3"))
LISTED = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2500},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 310},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1210},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 9},
]


def test_counts_go_to_the_counters_of_the_product() -> None:
    shared = (Usage("futures_weight_1m", 7), Usage("futures_orders_10s", 2), Usage("futures_orders_1m", 3))
    for path in (f"{F}order", f"{D}order"):
        assert EXCHANGE.usage(endpoint("POST", path), answer("{}", 200, *COUNTS)) == shared
    own = (Usage("portfolio_weight_1m", 7), Usage("portfolio_orders_1m", 3))
    assert EXCHANGE.usage(endpoint("POST", f"{P}um/order"), answer("{}", 200, *COUNTS)) == own
    spot = (Usage("weight_1m", 7), Usage("orders_10s", 2))
    assert EXCHANGE.usage(endpoint("POST", "/api/v3/order"), answer("{}", 200, *COUNTS)) == spot


def test_counts_that_are_known_to_be_wrong_are_not_believed() -> None:
    for path in (f"{F}ticker/bookTicker", "/fapi/v2/ticker/price"):
        assert EXCHANGE.usage(endpoint("GET", path), answer("{}", 200, *COUNTS)) == ()
    assert EXCHANGE.usage(endpoint("GET", f"{D}ticker/bookTicker"), answer("{}", 200, *COUNTS)) != ()


@pytest.mark.parametrize("root", [F, D])
def test_exchange_info_tells_the_limits(root: str) -> None:
    body = json.dumps({"timezone": "UTC", "rateLimits": LISTED, "symbols": []})
    assert EXCHANGE.usage(endpoint("GET", f"{root}exchangeInfo"), answer(body)) == (
        Usage("futures_weight_1m", capacity=2500, everywhere=True),
        Usage("futures_orders_10s", capacity=310, everywhere=True),
        Usage("futures_orders_1m", capacity=1210, everywhere=True),
    )


def test_the_accounts_own_limits() -> None:
    told = EXCHANGE.usage(endpoint("GET", f"{F}rateLimit/order"), answer(json.dumps(LISTED[1:3])))
    assert told == (Usage("futures_orders_10s", None, 310), Usage("futures_orders_1m", None, 1210))
    told = EXCHANGE.usage(endpoint("GET", f"{P}rateLimit/order"), answer(json.dumps(LISTED[2:3])))
    assert told == (Usage("portfolio_orders_1m", None, 1210),)


def test_a_refusal_tells_its_limit() -> None:
    refused = coded(429, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.")
    assert EXCHANGE.usage(endpoint("POST", f"{F}order"), refused) == (Usage("futures_orders_10s", capacity=50),)


# -- our own refusals


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
@pytest.mark.parametrize(("kind", "path"), [(ccxt.binanceusdm, f"{F}order"), (ccxt.binancecoinm, f"{D}order")])
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception], kind: Any, path: str) -> None:
    native = EXCHANGE.native_error(refusal, Incoming("POST", path, "", (), b""))
    body = native.body.decode()
    with pytest.raises(ccxt.BaseError) as caught:  # in the order of ccxt's fetch()
        bot, url = kind(), f"http://127.0.0.1:8787/main{path}"
        bot.handle_errors(native.status, "", url, "POST", {}, body, orjson.loads(body), {}, "")
        bot.handle_http_status_code(native.status, "", url, "POST", body)
    assert type(caught.value) is expected
