"""KuCoin's endpoints: pools, weights and rights as its own specification has them, per host."""

from collections.abc import Callable
from typing import Any

from proxy.simulator.kucoin import (
    account,
    data,
    futures_data,
    futures_read,
    futures_trade,
    spot_read,
    spot_trade,
    switch,
)
from proxy.simulator.kucoin.seat import Right, Row, Visit

_GENERAL: Right = "read"


def _public(weight: int, run: Callable[[Visit], Any]) -> Row:
    return Row("public", weight, "", run)


_SPOT: dict[str, Row] = {
    "GET /api/v1/timestamp": _public(3, data.timestamp),
    "GET /api/v1/status": _public(3, data.status),
    "GET /api/v1/my-ip": _public(0, data.my_ip),
    "GET /api/v1/markets": _public(3, data.markets),
    "GET /api/v1/prices": _public(3, data.prices),
    "GET /api/v1/market/stats": _public(15, data.stats),
    "GET /api/v1/market/allTickers": _public(15, data.all_tickers),
    "GET /api/v1/market/orderbook/level1": _public(2, data.level1),
    "GET /api/v1/market/orderbook/level2_20": _public(2, data.book_20),
    "GET /api/v1/market/orderbook/level2_100": _public(4, data.book_100),
    "GET /api/v1/market/histories": _public(3, data.histories),
    "GET /api/v1/market/candles": _public(3, data.candles),
    "GET /api/v3/market/orderbook/level2": Row("spot", 3, _GENERAL, data.book_100),
    "GET /api/v1/accounts": Row("management", 5, _GENERAL, account.accounts),
    "GET /api/v1/user/api-key": Row("management", 20, _GENERAL, account.api_key),
    "GET /api/v2/user-info": Row("management", 20, _GENERAL, account.user_info),
    "GET /api/v1/hf/accounts/opened": Row("spot", 30, _GENERAL, account.opened),
    "GET /api/ua/v1/account/mode": Row("unified", 1, _GENERAL, account.account_mode),
    "GET /api/v3/margin/symbols": Row("spot", 3, _GENERAL, account.margin_symbols),
    "GET /api/v1/isolated/symbols": Row("spot", 3, _GENERAL, account.isolated_symbols),
    "POST /api/v1/withdrawals": Row("management", 5, "withdraw", account.withdraw, money=True),
    "POST /api/v3/withdrawals": Row("management", 5, "withdraw", account.withdraw, money=True),
    "POST /api/v3/accounts/universal-transfer": Row("management", 4, "withdraw", account.transfer, money=True),
    "POST /api/v2/accounts/sub-transfer": Row("management", 30, "withdraw", account.transfer, money=True),
    "POST /api/v2/accounts/inner-transfer": Row("management", 10, "withdraw", account.transfer, money=True),
    "POST /api/v1/hf/orders": Row("spot", 1, "trade", spot_trade.place),
    "POST /api/v1/hf/orders/sync": Row("spot", 1, "trade", spot_trade.place_sync),
    "POST /api/v1/hf/orders/test": Row("spot", 1, "trade", spot_trade.test),
    "POST /api/v1/hf/orders/multi": Row("spot", 1, "trade", spot_trade.multi),
    "POST /api/v1/hf/orders/multi/sync": Row("spot", 1, "trade", spot_trade.multi_sync),
    "POST /api/v1/hf/orders/alter": Row("spot", 1, "trade", spot_trade.alter),
    "POST /api/v1/hf/orders/dead-cancel-all": Row("spot", 2, "trade", switch.set_switch),
    "GET /api/v1/hf/orders/dead-cancel-all/query": Row("spot", 2, "trade", switch.get_switch),
    "DELETE /api/v1/hf/orders/{orderId}": Row("spot", 1, "trade", spot_trade.cancel),
    "DELETE /api/v1/hf/orders/sync/{orderId}": Row("spot", 1, "trade", spot_trade.cancel_sync),
    "DELETE /api/v1/hf/orders/client-order/{clientOid}": Row("spot", 1, "trade", spot_trade.cancel_named),
    "DELETE /api/v1/hf/orders/sync/client-order/{clientOid}": Row("spot", 1, "trade", spot_trade.cancel_named_sync),
    "DELETE /api/v1/hf/orders": Row("spot", 2, "trade", spot_trade.cancel_symbol),
    "DELETE /api/v1/hf/orders/cancelAll": Row("spot", 30, "trade", spot_trade.cancel_all),
    "GET /api/v1/hf/orders/{orderId}": Row("spot", 2, _GENERAL, spot_read.by_number),
    "GET /api/v1/hf/orders/client-order/{clientOid}": Row("spot", 2, _GENERAL, spot_read.by_client_id),
    "GET /api/v1/hf/orders/active": Row("spot", 2, _GENERAL, spot_read.active),
    "GET /api/v1/hf/orders/active/page": Row("spot", 2, _GENERAL, spot_read.active_page),
    "GET /api/v1/hf/orders/active/symbols": Row("spot", 2, "trade", spot_read.active_symbols),
    "GET /api/v1/hf/orders/done": Row("spot", 2, _GENERAL, spot_read.done),
    "GET /api/v1/hf/fills": Row("spot", 2, _GENERAL, spot_read.fills),
    "POST /api/v1/orders": Row("spot", 2, "trade", spot_trade.place_old),
    "POST /api/v1/orders/test": Row("spot", 2, "trade", spot_trade.test_old),
    "POST /api/v1/orders/multi": Row("spot", 3, "trade", spot_trade.multi_old),
    "DELETE /api/v1/orders/{orderId}": Row("spot", 3, "trade", spot_trade.cancel_old),
    "DELETE /api/v1/order/client-order/{clientOid}": Row("spot", 3, "trade", spot_trade.cancel_named_old),
    "DELETE /api/v1/orders": Row("spot", 20, "trade", spot_trade.cancel_all_old),
    "GET /api/v1/orders": Row("spot", 2, _GENERAL, spot_read.listed_old),
    "GET /api/v1/limit/orders": Row("spot", 3, _GENERAL, spot_read.recent_old),
    "GET /api/v1/orders/{orderId}": Row("spot", 2, _GENERAL, spot_read.by_number_old),
    "GET /api/v1/order/client-order/{clientOid}": Row("spot", 3, _GENERAL, spot_read.by_client_id_old),
    "GET /api/v1/fills": Row("spot", 10, _GENERAL, spot_read.fills_old),
    "GET /api/v1/limit/fills": Row("spot", 20, _GENERAL, spot_read.recent_fills_old),
    **{f"GET /api/v{n}/symbols": _public(4, data.symbols) for n in (1, 2)},
    **{f"GET /api/v{n}/symbols/{{symbol}}": _public(4, data.symbol_row) for n in (1, 2)},
    **{f"GET /api/v{n}/currencies": _public(3, data.currencies) for n in (1, 2, 3)},
    **{f"GET /api/v{n}/currencies/{{currency}}": _public(3, data.currency) for n in (1, 2, 3)},
}
_FUTURES: dict[str, Row] = {
    "GET /api/v1/timestamp": _public(2, data.timestamp),
    "GET /api/v1/status": _public(4, data.status),
    "GET /api/v1/contracts/active": _public(3, futures_data.contracts),
    "GET /api/v1/contracts/{symbol}": _public(3, futures_data.contract),
    "GET /api/v1/ticker": _public(2, futures_data.ticker),
    "GET /api/v1/allTickers": _public(5, futures_data.all_tickers),
    "GET /api/v1/level2/snapshot": _public(3, futures_data.book_100),
    "GET /api/v1/level2/depth20": _public(5, futures_data.book_20),
    "GET /api/v1/level2/depth100": _public(5, futures_data.book_100),
    "GET /api/v1/trade/history": _public(5, futures_data.trades),
    "GET /api/v1/kline/query": _public(3, futures_data.candles),
    "GET /api/v1/mark-price/{symbol}/current": _public(3, futures_data.mark_price),
    "GET /api/v1/funding-rate/{symbol}/current": _public(2, futures_data.funding_rate),
    "GET /api/v1/account-overview": Row("futures", 5, "trade", account.overview),
    "GET /api/v1/position": Row("futures", 2, "trade", futures_read.position_of),
    "GET /api/v1/positions": Row("futures", 2, "trade", futures_read.positions),
    "GET /api/v2/getCrossUserLeverage": Row("futures", 2, "trade", futures_read.leverage),
    "GET /api/v2/position/getMarginMode": Row("futures", 2, "trade", futures_read.margin_mode),
    "GET /api/v2/position/getPositionMode": Row("futures", 2, "trade", futures_read.position_mode),
    "POST /api/v3/transfer-out": Row("management", 20, "withdraw", account.transfer, money=True),
    "POST /api/v1/transfer-in": Row("management", 20, "withdraw", account.transfer, money=True),
    "POST /api/v1/orders": Row("futures", 2, "trade", futures_trade.place),
    "POST /api/v1/orders/test": Row("futures", 2, "trade", futures_trade.test),
    "POST /api/v1/orders/multi": Row("futures", 20, "trade", futures_trade.multi),
    "DELETE /api/v1/orders/{orderId}": Row("futures", 1, "trade", futures_trade.cancel),
    "DELETE /api/v1/orders/client-order/{clientOid}": Row("futures", 1, "trade", futures_trade.cancel_named),
    "DELETE /api/v1/orders/multi-cancel": Row("futures", 20, "trade", futures_trade.multi_cancel),
    "DELETE /api/v3/orders": Row("futures", 10, "trade", futures_trade.cancel_all),
    "DELETE /api/v1/orders": Row("futures", 800, "trade", futures_trade.cancel_all),
    "GET /api/v1/orders/{orderId}": Row("futures", 5, _GENERAL, futures_read.by_number),
    "GET /api/v1/orders/byClientOid": Row("futures", 5, _GENERAL, futures_read.by_client_id),
    "GET /api/v1/orders": Row("futures", 2, _GENERAL, futures_read.listed),
    "GET /api/v1/recentDoneOrders": Row("futures", 5, _GENERAL, futures_read.recent_done),
    "GET /api/v1/fills": Row("futures", 5, _GENERAL, futures_read.fills),
    "GET /api/v1/recentFills": Row("futures", 3, "trade", futures_read.recent_fills),
    "GET /api/v1/openOrderStatistics": Row("futures", 10, _GENERAL, futures_trade.statistics),
}
_Template = tuple[tuple[str, ...], Row]


def _templates(table: dict[str, Row]) -> list[_Template]:
    return [(tuple(name.split("/")), row) for name, row in table.items() if "{" in name]


_DOORS = {"spot": _SPOT, "futures": _FUTURES}
_TEMPLATES = {door: _templates(table) for door, table in _DOORS.items()}


def route(door: str, method: str, path: str) -> tuple[str, Row, dict[str, str]] | None:
    """The endpoint's name, its row and the names inside the path. Whole paths go before those with a name inside."""
    wanted = f"{method} {path}"
    if (row := _DOORS[door].get(wanted)) is not None:
        return wanted, row, {}
    parts = wanted.split("/")
    for template, row in _TEMPLATES[door]:
        if len(template) == len(parts) and all(t == p or t[0:1] == "{" for t, p in zip(template, parts, strict=True)):
            names = {t[1:-1]: p for t, p in zip(template, parts, strict=True) if t[0:1] == "{"}
            if all(names.values()):
                return "/".join(template), row, names
    return None
