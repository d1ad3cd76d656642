"""Coinbase Advanced Trade from the exchange's side: who may do what, and how often."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from proxy.simulator.accounts import LiveKey
from proxy.simulator.coinbase import account, trade
from proxy.simulator.coinbase.data import app_data, best_bid_ask, market_data, server_time
from proxy.simulator.coinbase.limits import CoinbaseLimits
from proxy.simulator.coinbase.rates import Rate, Rates
from proxy.simulator.coinbase.ticket import Rejected, Seat
from proxy.simulator.coinbase.token import key_name, valid
from proxy.simulator.coinbase.wire import TOO_MANY, UNAUTHORIZED, Refusal, refused, spell
from proxy.simulator.records import Answer, Asked
from proxy.simulator.venue import Floor

ROOT = "/api/v3/brokerage/"
APP = "/v2/"
_SENDS = re.compile("/v2/accounts/[^/]+/(transactions|withdrawals)")


@dataclass(frozen=True, slots=True)
class _Row:
    """`money`: would move money out."""

    run: Callable[[Seat], Any]
    right: Literal["view", "trade", "transfer"] = "view"
    money: bool = False


_PRIVATE: Mapping[tuple[str, str], _Row] = {
    ("POST", "orders"): _Row(trade.place, "trade"),
    ("POST", "orders/batch_cancel"): _Row(trade.batch_cancel, "trade"),
    ("POST", "orders/edit"): _Row(trade.edit, "trade"),
    ("POST", "orders/edit_preview"): _Row(trade.edit_preview),
    ("POST", "orders/preview"): _Row(trade.preview),
    ("GET", "orders/historical/batch"): _Row(account.orders),
    ("GET", "orders/historical/fills"): _Row(account.fills),
    ("GET", "accounts"): _Row(account.accounts),
    ("GET", "key_permissions"): _Row(account.key_permissions),
    ("GET", "portfolios"): _Row(account.portfolios),
    ("GET", "transaction_summary"): _Row(account.transaction_summary),
    ("GET", "best_bid_ask"): _Row(lambda seat: best_bid_ask(seat.floor, seat.query, seat.now_ms)),
    ("POST", "portfolios/move_funds"): _Row(account.move_funds, "transfer", True),
}
_NAMED: Mapping[str, Callable[[Seat, str], Any]] = {
    "orders/historical/": account.one_order,
    "accounts/": account.one_account,
}


class CoinbaseVenue:
    """Private calls are counted by user and by key, public ones by address."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.limits = floor.config.limits_of("coinbase", CoinbaseLimits())
        self.rates = Rates()
        spell(floor.board)

    def identify(self, asked: Asked) -> LiveKey | None:
        return self.floor.registry.find("coinbase", key_name(asked))

    def answer(self, asked: Asked) -> Answer:
        headers: dict[str, str] = {}
        row: _Row | None = None
        key: LiveKey | None = None
        seat: Seat | None = None
        try:
            public = _public(self.floor, asked)
            if public is not None:
                self._count([Rate(f"address {asked.address}", self.limits.public, 1.0)], asked, headers)
                payload = public()
            else:
                row = _private(asked)
                key = self.identify(asked)
                seat = self._authenticate(asked, row, key, headers)
                trade.expire(seat)
                payload = row.run(seat)
        except Refusal as refusal:
            answer = refused(refusal, asked.path)
        else:
            answer = Answer(200, orjson.dumps(payload), seat.outcome if seat else "ok")
        names = (key.account.name, key.alias) if key else ("", "")
        if row is not None and row.money:
            self.floor.ledger.withdraw(asked, *names, answer.outcome == "ok")
        client_id = seat.client_id if seat else ""
        return replace(answer, headers=headers, account=names[0], key=names[1], client_id=client_id)

    def _authenticate(self, asked: Asked, row: _Row, key: LiveKey | None, headers: dict[str, str]) -> Seat:
        """Whatever is wrong with key, token, time or address, the answer is the same."""
        if key is None or key.deleted or key.suspended(asked.now_ms) or not valid(asked, key):
            raise Refusal(*UNAUTHORIZED)
        if not key.admits(asked.address):
            # The answer for an address outside the allow list is published nowhere.
            raise Refusal(*UNAUTHORIZED)
        key.used_ms = asked.now_ms
        limits, name = self.limits, key.spec.key
        rates = [
            Rate(f"user {key.account.name}", limits.user, 1.0),
            Rate(f"key {name}", limits.key, 1.0),
            Rate(f"hour {name}", limits.key_1h, 3600.0),
        ]
        self._count(rates, asked, headers)
        if not {"view": key.spec.read, "trade": key.trade, "transfer": key.spec.withdraw}[row.right]:
            raise Refusal(403, "PERMISSION_DENIED", "Missing required scopes")
        if row.money and key.account.suspended(asked.now_ms):
            raise Refusal(403, "PERMISSION_DENIED", "account is restricted")
        return Seat(self.floor, key, asked)

    def _count(self, rates: list[Rate], asked: Asked, headers: dict[str, str]) -> None:
        room, told, wait = self.rates.take(rates, asked.monotonic)
        reset = wait + (asked.now_ms // 1000 if self.limits.reset_epoch else 0)
        headers.update({**told, "x-ratelimit-reset": str(int(reset))})
        if not room:
            raise Refusal(*TOO_MANY)

    def ban(self, address: str, seconds: float, now_ms: int) -> bool:
        return False

    def lift(self, address: str) -> None:
        """There is none."""

    def throttled(self, asked: Asked) -> Answer:
        return refused(Refusal(*TOO_MANY), asked.path)

    def error(self, asked: Asked, status: int) -> Answer:
        return refused(Refusal(status, "internal_server_error", "Internal server error"), asked.path)

    def unknown(self, asked: Asked) -> Answer:
        """To an order, a failure without a reason; else a server error."""
        if asked.method != "POST" or asked.path != f"{ROOT}orders":
            return self.error(asked, 500)
        rejected = Rejected("UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON")
        return Answer(200, orjson.dumps(trade.failed(rejected, None)), rejected.error)

    def maintenance(self, asked: Asked) -> Answer:
        return refused(Refusal(503, "unavailable", "Service unavailable"), asked.path)


def _public(floor: Floor, asked: Asked) -> Callable[[], Any] | None:
    """What a call without a key does; None: it takes a key, or there is no such call."""
    path = asked.path
    if asked.method != "GET":
        return None
    if path == f"{ROOT}time":
        return lambda: server_time(asked.now_ms)
    if path.startswith(f"{ROOT}market/"):
        tail = path.removeprefix(f"{ROOT}market/")
        return lambda: _found(market_data(floor, tail, asked))
    if path.startswith(APP) and (data := app_data(floor, path.removeprefix(APP), asked.now_ms)) is not None:
        return lambda: data
    return None


def _private(asked: Asked) -> _Row:
    """The row of a call with a key."""
    if asked.path == f"{APP}accounts" and asked.method == "GET":
        return _Row(account.app_accounts)
    if asked.method == "POST" and _SENDS.fullmatch(asked.path):
        return _Row(account.send_money, "transfer", True)
    if not asked.path.startswith(ROOT):
        raise Refusal(404, "not_found", "Not found")
    tail = asked.path.removeprefix(ROOT)
    if row := _PRIVATE.get((asked.method, tail)):
        return row
    if any(tail == known for _, known in _PRIVATE):
        raise Refusal(405, "METHOD_NOT_ALLOWED", "Method Not Allowed")
    if asked.method == "GET":
        for prefix, run in _NAMED.items():
            if tail.startswith(prefix):
                return _Row(_bound(run, tail.removeprefix(prefix)))
        if tail.startswith("product"):
            return _Row(lambda seat: _found(market_data(seat.floor, tail, asked)))
    raise Refusal(404, "not_found", "Not found")


def _bound(run: Callable[[Seat, str], Any], name: str) -> Callable[[Seat], Any]:
    return lambda seat: run(seat, name)


def _found(data: Any | None) -> Any:
    if data is None:
        raise Refusal(404, "not_found", "Not found")
    return data
