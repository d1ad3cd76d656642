import io
import json
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.simulator import BinanceLimits, ManualClock, SimAccount, SimConfig, SimKey, Simulator, config_from
from proxy.simulator.ledger import Ledger
from proxy.simulator.venues import VENUES
from tests.simulator.clients import B_KEY, HERE, OTHER, Binance, config, send


async def test_the_ledger_sees_peer_key_and_outcome(start: Any) -> None:
    sim = await start()
    bot = Binance(sim.url("binance"), address=OTHER)
    await bot.limit(newClientOrderId="seen")
    await bot("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1)
    first, second = sim.ledger.entries
    assert (first.address, first.account, first.key, first.client_id) == (OTHER, "b", "main", "seen")
    assert (first.status, first.outcome, second.outcome) == (200, "ok", "-2013")
    assert sim.ledger.counts == {("binance", "ok"): 1, ("binance", "-2013"): 1}
    assert [o.client_id for o in sim.ledger.orders("binance", "b")] == ["seen"]


async def test_the_ledger_is_bounded(start: Any) -> None:
    sim = await start(config(ledger_size=3))
    for _ in range(5):
        await send("GET", sim.url("binance") + "/api/v3/ping")
    assert len(sim.ledger.entries) == 3
    assert sim.ledger.counts["binance", "ok"] == 5
    assert Ledger(7).executed.maxlen == 7


async def test_date_follows_the_injected_clock(start: Any) -> None:
    sim = await start(clock=ManualClock(1_700_000_040_000))
    got = await send("GET", sim.url("cryptocom") + "/exchange/v1/public/get-risk-parameters")
    assert got.headers["date"] == "Tue, 14 Nov 2023 22:14:00 GMT"


async def test_a_body_beyond_the_limit(start: Any) -> None:
    sim = await start()
    assert (
        await send("POST", sim.url("kraken") + "/0/private/Balance", body=io.BytesIO(bytes((1 << 20) + 1)))
    ).status == 413


async def test_control_page(start: Any) -> None:
    sim = await start()
    control, bot = sim.url("control"), Binance(sim.url("binance"))
    key = {"exchange": "binance", "account": "b", "key": "main"}

    async def post(path: str, **data: Any) -> int:
        return (await send("POST", control + path, body=json.dumps(data))).status

    assert await post("/do/suspend_key", **key, seconds=60) == 200
    assert (await bot("GET", "/api/v3/account")).status == 401
    assert await post("/do/lift_key", **key) == 200
    assert await post("/faults", action="error", status=502) == 200
    assert (await bot("GET", "/api/v3/account")).status == 502
    assert await post("/do/set_price", base="BTC", quote="USDT", price="50000") == 200
    assert (await bot.limit("50001")).json["status"] == "FILLED"
    assert await post("/do/stop") == 404
    assert await post("/do/suspend_key", **{**key, "key": "nobody"}) == 400
    assert await post("/do/unlist", wrong=1) == 400
    assert await post("/faults", action="explode") == 400
    seen = (await send("GET", control + "/ledger?entries=1")).json
    assert (seen["orders_executed"], seen["counts"]["binance -2015"], len(seen["entries"])) == (1, 1, 1)
    assert (await send("GET", control + "/")).json["kraken"] == sim.url("kraken")


DOORS = [(name, door) for name in ("binance", "kraken", "cryptocom") for door in VENUES[name].doors]


def free_ports(count: int) -> int:
    """The first of that many free ports in a row, below the range that other sockets are given."""
    for first in range(20_000, 30_000, count):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind((HERE, port))
            except OSError:
                continue
        return first
    raise AssertionError("no free ports")


async def test_ports_follow_one_another_and_stop_frees_them() -> None:
    port = free_ports(1 + len(DOORS))
    for _ in range(2):
        sim = Simulator(config())
        await sim.start(port=port)
        for number, (exchange, product) in enumerate(DOORS, 1):
            assert sim.url(exchange, product) == f"http://{HERE}:{port + number}"
        await sim.stop()
    with pytest.raises(KeyError):
        sim.url("kraken")


async def test_a_taken_port_leaves_nothing_listening() -> None:
    port, last = free_ports(1 + len(DOORS)), len(DOORS)
    with socket.socket() as taken:
        taken.bind((HERE, port + last))
        sim = Simulator(config())
        with pytest.raises(OSError, match=str(port + last)):
            await sim.start(port=port)
    with socket.socket() as probe:
        probe.bind((HERE, port))


def test_config_from_mapping() -> None:
    read = config_from(
        {
            "accounts": [
                {
                    "exchange": "binance",
                    "name": "b",
                    "keys": [{"alias": "main", "key": B_KEY, "secret": "dummy-secret", "addresses": [HERE]}],
                }
            ],
            "binance": {"weight_1m": 100},
            "kraken": {"engine": [10, 1]},
            "markets": [{"base": "BTC", "quote": "USDT", "price": "1"}],
        }
    )
    assert read.accounts[0].keys == (SimKey("main", B_KEY, "dummy-secret", (HERE,)),)
    assert (read.limits["binance"], read.limits["kraken"].engine) == (BinanceLimits(weight_1m=100), (10, 1))
    assert "dummy-secret" not in repr(read)


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": []},
        {"accounts": [{"exchange": "nowhere", "name": "x", "keys": []}]},
        {"accounts": [{"exchange": "binance", "keys": []}]},
        {"binance": {"weights": 1}},
    ],
)
def test_config_faults_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|missing"):
        config_from(wrong)


def test_keys_must_be_unique() -> None:
    key = SimKey("a", "dummy", "dummy")
    with pytest.raises(ValueError, match="twice"):
        Simulator(SimConfig((SimAccount("binance", "b", (key, SimKey("c", "dummy", "dummy"))),)))
