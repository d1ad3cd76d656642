"""Poloniex: signatures as the documents and ccxt make them, the table, judgement, native errors."""

import base64
import hashlib
import hmac
import json
import random
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.poloniex import EXCHANGE
from proxy.exchanges.poloniex_errors import CODES
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
)

AT_MS = 1_659_259_836_247
WALL_MS = AT_MS + 200  # a stamp is a little behind
TABLE = EXCHANGE.table
KEY, SECRET = "dummy-key", b"dummy-secret"


def endpoint(method: str, path: str) -> Endpoint:
    found = TABLE.match(method, path)
    assert found is not None, path
    return found


PLACE = endpoint("POST", "/orders")
BATCH = endpoint("POST", "/orders/batch")
REPLACE = endpoint("PUT", "/orders/1")
CANCEL = endpoint("DELETE", "/orders/1")
READ = endpoint("GET", "/accounts/balances")
PUBLIC = endpoint("GET", "/markets")
F_PLACE = endpoint("POST", "/v3/trade/order")


def asked(
    method: str, path: str, query: str = "", body: str | bytes = b"", *headers: tuple[str, str]
) -> tuple[Endpoint, Incoming]:
    raw = body.encode() if isinstance(body, str) else body
    return endpoint(method, path), EXCHANGE.strip(Incoming(method, path, query, headers, raw))


def send(request: tuple[Endpoint, Incoming], key: str = KEY, secret: bytes = SECRET) -> SignedRequest:
    row, incoming = request
    return EXCHANGE.sign(incoming, row, Credential("poloniex-main", "main", key, secret), Stamp(WALL_MS))


def signed(request: tuple[Endpoint, Incoming], secret: bytes = SECRET) -> str:
    return dict(send(request, secret=secret).headers)["signature"]


def over(method: str, path: str, covered: str) -> str:
    """By the text of the documents."""
    text = f"{method}\n{path}\n{covered}".encode()
    return base64.b64encode(hmac.new(SECRET, text, hashlib.sha256).digest()).decode()


# ---- sign


# By the rule of the official library, with the documents' time and examples and the secret "secret".
VECTORS = [
    ("GET", "/orders", "symbol=BTC_USDT&limit=5", "", "7tIcfh8bBGNcuXgOD6vLpgpIHdox9qhbwVTaSzU2H0I="),
    ("GET", "/accounts/balances", "", "", "X+5n+8tt4ZGiDHNIaFiMrnKh9K0BSPQLLLGe0DyQeBU="),
    (
        "POST",
        "/orders",
        "",
        '{"symbol":"BTC_USDT","side":"buy","type":"limit","price":"20000","quantity":"0.001","clientOrderId":"abc-1"}',
        "ba86NAtr7DEeX8ASSb6WYjS+I03ippCKrVYTzdGqHco=",
    ),
    (
        "DELETE",
        "/orders/cancelByIds",
        "",
        '{"orderIds":["1234567890"],"clientOrderIds":["abc-1"]}',
        "Ctg7jaRhHj53yM2EfATmiKT/awDV0Pqhn3zIZCl3vWs=",
    ),
    ("DELETE", "/orders/cid:abc-1", "", "", "28Tf/z6BDfoX8iI9s0CyPwPPXaHgFcqmD9YPfHI2L4E="),
]


@pytest.mark.parametrize(("method", "path", "query", "body", "signature"), VECTORS)
def test_vectors(method: str, path: str, query: str, body: str, signature: str) -> None:
    sent = send(asked(method, path, query, body), secret=b"secret")
    headers = dict(sent.headers)
    assert headers["signature"] == signature
    assert (headers["key"], headers["signTimestamp"]) == (KEY, str(AT_MS))
    assert (sent.target, sent.body) == (f"{path}?{query}" if query else path, body.encode())
    assert headers.get("recvWindow") == (None if method == "GET" else "5000")
    assert headers.get("Content-Type") == (None if method == "GET" else "application/json")
    assert headers["Accept-Encoding"] == "identity"
    assert KEY not in repr(sent) and signature not in repr(sent)


