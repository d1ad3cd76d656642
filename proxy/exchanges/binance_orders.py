"""Which orders a Binance spot write names.

Source: binance-spot-api-docs rest-api.md (trading endpoints).
"""

from collections.abc import Mapping

from proxy.exchanges.form import Orders
from proxy.model import Endpoint

_OLD = frozenset({"origClientOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId"})
_NUMBERS = frozenset({"orderId", "cancelOrderId", "orderListId"})


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    """Ids hold within a symbol. New and old ones alike: every leg of a list and both sides of a replacement.

    `DELETE openOrders` names none: a kill switch does not wait behind the orders that are still being placed.
    """
    symbol = params.get("symbol", "")
    named = [v for name, v in params.items() if v and (name[-13:] == "ClientOrderId" or name in _NUMBERS)]
    return Orders(tuple([f"{symbol} {value}" for value in named])) if named else Orders()


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    """Not those of orders that the call cancels, nor the ids that cancellations get."""
    symbol = params.get("symbol", "")
    return tuple([f"{symbol} {v}" for n, v in params.items() if v and n.endswith("ClientOrderId") and n not in _OLD])


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """Spot has no positions."""
    return False
