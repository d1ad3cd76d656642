"""Crypto.com Exchange: vectors, equality with ccxt, judgement, native errors."""

import gzip
import json
import random
from typing import Any

import ccxt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.cryptocom import EXCHANGE, signature, signed_text
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

ROOT = "/exchange/v1/"
WALL_MS = 1_700_000_000_000


def endpoint(method: str) -> Endpoint:
    verb = "POST" if method.startswith("private/") or "staking" in method else "GET"
    found = EXCHANGE.table.match(verb, ROOT + method)
    assert found is not None, method
    return found


def post(method: str, body: bytes | str = b"{}", *headers: tuple[str, str], query: str = "") -> Incoming:
    return Incoming("POST", ROOT + method, query, headers, body.encode() if isinstance(body, str) else body)


def credential(key: str = "api_key", secret: bytes = b"secret") -> Credential:
    return Credential("cryptocom-main", "main", key, secret)


def send(request: Incoming, *, wall_ms: int = WALL_MS, by: Credential | None = None) -> SignedRequest:
    row = EXCHANGE.table.match(request.method, request.path)
    assert row is not None
    return EXCHANGE.sign(EXCHANGE.strip(request), row, by or credential(), Stamp(wall_ms))


def envelope(number: str, method: str, params: str) -> str:
    """As a bot sends it: with a dummy key, signature and nonce."""
    return (
        f'{{"id":{number},"method":"{method}","params":{params},'
        '"api_key":"dummy-token","sig":"dummy-signature","nonce":1}'
    )


ORDER_A = (
    '{"instrument_name":"BTC_USDT","side":"BUY","type":"LIMIT","price":"20000.01","quantity":"0.0001",'
    '"client_oid":"c5f682ed-7108-4f1c-b755-972fcdca0f02","exec_inst":["POST_ONLY"],"time_in_force":"GOOD_TILL_CANCEL"}'
)
ORDER_B = (
    '{"contingency_type":"LIST","order_list":[{"instrument_name":"BTC_USDT","side":"BUY","type":"LIMIT",'
    '"price":"29000","quantity":"0.001"},{"instrument_name":"ETH_USDT","side":"SELL","type":"LIMIT","price":"3100",'
    '"quantity":"0.02"}]}'
)
# method, id, key, params, nonce, secret, signed text ("" where none was noted), signature.
# The first two have the inputs of the documentation's own examples.
VECTORS = [
    (
        *("private/get-order-detail", "11", "token", '{"order_id":"53287421324"}', 1587846358253, b"secretKey"),
        "private/get-order-detail11tokenorder_id532874213241587846358253",
        "02ef0a52c9428e5d3dcc5dd24d534ca39ef73f35acd3f6945f139a2364ef67a9",
    ),
    (
        *("public/auth", "11", "token", "{}", 1589594102779, b"secretKey"),
        "public/auth11token1589594102779",
        "9dcebf6eeec155f829227ee447dee73120e0aead42fab74d38ed5d8271793dc8",
    ),
    (
        *("private/user-balance", "1", "api_key", "{}", 1700000000000, b"secret", ""),
        "c78365c310ed4273e36ee5c4693e6af8fb181e3cab7acb7195d090e8fa8b9ac7",
    ),
    (
        *("private/create-order", "1", "api_key", ORDER_A, 1700000000000, b"secret"),
        "private/create-order1api_keyclient_oidc5f682ed-7108-4f1c-b755-972fcdca0f02exec_instPOST_ONLY"
        "instrument_nameBTC_USDTprice20000.01quantity0.0001sideBUYtime_in_forceGOOD_TILL_CANCELtypeLIMIT1700000000000",
        "1ca890d0306cfaca77615ccd87fa2dc514048bd9f1a4c435d2f4aefa18a42ea0",
    ),
    (
        *("private/create-order-list", "2", "api_key", ORDER_B, 1700000000001, b"secret"),
        "private/create-order-list2api_keycontingency_typeLISTorder_listinstrument_nameBTC_USDTprice29000"
        "quantity0.001sideBUYtypeLIMITinstrument_nameETH_USDTprice3100quantity0.02sideSELLtypeLIMIT1700000000001",
        "3e450ac6f04aa3ac1a4f47770261cb634bd6fc862dd26c757b1c4a5925fa18c2",
    ),
    # Made by ccxt's own sign(), which sets id and nonce alike.
    (
        *("private/user-balance", "1700000000000", "api_key", "{}", 1700000000000, b"secret", ""),
        "f58dd1338746357e8f93478c50b023b63cf9986bb928c5d960d8f1d57e60e687",
    ),
    (
        *("private/create-order", "1700000000000", "api_key", ORDER_A, 1700000000000, b"secret", ""),
        "5e8f734f7bea269bd6742a039227c12a7c53e7c41d89f049e2933dbebdc7c936",
    ),
    (
        *("private/create-order-list", "1700000000000", "api_key", ORDER_B, 1700000000000, b"secret", ""),
        "db054aa735f244a567e8727fd2221b72f3a6fbabb7a1916061b55d534552af91",
    ),
]


