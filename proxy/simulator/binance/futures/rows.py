"""The futures' endpoints as the exchange sees them (developers.binance.com, derivatives; docstrings of its SDK)."""

from collections.abc import Mapping

from proxy.simulator.binance.rows import SIGNED, Counter, Row, Security, Weight, flat

Table = dict[tuple[str, str], Row]
Params = Mapping[str, str]


def _number(params: Params, name: str, usual: int) -> int:
    text = params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else usual


def _depth(params: Params) -> int:
    limit = _number(params, "limit", 500)
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def _klines(params: Params) -> int:
    limit = _number(params, "limit", 500)
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _by(name: str, one: int, many: int) -> Weight:
    """`one` where the call names a symbol (or pair), `many` where it asks for all."""
    return lambda params: one if name in params else many


def row(
    run: str,
    weight: Weight | int,
    security: Security,
    params: str = "",
    needs: str = "",
    counter: Counter = "futures",
    orders: tuple[int, int] = (0, 0),
) -> Row:
    cost = flat(weight) if isinstance(weight, int) else weight
    names = frozenset(params.split()) | (frozenset() if security in ("NONE", "KEY") else SIGNED)
    return Row(run, security, cost, names, tuple(needs.split()), counter=counter, orders=orders)


_ORDER = (
    "symbol side positionSide type timeInForce quantity reduceOnly price newClientOrderId newOrderRespType priceMatch "
    "selfTradePreventionMode goodTillDate stopPrice closePosition activationPrice callbackRate workingType priceProtect"
)
_ID = "symbol orderId origClientOrderId"
_AMEND = _ID + " side quantity price priceMatch modifyId"
_TIMES = " startTime endTime limit"
_ALGO = (
    "algoType symbol side positionSide type timeInForce quantity price triggerPrice workingType priceMatch "
    "closePosition priceProtect reduceOnly activatePrice callbackRate clientAlgoId newOrderRespType "
    "selfTradePreventionMode goodTillDate"
)


def trading(amend_weight: int, orders: tuple[int, int]) -> Table:
    """Orders, named below /v1/. `orders`: what one order counts."""
    batch = (5, 1)
    return {
        ("POST", "order"): row("place", 0, "TRADE", _ORDER, "symbol side type", orders=orders),
        ("POST", "order/test"): row("test_order", 1, "TRADE", _ORDER, "symbol side type"),
        ("PUT", "order"): row("amend", amend_weight, "TRADE", _AMEND, "symbol side", orders=orders),
        ("DELETE", "order"): row("cancel", 1, "TRADE", _ID, "symbol"),
        ("GET", "order"): row("query", 1, "READ", _ID, "symbol"),
        ("GET", "openOrder"): row("query_open", 1, "READ", _ID, "symbol"),
        ("GET", "openOrders"): row("open_orders", _by("symbol", 1, 40), "READ", "symbol pair"),
        ("GET", "allOrders"): row("all_orders", 5, "READ", "symbol pair orderId" + _TIMES),
        ("GET", "userTrades"): row("user_trades", 5, "READ", "symbol pair orderId fromId" + _TIMES),
        ("GET", "orderAmendment"): row("amendments", 1, "READ", _ID + _TIMES, "symbol"),
        ("POST", "batchOrders"): row("place_batch", 5, "TRADE", "batchOrders", "batchOrders", orders=batch),
        ("PUT", "batchOrders"): row("amend_batch", 5, "TRADE", "batchOrders", "batchOrders", orders=batch),
        ("DELETE", "batchOrders"): row(
            "cancel_batch",
            1,
            "TRADE",
            "symbol orderIdList origClientOrderIdList orderidlist origclientorderidlist",
            "symbol",
        ),
        ("DELETE", "allOpenOrders"): row("cancel_all", 1, "TRADE", "symbol", "symbol"),
        ("POST", "countdownCancelAll"): row("countdown", 10, "TRADE", "symbol countdownTime", "symbol countdownTime"),
        ("POST", "algoOrder"): row("place_algo", 0, "TRADE", _ALGO, "algoType symbol side type", orders=orders),
        ("GET", "algoOrder"): row("query_algo", 1, "READ", "algoId clientAlgoId"),
        ("DELETE", "algoOrder"): row("cancel_algo", 1, "TRADE", "algoId clientAlgoId"),
        ("GET", "openAlgoOrders"): row("open_algos", _by("symbol", 1, 40), "READ", "algoType symbol algoId"),
        ("DELETE", "algoOpenOrders"): row("cancel_algos", 1, "TRADE", "symbol", "symbol"),
    }


