"""Kraken Futures' public calls."""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.simulator.krakenfutures.spelling import coin, step, symbol
from proxy.simulator.krakenfutures.wire import Refusal, iso
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

Params = Mapping[str, str]
_INTERVALS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "12h": 43_200, "1d": 86_400}
_RUN = Callable[[Floor, Params, int], dict[str, Any]]


def contract(floor: Floor, name: str) -> Market:
    found = floor.board.find("krakenfutures", name)
    if found is None:
        raise Refusal("contractNotFound")
    return found


def required(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if value is None or value == "":
        raise Refusal("requiredArgumentMissing")
    return str(value)


def _success(now_ms: int, **rest: Any) -> dict[str, Any]:
    return {"result": "success", **rest, "serverTime": iso(now_ms)}


def _instruments(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [
        {
            "symbol": symbol(m),
            "type": "futures_inverse" if m.kind == "inverse" else "flexible_futures",
            "underlying": f"rr_{coin(m.spec.base).lower()}usd",
            "tickSize": float(m.tick),
            "contractSize": 1,
            "contractValueTradePrecision": 0 if m.kind == "inverse" else m.spec.quantity_decimals,
            "tradeable": True,
            "impactMidSize": 1,
            "maxPositionSize": 1_000_000,
            "openingDate": "2022-01-01T00:00:00.000Z",
            "marginLevels": [{"contracts": 0, "initialMargin": 0.1, "maintenanceMargin": 0.05}],
            "category": "",
            "tags": [],
            "postOnly": False,
            "base": coin(m.spec.base),
            "quote": "USD",
            "pair": f"{coin(m.spec.base)}:USD",
        }
        for m in floor.board.contracts
    ]
    return _success(now_ms, instruments=rows)


def _statuses(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    calm = {"experiencingDislocation": False, "priceDislocationDirection": None, "experiencingExtremeVolatility": False}
    rows = [
        {"tradeable": symbol(m), **calm, "extremeVolatilityInitialMarginMultiplier": 1} for m in floor.board.contracts
    ]
    return _success(now_ms, instrumentStatus=rows)


def _day(m: Market, now_ms: int) -> dict[str, Any]:
    last = float(m.last)
    return {
        "tag": "perpetual",
        "pair": f"{coin(m.spec.base)}:USD",
        "symbol": symbol(m),
        **dict.fromkeys(("last", "markPrice", "indexPrice", "open24h", "high24h", "low24h"), last),
        "lastTime": iso(now_ms),
        "lastSize": 1,
        "bid": float(m.bid),
        "bidSize": 10,
        "ask": float(m.ask),
        "askSize": 10,
        "vol24h": 100,
        "volumeQuote": 100,
        "openInterest": 1000,
        "fundingRate": 0.0,
        "fundingRatePrediction": 0.0,
        "change24h": 0.0,
        "suspended": False,
        "postOnly": False,
    }


def _tickers(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return _success(now_ms, tickers=[_day(m, now_ms) for m in floor.board.contracts])


def _ticker(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return _success(now_ms, ticker=_day(contract(floor, params["tail"]), now_ms))


def _book(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, required(params, "symbol"))
    sides = {
        name: [[float(price), float(step(m) * 1000 * n)] for n, (price, _) in enumerate(m.levels(way, 20), 1)]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return _success(now_ms, orderBook=sides)


def _trades(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, required(params, "symbol"))
    row = {"time": iso(now_ms), "trade_id": 1, "price": float(m.last), "size": float(step(m)), "side": "buy"}
    return _success(now_ms, history=[{**row, "type": "fill", "uid": "5e1ec7ed-0000-4000-9000-000000000001"}])


def _executions(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params["tail"])
    order = {
        "uid": "5e1ec7ed-0000-4000-9000-000000000002",
        "tradeable": symbol(m),
        "direction": "Buy",
        "quantity": f"{step(m):f}",
        "timestamp": now_ms,
        "limitPrice": f"{m.last:f}",
        "orderType": "Limit",
        "reduceOnly": False,
        "lastUpdateTimestamp": now_ms,
    }
    execution = {
        "uid": "5e1ec7ed-0000-4000-9000-000000000001",
        "makerOrder": {**order, "direction": "Sell"},
        "takerOrder": order,
        "timestamp": now_ms,
        "quantity": f"{step(m):f}",
        "price": f"{m.last:f}",
        "markPrice": f"{m.last:f}",
        "limitFilled": False,
        "usdValue": f"{m.last:f}",
    }
    event = {"Execution": {"execution": execution, "takerReducedQuantity": ""}}
    return {"elements": [{"uid": execution["uid"], "timestamp": now_ms, "event": event}], "len": 1}


def _candles(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    kind, name, interval = params["tail"].split("/")
    m, seconds = contract(floor, name), _INTERVALS.get(interval)
    if seconds is None or kind not in ("trade", "mark", "spot"):
        raise Refusal("notFound", 404)
    last = f"{m.last:f}"
    start = now_ms // 1000 // seconds * seconds * 1000
    candle = {"time": start, **dict.fromkeys(("open", "high", "low", "close"), last), "volume": "1"}
    return {"candles": [candle], "more_candles": False}


_V3 = "/derivatives/api/v3"
_EXACT: dict[str, _RUN] = {
    f"{_V3}/instruments": _instruments,
    f"{_V3}/instruments/status": _statuses,
    f"{_V3}/tickers": _tickers,
    f"{_V3}/orderbook": _book,
    f"{_V3}/history": _trades,
}


def public(path: str) -> tuple[_RUN, str] | None:
    """What a public path stands for, and its variable part."""
    if (run := _EXACT.get(path)) is not None:
        return run, ""
    if path.startswith(f"{_V3}/tickers/"):
        return _ticker, path.removeprefix(f"{_V3}/tickers/")
    if path.startswith("/api/charts/v1/") and path.count("/") == 6:
        return _candles, path.removeprefix("/api/charts/v1/")
    for version in ("v2", "v3"):
        root = f"/api/history/{version}/market/"
        if path.startswith(root) and path.endswith("/executions"):
            return _executions, path.removeprefix(root).removesuffix("/executions")
    return None
