"""Binance's signed reads, the /sapi calls, and the table of everything that needs a signature."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from proxy.simulator.binance.cancel import cancel, cancel_all, cancel_list
from proxy.simulator.binance.data import market
from proxy.simulator.binance.lists import all_lists, open_lists, place_oco, place_oto, query_list
from proxy.simulator.binance.replace import amend, amendments, cancel_replace
from proxy.simulator.binance.ticket import Seat
from proxy.simulator.binance.trade import find, place, shown, test_order
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.orders import Order


def account(seat: Seat) -> Any:
    desk = seat.key.account.desk
    zero = seat.params.get("omitZeroBalances") != "true"
    balances = [
        {
            "asset": coin,
            "free": f"{desk.free(coin):.8f}",
            "locked": f"{desk.held.get(coin, Decimal(0)):.8f}",
        }
        for coin, total in desk.total.items()
        if total or zero
    ]
    return {
        "makerCommission": 0,
        "takerCommission": 0,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000"),
        "canTrade": not seat.key.account.suspended(seat.now_ms),
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": seat.now_ms,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": _uid(seat),
    }


def _uid(seat: Seat) -> int:
    names = [name for where, name in seat.floor.registry.accounts if where == "binance"]
    return 1_000_000 + names.index(seat.account)


def commission(seat: Seat) -> Any:
    zero = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
    return {"symbol": seat.market().binance, "standardCommission": zero, "taxCommission": zero}


def order_counts(seat: Seat) -> Any:
    return [
        {
            "rateLimitType": "ORDERS",
            "interval": interval,
            "intervalNum": number,
            "limit": window.capacity,
            "count": window.used(seat.account, seat.now_ms),
        }
        for interval, number, window in (("SECOND", 10, seat.orders_10s), ("DAY", 1, seat.orders_1d))
    ]


def query(seat: Seat) -> Any:
    order = find(seat)
    if order is None:
        raise Refusal(400, -2013, "Order does not exist.")
    return shown(order)


def open_orders(seat: Seat) -> Any:
    wanted = market(seat.floor, seat.params["symbol"]) if "symbol" in seat.params else None
    return [shown(order) for order in seat.key.account.desk.open_orders(wanted)]


def _page(seat: Seat, orders: list[Order]) -> list[Order]:
    limit, start = seat.params.get("limit", "500"), seat.params.get("orderId", "0")
    if not limit.isdigit() or not start.isdigit():
        raise Refusal(400, -1100, "Illegal characters found in a parameter.")
    kept = [order for order in orders if order.number >= int(start)]
    count = min(int(limit), 1000)
    return kept[:count] if int(start) else kept[-count:]


def all_orders(seat: Seat) -> Any:
    return [shown(order) for order in _page(seat, seat.key.account.desk.all_orders(seat.market()))]


def my_trades(seat: Seat) -> Any:
    return [
        {
            "symbol": order.market.binance,
            "id": order.number,
            "orderId": order.number,
            "orderListId": -1,
            "price": f"{order.average:.8f}",
            "qty": f"{order.filled:.8f}",
            "quoteQty": f"{order.filled_value:.8f}",
            "commission": "0.00000000",
            "commissionAsset": order.market.spec.quote,
            "time": order.updated_ms,
            "isBuyer": order.side == "BUY",
            "isMaker": False,
            "isBestMatch": True,
        }
        for order in _page(seat, seat.key.account.desk.all_orders(seat.market()))
        if order.filled
    ]


def coins(seat: Seat) -> Any:
    desk = seat.key.account.desk
    return [
        {
            "coin": coin,
            "depositAllEnable": True,
            "withdrawAllEnable": True,
            "name": coin,
            "free": f"{desk.free(coin):f}",
            "locked": f"{desk.held.get(coin, Decimal(0)):f}",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": coin in ("USD", "EUR"),
            "trading": True,
            "networkList": [
                {
                    "network": "SIM",
                    "coin": coin,
                    "name": "Simulated",
                    "withdrawIntegerMultiple": "0.00000001",
                    "isDefault": True,
                    "depositEnable": True,
                    "withdrawEnable": True,
                    "withdrawFee": "0",
                    "withdrawMin": "0",
                    "withdrawMax": "1000000",
                }
            ],
        }
        for coin in seat.floor.board.coins
    ]


def pairs(seat: Seat) -> Any:
    """Margin pairs: there are none."""
    return []


def restrictions(seat: Seat) -> Any:
    """Rights of the key; the addresses of its whitelist are not told."""
    key = seat.key
    off = (
        "enableMargin",
        "enableInternalTransfer",
        "permitsUniversalTransfer",
        "enableVanillaOptions",
        "enablePortfolioMarginTrading",
        "enableFixApiTrade",
        "enableFixReadOnly",
    )
    return {
        "ipRestrict": key.restricted,
        "createTime": 1_600_000_000_000,
        "enableReading": key.spec.read,
        "enableSpotAndMarginTrading": key.trade,
        "enableFutures": key.trade,
        "enableWithdrawals": key.spec.withdraw,
        **dict.fromkeys(off, False),
    }


def account_status(seat: Seat) -> Any:
    return {"data": "Locked" if seat.key.account.suspended(seat.now_ms) else "Normal"}


def withdraw(seat: Seat) -> Any:
    """Recorded where the right is checked; no money is kept here that could go."""
    return {"id": f"sim-withdrawal-{seat.now_ms}"}


PRIVATE: dict[str, Callable[[Seat], Any]] = {
    f.__name__: f
    for f in (
        account,
        commission,
        order_counts,
        query,
        open_orders,
        all_orders,
        my_trades,
        place,
        test_order,
        amend,
        amendments,
        cancel_replace,
        cancel,
        cancel_all,
        place_oco,
        place_oto,
        cancel_list,
        query_list,
        open_lists,
        all_lists,
        coins,
        pairs,
        restrictions,
        account_status,
        withdraw,
    )
}
