"""HTX's public spot calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.simulator.htx.counts import Group
from proxy.simulator.htx.spelling import symbol, whole
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

Params = Mapping[str, str]
PERIODS = {"1min": 60, "5min": 300, "15min": 900, "30min": 1800, "60min": 3600, "4hour": 14_400, "1day": 86_400}
LONG_PERIODS = {"1week": 604_800, "1mon": 2_592_000, "1year": 31_536_000}
LEVELS = 20  # the book has no more


@dataclass(frozen=True, slots=True)
class PublicRow:
    run: Callable[[Floor, Params, int], dict[str, Any]]
    group: Group


def invalid(text: str) -> Refusal:
    return Refusal("invalid-parameter", text)


def market(floor: Floor, params: Params) -> Market:
    """In market data; raises what the market service says."""
    found = floor.board.find("htx", params.get("symbol", ""))
    if found is None or found.kind != "spot":
        raise invalid("invalid symbol")
    return found


def count_of(params: Params, usual: int, most: int) -> int:
    number = whole(params, "size", usual)
    if number is None or not 1 <= number <= most:
        raise invalid("invalid size, valid range: [1,2000]")
    return number


def _common(data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": data}


def _symbols(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return _common(
        [
            {
                "base-currency": m.spec.base.lower(),
                "quote-currency": m.spec.quote.lower(),
                "price-precision": m.spec.price_decimals,
                "amount-precision": m.spec.quantity_decimals,
                "value-precision": 8,
                "symbol-partition": "main",
                "symbol": symbol(m),
                "state": "online",
                "min-order-amt": float(m.spec.min_quantity),
                "max-order-amt": 1_000_000,
                "min-order-value": float(m.spec.min_notional),
                "limit-order-min-order-amt": float(m.spec.min_quantity),
                "limit-order-max-order-amt": 1_000_000,
                "sell-market-min-order-amt": float(m.spec.min_quantity),
                "sell-market-max-order-amt": 1_000_000,
                "buy-market-max-order-value": 10_000_000,
                "api-trading": "enabled",
                "tags": "",
            }
            for m in floor.board.markets
        ]
    )


def _currencies(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return _common([coin.lower() for coin in floor.board.coins])


def _time(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return _common(now_ms)


def _chains(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    wanted = params.get("currency", "")
    chain = {
        "depositStatus": "allowed",
        "withdrawStatus": "allowed",
        "minDepositAmt": "0",
        "minWithdrawAmt": "0",
        "maxWithdrawAmt": "1000000",
        "withdrawPrecision": 8,
        "withdrawFeeType": "fixed",
        "transactFeeWithdraw": "0",
        "numOfConfirmations": 1,
        "numOfFastConfirmations": 1,
    }
    coins = [coin.lower() for coin in floor.board.coins if wanted in ("", coin.lower())]
    if not coins:
        raise Refusal(2002, "invalid field value in `currency`")
    rows = [
        {"currency": c, "instStatus": "normal", "assetType": 1, "chains": [{"chain": c, "displayName": "SIM", **chain}]}
        for c in coins
    ]
    return {"code": 200, "data": rows}


def _status(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": {"marketStatus": 1}}


def day(m: Market) -> dict[str, Any]:
    last = float(m.last)
    return {"open": last, "close": last, "high": last, "low": last, "amount": 100.0, "vol": 100 * last, "count": 2}


def _tickers(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [
        {
            "symbol": symbol(m),
            **day(m),
            "bid": float(m.bid),
            "bidSize": float(m.step * 1000),
            "ask": float(m.ask),
            "askSize": float(m.step * 1000),
        }
        for m in floor.board.markets
    ]
    return {"status": "ok", "ts": now_ms, "data": rows}


def channel(name: str, now_ms: int, **rest: Any) -> dict[str, Any]:
    return {"ch": name, "status": "ok", "ts": now_ms, **rest}


def _merged(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    size = float(m.step * 1000)
    tick = {"id": now_ms, "version": now_ms, **day(m), "bid": [float(m.bid), size], "ask": [float(m.ask), size]}
    return channel(f"market.{symbol(m)}.detail.merged", now_ms, tick=tick)


def _detail(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    return channel(f"market.{symbol(m)}.detail", now_ms, tick={"id": now_ms, "version": now_ms, **day(m)})


def book(m: Market, count: int) -> dict[str, Any]:
    return {
        name: [[float(p), float(q)] for p, q in m.levels(way, count)]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }


def _depth(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    kind, depth = params.get("type", ""), params.get("depth", "20")
    if kind not in {f"step{n}" for n in range(6)}:
        raise invalid("invalid type")
    if depth not in ("5", "10", "20"):
        raise invalid("invalid depth")
    tick = {**book(m, int(depth)), "ts": now_ms, "version": now_ms}
    return channel(f"market.{symbol(m)}.depth.{kind}", now_ms, tick=tick)


def trade(m: Market, now_ms: int) -> dict[str, Any]:
    """The one trade there always is."""
    row = {"id": now_ms, "ts": now_ms, "trade-id": now_ms, "amount": float(m.step), "price": float(m.last)}
    return {"id": now_ms, "ts": now_ms, "data": [{**row, "direction": "buy"}]}


def _trade(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    return channel(f"market.{symbol(m)}.trade.detail", now_ms, tick=trade(m, now_ms))


def _trades(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    count_of(params, 1, 2000)
    return channel(f"market.{symbol(m)}.trade.detail", now_ms, data=[trade(m, now_ms)])


def candle(m: Market, seconds: int, now_ms: int) -> dict[str, Any]:
    return {"id": now_ms // 1000 // seconds * seconds, **day(m)}


def _candles(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = market(floor, params)
    count_of(params, 150, 2000)
    period = params.get("period", "")
    seconds = {**PERIODS, **LONG_PERIODS}.get(period)
    if seconds is None:
        raise invalid("invalid period")
    return channel(f"market.{symbol(m)}.kline.{period}", now_ms, data=[candle(m, seconds, now_ms)])


SPOT_PUBLIC: dict[str, PublicRow] = {
    "/v1/common/symbols": PublicRow(_symbols, "common"),
    "/v1/common/currencys": PublicRow(_currencies, "common"),
    "/v1/common/timestamp": PublicRow(_time, "common"),
    "/v2/reference/currencies": PublicRow(_chains, "common"),
    "/v2/market-status": PublicRow(_status, "common"),
    "/market/tickers": PublicRow(_tickers, "market"),
    "/market/detail/merged": PublicRow(_merged, "market"),
    "/market/detail": PublicRow(_detail, "market"),
    "/market/depth": PublicRow(_depth, "depth"),
    "/market/trade": PublicRow(_trade, "market"),
    "/market/history/trade": PublicRow(_trades, "trades"),
    "/market/history/kline": PublicRow(_candles, "market"),
    "/market/history/candles": PublicRow(_candles, "market"),
}
