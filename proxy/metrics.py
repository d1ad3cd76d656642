"""What is counted, under which names. Few labels: never the product of keys, addresses and outcomes.

Counting is a plain addition; the text is made from copies, off the event loop.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from proxy import __version__
from proxy.capacity import Worth
from proxy.limits.blocks import Subject
from proxy.limits.snapshot import CounterState, Snapshot
from proxy.model import CallClass, Outcome, Route, Scope
from proxy.timer import Timer

_SECOND_NS = 1e9
_BUCKETS_NS = tuple(int(ms * 1e6) for ms in (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000))
_OWN_BUCKETS_NS = tuple(us * 1_000 for us in (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000))
_TIMERS = {
    "ordergate_queue_seconds": "Wait for a permit.",
    "ordergate_upstream_seconds": "Time of an attempt at the exchange.",
    "ordergate_overhead_seconds": "Own time of a call: total less queue and exchange.",
}

KEY_OUTCOMES = "ordergate_key_outcomes"
ADDRESS_OUTCOMES = "ordergate_address_outcomes"
ROUTE_ATTEMPTS = "ordergate_route_attempts"
CALLS = "ordergate_calls"
ROTATIONS = "ordergate_rotations"
REFUSALS = "ordergate_refusals"
EGRESS_FAULTS = "ordergate_egress_faults"
SHARED_READS = "ordergate_shared_reads"
WAITS = "ordergate_waits"
REPLAYED = "ordergate_replayed_calls"
RESOLVED = "ordergate_orders_resolved"
_LIMIT = ("limit", "scope", "owner", "name")
_WAIT = ("account", "limit", "scope")
_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    KEY_OUTCOMES: ("Attempts by key and outcome.", ("account", "key", "outcome")),
    ADDRESS_OUTCOMES: ("Attempts by address and outcome.", ("exchange", "address", "outcome")),
    ROUTE_ATTEMPTS: ("Attempts by key and address.", ("account", "key", "address")),
    CALLS: ("Calls of bots that were let in, by their end.", ("bot", "account", "class", "end")),
    ROTATIONS: ("Turns to another route, by the outcome that caused them.", ("account", "reason")),
    REFUSALS: ("Calls refused by the daemon itself.", ("reason",)),
    EGRESS_FAULTS: ("Connections given up because of their source address.", ("exchange",)),
    SHARED_READS: ("Public reads answered without a request of their own.", ("exchange", "kind")),
    WAITS: ('Calls that had to wait, or were refused for it, by the limit in the way ("block": a rest).', _WAIT),
    RESOLVED: ("Writes whose lost answer was looked up, by what became of them.", ("account", "result")),
    REPLAYED: ("Writes answered with the answer to an earlier call that they repeat.", ("account",)),
}


@dataclass(frozen=True, slots=True)
class Gauges:
    """Figures of the moment that others own."""

    ledger: Snapshot
    waiting: int
    ready: bool
    offsets_ms: Mapping[str, float]
    addresses_up: Mapping[str, bool]
    budgets: tuple[Worth, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)  # account -> writes of open outcome
    unknown_oldest_s: float = 0.0
    journal_up: bool = True
    held: Mapping[str, int] = field(default_factory=dict)  # account -> writes of a crash that its orders wait for


class Metrics:
    """One method per fact."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], int] = {}  # (counter, *label values) -> events
        self._timers: dict[tuple[str, CallClass], tuple[Timer, Timer, Timer]] = {}
        self._journal = Timer(_OWN_BUCKETS_NS)

    def open_key(self, account: str, exchange: str, key: str, addresses: Iterable[str]) -> None:
        """Make the series of a key and its addresses, at 0, so that a rate sees the first event."""
        for outcome in Outcome:
            self.counts.setdefault((KEY_OUTCOMES, account, key, outcome.value), 0)
            for address in addresses:
                self.counts.setdefault((ADDRESS_OUTCOMES, exchange, address, outcome.value), 0)

    def attempt(self, exchange: str, route: Route, call_class: CallClass, outcome: Outcome, upstream_ns: int) -> None:
        """One answer, or one failure to get one."""
        if route.key is not None:
            self._add(KEY_OUTCOMES, route.account, route.key, outcome.value)
            self._add(ROUTE_ATTEMPTS, route.account, route.key, route.address)
        self._add(ADDRESS_OUTCOMES, exchange, route.address, outcome.value)
        self._timers_of(route.account, call_class)[1].add(upstream_ns)

    def call(self, bot: str, account: str, call_class: CallClass, end: str, queued_ns: int, own_ns: int) -> None:
        """One call that was let in, at its end: "exchange" for an answer of the exchange, else our reason."""
        self._add(CALLS, bot, account, call_class.value, end)
        queue, _, own = self._timers_of(account, call_class)
        queue.add(queued_ns)
        own.add(own_ns)

    def rotation(self, account: str, reason: Outcome) -> None:
        self._add(ROTATIONS, account, reason.value)

    def refusal(self, reason: str) -> None:
        self._add(REFUSALS, reason)

    def egress_fault(self, exchange: str) -> None:
        self._add(EGRESS_FAULTS, exchange)

    def shared_read(self, exchange: str, kind: str) -> None:
        """`kind`: "flight" for an answer that was under way already, "cache" for a kept one."""
        self._add(SHARED_READS, exchange, kind)

    def wait(self, account: str, limit: str, scope: Scope) -> None:
        """One call for which there was no room at once."""
        self._add(WAITS, account, limit, scope.value)

    def replayed(self, account: str) -> None:
        self._add(REPLAYED, account)

    def resolved(self, account: str, result: str) -> None:
        """`result`: "executed" or "absent"."""
        self._add(RESOLVED, account, result)

    def journal(self, wait_ns: int) -> None:
        """One wait until an intent was on the disk, or was given up."""
        self._journal.add(wait_ns)

    def copy(self, gauges: Gauges) -> Collector:
        """The counts of this moment, for `render`. Called on the event loop, and quick."""
        timers = {labels: tuple(timer.copy() for timer in row) for labels, row in self._timers.items()}
        return _Copy(dict(self.counts), timers, self._journal.copy(), gauges)

    def render(self, copy: Collector) -> bytes:
        """The exposition text. Takes milliseconds: call it off the event loop."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(copy)
        return generate_latest(registry)

    def _add(self, *key: str) -> None:
        self.counts[key] = self.counts.get(key, 0) + 1

    def _timers_of(self, account: str, call_class: CallClass) -> tuple[Timer, Timer, Timer]:
        found = self._timers.get((account, call_class))
        if found is None:
            found = (Timer(_BUCKETS_NS), Timer(_BUCKETS_NS), Timer(_OWN_BUCKETS_NS))
            self._timers[account, call_class] = found
        return found


class _Copy(Collector):
    """Counters and gauges of one moment."""

    def __init__(
        self,
        counts: dict[tuple[str, ...], int],
        timers: Mapping[tuple[str, CallClass], tuple[Timer, ...]],
        journal: Timer,
        gauges: Gauges,
    ) -> None:
        self._counts = counts
        self._timers = timers
        self._journal = journal
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        families = {name: CounterMetricFamily(name, text, labels=labels) for name, (text, labels) in _COUNTERS.items()}
        for (name, *values), count in self._counts.items():
            families[name].add_metric(values, count)
        yield from families.values()
        for number, (name, text) in enumerate(_TIMERS.items()):
            family = HistogramMetricFamily(name, text, labels=["account", "class"])
            for (account, call_class), row in self._timers.items():
                timer = row[number]
                family.add_metric([account, call_class.value], timer.buckets(), timer.sum_ns / _SECOND_NS)
            yield family
        yield from self._own_state()
        yield from self._orders()
        yield from self._limits()
        yield from self._budgets()
        yield from self._blocks()

    def _own_state(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("ordergate_build_info", "The running version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        gauges = self._gauges
        yield GaugeMetricFamily("ordergate_ready", "1 while calls are taken.", value=int(gauges.ready))
        yield GaugeMetricFamily("ordergate_queue_length", "Calls that wait for a permit.", value=gauges.waiting)
        offset = GaugeMetricFamily(
            "ordergate_exchange_clock_offset_seconds", "The exchange's clock less ours.", labels=["exchange"]
        )
        for exchange, offset_ms in gauges.offsets_ms.items():
            offset.add_metric([exchange], offset_ms / 1000)
        yield offset
        up = GaugeMetricFamily("ordergate_address_up", "1 while this host has the address.", labels=["address"])
        for address, is_up in gauges.addresses_up.items():
            up.add_metric([address], int(is_up))
        yield up

    def _orders(self) -> Iterator[Metric]:
        waits = HistogramMetricFamily("ordergate_journal_seconds", "Wait until a write is on the disk.")
        waits.add_metric([], self._journal.buckets(), self._journal.sum_ns / _SECOND_NS)
        yield waits
        gauges = self._gauges
        yield GaugeMetricFamily("ordergate_journal_up", "0 while writes are refused.", value=int(gauges.journal_up))
        unknown = {(account,): count for account, count in gauges.unknown.items()}
        yield _family("ordergate_orders_unknown", "Writes that may have been executed.", ("account",), unknown)
        yield GaugeMetricFamily(
            "ordergate_orders_unknown_oldest_seconds", "Age of the oldest of them.", value=gauges.unknown_oldest_s
        )
        held = {(account,): gauges.held.get(account, 0) for account in gauges.unknown}
        yield _family("ordergate_orders_held", "Writes left by a crash, that new orders wait for.", ("account",), held)

    def _limits(self) -> Iterator[Metric]:
        """Of a limit that counts by endpoint or symbol too, its fullest counter stands for all: symbols come from bots,
        and thousands of them would be thousands of series. /api/status has each of them."""
        fullest: dict[tuple[str, ...], CounterState] = {}
        details: dict[tuple[str, ...], int] = {}
        for counter in self._gauges.ledger.counters:
            labels = (counter.limit, counter.scope.value, counter.owner, counter.name)
            details[labels] = details.get(labels, 0) + 1
            known = fullest.get(labels)
            if known is None or _share(counter) > _share(known):
                fullest[labels] = counter
        ledger = self._gauges.ledger
        yield _family(
            "ordergate_limit_used",
            "Units counted now, on its fullest counter.",
            _LIMIT,
            {labels: counter.used for labels, counter in fullest.items()},
        )
        yield _family(
            "ordergate_limit_capacity",
            "Units that it allows in its window.",
            _LIMIT,
            {labels: counter.capacity for labels, counter in fullest.items()},
        )
        yield _family(
            "ordergate_limit_window_seconds",
            "The window of a limit; 0: calls in flight.",
            _LIMIT,
            {labels: counter.window_ns / _SECOND_NS for labels, counter in fullest.items()},
        )
        yield _family("ordergate_limit_counters", "How many endpoints or symbols it counts apart.", _LIMIT, details)
        units = CounterMetricFamily(
            "ordergate_limit_units",
            "Units that calls of ours took; rate times window by capacity: the share of the legal budget in use.",
            labels=_LIMIT,
        )
        for (limit, scope, owner, *name), taken in ledger.units.items():
            units.add_metric([limit, scope, owner, "".join(name)], taken)
        yield units
        coupled = {(account, limit): 1 for account, limit in sorted(ledger.coupled)}
        text = "1 while a limit is counted by account although the exchange says by key, as its refusals showed."
        yield _family("ordergate_limit_coupled", text, ("account", "limit"), coupled)

    def _budgets(self) -> Iterator[Metric]:
        labels = ("account", "product", "class")
        rows = {(row.account, row.product, row.call_class.value): row for row in self._gauges.budgets}
        yield _family(
            "ordergate_budget_calls_per_second",
            "Calls that all keys and addresses allow.",
            labels,
            {key: row.calls_per_second for key, row in rows.items()},
        )
        text = "How often the budget of one key on one address is there; 1: more of them add nothing."
        yield _family(
            "ordergate_budget_routes",
            text,
            labels,
            {key: row.routes for key, row in rows.items() if row.routes is not None},
        )

    def _blocks(self) -> Iterator[Metric]:
        labels = ["scope", "owner", "name", "detail"]
        blocked = GaugeMetricFamily("ordergate_blocked", "1 while a subject rests.", labels=labels)
        rest = GaugeMetricFamily(
            "ordergate_blocked_rest_seconds",
            "Time until a resting subject may try again; +Inf: the operator must act.",
            labels=labels,
        )
        for block in self._gauges.ledger.blocks:
            values = _block_labels(block.subject)
            blocked.add_metric(values, 1)
            rest.add_metric(values, float("inf") if block.rest_ns is None else block.rest_ns / _SECOND_NS)
        yield blocked
        yield rest


def _share(counter: CounterState) -> float:
    return counter.used / counter.capacity if counter.capacity else 0.0


def _family(name: str, text: str, labels: Iterable[str], values: Mapping[Any, float]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, text, labels=list(labels))
    for key, value in values.items():
        found.add_metric(list(key), value)
    return found


def _block_labels(subject: Subject) -> list[str]:
    """Scope, owner, name, and as detail the class of calls or the address of a pair."""
    if subject[0] == "account":
        return [*subject[:2], "", *subject[2:]] if len(subject) > 2 else [*subject, "", ""]
    return [*subject, ""][:4]
