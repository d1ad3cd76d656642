"""ccxt, untouched but for the settings that `ordergate urls` prints, lives through the life of an order."""

from typing import Any

import ccxt
import ccxt.async_support
import pytest

from proxy.cli.world import AccountPlan
from proxy.simulator.ledger import Entry
from tests.e2e.worlds import BINANCE, CRYPTOCOM, KRAKEN, OKX, World, allocation

CASES = [(BINANCE, "BTC/USDT"), (KRAKEN, "BTC/USD"), (CRYPTOCOM, "BTC/USDT")]

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # the example of BIP 173


@pytest.fixture(params=CASES, ids=lambda case: case[0].exchange)
def case(request: Any) -> Any:
    return request.param


def client_of(world: World, plan: AccountPlan, module: Any) -> Any:
    """The very text, run as a user would who has pasted it below `import ccxt`."""
    space: dict[str, Any] = {"ccxt": module}
    exec(world.printed(plan, "ccxt"), space)
    return space["exchange"]


def check_ledger(world: World, plan: AccountPlan, entries: list[Entry], orders: int) -> None:
    """Every request accepted, and each only from where its key may be used."""
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.exchange for entry in entries} == {plan.exchange}
    assert {entry.address for entry in entries} <= allocation(plan)
    signed = [entry for entry in entries if entry.key]
    assert {entry.account for entry in signed} == {plan.name}
    assert len({entry.key for entry in signed}) > 1
    assert orders == 1
    assert world.do(world.sim.ledger.duplicates) == {}
    _, order = world.do(lambda: list(world.sim.ledger.executed))[-1]
    # Its own on Binance and OKX, ours where it gives none.
    assert order.client_id.startswith({BINANCE: "x-", OKX: "6b9ad766b55dBCDE"}.get(plan, "og"))


def test_sync(world: World, case: Any) -> None:
    plan, symbol = case
    start = world.mark()
    client = client_of(world, plan, ccxt)
    client.load_markets()
    assert client.currencies["BTC"]["code"] == "BTC"
    ticker = client.fetch_ticker(symbol)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    before = client.fetch_balance()
    placed = client.create_order(symbol, "limit", "buy", 0.01, 50_000)
    resting = client.fetch_order(placed["id"], symbol)
    assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
    quote = symbol.split("/")[1]
    assert client.fetch_balance()[quote]["used"] == before[quote]["used"] + 500
    assert [order["id"] for order in client.fetch_open_orders(symbol)] == [placed["id"]]
    client.cancel_order(placed["id"], symbol)
    assert client.fetch_order(placed["id"], symbol)["status"] == "canceled"
    check_ledger(world, plan, world.since(start), world.orders_since(start))
    client.session.close()


async def test_async(world: World, case: Any) -> None:
    plan, symbol = case
    start = world.mark()
    async with client_of(world, plan, ccxt.async_support) as client:
        await client.load_markets()
        assert client.currencies["BTC"]["code"] == "BTC"
        ticker = await client.fetch_ticker(symbol)
        assert ticker["bid"] < ticker["last"] < ticker["ask"]
        before = await client.fetch_balance()
        placed = await client.create_order(symbol, "limit", "buy", 0.01, 50_000)
        resting = await client.fetch_order(placed["id"], symbol)
        assert (resting["status"], resting["price"], resting["amount"]) == ("open", 50_000, 0.01)
        quote = symbol.split("/")[1]
        assert (await client.fetch_balance())[quote]["used"] == before[quote]["used"] + 500
        assert [order["id"] for order in await client.fetch_open_orders(symbol)] == [placed["id"]]
        await client.cancel_order(placed["id"], symbol)
        assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
    check_ledger(world, plan, world.since(start), world.orders_since(start))


def test_a_withdrawal_raises_and_nothing_leaves(world: World, case: Any) -> None:
    plan, _ = case
    client = client_of(world, plan, ccxt)
    client.load_markets()
    start = world.mark()
    with pytest.raises(ccxt.AuthenticationError, match="withdrawal_refused"):
        client.withdraw("BTC", 0.1, ADDRESS, params={"key": "dummy-target"} if plan is KRAKEN else {})
    assert world.since(start) == []
    assert not world.do(lambda: list(world.sim.ledger.withdrawals))
    client.session.close()


def test_a_wrong_token_raises_authentication_error(world: World, case: Any) -> None:
    plan, _ = case
    client = client_of(world, plan, ccxt)
    client.load_markets()
    start = world.mark()
    client.apiKey = "dummy-token-of-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()
    assert world.since(start) == []
    client.session.close()
