"""An account's pool: its keys, their addresses, its limits; and what the ledger is asked for a call. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from proxy.config import AccountConfig
from proxy.exchanges.form import Exchange
from proxy.exchanges.table import limits_of, units
from proxy.model import (
    Ask,
    Auth,
    Call,
    CallClass,
    Charge,
    Cost,
    Credential,
    Endpoint,
    KeyRoutes,
    Limit,
    Refusal,
    Scope,
    Shape,
    Upstream,
)
from proxy.order_ages import OrderAges

_IN_FLIGHT = "in_flight"
_HIGHER: Mapping[CallClass, tuple[CallClass, ...]] = {
    CallClass.PLACE: (CallClass.CANCEL,),
    CallClass.PUBLIC: (CallClass.CANCEL, CallClass.PLACE, CallClass.READ),
} | dict.fromkeys((CallClass.READ, CallClass.WITHDRAW, CallClass.ADMIN), (CallClass.CANCEL, CallClass.PLACE))
"""For whom a class leaves room."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One account, ready to be asked. `kept`: shares of a limit that a class must leave free, by whom they are for."""

    account: str
    exchange: Exchange
    limits: Mapping[str, Limit]
    credentials: Mapping[str, Credential] = field(repr=False)
    keyed: tuple[KeyRoutes, ...]
    keyless: tuple[KeyRoutes, ...]
    kept: Mapping[tuple[str, CallClass], Mapping[str, float]]
    drawn: frozenset[tuple[str, CallClass]]  # limits of which others leave a class its share
    upstream: Mapping[str, Upstream]
    deny: tuple[str, ...] = ()
    allow_withdrawals: bool = False
    public_addresses: Mapping[str, str] = field(default_factory=dict)
    in_flight: Mapping[str, Limit] = field(default_factory=dict)  # key -> cap, where nonces must rise
    cache: Mapping[str, int] = field(default_factory=dict)  # "GET /path" of a public read -> how long it is kept, ns
    aged: frozenset[str] = frozenset()  # endpoints that count where orders cost by their age


def pool_of(config: AccountConfig, exchange: Exchange) -> Pool:
    """The pool of a configured account."""
    limits = dict(limits_of(exchange.table, config.tier))
    for name, override in config.limits.items():
        limits[name] = replace(
            limits[name],
            capacity=override.capacity,
            window_ns=override.window_ns or limits[name].window_ns,
            own=True,
        )
    kept = _kept(config.reserve, exchange)
    everywhere = [*config.addresses, *(a for key in config.keys for a in key.addresses)]
    return Pool(
        account=config.name,
        exchange=exchange,
        limits=limits,
        credentials={key.alias: key.credential for key in config.keys},
        keyed=tuple(KeyRoutes(key.alias, tuple(a.bind for a in key.addresses)) for key in config.keys),
        keyless=(KeyRoutes(None, tuple(dict.fromkeys(a.bind for a in everywhere))),),
        kept=kept,
        drawn=frozenset((limit, CallClass(c)) for (limit, _), shares in kept.items() for c in shares),
        upstream={
            name: config.upstream.get(name, product.upstream)
            for name, product in exchange.table.products.items()
            if name in config.upstream or not config.local
        },
        deny=config.deny,
        allow_withdrawals=config.allow_withdrawals,
        public_addresses={a.bind: a.public for a in everywhere},
        in_flight={
            # Without a nonce window at the exchange, calls must arrive in order: one at a time.
            key.alias: Limit(_IN_FLIGHT, Scope.KEY, Shape.INFLIGHT, max(key.nonce_window, 1), 0)
            for key in config.keys
            if exchange.nonces
        },
        cache=config.cache,
        aged=_aged(exchange),
    )


def _aged(exchange: Exchange) -> frozenset[str]:
    limits = {cost.limit for endpoint in _endpoints(exchange) for cost in endpoint.costs if cost.ages}
    return frozenset(e.name for e in _endpoints(exchange) if any(cost.limit in limits for cost in e.costs))


def _kept(reserve: Mapping[str, float], exchange: Exchange) -> Mapping[tuple[str, CallClass], Mapping[str, float]]:
    """Shares kept for the classes of higher rank, only on limits that these are charged on at all."""
    charged = {
        (cost.limit, _rank_class(endpoint.call_class)) for endpoint in _endpoints(exchange) for cost in endpoint.costs
    }
    kept: dict[tuple[str, CallClass], Mapping[str, float]] = {}
    for limit, call_class in charged:
        higher = _HIGHER.get(call_class, ())
        kept[limit, call_class] = {c.value: reserve[c] for c in higher if reserve.get(c) and (limit, c) in charged}
    return kept


def _endpoints(exchange: Exchange) -> Iterator[Endpoint]:
    yield from exchange.table.endpoints()
    yield from (endpoint for _, _, endpoint in exchange.table.patterns)


def _rank_class(call_class: CallClass) -> CallClass:
    return CallClass.PLACE if call_class is CallClass.AMEND else call_class


_NO_ORDERS = OrderAges()


