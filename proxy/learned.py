"""What a daemon learned of its accounts' limits, read from its state for a command that runs beside it or after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from proxy.capacity import coupled
from proxy.clock import MILLISECOND_NS
from proxy.ledger_file import FORMAT
from proxy.model import Scope
from proxy.pool import Pool


@dataclass(frozen=True, slots=True)
class Learned:
    """`coupled`: (account, limit) counted by account after all.

    `capacities`: (limit, owner, name) -> capacity told, and that of the table at that time. The owner is an account,
    or the exchange of an address, which is then the name.
    """

    coupled: frozenset[tuple[str, str]] = frozenset()
    capacities: Mapping[tuple[str, str, str], tuple[float, float]] = field(default_factory=dict)


def read(state_dir: Path, wall_ms: int) -> Learned | None:
    """None if there is no file of a ledger, or none that can be read."""
    try:
        whole = json.loads((state_dir / "ledger.json").read_text(encoding="utf-8"))
        if whole["format"] != FORMAT:
            return None
        state = whole["state"]
        age_ns = max(0, wall_ms - int(state["wall_ms"])) * MILLISECOND_NS
        pairs = {(str(account), str(limit)) for account, limit, left, _ in state.get("coupled", []) if left > age_ns}
        capacities = {}
        for row in state["counters"]:
            if row["learned"] is not None:
                limit, _, owner, *name, _ = map(str, row["key"])
                told, table = map(float, row["learned"])
                capacities[limit, owner, "".join(name)] = (told, table)
    except (OSError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
    return Learned(frozenset(pairs), capacities)


@dataclass(frozen=True, slots=True)
class Informed:
    """A pool with what was learned of it. `coupled`: its limits; `capacities`: those that differ from the table's."""

    pool: Pool
    coupled: tuple[str, ...] = ()
    capacities: Mapping[str, float] = field(default_factory=dict)


def informed(pool: Pool, learned: Learned | None) -> Informed:
    """Where a limit was told differently for several keys or addresses, the lowest capacity holds for all."""
    if learned is None:
        return Informed(pool)
    found = coupled(pool, learned.coupled)
    pairs = tuple(sorted(name for name, limit in found.limits.items() if limit is not pool.limits[name]))
    capacities: dict[str, float] = {}
    for (name, owner, subject), (told, table) in learned.capacities.items():
        limit = found.limits.get(name)
        if limit is None or not _concerns(pool, limit.scope, owner, subject):
            continue
        capacity = told if limit.capacity >= table else min(told, limit.capacity)  # as `Counters.fit` has it
        capacities[name] = min(capacity, capacities.get(name, capacity))
    capacities = {name: told for name, told in capacities.items() if 0 < told != found.limits[name].capacity}
    limits = {
        name: replace(limit, capacity=capacities.get(name, limit.capacity)) for name, limit in found.limits.items()
    }
    return Informed(replace(found, limits=limits), pairs, capacities)


def _concerns(pool: Pool, scope: Scope, owner: str, name: str) -> bool:
    if scope is Scope.ADDRESS:
        return owner == pool.exchange.name and name in pool.keyless[0].addresses
    return owner == pool.account
