"""A bare Poloniex client for the tests: it signs by the exchange's documents."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from proxy.simulator import SimAccount, SimConfig, SimKey
from proxy.simulator.poloniex.limits import PoloniexLimits
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET = "dummy-poloniex-key", "dummy-poloniex-secret"


def config(limits: PoloniexLimits | None = None, **rest: Any) -> SimConfig:
    """Account `a` with `main` (bound to two addresses), `free`, `pay` (may withdraw) and `blind`; account `b`."""

    def key(alias: str, **more: Any) -> SimKey:
        return SimKey(alias, f"{KEY}-{alias}", SECRET, **more)

    first = (
        key("main", addresses=(HERE, OTHER)),
        key("free"),
        key("pay", addresses=(HERE,), withdraw=True),
        key("blind", read=False),
    )
    accounts = (SimAccount("poloniex", "a", first), SimAccount("poloniex", "b", (key("other"),)))
    return SimConfig(accounts, limits={"poloniex": limits} if limits else {}, **rest)


def uri(value: Any) -> str:
    return quote(str(value), safe="~()*!'")


@dataclass
class Poloniex:
    url: str
    key: str = f"{KEY}-main"
    secret: str = SECRET
    address: str = HERE
    window: int | None = None
    clock: Callable[[], int] = field(default=now_ms)

    def headers(self, text: str, at_ms: int) -> dict[str, str]:
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
        headers = {"key": self.key, "signTimestamp": str(at_ms), "signature": base64.b64encode(digest).decode()}
        if self.window is not None:
            headers["recvWindow"] = str(self.window)
        return {**headers, "Content-Type": "application/json"}

    async def __call__(self, method: str, path: str, body: Any = None, at_ms: int | None = None, **params: Any) -> Got:
        at = at_ms if at_ms is not None else self.clock()
        text = "" if body is None else json.dumps(body)
        if text:
            part = f"requestBody={text}&signTimestamp={at}"
        else:
            part = "&".join(f"{n}={uri(v)}" for n, v in sorted({**params, "signTimestamp": at}.items()))
        query = "&".join(f"{n}={uri(v)}" for n, v in params.items())
        target = f"{path}?{query}" if query else path
        return await self.raw(method, target, text, self.headers(f"{method}\n{path}\n{part}", at))

    async def raw(self, method: str, target: str, body: str, headers: dict[str, str]) -> Got:
        return await send(method, self.url + target, headers, body or None, self.address)

    async def limit(self, price: str = "50000", at_ms: int | None = None, **more: Any) -> Got:
        """A BTC_USDT buy of 0.01; at 50000 it rests below the simulated price."""
        order = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": price, "quantity": "0.01", **more}
        return await self("POST", "/orders", order, at_ms)

    async def perp(self, px: str = "50000", **more: Any) -> Got:
        """A BTC_USDT_PERP buy of 10 contracts (0.01 BTC)."""
        order = {"symbol": "BTC_USDT_PERP", "side": "BUY", "type": "LIMIT", "px": px, "sz": "10", **more}
        return await self("POST", "/v3/trade/order", order)


def said(got: Got) -> tuple[int, Any]:
    """Status and code; None where a spot answer has none."""
    return got.status, got.json.get("code") if isinstance(got.json, dict) else None


OK = (200, None)
DONE = (200, 200)  # of a POST to futures
READ = (200, "200")  # of anything else there
