"""What went wrong in threads of other projects, with real clients through a real daemon to the simulated exchanges.

Each test names its threads (owner/repo#number) and holds what must come of it here: one order or none, and a bot that
was told so. Threads about exchanges that are not served, or about libraries in other languages, are played with those
that are nearest.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ccxt
import krakenex
import orjson
import pytest
import requests

from proxy.cli.world import AccountPlan, token_of
from proxy.config import Config
from proxy.egress.connection import Phase
from proxy.metrics import RESOLVED
from proxy.searches import Searches
from proxy.simulator import Fault
from tests.e2e.bots import place_of
from tests.e2e.clients import client_of
from tests.e2e.stuck import stuck
from tests.e2e.test_faults import ORDER_PATHS
from tests.e2e.test_idempotency import post, told, without_id
from tests.e2e.test_order_lines import well
from tests.e2e.test_sdks import LIMIT, ApiError, ApiProvider, cryptocom
from tests.e2e.wires import Caught, Recorder, Wire, plain
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, Mark, World

Worlds = Callable[..., World]
Place = Callable[..., str]  # places the one order of the test, as its library does; its id at the exchange
TOKEN = {"X-Ordergate-Token": token_of(BOT)}
LOOKS = {BINANCE: "/api/v3/order", KRAKEN: "Orders", CRYPTOCOM: "/private/get-"}  # parts of the paths of look-ups
_ADD = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000.0"}


@contextmanager
def by_ccxt(world: World, plan: AccountPlan, **params: str) -> Iterator[tuple[Place, Any]]:
    client: Any = client_of(world, plan, ccxt)
    client.load_markets()
    symbol = "BTC/USD" if plan is KRAKEN else "BTC/USDT"

    def place(timeout_s: float = 10) -> str:
        client.timeout = int(timeout_s * 1000)
        return str(client.create_order(symbol, "limit", "buy", 0.01, 50_000, dict(params))["id"])

    yield place, client
    client.session.close()


@contextmanager
def by_krakenex(world: World, plan: AccountPlan = KRAKEN, **params: str) -> Iterator[tuple[Place, Any]]:
    space: dict[str, Any] = {"krakenex": krakenex}
    exec(world.printed(plan, "krakenex"), space)
    api = space["api"]

    def place(timeout_s: float = 10) -> str:
        answer = api.query_private("AddOrder", {**_ADD, **params}, timeout=timeout_s)
        assert answer["error"] == [], answer
        return str(answer["result"]["txid"][0])

    yield place, api
    api.close()


@contextmanager
def by_hand(world: World, plan: AccountPlan) -> Iterator[tuple[Place, Any]]:
    """HTTP without a library, and an order without a name."""
    method, target, body, kind = without_id(plan, place_of(plan, "dummy"))
    session = requests.Session()

    def place(timeout_s: float = 10) -> str:
        url = f"http://{world.listen}{target}"
        answer = session.request(method, url, data=body, headers=TOKEN | {"Content-Type": kind}, timeout=timeout_s)
        answer.raise_for_status()
        return str(answer.json()["orderId"])

    yield place, session
    session.close()


TIMEOUTS = (ccxt.RequestTimeout, requests.Timeout)


def copies(world: World, plan: AccountPlan, start: Mark) -> int:
    """Orders that reached the exchange, executed or not."""
    asked = [(entry.method, entry.path) for entry in world.since(start)]
    return asked.count(("POST", ORDER_PATHS[plan]))


def looks(world: World, plan: AccountPlan, start: Mark) -> int:
    rows = [entry for entry in world.since(start) if entry.method == "GET" or plan is not BINANCE]
    return sum(LOOKS[plan] in entry.path for entry in rows)


def resolved(world: World) -> dict[str, int]:
    return world.do(lambda: {row[2]: n for row, n in world.daemon.metrics.counts.items() if row[0] == RESOLVED})


def unknowns(world: World) -> int:
    return world.do(lambda: len(world.daemon.writes.resolution.unknowns))


def wait_for(world: World, true: Callable[[], bool]) -> None:
    async def reached() -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.001)

    world.run(reached())


def wanted(world: World) -> int:
    """How many calls, hung up or not, wait for the answer to the one write that is on its way. On the world's loop."""
    writes = world.daemon.writes
    flights = [*writes._flights.values(), *(flight for some in writes._twins._flights.values() for flight in some)]
    return sum(len(flight.wanted) for flight in flights)