@pytest.mark.parametrize(
    ("query", "covered"),
    [
        ("b=1&a=2", f"a=2&b=1&signTimestamp={AT_MS}"),
        ("symbol=%E7%B4%A2_USDT", f"signTimestamp={AT_MS}&symbol=%E7%B4%A2_USDT"),
        ("t=1&s=x%20y&r=a+b", f"r=a%20b&s=x%20y&signTimestamp={AT_MS}&t=1"),
        ("x=~%28%29%2A%21%27-_.", f"signTimestamp={AT_MS}&x=~()*!'-_."),  # as encodeURIComponent leaves them
        ("x=a%2Cb%3D%26", f"signTimestamp={AT_MS}&x=a%2Cb%3D%26"),
        ("limit=&from", f"from=&limit=&signTimestamp={AT_MS}"),
        ("ab=1&a=9", f"a=9&ab=1&signTimestamp={AT_MS}"),  # by name, not by the whole pair
        ("a-b=1&a=9", f"a=9&a-b=1&signTimestamp={AT_MS}"),
        ("x=2&x=1", f"signTimestamp={AT_MS}&x=2&x=1"),
    ],
)
def test_the_signed_copy_of_a_query_is_sorted_and_encoded_and_the_sent_one_is_the_bots(
    query: str, covered: str
) -> None:
    request = asked("GET", "/orders", query)
    assert signed(request) == over("GET", "/orders", covered)
    assert send(request).target == f"/orders?{query}"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "covered"),
    [
        (
            "POST",
            "/orders",
            "",
            '{ "a": 1.10,\n"b":"ä" }',
            f'requestBody={{ "a": 1.10,\n"b":"ä" }}&signTimestamp={AT_MS}',
        ),
        ("POST", "/orders/batch", "", "[ {} ]", f"requestBody=[ {{}} ]&signTimestamp={AT_MS}"),
        ("PUT", "/orders/1", "", '{"a":"b"}', f'requestBody={{"a":"b"}}&signTimestamp={AT_MS}'),
        ("POST", "/orders/killSwitch", "", "", f"signTimestamp={AT_MS}"),
        ("DELETE", "/v3/trade/order", "symbol=B&ordId=1", "", f"ordId=1&signTimestamp={AT_MS}&symbol=B"),
        ("DELETE", "/v3/trade/order", "", '{"ordId":"1"}', f'requestBody={{"ordId":"1"}}&signTimestamp={AT_MS}'),
    ],
)
def test_what_the_signature_of_a_write_covers(method: str, path: str, query: str, body: str, covered: str) -> None:
    request = asked(method, path, query, body)
    assert signed(request) == over(method, path, covered)
    assert send(request).body == body.encode()


@pytest.mark.parametrize(
    ("given_ms", "window_ms"),
    [("", 5000), ("1500", 1700), ("60000", 5000), ("0", 5000), ("soon", 5000), ("9" * 30, 5000), ("-1", 5000)],
)
def test_writes_run_out_in_seconds(given_ms: str, window_ms: int) -> None:
    """The bot's own window is kept where it is shorter; it counts from the bot's time."""
    for method, path in (
        ("POST", "/orders"),
        ("DELETE", "/orders/1"),
        ("PUT", "/orders/1"),
        ("POST", "/v3/trade/order"),
    ):
        row, request = asked(method, path, "", b"", *((("recvwindow", given_ms),) if given_ms else ()))
        assert dict(send((row, request)).headers)["recvWindow"] == str(window_ms)
        assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == AT_MS + window_ms
    row, request = asked("GET", "/orders")
    assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == AT_MS + 60_000


def test_public_calls_and_calls_without_a_key_go_unsigned() -> None:
    sent = send(asked("GET", "/markets", "limit=1", b"", ("accept-encoding", "gzip, br")))
    assert sent.headers == (("Accept-Encoding", "gzip"),)
    unsigned = EXCHANGE.sign(asked("GET", "/orders")[1], READ, None, Stamp(WALL_MS))
    assert unsigned.headers == (("Accept-Encoding", "identity"),)


