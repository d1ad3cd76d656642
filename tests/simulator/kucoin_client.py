"""A bare KuCoin client for the tests: it signs by the exchange's documents."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from proxy.simulator import SimAccount, SimConfig, SimKey
from proxy.simulator.kucoin.limits import KucoinLimits
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET, PASSPHRASE = "dummy-kucoin-key", "dummy-kucoin-secret", "dummy-kucoin-passphrase"


def config(limits: KucoinLimits | None = None, **rest: Any) -> SimConfig:
    """Account `a` with `main` (bound to two addresses), `free`, `pay` (may withdraw) and `blind`; account `b`."""

    def key(alias: str, **more: Any) -> SimKey:
        return SimKey(alias, f"{KEY}-{alias}", SECRET, passphrase=PASSPHRASE, **more)

    first = (
        key("main", addresses=(HERE, OTHER)),
        key("free"),
        key("pay", addresses=(HERE,), withdraw=True),
        key("blind", read=False),
    )
    accounts = (SimAccount("kucoin", "a", first), SimAccount("kucoin", "b", (key("other"),)))
    return SimConfig(accounts, limits={"kucoin": limits} if limits else {}, **rest)


def digest(text: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


@dataclass
class Kucoin:
    url: str
    key: str = f"{KEY}-main"
    secret: str = SECRET
    passphrase: str = PASSPHRASE
    version: str = "3"
    address: str = HERE
    clock: Callable[[], int] = field(default=now_ms)

    def headers(self, method: str, endpoint: str, body: str, at_ms: int | None = None) -> dict[str, str]:
        stamp = str(at_ms if at_ms is not None else self.clock())
        return {
            "KC-API-KEY": self.key,
            "KC-API-SIGN": digest(f"{stamp}{method}{endpoint}{body}", self.secret),
            "KC-API-TIMESTAMP": stamp,
            "KC-API-PASSPHRASE": digest(self.passphrase, self.secret),
            "KC-API-KEY-VERSION": self.version,
            "Content-Type": "application/json",
        }

    async def __call__(self, method: str, path: str, body: Any = None, at_ms: int | None = None, **params: Any) -> Got:
        """A signed call: parameters in the query, escaped there but not in the signed text."""
        plain = "&".join(f"{name}={value}" for name, value in params.items())
        escaped = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())
        text = "" if body is None else json.dumps(body)
        signed = f"{path}?{plain}" if params else path
        target = f"{path}?{escaped}" if params else path
        return await self.raw(method, target, text, self.headers(method, signed, text, at_ms))

    async def raw(self, method: str, target: str, body: str, headers: dict[str, str]) -> Got:
        return await send(method, self.url + target, headers, body or None, self.address)

    async def limit(self, price: str = "50000", at_ms: int | None = None, **more: Any) -> Got:
        """A BTC-USDT buy of 0.01; at 50000 it rests below the simulated price."""
        order = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": price, "size": "0.01", **more}
        return await self("POST", "/api/v1/hf/orders", order, at_ms)

    async def lots(self, client_id: str, price: str = "50000", **more: Any) -> Got:
        """An XBTUSDTM buy of 10 lots (0.01 BTC)."""
        order = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "price": price, "size": 10, "leverage": 5}
        return await self("POST", "/api/v1/orders", {"clientOid": client_id, **order, **more})


def said(got: Got) -> tuple[int, str]:
    return got.status, got.json["code"]


OK = (200, "200000")
