"""Tables: loading and its complaints, matching, prices, tiers; and that money has no side door."""

from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.exchanges import EXCHANGES
from proxy.exchanges.table import Table, limits_of, penalty, units, upstream_of
from proxy.exchanges.table_file import duration_ns, load_table
from proxy.model import Auth, CallClass, Cost, Reply, Scope, Shape, Usage

_SMALL = """\
exchange: small
default_tier: low
products:
  spot: {base: "https://api.example.com/base/", hosts: [alt.example.com], prefixes: [/v1/]}
limits:
  - source: a page
    checked: 2026-08-21
    items:
      calls: {scope: key, shape: decaying, capacity: 20, window: 1500ms, per: symbol}
tiers:
  low: {calls: {capacity: 10, window: 2s}}
  high: {calls: {capacity: 30}}
feedback:
  - source: a page
    checked: 2026-08-21
    headers: {x-used: {limit: calls, is: used}}
endpoints:
  - source: a page
    checked: 2026-08-21
    product: spot
    prefix: /v1/
    every: {calls: 1}
    items:
      GET time, assets: {class: public}
      GET|POST order: {class: read, symbol: pair, costs: {calls: 2}}
      POST cheap: {class: place, costs: {calls: {units: 3, accepted: 1}}}
      POST batch: {class: place, costs: {calls: {by: orders, each: 2, else: 30}}}
      GET history: {class: public, auth: key}
      GET open/*: {class: read}
      GET *: {class: public}
"""


def small(tmp_path: Path, text: str = _SMALL) -> Table:
    path = tmp_path / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return load_table(path)


def test_rows_become_endpoints(tmp_path: Path) -> None:
    table = small(tmp_path)
    order = table.match("POST", "/v1/order")
    assert order is not None
    assert (order.name, order.product, order.symbol) == ("POST /v1/order", "spot", "pair")
    assert (order.call_class, order.auth) == (CallClass.READ, Auth.SIGNED)
    assert order.costs == (Cost("calls", 2.0),)  # a row's own price replaces that of the group
    time = table.match("GET", "/v1/time")
    assert time is not None and (time.auth, time.costs) == (Auth.NONE, (Cost("calls", 1.0),))
    history = table.match("GET", "/v1/history")
    assert history is not None and history.auth is Auth.KEY
    limit = table.limits["calls"]
    assert (limit.scope, limit.shape, limit.capacity, limit.window_ns, limit.per) == (
        Scope.KEY,
        Shape.DECAYING,
        20.0,
        1_500_000_000,
        "symbol",
    )


def test_the_longest_pattern_wins_and_the_method_counts(tmp_path: Path) -> None:
    table = small(tmp_path)
    found = table.match("GET", "/v1/open/a")
    assert found is not None and found.name == "GET /v1/open/*"
    found = table.match("GET", "/v1/else")
    assert found is not None and found.name == "GET /v1/*"
    assert table.match("POST", "/v1/else") is None
    assert table.match("get", "/v1/else") is None
    assert table.match("GET", "/v2/else") is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../v2/order",
        "/v1/./x",
        "/v1/a//b",
        "/v1/%2e%2e/x",
        "/v1/x%2Fy",
        "/v1/a;b",
        "/v1/a\\b",
        "/v1/a b",
        "/v1/ä",
        "/v1/withdraw",
        "/v1/assetTRANSFER",
        "/v1/Withdrawal/x",
    ],
)
def test_patterns_take_no_path_that_can_be_read_otherwise_or_speaks_of_money(tmp_path: Path, path: str) -> None:
    assert small(tmp_path).match("GET", path) is None


def test_products_are_found_by_host_and_path(tmp_path: Path) -> None:
    table = small(tmp_path)
    spot = table.products["spot"]
    assert spot.upstream == upstream_of("https://api.example.com/base")
    assert table.products_of(None, "/v1/x") == [spot]
    assert table.products_of("alt.example.com", "/v1/x") == [spot]
    assert table.products_of("evil.example.com", "/v1/x") == []
    assert table.products_of(None, "/v2/x") == []


