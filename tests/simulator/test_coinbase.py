"""The simulated Coinbase: who may do what, how often, and what orders do."""

import base64
import json
from dataclasses import replace
from typing import Any

import ccxt.async_support as ccxt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.simulator import Fault, ManualClock, Simulator
from proxy.simulator.coinbase.limits import CoinbaseLimits
from proxy.simulator.coinbase.token import signed
from tests.simulator.clients import ELSEWHERE, OTHER, Got, now_ms, send
from tests.simulator.coinbase_client import (
    EC,
    ED,
    FREE,
    KEY,
    OTHERS,
    RICH,
    ROOT,
    Coinbase,
    config,
    limit_order,
    name,
    part,
    pem,
    reason,
)


@pytest.fixture
async def sim(start: Any) -> Simulator:
    return await start(config())


@pytest.fixture
def bot(sim: Simulator) -> Coinbase:
    return Coinbase(sim.url("coinbase"))


def said(got: Got) -> tuple[int, str]:
    """Status, and the error of a JSON body or the text of another."""
    if not got.headers["content-type"].startswith("application/json"):
        return got.status, got.text
    return got.status, str(got.json.get("error", ""))


DENIED = (401, "Unauthorized")
CLAIMS = {
    "sub": "key-1",
    "iss": "cdp",
    "nbf": 1700000000,
    "exp": 1700000120,
    "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
}
NONCE = "0" * 32
VECTORS = [
    (
        {"alg": "EdDSA", "typ": "JWT", "kid": "key-1", "nonce": NONCE},
        "_ehZwIUJ0onp8RtLcPa07vBFt1nqQkE2bU7vecce1LRIzAfgMSmz_2XCSLb4NQEKAhnfEPyuR2GsFgWMqGzGDA",
    ),
    (
        {"alg": "EdDSA", "kid": "key-1", "nonce": NONCE, "typ": "JWT"},
        "HRIzrV2DmiKJAzORZAEnonDfTKJxDMISDknRl8dL6vLmA7fPNvbJOObySfD3K6ExYFNxd9m8UNgXPhKTiGpJAg",
    ),
]


@pytest.mark.parametrize(("header", "wanted"), VECTORS)
def test_vectors(header: dict[str, str], wanted: str) -> None:
    """Of EdDSA, which always signs alike."""
    text = ".".join(part(json.dumps(one, separators=(",", ":")).encode()) for one in (header, CLAIMS)).encode()
    sign = base64.urlsafe_b64decode(wanted + "==")
    assert signed(pem(ED), "EdDSA", text, sign)
    assert not signed(pem(ED), "EdDSA", text[:-1] + b"A", sign)
    assert not signed(pem(ED), "EdDSA", text, sign[:-1] + bytes([sign[-1] ^ 1]))
    assert not signed(pem(ED), "ES256", text, sign)
    assert not signed(pem(EC), "EdDSA", text, sign)


def test_es256_is_raw_and_not_der() -> None:
    der = EC.sign(b"text", ECDSA(SHA256()))
    r, s = (number.to_bytes(32, "big") for number in decode_dss_signature(der))
    assert signed(pem(EC), "ES256", b"text", r + s)
    assert not signed(pem(EC), "ES256", b"texts", r + s)
    assert not signed(pem(EC), "ES256", b"text", r + b"\0" + s)
    assert not signed(pem(EC), "ES256", b"text", der)


# Who may do what.


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"kid": "organizations/dummy-org/apiKeys/dummy-nobody"}, {}),
        ({"kid": None}, {}),
        ({"alg": "EdDSA"}, {}),
        ({"alg": "none"}, {}),
        ({"nonce": None}, {}),
        ({"nonce": ""}, {}),
        ({}, {"sub": "organizations/dummy-org/apiKeys/dummy-free"}),
        ({}, {"iss": "dummy"}),
        ({}, {"aud": ["dummy"]}),
        ({}, {"uri": None}),
        ({}, {"uri": "GET api.coinbase.com/api/v3/brokerage/accounts?limit=1"}),
        ({}, {"uri": "POST api.coinbase.com/api/v3/brokerage/accounts"}),
        ({}, {"uri": "GET api.coinbase.com/api/v3/brokerage/orders"}),
        ({}, {"uri": "GET 127.0.0.1/api/v3/brokerage/accounts"}),
        ({}, {"nbf": None}),
        ({}, {"exp": None}),
    ],
)
async def test_tokens_that_are_refused(bot: Coinbase, header: dict[str, Any], claims: dict[str, Any]) -> None:
    assert said(await replace(bot, header=header, claims=claims).get("accounts")) == DENIED


