"""HTX from the exchange's side: who may do what, and how often."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.htx.calls import SIGNED, PrivateRow
from proxy.simulator.htx.counts import Counts
from proxy.simulator.htx.limits import HtxLimits
from proxy.simulator.htx.seat import Memory, Seat
from proxy.simulator.htx.spelling import spell
from proxy.simulator.htx.spot_data import SPOT_PUBLIC, PublicRow
from proxy.simulator.htx.swap_data import SWAP_PUBLIC
from proxy.simulator.htx.wire import (
    SIGNED_NAMES,
    Refusal,
    body_of,
    canonical,
    denied,
    family,
    is_public_key,
    parameters,
    said_no,
    time_ms,
    valid,
)
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

_PUBLIC: Mapping[str, Mapping[str, PublicRow]] = {"spot": SPOT_PUBLIC, "swap": SWAP_PUBLIC}
_LIMITED: Mapping[str, tuple[str | int, str]] = {
    "spot": ("rate-too-many-requests", "exceeded rate limit"),
    "spot2": (510, "too many requests"),
    "market": ("invalid-parameter", "request limit"),
    "swap": (1032, "The number of access exceeded the limit."),
    "v5": (1032, "The number of access exceeded the limit."),
}


class HtxVenue:
    """Answers are HTTP 200 with the refusal inside, but for wrong paths, methods and a GET with a body."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("htx", HtxLimits())
        self.counts = Counts(self.limits)
        self.memory = Memory(floor, self.limits)
        spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        try:
            name = parameters(asked).get("AccessKeyId", "")
        except Refusal:
            return None
        return self.floor.registry.find("htx", name)

    def answer(self, asked: Asked) -> Answer:
        headers: dict[str, str] = {}
        row, tail = _row(asked)
        key, seat = (None, None) if isinstance(row, PublicRow) else (self.identify(asked), None)
        try:
            if row is None:
                here = {path for (_, path), signed in SIGNED.items() if signed.product == asked.product}
                known = asked.path in here or asked.path in _PUBLIC[asked.product]
                raise _gone(known)
            if isinstance(row, PublicRow):
                reply = self._public(asked, row, headers)
            else:
                if row.money:
                    self._witness(asked, row, key)
                key = self._authenticate(asked, row)
                self._count(asked, row, tail, key, headers)
                seat = self._seat(asked, key, tail)
                reply = row.run(seat)
        except Refusal as refusal:
            answer = said_no(asked, refusal, headers)
        else:
            answer = Answer(200, orjson.dumps(reply), headers=headers)
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _public(self, asked: Asked, row: PublicRow, headers: dict[str, str]) -> dict[str, Any]:
        if asked.body:
            raise Refusal("forbidden", "Forbidden", status=403)
        shared = row.group in ("swap_public", "swap_market")
        count = self.counts.add(row.group, asked.address if shared else f"{asked.address} {asked.path}", asked.now_ms)
        if shared:
            headers.update(count.swap_headers())
        if count.over:
            raise self._limited(asked)
        return row.run(self.floor, parameters(asked), asked.now_ms)

    def _limited(self, asked: Asked) -> Refusal:
        return Refusal(*_LIMITED[family(asked)], status=self.limits.status)

    def _witness(self, asked: Asked, row: PrivateRow, key: LiveKey | None) -> None:
        may = key is not None and (key.spec.withdraw if row.right == "withdraw" else key.trade)
        self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)

    def _authenticate(self, asked: Asked, row: PrivateRow) -> LiveKey:
        """Raises Refusal, in the order in which the gateway is taken to look."""
        if asked.method == "GET" and asked.body:
            raise Refusal("forbidden", "Forbidden", status=403)
        params = parameters(asked)
        given = params.pop("Signature", "")
        if not given or any(name not in params for name in SIGNED_NAMES[:3]):
            raise _unsigned(asked)
        if "Timestamp" not in params:
            raise denied(asked, "no time")
        if params["SignatureVersion"] != "2":
            raise denied(asked, "version")
        key = self.floor.registry.find("htx", params["AccessKeyId"])
        if key is None or key.deleted:
            raise denied(asked, "key")
        if params["SignatureMethod"] != ("Ed25519" if is_public_key(key.spec.secret) else "HmacSHA256"):
            raise denied(asked, "method")
        at_ms = time_ms(params["Timestamp"])
        if at_ms is None or not -self.limits.ahead_s * 1000 <= asked.now_ms - at_ms <= self.limits.behind_s * 1000:
            raise denied(asked, "time")
        text = canonical(asked.method, asked.headers.get("host", ""), asked.path, params)
        if not valid(key.spec.secret, text, given):
            raise denied(asked, "signature")
        if key.suspended(asked.now_ms):
            raise denied(asked, "expired")
        if not key.admits(asked.address):
            raise denied(asked, "address", asked.address)
        if asked.product == "swap" and key.account.suspended(asked.now_ms):
            raise denied(asked, "user")
        rights = {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not rights[row.right]:
            raise denied(asked, "right")
        key.used_ms = asked.now_ms
        return key

    def _count(self, asked: Asked, row: PrivateRow, tail: str, key: LiveKey, headers: dict[str, str]) -> None:
        account, now_ms = key.account.name, asked.now_ms
        if asked.product == "swap":
            count = self.counts.add(row.group, account, now_ms)
            headers.update(count.swap_headers())
            if until := self.memory.ratio.recovery_ms(account, now_ms):
                headers["recovery-time"] = str(until)
        else:
            parts = asked.path.split("/")
            if tail:
                parts[4] = "{}"
            endpoint = f"{asked.method} {'/'.join(parts)}"
            subject = f"key {key.spec.key}" if row.group == "default" else f"{account} {endpoint}"
            count = self.counts.add(row.group, subject, now_ms)
            headers.update(count.spot_headers(now_ms))
        if count.over:
            raise self._limited(asked)

    def _seat(self, asked: Asked, key: LiveKey, tail: str) -> Seat:
        """A POST has its parameters in the body alone."""
        if asked.method == "GET":
            params = {n: v for n, v in parameters(asked).items() if n not in (*SIGNED_NAMES, "Signature")}
            return Seat(self.memory, key, params, asked, None, tail)
        body = body_of(asked)
        rows = body if isinstance(body, list) else None
        return Seat(self.memory, key, {} if rows is not None else body, asked, rows, tail)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return said_no(asked, self._limited(asked), {})

    def error(self, asked: Asked, status: int) -> Answer:
        if asked.product == "swap":
            return said_no(asked, Refusal(1000, "System error.", status=status), {})
        if family(asked) == "spot2":
            return said_no(asked, Refusal(500, "system error", status=status), {})
        return said_no(asked, Refusal("base-system-error", "System error. Please try again later.", status=status), {})

    def unknown(self, asked: Asked) -> Answer:
        """Neither says whether the order was taken."""
        if asked.product == "swap":
            return said_no(asked, Refusal(1004, "System busy. Please try again later."), {})
        return said_no(asked, Refusal("timeout", "Request Timeout"), {})

    def maintenance(self, asked: Asked) -> Answer:
        if asked.product == "swap":
            return said_no(asked, Refusal(1431, "System is in maintenance."), {})
        return said_no(asked, Refusal("system-maintenance", "System is in maintenance!"), {})


def _row(asked: Asked) -> tuple[PublicRow | PrivateRow | None, str]:
    """What a path stands for, and its variable part. Paths are case-sensitive."""
    if asked.method == "GET" and (public := _PUBLIC[asked.product].get(asked.path)):
        return public, ""
    exact = SIGNED.get((asked.method, asked.path))
    if exact is not None and exact.product == asked.product:
        return exact, ""
    parts = asked.path.split("/")
    if asked.product == "spot" and len(parts) >= 5 and parts[4]:
        variable = "/".join([*parts[:4], "{}", *parts[5:]])
        return SIGNED.get((asked.method, variable)), parts[4]
    return None, ""


def _gone(known: bool) -> Refusal:
    if known:
        return Refusal("method-not-allowed", "Method not allowed", status=405)
    return Refusal("not-found", "Not found", status=404)


def _unsigned(asked: Asked) -> Refusal:
    """A signed path without its four names."""
    if asked.product == "swap":
        return denied(asked, "key")
    if family(asked) == "spot2":
        return Refusal(1002, "unauthorized")
    return Refusal("login-required", "Login required")
