"""How long a signed call may be executed: what is put in for that, that signatures still hold, and when it is over."""

import json
from datetime import UTC, datetime
from typing import Any

import ccxt
import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.binance import signature as binance_signature
from proxy.model import Credential, Endpoint, Incoming, SignedRequest, Stamp

WALL_MS = 1_700_000_000_007
AT = "2023-11-14T22:13:25.007Z"  # five seconds later
FORM_AT = AT.replace(":", "%3A")
SECRET = b"kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="  # published
ORDER = "symbol=BTCUSDT&side=BUY"


def asked(exchange: str, name: str, query: str = "", body: str = "") -> tuple[Endpoint, Incoming]:
    row = EXCHANGES[exchange]
    method, _, path = name.partition(" ")
    endpoint = row.table.match(method, path)
    assert endpoint is not None
    return endpoint, row.strip(Incoming(method, path, query, (), body.encode()))


def send(exchange: str, name: str, query: str = "", body: str = "") -> SignedRequest:
    endpoint, request = asked(exchange, name, query, body)
    credential = Credential("a", "main", "dummy-key", SECRET)
    return EXCHANGES[exchange].sign(request, endpoint, credential, Stamp(WALL_MS, 7))


def valid_ms(exchange: str, name: str, query: str = "", body: str = "") -> int:
    endpoint, request = asked(exchange, name, query, body)
    return EXCHANGES[exchange].valid_until_ms(endpoint, request, Stamp(WALL_MS, 7)) - WALL_MS


PLACE, AMEND, CANCEL = "POST /api/v3/order", "PUT /api/v3/order/amend/keepPriority", "DELETE /api/v3/order"


@pytest.mark.parametrize(
    ("name", "given", "sent", "valid"),
    [
        (PLACE, ORDER, f"{ORDER}&recvWindow=3000", 3000),
        (PLACE, "", "recvWindow=3000", 3000),
        (AMEND, ORDER, f"{ORDER}&recvWindow=3000", 3000),
        ("POST /api/v3/orderList/oco", ORDER, f"{ORDER}&recvWindow=3000", 3000),
        (PLACE, f"recvWindow=1500&{ORDER}", f"recvWindow=1500&{ORDER}", 1500),
        (PLACE, f"recvWindow=1500.123&{ORDER}", f"recvWindow=1500.123&{ORDER}", 1501),
        (PLACE, f"recvWindow=5000&{ORDER}", f"recvWindow=5000&{ORDER}", 5000),
        (PLACE, f"a=%2F&recvWindow=10000&{ORDER}", f"a=%2F&recvWindow=5000&{ORDER}", 5000),
        (PLACE, f"%72ecvWindow=60000&{ORDER}", f"recvWindow=5000&{ORDER}", 5000),
        (PLACE, f"recvWindow=6%3000&{ORDER}", f"recvWindow=5000&{ORDER}", 5000),
        (PLACE, f"recvWindow=&{ORDER}", f"recvWindow=&{ORDER}", 60_000),
        (PLACE, f"recvWindow=soon&{ORDER}", f"recvWindow=soon&{ORDER}", 60_000),
        (PLACE, f"recvWindow=nan&{ORDER}", f"recvWindow=nan&{ORDER}", 60_000),
        (CANCEL, ORDER, ORDER, 5000),
        (CANCEL, f"recvWindow=60000&{ORDER}", f"recvWindow=60000&{ORDER}", 60_000),
        ("GET /api/v3/account", "recvWindow=10000", "recvWindow=10000", 10_000),
        ("POST /api/v3/order/test", ORDER, ORDER, 5000),
    ],
)
def test_binance(name: str, given: str, sent: str, valid: int) -> None:
    text = f"{sent}&timestamp={WALL_MS}"
    whole = f"{text}&signature={binance_signature(text, SECRET)}"
    path = name.partition(" ")[2]
    assert send("binance", name, given).target == f"{path}?{whole}"
    assert valid_ms("binance", name, given) == valid
    if not name.startswith("GET") and given:
        made = send("binance", name, "", given)
        assert (made.target, made.body.decode()) == (path, whole)
        assert valid_ms("binance", name, "", given) == valid