ORDER = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "quantity": "0.10", "price": "50000", "n": 1.5}
_WRITES = {
    "orders": ORDER,
    "orders/batch": [ORDER, {**ORDER, "clientOrderId": "dummy-ä"}],
    "orders/cancelByIds": {"orderIds": ["1", "2"], "clientOrderIds": []},
    "v3/trade/orders": [ORDER],
    "v3/trade/order": {"symbol": "BTC_USDT_PERP", "ordId": "1"},
}


def client() -> Any:
    bot = ccxt.poloniex({"apiKey": KEY, "secret": SECRET.decode()})
    bot.nonce = lambda: AT_MS
    return bot


def same_as_ccxt(bot: Any, access: str, verb: str, path: str, params: Any) -> Endpoint | None:
    made = bot.sign(path, [access], verb, params)
    where, _, query = made["url"].removeprefix("https://api.poloniex.com").partition("?")
    row = TABLE.match(verb, where)
    if row is None:
        return None
    theirs = {name.lower(): value for name, value in (made["headers"] or {}).items()}
    incoming = Incoming(verb, where, query, tuple(theirs.items()), (made["body"] or "").encode())
    assert EXCHANGE.token(incoming) == theirs.get("key", "")
    sent = send((row, EXCHANGE.strip(incoming)))
    assert (f"https://api.poloniex.com{sent.target}", sent.body) == (made["url"], incoming.body)
    ours = {name.lower(): value for name, value in sent.headers}
    for name in ("key", "signtimestamp", "signature"):
        assert ours.get(name) == theirs.get(name), (name, row.name)
    return row


def test_calls_equal_those_of_ccxt() -> None:
    """All of its endpoints, with parameters in path, query and body."""
    rng, bot = random.Random(20260821), client()
    seen = 0
    for access, verbs in bot.api.items():
        for verb, paths in verbs.items():
            for path in paths:
                named: Any = {name: "BTC_USDT" for name in bot.extract_params(path)}
                if "id" in named:
                    named["id"] = rng.choice(["123", "cid:a_b-1"])
                if verb == "get" and rng.random() < 0.7:
                    named = {"limit": 5, "symbol": "索拉拉_USDT", "at": "a b&c=d/é~"} | named
                if verb != "get":
                    body = _WRITES.get(path, {"clientOrderId": "a", "price": "1.10"} if verb == "put" else {})
                    named = body if isinstance(body, list) else named | body
                row = same_as_ccxt(bot, access, verb.upper(), path, named)
                assert row is not None, path
                seen += 1
                assert (row.call_class is CallClass.PUBLIC) == access.endswith("ublic"), row.name
                assert row.call_class in (CallClass.PUBLIC, CallClass.READ) or verb != "get"
                assert not row.name.endswith("*"), row.name
    assert seen > 90


_LIKE_BOTH = st.text(st.characters(exclude_characters="()*!'", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
_NAMES = st.text("abcdefgXYZ_", min_size=1, max_size=5)


@given(st.dictionaries(_NAMES, _LIKE_BOTH, max_size=5))
def test_queries_equal_those_of_ccxt(params: dict[str, str]) -> None:
    assert same_as_ccxt(client(), "private", "GET", "orders/history", params) is not None


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers(-99, 99) | st.booleans(), max_size=5))
def test_bodies_equal_those_of_ccxt(params: dict[str, Any]) -> None:
    assert same_as_ccxt(client(), "private", "POST", "orders", params) is not None
    assert same_as_ccxt(client(), "private", "DELETE", "orders", params) is not None


# ---- strip, token, params


