"""How long a KuCoin call can be executed."""

import json

import pytest

from proxy.exchanges.kucoin import EXCHANGE
from proxy.model import Credential, Endpoint, Incoming, Stamp

WALL_MS = 1_700_000_000_000
STAMP = Stamp(WALL_MS)
OURS = f'"allowMaxTimeWindow":3000,"clientTimestamp":{WALL_MS}'


def row(path: str, method: str = "POST", product: str = "spot") -> Endpoint:
    found = EXCHANGE.table.match(method, path, product)
    assert found is not None
    return found


def sent(path: str, body: str, product: str = "spot") -> tuple[str, int]:
    """The body that leaves, and how many ms it is good for."""
    request = EXCHANGE.strip(Incoming("POST", path, "", (), body.encode()))
    endpoint = row(path, product=product)
    by = Credential("kucoin-main", "main", "dummy-key", b"dummy-secret", "dummy-passphrase")
    made = EXCHANGE.sign(request, endpoint, by, STAMP).body.decode()
    return made, EXCHANGE.valid_until_ms(endpoint, request, STAMP) - WALL_MS


@pytest.mark.parametrize("path", ["/api/v1/hf/orders", "/api/v1/hf/orders/sync"])
@pytest.mark.parametrize(
    ("given", "leaves", "valid_ms"),
    [
        ('{"size": 1.10}', f'{{"size": 1.10,{OURS}}}', 3000),
        ('{"allowMaxTimeWindow":null,"a":1}', f'{{"a":1,{OURS}}}', 3000),
        ('{"clientTimestamp":1,"a":1}', f'{{"a":1,{OURS}}}', 3000),
        (
            '{"allowMaxTimeWindow": 800 ,"a":1}',
            f'{{"allowMaxTimeWindow": 800 ,"a":1,"clientTimestamp":{WALL_MS}}}',
            800,
        ),
        ('{"allowMaxTimeWindow":"60000"}', f'{{"allowMaxTimeWindow":5000,"clientTimestamp":{WALL_MS}}}', 5000),
        ('{"allowMaxTimeWindow":60000}', f'{{"allowMaxTimeWindow":5000,"clientTimestamp":{WALL_MS}}}', 5000),
        ('{"allowMaxTimeWindow":"x"}', f'{{"allowMaxTimeWindow":"x","clientTimestamp":{WALL_MS}}}', 5000),
        ('{"allowMaxTimeWindow":true}', f'{{"allowMaxTimeWindow":true,"clientTimestamp":{WALL_MS}}}', 5000),
    ],
)
def test_a_spot_order_leaves_with_its_end(path: str, given: str, leaves: str, valid_ms: int) -> None:
    assert sent(path, given) == (leaves, valid_ms)


@pytest.mark.parametrize("path", ["/api/v1/hf/orders/multi", "/api/v1/hf/orders/multi/sync"])
def test_so_does_each_one_of_a_list(path: str) -> None:
    body, valid_ms = sent(path, '{"orderList":[{"a":1.0}, {"allowMaxTimeWindow":4000}],"b":2}')
    second = f'{{"allowMaxTimeWindow":4000,"clientTimestamp":{WALL_MS}}}'
    assert body == f'{{"orderList":[{{"a":1.0,{OURS}}},{second}],"b":2}}'
    assert valid_ms == 4000
    assert sent(path, '{"orderList":"no list"}') == ('{"orderList":"no list"}', 5000)


@pytest.mark.parametrize(
    ("path", "product"),
    [
        ("/api/v1/hf/orders/alter", "spot"),
        ("/api/v1/orders", "spot"),
        ("/api/v1/stop-order", "spot"),
        ("/api/v3/hf/margin/order", "spot"),
        ("/api/v1/orders", "futures"),
    ],
)
def test_others_are_good_as_long_as_their_time_stamp(path: str, product: str) -> None:
    body = json.dumps({"symbol": "X", "allowMaxTimeWindow": 60_000})
    assert sent(path, body, product) == (body, 5000)


def test_cancels_too() -> None:
    cancel = row("/api/v1/hf/orders/1", "DELETE")
    request = Incoming("DELETE", "/api/v1/hf/orders/1", "symbol=BTC-USDT", (), b"")
    assert EXCHANGE.valid_until_ms(cancel, request, STAMP) == WALL_MS + 5000
