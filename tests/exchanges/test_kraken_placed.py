"""Which orders a call names, and which an answer says were made or changed."""

import json
from typing import Any

import pytest

from proxy.exchanges.form import Placed
from proxy.exchanges.kraken import EXCHANGE
from proxy.exchanges.kraken_placed import named, placed
from proxy.model import Endpoint, Reply

A, B = "OUF4EM-FRGI2-MQMWZD", "OHCFNU-4L7QE-6OPNQO"


def endpoint(name: str) -> Endpoint:
    found = EXCHANGE.table.match("POST", f"/0/private/{name}")
    assert found is not None
    return found


def reply(result: Any) -> Reply:
    return Reply(200, b"OK", (), json.dumps({"error": [], "result": result}).encode(), 1)


@pytest.mark.parametrize(
    ("name", "params", "names"),
    [
        ("CancelOrder", {"txid": A}, [f"txid {A}"]),
        ("CancelOrder", {"txid": A.lower()}, [f"txid {A}"]),
        ("CancelOrder", {"txid": "-17"}, ["ref -17"]),  # a userref may stand there as well
        ("CancelOrder", {"userref": "017"}, ["ref 17"]),
        ("CancelOrder", {"cl_ord_id": "17"}, ["id 17"]),
        ("CancelOrder", {}, []),
        ("AmendOrder", {"cl_ord_id": "dummy-1"}, ["id dummy-1"]),
        ("EditOrder", {"txid": A, "userref": "5", "pair": "XBTUSD"}, [f"txid {A}"]),
        ("CancelOrderBatch", {"orders": json.dumps([A, 17, "18"])}, [f"txid {A}", "ref 17", "ref 18"]),
        ("CancelOrderBatch", {"orders": json.dumps([{"txid": A}, {"cl_ord_id": "x"}])}, [f"txid {A}", "id x"]),
        ("CancelOrderBatch", {"cl_ord_ids": '["17", "dummy-1"]'}, ["id 17", "id dummy-1"]),
        ("CancelOrderBatch", {"orders": f'["{A}"]', "cl_ord_ids": '["x"]'}, [f"txid {A}", "id x"]),
        ("CancelOrderBatch", {"orders": "[unreadable"}, []),
        ("CancelOrderBatch", {"orders": f'["{A}"]', "cl_ord_ids": "17"}, []),  # half of it read would be too cheap
    ],
)
def test_named(name: str, params: dict[str, str], names: list[str]) -> None:
    assert list(named(endpoint(name), params)) == names


def test_an_order_is_known_by_what_the_bot_and_the_exchange_call_it() -> None:
    params = {"pair": "XBTUSD", "cl_ord_id": "dummy-1"}
    assert placed(endpoint("AddOrder"), params, None) == (Placed("XBTUSD", ("id dummy-1",)),)
    done = placed(endpoint("AddOrder"), params, reply({"descr": {}, "txid": [A]}))
    assert done == (Placed("XBTUSD", ("id dummy-1", f"txid {A}")),)
    tagged = placed(endpoint("AddOrder"), {"pair": "XBTUSD", "userref": "0"}, reply({"txid": [A]}))
    assert tagged == (Placed("XBTUSD", (f"txid {A}",), ("ref 0",)),)


def test_what_has_no_name_of_the_bots_is_known_by_the_answer_only() -> None:
    assert placed(endpoint("AddOrder"), {"pair": "XBTUSD"}, None) == ()
    assert placed(endpoint("AddOrder"), {"pair": "XBTUSD"}, reply({"txid": [A, B]})) == (
        Placed("XBTUSD", (f"txid {A}",)),
    )


def test_an_order_that_is_only_checked_is_not_made() -> None:
    params = {"pair": "XBTUSD", "cl_ord_id": "dummy-1", "validate": "true"}
    assert placed(endpoint("AddOrder"), params, reply({"descr": {}})) == ()


def test_a_batch_has_an_answer_for_each_order() -> None:
    orders = [{"cl_ord_id": "dummy-1"}, {"userref": 3}, {"volume": "1"}]
    params = {"pair": "XBT/USD", "orders": json.dumps(orders)}
    batch = endpoint("AddOrderBatch")
    assert placed(batch, params, None) == (Placed("XBT/USD", ("id dummy-1",)), Placed("XBT/USD", (), ("ref 3",)))
    answer = reply({"orders": [{"txid": A}, {"error": "EOrder:Insufficient funds"}, {"txid": B}]})
    assert placed(batch, params, answer) == (
        Placed("XBT/USD", ("id dummy-1", f"txid {A}")),
        Placed("XBT/USD", (f"txid {B}",)),
    )
    with pytest.raises(ValueError):
        placed(batch, params, reply({"orders": [{"txid": A}]}))  # whose it is cannot be told


def test_an_edited_order_gets_a_new_txid_and_an_amended_one_stays() -> None:
    params = {"pair": "XBTUSD", "txid": A, "userref": "4"}
    assert placed(endpoint("EditOrder"), params, None) == (Placed("XBTUSD", (), ("ref 4",), f"txid {A}"),)
    edited = placed(endpoint("EditOrder"), params, reply({"status": "ok", "txid": B, "originaltxid": A}))
    assert edited == (Placed("XBTUSD", (f"txid {B}",), ("ref 4",), f"txid {A}"),)
    amended = placed(endpoint("AmendOrder"), {"cl_ord_id": "dummy-1"}, reply({"amend_id": "TX"}))
    assert amended == (Placed("", (), (), "id dummy-1"),)
    assert placed(endpoint("EditOrder"), {"txid": A, "validate": "true"}, reply({"descr": {}})) == ()
    assert placed(endpoint("AmendOrder"), {}, None) == ()


def test_a_cancel_makes_nothing() -> None:
    assert placed(endpoint("CancelOrder"), {"txid": A}, reply({"count": 1})) == ()
    assert placed(endpoint("CancelOrderBatch"), {"orders": f'["{A}"]'}, None) == ()