def test_strip_takes_away_all_that_clients_sign_with() -> None:
    headers = (
        *(("key", "dummy"), ("signature", "dummy"), ("signtimestamp", "1"), ("signaturemethod", "hmacSHA256")),
        *(("signatureversion", "2"), ("recvwindow", "1000"), ("user-agent", "x"), ("content-type", "text/plain")),
    )
    row, request = asked("POST", "/orders", "", '{"a":1}', *headers)
    assert [name for name, _ in request.headers] == ["recvwindow", "user-agent", "content-type"]
    sent = send((row, request))
    names = [name.lower() for name, _ in sent.headers]
    assert len(names) == len(set(names)) and "signaturemethod" not in names
    assert dict(sent.headers)["key"] == KEY and "dummy" not in dict(sent.headers).values()
    assert asked("GET", "/orders", "a=1&signTimestamp=1&b=2")[1].query == "a=1&b=2"


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/orders", "", '{"a":1}'),
        ("GET", "/orders", "a= b", ""),
        ("POST", "/orders", "", "a=1"),
        ("POST", "/orders", "", '{"a":1,"a":2}'),
        ("POST", "/orders", "a=1", '{"b":1}'),
        ("POST", "/orders", "a=1", ""),
        ("PUT", "/orders/1", "a=1", '{"b":1}'),
        ("DELETE", "/orders", "symbols=BTC_USDT", ""),  # without its parameters it would cancel everything
        ("DELETE", "/orders/1", "symbol=BTC_USDT", ""),
        ("DELETE", "/v3/trade/order", "ordId=1", '{"symbol":"B"}'),
        ("POST", "/v3/trade/order", "a=1", ""),
        ("PUT", "/orders/1", "", '{"proceedOnFailure":true}'),
        ("PUT", "/orders/cid:a", "", '{"proceedOnFailure":"TRUE"}'),
        ("PUT", "/smartorders/1", "", '{"price":"1","proceedOnFailure":1}'),
    ],
)
def test_calls_that_are_refused(method: str, path: str, query: str, body: str) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(Incoming(method, path, query, (), body.encode()))


def test_a_replacement_that_stops_at_a_failure_passes() -> None:
    for value in ("false", '"false"', "null", '""'):
        asked("PUT", "/orders/1", "", f'{{"proceedOnFailure":{value}}}')


def test_token_stands_in_the_key_field() -> None:
    assert EXCHANGE.token(Incoming("GET", "/orders", "", (("key", "dummy-token"),), b"")) == "dummy-token"
    assert EXCHANGE.token(Incoming("GET", "/orders", "", (("x", "y"),), b"")) == ""


def test_params_are_readable() -> None:
    assert EXCHANGE.params(asked("GET", "/orders", "symbol=A%5FB&x=a+b&y")[1]) == {"symbol": "A_B", "x": "a b", "y": ""}
    assert EXCHANGE.params(asked("POST", "/orders", "", '{"n":1.10,"m":null}')[1]) == {"n": "1.10"}
    with pytest.raises(BadCall):
        EXCHANGE.params(asked("GET", "/orders", "a=1&a=2")[1])


def test_secrets() -> None:
    def complaint(key: str, secret: bytes) -> str:
        return EXCHANGE.check_credential(Credential("a", "main", key, secret))

    assert complaint(KEY, SECRET) == ""
    assert complaint(" ", SECRET) and complaint(KEY, b" ")
    assert "dummy" not in complaint(" ", SECRET) + complaint(KEY, b"")


# ---- table

_LIGHT, _HEAVY = {"private_1s": 1, "private_address_1s": 1}, {"heavy_1s": 1, "heavy_address_1s": 1}
_FUTURES, _F_HEAVY = {"futures_1s": 1, "futures_address_1s": 1}, {"futures_heavy_1s": 1, "futures_heavy_address_1s": 1}


