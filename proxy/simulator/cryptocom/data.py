"""Crypto.com's public methods."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.simulator.cryptocom.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

Params = Mapping[str, str]


def market(floor: Floor, name: object) -> Market:
    found = floor.board.find("cryptocom", name) if isinstance(name, str) else None
    if found is None:
        raise Refusal(400, 209, "INVALID_INSTRUMENT")
    return found


@dataclass(frozen=True, slots=True)
class PublicRow:
    run: Callable[[Floor, Params, int], Any]
    params: frozenset[str] = frozenset()


def _instruments(floor: Floor, params: Params, now_ms: int) -> Any:
    return {
        "data": [
            {
                "symbol": m.cryptocom,
                "inst_type": "CCY_PAIR",
                "display_name": f"{m.spec.base}/{m.spec.quote}",
                "base_ccy": m.spec.base,
                "quote_ccy": m.spec.quote,
                "quote_decimals": m.spec.price_decimals,
                "quantity_decimals": m.spec.quantity_decimals,
                "price_tick_size": f"{m.tick:f}",
                "qty_tick_size": f"{m.step:f}",
                "max_leverage": "50",
                "tradable": True,
                "expiry_timestamp_ms": 0,
                "beta_product": False,
                "margin_buy_enabled": False,
                "margin_sell_enabled": False,
            }
            for m in floor.board.markets
        ]
    }


def _tickers(floor: Floor, params: Params, now_ms: int) -> Any:
    chosen = [market(floor, params["instrument_name"])] if "instrument_name" in params else floor.board.markets
    return {
        "data": [
            {
                "i": m.cryptocom,
                **dict.fromkeys(("h", "l", "a"), f"{m.last:f}"),
                "v": "100.0000",
                "vv": f"{100 * m.last:f}",
                "c": "0.0000",
                "b": f"{m.bid:f}",
                "k": f"{m.ask:f}",
                "t": now_ms,
            }
            for m in chosen
        ]
    }


def _book(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("instrument_name"))
    text = params.get("depth", "50")
    if not text.isdigit() or not 1 <= int(text) <= 150:
        raise Refusal(400, 40004, "MISSING_OR_INVALID_ARGUMENT")
    count = min(int(text), 20)
    sides = {
        name: [[f"{p:f}", f"{q:f}", "1"] for p, q in found.levels(way, count)]
        for name, way in (("bids", "BUY"), ("asks", "SELL"))
    }
    return {"instrument_name": found.cryptocom, "depth": int(text), "data": [{**sides, "t": now_ms}]}


def _trades(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("instrument_name"))
    trade = {
        "s": "BUY",
        "p": f"{found.last:f}",
        "q": f"{found.step:f}",
        "t": now_ms,
        "tn": str(now_ms * 1_000_000),
        "d": "1",
        "i": found.cryptocom,
        "m": "1",
    }
    return {"data": [trade]}


def _candles(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("instrument_name"))
    candle = {**dict.fromkeys(("o", "h", "l", "c"), f"{found.last:f}"), "v": "1", "t": now_ms // 60_000 * 60_000}
    return {"instrument_name": found.cryptocom, "interval": params.get("timeframe", "1m"), "data": [candle]}


def _risk(floor: Floor, params: Params, now_ms: int) -> Any:
    return {"default_max_product_leverage_for_spot": "1", "base_currency_config": [], "update_timestamp_ms": now_ms}


PUBLIC: dict[str, PublicRow] = {
    "public/get-instruments": PublicRow(_instruments),
    "public/get-tickers": PublicRow(_tickers, frozenset({"instrument_name"})),
    "public/get-book": PublicRow(_book, frozenset({"instrument_name", "depth"})),
    "public/get-trades": PublicRow(_trades, frozenset({"instrument_name", "count", "start_ts", "end_ts"})),
    "public/get-candlestick": PublicRow(
        _candles, frozenset({"instrument_name", "timeframe", "count", "start_ts", "end_ts"})
    ),
    "public/get-risk-parameters": PublicRow(_risk),
}
