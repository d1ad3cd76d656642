"""HTX: vectors, equality with ccxt, stripping, the table, judgement, native errors."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import ccxt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.errors import BadCall
from proxy.exchanges.htx import EXCHANGE
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

WALL_MS = 1_494_515_970_123  # 2017-05-11T15:19:30
KEY, SECRET = "e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", b"b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"  # as HTX masks its example
SEED = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"  # the bytes 0 to 31
HEAD = f"AccessKeyId={KEY}&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2017-05-11T15%3A19%3A30"
DUMMIES = "AccessKeyId=dummy-token&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=x&Signature=dummy"


def endpoint(name: str, product: str = "") -> Endpoint:
    method, _, path = name.partition(" ")
    found = EXCHANGE.table.match(method, path, product)
    assert found is not None, name
    return found


def send(request: Incoming, host: str = "api.huobi.pro", *, key: str = KEY, secret: bytes = SECRET) -> SignedRequest:
    row = endpoint(f"{request.method} {request.path}")
    stamp = Stamp(WALL_MS, host=host)
    return EXCHANGE.sign(EXCHANGE.strip(request), row, Credential("htx-main", "main", key, secret), stamp)


def get(path: str, query: str = "", body: bytes = b"") -> Incoming:
    return Incoming("GET", path, query, (), body)


def post(path: str, body: str = "{}", query: str = "") -> Incoming:
    return Incoming("POST", path, query, (), body.encode())


# The first has the text that HTX publishes; its signature there is a placeholder.
VECTORS = [
    ("GET", "api.huobi.pro", "/v1/order/orders", "order-id=1234567890", "Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM="),
    ("POST", "api.huobi.pro", "/v1/order/orders/place", "", "5NjPB1wj1lHSZO0PkwvX5X7fuOi2DHrI8Y/jS1nbDvQ="),
    ("POST", "api-aws.huobi.pro", "/v1/order/orders/place", "", "gJFpBffo2JRYd+bJ9Ev6RS7bdh7ks2aMJWyztSvQiKs="),
    (
        *("GET", "api.huobi.pro", "/v1/order/history", "symbol=btcusdt&states=filled,canceled"),
        "VgySJ2OYT1Fpv8MA5fxsjn8F9/m26GiUZAufxuVQe18=",
    ),
    (
        *("GET", "api.huobi.pro", "/v1/order/history"),
        "alpha=a%2bb/c=&symbol=btcusdt&Zeta=x+y&states=filled%2Ccanceled",
        "8tSdnNQTfbk8yO3b9NXTdmnONiXXMoNfvWuvaIq+Sbc=",
    ),
    ("GET", "API.huobi.pro", "/v1/account/accounts", "", "mo1l8CzSb+GRNh/gw7e6jgbfixbzfyo4ZuUuSVzvcDM="),
    (
        *("POST", "api.hbdm.vn", "/linear-swap-api/v1/swap_cross_order", ""),
        "F25f+FCtMSLvFCLv24xWeevAxwtFYzc5sBMCw3Lx15s=",
    ),
    (
        *("POST", "api.hbdm.com", "/linear-swap-api/v1/swap_cross_order", ""),
        "6LkhKn9NNX4vJxzfZMB6xldfTGF0arEPYu2ehFyipbA=",
    ),
    (
        *("GET", "api.hbdm.com", "/linear-swap-api/v1/swap_api_trading_status", ""),
        "azLdhD+V7jlr75UfgMMS137idK5Y5OPtExMQwyHj1wU=",
    ),
    (
        *("GET", "api.hbdm.com", "/v5/trade/order", "client_order_id=123&contract_code=BTC-USDT"),
        "HcQrMoR0uRvYxzpwAHjfV9Mw7OxbZ7P82kzbkQ5WHJA=",
    ),
]


@pytest.mark.parametrize(("method", "host", "path", "query", "sig"), VECTORS)
def test_vectors(method: str, host: str, path: str, query: str, sig: str) -> None:
    body = b'{"a": 1.10}' if method == "POST" else b""
    mixed = f"{DUMMIES}&{query}" if query else DUMMIES
    sent = send(Incoming(method, path, mixed, (), body), host)
    assert sent.target.startswith(f"{path}?{HEAD}") and sent.target.endswith(f"&Signature={quote(sig, safe='')}")
    assert sent.body == body
    assert (("Content-Type", "application/json") in sent.headers) == (method == "POST")


def test_the_query_is_sent_as_it_is_signed() -> None:
    sent = send(get("/v1/order/history", "alpha=a%2bb/c=&symbol=btcusdt&Zeta=x+y&states=filled,canceled&e&u=%c3%a9~"))
    wanted = f"{HEAD}&Zeta=x%20y&alpha=a%2Bb%2Fc%3D&e=&states=filled%2Ccanceled&symbol=btcusdt&u=%C3%A9~&Signature="
    assert sent.target.startswith(f"/v1/order/history?{wanted}")


def _pem() -> bytes:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    form = serialization.PrivateFormat.PKCS8
    return private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@pytest.mark.parametrize("secret", [SEED.encode(), SEED.encode() + b"\n", _pem()])
def test_ed25519(secret: bytes) -> None:
    sent = send(get("/v1/order/orders", "order-id=1234567890"), secret=secret)
    sig = "DFaGB/ssOe0ihN7x+KCeLOFB86iDrmZhK3iU0fjPyULRPLrvJ8lGyrruEMWrha/XjsujPdGzOC+hw5CCqeaFCg=="
    head = HEAD.replace("HmacSHA256", "Ed25519")
    assert sent.target == f"/v1/order/orders?{head}&order-id=1234567890&Signature={quote(sig, safe='')}"


def test_secrets() -> None:
    made = Ed25519PrivateKey.from_private_bytes(bytes(32))  # any PEM that is no private key
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret, fine in ((SECRET, True), (SEED.encode(), True), (_pem(), True), (b" ", False), (public, False)):
        assert (EXCHANGE.check_credential(Credential("a", "b", KEY, secret)) == "") is fine
    sent = send(get("/v1/account/accounts"))
    assert KEY in sent.target and SECRET.decode() not in sent.target


def _calls(bot: Any) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for product in ("spot", "contract"):
        for method in ("get", "post"):
            for path in bot.api[product]["private"][method]:
                yield method.upper(), (product, "private"), path


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260821)
    bot = ccxt.htx({"apiKey": "dummy-key", "secret": "dummy-secret"})
    bot.nonce = lambda: WALL_MS
    bot.uuid = lambda: "dummy"
    values: list[Any] = ["btcusdt", "BTC-USDT", "a b", "filled,canceled", "ä", "1.10", 7, "x/y:z=&", "+"]
    equal = 0
    for method, api, path in _calls(bot):
        names = rng.sample(["symbol", "states", "size", "from", "contract_code", "client-order-id", "id"], 3)
        params = {name: rng.choice(values) for name in names}
        params |= {name: 5 for name in bot.extract_params(path)}
        made = bot.sign(path, list(api), method, dict(params))
        where, _, query = made["url"].removeprefix("https://").partition("?")
        host, _, rest = where.partition("/")
        row = EXCHANGE.table.match(method, f"/{rest}", "spot" if api[0] == "spot" else "swap")
        if row is None or row.auth is Auth.NONE:
            continue
        bare = query.replace("AccessKeyId=dummy-key", "AccessKeyId=dummy-token")
        request = Incoming(method, f"/{rest}", bare, (), (made["body"] or "").encode())
        assert EXCHANGE.token(request) == "dummy-token"
        own = Credential("htx-main", "main", "dummy-key", b"dummy-secret")
        sent = EXCHANGE.sign(EXCHANGE.strip(request), row, own, Stamp(WALL_MS, host=host))
        assert f"https://{host}{sent.target}" == made["url"]
        assert sent.body == (made["body"] or "").encode()
        equal += 1
    assert equal > 200


def test_public_calls_go_unsigned_and_unchanged() -> None:
    for path in ("/market/detail/merged", "/v1/common/symbols", "/linear-swap-api/v1/swap_contract_info"):
        sent = send(get(path, f"symbol=btc%2cusdt&{DUMMIES}&a=b c".replace(" ", "+")))
        assert (sent.target, sent.body) == (f"{path}?symbol=btc%2cusdt&a=b+c", b"")
    row = endpoint("GET /v1/account/accounts")
    assert EXCHANGE.sign(get("/v1/account/accounts"), row, None, Stamp(WALL_MS)).target == "/v1/account/accounts"


def test_strip() -> None:
    request = Incoming("POST", "/v1/order/orders/place", f"a=1&{DUMMIES}&b=2", (("x", "y"),), b'{ "price" : 1.10 }')
    stripped = EXCHANGE.strip(request)
    assert (stripped.query, stripped.body, stripped.headers) == ("a=1&b=2", b'{ "price" : 1.10 }', (("x", "y"),))
    body = '{"AccessKeyId":"dummy-token","amount":1.0,"Signature":"dummy","Timestamp":"x"}'
    assert EXCHANGE.strip(post("/v1/order/orders/place", body)).body == b'{"amount":1.0}'
    listed = '[{"price":1.10}, {"price":2}]'
    assert EXCHANGE.strip(post("/v1/order/batch-orders", listed)).body == listed.encode()
    hidden = "%41ccessKeyId=dummy-token&Access%4beyId=dummy"
    assert EXCHANGE.strip(get("/v1/account/accounts", hidden)).query == ""


@pytest.mark.parametrize(
    "bad",
    [
        get("/v1/account/accounts", body=b"{}"),
        get("/v1/account/accounts", "a= b"),
        get("/v1/account/accounts", "a=ä"),
        post("/v1/order/orders/place", "symbol=btcusdt"),
        post("/v1/order/orders/place", '{"symbol":"a","symbol":"b"}'),
        post("/v1/order/orders/place", '{"symbol":'),
        post("/v1/order/orders/place", '{"symbol":"a"}', "symbol=b"),
        get("/v1/order/history", "symbol=a&symbol=b"),
    ],
    ids=str,
)
def test_calls_that_can_be_read_in_two_ways_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.params(EXCHANGE.strip(bad))


@pytest.mark.parametrize(
    ("query", "token"),
    [
        (DUMMIES, "dummy-token"),
        ("AccessKeyId=dummy%2Dtoken", "dummy-token"),
        ("symbol=AccessKeyId", ""),
        ("accesskeyid=dummy-token", ""),
        ("", ""),
    ],
)
def test_token(query: str, token: str) -> None:
    assert EXCHANGE.token(get("/v1/account/accounts", query)) == token
    assert EXCHANGE.token(post("/v1/order/orders/place", query=query)) == token


def test_a_time_stamp_counts_for_five_minutes() -> None:
    place = post("/v1/order/orders/place")
    until_ms = EXCHANGE.valid_until_ms(endpoint("POST /v1/order/orders/place"), place, Stamp(WALL_MS))
    assert until_ms == WALL_MS - 123 + 300_000


# ---- table


def test_every_call_of_ccxt_has_a_row_or_moves_money_or_debt() -> None:
    bot = ccxt.htx()
    without = []
    for product in ("spot", "contract"):
        for access, methods in bot.api[product].items():
            for method, paths in methods.items():
                for path in paths:
                    filled = "/" + path.replace("{", "x").replace("}", "")
                    row = EXCHANGE.table.match(method.upper(), filled, "spot" if product == "spot" else "swap")
                    if row is None:
                        without.append(f"{method} {path}")
                        continue
                    assert (row.auth is Auth.NONE) == (access == "public" or path == "v2/reference/currencies"), path
                    assert method == "post" or row.name == "GET /v2/user/api-key" or not row.call_class.writes
    without.remove("get swap-api/v1/linear-swap-api/v1/swap_insurance_fund")  # two paths run together
    assert all(one.startswith("post ") for one in without)
    assert sorted(one.split("/", 1)[1] for one in without) == [
        *("dw/withdraw-virtual/{withdraw-id}/cancel", "etp/batch-cancel", "etp/creation", "etp/redemption"),
        *("etp/{transactId}/cancel", "stable-coin/exchange", "trust/user/active/credit"),
    ]


CLASSES = {
    CallClass.PLACE: [
        *("POST /v1/order/orders/place", "POST /v1/order/auto/place", "POST /v1/order/batch-orders"),
        *("GET /v1/order/orders/place", "POST /v2/algo-orders", "POST /v5/trade/order", "POST /v5/trade/batch_orders"),
        *("POST /v5/trade/position", "POST /v5/trade/position_all", "POST /v5/algo/order"),
        *("POST /linear-swap-api/v1/swap_order", "POST /linear-swap-api/v1/swap_cross_batchorder"),
        *("POST /linear-swap-api/v1/swap_cross_lightning_close_position", "POST /swap-api/v1/swap_order"),
        *("POST /linear-swap-api/v1/swap_tpsl_order", "POST /linear-swap-api/v1/swap_cross_track_order"),
        *("POST /api/v1/contract_order", "POST /api/v1/lightning_close_position"),
    ],
    CallClass.CANCEL: [
        *("GET /v1/order/cancelAllOrders", "POST /v1/order/orders/59378/submitcancel"),
        *("POST /v1/order/orders/submitCancelClientOrder", "POST /v1/order/orders/batchcancel"),
        *("POST /v1/order/orders/batchCancelOpenOrders", "GET /v1/order/orders/batchCancelOpenOrders"),
        *("POST /v2/algo-orders/cancellation", "POST /v2/algo-orders/cancel-all-after"),
        *("POST /linear-swap-api/v1/swap_cancel", "POST /linear-swap-api/v1/swap_cross_cancelall"),
        *("POST /linear-swap-api/v1/linear-cancel-after", "POST /linear-swap-api/v1/swap_cross_trigger_cancelall"),
        *("POST /v5/trade/cancel_order", "POST /v5/trade/cancel_batch_orders", "POST /v5/trade/cancel_all_orders"),
        *("POST /v5/trade/cancel-after", "POST /v5/algo/cancel_orders", "POST /api/v1/contract_cancelall"),
    ],
    CallClass.READ: [
        *("GET /v1/order/orders", "GET /v1/order/orders/59378", "GET /v1/order/orders/getClientOrder"),
        *("GET /v1/order/orders/59378/matchresults", "GET /v1/account/accounts/7/balance", "GET /v2/user/uid"),
        *("GET /v2/account/repayment", "GET /v2/account/withdraw/quota", "GET /v1/query/deposit-withdraw"),
        *("GET /v2/invitee/rebate/history", "GET /v5/trade/order", "GET /v5/account/balance", "GET /v5/position/lever"),
        *("POST /linear-swap-api/v1/swap_account_info", "POST /linear-swap-api/v3/swap_cross_hisorders"),
        *("POST /linear-swap-api/v1/swap_cross_order_info", "GET /linear-swap-api/v1/swap_api_trading_status"),
        *("POST /linear-swap-api/v1/swap_master_sub_transfer_record", "GET /v5/market/multi_assets_margin"),
    ],
    CallClass.PUBLIC: [
        *("GET /market/detail/merged", "GET /v1/common/timestamp", "GET /api/v1/timestamp", "GET /heartbeat/"),
        *("GET /v2/linear-swap-ex/market/detail/batch_merged", "GET /v5/market/funding_rate", "GET /index/market/x"),
    ],
    CallClass.ADMIN: [
        *("POST /v1/margin/orders", "POST /v1/cross-margin/orders/7/repay", "POST /v2/account/repayment"),
        *("POST /v2/sub-user/creation", "POST /v2/sub-user/api-key-generation", "GET /v2/user/api-key"),
        *("POST /v2/sub-user/api-key-deletion", "POST /v1/account/fee/switch", "GET /v1/account/fee/switch"),
        *("POST /linear-swap-api/v1/swap_sub_auth", "POST /linear-swap-api/v1/swap_switch_lever_rate"),
        *("POST /linear-swap-api/v1/swap_cross_switch_position_mode", "POST /v5/position/lever"),
        *("POST /v5/position/mode", "POST /v5/account/asset_mode", "POST /v5/account/fee_deduction_currency"),
        "POST /api/v6/copyTrading/trader/apikey",
    ],
    CallClass.WITHDRAW: [
        *("POST /v1/dw/withdraw/api/create", "POST /v1/dw/withdraw-virtual/create", "POST /v1/account/transfer"),
        *("POST /v2/account/transfer", "POST /v1/futures/transfer", "POST /v1/subuser/transfer"),
        *("POST /v2/point/transfer", "POST /v1/dw/transfer-in/margin", "POST /v1/cross-margin/transfer-out"),
        *("POST /v5/account/universal_transfer", "POST /linear-swap-api/v1/swap_master_sub_transfer"),
        *("POST /linear-swap-api/v1/swap_transfer_inner", "POST /swap-api/v1/swap_master_sub_transfer"),
        *("POST /api/v1/contract_master_sub_transfer", "POST /api/v6/copyTrading/trader/transfer"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    assert {name: endpoint(name).call_class for name in CLASSES[call_class]} == dict.fromkeys(
        CLASSES[call_class], call_class
    )


@pytest.mark.parametrize(
    "path", ["/v1/order/new", "/v1/account/new", "/v2/new", "/v5/trade/new", "/linear-swap-api/v1/new"]
)
def test_signed_calls_that_the_table_does_not_know_are_refused(path: str) -> None:
    assert all(EXCHANGE.table.match(method, path) is None for method in ("GET", "POST", "PUT", "DELETE"))


MONEY = [
    *("/v1/dw/withdraw/api/create", "/v1/dw/withdraw-virtual/7/cancel", "/v1/dw/withdraw-virtual/7/place"),
    *("/v1/account/transfer", "/v2/account/transfer", "/v5/account/universal_transfer"),
    "/v2/sub-user/api-key-generation",
    *("/linear-swap-api/v1/swap_transfer_inner", "/v1/margin/orders", "/v2/user/api-key", "/v1/dw/balance/transfer"),
]  # fmt: skip


@pytest.mark.parametrize("path", MONEY)
@pytest.mark.parametrize(
    "spell",
    [
        lambda path: path,
        lambda path: path.upper(),
        lambda path: path + "/",
        lambda path: path.replace("/", "//"),
        lambda path: "/v1/account/accounts/.." + path,
        lambda path: "/v1/account/accounts/..;" + path,
        lambda path: "/v1/order/orders/7/..%2f" + path,
        lambda path: path.replace("a", "%61"),
        lambda path: path.replace("/", "%2F"),
        lambda path: path + "?x",
        lambda path: path + ";x=/v1/common/symbols",
        lambda path: "/v1/account" + path,
        lambda path: "/linear-swap-api/v1" + path,
        lambda path: "/v5/account" + path,
        lambda path: "/market" + path,
    ],
)
def test_money_never_leaves_in_any_spelling(path: str, spell: Any) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "post"):
        row = EXCHANGE.table.match(method, spell(path))
        if row is not None:  # none of it, or a read: unsigned, or signed by GET alone
            assert row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN) or method == "GET"
            assert not row.call_class.writes or row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN)


PACE = {
    "POST /v1/order/orders/place": (100, 2000, "account", "endpoint"),
    "POST /v1/order/orders/7/submitcancel": (100, 2000, "account", "endpoint"),
    "POST /v1/order/batch-orders": (50, 2000, "account", "endpoint"),
    "GET /v1/order/orders/getClientOrder": (50, 2000, "account", "endpoint"),
    "GET /v1/order/history": (20, 2000, "account", "endpoint"),
    "POST /v2/algo-orders": (20, 2000, "account", "endpoint"),
    "GET /v1/account/history": (5, 2000, "account", "endpoint"),
    "GET /v1/order/cancelAllOrders": (1, 2000, "account", "endpoint"),
    "GET /v2/user/uid": (10, 1000, "key", ""),
    "GET /v1/common/symbols": (10, 1000, "address", ""),
    "GET /market/tickers": (4500, 300_000, "address", ""),
    "GET /market/depth": (4000, 300_000, "address", ""),
    "POST /v5/trade/order": (72, 3000, "account", ""),
    "GET /v5/trade/order": (72, 3000, "account", ""),
    "POST /linear-swap-api/v1/swap_cross_order_info": (72, 3000, "account", ""),
    "GET /linear-swap-api/v1/swap_index": (240, 3000, "address", ""),
    "GET /linear-swap-ex/market/depth": (800, 1000, "address", ""),
    "POST /swap-api/v1/swap_order": (36, 3000, "account", ""),
}


@pytest.mark.parametrize("name", PACE)
def test_pace(name: str) -> None:
    limit = EXCHANGE.table.limits[endpoint(name).costs[0].limit]
    assert (limit.capacity, limit.window_ns // 10**6, limit.scope.value, limit.per) == PACE[name]


def test_trades_and_reads_of_contracts_have_pools_of_their_own() -> None:
    names = (
        "POST /v5/trade/order",
        "GET /v5/trade/order",
        "POST /swap-api/v1/swap_order",
        "POST /api/v1/contract_order",
    )
    assert len({endpoint(name).costs[0].limit for name in names}) == 4
    assert [cost.limit for cost in endpoint("POST /linear-swap-api/v1/swap_tpsl_order").costs] == [
        "trade_3s",
        "strategy_1s",
    ]


def test_products_by_host_and_path() -> None:
    for host, path, product in (
        ("api-aws.huobi.pro", "/v1/order/orders", "spot"),
        ("api.htx.com", "/market/depth", "spot"),
        ("api.hbdm.vn", "/v5/trade/order", "swap"),
        ("api.btcgateway.pro", "/market/depth", "swap"),
        (None, "/v5/trade/order", "swap"),
        (None, "/v2/account/ledger", "spot"),
    ):
        assert [one.name for one in EXCHANGE.table.products_of(host, path)] == [product]
    assert EXCHANGE.table.match("POST", "/v5/account/universal_transfer", "swap") is None


# ---- feedback


def answer(told: Any, status: int = 200, **headers: object) -> Reply:
    body = told if isinstance(told, str) else json.dumps(told)
    rows = tuple((name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items())
    return Reply(status, b"", rows, body.encode(), 1)


def test_headers_tell_of_the_call_that_was_made() -> None:
    spot = answer({"status": "ok"}, X_HB_RateLimit_Requests_Remain=97, X_HB_RateLimit_Requests_Expire=1_700_000_000_000)
    assert EXCHANGE.usage(endpoint("POST /v1/order/orders/place"), spot) == (Usage("spot_100_2s", left=97),)
    assert EXCHANGE.usage(endpoint("GET /v2/user/uid"), spot) == ()
    swap = answer(
        {"status": "ok"}, ratelimit_limit=72, ratelimit_interval=3000, ratelimit_remaining=70, ratelimit_reset=9
    )
    for name, pool in (
        ("POST /v5/trade/order", "trade_3s"),
        ("GET /v5/trade/order", "read_3s"),
        ("POST /swap-api/v1/swap_order_info", "coin_swap_read_3s"),
        ("POST /api/v1/contract_order", "coin_futures_trade_3s"),
        ("POST /linear-swap-api/v1/swap_tpsl_order", "trade_3s"),
    ):
        assert EXCHANGE.usage(endpoint(name), swap) == (Usage(pool, capacity=72, left=70),)
    assert EXCHANGE.usage(endpoint("GET /linear-swap-api/v1/swap_index"), swap) == ()


@pytest.mark.parametrize("body", [b'{"status":"ok","data":1629715504949}', b'{"status":"ok","ts":1629715504949}'])
def test_time(body: bytes) -> None:
    assert EXCHANGE.time_ms(body) == 1_629_715_504_949
    assert EXCHANGE.time_ms(b'{"status":"error"}') is None


# ---- judgement


ORDER, CANCEL, READ = map(
    endpoint, ("POST /v1/order/orders/place", "POST /v1/order/orders/batchcancel", "GET /v1/account/accounts")
)
SWAP, SWAP_READ = map(endpoint, ("POST /linear-swap-api/v1/swap_cross_order", "POST /linear-swap-api/v1/swap_fee"))
V5, V5_BATCH = map(endpoint, ("POST /v5/trade/order", "POST /v5/trade/batch_orders"))
PUBLIC = endpoint("GET /market/depth")
NO, MAYBE = Executed.NO, Executed.UNKNOWN
Judged = tuple[Outcome, Scope | None, Executed]
REFUSED: Judged = (Outcome.REFUSED, None, NO)
UNKNOWN: Judged = (Outcome.UNKNOWN, None, MAYBE)
FULL: Judged = (Outcome.THROTTLED, Scope.ACCOUNT, NO)
FULL_ADDRESS: Judged = (Outcome.THROTTLED, Scope.ADDRESS, NO)
DEAD: Judged = (Outcome.DEAD, Scope.KEY, NO)
NOT_LISTED: Judged = (Outcome.NOT_WHITELISTED, Scope.PAIR, NO)
NO_RIGHT: Judged = (Outcome.NO_PERMISSION, Scope.KEY, NO)
CLOCK: Judged = (Outcome.CLOCK, None, NO)
LOCKED: Judged = (Outcome.SUSPENDED, Scope.ACCOUNT, NO)
AWAY: Judged = (Outcome.UNAVAILABLE, None, NO)

SPOT_CODES: dict[str, Judged] = {
    **dict.fromkeys(("rate-too-many-requests", "base-request-exceed-frequency-limit", "too-many-requests"), FULL),
    **dict.fromkeys(("api-limit-exceeded", "frequent-invoke", "base-user-request-exceed-limit"), FULL),
    "api-signature-check-failed": DEAD,
    "login-required": REFUSED,
    "operation-forbidden-for-lock-account-state": REFUSED,
    "operation-forbidden-for-fl-account-state": REFUSED,
    **dict.fromkeys(("base-operation-forbidden", "base-not-in-white-list", "sub-user-auth-required"), REFUSED),
    "system-maintenance": AWAY,
    **dict.fromkeys(("forbidden-trade-for-open-protect", "order-disabled", "cancel-disabled"), AWAY),
    "base-symbol-trade-disabled": AWAY,
    **dict.fromkeys(
        (
            *("order-limitorder-amount-min-error", "order-orderprice-precision-error", "order-accountbalance-error"),
            *("order-value-min-error", "order-holding-limit-failed", "validation-format-error", "parameter-required"),
            *("account-frozen-balance-insufficient-error", "base-argument-unsupported", "order-type-invalid"),
            *("validation-constraints-required", "order-source-invalid", "account-account-id-inexistent"),
            *("symbol-not-support", "not support during limit-price trading", "invalid-client-order-id"),
            *("base-record-invalid", "base-not-found", "not-found", "order-queryorder-invalid"),
            *("order-orderstate-error", "method-not-allowed"),
        ),
        REFUSED,
    ),
    **dict.fromkeys(("base-system-error", "order-update-error", "gateway-internal-error", "timeout"), UNKNOWN),
    **dict.fromkeys(("base-request-timeout", "uc-network-error", "something-new"), UNKNOWN),
}  # fmt: skip
SPOT_NUMBERS: dict[int, Judged] = {
    **dict.fromkeys((510, 1006, 40403, 40408, 429), FULL),
    **dict.fromkeys((1003, 513, 3011), DEAD),
    **dict.fromkeys((1002, 2002, 2003, 3002, 3050, 3100, 1007, 12002, 12003), REFUSED),
    10010: LOCKED,
    **dict.fromkeys((500, 4711), UNKNOWN),
}
CONTRACT_CODES: dict[int, Judged] = {
    **dict.fromkeys((1032, 1084), FULL),
    **dict.fromkeys((12004, 12007, 12008, 1253), DEAD),
    12005: NOT_LISTED,
    **dict.fromkeys((12001, 12006), CLOCK),
    12009: LOCKED,
    1480: NO_RIGHT,
    **dict.fromkeys((1074, 1086, 1087, 1088, 1097, 1100, 1101, 1104, 1105, 1109, 1112, 1115), REFUSED),
    **dict.fromkeys((1205, 1220, 1228), REFUSED),
    **dict.fromkeys((50001, 50103, 1510, *range(4000, 4006), 4007, 12002, 12003), REFUSED),
    **dict.fromkeys((1431, 1056, 1057, 1058, 1059, 1060, 1077, 1078, 1079, 1080, 1095, 1411), AWAY),
    **dict.fromkeys(
        (
            *(*range(1010, 1015), 1016, 1030, 1031, *range(1034, 1045), *range(1047, 1050), *range(1052, 1056)),
            *(*range(1065, 1070), 1072, 1075, *range(1081, 1084), 1085, *range(1090, 1095), *range(1233, 1236)),
            *(1349, 1461, 1462, *range(1490, 1501), 1017, 1061, 1051, 1062, 1063, 1071),
        ),
        REFUSED,
    ),
    **dict.fromkeys((1050, 1064, *range(1000, 1006), 1046, 1108, 1200, 500, 9876), UNKNOWN),
}  # fmt: skip
SIGNATURE = {
    "Signature not valid: Incorrect Access key [Access key错误]": DEAD,
    "Signature not valid: Verification failure [校验失败]": DEAD,
    "Signature not valid: Incorrect IP address [IP地址错误]:203.0.113.9": NOT_LISTED,
    "Signature not valid: Invalid submission time or incorrect time format [无效的提交时间]": CLOCK,
    "Signature not valid: Incorrect signature method [签名方法错误]": REFUSED,
    "Signature not valid: Incorrect signature version [签名版本错误]": REFUSED,
    "API key has no permission": NO_RIGHT,
    "Signature not valid": DEAD,
}


def judged(row: Endpoint, reply: Reply) -> Judged:
    verdict = EXCHANGE.classify(row, reply, WALL_MS)
    return verdict.outcome, verdict.blame, verdict.executed


def test_codes_of_spot() -> None:
    v1 = {code: judged(ORDER, answer({"status": "error", "err-code": code, "err-msg": "x"})) for code in SPOT_CODES}
    assert v1 == SPOT_CODES
    for spell in (int, str):
        v2 = {code: judged(ORDER, answer({"code": spell(code), "message": "x"})) for code in SPOT_NUMBERS}
        assert v2 == SPOT_NUMBERS


def test_codes_of_contracts() -> None:
    v1 = {code: judged(SWAP, answer({"status": "error", "err_code": code, "err_msg": "x"})) for code in CONTRACT_CODES}
    assert v1 == CONTRACT_CODES
    for spell, name in ((int, "message"), (str, "msg")):
        v5 = {code: judged(V5, answer({"code": spell(code), name: "x"})) for code in CONTRACT_CODES}
        assert v5 == CONTRACT_CODES


@pytest.mark.parametrize("text", SIGNATURE)
def test_signature_errors_are_told_apart_by_their_text(text: str) -> None:
    assert (
        judged(READ, answer({"status": "error", "err-code": "api-signature-not-valid", "err-msg": text}))
        == SIGNATURE[text]
    )
    wanted = SIGNATURE[text] if text != "Signature not valid" else NO_RIGHT
    for told in ({"status": "error", "err_code": 403, "err_msg": text}, {"code": "403", "message": text}):
        assert judged(SWAP_READ, answer(told)) == judged(V5, answer(told, 403)) == wanted


def test_what_only_reads_or_public_calls_mean() -> None:
    limited = answer({"status": "error", "err-code": "invalid-parameter", "err-msg": "request limit"})
    assert judged(PUBLIC, limited) == FULL_ADDRESS
    other = answer({"status": "error", "err-code": "invalid-parameter", "err-msg": "invalid symbol"})
    assert judged(PUBLIC, other) == REFUSED
    full = answer({"status": "error", "err_code": 1032, "err_msg": "x"})
    assert judged(endpoint("GET /linear-swap-api/v1/swap_index"), full) == FULL_ADDRESS
    for row, code in ((READ, "base-system-error"), (SWAP_READ, 1004)):
        name = "err-code" if row is READ else "err_code"
        assert judged(row, answer({"status": "error", name: code})) == (Outcome.UNAVAILABLE, None, NO)
    assert judged(SWAP_READ, answer({"status": "error", "err_code": 1046})) == REFUSED
    assert judged(READ, answer({"status": "error", "err-code": "something-new"})) == REFUSED


def test_maintenance_has_a_status_of_its_own() -> None:
    assert judged(ORDER, answer({"status": "maintain"})) == AWAY
    assert judged(SWAP, answer({"status": "maintain"}, 503)) == AWAY


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ORDER, {"status": "ok", "data": "59378"}),
        (READ, {"status": "ok", "data": []}),
        (ORDER, {"code": 200, "data": {}}),
        (V5, {"code": 200, "message": "Success", "data": {"order_id": "1"}}),
        (V5, {"code": "200", "msg": "Success"}),
        (SWAP, {"status": "ok", "data": {"order_id": 1}}),
        (CANCEL, {"status": "ok", "data": {"success": ["1"], "failed": [{"err-code": "base-not-found"}]}}),
        (V5_BATCH, {"code": 200, "data": [{"code": 1047, "message": "x"}, {"code": 200, "message": "x"}]}),
        (READ, {"data": [{"code": 5}]}),
    ],
)
def test_accepted(row: Endpoint, told: Any) -> None:
    assert judged(row, answer(told)) == (Outcome.ACCEPTED, None, Executed.YES)
    if "data" not in told or len(told) > 1:
        assert judged(row, answer(told, 500))[0] is Outcome.UNKNOWN


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"data":1}', "<html>", '{"status":"ok"', '{"code":true}'])
def test_a_write_without_a_code_is_in_doubt(body: str) -> None:
    assert judged(ORDER, answer(body)) == judged(V5, answer(body)) == UNKNOWN


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"status": "ok", "data": [{"err-code": "order-value-min-error"}, {"err-code": "order-disabled"}]}, REFUSED),
        ({"status": "ok", "data": [{"err-code": "order-value-min-error"}, {"err-code": "timeout"}]}, UNKNOWN),
        ({"status": "ok", "data": {"success": [], "failed": [{"err-code": "base-not-found"}]}}, REFUSED),
    ],
)
def test_a_batch_of_which_nothing_went_well_is_refused(told: Any, wanted: Judged) -> None:
    assert judged(endpoint("POST /v1/order/batch-orders"), answer(told)) == wanted


def test_a_cancel_of_contracts_of_which_nothing_went_well_is_refused() -> None:
    row = endpoint("POST /linear-swap-api/v1/swap_cross_cancel")
    errors = [{"order_id": "1", "err_code": 1061, "err_msg": "x"}]
    assert judged(row, answer({"status": "ok", "data": {"errors": errors, "successes": ""}})) == REFUSED
    assert judged(row, answer({"status": "ok", "data": {"errors": errors, "successes": "7"}}))[0] is Outcome.ACCEPTED
    told = {"code": 200, "data": [{"order_id": "1", "code": 1061, "message": "x"}]}
    assert judged(endpoint("POST /v5/trade/cancel_batch_orders"), answer(told)) == REFUSED


@pytest.mark.parametrize(
    ("status", "signed", "public"),
    [
        (429, FULL, FULL_ADDRESS),
        (403, (Outcome.BANNED, Scope.ADDRESS, NO), (Outcome.BANNED, Scope.ADDRESS, NO)),
        (404, REFUSED, REFUSED),
        (405, REFUSED, REFUSED),
        *((status, UNKNOWN, UNKNOWN) for status in (400, 408, 500, 502, 520, 522)),
    ],
)
def test_answers_of_the_front(status: int, signed: Judged, public: Judged) -> None:
    assert judged(ORDER, answer("<html>", status)) == signed
    assert judged(PUBLIC, answer("<html>", status)) == public


def test_rests() -> None:
    soon = {"status": "error", "err_code": 1032}
    assert EXCHANGE.classify(SWAP, answer(soon, ratelimit_reset=700), WALL_MS).wait_ns == 700 * 10**6
    spot = {"status": "error", "err-code": "rate-too-many-requests"}
    for told in (1500, WALL_MS + 1500):
        reply = answer(spot, X_HB_RateLimit_Requests_Expire=told)
        assert EXCHANGE.classify(ORDER, reply, WALL_MS).wait_ns == 1500 * 10**6
    ban = {"status": "error", "err_code": 1084}
    headers = {"ratelimit_reset": 700, "recovery_time": WALL_MS + 250_000}
    assert EXCHANGE.classify(SWAP, answer(ban, **headers), WALL_MS).wait_ns == 250 * 10**9
    assert EXCHANGE.classify(SWAP, answer(soon, **headers), WALL_MS).wait_ns == 700 * 10**6
    assert EXCHANGE.classify(SWAP, answer(ban), WALL_MS).wait_ns == 300 * 10**9
    assert EXCHANGE.classify(SWAP, answer("", 429, Retry_After=3), WALL_MS).wait_ns == 3 * 10**9


def test_a_refused_signature_may_be_the_fault_of_the_call() -> None:
    for text, suspect in (("Verification failure", True), ("Incorrect Access key", False)):
        reply = answer({"status": "error", "err-code": "api-signature-not-valid", "err-msg": text})
        assert EXCHANGE.classify(READ, reply, WALL_MS).suspect_request is suspect


# ---- our own refusals


NATIVE = [
    (Refusal(429, "rate_limited", "text", 3), ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.PermissionDenied),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(503, "no_route", "text"), ccxt.OnMaintenance),
    (Refusal(504, "outcome_unknown", "text"), ccxt.RequestTimeout),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE)
@pytest.mark.parametrize(
    "path", ["/v1/order/orders/place", "/v2/algo-orders", "/v5/trade/order", "/linear-swap-api/v1/swap_order", "/x"]
)
def test_ccxt_raises_the_right_class(refusal: Refusal, expected: type[Exception], path: str) -> None:
    native = EXCHANGE.native_error(refusal, post(path))
    assert native.status == refusal.status
    found, body = orjson.loads(native.body), native.body.decode()
    with pytest.raises(ccxt.BaseError) as caught:
        ccxt.htx().handle_errors(refusal.status, "x", "http://127.0.0.1/x", "POST", {}, body, found, {}, "")
    assert type(caught.value) is expected
    assert refusal.status not in (429, 503, 504) or issubclass(expected, ccxt.NetworkError)


def test_native_errors_have_the_shape_of_their_family() -> None:
    refusal = Refusal(400, "bad_body", 'a "quoted" text')
    said = 'a "quoted" text (ordergate: bad_body)'
    texts = {"status": "error", "err-code": "bad-request", "err-msg": said, "data": None}
    for path, more in (
        ("/v1/order/orders/place", {}),
        ("/v2/algo-orders", {"code": 1030, "message": said}),
        ("/v5/trade/order", {"code": 1030, "message": said}),
        ("/linear-swap-api/v1/swap_order", {"err_code": 1030, "err_msg": said}),
    ):
        assert orjson.loads(EXCHANGE.native_error(refusal, post(path)).body) == {**texts, **more}


def test_base64_secrets_of_hmac_keys_stay_text() -> None:
    """Only PKCS#8 of Ed25519 is taken for a private key."""
    secret = base64.b64encode(b"dummy-secret-of-48-bytes-------------------------")
    assert "SignatureMethod=HmacSHA256" in send(get("/v1/account/accounts"), secret=secret).target
