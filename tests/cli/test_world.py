"""Both sides of the small world tell the same story."""

from pathlib import Path

import pytest

from proxy.cli.world import AccountPlan, addresses_of, configuration, key_of, simulation, token_of
from proxy.exchanges import EXCHANGES
from proxy.simulator import Simulator
from proxy.simulator.venues import doors_of

PLANS = (
    AccountPlan("b", "binance", 1),
    AccountPlan("k", "kraken", 2, keys=1, addresses=2, tier="pro"),
    AccountPlan("c", "cryptocom", 3, keys=2, addresses=1),
    AccountPlan("y", "bybit", 4, keys=1, addresses=1),
    AccountPlan("o", "okx", 5, keys=1, addresses=1),
)


def test_addresses_are_loopback_and_apart() -> None:
    found = [address for plan in PLANS for address in addresses_of(plan)]
    assert len(found) == len(set(found)) == sum(plan.addresses for plan in PLANS)
    assert all(address.startswith("127.10.") for address in found)


async def test_the_daemon_knows_the_simulations_keys_and_addresses(tmp_path: Path) -> None:
    sim = Simulator(simulation(PLANS))
    await sim.start()
    config = configuration(PLANS, sim, ("grid", "maker"), tmp_path)
    theirs = {account.name: account for account in simulation(PLANS).accounts}
    for plan in PLANS:
        ours = config.accounts[plan.name]
        assert ours.tier == plan.tier
        assert [key.alias for key in ours.keys] == [key.alias for key in theirs[plan.name].keys]
        for key, known in zip(ours.keys, theirs[plan.name].keys, strict=True):
            assert (key.credential.key, key.credential.secret.decode()) == (known.key, known.secret)
            assert key.credential.passphrase == known.passphrase
            assert tuple(address.bind for address in key.addresses) == known.addresses
            assert EXCHANGES[plan.exchange].check_credential(key.credential) == ""
        assert set(ours.upstream) == set(EXCHANGES[plan.exchange].table.products)
        for product, upstream in ours.upstream.items():
            door = product if product in doors_of(plan.exchange) else ""
            assert f"{upstream.scheme}://{upstream.authority}" == sim.url(plan.exchange, door)
            assert upstream.private_ok
    assert {bot.accounts for bot in config.bots.values()} == {frozenset(plan.name for plan in PLANS)}
    assert config.listen == ("127.0.0.1:0",) and config.state_dir == tmp_path
    await sim.stop()


@pytest.mark.parametrize("plan", PLANS)
def test_keys_and_tokens_say_that_they_are_dummies(plan: AccountPlan) -> None:
    alias, key, secret = key_of(plan, 1)
    assert alias == "key-1" and key.startswith("dummy-")
    assert secret.startswith("dummy-") or plan.exchange == "kraken"
    assert token_of("grid").startswith("dummy-")
