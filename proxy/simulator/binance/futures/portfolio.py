"""Portfolio margin (/papi) in a simple form: orders of both products, balance and positions, over the same wallets."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from proxy.simulator.binance.futures.rows import SETTINGS, Table, row, trading
from proxy.simulator.binance.futures.wallet import Wallet
from proxy.simulator.binance.rows import flat

_LACKS = (
    "algoOrder",
    "openAlgoOrders",
    "algoOpenOrders",
    "batchOrders",
    "order/test",
    "countdownCancelAll",
    "marginType",
    "positionMargin",
)


def _below(short: str) -> Table:
    rows = {**trading(1, (0, 1)), **SETTINGS}
    rows["POST", "order"] = replace(rows["POST", "order"], weight=flat(1))
    rows["GET", "positionRisk"] = row("positions_v2", 5, "READ", "symbol pair marginAsset")
    rows["GET", "account"] = row("account_v2", 5, "READ")
    return {(method, f"/papi/v1/{short}/{name}"): one for (method, name), one in rows.items() if name not in _LACKS}


_MOVES = "amount transferSide asset"
PORTFOLIO: Table = {
    ("GET", "/papi/v1/ping"): row("empty", 1, "NONE"),
    ("GET", "/papi/v1/balance"): row("portfolio_balance", 20, "READ", "asset"),
    **_below("um"),
    **_below("cm"),
    **{
        (method, "/papi/v1/listenKey"): row("listen_key", 1, "KEY", "listenKey") for method in ("POST", "PUT", "DELETE")
    },
    **{
        ("POST", f"/papi/v1/{name}"): row("moved", 750, "WITHDRAW", _MOVES)
        for name in ("auto-collection", "asset-collection", "bnb-transfer")
    },
}


def product_of(path: str) -> str:
    """Which wallet a path is about."""
    return "coinm" if path.startswith("/papi/v1/cm/") else "usdm"


def balances(wallets: Mapping[str, Wallet], now_ms: int) -> Any:
    """Every coin over both wallets; there is no margin account."""
    rows = []
    for coin in dict.fromkeys(coin for wallet in wallets.values() for coin in wallet.desk.total):
        um, cm = (wallets[product].desk.total.get(coin, Decimal(0)) for product in ("usdm", "coinm"))
        none = dict.fromkeys(
            ("crossMarginAsset", "crossMarginBorrowed", "crossMarginFree", "crossMarginInterest", "crossMarginLocked"),
            "0.00000000",
        )
        rows.append(
            {
                "asset": coin,
                "totalWalletBalance": f"{um + cm:.8f}",
                **none,
                "umWalletBalance": f"{um:.8f}",
                "umUnrealizedPNL": "0.00000000",
                "cmWalletBalance": f"{cm:.8f}",
                "cmUnrealizedPNL": "0.00000000",
                "updateTime": now_ms,
                "negativeBalance": "0",
            }
        )
    return rows
