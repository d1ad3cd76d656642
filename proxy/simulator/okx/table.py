"""OKX's private calls: what they need, and which counter they draw on (v5 rate limits)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from proxy.simulator.okx import account, history, trade
from proxy.simulator.okx.ticket import Seat

Order = Callable[[Seat, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PrivateRow:
    """`run`: of a call about something else; `order`: done once for each order of the body. `limit`: its name in
    OkxLimits. `instrument`: counted by that too. `batch`: the limit of more than one order, and the refusal of too
    many. `expires`: heeds expTime. `counted`: on the counter of the whole account. `money`: would move money out."""

    limit: str
    run: Callable[[Seat], list[Any]] | None = None
    order: Order | None = None
    right: Literal["read", "trade", "withdraw"] = "read"
    window_s: float = 2.0
    instrument: bool = False
    batch: str = ""
    too_many: tuple[int, str, str] | None = None
    expires: bool = False
    counted: bool = False
    money: bool = False


BATCH_MOST = 20


def _trade(limit: str, order: Order, **rest: Any) -> PrivateRow:
    return PrivateRow(limit, order=order, right="trade", instrument=True, **rest)


def _read(run: Callable[[Seat], list[Any]], limit: str, window_s: float = 2.0) -> PrivateRow:
    return PrivateRow(limit, run, window_s=window_s)


def _money(run: Callable[[Seat], list[Any]], limit: str, right: Literal["trade", "withdraw"]) -> PrivateRow:
    return PrivateRow(limit, run, right=right, window_s=1.0, money=True)


_PLACE_MANY = (200, "51111", f"Maximum {BATCH_MOST} orders can be placed in bulk.")
_CANCEL_MANY = (400, "51406", f"Canceled - order count exceeds the limit {BATCH_MOST}.")
_AMEND_MANY = (400, "51501", f"Maximum {BATCH_MOST} orders can be modified.")

PRIVATE: dict[tuple[str, str], PrivateRow] = {
    ("POST", "trade/order"): _trade("place", trade.place, expires=True, counted=True),
    ("POST", "trade/batch-orders"): _trade(
        "place", trade.place, batch="batch_place", too_many=_PLACE_MANY, expires=True, counted=True
    ),
    ("POST", "trade/amend-order"): _trade("amend", trade.amend, expires=True, counted=True),
    ("POST", "trade/amend-batch-orders"): _trade(
        "amend", trade.amend, batch="batch_amend", too_many=_AMEND_MANY, expires=True, counted=True
    ),
    ("POST", "trade/cancel-order"): _trade("cancel", trade.cancel),
    ("POST", "trade/cancel-batch-orders"): _trade("cancel", trade.cancel, batch="batch_cancel", too_many=_CANCEL_MANY),
    ("POST", "trade/close-position"): PrivateRow(
        "close_position", trade.close_position, right="trade", instrument=True
    ),
    ("POST", "trade/cancel-all-after"): PrivateRow(
        "cancel_after_1s", trade.cancel_all_after, right="trade", window_s=1.0
    ),
    ("GET", "trade/order"): PrivateRow("order", history.one, instrument=True),
    ("GET", "trade/orders-pending"): _read(history.pending, "pending"),
    ("GET", "trade/orders-history"): _read(history.history, "history"),
    ("GET", "trade/orders-history-archive"): _read(history.archive, "archive"),
    ("GET", "trade/fills"): _read(history.fills, "fills"),
    ("GET", "trade/fills-history"): _read(history.fills_history, "fills_history"),
    ("GET", "trade/account-rate-limit"): _read(account.account_rate_limit, "account_rate_limit_1s", 1.0),
    ("GET", "account/balance"): _read(account.balance, "balance"),
    ("GET", "account/positions"): _read(account.positions, "positions"),
    ("GET", "account/config"): _read(account.config, "config"),
    ("GET", "account/bills"): _read(account.bills, "bills_1s", 1.0),
    ("GET", "account/trade-fee"): _read(account.trade_fee, "trade_fee"),
    ("GET", "account/max-size"): _read(account.max_size, "max_size"),
    ("GET", "account/instruments"): _read(account.account_instruments, "account_instruments"),
    ("GET", "asset/currencies"): _read(account.currencies, "asset_1s", 1.0),
    ("GET", "asset/balances"): _read(account.funding_balances, "asset_1s", 1.0),
    ("POST", "asset/withdrawal"): _money(account.withdraw, "asset_1s", "withdraw"),
    ("POST", "asset/transfer"): _money(account.transfer, "transfer_1s", "trade"),
    ("POST", "asset/subaccount/transfer"): _money(account.transfer, "transfer_1s", "trade"),
}
