"""KuCoin's public futures endpoints."""

from typing import Any

from proxy.simulator.kucoin.names import futures_coin, lot, settled_in, symbol
from proxy.simulator.kucoin.seat import Visit
from proxy.simulator.kucoin.wire import bad
from proxy.simulator.market import Market

_GRANULARITIES = (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 10_080)


def _row(market: Market, now_ms: int) -> dict[str, Any]:
    inverse = market.kind == "inverse"
    base = futures_coin(market.spec.base)
    last = float(market.last)
    return {
        "symbol": symbol(market),
        "rootSymbol": settled_in(market),
        "type": "FFWCSX",
        "firstOpenDate": 1_585_555_200_000,
        "expireDate": None,
        "settleDate": None,
        "baseCurrency": base,
        "quoteCurrency": market.spec.quote,
        "settleCurrency": settled_in(market),
        "maxOrderQty": 1_000_000,
        "maxPrice": 1_000_000.0,
        "lotSize": 1,
        "tickSize": float(market.tick),
        "indexPriceTickSize": float(market.tick),
        "multiplier": -1.0 if inverse else float(lot(market)),
        "initialMargin": 0.01,
        "maintainMargin": 0.005,
        "maxRiskLimit": 1_000_000,
        "minRiskLimit": 1_000_000,
        "riskStep": 500_000,
        "makerFeeRate": 0.0002,
        "takerFeeRate": 0.0006,
        "takerFixFee": 0.0,
        "makerFixFee": 0.0,
        "settlementFee": None,
        "isDeleverage": True,
        "isQuanto": False,
        "isInverse": inverse,
        "markMethod": "FairPrice",
        "fairMethod": "FundingRate",
        "status": "Open",
        "fundingFeeRate": 0.0,
        "predictedFundingFeeRate": 0.0,
        "openInterest": "0",
        "turnoverOf24h": last * 100,
        "volumeOf24h": 100.0,
        "markPrice": last,
        "indexPrice": last,
        "lastTradePrice": last,
        "nextFundingRateTime": 3_600_000,
        "nextFundingRateDateTime": now_ms + 3_600_000,
        "maxLeverage": 100,
        "lowPrice": last,
        "highPrice": last,
        "priceChgPct": 0.0,
        "priceChg": 0.0,
        "fundingRateGranularity": 28_800_000,
    }


def contracts(visit: Visit) -> Any:
    return [_row(m, visit.now_ms) for m in visit.floor.board.contracts]


def contract(visit: Visit) -> Any:
    return _row(visit.market(visit.names["symbol"], "futures"), visit.now_ms)


def _ticker(market: Market, now_ms: int) -> dict[str, Any]:
    return {
        "sequence": now_ms,
        "symbol": symbol(market),
        "side": "buy",
        "size": 1,
        "tradeId": str(now_ms),
        "price": f"{market.last:f}",
        "bestBidPrice": f"{market.bid:f}",
        "bestBidSize": 1000,
        "bestAskPrice": f"{market.ask:f}",
        "bestAskSize": 1000,
        "ts": now_ms * 1_000_000,
    }


def ticker(visit: Visit) -> Any:
    return _ticker(visit.market(visit.params.get("symbol"), "futures"), visit.now_ms)


def all_tickers(visit: Visit) -> Any:
    return [_ticker(m, visit.now_ms) for m in visit.floor.board.contracts]


def _book(visit: Visit, count: int) -> Any:
    market = visit.market(visit.params.get("symbol"), "futures")
    sides = {
        name: [[float(p), 1000 * (i + 1)] for i, (p, _) in enumerate(market.levels(way, count))]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"sequence": visit.now_ms, "symbol": symbol(market), **sides, "ts": visit.now_ms * 1_000_000}


def book_20(visit: Visit) -> Any:
    return _book(visit, 20)


def book_100(visit: Visit) -> Any:
    return _book(visit, 100)


def trades(visit: Visit) -> Any:
    market = visit.market(visit.params.get("symbol"), "futures")
    names = {"sequence": 1, "contractId": 1, "tradeId": "1", "makerOrderId": "1", "takerOrderId": "2"}
    return [{**names, "ts": visit.now_ms * 1_000_000, "size": 1, "price": f"{market.last:f}", "side": "buy"}]


def candles(visit: Visit) -> Any:
    """Oldest first, times in ms: start, open, high, low, close, volume. At most 200."""
    market = visit.market(visit.params.get("symbol"), "futures")
    text = visit.params.get("granularity", "")
    if text not in {str(n) for n in _GRANULARITIES}:
        raise bad("granularity is invalid")
    ends = [visit.params.get(name, "0") for name in ("from", "to")]
    if not all(end.isascii() and end.isdigit() and len(end) < 15 for end in ends):
        raise bad("from and to are milliseconds")
    step = int(text) * 60_000
    start, end = int(ends[0]), min(int(ends[1]) or visit.now_ms, visit.now_ms)
    newest, last = end // step * step, float(market.last)
    times = [t for t in range(newest - 199 * step, newest + 1, step) if t >= start]
    return [[t, last, last, last, last, 1, last] for t in times]


def mark_price(visit: Visit) -> Any:
    market = visit.market(visit.names["symbol"], "futures")
    price = float(market.last)
    return {
        "symbol": symbol(market),
        "granularity": 1000,
        "timePoint": visit.now_ms,
        "value": price,
        "indexPrice": price,
    }


def funding_rate(visit: Visit) -> Any:
    market = visit.market(visit.names["symbol"], "futures")
    times = {"granularity": 28_800_000, "timePoint": visit.now_ms, "fundingTime": visit.now_ms + 3_600_000}
    return {"symbol": f".{symbol(market)}FPI8H", "value": 0.0, "predictedValue": 0.0, **times}
