"""HTX: by which names calls know their orders, ids that are put in, and what closes a position."""

import itertools
import json

import pytest

from proxy.exchanges import EXCHANGES
from proxy.exchanges.htx_orders import number
from proxy.model import Endpoint, Incoming
from proxy.order_ids import OrderIds

ROW = EXCHANGES["htx"]
V1, CROSS, SPOT = "POST /linear-swap-api/v1/swap_", "POST /linear-swap-api/v1/swap_cross_", "POST /v1/order/"


def made(name: str, body: str) -> tuple[Endpoint, Incoming, dict[str, str]]:
    method, _, path = name.partition(" ")
    endpoint = ROW.table.match(method, path)
    assert endpoint is not None, name
    request = ROW.strip(Incoming(method, path, "", (), body.encode()))
    return endpoint, request, {**ROW.params(request), **ROW.table.path_params(endpoint, path)}


@pytest.mark.parametrize(
    ("name", "body", "own"),
    [
        (f"{SPOT}orders/place", '{"symbol":"btcusdt","client-order-id":"a"}', ("a",)),
        (f"{SPOT}batch-orders", '[{"client-order-id":"a"},{"client-order-id":"b"},{}]', ("a", "b")),
        (f"{SPOT}orders/59378/submitcancel", "{}", ("59378",)),
        (f"{SPOT}orders/submitCancelClientOrder", '{"client-order-id":"a"}', ("a",)),
        (f"{SPOT}orders/batchcancel", '{"order-ids":["1",2]}', ("1", "2")),
        (f"{SPOT}orders/batchcancel", '{"client-order-ids":["a","b"]}', ("a", "b")),
        (f"{SPOT}orders/batchCancelOpenOrders", '{"account-id":"7"}', ()),
        ("POST /v2/algo-orders", '{"clientOrderId":"a"}', ("a",)),
        ("POST /v2/algo-orders/cancellation", '{"clientOrderIds":["a","b"]}', ("a", "b")),
        (f"{V1}order", '{"contract_code":"BTC-USDT","client_order_id":9007199254740993}', ("9007199254740993",)),
        (f"{CROSS}batchorder", '{"orders_data":[{"client_order_id":1},{"client_order_id":"2"}]}', ("1", "2")),
        (f"{CROSS}cancel", '{"contract_code":"BTC-USDT","order_id":"1, 2"}', ("1", "2")),
        (f"{V1}cancel", '{"contract_code":"BTC-USDT","client_order_id":"5"}', ("5",)),
        (f"{V1}cancel", '{"contract_code":"BTC-USDT","order_id":"1","client_order_id":"5"}', ("1",)),
        (f"{V1}cancelall", '{"contract_code":"BTC-USDT"}', ()),
        ("POST /api/v1/contract_cancel", '{"symbol":"BTC","order_id":"1,2"}', ("1", "2")),
        ("POST /v5/trade/order", '{"contract_code":"BTC-USDT","client_order_id":"5"}', ("5",)),
        ("POST /v5/trade/batch_orders", '[{"client_order_id":"5"},{"client_order_id":"6"}]', ("5", "6")),
        ("POST /v5/trade/cancel_order", '{"order_id":"1"}', ("1",)),
        ("POST /v5/trade/cancel_batch_orders", '{"order_id":["1","2"]}', ("1", "2")),
        ("POST /v5/algo/cancel_orders", '[{"algo_id":"1"},{"algo_client_order_id":"5"}]', ("1", "5")),
    ],
)
def test_names(name: str, body: str, own: tuple[str, ...]) -> None:
    endpoint, _, params = made(name, body)
    assert ROW.orders(endpoint, params).own == own
    assert ROW.client_ids(endpoint, params) == (own if endpoint.call_class == "place" else ())


def put_in(name: str, body: str) -> str:
    numbers = itertools.count(1)
    endpoint, request, params = made(name, body)
    found, told = ROW.identify(endpoint, request, params, lambda: f"og{next(numbers)}")
    assert (found is request) == (told is params)
    assert ROW.params(found) == {k: v for k, v in told.items() if k in ROW.params(found)}
    return found.body.decode()


ONE, TWO = number("og1"), number("og2")


