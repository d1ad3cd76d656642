"""JSON requests, rid of dummies and read without being re-written."""

import pytest

from proxy.errors import BadCall
from proxy.exchanges.json_body import ROWS, params, stripped
from proxy.model import Incoming

DUMMIES = frozenset({"x-key", "x-sign"})


def request(method: str = "POST", query: str = "", body: bytes = b"") -> Incoming:
    return Incoming(method, "/v1/order", query, (("x-key", "dummy"), ("accept", "*/*"), ("x-sign", "dummy")), body)


def test_dummies_go_and_all_else_stays_byte_for_byte() -> None:
    sent = request(query="b=%2F&ts=1&a=1", body=b'{ "px" : 1.10, "ts":5 ,"u":"\\u00e9"}')
    found = stripped(sent, headers=DUMMIES, query=frozenset({"ts"}), body=frozenset({"ts"}))
    assert found.headers == (("accept", "*/*"),)
    assert found.query == "b=%2F&a=1" and found.body == b'{ "px" : 1.10,"u":"\\u00e9"}'


def test_a_body_without_dummies_is_the_very_same() -> None:
    body = b'{ "px" :1e-8 }'
    assert stripped(request(body=body), headers=DUMMIES, body=frozenset({"ts"})).body is body
    rows = b' [ {"ts": 1} , {"px":"1"}]'
    assert stripped(request(body=rows), headers=DUMMIES, body=frozenset({"ts"})).body is rows


@pytest.mark.parametrize("body", [b"a=1", b"{", b'{"a":1,"a":2}', b"[1", b'"a"', b"\xff"])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadCall):
        stripped(request(body=body), headers=DUMMIES)


def test_a_get_has_no_body() -> None:
    with pytest.raises(BadCall, match="in the query"):
        stripped(request("GET", body=b"{}"), headers=DUMMIES)


def test_parameters_of_query_and_body() -> None:
    found = params(request(query="category=spot", body=b'{"px":1.10,"on":true,"none":null,"rows":[{"a": 1}],"s":"x"}'))
    assert found == {"category": "spot", "px": "1.10", "on": "true", "rows": '[{"a": 1}]', "s": "x"}
    assert params(request(body=b'[{"a": 1}]')) == {ROWS: '[{"a": 1}]'}
    assert params(request()) == {}


def test_a_parameter_in_both_places_is_refused() -> None:
    with pytest.raises(BadCall, match="twice"):
        params(request(query="a=1", body=b'{"a":1}'))