@pytest.mark.parametrize(("method", "number", "key", "params", "nonce", "secret", "text", "sig"), VECTORS)
def test_vectors(
    method: str, number: str, key: str, params: str, nonce: int, secret: bytes, text: str, sig: str
) -> None:
    made = signed_text(method, number, key, json.loads(params), str(nonce))
    assert made == text or not text
    assert signature(made, secret) == sig
    if method.startswith("public/"):
        return  # of the WebSocket; no row here
    for raw in (number, f'"{number}"'):
        sent = send(post(method, envelope(raw, method, params)), wall_ms=nonce, by=credential(key, secret))
        assert sent.body.decode() == (
            f'{{"id":{raw},"method":"{method}","params":{params},"api_key":"{key}","sig":"{sig}","nonce":"{nonce}"}}'
        )
        assert sent.target == ROOT + method
        assert ("Content-Type", "application/json") in sent.headers


@pytest.mark.parametrize(
    ("params", "text"),
    [
        # The unit tests of the official command line client.
        ({"instrument_name": "BTC_USDT", "count": "10"}, "count10instrument_nameBTC_USDT"),
        ({"outer": {"b": "2", "a": "1"}}, "outera1b2"),
        ({"items": [{"b": "2"}, {"a": "1"}]}, "itemsb2a1"),
        ({}, ""),
        ({"items": [None, True, False, [], {}]}, "itemsnulltruefalse"),
        ({"a": {"b": {"c": {"d": ["1", ["2"]]}}}}, "abcd12"),
        ({"flag": True, "off": False}, "flagtrueofffalse"),
    ],
)
def test_signed_text_by_the_rule_of_the_official_clients(params: dict[str, Any], text: str) -> None:
    assert signed_text("", "", "", params, "") == text


def test_null_is_not_sent_so_it_is_not_signed() -> None:
    """The official client signs `keynull`; here a null leaves both the text and the body."""
    sent = json.loads(send(post("private/get-trades", '{"id":1,"params":{"key":null,"a":{"b":null,"c":"1"}}}')).body)
    assert sent["params"] == {"a": {"c": "1"}}
    text = signed_text("private/get-trades", "1", "api_key", {"a": {"c": "1"}}, str(WALL_MS))
    assert sent["sig"] == signature(text, b"secret")


def test_numbers_become_texts_digit_for_digit() -> None:
    body = (
        '{"id":7,"params":{"price":20000.10,"size":1e-8,"order_id":6530219599901000701,"list":[1.0,{"x":-0}],"b":true}}'
    )
    sent = send(post("private/create-order", body)).body.decode()
    params = '{"price":"20000.10","size":"1e-8","order_id":"6530219599901000701","list":["1.0",{"x":"-0"}],"b":true}'
    assert f'"params":{params},' in sent and sent.startswith('{"id":7,')


# ---- equality with ccxt


def _flat(rng: random.Random) -> dict[str, Any]:
    names = ["instrument_name", "side", "price", "quantity", "client_oid", "exec_inst", "start_time", "x"]
    texts = ["BTC_USDT", "1.10", "1e-8", "", "a b", "äß", '"q"', "\\", "0.00100", "/"]
    found: dict[str, Any] = {}
    for name in rng.sample(names, rng.randint(0, len(names))):
        # No tiny floats: ccxt signs 4.5e-08 and sends 4.5e-8.
        numbers: list[Any] = [rng.randint(0, 10**18), rng.random() + 0.01]
        found[name] = rng.choice([rng.choice(texts), rng.choice(numbers)])
    if rng.random() < 0.3:
        found["exec_inst"] = ["POST_ONLY", "SMART_POST_ONLY"][: rng.randint(1, 2)]
    return found


