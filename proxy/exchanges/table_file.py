"""Reading an exchange's YAML table. It is checked while it is read: a wrong table stops the program."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from proxy.errors import ConfigError
from proxy.exchanges.key_rules import key_rules
from proxy.exchanges.table import VALUE, Product, Table, Template, upstream_of
from proxy.exchanges.usage_headers import usage_headers
from proxy.model import Auth, CallClass, Cost, Endpoint, Limit, Scope, Shape

_UNITS_NS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
_UNITS_NS["d"] = 24 * _UNITS_NS["h"]


def duration_ns(text: str) -> int:
    """ "100ms", "10s", "1m", "1d" in nanoseconds."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    if found is None:
        raise ValueError(f"not a duration: {text!r} (write 100ms, 10s, 1m, 1h or 1d)")
    return int(found[1]) * _UNITS_NS[found[2]]


def load_table(path: Path) -> Table:
    """Read and check a table; ConfigError names what is wrong with the file."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _table(raw)
    except (KeyError, ValueError, TypeError, AttributeError, yaml.YAMLError) as fault:
        raise ConfigError([f"{path.name}: {type(fault).__name__}: {fault}"]) from fault


def _table(raw: dict[str, Any]) -> Table:
    limits: dict[str, Limit] = {}
    for group in raw["limits"]:
        _require_source(group)
        limits.update({name: _limit(name, row) for name, row in group["items"].items()})
    products = {
        name: Product(
            name,
            upstream_of(row["base"]),
            frozenset(row.get("hosts", ())) | {upstream_of(row["base"]).host},
            tuple(row["prefixes"]),
        )
        for name, row in raw["products"].items()
    }
    exact: dict[tuple[str, str], Endpoint] = {}
    elsewhere: dict[tuple[str, str, str], Endpoint] = {}
    patterns: list[tuple[str, str, Endpoint]] = []
    templates: list[Template] = []
    for group in raw["endpoints"]:
        _require_source(group)
        every = group.get("every", {})
        for name, row in group["items"].items():
            for method, path in _paths(name, group.get("prefix", "")):
                endpoint = _endpoint(f"{method} {path}", group["product"], row, {**every, **row.get("costs", {})})
                _require_limits(endpoint, limits)
                if path.endswith("*"):
                    patterns.append((method, path.rstrip("*"), endpoint))
                elif "{" in path:
                    templates.append(_template(method, path, endpoint, templates))
                elif exact.setdefault((method, path), endpoint) is not endpoint:
                    there, other = exact[method, path], endpoint.product
                    endpoint = replace(endpoint, name=f"{endpoint.name}@{other}")
                    if there.product == other or elsewhere.setdefault((other, method, path), endpoint) is not endpoint:
                        raise ValueError(f"{endpoint.name} stands twice")
    patterns.sort(key=lambda row: -len(row[1]))
    feedback = usage_headers(raw.get("feedback", []), limits)
    limits.update({name: replace(limits[name], told=True) for name in feedback.counted()})
    tiers = {
        tier: {name: _override(limits[name], row) for name, row in rows.items()}
        for tier, rows in raw.get("tiers", {}).items()
    }
    default = raw.get("default_tier", "")
    return Table(
        raw["exchange"],
        products,
        limits,
        tiers,
        exact,
        tuple(patterns),
        default,
        feedback,
        tuple(templates),
        elsewhere,
        _guarded([*exact.values(), *elsewhere.values()]),
        key_rules(raw["keys"]) if "keys" in raw else None,
        bool(raw.get("gets_read", False)),
    )


def _guarded(rows: Iterable[Endpoint]) -> tuple[str, ...]:
    strict = (CallClass.WITHDRAW, CallClass.ADMIN)
    return tuple(sorted({row.path.lower() for row in rows if row.call_class in strict}))


def _require_source(group: dict[str, Any]) -> None:
    if not group.get("source") or not group.get("checked"):
        raise ValueError("a group without `source` or `checked`")


def _require_limits(endpoint: Endpoint, limits: Mapping[str, Limit]) -> None:
    for cost in endpoint.costs:
        if cost.limit not in limits:
            raise ValueError(f"{endpoint.name} costs on {cost.limit!r}, which no limit is called")


def _template(method: str, path: str, endpoint: Endpoint, others: list[Template]) -> Template:
    """Values are what stands between slashes. Of two products, the later one's row is called by its product too."""
    rivals = [row.endpoint for row in others if row.endpoint.name == endpoint.name]
    if any(row.product == endpoint.product for row in rivals):
        raise ValueError(f"{endpoint.name} stands twice")
    if rivals:
        endpoint = replace(endpoint, name=f"{endpoint.name}@{endpoint.product}")
    pieces = VALUE.split(path)  # text and names in turn
    pattern = "".join(re.escape(text) if n % 2 == 0 else "([^/]+)" for n, text in enumerate(pieces))
    return Template(method, re.compile(pattern + r"\Z"), endpoint)


