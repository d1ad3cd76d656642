"""Client order ids of our own: of one form, never twice, and in the call wherever the call is read."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.exchanges import EXCHANGES
from proxy.model import Call, Incoming, Reply, Upstream
from proxy.order_ids import OrderIds, identified
from tests.test_gateway import Desk, S, answer

FORM = re.compile(r"og[0-9bcdfghjkmnpqrstvwxz]{16}")
ORDER = "POST /api/v3/order"


def ids(*draws: int) -> Callable[[], str]:
    left = iter(draws)
    return OrderIds(lambda below: next(left) % below).take


def test_ids_are_short_and_cannot_spell_a_word() -> None:
    take = OrderIds().take
    found = [take() for _ in range(2_000)]
    assert len(set(found)) == 2_000
    assert all(FORM.fullmatch(text) for text in found)
    assert not set("aeiouy_") & set("".join(text[2:] for text in found))


def test_another_start_has_other_ids() -> None:
    assert len({OrderIds().take() for _ in range(1_000)}) == 1_000
    first, second = ids(1), ids(2)
    assert not {first() for _ in range(1_000)} & {second() for _ in range(1_000)}


def test_when_the_count_is_used_up_a_new_part_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.order_ids._MOST", 2)
    take = ids(1, 2, 3)
    assert [take()[-8:] for _ in range(5)] == ["10000000", "10000001", "20000000", "20000001", "30000000"]


def test_a_call_keeps_its_parameters_in_step() -> None:
    row = EXCHANGES["binance"]
    endpoint = row.table.match("POST", "/api/v3/order")
    assert endpoint is not None
    request = Incoming("POST", "/api/v3/order", "symbol=BTCUSDT", (("accept", "x"),), b"")
    call = Call("1", "bot", "desk", endpoint, request, Upstream("http", "h", 1), {"symbol": "BTCUSDT"})
    found = identified(call, row, ids(0))
    assert found.request.query == "symbol=BTCUSDT&newClientOrderId=og" + "0" * 16
    assert found.params == row.params(found.request)
    assert replace(found, request=call.request, params=call.params) == call
    assert identified(found, row, ids(1)) is found


LATER = answer(429, '{"code":-1003,"msg":"dummy"}')


async def test_all_attempts_of_a_call_carry_one_id(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.forward(LATER, answer(200, "{}"), name=ORDER, query="symbol=BTCUSDT")
    await desk.forward(answer(200, "{}"), name=ORDER, query="symbol=BTCUSDT")
    first, again, other = (sent.params["newClientOrderId"] for sent in desk.sent)
    assert FORM.fullmatch(first) and first == again != other


async def test_an_order_is_in_line_and_of_known_age_under_its_new_id(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "kraken")
    lines: list[int] = []

    async def placed() -> Reply:
        lines.append(len(desk.gateway._writes._lines))
        return answer(200, '{"error":[],"result":{"txid":["OUF4EM-FRGI2-MQMWZD"]}}')

    await desk.forward(placed, name="POST /0/private/AddOrder", body=b"pair=XBTUSD")
    assert lines == [1]
    await desk.wait(400 * S)
    cancel = desk.call("POST /0/private/CancelOrder", body=f"cl_ord_id={desk.sent[0].params['cl_ord_id']}".encode())
    assert desk.gateway.preview(cancel)["costs"].get("engine", 0) == 0


async def test_a_dry_run_shows_the_id(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    shown = desk.gateway.preview(desk.call(ORDER, query="symbol=BTCUSDT"))["query"]
    assert FORM.fullmatch(shown.removeprefix("symbol=BTCUSDT&newClientOrderId="))
