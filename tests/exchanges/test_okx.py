"""OKX: vectors, equality with ccxt, judgement, the orders of writes, native errors."""

import itertools
import json
import random
from typing import Any

import ccxt
import okx.utils
import pytest

from proxy.errors import BadCall
from proxy.exchanges.lookup import Finding, Found
from proxy.exchanges.okx import EXCHANGE
from proxy.exchanges.okx_errors import CODES
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
    Usage,
)

ROOT, T = "/api/v5/", "/api/v5/trade/"
WALL_MS = 1_607_418_537_715
AT = "2020-12-08T09:08:57.715Z"
SECRET = "22582BD0CFF14C41EDBF1AB98506286D"  # published


def endpoint(name: str) -> Endpoint:
    method, _, path = name.partition(" ")
    found = EXCHANGE.table.match(method, path if path.startswith("/") else ROOT + path)
    assert found is not None, name
    return found


def credential() -> Credential:
    return Credential("okx-main", "main", "dummy-key", SECRET.encode(), "dummy passphrase")


def asked(name: str, query: str = "", body: str = "", *headers: tuple[str, str]) -> tuple[Endpoint, Incoming]:
    row = endpoint(name)
    method, _, path = name.partition(" ")
    path = path if path.startswith("/") else ROOT + path
    return row, EXCHANGE.strip(Incoming(method, path, query, headers, body.encode()))


def send(name: str, query: str = "", body: str = "", *headers: tuple[str, str]) -> SignedRequest:
    row, request = asked(name, query, body, *headers)
    return EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS))


def headers_of(sent: SignedRequest) -> dict[str, str]:
    assert len(dict(sent.headers)) == len(sent.headers)
    return dict(sent.headers)


ORDER = (
    '{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"20000","sz":"0.001","clOrdId":"abc1"}'
)


@pytest.mark.parametrize(
    ("name", "query", "body", "wanted"),
    [
        ("GET account/balance", "ccy=BTC", "", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
        ("POST trade/order", "", ORDER, "Gz4suDvEd3JnedkFVS+EwANkRwNnZMVSYmVGiTcibrc="),
    ],
)
def test_vectors(name: str, query: str, body: str, wanted: str) -> None:
    sent = send(name, query, body)
    path = ROOT + name.partition(" ")[2]
    assert (sent.target, sent.body.decode()) == (f"{path}?{query}" if query else path, body)
    found = headers_of(sent)
    assert found["OK-ACCESS-SIGN"] == wanted
    assert found["OK-ACCESS-TIMESTAMP"] == AT
    assert (found["OK-ACCESS-KEY"], found["OK-ACCESS-PASSPHRASE"]) == ("dummy-key", "dummy passphrase")
    assert found.get("Content-Type") == ("application/json" if body else None)


def test_the_time_stamp_has_three_decimals() -> None:
    row, request = asked("GET account/balance")
    for ms, text in ((0, "000"), (7, "007"), (999, "999")):
        sent = EXCHANGE.sign(request, row, credential(), Stamp(1_700_000_000_000 + ms))
        assert headers_of(sent)["OK-ACCESS-TIMESTAMP"] == f"2023-11-14T22:13:20.{text}Z"


# ---- equality with ccxt and the exchange's own library


def _flat(rng: random.Random) -> dict[str, Any]:
    names = ["instId", "side", "px", "sz", "tag", "ccy", "after", "x y", "clOrdId"]
    texts = ["BTC-USDT", "1.10", "1e-8", "", "a b", "äß", '"q"', "\\", "a&b=c", "/", "+", "%2F"]
    return {name: rng.choice([rng.choice(texts), rng.randint(0, 10**18)]) for name in rng.sample(names, 4)}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_signatures_equal_those_of_ccxt(method: str) -> None:
    rng = random.Random(20260915)
    bot = ccxt.okx({"apiKey": "dummy-key", "secret": SECRET, "password": "dummy passphrase"})
    bot.nonce = lambda: WALL_MS
    rows = bot.api["private"][method.lower() if method in ("GET", "POST") else "post"]
    paths = [path for path in rows if not path.startswith(("asset/monthly", "broker"))]
    row = Endpoint(f"{method} x", "api", CallClass.READ, Auth.SIGNED)
    for number in range(300):
        path, params = paths[number % len(paths)], _flat(rng)
        given: Any = params
        if method != "GET" and ("batch" in path or path == "trade/cancel-algos"):
            given = [params, {**_flat(rng), "clOrdId": "abc"}]
        elif number % 7 == 0 and "order" not in path:
            given = {}
        made = bot.sign(path, ["private"], method, given)
        where, _, query = made["url"].removeprefix("https://www.okx.com").partition("?")
        theirs = {name.lower(): value for name, value in made["headers"].items()}
        body = made["body"] or ""
        dummy = tuple((name, "dummy-token" if name == "ok-access-key" else value) for name, value in theirs.items())
        request = EXCHANGE.strip(Incoming(method, where, query, dummy, body.encode()))
        sent = EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS))
        assert f"https://www.okx.com{sent.target}" == made["url"]
        assert sent.body == body.encode()
        ours = {name.lower(): value for name, value in sent.headers}
        assert {name: ours[name] for name in theirs if name.startswith("ok-")} == {
            name: value for name, value in theirs.items() if name.startswith("ok-")
        }


