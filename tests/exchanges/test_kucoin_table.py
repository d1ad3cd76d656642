"""KuCoin's table: classes, products, and the ways in which money would leave."""

import hashlib
import re
from typing import Any

import ccxt
import pytest

from proxy.config import AccountConfig, AddressConfig, BotConfig, KeyConfig
from proxy.exchanges.kucoin import EXCHANGE
from proxy.exchanges.table import limits_of
from proxy.ingress.admission import Admission, Arrival, Refused
from proxy.model import Call, CallClass, Credential
from proxy.pool import pool_of

TABLE = EXCHANGE.table
TOKEN = "dummy-token"


def door() -> Admission:
    """To an account of a bot that may do all that a bot may."""
    addresses = (AddressConfig("127.0.0.1", "127.0.0.1"),)
    key = Credential("kuc", "k1", "dummy-key", b"dummy-secret", "dummy-passphrase")
    keys = (KeyConfig("k1", key, None, 0, addresses),)
    account = AccountConfig("kuc", "kucoin", "", addresses, keys, {}, {}, {}, (), False)
    granted = frozenset({"public", "read", "cancel", "place"})
    bot = BotConfig("grid", hashlib.sha256(TOKEN.encode()).digest(), frozenset({"kuc"}), granted, 1.0)
    return Admission({"kuc": pool_of(account, EXCHANGE)}, {"grid": bot})


def admit(method: str, target: str, body: bytes = b"") -> Call:
    return door().admit(Arrival(method, f"/kuc{target}", (("kc-api-key", TOKEN),), body, 1))


@pytest.mark.parametrize(
    ("method", "target", "product", "name"),
    [
        ("POST", "/api.kucoin.com/api/v1/orders", "spot", "POST /api/v1/orders"),
        ("POST", "/api-futures.kucoin.com/api/v1/orders", "futures", "POST /api/v1/orders@futures"),
        ("POST", "/api/v1/orders", "spot", "POST /api/v1/orders"),
        ("POST", "/api/v1/st-orders", "futures", "POST /api/v1/st-orders"),
        ("GET", "/api/v1/contracts/XBTUSDTM", "futures", "GET /api/v1/contracts/{symbol}"),
        ("GET", "/api/v1/positions", "futures", "GET /api/v1/positions"),
        ("GET", "/api/v1/orders/byClientOid", "futures", "GET /api/v1/orders/byClientOid"),
        ("DELETE", "/api/v1/orders/multi-cancel", "futures", "DELETE /api/v1/orders/multi-cancel"),
        ("GET", "/api/v1/orders/7", "spot", "GET /api/v1/orders/{orderId}"),
        ("GET", "/api-futures.kucoin.com/api/v1/orders/7", "futures", "GET /api/v1/orders/{orderId}@futures"),
        ("GET", "/api-futures.kucoin.com/api/v1/hf/new", "futures", "GET /api/*"),
        ("GET", "/api/v1/never-heard-of", "spot", "GET /api/*"),
    ],
)
def test_the_host_or_the_path_tells_the_product(method: str, target: str, product: str, name: str) -> None:
    call = admit(method, target)
    assert (call.endpoint.product, call.endpoint.name) == (product, name)
    assert call.upstream.host == {"spot": "api.kucoin.com", "futures": "api-futures.kucoin.com"}[product]


def test_costs() -> None:
    def price(name: str, product: str = "spot") -> dict[str, float]:
        method, _, path = name.partition(" ")
        row = TABLE.match(method, path, product)
        assert row is not None
        return {cost.limit: cost.units for cost in row.costs if cost.limit != "front_10s"}

    assert price("POST /api/v1/hf/orders") == {"spot_30s": 1}
    assert price("DELETE /api/v1/hf/orders/cancelAll") == {"spot_30s": 30}
    assert price("GET /api/v1/hf/orders/active") == {"spot_30s": 2}
    assert price("GET /api/v2/user-info") == {"management_30s": 20}
    assert price("DELETE /api/v1/orders", "futures") == {"futures_30s": 800}
    assert price("DELETE /api/v3/orders", "futures") == {"futures_30s": 10}
    assert price("POST /api/v1/orders/multi", "futures") == {"futures_30s": 20}
    assert price("GET /api/v3/market/orderbook/level2") == {"spot_30s": 3}
    assert price("GET /api/v1/my-ip") == {}
    assert all("front_10s" in {cost.limit for cost in row.costs} for row in TABLE.endpoints())


def test_tiers() -> None:
    def of(tier: str) -> tuple[float, ...]:
        limits = limits_of(TABLE, tier)
        return tuple(limits[name].capacity for name in ("spot_30s", "futures_30s", "unified_3s"))

    assert of("") == of("vip0") == (4000, 2000, 200)
    assert of("vip5") == (16000, 7000, 200)
    assert of("vip12") == (40000, 20000, 2000)
    scopes = {name: str(limit.scope) for name, limit in TABLE.limits.items()}
    assert [name for name, scope in scopes.items() if scope == "address"] == ["public_30s", "front_10s"]
    assert "key" not in scopes.values()  # more keys add nothing


