"""How HTX spells markets, numbers and order ids."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Order

SPOT_BASE = 1_000_000_000_000_000  # 16 digits
SWAP_BASE = 1_500_000_000_000_000_000  # 19 digits: a client must keep it as text
_NUMBER = re.compile(r"[0-9]{1,24}(\.[0-9]{1,24})?")


def spell(board: Board) -> None:
    for market in board.markets:
        board.spell("htx", market, symbol(market))
    for contract in board.contracts:
        if contract.kind == "linear":
            board.spell("htx", contract, code(contract))


def symbol(market: Market) -> str:
    return (market.spec.base + market.spec.quote).lower()


def code(contract: Market) -> str:
    return f"{contract.spec.base}-{contract.spec.quote}"


def size(contract: Market) -> Decimal:
    """Base coin in one contract: a hundred of the smallest quantities, so 0.001 BTC."""
    return contract.step * 100


def decimal_of(value: Any) -> Decimal | None:
    """A number above or equal to nothing, sent as text or JSON number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def order_id(order: Order) -> int:
    return order.number + (SPOT_BASE if order.market.kind == "spot" else SWAP_BASE)


def number_of(text: Any, base: int) -> int | None:
    """The simulator's number behind an order id."""
    text = str(text)
    return int(text) - base if text.isascii() and text.isdigit() and len(text) < 20 else None


def whole(params: Mapping[str, Any], name: str, usual: int) -> int | None:
    """A parameter that must be a whole number; None if it is there and is none."""
    value = params.get(name, usual)
    if isinstance(value, bool):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
