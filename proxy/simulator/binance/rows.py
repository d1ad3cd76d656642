"""Binance's endpoints as the exchange sees them: security, weight, parameters (rest-api.md; docstrings of its SDK)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Security = Literal["NONE", "KEY", "READ", "TRADE", "WITHDRAW"]
Weight = Callable[[Mapping[str, str]], int]
Counter = Literal["spot", "futures", "sapi", "data", "funding"]


@dataclass(frozen=True, slots=True)
class Row:
    """`run`: the function that answers. `security` KEY: the key's name, but no signature. `free`: weight is given back
    on success (since 2026-04-02). `orders`: what it counts on a futures account's ORDERS limits of 10 s and 1 min."""

    run: str
    security: Security
    weight: Weight
    params: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    free: bool = False
    counter: Counter = "spot"
    orders: tuple[int, int] = (0, 0)


SIGNED = frozenset({"timestamp", "recvWindow", "signature"})


def symbol_count(params: Mapping[str, str]) -> int:
    """How many symbols are asked for; 0: all of them."""
    if "symbol" in params:
        return 1
    try:
        listed = json.loads(params.get("symbols", "[]"))
    except ValueError:
        return 1
    return len(listed) if isinstance(listed, list) else 1


def flat(units: int) -> Weight:
    return lambda params: units


def _ticker_24h(params: Mapping[str, str]) -> int:
    count = symbol_count(params)
    return 80 if count == 0 or count > 100 else 40 if count > 20 else 2


def _ticker(params: Mapping[str, str]) -> int:
    return 2 if "symbol" in params else 4


def _depth(params: Mapping[str, str]) -> int:
    limit = params.get("limit", "100")
    count = int(limit) if limit.isdigit() else 100
    return 5 if count <= 100 else 25 if count <= 500 else 50 if count <= 1000 else 250


def _public(
    run: str, weight: Weight, params: str = "", required: tuple[str, ...] = (), counter: Counter = "spot"
) -> Row:
    return Row(run, "NONE", weight, frozenset(params.split()), required, counter=counter)


def _signed(
    run: str,
    weight: Weight,
    params: str = "",
    required: tuple[str, ...] = (),
    security: Security = "READ",
    free: bool = False,
    counter: Counter = "spot",
) -> Row:
    return Row(run, security, weight, frozenset(params.split()) | SIGNED, required, free, counter)


_ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType "
    "stopPrice trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)


def _legs(*names: str) -> str:
    parts = (
        "Type ClientOrderId Side Price Quantity StopPrice TimeInForce TrailingDelta IcebergQty StrategyId StrategyType"
    )
    return " ".join(name + part for name in names for part in parts.split())


