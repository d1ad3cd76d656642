"""Identical public reads at the same time are one request at the exchange; private calls never share."""

import asyncio
import gzip
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.cli.world import AccountPlan, token_of
from proxy.config import Config
from proxy.simulator import Fault
from tests.e2e.bots import place_of, public_of, read_of
from tests.e2e.wires import Got, Recorder, Wire, plain
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, OTHER_BOT, PLANS, World

TICKER = f"/{BINANCE.name}/api/v3/ticker/price"
BTC = f"{TICKER}?symbol=BTCUSDT"
TOKEN = {"X-Ordergate-Token": token_of(BOT)}
OTHER = {"X-Ordergate-Token": token_of(OTHER_BOT)}


@contextmanager
def held(world: World) -> Iterator[Callable[[], None]]:
    """Nothing leaves towards the exchanges until the test calls what it is given."""
    egress: Any = world.daemon._egress
    send: Callable[..., Awaitable[Any]] = egress.send
    gate = asyncio.Event()

    async def later(*args: Any, **options: Any) -> Any:
        await gate.wait()
        return await send(*args, **options)

    def release() -> None:
        world.do(gate.set)

    egress.send = later
    try:
        yield release
    finally:
        release()
        egress.send = send


def arrived(world: World, calls: int) -> None:
    """Wait until so many calls are under way in the daemon."""

    async def reached() -> None:
        while world.daemon.ingress.running < calls:
            await asyncio.sleep(0.001)

    world.run(reached())


def together(
    world: World, targets: list[str], method: str = "GET", headers: dict[str, str] = TOKEN, body: bytes = b""
) -> list[Got]:
    """All calls at the same time, each on a connection of its own."""
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(world.place)) for _ in targets]
        with held(world) as release:
            for wire, target in zip(wires, targets, strict=True):
                wire.send(method, target, headers, body)
            arrived(world, len(targets))
            release()
            return [wire.read() for wire in wires]


def shared(answers: list[Got]) -> Counter[str | None]:
    return Counter(got.headers.get("x-ordergate-shared") for got in answers)


def counted(world: World, kind: str) -> int:
    return world.do(lambda: world.daemon.metrics.counts.get(("ordergate_shared_reads", "binance", kind), 0))


def test_fifty_tickers_are_one_request(world: World) -> None:
    start, before = world.mark(), counted(world, "flight")
    answers = together(world, [BTC] * 50)
    assert len(world.since(start)) == 1
    assert {got.status for got in answers} == {200} and len({got.body for got in answers}) == 1
    assert len({got.headers["x-ordergate-call"] for got in answers}) == 50
    assert shared(answers) == {None: 1, "1": 49}
    assert Counter(got.headers["x-ordergate-attempts"] for got in answers) == {"1": 1, "0": 49}
    assert counted(world, "flight") - before == 49
    again = together(world, [BTC] * 2)  # nothing is kept
    assert len(world.since(start)) == 2 and shared(again) == {None: 1, "1": 1}


def test_two_questions_are_two_requests(world: World) -> None:
    start = world.mark()
    answers = together(world, [BTC, f"{TICKER}?symbol=ETHUSDT"] * 5)
    assert len(world.since(start)) == 2
    found: list[Any] = [got.json for got in answers]
    assert [row["symbol"] for row in found] == ["BTCUSDT", "ETHUSDT"] * 5


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.exchange)
def test_every_exchange_shares_its_tickers(world: World, plan: AccountPlan) -> None:
    _, target, _, _ = public_of(plan)
    start = world.mark()
    answers = together(world, [target] * 10)
    assert len(world.since(start)) == 1 and {got.status for got in answers} == {200}


def test_private_reads_go_out_one_by_one(world: World) -> None:
    method, target, body, _ = read_of(BINANCE)
    start = world.mark()
    answers = together(world, [target] * 50, method, TOKEN, body)
    assert len(world.since(start)) == 50
    assert {got.status for got in answers} == {200} and shared(answers) == {None: 50}


@pytest.mark.parametrize("plan", [KRAKEN, CRYPTOCOM], ids=lambda plan: plan.exchange)
def test_private_reads_of_the_others_too(world: World, plan: AccountPlan) -> None:
    method, target, body, kind = read_of(plan)
    start = world.mark()
    answers = together(world, [target] * 3, method, {**TOKEN, "Content-Type": kind}, body)
    assert len(world.since(start)) == 3 and shared(answers) == {None: 3}


def test_orders_go_out_one_by_one(world: World) -> None:
    method, target, body, _ = place_of(BINANCE, "")
    start = world.mark()
    answers = together(world, [target.removesuffix("&newClientOrderId=")] * 3, method, TOKEN, body)
    assert len(world.since(start)) == world.orders_since(start) == 3
    assert shared(answers) == {None: 3}


@pytest.mark.parametrize("leaver", [0, 1], ids=["the first", "one who joined"])
def test_who_hangs_up_leaves_the_others_their_answer(world: World, leaver: int) -> None:
    start = world.mark()
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(world.place)) for _ in range(3)]
        with held(world) as release:
            for number, wire in enumerate(wires, 1):
                wire.send("GET", BTC, TOKEN)
                arrived(world, number)
            wires.pop(leaver).close()
            release()
            assert [wire.read().status for wire in wires] == [200, 200]
    assert len(world.since(start)) == 1


