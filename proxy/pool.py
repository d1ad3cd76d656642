"""An account's pool: its keys, their addresses, its limits; and what the ledger is asked for a call. Pure."""

from collections.abc import Iterator, Mapping
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
    Credential,
    Endpoint,
    KeyRoutes,
    Limit,
    Refusal,
    Scope,
    Shape,
    Upstream,
)

_IN_FLIGHT = "in_flight"


@dataclass(frozen=True, slots=True)
class Pool:
    """One account, ready to be asked. `kept`: share of a limit that a class must leave free."""

    account: str
    exchange: Exchange
    limits: Mapping[str, Limit]
    credentials: Mapping[str, Credential] = field(repr=False)
    keyed: tuple[KeyRoutes, ...]
    keyless: tuple[KeyRoutes, ...]
    kept: Mapping[tuple[str, CallClass], float]
    upstream: Mapping[str, Upstream]
    deny: tuple[str, ...] = ()
    allow_withdrawals: bool = False
    public_addresses: Mapping[str, str] = field(default_factory=dict)
    in_flight: Mapping[str, Limit] = field(default_factory=dict)  # key -> cap, where nonces must rise
    cache: Mapping[str, int] = field(default_factory=dict)  # "GET /path" of a public read -> how long it is kept, ns


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
    everywhere = [*config.addresses, *(a for key in config.keys for a in key.addresses)]
    return Pool(
        account=config.name,
        exchange=exchange,
        limits=limits,
        credentials={key.alias: key.credential for key in config.keys},
        keyed=tuple(KeyRoutes(key.alias, tuple(a.bind for a in key.addresses)) for key in config.keys),
        keyless=(KeyRoutes(None, tuple(dict.fromkeys(a.bind for a in everywhere))),),
        kept=_kept(config.reserve, exchange),
        upstream={name: config.upstream.get(name, p.upstream) for name, p in exchange.table.products.items()},
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
    )


def _kept(reserve: Mapping[str, float], exchange: Exchange) -> Mapping[tuple[str, CallClass], float]:
    """Shares kept for the classes of higher rank, only on limits that these are charged on at all."""
    charged = {
        (cost.limit, _rank_class(endpoint.call_class)) for endpoint in _endpoints(exchange) for cost in endpoint.costs
    }
    kept = {}
    for limit in exchange.table.limits:
        cancel = reserve.get("cancel", 0.0) if (limit, CallClass.CANCEL) in charged else 0.0
        place = reserve.get("place", 0.0) if (limit, CallClass.PLACE) in charged else 0.0
        read = reserve.get("read", 0.0) if (limit, CallClass.READ) in charged else 0.0
        for call_class in CallClass:
            ranked = _rank_class(call_class)
            if ranked is CallClass.PLACE:
                kept[limit, call_class] = cancel
            elif ranked is not CallClass.CANCEL:
                kept[limit, call_class] = cancel + place + (read if call_class is CallClass.PUBLIC else 0.0)
    return kept


def _endpoints(exchange: Exchange) -> Iterator[Endpoint]:
    yield from exchange.table.exact.values()
    yield from (endpoint for _, _, endpoint in exchange.table.patterns)


def _rank_class(call_class: CallClass) -> CallClass:
    return CallClass.PLACE if call_class is CallClass.AMEND else call_class


def ask_for(pool: Pool, call: Call) -> Ask:
    """Charges and routes of a call; the pinned key only, where one is pinned."""
    endpoint = call.endpoint
    charges = []
    for cost in endpoint.costs:
        limit = pool.limits[cost.limit]
        # A batch dearer than the whole limit goes when the limit is empty; the exchange has the last word.
        price = min(units(cost, call.params), limit.capacity)
        if price:
            kept = pool.kept.get((limit.name, endpoint.call_class), 0.0) * limit.capacity
            accepted = None if cost.accepted is None else min(cost.accepted, price)
            charges.append(Charge(limit, price, _detail(limit, call), kept, accepted))
    routes = pool.keyed if endpoint.auth is not Auth.NONE else pool.keyless
    if call.pinned_key is not None and endpoint.auth is not Auth.NONE:
        routes = tuple(row for row in routes if row.key == call.pinned_key)
    if routes and pool.in_flight and endpoint.auth is Auth.SIGNED:
        # All keys of an account share one charge; the tightest key's cap holds for all of them.
        charges.append(Charge(min((pool.in_flight[r.key or ""] for r in routes), key=lambda cap: cap.capacity), 1))
    return Ask(pool.exchange.name, pool.account, endpoint.call_class, tuple(charges), routes, endpoint.name)


class Asks:
    """`ask_for`, with what no parameter, symbol or pin changes made once per endpoint."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Pool, Ask]] = {}

    def of(self, pool: Pool, call: Call) -> Ask:
        endpoint = call.endpoint
        known = self._known.get((pool.account, endpoint.name))
        if known is not None and known[0] is pool and call.pinned_key is None:
            return known[1]
        ask = ask_for(pool, call)
        by_symbol = any(pool.limits[cost.limit].per == "symbol" for cost in endpoint.costs)
        if call.pinned_key is None and not by_symbol and not any(cost.param for cost in endpoint.costs):
            self._known[pool.account, endpoint.name] = (pool, ask)
        return ask


def _detail(limit: Limit, call: Call) -> str:
    if limit.per == "endpoint":
        return call.endpoint.name
    if limit.per == "symbol":
        return call.params.get(call.endpoint.symbol, "")[:64]
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