def test_signatures_equal_those_of_python_okx() -> None:
    body = json.dumps({"instId": "BTC-USDT", "clOrdId": "", "attachAlgoOrds": None, "x": "äß"})
    text = okx.utils.pre_hash(AT, "POST", f"{T}order", body, False)
    sent = send("POST trade/order", "", body, ("content-type", "application/json"), ("x-simulated-trading", "1"))
    assert headers_of(sent)["OK-ACCESS-SIGN"] == okx.utils.sign(text, SECRET).decode()
    query = okx.utils.parse_params_to_str({"instId": "BTC-USDT", "ordId": "5", "clOrdId": ""})
    text = okx.utils.pre_hash(AT, "GET", f"{T}order{query}", "", False)
    assert headers_of(send("GET trade/order", query[1:]))["OK-ACCESS-SIGN"] == okx.utils.sign(text, SECRET).decode()


def test_public_calls_pass_unsigned() -> None:
    bot = ccxt.okx()
    signed = {"grid/", "rsi-back", "fixed-loan", "apy-history", "sfp/", "announcement-types", "announcements-types"}
    for path in bot.api["public"]["get"]:
        made = bot.sign(path, ["public"], "GET", {"instId": "BTC-USDT", "x": "a,b c"})
        where, _, query = made["url"].removeprefix("https://www.okx.com").partition("?")
        row = EXCHANGE.table.match("GET", where)
        assert row is not None and not row.call_class.writes
        if any(part in path for part in signed):  # unknown reads are signed
            continue
        assert row.auth is Auth.NONE, path
        sent = EXCHANGE.sign(EXCHANGE.strip(Incoming("GET", where, query, (), b"")), row, None, Stamp(WALL_MS))
        assert f"https://www.okx.com{sent.target}" == made["url"]
        assert not any(name.startswith("OK-") for name, _ in sent.headers)


# ---- strip, token, params


DUMMIES = (
    ("ok-access-key", "dummy-token"),
    ("ok-access-sign", "x"),
    ("ok-access-timestamp", AT),
    ("ok-access-passphrase", "dummy"),
    ("x-simulated-trading", "1"),
)


def test_dummies_go_and_all_else_stays() -> None:
    row, request = asked("POST trade/order", "a=%2F&b=", '{"px" : 1.10, "x":null}', *DUMMIES, ("accept", "y"))
    assert request.headers == (("accept", "y"),)
    assert (request.query, request.body) == ("a=%2F&b=", b'{"px" : 1.10, "x":null}')
    sent = headers_of(EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS)))
    assert "dummy-token" not in sent.values() and "x-simulated-trading" not in {name.lower() for name in sent}
    raw = Incoming("GET", f"{ROOT}account/balance", "", DUMMIES, b"")
    assert EXCHANGE.token(raw) == "dummy-token"
    assert EXCHANGE.token(Incoming("GET", "/", "", (), b"")) == ""


@pytest.mark.parametrize(
    "bad",
    [
        Incoming("GET", f"{ROOT}account/balance", "", (), b"{}"),
        Incoming("GET", f"{ROOT}account/balance", "ccy=ä", (), b""),
        Incoming("POST", f"{T}order", "", (), b"instId=BTC-USDT"),
        Incoming("POST", f"{T}order", "", (), b'{"a":1,"a":2}'),
        Incoming("POST", f"{T}batch-orders", "", (), b'[{"a":1,"a":2}]'),
        Incoming("POST", f"{T}batch-orders", "", (), b"[{}"),
        Incoming("POST", f"{T}batch-orders", "", (), b"[{}],[{}]"),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(bad)


def test_params_of_a_list_tell_the_instrument() -> None:
    body = '[{"instId":"BTC-USDT","px":1.10},{"instId":"ETH-USDT"}]'
    assert EXCHANGE.params(asked("POST trade/batch-orders", "", body)[1]) == {"[]": body, "instId": "BTC-USDT"}
    assert EXCHANGE.params(asked("POST trade/batch-orders", "", "[{}]")[1]) == {"[]": "[{}]"}
    assert EXCHANGE.params(asked("POST trade/order", "a=1", '{"b":true,"n":null}')[1]) == {"a": "1", "b": "true"}


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("BTC-USDT", "BTC-USDT"),
        ("btc-usdt", "BTC-USDT"),
        ("BTC-USDT-SWAP", "BTC-USDT-SWAP"),
        ("BTC-USD-261225", "BTC-USD-261225"),
        ("BTC-USD-261225-60000-C", "BTC-USD-OPTION"),
        ("BTC-USD-270326-50000-P", "BTC-USD-OPTION"),
        ("", ""),
    ],
)
def test_options_count_by_family(name: str, counted: str) -> None:
    assert EXCHANGE.symbol(name) == counted


# ---- deadlines


@pytest.mark.parametrize("name", ["order", "batch-orders", "amend-order", "amend-batch-orders"])
@pytest.mark.parametrize(
    ("given", "sent_ms", "valid_ms"),
    [
        (None, 3_000, 3_000),
        (1_500, 1_500, 1_500),
        (5_000, 5_000, 5_000),
        (60_000, 5_000, 5_000),
        (-10, -10, 0),
    ],
)
def test_orders_run_out(name: str, given: int | None, sent_ms: int, valid_ms: int) -> None:
    headers = () if given is None else (("exptime", str(WALL_MS + given)),)
    row, request = asked(f"POST trade/{name}", "", "[{}]" if "batch" in name else "{}", *headers)
    sent = EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS))
    assert headers_of(sent)["expTime"] == str(WALL_MS + sent_ms)
    assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == WALL_MS + valid_ms


def test_a_deadline_that_cannot_be_read_is_the_exchanges_to_refuse() -> None:
    row, request = asked("POST trade/order", "", "{}", ("exptime", "soon"))
    assert headers_of(EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS)))["expTime"] == "soon"
    assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == WALL_MS + 30_000


