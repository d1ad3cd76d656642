"""Kraken spot: vectors, equality with ccxt, judgement, native errors."""

import base64
import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import ccxt
import krakenex
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.kraken import EXCHANGE, sign, signature
from proxy.exchanges.table import limits_of, units
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

# The secret of the published example, and the nonce of all vectors.
SECRET = b"kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = 1616492376594
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
WALL_MS = 1_700_000_000_000
MINUTE_NS = 60 * 10**9


def endpoint(name: str) -> Endpoint:
    method, path = ("GET", f"/0/public/{name}") if name in ("Time", "Depth") else ("POST", f"/0/private/{name}")
    found = EXCHANGE.table.match(method, path)
    assert found is not None
    return found


def post(name: str, body: bytes = b"", *headers: tuple[str, str], query: str = "") -> Incoming:
    return Incoming("POST", f"/0/private/{name}", query, headers, body)


def credential(secret: bytes = SECRET, passphrase: str = "") -> Credential:
    return Credential("kraken-main", "main", "dummy-key", secret, passphrase)


def send(request: Incoming, nonce: int = NONCE, passphrase: str = "") -> SignedRequest:
    """Without a deadline; those are in test_validity.py."""
    row = EXCHANGE.table.match(request.method, request.path)
    assert row is not None
    return sign(EXCHANGE.strip(request), row, credential(passphrase=passphrase), Stamp(0, nonce))


def header(request: SignedRequest, name: str) -> str:
    values = [value for key, value in request.headers if key.lower() == name.lower()]
    assert len(values) == 1, name
    return values[0]


BATCH = (
    '"pair":"XBTUSD","orders":[{"ordertype":"limit","price":"40000","type":"buy","volume":"1.2"},'
    '{"ordertype":"limit","price":"42000","type":"sell","volume":"1.2"}]}'
)
# S1 is Kraken's own example (spot-rest-auth); S2 to S7 by hashlib and, where it can, ccxt's sign().
VECTORS = {
    "S1": (
        "AddOrder",
        "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
    ),
    "S2": (
        "AddOrder",
        '{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500","type":"buy","volume":"1.25"}',
        "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg==",
    ),
    "S3": (
        "Balance",
        "nonce=1616492376594",
        "1nH4vwR+8FHiYh1QT649xXkGd3JR3x0DWkgv3u9Ed/Qqv6KPtgQpEU4m+Emb/VgpEji3j1XNwI+HCbfXxmrTOg==",
    ),
    "S4": (
        "Balance",
        "nonce=1616492376594&otp=123456",
        "jbyoyzbCFde1u0Rnp3ChMEofg5y4E4qpI247mcYicXoAi4c201b8GKM5LmshBvKP9WVm+UFHd710qkGBE0tRJw==",
    ),
    "S5": (
        "QueryOrders",
        "nonce=1616492376594&txid=OUF4EM-FRGI2-MQMWZD%2COHCFNU-4L7QE-6OPNQO&trades=True",
        "x/2gtRkyiJb4jBI64d+J7qPZgnxxv2niK9wh4PbJCAEIoIvNBOtcWjIlF8kIONTbFTlCPFw0bmgrp1tTFMPyYw==",
    ),
    "S6": (
        "AddOrderBatch",
        '{"nonce":"1616492376594",' + BATCH,
        "OcU60ItsHgs++SIQVWoOXUxMKkDjg/5RhcRe019M8UumDnAQ10h9uY2uF2EEu2STUBvkhW+0m2H3cbyknOkTVQ==",
    ),
    "S7": (
        "CancelOrderBatch",
        '{"nonce":"1616492376594","orders":["OUF4EM-FRGI2-MQMWZD","OHCFNU-4L7QE-6OPNQO"]}',
        "TTr5uSK18rIATOqMdRSlG+IkiIcXHJA56vfTfkHlDApN0gyns3eSlh0PGIisGM34jf0oUOdnx8TFbpI8yr2lfg==",
    ),
}


@pytest.mark.parametrize(("name", "body", "api_sign"), VECTORS.values(), ids=VECTORS)
def test_vectors(name: str, body: str, api_sign: str) -> None:
    assert signature(f"/0/private/{name}", NONCE, body.encode(), SECRET) == api_sign
    # The same through a bot that signed with another nonce and one-time password.
    dummy = body.replace("1616492376594", "1").replace("otp=123456", "otp=000000")
    sent = send(post(name, dummy.encode()), passphrase="123456" if "otp" in body else "")
    assert sent.body == body.encode()
    assert sent.target == f"/0/private/{name}"
    assert header(sent, "API-Sign") == api_sign
    assert header(sent, "API-Key") == "dummy-key"
    assert header(sent, "Content-Type") == (JSON if body.startswith("{") else FORM)


