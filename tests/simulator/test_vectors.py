"""Published signature vectors against the simulator's own verification."""

import base64
import json
from typing import Any

import pytest

from proxy.simulator.binance.wire import Refusal, Verifier, parameters, signed_text
from proxy.simulator.cryptocom.wire import envelope, flat, signature
from proxy.simulator.cryptocom.wire import signed_text as cryptocom_text
from proxy.simulator.kraken.wire import signed

BINANCE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
TAIL = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
DIGITS = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
HALF_QUERY = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
HALF_BODY = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"


@pytest.mark.parametrize(
    ("query", "body", "wanted"),
    [
        (f"symbol=LTCBTC&{TAIL}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("", f"symbol=LTCBTC&{TAIL}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (f"symbol={DIGITS}&{TAIL}", "", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
        (HALF_QUERY, HALF_BODY, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"),
    ],
)
def test_binance_hmac(query: str, body: str, wanted: str) -> None:
    part = "&signature=" + wanted
    text = signed_text(query, body + part) if body else signed_text(query + part, "")
    assert Verifier().valid(BINANCE_SECRET, text, wanted)
    assert Verifier().valid(BINANCE_SECRET, text, wanted.upper())
    assert not Verifier().valid(BINANCE_SECRET, text + "0", wanted)


ED25519 = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
"""
ED25519_TEXT = (
    "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
)
ED25519_SIGN = "m5loLRxgkb9HyW0wkZ4KNrpck881bx5D0OrKNnPklvk4tlGjEJkhiP9DoyC0sc1lXA/TWugjVPrMb/bfNdmdBw=="


def test_binance_ed25519() -> None:
    verifier = Verifier()
    assert verifier.valid(ED25519, ED25519_TEXT, ED25519_SIGN)
    assert not verifier.valid(ED25519, ED25519_TEXT + "1", ED25519_SIGN)
    assert not verifier.valid(ED25519, ED25519_TEXT, "not base64")


def test_binance_rsa() -> None:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = base64.b64encode(private.sign(b"timestamp=1", padding.PKCS1v15(), SHA256())).decode()
    assert Verifier().valid(pem, "timestamp=1", made)
    assert not Verifier().valid(pem, "timestamp=2", made)


def test_binance_signature_only_counts_at_the_end() -> None:
    assert signed_text("a=1&signature=ab&b=2", "") == "a=1&signature=ab&b=2"
    assert signed_text("signature=ab", "a=1") == "a=1"


@pytest.mark.parametrize("raw", ["list=[1]", 'list="x"', "symbol=１", "a b=1"])
def test_binance_text_must_be_encoded_before_signing(raw: str) -> None:
    with pytest.raises(Refusal) as refused:
        signed_text(raw, "")
    assert refused.value.code == -1022


def test_binance_duplicates_across_query_and_body() -> None:
    with pytest.raises(Refusal) as refused:
        parameters("symbol=A", "symbol=A")
    assert refused.value.code == -1101


KRAKEN_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = "1616492376594"


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        (
            "/0/private/AddOrder",
            f"nonce={NONCE}&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        ),
        (
            "/0/private/AddOrder",
            f'{{"nonce":"{NONCE}","ordertype":"limit","pair":"XBTUSD","price":"37500","type":"buy","volume":"1.25"}}',
            "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg==",
        ),
        (
            "/0/private/Balance",
            f"nonce={NONCE}",
            "1nH4vwR+8FHiYh1QT649xXkGd3JR3x0DWkgv3u9Ed/Qqv6KPtgQpEU4m+Emb/VgpEji3j1XNwI+HCbfXxmrTOg==",
        ),
        (
            "/0/private/QueryOrders",
            f"nonce={NONCE}&txid=OUF4EM-FRGI2-MQMWZD%2COHCFNU-4L7QE-6OPNQO&trades=True",
            "x/2gtRkyiJb4jBI64d+J7qPZgnxxv2niK9wh4PbJCAEIoIvNBOtcWjIlF8kIONTbFTlCPFw0bmgrp1tTFMPyYw==",
        ),
    ],
)
def test_kraken(path: str, body: str, wanted: str) -> None:
    assert signed(KRAKEN_SECRET, path, NONCE, body.encode(), wanted)
    assert not signed(KRAKEN_SECRET, path, NONCE + "0", body.encode(), wanted)
    assert not signed(KRAKEN_SECRET, path + "/", NONCE, body.encode(), wanted)


A = {
    "instrument_name": "BTC_USDT",
    "side": "BUY",
    "type": "LIMIT",
    "price": "20000.01",
    "quantity": "0.0001",
    "client_oid": "c5f682ed-7108-4f1c-b755-972fcdca0f02",
    "exec_inst": ["POST_ONLY"],
    "time_in_force": "GOOD_TILL_CANCEL",
}
B = {
    "contingency_type": "LIST",
    "order_list": [
        {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "29000", "quantity": "0.001"},
        {"instrument_name": "ETH_USDT", "side": "SELL", "type": "LIMIT", "price": "3100", "quantity": "0.02"},
    ],
}


@pytest.mark.parametrize(
    ("method", "number", "key", "params", "nonce", "secret", "wanted"),
    [
        (
            "private/get-order-detail",
            11,
            "token",
            {"order_id": "53287421324"},
            1587846358253,
            "secretKey",
            "02ef0a52c9428e5d3dcc5dd24d534ca39ef73f35acd3f6945f139a2364ef67a9",
        ),
        (
            "private/user-balance",
            1,
            "api_key",
            {},
            1700000000000,
            "secret",
            "c78365c310ed4273e36ee5c4693e6af8fb181e3cab7acb7195d090e8fa8b9ac7",
        ),
        (
            "private/create-order",
            "1",
            "api_key",
            A,
            "1700000000000",
            "secret",
            "1ca890d0306cfaca77615ccd87fa2dc514048bd9f1a4c435d2f4aefa18a42ea0",
        ),
        (
            "private/create-order-list",
            2,
            "api_key",
            B,
            1700000000001,
            "secret",
            "3e450ac6f04aa3ac1a4f47770261cb634bd6fc862dd26c757b1c4a5925fa18c2",
        ),
    ],
)
def test_cryptocom(method: str, number: Any, key: str, params: Any, nonce: Any, secret: str, wanted: str) -> None:
    sent = {"id": number, "method": method, "params": params, "api_key": key, "sig": wanted, "nonce": nonce}
    read = envelope(json.loads(json.dumps(sent)), method)
    assert signature(secret, cryptocom_text(read)) == wanted


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"instrument_name": "BTC_USDT", "count": 10}, "count10instrument_nameBTC_USDT"),
        ({"outer": {"b": "2", "a": "1"}}, "outera1b2"),
        ({"items": [{"b": "2"}, {"a": "1"}]}, "itemsb2a1"),
        ({"key": None}, "keynull"),
        ({"yes": True, "no": False}, "nofalseyestrue"),
    ],
)
def test_cryptocom_flat(params: Any, wanted: str) -> None:
    assert flat(params) == wanted
