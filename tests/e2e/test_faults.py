"""Trouble at the exchange while bots are at work: no call fails while a route is free, a subject that was told to
rest is left alone until its time, and no order is ever executed twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.cli.world import AccountPlan, addresses_of
from proxy.metrics import RESOLVED
from proxy.simulator import BinanceLimits
from proxy.simulator.faults import Fault
from proxy.simulator.ledger import Entry
from tests.e2e.bots import Said, executed_once, load, one, place_of, read_of
from tests.e2e.worlds import BINANCE, CRYPTOCOM, KRAKEN, World, wide_daemon, wide_sim

BOTS = 8
CALLS = 120
ALL = [BINANCE, KRAKEN, CRYPTOCOM]
ORDER_PATHS = {BINANCE: "/api/v3/order", KRAKEN: "/0/private/AddOrder", CRYPTOCOM: "/exchange/v1/private/create-order"}


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    return new_world(sim=wide_sim, daemon=wide_daemon)


def of(plan: AccountPlan) -> str:
    return plan.exchange


class Trouble:
    """A load of reads and orders that meets a fault, and what can be said of it afterwards."""

    def __init__(self, world: World, plan: AccountPlan) -> None:
        self.world = world
        self.plan = plan
        self._round = 0

    async def begin(self) -> None:
        if self.plan is CRYPTOCOM:
            assert (await one(self.world, place_of(self.plan, "dummy-standing"))).well

    async def load(self, calls: int = CALLS) -> list[Entry]:
        """A load of which nothing fails and each order is executed once; what arrived at the exchange."""
        self._round += 1
        start = self.world.mark()
        answers = await load(self.world, self.plan, calls, orders=True, prefix=f"r{self._round}-", bots=BOTS)
        assert [said for said in answers if not said.well] == []
        assert len(answers) == calls
        assert executed_once(self.world, self.plan, answers)
        assert self.world.orders_since(start, self.plan) == calls // 2
        assert self.world.do(self.world.sim.ledger.duplicates) == {}
        return [entry for entry in self.world.since(start) if entry.exchange == self.plan.exchange]

    def do(self, call: Callable[[Any], object]) -> None:
        self.world.do(lambda: call(self.world.sim))


async def begun(world: World, plan: AccountPlan) -> Trouble:
    trouble = Trouble(world, plan)
    await trouble.begin()
    return trouble


def refused(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.status >= 400 or entry.outcome != "ok"]


def after_first_refusal(entries: list[Entry], about: Callable[[Entry], bool]) -> list[Entry]:
    """What the exchange got on a subject after its first refusal there."""
    first = next(n for n, entry in enumerate(entries) if about(entry) and entry in refused([entry]))
    return [entry for entry in entries[first + 1 :] if about(entry)]


def at(address: str, about: Callable[[Entry], bool]) -> Callable[[Entry], bool]:
    return lambda entry: entry.address == address and about(entry)


async def check_rest(trouble: Trouble, about: Callable[[Entry], bool], rest_s: float) -> list[Entry]:
    """The fault is armed. The subject rests at once and until its time, then it is back. Returns the refusals."""
    entries = await trouble.load()
    assert refused(entries)
    for address in {entry.address for entry in refused(entries)}:  # no more than was under way
        assert len(after_first_refusal(entries, at(address, about))) < BOTS
    later = await trouble.load()
    assert not [entry for entry in later if about(entry)]
    assert refused(later) == []
    trouble.world.jump(rest_s + 1)
    back = await trouble.load()
    assert [entry for entry in back if about(entry)]
    assert refused(back) == []
    return refused(entries)


# Addresses.


async def test_an_address_that_is_throttled(world: World) -> None:
    trouble = await begun(world, BINANCE)
    address = addresses_of(BINANCE)[4]
    trouble.do(lambda sim: sim.inject(Fault("throttle", "binance", address=address, skip=2)))
    found = await check_rest(trouble, lambda entry: entry.address == address, 60)
    assert [(entry.status, entry.address) for entry in found] == [(429, address)]


BANS = [(BINANCE, "ban_address", 418, 130), *((plan, "cdn_ban", 403, 300) for plan in ALL)]


@pytest.mark.parametrize(("plan", "action", "status", "rest_s"), BANS, ids=lambda v: getattr(v, "exchange", str(v)))
async def test_an_address_that_is_banned(
    world: World, plan: AccountPlan, action: Any, status: int, rest_s: int
) -> None:
    trouble = await begun(world, plan)
    address = addresses_of(plan)[7]
    trouble.do(lambda sim: sim.inject(Fault(action, plan.exchange, address=address, skip=1, seconds=rest_s)))
    found = await check_rest(trouble, lambda entry: entry.address == address, rest_s)
    assert {(entry.status, entry.address) for entry in found} == {(status, address)}


async def test_half_of_the_addresses_banned_at_once(world: World) -> None:
    trouble = await begun(world, BINANCE)
    banned = set(addresses_of(BINANCE)[::2])
    trouble.do(lambda sim: [sim.ban_address("binance", address, 200) for address in banned])
    await check_rest(trouble, lambda entry: entry.address in banned, 200)


@pytest.mark.parametrize("plan", ALL, ids=of)
async def test_two_addresses_stopped_by_the_firewall_at_once(world: World, plan: AccountPlan) -> None:
    """A call that is refused at three addresses in a row is itself suspected; two are the addresses' fault."""
    trouble = await begun(world, plan)
    banned = set(addresses_of(plan)[3:5])
    trouble.do(lambda sim: [sim.block_address(plan.exchange, address, 300) for address in banned])
    await check_rest(trouble, lambda entry: entry.address in banned, 300)


