"""Poloniex's endpoints, with their groups of the rate limits and the rights they need."""

from proxy.simulator.poloniex import data, futures_data, futures_read, futures_trade, spot_read, spot_trade
from proxy.simulator.poloniex.seat import Row

_TABLE: dict[str, Row] = {
    "GET /timestamp": Row("public", "", data.timestamp),
    "GET /markets": Row("public_heavy", "", data.markets),
    "GET /markets/{symbol}": Row("public", "", data.market),
    "GET /markets/price": Row("public", "", data.prices),
    "GET /markets/{symbol}/price": Row("public", "", data.price),
    "GET /markets/markPrice": Row("public", "", data.mark_prices),
    "GET /markets/{symbol}/markPrice": Row("public", "", data.mark_price),
    "GET /markets/{symbol}/orderBook": Row("public", "", data.book),
    "GET /markets/{symbol}/candles": Row("public", "", data.candles),
    "GET /markets/{symbol}/trades": Row("public_heavy", "", data.trades),
    "GET /markets/ticker24h": Row("public_heavy", "", data.tickers),
    "GET /markets/{symbol}/ticker24h": Row("public_heavy", "", data.ticker),
    "GET /v2/currencies": Row("public_heavy", "", data.currencies),
    "GET /v2/currencies/{currency}": Row("public_heavy", "", data.currency),
    "GET /accounts": Row("private", "read", spot_read.accounts),
    "GET /accounts/balances": Row("private", "read", spot_read.balances),
    "GET /accounts/{id}/balances": Row("private", "read", spot_read.balances),
    "GET /accounts/activity": Row("private_heavy", "read", spot_read.nothing),
    "GET /accounts/transfer": Row("private_heavy", "read", spot_read.nothing),
    "GET /subaccounts": Row("private", "read", spot_read.nothing),
    "GET /smartorders": Row("private_heavy", "read", spot_read.nothing),
    "GET /feeinfo": Row("private_heavy", "read", spot_read.fees),
    "POST /accounts/transfer": Row("private", "withdraw", spot_read.transfer, money=True),
    "POST /subaccounts/transfer": Row("private_heavy", "withdraw", spot_read.transfer, money=True),
    "POST /wallets/withdraw": Row("private_heavy", "withdraw", spot_read.withdraw, money=True),
    "POST /v2/wallets/withdraw": Row("private_heavy", "withdraw", spot_read.withdraw, money=True),
    "POST /orders": Row("private", "trade", spot_trade.place),
    "POST /orders/batch": Row("private_heavy", "trade", spot_trade.batch),
    "PUT /orders/{id}": Row("private_heavy", "trade", spot_trade.replace),
    "GET /orders": Row("private_heavy", "read", spot_read.opened),
    "GET /orders/{id}": Row("private", "read", spot_read.order),
    "GET /orders/history": Row("private_heavy", "read", spot_read.history),
    "GET /orders/{id}/trades": Row("private", "read", spot_read.trades_of),
    "GET /trades": Row("private_heavy", "read", spot_read.trades),
    "DELETE /orders/{id}": Row("private", "trade", spot_trade.cancel),
    "DELETE /orders/cancelByIds": Row("private_heavy", "trade", spot_trade.cancel_by_ids),
    "DELETE /orders": Row("private_heavy", "trade", spot_trade.cancel_all),
    "POST /orders/killSwitch": Row("private", "trade", spot_trade.set_switch),
    "GET /orders/killSwitchStatus": Row("private", "read", spot_trade.get_switch),
    "GET /v3/market/allInstruments": Row("futures_public", "", futures_data.instruments),
    "GET /v3/market/instruments": Row("futures_public", "", futures_data.instrument),
    "GET /v3/market/tickers": Row("futures_public", "", futures_data.tickers),
    "GET /v3/market/orderBook": Row("futures_public", "", futures_data.book),
    "GET /v3/market/trades": Row("futures_public", "", futures_data.trades),
    "GET /v3/market/candles": Row("futures_candles", "", futures_data.candles),
    "GET /v3/market/markPrice": Row("futures_public", "", futures_data.mark_price),
    "GET /v3/market/fundingRate": Row("futures_public", "", futures_data.funding_rate),
    "GET /v3/account/balance": Row("futures_order", "read", futures_read.balance),
    "GET /v3/trade/order/opens": Row("futures_other", "read", futures_read.opened),
    "GET /v3/trade/order/history": Row("futures_other", "read", futures_read.history),
    "GET /v3/trade/order/trades": Row("futures_other", "read", futures_read.fills),
    "GET /v3/trade/position/opens": Row("futures_other", "read", futures_read.positions),
    "GET /v3/position/leverages": Row("futures_other", "read", futures_read.leverages),
    "GET /v3/position/mode": Row("futures_other", "read", futures_read.mode),
    "POST /v3/trade/order": Row("futures_order", "trade", futures_trade.place),
    "POST /v3/trade/orders": Row("futures_batch", "trade", futures_trade.batch),
    "POST /v3/trade/position": Row("futures_other", "trade", futures_trade.close),
    "POST /v3/trade/positionAll": Row("futures_close_all", "trade", futures_trade.close_all),
    "DELETE /v3/trade/order": Row("futures_cancel", "trade", futures_trade.cancel),
    "DELETE /v3/trade/batchOrders": Row("futures_other", "trade", futures_trade.cancel_batch),
    "DELETE /v3/trade/allOrders": Row("futures_other", "trade", futures_trade.cancel_all),
}
_TEMPLATES = [(tuple(name.split("/")), row) for name, row in _TABLE.items() if "{" in name]


def route(method: str, path: str) -> tuple[Row, dict[str, str]] | None:
    """The endpoint and the names inside the path. Whole paths go before those with a name inside."""
    wanted = f"{method} {path}"
    if (row := _TABLE.get(wanted)) is not None:
        return row, {}
    parts = wanted.split("/")
    for template, row in _TEMPLATES:
        if len(template) == len(parts) and all(t == p or t[0:1] == "{" for t, p in zip(template, parts, strict=True)):
            names = {t[1:-1]: p for t, p in zip(template, parts, strict=True) if t[0:1] == "{"}
            if all(names.values()):
                return row, names
    return None
