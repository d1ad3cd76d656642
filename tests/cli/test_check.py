"""The findings of `check`."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.cli.build import load_config
from proxy.cli.check import Finding, findings
from proxy.exchanges import EXCHANGES


def test_findings(folder: Any) -> None:
    found = findings(load_config(folder.write(addresses="127.0.0.2, 127.0.0.1")))
    assert [f.what for f in found] == [
        "account desk",
        "key desk/main",
        "address 127.0.0.1",
        "address 127.0.0.2",
        "bot grid",
        "state_dir",
    ]
    assert all(f.ok for f in found)
    assert found[0].text.startswith("binance, 1 keys (main), ")
    assert found[1].text.startswith("2 addresses to list, one text, ',' between them, at: ")
    assert found[4].text == "may place, public, read on desk"
    assert found[5].text == f"{folder.path}/state will be made below {folder.path}"


def test_more_addresses_than_the_exchange_lists(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = EXCHANGES["binance"].table
    assert table.keys is not None
    narrow = replace(table, keys=replace(table.keys, whitelist=replace(table.keys.whitelist, cap=1)))
    monkeypatch.setitem(EXCHANGES, "binance", replace(EXCHANGES["binance"], table=narrow))
    [bad] = [f for f in findings(load_config(folder.write(addresses="127.0.0.2, 127.0.0.1"))) if not f.ok]
    assert bad == Finding("key desk/main", False, "2 addresses, and the exchange lists 1 at most per key")


def test_a_missing_address_is_named(folder: Any) -> None:
    found = findings(load_config(folder.write(addresses="127.0.0.1, 203.0.113.9")))
    bad = [f for f in found if not f.ok]
    assert bad == [Finding("address 203.0.113.9", False, "address 203.0.113.9 is not on this host")]


def test_a_keys_own_addresses_are_looked_at_too(folder: Any) -> None:
    file = folder.write()
    file.write_text(
        file.read_text().replace("dummy-secret-canary}}", "dummy-secret-canary}, addresses: [203.0.113.9]}")
    )
    assert [f.what for f in findings(load_config(file)) if not f.ok] == ["address 203.0.113.9"]


def test_a_state_folder_that_is_there(folder: Any) -> None:
    config = load_config(folder.write())
    config.state_dir.mkdir()
    assert findings(config)[-1] == Finding("state_dir", True, str(config.state_dir))


def test_nothing_shows_a_secret(folder: Any) -> None:
    assert "canary" not in str(findings(load_config(folder.write())))
    assert "dummy-token" not in str(findings(load_config(folder.write())))
