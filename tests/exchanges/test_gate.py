"""Gate: vectors, equality with ccxt and the official library, table, judgement, orders, native errors."""

import itertools
import json
import random
from typing import Any
from urllib.parse import urlencode

import ccxt
import gate_api
import orjson
import pytest
from gate_api.exceptions import ApiException, GateApiException
from gate_api.rest import ApiException as RestException
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.form import Orders
from proxy.exchanges.gate import EXCHANGE, signature
from proxy.exchanges.lookup import Finding, Found, Lookup
from proxy.exchanges.table import units
from proxy.model import (
    Auth,
    CallClass,
    Credential,
    Endpoint,
    Executed,
    Incoming,
    Item,
    Outcome,
    Refusal,
    Reply,
    Scope,
    SignedRequest,
    Stamp,
)
from tests.exchanges.test_table import spellings

ROOT = "/api/v4/"
WALL_MS = 1_700_000_000_987
SINCE_MS = 1_700_000_000_000
TABLE = EXCHANGE.table


def endpoint(method: str, path: str) -> Endpoint:
    found = TABLE.match(method, ROOT + path.partition("?")[0])
    assert found is not None, (method, path)
    return found


def asked(method: str, path: str, body: Any = b"", *headers: tuple[str, str]) -> Incoming:
    where, _, query = path.partition("?")
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return Incoming(method, ROOT + where, query, headers, raw)


def credential(key: str = "key", secret: bytes = b"secret") -> Credential:
    return Credential("gate-main", "main", key, secret)


def send(request: Incoming, *, wall_ms: int = WALL_MS, by: Credential | None = None) -> SignedRequest:
    row = TABLE.match(request.method, request.path)
    assert row is not None
    return EXCHANGE.sign(EXCHANGE.strip(request), row, by or credential(), Stamp(wall_ms))


# ---- signing

VECTORS = [
    # The first two are the documentation's own.
    (
        *("GET", "futures/orders?contract=BTC_USD&status=finished&limit=50", ""),
        "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6fb3faf24deff16790d726b66ac9f74526668b13bd010"
        "29199cc4fcc522418b8a",
    ),
    (
        *("POST", "futures/orders"),
        '{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}',
        "eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541fc4c2c14017581b4199a1418d54471c269c03a38d788d"
        "802e2c306c37636389f0",
    ),
    # Made by ccxt.
    (
        *("POST", "spot/orders"),
        '{"currency_pair":"BTC_USDT","type":"limit","side":"buy","amount":"0.01","price":"20000","text":"t-abc123"}',
        "e640a7e03c2eee3580f482455470fb7f619e91a13ef6ba933871d5cba03b37168dffcdcd9d8a4676c6227f2d5a94336fef001b2a330b"
        "75d27e28419decc29d95",
    ),
    (
        *("GET", "spot/orders?currency_pair=BTC_USDT&status=open&limit=50", ""),
        "9223251cea7da0b9c3aaf6fcb8a1d2d89691848ecad96cc67daa6c085a10b57c89c01d866b9ab800cd6b5be49b32ea09484bdfe9e6b1"
        "8d48a7245b2c97f6361e",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "sign"), VECTORS)
def test_vectors(method: str, path: str, body: str, sign: str) -> None:
    where, _, query = path.partition("?")
    assert signature(method, ROOT + where, query, body.encode(), "1541993715", b"secret") == sign
    if not path.startswith("futures/orders"):  # of before there were several currencies of settlement
        made = send(asked(method, path, body), wall_ms=1_541_993_715_999)
        assert (made.method, made.target, made.body.decode()) == (method, ROOT + path, body)
        headers = dict(made.headers)
        assert (headers["KEY"], headers["Timestamp"], headers["SIGN"]) == ("key", "1541993715", sign)


_TEXTS = ["BTC_USDT", "1.10", "1e-8", "a b", "a,b", "a+b", "äß", "50%", "a/b:c", "x=y&z", "~", "'"]


def _drawn(rng: random.Random) -> dict[str, Any]:
    names = ["currency_pair", "status", "limit", "from", "account", "side", "text", "x"]
    return {
        name: rng.choice([rng.choice(_TEXTS), rng.randint(0, 10**12)]) for name in rng.sample(names, rng.randint(0, 6))
    }


def _ccxt_calls() -> list[tuple[str, list[str], str]]:
    bot = ccxt.gate()
    return [
        (path, ["private", kind], method.upper())
        for kind, rows in bot.api["private"].items()
        if kind in bot.urls["api"]["private"]  # flash_swap has no URL there
        for method, paths in rows.items()
        for path in paths
    ]


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260821)
    bot = ccxt.gate({"apiKey": "dummy-key", "secret": "dummy-secret"})
    own = credential("dummy-key", b"dummy-secret")
    equal = 0
    for number, (path, api, method) in enumerate(_ccxt_calls() * 2):
        values: Any = _drawn(rng) | {name: "usdt" for name in bot.extract_params(path)}
        if path.endswith("batch_cancel_orders"):
            values = [{"settle": "usdt"}, "12", "t-a"]
        elif "batch" in path and method == "POST":
            values = [values, values]
        now = WALL_MS + number * 1000
        bot.nonce = lambda now=now: now
        made = bot.sign(path, api, method, values)
        where, _, query = made["url"].removeprefix("https://api.gateio.ws").partition("?")
        row = TABLE.match(method, where)
        if row is None:
            continue
        headers = tuple((name.lower(), value) for name, value in made["headers"].items())
        request = Incoming(method, where, query, headers, (made["body"] or "").encode())
        stripped = EXCHANGE.strip(request)
        assert not {"key", "sign", "timestamp"} & {name for name, _ in stripped.headers}
        sent = EXCHANGE.sign(stripped, row, own, Stamp(now))
        assert (sent.target, sent.body) == (where + (f"?{query}" if query else ""), request.body)
        if row.auth is Auth.NONE:
            continue
        ours = dict(sent.headers)
        assert {name: ours[name] for name in ("KEY", "SIGN", "Timestamp")} == {
            name: made["headers"][name] for name in ("KEY", "SIGN", "Timestamp")
        }
        equal += 1
    assert equal > 350


@given(
    st.lists(st.tuples(st.text("ab_", min_size=1, max_size=3), st.sampled_from(_TEXTS)), max_size=4),
    st.sampled_from([None, {"a": "ä", "n": 1.10}, [{"x": "y"}], []]),
    st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
)
def test_signatures_equal_those_of_the_official_library(query: list[tuple[str, str]], body: Any, method: str) -> None:
    """What the library's own code makes of the same query and body, at a whole second."""
    library = gate_api.ApiClient(gate_api.Configuration(key="key", secret="secret", host="http://127.0.0.1/api/v4"))
    real, gate_api.api_client.time.time = gate_api.api_client.time.time, lambda: WALL_MS // 1000
    try:
        body = None if method == "GET" else body
        text = urlencode(query)
        decoded = gate_api.api_client.unquote_plus(text)
        path = f"{ROOT}spot/orders" + ("/1" if method == "PATCH" else "")
        theirs = library.gen_sign(method, path, decoded, body)
    finally:
        gate_api.api_client.time.time = real
    request = Incoming(method, path, text, (), b"" if body is None else json.dumps(body).encode())
    ours = dict(send(request).headers)
    assert {name: ours[name] for name in theirs} == theirs


