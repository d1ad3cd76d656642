"""A bare Gate client: it signs by the exchange's document and sends from any loopback address."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET = "dummy-gate-key", "dummy-gate-secret"
ROOT = "/api/v4"
PERPETUAL = "/futures/usdt"


def config(money: dict[str, str] | None = None, **rest: Any) -> SimConfig:
    """`main` is bound to two addresses, `free` to none and may withdraw; the second account is apart."""
    keys = (
        SimKey("main", KEY, SECRET, (HERE, OTHER)),
        SimKey("free", f"{KEY}-2", SECRET, withdraw=True),
    )
    balances = money or {"BTC": "100", "ETH": "1000", "USDT": "10000000", "USD": "10000000"}
    accounts = (SimAccount("gate", "g", keys, balances), SimAccount("gate", "h", (SimKey("main", f"{KEY}-3", SECRET),)))
    return SimConfig(accounts, **rest)


def said(got: Got) -> tuple[int, str]:
    data = got.json
    return got.status, data.get("label", "") if isinstance(data, dict) else ""


@dataclass
class Gate:
    url: str
    key: str = KEY
    secret: str = SECRET
    address: str = HERE
    at_ms: int = 0  # 0: the clock of this machine
    deadline_ms: int = 0

    def headers(self, method: str, path: str, query: str, body: str) -> dict[str, str]:
        stamp = f"{(self.at_ms or now_ms()) / 1000:.3f}"
        digest = hashlib.sha512(body.encode()).hexdigest()
        text = f"{method}\n{ROOT}{path}\n{unquote_plus(query)}\n{digest}\n{stamp}"
        sign = hmac.new(self.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        found = {"KEY": self.key, "Timestamp": stamp, "SIGN": sign}
        return {**found, "x-gate-exptime": str(self.deadline_ms)} if self.deadline_ms else found

    async def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Got:
        text = "" if body is None else json.dumps(body)
        asked = urlencode(query)
        return await self.raw(method, path, asked, text, self.headers(method, path, asked, text))

    async def raw(self, method: str, path: str, query: str, body: str, headers: dict[str, str]) -> Got:
        kind = {"Content-Type": "application/json"} if body else {}
        target = f"{self.url}{ROOT}{path}{'?' if query else ''}{query}"
        return await send(method, target, {**kind, **headers}, body or None, self.address)

    async def spot(self, price: str = "50000", **more: Any) -> Got:
        """A buy of 0.01 BTC; at 50000 it rests below the simulated price."""
        return await self("POST", "/spot/orders", spot(price, **more))

    async def perpetual(self, price: str = "50000", **more: Any) -> Got:
        """A buy of 100 contracts, 0.01 BTC."""
        return await self("POST", f"{PERPETUAL}/orders", perpetual(price, **more))


def spot(price: str = "50000", **more: Any) -> dict[str, Any]:
    return {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": price, **more}


def perpetual(price: str = "50000", **more: Any) -> dict[str, Any]:
    return {"contract": "BTC_USDT", "size": 100, "price": price, **more}