def _ccxt_calls() -> list[tuple[str, str, str]]:
    """(product, method, path) of what ccxt calls on our two hosts."""
    client: Any = ccxt.kucoin({"apiKey": "dummy-key", "secret": "dummy", "password": "dummy"})
    found = []
    for api in ("public", "private", "futuresPublic", "futuresPrivate", "earn", "uta", "utaPrivate"):
        for method, paths in client.api[api].items():
            for path in paths:
                names = dict.fromkeys(re.findall(r"\{(\w+)\}", path), "7")
                url = client.sign(path, [api], method.upper(), {**names, "tradeType": "SPOT"})["url"]
                product = "futures" if api.startswith("futures") else "spot"
                found.append((product, method.upper(), "/" + url.split("/", 3)[3].partition("?")[0]))
    return found


MOVES = re.compile(
    r"withdraw|transfer|sub/|convert|earn|borrow|repay|purchase|redeem|lend|position|leverage|deposit", re.I
)


def test_everything_that_ccxt_reads_or_trades_has_a_row() -> None:
    missing = set()
    for product, method, path in _ccxt_calls():
        row = TABLE.match(method, path, product)
        if row is None:
            missing.add(f"{method} {path}")
        elif method == "GET":
            assert not row.call_class.writes, path
        elif MOVES.search(path):
            assert row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN), path
        elif re.search(r"test|bullet", path):
            assert not row.call_class.writes, path
        else:
            assert row.call_class in (CallClass.PLACE, CallClass.AMEND, CallClass.CANCEL), path
    # Withdrawals are cancelled by hand, and the unified account does not trade here.
    allowed = re.compile(r"DELETE /api/v1/withdrawals/7|POST /api/ua/v1/.*|POST /api/v1/copy-trade/getCross.*")
    assert [name for name in sorted(missing) if not allowed.fullmatch(name)] == []


START = [
    *("/api/ua/v1/account/mode", "/api/v3/currencies", "/api/v2/symbols", "/api/v3/margin/symbols"),
    *(
        "/api/v1/isolated/symbols",
        "/api/v1/market/allTickers",
        "/api/v1/hf/accounts/opened",
        "/api/v1/contracts/active",
    ),
]


@pytest.mark.parametrize("path", START)
def test_what_ccxt_asks_at_its_start_passes(path: str) -> None:
    assert admit("GET", path).endpoint.name == f"GET {path}" or path.startswith("/api/ua/")


# ---- money

MONEY = [
    "/api/v1/withdrawals",
    "/api/v3/withdrawals",
    "/api/v1/withdrawals/7",
    "/api/v3/accounts/universal-transfer",
    "/api/v2/accounts/sub-transfer",
    "/api/v2/accounts/inner-transfer",
    "/api/v3/transfer-out",
    "/api/v1/transfer-in",
    "/api/v1/margin/withdrawMargin",
    "/api/v1/convert/order",
    "/api/v1/convert/limit/order",
    "/api/v1/earn/orders",
    "/api/v3/lend/purchase/update",
    "/api/v3/purchase",
    "/api/v3/redeem",
    "/api/v3/margin/borrow",
    "/api/v3/margin/repay",
    "/api/v1/sub/api-key",
    "/api/v1/sub/api-key/update",
    "/api/v2/sub/user/created",
    "/api/v3/sub/user/margin/enable",
    "/api/v1/deposit-addresses",
    "/api/v3/deposit-address/create",
    "/api/v1/broker/nd/transfer",
    "/api/ua/v1/account/transfer",
    "/api/ua/v1/account/mode",
    "/api/v2/changeCrossUserLeverage",
    "/api/v2/position/changeMarginMode",
    "/api/v3/position/update-user-leverage",
]
SPELLED = [
    lambda path: path,
    lambda path: path + "/",
    lambda path: path.upper().replace("/API/", "/api/"),
    lambda path: path.replace("/api/", "/api//"),
    lambda path: path.replace("/api/", "/api/./"),
    lambda path: path.replace("/api/", "/api/x/../"),
    lambda path: path[:-1] + f"%{ord(path[-1]):02x}",
    lambda path: path.replace("/v", "/%76"),
    lambda path: path + ";x=1",
    lambda path: path.replace("/api/", "/api/v1/hf/orders/../../../api/"),
    lambda path: path.replace("/", "\\"),
    lambda path: path + "?x=1",
    lambda path: path.replace("/api/v", "/api/v0"),
]


@pytest.mark.parametrize("path", MONEY)
@pytest.mark.parametrize("host", ["", "/api.kucoin.com", "/api-futures.kucoin.com", "/api-broker.kucoin.com"])
def test_money_stays_however_it_is_spelled(host: str, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for spelled in SPELLED:
            with pytest.raises(Refused):
                admit(method, host + spelled(path), b"{}")


def test_nothing_that_writes_is_matched_by_a_pattern() -> None:
    assert {row.call_class.writes for _, _, row in TABLE.patterns} == {False}
    assert {method for method, _, _ in TABLE.patterns} == {"GET"}


def test_no_get_writes() -> None:
    assert [row.name for row in TABLE.endpoints() if row.name.startswith("GET ") and row.call_class.writes] == []


@pytest.mark.parametrize("path", ["/api/v1/withdrawals", "/api/v1/accounts/transferable", "/api/v1/hist-withdrawals"])
def test_reading_of_money_is_allowed(path: str) -> None:
    assert admit("GET", path).endpoint.call_class is CallClass.READ
