"""Coinbase Advanced Trade: calls as ccxt and the official library make them, the table, judgement, native errors."""

import base64
import json
import random
from typing import Any

import ccxt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from proxy.errors import BadCall
from proxy.exchanges.coinbase import EXCHANGE
from proxy.model import (
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
from tests.exchanges.test_coinbase_jwt import EC, EC_PEM, STORED, read, token

ROOT = "/api/v3/brokerage/"
WALL_MS = 1_700_000_000_700
NAME = "organizations/dummy-org/apiKeys/dummy-key"
TABLE = EXCHANGE.table


def endpoint(method: str, path: str) -> Endpoint:
    found = TABLE.match(method, path)
    assert found is not None, path
    return found


PLACE = endpoint("POST", f"{ROOT}orders")
EDIT = endpoint("POST", f"{ROOT}orders/edit")
CANCEL = endpoint("POST", f"{ROOT}orders/batch_cancel")
READ = endpoint("GET", f"{ROOT}accounts")
PUBLIC = endpoint("GET", f"{ROOT}market/products")


def asked(
    method: str, path: str, query: str = "", body: str | bytes = b"", *headers: tuple[str, str]
) -> tuple[Endpoint, Incoming]:
    raw = body.encode() if isinstance(body, str) else body
    return endpoint(method, path), EXCHANGE.strip(Incoming(method, path, query, headers, raw))


def send(request: tuple[Endpoint, Incoming], secret: bytes = STORED, wall_ms: int = WALL_MS) -> SignedRequest:
    row, incoming = request
    return EXCHANGE.sign(incoming, row, Credential("coinbase-main", "main", NAME, secret), Stamp(wall_ms))


def jwt(sent: SignedRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    headers = dict(sent.headers)
    scheme, _, text = headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    head, claims, _ = text.split(".")
    return read(head), read(claims)


# ---- sign


@pytest.mark.parametrize("secret", [STORED, EC_PEM], ids=["ed25519", "p256"])
@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", f"{ROOT}accounts", "", ""),
        ("GET", f"{ROOT}products", "product_ids=BTC-USD&product_ids=ETH%2DUSD&limit=5", ""),
        ("POST", f"{ROOT}orders", "", '{ "product_id" : "BTC-USD", "client_order_id":"x","base_size": 1.10 }'),
        ("POST", f"{ROOT}orders/batch_cancel", "", '{"order_ids":["a","b"]}'),
        ("PUT", f"{ROOT}portfolios/dummy-uuid", "", '{"name":"ä"}'),
        ("DELETE", f"{ROOT}portfolios/dummy-uuid", "", ""),
        ("DELETE", f"{ROOT}cfm/sweeps", "", ""),
        ("GET", "/v2/accounts", "limit=100&order=asc", ""),
        ("GET", f"{ROOT}products/BTC%2DUSD/ticker", "limit=1", ""),
    ],
)
def test_the_token_names_method_and_path_and_all_else_is_sent_as_written(
    method: str, path: str, query: str, body: str, secret: bytes
) -> None:
    row = TABLE.match(method, path) or READ  # one that Table.match does not take, is signed as it stands
    request = EXCHANGE.strip(Incoming(method, path, query, (("authorization", "Bearer dummy"),), body.encode()))
    sent = send((row, request), secret)
    assert (sent.method, sent.target, sent.body) == (method, f"{path}?{query}" if query else path, body.encode())
    head, claims = jwt(sent)
    assert (head["kid"], claims["sub"], claims["iss"]) == (NAME, NAME, "cdp")
    assert claims["uri"] == f"{method} api.coinbase.com{path}"
    assert claims["nbf"] == 1_700_000_000 - 2  # it is not in the future by any clock that is nearly right
    assert len(head["nonce"]) == 32 and head["nonce"] != jwt(send((row, request), secret))[0]["nonce"]
    assert (("Content-Type", "application/json") in sent.headers) == bool(body)
    assert ("Accept-Encoding", "identity") in sent.headers
    assert NAME not in repr(sent) and "Bearer" not in repr(sent)


