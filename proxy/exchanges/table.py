"""An exchange's table: products, limits, endpoints with class and cost. It is read from a file by table_file.py."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import orjson

from proxy.exchanges.key_rules import KeyRules
from proxy.exchanges.usage_headers import UsageHeaders
from proxy.model import Cost, Endpoint, Limit, Upstream

_MONEY_WORDS = ("withdraw", "transfer")
VALUE = re.compile(r"\{([\w-]+)\}")
_AMBIGUOUS = re.compile(r"%|\\|;|//|/\.|[^!-~]")


@dataclass(frozen=True, slots=True)
class Product:
    """A base URL and the paths it owns. `hosts`: every host name that a bot may write for it."""

    name: str
    upstream: Upstream
    hosts: frozenset[str]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A row whose path has parts for values: `/orders/{id}`. A value is one segment, and a parameter of the call."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Table:
    exchange: str
    products: Mapping[str, Product]
    limits: Mapping[str, Limit]
    tiers: Mapping[str, Mapping[str, Limit]]  # tier -> limits that differ
    exact: Mapping[tuple[str, str], Endpoint]  # (method, path)
    patterns: tuple[tuple[str, str, Endpoint], ...]  # (method, path prefix), longest prefix first
    default_tier: str = ""
    feedback: UsageHeaders = field(default_factory=UsageHeaders)
    templates: tuple[Template, ...] = ()
    elsewhere: Mapping[tuple[str, str, str], Endpoint] = field(default_factory=dict)
    """(product, method, path) of paths that an earlier product has too, on a host of its own."""
    guarded: tuple[str, ...] = ()
    """Paths of the rows of money and settings, in lower case: no row for many paths takes what begins so."""
    keys: KeyRules | None = None
    gets_read: bool = False
    """By the exchange's own documents, a GET changes nothing, whatever its path: then a row for many GETs takes it."""

    def products_of(self, host: str | None, path: str) -> list[Product]:
        """The products that own a path; `host` None leaves the choice to the path."""
        return [
            product
            for product in self.products.values()
            if (host is None or host in product.hosts) and path.startswith(product.prefixes)
        ]

    def match(self, method: str, path: str, product: str = "") -> Endpoint | None:
        """The row of a call, or None; of this product only, if one is named. A path that speaks of money, or is like
        that of a row of money or settings, needs a row of its own, and so does one that a server might read as another
        path."""
        row = self.elsewhere.get((product, method, path)) or self.exact.get((method, path))
        if row is not None and product in ("", row.product):
            return row
        if _AMBIGUOUS.search(path):
            return None
        money = self.speaks_of_money(path)
        for template in self.templates:
            if money and not self.speaks_of_money(template.endpoint.path):  # the word is a value's, not the row's
                continue
            if template.method == method and product in ("", template.endpoint.product) and template.path.match(path):
                return template.endpoint
        if money:
            return None
        if path.lower().startswith(self.guarded) and not (self.gets_read and method == "GET"):
            return None
        for row_method, prefix, endpoint in self.patterns:
            if row_method == method and product in ("", endpoint.product) and path.startswith(prefix):
                return endpoint
        return None

    def endpoints(self) -> list[Endpoint]:
        """All rows but those for any path of a prefix."""
        return [*self.exact.values(), *self.elsewhere.values(), *(row.endpoint for row in self.templates)]

    def named(self, name: str) -> Endpoint | None:
        """The row of this name ("METHOD path"), or the one that a call of this method and path has."""
        method, _, rest = name.partition(" ")
        path, _, product = rest.partition("@")
        found = next((row.endpoint for row in self.templates if row.endpoint.name == name), None)
        return found or self.match(method, path, product)

    def path_params(self, endpoint: Endpoint, path: str) -> Mapping[str, str]:
        """The values that stand in the path of a call, decoded."""
        for template in self.templates:
            if template.endpoint is endpoint and (found := template.path.match(path)) is not None:
                names = VALUE.findall(endpoint.name)
                return {name: unquote(value) for name, value in zip(names, found.groups(), strict=True)}
        return {}

    @staticmethod
    def speaks_of_money(path: str) -> bool:
        lowered = path.lower()
        return any(word in lowered for word in _MONEY_WORDS)


def limits_of(table: Table, tier: str) -> Mapping[str, Limit]:
    """The limits that hold for an account of `tier` ("" for the exchange's default)."""
    return {**table.limits, **table.tiers.get(tier or table.default_tier, {})}


def units(cost: Cost, params: Mapping[str, str]) -> float:
    """What a call with these parameters costs. Unreadable values and orders of unknown age cost the most."""
    if cost.ages:
        return cost.units + cost.most * penalty(cost, 0)
    value = params.get(cost.param) if cost.param else None
    if value is None and cost.absent is not None:
        return units(cost.absent, params)
    if value is None:
        return cost.units
    if cost.present is not None:
        return cost.present
    if cost.values:
        priced = dict(cost.values).get(value)
        if priced is None:
            priced = cost.units if cost.absent is None else units(cost.absent, params)
        return priced
    if cost.each is not None:
        elements = _elements(value)
        return cost.units if elements is None else cost.fixed + cost.each * max(elements, 1)
    try:
        number = float(value) if not cost.counted else float(_elements(value) or "inf")
    except ValueError:
        number = float("inf")
    for up_to, price in cost.steps:
        if number <= up_to:
            return price
    return cost.steps[-1][1] if cost.steps else cost.units


def penalty(cost: Cost, age_ns: int) -> float:
    """What an order of this age adds to the price of a call that names it."""
    return next((price for below_ns, price in cost.ages if age_ns < below_ns), 0.0)


def _elements(value: str) -> int | None:
    """The length of a JSON list or of a comma list; None for a JSON text that is no list."""
    value = value.strip()
    if value[:1] not in ("[", "{"):
        return value.count(",") + 1
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return len(found) if isinstance(found, list) else None


def upstream_of(url: str, *, private_ok: bool = False) -> Upstream:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Upstream(parts.scheme, parts.hostname or "", port, parts.path.rstrip("/"), private_ok)
