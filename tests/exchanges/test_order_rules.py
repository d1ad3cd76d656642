"""Which orders a write names, by rules of parameter names."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from proxy.exchanges import json_body, texts
from proxy.exchanges.form import Orders
from proxy.exchanges.json_body import ROWS
from proxy.exchanges.order_rules import OrderRules, Rule, rows_of
from proxy.model import Auth, CallClass, Endpoint, Incoming

RULES = {
    "POST /order": Rule(id="cid", names=("oid",), reduces="reduce"),
    "POST /orders": Rule(id="cid", rows="list", reduces="reduce"),
    "POST /batch": Rule(id="cid", rows=ROWS, reduces="reduce"),
    "POST /cancel": Rule(names=("oid", "cid")),
    "POST /cancel-many": Rule(names=("oids",)),
    "POST /symbol-order": Rule(id="cid", within="symbol"),
    "POST /symbol-orders": Rule(id="cid", rows="list", within="symbol"),
    "POST /close": Rule(id="cid", always_reduces=True),
    "DELETE /orders/{oid}": Rule(names=("oid",)),
}
JSON, FORM, QUERY = OrderRules(RULES), OrderRules(RULES, "form"), OrderRules(RULES, "query")


def endpoint(name: str) -> Endpoint:
    return Endpoint(name, "api", CallClass.PLACE, Auth.SIGNED)


def params_of(body: str) -> dict[str, str]:
    return dict(json_body.params(Incoming("POST", "/", "", (), body.encode())))


def counting() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"id{next(numbers)}"


def never() -> str:
    raise AssertionError("an id too many")


@pytest.mark.parametrize(
    ("name", "body", "orders", "ids"),
    [
        ("POST /order", '{"cid":"a","oid":"5"}', ("a", "5"), ("a",)),
        ("POST /order", '{"cid":"a","oid":"a"}', ("a",), ("a",)),
        ("POST /order", '{"cid":"","oid":null}', (), ()),
        ("POST /order", '{"cid":17}', ("17",), ("17",)),
        ("POST /order", '{"cid":1}', ("1",), ("1",)),
        ("POST /order", "{}", (), ()),
        ("POST /orders", '{"list":[{"cid":"a"},{"x":1},{"cid":"b"},5]}', ("a", "b"), ("a", "b")),
        ("POST /orders", '{"list":[{"cid":1},{"cid":0},{"cid":true},{"cid":false}]}', ("1", "0"), ("1", "0")),
        ("POST /orders", '{"list":"[{\\"cid\\":\\"a\\"}]"}', ("a",), ("a",)),
        ("POST /orders", '{"list":"[broken"}', (), ()),
        ("POST /orders", '{"list":{"cid":"a"}}', (), ()),
        ("POST /orders", '{"cid":"a"}', (), ()),
        ("POST /batch", '[{"cid":"a"},{"cid":"b"}]', ("a", "b"), ("a", "b")),
        ("POST /batch", '{"cid":"a"}', (), ()),
        ("POST /cancel", '{"oid":"5","cid":"a"}', ("5", "a"), ()),
        ("POST /cancel-many", '{"oids":["5",6,"",true,null,{"x":1}]}', ("5", "6"), ()),
        ("POST /cancel-many", '{"oids":"5"}', ("5",), ()),
        ("POST /cancel-many", '{"oids":"[broken"}', (), ()),
        ("POST /symbol-order", '{"cid":"a","symbol":"B"}', ("B a",), ("B a",)),
        ("POST /symbol-order", '{"cid":"a"}', (" a",), (" a",)),
        ("POST /symbol-orders", '{"symbol":"B","list":[{"cid":"a"},{"cid":"a","symbol":"C"}]}', ("B a", "C a"), None),
        ("POST /other", '{"cid":"a"}', (), ()),
    ],
)
def test_the_orders_that_a_write_names(name: str, body: str, orders: tuple[str, ...], ids: Any) -> None:
    params = params_of(body)
    assert JSON.orders(endpoint(name), params) == Orders(orders)
    assert JSON.client_ids(endpoint(name), params) == (orders if ids is None else ids)


def test_a_name_in_the_path_is_a_parameter() -> None:
    assert JSON.orders(endpoint("DELETE /orders/{oid}"), {"oid": "5"}) == Orders(("5",))


@pytest.mark.parametrize(
    ("name", "body", "closes"),
    [
        ("POST /order", '{"reduce":true}', True),
        ("POST /order", '{"reduce":"True"}', True),
        ("POST /order", '{"reduce":false}', False),
        ("POST /order", '{"reduce":1}', True),
        ("POST /order", "{}", False),
        ("POST /orders", '{"list":[{"reduce":true},{"reduce":"true"}]}', True),
        ("POST /orders", '{"list":[{"reduce":true},{}]}', False),
        ("POST /orders", '{"list":[]}', False),
        ("POST /batch", '[{"reduce":true}]', True),
        ("POST /close", "{}", True),
        ("POST /cancel", '{"reduce":true}', False),
        ("POST /other", '{"reduce":true}', False),
    ],
)
def test_what_can_only_close_a_position(name: str, body: str, closes: bool) -> None:
    assert JSON.closes(endpoint(name), params_of(body)) is closes


@pytest.mark.parametrize(
    ("name", "body", "made"),
    [
        ("POST /order", '{"a": 1.10 }', '{"a": 1.10 ,"cid":"id1"}'),
        ("POST /order", "{}", '{"cid":"id1"}'),
        ("POST /order", "", '{"cid":"id1"}'),
        ("POST /order", '{"cid":"","a":1e-8}', '{"a":1e-8,"cid":"id1"}'),
        ("POST /order", '{"cid":null,"a":1}', '{"a":1,"cid":"id1"}'),
        ("POST /order", '{"cid":"own"}', '{"cid":"own"}'),
        ("POST /order", '{"c\\u0069d":"own"}', '{"c\\u0069d":"own"}'),
        ("POST /order", '[{"a":1}]', '[{"a":1}]'),  # not one order
        ("POST /batch", ' [{"a":1.10} , {"cid":"own"},{"cid":""},{ }]', None),
        ("POST /batch", "[]", "[]"),
        ("POST /batch", "[5]", "[5]"),
        ("POST /batch", '{"a":1}', '{"a":1}'),
        ("POST /batch", '[ {"cid" : "own"} ]', '[ {"cid" : "own"} ]'),
        ("POST /orders", '{"list" : [{"a":1}], "b":"c"}', '{"list" : [{"a":1,"cid":"id1"}], "b":"c"}'),
        ("POST /orders", '{"list":"[{}]"}', '{"list":"[{}]"}'),
        ("POST /orders", '{"b":"c"}', '{"b":"c"}'),
        ("POST /cancel", '{"a":1}', '{"a":1}'),
        ("POST /other", '{"a":1}', '{"a":1}'),
    ],
)
def test_ids_are_put_in_and_all_else_stays(name: str, body: str, made: str | None) -> None:
    if made is None:
        made = '[{"a":1.10,"cid":"id1"}, {"cid":"own"},{"cid":"id2"},{"cid":"id3"}]'
    request = Incoming("POST", "/", "q=1", (("x", "y"),), body.encode())
    params = json_body.params(request)
    sent, sent_params = JSON.identify(endpoint(name), request, params, counting())
    assert sent.body.decode() == made
    assert (sent.method, sent.path, sent.query, sent.headers) == ("POST", "/", "q=1", request.headers)
    assert dict(sent_params) == dict(json_body.params(sent))
    if made == body:
        assert sent is request and sent_params is params
    again, again_params = JSON.identify(endpoint(name), sent, sent_params, never)
    assert again is sent and again_params is sent_params


@pytest.mark.parametrize(
    ("rules", "query", "body", "made"),
    [
        (FORM, "", "a=1%2F2", ("", "a=1%2F2&cid=id1")),
        (FORM, "", "", ("", "cid=id1")),
        (FORM, "a=1", "", ("a=1&cid=id1", "")),
        (FORM, "a=1", "b=2", ("a=1", "b=2&cid=id1")),
        (FORM, "", "cid=&a=1", ("", "a=1&cid=id1")),
        (FORM, "", "cid=own&a=1", ("", "cid=own&a=1")),
        (QUERY, "a=1%2F2", "", ("a=1%2F2&cid=id1", "")),
        (QUERY, "", "", ("cid=id1", "")),
        (QUERY, "c%69d=&a=1", "", ("a=1&cid=id1", "")),
        (QUERY, "cid=own", "", ("cid=own", "")),
    ],
)
def test_ids_in_forms_and_queries(rules: OrderRules, query: str, body: str, made: tuple[str, str]) -> None:
    request = Incoming("POST", "/", query, (), body.encode())
    params = texts.collect((query, body))
    sent, sent_params = rules.identify(endpoint("POST /order"), request, params, counting())
    assert (sent.query, sent.body.decode()) == made
    assert sent_params["cid"] in ("id1", "own")
    assert dict(sent_params) == texts.collect((sent.query, sent.body.decode()))


def test_lists_are_left_alone_where_parameters_are_no_json() -> None:
    request = Incoming("POST", "/", "", (), b"list=[{}]")
    params = {"list": "[{}]"}
    assert FORM.identify(endpoint("POST /orders"), request, params, never) == (request, params)


def test_ids_take_the_exchanges_own_form() -> None:
    rules = OrderRules(RULES, shape=lambda text: f"t-{text}")
    request = Incoming("POST", "/", "", (), b"{}")
    sent, params = rules.identify(endpoint("POST /order"), request, {}, counting())
    assert json.loads(sent.body) == {"cid": "t-id1"} == dict(params)
    batch = Incoming("POST", "/", "", (), b"[{}]")
    sent, _ = rules.identify(endpoint("POST /batch"), batch, json_body.params(batch), counting())
    assert json.loads(sent.body) == [{"cid": "t-id1"}]


def test_rows_keep_their_places() -> None:
    assert rows_of('[{"a":1},5,null,{"b":2}]') == [{"a": 1}, {"[]": 5}, {}, {"b": 2}]
    assert rows_of("{}") == rows_of("") == rows_of("[") == []
