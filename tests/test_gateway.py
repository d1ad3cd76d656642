"""Every row of what follows an answer, as a bot sees it: routes taken, blocks that stand, and permits settled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.config import AccountConfig, AddressConfig, KeyConfig
from proxy.dispatch import Dispatcher, Gone
from proxy.errors import BadCall, MaybeSent, NotSent
from proxy.exchange_time import ExchangeClocks
from proxy.exchanges import EXCHANGES
from proxy.gateway import Answer, Gateway
from proxy.limits.ledger import MemoryLedger
from proxy.metrics import CALLS, EGRESS_FAULTS, KEY_OUTCOMES, ROTATIONS, Metrics
from proxy.model import (
    Call,
    Credential,
    Executed,
    Incoming,
    Outcome,
    Reply,
    Route,
    Scope,
    SignedRequest,
    Upstream,
    Verdict,
)
from proxy.nonces import Nonces
from proxy.pool import Pool, pool_of
from proxy.writes import Writes
from tests.fakes import FakeClock, MemoryJournal, settled

S = 1_000_000_000


A1, A2 = "127.0.0.2", "127.0.0.3"
ADDRESS1, ADDRESS2 = ("address", "binance", A1), ("address", "binance", A2)
READ, PLACE, PUBLIC = "GET /api/v3/account", "POST /api/v3/order", "GET /api/v3/depth"
TIME = "/api/v3/time"
FOR_EVER = None


@dataclass(frozen=True)
class Sent:
    """One request as it left, and what rested at that moment."""

    request: SignedRequest
    address: str
    answer_by_ns: int
    stream: bool
    blocks: Mapping[tuple[str, ...], int | None]
    weight: float  # counted at that moment on the addresses' weight_1m, this request included

    @property
    def key(self) -> str:
        return dict(self.request.headers).get("X-MBX-APIKEY", "").removeprefix("dummy-key-")

    @property
    def params(self) -> dict[str, str]:
        text = urlsplit(self.request.target).query or self.request.body.decode()
        return {name: values[0] for name, values in parse_qs(text).items()}


Step = Reply | Exception | Callable[[], Awaitable[Reply]]


class Script:
    """An egress that answers by a list, after `takes_ns` each."""

    def __init__(self, clock: FakeClock, ledger: MemoryLedger) -> None:
        self.steps: list[Step] = []
        self.takes_ns = 5_000_000
        self.sent: list[Sent] = []
        self._clock = clock
        self._ledger = ledger

    async def send(
        self, request: SignedRequest, upstream: Upstream, address: str, *, answer_by_ns: int, stream: bool = False
    ) -> Reply:
        self.sent.append(
            Sent(request, address, answer_by_ns, stream, blocks_of(self._ledger), used_of(self._ledger, "weight_1m"))
        )
        step = self.steps.pop(0)
        self._clock.advance(self.takes_ns)
        await asyncio.sleep(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Reply) else await step()


def blocks_of(ledger: MemoryLedger) -> dict[tuple[str, ...], int | None]:
    return {block.subject: block.rest_ns for block in ledger.snapshot().blocks}


def used_of(ledger: MemoryLedger, limit: str) -> float:
    return sum(counter.used for counter in ledger.snapshot().counters if counter.limit == limit)


class Desk:
    """A gateway over one account with real ledger and queue, and what a test asks of them."""

    def __init__(self, folder: Path, exchange: str = "binance", *, keys: int = 2, most: int = 100, **changes: Any):
        self.clock = FakeClock()
        self.ledger = MemoryLedger(self.clock)
        self.metrics = Metrics()
        self.script = Script(self.clock, self.ledger)
        self.times = ExchangeClocks(self.clock, self.ledger)
        self.dispatcher = Dispatcher(self.ledger, self.clock, max_waiting=most)
        self.nonces = Nonces(folder / "nonces.json", self.clock)
        self.pool = pool(exchange, keys, changes)
        for row in self.pool.keyed:
            self.nonces.open(f"desk/{row.key}")
        self.journal = MemoryJournal()
        self.writes = Writes(self.clock, self.dispatcher, self.journal, self.metrics)
        self.gateway = Gateway(
            clock=self.clock,
            ledger=self.ledger,
            times=self.times,
            dispatcher=self.dispatcher,
            egress=self.script,
            nonces=self.nonces,
            metrics=self.metrics,
            pools={"desk": self.pool},
            writes=self.writes,
        )
        self.gone = False

    def call(self, name: str = READ, *, query: str = "", within_s: float = 4.0, **fields: Any) -> Call:
        method, _, path = name.partition(" ")
        endpoint = self.pool.exchange.table.match(method, path)
        assert endpoint is not None
        now = self.clock.now_ns()
        request = Incoming(method, path, query, (), fields.pop("body", b""))
        upstream = next(iter(self.pool.upstream.values()))
        params = self.pool.exchange.params(request)
        deadline = now + int(within_s * S)
        return Call("c-1", "bot", "desk", endpoint, request, upstream, params, now, deadline, **fields)

    async def forward(self, *steps: Step, name: str = READ, **fields: Any) -> Answer:
        """Carry a call with these answers; every one of them must have been fetched, and every permit be settled."""
        self.script.steps = list(steps)
        answer = await self.gateway.forward(self.call(name, **fields), lambda: self.gone)
        assert self.script.steps == []
        return answer

    @property
    def sent(self) -> list[Sent]:
        return self.script.sent

    @property
    def blocks(self) -> dict[tuple[str, ...], int | None]:
        return blocks_of(self.ledger)

    def used(self, limit: str) -> float:
        return used_of(self.ledger, limit)

    def count(self, *key: str) -> int:
        return self.metrics.counts.get(key, 0)

    async def wait(self, by_ns: int) -> None:
        """Time goes on; whoever an alarm wakes acts at that moment."""
        end_ns = self.clock.now_ns() + by_ns
        await settled()
        while (pending := self.clock.pending()) and pending[0] <= end_ns:
            self.clock.move_to(max(pending[0], self.clock.now_ns()))
            await settled()
        self.clock.move_to(max(end_ns, self.clock.now_ns()))
        await settled()

    async def check_settled(self) -> None:
        """All windows run out: whatever is still counted then is a permit that was never settled."""
        await self.wait(2 * 86_400 * S)
        assert {counter.limit: counter.used for counter in self.ledger.snapshot().counters if counter.used} == {}


def pool(exchange: str, keys: int, changes: Mapping[str, Any]) -> Pool:
    addresses = tuple(AddressConfig(a, a) for a in (A1, A2))
    secret = b"ZHVtbXktc2VjcmV0"  # "dummy-secret" in base64, as Kraken wants it
    rows = tuple(
        KeyConfig(alias, Credential("desk", alias, f"dummy-key-{alias}", secret), None, 0, addresses)
        for alias in ("k1", "k2", "k3")[:keys]
    )
    config = AccountConfig("desk", exchange, "", addresses, rows, {}, {}, {}, (), False)
    return pool_of(config, replace(EXCHANGES[exchange], **changes))


def answer(status: int = 200, body: str = "{}", **headers: str) -> Reply:
    rows = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Reply(status, b"x", rows, body.encode(), 5_000_000)


def error(status: int, code: int, **headers: str) -> Reply:
    return answer(status, f'{{"code":{code},"msg":"x"}}', **headers)


OK = answer()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
async def make_desk(tmp_path: Path) -> AsyncIterator[Callable[..., Desk]]:
    """Desks with another exchange, other keys or a changed exchange record; settled at the end."""
    made: list[Desk] = []

    def make(*args: Any, **options: Any) -> Desk:
        made.append(Desk(tmp_path, *args, **options))
        return made[-1]

    yield make
    for one in made:
        await one.check_settled()


def judged(outcome: Outcome, blame: Scope | None = None, wait_ns: int | None = None, executed: Executed = Executed.NO):
    """A classify whose verdict on a status of 499 is this one."""
    verdict = Verdict(outcome, executed, blame, wait_ns, "499")

    def classify(endpoint: Any, reply: Reply, wall_ms: int) -> Verdict:
        return verdict if reply.status == 499 else Verdict(Outcome.ACCEPTED, Executed.YES)

    return classify


JUDGED = answer(499)


# Accepted, refused


@pytest.mark.parametrize(
    ("name", "reply", "executed"),
    [
        (READ, OK, None),
        (PUBLIC, OK, None),
        (PLACE, OK, Executed.YES),
        (PLACE, error(400, -2010), Executed.NO),
        (READ, error(400, -1121), None),
    ],
)
async def test_an_answer_about_the_business_is_returned_as_it_is(
    desk: Desk, name: str, reply: Reply, executed: Executed | None
) -> None:
    got = await desk.forward(reply, name=name)
    assert (got.reply, got.refusal, got.attempts, got.executed) == (reply, None, 1, executed)
    assert len(desk.sent) == 1
    assert desk.blocks == {}
    assert desk.count(CALLS, "bot", "desk", desk.call(name).endpoint.call_class, "exchange") == 1
    await desk.check_settled()


async def test_an_answer_tells_its_route_and_what_remains(desk: Desk) -> None:
    got = await desk.forward(OK)
    assert got.route == Route("desk", "k1", A1)
    assert (desk.sent[0].key, desk.sent[0].address) == ("k1", A1)
    assert got.remaining == pytest.approx(1 - 20 / 6000)  # the account read costs 20 of the address's weight


async def test_a_public_call_needs_no_key(desk: Desk) -> None:
    got = await desk.forward(OK, name=PUBLIC)
    assert got.route == Route("desk", None, A1)
    assert desk.sent[0].key == ""
    assert desk.sent[0].stream


async def test_a_signed_answer_is_never_streamed(desk: Desk) -> None:
    await desk.forward(OK)
    assert not desk.sent[0].stream


async def test_load_goes_round(desk: Desk) -> None:
    for _ in range(4):
        await desk.forward(OK)
    assert {(s.key, s.address) for s in desk.sent} == {("k1", A1), ("k2", A1), ("k1", A2), ("k2", A2)}


async def test_usage_from_the_answer_raises_the_counter(desk: Desk) -> None:
    await desk.forward(answer(X_MBX_USED_WEIGHT_1M="700"))
    assert desk.used("weight_1m") == 700


@pytest.mark.parametrize(("reply", "weight"), [(OK, 0), (error(400, -2010), 1), (error(500, -1007), 1)])
async def test_an_order_weighs_nothing_once_it_is_accepted(desk: Desk, reply: Reply, weight: float) -> None:
    await desk.forward(reply, name=PLACE)
    assert desk.sent[0].weight == 1
    assert (desk.used("weight_1m"), desk.used("orders_10s")) == (weight, 1)


async def test_limits_in_a_passing_answer_hold_for_all_addresses(desk: Desk) -> None:
    listed = '[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":90}]'
    await desk.forward(answer(body=f'{{"rateLimits":{listed}}}'), name="GET /api/v3/exchangeInfo")
    for _ in range(4):
        await desk.forward(OK)
    counters = [row for row in desk.ledger.snapshot().counters if row.limit == "weight_1m"]
    assert {(row.name, row.capacity) for row in counters} == {(A1, 90), (A2, 90)}


async def test_the_time_to_an_answer_is_the_bots_or_our_own(desk: Desk) -> None:
    start = desk.clock.now_ns()
    await desk.forward(OK, answer_by_ns=start + 7 * S)
    await desk.forward(OK)
    assert desk.sent[0].answer_by_ns == start + 7 * S
    assert desk.sent[1].answer_by_ns == start + 5_000_000 + 9 * S


# Throttled, by scope


async def test_a_throttled_key_rests_and_another_key_goes_on(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(classify=judged(Outcome.THROTTLED, Scope.KEY, 30 * S))
    got = await desk.forward(JUDGED, OK, name=PLACE)
    assert [s.key for s in desk.sent] == ["k1", "k2"]
    assert desk.sent[1].blocks == {("key", "desk", "k1"): 30 * S}
    assert (got.reply, got.attempts, got.executed) == (OK, 2, Executed.YES)
    assert desk.count(ROTATIONS, "desk", "throttled") == 1
    assert desk.count(KEY_OUTCOMES, "desk", "k1", "throttled") == 1
    assert desk.count(KEY_OUTCOMES, "desk", "k2", "accepted") == 1


async def test_a_throttled_address_rests_and_another_address_of_the_key_goes_on(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(keys=1)
    got = await desk.forward(error(429, -1003, Retry_After="30"), OK, name=PLACE)
    assert [(s.key, s.address) for s in desk.sent] == [("k1", A1), ("k1", A2)]
    assert desk.sent[1].blocks == {ADDRESS1: 30 * S}
    assert got.reply == OK


async def test_a_throttled_address_rests_for_every_key(desk: Desk) -> None:
    await desk.forward(error(429, -1003, Retry_After="30"), OK)
    for _ in range(4):
        await desk.forward(OK)
    assert {s.address for s in desk.sent[1:]} == {A2}
    assert {s.key for s in desk.sent[1:]} == {"k1", "k2"}


async def test_a_refusal_that_states_no_wait_makes_for_waits_that_grow(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(keys=1, classify=judged(Outcome.THROTTLED, Scope.KEY))
    rests = []
    for _ in range(3):
        got = await desk.forward(JUDGED, within_s=0.5)
        assert got.refusal is not None and got.refusal.status == 429
        rests.append(desk.blocks["key", "desk", "k1"])
        await desk.wait(5 * S)
    assert rests == [S, 2 * S, 4 * S]


async def test_a_throttled_account_waits_within_the_deadline(desk: Desk) -> None:
    carried = asyncio.ensure_future(desk.forward(error(429, -1015), OK, name=PLACE))
    await desk.wait(10_000_000)
    assert len(desk.sent) == 1
    assert ("account", "desk", "place") in desk.blocks
    await desk.wait(S)
    got = await carried
    assert len(desk.sent) == 2 and got.reply == OK
    assert got.queued_ns == S
    await desk.check_settled()


async def test_a_throttled_account_turns_to_no_other_key(desk: Desk) -> None:
    got = await desk.forward(error(429, -1015, Retry_After="30"), name=PLACE)
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason, got.refusal.retry_after_s) == (429, "rate_limited", 31)
    assert (got.executed, got.attempts) == (Executed.NO, 1)
    assert (await desk.forward(OK, name=READ)).reply == OK  # only orders were refused


async def test_retry_after_is_at_most_a_minute(desk: Desk) -> None:
    got = await desk.forward(error(429, -1015, Retry_After="500"), name=PLACE)
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.retry_after_s) == (429, 60)


async def test_our_own_limit_refuses_before_anything_is_sent(desk: Desk) -> None:
    for address in (A1, A2):
        assert (await desk.forward(answer(X_MBX_USED_WEIGHT_1M="6000"))).route.address == address
    got = await desk.forward()
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason) == (429, "rate_limited")
    assert "weight_1m" in got.refusal.message
    assert 0 < got.refusal.retry_after_s <= 60
    assert got.attempts == 0


# Banned, not whitelisted, suspended, dead, no permission


async def test_a_banned_address_rests_to_the_stated_end(desk: Desk) -> None:
    got = await desk.forward(error(418, -1003, Retry_After="120"), OK, name=PLACE)
    assert desk.sent[1].blocks == {ADDRESS1: 120 * S}
    assert desk.sent[1].address == A2
    assert got.reply == OK
    assert desk.count(ROTATIONS, "desk", "banned") == 1


async def test_a_banned_address_comes_back_through_one_probe(desk: Desk) -> None:
    await desk.forward(error(418, -1003, Retry_After="120"), OK)
    await desk.wait(120 * S)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, OK, OK, OK]
    first = len(desk.sent)
    calls = [asyncio.ensure_future(desk.gateway.forward(desk.call())) for _ in range(4)]
    await desk.wait(S)
    assert [s.address for s in desk.sent[first:]].count(A1) == 1
    held.set_result(OK)
    assert all(got.reply == OK for got in await asyncio.gather(*calls))
    await desk.check_settled()


async def test_all_addresses_banned(desk: Desk) -> None:
    ban = error(418, -1003, Retry_After="120")
    got = await desk.forward(ban, ban)
    assert got.refusal is not None  # a limit is told by us, with a wait that a client can keep
    assert (got.refusal.status, got.refusal.retry_after_s) == (429, 60)
    assert {s.address for s in desk.sent} == {A1, A2}


async def test_an_address_that_is_not_whitelisted_rests_for_this_key_only(desk: Desk) -> None:
    got = await desk.forward(error(401, -2015), OK, name=PLACE)
    assert list(desk.sent[1].blocks) == [("pair", "desk", "k1", A1)]
    assert got.reply == OK
    for _ in range(5):
        await desk.forward(OK)
    routes = {(s.key, s.address) for s in desk.sent[1:]}
    assert routes == {("k1", A2), ("k2", A1), ("k2", A2)}


async def test_the_exchanges_own_answer_is_better_than_ours_when_no_route_is_left(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(keys=1)
    refused = error(401, -2015)
    got = await desk.forward(refused, refused, name=PLACE)
    assert (got.reply, got.refusal, got.attempts, got.executed) == (refused, None, 2, Executed.NO)
    assert {subject[0] for subject in desk.blocks} == {"pair"}


async def test_a_suspended_key_rests_and_comes_back_through_one_probe(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(classify=judged(Outcome.SUSPENDED, Scope.KEY, 90 * S))
    got = await desk.forward(JUDGED, OK, name=PLACE)
    assert desk.sent[1].blocks == {("key", "desk", "k1"): 90 * S}
    assert [s.key for s in desk.sent] == ["k1", "k2"] and got.reply == OK
    await desk.wait(90 * S)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, OK, OK]
    calls = [asyncio.ensure_future(desk.gateway.forward(desk.call())) for _ in range(3)]
    await desk.wait(S)
    assert [s.key for s in desk.sent[2:]] == ["k1", "k2", "k2"]
    held.set_result(OK)
    await asyncio.gather(*calls)


async def test_a_dead_key_rests_until_the_operator_acts(desk: Desk) -> None:
    got = await desk.forward(error(401, -2014), OK, name=PLACE)
    assert desk.sent[1].blocks == {("key", "desk", "k1"): FOR_EVER}
    assert (desk.sent[1].key, got.reply) == ("k2", OK)


async def test_with_all_keys_dead_no_client_is_told_to_come_again(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(keys=1)
    dead = error(401, -2014)
    assert (await desk.forward(dead)).reply == dead
    got = await desk.forward(name=PLACE)
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason, got.refusal.retry_after_s) == (503, "no_route", 0)
    assert (got.executed, got.attempts) == (Executed.NO, 0)


async def test_a_signature_refused_twice_is_the_requests_fault(desk: Desk) -> None:
    refused = error(400, -1022)
    got = await desk.forward(refused, refused)
    assert (got.reply, got.attempts) == (refused, 2)
    assert [s.key for s in desk.sent] == ["k1", "k2"]
    assert ("key", "desk", "k1") in desk.sent[1].blocks
    assert desk.blocks == {}


async def test_a_key_without_permission_rests_for_this_endpoint_only(desk: Desk) -> None:
    got = await desk.forward(error(401, -1002), OK, name=PLACE)
    assert list(desk.sent[1].blocks) == [("key", "desk", "k1", PLACE)]
    assert got.reply == OK
    for _ in range(2):
        await desk.forward(OK, name=READ)
    assert "k1" in {s.key for s in desk.sent[2:]}


async def test_no_key_has_permission(desk: Desk) -> None:
    refused = error(401, -1002)
    got = await desk.forward(refused, refused, name=PLACE)
    assert (got.reply, got.refusal, got.executed) == (refused, None, Executed.NO)


async def test_attempts_have_a_budget(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(classify=judged(Outcome.SUSPENDED, Scope.KEY, 1))  # rests that are over at once
    got = await desk.forward(*[JUDGED] * 12, name=PLACE)
    assert (got.reply, got.attempts, got.executed) == (JUDGED, 12, Executed.NO)


# Clock and nonce


def server_time(desk: Desk, ahead_ms: int) -> Callable[[], Awaitable[Reply]]:
    async def tell() -> Reply:
        return answer(200, f'{{"serverTime":{desk.clock.wall_ms() + ahead_ms}}}')

    return tell


async def test_a_refused_clock_is_measured_anew_and_the_call_goes_once_more(desk: Desk) -> None:
    got = await desk.forward(error(400, -1021), server_time(desk, 7000), OK, name=PLACE, query="symbol=BTCUSDT")
    order, question, again = desk.sent
    assert urlsplit(question.request.target).path == TIME
    assert (question.request.method, question.key, question.address) == ("GET", "", order.address)
    assert (order.weight, question.weight) == (1, 2)  # nothing leaves without a permit
    moved = int(again.params["timestamp"]) - int(order.params["timestamp"])
    assert moved == pytest.approx(7000 + 10, abs=6)  # half of the 5 ms of the answer are unknown
    assert (got.reply, got.attempts) == (OK, 2)
    assert desk.blocks == {}
    assert desk.count(ROTATIONS, "desk", "clock") == 0
    await desk.check_settled()


async def test_a_clock_refused_twice_is_returned(desk: Desk) -> None:
    refused = error(400, -1021)
    got = await desk.forward(refused, server_time(desk, 0), refused, name=PLACE)
    assert (got.reply, got.executed, got.attempts) == (refused, Executed.NO, 2)
    assert desk.blocks == {}


@pytest.mark.parametrize("fault", [NotSent("dummy"), MaybeSent("dummy"), answer(200, "nonsense")])
async def test_a_time_that_cannot_be_read_stops_nothing(make_desk: Callable[..., Desk], fault: Step) -> None:
    got = await make_desk().forward(error(400, -1021), fault, OK)
    assert got.reply == OK


async def test_the_time_is_not_asked_for_without_room(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(keys=1)
    full = error(400, -1021, X_MBX_USED_WEIGHT_1M="6000")
    got = await desk.forward(full, OK, name=PLACE)
    assert [s.address for s in desk.sent] == [A1, A2]
    assert got.reply == OK


KRAKEN_READ = "POST /0/private/Balance"
BAD_NONCE = answer(200, '{"error":["EAPI:Invalid nonce"]}')
KRAKEN_OK = answer(200, '{"error":[],"result":{}}')


def nonce_of(sent: Sent) -> int:
    return int(parse_qs(sent.request.body.decode())["nonce"][0])


async def test_a_refused_nonce_is_raised_and_the_call_goes_once_more(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    await desk.forward(KRAKEN_OK, name=KRAKEN_READ)
    got = await desk.forward(BAD_NONCE, KRAKEN_OK, name=KRAKEN_READ)
    nonces = [nonce_of(s) for s in desk.sent]
    assert nonces[1] == nonces[0] + 1
    assert nonces[2] >= desk.clock.wall_ms() * 999_000  # nanoseconds instead of microseconds
    assert (got.reply, got.attempts) == (KRAKEN_OK, 2)
    assert desk.blocks == {}
    assert desk.count(ROTATIONS, "desk", "nonce") == 0


async def test_a_nonce_refused_twice_rests_the_key(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    got = await desk.forward(BAD_NONCE, BAD_NONCE, name=KRAKEN_READ)
    assert desk.blocks == {("key", "desk", "k1"): 5 * S}
    assert got.reply == BAD_NONCE


async def test_nonces_go_out_one_at_a_time(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, KRAKEN_OK]
    calls = [asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ))) for _ in range(2)]
    await desk.wait(S)
    assert len(desk.sent) == 1
    held.set_result(KRAKEN_OK)
    await asyncio.gather(*calls)
    assert nonce_of(desk.sent[1]) > nonce_of(desk.sent[0])


async def test_two_signatures_of_a_key_never_carry_one_stamp(make_desk: Callable[..., Desk]) -> None:
    stamps = []
    cryptocom = EXCHANGES["cryptocom"]

    def sign(request: Any, endpoint: Any, credential: Any, stamp: Any) -> SignedRequest:
        stamps.append(stamp.wall_ms)
        return SignedRequest("POST", request.path, (), b"")

    desk = make_desk("cryptocom", keys=1, sign=sign, classify=judged(Outcome.REFUSED), params=lambda request: {})
    assert cryptocom.one_stamp_each
    desk.script.takes_ns = 0
    desk.script.steps = [OK, OK]
    name = "POST /exchange/v1/private/get-order-detail"
    await asyncio.gather(*[desk.gateway.forward(desk.call(name)) for _ in range(2)])
    assert stamps[1] == stamps[0] + 1


# Exchange in trouble


BUSY = error(503, -1016)


async def test_a_read_that_was_not_processed_goes_another_way(desk: Desk) -> None:
    got = await desk.forward(BUSY, OK)
    assert (got.reply, got.attempts) == (OK, 2)
    assert desk.blocks == {}
    assert (desk.sent[0].key, desk.sent[0].address) != (desk.sent[1].key, desk.sent[1].address)


async def test_a_write_that_was_not_processed_is_told(desk: Desk) -> None:
    got = await desk.forward(BUSY, name=PLACE)
    assert (got.reply, got.refusal, got.executed, got.attempts) == (BUSY, None, Executed.NO, 1)


GARBAGE = answer(200, "<html>sorry</html>")
UNKNOWN: list[Step] = [
    MaybeSent("dummy reset"),
    answer(502, "bad gateway"),
    error(503, -1000),
    error(400, -1007),
    GARBAGE,
]


@pytest.mark.parametrize("step", UNKNOWN)
@pytest.mark.parametrize("name", [PLACE, "DELETE /api/v3/order", "PUT /api/v3/order/amend/keepPriority"])
async def test_a_write_with_an_unknown_outcome_is_sent_once(desk: Desk, step: Step, name: str) -> None:
    got = await desk.forward(step, name=name)
    assert len(desk.sent) == 1
    assert got.reply is None and got.refusal is not None
    assert (got.refusal.status, got.refusal.reason) == (504, "outcome_unknown")
    assert (got.executed, got.attempts, got.route) == (Executed.UNKNOWN, 1, Route("desk", "k1", A1))
    assert desk.blocks == {}
    assert desk.used("raw_5m") == 1  # it may have been counted at the exchange
    await desk.check_settled()


@pytest.mark.parametrize("step", UNKNOWN)
async def test_a_read_with_an_unknown_outcome_goes_another_way(desk: Desk, step: Step) -> None:
    got = await desk.forward(step, OK)
    assert (got.reply, got.attempts, got.executed) == (OK, 2, None)
    assert desk.count(ROTATIONS, "desk", "unknown") == 1


@pytest.mark.parametrize("step", [MaybeSent("dummy reset"), answer(502, "bad gateway"), BUSY])
async def test_a_read_is_not_repeated_for_ever(desk: Desk, step: Step) -> None:
    desk.script.steps = [step] * 20
    got = await desk.gateway.forward(desk.call())
    assert 2 <= got.attempts == len(desk.sent) <= 4
    if isinstance(step, Reply):
        assert (got.reply, got.refusal) == (step, None)
    else:
        assert got.refusal is not None
        assert (got.refusal.status, got.refusal.reason) == (504, "upstream_failed")
    await desk.check_settled()


@pytest.mark.parametrize("part", ["classify", "usage"])
async def test_an_answer_that_cannot_be_read_was_sent_all_the_same(make_desk: Callable[..., Desk], part: str) -> None:
    def broken(*args: Any) -> Any:
        raise ValueError("dummy")

    desk = make_desk(**{part: broken})
    got = await desk.forward(OK, name=PLACE)
    assert len(desk.sent) == 1
    if part == "classify":
        assert got.refusal is not None and got.refusal.reason == "outcome_unknown"
        assert got.executed is Executed.UNKNOWN
    else:
        assert (got.reply, got.executed) == (OK, Executed.YES)
    assert desk.used("raw_5m") == 1


# Never connected


async def test_an_address_without_a_connection_rests_shortly(desk: Desk) -> None:
    got = await desk.forward(NotSent("refused"), OK, name=PLACE)
    assert desk.sent[1].blocks == {ADDRESS1: S}
    assert (desk.sent[1].address, got.reply) == (A2, OK)
    assert desk.used("orders_10s") == 1  # what never left costs nothing
    assert desk.count(EGRESS_FAULTS, "binance") == 0


async def test_an_address_that_this_host_lacks_rests_longer(desk: Desk) -> None:
    got = await desk.forward(NotSent("not on this host", address_fault=True), OK, name=PLACE)
    assert desk.sent[1].blocks == {ADDRESS1: 10 * S}
    assert got.reply == OK
    assert desk.count(EGRESS_FAULTS, "binance") == 1


async def test_nothing_can_be_reached(desk: Desk) -> None:
    gone = NotSent("refused")
    got = await desk.forward(gone, gone, name=PLACE, within_s=0.5)
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason, got.refusal.retry_after_s) == (503, "no_route", 1)
    assert "refused" in got.refusal.message
    assert got.executed is Executed.NO
    assert desk.used("orders_10s") == 0


async def test_a_bots_short_deadline_is_no_fault_of_the_addresses(desk: Desk) -> None:
    late = NotSent("no connection within 3 ms")
    got = await desk.forward(late, name=PLACE, answer_by_ns=desk.clock.now_ns() + 3_000_000)
    assert desk.blocks == {}
    assert got.refusal is not None and got.refusal.reason == "upstream_failed"
    assert got.executed is Executed.NO
    await desk.forward(NotSent("refused"), OK, answer_by_ns=desk.clock.now_ns() + S // 2)  # time was left
    assert ADDRESS1 in desk.blocks or ADDRESS2 in desk.blocks


# Permits, whatever happens


async def test_a_call_that_cannot_be_signed_costs_nothing(make_desk: Callable[..., Desk]) -> None:
    def refuse(*args: Any) -> SignedRequest:
        raise BadCall("bad_body", "dummy")

    desk = make_desk(sign=refuse)
    with pytest.raises(BadCall, match="dummy"):
        await desk.forward(name=PLACE)
    assert desk.sent == []
    assert {counter.used for counter in desk.ledger.snapshot().counters} == {0}


async def test_a_call_that_cannot_be_written_costs_nothing(desk: Desk) -> None:
    with pytest.raises(BadCall) as caught:
        await desk.forward(ValueError("a header holds a line break"), name=PLACE)
    assert caught.value.reason == "bad_request"
    assert {counter.used for counter in desk.ledger.snapshot().counters} == {0}


async def test_a_call_that_is_cancelled_in_flight_stays_counted_until_the_window_ends(desk: Desk) -> None:
    async def never() -> Reply:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    desk.script.steps = [never]
    task = asyncio.ensure_future(desk.gateway.forward(desk.call(PLACE)))
    await desk.wait(S)
    assert len(desk.sent) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert desk.used("orders_10s") == 1
    await desk.check_settled()


async def test_a_call_that_is_cancelled_in_the_queue_is_not_sent(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, KRAKEN_OK]
    first = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ)))
    second = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ)))
    await desk.wait(S)
    assert desk.dispatcher.waiting == 1
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    held.set_result(KRAKEN_OK)
    await first
    assert len(desk.sent) == 1 and desk.dispatcher.waiting == 0


async def test_bots_share_the_queue_by_their_weights(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, *[KRAKEN_OK] * 8]
    first = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ)))
    await desk.wait(S)
    ended: list[str] = []

    async def carry(bot: str, share: float) -> None:
        await desk.gateway.forward(replace(desk.call(KRAKEN_READ), bot=bot, share=share))
        ended.append(bot)

    calls = [asyncio.ensure_future(carry(bot, share)) for bot, share in [("a", 1.0)] * 4 + [("b", 3.0)] * 4]
    await settled()
    held.set_result(KRAKEN_OK)
    await asyncio.gather(first, *calls)
    assert ended[:5] == ["a", "b", "b", "b", "a"]


async def test_a_bot_that_hung_up_is_not_served(desk: Desk) -> None:
    desk.gone = True
    with pytest.raises(Gone):
        await desk.forward(name=PLACE)
    assert desk.sent == []
    assert {counter.used for counter in desk.ledger.snapshot().counters} == {0}


async def test_a_bot_that_hangs_up_between_two_attempts(desk: Desk) -> None:
    async def hang_up() -> Reply:
        desk.gone = True
        return error(429, -1003, Retry_After="30")

    with pytest.raises(Gone):
        await desk.forward(hang_up, name=PLACE)
    assert len(desk.sent) == 1
    await desk.check_settled()


async def test_a_full_queue_refuses(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1, most=0)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait]
    first = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ)))
    await desk.wait(S)
    got = await desk.gateway.forward(desk.call(KRAKEN_READ))
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason, got.refusal.retry_after_s) == (429, "queue_full", 1)
    held.set_result(KRAKEN_OK)
    await first


async def test_no_route_when_a_call_in_flight_outlasts_the_deadline(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("kraken", keys=1)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait]
    first = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ)))
    second = asyncio.ensure_future(desk.gateway.forward(desk.call(KRAKEN_READ, within_s=1.0)))
    await desk.wait(2 * S)
    got = await second
    assert got.refusal is not None
    assert (got.refusal.status, got.refusal.reason, got.refusal.retry_after_s) == (503, "no_route", 1)
    held.set_result(KRAKEN_OK)
    await first


async def test_a_pinned_key_is_the_only_one(desk: Desk) -> None:
    for _ in range(3):
        await desk.forward(OK, pinned_key="k2")
    assert {s.key for s in desk.sent} == {"k2"}


async def test_a_preview_sends_nothing_and_costs_nothing(desk: Desk) -> None:
    plan = desk.gateway.preview(desk.call(PLACE, query="symbol=BTCUSDT"))
    assert plan["route"] == {"key": "k1", "address": A1}
    assert desk.sent == []
    assert {counter.used for counter in desk.ledger.snapshot().counters} == {0}


async def test_after_an_address_was_refused_the_key_goes_on_from_another_one(desk: Desk) -> None:
    """Law 5: the key is not to blame, so it is not the key that changes."""
    await desk.forward(error(429, -1003), OK)
    assert [(sent.key, sent.address) for sent in desk.sent] == [("k1", A1), ("k1", A2)]


async def test_after_a_key_was_refused_another_key_goes(desk: Desk) -> None:
    await desk.forward(error(401, -2008), OK)
    assert [sent.key for sent in desk.sent] == ["k1", "k2"]


async def test_the_date_of_an_answer_out_of_a_cache_tells_no_time(desk: Desk) -> None:
    old = "Mon, 01 Jan 2024 00:00:00 GMT"
    await desk.forward(answer(Date=old, Age="60"))
    assert desk.times.offsets_ms() == {}
    await desk.forward(answer(Date=old))
    assert desk.times.offsets_ms()["binance"] < -1e9


async def test_a_refusal_below_the_limit_says_that_it_was_lowered(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    refusal = error(429, -1003, X_MBX_USED_WEIGHT_1M="3001")
    await desk.forward(refusal, OK)
    weights = [row for row in desk.ledger.snapshot().counters if row.limit == "weight_1m"]
    assert sorted(row.capacity for row in weights) == [2981, 6000]  # it would have cost 20


# A limit that the exchange says to count by key, and counts by account


ORDER = "POST /exchange/v1/private/create-order"


async def test_a_refusal_of_one_key_rests_all_once_the_exchange_counts_by_account(
    make_desk: Callable[..., Desk],
) -> None:
    changes = {"sign": lambda *parts: SignedRequest("POST", "/", (), b""), "params": lambda request: {}}
    desk = make_desk("cryptocom", keys=3, classify=judged(Outcome.THROTTLED, Scope.KEY), **changes)
    desk.script.takes_ns = 1
    for _ in range(15):
        await desk.forward(OK, name=ORDER)
    desk.script.steps = [JUDGED, JUDGED, OK]
    call = asyncio.ensure_future(desk.gateway.forward(desk.call(ORDER)))
    await settled()
    assert desk.ledger.coupled == {("desk", "orders_100ms")}
    # The first key was at fault for all we knew; after the second it is the account, and the third is left alone.
    assert set(desk.blocks) == {("key", "desk", "k1"), ("account", "desk", "place")}
    assert len(desk.sent) == 17
    await desk.wait(S + 1)
    assert (await call).attempts == 3
    await desk.wait(S)
    desk.script.steps = [JUDGED, OK]
    call = asyncio.ensure_future(desk.gateway.forward(desk.call(ORDER)))
    await settled()
    assert set(desk.blocks) == {("account", "desk", "place")}
    await desk.wait(2 * S + 1)
    assert (await call).attempts == 2


async def test_a_refusal_of_the_tables_own_kind_blames_whom_the_exchange_blames(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(keys=3, classify=judged(Outcome.THROTTLED, Scope.KEY))
    await desk.forward(JUDGED, JUDGED, OK)
    assert set(desk.blocks) == {("key", "desk", "k1"), ("key", "desk", "k2")}


# Calls that name the same order

ORDER_A = "symbol=BTCUSDT&newClientOrderId=dummy-a"
CANCEL = "DELETE /api/v3/order"


class Held:
    """An answer that comes when the test says so."""

    def __init__(self, reply: Reply | Exception = OK) -> None:
        self._event = asyncio.Event()
        self._reply = reply

    async def __call__(self) -> Reply:
        await self._event.wait()
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply

    def come(self) -> None:
        self._event.set()


def start(desk: Desk, name: str, query: str, gone: Callable[[], bool] = lambda: False, **fields: Any) -> Any:
    return asyncio.ensure_future(desk.gateway.forward(desk.call(name, query=query, **fields), gone))


def methods(desk: Desk) -> list[str]:
    return [sent.request.method for sent in desk.sent]


@pytest.mark.parametrize("reply", [OK, error(400, -2010), MaybeSent("dummy reset"), NotSent("dummy refused")])
async def test_a_cancel_waits_for_the_answer_to_its_place_whatever_that_says(
    desk: Desk, reply: Reply | Exception
) -> None:
    held = Held(reply)
    desk.script.steps = [held, OK, OK]
    place = start(desk, PLACE, ORDER_A)
    await settled()
    cancel = start(desk, CANCEL, "symbol=BTCUSDT&origClientOrderId=dummy-a")
    await settled()
    assert methods(desk) == ["POST"] and not cancel.done()
    before = desk.clock.now_ns()
    desk.clock.advance(S)
    held.come()
    await place
    answer = await cancel
    assert methods(desk)[-1] == "DELETE" and answer.executed is Executed.YES
    assert answer.queued_ns >= desk.clock.now_ns() - before - 2 * desk.script.takes_ns > 0
    assert len(desk.writes._lines) == 0


async def test_a_cancel_waits_for_its_place_in_the_queue_though_cancels_go_first(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk()
    for _ in range(100):  # all orders of the ten seconds
        await desk.forward(OK, name=PLACE)
    desk.sent.clear()
    desk.script.steps = [OK] * 4
    place = start(desk, PLACE, ORDER_A, within_s=60)
    await settled()
    amend = start(desk, "PUT /api/v3/order/amend/keepPriority", "symbol=BTCUSDT&origClientOrderId=dummy-a", within_s=60)
    cancel = start(desk, CANCEL, "symbol=BTCUSDT&origClientOrderId=dummy-a", within_s=60)
    other = start(desk, CANCEL, "symbol=BTCUSDT&origClientOrderId=dummy-b")
    await settled()
    assert methods(desk) == ["DELETE"] and other.done() and desk.dispatcher.length == 3
    await desk.wait(30 * S)
    await asyncio.gather(place, amend, cancel)
    assert methods(desk) == ["DELETE", "POST", "PUT", "DELETE"]


async def test_reads_and_cancels_of_everything_wait_for_no_order(desk: Desk) -> None:
    held = Held()
    desk.script.steps = [held, OK, OK, OK]
    place = start(desk, PLACE, ORDER_A)
    await settled()
    await desk.gateway.forward(desk.call("GET /api/v3/order", query="symbol=BTCUSDT&origClientOrderId=dummy-a"))
    await desk.gateway.forward(desk.call("DELETE /api/v3/openOrders", query="symbol=BTCUSDT"))
    await desk.gateway.forward(desk.call(PLACE, query="symbol=ETHUSDT&newClientOrderId=dummy-a"))
    assert methods(desk) == ["POST", "GET", "DELETE", "POST"] and not place.done()
    held.come()
    await place


async def test_a_call_whose_order_stays_busy_is_told_so_and_not_sent(desk: Desk) -> None:
    held = Held()
    desk.script.steps = [held]
    place = start(desk, PLACE, ORDER_A)
    await settled()
    cancel = start(desk, CANCEL, "symbol=BTCUSDT&origClientOrderId=dummy-a", within_s=2)
    await settled()
    desk.clock.advance(2 * S)
    answer = await cancel
    assert answer.refusal is not None and (answer.refusal.status, answer.refusal.reason) == (503, "order_busy")
    assert "dummy-a" in answer.refusal.message
    assert (answer.executed, answer.attempts, answer.queued_ns) == (Executed.NO, 0, 2 * S)
    held.come()
    await place
    assert methods(desk) == ["POST"]


async def test_who_hangs_up_or_is_cancelled_before_its_order_is_free_holds_nobody(desk: Desk) -> None:
    held = Held()
    desk.script.steps = [held, OK]
    query = "symbol=BTCUSDT&origClientOrderId=dummy-a"
    place = start(desk, PLACE, ORDER_A)
    await settled()
    gone = start(desk, CANCEL, query, lambda: True)
    cancelled = start(desk, CANCEL, query)
    last = start(desk, CANCEL, query)
    await settled()
    cancelled.cancel()
    held.come()
    await place
    assert (await last).reply is OK
    with pytest.raises(Gone):
        await gone
    assert methods(desk) == ["POST", "DELETE"] and len(desk.writes._lines) == 0


async def test_a_full_queue_refuses_those_that_would_wait_for_an_order_too(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(most=1)
    held = Held()
    desk.script.steps = [held, OK]
    query = "symbol=BTCUSDT&origClientOrderId=dummy-a"
    place = start(desk, PLACE, ORDER_A)
    await settled()
    waits = start(desk, CANCEL, query)
    await settled()
    refused = await desk.gateway.forward(desk.call(CANCEL, query=query))
    assert refused.refusal is not None and refused.refusal.reason == "queue_full"
    held.come()
    await asyncio.gather(place, waits)


async def test_a_bots_priority_reaches_the_queue(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    for _ in range(100):
        await desk.forward(OK, name=PLACE)
    desk.sent.clear()
    desk.script.steps = [OK, OK]
    later = start(desk, PLACE, "symbol=B&newClientOrderId=later", within_s=60, priority=1)
    await settled()
    sooner = start(desk, PLACE, "symbol=B&newClientOrderId=sooner", within_s=60, priority=-1)
    await settled()
    await desk.wait(30 * S)
    await asyncio.gather(later, sooner)
    assert [sent.params["newClientOrderId"] for sent in desk.sent] == ["sooner", "later"]
