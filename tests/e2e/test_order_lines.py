"""A bot that places an order and cancels it in the same moment, through a real daemon to the simulated exchanges."""

from contextlib import ExitStack
from typing import Any

import pytest

from proxy.cli.world import AccountPlan, token_of
from tests.e2e.bots import Request, place_of
from tests.e2e.test_shared_reads import arrived, held
from tests.e2e.wires import Got, Wire
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, OTHER_BOT, PLANS, World

TOKEN = {"X-Ordergate-Token": token_of(BOT)}
OTHER = {"X-Ordergate-Token": token_of(OTHER_BOT)}


def cancel_of(plan: AccountPlan, order_id: str) -> Request:
    if plan is BINANCE:
        return "DELETE", f"/{plan.name}/api/v3/order?symbol=BTCUSDT&origClientOrderId={order_id}", b"", ""
    if plan is KRAKEN:
        form = "application/x-www-form-urlencoded"
        return "POST", f"/{plan.name}/0/private/CancelOrder", f"cl_ord_id={order_id}".encode(), form
    body = f'{{"id":8,"method":"private/cancel-order","params":{{"client_oid":"{order_id}"}}}}'
    return "POST", f"/{plan.name}/exchange/v1/private/cancel-order", body.encode(), "application/json"


def send(wire: Wire, request: Request, token: dict[str, str] = TOKEN, **headers: str) -> None:
    method, target, body, kind = request
    wire.send(method, target, {**token, **({"Content-Type": kind} if kind else {}), **headers}, body)


def well(got: Got) -> bool:
    found: Any = got.json
    return got.status == 200 and not found.get("error") and not found.get("code")


@pytest.mark.parametrize("other_bot", [False, True], ids=["one bot", "two bots"])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.exchange)
def test_a_cancel_arrives_after_its_place_that_is_held_back(world: World, plan: AccountPlan, other_bot: bool) -> None:
    order_id = f"dummy-{plan.exchange}-{other_bot:d}"
    start = world.mark()
    with ExitStack() as stack:
        first, second = (stack.enter_context(Wire(world.place)) for _ in range(2))
        with held(world) as release:
            send(first, place_of(plan, order_id))
            arrived(world, 1)
            send(second, cancel_of(plan, order_id), OTHER if other_bot else TOKEN)
            arrived(world, 2)
            assert world.do(lambda: world.daemon.dispatcher.elsewhere) == 1
            release()
            placed, cancelled = first.read(), second.read()
    assert well(placed) and well(cancelled), (placed, cancelled)  # the other way round it would find no such order
    paths = [entry.path for entry in world.since(start)]
    assert len(paths) == 2 and "ancel" not in paths[0]
    assert cancelled.headers["x-ordergate-outcome"] == "executed" and world.orders_since(start) == 1
    assert world.do(lambda: len(world.daemon.writes._lines)) == 0


def test_a_cancel_whose_place_gets_no_answer_in_time_is_refused_in_the_exchanges_shape(world: World) -> None:
    start = world.mark()
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(Wire(world.place)) for _ in range(3))
        with held(world) as release:
            send(first, place_of(BINANCE, "dummy-slow"))
            arrived(world, 1)
            send(second, cancel_of(BINANCE, "dummy-slow"), **{"X-Ordergate-Deadline-Ms": "50"})
            late = second.read()
            send(third, cancel_of(BINANCE, "dummy-slow"))
            arrived(world, 2)
            third.close()  # hangs up before its turn
            release()
            assert well(first.read())
    found: Any = late.json
    assert (late.status, late.headers["x-ordergate-reason"], found["code"]) == (503, "order_busy", 0)
    assert "dummy-slow" in found["msg"] and late.headers["x-ordergate-outcome"] == "rejected"
    with Wire(world.place) as wire:
        method, target, body, _ = cancel_of(BINANCE, "dummy-slow")
        assert well(wire.call(method, target, TOKEN, body))
    assert [entry.method for entry in world.since(start)] == ["POST", "DELETE"]


def test_a_priority_that_is_none_is_told_what_to_write(world: World) -> None:
    with Wire(world.place) as wire:
        method, target, body, _ = place_of(CRYPTOCOM, "dummy-wrong")
        got = wire.call(method, target, {**TOKEN, "X-Ordergate-Priority": "urgent"}, body)
    assert got.status == 400 and got.headers["x-ordergate-reason"] == "bad_priority"
    assert "high, normal or low" in got.text()