def test_tiers_replace_single_limits(tmp_path: Path) -> None:
    table = small(tmp_path)
    assert (limits_of(table, "")["calls"].capacity, limits_of(table, "")["calls"].window_ns) == (10, 2_000_000_000)
    assert (limits_of(table, "high")["calls"].capacity, limits_of(table, "high")["calls"].window_ns) == (
        30,
        1_500_000_000,
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    checked: 2026-08-21\n", "", "source"),
        ("window: 1500ms", "window: soon", "duration"),
        ("every: {calls: 1}", "every: {unknown: 1}", "unknown"),
        ("GET time, assets", "GET time, time", "twice"),
        ("class: place", "class: steal", "steal"),
        ("shape: decaying", "shape: round", "round"),
        ("per: symbol", "falls: true", "can fall"),
        ("{limit: calls, is: used}", "{limit: cals, is: used}", "no limit is called"),
        ("capacity: 20, window: 1500ms", "capacity: 20", "window"),
        ("shape: decaying", "shape: inflight", "window"),
        ("by: orders, each: 2, else: 30", "by: orders, each: 2", "else"),
        ("exchange: small", "exchange: [", "Error"),
        ("costs: {calls: 2}", "costs: {calls: {ages: {10s: 1, 5s: 2}}}", "ages"),
        ("costs: {calls: 2}", "costs: {calls: {ages: {5s: 1, 10s: 2}}}", "ages"),
    ],
)
def test_a_bad_table_is_refused_with_its_fault(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in _SMALL
    with pytest.raises(ConfigError) as caught:
        small(tmp_path, _SMALL.replace(old, new))
    assert complaint in str(caught.value) and "small.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ns"), [("100ms", 10**8), ("53420ms", 53_420 * 10**6), ("1m", 60 * 10**9), ("1d", 86_400 * 10**9)]
)
def test_durations(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


STEPS = Cost("w", 5, param="limit", steps=((100, 5), (500, 25), (1000, 50)))
EACH = Cost("w", 40, param="orders", each=8)


@pytest.mark.parametrize(
    ("cost", "params", "price"),
    [
        (Cost("w", 4), {"limit": "9"}, 4),
        (STEPS, {}, 5),
        (STEPS, {"limit": "100"}, 5),
        (STEPS, {"limit": "101"}, 25),
        (STEPS, {"limit": "9999"}, 50),
        (STEPS, {"limit": "many"}, 50),
        (STEPS, {"limit": "nan"}, 50),
        (Cost("w", 80, param="symbol", present=2), {"symbol": "X"}, 2),
        (Cost("w", 80, param="symbol", present=2), {}, 80),
        (EACH, {}, 40),
        (EACH, {"orders": "A"}, 8),
        (EACH, {"orders": "A,B,C"}, 24),
        (EACH, {"orders": '["A", "B"]'}, 16),
        (EACH, {"orders": "[]"}, 8),
        # Commas inside the elements are not between them.
        (EACH, {"orders": '[{"pair":"A","price":"1"},{"pair":"B","price":"2,5"}]'}, 16),
        (EACH, {"orders": " [[1,2],[3,4],[5,6]]\n"}, 24),
        # What cannot be read costs the most that the row knows.
        (EACH, {"orders": "[broken"}, 40),
        (EACH, {"orders": '{"a":1}'}, 40),
    ],
)
def test_prices(cost: Cost, params: dict[str, str], price: float) -> None:
    assert units(cost, params) == price


MONEY = [
    (name, method, path)
    for name, exchange in EXCHANGES.items()
    for (method, path), row in exchange.table.exact.items()
    if row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN)
]


