"""What OKX allows, unless a simulation says otherwise (v5 rate limits)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OkxLimits:
    """Requests per two seconds, unless a name says otherwise. Public calls are counted by address, reads by user, what
    is about one order by user and instrument. A batch costs one per order; a batch of one counts as the single call.

    `account_orders`: new and amended orders of all instruments together; those of spot count only if `count_spot`.
    `status`: of the refusal; 200 and 429 are both documented.
    """

    place: int = 60
    cancel: int = 60
    amend: int = 60
    batch_place: int = 300
    batch_cancel: int = 300
    batch_amend: int = 300
    account_orders: int = 1000
    count_spot: bool = False
    order: int = 60
    pending: int = 60
    history: int = 40
    archive: int = 20
    fills: int = 60
    fills_history: int = 10
    close_position: int = 20
    cancel_after_1s: int = 1
    balance: int = 10
    positions: int = 10
    config: int = 5
    bills_1s: int = 5
    trade_fee: int = 5
    max_size: int = 20
    account_rate_limit_1s: int = 1
    account_instruments: int = 20
    asset_1s: int = 6
    transfer_1s: int = 2
    ticker: int = 20
    tickers: int = 20
    books: int = 40
    books_full: int = 10
    candles: int = 40
    history_candles: int = 20
    trades: int = 100
    instruments: int = 20
    time: int = 10
    status_5s: int = 1
    status: int = 429