@pytest.mark.parametrize("plan", ALL, ids=of)
async def test_an_address_that_a_key_is_not_listed_for(world: World, plan: AccountPlan) -> None:
    """The pair rests; key and address go on with others."""
    trouble = await begun(world, plan)
    address = addresses_of(plan)[9]
    trouble.do(lambda sim: sim.unlist(plan.exchange, plan.name, "key-1", address))
    entries = await trouble.load(240)
    pair = at(address, lambda entry: entry.key == "key-1")
    assert refused(entries) and all(pair(entry) for entry in refused(entries))
    assert len(after_first_refusal(entries, pair)) < BOTS
    later = await trouble.load(180)
    assert refused(later) == [] and not [entry for entry in later if pair(entry)]
    assert {"key-2", "key-3"} <= {entry.key for entry in later if entry.address == address}
    assert len({entry.address for entry in later if entry.key == "key-1"}) >= 15


# Keys.


@pytest.mark.parametrize("plan", ALL, ids=of)
@pytest.mark.parametrize("keys", [("key-2",), ("key-1", "key-2")], ids=["one", "two"])
async def test_keys_that_are_suspended(world: World, plan: AccountPlan, keys: tuple[str, ...]) -> None:
    trouble = await begun(world, plan)
    trouble.do(lambda sim: [sim.suspend_key(plan.exchange, plan.name, key) for key in keys])
    entries = await trouble.load(240)
    assert {entry.key for entry in refused(entries)} == set(keys)
    assert len(refused(entries)) <= len(keys) * (3 + BOTS)
    later = await trouble.load()
    assert refused(later) == [] and {entry.key for entry in later} == {"key-1", "key-2", "key-3"} - set(keys)


@pytest.mark.parametrize("plan", ALL, ids=of)
async def test_a_key_that_was_deleted(world: World, plan: AccountPlan) -> None:
    trouble = await begun(world, plan)
    trouble.do(lambda sim: sim.delete_key(plan.exchange, plan.name, "key-3"))
    entries = await trouble.load(240)
    assert {entry.key for entry in refused(entries)} == {"key-3"}
    assert len(refused(entries)) <= 3 + BOTS
    later = await trouble.load()
    assert refused(later) == [] and {entry.key for entry in later} == {"key-1", "key-2"}


async def test_a_deleted_key_is_not_tried_again(world: World) -> None:
    """Binance says so in words of its own (-2008)."""
    trouble = await begun(world, BINANCE)
    trouble.do(lambda sim: sim.delete_key("binance", BINANCE.name, "key-3"))
    await trouble.load()
    assert world.blocks()["key", BINANCE.name, "key-3"] is None
    world.jump(3 * 86_400)
    assert not [entry for entry in await trouble.load() if entry.key == "key-3"]