def ask_for(pool: Pool, call: Call, orders: OrderAges = _NO_ORDERS, now_ns: int = 0) -> Ask:
    """Charges and routes of a call; the pinned key only, where one is pinned.

    `orders`: their ages at `now_ns`; those that it does not know cost the most.
    """
    endpoint = call.endpoint
    charges = []
    for cost in endpoint.costs:
        limit = pool.limits[cost.limit]
        rank = _rank_class(endpoint.call_class)
        shares = tuple((c, share * limit.capacity) for c, share in pool.kept.get((limit.name, rank), {}).items())
        kept = sum(share for _, share in shares)
        draws = rank.value if (limit.name, rank) in pool.drawn else ""
        for detail, whole in _prices(pool, call, cost, orders, now_ns):
            # A batch dearer than the whole limit goes when the limit is empty; the exchange has the last word.
            price = min(whole, limit.capacity)
            accepted = None if cost.accepted is None else min(cost.accepted, price)
            if price:
                charges.append(Charge(limit, price, detail, kept, shares, draws, accepted))
    routes = pool.keyed if endpoint.auth is not Auth.NONE else pool.keyless
    if call.pinned_key is not None and endpoint.auth is not Auth.NONE:
        routes = tuple(row for row in routes if row.key == call.pinned_key)
    if routes and pool.in_flight and endpoint.auth is Auth.SIGNED:
        # All keys of an account share one charge; the tightest key's cap holds for all of them.
        charges.append(Charge(min((pool.in_flight[r.key or ""] for r in routes), key=lambda cap: cap.capacity), 1))
    return Ask(
        pool.exchange.name,
        pool.account,
        endpoint.call_class,
        tuple(charges),
        routes,
        endpoint.name,
        _closes(pool, call),
    )


def _closes(pool: Pool, call: Call) -> bool:
    return call.endpoint.call_class is CallClass.PLACE and pool.exchange.closes(call.endpoint, call.params)


def _prices(pool: Pool, call: Call, cost: Cost, orders: OrderAges, now_ns: int) -> Iterable[tuple[str, float]]:
    """(detail, units). Orders that cost by their age may be of several symbols, and so may those of a list."""
    limit = pool.limits[cost.limit]
    detail = _detail(pool, limit, call)
    if limit.per == "symbol" and cost.each and (several := pool.exchange.markets(call.endpoint, call.params)):
        return ((pool.exchange.symbol(name)[:64], cost.each * number) for name, number in several.items())
    if not cost.ages:
        return ((detail, units(cost, call.params)),)
    prices = orders.prices(pool.account, cost, pool.exchange.named(call.endpoint, call.params), detail, now_ns)
    return prices.items() if limit.per == "symbol" else ((detail, sum(prices.values())),)


class Asks:
    """`ask_for`, with what no parameter, symbol, order or pin changes made once per endpoint."""

    def __init__(self, orders: OrderAges = _NO_ORDERS) -> None:
        self._orders = orders
        self._known: dict[tuple[str, str, bool], tuple[Pool, Ask]] = {}

    def of(self, pool: Pool, call: Call, now_ns: int = 0) -> Ask:
        endpoint = call.endpoint
        name = (pool.account, endpoint.name, _closes(pool, call))
        known = self._known.get(name)
        if known is not None and known[0] is pool and call.pinned_key is None:
            return known[1]
        ask = ask_for(pool, call, self._orders, now_ns)
        by_symbol = any(pool.limits[cost.limit].per == "symbol" for cost in endpoint.costs)
        varies = by_symbol or any(cost.param or cost.ages for cost in endpoint.costs)
        if call.pinned_key is None and not varies:
            self._known[name] = (pool, ask)
        return ask

    def dearer(self, pool: Pool, call: Call, ask: Ask, now_ns: int) -> bool:
        """The call costs more by now than `ask` says: while it waited, one of its orders was changed or made."""
        if not any(cost.ages for cost in call.endpoint.costs):
            return False
        asked = {(charge.limit.name, charge.detail): charge.units for charge in ask.charges}
        return any(
            charge.units > asked.get((charge.limit.name, charge.detail), 0.0)
            for charge in ask_for(pool, call, self._orders, now_ns).charges
        )


def _detail(pool: Pool, limit: Limit, call: Call) -> str:
    if limit.per == "endpoint":
        return call.endpoint.name
    if limit.per == "symbol":
        return pool.exchange.symbol(call.params.get(call.endpoint.symbol, ""))[:64]
    return ""


def forbidden(pool: Pool, endpoint: Endpoint, path: str = "") -> Refusal | None:
    """Why an account never makes this call, or None (laws 7: money stays).

    `path`: the call's own, where the endpoint is a row for many. Without it such a row is denied as a whole.
    """
    if endpoint.call_class is CallClass.WITHDRAW and not pool.allow_withdrawals:
        return Refusal(403, "withdrawal_refused", "withdrawals and transfers are not allowed for this account")
    if endpoint.call_class is CallClass.ADMIN:
        return Refusal(403, "not_allowed", "account and key settings are not changed through this daemon")
    if any(_denies(rule, endpoint, path) for rule in pool.deny):
        return Refusal(403, "denied", "this endpoint is denied in the configuration of the account")
    return None


def _denies(rule: str, endpoint: Endpoint, path: str) -> bool:
    method, _, row = endpoint.name.partition(" ")
    if fnmatchcase(endpoint.name, rule) or (path and fnmatchcase(f"{method} {path}", rule)):
        return True
    return not path and row.endswith("*") and fnmatchcase(rule, endpoint.name)
