"""Client order ids for Binance orders that have none.

Sources: binance-spot-api-docs rest-api.md: New order, Cancel an existing order and send a new order, New order list,
Order amend keep priority.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from proxy.exchanges import texts
from proxy.model import Endpoint, Incoming

# Id -> the parameter without which there is no such order, or "". The second pending order of a list need not be.
_LIST = {"listClientOrderId": ""}
_OTO = _LIST | {"workingClientOrderId": "workingType", "pendingClientOrderId": "pendingType"}
_OTOCO = _LIST | {
    "workingClientOrderId": "workingType",
    "pendingAboveClientOrderId": "pendingAboveType",
    "pendingBelowClientOrderId": "pendingBelowType",
}
_AMEND = "PUT /api/v3/order/amend/keepPriority"
_IDS: Mapping[str, Mapping[str, str]] = {
    "POST /api/v3/order": {"newClientOrderId": ""},
    "POST /api/v3/sor/order": {"newClientOrderId": ""},
    "POST /api/v3/order/cancelReplace": {"newClientOrderId": ""},
    "POST /api/v3/order/oco": _LIST | {"limitClientOrderId": "price", "stopClientOrderId": "stopPrice"},
    "POST /api/v3/orderList/oco": _LIST | {"aboveClientOrderId": "aboveType", "belowClientOrderId": "belowType"},
    "POST /api/v3/orderList/oto": _OTO,
    "POST /api/v3/orderList/opo": _OTO,
    "POST /api/v3/orderList/otoco": _OTOCO,
    "POST /api/v3/orderList/opoco": _OTOCO,
    # An amended order gets a new id in any case: a random one if none is sent.
    _AMEND: {"newClientOrderId": ""},
}


def identify(
    endpoint: Endpoint, request: Incoming, params: Mapping[str, str], fresh: Callable[[], str]
) -> tuple[Incoming, Mapping[str, str]]:
    """Behind the bot's own parameters, where these are. One that it sent empty counts as none, and gives way."""
    named = _IDS.get(endpoint.name)
    if named is None:
        return request, params
    wanted = [name for name, of in named.items() if not params.get(name) and (not of or params.get(of))]
    if not wanted:
        return request, params
    known = params.get("origClientOrderId", "") if endpoint.name == _AMEND else ""
    made = {name: known or fresh() for name in wanted}  # an order that has a name keeps it
    query, body = request.query, request.body.decode("ascii")
    if empty := made.keys() & params.keys():
        query, body = texts.without(query, frozenset(empty)), texts.without(body, frozenset(empty))
    added = "&".join([f"{name}={quote(text, safe='')}" for name, text in made.items()])
    if body:
        body = f"{body}&{added}"
    else:
        query = f"{query}&{added}" if query else added
    return Incoming(request.method, request.path, query, request.headers, body.encode()), {**params, **made}
