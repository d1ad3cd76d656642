"""Gate's public endpoints of perpetuals, and the table of everything public."""

from collections.abc import Callable
from typing import Any

from proxy.simulator.gate.data import SIDES, SPOT, Query, starts, ticker
from proxy.simulator.gate.seat import multiplier, name, whole
from proxy.simulator.gate.wire import Refusal, invalid
from proxy.simulator.market import Market


def _contract_row(market: Market, now_ms: int) -> dict[str, Any]:
    last = f"{market.last:f}"
    return {
        "name": name(market),
        "type": "direct",
        "quanto_multiplier": f"{multiplier(market):f}",
        "leverage_min": "1",
        "leverage_max": "100",
        "maintenance_rate": "0.005",
        "mark_type": "index",
        **dict.fromkeys(("mark_price", "index_price", "last_price"), last),
        "maker_fee_rate": "0",
        "taker_fee_rate": "0",
        "order_price_round": f"{market.tick:f}",
        "mark_price_round": f"{market.tick:f}",
        "funding_rate": "0.0001",
        "funding_interval": 28_800,
        "funding_next_apply": (now_ms // 28_800_000 + 1) * 28_800,
        "order_size_min": 1,
        "order_size_max": 1_000_000,
        "enable_decimal": False,
        "order_price_deviate": "0.5",
        "orders_limit": 100,
        "in_delisting": False,
        "status": "trading",
        "create_time": 1_609_800_048,
    }


def _linear(query: Query) -> list[Market]:
    """There are no contracts that are paid in BTC."""
    settle = query.names["settle"]
    if settle not in ("usdt", "btc"):
        raise invalid("invalid argument: settle")
    return [m for m in query.floor.board.contracts if m.kind == "linear" and settle == "usdt"]


def _contracts(query: Query) -> Any:
    return [_contract_row(m, query.now_ms) for m in _linear(query)]


def _contract(query: Query) -> Any:
    return _contract_row(_one(query), query.now_ms)


def _one(query: Query) -> Market:
    if query.contract not in _linear(query):
        raise Refusal(400, "CONTRACT_NOT_FOUND", "contract not found")
    return query.contract


def _tickers(query: Query) -> Any:
    found = [_one(query)] if query.params.get("contract") else _linear(query)
    volumes = ("volume_24h", "volume_24h_base", "volume_24h_quote", "volume_24h_settle", "total_size")
    more = {**dict.fromkeys(volumes, "100"), "funding_rate": "0.0001", "funding_rate_indicative": "0.0001"}
    return [
        {"contract": name(m), **ticker(m), "mark_price": f"{m.last:f}", "index_price": f"{m.last:f}", **more}
        for m in found
    ]


def _book(query: Query) -> Any:
    market, now = _one(query), query.now_ms / 1000
    count = min(whole(query.params, "limit", 10, 1, 300), 20)
    sides = {
        side: [{"p": f"{p:f}", "s": int(q / multiplier(market)) or 1} for p, q in market.levels(way, count)]
        for side, way in SIDES
    }
    return {**({"id": 1} if query.params.get("with_id") == "true" else {}), "current": now, "update": now, **sides}


def _trades(query: Query) -> Any:
    market = _one(query)
    whole(query.params, "limit", 100, 1, 1000)
    at = query.now_ms / 1000
    row = {"id": 1, "create_time": at, "create_time_ms": at, "contract": name(market), "size": 1}
    return [{**row, "price": f"{market.last:f}"}]


def _candles(query: Query) -> Any:
    last = f"{_one(query).last:f}"
    return [{"t": t, "v": 1, **dict.fromkeys(("c", "h", "l", "o"), last), "sum": last} for t in starts(query)]


PUBLIC: dict[str, Callable[[Query], Any]] = {
    **SPOT,
    "/futures/{settle}/contracts": _contracts,
    "/futures/{settle}/contracts/{contract}": _contract,
    "/futures/{settle}/tickers": _tickers,
    "/futures/{settle}/order_book": _book,
    "/futures/{settle}/trades": _trades,
    "/futures/{settle}/candlesticks": _candles,
}
