"""Bybit's public endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.seat import category, whole
from proxy.simulator.bybit.ticket import MOST
from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

_MINUTES = {"1", "3", "5", "15", "30", "60", "120", "240", "360", "720"}
_LONG = {"D": 1440, "W": 10_080, "M": 43_200}


@dataclass(frozen=True, slots=True)
class Query:
    floor: Floor
    params: Mapping[str, Any]
    now_ms: int

    @property
    def category(self) -> str:
        return category(self.params)

    @property
    def market(self) -> Market:
        return markets.find(self.floor.board, self.category, self.params.get("symbol"))


def _time(query: Query) -> Any:
    return {"timeSecond": str(query.now_ms // 1000), "timeNano": str(query.now_ms * 1_000_000)}


def _status(query: Query) -> Any:
    return {"list": []}


def _instrument(market: Market) -> dict[str, Any]:
    rules, spec = markets.rules(market), market.spec
    named = {
        "symbol": markets.symbol(market),
        "baseCoin": spec.base,
        "quoteCoin": spec.quote,
        "status": "Trading",
    }
    if market.kind == "spot":
        return {
            **named,
            "innovation": "0",
            "marginTrading": "none",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": f"{rules.step:f}",
                "quotePrecision": "0.00000001",
                "minOrderQty": f"{rules.minimum:f}",
                "maxOrderQty": f"{MOST:f}",
                "minOrderAmt": f"{rules.min_value:f}",
                "maxOrderAmt": "1000000000",
            },
            "priceFilter": {"tickSize": f"{market.tick:f}"},
        }
    linear = market.kind == "linear"
    return {
        **named,
        "contractType": "LinearPerpetual" if linear else "InversePerpetual",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(spec.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": f"{market.tick:f}", "maxPrice": "1999999.80", "tickSize": f"{market.tick:f}"},
        "lotSizeFilter": {
            "maxOrderQty": f"{MOST:f}",
            "minOrderQty": f"{rules.minimum:f}",
            "qtyStep": f"{rules.step:f}",
            "postOnlyMaxOrderQty": f"{MOST:f}",
            "maxMktOrderQty": f"{MOST:f}",
            "minNotionalValue": f"{rules.min_value:f}" if linear else "",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": spec.quote if linear else spec.base,
        "copyTrading": "none",
        "isPreListing": False,
    }


def _instruments(query: Query) -> Any:
    """`status`: only markets in trade exist."""
    found = [query.market] if query.params.get("symbol") else markets.listed(query.floor.board, query.category)
    rows = [_instrument(m) for m in found] if query.params.get("status", "Trading") == "Trading" else []
    more = {} if query.category == "spot" else {"nextPageCursor": ""}
    return {"category": query.category, "list": rows, **more}


def _ticker(market: Market, now_ms: int) -> dict[str, Any]:
    last = f"{market.last:f}"
    row = {
        "symbol": markets.symbol(market),
        "bid1Price": f"{market.bid:f}",
        "bid1Size": f"{market.step * 1000:f}",
        "ask1Price": f"{market.ask:f}",
        "ask1Size": f"{market.step * 1000:f}",
        **dict.fromkeys(("lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h"), last),
        "price24hPcnt": "0",
        "turnover24h": f"{100 * market.last:f}",
        "volume24h": "100",
    }
    if market.kind == "spot":
        return {**row, "usdIndexPrice": last}
    prices = dict.fromkeys(("markPrice", "indexPrice", "prevPrice1h"), last)
    interest = {"openInterest": "1000", "openInterestValue": f"{1000 * market.last:f}", "fundingRate": "0.0001"}
    return {**row, **prices, **interest, "nextFundingTime": str((now_ms // 28_800_000 + 1) * 28_800_000)}


def _tickers(query: Query) -> Any:
    found = [query.market] if query.params.get("symbol") else markets.listed(query.floor.board, query.category)
    return {"category": query.category, "list": [_ticker(m, query.now_ms) for m in found]}


def _book(query: Query) -> Any:
    market = query.market
    most = 200 if market.kind == "spot" else 500
    count = min(whole(query.params, "limit", 1 if market.kind == "spot" else 25, 1, most), 20)
    sides = {
        name: [[f"{p:f}", f"{q:f}"] for p, q in market.levels(way, count)]
        for name, way in (("b", "BUY"), ("a", "SELL"))
    }
    return {"s": markets.symbol(market), **sides, "ts": query.now_ms, "u": 1, "seq": 1, "cts": query.now_ms}


def _candles(query: Query) -> Any:
    market, interval = query.market, str(query.params.get("interval", ""))
    if interval not in _MINUTES and interval not in _LONG:
        raise Refusal(10001, "Invalid period!")
    step_ms = _LONG.get(interval, 0) * 60_000 or int(interval) * 60_000
    count = min(whole(query.params, "limit", 200, 1, 1000), 10)
    newest = query.now_ms // step_ms * step_ms
    row = [*[f"{market.last:f}"] * 4, "1", f"{market.last:f}"]
    found = [[str(newest - i * step_ms), *row] for i in range(count)]
    return {"category": market.kind, "symbol": markets.symbol(market), "list": found}


def _trades(query: Query) -> Any:
    market = query.market
    whole(query.params, "limit", 60, 1, 60 if market.kind == "spot" else 1000)
    row = {
        "execId": "2100000000007764263",
        "symbol": markets.symbol(market),
        "price": f"{market.last:f}",
        "size": f"{markets.rules(market).step:f}",
        "side": "Buy",
        "time": str(query.now_ms),
        "isBlockTrade": False,
    }
    return {"category": market.kind, "list": [row]}


PUBLIC: dict[str, Callable[[Query], Any]] = {
    "/v5/market/time": _time,
    "/v5/market/instruments-info": _instruments,
    "/v5/market/tickers": _tickers,
    "/v5/market/orderbook": _book,
    "/v5/market/kline": _candles,
    "/v5/market/recent-trade": _trades,
    "/v5/system/status": _status,
}
