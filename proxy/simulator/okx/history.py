"""How OKX shows orders and fills, and the calls that look for them (v5 trade)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from proxy.simulator.okx.data import number
from proxy.simulator.okx.instruments import inst_id, inst_type, known, known_type, plain, settle, size
from proxy.simulator.okx.ticket import Seat, find, order_id
from proxy.simulator.okx.wire import Refusal, missing, text_of
from proxy.simulator.orders import Order

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_STATE = {"OPEN": "live", "FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "canceled"}
_EMPTY = [
    "algoClOrdId",
    "algoId",
    "attachAlgoClOrdId",
    "cancelSourceReason",
    "ccy",
    "pxType",
    "pxUsd",
    "pxVol",
    "quickMgnType",
    "slOrdPx",
    "slTriggerPx",
    "slTriggerPxType",
    "source",
    "stpId",
    "tpOrdPx",
    "tpTriggerPx",
    "tpTriggerPxType",
]


def shown(order: Order) -> dict[str, Any]:
    market, spec, tags = order.market, order.market.spec, order.tags
    spot, filled = market.kind == "spot", bool(order.filled)
    done = str(order.updated_ms) if filled else ""
    fee_coin = settle(market) if not spot else spec.base if order.side == "BUY" else spec.quote
    return {
        **dict.fromkeys(_EMPTY, ""),
        "accFillSz": size(market, order.filled),
        "attachAlgoOrds": [],
        "avgPx": plain(order.average) if filled else "",
        "cTime": str(order.created_ms),
        "cancelSource": tags.get("cancelSource", ""),
        "category": "normal",
        "clOrdId": order.client_id,
        "fee": "0",
        "feeCcy": fee_coin,
        "fillPx": plain(order.average) if filled else "",
        "fillSz": size(market, order.filled),
        "fillTime": done,
        "instId": inst_id(market),
        "instType": inst_type(market),
        "isTpLimit": "false",
        "lever": "" if spot else "10",
        "linkedAlgoOrd": {"algoId": ""},
        "ordId": order_id(order),
        "ordType": tags["ordType"],
        "pnl": "0",
        "posSide": "" if spot else "net",
        "px": "" if order.kind == "MARKET" else plain(order.price or Decimal(0)),
        "rebate": "0",
        "rebateCcy": spec.quote,
        "reduceOnly": tags.get("reduceOnly", "false"),
        "side": order.side.lower(),
        "state": _STATE[order.status],
        "stpMode": "cancel_maker",
        "sz": tags["sz"],
        "tag": tags["tag"],
        "tdMode": tags["tdMode"],
        "tgtCcy": tags["tgtCcy"],
        "tradeId": str(order.number) if filled else "",
        "tradeQuoteCcy": spec.quote if spot else "",
        "uTime": str(order.updated_ms),
    }


def _forgotten(order: Order, now_ms: int) -> bool:
    """Canceled orders without a fill are kept for two hours only."""
    return not order.open and not order.filled and now_ms - order.updated_ms > 2 * _HOUR_MS


def one(seat: Seat) -> list[Any]:
    found = find(seat, seat.params)
    seat.client_id = found.client_id if found else text_of(seat.params, "clOrdId")
    if found is None or _forgotten(found, seat.now_ms):
        raise Refusal(200, "51603", "Order does not exist.")
    return [shown(found)]


def _wanted(seat: Seat, orders: list[Order]) -> list[Order]:
    """By instType, instId, ordType, state; newest first."""
    params = seat.params
    kind = params.get("instType", "")
    if kind:
        known_type(kind)
    market = known(seat.floor.board, params["instId"]) if "instId" in params else None
    kinds, state = [name for name in params.get("ordType", "").split(",") if name], params.get("state", "")
    return [
        o
        for o in reversed(orders)
        if (not kind or inst_type(o.market) == kind)
        and (market is None or o.market is market)
        and (not kinds or o.tags["ordType"] in kinds)
        and (not state or _STATE[o.status] == state)
    ]


def _page(seat: Seat, orders: list[Order], name: Callable[[Order], str], at_ms: Callable[[Order], int]) -> list[Order]:
    """One page: `after` and `before` by that name, `begin` and `end` by that time."""
    params = seat.params
    limit = number(params, "limit", 100, 100)
    bounds = {n: number(params, n, 0, 1 << 63) for n in ("after", "before", "begin", "end") if n in params}
    kept = [
        o
        for o in orders
        if int(name(o)) < bounds.get("after", 1 << 63)
        and int(name(o)) > bounds.get("before", 0)
        and bounds.get("begin", 0) <= at_ms(o) <= bounds.get("end", 1 << 63)
    ]
    return kept[:limit]


def pending(seat: Seat) -> list[Any]:
    orders = sorted(seat.desk.open_orders(), key=lambda o: o.number)
    return [shown(o) for o in _page(seat, _wanted(seat, orders), order_id, lambda o: o.created_ms)]


def _done(seat: Seat, days: int, unfilled: bool) -> list[Any]:
    if "instType" not in seat.params:
        raise missing("instType")
    oldest = seat.now_ms - days * _DAY_MS
    orders = [
        o
        for o in _wanted(seat, seat.desk.all_orders())
        if not o.open and o.updated_ms >= oldest and (o.filled or (unfilled and not _forgotten(o, seat.now_ms)))
    ]
    return [shown(o) for o in _page(seat, orders, order_id, lambda o: o.created_ms)]


def history(seat: Seat) -> list[Any]:
    return _done(seat, 7, unfilled=True)


def archive(seat: Seat) -> list[Any]:
    """Three months; never what was canceled without a fill."""
    return _done(seat, 90, unfilled=False)


def _bill(order: Order) -> str:
    return str(int(order_id(order)) + 1)


def _fills(seat: Seat, days: int) -> list[Any]:
    oldest = seat.now_ms - days * _DAY_MS
    chosen = [o for o in _wanted(seat, seat.desk.all_orders()) if o.filled and o.updated_ms >= oldest]
    if "ordId" in seat.params:
        chosen = [o for o in chosen if order_id(o) == seat.params["ordId"]]
    copied = ("side", "fillSz", "fillPx", "fee", "ordId", "instType", "instId", "clOrdId", "tag", "tradeId", "feeCcy")
    rows = []
    for found in _page(seat, chosen, _bill, lambda o: o.updated_ms):
        view = shown(found)
        taken = found.updated_ms == found.created_ms
        rows.append(
            {
                **{name: view[name] for name in copied},
                "billId": _bill(found),
                "posSide": "net",
                "execType": "T" if taken else "M",
                "subType": "1" if found.side == "BUY" else "2",
                "fillTime": view["fillTime"],
                "ts": view["fillTime"],
            }
        )
    return rows


def fills(seat: Seat) -> list[Any]:
    return _fills(seat, 3)


def fills_history(seat: Seat) -> list[Any]:
    if "instType" not in seat.params:
        raise missing("instType")
    return _fills(seat, 90)
