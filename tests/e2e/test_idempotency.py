"""No order is lost or doubled: repeats, restarts, a full disk and operators, through a real daemon to the exchanges."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ccxt
import pytest

from proxy.cli.order_source import DaemonOrders, FileOrders, NoOrders
from proxy.cli.world import AccountPlan, key_of, token_of
from proxy.orders.records import State
from proxy.searches import Searches
from proxy.simulator import Fault
from tests.e2e.bots import Request, place_of, public_of, read_of
from tests.e2e.clients import client_of
from tests.e2e.test_order_lines import send, well
from tests.e2e.test_shared_reads import held, together
from tests.e2e.wires import Got, Wire
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, OTHER_BOT, PLANS, World

TOKEN = {"X-Ordergate-Token": token_of(BOT)}
EXCHANGES = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.exchange)


def post(world: World, request: Request, **headers: str) -> Got:
    with Wire(world.place) as wire:
        send(wire, request, **{name.replace("_", "-"): value for name, value in headers.items()})
        return wire.read()


def without_id(plan: AccountPlan, request: Request) -> Request:
    """The same order, named by nobody."""
    method, target, body, kind = request
    if plan is BINANCE:
        return method, target.partition("&newClientOrderId")[0], body, kind
    if plan is KRAKEN:
        return method, target, body.partition(b"&cl_ord_id")[0], kind
    found = json.loads(body)
    del found["params"]["client_oid"]
    return method, target, json.dumps(found).encode(), kind


def other(request: Request) -> Request:
    """The same, at another price."""
    method, target, body, kind = request
    return method, target.replace("50000", "49000"), body.replace(b"50000", b"49000"), kind


def told(got: Got) -> tuple[int, str, str, str]:
    headers = got.headers
    return (
        got.status,
        headers.get("x-ordergate-reason", ""),
        headers.get("x-ordergate-outcome", ""),
        headers.get("x-ordergate-replayed", ""),
    )


@pytest.mark.parametrize("by", ["key", "client order id"])
@EXCHANGES
def test_fifty_at_once_are_one_order(world: World, plan: AccountPlan, by: str) -> None:
    start = world.mark()
    request = place_of(plan, f"dummy-50-{plan.network}")
    if by == "key":
        request = without_id(plan, request)
    method, target, body, kind = request
    headers = {**TOKEN, "Content-Type": kind, **({"Idempotency-Key": f"fifty-{plan.name}"} if by == "key" else {})}
    answers = together(world, [target] * 50, method, {k: v for k, v in headers.items() if v}, body)
    assert world.orders_since(start) == 1 and len(world.since(start)) == 1
    assert all(well(got) for got in answers) and len({got.body for got in answers}) == 1
    assert Counter(got.headers.get("x-ordergate-replayed") for got in answers) == {None: 1, "1": 49}
    assert {got.headers["x-ordergate-origin"] for got in answers} == {"exchange"}
    assert {got.headers["x-ordergate-outcome"] for got in answers} == {"executed"}
    assert len({got.headers["x-ordergate-call"] for got in answers}) == 50
    assert world.do(world.sim.ledger.duplicates) == {}


@EXCHANGES
def test_after_a_restart_the_recorded_answer_is_replayed(new_world: Callable[..., World], plan: AccountPlan) -> None:
    world = new_world((plan,))
    request = place_of(plan, "dummy-again")
    key = {"Idempotency_Key": "k-1"}
    first = {"id": post(world, request), "key": post(world, without_id(plan, request), **key)}
    assert all(well(got) for got in first.values()) and world.do(lambda: world.sim.ledger.orders_executed) == 2
    for _ in range(2):
        again = {"id": post(world, request), "key": post(world, without_id(plan, request), **key)}
        for by, got in again.items():
            assert (got.status, got.body) == (first[by].status, first[by].body)
            assert told(got) == (200, "", "executed", "1")
            assert got.headers["content-type"] == first[by].headers["content-type"]
        assert told(post(world, other(request))) == (409, "idempotency_conflict", "rejected", "")
        assert told(post(world, other(without_id(plan, request)), **key))[1] == "idempotency_conflict"
        world.restart()
    assert world.do(lambda: world.sim.ledger.orders_executed) == 2


def test_a_refused_order_may_come_again_by_its_id(world: World) -> None:
    request = place_of(BINANCE, "dummy-poor")
    poor = (request[0], request[1].replace("0.001", "90000"), *request[2:])
    start = world.mark()
    for _ in range(2):
        got = post(world, poor)
        assert got.status == 400 and told(got)[2:] == ("rejected", "")
    for replayed in ("", "1"):
        assert told(post(world, poor, Idempotency_Key="k-poor"))[2:] == ("rejected", replayed)
    assert len(world.since(start)) == 3 and world.orders_since(start) == 0


def test_a_key_that_is_none_is_told_so(world: World) -> None:
    start = world.mark()
    got = post(world, place_of(KRAKEN, "dummy-bad-key"), Idempotency_Key="a b")
    assert told(got)[:2] == (400, "bad_idempotency_key") and "EGeneral" in got.text()
    assert world.since(start) == []


@EXCHANGES
def test_ccxt_that_repeats_its_order_gets_the_same_one(world: World, plan: AccountPlan) -> None:
    symbol = "BTC/USD" if plan is KRAKEN else "BTC/USDT"
    client: Any = client_of(world, plan, ccxt)
    client.load_markets()
    start = world.mark()
    name = "client_oid" if plan is CRYPTOCOM else "clientOrderId"  # ccxt drops the latter there
    params = {name: f"dummy-ccxt-{plan.network}"}
    one, two = (client.create_order(symbol, "limit", "buy", 0.01, 50_000, params) for _ in range(2))
    assert one["id"] == two["id"] and world.orders_since(start) == 1
    with pytest.raises(ccxt.ExchangeError, match="idempotency_conflict"):
        client.create_order(symbol, "limit", "buy", 0.02, 50_000, params)
    assert world.orders_since(start) == 1
    client.cancel_order(one["id"], symbol)
    client.session.close()


@EXCHANGES
def test_a_client_that_gives_up_and_posts_again_places_one_order(world: World, plan: AccountPlan) -> None:
    """Without any name, six times, as cryptocom-exchange does."""
    start = world.mark()
    request = without_id(plan, place_of(plan, "unnamed"))
    with held(world) as release:
        for number in range(5):
            with Wire(world.place) as wire:
                send(wire, request)
                world.run(_until(lambda n=number: [len(flight.wanted) for flight in _left(world)] == [n + 1]))
            world.run(_until(lambda: all(flight.gone() for flight in _left(world))))
        with Wire(world.place) as last:
            send(last, request)
            world.run(_until(lambda: [len(flight.wanted) for flight in _left(world)] == [6]))
            release()
            got = last.read()
    assert well(got) and told(got)[3] == "1"
    assert world.orders_since(start) == 1
    assert well(post(world, request)) and world.orders_since(start) == 2  # and this one is meant


def _left(world: World) -> list[Any]:
    """Orders without a name that are on the wire."""
    flights = world.daemon.writes._twins._flights.values()
    return [flight for some in flights for flight in some if flight.left]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


# A journal that cannot be written


@contextmanager
def full_disk(world: World) -> Iterator[None]:
    connection: sqlite3.Connection = world.daemon.journal._writer.connection

    def limit(pages: int) -> None:
        world.do(lambda: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    limit(world.do(lambda: connection.execute("PRAGMA page_count").fetchone()[0]))
    yield
    limit(1 << 30)


@EXCHANGES
def test_on_a_full_disk_orders_are_refused_before_they_leave_and_reads_pass(
    new_world: Callable[..., World], plan: AccountPlan
) -> None:
    world = new_world((plan,))
    big = "x" * 6000  # an entry that needs pages of its own
    with full_disk(world):
        start = world.mark()
        got = post(world, place_of(plan, "dummy-full"), Idempotency_Key="k-full")
        for number in range(200):
            if got.status != 200:
                break
            request = place_of(plan, f"dummy-full-{number}-{big if plan is BINANCE else ''}")
            start = world.mark()
            got = post(world, request)
        assert told(got) == (503, "journal_unavailable", "rejected", ""), got
        assert got.headers["x-ordergate-origin"] == "ordergate" and world.since(start) == []
        assert well(post(world, read_of(plan))) or plan is CRYPTOCOM  # there the order it asks for does not exist
        assert post(world, read_of(plan)).headers["x-ordergate-origin"] == "exchange"
        assert well(post(world, public_of(plan)))
        assert "ordergate_journal_up 0.0" in metrics(world)
    assert well(post(world, place_of(plan, "dummy-after")))
    assert "ordergate_journal_up 1.0" in metrics(world)


def metrics(world: World) -> list[str]:
    copy = world.do(lambda: world.daemon.metrics.copy(world.daemon.gauges()))
    return world.daemon.metrics.render(copy).decode().splitlines()


# Unknown outcomes


@EXCHANGES
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_an_unknown_outcome_is_listed_never_repeated_and_settled_by_the_operator(
    new_world: Callable[..., World], plan: AccountPlan, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)  # as for what cannot be looked for
    world = new_world((plan,))
    request = place_of(plan, "dummy-lost") if named else without_id(plan, place_of(plan, ""))
    world.do(lambda: world.sim.inject(Fault("drop", plan.exchange, method="POST", executed=True)))
    first = post(world, request)
    assert told(first) == (504, "outcome_unknown", "unknown", "")
    call = first.headers["x-ordergate-call"]
    for _ in range(2):
        again = post(world, request)
        assert told(again) == (504, "outcome_unknown", "unknown", "1") and call in again.text()
        world.restart()
    assert world.do(lambda: world.sim.ledger.orders_executed) == 1
    assert f'ordergate_orders_unknown{{account="{plan.name}"}} 1.0' in metrics(world)
    daemon = DaemonOrders(replace(world.config, admin=world.admin))
    (row,) = daemon.unknown()
    assert (row["call"], row["state"], row["account"], row["bot"]) == (call, "unknown", plan.name, BOT)
    assert row["key"] and row["address"] and row["valid_until_ms"] > row["asked_ms"]
    assert daemon.resolve(call, State.ABSENT)["state"] == "absent"
    assert daemon.unknown() == [] and daemon.show(call)["state"] == "absent"
    assert f'ordergate_orders_unknown{{account="{plan.name}"}} 0.0' in metrics(world)
    with pytest.raises(NoOrders, match="no open outcome"):
        daemon.resolve(call, State.EXECUTED)
    assert world.do(lambda: world.sim.ledger.orders_executed) == 1


def test_without_the_token_nothing_is_settled(new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)
    world = new_world((BINANCE,))
    world.do(lambda: world.sim.inject(Fault("drop", "binance", method="POST", executed=True)))
    call = post(world, place_of(BINANCE, "dummy-lost")).headers["x-ordergate-call"]
    config = replace(world.config, admin=world.admin)
    token = config.state_dir / "admin.token"
    assert token.stat().st_mode & 0o777 == 0o600
    kept = token.read_text()
    token.write_text("dummy-wrong")
    with pytest.raises(NoOrders, match="needs the token"):
        DaemonOrders(config).resolve(call, State.ABSENT)
    token.unlink()
    with pytest.raises(NoOrders, match="run this as the daemon's user"):
        DaemonOrders(config).resolve(call, State.ABSENT)
    token.write_text(kept)
    assert [row["call"] for row in DaemonOrders(config).unknown()] == [call]


# What the journal holds


def test_no_secret_stands_in_the_state_folder(new_world: Callable[..., World]) -> None:
    world = new_world()
    token = token_of(BOT)
    canaries = [token, "dummy-signature-canary", "dummy-otp-canary"]
    for plan in PLANS:
        canaries += [text for n in range(1, plan.keys + 1) for text in key_of(plan, n)[1:]]
    with Wire(world.place) as wire:
        method, target, body, kind = place_of(BINANCE, "dummy-b")
        target += "&timestamp=1&signature=dummy-signature-canary"
        assert well(wire.call(method, target, {"X-MBX-APIKEY": token}, body))
        method, target, body, kind = place_of(KRAKEN, "dummy-k")
        body += b"&nonce=1&otp=dummy-otp-canary"
        dummy = {"API-Key": token, "API-Sign": "dummy-signature-canary", "Content-Type": kind}
        assert well(wire.call(method, target, dummy, body))
        method, target, body, kind = place_of(CRYPTOCOM, "dummy-c")
        whole = {**json.loads(body), "api_key": token, "sig": "dummy-signature-canary", "nonce": 1}
        assert well(wire.call(method, target, {"Content-Type": kind}, json.dumps(whole).encode()))
        assert well(wire.call(*place_of(BINANCE, "dummy-p")[:2], {**TOKEN, "Idempotency-Key": "k"}))
    assert world.run(world.daemon.writes.resolution.open_entries()) == []  # all that was marked is written
    rows = [FileOrders(world.config.state_dir / "orders.db").show(call) for call in calls(world)]
    assert len(rows) == 4 and {row["state"] for row in rows} == {"executed"}
    files = [path for path in world.config.state_dir.iterdir() if path.name != "admin.token"]
    found = b"".join(path.read_bytes() for path in files)
    assert b"dummy-k" in found
    assert [text for text in canaries if text.encode() in found] == []
    assert {path.stat().st_mode & 0o077 for path in files if path.name.startswith("orders.db")} == {0}


def calls(world: World) -> list[str]:
    connection = sqlite3.connect(world.config.state_dir / "orders.db")
    found = [call for (call,) in connection.execute("SELECT call FROM writes")]
    connection.close()
    return found


def test_names_are_a_bots_own(world: World) -> None:
    start = world.mark()
    request = without_id(BINANCE, place_of(BINANCE, ""))
    for bot in (BOT, OTHER_BOT):
        headers = {"X-Ordergate-Token": token_of(bot), "Idempotency-Key": "k-mine"}
        with Wire(world.place) as wire:
            assert well(wire.call(request[0], request[1], headers))
    assert world.orders_since(start) == 2
