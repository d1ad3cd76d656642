"""The futures' settings: leverage, margin type, position mode. Those that change nothing are refused."""

from typing import Any

from proxy.simulator.binance.futures.order import Seat, read_flag, read_number
from proxy.simulator.binance.wire import Refusal

_DONE = {"code": 200, "msg": "success"}


def set_leverage(seat: Seat) -> Any:
    contract, text = seat.contract(), seat.params["leverage"]
    if not text.isdigit() or not 1 <= int(text) <= 125:
        raise Refusal(400, -4028, f"Leverage {text} is not valid")
    seat.wallet.leverage[contract.symbol] = int(text)
    most = {"maxNotionalValue": "1000000"} if seat.product == "usdm" else {"maxQty": "1000000"}
    return {"leverage": int(text), "symbol": contract.symbol, **most}


def set_margin_type(seat: Seat) -> Any:
    contract, kind = seat.contract(), seat.params["marginType"]
    if kind not in ("ISOLATED", "CROSSED"):
        raise Refusal(400, -1130, "Data sent for parameter 'marginType' is not valid.")
    isolated = seat.wallet.isolated
    if (kind == "ISOLATED") is (contract.symbol in isolated):
        raise Refusal(400, -4046, "No need to change margin type.")
    if seat.wallet.desk.open_orders(contract.market):
        raise Refusal(400, -4047, "Margin type cannot be changed if there exists open orders.")
    if any(seat.wallet.position(contract.market, side)[0] for side in ("BOTH", "LONG", "SHORT")):
        raise Refusal(400, -4048, "Margin type cannot be changed if there exists position.")
    if kind == "ISOLATED":
        isolated.add(contract.symbol)
    else:
        isolated.discard(contract.symbol)
    return _DONE


def add_margin(seat: Seat) -> Any:
    contract, side = seat.contract(), seat.params.get("positionSide", "BOTH")
    amount, kind = read_number(seat.params, "amount"), seat.params["type"]
    if kind not in ("1", "2"):
        raise Refusal(400, -1130, "Data sent for parameter 'type' is not valid.")
    if amount <= 0:
        raise Refusal(400, -4055, "Amount must be positive.")
    if contract.symbol not in seat.wallet.isolated:
        raise Refusal(400, -4049, "Add margin only support for isolated position.")
    if not seat.wallet.position(contract.market, side)[0]:
        raise Refusal(400, -4054, "Cannot add position margin: position is 0.")
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": int(kind)}


def dual(seat: Seat) -> Any:
    return {"dualSidePosition": seat.wallet.modes.dual}


def set_dual(seat: Seat) -> Any:
    """Of USD-M and COIN-M together."""
    wanted, modes = read_flag(seat.params, "dualSidePosition"), seat.wallet.modes
    if wanted is modes.dual:
        raise Refusal(400, -4059, "No need to change position side.")
    if any(desk.open_orders() for desk in modes.desks):
        raise Refusal(400, -4067, "Position side cannot be changed if there exists open orders.")
    both = any(quantity for desk in modes.desks for quantity in desk.positions.values())
    if both or any(seat.wallet.position(one.market, side)[0] for one in seat.wanted() for side in ("LONG", "SHORT")):
        raise Refusal(400, -4068, "Position side cannot be changed if there exists position.")
    modes.dual = wanted
    return _DONE


def multi_assets(seat: Seat) -> Any:
    return {"multiAssetsMargin": False}


def set_multi_assets(seat: Seat) -> Any:
    if not read_flag(seat.params, "multiAssetsMargin"):
        text = "Adjusted asset mode is currently set and does not need to be adjusted repeatedly."
        raise Refusal(400, -4171, text)
    raise Refusal(400, -4169, "Unable to adjust Multi-Assets Mode with insufficient margin balance in USDⓈ-M Futures.")


def account_config(seat: Seat) -> Any:
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": seat.wallet.modes.dual,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def symbol_config(seat: Seat) -> Any:
    return [
        {
            "symbol": one.symbol,
            "marginType": "ISOLATED" if one.symbol in seat.wallet.isolated else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": seat.wallet.leverage.get(one.symbol, 10),
            "maxNotionalValue": "1000000",
        }
        for one in seat.wanted()
    ]
