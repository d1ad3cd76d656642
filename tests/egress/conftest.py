"""Both event loops, a certificate authority, and a client that is closed afterwards."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.clock import SECOND_NS, SystemClock
from proxy.egress import Egress, EgressSettings, Resolver
from proxy.model import SignedRequest, Upstream

HOST = "exchange.test"
ADDRESS = "127.7.0.1"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test of this folder runs on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass(frozen=True, slots=True)
class Authority:
    """`server` speaks as HOST and 127.0.0.1; `stranger` has the same names from an authority nobody trusts."""

    server: ssl.SSLContext
    stranger: ssl.SSLContext
    ca_file: Path

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))


def _authority(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test authority {name}")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    authority_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())

    def builder(who: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .issuer_name(ca_name)
            .subject_name(who)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=30))
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        builder(subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    ca_file, chain = folder / f"{name}-ca.pem", folder / f"{name}.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return ca_file, context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    ca_file, server = _authority(folder, "trusted")
    return Authority(server, _authority(folder, "stranger")[1], ca_file)


class Client:
    """An Egress with short ways to call it. HOST and wrong.test resolve to loopback."""

    def __init__(self, tls: ssl.SSLContext, settings: EgressSettings) -> None:
        self.clock = SystemClock()
        self.resolver = Resolver(self.clock, look_up=lambda host: ["127.0.0.1"])
        self.egress = Egress(clock=self.clock, resolver=self.resolver, tls=tls, settings=settings)

    def upstream(self, port: int, *, tls: bool = False, host: str = HOST, base_path: str = "") -> Upstream:
        return Upstream("https" if tls else "http", host, port, base_path, private_ok=True)

    async def send(
        self,
        upstream: Upstream,
        method: str = "GET",
        target: str = "/api/v3/order?a=1",
        *,
        headers: tuple[tuple[str, str], ...] = (("X-MBX-APIKEY", "dummy-key"),),
        body: bytes = b"",
        address: str = ADDRESS,
        within_s: float = 5.0,
        stream: bool = False,
    ):
        request = SignedRequest(method, target, headers, body)
        answer_by_ns = self.clock.now_ns() + int(within_s * SECOND_NS)
        return await self.egress.send(request, upstream, address, answer_by_ns=answer_by_ns, stream=stream)


@pytest.fixture
async def connect(authority: Authority) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients with the settings given; closes them."""
    made: list[Client] = []

    def make(settings: EgressSettings | None = None, tls: ssl.SSLContext | None = None) -> Client:
        made.append(Client(tls or authority.client(), settings or EgressSettings()))
        return made[-1]

    yield make
    for client in made:
        await client.egress.aclose()
        await client.resolver.aclose()
