"""KuCoin's public spot endpoints."""

from typing import Any

from proxy.simulator.kucoin.names import symbol
from proxy.simulator.kucoin.seat import Visit
from proxy.simulator.kucoin.wire import bad
from proxy.simulator.market import Market

CANDLE_S = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14_400,
    "6hour": 21_600,
    "8hour": 28_800,
    "12hour": 43_200,
    "1day": 86_400,
    "1week": 604_800,
    "1month": 2_592_000,
}
_RATES = {"takerFeeRate": "0.001", "makerFeeRate": "0.001", "takerCoefficient": "1", "makerCoefficient": "1"}


def timestamp(visit: Visit) -> Any:
    return visit.now_ms


def status(visit: Visit) -> Any:
    return {"status": "open", "msg": ""}


def my_ip(visit: Visit) -> Any:
    return visit.asked.address


def _row(market: Market) -> dict[str, Any]:
    spec, name = market.spec, symbol(market)
    return {
        "symbol": name,
        "name": name,
        "baseCurrency": spec.base,
        "quoteCurrency": spec.quote,
        "feeCurrency": spec.quote,
        "market": "USDS",
        "baseMinSize": spec.min_quantity,
        "quoteMinSize": f"{market.tick:f}",
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": f"{market.step:f}",
        "quoteIncrement": f"{market.tick:f}",
        "priceIncrement": f"{market.tick:f}",
        "priceLimitRate": "0.1",
        "minFunds": spec.min_notional,
        "isMarginEnabled": False,
        "enableTrading": True,
        "feeCategory": 1,
        "makerFeeCoefficient": "1.00",
        "takerFeeCoefficient": "1.00",
        "st": False,
    }


def symbols(visit: Visit) -> Any:
    return [_row(m) for m in visit.floor.board.markets]


def symbol_row(visit: Visit) -> Any:
    return _row(visit.market(visit.names["symbol"], "spot"))


def markets(visit: Visit) -> Any:
    return ["USDS"]


def _currency(coin: str) -> dict[str, Any]:
    chain = {
        "chainName": "SIM",
        "chainId": "sim",
        "withdrawalMinSize": "0",
        "depositMinSize": "0",
        "withdrawFeeRate": "0",
        "withdrawalMinFee": "0",
        "isWithdrawEnabled": True,
        "isDepositEnabled": True,
        "confirms": 1,
        "preConfirms": 1,
        "withdrawPrecision": 8,
        "maxWithdraw": None,
        "maxDeposit": None,
        "needTag": False,
        "contractAddress": "",
    }
    flags = {"confirms": None, "contractAddress": None, "isMarginEnabled": False, "isDebitEnabled": False}
    return {"currency": coin, "name": coin, "fullName": coin, "precision": 8, **flags, "chains": [chain]}


def currencies(visit: Visit) -> Any:
    return [_currency(coin) for coin in visit.floor.board.coins]


def currency(visit: Visit) -> Any:
    if visit.names["currency"] not in visit.floor.board.coins:
        raise bad("currency is not available")
    return _currency(visit.names["currency"])


def prices(visit: Visit) -> Any:
    found = visit.floor.board.markets
    return {m.spec.base: f"{m.last:f}" for m in found if m.spec.quote == visit.params.get("base", "USD")}


def _ticker(market: Market) -> dict[str, Any]:
    last = f"{market.last:f}"
    return {
        "symbol": symbol(market),
        "symbolName": symbol(market),
        "buy": f"{market.bid:f}",
        "bestBidSize": f"{market.step * 1000:f}",
        "sell": f"{market.ask:f}",
        "bestAskSize": f"{market.step * 1000:f}",
        "changeRate": "0",
        "changePrice": "0",
        "high": last,
        "low": last,
        "vol": "100",
        "volValue": f"{100 * market.last:f}",
        "last": last,
        "averagePrice": last,
        **_RATES,
    }


def stats(visit: Visit) -> Any:
    return {"time": visit.now_ms, **_ticker(visit.market(visit.params.get("symbol"), "spot"))}


def all_tickers(visit: Visit) -> Any:
    return {"time": visit.now_ms, "ticker": [_ticker(m) for m in visit.floor.board.markets]}


def level1(visit: Visit) -> Any:
    view = _ticker(visit.market(visit.params.get("symbol"), "spot"))
    return {
        "time": visit.now_ms,
        "sequence": str(visit.now_ms),
        "price": view["last"],
        "size": view["bestBidSize"],
        "bestBid": view["buy"],
        "bestBidSize": view["bestBidSize"],
        "bestAsk": view["sell"],
        "bestAskSize": view["bestAskSize"],
    }


def _book(visit: Visit, count: int) -> Any:
    market = visit.market(visit.params.get("symbol"), "spot")
    sides = {
        name: [[f"{p:f}", f"{q:f}"] for p, q in market.levels(way, count)]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"time": visit.now_ms, "sequence": str(visit.now_ms), **sides}


def book_20(visit: Visit) -> Any:
    return _book(visit, 20)


def book_100(visit: Visit) -> Any:
    return _book(visit, 100)


def histories(visit: Visit) -> Any:
    market = visit.market(visit.params.get("symbol"), "spot")
    trade = {"sequence": "1", "side": "buy", "size": f"{market.step:f}", "price": f"{market.last:f}"}
    return [{**trade, "time": visit.now_ms * 1_000_000}]


def candles(visit: Visit) -> Any:
    """Newest first, times in seconds: start, open, close, high, low, volume, turnover."""
    market = visit.market(visit.params.get("symbol"), "spot")
    step = CANDLE_S.get(visit.params.get("type", ""))
    if step is None:
        raise bad("type is invalid")
    ends = [visit.params.get(name, "0") for name in ("startAt", "endAt")]
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in ends):
        raise bad("startAt and endAt are seconds")
    start, end = int(ends[0]), min(int(ends[1]) or visit.now_ms // 1000, visit.now_ms // 1000)
    newest = end // step * step
    times = [t for t in range(newest, newest - 100 * step, -step) if t >= start]
    last = f"{market.last:f}"
    return [[str(t), last, last, last, last, "1", last] for t in times]