def test_a_call_about_orders_is_taken_for_seconds_only() -> None:
    for method, path, seconds in (
        ("POST", f"{ROOT}orders", 5),
        ("POST", f"{ROOT}orders/edit", 5),
        ("POST", f"{ROOT}orders/batch_cancel", 5),
        ("POST", f"{ROOT}orders/close_position", 5),
        ("GET", f"{ROOT}accounts", 118),
        ("POST", f"{ROOT}orders/preview", 118),
    ):
        row, request = asked(method, path)
        _, claims = jwt(send((row, request)))
        assert claims["exp"] == 1_700_000_000 + seconds <= claims["nbf"] + 120
        # A minute of grace may be given to a token that has run out.
        assert EXCHANGE.valid_until_ms(row, request, Stamp(WALL_MS)) == (1_700_000_000 + seconds + 60) * 1000


def test_public_calls_and_calls_without_a_key_go_unsigned() -> None:
    row, request = asked("GET", f"{ROOT}market/products", "limit=1", b"", ("accept-encoding", "gzip, br"))
    sent = send((row, request))
    assert sent.headers == (("Accept-Encoding", "gzip"),)
    unsigned = EXCHANGE.sign(asked("GET", f"{ROOT}accounts")[1], READ, None, Stamp(WALL_MS))
    assert unsigned.headers == (("Accept-Encoding", "identity"),)


_POSTS = {
    "brokerage/orders": {
        "client_order_id": "ccxt-dummy",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "1.10", "post_only": False}},
    },
    "brokerage/orders/batch_cancel": {"order_ids": ["a", "b"]},
    "brokerage/orders/edit": {"order_id": "a", "size": "1.0", "price": "2"},
}


@pytest.mark.parametrize("secret", [STORED, EC_PEM], ids=["ed25519", "p256"])
def test_calls_equal_those_of_ccxt(secret: bytes) -> None:
    """All of its endpoints that this table takes, with parameters in path, query (lists too) and body."""
    rng = random.Random(20260821)
    bot = ccxt.coinbase({"apiKey": NAME if secret is EC_PEM else "dummy-key", "secret": secret.decode()})
    bot.seconds = lambda: WALL_MS // 1000
    seen = 0
    for version in ("v2", "v3"):
        for access in ("public", "private"):
            for verb, paths in bot.api[version][access].items():
                for path in paths:
                    names = bot.extract_params(path)
                    given: dict[str, Any] = {name: rng.choice(["BTC-USD", "a1", "8f-7"]) for name in names}
                    given |= _POSTS.get(path, {}) if verb == "post" else {}
                    if verb == "get" and rng.random() < 0.7:
                        given |= {"limit": 5, "ids": ["a", "b c"], "at": "2024-01-01T00:00:00.000Z"}
                    made = bot.sign(path, [version, access], verb.upper(), given)
                    where, _, query = made["url"].removeprefix("https://api.coinbase.com").partition("?")
                    row = TABLE.match(verb.upper(), where)
                    if row is None:
                        assert "withdrawals" in where
                        continue
                    assert (row.call_class is CallClass.PUBLIC) == (access == "public"), row.name
                    headers = {name.lower(): value for name, value in (made["headers"] or {}).items()}
                    body = (made["body"] or "").encode()
                    incoming = Incoming(verb.upper(), where, query, tuple(headers.items()), body)
                    sent = send((row, EXCHANGE.strip(incoming)), secret)
                    assert f"https://api.coinbase.com{sent.target}" == made["url"]
                    assert sent.body == body
                    seen += 1
                    if access == "public":
                        assert "Authorization" not in dict(sent.headers)
                        continue
                    head, claims = jwt(sent)
                    their_head, their_claims, _ = headers["authorization"].removeprefix("Bearer ").split(".")
                    theirs = read(their_claims)
                    assert head["alg"] == read(their_head)["alg"]
                    assert claims["uri"] == (theirs.get("uri") or theirs["uris"][0])
                    assert (claims["nbf"] + 2, read(their_head)["kid"]) == (theirs["nbf"], theirs["sub"])
                    assert EXCHANGE.token(incoming) == "dummy-key"
    assert seen > 75


