"""What an account's keys and addresses are worth, in figures and in words. Pure.

Every figure comes from the charges and routes that the ledger is asked with. A budget is what the account has
while it is alone on its addresses, and the most that any spread over the routes gets. The ledger takes the first
route that fits: it gets all of it where the keys share one list, or where calls count on keys or on addresses only.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from proxy.clock import SECOND_NS
from proxy.limits.window import DUST
from proxy.max_flow import Amount, most
from proxy.model import Ask, Call, CallClass, Charge, Endpoint, Incoming, KeyRoutes, Scope, Shape
from proxy.pool import Pool, ask_for, forbidden

_HOUR_NS = 3600 * SECOND_NS
_DAY_S = 86_400

NOUNS: Mapping[CallClass, str] = {
    CallClass.PUBLIC: "public calls",
    CallClass.READ: "reads",
    CallClass.CANCEL: "cancels",
    CallClass.PLACE: "orders",
    CallClass.AMEND: "amendments",
    CallClass.WITHDRAW: "withdrawals",
    CallClass.ADMIN: "settings",
}


class Addition(StrEnum):
    """What could be bought, whitelisted or opened. A sub-account brings as many keys and uses the same addresses."""

    KEY = "key"
    ADDRESS = "address"
    SUB_ACCOUNT = "sub-account"


@dataclass(frozen=True, slots=True)
class Budget:
    """`at_once`: from idle, in one moment. `per_second`: kept up for an hour. `per_day`: all of a day.

    Calls that cost less once they are accepted are that cheap in the rates, but not at once: then none is answered.

    `in_flight`: calls without an answer, None where nobody counts them. They bound no rate that is known beforehand.
    """

    at_once: Amount
    per_second: Amount
    per_day: Amount
    in_flight: Amount | None

    @property
    def per_minute(self) -> float:
        return self.per_second.calls * 60

    @property
    def day_is_short(self) -> bool:
        """What is kept up for an hour is not kept up for a day."""
        return self.per_day.calls < self.per_second.calls * _DAY_S * (1 - 1e-9)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The budget of one endpoint: today's, that of one key on one address, and with one more of each kind."""

    endpoint: Endpoint
    today: Budget
    single: Budget
    more: Mapping[Addition, Budget]

    def adds(self, addition: Addition) -> bool:
        """One more lets more calls through, not only more of them be in flight."""
        return _figures(self.more[addition]) != _figures(self.today)

    def in_the_way(self, addition: Addition) -> str:
        """ "weight_1m counts by address", where that makes one more worth nothing; else ""."""
        if self.adds(addition):
            return ""
        return " and ".join(map(counts_by, self.more[addition].per_second.limited_by)) or "no limit is known"


def capacities(pool: Pool) -> list[Capacity]:
    """One per product and class: of the cheapest endpoint that is typical of the class and not forbidden."""
    return [capacity(pool, endpoint) for endpoint in _typical(pool)]


def capacity(pool: Pool, endpoint: Endpoint) -> Capacity:
    """For a call that names one symbol, where the endpoint takes one, and leaves out all other parameters."""
    ask = _ask(pool, endpoint)
    usable = [row for row in ask.routes if row.addresses]
    single = tuple(replace(row, addresses=row.addresses[:1]) for row in usable[:1])
    wider = tuple(replace(row, addresses=(*row.addresses, "one more")) for row in ask.routes)
    longer = ask.routes
    if any(row.key is not None for row in ask.routes):
        longer = (*longer, KeyRoutes("one more", addresses(pool)))
    return Capacity(
        endpoint,
        budget(ask),
        budget(replace(ask, routes=single)),
        {
            Addition.KEY: budget(replace(ask, routes=longer)),
            Addition.ADDRESS: budget(replace(ask, routes=wider)),
            Addition.SUB_ACCOUNT: budget(ask, accounts=2),
        },
    )


