"""Bare clients for the tests: they sign by the exchanges' documents and send from any loopback address."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from proxy.simulator import SimAccount, SimConfig, SimKey

B_KEY, B_SECRET = "dummy-binance-key", "dummy-binance-secret"
K_KEY, K_SECRET = "dummy-kraken-key", base64.b64encode(b"dummy-kraken-secret").decode()
C_KEY, C_SECRET = "dummy-cryptocom-key", "dummy-cryptocom-secret"
HERE = "127.0.0.1"
OTHER = "127.0.0.9"
ELSEWHERE = "127.0.0.77"  # on no whitelist


def config(**rest: Any) -> SimConfig:
    """One account of two keys at each exchange. `main` is bound to two addresses, `free` to none."""

    def keys(name: str, secret: str, **more: Any) -> tuple[SimKey, ...]:
        return (
            SimKey("main", name, secret, (HERE, OTHER), **more),
            SimKey("free", f"{name}-2", secret, **more),
        )

    accounts = (
        SimAccount("binance", "b", keys(B_KEY, B_SECRET)),
        SimAccount("kraken", "k", keys(K_KEY, K_SECRET)),
        SimAccount("cryptocom", "c", keys(C_KEY, C_SECRET)),
    )
    return SimConfig(accounts, **rest)


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@asynccontextmanager
async def source(address: str = HERE) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose connections come from `address`."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0))) as session:
        yield session


async def send(
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    body: bytes | str | IO[bytes] | None = None,
    address: str = HERE,
) -> Got:
    """One request on its own connection, bytes as given."""
    async with (
        source(address) as session,
        session.request(method, URL(url, encoded=True), headers=headers, data=body) as answer,
    ):
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Got(answer.status, names, await answer.text(errors="replace"))


def now_ms() -> int:
    return int(time.time() * 1000)


@dataclass
class Binance:
    url: str
    key: str = B_KEY
    secret: str = B_SECRET
    address: str = HERE

    def signed(self, params: dict[str, Any], at_ms: int | None = None) -> str:
        text = urlencode({"timestamp": at_ms or now_ms(), **params}, quote_via=quote)
        return f"{text}&signature={hmac.new(self.secret.encode(), text.encode(), 'sha256').hexdigest()}"

    async def __call__(self, method: str, path: str, at_ms: int | None = None, **params: Any) -> Got:
        """A signed call, parameters in the query."""
        return await self.raw(method, f"{path}?{self.signed(params, at_ms)}")

    async def raw(self, method: str, target: str, body: str | None = None, kind: str = "") -> Got:
        headers = {"X-MBX-APIKEY": self.key} if self.key else {}
        if body is not None:
            headers["Content-Type"] = kind or "application/x-www-form-urlencoded"
        return await send(method, self.url + target, headers, body, self.address)

    async def limit(self, price: str = "50000", **more: Any) -> Got:
        """A BTCUSDT buy of 0.01; at 50000 it rests below the simulated price."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        return await self("POST", "/api/v3/order", **order, quantity="0.01", price=price, **more)


@dataclass
class Kraken:
    url: str
    key: str = K_KEY
    secret: str = K_SECRET
    address: str = HERE
    nonce: int = 1_000

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        digest = hashlib.sha256(nonce.encode() + body).digest()
        secret = base64.b64decode(self.secret)
        return base64.b64encode(hmac.new(secret, path.encode() + digest, "sha512").digest()).decode()

    async def __call__(self, name: str, nonce: int | None = None, **params: Any) -> Got:
        """A signed form call; the nonce rises by itself unless given."""
        if nonce is None:
            self.nonce += 1
        text = str(self.nonce if nonce is None else nonce)
        body = urlencode({"nonce": text, **params}).encode()
        path = f"/0/private/{name}"
        return await self.raw(path, body, self.sign(path, text, body))

    async def json_call(self, name: str, **params: Any) -> Got:
        self.nonce += 1
        body = json.dumps({"nonce": str(self.nonce), **params}).encode()
        path = f"/0/private/{name}"
        return await self.raw(path, body, self.sign(path, str(self.nonce), body), "application/json")

    async def raw(self, path: str, body: bytes, sign: str, kind: str = "application/x-www-form-urlencoded") -> Got:
        headers = {"API-Key": self.key, "API-Sign": sign, "Content-Type": kind}
        return await send("POST", self.url + path, headers, body, self.address)

    async def limit(self, price: str = "50000", **more: Any) -> Got:
        order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": price}
        return await self("AddOrder", **{**order, **more})


def errors(got: Got) -> list[str]:
    assert got.status == 200
    return list(got.json["error"])


@dataclass
class Cryptocom:
    url: str
    key: str = C_KEY
    secret: str = C_SECRET
    address: str = HERE
    number: int = 0

    def envelope(self, method: str, params: dict[str, Any], nonce: int | None = None) -> dict[str, Any]:
        self.number += 1
        nonce = nonce or now_ms()
        text = f"{method}{self.number}{self.key}{_flat(params)}{nonce}"
        sig = hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()
        named = {"id": self.number, "method": method, "params": params, "api_key": self.key}
        return {**named, "sig": sig, "nonce": nonce}

    async def __call__(self, method: str, nonce: int | None = None, **params: Any) -> Got:
        return await self.raw(method, self.envelope(method, params, nonce))

    async def raw(self, method: str, envelope: Any, kind: str = "application/json") -> Got:
        body = json.dumps(envelope)
        return await send("POST", f"{self.url}/exchange/v1/{method}", {"Content-Type": kind}, body, self.address)

    async def limit(self, price: str = "50000", **more: Any) -> Got:
        order = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}
        return await self("private/create-order", **{**order, "price": price, **more})


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(name + _flat(value[name]) for name in sorted(value))
    if isinstance(value, list):
        return "".join(map(_flat, value))
    return str(value)
