"""Every product of every exchange, through a real daemon to the simulated exchange: the same scenarios for all.

What a product is like, and what it cannot show, stands in its `Case` (tests/e2e/cases.py).
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

import ccxt
import ccxt.async_support
import pytest

from proxy.exchanges import EXCHANGES
from proxy.simulator import SimConfig
from proxy.simulator.faults import Fault
from proxy.simulator.ledger import Entry
from proxy.simulator.venues import VENUES
from tests.e2e.bots import Request, Said, call, line_to, one, passing
from tests.e2e.cases import CASES, Case
from tests.e2e.clients import client_of
from tests.e2e.worlds import Mark, World, allocation

KEYS = ("key-1", "key-2", "key-3")
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return cast(Case, request.param)


@pytest.fixture(scope="module")
def shared(case: Case) -> Iterator[World]:
    made = World((case.plan,)).start()
    yield made
    made.stop()


@pytest.fixture
def world(shared: World, case: Case) -> Iterator[World]:
    """One world for all tests of a case: put right again after each."""
    yield shared
    exchange, account = case.plan.exchange, case.plan.name

    def mend() -> None:
        sim = shared.sim
        for key in KEYS:
            sim.lift_key(exchange, account, key)
            for address in allocation(case.plan):
                sim.enlist(exchange, account, key, address)
        for address in allocation(case.plan):
            sim.lift_address(exchange, address)
        sim.set_clock_offset(exchange, 0)

    shared.do(mend)
    shared.free()
    shared.jump(130)  # windows are over, and what was held against a route is forgotten


def able(case: Case, scenario: str) -> None:
    if scenario in case.cannot:
        pytest.skip(case.cannot[scenario])


def ask(world: World, request: Request) -> Said:
    return world.run(one(world, request))


def fresh(case: Case) -> str:
    """A client order id that no other test uses."""
    return case.ids(next(_NUMBERS))


def inject(world: World, case: Case, action: Any, **more: Any) -> None:
    world.do(lambda: world.sim.inject(Fault(action, case.plan.exchange, **more)))


def path_of(request: Request) -> str:
    """As it arrives at the exchange: without the account and a host."""
    path = request[1].partition("?")[0].split("/", 2)[2]
    head, _, tail = path.partition("/")
    return f"/{tail}" if "." in head else f"/{path}"


def reads(world: World, case: Case, count: int) -> list[Entry]:
    """So many reads, one after another, of which none fails; what arrived of them at the exchange."""
    start = world.mark()
    for _ in range(count):
        said = ask(world, case.read)
        if said.status == 429 and said.headers["x-ordergate-origin"] == "ordergate":
            world.jump(5)
            said = ask(world, case.read)
        assert case.accepted(said), said
        world.jump(0.7)
    return [entry for entry in world.since(start) if entry.path == path_of(case.read)]


def refused(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.outcome != "ok"]


# ---- ccxt


def check_ledger(world: World, case: Case, start: Mark) -> None:
    """Every request accepted, and each only from where its key may be used; one order, by an id that is known."""
    entries = world.since(start)
    assert {entry.outcome for entry in entries} == {"ok"}
    assert {entry.address for entry in entries} <= allocation(case.plan)
    signed = [entry for entry in entries if entry.key]
    assert {entry.account for entry in signed} == {case.plan.name}
    assert len({entry.key for entry in signed}) > 1
    assert world.orders_since(start) == 1
    assert world.do(world.sim.ledger.duplicates) == {}
    _, order = world.do(lambda: world.sim.ledger.executed[-1])
    assert order.client_id.startswith(case.ours if case.prefix is None else case.prefix)


def test_the_life_of_an_order(world: World, case: Case) -> None:
    start, client = world.mark(), client_of(world, case.plan, ccxt, case.client)
    client.load_markets()
    assert client.currencies["BTC"]["code"] == "BTC"
    ticker = client.fetch_ticker(case.symbol)
    assert ticker["last"] > 0
    if "quotes" not in case.cannot:
        assert ticker["bid"] < ticker["last"] < ticker["ask"]
    quote = client.market(case.symbol)["settle"] or client.market(case.symbol)["quote"]
    before = client.fetch_balance(case.balance)[quote]
    assert before["total"] > 0
    placed = client.create_order(case.symbol, "limit", "buy", case.amount, case.price, case.create)
    if "fetch" not in case.cannot:
        resting = client.fetch_order(placed["id"], case.symbol, case.fetch)
        assert (resting["status"], resting["amount"]) == ("open", case.amount)
    assert client.fetch_balance(case.balance)[quote]["free"] < before["free"]
    [shown] = client.fetch_open_orders(case.symbol)
    assert (shown["id"], shown["price"]) == (placed["id"], None if "price" in case.cannot else case.price)
    client.cancel_order(placed["id"], case.symbol)
    if "fetch" in case.cannot:
        assert client.fetch_open_orders(case.symbol) == []
    else:
        assert client.fetch_order(placed["id"], case.symbol, case.fetch)["status"] == "canceled"
    client.session.close()
    check_ledger(world, case, start)


async def test_the_life_of_an_order_async(world: World, case: Case) -> None:
    start = world.mark()
    async with client_of(world, case.plan, ccxt.async_support, case.client) as client:
        await client.load_markets()
        assert (await client.fetch_ticker(case.symbol))["last"]
        assert await client.fetch_balance(case.balance)
        placed = await client.create_order(case.symbol, "limit", "buy", case.amount, case.price, case.create)
        if "fetch" not in case.cannot:
            assert (await client.fetch_order(placed["id"], case.symbol, case.fetch))["status"] == "open"
        assert placed["id"] in [order["id"] for order in await client.fetch_open_orders(case.symbol)]
        await client.cancel_order(placed["id"], case.symbol)
        if "fetch" in case.cannot:
            assert placed["id"] not in [order["id"] for order in await client.fetch_open_orders(case.symbol)]
        else:
            assert (await client.fetch_order(placed["id"], case.symbol, case.fetch))["status"] == "canceled"
    check_ledger(world, case, start)


def test_what_moves_money_and_a_wrong_token_raise_and_nothing_leaves(world: World, case: Case) -> None:
    client = client_of(world, case.plan, ccxt, case.client)
    client.load_markets()
    client.fetch_balance(case.balance)
    start = world.mark()
    for name, given in case.raises.items():
        with pytest.raises(ccxt.AuthenticationError, match="withdrawal_refused"):
            getattr(client, name)(*given)
    assert [entry for entry in world.since(start) if entry.method != "GET"] == []
    start = world.mark()
    client.apiKey = "dummy-token-of-nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance(case.balance)
    assert world.since(start) == []
    client.session.close()


def _spellings(request: Request, host: str) -> Iterator[Request]:
    """What an exchange, or something before it, might read as the same call."""
    method, target, body, kind = request
    path, mark, query = target.partition("?")
    root, _, name = path.rpartition("/")
    for spelt in (
        f"{root}/{name}/",
        f"{root}//{name}",
        f"{root}/./{name}",
        f"{root}/x/../{name}",
        f"{root}/%{ord(name[0]):02x}{name[1:]}",
        f"{root}/%25{ord(name[0]):02x}{name[1:]}",
        f"{root}/{name.upper()}",
        f"{root}/{name.capitalize()}",
        f"{root}/{name};x",
        f"{root}%2f{name}",
        f"{root}/{name}%00",
        f"{root}/{name}%20",
    ):
        yield method, f"{spelt}{mark}{query}", body, kind
    for other in ("GET", "PUT", "DELETE", "PATCH", method.lower()):
        yield other, target, body, kind
    _, account, rest = target.split("/", 2)
    if "." not in rest.partition("/")[0]:  # else it names the host already
        rest = f"{host}/{rest}"
    yield method, f"/{account}/{rest}", body, kind
    yield method, f"/{account}/https://{rest}", body, kind
    yield method, f"/{account}/{quote('https://' + rest, safe='')}", body, kind
    yield method, f"/{account}?url={quote('https://' + rest, safe='')}", body, kind


def test_money_stays_however_the_call_is_spelt(world: World, case: Case) -> None:
    host = next(iter(EXCHANGES[case.plan.exchange].table.products.values())).upstream.host
    start = world.mark()
    for request in case.money:
        said = ask(world, request)
        assert (said.status, said.headers["x-ordergate-reason"]) == (case.refused, "withdrawal_refused"), request
        assert not case.looks_well(said)
        for spelt in _spellings(request, host):
            said = ask(world, spelt)
            assert spelt[0] == "GET" or not case.accepted(said), (spelt, said)
    assert [entry for entry in world.since(start) if entry.method != "GET"] == []
    assert not world.do(lambda: list(world.sim.ledger.withdrawals))


# ---- routes


def test_an_address_that_a_key_is_not_listed_for(world: World, case: Case) -> None:
    inject(world, case, "unlist", path=path_of(case.read))
    entries = reads(world, case, 1)
    first, last = entries[0], entries[-1]
    assert first.outcome != "ok" and (first.key, first.address) != (last.key, last.address)
    assert set(world.blocks()) == {("pair", case.plan.name, first.key, first.address)}
    later = reads(world, case, 9)
    assert refused(later) == [] and {entry.key for entry in later} == set(KEYS)
    assert (first.key, first.address) not in {(entry.key, entry.address) for entry in later}


@pytest.mark.parametrize("way", ["suspended", "deleted", "of another secret"])
def test_a_key_that_is_lost(world: World, case: Case, way: str) -> None:
    """Its calls go by others; none goes by it any more."""
    exchange, account, lost = case.plan.exchange, case.plan.name, "key-2"

    def lose() -> None:
        if way == "suspended":
            world.sim.suspend_key(exchange, account, lost)
        elif way == "deleted":
            world.sim.delete_key(exchange, account, lost)
        else:
            set_secret("key-1")

    def set_secret(whose: str) -> None:
        """What the exchange knows of the lost key's secret: as if the operator had mistyped it."""
        found = world.sim.registry.key(exchange, account, lost)
        other = next(key for a in world.sim.config.accounts for key in a.keys if key.alias == whose)
        found.spec = replace(found.spec, secret=other.secret)

    world.do(lose)
    try:
        entries = reads(world, case, 12)
        turned = refused(entries)
        assert turned and {entry.key for entry in turned} == {lost}
        assert len(turned) <= 4  # some only learn at a third address that it is the key
        blocked = world.blocks()
        assert blocked and all(lost in subject for subject in blocked), blocked
        later = reads(world, case, 6)
        assert refused(later) == [] and {entry.key for entry in later} == set(KEYS) - {lost}
        order_id = fresh(case)
        assert case.accepted(ask(world, case.place(order_id)))
        assert world.executions(case.plan, order_id) == 1
    finally:
        world.do(lambda: set_secret(lost))


