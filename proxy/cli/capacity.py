"""The view of `capacity`: a table per account for people, a document for programs."""

import math
from collections.abc import Collection, Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proxy.capacity import (
    NOUNS,
    Addition,
    Budget,
    Capacity,
    addresses,
    capacities,
    counted,
    counts_by,
    listed,
    sharers,
    size,
    summary,
)
from proxy.egress.probe import missing
from proxy.learned import Informed
from proxy.max_flow import Amount
from proxy.model import Charge, Endpoint, Limit, Shape
from proxy.pool import Pool

_UNITS = (("day", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1))


def show(console: Console, learned: Iterable[Informed], others: Collection[Pool]) -> None:
    """`others`: all accounts of the configuration, some of which may share addresses."""
    for account in learned:
        pool = account.pool
        rows = capacities(pool)
        console.print(f"[bold]{escape(pool.account)}[/] ({pool.exchange.name}): {size(pool)}")
        console.print(_table(rows, products=len(pool.exchange.table.products) > 1))
        for note in [*_learned(account), *_notes(pool, rows, others)]:
            console.print(f"· {escape(note)}", highlight=False)
        console.print()


def _table(rows: list[Capacity], *, products: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("calls\n[dim]and what limits them[/]", overflow="fold")
    titles = ("at once", "per minute\n[dim]per second[/]", "+1 key\n[dim]a min[/]", "+1 addr.\n[dim]a min[/]")
    for title in (*titles, "+1 sub-acc.\n[dim]a min[/]"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        now, kind = row.today, str(row.endpoint.call_class)
        name = f"{row.endpoint.product} {kind}" if products else kind
        table.add_row(
            f"[bold]{name}[/] {_short(row.endpoint)}\n[dim]{_stops(now)}[/]",
            figure(now.at_once.calls),
            f"{figure(now.per_minute)}\n[dim]{figure(now.per_second.calls)}[/]",
            *(_gain(row, addition) for addition in Addition),
        )
    return table


def _short(endpoint: Endpoint) -> str:
    """ "POST …/order": the whole path stands in the document."""
    return escape(f"{endpoint.name.partition(' ')[0]} …/{endpoint.path.rpartition('/')[2]}")


def _stops(now: Budget) -> str:
    """ "weight_1m: 6,000/min by address" """
    limits = [charge.limit for charge in now.per_second.limited_by]
    each = [f"{x.name}: {_measure(x)} by {x.scope}{f' × {x.per}' if x.per else ''}" for x in limits]
    return "; ".join(each) or ("no route" if now.per_second.calls == 0 else "no limit known")


def _gain(row: Capacity, addition: Addition) -> str:
    now, then = row.today, row.more[addition]
    rate, at_once = _more(now.per_minute, then.per_minute), _more(now.at_once.calls, then.at_once.calls)
    text = f"[green]+{figure(rate)}[/]" if rate else "+0"
    return f"{text}\n[dim]+{figure(at_once)} at once[/]" if at_once and not rate else text


def _notes(pool: Pool, rows: list[Capacity], others: Collection[Pool]) -> list[str]:
    """What the figures do not say: why +0, what holds besides, and who else draws on them."""
    notes = []
    idle: dict[str, dict[Addition, list[str]]] = {}
    for row in rows:
        for addition in Addition:
            if reason := row.in_the_way(addition):
                idle.setdefault(reason, {}).setdefault(addition, []).append(NOUNS[row.endpoint.call_class])
    for reason, nouns in idle.items():
        by_nouns: dict[tuple[str, ...], list[str]] = {}
        for addition, found in nouns.items():
            by_nouns.setdefault(tuple(dict.fromkeys(found)), []).append(addition)
        for found_nouns, additions in by_nouns.items():
            notes.append(f"+0: {reason}, so another {listed(additions, 'or')} adds nothing to {listed(found_nouns)}.")
    for row in rows:
        noun = NOUNS[row.endpoint.call_class]
        if row.today.day_is_short:
            by = " and ".join(map(counts_by, row.today.per_day.limited_by))
            notes.append(f"{figure(row.today.per_day.calls)} {noun} a day at most: {by}.")
    flights = {row.today.in_flight.calls: row for row in rows if row.today.in_flight}
    for most, row in flights.items():
        one_more = row.more[Addition.KEY].in_flight
        gain = _more(most, one_more.calls) if one_more else 0
        notes.append(f"{figure(most)} signed calls in flight at most; another key: +{figure(gain)}.")
    for account, count in sharers(pool, others).items():
        notes.append(f"{counted(count, 'address')} shared with {account}: what counts by address is for both together.")
    notes.append("Each figure is for that call alone: calls that name the same limit draw on it together.")
    absent = _missing(pool)
    if absent:
        names = ", ".join(absent[:3]) + (", ..." if absent[3:] else "")
        notes.append(f"Counted, but not on this host now: {counted(len(absent), 'address')} ({names}).")
    return notes


def _learned(account: Informed) -> list[str]:
    """What the table says otherwise than the daemon's experience."""
    texts = [f"{name} counts by account, not by key" for name in account.coupled]
    texts += [f"{name} has a capacity of {figure(capacity)}" for name, capacity in account.capacities.items()]
    return [f"As the daemon has learned: {'; '.join(texts)}."] if texts else []


def document(learned: Iterable[Informed], others: Collection[Pool]) -> dict[str, Any]:
    """For programs. null: nothing counts such calls. Gains are calls on top of today's."""
    return {"accounts": [_account(account, others) for account in learned]}


def _account(account: Informed, others: Collection[Pool]) -> dict[str, Any]:
    pool = account.pool
    return {
        "account": pool.account,
        "exchange": pool.exchange.name,
        "keys": len(pool.keyed),
        "addresses": len(addresses(pool)),
        "addresses_missing": _missing(pool),
        "addresses_shared": dict(sharers(pool, others)),
        "learned": {"coupled": list(account.coupled), "capacities": dict(account.capacities)},
        "summary": summary(pool, others),
        "budgets": [_budget(row) for row in capacities(pool)],
    }


def _budget(row: Capacity) -> dict[str, Any]:
    now = row.today
    return {
        "product": row.endpoint.product,
        "class": row.endpoint.call_class,
        "endpoint": row.endpoint.name,
        **_plain(now),
        "limited_by": [_limit(charge) for charge in now.per_second.limited_by],
        "limited_at_once_by": [_limit(charge) for charge in now.at_once.limited_by],
        "limited_per_day_by": [_limit(charge) for charge in now.per_day.limited_by],
        "one_more": {addition.replace("-", "_"): _one_more(row, addition) for addition in Addition},
    }


def _one_more(row: Capacity, addition: Addition) -> dict[str, Any]:
    today, then = _plain(row.today), _plain(row.more[addition])
    gains = {name: None if value is None else round(value - (today[name] or 0), 6) for name, value in then.items()}
    return {**gains, "reason": row.in_the_way(addition)}


def _plain(of: Budget) -> dict[str, float | None]:
    def calls(amount: Amount | None) -> float | None:
        return None if amount is None or math.isinf(amount.calls) else round(amount.calls, 6)

    rate = calls(of.per_second)
    return {
        "at_once": calls(of.at_once),
        "per_second": rate,
        "per_minute": None if rate is None else round(of.per_minute, 6),
        "per_day": calls(of.per_day),
        "in_flight": calls(of.in_flight),
    }


def _limit(charge: Charge) -> dict[str, Any]:
    limit = charge.limit
    return {
        "limit": limit.name,
        "scope": limit.scope,
        "per": limit.per,
        "shape": limit.shape,
        "capacity": limit.capacity,
        "window_ms": limit.window_ns / 1_000_000,
        "cost": charge.units,
        "kept": charge.kept,
    }


def _missing(pool: Pool) -> list[str]:
    """Addresses that this host does not have; they are no use until it does."""
    return [address for address in pool.keyless[0].addresses if missing(address)]


def _more(now: float, then: float) -> float:
    return 0.0 if now == then else round(then - now, 6)


def figure(calls: float) -> str:
    """ "30,000", "2.34", and "∞" for what nothing counts."""
    if math.isinf(calls):
        return "∞"
    if calls >= 100 or calls == int(calls):
        return f"{calls:,.0f}"
    return f"{calls:.2f}".rstrip("0") if calls >= 0.01 else f"{calls:.2g}"


def _measure(limit: Limit) -> str:
    """ "6,000/min", "20, drains 0.5/s" for a counter that drains."""
    if limit.shape is Shape.DECAYING:
        return f"{figure(limit.capacity)}, drains {figure(limit.capacity * 1e9 / limit.window_ns)}/s"
    window_ms = limit.window_ns // 1_000_000
    name, unit = next((name, unit) for name, unit in _UNITS if window_ms % unit == 0)
    many = window_ms // unit
    return f"{figure(limit.capacity)}/{'' if many == 1 else f'{many} '}{name}"