# ---- equality with ccxt


def _texts(rng: random.Random) -> Any:
    return rng.choice(
        ["XBTUSD", "XBT/USD", "0.00100", "1e-8", "a,b", "50%", "+0.1%", "fciq,post", "äß", "a b&c=d", "", "~._-", "[x]"]
    )


def _plain(rng: random.Random) -> dict[str, Any]:
    names = rng.sample(
        ["pair", "ordertype", "volume", "cl_ord_id", "oflags", "start", "ofs", "close"], rng.randint(0, 6)
    )
    values: list[Any] = [rng.randint(0, 10**12), rng.random() * 1000, True, False]
    found = {name: rng.choice([_texts(rng), rng.choice(values)]) for name in names}
    if rng.random() < 0.2:
        found["close"] = {"ordertype": "limit", "price": _texts(rng)}
    return found


def _ccxt_calls() -> Iterator[tuple[str, dict[str, Any]]]:
    rng = random.Random(20260821)
    paths = [
        path for path in ccxt.kraken().api["private"]["post"] if EXCHANGE.table.match("POST", f"/0/private/{path}")
    ]
    assert len(paths) > 30
    for number in range(400):
        path = paths[number % len(paths)]
        params = _plain(rng)
        if path == "AddOrderBatch":
            params["orders"] = [_plain(rng) for _ in range(rng.randint(1, 4))]
        if path == "CancelOrderBatch":
            params["orders"] = [rng.choice(["OUF4EM-FRGI2-MQMWZD", 7]) for _ in range(rng.randint(1, 4))]
        if path == "AddOrder" and rng.random() < 0.5:
            params["price"] = "+1.5%"
        yield path, params


def test_sent_bytes_equal_those_of_ccxt() -> None:
    """ccxt puts the nonce first too, so everything is equal: URL, body, signature, type."""
    bot = ccxt.kraken({"apiKey": "dummy-key", "secret": SECRET.decode()})
    for path, params in _ccxt_calls():
        made = bot.sign(path, ["private"], "POST", params)
        body = made["body"]
        nonce = json.loads(body)["nonce"] if body.startswith("{") else body.partition("&")[0].partition("=")[2]
        headers = tuple((name.lower(), value) for name, value in made["headers"].items())
        sent = send(Incoming("POST", f"/0/private/{path}", "", headers, body.encode()), int(nonce))
        assert sent.body.decode() == body
        assert f"https://api.kraken.com{sent.target}" == made["url"]
        for name in ("API-Key", "API-Sign", "Content-Type"):
            assert header(sent, name) == made["headers"][name]


def test_public_calls_of_ccxt_pass_unchanged_and_without_a_key() -> None:
    bot = ccxt.kraken()
    for path in bot.api["public"]["get"]:
        made = bot.sign(path, ["public"], "GET", {"pair": "XXBTZUSD", "since": 1, "x": "a,b"})
        where, _, query = made["url"].removeprefix("https://api.kraken.com").partition("?")
        request = Incoming("GET", where, query, (("api-key", "dummy-token"),), b"")
        row = EXCHANGE.table.match("GET", where)
        assert row is not None and row.call_class is CallClass.PUBLIC and row.auth is Auth.NONE
        sent = EXCHANGE.sign(EXCHANGE.strip(request), row, credential(), Stamp(0, NONCE))
        assert f"https://api.kraken.com{sent.target}" == made["url"]
        assert not {"api-key", "api-sign", "content-type"} & {name.lower() for name, _ in sent.headers}
        assert sent.body == b""


def test_signature_equals_krakenex_which_puts_the_nonce_last() -> None:
    bot = krakenex.API(key="dummy-key", secret=SECRET.decode())
    sent = send(post("AddOrder", b"pair=XBTUSD&type=buy&nonce=5"))
    assert sent.body == b"nonce=1616492376594&pair=XBTUSD&type=buy"
    rows = {"nonce": str(NONCE), "pair": "XBTUSD", "type": "buy"}
    assert header(sent, "API-Sign") == bot._sign(rows, "/0/private/AddOrder")


# ---- strip, params, sign


