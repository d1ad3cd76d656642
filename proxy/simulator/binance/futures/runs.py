"""The table of everything on the futures' hosts that needs a key."""

from collections.abc import Callable
from typing import Any

from proxy.simulator.binance.futures import account, algo, batch, history, settings, trade
from proxy.simulator.binance.futures.data import trades
from proxy.simulator.binance.futures.order import Seat


def listen_key(seat: Seat) -> Any:
    """The account's: the same for all its keys."""
    return {"listenKey": f"sim-listen-key-{seat.product}-{seat.account}"} if seat.asked.method != "DELETE" else {}


def moved(seat: Seat) -> Any:
    """Recorded where the right is checked; nothing is kept here that could go."""
    return {"msg": "success"}


def old_trades(seat: Seat) -> Any:
    return trades(seat.floor, seat.product, seat.params, seat.now_ms)


def no_rows(seat: Seat) -> Any:
    return []


KEYED: dict[str, Callable[[Seat], Any]] = {
    **{
        f.__name__: f
        for f in (
            trade.place,
            trade.test_order,
            trade.amend,
            trade.amendments,
            trade.cancel,
            trade.cancel_all,
            trade.countdown,
            batch.place_batch,
            batch.amend_batch,
            batch.cancel_batch,
            history.query,
            history.query_open,
            history.open_orders,
            history.all_orders,
            history.user_trades,
            algo.place_algo,
            algo.query_algo,
            algo.cancel_algo,
            algo.cancel_algos,
            algo.open_algos,
            account.account_v2,
            account.account_v3,
            account.balance,
            account.positions_v2,
            account.positions_v3,
            account.brackets,
            account.commission_rate,
            account.no_income,
            account.trading_status,
            account.order_counts,
            settings.set_leverage,
            settings.set_margin_type,
            settings.add_margin,
            settings.dual,
            settings.set_dual,
            settings.multi_assets,
            settings.set_multi_assets,
            settings.account_config,
            settings.symbol_config,
            listen_key,
            moved,
            no_rows,
        )
    },
    "trades": old_trades,
}