@pytest.mark.parametrize("name", ["cancel-order", "order-algo", "close-position"])
def test_other_writes_run_out_with_their_time_stamp(name: str) -> None:
    row, request = asked(f"POST trade/{name}", "", "{}")
    assert "expTime" not in headers_of(EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS)))
    assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == WALL_MS + 30_000
    row, request = asked(f"POST trade/{name}", "", "{}", ("exptime", "7"))
    assert headers_of(EXCHANGE.sign(request, row, credential(), Stamp(WALL_MS)))["expTime"] == "7"


# ---- the table


def cost(name: str, limit: str, body: str = "") -> float:
    row, request = asked(name, "", body)
    prices = {found.limit: units(found, EXCHANGE.params(request)) for found in row.costs}
    return prices.get(limit, 0)


@pytest.mark.parametrize(
    ("kind", "single", "batch", "order_count"),
    [
        ("batch-orders", "place_2s", "batch_place_2s", 1),
        ("amend-batch-orders", "amend_2s", "batch_amend_2s", 1),
        ("cancel-batch-orders", "cancel_2s", "batch_cancel_2s", 0),
    ],
)
def test_a_list_of_one_counts_as_a_single_call(kind: str, single: str, batch: str, order_count: int) -> None:
    name = f"POST trade/{kind}"
    assert (cost(name, single, "[{}]"), cost(name, batch, "[{}]")) == (1, 1)
    assert (cost(name, single, "[{},{},{}]"), cost(name, batch, "[{},{},{}]")) == (0, 3)
    assert (cost(name, single, "{}"), cost(name, batch, "{}")) == (1, 20)
    assert cost(name, "orders_2s", "[{},{},{}]") == 3 * order_count


def test_limits_are_as_documented() -> None:
    limits = EXCHANGE.table.limits
    for name in ("place_2s", "amend_2s", "cancel_2s", "order_2s"):
        row = limits[name]
        assert (row.scope, row.capacity, row.window_ns, row.per) == (Scope.ACCOUNT, 60, 2_000_000_000, "symbol")
    for name in ("batch_place_2s", "batch_amend_2s", "batch_cancel_2s"):
        assert (limits[name].capacity, limits[name].per) == (300, "symbol")
    assert (limits["orders_2s"].capacity, limits["orders_2s"].per) == (1000, "")
    assert {row.scope for name, row in limits.items() if name.startswith(("ip_", "instr"))} == {Scope.ADDRESS}
    assert {row.scope for name, row in limits.items() if not name.startswith(("ip_", "instr"))} == {Scope.ACCOUNT}


def rate(name: str) -> tuple[float, float]:
    row = endpoint(name)
    [price] = row.costs
    limit = EXCHANGE.table.limits[price.limit]
    return limit.capacity / price.units, limit.window_ns / 1e9


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("GET trade/order, GET trade/orders-pending, GET trade/fills, POST trade/cancel-order", (60, 2)),
        ("GET trade/orders-history, GET market/books, GET market/candles", (40, 2)),
        ("GET trade/orders-history-archive, GET account/max-size, POST trade/order-algo", (20, 2)),
        ("GET market/ticker, GET market/tickers, GET market/history-candles, GET public/instruments", (20, 2)),
        ("POST trade/close-position", (20, 2)),
        ("GET trade/fills-history, GET account/balance, GET account/positions, GET public/time", (10, 2)),
        ("GET market/books-full", (10, 2)),
        ("GET account/config, GET account/trade-fee, POST trade/mass-cancel", (5, 2)),
        ("GET account/bills", (5, 1)),
        ("GET trade/account-rate-limit, POST trade/cancel-all-after", (1, 1)),
        ("GET market/trades", (100, 2)),
        ("GET system/status", (1, 5)),
    ],
)
def test_rates_are_as_documented(names: str, wanted: tuple[float, float]) -> None:
    for name in names.split(", "):
        assert rate(name) == wanted, name


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("order batch-orders order-algo close-position easy-convert one-click-repay one-click-repay-v2", "place"),
        ("amend-order amend-batch-orders amend-algos", "amend"),
        ("cancel-order cancel-batch-orders cancel-algos mass-cancel cancel-all-after", "cancel"),
        ("order-precheck", "read"),
    ],
)
def test_what_trading_calls_do(names: str, kind: str) -> None:
    assert {endpoint(f"POST trade/{name}").call_class.value for name in names.split()} == {kind}


def test_start_up_calls_of_ccxt_are_served() -> None:
    for name in ("GET public/instruments", "GET asset/currencies", "GET account/config", "GET account/instruments"):
        assert endpoint(name).call_class in (CallClass.PUBLIC, CallClass.READ)


MONEY = """asset/withdrawal asset/withdrawal-lightning asset/cancel-withdrawal asset/transfer asset/subaccount/transfer
    asset/convert/trade asset/convert-dust-assets fiat/create-withdrawal fiat/cancel-withdrawal fiat/buy-sell/trade
    account/borrow-repay account/quick-margin-borrow-repay account/spot-manual-borrow-repay account/move-positions
    account/fixed-loan/borrowing-order finance/savings/purchase-redempt finance/staking-defi/purchase
    finance/flexible-loan/borrow tradingBot/grid/withdraw-income"""
KEYS = """users/subaccount/create-subaccount users/subaccount/apikey users/subaccount/modify-apikey
    users/subaccount/delete-apikey users/subaccount/set-transfer-out account/subaccount/set-loan-allocation
    account/set-leverage account/set-position-mode account/set-account-level account/position/margin-balance
    rfq/create-rfq sprd/order tradingBot/grid/order-algo copytrading/close-subposition"""


