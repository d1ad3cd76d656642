"""Poloniex's futures orders, fills, positions and balances (v3) as they are told."""

from decimal import Decimal
from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.orders import Order, margin
from proxy.simulator.poloniex.futures_trade import KIND, UNKNOWN_SYMBOL, contracts, names_of, position
from proxy.simulator.poloniex.names import lot, perpetuals, symbol
from proxy.simulator.poloniex.seat import Seat
from proxy.simulator.poloniex.spot_read import STATES

_UNFILLED_KEPT_MS = 4 * 3600 * 1000  # how long a canceled order without fills stays in the history, as ccxt has it


def shown(order: Order) -> dict[str, Any]:
    market, tags = order.market, order.tags
    prices = ("tpTrgPx", "tpPx", "tpTrgPxType", "slTrgPx", "slPx", "slTrgPxType", "feeCcy", "cancelReason")
    return {
        "symbol": symbol(market),
        "side": order.side,
        "type": tags["type"],
        **names_of(order),
        "mgnMode": tags["mode"],
        "px": f"{order.price or Decimal(0):f}",
        "reduceOnly": bool(tags["reduce_only"]),
        "lever": "10",
        "state": STATES[order.status],
        "source": "API",
        "timeInForce": order.time_in_force,
        **dict.fromkeys(prices, ""),
        "avgPx": f"{order.average:f}",
        "execQty": str(contracts(market, order.filled)),
        "execAmt": f"{order.filled_value:f}",
        "feeAmt": "0",
        "deductCcy": "0",
        "deductAmt": "0",
        "stpMode": "NONE",
        "cTime": str(order.created_ms),
        "uTime": str(order.updated_ms),
        "sz": str(contracts(market, order.quantity)),
        "posSide": "BOTH",
        "qCcy": market.spec.quote,
    }


def _fill(order: Order) -> dict[str, Any]:
    return {
        "symbol": symbol(order.market),
        "trdId": str(order.number),
        "side": order.side,
        "type": "TRADE",
        "mgnMode": order.tags["mode"],
        "ordType": order.tags["type"],
        **names_of(order),
        "role": "TAKER",
        "px": f"{order.average:f}",
        "qty": str(contracts(order.market, order.filled)),
        "cTime": str(order.updated_ms),
        "uTime": str(order.updated_ms),
        "feeCcy": order.market.spec.quote,
        "feeAmt": "0",
        "deductCcy": "",
        "deductAmt": "0",
        "feeRate": "0",
        "id": str(order.number),
        "posSide": "BOTH",
        "qCcy": order.market.spec.quote,
        "value": f"{order.filled_value:f}",
        "actType": "TRADING",
    }


def _chosen(seat: Seat, orders: list[Order]) -> list[Order]:
    """By the query's names, newest first."""
    params = seat.params
    wanted = {name: params[name] for name in ("ordId", "clOrdId") if params.get(name)}
    found = [
        o
        for o in orders[::-1]
        if params.get("side") in (None, "", o.side) and all(names_of(o)[n] == v for n, v in wanted.items())
    ]
    return found[: seat.whole("limit", 100, 100)]


def _market(seat: Seat) -> Market | None:
    return seat.market(seat.params["symbol"], KIND, UNKNOWN_SYMBOL) if seat.params.get("symbol") else None


def opened(seat: Seat) -> Any:
    return [shown(o) for o in _chosen(seat, seat.opened(KIND, _market(seat)))]


def history(seat: Seat) -> Any:
    first, last = seat.span("sTime", "eTime", None)
    since = seat.now_ms - _UNFILLED_KEPT_MS
    found = [o for o in seat.done(KIND, _market(seat)) if first <= o.created_ms <= last]
    return [shown(o) for o in _chosen(seat, [o for o in found if o.filled or o.updated_ms >= since])]


def fills(seat: Seat) -> Any:
    first, last = seat.span("sTime", "eTime", None)
    found = [o for o in seat.done(KIND, _market(seat)) if o.filled and first <= o.updated_ms <= last]
    return [_fill(o) for o in _chosen(seat, found)]


def positions(seat: Seat) -> Any:
    """Entered at the present price: the desk does not keep what was paid."""
    wanted = _market(seat)
    rows = []
    for market in perpetuals(seat.floor.board):
        held = position(seat, market)
        if not held or wanted not in (None, market):
            continue
        init = margin(market, abs(held) * lot(market), market.last)[1]
        rows.append(
            {
                "symbol": symbol(market),
                "posSide": "LONG" if held > 0 else "SHORT",
                "side": "BUY" if held > 0 else "SELL",
                "mgnMode": "CROSS",
                "openAvgPx": f"{market.last:f}",
                "qty": str(abs(held)),
                "availQty": str(abs(held)),
                "lever": "10",
                "adl": "0",
                "liqPx": "0",
                "im": f"{init:f}",
                "mm": f"{init / 20:f}",
                **dict.fromkeys(("upl", "uplRatio", "pnl", "mgnRatio", "maxWAmt"), "0"),
                "markPx": f"{market.last:f}",
                "state": "NORMAL",
                "cTime": str(seat.now_ms),
                "uTime": str(seat.now_ms),
                "mgn": f"{init:f}",
                "actType": "TRADING",
                "tpTrgPx": "",
                "slTrgPx": "",
            }
        )
    return rows


def balance(seat: Seat) -> Any:
    desk, now = seat.key.account.desk, str(seat.now_ms)
    zeros = dict.fromkeys(("isoEq", "upl", "isoAvail", "isoHold", "isoUpl", "mm", "mmr", "imr"), "0")
    held = {coin: f"{desk.held.get(coin, Decimal(0)):f}" for coin in desk.total}
    details = [
        {
            "ccy": coin,
            "eq": f"{total:f}",
            "avail": f"{desk.free(coin):f}",
            "trdHold": held[coin],
            "im": held[coin],
            **zeros,
            "cTime": now,
            "uTime": now,
        }
        for coin, total in desk.total.items()
    ]
    usdt = desk.total.get("USDT", Decimal(0))
    whole = {"eq": f"{usdt:f}", "im": held.get("USDT", "0"), "availMgn": f"{desk.free('USDT'):f}"}
    return {
        "state": "NORMAL",
        **whole,
        "isoEq": "0",
        "mm": "0",
        "mmr": "0",
        "upl": "0",
        "uTime": now,
        "details": details,
    }


def leverages(seat: Seat) -> Any:
    market = seat.market(seat.params.get("symbol"), KIND, UNKNOWN_SYMBOL)
    return [
        {"symbol": symbol(market), "lever": "10", "mgnMode": mode, "posSide": "BOTH"} for mode in ("CROSS", "ISOLATED")
    ]


def mode(seat: Seat) -> Any:
    return {"posMode": "ONE_WAY"}
