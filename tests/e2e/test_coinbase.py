"""Coinbase through a real daemon: both kinds of keys, and orders whose answer is lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.cli.world import token_of
from proxy.config import Config
from proxy.exchanges.coinbase_jwt import bearer, public_pem
from proxy.metrics import RESOLVED
from proxy.simulator import Fault, SimConfig
from tests.e2e.bots import Request, Said, one
from tests.e2e.worlds import BOT, COINBASE, World

ROOT = f"/{COINBASE.name}/api/v3/brokerage"
PEM = ec.derive_private_key(0xDD, ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World((COINBASE,)).start()
    yield made
    made.stop()


def place(order_id: str = "", **changed: Any) -> Request:
    limit = {"base_size": "0.001", "limit_price": "50000"}
    order = {"product_id": "BTC-USD", "side": "BUY", "order_configuration": {"limit_limit_gtc": limit}, **changed}
    if order_id:
        order["client_order_id"] = order_id
    return "POST", f"{ROOT}/orders", orjson.dumps(order), "application/json"


def ask(world: World, request: Request) -> Said:
    return world.run(one(world, request))


def read(world: World, path: str) -> Said:
    return ask(world, ("GET", ROOT + path, b"", ""))


def call_of(path: str, **body: Any) -> Request:
    return "POST", ROOT + path, orjson.dumps(body), "application/json"


async def test_a_jwt_made_with_a_dummy_key_says_whose_call_it_is(world: World) -> None:
    """As the official library makes it, which knows no other way."""
    async with aiohttp.ClientSession() as session:
        for name, status in ((token_of(BOT), 200), ("dummy-token-of-nobody", 401)):
            made = bearer(name, PEM, method="GET", path="/x", nonce="0", from_s=0, seconds=120)
            headers = {"Authorization": f"Bearer {made}"}
            url = f"http://{world.listen}{ROOT}/accounts"
            async with session.get(url, headers=headers, data=b"{}") as answer:
                assert answer.status == status


def elliptic_sim(config: SimConfig) -> SimConfig:
    accounts = tuple(
        replace(a, keys=tuple(replace(key, secret=public_pem(PEM)) for key in a.keys)) for a in config.accounts
    )
    return replace(config, accounts=accounts)


def elliptic_daemon(config: Config) -> Config:
    account = config.accounts[COINBASE.name]
    keys = tuple(replace(key, credential=replace(key.credential, secret=PEM)) for key in account.keys)
    return replace(config, accounts={account.name: replace(account, keys=keys)})


def test_elliptic_keys(new_world: Any) -> None:
    world = new_world((COINBASE,), sim=elliptic_sim, daemon=elliptic_daemon)
    assert read(world, "/accounts").well
    assert ask(world, place("dummy-elliptic")).body["success"] is True


def test_an_order_without_an_id_gets_one(world: World) -> None:
    said = ask(world, place())
    assert said.body["success"] is True
    assert said.body["success_response"]["client_order_id"].startswith("og")


def outcomes(world: World) -> dict[str, int]:
    """What became of lost writes, as far as it is known."""
    counts = world.do(lambda: dict(world.daemon.metrics.counts))
    return {row[2]: count for row, count in counts.items() if row[0] == RESOLVED}


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("action", ["truncate", "html", "error"])
async def test_an_order_whose_answer_is_lost(new_world: Any, action: Any, executed: bool) -> None:
    world = new_world((COINBASE,))
    assert (await one(world, ("GET", f"{ROOT}/accounts", b"", ""))).well
    world.do(lambda: world.sim.inject(Fault(action, "coinbase", path="/orders", executed=executed)))
    start = world.mark()
    asked = asyncio.ensure_future(one(world, place("dummy-once")))
    if executed:
        said = await asked
        assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "executed"), said
        assert said.body["success_response"]["client_order_id"] == "dummy-once"
    else:
        while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
            await asyncio.sleep(0.01)
        world.jump(10)  # longer than a bot waits
        said = await asked
        assert (said.status, said.headers["x-ordergate-outcome"]) == (504, "unknown"), said
        steps = 0
        while world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
            assert (steps := steps + 1) < 40
            world.jump(5)
            await asyncio.sleep(0.02)
        assert steps >= 12  # not while the exchange might take it, and not at the first look
    assert outcomes(world) == {"executed" if executed else "absent": 1}
    copies = [entry for entry in world.since(start) if entry.method == "POST"]
    assert len(copies) == 1
    assert world.executions(COINBASE, "dummy-once") == executed
    assert world.blocks() == {}


@pytest.mark.parametrize("action", ["drop", "error"])
async def test_a_cancel_and_an_edit_whose_answers_are_lost(new_world: Any, action: Any) -> None:
    world = new_world((COINBASE,))
    ids = [(await one(world, place(f"dummy-{n}"))).body["success_response"]["order_id"] for n in range(3)]
    world.do(lambda: world.sim.inject(Fault(action, "coinbase", path="/orders/edit", executed=True)))
    said = await one(world, call_of("/orders/edit", order_id=ids[0], price="49000", size="0.001"))
    assert (said.status, said.body) == (200, {"success": True, "errors": []}), said
    world.do(lambda: world.sim.inject(Fault(action, "coinbase", path="/orders/batch_cancel", executed=True)))
    said = await one(world, call_of("/orders/batch_cancel", order_ids=ids))
    assert [row["order_id"] for row in said.body["results"] if row["success"]] == ids
    assert outcomes(world) == {"executed": 2}


async def test_a_cancel_of_an_order_that_is_not_there(world: World) -> None:
    said = await one(world, call_of("/orders/batch_cancel", order_ids=["dummy-nowhere"]))
    assert (said.status, said.headers["x-ordergate-outcome"]) == (200, "rejected"), said
    assert said.body["results"][0]["success"] is False


# A deleted key is told from an address outside of its list once three addresses of it were refused.
@pytest.mark.parametrize(("action", "attempts"), [("unlist", 2), ("delete_key", 4), ("cdn_ban", 2)])
async def test_trouble_of_a_route_is_not_the_bots(new_world: Any, action: Any, attempts: int) -> None:
    world = new_world((COINBASE,))
    assert (await one(world, ("GET", f"{ROOT}/accounts", b"", ""))).well
    world.do(lambda: world.sim.inject(Fault(action, "coinbase", path="/orders", seconds=60)))
    said = await one(world, place("dummy-routed"))
    assert said.body["success"] is True, said
    assert int(said.headers["x-ordergate-attempts"]) == attempts
    assert world.executions(COINBASE, "dummy-routed") == 1
    assert len(world.blocks()) >= 1