def test_signatures_equal_those_of_ccxt() -> None:
    rng = random.Random(20260821)
    bot = ccxt.cryptocom({"apiKey": "dummy-key", "secret": "dummy-secret"})
    own = credential("dummy-key", b"dummy-secret")
    methods = [m for m in bot.api["v1"]["private"]["post"] if EXCHANGE.table.match("POST", ROOT + m)]
    assert len(methods) > 40
    equal = 0
    for number in range(400):
        method, params, now = methods[number % len(methods)], _flat(rng), WALL_MS + number
        if method.endswith("-order-list") and rng.random() < 0.5:
            params["order_list"] = [{"price": "1.0", "instrument_name": "A"}, {"quantity": "2", "client_oid": "b"}]
        bot.nonce = lambda now=now: now
        made = bot.sign(method, ["v1", "private"], "POST", params)
        assert made["url"] == f"https://api.crypto.com{ROOT}{method}"
        theirs = json.loads(made["body"])
        sent = send(post(method, made["body"]), wall_ms=now, by=own)
        ours = json.loads(sent.body)
        assert list(ours) == list(theirs)
        assert {k: ours[k] for k in ("id", "method", "api_key", "sig", "nonce")} == {
            k: theirs[k] for k in ("id", "method", "api_key", "sig", "nonce")
        }
        # ccxt's own HMAC over the text of what is really sent.
        text = bot.params_to_string(ours["params"], 0)
        wanted = bot.hmac(f"{method}{ours['id']}dummy-key{text}{ours['nonce']}".encode(), b"dummy-secret", "sha256")
        assert ours["sig"] == wanted
        if all(isinstance(v, str) and v.isascii() for v in params.values()):
            assert sent.body.decode() == made["body"]
            equal += 1
    assert equal > 40


def test_public_calls_of_ccxt_pass_unchanged_and_without_a_key() -> None:
    bot = ccxt.cryptocom()
    for method in bot.api["v1"]["public"]["get"]:
        if method == "public/auth":
            continue
        made = bot.sign(method, ["v1", "public"], "GET", {"instrument_name": "BTC_USDT", "x": "a,b c"})
        where, _, query = made["url"].removeprefix("https://api.crypto.com").partition("?")
        row = EXCHANGE.table.match("GET", where)
        assert row is not None and row.call_class is CallClass.PUBLIC and row.auth is Auth.NONE
        sent = EXCHANGE.sign(EXCHANGE.strip(Incoming("GET", where, query, (), b"")), row, credential(), Stamp(WALL_MS))
        assert f"https://api.crypto.com{sent.target}" == made["url"]
        assert sent.body == b"" and "content-type" not in {name.lower() for name, _ in sent.headers}


# ---- strip, params, sign


_KEPT = ['"id" : 17', '"params":{ "price" : 1.10 }', '\n"method":"private/get-trades"']
_DUMMY = st.sampled_from(['"api_key":"dummy-token"', '"sig" : "x"', '"nonce":1', '"n\\u006fnce":2'])


@given(st.permutations(_KEPT), st.integers(0, 3), st.lists(st.tuples(st.integers(0, 3), _DUMMY), max_size=1))
def test_strip_keeps_every_byte_of_the_rest(kept: list[str], count: int, dummies: list[tuple[int, str]]) -> None:
    kept = kept[:count]
    mixed = list(kept)
    for at, dummy in dummies:
        mixed.insert(at, dummy)
    stripped = EXCHANGE.strip(post("private/get-trades", "{" + ",".join(mixed) + "}", ("x", "y")))
    assert stripped.body.decode() == "{" + ",".join(kept) + "}"
    assert stripped.headers == (("x", "y"),)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def _rule(value: Any) -> str:
    """The JavaScript sample, as text, for what is really sent."""
    if isinstance(value, dict):
        return "".join(key + _rule(value[key]) for key in sorted(value))
    if isinstance(value, list):
        return "".join(map(_rule, value))
    return value if isinstance(value, str) else {True: "true", False: "false", None: "null"}[value]


