"""What Binance counts by address: weight, raw requests, and the bans of those who do not stop."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from proxy.simulator.binance.limits import BinanceLimits
from proxy.simulator.binance.rows import Row
from proxy.simulator.binance.wire import Refusal
from proxy.simulator.counters import FixedWindows
from proxy.simulator.records import Asked

_MINUTE = 60_000
_LONGEST_BAN_S = 3 * 86_400


@dataclass(slots=True)
class _Ban:
    until_ms: float
    seconds: float  # of the latest ban, for the next one


class Gate:
    """Futures have one counter of weight for /fapi and /dapi together (since 2026-06-30), and two of plain requests
    for what weighs nothing. A ban counts on every host. Futures never send Retry-After."""

    def __init__(self, limits: BinanceLimits) -> None:
        self.limits = limits
        self.raw = FixedWindows(limits.raw_5m, 5 * _MINUTE)
        self.sapi = FixedWindows(limits.sapi_ip_1m, _MINUTE)
        self.weights = {
            "spot": FixedWindows(limits.weight_1m, _MINUTE),
            "futures": FixedWindows(limits.futures_weight_1m, _MINUTE),
            "portfolio": FixedWindows(limits.portfolio_weight_1m, _MINUTE),
        }
        self.requests = {
            "data": FixedWindows(limits.futures_data_5m, 5 * _MINUTE),
            "funding": FixedWindows(limits.funding_5m, 5 * _MINUTE),
        }
        self.refused = FixedWindows(limits.ban_after, _MINUTE)
        self._bans: OrderedDict[str, _Ban] = OrderedDict()

    def check_ban(self, asked: Asked) -> None:
        ban = self._bans.get(asked.address)
        if ban is not None and asked.now_ms < ban.until_ms:
            raise self._banned(ban, asked)

    @staticmethod
    def _banned(ban: _Ban, asked: Asked) -> Refusal:
        until = int(ban.until_ms)
        if asked.product != "spot":
            text = f"Way too many requests; IP banned until {until}. "
            return Refusal(418, -1003, text + "Please use the websocket for live updates to avoid bans.")
        text = f"Way too much request weight used; IP banned until {until}. "
        wait = {"Retry-After": str(math.ceil((ban.until_ms - asked.now_ms) / 1000))}
        return Refusal(418, -1003, text + "Please use WebSocket Streams for live updates to avoid bans.", wait)

    def ban(self, address: str, seconds: float, now_ms: int) -> None:
        self._bans[address] = _Ban(now_ms + seconds * 1000, seconds)
        self._bans.move_to_end(address)
        if len(self._bans) > 10_000:
            self._bans.popitem(last=False)

    def lift(self, address: str) -> None:
        self._bans.pop(address, None)

    def charge(self, row: Row, asked: Asked, units: int, headers: dict[str, str]) -> None:
        """Count the request; the weight header is on every answer, refusals included."""
        now, address = asked.now_ms, asked.address
        if row.counter == "sapi":
            fits = self.sapi.add(f"{address} {asked.path}", units, now)
            headers["X-SAPI-USED-IP-WEIGHT-1M"] = str(self.sapi.used(f"{address} {asked.path}", now))
            if not fits:
                raise self.over(self.sapi, asked)
            return
        window = self._window(asked, row.counter)
        fits = window.add(address, units, now)
        headers["X-MBX-USED-WEIGHT-1M"] = str(window.used(address, now))
        others = [self.raw] if asked.product == "spot" else []
        if row.counter in self.requests:
            others.append(self.requests[row.counter])
        full = [other for other in others if not other.add(address, 1, now)]
        if fits and not full:
            return
        if not self.refused.add(address, 1, now):
            before = self._bans.get(address)
            seconds = self.limits.ban_seconds if before is None else before.seconds * 2
            self.ban(address, min(seconds, _LONGEST_BAN_S), now)
            raise self._banned(self._bans[address], asked)
        raise self.over(full[0] if fits else window, asked)

    def give_back(self, asked: Asked, units: int, headers: dict[str, str]) -> None:
        """What weighs nothing where it succeeds."""
        window = self._window(asked, "")
        window.add(asked.address, -units, asked.now_ms)
        headers["X-MBX-USED-WEIGHT-1M"] = str(window.used(asked.address, asked.now_ms))

    def _window(self, asked: Asked, counter: str) -> FixedWindows:
        if asked.product == "portfolio":
            return self.weights["portfolio"]
        return self.weights["spot" if asked.product == "spot" and counter != "futures" else "futures"]

    def used(self, asked: Asked) -> dict[str, str]:
        window = self._window(asked, "")
        return {"X-MBX-USED-WEIGHT-1M": str(window.used(asked.address, asked.now_ms))}

    def throttled(self, asked: Asked) -> Refusal:
        return self.over(self._window(asked, ""), asked)

    def over(self, window: FixedWindows, asked: Asked) -> Refusal:
        minutes = window.window_ms // _MINUTE
        if asked.product != "spot":
            span = "minute" if minutes == 1 else f"{minutes} minutes"
            text = f"Too many requests; current limit is {window.capacity} requests per {span}. "
            return Refusal(429, -1003, text + "Please use the websocket for live updates to avoid polling the API.")
        if window is self.raw:
            text = f"Too many requests; current limit is {window.capacity} requests per 5 MINUTE."
        else:
            text = (
                f"Too much request weight used; current limit is {window.capacity} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
        return Refusal(429, -1003, text, {"Retry-After": str(math.ceil(window.reset_ms(asked.now_ms) / 1000))})