def _paths(name: str, prefix: str) -> list[tuple[str, str]]:
    """`POST order` or `GET|POST a, b` under a group's prefix."""
    methods, _, rest = name.partition(" ")
    return [(method, prefix + path.strip()) for method in methods.split("|") for path in rest.split(",")]


def _limit(name: str, row: dict[str, Any]) -> Limit:
    window = row.get("window")
    if bool(window) is (row["shape"] == Shape.INFLIGHT):
        raise ValueError(f"limit {name}: every shape but {Shape.INFLIGHT} has a window")
    return Limit(
        name,
        Scope(row["scope"]),
        Shape(row["shape"]),
        float(row["capacity"]),
        duration_ns(window) if window else 0,
        row.get("per", ""),
        falls=_falls(name, row),
    )


def _falls(name: str, row: dict[str, Any]) -> bool:
    falls = bool(row.get("falls", False))
    if falls and row["shape"] != Shape.FIXED:
        raise ValueError(f"limit {name}: only a {Shape.FIXED} window can fall")
    return falls


def _override(limit: Limit, row: dict[str, Any]) -> Limit:
    window = row.get("window")
    return replace(
        limit,
        capacity=float(row["capacity"]),
        window_ns=duration_ns(window) if window else limit.window_ns,
    )


def _endpoint(name: str, product: str, row: dict[str, Any], costs: dict[str, Any]) -> Endpoint:
    call_class = CallClass(row["class"])
    default_auth = Auth.NONE if call_class is CallClass.PUBLIC else Auth.SIGNED
    return Endpoint(
        name,
        product,
        call_class,
        Auth(row.get("auth", default_auth)),
        tuple(_cost(limit, price) for limit, price in costs.items()),
        row.get("symbol", ""),
    )


def _cost(limit: str, price: Any) -> Cost:
    if isinstance(price, int | float):
        return Cost(limit, float(price))
    if "ages" in price:
        return _by_age(limit, price)
    return Cost(
        limit,
        units=float(price["units"]) if "units" in price else _dearest(limit, price["else"]),
        param="" if "units" in price else price["by"],
        steps=tuple((float(up_to), float(u)) for up_to, u in price.get("count", price.get("steps", {})).items()),
        present=float(price["given"]) if "given" in price else None,
        each=float(price["each"]) if "each" in price else None,
        fixed=float(price.get("fixed", 0)),
        accepted=float(price["accepted"]) if "accepted" in price else None,
        counted="count" in price,
        values=tuple((str(value), float(u)) for value, u in price.get("values", {}).items()),
        absent=_cost(limit, price["else"]) if isinstance(price.get("else"), dict) else None,
    )


def _dearest(limit: str, price: Any) -> float:
    """The price where the parameter is not given; where another one decides it then, without that one either."""
    return float(price) if not isinstance(price, dict) else _cost(limit, price).units


def _by_age(limit: str, price: dict[str, Any]) -> Cost:
    ages = tuple((duration_ns(below), float(u)) for below, u in price["ages"].items())
    for (below, dear), (later, cheap) in pairwise(ages):
        if below >= later or dear < cheap:
            raise ValueError(f"the ages of {limit!r} do not stand from young and dear to old and cheap")
    return Cost(limit, float(price.get("fixed", 0)), ages=ages, most=int(price.get("most", 1)))