def test_what_cannot_be_signed_is_refused() -> None:
    for bad in (
        asked("GET", "spot/orders", b"{}"),
        asked("POST", "spot/orders", b"currency_pair=BTC_USDT"),
        asked("POST", "spot/orders", b'{"a":1,"a":2}'),
        asked("POST", "spot/orders", b"[{}"),
        asked("GET", "spot/orders?a=%FF"),
        asked("GET", "spot/orders?a=b c"),
        asked("POST", "spot/orders", b"{}", ("x-gate-exptime", "soon")),
        asked("POST", "spot/orders", b"{}", ("x-gate-exptime", "1700000000")),
    ):
        with pytest.raises(BadCall) as caught:
            EXCHANGE.strip(bad)
        assert caught.value.status == 400


def test_strip_and_token() -> None:
    dummies = (("key", "dummy-token"), ("sign", "x"), ("timestamp", "1.5"))
    request = asked("POST", "spot/orders?a=%2C&b", b'{ "a" : 1.10 }', *dummies, ("x", "y"))
    assert EXCHANGE.token(request) == "dummy-token"
    stripped = EXCHANGE.strip(request)
    assert (stripped.headers, stripped.query, stripped.body) == ((("x", "y"),), "a=%2C&b", b'{ "a" : 1.10 }')
    assert EXCHANGE.token(stripped) == ""
    assert EXCHANGE.check_credential(credential()) == "" != EXCHANGE.check_credential(credential(secret=b" "))


def test_headers_that_leave() -> None:
    given_headers = (
        *(("x-gate-size-decimal", "1"), ("x-gate-channel-id", "tag"), ("x-gate-other", "x"), ("cookie", "c")),
        *(("content-type", "application/x-www-form-urlencoded"), ("user-agent", "bot"), ("accept", "*/*")),
    )
    made = send(asked("POST", "futures/usdt/orders", b"{}", *given_headers))
    names = [name.lower() for name, _ in made.headers]
    assert len(names) == len(set(names))
    assert set(names) == {
        *("x-gate-size-decimal", "x-gate-channel-id", "user-agent", "accept", "accept-encoding", "content-type"),
        *("key", "timestamp", "sign", "x-gate-exptime"),
    }
    assert ("Content-Type", "application/json") in made.headers
    public = dict(send(asked("GET", "spot/tickers", b"", *given_headers)).headers)
    assert not {"KEY", "SIGN", "Timestamp", "x-gate-exptime", "Content-Type"} & public.keys()
    unsigned = EXCHANGE.sign(asked("GET", "spot/accounts"), endpoint("GET", "spot/accounts"), None, Stamp(WALL_MS))
    assert "SIGN" not in dict(unsigned.headers)
    assert dict(made.headers)["SIGN"] not in repr(made)


EXPIRING = [
    *(("POST", f"spot/{name}") for name in ("orders", "batch_orders", "cancel_batch_orders", "amend_batch_orders")),
    *(("DELETE", "spot/orders"), ("DELETE", "spot/orders/1"), ("PATCH", "spot/orders/1")),
    *(
        ("POST", f"futures/usdt/{name}")
        for name in ("orders", "batch_orders", "bbo_orders", "batch_cancel_orders", "batch_amend_orders")
    ),
    *(("DELETE", "futures/btc/orders"), ("DELETE", "futures/btc/orders/1"), ("PUT", "futures/usdt/orders/1")),
]


@pytest.mark.parametrize(("method", "path"), EXPIRING)
@pytest.mark.parametrize(
    ("given_ms", "sent_ms"), [(None, 5000), (60_000, 5000), (5001, 5000), (4999, 4999), (300, 300), (-1000, -1000)]
)
def test_deadlines(method: str, path: str, given_ms: int | None, sent_ms: int) -> None:
    headers = () if given_ms is None else (("x-gate-exptime", str(WALL_MS + given_ms)),)
    request = asked(method, path, b"", *headers)
    found = [value for name, value in send(request).headers if name.lower() == "x-gate-exptime"]
    assert found == [str(WALL_MS + sent_ms)]
    until_ms = EXCHANGE.valid_until_ms(endpoint(method, path), request, Stamp(WALL_MS))
    assert until_ms - WALL_MS == max(sent_ms, 0)


def test_other_calls_have_no_deadline() -> None:
    for method, path in (
        *(("GET", "spot/accounts"), ("POST", "spot/price_orders"), ("POST", "spot/countdown_cancel_all")),
        *(("POST", "futures/usdt/price_orders"), ("POST", "delivery/usdt/orders"), ("POST", "options/orders")),
    ):
        request = asked(method, path, b"", ("x-gate-exptime", str(WALL_MS)))
        assert "x-gate-exptime" not in {name.lower() for name, _ in send(request).headers}
        assert EXCHANGE.valid_until_ms(endpoint(method, path), request, Stamp(WALL_MS)) == WALL_MS + 60_000


def test_params() -> None:
    def params(method: str, path: str, body: Any = b"") -> dict[str, str]:
        return dict(EXCHANGE.params(EXCHANGE.strip(asked(method, path, body))))

    assert params("POST", "spot/orders?a=1%2C2", {"price": "1.10", "n": None, "t": True, "k": 1.5}) == {
        **{"a": "1,2", "price": "1.10"},
        **{"t": "true", "k": "1.5"},
    }
    assert params("POST", "spot/batch_orders", b'[{"a":1.10}]') == {"[]": '[{"a":1.10}]'}
    # ccxt sends the parameters of a PATCH in both places.
    assert params("PATCH", "spot/orders/1?price=1.10&amount=2", {"price": "1.10", "x": "y"}) == {
        **{"price": "1.10", "amount": "2"},
        "x": "y",
    }
    with pytest.raises(BadCall, match="not the same"):
        params("PATCH", "spot/orders/1?price=1", {"price": "2"})


# ---- table

