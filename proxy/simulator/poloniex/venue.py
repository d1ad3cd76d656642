"""Poloniex from the exchange's side: who may do what, and how often."""

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import SlidingWindows
from proxy.simulator.poloniex.limits import PoloniexLimits
from proxy.simulator.poloniex.names import NAME, spell_all
from proxy.simulator.poloniex.routes import route
from proxy.simulator.poloniex.seat import Row, Seat, Switch, Visit
from proxy.simulator.poloniex.spot_trade import trip
from proxy.simulator.poloniex.wire import Refusal, authenticate, body_of, pairs_of, say
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor


class PoloniexVenue:
    """Spot and futures share a host; futures wrap what they say."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of(NAME, PoloniexLimits())
        self.windows = SlidingWindows()
        self.switches: dict[str, Switch] = {}
        spell_all(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find(NAME, asked.headers.get("key", ""))

    def answer(self, asked: Asked) -> Answer:
        futures = _futures(asked)
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            found = route(asked.method, unquote(asked.path))
            if found is None:
                raise Refusal(404, "NOT_FOUND" if futures else "Not Found", 404)
            row, names = found
            if row.money:
                self._witness(asked)
            params = dict(pairs_of(asked.query))
            if not row.right:
                self._count(row, asked.address, asked)
                payload = row.run(Visit(self.floor, asked, params, names))
            else:
                key = authenticate(asked, self.identify(asked), self.limits.window_ms)
                trip(key.account, self.switches, asked.now_ms)
                self._count(row, f"account {key.account.name}", asked)
                self._count(row, asked.address, asked)
                self._check_right(key, row)
                key.used_ms = asked.now_ms
                seat = Seat(self.floor, asked, params, names, key, body_of(asked), self.limits, self.switches)
                payload = row.run(seat)
        except Refusal as refusal:
            answer = say(refusal, futures)
            key = key or self.identify(asked)
        else:
            answer = Answer(200, orjson.dumps(_wrapped(asked, payload) if futures else payload))
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _witness(self, asked: Asked) -> None:
        key = self.identify(asked)
        may = key is not None and key.spec.withdraw
        self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)

    def _count(self, row: Row, subject: str, asked: Asked) -> None:
        capacity: int = getattr(self.limits, row.group)
        if not self.windows.take(f"{row.group} {subject}", capacity, 1.0, asked.monotonic):
            raise _too_many(asked)

    @staticmethod
    def _check_right(key: LiveKey, row: Row) -> None:
        rights = {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not rights[row.right]:
            raise Refusal(403, "ACCESS_DENY", 403)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return say(_too_many(asked), _futures(asked))

    def error(self, asked: Asked, status: int) -> Answer:
        futures = _futures(asked)
        return say(Refusal(500, "SYSTEM_EXCEPTION" if futures else "Internal System Error", status), futures)

    def unknown(self, asked: Asked) -> Answer:
        if _futures(asked):
            return say(Refusal(500, "SYSTEM_EXCEPTION", 500), True)
        return say(Refusal(603, "Internal Request Timeout", 500), False)

    def maintenance(self, asked: Asked) -> Answer:
        if _futures(asked):
            return say(Refusal(1002, "SYSTEM_MAINTENANCE"), True)
        text = "No order creation/cancelation is allowed as Poloniex is in Maintenance Mode"
        return say(Refusal(21340, text), False)


def _futures(asked: Asked) -> bool:
    return asked.path.startswith("/v3/")


def _too_many(asked: Asked) -> Refusal:
    return Refusal(429, "TOO_MANY_REQUEST" if _futures(asked) else "Too many requests", 429)


def _wrapped(asked: Asked, payload: Any) -> dict[str, Any]:
    """The code is a number after a POST, a text else, as seen on the exchange."""
    return {"code": 200 if asked.method == "POST" else "200", "msg": "Success", "data": payload}
