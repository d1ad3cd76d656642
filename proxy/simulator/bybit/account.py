"""Bybit's wallet, key and account endpoints, and the table of everything signed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from proxy.simulator.bybit import markets
from proxy.simulator.bybit.limits import LINES, Line, quota
from proxy.simulator.bybit.lookup import executions, history, nothing, positions, realtime
from proxy.simulator.bybit.rows import text
from proxy.simulator.bybit.seat import Seat, category, market, whole
from proxy.simulator.bybit.trade import (
    amend,
    amend_batch,
    cancel,
    cancel_all,
    cancel_batch,
    create,
    create_batch,
)
from proxy.simulator.bybit.wire import Refusal

ZERO = Decimal(0)
_UNBOUND_DAYS = 90  # a key without addresses expires


def wallet(seat: Seat) -> Any:
    if seat.params.get("accountType") != "UNIFIED":
        raise Refusal(10001, "accountType only support UNIFIED.")
    wanted = [c for c in str(seat.params.get("coin") or "").split(",") if c]
    locked: dict[tuple[bool, str], Decimal] = {}
    for order in seat.desk.open_orders():
        coin, amount = order.held()
        name = order.market.kind == "spot", coin
        locked[name] = locked.get(name, ZERO) + amount
    coins = [
        {
            "coin": coin,
            "equity": f"{total:f}",
            "usdValue": f"{total:f}",
            "walletBalance": f"{total:f}",
            "locked": text(locked.get((True, coin), ZERO)),
            "totalOrderIM": text(locked.get((False, coin), ZERO)),
            "availableToWithdraw": "",  # no longer told
            **dict.fromkeys(("totalPositionIM", "totalPositionMM", "unrealisedPnl", "cumRealisedPnl"), "0"),
            **dict.fromkeys(("borrowAmount", "accruedInterest", "bonus", "spotBorrow"), "0"),
            "marginCollateral": True,
            "collateralSwitch": True,
        }
        for coin, total in seat.desk.total.items()
        if not wanted or coin in wanted
    ]
    usd = f"{seat.desk.total.get('USDT', ZERO):f}"
    totals = ("totalEquity", "totalWalletBalance", "totalMarginBalance", "totalAvailableBalance")
    rates = ("accountIMRate", "accountMMRate", "totalPerpUPL", "totalInitialMargin", "totalMaintenanceMargin")
    whole_account = {**dict.fromkeys(totals, usd), **dict.fromkeys(rates, "0"), "accountLTV": "0"}
    return {"list": [{"accountType": "UNIFIED", **whole_account, "coin": coins}]}


def account_info(seat: Seat) -> Any:
    """The status of an account whose inverse contracts are unified too."""
    return {
        "unifiedMarginStatus": 5,
        "marginMode": "REGULAR_MARGIN",
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(seat.now_ms),
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
    }


def fee_rate(seat: Seat) -> Any:
    rows = markets.listed(seat.floor.board, category(seat.params))
    name = seat.params.get("symbol")
    fees = {"takerFeeRate": "0", "makerFeeRate": "0"}
    return {"list": [{"symbol": markets.symbol(m), **fees} for m in rows if name in (None, markets.symbol(m))]}


def uid(name: str) -> int:
    """A user's number: the same in every run."""
    return 10_000_000 + int.from_bytes(name.encode()[:6], "big") % 89_999_999


