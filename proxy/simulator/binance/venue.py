"""Binance from the exchange's side, spot and futures: who may do what, and how often."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.binance.account import PRIVATE
from proxy.simulator.binance.book import Book
from proxy.simulator.binance.data import PUBLIC
from proxy.simulator.binance.futures.hall import TABLES, Futures
from proxy.simulator.binance.futures.order import Seat as FuturesSeat
from proxy.simulator.binance.gate import Gate
from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.rows import ROWS, Row
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

_NO_KEY = "Invalid API-key, IP, or permissions for action."


class BinanceVenue:
    """Weight counts by address, orders by account; see rest-api.md, limits. Each host has its own table of paths."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        limits = self.limits = floor.config.limits_of("binance", BinanceLimits())
        self.gate = Gate(limits)
        self.orders_10s = FixedWindows(limits.orders_10s, 10_000)
        self.orders_1d = FixedWindows(limits.orders_1d, 86_400_000)
        self.futures = Futures(floor, limits)
        self._books: dict[str, Book] = {}
        self._verifier = Verifier()

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("binance", asked.headers.get("x-mbx-apikey", ""))

    def answer(self, asked: Asked) -> Answer:
        headers: dict[str, str] = {}
        key: LiveKey | None = None
        seat: Seat | FuturesSeat | None = None
        try:
            self.gate.check_ban(asked)
            table = TABLES.get(asked.product, ROWS)
            row = table.get((asked.method, asked.path))
            if row is None:
                return _no_such_path(asked, table)
            body = form_body(asked.method, asked.headers.get("content-type", ""), asked.body)
            params, trouble = self._parse(asked.query, body)
            units = row.weight(params)
            self.gate.charge(row, asked, units, headers)
            if trouble is not None:
                raise trouble
            self._check_names(row, params)
            if row.security == "NONE":
                for name in row.required:
                    need(params, name)
                payload = self._public(row, asked, params)
            else:
                key = self._authenticate(asked, row, params, body)
                seat = self._seat(key, params, asked)
                payload = self._run(row, seat)
            if row.free:
                self.gate.give_back(asked, units, headers)
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

    def _public(self, row: Row, asked: Asked, params: Mapping[str, str]) -> Any:
        if asked.product in TABLES:
            return self.futures.public(row, asked, params)
        return PUBLIC[row.run](self.floor, params, asked.now_ms)

    def _seat(self, key: LiveKey, params: Mapping[str, str], asked: Asked) -> Seat | FuturesSeat:
        if asked.product in TABLES:
            return self.futures.seat(key, params, asked)
        book = self._books.setdefault(key.account.name, Book())
        return Seat(self.floor, key, params, asked, self.orders_10s, self.orders_1d, book)

    def _run(self, row: Row, seat: Seat | FuturesSeat) -> Any:
        if isinstance(seat, FuturesSeat):
            return self.futures.run(row, seat)
        seat.book.settle(seat.key.account.desk, seat.now_ms)
        try:
            return PRIVATE[row.run](seat)
        finally:
            seat.book.settle(seat.key.account.desk, seat.now_ms)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        self.gate.ban(address, seconds, now_ms)
        return True

    def lift(self, address: str) -> None:
        self.gate.lift(address)

    @staticmethod
    def _parse(query: str, body: str) -> tuple[Mapping[str, str], Refusal | None]:
        try:
            return parameters(query, body), None
        except Refusal as trouble:
            return {}, trouble

    @staticmethod
    def _check_names(row: Row, params: Mapping[str, str]) -> None:
        """Every parameter must be one the endpoint reads; a signature on a public path is one too many."""
        extra = [name for name in params if name not in row.params]
        if not extra:
            return
        read, sent = len(params) - len(extra), len(params)
        if row.security in ("NONE", "KEY"):
            raise Refusal(400, -1101, f"Too many parameters; expected '{read}' and received '{sent}'.")
        raise Refusal(
            400, -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        )

    def _authenticate(self, asked: Asked, row: Row, params: Mapping[str, str], body: str) -> LiveKey:
        name, spot = asked.headers.get("x-mbx-apikey", ""), asked.product not in TABLES
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise Refusal(401, -2014, "API-key format invalid.")
        key = self.floor.registry.find("binance", name)
        if row.security == "WITHDRAW":
            may = key is not None and key.spec.withdraw
            self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)
        # Futures say from where the call came, and nothing of what is wrong.
        refused = Refusal(401, -2015, _NO_KEY if spot else f"{_NO_KEY[:-1]}, request ip: {asked.address}")
        if key is None or key.deleted:
            raise Refusal(401, -2008, "Invalid Api-Key ID.") if spot else refused
        if key.suspended(asked.now_ms) or not key.admits(asked.address):
            raise refused
        if row.security != "KEY":
            need(params, "signature")
            check_time(params, asked.now_ms, spot=spot)
            text = signed_text(asked.query, body, encoded=spot)
            if not self._verifier.valid(key.spec.secret, text, params["signature"]):
                raise Refusal(400, -1022, "Signature for this request is not valid.")
        rights = {"KEY": True, "READ": key.spec.read, "TRADE": key.trade, "WITHDRAW": key.spec.withdraw}
        if not rights[row.security]:
            raise refused
        for required in row.required:
            need(params, required)
        key.used_ms = asked.now_ms
        return key

    def throttled(self, asked: Asked) -> Answer:
        return self._say(self.gate.throttled(asked), asked)

    def error(self, asked: Asked, status: int) -> Answer:
        return self._say(
            Refusal(status, -1001, "Internal error; unable to process your request. Please try again."), asked
        )

    def unknown(self, asked: Asked) -> Answer:
        if asked.product in TABLES:
            text = "Unknown error, please check your request or try again later."
            return self._say(Refusal(503, -1000, text), asked)
        text = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
        return self._say(Refusal(500, -1007, text), asked)

    def maintenance(self, asked: Asked) -> Answer:
        return self._say(Refusal(503, -1016, "This service is no longer available."), asked)

    def _say(self, refusal: Refusal, asked: Asked) -> Answer:
        headers = {**self.gate.used(asked), **refusal.headers}
        return Answer(refusal.status, orjson.dumps(refusal.body), str(refusal.code), headers)


def _no_such_path(asked: Asked, table: Mapping[tuple[str, str], Row]) -> Answer:
    if any(path == asked.path for _, path in table):
        body = orjson.dumps({"code": -1020, "msg": "This operation is not supported."})
        return Answer(405, body, "-1020")
    return Answer(404, page(404, "404 Not found"), "404", content_type="text/html")