def spellings(method: str, path: str) -> list[tuple[str, str]]:
    head, _, tail = path.rpartition("/")
    encoded = f"%{ord(tail[0]):02X}{tail[1:]}"
    paths = [
        path.lower(),
        path.upper(),
        path.swapcase(),
        path.title(),
        f"{path}/",
        f"{path}.json",
        f"{path}x",
        f"{path}%20",
        f"{path};x",
        f"{path}/x",
        f"{head}//{tail}",
        f"{head}/./{tail}",
        f"{head}/x/../{tail}",
        f"{head}/{encoded}",
        f"{head}%2F{tail}",
        f"/{path}",
    ]
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", method.lower(), method.title()]
    return [(m, p) for p in [*paths, path] for m in methods]


GETS_ONLY_READ = {"binance", "coinbase"}  # by the exchange's own documents, whatever the path


@pytest.mark.parametrize(("exchange", "method", "path"), MONEY)
def test_no_spelling_of_a_money_call_is_another_call(exchange: str, method: str, path: str) -> None:
    """It meets its own row, or a row as strict, or none; as a GET, where these change nothing, a read too."""
    table = EXCHANGES[exchange].table
    for other_method, other in spellings(method, path):
        row = table.match(other_method, other)
        if row is not None and other_method == "GET" != method and exchange in GETS_ONLY_READ:
            assert not row.call_class.writes, other
            continue
        assert row is None or row.call_class in (CallClass.WITHDRAW, CallClass.ADMIN), (other_method, other)


def test_there_are_money_rows_to_test() -> None:
    assert {name for name, _, _ in MONEY} >= {"binance", "kraken", "cryptocom"}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_rows_are_consistent(exchange: str) -> None:
    table = EXCHANGES[exchange].table
    rows = [*table.exact.values(), *(row for _, _, row in table.patterns)]
    for row in rows:
        assert row.product in table.products, row.name
        path = row.name.partition(" ")[2]
        assert path.startswith(table.products[row.product].prefixes), row.name
        assert row.costs, f"{row.name} would never be paced"
        writes = row.call_class.writes
        assert not writes or row.auth is Auth.SIGNED, row.name
    for _, prefix, row in table.patterns:
        assert not row.call_class.writes, f"{prefix}: an unknown write must be refused"
    for tier in table.tiers.values():
        assert tier.keys() <= table.limits.keys()
    assert not table.default_tier or table.default_tier in table.tiers


def test_a_price_by_the_age_of_orders(tmp_path: Path) -> None:
    by_age = "costs: {calls: {fixed: 1, ages: {5s: 6, 1m: 2.5}, most: 4}}"
    row = small(tmp_path, _SMALL.replace("costs: {calls: 2}", by_age)).match("POST", "/v1/order")
    assert row is not None
    (cost,) = row.costs
    second = 1_000_000_000
    assert [penalty(cost, age * second) for age in (0, 4, 5, 59, 60, 10**6)] == [6, 6, 2.5, 2.5, 0, 0]
    assert (cost.units, cost.most, cost.param) == (1, 4, "")
    assert units(cost, {}) == 1 + 4 * 6  # which orders and how old is not known here


def test_a_price_may_be_lower_for_what_is_accepted(tmp_path: Path) -> None:
    table = small(tmp_path)
    cheap = table.exact["POST", "/v1/cheap"]
    assert cheap.costs == (Cost("calls", 3.0, accepted=1.0),)
    assert units(cheap.costs[0], {"calls": "9"}) == 3


def test_limits_fall_only_where_the_table_says_so(tmp_path: Path) -> None:
    assert not small(tmp_path).limits["calls"].falls
    flat = _SMALL.replace("shape: decaying", "shape: fixed").replace("per: symbol", "falls: true")
    assert small(tmp_path, flat).limits["calls"].falls


def test_feedback_rows_are_read(tmp_path: Path) -> None:
    table = small(tmp_path)
    reply = Reply(200, b"OK", ((b"X-Used", b"7"),), b"{}", 1)
    assert table.feedback.read(table.exact["GET", "/v1/time"], reply) == (Usage("calls", 7),)