async def test_a_key_comes_back_by_one_probe_and_a_ramp(world: World) -> None:
    trouble = await begun(world, BINANCE)
    trouble.do(lambda sim: sim.suspend_key("binance", BINANCE.name, "key-2"))
    await trouble.load()
    trouble.do(lambda sim: sim.lift_key("binance", BINANCE.name, "key-2"))
    rest_ns = world.blocks()["key", BINANCE.name, "key-2"]
    assert rest_ns is not None
    world.jump(rest_ns / 1e9 + 1)
    # Each of its calls takes a while now, and is recorded at its end: who came early shows by its time.
    delay_ms = 40
    trouble.do(lambda sim: sim.inject(Fault("delay", "binance", key="key-2", seconds=delay_ms / 1000, times=15)))
    start_ms = world.do(world.clock.wall_ms)
    entries = await trouble.load(500)
    assert refused(entries) == []
    ends = [entry.at_ms for entry in entries if entry.key == "key-2"]
    assert len(ends) >= 4
    assert ends[0] >= start_ms + delay_ms - 2
    assert min(ends[1:3]) >= ends[0] + delay_ms - 2  # one probe: nobody else before it has ended well
    assert ends[3] >= ends[1] + delay_ms - 2  # then two at a time
    assert len([entry for entry in await trouble.load() if entry.key == "key-2"]) >= 20  # and then as all others


async def test_a_key_that_fails_its_probes_rests_for_longer_and_longer(world: World) -> None:
    trouble = await begun(world, BINANCE)
    trouble.do(lambda sim: sim.suspend_key("binance", BINANCE.name, "key-2"))
    await trouble.load()
    rests = []
    for _ in range(3):
        rest_ns = world.blocks()["key", BINANCE.name, "key-2"]
        assert rest_ns is not None
        rests.append(rest_ns)
        world.jump(rest_ns / 1e9 + 1)
        assert [entry.key for entry in refused(await trouble.load())] == ["key-2"]  # the probe alone
    assert rests[2] > 1.5 * rests[0]


async def test_a_key_that_is_throttled(world: World) -> None:
    """Crypto.com counts by key."""
    trouble = await begun(world, CRYPTOCOM)
    trouble.do(lambda sim: sim.inject(Fault("throttle", "cryptocom", key="key-1", skip=5)))
    entries = await trouble.load()
    assert [entry.key for entry in refused(entries)] == ["key-1"]
    assert len(after_first_refusal(entries, lambda entry: entry.key == "key-1")) < BOTS


async def test_a_key_without_the_right_to_trade(world: World) -> None:
    """Kraken tells it apart: orders go by other keys, reads still by this one."""
    trouble = await begun(world, KRAKEN)
    trouble.do(lambda sim: sim.set_trade("kraken", KRAKEN.name, "key-1", False))
    entries = await trouble.load()
    assert {(entry.key, entry.path) for entry in refused(entries)} == {("key-1", ORDER_PATHS[KRAKEN])}
    assert len(refused(entries)) <= BOTS
    later = await trouble.load()
    assert {entry.key for entry in later if entry.path == ORDER_PATHS[KRAKEN]} == {"key-2", "key-3"}
    assert "key-1" in {entry.key for entry in later}


# Accounts.


async def test_an_account_over_its_order_limit(new_world: Callable[..., World]) -> None:
    """The exchange allows fewer orders than it tells. No other key is tried: it would be refused as well."""
    world = new_world()
    world.do(lambda: setattr(world.sim.venues["binance"].orders_10s, "capacity", 20))
    world.jump(10 - world.do(world.clock.wall_ms) / 1000 % 10 + 0.01)  # a window begins
    start = world.mark()
    answers = await load(world, BINANCE, 120, orders=True, prefix="a", bots=BOTS)
    entries = world.since(start)
    orders = [entry for entry in entries if entry.path == ORDER_PATHS[BINANCE]]
    turned = [entry for entry in orders if entry.outcome == "-1015"]
    assert 1 <= len(turned) < BOTS
    assert len(orders) - len(turned) == 20
    reads = [said for said in answers if not said.order_id]
    assert all(said.well for said in reads)
    failed = [said for said in answers if not said.well]
    assert len(failed) == 60 - 20
    assert {said.status for said in failed} == {429}
    assert all("retry-after" in said.headers and said.body["code"] in (-1003, -1015) for said in failed)
    assert world.do(world.sim.ledger.duplicates) == {}
    world.jump(11)
    assert (await one(world, place_of(BINANCE, "later"))).well


