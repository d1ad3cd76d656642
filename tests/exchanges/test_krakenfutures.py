"""Kraken Futures: vectors, equality with other clients, deadlines, judgement, native errors."""

import base64
import hashlib
import hmac
import json
import random
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import ccxt
import orjson
import pytest
from kraken.base_api import FuturesClient

from proxy.errors import BadCall
from proxy.exchanges.krakenfutures import EXCHANGE, signature
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
)

V3 = "/derivatives/api/v3/"
WALL_MS = 1_700_000_000_007
ENDS = "processBefore=2023-11-14T22:13:25.007Z"  # five seconds later
# Published in the documentation, which leaves the sign at its end away.
SECRET = b"rttp4AzwRfYEdQ7R7X8Z/04Y4TZPa97pqCypi3xXxAqftygftnI6H9yGV+OcUOOJeFtZkr8mVwbAndU3Kz4Q+eG="


def endpoint(name: str, path: str = V3) -> Endpoint:
    method, _, rest = name.partition(" ")
    found = EXCHANGE.table.match(method, rest if rest.startswith("/") else path + rest)
    assert found is not None, name
    return found


def post(name: str, body: str = "", query: str = "", *headers: tuple[str, str]) -> Incoming:
    return Incoming("POST", V3 + name, query, headers, body.encode())


def get(path: str, query: str = "", *headers: tuple[str, str]) -> Incoming:
    return Incoming("GET", path if path.startswith("/") else V3 + path, query, headers, b"")


def send(request: Incoming, *, nonce: int = 0, secret: bytes = SECRET, wall_ms: int = WALL_MS) -> SignedRequest:
    row = EXCHANGE.table.match(request.method, request.path)
    assert row is not None, request
    stripped = EXCHANGE.strip(request)
    EXCHANGE.params(stripped)
    return EXCHANGE.sign(stripped, row, Credential("f", "main", "dummy-key", secret), Stamp(wall_ms, nonce))


def header(sent: SignedRequest, name: str) -> str:
    [found] = [value for key, value in sent.headers if key == name]
    return found


# ---- vectors: inputs of the documentation; results equal to those of ccxt or of another implementation

ORDER = "orderType=lmt&symbol=PI_XBTUSD&side=buy&size=1&limitPrice=1000&cliOrdId=abc-1"
CANCELS = '{"batchOrder":[{"order":"cancel","order_id":"e35d61dd-8a30-4d5f-a574-b5593ef0c050"}]}'
AT = "1415957147987"
VECTORS = [
    (
        *("orderbook", "symbol=fi_xbtusd_180615", AT),
        "DqUyz8Wh/72af7dimSXHw91IFxrAriTgVodyg2s67PU2mVStwLDQak+uIoCtfb43XONq0xVAp+vm5dqnhFAB1Q==",
    ),
    (
        *("orderbook", "symbol=fi_xbtusd_180615", ""),
        "BGOdiF//YXbOtKUkyFFRqKAft7gai33YfScxFrXMdMHGUJ6wSaMA6y0p6UzfYzj5Flgvv+SFQe53h2KrEe37Ng==",
    ),
    (
        *("accounts", "", ""),
        "wGvAPfWn0sRjlMbj13H6uVd8R9t15iCNlTeR5DMKEY6QjqSW8RdilG8Gx/imx8DcFnnImez/+XQL6xPMNCdJqg==",
    ),
    (
        *("accounts", "", AT),
        "VJm1SAVngg6W0LNjujPWkLSoP6w3dUNjuyOsN9yESAhdpQR74/QvO1ppB1MgBkP736VWatyOtoTI4byoKa80ZA==",
    ),
    (
        *("sendorder", ORDER, ""),
        "BoaIggJGvgR05Rh1g8Pqos5K+tasSHg4SPR7IKJTH1iTp8G5BOxeOP9hHWrCCFJxWLqxuUH+nICQhYUuL2Cnew==",
    ),
    (
        *("sendorder", ORDER, AT),
        "GxbALyh09bBby0TsvXZIICjdK4EtWs35eK6ow9E8Ohy9Xa+ofKK9QcBAuwt2p9L3izrmW7ldqXWDvV27StLKLg==",
    ),
    (
        *("fills", "lastFillTime=2020-07-21T12%3A41%3A52.790Z", ""),
        "z69DhLqf4NkqVx2OmtjLCuGXwRKvba4Kwu+lPSQSmx1pP3uJ4D2DO35XRSJpeanM2kjx3MoSaOsk6VoNmOSpqQ==",
    ),
    (
        *("/api/history/v2/orders", "", ""),
        "FqvBgBJvV2U8mpJeQuiyY+RrAx6VZmuWUfjLZBuxxggejHm2BSKf/3CJQtp+i5ybHy+IhIWS7IhsPezC5XTx4Q==",
    ),
    # The same batch, percent-encoded and signed so, as is the rule since 2024; and as bare text.
    (
        *("batchorder", "json=" + quote(CANCELS, safe=""), ""),
        "1he0RYfeysOKAL2AO3qD0sadwaY4aHitU61I21NmP2W9N3cU7evYHKIUKFVxjm1ioSfDmFsh0J5Gr9sTwuYyJw==",
    ),
    (
        *("batchorder", f"json={CANCELS}", ""),
        "i17Uek/Ti108QuJRQiLGvQGeVJcJkGu9FPQtNIBFp5NTaIPDXjb537vZYRiywhH6hhkXWLS4ZgEIRBW5NbfngA==",
    ),
]