@pytest.mark.parametrize("hurried", [0, 1], ids=["the first", "one who joined"])
def test_a_deadline_holds_for_its_caller_alone(world: World, hurried: int) -> None:
    start = world.mark()
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(world.place)) for _ in range(3)]
        with held(world) as release:
            for number, wire in enumerate(wires):
                wire.send("GET", BTC, TOKEN if number != hurried else {**TOKEN, "X-Ordergate-Deadline-Ms": "100"})
                if number != hurried:
                    arrived(world, 1)
            late = wires.pop(hurried).read()
            arrived(world, 2)
            release()
            assert [wire.read().status for wire in wires] == [200, 200]
    found: Any = late.json
    assert late.status == 504 and found["code"] < 0 and found["msg"]
    assert late.headers["x-ordergate-reason"] == "upstream_failed"
    assert len(world.since(start)) == 1


def test_failures_are_shared(world: World) -> None:
    world.do(lambda: world.sim.inject(Fault("error", exchange="binance", path="/ticker/price", times=0)))
    start = world.mark()
    try:
        answers = together(world, [BTC] * 10)
        alone = world.since(start)
        assert 1 <= len(alone) <= 3  # a read is tried again elsewhere, for all of them together
        assert len({(got.status, got.body) for got in answers}) == 1 and answers[0].status >= 500
    finally:
        world.free()


# Kept answers


def keeping(*endpoints: str) -> Callable[[Config], Config]:
    def changed(config: Config) -> Config:
        account = replace(config.accounts[BINANCE.name], cache=dict.fromkeys(endpoints, 5_000_000_000))
        return replace(config, accounts={**config.accounts, BINANCE.name: account})

    return changed


def test_a_kept_answer_serves_until_its_time_is_up(new_world: Callable[..., World]) -> None:
    world = new_world(daemon=keeping("GET /api/v3/ticker/price", "GET /api/v3/account"))
    start = world.mark()
    with Wire(world.place) as wire:
        first = wire.call("GET", BTC, TOKEN)
        kept = [wire.call("GET", BTC, headers) for headers in (TOKEN, OTHER)]
        assert len(world.since(start)) == 1
        assert {got.body for got in kept} == {first.body} and shared([first, *kept]) == {None: 1, "1": 2}
        assert counted(world, "cache") == 2
        world.jump(4.5)
        assert wire.call("GET", BTC, TOKEN).headers["x-ordergate-shared"] == "1"
        world.jump(0.5)
        assert "x-ordergate-shared" not in wire.call("GET", BTC, TOKEN).headers
        assert len(world.since(start)) == 2
        # An error is not kept, and private data never is, whatever the configuration says.
        wrong = [wire.call("GET", f"{TICKER}?symbol=DUMMY", TOKEN).status for _ in range(2)]
        private = [wire.call("GET", f"/{BINANCE.name}/api/v3/account", TOKEN).status for _ in range(2)]
        assert (wrong, private) == ([400, 400], [200, 200])
        assert len(world.since(start)) == 6


# Large answers: beyond what egress hands over in one piece

LARGE = orjson.dumps({"symbols": [{"symbol": f"DUMMY{n}", "status": "TRADING"} for n in range(60_000)]})
INFO = f"/{BINANCE.name}/api/v3/exchangeInfo"


@pytest.mark.parametrize("cached", [False, True], ids=["in flight", "kept"])
def test_a_large_answer_is_fetched_once_and_whole_for_all(new_world: Callable[..., World], cached: bool) -> None:
    recorder = Recorder(lambda caught: plain(LARGE))
    configure = keeping("GET /api/v3/exchangeInfo") if cached else lambda config: config
    world = new_world(recorder=recorder, daemon=configure)
    answers = together(world, [INFO] * 5)
    assert all(got.body == LARGE and got.headers["transfer-encoding"] == "chunked" for got in answers)
    assert len(world.do(lambda: list(recorder.caught))) == 1
    with Wire(world.place) as wire:
        assert [wire.call("GET", INFO, TOKEN).body == LARGE for _ in range(2)] == [True, True]
    assert len(world.do(lambda: list(recorder.caught))) == (1 if cached else 3)


def test_packed_and_plain_are_not_mixed_up(new_world: Callable[..., World]) -> None:
    recorder = Recorder(
        lambda caught: (
            plain(gzip.compress(b'{"a":1}'), "Content-Encoding: gzip")
            if caught.all("accept-encoding") == ["gzip"]
            else plain(b'{"a":1}')
        )
    )
    world = new_world(recorder=recorder)
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(world.place)) for _ in range(6)]
        with held(world) as release:
            for number, wire in enumerate(wires):
                wire.send("GET", BTC, {**TOKEN, "Accept-Encoding": "gzip, br"} if number % 2 else TOKEN)
            arrived(world, 6)
            release()
            answers = [wire.read() for wire in wires]
    assert [got.headers.get("content-encoding") for got in answers] == [None, "gzip"] * 3
    assert len(world.do(lambda: list(recorder.caught))) == 2