_PIECES = st.text("abc0%,=+.[]~", max_size=6).map(lambda t: f"x{t}")
_FORM_DUMMIES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["nonce=3", "otp=1", "%6eonce=4"])), max_size=3)


@given(st.lists(_PIECES, max_size=5), _FORM_DUMMIES)
def test_form_keeps_order_place_and_encoding(pieces: list[str], dummies: list[tuple[int, str]]) -> None:
    mixed = list(pieces)
    for at, dummy in dummies:
        mixed.insert(at, dummy)
    stripped = EXCHANGE.strip(
        post("Balance", "&".join(mixed).encode(), ("api-key", "k"), ("api-sign", "s"), ("x", "y"))
    )
    assert stripped.body.decode() == "&".join(pieces)
    assert stripped.headers == (("x", "y"),)
    sent = EXCHANGE.sign(stripped, endpoint("Balance"), credential(), Stamp(0, 7))
    assert sent.body.decode() == "&".join(["nonce=7", *pieces])


_MEMBERS = st.sampled_from(
    ['"a" : 1.10', '"b":[ 1 , {"nonce": 2}]', '\n"c":"\\u00e4"', '"d":"ä" ', '"e":null', '"nonces":"1e-8"']
)
_JSON_DUMMIES = st.sampled_from(['"nonce":"1"', '"nonce": 17', ' "otp":"1"', '"n\\u006fnce":3'])


@given(st.lists(_MEMBERS, unique=True), st.integers(0, 5), st.none() | _JSON_DUMMIES)
def test_json_keeps_every_byte_of_the_rest(kept: list[str], at: int, dummy: str | None) -> None:
    mixed = list(kept)
    if dummy is not None:
        mixed.insert(at, dummy)
    stripped = EXCHANGE.strip(post("AddOrderBatch", ("{" + ",".join(mixed) + "}").encode()))
    assert stripped.body.decode().replace("{}", "{" + ",".join(kept) + "}") == "{" + ",".join(kept) + "}"
    sent = sign(stripped, endpoint("AddOrderBatch"), credential(), Stamp(0, 7))
    assert sent.body.decode() == "{" + ",".join(['"nonce":"7"', *kept]) + "}"
    assert json.loads(sent.body)["nonce"] == "7"


def test_an_empty_private_post_becomes_a_form() -> None:
    for body in (b"", b"nonce=1"):
        sent = send(post("Balance", body))
        assert (sent.body, header(sent, "Content-Type")) == (b"nonce=1616492376594", FORM)


def test_the_body_tells_its_type_whatever_the_header_says() -> None:
    assert header(send(post("Balance", b" {}", ("content-type", FORM))), "Content-Type") == JSON
    assert header(send(post("Balance", b"a=1", ("content-type", JSON))), "Content-Type") == FORM
    assert send(post("Balance", b" { } ")).body == b'{"nonce":"1616492376594"}'


def test_a_second_factor_is_written_as_the_body_is() -> None:
    assert send(post("Balance", b"a=1"), passphrase="p&w").body == b"nonce=1616492376594&otp=p%26w&a=1"
    assert send(post("Balance", b'{"a":1}'), passphrase='p"w').body == b'{"nonce":"1616492376594","otp":"p\\"w","a":1}'


