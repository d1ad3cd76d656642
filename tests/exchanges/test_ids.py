"""Client order ids put in where a bot gave none: where they stand, and that all else stays byte for byte."""

import itertools
import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchanges import EXCHANGES
from proxy.model import Endpoint, Incoming

B, K, C = "/api/v3/", "/0/private/", "/exchange/v1/private/"


def counting() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers)}"


def put(exchange: str, name: str, query: str = "", body: str = "") -> Incoming:
    """The request with ids; its parameters are in step, and a second time changes nothing."""
    row = EXCHANGES[exchange]
    method, _, path = name.partition(" ")
    found = row.table.match(method, path)
    assert found is not None
    endpoint: Endpoint = found
    request = row.strip(Incoming(method, path, query, (("accept", "x"),), body.encode()))
    params = row.params(request)
    made, made_params = row.identify(endpoint, request, params, counting())
    assert dict(made_params) == dict(row.params(made))
    if made is request:
        assert made_params is params
    assert (made.method, made.path, made.headers) == (method, path, request.headers)
    again, again_params = row.identify(endpoint, made, made_params, never)
    assert again is made and again_params is made_params
    return made


def never() -> str:
    raise AssertionError("an id too many")


BINANCE: Mapping[str, tuple[str, str]] = {
    "POST order": ("symbol=B&side=BUY", "newClientOrderId"),
    "POST sor/order": ("symbol=B&side=BUY", "newClientOrderId"),
    "POST order/cancelReplace": ("symbol=B&cancelOrderId=1", "newClientOrderId"),
    "PUT order/amend/keepPriority": ("symbol=B&orderId=1&newQty=1", "newClientOrderId"),
    "POST order/oco": ("symbol=B&price=1&stopPrice=2", "listClientOrderId limitClientOrderId stopClientOrderId"),
    "POST orderList/oco": (
        "symbol=B&aboveType=STOP_LOSS&belowType=LIMIT_MAKER",
        "listClientOrderId aboveClientOrderId belowClientOrderId",
    ),
    "POST orderList/oto": (
        "symbol=B&workingType=LIMIT&pendingType=LIMIT",
        "listClientOrderId workingClientOrderId pendingClientOrderId",
    ),
    "POST orderList/opo": (
        "symbol=B&workingType=LIMIT&pendingType=LIMIT",
        "listClientOrderId workingClientOrderId pendingClientOrderId",
    ),
    "POST orderList/otoco": (
        "symbol=B&workingType=LIMIT&pendingAboveType=STOP_LOSS&pendingBelowType=LIMIT_MAKER",
        "listClientOrderId workingClientOrderId pendingAboveClientOrderId pendingBelowClientOrderId",
    ),
    "POST orderList/opoco": (
        "symbol=B&workingType=LIMIT&pendingAboveType=STOP_LOSS",  # the second pending order is optional
        "listClientOrderId workingClientOrderId pendingAboveClientOrderId",
    ),
}


@pytest.mark.parametrize("name", BINANCE)
def test_binance_orders_and_every_leg_of_a_list(name: str) -> None:
    own, wanted = BINANCE[name]
    method, path = name.split(" ")
    names = wanted.split()
    ours = "&".join(f"{name}=id-{number}" for number, name in enumerate(names, 1))
    made = put("binance", f"{method} {B}{path}", own)
    assert (made.query, made.body) == (f"{own}&{ours}", b"")
    made = put("binance", f"{method} {B}{path}", "", own)
    assert (made.query, made.body.decode()) == ("", f"{own}&{ours}")
    made = put("binance", f"{method} {B}{path}", "symbol=B", own.removeprefix("symbol=B&"))
    assert (made.query, made.body.decode()) == ("symbol=B", f"{own.removeprefix('symbol=B&')}&{ours}")
    for given_name in names:  # the bot's own stays, and only the others are added
        made = put("binance", f"{method} {B}{path}", f"{given_name}=own&{own}")
        assert made.query.startswith(f"{given_name}=own&{own}")
        assert made.query.count("ClientOrderId=") == len(names)


def test_every_placing_call_of_the_tables_is_thought_of() -> None:
    """One that gets an id from a request with nothing else, or one that is known to take none."""
    none = {f"POST {C}close-position"}
    for exchange, bare in (("binance", "symbol=B"), ("kraken", "pair=X"), ("cryptocom", "")):
        for name in [name for name in _placing(exchange) if name not in none]:
            body = bare
            if name.endswith("AddOrderBatch"):
                body = '{"orders":[{}]}'
            elif exchange == "cryptocom":
                body = '{"params":{"instrument_name":"B","order_list":[{}]}}'
            made = put(exchange, name, "", body)
            assert b"id-1" in made.body, name