async def test_an_account_whose_order_limit_the_exchange_tells(new_world: Callable[..., World]) -> None:
    """Fewer orders than the table says, and the exchange says so when it is asked: no order is ever refused."""
    world = new_world(sim=lambda config: replace(config, limits={"binance": BinanceLimits(orders_10s=20)}))
    world.jump(10 - world.do(world.clock.wall_ms) / 1000 % 10 + 0.01)  # a window begins
    start = world.mark()
    await load(world, BINANCE, 120, orders=True, prefix="t", bots=BOTS)
    orders = [entry for entry in world.since(start) if entry.path == ORDER_PATHS[BINANCE]]
    assert [entry.outcome for entry in orders] == ["ok"] * 20


async def test_orders_that_fill_do_not_use_up_the_order_limit(new_world: Callable[..., World]) -> None:
    """The exchange gives them back, and cancels and orders that it accepts weigh nothing."""
    world = new_world(sim=lambda config: replace(config, limits={"binance": BinanceLimits(orders_10s=10)}))
    assert (await one(world, read_of(BINANCE))).well  # from here on the daemon knows the exchange's second
    world.jump(10 - world.do(world.clock.wall_ms) / 1000 % 10 + 1.5)  # well inside a window
    query = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001"
    for _ in range(40):
        assert (await one(world, ("POST", f"/{BINANCE.name}/api/v3/order?{query}", b"", ""))).well
    rows = world.do(lambda: {row.limit: row.used for row in world.daemon.ledger.snapshot().counters if row.used})
    assert "orders_10s" not in rows and "orders_1d" not in rows


# Clock and nonce.


@pytest.mark.parametrize(("plan", "offset_ms"), [
    (BINANCE, 6_000), (BINANCE, -9_000), (CRYPTOCOM, 90_000), (CRYPTOCOM, -90_000),
], ids=lambda v: getattr(v, "exchange", str(v)))  # fmt: skip
async def test_a_clock_that_is_wrong(world: World, plan: AccountPlan, offset_ms: int) -> None:
    trouble = await begun(world, plan)
    await trouble.load(40)
    trouble.do(lambda sim: sim.set_clock_offset(plan.exchange, offset_ms))
    entries = await trouble.load()
    assert len(refused(entries)) <= BOTS
    assert refused(await trouble.load(40)) == []


@pytest.mark.parametrize("ahead", ["nanoseconds", "the end"])
async def test_a_nonce_that_another_program_has_raised(world: World, ahead: str) -> None:
    """To nanoseconds: ours follows. To the end of all numbers: the key is lost, and others carry its calls."""
    trouble = await begun(world, KRAKEN)
    await trouble.load(40)
    nonce = world.do(world.clock.wall_ms) * 1_000_000 if ahead == "nanoseconds" else (1 << 64) - 1
    trouble.do(lambda sim: setattr(sim.registry.key("kraken", KRAKEN.name, "key-1"), "nonce", nonce))
    await trouble.load()
    later = {entry.key for entry in await trouble.load()}
    assert later == ({"key-1", "key-2", "key-3"} if ahead == "nanoseconds" else {"key-2", "key-3"})


# Outcomes that nobody knows.

UNKNOWN = {
    "dropped after it was executed": Fault("drop", executed=True),
    "dropped before": Fault("drop"),
    "half an answer": Fault("truncate", executed=True),
    "garbage": Fault("garbage", executed=True),
    "server error": Fault("error", status=500, executed=True),
    "gateway error": Fault("html", status=502, executed=True),
    "gateway time-out": Fault("html", status=504),
    "said to be unknown": Fault("unknown", executed=True),
}


def armed(world: World, fault: Fault, plan: AccountPlan, **more: Any) -> None:
    world.do(lambda: world.sim.inject(replace(fault, exchange=plan.exchange, **more)))


