"""The exposition, and the rules of `promtool check metrics`."""

import re
from dataclasses import replace

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from proxy import __version__
from proxy.capacity import Worth
from proxy.limits.snapshot import BlockState, CounterState, Snapshot
from proxy.metrics import Gauges, Metrics
from proxy.model import CallClass, Outcome, Route, Scope

SECOND = 1_000_000_000
ROUTE = Route("main", "a", "192.0.2.1")
PUBLIC = Route("main", None, "192.0.2.2")
SNAPSHOT = Snapshot(
    (
        CounterState("weight_1m", Scope.ADDRESS, "binance", "192.0.2.1", "", 120, 6000, 60 * SECOND),
        CounterState("orders_10s", Scope.ACCOUNT, "main", "", "", 3, 100),
        CounterState("engine", Scope.ACCOUNT, "main", "", "XBTUSD", 8.5, 125),
        CounterState("engine", Scope.ACCOUNT, "main", "", 'odd "symbol"\\\n_created', 1, 125),
    ),
    (
        BlockState(("address", "binance", "192.0.2.1"), 90 * SECOND, "banned"),
        BlockState(("key", "main", "a"), None, "dead"),
        BlockState(("key", "main", "b", "place"), SECOND, "no permission"),
        BlockState(("account", "main"), SECOND, "suspended"),
        BlockState(("account", "main", "place"), 2 * SECOND, "throttled"),
        BlockState(("pair", "main", "b", "192.0.2.2"), SECOND, "not whitelisted"),
    ),
    frozenset({("main", "orders_100ms")}),
    {("weight_1m", "address", "binance", "192.0.2.1"): 4500, ("orders_10s", "account", "main"): 7},
)
BUDGETS = (
    Worth("main", "spot", CallClass.PLACE, 10, 1),
    Worth("main", "spot", CallClass.PUBLIC, float("inf"), None),
)
GAUGES = Gauges(SNAPSHOT, 4, True, {"binance": -250.0}, {"192.0.2.1": True, "192.0.2.2": False}, BUDGETS)


def busy() -> Metrics:
    metrics = Metrics()
    metrics.open_key("main", "binance", "a", ["192.0.2.1", "192.0.2.2"])
    metrics.attempt("binance", ROUTE, CallClass.PLACE, Outcome.ACCEPTED, 40_000_000)
    metrics.attempt("binance", ROUTE, CallClass.PLACE, Outcome.THROTTLED, 30_000_000)
    metrics.attempt("binance", PUBLIC, CallClass.PUBLIC, Outcome.ACCEPTED, 20_000_000)
    metrics.call("grid-1", "main", CallClass.PLACE, "exchange", 1_000_000, 300_000)
    metrics.rotation("main", Outcome.THROTTLED)
    metrics.refusal("bad_token")
    metrics.egress_fault("binance")
    return metrics


def text_of(metrics: Metrics, gauges: Gauges = GAUGES) -> str:
    return metrics.render(metrics.copy(gauges)).decode()


def families_of(metrics: Metrics, gauges: Gauges = GAUGES) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text_of(metrics, gauges))}


def value(metrics: Metrics, sample: str, **labels: str) -> float:
    found = [
        s.value for f in families_of(metrics).values() for s in f.samples if s.name == sample and s.labels == labels
    ]
    assert len(found) == 1, (sample, labels)
    return found[0]


@pytest.fixture(scope="module")
def families() -> dict[str, Metric]:
    return families_of(busy())