_LIST = "symbol listClientOrderId newOrderRespType selfTradePreventionMode "
_OCO = " ".join(
    name
    for name in (_LIST + "side quantity " + _legs("above", "below")).split()
    if name not in ("aboveSide", "belowSide", "aboveQuantity", "belowQuantity")
)
_OTO = _LIST + _legs("working", "pending")
_OTO_NEEDS = tuple(leg + part for leg in ("working", "pending") for part in ("Type", "Side", "Quantity", "Price"))[:-1]
_ORDER_NEEDS = ("symbol", "side", "type")
_TICKER = "symbol symbols type symbolStatus"
_NAME = "symbol orderId origClientOrderId"
_WITHDRAW = (
    "coin withdrawOrderId network address addressTag amount transactionFeeFlag name walletType "
    "asset type fromSymbol toSymbol"
)

ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/api/v3/ping"): _public("empty", flat(1)),
    ("GET", "/api/v3/time"): _public("time", flat(1)),
    ("GET", "/api/v3/exchangeInfo"): _public(
        "exchange_info", flat(20), "symbol symbols permissions showPermissionSets symbolStatus"
    ),
    ("GET", "/api/v3/depth"): _public("depth", _depth, "symbol limit symbolStatus", ("symbol",)),
    ("GET", "/api/v3/trades"): _public("trades", flat(25), "symbol limit", ("symbol",)),
    ("GET", "/api/v3/klines"): _public(
        "klines", flat(2), "symbol interval startTime endTime timeZone limit", ("symbol", "interval")
    ),
    ("GET", "/api/v3/avgPrice"): _public("average_price", flat(2), "symbol", ("symbol",)),
    ("GET", "/api/v3/ticker/24hr"): _public("ticker_24h", _ticker_24h, _TICKER),
    ("GET", "/api/v3/ticker/price"): _public("ticker_price", _ticker, _TICKER),
    ("GET", "/api/v3/ticker/bookTicker"): _public("ticker_book", _ticker, _TICKER),
    ("GET", "/api/v3/account"): _signed("account", flat(20), "omitZeroBalances"),
    ("GET", "/api/v3/account/commission"): _signed("commission", flat(20), "symbol", ("symbol",)),
    ("GET", "/api/v3/rateLimit/order"): _signed("order_counts", flat(40)),
    ("GET", "/api/v3/order"): _signed("query", flat(4), _NAME, ("symbol",)),
    ("GET", "/api/v3/openOrders"): _signed("open_orders", lambda p: 6 if "symbol" in p else 80, "symbol"),
    ("GET", "/api/v3/allOrders"): _signed(
        "all_orders", flat(20), "symbol orderId startTime endTime limit", ("symbol",)
    ),
    ("GET", "/api/v3/myTrades"): _signed(
        "my_trades",
        lambda p: 5 if "orderId" in p else 20,
        "symbol orderId startTime endTime fromId limit",
        ("symbol",),
    ),
    ("POST", "/api/v3/order"): _signed("place", flat(1), _ORDER, _ORDER_NEEDS, "TRADE", True),
    ("POST", "/api/v3/order/test"): _signed(
        "test_order",
        lambda p: 20 if p.get("computeCommissionRates") == "true" else 1,
        _ORDER + " computeCommissionRates",
        _ORDER_NEEDS,
        "TRADE",
    ),
    ("PUT", "/api/v3/order/amend/keepPriority"): _signed(
        "amend", flat(4), _NAME + " newClientOrderId newQty", ("symbol", "newQty"), "TRADE"
    ),
    ("GET", "/api/v3/order/amendments"): _signed(
        "amendments", flat(4), "symbol orderId fromExecutionId limit", ("symbol", "orderId")
    ),
    ("POST", "/api/v3/orderList/oco"): _signed(
        "place_oco", flat(1), _OCO, ("symbol", "side", "quantity", "aboveType", "belowType"), "TRADE", True
    ),
    ("POST", "/api/v3/orderList/oto"): _signed("place_oto", flat(1), _OTO, ("symbol", *_OTO_NEEDS), "TRADE", True),
    ("GET", "/api/v3/orderList"): _signed("query_list", flat(4), "orderListId origClientOrderId"),
    ("GET", "/api/v3/openOrderList"): _signed("open_lists", flat(6)),
    ("GET", "/api/v3/allOrderList"): _signed("all_lists", flat(20), "fromId startTime endTime limit"),
    ("DELETE", "/api/v3/orderList"): _signed(
        "cancel_list",
        flat(1),
        "symbol orderListId listClientOrderId newClientOrderId",
        ("symbol",),
        "TRADE",
        True,
    ),
    ("POST", "/api/v3/order/cancelReplace"): _signed(
        "cancel_replace",
        flat(1),
        _ORDER + " cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions"
        " orderRateLimitExceededMode",
        (*_ORDER_NEEDS, "cancelReplaceMode"),
        "TRADE",
        True,
    ),
    ("DELETE", "/api/v3/order"): _signed(
        "cancel", flat(1), _NAME + " newClientOrderId cancelRestrictions", ("symbol",), "TRADE", True
    ),
    ("DELETE", "/api/v3/openOrders"): _signed("cancel_all", flat(1), "symbol", ("symbol",), "TRADE", True),
    ("GET", "/sapi/v1/system/status"): _public("system_status", flat(1), counter="sapi"),
    ("GET", "/sapi/v1/capital/config/getall"): _signed("coins", flat(10), counter="sapi"),
    ("GET", "/sapi/v1/margin/allPairs"): _signed("pairs", flat(1), "symbol", counter="sapi"),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): _signed("pairs", flat(10), "symbol", counter="sapi"),
    ("GET", "/sapi/v1/account/apiRestrictions"): _signed("restrictions", flat(1), counter="sapi"),
    ("GET", "/sapi/v1/account/status"): _signed("account_status", flat(1), counter="sapi"),
    ("POST", "/sapi/v1/capital/withdraw/apply"): _signed(
        "withdraw", flat(600), _WITHDRAW, (), "WITHDRAW", counter="sapi"
    ),
    ("POST", "/sapi/v1/asset/transfer"): _signed("withdraw", flat(900), _WITHDRAW, (), "WITHDRAW", counter="sapi"),
    ("POST", "/sapi/v1/futures/transfer"): _signed("withdraw", flat(1), _WITHDRAW, (), "WITHDRAW", counter="sapi"),
    **{
        ("GET", f"/{family}/v1/{name}"): _public(run, flat(1), counter="futures")
        for family in ("fapi", "dapi")
        for name, run in (("ping", "empty"), ("time", "time"), ("exchangeInfo", "no_symbols"))
    },
}
