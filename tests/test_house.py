"""The house: imports point down, third parties stay in their rooms, tests mirror files, files stay short."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "proxy"

# A room may import rooms of lower floors, and itself. Rooms of one floor do not know each other.
FLOORS = [
    {"errors", "clock", "model", "timer"},
    {"limits", "exchanges", "answer", "shared_bodies"},
    {"secrets", "retry", "refusals", "exchange_time", "max_flow", "fairness", "order_ages", "order_ids"},
    {"config"},
    {"pool", "lanes"},
    {"dispatch", "capacity"},
    {"egress", "nonces", "ledger_file", "metrics", "preview", "orders"},
    {"stamps", "flights", "own_calls", "order_lines", "waits", "learned", "searches", "holds", "open_ids"},
    {"resolution"},
    {"writes"},
    {"progress"},
    {"gateway"},
    {"ingress", "admin"},
    {"simulator"},
    {"cli"},
    {"__main__"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

THIRD_PARTY = {
    "aiohttp": {"ingress", "admin", "simulator", "cli"},
    "click": {"cli"},
    "cryptography": {"exchanges", "simulator"},
    "httptools": {"egress"},
    "orjson": {"exchanges", "ingress", "admin", "cli", "simulator", "ledger_file", "orders"},
    "prometheus_client": {"metrics"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "rich": {"cli"},
    "uvloop": {"cli"},
    "yaml": {"config", "exchanges", "cli"},
}

# Files without a test file of their own name, and what holds them instead.
UNMIRRORED = {
    "model/answers.py": "records without code",
    "model/calls.py": "records without code",
    "model/limits.py": "records without code",
    "limits/room.py": "the routes and waits of tests/limits/test_ledger.py",
    "limits/routes.py": "the routes and waits of tests/limits/test_ledger.py",
    "limits/takings.py": "the crash margin of tests/test_ledger_file.py, the units of tests/limits/test_counters.py",
    "orders/records.py": "records without code",
    "orders/store.py": "tests/orders/test_journal.py",
    "orders/writer.py": "tests/orders/test_journal.py and test_faults.py",
    "orders/reserve.py": "the full disks of tests/orders/test_faults.py",
    "orders/flight.py": "the repeats of tests/test_writes.py",
    "orders/replay.py": "the repeats of tests/test_writes.py",
    "orders/twins.py": "the orders without a name of tests/test_writes.py",
    "open_ids.py": "the ids of tests/test_writes.py",
    "orders/known.py": "the names in memory of tests/test_writes.py",
    "orders/unknowns.py": "the open outcomes of tests/test_writes.py",
    "orders/listing.py": "tests/admin/test_orders.py",
    "progress.py": "tests/test_gateway.py",
    "timer.py": "the histograms of tests/test_metrics.py",
    "errors.py": "records without code",
    "answer.py": "records without code",
    "__main__.py": "tests/cli/test_main.py runs it",
    "config/records.py": "records without code",
    "config/account.py": "forms; tests/config/test_load.py and test_complaints.py",
    "config/fields.py": "checks of single values; tests/config/test_complaints.py",
    "config/form.py": "forms; tests/config/test_load.py and test_complaints.py",
    "config/model.py": "forms; tests/config/test_load.py and test_schema.py",
    "egress/settings.py": "records without code",
    "exchanges/table_file.py": "tests/exchanges/test_table.py",
    "exchanges/order_looks.py": "the lost writes of tests/exchanges/test_kucoin_lookup.py",
    "exchanges/order_rules.py": "the names of tests/exchanges/test_kucoin_orders.py",
    "exchanges/cryptocom_errors.py": "the table of tests/exchanges/test_cryptocom.py",
    "exchanges/coinbase_errors.py": "the table of tests/exchanges/test_coinbase.py",
    "exchanges/coinbase_orders.py": "the orders of tests/exchanges/test_coinbase_lookup.py",
    "exchanges/htx_errors.py": "the tables of tests/exchanges/test_htx.py",
    "exchanges/poloniex_errors.py": "the table of tests/exchanges/test_poloniex.py",
    "exchanges/poloniex_items.py": "the answers of tests/exchanges/test_poloniex_lookup.py",
    "exchanges/poloniex_orders.py": "the orders of tests/exchanges/test_poloniex_lookup.py",
    "exchanges/binance_futures_items.py": "the lists of tests/exchanges/test_binance_futures_orders.py",
    "exchanges/binance_orders.py": "tests/exchanges/test_orders.py",
    "exchanges/cryptocom_orders.py": "tests/exchanges/test_orders.py",
    "exchanges/kraken_orders.py": "tests/exchanges/test_orders.py",
    "exchanges/gate_orders.py": "tests/exchanges/test_gate.py",
    "exchanges/kraken_errors.py": "the table of tests/exchanges/test_kraken.py",
    "exchanges/binance_ids.py": "tests/exchanges/test_ids.py",
    "exchanges/cryptocom_ids.py": "tests/exchanges/test_ids.py",
    "exchanges/kraken_ids.py": "tests/exchanges/test_ids.py",
    "exchanges/binance_validity.py": "tests/exchanges/test_validity.py",
    "exchanges/kraken_validity.py": "tests/exchanges/test_validity.py",
    "exchanges/binance_lookup.py": "tests/exchanges/test_lookup.py",
    "exchanges/cryptocom_lookup.py": "tests/exchanges/test_lookup.py",
    "exchanges/kraken_lookup.py": "tests/exchanges/test_lookup.py",
    "exchanges/kraken_amended.py": "tests/exchanges/test_amended.py",
    "exchanges/binance_rebuilt.py": "tests/exchanges/test_rebuilt.py",
    "exchanges/cryptocom_rebuilt.py": "tests/exchanges/test_rebuilt.py",
    "exchanges/kraken_rebuilt.py": "tests/exchanges/test_rebuilt.py",
    "exchanges/binance_items.py": "tests/exchanges/test_items.py",
    "exchanges/cryptocom_items.py": "tests/exchanges/test_items.py",
    "exchanges/kraken_items.py": "tests/exchanges/test_items.py",
    "exchanges/okx_errors.py": "the table of tests/exchanges/test_okx.py",
    "exchanges/okx_orders.py": "the orders of tests/exchanges/test_okx.py",
    "exchanges/krakenfutures_errors.py": "the codes of tests/exchanges/test_krakenfutures.py",
    "exchanges/krakenfutures_validity.py": "the deadlines of tests/exchanges/test_krakenfutures.py",
    "exchanges/krakenfutures_items.py": "the batches of tests/exchanges/test_krakenfutures_orders.py",
    "exchanges/krakenfutures_shown.py": "the answers of tests/exchanges/test_krakenfutures_lookup.py",
    "limits/plan.py": "the routes of tests/limits/test_ledger.py",
    "limits/refused.py": "the refusals of tests/limits/test_ledger.py",
    "limits/saved.py": "the file of tests/test_ledger_file.py",
    "limits/snapshot.py": "records without code",
    "limits/window.py": "a protocol",
    "limits/fixed_window.py": "a shape among the others of tests/limits/test_windows.py",
}

FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            if node.module == "proxy":
                yield from (f"proxy.{name.name}" for name in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "proxy":
            other = parts[1] if len(parts) > 1 else ""
            if other in ("", "__version__", room):
                continue
            assert FLOOR_OF[other] < FLOOR_OF[room], f"{room} imports {other}, which is not below it"
            assert room != "simulator", f"the simulator imports {name}"
        elif parts[0] in THIRD_PARTY:
            assert room in THIRD_PARTY[parts[0]], f"{room} imports {parts[0]}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms == set(FLOOR_OF)


def test_tests_mirror_files() -> None:
    missing = []
    for path in FILES:
        relative = path.relative_to(PACKAGE)
        if path.name == "__init__.py" or relative.parts[0] == "simulator" or str(relative) in UNMIRRORED:
            continue
        if not (ROOT / "tests" / relative.with_name(f"test_{relative.name}")).exists():
            missing.append(str(relative))
    assert missing == []


def test_files_stay_short() -> None:
    long = {str(p.relative_to(ROOT)): n for p in FILES if (n := len(p.read_text().splitlines())) > 320}
    assert long == {}


def test_names_say_what_a_file_holds() -> None:
    banned = ("manager", "helper", "utils", "processor", "misc")
    assert [path.name for path in FILES if any(word in path.name for word in banned)] == []


def test_the_top_level_is_fixed() -> None:
    allowed = {"pyproject.toml", "proxy", "config", "tests", "deploy", "README.md", "LICENSE", "CHANGELOG.md"}
    tracked = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert tracked - allowed - {"build", "dist"} == set()
