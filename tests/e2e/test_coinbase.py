"""Coinbase through a real daemon: ccxt's life of an order, both kinds of keys, and orders whose answer is lost."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ccxt
import ccxt.async_support
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.cli.world import token_of
from proxy.config import Config
from proxy.exchanges.coinbase_jwt import bearer, public_pem
from proxy.simulator import Fault, SimConfig
from tests.e2e.bots import Request, Said, one
from tests.e2e.test_ccxt import ADDRESS, client_of
from tests.e2e.worlds import BOT, COINBASE, World

SYMBOL = "BTC/USD"
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


def post(world: World, path: str, **body: Any) -> Said:
    return ask(world, ("POST", ROOT + path, orjson.dumps(body), "application/json"))


def test_ccxt_sync(world: World) -> None:
    start = world.mark()
    client = client_of(world, COINBASE, ccxt)
    client.load_markets()
    ticker = client.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"]
    before = client.fetch_balance()
    placed = client.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
    resting = client.fetch_order(placed["id"], SYMBOL)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    assert client.fetch_balance()["USD"]["free"] == pytest.approx(before["USD"]["free"] - 500, rel=1e-2)
    assert [order["id"] for order in client.fetch_open_orders(SYMBOL)] == [placed["id"]]
    client.cancel_order(placed["id"], SYMBOL)
    assert client.fetch_order(placed["id"], SYMBOL)["status"] == "canceled"
    check(world, start)
    client.session.close()


async def test_ccxt_async(world: World) -> None:
    start = world.mark()
    async with client_of(world, COINBASE, ccxt.async_support) as client:
        await client.load_markets()
        placed = await client.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
        assert [order["id"] for order in await client.fetch_open_orders(SYMBOL)] == [placed["id"]]
        await client.cancel_order(placed["id"], SYMBOL)
        assert (await client.fetch_order(placed["id"], SYMBOL))["status"] == "canceled"
    check(world, start)


def check(world: World, start: Any) -> None:
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert len({entry.key for entry in entries if entry.key}) > 1
    assert world.orders_since(start) == 1
    assert world.do(world.sim.ledger.duplicates) == {}


def test_a_withdrawal_raises_and_nothing_leaves(world: World) -> None:
    client = client_of(world, COINBASE, ccxt)
    client.load_markets()
    client.fetch_accounts()
    start = world.mark()
    with pytest.raises(ccxt.PermissionDenied, match="withdrawal_refused"):
        client.withdraw("BTC", 0.1, ADDRESS)
    assert [entry.method for entry in world.since(start) if entry.method != "GET"] == []
    assert not world.do(lambda: list(world.sim.ledger.withdrawals))
    client.session.close()


def test_a_wrong_token_raises_authentication_error(world: World) -> None:
    client = client_of(world, COINBASE, ccxt)
    client.apiKey = "dummy-token-of-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    client.session.close()


async def test_a_jwt_made_with_a_dummy_key_says_whose_call_it_is(world: World) -> None:
    """As the official library makes it, which knows no other way."""
    import aiohttp

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


@pytest.mark.parametrize("action", ["drop", "timeout"])
def test_an_order_whose_answer_is_lost_is_found(world: World, action: str) -> None:
    name = f"dummy-lost-{action}"
    world.do(lambda: world.sim.inject(Fault(action, "coinbase", executed=True)))
    said = ask(world, place(name))
    world.free()
    assert world.executions(COINBASE, name) == 1
    assert said.status == 200 and said.headers["x-ordergate-outcome"] == "executed", said
    assert said.body["success_response"]["client_order_id"] == name