def calm(world: World) -> None:
    """Until nothing is under way to the exchanges, for some turns of the loop."""
    connections = world.daemon._egress._connections

    def busy() -> bool:
        opening = connections._open_of.total() != len(connections.live)
        return opening or any(one.phase in (Phase.WAITING, Phase.STREAMING) for one in connections.live)

    async def until_calm() -> None:
        turns = 0
        while turns < 4:
            await asyncio.sleep(0.001)
            turns = 0 if busy() else turns + 1

    world.run(until_calm())


def pass_time(world: World, seconds: float, step: float = 0.5, until: Callable[[], bool] = lambda: False) -> None:
    """Of the world; what is to happen in between happens."""
    for _ in range(round(seconds / step)):
        if until():
            return
        world.jump(step)
        calm(world)


@contextmanager
def at_once(call: Callable[[], Any]) -> Iterator["Future[Any]"]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)


# The exchange takes the order and does not answer, or not in time.

NO_ANSWER = [
    pytest.param(BINANCE, by_ccxt, id="scrtlabs/catalyst#317"),
    pytest.param(CRYPTOCOM, by_ccxt, id="scrtlabs/catalyst#315"),
    pytest.param(KRAKEN, by_ccxt, id="knowm/XChange#1899"),
    pytest.param(KRAKEN, by_krakenex, id="nothingisdead/npm-kraken-api#37"),
    pytest.param(BINANCE, by_hand, id="AlbatrossAutomated/blue_collar_gdax#1"),
]


@pytest.mark.parametrize(("plan", "by"), NO_ANSWER)
def test_an_order_without_an_answer_is_found_before_the_client_times_out(
    new_world: Worlds, plan: AccountPlan, by: Any
) -> None:
    """It was placed, the client's read timed out after its ten seconds, and the bot ordered again: bought twice."""
    world = new_world((plan,))
    with by(world, plan) as (place, _), stuck(world, ORDER_PATHS[plan]) as way:
        start = world.mark()
        with at_once(place) as asked:
            wait_for(world, lambda: way.count == 1)
            pass_time(world, 9.5, until=asked.done)
            in_time = asked.done() or _soon(asked)
            way.let_go()
            order_id = asked.result(10)
    assert order_id and world.orders_since(start) == 1 and copies(world, plan, start) == 1
    assert in_time, "the bot's client has given up by now, and orders again"


def _soon(asked: "Future[Any]") -> bool:
    try:
        return bool(asked.result(2))
    except TimeoutError:
        return False


RESENT = [
    *(
        pytest.param(plan, by, {}, id=f"s4w3d0ff/python-poloniex#109-{name}")
        for plan, by, name in [
            (KRAKEN, by_ccxt, "kraken"),
            (CRYPTOCOM, by_ccxt, "cryptocom"),
            (BINANCE, by_hand, "binance"),
        ]
    ),
    pytest.param(KRAKEN, by_krakenex, {}, id="nothingisdead/npm-kraken-api#37"),
    pytest.param(
        BINANCE, by_ccxt, {"clientOrderId": "dummy-retry"}, id="coinbase/coinbase-pro-trading-toolkit#9-named"
    ),
    pytest.param(CRYPTOCOM, by_ccxt, {"client_oid": "dummy-retry"}, id="ccxt/ccxt#2599-named"),
    pytest.param(BINANCE, by_hand, {}, id="AlbatrossAutomated/blue_collar_gdax#1"),
]


@pytest.mark.parametrize(("plan", "by", "params"), RESENT)
def test_a_client_that_times_out_and_orders_again_gets_the_first_order(
    new_world: Worlds, plan: AccountPlan, by: Any, params: dict[str, str]
) -> None:
    """The client's time-out (one second and less) was shorter than the exchange's answer, and its retry doubled."""
    world = new_world((plan,))
    with by(world, plan, **params) as (place, _), stuck(world, ORDER_PATHS[plan]) as way:
        start = world.mark()
        for _ in range(2):
            with pytest.raises(TIMEOUTS):
                place(timeout_s=0.15)
        with at_once(place) as asked:
            wait_for(world, lambda: wanted(world) == 3)
            way.let_go()
            order_id = asked.result(10)
    assert order_id and way.count == 1
    assert world.orders_since(start) == 1 and copies(world, plan, start) == 1


# 502 from the edge