def _placing(exchange: str) -> list[str]:
    rows = {
        "binance": [f"POST {B}{path}" for path in ("order", "sor/order", "order/cancelReplace", "order/oco")]
        + [f"POST {B}orderList/{kind}" for kind in ("oco", "oto", "opo", "otoco", "opoco")],
        "kraken": [f"POST {K}AddOrder", f"POST {K}AddOrderBatch"],
        "cryptocom": [f"POST {C}{path}" for path in ("create-order", "create-order-list", "close-position")]
        + [f"POST {C}advanced/create-{kind}" for kind in ("order", "oco", "oto", "otoco", "order-list")],
    }[exchange]
    table = EXCHANGES[exchange].table
    matched = [table.match(*name.split(" ")) for name in rows]
    assert [row.name for row in matched if row is not None and row.call_class == "place"] == rows
    return rows


@pytest.mark.parametrize(
    ("query", "body", "made_query", "made_body"),
    [
        ("newClientOrderId=&symbol=B", "", "symbol=B&newClientOrderId=id-1", ""),
        ("newClientOrderId=", "symbol=B", "", "symbol=B&newClientOrderId=id-1"),
        ("newClientOrderId", "", "newClientOrderId=id-1", ""),
        ("%6eewClientOrderId=own&symbol=B", "", "%6eewClientOrderId=own&symbol=B", ""),
        ("symbol=B", "newClientOrderId=x%2Dy", "symbol=B", "newClientOrderId=x%2Dy"),
        ("symbol=newClientOrderId", "", "symbol=newClientOrderId&newClientOrderId=id-1", ""),
        ("", "", "newClientOrderId=id-1", ""),
    ],
)
def test_binance_corners(query: str, body: str, made_query: str, made_body: str) -> None:
    made = put("binance", f"POST {B}order", query, body)
    assert (made.query, made.body.decode()) == (made_query, made_body)


@pytest.mark.parametrize("name", [f"DELETE {B}order", f"POST {B}order/test", f"GET {B}order"])
def test_binance_calls_that_place_nothing_stay(name: str) -> None:
    assert put("binance", name, "symbol=B&quantity=1").query == "symbol=B&quantity=1"


LISTED = (
    '{"pair":"X", "orders" : [ {"volume":1.10} ,{"userref":7},{"userref":0},{"cl_ord_id":"own"},'
    ' {"cl_ord_id":""},{ }, 5 ]}'
)
NAMED = (
    '{"pair":"X", "orders" : [{"volume":1.10,"cl_ord_id":"id-1"},{"userref":7},{"userref":0},{"cl_ord_id":"own"},'
    '{"cl_ord_id":"id-2"},{"cl_ord_id":"id-3"}, 5 ]}'
)


@pytest.mark.parametrize(
    ("name", "body", "made"),
    [
        ("AddOrder", "pair=X%2FY&price=1.10", "pair=X%2FY&price=1.10&cl_ord_id=id-1"),
        ("AddOrder", "", "cl_ord_id=id-1"),
        ("AddOrder", "cl_ord_id=&pair=X", "pair=X&cl_ord_id=id-1"),
        ("AddOrder", "cl_ord_id=", "cl_ord_id=id-1"),
        ("AddOrder", "cl_ord_id=own&pair=X", "cl_ord_id=own&pair=X"),
        ("AddOrder", "cl_ord_id=null", "cl_ord_id=null"),
        ("AddOrder", "userref=7&pair=X", "userref=7&pair=X"),
        ("AddOrder", "userref=0", "userref=0"),
        ("AddOrder", '{"pair": "X", "price":1.10 }', '{"pair": "X", "price":1.10 ,"cl_ord_id":"id-1"}'),
        ("AddOrder", "{}", '{"cl_ord_id":"id-1"}'),
        ("AddOrder", '{"cl_ord_id": null,"pair":"X"}', '{"pair":"X","cl_ord_id":"id-1"}'),
        ("AddOrder", '{"cl_ord_id":"", "pair":"X"}', '{ "pair":"X","cl_ord_id":"id-1"}'),
        ("AddOrder", '{"cl_ord_id":"null"}', '{"cl_ord_id":"null"}'),
        ("AddOrder", '{"cl\\u005ford_id":"own"}', '{"cl\\u005ford_id":"own"}'),
        ("AddOrder", '{"userref":0}', '{"userref":0}'),
        ("AddOrderBatch", LISTED, NAMED),
        ("AddOrderBatch", '{"orders":"[broken"}', '{"orders":"[broken"}'),
        ("AddOrderBatch", '{"orders":"[{}]"}', '{"orders":"[{}]"}'),
        ("AddOrderBatch", '{"orders":{}}', '{"orders":{}}'),
        ("AddOrderBatch", '{"orders":[]}', '{"orders":[]}'),
        ("AddOrderBatch", "orders=%5B%7B%7D%5D", "orders=%5B%7B%7D%5D"),
        ("EditOrder", "txid=O1-2-3&pair=X", "txid=O1-2-3&pair=X"),
        ("AmendOrder", "txid=O1-2-3", "txid=O1-2-3"),
        ("CancelOrder", "txid=O1-2-3", "txid=O1-2-3"),
    ],
)
def test_kraken(name: str, body: str, made: str) -> None:
    assert put("kraken", f"POST {K}{name}", "", body).body.decode() == made


