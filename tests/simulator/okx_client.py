"""A bare OKX client for the tests: it signs by the exchange's documents."""

import base64
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET, PASS = "dummy-okx-key", "dummy-okx-secret", "dummy-okx-passphrase"
ORDER = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "50000", "sz": "0.01"}
SWAP = {**ORDER, "instId": "BTC-USDT-SWAP", "tdMode": "cross", "sz": "1"}


def config(*, limits: Any = None, **rest: Any) -> SimConfig:
    """An account of three keys: `main` is bound to two addresses, `free` to none, `rich` may withdraw."""
    keys = (
        SimKey("main", KEY, SECRET, (HERE, OTHER), passphrase=PASS),
        SimKey("free", f"{KEY}-2", SECRET, passphrase=PASS),
        SimKey("rich", f"{KEY}-3", SECRET, withdraw=True, passphrase=PASS),
    )
    other = SimAccount("okx", "p", (SimKey("main", f"{KEY}-4", SECRET, passphrase=PASS),))
    return SimConfig((SimAccount("okx", "o", keys), other), limits={"okx": limits} if limits else {}, **rest)


def stamp(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def name() -> str:
    return uuid.uuid4().hex


@dataclass
class Okx:
    url: str
    key: str = KEY
    secret: str = SECRET
    passphrase: str = PASS
    address: str = HERE
    at_ms: int | None = None  # None: the machine's clock
    more: dict[str, str] = field(default_factory=dict)  # headers; "" leaves one out

    async def get(self, path: str, **params: Any) -> Got:
        query = urlencode(params)
        return await self.raw("GET", f"/api/v5/{path}" + (f"?{query}" if query else ""), "")

    async def post(self, path: str, body: Any) -> Got:
        return await self.raw("POST", f"/api/v5/{path}", json.dumps(body))

    async def raw(self, method: str, target: str, body: str, **headers: str) -> Got:
        at = stamp(now_ms() if self.at_ms is None else self.at_ms)
        text = at + method + target + body
        sign = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), "sha256").digest()).decode()
        named = {
            "OK-ACCESS-KEY": self.key,
            "OK-ACCESS-SIGN": sign,
            "OK-ACCESS-TIMESTAMP": at,
            "OK-ACCESS-PASSPHRASE": self.passphrase,
            "Content-Type": "application/json",
            **self.more,
            **headers,
        }
        kept = {header: value for header, value in named.items() if value}
        return await send(method, self.url + target, kept, body or None, self.address)

    async def place(self, order: dict[str, Any] | None = None, **more: Any) -> Got:
        """A buy of 0.01 BTC, unless another order is given; at 50000 it rests below the simulated price."""
        return await self.post("trade/order", {**(order or ORDER), **more})


def said(got: Got) -> tuple[int, str]:
    """Status and code; the order's own code where there is one order."""
    data, code = got.json["data"], got.json["code"]
    if code == "1" and len(data) == 1:
        code = data[0]["sCode"]
    return got.status, code


def row(got: Got) -> dict[str, Any]:
    [one] = got.json["data"]
    return dict(one)
