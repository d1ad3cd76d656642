"""Reading an HTX request and saying no to it: canonical text, signature, time, the envelopes of each family.

Source: HTX API documents, "Authentication" and the error tables; texts as the gateway of api.huobi.pro sends them.
"""

import base64
import binascii
import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Mapping
from time import strptime
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from proxy.simulator.records import Answer, Asked

Family = Literal["spot", "spot2", "market", "swap", "v5"]
SIGNED_NAMES = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")

# What can be wrong with a signed request: the number that contracts answer with, and the text.
DENIALS: Mapping[str, tuple[int, str]] = {
    "time": (12001, "Invalid submission time or incorrect time format [无效的提交时间，或时间格式错误]"),
    "version": (12002, "Incorrect signature version [错误的签名版本]"),
    "method": (12003, "Incorrect signature method [错误的签名方法]"),
    "expired": (12004, "API key has expired [API Key已经过期]"),
    "address": (12005, "Incorrect IP address [IP地址错误]"),
    "no time": (12006, "Submission time is required [提交时间不能为空]"),
    "key": (403, "Incorrect Access key [Access key错误]"),
    "signature": (403, "Verification failure [校验失败]"),
    "user": (12009, "Abnormal user status [用户状态不正常]"),
    "right": (403, "API key has no permission [API Key没有权限]"),
}


class Refusal(Exception):
    """The exchange says no. `code`: a text on spot, a number on contracts and in /v2. `rest`: what still comes."""

    def __init__(self, code: str | int, message: str, *, status: int = 200, **rest: Any) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.rest = rest


def family(asked: Asked) -> Family:
    """Which envelope a path answers with."""
    path = asked.path
    if asked.product == "swap":
        return "v5" if path.startswith("/v5/") else "swap"
    return "spot2" if path.startswith("/v2/") else "market" if path.startswith("/market/") else "spot"


def denied(asked: Asked, kind: str, detail: str = "") -> Refusal:
    """A refusal of the gateway. What /v2 says of anything but a wrong signature is not published: as spot does."""
    number, text = DENIALS[kind]
    if detail:
        text += f":{detail}"
    if asked.product == "swap":
        return Refusal(number, text)
    if family(asked) == "spot2" and kind == "signature":
        return Refusal(1003, "invalid signature")
    return Refusal("api-signature-not-valid", f"Signature not valid: {text}")


def said_no(asked: Asked, refusal: Refusal, headers: Mapping[str, str]) -> Answer:
    """The refusal in the envelope of its family."""
    kind, code, message = family(asked), refusal.code, refusal.message
    body: dict[str, Any]
    if isinstance(code, str):
        body = {"status": "error", "err-code": code, "err-msg": message, "data": None, **refusal.rest}
        if kind == "market":
            del body["data"]
            body["ts"] = asked.now_ms
    elif kind == "spot2":
        body = {"code": code, "message": message, **refusal.rest}
    elif kind == "v5":
        body = {"code": code, "message": message, "data": None, "ts": asked.now_ms}
    else:
        body = {"status": "error", "err_code": code, "err_msg": message, "ts": asked.now_ms}
    return Answer(refusal.status, orjson.dumps(body), str(code), headers)


def parameters(asked: Asked) -> dict[str, str]:
    """The query, decoded; a name twice cannot be signed."""
    found = parse_qsl(asked.query, keep_blank_values=True)
    params = dict(found)
    if len(params) != len(found):
        raise denied(asked, "signature")
    return params


def canonical(method: str, host: str, path: str, params: Mapping[str, str]) -> str:
    """The four signed lines. `params`: all of the URL but the signature, decoded."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in params.items())
    return "\n".join((method, host.lower(), path, "&".join(f"{name}={value}" for name, value in encoded)))


def is_public_key(secret: str) -> bool:
    """The key signs with Ed25519: its "secret" is the public half."""
    return secret.startswith("-----BEGIN PUBLIC KEY-----")


def valid(secret: str, text: str, given: str) -> bool:
    """`given`: base64, as it was before percent-encoding."""
    if is_public_key(secret):
        key = load_pem_public_key(secret.encode())
        try:
            raw = base64.b64decode(given, validate=True)
            if isinstance(key, Ed25519PublicKey):
                key.verify(raw, text.encode())
                return True
        except (binascii.Error, ValueError, InvalidSignature):
            pass
        return False
    wanted = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())
    return hmac.compare_digest(wanted, given.encode())


def time_ms(text: str) -> int | None:
    """UTC to the second, without zone or fraction; None if it is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return timegm(strptime(text, "%Y-%m-%dT%H:%M:%S")) * 1000
    except ValueError:
        return None


def body_of(asked: Asked) -> Any:
    """The JSON of a POST: an object or a list. It is not covered by the signature."""
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    swap = asked.product == "swap"
    wrong = Refusal(1030, "Parameter error.") if swap else Refusal("bad-request", "bad request")
    if kind != "application/json":
        raise wrong
    if not asked.body:
        return {}
    try:
        data = orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise wrong from None
    if not isinstance(data, dict | list):
        raise wrong
    return data
