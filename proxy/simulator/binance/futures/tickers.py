"""The futures' tickers. USD-M answers for one symbol with an object, COIN-M with a list of one."""

from collections.abc import Mapping
from typing import Any

from proxy.simulator.binance.futures.contracts import Contract, every, find
from proxy.simulator.venue import Floor

Params = Mapping[str, str]


def chosen(floor: Floor, product: str, params: Params) -> list[Contract]:
    if "symbol" in params:
        return [find(floor, product, params["symbol"])]
    return [one for one in every(floor, product) if params.get("pair", one.pair) == one.pair]


def told_one(product: str, params: Params, rows: list[dict[str, Any]]) -> Any:
    return rows[0] if product == "usdm" and "symbol" in params else rows


def _named(one: Contract) -> dict[str, Any]:
    return {"symbol": one.symbol} if one.product == "usdm" else {"symbol": one.symbol, "pair": one.pair}


def ticker_24h(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    rows = []
    for one in chosen(floor, product, params):
        prices = ("weightedAvgPrice", "lastPrice", "openPrice", "highPrice", "lowPrice")
        rows.append(
            {
                **_named(one),
                "priceChange": "0.00",
                "priceChangePercent": "0.000",
                **dict.fromkeys(prices, f"{one.market.last:f}"),
                "lastQty": f"{one.step:f}",
                "volume": "100",
                "quoteVolume" if product == "usdm" else "baseVolume": "100",
                "openTime": now_ms - 86_400_000,
                "closeTime": now_ms,
                "firstId": 0,
                "lastId": 1,
                "count": 2,
            }
        )
    return told_one(product, params, rows)


def ticker_price(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    listed = chosen(floor, product, params)
    rows = [{**_named(one), "price": f"{one.market.last:f}", "time": now_ms} for one in listed]
    return told_one(product, params, rows)


def ticker_book(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    rows = []
    for one in chosen(floor, product, params):
        bid, ask = one.market.bid, one.market.ask
        rows.append(
            {
                **_named(one),
                "bidPrice": f"{bid:f}",
                "bidQty": "10",
                "askPrice": f"{ask:f}",
                "askQty": "10",
                "time": now_ms,
            }
        )
    return told_one(product, params, rows)


def open_interest(floor: Floor, product: str, params: Params, now_ms: int) -> Any:
    one = find(floor, product, params["symbol"])
    return {**_named(one), "openInterest": "1000", "time": now_ms}