def check_unknown(said: Said, plan: AccountPlan) -> None:
    assert said.status == 504
    assert said.headers["x-ordergate-origin"] == "ordergate"
    assert said.headers["x-ordergate-reason"] == "outcome_unknown"
    assert said.headers["x-ordergate-outcome"] == "unknown"
    assert said.headers["x-ordergate-attempts"] == "1"
    assert "retry-after" not in said.headers
    if plan is BINANCE:
        assert said.body["code"] == -1007
    elif plan is KRAKEN:
        assert said.body["error"][0] == "EGeneral:Internal error"
    else:
        assert (said.body["id"], said.body["method"], said.body["code"]) == (7, "private/create-order", 40801)


@pytest.mark.parametrize("plan", ALL, ids=of)
@pytest.mark.parametrize("name", ["half an answer", "server error", "gateway error", "gateway time-out"])
async def test_a_write_of_unknown_outcome_is_never_sent_again(world: World, plan: AccountPlan, name: str) -> None:
    fault = UNKNOWN[name]
    await one(world, read_of(plan))
    armed(world, fault, plan, path=ORDER_PATHS[plan])
    start = world.mark()
    asked = asyncio.ensure_future(one(world, place_of(plan, "once"), "once"))
    if fault.executed:  # found at the first look
        said = await asked
        assert said.well and said.headers["x-ordergate-outcome"] == "executed", said
    else:
        while not world.since(start) or not world.do(lambda: world.daemon.writes.resolution.searches._tasks):
            await asyncio.sleep(0.01)
        world.jump(10)  # longer than a bot waits
        check_unknown(await asked, plan)
        for _ in range(60):
            world.jump(5)
            await asyncio.sleep(0.02)
            if not world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
                break
        (entry,) = world.do(lambda: [row for row in world.daemon.metrics.counts.items() if row[0][0] == RESOLVED])
        assert entry == ((RESOLVED, plan.name, "absent"), 1)
    assert (await one(world, place_of(plan, "another"), "another")).well
    copies = [entry for entry in world.since(start) if (entry.method, entry.path) == ("POST", ORDER_PATHS[plan])]
    assert len(copies) == 2
    assert world.executions(plan, "once") == (1 if fault.executed else 0)
    assert world.blocks() == {}  # nobody is to blame


@pytest.mark.parametrize("plan", ALL, ids=of)
@pytest.mark.parametrize("name", UNKNOWN)
async def test_a_read_without_an_answer_goes_out_again(world: World, plan: AccountPlan, name: str) -> None:
    trouble = await begun(world, plan)
    armed(world, UNKNOWN[name], plan)
    start = world.mark()
    said = await one(world, read_of(plan))
    assert (said.well, said.headers["x-ordergate-attempts"]) == (True, "2")
    first, second = world.since(start)
    assert (first.key, first.address) != (second.key, second.address)
    assert trouble.world.blocks() == {}


@pytest.mark.parametrize("plan", ALL, ids=of)
async def test_broken_connections_under_load(world: World, plan: AccountPlan) -> None:
    """Orders whose answer is lost are looked up, and each is executed once."""
    trouble = await begun(world, plan)
    armed(world, Fault("drop", executed=True), plan, path=ORDER_PATHS[plan], skip=10, times=6)
    start = world.mark()
    answers = await load(world, plan, CALLS, orders=True, prefix="d", bots=BOTS)
    assert all(said.well for said in answers)  # six answers were lost, and looked up
    looked_up = world.do(lambda: world.daemon.metrics.counts.get((RESOLVED, plan.name, "executed"), 0))
    assert looked_up == 6
    assert executed_once(world, plan, answers)
    assert world.orders_since(start) == CALLS // 2
    assert world.do(world.sim.ledger.duplicates) == {}
    world.jump(60)
    await trouble.load()


async def test_everything_at_once(world: World) -> None:
    """Three exchanges under load while a key, an address and a pair go and the network is bad for reads."""
    troubles = [await begun(world, plan) for plan in ALL]
    for plan in ALL:
        addresses = addresses_of(plan)
        world.do(lambda plan=plan: world.sim.suspend_key(plan.exchange, plan.name, "key-1"))
        world.do(lambda plan=plan, at=addresses[5]: world.sim.ban_address(plan.exchange, at, 120))
        world.do(lambda plan=plan, at=addresses[6]: world.sim.unlist(plan.exchange, plan.name, "key-2", at))
    await asyncio.gather(*(trouble.load() for trouble in troubles))
