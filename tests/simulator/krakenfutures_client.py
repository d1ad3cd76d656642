"""A bare Kraken Futures client: signs by the exchange's documents, bytes as given."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, send

KEY, SECRET = "dummy-krakenfutures-key", base64.b64encode(b"dummy-krakenfutures-secret").decode()
V3 = "/derivatives/api/v3"
ORDER = {"symbol": "PI_XBTUSD", "side": "buy", "size": "100", "orderType": "lmt", "limitPrice": "50000"}


def futures_config(**rest: Any) -> SimConfig:
    """Account `f`: `main` is bound to two addresses, `free` to none. `g`: another account."""
    keys = (SimKey("main", KEY, SECRET, (HERE, OTHER)), SimKey("free", f"{KEY}-2", SECRET))
    other = SimAccount("krakenfutures", "g", (SimKey("main", f"{KEY}-3", SECRET),))
    return SimConfig((SimAccount("krakenfutures", "f", keys), other), **rest)


@dataclass
class Futures:
    url: str
    key: str = KEY
    secret: str = SECRET
    address: str = HERE
    nonce: str = ""

    def headers(self, path: str, data: str) -> dict[str, str]:
        text = data + self.nonce + path.removeprefix("/derivatives")
        digest = hashlib.sha256(text.encode()).digest()
        made = base64.b64encode(hmac.new(base64.b64decode(self.secret), digest, "sha512").digest()).decode()
        named = {"APIKey": self.key, "Authent": made, "Content-Type": "application/x-www-form-urlencoded"}
        return {**named, "Nonce": self.nonce} if self.nonce else named

    async def get(self, path: str, **params: Any) -> Got:
        query = urlencode(params)
        target = f"{path}?{query}" if query else path
        return await send("GET", self.url + target, self.headers(path, query), None, self.address)

    async def post(self, name: str, **params: Any) -> Got:
        """Parameters in a form body."""
        body = urlencode(params)
        return await send("POST", f"{self.url}{V3}/{name}", self.headers(f"{V3}/{name}", body), body, self.address)

    async def limit(self, **more: Any) -> Got:
        """A buy of 100 contracts of one USD; at 50000 it rests."""
        return await self.post("sendorder", **{**ORDER, **more})

    async def batch(self, *rows: dict[str, Any], encoded: bool = True, before: str = "") -> Got:
        data: dict[str, Any] = {"batchOrder": list(rows)}
        text = json.dumps({**data, "processBefore": before} if before else data)
        body = "json=" + (quote(text, safe="") if encoded else text)
        path = f"{V3}/batchorder"
        return await send("POST", self.url + path, self.headers(path, body), body, self.address)


def told(got: Got) -> Any:
    """The error of the call, else the status that the engine gave."""
    body = got.json
    if body.get("result") == "error":
        return body["error"]
    for name in ("sendStatus", "editStatus", "cancelStatus"):
        if name in body:
            return body[name]["status"]
    return body["result"]
