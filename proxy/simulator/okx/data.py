"""OKX's public calls."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.okx.instruments import (
    SPOT,
    contract,
    inst_id,
    inst_type,
    known,
    known_type,
    listed,
    of_type,
    plain,
)
from proxy.simulator.okx.wire import Refusal, bad
from proxy.simulator.venue import Floor

Params = Mapping[str, str]
_BAR = re.compile(r"([1-9][0-9]*)(s|m|H|D|W|M)(utc)?")
_SECONDS = {"s": 1, "m": 60, "H": 3600, "D": 86_400, "W": 604_800, "M": 2_592_000}
_BARS = frozenset(
    ["1s", "1m", "3m", "5m", "15m", "30m", "1H", "2H", "4H", "6H", "12H", "1D", "2D", "3D", "1W", "1M", "3M"]
)


@dataclass(frozen=True, slots=True)
class PublicRow:
    """`limit`: its name in OkxLimits. `per_type`: counted by instType too."""

    run: Callable[[Floor, Params, int], list[Any]]
    limit: str
    window_s: float = 2.0
    per_type: bool = False


def number(params: Params, name: str, usual: int, most: int) -> int:
    text = params.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise bad(name)
    return int(text)


def _time(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return [{"ts": str(now_ms)}]


def _status(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return []


def instruments(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    kind = known_type(params.get("instType", ""))
    if kind == "OPTION" and not ("uly" in params or "instFamily" in params):
        raise Refusal(400, "50015", "Either parameter uly or instFamily is required")
    if "instId" in params:
        found = known(floor.board, params["instId"])
        if inst_type(found) != kind:
            raise Refusal(200, "51015", "Instrument ID doesn't match instrument type.")
        return [listed(found)]
    return [listed(m) for m in of_type(floor.board, kind)]


def _day(market: Market, now_ms: int) -> dict[str, Any]:
    last = plain(market.last)
    return {
        "instType": inst_type(market),
        "instId": inst_id(market),
        "last": last,
        "lastSz": "1",
        "askPx": plain(market.ask),
        "askSz": "1",
        "bidPx": plain(market.bid),
        "bidSz": "1",
        **dict.fromkeys(("open24h", "high24h", "low24h", "sodUtc0", "sodUtc8"), last),
        "volCcy24h": plain(100 * market.last if market.kind == "spot" else 100 * contract(market)),
        "vol24h": "100",
        "ts": str(now_ms),
    }


def _ticker(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return [_day(known(floor.board, params.get("instId")), now_ms)]


def _tickers(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return [_day(m, now_ms) for m in of_type(floor.board, params.get("instType", ""))]


def _book(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return _levels(known(floor.board, params.get("instId")), number(params, "sz", 1, 400), now_ms)


def _full_book(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    return _levels(known(floor.board, params.get("instId")), number(params, "sz", 1, 5000), now_ms)


def _levels(market: Market, count: int, now_ms: int) -> list[Any]:
    sides = {
        name: [[plain(p), plain(q), "0", "1"] for p, q in market.levels(way, min(count, 20))]
        for name, way in (("asks", "SELL"), ("bids", "BUY"))
    }
    return [{**sides, "ts": str(now_ms)}]


def _trades(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    market = known(floor.board, params.get("instId"))
    number(params, "limit", 100, 500)
    trade = {"side": "buy", "px": plain(market.last), "sz": "1", "tradeId": "1", "source": "0"}
    return [{"instId": inst_id(market), **trade, "ts": str(now_ms)}]


def _candles(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    """Newest first; the price has never been another."""
    market = known(floor.board, params.get("instId"))
    bar = params.get("bar", "1m")
    parts = _BAR.fullmatch(bar)
    if parts is None or bar.removesuffix("utc") not in _BARS:
        raise bad("bar")
    length = int(parts[1]) * _SECONDS[parts[2]] * 1000
    count = number(params, "limit", 100, 300)
    after = number(params, "after", now_ms + 1, 1 << 53)
    before = number(params, "before", 1, 1 << 53)
    price = plain(market.last)
    first = min(now_ms, after - 1) // length * length
    starts = [ts for i in range(count) if (ts := first - i * length) > before]
    volumes = ["1", "1", price] if market.kind == "spot" else ["1", plain(contract(market)), price]
    return [[str(ts), *[price] * 4, *volumes, "1" if ts + length <= now_ms else "0"] for ts in starts]


def _mark(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    kind = known_type(params.get("instType", ""))
    chosen = [known(floor.board, params["instId"])] if "instId" in params else of_type(floor.board, kind)
    names = ((m, {"instId": inst_id(m), "instType": kind}) for m in chosen)
    return [{**named, "markPx": plain(m.last), "ts": str(now_ms)} for m, named in names]


def _funding(floor: Floor, params: Params, now_ms: int) -> list[Any]:
    market = known(floor.board, params.get("instId"))
    if inst_type(market) == SPOT:
        raise Refusal(200, "51015", "Instrument ID doesn't match instrument type.")
    hours = 8 * 3_600_000
    due = (now_ms // hours + 1) * hours
    return [
        {
            "fundingRate": "0.0001",
            "fundingTime": str(due),
            "instId": inst_id(market),
            "instType": inst_type(market),
            "method": "current_period",
            "maxFundingRate": "0.00375",
            "minFundingRate": "-0.00375",
            "nextFundingRate": "",
            "nextFundingTime": str(due + hours),
            "settFundingRate": "0",
            "settState": "settled",
            "ts": str(now_ms),
        }
    ]


PUBLIC: dict[str, PublicRow] = {
    "public/time": PublicRow(_time, "time"),
    "public/instruments": PublicRow(instruments, "instruments", per_type=True),
    "public/mark-price": PublicRow(_mark, "time"),
    "public/funding-rate": PublicRow(_funding, "time"),
    "market/ticker": PublicRow(_ticker, "ticker"),
    "market/tickers": PublicRow(_tickers, "tickers"),
    "market/books": PublicRow(_book, "books"),
    "market/books-full": PublicRow(_full_book, "books_full"),
    "market/candles": PublicRow(_candles, "candles"),
    "market/history-candles": PublicRow(_candles, "history_candles"),
    "market/trades": PublicRow(_trades, "trades"),
    "market/history-trades": PublicRow(_trades, "history_candles"),
    "system/status": PublicRow(_status, "status_5s", 5.0),
}
