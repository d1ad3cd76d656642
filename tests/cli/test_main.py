"""The commands: what they print, how they exit, and the daemon as a process."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from proxy import __version__

Ordergate = Callable[..., Result]
TOKEN = {"X-Ordergate-Token": "dummy-token-grid"}
SECRETS = ("dummy-token-grid", "dummy-key-canary", "dummy-secret-canary")
ACCOUNT, ORDER = "/desk/api/v3/account", "/desk/api/v3/order?symbol=BTCUSDT"


# Commands that only print


def test_version(ordergate: Ordergate) -> None:
    assert ordergate("version").output == f"{__version__}\n"
    assert __version__ in ordergate("--version").output


def test_it_runs_as_a_module() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "version"], cwd=root, capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_check_for_people(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("check", "-c", folder.write())
    assert result.exit_code == 0
    for text in (
        "account desk",
        "key desk/main",
        "binance, 1 keys (main)",
        "address 127.0.0.1",
        "can be bound",
        "bot grid",
        "state_dir",
    ):
        assert text in result.stdout
    assert "all 5 checks passed" in result.stdout


def test_check_for_programs(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("check", "--json", "-c", folder.write())
    rows = json.loads(result.stdout)
    assert [row["what"] for row in rows] == [
        "account desk",
        "key desk/main",
        "address 127.0.0.1",
        "bot grid",
        "state_dir",
    ]
    assert all(row["ok"] for row in rows)
    assert result.exit_code == 0


def test_check_names_an_address_that_this_host_lacks(ordergate: Ordergate, folder: Any) -> None:
    file = folder.write(addresses="127.0.0.1, 203.0.113.9")
    result = ordergate("check", "-c", file)
    assert result.exit_code == 1
    assert "address 203.0.113.9 is not on this host" in result.stdout
    assert "1 of 6 checks failed" in result.stdout
    result = ordergate("check", "-c", file, "--json")
    assert result.exit_code == 1
    assert [row["what"] for row in json.loads(result.stdout) if not row["ok"]] == ["address 203.0.113.9"]


def test_brackets_in_a_path_are_no_markup(ordergate: Ordergate, tmp_path: Path, folder: Any) -> None:
    folder.file = tmp_path / "[red]" / "ordergate.yaml"
    folder.file.parent.mkdir()
    assert "[red]/state" in ordergate("check", "-c", folder.write()).stdout.replace("\n", "")


@pytest.mark.parametrize("command", ["check", "run", "urls"])
def test_all_complaints_at_once_with_their_places(ordergate: Ordergate, folder: Any, command: str) -> None:
    file = folder.write(more="    tier: []\n    color: dummy-secret-canary\n")
    file.write_text(file.read_text().replace("allow: [public, read, place]", "allow: [everything]"))
    result = ordergate(command, *(["desk"] if command == "urls" else []), "-c", file)
    assert result.exit_code == 2
    assert result.stdout == ""
    rows = result.stderr.splitlines()
    assert [re.sub(rf"ordergate: {re.escape(str(file))}:(\d+): ([^:]+): .*", r"\1 \2", row) for row in rows] == [
        "8 bots.grid.allow.0",
        "16 accounts.desk.tier",
        "17 accounts.desk",
    ]


def test_what_only_the_exchanges_table_can_tell(ordergate: Ordergate, folder: Any) -> None:
    file = folder.write(more='    tier: pro\n    limits: {weight_9m: 1}\n    deny: ["POST /api/v3/nothing"]\n')
    result = ordergate("check", "-c", file)
    assert result.exit_code == 2
    places = ["accounts.desk.tier", "accounts.desk.limits.weight_9m", "accounts.desk.deny"]
    rows = result.stderr.splitlines()
    assert len(rows) == 3
    for row, place in zip(rows, places, strict=True):
        assert row.startswith(f"ordergate: {file}") and place in row


def test_no_configuration(ordergate: Ordergate, tmp_path: Path) -> None:
    result = ordergate("check", "-c", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert str(tmp_path / "none.yaml") in result.stderr


def test_urls_for_people(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("urls", "desk", "-c", folder.write(listen="127.0.0.1:8799"))
    assert result.exit_code == 0
    assert "ccxt" in result.stdout
    assert "exchange = ccxt.binance({'apiKey': '<token>'" in result.stdout
    assert "'public': 'http://127.0.0.1:8799/~<token>/desk/api.binance.com/api/v3'" in result.stdout


def test_urls_for_programs(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("urls", "desk", "--json", "-c", folder.write(listen="127.0.0.1:8799"))
    rows = json.loads(result.stdout)
    futures = ["ccxt (USD-M)", "ccxt (COIN-M)", "python-binance", "python-binance (futures)"]
    assert list(rows) == ["any client", "ccxt", *futures, "curl"]
    assert all("http://127.0.0.1:8799/" in text for text in rows.values())


def test_urls_of_nobody(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("urls", "dusk", "-c", folder.write())
    assert result.exit_code == 2
    assert "no account is called 'dusk'; there are: desk" in result.stderr


# The daemon as a process


def ask(place: tuple[str, int], method: str, target: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection(*place, timeout=15)
    try:
        connection.request(method, target, headers=TOKEN)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def test_run_is_ready_and_answers_what_is_under_way_at_the_end(start: Any, folder: Any, exchange: Any) -> None:
    process = start("run", "-c", str(folder.write(upstream=exchange.port)))
    place = process.ready()
    exchange.may_answer.clear()
    answers: list[tuple[int, dict[str, str]]] = []
    bot = threading.Thread(target=lambda: answers.append(ask(place, "POST", ORDER)))
    bot.start()
    assert exchange.arrived.acquire(timeout=15)
    process.signal(signal.SIGTERM)
    assert process.told() == {"STOPPING": "1"}
    assert process.popen.poll() is None
    exchange.may_answer.set()
    bot.join(15)
    status, out, err = process.end()
    assert answers[0][0] == 200
    assert answers[0][1]["x-ordergate-outcome"] == "executed"
    assert (status, out) == (0, "")
    assert "bots on 127.0.0.1:" in err and "ending" in err
    assert "Traceback" not in err and not any(secret in err for secret in SECRETS)


def test_the_watchdog_is_answered_while_calls_are_drained(
    start: Any, folder: Any, exchange: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the service manager would abort the daemon with an order under way."""
    monkeypatch.setenv("WATCHDOG_USEC", "150000")
    process = start("run", "-c", str(folder.write(upstream=exchange.port)))
    place = process.ready()
    exchange.may_answer.clear()
    answers: list[tuple[int, dict[str, str]]] = []
    bot = threading.Thread(target=lambda: answers.append(ask(place, "POST", ORDER)))
    bot.start()
    assert exchange.arrived.acquire(timeout=15)
    process.signal(signal.SIGTERM)
    while process.told() != {"STOPPING": "1"}:
        pass
    assert [process.told() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3
    exchange.may_answer.set()
    bot.join(15)
    assert process.end()[0] == 0
    assert answers[0][0] == 200


def test_run_ends_by_control_c_and_takes_no_harm_from_a_hangup(start: Any, folder: Any, exchange: Any) -> None:
    process = start("run", "-c", str(folder.write(upstream=exchange.port)), "--log-level", "warning")
    place = process.ready()
    process.signal(signal.SIGHUP)
    assert ask(place, "GET", ACCOUNT)[0] == 200
    process.signal(signal.SIGINT)
    status, _, err = process.end()
    assert status == 0
    assert "SIGHUP" in err and "bots on" not in err


def test_run_never_replaces_an_address_that_is_missing(start: Any, folder: Any, exchange: Any) -> None:
    process = start("run", "-c", str(folder.write(addresses="127.0.0.1, 203.0.113.9", upstream=exchange.port)))
    place = process.ready()
    for _ in range(4):
        status, headers = ask(place, "GET", ACCOUNT)
        assert (status, headers["x-ordergate-address"], headers["x-ordergate-attempts"]) == (200, "127.0.0.1", "1")
    process.signal()
    status, _, err = process.end()
    assert status == 0
    assert err.count("out of service: address 203.0.113.9 is not on this host") == 1
    assert set(exchange.sources) == {"127.0.0.1"}


def test_run_without_any_address(ordergate: Ordergate, folder: Any) -> None:
    result = ordergate("run", "-c", folder.write(addresses="203.0.113.9"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no key has an address that this host has" in result.stderr


@pytest.mark.parametrize("listener", ["listen", "admin"])
def test_run_with_a_port_in_use(start: Any, folder: Any, listener: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        process = start("run", "-c", str(folder.write(**{listener: place})))
        status, out, err = process.end()
    assert (status, out) == (1, "")
    last = err.splitlines()[-1]
    assert last.startswith("ordergate: cannot listen: ") and "in use" in last.lower()
    assert place.rpartition(":")[2] in last
    assert "Traceback" not in err


def test_run_with_a_folder_that_cannot_be_made(ordergate: Ordergate, folder: Any) -> None:
    file = folder.write()
    (folder.path / "state").write_text("not a folder")
    result = ordergate("run", "-c", file)
    assert result.exit_code == 2
    assert "state_dir: " in result.stderr


def test_simulate_prints_what_to_use_and_serves(start: Any) -> None:
    process = start("simulate", "--port", "0")
    text = ""
    while "Ctrl-C ends" not in text:
        text += process.line()
    found = re.search(r"binance-demo +binance: spot at http://127\.0\.0\.1:(\d+)", text)
    assert (
        found and "cryptocom-demo" in text and "kraken-demo" in text and "control (faults, ledger) at http://" in text
    )
    assert "key dummy-key-binance-demo-1  secret dummy-secret-binance-demo-1" in text
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=15)
    connection.request("GET", "/api/v3/time")
    assert "serverTime" in json.load(connection.getresponse())
    connection.close()
    process.signal()
    assert process.end()[0] == 0


def test_simulate_with_a_port_in_use(ordergate: Ordergate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = ordergate("simulate", "--port", other.getsockname()[1])
    assert result.exit_code == 1
    assert result.stderr.startswith("ordergate: cannot listen: ") and "in use" in result.stderr.lower()


@pytest.mark.parametrize(
    "text", ["", "[]", "accounts: 5", "colour: red", "accounts: [{exchange: nobody, name: a}]", "a: ["]
)
def test_simulate_with_a_file_that_cannot_be_used(ordergate: Ordergate, tmp_path: Path, text: str) -> None:
    file = tmp_path / "sim.yaml"
    file.write_text(text)
    result = ordergate("simulate", "--file", file)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"ordergate: {file}: ")


def test_the_demo_ends_by_itself_and_its_books_agree(start: Any) -> None:
    process = start("demo", "--seconds", "3", "--json")
    status, out, err = process.end()
    assert status == 0, (out, err)
    result = json.loads(out)
    assert result["clean"] is True
    assert [row["account"] for row in result["accounts"]] == ["binance-demo", "cryptocom-demo"]
    for row in result["accounts"]:
        assert row["placed"] == row["executed"] > 0
        assert not (row["failed"] or row["doubled"] or row["lost"] or row["strange"] or row["unknown"])
    assert "status page: http://127.0.0.1:" in err