def test_money_and_keys_stay() -> None:
    for path in MONEY.split():
        assert endpoint(f"POST {path}").call_class is CallClass.WITHDRAW, path
    for path in KEYS.split():
        assert endpoint(f"POST {path}").call_class is CallClass.ADMIN, path
    assert endpoint("GET users/subaccount/apikey").call_class is CallClass.ADMIN


def test_reads_of_ccxt_are_served() -> None:
    """But for those that share a path with a call that is refused, or list keys."""
    refused = set()
    for path in ccxt.okx().api["private"]["get"]:
        row = EXCHANGE.table.match("GET", ROOT + path)
        if row is None or row.call_class is CallClass.ADMIN:
            refused.add(path)
        else:
            assert row.call_class in (CallClass.PUBLIC, CallClass.READ), path
    assert refused == {
        *("rfq/maker-instrument-settings", "rfq/mmp-config", "sprd/order", "account/mmp-config"),
        *("account/spot-manual-borrow-repay", "account/set-auto-repay", "finance/sfp/dcd/order"),
        *("users/subaccount/apikey", "broker/nd/subaccount/apikey", "broker/dma/subaccount/apikey"),
    }


def test_every_post_of_ccxt_that_is_served_is_about_orders() -> None:
    served = {"order-precheck", "position-builder", "position-builder-graph", "simulated_margin"}
    for path in ccxt.okx().api["private"]["post"]:
        row = EXCHANGE.table.match("POST", ROOT + path)
        if row is None or row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN):
            continue
        assert path.startswith("trade/") or path.rpartition("/")[2] in served, path


SPELLINGS = [
    *("asset/Withdrawal", "asset/withdrawal/", "asset//withdrawal", "asset/./withdrawal", "asset/%77ithdrawal"),
    *("asset/withdrawal;x", "asset/withdrawal%20", "asset\\withdrawal", "asset/withdrawa\u0142", "ASSET/WITHDRAWAL"),
    *("asset/transfer/", "asset/TRANSFER", "asset/../asset/transfer", "trade/../asset/withdrawal", "asset/transfer%2f"),
    *(
        "asset/withdrawal-lightning/",
        "fiat/create-withdrawal/",
        "asset/subaccount/transfer/",
        "asset/broker/nd/transfer",
    ),
    *("tradingBot/grid/withdraw-income/", "asset/withdrawal\t", "asset/withdrawal?x", "asset/withdrawal\x00"),
    *("asset/convert/trade/", "users/subaccount/apikey/", "finance/savings/purchase-redempt/", "unknown"),
]


@pytest.mark.parametrize("path", SPELLINGS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "post", "HEAD"])
def test_no_other_spelling_of_a_withdrawal_has_a_row(method: str, path: str) -> None:
    assert EXCHANGE.table.match(method, ROOT + path) is None


@pytest.mark.parametrize("path", ["asset/withdrawal", "asset/transfer", "asset/withdrawal/x", "asset/Transfer-state"])
def test_paths_of_money_are_not_read_by_rows_for_many(path: str) -> None:
    assert EXCHANGE.table.match("GET", ROOT + path) is None


def test_a_write_is_never_a_get() -> None:
    for row in EXCHANGE.table.endpoints():
        if row.call_class in (CallClass.PLACE, CallClass.AMEND, CallClass.CANCEL, CallClass.WITHDRAW):
            assert row.name.startswith("POST "), row.name


# ---- codes


