"""A bare Coinbase client for the tests: it makes its tokens by the exchange's documents."""

import base64
import json
import secrets
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.simulator import SimAccount, SimConfig, SimKey
from tests.simulator.clients import HERE, OTHER, Got, now_ms, send

EC = generate_private_key(SECP256R1())
ED = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
KEY = "organizations/dummy-org/apiKeys/dummy-main"
FREE = "organizations/dummy-org/apiKeys/dummy-free"
RICH = "organizations/dummy-org/apiKeys/dummy-rich"
OTHERS = "organizations/dummy-org/apiKeys/dummy-others"
ROOT = "/api/v3/brokerage/"


def pem(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def config(*, limits: Any = None, **rest: Any) -> SimConfig:
    """An account of three keys: `main` (ES256) is bound to two addresses, `free` (EdDSA) to none, `rich` transfers."""
    keys = (
        SimKey("main", KEY, pem(EC), (HERE, OTHER)),
        SimKey("free", FREE, pem(ED)),
        SimKey("rich", RICH, pem(EC), withdraw=True),
    )
    other = SimAccount("coinbase", "p", (SimKey("main", OTHERS, pem(EC)),))
    mine = SimAccount("coinbase", "c", keys)
    return SimConfig((mine, other), limits={"coinbase": limits} if limits else {}, **rest)


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def name() -> str:
    return str(uuid.uuid4())


def limit_order(price: str = "50000", size: str = "0.01", kind: str = "limit_limit_gtc", **more: Any) -> dict[str, Any]:
    """A BTC-USD buy; at 50000 it rests below the simulated price."""
    return {
        "product_id": "BTC-USD",
        "side": "BUY",
        "client_order_id": name(),
        "order_configuration": {kind: {"base_size": size, "limit_price": price, **more}},
    }


@dataclass
class Coinbase:
    """`header` and `claims`: what a token says otherwise than it should; None leaves a member out."""

    url: str
    key: str = KEY
    private: EllipticCurvePrivateKey | Ed25519PrivateKey = EC
    address: str = HERE
    at_ms: int | None = None  # None: the machine's clock
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)

    def free(self) -> "Coinbase":
        return replace(self, key=FREE, private=ED)

    def token(self, method: str, path: str) -> str:
        now = (now_ms() if self.at_ms is None else self.at_ms) // 1000
        header = {"alg": "ES256" if self.private is EC else "EdDSA", "typ": "JWT", "kid": self.key}
        claims = {
            "sub": self.key,
            "iss": "cdp",
            "nbf": now,
            "exp": now + 120,
            "uri": f"{method} api.coinbase.com{path}",
        }
        parts = [
            {n: v for n, v in {**told, **changed}.items() if v is not None}
            for told, changed in (({**header, "nonce": secrets.token_hex(16)}, self.header), (claims, self.claims))
        ]
        text = ".".join(part(json.dumps(one).encode()) for one in parts)
        if isinstance(self.private, Ed25519PrivateKey):
            return f"{text}.{part(self.private.sign(text.encode()))}"
        r, s = decode_dss_signature(self.private.sign(text.encode(), ECDSA(SHA256())))
        return f"{text}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    async def get(self, path: str, query: str = "") -> Got:
        return await self.raw("GET", path, query)

    async def post(self, path: str, body: Any) -> Got:
        return await self.raw("POST", path, body=json.dumps(body))

    async def raw(self, method: str, path: str, query: str = "", body: str | None = None, **headers: str) -> Got:
        path = path if path.startswith("/") else ROOT + path
        named = {"Authorization": f"Bearer {self.token(method, path)}", "Content-Type": "application/json", **headers}
        target = f"{path}?{query}" if query else path
        kept = {header: value for header, value in named.items() if value}
        return await send(method, self.url + target, kept, body, self.address)

    async def place(self, order: dict[str, Any] | None = None) -> Got:
        return await self.post("orders", order or limit_order())


def reason(got: Got) -> str:
    """Why an order was refused, "" if it was not."""
    assert got.status == 200
    if got.json["success"]:
        return ""
    told = got.json["error_response"]
    return f"{told['error']} {told['preview_failure_reason']}"
