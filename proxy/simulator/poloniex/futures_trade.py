"""Poloniex's futures orders (v3): sizes are contracts, `sz`."""

from decimal import Decimal
from typing import Any

from proxy.simulator.market import Market
from proxy.simulator.orders import NoFunds, Order, Side, crosses
from proxy.simulator.poloniex.names import NAME, lot, order_id, perpetuals, symbol
from proxy.simulator.poloniex.seat import Seat, decimal
from proxy.simulator.poloniex.wire import Refusal

KIND = "linear"
UNKNOWN_SYMBOL = (10001, "SYMBOL_NOT_EXISTS")
NOT_FOUND = (11008, "ORDER_NOT_EXISTS")


def illegal(name: str) -> tuple[int, str]:
    return 400, f"Param error {name}"


def contracts(market: Market, quantity: Decimal) -> int:
    return int(quantity / lot(market))


def position(seat: Seat, market: Market) -> int:
    """In contracts; below 0: short."""
    names = (market.kind, market.spec.base, market.spec.quote)
    return contracts(market, seat.key.account.desk.positions.get(names, Decimal(0)))


def _size(value: object) -> int:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()) or not 0 < int(value[:9]) <= 1_000_000:
        raise Refusal(*illegal("sz"))
    return int(value)


def put(seat: Seat, body: Any, *, complete: bool = False) -> Order:
    """`complete`: margin mode and side of the position must be named, as batches want it."""
    if not isinstance(body, dict):
        raise Refusal(*illegal("body"))
    ours = body.get("clOrdId") or ""
    if not isinstance(ours, str) or len(ours) > 64:
        raise Refusal(*illegal("clOrdId"))
    seat.client_id = ours
    market = seat.market(body.get("symbol"), KIND, UNKNOWN_SYMBOL)
    mode, side_of = body.get("mgnMode", "" if complete else "CROSS"), body.get("posSide", "" if complete else "BOTH")
    if not mode or not side_of:
        raise Refusal(*illegal("mgnMode and posSide must be present and not empty"))
    if mode not in ("CROSS", "ISOLATED") or side_of != "BOTH":  # accounts here are in one-way mode
        raise Refusal(*illegal("mgnMode or posSide"))
    if body.get("side") not in ("BUY", "SELL"):
        raise Refusal(*illegal("side"))
    side: Side = "BUY" if body["side"] == "BUY" else "SELL"
    if (kind := body.get("type")) not in ("MARKET", "LIMIT", "LIMIT_MAKER"):
        raise Refusal(*illegal("type"))
    if (force := body.get("timeInForce", "GTC")) not in ("GTC", "IOC", "FOK"):
        raise Refusal(*illegal("timeInForce"))
    size, held = _size(body.get("sz")), position(seat, market)
    reduce_only = body.get("reduceOnly") in (True, "true")
    if reduce_only:
        if held == 0 or (held > 0) == (side == "BUY"):
            raise Refusal(10018, "NO_POSITION_TO_CLOSE_ORDER")
        size = min(size, abs(held))
    price = None
    if kind != "MARKET":
        price = decimal(body.get("px"), illegal("px"))
        if price % market.tick:
            raise Refusal(*illegal("px"))
    if ours and seat.by_client_id(ours, KIND) is not None:
        raise Refusal(250, "Client order id already exists")
    number = next(seat.floor.numbers)
    quantity = size * lot(market)
    if kind == "LIMIT_MAKER" and crosses(
        Order(number, "", market, side, "LIMIT", quantity, price, "", seat.now_ms), market
    ):
        raise Refusal(*illegal("type: the order would trade at once"))
    limit = price is not None
    try:
        order = seat.key.account.desk.place(
            number, market, side, "LIMIT" if limit else "MARKET", quantity, price, ours, seat.now_ms, force
        )
    except NoFunds:
        raise Refusal(21721, "Insufficient balance") from None
    order.tags.update(type=kind, mode=mode, reduce_only="true" if reduce_only else "")
    seat.floor.ledger.execute(NAME, order, given_id=bool(ours))
    return order


def names_of(order: Order) -> dict[str, str]:
    """An order without a name gets one."""
    return {"ordId": order_id(order), "clOrdId": order.client_id or f"polo{order_id(order)}"}


def place(seat: Seat) -> Any:
    return names_of(put(seat, seat.body))