def test_an_order_without_an_id_gets_one(world: World, case: Case) -> None:
    start = world.mark()
    for _ in range(2):
        assert case.accepted(ask(world, case.place("")))
    first, second = world.do(lambda: [order.client_id for _, order in world.sim.ledger.executed][-2:])
    assert first != second and first and all(name.startswith(case.ours) for name in (first, second))
    assert [world.executions(case.plan, name) for name in (first, second)] == [1, 1]
    assert world.orders_since(start) == 2


async def test_a_throttled_read_goes_by_another_route_or_is_told(world: World, case: Case) -> None:
    inject(world, case, "throttle", path=path_of(case.read))
    start = world.mark()
    said = await passing(world, asyncio.ensure_future(one(world, case.read)), 0.5)
    entries = world.since(start)
    assert refused(entries) and entries[0].outcome != "ok"
    if case.accepted(said):
        assert [entry.outcome for entry in entries[1:]] == ["ok"]
    else:
        assert len(entries) == 1
        assert said.status == 429 or not case.looks_well(said)
        assert "retry-after" in said.headers
    world.jump(70)
    assert refused(reads(world, case, 3)) == []


@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_clock_that_is_off_is_measured_again(world: World, case: Case, sign: int) -> None:
    able(case, "clock")
    reads(world, case, 1)
    world.do(lambda: world.sim.set_clock_offset(case.plan.exchange, sign * case.off_s * 1000))
    entries = reads(world, case, 4)
    assert 1 <= len(refused(entries)) <= 2
    assert [entry.outcome for entry in entries[-3:]] == ["ok"] * 3
    order_id = fresh(case)
    assert case.accepted(ask(world, case.place(order_id)))
    world.do(lambda: world.sim.set_clock_offset(case.plan.exchange, 0))
    order_id = fresh(case)
    assert case.accepted(ask(world, case.place(order_id)))
    assert world.executions(case.plan, order_id) == 1
    if "blameless clock" not in case.cannot:
        assert world.blocks() == {}