@pytest.mark.parametrize("thread", ["veox/python3-krakenex#98", "veox/python3-krakenex#60"])
def test_a_502_from_the_edge_though_the_order_was_placed(new_world: Worlds, thread: str) -> None:
    """krakenex raised the 502, no txid came (#60), and the order that was sent again was there twice (#98)."""
    world = new_world((KRAKEN,))
    world.do(lambda: world.sim.inject(Fault("html", "kraken", path="AddOrder", status=502, executed=True)))
    with by_krakenex(world) as (place, api):
        start = world.mark()
        txid = place()
        shown = api.query_private("QueryOrders", {"txid": txid})["result"]
    assert shown[txid]["status"] == "open"
    assert world.orders_since(start) == 1 and copies(world, KRAKEN, start) == 1


@pytest.mark.parametrize("later_s", [1, 35], ids=["veox/python3-krakenex#98-at once", "veox/python3-krakenex#98-later"])
def test_a_502_is_not_answered_by_another_copy(new_world: Worlds, later_s: float) -> None:
    """ "So I re-send request later": but orders were seen to come up to a minute late."""
    world = new_world((KRAKEN,))
    world.do(lambda: world.sim.inject(Fault("html", "kraken", path="AddOrder", status=502)))
    with by_krakenex(world) as (place, _):
        start = world.mark()
        with at_once(place) as asked:
            wait_for(world, lambda: bool(world.daemon.writes.resolution.searches._tasks))
            pass_time(world, 11, until=asked.done)
            with pytest.raises(requests.HTTPError, match="504"):
                asked.result(10)
        pass_time(world, later_s)
        with at_once(place) as asked:
            pass_time(world, 11, until=asked.done)
            with pytest.raises(requests.HTTPError, match="504"):
                asked.result(10)
        assert copies(world, KRAKEN, start) == 1 and unknowns(world) == 1
        pass_time(world, 300, step=5, until=lambda: unknowns(world) == 0)
        assert resolved(world) == {"absent": 1}
        assert place() and world.orders_since(start) == 1  # now it may


# Clients and bots that retry by themselves


def test_freqtrade_619(new_world: Worlds) -> None:
    """freqtrade/freqtrade#619: a retry on every exchange error buys twice when the exchange "answered badly"."""
    world = new_world((BINANCE,))
    world.do(lambda: world.sim.inject(Fault("garbage", "binance", path="/order", method="POST", executed=True)))
    with by_ccxt(world, BINANCE) as (place, _):
        start, tried = world.mark(), 0
        for _ in range(4):  # its @retrier
            tried += 1
            try:
                order_id = place()
                break
            except (ccxt.NetworkError, ccxt.ExchangeError):
                continue
    assert order_id and tried == 1
    assert world.orders_since(start) == 1 and copies(world, BINANCE, start) == 1


def test_ccxt_25436_refused(new_world: Worlds) -> None:
    """ccxt/ccxt#25436: the switch retried refusals too, and a second error hid the first one."""
    world = new_world((BINANCE,))
    with by_ccxt(world, BINANCE) as (_, client):
        start = world.mark()
        for _ in range(4):
            with pytest.raises(ccxt.InsufficientFunds):
                client.create_order("BTC/USDT", "limit", "buy", 5_000, 50_000, {"clientOrderId": "dummy-poor"})
    assert world.orders_since(start) == 0 and {entry.outcome for entry in world.since(start)} == {"-2010"}


