"""KuCoin from the exchange's side: who may do what, and how often."""

from dataclasses import replace
from urllib.parse import parse_qsl

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.faults import page
from proxy.simulator.kucoin.limits import KucoinLimits
from proxy.simulator.kucoin.names import NAME, spell_all
from proxy.simulator.kucoin.pools import Blocks, Pools, Reading
from proxy.simulator.kucoin.routes import route
from proxy.simulator.kucoin.seat import Row, Seat, Switch, Visit
from proxy.simulator.kucoin.switch import trip
from proxy.simulator.kucoin.wire import Refusal, authenticate, body_of, say
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

TOO_MANY = "Too many requests in a short period of time, please retry later"


class KucoinVenue:
    """Pools are kept per account for private endpoints and per address for public ones ("Rate limit")."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of(NAME, KucoinLimits())
        self.pools = Pools()
        self.endpoints = Blocks()
        self.cdn = Blocks()
        self.switches: dict[str, Switch] = {}
        spell_all(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find(NAME, asked.headers.get("kc-api-key", ""))

    def answer(self, asked: Asked) -> Answer:
        limits = self.limits
        if not self.cdn.pass_by(asked.address, limits.cdn, 10.0, limits.cdn_block_s, asked.monotonic):
            return Answer(429, page(429, "Error 1015: You are being rate limited"), "1015", content_type="text/html")
        headers: dict[str, str] = {}
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            found = route(asked.product, asked.method, asked.path)
            if found is None:
                raise Refusal("404000", "Url Not Found", 404)
            name, row, names = found
            if row.money:
                self._witness(asked)
            params = dict(parse_qsl(asked.query, keep_blank_values=True))
            if not row.right:
                headers = self._count(row, asked.address, asked)
                payload = row.run(Visit(self.floor, asked, params, names))
            else:
                key = self.identify(asked)
                key = authenticate(asked, key)
                trip(key.account, self.switches, asked.now_ms)
                headers = self._count(row, key.account.name, asked)
                self._check_endpoint(key, name, asked)
                self._check_right(key, row)
                key.used_ms = asked.now_ms
                seat = Seat(self.floor, asked, params, names, key, body_of(asked), limits, self.switches)
                payload = row.run(seat)
        except Refusal as refusal:
            answer = say(refusal)
        else:
            answer = Answer(200, orjson.dumps({"code": "200000", "data": payload}))
        answer = replace(answer, headers={**headers, **answer.headers})
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _witness(self, asked: Asked) -> None:
        key = self.identify(asked)
        may = key is not None and key.spec.withdraw
        self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)

    def _window(self, row: Row) -> tuple[int, float]:
        limits = self.limits
        capacities = {
            "spot": limits.spot,
            "futures": limits.futures,
            "management": limits.management,
            "public": limits.public,
            "unified": limits.unified,
        }
        return capacities[row.pool], limits.unified_window_s if row.pool == "unified" else limits.window_s

    def _count(self, row: Row, subject: str, asked: Asked) -> dict[str, str]:
        """The usage headers. Raises Refusal."""
        capacity, window_s = self._window(row)
        fits, reading = self.pools.take(f"{row.pool} {subject}", row.weight, capacity, window_s, asked.monotonic)
        if not fits:
            raise Refusal("429000", TOO_MANY, 429, reading.headers())
        return reading.headers()

    def _check_endpoint(self, key: LiveKey, name: str, asked: Asked) -> None:
        capacity = self.limits.endpoint
        subject = f"{key.account.name} {asked.product} {name}"
        if capacity and not self.endpoints.pass_by(subject, capacity, 10.0, 10.0, asked.monotonic):
            raise Refusal("200002", "Too many requests in a short period of time, please retry later--200002", 429)

    @staticmethod
    def _check_right(key: LiveKey, row: Row) -> None:
        rights = {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not rights[row.right]:
            raise Refusal("400007", "Access denied, require more permission", 403)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        self.cdn.lift(address)

    def throttled(self, asked: Asked) -> Answer:
        """An empty pool: the headers tell it from an overloaded system."""
        found = route(asked.product, asked.method, asked.path)
        if found is None:
            return say(Refusal("429000", TOO_MANY, 429))
        row, key = found[1], self.identify(asked)
        subject = key.account.name if row.right and key else asked.address
        capacity, window_s = self._window(row)
        reading = self.pools.read(f"{row.pool} {subject}", capacity, window_s, asked.monotonic)
        return say(Refusal("429000", TOO_MANY, 429, Reading(capacity, 0, reading.reset_ms).headers()))

    def error(self, asked: Asked, status: int) -> Answer:
        """429: the system is overloaded, which says nothing of the caller's pool and has no headers."""
        if status == 429:
            return say(Refusal("429000", "Too many requests. System-level rate limit exceeded.", 429))
        return say(Refusal("500000", "Internal Server Error", status))

    def unknown(self, asked: Asked) -> Answer:
        return say(Refusal("408000", "Network timeout, please try again later"))

    def maintenance(self, asked: Asked) -> Answer:
        return say(Refusal("503", "Service Unavailable", 503))
