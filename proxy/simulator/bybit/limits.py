"""What Bybit allows, unless a simulation says otherwise, and which endpoint is counted where."""

from dataclasses import dataclass
from typing import Literal

Line = Literal["derivatives", "option", "spot"]
LINES: tuple[Line, ...] = ("derivatives", "option", "spot")
Three = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class BybitLimits:
    """Requests a second of one user and endpoint; three numbers are derivatives, options and spot, counted apart.

    `ip_5s`: all requests of an address in 5 s, `ban_seconds`: how long it is shut out afterwards.
    `minute_*`: a minute instead of a second. `open_orders`: at one time, of a symbol (derivatives) or in all (spot).
    """

    ip_5s: int = 600
    ban_seconds: int = 600
    create: Three = (10, 10, 20)
    amend: Three = (10, 10, 10)
    cancel: Three = (10, 10, 20)
    cancel_all: Three = (10, 1, 20)
    create_batch: Three = (10, 10, 20)
    amend_batch: Three = (10, 10, 20)
    cancel_batch: Three = (10, 10, 20)
    order_read: int = 50
    position_read: Three = (50, 50, 50)
    position_write: Three = (10, 10, 10)
    account_read: int = 50
    fee_rate: int = 5
    account_log: int = 25
    countdown: int = 5
    key_read: int = 10
    limit_read: int = 50
    coin_read: int = 5
    withdraw: int = 5
    universal_transfer: int = 5
    minute_transfer: int = 60
    minute_list: int = 60
    open_orders: int = 500


FIELD_OF = {
    "/v5/order/create": "create",
    "/v5/order/amend": "amend",
    "/v5/order/cancel": "cancel",
    "/v5/order/cancel-all": "cancel_all",
    "/v5/order/create-batch": "create_batch",
    "/v5/order/amend-batch": "amend_batch",
    "/v5/order/cancel-batch": "cancel_batch",
    "/v5/order/disconnected-cancel-all": "countdown",
    "/v5/order/realtime": "order_read",
    "/v5/order/history": "order_read",
    "/v5/execution/list": "order_read",
    "/v5/position/list": "position_read",
    "/v5/position/closed-pnl": "position_read",
    "/v5/position/set-leverage": "position_write",
    "/v5/account/wallet-balance": "account_read",
    "/v5/account/info": "account_read",
    "/v5/account/fee-rate": "fee_rate",
    "/v5/account/transaction-log": "account_log",
    "/v5/user/query-api": "key_read",
    "/v5/apilimit/query": "limit_read",
    "/v5/asset/coin/query-info": "coin_read",
    "/v5/asset/transfer/query-account-coins-balance": "coin_read",
    "/v5/asset/withdraw/query-record": "minute_list",
    "/v5/asset/withdraw/create": "withdraw",
    "/v5/asset/transfer/universal-transfer": "universal_transfer",
    "/v5/asset/transfer/inter-transfer": "minute_transfer",
}


@dataclass(frozen=True, slots=True)
class Quota:
    capacity: int
    window_s: float
    line: str  # "" where all lines are counted together


def quota(limits: BybitLimits, path: str, line: Line) -> Quota:
    """What one user may do at an endpoint. Raises KeyError for a path that is not in the table."""
    field = FIELD_OF[path]
    value: int | Three = getattr(limits, field)
    window_s = 60.0 if field.startswith("minute_") else 1.0
    if isinstance(value, tuple):
        return Quota(value[LINES.index(line)], window_s, line)
    return Quota(value, window_s, "")
