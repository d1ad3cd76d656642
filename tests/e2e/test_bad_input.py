"""What must not get through: each is refused in the exchange's own words, and nothing reaches the exchange."""

import socket
from typing import Any

import orjson
import pytest

from proxy.cli.world import token_of
from tests.e2e.wires import Got, Wire
from tests.e2e.worlds import BOT, World

TOKEN = {"X-Ordergate-Token": token_of(BOT)}
B, K, C = "/binance-main", "/kraken-main", "/cryptocom-main"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
ACCOUNT = f"{B}/api/v3/account"
BALANCE = f"{K}/0/private/Balance"
DETAIL = f"{C}/exchange/v1/private/get-order-detail"


@pytest.fixture
def wire(world: World) -> Any:
    with Wire(world.place) as made:
        yield made


def check_shape(got: Got, account: str) -> None:
    """An error that the clients of the account's exchange understand."""
    found: Any = got.json
    if account == B:
        assert isinstance(found["code"], int) and found["code"] < 0 and found["msg"]
    elif account == K:
        assert found["error"][0].startswith("E") and "result" not in found
    elif account == C:
        assert isinstance(found["code"], int) and found["code"] > 0 and found["message"] and "method" in found
    else:
        assert found["msg"]


def refuse(world: World, wire: Wire, request: tuple[Any, ...], status: int, reason: str) -> Got:
    """Send, and see a refusal of ours and not a byte at the exchange."""
    method, target, *rest = request
    headers, body = {**TOKEN, **(rest[0] if rest else {})}, rest[1] if len(rest) > 1 else b""
    start = world.mark()
    got = wire.call(method, target, {n: v for n, v in headers.items() if v}, body)
    assert (got.status, got.headers.get("x-ordergate-reason")) == (status, reason), got.body[:300]
    assert got.headers["x-ordergate-origin"] == "ordergate"
    assert world.since(start) == []
    assert token_of(BOT).encode() not in got.body
    return got


def json(method: str, **rows: Any) -> bytes:
    return orjson.dumps({"id": 1, "method": method, "params": {}, **rows})