CLASSES: dict[CallClass, list[tuple[str, str]]] = {
    CallClass.PUBLIC: [
        *(
            ("GET", f"spot/{name}")
            for name in ("time", "currencies", "currency_pairs", "tickers", "order_book", "trades")
        ),
        *(("GET", "spot/candlesticks"), ("GET", "spot/currency_pairs/BTC_USDT"), ("GET", "spot/currencies/BTC")),
        *(
            ("GET", f"futures/usdt/{name}")
            for name in ("contracts", "contracts/BTC_USDT", "order_book", "candlesticks")
        ),
        *(("GET", "delivery/usdt/contracts"), ("GET", "options/underlyings"), ("GET", "options/contracts")),
        *(("GET", "wallet/currency_chains"), ("GET", "unified/currencies"), ("GET", "margin/uni/currency_pairs")),
        *(("POST", "futures/usdt/funding_rates"), ("POST", "unified/portfolio_calculator")),
    ],
    CallClass.READ: [
        *(
            ("GET", f"spot/{name}")
            for name in ("accounts", "open_orders", "orders", "orders/1", "my_trades", "new/thing")
        ),
        *(("GET", f"futures/btc/{name}") for name in ("accounts", "positions", "orders", "orders/t-a", "my_trades")),
        *(("GET", f"wallet/{name}") for name in ("withdrawals", "deposits", "transfers", "fee", "total_balance")),
        *(
            ("GET", "account/detail"),
            ("GET", "account/rate_limit"),
            ("GET", "unified/accounts"),
            ("GET", "sub_accounts"),
        ),
        *(("GET", "unified/transferable"), ("GET", "delivery/usdt/orders"), ("GET", "options/orders/1")),
        *(
            ("GET", "sub_accounts/7/keys"),
            ("GET", "margin/accounts"),
            ("GET", "earn/uni/lends"),
            ("GET", "something/new"),
        ),
    ],
    CallClass.PLACE: [
        *(("POST", f"spot/{name}") for name in ("orders", "batch_orders", "price_orders", "cross_liquidate_orders")),
        *(("POST", f"futures/usdt/{name}") for name in ("orders", "batch_orders", "price_orders", "bbo_orders")),
        *(("POST", "delivery/usdt/orders"), ("POST", "delivery/usdt/price_orders"), ("POST", "options/orders")),
        ("POST", "futures/usdt/autoorder/v1/trail/create"),
    ],
    CallClass.AMEND: [
        *(("PATCH", "spot/orders/1"), ("POST", "spot/amend_batch_orders"), ("PUT", "futures/usdt/orders/t-a")),
        *(
            ("POST", "futures/usdt/batch_amend_orders"),
            ("PUT", "options/orders/1"),
            ("PUT", "futures/usdt/price_orders/1"),
        ),
    ],
    CallClass.CANCEL: [
        *(("DELETE", "spot/orders"), ("DELETE", "spot/orders/1"), ("POST", "spot/cancel_batch_orders")),
        *(("POST", "spot/countdown_cancel_all"), ("POST", "futures/usdt/countdown_cancel_all")),
        *(("POST", "options/countdown_cancel_all"), ("DELETE", "spot/price_orders"), ("DELETE", "spot/price_orders/1")),
        *(("DELETE", "futures/usdt/orders"), ("DELETE", "futures/usdt/orders/1"), ("DELETE", "options/orders")),
        *(("POST", "futures/usdt/batch_cancel_orders"), ("DELETE", "delivery/usdt/orders/1")),
    ],
    CallClass.WITHDRAW: [
        *(("POST", "withdrawals"), ("POST", "withdrawals/push"), ("POST", "wallet/transfers"), ("POST", "wallet/push")),
        *(
            ("POST", f"wallet/{name}")
            for name in ("sub_account_transfers", "sub_account_to_sub_account", "small_balance")
        ),
        *(("POST", "unified/loans"), ("POST", "margin/uni/loans"), ("POST", "margin/cross/loans")),
        *(("POST", "margin/cross/repayments"), ("POST", "flash_swap/orders"), ("POST", "earn/uni/lends")),
        *(("PATCH", "earn/uni/lends"), ("PUT", "earn/uni/interest_reinvest"), ("POST", "loan/collateral/orders")),
        *(("POST", "loan/multi_collateral/repay"), ("POST", "otc/order/create")),
    ],
    CallClass.ADMIN: [
        *(("POST", "sub_accounts"), ("POST", "sub_accounts/7/keys"), ("PUT", "sub_accounts/7/keys/k")),
        *(("DELETE", "sub_accounts/7/keys/k"), ("POST", "sub_accounts/7/lock"), ("POST", "sub_accounts/7/unlock")),
        *(("PUT", "unified/unified_mode"), ("POST", "unified/collateral_currencies")),
        *(("POST", "unified/leverage/user_currency_setting"), ("POST", "futures/usdt/positions/BTC_USDT/leverage")),
        *(("POST", "futures/usdt/dual_mode"), ("POST", "account/stp_groups")),
    ],
}


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    for method, path in CLASSES[call_class]:
        row = endpoint(method, path)
        assert row.call_class is call_class, (method, path)
        assert row.auth is (Auth.NONE if call_class is CallClass.PUBLIC else Auth.SIGNED)


def test_calls_that_are_not_known_to_be_harmless_have_no_row() -> None:
    for method, path in (
        *(("DELETE", "withdrawals/1"), ("GET", "withdrawals"), ("POST", "rebate/x"), ("POST", "wallet/new")),
        *(
            ("POST", "spot/orders/1"),
            ("POST", "spot/new"),
            ("DELETE", "futures/usdt/positions"),
            ("PUT", "spot/orders/1"),
        ),
        *(("POST", "crossex/transfers"), ("POST", "bot/spot-grid/create"), ("POST", "p2p/merchant/transaction/cancel")),
        *(("POST", "sub_accounts/7/keys/k/x"), ("POST", "futures/usdt/orders/1"), ("HEAD", "spot/accounts")),
        *(("GET", "crossex/transfers"), ("GET", "spot/orders/a%2Fb"), ("GET", "spot/../withdrawals")),
    ):
        assert TABLE.match(method, ROOT + path) is None, (method, path)


def test_every_call_of_ccxt_is_named_or_refused_on_purpose() -> None:
    """A GET passes; what has no row else must be about money, settings or robots that trade by themselves."""
    bot = ccxt.gate()
    for path, (_, kind), method in _ccxt_calls():
        filled = bot.implode_params(path, dict.fromkeys(bot.extract_params(path), "x"))
        where = filled if kind in ("subAccounts", "withdrawals") else f"{kind}/{filled}"
        row = TABLE.match(method, ROOT + where)
        if method == "GET":
            assert row is not None and not row.call_class.writes, where
        elif kind in ("spot", "futures", "delivery", "options"):
            assert row is not None, (method, where)
        elif row is not None and row.auth is Auth.SIGNED:
            assert row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN), (method, where)
    for kind, rows in bot.api["public"].items():
        for method, paths in rows.items():
            for path in paths:
                filled = bot.implode_params(path, dict.fromkeys(bot.extract_params(path), "x"))
                row = TABLE.match(method.upper(), f"{ROOT}{kind}/{filled}")
                assert row is not None and row.auth is Auth.NONE, (kind, path)


MONEY = [
    *(("POST", "withdrawals"), ("DELETE", "withdrawals/1"), ("POST", "withdrawals/push"), ("POST", "wallet/transfers")),
    *(("POST", "wallet/sub_account_transfers"), ("POST", "wallet/sub_account_to_sub_account"), ("POST", "wallet/push")),
    *(("POST", "wallet/small_balance"), ("POST", "unified/loans"), ("POST", "margin/uni/loans")),
    *(("POST", "sub_accounts/7/keys"), ("PUT", "sub_accounts/7/keys/k"), ("DELETE", "sub_accounts/7/keys/k")),
    *(("POST", "crossex/transfers"), ("POST", "crossex/convert/orders"), ("POST", "tradfi/transactions")),
    *(("POST", "p2p/merchant/transaction/confirm-receipt"), ("POST", "margin/loans/1/repayment")),
]


@pytest.mark.parametrize(("method", "path"), MONEY)
def test_no_spelling_of_a_money_call_moves_money(method: str, path: str) -> None:
    for other_method, other in spellings(method, ROOT + path):
        row = TABLE.match(other_method, other)
        strict = row is not None and row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN)
        assert row is None or strict or (other_method == "GET" and row.call_class is CallClass.READ), (method, other)


