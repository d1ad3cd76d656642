"""Finding orders and fills at Gate when no number is known."""

from typing import Any

from proxy.simulator.gate.futures import forgotten
from proxy.simulator.gate.rows import futures_fill, futures_row, spot_fill, spot_row
from proxy.simulator.gate.seat import Seat, by_number, contract, name, paged, pair, span_s, whole
from proxy.simulator.gate.wire import Refusal, invalid, missing
from proxy.simulator.orders import Order

_OPEN_MOST, _MOST = 100, 1000


def _newest(seat: Seat, kind: str) -> list[Order]:
    return [o for o in reversed(seat.desk.all_orders()) if o.market.kind == kind]


def _between(rows: list[Order], span: tuple[int, int]) -> list[Order]:
    """By the time of the last change, both ends included."""
    return [o for o in rows if span[0] <= o.updated_ms // 1000 <= span[1]]


def spot_orders(seat: Seat) -> Any:
    """Open ones of a pair; finished ones by the time of their end: the last week unless told, 30 days at most."""
    query, status = seat.query, seat.query.get("status")
    if status not in ("open", "finished"):
        raise invalid("invalid argument: status") if status else missing("status")
    if status == "open" and any(query.get(n) for n in ("from", "to", "side")):
        raise invalid("from, to and side are not supported for open orders")
    rows = [o for o in _newest(seat, "spot") if o.open == (status == "open")]
    if status == "open" or query.get("currency_pair"):
        market = pair(seat.floor.board, query.get("currency_pair"))
        rows = [o for o in rows if o.market is market]
    if status == "finished":
        rows = _between(rows, span_s(query, seat.now_ms, 7, 30))
        rows = [o for o in rows if query.get("side", o.side.lower()) == o.side.lower()]
    return [spot_row(o) for o in paged(rows, query, _OPEN_MOST if status == "open" else _MOST)]


def spot_open(seat: Seat) -> Any:
    """All pairs with open orders; the pages are those of each pair."""
    found: dict[str, list[Order]] = {}
    for order in _newest(seat, "spot"):
        if order.open:
            found.setdefault(name(order.market), []).append(order)
    return [
        {
            "currency_pair": one,
            "total": len(rows),
            "orders": [spot_row(o) for o in paged(rows, seat.query, _OPEN_MOST)],
        }
        for one, rows in found.items()
    ]


def spot_trades(seat: Seat) -> Any:
    query = seat.query
    market = pair(seat.floor.board, query["currency_pair"]) if query.get("currency_pair") else None
    if query.get("order_id"):
        if market is None:
            raise missing("currency_pair")
        order = by_number(seat, "spot", query["order_id"])
        rows = [order] if order is not None else []
    else:
        rows = _between(_newest(seat, "spot"), span_s(query, seat.now_ms, 7, 30))
    rows = [o for o in rows if o.filled and (market is None or o.market is market)]
    return [spot_fill(o) for o in paged(rows, query, _MOST)]


def _contract_rows(seat: Seat) -> list[Order]:
    named = seat.query.get("contract")
    market = contract(seat.floor.board, named) if named else None
    return [o for o in _newest(seat, "linear") if (market is None or o.market is market) and not forgotten(seat, o)]


def _offset(seat: Seat, rows: list[Order]) -> list[Order]:
    """By `limit`, `offset` and `last_id`, the number after which to go on."""
    query = seat.query
    if query.get("last_id"):
        after = by_number(seat, "linear", query["last_id"])
        if after is None:
            raise invalid("invalid argument: last_id")
        rows = [o for o in rows if o.number < after.number]
    start = whole(query, "offset", 0, 0, 10**6)
    return rows[start : start + whole(query, "limit", 100, 1, _MOST)]


def futures_orders(seat: Seat) -> Any:
    status = seat.query.get("status")
    if status not in ("open", "finished"):
        raise invalid("invalid argument: status") if status else missing("status")
    rows = [o for o in _contract_rows(seat) if o.open == (status == "open")]
    return [futures_row(seat, o) for o in _offset(seat, rows)]


def futures_orders_between(seat: Seat) -> Any:
    rows = [o for o in _contract_rows(seat) if not o.open]
    return [futures_row(seat, o) for o in _offset(seat, _between(rows, span_s(seat.query, seat.now_ms, 7, 180)))]


def futures_trades(seat: Seat) -> Any:
    rows = [o for o in _contract_rows(seat) if o.filled]
    if wanted := seat.query.get("order"):
        order = by_number(seat, "linear", wanted)
        if order is None:
            raise Refusal(404, "ORDER_NOT_FOUND", "order not found", detail=True)
        rows = [o for o in rows if o is order]
    return [futures_fill(seat, o) for o in _offset(seat, rows)]


def futures_trades_between(seat: Seat) -> Any:
    """Here the fill's number is called trade_id."""
    rows = [o for o in _contract_rows(seat) if o.filled]
    found = _offset(seat, _between(rows, span_s(seat.query, seat.now_ms, 7, 180)))
    return [{**futures_fill(seat, o), "trade_id": str(o.number)} for o in found]
