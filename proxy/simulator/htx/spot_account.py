"""HTX's signed spot reads."""

from decimal import Decimal
from typing import Any

from proxy.simulator.htx.seat import Seat
from proxy.simulator.htx.spelling import order_id, symbol, whole
from proxy.simulator.htx.spot_trade import (
    FORGOTTEN_MS,
    HOUR_MS,
    NAMED_MS,
    account_id,
    by_number,
    format_error,
    gone,
    pair,
)
from proxy.simulator.htx.wire import Refusal
from proxy.simulator.market import Market
from proxy.simulator.orders import Order

_STATES = {"OPEN": "submitted", "FILLED": "filled", "CANCELED": "canceled", "EXPIRED": "canceled"}
_RANGE_MS = 48 * HOUR_MS


def _ok(data: Any) -> dict[str, Any]:
    return {"status": "ok", "data": data}


def _good(data: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": data}


def accounts(seat: Seat) -> dict[str, Any]:
    state = "lock" if seat.account.suspended(seat.now_ms) else "working"
    return _ok([{"id": seat.memory.spot_account(seat.account), "type": "spot", "subtype": "", "state": state}])


def balance(seat: Seat) -> dict[str, Any]:
    account_id(seat, {"account-id": seat.tail})
    rows = []
    for coin in seat.desk.total:
        held = seat.desk.held.get(coin, Decimal(0))
        for kind, amount in (("trade", seat.desk.free(coin)), ("frozen", held)):
            rows.append({"currency": coin.lower(), "type": kind, "balance": f"{amount:f}", "seq-num": "0"})
    return _ok({"id": int(seat.tail), "type": "spot", "state": "working", "list": rows})


def uid(seat: Seat) -> dict[str, Any]:
    return {"code": 200, "data": seat.memory.uid(seat.account)}


def key_info(seat: Seat) -> dict[str, Any]:
    """The keys of the UID. Without a bound address a key that may do more than read lasts 90 days."""
    if str(seat.params.get("uid", seat.memory.uid(seat.account))) != str(seat.memory.uid(seat.account)):
        raise Refusal(2002, "invalid field value in `uid`")
    rows = []
    for key in seat.account.keys:
        if key.deleted or seat.params.get("accessKey", key.spec.key) != key.spec.key:
            continue
        rights = {"readOnly": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        rows.append(
            {
                "accessKey": key.spec.key,
                "note": key.alias,
                "permission": ",".join(name for name, given in rights.items() if given),
                "ipAddresses": ",".join(sorted(key.whitelist)),
                "validDays": -1 if key.restricted else 90,
                "status": "expired" if key.suspended(seat.now_ms) else "normal",
                "createTime": 1_600_000_000_000,
                "updateTime": 1_600_000_000_000,
            }
        )
    return {**_good(rows), "ok": True}


def shown(seat: Seat, order: Order, filled: str = "field") -> dict[str, Any]:
    """`filled`: the open list says filled-..., the detail field-... (a misprint that stayed)."""
    done = 0 if order.open else order.updated_ms
    return {
        "id": order_id(order),
        "symbol": symbol(order.market),
        "account-id": seat.memory.spot_account(seat.account),
        "client-order-id": order.client_id,
        "amount": order.tags.get("amount", f"{order.quantity:f}"),
        "price": f"{order.price or 0:f}",
        "created-at": order.created_ms,
        "updated-at": order.updated_ms,
        "type": order.tags.get("type", ""),
        f"{filled}-amount": f"{order.filled:f}",
        f"{filled}-cash-amount": f"{order.filled_value:f}",
        f"{filled}-fees": "0.0",
        "finished-at": done,
        "canceled-at": done if order.status in ("CANCELED", "EXPIRED") else 0,
        "source": "spot-api",
        "state": _STATES[order.status],
    }


def _forgotten(seat: Seat, order: Order) -> bool:
    """A cancelled order without a fill is there for two hours."""
    late = seat.now_ms - order.updated_ms > FORGOTTEN_MS
    return late and order.status in ("CANCELED", "EXPIRED") and not order.filled


def order_detail(seat: Seat) -> dict[str, Any]:
    if not seat.tail.isdigit():
        raise format_error("order-id")
    order = by_number(seat, seat.tail)
    if order is None or _forgotten(seat, order):
        raise gone()
    seat.client_id = order.client_id
    return _ok(shown(seat, order))


def order_by_name(seat: Seat) -> dict[str, Any]:
    """The newest order of that id, for 8 h from its creation, a done one for 2 h."""
    name = seat.params.get("clientOrderId", "")
    if not name:
        raise Refusal("validation-constraints-required", "Field is missing: clientOrderId.")
    seat.client_id = name
    order = seat.memory.named(seat.account, "spot", name)
    if order is None or seat.now_ms - order.created_ms > NAMED_MS:
        raise gone()
    if not order.open and seat.now_ms - order.updated_ms > FORGOTTEN_MS:
        raise gone()
    return _ok(shown(seat, order))


def _wanted(seat: Seat) -> Market | None:
    return pair(seat, seat.params["symbol"]) if "symbol" in seat.params else None


def _size(seat: Seat, usual: int, most: int) -> int:
    number = whole(seat.params, "size", usual)
    if number is None or not 1 <= number <= most:
        raise Refusal("invalid-size", "invalid size")
    return number


def open_orders(seat: Seat) -> dict[str, Any]:
    """Newest first; symbol and account may be left out together."""
    if "account-id" in seat.params:
        account_id(seat, seat.params)
    side = str(seat.params.get("side", "")).upper()
    orders = [o for o in seat.desk.open_orders(_wanted(seat)) if o.market.kind == "spot" and side in ("", o.side)]
    return _ok([shown(seat, o, "filled") for o in reversed(orders)][: _size(seat, 100, 500)])


def _within(seat: Seat, at_ms: int) -> bool:
    """Inside start-time and end-time, which are 48 h apart at most: the last 48 h unless given."""
    end = whole(seat.params, "end-time", seat.now_ms)
    start = whole(seat.params, "start-time", (end or 0) - _RANGE_MS)
    if start is None or end is None or start > end or end - start > _RANGE_MS:
        raise Refusal("base-date-limit-error", "date less than system limit")
    return start <= at_ms <= end


def _spot_orders(seat: Seat, market: Market | None) -> list[Order]:
    """Remembered ones in the asked range, newest first."""
    orders = [o for o in reversed(seat.desk.all_orders(market)) if o.market.kind == "spot"]
    _within(seat, 0)
    return [o for o in orders if _within(seat, o.created_ms) and not _forgotten(seat, o)]


def order_search(seat: Seat) -> dict[str, Any]:
    """By symbol and states, both needed."""
    for name in ("symbol", "states"):
        if not seat.params.get(name):
            raise Refusal("validation-constraints-required", f"Field is missing: {name}.")
    states = seat.params["states"].split(",")
    rows = [shown(seat, o) for o in _spot_orders(seat, _wanted(seat)) if _STATES[o.status] in states]
    return _ok(rows[: _size(seat, 100, 100)])


def order_history(seat: Seat) -> dict[str, Any]:
    """Done orders of 48 h."""
    rows = [shown(seat, o) for o in _spot_orders(seat, _wanted(seat)) if not o.open]
    return _ok(rows[: _size(seat, 100, 1000)])


def _fill(order: Order) -> dict[str, Any]:
    return {
        "id": order.number,
        "symbol": symbol(order.market),
        "order-id": order_id(order),
        "match-id": order.number,
        "trade-id": order.number,
        "type": order.tags.get("type", ""),
        "source": "spot-api",
        "price": f"{order.average:f}",
        "filled-amount": f"{order.filled:f}",
        "filled-fees": "0",
        "filled-points": "0",
        "fee-currency": (order.market.spec.base if order.side == "BUY" else order.market.spec.quote).lower(),
        "fee-deduct-currency": "",
        "role": "taker",
        "created-at": order.updated_ms,
    }


def order_fills(seat: Seat) -> dict[str, Any]:
    order = by_number(seat, seat.tail)
    if order is None:
        raise gone()
    return _ok([_fill(order)] if order.filled else [])


def fills(seat: Seat) -> dict[str, Any]:
    rows = [_fill(o) for o in _spot_orders(seat, _wanted(seat)) if o.filled]
    return _ok(rows[: _size(seat, 100, 500)])


def account_history(seat: Seat) -> dict[str, Any]:
    account_id(seat, seat.params)
    return _ok([])


def fee_rates(seat: Seat) -> dict[str, Any]:
    rates = dict.fromkeys(("makerFeeRate", "takerFeeRate", "actualMakerRate", "actualTakerRate"), "0.002")
    return _good([{"symbol": name, **rates} for name in str(seat.params.get("symbols", "")).split(",") if name])


def moved(seat: Seat) -> dict[str, Any]:
    """Recorded where the right is checked; no money is kept here that could go."""
    return _good(seat.now_ms) if seat.asked.path.startswith("/v2/") else _ok(seat.now_ms)