@pytest.mark.parametrize(
    "bad",
    [
        Incoming("GET", "/0/private/Balance", "", (), b""),
        Incoming("PUT", "/0/private/Balance", "", (), b""),
        Incoming("post", "/0/private/Balance", "", (), b""),
        post("Balance", query="asset=XBT"),
        post("Balance", b"a=b c"),
        post("Balance", b"a=\xc3\xa4"),
        post("Balance", b"a=1\r\n"),
        post("Balance", b"[1]"),
        post("Balance", b'{"a":1'),
        post("Balance", b'{"a":1,"a":2}'),
        Incoming("GET", "/0/public/Ticker", "", (), b"pair=XBTUSD"),
        Incoming("GET", "/0/public/Ticker", "pair=XBT USD", (), b""),
        Incoming("GET", "/0/public/Ticker", "pair=ä", (), b""),
        post("DepositAddresses", b"asset=XBT&new=true"),
        post("DepositAddresses", b'{"asset":"XBT","new":true}'),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall):
        EXCHANGE.strip(bad)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(BadCall):
        EXCHANGE.params(EXCHANGE.strip(post("AddOrder", b"volume=1&volume=2")))


def test_params_are_readable_for_costs() -> None:
    form = EXCHANGE.strip(post("CancelOrder", b"nonce=1&txid=A%2CB&pair=XBT%2FUSD"))
    assert EXCHANGE.params(form) == {"txid": "A,B", "pair": "XBT/USD"}
    body = b'{"pair":"XBTUSD","deadline":null,"validate":true,"userref":17,"orders":[{"a":"1,2"},{"b":2}]}'
    found = EXCHANGE.params(EXCHANGE.strip(post("AddOrderBatch", body)))
    assert found == {
        "pair": "XBTUSD",
        "deadline": "null",
        "validate": "true",
        "userref": "17",
        "orders": '[{"a":"1,2"},{"b":2}]',
    }
    assert units(endpoint("AddOrderBatch").costs[0], found) == 1.0


def test_token_is_the_key_header() -> None:
    assert EXCHANGE.token(post("Balance", b"", ("api-key", "dummy-token"))) == "dummy-token"
    assert EXCHANGE.token(post("Balance")) == ""


def test_headers_of_a_signed_call() -> None:
    sent = send(post("Balance", b"", ("accept-encoding", "gzip"), ("user-agent", "bot/1"), ("cookie", "x")))
    assert header(sent, "Accept-Encoding") == "identity"
    assert header(sent, "User-Agent") == "bot/1"
    assert "cookie" not in {name.lower() for name, _ in sent.headers}
    assert header(send(post("Balance")), "User-Agent") == "ordergate"


def test_without_a_credential_nothing_is_signed() -> None:
    stripped = EXCHANGE.strip(post("Balance", b"a=1"))
    sent = EXCHANGE.sign(stripped, endpoint("Balance"), None, Stamp(0, NONCE))
    assert sent.body == b"a=1" and "api-sign" not in {name.lower() for name, _ in sent.headers}


def test_no_secret_in_the_repr() -> None:
    assert SECRET.decode() not in repr(credential()) and header(send(post("Balance")), "API-Sign") not in repr(
        send(post("Balance"))
    )


@pytest.mark.parametrize(
    ("secret", "usable"), [(SECRET, True), (b"dummy!secret", False), (b"", False), (b"abc", False)]
)
def test_a_secret_must_be_base64(secret: bytes, usable: bool) -> None:
    complaint = EXCHANGE.check_credential(credential(secret))
    assert (complaint == "") is usable
    assert not secret or secret.decode() not in complaint


# ---- table


CLASSES = {
    CallClass.PLACE: ["AddOrder", "AddOrderBatch"],
    CallClass.AMEND: ["AmendOrder", "EditOrder"],
    CallClass.CANCEL: ["CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"],
    CallClass.READ: [
        *("Balance", "BalanceEx", "CreditLines", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders"),
        *("OrderAmends", "TradesHistory", "QueryTrades", "OpenPositions", "Ledgers", "QueryLedgers", "TradeVolume"),
        *("ExportStatus", "DepositMethods", "DepositStatus", "GetApiKeyInfo", "Level3"),
    ],
    CallClass.WITHDRAW: [
        *("Withdraw", "WithdrawCancel", "WalletTransfer", "AccountTransfer", "Earn/Allocate", "Earn/Deallocate"),
        *("Stake", "Unstake", "WithdrawMethods", "WithdrawInfo", "WithdrawStatus", "WithdrawAddresses"),
    ],
    CallClass.ADMIN: ["CreateSubaccount", "AddExport", "RemoveExport", "RetrieveExport", "GetWebSocketsToken"],
}


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    for name in CLASSES[call_class]:
        assert endpoint(name).call_class is call_class, name
        assert EXCHANGE.table.match("GET", f"/0/private/{name}") is None


@pytest.mark.parametrize(
    "name", ["Unknown", "balance", "CreatePrimeApiUserKey", "CreateUser", "AddOrder/", "Addorder", ""]
)
def test_unknown_private_calls_have_no_row(name: str) -> None:
    assert EXCHANGE.table.match("POST", f"/0/private/{name}") is None


def test_other_interfaces_are_not_ours() -> None:
    for path in ("/oauth/fast-api-key", "/b2b/users", "/derivatives/api/v3/accounts", "/1/private/Balance"):
        assert EXCHANGE.table.products_of(None, path) == []
    assert EXCHANGE.table.match("POST", "/0/public/Time") is None


PRICES = {
    "Balance": {"rest": 1},
    "ClosedOrders": {"rest": 2},
    "TradesHistory": {"rest": 2},
    "QueryLedgers": {"rest": 2},
    "CancelAll": {"rest": 1},
    "AddOrder": {"engine": 1},
    "AmendOrder": {"engine": 4},
    "EditOrder": {"engine": 7},
    "CancelOrder": {"engine": 8},
    "AddOrderBatch": {"engine": 2},
    "CancelOrderBatch": {"engine": 400},  # 50 orders of unknown age; pool.py asks for those that it names
    "Time": {"public_1s": 1},
}


@pytest.mark.parametrize("name", PRICES)
def test_prices(name: str) -> None:
    params = {"pair": "XBTUSD", "orders": '["A","B","C","D"]'}
    assert {cost.limit: units(cost, params) for cost in endpoint(name).costs} == PRICES[name]


@pytest.mark.parametrize(
    ("tier", "rest", "engine"),
    [("starter", (15, 0.33), (60, 1)), ("", (20, 0.5), (125, 2.34)), ("pro", (20, 1), (180, 3.75))],
)
def test_tiers_drain_as_documented(tier: str, rest: tuple[int, float], engine: tuple[int, float]) -> None:
    limits = limits_of(EXCHANGE.table, tier)
    for name, (capacity, per_second), scope in (("rest", rest, Scope.KEY), ("engine", engine, Scope.ACCOUNT)):
        limit = limits[name]
        assert (limit.capacity, limit.scope) == (capacity, scope)
        assert limit.capacity / limit.window_ns * 1e9 == pytest.approx(per_second, rel=0.02)
    assert limits["engine"].per == "symbol"


# ---- judgement


def answer(body: bytes | str, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else body, 1)


def error(*texts: str) -> Reply:
    return answer(json.dumps({"error": texts}))


ORDER, CANCEL, READ, PUBLIC = map(endpoint, ("AddOrder", "CancelOrder", "Balance", "Depth"))
KEY, ADDRESS, ACCOUNT = Scope.KEY, Scope.ADDRESS, Scope.ACCOUNT
REFUSED = (Outcome.REFUSED, None)

# Text of an error -> outcome and blame for an order. All of these are certain not to have been executed.
CERTAIN = {
    "EAPI:Rate limit exceeded": (Outcome.THROTTLED, KEY),
    "EGeneral:Too many requests": (Outcome.THROTTLED, ADDRESS),
    "EService:Throttled:1700000007": (Outcome.THROTTLED, ACCOUNT),
    "EService: Throttled: 1700000007": (Outcome.THROTTLED, ACCOUNT),
    "EOrder:Rate limit exceeded": (Outcome.THROTTLED, ACCOUNT),
    "EOrder:Domain rate limit exceeded": (Outcome.THROTTLED, ACCOUNT),
    "EOrder:Orders limit exceeded": REFUSED,
    "EOrder:Positions limit exceeded": REFUSED,
    "EAuth:Rate limit exceeded": (Outcome.THROTTLED, KEY),
    "EAuth:Too many requests": (Outcome.THROTTLED, KEY),
    "EGeneral:Temporary lockout": (Outcome.SUSPENDED, KEY),
    "EAPI:Invalid nonce": (Outcome.NONCE, None),
    "EAPI:Invalid key": (Outcome.NOT_WHITELISTED, Scope.PAIR),
    "EAPI: Invalid key": (Outcome.NOT_WHITELISTED, Scope.PAIR),
    "EAPI:Invalid signature": (Outcome.DEAD, KEY),
    "EAPI:Bad request": REFUSED,
    "EGeneral:Permission denied": (Outcome.NO_PERMISSION, KEY),
    "EGeneral:Invalid arguments": REFUSED,
    "EGeneral:Invalid arguments:volume": REFUSED,
    "EGeneral:Unknown method": REFUSED,
    "EAPI:Feature disabled": REFUSED,
    "ESession:Invalid session": REFUSED,
    "EAccount:Invalid permissions:XMR trading restricted for UK": REFUSED,
    "EBM:limit exceeded:CAL": REFUSED,
    "EAuth:Account temporary disabled": (Outcome.SUSPENDED, ACCOUNT),
    "EAuth:Account unconfirmed": (Outcome.SUSPENDED, ACCOUNT),
    "ETrade:Locked": (Outcome.SUSPENDED, ACCOUNT),
    "ETrade:User Locked": (Outcome.SUSPENDED, ACCOUNT),
    "EQuery:Unknown asset pair": REFUSED,
    "EQuery:Invalid asset pair": REFUSED,
    "EQuery:Unknown asset": REFUSED,
    "EOrder:Insufficient funds": REFUSED,
    "EOrder:Insufficient margin": REFUSED,
    "EOrder:Order minimum not met": REFUSED,
    "EOrder:Cost minimum not met": REFUSED,
    "EOrder:Tick size check failed": REFUSED,
    "EOrder:Invalid price:Invalid price argument": REFUSED,
    "EOrder:Margin allowance exceeded": REFUSED,
    "EOrder:Post only order": REFUSED,
    "EOrder:Trading agreement required": REFUSED,
    "EOrder:Cannot open position": REFUSED,
    "EOrder:Unknown order": REFUSED,
    "EOrder:Invalid order": REFUSED,
    "EOrder:Reduce only:Non-PC order": REFUSED,
    "EService:Market in cancel_only mode": REFUSED,
    "EService:Market in post_only mode": REFUSED,
    "EService:Market in limit_only mode": REFUSED,
    "EFunding:Unknown withdraw key": REFUSED,
    "ENew:Never seen": REFUSED,
}


@pytest.mark.parametrize("text", CERTAIN)
def test_errors_that_say_not_executed(text: str) -> None:
    verdict = EXCHANGE.classify(ORDER, error(text), WALL_MS)
    assert (verdict.outcome, verdict.blame) == CERTAIN[text]
    assert verdict.executed is Executed.NO
    assert verdict.code and text.replace(": ", ":").startswith(verdict.code)


# Text -> outcome for a read; a write is unknown after each of them.
DOUBTFUL = {
    "EService:Unavailable": Outcome.UNAVAILABLE,
    "EService:Busy": Outcome.UNAVAILABLE,
    "EService: Busy": Outcome.UNAVAILABLE,
    "EService:Deadline elapsed": Outcome.UNAVAILABLE,
    "EGeneral:Internal error": Outcome.UNKNOWN,
    "EGeneral:Internal error:5": Outcome.UNKNOWN,
    "EDatabase:Internal error": Outcome.UNKNOWN,
    "EOrder:Cancel pending": Outcome.UNKNOWN,
    "EOrder:Reduce only:No margin. Position is closed": Outcome.UNKNOWN,
}


@pytest.mark.parametrize("text", DOUBTFUL)
def test_errors_after_which_an_order_may_live(text: str) -> None:
    for name in ("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "Withdraw", "CreateSubaccount"):
        verdict = EXCHANGE.classify(endpoint(name), error(text), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.UNKNOWN, Executed.UNKNOWN), name
    assert EXCHANGE.classify(READ, error(text), WALL_MS).outcome is DOUBTFUL[text]


def test_stated_waits() -> None:
    verdict = EXCHANGE.classify(ORDER, error("EService:Throttled:1700000007"), WALL_MS)
    assert verdict.wait_ns == 7 * 10**9
    assert EXCHANGE.classify(ORDER, error("EService: Throttled: 1700000007"), WALL_MS).wait_ns == 7 * 10**9
    assert EXCHANGE.classify(ORDER, error("EService:Throttled:1600000000"), WALL_MS).wait_ns == 0
    assert EXCHANGE.classify(ORDER, error("EService:Throttled"), WALL_MS).wait_ns is None
    assert EXCHANGE.classify(ORDER, error("EGeneral:Temporary lockout"), WALL_MS).wait_ns == 15 * MINUTE_NS
    assert EXCHANGE.classify(ORDER, error("EAPI:Rate limit exceeded"), WALL_MS).wait_ns is None


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("EAPI:Rate limit exceeded", Outcome.THROTTLED),
        ("EGeneral:Too many requests", Outcome.THROTTLED),
        ("EService:Throttled:1700000007", Outcome.THROTTLED),
        ("EGeneral:Temporary lockout", Outcome.BANNED),
    ],
)
def test_a_public_call_has_nobody_but_its_address_to_blame(text: str, outcome: Outcome) -> None:
    verdict = EXCHANGE.classify(PUBLIC, error(text), WALL_MS)
    assert (verdict.outcome, verdict.blame) == (outcome, ADDRESS)
    packed = gzip.compress(json.dumps({"error": [text]}).encode())
    assert EXCHANGE.classify(PUBLIC, answer(packed, 200, (b"Content-Encoding", b"gzip")), WALL_MS) == verdict


def test_a_refused_signature_may_be_the_fault_of_the_call() -> None:
    assert EXCHANGE.classify(ORDER, error("EAPI:Invalid signature"), WALL_MS).suspect_request
    assert not EXCHANGE.classify(ORDER, error("EAPI:Invalid key"), WALL_MS).suspect_request


@pytest.mark.parametrize(
    "body",
    [
        '{"error":[],"result":{"txid":["OUF4EM-FRGI2-MQMWZD"],"descr":{"order":"buy 1"}}}',
        '{"error":[],"result":{"descr":{"order":"buy 1"}}}',  # validate=true
        '{"error":["WGeneral:Be careful"],"result":{"txid":["A"]}}',
        '{"error":[],"result":{"orders":[{"txid":"A"},{"error":"EOrder:Insufficient funds"}]}}',
        ' {"error": [], "result": {}} ',
        '{"result":null,"error":[]}',
    ],
)
def test_accepted(body: str) -> None:
    for row in (ORDER, CANCEL, READ, PUBLIC):
        verdict = EXCHANGE.classify(row, answer(body), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.ACCEPTED, Executed.YES)


GARBAGE = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"error":[]}',
    b'{"result":{}}',
    b'{"error":"EAPI:Rate limit exceeded"}',
    b'{"error":[1],"result":{}}',
    b'{"error":["WGeneral:Be careful"]}',
    b'{"error":[],"result":{"txid":["A"]',
    b'{"error":["EAPI:Rate lim',
    b"<html>EAPI:Rate limit exceeded</html>",
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", GARBAGE)
def test_an_incomplete_answer_is_unknown(body: bytes) -> None:
    for row in (ORDER, CANCEL, READ, PUBLIC):
        verdict = EXCHANGE.classify(row, answer(body), WALL_MS)
        assert (verdict.outcome, verdict.executed, verdict.code) == (Outcome.UNKNOWN, Executed.UNKNOWN, "garbage")