async def test_tokens_that_are_taken(bot: Coinbase) -> None:
    uri = "GET api.coinbase.com/api/v3/brokerage/accounts"
    assert (await bot.get("accounts", "limit=2")).status == 200  # the query is not signed
    assert (await bot.free().get("accounts")).status == 200
    older = {"iss": "coinbase-cloud", "aud": ["retail_rest_api_proxy"]}
    assert (await replace(bot, claims=older).get("accounts")).status == 200
    newer = {"uri": None, "uris": [uri], "aud": ["cdp_service"]}
    assert (await replace(bot.free(), claims=newer).get("accounts")).status == 200
    twice = {"Authorization": f"Bearer {bot.token('GET', f'{ROOT}accounts')}"}
    assert [(await bot.raw("GET", "accounts", **twice)).status for _ in range(2)] == [200, 200]
    assert said(await bot.raw("GET", "accounts", Authorization="")) == DENIED
    assert said(await bot.raw("GET", "accounts", Authorization="Bearer a.b.c")) == DENIED
    assert said(await bot.raw("GET", "accounts", Authorization=twice["Authorization"] + "=")) == DENIED


async def test_tokens_hold_from_nbf_to_exp(start: Any) -> None:
    clock = ManualClock()
    bot = Coinbase((await start(config(), clock)).url("coinbase"))
    second = clock.now_ms() // 1000
    for begins, ends, taken in [
        (second, second + 120, True),
        (second + 1, second + 121, False),
        (second - 119, second + 1, True),
        (second - 120, second, False),
        (second, second + 121, False),
    ]:
        got = await replace(bot, claims={"nbf": begins, "exp": ends}).get("accounts")
        assert (got.status == 200) is taken, (begins - second, ends - second)


async def test_key_states(bot: Coinbase, sim: Simulator) -> None:
    assert said(await replace(bot, address=ELSEWHERE).get("accounts")) == DENIED
    assert (await replace(bot, address=OTHER).get("accounts")).status == 200
    assert (await replace(bot.free(), address=ELSEWHERE).get("accounts")).status == 200
    assert said(await replace(bot, private=ED).get("accounts")) == DENIED
    sim.set_trade("coinbase", "c", "main", False)
    denied = await bot.place()
    assert said(denied) == (403, "PERMISSION_DENIED")
    assert denied.json["message"] == "Missing required scopes"
    sim.lift_key("coinbase", "c", "main")
    sim.set_trade("coinbase", "c", "main", True)
    sim.suspend_key("coinbase", "c", "main")
    assert said(await bot.get("accounts")) == DENIED
    sim.lift_key("coinbase", "c", "main")
    sim.suspend_account("coinbase", "c")
    assert reason(await bot.place()).startswith("ORDER_ENTRY_DISABLED")
    sim.suspend_account("coinbase", "c", 0)
    sim.delete_key("coinbase", "c", "main")
    assert said(await bot.get("accounts")) == DENIED
    assert sim.ledger.orders_executed == 0


async def test_paths_and_bodies(bot: Coinbase, sim: Simulator) -> None:
    assert said(await bot.get("nothing")) == (404, "not_found")
    assert said(await bot.raw("PUT", "orders")) == (405, "METHOD_NOT_ALLOWED")
    assert said(await bot.raw("POST", "orders", body="{")) == (400, "INVALID_ARGUMENT")
    assert said(await bot.raw("POST", "orders", body="[]")) == (400, "INVALID_ARGUMENT")
    form = {"Content-Type": "text/plain"}
    assert said(await bot.raw("POST", "orders", body=json.dumps(limit_order()), **form)) == (400, "INVALID_ARGUMENT")
    assert said(await bot.place({**limit_order(), "client_order_id": ""})) == (400, "INVALID_ARGUMENT")
    number = {"limit_limit_gtc": {"base_size": 0.01, "limit_price": "50000"}}
    assert said(await bot.place({**limit_order(), "order_configuration": number})) == (400, "INVALID_ARGUMENT")
    assert (await bot.raw("GET", "accounts", body="{}")).status == 200  # as the exchange's own library sends it
    assert sim.ledger.orders_executed == 0