CALLS = {
    "unknown account": (("GET", "/nobody/api/v3/account"), 404, "unknown_account"),
    "no account": (("GET", "/"), 404, "bad_target"),
    "no path": (("GET", B), 400, "bad_path"),
    "no token": (("GET", ACCOUNT, {"X-Ordergate-Token": ""}), 401, "bad_token"),
    "wrong token": (("GET", ACCOUNT, {"X-Ordergate-Token": "dummy-token-of-nobody"}), 401, "bad_token"),
    "wrong token in the path": (
        ("GET", f"/~dummy-wrong{ACCOUNT}", {"X-Ordergate-Token": ""}), 401, "bad_token"),
    "wrong token in the key field": (
        ("GET", ACCOUNT, {"X-Ordergate-Token": "", "X-MBX-APIKEY": "dummy-wrong"}), 401, "bad_token"),
    "no token, kraken": (("POST", BALANCE, {"X-Ordergate-Token": ""}), 401, "bad_token"),
    "no token, cryptocom": (
        ("POST", DETAIL, {"X-Ordergate-Token": "", **JSON}, json("private/get-order-detail")), 401, "bad_token"),
    "web page": (("GET", ACCOUNT, {"Origin": "https://example.org"}), 403, "cross_site"),
    "unknown host": (("GET", f"{B}/api.example.org/api/v3/account"), 403, "unknown_host"),
    "host of another exchange": (("GET", f"{B}/api.kraken.com/0/public/Time"), 403, "unknown_host"),
    "host inside a whole URL": (("GET", f"{B}/http://127.0.0.1:1/api/v3/time"), 400, "bad_path"),
    "host as an address": (("GET", f"{B}/127.0.0.1:1/api/v3/time"), 403, "unknown_host"),
    "unknown path": (("GET", f"{B}/api/v9/account"), 404, "unknown_endpoint"),
    "unknown write": (("POST", f"{B}/api/v3/account"), 405, "wrong_method"),
    "unknown path, kraken": (("POST", f"{K}/0/private/Nothing"), 404, "unknown_endpoint"),
    "unknown path, cryptocom": (
        ("POST", f"{C}/exchange/v1/private/nothing", JSON, json("private/nothing")), 404, "unknown_endpoint"),
    "wrong method": (("DELETE", f"{B}/api/v3/time"), 405, "wrong_method"),
    "wrong method, kraken": (("GET", BALANCE), 405, "wrong_method"),
    "wrong method, cryptocom": (("GET", DETAIL), 405, "wrong_method"),
    "odd method": (("TRACE", ACCOUNT), 405, "wrong_method"),
    "made-up method": (("BREW", ACCOUNT), 400, "bad_http"),
    "garbage JSON": (("POST", DETAIL, JSON, b'{"id": 1, "method'), 400, "bad_body"),
    "JSON list": (("POST", DETAIL, JSON, b"[1, 2]"), 400, "bad_body"),
    "JSON with a name twice": (("POST", DETAIL, JSON, b'{"id":1,"params":{},"params":{"a":1}}'), 400, "bad_body"),
    "no body": (("POST", DETAIL, JSON), 400, "bad_body"),
    "bytes": (("POST", BALANCE, FORM, b"\xff\xfe\x00"), 400, "bad_body"),
    "JSON where a form belongs": (("POST", f"{B}/api/v3/order", JSON, b'{"symbol":"BTCUSDT"}'), 400, "bad_body"),
    "a parameter twice": (("GET", f"{B}/api/v3/order?symbol=BTCUSDT&symbol=ETHUSDT"), 400, "duplicate_parameter"),
    "a parameter in query and body": (
        ("POST", f"{B}/api/v3/order?symbol=BTCUSDT", FORM, b"symbol=ETHUSDT"), 400, "duplicate_parameter"),
    "packed body": (("POST", BALANCE, {**FORM, "Content-Encoding": "gzip"}, b"\x1f\x8b"), 415, "bad_body"),
    "dots": (("GET", f"{B}/api/v3/../../sapi/v1/system/status"), 400, "bad_path"),
    "dot": (("GET", f"{B}/api/./v3/account"), 400, "bad_path"),
    "dots at the end": (("GET", f"{B}/api/v3/account/.."), 400, "bad_path"),
    "dots before the account": (("GET", f"/../{B}/api/v3/account"), 404, "bad_target"),
    "encoded dots": (("GET", f"{B}/api/v3/%2e%2e/%2e%2e/sapi/v1/system/status"), 400, "bad_path"),
    "half encoded dots": (("GET", f"{B}/api/v3/.%2E/account"), 400, "bad_path"),
    "encoded slash": (("GET", f"{B}/api%2Fv3/account"), 400, "bad_path"),
    "encoded backslash": (("GET", f"{B}/api%5Cv3/account"), 400, "bad_path"),
    "doubly encoded slash": (("GET", f"{B}/api%252Fv3/account"), 400, "bad_path"),
    "encoded account": (("GET", "/binance%2Dmain/api/v3/account"), 404, "bad_target"),
    "empty segment": (("GET", f"{B}//api/v3/account"), 400, "bad_path"),
    "empty segment inside": (("GET", f"{B}/api//v3/account"), 400, "bad_path"),
    "two slashes first": (("GET", f"/{B}/api/v3/account"), 404, "bad_target"),
    "backslash": (("GET", f"{B}/api\\v3\\account"), 400, "bad_path"),
    "path parameter": (("GET", f"{B}/api/v3/order;x=1"), 404, "unknown_endpoint"),
    "absolute form": (("GET", "http://api.binance.com/api/v3/account"), 400, "bad_target"),
    "absolute form of another host": (("GET", "http://example.org/api/v3/account"), 400, "bad_target"),
    "authority form": (("CONNECT", "api.binance.com:443"), 400, "bad_target"),
    "asterisk": (("OPTIONS", "*"), 400, "bad_target"),
    "fragment": (("GET", f"{ACCOUNT}#part"), 400, "bad_path"),
    "fragment in the query": (("GET", f"{ACCOUNT}?a=1#part"), 400, "bad_target"),
    "control character in the query": (("GET", f"{ACCOUNT}?a=%0d%0aX:1&b=\x7f"), 400, "bad_http"),
    "raw bytes in the query": (("GET", f"{ACCOUNT}?a=\xe9"), 400, "bad_http"),
    "unknown key pinned": (("GET", ACCOUNT, {"X-Ordergate-Key": "key-9"}), 400, "unknown_key"),
    "bad deadline": (("GET", ACCOUNT, {"X-Ordergate-Deadline-Ms": "-1"}), 400, "bad_deadline"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_refused(world: World, wire: Wire, name: str) -> None:
    request, status, reason = CALLS[name]
    got = refuse(world, wire, request, status, reason)
    account = f"/{request[1].split('/')[1]}" if request[1].startswith("/") and reason != "bad_http" else ""
    check_shape(got, account)
    if got.headers.get("connection") != "close":
        assert wire.call("GET", f"{B}/api/v3/time", TOKEN).status == 200  # still in step


def test_a_bot_reaches_its_own_accounts_only(world: World, wire: Wire) -> None:
    from dataclasses import replace

    bots = world.daemon.ingress._admission._bots
    digest, bot = next(iter(bots.items()))
    world.do(lambda: bots.__setitem__(digest, replace(bot, accounts=frozenset({"kraken-main"}))))
    try:
        refuse(world, wire, ("GET", ACCOUNT), 403, "not_allowed")
        world.do(lambda: bots.__setitem__(digest, replace(bot, allow=frozenset({"public"}))))
        refuse(world, wire, ("GET", ACCOUNT), 403, "not_allowed")
    finally:
        world.do(lambda: bots.__setitem__(digest, bot))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused(world: World, chunked: bool) -> None:
    start = world.mark()
    size = 2 << 20
    with Wire(world.place) as wire:
        kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        head = f"POST {B}/api/v3/order HTTP/1.1\r\nHost: x\r\nX-Ordergate-Token: {token_of(BOT)}\r\n{kind}\r\n\r\n"
        wire.socket.sendall(head.encode() + (b"%x\r\n" % size if chunked else b""))
        wire.socket.sendall(b"a" * (size // 2 + 70_000))  # and the rest never comes
        got = wire.read()
    assert (got.status, got.headers["x-ordergate-reason"]) == (413, "body_too_large")
    assert got.headers["x-ordergate-origin"] == "ordergate"
    check_shape(got, B)
    assert world.since(start) == []


MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "bad version": b"GET / HTTP/9.9\r\n\r\n",
    "two lengths": b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    % BALANCE.encode(),
    "length and chunks": b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0"
    % BALANCE.encode(),
    "folded header": b"GET %s HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n" % ACCOUNT.encode(),
    "blank before the colon": b"GET %s HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n" % ACCOUNT.encode(),
    "long line": b"GET /~dummy-token-grid-1/%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 70_000),
    "blank in the target": b"GET /binance-main/api/v3/time x HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_gets_a_4xx_and_an_end(world: World, name: str) -> None:
    start = world.mark()
    with Wire(world.place) as wire:
        wire.socket.sendall(
            MALFORMED[name].replace(b"Host: x\r\n", b"Host: x\r\nX-Ordergate-Token: dummy-token-grid-1\r\n")
        )
        answer = b""
        try:
            while piece := wire.socket.recv(65_536):
                answer += piece
        except ConnectionResetError:
            pass
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert b"dummy-token-grid-1" not in answer
    assert b"\r\nX-Ordergate-Origin: ordergate\r\n" in answer and b"\r\nX-Ordergate-Reason: bad_" in answer
    assert world.since(start) == []


ALL_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
APPLY = "/sapi/v1/capital/withdraw/apply"
QUERY = "?coin=BTC&address=dummy-address&amount=1"
MONEY = [
    *((method, f"{B}{APPLY}{QUERY}") for method in ALL_METHODS),
    *((method, f"{K}/0/private/Withdraw") for method in ALL_METHODS),
    *((method, f"{C}/exchange/v1/private/create-withdrawal") for method in ALL_METHODS),
    *(
        ("POST", f"{B}{path}{QUERY}")
        for path in (
            "/sapi/v1/capital/withdraw/apply/",
            "/sapi/v1/capital/Withdraw/apply",
            "/SAPI/V1/CAPITAL/WITHDRAW/APPLY",
            "/sapi/v1/capital/withdraw/apply;jsessionid=1",
            "/sapi/v1/capital/withdraw/apply.json",
            "/sapi/v1//capital/withdraw/apply",
            "//sapi/v1/capital/withdraw/apply",
            "/sapi/v1/capital/./withdraw/apply",
            "/sapi/v1/system/../capital/withdraw/apply",
            "/sapi/v1/system/%2e%2e/capital/withdraw/apply",
            "/sapi/v1/capital/%77ithdraw/apply",
            "/sapi/v1/capital/%2577ithdraw/apply",
            "/sapi/v1/capital%2Fwithdraw%2Fapply",
            "/sapi/v1/capital%252Fwithdraw%252Fapply",
            "/sapi\\v1\\capital\\withdraw\\apply",
            "/api.binance.com/sapi/v1/capital/withdraw/apply",
            "/API.Binance.COM/sapi/v1/capital/withdraw/apply",
            "/api.binance.com:443/sapi/v1/capital/withdraw/apply",
            "/api.binance.com//sapi/v1/capital/withdraw/apply",
            "/api.binance.com./sapi/v1/capital/withdraw/apply",
            "/https://api.binance.com/sapi/v1/capital/withdraw/apply",
            "/https%3A%2F%2Fapi.binance.com%2Fsapi%2Fv1%2Fcapital%2Fwithdraw%2Fapply",
            "/sapi/v1/asset/transfer",
            "/sapi/v1/asset/Transfer/",
            "/sapi/v1/sub-account/universalTransfer",
            "/sapi/v1/localentity/withdraw/apply",
            "/wapi/v3/withdraw.html",
        )
    ),
    ("POST", f"http://api.binance.com{APPLY}{QUERY}"),
    ("GET", f"{B}/api/v3/time?url=https://api.binance.com{APPLY}", {"X-Original-URL": APPLY, "X-Rewrite-URL": APPLY}),
    *(
        ("POST", f"{K}{path}", FORM, b"asset=XBT&key=dummy-target&amount=1")
        for path in (
            "/0/private/Withdraw/",
            "/0/private/withdraw",
            "/0/private/WITHDRAW",
            "/0/private/Withdraw;x",
            "/0/private//Withdraw",
            "/0/private/Balance/../Withdraw",
            "/0/private/Balance/%2e%2e/Withdraw",
            "/0/private/%57ithdraw",
            "/0/private/%2557ithdraw",
            "/0/private%2FWithdraw",
            "/0/public/../private/Withdraw",
            "/0/public/Withdraw",
            "/api.kraken.com/0/private/Withdraw",
            "/API.KRAKEN.COM/0/private/withdraw",
            "/0/private/WalletTransfer",
            "/0/private/AccountTransfer",
            "/0/private/Earn/Allocate",
            "/0/private/Earn/allocate",
            "/0/private/Stake",
        )
    ),
    *(
        ("POST", f"{C}{path}", JSON, json(path.partition("/v1/")[2]))
        for path in (
            "/exchange/v1/private/create-withdrawal/",
            "/exchange/v1/private/CREATE-WITHDRAWAL",
            "/exchange/v1/private/Create-Withdrawal",
            "/exchange/v1/private//create-withdrawal",
            "/exchange/v1/private/user-balance/../create-withdrawal",
            "/exchange/v1/private/%63reate-withdrawal",
            "/exchange/v1/private%2Fcreate-withdrawal",
            "/exchange/v1/private%252Fcreate-withdrawal",
            "/exchange/v1/public/create-withdrawal",
            "/api.crypto.com/exchange/v1/private/create-withdrawal",
            "/uat-api.3ona.co/exchange/v1/private/create-withdrawal",
            "/v2/private/create-withdrawal",
            "/exchange/v1/private/create-subaccount-transfer",
            "/exchange/v1/private/create_withdrawal",
            "/exchange/v1/private/fiat/fiat-create-withdraw",
        )
    ),
    *(
        ("POST", f"{C}/exchange/v1/private/user-balance", JSON, body)
        for body in (
            json("private/create-withdrawal"),
            b'{"id":1,"method":"private/user-balance","method":"private/create-withdrawal","params":{}}',
            b'{"id":1,"method":"private/create-withdrawal","method":"private/user-balance","params":{}}',
            b'{"id":1,"m\\u0065thod":"private/create-withdrawal","params":{}}',
        )
    ),
]


@pytest.mark.parametrize("request_", MONEY, ids=lambda row: f"{row[0]} {row[1][:80]}")
def test_money_stays(world: World, wire: Wire, request_: tuple[Any, ...]) -> None:
    method, target, *rest = request_
    headers, body = {**TOKEN, **(rest[0] if rest else {})}, rest[1] if len(rest) > 1 else b""
    start = world.mark()
    wire.send(method, target, headers, body)
    got = wire.read(method)
    arrived = world.since(start)
    assert not world.do(lambda: list(world.sim.ledger.withdrawals))
    if "time?url=" in target:  # a plain read, whatever else it says
        assert [(entry.method, entry.path) for entry in arrived] in ([], [("GET", "/api/v3/time")])
        return
    assert 400 <= got.status < 500
    assert got.headers["x-ordergate-origin"] == "ordergate"
    assert got.headers["x-ordergate-reason"]
    assert arrived == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_override_headers_change_nothing(world: World, wire: Wire, name: str) -> None:
    start = world.mark()
    got = wire.call("GET", f"{B}/api/v3/openOrders?symbol=BTCUSDT&_method=DELETE", {**TOKEN, name: "DELETE"})
    assert got.status in (200, 400)  # the exchange does not know `_method`
    assert {(entry.method, entry.path) for entry in world.since(start)} <= {("GET", "/api/v3/openOrders")}


def test_pipelined_requests_are_answered_in_order(world: World, wire: Wire) -> None:
    """A withdrawal behind a good call is judged for itself."""
    start = world.mark()
    wire.send("GET", f"{B}/api/v3/time", TOKEN)
    wire.send("POST", f"{B}{APPLY}{QUERY}", TOKEN)
    wire.send("GET", f"{B}/api/v3/ping", TOKEN)
    assert [wire.read().status for _ in range(3)] == [200, 403, 200]
    assert [entry.path for entry in world.since(start)] == ["/api/v3/time", "/api/v3/ping"]


def test_a_client_that_asks_first_is_told_to_go_on(world: World, wire: Wire) -> None:
    """curl does so with large bodies; a body that is too large is refused before it is sent."""
    body = b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000"
    for size in (len(body), 2 << 20):
        headers = {**TOKEN, **FORM, "Expect": "100-continue", "Content-Length": str(size)}
        rows = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        wire.socket.sendall(f"POST {B}/api/v3/order HTTP/1.1\r\nHost: x\r\n{rows}\r\n".encode())
        if size == len(body):
            assert wire.head() == 100
            wire.socket.sendall(body)
            assert wire.read().status == 200
        else:
            assert wire.read().status == 413


def test_a_body_that_never_ends_holds_nobody_up(world: World) -> None:
    with Wire(world.place) as slow, Wire(world.place) as wire:
        head = f"POST {B}/api/v3/order HTTP/1.1\r\nHost: x\r\nX-Ordergate-Token: {token_of(BOT)}\r\n"
        slow.socket.sendall(f"{head}Content-Length: 50\r\n\r\nsymbol=".encode())
        assert wire.call("GET", f"{B}/api/v3/time", TOKEN).status == 200
        start = world.mark()
        slow.socket.shutdown(socket.SHUT_WR)
        slow.socket.recv(65_536)
        assert world.since(start) == []
