"""Kraken Futures from the exchange's side: who may do what, and how often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.counters import DecayingCounters, FixedWindows
from proxy.simulator.krakenfutures import account, calls
from proxy.simulator.krakenfutures.data import public
from proxy.simulator.krakenfutures.limits import KrakenfuturesLimits
from proxy.simulator.krakenfutures.spelling import spell
from proxy.simulator.krakenfutures.trade import Seat, UsedIds
from proxy.simulator.krakenfutures.wire import Refusal, batch_of, parameters, said_no, signed, take_nonce
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

WINDOW_MS = 10_000
_REFILL_S = 600.0


@dataclass(frozen=True, slots=True)
class Row:
    """`cost`: points of the /derivatives budget, or tokens of the /history pool where `history` is set."""

    run: Callable[[Seat], dict[str, Any]]
    cost: int
    right: Literal["read", "trade", "withdraw"] = "read"
    history: bool = False
    money: bool = False


_V3 = "/derivatives/api/v3"
SIGNED: dict[tuple[str, str], Row] = {
    ("GET", f"{_V3}/accounts"): Row(account.accounts, 2),
    ("GET", f"{_V3}/openpositions"): Row(account.positions, 2),
    ("GET", f"{_V3}/openorders"): Row(account.open_orders, 2),
    ("GET", f"{_V3}/fills"): Row(account.fills, 2),
    ("POST", f"{_V3}/orders/status"): Row(account.order_status, 1),
    ("GET", f"{_V3}/orders/status"): Row(account.order_status, 1),
    ("POST", f"{_V3}/sendorder"): Row(calls.send_order, 10, "trade"),
    ("POST", f"{_V3}/editorder"): Row(calls.edit_order, 10, "trade"),
    ("PUT", f"{_V3}/editorder"): Row(calls.edit_order, 10, "trade"),
    ("POST", f"{_V3}/cancelorder"): Row(calls.cancel_order, 10, "trade"),
    ("POST", f"{_V3}/cancelallorders"): Row(calls.cancel_all, 25, "trade"),
    ("POST", f"{_V3}/batchorder"): Row(calls.batch, 9, "trade"),
    ("POST", f"{_V3}/withdrawal"): Row(account.moved, 100, "withdraw", money=True),
    ("POST", f"{_V3}/transfer"): Row(account.moved, 10, "withdraw", money=True),
    ("POST", f"{_V3}/transfer/subaccount"): Row(account.moved, 10, "withdraw", money=True),
    ("GET", "/api/history/v2/orders"): Row(account.order_history, 1, history=True),
    ("GET", "/api/history/v3/orders"): Row(account.order_history, 1, history=True),
    ("GET", "/api/history/v2/executions"): Row(account.executions, 1, history=True),
    ("GET", "/api/history/v3/executions"): Row(account.executions, 1, history=True),
    ("GET", "/api/auth/v1/api-keys/v3/check"): Row(account.key_info, 0),
}


class KrakenfuturesVenue:
    """Answers are HTTP 200 with the refusal inside, but for too many requests and unreadable ones."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("krakenfutures", KrakenfuturesLimits())
        self.points = FixedWindows(self.limits.points, WINDOW_MS)
        self.public = FixedWindows(self.limits.public, WINDOW_MS)
        self.tokens = DecayingCounters()
        self.ids = UsedIds()
        spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("krakenfutures", asked.headers.get("apikey", ""))

    def answer(self, asked: Asked) -> Answer:
        row = SIGNED.get((asked.method, asked.path))
        key = self.identify(asked) if row is not None else None
        seat: Seat | None = None
        try:
            if row is not None:
                seat = self._seat(asked, row, key)
                reply = row.run(seat)
            else:
                reply = self._public(asked)
        except Refusal as refusal:
            answer = said_no(asked, refusal)
        else:
            answer = Answer(200, orjson.dumps(reply), _outcome(reply))
        if key is None:
            return answer
        client_id = seat.client_id if seat is not None else ""
        return replace(answer, account=key.account.name, key=key.alias, client_id=client_id)

    def _public(self, asked: Asked) -> dict[str, Any]:
        found = public(asked.path)
        if found is None or asked.method != "GET":
            raise Refusal("notFound", 404)
        if not self.public.add(asked.address, 1, asked.now_ms):
            raise self._limited()
        run, tail = found
        return run(self.floor, {**parameters(asked), "tail": tail}, asked.now_ms)

    def _seat(self, asked: Asked, row: Row, key: LiveKey | None) -> Seat:
        """Raises Refusal. An address off the list and a suspended key are no other error than a wrong signature."""
        if row.money:
            may = key is not None and key.spec.withdraw
            self.floor.ledger.withdraw(asked, key.account.name if key else "", key.alias if key else "", may)
        if key is None or key.deleted or key.suspended(asked.now_ms) or not signed(key.spec.secret, asked):
            raise Refusal("authenticationError")
        if not key.admits(asked.address):
            raise Refusal("authenticationError")
        if "nonce" in asked.headers:
            take_nonce(key, asked.headers["nonce"], self.limits.nonce_window)
        params = parameters(asked)
        self._count(asked, row, key, params)
        rights = {"read": key.spec.read, "trade": key.trade, "withdraw": key.spec.withdraw}
        if not rights[row.right]:
            raise Refusal("insufficientPrivileges")
        if key.account.suspended(asked.now_ms):
            raise Refusal("accountInactive")
        key.used_ms = asked.now_ms
        return Seat(self.floor, key, params, asked, self.ids, self.limits.known_s * 1000)

    def _count(self, asked: Asked, row: Row, key: LiveKey, params: dict[str, str]) -> None:
        """To the account and to the address."""
        subjects = (f"account {key.account.name}", f"address {asked.address}")
        if row.history:
            pool, refill = self.limits.tokens, self.limits.tokens / _REFILL_S
            fits = [self.tokens.take(one, row.cost, pool, refill, asked.monotonic) for one in subjects]
        else:
            cost = row.cost
            if row.run is calls.batch:
                cost += len(batch_of(asked)[0])
            elif row.run is account.fills and "lastFillTime" in params:
                cost = 25
            fits = [self.points.add(one, cost, asked.now_ms) for one in subjects]
        if not all(fits):
            raise self._limited()

    def _limited(self) -> Refusal:
        return Refusal("apiLimitExceeded", self.limits.status)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return said_no(asked, self._limited())

    def error(self, asked: Asked, status: int) -> Answer:
        return said_no(asked, Refusal("Server Error", status))

    def unknown(self, asked: Asked) -> Answer:
        return said_no(asked, Refusal("unknownError"))

    def maintenance(self, asked: Asked) -> Answer:
        return said_no(asked, Refusal("marketUnavailable"))


def _outcome(reply: dict[str, Any]) -> str:
    """A definite no of the engine comes inside a success."""
    for name in ("sendStatus", "editStatus", "cancelStatus"):
        status = reply.get(name, {}).get("status", "")
        if status not in ("", "placed", "edited", "cancelled", "noOrdersToCancel"):
            return str(status)
    return "ok"
