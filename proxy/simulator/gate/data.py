"""Gate's public endpoints of spot, and the empty ones of what is not traded here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.simulator.gate.seat import contract, name, pair, whole
from proxy.simulator.gate.wire import invalid
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor

_INTERVALS = {
    "10s": 10,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14_400,
    "8h": 28_800,
    "1d": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
}


SIDES = (("asks", "SELL"), ("bids", "BUY"))


@dataclass(frozen=True, slots=True)
class Query:
    """`names`: what the path holds."""

    floor: Floor
    names: Mapping[str, str]
    params: Mapping[str, str]
    now_ms: int

    @property
    def pair(self) -> Market:
        return pair(self.floor.board, self.names.get("currency_pair") or self.params.get("currency_pair"))

    @property
    def contract(self) -> Market:
        return contract(self.floor.board, self.names.get("contract") or self.params.get("contract"))


def _time(query: Query) -> Any:
    return {"server_time": query.now_ms}


def _currencies(query: Query) -> Any:
    off = dict.fromkeys(
        ("delisted", "withdraw_disabled", "withdraw_delayed", "deposit_disabled", "trade_disabled"), False
    )
    chain = {
        "name": "SIM",
        "addr": "",
        "withdraw_disabled": False,
        "withdraw_delayed": False,
        "deposit_disabled": False,
    }
    coins = query.floor.board.coins
    return [{"currency": c, "name": c, **off, "fixed_rate": "", "chain": "SIM", "chains": [chain]} for c in coins]


def _pair_row(market: Market) -> dict[str, Any]:
    spec = market.spec
    return {
        "id": name(market),
        "base": spec.base,
        "base_name": spec.base,
        "quote": spec.quote,
        "quote_name": spec.quote,
        "fee": "0",
        "min_base_amount": spec.min_quantity,
        "min_quote_amount": spec.min_notional,
        "max_quote_amount": "10000000000",
        "amount_precision": spec.quantity_decimals,
        "precision": spec.price_decimals,
        "trade_status": "tradable",
        "sell_start": 0,
        "buy_start": 0,
        "type": "normal",
    }


def _pairs(query: Query) -> Any:
    return [_pair_row(m) for m in query.floor.board.markets]


def _pair(query: Query) -> Any:
    return _pair_row(query.pair)


def ticker(market: Market) -> dict[str, Any]:
    return {
        "last": f"{market.last:f}",
        "lowest_ask": f"{market.ask:f}",
        "highest_bid": f"{market.bid:f}",
        "change_percentage": "0",
        "high_24h": f"{market.last:f}",
        "low_24h": f"{market.last:f}",
    }


def _tickers(query: Query) -> Any:
    found = [query.pair] if query.params.get("currency_pair") else query.floor.board.markets
    return [
        {
            "currency_pair": name(m),
            **ticker(m),
            "base_volume": "100",
            "quote_volume": f"{100 * m.last:f}",
        }
        for m in found
    ]


def _book(query: Query) -> Any:
    market, now = query.pair, query.now_ms
    count = min(whole(query.params, "limit", 10, 1, 1000), 20)
    sides = {side: [[f"{p:f}", f"{q:f}"] for p, q in market.levels(way, count)] for side, way in SIDES}
    return {**({"id": 1} if query.params.get("with_id") == "true" else {}), "current": now, "update": now, **sides}


def _trades(query: Query) -> Any:
    market = query.pair
    whole(query.params, "limit", 100, 1, 1000)
    at = {"create_time": str(query.now_ms // 1000), "create_time_ms": f"{query.now_ms}.000000"}
    named = {"id": "1", **at, "currency_pair": name(market), "side": "buy"}
    return [{**named, "amount": f"{market.step:f}", "price": f"{market.last:f}", "sequence_id": "1"}]


def starts(query: Query) -> list[int]:
    """When the newest candles begin, in seconds, oldest first."""
    interval = query.params.get("interval", "30m" if "currency_pair" in query.params else "5m")
    if interval not in _INTERVALS:
        raise invalid("invalid argument: interval")
    count = min(whole(query.params, "limit", 100, 1, 2000), 10)
    step = _INTERVALS[interval]
    newest = query.now_ms // 1000 // step * step
    return [newest - step * i for i in reversed(range(count))]


def _candles(query: Query) -> Any:
    last = f"{query.pair.last:f}"
    return [[str(start), last, last, last, last, last, "1", "true"] for start in starts(query)]


def _none(query: Query) -> Any:
    """A product that is not traded here."""
    return []


SPOT: dict[str, Callable[[Query], Any]] = {
    "/spot/time": _time,
    "/spot/currencies": _currencies,
    "/spot/currency_pairs": _pairs,
    "/spot/currency_pairs/{currency_pair}": _pair,
    "/spot/tickers": _tickers,
    "/spot/order_book": _book,
    "/spot/trades": _trades,
    "/spot/candlesticks": _candles,
    "/margin/currency_pairs": _none,
    "/options/underlyings": _none,
    "/delivery/{settle}/contracts": _none,
}
