"""What answers say of limits in their headers, read by the `feedback` rows of an exchange's table.

feedback:
  - source: where the exchange says so
    checked: 2026-07-21
    headers:
      x-used:      {limit: weight_1m, is: used}
      x-left:      {limit: "", is: left}        # "": the limit that the endpoint has for itself
      x-limit:     {limit: "", is: capacity}
      x-pool-left: {limit: [pool_a, pool_b], is: left}   # the one of these on which the call costs
      x-reset:     {is: reset}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from proxy.model import Endpoint, Limit, Reply, Usage

_MILLISECOND_NS = 1_000_000
_EPOCH_S, _EPOCH_MS = 10**9, 10**12  # a moment is a larger number than any rest
_MOST_NAMES = 512


class Kind(StrEnum):
    USED = "used"
    LEFT = "left"
    CAPACITY = "capacity"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Row:
    """`limit` "": the endpoint's own. `product` "": all of them. `among`: it is one of these limits, the only one
    of them on which the endpoint costs; not told apart where it costs on several.
    """

    limit: str
    kind: Kind
    product: str = ""
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageHeaders:
    """Rows by header name in lower case. Header names are looked up as received, once they were seen."""

    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    _seen: dict[bytes, str | tuple[Row, ...]] = field(default_factory=dict, compare=False, repr=False)

    def read(self, endpoint: Endpoint, reply: Reply) -> tuple[Usage, ...]:
        """One Usage per limit named. Values that are no whole numbers are left out."""
        found: list[Usage] = []
        seen = self._seen
        for name, value in reply.headers:
            rows = seen.get(name)
            if rows is None:
                rows = self._see(name)
            if rows and value.isdigit():
                if isinstance(rows, str):
                    found.append(Usage(rows, int(value)))
                else:
                    self._note(rows, int(value), endpoint, found)
        return tuple(found)

    def counted(self) -> set[str]:
        """Limits whose count answers tell."""
        counts = [row for rows in self.rows.values() for row in rows if row.kind in (Kind.USED, Kind.LEFT)]
        named = {name for row in counts for name in (row.among or (row.limit,))}
        own = {name for name, limit in self.limits.items() if limit.per == "endpoint"} if "" in named else set()
        return (named - {""}) | own

    def reset_ns(self, reply: Reply, wall_ms: int) -> int | None:
        """How long the exchange wants a refused caller to rest; None if it does not say.

        Told as a Unix time in ms or s, or as the ms that are left: the size of the number tells which. Many exchanges
        tell "now" while nothing is exceeded, so it is meant for refusals only.
        """
        for name, value in reply.headers:
            rows = self.rows.get(name.decode("latin-1").lower(), ())
            if value.isdigit() and any(row.kind is Kind.RESET for row in rows):
                number = int(value)
                if number >= _EPOCH_MS:
                    number -= wall_ms
                elif number >= _EPOCH_S:
                    number = number * 1000 - wall_ms
                return max(number, 0) * _MILLISECOND_NS
        return None

    def _see(self, name: bytes) -> str | tuple[Row, ...]:
        """The rows of a header; of one that alone tells of its limit, whatever is called, just that limit."""
        rows = self.rows.get(name.decode("latin-1").lower(), ())
        found: str | tuple[Row, ...] = rows
        if rows and rows[0].kind is Kind.USED and rows[0].limit and not rows[0].product:
            rivals = [row for others in self.rows.values() for row in others if row.limit in (rows[0].limit, "")]
            if len(rivals) == 1:
                found = rows[0].limit
        if len(self._seen) < _MOST_NAMES:
            self._seen[name] = found
        return found

    def _note(self, rows: tuple[Row, ...], number: int, endpoint: Endpoint, found: list[Usage]) -> None:
        for row in (r for r in rows if r.product in ("", endpoint.product)):
            kind = row.kind
            name = _one_of(row.among, endpoint) if row.among else row.limit or self._own_limit(endpoint)
            if not name or kind is Kind.RESET:
                continue
            if kind is Kind.USED:
                told = Usage(name, number)
            elif kind is Kind.LEFT:
                told = Usage(name, left=number)
            else:
                told = Usage(name, capacity=number)
            for i, other in enumerate(found):
                if other.limit == name:
                    found[i] = _both(other, told)
                    break
            else:
                found.append(told)

    def _own_limit(self, endpoint: Endpoint) -> str:
        for cost in endpoint.costs:
            if self.limits[cost.limit].per == "endpoint":
                return cost.limit
        return ""


def _one_of(among: tuple[str, ...], endpoint: Endpoint) -> str:
    found = [cost.limit for cost in endpoint.costs if cost.limit in among]
    return found[0] if len(found) == 1 else ""


def _both(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.limit,
        one.used if other.used is None else other.used,
        one.capacity if other.capacity is None else other.capacity,
        one.left if other.left is None else other.left,
    )


def usage_headers(groups: list[dict[str, Any]], limits: Mapping[str, Limit]) -> UsageHeaders:
    """The `feedback` section of a table. Raises ValueError for a limit or a kind that there is not."""
    rows: dict[str, tuple[Row, ...]] = {}
    for group in groups:
        if not group.get("source") or not group.get("checked"):
            raise ValueError("a group without `source` or `checked`")
        for name, item in group["headers"].items():
            told = item.get("limit", "")
            among = tuple(told) if isinstance(told, list) else ()
            row = Row("" if among else told, Kind(item["is"]), group.get("product", ""), among)
            for limit in among or (row.limit,):
                if limit and limit not in limits:
                    raise ValueError(f"header {name} tells of {limit!r}, which no limit is called")
            if name != name.lower():
                raise ValueError(f"header {name}: write it in lower case")
            rows[name] = (*rows.get(name, ()), row)
    return UsageHeaders(rows, limits)
