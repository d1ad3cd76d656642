"""What can be done with a Kraken Futures order: send, edit, cancel."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from proxy.simulator.accounts import LiveKey
from proxy.simulator.krakenfutures.data import contract, required
from proxy.simulator.krakenfutures.spelling import number_of, order_id, step, symbol
from proxy.simulator.krakenfutures.wire import Refusal, Unplaced, iso
from proxy.simulator.market import Market
from proxy.simulator.orders import Desk, NoFunds, Order, Side
from proxy.simulator.records import Asked
from proxy.simulator.venue import Floor

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_LONGEST_ID = 100
_IDS_KEPT = 200_000


class UsedIds:
    """Client ids of all accounts and the order of each: one that was used is taken for good."""

    def __init__(self) -> None:
        self._orders: OrderedDict[tuple[str, str], Order] = OrderedDict()

    def put(self, order: Order) -> None:
        self._orders[order.account, order.client_id] = order
        if len(self._orders) > _IDS_KEPT:
            self._orders.popitem(last=False)

    def find(self, account: str, client_id: str) -> Order | None:
        return self._orders.get((account, client_id))


@dataclass(slots=True)
class Seat:
    """An authenticated caller and its parameters. `known_ms`: how long orders/status knows a done order."""

    floor: Floor
    key: LiveKey
    params: Mapping[str, str]
    asked: Asked
    ids: UsedIds
    known_ms: int
    client_id: str = field(default="")

    @property
    def desk(self) -> Desk:
        return self.key.account.desk

    @property
    def now_ms(self) -> int:
        return self.asked.now_ms

    def success(self, **rest: Any) -> dict[str, Any]:
        return {"result": "success", **rest, "serverTime": iso(self.now_ms)}


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


def shown(order: Order) -> dict[str, Any]:
    """As it stands in the events of an order."""
    return {
        "orderId": order_id(order),
        "cliOrdId": order.client_id or None,
        "type": order.tags.get("type", "lmt"),
        "symbol": symbol(order.market),
        "side": order.side.lower(),
        "quantity": float(order.quantity),
        "filled": float(order.filled),
        "limitPrice": float(order.price if order.price is not None else order.average),
        "reduceOnly": truth(order.tags.get("reduce", "")),
        "timestamp": iso(order.created_ms),
        "lastUpdateTimestamp": iso(order.updated_ms),
    }


def _number(value: Any, market_step: Decimal, status: str) -> Decimal:
    text = str(value)
    if not _NUMBER.fullmatch(text):
        raise Unplaced(status)
    number = Decimal(text)
    if not number or number % market_step:
        raise Unplaced(status)
    return number


def _would_reduce(seat: Seat, market: Market, side: Side) -> bool:
    position = seat.desk.positions.get((market.kind, market.spec.base, market.spec.quote), Decimal(0))
    return position < 0 if side == "BUY" else position > 0


def send(seat: Seat, row: Mapping[str, Any]) -> dict[str, Any]:
    """The sendStatus. Raises Refusal (the call) or Unplaced (the engine); nothing has happened then."""
    kind = required(row, "orderType")
    market = contract(seat.floor, required(row, "symbol"))
    side_text, size_text = required(row, "side"), required(row, "size")
    client_id = str(row.get("cliOrdId") or "")
    seat.client_id = client_id
    if kind not in ("lmt", "post", "ioc", "mkt"):
        raise Unplaced("invalidOrderType")
    if side_text not in ("buy", "sell"):
        raise Unplaced("invalidSide")
    side: Side = "BUY" if side_text == "buy" else "SELL"
    if len(client_id) > _LONGEST_ID:
        raise Unplaced("clientOrderIdTooLong")
    if client_id and seat.ids.find(seat.key.account.name, client_id) is not None:
        raise Unplaced("clientOrderIdAlreadyExist")
    quantity = _number(size_text, step(market), "invalidSize")
    price = None if kind == "mkt" else _number(required(row, "limitPrice"), market.tick, "invalidPrice")
    if truth(row.get("reduceOnly", "")) and not _would_reduce(seat, market, side):
        raise Unplaced("wouldNotReducePosition")
    crossing = price is None or (price >= market.ask if side == "BUY" else price <= market.bid)
    if kind == "post" and crossing:
        raise Unplaced("postWouldExecute")
    if kind == "ioc" and not crossing:
        raise Unplaced("iocWouldNotExecute")
    way: Literal["LIMIT", "MARKET"] = "MARKET" if price is None else "LIMIT"
    try:
        order = seat.desk.place(next(seat.floor.numbers), market, side, way, quantity, price, client_id, seat.now_ms)
    except NoFunds:
        raise Unplaced("insufficientAvailableFunds") from None
    order.tags.update(type="ioc" if kind == "mkt" else kind, reduce=str(row.get("reduceOnly", "")))
    if client_id:
        seat.ids.put(order)
    seat.floor.ledger.execute("krakenfutures", order, given_id=bool(client_id))
    return {
        "status": "placed",
        "order_id": order_id(order),
        **({"cliOrdId": client_id} if client_id else {}),
        "receivedTime": iso(seat.now_ms),
        "orderEvents": [_event(order)],
    }


def _event(order: Order) -> dict[str, Any]:
    if not order.filled:
        return {"type": "PLACE", "order": shown(order), "reducedQuantity": None}
    return {
        "type": "EXECUTION",
        "executionId": order_id(order).replace("-4000-", "-4001-"),
        "price": float(order.average),
        "amount": float(order.filled),
        "orderPriorEdit": None,
        "orderPriorExecution": {**shown(order), "filled": 0},
        "takerReducedQuantity": None,
    }


def find(seat: Seat, row: Mapping[str, Any], name: str = "order_id") -> Order | None:
    """By order id, else by client id."""
    client_id = str(row.get("cliOrdId") or "")
    if row.get(name):
        number = number_of(str(row[name]))
        order = seat.desk.by_number(number) if number is not None else None
    elif client_id:
        order = seat.ids.find(seat.key.account.name, client_id)
    else:
        raise Refusal("requiredArgumentMissing")
    seat.client_id = order.client_id if order is not None else client_id
    return order


def cancel(seat: Seat, row: Mapping[str, Any]) -> dict[str, Any]:
    """The cancelStatus. Of a done order only a fill is told."""
    order = find(seat, row)
    if order is None or order.status in ("CANCELED", "EXPIRED"):
        raise Unplaced("notFound")
    if not order.open:
        raise Unplaced("filled")
    seat.desk.cancel(order, seat.now_ms)
    return {
        "status": "cancelled",
        "order_id": order_id(order),
        **({"cliOrdId": order.client_id} if order.client_id else {}),
        "receivedTime": iso(seat.now_ms),
        "orderEvents": [{"type": "CANCEL", "uid": order_id(order), "order": shown(order)}],
    }


def edit(seat: Seat, row: Mapping[str, Any]) -> dict[str, Any]:
    """The editStatus; of an open limit order size and price can change."""
    order = find(seat, row, "order_id" if row.get("order_id") else "orderId")
    if order is None or not order.open or order.price is None:
        raise Unplaced("orderForEditNotFound")
    market, before = order.market, shown(order)
    quantity = _number(row["size"], step(market), "invalidSize") if row.get("size") else order.quantity
    price = _number(row["limitPrice"], market.tick, "invalidPrice") if row.get("limitPrice") else order.price
    if order.tags.get("type") == "post" and (price >= market.ask if order.side == "BUY" else price <= market.bid):
        raise Unplaced("postWouldExecute")
    try:
        seat.desk.amend(order, quantity, price, seat.now_ms)
    except NoFunds:
        raise Unplaced("insufficientAvailableFunds") from None
    event = {"type": "EDIT", "old": before, "new": shown(order), "reducedQuantity": None}
    return {"status": "edited", "orderId": order_id(order), "receivedTime": iso(seat.now_ms), "orderEvents": [event]}
