"""Bots under way at the same time, with unsigned calls; and the calls that they make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from proxy.cli.demo.bots import Line
from proxy.cli.world import AccountPlan, token_of
from tests.e2e.worlds import BINANCE, BOT, CRYPTOCOM, KRAKEN, World

_T = TypeVar("_T")


@dataclass(frozen=True)
class Said:
    """A call's answer. `order_id`: the client order id that the call carried, if it placed an order."""

    status: int
    headers: dict[str, str]
    body: Any
    order_id: str = ""

    @property
    def well(self) -> bool:
        """Accepted by the exchange, in the exchange's own words."""
        if self.status != 200 or self.headers["x-ordergate-origin"] != "exchange":
            return False
        return not self.body.get("error") and not self.body.get("code")

    @property
    def route(self) -> tuple[str, str]:
        return self.headers.get("x-ordergate-key", ""), self.headers.get("x-ordergate-address", "")


Request = tuple[str, str, bytes, str]  # method, target, body, content type
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


def read_of(plan: AccountPlan) -> Request:
    """A cheap signed read."""
    if plan is BINANCE:
        return "GET", f"/{plan.name}/api/v3/account?omitZeroBalances=true", b"", ""
    if plan is KRAKEN:
        return "POST", f"/{plan.name}/0/private/Balance", b"", _FORM
    return _cryptocom(plan, "private/get-order-detail", {"client_oid": "dummy-standing"})


def place_of(plan: AccountPlan, order_id: str) -> Request:
    """An order that rests at 50000."""
    if plan is BINANCE:
        query = (
            f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId={order_id}"
        )
        return "POST", f"/{plan.name}/api/v3/order?{query}", b"", ""
    if plan is KRAKEN:
        form = f"pair=XBTUSD&type=buy&ordertype=limit&volume=0.001&price=50000.0&cl_ord_id={order_id}"
        return "POST", f"/{plan.name}/0/private/AddOrder", form.encode(), _FORM
    order = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.001"}
    return _cryptocom(plan, "private/create-order", {**order, "client_oid": order_id})


def public_of(plan: AccountPlan) -> Request:
    path = {
        BINANCE: "/api/v3/ticker/price?symbol=BTCUSDT",
        KRAKEN: "/0/public/Ticker?pair=XBTUSD",
        CRYPTOCOM: "/exchange/v1/public/get-tickers?instrument_name=BTC_USDT",
    }[plan]
    return "GET", f"/{plan.name}{path}", b"", ""


def _cryptocom(plan: AccountPlan, method: str, params: dict[str, str]) -> Request:
    body = orjson.dumps({"id": 7, "method": method, "params": params})
    return "POST", f"/{plan.name}/exchange/v1/{method}", body, _JSON


@asynccontextmanager
async def line_to(world: World, bot: str = BOT) -> AsyncIterator[Line]:
    line = Line(*world.place, token_of(bot))
    yield line
    line.close()


async def call(line: Line, request: Request, order_id: str = "") -> Said:
    method, target, body, kind = request
    return Said(*await line.call(method, target, body, kind), order_id)


async def one(world: World, request: Request, order_id: str = "") -> Said:
    async with line_to(world) as line:
        return await call(line, request, order_id)


async def passing(world: World, asked: asyncio.Future[_T], step_s: float) -> _T:
    """What is asked, the time passing whenever nothing reaches the exchange."""
    seen = world.mark()
    while not asked.done():
        await asyncio.sleep(0.004)
        if (now := world.mark()) == seen:
            world.jump(step_s)
        seen = now
    return asked.result()


def told(world: World, request: Request) -> Said:
    """The answer to a call, without waiting for what the daemon waits for."""

    async def asked() -> Said:
        return await passing(world, asyncio.ensure_future(one(world, request)), 0.1)

    return asyncio.run(asked())


async def load(world: World, plan: AccountPlan, calls: int, *, orders: bool, prefix: str, bots: int = 8) -> list[Said]:
    """`calls` calls of `bots` bots at the same time: every second one an order where `orders`, else signed reads."""
    numbers = iter(range(calls))

    async def trade() -> list[Said]:
        found = []
        async with line_to(world) as line:
            for number in numbers:
                if orders and number % 2:
                    order_id = f"{prefix}{number}"
                    found.append(await call(line, place_of(plan, order_id), order_id))
                else:
                    found.append(await call(line, read_of(plan)))
        return found

    return [said for some in await asyncio.gather(*(trade() for _ in range(bots))) for said in some]


def executed_once(world: World, plan: AccountPlan, answers: list[Said]) -> bool:
    """Whether the exchange executed each of the orders exactly once."""

    def count() -> list[int]:
        names = [said.order_id for said in answers if said.order_id]
        return [world.sim.ledger.executions(plan.exchange, plan.name, name) for name in names]

    return set(world.do(count)) <= {1}