# ---- limits


def narrowed(case: Case) -> Callable[[SimConfig], SimConfig]:
    exchange = case.plan.exchange
    return lambda config: replace(config, limits={exchange: VENUES[exchange].limits(**case.limits)})


async def test_a_burst_of_orders_is_never_refused_by_the_exchange(
    world: World, case: Case, new_world: Callable[..., World]
) -> None:
    """Each waits for its turn, or is told to come later."""
    if case.limits:
        world = new_world((case.plan,), sim=narrowed(case))
    assert case.accepted(await one(world, case.told or case.read))
    ids, start = [fresh(case) for _ in range(case.burst)], world.mark()

    async def placed(order_id: str) -> Said:
        async with line_to(world) as line:
            return await call(line, case.place(order_id), order_id)

    answers = await passing(world, asyncio.gather(*(placed(order_id) for order_id in ids)), 0.3)
    entries = world.since(start)
    assert refused(entries) == []
    done = [said for said in answers if case.accepted(said)]
    assert len(done) >= 10
    for said in answers:
        if said not in done:
            assert said.headers["x-ordergate-origin"] == "ordergate" and "retry-after" in said.headers, said
            assert not case.looks_well(said) and said.headers["x-ordergate-reason"] == "rate_limited", said
    assert world.orders_since(start) == len(done)
    assert world.do(world.sim.ledger.duplicates) == {}