def test_a_refusal_with_a_result_is_doubtful_for_a_write() -> None:
    body = '{"error":["EOrder:Insufficient funds"],"result":{"txid":["A"]}}'
    assert EXCHANGE.classify(ORDER, answer(body), WALL_MS).outcome is Outcome.UNKNOWN
    assert EXCHANGE.classify(READ, answer(body), WALL_MS).outcome is Outcome.REFUSED


def test_of_several_errors_the_most_doubtful_counts() -> None:
    verdict = EXCHANGE.classify(ORDER, error("EOrder:Insufficient funds", "EGeneral:Internal error"), WALL_MS)
    assert verdict.outcome is Outcome.UNKNOWN
    verdict = EXCHANGE.classify(ORDER, error("EGeneral:Invalid arguments", "EAPI:Invalid nonce"), WALL_MS)
    assert verdict.outcome is Outcome.NONCE
    verdict = EXCHANGE.classify(ORDER, error("WGeneral:Be careful", "EAPI:Rate limit exceeded"), WALL_MS)
    assert verdict.outcome is Outcome.THROTTLED


def test_large_reads_are_judged_by_their_ends() -> None:
    rows = "1," * 50_000
    fine = f'{{"error":[],"result":{{"a":[{rows}1]}}}}'
    assert EXCHANGE.classify(PUBLIC, answer(fine), WALL_MS).outcome is Outcome.ACCEPTED
    assert EXCHANGE.classify(READ, answer(fine[:-2]), WALL_MS).outcome is Outcome.UNKNOWN
    assert EXCHANGE.classify(PUBLIC, answer("<" + rows + "}"), WALL_MS).outcome is Outcome.UNKNOWN
    packed = answer(random.Random(1).randbytes(70_000), 200, (b"Content-Encoding", b"gzip"))
    assert EXCHANGE.classify(PUBLIC, packed, WALL_MS).outcome is Outcome.ACCEPTED
    # A write is read in full, however long its answer is.
    assert EXCHANGE.classify(ORDER, answer(fine[:-1]), WALL_MS).outcome is Outcome.UNKNOWN