@pytest.mark.parametrize(
    ("name", "body", "sent"),
    [
        (f"{SPOT}orders/place", '{"amount":1.10}', '{"amount":1.10,"client-order-id":"og1"}'),
        (f"{SPOT}orders/place", '{"client-order-id":"a"}', '{"client-order-id":"a"}'),
        (f"{SPOT}orders/place", '{"client-order-id":"", "a":1}', '{ "a":1,"client-order-id":"og1"}'),
        (
            f"{SPOT}batch-orders",
            '[{"amount":1.10}, {"client-order-id":"a", "b":2},{}]',
            '[{"amount":1.10,"client-order-id":"og1"}, {"client-order-id":"a", "b":2},{"client-order-id":"og2"}]',
        ),
        ("POST /v2/algo-orders", "{}", '{"clientOrderId":"og1"}'),
        (f"{SPOT}auto/place", "{}", "{}"),  # it takes none
        (f"{V1}order", '{"volume":1}', f'{{"volume":1,"client_order_id":{ONE}}}'),
        (f"{CROSS}order", '{"client_order_id":7}', '{"client_order_id":7}'),
        (
            f"{CROSS}batchorder",
            '{"orders_data":[{"volume":1},{"client_order_id":7},{}]}',
            f'{{"orders_data":[{{"volume":1,"client_order_id":{ONE}}},{{"client_order_id":7}},{{"client_order_id":{TWO}}}]}}',
        ),
        (f"{V1}lightning_close_position", "{}", f'{{"client_order_id":{ONE}}}'),
        ("POST /api/v1/lightning_close_position", "{}", f'{{"client_order_id":{ONE}}}'),
        ("POST /swap-api/v1/swap_order", "{}", f'{{"client_order_id":{ONE}}}'),
        (f"{V1}trigger_order", "{}", "{}"),
        ("POST /v5/trade/order", '{"volume":1}', f'{{"volume":1,"client_order_id":"{ONE}"}}'),
        ("POST /v5/trade/batch_orders", "[{}]", f'[{{"client_order_id":"{ONE}"}}]'),
        ("POST /v5/trade/position", "{}", f'{{"client_order_id":"{ONE}"}}'),
        ("POST /v5/algo/order", "{}", f'{{"algo_client_order_id":"{ONE}"}}'),
        ("POST /v5/trade/cancel_order", "{}", "{}"),
    ],
)
def test_ids_are_put_in(name: str, body: str, sent: str) -> None:
    assert put_in(name, body) == sent


def test_numbers_of_one_start_are_all_different_and_fit() -> None:
    ids = OrderIds()
    found = [int(number(ids.take())) for _ in range(50_000)]
    assert len(set(found)) == len(found)
    assert min(found) >= 1 and max(found) <= 9_223_372_036_854_775_807
    assert int(number("z" * 18)) <= 9_223_372_036_854_775_807


@pytest.mark.parametrize(
    ("name", "body", "closes"),
    [
        (f"{SPOT}orders/place", '{"type":"sell-limit"}', False),
        (f"{V1}order", '{"offset":"close"}', True),
        (f"{V1}order", '{"offset":"open"}', False),
        (f"{V1}order", '{"reduce_only":1}', True),
        (f"{V1}order", '{"reduce_only":0}', False),
        (f"{CROSS}batchorder", '{"orders_data":[{"offset":"close"},{"offset":"close"}]}', True),
        (f"{CROSS}batchorder", '{"orders_data":[{"offset":"close"},{"offset":"open"}]}', False),
        (f"{CROSS}batchorder", '{"orders_data":[]}', False),
        (f"{CROSS}lightning_close_position", "{}", True),
        (f"{CROSS}tpsl_order", "{}", True),
        (f"{CROSS}trigger_order", '{"offset":"close"}', True),
        ("POST /v5/trade/order", '{"reduce_only":true}', True),
        ("POST /v5/trade/order", '{"reduce_only":1}', True),
        ("POST /v5/trade/order", '{"offset":"close"}', False),
        ("POST /v5/trade/batch_orders", '[{"reduce_only":"true"},{"reduce_only":false}]', False),
        ("POST /v5/trade/position_all", "{}", True),
    ],
)
def test_what_can_only_close(name: str, body: str, closes: bool) -> None:
    endpoint, _, params = made(name, body)
    assert ROW.closes(endpoint, params) is closes


def test_one_symbol_has_one_name() -> None:
    assert {ROW.symbol(name) for name in ("BTC-USDT", "btc-usdt")} == {"btc-usdt"}
    assert json.loads(put_in(f"{SPOT}orders/place", '{"symbol":"BTCUSDT"}'))["symbol"] == "BTCUSDT"
