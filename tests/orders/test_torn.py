"""The short form of tests/orders/torn.py."""

from pathlib import Path

from tests.orders.torn import torn


def test_torn_logs_leave_a_clean_beginning(tmp_path: Path) -> None:
    found = torn(tmp_path, 60, seed=4)
    assert found.damaged == [] and found.logs == 60
    assert len(set(found.lengths)) > 20 and max(found.lengths) > found.commits // 2