HTML = "<html><title>error code: 1015</title></html>"
# status, body -> (outcome, blame) for a read, and for an order
STATUSES: list[tuple[int, str, tuple[Outcome, Scope | None], tuple[Outcome, Scope | None]]] = [
    (429, "", (Outcome.THROTTLED, ADDRESS), (Outcome.THROTTLED, ADDRESS)),
    (429, HTML, (Outcome.BANNED, ADDRESS), (Outcome.BANNED, ADDRESS)),
    (429, "error code: 1015", (Outcome.BANNED, ADDRESS), (Outcome.BANNED, ADDRESS)),
    (403, HTML, (Outcome.BANNED, ADDRESS), (Outcome.BANNED, ADDRESS)),
    (403, "", (Outcome.BANNED, ADDRESS), (Outcome.BANNED, ADDRESS)),
    (451, "", (Outcome.BANNED, ADDRESS), (Outcome.BANNED, ADDRESS)),
    (503, HTML, (Outcome.UNAVAILABLE, None), (Outcome.UNKNOWN, None)),
    (521, HTML, (Outcome.UNAVAILABLE, None), (Outcome.UNKNOWN, None)),
    *(
        (status, HTML, (Outcome.UNKNOWN, None), (Outcome.UNKNOWN, None))
        for status in (204, 301, 302, 307, 400, 404, 408, 500, 502, 504, 520, 522, 523, 524, 525, 526, 530)
    ),
]


