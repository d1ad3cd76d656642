"""One `Case` for each product: what tests/e2e/test_every_product.py has to know of it to run its scenarios.

Where an exchange cannot show a scenario, `cannot` names it, with the reason in one line.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from proxy.cli.world import AccountPlan
from tests.e2e.bots import Request, Said
from tests.e2e.worlds import BINANCE, COINBASE, CRYPTOCOM, KRAKEN, OKX

BYBIT = AccountPlan("bybit-main", "bybit", 11)
GATE = AccountPlan("gate-main", "gate", 6)
KUCOIN = AccountPlan("kucoin-main", "kucoin", 4)
HTX = AccountPlan("htx-main", "htx", 4)
FUTURES = AccountPlan("futures-main", "krakenfutures", 4)
POLONIEX = AccountPlan("poloniex-main", "poloniex", 7)

Params = Mapping[str, Any]
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Case:
    """A product as bots see it. Orders are limit orders to buy `amount` at `price`, far below the market.

    read: a cheap signed read.
    place: an order with a given client order id, "" for none; placing: the path at the exchange that it is sent to.
    cancel: of the order with an id and the answer that placed it; cancelling: a part of its path.
    well: whether the body of a 2xx is an acceptance.
    money: calls that must never leave; refused: the status of the refusal.
    raises: calls of ccxt that would move money, with their arguments.
    burst: placings at once, more than the exchange takes; limits: of the simulation's record of limits, those that are
    too wide to be met in a test; told: a call whose answer tells them, where that of the cheap read does not.
    ids: a client order id of a number; ours: how an id begins that the daemon puts in; prefix: how one begins that ccxt
    gives, None where it gives none.
    client: the one of ccxt, as `ordergate urls` calls it; fetch, create, balance: what it wants besides in these calls.
    off_s: how wrong the exchange's clock is set, more than it forgives.
    cannot: what there is not to be seen, and why: "clock", "blameless clock", "price", "fetch", "quotes".
    """

    name: str
    plan: AccountPlan
    symbol: str
    read: Request
    place: Callable[[str], Request]
    placing: str
    cancel: Callable[[str, Any], Request]
    cancelling: str
    well: Callable[[Any], bool]
    money: tuple[Request, ...]
    raises: Mapping[str, tuple[Any, ...]]
    burst: int
    ids: Callable[[int], str] = "dummy{}".format
    price: float = 50_000
    amount: float = 0.01
    ours: str = "og"
    prefix: str | None = None
    client: str = "ccxt"
    fetch: Params = field(default_factory=dict)
    create: Params = field(default_factory=dict)
    balance: Params = field(default_factory=dict)
    off_s: int = 30
    limits: Params = field(default_factory=dict)
    told: Request | None = None
    refused: int = 403
    cannot: Mapping[str, str] = field(default_factory=dict)

    def accepted(self, said: Said) -> bool:
        """By the exchange, in its own words."""
        return self.looks_well(said) and said.headers["x-ordergate-origin"] == "exchange"

    def looks_well(self, said: Said) -> bool:
        """A client takes it for an acceptance."""
        return said.status // 100 == 2 and self.well(said.body)


def _query(method: str, plan: AccountPlan, path: str, **query: Any) -> Request:
    given = urlencode(_given(query))
    return method, f"/{plan.name}{path}{'?' if given else ''}{given}", b"", ""


def _get(plan: AccountPlan, path: str, **query: Any) -> Request:
    return _query("GET", plan, path, **query)


def _form(plan: AccountPlan, path: str, **params: Any) -> Request:
    return "POST", f"/{plan.name}{path}", urlencode(_given(params)).encode(), _FORM


def _json(plan: AccountPlan, path: str, body: Params, method: str = "POST") -> Request:
    return method, f"/{plan.name}{path}", json.dumps(_given(body)).encode(), _JSON


def _given(params: Params) -> dict[str, Any]:
    """Without the client order id that is none."""
    return {name: value for name, value in params.items() if value != ""}


ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # the example of BIP 173
_WITHDRAW = ("BTC", 0.1, ADDRESS)
_LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": 50000}

BINANCE_SPOT = Case(
    "binance-spot",
    BINANCE,
    "BTC/USDT",
    read=_get(BINANCE, "/api/v3/account", omitZeroBalances="true"),
    place=lambda id: _query("POST", BINANCE, "/api/v3/order", **_LIMIT, newClientOrderId=id),
    placing="/api/v3/order",
    cancel=lambda id, _: _query("DELETE", BINANCE, "/api/v3/order", symbol="BTCUSDT", origClientOrderId=id),
    cancelling="/api/v3/order",
    well=lambda body: not body.get("code"),
    money=(
        _query("POST", BINANCE, "/sapi/v1/capital/withdraw/apply", coin="BTC", address=ADDRESS, amount=1),
        _query("POST", BINANCE, "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount=1),
    ),
    raises={"withdraw": _WITHDRAW},
    burst=130,
    prefix="x-",
)


def _binance_case(
    product: str, client: str, symbol: str, root: str, balance: str, market: str, amount: float, limit: str
) -> Case:
    order = {**_LIMIT, "symbol": market, "quantity": str(amount)}
    return Case(
        f"binance-{product}",
        BINANCE,
        symbol,
        read=_get(BINANCE, balance),
        place=lambda id: _query("POST", BINANCE, f"{root}order", **order, newClientOrderId=id),
        placing=f"{root}order",
        cancel=lambda id, _: _query("DELETE", BINANCE, f"{root}order", symbol=market, origClientOrderId=id),
        cancelling=f"{root}order",
        well=lambda body: isinstance(body, list) or not body.get("code"),
        money=(
            _query("POST", BINANCE, "/sapi/v1/futures/transfer", asset="USDT", amount=1, type=2),
            _query("POST", BINANCE, "/sapi/v1/asset/transfer", type="UMFUTURE_MAIN", asset="USDT", amount=1),
            _query("POST", BINANCE, f"{root}transfer", asset="USDT", amount=1),
        ),
        raises={"withdraw": _WITHDRAW, "transfer": ("USDT", 1, "future", "spot")},
        burst=110,
        amount=amount,
        prefix="x-",
        client=client,
        limits={limit: 100},
        told=_get(BINANCE, f"{root}exchangeInfo"),
        cannot={"quotes": "the 24 hours' ticker of its futures has no best prices"},
    )


BINANCE_USDM = _binance_case(
    "usdm", "ccxt (USD-M)", "BTC/USDT:USDT", "/fapi/v1/", "/fapi/v3/balance", "BTCUSDT", 0.01, "futures_orders_10s"
)
BINANCE_COINM = _binance_case(
    "coinm", "ccxt (COIN-M)", "BTC/USD:BTC", "/dapi/v1/", "/dapi/v1/balance", "BTCUSD_PERP", 1, "futures_orders_1m"
)

KRAKEN_SPOT = Case(
    "kraken-spot",
    KRAKEN,
    "BTC/USD",
    read=_form(KRAKEN, "/0/private/Balance"),
    place=lambda id: _form(
        KRAKEN,
        "/0/private/AddOrder",
        pair="XBTUSD",
        type="buy",
        ordertype="limit",
        volume="0.01",
        price="50000",
        cl_ord_id=id,
    ),
    placing="/0/private/AddOrder",
    cancel=lambda id, _: _form(KRAKEN, "/0/private/CancelOrder", cl_ord_id=id),
    cancelling="/CancelOrder",
    well=lambda body: not body["error"],
    money=(
        _form(KRAKEN, "/0/private/Withdraw", asset="XBT", key="dummy-target", amount=1),
        _form(KRAKEN, "/0/private/WalletTransfer", asset="XBT", to="Futures Wallet", amount=1),
        _form(KRAKEN, "/0/private/Earn/Allocate", strategy_id="dummy", amount=1),
    ),
    raises={"withdraw": (*_WITHDRAW, {"key": "dummy-target"})},
    burst=210,
    cannot={"clock": "Kraken has a nonce that only has to rise, and no time stamp"},
)


def _method(method: str, **params: Any) -> Request:
    return _json(CRYPTOCOM, f"/exchange/v1/{method}", {"id": 7, "method": method, "params": _given(params)})


CRYPTOCOM_API = Case(
    "cryptocom",
    CRYPTOCOM,
    "BTC/USDT",
    read=_method("private/user-balance"),
    place=lambda id: _method(
        "private/create-order",
        instrument_name="BTC_USDT",
        side="BUY",
        type="LIMIT",
        price="50000",
        quantity="0.01",
        client_oid=id,
    ),
    placing="/exchange/v1/private/create-order",
    cancel=lambda id, _: _method("private/cancel-order", client_oid=id),
    cancelling="/private/cancel-order",
    well=lambda body: body["code"] == 0,
    money=(
        _method("private/create-withdrawal", currency="BTC", amount="1", address=ADDRESS),
        _method("private/create-subaccount-transfer", currency="BTC", amount="1", to="dummy"),
        _method("private/staking/stake", instrument_name="SOL.staked", quantity="1"),
    ),
    raises={"withdraw": _WITHDRAW},
    burst=80,
    off_s=90,
)


def _brokerage(path: str, **body: Any) -> Request:
    return _json(COINBASE, f"/api/v3/brokerage/{path}", body)


COINBASE_API = Case(
    "coinbase",
    COINBASE,
    "BTC/USD",
    read=_get(COINBASE, "/api/v3/brokerage/accounts"),
    place=lambda id: _brokerage(
        "orders",
        product_id="BTC-USD",
        side="BUY",
        client_order_id=id,
        order_configuration={"limit_limit_gtc": {"base_size": "0.01", "limit_price": "50000"}},
    ),
    placing="/api/v3/brokerage/orders",
    cancel=lambda _, placed: _brokerage("orders/batch_cancel", order_ids=[placed["success_response"]["order_id"]]),
    cancelling="/orders/batch_cancel",
    well=lambda body: body.get("success", True),
    money=(
        _json(COINBASE, "/v2/accounts/dummy/transactions", {"type": "send", "to": ADDRESS, "amount": "1"}),
        _json(COINBASE, "/v2/accounts/dummy/withdrawals", {"amount": "1", "currency": "USD"}),
        _brokerage("portfolios/move_funds", funds={"value": "1", "currency": "USD"}),
    ),
    raises={"withdraw": _WITHDRAW},
    burst=45,
    prefix="ccxt-",
    balance={"v3": True},
    off_s=300,  # its tokens live for two minutes
    cannot={"blameless clock": "Coinbase answers 401 to a stale token as to an address off the list"},
)


def _okx(path: str, **body: Any) -> Request:
    return _json(OKX, f"/api/v5/{path}", body)


def _okx_case(name: str, symbol: str, instrument: str, mode: str, amount: float) -> Case:
    order = {"instId": instrument, "tdMode": mode, "side": "buy", "ordType": "limit", "sz": str(amount), "px": "50000"}
    return Case(
        name,
        OKX,
        symbol,
        read=_get(OKX, "/api/v5/account/balance"),
        place=lambda id: _okx("trade/order", **order, clOrdId=id),
        placing="/api/v5/trade/order",
        cancel=lambda id, _: _okx("trade/cancel-order", instId=instrument, clOrdId=id),
        cancelling="/trade/cancel-order",
        well=lambda body: body["code"] == "0",
        money=(
            _okx("asset/withdrawal", ccy="BTC", amt="1", dest="4", toAddr=ADDRESS),
            _okx("asset/transfer", ccy="BTC", amt="1", **{"from": "18", "to": "6"}),
            _okx("asset/subaccount/transfer", ccy="BTC", amt="1"),
        ),
        raises={"withdraw": (*_WITHDRAW, {"network": "BTC", "fee": "0"}), "transfer": ("BTC", 1, "18", "6")},
        burst=90,
        amount=amount,
        prefix="6b9ad766b55dBCDE",
        off_s=60,
    )


OKX_SPOT = _okx_case("okx-spot", "BTC/USDT", "BTC-USDT", "cash", 0.01)
OKX_SWAP = _okx_case("okx-swap", "BTC/USDT:USDT", "BTC-USDT-SWAP", "cross", 1)


def _bybit(path: str, **body: Any) -> Request:
    return _json(BYBIT, f"/v5/{path}", body)


def _bybit_case(category: str, symbol: str, burst: int) -> Case:
    market = {"category": category, "symbol": "BTCUSDT"}
    order = {**market, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "50000"}
    return Case(
        f"bybit-{category}",
        BYBIT,
        symbol,
        read=_get(BYBIT, "/v5/account/wallet-balance", accountType="UNIFIED"),
        place=lambda id: _bybit("order/create", **order, orderLinkId=id),
        placing="/v5/order/create",
        cancel=lambda id, _: _bybit("order/cancel", **market, orderLinkId=id),
        cancelling="/v5/order/cancel",
        well=lambda body: body["retCode"] == 0,
        money=(
            _bybit("asset/withdraw/create", coin="BTC", amount="1", address=ADDRESS),
            _bybit("asset/transfer/inter-transfer", coin="BTC", amount="1"),
            _bybit("asset/transfer/universal-transfer", coin="BTC", amount="1"),
        ),
        raises={"withdraw": _WITHDRAW, "transfer": ("USDT", 1, "unified", "funding")},
        burst=burst,
        fetch={"acknowledged": True},  # that only the last 500 orders are found
        refused=200,  # definite refusals come with HTTP 200 there, and clients read the code
    )


BYBIT_SPOT = _bybit_case("spot", "BTC/USDT", 30)
BYBIT_LINEAR = _bybit_case("linear", "BTC/USDT:USDT", 15)


def _gate(path: str, **body: Any) -> Request:
    return _json(GATE, f"/api/v4/{path}", body)


def _gate_case(name: str, symbol: str, path: str, order: Params, *, read: str, burst: int, amount: float) -> Case:
    pair = {"currency_pair": "BTC_USDT"} if path.startswith("spot") else {"settle": "usdt"}
    return Case(
        name,
        GATE,
        symbol,
        read=_get(GATE, f"/api/v4/{read}"),
        place=lambda id: _gate(path, **order, price="50000", text=id),
        placing=f"/api/v4/{path}",
        cancel=lambda id, _: _query("DELETE", GATE, f"/api/v4/{path}/{id}", **pair),
        cancelling=f"/api/v4/{path}/",
        well=lambda body: True,  # the status says it
        money=(
            _gate("withdrawals", currency="BTC", amount="1", address=ADDRESS, chain="BTC"),
            _gate("wallet/transfers", currency="BTC", amount="1", **{"from": "spot", "to": "futures"}),
            _gate("wallet/sub_account_transfers", currency="BTC", amount="1"),
        ),
        raises={"withdraw": _WITHDRAW, "transfer": ("USDT", 1, "spot", "swap")},
        burst=burst,
        ids="t-dummy{}".format,
        amount=amount,
        ours="t-og",
        off_s=90,
    )


GATE_SPOT = _gate_case(
    "gate-spot", "BTC/USDT", "spot/orders", {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01"},
    read="spot/accounts", burst=15, amount=0.01,
)  # fmt: skip
GATE_USDT = _gate_case(
    "gate-usdt", "BTC/USDT:USDT", "futures/usdt/orders", {"contract": "BTC_USDT", "size": 1, "tif": "gtc"},
    read="futures/usdt/accounts", burst=130, amount=1,
)  # fmt: skip


def _kucoin(path: str, **body: Any) -> Request:
    return _json(KUCOIN, path, body)


KUCOIN_SPOT = Case(
    "kucoin-spot",
    KUCOIN,
    "BTC/USDT",
    read=_get(KUCOIN, "/api/v1/hf/orders/active", symbol="BTC-USDT"),
    place=lambda id: _kucoin(
        "/api/v1/hf/orders", symbol="BTC-USDT", clientOid=id, type="limit", side="buy", price="50000", size="0.01"
    ),
    placing="/api/v1/hf/orders",
    cancel=lambda id, _: _query("DELETE", KUCOIN, f"/api/v1/hf/orders/client-order/{id}", symbol="BTC-USDT"),
    cancelling="/hf/orders/client-order/",
    well=lambda body: body["code"] == "200000",
    money=(
        _kucoin("/api/v3/withdrawals", currency="BTC", amount="1", toAddress=ADDRESS),
        _kucoin("/api/v3/accounts/universal-transfer", currency="BTC", amount="1"),
        _kucoin("/api/v2/accounts/inner-transfer", currency="BTC", amount="1"),
    ),
    raises={"withdraw": _WITHDRAW, "transfer": ("BTC", 0.1, "main", "trade")},
    burst=60,
    prefix="",  # ccxt gives it one of its own
    limits={"spot": 40},
)
_FUTURES = "/api-futures.kucoin.com"
KUCOIN_FUTURES = Case(
    "kucoin-futures",
    KUCOIN,
    "BTC/USDT:USDT",
    read=_get(KUCOIN, f"{_FUTURES}/api/v1/account-overview", currency="USDT"),
    place=lambda id: _kucoin(
        f"{_FUTURES}/api/v1/orders",
        symbol="XBTUSDTM",
        clientOid=id,
        side="buy",
        type="limit",
        leverage=3,
        price="50000",
        size=1,
    ),
    placing="/api/v1/orders",
    cancel=lambda id, _: _query("DELETE", KUCOIN, f"{_FUTURES}/api/v1/orders/client-order/{id}", symbol="XBTUSDTM"),
    cancelling="/orders/client-order/",
    well=lambda body: body["code"] == "200000",
    money=(
        _kucoin(f"{_FUTURES}/api/v3/transfer-out", currency="USDT", amount=1, recAccountType="MAIN"),
        _kucoin(f"{_FUTURES}/api/v1/transfer-in", currency="USDT", amount=1, payAccountType="MAIN"),
    ),
    raises={"transfer": ("USDT", 1, "contract", "main")},
    burst=60,
    amount=1,
    prefix="",
    create={"leverage": 3},
    balance={"type": "future"},
    limits={"futures": 80},
)


def _htx(path: str, **body: Any) -> Request:
    return _json(HTX, path, body)


HTX_SPOT = Case(
    "htx-spot",
    HTX,
    "BTC/USDT",
    read=_get(HTX, "/v1/account/accounts"),
    place=lambda id: _htx(
        "/v1/order/orders/place",
        symbol="btcusdt",
        type="buy-limit",
        amount="0.01",
        price="50000",
        source="spot-api",
        **{"account-id": "50000001", "client-order-id": id},
    ),
    placing="/v1/order/orders/place",
    cancel=lambda id, _: _htx("/v1/order/orders/submitCancelClientOrder", **{"client-order-id": id}),
    cancelling="/submitCancelClientOrder",
    well=lambda body: body.get("status", "ok") == "ok" and body.get("code", 200) == 200,
    money=(
        _htx("/v1/dw/withdraw/api/create", currency="btc", amount="1", address=ADDRESS),
        _htx("/v2/account/transfer", currency="usdt", amount="1", **{"from": "spot", "to": "linear-swap"}),
        _htx("/v5/account/universal_transfer", currency="usdt", amount="1"),
    ),
    raises={"withdraw": _WITHDRAW},
    burst=130,
    prefix="AA03022abc",
    off_s=900,  # it allows a minute ahead and five behind
)
_SWAP = "/api.hbdm.com"
HTX_SWAP = Case(
    "htx-swap",
    HTX,
    "BTC/USDT:USDT",
    read=_get(HTX, f"{_SWAP}/v5/account/balance"),
    place=lambda id: _htx(
        f"{_SWAP}/v5/trade/order",
        contract_code="BTC-USDT",
        margin_mode="cross",
        side="buy",
        position_side="both",
        type="limit",
        price="50000",
        volume="1",
        client_order_id=id,
    ),
    placing="/v5/trade/order",
    cancel=lambda id, _: _htx(f"{_SWAP}/v5/trade/cancel_order", contract_code="BTC-USDT", client_order_id=id),
    cancelling="/v5/trade/cancel_order",
    well=lambda body: body.get("status", "ok") == "ok" and body.get("code", 200) == 200,
    money=(
        _htx(f"{_SWAP}/linear-swap-api/v1/swap_master_sub_transfer", asset="USDT", amount="1"),
        _htx(f"{_SWAP}/linear-swap-api/v1/swap_transfer_inner", asset="USDT", amount="1"),
    ),
    raises={"withdraw": _WITHDRAW},
    burst=100,
    ids="77{:04}".format,
    amount=1,
    ours="",  # a number
    balance={"type": "swap"},
    off_s=900,
)


def _v3(name: str, **params: Any) -> Request:
    return _form(FUTURES, f"/derivatives/api/v3/{name}", **params)


KRAKEN_FUTURES = Case(
    "kraken-futures",
    FUTURES,
    "BTC/USD:BTC",
    read=_get(FUTURES, "/derivatives/api/v3/accounts"),
    place=lambda id: _v3(
        "sendorder", symbol="PI_XBTUSD", side="buy", orderType="lmt", size=100, limitPrice=50000, cliOrdId=id
    ),
    placing="/derivatives/api/v3/sendorder",
    cancel=lambda id, _: _v3("cancelorder", cliOrdId=id),
    cancelling="/v3/cancelorder",
    well=lambda body: body["result"] == "success",
    money=(
        _v3("withdrawal", targetWallet="Spot Wallet", currency="xbt", amount=1),
        _v3("transfer", fromAccount="fi_xbtusd", toAccount="cash", unit="xbt", amount=1),
        _v3("transfer/subaccount", fromUser="dummy", toUser="dummy", unit="xbt", amount=1),
    ),
    raises={
        "transfer_out": ("BTC", 0.1, {"sourceWallet": "dummy-wallet"}),
        "transfer": ("BTC", 0.1, "main", "future"),
    },
    burst=70,
    amount=100,
    cannot={
        "clock": "Kraken Futures has a nonce that only has to rise, and no time stamp",
        "price": "ccxt does not read it of this exchange's orders",
    },
)


def _poloniex(path: str, **body: Any) -> Request:
    return _json(POLONIEX, path, body)


_POLONIEX_MONEY = (
    _poloniex("/v2/wallets/withdraw", coin="BTC", network="BTC", amount="1", address=ADDRESS),
    _poloniex("/wallets/withdraw", currency="BTC", amount="1", address=ADDRESS),
    _poloniex("/accounts/transfer", currency="USDT", amount="1", fromAccount="SPOT", toAccount="FUTURES"),
    _poloniex("/subaccounts/transfer", currency="USDT", amount="1"),
)
_POLONIEX_RAISES = {
    "withdraw": ("USDT", 10, ADDRESS, {"network": "TRC20"}),
    "transfer": ("USDT", 10, "spot", "future"),
}
POLONIEX_SPOT = Case(
    "poloniex-spot",
    POLONIEX,
    "BTC/USDT",
    read=_get(POLONIEX, "/accounts/balances"),
    place=lambda id: _poloniex(
        "/orders", symbol="BTC_USDT", side="BUY", type="LIMIT", price="50000", quantity="0.01", clientOrderId=id
    ),
    placing="/orders",
    cancel=lambda id, _: _query("DELETE", POLONIEX, f"/orders/cid:{id}"),
    cancelling="/orders/cid:",
    well=lambda body: isinstance(body, list) or body.get("code", 200) == 200,
    money=_POLONIEX_MONEY,
    raises=_POLONIEX_RAISES,
    burst=80,
    off_s=90,
)
POLONIEX_FUTURES = Case(
    "poloniex-futures",
    POLONIEX,
    "BTC/USDT:USDT",
    read=_get(POLONIEX, "/v3/account/balance"),
    place=lambda id: _poloniex(
        "/v3/trade/order",
        symbol="BTC_USDT_PERP",
        side="BUY",
        type="LIMIT",
        px="50000",
        sz="1",
        mgnMode="CROSS",
        posSide="BOTH",
        clOrdId=id,
    ),
    placing="/v3/trade/order",
    cancel=lambda id, _: _json(
        POLONIEX, "/v3/trade/order", {"symbol": "BTC_USDT_PERP", "clOrdId": id}, method="DELETE"
    ),
    cancelling="/v3/trade/order",
    well=lambda body: str(body["code"]) == "200",
    money=_POLONIEX_MONEY,
    raises=_POLONIEX_RAISES,
    burst=80,
    amount=1,
    balance={"type": "swap"},
    off_s=90,
    cannot={"fetch": "ccxt reads no single order of this exchange's futures"},
)

CASES = (
    BINANCE_SPOT, BINANCE_USDM, BINANCE_COINM, KRAKEN_SPOT, CRYPTOCOM_API, COINBASE_API, OKX_SPOT, OKX_SWAP, BYBIT_SPOT,
    BYBIT_LINEAR, GATE_SPOT, GATE_USDT, KUCOIN_SPOT, KUCOIN_FUTURES, HTX_SPOT, HTX_SWAP, KRAKEN_FUTURES, POLONIEX_SPOT,
    POLONIEX_FUTURES,
)  # fmt: skip
