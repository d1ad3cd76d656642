"""Bybit's names and rules of markets: the same symbol may stand in several categories."""

from dataclasses import dataclass
from decimal import Decimal

from proxy.simulator.bybit.wire import Refusal
from proxy.simulator.market import Board, Market

CATEGORIES = ("spot", "linear", "inverse", "option")


@dataclass(frozen=True, slots=True)
class Rules:
    """Quantities are in the base coin, of inverse contracts in USD."""

    step: Decimal
    minimum: Decimal
    min_value: Decimal  # in the quote coin


def symbol(market: Market) -> str:
    return market.spec.base + market.spec.quote


def rules(market: Market) -> Rules:
    if market.kind == "inverse":
        return Rules(Decimal(1), Decimal(1), Decimal(0))
    spec = market.spec
    return Rules(market.step, Decimal(spec.min_quantity), Decimal(spec.min_notional))


def spell(board: Board) -> None:
    for market in (*board.markets, *board.contracts):
        board.spell("bybit", market, f"{market.kind} {symbol(market)}")


def listed(board: Board, category: str) -> list[Market]:
    """All markets of a category; there are no options."""
    return [m for m in (*board.markets, *board.contracts) if m.kind == category]


def find(board: Board, category: str, name: object) -> Market:
    found = board.find("bybit", f"{category} {name}") if isinstance(name, str) else None
    if found is None:
        raise (
            Refusal(170121, "Invalid symbol.") if category == "spot" else Refusal(10001, "params error: symbol invalid")
        )
    return found
