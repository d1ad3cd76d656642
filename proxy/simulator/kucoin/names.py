"""KuCoin's spelling of markets and orders, and what one contract is worth.

Spot: BTC-USDT. Perpetuals: XBTUSDTM (paid in USDT, a lot is a share of a coin), XBTUSDM (paid in the coin, a lot is a
dollar). Futures call bitcoin XBT.
"""

from decimal import Decimal

from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Order

NAME = "kucoin"
_PREFIX = "67"


def futures_coin(coin: str) -> str:
    return "XBT" if coin == "BTC" else coin


def plain_coin(coin: str) -> str:
    return "BTC" if coin == "XBT" else coin


def symbol(market: Market) -> str:
    base, quote = market.spec.base, market.spec.quote
    return f"{base}-{quote}" if market.kind == "spot" else f"{futures_coin(base)}{quote}M"


def spell_all(board: Board) -> None:
    for market in (*board.markets, *board.contracts):
        board.spell(NAME, market, symbol(market))


def lot(market: Market) -> Decimal:
    """Of a perpetual: the quantity of one lot, in the base coin (linear) or in the quote coin (inverse)."""
    if market.kind == "inverse":
        return Decimal(1)
    return Decimal("0.001") if market.spec.base == "BTC" else Decimal("0.01")


def settled_in(market: Market) -> str:
    return futures_coin(market.spec.base) if market.kind == "inverse" else market.spec.quote


def order_id(order: Order) -> str:
    return number_text(order.number)


def number_text(number: int) -> str:
    """24 hexadecimal digits, as the exchange's ids are."""
    return f"{_PREFIX}{number:022x}"


def number_of(text: str) -> int | None:
    if len(text) != 24 or not text.startswith(_PREFIX):
        return None
    try:
        return int(text[2:], 16)
    except ValueError:
        return None