async def test_key_information(bot: Coinbase) -> None:
    told = (await bot.get("key_permissions")).json
    assert (told["can_view"], told["can_trade"], told["can_transfer"]) == (True, True, False)
    rich = (await replace(bot, key=RICH).get("key_permissions")).json
    assert (rich["can_transfer"], rich["portfolio_uuid"]) == (True, told["portfolio_uuid"])
    other = (await replace(bot, key=OTHERS).get("key_permissions")).json
    assert other["portfolio_uuid"] != told["portfolio_uuid"]


async def test_money_is_witnessed(bot: Coinbase, sim: Simulator) -> None:
    moved = {"funds": {"value": "1", "currency": "USD"}, "source_portfolio_uuid": "a", "target_portfolio_uuid": "b"}
    sent = {"type": "send", "to": "dummy", "amount": "1", "currency": "BTC"}
    rich = replace(bot, key=RICH)
    assert said(await bot.post("portfolios/move_funds", moved)) == (403, "PERMISSION_DENIED")
    assert (await rich.post("portfolios/move_funds", moved)).status == 200
    denied = await bot.post("/v2/accounts/some/transactions", sent)
    assert (denied.status, denied.json["errors"][0]["id"]) == (403, "permission_denied")
    assert (await rich.post("/v2/accounts/some/transactions", sent)).status == 200
    assert said(await replace(rich, private=ED).post("/v2/accounts/some/withdrawals", sent)) == DENIED
    assert [(w.key, w.accepted) for w in sim.ledger.withdrawals] == [
        ("main", False),
        ("rich", True),
        ("main", False),
        ("rich", True),
        ("rich", False),
    ]


# How often.


async def test_private_counts_by_user(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits=CoinbaseLimits(user=3, key=2)), clock)
    bot = Coinbase(sim.url("coinbase"), at_ms=clock.now_ms())
    first = await bot.get("accounts")
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    assert [first.headers[header] for header in names] == ["2", "1", "1"]
    clock.advance(0.6)
    assert (await bot.get("portfolios")).status == 200
    full = await bot.get("accounts")
    assert said(full) == (429, "rate_limit_exceeded")
    assert [full.headers[header] for header in names] == ["2", "0", "1"]
    assert (await bot.free().get("accounts")).status == 200
    assert said(await bot.free().get("accounts")) == (429, "rate_limit_exceeded")  # the user's three are used
    assert (await replace(bot, key=OTHERS).get("accounts")).status == 200
    clock.advance(0.5)
    assert [(await bot.get("accounts")).status for _ in range(2)] == [200, 429]
    assert "retry-after" not in full.headers


async def test_the_hour_of_a_key(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(limits=CoinbaseLimits(key_1h=2, reset_epoch=True)), clock)
    bot = Coinbase(sim.url("coinbase"), at_ms=clock.now_ms())
    assert [(await bot.get("accounts")).status for _ in range(3)] == [200, 200, 429]
    assert (await bot.free().get("accounts")).status == 200
    clock.advance(3599)
    late = replace(bot, at_ms=clock.now_ms())
    full = await late.get("/v2/accounts")
    assert (full.status, full.json["errors"][0]["id"]) == (429, "rate_limit_exceeded")
    assert int(full.headers["x-ratelimit-reset"]) == clock.now_ms() // 1000 + 1
    clock.advance(1)
    assert (await late.get("accounts")).status == 200


async def test_public_counts_by_address(start: Any) -> None:
    sim = await start(config(limits=CoinbaseLimits(public=2)), ManualClock())
    base = sim.url("coinbase") + ROOT
    paths = ("time", "market/products", "market/product_book?product_id=BTC-USD")
    assert [(await send("GET", base + path)).status for path in paths] == [200, 200, 429]
    assert (await send("GET", base + paths[2], address=OTHER)).status == 200