@pytest.mark.parametrize("plan", [BINANCE, KRAKEN, CRYPTOCOM], ids=lambda plan: f"ccxt/ccxt#25436-{plan.exchange}")
def test_ccxt_25436_switched_on(new_world: Worlds, plan: AccountPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same switch with an order of unknown outcome: ccxt posts it up to four times, none of them leaves again."""
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)
    world = new_world((plan,))
    world.do(lambda: world.sim.inject(Fault("drop", plan.exchange, path=ORDER_PATHS[plan], executed=True)))
    with by_ccxt(world, plan) as (place, client):
        client.options["maxRetriesOnFailure"] = 3
        start = world.mark()
        with pytest.raises(ccxt.BaseError, match="outcome_unknown"):
            place()
    assert world.orders_since(start) == 1 and copies(world, plan, start) == 1


def provider_of(world: World, **options: Any) -> ApiProvider:
    space: dict[str, Any] = {"cryptocom": cryptocom}
    exec(world.printed(CRYPTOCOM, "cryptocom-exchange"), space)
    provider: ApiProvider = space["provider"]
    for name, value in options.items():
        setattr(provider, name, value)
    return provider


def test_cryptocom_exchange_posts_six_times_after_a_504(new_world: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """cryptocom-exchange left to its own settings: each of the six copies has an id and a nonce of its own."""
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)
    world = new_world((CRYPTOCOM,))
    world.do(lambda: world.sim.inject(Fault("drop", "cryptocom", path="create-order", executed=True)))
    asked = world.do(lambda: world.daemon.metrics)
    start = world.mark()

    async def order() -> None:
        with pytest.raises(ApiError, match="outcome_unknown"):
            await provider_of(world, retries=5).post("private/create-order", {"params": dict(LIMIT)})

    asyncio.run(order())
    replays = world.do(lambda: sum(n for row, n in asked.counts.items() if "replay" in row[0]))
    assert replays == 5
    assert world.orders_since(start) == 1 and copies(world, CRYPTOCOM, start) == 1


def test_cryptocom_exchange_posts_six_times_after_its_own_time_out(new_world: Worlds) -> None:
    """The sixth is told what became of the first, under the id that it asked with."""
    world = new_world((CRYPTOCOM,))
    start = world.mark()

    async def order() -> Any:
        return await provider_of(world, retries=5, timeout=0.15).post("private/create-order", {"params": dict(LIMIT)})

    with stuck(world, "create-order") as way, at_once(lambda: asyncio.run(order())) as asked:
        wait_for(world, lambda: wanted(world) == 6)
        way.let_go()
        assert asked.result(10)["order_id"]
    assert way.count == 1
    assert world.orders_since(start) == 1 and copies(world, CRYPTOCOM, start) == 1


# Orders that come late, and look-ups that tell nothing


LATE = [
    pytest.param(BINANCE, id="hummingbot/hummingbot#601-binance"),
    pytest.param(CRYPTOCOM, id="ccxt/ccxt#2599-cryptocom"),
]


@pytest.mark.parametrize("plan", LATE)
def test_an_order_that_appears_after_the_time_out_was_reported(new_world: Worlds, plan: AccountPlan) -> None:
    """ "Does not exist" was read too early and believed (hummingbot#601), or the time-out itself was (ccxt#2599)."""
    world = new_world((plan,))
    request = place_of(plan, "dummy-late")
    start = world.mark()
    with stuck(world, ORDER_PATHS[plan], "request") as way, Wire(world.place) as wire:
        method, target, body, kind = request
        wire.send(method, target, TOKEN | {"Content-Type": kind, "X-Ordergate-Deadline-Ms": "500"}, body)
        wait_for(world, lambda: way.count == 1)
        pass_time(world, 0.75, step=0.25)
        assert told(wire.read()) == (504, "outcome_unknown", "unknown", "")
        pass_time(world, 1, step=0.25)
        assert looks(world, plan, start) >= 2  # the exchange said each time that there is none
        assert told(post(world, request)) == (504, "outcome_unknown", "unknown", "1")
        assert (way.count, copies(world, plan, start), unknowns(world)) == (1, 0, 1)
        way.let_go()  # within its validity
        assert world.orders_since(start) == 1
    pass_time(world, 60, until=lambda: unknowns(world) == 0)
    assert resolved(world) == {"executed": 1}
    again = post(world, request)
    assert well(again) and told(again)[2:] == ("executed", "1")
    assert world.orders_since(start) == 1 and copies(world, plan, start) == 1


@pytest.mark.parametrize("plan", LATE)
def test_an_order_that_comes_after_its_validity_is_none(new_world: Worlds, plan: AccountPlan) -> None:
    """The end of the same threads: told absent only when the exchange would not take the copy any more."""
    world = new_world((plan,))
    request = place_of(plan, "dummy-too-late")
    start = world.mark()
    with stuck(world, ORDER_PATHS[plan], "request") as way, Wire(world.place) as wire:
        method, target, body, kind = request
        wire.send(method, target, TOKEN | {"Content-Type": kind, "X-Ordergate-Deadline-Ms": "500"}, body)
        wait_for(world, lambda: way.count == 1)
        pass_time(world, 0.75, step=0.25)
        assert told(wire.read())[1] == "outcome_unknown"
        pass_time(world, 200, step=1, until=lambda: unknowns(world) == 0)
        assert resolved(world) == {"absent": 1}
        way.let_go()
        assert copies(world, plan, start) == 1 and world.orders_since(start) == 0
    assert well(post(world, request)) and world.orders_since(start) == 1


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
@pytest.mark.parametrize("plan", [
    pytest.param(BINANCE, id="hummingbot/hummingbot#8457-binance"),
    pytest.param(KRAKEN, id="nautechsystems/nautilus_trader#4152-kraken"),
    pytest.param(CRYPTOCOM, id="nautechsystems/nautilus_trader#4152-cryptocom"),
])  # fmt: skip
def test_an_outage_of_look_ups_proves_nothing(new_world: Worlds, plan: AccountPlan, restarted: bool) -> None:
    """Accepted orders were dropped (#8457) or called rejected (#4152) because asking for them failed long enough."""
    world = new_world((plan,))
    request = place_of(plan, "dummy-outage")
    world.do(
        lambda: world.sim.inject(Fault("drop", plan.exchange, path=ORDER_PATHS[plan], method="POST", executed=True))
    )
    world.do(lambda: world.sim.inject(Fault("drop", plan.exchange, path=LOOKS[plan], times=0)))
    start = world.mark()
    with Wire(world.place) as wire:
        method, target, body, kind = request
        wire.send(method, target, TOKEN | {"Content-Type": kind}, body)
        wait_for(world, lambda: bool(world.daemon.writes.resolution.searches._tasks))
        pass_time(world, 10)
        assert told(wire.read()) == (504, "outcome_unknown", "unknown", "")
    pass_time(world, 3600, step=60)
    assert unknowns(world) == 1 and resolved(world) == {}
    assert told(post(world, request)) == (504, "outcome_unknown", "unknown", "1")
    if restarted:
        calm(world)
        world.restart()
        pass_time(world, 120, step=30)
        assert unknowns(world) == 1
    world.free()
    pass_time(world, 120, step=5, until=lambda: unknowns(world) == 0)
    assert unknowns(world) == 0 and resolved(world) == {"executed": 1}
    again = post(world, request)
    assert well(again) and told(again)[2:] == ("executed", "1")
    assert world.orders_since(start) == 1 and copies(world, plan, start) == 1


def test_nautilus_trader_4215(new_world: Worlds) -> None:
    """nautechsystems/nautilus_trader#4215: Binance said -1007, the acceptance came after all, the retry was sent."""
    world = new_world((BINANCE,))
    world.do(lambda: world.sim.inject(Fault("unknown", "binance", path="/order", method="POST", executed=True)))
    world.do(lambda: world.sim.inject(Fault("drop", "binance", path="/order", method="GET", times=0)))
    with by_ccxt(world, BINANCE, clientOrderId="dummy-4215") as (place, _):
        start = world.mark()
        with at_once(place) as asked:
            wait_for(world, lambda: bool(world.daemon.writes.resolution.searches._tasks))
            pass_time(world, 9.5, until=asked.done)
            with pytest.raises(ccxt.BaseError, match="outcome_unknown"):
                asked.result(10)
        world.free()
        pass_time(world, 60, until=lambda: unknowns(world) == 0)
        assert place()  # the retry is told of the acceptance
    assert world.orders_since(start) == 1 and copies(world, BINANCE, start) == 1
    assert world.do(world.sim.ledger.duplicates) == {}


def test_nautilus_trader_917(new_world: Worlds) -> None:
    """nautechsystems/nautilus_trader#917: signed, then queued for more than five seconds, and refused for its age."""
    world = new_world((BINANCE,))
    world.do(lambda: world.daemon.dispatcher.block(("account", BINANCE.name), 8_000_000_000, "a full window"))
    start = world.mark()
    with Wire(world.place) as wire:
        method, target, _, _ = place_of(BINANCE, "dummy-917")
        wire.send(method, target, TOKEN | {"X-Ordergate-Deadline-Ms": "60000"})
        wait_for(world, lambda: world.daemon.ingress.running == 1)
        pass_time(world, 9)
        got = wire.read()
    assert well(got) and int(got.headers["x-ordergate-queued-ms"]) >= 7_500
    assert got.headers["x-ordergate-attempts"] == "1"
    assert [entry.outcome for entry in world.since(start)] == ["ok"] and world.orders_since(start) == 1


# nautechsystems/nautilus_trader#4411: the simulated exchanges know no order lists and no trigger orders.


def _binance_list(caught: Caught) -> bytes | None:
    """What Binance would say; None: nothing, and it hangs up."""
    if caught.line.startswith("POST /api/v3/orderList/oco"):
        return None
    if caught.line.startswith("GET /api/v3/orderList?") and "origClientOrderId=dummy-list" in caught.target:
        row = {"orderListId": 7, "listClientOrderId": "dummy-list", "transactionTime": 1 << 42, "orders": []}
        return plain(orjson.dumps(row))
    return plain(b'{"code":-2013,"msg":"Order does not exist."}', status="400 Bad Request")


def _cryptocom_trigger(caught: Caught) -> bytes | None:
    if caught.target.endswith("/private/advanced/create-order"):
        return None
    told = orjson.loads(caught.body)
    head = {"id": told["id"], "method": told["method"]}
    if caught.target.endswith("/private/advanced/get-order-detail"):
        row = {"order_id": "7", "client_oid": "dummy-list", "status": "ACTIVE", "create_time": 1 << 42}
        return plain(orjson.dumps({**head, "code": 0, "result": row}))
    return plain(orjson.dumps({**head, "code": 40401, "message": "NOT_FOUND"}))


_OCO = (
    "symbol=BTCUSDT&side=SELL&quantity=0.01&aboveType=LIMIT_MAKER&abovePrice=70000"
    "&belowType=STOP_LOSS&belowStopPrice=40000&listClientOrderId=dummy-list"
)
_TRIGGER = {
    "instrument_name": "BTC_USDT",
    "side": "SELL",
    "type": "STOP_LOSS",
    "quantity": "0.01",
    "ref_price": "40000",
}
LISTS = [
    pytest.param(
        BINANCE,
        ("POST", f"/{BINANCE.name}/api/v3/orderList/oco?{_OCO}", b"", ""),
        _binance_list,
        id="binance order list",
    ),
    pytest.param(
        CRYPTOCOM,
        (
            "POST",
            f"/{CRYPTOCOM.name}/exchange/v1/private/advanced/create-order",
            orjson.dumps(
                {"id": 7, "method": "private/advanced/create-order", "params": {**_TRIGGER, "client_oid": "dummy-list"}}
            ),
            "application/json",
        ),
        _cryptocom_trigger,
        id="cryptocom trigger order",
    ),
]


@pytest.mark.parametrize(("plan", "request_", "answer"), LISTS)
def test_nautilus_trader_4411(new_world: Worlds, plan: AccountPlan, request_: Any, answer: Any) -> None:
    """The order was asked for where only plain orders are known: "does not exist", and it was called rejected."""
    recorder = Recorder()

    def say(caught: Caught) -> bytes:
        said = answer(caught)
        recorder.hang_up = said is None
        return said or b""

    world = new_world((plan,), recorder=recorder)
    world.do(lambda: setattr(recorder, "answer", say))
    got = post(world, request_)
    assert told(got)[2] == "executed", got
    caught = world.do(lambda: list(recorder.caught))
    assert [row.target.partition("?")[0] for row in caught].count(
        request_[1].partition("?")[0].removeprefix(f"/{plan.name}")
    ) == 1
    assert len(caught) == 2


# Kraken's userref


def test_clikraken_26(new_world: Worlds) -> None:
    """zertrin/clikraken#26: userref does not keep Kraken from taking an order twice; nor is it taken for that here."""
    world = new_world((KRAKEN,))
    with by_krakenex(world, userref="7") as (place, _):
        start = world.mark()
        assert place() != place()  # two that are meant
        assert world.orders_since(start) == 2
        world.do(lambda: world.sim.inject(Fault("html", "kraken", path="AddOrder", status=502, executed=True)))
        start = world.mark()
        with at_once(place) as asked:
            wait_for(world, lambda: bool(world.daemon.writes.resolution.searches._tasks))
            pass_time(world, 9.5, until=asked.done)
            with pytest.raises(requests.HTTPError, match="504"):
                asked.result(10)
        with pytest.raises(requests.HTTPError, match="504"):
            place()  # one that was lost
        calm(world)
    assert world.orders_since(start) == 1 and copies(world, KRAKEN, start) == 1


def _withdrawals(config: Config) -> Config:
    open_ = replace(config.accounts[KRAKEN.name], allow_withdrawals=True)
    return replace(config, accounts={**config.accounts, KRAKEN.name: open_})


def test_npm_kraken_api_37_withdrawals(new_world: Worlds) -> None:
    """nothingisdead/npm-kraken-api#37: a withdrawal has no reference to look for, so it must never go out again."""
    world = new_world((KRAKEN,), daemon=_withdrawals)
    world.do(lambda: world.sim.inject(Fault("html", "kraken", path="Withdraw", status=502, executed=True)))
    with by_krakenex(world) as (_, api):
        for _ in range(2):
            with pytest.raises(requests.HTTPError, match="504"):
                api.query_private("Withdraw", {"asset": "XBT", "key": "dummy-target", "amount": "0.01"})
    assert world.do(lambda: len(world.sim.ledger.withdrawals)) == 1 and unknowns(world) == 1