NO, YES, UNKNOWN = Executed.NO, Executed.YES, Executed.UNKNOWN
TABLE: list[tuple[str, int, Outcome, Executed, Scope | None]] = [
    ("50011", 429, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    ("50011", 200, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    ("50040", 200, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    ("50061", 200, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    ("50013", 429, Outcome.UNKNOWN, UNKNOWN, None),
    *((code, status, Outcome.UNAVAILABLE, NO, None) for code, status in (("50001", 503), ("50005", 410))),
    ("50028", 200, Outcome.UNAVAILABLE, NO, None),
    *((code, status, Outcome.UNKNOWN, UNKNOWN, None) for code, status in (("50004", 400), ("50026", 500))),
    *((code, status, Outcome.UNKNOWN, UNKNOWN, None) for code, status in (("51054", 500), ("51149", 500))),
    ("50042", 200, Outcome.UNKNOWN, UNKNOWN, None),
    *((code, 400, Outcome.REFUSED, NO, None) for code in ("50036", "50037")),
    *(
        (code, 200, Outcome.SUSPENDED, NO, Scope.ACCOUNT)
        for code in ("50007", "50009", "50012", "50027", "50029", "51009", "51024")
    ),
    ("50100", 401, Outcome.SUSPENDED, NO, Scope.KEY),
    *(
        (code, 401, Outcome.DEAD, NO, Scope.KEY)
        for code in map(str, (50111, 50119, 50008, 50113, 50101, *range(50103, 50108), 50112, 50114))
    ),
    ("50102", 401, Outcome.CLOCK, NO, None),
    *((code, 401, Outcome.NOT_WHITELISTED, NO, Scope.PAIR) for code in ("50110", "50121", "50118")),
    *((code, 200, Outcome.NO_PERMISSION, NO, Scope.KEY) for code in ("50035", "50030", "50120", "50041")),
    *((code, 200, Outcome.REFUSED, NO, None) for code in ("51000", "51001", "51008", "51174", "51119", "50014")),
    *((code, 200, Outcome.REFUSED, UNKNOWN, None) for code in ("51016", "51011", "50071", "51065")),
    *((code, 200, Outcome.REFUSED, NO, None) for code in ("51603", "51400", "51410")),
    ("59999", 500, Outcome.UNKNOWN, UNKNOWN, None),
    ("0", 200, Outcome.ACCEPTED, YES, None),
    ("0", 500, Outcome.UNKNOWN, UNKNOWN, None),
]


def judged(name: str, status: int, body: Any, *headers: tuple[bytes, bytes]) -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return EXCHANGE.classify(endpoint(name), Reply(status, b"", headers, text, 1), WALL_MS)


@pytest.mark.parametrize(("code", "status", "outcome", "executed", "blame"), TABLE)
def test_codes(code: str, status: int, outcome: Outcome, executed: Executed, blame: Scope | None) -> None:
    found = judged("POST trade/order", status, {"code": code, "msg": "x", "data": []})
    assert (found.outcome, found.executed, found.blame) == (outcome, executed, blame)
    if code != "0":
        assert found.code == code
        assert found.suspect_request is (code == "50113")
        single = {"code": "1", "msg": "", "data": [{"clOrdId": "", "ordId": "", "sCode": code, "sMsg": "x"}]}
        if status < 500:  # of one order, as of the whole call
            inner = judged("POST trade/order", 200, single)
            assert (inner.outcome, inner.executed, inner.blame) == (outcome, executed, blame)


def test_every_code_of_the_table_is_held() -> None:
    assert CODES.keys() <= {row[0] for row in TABLE}


def test_public_calls_speak_for_their_address() -> None:
    found = judged("GET market/ticker", 429, {"code": "50011", "msg": "x", "data": []})
    assert (found.outcome, found.blame) == (Outcome.THROTTLED, Scope.ADDRESS)
    assert judged("GET account/balance", 429, {"code": "50013", "data": []}).outcome is Outcome.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "body", "outcome", "executed"),
    [
        (403, b"<html>", Outcome.BANNED, NO),
        (429, b"<html>", Outcome.BANNED, NO),
        (502, b"<html>", Outcome.UNKNOWN, UNKNOWN),
        (500, b"{}", Outcome.UNKNOWN, UNKNOWN),
        (200, b"{}", Outcome.UNKNOWN, UNKNOWN),
        (200, b"[]", Outcome.UNKNOWN, UNKNOWN),
        (200, b'{"code":"0","da', Outcome.UNKNOWN, UNKNOWN),
        (302, b"", Outcome.UNKNOWN, UNKNOWN),
        (200, b'{"code":0,"data":[]}', Outcome.ACCEPTED, YES),
        (200, b'{"code":null,"data":[]}', Outcome.UNKNOWN, UNKNOWN),
    ],
)
def test_answers_of_the_front(status: int, body: bytes, outcome: Outcome, executed: Executed) -> None:
    found = judged("POST trade/order", status, body)
    assert (found.outcome, found.executed) == (outcome, executed)
    if outcome is Outcome.BANNED:
        assert (found.blame, found.wait_ns, found.suspect_request) == (Scope.ADDRESS, 300 * 10**9, True)


def listed(code: str, *codes: str, ids: tuple[str, ...] = ("a", "b", "c")) -> dict[str, Any]:
    rows = [
        {"clOrdId": own, "ordId": "5" if name == "0" else "", "sCode": name, "sMsg": "" if name == "0" else "why"}
        for own, name in zip(ids, codes, strict=False)
    ]
    return {"code": code, "msg": "", "data": rows}


@pytest.mark.parametrize(
    ("body", "outcome", "executed", "said"),
    [
        (listed("0", "0", "0"), Outcome.ACCEPTED, YES, "0"),
        (listed("2", "0", "51008"), Outcome.ACCEPTED, YES, "2"),
        (listed("2", "0", "51016"), Outcome.ACCEPTED, YES, "2"),
        (listed("2", "0", "51149"), Outcome.UNKNOWN, UNKNOWN, "51149"),
        (listed("2", "0", "50013"), Outcome.UNKNOWN, UNKNOWN, "50013"),
        (listed("1", "51008", "51149"), Outcome.UNKNOWN, UNKNOWN, "51149"),
        (listed("1", "51008", "51016"), Outcome.REFUSED, UNKNOWN, "51016"),
        (listed("1", "50011", "51008"), Outcome.REFUSED, NO, "51008"),
        (listed("1", "50011", "50011"), Outcome.THROTTLED, NO, "50011"),
        (listed("1"), Outcome.REFUSED, NO, "1"),
    ],
)
def test_answers_about_several_orders(body: Any, outcome: Outcome, executed: Executed, said: str) -> None:
    found = judged("POST trade/batch-orders", 200, body)
    assert (found.outcome, found.executed, found.code) == (outcome, executed, said)


# ---- orders


def counting() -> Any:
    numbers = itertools.count(1)
    return lambda: f"og{next(numbers)}"


@pytest.mark.parametrize(
    ("name", "body", "made"),
    [
        ("order", '{"px":1.10,"clOrdId":"","x":null}', '{"px":1.10,"x":null,"clOrdId":"og1"}'),
        ("order", ORDER, ORDER),
        (
            "batch-orders",
            '[{"px":1.10} ,{"clOrdId":"own"}, {}]',
            '[{"px":1.10,"clOrdId":"og1"},{"clOrdId":"own"},{"clOrdId":"og2"}]',
        ),
        ("order-algo", '{"sz":"1"}', '{"sz":"1","algoClOrdId":"og1"}'),
        ("close-position", '{"instId":"B"}', '{"instId":"B","clOrdId":"og1"}'),
        ("amend-order", '{"ordId":"5"}', '{"ordId":"5"}'),
        ("cancel-order", '{"ordId":"5"}', '{"ordId":"5"}'),
        ("easy-convert", '{"fromCcy":["A"]}', '{"fromCcy":["A"]}'),
    ],
)
def test_orders_get_an_id(name: str, body: str, made: str) -> None:
    row, request = asked(f"POST trade/{name}", "", body)
    sent, params = EXCHANGE.identify(row, request, EXCHANGE.params(request), counting())
    assert sent.body.decode() == made
    assert params == EXCHANGE.params(sent)


def test_every_placing_call_is_thought_of() -> None:
    """One that gets an id, or one that is known to take none."""
    none = {f"POST {T}{name}" for name in ("easy-convert", "one-click-repay", "one-click-repay-v2")}
    for row in EXCHANGE.table.endpoints():
        if row.call_class is CallClass.PLACE and row.name not in none:
            body = "[{}]" if "batch" in row.name else "{}"
            _, request = asked(row.name, "", body)
            sent, _ = EXCHANGE.identify(row, request, EXCHANGE.params(request), counting())
            assert b"og1" in sent.body, row.name


@pytest.mark.parametrize(
    ("name", "body", "own", "ids"),
    [
        ("order", ORDER, ("abc1",), ("abc1",)),
        ("batch-orders", '[{"clOrdId":"a"},{"clOrdId":"b"}]', ("a", "b"), ("a", "b")),
        ("cancel-order", '{"ordId":"5","clOrdId":"a"}', ("5", "a"), ()),
        ("cancel-batch-orders", '[{"ordId":"5"},{"clOrdId":"a"}]', ("5", "a"), ()),
        ("amend-order", '{"ordId":"5"}', ("5",), ()),
        ("amend-batch-orders", '[{"clOrdId":"a"}]', ("a",), ()),
        ("cancel-algos", '[{"algoId":"7","instId":"B"}]', ("7",), ()),
        ("close-position", '{"clOrdId":"a"}', ("a",), ("a",)),
        ("mass-cancel", '{"instType":"OPTION"}', (), ()),
    ],
)
def test_the_orders_of_a_write(name: str, body: str, own: tuple[str, ...], ids: tuple[str, ...]) -> None:
    row, request = asked(f"POST trade/{name}", "", body)
    params = EXCHANGE.params(request)
    assert EXCHANGE.orders(row, params).own == own
    assert EXCHANGE.client_ids(row, params) == ids


@pytest.mark.parametrize(
    ("name", "body", "closes"),
    [
        ("order", '{"reduceOnly":true}', True),
        ("order", '{"reduceOnly":"true"}', True),
        ("order", '{"reduceOnly":""}', False),
        ("batch-orders", '[{"reduceOnly":true},{"reduceOnly":true}]', True),
        ("batch-orders", '[{"reduceOnly":true},{}]', False),
        ("close-position", "{}", True),
    ],
)
def test_orders_that_only_close(name: str, body: str, closes: bool) -> None:
    row, request = asked(f"POST trade/{name}", "", body)
    assert EXCHANGE.closes(row, EXCHANGE.params(request)) is closes


class Write:
    def __init__(self, name: str, body: str) -> None:
        self.row, self.request = asked(f"POST trade/{name}", "", body)
        self.params = EXCHANGE.params(self.request)
        self.lookups = EXCHANGE.lookups(self.row, self.request, self.params, WALL_MS)

    def found(self, body: Any, lookup: int = 0) -> Finding:
        reply = Reply(200, b"", (), json.dumps(body).encode(), 1)
        return EXCHANGE.found(self.row, self.request, self.params, self.lookups[lookup], reply)

    def shows(self, **change: Any) -> Finding:
        return self.found({"code": "0", "msg": "", "data": [SHOWN | change]})

    def rebuilt(self, *findings: Finding) -> Any:
        made = EXCHANGE.rebuilt(self.row, self.request, self.params, dict(enumerate(findings)))
        return None if made is None else json.loads(made.body)

    def items(self, status: int, body: Any) -> tuple[Item, ...]:
        return EXCHANGE.items(self.row, self.params, Reply(status, b"", (), json.dumps(body).encode(), 1))


# As Order details shows one, in part.
SHOWN = {
    "accFillSz": "0", "avgPx": "", "cTime": str(WALL_MS + 20), "clOrdId": "abc1", "instId": "BTC-USDT",
    "ordId": "680800019749904384", "ordType": "limit", "posSide": "net", "px": "20000", "side": "buy",
    "state": "live", "sz": "0.001", "tag": "", "tdMode": "cash", "uTime": str(WALL_MS + 20),
}  # fmt: skip
GONE = {"code": "51603", "msg": "Order does not exist", "data": []}
OLD = {"cTime": str(WALL_MS - 60_000)}


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("order", ORDER, ["order?instId=BTC-USDT&clOrdId=abc1"]),
        (
            "batch-orders",
            '[{"instId":"B","clOrdId":"a"},{"instId":"C","clOrdId":"b"}]',
            ["order?instId=B&clOrdId=a", "order?instId=C&clOrdId=b"],
        ),
        ("cancel-order", '{"instId":"B","ordId":"5","clOrdId":"a"}', ["order?instId=B&ordId=5"]),
        ("cancel-order", '{"instId":"B","ordId":"","clOrdId":"a"}', ["order?instId=B&clOrdId=a"]),
        ("amend-order", '{"instId":"B","ordId":"5","newPx":"1"}', ["order?instId=B&ordId=5"]),
        ("order-algo", '{"instId":"B","algoClOrdId":"a"}', ["order-algo?algoClOrdId=a"]),
        ("cancel-algos", '[{"instId":"B","algoId":"7"}]', ["order-algo?algoId=7"]),
        ("close-position", '{"instId":"B","clOrdId":"a"}', ["order?instId=B&clOrdId=a"]),
        ("mass-cancel", '{"instType":"OPTION"}', []),
        ("cancel-order", '{"ordId":"5"}', []),
    ],
)
def test_where_a_lost_order_is_asked_for(name: str, body: str, wanted: list[str]) -> None:
    lookups = Write(name, body).lookups
    assert [f"{row.request.path.removeprefix(T)}?{row.request.query}" for row in lookups] == wanted
    for row in lookups:
        found = EXCHANGE.table.match(row.request.method, row.request.path)
        assert found is not None and found.name == row.endpoint and not found.call_class.writes
        assert EXCHANGE.strip(row.request) == row.request