@pytest.mark.parametrize(("status", "body", "read", "order"), STATUSES)
def test_answers_of_the_front(
    status: int, body: str, read: tuple[Outcome, Scope | None], order: tuple[Outcome, Scope | None]
) -> None:
    verdict = EXCHANGE.classify(READ, answer(body, status), WALL_MS)
    assert (verdict.outcome, verdict.blame) == read
    verdict = EXCHANGE.classify(ORDER, answer(body, status), WALL_MS)
    assert (verdict.outcome, verdict.blame) == order
    certain = verdict.outcome is Outcome.BANNED  # the edge itself says no
    assert verdict.executed is (Executed.NO if certain else Executed.UNKNOWN)


def test_the_front_never_makes_an_order_safe_to_repeat_by_a_json_body() -> None:
    body = json.dumps({"error": ["EAPI:Rate limit exceeded"]})
    assert EXCHANGE.classify(ORDER, answer(body, 502), WALL_MS).executed is Executed.UNKNOWN
    assert EXCHANGE.classify(ORDER, answer(body, 429), WALL_MS).executed is Executed.NO
    fine = '{"error":[],"result":{}}'
    assert EXCHANGE.classify(ORDER, answer(fine, 500), WALL_MS).outcome is Outcome.UNKNOWN
    assert EXCHANGE.classify(ORDER, answer(fine, 404), WALL_MS).outcome is Outcome.UNKNOWN