@pytest.mark.parametrize(("name", "data", "nonce", "authent"), VECTORS)
def test_vectors(name: str, data: str, nonce: str, authent: str) -> None:
    path = name if name.startswith("/") else V3 + name
    assert signature(path, data, nonce, SECRET) == authent
    assert signature(path, data, nonce, SECRET.rstrip(b"=")) == authent
    if name in ("orderbook", "sendorder", "batchorder"):
        return  # public, or sent with a deadline
    sent = send(get(path, data), nonce=int(nonce or 0))
    assert header(sent, "Authent") == authent and header(sent, "APIKey") == "dummy-key"
    assert [value for key, value in sent.headers if key == "Nonce"] == ([nonce] if nonce else [])
    assert sent.target == (f"{path}?{data}" if data else path)


def rule(method: str, target: str, body: bytes) -> str:
    """The documentation's rule, over what is on the wire."""
    parts = urlsplit(target)
    data = parts.query + body.decode()
    digest = hashlib.sha256((data + parts.path.removeprefix("/derivatives")).encode()).digest()
    return base64.b64encode(hmac.new(base64.b64decode(SECRET), digest, "sha512").digest()).decode()


@pytest.mark.parametrize(
    "request_",
    [
        post("sendorder", ORDER),
        post("sendorder", "", ORDER),
        post("editorder", "orderId=a&size=1"),
        post("cancelorder", "", "order_id=a"),
        post("batchorder", f"json={CANCELS}"),
        post("batchorder", "json=" + quote(CANCELS)),
        post("cancelallorders"),
        post("orders/status", "orderIds=a&orderIds=b"),
        get("orders/status", "orderIds=a&orderIds=b"),
        Incoming("PUT", V3 + "leveragepreferences", "symbol=PF_XBTUSD&maxLeverage=10", (), b""),
        Incoming("DELETE", V3 + "rfq-assignment/max-leverage", "", (), b""),
        get("/api/auth/v1/api-keys/v3/check"),
        get("/api/history/v3/account-log", "count=5"),
        get("subaccount/dummy-uid/trading-enabled"),
    ],
    ids=lambda r: f"{r.method} {r.path}",
)
def test_what_is_signed_is_what_is_sent(request_: Incoming) -> None:
    sent = send(request_)
    assert sent.method == request_.method
    assert header(sent, "Authent") == rule(sent.method, sent.target, sent.body)
    assert "Nonce" not in dict(sent.headers)


