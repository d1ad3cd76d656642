"""The futures' public answers, but for the tickers."""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.simulator.binance.futures.contracts import Contract, coins, every, find
from proxy.simulator.binance.futures.tickers import (
    chosen,
    open_interest,
    ticker_24h,
    ticker_book,
    ticker_price,
    told_one,
)
from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.venue import Floor

Params = Mapping[str, str]
_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
_FOREVER_MS = 4_133_404_800_000
_MINUTE = 60_000


def empty(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    return {}


def no_rows(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    """Statistics: there are none."""
    return []


def time(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    return {"serverTime": now_ms}


def exchange_info(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    limits = floor.config.limits_of("binance", BinanceLimits())
    listed = every(floor, product)
    told: dict[str, Any] = {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in (
                ("REQUEST_WEIGHT", "MINUTE", 1, limits.futures_weight_1m),
                ("ORDERS", "MINUTE", 1, limits.futures_orders_1m),
                ("ORDERS", "SECOND", 10, limits.futures_orders_10s),
            )
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(one) for one in listed],
    }
    if product == "usdm":
        told["futuresType"] = "U_MARGINED"
        told["assets"] = [
            {"asset": coin, "marginAvailable": True, "autoAssetExchange": "-10000"} for coin in coins(listed)
        ]
    return told


def _symbol(one: Contract) -> dict[str, Any]:
    spec, market = one.market.spec, one.market
    digits = spec.quantity_decimals if one.product == "usdm" else 0
    lot = {"minQty": f"{one.smallest:f}", "maxQty": "1000000", "stepSize": f"{one.step:f}"}
    told: dict[str, Any] = {
        "symbol": one.symbol,
        "pair": one.pair,
        "contractType": "PERPETUAL",
        "deliveryDate": _FOREVER_MS,
        "onboardDate": 1_569_398_400_000,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": one.margin_coin,
        "pricePrecision": spec.price_decimals,
        "quantityPrecision": digits,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{market.tick:f}",
                "maxPrice": "10000000",
                "tickSize": f"{market.tick:f}",
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 200},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }
    if one.product == "usdm":
        notional = {"filterType": "MIN_NOTIONAL", "notional": spec.min_notional}
        return {**told, "status": "TRADING", "filters": [*told["filters"], notional]}
    return {**told, "contractStatus": "TRADING", "contractSize": int(one.size), "equalQtyPrecision": 4}


def depth(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    one = find(floor, product, params["symbol"])
    limit = params.get("limit", "500")
    if not limit.isdigit() or int(limit) not in _DEPTHS:
        raise Refusal(400, -4021, f"{limit} is not valid depth limit.")
    sides = {
        side: [[f"{p:f}", one.told(q * one.size)] for p, q in one.market.levels(way, min(int(limit), 20))]
        for side, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    told = {"lastUpdateId": now_ms, "E": now_ms, "T": now_ms, **sides}
    return told if product == "usdm" else {**told, "symbol": one.symbol, "pair": one.pair}


def trades(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    one = find(floor, product, params["symbol"])
    value = one.worth(one.step * one.size, one.market.last)
    return [
        {
            "id": 1,
            "price": f"{one.market.last:f}",
            "qty": f"{one.step:f}",
            "quoteQty" if product == "usdm" else "baseQty": f"{value:.8f}",
            "time": now_ms,
            "isBuyerMaker": True,
        }
    ]


def agg_trades(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    one = find(floor, product, params["symbol"])
    price, quantity = f"{one.market.last:f}", f"{one.step:f}"
    return [{"a": 1, "p": price, "q": quantity, "f": 1, "l": 1, "T": now_ms, "m": True}]


def klines(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    listed = chosen(floor, product, params)
    if not listed:
        raise Refusal(400, -4144, "Invalid pair.")
    one = listed[0]
    price, start = f"{one.market.last:f}", now_ms // _MINUTE * _MINUTE
    return [[start, price, price, price, price, "1", start + _MINUTE - 1, price, 1, "0.5", price, "0"]]


def premium_index(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    rows = []
    for one in chosen(floor, product, params):
        prices = dict.fromkeys(("markPrice", "indexPrice", "estimatedSettlePrice"), f"{one.market.last:f}")
        row = {
            "symbol": one.symbol,
            **prices,
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": now_ms // 28_800_000 * 28_800_000 + 28_800_000,
            "time": now_ms,
        }
        rows.append(row if product == "usdm" else {**row, "pair": one.pair})
    return told_one(product, params, rows)


def funding_rate(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    at_ms = now_ms // 28_800_000 * 28_800_000
    return [
        {
            "symbol": one.symbol,
            "fundingRate": "0.00010000",
            "fundingTime": at_ms,
            "markPrice": f"{one.market.last:f}",
        }
        for one in chosen(floor, product, params)
    ]


def funding_info(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    return [
        {
            "symbol": one.symbol,
            "adjustedFundingRateCap": "0.02500000",
            "adjustedFundingRateFloor": "-0.02500000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
        }
        for one in every(floor, product)
    ]


PUBLIC: dict[str, Callable[[Floor, str, Params, int], Any]] = {
    f.__name__: f
    for f in (
        empty,
        no_rows,
        time,
        exchange_info,
        depth,
        trades,
        agg_trades,
        klines,
        premium_index,
        funding_rate,
        funding_info,
        ticker_24h,
        ticker_price,
        ticker_book,
        open_interest,
    )
}
