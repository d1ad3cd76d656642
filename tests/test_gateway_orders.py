"""What forwarding calls teaches about the ages of orders, and that a call is not sent for less than it costs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import BadCall, MaybeSent, NotSent
from proxy.model import Reply
from tests.fakes import settled
from tests.test_gateway import Desk, S, Step, answer

ADD, CANCEL, AMEND, READ = (f"POST /0/private/{name}" for name in ("AddOrder", "CancelOrder", "AmendOrder", "Balance"))
TXID = "OUF4EM-FRGI2-MQMWZD"


def ok(result: Any) -> Reply:
    return answer(200, json.dumps({"error": [], "result": result}))


REFUSED = answer(200, '{"error":["EOrder:Insufficient funds"]}')
PLACED = ok({"descr": {}, "txid": [TXID]})
CANCELLED = ok({"count": 1})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, "kraken")
    yield made
    await made.check_settled()


async def place(desk: Desk, *steps: Step) -> None:
    await desk.forward(*steps, name=ADD, body=b"pair=XBT/USD&cl_ord_id=dummy-1")


def cost(desk: Desk, body: bytes) -> float:
    found = desk.gateway.preview(desk.call(CANCEL, body=body))
    return float(found["costs"].get("engine", 0))


async def test_an_order_that_was_placed_has_an_age(desk: Desk) -> None:
    assert cost(desk, b"cl_ord_id=dummy-1") == 8
    await place(desk, PLACED)
    for name in (b"cl_ord_id=dummy-1", b"txid=" + TXID.encode()):
        assert cost(desk, name) == 8
    await desk.wait(400 * S)
    for name in (b"cl_ord_id=dummy-1", b"txid=" + TXID.encode()):
        assert cost(desk, name) == 0
    await desk.forward(CANCELLED, name=CANCEL, body=b"txid=" + TXID.encode())
    assert desk.used("engine") == 0


@pytest.mark.parametrize("fault", [REFUSED, NotSent("refused", address_fault=False)], ids=["refused", "not sent"])
async def test_an_order_that_was_not_placed_is_not_known(desk: Desk, fault: Step) -> None:
    await place(desk, *([fault] if isinstance(fault, Reply) else [fault, REFUSED]))
    await desk.wait(400 * S)
    assert cost(desk, b"cl_ord_id=dummy-1") == 8


async def test_an_order_that_is_refused_before_it_is_sent_is_not_known(desk: Desk) -> None:
    with pytest.raises(BadCall):
        await place(desk, ValueError("cannot be sent"))
    await desk.wait(400 * S)
    assert cost(desk, b"cl_ord_id=dummy-1") == 8


async def test_an_order_of_unknown_outcome_may_be_there(desk: Desk) -> None:
    await place(desk, MaybeSent("reset"))
    await desk.wait(92 * S)
    assert cost(desk, b"cl_ord_id=dummy-1") == 1


async def test_an_order_whose_call_was_cut_off_may_be_there(desk: Desk) -> None:
    async def never() -> Reply:
        raise AssertionError(await asyncio.get_running_loop().create_future())

    desk.script.steps = [never]
    call = asyncio.ensure_future(desk.gateway.forward(desk.call(ADD, body=b"pair=XBTUSD&cl_ord_id=dummy-1")))
    await settled()
    await desk.wait(400 * S)
    assert cost(desk, b"cl_ord_id=dummy-1") == 8  # it is still under way
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await desk.wait(92 * S)
    assert cost(desk, b"cl_ord_id=dummy-1") == 1


async def test_what_became_younger_in_the_queue_is_asked_for_anew(desk: Desk) -> None:
    """The cancel waits for its key, at the price of an old order; then the order is amended with another key."""
    await place(desk, PLACED)
    await desk.wait(400 * S)
    held: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def wait() -> Reply:
        return await held

    desk.script.steps = [wait, ok({"amend_id": "T"}), CANCELLED]
    first = asyncio.ensure_future(desk.gateway.forward(desk.call(READ, pinned_key="k1")))
    await settled()
    cancel = asyncio.ensure_future(desk.gateway.forward(desk.call(CANCEL, body=b"cl_ord_id=dummy-1", pinned_key="k1")))
    await settled()
    assert desk.dispatcher.waiting == 1
    amend = b"txid=" + TXID.encode() + b"&limit_price=1"  # by another name: its line is another one
    await desk.gateway.forward(desk.call(AMEND, body=amend, pinned_key="k2"))
    assert desk.used("engine") == pytest.approx(1, abs=0.1)
    held.set_result(ok({}))
    assert (await cancel).attempts == 1
    await first
    assert desk.used("engine") == pytest.approx(9, abs=0.1)
    assert len(desk.sent) == 4


async def test_a_preview_adds_up_what_a_batch_costs_on_several_pairs(desk: Desk) -> None:
    await place(desk, PLACED)
    await desk.forward(ok({"txid": ["O"]}), name=ADD, body=b"pair=ETHUSD&cl_ord_id=dummy-2")
    batch = desk.call("POST /0/private/CancelOrderBatch", body=b'{"cl_ord_ids":["dummy-1","dummy-2"]}')
    assert desk.gateway.preview(batch)["costs"]["engine"] == 16


async def test_other_exchanges_read_nothing_out_of_answers(tmp_path: Path) -> None:
    def placed(*call: Any) -> Any:
        raise AssertionError("asked for orders")

    desk = Desk(tmp_path, "binance", placed=placed, named=placed, symbol=placed)
    await desk.forward(answer(200, '{"orderId":1}'), name="POST /api/v3/order", query="symbol=BTCUSDT")
    await desk.check_settled()


async def test_only_calls_on_a_limit_with_ages_are_looked_into(tmp_path: Path) -> None:
    seen = []

    def placed(endpoint: Any, params: Any, reply: Any) -> tuple[()]:
        seen.append(endpoint.name)
        return ()

    desk = Desk(tmp_path, "kraken", placed=placed)
    for name in (READ, ADD, "POST /0/private/CancelAll"):
        await desk.forward(ok({}), name=name)
    assert set(seen) == {ADD}
    await desk.check_settled()
