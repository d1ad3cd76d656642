"""The futures' conditional orders: they wait for their price under /algoOrder, then an ordinary order is placed."""

from dataclasses import replace
from typing import Any

from proxy.simulator.binance.futures.contracts import contract_of
from proxy.simulator.binance.futures.order import (
    CONDITIONAL,
    Seat,
    read_client_id,
    read_flag,
    read_position_side,
    read_price,
    read_quantity,
    read_ticket,
)
from proxy.simulator.binance.futures.trade import open_order
from proxy.simulator.binance.futures.wallet import Algo
from proxy.simulator.binance.wire import Refusal

_OPEN = 200  # over all symbols


def place_algo(seat: Seat) -> Any:
    seat.check_placing()
    params, contract = seat.params, seat.contract()
    if params["algoType"] != "CONDITIONAL":
        raise Refusal(400, -1130, "Data sent for parameter 'algoType' is not valid.")
    if params["side"] not in ("BUY", "SELL"):
        raise Refusal(400, -1117, "Invalid side.")
    if params["type"] not in CONDITIONAL[:4]:
        raise Refusal(400, -1116, "Invalid orderType.")
    close, limit = read_flag(params, "closePosition"), params["type"] in ("STOP", "TAKE_PROFIT")
    read_position_side(seat)
    trigger = read_price(contract, params, "triggerPrice")
    if close and limit:
        raise Refusal(400, -4136, f"Target strategy invalid for orderType {params['type']},closePosition true")
    if close and "quantity" in params:
        raise Refusal(400, -4137, "Quantity must be zero with closePosition equals true.")
    if close and "reduceOnly" in params:
        raise Refusal(400, -1106, "Parameter 'reduceonly' sent when not required.")
    if not close:
        read_quantity(contract, params)
    if limit:
        read_price(contract, params)
    client_id = seat.client_id = read_client_id(params, "clientAlgoId")
    waiting = [algo for algo in seat.wallet.algos.values() if algo.status == "NEW"]
    if client_id and any(algo.client_id == client_id for algo in waiting):
        raise Refusal(400, -4116, "ClientOrderId is duplicated.")
    if len(waiting) >= _OPEN:
        raise Refusal(400, -4045, "Reach max stop order limit.")
    number = next(seat.floor.numbers)
    algo = Algo(
        number, client_id or f"sim{number}", contract.market, dict(params), trigger, seat.now_ms, updated_ms=seat.now_ms
    )
    if algo.reached():
        raise Refusal(400, -2021, "Order would immediately trigger.")
    seat.wallet.algos[number] = algo
    return told(algo)


def trigger_algos(seat: Seat) -> None:
    """Place the orders whose price has come."""
    for algo in [algo for algo in seat.wallet.algos.values() if algo.status == "NEW" and algo.reached()]:
        asked = {name: algo.params[name] for name in _PASSED if name in algo.params}
        asked["type"] = "MARKET" if algo.params["type"].endswith("_MARKET") else "LIMIT"
        if asked["type"] == "LIMIT":
            asked.setdefault("timeInForce", "GTC")
        else:
            asked.pop("timeInForce", None)
            asked.pop("price", None)
        algo.updated_ms = seat.now_ms
        try:
            if read_flag(algo.params, "closePosition"):
                side = algo.params.get("positionSide", "BOTH")
                held, _ = seat.wallet.position(algo.market, side)
                asked["quantity"] = contract_of(algo.market).told(abs(held))
                if not seat.wallet.modes.dual:
                    asked["reduceOnly"] = "true"
            one = replace(seat, params=asked)
            open_order(one, replace(read_ticket(one), client_id=algo.client_id))
            algo.status = "FINISHED"
        except Refusal:
            algo.status = "REJECTED"


_PASSED = ("symbol", "side", "positionSide", "quantity", "price", "timeInForce", "reduceOnly")


def told(algo: Algo) -> dict[str, Any]:
    params = algo.params
    return {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": params["type"],
        "symbol": params["symbol"],
        "side": params["side"],
        "positionSide": params.get("positionSide", "BOTH"),
        "timeInForce": params.get("timeInForce", "GTC"),
        "quantity": params.get("quantity", "0"),
        "algoStatus": algo.status,
        "triggerPrice": f"{algo.trigger:f}",
        "price": params.get("price", "0"),
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": params.get("workingType", "CONTRACT_PRICE"),
        "priceMatch": "NONE",
        "closePosition": read_flag(params, "closePosition"),
        "priceProtect": read_flag(params, "priceProtect"),
        "reduceOnly": read_flag(params, "reduceOnly"),
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.updated_ms if algo.status == "FINISHED" else 0,
        "goodTillDate": 0,
    }


def _find(seat: Seat) -> Algo | None:
    number, name = seat.params.get("algoId"), seat.params.get("clientAlgoId")
    if not number and not name:
        raise Refusal(400, -1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!")
    seat.client_id = name or ""
    for algo in reversed(seat.wallet.algos.values()):
        if str(algo.number) == number if number else algo.client_id == name:
            return algo
    return None


def query_algo(seat: Seat) -> Any:
    algo = _find(seat)
    if algo is None:
        raise Refusal(400, -2013, "Order does not exist.")
    return told(algo)


def cancel_algo(seat: Seat) -> Any:
    algo = _find(seat)
    if algo is None or algo.status != "NEW":
        raise Refusal(400, -2011, "Unknown order sent.")
    algo.status, algo.updated_ms = "CANCELED", seat.now_ms
    return {"algoId": algo.number, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_algos(seat: Seat) -> Any:
    market = seat.contract().market
    for algo in seat.wallet.algos.values():
        if algo.status == "NEW" and algo.market is market:
            algo.status, algo.updated_ms = "CANCELED", seat.now_ms
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_algos(seat: Seat) -> Any:
    markets = [one.market for one in seat.wanted()]
    return [told(algo) for algo in seat.wallet.algos.values() if algo.status == "NEW" and algo.market in markets]
