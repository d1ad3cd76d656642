"""The `capacity` command: what it prints, and that the daemon logs the same when it starts."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from proxy.capacity import capacities
from proxy.cli import daemon as daemon_module
from proxy.cli.build import load_config, pools_of
from proxy.cli.capacity import figure, show
from proxy.cli.daemon import Daemon
from proxy.cli.main import main
from proxy.clock import SystemClock
from proxy.learned import Informed
from proxy.model import CallClass
from tests.fakes import FakeClock

HERE = "127.0.0.1, 127.0.0.2"

CONFIG = """\
listen: ["127.0.0.1:0"]
admin: "127.0.0.1:0"
state_dir: state
accounts:
  binance-main:
    exchange: binance
    addresses: [{addresses}]
    keys:
      first: {{key: {{value: dummy-key-1}}, secret: {{value: dummy-secret-1}}}}
      second: {{key: {{value: dummy-key-2}}, secret: {{value: dummy-secret-2}}}}
    upstream: {{spot: "http://127.0.0.1:9", usdm: "http://127.0.0.1:9", coinm: "http://127.0.0.1:9", portfolio: "http://127.0.0.1:9"}}
  binance-small:
    exchange: binance
    addresses: [127.0.0.2]
    keys:
      only: {{key: {{value: dummy-key-3}}, secret: {{value: dummy-secret-3}}}}
    upstream: {{spot: "http://127.0.0.1:9", usdm: "http://127.0.0.1:9", coinm: "http://127.0.0.1:9", portfolio: "http://127.0.0.1:9"}}
  kraken-main:
    exchange: kraken
    addresses: [127.0.0.1]
    keys:
      first: {{key: {{value: dummy-key-4}}, secret: {{value: ZHVtbXktNA==}}}}
    upstream: "http://127.0.0.1:9"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ordergate.yaml"
    path.write_text(CONFIG.format(addresses=HERE))
    return path