def test_our_p256_tokens_verify() -> None:
    text = dict(send(asked("GET", f"{ROOT}accounts"), EC_PEM).headers)["Authorization"].removeprefix("Bearer ")
    signed, _, signature = text.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    EC.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


# ---- strip, token, params


def test_strip_takes_away_all_that_clients_sign_with() -> None:
    headers = (
        *(("authorization", "Bearer dummy"), ("cb-access-key", "dummy"), ("cb-access-sign", "0")),
        *(("cb-access-timestamp", "1"), ("cb-access-passphrase", "dummy"), ("cb-version", "2018-05-30")),
        *(("user-agent", "x"), ("content-type", "text/plain")),
    )
    row, request = asked("POST", f"{ROOT}orders", "", '{"a":1}', *headers)
    assert [name for name, _ in request.headers] == ["cb-version", "user-agent", "content-type"]
    sent = dict(send((row, request)).headers)
    assert (sent["cb-version"], sent["user-agent"], sent["Content-Type"]) == ("2018-05-30", "x", "application/json")
    assert sent["Authorization"] != "Bearer dummy" and "dummy" not in (sent.keys() - {"Authorization"})
    assert len([name for name, _ in send((row, request)).headers if name.lower() == "content-type"]) == 1


@pytest.mark.parametrize("body", ["{}", " {} ", "null", ""])
def test_the_official_library_sends_an_empty_object_with_a_get(body: str) -> None:
    assert asked("GET", f"{ROOT}accounts", "", body)[1].body == b""


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", "", '{"a":1}'),
        ("GET", "", "a=1"),
        ("GET", "a= b", ""),
        ("POST", "", "a=1"),
        ("POST", "", '{"a":1,"a":2}'),
        ("POST", "", '{"a":1'),
    ],
)
def test_calls_that_cannot_be_read_are_refused(method: str, query: str, body: str) -> None:
    path = f"{ROOT}orders" if method == "POST" else f"{ROOT}accounts"
    with pytest.raises(BadCall):
        EXCHANGE.strip(Incoming(method, path, query, (), body.encode()))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (("cb-access-key", "dummy-token"), "dummy-token"),
        (("authorization", f"Bearer {token(STORED, 'dummy-token')}"), "dummy-token"),
        (("authorization", f"bearer {token(EC_PEM, 'organizations/o/apiKeys/dummy-token')}"), "dummy-token"),
        (("authorization", "Bearer dummy-token"), ""),  # as everywhere: not by the exchange's key field
        (("authorization", f"Basic {token(STORED, 'dummy-token')}"), ""),
        (("authorization", "Bearer a.b.c"), ""),
        (("x", "y"), ""),
    ],
)
def test_token_stands_in_the_key_field(header: tuple[str, str], found: str) -> None:
    assert EXCHANGE.token(Incoming("GET", f"{ROOT}accounts", "", (header,), b"")) == found


def test_params_are_readable() -> None:
    query = asked("GET", f"{ROOT}products", "product_ids=BTC-USD&product_ids=ETH%2DUSD&x=a+b&y")
    assert EXCHANGE.params(query[1]) == {"product_ids": "BTC-USD,ETH-USD", "x": "a b", "y": ""}
    body = asked("POST", f"{ROOT}orders", "", '{"product_id":"A","n":1.10,"order_configuration":{"a":{"b":true}}}')
    assert EXCHANGE.params(body[1]) == {"product_id": "A", "n": "1.10", "order_configuration": '{"a":{"b":true}}'}
    with pytest.raises(BadCall):
        EXCHANGE.params(asked("POST", f"{ROOT}orders", "a=1&a=2", "{}")[1])