def test_a_lost_order() -> None:
    write = Write("order", ORDER)
    done = write.shows()
    assert done.state is Found.DONE
    told = {
        "code": "0",
        "data": [
            {
                "clOrdId": "abc1", "ordId": "680800019749904384", "sCode": "0", "sMsg": "", "tag": "",
                "ts": str(WALL_MS + 20),
            }
        ],
        "msg": "",
    }  # fmt: skip
    assert json.loads(done.body) == told == write.rebuilt(done)
    for state in ("filled", "partially_filled", "canceled", "mmp_canceled"):
        assert write.shows(state=state).state is Found.DONE
    assert write.found(GONE).state is Found.NOT_SO_FAR
    assert write.shows(**OLD).state is Found.NOT_SO_FAR  # the newest of that name is an older one
    assert write.found({"code": "50011", "msg": "", "data": []}).state is Found.CANNOT_TELL
    assert write.found({"code": "51001", "msg": "", "data": []}).state is Found.CANNOT_TELL


def test_a_lost_cancel() -> None:
    write = Write("cancel-order", '{"instId":"BTC-USDT","ordId":"680800019749904384"}')
    done = write.shows(**OLD, state="canceled")
    assert done.state is Found.DONE
    assert write.rebuilt(done)["data"][0]["ts"] == SHOWN["uTime"]
    assert write.shows(**OLD, state="mmp_canceled").state is Found.DONE
    assert write.shows(**OLD).state is Found.NOT_SO_FAR
    assert write.shows(**OLD, state="partially_filled").state is Found.NOT_SO_FAR
    assert write.shows(**OLD, state="filled").state is Found.NEVER
    assert write.shows(**OLD, state="canceled", uTime=OLD["cTime"]).state is Found.NEVER
    assert write.found(GONE).state is Found.NOT_SO_FAR


