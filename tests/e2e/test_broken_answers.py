"""Every way of breaking an answer (tests/egress/broken_answers.py) under every class of call, through a real daemon:
a write of which nobody knows is never sent again, a read goes to the next route."""

import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from proxy.cli.world import AccountPlan
from proxy.searches import Searches
from tests.e2e.bots import Request, place_of
from tests.e2e.test_order_lines import cancel_of, send
from tests.e2e.wires import Got, Wire, plain
from tests.e2e.worlds import BINANCE, CRYPTOCOM, KRAKEN, PLANS, World
from tests.egress.broken_answers import BROKEN, COMPLETE, SILENT
from tests.egress.fake_exchange import Arrival, Session, serving

FAULTS = {**BROKEN, **{name: answer for name, (_, _, answer) in COMPLETE.items()}}
_KEY = re.compile(rb"(?i)(?:api-?_?key)[\"']?: ?\"?([\w-]+)")
_FORM = "application/x-www-form-urlencoded"
_GOOD = {
    BINANCE: plain(b'{"dummy":"well"}'),
    KRAKEN: plain(b'{"error":[],"result":{"dummy":"well"}}'),
    CRYPTOCOM: plain(b'{"id":7,"method":"private/dummy","code":0,"result":{"dummy":"well"}}'),
}


def _cryptocom(method: str, order_id: str, more: str = "") -> Request:
    body = f'{{"id":7,"method":"private/{method}","params":{{{more}"client_oid":"{order_id}"}}}}'
    return "POST", f"/{CRYPTOCOM.name}/exchange/v1/private/{method}", body.encode(), "application/json"


def amend_of(plan: AccountPlan, order_id: str) -> Request:
    if plan is BINANCE:
        query = f"symbol=BTCUSDT&origClientOrderId={order_id}&newQty=0.0005"
        return "PUT", f"/{plan.name}/api/v3/order/amend/keepPriority?{query}", b"", ""
    if plan is KRAKEN:
        return "POST", f"/{plan.name}/0/private/AmendOrder", f"cl_ord_id={order_id}&order_qty=0.0005".encode(), _FORM
    return _cryptocom("amend-order", order_id, '"new_price":"50000","new_quantity":"0.0005",')


def read_of(plan: AccountPlan, order_id: str) -> Request:
    if plan is BINANCE:
        return "GET", f"/{plan.name}/api/v3/order?symbol=BTCUSDT&origClientOrderId={order_id}", b"", ""
    if plan is KRAKEN:
        return "POST", f"/{plan.name}/0/private/OpenOrders", f"cl_ord_id={order_id}".encode(), _FORM
    return _cryptocom("get-order-detail", order_id)


WRITES = {"place": place_of, "amend": amend_of, "cancel": cancel_of}
CALLS = {**WRITES, "read": read_of}


class BrokenExchange:
    """Takes the place of all exchanges. The first arrival of each call meets the fault, others are answered well."""

    def __init__(self) -> None:
        self.caught: list[Arrival] = []  # all that came
        self.fault: Callable[[Session], None] | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        self._exchange = await self._stack.enter_async_context(serving(self._respond))

    async def stop(self) -> None:
        await self._stack.aclose()

    @property
    def port(self) -> int:
        return self._exchange.port

    def copies(self, order_id: str) -> list[Arrival]:
        return [arrival for arrival in self.caught if re.search(rb"%s\b" % order_id.encode(), arrival.raw)]

    def _respond(self, session: Session, arrival: Arrival) -> None:
        self.caught.append(arrival)
        marker = re.search(rb"dummy-\w+-\w+-\d+", arrival.raw)
        if self.fault is not None and marker and len(self.copies(marker[0].decode())) == 1:
            self.fault(session)
            return
        path = arrival.raw.split()[1]
        plan = BINANCE if path.startswith(b"/api/v3/") else KRAKEN if path.startswith(b"/0/") else CRYPTOCOM
        session.write(_GOOD[plan])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    exchange: Any = BrokenExchange()  # has all that a world asks of a recorder
    made = World(recorder=exchange).start()
    yield made
    made.stop()


Case = tuple[AccountPlan, str]


def ask(world: World, cases: dict[Case, str], fault: str) -> dict[Case, Got]:
    """All at the same time; a key of Kraken carries one at a time."""
    within = {"X-Ordergate-Deadline-Ms": "400"} if fault in SILENT else {}
    with ExitStack() as stack:
        wires = {case: stack.enter_context(Wire(world.place)) for case in cases}
        for (plan, kind), order_id in cases.items():
            send(wires[plan, kind], CALLS[kind](plan, order_id), **within)
        return {case: wire.read() for case, wire in wires.items()}


_numbers = iter(range(1000))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_answer(world: World, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Searches, "start", lambda self, lost: None)  # its looks are another test's business
    exchange: Any = world.recorder
    world.do(lambda: setattr(exchange, "fault", FAULTS[fault]))
    number = next(_numbers)
    cases = {(plan, kind): f"dummy-{plan.exchange}-{kind}-{number}" for plan in PLANS for kind in CALLS}

    writes = ask(world, {case: name for case, name in cases.items() if case[1] in WRITES}, fault)
    answers = writes | ask(world, {case: name for case, name in cases.items() if case[1] not in WRITES}, fault)
    for (plan, kind), order_id in cases.items():
        said, copies = answers[plan, kind], world.do(lambda order_id=order_id: exchange.copies(order_id))
        about = (plan.exchange, kind, said, copies)
        if kind in WRITES:
            assert len(copies) == 1, about
            assert (said.status, said.headers["x-ordergate-reason"]) == (504, "outcome_unknown"), about
            assert said.headers["x-ordergate-outcome"] == "unknown" and "retry-after" not in said.headers, about
            assert said.headers["x-ordergate-attempts"] == "1", about
        elif fault in SILENT:  # all its time is gone
            assert len(copies) == 1 and said.status >= 500, about
            assert said.headers["x-ordergate-origin"] == "ordergate", about
        else:
            assert len(copies) == 2 and said.status == 200 and b'"well"' in said.body, about
            assert said.headers["x-ordergate-attempts"] == "2", about
            first, second = ((copy.peer, _KEY.search(copy.raw)[1]) for copy in copies)
            assert first != second, about
    assert world.blocks() == {}  # nobody is to blame
