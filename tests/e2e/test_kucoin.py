"""KuCoin's clients through a daemon to the simulated exchange: spot, futures, and orders whose answer is lost."""

import warnings
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.simulator import Fault
from tests.e2e.bots import Request, told
from tests.e2e.cases import KUCOIN
from tests.e2e.worlds import World

HF = "/api/v1/hf/orders"


@pytest.fixture(scope="module")
def kucoin() -> Iterator[World]:
    world = World((KUCOIN,)).start()
    yield world
    world.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own
def test_the_sdk_trades(kucoin: World) -> None:
    with warnings.catch_warnings():  # its models are written for an older pydantic
        warnings.simplefilter("ignore")
        from kucoin_universal_sdk.api import DefaultClient
        from kucoin_universal_sdk.generate.spot.order import AddOrderReqBuilder, GetOrderByClientOidReqBuilder
        from kucoin_universal_sdk.model import ClientOptionBuilder, TransportOptionBuilder

    space: dict[str, Any] = {
        "ClientOptionBuilder": ClientOptionBuilder,
        "TransportOptionBuilder": TransportOptionBuilder,
    }
    exec(kucoin.printed(KUCOIN, "kucoin-universal-sdk"), space)
    orders = DefaultClient(space["option"]).rest_service().get_spot_service().get_order_api()
    order = AddOrderReqBuilder().set_symbol("BTC-USDT").set_type("limit").set_side("buy")
    start = kucoin.mark()
    placed = orders.add_order(order.set_price("50000").set_size("0.01").build())
    assert placed.client_oid.startswith("og")  # the SDK gives none
    ask = GetOrderByClientOidReqBuilder().set_symbol("BTC-USDT").set_client_oid(placed.client_oid).build()
    assert orders.get_order_by_client_oid(ask).id == placed.order_id
    orders.transport.close()
    assert {entry.outcome for entry in kucoin.since(start)} == {"ok"}
    assert kucoin.orders_since(start) == 1


def order(name: str, size: str = "0.01") -> dict[str, str]:
    price = {"type": "limit", "side": "buy", "price": "50000", "size": size}
    return {"symbol": "BTC-USDT", "clientOid": name, **price}


def post(path: str, body: Any, host: str = "") -> Request:
    return "POST", f"/{KUCOIN.name}{host}{path}", orjson.dumps(body), "application/json"


LOST = [
    Fault("drop", executed=True),
    Fault("truncate", executed=True),
    Fault("error", status=500, executed=True),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.action)
@pytest.mark.parametrize("path", [HF, f"{HF}/sync", "/api/v1/orders"])
def test_an_order_whose_answer_is_lost_is_found(kucoin: World, fault: Fault, path: str) -> None:
    name = f"{fault.action}{path.count('/')}{path[-1]}"
    start = kucoin.mark()
    kucoin.do(lambda: kucoin.sim.inject(Fault(fault.action, "kucoin", "POST", status=fault.status, executed=True)))
    said = told(kucoin, post(path, order(name)))
    kucoin.free()
    assert (said.status, said.body["code"]) == (200, "200000")
    assert said.headers["x-ordergate-outcome"] == "executed"
    assert said.body["data"]["orderId"]
    assert (kucoin.orders_since(start), kucoin.executions(KUCOIN, name)) == (1, 1)


def test_a_list_whose_answer_is_lost_is_found(kucoin: World) -> None:
    start = kucoin.mark()
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "POST", executed=True)))
    said = told(kucoin, post(f"{HF}/multi", {"orderList": [order("list-1"), order("list-2")]}))
    assert [row["clientOid"] for row in said.body["data"]] == ["list-1", "list-2"]
    assert kucoin.orders_since(start) == 2


def test_a_futures_order_whose_answer_is_lost_is_found(kucoin: World) -> None:
    given = {"symbol": "XBTUSDTM", "clientOid": "swap-1", "side": "buy", "type": "limit", "leverage": 3}
    call = post("/api/v1/orders", {**given, "price": "50000", "size": 1}, "/api-futures.kucoin.com")
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "POST", executed=True)))
    said = told(kucoin, call)
    assert (said.status, said.body["data"]["clientOid"]) == (200, "swap-1")
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "DELETE", executed=True)))
    path = f"/{KUCOIN.name}/api-futures.kucoin.com/api/v1/orders/{said.body['data']['orderId']}"
    gone = told(kucoin, ("DELETE", path, b"", ""))
    assert gone.body == {"code": "200000", "data": {"cancelledOrderIds": [said.body["data"]["orderId"]]}}


def test_a_cancel_whose_answer_is_lost_is_found(kucoin: World) -> None:
    placed = told(kucoin, post(HF, order("gone-1")))
    number = placed.body["data"]["orderId"]
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "DELETE", executed=True)))
    gone = told(kucoin, ("DELETE", f"/{KUCOIN.name}{HF}/{number}?symbol=BTC-USDT", b"", ""))
    assert gone.body == {"code": "200000", "data": {"orderId": number}}
    assert gone.headers["x-ordergate-outcome"] == "executed"