def test_kraken_lists_that_only_one_reader_can_read() -> None:
    """Half a character passes our own reading of a list."""
    made = put("kraken", f"POST {K}AddOrderBatch", "", '{"orders":[{"x":"\\ud800"}]}')
    assert made.body.decode() == '{"orders":[{"x":"\\ud800","cl_ord_id":"id-1"}]}'


@pytest.mark.parametrize(
    ("name", "body", "made"),
    [
        (
            "create-order",
            '{"id":1,"params":{"price":1.10, "side" : "BUY"} }',
            '{"id":1,"params":{"price":1.10, "side" : "BUY","client_oid":"id-1"}}',
        ),
        ("create-order", '{"params": {"side":"BUY"},"id":1}', '{"params": {"side":"BUY","client_oid":"id-1"},"id":1}'),
        ("create-order", '{"params":{"client_oid":null,"a":"b"}}', '{"params":{"a":"b","client_oid":"id-1"}}'),
        ("create-order", '{"params":{"client_oid":"","a":"b"}}', '{"params":{"a":"b","client_oid":"id-1"}}'),
        (
            "create-order",
            '{"params":{"a":"}\\"","b":"client_oid"}}',
            '{"params":{"a":"}\\"","b":"client_oid","client_oid":"id-1"}}',
        ),
        ("create-order", '{"params":{"client_oid":"own"}}', '{"params":{"client_oid":"own"}}'),
        ("create-order", '{"params":{"client_oid":17}}', '{"params":{"client_oid":17}}'),
        ("create-order", '{"params":{"client\\u005foid":"own"}}', '{"params":{"client\\u005foid":"own"}}'),
        (
            "create-order",
            '{"params":{"client\\u005foid":null,"a":"b"}}',
            '{"params":{"a":"b","client_oid":"id-1"}}',
        ),
        ("create-order", '{"params":{}}', '{"params":{}}'),
        ("create-order", '{"id":1}', '{"id":1}'),
        ("create-order", '{"params":null}', '{"params":null}'),
        (
            "create-order-list",
            '{"params": {"order_list" :[{"price":1.10} , {"client_oid":"own"},{"client_oid":null}],"x":"y"}}',
            '{"params": {"order_list" :[{"price":1.10,"client_oid":"id-1"}, {"client_oid":"own"},{"client_oid":"id-2"}]'
            ',"x":"y"}}',
        ),
        ("create-order-list", '{"params":{"order_list":"[{}]"}}', '{"params":{"order_list":"[{}]"}}'),
        ("create-order-list", '{"params":{"order_list":"[broken"}}', '{"params":{"order_list":"[broken"}}'),
        ("create-order-list", '{"params":{"order_list":[]}}', '{"params":{"order_list":[]}}'),
        ("create-order-list", '{"params":{"order_list":7}}', '{"params":{"order_list":7}}'),
        (
            "advanced/create-oco",
            '{"params":{"order_list":[{},{}]}}',
            '{"params":{"order_list":[{"client_oid":"id-1"},{"client_oid":"id-2"}]}}',
        ),
        ("amend-order", '{"params":{"order_id":"5"}}', '{"params":{"order_id":"5"}}'),
        ("cancel-order", '{"params":{"order_id":"5"}}', '{"params":{"order_id":"5"}}'),
        ("close-position", '{"params":{"type":"MARKET"}}', '{"params":{"type":"MARKET"}}'),
    ],
)
def test_cryptocom(name: str, body: str, made: str) -> None:
    assert put("cryptocom", f"POST {C}{name}", "", body).body.decode() == made


_NAMES = st.text('ab"\\ä}{', max_size=4)
_VALUES = st.one_of(st.text('c"\\}]ö,', max_size=4), st.integers(), st.lists(st.integers(), max_size=2), st.none())


@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, 0, 2]))
def test_whatever_an_order_holds_it_stays(order: dict[str, object], ascii_only: bool, indent: int | None) -> None:
    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    made = json.loads(put("kraken", f"POST {K}AddOrder", "", text(order)).body)
    assert list(made.items()) == [*order.items(), ("cl_ord_id", "id-1")]
    envelope: dict[str, object] = {"id": 1, "params": {"x": "y", **order}}
    made = json.loads(put("cryptocom", f"POST {C}create-order", "", text(envelope)).body)
    assert made == {"id": 1, "params": {"x": "y", **order, "client_oid": "id-1"}}