def test_binance_gives_back_what_succeeds_and_what_fills() -> None:
    """CHANGELOG.md 2026-04-02; faqs/order_count_decrement.md."""
    table = EXCHANGES["binance"].table
    free = {
        endpoint.name for endpoint in table.exact.values() for cost in endpoint.costs if cost.accepted == 0
    }  # fmt: skip
    paths = ("order", "sor/order", "order/cancelReplace", "order/oco", "orderList/oco", "orderList/oto")
    more = ("orderList/opo", "orderList/otoco", "orderList/opoco")
    placing = {f"POST /api/v3/{path}" for path in (*paths, *more)}
    assert free == placing | {f"DELETE /api/v3/{path}" for path in ("order", "openOrders", "orderList")}
    assert {name for name, limit in table.limits.items() if limit.falls} == {"orders_10s", "orders_1d"}


TWO_HOSTS = """
exchange: two
products:
  spot:    {base: "https://spot.example", prefixes: [/api/]}
  futures: {base: "https://futures.example", prefixes: [/api/]}
limits:
  - {source: dummy, checked: 2026-01-01, items: {calls: {scope: address, shape: sliding, capacity: 5, window: 1s}}}
endpoints:
  - source: dummy
    checked: 2026-01-01
    product: spot
    prefix: /api/
    items:
      GET orders: {class: read, costs: {calls: {by: kind, values: {stop: 3}, else: 1}}}
      DELETE "orders/{id}", "orders/{id}/parts/{part-id}": {class: cancel}
      GET *: {class: read}
  - source: dummy
    checked: 2026-01-01
    product: futures
    prefix: /api/
    items:
      GET orders, contracts: {class: read}
      DELETE "orders/{id}": {class: cancel}
""".replace('"orders', "orders").replace('}"', "}")


@pytest.fixture
def two(tmp_path: Path) -> Table:
    (tmp_path / "two.yaml").write_text(TWO_HOSTS)
    return load_table(tmp_path / "two.yaml")


def test_a_path_that_two_products_have_is_each_ones_own(two: Table) -> None:
    names = {product: two.match("GET", "/api/orders", product) for product in ("", "spot", "futures")}
    assert {product: row.name for product, row in names.items() if row} == {
        "": "GET /api/orders",
        "spot": "GET /api/orders",
        "futures": "GET /api/orders@futures",
    }
    assert all(row is not None and two.named(row.name) is row and row.path == "/api/orders" for row in names.values())
    row = two.match("DELETE", "/api/orders/7", "futures")
    assert row is not None and row.name == "DELETE /api/orders/{id}@futures" and two.named(row.name) is row
    assert two.match("GET", "/api/contracts", "spot") is two.match("GET", "/api/other", "spot")  # the row for any path
    assert two.match("GET", "/api/other", "futures") is None


def test_values_in_a_path_are_parameters(two: Table) -> None:
    row = two.match("DELETE", "/api/orders/a%2Db%20c/parts/9")
    assert row is None  # what a server may decode is no value
    row = two.match("DELETE", "/api/orders/a-b:c/parts/9")
    assert row is not None and two.path_params(row, "/api/orders/a-b:c/parts/9") == {"id": "a-b:c", "part-id": "9"}
    assert two.match("DELETE", "/api/orders/") is None and two.match("DELETE", "/api/orders/7/more") is None
    assert two.match("DELETE", "/api/orders/withdraw") is None
    assert two.path_params(row, "/api/elsewhere") == {}


def test_a_price_by_the_value_of_a_parameter(two: Table) -> None:
    [cost] = two.exact["GET", "/api/orders"].costs
    assert [units(cost, params) for params in ({"kind": "stop"}, {"kind": "limit"}, {})] == [3, 1, 1]