def test_what_happened_is_counted() -> None:
    metrics = busy()
    assert value(metrics, "ordergate_key_outcomes_total", account="main", key="a", outcome="accepted") == 1
    assert value(metrics, "ordergate_key_outcomes_total", account="main", key="a", outcome="throttled") == 1
    by_address = {"exchange": "binance", "outcome": "accepted"}
    assert value(metrics, "ordergate_address_outcomes_total", address="192.0.2.1", **by_address) == 1
    assert value(metrics, "ordergate_address_outcomes_total", address="192.0.2.2", **by_address) == 1
    assert value(metrics, "ordergate_route_attempts_total", account="main", key="a", address="192.0.2.1") == 2
    ended = {"bot": "grid-1", "account": "main", "class": "place", "end": "exchange"}
    assert value(metrics, "ordergate_calls_total", **ended) == 1
    assert value(metrics, "ordergate_rotations_total", account="main", reason="throttled") == 1
    assert value(metrics, "ordergate_refusals_total", reason="bad_token") == 1
    assert value(metrics, "ordergate_egress_faults_total", exchange="binance") == 1


def test_a_public_call_counts_for_no_key(families: dict[str, Metric]) -> None:
    keys = {s.labels["key"] for s in families["ordergate_key_outcomes"].samples}
    assert keys == {"a"}


def test_times_are_in_seconds() -> None:
    metrics = busy()
    place = {"account": "main", "class": "place"}
    assert value(metrics, "ordergate_upstream_seconds_sum", **place) == pytest.approx(0.07)
    assert value(metrics, "ordergate_upstream_seconds_count", **place) == 2
    assert value(metrics, "ordergate_queue_seconds_sum", **place) == pytest.approx(0.001)
    assert value(metrics, "ordergate_overhead_seconds_sum", **place) == pytest.approx(0.0003)
    assert value(metrics, "ordergate_overhead_seconds_bucket", le="0.0005", **place) == 1
    assert value(metrics, "ordergate_overhead_seconds_bucket", le="0.0002", **place) == 0


def test_series_of_a_key_exist_from_the_start() -> None:
    """A rate sees the first event only if there was a 0 before it."""
    metrics = Metrics()
    metrics.open_key("main", "binance", "a", ["192.0.2.1"])
    for outcome in Outcome:
        assert value(metrics, "ordergate_key_outcomes_total", account="main", key="a", outcome=outcome.value) == 0
    metrics.attempt("binance", ROUTE, CallClass.READ, Outcome.DEAD, 1)
    metrics.open_key("main", "binance", "a", ["192.0.2.1"])
    assert value(metrics, "ordergate_key_outcomes_total", account="main", key="a", outcome="dead") == 1


def test_figures_of_the_moment() -> None:
    metrics = busy()
    assert value(metrics, "ordergate_build_info", version=__version__) == 1
    assert value(metrics, "ordergate_ready") == 1
    assert value(metrics, "ordergate_queue_length") == 4
    assert value(metrics, "ordergate_exchange_clock_offset_seconds", exchange="binance") == -0.25
    assert value(metrics, "ordergate_address_up", address="192.0.2.1") == 1
    assert value(metrics, "ordergate_address_up", address="192.0.2.2") == 0
    weight = {"limit": "weight_1m", "scope": "address", "owner": "binance", "name": "192.0.2.1"}
    assert value(metrics, "ordergate_limit_used", **weight) == 120
    assert value(metrics, "ordergate_limit_capacity", **weight) == 6000


