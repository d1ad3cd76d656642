"""Where `ordergate orders` finds writes. The commands over it: tests/cli/test_orders.py."""

from pathlib import Path

import pytest

from proxy.cli.order_source import FileOrders, NoOrders


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    path.write_text("not a database, but long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(NoOrders, match="cannot be read"):
        FileOrders(path)
    assert path.read_bytes() == before


def test_no_file_is_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(NoOrders, match="no journal"):
        FileOrders(tmp_path / "orders.db")
    assert list(tmp_path.iterdir()) == []