def key_info(seat: Seat) -> Any:
    """Rights, bound addresses and expiry. A bound key has none: 1970 and a negative number of days."""
    key = seat.key
    now = datetime.fromtimestamp(seat.now_ms / 1000, UTC)
    end = datetime.fromtimestamp(0, UTC) if key.restricted else now + timedelta(days=_UNBOUND_DAYS)
    trades = key.trade
    return {
        "id": "1",
        "note": key.alias,
        "apiKey": key.spec.key,
        "readOnly": 0 if trades or key.spec.withdraw else 1,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"] if trades else [],
            "Spot": ["SpotTrade"] if trades else [],
            "Options": ["OptionsTrade"] if trades else [],
            "Derivatives": ["DerivativesTrade"] if trades else [],
            "Wallet": ["AccountTransfer", "SubMemberTransfer", "Withdraw"] if key.spec.withdraw else [],
            "Exchange": [],
            "CopyTrading": [],
            "BlockTrade": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": sorted(key.whitelist) if key.restricted else ["*"],
        "type": 1,
        "deadlineDay": -1 if key.restricted else _UNBOUND_DAYS,
        "expiredAt": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "createdAt": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "unified": 0,
        "uta": 1,
        "userID": uid(key.account.name),
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def rate_limits(seat: Seat) -> Any:
    """What a user's orders may do in a second, by line (apilimit)."""
    kinds: tuple[tuple[Line, str], ...] = tuple(zip(LINES, ("DERIVATIVES", "OPTIONS", "SPOT"), strict=True))
    uids = str(uid(seat.key.account.name))
    return {
        "list": [
            {"uids": uids, "bizType": told, "rate": quota(seat.limits, "/v5/order/create", line).capacity}
            for line, told in kinds
        ]
    }


def coin_info(seat: Seat) -> Any:
    chain = {
        "chainType": "SIM",
        "confirmation": "1",
        "withdrawFee": "0",
        "depositMin": "0",
        "withdrawMin": "0",
        "chain": "SIM",
        "chainDeposit": "1",
        "chainWithdraw": "1",
        "minAccuracy": "8",
        "withdrawPercentageFee": "0",
    }
    coins = seat.floor.board.coins
    return {"rows": [{"name": c, "coin": c, "remainAmount": "1000000", "chains": [chain]} for c in coins]}


def coins_balance(seat: Seat) -> Any:
    rows = [
        {"coin": coin, "transferBalance": f"{seat.desk.free(coin):f}", "walletBalance": f"{total:f}", "bonus": ""}
        for coin, total in seat.desk.total.items()
    ]
    return {
        "memberId": str(uid(seat.key.account.name)),
        "accountType": seat.params.get("accountType", "FUND"),
        "balance": rows,
    }


def set_leverage(seat: Seat) -> Any:
    """Every position stands at ten here, so ten is no change and anything else is not possible."""
    market(seat)
    if {str(seat.params.get(n)) for n in ("buyLeverage", "sellLeverage")} == {"10"}:
        raise Refusal(110043, "Set leverage has not been modified.")
    raise Refusal(110013, "Cannot set leverage due to risk limit level.")


def countdown(seat: Seat) -> Any:
    whole(seat.params, "timeWindow", 0, 3, 300)
    return None


def move_money(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"id": str(seat.now_ms), "transferId": str(seat.params.get("transferId", "")), "status": "SUCCESS"}


@dataclass(frozen=True, slots=True)
class Route:
    """`batch`: the answer has a second part, and the orders are counted one by one."""

    run: Callable[[Seat], Any]
    right: Literal["read", "trade", "withdraw"] = "read"
    batch: bool = False


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/v5/order/create"): Route(create, "trade"),
    ("POST", "/v5/order/amend"): Route(amend, "trade"),
    ("POST", "/v5/order/cancel"): Route(cancel, "trade"),
    ("POST", "/v5/order/cancel-all"): Route(cancel_all, "trade"),
    ("POST", "/v5/order/create-batch"): Route(create_batch, "trade", True),
    ("POST", "/v5/order/amend-batch"): Route(amend_batch, "trade", True),
    ("POST", "/v5/order/cancel-batch"): Route(cancel_batch, "trade", True),
    ("POST", "/v5/order/disconnected-cancel-all"): Route(countdown, "trade"),
    ("GET", "/v5/order/realtime"): Route(realtime),
    ("GET", "/v5/order/history"): Route(history),
    ("GET", "/v5/execution/list"): Route(executions),
    ("GET", "/v5/position/list"): Route(positions),
    ("GET", "/v5/position/closed-pnl"): Route(nothing),
    ("POST", "/v5/position/set-leverage"): Route(set_leverage, "trade"),
    ("GET", "/v5/account/wallet-balance"): Route(wallet),
    ("GET", "/v5/account/info"): Route(account_info),
    ("GET", "/v5/account/fee-rate"): Route(fee_rate),
    ("GET", "/v5/account/transaction-log"): Route(nothing),
    ("GET", "/v5/user/query-api"): Route(key_info),
    ("GET", "/v5/apilimit/query"): Route(rate_limits),
    ("GET", "/v5/asset/coin/query-info"): Route(coin_info),
    ("GET", "/v5/asset/transfer/query-account-coins-balance"): Route(coins_balance),
    ("GET", "/v5/asset/withdraw/query-record"): Route(nothing),
    ("POST", "/v5/asset/withdraw/create"): Route(move_money, "withdraw"),
    ("POST", "/v5/asset/transfer/inter-transfer"): Route(move_money, "withdraw"),
    ("POST", "/v5/asset/transfer/universal-transfer"): Route(move_money, "withdraw"),
}