@pytest.mark.parametrize(
    ("names", "call_class", "costs"),
    [
        ("GET markets/A_B, markets/price, markets/A_B/price, timestamp, markets/A_B/orderBook, markets/A_B/candles, "
         "markets/A/collateralInfo, markets/borrowRatesInfo, markets/markPrice", CallClass.PUBLIC, {"public_1s": 1}),
        ("GET markets, markets/A_B/trades, markets/ticker24h, markets/A_B/ticker24h, currencies, currencies/A, "
         "v2/currencies, markets/A_B/new", CallClass.PUBLIC, {"public_heavy_1s": 1}),
        ("POST orders, smartorders", CallClass.PLACE, _LIGHT),
        ("POST orders/batch", CallClass.PLACE, _HEAVY),
        ("PUT orders/1, orders/cid:a, smartorders/1", CallClass.PLACE, _HEAVY),
        ("DELETE orders/1, orders/cid:a, smartorders/1", CallClass.CANCEL, _LIGHT),
        ("DELETE orders, orders/cancelByIds, smartorders, smartorders/cancelByIds", CallClass.CANCEL, _HEAVY),
        ("POST orders/killSwitch", CallClass.CANCEL, _LIGHT),
        ("GET orders/1, orders/cid:a, orders/1/trades, orders/killSwitchStatus, smartorders/1, accounts, "
         "accounts/balances, accounts/1/balances, accounts/transfer/1, subaccounts, subaccounts/1/balances, "
         "margin/maxSize",
         CallClass.READ, _LIGHT),
        ("GET orders, orders/history, trades, smartorders, smartorders/history, accounts/transfer, accounts/activity, "
         "subaccounts/balances, subaccounts/transfer, feeinfo, wallets/addresses, wallets/activity, wallets/new/thing",
         CallClass.READ, _HEAVY),
        ("POST wallets/withdraw, v2/wallets/withdraw, accounts/transfer, subaccounts/transfer",
         CallClass.WITHDRAW, _HEAVY),
        ("POST wallets/address", CallClass.ADMIN, _HEAVY),
        ("GET v3/market/tickers, v3/market/fundingRate/history", CallClass.PUBLIC, {"futures_public_1s": 1}),
        ("GET v3/market/candles, v3/market/new", CallClass.PUBLIC, {"futures_candles_1s": 1}),
        ("POST v3/trade/order", CallClass.PLACE, _FUTURES),
        ("POST v3/trade/orders", CallClass.PLACE, {name: 2 for name in _F_HEAVY}),
        ("POST v3/trade/position", CallClass.PLACE, _F_HEAVY),
        ("POST v3/trade/positionAll", CallClass.PLACE, {name: 5 for name in _F_HEAVY}),
        ("DELETE v3/trade/order", CallClass.CANCEL, _FUTURES),
        ("DELETE v3/trade/batchOrders, v3/trade/allOrders", CallClass.CANCEL, _F_HEAVY),
        ("GET v3/trade/order/opens, v3/trade/order/history, v3/position/mode, v3/new", CallClass.READ, _F_HEAVY),
        ("POST v3/position/leverage, v3/position/mode, v3/trade/position/margin", CallClass.ADMIN, _F_HEAVY),
    ],
)  # fmt: skip
def test_rows(names: str, call_class: CallClass, costs: dict[str, float]) -> None:
    method, _, paths = names.partition(" ")
    for path in paths.split(", "):
        row = endpoint(method, f"/{path}")
        assert row.call_class is call_class, path
        assert row.product == ("futures" if path.startswith("v3/") else "spot")
        assert {cost.limit: cost.units for cost in row.costs if cost.units} == costs, path
        assert (row.auth is Auth.NONE) == (call_class is CallClass.PUBLIC)


def test_private_limits_hold_for_account_and_address_and_public_ones_for_the_address() -> None:
    for row in TABLE.endpoints():
        scopes = {TABLE.limits[cost.limit].scope for cost in row.costs if cost.units}
        public = row.call_class is CallClass.PUBLIC
        assert scopes == ({Scope.ADDRESS} if public else {Scope.ADDRESS, Scope.ACCOUNT}), row.name
    assert {limit.window_ns for limit in TABLE.limits.values()} == {1_000_000_000}


