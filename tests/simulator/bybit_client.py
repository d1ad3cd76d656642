"""A bare Bybit client: it signs by the exchange's document and sends from any loopback address."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET = "dummy-bybit-key", "dummy-bybit-secret"


def config(**rest: Any) -> SimConfig:
    """`main` is bound to two addresses, `free` to none and may withdraw; the second account is apart."""
    keys = (
        SimKey("main", KEY, SECRET, (HERE, OTHER)),
        SimKey("free", f"{KEY}-2", SECRET, withdraw=True),
    )
    accounts = (SimAccount("bybit", "y", keys), SimAccount("bybit", "z", (SimKey("main", f"{KEY}-3", SECRET),)))
    return SimConfig(accounts, **rest)


def code(got: Got) -> tuple[int, int]:
    return got.status, got.json["retCode"]


@dataclass
class Bybit:
    url: str
    key: str = KEY
    secret: str = SECRET
    address: str = HERE
    at_ms: int = 0  # 0: the clock of this machine
    window: str = "5000"

    def headers(self, payload: str) -> dict[str, str]:
        stamp = str(self.at_ms or now_ms())
        text = f"{stamp}{self.key}{self.window}{payload}"
        sign = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        found = {"X-BAPI-API-KEY": self.key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-SIGN": sign}
        return {**found, "X-BAPI-RECV-WINDOW": self.window} if self.window else found

    async def get(self, path: str, **params: Any) -> Got:
        query = urlencode(params)
        return await self.raw("GET", f"{path}?{query}", None, self.headers(query))

    async def post(self, path: str, **params: Any) -> Got:
        body = json.dumps(params)
        return await self.raw("POST", path, body, self.headers(body))

    async def raw(self, method: str, target: str, body: str | None, headers: dict[str, str]) -> Got:
        kind = {"Content-Type": "application/json"} if body is not None else {}
        return await send(method, self.url + target, {**kind, **headers}, body, self.address)

    async def limit(self, category: str = "spot", price: str = "50000", **more: Any) -> Got:
        """A buy of 0.01 BTC (100 USD of inverse contracts); at 50000 it rests below the simulated price."""
        return await self.post("/v5/order/create", **order(category, price, **more))

    async def look(self, category: str = "spot", path: str = "/v5/order/realtime", **more: Any) -> list[Any]:
        got = await self.get(path, category=category, symbol=symbol(category), **more)
        assert code(got) == (200, 0), got.text
        return list(got.json["result"]["list"])


def symbol(category: str) -> str:
    return "BTCUSD" if category == "inverse" else "BTCUSDT"


def order(category: str, price: str = "50000", **more: Any) -> dict[str, Any]:
    named = {"category": category, "symbol": symbol(category), "side": "Buy", "orderType": "Limit"}
    return {**named, "qty": "100" if category == "inverse" else "0.01", "price": price, **more}
