"""Kraken spot from the exchange's side: who may do what, and how often."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import DecayingCounters
from proxy.simulator.kraken.account import PRIVATE
from proxy.simulator.kraken.data import PUBLIC
from proxy.simulator.kraken.limits import KrakenLimits
from proxy.simulator.kraken.ticket import Seat
from proxy.simulator.kraken.wire import Refusal, nonce_text, parameters, signed, take_nonce
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

# tier: (capacity, decay per second), REST counter of a key and engine counter of account and pair
REST = {"starter": (15.0, 0.33), "intermediate": (20.0, 0.5), "pro": (20.0, 1.0)}
ENGINE = {"starter": (60.0, 1.0), "intermediate": (125.0, 2.34), "pro": (180.0, 3.75)}
OPEN_ORDERS = {"starter": 60, "intermediate": 80, "pro": 225}


class KrakenVenue:
    """Answers are HTTP 200 with errors inside (spot REST errors)."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("kraken", KrakenLimits())
        self.rest = DecayingCounters()
        self.engine = DecayingCounters()
        self.public = DecayingCounters()
        self._strikes: OrderedDict[str, int] = OrderedDict()  # wrong nonces, signatures, keys in a row
        self._locked: OrderedDict[str, float] = OrderedDict()  # until when, ms

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("kraken", asked.headers.get("api-key", ""))

    def answer(self, asked: Asked) -> Answer:
        kind, _, name = asked.path.removeprefix("/0/").partition("/")
        if not asked.path.startswith("/0/") or kind not in ("public", "private"):
            return _error("EGeneral:Unknown method", 404)
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            if kind == "public":
                payload = self._public(asked, name)
            else:
                seat = self._authenticate(asked, name)
                key = seat.key
                payload = PRIVATE[name].run(seat)
        except Refusal as refusal:
            answer = _error(refusal.text)
            key = key or self.identify(asked)
        else:
            answer = Answer(200, orjson.dumps({"error": [], "result": payload}))
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _public(self, asked: Asked, name: str) -> Any:
        row = PUBLIC.get(name)
        if row is None or asked.method != "GET":
            raise Refusal("EGeneral:Unknown method")
        params = row.read(asked.query)
        subject = f"{asked.address} {row.subject(params)}"
        capacity, decay = self.limits.public
        if not self.public.take(subject, 1.0, capacity, decay, asked.monotonic):
            raise Refusal("EAPI:Rate limit exceeded")
        return row.run(self.floor, params, asked.now_ms)

    def _authenticate(self, asked: Asked, name: str) -> Seat:
        """Everything up to the counters. A refusal here takes no nonce, except the one for too many calls."""
        row = PRIVATE.get(name)
        given = asked.headers.get("api-key", "")
        key = self.floor.registry.find("kraken", given)
        if name.startswith(("Withdraw", "WalletTransfer", "AccountTransfer")) and row is not None and row.money:
            may = key is not None and key.spec.withdraw
            self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)
        subject = given if key else asked.address
        self._check_lockout(subject, asked.now_ms)
        if row is None:
            raise Refusal("EGeneral:Unknown method")
        if asked.method != "POST":
            raise Refusal("EAPI:Bad request")
        if key is None or key.deleted:
            raise self._strike(subject, "EAPI:Invalid key", asked.now_ms)
        if key.suspended(asked.now_ms):
            raise Refusal("EGeneral:Temporary lockout")
        if not key.admits(asked.address):
            # The text for an address outside the allowlist is published nowhere.
            raise Refusal("EAPI:Invalid key")
        if asked.query:
            raise Refusal("EGeneral:Invalid arguments")
        params, is_json = parameters(asked.headers.get("content-type", ""), asked.body)
        nonce = nonce_text(params)
        if not signed(key.spec.secret, asked.path, nonce, asked.body, asked.headers.get("api-sign", "")):
            raise self._strike(subject, "EAPI:Invalid signature", asked.now_ms)
        if not take_nonce(key, int(nonce)):
            raise self._strike(subject, "EAPI:Invalid nonce", asked.now_ms)
        self._strikes.pop(subject, None)
        if "otp" in params:
            raise Refusal("EAPI:Invalid key")  # none of the keys here has a second factor
        key.used_ms = asked.now_ms
        tier = key.account.spec.tier
        capacity, decay = self.limits.rest or REST[tier]
        if row.cost and not self.rest.take(given, row.cost, capacity, decay, asked.monotonic):
            raise Refusal("EAPI:Rate limit exceeded")
        if row.json_only and not is_json:
            raise Refusal("EGeneral:Invalid arguments")
        rights = {"none": True, "read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not rights[row.right]:
            raise Refusal("EGeneral:Permission denied")
        if key.account.suspended(asked.now_ms) and row.right == "trade":
            raise Refusal("EAuth:Account temporary disabled")
        known = {"nonce", *row.params}
        if any(name not in known for name in params):
            raise Refusal("EGeneral:Invalid arguments")
        engine = self.limits.engine or ENGINE[tier]
        most = self.limits.open_orders or OPEN_ORDERS[tier]
        return Seat(self.floor, key, params, asked, self.engine, engine, most)

    def _check_lockout(self, subject: str, now_ms: int) -> None:
        until = self._locked.get(subject)
        if until is not None and now_ms < until:
            self._locked[subject] = now_ms + self.limits.lockout_seconds * 1000
            raise Refusal("EGeneral:Temporary lockout")

    def _strike(self, subject: str, text: str, now_ms: int) -> Refusal:
        strikes = self._strikes[subject] = self._strikes.get(subject, 0) + 1
        if len(self._strikes) > 10_000:
            self._strikes.popitem(last=False)
        if strikes >= self.limits.lockout_after:
            del self._strikes[subject]
            self._locked[subject] = now_ms + self.limits.lockout_seconds * 1000
            if len(self._locked) > 10_000:
                self._locked.popitem(last=False)
        return Refusal(text)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return _error("EAPI:Rate limit exceeded")

    def error(self, asked: Asked, status: int) -> Answer:
        return _error("EGeneral:Internal error", status)

    def unknown(self, asked: Asked) -> Answer:
        return _error("EService:Unavailable")

    def maintenance(self, asked: Asked) -> Answer:
        return _error("EService:Market in cancel_only mode")


def _error(text: str, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps({"error": [text]}), text)
