"""Client order ids of our own, for orders to which the bot gave none: by its id an order can be looked up later.

An id is digits and consonants, since a word of SQL in a parameter is refused by Binance's firewall (rest-api.md), and
eighteen of them, since Kraken takes no longer free text (docs.kraken.com guide spot-clordid).
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from proxy.exchanges.form import Exchange
from proxy.model import Call

_DIGITS = "0123456789bcdfghjkmnpqrstvwxz"
_PREFIX = "og"
_DRAWN, _COUNTED = 9, 7
_MOST = len(_DIGITS) ** _COUNTED


class OrderIds:
    """Ids that never come twice: a part that is drawn at the start, and a count.

    Of a thousand starts, two draw alike once in thirty million times. `draw(n)`: a number below n. One thread.
    """

    def __init__(self, draw: Callable[[int], int] = secrets.randbelow) -> None:
        self._draw = draw
        self._head = ""
        self._number = _MOST

    def take(self) -> str:
        if self._number >= _MOST:
            self._head = _PREFIX + _text(self._draw(len(_DIGITS) ** _DRAWN), _DRAWN)
            self._number = 0
        self._number += 1
        return self._head + _text(self._number - 1, _COUNTED)


def _text(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits


_ALL = OrderIds()  # one for the process: accounts and exchanges share it, so no two of them can draw alike


def identified(call: Call, exchange: Exchange, fresh: Callable[[], str] = _ALL.take) -> Call:
    """The call with a client order id on each order that it places and the bot gave none; else the call itself."""
    request, params = exchange.identify(call.endpoint, call.request, call.params, fresh)
    return call if request is call.request else replace(call, request=request, params=params)
