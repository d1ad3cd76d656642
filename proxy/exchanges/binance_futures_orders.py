"""Which orders a futures or portfolio margin call names, and client order ids for those that have none.

Sources: developers.binance.com derivatives: New Order, Place Multiple Orders, Modify Order, Modify Multiple Orders,
Cancel Order, Cancel Multiple Orders, New Algo Order (USD-M and COIN-M); New UM/CM Order and Conditional Order
(portfolio margin).
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote_plus

from proxy.errors import BadCall
from proxy.exchanges.form import Orders
from proxy.exchanges.members import Member, edited_rows, members, put
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import Endpoint, Incoming

ROOTS = ("/fapi/v1/", "/dapi/v1/")
SIDES = ("um", "cm")
BATCH = "batchOrders"
# ccxt sends the lower case.
NUMBERS, TEXTS = ("orderIdList", "orderidlist"), ("origClientOrderIdList", "origclientorderidlist")

# Ids hold within a symbol; a conditional order is cancelled without one, so its ids stand alone.
_NAMED = ("orderId", "origClientOrderId")
_NEW = Rule(id="newClientOrderId", within="symbol")
_OLD = Rule(names=_NAMED, within="symbol")
_NEW_ALGO = Rule(id="clientAlgoId")
_OLD_ALGO = Rule(names=("algoId", "clientAlgoId"))
_NEW_STRATEGY = Rule(id="newClientStrategyId", within="symbol")
_OLD_STRATEGY = Rule(names=("strategyId", "newClientStrategyId"), within="symbol")

RULES = OrderRules(
    {
        **{f"POST {root}order": _NEW for root in ROOTS},
        **{f"{method} {root}order": _OLD for root in ROOTS for method in ("PUT", "DELETE")},
        **{f"POST {root}{BATCH}": Rule(id="newClientOrderId", rows=BATCH, within="symbol") for root in ROOTS},
        **{f"PUT {root}{BATCH}": Rule(names=_NAMED, rows=BATCH, within="symbol") for root in ROOTS},
        **{f"DELETE {root}{BATCH}": Rule(names=(*NUMBERS, *TEXTS), within="symbol") for root in ROOTS},
        **{f"POST {root}algoOrder": _NEW_ALGO for root in ROOTS},
        **{f"DELETE {root}algoOrder": _OLD_ALGO for root in ROOTS},
        **{f"POST /papi/v1/{side}/order": _NEW for side in SIDES},
        **{f"{method} /papi/v1/{side}/order": _OLD for side in SIDES for method in ("PUT", "DELETE")},
        **{f"POST /papi/v1/{side}/conditional/order": _NEW_STRATEGY for side in SIDES},
        **{f"DELETE /papi/v1/{side}/conditional/order": _OLD_STRATEGY for side in SIDES},
        "POST /papi/v1/um/algo/order": _NEW_ALGO,
        "DELETE /papi/v1/um/algo/order": _OLD_ALGO,
    },
    place="form",
)


def orders(endpoint: Endpoint, params: Mapping[str, str]) -> Orders:
    """With the product before them: spot has the same symbols, and ids of its own."""
    return Orders(_of_product(endpoint, RULES.orders(endpoint, params).own))


def client_ids(endpoint: Endpoint, params: Mapping[str, str]) -> tuple[str, ...]:
    return _of_product(endpoint, RULES.client_ids(endpoint, params))


def _of_product(endpoint: Endpoint, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{endpoint.product} {name}" for name in names)


def closes(endpoint: Endpoint, params: Mapping[str, str]) -> bool:
    """A list, if all of its orders do."""
    rule = RULES.rule(endpoint)
    if rule is None or not rule.id:
        return False
    rows = rows_of(params.get(BATCH, "")) if rule.rows else [dict(params)]
    return bool(rows) and all(
        any(str(row.get(name)).lower() == "true" for name in ("reduceOnly", "closePosition")) for row in rows
    )


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    rule = RULES.rule(endpoint)
    if rule is None or not rule.rows or not rule.id:
        return RULES.identify(endpoint, request, params, fresh)
    rows = rows_of(params.get(rule.rows, ""))
    if not rows or all(row.get(rule.id) for row in rows):
        return request, params

    def name(row: list[Member]) -> list[Member]:
        given = any(member.name == rule.id and member.value not in (None, "") for member in row)
        return row if given else put(row, rule.id, fresh())

    try:
        (listed,) = members(f'{{"{rule.rows}":{params[rule.rows]}}}'.encode())
        written = edited_rows(listed, name)
    except (BadCall, ValueError):
        return request, params  # the exchange will refuse it
    query, body = (_with_rows(text, rule.rows, written) for text in (request.query, request.body.decode("ascii")))
    return (
        Incoming(request.method, request.path, query, request.headers, body.encode()),
        {**params, rule.rows: written},
    )


def _with_rows(text: str, name: str, written: str) -> str:
    """The list in its place. It is percent-encoded only if it was: some clients send it as it is."""
    pieces = text.split("&")
    for index, piece in enumerate(pieces):
        given, _, value = piece.partition("=")
        if unquote_plus(given) == name:
            plain = "%" not in value and "+" not in value
            pieces[index] = f"{given}={written if plain else quote(written, safe='')}"
    return "&".join(pieces)
