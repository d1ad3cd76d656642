"""KuCoin's clients through a daemon to the simulated exchange: spot, futures, and orders whose answer is lost."""

import warnings
from collections.abc import Iterator
from typing import Any

import ccxt
import orjson
import pytest

from proxy.cli.world import AccountPlan
from proxy.simulator import Fault
from tests.e2e.bots import Request, one
from tests.e2e.worlds import World, allocation

KUCOIN = AccountPlan("kucoin-main", "kucoin", 4)
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
HF = "/api/v1/hf/orders"


@pytest.fixture(scope="module")
def kucoin() -> Iterator[World]:
    world = World((KUCOIN,)).start()
    yield world
    world.stop()


@pytest.fixture
def client(kucoin: World) -> Iterator[Any]:
    """The very text, run as a user would who has pasted it below `import ccxt`."""
    space: dict[str, Any] = {"ccxt": ccxt}
    exec(kucoin.printed(KUCOIN, "ccxt"), space)
    yield space["exchange"]
    space["exchange"].session.close()


def test_ccxt_trades_spot(kucoin: World, client: Any) -> None:
    start = kucoin.mark()
    client.load_markets()
    assert client.currencies["BTC"]["code"] == "BTC"
    ticker = client.fetch_ticker(SPOT)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    before = client.fetch_balance()
    placed = client.create_order(SPOT, "limit", "buy", 0.01, 50_000)
    resting = client.fetch_order(placed["id"], SPOT)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    assert client.fetch_balance()["USDT"]["used"] == before["USDT"]["used"] + 500
    assert [order["id"] for order in client.fetch_open_orders(SPOT)] == [placed["id"]]
    client.cancel_order(placed["id"], SPOT)
    assert client.fetch_order(placed["id"], SPOT)["status"] == "canceled"
    entries = kucoin.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(KUCOIN)
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert kucoin.orders_since(start) == 1


def test_ccxt_trades_futures(kucoin: World, client: Any) -> None:
    start = kucoin.mark()
    client.load_markets()
    assert client.fetch_ticker(SWAP)["last"] > 0
    placed = client.create_order(SWAP, "limit", "buy", 1, 50_000, {"leverage": 3})
    assert client.fetch_order(placed["id"], SWAP)["status"] == "open"
    assert [order["id"] for order in client.fetch_open_orders(SWAP)] == [placed["id"]]
    client.cancel_order(placed["id"], SWAP)
    assert client.fetch_order(placed["id"], SWAP)["status"] == "canceled"
    assert {entry.outcome for entry in kucoin.since(start)} == {"ok"}
    assert kucoin.orders_since(start) == 1


def test_a_withdrawal_raises_and_nothing_leaves(kucoin: World, client: Any) -> None:
    client.load_markets()
    start = kucoin.mark()
    with pytest.raises(ccxt.PermissionDenied, match="withdrawal_refused"):
        client.withdraw("BTC", 0.1, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    with pytest.raises(ccxt.PermissionDenied, match="withdrawal_refused"):
        client.transfer("BTC", 0.1, "main", "trade")
    assert kucoin.since(start) == []


def test_a_wrong_token_raises_authentication_error(kucoin: World, client: Any) -> None:
    client.load_markets()
    client.apiKey = "dummy-token-of-nobody"
    start = kucoin.mark()
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    assert kucoin.since(start) == []


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
    Fault("garbage", executed=True),
    Fault("error", status=500, executed=True),
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.action)
@pytest.mark.parametrize("path", [HF, f"{HF}/sync", "/api/v1/orders"])
def test_an_order_whose_answer_is_lost_is_found(kucoin: World, fault: Fault, path: str) -> None:
    name = f"{fault.action}{path.count('/')}{path[-1]}"
    start = kucoin.mark()
    kucoin.do(lambda: kucoin.sim.inject(Fault(fault.action, "kucoin", "POST", status=fault.status, executed=True)))
    said = kucoin.run(one(kucoin, post(path, order(name)), name))
    kucoin.free()
    assert (said.status, said.body["code"]) == (200, "200000")
    assert said.headers["x-ordergate-outcome"] == "executed"
    assert said.body["data"]["orderId"]
    assert (kucoin.orders_since(start), kucoin.executions(KUCOIN, name)) == (1, 1)


def test_a_list_whose_answer_is_lost_is_found(kucoin: World) -> None:
    start = kucoin.mark()
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "POST", executed=True)))
    said = kucoin.run(one(kucoin, post(f"{HF}/multi", {"orderList": [order("list-1"), order("list-2")]})))
    assert [row["clientOid"] for row in said.body["data"]] == ["list-1", "list-2"]
    assert kucoin.orders_since(start) == 2


def test_a_futures_order_whose_answer_is_lost_is_found(kucoin: World) -> None:
    given = {"symbol": "XBTUSDTM", "clientOid": "swap-1", "side": "buy", "type": "limit", "leverage": 3}
    call = post("/api/v1/orders", {**given, "price": "50000", "size": 1}, "/api-futures.kucoin.com")
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "POST", executed=True)))
    said = kucoin.run(one(kucoin, call))
    assert (said.status, said.body["data"]["clientOid"]) == (200, "swap-1")
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "DELETE", executed=True)))
    path = f"/{KUCOIN.name}/api-futures.kucoin.com/api/v1/orders/{said.body['data']['orderId']}"
    gone = kucoin.run(one(kucoin, ("DELETE", path, b"", "")))
    assert gone.body == {"code": "200000", "data": {"cancelledOrderIds": [said.body["data"]["orderId"]]}}


def test_a_cancel_whose_answer_is_lost_is_found(kucoin: World) -> None:
    placed = kucoin.run(one(kucoin, post(HF, order("gone-1"))))
    number = placed.body["data"]["orderId"]
    kucoin.do(lambda: kucoin.sim.inject(Fault("drop", "kucoin", "DELETE", executed=True)))
    gone = kucoin.run(one(kucoin, ("DELETE", f"/{KUCOIN.name}{HF}/{number}?symbol=BTC-USDT", b"", "")))
    assert gone.body == {"code": "200000", "data": {"orderId": number}}
    assert gone.headers["x-ordergate-outcome"] == "executed"