def budget(ask: Ask, accounts: int = 1) -> Budget:
    """What the charges and routes of a call leave room for; `accounts`: so many alike, on the same addresses."""
    counted = [charge for charge in ask.charges if charge.limit.shape is not Shape.INFLIGHT]
    open_ = [charge for charge in ask.charges if charge.limit.shape is Shape.INFLIGHT]
    kept_up = [charge for charge in map(_once_accepted, counted) if charge.units]
    daily = most(kept_up, ask.routes, _per_second(_DAY_S * SECOND_NS), accounts)
    return Budget(
        at_once=most(counted, ask.routes, _fitting, accounts),
        per_second=most(kept_up, ask.routes, _per_second(_HOUR_NS), accounts),
        per_day=replace(daily, calls=daily.calls * _DAY_S),
        in_flight=most(open_, ask.routes, _fitting, accounts) if open_ else None,
    )


def _once_accepted(charge: Charge) -> Charge:
    """What a call costs over time: rates are those of calls that the exchange accepts."""
    return charge if charge.accepted is None else replace(charge, units=charge.accepted)


def _fitting(charge: Charge) -> float:
    """Calls that an idle limit takes at once; one goes even if it leaves less than what is kept (limits/windows.py)."""
    if charge.units > charge.limit.capacity + DUST:
        return 0
    return max(math.floor((charge.limit.capacity - charge.kept + DUST) / charge.units), 1)


def _per_second(over_ns: int) -> Callable[[Charge], float]:
    """The rate that a limit bears for `over_ns`. One with a longer window gives all that it has in that time."""

    def rate(charge: Charge) -> float:
        limit = charge.limit
        if limit.shape is Shape.DECAYING:  # what is kept lowers the level, not the drain
            return limit.capacity / charge.units * SECOND_NS / limit.window_ns if _fitting(charge) else 0
        return _fitting(charge) * SECOND_NS / min(limit.window_ns, over_ns)

    return rate


def _figures(of: Budget) -> tuple[float, ...]:
    return tuple(float(f"{n:.9g}") for n in (of.at_once.calls, of.per_second.calls, of.per_day.calls))


def _ask(pool: Pool, endpoint: Endpoint) -> Ask:
    """What the ledger would be asked, with the addresses as the exchange sees them."""
    params = {endpoint.symbol: "any"} if endpoint.symbol else {}
    request = Incoming(endpoint.name.partition(" ")[0], endpoint.path, "", (), b"")
    ask = ask_for(pool, Call("", "", pool.account, endpoint, request, pool.upstream[endpoint.product], params))
    return replace(ask, routes=tuple(replace(row, addresses=_seen(pool, (row,))) for row in ask.routes))


def _seen(pool: Pool, routes: Iterable[KeyRoutes]) -> tuple[str, ...]:
    """The addresses that the exchange sees; behind NAT, several may be one."""
    return tuple(dict.fromkeys(pool.public_addresses.get(a, a) for row in routes for a in row.addresses))


def addresses(pool: Pool) -> tuple[str, ...]:
    """All addresses of the pool, as the exchange sees them."""
    return _seen(pool, pool.keyless)


def _typical(pool: Pool) -> Iterator[Endpoint]:
    rows: dict[tuple[str, CallClass], list[Endpoint]] = {}
    for endpoint in pool.exchange.table.endpoints():
        if forbidden(pool, endpoint) is None and not endpoint.name.endswith("/test"):
            rows.setdefault((endpoint.product, endpoint.call_class), []).append(endpoint)
    for product in pool.upstream:
        for call_class in CallClass:
            found = rows.get((product, call_class), [])
            # A read that speaks of orders, any other call on one symbol: not a ping, not a switch for everything.
            reads = call_class is CallClass.READ
            apt = [row for row in found if ("order" in row.name.lower() if reads else row.symbol)]
            yield from sorted(apt or found, key=lambda row: -budget(_ask(pool, row)).per_second.calls)[:1]


