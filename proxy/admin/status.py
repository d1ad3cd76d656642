"""The state of the daemon as plain data, for the status page, `top` and programs. Never secrets. Pure."""

from collections.abc import Mapping
from typing import Any

from proxy import __version__
from proxy.limits.snapshot import CounterState
from proxy.metrics import ADDRESS_OUTCOMES, CALLS, KEY_OUTCOMES, ROTATIONS, ROUTE_ATTEMPTS, Gauges
from proxy.model import Scope
from proxy.pool import Pool

_Rests = Mapping[tuple[str, ...], dict[str, Any]]


def status(
    pools: Mapping[str, Pool], counts: Mapping[tuple[str, ...], int], gauges: Gauges, uptime_s: float
) -> dict[str, Any]:
    """Accounts with their keys, addresses and limits; what rests and for how long (s, None: the operator must act)."""
    rests = {
        block.subject: {
            "rest_s": None if block.rest_ns is None else round(block.rest_ns / 1e9, 1),
            "reason": block.reason,
        }
        for block in gauges.ledger.blocks
    }
    outcomes = _by_subject(counts, KEY_OUTCOMES)
    at_address = _by_subject(counts, ADDRESS_OUTCOMES)
    routes = {key[1:]: n for key, n in counts.items() if key[0] == ROUTE_ATTEMPTS}
    return {
        "version": __version__,
        "uptime_s": round(uptime_s, 1),
        "ready": gauges.ready,
        "queue": gauges.waiting,
        "calls": sum(n for key, n in counts.items() if key[0] == CALLS),
        "rotations": {f"{key[1]}: {key[2]}": n for key, n in counts.items() if key[0] == ROTATIONS},
        "accounts": [_account(pool, rests, outcomes, at_address, routes, gauges) for pool in pools.values()],
    }


def _account(
    pool: Pool,
    rests: _Rests,
    outcomes: Mapping[tuple[str, str], dict[str, int]],
    at_address: Mapping[tuple[str, str], dict[str, int]],
    routes: Mapping[tuple[str, ...], int],
    gauges: Gauges,
) -> dict[str, Any]:
    name, exchange = pool.account, pool.exchange.name
    return {
        "account": name,
        "exchange": exchange,
        "unknown": gauges.unknown.get(name, 0),
        "held_by": gauges.held.get(name, 0),
        "rest": rests.get(("account", name)),
        "rest_by_class": _by_class(rests, "account", name),
        "keys": [
            {
                "key": row.key,
                "rest": rests.get(("key", name, row.key or "")),
                "rest_by_class": _by_class(rests, "key", name, row.key or ""),
                "outcomes": outcomes.get((name, row.key or ""), {}),
                "addresses": {
                    address: {
                        "attempts": routes.get((name, row.key or "", address), 0),
                        "refused": rests.get(("pair", name, row.key or "", address)),
                    }
                    for address in row.addresses
                },
            }
            for row in pool.keyed
        ],
        "addresses": [
            {
                "address": address,
                "public": pool.public_addresses.get(address, address),
                "up": gauges.addresses_up.get(address, True),
                "rest": rests.get(("address", exchange, address)),
                "outcomes": at_address.get((exchange, address), {}),
            }
            for address in pool.keyless[0].addresses
        ],
        "limits": [
            {
                "limit": counter.limit,
                "scope": counter.scope.value,
                "coupled": (counter.owner, counter.limit) in gauges.ledger.coupled,
                "name": counter.name,
                "detail": counter.detail,
                "used": round(counter.used, 2),
                "capacity": counter.capacity,
            }
            for counter in gauges.ledger.counters
            if _counts(counter, pool)
        ],
    }


def _by_class(rests: _Rests, *subject: str) -> dict[str, dict[str, Any]]:
    """Classes of calls for which a key or account rests, while it may make others."""
    return {found[-1]: rest for found, rest in rests.items() if found[:-1] == subject}


def _counts(counter: CounterState, pool: Pool) -> bool:
    """Whether the counter holds for calls of this pool: its own, or that of an address it leaves through."""
    if counter.scope is Scope.ADDRESS:
        return counter.owner == pool.exchange.name and counter.name in pool.keyless[0].addresses
    return counter.owner == pool.account


def _by_subject(counts: Mapping[tuple[str, ...], int], counter: str) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for key, n in counts.items():
        if key[0] == counter and n:
            found.setdefault((key[1], key[2]), {})[key[3]] = n
    return found