@pytest.mark.parametrize(
    "name",
    [
        "POST /wallets/withdraw/",
        "POST /wallets//withdraw",
        "POST //wallets/withdraw",
        "POST /wallets/./withdraw",
        "POST /wallets/Withdraw",
        "POST /WALLETS/WITHDRAW",
        "POST /wallets/%77ithdraw",
        "POST /wallets%2Fwithdraw",
        "POST /wallets/withdraw;x",
        "POST /wallets\\withdraw",
        "POST /v2//wallets/withdraw",
        "POST /v3/wallets/withdraw",
        "POST /v1/wallets/withdraw",
        "POST /orders/../wallets/withdraw",
        "POST /orders/..%2fwallets/withdraw",
        "PUT /wallets/withdraw",
        "DELETE /wallets/withdraw",
        "GET /wallets/withdraw",
        "PUT /orders/../wallets/withdraw",
        "PUT /orders/withdraw",
        "DELETE /orders/transfer",
        "POST /accounts/transfer/",
        "POST /accounts/transfer/1",
        "POST /subaccounts/1/transfer",
        "POST /v2/accounts/transfer",
        "POST /v3/account/transfer",
        "POST /v3/anything",
        "PUT /v3/trade/order",
        "POST /wallets/addresses",
        "POST /anything",
        "PUT /orders",
        "PATCH /orders/1",
        "DELETE /accounts",
    ],
)
def test_money_leaves_in_no_spelling(name: str) -> None:
    method, _, path = name.partition(" ")
    assert TABLE.match(method, path) is None


def test_every_path_has_one_product() -> None:
    for row in TABLE.endpoints():
        assert [product.name for product in TABLE.products_of("api.poloniex.com", row.path)] == [row.product]


def test_time() -> None:
    row = TABLE.named(f"GET {EXCHANGE.time_path}")
    assert row is not None and row.call_class is CallClass.PUBLIC
    assert EXCHANGE.time_ms(b'{"serverTime":1659259836247}') == AT_MS
    for bad in (b"", b"{}", b"[]", b'{"serverTime":null}', b'{"serverTime":"soon"}'):
        assert EXCHANGE.time_ms(bad) is None


# ---- judgement

NO, YES, MAYBE = Executed.NO, Executed.YES, Executed.UNKNOWN
A_NO, A_YES = {"code": 21709, "message": "Low available balance"}, {"id": "1", "clientOrderId": "a"}
Judged = tuple[Endpoint, int, Any, Outcome, Executed, Scope | None]


def told(code: int | str, status: int = 400, message: str = "said by a test") -> tuple[int, dict[str, Any]]:
    return status, {"code": code, "message": message}


def each(row: Endpoint, codes: Any, *judged: Any) -> list[Judged]:
    return [(row, *told(code), *judged) for code in codes]


