"""Kraken Futures' signed reads."""

from decimal import Decimal
from typing import Any

from proxy.simulator.krakenfutures.spelling import coin, number_of, order_id, symbol
from proxy.simulator.krakenfutures.trade import Seat, shown, truth
from proxy.simulator.krakenfutures.wire import Refusal, iso, time_ms
from proxy.simulator.market import Market
from proxy.simulator.orders import Order

_STATES = {"OPEN": "ENTERED_BOOK", "FILLED": "FULLY_EXECUTED", "CANCELED": "CANCELLED", "EXPIRED": "CANCELLED"}
_TYPES = {"lmt": "Limit", "post": "Post", "ioc": "IoC"}


def accounts(seat: Seat) -> dict[str, Any]:
    """The one wallet there is, told as cash, multi-collateral and a margin account per PI_ contract."""
    desk = seat.desk
    cash = {coin(name).lower(): f"{total:f}" for name, total in desk.total.items()}
    currencies = {
        coin(name): {
            "quantity": f"{total:f}",
            "value": f"{total:f}",
            "collateral": f"{total:f}",
            "available": f"{free:f}",
        }
        for name, total in desk.total.items()
        for free in (desk.free(name),)
    }
    usdt, free = desk.total.get("USDT", Decimal(0)), desk.free("USDT")
    zeros = ("maintenanceMargin", "pnl", "unrealizedFunding", "totalUnrealized", "totalUnrealizedAsMargin")
    flex = {
        "currencies": currencies,
        **dict.fromkeys(zeros, "0.0"),
        **dict.fromkeys(("balanceValue", "portfolioValue", "collateralValue", "marginEquity"), f"{usdt:f}"),
        "initialMargin": "0.0",
        "initialMarginWithOrders": f"{usdt - free:f}",
        "availableMargin": f"{free:f}",
        "type": "multiCollateralMarginAccount",
    }
    wallets: dict[str, Any] = {"cash": {"balances": cash, "type": "cashAccount"}, "flex": flex}
    for m in seat.floor.board.contracts:
        if m.kind == "inverse":
            wallets[symbol(m).replace("PI_", "fi_").lower()] = _margin_account(seat, m)
    return seat.success(accounts=wallets)


def _margin_account(seat: Seat, m: Market) -> dict[str, Any]:
    total, free = seat.desk.total.get(m.spec.base, Decimal(0)), seat.desk.free(m.spec.base)
    margins = dict.fromkeys(("im", "mm", "lt", "tt"), "0.0")
    return {
        "auxiliary": {"usd": "0", "pv": f"{total:f}", "pnl": "0.0", "af": f"{free:f}", "funding": "0.0"},
        "marginRequirements": {**margins, "im": f"{total - free:f}"},
        "triggerEstimates": margins,
        "balances": {coin(m.spec.base).lower(): f"{total:f}"},
        "currency": coin(m.spec.base).lower(),
        "type": "marginAccount",
    }


def positions(seat: Seat) -> dict[str, Any]:
    rows = []
    for m in seat.floor.board.contracts:
        held = seat.desk.positions.get((m.kind, m.spec.base, m.spec.quote), Decimal(0))
        if held:
            row = {"side": "long" if held > 0 else "short", "symbol": symbol(m), "price": float(m.last)}
            rows.append({**row, "fillTime": iso(seat.now_ms), "size": float(abs(held)), "unrealizedFunding": 0.0})
    return seat.success(openPositions=rows)


def open_orders(seat: Seat) -> dict[str, Any]:
    rows = [
        {
            "order_id": order_id(o),
            **({"cliOrdId": o.client_id} if o.client_id else {}),
            "symbol": symbol(o.market),
            "side": o.side.lower(),
            "orderType": "lmt",
            "limitPrice": float(o.price or 0),
            "filledSize": float(o.filled),
            "unfilledSize": float(o.quantity - o.filled),
            "receivedTime": iso(o.created_ms),
            "lastUpdateTime": iso(o.updated_ms),
            "status": "untouched",
            "reduceOnly": truth(o.tags.get("reduce", "")),
        }
        for o in seat.desk.open_orders()
    ]
    return seat.success(openOrders=rows)


def order_status(seat: Seat) -> dict[str, Any]:
    """Open orders, and done ones for a few seconds; others are left out."""
    ids = [text for text in seat.params.get("orderIds", "").split(",") if text]
    names = [text for text in seat.params.get("cliOrdIds", "").split(",") if text]
    if not ids and not names:
        raise Refusal("requiredArgumentMissing")
    numbers = [number for text in ids if (number := number_of(text)) is not None]
    orders = [seat.desk.by_number(number) for number in numbers]
    orders += [seat.ids.find(seat.key.account.name, name) for name in names]
    known = [o for o in orders if o is not None and (o.open or seat.now_ms - o.updated_ms <= seat.known_ms)]
    if len(ids) + len(names) == 1:
        seat.client_id = known[0].client_id if known else "".join(names)
    rows = [{"order": _status(o), "status": _STATES[o.status], "updateReason": None, "error": None} for o in known]
    return seat.success(orders=rows)


def _status(order: Order) -> dict[str, Any]:
    return {**shown(order), "type": "ORDER", "quantity": f"{order.quantity:f}", "filled": f"{order.filled:f}"}


