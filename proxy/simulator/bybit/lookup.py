"""Finding orders, fills and positions at Bybit. No such order is an empty list, not an error."""

from collections.abc import Callable
from typing import Any

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.rows import fill_row, order_row, position_row
from proxy.simulator.bybit.seat import Seat, category, named, page, whole
from proxy.simulator.bybit.trade import chosen
from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.orders import Order

DAY_MS = 86_400_000
RECENT = 500  # closed orders that `realtime` still knows


def _listed(seat: Seat, rows: list[Order], shown: Callable[[Order], dict[str, Any]]) -> Any:
    part, cursor = page(seat, rows)
    return {"list": [shown(o) for o in part], "nextPageCursor": cursor, "category": category(seat.params)}


def _newest(seat: Seat, kind: str) -> list[Order]:
    return [o for o in reversed(seat.desk.all_orders()) if o.market.kind == kind]


def _closed(seat: Seat, kind: str) -> list[Order]:
    return [o for o in _newest(seat, kind) if not o.open][:RECENT]


def _by_name(seat: Seat) -> bool:
    return bool(seat.params.get("orderId") or seat.params.get("orderLinkId"))


def realtime(seat: Seat) -> Any:
    """Open orders; closed ones with `openOnly` or when asked by name (open-order). Linear needs a symbol or a coin."""
    kind, params = category(seat.params), seat.params
    if kind == "linear" and not any(params.get(n) for n in ("symbol", "baseCoin", "settleCoin")):
        raise Refusal(10001, "params error: Missing some parameters that must be filled in, symbol or settleCoin")
    if kind == "spot" and params.get("settleCoin"):
        raise Refusal(10001, "params error: settleCoin is not supported")
    if _by_name(seat):
        order = named(seat, kind, params)
        known = order is not None and (order.open or any(o is order for o in _closed(seat, kind)))
        return _listed(seat, [order] if order is not None and known else [], order_row)
    closed = whole(params, "openOnly", 0, 0, 2) > 0
    rows = _closed(seat, kind) if closed else [o for o in _newest(seat, kind) if o.open]
    return _listed(seat, [o for o in rows if chosen(seat, kind, o)], order_row)


def _span(seat: Seat) -> tuple[int, int]:
    """`startTime` to `endTime`, at most seven days; one alone stands for seven days from or to it."""
    week, last = 7 * DAY_MS, 10**15
    given = {name: whole(seat.params, name, 0, 0, last) for name in ("startTime", "endTime") if seat.params.get(name)}
    if len(given) == 2:
        start, end = given["startTime"], given["endTime"]
        if not 0 <= end - start <= week:
            raise Refusal(10001, "The time range between startTime and endTime cannot exceed 7 days")
        return start, end
    if "startTime" in given:
        return given["startTime"], given["startTime"] + week
    end = given.get("endTime", last if not given else 0)
    return (end - week if given else seat.now_ms - week), end


def history(seat: Seat) -> Any:
    """Closed orders: cancelled ones for a day, filled ones for good (order-list)."""
    kind = category(seat.params)
    start, end = _span(seat)
    if _by_name(seat):
        order = named(seat, kind, seat.params)
        rows = [order] if order is not None and not order.open else []
    else:
        rows = [o for o in _newest(seat, kind) if not o.open and chosen(seat, kind, o)]
        rows = [o for o in rows if start <= o.created_ms <= end]
    kept = [o for o in rows if o.filled or o.updated_ms > seat.now_ms - DAY_MS]
    wanted = seat.params.get("orderStatus")
    return _listed(seat, [o for o in kept if wanted in (None, "", order_row(o)["orderStatus"])], order_row)


def executions(seat: Seat) -> Any:
    kind = category(seat.params)
    start, end = _span(seat)
    if _by_name(seat):
        order = named(seat, kind, seat.params)
        rows = [order] if order is not None else []
    else:
        rows = [o for o in _newest(seat, kind) if chosen(seat, kind, o) and start <= o.updated_ms <= end]
    return _listed(seat, [o for o in rows if o.filled], fill_row)


def positions(seat: Seat) -> Any:
    """With a symbol its position, be it empty; else those that are not empty. Linear needs a symbol or a coin."""
    kind, params = category(seat.params), seat.params
    if kind == "spot" or (kind == "linear" and not (params.get("symbol") or params.get("settleCoin"))):
        raise Refusal(10001, "params error: symbol or settleCoin is required")
    name = params.get("symbol")
    wanted = [markets.find(seat.floor.board, kind, name)] if name else markets.listed(seat.floor.board, kind)
    rows = []
    for market in wanted:
        names = (market.kind, market.spec.base, market.spec.quote)
        size = seat.desk.positions.get(names)
        if name or size:
            rows.append(position_row(market, size or market.last * 0, "10", seat.now_ms))
    return {"list": rows, "nextPageCursor": "", "category": kind}


def nothing(seat: Seat) -> Any:
    """A list that has no entries here."""
    return {"list": [], "nextPageCursor": "", "category": seat.params.get("category", "")}