def test_binance_window_in_the_query_and_the_rest_in_the_body() -> None:
    made = send("binance", PLACE, "recvWindow=9000", ORDER)
    assert made.target == "/api/v3/order?recvWindow=5000"
    assert b"recvWindow" not in made.body
    assert b"recvWindow=3000&timestamp" in send("binance", PLACE, "symbol=BTCUSDT", "side=BUY").body


ADD = "POST /0/private/AddOrder"


@pytest.mark.parametrize("name", ["AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"])
def test_kraken_orders_have_a_deadline(name: str) -> None:
    name = f"POST /0/private/{name}"
    assert send("kraken", name, "", "pair=X%2FY").body.decode() == f"nonce=7&pair=X%2FY&deadline={FORM_AT}"
    assert send("kraken", name).body.decode() == f"nonce=7&deadline={FORM_AT}"
    assert send("kraken", name, "", '{"a":1.10 }').body.decode() == f'{{"nonce":"7","a":1.10 ,"deadline":"{AT}"}}'
    assert send("kraken", name, "", "{}").body.decode() == f'{{"nonce":"7","deadline":"{AT}"}}'
    assert valid_ms("kraken", name, "", "pair=X%2FY") == 5000
    assert int(datetime.fromisoformat(AT).astimezone(UTC).timestamp() * 1000) == WALL_MS + 5000


@pytest.mark.parametrize(
    ("name", "body", "valid"),
    [
        (ADD, f"deadline={FORM_AT}&pair=X", 5001),
        (ADD, f"%64eadline={AT}", 5001),
        (ADD, "deadline=2023-11-14T22:13:21Z", 994),
        (ADD, "deadline=2023-11-14T23:13:22%2B01:00", 1994),
        (ADD, "deadline=2030-01-01T00:00:00Z", 60_000),
        (ADD, "deadline=2023-11-14T22:13:21", 60_000),
        (ADD, "deadline=soon", 60_000),
        (ADD, "deadline=", 60_000),
        (ADD, f'{{"pair":"X","deadline":"{AT}"}}', 5001),
        (ADD, f'{{"pair":"X","dea\\u0064line":"{AT}"}}', 5001),
        (ADD, '{"pair":"X","deadline":null}', 60_000),
        ("POST /0/private/CancelOrder", "txid=O1-2-3", 60_000),
        ("POST /0/private/Balance", "", 60_000),
    ],
)
def test_kraken_leaves_the_bot_s_own_deadline_and_other_calls(name: str, body: str, valid: int) -> None:
    head = '{"nonce":"7",' if body.startswith("{") else "nonce=7&" if body else "nonce=7"
    assert send("kraken", name, "", body).body.decode() == head + body.removeprefix("{")
    assert valid_ms("kraken", name, "", body) == valid


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("AddOrder", {"pair": "XBTUSD", "price": "50000"}),
        ("AddOrder", {"pair": "XBTUSD", "price": "+1.5%", "note": "deadline"}),
        ("AddOrderBatch", {"pair": "XBTUSD", "orders": [{"price": "1"}]}),
        ("AmendOrder", {"txid": "OUF4EM-FRGI2-MQMWZD"}),
        ("CancelOrder", {"txid": "OUF4EM-FRGI2-MQMWZD"}),
    ],
)
def test_kraken_with_a_deadline_equals_ccxt_with_the_same(path: str, params: dict[str, Any]) -> None:
    bot = ccxt.kraken({"apiKey": "dummy-key", "secret": SECRET.decode()})
    bot.nonce = lambda: 7
    deadline = {"deadline": AT} if path != "CancelOrder" else {}
    theirs = bot.sign(path, ["private"], "POST", {**params, **deadline})
    ours = send("kraken", f"POST /0/private/{path}", "", bot.sign(path, ["private"], "POST", params)["body"])
    assert ours.body.decode() == theirs["body"]
    assert dict(ours.headers)["API-Sign"] == theirs["headers"]["API-Sign"]


def test_cryptocom_nonces_count_for_a_minute_and_are_not_dated_back() -> None:
    name, body = "POST /exchange/v1/private/create-order", '{"id":1,"params":{"side":"BUY"}}'
    assert json.loads(send("cryptocom", name, "", body).body)["nonce"] == str(WALL_MS)
    assert valid_ms("cryptocom", name, "", body) == 60_000