PACE: dict[tuple[str, str], list[tuple[float, int, Scope, str]]] = {
    ("GET", "spot/tickers"): [(200, 10_000, Scope.ADDRESS, "endpoint")],
    ("POST", "spot/orders"): [(10, 1000, Scope.ACCOUNT, "symbol")],
    ("POST", "spot/batch_orders"): [(10, 1000, Scope.ACCOUNT, "symbol")],
    ("PATCH", "spot/orders/1"): [(10, 1000, Scope.ACCOUNT, "symbol")],
    ("DELETE", "spot/orders/1"): [(200, 1000, Scope.ACCOUNT, "")],
    ("POST", "spot/cancel_batch_orders"): [(200, 1000, Scope.ACCOUNT, "")],
    ("GET", "spot/accounts"): [(200, 10_000, Scope.ACCOUNT, "endpoint")],
    ("POST", "futures/usdt/orders"): [(100, 1000, Scope.ACCOUNT, "")],
    ("PUT", "futures/usdt/orders/1"): [(100, 1000, Scope.ACCOUNT, "")],
    ("DELETE", "futures/usdt/orders"): [(200, 1000, Scope.ACCOUNT, "")],
    ("GET", "futures/usdt/positions"): [(200, 10_000, Scope.ACCOUNT, "endpoint")],
    ("POST", "delivery/usdt/orders"): [(500, 10_000, Scope.ACCOUNT, "")],
    ("POST", "options/orders"): [(200, 1000, Scope.ACCOUNT, "")],
    ("POST", "withdrawals"): [(1, 3000, Scope.ACCOUNT, "")],
    ("POST", "withdrawals/push"): [(1, 10_000, Scope.ACCOUNT, "")],
    ("POST", "wallet/transfers"): [(80, 10_000, Scope.ACCOUNT, "endpoint")],
    ("GET", "wallet/deposits"): [(200, 10_000, Scope.ACCOUNT, "endpoint")],
    ("GET", "sub_accounts"): [(80, 10_000, Scope.ACCOUNT, "endpoint")],
    ("POST", "unified/loans"): [(15, 10_000, Scope.ACCOUNT, "")],
    ("GET", "account/detail"): [(150, 10_000, Scope.ACCOUNT, "")],
    ("GET", "something/new"): [(150, 10_000, Scope.ACCOUNT, "")],
}