# ---- equality with other clients


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260821)
    bot = ccxt.krakenfutures({"apiKey": "dummy-key", "secret": SECRET.decode()})
    values: list[Any] = ["PI_XBTUSD", "1.10", "a b", "äß", "2020-07-21T12:41:52.790Z", "x/y", 7, True, 0.001, "a+b"]
    seen = set()
    for kind in ("private", "history"):
        for verb, rows in bot.api[kind].items():
            for path in rows:
                if kind == "history" and bot.options["access"]["history"]["GET"].get(path) != "private":
                    continue
                for _ in range(4):
                    names = rng.sample(["symbol", "size", "lastFillTime", "x"], rng.randint(0, 4))
                    given = {name: rng.choice(values) for name in names}
                    if "{uid}" in path:
                        given["uid"] = "dummy-uid"
                    if path == "orders/status":
                        given["orderIds"] = ["a", "b"]
                    if path == "batchorder":
                        given = {"batchOrder": [{"order": "cancel", "cliOrdId": str(v)} for v in given.values()]}
                    made = bot.sign(path, [kind], verb.upper(), given)
                    url = urlsplit(made["url"])
                    row = EXCHANGE.table.match(verb.upper(), url.path)
                    assert row is not None, (verb, path)
                    request = Incoming(verb.upper(), url.path, url.query, (), (made["body"] or "").encode())
                    data = url.query + (made["body"] or "")
                    if " " in data:  # its bare JSON: nobody could send that as a form
                        with pytest.raises(BadCall):
                            EXCHANGE.strip(request)
                        continue
                    assert signature(url.path, data, "", SECRET) == made["headers"]["Authent"]
                    if ENDS.partition("=")[0] in send(request).target + send(request).body.decode():
                        continue
                    sent = send(request)
                    assert header(sent, "Authent") == made["headers"]["Authent"]
                    assert f"https://futures.kraken.com{sent.target}" == made["url"]
                    seen.add(row.name)
    assert len(seen) > 30


def test_public_calls_of_ccxt_pass_unchanged_and_without_a_key() -> None:
    bot = ccxt.krakenfutures()
    for kind in ("public", "charts", "history"):
        for path in bot.api[kind]["get"]:
            if kind == "history" and not path.startswith("market/"):
                continue
            values = {"symbol": "PI_XBTUSD", "price_type": "trade", "interval": "1m", "x": "a,b c"}
            made = bot.sign(path, [kind], "GET", values)
            url = urlsplit(made["url"])
            row = EXCHANGE.table.match("GET", url.path)
            assert row is not None and row.call_class is CallClass.PUBLIC and row.auth is Auth.NONE, path
            sent = send(get(url.path, url.query))
            assert f"https://futures.kraken.com{sent.target}" == made["url"]
            assert {name for name, _ in sent.headers} == {"Accept-Encoding"}