def batch(seat: Seat) -> Any:
    if not isinstance(seat.body, list) or not seat.body:
        raise Refusal(*illegal("body"))
    if len(seat.body) > seat.limits.futures_batch_size:
        raise Refusal(10016, "BATCH_PLACE_ORDER_SIZE_OVER_LIMIT")
    rows: list[dict[str, Any]] = []
    for item in seat.body:
        try:
            rows.append({"code": 200, "msg": "Success", **names_of(put(seat, item, complete=True))})
        except Refusal as refusal:
            rows.append({"code": refusal.code, "msg": refusal.message, "ordId": "", "clOrdId": ""})
    seat.client_id = ""
    return rows


def given(seat: Seat) -> dict[str, Any]:
    """What a DELETE says, in its body or in its query."""
    return seat.body if isinstance(seat.body, dict) and seat.body else dict(seat.params)


def _cancel(seat: Seat, order: Order | None, market: Market) -> Order:
    if order is None or order.market is not market:
        raise Refusal(*NOT_FOUND)
    if not order.open:
        raise Refusal(11004, "ORDER_NOT_CANCELABLE")
    seat.key.account.desk.cancel(order, seat.now_ms)
    return order


def _find(seat: Seat, number: object, name: object) -> Order | None:
    if number:
        return seat.by_number(number, KIND)
    if isinstance(name, str) and name.startswith("polo") and (found := seat.by_number(name[4:], KIND)) is not None:
        return found
    return seat.by_client_id(name, KIND)


def cancel(seat: Seat) -> Any:
    asked = given(seat)
    market = seat.market(asked.get("symbol"), KIND, UNKNOWN_SYMBOL)
    return names_of(_cancel(seat, _find(seat, asked.get("ordId"), asked.get("clOrdId")), market))


def cancel_batch(seat: Seat) -> Any:
    """Client ids are ignored where order ids are named too."""
    body = seat.body if isinstance(seat.body, dict) else {}
    market = seat.market(body.get("symbol"), KIND, UNKNOWN_SYMBOL)
    numbers, names = body.get("ordIds") or [], body.get("clOrdIds") or []
    chosen = numbers or names
    if not isinstance(chosen, list) or not chosen:
        raise Refusal(*illegal("ordIds"))
    if len(chosen) > seat.limits.futures_batch_size:
        raise Refusal(10017, "BATCH_CANCEL_ORDER_SIZE_OVER_LIMIT")
    rows: list[dict[str, Any]] = []
    for one in chosen:
        told = {"ordId": one if numbers else "", "clOrdId": "" if numbers else one}
        try:
            order = _cancel(seat, _find(seat, *((one, None) if numbers else (None, one))), market)
            rows.append({"code": "200", "msg": "Success", **names_of(order)})
        except Refusal as refusal:
            rows.append({"code": str(refusal.code), "msg": refusal.message, **told})
    seat.client_id = ""
    return rows


def cancel_all(seat: Seat) -> Any:
    asked = given(seat)
    wanted = asked.get("symbols") or ([asked["symbol"]] if asked.get("symbol") else [])
    if not isinstance(wanted, list):
        raise Refusal(*illegal("symbols"))
    for name in wanted:
        seat.market(name, KIND, UNKNOWN_SYMBOL)
    found = [o for o in seat.opened(KIND) if not wanted or symbol(o.market) in wanted]
    return [{"code": "200", "msg": "Success", **names_of(_cancel(seat, o, o.market))} for o in found]


def _close(seat: Seat, market: Market, name: object) -> dict[str, str]:
    held = position(seat, market)
    if not held:
        raise Refusal(21001, "POSITION_NOT_EXIST")
    side = "SELL" if held > 0 else "BUY"
    order = {"symbol": symbol(market), "side": side, "type": "MARKET", "sz": str(abs(held)), "reduceOnly": True}
    return names_of(put(seat, {**order, "clOrdId": name}))


def close(seat: Seat) -> Any:
    body = seat.body if isinstance(seat.body, dict) else {}
    return _close(seat, seat.market(body.get("symbol"), KIND, UNKNOWN_SYMBOL), body.get("clOrdId"))


def close_all(seat: Seat) -> Any:
    found = [m for m in perpetuals(seat.floor.board) if position(seat, m)]
    return [{"code": "200", "msg": "Success", **_close(seat, m, None)} for m in found]