SETTINGS: Table = {
    ("POST", "leverage"): row("set_leverage", 1, "TRADE", "symbol leverage", "symbol leverage"),
    ("POST", "marginType"): row("set_margin_type", 1, "TRADE", "symbol marginType", "symbol marginType"),
    ("POST", "positionMargin"): row("add_margin", 1, "TRADE", "symbol positionSide amount type", "symbol amount type"),
    ("POST", "positionSide/dual"): row("set_dual", 1, "TRADE", "dualSidePosition", "dualSidePosition"),
    ("GET", "positionSide/dual"): row("dual", 30, "READ"),
    ("GET", "commissionRate"): row("commission_rate", 20, "READ", "symbol", "symbol"),
    ("GET", "leverageBracket"): row("brackets", 1, "READ", "symbol pair"),
}
_STREAM: Table = {
    (method, "listenKey"): row("listen_key", 1, "KEY", "listenKey") for method in ("POST", "PUT", "DELETE")
}
_MARKET: Table = {
    ("GET", "ping"): row("empty", 1, "NONE"),
    ("GET", "time"): row("time", 1, "NONE"),
    ("GET", "exchangeInfo"): row("exchange_info", 1, "NONE"),
    ("GET", "depth"): row("depth", _depth, "NONE", "symbol limit", "symbol"),
    ("GET", "trades"): row("trades", 5, "NONE", "symbol limit", "symbol"),
    ("GET", "historicalTrades"): row("trades", 200, "KEY", "symbol limit fromId", "symbol"),
    ("GET", "aggTrades"): row("agg_trades", 20, "NONE", "symbol fromId" + _TIMES, "symbol"),
    **{
        ("GET", name): row("klines", _klines, "NONE", "symbol interval" + _TIMES, "symbol interval")
        for name in ("klines", "markPriceKlines", "premiumIndexKlines")
    },
    **{
        ("GET", name): row("klines", _klines, "NONE", "pair contractType interval" + _TIMES, "pair interval")
        for name in ("continuousKlines", "indexPriceKlines")
    },
    ("GET", "fundingRate"): row("funding_rate", 0, "NONE", "symbol" + _TIMES, counter="funding"),
    ("GET", "fundingInfo"): row("funding_info", 0, "NONE", counter="funding"),
    ("GET", "ticker/24hr"): row("ticker_24h", _by("symbol", 1, 40), "NONE", "symbol pair"),
    ("GET", "ticker/price"): row("ticker_price", _by("symbol", 1, 2), "NONE", "symbol pair"),
    ("GET", "ticker/bookTicker"): row("ticker_book", _by("symbol", 2, 5), "NONE", "symbol pair"),
    ("GET", "openInterest"): row("open_interest", 1, "NONE", "symbol", "symbol"),
}


def _below(prefix: str, *tables: Table) -> Table:
    return {(method, prefix + name): row for table in tables for (method, name), row in table.items()}


def _statistics() -> Table:
    names = ("openInterestHist", "globalLongShortAccountRatio", "basis")
    asked = "symbol pair contractType period" + _TIMES
    open_ = {("GET", f"/futures/data/{name}"): row("no_rows", 0, "NONE", asked, counter="data") for name in names}
    keyed = ("topLongShortAccountRatio", "topLongShortPositionRatio")
    return open_ | {("GET", f"/futures/data/{name}"): row("no_rows", 0, "KEY", asked, counter="data") for name in keyed}


USDM: Table = {
    **_below("/fapi/v1/", _MARKET, _STREAM, SETTINGS, trading(0, (1, 1))),
    **_statistics(),
    ("GET", "/futures/data/takerlongshortRatio"): row("no_rows", 0, "NONE", "symbol period" + _TIMES, counter="data"),
    ("GET", "/fapi/v1/premiumIndex"): row("premium_index", _by("symbol", 1, 10), "NONE", "symbol"),
    ("GET", "/fapi/v2/ticker/price"): row("ticker_price", _by("symbol", 1, 2), "NONE", "symbol"),
    ("GET", "/fapi/v1/rateLimit/order"): row("order_counts", 1, "READ"),
    ("GET", "/fapi/v1/income"): row("no_income", 30, "READ", "symbol incomeType page" + _TIMES),
    ("GET", "/fapi/v1/apiTradingStatus"): row("trading_status", _by("symbol", 1, 10), "READ", "symbol"),
    ("GET", "/fapi/v1/accountConfig"): row("account_config", 5, "READ"),
    ("GET", "/fapi/v1/symbolConfig"): row("symbol_config", 5, "READ", "symbol"),
    ("GET", "/fapi/v1/multiAssetsMargin"): row("multi_assets", 30, "READ"),
    ("POST", "/fapi/v1/multiAssetsMargin"): row(
        "set_multi_assets", 1, "TRADE", "multiAssetsMargin", "multiAssetsMargin"
    ),
    ("GET", "/fapi/v2/account"): row("account_v2", 5, "READ"),
    ("GET", "/fapi/v3/account"): row("account_v3", 5, "READ"),
    ("GET", "/fapi/v2/balance"): row("balance", 5, "READ"),
    ("GET", "/fapi/v3/balance"): row("balance", 5, "READ"),
    ("GET", "/fapi/v2/positionRisk"): row("positions_v2", 5, "READ", "symbol"),
    ("GET", "/fapi/v3/positionRisk"): row("positions_v3", 5, "READ", "symbol"),
}
COINM: Table = {
    **_below("/dapi/v1/", _MARKET, _STREAM, SETTINGS, trading(1, (0, 1))),
    **_statistics(),
    ("GET", "/futures/data/takerBuySellVol"): row(
        "no_rows", 0, "NONE", "pair contractType period" + _TIMES, counter="data"
    ),
    ("GET", "/dapi/v1/premiumIndex"): row("premium_index", 10, "NONE", "symbol pair"),
    ("GET", "/dapi/v1/income"): row("no_income", 20, "READ", "symbol incomeType page" + _TIMES),
    ("GET", "/dapi/v1/account"): row("account_v2", 5, "READ"),
    ("GET", "/dapi/v1/balance"): row("balance", 1, "READ"),
    ("GET", "/dapi/v1/positionRisk"): row("positions_v2", 1, "READ", "marginAsset pair"),
    ("GET", "/dapi/v2/leverageBracket"): row("brackets", _by("symbol", 1, 2), "READ", "symbol"),
}
COINM.pop(("POST", "/dapi/v1/order/test"))
