"""Bybit from the exchange's side: who may do what, and how often."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from proxy.simulator.accounts import LiveKey
from proxy.simulator.bybit import markets
from proxy.simulator.bybit.account import ROUTES, Route
from proxy.simulator.bybit.data import PUBLIC, Query
from proxy.simulator.bybit.limits import BybitLimits, quota
from proxy.simulator.bybit.seat import Seat, line
from proxy.simulator.bybit.wire import (
    Refusal,
    Shut,
    body_params,
    check_time,
    payload_of,
    query_params,
    reply,
    signed,
)
from proxy.simulator.faults import page
from proxy.simulator.records import Answer, Asked
from proxy.simulator.rolling import RollingWindows
from proxy.simulator.venue import Floor

_IP_WINDOW_S = 5.0
TOO_MANY = (10006, "Too many visits. Exceeded the API Rate Limit.")


class BybitVenue:
    """Every request counts for its address; signed ones for the user, its endpoint and line of business."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("bybit", BybitLimits())
        self.windows = RollingWindows()
        self._banned: OrderedDict[str, float] = OrderedDict()  # address -> end in ms
        markets.spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("bybit", asked.headers.get("x-bapi-api-key", ""))

    def answer(self, asked: Asked) -> Answer:
        seat: Seat | None = None
        headers: dict[str, str] = {}
        key = self.identify(asked)
        route = ROUTES.get((asked.method, asked.path))
        try:
            self._count_address(asked)
            self._check_form(asked, route)
            if route is None:
                params = query_params(asked.query)
                answer = reply(PUBLIC[asked.path](Query(self.floor, params, asked.now_ms)), asked.now_ms)
            else:
                seat = self._authenticate(asked, key)
                self._count(seat, route, headers)
                self._check_right(seat.key, route)
                answer = self._run(seat, route)
        except Shut as shut:
            answer = shut.answer
        except Refusal as refusal:
            answer = _refused(refusal, asked)
        if route is not None and route.right == "withdraw":
            names = (key.account.name, key.alias) if key else ("", "")
            self.floor.ledger.withdraw(asked, *names, answer.outcome == "ok")
        usual = {"Timenow": str(asked.now_ms), "Traceid": f"{asked.now_ms:032x}"}
        answer = replace(answer, headers={**answer.headers, **usual, **headers})
        if key is None or route is None:
            return answer
        return replace(
            answer, account=key.account.name, key=key.alias, client_id=seat.client_id if seat is not None else ""
        )

    def _run(self, seat: Seat, route: Route) -> Answer:
        done = route.run(seat)
        payload, extra = done if route.batch else (done, None)
        seat.key.used_ms = seat.now_ms
        return reply(payload, seat.now_ms, extra=extra)

    def _count_address(self, asked: Asked) -> None:
        """600 requests in 5 s; one more shuts the address out for ten minutes, whatever it then asks."""
        now = asked.now_ms
        if self._banned.get(asked.address, 0.0) > now:
            raise Shut(_too_frequent())
        count = self.windows.take(f"ip {asked.address}", 1, self.limits.ip_5s, _IP_WINDOW_S, asked.monotonic)
        if not count.granted:
            self.ban(asked.address, self.limits.ban_seconds, now)
            raise Shut(_too_frequent())

    @staticmethod
    def _check_form(asked: Asked, route: Route | None) -> None:
        if asked.method not in ("GET", "POST"):
            raise Refusal(10001, "Request parameter error.", 400)
        if asked.method == "GET" and asked.body:
            raise Shut(Answer(403, page(403, "403 ERROR"), "403", content_type="text/html"))
        if route is None and (asked.method != "GET" or asked.path not in PUBLIC):
            raise Refusal(10017, "Route not found.", 404)

    def _authenticate(self, asked: Asked, key: LiveKey | None) -> Seat:
        headers = asked.headers
        name, stamp, sign = (headers.get(f"x-bapi-{n}", "") for n in ("api-key", "timestamp", "sign"))
        if not (name and stamp and sign):
            raise Shut(Answer(401, b"", "401", content_type="text/plain"))
        if key is None or key.deleted:
            raise Refusal(10003, "API key is invalid.", 401)
        window = headers.get("x-bapi-recv-window", "")
        check_time(stamp, window, asked.now_ms)
        text = f"{stamp}{name}{window}{payload_of(asked)}"
        if not signed(key.spec.secret, text, sign):
            raise Refusal(10004, f"error sign! origin_string[{text}]")
        if key.suspended(asked.now_ms):
            raise Refusal(33004, "Your api key has expired.")
        if key.account.suspended(asked.now_ms):
            raise Refusal(10008, "User has been banned.")
        if not key.admits(asked.address):
            raise Refusal(10010, "Unmatched IP, please check your API key's bound IP addresses.")
        params: dict[str, Any] = body_params(asked) if asked.method == "POST" else query_params(asked.query)
        return Seat(self.floor, key, params, asked, self.limits)

    def _count(self, seat: Seat, route: Route, headers: dict[str, str]) -> None:
        """Orders of a batch count one by one, those of options together; what is left of it is told in any case."""
        asked, kind = seat.asked, seat.params.get("category")
        allowed = quota(self.limits, asked.path, line(kind))
        wanted = seat.params.get("request") if route.batch and kind != "option" else None
        units = len(wanted) if isinstance(wanted, list) and wanted else 1
        subject = f"uid {seat.key.account.name} {asked.path} {allowed.line}"
        count = self.windows.take(subject, units, allowed.capacity, allowed.window_s, asked.monotonic)
        headers["X-Bapi-Limit"] = str(allowed.capacity)
        headers["X-Bapi-Limit-Status"] = str(count.left)
        wait_ms = round(count.wait_s * 1000) if count.granted < units else 0
        headers["X-Bapi-Limit-Reset-Timestamp"] = str(asked.now_ms + wait_ms)
        if not count.granted:
            raise Refusal(*TOO_MANY)
        seat.granted = 1000 if kind == "option" else count.granted

    @staticmethod
    def _check_right(key: LiveKey, route: Route) -> None:
        allowed = {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not allowed[route.right]:
            raise Refusal(10005, "Permission denied, please check your API key permissions.")

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        self._banned[address] = now_ms + seconds * 1000
        if len(self._banned) > 10_000:
            self._banned.popitem(last=False)
        return True

    def lift(self, address: str) -> None:
        self._banned.pop(address, None)
        self.windows.forget(f"ip {address}")

    def throttled(self, asked: Asked) -> Answer:
        """With the headers of a spent quota, good again after a second."""
        limit = {"X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "0"}
        end = {"X-Bapi-Limit-Reset-Timestamp": str(asked.now_ms + 1000)}
        return replace(_refused(Refusal(*TOO_MANY), asked), headers={**limit, **end})

    def error(self, asked: Asked, status: int) -> Answer:
        return _refused(Refusal(10016, "Internal System Error.", status), asked)

    def unknown(self, asked: Asked) -> Answer:
        return _refused(Refusal(10000, "Server Timeout"), asked)

    def maintenance(self, asked: Asked) -> Answer:
        return _refused(Refusal(10016, "System maintenance. Please try again later.", 503), asked)


def _refused(refusal: Refusal, asked: Asked) -> Answer:
    return reply(None, asked.now_ms, code=refusal.code, message=refusal.message, status=refusal.status)


def _too_frequent() -> Answer:
    """Not in the JSON of the interface, and without a word about the wait."""
    return Answer(403, b"access too frequent", "403", content_type="text/plain")
