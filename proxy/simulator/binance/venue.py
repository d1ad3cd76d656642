"""Binance spot (and the empty futures catalogue) from the exchange's side: who may do what, and how often."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.binance.account import PRIVATE
from proxy.simulator.binance.book import Book
from proxy.simulator.binance.data import PUBLIC
from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.rows import PATHS, ROWS, Row
from proxy.simulator.binance.ticket import Seat
from proxy.simulator.binance.wire import (
    Refusal,
    Verifier,
    check_time,
    form_body,
    need,
    parameters,
    signed_text,
)
from proxy.simulator.counters import FixedWindows
from proxy.simulator.faults import page
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

_MINUTE = 60_000
_NO_KEY = "Invalid API-key, IP, or permissions for action."
_LONGEST_BAN_S = 3 * 86_400


@dataclass(slots=True)
class _Ban:
    until_ms: float
    seconds: float  # of the latest ban, for the next one


class BinanceVenue:
    """Weight counts by address, orders by account; see rest-api.md, limits."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        limits = self.limits = floor.config.limits_of("binance", BinanceLimits())
        self.weight = FixedWindows(limits.weight_1m, _MINUTE)
        self.raw = FixedWindows(limits.raw_5m, 5 * _MINUTE)
        self.futures = FixedWindows(limits.futures_weight_1m, _MINUTE)
        self.sapi = FixedWindows(limits.sapi_ip_1m, _MINUTE)
        self.orders_10s = FixedWindows(limits.orders_10s, 10_000)
        self.orders_1d = FixedWindows(limits.orders_1d, 86_400_000)
        self.refused = FixedWindows(limits.ban_after, _MINUTE)
        self._bans: OrderedDict[str, _Ban] = OrderedDict()
        self._books: dict[str, Book] = {}
        self._verifier = Verifier()

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("binance", asked.headers.get("x-mbx-apikey", ""))

    def answer(self, asked: Asked) -> Answer:
        headers: dict[str, str] = {}
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            self._check_ban(asked)
            row = ROWS.get((asked.method, asked.path))
            if row is None:
                return _no_such_path(asked)
            body = form_body(asked.method, asked.headers.get("content-type", ""), asked.body)
            params, trouble = self._parse(asked.query, body)
            units = row.weight(params)
            self._charge(row, asked, units, headers)
            if trouble is not None:
                raise trouble
            self._check_names(row, params)
            if row.security == "NONE":
                for name in row.required:
                    need(params, name)
                payload = PUBLIC[row.run](self.floor, params, asked.now_ms)
            else:
                key = self._authenticate(asked, row, params, body)
                book, desk = self._book(key), key.account.desk
                seat = Seat(self.floor, key, params, asked, self.orders_10s, self.orders_1d, book)
                book.settle(desk, asked.now_ms)
                payload = PRIVATE[row.run](seat)
                book.settle(desk, asked.now_ms)
            if row.free:
                self.weight.add(asked.address, -units, asked.now_ms)
                headers["X-MBX-USED-WEIGHT-1M"] = str(self.weight.used(asked.address, asked.now_ms))
        except Refusal as refusal:
            error = orjson.dumps(refusal.body)
            answer = Answer(refusal.status, error, str(refusal.code), {**headers, **refusal.headers})
            key = key or self.identify(asked)
        else:
            if seat is not None:
                headers.update(seat.headers)
            answer = Answer(200, orjson.dumps(payload), "ok", headers)
        if key is None:
            return answer
        return replace(
            answer,
            account=key.account.name,
            key=key.alias,
            client_id=seat.client_id if seat is not None else "",
        )

    def _book(self, key: LiveKey) -> Book:
        return self._books.setdefault(key.account.name, Book())

    def _check_ban(self, asked: Asked) -> None:
        ban = self._bans.get(asked.address)
        if ban is not None and asked.now_ms < ban.until_ms:
            raise self._banned(ban, asked.now_ms)

    def _banned(self, ban: _Ban, now_ms: int) -> Refusal:
        return Refusal(
            418,
            -1003,
            f"Way too much request weight used; IP banned until {int(ban.until_ms)}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            {"Retry-After": str(math.ceil((ban.until_ms - now_ms) / 1000))},
        )

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        self._bans[address] = _Ban(now_ms + seconds * 1000, seconds)
        self._bans.move_to_end(address)
        if len(self._bans) > 10_000:
            self._bans.popitem(last=False)
        return True

    def lift(self, address: str) -> None:
        self._bans.pop(address, None)

    @staticmethod
    def _parse(query: str, body: str) -> tuple[Mapping[str, str], Refusal | None]:
        try:
            return parameters(query, body), None
        except Refusal as trouble:
            return {}, trouble

    def _charge(self, row: Row, asked: Asked, units: int, headers: dict[str, str]) -> None:
        """Count the request; the weight header is on every answer, refusals included."""
        now, address = asked.now_ms, asked.address
        if row.counter == "sapi":
            fits = self.sapi.add(f"{address} {asked.path}", units, now)
            headers["X-SAPI-USED-IP-WEIGHT-1M"] = str(self.sapi.used(f"{address} {asked.path}", now))
            if not fits:
                raise self._over_weight(self.sapi, now)
            return
        window = self.futures if row.counter == "futures" else self.weight
        fits = window.add(address, units, now)
        headers["X-MBX-USED-WEIGHT-1M"] = str(window.used(address, now))
        raw_fits = self.raw.add(address, 1, now)
        if fits and raw_fits:
            return
        if not self.refused.add(address, 1, now):
            before = self._bans.get(address)
            seconds = self.limits.ban_seconds if before is None else before.seconds * 2
            self.ban(address, min(seconds, _LONGEST_BAN_S), now)
            raise self._banned(self._bans[address], now)
        raise self._over_weight(self.raw if fits else window, now)

    def _over_weight(self, window: FixedWindows, now_ms: int) -> Refusal:
        if window is self.raw:
            text = f"Too many requests; current limit is {window.capacity} requests per 5 MINUTE."
        else:
            text = (
                f"Too much request weight used; current limit is {window.capacity} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
        return Refusal(429, -1003, text, {"Retry-After": str(math.ceil(window.reset_ms(now_ms) / 1000))})

    @staticmethod
    def _check_names(row: Row, params: Mapping[str, str]) -> None:
        """Every parameter must be one the endpoint reads; a signature on a public path is one too many."""
        extra = [name for name in params if name not in row.params]
        if not extra:
            return
        read, sent = len(params) - len(extra), len(params)
        if row.security == "NONE":
            raise Refusal(400, -1101, f"Too many parameters; expected '{read}' and received '{sent}'.")
        raise Refusal(
            400, -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        )

    def _authenticate(self, asked: Asked, row: Row, params: Mapping[str, str], body: str) -> LiveKey:
        name = asked.headers.get("x-mbx-apikey", "")
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise Refusal(401, -2014, "API-key format invalid.")
        key = self.floor.registry.find("binance", name)
        if row.security == "WITHDRAW":
            may = key is not None and key.spec.withdraw
            self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)
        if key is None or key.deleted:
            raise Refusal(401, -2008, "Invalid Api-Key ID.")
        if key.suspended(asked.now_ms) or not key.admits(asked.address):
            raise Refusal(401, -2015, _NO_KEY)
        need(params, "signature")
        check_time(params, asked.now_ms)
        if not self._verifier.valid(key.spec.secret, signed_text(asked.query, body), params["signature"]):
            raise Refusal(400, -1022, "Signature for this request is not valid.")
        allowed = {"READ": key.spec.read, "TRADE": key.trade, "WITHDRAW": key.spec.withdraw}[row.security]
        if not allowed:
            raise Refusal(401, -2015, _NO_KEY)
        for required in row.required:
            need(params, required)
        key.used_ms = asked.now_ms
        return key

    def throttled(self, asked: Asked) -> Answer:
        return self._say(self._over_weight(self.weight, asked.now_ms), asked)

    def error(self, asked: Asked, status: int) -> Answer:
        return self._say(
            Refusal(status, -1001, "Internal error; unable to process your request. Please try again."), asked
        )

    def unknown(self, asked: Asked) -> Answer:
        text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
        return self._say(Refusal(500, -1007, text), asked)

    def maintenance(self, asked: Asked) -> Answer:
        return self._say(Refusal(503, -1016, "This service is no longer available."), asked)

    def _say(self, refusal: Refusal, asked: Asked) -> Answer:
        used = {"X-MBX-USED-WEIGHT-1M": str(self.weight.used(asked.address, asked.now_ms))}
        body = orjson.dumps(refusal.body)
        return Answer(refusal.status, body, str(refusal.code), {**used, **refusal.headers})


def _no_such_path(asked: Asked) -> Answer:
    if asked.path in PATHS:
        body = orjson.dumps({"code": -1020, "msg": "This operation is not supported."})
        return Answer(405, body, "-1020")
    return Answer(404, page(404, "404 Not found"), "404", content_type="text/html")