def test_secrets() -> None:
    def complaint(key: str, secret: bytes) -> str:
        return EXCHANGE.check_credential(Credential("a", "main", key, secret))

    assert complaint(NAME, STORED) == complaint(NAME, EC_PEM) == ""
    assert complaint(" ", STORED) != ""
    said = complaint(NAME, b"dummy-secret")
    assert said and "dummy" not in said


# ---- table


@pytest.mark.parametrize(
    ("name", "call_class"),
    [
        *((f"POST {ROOT}{path}", CallClass.PLACE) for path in ("orders", "orders/close_position")),
        (f"POST {ROOT}orders/edit", CallClass.AMEND),
        (f"POST {ROOT}orders/batch_cancel", CallClass.CANCEL),
        *((f"POST {ROOT}orders/{path}", CallClass.READ) for path in ("preview", "edit_preview")),
        *((f"GET {ROOT}{path}", CallClass.PUBLIC) for path in ("time", "market/products", "market/products/A/candles")),
        *((f"GET /v2/{path}", CallClass.PUBLIC) for path in ("currencies", "exchange-rates", "prices/A/spot")),
        *((f"GET {ROOT}{path}", CallClass.READ) for path in ("products", "orders/historical/x", "key_permissions")),
        *((f"GET {path}", CallClass.READ) for path in (f"{ROOT}intx/positions/x", "/v2/accounts", "/v2/new/thing")),
        *(
            (f"POST {ROOT}{path}", CallClass.WITHDRAW)
            for path in ("portfolios/move_funds", "convert/quote", "convert/trade/x", "cfm/sweeps/schedule")
        ),
        (f"POST {ROOT}intx/allocate", CallClass.WITHDRAW),
        (f"DELETE {ROOT}cfm/sweeps", CallClass.WITHDRAW),
        *(
            (f"POST /v2/accounts/x/{word}", CallClass.WITHDRAW)
            for word in ("transactions", "deposits", "buys", "sells")
        ),
        ("POST /v2/accounts/x/transactions/y/resend", CallClass.WITHDRAW),
        *((f"{verb} {ROOT}portfolios/x", CallClass.ADMIN) for verb in ("PUT", "DELETE")),
        (f"POST {ROOT}portfolios", CallClass.ADMIN),
        (f"POST {ROOT}cfm/intraday/margin_setting", CallClass.ADMIN),
        (f"POST {ROOT}intx/multi_asset_collateral", CallClass.ADMIN),
        ("POST /v2/accounts/x/addresses", CallClass.ADMIN),
        ("PUT /v2/user", CallClass.ADMIN),
    ],
)
def test_classes(name: str, call_class: CallClass) -> None:
    method, _, path = name.partition(" ")
    row = endpoint(method, path)
    assert row.call_class is call_class
    limits = {cost.limit for cost in row.costs}
    assert limits == ({"public_1s"} if call_class is CallClass.PUBLIC else {"user_1s", "key_1s", "key_1h"})


@pytest.mark.parametrize(
    "name",
    [
        "POST /v2/accounts/x/withdrawals",
        "POST /v2/accounts/x/withdrawals/y/commit",
        "POST /v2/accounts/x//transactions",
        "POST /v2/accounts/x/transactions/",
        "POST /v2/accounts/x/%74ransactions",
        "POST /v2/accounts/x/Transactions",
        "POST /v2//accounts/x/transactions",
        "POST /V2/accounts/x/transactions",
        "PUT /v2/accounts/x/transactions",
        "PATCH /v2/accounts/x/transactions",
        f"POST {ROOT}portfolios/move_funds/",
        f"POST {ROOT}portfolios//move_funds",
        f"POST {ROOT}portfolios/./move_funds",
        f"POST {ROOT}orders/../portfolios/move_funds",
        f"POST {ROOT}orders/..%2fportfolios/move_funds",
        f"POST {ROOT}portfolios/move%5Ffunds",
        f"POST {ROOT}portfolios/MOVE_FUNDS",
        f"POST {ROOT}portfolios;x/move_funds",
        f"POST {ROOT}portfolios\\move_funds",
        f"PUT {ROOT}portfolios/move_funds/x",
        f"GET {ROOT}portfolios/../portfolios/move_funds",
        f"POST {ROOT}convert/commit",
        f"POST {ROOT}transfers",
        f"GET {ROOT}transfers",
        f"POST {ROOT}anything",
        "POST /v2/anything",
        "DELETE /v2/anything",
    ],
)
def test_money_leaves_in_no_spelling(name: str) -> None:
    method, _, path = name.partition(" ")
    row = TABLE.match(method, path)
    assert row is None or row.call_class is CallClass.WITHDRAW


