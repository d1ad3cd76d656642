"""What is counted, under which names. Few labels: never the product of keys, addresses and outcomes.

Counting is a plain addition; the text is made from copies, off the event loop.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from proxy import __version__
from proxy.limits.blocks import Subject
from proxy.limits.ledger import Snapshot
from proxy.model import CallClass, Outcome, Route

_SECOND_NS = 1e9
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OWN_BUCKETS = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1)
_CREATED = re.compile(rb"^(?:# (?:HELP|TYPE) )?[a-z_]+_created[ {].*\n", re.MULTILINE)  # the library's own, unwanted

KEY_OUTCOMES = "ordergate_key_outcomes"
ADDRESS_OUTCOMES = "ordergate_address_outcomes"
ROUTE_ATTEMPTS = "ordergate_route_attempts"
CALLS = "ordergate_calls"
ROTATIONS = "ordergate_rotations"
REFUSALS = "ordergate_refusals"
EGRESS_FAULTS = "ordergate_egress_faults"
_COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    KEY_OUTCOMES: ("Attempts by key and outcome.", ("account", "key", "outcome")),
    ADDRESS_OUTCOMES: ("Attempts by address and outcome.", ("exchange", "address", "outcome")),
    ROUTE_ATTEMPTS: ("Attempts by key and address.", ("account", "key", "address")),
    CALLS: ("Calls of bots that were let in, by their end.", ("bot", "account", "class", "end")),
    ROTATIONS: ("Turns to another route, by the outcome that caused them.", ("account", "reason")),
    REFUSALS: ("Calls refused by the daemon itself.", ("reason",)),
    EGRESS_FAULTS: ("Connections given up because of their source address.", ("exchange",)),
}


@dataclass(frozen=True, slots=True)
class Gauges:
    """Figures of the moment that others own."""

    ledger: Snapshot
    waiting: int
    ready: bool
    offsets_ms: Mapping[str, float]
    addresses_up: Mapping[str, bool]


class Metrics:
    """One method per fact."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], int] = {}  # (counter, *label values) -> events
        self._registry = CollectorRegistry(auto_describe=False)
        labels = ["account", "class"]
        self._queue = self._histogram("ordergate_queue_seconds", "Wait for a permit.", labels, _BUCKETS)
        self._upstream = self._histogram(
            "ordergate_upstream_seconds", "Time of an attempt at the exchange.", labels, _BUCKETS
        )
        self._own = self._histogram(
            "ordergate_overhead_seconds", "Own time of a call: total less queue and exchange.", labels, _OWN_BUCKETS
        )
        self._timers: dict[tuple[str, CallClass], tuple[Histogram, Histogram, Histogram]] = {}

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
        self._timers_of(route.account, call_class)[1].observe(upstream_ns / _SECOND_NS)

    def call(self, bot: str, account: str, call_class: CallClass, end: str, queued_ns: int, own_ns: int) -> None:
        """One call that was let in, at its end: "exchange" for an answer of the exchange, else our reason."""
        self._add(CALLS, bot, account, call_class.value, end)
        queue, _, own = self._timers_of(account, call_class)
        queue.observe(queued_ns / _SECOND_NS)
        own.observe(own_ns / _SECOND_NS)

    def rotation(self, account: str, reason: Outcome) -> None:
        self._add(ROTATIONS, account, reason.value)

    def refusal(self, reason: str) -> None:
        self._add(REFUSALS, reason)

    def egress_fault(self, exchange: str) -> None:
        self._add(EGRESS_FAULTS, exchange)

    def copy(self, gauges: Gauges) -> Collector:
        """The counts of this moment, for `render`. Called on the event loop, and quick."""
        return _Copy(dict(self.counts), gauges)

    def render(self, copy: Collector) -> bytes:
        """The exposition text. Takes milliseconds: call it off the event loop."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(copy)
        return generate_latest(registry) + _CREATED.sub(b"", generate_latest(self._registry))

    def _add(self, *key: str) -> None:
        self.counts[key] = self.counts.get(key, 0) + 1

    def _histogram(self, name: str, text: str, labels: list[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self._registry)

    def _timers_of(self, account: str, call_class: CallClass) -> tuple[Histogram, Histogram, Histogram]:
        found = self._timers.get((account, call_class))
        if found is None:
            labels = (account, call_class.value)
            found = self._timers[account, call_class] = (
                self._queue.labels(*labels),
                self._upstream.labels(*labels),
                self._own.labels(*labels),
            )
        return found


class _Copy(Collector):
    """Counters and gauges of one moment."""

    def __init__(self, counts: dict[tuple[str, ...], int], gauges: Gauges) -> None:
        self._counts = counts
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        families = {name: CounterMetricFamily(name, text, labels=labels) for name, (text, labels) in _COUNTERS.items()}
        for (name, *values), count in self._counts.items():
            families[name].add_metric(values, count)
        yield from families.values()
        yield from self._own_state()
        yield from self._limits()
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

    def _limits(self) -> Iterator[Metric]:
        labels = ["limit", "scope", "owner", "name", "detail"]
        used = GaugeMetricFamily("ordergate_limit_used", "Units counted on a limit now.", labels=labels)
        capacity = GaugeMetricFamily("ordergate_limit_capacity", "Units that a limit allows.", labels=labels)
        for counter in self._gauges.ledger.counters:
            values = [counter.limit, counter.scope.value, counter.owner, counter.name, counter.detail]
            used.add_metric(values, counter.used)
            capacity.add_metric(values, counter.capacity)
        yield used
        yield capacity

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


def _block_labels(subject: Subject) -> list[str]:
    """Scope, owner, name, and as detail the class of calls or the address of a pair."""
    if subject[0] == "account":
        return [*subject[:2], "", *subject[2:]] if len(subject) > 2 else [*subject, "", ""]
    return [*subject, ""][:4]
