"""Load over all keys and addresses, and only over those that a key may use."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.cli.world import AccountPlan, token_of
from proxy.config import AddressConfig, Config
from proxy.simulator import SimConfig
from tests.e2e.bots import load, one, place_of, public_of, read_of
from tests.e2e.wires import Recorder, Wire, plain
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, PLANS, World, allocation, wide_daemon, wide_sim

OWN = tuple(f"127.10.9.{n}" for n in range(1, 6))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.exchange)
async def test_signed_load_uses_every_key_and_address_evenly(
    new_world: Callable[..., World], plan: AccountPlan
) -> None:
    world = new_world(sim=wide_sim, daemon=wide_daemon)
    if plan is CRYPTOCOM:
        assert (await one(world, place_of(plan, "dummy-standing"))).well
    start = world.mark()
    answers = await load(world, plan, 600, orders=False, prefix="")
    assert [said for said in answers if not said.well] == []
    entries = world.since(start)
    assert len(entries) == 600
    assert {entry.outcome for entry in entries} == {"ok"}
    for used, there in (
        (Counter(entry.address for entry in entries), allocation(plan)),
        (Counter(entry.key for entry in entries), {"key-1", "key-2", "key-3"}),
    ):
        assert set(used) == there
        assert max(used.values()) <= 2 * min(used.values())
    said_routes = Counter(said.route for said in answers)
    assert said_routes == Counter((entry.key, entry.address) for entry in entries)


async def test_a_key_stays_within_its_own_allocation(new_world: Callable[..., World]) -> None:
    def sim(config: SimConfig) -> SimConfig:
        accounts = []
        for account in config.accounts:
            *others, last = account.keys
            own = replace(last, addresses=OWN) if account.name == BINANCE.name else last
            accounts.append(replace(account, keys=(*others, own)))
        return replace(config, accounts=tuple(accounts))

    def daemon(config: Config) -> Config:
        account = config.accounts[BINANCE.name]
        *others, last = account.keys
        own = replace(last, addresses=tuple(AddressConfig(a, a) for a in OWN))
        return replace(config, accounts={**config.accounts, BINANCE.name: replace(account, keys=(*others, own))})

    world = new_world(sim=sim, daemon=daemon)
    start = world.mark()
    answers = await load(world, BINANCE, 300, orders=False, prefix="")
    assert all(said.well and said.headers["x-ordergate-attempts"] == "1" for said in answers)
    found: dict[str, set[str]] = {}
    for entry in world.since(start):
        found.setdefault(entry.key, set()).add(entry.address)
    assert found == {"key-1": allocation(BINANCE), "key-2": allocation(BINANCE), "key-3": set(OWN)}


async def test_when_the_own_allocation_is_banned_nothing_is_borrowed(new_world: Callable[..., World]) -> None:
    """Pinned to the key: the call fails although the account's other addresses are free."""

    def daemon(config: Config) -> Config:
        account = config.accounts[BINANCE.name]
        *others, last = account.keys
        own = replace(last, addresses=(AddressConfig(OWN[0], OWN[0]),))
        return replace(config, accounts={**config.accounts, BINANCE.name: replace(account, keys=(*others, own))})

    world = new_world(daemon=daemon)
    world.do(lambda: world.sim.ban_address("binance", OWN[0], 300))
    start = world.mark()
    method, target, *_ = read_of(BINANCE)
    with Wire(world.place) as wire:
        headers = {"X-Ordergate-Token": token_of(BOT), "X-Ordergate-Key": "key-3"}
        answers = [wire.call(method, target, headers) for _ in range(3)]
    assert all(got.status in (429, 503) for got in answers)
    assert [(entry.address, entry.status) for entry in world.since(start)] == [(OWN[0], 418)]


async def test_public_calls_leave_from_all_addresses_and_carry_no_key(new_world: Callable[..., World]) -> None:
    recorder = Recorder(lambda caught: plain(b'{"code":0,"error":[],"result":{}}'))
    world = new_world(recorder=recorder)
    for plan in PLANS:
        method, target, body, kind = public_of(plan)
        answers = [await one(world, (method, f"{target}&dummy={n}", body, kind)) for n in range(20)]
        assert {said.status for said in answers} == {200}
        assert {said.headers.get("x-ordergate-key") for said in answers} == {None}
        caught = world.do(lambda: list(recorder.caught))
        assert {row.address for row in caught} == allocation(plan)
        names = {name.lower() for row in caught for name, _ in row.headers}
        assert names <= {"host", "accept-encoding", "user-agent", "accept"}
        assert not any("signature" in row.line or "key" in row.line for row in caught)
        world.do(recorder.caught.clear)
