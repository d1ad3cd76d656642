"""The trading engine's counter: old orders go at once, young ones wait, and the exchange never has to refuse."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from proxy.cli.world import token_of
from tests.e2e.wires import Got, Wire
from tests.e2e.worlds import BOT, KRAKEN, Mark, World

SPELLINGS = ("XBTUSD", "XXBTZUSD", "XBT/USD")
JSON = "application/json"


def send(wire: Wire, name: str, **params: Any) -> None:
    headers = {"X-Ordergate-Token": token_of(BOT), "Content-Type": JSON, "X-Ordergate-Deadline-Ms": "60000"}
    wire.send("POST", f"/{KRAKEN.name}/0/private/{name}", headers, json.dumps(params).encode())


def ask(wire: Wire, name: str, **params: Any) -> Any:
    send(wire, name, **params)
    return result(wire.read("POST"))


def result(got: Got) -> Any:
    found: Any = got.json
    assert got.status == 200 and found["error"] == [], found
    return found["result"]


def place(wire: Wire, count: int, pair: str = "", prefix: str = "dummy") -> list[dict[str, Any]]:
    """How a cancel may name them: every second one by cl_ord_id."""
    names: list[dict[str, Any]] = []
    for n in range(count):
        price = "2000.0" if "ETH" in pair else "50000.0"
        order = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": price, "cl_ord_id": f"{prefix}-{n}"}
        (txid,) = ask(wire, "AddOrder", pair=pair or SPELLINGS[n % 3], **order)["txid"]
        names.append({"txid": txid} if n % 2 else {"cl_ord_id": f"{prefix}-{n}"})
    return names


def outcomes(world: World, start: Mark) -> set[str]:
    return {entry.outcome for entry in world.since(start)}


def used(world: World) -> dict[str, float]:
    counters = world.do(lambda: world.daemon.ledger.snapshot().counters)
    return {c.detail: c.used for c in counters if c.limit == "engine" and c.used}


def wait_for_queue(world: World, waiting: int) -> None:
    by = time.monotonic() + 10
    while world.do(lambda: world.daemon.dispatcher.waiting) != waiting and time.monotonic() < by:
        time.sleep(0.005)
    assert world.do(lambda: world.daemon.dispatcher.waiting) == waiting


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    return new_world((KRAKEN,))


def test_cancels_of_old_orders_go_at_once(world: World) -> None:
    """At the price of a young order they would take 320 of 180 units; so they take none."""
    start = world.mark()
    with Wire(world.place) as wire:
        names = place(wire, 40)
        assert set(used(world)) == {"XBTUSD"}  # all spellings are one pair
        world.jump(301)
        for name in names:
            assert ask(wire, "CancelOrder", **name)["count"] == 1
    assert used(world) == {}
    assert outcomes(world, start) == {"ok"}


def test_cancels_of_young_orders_wait_until_the_engine_has_room(world: World) -> None:
    start = world.mark()
    with Wire(world.place) as wire:
        names = place(wire, 44)
        batch = {"orders": [n["txid"] for n in names if "txid" in n]}
        send(wire, "CancelOrderBatch", **batch)  # 22 at 8 units each, beside 44 for placing them
        wait_for_queue(world, 1)
        assert not any(entry.path.endswith("CancelOrderBatch") for entry in world.since(start))
        world.jump(15)
        assert result(wire.read("POST"))["count"] == 22
        for name in names:  # the others, while the counter is high still
            if "cl_ord_id" in name:
                world.jump(6)
                assert ask(wire, "CancelOrder", **name)["count"] == 1
    assert outcomes(world, start) == {"ok"}


def test_a_batch_over_two_pairs_is_charged_on_both(world: World) -> None:
    start = world.mark()
    with Wire(world.place) as wire:
        names = [*place(wire, 10, "XBTUSD", "bitcoin"), *place(wire, 10, "ETH/USD", "ether")]
        world.jump(46)
        batch = {
            "orders": [n["txid"] for n in names if "txid" in n],
            "cl_ord_ids": [n["cl_ord_id"] for n in names if "cl_ord_id" in n],
        }
        assert ask(wire, "CancelOrderBatch", **batch)["count"] == 20
        assert used(world) == {"XBTUSD": pytest.approx(20, abs=4), "ETHUSD": pytest.approx(20, abs=4)}
    assert outcomes(world, start) == {"ok"}


def test_an_order_that_was_amended_counts_as_young(world: World) -> None:
    start = world.mark()
    with Wire(world.place) as wire:
        (name,) = place(wire, 1)
        world.jump(301)
        ask(wire, "AmendOrder", **name, limit_price="49000.0")
        assert used(world) == {"XBTUSD": pytest.approx(1, abs=1)}  # the fixed part only
        ask(wire, "CancelOrder", **name)
        assert used(world) == {"XBTUSD": pytest.approx(8, abs=2)}
    assert outcomes(world, start) == {"ok"}


def test_orders_of_others_are_paced_at_the_highest_price(world: World) -> None:
    """An order that this daemon did not place may be a second old."""
    with Wire(world.place) as wire:
        send(wire, "CancelOrder", txid="OAAAAA-AAAAA-AAAAAA")
        assert b"EOrder:Unknown order" in wire.read("POST").body
    assert used(world) == {"": pytest.approx(8, abs=2)}


def test_the_daemon_saves_what_its_gateway_learns(world: World) -> None:
    with Wire(world.place) as wire:
        place(wire, 1)
    world.run(world.daemon._ledger_file.save())
    whole = json.loads((world.daemon.config.state_dir / "ledger.json").read_text())
    ((account, symbol, _, names, _),) = whole["orders"]
    assert (account, symbol, names[0]) == (KRAKEN.name, "XBTUSD", "id dummy-0")
