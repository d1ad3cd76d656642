"""How Kraken Futures spells contracts, coins and order ids.

PI_ contracts are inverse, of one USD each. PF_ contracts are linear, of one base coin each; here they are the linear
perpetuals of the board, which are paid in USDT, a currency of the multi-collateral wallet.
"""

import re
from decimal import Decimal

from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Order

_UUID = "5e1ec7ed-0000-4000-8000-"
_TAIL = re.compile(r"[0-9a-f]{12}")


def coin(name: str) -> str:
    return "XBT" if name == "BTC" else name


def symbol(contract: Market) -> str:
    return f"{'PI' if contract.kind == 'inverse' else 'PF'}_{coin(contract.spec.base)}USD"


def spell(board: Board) -> None:
    """A request may be in upper case only: whether it may be in lower case is not documented."""
    for contract in board.contracts:
        board.spell("krakenfutures", contract, symbol(contract))


def step(contract: Market) -> Decimal:
    return Decimal(1) if contract.kind == "inverse" else contract.step


def order_id(order: Order) -> str:
    return f"{_UUID}{order.number:012x}"


def number_of(text: str) -> int | None:
    tail = text.removeprefix(_UUID)
    return int(tail, 16) if text.startswith(_UUID) and _TAIL.fullmatch(tail) else None