def test_retry_after_of_the_front_is_heard() -> None:
    for status, body in ((429, ""), (429, HTML), (503, "")):
        reply = answer(body, status, (b"Retry-After", b"17"))
        assert EXCHANGE.classify(READ, reply, WALL_MS).wait_ns == 17 * 10**9
    assert EXCHANGE.classify(READ, answer(HTML, 403), WALL_MS).wait_ns == 5 * MINUTE_NS
    assert EXCHANGE.classify(READ, answer(HTML, 403), WALL_MS).suspect_request


def test_no_usage_is_reported() -> None:
    assert EXCHANGE.usage(READ, answer('{"error":[],"result":{}}')) == ()


# ---- our own refusals


NATIVE = [
    (Refusal(429, "rate_limited", "text"), ccxt.DDoSProtection),
    (Refusal(429, "queue_full", "text"), ccxt.DDoSProtection),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.PermissionDenied),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.PermissionDenied),
    (Refusal(403, "denied", "text"), ccxt.PermissionDenied),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "no_route", "text"), ccxt.ExchangeNotAvailable),
    (Refusal(503, "unavailable", "text"), ccxt.ExchangeNotAvailable),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception]) -> None:
    native = EXCHANGE.native_error(refusal, post("AddOrder"))
    body = native.body.decode()
    assert (native.status, native.content_type) == (refusal.status, "application/json")
    assert "text" in body and refusal.reason in body
    bot = ccxt.kraken()
    with pytest.raises(ccxt.BaseError) as caught:
        bot.handle_errors(native.status, "", "http://127.0.0.1/x", "POST", {}, body, orjson.loads(body), {}, "")
    assert type(caught.value) is expected


def test_an_unknown_outcome_never_reads_as_not_placed() -> None:
    assert issubclass(NATIVE[8][1], ccxt.NetworkError) and not issubclass(NATIVE[8][1], ccxt.InvalidOrder)


def test_dummy_secrets_of_bots_are_not_judged() -> None:
    request = post("Balance", b"nonce=1", ("api-sign", base64.b64encode(b"dummy").decode()))
    assert EXCHANGE.strip(request).body == b""
