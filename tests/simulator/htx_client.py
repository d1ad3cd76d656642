"""A bare HTX client: signs by the exchange's documents, bytes as given."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

KEY, SECRET = "dummy-htx-key", "dummy-htx-secret"


def htx_config(**rest: Any) -> SimConfig:
    """Account `h`: `main` is bound to two addresses, `free` to none. `i`: another UID."""
    keys = (SimKey("main", KEY, SECRET, (HERE, OTHER)), SimKey("free", f"{KEY}-2", SECRET))
    other = SimAccount("htx", "i", (SimKey("main", f"{KEY}-3", SECRET),))
    return SimConfig((SimAccount("htx", "h", keys), other), **rest)


def encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass
class Htx:
    url: str
    key: str = KEY
    secret: str = SECRET
    address: str = HERE
    at_ms: int | None = None
    changes: dict[str, str] = field(default_factory=dict)  # of the four signed names

    def sign(self, method: str, path: str, params: dict[str, str]) -> str:
        named = {
            "AccessKeyId": self.key,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": stamp(self.at_ms or now_ms()),
            **self.changes,
            **params,
        }
        query = "&".join(f"{encoded(n)}={encoded(v)}" for n, v in sorted(named.items()))
        text = "\n".join((method, urlsplit(self.url).netloc, path, query))
        made = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), "sha256").digest()).decode()
        return f"{path}?{query}&Signature={encoded(made)}"

    async def get(self, path: str, **params: Any) -> Got:
        """Underscores in names stand for themselves on swaps; give spot names as a dict."""
        return await self.raw("GET", self.sign("GET", path, {n: str(v) for n, v in params.items()}))

    async def post(self, path: str, body: Any = None) -> Got:
        return await self.raw("POST", self.sign("POST", path, {}), json.dumps({} if body is None else body))

    async def raw(self, method: str, target: str, body: str | None = None, kind: str = "application/json") -> Got:
        return await send(method, self.url + target, {"Content-Type": kind}, body, self.address)

    async def limit(self, price: str = "50000", **more: Any) -> Got:
        """A spot buy of 0.01 BTC; at 50000 it rests."""
        row = {"account-id": "50000001", "symbol": "btcusdt", "type": "buy-limit", "amount": "0.01", "price": price}
        return await self.post("/v1/order/orders/place", {**row, **{n.replace("_", "-"): v for n, v in more.items()}})

    async def swap(self, price: str = "50000", **more: Any) -> Got:
        """A cross swap buy of 10 contracts, 0.01 BTC."""
        return await self.post("/linear-swap-api/v1/swap_cross_order", {**SWAP, "price": price, **more})

    async def v5(self, price: str = "50000", **more: Any) -> Got:
        return await self.post("/v5/trade/order", {**V5, "price": price, **more})


SWAP = {
    "contract_code": "BTC-USDT",
    "direction": "buy",
    "offset": "open",
    "volume": 10,
    "lever_rate": 10,
    "order_price_type": "limit",
}
V5 = {"contract_code": "BTC-USDT", "margin_mode": "cross", "side": "buy", "type": "limit", "volume": "10"}


def said(got: Got) -> Any:
    """ "ok" or 200, else the code of the refusal."""
    body = got.json
    if body.get("status") == "ok":
        return "ok"
    return body.get("err-code", body.get("err_code", body.get("code")))