JUDGED: list[Judged] = [
    (PLACE, 200, A_YES, Outcome.ACCEPTED, YES, None),
    (CANCEL, 200, {"orderId": "1", "state": "PENDING_CANCEL", "code": 200}, Outcome.ACCEPTED, YES, None),
    (F_PLACE, 200, {"code": "200", "msg": "Success", "data": {"ordId": "1"}}, Outcome.ACCEPTED, YES, None),
    (READ, 200, [], Outcome.ACCEPTED, YES, None),
    (PUBLIC, 200, [{"symbol": "A_B"}], Outcome.ACCEPTED, YES, None),
    # 429
    (PLACE, *told(429, 429), Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (PLACE, *told("TOO_MANY", 429), Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (F_PLACE, *told(429, 200), Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (PLACE, 429, "Too Many Requests", Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (PUBLIC, *told(429, 429), Outcome.THROTTLED, NO, Scope.ADDRESS),
    (PUBLIC, 429, "", Outcome.THROTTLED, NO, Scope.ADDRESS),
    # keys and addresses
    (PLACE, 403, "<html>", Outcome.BANNED, NO, Scope.ADDRESS),
    (PLACE, *told("FORBIDDEN", 400, "Invalid API key/secret pair."), Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, *told(401, 401), Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, 401, {"message": "x"}, Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (READ, 401, "", Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, *told("X", 401, "IP not allowed"), Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, *told(403, 403, "not in whitelist"), Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (F_PLACE, *told(403, 403, "ACCESS_DENY"), Outcome.NO_PERMISSION, NO, Scope.KEY),
    (PLACE, 403, {"message": "x"}, Outcome.NO_PERMISSION, NO, Scope.KEY),
    *each(PLACE, (21600, 21604, 21605, 21100, 21704, "21600"), Outcome.DEAD, NO, Scope.KEY),
    *each(PLACE, (21601, 21351), Outcome.SUSPENDED, NO, Scope.ACCOUNT),
    *each(PLACE, (21353, 21354), Outcome.NO_PERMISSION, NO, Scope.KEY),
    # clock
    (PLACE, *told(400, 400, "signTimestamp is too far ahead"), Outcome.CLOCK, NO, None),
    (PLACE, *told("BAD", 400, "Invalid timestamp"), Outcome.CLOCK, NO, None),
    (PLACE, *told(408, 408, "Request exceeds recvWindow"), Outcome.CLOCK, NO, None),
    (PLACE, *told(408, 408, "Request Timeout"), Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 408, "", Outcome.UNKNOWN, MAYBE, None),
    # business
    *each(PLACE, (10041, 21352, 21711, 21341, 21342, 21343, 601, 602, 24106), Outcome.REFUSED, NO, None),
    *each(PLACE, (*range(21309, 21312), *range(21313, 21338), *range(21344, 21351), 21360), Outcome.REFUSED, NO, None),
    *each(PLACE, (21314, 21315, 21709, 21721), Outcome.REFUSED, NO, None),
    *each(PLACE, (21312, 25004, 25006), Outcome.REFUSED, MAYBE, None),
    *each(F_PLACE, (250,), Outcome.REFUSED, MAYBE, None),
    *each(CANCEL, (21301, 21305, 21359, 21304, 25013, 25014, 25015, 11008), Outcome.REFUSED, NO, None),
    *each(CANCEL, (21302, 21307), Outcome.UNKNOWN, MAYBE, None),
    *each(PLACE, (250000, 250012, 820181), Outcome.REFUSED, NO, None),
    # the exchange is in trouble
    *each(PLACE, (21340,), Outcome.UNAVAILABLE, NO, None),
    *each(F_PLACE, (1002,), Outcome.UNAVAILABLE, NO, None),
    *each(F_PLACE, (1003,), Outcome.SUSPENDED, NO, Scope.ACCOUNT),
    *each(PLACE, (24201, 500, 603, 415, 503), Outcome.UNKNOWN, MAYBE, None),
    *each(READ, (24201, 500, 603, 415, 503), Outcome.UNAVAILABLE, NO, None),
    (PLACE, *told(500, 500), Outcome.UNKNOWN, MAYBE, None),
    (PLACE, *told(99999, 500), Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 502, "<html>", Outcome.UNKNOWN, MAYBE, None),
    (READ, 502, "<html>", Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, "<html>", Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, '{"id":', Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 500, A_YES | {"code": 200}, Outcome.UNKNOWN, MAYBE, None),
    # what nobody documents: refused where the status says so too
    (PLACE, *told(99999, 400), Outcome.REFUSED, NO, None),
    (PLACE, *told(99999, 200), Outcome.UNKNOWN, MAYBE, None),
    (READ, *told(99999, 200), Outcome.REFUSED, MAYBE, None),
    # several orders
    (BATCH, 200, [A_YES, A_NO], Outcome.ACCEPTED, YES, None),
    (BATCH, 200, [A_NO, A_NO], Outcome.REFUSED, NO, None),
    (BATCH, 200, [A_NO, {"code": 24201}], Outcome.UNKNOWN, MAYBE, None),
    (BATCH, 200, [A_NO, {"code": 99999}], Outcome.UNKNOWN, MAYBE, None),
    (BATCH, 200, [A_NO, {"code": 21312}], Outcome.REFUSED, MAYBE, None),
    (F_PLACE, 200, {"code": 200, "data": [{"code": "11008"}]}, Outcome.REFUSED, NO, None),
    (F_PLACE, 200, {"code": 200, "data": [{"code": 10014}, {"code": "200"}]}, Outcome.ACCEPTED, YES, None),
    # a replacement may be half done
    (REPLACE, 200, A_YES, Outcome.ACCEPTED, YES, None),
    *each(REPLACE, (21709, 601, 21360, 99999), Outcome.REFUSED, MAYBE, None),
    *each(REPLACE, (21301, 21304, 21305, 21359, 25014), Outcome.REFUSED, NO, None),
    (REPLACE, *told(429, 429), Outcome.THROTTLED, NO, Scope.ACCOUNT),
]


@pytest.mark.parametrize(("row", "status", "body", "outcome", "executed", "blame"), JUDGED)
def test_judgement(
    row: Endpoint, status: int, body: Any, outcome: Outcome, executed: Executed, blame: Scope | None
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    verdict = EXCHANGE.classify(row, Reply(status, b"", (), text.encode(), 1), WALL_MS)
    assert verdict.outcome is outcome, verdict
    if not (outcome is Outcome.REFUSED and row is READ):
        assert verdict.executed is executed, verdict
    assert verdict.blame is blame, verdict


def test_what_a_bot_sent_may_be_the_cause_of_a_refused_signature() -> None:
    for status, code in ((400, "FORBIDDEN"), (401, 401), (400, 21600), (403, 403), (400, 21353)):
        body = json.dumps({"code": code}).encode()
        assert EXCHANGE.classify(READ, Reply(status, b"", (), body, 1), WALL_MS).suspect_request, code


def test_a_wrong_code_is_never_told_to_be_a_success() -> None:
    for code in CODES:
        verdict = EXCHANGE.classify(PLACE, Reply(200, b"", (), json.dumps({"code": code}).encode(), 1), WALL_MS)
        assert verdict.outcome is not Outcome.ACCEPTED and verdict.executed is not YES, code


def test_a_stated_rest_is_kept() -> None:
    reply = Reply(429, b"", ((b"Retry-After", b"3"),), b'{"code":429}', 1)
    assert EXCHANGE.classify(READ, reply, WALL_MS).wait_ns == 3_000_000_000
    assert EXCHANGE.usage(READ, reply) == ()


# ---- native errors


@pytest.mark.parametrize("path", ["/orders", "/v3/trade/order"])
@pytest.mark.parametrize(
    ("status", "reason", "raised"),
    [
        (429, "rate_limited", ccxt.RateLimitExceeded),
        (429, "queue_full", ccxt.RateLimitExceeded),
        (401, "bad_token", ccxt.AuthenticationError),
        (403, "not_allowed", ccxt.PermissionDenied),
        (403, "withdrawal_refused", ccxt.PermissionDenied),
        (404, "unknown_endpoint", ccxt.BadRequest),
        (400, "bad_body", ccxt.BadRequest),
        (503, "unavailable", ccxt.ExchangeNotAvailable),
        (503, "no_route", ccxt.ExchangeNotAvailable),
        (504, "outcome_unknown", ccxt.RequestTimeout),
        (502, "bad_answer", ccxt.RequestTimeout),
    ],
)
def test_our_refusals_raise_the_right_class_in_ccxt(path: str, status: int, reason: str, raised: Any) -> None:
    refusal = Refusal(status, reason, "said by a test")
    error = EXCHANGE.native_error(refusal, Incoming("POST", path, "", (), b""))
    bot, body = client(), error.body.decode()
    assert error.status == status
    assert ("msg" in json.loads(body)) == path.startswith("/v3/")
    with pytest.raises(raised, match=f"ordergate: {reason}"):
        bot.handle_errors(status, "", "", "POST", {}, body, json.loads(body), {}, None)
    if raised in (ccxt.RateLimitExceeded, ccxt.ExchangeNotAvailable, ccxt.RequestTimeout):
        assert issubclass(raised, ccxt.NetworkError)
