"""Crypto.com Exchange from the exchange's side: who may do what, and how often."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import SlidingWindows
from proxy.simulator.cryptocom.account import PRIVATE
from proxy.simulator.cryptocom.data import PUBLIC
from proxy.simulator.cryptocom.limits import CryptocomLimits
from proxy.simulator.cryptocom.trade import Seat
from proxy.simulator.cryptocom.wire import (
    NONCE_SLACK_MS,
    Envelope,
    Refusal,
    envelope,
    holds_number,
    read,
    signature,
    signed_text,
)
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

ROOT = "/exchange/v1/"
_SIGNATURES_KEPT = 100_000
_FAST = ("private/create-order", "private/cancel-order", "private/cancel-all-orders")
_SLOW = ("private/get-trades", "private/get-order-history")


class CryptocomVenue:
    """Private methods are counted by key (or, if so set, account) and method, public ones by address and method."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("cryptocom", CryptocomLimits())
        self.by_account = self.limits.by_account
        self.windows = SlidingWindows()
        self._seen: OrderedDict[str, int] = OrderedDict()  # signature -> nonce, for the same envelope twice

    def identify(self, asked: Asked) -> LiveKey | None:
        try:
            name = read(asked.body).get("api_key")
        except Refusal:
            return None
        return self.floor.registry.find("cryptocom", name) if isinstance(name, str) else None

    def answer(self, asked: Asked) -> Answer:
        if not asked.path.startswith(ROOT):
            return Answer(404, b"", "404", content_type="text/plain")
        tail = asked.path.removeprefix(ROOT)
        data: dict[str, Any] = {}
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            if tail.startswith("public/"):
                payload = self._public(asked, tail)
                data["id"] = -1
            else:
                data = self._read(asked)
                key = self.floor.registry.find("cryptocom", str(data.get("api_key", "")))
                seat = self._authenticate(asked, tail, data, key)
                payload = PRIVATE[tail](seat)
        except Refusal as refusal:
            answer = _refused(refusal, data.get("id"), tail, asked.body)
        else:
            reply: dict[str, Any] = {"id": data["id"], "method": tail, "code": 0}
            if payload is not None:
                reply["result"] = payload
            answer = Answer(200, orjson.dumps(reply))
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _public(self, asked: Asked, tail: str) -> Any:
        row = PUBLIC.get(tail)
        if row is None:
            raise Refusal(400, 40002, "METHOD_NOT_FOUND")
        if asked.method != "GET":
            raise Refusal(400, 40003, "INVALID_REQUEST")
        if not self.windows.take(f"{asked.address} {tail}", self.limits.public, 1.0, asked.monotonic):
            raise Refusal(429, 42901, "TOO_MANY_REQUESTS")
        pairs = parse_qsl(asked.query, keep_blank_values=True)
        params = dict(pairs)
        if len(params) != len(pairs) or not row.params.issuperset(params):
            raise Refusal(400, 40004, "MISSING_OR_INVALID_ARGUMENT")
        return row.run(self.floor, params, asked.now_ms)

    @staticmethod
    def _read(asked: Asked) -> dict[str, Any]:
        kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
        if asked.method != "POST" or asked.query or kind != "application/json":
            raise Refusal(400, 40003, "INVALID_REQUEST")
        return read(asked.body)

    def _authenticate(self, asked: Asked, tail: str, data: dict[str, Any], key: LiveKey | None) -> Seat:
        if tail == "private/create-withdrawal":
            may = key is not None and key.spec.withdraw
            self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)
        if tail not in PRIVATE:
            raise Refusal(400, 40002, "METHOD_NOT_FOUND")
        call = envelope(data, tail)
        if key is None or key.deleted or key.suspended(asked.now_ms):
            raise Refusal(401, 40101, "UNAUTHORIZED")
        if not key.admits(asked.address):
            raise Refusal(401, 40103, "IP_ILLEGAL")
        if abs(asked.now_ms - call.nonce) > NONCE_SLACK_MS:
            raise Refusal(400, 40102, "INVALID_NONCE")
        if signature(key.spec.secret, signed_text(call)) != call.sig:
            raise Refusal(401, 40101, "UNAUTHORIZED")
        self._check_repeat(call)
        self._count(key, tail, asked)
        self._check_right(key, tail, asked)
        if holds_number(call.params):
            raise Refusal(400, 40004, "MISSING_OR_INVALID_ARGUMENT")
        key.used_ms = asked.now_ms
        return Seat(self.floor, key, call.params, asked)

    def _check_repeat(self, call: Envelope) -> None:
        if call.sig in self._seen:
            raise Refusal(400, 40006, "DUPLICATE_REQUEST")
        self._seen[call.sig] = call.nonce
        if len(self._seen) > _SIGNATURES_KEPT:
            self._seen.popitem(last=False)

    def _count(self, key: LiveKey, tail: str, asked: Asked) -> None:
        limits = self.limits
        if tail in _SLOW:
            capacity, window = limits.slow, 1.0
        elif "/staking/" in tail:
            capacity, window = limits.staking, 1.0
        else:
            capacity, window = limits.other, 0.1
            if tail in _FAST:
                capacity = limits.order
            elif tail == "private/get-order-detail":
                capacity = limits.detail
        subject = f"account {key.account.name}" if self.by_account else key.spec.key
        if not self.windows.take(f"{subject} {tail}", capacity, window, asked.monotonic):
            raise Refusal(429, 42901, "TOO_MANY_REQUESTS")

    @staticmethod
    def _check_right(key: LiveKey, tail: str, asked: Asked) -> None:
        """A missing right has no code of its own in the table; it is UNAUTHORIZED."""
        name = tail.removeprefix("private/")
        reads = name.startswith(("get-", "user-balance"))
        allowed = key.spec.read if reads else key.spec.withdraw if name == "create-withdrawal" else key.trade
        if not allowed:
            raise Refusal(401, 40101, "UNAUTHORIZED")
        if key.account.suspended(asked.now_ms):
            raise Refusal(400, 202, "ACCOUNT_IS_SUSPENDED")

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return self._say(Refusal(429, 42901, "TOO_MANY_REQUESTS"), asked)

    def error(self, asked: Asked, status: int) -> Answer:
        return self._say(Refusal(status, 50001, "ERR_INTERNAL"), asked)

    def unknown(self, asked: Asked) -> Answer:
        return self._say(Refusal(408, 40801, "REQUEST_TIMEOUT"), asked)

    def maintenance(self, asked: Asked) -> Answer:
        return self._say(Refusal(503, 9010001, "SYSTEM_MAINTENANCE"), asked)

    @staticmethod
    def _say(refusal: Refusal, asked: Asked) -> Answer:
        try:
            number = read(asked.body).get("id")
        except Refusal:
            number = -1
        return _refused(refusal, number, asked.path.removeprefix(ROOT), asked.body)


def _refused(refusal: Refusal, number: Any, tail: str, body: bytes) -> Answer:
    """With the request as a text in `original`, as the exchange does it: key and signature included."""
    reply: dict[str, Any] = {
        "id": number if isinstance(number, int | str) else -1,
        "method": tail,
        "code": refusal.code,
        "message": refusal.message,
    }
    if body:
        reply["original"] = body.decode("utf-8", "replace")
    if refusal.result is not None:
        reply["result"] = refusal.result
    return Answer(refusal.status, orjson.dumps(reply), str(refusal.code))
