"""Tokens of Coinbase: a vector, and what their signatures hold."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from proxy.exchanges.coinbase_jwt import bearer, key_name, private_key, public_pem

SEED = b"\x01" * 32
STORED = b"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXA=="
ALONE = base64.b64encode(SEED)
PATH = "/api/v3/brokerage/accounts"
EC = ec.derive_private_key(0x0DD, ec.SECP256R1())
EC_PEM = EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def token(secret: bytes, key: str = "key-1", nonce: str = "0" * 32, **changed: Any) -> str:
    usual: dict[str, Any] = {"method": "GET", "path": PATH, "from_s": 1_700_000_000, "seconds": 120}
    return bearer(key, secret, nonce=nonce, **{**usual, **changed})


def read(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def test_vector() -> None:
    """Noted from another implementation: an Ed25519 signature is the same each time."""
    head, claims, signature = token(STORED).split(".")
    assert list(read(head).items()) == [("alg", "EdDSA"), ("typ", "JWT"), ("kid", "key-1"), ("nonce", "0" * 32)]
    assert list(read(claims).items()) == [
        ("sub", "key-1"),
        ("iss", "cdp"),
        ("nbf", 1_700_000_000),
        ("exp", 1_700_000_120),
        ("uri", f"GET api.coinbase.com{PATH}"),
    ]
    assert signature == "_ehZwIUJ0onp8RtLcPa07vBFt1nqQkE2bU7vecce1LRIzAfgMSmz_2XCSLb4NQEKAhnfEPyuR2GsFgWMqGzGDA"
    assert not {"=", "+", "/"} & set(token(STORED))


def test_a_seed_alone_is_the_same_key() -> None:
    assert token(ALONE) == token(STORED) == token(b"\n" + STORED + b"\n")


@pytest.mark.parametrize(
    "secret",
    [
        EC_PEM,
        EC_PEM.replace(b"\n", rb"\n"),
        b" " + EC_PEM,
        EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["pem", "escaped", "blank", "pkcs8"],
)
def test_an_elliptic_key_signs_raw_and_anew(secret: bytes) -> None:
    made = {token(secret, nonce=str(n)) for n in range(20)} | {token(secret), token(secret)}
    assert len(made) == 22
    for one in made:
        signed, _, signature = one.rpartition(".")
        assert read(signed.partition(".")[0])["alg"] == "ES256"
        raw = base64.urlsafe_b64decode(signature + "==")
        assert len(raw) == 64
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        EC.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_the_exchanges_half_of_a_key() -> None:
    for secret, private in ((EC_PEM, EC), (STORED, Ed25519PrivateKey.from_private_bytes(SEED))):
        assert load_pem_public_key(public_pem(secret).encode()) == private.public_key()


def test_an_ed25519_key_as_pem() -> None:
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    assert token(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())) == token(STORED)


def _pem(private: Any, lock: Any = None) -> bytes:
    made: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption())
    return made


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"dummy-secret",
        base64.b64encode(b"\x01" * 31),
        base64.b64encode(b"\x01" * 64),
        b"-----BEGIN EC PRIVATE KEY-----\ndummy\n-----END EC PRIVATE KEY-----",
        _pem(ec.derive_private_key(0x0DD, ec.SECP384R1())),
        _pem(rsa.generate_private_key(65537, 2048)),
        _pem(EC, BestAvailableEncryption(b"dummy")),
    ],
    ids=["empty", "text", "short", "other-half", "broken", "other-curve", "rsa", "locked"],
)
def test_what_is_no_key(secret: bytes) -> None:
    with pytest.raises(ValueError):
        private_key(secret)


def test_the_name_of_the_key_in_a_token() -> None:
    assert key_name(token(STORED, "dummy-token")) == key_name(token(EC_PEM, "dummy-token")) == "dummy-token"

    def text(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    assert key_name(f"{text({})}.{text({'sub': 'dummy'})}.x") == "dummy"
    for bad in ("", "dummy-token", "a.b", "a.b.c", "e30.e30.e30", "eyJ.W10.", f"{text([])}.{text(1)}.", "é.é.é"):
        assert key_name(bad) == ""
    assert key_name(f"{text({'kid': 7})}.{text({})}.") == ""
