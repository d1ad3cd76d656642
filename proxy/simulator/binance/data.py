"""Binance's public answers."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.rows import symbol_count
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

Params = Mapping[str, str]


def market(floor: Floor, name: str) -> Market:
    found = floor.board.find("binance", name)
    if found is None:
        raise Refusal(400, -1121, "Invalid symbol.")
    return found


def _chosen(floor: Floor, params: Params) -> list[Market]:
    if "symbol" in params and "symbols" in params:
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")
    if symbol_count(params) == 0:
        return floor.board.markets
    if "symbol" in params:
        return [market(floor, params["symbol"])]
    try:
        names = json.loads(params["symbols"])
        return [market(floor, str(name)) for name in names]
    except (ValueError, TypeError):
        raise Refusal(400, -1100, "Illegal characters found in parameter 'symbols'.") from None


def empty(floor: Floor, params: Params, now_ms: int) -> Any:
    return {}


def time(floor: Floor, params: Params, now_ms: int) -> Any:
    return {"serverTime": now_ms}


def _rate_limits(floor: Floor) -> list[dict[str, Any]]:
    limits = floor.config.limits_of("binance", BinanceLimits())
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in (
            ("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_1m),
            ("ORDERS", "SECOND", 10, limits.orders_10s),
            ("ORDERS", "DAY", 1, limits.orders_1d),
            ("RAW_REQUESTS", "MINUTE", 5, limits.raw_5m),
        )
    ]


def exchange_info(floor: Floor, params: Params, now_ms: int) -> Any:
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": _rate_limits(floor),
        "exchangeFilters": [],
        "symbols": [_symbol(m) for m in _chosen(floor, params)],
    }


def _symbol(m: Market) -> dict[str, Any]:
    spec = m.spec
    return {
        "symbol": m.binance,
        "status": "TRADING",
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{m.tick:.8f}",
                "maxPrice": "10000000.00000000",
                "tickSize": f"{m.tick:.8f}",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{float(spec.min_quantity):.8f}",
                "maxQty": "9000.00000000",
                "stepSize": f"{m.step:.8f}",
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": f"{float(spec.min_notional):.8f}",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def depth(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params["symbol"])
    limit = params.get("limit", "100")
    if not limit.isdigit() or int(limit) < 1:
        raise Refusal(400, -1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")
    count = min(int(limit), 20)
    sides = {
        side: [[f"{p:.8f}", f"{q:.8f}"] for p, q in found.levels(way, count)]
        for side, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"lastUpdateId": now_ms, **sides}


def trades(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params["symbol"])
    return [
        {
            "id": 1,
            "price": f"{found.last:.8f}",
            "qty": f"{found.step:.8f}",
            "quoteQty": f"{found.last * found.step:.8f}",
            "time": now_ms,
            "isBuyerMaker": True,
            "isBestMatch": True,
        }
    ]


def klines(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params["symbol"])
    price = f"{found.last:.8f}"
    start = now_ms // 60_000 * 60_000
    return [[start, price, price, price, price, "1.0", start + 59_999, price, 1, "0.5", price, "0"]]


def average_price(floor: Floor, params: Params, now_ms: int) -> Any:
    return {"mins": 5, "price": f"{market(floor, params['symbol']).last:.8f}", "closeTime": now_ms}


def _one_or_many(params: Params, rows: list[dict[str, Any]]) -> Any:
    return rows[0] if "symbol" in params else rows


def ticker_24h(floor: Floor, params: Params, now_ms: int) -> Any:
    return _one_or_many(params, [_day(m, now_ms) for m in _chosen(floor, params)])


def _day(m: Market, now_ms: int) -> dict[str, Any]:
    last = f"{m.last:.8f}"
    prices = ("weightedAvgPrice", "prevClosePrice", "lastPrice", "openPrice", "highPrice", "lowPrice")
    return {
        "symbol": m.binance,
        "priceChange": "0.00000000",
        "priceChangePercent": "0.000",
        **dict.fromkeys(prices, last),
        "lastQty": f"{m.step:.8f}",
        "bidPrice": f"{m.bid:.8f}",
        "bidQty": "1.00000000",
        "askPrice": f"{m.ask:.8f}",
        "askQty": "1.00000000",
        "volume": "100.00000000",
        "quoteVolume": f"{100 * m.last:.8f}",
        "openTime": now_ms - 86_400_000,
        "closeTime": now_ms,
        "firstId": 0,
        "lastId": 1,
        "count": 2,
    }


def ticker_price(floor: Floor, params: Params, now_ms: int) -> Any:
    rows = [{"symbol": m.binance, "price": f"{m.last:.8f}"} for m in _chosen(floor, params)]
    return _one_or_many(params, rows)


def ticker_book(floor: Floor, params: Params, now_ms: int) -> Any:
    rows = [
        {
            "symbol": m.binance,
            "bidPrice": f"{m.bid:.8f}",
            "bidQty": "1.00000000",
            "askPrice": f"{m.ask:.8f}",
            "askQty": "1.00000000",
        }
        for m in _chosen(floor, params)
    ]
    return _one_or_many(params, rows)


def system_status(floor: Floor, params: Params, now_ms: int) -> Any:
    return {"status": 0, "msg": "normal"}


def no_symbols(floor: Floor, params: Params, now_ms: int) -> Any:
    """The futures catalogues: there, but empty."""
    limit = floor.config.limits_of("binance", BinanceLimits()).futures_weight_1m
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limit}]
    return {"timezone": "UTC", "serverTime": now_ms, "rateLimits": limits, "exchangeFilters": [], "symbols": []}


PUBLIC: dict[str, Callable[[Floor, Params, int], Any]] = {
    f.__name__: f
    for f in (
        empty,
        time,
        exchange_info,
        depth,
        trades,
        klines,
        average_price,
        ticker_24h,
        ticker_price,
        ticker_book,
        system_status,
        no_symbols,
    )
}
