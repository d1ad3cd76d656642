"""Poloniex's public futures endpoints (v3)."""

from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.poloniex.data import candle_times
from proxy.simulator.poloniex.futures_trade import KIND, UNKNOWN_SYMBOL
from proxy.simulator.poloniex.names import lot, perpetuals, symbol
from proxy.simulator.poloniex.seat import Visit


def _row(market: Market) -> dict[str, Any]:
    spec = market.spec
    born = "1620287590000"
    return {
        "symbol": symbol(market),
        "bAsset": f".P{spec.base}{spec.quote}",
        "bCcy": spec.base,
        "qCcy": spec.quote,
        "sCcy": spec.quote,
        "visibleStartTime": born,
        "tradableStartTime": born,
        "tSz": f"{market.tick:f}",
        "pxScale": f"{market.tick:f}",
        "lotSz": "1",
        "minSz": "1",
        "ctVal": f"{lot(market):f}",
        "status": "OPEN",
        "oDate": born,
        "maxPx": "100000000",
        "minPx": f"{market.tick:f}",
        "maxQty": "1000000",
        "minQty": "1",
        "maxLever": "50",
        "lever": "10",
        "ctType": "LINEAR",
        "alias": "",
        "iM": "0.02",
        "mM": "0.0115",
        "mR": "2000",
        "buyLmt": "",
        "sellLmt": "",
        "ordPxRange": "0.05",
        "marketMaxQty": "1000000",
        "limitMaxQty": "1000000",
    }


def _market(visit: Visit) -> Market:
    return visit.market(visit.params.get("symbol"), KIND, UNKNOWN_SYMBOL)


def _chosen(visit: Visit) -> list[Market]:
    return [_market(visit)] if "symbol" in visit.params else perpetuals(visit.floor.board)


def instruments(visit: Visit) -> Any:
    return [_row(m) for m in perpetuals(visit.floor.board)]


def instrument(visit: Visit) -> Any:
    return _row(_market(visit))


def tickers(visit: Visit) -> Any:
    now = visit.now_ms
    return [
        {
            "s": symbol(m),
            **dict.fromkeys(("o", "l", "h", "c", "mPx", "iPx"), f"{m.last:f}"),
            "qty": "100",
            "amt": f"{100 * m.last:f}",
            "tC": "100",
            "sT": str(now - 86_400_000),
            "cT": str(now),
            "dN": symbol(m).replace("_", "/"),
            "dC": "0",
            "bPx": f"{m.bid:f}",
            "bSz": "1000",
            "aPx": f"{m.ask:f}",
            "aSz": "1000",
        }
        for m in _chosen(visit)
    ]


def book(visit: Visit) -> Any:
    market, count = _market(visit), visit.whole("limit", 10, 150)
    sides = {
        name: [[f"{p:f}", str(1000 * (i + 1))] for i, (p, _) in enumerate(market.levels(way, count))]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {**sides, "s": f"{market.tick:f}", "ts": visit.now_ms}


def trades(visit: Visit) -> Any:
    market = _market(visit)
    amount = f"{market.last * lot(market):f}"
    return [{"id": "1", "side": "buy", "px": f"{market.last:f}", "qty": "1", "amt": amount, "cT": str(visit.now_ms)}]


def candles(visit: Visit) -> Any:
    last = f"{_market(visit).last:f}"
    step, times = candle_times(visit, "sTime", "eTime")
    return [[last, last, last, last, last, "1", "1", str(t), str(t + step - 1)] for t in times]


def mark_price(visit: Visit) -> Any:
    rows = [{"symbol": symbol(m), "mPx": f"{m.last:f}"} for m in _chosen(visit)]
    return rows[0] if "symbol" in visit.params else rows


def funding_rate(visit: Visit) -> Any:
    now = visit.now_ms
    return {"s": symbol(_market(visit)), "fR": "0", "fT": str(now), "nFR": "0", "nFT": str(now + 3_600_000)}