def without(pool: Pool, absent: Collection[str]) -> Pool:
    """The pool as it is while these addresses (as they are bound) are out of service."""

    def rest(rows: tuple[KeyRoutes, ...]) -> tuple[KeyRoutes, ...]:
        return tuple(replace(row, addresses=tuple(a for a in row.addresses if a not in absent)) for row in rows)

    return replace(pool, keyed=rest(pool.keyed), keyless=rest(pool.keyless))


def coupled(pool: Pool, pairs: Collection[tuple[str, str]]) -> Pool:
    """The pool as it is where the exchange was found to count these (account, limit) by account, not by key."""
    mine = {limit for account, limit in pairs if account == pool.account}
    limits = {
        name: replace(limit, scope=Scope.ACCOUNT) if name in mine and limit.scope is Scope.KEY else limit
        for name, limit in pool.limits.items()
    }
    return replace(pool, limits=limits)


@dataclass(frozen=True, slots=True)
class Worth:
    """A row of `capacities` for metrics. `calls_per_second` inf: nothing counts such calls, and `routes` is None.

    `routes`: how often the budget of one key on one address is there; 1 where more of them add nothing.
    """

    account: str
    product: str
    call_class: CallClass
    calls_per_second: float
    routes: float | None


def worths(pool: Pool) -> list[Worth]:
    found = []
    for row in capacities(pool):
        now, one = row.today.per_second.calls, row.single.per_second.calls
        routes = now / one if one and math.isfinite(one) else None
        found.append(Worth(pool.account, row.endpoint.product, row.endpoint.call_class, now, routes))
    return found


def sharers(pool: Pool, others: Iterable[Pool]) -> Mapping[str, int]:
    """account -> addresses, and so their budget, that it shares with this one: the exchange's other accounts."""
    own = set(addresses(pool))
    found = {
        other.account: len(own.intersection(addresses(other)))
        for other in others
        if other.exchange.name == pool.exchange.name and other.account != pool.account
    }
    return {account: count for account, count in found.items() if count}


def counts_by(charge: Charge, scope: Scope | None = None) -> str:
    """ "engine counts by account and symbol" """
    limit = charge.limit
    return f"{limit.name} counts by {scope or limit.scope}{f' and {limit.per}' if limit.per else ''}"


def counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 'es' if noun.endswith('s') else 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """ "reads, cancels and orders" """
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def size(pool: Pool) -> str:
    """ "3 keys, 20 addresses" """
    return f"{counted(len(pool.keyed), 'key')}, {counted(len(addresses(pool)), 'address')}"


def summary(pool: Pool, others: Iterable[Pool] = ()) -> list[str]:
    """For the log: a line per product that says how often the budget of one key on one address is there, and why."""
    lines = []
    products = pool.exchange.table.products
    rows = capacities(pool)
    notes = [f"{counted(n, 'address')} shared with {account}" for account, n in sharers(pool, others).items()]
    for product in products:
        said: dict[str, list[str]] = {}
        for row in rows:
            if row.endpoint.product == product:
                said.setdefault(_times(row), []).append(NOUNS[row.endpoint.call_class])
        name = f"{pool.account} ({product})" if len(products) > 1 else pool.account
        parts = [f"{listed(who)} {text}" for text, who in said.items()]
        lines.append(f"{name}: {size(pool)}: {'; '.join([*parts, *notes])}")
    return lines


def _times(row: Capacity) -> str:
    """ "x20 by address (weight_1m)" """
    one, now = row.single.per_second.calls, row.today.per_second
    if not now.limited_by:
        return "cannot be made" if now.calls == 0 else "are not counted"
    factor = f"x{now.calls / one:.3g}" if one else "x0"
    if any(charge.limit.scope is not Scope.ACCOUNT for charge in now.limited_by):
        scopes = " and ".join(charge.limit.scope for charge in now.limited_by)
        return f"{factor} by {scopes} ({', '.join(charge.limit.name for charge in now.limited_by)})"
    return f"{factor}: keys and addresses add nothing ({' and '.join(counts_by(c) for c in now.limited_by)})"
