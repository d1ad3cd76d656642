"""Gate from the exchange's side: who may do what, and how often."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.gate.conduct import Conduct
from proxy.simulator.gate.data import Query
from proxy.simulator.gate.futures_data import PUBLIC
from proxy.simulator.gate.limits import GateLimits, Rate
from proxy.simulator.gate.routes import ORDER_GROUPS, ROUTES, Route, locate, quota, subjects, units
from proxy.simulator.gate.seat import Seat, spell
from proxy.simulator.gate.wire import (
    Refusal,
    check_deadline,
    check_time,
    invalid,
    json_body,
    query_params,
    refused,
    signed,
    signed_text,
)
from proxy.simulator.records import Answer, Asked
from proxy.simulator.rolling import RollingWindows
from proxy.simulator.venue import Floor

ROOT = "/api/v4"


class GateVenue:
    """Public calls are counted by address and endpoint; signed ones by user, and market or endpoint."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("gate", GateLimits())
        self.windows = RollingWindows()
        self._conduct: dict[str, Conduct] = {}
        spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("gate", asked.headers.get("key", ""))

    def answer(self, asked: Asked) -> Answer:
        headers: dict[str, str] = {}
        seat: Seat | None = None
        template, names = locate(asked.path.removeprefix(ROOT)) if asked.path.startswith(ROOT) else ("", {})
        route = ROUTES.get((asked.method, template))
        key = self.identify(asked) if route else None
        status = 200
        try:
            if route is None:
                payload = self._public(asked, template, names, headers)
            else:
                self._check_key(asked, key)
                assert key is not None
                seat = self._seat(asked, key, names, route)
                self._count(seat, route, f"{asked.method} {template}", headers)
                self._check_right(key, route)
                payload = route.run(seat)
                key.used_ms, status = asked.now_ms, route.status
            answer = Answer(status, orjson.dumps(payload))
        except Refusal as refusal:
            answer = refused(refusal)
        if route is not None and route.right == "withdraw":
            told = (key.account.name, key.alias) if key else ("", "")
            self.floor.ledger.withdraw(asked, *told, answer.outcome == "ok")
        stamps = {name: str(asked.now_ms * 1000) for name in ("X-In-Time", "X-Out-Time")}
        answer = replace(answer, headers={"X-Gate-Trace-ID": f"{asked.now_ms:032x}", **stamps, **headers})
        if key is None:
            return answer
        return replace(answer, account=key.account.name, key=key.alias, client_id=seat.client_id if seat else "")

    def _public(self, asked: Asked, template: str, names: Mapping[str, str], headers: dict[str, str]) -> Any:
        if not template:
            raise Refusal(404, "NOT_FOUND", "Not found")
        if asked.method != "GET" or template not in PUBLIC:
            raise Refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed")
        self._take(f"ip {asked.address} {template}", 1, self.limits.public, asked, headers)
        return PUBLIC[template](Query(self.floor, names, query_params(asked.query), asked.now_ms))

    @staticmethod
    def _check_key(asked: Asked, key: LiveKey | None) -> None:
        for name in ("KEY", "Timestamp", "SIGN"):
            if not asked.headers.get(name.lower()):
                raise Refusal(401, "MISSING_REQUIRED_HEADER", f"Missing required header: {name}")
        if key is None or key.deleted:
            raise Refusal(401, "INVALID_KEY", "Invalid key provided")
        stamp = asked.headers["timestamp"]
        check_time(stamp, asked.now_ms)
        text = signed_text(asked.method, asked.path, asked.query, asked.body, stamp)
        if not signed(key.spec.secret, text, asked.headers["sign"]):
            raise Refusal(401, "INVALID_SIGNATURE", "Signature mismatch")
        if key.suspended(asked.now_ms):
            raise Refusal(401, "INVALID_CREDENTIALS", "Invalid credentials")
        if key.account.suspended(asked.now_ms):
            raise Refusal(403, "ACCOUNT_LOCKED", "Account is locked")
        if not key.admits(asked.address):
            raise Refusal(403, "IP_FORBIDDEN", f"IP {asked.address} not in whitelist")

    def _seat(self, asked: Asked, key: LiveKey, names: Mapping[str, str], route: Route) -> Seat:
        """The deadline counts for what places, changes or cancels orders. ccxt writes some coins in capitals."""
        if route.group in ORDER_GROUPS:
            check_deadline(asked)
        if names.get("settle", "usdt").lower() != "usdt":
            raise invalid("invalid argument: settle")
        conduct = self._conduct.setdefault(key.account.name, Conduct())
        return Seat(self.floor, key, asked, names, query_params(asked.query), json_body(asked), conduct)

    def _count(self, seat: Seat, route: Route, endpoint: str, headers: dict[str, str]) -> None:
        group, slowed = route.group, False
        if group in ("spot_place", "spot_cancel"):
            slowed = seat.conduct.spot(seat.now_ms, self.limits.spot_ratio)
        elif group in ("futures_place", "futures_cancel"):
            slowed = seat.conduct.futures(seat.now_ms, self.limits.unfilled_day)
        costs = units(group, seat)
        allowed = quota(self.limits, group, slowed)
        names = subjects(group, endpoint, costs, slowed)
        for subject, cost in zip(names, costs.values(), strict=True):
            self._take(f"uid {seat.key.account.name} {subject}", cost, allowed, seat.asked, headers)

    def _take(self, subject: str, cost: int, allowed: Rate, asked: Asked, headers: dict[str, str]) -> None:
        """The reset is told in whole seconds; while there is room it is now."""
        capacity, window_s = allowed
        count = self.windows.take(subject, cost, capacity, window_s, asked.monotonic)
        fits = count.granted == cost
        wait_ms = round(count.wait_s * 1000) if not fits or not count.left else 0
        headers["X-Gate-RateLimit-Limit"] = str(capacity)
        headers["X-Gate-RateLimit-Requests-Remain"] = str(count.left)
        reset_ms = asked.now_ms + wait_ms + 999 if wait_ms else asked.now_ms
        headers["X-Gate-RateLimit-Reset-Timestamp"] = str(reset_ms // 1000)
        if not fits:
            raise _too_many()

    @staticmethod
    def _check_right(key: LiveKey, route: Route) -> None:
        if route.right == "trade" and not key.trade:
            raise Refusal(403, "READ_ONLY", "API key is read-only")
        allowed = {"read": key.spec.read, "trade": True, "withdraw": key.spec.withdraw}
        if not allowed[route.right]:
            raise Refusal(403, "FORBIDDEN", "Request forbidden: the key has no permission")

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        spent = {"X-Gate-RateLimit-Limit": "10", "X-Gate-RateLimit-Requests-Remain": "0"}
        reset = {"X-Gate-RateLimit-Reset-Timestamp": str(asked.now_ms // 1000 + 1)}
        return replace(refused(_too_many()), headers={**spent, **reset})

    def error(self, asked: Asked, status: int) -> Answer:
        return refused(Refusal(status, "SERVER_ERROR", "Internal server error"))

    def unknown(self, asked: Asked) -> Answer:
        return refused(Refusal(504, "SERVER_TIMEOUT", "Server timeout"))

    def maintenance(self, asked: Asked) -> Answer:
        return refused(Refusal(503, "TOO_BUSY", "The system is busy or under maintenance"))


def _too_many() -> Refusal:
    return Refusal(429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded")
