"""All signed calls of HTX: method and path, counter, right."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from proxy.simulator.htx import spot_account, spot_trade, swap_v1, swap_v1_reads, swap_v5, swap_v5_reads
from proxy.simulator.htx.counts import Group
from proxy.simulator.htx.seat import Seat


@dataclass(frozen=True, slots=True)
class PrivateRow:
    """`money`: would move money. Inner transfers need no more than the right to trade."""

    run: Callable[[Seat], dict[str, Any]]
    group: Group
    right: Literal["read", "trade", "withdraw"] = "read"
    money: bool = False

    @property
    def product(self) -> str:
        return "swap" if self.group in ("swap_trade", "swap_read", "lever") else "spot"


_PLACE: tuple[Group, Literal["trade"]] = ("fast", "trade")

SPOT_PRIVATE: dict[tuple[str, str], PrivateRow] = {
    ("GET", "/v1/account/accounts"): PrivateRow(spot_account.accounts, "fast"),
    ("GET", "/v1/account/accounts/{}/balance"): PrivateRow(spot_account.balance, "fast"),
    ("GET", "/v1/account/history"): PrivateRow(spot_account.account_history, "history"),
    ("GET", "/v2/user/uid"): PrivateRow(spot_account.uid, "default"),
    ("GET", "/v2/user/api-key"): PrivateRow(spot_account.key_info, "default"),
    ("GET", "/v2/reference/transact-fee-rate"): PrivateRow(spot_account.fee_rates, "usual"),
    ("POST", "/v1/order/orders/place"): PrivateRow(spot_trade.place, *_PLACE),
    ("POST", "/v1/order/auto/place"): PrivateRow(spot_trade.place, *_PLACE),
    ("POST", "/v1/order/batch-orders"): PrivateRow(spot_trade.place_batch, "usual", "trade"),
    ("POST", "/v1/order/orders/{}/submitcancel"): PrivateRow(spot_trade.cancel, *_PLACE),
    ("POST", "/v1/order/orders/submitCancelClientOrder"): PrivateRow(spot_trade.cancel_named, *_PLACE),
    ("POST", "/v1/order/orders/batchcancel"): PrivateRow(spot_trade.cancel_batch, "usual", "trade"),
    ("POST", "/v1/order/orders/batchCancelOpenOrders"): PrivateRow(spot_trade.cancel_open, "usual", "trade"),
    ("GET", "/v1/order/cancelAllOrders"): PrivateRow(spot_trade.cancel_open, "cancel_all", "trade"),
    ("GET", "/v1/order/openOrders"): PrivateRow(spot_account.open_orders, "usual"),
    ("GET", "/v1/order/orders/getClientOrder"): PrivateRow(spot_account.order_by_name, "usual"),
    ("GET", "/v1/order/orders/{}/matchresults"): PrivateRow(spot_account.order_fills, "usual"),
    ("GET", "/v1/order/orders/{}"): PrivateRow(spot_account.order_detail, "usual"),
    ("GET", "/v1/order/orders"): PrivateRow(spot_account.order_search, "usual"),
    ("GET", "/v1/order/history"): PrivateRow(spot_account.order_history, "slow"),
    ("GET", "/v1/order/matchresults"): PrivateRow(spot_account.fills, "slow"),
    ("POST", "/v1/dw/withdraw/api/create"): PrivateRow(spot_account.moved, "money", "withdraw", money=True),
    ("POST", "/v1/account/transfer"): PrivateRow(spot_account.moved, "pairs", "trade", money=True),
    ("POST", "/v2/account/transfer"): PrivateRow(spot_account.moved, "transfer", "trade", money=True),
    ("POST", "/v1/futures/transfer"): PrivateRow(spot_account.moved, "pairs", "trade", money=True),
    ("POST", "/v1/subuser/transfer"): PrivateRow(spot_account.moved, "pairs", "trade", money=True),
    ("POST", "/v2/point/transfer"): PrivateRow(spot_account.moved, "transfer", "trade", money=True),
    ("POST", "/v1/dw/transfer-in/margin"): PrivateRow(spot_account.moved, "pairs", "trade", money=True),
    ("POST", "/v1/dw/transfer-out/margin"): PrivateRow(spot_account.moved, "pairs", "trade", money=True),
}

V1: dict[tuple[str, str], PrivateRow] = {
    ("GET", "/linear-swap-api/v1/swap_api_trading_status"): PrivateRow(swap_v1_reads.trading_status, "swap_read"),
    ("POST", "/linear-swap-api/v1/swap_master_sub_transfer"): PrivateRow(
        swap_v1_reads.moved, "swap_trade", "trade", money=True
    ),
    ("POST", "/linear-swap-api/v1/swap_transfer_inner"): PrivateRow(
        swap_v1_reads.moved, "swap_trade", "trade", money=True
    ),
}
for _prefix in ("swap_", "swap_cross_"):
    for _name, _row in {
        "order": PrivateRow(swap_v1.place, "swap_trade", "trade"),
        "batchorder": PrivateRow(swap_v1.place_batch, "swap_trade", "trade"),
        "cancel": PrivateRow(swap_v1.cancel_orders, "swap_trade", "trade"),
        "cancelall": PrivateRow(swap_v1.cancel_all, "swap_trade", "trade"),
        "switch_lever_rate": PrivateRow(swap_v1_reads.lever, "lever", "trade"),
        "order_info": PrivateRow(swap_v1_reads.order_info, "swap_read"),
        "openorders": PrivateRow(swap_v1_reads.open_orders, "swap_read"),
        "account_info": PrivateRow(swap_v1_reads.account_info, "swap_read"),
        "position_info": PrivateRow(swap_v1_reads.position_info, "swap_read"),
    }.items():
        V1["POST", f"/linear-swap-api/v1/{_prefix}{_name}"] = _row
    V1["POST", f"/linear-swap-api/v3/{_prefix}hisorders"] = PrivateRow(swap_v1_reads.history, "swap_read")
    V1["POST", f"/linear-swap-api/v3/{_prefix}matchresults"] = PrivateRow(swap_v1_reads.fills, "swap_read")

V5: dict[tuple[str, str], PrivateRow] = {
    ("POST", "/v5/trade/order"): PrivateRow(swap_v5.place, "swap_trade", "trade"),
    ("POST", "/v5/trade/batch_orders"): PrivateRow(swap_v5.place_batch, "swap_trade", "trade"),
    ("POST", "/v5/trade/cancel_order"): PrivateRow(swap_v5.cancel_order, "swap_trade", "trade"),
    ("POST", "/v5/trade/cancel_batch_orders"): PrivateRow(swap_v5.cancel_batch, "swap_trade", "trade"),
    ("POST", "/v5/trade/cancel_all_orders"): PrivateRow(swap_v5.cancel_all, "swap_trade", "trade"),
    ("GET", "/v5/trade/order"): PrivateRow(swap_v5_reads.order_info, "swap_read"),
    ("GET", "/v5/trade/order/opens"): PrivateRow(swap_v5_reads.open_orders, "swap_read"),
    ("GET", "/v5/trade/order/history"): PrivateRow(swap_v5_reads.history, "swap_read"),
    ("GET", "/v5/trade/order/details"): PrivateRow(swap_v5_reads.details, "swap_read"),
    ("GET", "/v5/trade/position/opens"): PrivateRow(swap_v5_reads.open_positions, "swap_read"),
    ("GET", "/v5/account/balance"): PrivateRow(swap_v5_reads.balance, "swap_read"),
}

SIGNED: dict[tuple[str, str], PrivateRow] = {**SPOT_PRIVATE, **V1, **V5}