def test_a_lost_amendment() -> None:
    body = '{"instId":"BTC-USDT","ordId":"680800019749904384","reqId":"r1","newPx":"20001","newSz":"0.0020"}'
    write = Write("amend-order", body)
    done = write.shows(**OLD, px="20001", sz="0.002")
    assert done.state is Found.DONE
    assert write.rebuilt(done)["data"][0]["reqId"] == "r1"
    assert write.shows(**OLD, px="20001").state is Found.NOT_SO_FAR
    assert write.shows(**OLD, state="filled").state is Found.NEVER


def test_a_lost_list() -> None:
    write = Write("batch-orders", '[{"instId":"B","clOrdId":"a"},{"instId":"B","clOrdId":"b"}]')
    one, other = write.shows(clOrdId="a"), write.found(GONE, 1)
    told = write.rebuilt(one, other)
    assert told["code"] == "2"
    assert [(row["clOrdId"], row["sCode"]) for row in told["data"]] == [("a", "0"), ("", "50037")]
    assert write.rebuilt(one, one)["code"] == "0"
    cancels = Write("cancel-batch-orders", '[{"instId":"B","clOrdId":"a"},{"instId":"B","clOrdId":"b"}]')
    assert cancels.rebuilt(one, Finding(Found.NOT_SO_FAR))["data"][1]["sCode"] == "50001"
    # What is made up reads as what the exchange says.
    assert [row.executed for row in write.items(200, told)] == [YES, NO]


def test_a_lost_algo_order_and_closing() -> None:
    shown = {"algoId": "7", "algoClOrdId": "a", "cTime": str(WALL_MS + 5), "uTime": str(WALL_MS + 5), "state": "live"}
    write = Write("order-algo", '{"instId":"B","algoClOrdId":"a"}')
    done = write.found({"code": "0", "data": [shown]})
    assert done.state is Found.DONE and json.loads(done.body)["data"][0]["algoId"] == "7"
    cancel = Write("cancel-algos", '[{"instId":"B","algoId":"7"}]')
    over = cancel.found({"code": "0", "data": [shown | {"cTime": OLD["cTime"], "state": "canceled"}]})
    assert over.state is Found.DONE and cancel.rebuilt(over)["data"][0]["algoId"] == "7"
    close = Write("close-position", '{"instId":"BTC-USDT","clOrdId":"abc1"}')
    assert close.rebuilt(close.shows())["data"] == [
        {"clOrdId": "abc1", "instId": "BTC-USDT", "posSide": "net", "tag": ""}
    ]


def test_absence_takes_its_time() -> None:
    assert EXCHANGE.absence is not None
    assert EXCHANGE.absence.after_ms >= 10_000 and EXCHANGE.absence.looks >= 3


TWO = '[{"instId":"B","clOrdId":"a"},{"instId":"B","clOrdId":"b"}]'


