"""The demo's bots: they place, query and cancel with unsigned calls, and keep their own books."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson


@dataclass(slots=True)
class Books:
    """What a bot believes: client order id -> "placed" | "cancelled" | "refused" | "unknown"."""

    exchange: str
    account: str
    orders: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    attempts: int = 0


class Line:
    """One keep-alive connection to the daemon; requests one after another, none ever repeated."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._place = (host, port)
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, method: str, target: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers (lower case) and the decoded JSON body. OSError when the connection breaks."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-Ordergate-Token: {self._token}\r\n"
        head += f"Content-Type: {kind}\r\n" if kind else ""
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status = int((await reader.readuntil(b"\r\n")).split()[1])
        headers = {}
        while (row := await reader.readuntil(b"\r\n")) != b"\r\n":
            name, _, value = row.decode().partition(":")
            headers[name.lower()] = value.strip()
        data = await reader.readexactly(int(headers.get("content-length", "0")))
        return status, headers, orjson.loads(data) if data else None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


Ask = Callable[[str, str], Awaitable[tuple[int, dict[str, str], Any]]]


class Bot:
    """A bot that trades until told to stop."""

    def __init__(self, name: str, books: Books, line: Line, seed: int) -> None:
        self.name = name
        self.books = books
        self._line = line
        self._random = random.Random(seed)
        self._number = 0

    async def trade(self, stop: asyncio.Event) -> None:
        """Place, query, cancel; now and then an order that fills, and a look at the market."""
        while not stop.is_set():
            self._number += 1
            order_id = f"{self.name}-{self._number}"
            fills = self._random.random() < 0.3
            if await self._place(order_id, fills) and not fills:
                await self._query(order_id)
                await self._cancel(order_id)
            await self._market()
            await asyncio.sleep(self._random.uniform(0.2, 0.5))
        self._line.close()

    async def _place(self, order_id: str, fills: bool) -> bool:
        if self.books.exchange == "binance":
            order = {"symbol": "BTCUSDT", "side": "BUY", "newClientOrderId": order_id, "quantity": "0.001"}
            order |= {"type": "MARKET"} if fills else {"type": "LIMIT", "timeInForce": "GTC", "price": "50000.00"}
            done = await self._binance("POST", "order", order)
        else:
            order = {"instrument_name": "BTC_USDT", "side": "BUY", "client_oid": order_id, "quantity": "0.001"}
            order |= {"type": "MARKET"} if fills else {"type": "LIMIT", "price": "50000.00"}
            done = await self._cryptocom("private/create-order", order)
        self.books.orders[order_id] = done if done != "ok" else "placed"
        return done == "ok"

    async def _query(self, order_id: str) -> None:
        if self.books.exchange == "binance":
            await self._binance("GET", "order", {"symbol": "BTCUSDT", "origClientOrderId": order_id})
        else:
            await self._cryptocom("private/get-order-detail", {"client_oid": order_id})

    async def _cancel(self, order_id: str) -> None:
        if self.books.exchange == "binance":
            done = await self._binance("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": order_id})
        else:
            done = await self._cryptocom("private/cancel-order", {"client_oid": order_id})
        if done == "ok":
            self.books.orders[order_id] = "cancelled"

    async def _market(self) -> None:
        if self.books.exchange == "binance":
            await self._binance("GET", "ticker/price", {"symbol": "BTCUSDT"})
        else:
            target = f"/{self.books.account}/exchange/v1/public/get-tickers?instrument_name=BTC_USDT"
            self._count(*await self._line.call("GET", target))

    async def _binance(self, method: str, path: str, params: dict[str, str]) -> str:
        target = f"/{self.books.account}/api/v3/{path}?{urlencode(params)}"
        return self._count(*await self._line.call(method, target))

    async def _cryptocom(self, method: str, params: dict[str, str]) -> str:
        body = orjson.dumps({"id": self._number, "method": method, "params": params})
        target = f"/{self.books.account}/exchange/v1/{method}"
        return self._count(*await self._line.call("POST", target, body, "application/json"))

    def _count(self, status: int, headers: dict[str, str], answer: Any) -> str:
        """Book an answer; "ok", "refused" or "unknown"."""
        self.books.calls += 1
        self.books.attempts += int(headers.get("x-ordergate-attempts", "0"))
        code = answer.get("code", 0) if isinstance(answer, dict) else 0
        if status == 200 and int(code) == 0:
            return "ok"
        self.books.failed += 1
        self.books.failures = [*self.books.failures[-4:], f"{status} {str(answer)[:100]}"]
        return "unknown" if headers.get("x-ordergate-outcome") == "unknown" else "refused"