# Orders.


async def test_a_used_id_makes_no_second_order(bot: Coinbase, sim: Simulator) -> None:
    order = limit_order()
    first = (await bot.place(order)).json
    again = (await bot.place(order)).json
    assert first["success"] and again == first
    other = {**limit_order("70000", "5"), "client_order_id": order["client_order_id"]}
    assert (await bot.free().place(other)).json["order_id"] == first["order_id"]
    await bot.post("orders/batch_cancel", {"order_ids": [first["order_id"]]})
    assert (await bot.place(order)).json["order_id"] == first["order_id"]
    assert (await replace(bot, key=OTHERS).place(order)).json["order_id"] != first["order_id"]
    assert sim.ledger.executions("coinbase", "c", order["client_order_id"]) == 1
    poor = limit_order(size="9000")
    assert reason(await bot.place(poor)) == "INSUFFICIENT_FUND PREVIEW_INSUFFICIENT_FUND"
    poor["order_configuration"]["limit_limit_gtc"]["base_size"] = "0.01"
    assert reason(await bot.place(poor)) == ""  # a refused order does not use up its id


async def test_order_refusals(bot: Coinbase, sim: Simulator) -> None:
    market = {"market_market_ioc": {"base_size": "0.01", "limit_price": "50000"}}
    refusals = [
        (limit_order("50000.01"), "INVALID_PRICE_PRECISION PREVIEW_INVALID_PRICE_PRECISION"),
        (limit_order("0"), "INVALID_LIMIT_PRICE PREVIEW_INVALID_LIMIT_PRICE"),
        (limit_order(size="0.000000001"), "INVALID_SIZE_PRECISION PREVIEW_INVALID_SIZE_PRECISION"),
        (limit_order(size="0"), "UNKNOWN_FAILURE_REASON PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        ({**limit_order(), "side": "buy"}, "INVALID_SIDE PREVIEW_INVALID_SIDE"),
        ({**limit_order(), "product_id": "BTCUSD"}, "INVALID_PRODUCT_ID PREVIEW_INVALID_PRODUCT_ID"),
        (limit_order(kind="trigger_bracket_gtc"), "UNSUPPORTED_ORDER_CONFIGURATION PREVIEW_INVALID_ORDER_CONFIG"),
        (limit_order("70000", post_only=True), "INVALID_LIMIT_PRICE_POST_ONLY PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        (
            {**limit_order(), "order_configuration": market},
            "UNSUPPORTED_ORDER_CONFIGURATION PREVIEW_INVALID_ORDER_CONFIG",
        ),
    ]
    for order, wanted in refusals:
        got = await bot.place(order)
        assert reason(got) == wanted
        assert (got.json["order_id"], got.json["order_configuration"]) == ("", order["order_configuration"])
    assert sim.ledger.orders_executed == 0


async def test_kinds_of_orders(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Coinbase(sim.url("coinbase"), at_ms=clock.now_ms())

    async def one(order: dict[str, Any]) -> dict[str, Any]:
        placed = (await bot.place(order)).json["order_id"]
        return dict((await bot.get(f"orders/historical/{placed}")).json["order"])

    assert (await one(limit_order(kind="sor_limit_ioc")))["status"] == "CANCELLED"
    assert (await one(limit_order("70000", kind="limit_limit_fok")))["status"] == "FILLED"
    assert (await one(limit_order(post_only=True)))["order_configuration"]["limit_limit_gtc"]["post_only"] is True
    bought = await one({**limit_order(), "order_configuration": {"market_market_ioc": {"quote_size": "600"}}})
    assert (bought["status"], bought["filled_size"], bought["size_in_quote"]) == ("FILLED", "0.00999", True)
    timed = await one(limit_order(kind="limit_limit_gtd", end_time="2023-11-14T22:14:10Z"))
    assert (timed["status"], timed["time_in_force"]) == ("OPEN", "GOOD_UNTIL_DATE_TIME")
    clock.advance(10)
    ended = (await bot.get(f"orders/historical/{timed['order_id']}")).json["order"]
    assert ended["status"] == "EXPIRED"
    past = limit_order(kind="limit_limit_gtd", end_time="2023-11-14T22:14:10Z")
    assert reason(await bot.place(past)).startswith("INVALID_END_TIME")


async def test_batches_cancel_in_part(bot: Coinbase) -> None:
    first = (await bot.place()).json["order_id"]
    done = (await bot.place(limit_order("70000"))).json["order_id"]
    got = await bot.post("orders/batch_cancel", {"order_ids": [first, done, name(), first]})
    assert [(r["success"], r["failure_reason"]) for r in got.json["results"]] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "DUPLICATE_CANCEL_REQUEST"),
    ]
    assert said(await bot.post("orders/batch_cancel", {"order_ids": []})) == (400, "INVALID_ARGUMENT")
    assert said(await bot.post("orders/batch_cancel", {"order_ids": [first] * 101})) == (400, "INVALID_ARGUMENT")


