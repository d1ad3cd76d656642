"""HTX's public contract calls."""

from datetime import UTC, datetime
from typing import Any

from proxy.simulator.htx.spelling import code, size
from proxy.simulator.htx.spot_data import (
    LEVELS,
    LONG_PERIODS,
    PERIODS,
    Params,
    PublicRow,
    book,
    candle,
    channel,
    count_of,
    day,
    trade,
)
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.venue import Floor


def contract(floor: Floor, name: Any) -> Market:
    """Codes may be written in any case. Raises Refusal."""
    found = floor.board.find("htx", name.upper()) if isinstance(name, str) else None
    if found is None or found.kind != "linear":
        raise Refusal(1014, "This contract doesnt exist.")
    return found


def _linear(floor: Floor) -> list[Market]:
    return [m for m in floor.board.contracts if m.kind == "linear"]


def _chosen(floor: Floor, params: Params) -> list[Market]:
    return [contract(floor, params["contract_code"])] if "contract_code" in params else _linear(floor)


def _ok(data: Any, now_ms: int) -> dict[str, Any]:
    return {"status": "ok", "data": data, "ts": now_ms}


def _contracts(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [
        {
            "symbol": m.spec.base,
            "contract_code": code(m),
            "contract_size": float(size(m)),
            "price_tick": float(m.tick),
            "delivery_date": "",
            "delivery_time": "",
            "create_date": "20201021",
            "contract_status": 1,
            "settlement_date": str((now_ms // 28_800_000 + 1) * 28_800_000),
            "support_margin_mode": "all",
            "business_type": "swap",
            "pair": code(m),
            "contract_type": "swap",
            "trade_partition": "USDT",
        }
        for m in _chosen(floor, params)
    ]
    return _ok(rows, now_ms)


def _coin_swaps(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    """Coin-margined contracts are listed, since libraries load them; they cannot be traded here."""
    rows = [
        {
            "symbol": m.spec.base,
            "contract_code": f"{m.spec.base}-USD",
            "contract_size": 100.0,
            "price_tick": float(m.tick),
            "delivery_time": "",
            "create_date": "20200325",
            "contract_status": 1,
            "settlement_date": str((now_ms // 28_800_000 + 1) * 28_800_000),
        }
        for m in floor.board.contracts
        if m.kind == "inverse"
    ]
    return _ok(rows, now_ms)


def _coin_futures(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    ends = (now_ms // 604_800_000 + 2) * 604_800_000
    date = datetime.fromtimestamp(ends / 1000, UTC).strftime("%Y%m%d")
    rows = [
        {
            "symbol": m.spec.base,
            "contract_code": m.spec.base + date[2:],
            "contract_type": "next_week",
            "contract_size": 100.0,
            "price_tick": float(m.tick),
            "delivery_date": date,
            "delivery_time": str(ends),
            "create_date": "20231103",
            "contract_status": 1,
            "settlement_time": str(ends),
        }
        for m in floor.board.contracts
        if m.kind == "inverse"
    ]
    return _ok(rows, now_ms)


def _time(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    return {"status": "ok", "ts": now_ms}


def _heartbeat(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    names = ("", "swap_", "option_", "linear_swap_")
    beats = {f"{name}heartbeat": 1 for name in names}
    return _ok({**beats, **{f"{name}estimated_recovery_time": None for name in names}}, now_ms)


def _tick(m: Market, now_ms: int) -> dict[str, Any]:
    """`vol` and sizes are contracts, `amount` is in the base coin."""
    whole = {name: str(value) for name, value in day(m).items() if name != "count"}
    in_contracts = str(int(100 / size(m)))
    turnover = f"{100 * m.last:f}"
    sides = {"ask": [float(m.ask), 10], "bid": [float(m.bid), 10]}
    return {**whole, **sides, "vol": in_contracts, "trade_turnover": turnover, "count": 2, "id": now_ms, "ts": now_ms}


def _merged(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params.get("contract_code"))
    return channel(f"market.{code(m)}.detail.merged", now_ms, tick=_tick(m, now_ms))


def _all_merged(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [{**_tick(m, now_ms), "contract_code": code(m), "business_type": "swap"} for m in _chosen(floor, params)]
    return {"status": "ok", "ticks": rows, "ts": now_ms}


def _depth(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params.get("contract_code"))
    kind = params.get("type", "")
    if kind not in {f"step{n}" for n in range(20)}:
        raise Refusal(1030, "Parameter error.")
    levels = {side: [[price, 10 + n] for n, (price, _) in enumerate(rows)] for side, rows in book(m, LEVELS).items()}
    tick = {**levels, "ch": f"market.{code(m)}.depth.{kind}", "id": now_ms, "ts": now_ms, "version": now_ms}
    return channel(f"market.{code(m)}.depth.{kind}", now_ms, tick=tick)


def _contract_trade(m: Market, now_ms: int) -> dict[str, Any]:
    found = trade(m, now_ms)
    row = {
        **found["data"][0],
        "amount": 2,
        "quantity": float(2 * size(m)),
        "trade_turnover": float(2 * size(m) * m.last),
    }
    return {**found, "data": [row]}


def _trade(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [{**_contract_trade(m, now_ms)["data"][0], "contract_code": code(m)} for m in _chosen(floor, params)]
    return channel("market.*.trade.detail", now_ms, tick={"id": now_ms, "ts": now_ms, "data": rows})


def _trades(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params.get("contract_code"))
    count_of(params, 1, 2000)
    return channel(f"market.{code(m)}.trade.detail", now_ms, data=[_contract_trade(m, now_ms)])


def _candles(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params.get("contract_code"))
    period = params.get("period", "")
    seconds = {**PERIODS, **LONG_PERIODS}.get(period)
    if seconds is None or not ("size" in params or {"from", "to"} <= set(params)):
        raise Refusal(1030, "Parameter error.")
    return channel(f"market.{code(m)}.kline.{period}", now_ms, data=[candle(m, seconds, now_ms)])


def _price_limit(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    rows = [
        {
            "symbol": m.spec.base,
            "contract_code": code(m),
            "high_limit": float(m.last * 2),
            "low_limit": float(m.last / 2),
            "business_type": "swap",
            "contract_type": "swap",
            "pair": code(m),
        }
        for m in _chosen(floor, params)
    ]
    return _ok(rows, now_ms)


def _funding(floor: Floor, params: Params, now_ms: int) -> dict[str, Any]:
    m = contract(floor, params.get("contract_code"))
    row = {"symbol": m.spec.base, "contract_code": code(m), "fee_asset": "USDT", "funding_rate": "0.0001"}
    return _ok({**row, "funding_time": str((now_ms // 28_800_000 + 1) * 28_800_000), "estimated_rate": None}, now_ms)


_EX = "/linear-swap-ex/market"
_API = "/linear-swap-api/v1"
SWAP_PUBLIC: dict[str, PublicRow] = {
    f"{_API}/swap_contract_info": PublicRow(_contracts, "swap_public"),
    f"{_API}/swap_price_limit": PublicRow(_price_limit, "swap_public"),
    f"{_API}/swap_funding_rate": PublicRow(_funding, "swap_public"),
    "/swap-api/v1/swap_contract_info": PublicRow(_coin_swaps, "swap_public"),
    "/api/v1/contract_contract_info": PublicRow(_coin_futures, "swap_public"),
    "/api/v1/timestamp": PublicRow(_time, "swap_public"),
    "/heartbeat/": PublicRow(_heartbeat, "swap_public"),
    f"{_EX}/detail/merged": PublicRow(_merged, "swap_market"),
    f"{_EX}/detail/batch_merged": PublicRow(_all_merged, "swap_market"),
    f"/v2{_EX}/detail/batch_merged": PublicRow(_all_merged, "swap_market"),
    f"{_EX}/depth": PublicRow(_depth, "swap_market"),
    f"{_EX}/trade": PublicRow(_trade, "swap_market"),
    f"{_EX}/history/trade": PublicRow(_trades, "swap_market"),
    f"{_EX}/history/kline": PublicRow(_candles, "swap_market"),
}
