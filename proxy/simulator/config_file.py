"""A simulation out of a mapping, as a YAML or JSON file gives it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from proxy.simulator.records import MarketSpec, SimAccount, SimConfig, SimKey
from proxy.simulator.venues import VENUES

_T = TypeVar("_T")


def config_from(data: Mapping[str, Any]) -> SimConfig:
    """The names are those of the records, and an exchange's name for its limits; unknown names raise ValueError."""
    plain = dict(data)
    accounts = tuple(
        _build(SimAccount, {**a, "keys": tuple(_build(SimKey, _tuples(k)) for k in a.get("keys", ()))})
        for a in plain.pop("accounts", ())
    )
    for account in accounts:
        if account.exchange not in VENUES:
            raise ValueError(f"accounts: unknown exchange {account.exchange!r}")
    parts: dict[str, Any] = {"accounts": accounts}
    if "markets" in plain:
        parts["markets"] = tuple(_build(MarketSpec, m) for m in plain.pop("markets"))
    limits: dict[str, Any] = {
        name: _build(kind.limits, _tuples(plain.pop(name))) for name, kind in VENUES.items() if name in plain
    }
    if "limits" in plain:
        raise ValueError("SimConfig: limits stand under the name of their exchange")
    return _build(SimConfig, {**plain, **parts, "limits": limits})


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def _build(record: type[_T], data: Mapping[str, Any]) -> _T:
    known = {f.name for f in fields(cast(Any, record))}
    if unknown := sorted(set(data) - known):
        raise ValueError(f"{record.__name__}: unknown name {', '.join(unknown)}")
    try:
        return record(**data)
    except TypeError as error:
        raise ValueError(f"{record.__name__}: {error}") from None