@pytest.fixture
def run(file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def command(*args: str, columns: int = 100) -> Result:
        monkeypatch.setenv("COLUMNS", str(columns))
        return CliRunner().invoke(main, ["capacity", "-c", str(file), *args], catch_exceptions=False)

    return command


def test_for_people(run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 0
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "binance-main (binance): 2 keys, 2 addresses" in rows
    assert "spot read GET …/order 3,000 3,000 +0 +1,500 +0" in rows
    assert "spot place POST …/order 100 600 +0 +0 +600" in rows
    assert "orders_10s: 100/10 s by account 10" in rows
    assert "· +0: orders_10s counts by account, so another key or address adds nothing to orders." in rows
    assert "· 200,000 orders a day at most: orders_1d counts by account." in rows
    assert "· 1 address shared with binance-small: what counts by address is for both together." in rows
    assert "read POST …/OpenOrders 20 30 +30 +0 +30" in rows
    assert "engine: 125, drains 2.34/s by account × symbol 2.34" in rows
    assert "· 1 signed calls in flight at most; another key: +1." in rows
    assert "dummy" not in result.stdout


@pytest.mark.parametrize("columns", [80, 100])
def test_it_fits(run: Callable[..., Result], columns: int) -> None:
    lines = run(columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert not any("… " in line or line.endswith("…") for line in lines)  # no figure is cut off


def test_one_account(run: Callable[..., Result]) -> None:
    text = run("kraken-main").stdout
    assert "kraken-main (kraken): 1 key, 1 address" in text
    assert "binance" not in text


def test_an_unknown_account(run: Callable[..., Result]) -> None:
    result = run("nowhere")
    assert result.exit_code == 2
    assert "no account is called 'nowhere'; there are: binance-main, binance-small, kraken-main" in result.stderr


def test_for_programs(run: Callable[..., Result]) -> None:
    accounts = json.loads(run("--json").stdout)["accounts"]
    assert [a["account"] for a in accounts] == ["binance-main", "binance-small", "kraken-main"]
    main_ = accounts[0]
    assert (main_["keys"], main_["addresses"], main_["addresses_shared"]) == (2, 2, {"binance-small": 1})
    assert main_["addresses_missing"] == []
    assert main_["summary"][0].startswith("binance-main (spot): 2 keys, 2 addresses: public calls")
    place = next(b for b in main_["budgets"] if b["class"] == "place")
    weight = {"limit": "orders_10s", "scope": "account", "per": "", "shape": "fixed", "capacity": 100}
    assert place == {
        "product": "spot",
        "class": "place",
        "endpoint": "POST /api/v3/order",
        "at_once": 100,
        "per_second": 10,
        "per_minute": 600,
        "per_day": 200_000,
        "in_flight": None,
        "limited_by": [{**weight, "window_ms": 10_000, "cost": 1, "kept": 0}],
        "limited_at_once_by": [{**weight, "window_ms": 10_000, "cost": 1, "kept": 0}],
        "limited_per_day_by": [
            {**weight, "limit": "orders_1d", "capacity": 200_000, "window_ms": 86_400_000, "cost": 1, "kept": 0}
        ],
        "one_more": {
            "key": nothing("orders_10s counts by account"),
            "address": nothing("orders_10s counts by account"),
            "sub_account": {
                "at_once": 100,
                "per_second": 10,
                "per_minute": 600,
                "per_day": 200_000,
                "in_flight": None,
                "reason": "",
            },
        },
    }
    kraken = next(b for b in accounts[2]["budgets"] if b["class"] == "place")
    assert kraken["in_flight"] == 1
    assert kraken["one_more"]["key"]["in_flight"] == 1
    assert kraken["limited_by"][0]["per"] == "symbol"


def nothing(reason: str) -> dict[str, object]:
    figures = dict.fromkeys(("at_once", "per_second", "per_minute", "per_day"), 0)
    return {**figures, "in_flight": None, "reason": reason}


@pytest.fixture
def missing_one(file: Path) -> Path:
    """The same with an address that this host does not have."""
    file.write_text(CONFIG.format(addresses=f"{HERE}, 203.0.113.9"))
    return file


@pytest.mark.usefixtures("missing_one")
def test_addresses_that_this_host_lacks_are_named(run: Callable[..., Result]) -> None:
    text = " ".join(run("binance-main").stdout.split())
    assert "Counted, but not on this host now: 1 address (203.0.113.9)." in text
    assert json.loads(run("binance-main", "--json").stdout)["accounts"][0]["addresses_missing"] == ["203.0.113.9"]


def test_an_account_at_a_time_knows_all_others(file: Path) -> None:
    pools = pools_of(load_config(file))
    console = Console(width=100)
    with console.capture() as printed:
        show(console, [Informed(pools["binance-small"])], pools.values())
    assert "1 address shared with binance-main" in printed.get()
    assert len([c for c in capacities(pools["binance-small"]) if c.endpoint.product == "spot"]) == 5


def learned_of(file: Path) -> None:
    """As a daemon would have left it: an hour to go for the coupling."""
    counter = {"key": ["orders_10s", "account", "binance-main", ""], "learned": [50.0, 100.0]}
    state = {"wall_ms": SystemClock().wall_ms(), "coupled": [["kraken-main", "rest", 3600 * 10**9, 3600 * 10**9]]}
    (file.parent / "state").mkdir()
    whole = {"format": 1, "state": {**state, "counters": [counter]}}
    (file.parent / "state" / "ledger.json").write_text(json.dumps(whole))


def test_what_the_daemon_has_learned_counts(run: Callable[..., Result], file: Path) -> None:
    before = json.loads(run("--json").stdout)["accounts"]
    assert {str(row["learned"]) for row in before} == {"{'coupled': [], 'capacities': {}}"}
    assert "has learned" not in run().stdout
    learned_of(file)
    after = {row["account"]: row for row in json.loads(run("--json").stdout)["accounts"]}
    assert after["binance-main"]["learned"] == {"coupled": [], "capacities": {"orders_10s": 50}}
    assert after["kraken-main"]["learned"] == {"coupled": ["rest"], "capacities": {}}
    orders = next(row for row in after["binance-main"]["budgets"] if row["class"] == "place")
    assert orders["per_second"] == 5
    reads = next(row for row in after["kraken-main"]["budgets"] if row["class"] == "read")
    assert reads["limited_by"][0]["scope"] == "account"
    assert reads["one_more"]["key"]["reason"] == "rest counts by account"
    text = " ".join(run().stdout.split())
    assert "As the daemon has learned: orders_10s has a capacity of 50." in text
    assert "As the daemon has learned: rest counts by account, not by key." in text


@pytest.mark.parametrize("text", ["", "{}", "nonsense", '{"format": 1, "state": {"counters": 7, "wall_ms": 1}}'])
def test_a_state_that_cannot_be_read_is_as_none(run: Callable[..., Result], file: Path, text: str) -> None:
    before = run().stdout
    (file.parent / "state").mkdir()
    (file.parent / "state" / "ledger.json").write_text(text)
    assert run().stdout == before


async def test_budgets_stand_in_the_metrics_and_follow_what_they_depend_on(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    daemon = Daemon(load_config(file), clock)
    await daemon.start()

    async def weighed_again() -> None:
        known = daemon.gauges().budgets
        for _ in range(300):  # a thread computes them
            clock.advance(1_000_000_000)
            await asyncio.sleep(0.001)
            if daemon.gauges().budgets is not known:
                return
        raise AssertionError("the budgets stayed as they were")

    try:
        routes = {(row.account, row.call_class): row.routes for row in daemon.gauges().budgets}
        assert routes["binance-main", CallClass.PLACE] == 1
        assert routes["binance-main", CallClass.READ] == 2
        monkeypatch.setattr(daemon_module, "missing", lambda address: "gone" if address == "127.0.0.2" else "")
        await weighed_again()
        routes = {(row.account, row.call_class): row.routes for row in daemon.gauges().budgets}
        assert routes["binance-main", CallClass.READ] == 1
        known = daemon.gauges().budgets
        await daemon._weigh_again()
        assert daemon.gauges().budgets is known  # nothing changed, nothing was computed
        daemon.ledger._counters.couplings.pairs.add(("kraken-main", "rest"))
        await weighed_again()
    finally:
        await daemon.stop(0.0)


async def test_the_daemon_logs_what_its_addresses_give(missing_one: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ordergate")
    daemon = Daemon(load_config(missing_one))
    await daemon.start()
    await daemon.stop(0.0)
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.INFO]
    assert (
        "binance-main (spot): 2 keys, 2 addresses: public calls, reads and amendments x2 by address (weight_1m); "
        "cancels x2 by address (raw_5m); orders x1: keys and addresses add nothing (orders_10s counts by account); "
        "1 address shared with binance-small"
    ) in said
    assert any(text.startswith("kraken-main: 1 key, 1 address: ") for text in said)


@pytest.mark.parametrize(
    ("calls", "text"),
    [(0, "0"), (30_000, "30,000"), (140.4, "140"), (17.55, "17.55"), (35.1, "35.1"), (0.004, "0.004"), (1e999, "∞")],
)
def test_figures(calls: float, text: str) -> None:
    assert figure(calls) == text