async def test_edit(bot: Coinbase) -> None:
    placed = (await bot.place()).json["order_id"]

    async def edit(**change: str) -> str:
        got = (await bot.post("orders/edit", {"order_id": placed, **change})).json
        return "" if got["success"] else str(got["errors"][0]["edit_failure_reason"])

    assert await edit(price="51000", size="0.02") == ""
    order = (await bot.get(f"orders/historical/{placed}")).json["order"]
    assert order["order_configuration"]["limit_limit_gtc"] == {
        "base_size": "0.02",
        "limit_price": "51000",
        "post_only": False,
    }
    assert await edit(price="51000.01") == "INVALID_EDITED_PRICE"
    assert await edit(size="0.000000001") == "INVALID_EDITED_SIZE"
    assert await edit(size="9000") == "EDIT_REQUEST_REJECTED"
    assert await edit(order_id=name(), price="1") == "ORDER_NOT_FOUND"
    await bot.post("orders/batch_cancel", {"order_ids": [placed]})
    assert await edit(price="52000") == "INVALID_ORIGINAL_ORDER"


async def test_looking_for_orders(start: Any) -> None:
    clock = ManualClock()
    sim = await start(config(), clock)
    bot = Coinbase(sim.url("coinbase"), at_ms=clock.now_ms())
    placed = []
    for order in (limit_order(), limit_order("70000"), {**limit_order("2000"), "product_id": "ETH-USD"}):
        placed.append((await bot.place(order)).json["order_id"])
        clock.advance(1)

    async def ids(query: str) -> list[int]:
        got = (await bot.get("orders/historical/batch", query)).json
        return [placed.index(order["order_id"]) for order in got["orders"]]

    assert await ids("") == [2, 1, 0]
    assert await ids("order_status=OPEN") == [2, 0]
    assert await ids("product_ids=BTC-USD&product_ids=ETH-USD&order_status=OPEN") == [2, 0]
    assert await ids("product_ids=BTC-USD") == [1, 0]
    assert await ids("order_status=FILLED&order_status=CANCELLED") == [1]
    assert await ids("start_date=2023-11-14T22:14:01Z&end_date=2023-11-14T22:14:02Z") == [1]
    page = (await bot.get("orders/historical/batch", "limit=2")).json
    assert (page["has_next"], len(page["orders"])) == (True, 2)
    assert await ids(f"limit=2&cursor={page['cursor']}") == [0]
    mixed = await bot.get("orders/historical/batch", "order_status=OPEN&order_status=FILLED")
    assert said(mixed) == (400, "INVALID_ARGUMENT")
    [fill] = (await bot.get("orders/historical/fills", "product_ids=BTC-USD")).json["fills"]
    assert (fill["order_id"], fill["price"], fill["size"]) == (placed[1], "60010.1", "0.01")
    lost = await bot.get(f"orders/historical/{name()}")
    assert (lost.status, lost.json["message"]) == (404, "order with this orderID was not found")
    theirs = await replace(bot, key=OTHERS).get(f"orders/historical/{placed[0]}")
    assert theirs.status == 404


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("throttle", (429, "rate_limit_exceeded")),
        ("error", (502, "internal_server_error")),
        ("unknown", (200, "")),
        ("maintenance", (503, "unavailable")),
    ],
)
async def test_faults_speak_as_the_exchange_does(bot: Coinbase, sim: Simulator, action: Any, wanted: Any) -> None:
    sim.inject(Fault(action, "coinbase", executed=True))
    order = limit_order()
    got = await bot.place(order)
    assert said(got) == wanted
    if action == "unknown":
        assert reason(got) == "UNKNOWN_FAILURE_REASON UNKNOWN_PREVIEW_FAILURE_REASON"
    assert sim.ledger.executions("coinbase", "c", order["client_order_id"]) == 1
    assert reason(await bot.place(order)) == ""
    assert sim.ledger.executions("coinbase", "c", order["client_order_id"]) == 1