@pytest.mark.parametrize(("method", "path"), PACE, ids=str)
def test_pace(method: str, path: str) -> None:
    limits = [TABLE.limits[cost.limit] for cost in endpoint(method, path).costs]
    found = [(limit.capacity, limit.window_ns // 10**6, limit.scope, limit.per) for limit in limits]
    assert found == PACE[method, path]
    assert all(limit.shape.value == "sliding" for limit in limits)


def test_each_order_of_a_list_costs() -> None:
    for path in ("spot/batch_orders", "spot/amend_batch_orders", "futures/usdt/batch_orders"):
        (cost,) = endpoint("POST", path).costs
        assert units(cost, {"[]": '[{"a":"x,y"},{},{}]'}) == 3
        assert units(cost, {"[]": "[broken"}) == units(cost, {}) > 4
    (cost,) = endpoint("POST", "futures/usdt/batch_cancel_orders").costs
    assert units(cost, {"[]": '["1","2"]'}) == 2
    (cost,) = endpoint("POST", "spot/cancel_batch_orders").costs
    assert units(cost, {"[]": "[{},{}]"}) == 1


def test_orders_of_a_list_count_on_their_own_markets() -> None:
    rows = [{"currency_pair": "BTC_USDT"}, {"currency_pair": "ETH_USDT"}, {"currency_pair": "btc_usdt"}]
    for path in ("spot/batch_orders", "spot/amend_batch_orders"):
        assert EXCHANGE.markets(endpoint("POST", path), {"[]": json.dumps(rows)}) == {"BTC_USDT": 2, "ETH_USDT": 1}
    assert EXCHANGE.markets(endpoint("POST", "spot/orders"), {"currency_pair": "BTC_USDT"}) == {}
    assert EXCHANGE.markets(endpoint("POST", "spot/cancel_batch_orders"), {"[]": json.dumps(rows)}) == {}
    assert EXCHANGE.symbol("btc_usdt") == "BTC_USDT"


# ---- judgement


def answer(body: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body if isinstance(body, bytes) else json.dumps(body).encode(), 1)


PLACE, CANCEL = endpoint("POST", "spot/orders"), endpoint("DELETE", "spot/orders/1")
READ, PUBLIC = endpoint("GET", "spot/accounts"), endpoint("GET", "spot/tickers")
NO, MAYBE = Executed.NO, Executed.UNKNOWN
REFUSED, UNKNOWN = (Outcome.REFUSED, None, NO), (Outcome.UNKNOWN, None, MAYBE)
DEAD = (Outcome.DEAD, Scope.KEY, NO)
# (status, label) -> judgement on an order
LABELS: dict[tuple[int, str], tuple[Outcome, Scope | None, Executed]] = {
    (429, "TOO_MANY_REQUESTS"): (Outcome.THROTTLED, Scope.ACCOUNT, NO),
    (400, "TOO_FAST"): (Outcome.THROTTLED, Scope.ACCOUNT, NO),
    (401, "INVALID_KEY"): DEAD,
    (401, "INVALID_CREDENTIALS"): DEAD,
    (401, "INVALID_SIGNATURE"): DEAD,
    (401, "AUTHENTICATION_FAILED"): DEAD,
    (401, "MISSING_REQUIRED_HEADER"): DEAD,
    (401, "REQUEST_EXPIRED"): (Outcome.CLOCK, None, NO),
    (403, "REQUEST_EXPIRED"): (Outcome.CLOCK, None, NO),
    (403, "IP_FORBIDDEN"): (Outcome.NOT_WHITELISTED, Scope.PAIR, NO),
    (403, "READ_ONLY"): (Outcome.NO_PERMISSION, Scope.KEY, NO),
    (403, "FORBIDDEN"): (Outcome.NO_PERMISSION, Scope.KEY, NO),
    (403, "ACCOUNT_LOCKED"): (Outcome.SUSPENDED, Scope.ACCOUNT, NO),
    (403, "SUB_ACCOUNT_LOCKED"): (Outcome.SUSPENDED, Scope.ACCOUNT, NO),
    (403, "TRADE_RESTRICTED"): REFUSED,
    (400, "RISK_ERROR"): REFUSED,
    **{(status, "TOO_BUSY"): UNKNOWN for status in (400, 429, 500, 503)},
    **{
        (status, name): UNKNOWN
        for name in ("INTERNAL", "SERVER_ERROR", "INTERNAL_SERVER_ERROR", "SERVER_TIMEOUT")
        for status in (400, 500, 504)
    },
    **{
        (400, name): REFUSED
        for name in (
            *("INVALID_PARAM_VALUE", "INVALID_CURRENCY_PAIR", "INVALID_PRECISION", "INVALID_CLIENT_ORDER_ID"),
            *("MISSING_REQUIRED_PARAM", "BALANCE_NOT_ENOUGH", "AMOUNT_TOO_LITTLE", "AMOUNT_TOO_MUCH"),
            *("QUANTITY_NOT_ENOUGH", "TOO_MANY_ORDERS", "POC_FILL_IMMEDIATELY", "ORDER_POC_IMMEDIATE"),
            *("PRICE_TOO_DEVIATED", "SIZE_TOO_SMALL", "SIZE_TOO_LARGE", "NO_CHANGE", "SOMETHING_NEW"),
            *("ORDER_CLOSED", "ORDER_CANCELLED", "ORDER_FINISHED"),
        )
    },
    (404, "ORDER_NOT_FOUND"): REFUSED,
    (404, "CLIENT_ID_NOT_FOUND"): REFUSED,
    **{
        (400, name): (Outcome.REFUSED, None, MAYBE)
        for name in ("REPEATED_CREATION", "DUPLICATE_REQUEST", "ORDER_EXISTS")
    },
    (500, "SOMETHING_NEW"): UNKNOWN,
}


@pytest.mark.parametrize(("status", "label"), LABELS, ids=str)
def test_labels(status: int, label: str) -> None:
    for more in ("message", "detail"):
        verdict = EXCHANGE.classify(PLACE, answer({"label": label, more: "text"}, status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == LABELS[status, label]
        assert verdict.code == label


def test_reads_and_public_calls() -> None:
    for name in ("TOO_BUSY", "SERVER_ERROR", "SOMETHING_NEW"):
        verdict = EXCHANGE.classify(READ, answer({"label": name}, 500), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.UNAVAILABLE, NO)
    verdict = EXCHANGE.classify(PUBLIC, answer({"label": "TOO_MANY_REQUESTS"}, 429), WALL_MS)
    assert (verdict.outcome, verdict.blame) == (Outcome.THROTTLED, Scope.ADDRESS)
    assert EXCHANGE.classify(READ, answer({"label": "INVALID_SIGNATURE"}, 401), WALL_MS).suspect_request
    assert not EXCHANGE.classify(READ, answer({"label": "INVALID_KEY"}, 401), WALL_MS).suspect_request


def test_accepted() -> None:
    for body in (
        {"id": "1", "status": "open"},
        [],
        [{"succeeded": False, "label": "BALANCE_NOT_ENOUGH"}],
        {"label": ""},
    ):
        for status in (200, 201):
            for row in (PLACE, CANCEL, READ, PUBLIC):
                verdict = EXCHANGE.classify(row, answer(body, status), WALL_MS)
                assert (verdict.outcome, verdict.executed) == (Outcome.ACCEPTED, Executed.YES)


@pytest.mark.parametrize("body", [b"{}", b"", b'{"id":"1"}', b"[]", b'{"label":"RECEIVED"}'])
def test_received_is_not_executed(body: bytes) -> None:
    verdict = EXCHANGE.classify(PLACE, answer(body, 202), WALL_MS)
    assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, MAYBE)


STATUSES = {
    **{429: (Outcome.THROTTLED, Scope.ADDRESS, NO), 403: (Outcome.BANNED, Scope.ADDRESS, NO)},
    451: (Outcome.BANNED, Scope.ADDRESS, NO),
    **dict.fromkeys((200, 204, 301, 307, 400, 401, 404, 408, 500, 502, 503, 504, 520), UNKNOWN),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [b"", b"<html>TOO_MANY_REQUESTS</html>", b'{"label":"TOO'])
def test_answers_of_the_front(status: int, body: bytes) -> None:
    verdict = EXCHANGE.classify(PLACE, answer(body, status), WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.executed) == STATUSES[status]


def test_feedback() -> None:
    headers = (
        (b"X-Gate-RateLimit-Limit", b"400"),
        (b"X-Gate-RateLimit-Requests-Remain", b"398"),
        (b"X-Gate-RateLimit-Reset-Timestamp", b"1700000004"),
    )
    (told,) = EXCHANGE.usage(READ, answer([], 200, *headers))
    assert (told.limit, told.capacity, told.left) == ("spot_10s", 400, 398)
    # Which limit the numbers of an order are about is not said: none is taken for its market's.
    assert EXCHANGE.usage(PLACE, answer({}, 201, *headers)) == ()
    throttled = {"label": "TOO_MANY_REQUESTS"}
    verdict = EXCHANGE.classify(PLACE, answer(throttled, 429, *headers), WALL_MS)
    assert verdict.wait_ns == (4000 - WALL_MS % 1_000_000) * 10**6
    now = ((b"X-Gate-RateLimit-Reset-Timestamp", b"1700000000"),)
    assert EXCHANGE.classify(PLACE, answer(throttled, 429, *now), WALL_MS).wait_ns is None
    assert TABLE.limits["spot_10s"].told and not TABLE.limits["spot_place_1s"].told


def test_time() -> None:
    assert endpoint("GET", "spot/time").call_class is CallClass.PUBLIC and EXCHANGE.time_path == ROOT + "spot/time"
    assert EXCHANGE.time_ms(b'{"server_time": 1731447921098}') == 1_731_447_921_098
    assert EXCHANGE.time_ms(b"<html>") is None


# ---- orders


class Write:
    """A write as the daemon has it, with client order ids."""

    def __init__(self, method: str, path: str, body: Any = b"") -> None:
        self.endpoint = endpoint(method, path)
        request = EXCHANGE.strip(asked(method, path, body))
        values = TABLE.path_params(self.endpoint, request.path)
        numbers = itertools.count(1)
        self.request, params = EXCHANGE.identify(
            self.endpoint, request, {**EXCHANGE.params(request), **values}, lambda: f"og{next(numbers)}"
        )
        assert dict(params) == {**EXCHANGE.params(self.request), **values}
        self.params = params
        self.lookups = EXCHANGE.lookups(self.endpoint, self.request, params, SINCE_MS)

    @property
    def orders(self) -> Orders:
        return EXCHANGE.orders(self.endpoint, self.params)

    @property
    def asks(self) -> list[str]:
        found = []
        for lookup in self.lookups:
            row = TABLE.named(lookup.endpoint)
            assert row is not None and row.call_class is CallClass.READ
            assert TABLE.match(lookup.request.method, lookup.request.path) is row
            path = lookup.request.path.removeprefix(ROOT)
            found.append(f"{lookup.item} {path}" + (f"?{lookup.request.query}" if lookup.request.query else ""))
        return found

    def found(self, lookup: Lookup | int, body: Any, status: int = 200) -> Finding:
        lookup = self.lookups[lookup] if isinstance(lookup, int) else lookup
        return EXCHANGE.found(self.endpoint, self.request, self.params, lookup, answer(body, status))

    def rebuilt(self, *findings: Finding) -> Any:
        made = EXCHANGE.rebuilt(self.endpoint, self.request, self.params, dict(enumerate(findings)))
        return None if made is None else (made.status, json.loads(made.body))

    def items(self, body: Any, status: int = 200) -> tuple[Item, ...]:
        return EXCHANGE.items(self.endpoint, self.params, answer(body, status))


PAIR = {"currency_pair": "BTC_USDT"}
PERP = {"contract": "BTC_USDT"}


@pytest.mark.parametrize(
    ("path", "body", "made"),
    [
        ("spot/orders", '{"price":1.10 }', '{"price":1.10 ,"text":"t-og1"}'),
        ("spot/orders", '{"text":null,"a":"b"}', '{"a":"b","text":"t-og1"}'),
        ("spot/orders", '{"text":"t-own"}', '{"text":"t-own"}'),
        ("spot/orders", '{"text":"own"}', '{"text":"own"}'),
        ("spot/orders", "{}", '{"text":"t-og1"}'),
        (
            "spot/batch_orders",
            '[{"a":1.0}, {"text":"t-own"},{}]',
            '[{"a":1.0,"text":"t-og1"}, {"text":"t-own"},{"text":"t-og2"}]',
        ),
        ("spot/cross_liquidate_orders", "{}", '{"text":"t-og1"}'),
        ("spot/price_orders", '{"put":{}}', '{"put":{}}'),
        ("futures/usdt/orders", '{"size":1}', '{"size":1,"text":"t-og1"}'),
        ("futures/usdt/bbo_orders", "{}", '{"text":"t-og1"}'),
        ("futures/usdt/batch_orders", "[{}]", '[{"text":"t-og1"}]'),
        ("futures/usdt/price_orders", '{"initial":{}}', '{"initial":{}}'),
        ("delivery/usdt/orders", "{}", '{"text":"t-og1"}'),
        ("options/orders", "{}", '{"text":"t-og1"}'),
        ("spot/cancel_batch_orders", '[{"id":"1"}]', '[{"id":"1"}]'),
        ("futures/usdt/batch_cancel_orders", '["1","2"]', '["1","2"]'),
    ],
)
def test_ids(path: str, body: str, made: str) -> None:
    assert Write("POST", path, body).request.body.decode() == made


@pytest.mark.parametrize(
    ("method", "path", "body", "own"),
    [
        ("POST", "spot/orders", PAIR, ("t-og1",)),
        ("POST", "spot/batch_orders", [PAIR, {"text": "t-a"}], ("t-og1", "t-a")),
        ("PATCH", "spot/orders/t-a?currency_pair=B", {"price": "1", "amend_text": "x"}, ("t-a",)),
        ("POST", "spot/amend_batch_orders", [{"order_id": "1"}, {"order_id": "t-a"}], ("1", "t-a")),
        ("DELETE", "spot/orders/123?currency_pair=B", b"", ("123",)),
        ("DELETE", "spot/orders?currency_pair=B", b"", ()),
        ("POST", "spot/cancel_batch_orders", [{"id": "1"}, {"id": "t-a"}], ("1", "t-a")),
        ("POST", "futures/usdt/orders", PERP, ("usdt t-og1",)),
        ("POST", "futures/btc/batch_orders", [PERP, {"text": "t-a"}], ("btc t-og1", "btc t-a")),
        ("PUT", "futures/usdt/orders/12", {"price": "1"}, ("usdt 12",)),
        ("DELETE", "futures/usdt/orders/t-a", b"", ("usdt t-a",)),
        ("POST", "futures/usdt/batch_cancel_orders", ["12", "t-a"], ("usdt 12", "usdt t-a")),
        ("POST", "futures/usdt/batch_amend_orders", [{"order_id": 12}, {"text": "t-a"}], ("usdt 12", "usdt t-a")),
        ("DELETE", "futures/usdt/orders?contract=B", b"", ()),
        ("POST", "spot/countdown_cancel_all", {"timeout": 30}, ()),
    ],
)
def test_which_orders_a_write_names(method: str, path: str, body: Any, own: tuple[str, ...]) -> None:
    write = Write(method, path, body)
    assert write.orders == Orders(own)
    given_ids = EXCHANGE.client_ids(write.endpoint, write.params)
    assert given_ids == (own if write.endpoint.call_class is CallClass.PLACE else ())


@pytest.mark.parametrize(
    ("path", "body", "closes"),
    [
        ("spot/orders", {**PAIR, "reduce_only": True}, False),
        ("futures/usdt/orders", PERP, False),
        ("futures/usdt/orders", {**PERP, "reduce_only": True}, True),
        ("futures/usdt/orders", {**PERP, "reduce_only": False}, False),
        ("futures/usdt/orders", {**PERP, "size": 0, "close": True}, True),
        ("futures/usdt/orders", {**PERP, "size": 0, "auto_size": "close_long"}, True),
        ("futures/usdt/batch_orders", [{"reduce_only": True}, {"close": True}], True),
        ("futures/usdt/batch_orders", [{"reduce_only": True}, PERP], False),
        ("futures/usdt/batch_orders", [], False),
        ("futures/usdt/bbo_orders", {"reduce_only": True}, True),
    ],
)
def test_orders_that_only_close(path: str, body: Any, closes: bool) -> None:
    write = Write("POST", path, body)
    assert EXCHANGE.closes(write.endpoint, write.params) is closes


FROM_S = SINCE_MS // 1000 - 2


@pytest.mark.parametrize(
    ("method", "path", "body", "asks"),
    [
        (
            *("POST", "spot/orders", {**PAIR, "text": "t-a"}),
            [
                "0 spot/orders/t-a?currency_pair=BTC_USDT",
                f"0 spot/orders?currency_pair=BTC_USDT&status=finished&from={FROM_S}&limit=100",
                f"0 spot/my_trades?currency_pair=BTC_USDT&from={FROM_S}&limit=1000",
            ],
        ),
        (
            *("POST", "spot/batch_orders", [{**PAIR, "text": "t-a"}, {"currency_pair": "E", "text": "t-b"}]),
            [
                *("0 spot/orders/t-a?currency_pair=BTC_USDT",),
                f"0 spot/orders?currency_pair=BTC_USDT&status=finished&from={FROM_S}&limit=100",
                f"0 spot/my_trades?currency_pair=BTC_USDT&from={FROM_S}&limit=1000",
                "1 spot/orders/t-b?currency_pair=E",
                f"1 spot/orders?currency_pair=E&status=finished&from={FROM_S}&limit=100",
                f"1 spot/my_trades?currency_pair=E&from={FROM_S}&limit=1000",
            ],
        ),
        ("POST", "spot/orders", {**PAIR, "account": "cross_margin"}, []),
        ("POST", "spot/batch_orders", [PAIR, {**PAIR, "account": "cross_margin"}], []),
        ("DELETE", "spot/orders/12?currency_pair=B", b"", ["0 spot/orders/12?currency_pair=B"]),
        ("DELETE", "spot/orders/12?currency_pair=B&account=unified", b"", ["0 spot/orders/12?currency_pair=B"]),
        (
            *("DELETE", "spot/orders/t-a?currency_pair=B", b""),
            [
                "0 spot/orders/t-a?currency_pair=B",
                f"0 spot/orders?currency_pair=B&status=finished&from={FROM_S}&limit=100",
            ],
        ),
        ("PATCH", "spot/orders/12", {**PAIR, "price": "1"}, ["0 spot/orders/12?currency_pair=BTC_USDT"]),
        (
            *("POST", "spot/cancel_batch_orders", [{**PAIR, "id": "1"}, {**PAIR, "id": "2"}]),
            ["0 spot/orders/1?currency_pair=BTC_USDT", "1 spot/orders/2?currency_pair=BTC_USDT"],
        ),
        ("POST", "spot/amend_batch_orders", [{**PAIR, "order_id": "1"}], ["0 spot/orders/1?currency_pair=BTC_USDT"]),
        (
            *("POST", "futures/usdt/orders", {**PERP, "text": "t-a"}),
            [
                "0 futures/usdt/orders/t-a",
                f"0 futures/usdt/orders_timerange?contract=BTC_USDT&from={FROM_S}&limit=100",
            ],
        ),
        ("PUT", "futures/btc/orders/12", {"price": "1"}, ["0 futures/btc/orders/12"]),
        (
            *("DELETE", "futures/usdt/orders/t-a", b""),
            ["0 futures/usdt/orders/t-a", "0 futures/usdt/orders?status=finished&limit=100"],
        ),
        (
            *("POST", "futures/usdt/batch_cancel_orders", ["1", "2"]),
            ["0 futures/usdt/orders/1", "1 futures/usdt/orders/2"],
        ),
        ("POST", "futures/usdt/batch_amend_orders", [{"order_id": 1}], ["0 futures/usdt/orders/1"]),
        ("POST", "delivery/usdt/orders", PERP, []),
        ("POST", "options/orders", PERP, []),
        ("POST", "spot/pov_orders", PAIR, []),
        ("DELETE", "spot/price_orders/1", b"", []),
        ("DELETE", "spot/orders", b"", []),
    ],
)
def test_what_is_asked(method: str, path: str, body: Any, asks: list[str]) -> None:
    assert Write(method, path, body).asks == asks


DONE, NOT_SO_FAR, NEVER, CANNOT_TELL = Found.DONE, Found.NOT_SO_FAR, Found.NEVER, Found.CANNOT_TELL
BEFORE, AFTER, LATER = SINCE_MS - 60_000, SINCE_MS + 40, SINCE_MS + 3000


def spot_order(**changes: Any) -> dict[str, Any]:
    return {
        **{"id": "123", "text": "t-a", "create_time": "1", "update_time": "1", "create_time_ms": AFTER},
        **{"update_time_ms": AFTER, "status": "open", "currency_pair": "BTC_USDT", "amount": "0.010", "price": "5e4"},
        **{"finish_as": "open"},
        **changes,
    }


def perpetual(**changes: Any) -> dict[str, Any]:
    return {
        **{"id": 123, "user": 7, "text": "t-a", "create_time": AFTER / 1000, "status": "open", "contract": "BTC_USDT"},
        **{"size": 2, "left": 2, "price": "50000", "tif": "gtc"},
        **changes,
    }


def over(finish_as: str, at_ms: int, made_ms: int = BEFORE) -> dict[str, Any]:
    more = {"finish_as": finish_as, "finish_time": at_ms / 1000}
    return perpetual(create_time=made_ms / 1000, status="finished", **more)


MISSING = {"label": "ORDER_NOT_FOUND", "message": "x"}
TRADE = {"id": "9", "order_id": "123", "text": "t-a", "create_time_ms": f"{AFTER}.5", "role": "taker", "amount": "1"}


@pytest.mark.parametrize(
    ("look", "status", "body", "state"),
    [
        (0, 200, spot_order(), DONE),
        (0, 200, spot_order(status="cancelled", finish_as="ioc"), DONE),
        (0, 200, spot_order(create_time_ms=str(AFTER)), DONE),
        (0, 200, spot_order(create_time_ms=BEFORE), CANNOT_TELL),
        (0, 200, spot_order(text="t-b"), CANNOT_TELL),
        (0, 404, MISSING, NOT_SO_FAR),
        (0, 400, {"label": "CLIENT_ID_NOT_FOUND"}, NOT_SO_FAR),
        (1, 404, MISSING, CANNOT_TELL),
        (0, 429, {"label": "TOO_MANY_REQUESTS"}, CANNOT_TELL),
        (0, 500, {"label": "SERVER_ERROR"}, CANNOT_TELL),
        (0, 202, spot_order(), CANNOT_TELL),
        (0, 200, {}, CANNOT_TELL),
        (0, 200, b"<html>", CANNOT_TELL),
        (1, 200, [], NOT_SO_FAR),
        (1, 200, [spot_order(text="t-b")], NOT_SO_FAR),
        (1, 200, [spot_order(text="t-b"), spot_order(status="closed")], DONE),
        (1, 200, [spot_order(create_time_ms=BEFORE)], NOT_SO_FAR),
        (1, 200, [spot_order(), spot_order(id="124")], CANNOT_TELL),
        (1, 200, [spot_order(text="t-b")] * 100, CANNOT_TELL),  # there may be more
        (1, 200, [1], CANNOT_TELL),
        (2, 200, [], NOT_SO_FAR),
        (2, 200, [TRADE], DONE),
        (2, 200, [TRADE, TRADE], CANNOT_TELL),
        (2, 200, [{**TRADE, "text": "t-b"}] * 999, NOT_SO_FAR),
        (2, 200, [{**TRADE, "text": "t-b"}] * 1000, CANNOT_TELL),
    ],
)
def test_new_spot_orders(look: int, status: int, body: Any, state: Found) -> None:
    write = Write("POST", "spot/orders", {**PAIR, "text": "t-a"})
    finding = write.found(look, body, status)
    assert finding.state is state
    if state is DONE and look < 2:
        shown = body if isinstance(body, dict) else body[-1]
        assert json.loads(finding.body) == shown and write.rebuilt(finding) == (200, shown)
    else:
        assert finding.body == b"" and write.rebuilt(finding) is None


@pytest.mark.parametrize(
    ("status", "made_ms", "changed_ms", "by_id", "by_text"),
    [
        ("open", BEFORE, BEFORE, NOT_SO_FAR, NOT_SO_FAR),
        ("cancelled", BEFORE, AFTER, DONE, DONE),
        ("closed", BEFORE, AFTER, NEVER, NEVER),
        ("cancelled", BEFORE, BEFORE + 1, NEVER, NOT_SO_FAR),
        ("open", LATER, LATER, CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_spot_cancels(status: str, made_ms: int, changed_ms: int, by_id: Found, by_text: Found) -> None:
    row = spot_order(status=status, create_time_ms=made_ms, update_time_ms=changed_ms)
    for name, state in (("123", by_id), ("t-a", by_text)):
        write = Write("DELETE", f"spot/orders/{name}?currency_pair=BTC_USDT")
        finding = write.found(0, row)
        assert finding.state is state and finding.body == (orjson.dumps(row) if state is DONE else b"")
        listed = Write("POST", "spot/cancel_batch_orders", [{**PAIR, "id": name}])
        finding = listed.found(0, row)
        assert finding.state is state
        if state is DONE:
            told = {"currency_pair": "BTC_USDT", "id": "123", "text": "t-a", "account": None}
            assert listed.rebuilt(finding) == (200, [{**told, "succeeded": True, "label": "", "message": ""}])
    assert write.found(0, MISSING, 404).state is NOT_SO_FAR
    if status != "open":
        assert write.found(1, [row]).state is by_text


@pytest.mark.parametrize(
    ("body", "changes", "state"),
    [
        ({"price": "50000", "amount": "0.01"}, {}, DONE),
        ({"price": "50000"}, {"update_time_ms": BEFORE}, NOT_SO_FAR),
        ({"price": "49000"}, {}, NOT_SO_FAR),
        ({"price": "49000"}, {"status": "closed"}, NEVER),
        ({"amend_text": "t-x"}, {"amend_text": "t-x"}, DONE),
        ({"stop_loss": {}}, {}, CANNOT_TELL),
    ],
)
def test_spot_changes(body: dict[str, Any], changes: dict[str, Any], state: Found) -> None:
    row = spot_order(**{"create_time_ms": BEFORE, **changes})
    assert Write("PATCH", "spot/orders/123", {**PAIR, **body}).found(0, row).state is state
    listed = Write("POST", "spot/amend_batch_orders", [{**PAIR, "order_id": "123", **body}])
    finding = listed.found(0, row)
    assert finding.state is state
    if state is DONE:
        assert listed.rebuilt(finding) == (200, [{**row, "succeeded": True, "label": "", "message": ""}])


@pytest.mark.parametrize(
    ("look", "status", "body", "state"),
    [
        (0, 200, perpetual(), DONE),
        (0, 200, over("filled", AFTER, AFTER), DONE),
        (0, 200, perpetual(create_time=BEFORE / 1000), CANNOT_TELL),
        (0, 404, MISSING, NOT_SO_FAR),
        (1, 200, [], NOT_SO_FAR),
        (1, 200, [over("ioc", AFTER, AFTER)], DONE),
        (1, 200, [perpetual(text="t-b")] * 100, CANNOT_TELL),
    ],
)
def test_new_perpetual_orders(look: int, status: int, body: Any, state: Found) -> None:
    finding = Write("POST", "futures/usdt/orders", {**PERP, "text": "t-a"}).found(look, body, status)
    assert finding.state is state
    shown = body[0] if isinstance(body, list) and body else body
    assert finding.body == (orjson.dumps(shown) if state is DONE else b"")
    assert not {"state", "changed"} & finding.order.keys()


@pytest.mark.parametrize(
    ("row", "by_id", "by_text"),
    [
        (perpetual(create_time=BEFORE / 1000), NOT_SO_FAR, NOT_SO_FAR),
        (perpetual(create_time=BEFORE / 1000, finish_as="filled"), NOT_SO_FAR, NOT_SO_FAR),
        (over("cancelled", AFTER), DONE, DONE),
        (over("filled", AFTER), NEVER, NEVER),
        (over("liquidated", AFTER), NEVER, NEVER),
        (over("cancelled", BEFORE + 1), NEVER, NOT_SO_FAR),
        (perpetual(create_time=LATER / 1000), CANNOT_TELL, CANNOT_TELL),
    ],
)
def test_perpetual_cancels(row: dict[str, Any], by_id: Found, by_text: Found) -> None:
    for name, state in (("123", by_id), ("t-a", by_text)):
        finding = Write("DELETE", f"futures/usdt/orders/{name}").found(0, row)
        assert finding.state is state and finding.body == (orjson.dumps(row) if state is DONE else b"")
        listed = Write("POST", "futures/usdt/batch_cancel_orders", [name])
        finding = listed.found(0, row)
        assert finding.state is state
        if state is DONE:
            assert listed.rebuilt(finding) == (200, [{"id": "123", "user_id": 7, "succeeded": True, "message": ""}])
    assert Write("DELETE", "futures/usdt/orders/t-a").found(1, [row]).state is by_text


@pytest.mark.parametrize(
    ("body", "changes", "state"),
    [
        ({"price": "50000.0", "size": 2}, {"update_time": AFTER / 1000}, DONE),
        ({"price": "49000"}, {"update_time": AFTER / 1000}, NOT_SO_FAR),
        ({"price": "50000"}, {"update_time": BEFORE / 1000}, NOT_SO_FAR),
        ({"price": "49000"}, {"status": "finished", "finish_as": "filled", "finish_time": AFTER / 1000}, NEVER),
    ],
)
def test_perpetual_changes(body: dict[str, Any], changes: dict[str, Any], state: Found) -> None:
    row = perpetual(**{"create_time": BEFORE / 1000, **changes})
    assert Write("PUT", "futures/usdt/orders/123", body).found(0, row).state is state
    listed = Write("POST", "futures/usdt/batch_amend_orders", [{"order_id": 123, **body}])
    assert listed.found(0, row).state is state


def test_a_list_of_which_a_part_was_executed() -> None:
    write = Write("POST", "spot/batch_orders", [{**PAIR, "text": "t-b", "price": "1"}, {**PAIR, "text": "t-a"}])
    done = write.found(3, spot_order())
    assert done.state is DONE
    row = {**spot_order(), "succeeded": True, "label": "", "message": ""}
    never = {
        "currency_pair": "BTC_USDT",
        "text": "t-b",
        "succeeded": False,
        "label": "TOO_BUSY",
        "message": "not executed",
    }
    assert write.rebuilt(Finding(NOT_SO_FAR), done) == (200, [never, row])
    assert write.rebuilt(Finding(NOT_SO_FAR), Finding(NEVER)) is None
    assert write.rebuilt(done) is None
    assert write.rebuilt(Finding(DONE), done) is None
    cancels = Write("POST", "futures/usdt/batch_cancel_orders", ["5", "123"])
    done = cancels.found(1, over("cancelled", AFTER))
    (first, second) = cancels.rebuilt(Finding(NEVER), done)[1]
    assert (first["id"], first["succeeded"], second["id"], second["succeeded"]) == ("5", False, "123", True)


YES = Executed.YES


@pytest.mark.parametrize(
    ("path", "body", "told", "items"),
    [
        (
            *("spot/batch_orders", [{"text": "t-a"}, {"text": "t-b"}, {"text": "t-c"}, {"text": "t-d"}]),
            [
                {"text": "t-a", "succeeded": True, "id": "1", "status": "open"},
                {"text": "t-b", "succeeded": False, "label": "BALANCE_NOT_ENOUGH", "message": "Not enough"},
                {"text": "t-c", "succeeded": False, "label": "SERVER_ERROR", "message": ""},
                {"text": "t-d", "succeeded": False, "label": "ORDER_EXISTS"},
            ],
            (
                Item(0, "t-a", YES, "1"),
                Item(1, "t-b", NO, "", "BALANCE_NOT_ENOUGH Not enough"),
                Item(2, "t-c", MAYBE, "", "SERVER_ERROR"),
                Item(3, "t-d", MAYBE, "", "ORDER_EXISTS"),
            ),
        ),
        (
            *("spot/cancel_batch_orders", [{"id": "1"}, {"id": "t-b"}]),
            [
                {"id": "1", "succeeded": True, "currency_pair": "B"},
                {"id": "t-b", "succeeded": False, "label": "ORDER_NOT_FOUND", "message": "x"},
            ],
            (Item(0, "1", YES, "1"), Item(1, "t-b", NO, "t-b", "ORDER_NOT_FOUND x")),
        ),
        (
            *("futures/usdt/batch_orders", [{"text": "t-a"}, {"text": "t-b"}]),
            [
                {"text": "t-a", "succeeded": True, "id": 1},
                {"succeeded": False, "label": "INVALID_PRICE", "detail": "d"},
            ],
            (Item(0, "t-a", YES, "1"), Item(1, "t-b", NO, "", "INVALID_PRICE d")),
        ),
        (
            *("futures/usdt/batch_cancel_orders", ["1", "2"]),
            [
                {"id": "1", "user_id": 7, "succeeded": True, "message": ""},
                {"id": "2", "user_id": 7, "succeeded": False, "message": "ORDER_NOT_FOUND"},
            ],
            (Item(0, "1", YES, "1"), Item(1, "2", NO, "2", "ORDER_NOT_FOUND")),
        ),
        (
            *("spot/amend_batch_orders", [{"order_id": "1"}, {"order_id": "2"}]),
            [{"order_id": "1", "succeeded": True}, {"succeeded": None}],
            (Item(0, "1", YES, "1"), Item(1, "2", MAYBE)),
        ),
        ("spot/batch_orders", [{"text": "t-a"}], [], ()),
        ("spot/batch_orders", [{"text": "t-a"}], [{"text": "t-z", "id": "9", "succeeded": True}], ()),
        ("spot/batch_orders", [{"text": "t-a"}], {"label": "INVALID_PARAM_VALUE"}, ()),
        ("spot/batch_orders", [{"text": "t-a"}], b"<html>", ()),
        ("spot/orders", {"text": "t-a"}, {"id": "1"}, ()),
    ],
)
def test_items(path: str, body: Any, told: Any, items: tuple[Item, ...]) -> None:
    write = Write("POST", path, body)
    assert write.items(told) == items
    assert write.items(told, 502) == write.items(told, 202) == ()


def test_absence() -> None:
    assert EXCHANGE.absence is not None and EXCHANGE.absence.after_ms >= 10_000 and EXCHANGE.absence.looks >= 3


# ---- our own refusals

NATIVE = [
    (Refusal(429, "rate_limited", "text"), ccxt.RateLimitExceeded),
    (Refusal(429, "queue_full", "text"), ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.PermissionDenied),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.PermissionDenied),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.ExchangeError),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(504, "answer_lost", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "no_route", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "not_executed", "text"), ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception]) -> None:
    native = EXCHANGE.native_error(refusal, asked("POST", "spot/orders", b"{}"))
    found = orjson.loads(native.body)
    assert native.status == refusal.status
    assert "text" in found["message"] and refusal.reason in found["message"]
    bot, body = ccxt.gate(), native.body.decode()
    with pytest.raises(ccxt.BaseError) as caught:
        bot.handle_errors(native.status, "", "http://127.0.0.1/x", "POST", {}, body, found, {}, "")
    assert type(caught.value) is expected
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)
    assert issubclass(GateApiException, ApiException) and ApiException is RestException