@pytest.mark.parametrize(
    ("name", "body", "status", "told", "wanted"),
    [
        ("batch-orders", TWO, 200, listed("0", "0", "0"), [("a", YES, "5", ""), ("b", YES, "5", "")]),
        ("batch-orders", TWO, 200, listed("2", "0", "51008"), [("a", YES, "5", ""), ("b", NO, "", "51008 why")]),
        ("batch-orders", TWO, 200, listed("2", "0", "51149"), [("a", YES, "5", ""), ("b", UNKNOWN, "", "51149 why")]),
        ("batch-orders", TWO, 200, listed("2", "0", "51016"), [("a", YES, "5", ""), ("b", UNKNOWN, "", "51016 why")]),
        ("batch-orders", TWO, 200, listed("0", "0"), [("a", UNKNOWN, "", ""), ("b", UNKNOWN, "", "")]),
        (
            *("batch-orders", TWO, 200, listed("0", "0", "0", ids=("b", "a"))),
            [("a", UNKNOWN, "", ""), ("b", UNKNOWN, "", "")],
        ),
        ("cancel-batch-orders", TWO, 200, listed("2", "0", "51400"), [("a", YES, "5", ""), ("b", NO, "", "51400 why")]),
        ("amend-batch-orders", TWO, 200, listed("2", "0", "51503"), [("a", YES, "5", ""), ("b", NO, "", "51503 why")]),
        (
            *("cancel-algos", '[{"algoId":"7"}]', 200),
            {"code": "0", "data": [{"algoId": "7", "sCode": "0"}]},
            [("7", YES, "7", "")],
        ),
        ("batch-orders", TWO, 200, {"code": "50011", "msg": "", "data": []}, []),
        ("batch-orders", TWO, 500, listed("2", "0", "51008"), []),
        ("batch-orders", TWO, 200, [], []),
        ("order", ORDER, 200, listed("0", "0"), []),
    ],
)
def test_items(name: str, body: str, status: int, told: Any, wanted: list[tuple[str, Executed, str, str]]) -> None:
    found = Write(name, body).items(status, told)
    assert found == tuple(Item(index, *row) for index, row in enumerate(wanted))


# ---- usage, time, credentials, native errors


def test_the_account_tells_how_many_orders_it_may_send() -> None:
    told = {"code": "0", "data": [{"accRateLimit": "2000", "fillRatio": "0.1"}], "msg": ""}
    row = endpoint("GET trade/account-rate-limit")

    def usage(at: Endpoint, status: int, body: Any) -> tuple[Usage, ...]:
        return EXCHANGE.usage(at, Reply(status, b"", (), json.dumps(body).encode(), 1))

    assert usage(row, 200, told) == (Usage("orders_2s", capacity=2000),)
    assert usage(endpoint("GET account/balance"), 200, told) == ()
    for status, body in ((500, told), (200, {"data": []}), (200, {"data": [{"accRateLimit": ""}]}), (200, [])):
        assert usage(row, status, body) == ()


def test_the_exchanges_time() -> None:
    assert EXCHANGE.time_path == f"{ROOT}public/time"
    assert EXCHANGE.time_ms(b'{"code":"0","msg":"","data":[{"ts":"1597026383085"}]}') == 1_597_026_383_085
    for body in (b"", b"{}", b'{"data":[]}', b'{"data":[{"ts":"x"}]}'):
        assert EXCHANGE.time_ms(body) is None


def test_a_key_needs_its_passphrase() -> None:
    assert EXCHANGE.check_credential(credential()) == ""
    assert "passphrase" in EXCHANGE.check_credential(Credential("a", "b", "k", b"s"))
    assert "secret" in EXCHANGE.check_credential(Credential("a", "b", "k", b" ", "p"))


@pytest.mark.parametrize(
    ("refusal", "raised"),
    [
        (Refusal(429, "rate_limited", "x", 1), ccxt.RateLimitExceeded),
        (Refusal(429, "queue_full", "x", 1), ccxt.RateLimitExceeded),
        (Refusal(401, "bad_token", "x"), ccxt.AuthenticationError),
        (Refusal(403, "not_allowed", "x"), ccxt.PermissionDenied),
        (Refusal(403, "withdrawal_refused", "x"), ccxt.PermissionDenied),
        (Refusal(404, "unknown_endpoint", "x"), ccxt.BadRequest),
        (Refusal(400, "bad_body", "x"), ccxt.BadRequest),
        (Refusal(405, "wrong_method", "x"), ccxt.BadRequest),
        (Refusal(503, "no_route", "x", 1), ccxt.ExchangeNotAvailable),
        (Refusal(503, "not_executed", "x"), ccxt.ExchangeNotAvailable),
        (Refusal(504, "outcome_unknown", "x"), ccxt.RequestTimeout),
        (Refusal(504, "answer_lost", "x"), ccxt.RequestTimeout),
    ],
)
def test_native_errors_raise_the_right_class(refusal: Refusal, raised: type[Exception]) -> None:
    error = EXCHANGE.native_error(refusal, Incoming("POST", f"{T}order", "", (), b"{}"))
    assert error.status == refusal.status
    told = json.loads(error.body)
    assert told["msg"] == f"x (ordergate: {refusal.reason})" and told["data"] == []
    with pytest.raises(raised) as caught:
        ccxt.okx().handle_errors(error.status, "", "https://x", "POST", {}, error.body.decode(), told, {}, "")
    if refusal.status in (429, 503, 504):
        assert isinstance(caught.value, ccxt.NetworkError)
    else:
        assert not isinstance(caught.value, ccxt.NetworkError)
