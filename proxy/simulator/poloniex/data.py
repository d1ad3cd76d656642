"""Poloniex's public spot endpoints."""

from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.poloniex.names import symbol
from proxy.simulator.poloniex.seat import Visit
from proxy.simulator.poloniex.wire import Refusal

BAD_SYMBOL = (24101, "Invalid symbol")
DEPTHS = (5, 10, 20, 50, 100, 150)
CANDLE_S = {
    "MINUTE_1": 60,
    "MINUTE_5": 300,
    "MINUTE_10": 600,
    "MINUTE_15": 900,
    "MINUTE_30": 1800,
    "HOUR_1": 3600,
    "HOUR_2": 7200,
    "HOUR_4": 14_400,
    "HOUR_6": 21_600,
    "HOUR_12": 43_200,
    "DAY_1": 86_400,
    "DAY_3": 259_200,
    "WEEK_1": 604_800,
    "MONTH_1": 2_592_000,
}


def _market(visit: Visit) -> Market:
    return visit.market(visit.names["symbol"], "spot", BAD_SYMBOL)


def timestamp(visit: Visit) -> Any:
    return {"serverTime": visit.now_ms}


def _row(market: Market) -> dict[str, Any]:
    spec, name = market.spec, symbol(market)
    limit = {
        "symbol": name,
        "priceScale": spec.price_decimals,
        "quantityScale": spec.quantity_decimals,
        "amountScale": spec.price_decimals,
        "minQuantity": spec.min_quantity,
        "minAmount": spec.min_notional,
        "maxQuantity": "10000000",
        "maxAmount": "1000000000",
        "highestBid": "0",
        "lowestAsk": "0",
    }
    return {
        "symbol": name,
        "baseCurrencyName": spec.base,
        "quoteCurrencyName": spec.quote,
        "displayName": f"{spec.base}/{spec.quote}",
        "state": "NORMAL",
        "visibleStartTime": 1_659_018_819_512,
        "tradableStartTime": 1_659_018_819_512,
        "symbolTradeLimit": limit,
        "crossMargin": {"supportCrossMargin": False, "maxLeverage": 1},
    }


def markets(visit: Visit) -> Any:
    return [_row(m) for m in visit.floor.board.markets]


def market(visit: Visit) -> Any:
    return [_row(_market(visit))]


def _currency(number: int, coin: str) -> dict[str, Any]:
    network = {
        "id": 200 + number,
        "coin": coin,
        "name": coin,
        "currencyType": "address",
        "blockchain": "SIM",
        "withdrawalEnable": True,
        "depositEnable": True,
        "depositAddress": None,
        "withdrawMin": "0",
        "decimals": 8,
        "withdrawFee": "0",
        "minConfirm": 1,
        "contractAddress": None,
    }
    flags = {"delisted": False, "tradeEnable": True, "supportCollateral": False, "supportBorrow": False}
    return {"id": 200 + number, "coin": coin, "name": coin, "networkList": [network], **flags}


def currencies(visit: Visit) -> Any:
    return [_currency(number, coin) for number, coin in enumerate(visit.floor.board.coins)]


def currency(visit: Visit) -> Any:
    coins = visit.floor.board.coins
    if visit.names["currency"] not in coins:
        raise Refusal(10020, "Invalid currency")
    return _currency(coins.index(visit.names["currency"]), visit.names["currency"])


def _price(visit: Visit, market: Market) -> dict[str, Any]:
    return {"symbol": symbol(market), "price": f"{market.last:f}", "time": visit.now_ms, "ts": visit.now_ms}


def prices(visit: Visit) -> Any:
    return [_price(visit, m) for m in visit.floor.board.markets]


def price(visit: Visit) -> Any:
    return _price(visit, _market(visit))


def mark_prices(visit: Visit) -> Any:
    return [mark(visit, m) for m in visit.floor.board.markets]


def mark(visit: Visit, market: Market) -> dict[str, Any]:
    return {"symbol": symbol(market), "markPrice": f"{market.last:f}", "time": visit.now_ms}


def mark_price(visit: Visit) -> Any:
    return mark(visit, _market(visit))


def _ticker(visit: Visit, market: Market) -> dict[str, Any]:
    last = f"{market.last:f}"
    return {
        "symbol": symbol(market),
        "open": last,
        "low": last,
        "high": last,
        "close": last,
        "quantity": "100",
        "amount": f"{100 * market.last:f}",
        "tradeCount": 100,
        "startTime": visit.now_ms - 86_400_000,
        "closeTime": visit.now_ms,
        "displayName": f"{market.spec.base}/{market.spec.quote}",
        "dailyChange": "0",
        "bid": f"{market.bid:f}",
        "bidQuantity": f"{market.step * 1000:f}",
        "ask": f"{market.ask:f}",
        "askQuantity": f"{market.step * 1000:f}",
        "ts": visit.now_ms,
        "markPrice": last,
    }


def tickers(visit: Visit) -> Any:
    return [_ticker(visit, m) for m in visit.floor.board.markets]


def ticker(visit: Visit) -> Any:
    return _ticker(visit, _market(visit))


def book(visit: Visit) -> Any:
    """Each side is one flat list: price, quantity, price, quantity."""
    found, count = _market(visit), visit.whole("limit", 10, 150)
    if count not in DEPTHS:
        raise Refusal(24106, "Invalid market depth")
    sides = {
        name: [text for p, q in found.levels(way, count) for text in (f"{p:f}", f"{q:f}")]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"time": visit.now_ms, "scale": f"{found.tick:f}", **sides, "ts": visit.now_ms}


def trades(visit: Visit) -> Any:
    found = _market(visit)
    names = {"id": "1", "price": f"{found.last:f}", "quantity": f"{found.step:f}", "takerSide": "BUY"}
    return [{**names, "amount": f"{found.last * found.step:f}", "ts": visit.now_ms, "createTime": visit.now_ms}]


def candle_times(visit: Visit, start: str, end: str) -> tuple[int, list[int]]:
    """Length and starts of the candles asked for, in ms, oldest first."""
    step = CANDLE_S.get(visit.params.get("interval", ""), 0) * 1000
    if not step:
        raise Refusal(24102, "Invalid K-line type")
    first, last = visit.whole(start, 0, 10**15), visit.whole(end, 0, 10**15) or visit.now_ms
    newest = min(last, visit.now_ms) // step * step
    count = visit.whole("limit", 100, 500)
    return step, [t for t in range(newest - (count - 1) * step, newest + 1, step) if t >= first]


def candles(visit: Visit) -> Any:
    last = f"{_market(visit).last:f}"
    step, times = candle_times(visit, "startTime", "endTime")
    interval = visit.params["interval"]
    return [
        [last, last, last, last, last, "1", "0", "0", 1, visit.now_ms, last, interval, t, t + step - 1] for t in times
    ]