# ---- outcomes that nobody knows


async def settled(world: World) -> None:
    """The time passes until nothing is unknown any more."""
    for _ in range(80):
        if not world.do(lambda: len(world.daemon.writes.resolution.unknowns)):
            return
        world.jump(5)
        await asyncio.sleep(0.005)
    raise AssertionError("an outcome stays unknown")


async def lost(world: World, case: Case, request: Request, fault: Fault) -> Said:
    """The answer to a write that meets a fault, the time passing while the daemon looks for what became of it."""
    world.do(lambda: world.sim.inject(fault))
    start = world.mark()
    asked = asyncio.ensure_future(one(world, request))
    while not world.since(start):
        await asyncio.sleep(0.002)
    return await passing(world, asked, 0.1 if fault.executed else 1)


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "not executed"])
@pytest.mark.parametrize("action", ["drop", "unknown", "garbage"])
async def test_an_order_whose_answer_is_lost(world: World, case: Case, action: Any, executed: bool) -> None:
    """It is looked up, never sent again; the bot is told the truth, or that it is not known yet."""
    assert case.accepted(await one(world, case.read))
    order_id, start = fresh(case), world.mark()
    fault = Fault(action, case.plan.exchange, "POST", path=case.placing, executed=executed)
    said = await lost(world, case, case.place(order_id), fault)
    outcome = said.headers["x-ordergate-outcome"]
    if executed:
        assert outcome == "executed" and case.looks_well(said), said
    else:
        assert said.headers["x-ordergate-origin"] == "ordergate" and not case.looks_well(said), said
        assert outcome == "rejected" or (outcome, said.status) == ("unknown", 504), said
    await settled(world)
    copies = [entry for entry in world.since(start) if (entry.method, entry.path) == ("POST", case.placing)]
    assert len(copies) == 1
    assert world.executions(case.plan, order_id) == world.orders_since(start) == executed
    assert world.do(world.sim.ledger.duplicates) == {}
    assert world.blocks() == {}  # nobody is to blame


async def test_a_cancel_whose_answer_is_lost(world: World, case: Case) -> None:
    order_id = fresh(case)
    placed = await one(world, case.place(order_id))
    assert case.accepted(placed), placed
    start = world.mark()
    request = case.cancel(order_id, placed.body)
    fault = Fault("drop", case.plan.exchange, request[0], path=case.cancelling, executed=True)
    said = await lost(world, case, request, fault)
    assert said.headers["x-ordergate-outcome"] == "executed" and case.looks_well(said), said
    copies = [entry for entry in world.since(start) if entry.method == request[0] and case.cancelling in entry.path]
    assert len(copies) == 1
    assert world.do(lambda: world.sim.ledger.executed[-1])[1].status.lower().startswith("cancel")
