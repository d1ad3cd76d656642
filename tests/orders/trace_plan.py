"""What the bots do in one random trace, and when the daemon dies. Plain data, so that a trace can be cut down."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.model import CallClass

BOTS = ("grid", "maker", "hedge")
EVENTS = ("intend", "committed", "sent", "left", "engine", "answered", "mark")
"""Moments of a call at which the daemon may die: asked of the journal, durable there, noted as sent, given to the
network, executed or refused by the exchange, answered by it, its end noted."""


@dataclass(frozen=True)
class Action:
    """One call of a bot. `number`: what its fate is drawn by. `hangs_up_ms`, `within_ms`: 0 for never, after it began.

    `old`: the order that it cancels or changes. `name`: what makes it one with others of its bot, in the words of the
    contract; "" for nothing.
    """

    number: int
    at_ms: int
    bot: str
    endpoint: str
    call_class: CallClass
    text: str
    key: str = ""
    client_id: str = ""
    old: str = ""
    hangs_up_ms: int = 0
    within_ms: int = 0

    @property
    def name(self) -> str:
        if self.key:
            return f"key {self.key}"
        return f"id {self.client_id}" if self.client_id and self.call_class is CallClass.PLACE else ""

    @property
    def group(self) -> tuple[str, str]:
        """Calls that may be taken for repeats of each other."""
        return self.bot, self.name or f"twin {self.endpoint} {self.text}"


@dataclass(frozen=True)
class Crash:
    """`number`, `event`: at which step of which action; without them at `at_ms`. `attempt`: of which of its copies, for
    steps of one. `stop`: an orderly end.
    """

    at_ms: int
    down_ms: int
    stop: bool
    number: int = -1
    event: str = ""
    attempt: int = 0


@dataclass(frozen=True)
class Plan:
    seed: str
    exchange: str
    actions: tuple[Action, ...]
    crashes: tuple[Crash, ...] = ()

    @property
    def ends_ms(self) -> int:
        return max((action.at_ms for action in self.actions), default=0) + 15_000


_PLACE, _CANCEL, _AMEND = CallClass.PLACE, CallClass.CANCEL, CallClass.AMEND


def _binance(kind: str, bot: str, own: str, old: str, quantity: int) -> tuple[str, CallClass, str]:
    order = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=5"
    named = f"&newClientOrderId={own}" if own else ""
    match kind:
        case "place":
            return "POST /api/v3/order", _PLACE, order + named
        case "list":
            legs = "&aboveType=LIMIT_MAKER&abovePrice=9&belowType=STOP_LOSS&belowStopPrice=4"
            named = f"&listClientOrderId={own}" if own else ""
            return "POST /api/v3/orderList/oco", _PLACE, f"symbol=BTCUSDT&side=SELL&quantity={quantity}{legs}{named}"
        case "cancel":
            return "DELETE /api/v3/order", _CANCEL, f"symbol=BTCUSDT&origClientOrderId={old}"
        case "amend":
            text = f"symbol=BTCUSDT&origClientOrderId={old}&newQty={quantity}"
            return "PUT /api/v3/order/amend/keepPriority", _AMEND, text
        case "replace":
            text = f"{order}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId={old}{named}"
            return "POST /api/v3/order/cancelReplace", _PLACE, text
        case _:
            return "DELETE /api/v3/openOrders", _CANCEL, "symbol=BTCUSDT"


def _kraken(kind: str, bot: str, own: str, old: str, quantity: int) -> tuple[str, CallClass, str]:
    root = "POST /0/private/"
    order = f"pair=XBTUSD&type=buy&ordertype=limit&volume={quantity}&price=5"
    match kind:
        case "place" | "replace":
            return root + "AddOrder", _PLACE, order + (f"&cl_ord_id={own}" if own else "")
        case "list":
            row = {"ordertype": "limit", "price": "5", "type": "buy", "volume": str(quantity)}
            rows = [row | {"cl_ord_id": f"{own}-{n}"} if own else row for n in (1, 2)]
            return root + "AddOrderBatch", _PLACE, json.dumps({"pair": "XBTUSD", "orders": rows})
        case "cancel":
            return root + "CancelOrder", _CANCEL, f"cl_ord_id={old}"
        case "amend":
            return root + "AmendOrder", _AMEND, f"cl_ord_id={old}&order_qty={quantity}"
        case _:
            return root + "CancelAll", _CANCEL, ""


def _cryptocom(kind: str, bot: str, own: str, old: str, quantity: int) -> tuple[str, CallClass, str]:
    order = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "5", "quantity": str(quantity)}
    match kind:
        case "place" | "replace":
            method, call_class, given = "create-order", _PLACE, order | ({"client_oid": own} if own else {})
        case "list":
            rows = [order | ({"client_oid": f"{own}-{n}"} if own else {}) for n in (1, 2)]
            method, call_class = "create-order-list", _PLACE
            return _enveloped(method, call_class, {"contingency_type": "LIST", "order_list": rows})
        case "cancel":
            method, call_class, given = "cancel-order", _CANCEL, {"client_oid": old}
        case "amend":
            method, call_class = "amend-order", _AMEND
            given = {"orig_client_oid": old, "new_price": "5", "new_quantity": str(quantity)}
        case _:
            method, call_class, given = "cancel-all-orders", _CANCEL, {"instrument_name": "BTC_USDT"}
    return _enveloped(method, call_class, given)


def _enveloped(method: str, call_class: CallClass, given: Mapping[str, object]) -> tuple[str, CallClass, str]:
    text = json.dumps({"id": 1, "method": f"private/{method}", "params": given})
    return f"POST /exchange/v1/private/{method}", call_class, text


_WRITTEN = {"binance": _binance, "kraken": _kraken, "cryptocom": _cryptocom}
_OLD = ("cancel", "amend", "replace")
_KINDS = ("place",) * 9 + ("cancel",) * 4 + ("amend", "replace", "list", "all")


def plan(seed: str, exchange: str) -> Plan:
    """The plan of one trace; the same for the same seed."""
    rng = random.Random(f"{seed} plan")
    actions: list[Action] = []
    placed: dict[str, list[str]] = {bot: [] for bot in BOTS}
    spread_ms = rng.choice([2_000, 15_000, 40_000])
    for _ in range(rng.randint(2, 9)):
        first = _first(rng, exchange, len(actions), rng.randrange(spread_ms), placed)
        actions.append(first)
        while rng.random() < 0.5:
            actions.append(_again(rng, exchange, len(actions), first, placed))
    ends_ms = max(action.at_ms for action in actions) + 10_000
    crashes = tuple(_crash(rng, len(actions), ends_ms) for _ in range(rng.choice([0, 0, 1, 1, 2, 3])))
    return Plan(seed, exchange, tuple(actions), crashes)


def _first(rng: random.Random, exchange: str, number: int, at_ms: int, placed: Mapping[str, list[str]]) -> Action:
    bot = rng.choice(BOTS)
    kind = rng.choice(_KINDS)
    own = f"{bot}-{number}" if kind in ("place", "list", "replace") and rng.random() < 0.6 else ""
    old = rng.choice(placed[bot] or ["nobody"])
    endpoint, call_class, text = _WRITTEN[exchange](kind, bot, own, old, rng.randint(1, 3))
    if exchange == "binance" and rng.random() < 0.4:
        text += f"&recvWindow={rng.choice([1000, 4000, 5000, 5000, 60000])}"
    key = f"k{number}" if rng.random() < 0.3 else ""
    if own and kind in ("place", "replace"):
        placed[bot].append(own)
    listed = own and kind == "list" and exchange != "binance"
    client_id = f"{own}-1 {own}-2" if listed else own
    return _timed(
        rng, Action(number, at_ms, bot, endpoint, call_class, text, key, client_id, old if kind in _OLD else "")
    )


def _again(rng: random.Random, exchange: str, number: int, first: Action, placed: Mapping[str, list[str]]) -> Action:
    """The same call once more, or another one under the same name, or a cancel of what it placed."""
    at_ms = first.at_ms + rng.choice([0, rng.randrange(60), rng.randrange(2_000), 8_000 + rng.randrange(8_000)])
    chance = rng.random()
    if chance < 0.15 and first.name:
        changed = first.text.replace("=5", "=6").replace('"5"', '"6"')
        return _timed(rng, replace(first, number=number, at_ms=at_ms, text=changed))
    if chance < 0.22 and first.client_id and not first.old:  # another order, of the same id
        return _timed(rng, replace(first, number=number, at_ms=at_ms, key=f"k{number}"))
    if chance < 0.4 and first.client_id and first.call_class is _PLACE:
        old = first.client_id.split()[0]
        endpoint, call_class, text = _WRITTEN[exchange]("cancel", first.bot, "", old, 1)
        return _timed(rng, Action(number, at_ms, first.bot, endpoint, call_class, text, old=old))
    if chance < 0.45:
        bot = rng.choice([bot for bot in BOTS if bot != first.bot])
        if not first.client_id:
            return _timed(rng, replace(first, number=number, at_ms=at_ms, bot=bot))
    return _timed(rng, replace(first, number=number, at_ms=at_ms))


def _timed(rng: random.Random, action: Action) -> Action:
    hangs_up_ms = rng.choice([rng.randrange(1, 200), rng.randrange(1, 12_000)]) if rng.random() < 0.2 else 0
    within_ms = rng.choice([rng.randrange(1, 400), rng.randrange(1, 15_000)]) if rng.random() < 0.2 else 0
    return replace(action, hangs_up_ms=hangs_up_ms, within_ms=within_ms)


def _crash(rng: random.Random, actions: int, ends_ms: int) -> Crash:
    crash = Crash(rng.randrange(ends_ms), rng.choice([0, rng.randrange(3_000)]), rng.random() < 0.2)
    if rng.random() < 0.6:
        event = rng.choice(EVENTS)
        attempt = rng.choice([1, 1, 2, 3]) if event in ("left", "engine", "answered") else 0
        return replace(crash, number=rng.randrange(actions), event=event, attempt=attempt)
    return crash