@pytest.mark.parametrize("name", ["GET fills", "POST orders/status", "POST cancelallorders", "PUT pnlpreferences"])
def test_signatures_equal_those_of_the_python_sdk(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, _, tail = name.partition(" ")
    monkeypatch.setattr(FuturesClient, "get_nonce", lambda self: "17")
    bot = FuturesClient(key="dummy-key", secret=SECRET.decode())
    given: dict[str, Any] = {"orderIds": ["a", "b"], "x": "a b/c:d"}
    in_query = given if method == "GET" else None
    _, _, theirs, body, query = bot._prepare_request(method, V3 + tail, given if in_query is None else {}, in_query)
    # It puts the parameters of a PUT into the query.
    request = post(tail, body) if method == "POST" else Incoming(method, V3 + tail, query or body, (), b"")
    sent = send(request, nonce=17)
    assert header(sent, "Authent") == theirs["Authent"] and header(sent, "Nonce") == "17"


# ---- strip, token, params


def test_dummies_leave_and_all_else_stays() -> None:
    dummies = (("apikey", "dummy-token"), ("authent", "dummy"), ("nonce", "1"), ("accept", "application/json"))
    request = post("sendorder", "symbol=%50I_XBTUSD&size=1.10&x=a%20b", "", *dummies)
    stripped = EXCHANGE.strip(request)
    assert stripped.body == request.body and stripped.headers == (("accept", "application/json"),)
    assert EXCHANGE.token(request) == "dummy-token" and EXCHANGE.token(stripped) == ""
    sent = send(request)
    assert header(sent, "APIKey") == "dummy-key" and header(sent, "Content-Type") == "application/x-www-form-urlencoded"
    assert sent.body.decode() == f"symbol=%50I_XBTUSD&size=1.10&x=a%20b&{ENDS}"


@pytest.mark.parametrize(
    "bad",
    [
        post("sendorder", '{"symbol":"PI_XBTUSD"}'),
        post("sendorder", "a=1", "b=2"),
        Incoming("GET", V3 + "accounts", "", (), b"a=1"),
        Incoming("PUT", V3 + "pnlpreferences", "", (), b"a=1"),
        post("sendorder", "a=b c"),
        post("sendorder", "a=ä"),
        get("accounts", "a=b c"),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(bad)


def test_params_are_readable_for_costs() -> None:
    assert EXCHANGE.params(post("sendorder", "a=1+2&b=%2F")) == {"a": "1 2", "b": "/"}
    assert EXCHANGE.params(get("orders/status", "orderIds=a&orderIds=b&cliOrdIds=c")) == {
        "orderIds": "a,b",
        "cliOrdIds": "c",
    }
    batch = EXCHANGE.params(post("batchorder", "json=" + quote(CANCELS)))
    assert batch["json"] == CANCELS and json.loads(batch["batchOrder"]) == json.loads(CANCELS)["batchOrder"]
    for body in ("a=1&a=2", "%61=1&a=2"):
        with pytest.raises(BadCall):
            EXCHANGE.params(post("sendorder", body))
    for body in ("", "json=", "json=[]", "json={", 'json={"batchOrder":[],"batchOrder":[]}'):
        with pytest.raises(BadCall):
            EXCHANGE.params(post("batchorder", body))


def test_without_a_credential_nothing_is_signed() -> None:
    stripped = EXCHANGE.strip(post("sendorder", ORDER))
    sent = EXCHANGE.sign(stripped, endpoint("POST sendorder"), None, Stamp(WALL_MS))
    assert not {"APIKey", "Authent"} & {name for name, _ in sent.headers} and sent.body.decode() == ORDER


def test_secrets() -> None:
    for secret, fine in ((SECRET, True), (SECRET.rstrip(b"="), True), (b"", False), (b"not base64!", False)):
        assert (EXCHANGE.check_credential(Credential("f", "main", "dummy-key", secret)) == "") is fine
    assert EXCHANGE.check_credential(Credential("f", "main", "dummy-key", b"abcde")) != ""


# ---- deadlines

SHORT, LONG = "2023-11-14T22:13:21Z", "2023-11-14T22:14:21Z"
DEADLINES = [
    ("sendorder", ORDER, "", f"{ORDER}&{ENDS}", 5_000),
    ("sendorder", "", ORDER, f"?{ORDER}&{ENDS}", 5_000),
    ("editorder", "orderId=a", "", f"orderId=a&{ENDS}", 5_000),
    ("cancelorder", "", "order_id=a", f"?order_id=a&{ENDS}", 5_000),
    ("batchorder", f"json={CANCELS}", "", f"json={CANCELS}&{ENDS}", 5_000),
    ("sendorder", "", "", ENDS, 5_000),
    ("sendorder", f"processBefore={SHORT}&a=1", "", f"processBefore={SHORT}&a=1", 994),
    ("sendorder", f"processBefore={LONG}&a=1", "", f"a=1&{ENDS}", 5_000),
    ("sendorder", "", f"process%42efore={quote(LONG)}&a=1", f"?a=1&{ENDS}", 5_000),
    ("sendorder", "processBefore=&a=1", "", f"processBefore=&a=1&{ENDS}", 5_000),
    ("sendorder", "processBefore=1700000001", "", "processBefore=1700000001", 60_000),
    ("cancelallorders", "symbol=PI_XBTUSD", "", "symbol=PI_XBTUSD", 60_000),
    ("cancelallordersafter", "timeout=60", "", "timeout=60", 60_000),
]


@pytest.mark.parametrize(("name", "body", "query", "sent", "valid_ms"), DEADLINES)
def test_deadlines(name: str, body: str, query: str, sent: str, valid_ms: int) -> None:
    request = post(name, body, query)
    made = send(request)
    assert made.target.removeprefix(V3 + name) + made.body.decode() == sent
    assert header(made, "Authent") == rule("POST", made.target, made.body)
    ends_ms = EXCHANGE.valid_until_ms(endpoint(f"POST {name}"), EXCHANGE.strip(request), Stamp(WALL_MS))
    assert ends_ms - WALL_MS == valid_ms


def test_reads_carry_no_deadline() -> None:
    assert send(get("accounts")).target == V3 + "accounts"
    assert send(post("orders/status", "orderIds=a")).body == b"orderIds=a"


def test_a_deadline_reads_the_same_decoded() -> None:
    """So that its signature holds for a server that hashes the decoded form too."""
    sent = send(post("sendorder", ORDER)).body.decode()
    assert unquote_plus(sent) == sent


# ---- table

CLASSES = {
    CallClass.WITHDRAW: ["POST withdrawal", "POST transfer", "POST transfer/subaccount"],
    CallClass.ADMIN: [
        *(f"PUT {name}" for name in ("leveragepreferences", "pnlpreferences", "self-trade-strategy")),
        *("PUT subaccount/dummy-uid/trading-enabled", "POST assignmentprogram/add", "POST assignmentprogram/delete"),
        *("PUT rfq-assignment/max-leverage", "DELETE rfq-assignment/max-leverage"),
    ],
    CallClass.PLACE: ["POST sendorder", "POST batchorder"],
    CallClass.AMEND: ["POST editorder"],
    CallClass.CANCEL: ["POST cancelorder", "POST cancelallorders", "POST cancelallordersafter"],
    CallClass.READ: [
        *("POST orders/status", "GET orders/status", "GET transfers", "GET accounts", "GET fills"),
        *("GET subaccount/dummy-uid/trading-enabled", "GET /api/auth/v1/api-keys/v3/check"),
        *("GET /api/history/v2/orders", "GET /api/history/v3/account-log", "GET /api/history/v2/accountlogcsv"),
    ],
    CallClass.PUBLIC: [
        *("GET tickers", "GET tickers/PI_XBTUSD", "GET instruments/PI_XBTUSD/status", "GET orderbook", "GET history"),
        *("GET /api/charts/v1/trade/PI_XBTUSD/1m", "GET /api/history/v2/market/PI_XBTUSD/orders"),
        "GET /derivatives/api/v4/historicalfundingrates",
    ],
}


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    for name in CLASSES[call_class]:
        assert endpoint(name).call_class is call_class, name


@pytest.mark.parametrize(
    "name",
    [
        *("POST sendorders", "POST SendOrder", "GET sendorder", "POST accounts", "POST rfqs/x/place-offer"),
        *("GET anything", "POST instruments/x", "GET subaccount/x/withdraw", "PUT transfer", "GET withdrawal"),
        *("GET tickers/withdrawal", "POST /api/auth/v1/api-keys/v3/check", "POST /api/auth/v1/api-keys/v3"),
        *("POST /api/history/v2/orders", "POST /derivatives/api/v4/sendorder", "POST /derivatives/api/sendorder"),
    ],
)
def test_what_the_table_does_not_name_is_refused(name: str) -> None:
    method, _, path = name.partition(" ")
    assert EXCHANGE.table.match(method, path if path.startswith("/") else V3 + path) is None


PRICES: list[tuple[str, dict[str, str], float]] = [
    ("POST sendorder", {}, 10),
    ("POST editorder", {}, 10),
    ("POST cancelorder", {}, 10),
    ("POST cancelallorders", {}, 25),
    ("POST cancelallordersafter", {}, 25),
    ("POST batchorder", {"batchOrder": "[{},{},{}]"}, 12),
    ("POST batchorder", {"batchOrder": "[]"}, 10),
    ("POST batchorder", {}, 109),
    ("POST orders/status", {}, 1),
    ("GET accounts", {}, 2),
    ("GET openorders", {}, 2),
    ("GET fills", {}, 2),
    ("GET fills", {"lastFillTime": "x"}, 25),
    ("GET unwindqueue", {}, 200),
    ("GET notifications", {}, 25),
    ("POST withdrawal", {}, 100),
    ("GET /api/history/v2/orders", {}, 1),
    ("GET /api/history/v2/accountlogcsv", {}, 6),
    ("GET /api/history/v2/account-log", {}, 3),
    *(
        ("GET /api/history/v3/account-log", {"count": str(count)}, price)
        for count, price in ((25, 1), (26, 2), (51, 3), (1001, 6), (5001, 10), (100_000, 10))
    ),
]


@pytest.mark.parametrize(("name", "params", "price"), PRICES)
def test_a_call_is_charged_to_the_address_and_to_the_account(name: str, params: dict[str, str], price: float) -> None:
    costs = endpoint(name).costs
    limits = [EXCHANGE.table.limits[cost.limit] for cost in costs]
    assert [limit.scope for limit in limits] == [Scope.ADDRESS, Scope.ACCOUNT]
    assert [units(cost, params) for cost in costs] == [price, price]
    in_history = "/api/history" in name
    assert {limit.capacity for limit in limits} == {100 if in_history else 500}
    assert {limit.window_ns // 10**9 for limit in limits} == {600 if in_history else 10}


# ---- judgement


def answer(body: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else orjson.dumps(body), 1)


def error(text: str, status: int = 200) -> Reply:
    return answer({"result": "error", "error": text, "serverTime": "2023-11-14T22:13:20.007Z"}, status)


PLACE, EDIT, CANCEL = endpoint("POST sendorder"), endpoint("POST editorder"), endpoint("POST cancelorder")
BATCH, READ, PUBLIC = endpoint("POST batchorder"), endpoint("GET accounts"), endpoint("GET tickers")
NO, YES, MAYBE = Executed.NO, Executed.YES, Executed.UNKNOWN
_REFUSED = (Outcome.REFUSED, None, NO)
_UNKNOWN = (Outcome.UNKNOWN, None, MAYBE)
ERRORS: dict[str, tuple[Outcome, Scope | None, Executed]] = {
    "apiLimitExceeded": (Outcome.THROTTLED, Scope.ACCOUNT, NO),
    "authenticationError": (Outcome.NOT_WHITELISTED, Scope.PAIR, NO),
    "nonceBelowThreshold": (Outcome.NONCE, None, NO),
    "nonceDuplicate": (Outcome.NONCE, None, NO),
    "insufficientPrivileges": (Outcome.NO_PERMISSION, Scope.KEY, NO),
    **dict.fromkeys(("accountInactive", "invalidAccount", "requiredArgumentMissing", "invalidArgument"), _REFUSED),
    **dict.fromkeys(("invalidAmount", "invalidUnit", "Json Parse Error", "Bad Request", "notFound"), _REFUSED),
    **dict.fromkeys(("contractNotFound", "insufficientFunds", "marketUnavailable"), _REFUSED),
    **dict.fromkeys(("Unavailable", "unavailable", "Server Error", "unknownError"), _UNKNOWN),
    "somethingNew": _UNKNOWN,
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    for status in (200, 400) if text != "apiLimitExceeded" else (200, 429):
        for row in (PLACE, EDIT, CANCEL, BATCH):
            verdict = EXCHANGE.classify(row, error(text, status), WALL_MS)
            assert (verdict.outcome, verdict.blame, verdict.executed) == ERRORS[text]
            assert verdict.code == text


def test_errors_of_reads() -> None:
    for text in ("Unavailable", "unavailable", "Server Error", "unknownError"):
        assert EXCHANGE.classify(READ, error(text), WALL_MS).outcome is Outcome.UNAVAILABLE
    assert EXCHANGE.classify(READ, error("somethingNew"), WALL_MS).outcome is Outcome.REFUSED
    throttled = EXCHANGE.classify(PUBLIC, error("apiLimitExceeded", 429), WALL_MS)
    assert (throttled.outcome, throttled.blame) == (Outcome.THROTTLED, Scope.ADDRESS)
    long = EXCHANGE.classify(READ, error("invalidArgument: count must be below 5"), WALL_MS)
    assert (long.outcome, long.code) == (Outcome.REFUSED, "invalidArgument")


def test_what_a_bot_sent_may_be_why_it_is_not_authentic() -> None:
    assert EXCHANGE.classify(READ, error("authenticationError"), WALL_MS).suspect_request


def test_errors_in_a_list() -> None:
    margin = answer({"errors": [{"code": 92, "message": "INSUFFICIENT_MARGIN"}]}, 500)
    assert EXCHANGE.classify(PLACE, margin, WALL_MS).outcome is Outcome.REFUSED
    other = answer({"errors": [{"code": 7, "message": "SOMETHING"}]}, 500)
    assert EXCHANGE.classify(PLACE, other, WALL_MS).outcome is Outcome.UNKNOWN
    assert EXCHANGE.classify(READ, answer({"result": "success", "errors": []}), WALL_MS).outcome is Outcome.ACCEPTED
    assert EXCHANGE.classify(PLACE, answer({"result": "error"}), WALL_MS).outcome is Outcome.UNKNOWN


MEMBERS = {"sendStatus": PLACE, "editStatus": EDIT, "cancelStatus": CANCEL}


def told(member: str, status: str) -> Reply:
    return answer({"result": "success", member: {"status": status, "order_id": "a"}, "serverTime": "x"})


@pytest.mark.parametrize(
    ("member", "status"),
    [
        *(("sendStatus", status) for status in ("placed", "filled", "partiallyFilled")),
        *(("editStatus", status) for status in ("edited", "filled", "partiallyFilled")),
        *(("cancelStatus", status) for status in ("cancelled", "noOrdersToCancel")),
    ],
)
def test_done(member: str, status: str) -> None:
    verdict = EXCHANGE.classify(MEMBERS[member], told(member, status), WALL_MS)
    assert (verdict.outcome, verdict.executed) == (Outcome.ACCEPTED, YES)


STATUSES = {
    "clientOrderIdAlreadyExist": (Outcome.REFUSED, None, MAYBE),
    **dict.fromkeys(("clientOrderIdTooLong", "clientOrderIdTooBig", "invalidOrderType", "invalidSide"), _REFUSED),
    **dict.fromkeys(("invalidSize", "invalidPrice", "insufficientAvailableFunds", "selfFill"), _REFUSED),
    **dict.fromkeys(("tooManySmallOrders", "maxPositionViolation", "marketSuspended", "marketInactive"), _REFUSED),
    **dict.fromkeys(("outsidePriceCollar", "postWouldExecute", "iocWouldNotExecute"), _REFUSED),
    **dict.fromkeys(("wouldCauseLiquidation", "requiredArgumentMissing", "wouldNotReducePosition"), _REFUSED),
    "someNewStatus": _UNKNOWN,
}


@pytest.mark.parametrize("status", STATUSES)
def test_success_is_not_success_if_the_order_was_refused(status: str) -> None:
    for member in ("sendStatus", "editStatus"):
        verdict = EXCHANGE.classify(MEMBERS[member], told(member, status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed, verdict.code) == (*STATUSES[status], status)


@pytest.mark.parametrize(
    ("member", "status"),
    [
        ("cancelStatus", "notFound"),
        ("cancelStatus", "filled"),
        ("editStatus", "orderForEditNotFound"),
        ("editStatus", "orderForEditNotAStop"),
        ("editStatus", "notFound"),
    ],
)
def test_changes_of_orders_that_are_gone(member: str, status: str) -> None:
    verdict = EXCHANGE.classify(MEMBERS[member], told(member, status), WALL_MS)
    assert (verdict.outcome, verdict.executed) == (Outcome.REFUSED, NO)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "null",
        {"result": "success"},
        {"result": "success", "sendStatus": {}},
        {"sendStatus": {"status": "placed"}},
    ],
    ids=str,
)
def test_a_write_is_only_done_if_the_answer_says_so(body: Any) -> None:
    verdict = EXCHANGE.classify(PLACE, answer(body), WALL_MS)
    assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, MAYBE)
    assert EXCHANGE.classify(PLACE, answer(told("sendStatus", "placed").body.decode(), 500), WALL_MS).executed is MAYBE


def test_kill_switches() -> None:
    all_, after = endpoint("POST cancelallorders"), endpoint("POST cancelallordersafter")
    for status in ("cancelled", "noOrdersToCancel"):
        assert EXCHANGE.classify(all_, told("cancelStatus", status), WALL_MS).executed is YES
    timer = {"result": "success", "status": {"currentTime": "x", "triggerTime": "0"}}
    assert EXCHANGE.classify(after, answer(timer), WALL_MS).executed is YES


@pytest.mark.parametrize(
    ("statuses", "outcome", "executed", "code"),
    [
        (["placed", "cancelled"], Outcome.ACCEPTED, YES, ""),
        (["placed", "invalidSize"], Outcome.ACCEPTED, YES, ""),
        (["invalidPrice", "notFound"], Outcome.REFUSED, NO, "invalidPrice"),
        (["placed", "clientOrderIdAlreadyExist"], Outcome.REFUSED, MAYBE, "clientOrderIdAlreadyExist"),
        (["invalidSize", "someNewStatus"], Outcome.REFUSED, MAYBE, "someNewStatus"),
        ([None], Outcome.REFUSED, MAYBE, "None"),
    ],
)
def test_batches_as_a_whole(statuses: list[str], outcome: Outcome, executed: Executed, code: str) -> None:
    body = {"result": "success", "batchStatus": [{"status": status} for status in statuses]}
    verdict = EXCHANGE.classify(BATCH, answer(body), WALL_MS)
    assert (verdict.outcome, verdict.executed, verdict.code) == (outcome, executed, code)


FRONT = {
    429: (Outcome.THROTTLED, Scope.ADDRESS, NO),
    403: (Outcome.BANNED, Scope.ADDRESS, NO),
    451: (Outcome.BANNED, Scope.ADDRESS, NO),
    **dict.fromkeys((200, 301, 400, 404, 500, 502, 503, 504, 520, 522), _UNKNOWN),
}


@pytest.mark.parametrize("status", FRONT)
def test_the_front(status: int) -> None:
    for row in (PLACE, CANCEL, READ):
        verdict = EXCHANGE.classify(row, answer("<html>error code: 1015</html>", status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == FRONT[status]


def test_no_usage_is_reported() -> None:
    assert EXCHANGE.usage(READ, error("apiLimitExceeded")) == ()


# ---- our own refusals

NATIVE = [
    # Throttled is HTTP 429, which ccxt knows by another name, of the same kind.
    (Refusal(429, "rate_limited", "text"), ccxt.DDoSProtection),
    (Refusal(200, "rate_limited", "text"), ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.AuthenticationError),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.AuthenticationError),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "no_route", "text"), ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception]) -> None:
    native = EXCHANGE.native_error(refusal, post("sendorder"))
    body = native.body.decode()
    found = orjson.loads(body)
    assert (native.status, found["result"]) == (refusal.status, "error")
    assert "text" in found["message"] and refusal.reason in found["message"]
    with pytest.raises(ccxt.BaseError) as caught:
        ccxt.krakenfutures().handle_errors(native.status, "", "http://127.0.0.1/x", "POST", {}, body, found, {}, "")
    assert type(caught.value) is expected
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)


def test_the_same_symbol_in_any_case() -> None:
    assert EXCHANGE.symbol("pi_xbtusd") == EXCHANGE.symbol("PI_XBTUSD")


def test_forms_of_the_sdk_are_read() -> None:
    body = urlencode({"json": json.dumps(json.loads(CANCELS))})
    assert json.loads(EXCHANGE.params(EXCHANGE.strip(post("batchorder", body)))["json"]) == json.loads(CANCELS)
