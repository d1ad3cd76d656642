"""Which orders a call to Poloniex names.

In a path, `cid:` stands before an id of the bot. Sources: api-docs.poloniex.com orders, smart orders; v3 futures trade.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from proxy.exchanges.form import Orders
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.order_rules import OrderRules, Rule
from proxy.model import Endpoint

FUTURES = "/v3/"
_BY_CLIENT_ID = "cid:"

BATCH, F_BATCH = "POST /orders/batch", "POST /v3/trade/orders"
F_PLACE, F_CLOSE = "POST /v3/trade/order", "POST /v3/trade/position"
REPLACES = frozenset({"PUT /orders/{id}", "PUT /smartorders/{id}"})
BATCHES = frozenset({BATCH, F_BATCH})
CANCEL_LISTS: Mapping[str, tuple[str, str]] = {
    "DELETE /orders/cancelByIds": ("orderIds", "clientOrderIds"),
    "DELETE /smartorders/cancelByIds": ("orderIds", "clientOrderIds"),
    "DELETE /v3/trade/batchOrders": ("ordIds", "clOrdIds"),
}
"""The parameters of the exchange's ids and of the bot's."""

_SPOT = Rule(id="clientOrderId")
_ONE = Rule(names=("id", "cid"))

# That a position is closed under an id of the bot's is not documented, so none is put in there.
RULES = OrderRules(
    {
        "POST /orders": _SPOT,
        "POST /smartorders": _SPOT,
        BATCH: Rule(id="clientOrderId", rows=ROWS),
        **{name: Rule(id="clientOrderId", names=("id", "cid")) for name in REPLACES},
        "DELETE /orders/{id}": _ONE,
        "DELETE /smartorders/{id}": _ONE,
        **{name: Rule(names=names) for name, names in CANCEL_LISTS.items()},
        F_PLACE: Rule(id="clOrdId", reduces="reduceOnly"),
        F_BATCH: Rule(id="clOrdId", rows=ROWS, reduces="reduceOnly"),
        F_CLOSE: Rule(names=("clOrdId",), always_reduces=True),
        "POST /v3/trade/positionAll": Rule(always_reduces=True),
        "DELETE /v3/trade/order": Rule(names=("ordId", "clOrdId")),
    }
)


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    return RULES.orders(endpoint, plain(params))


def plain(params: Mapping[str, str]) -> Mapping[str, str]:
    """With `cid` instead of `id` where the path has an id of the bot's."""
    id = params.get("id", "")
    if not id.startswith(_BY_CLIENT_ID):
        return params
    return {**{name: value for name, value in params.items() if name != "id"}, "cid": id.removeprefix(_BY_CLIENT_ID)}


def old_and_new(params: Mapping[str, str]) -> tuple[str, str]:
    """The ids of the two orders of a replacement; "" where there is none."""
    named = plain(params)
    return named.get("id") or named.get("cid", ""), named.get("clientOrderId", "")


def cancelled_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(how one order is asked for, its id) of a call that cancels some, in its order; () if they cannot be read.

    Futures leave out the bot's ids where the exchange's are given (github ccxt/ccxt poloniex.py).
    """
    futures = endpoint.product == "futures"
    names = CANCEL_LISTS[endpoint.name]
    found: list[tuple[str, str]] = []
    for name, one in zip(names, ("ordId", "clOrdId") if futures else ("id", "cid"), strict=True):
        given = _parsed(params.get(name, "[]"))
        if not isinstance(given, list) or not all(isinstance(id, str | int) and id != "" for id in given):
            return ()
        found += [(one, str(id)) for id in given if not (futures and found and name == names[1])]
    return tuple(found)


def _parsed(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
