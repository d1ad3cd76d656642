"""Poloniex's spelling of markets and orders: BTC_USDT, and BTC_USDT_PERP for the perpetual (only linear ones exist)."""

from decimal import Decimal

from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Order

NAME = "poloniex"
_BASE = 78_000_000_000_000_000


def symbol(market: Market) -> str:
    name = f"{market.spec.base}_{market.spec.quote}"
    return name if market.kind == "spot" else f"{name}_PERP"


def perpetuals(board: Board) -> list[Market]:
    return [market for market in board.contracts if market.kind == "linear"]


def spell_all(board: Board) -> None:
    for market in (*board.markets, *perpetuals(board)):
        board.spell(NAME, market, symbol(market))


def lot(market: Market) -> Decimal:
    """Of a perpetual: what one contract is, in the base coin."""
    return Decimal("0.001") if market.spec.base == "BTC" else Decimal("0.01")


def order_id(order: Order) -> str:
    return str(_BASE + order.number)


def number_of(text: str) -> int:
    return int(text) - _BASE