def test_what_the_headers_tell_is_about_the_calls_own_limits() -> None:
    told = Reply(200, b"", ((b"X-RateLimit-Remaining", b"7"), (b"x-ratelimit-limit", b"10000")), b"", 0)
    assert EXCHANGE.usage(READ, told) == (Usage("user_1s", left=7),)
    assert EXCHANGE.usage(PUBLIC, told) == (Usage("public_1s", left=7),)


def test_time() -> None:
    row = TABLE.named(f"GET {EXCHANGE.time_path}")
    assert row is not None and row.call_class is CallClass.PUBLIC
    told = b'{"iso":"2023-11-14T22:13:20Z","epochSeconds":"1700000000","epochMillis":"1700000000123"}'
    assert EXCHANGE.time_ms(told) == 1_700_000_000_123
    for bad in (b"", b"{}", b"[]", b'{"epochMillis":null}', b'{"epochMillis":"soon"}'):
        assert EXCHANGE.time_ms(bad) is None


# ---- judgement


def order_error(error: str, **more: str) -> dict[str, Any]:
    return {"success": False, "error_response": {"error": error, "message": "", **more}, "order_configuration": {}}


def cancelled(*reasons: str | None) -> dict[str, Any]:
    rows = [{"success": why is None, "failure_reason": why or "UNKNOWN_CANCEL_FAILURE_REASON"} for why in reasons]
    return {"results": [{**row, "order_id": str(n)} for n, row in enumerate(rows)]}


