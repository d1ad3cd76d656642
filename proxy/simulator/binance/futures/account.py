"""The futures' looks at money and positions."""

from decimal import Decimal
from typing import Any

from proxy.simulator.binance.futures.contracts import Contract, contract_of, every
from proxy.simulator.binance.futures.order import Seat
from proxy.simulator.binance.wire import Refusal

_LEVERAGE = 10  # of every wallet at the beginning, and what margins are reckoned with


def _coins(seat: Seat) -> list[str]:
    return [coin for coin in seat.floor.board.coins if coin in seat.wallet.desk.total]


def _asset(seat: Seat, coin: str) -> dict[str, Any]:
    desk = seat.wallet.desk
    total, held = desk.total[coin], desk.held.get(coin, Decimal(0))
    whole, free = f"{total:.8f}", f"{total - held:.8f}"
    return {
        "asset": coin,
        "walletBalance": whole,
        "unrealizedProfit": "0.00000000",
        "marginBalance": whole,
        "maintMargin": "0.00000000",
        "initialMargin": f"{held:.8f}",
        "positionInitialMargin": "0.00000000",
        "openOrderInitialMargin": f"{held:.8f}",
        "crossWalletBalance": whole,
        "crossUnPnl": "0.00000000",
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "updateTime": seat.now_ms,
    }


def _rows(seat: Seat, listed: list[Contract]) -> list[tuple[Contract, str, Decimal, Decimal]]:
    """Contract, position side, quantity and entry price."""
    sides = ("LONG", "SHORT") if seat.wallet.modes.dual else ("BOTH",)
    return [(one, side, *seat.wallet.position(one.market, side)) for one in listed for side in sides]


def _position(seat: Seat, row: tuple[Contract, str, Decimal, Decimal]) -> dict[str, Any]:
    one, side, quantity, entry = row
    last = one.market.last
    worth = one.worth(quantity, last)
    gain = one.worth(quantity, last) - one.worth(quantity, entry) if quantity else Decimal(0)
    if one.product == "coinm":
        gain = -gain
    margin = f"{abs(worth) / _LEVERAGE:.8f}"
    notional = "notional" if one.product == "usdm" else "notionalValue"
    return {
        "symbol": one.symbol,
        "positionSide": side,
        "positionAmt": one.told(quantity),
        "entryPrice": f"{entry:.8f}",
        "breakEvenPrice": f"{entry:.8f}",
        "markPrice": f"{last:f}",
        "unRealizedProfit": f"{gain:.8f}",
        "liquidationPrice": "0",
        "isolatedMargin": "0.00000000",
        notional: f"{worth:.8f}",
        "isolatedWallet": "0.00000000",
        "updateTime": seat.now_ms if quantity else 0,
        "leverage": str(seat.wallet.leverage.get(one.symbol, _LEVERAGE)),
        "marginType": "isolated" if one.symbol in seat.wallet.isolated else "cross",
        "initialMargin": margin,
        "positionInitialMargin": margin,
        "openOrderInitialMargin": "0",
        "maintMargin": f"{abs(worth) / 40:.8f}",
        "marginAsset": one.margin_coin,
    }


_V2 = (
    "symbol",
    "positionSide",
    "positionAmt",
    "entryPrice",
    "breakEvenPrice",
    "markPrice",
    "unRealizedProfit",
    "liquidationPrice",
    "isolatedMargin",
    "notional",
    "notionalValue",
    "isolatedWallet",
    "updateTime",
    "leverage",
    "marginType",
)
_V3_LACKS = ("leverage", "marginType")
_IN_ACCOUNT = (
    "symbol",
    "positionSide",
    "positionAmt",
    "entryPrice",
    "breakEvenPrice",
    "initialMargin",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "maintMargin",
    "leverage",
    "isolatedWallet",
    "notional",
    "notionalValue",
    "updateTime",
)


def positions_v2(seat: Seat) -> Any:
    """Every contract, with a position or without."""
    listed = seat.wanted()
    if "marginAsset" in seat.params:
        listed = [one for one in listed if one.margin_coin == seat.params["marginAsset"]]
    told = []
    for row in _rows(seat, listed):
        view = _position(seat, row)
        kept = {name: view[name] for name in _V2 if name in view}
        most = {"maxNotionalValue": "1000000"} if seat.product == "usdm" else {"maxQty": "1000000"}
        told.append({**kept, **most, "isAutoAddMargin": "false"})
    return told


