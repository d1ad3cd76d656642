"""OKX from the exchange's side: who may do what, and how often."""

import hmac
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.okx.data import PUBLIC
from proxy.simulator.okx.instruments import spell
from proxy.simulator.okx.limits import OkxLimits
from proxy.simulator.okx.table import BATCH_MOST, PRIVATE, PrivateRow
from proxy.simulator.okx.ticket import Seat
from proxy.simulator.okx.trade import each
from proxy.simulator.okx.wire import (
    CLOCK_SLACK_MS,
    HEADERS,
    Refusal,
    SlidingUnits,
    bad,
    body_of,
    query_of,
    refused,
    signature,
    stamped_ms,
    target,
)
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

ROOT = "/api/v5/"
_PATHS = {path for _, path in PRIVATE}
_UUID_LENGTHS = [8, 4, 4, 4, 12]


class OkxVenue:
    """Public calls are counted by address; private ones by user, and orders by instrument too: more keys or addresses
    of one account add nothing."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("okx", OkxLimits())
        self.windows = SlidingUnits()
        self._timers: dict[str, int] = {}
        spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("okx", asked.headers.get("ok-access-key", ""))

    def answer(self, asked: Asked) -> Answer:
        tail = asked.path.removeprefix(ROOT)
        row = PRIVATE.get((asked.method, tail)) if asked.path.startswith(ROOT) else None
        if row is None:
            return self._public(asked, tail)
        key, seat = self.identify(asked), None
        try:
            seat = self._authenticate(asked, row)
            answer = self._run(seat, row)
        except Refusal as refusal:
            answer = refused(refusal)
        if row.money:
            names = (key.account.name, key.alias) if key else ("", "")
            self.floor.ledger.withdraw(asked, *names, answer.outcome == "ok")
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _public(self, asked: Asked, tail: str) -> Answer:
        row = PUBLIC.get(tail) if asked.path.startswith(ROOT) else None
        try:
            if row is None and tail not in _PATHS:
                raise Refusal(404, "404", "Not Found")
            if row is None or asked.method != "GET":
                raise Refusal(405, "50115", "Invalid request method.")
            params = query_of(asked)
            more = params.get("instType", "") if row.per_type else ""
            subject = f"{asked.address} {tail} {more}"
            if not self.windows.take(subject, 1, getattr(self.limits, row.limit), row.window_s, asked.monotonic):
                raise self._too_many()
            data = row.run(self.floor, params, asked.now_ms)
        except Refusal as refusal:
            return refused(refusal)
        return Answer(200, orjson.dumps({"code": "0", "data": data, "msg": ""}))

    def _authenticate(self, asked: Asked, row: PrivateRow) -> Seat:
        for header, code, name in HEADERS:
            if not asked.headers.get(header):
                raise Refusal(401, code, f'Request header "{name}" cannot be empty.')
        name, passphrase, sign, stamp = (asked.headers[header] for header, _, _ in HEADERS)
        if abs(asked.now_ms - stamped_ms(stamp)) > CLOCK_SLACK_MS:
            raise Refusal(401, "50102", "Timestamp request expired.")
        key = self.floor.registry.find("okx", name)
        if key is None and [len(part) for part in name.split("-")] != _UUID_LENGTHS:
            raise Refusal(401, "50111", "Invalid OK-ACCESS-KEY.")
        if key is None or key.deleted:
            raise Refusal(200, "50119", "API key doesn't exist")
        if asked.headers.get("x-simulated-trading", "0") == "1":  # all keys here are live ones
            raise Refusal(401, "50101", "APIKey does not match current environment.")
        if not key.admits(asked.address):
            text = f"Your IP {asked.address} is not included in your API key's IP whitelist."
            raise Refusal(401, "50110", text)
        made = signature(key.spec.secret, stamp, asked.method, target(asked), asked.body)
        if not hmac.compare_digest(made.encode(), sign.encode()):
            raise Refusal(401, "50113", "Invalid signature.")
        if not hmac.compare_digest(key.spec.passphrase.encode(), passphrase.encode()):
            raise Refusal(401, "50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.')
        if key.suspended(asked.now_ms):
            raise Refusal(400, "50100", "API frozen, please contact customer service.")
        if key.account.suspended(asked.now_ms):
            raise Refusal(200, "50007", "User blocked.")
        if not {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}[row.right]:
            raise Refusal(200, "50120", "This API key doesn't have permission to use this function")
        key.used_ms = asked.now_ms
        params: dict[str, Any] = {}
        rows: list[dict[str, Any]] = []
        if asked.method == "GET":
            params = query_of(asked)
        else:
            body = body_of(asked)
            if isinstance(body, list) is not bool(row.batch):
                raise Refusal(400, "50002", "JSON syntax error")
            rows = body if isinstance(body, list) else [body] if row.order else []
            params = body if not rows and isinstance(body, dict) else {}
        return Seat(self.floor, key, asked, params, rows, self.windows, self.limits, self._timers)

    def _run(self, seat: Seat, row: PrivateRow) -> Answer:
        self._cancel_if_due(seat)
        late = row.expires and _late(seat.asked)
        self._count(seat, row)
        if row.run is not None:
            return Answer(200, orjson.dumps({"code": "0", "data": row.run(seat), "msg": ""}))
        assert row.order is not None
        if len(seat.rows) == 1:
            seat.client_id = str(seat.rows[0].get("clOrdId", ""))
        results = each(seat, _expired if late else row.order)
        codes = [result["sCode"] for result in results]
        failed = sum(code != "0" for code in codes)
        code = "0" if not failed else "1" if failed == len(codes) else "2"
        text = {"0": "", "1": "Operation failed.", "2": "Bulk operation partially succeeded."}[code]
        received = seat.now_ms * 1000
        times = {"inTime": str(received), "outTime": str(received + 500)}
        outcome = "ok" if not failed else codes[0] if len(codes) == 1 else code
        return Answer(200, orjson.dumps({"code": code, "data": results, "msg": text, **times}), outcome)

    def _count(self, seat: Seat, row: PrivateRow) -> None:
        """Of the counters of a call, none is drawn on unless the one before it has room."""
        asked, rows = seat.asked, seat.rows
        named: list[Mapping[str, Any]] = [*rows] or [seat.params]
        if row.batch and not rows:
            raise Refusal(400, "50000", "Body for POST request cannot be empty.")
        if len(rows) > BATCH_MOST and row.too_many is not None:
            raise Refusal(*row.too_many)
        many = len(rows) > 1
        name = row.batch if many else row.limit
        by = Counter(str(r.get("instId", "")) for r in named) if row.instrument else Counter([""])
        group = name if row.order else f"{asked.method} {asked.path}"
        for instrument, units in by.items():
            subject = f"{seat.key.account.name} {group} {instrument}"
            capacity = getattr(self.limits, name)
            if not self.windows.take(subject, units, capacity, row.window_s, asked.monotonic):
                raise self._too_many()
        if row.counted:
            swaps = sum(self.limits.count_spot or str(r.get("instId", "")).endswith("-SWAP") for r in rows)
            subject = f"{seat.key.account.name} new and amended"
            if not self.windows.take(subject, swaps, self.limits.account_orders, 2.0, asked.monotonic):
                raise Refusal(200, "50061", "You've reached the maximum order rate limit for this account.")

    def _cancel_if_due(self, seat: Seat) -> None:
        due = self._timers.get(seat.key.account.name)
        if due is None or seat.now_ms < due:
            return
        del self._timers[seat.key.account.name]
        for order in seat.desk.open_orders():
            seat.desk.cancel(order, due)
            order.tags["cancelSource"] = "20"

    def _too_many(self) -> Refusal:
        if self.limits.status == 429:
            return Refusal(429, "50011", "Too Many Requests")
        text = "Rate limit reached. Please refer to API documentation and throttle requests accordingly."
        return Refusal(self.limits.status, "50011", text)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return refused(self._too_many())

    def error(self, asked: Asked, status: int) -> Answer:
        return refused(Refusal(status, "50026", "System error. Try again later"))

    def unknown(self, asked: Asked) -> Answer:
        text = "API endpoint request timeout. "
        more = "(does not mean that the request was successful or failed, please check the request result)."
        return refused(Refusal(400, "50004", text + more))

    def maintenance(self, asked: Asked) -> Answer:
        return refused(Refusal(503, "50001", "Service temporarily unavailable. Please try again later."))


def _late(asked: Asked) -> bool:
    """The request was good when it was made, and its expTime has passed since. Raises for one that never was."""
    text = asked.headers.get("exptime", "")
    if not text:
        return False
    if not text.isascii() or not text.isdigit():
        raise bad("expTime")
    if asked.now_ms <= int(text):
        return False
    if int(text) > stamped_ms(asked.headers["ok-access-timestamp"]):
        return True
    message = "The expTime can't be earlier than the current system time. Please adjust the expTime and try again."
    raise Refusal(200, "50036", message)


def _expired(seat: Seat, row: Any) -> dict[str, Any]:
    raise Refusal(200, "50037", "Order expired.")