NO, YES, MAYBE = Executed.NO, Executed.YES, Executed.UNKNOWN
SCOPES = "Missing required scopes"
STALE = {"errors": [{"id": "authentication_error", "message": "request timestamp expired"}]}
DOWN = {"error": "internal_server_error"}
LOST = "order with this orderID was not found"
# (endpoint, status, body, outcome, executed, blame)
JUDGED: list[tuple[Endpoint, int, Any, Outcome, Executed, Scope | None]] = [
    (PLACE, 200, {"success": True, "success_response": {"order_id": "1"}}, Outcome.ACCEPTED, YES, None),
    (EDIT, 200, {"success": True, "errors": {"edit_failure_reason": "UNKNOWN_X"}}, Outcome.ACCEPTED, YES, None),
    (CANCEL, 200, cancelled(None), Outcome.ACCEPTED, YES, None),
    (CANCEL, 200, cancelled(None, "UNKNOWN_CANCEL_ORDER"), Outcome.ACCEPTED, YES, None),
    (READ, 200, {"accounts": []}, Outcome.ACCEPTED, YES, None),
    (PUBLIC, 200, {"products": []}, Outcome.ACCEPTED, YES, None),
    # 429
    (PLACE, 429, {"error": "rate_limit_exceeded"}, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (READ, 429, {"errors": [{"id": "rate_limit_exceeded"}]}, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (READ, 429, {"error": "resource_exhausted"}, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (PUBLIC, 429, {"error": "rate_limit_exceeded"}, Outcome.THROTTLED, NO, Scope.ADDRESS),
    (PLACE, 429, "Too Many Requests", Outcome.THROTTLED, NO, Scope.ACCOUNT),
    (PUBLIC, 429, "Too Many Requests", Outcome.THROTTLED, NO, Scope.ADDRESS),
    (READ, 400, {"error": "rate_limit_exceeded"}, Outcome.THROTTLED, NO, Scope.ACCOUNT),
    # 401: a key that is none, or an address that it may not come from
    (PLACE, 401, "Unauthorized", Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, 401, {"error": "unauthorized"}, Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, 401, {"error": "authentication_error"}, Outcome.DEAD, NO, Scope.KEY),
    (READ, 401, {"errors": [{"id": "invalid_token"}]}, Outcome.DEAD, NO, Scope.KEY),
    (READ, 401, STALE, Outcome.CLOCK, NO, None),
    (PLACE, 401, {"error": "x", "message": "IP is not in the allowlist"}, Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    (PLACE, 403, {"error": "x", "message": "IP not allowed"}, Outcome.NOT_WHITELISTED, NO, Scope.PAIR),
    # 403
    (PLACE, 403, {"error": "PERMISSION_DENIED", "error_details": SCOPES}, Outcome.NO_PERMISSION, NO, Scope.KEY),
    (PLACE, 403, {"error": "unknown", "message": SCOPES}, Outcome.NO_PERMISSION, NO, Scope.KEY),
    (READ, 403, {"errors": [{"id": "invalid_scope"}]}, Outcome.NO_PERMISSION, NO, Scope.KEY),
    (PLACE, 403, {"error": "forbidden"}, Outcome.NO_PERMISSION, NO, Scope.KEY),
    (PLACE, 403, "<html>", Outcome.BANNED, NO, Scope.ADDRESS),
    # refusals of an order
    *((PLACE, 200, order_error(name), Outcome.REFUSED, NO, None) for name in (
        "INSUFFICIENT_FUND", "UNSUPPORTED_ORDER_CONFIGURATION", "INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_SIDE",
    )),
    (PLACE, 200, order_error("UNKNOWN_FAILURE_REASON", preview_failure_reason="PREVIEW_X"), Outcome.REFUSED, NO, None),
    (PLACE, 400, {"error": "INVALID_ARGUMENT"}, Outcome.REFUSED, NO, None),
    (EDIT, 200, {"success": False, "errors": [{"edit_failure_reason": "ORDER_NOT_FOUND"}]}, Outcome.REFUSED, NO, None),
    (CANCEL, 200, cancelled("UNKNOWN_CANCEL_ORDER"), Outcome.REFUSED, NO, None),
    (CANCEL, 200, cancelled("INVALID_CANCEL_REQUEST", "COMMANDER_REJECTED_CANCEL_ORDER"), Outcome.REFUSED, NO, None),
    # something of that name is there
    (PLACE, 200, order_error("DUPLICATE_CLIENT_ORDER_ID"), Outcome.REFUSED, MAYBE, None),
    (PLACE, 409, {"error": "ALREADY_EXISTS"}, Outcome.REFUSED, MAYBE, None),
    (CANCEL, 200, cancelled("UNKNOWN_CANCEL_ORDER", "DUPLICATE_CANCEL_REQUEST"), Outcome.REFUSED, MAYBE, None),
    # no such order
    (EDIT, 400, {"error": "unknown", "message": LOST, "error_details": LOST}, Outcome.REFUSED, NO, None),
    (READ, 404, {"error": "NOT_FOUND"}, Outcome.REFUSED, NO, None),
    # nobody knows
    *((PLACE, status, DOWN, Outcome.UNKNOWN, MAYBE, None) for status in (500, 502, 503, 504)),
    *((READ, status, DOWN, Outcome.UNAVAILABLE, NO, None) for status in (500, 503)),
    (PLACE, 500, {"error": "INSUFFICIENT_FUND"}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 502, "<html>", Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, order_error("UNKNOWN_FAILURE_REASON"), Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, {"success": False}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, {"success": False, "errors": []}, Outcome.UNKNOWN, MAYBE, None),
    (CANCEL, 200, cancelled("UNKNOWN_CANCEL_FAILURE_REASON"), Outcome.UNKNOWN, MAYBE, None),
    (CANCEL, 200, cancelled("UNKNOWN_CANCEL_ORDER", "UNKNOWN_CANCEL_FAILURE_REASON"), Outcome.UNKNOWN, MAYBE, None),
    (CANCEL, 200, {"results": []}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, {}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, "[]", Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 200, "<html>", Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 302, {"error": "INVALID_ARGUMENT"}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 400, {"error": "unknown"}, Outcome.UNKNOWN, MAYBE, None),
    (READ, 400, {"error": "unknown"}, Outcome.REFUSED, NO, None),
    (PLACE, 400, {}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 408, {"error": "x"}, Outcome.UNKNOWN, MAYBE, None),
    (PLACE, 408, "", Outcome.UNKNOWN, MAYBE, None),
]  # fmt: skip


def reply(status: int, body: Any, *headers: tuple[bytes, bytes], elapsed_ms: int = 0) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, b"", headers, text.encode(), elapsed_ms * 1_000_000)


@pytest.mark.parametrize(("row", "status", "body", "outcome", "executed", "blame"), JUDGED)
def test_what_answers_mean(
    row: Endpoint, status: int, body: Any, outcome: Outcome, executed: Executed, blame: Scope | None
) -> None:
    verdict = EXCHANGE.classify(row, reply(status, body), WALL_MS)
    assert (verdict.outcome, verdict.executed, verdict.blame) == (outcome, executed, blame)


DATE = (b"Date", b"Tue, 14 Nov 2023 22:13:20 GMT")  # 1700000000


@pytest.mark.parametrize(
    ("wall_ms", "elapsed_ms", "off"),
    [
        (1_700_000_000_000, 0, False),
        (1_700_000_000_999, 0, False),
        (1_700_000_001_100, 300, False),  # the answer took its time
        (1_700_000_009_900, 9_900, False),
        (1_700_000_001_000, 0, True),  # a token that begins in the future
        (1_699_999_998_000, 0, False),
        (1_699_999_997_999, 0, True),
    ],
)
def test_a_refused_token_may_be_the_clocks_fault(wall_ms: int, elapsed_ms: int, off: bool) -> None:
    for body in ("Unauthorized", {"error": "authentication_error"}):
        verdict = EXCHANGE.classify(READ, reply(401, body, DATE, elapsed_ms=elapsed_ms), wall_ms)
        assert (verdict.outcome is Outcome.CLOCK) == off
        assert verdict.executed is NO
    assert EXCHANGE.classify(READ, reply(403, {"error": "forbidden"}, DATE), 0).outcome is Outcome.NO_PERMISSION


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        (b"1700000004", 3.3),
        (b"1700000004700", 4.0),
        (b"2", 2.0),
        (b"1699999999", None),
        (b"0", None),
        (b"soon", None),
        (b"1999999999", 3600.0),
    ],
)
def test_the_rest_of_a_refused_caller(value: bytes, wait_s: float | None) -> None:
    told = reply(429, {"error": "rate_limit_exceeded"}, (b"X-RateLimit-Reset", value))
    wait_ns = EXCHANGE.classify(READ, told, WALL_MS).wait_ns
    assert wait_ns == (None if wait_s is None else round(wait_s * 1e9))


# ---- native errors


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
        (502, "bad_answer", ccxt.NetworkError),
    ],
)
def test_our_refusals_raise_the_right_class_in_ccxt(status: int, reason: str, raised: type[Exception]) -> None:
    refusal = Refusal(status, reason, "said by a test")
    error = EXCHANGE.native_error(refusal, Incoming("POST", f"{ROOT}orders", "", (), b""))
    bot, body = ccxt.coinbase(), error.body.decode()
    assert error.status == status
    with pytest.raises(raised, match=f"ordergate: {reason}"):
        bot.handle_errors(status, "", "", "POST", {}, body, json.loads(body), {}, None)
        bot.handle_http_status_code(status, "", "", "POST", body)
    if raised in (ccxt.ExchangeNotAvailable, ccxt.RequestTimeout, ccxt.NetworkError):
        assert issubclass(raised, ccxt.NetworkError)