@pytest.mark.parametrize(
    ("labels", "rest"),
    [
        (("address", "binance", "192.0.2.1", ""), 90),
        (("key", "main", "a", ""), float("inf")),
        (("key", "main", "b", "place"), 1),
        (("account", "main", "", ""), 1),
        (("account", "main", "", "place"), 2),
        (("pair", "main", "b", "192.0.2.2"), 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_who_rests(labels: tuple[str, ...], rest: float) -> None:
    named = dict(zip(("scope", "owner", "name", "detail"), labels, strict=True))
    assert value(busy(), "ordergate_blocked", **named) == 1
    assert value(busy(), "ordergate_blocked_rest_seconds", **named) == rest


def test_a_copy_is_of_its_moment() -> None:
    metrics = busy()
    copy = metrics.copy(GAUGES)
    metrics.refusal("bad_token")
    assert b'ordergate_refusals_total{reason="bad_token"} 1.0' in metrics.render(copy)


def test_values_from_outside_are_escaped_and_lose_no_line() -> None:
    """Also a name that holds what the library's unwanted series are known by."""
    metrics = busy()
    metrics.call("bot", "my_created account", CallClass.READ, "exchange", 1, 1)
    account = {"account": "my_created account", "class": "read"}
    assert value(metrics, "ordergate_queue_seconds_count", **account) == 1
    assert value(metrics, "ordergate_queue_seconds_bucket", le="+Inf", **account) == 1
    metrics.wait("main", 'odd "limit"\\\n_created', Scope.KEY)
    odd = {"account": "main", "limit": 'odd "limit"\\\n_created', "scope": "key"}
    assert value(metrics, "ordergate_waits_total", **odd) == 1


def test_a_limit_by_symbol_is_one_series_with_its_fullest_counter() -> None:
    """Symbols come from bots; 20,000 of them must not be 20,000 series."""
    counters = [CounterState("engine", Scope.ACCOUNT, "main", "", f"S{n}", n % 100, 125) for n in range(20_000)]
    counters.append(CounterState("engine", Scope.ACCOUNT, "other", "", "S1", 3, 125))
    metrics = busy()
    gauges = replace(GAUGES, ledger=replace(SNAPSHOT, counters=tuple(counters)))
    found = families_of(metrics, gauges)
    for name, wanted in (("used", 99), ("capacity", 125), ("counters", 20_000)):
        rows = {s.labels["owner"]: s.value for s in found[f"ordergate_limit_{name}"].samples}
        assert rows == {"main": wanted, "other": {"used": 3, "capacity": 125, "counters": 1}[name]}


def test_fullest_is_by_share_not_by_units() -> None:
    rows = (
        CounterState("orders", Scope.ACCOUNT, "main", "", "a", 50, 1000),
        CounterState("orders", Scope.ACCOUNT, "main", "", "b", 9, 10),
    )
    found = families_of(busy(), replace(GAUGES, ledger=replace(SNAPSHOT, counters=rows)))
    assert [s.value for s in found["ordergate_limit_used"].samples] == [9]
    assert [s.value for s in found["ordergate_limit_capacity"].samples] == [10]


def test_units_budgets_and_couplings() -> None:
    metrics = busy()
    weight = {"limit": "weight_1m", "scope": "address", "owner": "binance", "name": "192.0.2.1"}
    assert value(metrics, "ordergate_limit_units_total", **weight) == 4500
    orders = {"limit": "orders_10s", "scope": "account", "owner": "main", "name": ""}
    assert value(metrics, "ordergate_limit_units_total", **orders) == 7
    assert value(metrics, "ordergate_limit_window_seconds", **weight) == 60
    assert value(metrics, "ordergate_limit_coupled", account="main", limit="orders_100ms") == 1
    place = {"account": "main", "product": "spot", "class": "place"}
    assert value(metrics, "ordergate_budget_calls_per_second", **place) == 10
    assert value(metrics, "ordergate_budget_routes", **place) == 1
    found = families_of(metrics)
    assert [s.labels["class"] for s in found["ordergate_budget_routes"].samples] == ["place"]
    endless = {s.labels["class"]: s.value for s in found["ordergate_budget_calls_per_second"].samples}
    assert endless["public"] == float("inf")


# The rules of `promtool check metrics`, and those of DESIGN section 3.4.

_ABBREVIATED = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "m", "h", "d", "pct", "percent"}
_NOT_BASE = {
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "kilobytes",
    "megabytes",
    "bits",
}
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def test_names_begin_with_ours_and_are_snake_case(families: dict[str, Metric]) -> None:
    assert families
    for name, family in families.items():
        assert re.fullmatch(r"ordergate(_[a-z0-9]+)+", name), name
        for sample in family.samples:
            assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in sample.labels), sample
            assert not any(label.startswith("__") for label in sample.labels)


def test_every_family_has_help_and_a_type_once() -> None:
    lines = text_of(busy()).splitlines()
    for kind in ("HELP", "TYPE"):
        named = [line.split(" ", 3)[2] for line in lines if line.startswith(f"# {kind} ")]
        assert len(named) == len(set(named))
        families = {f.name + ("_total" if f.type == "counter" else "") for f in families_of(busy()).values()}
        assert set(named) == families
    assert all(family.documentation.strip() for family in families_of(busy()).values())


def test_counters_end_with_total_and_nothing_else_does() -> None:
    for line in text_of(busy()).splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name.endswith("_total") == (kind == "counter"), name
            assert kind in ("counter", "gauge", "histogram")


def test_units_are_base_units(families: dict[str, Metric]) -> None:
    for name in families:
        words = set(name.split("_"))
        assert not words & (_ABBREVIATED | _NOT_BASE | _TYPES), name
    assert [
        name for name, family in families.items() if family.type == "histogram" and not name.endswith("_seconds")
    ] == []


def test_reserved_labels_and_suffixes_are_left_alone(families: dict[str, Metric]) -> None:
    for family in families.values():
        for sample in family.samples:
            if family.type != "histogram":
                assert "le" not in sample.labels
                assert not sample.name.endswith(("_bucket", "_sum", "_count"))
            assert "quantile" not in sample.labels


def test_no_series_stands_twice(families: dict[str, Metric]) -> None:
    series = [(s.name, tuple(sorted(s.labels.items()))) for family in families.values() for s in family.samples]
    assert len(series) == len(set(series))
    for family in families.values():
        names = {frozenset(s.labels) - {"le"} for s in family.samples}
        assert len(names) <= 1, family.name


def test_there_are_no_created_series() -> None:
    named = [line for line in text_of(busy()).splitlines() if re.match(r"(# \w+ )?\w+_created\b", line)]
    assert named == []


def test_buckets_rise_to_infinity(families: dict[str, Metric]) -> None:
    histograms = [family for family in families.values() if family.type == "histogram"]
    assert len(histograms) == 4
    for family in histograms:
        by_series: dict[tuple[str, ...], list[tuple[float, float]]] = {}
        for s in family.samples:
            if s.name.endswith("_bucket"):
                key = (s.labels.get("account", ""), s.labels.get("class", ""))
                by_series.setdefault(key, []).append((float(s.labels["le"]), s.value))
        for rows in by_series.values():
            assert [le for le, _ in rows] == sorted(le for le, _ in rows)
            assert [n for _, n in rows] == sorted(n for _, n in rows)
            assert rows[-1][0] == float("inf")


def test_labels_are_few(families: dict[str, Metric]) -> None:
    """Never key, address and outcome together: that would be thousands of series per account."""
    for family in families.values():
        for sample in family.samples:
            assert not {"key", "address", "outcome"} <= set(sample.labels), family.name
            assert not {"bot", "key"} <= set(sample.labels), family.name


def test_what_the_journal_does_is_seen() -> None:
    metrics = Metrics()
    metrics.journal(3_000_000)
    metrics.replayed("main")
    gauges = replace(GAUGES, unknown={"main": 2, "second": 0}, unknown_oldest_s=7.5, journal_up=False, held={"main": 1})
    text = text_of(metrics, gauges)
    for line in (
        'ordergate_orders_unknown{account="main"} 2.0',
        'ordergate_orders_unknown{account="second"} 0.0',
        "ordergate_orders_unknown_oldest_seconds 7.5",
        'ordergate_orders_held{account="main"} 1.0',
        'ordergate_orders_held{account="second"} 0.0',
        "ordergate_journal_up 0.0",
        "ordergate_journal_seconds_sum 0.003",
        "ordergate_journal_seconds_count 1.0",
        'ordergate_replayed_calls_total{account="main"} 1.0',
    ):
        assert line in text.splitlines(), line
