"""Kraken's public methods."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from proxy.simulator.kraken.wire import Refusal
from proxy.simulator.market import Market, kraken_alt, kraken_coin
from proxy.simulator.venue import Floor

Params = Mapping[str, str]


def market(floor: Floor, name: object) -> Market:
    found = floor.board.find("kraken", name) if isinstance(name, str) else None
    if found is None:
        raise Refusal("EQuery:Unknown asset pair")
    return found


@dataclass(frozen=True, slots=True)
class PublicRow:
    """`per_pair`: its counter is kept per pair."""

    run: Callable[[Floor, Params, int], Any]
    params: frozenset[str]
    per_pair: bool = False

    def read(self, query: str) -> dict[str, str]:
        pairs = parse_qsl(query, keep_blank_values=True)
        found = dict(pairs)
        if len(found) != len(pairs) or not self.params.issuperset(found):
            raise Refusal("EGeneral:Invalid arguments")
        return found

    def subject(self, params: Params) -> str:
        return f"{self.run.__name__} {params.get('pair', '')}" if self.per_pair else ""


def _time(floor: Floor, params: Params, now_ms: int) -> Any:
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return {"unixtime": now_ms // 1000, "rfc1123": at.strftime("%a, %d %b %y %H:%M:%S +0000")}


def _status(floor: Floor, params: Params, now_ms: int) -> Any:
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return {"status": "online", "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _assets(floor: Floor, params: Params, now_ms: int) -> Any:
    wanted = [name for name in params.get("asset", "").split(",") if name]
    rows = {
        kraken_coin(coin): {
            "aclass": "currency",
            "altname": kraken_alt(coin),
            "decimals": 10 if coin in ("BTC", "ETH") else 8 if coin == "USDT" else 4,
            "display_decimals": 5,
            "status": "enabled",
        }
        for coin in floor.board.coins
    }
    chosen = {n: r for n, r in rows.items() if not wanted or n in wanted or r["altname"] in wanted}
    if wanted and not chosen:
        raise Refusal("EQuery:Unknown asset")
    return chosen


def _chosen(floor: Floor, params: Params) -> list[Market]:
    names = [name for name in params.get("pair", "").split(",") if name]
    return [market(floor, name) for name in names] if names else floor.board.markets


def _pairs(floor: Floor, params: Params, now_ms: int) -> Any:
    return {
        m.kraken: {
            "altname": m.kraken_alt,
            "wsname": m.kraken_ws,
            "aclass_base": "currency",
            "base": kraken_coin(m.spec.base),
            "aclass_quote": "currency",
            "quote": kraken_coin(m.spec.quote),
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": m.spec.price_decimals,
            "lot_decimals": m.spec.quantity_decimals,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, 0.0]],
            "fees_maker": [[0, 0.0]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": m.spec.min_quantity,
            "costmin": m.spec.min_notional,
            "tick_size": f"{m.tick:f}",
            "status": "online",
        }
        for m in _chosen(floor, params)
    }


def _ticker(floor: Floor, params: Params, now_ms: int) -> Any:
    return {m.kraken: _day(m) for m in _chosen(floor, params)}


def _day(m: Market) -> dict[str, Any]:
    last = f"{m.last:.5f}"
    return {
        "a": [f"{m.ask:.5f}", "1", "1.000"],
        "b": [f"{m.bid:.5f}", "1", "1.000"],
        "c": [last, "0.10000000"],
        "v": ["100.00000000", "100.00000000"],
        "p": [last, last],
        "t": [2, 2],
        "l": [last, last],
        "h": [last, last],
        "o": last,
    }


def _depth(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("pair", ""))
    text = params.get("count", "100")
    if not text.isdigit() or not 1 <= int(text) <= 500:
        raise Refusal("EGeneral:Invalid arguments:count")
    count = min(int(text), 20)
    return {
        found.kraken: {
            side: [[f"{p:.5f}", f"{q:.3f}", now_ms // 1000] for p, q in found.levels(way, count)]
            for side, way in (("asks", "SELL"), ("bids", "BUY"))
        }
    }


def _trades(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("pair", ""))
    row = [f"{found.last:.5f}", "0.10000000", now_ms / 1000, "b", "l", "", 1]
    return {found.kraken: [row], "last": str(now_ms * 1_000_000)}


def _candles(floor: Floor, params: Params, now_ms: int) -> Any:
    found = market(floor, params.get("pair", ""))
    price, start = f"{found.last:.5f}", now_ms // 60_000 * 60
    return {found.kraken: [[start, price, price, price, price, price, "1.0", 1]], "last": start}


PUBLIC: dict[str, PublicRow] = {
    "Time": PublicRow(_time, frozenset()),
    "SystemStatus": PublicRow(_status, frozenset()),
    "Assets": PublicRow(_assets, frozenset({"asset", "aclass"})),
    "AssetPairs": PublicRow(_pairs, frozenset({"pair", "info", "country_code", "aclass_base"})),
    "Ticker": PublicRow(_ticker, frozenset({"pair", "asset_class"})),
    "Depth": PublicRow(_depth, frozenset({"pair", "count", "asset_class"})),
    "Trades": PublicRow(_trades, frozenset({"pair", "since", "count", "asset_class"}), per_pair=True),
    "OHLC": PublicRow(_candles, frozenset({"pair", "interval", "since", "asset_class"}), per_pair=True),
}