@given(st.dictionaries(st.text(max_size=4), _JSON, max_size=4), st.booleans())
def test_what_is_signed_is_what_is_sent(params: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps({"id": 1, "params": params}, ensure_ascii=ascii_only)
    sent = json.loads(send(post("private/create-order", body)).body)
    text = f"private/create-order1api_key{_rule(sent['params'])}{WALL_MS}"
    assert sent["sig"] == signature(text, b"secret")
    assert list(sent["params"]) == [name for name, value in params.items() if value is not None]


def test_what_the_bot_left_out_is_filled_in() -> None:
    sent = json.loads(send(post("private/user-balance", "{}")).body)
    assert (sent["id"], sent["method"], sent["params"]) == (str(WALL_MS), "private/user-balance", {})
    for nothing in ("null", "{}", "[]"):
        body = f'{{"id":null,"method":null,"params":{nothing}}}'
        assert json.loads(send(post("private/user-balance", body)).body) == sent


@pytest.mark.parametrize("number", ["7", '"7"', "9223372036854775807", '"0"'])
def test_the_id_keeps_its_type(number: str) -> None:
    sent = send(post("private/user-balance", f'{{"id":{number}}}')).body.decode()
    assert sent.startswith(f'{{"id":{number},"method"')


@pytest.mark.parametrize(
    "bad",
    [
        Incoming("GET", ROOT + "private/user-balance", "", (), b""),
        Incoming("PUT", ROOT + "private/user-balance", "", (), b"{}"),
        post("private/user-balance", "{}", query="a=1"),
        post("private/user-balance", ""),
        post("private/user-balance", "id=1"),
        post("private/user-balance", "[]"),
        post("private/user-balance", '{"id":1'),
        post("private/user-balance", '{"id":1,"id":2}'),
        post("private/user-balance", '{"method":"private/create-withdrawal"}'),
        post("private/user-balance", '{"method":"user-balance"}'),
        post("private/user-balance", '{"method":1}'),
        post("private/user-balance", '{"id":1.5}'),
        post("private/user-balance", '{"id":-1}'),
        post("private/user-balance", '{"id":"abc"}'),
        post("private/user-balance", '{"id":true}'),
        post("private/user-balance", '{"id":10000000000000000000000}'),
        post("private/user-balance", '{"params":"x"}'),
        post("private/user-balance", '{"params":[1]}'),
        post("private/user-balance", '{"price":"1"}'),
        post("private/user-balance", '{"params":{"a":"\\ud800"}}'),
        post("private/user-balance", '{"params":{"\\ud800":"a"}}'),
        Incoming("GET", ROOT + "public/get-book", "a= b", (), b""),
        Incoming("GET", ROOT + "public/get-book", "", (), b"{}"),
    ],
    ids=str,
)
def test_calls_that_cannot_be_signed_are_refused(bad: Incoming) -> None:
    with pytest.raises(BadCall) as caught:
        EXCHANGE.strip(bad)
    assert caught.value.status in (400, 405)


def test_params_are_readable_for_costs() -> None:
    found = EXCHANGE.params(
        EXCHANGE.strip(post("private/create-order-list", envelope("1", "private/create-order-list", ORDER_B)))
    )
    assert found["contingency_type"] == "LIST"
    assert json.loads(found["order_list"]) == json.loads(ORDER_B)["order_list"]
    body = '{"params":{"client_oid":"a","quantity":1.10,"n":null,"t":true}}'
    assert EXCHANGE.params(EXCHANGE.strip(post("private/create-order", body))) == {
        "client_oid": "a",
        "quantity": "1.10",
        "t": "true",
    }
    public = Incoming("GET", ROOT + "public/get-book", "instrument_name=BTC_USDT&depth=10", (), b"")
    assert EXCHANGE.params(EXCHANGE.strip(public)) == {"instrument_name": "BTC_USDT", "depth": "10"}


def test_a_public_post_goes_without_a_signature() -> None:
    method = "public/staking/get-conversion-rate"
    sent = send(post(method, envelope("5", method, '{"instrument_name":"CDCETH"}')))
    assert json.loads(sent.body) == {
        "id": 5,
        "method": method,
        "params": {"instrument_name": "CDCETH"},
        "nonce": str(WALL_MS),
    }
    # ccxt puts the parameters of this one into the query.
    assert send(post(method, b"", query="a=1")).target == f"{ROOT}{method}?a=1"


def test_without_a_credential_nothing_is_signed() -> None:
    stripped = EXCHANGE.strip(post("private/user-balance", '{"id":1}'))
    sent = EXCHANGE.sign(stripped, endpoint("private/user-balance"), None, Stamp(WALL_MS))
    assert not {"api_key", "sig"} & json.loads(sent.body).keys()


@pytest.mark.parametrize(
    ("body", "token"),
    [
        ('{"id":1,"api_key":"dummy-token"}', "dummy-token"),
        ('{"api_key":7}', ""),
        ('{"id":1}', ""),
        ("{broken", ""),
        ("", ""),
        ("api_key=dummy", ""),
    ],
)
def test_token_is_the_api_key_of_the_envelope(body: str, token: str) -> None:
    assert EXCHANGE.token(post("private/user-balance", body)) == token


def test_secrets() -> None:
    assert EXCHANGE.check_credential(credential()) == ""
    assert EXCHANGE.check_credential(credential(secret=b" ")) != ""
    sent = send(post("private/user-balance"))
    assert json.loads(sent.body)["sig"] not in repr(sent)


# ---- table


CLASSES = {
    CallClass.WITHDRAW: [
        *(
            "create-withdrawal",
            "fiat/fiat-create-withdraw",
            "fiat/fiat-create-bank-account",
            "fiat/fiat-get-plaid-token",
        ),
        *("create-subaccount-transfer", "staking/stake", "staking/unstake", "staking/convert", "otc/request-quote"),
        *(
            "otc/accept-quote",
            "otc/request-deal",
            "otc/create-order",
            "deriv/transfer",
            "margin/borrow",
            "margin/repay",
        ),
        *("margin/transfer", "create-isolated-margin-transfer"),
    ],
    CallClass.ADMIN: [
        *("change-account-settings", "change-account-leverage", "change-isolated-margin-leverage"),
        *(f"bot/{word}-trading-bot" for word in ("create", "update", "terminate", "pause", "resume")),
        "set-cancel-on-disconnect",
    ],
    CallClass.PLACE: [
        *("create-order", "create-order-list", "close-position"),
        *(f"advanced/create-{word}" for word in ("order", "oco", "oto", "otoco", "order-list")),
    ],
    CallClass.AMEND: ["amend-order", "advanced/amend-order"],
    CallClass.CANCEL: [
        *("cancel-order", "cancel-order-list", "cancel-all-orders"),
        *(f"advanced/cancel-{word}" for word in ("order", "oco", "oto", "otoco", "order-list", "all-orders")),
    ],
    CallClass.READ: [
        *("get-order-detail", "get-trades", "get-order-history", "get-open-orders", "user-balance", "get-positions"),
        *(
            "user-balance-history",
            "get-accounts",
            "get-transactions",
            "get-currency-networks",
            "get-withdrawal-history",
        ),
        *("advanced/get-order-detail", "staking/get-open-stake", "fiat/fiat-deposit-info", "bot/get-trading-bots"),
    ],
}


@pytest.mark.parametrize("call_class", CLASSES)
def test_classes(call_class: CallClass) -> None:
    for name in CLASSES[call_class]:
        assert endpoint(f"private/{name}").call_class is call_class, name
        assert EXCHANGE.table.match("GET", f"{ROOT}private/{name}") is None


def test_every_private_method_of_ccxt_has_a_row() -> None:
    for method in ccxt.cryptocom().api["v1"]["private"]["post"]:
        assert EXCHANGE.table.match("POST", ROOT + method) is not None, method


@pytest.mark.parametrize(
    "tail", ["private/get-new", "private/create-api-key", "private/Create-Order", "private/", "public/auth"]
)
def test_unknown_private_calls_have_no_row(tail: str) -> None:
    assert EXCHANGE.table.match("POST", ROOT + tail) is None
    assert EXCHANGE.table.match("GET", ROOT + tail) is None


def test_unknown_public_reads_pass() -> None:
    row = EXCHANGE.table.match("GET", ROOT + "public/get-something-new")
    assert row is not None and row.call_class is CallClass.PUBLIC


PACE = {
    "private/create-order": (15, 100, Scope.KEY),
    "private/cancel-order": (15, 100, Scope.KEY),
    "private/cancel-all-orders": (15, 100, Scope.KEY),
    "private/get-order-detail": (30, 100, Scope.KEY),
    "private/get-trades": (1, 1000, Scope.KEY),
    "private/get-order-history": (1, 1000, Scope.KEY),
    "private/amend-order": (3, 100, Scope.KEY),
    "private/create-order-list": (3, 100, Scope.KEY),
    "private/advanced/create-order": (3, 100, Scope.KEY),
    "private/user-balance": (3, 100, Scope.KEY),
    "private/staking/get-open-stake": (50, 1000, Scope.KEY),
    "public/staking/get-conversion-rate": (50, 1000, Scope.ADDRESS),
    "public/get-book": (100, 1000, Scope.ADDRESS),
    "public/get-anything": (100, 1000, Scope.ADDRESS),
}


@pytest.mark.parametrize("method", PACE)
def test_every_method_has_a_counter_of_its_own(method: str) -> None:
    row = endpoint(method)
    (cost,) = row.costs
    limit = EXCHANGE.table.limits[cost.limit]
    assert units(cost, {"order_list": "[1,2,3]"}) == 1
    assert (limit.capacity, limit.window_ns // 10**6, limit.scope) == PACE[method]
    assert (limit.per, limit.shape.value) == ("endpoint", "sliding")


# ---- judgement


def answer(body: bytes | str, status: int = 200, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, b"", headers, body.encode() if isinstance(body, str) else body, 1)


def coded(code: int | str, status: int = 200, message: str = "TEXT", **more: Any) -> Reply:
    return answer(json.dumps({"id": 1, "method": "private/x", "code": code, "message": message, **more}), status)


ORDER, CANCEL, READ = map(endpoint, ("private/create-order", "private/cancel-order", "private/user-balance"))
PUBLIC = endpoint("public/get-book")
KEY, ADDRESS, ACCOUNT = Scope.KEY, Scope.ADDRESS, Scope.ACCOUNT
NO, MAYBE = Executed.NO, Executed.UNKNOWN
REFUSED = (Outcome.REFUSED, None, NO)
KILLED = (Outcome.REFUSED, None, MAYBE)
UNKNOWN = (Outcome.UNKNOWN, None, MAYBE)
SUSPENDED = (Outcome.SUSPENDED, ACCOUNT, NO)

# (status, code) -> judgement on an order
CODES: dict[tuple[int, int], tuple[Outcome, Scope | None, Executed]] = {
    (429, 42901): (Outcome.THROTTLED, KEY, NO),
    (429, 10006): (Outcome.THROTTLED, KEY, NO),
    (401, 40101): (Outcome.DEAD, KEY, NO),
    (401, 10002): (Outcome.DEAD, KEY, NO),
    (401, 40103): (Outcome.NOT_WHITELISTED, Scope.PAIR, NO),
    (401, 10003): (Outcome.NOT_WHITELISTED, Scope.PAIR, NO),
    (401, 40104): REFUSED,
    (401, 10005): REFUSED,
    (400, 40102): (Outcome.CLOCK, None, NO),
    (400, 10007): (Outcome.CLOCK, None, NO),
    (400, 202): SUSPENDED,
    (400, 408): SUSPENDED,
    (400, 401): SUSPENDED,
    **{(500, code): SUSPENDED for code in (406, 407, 409, 410, 411, 412)},
    (400, 204): REFUSED,
    (500, 205): REFUSED,
    (400, 40006): REFUSED,
    **{(400, code): REFUSED for code in (*range(40001, 40006), *range(207, 231), 308, 314, 315, 318, 319, 1110, 30024)},
    **{(500, code): REFUSED for code in (201, 203, 206, *range(210, 220), *range(301, 322), 325, 415, 501)},
    **{(500, code): REFUSED for code in (*range(604, 620), 120009, 130008)},
    **{(status, code): KILLED for code in (43003, 43004, 43005, 43012) for status in (200, 500)},
    (200, 40401): REFUSED,
    (400, 212): REFUSED,
    (500, 316): REFUSED,
    (400, 223): REFUSED,
    (408, 40801): UNKNOWN,
    (400, 50001): UNKNOWN,
    (500, 50001): UNKNOWN,
    (400, 620): UNKNOWN,
    (500, 620): UNKNOWN,
    (400, 10001): UNKNOWN,
    (500, 9010001): (Outcome.UNAVAILABLE, None, NO),
    (503, 9010001): (Outcome.UNAVAILABLE, None, NO),
    **{(400, code): REFUSED for code in (10004, 10008, 10009, 20001, 20002, 20005, 30003, 30008, 30025)},
    # Codes that no table knows: a 5xx says nothing for certain.
    (400, 777777): REFUSED,
    (200, 777777): REFUSED,
    (500, 777777): UNKNOWN,
    (502, 777777): UNKNOWN,
}


@pytest.mark.parametrize(("status", "code"), CODES, ids=str)
def test_codes(status: int, code: int) -> None:
    for spelled in (code, str(code)):
        verdict = EXCHANGE.classify(ORDER, coded(spelled, status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == CODES[status, code]
        assert verdict.code == str(code)


@pytest.mark.parametrize("code", [0, "0"])
def test_accepted(code: int | str) -> None:
    body = f'{{"id":1,"method":"private/create-order","code":{json.dumps(code)},"result":{{"order_id":"1"}}}}'
    for row in (ORDER, READ, PUBLIC):
        verdict = EXCHANGE.classify(row, answer(body), WALL_MS)
        assert (verdict.outcome, verdict.executed) == (Outcome.ACCEPTED, Executed.YES)
    assert EXCHANGE.classify(ORDER, answer(body, 500), WALL_MS).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("code", [306, 314, 315, 325, 415, 204, 42901, 40101, 9010001])
@pytest.mark.parametrize("result", [{"order_id": "6530"}, {"client_oid": "a"}, {"order_id": "6530", "client_oid": "a"}])
def test_a_refusal_that_names_an_order_is_not_proof_that_there_is_none(code: int, result: dict[str, str]) -> None:
    verdict = EXCHANGE.classify(ORDER, coded(code, 500, result=result), WALL_MS)
    assert (verdict.outcome, verdict.executed) == (Outcome.REFUSED, MAYBE)
    assert EXCHANGE.classify(ORDER, coded(40801, 408, result=result), WALL_MS).outcome is Outcome.UNKNOWN


def test_an_empty_result_names_no_order() -> None:
    for result in ({}, {"order_id": ""}, None, []):
        assert EXCHANGE.classify(ORDER, coded(306, 500, result=result), WALL_MS).executed is NO


def test_a_public_call_has_nobody_but_its_address_to_blame() -> None:
    for code in (42901, 10006):
        verdict = EXCHANGE.classify(PUBLIC, coded(code, 429), WALL_MS)
        assert (verdict.outcome, verdict.blame) == (Outcome.THROTTLED, ADDRESS)
    packed = gzip.compress(b'{"code":42901,"message":"TOO_MANY_REQUESTS"}')
    verdict = EXCHANGE.classify(PUBLIC, answer(packed, 429, (b"content-encoding", b"gzip")), WALL_MS)
    assert (verdict.outcome, verdict.blame, verdict.code) == (Outcome.THROTTLED, ADDRESS, "42901")


def test_a_system_error_on_a_read_may_be_the_fault_of_the_call() -> None:
    """Keys of sub-accounts get it on wallet reads; ccxt then goes on without that data."""
    reply = answer('{"code":"10001","msg":"SYS_ERROR"}', 500)
    verdict = EXCHANGE.classify(READ, reply, WALL_MS)
    assert (verdict.outcome, verdict.executed, verdict.suspect_request) == (Outcome.UNAVAILABLE, NO, True)
    assert EXCHANGE.classify(CANCEL, reply, WALL_MS).outcome is Outcome.UNKNOWN


def test_a_refused_signature_may_be_the_fault_of_the_call() -> None:
    assert EXCHANGE.classify(READ, coded(40101, 401), WALL_MS).suspect_request
    assert not EXCHANGE.classify(READ, coded(40103, 401), WALL_MS).suspect_request


STATUSES = {
    429: (Outcome.THROTTLED, ADDRESS, NO),
    403: (Outcome.BANNED, ADDRESS, NO),
    451: (Outcome.BANNED, ADDRESS, NO),
    **dict.fromkeys((200, 204, 301, 307, 400, 401, 404, 408, 500, 502, 503, 504, 520), UNKNOWN),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "body", ["", "<html>42901</html>", '{"id":1}', '{"code":null}', '{"code":true}', '{"code":"x"}', "[]", '{"code":0']
)
def test_answers_without_a_code(status: int, body: str) -> None:
    for row in (ORDER, READ):
        verdict = EXCHANGE.classify(row, answer(body, status), WALL_MS)
        assert (verdict.outcome, verdict.blame, verdict.executed) == STATUSES[status]


def test_retry_after_is_heard_if_it_is_given() -> None:
    reply = answer("", 429, (b"Retry-After", b"3"))
    assert EXCHANGE.classify(READ, reply, WALL_MS).wait_ns == 3 * 10**9
    assert EXCHANGE.classify(READ, coded(42901, 429), WALL_MS).wait_ns is None
    assert EXCHANGE.classify(READ, answer("<html>", 403), WALL_MS).wait_ns == 300 * 10**9


def test_large_reads_are_judged_by_their_ends() -> None:
    rows = ",".join(['{"a":1}'] * 10_000)
    fine = f'{{"id":-1,"method":"public/get-instruments","code":0,"result":{{"data":[{rows}]}}}}'
    assert EXCHANGE.classify(PUBLIC, answer(fine), WALL_MS).outcome is Outcome.ACCEPTED
    assert (
        EXCHANGE.classify(PUBLIC, answer(fine.replace('"code":0', '"code" : "0" ')), WALL_MS).outcome
        is Outcome.ACCEPTED
    )
    assert EXCHANGE.classify(PUBLIC, answer(fine[:-4]), WALL_MS).outcome is Outcome.UNKNOWN
    assert (
        EXCHANGE.classify(PUBLIC, answer(fine.replace('"code":0', '"code":10001')), WALL_MS).outcome is Outcome.UNKNOWN
    )
    packed = answer(random.Random(1).randbytes(70_000), 200, (b"Content-Encoding", b"gzip"))
    assert EXCHANGE.classify(PUBLIC, packed, WALL_MS).outcome is Outcome.ACCEPTED


def test_no_usage_is_reported() -> None:
    assert EXCHANGE.usage(READ, coded(0)) == ()


def test_our_key_and_signature_do_not_reach_the_bot() -> None:
    original = b'"original":"{\\"api_key\\":\\"k\\",\\"sig\\":\\"s\\"}"'
    body = b'{"id" : 7,"method":"private/x","code":40101,' + original + b',"message":"M"}'
    assert EXCHANGE.redact(body) == b'{"id" : 7,"method":"private/x","code":40101,"message":"M"}'
    assert EXCHANGE.redact(b'{"id":1,"code":0}') == b'{"id":1,"code":0}'
    assert EXCHANGE.redact(b'{"original":"api_key') == b"{}"


# ---- our own refusals


NATIVE = [
    (Refusal(429, "rate_limited", "text"), ccxt.RateLimitExceeded),
    (Refusal(429, "queue_full", "text"), ccxt.RateLimitExceeded),
    (Refusal(401, "bad_token", "text"), ccxt.AuthenticationError),
    (Refusal(403, "not_allowed", "text"), ccxt.AuthenticationError),
    (Refusal(403, "withdrawal_refused", "text"), ccxt.AuthenticationError),
    (Refusal(404, "unknown_endpoint", "text"), ccxt.BadRequest),
    (Refusal(400, "bad_body", "text"), ccxt.BadRequest),
    (Refusal(504, "outcome_unknown", "text"), ccxt.RequestTimeout),
    (Refusal(503, "no_route", "text"), ccxt.OnMaintenance),
]


@pytest.mark.parametrize(("refusal", "expected"), NATIVE, ids=str)
def test_native_errors_raise_the_right_class(refusal: Refusal, expected: type[Exception]) -> None:
    native = EXCHANGE.native_error(refusal, post("private/create-order", envelope("7", "private/create-order", "{}")))
    body = native.body.decode()
    found = orjson.loads(body)
    assert (native.status, found["id"], found["method"]) == (refusal.status, 7, "private/create-order")
    assert "text" in found["message"] and refusal.reason in found["message"]
    with pytest.raises(ccxt.BaseError) as caught:
        ccxt.cryptocom().handle_errors(native.status, "", "http://127.0.0.1/x", "POST", {}, body, found, {}, "")
    assert type(caught.value) is expected
    if refusal.status in (429, 503, 504):
        assert issubclass(expected, ccxt.NetworkError)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b'{"id":"17"}', b'"17"'),
        (b'{"id":9223372036854775807}', b"9223372036854775807"),
        (b"{}", b"-1"),
        (b"{x", b"-1"),
        (b"", b"-1"),
    ],
)
def test_native_errors_echo_the_id_as_it_was(body: bytes, number: bytes) -> None:
    native = EXCHANGE.native_error(Refusal(429, "rate_limited", 'a "quoted" text'), post("private/user-balance", body))
    assert native.body.startswith(b'{"id":' + number + b',"method":"private/user-balance","code":42901,"message":"')
    assert orjson.loads(native.body)["message"].startswith('a "quoted" text')