def _busy(seat: Seat, listed: list[Contract]) -> list[dict[str, Any]]:
    ordered = {contract_of(order.market).symbol for order in seat.wallet.desk.open_orders()}
    rows = [row for row in _rows(seat, listed) if row[2] or row[0].symbol in ordered]
    return [_position(seat, row) for row in rows]


def positions_v3(seat: Seat) -> Any:
    """Only contracts with a position or an open order, and neither leverage nor margin type."""
    lacks = {"adl": 0, "bidNotional": "0", "askNotional": "0"}
    return [
        {**{name: value for name, value in view.items() if name not in _V3_LACKS}, **lacks}
        for view in _busy(seat, seat.wanted())
    ]


def _in_account(seat: Seat, view: dict[str, Any]) -> dict[str, Any]:
    told = {name: view[name] for name in _IN_ACCOUNT if name in view}
    return {**told, "unrealizedProfit": view["unRealizedProfit"], "isolated": view["marginType"] == "isolated"}


def account_v2(seat: Seat) -> Any:
    """Of COIN-M, the only one there is."""
    rows = [_position(seat, row) for row in _rows(seat, every(seat.floor, seat.product))]
    told = {
        "feeTier": 0,
        "canTrade": not seat.key.account.suspended(seat.now_ms),
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "assets": [_asset(seat, coin) for coin in _coins(seat)],
        "positions": [_in_account(seat, view) for view in rows],
    }
    return told if seat.product == "coinm" else {**told, "multiAssetsMargin": False, **_totals(seat)}


def account_v3(seat: Seat) -> Any:
    views = _busy(seat, every(seat.floor, seat.product))
    lacks = ("leverage", "isolated")
    rows = [{n: v for n, v in _in_account(seat, view).items() if n not in lacks} for view in views]
    return {**_totals(seat), "assets": [_asset(seat, coin) for coin in _coins(seat)], "positions": rows}


def _totals(seat: Seat) -> dict[str, str]:
    """In single-asset mode: of USDT alone."""
    asset = _asset(seat, "USDT") if "USDT" in seat.wallet.desk.total else dict.fromkeys(_SUMMED, "0.00000000")
    return {
        **{"total" + name[0].upper() + name[1:]: asset[name] for name in _SUMMED},
        "availableBalance": asset["availableBalance"],
        "maxWithdrawAmount": asset["availableBalance"],
    }


_SUMMED = (
    "initialMargin",
    "maintMargin",
    "walletBalance",
    "unrealizedProfit",
    "marginBalance",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "crossWalletBalance",
    "crossUnPnl",
    "availableBalance",
)


def balance(seat: Seat) -> Any:
    told = []
    for coin in _coins(seat):
        asset = _asset(seat, coin)
        row = {
            "accountAlias": "SgsR",
            "asset": coin,
            "balance": asset["walletBalance"],
            "crossWalletBalance": asset["crossWalletBalance"],
            "crossUnPnl": "0.00000000",
            "availableBalance": asset["availableBalance"],
            "updateTime": seat.now_ms,
        }
        if seat.product == "usdm":
            row |= {"maxWithdrawAmount": asset["availableBalance"], "marginAvailable": True}
        else:
            row |= {"withdrawAvailable": asset["availableBalance"]}
        told.append(row)
    return told


def brackets(seat: Seat) -> Any:
    floors = ("notionalFloor", "notionalCap") if seat.product == "usdm" else ("qtyFloor", "qtyCap")
    tier = {"bracket": 1, "initialLeverage": 125, floors[0]: 0, floors[1]: 1_000_000, "maintMarginRatio": 0.004}
    rows = [{"symbol": one.symbol, "brackets": [{**tier, "cum": 0.0}]} for one in seat.wanted()]
    return rows[0] if "symbol" in seat.params and seat.product == "usdm" else rows


def commission_rate(seat: Seat) -> Any:
    rates = dict.fromkeys(("makerCommissionRate", "takerCommissionRate"), "0")
    return {"symbol": seat.contract().symbol, **rates}


def no_income(seat: Seat) -> Any:
    return []


def trading_status(seat: Seat) -> Any:
    return {"indicators": {}, "updateTime": seat.now_ms}


def order_counts(seat: Seat) -> Any:
    """The limits, not what is used of them."""
    short = seat.orders_10s
    if short is None:
        raise Refusal(400, -1020, "This operation is not supported.")
    return [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": short.capacity},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": seat.orders_1m.capacity},
    ]