def fills(seat: Seat) -> dict[str, Any]:
    """The newest 100, before lastFillTime if that is given."""
    last = seat.params.get("lastFillTime", "")
    before = time_ms(last) if last else seat.now_ms + 1
    if before is None:
        raise Refusal("invalidArgument: lastFillTime")
    rows = [
        {
            "fill_id": order_id(o).replace("-4000-", "-4001-"),
            "order_id": order_id(o),
            "cliOrdId": o.client_id or None,
            "symbol": symbol(o.market),
            "side": o.side.lower(),
            "size": float(o.filled),
            "price": float(o.average),
            "fillTime": iso(o.updated_ms),
            "fillType": "taker",
        }
        for o in reversed(seat.desk.all_orders())
        if o.filled and o.updated_ms < before
    ]
    return seat.success(fills=rows[:100])


def _past(order: Order, *, filled: Decimal) -> dict[str, Any]:
    return {
        "uid": order_id(order),
        "accountUid": f"sim-{order.account}",
        "tradeable": symbol(order.market),
        "direction": order.side.capitalize(),
        "quantity": f"{order.quantity - filled:f}",
        "filled": f"{filled:f}",
        "timestamp": order.created_ms,
        "limitPrice": f"{order.price if order.price is not None else order.average:f}",
        "orderType": _TYPES[order.tags.get("type", "lmt")],
        "clientId": order.client_id,
        "reduceOnly": truth(order.tags.get("reduce", "")),
        "lastUpdateTimestamp": order.updated_ms,
    }


def _events(order: Order) -> list[tuple[int, dict[str, Any]]]:
    """What the history tells of an order, oldest first."""
    at_once = order.filled and order.updated_ms == order.created_ms
    first = _past(order, filled=order.filled if at_once else Decimal(0))
    placed = {"OrderPlaced": {"order": first, "reason": "new_user_order", "reducedQuantity": "", "algoId": ""}}
    told: list[tuple[int, dict[str, Any]]] = [(order.created_ms, placed)]
    if order.open or at_once:
        return told
    last = _past(order, filled=order.filled)
    if order.filled:
        change = {"oldOrder": _past(order, filled=Decimal(0)), "newOrder": last, "reason": "full_fill"}
        return [*told, (order.updated_ms, {"OrderUpdated": {**change, "reducedQuantity": ""}})]
    return [*told, (order.updated_ms, {"OrderCancelled": {"order": last, "reason": "cancelled_by_user"}})]


def _elements(seat: Seat, found: list[tuple[int, dict[str, Any], str]]) -> dict[str, Any]:
    """Inside since and before, newest first unless sorted otherwise, as many as asked for (1000 unless said)."""
    texts = {name: seat.params.get(name, "") for name in ("since", "before", "count")}
    if any(text and not text.isdigit() for text in texts.values()) or seat.params.get("sort", "desc") not in (
        "asc",
        "desc",
    ):
        raise Refusal("invalidArgument")
    since, before = int(texts["since"] or 0), int(texts["before"] or seat.now_ms + 1)
    wanted = seat.params.get("tradeable", "")
    rows: list[dict[str, Any]] = [
        {"uid": f"{number:08x}-0000-4000-a000-000000000000", "timestamp": at_ms, "event": event}
        for number, (at_ms, event, name) in enumerate(found)
        if since <= at_ms < before and wanted in ("", name)
    ]
    rows.sort(key=lambda row: row["timestamp"], reverse=seat.params.get("sort", "desc") == "desc")
    rows = rows[: int(texts["count"] or 1000)]
    return {
        "accountUid": f"sim-{seat.key.account.name}",
        "len": len(rows),
        "elements": rows,
        "serverTime": iso(seat.now_ms),
    }


def order_history(seat: Seat) -> dict[str, Any]:
    orders = seat.desk.all_orders()
    return _elements(seat, [(at_ms, event, symbol(o.market)) for o in orders for at_ms, event in _events(o)])


def executions(seat: Seat) -> dict[str, Any]:
    found = []
    for o in seat.desk.all_orders():
        if o.filled:
            execution = {
                "uid": order_id(o).replace("-4000-", "-4001-"),
                "takerOrder": _past(o, filled=o.filled),
                "timestamp": o.updated_ms,
                "quantity": f"{o.filled:f}",
                "price": f"{o.average:f}",
                "markPrice": f"{o.average:f}",
                "limitFilled": True,
            }
            event = {"execution": {"execution": execution, "takerReducedQuantity": ""}}
            found.append((o.updated_ms, event, symbol(o.market)))
    return _elements(seat, found)


def key_info(seat: Seat) -> dict[str, Any]:
    key = seat.key
    general = "full" if key.trade else "read-only" if key.spec.read else "none"
    return seat.success(
        accountUid=f"sim-{key.account.name}",
        permissions={"general": general, "withdrawal": "full" if key.spec.withdraw else "none"},
        allowedCIDRBlock=",".join(sorted(key.whitelist)) if key.restricted else None,
    )


def moved(seat: Seat) -> dict[str, Any]:
    """Recorded where the right is checked; no money is kept here that could go."""
    return seat.success(uid="5e1ec7ed-0000-4000-b000-000000000001", status="accepted")