# ccxt, with its own signing. Its tokens name the host that it calls, so only the sending is led elsewhere.


class _Client(ccxt.coinbase):
    target = ""

    async def fetch(self, url: str, *args: Any, **kwargs: Any) -> Any:
        return await super().fetch(url.replace("https://api.coinbase.com", self.target), *args, **kwargs)


SECRETS = [
    (KEY, EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()),
    (FREE.rpartition("/")[2], base64.b64encode(b"\x01" * 32 + ED.public_key().public_bytes_raw()).decode()),
]


@pytest.fixture(params=SECRETS, ids=["ES256", "EdDSA"])
async def client(start: Any, request: Any) -> Any:
    key, secret = request.param
    plan = config(limits=CoinbaseLimits(public=100))  # it asks ten times while it starts
    keys = tuple(replace(k, key=k.key.rpartition("/")[2]) if k.alias == "free" else k for k in plan.accounts[0].keys)
    sim = await start(replace(plan, accounts=(replace(plan.accounts[0], keys=keys),)))
    made = _Client({"apiKey": key, "secret": secret, "enableRateLimit": False})
    made.target = sim.url("coinbase")
    yield sim, made
    await made.close()


async def test_ccxt(client: Any) -> None:
    sim, made = client
    symbol = "BTC/USD"
    await made.load_markets()
    assert made.markets[symbol]["active"]
    assert abs(await made.fetch_time() - now_ms()) < 60_000
    ticker = await made.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    book = await made.fetch_order_book(symbol, 5)
    assert book["bids"][0][0] == ticker["bid"] and len(book["asks"]) == 5
    assert (await made.fetch_ohlcv(symbol, "1m", None, 3))[0][4] == ticker["last"]
    assert (await made.fetch_trades(symbol))[0]["price"] == ticker["last"]
    before = await made.fetch_balance({"v3": True})
    assert (await made.fetch_balance())["BTC"]["total"] == before["BTC"]["total"]
    placed = await made.create_order(symbol, "limit", "buy", 0.01, 50_000)
    resting = await made.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    during = await made.fetch_balance({"v3": True})
    assert during["USD"]["used"] == before["USD"]["used"] + 500
    assert [o["id"] for o in await made.fetch_open_orders(symbol)] == [placed["id"]]
    await made.edit_order(placed["id"], symbol, "limit", "buy", 0.01, 51_000)
    assert (await made.fetch_order(placed["id"], symbol))["price"] == 51_000
    await made.cancel_order(placed["id"], symbol)
    assert (await made.fetch_order(placed["id"], symbol))["status"] == "canceled"
    assert await made.fetch_open_orders(symbol) == []
    taken = await made.create_order(symbol, "market", "sell", 0.02)
    filled = await made.fetch_order(taken["id"], symbol)
    assert (filled["status"], filled["filled"], filled["average"]) == ("closed", 0.02, ticker["bid"])
    assert [t["order"] for t in await made.fetch_my_trades(symbol)] == [taken["id"]]
    assert (await made.fetch_balance({"v3": True}))["BTC"]["total"] == before["BTC"]["total"] - 0.02
    assert sim.ledger.orders_executed == 2
    assert all(e.outcome == "ok" for e in sim.ledger.entries)
    with pytest.raises(ccxt.InsufficientFunds):
        await made.create_order(symbol, "limit", "buy", 900, 50_000)
    made.apiKey += "-wrong"
    with pytest.raises(ccxt.AuthenticationError, match="401"):
        await made.fetch_balance()
